//! Reports on how voice is heard (RTCP XR, RFC 3611 §5): `a=rtcp-xr:… voip-metrics stat-summary=loss,dup,jitt`.
//!
//! A party that says so asks to be told; each of both asks for itself, so an offer and its answer may differ (§5.2). What is agreed is asked for by both.

use super::attribute::{Attribute, Attributes};
use super::media::MediaSection;
use super::session::SessionDescription;
use super::text::{Text, words};
use router::parameter::{MediaStream, SummaryAsked};

const ATTRIBUTE: &str = "rtcp-xr";
/// The blocks of §4.7.
const VOIP_METRICS: &str = "voip-metrics";
/// The blocks of §4.6, with what is counted.
const STATISTICS: &str = "stat-summary";
/// What is counted: of times to live nothing is.
const LOSS: &str = "loss";
/// See `LOSS`.
const DUPLICATES: &str = "dup";
/// See `LOSS`.
const JITTER: &str = "jitt";

/// What a party asks to be told of how it is heard.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Asked {
    pub(super) metrics: bool,
    pub(super) summary: SummaryAsked,
}

impl Asked {
    /// All that we tell.
    pub(super) const ALL: Self = Self { metrics: true, summary: SummaryAsked::ALL };

    /// By a stream of a peer's.
    pub(super) fn of(stream: &MediaStream) -> Self {
        Self { metrics: stream.voip_metrics, summary: stream.summary }
    }

    /// By a section. Where it says nothing of reports, the session level speaks for it.
    pub(super) fn by(session: &SessionDescription, section: &MediaSection) -> Self {
        asked(&section.attributes).or_else(|| asked(&session.attributes)).unwrap_or_default()
    }

    /// Asks for it.
    pub(super) fn write(self, section: &mut MediaSection) {
        let SummaryAsked { loss, duplicates, jitter } = self.summary;
        let counts = [(loss, LOSS), (duplicates, DUPLICATES), (jitter, JITTER)];
        let counts: Vec<&str> = counts.into_iter().filter(|(is_asked, _)| *is_asked).map(|(_, name)| name).collect();
        let metrics = self.metrics.then(|| VOIP_METRICS.to_owned());
        let summary = (!counts.is_empty()).then(|| format!("{STATISTICS}={}", counts.join(",")));
        let formats: Vec<String> = metrics.into_iter().chain(summary).collect();
        if let Some(value) = Text::new(formats.join(" ")).filter(|value| !value.is_empty()) {
            section.attributes.push(Attribute::value(Text::literal(ATTRIBUTE), value));
        }
    }
}

/// What attributes ask for; `None`: they say nothing of reports.
fn asked(attributes: &Attributes) -> Option<Asked> {
    let mut values = attributes.iter().filter(|attribute| attribute.is(ATTRIBUTE)).peekable();
    values.peek()?;
    let formats = values.filter_map(|attribute| attribute.value.as_ref()).flat_map(|value| words(value.as_bytes()));
    let mut asked = Asked::default();
    for format in formats {
        let (name, counts) = match format.iter().position(|octet| *octet == b'=') {
            Some(at) => (&format[..at], Some(&format[at + 1..])),
            None => (format, None),
        };
        if name.eq_ignore_ascii_case(VOIP_METRICS.as_bytes()) && counts.is_none() {
            asked.metrics = true;
        } else if name.eq_ignore_ascii_case(STATISTICS.as_bytes()) {
            let has = |wanted: &str| match counts {
                Some(counts) => {
                    counts.split(|octet| *octet == b',').any(|count| count.eq_ignore_ascii_case(wanted.as_bytes()))
                }
                // Who names none leaves it to us.
                None => true,
            };
            asked.summary = SummaryAsked { loss: has(LOSS), duplicates: has(DUPLICATES), jitter: has(JITTER) };
        }
    }
    Some(asked)
}

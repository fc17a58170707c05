//! Reports on how voice is heard (RTCP XR, RFC 3611 §5): `a=rtcp-xr:… voip-metrics`.
//!
//! A party that says so asks to be told; each of both asks for itself, so an offer and its answer may differ (§5.2). What is agreed is asked for by both.

use super::attribute::{Attribute, Attributes};
use super::media::MediaSection;
use super::session::SessionDescription;
use super::text::{Text, words};

const ATTRIBUTE: &str = "rtcp-xr";
/// The blocks of §4.7. Of the others none is written here.
const VOIP_METRICS: &str = "voip-metrics";

/// Whether a section asks for metrics of voice. Where it says nothing of reports, the session level speaks for it.
pub(super) fn is_asked_for(session: &SessionDescription, section: &MediaSection) -> bool {
    fn asked(attributes: &Attributes) -> Option<bool> {
        let mut values = attributes.iter().filter(|attribute| attribute.is(ATTRIBUTE)).peekable();
        values.peek()?;
        let mut formats =
            values.filter_map(|attribute| attribute.value.as_ref()).flat_map(|value| words(value.as_bytes()));
        Some(formats.any(|format| format.eq_ignore_ascii_case(VOIP_METRICS.as_bytes())))
    }
    asked(&section.attributes).or_else(|| asked(&session.attributes)).unwrap_or_default()
}

/// Asks for them.
pub(super) fn write(section: &mut MediaSection) {
    section.attributes.push(Attribute::value(Text::literal(ATTRIBUTE), Text::literal(VOIP_METRICS)));
}

//! `tandem ctl records`.

use super::client::{Client, CtlError};
use super::show;
use crate::cli::table::{Table, csv};
use crate::cli::{duration, print};
use crate::clock;
use clap::Args;
use serde_json::{Value, json};

/// Call records.
#[derive(Args, Debug)]
pub(crate) struct Records {
    /// Only those with this number, account or trunk.
    #[arg(long, value_name = "PARTY")]
    party: Option<String>,
    /// Only those that began then or later: 2h (ago), 2026-11-21, or RFC 3339.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only those that began before.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only those that ended so: answered, unanswered, interrupted, open.
    #[arg(long, value_name = "OUTCOME")]
    outcome: Option<String>,
    /// At most so many; with --csv and --json all, unless it is given.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Comma-separated values (RFC 4180), every column.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

/// What people are shown without --limit.
const SHOWN: u32 = 50;

/// The columns of the export: the name, and where the value lies in a record.
const COLUMNS: &[(&str, &str)] = &[
    ("call", "/call"),
    ("origin_kind", "/origin/kind"),
    ("origin", "/origin/name"),
    ("origin_platform", "/origin/platform"),
    ("caller", "/caller/user"),
    ("caller_domain", "/caller/domain"),
    ("caller_name", "/caller/display-name"),
    ("called", "/called/user"),
    ("called_domain", "/called/domain"),
    ("destination", "/destination"),
    ("started", "/started"),
    ("ringing", "/ringing"),
    ("answered", "/answered"),
    ("ended", "/ended"),
    ("talked_s", "/talked-s"),
    ("outcome", "/outcome"),
    ("cause", "/cause/kind"),
    ("cause_q850", "/cause/q850"),
    ("cause_code", "/cause/code"),
    ("ended_by", "/ended-by"),
    ("transferred_from", "/transferred-from"),
    ("transferred_to", "/transferred-to/user"),
    ("transferred_as", "/transferred-as"),
    ("joined_from", "/joined-from"),
    ("caller_verstat", "/caller-signature/verstat"),
    ("caller_attestation", "/caller-signature/attestation"),
    ("caller_origid", "/caller-signature/origid"),
    ("caller_signature_fault", "/caller-signature/fault"),
    ("caller_codec", "/caller-quality/codec"),
    ("caller_packets_received", "/caller-quality/packets-received"),
    ("caller_packets_sent", "/caller-quality/packets-sent"),
    ("caller_packets_lost", "/caller-quality/packets-lost"),
    ("caller_packets_lost_at_peer", "/caller-quality/packets-lost-at-peer"),
    ("caller_packets_repeated_at_peer", "/caller-quality/packets-repeated-at-peer"),
    ("caller_jitter_ms", "/caller-quality/jitter-ms"),
    ("caller_jitter_max_ms", "/caller-quality/jitter-max-ms"),
    ("caller_jitter_at_peer_ms", "/caller-quality/jitter-at-peer-ms"),
    ("caller_jitter_max_at_peer_ms", "/caller-quality/jitter-max-at-peer-ms"),
    ("caller_round_trip_ms", "/caller-quality/round-trip-ms"),
    ("caller_packets_discarded", "/caller-quality/packets-discarded"),
    ("caller_packets_late", "/caller-quality/packets-late"),
    ("caller_mos", "/caller-quality/mos"),
    ("caller_mos_at_peer", "/caller-quality/mos-at-peer"),
    ("caller_srtp", "/caller-quality/srtp"),
    ("called_codec", "/called-quality/codec"),
    ("called_packets_received", "/called-quality/packets-received"),
    ("called_packets_sent", "/called-quality/packets-sent"),
    ("called_packets_lost", "/called-quality/packets-lost"),
    ("called_packets_lost_at_peer", "/called-quality/packets-lost-at-peer"),
    ("called_packets_repeated_at_peer", "/called-quality/packets-repeated-at-peer"),
    ("called_jitter_ms", "/called-quality/jitter-ms"),
    ("called_jitter_max_ms", "/called-quality/jitter-max-ms"),
    ("called_jitter_at_peer_ms", "/called-quality/jitter-at-peer-ms"),
    ("called_jitter_max_at_peer_ms", "/called-quality/jitter-max-at-peer-ms"),
    ("called_round_trip_ms", "/called-quality/round-trip-ms"),
    ("called_packets_discarded", "/called-quality/packets-discarded"),
    ("called_packets_late", "/called-quality/packets-late"),
    ("called_mos", "/called-quality/mos"),
    ("called_mos_at_peer", "/called-quality/mos-at-peer"),
    ("called_srtp", "/called-quality/srtp"),
];

impl Records {
    pub(super) fn run(self, client: &mut Client, json: bool) -> Result<(), CtlError> {
        let now = clock::wall();
        if json && self.csv {
            return Err(CtlError::Configuration("--csv and --json exclude each other".to_owned()));
        }
        let mut body = json!({});
        for (key, value) in [("party", self.party), ("outcome", self.outcome)] {
            if let Some(value) = value {
                body[key] = value.into();
            }
        }
        for (key, value) in [("since", self.since), ("until", self.until)] {
            if let Some(value) = value {
                let moment = duration::moment(&value, now).ok_or_else(|| no_time(key, &value))?;
                body[key] = moment.to_string().into();
            }
        }
        let limit = if self.csv || json { self.limit } else { Some(self.limit.unwrap_or(SHOWN)) };
        let limit = limit.map(|limit| limit as usize);
        if !json && !self.csv {
            print::out(&render(&client.list("records", "search", "records", body, limit)?));
            return Ok(());
        }
        // A store may hold more than memory does: each page is written when it comes.
        let mut export = if json { Export::json() } else { Export::csv() };
        client.pages("records", "search", "records", body, limit, |page| print::out(&export.page(&page)))?;
        print::out(export.end());
        Ok(())
    }
}

fn no_time(key: &str, value: &str) -> CtlError {
    let forms = "2h (so long ago: s, m, h, d), 2026-11-21, 2026-11-21T03:10:00Z, or seconds since 1970";
    CtlError::Configuration(format!("--{key} `{value}` is no time: write {forms}"))
}

fn render(records: &[Value]) -> String {
    let columns =
        ["started (UTC)", "from", "to", "destination", "outcome", "cause", ">talked", ">lost", ">mos", "call"];
    let mut table = Table::new(&columns);
    for record in records {
        let lost = ["caller-quality", "called-quality"].map(|leg| record[leg]["packets-lost"].as_u64().unwrap_or(0));
        table.row([
            show::time(&record["started"]),
            show::party(&record["caller"]),
            show::party(&record["called"]),
            show::text(&record["destination"]),
            show::text(&record["outcome"]),
            show::text(&record["cause"]["kind"]),
            show::seconds(&record["talked-s"]),
            (lost[0] + lost[1]).to_string(),
            worst_opinion(record),
            show::text(&record["call"]),
        ]);
    }
    if records.is_empty() { "no records\n".to_owned() } else { table.render() }
}

/// The least of the opinions of a call, of either side and either way.
fn worst_opinion(record: &Value) -> String {
    let of = |leg: &str| ["mos", "mos-at-peer"].map(|key| record[leg][key].as_f64());
    let all = of("caller-quality").into_iter().chain(of("called-quality")).flatten();
    all.min_by(f64::total_cmp).map_or("-".to_owned(), |worst| format!("{worst:.1}"))
}

/// A text that no spreadsheet takes for a formula: callers choose their names. As OWASP advises (CSV Injection), an apostrophe
/// stands before what begins like one; not before a number that is nothing else (`+49301234`), which computes nothing. Nor does it steer a
/// terminal that shows it: a question mark stands for each control character.
fn plain(text: &str) -> String {
    let text: String = text.chars().map(|one| if one.is_control() { '?' } else { one }).collect();
    let digits = text.strip_prefix('+').unwrap_or_default();
    if !digits.is_empty() && digits.bytes().all(|octet| octet.is_ascii_digit()) {
        return text;
    }
    if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text }
}

/// Records as text for programs, a page at a time.
enum Export {
    /// Lines of RFC 4180; whether the head is to come.
    Csv { head: bool },
    /// One array; whether it is still empty.
    Json { empty: bool },
}

impl Export {
    const fn csv() -> Self {
        Self::Csv { head: true }
    }

    const fn json() -> Self {
        Self::Json { empty: true }
    }

    fn page(&mut self, records: &[Value]) -> String {
        match self {
            Self::Csv { head } => {
                let mut text = if *head { csv(COLUMNS.iter().map(|(name, _)| *name)) } else { String::new() };
                *head = false;
                records.iter().for_each(|record| text.push_str(&row(record)));
                text
            }
            Self::Json { empty } => {
                let mut text = String::new();
                for record in records {
                    text.push_str(if *empty { "[\n  " } else { ",\n  " });
                    text.push_str(&format!("{record:#}").replace('\n', "\n  "));
                    *empty = false;
                }
                text
            }
        }
    }

    /// What comes behind the last page.
    const fn end(&self) -> &'static str {
        match self {
            Self::Csv { .. } => "",
            Self::Json { empty: true } => "[]\n",
            Self::Json { empty: false } => "\n]\n",
        }
    }
}

fn row(record: &Value) -> String {
    let cells: Vec<String> = COLUMNS
        .iter()
        .map(|(_, pointer)| match record.pointer(pointer) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => plain(text),
            Some(value) => show::text(value),
        })
        .collect();
    csv(cells.iter().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_has_a_column_for_everything() {
        let record = json!({
            "call": "c1", "origin": { "kind": "account", "name": "alice" },
            "caller": { "user": "alice", "domain": "d", "display-name": "A, B" }, "called": { "user": "bob" },
            "started": "2026-11-21T03:10:00.000Z", "talked-s": 4.5, "outcome": "answered",
            "cause": { "kind": "normal", "q850": 16 }, "caller-quality": { "packets-lost": 2 },
        });
        let text = Export::csv().page(std::slice::from_ref(&record));
        let mut lines = text.lines();
        assert_eq!(lines.next().unwrap().split(',').count(), COLUMNS.len());
        assert!(
            lines
                .next()
                .unwrap()
                .starts_with("c1,account,alice,,alice,d,\"A, B\",bob,,,2026-11-21T03:10:00.000Z,,,,4.5,answered")
        );
        assert!(render(&[record]).contains("0:04"));
        for (name, cell) in [
            ("=1+1", "'=1+1"),
            ("+49301", "+49301"),
            ("+49301+1", "'+49301+1"),
            ("+", "'+"),
            ("-1", "'-1"),
            ("@a", "'@a"),
            ("\t=1", "?=1"),
            ("\r=1\n2", "?=1?2"),
            ("\u{1b}[31m1", "?[31m1"),
            ("Zoë, \u{9b}2J", "\"Zoë, ?2J\""),
        ] {
            let record = json!({ "call": "c1", "caller": { "user": name }, "talked-s": -1 });
            let text = Export::csv().page(std::slice::from_ref(&record));
            assert!(text.contains(&format!("\r\nc1,,,,{cell},")) && text.contains(",-1,"), "{text}");
        }
        assert_eq!(render(&[]), "no records\n");
    }

    #[test]
    fn pages_make_one_document() {
        let records: Vec<Value> = (0..5).map(|n| json!({ "call": format!("c{n}"), "cause": { "q850": n } })).collect();
        for size in [1, 2, 5] {
            let (mut lines, mut array) = (Export::csv(), Export::json());
            let (mut text, mut document) = (String::new(), String::new());
            for page in std::iter::once(&[][..]).chain(records.chunks(size)) {
                text.push_str(&lines.page(page));
                document.push_str(&array.page(page));
            }
            (text, document) = (text + lines.end(), document + array.end());
            assert_eq!((text.lines().count(), text.matches("caller_codec").count()), (6, 1));
            assert_eq!(document, format!("{:#}\n", Value::Array(records.clone())), "as if written at once");
        }
        assert_eq!(Export::json().page(&[]) + Export::json().end(), "[]\n");
    }
}

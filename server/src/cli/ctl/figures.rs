//! `tandem ctl calls CALL`: one call that is up, and how its legs sound at this moment.

use super::show;
use crate::cli::table::Table;
use serde_json::Value;

/// The call, and a row for each of its legs.
pub(super) fn render(call: &Value) -> String {
    let mut table = Table::new(&[
        "leg",
        "state",
        "codec",
        ">received",
        ">lost",
        ">late",
        ">jitter ms",
        ">sent",
        ">lost there",
        ">jitter there ms",
        ">round trip ms",
        ">MOS",
        ">MOS there",
        "srtp",
    ]);
    for leg in call["legs"].as_array().map(Vec::as_slice).unwrap_or_default() {
        let quality = &leg["quality"];
        let counts = |name: &str| show::text(&quality[name]);
        let lost = share(&quality["packets-lost"], &quality["packets-received"], true);
        let lost_there = share(&quality["packets-lost-at-peer"], &quality["packets-sent"], false);
        table.row([
            show::text(&leg["peer"]),
            show::text(&leg["state"]),
            counts("codec"),
            counts("packets-received"),
            lost,
            counts("packets-late"),
            tenths(&quality["jitter-ms"]),
            counts("packets-sent"),
            lost_there,
            tenths(&quality["jitter-at-peer-ms"]),
            tenths(&quality["round-trip-ms"]),
            hundredths(&quality["mos"]),
            hundredths(&quality["mos-at-peer"]),
            show::text(&leg["srtp"]),
        ]);
    }
    let (from, to) = (show::party(&call["caller"]), show::party(&call["called"]));
    let (state, since) = (show::text(&call["state"]), show::time(&call["answered"]));
    format!("{}: {from} to {to}, {state}, answered {since} (UTC)\n\n{}", show::text(&call["call"]), table.render())
}

/// So many, and the part that they are of all: `12 (0.8 %)`. What came was sent besides what was lost; what was sent has what was lost among it.
fn share(lost: &Value, others: &Value, beside: bool) -> String {
    match (lost.as_u64(), others.as_u64()) {
        (Some(lost), Some(others)) if lost > 0 => {
            let all = (others + if beside { lost } else { 0 }).max(1);
            format!("{lost} ({:.1} %)", lost as f64 * 100.0 / all as f64)
        }
        _ => show::text(lost),
    }
}

fn tenths(value: &Value) -> String {
    value.as_f64().map_or_else(|| show::text(value), |number| format!("{number:.1}"))
}

fn hundredths(value: &Value) -> String {
    value.as_f64().map_or_else(|| show::text(value), |number| format!("{number:.2}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_leg_is_a_row_with_what_is_known_of_it() {
        let quality = json!({
            "codec": "opus", "packets-received": 990, "packets-lost": 10, "packets-late": 2, "jitter-ms": 1.25, "packets-sent": 1000,
            "packets-lost-at-peer": 50, "jitter-at-peer-ms": 3, "round-trip-ms": 41.6, "mos": 4.2, "mos-at-peer": null,
        });
        let call = json!({
            "call": "c1", "state": "talking", "caller": { "user": "alice" }, "called": { "user": "echo" }, "answered": "2026-11-21T03:10:00.000Z",
            "legs": [{ "peer": "alice", "state": "answered", "srtp": null, "quality": quality }, { "peer": "echo", "state": "answered", "quality": null }],
        });
        let text = render(&call);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "c1: alice to echo, talking, answered 2026-11-21 03:10:00 (UTC)");
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let alice = "alice answered opus 990 10 (1.0 %) 2 1.2 1000 50 (5.0 %) 3.0 41.6 4.20 - -";
        assert_eq!(words(lines[3]), words(alice), "{text}");
        assert_eq!(words(lines[4])[..4], ["echo", "answered", "-", "-"], "{text}");
    }
}

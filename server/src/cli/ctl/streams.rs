//! What has flowed in a call: RTP and what RTCP said of it, as the last rungs of its ladder.

use super::client::{Client, CtlError};
use super::ladder::Message;
use super::show;
use crate::cli::terminal;
use serde_json::{Value, json};

/// The streams of a call that has ended, by its record: of either peer what came from it, and what it said of what it got.
pub(super) fn of_call(client: &mut Client, call: &str, messages: &[Value]) -> Result<Vec<Message>, CtlError> {
    let records = match client.list("records", "search", "records", json!({ "call": call }), Some(1)) {
        // A store that is not there keeps nobody from looking at a call's messages.
        Err(CtlError::Refused { .. }) => return Ok(Vec::new()),
        records => records?,
    };
    Ok(records.first().map_or_else(Vec::new, |record| of_record(record, messages)))
}

fn of_record(record: &Value, messages: &[Value]) -> Vec<Message> {
    if record["ended"].is_null() {
        return Vec::new();
    }
    let (caller, called) = peers(messages);
    let sides = [(caller, &record["caller-quality"]), (called, &record["called-quality"])];
    let at = show::clock(&record["ended"]);
    let rungs = sides.into_iter().filter_map(|(peer, quality)| Some((peer?, quality)));
    rungs.flat_map(|(peer, quality)| of_leg(&at, &peer, quality)).collect()
}

/// Where the caller and who was called are: who sent the first INVITE, and who answered one of ours last.
fn peers(messages: &[Value]) -> (Option<String>, Option<String>) {
    let begins = |message: &Value, with: &str| message["message"].as_str().is_some_and(|text| text.starts_with(with));
    let peer = |message: &Value| message["remote"].as_str().map(terminal::plain);
    let is_received = |message: &&Value| message["direction"] == "received";
    let caller = messages.iter().filter(is_received).find(|message| begins(message, "INVITE ")).and_then(peer);
    let answers = messages.iter().filter(is_received).filter(|message| {
        begins(message, "SIP/2.0 200") && message["message"].as_str().is_some_and(|text| text.contains(" INVITE"))
    });
    let called = answers.filter_map(peer).find(|peer| Some(peer) != caller.as_ref());
    (caller, called)
}

fn of_leg(at: &str, peer: &str, quality: &Value) -> Vec<Message> {
    let rung = |received: bool, label: String| Message { at: at.to_owned(), received, remote: peer.to_owned(), label };
    let number = |key: &str| quality[key].as_u64().unwrap_or_default();
    let millis = |key: &str| quality[key].as_f64().map(|millis| format!("{millis:.1} ms"));
    let codec = terminal::plain(quality["codec"].as_str().unwrap_or("?"));
    let mut rungs = Vec::new();
    if number("packets-received") > 0 {
        let jitter = millis("jitter-ms").unwrap_or_default();
        let lost = number("packets-lost");
        rungs.push(rung(true, format!("RTP {codec}: {}, {lost} lost, {jitter}", number("packets-received"))));
    }
    if number("packets-sent") > 0 {
        let mut label = format!("RTP {codec}: {}", number("packets-sent"));
        // What its reports said.
        if let Some(jitter) = millis("jitter-at-peer-ms") {
            label.push_str(&format!(", RTCP: {} lost, {jitter}", number("packets-lost-at-peer")));
        }
        rungs.push(rung(false, label));
    }
    rungs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(direction: &str, remote: &str, text: &str) -> Value {
        json!({ "direction": direction, "remote": remote, "message": text })
    }

    #[test]
    fn either_leg_has_its_streams() {
        let messages = [
            message("received", "1.1.1.1:5060", "INVITE sip:b@h SIP/2.0\r\n"),
            message("sent", "2.2.2.2:5060", "INVITE sip:b@h SIP/2.0\r\n"),
            message("received", "3.3.3.3:5060", "SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n"),
            message("sent", "1.1.1.1:5060", "SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n"),
        ];
        let quality = json!({ "codec": "PCMU", "packets-received": 500, "packets-lost": 2, "jitter-ms": 0.44,
            "packets-sent": 498, "jitter-at-peer-ms": 1.0, "packets-lost-at-peer": 3 });
        let silent = json!({ "codec": "PCMU", "packets-received": 0, "packets-sent": 498 });
        let record =
            json!({ "ended": "2026-11-21T03:10:09.120Z", "caller-quality": quality, "called-quality": silent });
        let rungs = of_record(&record, &messages);
        let told: Vec<(&str, bool, &str)> =
            rungs.iter().map(|rung| (rung.remote.as_str(), rung.received, rung.label.as_str())).collect();
        assert_eq!(
            told,
            [
                ("1.1.1.1:5060", true, "RTP PCMU: 500, 2 lost, 0.4 ms"),
                ("1.1.1.1:5060", false, "RTP PCMU: 498, RTCP: 3 lost, 1.0 ms"),
                ("3.3.3.3:5060", false, "RTP PCMU: 498"),
            ]
        );
        assert_eq!(rungs[0].at, "03:10:09.120");
        assert!(of_record(&json!({ "ended": null }), &messages).is_empty());
    }
}

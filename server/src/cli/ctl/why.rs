//! `tandem ctl why`: what happened to a call and who ended it, in sentences.

use super::call_id::{self, Among};
use super::client::{Client, CtlError};
use super::{ladder, show};
use crate::cli::{duration, print, terminal};
use clap::Args;
use router::time::WallTime;
use serde_json::{Value, json};

/// What happened to a call.
#[derive(Args, Debug)]
pub(crate) struct Why {
    /// The call, as `ctl calls` and `ctl records` name it, or the begin of that.
    call: String,
}

/// Messages of a call that are looked at, the last ones.
const MESSAGES: u32 = 200;

impl Why {
    pub(super) fn run(self, client: &mut Client, json: bool) -> Result<(), CtlError> {
        let call = call_id::resolve(client, self.call, Among::Recent)?;
        let mut records = client.list("records", "search", "records", json!({ "call": call }), None)?;
        records.sort_by(|one, other| one["started"].as_str().cmp(&other["started"].as_str()));
        let trace = match client.ask("trace", "get", json!({ "call": call, "limit": MESSAGES })) {
            // Of an older call no message is kept.
            Err(CtlError::Refused { .. }) => Value::Null,
            trace => trace?,
        };
        let messages = trace["messages"].as_array().map_or(&[][..], Vec::as_slice);
        let mut paragraphs: Vec<String> = records.iter().map(conversation).collect();
        if paragraphs.is_empty() {
            let kept = if messages.is_empty() { "" } else { "; of its messages some are kept: see `tandem ctl trace`" };
            return Err(CtlError::Configuration(format!("there is no record of a call {call}{kept}")));
        }
        if let Some(last) = paragraphs.last_mut()
            && let Some(said) = said(messages)
        {
            last.push(' ');
            last.push_str(&said);
        }
        if json {
            let told =
                records.iter().zip(&paragraphs).map(|(record, why)| json!({ "call": record["call"], "why": why }));
            print::line(&format!("{:#}", Value::Array(told.collect())));
        } else {
            print::out(
                &paragraphs.iter().map(|why| format!("{}\n", terminal::plain(why))).collect::<Vec<_>>().join("\n"),
            );
        }
        Ok(())
    }
}

/// What one record says.
fn conversation(record: &Value) -> String {
    [beginning(record), signature(record), middle(record), end(record), sound(record)]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ")
}

fn beginning(record: &Value) -> Option<String> {
    let behalf = match (record["origin"]["kind"].as_str(), record["origin"]["name"].as_str()) {
        (Some(kind), Some(name)) => format!(", let in as {kind} {name}"),
        (Some("control"), None) => ", asked for at the control socket".to_owned(),
        _ => String::new(),
    };
    let from = match (record["transferred-from"].as_str(), record["joined-from"].as_str()) {
        (Some(from), _) => format!(" It goes on from {from}, by a transfer."),
        (None, Some(from)) => format!(" A party came into it from {from}."),
        (None, None) => String::new(),
    };
    Some(format!(
        "{}: {} called {} at {} UTC{behalf}.{from}",
        show::text(&record["call"]),
        show::party(&record["caller"]),
        show::party(&record["called"]),
        show::time(&record["started"]),
    ))
}

/// What was found of the signature that it came with, where somebody looked.
fn signature(record: &Value) -> Option<String> {
    let found = &record["caller-signature"];
    let fault = match found["fault"].as_str() {
        Some("malformed") => "is not written as it has to be",
        Some("unsupported") => "is of a kind that is not known here",
        Some("stale") => "is too old, or of the future",
        Some("no-certificate") => "has a certificate that could not be fetched",
        Some("untrusted") => "has a certificate that no trusted authority answers for, or that is not for this number",
        Some("forged") => "is no signature of what it says",
        Some("other-caller") => "is for another caller's number",
        Some("other-callee") => "is for another called number",
        Some(other) => other,
        None => "does not hold",
    };
    Some(match (found["verstat"].as_str()?, found["attestation"].as_str()) {
        ("TN-Validation-Passed", Some(level)) => {
            format!(
                "The caller's number is signed for with attestation {level} (origid {}).",
                show::text(&found["origid"])
            )
        }
        ("TN-Validation-Passed", None) => "The caller's number is signed for.".to_owned(),
        ("No-TN-Validation", _) => "Nobody signed for the caller's number.".to_owned(),
        _ => format!("The signature of the caller's number {fault}."),
    })
}

fn middle(record: &Value) -> Option<String> {
    let after = |key: &str| Some(seconds(between(&record["started"], &record[key])?));
    let place = record["destination"].as_str().map_or(String::new(), |place| format!(" at {place}"));
    Some(match (after("ringing"), after("answered")) {
        (Some(ringing), Some(answered)) => format!("It rang{place} after {ringing} and was answered after {answered}."),
        (None, Some(answered)) => format!("It was answered{place} after {answered}."),
        (Some(ringing), None) => format!("It rang{place} after {ringing} and was not answered."),
        (None, None) if place.is_empty() => "It reached nobody.".to_owned(),
        (None, None) => format!("It was tried{place}, where nothing rang."),
    })
}

fn end(record: &Value) -> Option<String> {
    if record["outcome"] == "open" {
        return Some(
            if record["answered"].is_null() { "It is not answered yet." } else { "They are talking." }.to_owned(),
        );
    }
    let talked = match record["answered"].is_null() {
        true => format!("after {}", seconds(between(&record["started"], &record["ended"])?)),
        false => format!("after {} of talk", show::seconds(&record["talked-s"])),
    };
    if record["outcome"] == "interrupted" {
        return Some(format!("It was up when this server died; that was {talked} at the earliest."));
    }
    let who = match record["ended-by"].as_str() {
        Some("caller") => "The caller's side",
        Some("called") => "The called side",
        Some("operator") => "An operator, or the server's own shutdown,",
        _ => "The server itself",
    };
    let to = record["transferred-to"].as_object().map_or(String::new(), |_| {
        let followed = record["transferred-as"].as_str().map_or(String::new(), |id| format!(", which became {id}"));
        format!(" It asked for a transfer to {}{followed}.", show::party(&record["transferred-to"]))
    });
    Some(format!("{who} ended it {talked}: {}.{to}", cause(&record["cause"])))
}

/// A cause in words, with the numbers that other systems know it by.
fn cause(cause: &Value) -> String {
    let kind = cause["kind"].as_str().unwrap_or("unknown");
    let words = match kind {
        "normal" => "a normal end",
        "cancelled" => "the caller gave up before an answer",
        "busy" => "the callee is busy",
        "no-answer" => "nobody answered in time",
        "declined" => "the callee declined",
        "unreachable" if cause["code"].is_null() && cause["q850"] == 27 => {
            "the number may be of a platform that is not reached"
        }
        "unreachable" => "the callee is not registered, or silent",
        "unknown-number" => "nobody has that number",
        "forbidden" => "the caller may not do that",
        "incompatible-media" => "the two have no medium or codec in common",
        "congestion" => "no channel, port or other resource was left",
        "too-many-hops" => "it went round in a circle",
        "timeout" => "a peer stopped answering",
        "media-timeout" => "no media came for too long, with neither hold nor silence suppression to explain it",
        "too-long" => "it reached the longest time that is allowed",
        "answered-elsewhere" => "another contact answered",
        "glare" => "two requests crossed",
        "peer-misbehaved" => "the peer broke its protocol",
        "peer-failure" => "the peer has a fault of its own",
        "internal" => "a fault of this server",
        "transferred" => "it was transferred away",
        "administrative" => "an operator or the shutdown ended it",
        "interrupted" => "the server died",
        other => other,
    };
    let mut numbers = Vec::new();
    if let Some(code) = cause["code"].as_u64() {
        let text = cause["text"].as_str().map_or(String::new(), |text| format!(" \"{text}\""));
        numbers.push(format!("SIP {code}{text}"));
    }
    if let Some(q850) = cause["q850"].as_u64() {
        numbers.push(format!("Q.850 {q850}"));
    }
    format!("{words} ({})", numbers.join(", "))
}

/// How it sounded, where anything was sent.
fn sound(record: &Value) -> Option<String> {
    let leg = |leg: &Value, who: &str| {
        let (received, sent) = (leg["packets-received"].as_u64()?, leg["packets-sent"].as_u64()?);
        if received + sent == 0 {
            return None;
        }
        let lost = leg["packets-lost"].as_u64().unwrap_or(0);
        let codec = leg["codec"].as_str().unwrap_or("an unknown codec");
        let expected = received + lost;
        let opinion = leg["mos"].as_f64().map_or(String::new(), |mos| format!(", MOS {mos:.1}"));
        Some(match received {
            0 => format!("nothing came from {who} ({codec}), who was sent {sent} packets"),
            _ => format!(
                "of {expected} packets from {who} ({codec}) {lost} were lost, jitter {} ms{opinion}",
                leg["jitter-ms"]
            ),
        })
    };
    let legs = [leg(&record["caller-quality"], "the caller"), leg(&record["called-quality"], "the called side")];
    let told = legs.into_iter().flatten().collect::<Vec<_>>().join("; ");
    (!told.is_empty()).then(|| format!("Sound: {told}."))
}

/// The last that a peer said of it: a refusal of an INVITE other than a challenge, a CANCEL or a BYE, with its reason where it names one.
fn said(messages: &[Value]) -> Option<String> {
    let received = messages.iter().rev().filter(|message| message["direction"] == "received");
    received.into_iter().find_map(|message| {
        let text = message["message"].as_str()?;
        let first = text.lines().next()?.trim();
        let what = match first.strip_prefix("SIP/2.0 ") {
            Some(status) => {
                let code: u16 = status.split(' ').next()?.parse().ok()?;
                let method = ladder::header(text.lines().skip(1), &["cseq"])?;
                let refusal = code >= 300 && !matches!(code, 401 | 407 | 487) && method.ends_with("INVITE");
                refusal.then(|| format!("answered the INVITE with {status}"))?
            }
            None if first.starts_with("BYE ") => "sent BYE".to_owned(),
            None if first.starts_with("CANCEL ") => "sent CANCEL".to_owned(),
            None => return None,
        };
        let reasons = [("Reason", "reason"), ("Warning", "warning"), ("Retry-After", "retry-after")];
        let reasons: Vec<String> = reasons
            .into_iter()
            .filter_map(|(name, header)| Some(format!("{name}: {}", ladder::header(text.lines().skip(1), &[header])?)))
            .collect();
        let reasons = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join("; ")) };
        Some(format!(
            "On the wire: {} {what} at {}{reasons}.",
            show::text(&message["remote"]),
            show::clock(&message["at"])
        ))
    })
}

/// Seconds between two moments of a record.
fn between(from: &Value, to: &Value) -> Option<f64> {
    let moment = |value: &Value| duration::moment(value.as_str()?, WallTime::default());
    Some((moment(to)?.0 - moment(from)?.0) as f64 / 1e6)
}

fn seconds(seconds: f64) -> String {
    if seconds < 60.0 { format!("{seconds:.1} s") } else { show::seconds(&seconds.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::parameter::{CauseKind, SignatureFault};

    fn record() -> Value {
        json!({
            "call": "c-1", "origin": { "kind": "account", "name": "alice", "platform": null },
            "caller": { "user": "alice", "display-name": "Alice" }, "called": { "user": "100" },
            "destination": "trunk:carrier", "started": "2026-11-21T03:10:00.000Z",
            "ringing": "2026-11-21T03:10:00.400Z", "answered": "2026-11-21T03:10:04.200Z",
            "ended": "2026-11-21T03:14:09.200Z", "talked-s": 245.0, "outcome": "answered",
            "cause": { "kind": "normal", "q850": 16 }, "ended-by": "called",
            "transferred-from": null, "transferred-to": null, "transferred-as": null, "joined-from": null,
            "caller-quality": { "codec": "PCMA", "packets-received": 12_250, "packets-sent": 12_240, "packets-lost": 7, "jitter-ms": 0.5 },
            "called-quality": { "codec": "PCMA", "packets-received": 0, "packets-sent": 12_250, "packets-lost": 0, "jitter-ms": 0.0 },
        })
    }

    #[test]
    fn an_answered_call_is_told_in_four_sentences() {
        assert_eq!(
            conversation(&record()),
            "c-1: alice (Alice) called 100 at 2026-11-21 03:10:00 UTC, let in as account alice. It rang at trunk:carrier after \
             0.4 s and was answered after 4.2 s. The called side ended it after 4:05 of talk: a normal end (Q.850 16). Sound: of \
             12257 packets from the caller (PCMA) 7 were lost, jitter 0.5 ms; nothing came from the called side (PCMA), who was \
             sent 12250 packets."
        );
    }

    #[test]
    fn a_refused_call_names_the_refusal() {
        let mut record = record();
        record["answered"] = Value::Null;
        record["outcome"] = "unanswered".into();
        record["ended"] = "2026-11-21T03:10:02.000Z".into();
        record["cause"] = json!({ "kind": "busy", "q850": 17, "code": 486, "text": "Busy Here" });
        let told = conversation(&record);
        assert!(told.contains("and was not answered. The called side ended it after 2.0 s: the callee is busy (SIP 486 \"Busy Here\", Q.850 17)."), "{told}");
        let message = |direction: &str, message: &str| json!({ "direction": direction, "at": "2026-11-21T03:10:02.000Z", "remote": "192.0.2.9:5060", "message": message });
        let messages = [
            message("received", "SIP/2.0 486 Busy Here\r\nCSeq: 1 INVITE\r\nReason: Q.850;cause=17\r\n\r\n"),
            message("sent", "SIP/2.0 603 Decline\r\nCSeq: 1 INVITE\r\n\r\n"),
            message("received", "SIP/2.0 487 Request Terminated\r\nCSeq: 1 INVITE\r\n\r\n"),
            message("received", "ACK sip:a@b SIP/2.0\r\nCSeq: 1 ACK\r\n\r\n"),
        ];
        assert_eq!(
            said(&messages).unwrap(),
            "On the wire: 192.0.2.9:5060 answered the INVITE with 486 Busy Here at 03:10:02.000 (Reason: Q.850;cause=17)."
        );
        assert_eq!(said(&messages[1..]), None);
    }

    #[test]
    fn who_may_be_at_a_platform_that_is_away_is_told_from_who_is_not_registered() {
        let of = |cause_value: Value| cause(&cause_value);
        let away = of(json!({ "kind": "unreachable", "q850": 27 }));
        assert_eq!(away, "the number may be of a platform that is not reached (Q.850 27)");
        for there in
            [json!({ "kind": "unreachable", "q850": 20 }), json!({ "kind": "unreachable", "q850": 27, "code": 480 })]
        {
            assert!(of(there).starts_with("the callee is not registered, or silent"), "its peer says so");
        }
    }

    #[test]
    fn the_signature_of_the_caller_s_number_is_told_where_somebody_looked() {
        let mut record = record();
        assert_eq!(signature(&record), None);
        record["caller-signature"] = json!({ "verstat": "TN-Validation-Passed", "attestation": "A", "origid": "o-1" });
        assert!(conversation(&record).contains("signed for with attestation A (origid o-1). It rang"), "in its place");
        record["caller-signature"] = json!({ "verstat": "No-TN-Validation" });
        assert_eq!(signature(&record).unwrap(), "Nobody signed for the caller's number.");
        for fault in SignatureFault::ALL {
            record["caller-signature"] = json!({ "verstat": "TN-Validation-Failed", "fault": fault.name() });
            assert!(!signature(&record).unwrap().contains(&format!("number {}", fault.name())), "every one has words");
        }
    }

    #[test]
    fn a_call_that_is_up_and_one_that_was_interrupted() {
        let mut record = record();
        (record["outcome"], record["ended"]) = ("open".into(), Value::Null);
        assert!(conversation(&record).contains("They are talking."));
        (record["outcome"], record["ended"]) = ("interrupted".into(), "2026-11-21T03:14:09.200Z".into());
        assert!(conversation(&record).contains("It was up when this server died"));
        record["transferred-to"] = json!({ "user": "200" });
        (record["outcome"], record["transferred-as"]) = ("answered".into(), "c-1~2".into());
        assert!(conversation(&record).contains("It asked for a transfer to 200, which became c-1~2."));
    }

    #[test]
    fn every_cause_has_words() {
        for kind in CauseKind::ALL {
            let told = cause(&json!({ "kind": kind.name(), "q850": kind.q850() }));
            assert!(!told.starts_with(kind.name()) || kind.name() == "unknown", "{told}");
        }
    }
}

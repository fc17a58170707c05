//! `tandem ctl events`.

use super::client::{Client, CtlError};
use super::show;
use crate::cli::{print, terminal};
use clap::Args;
use serde_json::{Value, json};

/// Follow calls, registrations and platforms.
#[derive(Args, Debug)]
pub(crate) struct Events {
    /// Only those of this number, account or trunk.
    #[arg(long, value_name = "PARTY")]
    party: Option<String>,
}

impl Events {
    pub(super) fn run(self, client: &mut Client, json: bool) -> Result<(), CtlError> {
        let (calls, registrations) = match &self.party {
            Some(party) => (json!({ "party": party }), json!({ "account": party })),
            None => (json!({}), json!({})),
        };
        client.ask("calls", "subscribe", calls.clone())?;
        client.ask("messages", "subscribe", calls)?;
        client.ask("registrations", "subscribe", registrations)?;
        // Platforms come and go for everybody: who follows one party does not want them.
        if self.party.is_none() {
            client.ask("platforms", "subscribe", json!({}))?;
        }
        client.is_patient();
        loop {
            let event = client.line()?;
            if event["kind"] != "event" {
                continue;
            }
            print::line(&if json { event.to_string() } else { render(&event) });
        }
    }
}

fn render(event: &Value) -> String {
    let body = &event["body"];
    let moment = if body["at"].is_null() { &event["timestamp"] } else { &body["at"] };
    let at = show::clock(moment);
    let missed = event["missed"].as_u64().map_or(String::new(), |missed| format!("({missed} events were lost) "));
    let what = show::text(&event["message"]);
    let detail = match event["topic"].as_str() {
        Some("calls") => {
            let cause = body["cause"]["kind"].as_str().map_or(String::new(), |cause| format!(" ({cause})"));
            let key = body["key"].as_str().map_or(String::new(), |key| {
                format!(
                    " {key} by {} ({} ms, {})",
                    show::text(&body["by"]),
                    body["duration-ms"],
                    show::text(&body["form"])
                )
            });
            format!(
                "{} -> {}{cause}{key} {}",
                show::party(&body["caller"]),
                show::party(&body["called"]),
                show::text(&body["call"])
            )
        }
        Some("messages") => {
            let (from, to) = (show::party(&body["from"]), show::party(&body["to"]));
            format!("text {from} -> {to}, {} octets", body["octets"])
        }
        Some("registrations") => {
            let contacts: Vec<String> =
                body["contacts"].as_array().into_iter().flatten().map(|contact| show::text(&contact["uri"])).collect();
            format!("{} {}", show::text(&body["account"]), contacts.join(" "))
        }
        Some("platforms") => {
            let via = body["via"].as_u64().map_or(String::new(), |via| format!(" through {via}"));
            let error = body["last-error"].as_str().filter(|_| body["reachable"] == false);
            let error = error.map_or(String::new(), |error| format!(": {error}"));
            format!("platform {} ({}){via}{error}", show::text(&body["platform"]), show::text(&body["name"]))
        }
        _ => show::text(&event["error"]["text"]),
    };
    let line = format!("{at} {missed}{what:<13} {detail}");
    terminal::plain(line.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_line() {
        let event = json!({
            "topic": "calls", "message": "ended", "kind": "event", "missed": 2,
            "body": { "at": "2026-11-21T03:10:00.120Z", "call": "c1", "caller": { "user": "alice" },
                "called": { "user": "bob\n" }, "cause": { "kind": "busy" } },
        });
        assert_eq!(render(&event), "03:10:00.120 (2 events were lost) ended         alice -> bob? (busy) c1");
        let event = json!({
            "topic": "calls", "message": "key", "kind": "event",
            "body": { "at": "2026-11-21T03:10:00.120Z", "call": "c1", "caller": { "user": "alice" },
                "called": { "user": "bob" }, "key": "#", "duration-ms": 120, "by": "called", "form": "inband" },
        });
        assert_eq!(render(&event), "03:10:00.120 key           alice -> bob # by called (120 ms, inband) c1");
        let event = json!({
            "topic": "platforms", "message": "down", "kind": "event", "timestamp": "2026-11-21T03:10:00.120Z",
            "body": { "platform": 2, "name": "west", "reachable": false, "last-error": "silence" },
        });
        assert_eq!(render(&event), "03:10:00.120 down          platform 2 (west): silence");
    }
}

//! `tandem ctl trace`.

use super::call_id::{self, Among};
use super::client::{Client, CtlError};
use super::follow::Follow;
use super::{ladder, of_number, pcap, streams};
use crate::cli::{print, terminal};
use clap::Args;
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::PathBuf;

/// The last messages.
#[derive(Args, Debug)]
pub(crate) struct Trace {
    /// The call, as `ctl calls` and `ctl records` name it, or the begin of that; without it, all that is kept, a line each.
    call: Option<String>,
    /// The last call of this number or account, as caller or called; its last digits will do. With --live: all of its messages.
    #[arg(long, value_name = "NUMBER", conflicts_with = "call")]
    number: Option<String>,
    /// Messages as they come, a line each, until it is interrupted.
    #[arg(long, conflicts_with_all = ["pcap", "limit"])]
    live: bool,
    /// The messages in full, below each other.
    #[arg(long)]
    full: bool,
    /// Writes them to a capture file, for Wireshark or sngrep.
    #[arg(long, value_name = "FILE", conflicts_with = "full")]
    pcap: Option<PathBuf>,
    /// At most so many, the last ones.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: Option<u32>,
}

impl Trace {
    pub(super) fn run(mut self, client: &mut Client, json: bool) -> Result<(), CtlError> {
        if self.live {
            return self.follow(client, json);
        }
        if let Some(number) = self.number.take() {
            self.call = Some(of_number::last_call(client, &number)?);
        }
        let mut body = json!({});
        let call = self.call.take().map(|call| call_id::resolve(client, call, Among::Recent)).transpose()?;
        if let Some(call) = &call {
            body["call"] = call.as_str().into();
        }
        if let Some(limit) = self.limit {
            body["limit"] = limit.into();
        }
        let reply = client.ask("trace", "get", body)?;
        let messages: Vec<Value> = reply["messages"].as_array().cloned().unwrap_or_default();
        if let Some(file) = &self.pcap {
            let written = std::fs::write(file, pcap::capture(&messages));
            written.map_err(|error| CtlError::Local(format!("{}: {error}", file.display())))?;
            print::line(&format!("{}: {} messages", file.display(), messages.len()));
        } else if json {
            print::line(&format!("{:#}", Value::Array(messages)));
        } else if messages.is_empty() {
            print::line("no messages are kept");
        } else if self.full {
            print::out(&in_full(&messages));
        } else {
            let mut rungs: Vec<_> = messages.iter().filter_map(ladder::Message::read).collect();
            print::out(&match &call {
                Some(call) => {
                    rungs.extend(streams::of_call(client, call, &messages)?);
                    ladder::render(&rungs)
                }
                None => ladder::in_lines(&rungs),
            });
        }
        Ok(())
    }

    /// Messages as they come.
    fn follow(self, client: &mut Client, json: bool) -> Result<(), CtlError> {
        let call = self.call.map(|call| call_id::resolve(client, call, Among::Recent)).transpose()?;
        let mut follow = Follow::new(call, self.number);
        loop {
            let (messages, missed) = follow.next(client)?;
            if missed && !json {
                print::line("... (more came than could be shown)");
            }
            for message in &messages {
                if json {
                    print::line(&message.to_string());
                } else if self.full {
                    print::out(&in_full(std::slice::from_ref(message)));
                } else if let Some(rung) = ladder::Message::read(message) {
                    print::out(&ladder::in_a_line(&rung));
                }
            }
        }
    }
}

fn in_full(messages: &[Value]) -> String {
    let mut text = String::new();
    let word = |value: &Value| value.as_str().unwrap_or("").to_owned();
    for message in messages {
        let arrow = if message["direction"] == "received" { "<-" } else { "->" };
        let (at, transport) = (word(&message["at"]), word(&message["transport"]));
        let (local, remote) = (word(&message["local"]), word(&message["remote"]));
        let _ = writeln!(text, "--- {at} {transport} {local} {arrow} {remote}");
        let printable = word(&message["message"]);
        for line in printable.lines() {
            let _ = writeln!(text, "{}", terminal::plain(line));
        }
        if message["truncated"] == true {
            text.push_str("... (cut)\n");
        }
    }
    text
}

//! `tandem ctl calls`, `call`, `hangup`, `transfer`.

use super::call_id::{self, Among};
use super::client::{Client, CtlError};
use super::{figures, show};
use crate::cli::print;
use crate::cli::table::Table;
use clap::Args;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Calls that are up.
#[derive(Args, Debug)]
pub(crate) struct Calls {
    /// One call alone, as `ctl calls` names it, or the begin of that: how its legs sound at this moment.
    #[arg(conflicts_with_all = ["party", "state", "limit"])]
    call: Option<String>,
    /// Only those with this number, account or trunk.
    #[arg(long, value_name = "PARTY")]
    party: Option<String>,
    /// Only those in this state: routing, ringing, talking, held, transferring.
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

/// A call to make.
#[derive(Args, Debug)]
pub(crate) struct Make {
    /// Rung first: an account or a number.
    from: String,
    /// Called then.
    to: String,
}

/// A call to end.
#[derive(Args, Debug)]
pub(crate) struct Hangup {
    /// The call, as `ctl calls` names it, or the begin of that.
    call: String,
}

/// A party of a call to be sent on.
#[derive(Args, Debug)]
pub(crate) struct Transfer {
    /// The call, as `ctl calls` names it, or the begin of that.
    call: String,
    /// Whither: a number; or with --join, another call, or the begin of its id.
    target: String,
    /// TARGET is a call: both become one, without the party that is in both.
    #[arg(long)]
    join: bool,
    /// In whose name: the account or trunk that leaves. Where it is not said: who was called, or with --join who is in both.
    #[arg(long, value_name = "PARTY")]
    by: Option<String>,
}

impl Calls {
    pub(super) fn run(self, client: &mut Client, json: bool) -> Result<(), CtlError> {
        if let Some(call) = self.call {
            let call = call_id::resolve(client, call, Among::Up)?;
            let answer = client.ask("calls", "get", json!({ "call": call }))?;
            let call = &answer["call"];
            print::out(&if json { format!("{call:#}\n") } else { figures::render(call) });
            return Ok(());
        }
        let mut body = json!({});
        if let Some(party) = self.party {
            body["party"] = party.into();
        }
        if let Some(state) = self.state {
            body["state"] = state.into();
        }
        let calls = client.list("calls", "list", "calls", body, self.limit.map(|limit| limit as usize))?;
        if json {
            print::line(&format!("{:#}", Value::Array(calls)));
            return Ok(());
        }
        let mut columns = vec!["call", "state", "from", "to", "origin", "started (UTC)", "answered (UTC)", "codec"];
        let is_across = calls.iter().any(|call| platforms(call) != "-");
        if is_across {
            columns.push("platforms");
        }
        let mut table = Table::new(&columns);
        for call in &calls {
            let cells = [
                show::text(&call["call"]),
                show::text(&call["state"]),
                show::party(&call["caller"]),
                show::party(&call["called"]),
                show::text(&call["origin"]),
                show::time(&call["started"]),
                show::time(&call["answered"]),
                show::text(&call["codec"]),
            ];
            table.row(cells.into_iter().chain(is_across.then(|| platforms(call))));
        }
        print::out(&if table.len() == 0 { "no calls\n".to_owned() } else { table.render() });
        Ok(())
    }
}

/// The other platforms that a call's legs are at.
fn platforms(call: &Value) -> String {
    let legs = call["legs"].as_array().map(Vec::as_slice).unwrap_or_default();
    let names: BTreeSet<&str> = legs.iter().filter_map(|leg| leg["platform"].as_str()).collect();
    if names.is_empty() { "-".to_owned() } else { names.into_iter().collect::<Vec<_>>().join(" ") }
}

impl Make {
    pub(super) fn run(self, client: &mut Client, json: bool) -> Result<(), CtlError> {
        let body = json!({ "from": self.from, "to": self.to });
        let mut state = String::new();
        let done = client.ask_slowly("calls", "make", body, |step| {
            let now = step["call"]["state"].as_str().unwrap_or("");
            if !json && !now.is_empty() && now != state {
                print::line(now);
                state = now.to_owned();
            }
        })?;
        let call = &done["call"];
        print::line(&if json {
            format!("{done:#}")
        } else {
            format!("{} {}", show::text(&call["state"]), show::text(&call["call"]))
        });
        Ok(())
    }
}

impl Transfer {
    pub(super) fn run(self, client: &mut Client, json: bool) -> Result<(), CtlError> {
        let mut body = json!({ "call": call_id::resolve(client, self.call, Among::Up)? });
        match self.join {
            true => body["with"] = call_id::resolve(client, self.target, Among::Up)?.into(),
            false => body["to"] = self.target.into(),
        }
        if let Some(by) = self.by {
            body["by"] = by.into();
        }
        let done = client.ask_slowly("calls", "transfer", body, |_| ())?;
        print::line(&if json { done.to_string() } else { "transferred".to_owned() });
        Ok(())
    }
}

impl Hangup {
    pub(super) fn run(self, client: &mut Client, json: bool) -> Result<(), CtlError> {
        let call = call_id::resolve(client, self.call, Among::Up)?;
        let done = client.ask("calls", "hangup", json!({ "call": call }))?;
        print::line(&if json { done.to_string() } else { "ended".to_owned() });
        Ok(())
    }
}

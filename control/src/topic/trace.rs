//! The last messages of a call: our own debugger.

use crate::limits::{QUERY_WITHIN, TRACE_MAX};
use crate::protocol::request::bounded;
use crate::protocol::{Code, Problem, Request};
use crate::question::{Action, Question, Recipients, Step, any};
use router::parameter::{Parameter, Selection, TraceDirection, TraceEntry};
use router::time::WallTime;
use router::{Command, ModuleKind, Parameters, Private};
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) const MESSAGES: &[&str] = &["get"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Get {
    call: Option<String>,
    limit: Option<u32>,
}

/// `Query × TraceEntry, Selection` to every signaling module; what they have is put in the order of time, and the last
/// `limit` messages are told. A call of which nothing is kept is no call to us.
pub(super) fn action(request: &Request) -> Result<Action, Problem> {
    let get: Get = request.parameters()?;
    let limit = super::limit(get.limit, TRACE_MAX)?;
    let name = get.call.map(|call| bounded("call", call)).transpose()?;
    let named = name.clone();
    let selection = Selection { name, limit: Some(limit), ..Selection::default() };
    let parameters: Parameters = [Parameter::from(no_message()), selection.into()].into_iter().collect();
    let to = Recipients::Each(ModuleKind::Signaling);
    Ok(Action::Ask(Question::new(to, Command::Query, parameters, QUERY_WITHIN, move |answers| {
        let mut entries: Vec<TraceEntry> = any(answers)?
            .into_iter()
            .flatten()
            .filter_map(|parameter| match parameter {
                Parameter::TraceEntry(entry) => Some(*entry),
                _ => None,
            })
            .collect();
        if let (Some(call), true) = (&named, entries.is_empty()) {
            let text = format!("no such call: no message of `{call}` is kept");
            return Err(Problem::because(Code::NotFound, text));
        }
        entries.sort_by_key(|entry| entry.at);
        let first = entries.len().saturating_sub(limit as usize);
        let messages: Vec<Value> = entries[first..].iter().map(to_json).collect();
        Ok(Step::Done(json!({ "messages": messages })))
    })))
}

/// Stands for "messages" in a question.
fn no_message() -> TraceEntry {
    TraceEntry {
        at: WallTime::default(),
        direction: TraceDirection::Received,
        transport: String::new(),
        local: String::new(),
        remote: Private::default(),
        leg_id: String::new(),
        message: Vec::new(),
        truncated: false,
    }
}

fn to_json(entry: &TraceEntry) -> Value {
    json!({
        "at": entry.at.to_string(),
        "direction": match entry.direction {
            TraceDirection::Received => "received",
            TraceDirection::Sent => "sent",
        },
        "transport": entry.transport,
        "local": entry.local,
        "remote": entry.remote.reveal(),
        "leg": entry.leg_id,
        "message": String::from_utf8_lossy(&entry.message),
        "truncated": entry.truncated,
    })
}

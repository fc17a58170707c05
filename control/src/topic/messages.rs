//! Text messages: sent, and what becomes of them.

use crate::limits::MESSAGE_BYTES;
use crate::protocol::request::bounded;
use crate::protocol::{Code, Problem, Request};
use crate::question::{Action, Feed, Filter, Question, Recipients, Step, only};
use router::parameter::{MessageEvent, MessageFate, Parameter, Party, TextMessage};
use router::time::{Duration, WallTime};
use router::{Command, ModuleKind, Private, one};
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) const MESSAGES: &[&str] = &["send", "subscribe", "unsubscribe"];

/// Longer than the recipient's phones may take, and the store after them.
const WITHIN: Duration = Duration::from_secs(20);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Send {
    from: String,
    to: String,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Follow {
    party: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

pub(super) fn action(request: &Request) -> Result<Action, Problem> {
    Ok(match request.header.message.as_str() {
        "send" => Action::Ask(send(request.parameters()?)?),
        "subscribe" => {
            let party = request.parameters::<Follow>()?.party;
            let party = party.map(|party| bounded("party", party)).transpose()?;
            Action::Follow(Feed::Messages, Filter { party, call: None })
        }
        _ => {
            let Nothing {} = request.parameters()?;
            Action::Unfollow(Feed::Messages)
        }
    })
}

fn send(send: Send) -> Result<Question, Problem> {
    let Send { from, to, text } = send;
    if text.is_empty() || text.len() > MESSAGE_BYTES {
        return Err(Problem::because(Code::Invalid, format!("a text has 1 to {MESSAGE_BYTES} bytes")));
    }
    let message = TextMessage {
        from: Party::new(bounded("from", from)?, ""),
        to: Party::new(bounded("to", to)?, ""),
        content_type: "text/plain;charset=UTF-8".to_owned(),
        body: Private::new(text.into_bytes().into()),
        verified: true,
        ..TextMessage::of_account(None)
    };
    let to = Recipients::Any(ModuleKind::Signaling);
    Ok(Question::new(to, Command::Send, one(message), WITHIN, |answers| {
        let told = only(answers)?.into_iter().find_map(|parameter| match parameter {
            Parameter::MessageEvent(event) => Some(*event),
            _ => None,
        });
        let event = told.ok_or_else(|| Problem::new(Code::Unavailable))?;
        Ok(Step::Done(json!({ "message": event.id, "fate": event.fate.name() })))
    }))
}

/// Stands for "message events" in a subscription.
pub(crate) fn no_event() -> MessageEvent {
    MessageEvent {
        id: String::new(),
        from: Party::default(),
        to: Party::default(),
        octets: 0,
        fate: MessageFate::Delivered,
        at: WallTime::default(),
        missed: false,
    }
}

/// The body of an event.
pub(crate) fn event_to_json(event: &MessageEvent) -> Value {
    json!({
        "message": event.id,
        "from": super::party::party(&event.from),
        "to": super::party::party(&event.to),
        "octets": event.octets,
        "at": event.at.to_string(),
    })
}

/// Whether the filter lets the event pass.
pub(crate) fn matches(filter: &Filter, event: &MessageEvent) -> bool {
    filter.party.as_ref().is_none_or(|party| event.from.user() == party || event.to.user() == party)
}

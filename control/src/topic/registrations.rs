//! Registrations: who is reached where, and news of it.

use super::{page_limit, party};
use crate::limits::QUERY_WITHIN;
use crate::protocol::request::bounded;
use crate::protocol::{Problem, Request};
use crate::question::{Action, Feed, Filter, Gather, Page, Question, Recipients};
use router::parameter::{Parameter, Registration, RegistrationEvent, Selection};
use router::time::WallTime;
use router::{Command, ModuleKind, one};
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) const MESSAGES: &[&str] = &["list", "subscribe", "unsubscribe"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    account: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Follow {
    account: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

pub(super) fn action(request: &Request) -> Result<Action, Problem> {
    Ok(match request.header.message.as_str() {
        "list" => Action::Ask(list(request.parameters()?)?),
        "subscribe" => {
            let account = request.parameters::<Follow>()?.account;
            let party = account.map(|account| bounded("account", account)).transpose()?;
            Action::Follow(Feed::Registrations, Filter { party, call: None })
        }
        _ => {
            let Nothing {} = request.parameters()?;
            Action::Unfollow(Feed::Registrations)
        }
    })
}

/// `Query × Registration, Selection` to one signaling module after the other.
fn list(list: List) -> Result<Question, Problem> {
    Ok(Question {
        to: Recipients::Each(ModuleKind::Signaling),
        command: Command::Query,
        parameters: one(nobody()),
        within: QUERY_WITHIN,
        gather: Gather::Page(Page {
            key: "registrations",
            item: |parameter| match parameter {
                Parameter::Registration(registration) if !registration.contacts.is_empty() => {
                    Some(to_json(registration))
                }
                _ => None,
            },
            selection: Selection {
                name: list.account.map(|account| bounded("account", account)).transpose()?,
                ..Selection::default()
            },
            cursor: list.cursor,
            limit: page_limit(list.limit)?,
        }),
        slow: false,
    })
}

/// Stands for "registrations" in a question.
fn nobody() -> Registration {
    Registration { account: String::new(), contacts: Vec::new() }
}

/// Stands for "registration events" in a subscription.
pub(crate) fn no_event() -> RegistrationEvent {
    RegistrationEvent { registration: nobody(), at: WallTime::default(), missed: false, moved: None }
}

/// An event's message: whether the account is reached now.
pub(crate) fn event_name(event: &RegistrationEvent) -> &'static str {
    if event.registration.contacts.is_empty() { "unregistered" } else { "registered" }
}

/// The body of an event.
pub(crate) fn event_to_json(event: &RegistrationEvent) -> Value {
    let mut json = to_json(&event.registration);
    json["at"] = event.at.to_string().into();
    json
}

/// Whether the filter lets the event pass.
pub(crate) fn matches(filter: &Filter, event: &RegistrationEvent) -> bool {
    filter.party.as_ref().is_none_or(|account| *account == event.registration.account)
}

fn to_json(registration: &Registration) -> Value {
    json!({
        "account": registration.account,
        "contacts": registration.contacts.iter().map(party::contact).collect::<Vec<_>>(),
    })
}

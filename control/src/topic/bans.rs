//! Sources that are shut out since they guessed passwords.

use super::page_limit;
use crate::limits::{CHANGE_WITHIN, QUERY_WITHIN};
use crate::protocol::request::bounded;
use crate::protocol::{Code, Problem, Request};
use crate::question::{Action, Gather, Page, Question, Recipients, Step, any};
use router::parameter::{Ban, Parameter, Selection};
use router::{Command, ModuleKind, one};
use serde::Deserialize;
use serde_json::{Value, json};
use std::net::IpAddr;

pub(super) const MESSAGES: &[&str] = &["list", "lift"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    limit: Option<u32>,
    cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lift {
    source: String,
}

pub(super) fn action(request: &Request) -> Result<Action, Problem> {
    Ok(Action::Ask(match request.header.message.as_str() {
        "lift" => lift(request.parameters()?)?,
        _ => list(request.parameters()?)?,
    }))
}

/// `Query × Ban, Selection` to one signaling module after the other.
fn list(list: List) -> Result<Question, Problem> {
    Ok(Question {
        to: Recipients::Each(ModuleKind::Signaling),
        command: Command::Query,
        parameters: one(Ban::default()),
        within: QUERY_WITHIN,
        gather: Gather::Page(Page {
            key: "bans",
            item: |parameter| match parameter {
                Parameter::Ban(ban) => Some(to_json(ban)),
                _ => None,
            },
            selection: Selection::default(),
            cursor: list.cursor,
            limit: page_limit(list.limit)?,
        }),
        slow: false,
    })
}

/// `Close × Ban` to every signaling module: each has banned it or not.
fn lift(Lift { source }: Lift) -> Result<Question, Problem> {
    let source = bounded("source", source)?;
    let address = source.strip_suffix("/64").unwrap_or(&source);
    if address.parse::<IpAddr>().is_err() {
        return Err(Problem::because(Code::Invalid, "source is an IP address, or a network as the list has it"));
    }
    let ban = Ban { network: source.into(), ..Ban::default() };
    let to = Recipients::Each(ModuleKind::Signaling);
    Ok(Question::new(to, Command::Close, one(ban), CHANGE_WITHIN, |answers| {
        any(answers).map_err(|problem| match problem.code {
            Code::NotFound => Problem::because(Code::NotFound, "that source is not shut out"),
            _ => problem,
        })?;
        Ok(Step::Done(json!({})))
    }))
}

fn to_json(ban: &Ban) -> Value {
    json!({ "source": ban.network.reveal(), "until": ban.until.to_string(), "attempts": ban.attempts })
}

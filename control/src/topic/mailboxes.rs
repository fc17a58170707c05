//! Mailboxes: the light of a telephone that says that messages wait.

use crate::limits::CHANGE_WITHIN;
use crate::protocol::request::bounded;
use crate::protocol::{Code, Problem, Request};
use crate::question::{Action, Question, Recipients, Step, only};
use router::parameter::MessageWaiting;
use router::{Command, ModuleKind, one};
use serde::Deserialize;
use serde_json::json;

pub(super) const MESSAGES: &[&str] = &["set-waiting"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Waiting {
    account: String,
    new: u32,
    #[serde(default)]
    old: u32,
    #[serde(default)]
    urgent_new: u32,
    #[serde(default)]
    urgent_old: u32,
}

/// `Set × MessageWaiting` to any signaling module, which passes it on to the account's home.
pub(super) fn action(request: &Request) -> Result<Action, Problem> {
    let Waiting { account, new, old, urgent_new, urgent_old } = request.parameters()?;
    let account = bounded("account", account)?;
    let waiting = MessageWaiting { account, new, old, urgent_new, urgent_old };
    let to = Recipients::Any(ModuleKind::Signaling);
    Ok(Action::Ask(Question::new(to, Command::Set, one(waiting), CHANGE_WITHIN, |answers| {
        only(answers).map_err(|problem| match problem.code {
            Code::NotFound => Problem::because(Code::NotFound, "there is no such account"),
            _ => problem,
        })?;
        Ok(Step::Done(json!({})))
    })))
}

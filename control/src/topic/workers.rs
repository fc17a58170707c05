//! Media workers.

use super::status;
use crate::limits::QUERY_WITHIN;
use crate::protocol::{Code, Problem, Request};
use crate::question::{Action, Question, Recipients, Step};
use router::{Command, ModuleKind, one};
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) const MESSAGES: &[&str] = &["list"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// `Query × Status` to every worker. One that does not answer is in the list, with the reason.
pub(super) fn action(request: &Request) -> Result<Action, Problem> {
    let Nothing {} = request.parameters()?;
    let to = Recipients::Each(ModuleKind::Voice);
    Ok(Action::Ask(Question::new(to, Command::Query, one(status::question()), QUERY_WITHIN, |answers| {
        let workers: Vec<Value> = answers
            .iter()
            .map(|answer| match answer.result.as_ref().map(status::of) {
                Ok(Some(status)) => status::to_json(status),
                Ok(None) => silent(answer.from.module.to_string(), Code::Internal),
                Err(failure) => silent(answer.from.module.to_string(), Code::of(failure.reason)),
            })
            .collect();
        Ok(Step::Done(json!({ "workers": workers })))
    })))
}

fn silent(module: String, code: Code) -> Value {
    json!({ "module": module, "state": "failed", "error": code.name() })
}

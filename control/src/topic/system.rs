//! The platform as a whole: how it is, and its configuration read anew.

use super::status;
use crate::limits::{QUERY_WITHIN, RELOAD_WITHIN};
use crate::protocol::{Code, Problem, Request};
use crate::question::{Action, Answer, Question, Recipients, Step, only};
use router::parameter::{Extension, Parameter, ResourceKind, ResourceState};
use router::{Command, ModuleKind, one};
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) const MESSAGES: &[&str] = &["status", "reload"];

/// The name of the extension by which the server is asked to read its configuration anew, and reports what came of it (JSON).
pub(crate) const CONFIGURATION: &str = "configuration";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

pub(super) fn action(request: &Request) -> Result<Action, Problem> {
    let Nothing {} = request.parameters()?;
    Ok(Action::Ask(if request.header.message == "reload" { reload() } else { everyone() }))
}

/// `Query × Status` to every module. One that does not answer is listed, and fails nothing.
fn everyone() -> Question {
    Question::new(Recipients::Everyone, Command::Query, one(status::question()), QUERY_WITHIN, |answers| {
        Ok(Step::Done(overview(&answers)))
    })
}

fn overview(answers: &[Answer]) -> Value {
    let mut modules = Vec::new();
    let mut silent = Vec::new();
    let mut worst = ResourceState::Ready;
    let mut draining = false;
    let (mut calls, mut bindings, mut sessions) = (0, 0, 0);
    for answer in answers {
        let status = answer.result.as_ref().ok().and_then(status::of);
        let Some(status) = status else {
            let code = answer.result.as_ref().err().map_or(Code::Internal, |failure| Code::of(failure.reason));
            silent.push(json!({ "module": answer.from.module.to_string(), "error": code.name() }));
            worst = ResourceState::Failed;
            continue;
        };
        for resource in &status.resources {
            match resource.kind {
                ResourceKind::Calls => {
                    calls += resource.used;
                    // calls.max is 1 at least: a switch that may have none is to end.
                    draining |= resource.total == Some(0);
                }
                ResourceKind::Bindings => bindings += resource.used,
                ResourceKind::Sessions => sessions += resource.used,
                _ => {}
            }
        }
        worst = status::worse(worst, status::worst(&status.resources));
        modules.push(status::to_json(status));
    }
    json!({
        "state": if draining { "draining" } else { status::state_name(worst) },
        "calls": calls,
        "registrations": bindings,
        "media-sessions": sessions,
        "modules": modules,
        "silent": silent,
    })
}

/// `Set × Extension` to the server: it answers with a report in JSON.
fn reload() -> Question {
    let extension = Extension { name: CONFIGURATION.to_owned(), bytes: Vec::new() };
    let to = Recipients::Any(ModuleKind::Server);
    Question::new(to, Command::Set, one(extension), RELOAD_WITHIN, |answers| {
        let report = match only(answers)?.first() {
            Some(Parameter::Extension(extension)) => serde_json::from_slice(&extension.bytes).ok(),
            _ => None,
        };
        report.map(Step::Done).ok_or_else(|| Problem::new(Code::Internal))
    })
    .slow()
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::parameter::{Resource, Status};
    use router::{Address, Parameters};

    #[test]
    fn a_platform_that_drains_says_so() {
        let state = |total: u64| {
            let calls = Resource {
                kind: ResourceKind::Calls,
                name: "calls".to_owned(),
                state: ResourceState::Degraded,
                used: 1,
                total: Some(total),
                detail: None,
            };
            let status = Status { resources: vec![calls], ..status::question() };
            let from = Address::local(ModuleKind::Switch, 0);
            overview(&[Answer { from, result: Ok(Parameters::from_iter([Parameter::from(status)])) }])["state"].clone()
        };
        assert_eq!((state(0), state(1)), ("draining".into(), "degraded".into()));
    }
}

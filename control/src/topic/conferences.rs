//! Conferences: which there are, and calls that become some. Who is in one is told by the calls: the peer of their last leg is `conference:NAME`.

use super::no_such_call;
use crate::limits::{MAKE_WITHIN, QUERY_WITHIN};
use crate::protocol::request::bounded;
use crate::protocol::{Code, Problem, Request};
use crate::question::{Action, Question, Recipients, Step, any};
use router::parameter::{Conference, ConferenceName, Conversion, Origin, Parameter, Selection};
use router::time::WallTime;
use router::{Command, ModuleKind, Parameters, one};
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) const MESSAGES: &[&str] = &["list"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// What `calls.conference` asks for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    call: String,
    name: Option<String>,
}

/// A name that stands for all, in a question, and for none that could be used.
fn any_name() -> Result<ConferenceName, Problem> {
    ConferenceName::of("any").ok_or_else(|| Problem::new(Code::Internal))
}

/// `Query × Conference` to every worker.
pub(super) fn action(request: &Request) -> Result<Action, Problem> {
    let Nothing {} = request.parameters()?;
    let asked = Conference { name: any_name()?, members: 0, since: WallTime::default(), packets_late: 0, frames: 0 };
    let to = Recipients::Each(ModuleKind::Voice);
    Ok(Action::Ask(Question::new(to, Command::Query, one(asked), QUERY_WITHIN, |answers| {
        let workers = answers.iter().filter_map(|answer| Some((answer.from, answer.result.as_ref().ok()?)));
        let mut conferences: Vec<(ConferenceName, Value)> = workers
            .flat_map(|(from, told)| told.iter().map(move |one| (from, one)))
            .filter_map(|(from, told)| match told {
                Parameter::Conference(conference) => {
                    Some((conference.name, to_json(conference, from.module.to_string())))
                }
                _ => None,
            })
            .collect();
        conferences.sort_by_key(|(name, _)| *name);
        let conferences: Vec<Value> = conferences.into_iter().map(|(_, told)| told).collect();
        Ok(Step::Done(json!({ "conferences": conferences })))
    })))
}

fn to_json(conference: &Conference, worker: String) -> Value {
    json!({
        "name": conference.name.as_str(),
        "members": conference.members,
        "since": conference.since.to_string(),
        "worker": worker,
        "frames": conference.frames,
        "packets-late": conference.packets_late,
    })
}

/// `Start × Conversion, Selection` to every switch: the one that has the call makes a conference of it.
pub(super) fn conversion(Wanted { call, name }: Wanted) -> Result<Question, Problem> {
    let name = match name {
        Some(name) => {
            let bad = || Problem::because(Code::Invalid, "a conference is named by letters, digits and -_.+*#");
            Some(ConferenceName::room(&bounded("name", name)?).ok_or_else(bad)?)
        }
        None => None,
    };
    let wanted = Conversion { leg: None, origin: Origin::Control, name };
    let selection = Selection { name: Some(bounded("call", call)?), ..Selection::default() };
    let parameters: Parameters = [Parameter::from(wanted), selection.into()].into_iter().collect();
    let to = Recipients::Each(ModuleKind::Switch);
    Ok(Question::new(to, Command::Start, parameters, MAKE_WITHIN, |answers| {
        let answers =
            any(answers).map_err(|problem| if problem.code == Code::NotFound { no_such_call() } else { problem })?;
        let name = answers.iter().flatten().find_map(|parameter| match parameter {
            Parameter::Conversion(converted) => converted.name,
            _ => None,
        });
        Ok(Step::Done(json!({ "name": name.map(|name| name.as_str().to_owned()) })))
    }))
}

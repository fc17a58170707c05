//! Calls: list them, make and end them, follow them.

use super::{conferences, no_such_call, optional_time, page_limit, party, records};
use crate::limits::{CHANGE_WITHIN, MAKE_WITHIN, QUERY_WITHIN};
use crate::protocol::code::cause_to_json;
use crate::protocol::request::bounded;
use crate::protocol::{Code, Problem, Request};
use crate::question::{Action, Feed, Filter, Gather, Page, Question, Recipients, Step, any, only};
use router::parameter::{
    Behalf, CallEvent, CallPhase, CallSummary, LegPhase, LegSummary, Origin, Originate, Parameter, Party, Selection,
    Transfer,
};
use router::time::WallTime;
use router::{Command, ModuleKind, Parameters, one};
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) const MESSAGES: &[&str] =
    &["list", "get", "hangup", "make", "transfer", "conference", "subscribe", "unsubscribe"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    party: Option<String>,
    state: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    call: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Make {
    from: String,
    to: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Send {
    call: String,
    to: Option<String>,
    with: Option<String>,
    by: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Follow {
    party: Option<String>,
    call: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

pub(super) fn action(request: &Request) -> Result<Action, Problem> {
    Ok(match request.header.message.as_str() {
        "list" => Action::Ask(list(request.parameters()?)?),
        "get" => Action::Ask(get(bounded("call", request.parameters::<Named>()?.call)?)),
        "hangup" => Action::Ask(hangup(bounded("call", request.parameters::<Named>()?.call)?)),
        "make" => {
            let Make { from, to } = request.parameters()?;
            Action::Ask(make(bounded("from", from)?, bounded("to", to)?))
        }
        "transfer" => Action::Ask(transfer(request.parameters()?)?),
        "conference" => Action::Ask(conferences::conversion(request.parameters()?)?),
        "subscribe" => {
            let Follow { party, call } = request.parameters()?;
            let party = party.map(|party| bounded("party", party)).transpose()?;
            let call = call.map(|call| bounded("call", call)).transpose()?;
            Action::Follow(Feed::Calls, Filter { party, call })
        }
        _ => {
            let Nothing {} = request.parameters()?;
            Action::Unfollow(Feed::Calls)
        }
    })
}

/// `Query × CallSummary` to one switch after the other.
fn list(list: List) -> Result<Question, Problem> {
    // One that has ended is no call any more.
    let states = UP.map(phase_name);
    if list.state.as_deref().is_some_and(|state| !states.contains(&state)) {
        return Err(Problem::because(Code::Invalid, format!("state is one of {}", states.join(", "))));
    }
    Ok(Question {
        to: Recipients::Each(ModuleKind::Switch),
        command: Command::Query,
        parameters: one(no_call()),
        within: QUERY_WITHIN,
        gather: Gather::Page(Page {
            key: "calls",
            item: |parameter| match parameter {
                Parameter::CallSummary(call) => Some(to_json(call)),
                _ => None,
            },
            selection: Selection {
                party: list.party.map(|party| bounded("party", party)).transpose()?,
                state: list.state,
                ..Selection::default()
            },
            cursor: list.cursor,
            limit: page_limit(list.limit)?,
        }),
        slow: false,
    })
}

/// The one switch that has the call answers it.
fn get(call: String) -> Question {
    let selection = Selection { name: Some(call), ..Selection::default() };
    let parameters: Parameters = [Parameter::from(no_call()), selection.into()].into_iter().collect();
    Question::new(Recipients::Each(ModuleKind::Switch), Command::Query, parameters, QUERY_WITHIN, |answers| match any(
        answers,
    )?
    .iter()
    .flatten()
    .find_map(summary)
    {
        Some(call) => Ok(Step::Done(json!({ "call": to_json(call) }))),
        None => Err(no_such_call()),
    })
}

/// `Stop × Selection` to every switch: the one that has the call ends it.
fn hangup(call: String) -> Question {
    let selection = Selection { name: Some(call), ..Selection::default() };
    Question::new(Recipients::Each(ModuleKind::Switch), Command::Stop, one(selection), CHANGE_WITHIN, |answers| {
        any(answers).map_err(|problem| if problem.code == Code::NotFound { no_such_call() } else { problem })?;
        Ok(Step::Done(json!({})))
    })
}

/// `Start × Originate` to any switch.
fn make(from: String, to: String) -> Question {
    let parameters = one(Originate { from, to });
    Question::new(Recipients::Any(ModuleKind::Switch), Command::Start, parameters, MAKE_WITHIN, |answers| {
        let answer = only(answers)?;
        let call = answer.iter().find_map(summary).map_or(Value::Null, to_json);
        Ok(Step::Done(json!({ "call": call })))
    })
    .slow()
}

/// `Start × Transfer, Selection` to every switch: the one that has the call sends a party of it on.
fn transfer(Send { call, to, with, by }: Send) -> Result<Question, Problem> {
    let by = by.map(|by| bounded("by", by)).transpose()?;
    let (target, other) = match (to, with) {
        (Some(to), None) => (Party::new(bounded("to", to)?, ""), None),
        (None, Some(with)) => {
            let name = Some(bounded("with", with)?);
            (Party::default(), Some(Selection { name, ..Selection::default() }))
        }
        _ => return Err(Problem::because(Code::Invalid, "either `to`, a number, or `with`, another call")),
    };
    let wanted = Transfer { target, phase: LegPhase::Trying, cause: None, referred_by: None };
    let named = Selection { name: Some(bounded("call", call)?), party: by, ..Selection::default() };
    let parameters: Parameters =
        [Parameter::from(wanted), named.into()].into_iter().chain(other.map(Parameter::from)).collect();
    let question =
        Question::new(Recipients::Each(ModuleKind::Switch), Command::Start, parameters, MAKE_WITHIN, |answers| {
            any(answers).map_err(|problem| if problem.code == Code::NotFound { no_such_call() } else { problem })?;
            Ok(Step::Done(json!({})))
        });
    Ok(question.slow())
}

/// The call that an answer carries.
pub(crate) fn summary(parameter: &Parameter) -> Option<&CallSummary> {
    match parameter {
        Parameter::CallSummary(call) => Some(call),
        _ => None,
    }
}

/// Stands for "calls" in a question.
fn no_call() -> CallSummary {
    CallSummary {
        id: String::new(),
        caller: Party::default(),
        called: Party::default(),
        phase: CallPhase::Routing,
        started: WallTime::default(),
        answered: None,
        legs: Vec::new(),
        codec: None,
        origin: None,
        anonymous: false,
        verdict: None,
    }
}

/// Stands for "call events" in a subscription.
pub(crate) fn no_event() -> CallEvent {
    CallEvent { call: no_call(), cause: None, at: WallTime::default(), missed: false, pressed: None, quality: None }
}

/// A call as it stands: parties, state, how it came about, what may be done next.
pub(crate) fn to_json(call: &CallSummary) -> Value {
    let control = call.origin.as_ref().is_some_and(|origin| origin.behalf() == Behalf::Control);
    json!({
        "call": call.id,
        "state": phase_name(call.phase),
        "made-by": if control { "control" } else { "caller" },
        "origin": call.origin.as_ref().map(Origin::name),
        "origin-platform": call.origin.as_ref().and_then(Origin::platform),
        "caller": party::party(&call.caller),
        "called": party::party(&call.called),
        "caller-signature": call.verdict.as_deref().map(records::signature),
        "started": call.started.to_string(),
        "answered": optional_time(call.answered),
        "codec": call.codec,
        "legs": call.legs.iter().map(leg).collect::<Vec<_>>(),
        "actions": actions(call.phase),
    })
}

/// The body of an event: the call after the change, when, and why it ended.
pub(crate) fn event_to_json(event: &CallEvent) -> Value {
    let mut json = to_json(&event.call);
    json["at"] = event.at.to_string().into();
    if let Some(cause) = &event.cause {
        json["cause"] = cause_to_json(cause);
    }
    if let Some(quality) = &event.quality {
        json["caller-quality"] = records::quality(&quality.caller);
        json["called-quality"] = records::quality(&quality.callee);
    }
    if let Some(pressed) = &event.pressed {
        json["key"] = pressed.key.reveal().as_str().into();
        json["duration-ms"] = pressed.duration_ms.into();
        json["by"] = if pressed.by_caller { "caller" } else { "called" }.into();
        json["form"] = pressed.form.name().into();
    }
    json
}

/// The message of a key that was pressed.
pub(crate) const KEY: &str = "key";

/// The message of how a call sounded.
pub(crate) const QUALITY: &str = "quality";

/// An event's message: what changed, from the phase before and the one after; `failed`: a cause is told.
pub(crate) fn event_name(before: Option<CallPhase>, after: CallPhase, failed: bool) -> &'static str {
    match (before, after) {
        (_, CallPhase::Talking | CallPhase::Held) if failed => "transfer-failed",
        (Some(before), after) if before == after => "changed",
        (_, CallPhase::Routing) => "started",
        (_, CallPhase::Ringing) => "ringing",
        (Some(CallPhase::Held), CallPhase::Talking) => "retrieved",
        (Some(CallPhase::Transferring), CallPhase::Talking | CallPhase::Held) => "transferred",
        (_, CallPhase::Talking) => "answered",
        (_, CallPhase::Held) => "held",
        (_, CallPhase::Transferring) => "transferring",
        (_, CallPhase::Ended) => "ended",
    }
}

/// Whether the filter lets the event pass.
pub(crate) fn matches(filter: &Filter, call: &CallSummary) -> bool {
    let of_call = filter.call.as_ref().is_none_or(|id| *id == call.id);
    let of_party = filter.party.as_deref().is_none_or(|party| {
        call.caller.user() == party || call.called.user() == party || call.legs.iter().any(|leg| leg.peer == party)
    });
    of_call && of_party
}

/// What a client may do next with a call.
fn actions(phase: CallPhase) -> &'static [&'static str] {
    match phase {
        CallPhase::Ended => &[],
        CallPhase::Talking | CallPhase::Held => &["hangup", "transfer"],
        CallPhase::Routing | CallPhase::Ringing | CallPhase::Transferring => &["hangup"],
    }
}

/// The phases of a call that is up.
const UP: [CallPhase; 5] =
    [CallPhase::Routing, CallPhase::Ringing, CallPhase::Talking, CallPhase::Held, CallPhase::Transferring];

const fn phase_name(phase: CallPhase) -> &'static str {
    match phase {
        CallPhase::Routing => "routing",
        CallPhase::Ringing => "ringing",
        CallPhase::Talking => "talking",
        CallPhase::Held => "held",
        CallPhase::Transferring => "transferring",
        CallPhase::Ended => "ended",
    }
}

fn leg(leg: &LegSummary) -> Value {
    let phase = match leg.phase {
        LegPhase::Trying => "trying",
        LegPhase::Ringing => "ringing",
        LegPhase::Early => "early",
        LegPhase::Answered => "answered",
        LegPhase::Released => "released",
    };
    json!({
        "leg": leg.leg_id,
        "peer": leg.peer,
        "platform": leg.platform,
        "srtp": leg.suite.map(|suite| suite.name()),
        "state": phase,
        "incoming": leg.incoming,
        "quality": leg.quality.as_deref().map(records::quality),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_named_by_what_changed() {
        use CallPhase::{Ended, Held, Ringing, Routing, Talking, Transferring};
        for (before, after, failed, name) in [
            (None, Routing, false, "started"),
            (Some(Routing), Ringing, false, "ringing"),
            (Some(Ringing), Talking, false, "answered"),
            (Some(Held), Talking, false, "retrieved"),
            (Some(Talking), Talking, false, "changed"),
            (Some(Held), Transferring, false, "transferring"),
            (Some(Transferring), Talking, false, "transferred"),
            (Some(Transferring), Held, false, "transferred"),
            (Some(Transferring), Talking, true, "transfer-failed"),
            (Some(Transferring), Held, true, "transfer-failed"),
            (None, Talking, true, "transfer-failed"),
            (Some(Transferring), Ended, true, "ended"),
            (None, Ended, true, "ended"),
        ] {
            assert_eq!(event_name(before, after, failed), name, "{before:?} {after:?} {failed}");
        }
    }

    #[test]
    fn how_a_call_came_about_is_not_who_talks() {
        // Alice called Bob and sent him on to Carol: his leg is the first that is left, and an outgoing one.
        let call = CallSummary {
            caller: Party::new("bob", "example.org"),
            called: Party::new("carol", "example.org"),
            origin: Some(Origin::Account("alice".into())),
            legs: vec![LegSummary {
                leg_id: "x".into(),
                peer: "bob".into(),
                phase: LegPhase::Answered,
                incoming: false,
                platform: None,
                behalf: None,
                tags: None,
                suite: None,
                quality: None,
            }],
            ..no_call()
        };
        let json = to_json(&call);
        assert_eq!((&json["made-by"], &json["origin"]), (&json!("caller"), &json!("alice")));
        let json = to_json(&CallSummary { origin: Some(Origin::Control), ..call });
        assert_eq!((&json["made-by"], &json["origin"]), (&json!("control"), &json!("control")));
    }

    #[test]
    fn a_filter_looks_at_parties_and_at_who_is_at_the_legs() {
        let call = CallSummary {
            id: "c1".into(),
            caller: Party::new("alice", "example.org"),
            called: Party::new("0301234", "example.org"),
            legs: vec![LegSummary {
                leg_id: "x".into(),
                peer: "carrier".into(),
                phase: LegPhase::Trying,
                incoming: false,
                platform: None,
                behalf: None,
                tags: None,
                suite: None,
                quality: None,
            }],
            ..no_call()
        };
        let of = |party: &str| Filter { party: Some(party.into()), call: None };
        assert!(matches(&Filter::default(), &call));
        assert!(matches(&of("alice"), &call) && matches(&of("0301234"), &call) && matches(&of("carrier"), &call));
        assert!(!matches(&of("bob"), &call));
        assert!(!matches(&Filter { call: Some("c2".into()), party: None }, &call));
    }
}

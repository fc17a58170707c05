//! Trunks: how each stands, and news of them.

use crate::limits::QUERY_WITHIN;
use crate::protocol::request::bounded;
use crate::protocol::{Problem, Request};
use crate::question::{Action, Answer, Feed, Filter, Question, Recipients, Step, any};
use router::parameter::{Parameter, TrunkChange, TrunkEvent, TrunkStatus};
use router::time::WallTime;
use router::{Command, ModuleKind, one};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) const MESSAGES: &[&str] = &["list", "subscribe", "unsubscribe"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Follow {
    trunk: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

pub(super) fn action(request: &Request) -> Result<Action, Problem> {
    Ok(match request.header.message.as_str() {
        "subscribe" => {
            let trunk = request.parameters::<Follow>()?.trunk;
            let trunk = trunk.map(|trunk| bounded("trunk", trunk)).transpose()?;
            Action::Follow(Feed::Trunks, Filter { party: trunk, call: None })
        }
        "unsubscribe" => {
            let Nothing {} = request.parameters()?;
            Action::Unfollow(Feed::Trunks)
        }
        _ => {
            let Nothing {} = request.parameters()?;
            Action::Ask(list())
        }
    })
}

/// Stands for "trunk events" in a subscription.
pub(crate) fn no_event() -> TrunkEvent {
    TrunkEvent {
        name: String::new(),
        change: TrunkChange::InUse,
        seconds: None,
        reason: None,
        address: None,
        at: WallTime::default(),
        missed: false,
    }
}

/// The body of an event.
pub(crate) fn event_to_json(event: &TrunkEvent) -> Value {
    json!({
        "trunk": event.name,
        "seconds": event.seconds,
        "reason": event.reason,
        "address": event.address.as_ref().map(|address| address.reveal()),
        "at": event.at.to_string(),
    })
}

/// Whether the filter lets the event pass.
pub(crate) fn matches(filter: &Filter, event: &TrunkEvent) -> bool {
    filter.party.as_ref().is_none_or(|trunk| *trunk == event.name)
}

/// `Query × TrunkStatus` to every signaling module: each counts its own calls, a trunk's are their sum; and then to every switch,
/// which knows those that do not respond.
fn list() -> Question {
    question(ModuleKind::Signaling, |answers| {
        let mut trunks: BTreeMap<String, TrunkStatus> = BTreeMap::new();
        for parameter in any(answers)?.into_iter().flatten() {
            let Parameter::TrunkStatus(status) = parameter else { continue };
            match trunks.get_mut(&status.name) {
                Some(trunk) => add(trunk, *status),
                None => {
                    trunks.insert(status.name.clone(), *status);
                }
            }
        }
        if trunks.is_empty() {
            return Ok(Step::Done(listing(&trunks)));
        }
        Ok(Step::Ask(question(ModuleKind::Switch, move |answers| {
            // Without a switch that answers, what is known is told.
            for parameter in any(answers).unwrap_or_default().into_iter().flatten() {
                if let Parameter::TrunkStatus(status) = parameter
                    && let Some(trunk) = trunks.get_mut(&status.name)
                {
                    trunk.silent = trunk.silent.max(status.silent);
                    trunk.passed_over_s = trunk.passed_over_s.max(status.passed_over_s);
                    trunk.reason = status.reason.or(trunk.reason.take());
                    // Of several shards the one that has had the fewest answers, and the longest delays.
                    trunk.answered_percent =
                        [trunk.answered_percent, status.answered_percent].into_iter().flatten().min();
                    trunk.delay_ms = trunk.delay_ms.max(status.delay_ms);
                }
            }
            Ok(Step::Done(listing(&trunks)))
        })))
    })
}

fn listing(trunks: &BTreeMap<String, TrunkStatus>) -> Value {
    json!({ "trunks": trunks.values().map(to_json).collect::<Vec<_>>() })
}

fn question(of: ModuleKind, finish: impl FnOnce(Vec<Answer>) -> Result<Step, Problem> + Send + 'static) -> Question {
    Question::new(Recipients::Each(of), Command::Query, one(TrunkStatus::default()), QUERY_WITHIN, finish)
}

fn add(trunk: &mut TrunkStatus, other: TrunkStatus) {
    trunk.calls_in = trunk.calls_in.saturating_add(other.calls_in);
    trunk.calls_out = trunk.calls_out.saturating_add(other.calls_out);
    trunk.offered = trunk.offered.saturating_add(other.offered);
    trunk.answered = trunk.answered.saturating_add(other.answered);
    trunk.failed = trunk.failed.saturating_add(other.failed);
    trunk.limited = [trunk.limited, other.limited].into_iter().flatten().reduce(u64::saturating_add);
    trunk.responds = other.responds.or(trunk.responds);
    trunk.last_failure = other.last_failure.or(trunk.last_failure.take());
    if let Some(registrations) = other.registrations {
        trunk.registrations.get_or_insert_default().extend(registrations);
    }
}

fn to_json(trunk: &TrunkStatus) -> Value {
    let registrations = trunk.registrations.iter().flatten().map(|own| {
        json!({
            "address": own.address.reveal(),
            "state": own.state.name(),
            "kept-s": own.kept_s,
            "next-s": own.next_s,
            "reason": own.reason,
            "flow": own.flow,
            "registrar": own.registrar.as_ref().map(|registrar| registrar.reveal()),
            "service-route": own.service_route.iter().map(|hop| hop.reveal()).collect::<Vec<_>>(),
        })
    });
    json!({
        "trunk": trunk.name,
        "target": trunk.target.reveal(),
        "calls-in": trunk.calls_in,
        "calls-out": trunk.calls_out,
        "offered": trunk.offered,
        "answered": trunk.answered,
        "failed": trunk.failed,
        "last-failure": trunk.last_failure,
        "state": state(trunk),
        "silent": trunk.silent.unwrap_or(0),
        "passed-over-s": trunk.passed_over_s,
        "reason": trunk.reason,
        "limited": trunk.limited.unwrap_or(0),
        "answers-options": trunk.responds,
        "answered-percent": trunk.answered_percent,
        "post-dial-delay-ms": trunk.delay_ms,
        "registrations": registrations.collect::<Vec<_>>(),
    })
}

/// Whether it responds to calls, so far as is known.
fn state(trunk: &TrunkStatus) -> &'static str {
    match (trunk.silent, trunk.passed_over_s) {
        (_, Some(_)) => "passed-over",
        (Some(_), None) => "silent",
        (None, None) => "in-use",
    }
}

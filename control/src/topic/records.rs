//! Call records.

use super::{optional_time, page_limit, party};
use crate::limits::QUERY_WITHIN;
use crate::protocol::code::cause_to_json;
use crate::protocol::request::bounded;
use crate::protocol::time::moment;
use crate::protocol::{Code, Problem, Request};
use crate::question::{Action, Gather, Page, Question, Recipients};
use router::parameter::{
    Attestation, CallRecord, CallerVerdict, CauseKind, LegQuality, Origin, Outcome, Parameter, Party, Selection,
    SignatureFault,
};
use router::time::WallTime;
use router::{Command, ModuleKind, one};
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) const MESSAGES: &[&str] = &["search"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Search {
    call: Option<String>,
    party: Option<String>,
    since: Option<Value>,
    until: Option<Value>,
    outcome: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// `Query × CallRecord, Selection` to the store.
pub(super) fn action(request: &Request) -> Result<Action, Problem> {
    let search: Search = request.parameters()?;
    let outcomes = [Outcome::Open, Outcome::Answered, Outcome::Unanswered, Outcome::Interrupted].map(Outcome::name);
    if search.outcome.as_deref().is_some_and(|outcome| !outcomes.contains(&outcome)) {
        return Err(Problem::because(Code::Invalid, format!("outcome is one of {}", outcomes.join(", "))));
    }
    let selection = Selection {
        name: search.call.map(|call| bounded("call", call)).transpose()?,
        party: search.party.map(|party| bounded("party", party)).transpose()?,
        since: search.since.as_ref().map(|at| moment("since", at)).transpose()?,
        until: search.until.as_ref().map(|at| moment("until", at)).transpose()?,
        state: search.outcome,
        ..Selection::default()
    };
    if matches!((selection.since, selection.until), (Some(since), Some(until)) if since > until) {
        return Err(Problem::because(Code::Invalid, "since lies behind until"));
    }
    Ok(Action::Ask(Question {
        to: Recipients::Each(ModuleKind::Store),
        command: Command::Query,
        parameters: one(no_record()),
        within: QUERY_WITHIN,
        gather: Gather::Page(Page {
            key: "records",
            item: |parameter| match parameter {
                Parameter::CallRecord(record) => Some(to_json(record)),
                _ => None,
            },
            selection,
            cursor: search.cursor,
            limit: page_limit(search.limit)?,
        }),
        slow: false,
    }))
}

/// Stands for "records" in a question.
fn no_record() -> CallRecord {
    CallRecord {
        id: String::new(),
        origin: Origin::Control,
        caller: Party::default(),
        called: Party::default(),
        destination: None,
        started: WallTime::default(),
        ringing: None,
        answered: None,
        ended: None,
        outcome: Outcome::Open,
        cause: None,
        ended_by_caller: None,
        caller_quality: LegQuality::default(),
        callee_quality: LegQuality::default(),
        transferred_from: None,
        transferred_to: None,
        transferred_as: None,
        joined_from: None,
        verdict: None,
    }
}

fn to_json(record: &CallRecord) -> Value {
    let origin = &record.origin;
    let talked = match (record.answered, record.ended) {
        (Some(answered), Some(ended)) => Some(ended.since(answered).as_millis() as f64 / 1000.0),
        _ => None,
    };
    json!({
        "call": record.id,
        "origin": { "kind": origin.behalf().name(), "name": origin.name(), "platform": origin.platform() },
        "caller": party::party(&record.caller),
        "called": party::party(&record.called),
        "destination": record.destination.as_deref(),
        "started": record.started.to_string(),
        "ringing": optional_time(record.ringing),
        "answered": optional_time(record.answered),
        "ended": optional_time(record.ended),
        "talked-s": talked,
        "outcome": record.outcome.name(),
        "cause": record.cause.as_ref().map(cause_to_json),
        "ended-by": match record.ended_by_caller {
            Some(true) => Some("caller"),
            Some(false) => Some("called"),
            None if record.outcome == Outcome::Open || record.outcome == Outcome::Interrupted => None,
            None => match record.cause.as_ref().map(|cause| cause.kind) {
                Some(CauseKind::Administrative) => Some("operator"),
                _ => Some("server"),
            },
        },
        "transferred-from": record.transferred_from,
        "transferred-to": record.transferred_to.as_ref().map(party::party),
        "transferred-as": record.transferred_as,
        "joined-from": record.joined_from,
        "caller-signature": record.verdict.as_deref().map(signature),
        "caller-quality": quality(&record.caller_quality),
        "called-quality": quality(&record.callee_quality),
    })
}

/// What was found of the signature that a call came with.
pub(super) fn signature(verdict: &CallerVerdict) -> Value {
    json!({
        "verstat": verdict.verstat.name(),
        "attestation": verdict.attestation.map(Attestation::letter),
        "origid": verdict.origid.as_deref(),
        "fault": verdict.fault.map(SignatureFault::name),
    })
}

pub(super) fn quality(quality: &LegQuality) -> Value {
    let millis = |micros: u32| f64::from(micros) / 1000.0;
    let opinion = |centi: u16| f64::from(centi) / 100.0;
    json!({
        "codec": quality.codec.as_deref(),
        "packets-received": quality.packets_received,
        "packets-sent": quality.packets_sent,
        "packets-lost": quality.packets_lost,
        "packets-lost-at-peer": quality.packets_lost_at_peer,
        "packets-repeated-at-peer": quality.packets_repeated_at_peer,
        "jitter-ms": millis(quality.jitter_us),
        "jitter-max-ms": quality.jitter_max_us.map(millis),
        "jitter-at-peer-ms": quality.jitter_at_peer_us.map(millis),
        "jitter-max-at-peer-ms": quality.jitter_max_at_peer_us.map(millis),
        "round-trip-ms": quality.round_trip_us.map(millis),
        "packets-discarded": quality.packets_discarded,
        "packets-late": quality.packets_late,
        "mos": quality.mos_centi.map(opinion),
        "mos-at-peer": quality.mos_at_peer_centi.map(opinion),
        "srtp": quality.suite.map(|suite| suite.name()),
    })
}

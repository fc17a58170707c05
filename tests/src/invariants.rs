//! What holds after every scenario, whatever happened in it.
//!
//! - Every call ends in bounded time.
//! - Nothing is left: no leg, transaction, dialog, media session or port, pending request.
//! - Every call has exactly one record, complete, and it says what both ends saw.
//! - Neither end of a call was up for longer than the protocol's time-outs after the other had gone.
//! - Each leg received one continuous RTP timeline, and audio flowed both ways where both ends had agreed to it.

use crate::phone::{Call, Ending, Phone};
use crate::simulation::Simulation;
use router::parameter::{CONVERSATION_MARK, CallPhase, Outcome, ResourceKind};
use router::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

/// Within that time everything ends: three minutes of set-up, and twice the 32 seconds of a transaction.
const END_WITHIN: Duration = Duration::from_secs(300);

/// Until the last transaction has lingered: 64 × T1, T4 and the keep-alives that may be under way.
const LINGER: Duration = Duration::from_secs(180);

/// How much longer than its peer an end of a call may think that it is up where packets are lost: its own BYE or
/// re-INVITE, or the server's, times out after 32 seconds; twice.
const DISAGREEMENT: Duration = Duration::from_secs(70);

/// Checks everything; panics with all that is wrong, and the seed.
pub fn check(simulation: &mut Simulation) {
    let lossless = simulation.network.is_perfect();
    let mut faults = std::mem::take(&mut simulation.faults);
    let ended = simulation.run_until(END_WITHIN, |simulation| simulation.phones().iter().all(Phone::is_idle));
    if !ended {
        faults.push(format!("some calls do not end: {}", live(simulation)));
    }
    simulation.calm();
    simulation.rest();
    nothing_is_left(simulation, &mut faults);
    for phone in simulation.phones() {
        // Who rang when the process died is never told.
        if !simulation.is_restarted(phone.config.server.ip()) {
            phone_is_content(phone, lossless, &mut faults);
        }
    }
    // Where a platform was not told of a call by the other, it has its own word for it.
    let lossless = lossless && simulation.parted_for.is_none();
    let legs = simulation.legs();
    let all_ends = ends_of(simulation, &legs);
    let joined = joined(simulation);
    let handed_away = handed_away(simulation);
    // Whose own platform has them in the call that they began is with those of the call that took it over elsewhere.
    let mut together = all_ends.clone();
    for (own, other) in &handed_away {
        let came = all_ends.get(own).cloned().unwrap_or_default();
        together.entry(other.clone()).or_default().extend(came);
    }
    for index in 0..simulation.platforms() {
        if !simulation.restarted.contains(&index) {
            let legs = simulation.at(index).observer().legs.clone();
            let ends = ends_of(simulation, &legs);
            let mut found = Vec::new();
            records_are_right(simulation, index, (&ends, &all_ends, &joined), lossless, &mut found);
            let of = if simulation.platforms() > 1 { format!("p{}: ", index + 1) } else { String::new() };
            faults.extend(found.into_iter().map(|fault| format!("{of}{fault}")));
        }
    }
    let margin = match simulation.parted_for {
        Some(parted) => DISAGREEMENT + parted,
        None if lossless => simulation.grace,
        None => DISAGREEMENT,
    };
    let observed: Vec<_> =
        (0..simulation.platforms()).map(|index| simulation.at(index).observer().calls.clone()).collect();
    for (id, ends) in &together {
        let calls = || observed.iter().flatten().filter(|(of, _)| of.split(CONVERSATION_MARK).next() == Some(id));
        // Whoever was transferred stays alone with a service.
        if calls().any(|(_, call)| call.with_service) || handed_away.contains_key(id.as_str()) {
            continue;
        }
        // Or waits alone while the target rings.
        let transferred = calls().any(|(_, call)| call.phases.contains(&CallPhase::Transferring));
        ends_agree(id, ends, if transferred { DISAGREEMENT.max(margin) } else { margin }, &mut faults);
    }
    assert!(faults.is_empty(), "seed {}:\n- {}", simulation.seed, faults.join("\n- "));
}

/// What the phones saw of each call, where these are the legs of calls.
fn ends_of(simulation: &Simulation, legs: &BTreeMap<String, String>) -> Ends {
    let mut ends = Ends::new();
    for phone in simulation.phones() {
        for call in phone.calls() {
            if let Some(id) = legs.get(&call.call_id) {
                ends.entry(id.clone()).or_default().push((phone.config.name.clone(), End::of(call)));
            }
        }
    }
    ends
}

/// What the phones saw, by call: each with its name.
type Ends = BTreeMap<String, Vec<(String, End)>>;

/// What is kept of a phone's call for comparison.
#[derive(Clone)]
struct End {
    incoming: bool,
    answered: bool,
    up: Option<router::time::Instant>,
    ended: Option<router::time::Instant>,
    ending: Option<Ending>,
}

impl End {
    fn of(call: &Call) -> Self {
        Self {
            incoming: call.incoming,
            answered: call.was_answered(),
            up: call.up,
            ended: call.ended,
            ending: call.ending,
        }
    }
}

fn live(simulation: &Simulation) -> String {
    let live = simulation.phones().iter().filter(|phone| !phone.is_idle());
    let described = live.map(|phone| {
        let calls: Vec<_> = phone.calls().iter().filter(|call| call.is_live()).map(|call| call.state).collect();
        format!("{} {calls:?}, waiting for {}", phone.config.name, phone.waits_for())
    });
    described.collect::<Vec<_>>().join(", ")
}

/// Every module says that nothing is in use.
fn nothing_is_left(simulation: &mut Simulation, faults: &mut Vec<String>) {
    let mut left = Vec::new();
    let begun = simulation.now().instant;
    while simulation.now().instant.since(begun) < LINGER {
        left = in_use(simulation);
        if left.is_empty() {
            return;
        }
        simulation.run(Duration::from_millis(1_700));
    }
    faults.push(format!("something is left: {}", left.join(", ")));
}

fn in_use(simulation: &mut Simulation) -> Vec<String> {
    (0..simulation.platforms()).flat_map(|index| in_use_at(simulation, index)).collect()
}

fn in_use_at(simulation: &mut Simulation, index: usize) -> Vec<String> {
    let now = simulation.now();
    simulation.at(index).ask_status(now);
    if !simulation.run_until(Duration::from_secs(11), |simulation| simulation.at(index).statuses().is_some()) {
        return vec!["not every module says how it is".to_owned()];
    }
    let mut left = Vec::new();
    let platform = simulation.at(index);
    for (module, status) in platform.statuses().into_iter().flatten() {
        for resource in &status.resources {
            let counts = matches!(
                resource.kind,
                ResourceKind::Calls
                    | ResourceKind::Dialogs
                    | ResourceKind::Transactions
                    | ResourceKind::Sessions
                    | ResourceKind::MediaPorts
            );
            if counts && resource.used > 0 {
                left.push(format!("{module} has {} {:?} ({})", resource.used, resource.kind, resource.name));
            }
        }
    }
    for (module, pending) in platform.pending() {
        if pending > 0 {
            left.push(format!("{module} waits for {pending} answers"));
        }
    }
    if !platform.switches_are_idle() {
        left.push("a switch is not idle".to_owned());
    }
    let workers: Vec<_> = platform.workers().map(|voice| (voice.sessions(), voice.pairs_used())).collect();
    for (sessions, pairs) in workers {
        if sessions + pairs > 0 {
            left.push(format!("a worker has {sessions} sessions and {pairs} pairs"));
        }
    }
    left
}

/// What a phone saw that a server must not do.
fn phone_is_content(phone: &Phone, lossless: bool, faults: &mut Vec<String>) {
    let name = &phone.config.name;
    faults.extend(phone.faults.iter().map(|fault| format!("{name} got {fault}")));
    if lossless {
        faults.extend(phone.registration.losses.iter().map(|fault| format!("{name}: {fault}")));
    }
    for call in phone.calls() {
        faults.extend(call.media.faults.iter().map(|fault| format!("{name} got {fault}")));
        faults.extend(call.media.hearing.faults.iter().map(|fault| format!("{name} heard: {fault}")));
    }
}

fn records_are_right(
    simulation: &mut Simulation,
    index: usize,
    (ends, all_ends, joined): (&Ends, &Ends, &BTreeSet<String>),
    lossless: bool,
    faults: &mut Vec<String>,
) {
    let records = simulation.at(index).records();
    let observer = simulation.at(index).observer();
    if observer.missed {
        return faults.push("the observer missed events".to_owned());
    }
    let calls = observer.calls.clone();
    let ids: Vec<&String> = records.iter().map(|record| &record.id).collect();
    // An attempt that was refused before it was a call has a record, and nobody saw a call.
    let attempts = refused_attempts(simulation, index);
    let transfers = switch_count(simulation, index, "transfers_started") as usize;
    if records.len() != calls.len() + attempts + transfers || calls.keys().any(|id| !ids.contains(&id)) {
        let calls = calls.len();
        faults
            .push(format!("{calls} calls, {attempts} attempts, {transfers} transfers have {} records", records.len()));
    }
    for record in &records {
        let Some(from) = &record.transferred_from else { continue };
        let former = records.iter().find(|former| former.id == *from);
        let linked = former.is_some_and(|former| former.transferred_as.as_ref() == Some(&record.id));
        if former.is_none() || linked != record.answered.is_some() {
            faults.push(format!("the record of {} is not linked with that of {from} as it should be", record.id));
        }
    }
    for (id, call) in &calls {
        if call.endings != 1 {
            faults.push(format!("call {id} ended {} times", call.endings));
        }
    }
    for record in &records {
        let id = &record.id;
        if record.ended.is_none() || record.cause.is_none() || record.outcome == Outcome::Open {
            faults.push(format!("the record of {id} is not complete: {:?}", record.outcome));
        }
        let answered = record.outcome == Outcome::Answered;
        if answered != record.answered.is_some() {
            faults.push(format!("the record of {id} is {:?} and answered at {:?}", record.outcome, record.answered));
        }
        if record.answered.is_some_and(|at| at < record.started || record.ended.is_some_and(|end| end < at)) {
            faults.push(format!("the times in the record of {id} are not in order"));
        }
        // Whose legs came from another call, or went to one: it is none that one phone made to another.
        if joined.contains(common(id)) {
            continue;
        }
        let Some(ends) = ends.get(id) else { continue };
        let caller = ends.iter().find(|(_, end)| !end.incoming);
        if let Some((name, caller)) = caller {
            // A caller whose every packet is lost knows less than the record.
            let blind = !lossless && caller.ending == Some(Ending::NoResponse);
            if caller.answered != answered && !blind {
                let saw = caller.ending;
                faults.push(format!(
                    "{name} saw {saw:?} (answered: {}), the record of {id} {:?}",
                    caller.answered, record.outcome
                ));
            }
            // Where both hang up at once, either may be the first.
            let both = ends.iter().filter(|(_, end)| end.ending == Some(Ending::HungUp)).count() > 1;
            let by_callee = record.ended_by_caller == Some(false);
            let own = record.transferred_to.is_none();
            if own && answered && caller.ending == Some(Ending::HungUp) && by_callee && lossless && !both {
                faults.push(format!("{name} hung up, the record of {id} says that the other side did"));
            }
        }
        // Wherever they are.
        let callees = all_ends.get(common(id)).into_iter().flatten().filter(|(_, end)| end.incoming);
        if answered && callees.clone().count() > 0 && !callees.clone().any(|(_, end)| end.answered) {
            faults.push(format!("the record of {id} is answered, but nobody who was called did"));
        }
    }
}

/// The call's id of a record.
fn common(id: &str) -> &str {
    id.split(CONVERSATION_MARK).next().unwrap_or_default()
}

/// The calls that were joined with others: by a transfer to somebody who was in a call already, or by pick-up.
fn joined(simulation: &mut Simulation) -> BTreeSet<String> {
    let platforms = 0..simulation.platforms();
    let records: Vec<_> = platforms.flat_map(|index| simulation.at(index).records()).collect();
    let pairs = records.iter().flat_map(|record| {
        let others = [&record.joined_from, &record.transferred_as].into_iter().flatten();
        others.map(|other| [common(&record.id).to_owned(), common(other).to_owned()])
    });
    pairs.filter(|[own, other]| own != other).flatten().collect()
}

/// The calls whose legs another one took over, and which: who is left of theirs was there without the others of its conversation.
fn handed_away(simulation: &mut Simulation) -> BTreeMap<String, String> {
    let platforms = 0..simulation.platforms();
    let records: Vec<_> = platforms.flat_map(|index| simulation.at(index).records()).collect();
    let pairs = records.iter().filter_map(|record| Some((common(&record.id), common(record.transferred_as.as_ref()?))));
    pairs.filter(|(own, other)| own != other).map(|(own, other)| (own.to_owned(), other.to_owned())).collect()
}

/// How many attempts the switch says that it recorded without a call.
fn refused_attempts(simulation: &mut Simulation, index: usize) -> usize {
    let [refused, unrecorded] =
        ["calls_refused", "refusals_unrecorded"].map(|name| switch_count(simulation, index, name));
    refused.saturating_sub(unrecorded) as usize
}

/// What the switches have counted under a name.
fn switch_count(simulation: &mut Simulation, index: usize, name: &str) -> u64 {
    let statuses = simulation.at(index).statuses().into_iter().flat_map(|statuses| statuses.values());
    let counters = statuses.flat_map(|status| &status.counters);
    counters.filter(|counter| counter.name == name).map(|counter| counter.value).sum()
}

/// While one end was up, the other was, but for the time that the protocol takes to tell it.
fn ends_agree(id: &str, ends: &[(String, End)], margin: Duration, faults: &mut Vec<String>) {
    for (name, end) in ends {
        let (Some(up), Some(down)) = (end.up, end.ended) else { continue };
        // The last moment at which anybody else of this call was up.
        let others = ends.iter().filter(|(_, other)| !std::ptr::eq(other, end));
        let others_end =
            others.clone().filter(|(_, other)| other.up.is_some()).filter_map(|(_, other)| other.ended).max();
        let last = others_end.unwrap_or(up).max(up);
        let is_alone = others.clone().count() == 0; // with a service
        if !is_alone && down.since(last) > margin {
            faults.push(format!("{name} was up for {:?} after the other end of {id} had gone", down.since(last)));
        }
    }
}

//! What the switch tells of itself.

use crate::record::Records;
use router::parameter::{CauseKind, Counter, Resource, ResourceKind, ResourceState, Status};
use router::time::WallTime;
use std::collections::BTreeMap;

/// What is counted from the start on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) started: u64,
    /// Conversations that transfers were to begin.
    pub(crate) conversations: u64,
    pub(crate) answered: u64,
    /// Of these, such that call back who asked for a transfer that came to nothing.
    pub(crate) recalls: u64,
    /// Outgoing legs.
    pub(crate) legs: u64,
    /// Of these, legs at the switch of another platform.
    pub(crate) legs_elsewhere: u64,
    /// Legs at other platforms that were found to be no more, or whose end could not be told.
    pub(crate) legs_lost: u64,
    /// Calls that were kept up by nobody but themselves, through other platforms.
    pub(crate) circles: u64,
    /// Calls that other platforms asked for.
    pub(crate) calls_from_elsewhere: u64,
    /// Refused before they were calls, by cause.
    refused: BTreeMap<CauseKind, u64>,
    /// Of these, attempts that left no record.
    pub(crate) refusals_unrecorded: u64,
    /// By whether it was answered, and by cause.
    ended: BTreeMap<(bool, CauseKind), u64>,
    /// Numbers that callees named instead of theirs, and that were looked for.
    pub(crate) redirects_followed: u64,
    /// Such that were not: not allowed, a loop, too many.
    pub(crate) redirects_refused: u64,
    /// Numbers that callees named, and that callers were told.
    pub(crate) redirects_passed: u64,
    /// Calls that a guard did not let pass.
    pub(crate) guarded: u64,
    /// Notifications that were for nobody.
    pub(crate) ignored: u64,
    /// Keys that parties have pressed.
    pub(crate) keys_pressed: u64,
    /// Legs whose ways were looked for anew (ICE).
    pub(crate) ways_sought_anew: u64,
    pub(crate) legs_unreleased: u64,
    pub(crate) sessions_unreleased: u64,
}

impl Counters {
    /// An attempt was refused before it was a call.
    pub(crate) fn refused(&mut self, cause: CauseKind) {
        *self.refused.entry(cause).or_default() += 1;
    }

    /// A call has ended.
    pub(crate) fn ended(&mut self, answered: bool, cause: CauseKind) {
        *self.ended.entry((answered, cause)).or_default() += 1;
    }
}

/// What [`status`] is made of.
pub(crate) struct Facts<'a> {
    pub(crate) module: String,
    pub(crate) since: WallTime,
    /// Of this switch.
    pub(crate) calls: usize,
    /// Of all switches.
    pub(crate) all_calls: usize,
    pub(crate) calls_max: usize,
    pub(crate) legs: usize,
    pub(crate) counters: &'a Counters,
    /// Of calls of other platforms that had to wait for their turn, the share that was refused a moment ago, in percent, and how many were in all.
    pub(crate) overload: (u64, u64),
    pub(crate) records: &'a Records,
    pub(crate) expired: u64,
}

/// The answer to `Query × Status`.
pub(crate) fn status(facts: Facts<'_>) -> Status {
    let Facts { module, since, calls, all_calls, calls_max, legs, counters, overload, records, expired } = facts;
    let full = all_calls >= calls_max;
    let resource = |kind, name: &str, used: usize, total: Option<usize>| Resource {
        kind,
        name: name.to_owned(),
        state: ResourceState::Ready,
        used: used as u64,
        total: total.map(|total| total as u64),
        detail: None,
    };
    let mut counted = vec![
        Counter::new("calls_started", counters.started),
        Counter::new("calls_answered", counters.answered),
        Counter::new("transfers_started", counters.conversations),
        Counter::new("recalls", counters.recalls),
        Counter::new("refusals_unrecorded", counters.refusals_unrecorded),
        Counter::new("redirects_followed", counters.redirects_followed),
        Counter::new("redirects_refused", counters.redirects_refused),
        Counter::new("redirects_passed", counters.redirects_passed),
        Counter::new("calls_guarded", counters.guarded),
        Counter::new("legs_started", counters.legs),
        Counter::new("legs_to_platforms", counters.legs_elsewhere),
        Counter::new("legs_lost", counters.legs_lost),
        Counter::new("calls_from_platforms", counters.calls_from_elsewhere),
        Counter::new("calls_from_platforms_refused_late", overload.1),
        Counter::new("calls_in_a_circle", counters.circles),
        Counter::new("legs_unreleased", counters.legs_unreleased),
        Counter::new("sessions_unreleased", counters.sessions_unreleased),
        Counter::new("keys_pressed", counters.keys_pressed),
        Counter::new("ways_sought_anew", counters.ways_sought_anew),
        Counter::new("call_notices_ignored", counters.ignored),
        Counter::new("call_requests_expired", expired),
        Counter::new("records_written", records.written()),
        Counter::new("records_repeated", records.repeated()),
        Counter::new("records_lost", records.lost()),
    ];
    // Those at 0, too: a rate over a series that begins with its first failure does not see that one.
    for (answered, name) in [(true, "calls_ended"), (false, "calls_failed")] {
        let count = |cause| counters.ended.get(&(answered, cause)).copied().unwrap_or(0);
        counted.extend(CauseKind::ALL.map(|cause| Counter::labelled(name, "cause", cause.name(), count(cause))));
    }
    for (cause, &value) in &counters.refused {
        counted.push(Counter::labelled("calls_refused", "cause", cause.name(), value));
    }
    let (lost, refused) = (records.lost() > 0, records.refused() > 0);
    Status {
        module,
        since,
        resources: vec![
            Resource {
                state: if full { ResourceState::Degraded } else { ResourceState::Ready },
                detail: full.then(|| fullness(calls_max).to_owned()),
                ..resource(ResourceKind::Calls, "calls", calls, Some(calls_max))
            },
            resource(ResourceKind::Dialogs, "legs", legs, None),
            Resource {
                state: if overload.0 > 0 { ResourceState::Degraded } else { ResourceState::Ready },
                detail: (overload.0 > 0).then(|| "more comes than can be served".to_owned()),
                ..resource(
                    ResourceKind::Table,
                    "overload, percent of other platforms' calls refused",
                    overload.0 as usize,
                    Some(100),
                )
            },
            Resource {
                state: if lost || refused { ResourceState::Degraded } else { ResourceState::Ready },
                detail: match (lost, refused) {
                    (true, _) => Some(format!("{} call records were lost", records.lost())),
                    (_, true) => Some("call records wait in memory: the store has not taken them yet".to_owned()),
                    _ => None,
                },
                ..resource(ResourceKind::Transactions, "records", records.len(), Some(crate::limits::RECORDS))
            },
        ],
        counters: counted,
        distributions: Vec::new(),
    }
}

/// Why no more calls are taken. A bound of none is that of a platform that is about to end.
const fn fullness(calls_max: usize) -> &'static str {
    match calls_max {
        0 => "draining: no new calls are taken",
        _ => "the most calls that are allowed are up: more are refused",
    }
}

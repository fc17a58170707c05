//! Call records: which of them a query asks for, and in which pages.

use crate::binding::page_items;
use router::parameter::{CallRecord, CauseKind, Outcome, Selection};
use router::time::WallTime;

/// Where a page of records ended: newest first, and of those that began at once the later written first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RecordPosition {
    /// When the call began.
    pub started: WallTime,
    /// The back end's number of the record, in the order of writing.
    pub serial: i64,
}

/// Which records are asked for: those that fulfil everything given.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RecordQuery {
    /// Those of this call, or the one of this id.
    pub id: Option<String>,
    /// Those with this caller, called number, destination or origin.
    pub party: Option<String>,
    /// Those of this outcome or cause, by its name.
    pub state: Option<String>,
    /// Those that began at or after this.
    pub since: Option<WallTime>,
    /// Those that began before this.
    pub until: Option<WallTime>,
    /// Those behind (older than) this point.
    pub after: Option<RecordPosition>,
    /// At most so many.
    pub limit: usize,
}

/// What a search compares, without the rest of the record.
pub(crate) struct RecordKeys<'a> {
    pub(crate) origin: &'a str,
    pub(crate) caller: &'a str,
    pub(crate) called: &'a str,
    pub(crate) destination: Option<&'a str>,
    pub(crate) outcome: &'a str,
    pub(crate) cause: Option<&'a str>,
}

impl RecordPosition {
    pub(crate) fn to_cursor(self) -> String {
        format!("{}.{}", self.started.0, self.serial)
    }

    fn from_cursor(cursor: &str) -> Option<Self> {
        let (started, serial) = cursor.split_once('.')?;
        Some(Self { started: WallTime(started.parse().ok()?), serial: serial.parse().ok()? })
    }
}

impl RecordQuery {
    /// From a request's parameters; or a sentence that says what is wrong with them.
    pub(crate) fn new(asked: &CallRecord, selection: Option<&Selection>) -> Result<Self, &'static str> {
        let id = Some(asked.id.clone()).filter(|id| !id.is_empty());
        let Some(selection) = selection else { return Ok(Self { id, limit: page_items(None), ..Self::default() }) };
        let after = match selection.cursor.as_deref().map(RecordPosition::from_cursor) {
            Some(None) => return Err("the cursor is none that the store gave"),
            Some(after) => after,
            None => None,
        };
        if selection.state.as_deref().is_some_and(|state| !is_state(state)) {
            return Err("no outcome and no cause has that name");
        }
        Ok(Self {
            id: id.or_else(|| selection.name.clone()),
            party: selection.party.clone(),
            state: selection.state.clone(),
            since: selection.since,
            until: selection.until,
            after,
            limit: page_items(Some(selection)),
        })
    }

    /// Whether a record with these keys is asked for, as far as party and state go.
    pub(crate) fn matches(&self, keys: &RecordKeys<'_>) -> bool {
        let party = self.party.as_deref().is_none_or(|party| {
            keys.caller == party || keys.called == party || keys.destination == Some(party) || keys.origin == party
        });
        party && self.state.as_deref().is_none_or(|state| keys.outcome == state || keys.cause == Some(state))
    }

    /// The position behind (older than) which the page lies.
    pub(crate) fn begin(&self) -> RecordPosition {
        let newest = RecordPosition { started: WallTime(i64::MAX), serial: i64::MAX };
        let until = self.until.map_or(newest, |until| RecordPosition { started: until, serial: i64::MIN });
        self.after.map_or(until, |after| after.min(until))
    }
}

impl<'a> RecordKeys<'a> {
    pub(crate) fn of(record: &'a CallRecord) -> Self {
        Self {
            origin: record.origin.name(),
            caller: record.caller.user(),
            called: record.called.user(),
            destination: record.destination.as_deref(),
            outcome: record.outcome.name(),
            cause: record.cause.as_ref().map(|cause| cause.kind.name()),
        }
    }
}

/// The record of a call that was open when the platform died. It ended after `alive`, when that is last known to have lived, and
/// after what the record itself tells of.
pub(crate) fn interrupted(record: &mut CallRecord, alive: Option<WallTime>) {
    let known = record.answered.or(record.ringing).unwrap_or(record.started);
    record.ended = alive.map(|alive| alive.max(known));
    record.outcome = Outcome::Interrupted;
    record.cause = Some(CauseKind::Interrupted.into());
}

fn is_state(state: &str) -> bool {
    Outcome::ALL.iter().any(|outcome| outcome.name() == state)
        || CauseKind::ALL.iter().any(|cause| cause.name() == state)
}

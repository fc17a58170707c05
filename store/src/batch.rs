//! Group commit: what waits for the next transaction.

use crate::backend::Write;
use crate::limits::{BATCH_WRITES, COMMIT_DELAY};
use router::parameter::{CallRecord, Outcome};
use router::time::Instant;
use router::{Packet, Parameters};
use std::collections::HashMap;
use std::sync::Arc;

/// Writes in the order of their arrival, and who waits for them. All writes of one call are one write.
#[derive(Default)]
pub(crate) struct Batch {
    writes: Vec<Write>,
    /// The requests to be answered, without their parameters.
    requests: Vec<Packet>,
    /// Where in `writes` a call's record is.
    records: HashMap<String, usize>,
    due: Option<Instant>,
}

impl Batch {
    /// Adds a record. True if it merged with one that waits: the later one counts, but what is complete is not opened again, and
    /// another call under the same id changes nothing.
    pub(crate) fn add_record(&mut self, record: Arc<CallRecord>) -> bool {
        if let Some(Write::Record(waiting)) = self.records.get(&record.id).map(|&at| &mut self.writes[at]) {
            let is_later = record.outcome != Outcome::Open || waiting.outcome == Outcome::Open;
            if is_later && record.started == waiting.started {
                *waiting = record;
            }
            return true;
        }
        self.records.insert(record.id.clone(), self.writes.len());
        self.writes.push(Write::Record(record));
        false
    }

    /// Adds any other write.
    pub(crate) fn add(&mut self, write: Write) {
        self.writes.push(write);
    }

    /// Answers `request` when what was added so far is committed.
    pub(crate) fn answer_later(&mut self, now: Instant, mut request: Packet) {
        request.parameters = Parameters::new();
        self.requests.push(request);
        self.due.get_or_insert(now + COMMIT_DELAY);
    }

    /// When it is to be committed at the latest.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether it has grown so large that it is to be committed now.
    pub(crate) fn is_full(&self) -> bool {
        self.writes.len() >= BATCH_WRITES || self.requests.len() >= BATCH_WRITES
    }

    /// Whether nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.writes.is_empty() && self.requests.is_empty()
    }

    /// What is to be written.
    pub(crate) fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// Empties it (its memory stays) and gives who waited.
    pub(crate) fn take_requests(&mut self) -> Vec<Packet> {
        self.writes.clear();
        self.records.clear();
        self.due = None;
        std::mem::take(&mut self.requests)
    }
}

//! Call records on their way to the store: begun with the call, told that it was answered, completed at its end, repeated until the store has them.

use crate::limits::{RECORD_RETRY, RECORD_RETRY_MAX, RECORD_WITHIN, RECORDS, RECORDS_IN_FLIGHT, REFUSALS_WAITING};
use router::parameter::{CallRecord, Outcome, Reason};
use router::time::{Duration, Instant, Now};
use router::{Address, Command, Instance, ModuleKind, Outbox, OwnMap, Packet, Transaction, one};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// Names a record here: in the order in which they came.
pub(crate) type Key = u64;

/// Where a record is.
#[derive(Debug)]
enum Place {
    /// In the queue to the store.
    Queued,
    /// Sent.
    InFlight,
    /// Refused; to be sent again later.
    Waiting,
}

/// One call's record.
#[derive(Debug)]
struct Entry {
    record: Arc<CallRecord>,
    /// `Start` the first time, then `Set`.
    command: Command,
    place: Place,
    /// What it has become while it is on its way: that must not be overtaken.
    newer: Option<Arc<CallRecord>>,
    attempts: u32,
}

impl Entry {
    /// The record has become this.
    fn replace(&mut self, record: Arc<CallRecord>) {
        if matches!(self.place, Place::InFlight) {
            self.newer = Some(record);
        } else {
            self.record = record;
            self.command = Command::Set;
        }
    }
}

/// The records that the store has not got yet. Bounded: at the bound the record of a call that has just begun is not
/// written, nor that of one that was answered (its completion will be), a completed one that finds no room is lost, and counted.
#[derive(Debug, Default)]
pub(crate) struct Records {
    entries: OwnMap<Key, Entry>,
    next: Key,
    queue: VecDeque<Key>,
    waiting: BTreeSet<(Instant, Key)>,
    in_flight: OwnMap<Transaction, Key>,
    lost: u64,
    repeated: u64,
    written: u64,
}

impl Records {
    /// A conversation began.
    pub(crate) fn start(&mut self, now: Now, outbox: &mut Outbox, record: CallRecord) -> Option<Key> {
        let room = self.entries.len() < RECORDS / 2;
        let key = room.then(|| self.add(Command::Start, Arc::new(record)));
        self.send(now, outbox);
        key
    }

    /// It was answered: its record is open still, and says more.
    pub(crate) fn update(
        &mut self,
        now: Now,
        outbox: &mut Outbox,
        key: Option<Key>,
        record: CallRecord,
    ) -> Option<Key> {
        let room = self.entries.len() < RECORDS / 2;
        let key = match key.and_then(|key| self.entries.get_mut(&key)) {
            Some(entry) => {
                entry.replace(Arc::new(record));
                key
            }
            None if room => Some(self.add(Command::Set, Arc::new(record))),
            None => key,
        };
        self.send(now, outbox);
        key
    }

    /// It has ended: its record is complete.
    pub(crate) fn complete(&mut self, now: Now, outbox: &mut Outbox, key: Option<Key>, record: CallRecord) {
        let room = self.entries.len() < RECORDS;
        match key.and_then(|key| self.entries.get_mut(&key)) {
            Some(entry) => entry.replace(Arc::new(record)),
            None if room => drop(self.add(Command::Set, Arc::new(record))),
            None => self.lose(&record, "too many records wait for the store"),
        }
        self.send(now, outbox);
    }

    /// An attempt was refused before it was a call: its record, complete at once. False, and nothing made: what room is left is
    /// for the records of calls.
    pub(crate) fn attempt(&mut self, now: Now, outbox: &mut Outbox, record: impl FnOnce() -> CallRecord) -> bool {
        let room = self.entries.len() < REFUSALS_WAITING;
        if room {
            self.add(Command::Set, Arc::new(record()));
            self.send(now, outbox);
        }
        room
    }

    /// The store answered.
    pub(crate) fn handle_answer(&mut self, now: Now, outbox: &mut Outbox, packet: &Packet) {
        let Some(key) = self.in_flight.remove(&packet.transaction) else { return };
        let reason = (packet.command != Command::Done).then(|| packet.failure().reason);
        let Some(mut entry) = self.entries.remove(&key) else { return };
        let newer = entry.newer.take();
        let superseded = newer.is_some();
        if let Some(record) = newer {
            entry.record = record;
            entry.command = Command::Set;
        }
        match reason {
            None if superseded => {
                self.written += 1;
                self.enqueue(key, Entry { attempts: 0, ..entry });
            }
            None => {
                self.written += 1;
                self.forget(key);
            }
            // What the store will never take; but it may take what the record has become.
            Some(reason @ (Reason::Unsupported | Reason::Invalid | Reason::Refused)) => {
                if superseded {
                    self.enqueue(key, Entry { attempts: 0, ..entry });
                } else {
                    if entry.record.outcome != Outcome::Open {
                        self.lose(&entry.record, "the store refuses it");
                    }
                    tracing::debug!(?reason, "a record was refused");
                    self.forget(key);
                }
            }
            Some(_) => {
                self.repeated += 1;
                let doubled = RECORD_RETRY.saturating_mul(1 << entry.attempts.min(10));
                let at = now.instant + Duration::min(doubled, RECORD_RETRY_MAX);
                entry.attempts += 1;
                entry.place = Place::Waiting;
                self.waiting.insert((at, key));
                self.entries.insert(key, entry);
            }
        }
        self.send(now, outbox);
    }

    /// Sends again what is due.
    pub(crate) fn handle_timeout(&mut self, now: Now, outbox: &mut Outbox) {
        while let Some(&(at, key)) = self.waiting.first() {
            if at > now.instant {
                break;
            }
            self.waiting.pop_first();
            if let Some(entry) = self.entries.get_mut(&key) {
                entry.place = Place::Queued;
                self.queue.push_back(key);
            }
        }
        self.send(now, outbox);
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.waiting.first().map(|&(at, _)| at)
    }

    /// How many the store has not got yet.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many the store did not take, and are sent to it again.
    pub(crate) fn refused(&self) -> usize {
        self.waiting.len()
    }

    /// How many were lost since the start.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    /// How often one was sent again since the start.
    pub(crate) fn repeated(&self) -> u64 {
        self.repeated
    }

    /// How many answers `Done` the store has given since the start.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    fn add(&mut self, command: Command, record: Arc<CallRecord>) -> Key {
        let key = self.next;
        self.next += 1;
        self.enqueue(key, Entry { record, command, place: Place::Queued, newer: None, attempts: 0 });
        key
    }

    fn enqueue(&mut self, key: Key, entry: Entry) {
        self.entries.insert(key, Entry { place: Place::Queued, ..entry });
        self.queue.push_back(key);
    }

    /// The store has it, or never will.
    fn forget(&mut self, key: Key) {
        self.entries.remove(&key);
    }

    fn send(&mut self, now: Now, outbox: &mut Outbox) {
        while self.in_flight.len() < RECORDS_IN_FLIGHT {
            let Some(key) = self.queue.pop_front() else { break };
            let Some(entry) = self.entries.get_mut(&key) else { continue };
            if !matches!(entry.place, Place::Queued) {
                continue;
            }
            entry.place = Place::InFlight;
            let transaction = outbox.request(
                now.instant,
                Instance::MODULE,
                Address::any(ModuleKind::Store),
                entry.command,
                one(Arc::clone(&entry.record)),
                RECORD_WITHIN,
            );
            self.in_flight.insert(transaction, key);
        }
    }

    fn lose(&mut self, record: &CallRecord, why: &str) {
        self.lost += 1;
        tracing::error!(call = %record.id, lost = self.lost, "a call record is lost: {why}");
    }
}

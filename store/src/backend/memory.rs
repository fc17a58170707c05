//! The store without a disk: for the simulator, and as the model that SQLite is compared with.

use super::{Backend, BackendError, Committed, Page, Purge, Usage, Write};
use crate::binding::{BindingPosition, BindingQuery};
use crate::limits::PAGE_SCAN;
use crate::message::MessageQuery;
use crate::record::{RecordKeys, RecordPosition, RecordQuery, interrupted};
use router::parameter::{Account, Binding, CallRecord, Outcome, TextMessage};
use router::time::WallTime;
use std::collections::BTreeMap;

/// A database in memory. It survives a simulated crash if its owner keeps it: see [`Memory::reopen`].
#[derive(Clone, Debug, Default)]
pub struct Memory {
    realm: String,
    accounts: BTreeMap<String, Account>,
    bindings: BTreeMap<BindingPosition, Binding>,
    records: BTreeMap<RecordPosition, CallRecord>,
    /// In the order of keeping.
    messages: Vec<TextMessage>,
    positions: BTreeMap<String, RecordPosition>,
    serial: i64,
    alive: Option<WallTime>,
    interrupted: u64,
    /// Whether writes fail as on a full disk.
    full: bool,
}

impl Memory {
    /// An empty database with this realm.
    pub fn new(realm: impl Into<String>) -> Self {
        Self { realm: realm.into(), ..Self::default() }
    }

    /// The database as the next process finds it: what was open is interrupted.
    pub fn reopen(mut self) -> Self {
        let (alive, mut count) = (self.alive, 0);
        for record in self.records.values_mut().filter(|record| record.outcome == Outcome::Open) {
            interrupted(record, alive);
            count += 1;
        }
        self.interrupted = count;
        self
    }

    /// From now on writes fail as on a full disk, or succeed again.
    pub fn set_full(&mut self, full: bool) {
        self.full = full;
    }

    /// Every record, the oldest first.
    pub fn all_records(&self) -> impl Iterator<Item = &CallRecord> {
        self.records.values()
    }

    fn write(&mut self, write: &Write, committed: &mut Committed) {
        match write {
            Write::Account(account) => {
                self.accounts.insert(account.name.clone(), account.clone());
            }
            Write::AccountRemoved(name) => {
                self.accounts.remove(name);
                self.bindings.retain(|position, _| position.account != *name);
                self.messages.retain(|message| message.account.as_ref() != Some(name));
            }
            Write::Binding(binding) => {
                let uri = binding.contact.key().reveal().clone();
                let position = BindingPosition { account: binding.account.clone(), uri };
                if binding.removed {
                    self.bindings.remove(&position);
                } else if self.accounts.contains_key(&binding.account) {
                    self.bindings.insert(position, Binding::clone(binding));
                } else {
                    committed.bindings_without_account += 1;
                }
            }
            Write::Message(message) => {
                let known = self.messages.iter().any(|known| known.id == message.id);
                let account = message.account.as_ref().is_some_and(|account| self.accounts.contains_key(account));
                match (known, account) {
                    (true, _) => {}
                    (false, true) => self.messages.push(TextMessage::clone(message)),
                    (false, false) => committed.bindings_without_account += 1,
                }
            }
            Write::MessageRemoved(id) => self.messages.retain(|message| message.id != *id),
            Write::Record(record) => self.write_record(record),
        }
    }

    fn write_record(&mut self, record: &CallRecord) {
        if let Some(position) = self.positions.get(&record.id) {
            if let Some(stored) = self.records.get_mut(position)
                && record.started == stored.started
                && (record.outcome != Outcome::Open || stored.outcome == Outcome::Open)
            {
                *stored = record.clone();
            }
            return;
        }
        self.serial += 1;
        let position = RecordPosition { started: record.started, serial: self.serial };
        self.positions.insert(record.id.clone(), position);
        self.records.insert(position, record.clone());
    }
}

impl Backend for Memory {
    fn realm(&self) -> &str {
        &self.realm
    }

    fn commit(&mut self, writes: &[Write]) -> Result<Committed, BackendError> {
        if self.full {
            return Err(BackendError::Exhausted);
        }
        let mut committed = Committed::default();
        writes.iter().for_each(|write| self.write(write, &mut committed));
        Ok(committed)
    }

    fn account(&mut self, name: &str) -> Result<Option<Account>, BackendError> {
        Ok(self.accounts.get(name).cloned())
    }

    fn accounts(&mut self, after: Option<&str>, limit: usize) -> Result<Page<Account, String>, BackendError> {
        let mut behind =
            self.accounts.values().filter(|account| after.is_none_or(|after| account.name.as_str() > after));
        let items: Vec<_> = behind.by_ref().take(limit).cloned().collect();
        let next = behind.next().and(items.last()).map(|account| account.name.clone());
        Ok(Page { items, next })
    }

    fn bindings(&mut self, query: &BindingQuery) -> Result<Page<Binding, BindingPosition>, BackendError> {
        let mut asked = self.bindings.iter().filter(|(position, binding)| {
            query.account.as_ref().is_none_or(|account| position.account == *account)
                && query.after.as_ref().is_none_or(|after| *position > after)
                && binding.contact.expires > query.now
        });
        let (positions, items): (Vec<_>, Vec<_>) =
            asked.by_ref().take(query.limit).map(|(position, binding)| (position.clone(), binding.clone())).unzip();
        let next = asked.next().and(positions.last().cloned());
        Ok(Page { items, next })
    }

    fn messages(&mut self, query: &MessageQuery) -> Result<Page<TextMessage, String>, BackendError> {
        let asked = self
            .messages
            .iter()
            .filter(|message| message.account.as_ref() == Some(&query.account) && message.expires > query.now);
        Ok(Page { items: asked.take(query.limit).cloned().collect(), next: None })
    }

    fn message_counts(&mut self, after: &str, limit: usize) -> Result<Vec<(String, usize)>, BackendError> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for account in self.messages.iter().filter_map(|message| message.account.as_ref()) {
            *counts.entry(account.clone()).or_default() += 1;
        }
        Ok(counts.into_iter().filter(|(account, _)| account.as_str() > after).take(limit).collect())
    }

    fn records(&mut self, query: &RecordQuery) -> Result<Page<CallRecord, RecordPosition>, BackendError> {
        let mut page = Page { items: Vec::new(), next: None };
        let mut last = None;
        for (scanned, (&position, record)) in self.records.range(..query.begin()).rev().enumerate() {
            if query.since.is_some_and(|since| position.started < since) {
                break;
            }
            if page.items.len() == query.limit || scanned == PAGE_SCAN {
                page.next = last;
                break;
            }
            let of_call = query.id.as_ref().is_none_or(|id| record.is_of(id));
            if of_call && query.matches(&RecordKeys::of(record)) {
                page.items.push(record.clone());
            }
            last = Some(position);
        }
        Ok(page)
    }

    fn purge(&mut self, purge: &Purge) -> Result<u64, BackendError> {
        let over = self.bindings.iter().filter(|(_, binding)| binding.contact.expires <= purge.bindings_until);
        let over: Vec<_> = over.take(purge.rows).map(|(position, _)| position.clone()).collect();
        over.iter().for_each(|position| drop(self.bindings.remove(position)));
        let kept = self.messages.len();
        self.messages.retain(|message| message.expires > purge.bindings_until);
        let ended = kept - self.messages.len();
        let before = purge.records_before.unwrap_or(WallTime(i64::MIN));
        let old = self.records.range(..RecordPosition { started: before, serial: i64::MIN });
        let old = old.filter(|(_, record)| record.outcome != Outcome::Open);
        let old: Vec<_> = old.take(purge.rows).map(|(&position, record)| (position, record.id.clone())).collect();
        for (position, id) in &old {
            self.records.remove(position);
            self.positions.remove(id);
        }
        Ok((over.len() + ended + old.len()) as u64)
    }

    fn note_alive(&mut self, now: WallTime) -> Result<(), BackendError> {
        if self.full {
            return Err(BackendError::Exhausted);
        }
        self.alive = Some(now);
        Ok(())
    }

    fn usage(&mut self) -> Result<Usage, BackendError> {
        Ok(Usage { name: "memory".to_owned(), interrupted: self.interrupted, ..Usage::default() })
    }
}

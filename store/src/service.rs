//! The store as a service module: packets to its back end and back.

use crate::account;
use crate::backend::{Backend, BackendError, Page, Purge, Records, Write};
use crate::batch::Batch;
use crate::binding::{BindingQuery, page_items};
use crate::limits::{
    ALIVE_INTERVAL, ENTRY_BYTES, MISSED_DELAY, MISSED_DELAY_MAX, PURGE_INTERVAL, PURGE_PAUSE, PURGE_ROWS, SEARCHES,
};
use crate::message::{Kept, MessageQuery, mailbox};
use crate::record::RecordQuery;
use crate::status::{Counters, Health, status};
use router::outbox::{Outbox, Received};
use router::parameter::{Account, CallRecord, Failure, Reason, Selection, TextMessage};
use router::time::{Duration, Instant, Now, WallTime};
use router::{Address, Command, Instance, Packet, Parameter, Parameters, Service, Subscriptions, one};
use std::collections::BTreeMap;

/// What can be chosen about a store.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Config {
    /// After how many days records are deleted; `None` keeps them.
    pub records_keep_days: Option<u32>,
}

/// The store's core. Records and bindings are gathered and committed together; an account is committed at once; a query
/// first commits what waits, so that it sees everything that was written before it.
pub struct Store<B> {
    backend: B,
    outbox: Outbox,
    config: Config,
    batch: Batch,
    /// Who is told of changed accounts.
    subscribers: Subscriptions,
    /// When to look whether notifications were lost.
    missed_at: Option<Instant>,
    missed_delay: Duration,
    /// How many messages each account has; `None`: to be counted.
    kept: Option<Kept>,
    purge_at: Instant,
    /// When to note that the store lives.
    alive_at: Instant,
    /// Searches whose page is not there yet, by their tickets.
    searches: BTreeMap<u64, Packet>,
    next_ticket: u64,
    since: WallTime,
    health: Health,
    counters: Counters,
}

impl<B: Backend> Store<B> {
    /// The store at `address` over `backend`.
    pub fn new(backend: B, address: Address, config: Config, now: Now) -> Self {
        Self {
            backend,
            outbox: Outbox::new(address),
            config,
            batch: Batch::default(),
            subscribers: Subscriptions::default(),
            missed_at: None,
            missed_delay: MISSED_DELAY,
            kept: None,
            purge_at: now.instant,
            alive_at: now.instant,
            searches: BTreeMap::new(),
            next_ticket: 0,
            since: now.wall,
            health: Health::default(),
            counters: Counters::default(),
        }
    }

    /// The back end: the simulator takes it over a crash, a test looks into it.
    pub fn backend(&mut self) -> &mut B {
        &mut self.backend
    }

    /// The back end alone: what was not committed is lost.
    pub fn into_backend(self) -> B {
        self.backend
    }

    /// Commits what waits, and answers who waits for it. For the end; before it [`Service::handle_timeout`] does so in
    /// time.
    pub fn commit(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let result = self.backend.commit(self.batch.writes());
        let requests = self.batch.take_requests();
        match self.settle(result) {
            Ok(committed) => {
                self.counters.bindings_without_account += committed.bindings_without_account;
                requests.iter().for_each(|request| self.outbox.done(request, Parameters::new()));
            }
            Err(failure) => {
                // What of it was messages is not there.
                self.kept = None;
                requests.iter().for_each(|request| self.outbox.failed(request, failure.clone()));
            }
        }
    }

    fn handle_request(&mut self, now: Now, packet: Packet) {
        match (packet.command, packet.first()) {
            (Command::Query, Some(Parameter::Status(_))) => self.query_status(&packet),
            (Command::Set, Some(Parameter::Account(asked))) => self.set_account(now, &packet, asked),
            (Command::Close, Some(Parameter::Account(asked))) => self.close_account(now, &packet, &asked.name),
            (Command::Query, Some(Parameter::Account(asked))) => self.query_accounts(&packet, asked),
            (Command::Subscribe, Some(Parameter::Account(_))) => self.subscribe(&packet),
            (Command::Unsubscribe, Some(Parameter::Account(_))) => {
                self.subscribers.unsubscribe(packet.source);
                self.outbox.done(&packet, Parameters::new());
            }
            (Command::Set | Command::Close, Some(Parameter::Binding(_))) => self.set_bindings(now, packet),
            (Command::Query, Some(Parameter::Binding(asked))) => {
                match BindingQuery::new(asked, selection(&packet), now.wall) {
                    Some(query) => self.query_bindings(&packet, &query),
                    None => self.invalid(&packet, "the cursor is none that the store gave"),
                }
            }
            (Command::Start | Command::Set, Some(Parameter::CallRecord(_))) => self.set_records(now, packet),
            (Command::Query, Some(Parameter::CallRecord(asked))) => match RecordQuery::new(asked, selection(&packet)) {
                Ok(query) => self.query_records(&packet, &query),
                Err(detail) => self.invalid(&packet, detail),
            },
            (Command::Set, Some(Parameter::TextMessage(_))) => self.keep_message(now, packet),
            (Command::Close, Some(Parameter::TextMessage(_))) => self.remove_message(now, packet),
            (Command::Query, Some(Parameter::TextMessage(asked))) => self.query_messages(now, &packet, asked),
            (Command::Notify, _) => {}
            _ => self.outbox.unsupported(&packet),
        }
    }

    fn set_account(&mut self, now: Now, packet: &Packet, asked: &Account) {
        let stored = match self.backend.account(&asked.name) {
            Ok(stored) => stored,
            Err(error) => return self.outbox.failed(packet, error.failure()),
        };
        let account = match account::merge(asked, stored.as_ref(), self.backend.realm(), now.wall) {
            Ok(account) => account,
            Err(failure) => return self.outbox.failed(packet, failure),
        };
        // A repeated request gets the same answer, and is no change.
        if stored.as_ref() != Some(&account) {
            if let Err(failure) = self.write_account(Write::Account(account.clone())) {
                return self.outbox.failed(packet, failure);
            }
            self.notify(now, &account);
        }
        self.outbox.done(packet, one(account::as_seen_by(packet.source, &account)));
    }

    fn close_account(&mut self, now: Now, packet: &Packet, name: &str) {
        let stored = match self.backend.account(name) {
            Ok(Some(stored)) => stored,
            Ok(None) => return self.outbox.failed(packet, Failure::new(Reason::NotFound)),
            Err(error) => return self.outbox.failed(packet, error.failure()),
        };
        if let Err(failure) = self.write_account(Write::AccountRemoved(name.to_owned())) {
            return self.outbox.failed(packet, failure);
        }
        self.notify(now, &account::removed(stored));
        self.outbox.done(packet, Parameters::new());
    }

    /// Accounts change seldom, and who changes one looks at it next: no waiting. What waits is older and goes first.
    fn write_account(&mut self, write: Write) -> Result<(), Failure> {
        self.commit();
        let result = self.backend.commit(&[write]);
        self.settle(result)?;
        self.counters.accounts += 1;
        Ok(())
    }

    fn query_accounts(&mut self, packet: &Packet, asked: &Account) {
        self.counters.queries += 1;
        let selection = selection(packet);
        let named = Some(&asked.name).filter(|name| !name.is_empty());
        if let Some(name) = named.or_else(|| selection.and_then(|selection| selection.name.as_ref())) {
            let answer = match self.backend.account(name) {
                Ok(Some(account)) => Ok(one(account::as_seen_by(packet.source, &account))),
                Ok(None) => Err(Failure::new(Reason::NotFound)),
                Err(error) => Err(error.failure()),
            };
            return match answer {
                Ok(parameters) => self.outbox.done(packet, parameters),
                Err(failure) => self.outbox.failed(packet, failure),
            };
        }
        let after = selection.and_then(|selection| selection.cursor.as_deref());
        let page = self.backend.accounts(after, page_items(selection));
        let seen = |account: Account| account::as_seen_by(packet.source, &account);
        self.answer_page(packet, page, seen, |name| name);
    }

    fn subscribe(&mut self, packet: &Packet) {
        match self.subscribers.subscribe(packet.source) {
            true => self.outbox.done(packet, Parameters::new()),
            false => self.outbox.failed(packet, Failure::new(Reason::Exhausted).with_detail("too many subscribers")),
        }
    }

    fn notify(&mut self, now: Now, changed: &Account) {
        for (subscriber, missed) in self.subscribers.take() {
            self.outbox.notify(Instance::MODULE, subscriber, one(account::as_seen_by(subscriber, changed)));
            if missed {
                self.outbox.notify(Instance::MODULE, subscriber, one(account::missed(now.wall)));
            }
        }
        if !self.subscribers.is_empty() {
            self.missed_at.get_or_insert(now.instant + self.missed_delay);
        }
    }

    /// Tells who missed notifications that it did, again until that itself is not lost, ever more seldom.
    fn tell_missed(&mut self, now: Now) {
        while let Some(subscriber) = self.outbox.poll_missed() {
            self.subscribers.missed(subscriber);
        }
        let mut told = false;
        for (subscriber, _) in self.subscribers.take().filter(|(_, missed)| *missed) {
            self.outbox.notify(Instance::MODULE, subscriber, one(account::missed(now.wall)));
            told = true;
        }
        self.missed_delay = if told { (self.missed_delay * 2).min(MISSED_DELAY_MAX) } else { MISSED_DELAY };
        self.missed_at = told.then(|| now.instant + self.missed_delay);
    }

    fn set_bindings(&mut self, now: Now, mut packet: Packet) {
        let closes = packet.command == Command::Close;
        let sound = packet.parameters.iter().all(|parameter| {
            matches!(parameter, Parameter::Binding(binding) if fits(&binding.contact) && !binding.account.is_empty())
        });
        if !sound {
            return self.invalid(&packet, "not all parameters are bindings of bounded size with an account");
        }
        for parameter in std::mem::take(&mut packet.parameters) {
            if let Parameter::Binding(mut binding) = parameter {
                binding.removed |= closes;
                self.counters.bindings += 1;
                self.batch.add(Write::Binding(binding));
            }
        }
        self.answer_later(now, packet);
    }

    fn query_bindings(&mut self, packet: &Packet, query: &BindingQuery) {
        self.counters.queries += 1;
        self.commit();
        let page = self.backend.bindings(query);
        self.answer_page(packet, page, |binding| binding, |position| position.to_cursor());
    }

    /// Keeps a message, if its account may have one more.
    fn keep_message(&mut self, now: Now, mut packet: Packet) {
        let Some(Parameter::TextMessage(message)) = packet.parameters.pop() else { return };
        let Some(account) = message.account.clone().filter(|account| !account.is_empty() && fits(&*message)) else {
            return self.invalid(&packet, "no message of bounded size with an account");
        };
        if message.id.is_empty() {
            return self.invalid(&packet, "a message has an id");
        }
        let kept = match self.kept.take() {
            Some(kept) => Ok(kept),
            None => {
                self.commit();
                self.backend.message_counts("", crate::limits::MESSAGES).map(Kept::of)
            }
        };
        let mut kept = match kept {
            Ok(kept) => kept,
            Err(error) => return self.outbox.failed(&packet, error.failure()),
        };
        let room = kept.take(&account);
        self.kept = Some(kept);
        if !room {
            let failure = Failure::new(Reason::Exhausted).with_detail("as many messages are kept as may be");
            return self.outbox.failed(&packet, failure);
        }
        self.counters.messages += 1;
        self.batch.add(Write::Message(message));
        self.answer_later(now, packet);
    }

    fn remove_message(&mut self, now: Now, mut packet: Packet) {
        let Some(Parameter::TextMessage(message)) = packet.parameters.pop() else { return };
        if let (Some(kept), Some(account)) = (&mut self.kept, &message.account) {
            kept.give_back(account);
        }
        self.batch.add(Write::MessageRemoved(message.id));
        self.answer_later(now, packet);
    }

    /// An account's messages; or the accounts that have some.
    fn query_messages(&mut self, now: Now, packet: &Packet, asked: &TextMessage) {
        self.counters.queries += 1;
        self.commit();
        match &asked.account {
            Some(account) => {
                let page = self.backend.messages(&MessageQuery::new(account, selection(packet), now.wall));
                self.answer_page(packet, page, |message| message, |next| next);
            }
            None => {
                let selection = selection(packet);
                let after = selection.and_then(|selection| selection.cursor.as_deref()).unwrap_or_default();
                let limit = page_items(selection);
                let page = self.backend.message_counts(after, limit).map(|counts| {
                    let next = counts.last().filter(|_| counts.len() == limit).map(|(account, _)| account.clone());
                    Page { items: counts.into_iter().map(|(account, _)| mailbox(account)).collect(), next }
                });
                self.answer_page(packet, page, |mailbox| mailbox, |next| next);
            }
        }
    }

    fn set_records(&mut self, now: Now, mut packet: Packet) {
        let sound = packet.parameters.iter().all(
            |parameter| matches!(parameter, Parameter::CallRecord(record) if fits(&**record) && !record.id.is_empty()),
        );
        if !sound {
            return self.invalid(&packet, "not all parameters are call records of bounded size with an id");
        }
        for parameter in std::mem::take(&mut packet.parameters) {
            if let Parameter::CallRecord(record) = parameter {
                self.counters.records += 1;
                self.counters.records_merged += u64::from(self.batch.add_record(record));
            }
        }
        self.answer_later(now, packet);
    }

    fn query_records(&mut self, packet: &Packet, query: &RecordQuery) {
        if self.searches.len() >= SEARCHES {
            return self.outbox.failed(packet, Failure::new(Reason::Busy).with_detail("too many searches at once"));
        }
        self.counters.queries += 1;
        self.commit();
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        match self.backend.search(ticket, query) {
            Some(page) => self.answer_records(packet, page),
            None => drop(self.searches.insert(ticket, packet.clone())),
        }
    }

    fn answer_records(&mut self, packet: &Packet, page: Records) {
        self.answer_page(packet, page, |record: CallRecord| record, |position| position.to_cursor());
    }

    /// Answers the searches whose pages are there. True: there were any.
    pub fn answer_found(&mut self) -> bool {
        let mut answered = false;
        while let Some((ticket, page)) = self.backend.poll_found() {
            if let Some(packet) = self.searches.remove(&ticket) {
                self.answer_records(&packet, page);
                answered = true;
            }
        }
        answered
    }

    /// The store ends: who waits for a page is told so.
    pub fn end_searches(&mut self) {
        self.answer_found();
        for (_, packet) in std::mem::take(&mut self.searches) {
            self.outbox.failed(&packet, Failure::new(Reason::Busy).with_detail("the store ends"));
        }
    }

    fn answer_later(&mut self, now: Now, packet: Packet) {
        self.batch.answer_later(now.instant, packet);
        if self.batch.is_full() {
            self.commit();
        }
    }

    /// Answers a listing: the items, then the selection with a cursor where more follow.
    fn answer_page<T: Into<Parameter>, P>(
        &mut self,
        packet: &Packet,
        page: Result<Page<T, P>, BackendError>,
        item: impl Fn(T) -> T,
        cursor: impl FnOnce(P) -> String,
    ) {
        match page {
            Ok(page) => {
                let asked = selection(packet).cloned().unwrap_or_default();
                let rest = Selection { cursor: page.next.map(cursor), ..asked };
                let mut parameters: Parameters = page.items.into_iter().map(|entry| item(entry).into()).collect();
                parameters.push(rest.into());
                self.outbox.done(packet, parameters);
            }
            Err(error) => {
                match error {
                    BackendError::Damaged(_) => tracing::error!(%error, "a query failed"),
                    _ => tracing::warn!(%error, "a query failed"),
                }
                self.outbox.failed(packet, error.failure());
            }
        }
    }

    fn query_status(&mut self, packet: &Packet) {
        let usage = self.backend.usage();
        let outbox = self.outbox.counters();
        let status = status(self.outbox.address(), self.since, &self.health, usage, self.counters, outbox);
        self.outbox.done(packet, one(status));
    }

    fn purge(&mut self, now: Now) {
        let day = |days: u32| i64::from(days) * 86_400 * 1_000_000;
        let purge = Purge {
            bindings_until: now.wall,
            records_before: self.config.records_keep_days.map(|days| WallTime(now.wall.0.saturating_sub(day(days)))),
            rows: PURGE_ROWS,
        };
        let rows = match self.backend.purge(&purge) {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(%error, "what is over could not be deleted");
                0
            }
        };
        self.counters.purged += rows;
        if rows > 0 {
            self.kept = None;
        }
        let wait: Duration = if rows >= PURGE_ROWS as u64 { PURGE_PAUSE } else { PURGE_INTERVAL };
        self.purge_at = now.instant + wait;
    }

    fn note_alive(&mut self, now: Now) {
        // A disk that takes no writes is told of where one is owed.
        if let Err(error) = self.backend.note_alive(now.wall) {
            tracing::debug!(%error, "that the store lives could not be noted");
        }
        self.alive_at = now.instant + ALIVE_INTERVAL;
    }

    fn invalid(&mut self, packet: &Packet, detail: &str) {
        self.outbox.failed(packet, Failure::new(Reason::Invalid).with_detail(detail));
    }

    /// Counts a commit, and keeps whether the database takes writes.
    fn settle<T>(&mut self, result: Result<T, BackendError>) -> Result<T, Failure> {
        match result {
            Ok(committed) => {
                self.counters.commits += 1;
                self.health.sound();
                Ok(committed)
            }
            Err(error) => {
                self.counters.commits_failed += 1;
                self.health.fault(&error);
                Err(error.failure())
            }
        }
    }
}

impl<B: Backend> Service for Store<B> {
    fn handle_received(&mut self, now: Now, received: Received) {
        match received {
            Received::Packet(packet) => self.handle_request(now, packet),
            // The store asks nobody.
            Received::Answer(..) => {}
        }
    }

    fn handle_timeout(&mut self, now: Now) {
        if self.batch.due().is_some_and(|at| at <= now.instant) {
            self.commit();
        }
        if self.missed_at.is_some_and(|at| at <= now.instant) {
            self.tell_missed(now);
        }
        if self.purge_at <= now.instant {
            self.purge(now);
        }
        if self.alive_at <= now.instant {
            self.note_alive(now);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        [self.batch.due(), self.missed_at, Some(self.purge_at), Some(self.alive_at)].into_iter().flatten().min()
    }

    fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }
}

impl<B> std::fmt::Debug for Store<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("outbox", &self.outbox).field("counters", &self.counters).finish_non_exhaustive()
    }
}

/// The selection beside a query's noun.
fn selection(packet: &Packet) -> Option<&Selection> {
    packet.parameters.iter().find_map(|parameter| match parameter {
        Parameter::Selection(selection) => Some(&**selection),
        _ => None,
    })
}

/// Whether a value's encoding is of bounded size.
fn fits<T: minicbor::Encode<()>>(value: &T) -> bool {
    struct Room(usize);
    impl minicbor::encode::Write for Room {
        type Error = ();
        fn write_all(&mut self, bytes: &[u8]) -> Result<(), ()> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(())?;
            Ok(())
        }
    }
    minicbor::encode(value, Room(ENTRY_BYTES)).is_ok()
}

//! What a module has sent and still waits for.

use crate::address::{Address, Instance, Module, PlatformId};
use crate::command::{Class, Command};
use crate::limits::{PENDING, RELEASE_RETRY_MS};
use crate::own_map::OwnMap;
use crate::packet::{Packet, Parameters, Transaction, one};
use crate::parameter::{Failure, Reason};
use crate::route::Refused;
use crate::time::{Duration, Instant, TimerKey, TimerWheel};
use std::collections::VecDeque;

/// A request that was sent and has no last answer yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pending {
    /// Which of the module's instances asked.
    pub source: Instance,
    /// Whom.
    pub destination: Address,
    /// For what.
    pub command: Command,
}

/// What a packet from the inbox is to its module.
#[derive(Debug)]
pub enum Received {
    /// A request or a notification.
    Packet(Packet),
    /// An answer to a request of ours: `Progress`, or the last one (`Done`, `Failed`).
    Answer(Pending, Packet),
}

/// What an outbox has counted since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct OutboxCounters {
    /// Requests sent.
    pub requests: u64,
    /// Requests whose deadline passed without a last answer.
    pub expired: u64,
    /// Answers that came after their request had expired.
    pub late: u64,
    /// Requests that failed here since too many were pending.
    pub over_bound: u64,
    /// Releases that a full inbox refused and that were repeated.
    pub repeated: u64,
    /// Notices and answers that could not be delivered.
    pub undelivered: u64,
}

enum Timer {
    Deadline(Transaction),
    Repeat(Packet),
}

/// A module's side of the common protocol: it mints transactions, keeps the deadline of every request, matches answers,
/// repeats releases that found no room, and gives back what a late `Done` to an `Open` opened. Pure: time is an argument,
/// packets go out by [`poll_transmit`](Self::poll_transmit).
///
/// Drain rule: after any `handle_*`, `request` or answer, call `poll_transmit` until `None`; then
/// [`poll_received`](Self::poll_received) until `None` (failures that were born here); and come back at
/// [`poll_timeout`](Self::poll_timeout).
pub struct Outbox {
    address: Address,
    next: u64,
    pending: OwnMap<Transaction, (Pending, TimerKey)>,
    timers: TimerWheel<Timer>,
    transmit: VecDeque<Packet>,
    received: VecDeque<Packet>,
    /// Refusals of notices, for [`crate::Subscriptions`].
    missed: VecDeque<Address>,
    counters: OutboxCounters,
}

impl Outbox {
    /// The outbox of the module at `address`.
    pub fn new(address: Address) -> Self {
        Self {
            address: address.of_module(),
            next: 1,
            pending: OwnMap::default(),
            timers: TimerWheel::new(),
            transmit: VecDeque::new(),
            received: VecDeque::new(),
            missed: VecDeque::new(),
            counters: OutboxCounters::default(),
        }
    }

    /// The module's address.
    pub fn address(&self) -> Address {
        self.address
    }

    /// Sends a request on behalf of `source`. Exactly one last answer will come by [`handle_packet`](Self::handle_packet) or
    /// `poll_received`: the receiver's, or `Failed(Expired)` after `within`, or the router's refusal.
    pub fn request(
        &mut self,
        now: Instant,
        source: Instance,
        destination: Address,
        command: Command,
        parameters: impl Into<Parameters>,
        within: Duration,
    ) -> Transaction {
        debug_assert!(command.is_request());
        let transaction = Transaction(self.next);
        self.next += 1;
        let packet = Packet {
            source: self.address.at(source),
            destination,
            transaction,
            command,
            parameters: parameters.into(),
        };
        // The last answer's room in our inbox is reserved by being counted here.
        if self.pending.len() >= PENDING {
            self.counters.over_bound += 1;
            let failed = packet.failed(Reason::Busy);
            let timer = self.timers.schedule(now + within, Timer::Deadline(transaction));
            self.pending.insert(transaction, (Pending { source, destination, command }, timer));
            self.received.push_back(failed);
            return transaction;
        }
        self.counters.requests += 1;
        let timer = self.timers.schedule(now + within, Timer::Deadline(transaction));
        self.pending.insert(transaction, (Pending { source, destination, command }, timer));
        self.transmit.push_back(packet);
        transaction
    }

    /// Sends an answer made by [`Packet::answer`]. Requests without a transaction get none.
    pub fn answer(&mut self, answer: Packet) {
        if answer.transaction != Transaction::NONE {
            self.transmit.push_back(Packet { source: self.own(answer.source), ..answer });
        }
    }

    /// Passes a request on to whom it is at present; that one answers who sent it.
    pub fn pass_on(&mut self, request: Packet) {
        self.transmit.push_back(request);
    }

    /// Answers `request`: done.
    pub fn done(&mut self, request: &Packet, parameters: impl Into<Parameters>) {
        self.answer(request.answer(Command::Done, parameters));
    }

    /// Answers `request`: not done.
    pub fn failed(&mut self, request: &Packet, failure: Failure) {
        self.answer(request.answer(Command::Failed, one(failure)));
    }

    /// Answers `request`: this module does not serve that command with that parameter.
    pub fn unsupported(&mut self, request: &Packet) {
        let noun = request.first().map_or("nothing", |parameter| parameter.name());
        let detail = format!("{} does not serve {:?} × {noun}", self.address.module, request.command);
        self.failed(request, Failure::new(Reason::Unsupported).with_detail(detail));
    }

    /// Notifies `destination`; nobody answers.
    pub fn notify(&mut self, source: Instance, destination: Address, parameters: impl Into<Parameters>) {
        self.transmit.push_back(Packet {
            source: self.address.at(source),
            destination,
            transaction: Transaction::NONE,
            command: Command::Notify,
            parameters: parameters.into(),
        });
    }

    /// Takes a packet from the inbox. `None`: it was a late answer and is dealt with.
    pub fn handle_packet(&mut self, packet: Packet) -> Option<Received> {
        if packet.command.is_request() || packet.command == Command::Notify {
            return Some(Received::Packet(packet));
        }
        let Some(&(pending, timer)) = self.pending.get(&packet.transaction) else {
            self.handle_late(packet);
            return None;
        };
        // Whoever was asked answers; a guess at somebody's transaction is nobody's answer.
        let asked = pending.destination;
        let platform = packet.source.platform;
        let is_of_platform =
            [PlatformId::HERE, asked.platform].contains(&platform) || asked.platform == PlatformId::ANY;
        if asked.module.kind != packet.source.module.kind || !is_of_platform {
            self.counters.late += 1;
            return None;
        }
        if packet.command.is_final() {
            self.pending.remove(&packet.transaction);
            self.timers.cancel(timer);
        }
        Some(Received::Answer(pending, packet))
    }

    /// Takes back what the router refused.
    pub fn handle_refused(&mut self, now: Instant, refused: Refused) {
        let Refused { packet, reason } = refused;
        match packet.command.class() {
            Class::Release if reason == Reason::Busy => {
                self.counters.repeated += 1;
                self.timers.schedule(now + Duration::from_millis(RELEASE_RETRY_MS), Timer::Repeat(packet));
            }
            Class::Request | Class::Release => self.received.push_back(packet.failed(reason)),
            Class::Answer | Class::Notice => {
                self.counters.undelivered += 1;
                if packet.command == Command::Notify {
                    self.missed.push_back(packet.destination);
                }
            }
        }
    }

    /// Expires what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.timers.poll(now) {
            match timer {
                Timer::Deadline(transaction) => {
                    if let Some((pending, _)) = self.pending.get(&transaction) {
                        self.counters.expired += 1;
                        self.received.push_back(Packet {
                            source: pending.destination,
                            destination: self.address.at(pending.source),
                            transaction,
                            command: Command::Failed,
                            parameters: one(Failure::new(Reason::Expired)),
                        });
                    }
                }
                // Repeated only while somebody waits for its answer (or never did).
                Timer::Repeat(packet) => {
                    if packet.transaction == Transaction::NONE || self.pending.contains_key(&packet.transaction) {
                        self.transmit.push_back(packet);
                    }
                }
            }
        }
    }

    /// The next packet for the router.
    pub fn poll_transmit(&mut self) -> Option<Packet> {
        self.transmit.pop_front()
    }

    /// The next failure that was born here: expired, refused by the router, over the bound.
    pub fn poll_received(&mut self) -> Option<Received> {
        while let Some(packet) = self.received.pop_front() {
            if let Some(received) = self.handle_packet(packet) {
                return Some(received);
            }
        }
        None
    }

    /// The next subscriber that missed a notification.
    pub fn poll_missed(&mut self) -> Option<Address> {
        self.missed.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// How many requests have no last answer yet.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// What it has counted.
    pub fn counters(&self) -> OutboxCounters {
        self.counters
    }

    /// A request to "any of this kind" is answered by the one that took it.
    fn own(&self, source: Address) -> Address {
        Address {
            platform: PlatformId::HERE,
            module: Module { index: self.address.module.index, ..source.module },
            instance: source.instance,
        }
    }

    /// A late `Done` to an `Open` is answered with `Close`: what it opened has no owner. Only a `Done` that opened
    /// something carries a port.
    fn handle_late(&mut self, packet: Packet) {
        self.counters.late += 1;
        let opened = packet.command == Command::Done
            && matches!(packet.first(), Some(crate::parameter::Parameter::MediaPort(_)));
        if opened {
            self.transmit.push_back(Packet {
                source: packet.destination,
                destination: packet.source,
                transaction: Transaction::NONE,
                command: Command::Close,
                parameters: packet.parameters,
            });
        }
    }
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbox")
            .field("address", &self.address)
            .field("pending", &self.pending.len())
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

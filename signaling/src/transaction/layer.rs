//! The table of transactions.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use router::time::{Instant, TimerKey, TimerWheel};
use router::{OwnMap, Random};

use super::key::{ClientKey, Owner, ServerKey, branch_bits};
use super::limits::{CLIENTS_MAX, SERVERS_MAX};
use super::machine::{ClientInput, ServerInput};
use super::sending::ClientEntry;
use super::serving::ServerEntry;
use super::slots::Slots;
use super::timer::Timers;
use crate::message::Message;
use crate::transport::{Destination, Flow, Listeners, Maddr, Received, TcpRefusals, Token, Transmit, TransportFailure};

/// What the user of the transactions is told.
#[derive(Debug)]
pub enum Event {
    /// A new, valid request; answer it with [`Transactions::respond`] or [`Transactions::dismiss`]. Never ACK or CANCEL.
    Request {
        /// Its transaction.
        key: ServerKey,
        /// The request.
        message: Message,
        /// The way on which it came.
        flow: Flow,
    },
    /// An ACK to a 2xx, repeated ones included; or to nothing that is known.
    Ack {
        /// The transaction of its INVITE where the ACK carries the same branch, as only clients of RFC 2543 do.
        key: Option<ServerKey>,
        /// The ACK.
        message: Message,
        /// The way on which it came.
        flow: Flow,
    },
    /// A CANCEL came for this INVITE, and was answered with 200; the INVITE is to be answered, with 487.
    Cancelled {
        /// The transaction of the INVITE.
        key: ServerKey,
        /// The CANCEL: it may carry a Reason.
        message: Message,
    },
    /// A response to a request. Repeated 2xx to an INVITE, and those of further branches of a fork, come too, for
    /// 64·T1 after the first (RFC 6026 §7.2): each is to be acknowledged.
    Response {
        /// The transaction of the request.
        key: ClientKey,
        /// The response.
        message: Message,
        /// The way on which it came.
        flow: Flow,
    },
    /// No final response came in time: as if 408 had come (RFC 3261 §8.1.3.1).
    TimedOut {
        /// The transaction of the request.
        key: ClientKey,
    },
    /// The request did not leave: as if 503 had come (RFC 3261 §8.1.3.1). After a refusal of an INVITE was passed up it
    /// says that the ACK did not leave, and changes nothing for the user.
    Failed {
        /// The transaction of the request.
        key: ClientKey,
        /// Why.
        failure: TransportFailure,
    },
    /// No ACK came to the refusal of this INVITE.
    Unacknowledged {
        /// The transaction of the INVITE.
        key: ServerKey,
    },
    /// A response did not leave.
    ResponseFailed {
        /// The transaction of the request.
        key: ServerKey,
        /// Why.
        failure: TransportFailure,
    },
    /// Nothing more comes of this transaction; its key means nothing any more.
    ClientTerminated {
        /// The transaction.
        key: ClientKey,
    },
    /// Nothing more comes of this transaction; its key means nothing any more.
    ServerTerminated {
        /// The transaction.
        key: ServerKey,
    },
}

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransactionCounters {
    /// Requests that were passed up.
    pub requests_received: u64,
    /// Requests that were sent first.
    pub requests_sent: u64,
    /// Responses that were passed up.
    pub responses_received: u64,
    /// Responses of the user that were sent.
    pub responses_sent: u64,
    /// Repeated requests, responses and ACKs that were absorbed.
    pub absorbed: u64,
    /// Requests and responses that a timer sent again.
    pub retransmitted: u64,
    /// Requests without final response in time.
    pub timed_out: u64,
    /// Refusals without ACK in time.
    pub unacknowledged: u64,
    /// Requests and responses that did not leave.
    pub transport_failures: u64,
    /// Requests refused as merged ones (482).
    pub merged: u64,
    /// Requests refused as the table was full (503).
    pub refused: u64,
    /// Messages that were answered or dropped as they break the protocol.
    pub invalid: u64,
    /// Responses to nothing that is known.
    pub stray_responses: u64,
    /// Requests that went by TCP as they were too long for UDP.
    pub upgraded: u64,
    /// Such requests that went by UDP after all.
    pub downgraded: u64,
}

/// All transactions of a shard.
#[derive(Debug)]
pub struct Transactions {
    pub(super) timers: Timers,
    pub(super) listeners: Listeners,
    pub(super) random: Random,
    /// Makes the tags of answers without transaction, the same for the same request.
    pub(super) tag_secret: u64,
    pub(super) clients: Slots<ClientEntry>,
    /// By branch, and whether it is the CANCEL.
    pub(super) client_index: OwnMap<(u128, bool), ClientKey>,
    pub(super) servers: Slots<ServerEntry>,
    pub(super) server_index: HashMap<Arc<[u8]>, ServerKey>,
    /// Server transactions by what merged requests have in common.
    pub(super) merge_index: HashMap<Arc<[u8]>, ServerKey>,
    pub(super) refusals: TcpRefusals,
    wheel: TimerWheel<Owner>,
    events: VecDeque<Event>,
    transmits: VecDeque<Transmit>,
    /// Where keys are written before they are looked up.
    pub(super) scratch: Vec<u8>,
    pub(super) counters: TransactionCounters,
}

/// The timer of a transaction, as it is scheduled.
pub(super) type Scheduled = Option<(TimerKey, Instant)>;

impl Transactions {
    /// An empty table. `listeners` are those that are bound; their advertised addresses stand in our Via.
    pub fn new(timers: Timers, listeners: Listeners, random: Random) -> Transactions {
        Transactions::bounded(timers, listeners, random, CLIENTS_MAX, SERVERS_MAX)
    }

    pub(super) fn bounded(
        timers: Timers,
        listeners: Listeners,
        mut random: Random,
        clients: usize,
        servers: usize,
    ) -> Transactions {
        Transactions {
            timers,
            listeners,
            tag_secret: random.next_u64(),
            random,
            clients: Slots::new(clients),
            client_index: OwnMap::default(),
            servers: Slots::new(servers),
            server_index: HashMap::new(),
            merge_index: HashMap::new(),
            refusals: TcpRefusals::default(),
            wheel: TimerWheel::new(),
            events: VecDeque::new(),
            transmits: VecDeque::new(),
            scratch: Vec::new(),
            counters: TransactionCounters::default(),
        }
    }

    /// Takes what a transport received. Octets that are no message at all are counted and dropped, and so are responses to
    /// nothing that is known; false says so.
    pub fn handle_received(&mut self, now: Instant, received: Received, maddr: Maddr) -> bool {
        let flow = received.flow;
        let Some(message) = self.read(received) else { return false };
        self.handle_message(now, &flow, message, maddr)
    }

    /// Reads what a transport received, for [`handle_message`](Self::handle_message). `None`: it is no message at all, which is counted.
    pub fn read(&mut self, received: Received) -> Option<Message> {
        let parsed = match received.flow.transport.is_reliable() {
            true => Message::parse_framed(received.bytes),
            false => Message::parse_datagram(received.bytes),
        };
        self.counters.invalid += u64::from(parsed.is_err());
        parsed.ok()
    }

    /// Takes a message as parsed, before [`Message::validate`]: repetitions are absorbed first, and what is not valid is
    /// answered or dropped here. False: it is a response to nothing that is known.
    pub fn handle_message(&mut self, now: Instant, flow: &Flow, message: Message, maddr: Maddr) -> bool {
        if message.is_request() {
            self.handle_request(now, flow, message, maddr);
            true
        } else {
            self.handle_response(now, flow, message)
        }
    }

    /// Whether that branch is one of ours that [waits](Self::awaits).
    pub fn has_sent(&self, branch: &str) -> bool {
        branch_bits(branch).is_some_and(|bits| self.awaits(bits))
    }

    /// Whether a request with these random bits in its branch waits for responses, or absorbs repeated ones.
    pub fn awaits(&self, branch: u128) -> bool {
        [false, true].into_iter().any(|is_cancel| self.client_index.contains_key(&(branch, is_cancel)))
    }

    /// Takes the transports' word that what was sent with that token did not leave.
    pub fn handle_transport_failed(&mut self, now: Instant, token: Token, failure: TransportFailure) {
        self.counters.transport_failures += 1;
        match Owner::of_token(token) {
            Owner::Client(key) => self.client_failed(now, key, failure),
            Owner::Server(key) => self.server_input(now, key, ServerInput::TransportFailed, Some(failure)),
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(owner) = self.wheel.poll(now) {
            match owner {
                Owner::Client(key) => {
                    if let Some(entry) = self.clients.get_mut(key.0) {
                        entry.timer = None;
                        self.client_silent(now, key);
                        self.client_input(now, key, ClientInput::Timeout, None);
                    }
                }
                Owner::Server(key) => {
                    if let Some(entry) = self.servers.get_mut(key.0) {
                        entry.timer = None;
                        self.server_input(now, key, ServerInput::Timeout, None);
                    }
                }
            }
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); `None`: nothing is scheduled.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.wheel.next()
    }

    /// The next message to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// The next thing to know.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The listeners whose addresses stand in our Via.
    pub fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    /// Other listeners, after a change of the configuration. What was sent keeps its Via.
    pub fn set_listeners(&mut self, listeners: Listeners) {
        self.listeners = listeners;
    }

    /// Other lengths of timers, after a change of the configuration. What is scheduled stays.
    pub fn set_timers(&mut self, timers: Timers) {
        self.timers = timers;
    }

    /// Client and server transactions that are held.
    pub fn len(&self) -> (usize, usize) {
        (self.clients.len(), self.servers.len())
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.len() == (0, 0)
    }

    /// Counts since the start.
    pub fn counters(&self) -> TransactionCounters {
        self.counters
    }

    pub(super) fn push_event(&mut self, event: Event) {
        self.events.push_back(event);
    }

    pub(super) fn push_transmit(&mut self, destination: Destination, bytes: Bytes, owner: Option<Owner>) {
        self.transmits.push_back(Transmit { destination, bytes, token: owner.map(Owner::token) });
    }

    /// Schedules the machine's next deadline in place of the one that is scheduled.
    pub(super) fn reschedule(&mut self, scheduled: Scheduled, next: Option<Instant>, owner: Owner) -> Scheduled {
        match (scheduled, next) {
            (Some((_, at)), Some(next)) if at == next => scheduled,
            (scheduled, next) => {
                if let Some((timer, _)) = scheduled {
                    self.wheel.cancel(timer);
                }
                next.map(|at| (self.wheel.schedule(at, owner), at))
            }
        }
    }

    pub(super) fn unschedule(&mut self, scheduled: Scheduled) {
        if let Some((timer, _)) = scheduled {
            self.wheel.cancel(timer);
        }
    }
}

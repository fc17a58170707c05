//! The side of the client: requests out, responses in.

use std::fmt;

use bytes::Bytes;
use router::time::Instant;

use super::client::Client;
use super::derived::{acknowledgement, cancellation};
use super::invite_client::InviteClient;
use super::key::{ClientKey, Owner, branch_of, response_key};
use super::layer::{Event, Scheduled, Transactions};
use super::limits::{CLIENTS_RESERVED, REASON_OCTETS_MAX};
use super::machine::{ClientInput, Output, Outputs};
use super::timer::{Timer, Timers};
use crate::message::{Message, Method};
use crate::transport::limits::UDP_REQUEST_OCTETS_MAX;
use crate::transport::{Destination, Flow, TransportFailure, upgrade, with_via};

/// Why a request was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestRefused {
    /// As many client transactions as there may be.
    Full,
    /// No listener has the transport and address family of the destination.
    NoListener,
    /// It does not start with a request line, or is an ACK or CANCEL, which have calls of their own.
    NotARequest,
}

impl fmt::Display for RequestRefused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            RequestRefused::Full => "too many transactions",
            RequestRefused::NoListener => "no listener of that transport and address family",
            RequestRefused::NotARequest => "not a request that makes a transaction",
        })
    }
}

impl std::error::Error for RequestRefused {}

/// An ACK to a 2xx as it was sent: to be [repeated](Transactions::repeat) for each repetition of the 2xx
/// (RFC 3261 §13.2.2.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    destination: Destination,
    bytes: Bytes,
}

impl Acknowledgement {
    /// Where it went.
    pub fn destination(&self) -> &Destination {
        &self.destination
    }

    /// The whole ACK.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

/// One client transaction.
#[derive(Debug)]
pub(super) struct ClientEntry {
    machine: Machine,
    branch: u128,
    destination: Destination,
    /// The request as sent while it may be needed: to repeat, acknowledge or cancel it. After a refusal the ACK.
    sent: Bytes,
    cancel: Cancel,
    /// What goes by UDP if TCP is refused or stays silent, until something is heard.
    fallback: Option<Box<Fallback>>,
    pub(super) timer: Scheduled,
}

/// A request that was meant to go by UDP.
#[derive(Debug)]
struct Fallback {
    /// The destination that was meant.
    destination: Destination,
    /// Without Via.
    request: Bytes,
    /// Until when something is to be heard by TCP.
    until: Instant,
}

#[derive(Debug)]
enum Machine {
    Invite(InviteClient),
    Other(Client),
    /// A CANCEL: nobody is told of it.
    Cancel(Client),
}

/// Whether an INVITE is to be cancelled.
#[derive(Debug)]
enum Cancel {
    Unasked,
    /// As soon as a provisional response comes; with that Reason.
    Deferred(Option<Box<str>>),
    Sent,
}

impl Machine {
    fn start(now: Instant, timers: &Timers, method: &[u8], reliable: bool) -> Machine {
        match method {
            b"INVITE" => Machine::Invite(InviteClient::start(now, timers, reliable)),
            _ => Machine::Other(Client::start(now, timers, reliable)),
        }
    }

    fn handle(&mut self, now: Instant, timers: &Timers, input: ClientInput) -> Outputs {
        match self {
            Machine::Invite(machine) => machine.handle(now, timers, input),
            Machine::Other(machine) | Machine::Cancel(machine) => machine.handle(now, timers, input),
        }
    }

    fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        match self {
            Machine::Invite(machine) => machine.poll_timeout(),
            Machine::Other(machine) | Machine::Cancel(machine) => machine.poll_timeout(),
        }
    }

    /// Whether the request as sent is of no more use.
    fn is_done_with_request(&self) -> bool {
        match self {
            Machine::Invite(machine) => !machine.is_calling() && !machine.is_proceeding(),
            Machine::Other(machine) | Machine::Cancel(machine) => !machine.is_pending(),
        }
    }

    fn is_unanswered(&self) -> bool {
        match self {
            Machine::Invite(machine) => machine.is_calling(),
            Machine::Other(machine) | Machine::Cancel(machine) => machine.is_trying(),
        }
    }
}

impl Transactions {
    /// Sends a request in a transaction of its own. The request has no Via of ours: the layer puts it on top, with the
    /// transport that it goes by, the advertised address of the listener and a new branch.
    ///
    /// A request that is too long for UDP goes by TCP where the destination allows, and by UDP after all where the peer
    /// takes no connection (RFC 3261 §18.1.1), or takes one and says nothing for [`Timers::stream_silence`]. Its branch stays
    /// the same: a peer that had it by TCP takes it for a repetition (§17.2.3).
    ///
    /// # Errors
    /// Nothing was sent and nothing is kept.
    pub fn request(
        &mut self,
        now: Instant,
        destination: Destination,
        request: Bytes,
    ) -> Result<ClientKey, RequestRefused> {
        let method = request_method(&request).ok_or(RequestRefused::NotARequest)?;
        if method == b"ACK" || method == b"CANCEL" {
            return Err(RequestRefused::NotARequest);
        }
        let needed = if method == b"INVITE" { CLIENTS_RESERVED.min(self.clients_bound() / 8) } else { 0 };
        if self.clients.room() <= needed {
            return Err(RequestRefused::Full);
        }
        let branch = self.random_bits();
        let (id, listener) = self.listeners.select(&destination).ok_or(RequestRefused::NoListener)?;
        let meant = destination.from_listener(id);
        let mut sent = with_via(&request, listener, meant.local, branch_of(branch).as_str());
        let mut destination = meant;
        let mut fallback = None;
        if let Some(tcp) = upgrade(now, &meant, sent.len(), &self.listeners, &self.refusals)
            && let Some((_, listener)) = self.listeners.select(&tcp)
        {
            sent = with_via(&request, listener, tcp.local, branch_of(branch).as_str());
            let until = now + self.timers.stream_silence();
            fallback = Some(Box::new(Fallback { destination: meant, request: request.clone(), until }));
            destination = tcp;
            self.counters.upgraded += 1;
        }
        let machine = Machine::start(now, &self.timers, method, destination.transport.is_reliable());
        let key = self.insert_client(machine, branch, destination, sent, fallback).ok_or(RequestRefused::Full)?;
        self.counters.requests_sent += 1;
        Ok(key)
    }

    /// Where a request goes that must not go by datagrams if it is too long for them, whatever its peer takes: RFC 3428 §8 wants that of
    /// MESSAGE. `None`: nothing else leads there.
    pub fn never_too_long(&self, now: Instant, destination: &Destination, request: &[u8]) -> Option<Destination> {
        // No Via has as many octets again.
        if destination.transport.is_reliable() || request.len() <= UDP_REQUEST_OCTETS_MAX / 2 {
            return Some(*destination);
        }
        let (_, listener) = self.listeners.select(destination)?;
        let octets = with_via(request, listener, destination.local, branch_of(0).as_str()).len();
        if octets <= UDP_REQUEST_OCTETS_MAX {
            return Some(*destination);
        }
        upgrade(now, destination, octets, &self.listeners, &self.refusals)
    }

    /// Cancels an INVITE: at once if a provisional response has come, else as soon as one comes (RFC 3261 §9.1); not at
    /// all if the final one has. `reason` is the value of a Reason header (RFC 3326). The INVITE still ends with a
    /// response (487 as a rule) or times out.
    pub fn cancel(&mut self, now: Instant, key: ClientKey, reason: Option<&str>) {
        let Some(entry) = self.clients.get_mut(key.0) else { return };
        let Machine::Invite(machine) = &entry.machine else { return };
        let reason = reason.filter(|reason| reason.len() <= REASON_OCTETS_MAX);
        if !matches!(entry.cancel, Cancel::Unasked) {
            return;
        }
        if machine.is_proceeding() {
            self.send_cancel(now, key, reason);
        } else if machine.is_calling() {
            entry.cancel = Cancel::Deferred(reason.map(Box::from));
        }
    }

    /// Sends the ACK to a 2xx (RFC 3261 §13.2.2.4), which has no transaction. It has no Via of ours yet; it keeps its
    /// branch when it is [repeated](Self::repeat).
    ///
    /// # Errors
    /// If no listener fits, or it is no ACK.
    pub fn acknowledge(&mut self, destination: Destination, ack: &[u8]) -> Result<Acknowledgement, RequestRefused> {
        if request_method(ack) != Some(b"ACK") {
            return Err(RequestRefused::NotARequest);
        }
        let branch = branch_of(self.random_bits());
        let (id, listener) = self.listeners.select(&destination).ok_or(RequestRefused::NoListener)?;
        let bytes = with_via(ack, listener, destination.local, branch.as_str());
        let sent = Acknowledgement { destination: destination.from_listener(id), bytes };
        self.repeat(&sent);
        Ok(sent)
    }

    /// Sends a request without a transaction, once: what comes back answers nothing that is known. It has no Via of ours yet.
    ///
    /// # Errors
    /// If no listener fits.
    pub fn send_once(&mut self, destination: Destination, request: &[u8]) -> Result<(), RequestRefused> {
        let branch = branch_of(self.random_bits());
        let (id, listener) = self.listeners.select(&destination).ok_or(RequestRefused::NoListener)?;
        let bytes = with_via(request, listener, destination.local, branch.as_str());
        self.push_transmit(destination.from_listener(id), bytes, None);
        Ok(())
    }

    /// Sends an ACK once more.
    pub fn repeat(&mut self, acknowledgement: &Acknowledgement) {
        self.push_transmit(acknowledgement.destination, acknowledgement.bytes.clone(), None);
    }

    /// Whether that INVITE or other request still waits for its final response.
    pub fn is_waiting(&self, key: ClientKey) -> bool {
        self.clients.get(key.0).is_some_and(|entry| !entry.machine.is_done_with_request())
    }

    /// Where the request went: by TCP perhaps, although it was meant to go by UDP.
    pub fn destination(&self, key: ClientKey) -> Option<Destination> {
        self.clients.get(key.0).map(|entry| entry.destination)
    }

    /// Takes a response; false if it answers nothing that is known.
    pub(super) fn handle_response(&mut self, now: Instant, flow: &Flow, message: Message) -> bool {
        let found = response_key(&message).and_then(|(branch, method)| {
            let key = *self.client_index.get(&(branch, method == Method::Cancel))?;
            let invite = matches!(self.clients.get(key.0)?.machine, Machine::Invite(_));
            (invite == (method == Method::Invite)).then_some(key)
        });
        // RFC 3261 §18.1.2: a response whose sent-by is not ours is dropped. It may be that of TCP where the request went by UDP
        // afterwards.
        let ours = |_: &ClientKey| message.via().is_ok_and(|via| self.listeners.is_sent_by(&via));
        let Some(key) = found.filter(ours) else {
            self.counters.stray_responses += 1;
            return false;
        };
        let Some(status) = message.status().filter(|_| message.validate().is_ok()) else {
            self.counters.invalid += 1;
            return true;
        };
        if let Some(entry) = self.clients.get_mut(key.0)
            && (entry.fallback.take().is_some() || flow.transport != entry.destination.transport)
        {
            // It serves TCP, though slowly perhaps.
            self.refusals.clear(entry.destination.remote);
        }
        self.client_input(now, key, ClientInput::Response(status), Some((message, *flow)));
        true
    }

    /// Gives the machine an input and does what it says.
    pub(super) fn client_input(
        &mut self,
        now: Instant,
        key: ClientKey,
        input: ClientInput,
        mut response: Option<(Message, Flow)>,
    ) {
        // As at the side of the server; for twice as long, within which a 2xx whose ACK is lost comes four times more.
        let timers = match self.clients.is_half_full() {
            true => self.timers.with_linger(self.timers.t4 * 2),
            false => self.timers,
        };
        let Some(entry) = self.clients.get_mut(key.0) else { return };
        let outputs = entry.machine.handle(now, &timers, input);
        let told = !matches!(entry.machine, Machine::Cancel(_));
        if outputs.is_empty() && response.is_some() {
            self.counters.absorbed += 1;
        }
        let mut terminated = false;
        for output in outputs {
            match output {
                Output::Retransmit => self.send_again(key),
                Output::Acknowledge => {
                    if let Some((response, _)) = &response {
                        self.acknowledge_refusal(key, response);
                    }
                }
                Output::PassUp => {
                    if let Some((message, flow)) = response.take().filter(|_| told) {
                        self.counters.responses_received += 1;
                        self.push_event(Event::Response { key, message, flow });
                    }
                }
                Output::TimedOut(_) if told => {
                    self.counters.timed_out += 1;
                    self.push_event(Event::TimedOut { key });
                }
                Output::Terminated => terminated = true,
                Output::TimedOut(_) | Output::Failed | Output::Send | Output::SendTrying => {}
            }
        }
        if terminated {
            self.remove_client(key, told);
            return;
        }
        self.settle_client(now, key);
    }

    /// The transport failed a request or an ACK: by UDP after all, or the end.
    pub(super) fn client_failed(&mut self, now: Instant, key: ClientKey, failure: TransportFailure) {
        let Some(entry) = self.clients.get_mut(key.0) else { return };
        if let Some(fallback) = entry.fallback.take()
            && self.downgrade(now, key, &fallback, failure)
        {
            return;
        }
        let Some(entry) = self.clients.get_mut(key.0) else { return };
        let outputs = entry.machine.handle(now, &self.timers, ClientInput::TransportFailed);
        let told = !matches!(entry.machine, Machine::Cancel(_));
        if outputs.contains(&Output::Failed) && told {
            self.push_event(Event::Failed { key, failure });
        }
        if outputs.contains(&Output::Terminated) {
            self.remove_client(key, told);
        }
    }

    /// Nothing came by TCP in time for a request that was to go by UDP: it does.
    pub(super) fn client_silent(&mut self, now: Instant, key: ClientKey) {
        let Some(entry) = self.clients.get_mut(key.0) else { return };
        if let Some(fallback) = entry.fallback.take_if(|fallback| fallback.until <= now) {
            self.downgrade(now, key, &fallback, TransportFailure::TimedOut);
        }
    }

    /// Sends by UDP what TCP did not take, as if it had been sent only now. False if something was heard already, if it is to
    /// be cancelled, or if no listener is left for it.
    fn downgrade(&mut self, now: Instant, key: ClientKey, fallback: &Fallback, failure: TransportFailure) -> bool {
        let Fallback { destination, request, .. } = fallback;
        let pending = |entry: &ClientEntry| entry.machine.is_unanswered() && matches!(entry.cancel, Cancel::Unasked);
        if !self.clients.get(key.0).is_some_and(pending) {
            return false;
        }
        if matches!(failure, TransportFailure::Refused | TransportFailure::TimedOut | TransportFailure::Unreachable) {
            self.refusals.note(now, destination.remote);
        }
        let Some(branch) = self.clients.get(key.0).map(|entry| branch_of(entry.branch)) else { return false };
        let Some((_, listener)) = self.listeners.select(destination) else { return false };
        let Some(method) = request_method(request) else { return false };
        let sent = with_via(request, listener, destination.local, branch.as_str());
        let machine = Machine::start(now, &self.timers, method, destination.transport.is_reliable());
        let Some(entry) = self.clients.get_mut(key.0) else { return false };
        (entry.machine, entry.destination, entry.sent) = (machine, *destination, sent);
        self.counters.downgraded += 1;
        self.send(key);
        self.settle_client(now, key);
        true
    }

    /// What follows every step: a deferred CANCEL, octets that are of no more use, the next timer.
    fn settle_client(&mut self, now: Instant, key: ClientKey) {
        let Some(entry) = self.clients.get_mut(key.0) else { return };
        let done = entry.machine.is_done_with_request();
        if done && matches!(entry.machine, Machine::Other(_) | Machine::Cancel(_)) || is_accepted(&entry.machine) {
            entry.sent = Bytes::new();
        }
        if done {
            entry.cancel = Cancel::Sent;
        }
        let deferred = match (&entry.machine, &mut entry.cancel) {
            (Machine::Invite(machine), Cancel::Deferred(reason)) if machine.is_proceeding() => Some(reason.take()),
            _ => None,
        };
        if let Some(reason) = deferred {
            self.send_cancel(now, key, reason.as_deref());
            return;
        }
        self.reschedule_client(key);
    }

    fn send_cancel(&mut self, now: Instant, key: ClientKey, reason: Option<&str>) {
        let Some(entry) = self.clients.get_mut(key.0) else { return };
        entry.cancel = Cancel::Sent;
        entry.machine.handle(now, &self.timers, ClientInput::Cancelled);
        let (branch, destination) = (entry.branch, entry.destination);
        let cancel = cancellation(&entry.sent, reason);
        self.reschedule_client(key);
        if let Some(cancel) = cancel {
            let machine = Machine::Cancel(Client::start(now, &self.timers, destination.transport.is_reliable()));
            self.insert_client(machine, branch, destination, cancel, None);
        }
    }

    /// The ACK to the first refusal is built and kept in place of the request; to further ones it is repeated.
    fn acknowledge_refusal(&mut self, key: ClientKey, response: &Message) {
        let Some(entry) = self.clients.get_mut(key.0) else { return };
        if !entry.sent.starts_with(b"ACK ") {
            let Some(ack) = acknowledgement(&entry.sent, response) else { return };
            entry.sent = ack;
        }
        self.send(key);
    }

    fn insert_client(
        &mut self,
        machine: Machine,
        branch: u128,
        destination: Destination,
        sent: Bytes,
        fallback: Option<Box<Fallback>>,
    ) -> Option<ClientKey> {
        let is_cancel = matches!(machine, Machine::Cancel(_));
        let entry = ClientEntry { machine, branch, destination, sent, cancel: Cancel::Unasked, fallback, timer: None };
        let key = ClientKey(self.clients.insert(entry)?);
        self.client_index.insert((branch, is_cancel), key);
        self.send(key);
        self.reschedule_client(key);
        Some(key)
    }

    fn remove_client(&mut self, key: ClientKey, told: bool) {
        let Some(entry) = self.clients.remove(key.0) else { return };
        self.unschedule(entry.timer);
        self.client_index.remove(&(entry.branch, matches!(entry.machine, Machine::Cancel(_))));
        if told {
            self.push_event(Event::ClientTerminated { key });
        }
    }

    fn send(&mut self, key: ClientKey) {
        if let Some(entry) = self.clients.get(key.0) {
            let (destination, bytes) = (entry.destination, entry.sent.clone());
            self.push_transmit(destination, bytes, Some(Owner::Client(key)));
        }
    }

    fn send_again(&mut self, key: ClientKey) {
        self.counters.retransmitted += 1;
        self.send(key);
    }

    fn reschedule_client(&mut self, key: ClientKey) {
        let Some(entry) = self.clients.get_mut(key.0) else { return };
        let until = entry.fallback.as_ref().map(|fallback| fallback.until);
        let next = entry.machine.poll_timeout().map(|(at, _)| at).into_iter().chain(until).min();
        let scheduled = entry.timer.take();
        let scheduled = self.reschedule(scheduled, next, Owner::Client(key));
        if let Some(entry) = self.clients.get_mut(key.0) {
            entry.timer = scheduled;
        }
    }

    fn clients_bound(&self) -> usize {
        self.clients.len() + self.clients.room()
    }

    fn random_bits(&mut self) -> u128 {
        u128::from(self.random.next_u64()) << 64 | u128::from(self.random.next_u64())
    }
}

/// The method that the octets of a request start with.
fn request_method(request: &[u8]) -> Option<&[u8]> {
    let end = request.iter().take(crate::limits::METHOD_OCTETS_MAX + 1).position(|&octet| octet == b' ')?;
    let method = &request[..end];
    (end > 0 && !method.starts_with(b"SIP/")).then_some(method)
}

/// Whether an INVITE had a 2xx: its request is neither repeated, acknowledged by the layer nor cancelled any more.
fn is_accepted(machine: &Machine) -> bool {
    matches!(machine, Machine::Invite(machine) if machine.poll_timeout().is_some_and(|(_, timer)| timer == Timer::M))
}

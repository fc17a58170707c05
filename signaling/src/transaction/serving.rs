//! The side of the server: requests in, responses out.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use router::time::Instant;

use super::invite_server::InviteServer;
use super::key::{Owner, ServerKey, write_merge_key, write_server_key};
use super::layer::{Event, Scheduled, Transactions};
use super::limits::{RETRY_AFTER, SERVERS_RESERVED};
use super::machine::{Output, Outputs, ServerInput};
use super::server::Server;
use super::timer::{Timer, Timers};
use crate::message::{Fault, Header, Message, Method, ResponseWriter, StatusCode, Tag};
use crate::transport::{Destination, Flow, Maddr, TransportFailure, response_destination};

/// One server transaction.
#[derive(Debug)]
pub(super) struct ServerEntry {
    machine: Machine,
    key: Arc<[u8]>,
    merge: Option<Arc<[u8]>>,
    destination: Destination,
    /// The last response while it may have to be repeated.
    response: Bytes,
    /// The request and its source until the user answers: 100 Trying is made of them.
    unanswered: Option<Box<(Message, SocketAddr)>>,
    pub(super) timer: Scheduled,
}

/// What is known of a request before it is handled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sighted {
    /// It is a repetition of one that is served, or the CANCEL of such.
    pub is_known: bool,
    /// Bits that are the same for a request and its repetitions, and that nobody foresees.
    pub bits: u64,
}

#[derive(Debug)]
enum Machine {
    Invite(InviteServer),
    Other(Server),
    /// A CANCEL: nobody is told of it.
    Cancel(Server),
}

impl Machine {
    fn handle(&mut self, now: Instant, timers: &Timers, input: ServerInput) -> Outputs {
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

    /// Whether the last response may have to be sent again.
    fn repeats(&self) -> bool {
        match self {
            Machine::Invite(machine) => machine.repeats(),
            Machine::Other(_) | Machine::Cancel(_) => true,
        }
    }
}

impl Transactions {
    /// Sends a response of the user, whole as [`ResponseWriter`] makes it, with [`ResponseWriter::source`] set to the
    /// flow's remote address. False if the transaction takes none any more: it has ended, or its final response was
    /// sent. Only a 2xx to an INVITE may be given again: the user repeats it until the ACK comes
    /// (RFC 3261 §13.3.1.4).
    pub fn respond(&mut self, now: Instant, key: ServerKey, response: Bytes) -> bool {
        let Some(status) = response_status(&response) else { return false };
        let timers = self.server_timers();
        let Some(entry) = self.servers.get_mut(key.0) else { return false };
        let outputs = entry.machine.handle(now, &timers, ServerInput::Respond(status));
        if !outputs.contains(&Output::Send) {
            return false;
        }
        let destination = entry.destination;
        entry.unanswered = None;
        entry.response = if entry.machine.repeats() { response.clone() } else { Bytes::new() };
        self.counters.responses_sent += 1;
        self.push_transmit(destination, response, Some(Owner::Server(key)));
        if outputs.contains(&Output::Terminated) {
            self.remove_server(key, true);
        } else {
            self.reschedule_server(key);
        }
        true
    }

    /// The ACK to the 2xx of an INVITE has come. It goes to the dialog (RFC 3261 §17.2.1), so the transaction does not see it.
    pub fn acknowledged(&mut self, now: Instant, key: ServerKey) {
        let Some(linger) = self.server_timers().linger else { return };
        if let Some(Machine::Invite(machine)) = self.servers.get_mut(key.0).map(|entry| &mut entry.machine)
            && machine.forget_by(now + linger)
        {
            self.reschedule_server(key);
        }
    }

    /// The timers' lengths as things stand: where the table is more than half full, what has been answered is remembered for T4, within which what is under
    /// way has come. So what comes fast is served for as long as it comes: a rate of which 64·T1 has no room would be refused from then on.
    fn server_timers(&self) -> Timers {
        match self.servers.is_half_full() {
            true => self.timers.with_linger(self.timers.t4),
            false => self.timers,
        }
    }

    /// Sends a response and forgets the request at once, as a stateless server does (RFC 3261 §8.2.7): a repetition
    /// comes up as a new request, and so does the ACK. For challenges and refusals that must cost a flood nothing; no
    /// further event comes of the transaction. False if it has ended.
    pub fn dismiss(&mut self, key: ServerKey, response: Bytes) -> bool {
        let Some(entry) = self.servers.get(key.0) else { return false };
        let destination = entry.destination;
        self.counters.responses_sent += 1;
        self.push_transmit(destination, response, None);
        self.remove_server(key, false);
        true
    }

    /// What is known of a request before it is handled. `None`: it does not say which transaction it is of.
    pub fn sight(&mut self, message: &Message) -> Option<Sighted> {
        let via = message.via().ok()?;
        // A CANCEL is of the INVITE that it is to end.
        let method = message.method().filter(|method| **method != Method::Cancel).unwrap_or(&Method::Invite);
        let mut scratch = std::mem::take(&mut self.scratch);
        let sighted = write_server_key(&mut scratch, message, &via, method).map(|()| {
            let mut hasher = DefaultHasher::new();
            self.tag_secret.hash(&mut hasher);
            scratch.hash(&mut hasher);
            Sighted { is_known: self.server_index.contains_key(&scratch[..]), bits: hasher.finish() }
        });
        self.scratch = scratch;
        sighted
    }

    /// Refuses a new request with 503 as there are too many, without a transaction (RFC 3261 §8.2.7), by that tag.
    pub fn decline(&mut self, flow: &Flow, message: &Message, maddr: Maddr, tag: &Tag, retry_after_s: u64) {
        let Ok(via) = message.via() else { return self.refuse_unroutable(flow, message) };
        let destination = response_destination(&via, flow, maddr);
        if let Err(fault) = message.validate() {
            return self.refuse_invalid(flow, destination, message, &fault);
        }
        let response = ResponseWriter::to(message, StatusCode::SERVICE_UNAVAILABLE)
            .source(flow.remote)
            .to_tag(tag)
            .header(Header::RetryAfter, retry_after_s)
            .finish();
        self.push_transmit(destination, response, None);
    }

    /// Whether the request still waits for its final response.
    pub fn is_unanswered(&self, key: ServerKey) -> bool {
        self.servers.get(key.0).is_some_and(|entry| match &entry.machine {
            Machine::Invite(machine) => machine.is_proceeding(),
            Machine::Other(machine) | Machine::Cancel(machine) => machine.is_pending(),
        })
    }

    pub(super) fn handle_request(&mut self, now: Instant, flow: &Flow, message: Message, maddr: Maddr) {
        let Some(method) = message.method().cloned() else { return };
        let Ok(via) = message.via() else { return self.refuse_unroutable(flow, &message) };
        let destination = response_destination(&via, flow, maddr);
        let matched = if method == Method::Ack { &Method::Invite } else { &method };
        let mut scratch = std::mem::take(&mut self.scratch);
        let keyed = write_server_key(&mut scratch, &message, &via, matched).is_some();
        let known = if keyed { self.server_index.get(&scratch[..]).copied() } else { None };
        match (known, &method) {
            (known, Method::Ack) => self.handle_ack(now, known, flow, message),
            (Some(key), _) => {
                self.counters.absorbed += 1;
                self.server_input(now, key, ServerInput::Request, None);
            }
            (None, _) => match message.validate() {
                Err(fault) => self.refuse_invalid(flow, destination, &message, &fault),
                Ok(()) if !keyed => self.counters.invalid += 1,
                Ok(()) if method == Method::Cancel => {
                    self.handle_cancel(now, flow, destination, &mut scratch, message);
                }
                Ok(()) => self.accept(now, flow, destination, &mut scratch, message, method),
            },
        }
        self.scratch = scratch;
    }

    /// A new request.
    fn accept(
        &mut self,
        now: Instant,
        flow: &Flow,
        destination: Destination,
        scratch: &mut Vec<u8>,
        message: Message,
        method: Method,
    ) {
        let invite = method == Method::Invite;
        let reserved = if invite { SERVERS_RESERVED.min(self.servers_bound() / 8) } else { 0 };
        if self.servers.room() <= reserved {
            self.counters.refused += 1;
            let tag = self.stateless_tag(&message);
            let response = ResponseWriter::to(&message, StatusCode::SERVICE_UNAVAILABLE)
                .source(flow.remote)
                .to_tag(&tag)
                .header(Header::RetryAfter, RETRY_AFTER.as_secs())
                .finish();
            self.push_transmit(destination, response, None);
            return;
        }
        let index: Arc<[u8]> = Arc::from(&scratch[..]);
        let merge = write_merge_key(scratch, &message).map(|()| &scratch[..]);
        if merge.is_some_and(|merge| self.merge_index.contains_key(merge)) {
            self.counters.merged += 1;
            self.refuse(flow, destination, &message, StatusCode::LOOP_DETECTED, "Merged Request");
            return;
        }
        let merge: Option<Arc<[u8]>> = merge.map(Arc::from);
        let reliable = flow.transport.is_reliable();
        let machine = match invite {
            true => Machine::Invite(InviteServer::start(now, &self.timers, reliable)),
            false => Machine::Other(Server::start(now, &self.timers, reliable)),
        };
        let unanswered = Some(Box::new((message.clone(), flow.remote)));
        if let Some(key) = self.insert_server(machine, index, merge, destination, unanswered) {
            self.counters.requests_received += 1;
            self.push_event(Event::Request { key, message, flow: *flow });
        }
    }

    /// RFC 3261 §17.2.1: the ACK to a refusal ends here, that to a 2xx goes up.
    fn handle_ack(&mut self, now: Instant, known: Option<ServerKey>, flow: &Flow, message: Message) {
        let passes = match known {
            None => true,
            Some(key) => {
                let Some(entry) = self.servers.get_mut(key.0) else { return };
                let outputs = entry.machine.handle(now, &self.timers, ServerInput::Ack);
                if outputs.contains(&Output::Terminated) {
                    self.remove_server(key, true);
                } else {
                    if !entry.machine.repeats() {
                        entry.response = Bytes::new();
                    }
                    self.reschedule_server(key);
                }
                outputs.contains(&Output::PassUp)
            }
        };
        if !passes {
            self.counters.absorbed += 1;
        } else if message.validate().is_ok() {
            self.push_event(Event::Ack { key: known, message, flow: *flow });
        } else {
            self.counters.invalid += 1;
        }
    }

    /// RFC 3261 §9.2: 200 where the INVITE is known, 481 where it is not. It has effect only before the final response.
    fn handle_cancel(
        &mut self,
        now: Instant,
        flow: &Flow,
        destination: Destination,
        scratch: &mut Vec<u8>,
        message: Message,
    ) {
        let index: Arc<[u8]> = Arc::from(&scratch[..]);
        let Ok(via) = message.via() else { return };
        let invite = write_server_key(scratch, &message, &via, &Method::Invite)
            .and_then(|()| self.server_index.get(&scratch[..]).copied());
        let (status, tag) = match invite.and_then(|key| self.servers.get(key.0)) {
            Some(entry) => (StatusCode::OK, self.tag_of(entry, &message)),
            None => (StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST, self.stateless_tag(&message)),
        };
        let response = ResponseWriter::to(&message, status).source(flow.remote).to_tag(&tag).finish();
        let machine = || Machine::Cancel(Server::start(now, &self.timers, flow.transport.is_reliable()));
        // One that cancels nothing is anybody's: it costs no memory.
        let machine = invite.map(|_| machine());
        match machine.and_then(|machine| self.insert_server(machine, index, None, destination, None)) {
            Some(key) => {
                self.respond(now, key, response);
            }
            // Or the table is full: a repetition is answered anew.
            None => self.push_transmit(destination, response, None),
        }
        if let Some(key) = invite.filter(|&key| self.is_unanswered(key)) {
            self.push_event(Event::Cancelled { key, message });
        }
    }

    /// Gives the machine an input and does what it says.
    pub(super) fn server_input(
        &mut self,
        now: Instant,
        key: ServerKey,
        input: ServerInput,
        failure: Option<TransportFailure>,
    ) {
        let Some(entry) = self.servers.get_mut(key.0) else { return };
        let outputs = entry.machine.handle(now, &self.timers, input);
        let told = !matches!(entry.machine, Machine::Cancel(_));
        let mut terminated = false;
        for output in outputs {
            match output {
                Output::Retransmit => self.repeat_response(key, input),
                Output::SendTrying => self.send_trying(key),
                Output::TimedOut(_) if told => {
                    self.counters.unacknowledged += 1;
                    self.push_event(Event::Unacknowledged { key });
                }
                Output::Failed if told => {
                    if let Some(failure) = failure {
                        self.push_event(Event::ResponseFailed { key, failure });
                    }
                }
                Output::Terminated => terminated = true,
                Output::TimedOut(_) | Output::Failed | Output::PassUp | Output::Send | Output::Acknowledge => {}
            }
        }
        if terminated {
            self.remove_server(key, told);
        } else {
            self.reschedule_server(key);
        }
    }

    fn repeat_response(&mut self, key: ServerKey, cause: ServerInput) {
        let Some(entry) = self.servers.get(key.0) else { return };
        if entry.response.is_empty() {
            return;
        }
        let (destination, response) = (entry.destination, entry.response.clone());
        if cause == ServerInput::Timeout {
            self.counters.retransmitted += 1;
        }
        self.push_transmit(destination, response, Some(Owner::Server(key)));
    }

    fn send_trying(&mut self, key: ServerKey) {
        let Some(entry) = self.servers.get_mut(key.0) else { return };
        let Some(unanswered) = entry.unanswered.take() else { return };
        let (request, source) = *unanswered;
        let trying = ResponseWriter::to(&request, StatusCode::TRYING).source(source).finish();
        entry.response = trying.clone();
        let destination = entry.destination;
        self.push_transmit(destination, trying, Some(Owner::Server(key)));
    }

    fn refuse_invalid(&mut self, flow: &Flow, destination: Destination, message: &Message, fault: &Fault) {
        self.counters.invalid += 1;
        if let Fault::Reply { status, defect } = fault {
            self.refuse(flow, destination, message, *status, &defect.to_string());
        }
    }

    /// A topmost Via that is broken, or of another version of SIP, says neither where an answer is to go nor which transaction
    /// it is of. As long as it names a sender one is awaited (RFC 4475 §3.1.2.1, §3.1.2.16), and goes back where the request
    /// came from.
    fn refuse_unroutable(&mut self, flow: &Flow, message: &Message) {
        match message.validate() {
            Err(fault) => self.refuse_invalid(flow, Destination::flow(flow), message, &fault),
            Ok(()) => self.counters.invalid += 1,
        }
    }

    /// Answers without a transaction (RFC 3261 §8.2.7).
    fn refuse(&mut self, flow: &Flow, destination: Destination, message: &Message, status: StatusCode, reason: &str) {
        let tag = self.stateless_tag(message);
        let response = ResponseWriter::to(message, status).reason(reason).source(flow.remote).to_tag(&tag).finish();
        self.push_transmit(destination, response, None);
    }

    /// A tag that is the same for a request and its repetitions, and that nobody foresees.
    pub fn stateless_tag(&self, message: &Message) -> Tag {
        let mut hasher = DefaultHasher::new();
        self.tag_secret.hash(&mut hasher);
        for header in [Header::Via, Header::From, Header::CallId, Header::CSeq] {
            message.header(header).hash(&mut hasher);
        }
        self.tag_secret.hash(&mut hasher);
        Tag::of_random(hasher.finish())
    }

    /// The To tag of the answer to a CANCEL: that of the responses to its INVITE, where there is one (RFC 3261 §9.2).
    fn tag_of(&self, invite: &ServerEntry, cancel: &Message) -> Tag {
        Message::parse_datagram(invite.response.clone())
            .ok()
            .and_then(|response| response.to_tag())
            .unwrap_or_else(|| self.stateless_tag(cancel))
    }

    fn insert_server(
        &mut self,
        machine: Machine,
        index: Arc<[u8]>,
        merge: Option<Arc<[u8]>>,
        destination: Destination,
        unanswered: Option<Box<(Message, SocketAddr)>>,
    ) -> Option<ServerKey> {
        let entry = ServerEntry {
            machine,
            key: index.clone(),
            merge: merge.clone(),
            destination,
            response: Bytes::new(),
            unanswered,
            timer: None,
        };
        let key = ServerKey(self.servers.insert(entry)?);
        self.server_index.insert(index, key);
        if let Some(merge) = merge {
            self.merge_index.insert(merge, key);
        }
        self.reschedule_server(key);
        Some(key)
    }

    fn remove_server(&mut self, key: ServerKey, told: bool) {
        let Some(entry) = self.servers.remove(key.0) else { return };
        self.unschedule(entry.timer);
        self.server_index.remove(&entry.key);
        if let Some(merge) = &entry.merge {
            self.merge_index.remove(merge);
        }
        if told && !matches!(entry.machine, Machine::Cancel(_)) {
            self.push_event(Event::ServerTerminated { key });
        }
    }

    fn reschedule_server(&mut self, key: ServerKey) {
        let Some(entry) = self.servers.get_mut(key.0) else { return };
        let (scheduled, next) = (entry.timer.take(), entry.machine.poll_timeout().map(|(at, _)| at));
        let scheduled = self.reschedule(scheduled, next, Owner::Server(key));
        if let Some(entry) = self.servers.get_mut(key.0) {
            entry.timer = scheduled;
        }
    }

    fn servers_bound(&self) -> usize {
        self.servers.bound()
    }
}

/// The status that the octets of a response start with.
fn response_status(response: &[u8]) -> Option<StatusCode> {
    let digits = response.strip_prefix(b"SIP/2.0 ")?.get(..3)?;
    let code = digits
        .iter()
        .try_fold(0u16, |code, digit| digit.is_ascii_digit().then(|| code * 10 + u16::from(digit - b'0')))?;
    StatusCode::new(code)
}

//! A peer whose every message a test writes: for orders of messages that no well-behaved user agent brings about. It is known by its address, as a trunk, and
//! has one dialog.

use crate::Simulation;
use bytes::Bytes;
use signaling::message::{Header, Message, Method};
use std::collections::VecDeque;
use std::net::SocketAddr;

/// How long something that happens at once may take, in milliseconds.
const AT_ONCE_MS: u64 = 2_000;

/// Such a peer.
#[derive(Clone, Debug)]
pub struct Hand {
    /// Where it is.
    pub address: SocketAddr,
    user: String,
    call_id: String,
    tag: String,
    remote: String,
    remote_tag: Option<String>,
    /// The Request-URI of what it asks.
    target: String,
    cseq: u32,
    /// The CSeq of its last INVITE.
    invite: u32,
    branches: u32,
    branch: String,
    waiting: VecDeque<Message>,
}

impl Hand {
    /// One at that address. What comes to its host comes to it.
    pub fn new(simulation: &mut Simulation, user: &str, address: SocketAddr) -> Self {
        simulation.attend(address);
        Self {
            address,
            user: user.to_owned(),
            call_id: format!("{user}-{address}"),
            tag: format!("tag-{user}"),
            remote: String::new(),
            remote_tag: None,
            target: String::new(),
            cseq: 0,
            invite: 0,
            branches: 0,
            branch: String::new(),
            waiting: VecDeque::new(),
        }
    }

    /// The same place with another dialog.
    pub fn anew(&self, name: &str) -> Self {
        Self {
            call_id: format!("{name}-{}", self.address),
            tag: format!("tag-{name}"),
            remote_tag: None,
            cseq: 0,
            waiting: VecDeque::new(),
            ..self.clone()
        }
    }

    /// The same dialog with another end, that a proxy has forked to. It only asks: what comes for it comes to the first one.
    pub fn fork(&self, tag: &str) -> Self {
        Self { tag: tag.to_owned(), waiting: VecDeque::new(), ..self.clone() }
    }

    /// Its dialog as a Replaces names it: it is the other end's user agent that is to read it.
    pub fn replaces(&self) -> String {
        let other = self.remote_tag.as_deref().unwrap_or_default();
        format!("{};to-tag={other};from-tag={}", self.call_id, self.tag)
    }

    /// Calls a number.
    pub fn calls(&mut self, simulation: &mut Simulation, number: &str, headers: &str, body: &str) {
        self.remote = format!("sip:{number}@{}", simulation.server().ip());
        self.target.clone_from(&self.remote);
        self.asks(simulation, "INVITE", headers, body);
    }

    /// Is called: the INVITE. From now on it is the callee's end.
    pub fn is_called(&mut self, simulation: &mut Simulation) -> Message {
        let invite = self.gets(simulation, "INVITE ");
        let from = invite.from().expect("From");
        self.remote = from.uri().as_str().to_owned();
        self.remote_tag = from.tag().map(str::to_owned);
        self.call_id = invite.call_id().expect("Call-ID").to_owned();
        self.learn(&invite);
        invite
    }

    fn learn(&mut self, message: &Message) {
        if let Ok(Some(contact)) = message.contact() {
            self.target = contact.uri().as_str().to_owned();
        }
    }

    /// Sends a request with the next CSeq.
    pub fn asks(&mut self, simulation: &mut Simulation, method: &str, headers: &str, body: &str) {
        self.cseq += 1;
        self.branches += 1;
        self.branch = format!("z9hG4bK{}-{}", self.tag, self.branches);
        if method == "INVITE" {
            self.invite = self.cseq;
        }
        let text = self.request(method, self.cseq, headers, body);
        simulation.send(self.address, &text);
    }

    /// Cancels its INVITE, which has to be the last that it asked.
    pub fn cancels(&self, simulation: &mut Simulation) {
        let text = self.request("CANCEL", self.invite, "", "");
        simulation.send(self.address, &text);
    }

    /// Acknowledges the 2xx to its last INVITE, or a refusal of it, which has to be the last that it asked.
    pub fn acknowledges(&mut self, simulation: &mut Simulation, response: &Message, body: &str) {
        self.remote_tag = response.to().ok().and_then(|to| to.tag().map(str::to_owned));
        if response.status().is_some_and(|status| status.is_success()) {
            self.learn(response);
            self.branches += 1;
            self.branch = format!("z9hG4bK{}-ack-{}", self.tag, self.branches);
        }
        let text = self.request("ACK", self.invite, "", body);
        simulation.send(self.address, &text);
    }

    /// Acknowledges a provisional response (RFC 3262).
    pub fn pracks(&mut self, simulation: &mut Simulation, response: &Message, body: &str) {
        self.enters(response);
        let rseq = response.rseq().ok().flatten().unwrap_or(0);
        let rack = format!("RAck: {rseq} {} INVITE\r\n", self.invite);
        self.asks(simulation, "PRACK", &rack, body);
    }

    /// Enters the dialog that a response makes.
    pub fn enters(&mut self, response: &Message) {
        self.remote_tag = response.to().ok().and_then(|to| to.tag().map(str::to_owned));
        self.learn(response);
    }

    /// Answers a request.
    pub fn answers(&self, simulation: &mut Simulation, request: &Message, status: &str, headers: &str, body: &str) {
        self.answers_as(simulation, &self.tag, request, status, headers, body);
    }

    /// The same as another end that a proxy has forked to.
    pub fn answers_as(
        &self,
        simulation: &mut Simulation,
        tag: &str,
        request: &Message,
        status: &str,
        headers: &str,
        body: &str,
    ) {
        let copy = |name: Header| -> String {
            request.lines(name).map(|line| format!("{name}: {}\r\n", String::from_utf8_lossy(line))).collect()
        };
        let to = request.text(Header::To).unwrap_or_default();
        let to = if to.contains(";tag=") { to.to_owned() } else { format!("{to};tag={tag}") };
        let text = format!(
            "SIP/2.0 {status}\r\n{}{}To: {to}\r\n{}{}Contact: <sip:{}@{}>\r\n{headers}{}",
            copy(Header::Via),
            copy(Header::From),
            copy(Header::CallId),
            copy(Header::CSeq),
            self.user,
            self.address,
            content(body)
        );
        simulation.send(self.address, &text);
    }

    /// The next message that begins so; those before it are passed over.
    pub fn gets(&mut self, simulation: &mut Simulation, start: &str) -> Message {
        let mut passed = Vec::new();
        for _ in 0..AT_ONCE_MS {
            self.take(simulation);
            while let Some(message) = self.waiting.pop_front() {
                if message.as_bytes().starts_with(start.as_bytes()) {
                    return message;
                }
                passed.push(first_line(&message));
            }
            simulation.run_ms(1);
        }
        panic!("`{start}` did not come to {}: {passed:?}", self.user);
    }

    /// Takes whatever it is asked in so many milliseconds, with this description where it is offered one.
    pub fn obliges(&mut self, simulation: &mut Simulation, millis: u64, body: &str) {
        for _ in 0..millis {
            self.take(simulation);
            while let Some(message) = self.waiting.pop_front() {
                self.takes(simulation, &message, body);
            }
            simulation.run_ms(1);
        }
    }

    /// Takes what it is asked, if a message asks anything.
    pub fn takes(&self, simulation: &mut Simulation, message: &Message, body: &str) {
        if message.method().is_some_and(|method| *method != Method::Ack) {
            let body = if message.body_octets().is_empty() { "" } else { body };
            self.answers(simulation, message, "200 OK", "", body);
        }
    }

    /// What has come in so many milliseconds.
    pub fn all(&mut self, simulation: &mut Simulation, millis: u64) -> Vec<Message> {
        simulation.run_ms(millis);
        self.take(simulation);
        self.waiting.drain(..).collect()
    }

    /// Whether a message is of its dialog.
    pub fn is_of(&self, message: &Message) -> bool {
        message.call_id() == Ok(self.call_id.as_str())
    }

    /// What has come in so many milliseconds, and was not looked at: the first lines.
    pub fn hears(&mut self, simulation: &mut Simulation, millis: u64) -> Vec<String> {
        simulation.run_ms(millis);
        self.take(simulation);
        self.waiting.drain(..).map(|message| first_line(&message)).collect()
    }

    fn take(&mut self, simulation: &mut Simulation) {
        for (local, bytes) in simulation.attended(self.address.ip()) {
            if local == self.address
                && let Ok(message) = Message::parse_datagram(Bytes::from(bytes))
            {
                self.waiting.push_back(message);
            }
        }
    }

    fn request(&self, method: &str, cseq: u32, headers: &str, body: &str) -> String {
        let Self { address, user, call_id, tag, remote, target, branch, .. } = self;
        let to_tag = self.remote_tag.as_ref().map(|tag| format!(";tag={tag}")).unwrap_or_default();
        format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {address};rport;branch={branch}\r\nMax-Forwards: 70\r\n\
             From: <sip:{user}@{address}>;tag={tag}\r\nTo: <{remote}>{to_tag}\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq} {method}\r\nContact: <sip:{user}@{address}>\r\n{headers}{}",
            content(body)
        )
    }
}

/// A body, and what goes before it.
fn content(body: &str) -> String {
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!("{kind}Content-Length: {}\r\n\r\n{body}", body.len())
}

fn first_line(message: &Message) -> String {
    let text = String::from_utf8_lossy(message.as_bytes());
    let cseq = message.text(Header::CSeq).unwrap_or_default();
    format!("{} ({cseq})", text.lines().next().unwrap_or_default())
}

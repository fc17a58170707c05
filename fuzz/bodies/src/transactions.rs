//! Any sequence of messages, user calls, failures and time on the table of transactions: it never panics, it tells of each
//! transaction's end once, and it is empty when all timers have run out.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use bytes::Bytes;
use router::Random;
use router::time::{Duration, Instant};
use signaling::message::{Header, Message, Method, ResponseWriter, StatusCode, Tag};
use signaling::transaction::{ClientKey, Event, ServerKey, Timers, Transactions};
use signaling::transport::{
    ConnectionId, Destination, Flow, Listener, ListenerId, Listeners, Maddr, Received, Token, Transmit, Transport,
    TransportFailure,
};

use crate::tape::Tape;

/// Operations of one input at most.
const OPERATIONS_MAX: usize = 300;
/// Longer than any transaction lives without an input: 64·T1 twice, and what a cancelled INVITE adds.
const EVERYTHING_ENDS: Duration = Duration::from_secs(600);
/// Messages that a peer remembers, and tokens that a transport does.
const KEPT_MAX: usize = 32;

/// The input is operations on the table.
pub fn transactions(data: &[u8]) {
    let mut bench = Bench::new();
    let mut tape = Tape::new(data);
    for _ in 0..OPERATIONS_MAX {
        if !tape.is_left() {
            break;
        }
        bench.operate(&mut tape);
        bench.drain();
    }
    bench.end();
}

struct Bench {
    layer: Transactions,
    now: Instant,
    /// Requests that wait for an answer.
    asked: Vec<(ServerKey, Message, Flow)>,
    /// Requests of ours.
    sent: Vec<ClientKey>,
    /// What left last: what a peer may repeat, answer or acknowledge.
    wire: Vec<Bytes>,
    tokens: Vec<Token>,
    ended_clients: BTreeSet<ClientKey>,
    ended_servers: BTreeSet<ServerKey>,
}

impl Bench {
    fn new() -> Bench {
        let local: SocketAddr = "192.0.2.1:5060".parse().expect("an address");
        let listeners = [Transport::Udp, Transport::Tcp].map(|transport| Listener::new(transport, local, None));
        Bench {
            layer: Transactions::new(Timers::default(), Listeners::new(listeners.to_vec()), Random::from_seed(3)),
            now: Instant::from_millis(1_000),
            asked: Vec::new(),
            sent: Vec::new(),
            wire: Vec::new(),
            tokens: Vec::new(),
            ended_clients: BTreeSet::new(),
            ended_servers: BTreeSet::new(),
        }
    }

    fn operate(&mut self, tape: &mut Tape<'_>) {
        match tape.below(14) {
            0 | 1 => {
                let text = request(tape);
                self.receive(tape, &text);
            }
            2 => {
                let text = tape.text();
                self.receive(tape, text);
            }
            3 => self.peer_answers(tape),
            4 => {
                // The network repeats, to whoever it likes, what was sent.
                if let Some(bytes) = tape.pick(&self.wire) {
                    self.receive(tape, &bytes);
                }
            }
            5 | 6 => self.respond(tape),
            7 => {
                if let Some((key, request, flow)) = tape.pick(&self.asked) {
                    let waiting = self.layer.is_unanswered(key);
                    let dismissed = self.layer.dismiss(key, response(&request, &flow, StatusCode::UNAUTHORIZED));
                    assert!(dismissed || !waiting);
                    assert!(!self.layer.is_unanswered(key));
                }
            }
            8 => self.request(tape),
            9 => {
                if let Some(key) = tape.pick(&self.sent) {
                    self.layer.cancel(self.now, key, tape.flag().then_some("SIP;cause=200"));
                }
            }
            10 => {
                if let Some(token) = tape.pick(&self.tokens) {
                    let failures = [TransportFailure::Refused, TransportFailure::Closed, TransportFailure::TooLong];
                    let failure = tape.pick(&failures).unwrap_or(TransportFailure::System);
                    self.layer.handle_transport_failed(self.now, token, failure);
                }
            }
            11 => {
                let token = Token(u64::from_be_bytes(std::array::from_fn(|_| tape.octet())));
                self.layer.handle_transport_failed(self.now, token, TransportFailure::Unreachable);
            }
            12 => self.pass(Duration::from_millis(u64::from(tape.word()))),
            _ => {
                let ack = outgoing("ACK", 0);
                if let Ok(sent) = self.layer.acknowledge(destination(tape), &ack) {
                    self.layer.repeat(&sent);
                }
            }
        }
    }

    fn receive(&mut self, tape: &mut Tape<'_>, octets: &[u8]) {
        let flow = flow(tape.flag());
        self.layer.handle_received(self.now, Received { flow, bytes: Bytes::copy_from_slice(octets) }, Maddr::Followed);
    }

    /// The peer answers something that we sent.
    fn peer_answers(&mut self, tape: &mut Tape<'_>) {
        let Some(sent) = tape.pick(&self.wire) else { return };
        let Ok(message) = Message::parse_datagram(sent) else { return };
        if !message.is_request() {
            return;
        }
        let codes = [100, 180, 200, 202, 302, 401, 487, 503, 603, 699];
        let Some(status) = tape.pick(&codes).and_then(StatusCode::new) else { return };
        let tag = Tag::of_random(u64::from(tape.octet()));
        let response = ResponseWriter::to(&message, status).to_tag(&tag).finish();
        self.receive(tape, &response);
    }

    fn respond(&mut self, tape: &mut Tape<'_>) {
        let Some((key, request, flow)) = tape.pick(&self.asked) else { return };
        let codes = [100, 180, 183, 200, 404, 486, 487, 500, 603];
        let Some(status) = tape.pick(&codes).and_then(StatusCode::new) else { return };
        let waiting = self.layer.is_unanswered(key);
        let taken = self.layer.respond(self.now, key, response(&request, &flow, status));
        let repeated_2xx = request.is(&Method::Invite) && status.class() == 2;
        assert!(!taken || waiting || repeated_2xx, "one final response, but for a repeated 2xx to an INVITE");
        if waiting && status.class() >= 2 {
            assert!(taken && !self.layer.is_unanswered(key));
        }
    }

    fn request(&mut self, tape: &mut Tape<'_>) {
        let methods = ["INVITE", "BYE", "OPTIONS", "REGISTER", "FOO", "ACK", "CANCEL", "in vite"];
        let method = tape.pick(&methods).unwrap_or("INVITE");
        let body = if tape.flag() { 1_500 } else { 0 };
        let before = self.layer.len().0;
        match self.layer.request(self.now, destination(tape), outgoing(method, body)) {
            Ok(key) => {
                assert!(method != "ACK" && method != "CANCEL");
                assert!(self.layer.is_waiting(key) && self.layer.destination(key).is_some());
                self.sent.push(key);
            }
            Err(refused) => assert!(self.layer.len().0 == before && !refused.to_string().is_empty()),
        }
    }

    /// Lets time pass, deadline by deadline.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        let mut steps = 0;
        while let Some(next) = self.layer.poll_timeout().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.layer.handle_timeout(self.now);
            assert!(self.layer.poll_timeout().is_none_or(|after| after > next), "a timer that is due again at once");
            self.drain();
            steps += 1;
            assert!(steps < 1_000_000, "timers without end");
        }
        self.now = end;
    }

    fn drain(&mut self) {
        while let Some(event) = self.layer.poll_event() {
            match event {
                Event::Request { key, message, flow } => {
                    assert!(message.validate().is_ok() && !message.is(&Method::Ack) && !message.is(&Method::Cancel));
                    assert!(self.layer.is_unanswered(key));
                    self.asked.push((key, message, flow));
                }
                Event::Ack { message, .. } => assert!(message.is(&Method::Ack)),
                Event::Cancelled { key, message } => {
                    assert!(message.is(&Method::Cancel) && !self.ended_servers.contains(&key));
                }
                Event::Response { key, message, .. } => {
                    assert!(message.is_response() && !self.ended_clients.contains(&key));
                }
                Event::TimedOut { key } | Event::Failed { key, .. } => {
                    assert!(!self.ended_clients.contains(&key));
                }
                Event::Unacknowledged { key } | Event::ResponseFailed { key, .. } => {
                    assert!(!self.ended_servers.contains(&key));
                }
                Event::ClientTerminated { key } => {
                    assert!(self.ended_clients.insert(key), "ended twice");
                    assert!(!self.layer.is_waiting(key));
                }
                Event::ServerTerminated { key } => {
                    assert!(self.ended_servers.insert(key), "ended twice");
                    assert!(!self.layer.is_unanswered(key));
                }
            }
        }
        while let Some(Transmit { bytes, token, .. }) = self.layer.poll_transmit() {
            let message = Message::parse_datagram(bytes.clone()).expect("what is sent is SIP");
            assert!(message.header(Header::Via).is_some());
            keep(&mut self.wire, bytes);
            if let Some(token) = token {
                keep(&mut self.tokens, token);
            }
        }
    }

    /// The user answers what it was asked and cancels what it asked for; then time runs out.
    fn end(&mut self) {
        for (key, request, flow) in std::mem::take(&mut self.asked) {
            self.layer.respond(self.now, key, response(&request, &flow, StatusCode::SERVER_INTERNAL_ERROR));
        }
        for key in std::mem::take(&mut self.sent) {
            self.layer.cancel(self.now, key, None);
        }
        self.drain();
        self.pass(EVERYTHING_ENDS);
        assert!(self.layer.is_empty(), "{:?} transactions are left", self.layer.len());
        assert!(self.layer.poll_timeout().is_none(), "a timer is left");
    }
}

/// A request of the peer: of few calls and branches, so that they meet.
fn request(tape: &mut Tape<'_>) -> Vec<u8> {
    let methods = ["INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "REGISTER", "FOO"];
    let method = tape.pick(&methods).unwrap_or("INVITE");
    // Without the magic cookie it is a client of RFC 2543.
    let branch = tape.pick(&["z9hG4bKa", "z9hG4bKb", "z9hG4bK", "c"]).unwrap_or("z9hG4bKd");
    let tag = tape.pick(&["", ";tag=1"]).unwrap_or("");
    let host = tape.pick(&["10.0.0.1:5062;rport", "h", "10.0.0.1;received=192.0.2.9;maddr=192.0.2.8"]).unwrap_or("h");
    let (call, number) = (tape.below(2), tape.below(3));
    let text = format!(
        "{method} sip:b@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP {host};branch={branch}\r\nMax-Forwards: 70\r\n\
         From: <sip:a@h>;tag=a1\r\nTo: <sip:b@h>{tag}\r\nCall-ID: {call}\r\nCSeq: {number} {method}\r\n\
         Contact: <sip:a@10.0.0.1:5062>\r\nContent-Length: 0\r\n\r\n"
    );
    text.into_bytes()
}

/// A request of the user, without Via.
fn outgoing(method: &str, body: usize) -> Bytes {
    let head = format!(
        "{method} sip:b@h SIP/2.0\r\nMax-Forwards: 70\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\n\
         CSeq: 7 {method}\r\nContent-Type: text/plain\r\nContent-Length: {body}\r\n\r\n"
    );
    Bytes::from(format!("{head}{}", "x".repeat(body)))
}

fn response(request: &Message, flow: &Flow, status: StatusCode) -> Bytes {
    ResponseWriter::to(request, status).source(flow.remote).to_tag(&Tag::of_random(9)).finish()
}

fn flow(tcp: bool) -> Flow {
    Flow {
        transport: if tcp { Transport::Tcp } else { Transport::Udp },
        listener: ListenerId(u16::from(tcp)),
        local: "192.0.2.1:5060".parse().expect("an address"),
        remote: "198.51.100.7:40000".parse().expect("an address"),
        connection: tcp.then_some(ConnectionId(3)),
    }
}

fn destination(tape: &mut Tape<'_>) -> Destination {
    let choice = tape.octet();
    let remote = if choice & 1 == 0 { "198.51.100.7:5060" } else { "[2001:db8::7]:5060" };
    let transport = if choice & 2 == 0 { Transport::Udp } else { Transport::Tcp };
    match choice & 12 {
        0 => Destination::flow(&flow(transport == Transport::Tcp)),
        4 => Destination::address(transport, remote.parse().expect("an address")).exactly(),
        _ => Destination::address(transport, remote.parse().expect("an address")),
    }
}

/// Keeps the newest.
fn keep<T>(kept: &mut Vec<T>, value: T) {
    if kept.len() == KEPT_MAX {
        kept.remove(0);
    }
    kept.push(value);
}

//! The table of transactions in virtual time.

mod filling;
mod random;
mod sending;
mod serving;
mod transports;

use bytes::Bytes;
use router::Random;
use router::time::{Duration, Instant};

use super::{Acknowledgement, ClientKey, Event, RequestRefused, ServerKey, Timers, Transactions};
use crate::message::{Header, Message, Method, ResponseWriter, StatusCode, Tag};
use crate::transport::{
    Connection, ConnectionId, Destination, Flow, Listener, ListenerId, Listeners, Maddr, Received, Transmit, Transport,
    TransportFailure,
};

const PEER: &str = "198.51.100.7:5060";

/// A table with a UDP and a TCP listener, and the time.
struct Bench {
    layer: Transactions,
    now: Instant,
}

impl Bench {
    fn new() -> Bench {
        Bench::bounded(1_000, 1_000)
    }

    fn bounded(clients: usize, servers: usize) -> Bench {
        let local = "192.0.2.1:5060".parse().unwrap();
        let listeners = [Transport::Udp, Transport::Tcp].map(|transport| Listener::new(transport, local, None));
        let listeners = Listeners::new(listeners.to_vec());
        let random = Random::from_seed(1);
        Bench {
            layer: Transactions::bounded(Timers::default(), listeners, random, clients, servers),
            now: Instant::from_millis(10_000),
        }
    }

    fn receive(&mut self, flow: &Flow, text: &str) {
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        self.layer.handle_received(self.now, Received { flow: *flow, bytes }, Maddr::Ignored);
    }

    fn transmits(&mut self) -> Vec<Transmit> {
        std::iter::from_fn(|| self.layer.poll_transmit()).collect()
    }

    /// The start lines of what was sent since the last look.
    fn sent(&mut self) -> Vec<String> {
        self.transmits().iter().map(|transmit| first_line(&transmit.bytes)).collect()
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.layer.poll_event()).collect()
    }

    /// Short names of the events since the last look.
    fn told(&mut self) -> Vec<String> {
        self.events().iter().map(name).collect()
    }

    fn request_key(&mut self) -> ServerKey {
        match self.events().as_slice() {
            [Event::Request { key, .. }] => *key,
            other => panic!("{other:?}"),
        }
    }

    /// Lets time pass, deadline by deadline; what was sent, with milliseconds since `from`.
    fn run(&mut self, from: Instant, until_ms: u64) -> Vec<(u64, String)> {
        let end = from + Duration::from_millis(until_ms);
        let mut sent = Vec::new();
        while let Some(next) = self.layer.poll_timeout().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.layer.handle_timeout(self.now);
            let ms = self.now.since(from).as_millis() as u64;
            sent.extend(self.sent().into_iter().map(|line| (ms, line)));
        }
        self.now = end;
        sent
    }

    /// Lets so much time pass from now on; what was sent.
    fn pass(&mut self, ms: u64) -> Vec<(u64, String)> {
        self.run(self.now, ms)
    }

    /// The only thing that was sent since the last look.
    fn one(&mut self) -> Transmit {
        let [transmit] = self.transmits().try_into().unwrap();
        transmit
    }

    fn call(&mut self, destination: Destination) -> ClientKey {
        self.layer.request(self.now, destination, outgoing("INVITE", 0)).unwrap()
    }

    /// An INVITE that is too long for UDP.
    fn call_at_length(&mut self) -> ClientKey {
        self.layer.request(self.now, udp(), outgoing("INVITE", 1_300)).unwrap()
    }

    fn ask(&mut self, destination: Destination) -> ClientKey {
        self.layer.request(self.now, destination, outgoing("OPTIONS", 0)).unwrap()
    }

    fn cancel(&mut self, key: ClientKey, reason: Option<&str>) {
        self.layer.cancel(self.now, key, reason);
    }

    /// The peer answers what was sent.
    fn hear(&mut self, via: &Flow, request: &Transmit, code: u16) {
        self.receive(via, &answer(&request.bytes, code));
    }

    /// What was sent did not leave.
    fn fail(&mut self, sent: &Transmit, failure: TransportFailure) {
        self.layer.handle_transport_failed(self.now, sent.token.unwrap(), failure);
    }

    /// The peer's INVITE, and its transaction.
    fn invited(&mut self, via: &Flow) -> (String, ServerKey) {
        let invite = incoming("INVITE", "1", "");
        self.receive(via, &invite);
        let key = self.request_key();
        (invite, key)
    }

    /// The user answers a request of the peer's. False: it is too late.
    fn say(&mut self, key: ServerKey, request: &str, code: u16) -> bool {
        self.layer.respond(self.now, key, response(request, code))
    }
}

fn read(bytes: &Bytes) -> Message {
    Message::parse_datagram(bytes.clone()).unwrap()
}

fn first_line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.split(|&octet| octet == b'\r').next().unwrap()).into_owned()
}

fn name(event: &Event) -> String {
    match event {
        Event::Request { message, .. } => format!("request {}", message.method().unwrap()),
        Event::Ack { key, .. } => format!("ack {}", key.is_some()),
        Event::Cancelled { .. } => "cancelled".to_owned(),
        Event::Response { message, .. } => format!("response {}", message.status().unwrap()),
        Event::TimedOut { .. } => "timed out".to_owned(),
        Event::Failed { failure, .. } => format!("failed: {failure}"),
        Event::Unacknowledged { .. } => "unacknowledged".to_owned(),
        Event::ResponseFailed { failure, .. } => format!("response failed: {failure}"),
        Event::ClientTerminated { .. } => "client terminated".to_owned(),
        Event::ServerTerminated { .. } => "server terminated".to_owned(),
    }
}

fn flow(transport: Transport) -> Flow {
    Flow {
        transport,
        listener: ListenerId(u16::from(transport == Transport::Tcp)),
        local: "192.0.2.1:5060".parse().unwrap(),
        remote: "198.51.100.7:40000".parse().unwrap(),
        connection: (transport == Transport::Tcp).then_some(ConnectionId(3)),
    }
}

fn udp() -> Destination {
    Destination::address(Transport::Udp, PEER.parse().unwrap())
}

fn tcp() -> Destination {
    Destination::address(Transport::Tcp, PEER.parse().unwrap())
}

/// A request from the peer.
fn incoming(method: &str, branch: &str, to_tag: &str) -> String {
    format!(
        "{method} sip:b@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5062;rport;branch=z9hG4bK{branch}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:a@h>;tag=a1\r\nTo: <sip:b@h>{to_tag}\r\nCall-ID: call\r\n\
         CSeq: 1 {method}\r\nContact: <sip:a@10.0.0.1:5062>\r\nContent-Length: 0\r\n\r\n"
    )
}

/// A request of the user, without Via, with a body of so many octets.
fn outgoing(method: &str, body: usize) -> Bytes {
    let head = format!(
        "{method} sip:b@h SIP/2.0\r\nMax-Forwards: 70\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\n\
         CSeq: 7 {method}\r\nContent-Type: text/plain\r\nContent-Length: {body}\r\n\r\n"
    );
    Bytes::from(format!("{head}{}", "x".repeat(body)))
}

/// What the peer answers to a request as sent.
fn answer(request: &Bytes, code: u16) -> String {
    let request = read(request);
    let tag = Tag::new("b1").unwrap();
    let response = ResponseWriter::to(&request, StatusCode::new(code).unwrap()).to_tag(&tag).finish();
    String::from_utf8(response.to_vec()).unwrap()
}

/// What the user answers to a request from the peer.
fn response(request: &str, code: u16) -> Bytes {
    let request = Message::parse_datagram(Bytes::copy_from_slice(request.as_bytes())).unwrap();
    let tag = Tag::new("b1").unwrap();
    let source = flow(Transport::Udp).remote;
    ResponseWriter::to(&request, StatusCode::new(code).unwrap()).source(source).to_tag(&tag).finish()
}

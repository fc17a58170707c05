//! The table of transactions in virtual time.

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

#[test]
fn a_request_carries_our_via_and_is_repeated_until_it_times_out() {
    let mut bench = Bench::new();
    let start = bench.now;
    let key = bench.ask(udp());
    let sent = bench.one();
    assert_eq!((sent.destination.listener, sent.destination.remote), (Some(ListenerId(0)), PEER.parse().unwrap()));
    let message = read(&sent.bytes);
    assert!(message.validate().is_ok());
    let via = message.via().unwrap();
    assert_eq!((via.transport(), via.host(), via.port()), ("UDP", "192.0.2.1", Some(5060)));
    assert!(via.has_magic_cookie() && via.rport().is_some());
    let times: Vec<u64> = bench.run(start, 31_999).iter().map(|(ms, _)| *ms).collect();
    assert_eq!(times, [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
    assert!(bench.layer.is_waiting(key));
    assert_eq!(bench.run(start, 40_000), []);
    assert_eq!(bench.told(), ["timed out", "client terminated"]);
    assert!(bench.layer.is_empty());
    assert_eq!((bench.layer.counters().retransmitted, bench.layer.counters().timed_out), (10, 1));
}

#[test]
fn responses_find_their_request_and_strangers_are_dropped() {
    let mut bench = Bench::new();
    bench.ask(udp());
    let sent = bench.one();
    let ok = answer(&sent.bytes, 200);
    let via = flow(Transport::Udp);
    for stranger in [
        ok.replace("z9hG4bK", "z9hG4bK0"),
        ok.replace("192.0.2.1:5060", "192.0.2.9:5060"),
        ok.replace("7 OPTIONS", "7 INVITE"),
        ok.replace("7 OPTIONS", "7 CANCEL"),
        ok.replace("From:", "Via: SIP/2.0/UDP second;branch=z9hG4bK1\r\nFrom:"),
    ] {
        bench.receive(&via, &stranger);
    }
    assert_eq!(bench.told(), Vec::<String>::new());
    assert_eq!(bench.layer.counters().stray_responses, 5);
    bench.receive(&via, &ok.replace("Call-ID: c\r\n", ""));
    assert_eq!(bench.layer.counters().invalid, 1);
    bench.receive(&via, &ok);
    bench.receive(&via, &ok);
    assert_eq!(bench.told(), ["response 200"]);
    assert_eq!(bench.layer.counters().absorbed, 1);
    assert_eq!(bench.pass(6_000), []);
    assert_eq!(bench.told(), ["client terminated"]);
}

#[test]
fn a_refused_invite_is_acknowledged_by_the_layer() {
    let mut bench = Bench::new();
    let key = bench.call(udp());
    let invite = bench.one();
    let via = flow(Transport::Udp);
    bench.hear(&via, &invite, 180);
    bench.hear(&via, &invite, 486);
    let ack = bench.one();
    assert_eq!(ack.destination, invite.destination);
    let message = read(&ack.bytes);
    assert!(message.is(&Method::Ack) && message.validate().is_ok());
    assert_eq!(message.via(), read(&invite.bytes).via());
    assert_eq!(message.to_tag(), Tag::new("b1"));
    bench.hear(&via, &invite, 486);
    assert_eq!(bench.transmits(), [ack]);
    assert_eq!(bench.told(), ["response 180", "response 486"]);
    assert!(!bench.layer.is_waiting(key));
    assert_eq!(bench.pass(33_000), []);
    assert_eq!(bench.told(), ["client terminated"]);
    assert!(bench.layer.is_empty());
}

#[test]
fn an_accepted_invite_passes_every_success_for_the_user_to_acknowledge() {
    let mut bench = Bench::new();
    let start = bench.now;
    bench.call(udp());
    let invite = bench.one();
    let via = flow(Transport::Udp);
    let ok = answer(&invite.bytes, 200);
    bench.receive(&via, &ok);
    bench.receive(&via, &ok.replace("tag=b1", "tag=b2"));
    assert_eq!(bench.told(), ["response 200", "response 200"]);
    let ack: Acknowledgement = bench.layer.acknowledge(udp(), &outgoing("ACK", 0)).unwrap();
    bench.layer.repeat(&ack);
    let sent = bench.transmits();
    assert_eq!((sent.len(), &sent[0].bytes), (2, &sent[1].bytes));
    assert!(read(&sent[0].bytes).via().unwrap().has_magic_cookie());
    assert_eq!(bench.layer.acknowledge(udp(), &outgoing("BYE", 0)), Err(RequestRefused::NotARequest));
    assert_eq!(bench.run(start, 33_000), []);
    assert_eq!(bench.told(), ["client terminated"]);
    assert!(bench.layer.is_empty());
}

#[test]
fn a_cancel_waits_for_a_provisional_response() {
    let mut bench = Bench::new();
    let key = bench.call(udp());
    let invite = bench.one();
    bench.cancel(key, Some("SIP;cause=200"));
    bench.cancel(key, None);
    assert_eq!(bench.sent(), Vec::<String>::new());
    let via = flow(Transport::Udp);
    bench.hear(&via, &invite, 100);
    let cancel = bench.one();
    let message = read(&cancel.bytes);
    assert!(message.is(&Method::Cancel) && message.validate().is_ok());
    assert_eq!(message.branch(), read(&invite.bytes).branch());
    assert_eq!(message.header(Header::Reason), Some(&b"SIP;cause=200"[..]));
    bench.cancel(key, None);
    bench.hear(&via, &cancel, 200);
    bench.hear(&via, &invite, 487);
    assert_eq!(bench.sent(), ["ACK sip:b@h SIP/2.0"]);
    assert_eq!(bench.told(), ["response 100", "response 487"]);
    bench.pass(33_000);
    assert!(bench.layer.is_empty());
}

#[test]
fn a_cancelled_invite_that_stays_silent_times_out() {
    let mut bench = Bench::new();
    let start = bench.now;
    let key = bench.call(udp());
    let invite = bench.one();
    bench.hear(&flow(Transport::Udp), &invite, 180);
    bench.cancel(key, None);
    assert_eq!(bench.sent(), ["CANCEL sip:b@h SIP/2.0"]);
    let sent = bench.run(start, 40_000);
    assert!(sent.iter().all(|(_, line)| line.starts_with("CANCEL")), "{sent:?}");
    assert_eq!(sent.len(), 10);
    assert_eq!(bench.told(), ["response 180", "timed out", "client terminated"]);
    assert!(bench.layer.is_empty());
}

#[test]
fn a_cancel_after_the_answer_or_of_another_request_is_nothing() {
    let mut bench = Bench::new();
    let invite = bench.call(tcp());
    let sent = bench.one();
    bench.hear(&flow(Transport::Tcp), &sent, 200);
    let options = bench.ask(tcp());
    bench.transmits();
    bench.cancel(invite, None);
    bench.cancel(options, None);
    assert_eq!(bench.transmits(), []);
}

#[test]
fn a_new_request_goes_up_once_and_its_answer_is_repeated() {
    let mut bench = Bench::new();
    let via = flow(Transport::Udp);
    let request = incoming("OPTIONS", "1", "");
    bench.receive(&via, &request);
    bench.receive(&via, &request);
    let key = bench.request_key();
    assert_eq!(bench.transmits(), []);
    assert!(bench.layer.is_unanswered(key));
    let ok = response(&request, 200);
    assert!(bench.layer.respond(bench.now, key, ok.clone()));
    assert!(!bench.say(key, &request, 404));
    bench.receive(&via, &request);
    let sent = bench.transmits();
    assert_eq!(sent.len(), 2);
    for transmit in &sent {
        assert_eq!((&transmit.bytes, transmit.destination.remote), (&ok, via.remote));
        assert_eq!(transmit.destination.listener, Some(ListenerId(0)));
    }
    assert_eq!(bench.pass(31_999), []);
    bench.receive(&via, &request);
    assert_eq!(bench.sent(), ["SIP/2.0 200 OK"]);
    bench.pass(2);
    assert_eq!(bench.told(), ["server terminated"]);
    assert!(bench.layer.is_empty());
}

#[test]
fn trying_comes_within_200_ms_and_is_repeated() {
    let mut bench = Bench::new();
    let via = flow(Transport::Udp);
    let start = bench.now;
    bench.receive(&via, &incoming("INVITE", "1", ""));
    let key = bench.request_key();
    assert_eq!(bench.run(start, 300), [(100, "SIP/2.0 100 Trying".to_owned())]);
    bench.receive(&via, &incoming("INVITE", "1", ""));
    let trying = bench.one();
    let trying = read(&trying.bytes);
    assert_eq!(trying.to_tag(), None);
    assert_eq!(trying.via().unwrap().received(), Some(via.remote.ip()));
    assert!(bench.layer.respond(bench.now, key, response(&incoming("INVITE", "1", ""), 180)));
    bench.receive(&via, &incoming("INVITE", "1", ""));
    assert_eq!(bench.sent(), ["SIP/2.0 180 Ringing", "SIP/2.0 180 Ringing"]);
    assert_eq!(bench.run(start, 600_000), []);
    assert!(bench.layer.is_unanswered(key));
}

#[test]
fn a_refusal_is_repeated_until_its_ack_which_goes_no_further() {
    let mut bench = Bench::new();
    let via = flow(Transport::Udp);
    let (invite, key) = bench.invited(&via);
    let start = bench.now;
    assert!(bench.say(key, &invite, 486));
    assert_eq!(bench.sent(), ["SIP/2.0 486 Busy Here"]);
    let times: Vec<u64> = bench.run(start, 4_000).iter().map(|(ms, _)| *ms).collect();
    assert_eq!(times, [500, 1_500, 3_500]);
    bench.transmits();
    bench.receive(&via, &incoming("ACK", "1", ";tag=b1"));
    bench.receive(&via, &incoming("ACK", "1", ";tag=b1"));
    bench.receive(&via, &invite);
    assert_eq!((bench.told(), bench.transmits()), (Vec::new(), Vec::new()));
    assert_eq!(bench.pass(5_001), []);
    assert_eq!(bench.told(), ["server terminated"]);
}

#[test]
fn a_refusal_without_ack_is_reported() {
    let mut bench = Bench::new();
    let (invite, key) = bench.invited(&flow(Transport::Udp));
    let start = bench.now;
    bench.say(key, &invite, 500);
    bench.run(start, 33_000);
    assert_eq!(bench.told(), ["unacknowledged", "server terminated"]);
    assert_eq!(bench.layer.counters().unacknowledged, 1);
}

#[test]
fn an_accepted_invite_is_absorbed_and_its_ack_goes_up() {
    let mut bench = Bench::new();
    let via = flow(Transport::Udp);
    let (invite, key) = bench.invited(&via);
    let start = bench.now;
    assert!(bench.say(key, &invite, 200));
    assert!(bench.say(key, &invite, 200));
    assert!(!bench.say(key, &invite, 487));
    bench.transmits();
    bench.receive(&via, &invite);
    assert_eq!(bench.transmits(), []);
    bench.receive(&via, &incoming("ACK", "2", ";tag=b1"));
    bench.receive(&via, &incoming("ACK", "1", ";tag=b1"));
    assert_eq!(bench.told(), ["ack false", "ack true"]);
    assert_eq!(bench.run(start, 32_001), []);
    assert_eq!(bench.told(), ["server terminated"]);
}

#[test]
fn a_cancel_is_answered_and_its_invite_told() {
    let mut bench = Bench::new();
    let via = flow(Transport::Udp);
    let (invite, key) = bench.invited(&via);
    bench.say(key, &invite, 180);
    bench.transmits();
    let cancel = incoming("CANCEL", "1", "");
    bench.receive(&via, &cancel);
    bench.receive(&via, &cancel);
    let sent = bench.transmits();
    assert_eq!((sent.len(), &sent[0].bytes), (2, &sent[1].bytes));
    let ok = read(&sent[0].bytes);
    assert_eq!((ok.status(), ok.to_tag()), (Some(StatusCode::OK), Tag::new("b1")));
    let events = bench.events();
    assert!(matches!(events.as_slice(), [Event::Cancelled { key: cancelled, .. }] if *cancelled == key));
    bench.say(key, &invite, 487);
    assert_eq!(bench.sent(), ["SIP/2.0 487 Request Terminated"]);
    bench.receive(&via, &incoming("ACK", "1", ";tag=b1"));
    bench.pass(33_000);
    assert_eq!(bench.told(), ["server terminated"]);
    assert!(bench.layer.is_empty());
}

#[test]
fn a_cancel_of_an_answered_invite_changes_nothing() {
    let mut bench = Bench::new();
    let via = flow(Transport::Udp);
    let (invite, key) = bench.invited(&via);
    bench.say(key, &invite, 200);
    bench.transmits();
    bench.receive(&via, &incoming("CANCEL", "1", ""));
    assert_eq!(bench.sent(), ["SIP/2.0 200 OK"]);
    assert_eq!(bench.told(), Vec::<String>::new());
}

#[test]
fn a_cancel_of_nothing_is_481() {
    let mut bench = Bench::new();
    bench.receive(&flow(Transport::Udp), &incoming("CANCEL", "9", ""));
    assert_eq!(bench.sent(), ["SIP/2.0 481 Call/Transaction Does Not Exist"]);
    assert_eq!(bench.told(), Vec::<String>::new());
}

#[test]
fn merged_requests_are_refused() {
    let mut bench = Bench::new();
    let via = flow(Transport::Udp);
    bench.receive(&via, &incoming("INVITE", "1", ""));
    bench.receive(&via, &incoming("INVITE", "2", ""));
    bench.receive(&via, &incoming("INVITE", "2", ""));
    assert_eq!(bench.told(), ["request INVITE"]);
    let sent = bench.transmits();
    assert_eq!(first_line(&sent[0].bytes), "SIP/2.0 482 Merged Request");
    assert_eq!(sent[0].bytes, sent[1].bytes);
    assert_eq!(bench.layer.counters().merged, 2);
    // In a dialog the same CSeq with another branch is for the dialog to judge.
    bench.receive(&via, &incoming("OPTIONS", "3", ";tag=b1"));
    bench.receive(&via, &incoming("OPTIONS", "4", ";tag=b1"));
    assert_eq!(bench.told(), ["request OPTIONS", "request OPTIONS"]);
}

#[test]
fn what_breaks_the_protocol_is_answered_without_a_transaction() {
    let mut bench = Bench::new();
    let via = flow(Transport::Udp);
    let request = incoming("OPTIONS", "1", "");
    bench.receive(&via, &request.replace("CSeq: 1 OPTIONS", "CSeq: 1 INVITE"));
    bench.receive(&via, &request.replace("Call-ID: call\r\n", ""));
    bench.receive(&via, &request.replace("Via: SIP/2.0/UDP 10.0.0.1", "Via: "));
    bench.receive(&via, "\r\n\r\n");
    bench.receive(&via, "nonsense");
    bench.receive(&via, &incoming("ACK", "7", "").replace("Call-ID: call\r\n", ""));
    assert_eq!(
        bench.sent(),
        ["SIP/2.0 400 CSeq Method Does Not Match Request Method", "SIP/2.0 400 Missing Call-ID Header"]
    );
    assert_eq!(bench.told(), Vec::<String>::new());
    assert!(bench.layer.is_empty());
    assert_eq!(bench.layer.counters().invalid, 6);
}

#[test]
fn a_full_table_refuses_new_calls_before_what_ends_calls() {
    let mut bench = Bench::bounded(8, 8);
    let via = flow(Transport::Udp);
    let fresh = |method: &str, index: usize| {
        incoming(method, &index.to_string(), "").replace("Call-ID: call", &format!("Call-ID: call{index}"))
    };
    for index in 0..8 {
        bench.receive(&via, &fresh("INVITE", index));
    }
    assert_eq!(bench.told().len(), 7);
    let refusal = bench.one();
    let refusal = read(&refusal.bytes);
    assert_eq!(refusal.status(), Some(StatusCode::SERVICE_UNAVAILABLE));
    assert!(refusal.header(Header::RetryAfter).is_some());
    bench.receive(&via, &fresh("BYE", 20));
    bench.receive(&via, &fresh("BYE", 21));
    assert_eq!(bench.told(), ["request BYE"]);
    assert_eq!(bench.sent(), ["SIP/2.0 503 Service Unavailable"]);
    assert_eq!(bench.layer.counters().refused, 2);
    for _ in 0..7 {
        bench.call(udp());
    }
    assert_eq!(bench.layer.request(bench.now, udp(), outgoing("INVITE", 0)), Err(RequestRefused::Full));
    assert!(bench.layer.request(bench.now, udp(), outgoing("BYE", 0)).is_ok());
    assert_eq!(bench.layer.request(bench.now, udp(), outgoing("BYE", 0)), Err(RequestRefused::Full));
}

#[test]
fn a_dismissed_request_is_forgotten() {
    let mut bench = Bench::new();
    let via = flow(Transport::Udp);
    let request = incoming("REGISTER", "1", "");
    for _ in 0..2 {
        bench.receive(&via, &request);
        let key = bench.request_key();
        assert!(bench.layer.dismiss(key, response(&request, 401)));
        assert!(!bench.layer.dismiss(key, response(&request, 401)));
        assert_eq!(bench.sent(), ["SIP/2.0 401 Unauthorized"]);
        assert!(bench.layer.is_empty());
        assert_eq!(bench.layer.poll_timeout(), None);
    }
}

#[test]
fn streams_keep_nothing_after_the_answer() {
    let mut bench = Bench::new();
    let via = flow(Transport::Tcp);
    let request = incoming("OPTIONS", "1", "");
    bench.receive(&via, &request);
    let key = bench.request_key();
    bench.say(key, &request, 200);
    let sent = bench.one();
    let reopened = "198.51.100.7:5062".parse().unwrap();
    assert_eq!(sent.destination.connection, Connection::Prefer(ConnectionId(3), reopened));
    assert_eq!(bench.told(), ["server terminated"]);
    assert!(bench.layer.is_empty());
}

#[test]
fn a_request_without_answer_is_forgotten_with_its_client() {
    let mut bench = Bench::new();
    let start = bench.now;
    bench.receive(&flow(Transport::Tcp), &incoming("OPTIONS", "1", ""));
    let key = bench.request_key();
    assert_eq!(bench.run(start, 40_000), [(3_500, "SIP/2.0 100 Trying".to_owned())]);
    assert_eq!(bench.told(), ["server terminated"]);
    assert!(!bench.layer.respond(bench.now, key, response(&incoming("OPTIONS", "1", ""), 200)));
}

#[test]
fn a_long_request_goes_by_tcp_and_by_udp_where_that_is_refused() {
    let mut bench = Bench::new();
    let key = bench.call_at_length();
    let first = bench.one();
    assert_eq!(first.destination.transport, Transport::Tcp);
    assert!(first.bytes.windows(13).any(|window| window == b"SIP/2.0/TCP 1"));
    bench.fail(&first, TransportFailure::Refused);
    let second = bench.one();
    assert_eq!((second.destination.transport, second.token), (Transport::Udp, first.token));
    assert!(second.bytes.windows(13).any(|window| window == b"SIP/2.0/UDP 1"));
    assert_eq!(bench.told(), Vec::<String>::new());
    assert_eq!(bench.pass(600).len(), 1, "UDP is repeated");
    bench.hear(&flow(Transport::Udp), &second, 200);
    assert_eq!(bench.told(), ["response 200"]);
    assert_eq!(bench.layer.destination(key).map(|to| to.transport), Some(Transport::Udp));
    // The peer is known to refuse TCP for a while.
    bench.call_at_length();
    assert_eq!(bench.transmits()[0].destination.transport, Transport::Udp);
    assert_eq!((bench.layer.counters().upgraded, bench.layer.counters().downgraded), (1, 1));
    // A failure of UDP is the end.
    bench.fail(&second, TransportFailure::TooLong);
    assert_eq!(bench.told(), Vec::<String>::new(), "an accepted INVITE does not care");
}

#[test]
fn a_long_request_goes_by_udp_where_tcp_stays_silent() {
    let mut bench = Bench::new();
    let start = bench.now;
    let key = bench.call_at_length();
    let first = bench.one();
    assert_eq!(first.destination.transport, Transport::Tcp);
    let sent: Vec<u64> = bench.run(start, 15_999).into_iter().map(|(ms, _)| ms).collect();
    assert_eq!(sent, [8_000, 8_500, 9_500, 11_500, 15_500]);
    assert_eq!(bench.layer.destination(key).map(|to| to.transport), Some(Transport::Udp));
    // The peer was only slow: what it says by TCP counts, and the next long request goes there again.
    bench.hear(&flow(Transport::Tcp), &first, 200);
    assert_eq!(bench.told(), ["response 200"]);
    bench.call_at_length();
    assert_eq!(bench.transmits()[0].destination.transport, Transport::Tcp);
    assert_eq!((bench.layer.counters().upgraded, bench.layer.counters().downgraded), (2, 1));
}

#[test]
fn a_peer_whose_tcp_is_silent_gets_the_next_long_request_by_udp() {
    let mut bench = Bench::new();
    let start = bench.now;
    bench.call_at_length();
    let first = bench.transmits().remove(0).bytes;
    bench.run(start, 7_999);
    bench.now = start + Duration::from_secs(8);
    bench.layer.handle_timeout(bench.now);
    let second = bench.one();
    let branch =
        |bytes: &Bytes| Message::parse_datagram(bytes.clone()).unwrap().via().unwrap().branch().map(str::to_owned);
    assert_eq!((second.destination.transport, branch(&second.bytes)), (Transport::Udp, branch(&first)));
    bench.hear(&flow(Transport::Udp), &second, 200);
    bench.call_at_length();
    assert_eq!(bench.transmits()[0].destination.transport, Transport::Udp);
}

#[test]
fn a_long_request_whose_peer_answers_by_tcp_stays_there() {
    let mut bench = Bench::new();
    let start = bench.now;
    bench.call_at_length();
    let first = bench.one();
    bench.hear(&flow(Transport::Tcp), &first, 100);
    assert_eq!(bench.run(start, 60_000), []);
    assert_eq!(bench.layer.counters().downgraded, 0);
}

#[test]
fn a_long_invite_that_is_to_be_cancelled_is_not_sent_anew() {
    let mut bench = Bench::new();
    let start = bench.now;
    for silent in [true, false] {
        let key = bench.call_at_length();
        let first = bench.one();
        bench.cancel(key, None);
        match silent {
            true => assert_eq!(bench.run(start, 40_000), []),
            false => bench.fail(&first, TransportFailure::Refused),
        }
        assert_eq!(bench.sent(), Vec::<String>::new());
        assert_eq!(bench.told()[1..], ["client terminated"]);
    }
}

#[test]
fn a_failing_transport_is_reported() {
    let mut bench = Bench::new();
    bench.call(tcp());
    let sent = bench.one();
    bench.fail(&sent, TransportFailure::Refused);
    bench.fail(&sent, TransportFailure::Refused);
    assert_eq!(bench.told(), ["failed: connection refused", "client terminated"]);
    assert!(bench.layer.is_empty());
    let (invite, key) = bench.invited(&flow(Transport::Tcp));
    bench.say(key, &invite, 180);
    let sent = bench.one();
    bench.fail(&sent, TransportFailure::Closed);
    assert_eq!(bench.told(), ["response failed: connection closed"]);
    assert!(bench.layer.is_unanswered(key));
}

#[test]
fn what_is_no_request_is_not_sent() {
    let mut bench = Bench::new();
    for nonsense in ["", " ", "SIP/2.0 200 OK\r\n\r\n", "ACK sip:h SIP/2.0\r\n\r\n", "CANCEL sip:h SIP/2.0\r\n\r\n"] {
        let request = Bytes::copy_from_slice(nonsense.as_bytes());
        assert_eq!(bench.layer.request(bench.now, udp(), request), Err(RequestRefused::NotARequest), "{nonsense}");
    }
    let ipv6 = Destination::address(Transport::Udp, "[2001:db8::1]:5060".parse().unwrap());
    assert_eq!(bench.layer.request(bench.now, ipv6, outgoing("BYE", 0)), Err(RequestRefused::NoListener));
    assert_eq!(bench.transmits(), []);
    assert!(bench.layer.is_empty());
}

/// Any order of messages, answers, time and failures leaves nothing behind.
#[test]
fn random_operations_end_with_an_empty_table() {
    for seed in 0..200 {
        let mut random = Random::from_seed(seed);
        let mut bench = Bench::bounded(16, 16);
        let mut requests: Vec<(ServerKey, String)> = Vec::new();
        let mut clients: Vec<ClientKey> = Vec::new();
        let mut sent: Vec<Transmit> = Vec::new();
        for _ in 0..200 {
            let via = flow(if random.below(3) == 0 { Transport::Tcp } else { Transport::Udp });
            match random.below(10) {
                0..=2 => {
                    let method = ["INVITE", "INVITE", "BYE", "CANCEL", "ACK", "OPTIONS"][random.below(6) as usize];
                    let text =
                        incoming(method, &random.below(6).to_string(), ["", ";tag=b1"][random.below(2) as usize]);
                    bench.receive(&via, &text);
                    for event in bench.events() {
                        if let Event::Request { key, .. } = event {
                            requests.push((key, text.clone()));
                        }
                    }
                }
                3 => {
                    let destination = if random.below(2) == 0 { udp() } else { tcp() };
                    let method = ["INVITE", "BYE"][random.below(2) as usize];
                    let request = outgoing(method, random.below(2_000) as usize);
                    clients.extend(bench.layer.request(bench.now, destination, request).ok());
                }
                4 if !clients.is_empty() => {
                    let key = clients[random.below(clients.len() as u64) as usize];
                    bench.cancel(key, None);
                }
                5 if !requests.is_empty() => {
                    let (key, text) = &requests[random.below(requests.len() as u64) as usize];
                    let code = [100, 180, 200, 302, 487, 503][random.below(6) as usize];
                    bench.say(*key, text, code);
                }
                6 | 7 if !sent.is_empty() => {
                    let transmit = &sent[random.below(sent.len() as u64) as usize];
                    if !transmit.bytes.starts_with(b"SIP/") {
                        let code = [100, 180, 200, 302, 487, 503][random.below(6) as usize];
                        bench.receive(&via, &answer(&transmit.bytes, code));
                    }
                }
                8 if !sent.is_empty() => {
                    let transmit = &sent[random.below(sent.len() as u64) as usize];
                    if let Some(token) = transmit.token {
                        bench.layer.handle_transport_failed(bench.now, token, TransportFailure::Refused);
                    }
                }
                _ => {
                    bench.now = bench.now + Duration::from_millis(random.below(5_000));
                    bench.layer.handle_timeout(bench.now);
                }
            }
            bench.events();
            sent.extend(bench.transmits());
            let (clients, servers) = bench.layer.len();
            assert!(clients <= 16 && servers <= 16, "seed {seed}");
        }
        for key in &clients {
            bench.cancel(*key, None);
        }
        for (key, text) in &requests {
            bench.say(*key, text, 503);
        }
        bench.pass(200_000);
        // An INVITE that rings without end is its user's to cancel; here all were, so nothing is left.
        assert!(bench.layer.is_empty(), "seed {seed}: {:?}", bench.layer.len());
        assert_eq!(bench.layer.poll_timeout(), None, "seed {seed}");
    }
}

//! What a whole call costs in `signaling`: both legs over trunks, 13 messages, from octets to octets, with every packet to
//! and from a switch that decides nothing. The peers' own writing is in it too: it is the text of five messages.
//!
//! To reach: 60 µs a call on an idle core. On a busy one count instructions instead, which do not depend on the neighbours
//! (`valgrind --tool=callgrind … --bench --test`): about 400,000 a call, the peers' text not counted.

#![allow(missing_docs, reason = "criterion_group generates an undocumented function")]

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use router::parameter::{
    Codec, Direction, Leg, LegPhase, LegState, MediaDescription, MediaExchange, MediaKind, MediaStream, MediaTransport,
    Parameter, Selection, Target,
};
use router::service::next_turn;
use router::time::{Duration, Instant, Now, WallTime};
use router::{Address, Command, Instance, ModuleKind, Packet, Parameters, Random, Service, Transaction, one};
use signaling::transport::{Flow, Listener, ListenerId, Listeners, Received, Transport};
use signaling::trunk::{Source, Target as TrunkTarget, TrunkConfig};
use signaling::{Config, Signaling};
use std::hint::black_box;
use std::net::SocketAddr;

const SERVER: &str = "127.0.0.1:5060";
const CALLER: &str = "127.0.0.1:15060";
const CALLEE: &str = "127.0.0.1:15070";
const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 101\r\n\
    a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n";

struct Bench {
    signaling: Signaling,
    now: Now,
    calls: u64,
}

fn description(port: u16) -> MediaDescription {
    MediaDescription {
        streams: vec![MediaStream {
            kind: MediaKind::Audio,
            transport: MediaTransport::RtpAvp,
            rtp: Some(SocketAddr::from(([127, 0, 0, 1], port))),
            rtcp: None,
            rtcp_mux: false,
            direction: Direction::SendReceive,
            codecs: vec![Codec::new(0, "PCMU", 8_000), Codec::new(101, "telephone-event", 8_000)],
            ptime_ms: None,
            max_ptime_ms: None,
            protection: None,
            dtls: None,
            ice: None,
            voip_metrics: false,
            summary: Default::default(),
            seeks_anew: false,
            chosen_ways: Vec::new(),
            served: None,
        }],
    }
}

fn answered(port: u16) -> LegState {
    LegState::new(LegPhase::Answered).with_media(Some(MediaExchange::Answer(description(port))))
}

impl Bench {
    fn new() -> Self {
        let trunk = |name: &str, address: &str| TrunkConfig {
            name: name.to_owned(),
            target: TrunkTarget::parse(address),
            sources: Source::parse(address).into_iter().collect(),
            domain: None,
            credentials: None,
            trusted: true,
            calls_max: None,
            response_timeout: signaling::limits::TRUNK_RESPONSE_TIMEOUT,
            calls: None,
            calls_per_s: None,
            options: None,
            register: Vec::new(),
            register_expires: signaling::limits::REGISTER_EXPIRES,
            outbound: false,
            headers: Default::default(),
            identity: Default::default(),
            media_fixed: false,
        };
        let config = Config {
            listeners: Listeners::new(
                SERVER.parse().map(|at| Listener::new(Transport::Udp, at, None)).into_iter().collect(),
            ),
            trunks: vec![trunk("caller", CALLER), trunk("callee", CALLEE)],
            ..Config::default()
        };
        let now = Now { instant: Instant::from_millis(1_000), wall: WallTime::from_secs(1_800_000_000) };
        let mut bench = Self { signaling: Signaling::new(0, config, now, Random::from_seed(1)), now, calls: 0 };
        // The store says that there is nothing to load.
        for _ in 0..3 {
            for packet in bench.packets() {
                bench.answer(&packet, Command::Done, one(Selection::default()));
            }
        }
        bench
    }

    fn packets(&mut self) -> Vec<Packet> {
        std::iter::from_fn(|| self.signaling.outbox().poll_transmit()).collect()
    }

    fn deliver(&mut self, packet: Packet) {
        if let Some(received) = self.signaling.outbox().handle_packet(packet) {
            self.signaling.handle_received(self.now, received);
        }
    }

    fn answer(&mut self, request: &Packet, command: Command, parameters: impl Into<Parameters>) {
        self.deliver(request.answer(command, parameters));
    }

    fn request(&mut self, call: Instance, leg: Address, command: Command, noun: impl Into<Parameter>) {
        let source = Address::local(ModuleKind::Switch, 0).at(call);
        let transaction = Transaction(self.calls << 8 | command as u64);
        self.deliver(Packet { source, destination: leg, transaction, command, parameters: one(noun) });
    }

    fn receive(&mut self, from: SocketAddr, text: String) {
        let flow = Flow {
            transport: Transport::Udp,
            listener: ListenerId(0),
            local: SocketAddr::from(([127, 0, 0, 1], 5060)),
            remote: from,
            connection: None,
        };
        self.signaling.handle_message(self.now, Received { flow, bytes: Bytes::from(text) });
    }

    /// What goes to the peers.
    fn sent(&mut self) -> Vec<Bytes> {
        std::iter::from_fn(|| self.signaling.poll_transmit()).map(|transmit| transmit.bytes).collect()
    }

    /// The first packet with that command.
    fn asked(&mut self, command: Command) -> Packet {
        let mut packets = self.packets();
        let at = packets.iter().position(|packet| packet.command == command).expect("the switch is asked");
        packets.swap_remove(at)
    }

    fn call(&mut self) {
        self.calls += 1;
        let (caller, callee) = (SocketAddr::from(([127, 0, 0, 1], 15060)), SocketAddr::from(([127, 0, 0, 1], 15070)));
        let id = self.calls;
        let head = |method: &str, cseq: u32, branch: u32, to_tag: &str, body: &str| {
            let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
            format!(
                "{method} sip:service@{SERVER} SIP/2.0\r\nVia: SIP/2.0/UDP {CALLER};branch=z9hG4bK-{id}-{branch}\r\n\
                 From: sipp <sip:sipp@{CALLER}>;tag={id}\r\nTo: service <sip:service@{SERVER}>{to_tag}\r\nCall-ID: {id}-1@127.0.0.1\r\n\
                 CSeq: {cseq} {method}\r\nContact: <sip:sipp@{CALLER}>\r\nMax-Forwards: 70\r\nSubject: Performance Test\r\n{kind}\
                 Content-Length: {}\r\n\r\n{body}",
                body.len()
            )
        };
        self.receive(caller, head("INVITE", 1, 1, "", SDP));
        let start = self.asked(Command::Start);
        let (call, near) = (start.destination.instance, start.source);
        self.answer(&start, Command::Progress, one(LegState::new(LegPhase::Trying)));
        let Some(Parameter::Call(wanted)) = start.first() else { panic!("a call") };
        let far = Address::local(ModuleKind::Signaling, 0).at(Instance(1 << 63 | id));
        let leg = Leg {
            call_id: wanted.id.clone(),
            target: Target::Trunk { name: "callee".to_owned(), number: "service".to_owned().into() },
            caller: wanted.caller.clone(),
            anonymous: false,
            called: wanted.called.clone(),
            media: Some(MediaExchange::Offer(description(20_000))),
            hops: wanted.hops,
            verified: true,
            referred_by: None,
            passed: None,
            secure: false,
            urgent: false,
            identity: None,
            account: None,
        };
        self.request(call, far, Command::Start, leg);
        let invite = self.sent().pop().expect("an INVITE");
        self.receive(callee, response(&invite, "180 Ringing", ""));
        self.packets();
        self.answer(&start, Command::Progress, one(LegState::new(LegPhase::Ringing)));
        self.receive(callee, response(&invite, "200 OK", SDP));
        black_box(self.packets());
        self.answer(&start, Command::Done, one(answered(20_002)));
        let sent = self.sent();
        let ok = sent.last().expect("a 200");
        let to_tag = tag_of(ok);
        self.receive(caller, head("ACK", 1, 2, &to_tag, ""));
        self.receive(caller, head("BYE", 2, 3, &to_tag, ""));
        let stop = self.asked(Command::Stop);
        assert_eq!(stop.source, near);
        self.answer(&stop, Command::Done, Parameters::new());
        self.request(call, far, Command::Stop, LegState::released(router::parameter::CauseKind::Normal));
        let bye = self.sent().pop().expect("a BYE");
        self.receive(callee, response(&bye, "200 OK", ""));
        black_box(self.packets());
        black_box(self.sent());
        // A thousand calls a second, so that thousands of others linger.
        self.now = self.now.later(Duration::from_millis(1));
        while next_turn(&mut self.signaling).is_some_and(|at| at <= self.now.instant) {
            self.signaling.handle_timeout(self.now);
            self.signaling.outbox().handle_timeout(self.now.instant);
        }
        black_box(self.sent());
    }
}

/// The line of a message that starts so.
fn line<'a>(message: &'a str, name: &str) -> &'a str {
    message.lines().find(|line| line.starts_with(name)).unwrap_or_default()
}

fn tag_of(response: &Bytes) -> String {
    let text = String::from_utf8_lossy(response);
    let to = line(&text, "To:");
    to.find(";tag=").map_or_else(String::new, |at| to[at..].to_owned())
}

fn response(request: &Bytes, status: &str, body: &str) -> String {
    let text = String::from_utf8_lossy(request);
    let to = line(&text, "To:");
    let tag = if to.contains(";tag=") { "" } else { ";tag=callee" };
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "SIP/2.0 {status}\r\n{}\r\n{}\r\n{to}{tag}\r\n{}\r\n{}\r\nContact: <sip:{CALLEE};transport=UDP>\r\n{kind}\
         Content-Length: {}\r\n\r\n{body}",
        line(&text, "Via:"),
        line(&text, "From:"),
        line(&text, "Call-ID:"),
        line(&text, "CSeq:"),
        body.len()
    )
}

fn calls(criterion: &mut Criterion) {
    let mut bench = Bench::new();
    // Until thousands linger.
    for _ in 0..4_000 {
        bench.call();
    }
    assert_eq!(bench.signaling.legs(), 0);
    criterion.bench_function("signaling/call", |bencher| bencher.iter(|| bench.call()));
}

criterion_group!(benches, calls);
criterion_main!(benches);

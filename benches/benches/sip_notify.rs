//! What a NOTIFY costs in `signaling`: a thousand lamps, or ten thousand, follow one telephone; it rings, or is free again, and each lamp is told and
//! answers. From the switch's packet to the octets of the last answer; the phones' own writing is in it too.
//!
//! `signaling/notify/1000` is the time of a thousand NOTIFYs, as a microsecond there is a nanosecond each. With ten thousand the subscriptions lie in no
//! cache any more.

#![allow(missing_docs, reason = "criterion_group generates an undocumented function")]

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use router::parameter::{
    Account, AccountCredential, Behalf, CallEvent, CallPhase, CallSummary, LegPhase, LegSummary, Parameter, Party,
    Selection,
};
use router::service::next_turn;
use router::time::{Duration, Instant, Now, WallTime};
use router::{Address, Command, Instance, ModuleKind, Packet, Parameters, Random, Service, Transaction, one};
use signaling::admission::{AdmissionLimits, Rate};
use signaling::digest::algorithm::Algorithm;
use signaling::digest::{ClientCredentials, respond};
use signaling::message::{Header, Message};
use signaling::transport::{Flow, Listener, ListenerId, Listeners, Received, Transport};
use signaling::{Config, Signaling};
use std::hint::black_box;
use std::net::SocketAddr;

const SERVER: &str = "127.0.0.1:5060";
const PHONE: &str = "127.0.0.1:15060";
/// A large office's, and a carrier's.
const LAMPS: [u32; 2] = [1_000, 10_000];

struct Bench {
    signaling: Signaling,
    now: Now,
    lamps: u32,
    rings: bool,
}

fn account(name: &str) -> Account {
    let secret = |algorithm: Algorithm| algorithm.secret(name, "tandem", "secret");
    let (md5, sha256) = (secret(Algorithm::Md5), secret(Algorithm::Sha256));
    Account {
        name: name.to_owned(),
        display_name: None,
        credential: AccountCredential::Hashes {
            md5: md5.as_bytes().try_into().expect("16 octets"),
            sha256: sha256.as_bytes().try_into().expect("32 octets"),
        },
        enabled: true,
        created: WallTime::default(),
        removed: false,
    }
}

impl Bench {
    fn new(lamps: u32) -> Self {
        let much = Rate { per_second: 1_000_000, burst: 1_000_000 };
        let mut config = Config {
            listeners: Listeners::new(
                SERVER.parse().map(|at| Listener::new(Transport::Udp, at, None)).into_iter().collect(),
            ),
            admission: AdmissionLimits { unknown_source: much, unknown_total: much, ..AdmissionLimits::default() },
            keep_alive: None,
            ..Config::default()
        };
        config.events.per_account_max = lamps as usize;
        let now = Now { instant: Instant::from_millis(1_000), wall: WallTime::from_secs(1_800_000_000) };
        let signaling = Signaling::new(0, config, now, Random::from_seed(1));
        let mut bench = Self { signaling, now, lamps, rings: false };
        bench.serve();
        bench.subscribe();
        bench
    }

    /// Answers what the store and the switch are asked, until nothing is asked.
    fn serve(&mut self) {
        loop {
            let packets: Vec<Packet> = std::iter::from_fn(|| self.signaling.outbox().poll_transmit()).collect();
            if packets.is_empty() {
                return;
            }
            for packet in packets.into_iter().filter(|packet| packet.command.is_request()) {
                let mut parameters = Parameters::new();
                if packet.command == Command::Query {
                    if let Some(Parameter::Account(_)) = packet.first() {
                        parameters.extend(["lamp", "desk"].map(|name| Parameter::from(account(name))));
                    }
                    parameters.push(Selection::default().into());
                }
                self.deliver(packet.answer(Command::Done, parameters));
            }
        }
    }

    fn deliver(&mut self, packet: Packet) {
        if let Some(received) = self.signaling.outbox().handle_packet(packet) {
            self.signaling.handle_received(self.now, received);
        }
    }

    fn receive(&mut self, text: String) {
        let flow = Flow {
            transport: Transport::Udp,
            listener: ListenerId(0),
            local: SocketAddr::from(([127, 0, 0, 1], 5060)),
            remote: SocketAddr::from(([127, 0, 0, 1], 15060)),
            connection: None,
        };
        self.signaling.handle_message(self.now, Received { flow, bytes: Bytes::from(text) });
    }

    fn sent(&mut self) -> Vec<Bytes> {
        std::iter::from_fn(|| self.signaling.poll_transmit()).map(|transmit| transmit.bytes).collect()
    }

    fn subscribe(&mut self) {
        let uri = format!("sip:desk@{SERVER}");
        let text = |number: u32, cseq: u32, more: &str| {
            format!(
                "SUBSCRIBE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {PHONE};branch=z9hG4bK-{number}-{cseq}\r\nMax-Forwards: 70\r\n\
                 From: <sip:lamp@{SERVER}>;tag={number}\r\nTo: <{uri}>\r\nCall-ID: lamp-{number}\r\nCSeq: {cseq} SUBSCRIBE\r\n\
                 Contact: <sip:lamp@{PHONE}>\r\nEvent: dialog\r\nExpires: 7200\r\n{more}Content-Length: 0\r\n\r\n"
            )
        };
        self.receive(text(0, 1, ""));
        let refused = Message::parse_datagram(self.sent().pop().expect("a challenge")).expect("a message");
        let challenge = refused.challenges(Header::WwwAuthenticate).next().expect("a challenge");
        let credentials = ClientCredentials { username: "lamp".to_owned(), password: "secret".to_owned().into() };
        for number in 0..self.lamps {
            let value = respond(&challenge, &credentials, "SUBSCRIBE", &uri, number + 1, "c0ffee").expect("an answer");
            self.receive(text(number, 2, &format!("Authorization: {value}\r\n")));
            self.serve();
        }
        assert_eq!(self.run(), self.lamps, "each has its first NOTIFY");
    }

    /// Lets all that is due be done, over the time that it takes, and answers each NOTIFY; how many.
    fn run(&mut self) -> u32 {
        let mut notifies = 0;
        // What is told in turns of a tenth of a second each, and a second beyond.
        for _ in 0..110 + self.lamps / 30 {
            while next_turn(&mut self.signaling).is_some_and(|at| at <= self.now.instant) {
                self.signaling.handle_timeout(self.now);
                self.signaling.outbox().handle_timeout(self.now.instant);
            }
            for message in self.sent() {
                if message.starts_with(b"NOTIFY") {
                    notifies += 1;
                    self.receive(answer(&message));
                }
            }
            self.now = self.now.later(Duration::from_millis(10));
        }
        notifies
    }

    /// The telephone rings, or is free again: every lamp is told.
    fn change(&mut self) {
        self.rings = !self.rings;
        let phase = if self.rings { CallPhase::Ringing } else { CallPhase::Ended };
        let desk = LegSummary {
            leg_id: "0123456789abcdef0123456789abcdef".to_owned(),
            peer: "desk".to_owned(),
            phase: LegPhase::Ringing,
            incoming: false,
            platform: None,
            behalf: Some(Behalf::Account),
            tags: None,
            suite: None,
            quality: None,
        };
        let call = CallSummary {
            id: "call".to_owned(),
            caller: Party::new("+4930123456", "carrier"),
            called: Party::new("desk", "tandem"),
            phase,
            started: self.now.wall,
            answered: None,
            legs: vec![desk],
            codec: None,
            origin: None,
            anonymous: false,
            verdict: None,
        };
        let event = CallEvent { call, cause: None, at: self.now.wall, missed: false, pressed: None, quality: None };
        self.deliver(Packet {
            source: Address::local(ModuleKind::Switch, 0).at(Instance(1)),
            destination: Address::local(ModuleKind::Signaling, 0),
            transaction: Transaction::NONE,
            command: Command::Notify,
            parameters: one(event),
        });
        assert_eq!(black_box(self.run()), self.lamps);
    }
}

/// The 200 to a NOTIFY.
fn answer(notify: &Bytes) -> String {
    let text = String::from_utf8_lossy(notify);
    let line = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    let [via, from, to, call_id, cseq] = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"].map(line);
    format!("SIP/2.0 200 OK\r\n{via}\r\n{from}\r\n{to}\r\n{call_id}\r\n{cseq}\r\nContent-Length: 0\r\n\r\n")
}

fn notifies(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("signaling/notify");
    for lamps in LAMPS {
        let mut bench = Bench::new(lamps);
        group.throughput(Throughput::Elements(u64::from(lamps))).sample_size(10);
        group.bench_function(lamps.to_string(), |bencher| bencher.iter(|| bench.change()));
    }
    group.finish();
}

criterion_group!(benches, notifies);
criterion_main!(benches);

//! Any sequence of requests, datagrams and time at a media worker's core, over a network that the input rules: nothing panics,
//! every request is answered once, and closed sessions leave neither ports, sockets nor timers.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use media::{Carried, Channel, Config, Destination, Interface, OpenFailure, PairIndex, PortRange, Voice, Wire};
use router::parameter::{
    Bridge, Builtin, BuiltinKind, ConferenceName, IceCandidate, IceCredentials, IceParameters, MediaPlan, MediaPort,
    PortId, Selection, SummaryAsked,
};
use router::time::{Duration, Instant, Now, WallTime};
use router::{Address, Command, Instance, ModuleKind, Packet, Parameter, Parameters, Random, Service, Transaction};

use crate::due::next_due;
use crate::offer_answer::codec;
use crate::tape::Tape;

/// Operations of one input at most.
const OPERATIONS_MAX: usize = 300;
/// Timers that may fire in one step of time: a port's frames come every 10 ms.
const STEPS_MAX: usize = 200_000;

/// The input is operations on the worker.
pub fn media_session(data: &[u8]) {
    let now = Now { instant: Instant::from_millis(1_000), wall: WallTime::from_secs(1_700_000_000) };
    let interface = Interface { address: [127, 0, 0, 1].into(), advertised: None };
    let config = Config {
        ports: PortRange { first: 10_000, last: 10_015 },
        interfaces: vec![interface],
        quarantine: Duration::from_millis(500),
        ..Config::default()
    };
    let address = Address::local(ModuleKind::Voice, 0);
    let voice = Voice::new(address, config, Random::from_seed(1), Network::default(), now);
    let mut bench = Bench { voice, now, next: 1, waiting: BTreeSet::new() };
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

/// Sockets that fail when they are told to.
#[derive(Default)]
struct Network {
    open: BTreeSet<PairIndex>,
    ports: BTreeSet<(PairIndex, SocketAddr)>,
    fails: u8,
    sent: usize,
}

impl Wire for Network {
    fn take(&mut self, pair: PairIndex) -> Option<Carried> {
        self.close(pair);
        None
    }

    fn put(&mut self, _: PairIndex, _: Carried) -> bool {
        false
    }

    fn open(&mut self, pair: PairIndex, rtp: SocketAddr) -> Result<(), OpenFailure> {
        let failures = [OpenFailure::InUse, OpenFailure::NoSockets, OpenFailure::NoAddress, OpenFailure::System];
        if self.fails & 8 != 0 {
            return Err(failures[usize::from(self.fails & 3)]);
        }
        assert!(self.open.insert(pair), "a name is used once");
        assert!(self.ports.iter().all(|(_, port)| *port != rtp), "a port is bound once");
        self.ports.insert((pair, rtp));
        Ok(())
    }

    fn close(&mut self, pair: PairIndex) {
        assert!(self.open.remove(&pair), "only what is open is closed");
        self.ports.retain(|(open, _)| *open != pair);
    }

    fn drain(&mut self, pair: PairIndex) {
        assert!(self.open.contains(&pair));
    }

    fn connect(&mut self, pair: PairIndex, _: SocketAddr) -> bool {
        assert!(self.open.contains(&pair));
        self.fails & 16 == 0
    }

    fn disconnect(&mut self, pair: PairIndex) -> bool {
        assert!(self.open.contains(&pair));
        self.fails & 32 == 0
    }

    fn send(&mut self, pair: PairIndex, _: Channel, _: Destination, datagram: &[u8]) -> bool {
        assert!(self.open.contains(&pair) && !datagram.is_empty());
        self.sent += 1;
        self.fails & 64 == 0
    }
}

struct Bench {
    voice: Voice<Network>,
    now: Now,
    next: u64,
    /// Requests that have no last answer yet.
    waiting: BTreeSet<Transaction>,
}

impl Bench {
    fn operate(&mut self, tape: &mut Tape<'_>) {
        match tape.below(16) {
            0 | 1 => self.request(tape, Command::Open, |tape| {
                let interfaces = ["127.0.0.1", "0.0.0.0", "::", "192.0.2.1"];
                let interface: IpAddr =
                    tape.pick(&interfaces).and_then(|text| text.parse().ok()).unwrap_or([127, 0, 0, 1].into());
                MediaPort::new(port(tape), interface).into()
            }),
            2 => {
                let command = if tape.flag() { Command::Connect } else { Command::Disconnect };
                self.request(tape, command, |tape| match tape.below(3) {
                    0 => plan(tape).into(),
                    _ => Bridge { a: port(tape), b: port(tape) }.into(),
                });
            }
            3 | 4 => self.request(tape, Command::Set, |tape| plan(tape).into()),
            5 => {
                let command = if tape.flag() { Command::Start } else { Command::Stop };
                self.request(tape, command, |tape| match tape.below(3) {
                    0 => plan(tape).into(),
                    _ => {
                        let room = ConferenceName::room("fuzz").map(BuiltinKind::Conference);
                        let kinds = [
                            BuiltinKind::Echo,
                            BuiltinKind::Milliwatt,
                            BuiltinKind::Silence,
                            BuiltinKind::Ringback,
                            room.unwrap_or(BuiltinKind::Echo),
                        ];
                        Builtin { port: port(tape), kind: tape.pick(&kinds).unwrap_or(BuiltinKind::Echo) }.into()
                    }
                });
            }
            6 => self.request(tape, Command::Close, |tape| MediaPort::new(port(tape), [127, 0, 0, 1].into()).into()),
            7 => {
                let command = tape.pick(&Command::ALL).filter(|command| command.is_request());
                self.request(tape, command.unwrap_or(Command::Query), |_| Selection::default().into());
            }
            8..=11 => self.datagram(tape),
            12 => self.voice.wire().fails = tape.octet(),
            13 => self.voice.wire().fails = 0,
            _ => self.pass(Duration::from_millis(u64::from(tape.word() & 0x3fff))),
        }
    }

    fn request(&mut self, tape: &mut Tape<'_>, command: Command, noun: impl Fn(&mut Tape<'_>) -> Parameter) {
        let session = Instance(u64::from(tape.octet() & 3));
        let parameters: Parameters = (0..tape.below(4)).map(|_| noun(tape)).collect();
        let transaction = Transaction(self.next);
        self.next += 1;
        let packet = Packet {
            source: Address::local(ModuleKind::Switch, 0).at(session),
            destination: Address::local(ModuleKind::Voice, 0).at(session),
            transaction,
            command,
            parameters,
        };
        self.waiting.insert(transaction);
        self.receive(packet);
    }

    fn receive(&mut self, packet: Packet) {
        if let Some(received) = self.voice.outbox().handle_packet(packet) {
            self.voice.handle_received(self.now, received);
        }
    }

    /// A datagram from one of few sources: RTP, RTCP, or octets of the input.
    fn datagram(&mut self, tape: &mut Tape<'_>) {
        let open = Vec::from_iter(self.voice.wire().open.iter().copied());
        let Some(pair) = tape.pick(&open) else { return };
        let choice = tape.octet();
        let channel = if choice & 1 == 0 { Channel::Rtp } else { Channel::Rtcp };
        let sources = ["198.51.100.7:30000", "198.51.100.7:30001", "198.51.100.8:9", "127.0.0.1:10000"];
        let Some(source) = tape.pick(&sources).and_then(|text| text.parse().ok()) else { return };
        let mut datagram = match choice >> 6 {
            0 => tape.text().to_vec(),
            1 => {
                let mut packet = vec![0x80, 201, 0, 1];
                packet.extend_from_slice(tape.octets(4));
                packet.resize(8, 0);
                packet
            }
            _ => {
                let mut packet = vec![0x80, tape.octet(), 0, tape.octet(), 0, 0, tape.octet(), 0, 0, 0, 0, choice & 2];
                packet.resize(172, 0xd5);
                packet
            }
        };
        let times = if choice & 4 == 0 { 1 } else { 20 };
        for step in 0..times {
            if let Some(number) = datagram.get_mut(3).filter(|_| step > 0) {
                *number = number.wrapping_add(1);
            }
            self.voice.handle_datagram(self.now, pair, channel, source, &mut datagram);
            self.drain();
            if !self.voice.wire().open.contains(&pair) {
                break;
            }
        }
    }

    fn drain(&mut self) {
        loop {
            while let Some(packet) = self.voice.outbox().poll_transmit() {
                if packet.command.is_final() {
                    assert!(self.waiting.remove(&packet.transaction), "one last answer: {packet:?}");
                }
            }
            let Some(received) = self.voice.outbox().poll_received() else { break };
            self.voice.handle_received(self.now, received);
        }
        assert!(self.waiting.is_empty(), "a request that was not answered");
        assert_eq!(self.voice.counters().sessions_broken, 0, "a session met a fault of the worker's own");
        let open = self.voice.wire().open.len();
        assert!(self.voice.pairs_used() <= open, "{} pairs are used, {open} open", self.voice.pairs_used());
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now.later(time);
        let mut steps = 0;
        while let Some(now) = next_due(&mut self.voice, self.now, end.instant) {
            self.now = now;
            self.drain();
            steps += 1;
            assert!(steps < STEPS_MAX, "timers without end");
        }
        self.now = self.now.later(end.instant.since(self.now.instant));
    }

    fn end(&mut self) {
        self.voice.wire().fails = 0;
        self.voice.close_all(self.now);
        self.drain();
        assert_eq!((self.voice.sessions(), self.voice.pairs_used()), (0, 0));
        self.pass(Duration::from_secs(3_600));
        assert!(self.voice.pending_timers() <= 1, "the audit alone goes on: {}", self.voice.pending_timers());
    }
}

fn port(tape: &mut Tape<'_>) -> PortId {
    PortId(u16::from(tape.octet() & 3))
}

/// Ways to be looked for, of a peer with few names.
fn ice(tape: &mut Tape<'_>) -> Box<IceParameters> {
    let kind = tape.octet();
    let credentials =
        |number: u8| IceCredentials { fragment: number.to_string(), password: "0123456789012345678901".to_owned() };
    let address = SocketAddr::from(([198, 51, 100, kind], 30_000));
    let candidate = IceCandidate { component: 1 + (kind & 1), priority: u32::from(kind), address };
    Box::new(IceParameters {
        local: credentials(kind >> 6),
        remote: credentials(kind >> 7),
        candidates: vec![candidate; usize::from(kind >> 4 & 3)],
        is_lite: kind & 2 == 0,
        is_remote_lite: kind & 4 == 0,
        is_controlling: kind & 8 == 0,
        nominates_once: true,
    })
}

fn plan(tape: &mut Tape<'_>) -> MediaPlan {
    let remotes = ["198.51.100.7:30000", "198.51.100.8:9", "0.0.0.0:0", "[::1]:5", "127.0.0.1:10000"];
    let remote = |tape: &mut Tape<'_>| tape.pick(&remotes).filter(|_| tape.flag()).and_then(|text| text.parse().ok());
    let flags = tape.octet();
    MediaPlan {
        port: port(tape),
        remote_rtp: remote(tape),
        remote_rtcp: remote(tape),
        rtcp_mux: flags & 1 != 0,
        generation: u32::from(flags >> 6),
        sends: flags & 2 == 0,
        receives: flags & 4 == 0,
        codecs: (0..tape.below(4)).map(|_| codec(tape)).collect(),
        ptime_ms: (flags & 8 != 0).then(|| tape.word()),
        silence_limit_ms: (flags & 16 != 0).then(|| u32::from(tape.word())),
        protection: None,
        dtls: None,
        ice: (flags & 32 != 0).then(|| ice(tape)),
        voip_metrics: flags & 8 != 0,
        summary: SummaryAsked { loss: flags & 8 != 0, duplicates: flags & 16 != 0, jitter: flags & 32 != 0 },
        host: None,
        keys: None,
        networks: vec![],
    }
}

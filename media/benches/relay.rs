//! What a worker's own code costs, without the kernel's: a relayed packet, a set-up and teardown. The whole, kernel
//! included, is measured against the floor by the load generator (`benches/load`).

use criterion::{Criterion, criterion_group, criterion_main};
use media::{Carried, Channel, Config, Destination, Interface, OpenFailure, PairIndex, Voice, Wire};
use router::packet::{Parameters, Transaction, one};
use router::parameter::{Bridge, Codec, MediaPlan, MediaPort, PortId};
use router::time::{Duration, Instant, Now, WallTime};
use router::{Address, Command, Instance, ModuleKind, Packet, Parameter, Random, Received, Service};
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// A network that takes everything and costs nothing.
struct Nowhere;

impl Wire for Nowhere {
    fn take(&mut self, _: PairIndex) -> Option<Carried> {
        None
    }

    fn put(&mut self, _: PairIndex, _: Carried) -> bool {
        false
    }

    fn open(&mut self, _: PairIndex, _: SocketAddr) -> Result<(), OpenFailure> {
        Ok(())
    }
    fn close(&mut self, _: PairIndex) {}
    fn drain(&mut self, _: PairIndex) {}
    fn connect(&mut self, _: PairIndex, _: SocketAddr) -> bool {
        true
    }
    fn disconnect(&mut self, _: PairIndex) -> bool {
        true
    }
    fn send(&mut self, _: PairIndex, _: Channel, _: Destination, datagram: &[u8]) -> bool {
        black_box(datagram);
        true
    }
}

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

fn worker(now: Now) -> Voice<Nowhere> {
    let interfaces = vec![Interface { address: LOCAL, advertised: None }];
    let config = Config { interfaces, ..Config::default() };
    Voice::new(Address::local(ModuleKind::Voice, 0), config, Random::from_seed(1), Nowhere, now)
}

fn ask(voice: &mut Voice<Nowhere>, now: Now, session: u64, command: Command, parameters: Parameters) {
    let packet = Packet {
        source: Address::local(ModuleKind::Switch, 0).at(Instance(session)),
        destination: Address::any(ModuleKind::Voice).at(Instance(session)),
        transaction: Transaction(session),
        command,
        parameters,
    };
    voice.handle_received(now, Received::Packet(packet));
    while let Some(packet) = voice.outbox().poll_transmit() {
        assert_eq!(packet.command, Command::Done);
    }
}

fn peer(session: u64, port: u16) -> SocketAddr {
    SocketAddr::from(([198, 51, (session >> 8) as u8, session as u8], 4_000 + port))
}

fn set_up(voice: &mut Voice<Nowhere>, now: Now, session: u64) {
    let wanted = (0..2).map(|port| MediaPort { port: PortId(port), interface: LOCAL, address: None }.into());
    ask(voice, now, session, Command::Open, wanted.collect());
    let mut parameters = one(Bridge { a: PortId(0), b: PortId(1) });
    parameters.extend((0..2).map(|port| {
        Parameter::from(MediaPlan {
            port: PortId(port),
            remote_rtp: Some(peer(session, port)),
            remote_rtcp: None,
            rtcp_mux: false,
            generation: 1,
            sends: true,
            receives: true,
            codecs: vec![Codec::new(0, "PCMU", 8_000), Codec::new(101, "telephone-event", 8_000)],
            ptime_ms: None,
            silence_limit_ms: None,
        })
    }));
    ask(voice, now, session, Command::Connect, parameters);
}

fn relay(criterion: &mut Criterion) {
    let mut now = Now { instant: Instant::from_millis(1), wall: WallTime::from_secs(1_800_000_000) };
    let mut voice = worker(now);
    const CALLS: u64 = 400;
    for session in 1..=CALLS {
        set_up(&mut voice, now, session);
    }
    let mut data = [0; 172];
    let (mut sequence, mut pair) = (0u16, 0u32);
    criterion.bench_function("relay a packet, 400 calls", |bencher| {
        bencher.iter(|| {
            let session = u64::from(pair / 2) + 1;
            media::rtp::write(&mut data, false, 0, sequence, u32::from(sequence) * 160, pair);
            voice.handle_datagram(now, PairIndex(pair), Channel::Rtp, peer(session, (pair % 2) as u16), &mut data);
            pair += 1;
            if u64::from(pair) == 2 * CALLS {
                pair = 0;
                sequence = sequence.wrapping_add(1);
                now = now.later(Duration::from_millis(20));
            }
        });
    });
    while voice.outbox().poll_transmit().is_some() {}
    assert_eq!(voice.counters().rtp_received, voice.counters().rtp_sent, "every packet was passed on");

    let mut voice = worker(now);
    let mut session = 0;
    criterion.bench_function("open, connect and close a call", |bencher| {
        bencher.iter(|| {
            session += 1;
            now = now.later(Duration::from_millis(1));
            set_up(&mut voice, now, session);
            ask(&mut voice, now, session, Command::Close, Parameters::new());
        });
    });
}

criterion_group!(benches, relay);
criterion_main!(benches);

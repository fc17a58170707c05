//! Nothing is allocated per packet that is transcoded: counted, on the core of a worker, with losses, keys and silence.

#![expect(clippy::unwrap_used, reason = "what a test expects and does not find is its failure")]

use allocation_counter::measure;
use codecs::telephone_event::EventSender;
use codecs::{Encoded, Tone};
use media::Voice;
use media::wire::{Channel, PairIndex};
use nowhere::{LOCAL, Nowhere, Sink, worker};
use router::parameter::{Bridge, Codec, MediaPlan, MediaPort, Parameter, PortId};
use router::time::{Duration, Instant, Now, WallTime};
use router::{Address, Command, Instance, ModuleKind, Packet, Parameters, Received, Service, Transaction, one};
use std::net::SocketAddr;

#[path = "../benches/nowhere/mod.rs"]
mod nowhere;

/// How many datagrams have left.
#[derive(Default)]
struct Sent(u64);

impl Sink for Sent {
    fn receive(&mut self, _: Channel, _: &[u8]) {
        self.0 += 1;
    }
}

const SESSION: Instance = Instance(7);
const PORTS: [PortId; 2] = [PortId(0), PortId(1)];

struct World {
    voice: Voice<Nowhere<Sent>>,
    now: Now,
}

impl World {
    fn new() -> Self {
        let now = Now { instant: Instant::from_millis(1_000), wall: WallTime::from_secs(1_800_000_000) };
        Self { voice: worker(now, Sent::default()), now }
    }

    fn ask(&mut self, command: Command, parameters: Parameters) {
        let source = Address::local(ModuleKind::Switch, 0).at(SESSION);
        let destination = Address::any(ModuleKind::Voice).at(SESSION);
        let packet = Packet { source, destination, transaction: Transaction(1), command, parameters };
        self.voice.handle_received(self.now, Received::Packet(packet));
        let answers: Vec<Packet> = std::iter::from_fn(|| self.voice.outbox().poll_transmit()).collect();
        assert!(answers.iter().any(|packet| packet.command == Command::Done), "{answers:?}");
    }

    fn pass(&mut self, ms: u64) {
        self.now = self.now.later(Duration::from_millis(ms));
        while self.voice.poll_timeout().is_some_and(|at| at <= self.now.instant) {
            self.voice.handle_timeout(self.now);
        }
    }
}

fn peer(port: PortId) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 1 + port.0 as u8], 4_000))
}

fn plan(port: PortId, codecs: Vec<Codec>) -> MediaPlan {
    MediaPlan { remote_rtp: Some(peer(port)), generation: 1, ..MediaPlan::new(port, codecs) }
}

fn opus() -> Codec {
    Codec { channels: 2, parameters: Some("useinbandfec=1".into()), ..Codec::new(111, "opus", 48_000) }
}

/// A second of a stream in that codec: sound, a key, a loss, a packet out of its order.
fn second(codec: &Codec, events: Option<&Codec>, number: u16) -> Vec<Vec<u8>> {
    let parameters = codec.parameters.as_deref().unwrap_or_default();
    let coded = codecs::Codec::of(&codec.name, codec.clock_rate_hz, codec.channels, parameters).unwrap();
    let rate_hz = coded.sample_rate_hz(8_000);
    let mut encoder = coded.encoder(rate_hz).unwrap();
    let mut tone = Tone::at_rate(500.0, -10.0, rate_hz);
    let step = codec.clock_rate_hz / 50;
    let mut packets = Vec::new();
    let at = |index: u16| u32::from(index) * step;
    let mut sender = EventSender::new(5, 10, at(number + 30));
    for index in number..number + 50 {
        let within = index - number;
        let (payload_type, timestamp, payload) = match events {
            Some(events) if (30..38).contains(&within) => {
                let event = if within < 35 { sender.hold(step) } else { sender.release(step) };
                (events.payload_type, event.timestamp, event.event.octets().to_vec())
            }
            _ => {
                let mut sound = vec![0; coded.packet_samples(20, rate_hz)];
                tone.add_to(&mut sound);
                let mut payload = vec![0; 1_500];
                let Encoded::Payload(octets) = encoder.encode(&sound, &mut payload).unwrap() else { panic!("a tone") };
                (codec.payload_type, at(index), payload[..octets].to_vec())
            }
        };
        let mut packet = [&[0; 12], &payload[..]].concat();
        media::rtp::write(&mut packet, false, payload_type, index, timestamp, 7);
        packets.push(packet);
    }
    packets.remove(20);
    packets.swap(10, 11);
    packets
}

#[test]
fn transcoded_packets_cost_no_allocation() {
    let keys = |payload_type, clock| Codec::new(payload_type, "telephone-event", clock);
    let (pcmu, pcma, g722) = (Codec::new(0, "PCMU", 8_000), Codec::new(8, "PCMA", 8_000), Codec::new(9, "G722", 8_000));
    for (from, to) in [
        (vec![pcmu.clone(), keys(101, 8_000)], vec![opus(), keys(110, 48_000)]),
        (vec![opus(), keys(110, 48_000)], vec![pcmu.clone(), keys(101, 8_000)]),
        (vec![pcmu.clone()], vec![pcma.clone()]),
        (vec![g722], vec![pcmu.clone()]),
        // Keys as tones, and keys that are listened for.
        (vec![opus(), keys(110, 48_000)], vec![pcma.clone()]),
        (vec![pcmu.clone()], vec![pcmu, keys(101, 8_000)]),
    ] {
        let what = format!("{} to {}", from[0].name, to[0].name);
        let events = from.iter().find(|codec| codec.is_telephone_event()).cloned();
        let mut world = World::new();
        let wanted = PORTS.map(|port| Parameter::from(MediaPort::new(port, LOCAL)));
        world.ask(Command::Open, wanted.into_iter().collect());
        let mut joined = one(Bridge { a: PORTS[0], b: PORTS[1] });
        joined.extend([plan(PORTS[0], from.clone()).into(), plan(PORTS[1], to).into()]);
        world.ask(Command::Connect, joined);
        let mut costs = Vec::new();
        for round in 0..6u16 {
            let mut packets = second(&from[0], events.as_ref(), round * 50);
            let before = world.voice.wire().sink.0;
            let counted = measure(|| {
                for packet in &mut packets {
                    world.voice.handle_datagram(world.now, PairIndex(0), Channel::Rtp, peer(PORTS[0]), packet);
                    world.pass(20);
                }
            });
            costs.push(counted.count_total);
            let sent = world.voice.wire().sink.0 - before;
            assert!(sent >= 40, "{what}: {sent} packets");
            // What the owner is told of keys is taken apart from the packets.
            while world.voice.outbox().poll_transmit().is_some() {}
        }
        // A key that is pressed is told to the owner: one notice, and its text.
        let per_key = 8;
        assert!(costs[2..].iter().all(|cost| *cost <= per_key), "{what}: {costs:?}");
        let plain = events.is_none();
        assert!(!plain || costs[2..].contains(&0), "{what}: {costs:?}");
    }
}

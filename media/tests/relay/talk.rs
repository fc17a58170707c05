//! Two people whose voices go through a worker, each in a codec of its own.

use crate::network::*;
use codecs::telephone_event::{Event, EventChange, EventReceiver};
use codecs::{Decoder, Encoded, Encoder, Tone};
use media::rtp::Header;
use router::Instance;
use router::parameter::{Codec, MediaPlan, PortAddress};
use router::time::Instant;
use std::net::SocketAddr;

pub(crate) const SESSION: Instance = Instance(78);

pub(crate) fn pcmu() -> Codec {
    Codec::new(0, "PCMU", 8_000)
}

pub(crate) fn pcma() -> Codec {
    Codec::new(8, "PCMA", 8_000)
}

pub(crate) fn opus() -> Codec {
    Codec { channels: 2, parameters: Some("useinbandfec=1".into()), ..Codec::new(111, "opus", 48_000) }
}

pub(crate) fn keys(payload_type: u8, clock_rate_hz: u32) -> Codec {
    Codec::new(payload_type, "telephone-event", clock_rate_hz)
}

/// Somebody who says a tone, and understands what comes.
pub(crate) struct Person {
    pub(crate) at: SocketAddr,
    pub(crate) codec: codecs::Codec,
    pub(crate) payload_type: u8,
    pub(crate) encoder: Box<dyn Encoder>,
    pub(crate) decoder: Box<dyn Decoder>,
    pub(crate) tone: Tone,
    pub(crate) rate_hz: u32,
    pub(crate) packet_ms: u32,
    pub(crate) ssrc: u32,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    /// What was heard: samples, where they were in time, and the headers.
    pub(crate) heard: Vec<i16>,
    pub(crate) headers: Vec<(Instant, Header)>,
    pub(crate) events: Vec<EventChange>,
    pub(crate) receiver: EventReceiver,
}

impl Person {
    pub(crate) fn new(at: &str, codec: &Codec) -> Self {
        let parameters = codec.parameters.as_deref().unwrap_or_default();
        let coded = codecs::Codec::of(&codec.name, codec.clock_rate_hz, codec.channels, parameters).unwrap();
        let rate_hz = coded.sample_rate_hz(8_000);
        Self {
            at: at.parse().unwrap(),
            codec: coded,
            payload_type: codec.payload_type,
            encoder: coded.encoder(rate_hz).unwrap(),
            decoder: coded.decoder(rate_hz).unwrap(),
            tone: Tone::at_rate(600.0, -10.0, rate_hz),
            rate_hz,
            packet_ms: 20,
            ssrc: 0x1000 + u32::from(codec.payload_type),
            sequence: 65_500,
            timestamp: u32::MAX - 9_000,
            heard: Vec::new(),
            headers: Vec::new(),
            events: Vec::new(),
            receiver: EventReceiver::new(),
        }
    }

    /// The next packet.
    pub(crate) fn say(&mut self) -> Vec<u8> {
        let mut sound = vec![0; self.codec.packet_samples(self.packet_ms, self.rate_hz)];
        self.tone.add_to(&mut sound);
        let mut payload = [0; 1_500];
        let Encoded::Payload(octets) = self.encoder.encode(&sound, &mut payload).unwrap() else { panic!("a tone") };
        let packet = self.packet(self.payload_type, self.timestamp, &payload[..octets]);
        self.timestamp = self.timestamp.wrapping_add(self.codec.ticks_of(sound.len(), self.rate_hz));
        packet
    }

    pub(crate) fn packet(&mut self, payload_type: u8, timestamp: u32, payload: &[u8]) -> Vec<u8> {
        let mut packet = [&[0; 12], payload].concat();
        media::rtp::write(&mut packet, false, payload_type, self.sequence, timestamp, self.ssrc);
        self.sequence = self.sequence.wrapping_add(1);
        packet
    }

    pub(crate) fn hear(&mut self, now: Instant, packet: &[u8], events: Option<u8>) {
        let header = Header::parse(packet).unwrap();
        let payload = &packet[header.payload_offset..];
        if Some(header.payload_type) == events {
            let event = Event::parse(payload).unwrap();
            self.receiver.handle_event(header.timestamp, event, |change| self.events.push(change));
        } else {
            let mut samples = [0; 6_000];
            let count = self.decoder.decode(payload, &mut samples).unwrap();
            self.heard.extend_from_slice(&samples[..count]);
        }
        self.headers.push((now, header));
    }

    /// Level of what was heard from there on, dBm0 (0 dBm0 of a law is 3.14 dB below full scale).
    pub(crate) fn level(&self, from: usize) -> f64 {
        self.level_in(from..self.heard.len())
    }

    pub(crate) fn level_in(&self, range: std::ops::Range<usize>) -> f64 {
        let samples = &self.heard[range];
        let power = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / samples.len() as f64;
        10.0 * (power / 32_768.0_f64.powi(2)).log10() + 6.15
    }

    /// Numbers without a gap, one SSRC, times that are those of the sound.
    pub(crate) fn assert_continuous(&self) {
        let ticks = |octets: usize| match self.codec {
            codecs::Codec::G711(_) => octets as u32,
            _ => self.codec.clock_rate_hz() / 1_000 * 20,
        };
        for pair in self.headers.windows(2) {
            let ((_, before), (_, after)) = (pair[0], pair[1]);
            assert_eq!(after.sequence, before.sequence.wrapping_add(1), "numbers");
            assert_eq!(after.timestamp, before.timestamp.wrapping_add(ticks(before.payload_length)), "times");
            assert_eq!(after.ssrc, before.ssrc);
            assert!(!after.marker);
        }
        assert!(self.headers[0].1.marker);
    }
}

pub(crate) struct Talk {
    pub(crate) a: Person,
    pub(crate) b: Person,
    pub(crate) ports: Vec<PortAddress>,
    pub(crate) plans: [MediaPlan; 2],
}

impl Talk {
    pub(crate) fn begin(world: &mut World, a: &[Codec], b: &[Codec]) -> Self {
        let ports = world.open(SESSION, &[A, B]).unwrap();
        let (one, other) = (Person::new("198.51.100.1:4000", &a[0]), Person::new("198.51.100.2:5000", &b[0]));
        let plans = [
            MediaPlan { codecs: a.to_vec(), ..plan(A, one.at) },
            MediaPlan { codecs: b.to_vec(), ..plan(B, other.at) },
        ];
        world.connect(SESSION, A, B, &plans);
        Self { a: one, b: other, ports, plans }
    }

    pub(crate) fn hear(&mut self, world: &mut World) {
        let now = world.now.instant;
        for sent in world.take_rtp() {
            let events = |plan: &MediaPlan| {
                plan.codecs.iter().find(|codec| codec.is_telephone_event()).map(|codec| codec.payload_type)
            };
            match sent.to == self.a.at {
                true => self.a.hear(now, &sent.data, events(&self.plans[0])),
                false => self.b.hear(now, &sent.data, events(&self.plans[1])),
            }
        }
    }

    pub(crate) fn deliver_a(&mut self, world: &mut World, packet: &[u8]) {
        assert!(world.deliver(self.a.at, self.ports[0].rtp, packet));
        self.hear(world);
    }

    pub(crate) fn deliver_b(&mut self, world: &mut World, packet: &[u8]) {
        assert!(world.deliver(self.b.at, self.ports[1].rtp, packet));
        self.hear(world);
    }

    /// Time passes; what comes of that is heard.
    pub(crate) fn pass(&mut self, world: &mut World, ms: u64) {
        for _ in 0..ms {
            world.pass(1);
            self.hear(world);
        }
    }

    /// A talks for so long, in its packing.
    pub(crate) fn a_talks(&mut self, world: &mut World, ms: u32) {
        for _ in 0..ms / self.a.packet_ms {
            let packet = self.a.say();
            self.deliver_a(world, &packet);
            self.pass(world, self.a.packet_ms.into());
        }
    }

    pub(crate) fn b_talks(&mut self, world: &mut World, ms: u32) {
        for _ in 0..ms / self.b.packet_ms {
            let packet = self.b.say();
            self.deliver_b(world, &packet);
            self.pass(world, self.b.packet_ms.into());
        }
    }
}

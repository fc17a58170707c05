//! One way through: what comes of one port's peer in a format that the other one's has not agreed to.

use super::{Conversion, Counted, Heard as HeardKey, Keys, Kind, Listening, Order, Side, Step, Tones, coded};
use crate::limits::{CODED_OCTETS, FORMAT_CHANGE};
use crate::rtp::Header;
use crate::session::{FormatKind, Formats, Taken};
use codecs::dtmf::Key;
use codecs::telephone_event::{Event, EventPacket, PAYLOAD_OCTETS};
use codecs::{Codec, Content, Fault, Plan, Transcoder};
use router::parameter;
use router::time::{Duration, Instant};
use std::fmt;

/// What a port's peer is sent.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Ends {
    /// The first of its formats that can be coded, and its payload type.
    codec: Codec,
    payload_type: u8,
    /// How comfort noise is sent to it, if it takes some.
    noise: Option<u8>,
    /// How keys are, and their clock.
    keys: Option<(u8, u32)>,
}

impl Ends {
    /// By the formats agreed, in that of the payload type `as_number` if there is one; `None`: nothing of it can be coded.
    pub fn of(side: &Side<'_>, as_number: Option<u8>) -> Option<Self> {
        let formats = side.formats;
        let codec_of = |codec: &parameter::Codec| Some((coded(codec)?, codec.payload_type));
        let same = as_number.and_then(|number| codec_of(formats.codec(number)?));
        let (codec, payload_type) = same.or_else(|| formats.codecs().find_map(codec_of))?;
        let clock = codec.clock_rate_hz();
        let with = |is: fn(&parameter::Codec) -> bool| formats.codecs().filter(move |codec| is(codec));
        let of_clock = |codec: &&parameter::Codec| codec.clock_rate_hz == clock;
        let noise = with(parameter::Codec::is_comfort_noise).find(of_clock);
        let keys = with(parameter::Codec::is_telephone_event).find(of_clock);
        // RFC 4733 §2.1 wants the clock of the sound; some speak another one all the same.
        let keys = keys.or_else(|| with(parameter::Codec::is_telephone_event).next()).filter(|_| side.takes_events());
        Some(Self {
            codec,
            payload_type,
            noise: noise.map(|codec| codec.payload_type),
            keys: keys.map(|codec| (codec.payload_type, codec.clock_rate_hz)),
        })
    }
}

impl Ends {
    /// The codec of what it is sent, and its payload type.
    pub const fn sound(&self) -> (Codec, u8) {
        (self.codec, self.payload_type)
    }
}

/// A packet that is to be sent, in a timeline of the way's own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Coded {
    /// What it carries.
    pub kind: FormatKind,
    /// Its payload type.
    pub payload_type: u8,
    /// Its number.
    pub sequence: u16,
    /// Its time.
    pub timestamp: u32,
    /// The clock of the sound.
    pub clock_rate_hz: u32,
    /// Whether a talkspurt or a press begins.
    pub marker: bool,
    /// Octets of payload.
    pub octets: usize,
}

/// What a way gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Made {
    /// A packet.
    Packet(Coded),
    /// More time went by than is told: what follows begins anew, as much later as it is.
    Pause,
}

/// The way from one port's peer to another's.
pub struct Way {
    from: Heard,
    to: Ends,
    packet_ms: u32,
    order: Order,
    transcoder: Transcoder,
    keys: Option<Keys>,
    /// Where its peer takes no events.
    tones: Option<Tones>,
    /// Where the sender's keys are heard in its sound.
    listening: Option<Listening>,
    conversion: Conversion,
    /// See [`codes`](Self::codes).
    codes: bool,
    /// A press's packet that is to be sent.
    press: Option<EventPacket>,
    /// Who is heard.
    ssrc: Option<u32>,
    changed: Option<Instant>,
    /// Of the next packet.
    sequence: u16,
    timestamp: u32,
    /// When the worker looks at it next without a packet.
    pub armed: Option<Instant>,
    told: Counted,
}

/// The format that is heard at present.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Heard {
    codec: Codec,
    payload_type: u8,
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Way").field("from", &self.from).field("to", &self.to).finish_non_exhaustive()
    }
}

impl Way {
    /// The way between two peers whose formats do not all match, or who have keys in other forms: `None` where one is not needed, or cannot
    /// be. `from` is mapped to the other one's formats.
    pub fn new(from: &Side<'_>, to: &Side<'_>, frame: Option<Duration>) -> Option<Self> {
        let conversion = Conversion::between(from, to);
        let (heard, to) = Self::ends(from, to, &conversion)?;
        let packet_ms = packet_ms(frame);
        let transcoder = built(&heard, &to, packet_ms, &conversion)?;
        let order = Order::new(heard.codec.clock_rate_hz(), CODED_OCTETS);
        let mut way = Self {
            from: heard,
            to,
            packet_ms,
            order,
            transcoder,
            keys: None,
            tones: None,
            listening: conversion.listens.then(|| Listening::new(to.keys.map(|(_, clock)| clock))),
            conversion,
            codes: conversion.listens || from.formats.unmapped().any(|codec| coded(codec).is_some()),
            press: None,
            ssrc: None,
            changed: None,
            sequence: 0,
            timestamp: 0,
            armed: None,
            told: Counted::default(),
        };
        way.keys = way.keys_from(from.formats);
        way.tones = way.tones_from(from.formats);
        Some(way)
    }

    /// What is heard first and what it becomes: the first format of sound without a counterpart that can be coded; where keys alone need a way, any,
    /// and its counterpart.
    fn ends(from: &Side<'_>, to: &Side<'_>, conversion: &Conversion) -> Option<(Heard, Ends)> {
        let heard = |codec: &parameter::Codec| {
            let payload_type = codec.receive_payload_type.unwrap_or(codec.payload_type);
            Some(Heard { codec: coded(codec)?, payload_type })
        };
        if let Some(heard) = from.formats.unmapped().find_map(heard) {
            return Some((heard, Ends::of(to, None)?));
        }
        if !conversion.is_needed() {
            return None;
        }
        let heard = from.formats.codecs().find_map(heard)?;
        let mapped = from.formats.of(heard.payload_type).and_then(|format| format.mapped);
        Some((heard, Ends::of(to, mapped)?))
    }

    fn keys_from(&self, from: &Formats) -> Option<Keys> {
        let (_, to_hz) = self.to.keys?;
        let from_hz = from.codecs().find(|codec| codec.is_telephone_event())?.clock_rate_hz;
        Some(Keys::new(from_hz, to_hz))
    }

    fn tones_from(&self, from: &Formats) -> Option<Tones> {
        let from_hz = from.codecs().find(|codec| codec.is_telephone_event())?.clock_rate_hz;
        self.conversion.sounds.then(|| Tones::new(from_hz, self.transcoder.rate_hz()))
    }

    /// Goes on with new plans. False: it has to be built anew.
    pub fn adapt(&mut self, from: &Side<'_>, to: &Side<'_>, frame: Option<Duration>) -> bool {
        let conversion = Conversion::between(from, to);
        let Some((_, to)) = Self::ends(from, to, &conversion) else { return false };
        if to != self.to || conversion != self.conversion {
            return false;
        }
        let from = from.formats;
        let packet_ms = packet_ms(frame);
        if packet_ms != self.packet_ms {
            self.packet_ms = packet_ms;
            self.transcoder.set_packet_ms(packet_ms);
        }
        let known = self.keys.map(|keys| keys.clocks());
        let keys = self.keys_from(from);
        if keys.as_ref().map(Keys::clocks) != known {
            self.keys = keys;
        }
        if self.tones.is_none() {
            self.tones = self.tones_from(from);
        }
        true
    }

    /// Whether a packet takes this way, and not the one that formats with counterparts take.
    #[inline]
    pub fn wants(&self, taken: &Taken) -> bool {
        match taken.incoming.kind {
            FormatKind::Event => true,
            FormatKind::Noise => self.codes,
            FormatKind::Sound => self.codes && (taken.mapped.is_none() || self.conversion.listens),
        }
    }

    /// Whether sound is coded here; else it passes beside this way, and keys alone take it.
    pub const fn codes(&self) -> bool {
        self.codes
    }

    /// Whether a key is down whose tones stand in place of what its sender's microphone hears.
    pub fn is_pressed(&self) -> bool {
        self.tones.as_ref().is_some_and(Tones::is_pressed)
    }

    /// The next press that was heard in the sound.
    pub fn poll_heard(&mut self) -> Option<HeardKey> {
        self.listening.as_mut()?.poll_heard()
    }

    /// The share of packets that the peer says it loses, in percent.
    pub fn expect_loss(&mut self, percent: u8) {
        self.transcoder.expect_loss(percent);
    }

    /// The flow has stopped: what comes next begins anew.
    pub fn interrupt(&mut self) {
        self.order.restart(self.from.codec.clock_rate_hz());
        (self.press, self.ssrc, self.armed) = (None, None, None);
    }

    /// Whether it has heard a stream, and that is another one.
    pub fn hears_another(&self, ssrc: u32) -> bool {
        self.ssrc.is_some_and(|known| known != ssrc)
    }

    /// Takes a packet of a port with these formats, of the stream that it hears. False: it goes no further.
    pub fn take(&mut self, now: Instant, formats: &Formats, header: &Header, kind: FormatKind, payload: &[u8]) -> bool {
        self.ssrc = Some(header.ssrc);
        let kind = match kind {
            FormatKind::Sound => {
                if header.payload_type != self.from.payload_type && !self.change(now, formats, header.payload_type) {
                    return false;
                }
                Kind::Sound
            }
            FormatKind::Noise => Kind::Noise,
            FormatKind::Event => {
                // A press that is repeated, or comes late, is told apart by its own time.
                let at = self.timestamp;
                if let Some(tones) = &mut self.tones {
                    if Event::parse(payload).is_none_or(|event| Key::of_event(event.event).is_none()) {
                        return false;
                    }
                    tones.handle(header.timestamp, payload);
                }
                self.press = self.keys.as_mut().and_then(|keys| keys.handle(header.timestamp, payload, at));
                if self.codes {
                    self.order.take(now, header.sequence, header.timestamp, Kind::Aside, &[]);
                }
                return true;
            }
        };
        self.order.take(now, header.sequence, header.timestamp, kind, payload)
    }

    /// The peer speaks another of its formats from now on.
    #[cold]
    fn change(&mut self, now: Instant, formats: &Formats, payload_type: u8) -> bool {
        let Some(codec) = formats.codec(payload_type).and_then(coded) else { return false };
        let heard = Heard { codec, payload_type };
        if codec != self.from.codec {
            if self.changed.is_some_and(|changed| now.since(changed) < FORMAT_CHANGE) {
                return false;
            }
            let Some(transcoder) = built(&heard, &self.to, self.packet_ms, &self.conversion) else { return false };
            self.transcoder = transcoder;
            self.changed = Some(now);
            self.tones = self.tones_from(formats);
            if codec.clock_rate_hz() != self.from.codec.clock_rate_hz() {
                self.order.restart(codec.clock_rate_hz());
            }
        }
        self.from = heard;
        true
    }

    /// The next packet, its payload in the front of `payload`. To be asked until there is none.
    pub fn poll(&mut self, now: Instant, payload: &mut [u8]) -> Option<Made> {
        loop {
            if let Some(made) = self.poll_press(payload) {
                return Some(made);
            }
            while let Some(packet) = self.transcoder.poll_packet(payload).ok().flatten() {
                let timestamp = self.timestamp;
                self.timestamp = timestamp.wrapping_add(packet.ticks);
                let (kind, payload_type, marker) = match (packet.content, self.to.noise) {
                    (Content::Sound { marker }, _) => (FormatKind::Sound, self.to.payload_type, marker),
                    (Content::ComfortNoise, Some(noise)) => (FormatKind::Noise, noise, false),
                    (Content::ComfortNoise, None) | (Content::Nothing, _) => continue,
                };
                self.sequence = self.sequence.wrapping_add(1);
                let (sequence, octets) = (self.sequence, packet.octets);
                let clock_rate_hz = self.to.codec.clock_rate_hz();
                return Some(Made::Packet(Coded {
                    kind,
                    payload_type,
                    sequence,
                    timestamp,
                    clock_rate_hz,
                    marker,
                    octets,
                }));
            }
            if let Some(samples) = self.tones.as_mut().and_then(Tones::poll) {
                let _ = self.transcoder.handle_samples(samples);
                continue;
            }
            if !self.step(now)? {
                return Some(Made::Pause);
            }
        }
    }

    /// A packet of a press.
    fn poll_press(&mut self, payload: &mut [u8]) -> Option<Made> {
        let press = self.press.take().or_else(|| self.listening.as_mut()?.poll_packet())?;
        let ((payload_type, _), octets) = (self.to.keys?, payload.get_mut(..PAYLOAD_OCTETS)?);
        octets.copy_from_slice(&press.event.octets());
        self.sequence = self.sequence.wrapping_add(1);
        Some(Made::Packet(Coded {
            kind: FormatKind::Event,
            payload_type,
            sequence: self.sequence,
            timestamp: press.timestamp,
            clock_rate_hz: self.to.codec.clock_rate_hz(),
            marker: press.marker,
            octets: PAYLOAD_OCTETS,
        }))
    }

    /// What was heard of keys in so many ticks of the sender's clock.
    fn listen(&mut self, ticks: u32) {
        let Self { listening: Some(listening), transcoder, from, timestamp, .. } = self else { return };
        let mut changed = false;
        while let Some(change) = transcoder.poll_key() {
            listening.handle_change(change, *timestamp);
            changed = true;
        }
        if !changed {
            listening.handle_time((u64::from(ticks) * 1_000 / u64::from(from.codec.clock_rate_hz().max(1))) as u32);
        }
    }

    /// Does what is due. `None`: nothing is; false: a pause.
    fn step(&mut self, now: Instant) -> Option<bool> {
        let Self { order, transcoder, tones, .. } = self;
        let mut passed = 0;
        let played = match order.poll(now)? {
            // Some phones go on sending what their microphone hears, which may be the same key.
            Step::Sound(_) if tones.as_ref().is_some_and(Tones::is_pressed) => Some(Ok(0)),
            Step::Sound(payload) => Some(transcoder.handle_payload(payload)),
            Step::Noise(payload) => {
                // What it does not say is not heard.
                let _ = transcoder.handle_comfort_noise(payload);
                None
            }
            Step::Gap { ticks, next } => {
                let _ = transcoder.handle_gap(ticks, next);
                passed = ticks;
                None
            }
            Step::Pause => return Some(false),
        };
        match played {
            Some(Ok(ticks)) => {
                order.played(ticks);
                passed = ticks;
            }
            Some(Err(fault)) => {
                order.played(0);
                if fault == Fault::Malformed {
                    passed = order.packet_ticks();
                    let _ = transcoder.handle_gap(passed, None);
                }
            }
            None => {}
        }
        self.listen(passed);
        Some(true)
    }

    /// When it is to be polled without a packet.
    pub fn due(&self) -> Option<Instant> {
        self.order.due()
    }

    /// What was counted since the last call.
    pub fn take_counted(&mut self) -> Counted {
        let counted = *self.order.counted();
        let before = std::mem::replace(&mut self.told, counted);
        Counted {
            concealed: counted.concealed - before.concealed,
            late: counted.late - before.late,
            repeated: counted.repeated - before.repeated,
        }
    }
}

fn built(from: &Heard, to: &Ends, packet_ms: u32, conversion: &Conversion) -> Option<Transcoder> {
    let plan = Plan { packet_ms, comfort_noise: to.noise.is_some(), ..Plan::new(from.codec, to.codec) };
    let mut transcoder = Transcoder::new(&plan).ok()?;
    if conversion.listens {
        transcoder.listen(conversion.silences).ok()?;
    }
    Some(transcoder)
}

/// What the peer wants in a packet, as far as we make such: 10 to 60 ms.
fn packet_ms(frame: Option<Duration>) -> u32 {
    frame
        .map_or(20, |frame| u32::try_from(frame.as_millis()).unwrap_or(u32::MAX))
        .clamp(10, codecs::limits::PACKET_MS_MAX)
}

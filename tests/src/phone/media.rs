//! A phone's side of offer and answer, and the RTP that it sends.

use super::hearing::{Hearing, Packet, STAMP_BYTES, Stamp};
use super::secure::Keys;
use super::sound::Sound;
use super::ways::Ways;
use codecs::Law;
use media::rtcp::{Item, VoipMetrics, check};
use router::Random;
use router::parameter::{Codec, Direction, MediaDescription, MediaKey, MediaStream};
use router::time::{Duration, Instant};
use signaling::sdp::{SessionDescription, typed};
use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

/// How a phone says that it holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum HoldStyle {
    /// `a=sendonly` (RFC 3264 §8.4).
    #[default]
    SendOnly,
    /// `a=inactive`.
    Inactive,
    /// `c=0.0.0.0` (RFC 2543).
    ZeroAddress,
}

/// One call's media.
#[derive(Debug)]
pub struct Media {
    local: SocketAddr,
    codecs: Vec<Codec>,
    packet_ms: u16,
    /// Whether answers number codecs as it likes and not as the offer did.
    pub(crate) own_numbers: bool,
    /// See [`PhoneConfig::voice`](super::PhoneConfig::voice).
    pub(crate) voice: Option<i16>,
    /// See [`PhoneConfig::tone_hz`](super::PhoneConfig::tone_hz).
    pub sound: Option<Sound>,
    /// What stands in `c=` instead of the address.
    pub(crate) host_name: Option<String>,
    /// What its packets are protected by.
    pub(crate) keys: Option<Keys>,
    /// Whether it asks how it is heard.
    pub(crate) asks_for_metrics: bool,
    /// What it was told of that.
    pub metrics: Vec<VoipMetrics>,
    /// Whether its peer asks.
    is_asked: bool,
    /// What finds its peer, where that is not taken for where it says.
    pub(crate) ways: Option<Ways>,
    /// The key of ours that is in force.
    key: Option<MediaKey>,
    version: u64,
    /// What we ask for.
    wish: Direction,
    /// Whether the next offer repeats the direction in force instead.
    pub(crate) offers_as_it_is: bool,
    zero_address: bool,
    /// Our unanswered offer.
    offered: Option<(MediaDescription, Direction)>,
    /// The peer's unanswered offer.
    pending: Option<MediaDescription>,
    /// The payload types that we may be sent.
    accepted: Vec<Codec>,
    peer: Option<MediaStream>,
    direction: Direction,
    /// Since when both descriptions stand as they are.
    pub agreed: Option<Instant>,
    speaker: u32,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    number: u32,
    next: Option<Instant>,
    /// Events to send: event, packets left, and the timestamp once the first was sent.
    press: Option<(u8, u8, Option<u32>)>,
    /// Packets sent.
    pub sent: u64,
    /// What comes.
    pub hearing: Hearing,
    /// What was wrong with the peer's descriptions and packets.
    pub faults: Vec<String>,
}

impl Media {
    pub(crate) fn new(local: SocketAddr, codecs: &[Codec], packet_ms: u16, random: &mut Random) -> Self {
        Self {
            local,
            codecs: codecs.to_vec(),
            packet_ms,
            own_numbers: false,
            voice: None,
            sound: None,
            host_name: None,
            keys: None,
            asks_for_metrics: false,
            metrics: Vec::new(),
            is_asked: false,
            ways: None,
            key: None,
            version: u64::from(random.next_u32() >> 2),
            wish: Direction::SendReceive,
            offers_as_it_is: false,
            zero_address: false,
            offered: None,
            pending: None,
            accepted: Vec::new(),
            peer: None,
            direction: Direction::Inactive,
            agreed: None,
            speaker: random.next_u32(),
            ssrc: random.next_u32(),
            sequence: random.next_u32() as u16,
            timestamp: random.next_u32(),
            number: 0,
            next: None,
            press: None,
            sent: 0,
            hearing: Hearing::default(),
            faults: Vec::new(),
        }
    }

    /// Who speaks here, as the other end hears it.
    pub fn speaker(&self) -> u32 {
        self.speaker
    }

    /// Where it receives RTP.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Which way it flows, as agreed.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// Whether its peer and it have keys.
    pub fn is_secure(&self) -> bool {
        self.keys.as_ref().is_some_and(Keys::is_agreed)
    }

    /// Packets that were not by the peer's key.
    pub fn strange(&self) -> u64 {
        self.keys.as_ref().map_or(0, |keys| keys.strange)
    }

    /// Where its ways have led it, if it looks for some.
    pub fn way(&self) -> Option<SocketAddr> {
        self.ways.as_ref()?.destination()
    }

    /// The addresses of its own that the peer's last description said it had chosen.
    pub fn chosen(&self) -> &[SocketAddr] {
        self.ways.as_ref().map_or(&[], |ways| &ways.chosen)
    }

    /// What the peer described.
    pub fn peer(&self) -> Option<&MediaStream> {
        self.peer.as_ref()
    }

    /// Whether an offer of ours waits for its answer.
    pub fn is_offering(&self) -> bool {
        self.offered.is_some()
    }

    /// From now on asks for this.
    pub(crate) fn wish(&mut self, hold: Option<HoldStyle>) {
        self.zero_address = hold == Some(HoldStyle::ZeroAddress);
        self.wish = match hold {
            None | Some(HoldStyle::ZeroAddress) => Direction::SendReceive,
            Some(HoldStyle::SendOnly) => Direction::SendOnly,
            Some(HoldStyle::Inactive) => Direction::Inactive,
        };
    }

    /// An offer.
    pub(crate) fn offer(&mut self) -> Vec<u8> {
        let as_it_is = std::mem::take(&mut self.offers_as_it_is);
        let (codecs, wish) = (self.codecs.clone(), if as_it_is { self.direction } else { self.wish });
        if let Some(ways) = &mut self.ways {
            ways.offers();
        }
        let text = self.write(&codecs, wish, 1, false);
        if let Ok(session) = SessionDescription::parse(text.as_bytes()) {
            self.offered = Some((typed::describe(&session), wish));
        }
        self.accepted = codecs;
        text.into_bytes()
    }

    /// Takes back the offer.
    pub(crate) fn withdraw(&mut self) {
        self.offered = None;
    }

    /// Takes the peer's offer; false if it cannot be answered.
    pub(crate) fn take_offer(&mut self, text: &[u8]) -> bool {
        let Ok(session) = SessionDescription::parse(text) else {
            self.faults.push("an offer that is no SDP".to_owned());
            return false;
        };
        if let Some(keys) = &mut self.keys {
            let before = keys.is_agreed();
            keys.read(&session, true);
            if keys.style.is_all() && !keys.is_agreed() {
                return false;
            }
            if before && !keys.is_agreed() {
                self.faults.push("an offer without keys in a call that has some".to_owned());
            }
        }
        if let Some(ways) = &mut self.ways {
            ways.read(&session, true);
        }
        let description = typed::describe(&session);
        let common = description.streams.first().map(|stream| self.common(stream)).unwrap_or_default();
        if common.is_empty() {
            return false;
        }
        self.pending = Some(description);
        true
    }

    /// The answer to the offer that was taken.
    pub(crate) fn answer(&mut self, now: Instant) -> Option<Vec<u8>> {
        let description = self.pending.take()?;
        let stream = description.streams.first()?.clone();
        let mut codecs = self.common(&stream);
        if self.own_numbers {
            // RFC 3264 §6.1 asks for the offer's numbers and lets other ones pass.
            for codec in &mut codecs {
                let own = self.codecs.iter().find(|own| own.matches(codec));
                codec.payload_type = own.map_or(codec.payload_type, |own| own.payload_type);
            }
        }
        let direction = self.wish.and(stream.direction.mirrored());
        self.is_asked = stream.voip_metrics;
        let text = self.write(&codecs, direction, description.streams.len(), true);
        self.accepted = codecs;
        self.agree(now, stream, direction);
        Some(text.into_bytes())
    }

    /// Takes the answer to our offer.
    pub(crate) fn take_answer(&mut self, now: Instant, text: &[u8]) {
        let Some((offer, wish)) = self.offered.take() else {
            return self.faults.push("an answer without an offer".to_owned());
        };
        let Ok(session) = SessionDescription::parse(text) else {
            return self.faults.push("an answer that is no SDP".to_owned());
        };
        if let Some(keys) = &mut self.keys {
            keys.read(&session, false);
            if keys.style.is_all() && !keys.is_agreed() {
                self.faults.push("an answer without a key".to_owned());
            }
        }
        if let Some(ways) = &mut self.ways {
            ways.read(&session, false);
        }
        let answer = typed::describe_answer(&session, &offer);
        if answer.streams.len() != offer.streams.len() {
            return self.faults.push("an answer with another number of streams".to_owned());
        }
        let (Some(stream), Some(offered)) = (answer.streams.first(), offer.streams.first()) else { return };
        if let Some(codec) = stream.codecs.iter().find(|codec| !offered.codecs.iter().any(|own| own.matches(codec))) {
            self.faults.push(format!("an answer with {}, which was not offered", codec.name));
        }
        if stream.direction.sends() && !wish.receives() || stream.direction.receives() && !wish.sends() {
            self.faults.push(format!("an answer {:?} to an offer {wish:?}", stream.direction));
        }
        self.agree(now, stream.clone(), wish.and(stream.direction.mirrored()));
    }

    fn agree(&mut self, now: Instant, stream: MediaStream, direction: Direction) {
        // Who gives no address hears nothing.
        let direction = if self.zero_address { direction.and(Direction::SendOnly) } else { direction };
        self.direction = if stream.rtp.is_none() { Direction::Inactive } else { direction };
        self.peer = Some(stream);
        self.agreed = Some(now);
        if let Some(keys) = &mut self.keys
            && keys.agree(now, &mut self.key)
        {
            // Who gets another key is sent another stream.
            self.hearing.begin_anew();
        }
        if let Some(ways) = &mut self.ways {
            ways.agree(now);
        }
        if self.next.is_none() {
            self.next = Some(now);
        }
    }

    fn common(&self, stream: &MediaStream) -> Vec<Codec> {
        let known = |codec: &&Codec| self.codecs.iter().any(|own| own.matches(codec));
        let codecs: Vec<Codec> = stream.codecs.iter().filter(known).cloned().collect();
        if codecs.iter().all(Codec::is_telephone_event) { Vec::new() } else { codecs }
    }

    fn write(&mut self, codecs: &[Codec], direction: Direction, streams: usize, is_answer: bool) -> String {
        let (transport, crypto) = match &self.keys {
            Some(keys) => keys.write(is_answer),
            None => ("RTP/AVP", String::new()),
        };
        self.version += 1;
        let address = if self.zero_address { IpAddr::from([0, 0, 0, 0]) } else { self.local.ip() };
        let family = if address.is_ipv4() { "IP4" } else { "IP6" };
        let host = match &self.host_name {
            Some(name) if !self.zero_address => name.clone(),
            _ => address.to_string(),
        };
        let mut text = format!(
            "v=0\r\no=- {} {} IN {family} {}\r\ns=-\r\nc=IN {family} {host}\r\nt=0 0\r\nm=audio {} {transport}",
            self.speaker,
            self.version,
            self.local.ip(),
            self.local.port()
        );
        for codec in codecs {
            let _ = write!(text, " {}", codec.payload_type);
        }
        text.push_str("\r\n");
        for codec in codecs {
            let _ = write!(text, "a=rtpmap:{} {}/{}", codec.payload_type, codec.name, codec.clock_rate_hz);
            if codec.channels > 1 {
                let _ = write!(text, "/{}", codec.channels);
            }
            text.push_str("\r\n");
            if codec.is_telephone_event() {
                let _ = write!(text, "a=fmtp:{} 0-16\r\n", codec.payload_type);
            }
        }
        let name = match direction {
            Direction::SendReceive => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::ReceiveOnly => "recvonly",
            Direction::Inactive => "inactive",
        };
        let ways = self.ways.as_ref().map(|ways| ways.write(self.local, is_answer)).unwrap_or_default();
        let asks = self.asks_for_metrics && (!is_answer || self.is_asked);
        let metrics = if asks { "a=rtcp-xr:voip-metrics\r\n" } else { "" };
        let _ = write!(text, "{crypto}{ways}{metrics}a=ptime:{}\r\na={name}\r\n", self.packet_ms);
        for _ in 1..streams {
            text.push_str("m=video 0 RTP/AVP 99\r\n");
        }
        text
    }

    /// Presses a key: RFC 4733, three updates and three repetitions of the end.
    pub(crate) fn press(&mut self, event: u8) {
        self.press = Some((event, 6, None));
    }

    /// Sends from another source from now on.
    pub(crate) fn restart(&mut self, random: &mut Random) {
        self.ssrc = random.next_u32();
        self.sequence = random.next_u32() as u16;
        self.timestamp = random.next_u32();
    }

    /// Whether it sends now.
    pub fn sends(&self) -> bool {
        let reachable = self.destination().is_some_and(|rtp| !rtp.ip().is_unspecified());
        self.direction.sends() && reachable
    }

    /// Where its packets go.
    fn destination(&self) -> Option<SocketAddr> {
        match &self.ways {
            Some(ways) if ways.is_agreed() => ways.destination(),
            _ => self.peer.as_ref()?.rtp,
        }
    }

    /// When the next packet is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        let checks = self.ways.as_ref().filter(|_| self.next.is_some()).and_then(Ways::next);
        self.next.into_iter().chain(checks).min()
    }

    /// Stops for good.
    pub(crate) fn stop(&mut self) {
        self.next = None;
    }

    /// The next packet and whither it goes. Time goes on while nothing is sent.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<(SocketAddr, Vec<u8>)> {
        if let Some(check) = self.ways.as_mut().filter(|_| self.next.is_some()).and_then(|ways| ways.poll(now)) {
            return Some(check);
        }
        // What is said in a handshake goes out with the next packet of sound, or in its place.
        if let Some(to) = self.destination()
            && let Some(datagram) = self.keys.as_mut().and_then(|keys| keys.poll_handshake(now))
        {
            return Some((to, datagram));
        }
        let at = self.next.filter(|&at| at <= now)?;
        self.next = Some(at + Duration::from_millis(u64::from(self.packet_ms)));
        let clock_rate_hz = match &self.sound {
            Some(_) => self
                .accepted
                .iter()
                .find(|codec| !codec.is_telephone_event())
                .map_or(8_000, |codec| codec.clock_rate_hz),
            None => 8_000,
        };
        let samples = clock_rate_hz / 1_000 * u32::from(self.packet_ms);
        self.timestamp = self.timestamp.wrapping_add(samples);
        if !self.sends() {
            // A key that is held when the flow stops is released.
            self.press = self.press.filter(|(_, _, begun)| begun.is_none());
            return None;
        }
        let peer = self.peer.as_ref()?;
        let to = self.destination()?;
        // What both described, by the peer's numbers.
        let agreed = |codec: &&Codec| self.accepted.iter().any(|own| own.matches(codec));
        let mut common = peer.codecs.iter().filter(agreed);
        let event_type = common.clone().find(|codec| codec.is_telephone_event()).map(|codec| codec.payload_type);
        let sound = common.find(|codec| !codec.is_telephone_event())?;
        // Who has agreed on no events goes on talking.
        let presses = self.press.is_some() && event_type.is_some();
        let said = self.sound.as_mut().filter(|_| !presses).map(|tone| tone.say(sound, self.packet_ms));
        let (sound_type, law) = (sound.payload_type, Law::of_encoding_name(&sound.name));
        self.sequence = self.sequence.wrapping_add(1);
        self.number += 1;
        let (payload_type, timestamp, payload) = match (self.press, event_type) {
            (Some((event, left, timestamp)), Some(event_type)) => {
                let timestamp = timestamp.unwrap_or(self.timestamp);
                self.press = (left > 1).then_some((event, left - 1, Some(timestamp)));
                let end = if left <= 3 { 0x80 } else { 0 };
                let duration = (samples * u32::from(7 - left.max(3)).min(4)) as u16;
                let [high, low] = duration.to_be_bytes();
                (event_type, timestamp, vec![event, end | 10, high, low])
            }
            _ => {
                let mut payload = said.unwrap_or_else(|| vec![0xd5; (samples as usize).max(STAMP_BYTES)]);
                if self.sound.is_some() {
                    // What it says is sound.
                } else if let (Some(voice), Some(law)) = (self.voice, law) {
                    payload.fill(law.encode(voice));
                } else {
                    Stamp { speaker: self.speaker, number: self.number, timestamp: self.timestamp }.write(&mut payload);
                }
                (sound_type, self.timestamp, payload)
            }
        };
        let mut packet = vec![0x80, payload_type];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(timestamp.to_be_bytes());
        packet.extend(self.ssrc.to_be_bytes());
        packet.extend(payload);
        if let Some(keys) = &mut self.keys {
            packet = keys.seal(packet)?;
        }
        self.sent += 1;
        Some((to, packet))
    }

    /// RTCP came. What is under keys is not read.
    pub(crate) fn handle_control(&mut self, bytes: &[u8]) {
        if let (None, Ok(items)) = (&self.keys, check(bytes)) {
            self.metrics
                .extend(items.filter_map(|item| if let Item::Metrics(told) = item { Some(told) } else { None }));
        }
    }

    /// A packet came to the RTP port.
    pub(crate) fn handle_packet(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) {
        if stun::is_stun(bytes) {
            match &mut self.ways {
                Some(ways) => ways.handle(now, from, bytes),
                None => self.faults.push("a check, of which it knows nothing".to_owned()),
            }
            return;
        }
        // RTCP that shares the port (RFC 5761 §4).
        if bytes.get(1).is_some_and(|kind| (192..=223).contains(kind)) {
            return self.handle_control(bytes);
        }
        let opened;
        let mut bytes = bytes;
        if let Some(keys) = &mut self.keys {
            // What was on its way under a former key is lost to a phone that forgets it.
            let Some(clear) = keys.open(now, bytes) else { return };
            opened = clear;
            bytes = &opened;
        }
        let Some(packet) = Packet::parse(bytes) else {
            return self.faults.push("a packet that is no RTP".to_owned());
        };
        match self.accepted.iter().find(|codec| codec.payload_type == packet.payload_type) {
            Some(codec) => {
                let is_event = codec.is_telephone_event();
                self.hearing.hear(now, &packet, is_event);
                if let (Some(sound), false) = (&mut self.sound, is_event)
                    && !sound.hear(codec, packet.payload)
                {
                    self.faults.push(format!("a payload that is no {}", codec.name));
                }
                if let (Some(_), Some(law)) = (self.voice, Law::of_encoding_name(&codec.name)) {
                    let middle = packet.payload.get(packet.payload.len() / 2);
                    self.hearing.levels.push(middle.map_or(0, |octet| law.decode(*octet)));
                }
            }
            None => self.faults.push(format!("payload type {}, which was not described", packet.payload_type)),
        }
    }
}

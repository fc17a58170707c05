//! Media that is made here: a frame each period, by deadlines that do not drift.

use super::plan::Formats;
use crate::limits::{FRAME_BYTES, FRAME_MS, FRAMES_LATE};
use crate::transcoding::coded;
use codecs::{Codec, Encoded, Encoder, Law, Milliwatt, Ringback, RingingTone, Tone, silence};
use router::parameter::{self, BuiltinKind};
use router::time::{Duration, Instant};
use std::fmt;

/// Samples, and octets, of a millisecond of G.711.
const PER_MS: u32 = 8;
/// The digital milliwatt where it is no sequence of octets: 1 kHz at 0 dBm0.
const MILLIWATT: (f64, f64) = (1_000.0, 0.0);

/// What makes the payloads.
#[derive(Debug)]
enum Maker {
    /// Octets of G.711, by tables and the sequences of its recommendation.
    Octets(Law, Octets),
    /// Samples, encoded.
    Samples(Box<Samples>),
}

#[derive(Clone, Copy, Debug)]
enum Octets {
    Milliwatt(Milliwatt),
    Ringback(Ringback),
    Silence,
}

/// A source of samples and the codec that they go through.
struct Samples {
    codec: Codec,
    encoder: Box<dyn Encoder>,
    sound: Sound,
    /// Those of a frame.
    frame: Box<[i16]>,
}

#[derive(Clone, Copy, Debug)]
enum Sound {
    Tone(Tone),
    Ringing(RingingTone),
    Silence,
}

impl fmt::Debug for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Samples").field("codec", &self.codec).finish_non_exhaustive()
    }
}

impl Samples {
    fn new(codec: Codec, kind: BuiltinKind, frame_ms: u16) -> Option<Self> {
        let rate_hz = rate_hz(&codec);
        let sound = match kind {
            BuiltinKind::Echo | BuiltinKind::Conference(_) => return None,
            BuiltinKind::Milliwatt => Sound::Tone(Tone::at_rate(MILLIWATT.0, MILLIWATT.1, rate_hz)),
            BuiltinKind::Ringback => Sound::Ringing(RingingTone::new(rate_hz)),
            BuiltinKind::Silence => Sound::Silence,
        };
        let samples = codec.packet_samples(frame_ms.into(), rate_hz);
        Some(Self { codec, encoder: codec.encoder(rate_hz).ok()?, sound, frame: vec![0; samples].into() })
    }

    /// Octets of the next payload; 0: nothing is to be sent for this time.
    fn make(&mut self, payload: &mut [u8]) -> usize {
        match &mut self.sound {
            Sound::Tone(tone) => {
                self.frame.fill(0);
                tone.add_to(&mut self.frame);
            }
            Sound::Ringing(tone) => tone.fill(&mut self.frame),
            Sound::Silence => {}
        }
        match self.encoder.encode(&self.frame, payload) {
            Ok(Encoded::Payload(octets)) => octets,
            Ok(Encoded::Nothing) | Err(_) => 0,
        }
    }
}

/// What samples of a source have: nothing that is made here has more than telephone speech in it.
fn rate_hz(codec: &Codec) -> u32 {
    codec.sample_rate_hz(8_000)
}

/// Whether sources and conferences speak a codec: linear samples alone are too long for their frames.
pub(crate) fn is_spoken(codec: &Codec) -> bool {
    !matches!(codec, Codec::L16(_))
}

/// A frame that is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame {
    /// Its number in the source's own stream.
    pub sequence: u16,
    /// Its time in the source's own stream.
    pub timestamp: u32,
    /// Octets of payload; 0: its time goes by, nothing is to be sent.
    pub length: usize,
}

/// A built-in source and its frame clock.
#[derive(Debug)]
pub struct Generator {
    kind: BuiltinKind,
    codec: Codec,
    maker: Maker,
    payload_type: u8,
    /// Ticks of its clock, and time, of a frame.
    ticks: u32,
    period: Duration,
    due: Instant,
    sequence: u16,
    timestamp: u32,
}

impl Generator {
    /// A source of `kind` in the first of the leg's formats that it can make; its first frame is due at the next whole
    /// millisecond, the resolution of the timers. `None` if there is no such format, or if `kind` is no source (echo, a conference).
    pub fn new(kind: BuiltinKind, formats: &Formats, frame: Option<Duration>, now: Instant) -> Option<Self> {
        let (codec, payload_type) = Self::speaks(formats)?;
        let frame_ms = frame.map_or(20, |frame| frame.as_millis().min(1_000) as u16).clamp(FRAME_MS.0, FRAME_MS.1);
        let (maker, ticks) = match codec {
            Codec::G711(law) => {
                let octets = match kind {
                    BuiltinKind::Echo | BuiltinKind::Conference(_) => return None,
                    BuiltinKind::Milliwatt => Octets::Milliwatt(Milliwatt::new(law)),
                    BuiltinKind::Ringback => Octets::Ringback(Ringback::new(law)),
                    BuiltinKind::Silence => Octets::Silence,
                };
                (Maker::Octets(law, octets), u32::from(frame_ms) * PER_MS)
            }
            codec => {
                let samples = Samples::new(codec, kind, frame_ms)?;
                let ticks = codec.ticks_of(samples.frame.len(), rate_hz(&codec));
                (Maker::Samples(Box::new(samples)), ticks)
            }
        };
        let period = Duration::from_millis(u64::from(ticks) * 1_000 / u64::from(codec.clock_rate_hz()));
        let due = Instant::from_millis(now.as_nanos().div_ceil(1_000_000));
        Some(Self { kind, codec, maker, payload_type, ticks, period, due, sequence: 0, timestamp: 0 })
    }

    /// What a source says to a leg of these formats: the first of them that can be made, and its payload type.
    pub fn speaks(formats: &Formats) -> Option<(Codec, u8)> {
        let of = |codec: &parameter::Codec| Some((coded(codec).filter(is_spoken)?, codec.payload_type));
        formats.codecs().find_map(of)
    }

    /// Which source it is.
    pub const fn kind(&self) -> BuiltinKind {
        self.kind
    }

    /// Whether `other` makes the same frames.
    pub fn is_like(&self, other: &Self) -> bool {
        self.codec == other.codec && self.payload_type == other.payload_type && self.ticks == other.ticks
    }

    /// The payload type of its frames.
    pub const fn payload_type(&self) -> u8 {
        self.payload_type
    }

    /// The clock of its timestamps.
    pub const fn clock_rate_hz(&self) -> u32 {
        self.codec.clock_rate_hz()
    }

    /// When the next frame is due.
    pub const fn due(&self) -> Instant {
        self.due
    }

    /// Makes the frame that is due and sets the next deadline. Frames that are long past are left out: their time goes by,
    /// their numbers are not used.
    pub fn make(&mut self, now: Instant, payload: &mut [u8; FRAME_BYTES]) -> Frame {
        let late = (now.since(self.due).as_nanos() / self.period.as_nanos()) as u64;
        if late > FRAMES_LATE {
            self.due = self.due + self.period * u32::try_from(late).unwrap_or(u32::MAX);
            self.timestamp = self.timestamp.wrapping_add(self.ticks.wrapping_mul(late as u32));
        }
        let length = match &mut self.maker {
            Maker::Octets(law, octets) => {
                let payload = &mut payload[..self.ticks as usize];
                match octets {
                    Octets::Milliwatt(milliwatt) => milliwatt.fill(payload),
                    Octets::Ringback(ringback) => ringback.fill(payload),
                    Octets::Silence => silence::fill(*law, payload),
                }
                payload.len()
            }
            Maker::Samples(samples) => samples.make(payload),
        };
        let frame = Frame { sequence: self.sequence, timestamp: self.timestamp, length };
        if length > 0 {
            self.sequence = self.sequence.wrapping_add(1);
        }
        self.timestamp = self.timestamp.wrapping_add(self.ticks);
        self.due = self.due + self.period;
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formats() -> Formats {
        let codecs = [
            parameter::Codec::new(97, "speex", 16_000),
            parameter::Codec::new(8, "PCMA", 8_000),
            parameter::Codec::new(0, "PCMU", 8_000),
        ];
        Formats::new(&codecs).unwrap()
    }

    fn one(payload_type: u8, name: &str, clock_rate_hz: u32, channels: u8) -> Formats {
        let codec = parameter::Codec { channels, ..parameter::Codec::new(payload_type, name, clock_rate_hz) };
        Formats::new(&[codec]).unwrap()
    }

    #[test]
    fn the_first_format_that_it_can_make_is_taken() {
        let generator = Generator::new(BuiltinKind::Milliwatt, &formats(), None, Instant::ZERO).unwrap();
        assert_eq!(generator.payload_type(), 8);
        assert!(Generator::new(BuiltinKind::Silence, &one(97, "speex", 16_000, 1), None, Instant::ZERO).is_none());
        assert!(Generator::new(BuiltinKind::Silence, &one(97, "L16", 48_000, 1), None, Instant::ZERO).is_none());
        assert!(Generator::new(BuiltinKind::Echo, &formats(), None, Instant::ZERO).is_none());
    }

    /// A tone is the same in whatever it is said, in frames as they are asked for, as far as the codec has such.
    #[test]
    fn every_codec_says_the_same() {
        for (name, clock, channels) in
            [("PCMU", 8_000, 1), ("G722", 8_000, 1), ("opus", 48_000, 2), ("GSM", 8_000, 1), ("G726-32", 8_000, 1)]
        {
            for (asked_ms, ms) in [(None, 20), (Some(40), 40)] {
                let formats = one(100, name, clock, channels);
                let asked = asked_ms.map(Duration::from_millis);
                let mut generator = Generator::new(BuiltinKind::Milliwatt, &formats, asked, Instant::ZERO).unwrap();
                let codec = Generator::speaks(&formats).unwrap().0;
                let rate_hz = rate_hz(&codec);
                let mut decoder = codec.decoder(rate_hz).unwrap();
                let (mut payload, mut samples) = ([0; FRAME_BYTES], [0; 2_000]);
                let mut last = Vec::new();
                for index in 0..50u32 {
                    let frame = generator.make(generator.due(), &mut payload);
                    assert_eq!(frame.timestamp, index * clock / 1_000 * ms, "{name}");
                    let count = decoder.decode(&payload[..frame.length], &mut samples).unwrap();
                    assert_eq!(count, (rate_hz / 1_000 * ms) as usize, "{name}");
                    last = samples[..count].to_vec();
                }
                assert_eq!(generator.due(), Instant::from_millis(50 * u64::from(ms)));
                let power = last.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / last.len() as f64;
                // A sine of 0 dBm0 peaks 3.14 dB below full scale.
                let level = 10.0 * (power / 32_768f64.powi(2)).log10() + 6.15;
                assert!(level.abs() < 1.5, "{name}: {level} dBm0");
            }
        }
    }

    #[test]
    fn deadlines_do_not_drift() {
        let begin = Instant::from_nanos(1_400_000);
        let mut generator = Generator::new(BuiltinKind::Silence, &formats(), None, begin).unwrap();
        assert_eq!(generator.due(), Instant::from_millis(2));
        let mut payload = [0; FRAME_BYTES];
        for index in 0..1_000u64 {
            // Each comes a little late; the next deadline does not care.
            let now = generator.due() + Duration::from_micros(index % 7 * 900);
            let frame = generator.make(now, &mut payload);
            assert_eq!(u64::from(frame.timestamp), 160 * index);
            assert_eq!(frame.length, 160);
        }
        assert_eq!(generator.due(), Instant::from_millis(20_002));
        assert!(payload[..160].iter().all(|octet| *octet == 0xd5));
    }

    #[test]
    fn a_pause_skips_frames_and_keeps_time() {
        let frame = Some(Duration::from_millis(30));
        let mut generator = Generator::new(BuiltinKind::Milliwatt, &formats(), frame, Instant::ZERO).unwrap();
        let mut payload = [0; FRAME_BYTES];
        assert_eq!(generator.make(Instant::ZERO, &mut payload).length, 240);
        let late = generator.make(Instant::from_millis(1_000), &mut payload);
        assert_eq!((late.sequence, late.timestamp), (1, 240 + 32 * 240));
        assert_eq!(generator.due(), Instant::from_millis(1_020));
    }
}

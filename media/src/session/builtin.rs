//! Media that is made here: a frame each period, by deadlines that do not drift.

use super::plan::Formats;
use crate::limits::{FRAME_BYTES, FRAME_MS, FRAMES_LATE};
use codecs::{Law, Milliwatt, Ringback, silence};
use router::parameter::BuiltinKind;
use router::time::{Duration, Instant};

/// Samples, and octets, of a millisecond of G.711.
const PER_MS: u32 = 8;

#[derive(Clone, Copy, Debug)]
enum Sound {
    Milliwatt(Milliwatt),
    Ringback(Ringback),
    Silence,
}

/// A frame that is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame {
    /// Its number in the source's own stream.
    pub sequence: u16,
    /// Its time in the source's own stream.
    pub timestamp: u32,
    /// Octets of payload.
    pub length: usize,
}

/// A built-in source and its frame clock.
#[derive(Clone, Debug)]
pub struct Generator {
    kind: BuiltinKind,
    law: Law,
    sound: Sound,
    payload_type: u8,
    frame_ms: u16,
    due: Instant,
    sequence: u16,
    timestamp: u32,
}

impl Generator {
    /// A source of `kind` in the first of the leg's formats that it can make; its first frame is due at the next whole
    /// millisecond, the resolution of the timers. `None` if there is no such format, or if `kind` is no source (echo, a conference).
    pub fn new(kind: BuiltinKind, formats: &Formats, frame: Option<Duration>, now: Instant) -> Option<Self> {
        let (law, payload_type) = formats.codecs().find_map(|codec| {
            let law = Law::of_encoding_name(&codec.name)?;
            (codec.clock_rate_hz == 8_000 && codec.channels == 1).then_some((law, codec.payload_type))
        })?;
        let sound = match kind {
            BuiltinKind::Echo | BuiltinKind::Conference(_) => return None,
            BuiltinKind::Milliwatt => Sound::Milliwatt(Milliwatt::new(law)),
            BuiltinKind::Ringback => Sound::Ringback(Ringback::new(law)),
            BuiltinKind::Silence => Sound::Silence,
        };
        let frame_ms = frame.map_or(20, |frame| frame.as_millis().min(1_000) as u16).clamp(FRAME_MS.0, FRAME_MS.1);
        let due = Instant::from_millis(now.as_nanos().div_ceil(1_000_000));
        Some(Self { kind, law, sound, payload_type, frame_ms, due, sequence: 0, timestamp: 0 })
    }

    /// Which source it is.
    pub const fn kind(&self) -> BuiltinKind {
        self.kind
    }

    /// Whether `other` makes the same frames.
    pub fn is_like(&self, other: &Self) -> bool {
        self.law == other.law && self.payload_type == other.payload_type && self.frame_ms == other.frame_ms
    }

    /// The payload type of its frames.
    pub const fn payload_type(&self) -> u8 {
        self.payload_type
    }

    /// When the next frame is due.
    pub const fn due(&self) -> Instant {
        self.due
    }

    /// Makes the frame that is due and sets the next deadline. Frames that are long past are left out: their time goes by,
    /// their numbers are not used.
    pub fn make(&mut self, now: Instant, payload: &mut [u8; FRAME_BYTES]) -> Frame {
        let period = Duration::from_millis(u64::from(self.frame_ms));
        let late = (now.since(self.due).as_nanos() / period.as_nanos()) as u64;
        let samples = u32::from(self.frame_ms) * PER_MS;
        if late > FRAMES_LATE {
            self.due = self.due + period * u32::try_from(late).unwrap_or(u32::MAX);
            self.timestamp = self.timestamp.wrapping_add(samples.wrapping_mul(late as u32));
        }
        let length = samples as usize;
        let octets = &mut payload[..length];
        match &mut self.sound {
            Sound::Milliwatt(milliwatt) => milliwatt.fill(octets),
            Sound::Ringback(ringback) => ringback.fill(octets),
            Sound::Silence => silence::fill(self.law, octets),
        }
        let frame = Frame { sequence: self.sequence, timestamp: self.timestamp, length };
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(samples);
        self.due = self.due + period;
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::parameter::Codec;

    fn formats() -> Formats {
        let codecs = [Codec::new(111, "opus", 48_000), Codec::new(8, "PCMA", 8_000), Codec::new(0, "PCMU", 8_000)];
        Formats::new(&codecs).unwrap()
    }

    #[test]
    fn the_first_format_that_it_can_make_is_taken() {
        let generator = Generator::new(BuiltinKind::Milliwatt, &formats(), None, Instant::ZERO).unwrap();
        assert_eq!(generator.payload_type(), 8);
        let opus = Formats::new(&[Codec::new(111, "opus", 48_000)]).unwrap();
        assert!(Generator::new(BuiltinKind::Silence, &opus, None, Instant::ZERO).is_none());
        assert!(Generator::new(BuiltinKind::Echo, &formats(), None, Instant::ZERO).is_none());
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

//! From payloads to samples and back, as a member's leg has agreed. The one place of a conference that names codecs.

use super::FRAME_SAMPLES;
use crate::session::Formats;
use codecs::Law;

/// Octets of a frame that is sent.
pub(super) const FRAME_OCTETS: usize = FRAME_SAMPLES;

/// How many laws there are: members who hear the same and have the same law share the encoding.
pub(super) const LAWS: usize = 2;

/// What a member sends and is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Coding {
    /// Payload types that it may send, and how they are read.
    hears: [Option<(u8, Law)>; LAWS],
    /// What it is sent, and as which payload type.
    law: Law,
    payload_type: u8,
}

impl Coding {
    /// By the formats of a plan; `None`: it speaks nothing that can be mixed.
    pub fn of(formats: &Formats) -> Option<Self> {
        let mut hears = [None; LAWS];
        let mut speaks = None;
        for codec in formats.codecs() {
            let Some(law) = Law::of_encoding_name(&codec.name) else { continue };
            if codec.clock_rate_hz != super::RATE_HZ || codec.channels != 1 {
                continue;
            }
            let number = codec.receive_payload_type.unwrap_or(codec.payload_type);
            if let Some(free) = hears.iter_mut().find(|known| known.is_none()) {
                *free = Some((number, law));
            }
            speaks = speaks.or(Some((law, codec.payload_type)));
        }
        let (law, payload_type) = speaks?;
        Some(Self { hears, law, payload_type })
    }

    /// How a payload is read; `None`: it carries no sound that can be mixed (key presses, comfort noise).
    #[inline]
    pub fn law_of(&self, payload_type: u8) -> Option<Law> {
        self.hears.iter().flatten().find(|(number, _)| *number == payload_type).map(|(_, law)| *law)
    }

    /// The payload type of what it is sent.
    pub const fn payload_type(&self) -> u8 {
        self.payload_type
    }

    /// The place of its law among encodings that are shared.
    pub const fn place(&self) -> usize {
        match self.law {
            Law::Mu => 0,
            Law::A => 1,
        }
    }

    /// Encodes a frame.
    #[inline]
    pub fn encode(&self, samples: &[i16; FRAME_SAMPLES], octets: &mut [u8; FRAME_OCTETS]) {
        self.law.encode_into(samples, octets);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::parameter::Codec;

    #[test]
    fn the_first_law_is_spoken_and_both_are_heard() {
        let odd = Codec { receive_payload_type: Some(97), ..Codec::new(98, "pcmu", 8_000) };
        let codecs = [
            Codec::new(111, "opus", 48_000),
            Codec::new(8, "PCMA", 8_000),
            odd,
            Codec::new(101, "telephone-event", 8_000),
        ];
        let coding = Coding::of(&Formats::new(&codecs).unwrap()).unwrap();
        assert_eq!((coding.payload_type(), coding.place()), (8, 1));
        assert_eq!((coding.law_of(8), coding.law_of(97)), (Some(Law::A), Some(Law::Mu)));
        assert_eq!((coding.law_of(101), coding.law_of(111), coding.law_of(98)), (None, None, None));
        assert_eq!(Coding::of(&Formats::new(&codecs[..1]).unwrap()), None);
        let stereo = Codec { channels: 2, ..Codec::new(0, "PCMU", 8_000) };
        assert_eq!(Coding::of(&Formats::new(&[stereo]).unwrap()), None);
    }
}

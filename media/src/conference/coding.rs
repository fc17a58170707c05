//! What a member's leg has agreed on, as far as a conference can do something with it.

use super::{FRAME_SAMPLES, RATE_HZ};
use crate::limits::CODINGS;
use crate::session::{Formats, is_spoken};
use crate::transcoding::coded;
use codecs::Codec;

/// Octets of a frame that is sent, at most: none of what a conference speaks takes more than G.711.
pub(super) const FRAME_OCTETS: usize = FRAME_SAMPLES;

/// How many laws there are: members who hear the same and have the same law share the encoding.
pub(super) const LAWS: usize = 2;

/// What a member sends and is sent.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Coding {
    /// Payload types that it may send, and how they are read.
    hears: [Option<(u8, Codec)>; CODINGS],
    /// What it is sent, and as which payload type.
    speaks: Codec,
    payload_type: u8,
}

impl Coding {
    /// By the formats of a plan; `None`: it speaks nothing that can be mixed.
    pub fn of(formats: &Formats) -> Option<Self> {
        let mut hears = [None; CODINGS];
        let mut speaks = None;
        for codec in formats.codecs() {
            let Some(coded) = coded(codec).filter(is_spoken) else { continue };
            let number = codec.receive_payload_type.unwrap_or(codec.payload_type);
            if let Some(free) = hears.iter_mut().find(|known| known.is_none()) {
                *free = Some((number, coded));
            }
            speaks = speaks.or(Some((coded, codec.payload_type)));
        }
        let (speaks, payload_type) = speaks?;
        Some(Self { hears, speaks, payload_type })
    }

    /// How a payload is read; `None`: it carries no sound that can be mixed (key presses, comfort noise).
    #[inline]
    pub fn heard(&self, payload_type: u8) -> Option<&Codec> {
        self.hears().find(|(number, _)| *number == payload_type).map(|(_, codec)| codec)
    }

    /// All that it may send.
    pub fn hears(&self) -> impl Iterator<Item = &(u8, Codec)> {
        self.hears.iter().flatten()
    }

    /// What it is sent.
    pub const fn speaks(&self) -> &Codec {
        &self.speaks
    }

    /// The payload type of what it is sent.
    pub const fn payload_type(&self) -> u8 {
        self.payload_type
    }

    /// Ticks of its clock for each of a conference's.
    pub const fn ticks(&self) -> u32 {
        self.speaks.clock_rate_hz() / RATE_HZ
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use codecs::Law;
    use router::parameter::Codec;

    #[test]
    fn the_first_that_can_be_coded_is_spoken_and_all_are_heard() {
        use codecs::Codec as Coded;
        let odd = Codec { receive_payload_type: Some(97), ..Codec::new(98, "pcmu", 8_000) };
        let codecs = [
            Codec::new(99, "speex", 16_000),
            Codec::new(8, "PCMA", 8_000),
            odd,
            Codec { channels: 2, ..Codec::new(111, "opus", 48_000) },
            Codec::new(101, "telephone-event", 8_000),
        ];
        let coding = Coding::of(&Formats::new(&codecs).unwrap()).unwrap();
        assert_eq!((coding.payload_type(), coding.ticks(), coding.speaks()), (8, 1, &Coded::G711(Law::A)));
        let law = |law| Some(Coded::G711(law));
        assert_eq!((coding.heard(8).copied(), coding.heard(97).copied()), (law(Law::A), law(Law::Mu)));
        assert!(matches!(coding.heard(111), Some(Coded::Opus(_))));
        assert_eq!((coding.heard(101), coding.heard(99), coding.heard(98)), (None, None, None));
        assert_eq!(Coding::of(&Formats::new(&codecs[..1]).unwrap()), None);
        let stereo = Codec { channels: 2, ..Codec::new(0, "PCMU", 8_000) };
        assert_eq!(Coding::of(&Formats::new(&[stereo]).unwrap()), None);
        let opus = Coding::of(&Formats::new(&codecs[3..4]).unwrap()).unwrap();
        assert_eq!((opus.payload_type(), opus.ticks()), (111, 6));
    }
}

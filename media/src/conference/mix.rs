//! The sum of a frame, and what each hears of it: all but oneself.

use super::FRAME_SAMPLES;
use super::coding::{FRAME_OCTETS, LAWS};
use codecs::Law;

/// A member's part of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Sound {
    /// Its samples.
    pub samples: [i16; FRAME_SAMPLES],
    /// Whether there is a voice in them; where not, they are no part of the sum.
    pub speaks: bool,
}

impl Default for Sound {
    fn default() -> Self {
        Self { samples: [0; FRAME_SAMPLES], speaks: false }
    }
}

/// One frame of a conference.
#[derive(Debug)]
pub struct Mix {
    sum: [i32; FRAME_SAMPLES],
    /// What those hear who say nothing, in each law, once somebody has asked for it.
    shared: [Option<[u8; FRAME_OCTETS]>; LAWS],
}

impl Default for Mix {
    fn default() -> Self {
        Self { sum: [0; FRAME_SAMPLES], shared: [None; LAWS] }
    }
}

impl Mix {
    /// Adds a member's part. All are added before anything is heard.
    pub fn add(&mut self, sound: &Sound) {
        debug_assert!(self.shared.iter().all(Option::is_none));
        if sound.speaks {
            for (sum, &sample) in self.sum.iter_mut().zip(&sound.samples) {
                *sum += i32::from(sample);
            }
        }
    }

    /// What the member hears whose part that is.
    pub fn heard_by(&mut self, own: &Sound, law: Law, octets: &mut [u8; FRAME_OCTETS]) {
        if own.speaks {
            law.encode_into(&self.samples_for(own), octets);
            return;
        }
        let place = match law {
            Law::Mu => 0,
            Law::A => 1,
        };
        let sum = &self.sum;
        let shared = self.shared[place].get_or_insert_with(|| {
            let mut encoded = [0; FRAME_OCTETS];
            law.encode_into(&saturated(sum.iter().copied()), &mut encoded);
            encoded
        });
        octets.copy_from_slice(shared);
    }

    /// The same in samples, for what encodes each member's own stream.
    pub fn samples_for(&self, own: &Sound) -> [i16; FRAME_SAMPLES] {
        match own.speaks {
            true => saturated(self.sum.iter().zip(&own.samples).map(|(sum, &own)| sum - i32::from(own))),
            false => saturated(self.sum.iter().copied()),
        }
    }
}

/// As 16 bits; what is beyond them is the loudest that there is.
fn saturated(sums: impl Iterator<Item = i32>) -> [i16; FRAME_SAMPLES] {
    let mut samples = [0; FRAME_SAMPLES];
    for (sample, sum) in samples.iter_mut().zip(sums) {
        *sample = sum.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(value: i16) -> Sound {
        Sound { samples: [value; FRAME_SAMPLES], speaks: value != 0 }
    }

    fn hears(mix: &mut Mix, own: &Sound, law: Law) -> i16 {
        let samples = mix.samples_for(own);
        let mut octets = [0; FRAME_OCTETS];
        mix.heard_by(own, law, &mut octets);
        assert!(octets.iter().all(|octet| *octet == octets[0]));
        assert_eq!(octets[0], law.encode(samples[0]), "the same in samples");
        law.decode(octets[0])
    }

    #[test]
    fn each_hears_all_but_oneself() {
        let parts = [says(1_000), says(2_000), says(-4_000), says(0), says(0)];
        let mut mix = Mix::default();
        parts.iter().for_each(|part| mix.add(part));
        let close = |heard: i16, wanted: i32| {
            assert!((i32::from(heard) - wanted).abs() <= wanted.abs() / 16 + 8, "{heard}, not {wanted}")
        };
        for law in [Law::Mu, Law::A] {
            for (part, wanted) in parts.iter().zip([-2_000, -3_000, 3_000, -1_000, -1_000]) {
                close(hears(&mut mix, part, law), wanted);
            }
        }
        let mut alone = Mix::default();
        alone.add(&parts[0]);
        assert_eq!(hears(&mut alone, &parts[0], Law::Mu), 0, "nobody hears oneself");
    }

    #[test]
    fn many_loud_ones_saturate_and_do_not_wrap() {
        let loud = says(i16::MAX);
        let mut mix = Mix::default();
        (0..crate::limits::SEATS).for_each(|_| mix.add(&loud));
        assert!(hears(&mut mix, &loud, Law::Mu) > 32_000);
        let low = says(i16::MIN);
        let mut mix = Mix::default();
        (0..crate::limits::SEATS).for_each(|_| mix.add(&low));
        assert!(hears(&mut mix, &says(0), Law::A) < -32_000);
    }
}

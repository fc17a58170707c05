//! Keys taken out of sound: who is told of them in another way does not hear them, too.
//!
//! ```text
//!   in    ▁▂▃▂ ∿∿∿∿∿∿∿∿∿∿∿∿∿∿∿∿∿∿ ▂▃▂
//!   out   ▁▂▃▂ ∿∿∿                   ▂▃▂     less of the tones than any receiver takes for a key
//!   told             began       ended
//! ```

use super::{Detector, KeyChange};
use crate::coder::Fault;
use crate::limits::{self, PAYLOAD_MS_MAX};
use crate::resampler::Resampler;

/// Samples a second of what a [`Detector`] hears.
const HEARD_HZ: u32 = 8_000;
/// Milliseconds that are heard, or silenced, at once: what a detector looks at anew.
const STEP_MS: u32 = 5;
/// Changes within the longest payload: each takes 30 ms.
const CHANGES: usize = 8;
const _: () = assert!(PAYLOAD_MS_MAX as usize / 30 < CHANGES);

/// Hears one stream, and silences its keys if it is to.
#[derive(Debug)]
pub struct KeyFilter {
    detector: Detector,
    resampler: Option<Resampler>,
    narrow: Box<[i16]>,
    step: usize,
    silences: bool,
    changes: [Option<KeyChange>; CHANGES],
}

impl KeyFilter {
    /// Of a stream of samples at `rate_hz` that begins.
    pub fn new(rate_hz: u32, silences: bool) -> Result<Self, Fault> {
        let resampler = if rate_hz == HEARD_HZ { None } else { Some(Resampler::new(rate_hz, HEARD_HZ)?) };
        let step = limits::samples(STEP_MS, rate_hz);
        let narrow = resampler.as_ref().map_or(0, |resampler| resampler.output_max(step));
        Ok(Self {
            detector: Detector::new(),
            resampler,
            narrow: vec![0; narrow].into(),
            step,
            silences,
            changes: [None; CHANGES],
        })
    }

    /// Hears the next samples, at most 120 ms, all changes having been taken before.
    pub fn filter(&mut self, samples: &mut [i16]) {
        let Self { detector, resampler, narrow, step, silences, changes } = self;
        for part in samples.chunks_mut(*step) {
            let heard = match resampler {
                // A step has room in what was made for one.
                Some(resampler) => resampler.resample(part, narrow).map_or(&[][..], |count| &narrow[..count]),
                None => &*part,
            };
            detector.handle_samples(heard, |change| {
                if let Some(free) = changes.iter_mut().find(|place| place.is_none()) {
                    *free = Some(change);
                }
            });
            if *silences && detector.suspects() {
                part.fill(0);
            }
        }
    }

    /// The same for samples that stand for what was lost.
    pub fn pass_over(&mut self, samples: &mut [i16]) {
        self.detector.handle_gap(samples.len() * HEARD_HZ as usize / (self.step * 1_000 / STEP_MS as usize).max(1));
        if self.silences && self.detector.suspects() {
            samples.fill(0);
        }
    }

    /// What became of keys, in order.
    pub fn poll(&mut self) -> Option<KeyChange> {
        let first = self.changes[0].take()?;
        self.changes.rotate_left(1);
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtmf::{Key, Press};
    use crate::test_signal::vowel;

    /// Keys of so many milliseconds, with as much of a voice between them; every so-manyth packet of 20 ms is lost.
    fn heard(rate_hz: u32, presses: &[(char, u32)], lost: usize) -> (String, Vec<u32>, Vec<i16>) {
        let mut sound = vec![0; limits::samples(60, rate_hz)];
        for &(key, ms) in presses {
            let count = limits::samples(ms, rate_hz);
            let mut tones = vec![0; count];
            Press::new(Key::of_character(key).unwrap(), ms, rate_hz).fill(&mut tones);
            sound.extend(tones);
            sound.extend(vec![0; limits::samples(60, rate_hz)]);
            sound.extend(vowel(limits::samples(300, rate_hz), rate_hz));
            sound.extend(vec![0; limits::samples(60, rate_hz)]);
        }
        let mut filter = KeyFilter::new(rate_hz, true).unwrap();
        let (mut keys, mut lengths, mut left) = (String::new(), Vec::new(), Vec::new());
        for (index, packet) in sound.chunks_mut(limits::samples(20, rate_hz)).enumerate() {
            match index % lost {
                1 => filter.pass_over(packet),
                _ => filter.filter(packet),
            }
            while let Some(change) = filter.poll() {
                match change {
                    KeyChange::Began(key) => keys.push(key.character()),
                    KeyChange::Ended(_, ms) => lengths.push(ms),
                }
            }
            left.extend_from_slice(packet);
        }
        (keys, lengths, left)
    }

    #[test]
    fn keys_are_told_once_with_their_length_and_not_heard_again() {
        for rate_hz in [8_000, 16_000, 48_000] {
            let presses = [('1', 60), ('1', 60), ('#', 1_500), ('D', 100), ('0', 50)];
            let (keys, lengths, left) = heard(rate_hz, &presses, usize::MAX);
            assert_eq!(keys, "11#D0", "{rate_hz}");
            for (length, (_, ms)) in lengths.iter().zip(presses) {
                assert!(length.abs_diff(ms) <= 12, "{rate_hz}: {length} of {ms}");
            }
            // Who hears what is left, hears no key, and the voice all the same.
            let mut filter = KeyFilter::new(rate_hz, false).unwrap();
            let mut again = left.clone();
            for packet in again.chunks_mut(limits::samples(20, rate_hz)) {
                filter.filter(packet);
                assert_eq!(filter.poll(), None, "{rate_hz}");
            }
            assert_eq!(again, left);
            let loud = |samples: &[i16]| samples.iter().filter(|sample| sample.unsigned_abs() > 300).count();
            let voice = loud(&vowel(limits::samples(300, rate_hz), rate_hz)) * presses.len();
            assert!(loud(&left) * 10 > voice * 9, "{rate_hz}: {} of {voice}", loud(&left));
        }
    }

    #[test]
    fn a_lost_packet_neither_ends_a_press_nor_makes_two_of_it() {
        for lost in [3, 4, 5, 7, 11] {
            let (keys, lengths, _) = heard(8_000, &[('5', 400), ('5', 400), ('*', 2_000)], lost);
            assert_eq!(keys, "55*", "every {lost}th is lost");
            assert!(lengths[2].abs_diff(2_000) <= 45, "{lengths:?}");
        }
    }
}

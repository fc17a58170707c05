//! The sound of a key that is pressed.

use super::Key;
use crate::limits::{PRESS_MS_MAX, PRESS_MS_MIN};
use crate::tone::Tone;

/// The lower tone, dBm0; the higher one is 2 dB louder, as lines take more of it (Q.23 lets terminals do so).
const LOW_DBM0: f64 = -10.0;
/// See [`LOW_DBM0`].
const HIGH_DBM0: f64 = -8.0;

/// A source of one press; each call goes on where the former stopped.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Press {
    low: Tone,
    high: Tone,
    left: usize,
}

impl Press {
    /// `key` held for `duration_ms`, cut to what a press may be, at `rate_hz` samples a second.
    pub fn new(key: Key, duration_ms: u32, rate_hz: u32) -> Self {
        let (low_hz, high_hz) = key.frequencies_hz();
        let duration_ms = duration_ms.clamp(PRESS_MS_MIN, PRESS_MS_MAX);
        Self {
            low: Tone::at_rate(low_hz, LOW_DBM0, rate_hz),
            high: Tone::at_rate(high_hz, HIGH_DBM0, rate_hz),
            left: (u64::from(rate_hz) * u64::from(duration_ms) / 1_000) as usize,
        }
    }

    /// Fills `samples`: the tones until the press is over, then silence. Tells how many were tones.
    pub fn fill(&mut self, samples: &mut [i16]) -> usize {
        samples.fill(0);
        let count = self.left.min(samples.len());
        self.low.add_to(&mut samples[..count]);
        self.high.add_to(&mut samples[..count]);
        self.left -= count;
        count
    }

    /// Whether nothing is left of it.
    pub const fn is_over(&self) -> bool {
        self.left == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_signal::tone_in;

    #[test]
    fn both_tones_sound_at_their_levels_for_as_long_as_was_asked_for() {
        for rate in [8_000, 16_000, 48_000] {
            for key in Key::all() {
                let mut press = Press::new(key, 100, rate);
                let mut samples = vec![1; rate as usize / 5];
                let sounding: usize = samples.chunks_mut(rate as usize / 50).map(|frame| press.fill(frame)).sum();
                assert_eq!(sounding, rate as usize / 10);
                assert!(press.is_over());
                let (sound, pause) = samples.split_at(sounding);
                assert!(pause.iter().all(|&sample| sample == 0));
                let (low_hz, high_hz) = key.frequencies_hz();
                for (frequency, level) in [(low_hz, LOW_DBM0), (high_hz, HIGH_DBM0)] {
                    let (heard, _) = tone_in(sound, frequency, rate);
                    assert!((heard - level).abs() < 0.6, "{} at {rate}: {heard} for {level}", key.character());
                }
            }
        }
        assert_eq!(Press::new(Key::of_event(1).unwrap(), 0, 8_000).fill(&mut [0; 8_000]), 400);
    }
}

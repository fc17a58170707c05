//! Sine tones: what test signals, progress tones and keys are made of.

use std::f64::consts::TAU;

/// Samples a second where nothing else is said.
const RATE_HZ: u32 = 8_000;
/// The peak of a sine of 0 dBm0 in 16-bit samples: full scale is +3.14 dBm0 (ITU-T G.711, A-law).
const PEAK_AT_0_DBM0: f64 = 32_768.0 * 0.696_626_5; // 10^(-3.14 / 20)

/// A sine that goes on from call to call without a break. Its error stays below a thousandth of a sample's period over
/// days: the phase is kept within one turn.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Tone {
    phase: f64,
    step: f64,
    peak: f64,
}

impl Tone {
    /// A tone of `frequency_hz` (below half the sampling rate, else it folds) at `level_dbm0`, at 8,000 samples a second.
    pub fn new(frequency_hz: f64, level_dbm0: f64) -> Self {
        Self::at_rate(frequency_hz, level_dbm0, RATE_HZ)
    }

    /// The same at `rate_hz` samples a second.
    pub fn at_rate(frequency_hz: f64, level_dbm0: f64, rate_hz: u32) -> Self {
        let step = TAU * frequency_hz / f64::from(rate_hz);
        Self { phase: 0.0, step, peak: PEAK_AT_0_DBM0 * 10f64.powf(level_dbm0 / 20.0) }
    }

    /// Adds the tone to `samples`, clipped at full scale: several tones on a silent frame make a dual tone.
    pub fn add_to(&mut self, samples: &mut [i16]) {
        for sample in samples {
            let sum = f64::from(*sample) + self.peak * self.phase.sin();
            // A cast from a float saturates.
            *sample = sum.round() as i16;
            self.phase += self.step;
            if self.phase >= TAU {
                self.phase -= TAU;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::g711::Law;

    fn dbm0(samples: &[i16]) -> f64 {
        let power = samples.iter().map(|&s| f64::from(s) * f64::from(s)).sum::<f64>() / samples.len() as f64;
        10.0 * (2.0 * power / (PEAK_AT_0_DBM0 * PEAK_AT_0_DBM0)).log10()
    }

    #[test]
    fn the_level_is_what_was_asked_for() {
        for level in [0.0, -10.0, -30.0] {
            let mut samples = [0; 8_000];
            Tone::new(1_004.0, level).add_to(&mut samples);
            assert!((dbm0(&samples) - level).abs() < 0.05, "{} for {level}", dbm0(&samples));
        }
    }

    #[test]
    fn it_goes_on_over_frames_and_adds_up() {
        let mut whole = [0; 1_600];
        Tone::new(350.0, -13.0).add_to(&mut whole);
        Tone::new(440.0, -13.0).add_to(&mut whole);
        let (mut low, mut high) = (Tone::new(350.0, -13.0), Tone::new(440.0, -13.0));
        let mut parts = [0; 1_600];
        for frame in parts.chunks_mut(160) {
            low.add_to(frame);
            high.add_to(frame);
        }
        assert_eq!(whole, parts);
        assert!((dbm0(&whole) - -10.0).abs() < 0.1, "two tones of -13 dBm0 are -10 together");
    }

    #[test]
    fn it_clips_and_survives_companding() {
        let mut samples = [0; 800];
        Tone::new(1_000.0, 20.0).add_to(&mut samples);
        assert_eq!(samples.iter().max(), Some(&i16::MAX));
        let mut samples = [0; 800];
        Tone::new(1_000.0, -10.0).add_to(&mut samples);
        let companded: Vec<i16> = samples.iter().map(|&s| Law::Mu.decode(Law::Mu.encode(s))).collect();
        assert!((dbm0(&companded) - -10.0).abs() < 0.1);
    }
}

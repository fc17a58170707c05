//! The ringing tone that a caller hears (ITU-T E.180 §4.4): 425 Hz, a second on and four off, at the level recommended there.

use crate::g711::Law;
use crate::limits;
use crate::tone::Tone;

/// In the middle of the 400 to 450 Hz that E.180 recommends.
const FREQUENCY_HZ: f64 = 425.0;
/// The recommended power.
const LEVEL_DBM0: f64 = -10.0;
/// Milliseconds of sound: 0.67 to 1.5 s are recommended.
const ON_MS: u32 = 1_000;
/// Milliseconds of sound and pause: the pause is to last 3 to 5 s.
const PERIOD_MS: u32 = 5_000;

/// A source of the ringing tone in samples, for any codec; each call goes on where the former stopped.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RingingTone {
    tone: Tone,
    position: usize,
    on: usize,
    period: usize,
}

impl RingingTone {
    /// At the beginning of the sound, at `rate_hz` samples a second.
    pub fn new(rate_hz: u32) -> Self {
        Self {
            tone: Tone::at_rate(FREQUENCY_HZ, LEVEL_DBM0, rate_hz),
            position: 0,
            on: limits::samples(ON_MS, rate_hz),
            period: limits::samples(PERIOD_MS, rate_hz).max(1),
        }
    }

    /// Fills `samples`.
    pub fn fill(&mut self, samples: &mut [i16]) {
        let mut rest = samples;
        while !rest.is_empty() {
            let is_on = self.position < self.on;
            let end = if is_on { self.on } else { self.period };
            let (part, behind) = rest.split_at_mut(rest.len().min(end - self.position));
            part.fill(0);
            if is_on {
                self.tone.add_to(part);
            }
            self.position = (self.position + part.len()) % self.period;
            rest = behind;
        }
    }
}

/// The same in octets of G.711.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Ringback {
    law: Law,
    tone: RingingTone,
}

impl Ringback {
    /// At the beginning of the sound.
    pub fn new(law: Law) -> Self {
        Self { law, tone: RingingTone::new(8_000) }
    }

    /// Fills `octets`, one a sample.
    pub fn fill(&mut self, octets: &mut [u8]) {
        let mut samples = [0; 160];
        for part in octets.chunks_mut(samples.len()) {
            let samples = &mut samples[..part.len()];
            self.tone.fill(samples);
            self.law.encode_into(samples, part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ON: usize = 8_000;
    const PERIOD: usize = 40_000;

    #[test]
    fn a_second_of_425_hz_and_four_of_silence_again_and_again() {
        for law in [Law::Mu, Law::A] {
            let mut ringback = Ringback::new(law);
            let mut octets = vec![0; 2 * PERIOD];
            for frame in octets.chunks_mut(160) {
                ringback.fill(frame);
            }
            let (sound, pause) = octets[..PERIOD].split_at(ON);
            assert!(pause.iter().all(|&octet| octet == law.silence()));
            let samples: Vec<f64> = sound.iter().map(|&octet| f64::from(law.decode(octet))).collect();
            let crossings = samples.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
            assert!((424..=425).contains(&crossings), "{crossings}");
            let power = samples.iter().map(|sample| sample * sample).sum::<f64>() / samples.len() as f64;
            let level = 10.0 * (power / (law.peak() * law.peak() / 2.0)).log10() + law.peak_dbm0();
            assert!((level - LEVEL_DBM0).abs() < 0.1, "{level}");
            let loud = |octets: &[u8]| octets.iter().filter(|&&octet| law.decode(octet).abs() > 100).count();
            assert_eq!(loud(&octets[..PERIOD]) / 100, loud(&octets[PERIOD..]) / 100);
        }
    }

    #[test]
    fn it_sounds_alike_at_every_rate_and_in_frames_of_any_length() {
        for rate in [8_000, 16_000, 44_100, 48_000] {
            let mut whole = vec![1; rate as usize * 6];
            RingingTone::new(rate).fill(&mut whole);
            let mut tone = RingingTone::new(rate);
            let mut parts = vec![1; rate as usize * 6];
            parts.chunks_mut(777).for_each(|frame| tone.fill(frame));
            assert_eq!(parts, whole);
            let second = rate as usize;
            assert!(whole[second..5 * second].iter().all(|&sample| sample == 0));
            for sound in [&whole[..second], &whole[5 * second..]] {
                let (level, purity) = crate::test_signal::tone_in(sound, FREQUENCY_HZ, rate);
                assert!((level - LEVEL_DBM0).abs() < 0.1 && purity > 50.0, "{rate}: {level} dBm0, {purity} dB");
            }
        }
    }
}

//! The ringing tone that a caller hears (ITU-T E.180 §4.4): 425 Hz, a second on and four off, at the level recommended there.

use crate::g711::Law;
use crate::tone::Tone;

/// In the middle of the 400 to 450 Hz that E.180 recommends.
const FREQUENCY_HZ: f64 = 425.0;
/// The recommended power.
const LEVEL_DBM0: f64 = -10.0;
/// Samples of sound: 0.67 to 1.5 s are recommended.
const ON: u32 = 8_000;
/// Samples of sound and pause: the pause is to last 3 to 5 s.
const PERIOD: u32 = 40_000;

/// A source of the ringing tone; each call goes on where the former stopped.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Ringback {
    law: Law,
    tone: Tone,
    position: u32,
}

impl Ringback {
    /// At the beginning of the sound.
    pub fn new(law: Law) -> Self {
        Self { law, tone: Tone::new(FREQUENCY_HZ, LEVEL_DBM0), position: 0 }
    }

    /// Fills `octets`, one a sample.
    pub fn fill(&mut self, octets: &mut [u8]) {
        for octet in octets {
            *octet = self.law.silence();
            if self.position < ON {
                let mut sample = [0];
                self.tone.add_to(&mut sample);
                *octet = self.law.encode(sample[0]);
            }
            self.position = (self.position + 1) % PERIOD;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_of_425_hz_and_four_of_silence_again_and_again() {
        for law in [Law::Mu, Law::A] {
            let mut ringback = Ringback::new(law);
            let mut octets = vec![0; 2 * PERIOD as usize];
            for frame in octets.chunks_mut(160) {
                ringback.fill(frame);
            }
            let (sound, pause) = octets[..PERIOD as usize].split_at(ON as usize);
            assert!(pause.iter().all(|&octet| octet == law.silence()));
            let samples: Vec<f64> = sound.iter().map(|&octet| f64::from(law.decode(octet))).collect();
            let crossings = samples.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
            assert!((424..=425).contains(&crossings), "{crossings}");
            let power = samples.iter().map(|sample| sample * sample).sum::<f64>() / samples.len() as f64;
            let level = 10.0 * (power / (law.peak() * law.peak() / 2.0)).log10() + law.peak_dbm0();
            assert!((level - LEVEL_DBM0).abs() < 0.1, "{level}");
            let loud = |octets: &[u8]| octets.iter().filter(|&&octet| law.decode(octet).abs() > 100).count();
            assert_eq!(loud(&octets[..PERIOD as usize]) / 100, loud(&octets[PERIOD as usize..]) / 100);
        }
    }
}

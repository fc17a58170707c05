//! The digital milliwatt (ITU-T G.711 §4, tables 5 and 6): a periodic sequence of character signals that decodes to a sine
//! of 1 kHz at 0 dBm0. It is the definition of the level, so it is not computed.

use crate::g711::Law;

/// The samples of a period.
const PERIOD: usize = 8;
/// Table 6.
const MU: [u8; PERIOD] = [0x1e, 0x0b, 0x0b, 0x1e, 0x9e, 0x8b, 0x8b, 0x9e];
/// Table 5.
const A: [u8; PERIOD] = [0x34, 0x21, 0x21, 0x34, 0xb4, 0xa1, 0xa1, 0xb4];

/// A source of the digital milliwatt; each call goes on where the former stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Milliwatt {
    law: Law,
    phase: u8,
}

impl Milliwatt {
    /// At the beginning of a period.
    pub const fn new(law: Law) -> Self {
        Self { law, phase: 0 }
    }

    /// Fills `octets`, one a sample.
    pub fn fill(&mut self, octets: &mut [u8]) {
        let period = match self.law {
            Law::Mu => &MU,
            Law::A => &A,
        };
        for octet in octets {
            *octet = period[usize::from(self.phase)];
            self.phase = (self.phase + 1) % PERIOD as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_level_is_zero_dbm0_and_its_frequency_1_khz() {
        for law in [Law::Mu, Law::A] {
            let mut octets = [0; 800];
            Milliwatt::new(law).fill(&mut octets);
            let samples: Vec<f64> = octets.iter().map(|&octet| f64::from(law.decode(octet))).collect();
            let power = samples.iter().map(|sample| sample * sample).sum::<f64>() / samples.len() as f64;
            let full = law.peak() * law.peak() / 2.0;
            let dbm0 = 10.0 * (power / full).log10() + law.peak_dbm0();
            assert!(dbm0.abs() < 0.1, "{law:?}: {dbm0} dBm0");
            let turns = samples.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] > 0.0).count();
            assert!((99..=100).contains(&turns), "{turns} periods in 100 ms");
        }
    }

    #[test]
    fn frames_join_without_a_break() {
        let (mut whole, mut parts) = ([0; 30], [0; 30]);
        Milliwatt::new(Law::A).fill(&mut whole);
        let mut source = Milliwatt::new(Law::A);
        let (first, second) = parts.split_at_mut(13);
        source.fill(first);
        source.fill(second);
        assert_eq!(whole, parts);
    }
}

//! L16: linear samples of 16 bits in network byte order (RFC 3551 §4.5.11).

use crate::coder::{Decoder, Encoded, Encoder, Fault, front};

/// Its rate and channels, which are those of the RTP clock. It codes a stream without a memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Linear {
    clock_rate_hz: u32,
    channels: u8,
}

impl Linear {
    /// One or two channels at a rate that sound is resampled from.
    pub fn new(clock_rate_hz: u32, channels: u8) -> Option<Self> {
        let served = [8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000].contains(&clock_rate_hz);
        (served && (1..=2).contains(&channels)).then_some(Self { clock_rate_hz, channels })
    }

    /// Samples a second.
    pub const fn clock_rate_hz(self) -> u32 {
        self.clock_rate_hz
    }

    /// One, or two that are mixed when read and alike when written.
    pub const fn channels(self) -> u8 {
        self.channels
    }
}

impl Decoder for Linear {
    fn decode(&mut self, payload: &[u8], samples: &mut [i16]) -> Result<usize, Fault> {
        let width = 2 * usize::from(self.channels);
        if !payload.len().is_multiple_of(width) {
            return Err(Fault::Malformed);
        }
        let samples = front(samples, payload.len() / width)?;
        let number = |octets: &[u8]| i16::from_be_bytes([octets[0], octets[1]]);
        if self.channels == 1 {
            samples.iter_mut().zip(payload.chunks_exact(2)).for_each(|(sample, octets)| *sample = number(octets));
        } else {
            for (sample, octets) in samples.iter_mut().zip(payload.chunks_exact(4)) {
                *sample = ((i32::from(number(octets)) + i32::from(number(&octets[2..]))) >> 1) as i16;
            }
        }
        Ok(samples.len())
    }
}

impl Encoder for Linear {
    fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> Result<Encoded, Fault> {
        let width = 2 * usize::from(self.channels);
        let payload = payload.get_mut(..samples.len() * width).ok_or(Fault::Room)?;
        for (octets, sample) in payload.chunks_exact_mut(width).zip(samples) {
            octets.chunks_exact_mut(2).for_each(|channel| channel.copy_from_slice(&sample.to_be_bytes()));
        }
        Ok(Encoded::Payload(payload.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_big_endian_and_two_channels_are_mixed() {
        let mut mono = Linear::new(16_000, 1).unwrap();
        let mut octets = [0; 4];
        assert_eq!(mono.encode(&[0x0102, -2], &mut octets), Ok(Encoded::Payload(4)));
        assert_eq!(octets, [1, 2, 0xff, 0xfe]);
        let mut samples = [0; 2];
        assert_eq!(mono.decode(&octets, &mut samples), Ok(2));
        assert_eq!(samples, [0x0102, -2]);
        let mut stereo = Linear::new(44_100, 2).unwrap();
        assert_eq!(stereo.decode(&octets, &mut samples), Ok(1));
        assert_eq!(samples[0], (0x0102 - 2) / 2);
        let mut octets = [0; 4];
        assert_eq!(stereo.encode(&[-32_768], &mut octets), Ok(Encoded::Payload(4)));
        assert_eq!(octets, [0x80, 0, 0x80, 0]);
        assert_eq!(stereo.decode(&octets, &mut samples), Ok(1));
        assert_eq!(samples[0], -32_768, "the sum of the loudest does not wrap");
    }

    #[test]
    fn half_a_sample_is_malformed_and_odd_rates_are_not_served() {
        assert_eq!(Linear::new(8_000, 1).unwrap().decode(&[1, 2, 3], &mut [0; 4]), Err(Fault::Malformed));
        assert_eq!(Linear::new(8_000, 2).unwrap().decode(&[1, 2, 3, 4, 5, 6], &mut [0; 4]), Err(Fault::Malformed));
        assert_eq!((Linear::new(12_345, 1), Linear::new(8_000, 3), Linear::new(8_000, 0)), (None, None, None));
    }
}

//! ITU-T G.711: pulse code modulation of voice frequencies, 8,000 samples a second, one octet a sample.
//!
//! Samples are 16-bit linear; µ-law's 14 and A-law's 13 bits lie in their upper ones, as everybody has it.

use crate::coder::{Decoder, Encoded, Encoder, Fault, front};

/// The companding law: it codes a stream without a memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Law {
    /// µ-law (G.711 table 2): North America, Japan; RTP payload type 0, `PCMU`.
    Mu,
    /// A-law (G.711 table 1): everywhere else; RTP payload type 8, `PCMA`.
    A,
}

impl Law {
    /// The law of an RTP encoding name (RFC 3551 §4.5.14), without regard to case.
    pub fn of_encoding_name(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("PCMU") {
            Some(Self::Mu)
        } else if name.eq_ignore_ascii_case("PCMA") {
            Some(Self::A)
        } else {
            None
        }
    }

    /// One sample to its octet.
    pub const fn encode(self, sample: i16) -> u8 {
        match self {
            Self::Mu => encode_mu(sample),
            Self::A => encode_a(sample),
        }
    }

    /// One octet to its sample.
    pub const fn decode(self, octet: u8) -> i16 {
        match self {
            Self::Mu => DECODE_MU[octet as usize],
            Self::A => DECODE_A[octet as usize],
        }
    }

    /// Encodes as many samples as both slices hold; returns how many.
    pub fn encode_into(self, samples: &[i16], octets: &mut [u8]) -> usize {
        match self {
            Self::Mu => octets.iter_mut().zip(samples).for_each(|(octet, &sample)| *octet = encode_mu(sample)),
            Self::A => octets.iter_mut().zip(samples).for_each(|(octet, &sample)| *octet = encode_a(sample)),
        }
        samples.len().min(octets.len())
    }

    /// Decodes as many octets as both slices hold; returns how many.
    pub fn decode_into(self, octets: &[u8], samples: &mut [i16]) -> usize {
        let table = match self {
            Self::Mu => &DECODE_MU,
            Self::A => &DECODE_A,
        };
        for (sample, &octet) in samples.iter_mut().zip(octets) {
            *sample = table[usize::from(octet)];
        }
        samples.len().min(octets.len())
    }

    /// The octet of the smallest positive value: what silence is made of.
    pub const fn silence(self) -> u8 {
        self.encode(0)
    }

    /// The peak of the loudest sine that the law can carry, in 16-bit samples: +3.17 dBm0 in µ-law, +3.14 dBm0 in A-law
    /// (G.711 §2 and its tables 5 and 6, note).
    pub const fn peak(self) -> f64 {
        match self {
            // 8,159 of 14 bits; 4,096 of 13 bits.
            Self::Mu => 8_159.0 * 4.0,
            Self::A => 4_096.0 * 8.0,
        }
    }

    /// The level of that sine in dBm0.
    #[expect(clippy::approx_constant, reason = "the level of the recommendation, no circle")]
    pub const fn peak_dbm0(self) -> f64 {
        match self {
            Self::Mu => 3.17,
            Self::A => 3.14,
        }
    }
}

impl Decoder for Law {
    fn decode(&mut self, payload: &[u8], samples: &mut [i16]) -> Result<usize, Fault> {
        Ok(self.decode_into(payload, front(samples, payload.len())?))
    }
}

impl Encoder for Law {
    fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> Result<Encoded, Fault> {
        let payload = payload.get_mut(..samples.len()).ok_or(Fault::Room)?;
        Ok(Encoded::Payload(self.encode_into(samples, payload)))
    }
}

/// What is added to a magnitude so that every segment begins at a power of two: 33 of 14 bits.
const MU_BIAS: i32 = 33 << 2;
/// The largest magnitude that stays within the last segment: 8,158 of 14 bits.
const MU_CLIP: i32 = 8_158 << 2;

/// A float's exponent and the four upper bits of its mantissa are the segment and the step that companding looks for: seven less
/// than the exponent is the first segment. So there is neither a branch nor a count of zeros in it, and a compiler makes of
/// a loop of these what it makes of any arithmetic.
const fn segment_and_step(magnitude: i32) -> i32 {
    ((magnitude as f32).to_bits() >> 19) as i32 - ((127 + 7) << 4)
}

/// G.711 table 2, all bits inverted.
const fn encode_mu(sample: i16) -> u8 {
    let sample = sample as i32;
    let sign = (sample >> 31) & 0x80;
    let magnitude = if sample < 0 { -sample } else { sample };
    let biased = if magnitude > MU_CLIP { MU_CLIP } else { magnitude } + MU_BIAS;
    !(sign | segment_and_step(biased)) as u8
}

const fn decode_mu(octet: u8) -> i16 {
    let octet = !octet;
    let segment = ((octet >> 4) & 7) as i32;
    let magnitude = ((((octet & 0x0f) as i32) << 3) + MU_BIAS) << segment;
    let sample = magnitude - MU_BIAS;
    (if octet & 0x80 != 0 { -sample } else { sample }) as i16
}

/// G.711 table 1, even bits inverted.
const fn encode_a(sample: i16) -> u8 {
    let sample = sample as i32;
    // Negative values are mirrored on the decision value next to zero: -1 belongs to the same step as 0.
    let magnitude = sample ^ (sample >> 31);
    let sign = !(sample >> 31) & 0x80;
    // The first two segments have steps of 16; the second one is the first of those that double.
    let coded = if magnitude < 256 { magnitude >> 4 } else { segment_and_step(magnitude) };
    (sign | coded) as u8 ^ 0x55
}

const fn decode_a(octet: u8) -> i16 {
    let octet = octet ^ 0x55;
    let segment = ((octet >> 4) & 7) as i32;
    let step = (octet & 0x0f) as i32;
    let magnitude = match segment {
        0 => (step << 1) | 1,
        _ => ((step << 1) | 0x21) << (segment - 1),
    };
    let sample = magnitude << 3;
    (if octet & 0x80 != 0 { sample } else { -sample }) as i16
}

static DECODE_MU: [i16; 256] = table(Law::Mu);
static DECODE_A: [i16; 256] = table(Law::A);

const fn table(law: Law) -> [i16; 256] {
    let mut samples = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        samples[octet] = match law {
            Law::Mu => decode_mu(octet as u8),
            Law::A => decode_a(octet as u8),
        };
        octet += 1;
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_survives_decoding_and_encoding() {
        for law in [Law::Mu, Law::A] {
            for octet in 0..=255u8 {
                let again = law.encode(law.decode(octet));
                // µ-law has two zeros; the positive one is sent.
                let expected = if law == Law::Mu && octet == 0x7f { 0xff } else { octet };
                assert_eq!(again, expected, "{law:?} {octet:#04x}");
            }
        }
    }

    #[test]
    fn values_of_the_recommendation() {
        // Table 2a: the decoder output values 8,031 and 0 of 14 bits, and the first of each segment.
        for (octet, of_14_bits) in [
            (0x80, 8_031),
            (0x8f, 4_191),
            (0x9f, 2_079),
            (0xaf, 1_023),
            (0xbf, 495),
            (0xcf, 231),
            (0xdf, 99),
            (0xef, 33),
            (0xfe, 2),
            (0xff, 0),
        ] {
            assert_eq!(Law::Mu.decode(octet), of_14_bits * 4, "{octet:#04x}");
            assert_eq!(Law::Mu.decode(octet & 0x7f), -of_14_bits * 4, "{octet:#04x}");
        }
        // Table 1a: 4,032 … 1 of 13 bits; character signals with even bits inverted.
        for (octet, of_13_bits) in [
            (0xff ^ 0x55, 4_032),
            (0xf0 ^ 0x55, 2_112),
            (0xe0 ^ 0x55, 1_056),
            (0xd0 ^ 0x55, 528),
            (0xc0 ^ 0x55, 264),
            (0xb0 ^ 0x55, 132),
            (0xa0 ^ 0x55, 66),
            (0x90 ^ 0x55, 33),
            (0x80 ^ 0x55, 1),
        ] {
            assert_eq!(Law::A.decode(octet), of_13_bits * 8, "{octet:#04x}");
            assert_eq!(Law::A.decode(octet & 0x7f | !octet & 0x80), -of_13_bits * 8, "{octet:#04x}");
        }
    }

    #[test]
    fn each_sample_goes_to_the_nearest_value_within_its_step() {
        for law in [Law::Mu, Law::A] {
            for sample in i16::MIN..=i16::MAX {
                let decoded = i32::from(law.decode(law.encode(sample)));
                let sample = i32::from(sample);
                // Half a step of the segment; beyond the last decision value everything is clipped.
                let step = (sample.abs() / 16).max(16);
                let clipped = sample.abs() > 32_000;
                assert!((decoded - sample).abs() <= step || clipped, "{law:?} {sample} became {decoded}");
            }
        }
    }

    #[test]
    fn extremes_and_silence() {
        assert_eq!((Law::Mu.encode(i16::MAX), Law::Mu.encode(i16::MIN)), (0x80, 0x00));
        assert_eq!((Law::A.encode(i16::MAX), Law::A.encode(i16::MIN)), (0xaa, 0x2a));
        assert_eq!((Law::Mu.silence(), Law::A.silence()), (0xff, 0xd5));
        assert_eq!(Law::of_encoding_name("pcma"), Some(Law::A));
        assert_eq!(Law::of_encoding_name("G722"), None);
    }

    #[test]
    fn slices_are_coded_as_far_as_both_reach() {
        let samples = [0, 1_000, -1_000, 32_000];
        let mut octets = [0; 3];
        assert_eq!(Law::A.encode_into(&samples, &mut octets), 3);
        let mut decoded = [0; 8];
        assert_eq!(Law::A.decode_into(&octets, &mut decoded), 3);
        assert_eq!(decoded[1], Law::A.decode(Law::A.encode(1_000)));
    }
}

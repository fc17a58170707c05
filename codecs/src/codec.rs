//! The directory of codecs: how each is named in SDP, what its packets look like, and what codes it.

use crate::coder::{Decoder, Encoder, Fault};
use crate::g711::Law;
use crate::g726::Packing;
use crate::l16::Linear;
use crate::limits::{PACKET_MS_MAX, SAMPLE_RATE_HZ_MAX, SAMPLE_RATE_HZ_MIN};
use crate::{g722, g726, gsm, opus};

/// A codec with what was negotiated for it.
///
/// ```
/// use codecs::{Codec, Encoded};
///
/// let codec = Codec::of("G722", 8_000, 1, "").expect("a codec that is served");
/// let rate = codec.sample_rate_hz(48_000);
/// assert_eq!((rate, codec.clock_rate_hz()), (16_000, 8_000));
/// let mut encoder = codec.encoder(rate)?;
/// let mut payload = [0; 160];
/// let samples = vec![0; codec.packet_samples(20, rate)];
/// assert_eq!(encoder.encode(&samples, &mut payload)?, Encoded::Payload(160));
/// # Ok::<(), codecs::Fault>(())
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Codec {
    /// `PCMU` and `PCMA`.
    G711(Law),
    /// `L16`.
    L16(Linear),
    /// `G722`, 64 kbit/s.
    G722,
    /// `G726-32` and `AAL2-G726-32`.
    G726(Packing),
    /// `GSM`, full rate.
    Gsm,
    /// `opus`, with what its receiver asks for.
    Opus(opus::Parameters),
    /// `G729`, with or without annex A: they read each other.
    #[cfg(feature = "g729")]
    G729,
}

impl Codec {
    /// The codec of an `rtpmap` (name without regard to case) and its `fmtp`; `None` for one that is not served.
    pub fn of(name: &str, clock_rate_hz: u32, channels: u8, parameters: &str) -> Option<Self> {
        let narrow = clock_rate_hz == 8_000 && channels == 1;
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is("L16") {
            return Linear::new(clock_rate_hz, channels).map(Self::L16);
        }
        if is("opus") {
            // RFC 7587 §7: always 48000/2, whatever is sent. Who leaves the channels out is understood all the same.
            return (clock_rate_hz == 48_000 && channels <= 2).then(|| Self::Opus(opus::Parameters::parse(parameters)));
        }
        if !narrow {
            return None;
        }
        match () {
            () if is("G722") => Some(Self::G722),
            () if is("G726-32") => Some(Self::G726(Packing::LittleEndian)),
            () if is("AAL2-G726-32") => Some(Self::G726(Packing::Aal2)),
            () if is("GSM") => Some(Self::Gsm),
            #[cfg(feature = "g729")]
            () if is("G729") => Some(Self::G729),
            () => Law::of_encoding_name(name).map(Self::G711),
        }
    }

    /// The encoding name of its `rtpmap`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::G711(Law::Mu) => "PCMU",
            Self::G711(Law::A) => "PCMA",
            Self::L16(_) => "L16",
            Self::G722 => "G722",
            Self::G726(Packing::LittleEndian) => "G726-32",
            Self::G726(Packing::Aal2) => "AAL2-G726-32",
            Self::Gsm => "GSM",
            Self::Opus(_) => "opus",
            #[cfg(feature = "g729")]
            Self::G729 => "G729",
        }
    }

    /// Its static payload type (RFC 3551 §6), if it has one. G726-32 had 2, which RFC 3551 reserves since both packings used it.
    pub fn payload_type(&self) -> Option<u8> {
        match self {
            Self::G711(Law::Mu) => Some(0),
            Self::Gsm => Some(3),
            Self::G711(Law::A) => Some(8),
            Self::G722 => Some(9),
            Self::L16(linear) if linear.clock_rate_hz() == 44_100 => Some(if linear.channels() == 2 { 10 } else { 11 }),
            #[cfg(feature = "g729")]
            Self::G729 => Some(18),
            Self::L16(_) | Self::G726(_) | Self::Opus(_) => None,
        }
    }

    /// Ticks of its RTP timestamps a second.
    pub const fn clock_rate_hz(&self) -> u32 {
        match self {
            Self::L16(linear) => linear.clock_rate_hz(),
            Self::Opus(_) => 48_000,
            // G.722 too, by a mistake of RFC 1890 that RFC 3551 §4.5.2 keeps.
            _ => 8_000,
        }
    }

    /// Samples a second that the codec is best run at when its sound comes from, or goes to, something that has `beside_hz`. Most
    /// have but one rate; Opus takes the other one's, which spares a resampler.
    pub fn sample_rate_hz(&self, beside_hz: u32) -> u32 {
        match self {
            Self::L16(linear) => linear.clock_rate_hz(),
            Self::G722 => 16_000,
            Self::Opus(_) => opus::rate_beside(beside_hz),
            _ => 8_000,
        }
    }

    /// Whether its decoder fills gaps itself.
    pub const fn conceals(&self) -> bool {
        match self {
            Self::Opus(_) => true,
            #[cfg(feature = "g729")]
            Self::G729 => true,
            _ => false,
        }
    }

    /// The smallest stretch that the codec codes, in samples at `rate_hz`: what lost time is a multiple of.
    pub const fn frame_samples(&self, rate_hz: u32) -> usize {
        match self {
            Self::G711(_) | Self::L16(_) => 1,
            Self::G722 | Self::G726(_) => 2,
            Self::Gsm => gsm::FRAME_SAMPLES,
            // 2.5 ms.
            Self::Opus(_) => (rate_hz / 400) as usize,
            #[cfg(feature = "g729")]
            Self::G729 => crate::g729::FRAME_SAMPLES,
        }
    }

    /// The samples of a packet when `packet_ms` are asked for (`ptime`): the most that the codec packs within that time, at least one
    /// frame of it; 60 ms at most. So GSM makes 20 ms of 10 and of 30, and Opus 20 ms of 30.
    pub fn packet_samples(&self, packet_ms: u32, rate_hz: u32) -> usize {
        let packet_ms = packet_ms.clamp(1, PACKET_MS_MAX);
        if let Self::Opus(_) = self {
            // RFC 6716 §2.1.4. The encoder makes one frame a packet.
            let fits = [60, 40, 20, 10].into_iter().find(|&frame_ms| frame_ms <= packet_ms).unwrap_or(10);
            return (rate_hz / 1_000 * fits) as usize;
        }
        let frame = self.frame_samples(rate_hz);
        let asked = (u64::from(rate_hz) * u64::from(packet_ms) / 1_000) as usize;
        (asked / frame).max(1) * frame
    }

    /// Samples at `rate_hz` of so many ticks of its RTP clock.
    pub fn samples_of(&self, ticks: u32, rate_hz: u32) -> usize {
        (u64::from(ticks) * u64::from(rate_hz) / u64::from(self.clock_rate_hz())) as usize
    }

    /// Ticks of its RTP clock of so many samples at `rate_hz`.
    pub fn ticks_of(&self, samples: usize, rate_hz: u32) -> u32 {
        (samples as u64 * u64::from(self.clock_rate_hz()) / u64::from(rate_hz.max(1))) as u32
    }

    /// What reads a stream of it, into samples at `rate_hz` (see [`Self::sample_rate_hz`]).
    pub fn decoder(&self, rate_hz: u32) -> Result<Box<dyn Decoder>, Fault> {
        self.check(rate_hz)?;
        Ok(match self {
            Self::G711(law) => Box::new(*law),
            Self::L16(linear) => Box::new(*linear),
            Self::G722 => Box::new(g722::G722Decoder::new()?),
            Self::G726(packing) => Box::new(g726::G726::new(*packing)?),
            Self::Gsm => Box::new(gsm::Gsm::new()?),
            Self::Opus(_) => Box::new(opus::OpusDecoder::new(rate_hz)?),
            #[cfg(feature = "g729")]
            Self::G729 => Box::new(crate::g729::G729Decoder::new()),
        })
    }

    /// What makes a stream of it, of samples at `rate_hz`.
    pub fn encoder(&self, rate_hz: u32) -> Result<Box<dyn Encoder>, Fault> {
        self.check(rate_hz)?;
        Ok(match self {
            Self::G711(law) => Box::new(*law),
            Self::L16(linear) => Box::new(*linear),
            Self::G722 => Box::new(g722::G722Encoder::new()?),
            Self::G726(packing) => Box::new(g726::G726::new(*packing)?),
            Self::Gsm => Box::new(gsm::Gsm::new()?),
            Self::Opus(parameters) => Box::new(opus::OpusEncoder::new(rate_hz, parameters)?),
            #[cfg(feature = "g729")]
            Self::G729 => Box::new(crate::g729::G729Encoder::new()),
        })
    }

    fn check(&self, rate_hz: u32) -> Result<(), Fault> {
        let served = (SAMPLE_RATE_HZ_MIN..=SAMPLE_RATE_HZ_MAX).contains(&rate_hz);
        if served && self.sample_rate_hz(rate_hz) == rate_hz { Ok(()) } else { Err(Fault::Unsupported) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coder::Encoded;
    use crate::limits::{PAYLOAD_OCTETS_MAX, PAYLOAD_SAMPLES_MAX};

    /// Every codec that there is.
    pub(crate) fn all() -> Vec<Codec> {
        let names = [
            ("PCMU", 8_000, 1),
            ("pcma", 8_000, 1),
            ("L16", 8_000, 1),
            ("L16", 16_000, 1),
            ("L16", 44_100, 2),
            ("L16", 48_000, 1),
            ("G722", 8_000, 1),
            ("G726-32", 8_000, 1),
            ("AAL2-G726-32", 8_000, 1),
            ("GSM", 8_000, 1),
            ("opus", 48_000, 2),
            #[cfg(feature = "g729")]
            ("G729", 8_000, 1),
        ];
        names.into_iter().map(|(name, rate, channels)| Codec::of(name, rate, channels, "").expect(name)).collect()
    }

    #[test]
    fn names_and_clocks_are_those_of_rfc_3551_and_7587() {
        for codec in all() {
            let channels = match codec {
                Codec::Opus(_) => 2,
                Codec::L16(linear) => linear.channels(),
                _ => 1,
            };
            assert_eq!(Codec::of(codec.name(), codec.clock_rate_hz(), channels, ""), Some(codec));
        }
        for (name, rate, channels) in
            [("G722", 16_000, 1), ("PCMU", 8_000, 2), ("PCMU", 16_000, 1), ("opus", 48_000, 3), ("iLBC", 8_000, 1)]
        {
            assert_eq!(Codec::of(name, rate, channels, ""), None, "{name}/{rate}/{channels}");
        }
        let numbers: Vec<_> = all().iter().filter_map(Codec::payload_type).collect();
        assert_eq!(numbers[..5], [0, 8, 10, 9, 3]);
    }

    #[test]
    fn packets_are_whole_frames_and_never_longer_than_asked_for() {
        for codec in all() {
            for rate in [8_000, 16_000, 24_000, 48_000].map(|beside| codec.sample_rate_hz(beside)) {
                for packet_ms in 0..=200 {
                    let samples = codec.packet_samples(packet_ms, rate);
                    assert_eq!(samples % codec.frame_samples(rate), 0, "{codec:?} {packet_ms}");
                    let ms = samples as f64 * 1_000.0 / f64::from(rate);
                    assert!(ms <= f64::from(packet_ms) || ms <= 20.0, "{codec:?} {packet_ms}: {ms}");
                    assert!(ms <= f64::from(PACKET_MS_MAX));
                }
            }
        }
        let opus = Codec::of("opus", 48_000, 2, "").unwrap();
        assert_eq!([10, 20, 30, 40, 50, 60].map(|ms| opus.packet_samples(ms, 16_000)), [160, 320, 320, 640, 640, 960]);
        assert_eq!([10, 20, 30, 60].map(|ms| Codec::Gsm.packet_samples(ms, 8_000)), [160, 160, 160, 480]);
        assert_eq!([10, 30].map(|ms| Codec::G722.packet_samples(ms, 16_000)), [160, 480]);
    }

    #[test]
    fn what_is_encoded_is_decoded_to_as_many_samples_of_the_same_sound() {
        for codec in all() {
            for packet_ms in [10, 20, 30, 40, 60] {
                let rate = codec.sample_rate_hz(16_000);
                let mut encoder = codec.encoder(rate).unwrap();
                let mut decoder = codec.decoder(rate).unwrap();
                let count = codec.packet_samples(packet_ms, rate);
                let mut tone = crate::Tone::at_rate(600.0, -10.0, rate);
                let (mut payload, mut samples) = (vec![0; PAYLOAD_OCTETS_MAX], vec![0; PAYLOAD_SAMPLES_MAX]);
                let mut heard = Vec::new();
                for _ in 0..600 / packet_ms {
                    let mut sound = vec![0; count];
                    tone.add_to(&mut sound);
                    let Encoded::Payload(octets) = encoder.encode(&sound, &mut payload).unwrap() else {
                        panic!("{codec:?}: a tone is no silence")
                    };
                    assert_eq!(decoder.decode(&payload[..octets], &mut samples), Ok(count), "{codec:?} {packet_ms}");
                    heard.extend_from_slice(&samples[..count]);
                }
                // The last third, settled: the level is right, and it is one tone.
                let settled = &heard[heard.len() * 2 / 3..];
                let (power, purity) = crate::test_signal::tone_in(settled, 600.0, rate);
                assert!((power - -10.0).abs() < 1.0, "{codec:?} {packet_ms} ms: {power} dBm0");
                assert!(purity > 15.0, "{codec:?} {packet_ms} ms: {purity} dB above the rest");
            }
        }
    }

    #[test]
    fn buffers_that_are_too_small_are_told() {
        for codec in all() {
            let rate = codec.sample_rate_hz(8_000);
            let mut encoder = codec.encoder(rate).unwrap();
            let samples = vec![100; codec.packet_samples(20, rate)];
            let mut payload = vec![0; PAYLOAD_OCTETS_MAX];
            assert!(encoder.encode(&samples, &mut payload[..0]).is_err(), "{codec:?}");
            let Ok(Encoded::Payload(octets)) = encoder.encode(&samples, &mut payload) else { panic!("{codec:?}") };
            let mut decoder = codec.decoder(rate).unwrap();
            assert_eq!(
                decoder.decode(&payload[..octets], &mut vec![0; samples.len() - 1]),
                Err(Fault::Room),
                "{codec:?}"
            );
            assert_eq!(decoder.decode(&payload[..octets], &mut vec![0; samples.len()]), Ok(samples.len()), "{codec:?}");
            assert_eq!(codec.decoder(11_111).err(), Some(Fault::Unsupported));
        }
    }
}

//! Making: within what the receiver asked for.

use audiopus::coder::Encoder as Library;
use audiopus::{Application, Bandwidth, Bitrate, Channels};

use super::{Parameters, rate};
use crate::coder::{Encoded, Encoder, Fault};

/// Half of libopus's ten: at speech's bit rates the other half costs twice the time, and is not heard.
const COMPLEXITY: u8 = 5;
/// Until the peer reports its losses: enough that redundancy is sent at all where it was asked for.
const LOSS_PERCENT_FIRST: u8 = 5;
/// The octets of a frame with which libopus says that nothing needs to be sent (DTX): the table of contents, and no more than a
/// count.
const DTX_OCTETS: usize = 2;

/// Makes a stream of Opus.
pub struct OpusEncoder {
    library: Library,
    dtx: bool,
}

impl OpusEncoder {
    /// At the beginning of a stream, of samples at 8, 12, 16, 24 or 48 kHz.
    pub fn new(rate_hz: u32, parameters: &Parameters) -> Result<Self, Fault> {
        let library = Library::new(rate(rate_hz)?, Channels::Mono, Application::Voip).map_err(|_| Fault::Library)?;
        let mut encoder = Self { library, dtx: parameters.dtx };
        encoder.configure(rate_hz, parameters).map_err(|_| Fault::Library)?;
        Ok(encoder)
    }

    fn configure(&mut self, rate_hz: u32, parameters: &Parameters) -> audiopus::Result<()> {
        let heard_hz = rate_hz.min(parameters.max_playback_rate_hz);
        // RFC 7587 §3.1.1, the upper end of each bandwidth of speech, in frames of 20 ms.
        let (bandwidth, sweet_spot) = match heard_hz {
            hz if hz <= 8_000 => (Bandwidth::Narrowband, 12_000),
            hz if hz <= 12_000 => (Bandwidth::Mediumband, 16_000),
            hz if hz <= 16_000 => (Bandwidth::Wideband, 24_000),
            hz if hz <= 24_000 => (Bandwidth::Superwideband, 32_000),
            _ => (Bandwidth::Fullband, 40_000),
        };
        // Redundancy is a second, coarser coding of speech: it takes part of the rate, so it is given more.
        let sweet_spot = if parameters.inband_fec { sweet_spot * 4 / 3 } else { sweet_spot };
        let bit_rate = parameters.max_average_bit_rate.map_or(sweet_spot, |most| most.min(sweet_spot));
        let library = &mut self.library;
        library.set_complexity(COMPLEXITY)?;
        library.set_bitrate(Bitrate::BitsPerSecond(bit_rate as i32))?;
        library.set_max_bandwidth(bandwidth)?;
        library.set_vbr(!parameters.cbr)?;
        // Within a frame or so of the average: a limit that the receiver set is one that its link has.
        library.set_vbr_constraint(parameters.max_average_bit_rate.is_some())?;
        library.set_inband_fec(parameters.inband_fec)?;
        library.set_packet_loss_perc(if parameters.inband_fec { LOSS_PERCENT_FIRST } else { 0 })?;
        library.set_dtx(parameters.dtx)
    }
}

impl Encoder for OpusEncoder {
    fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> Result<Encoded, Fault> {
        if payload.len() <= DTX_OCTETS {
            return Err(Fault::Room);
        }
        let count = self.library.encode(samples, payload).map_err(|error| match error {
            audiopus::Error::Opus(audiopus::ErrorCode::BadArgument) => Fault::Length,
            audiopus::Error::Opus(audiopus::ErrorCode::BufferTooSmall) => Fault::Room,
            _ => Fault::Library,
        })?;
        Ok(if self.dtx && count <= DTX_OCTETS { Encoded::Nothing } else { Encoded::Payload(count) })
    }

    fn expect_loss(&mut self, percent: u8) {
        // It refuses nothing below a hundred; a rate that is not taken leaves the former.
        let _ = self.library.set_packet_loss_perc(percent.min(100));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_signal::{noise, vowel};

    /// The octets of each frame of 20 ms; 0 where none is sent.
    fn sizes(parameters: &str, rate_hz: u32, sound: &[i16]) -> Vec<usize> {
        let mut encoder = OpusEncoder::new(rate_hz, &Parameters::parse(parameters)).unwrap();
        let mut payload = [0; 1_500];
        sound
            .chunks_exact(rate_hz as usize / 50)
            .map(|frame| match encoder.encode(frame, &mut payload).unwrap() {
                Encoded::Payload(octets) => octets,
                Encoded::Nothing => 0,
            })
            .collect()
    }

    fn bit_rate(sizes: &[usize]) -> usize {
        sizes.iter().sum::<usize>() * 8 * 50 / sizes.len()
    }

    #[test]
    fn the_receiver_s_bit_rate_is_kept_and_cbr_is_constant() {
        let sound = vowel(48_000 * 3, 48_000);
        for asked in [10_000, 16_000, 24_000] {
            let limited = bit_rate(&sizes(&format!("maxaveragebitrate={asked}"), 48_000, &sound));
            assert!(limited <= asked * 11 / 10, "{limited} of {asked}");
        }
        let free = bit_rate(&sizes("", 48_000, &sound));
        assert!((28_000..=48_000).contains(&free), "{free}");
        let constant = sizes("cbr=1;maxaveragebitrate=16000", 48_000, &sound);
        assert!(constant.iter().all(|&octets| octets == 40), "{constant:?}");
    }

    #[test]
    fn silence_is_not_sent_where_the_receiver_takes_dtx() {
        let mut sound = vowel(16_000, 16_000);
        sound.extend(noise(16_000 * 4, 3, 7));
        let with = sizes("usedtx=1", 16_000, &sound);
        let without = sizes("", 16_000, &sound);
        assert!(without.iter().all(|&octets| octets > 0));
        assert!(with[..40].iter().all(|&octets| octets > 0), "speech is sent");
        let silent = with[100..].iter().filter(|&&octets| octets == 0).count();
        assert!(silent * 10 > with[100..].len() * 7, "{silent} of {}", with[100..].len());
    }

    #[test]
    fn a_receiver_of_narrow_band_gets_narrow_band() {
        let sound = vowel(48_000, 48_000);
        let parameters = Parameters::parse("maxplaybackrate=8000");
        let mut encoder = OpusEncoder::new(48_000, &parameters).unwrap();
        let mut payload = [0; 1_500];
        for frame in sound.chunks_exact(960) {
            let Encoded::Payload(octets) = encoder.encode(frame, &mut payload).unwrap() else { panic!("sound") };
            // RFC 6716 §3.1: configurations 0 to 3 are SILK narrowband, 16 to 19 CELT narrowband.
            let configuration = payload[..octets][0] >> 3;
            assert!(matches!(configuration, 0..=3 | 16..=19), "{configuration}");
        }
    }

    #[test]
    fn lengths_that_are_no_frame_are_told() {
        let mut encoder = OpusEncoder::new(16_000, &Parameters::default()).unwrap();
        assert_eq!(encoder.encode(&[0; 333], &mut [0; 1_500]), Err(Fault::Length));
        assert_eq!(encoder.encode(&[0; 320], &mut [0; 2]), Err(Fault::Room));
    }
}

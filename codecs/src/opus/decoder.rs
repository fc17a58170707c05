//! Reading: with libopus's own concealment, and the redundancy of the packet behind a gap.

use audiopus::coder::Decoder as Library;
use audiopus::packet::Packet;
use audiopus::{Channels, MutSignals, packet};

use super::rate;
use crate::coder::{Decoder, Fault};
use crate::limits::PAYLOAD_OCTETS_MAX;

/// Reads a stream of Opus.
pub struct OpusDecoder {
    library: Library,
    rate_hz: u32,
}

impl OpusDecoder {
    /// At the beginning of a stream, into samples at 8, 12, 16, 24 or 48 kHz.
    pub fn new(rate_hz: u32) -> Result<Self, Fault> {
        let library = Library::new(rate(rate_hz)?, Channels::Mono).map_err(|_| Fault::Library)?;
        Ok(Self { library, rate_hz })
    }

    fn samples_in(&self, payload: &[u8]) -> Result<usize, Fault> {
        if payload.len() > PAYLOAD_OCTETS_MAX {
            return Err(Fault::Malformed);
        }
        let packet = Packet::try_from(payload).map_err(|_| Fault::Malformed)?;
        packet::nb_samples(packet, rate(self.rate_hz)?).map_err(|_| Fault::Malformed)
    }
}

impl Decoder for OpusDecoder {
    fn decode(&mut self, payload: &[u8], samples: &mut [i16]) -> Result<usize, Fault> {
        let count = self.samples_in(payload)?;
        if samples.len() < count {
            return Err(Fault::Room);
        }
        let packet = Packet::try_from(payload).map_err(|_| Fault::Malformed)?;
        let output = MutSignals::try_from(samples).map_err(|_| Fault::Room)?;
        self.library.decode(Some(packet), output, false).map_err(|_| Fault::Malformed)
    }

    fn conceal(&mut self, samples: &mut [i16], next: Option<&[u8]>) -> bool {
        let wanted = samples.len();
        // The packet behind the gap may say again what came right before it; libopus invents the rest in front of that, and
        // everything where there is no redundancy in it.
        let next = next.filter(|payload| self.samples_in(payload).is_ok());
        if let Some(packet) = next.and_then(|payload| Packet::try_from(payload).ok())
            && let Ok(output) = MutSignals::try_from(&mut *samples)
            && self.library.decode(Some(packet), output, true) == Ok(wanted)
        {
            return true;
        }
        let Ok(output) = MutSignals::try_from(&mut *samples) else { return false };
        match self.library.decode(None, output, false) {
            Ok(count) if count == wanted => true,
            // No whole number of frames: silence is better than what stood there.
            _ => {
                samples.fill(0);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coder::{Encoded, Encoder};
    use crate::opus::{OpusEncoder, Parameters};
    use crate::test_signal::{dbm0, vowel};

    fn packets(parameters: &str, rate_hz: u32, sound: &[i16]) -> Vec<Vec<u8>> {
        let mut encoder = OpusEncoder::new(rate_hz, &Parameters::parse(parameters)).unwrap();
        encoder.expect_loss(20);
        let mut octets = [0; 1_500];
        sound
            .chunks_exact(rate_hz as usize / 50)
            .map(|frame| match encoder.encode(frame, &mut octets).unwrap() {
                Encoded::Payload(count) => octets[..count].to_vec(),
                Encoded::Nothing => Vec::new(),
            })
            .collect()
    }

    /// The error of a stretch against what would have been without loss, in decibels of the signal.
    fn error_db(heard: &[i16], whole: &[i16]) -> f64 {
        let error: Vec<i16> = heard.iter().zip(whole).map(|(a, b)| a.saturating_sub(*b)).collect();
        dbm0(&error) - dbm0(whole)
    }

    #[test]
    fn redundancy_brings_back_a_lost_packet_better_than_concealment_alone() {
        let sound = vowel(16_000 * 2, 16_000);
        let packets = packets("useinbandfec=1; maxaveragebitrate=32000", 16_000, &sound);
        let decode = |lose: bool, redundant: bool| {
            let mut decoder = OpusDecoder::new(16_000).unwrap();
            let mut heard = Vec::new();
            let mut frame = [0; 1_920];
            for (index, packet) in packets.iter().enumerate() {
                if lose && index % 10 == 5 {
                    let next = packets.get(index + 1).filter(|_| redundant);
                    assert!(decoder.conceal(&mut frame[..320], next.map(Vec::as_slice)));
                    heard.extend_from_slice(&frame[..320]);
                } else {
                    let count = decoder.decode(packet, &mut frame).unwrap();
                    heard.extend_from_slice(&frame[..count]);
                }
            }
            heard
        };
        let whole = decode(false, false);
        let (concealed, corrected) = (decode(true, false), decode(true, true));
        assert_eq!((whole.len(), concealed.len(), corrected.len()), (32_000, 32_000, 32_000));
        let (without, with) = (error_db(&concealed, &whole), error_db(&corrected, &whole));
        assert!(with < without - 3.0, "the error is {with:.1} dB with redundancy, {without:.1} dB without");
    }

    #[test]
    fn stereo_is_mixed_and_every_rate_hears_it() {
        // Two channels as a browser sends them: 440 Hz in both.
        let library =
            audiopus::coder::Encoder::new(rate(48_000).unwrap(), Channels::Stereo, audiopus::Application::Audio)
                .unwrap();
        let mut tone = crate::Tone::at_rate(440.0, -10.0, 48_000);
        let mut payloads = Vec::new();
        for _ in 0..25 {
            let mut mono = [0; 960];
            tone.add_to(&mut mono);
            let stereo: Vec<i16> = mono.iter().flat_map(|&sample| [sample, sample]).collect();
            let mut octets = [0; 1_500];
            let count = library.encode(&stereo, &mut octets).unwrap();
            payloads.push(octets[..count].to_vec());
        }
        for rate_hz in [8_000, 12_000, 16_000, 24_000, 48_000] {
            let mut decoder = OpusDecoder::new(rate_hz).unwrap();
            let mut heard = Vec::new();
            let mut frame = [0; 5_760];
            for payload in &payloads {
                let count = decoder.decode(payload, &mut frame).unwrap();
                assert_eq!(count, rate_hz as usize / 50);
                heard.extend_from_slice(&frame[..count]);
            }
            let (level, purity) = crate::test_signal::tone_in(&heard[heard.len() / 2..], 440.0, rate_hz);
            assert!((level - -10.0).abs() < 0.5 && purity > 20.0, "{rate_hz}: {level} dBm0, {purity} dB");
        }
    }

    #[test]
    fn nonsense_is_malformed_and_changes_nothing() {
        let mut decoder = OpusDecoder::new(48_000).unwrap();
        let mut frame = [0; 5_760];
        // No octet; a code 3 packet that has no count; one that says 63 frames of 20 ms; lengths beyond the end.
        for payload in [&[][..], &[0x03], &[0x0b, 0x3f, 0, 0], &[0x02, 0xff, 0xff, 1]] {
            assert_eq!(decoder.decode(payload, &mut frame), Err(Fault::Malformed), "{payload:?}");
        }
        assert_eq!(OpusDecoder::new(44_100).err(), Some(Fault::Unsupported));
    }

    #[test]
    fn a_gap_of_any_whole_frames_is_filled_and_fades() {
        let sound = vowel(48_000, 48_000);
        let packets = packets("", 48_000, &sound);
        let mut decoder = OpusDecoder::new(48_000).unwrap();
        let mut frame = [0; 5_760];
        for packet in &packets {
            decoder.decode(packet, &mut frame).unwrap();
        }
        let mut levels = Vec::new();
        for samples in [120, 480, 960, 1_920, 5_760, 5_760, 5_760] {
            frame.fill(i16::MAX);
            assert!(decoder.conceal(&mut frame[..samples], Some(&[0x03])), "a next packet that is none does no harm");
            levels.push(dbm0(&frame[..samples]));
        }
        assert!(levels[6] < levels[0] - 20.0, "{levels:?}");
    }
}

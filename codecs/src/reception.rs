//! What one peer sends, as sound without gaps: decoded, concealed, and with noise where it is silent.

use crate::codec::Codec;
use crate::coder::{Decoder, Fault};
use crate::comfort_noise::{Description, Noise};
use crate::concealment::Concealment;
use crate::limits::{self, PAYLOAD_MS_MAX};

/// Turns the payloads of a stream, in their order and with their gaps, into samples.
///
/// Whoever holds it knows the time: a payload that came goes to [`Self::decode`], a stretch without one to [`Self::conceal`].
pub struct Reception {
    codec: Codec,
    rate_hz: u32,
    decoder: Box<dyn Decoder>,
    /// Where the codec has none of its own.
    concealment: Option<Concealment>,
    noise: Noise,
    /// The peer has said what its silence sounds like, and nothing since.
    silent: bool,
    samples: Box<[i16]>,
}

impl Reception {
    /// At the beginning of a stream, into samples at `rate_hz` (see [`Codec::sample_rate_hz`]).
    pub fn new(codec: Codec, rate_hz: u32) -> Result<Self, Fault> {
        let decoder = codec.decoder(rate_hz)?;
        Ok(Self {
            codec,
            rate_hz,
            decoder,
            concealment: (!codec.conceals()).then(|| Concealment::new(rate_hz)),
            noise: Noise::new(rate_hz, u64::from(rate_hz)),
            silent: false,
            samples: vec![0; limits::samples(PAYLOAD_MS_MAX, rate_hz)].into(),
        })
    }

    /// Its codec.
    pub const fn codec(&self) -> &Codec {
        &self.codec
    }

    /// Samples a second.
    pub const fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// The sound of a payload. One that is malformed changes nothing: its time is a gap.
    pub fn decode(&mut self, payload: &[u8]) -> Result<&[i16], Fault> {
        let count = match self.decoder.decode(payload, &mut self.samples) {
            // What has more sound in it than any payload may have is none.
            Err(Fault::Room) => return Err(Fault::Malformed),
            decoded => decoded?,
        };
        self.silent = false;
        let samples = &mut self.samples[..count];
        if let Some(concealment) = &mut self.concealment {
            concealment.heard(samples);
        }
        Ok(samples)
    }

    /// What stands in for `ticks` of the RTP clock for which there is no payload: rounded up to whole frames of the codec, and
    /// at most [`PAYLOAD_MS_MAX`]. In silence that is noise. `next` is the payload behind the gap, where it is there already.
    pub fn conceal(&mut self, ticks: u32, next: Option<&[u8]>) -> &[i16] {
        let frame = self.codec.frame_samples(self.rate_hz);
        let most = self.samples.len() / frame * frame;
        let count = self.codec.samples_of(ticks, self.rate_hz).next_multiple_of(frame).clamp(frame, most);
        let samples = &mut self.samples[..count];
        match &mut self.concealment {
            concealment if self.silent => {
                self.noise.fill(samples);
                if let Some(concealment) = concealment {
                    concealment.heard(samples);
                }
            }
            Some(concealment) => concealment.conceal(samples),
            None => {
                if !self.decoder.conceal(samples, next) {
                    samples.fill(0);
                }
            }
        }
        samples
    }

    /// From now on the peer is silent, until it sends sound again: a payload of comfort noise (RFC 3389). It takes no time itself.
    pub fn describe_silence(&mut self, payload: &[u8]) -> Result<(), Fault> {
        self.noise.describe(&Description::parse(payload)?);
        self.silent = true;
        Ok(())
    }

    /// What the peer's silence sounds like, while it is silent.
    pub fn silence(&self) -> Option<&Description> {
        self.silent.then(|| self.noise.description())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coder::Encoded;
    use crate::test_signal::{dbm0, vowel};

    fn payloads(codec: Codec, rate: u32, sound: &[i16]) -> Vec<Vec<u8>> {
        let mut encoder = codec.encoder(rate).unwrap();
        let mut octets = [0; 4_000];
        sound
            .chunks_exact(rate as usize / 50)
            .map(|frame| match encoder.encode(frame, &mut octets).unwrap() {
                Encoded::Payload(count) => octets[..count].to_vec(),
                Encoded::Nothing => Vec::new(),
            })
            .collect()
    }

    #[test]
    fn every_codec_bridges_a_lost_packet_without_a_hole() {
        for (name, clock, channels) in
            [("PCMU", 8_000, 1), ("G722", 8_000, 1), ("GSM", 8_000, 1), ("G726-32", 8_000, 1), ("opus", 48_000, 2)]
        {
            let codec = Codec::of(name, clock, channels, "").unwrap();
            let rate = codec.sample_rate_hz(16_000);
            let sound = vowel(rate as usize, rate);
            let mut reception = Reception::new(codec, rate).unwrap();
            let ticks = codec.clock_rate_hz() / 50;
            let mut levels = Vec::new();
            for (index, payload) in payloads(codec, rate, &sound).iter().enumerate() {
                let samples =
                    if index % 8 == 7 { reception.conceal(ticks, None) } else { reception.decode(payload).unwrap() };
                assert_eq!(samples.len(), rate as usize / 50, "{name}");
                levels.push(dbm0(samples));
            }
            for lost in (7..levels.len() - 1).step_by(8) {
                let drop = (levels[lost - 1] + levels[lost + 1]) / 2.0 - levels[lost];
                assert!(drop < 9.0, "{name}: {drop} dB at {lost}");
            }
        }
    }

    #[test]
    fn silence_sounds_as_it_was_described_until_there_is_sound() {
        for (name, clock) in [("PCMA", 8_000), ("G722", 8_000)] {
            let codec = Codec::of(name, clock, 1, "").unwrap();
            let rate = codec.sample_rate_hz(8_000);
            let mut reception = Reception::new(codec, rate).unwrap();
            assert_eq!(reception.describe_silence(&[]), Err(Fault::Malformed));
            assert!(reception.silence().is_none());
            reception.describe_silence(&[50]).unwrap();
            let mut level = 0.0;
            for _ in 0..10 {
                level = dbm0(reception.conceal(160, None));
            }
            // Overload, a square wave, is 6.15 dB above 0 dBm0 (A-law: a full sine is 3.14 dBm0, a square of its peak 3.01 more).
            assert!((level - (6.15 - 50.0)).abs() < 1.5, "{level}");
            assert!(reception.silence().is_some_and(|description| description.level() == 50));
            let sound = vowel(rate as usize / 50, rate);
            reception.decode(&payloads(codec, rate, &sound)[0]).unwrap();
            assert!(reception.silence().is_none());
        }
    }

    #[test]
    fn gaps_are_whole_frames_and_bounded() {
        let codec = Codec::of("GSM", 8_000, 1, "").unwrap();
        let mut reception = Reception::new(codec, 8_000).unwrap();
        assert_eq!(
            [0, 1, 160, 161, u32::MAX].map(|ticks| reception.conceal(ticks, None).len()),
            [160, 160, 160, 320, 960]
        );
        assert_eq!(reception.decode(&[0xd0; 33 * 7]).err(), Some(Fault::Malformed));
        let mut reception = Reception::new(Codec::G711(crate::Law::A), 8_000).unwrap();
        assert_eq!(reception.decode(&[0; 961]).err(), Some(Fault::Malformed), "longer than any payload");
    }
}

//! A phone that says a tone, in whatever it has agreed on, and listens to what comes: for where nothing passes through as it was sent.

use codecs::{Decoder, Encoded, Encoder, Tone};
use router::parameter::Codec;
use std::fmt;

/// Samples that are kept of what was heard: ten seconds.
const KEPT: usize = 80_000;

/// Both directions' state.
pub struct Sound {
    frequency_hz: f64,
    speaks: Option<Speaks>,
    listens: Option<Listens>,
    /// What was heard, at 8 kHz where the codec can.
    heard: Vec<i16>,
    rate_hz: u32,
}

struct Speaks {
    codec: Codec,
    coded: codecs::Codec,
    encoder: Box<dyn Encoder>,
    rate_hz: u32,
    tone: Tone,
}

struct Listens {
    codec: Codec,
    decoder: Box<dyn Decoder>,
}

impl fmt::Debug for Sound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sound").field("frequency_hz", &self.frequency_hz).finish_non_exhaustive()
    }
}

fn coded(codec: &Codec) -> Option<codecs::Codec> {
    let parameters = codec.parameters.as_deref().unwrap_or_default();
    // Phones leave out the channels of Opus where they write `rtpmap`.
    codecs::Codec::of(&codec.name, codec.clock_rate_hz, codec.channels, parameters)
}

impl Sound {
    /// A tone of that frequency, at −10 dBm0.
    pub(crate) fn new(frequency_hz: f64) -> Self {
        Self { frequency_hz, speaks: None, listens: None, heard: Vec::new(), rate_hz: 8_000 }
    }

    /// The next payload, of so many milliseconds.
    pub(crate) fn say(&mut self, codec: &Codec, packet_ms: u16) -> Vec<u8> {
        if self.speaks.as_ref().is_none_or(|speaks| speaks.codec != *codec) {
            self.speaks = coded(codec).and_then(|coded| {
                let rate_hz = coded.sample_rate_hz(8_000);
                let tone = Tone::at_rate(self.frequency_hz, -10.0, rate_hz);
                Some(Speaks { codec: codec.clone(), coded, encoder: coded.encoder(rate_hz).ok()?, rate_hz, tone })
            });
        }
        let Some(speaks) = &mut self.speaks else { return Vec::new() };
        let mut samples = vec![0; speaks.coded.packet_samples(packet_ms.into(), speaks.rate_hz)];
        speaks.tone.add_to(&mut samples);
        let mut payload = vec![0; codecs::limits::PAYLOAD_OCTETS_MAX];
        match speaks.encoder.encode(&samples, &mut payload) {
            Ok(Encoded::Payload(octets)) => payload.truncate(octets),
            Ok(Encoded::Nothing) | Err(_) => payload.clear(),
        }
        payload
    }

    /// Takes a payload. False: it is none of that codec.
    pub(crate) fn hear(&mut self, codec: &Codec, payload: &[u8]) -> bool {
        if self.listens.as_ref().is_none_or(|listens| listens.codec != *codec) {
            let of = coded(codec);
            self.rate_hz = of.map_or(8_000, |of| of.sample_rate_hz(8_000));
            let decoder = of.and_then(|of| of.decoder(self.rate_hz).ok());
            self.listens = decoder.map(|decoder| Listens { codec: codec.clone(), decoder });
            self.heard.clear();
        }
        let Some(listens) = &mut self.listens else { return false };
        let mut samples = [0; codecs::limits::PAYLOAD_SAMPLES_MAX];
        let Ok(count) = listens.decoder.decode(payload, &mut samples) else { return false };
        self.heard.extend_from_slice(&samples[..count]);
        let over = self.heard.len().saturating_sub(KEPT);
        self.heard.drain(..over);
        true
    }

    /// Forgets what was heard.
    pub fn forget(&mut self) {
        self.heard.clear();
    }

    /// The keys in what was heard, at 8 kHz.
    pub fn keys(&self) -> String {
        let (mut detector, mut keys) = (codecs::dtmf::Detector::new(), String::new());
        detector.handle_samples(&self.heard, |change| {
            if let codecs::dtmf::KeyChange::Began(key) = change {
                keys.push(key.character());
            }
        });
        keys
    }

    /// Of the last so many milliseconds: the level, dBm0, and which part of the power is that tone.
    pub fn tone(&self, frequency_hz: f64, last_ms: usize) -> (f64, f64) {
        let wanted = (self.rate_hz as usize / 1_000 * last_ms).min(self.heard.len());
        let samples = &self.heard[self.heard.len() - wanted..];
        if samples.is_empty() {
            return (f64::NEG_INFINITY, 0.0);
        }
        let count = samples.len() as f64;
        let step = std::f64::consts::TAU * frequency_hz / f64::from(self.rate_hz);
        let (mut real, mut imaginary, mut power) = (0.0, 0.0, 0.0);
        for (index, &sample) in samples.iter().enumerate() {
            let (sample, angle) = (f64::from(sample) / 32_768.0, step * index as f64);
            real += sample * angle.cos();
            imaginary += sample * angle.sin();
            power += sample * sample;
        }
        let of_tone = 2.0 * (real * real + imaginary * imaginary) / (count * count);
        // A sine of 0 dBm0 peaks 3.14 dB below full scale.
        let level = 10.0 * (power / count).log10() + 6.15;
        (level, if power > 0.0 { of_tone / (power / count) } else { 0.0 })
    }
}

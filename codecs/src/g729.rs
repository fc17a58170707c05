//! ITU-T G.729 annex A, with the silence of annex B when it is received: 8 kbit/s, frames of 10 ms in 10 octets
//! (RFC 3551 §4.5.6).
//!
//! Coded by `g729-sys`, a port of bcg729 to Rust, and so an optional feature: bcg729's licence is GPL-3.0. Silence suppression
//! is read and not sent: who asked for none may not be sent any, and who takes it takes speech as well.

use g729_sys::{Decoder as LibraryDecoder, Encoder as LibraryEncoder};

use crate::coder::{Decoder, Encoded, Encoder, Fault, front};
use crate::limits::PAYLOAD_MS_MAX;

/// Samples of a frame: 10 ms.
pub const FRAME_SAMPLES: usize = g729_sys::FRAME_SAMPLES;
/// Octets of a frame of speech.
pub const FRAME_OCTETS: usize = g729_sys::VOICE_FRAME_BYTES;
/// Octets of a frame of comfort noise (annex B), which may end a payload.
const SILENCE_OCTETS: usize = 2;
/// Frames of one payload, at most.
const FRAMES_MAX: usize = (PAYLOAD_MS_MAX / 10) as usize;

/// Reads a stream of G.729.
pub struct G729Decoder {
    library: LibraryDecoder,
    silent: bool,
}

impl G729Decoder {
    /// At the beginning of a stream.
    pub fn new() -> Self {
        Self { library: LibraryDecoder::new(), silent: false }
    }
}

impl Default for G729Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder for G729Decoder {
    fn decode(&mut self, payload: &[u8], samples: &mut [i16]) -> Result<usize, Fault> {
        let (voice, silence) = payload.as_chunks::<FRAME_OCTETS>();
        let frames = voice.len() + usize::from(!silence.is_empty());
        if !matches!(silence.len(), 0 | SILENCE_OCTETS) || !(1..=FRAMES_MAX).contains(&frames) {
            return Err(Fault::Malformed);
        }
        let samples = front(samples, frames * FRAME_SAMPLES)?;
        let (output, _) = samples.as_chunks_mut::<FRAME_SAMPLES>();
        for (frame, octets) in output.iter_mut().zip(voice) {
            *frame = self.library.decode(octets, false, false, false);
        }
        self.silent = !silence.is_empty();
        if let Some(frame) = output.last_mut().filter(|_| self.silent) {
            *frame = self.library.decode(silence, false, true, false);
        }
        Ok(samples.len())
    }

    fn conceal(&mut self, samples: &mut [i16], _: Option<&[u8]>) -> bool {
        let (output, rest) = samples.as_chunks_mut::<FRAME_SAMPLES>();
        for frame in output {
            // In silence nothing was lost: the noise goes on.
            *frame = self.library.decode(&[], !self.silent, self.silent, false);
        }
        rest.fill(0);
        true
    }
}

/// Makes a stream of G.729.
pub struct G729Encoder(LibraryEncoder);

impl G729Encoder {
    /// At the beginning of a stream.
    pub fn new() -> Self {
        Self(LibraryEncoder::new(false))
    }
}

impl Default for G729Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Encoder for G729Encoder {
    fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> Result<Encoded, Fault> {
        let (frames, rest) = samples.as_chunks::<FRAME_SAMPLES>();
        if !rest.is_empty() || !(1..=FRAMES_MAX).contains(&frames.len()) {
            return Err(Fault::Length);
        }
        let payload = payload.get_mut(..frames.len() * FRAME_OCTETS).ok_or(Fault::Room)?;
        let (octets, _) = payload.as_chunks_mut::<FRAME_OCTETS>();
        for (octets, frame) in octets.iter_mut().zip(frames) {
            if usize::from(self.0.encode_into(frame, octets)) != FRAME_OCTETS {
                return Err(Fault::Library);
            }
        }
        Ok(Encoded::Payload(payload.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_signal::{dbm0, noise, vowel};
    use proptest::prelude::*;

    #[test]
    fn speech_is_followed_by_silence_and_a_gap_is_filled() {
        let sound = vowel(8_000, 8_000);
        let (mut encoder, mut decoder) = (G729Encoder::new(), G729Decoder::new());
        let (mut payload, mut samples) = ([0; 20], [0; 960]);
        for frame in sound.chunks_exact(160) {
            assert_eq!(encoder.encode(frame, &mut payload), Ok(Encoded::Payload(20)));
            assert_eq!(decoder.decode(&payload, &mut samples), Ok(160));
        }
        let before = dbm0(&samples[..160]);
        assert!(decoder.conceal(&mut samples[..160], None));
        assert!(dbm0(&samples[..160]) > before - 20.0, "a gap is no hole");
        // What another encoder sends in silence.
        let mut other = LibraryEncoder::new(true);
        let mut sent = Vec::new();
        for frame in noise(8_000, 20, 3).chunks_exact(80) {
            let mut octets = [0; 10];
            let count = other.encode_into(frame.try_into().unwrap(), &mut octets);
            sent.push(octets[..usize::from(count)].to_vec());
        }
        assert!(sent.iter().any(|octets| octets.len() == SILENCE_OCTETS));
        for octets in sent.iter().filter(|octets| !octets.is_empty()) {
            assert_eq!(decoder.decode(octets, &mut samples), Ok(80));
        }
        assert!(decoder.silent);
        assert!(decoder.conceal(&mut samples[..800], None));
        assert!((-80.0..-40.0).contains(&dbm0(&samples[..800])), "{}", dbm0(&samples[..800]));
    }

    proptest! {
        #[test]
        fn any_octets_are_sound_or_malformed(payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..40)) {
            let mut decoder = G729Decoder::new();
            let mut samples = [0; 960];
            for payload in payloads {
                if decoder.decode(&payload, &mut samples).is_err() {
                    prop_assert!(decoder.conceal(&mut samples[..160], None));
                }
            }
        }
    }
}

//! GSM 06.10, full rate: 13 kbit/s, frames of 20 ms in 33 octets that begin with the signature 0xd (RFC 3551 §4.5.8).
//!
//! Coded by SpanDSP; a test holds it against libgsm, to the bit.

#![expect(unsafe_code, reason = "calls of SpanDSP")]

use std::ptr::{NonNull, null_mut};

use spandsp_sys as spandsp;

use crate::coder::{Decoder, Encoded, Encoder, Fault, front};
use crate::limits::PAYLOAD_MS_MAX;

/// Samples of a frame: 20 ms.
pub const FRAME_SAMPLES: usize = 160;
/// Octets of a frame.
pub const FRAME_OCTETS: usize = 33;
/// Frames of one payload, at most.
const FRAMES_MAX: usize = (PAYLOAD_MS_MAX / 20) as usize;
/// The packing of RTP: `GSM0610_PACKING_VOIP`, which the bindings leave out since its enumeration has no name.
const PACKING: i32 = 2;
/// The first four bits of each frame.
const SIGNATURE: u8 = 0xd;

/// One direction of a stream: SpanDSP has one state for both.
pub struct Gsm(NonNull<spandsp::gsm0610_state_t>);

// SAFETY: the state is a block of memory that is ours alone, and SpanDSP keeps nothing elsewhere.
unsafe impl Send for Gsm {}

impl Gsm {
    /// At the beginning of a stream.
    pub fn new() -> Result<Self, Fault> {
        // SAFETY: null asks for a new state; it is freed by `drop`.
        let state = unsafe { spandsp::gsm0610_init(null_mut(), PACKING) };
        NonNull::new(state).map(Self).ok_or(Fault::Library)
    }
}

impl Drop for Gsm {
    fn drop(&mut self) {
        // SAFETY: the state came from `gsm0610_init` and is freed once.
        unsafe { spandsp::gsm0610_free(self.0.as_ptr()) };
    }
}

impl Decoder for Gsm {
    fn decode(&mut self, payload: &[u8], samples: &mut [i16]) -> Result<usize, Fault> {
        let (frames, rest) = payload.as_chunks::<FRAME_OCTETS>();
        let signed = frames.iter().all(|frame| frame[0] >> 4 == SIGNATURE);
        if frames.is_empty() || frames.len() > FRAMES_MAX || !rest.is_empty() || !signed {
            return Err(Fault::Malformed);
        }
        let samples = front(samples, frames.len() * FRAME_SAMPLES)?;
        // SAFETY: the payload is whole frames, which SpanDSP does not look after, and there is room for what they become.
        let count = unsafe {
            spandsp::gsm0610_decode(self.0.as_ptr(), samples.as_mut_ptr(), payload.as_ptr(), payload.len() as i32)
        };
        if count as usize == samples.len() { Ok(samples.len()) } else { Err(Fault::Library) }
    }
}

impl Encoder for Gsm {
    fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> Result<Encoded, Fault> {
        let frames = samples.len() / FRAME_SAMPLES;
        if !(1..=FRAMES_MAX).contains(&frames) || !samples.len().is_multiple_of(FRAME_SAMPLES) {
            return Err(Fault::Length);
        }
        let payload = payload.get_mut(..frames * FRAME_OCTETS).ok_or(Fault::Room)?;
        // SAFETY: the samples are whole frames, and there is room for each of them.
        let count = unsafe {
            spandsp::gsm0610_encode(self.0.as_ptr(), payload.as_mut_ptr(), samples.as_ptr(), samples.len() as i32)
        };
        if count as usize == payload.len() { Ok(Encoded::Payload(payload.len())) } else { Err(Fault::Library) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_whole_and_signed() {
        let (mut encoder, mut decoder) = (Gsm::new().unwrap(), Gsm::new().unwrap());
        let mut payload = [0; 2 * FRAME_OCTETS];
        let sound = crate::test_signal::vowel(2 * FRAME_SAMPLES, 8_000);
        assert_eq!(encoder.encode(&sound, &mut payload), Ok(Encoded::Payload(66)));
        assert_eq!((payload[0] >> 4, payload[33] >> 4), (0xd, 0xd));
        let mut samples = [0; 7 * FRAME_SAMPLES];
        assert_eq!(decoder.decode(&payload, &mut samples), Ok(320));
        for malformed in [&payload[..0], &payload[..32], &payload[..65], &[0xd0; 7 * 33], &[0x00; 33]] {
            assert_eq!(decoder.decode(malformed, &mut samples), Err(Fault::Malformed), "{} octets", malformed.len());
        }
        assert_eq!(encoder.encode(&sound[..80], &mut payload), Err(Fault::Length));
    }
}

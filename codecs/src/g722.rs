//! ITU-T G.722 at 64 kbit/s: 7 kHz of audio, 16,000 samples a second in two sub-bands of ADPCM, one octet for two samples.
//!
//! Coded by SpanDSP; a test holds it against another implementation, to the bit. The RTP clock runs at 8,000 Hz all the same
//! (RFC 3551 §4.5.2).

#![expect(unsafe_code, reason = "calls of SpanDSP")]

use std::ptr::{NonNull, null_mut};

use spandsp_sys as spandsp;

use crate::coder::{Decoder, Encoded, Encoder, Fault, front};
use crate::limits::PAYLOAD_SAMPLES_MAX;

/// Bits a second: the only rate that RTP's `G722` means.
const BIT_RATE: i32 = 64_000;

/// Reads a stream of G.722.
pub struct G722Decoder(NonNull<spandsp::g722_decode_state_t>);

// SAFETY: the state is a block of memory that is ours alone, and SpanDSP keeps nothing elsewhere.
unsafe impl Send for G722Decoder {}

impl G722Decoder {
    /// At the beginning of a stream.
    pub fn new() -> Result<Self, Fault> {
        // SAFETY: null asks for a new state; it is freed by `drop`.
        let state = unsafe { spandsp::g722_decode_init(null_mut(), BIT_RATE, 0) };
        NonNull::new(state).map(Self).ok_or(Fault::Library)
    }
}

impl Drop for G722Decoder {
    fn drop(&mut self) {
        // SAFETY: the state came from `g722_decode_init` and is freed once.
        unsafe { spandsp::g722_decode_free(self.0.as_ptr()) };
    }
}

impl Decoder for G722Decoder {
    fn decode(&mut self, payload: &[u8], samples: &mut [i16]) -> Result<usize, Fault> {
        if payload.len() > PAYLOAD_SAMPLES_MAX / 2 {
            return Err(Fault::Malformed);
        }
        let samples = front(samples, payload.len() * 2)?;
        // SAFETY: an octet becomes two samples, for which there is room; the length is small.
        let count = unsafe {
            spandsp::g722_decode(self.0.as_ptr(), samples.as_mut_ptr(), payload.as_ptr(), payload.len() as i32)
        };
        if count as usize == samples.len() { Ok(samples.len()) } else { Err(Fault::Library) }
    }
}

/// Makes a stream of G.722.
pub struct G722Encoder(NonNull<spandsp::g722_encode_state_t>);

// SAFETY: the state is a block of memory that is ours alone, and SpanDSP keeps nothing elsewhere.
unsafe impl Send for G722Encoder {}

impl G722Encoder {
    /// At the beginning of a stream.
    pub fn new() -> Result<Self, Fault> {
        // SAFETY: null asks for a new state; it is freed by `drop`.
        let state = unsafe { spandsp::g722_encode_init(null_mut(), BIT_RATE, 0) };
        NonNull::new(state).map(Self).ok_or(Fault::Library)
    }
}

impl Drop for G722Encoder {
    fn drop(&mut self) {
        // SAFETY: the state came from `g722_encode_init` and is freed once.
        unsafe { spandsp::g722_encode_free(self.0.as_ptr()) };
    }
}

impl Encoder for G722Encoder {
    fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> Result<Encoded, Fault> {
        if !samples.len().is_multiple_of(2) || samples.len() > PAYLOAD_SAMPLES_MAX {
            return Err(Fault::Length);
        }
        let payload = payload.get_mut(..samples.len() / 2).ok_or(Fault::Room)?;
        // SAFETY: two samples are read and an octet is written for each turn; the number is even and small, and there is room.
        let count = unsafe {
            spandsp::g722_encode(self.0.as_ptr(), payload.as_mut_ptr(), samples.as_ptr(), samples.len() as i32)
        };
        if count as usize == payload.len() { Ok(Encoded::Payload(payload.len())) } else { Err(Fault::Library) }
    }
}

//! ITU-T G.726 at 32 kbit/s: ADPCM, four bits a sample, in either of the two packings that RTP knows.
//!
//! Coded by SpanDSP; a test holds it against the recommendation's blocks, to the bit.

#![expect(unsafe_code, reason = "calls of SpanDSP")]

use std::ptr::{NonNull, null_mut};

use spandsp_sys as spandsp;

use crate::coder::{Decoder, Encoded, Encoder, Fault, front};
use crate::limits::PAYLOAD_SAMPLES_MAX;

/// Bits a second.
const BIT_RATE: i32 = 32_000;

/// Which half of an octet is the earlier sample.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packing {
    /// The lower one: `G726-32` (RFC 3551 §4.5.4).
    LittleEndian,
    /// The upper one, as in ATM (ITU-T I.366.2 annex E): `AAL2-G726-32`.
    Aal2,
}

/// One direction of a stream: SpanDSP has one state for both.
pub struct G726(NonNull<spandsp::g726_state_t>);

// SAFETY: the state is a block of memory that is ours alone, and SpanDSP keeps nothing elsewhere.
unsafe impl Send for G726 {}

impl G726 {
    /// At the beginning of a stream.
    pub fn new(packing: Packing) -> Result<Self, Fault> {
        let packing = match packing {
            Packing::LittleEndian => spandsp::G726_PACKING_RIGHT,
            Packing::Aal2 => spandsp::G726_PACKING_LEFT,
        };
        let coding = spandsp::G726_ENCODING_LINEAR as i32;
        // SAFETY: null asks for a new state; it is freed by `drop`.
        let state = unsafe { spandsp::g726_init(null_mut(), BIT_RATE, coding, packing as i32) };
        NonNull::new(state).map(Self).ok_or(Fault::Library)
    }
}

impl Drop for G726 {
    fn drop(&mut self) {
        // SAFETY: the state came from `g726_init` and is freed once.
        unsafe { spandsp::g726_free(self.0.as_ptr()) };
    }
}

impl Decoder for G726 {
    fn decode(&mut self, payload: &[u8], samples: &mut [i16]) -> Result<usize, Fault> {
        if payload.len() > PAYLOAD_SAMPLES_MAX / 2 {
            return Err(Fault::Malformed);
        }
        let samples = front(samples, payload.len() * 2)?;
        // SAFETY: an octet becomes two samples, for which there is room; the length is small.
        let count = unsafe {
            spandsp::g726_decode(self.0.as_ptr(), samples.as_mut_ptr(), payload.as_ptr(), payload.len() as i32)
        };
        if count as usize == samples.len() { Ok(samples.len()) } else { Err(Fault::Library) }
    }
}

impl Encoder for G726 {
    fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> Result<Encoded, Fault> {
        // Whole octets, so that no half of one waits in the state.
        if !samples.len().is_multiple_of(2) || samples.len() > PAYLOAD_SAMPLES_MAX {
            return Err(Fault::Length);
        }
        let payload = payload.get_mut(..samples.len() / 2).ok_or(Fault::Room)?;
        // SAFETY: an octet is written for two samples; the number is even and small, and there is room.
        let count = unsafe {
            spandsp::g726_encode(self.0.as_ptr(), payload.as_mut_ptr(), samples.as_ptr(), samples.len() as i32)
        };
        if count as usize == payload.len() { Ok(Encoded::Payload(payload.len())) } else { Err(Fault::Library) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_packings_differ_by_the_order_of_halves_alone() {
        let sound = crate::test_signal::vowel(320, 8_000);
        let (mut little, mut aal2) = (G726::new(Packing::LittleEndian).unwrap(), G726::new(Packing::Aal2).unwrap());
        let (mut one, mut other) = ([0; 160], [0; 160]);
        little.encode(&sound, &mut one).unwrap();
        aal2.encode(&sound, &mut other).unwrap();
        assert_eq!(one.map(|octet| octet.rotate_left(4)), other);
        assert_ne!(one, other);
    }

    #[test]
    fn half_an_octet_is_not_sent() {
        assert_eq!(G726::new(Packing::Aal2).unwrap().encode(&[0; 3], &mut [0; 8]), Err(Fault::Length));
    }
}

//! Opus (RFC 6716) as RTP carries it (RFC 7587), coded by libopus.
//!
//! Sound is mono here. A peer's stereo is mixed by the decoder, which costs nothing beyond it; we send mono, which every receiver
//! takes (RFC 7587 §3.4). The rate at which the codec works is free: beside a codec of 8 kHz it is run at 8 kHz, and does the
//! resampling itself.

mod decoder;
mod encoder;
mod parameters;

use audiopus::SampleRate;

pub use decoder::OpusDecoder;
pub use encoder::OpusEncoder;
pub use parameters::Parameters;

use crate::coder::Fault;

/// The rate that the codec is run at beside something that has `beside_hz`: the same where it can, else the highest.
pub(crate) const fn rate_beside(beside_hz: u32) -> u32 {
    match beside_hz {
        8_000 | 12_000 | 16_000 | 24_000 => beside_hz,
        _ => 48_000,
    }
}

fn rate(rate_hz: u32) -> Result<SampleRate, Fault> {
    i32::try_from(rate_hz).ok().and_then(|hz| SampleRate::try_from(hz).ok()).ok_or(Fault::Unsupported)
}

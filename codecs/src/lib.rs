//! Sound: samples in, samples out. No clock, no thread, and no allocation once something is built.
//!
//! ```text
//!  payloads          ┌───────────┐ samples ┌───────────┐ samples ┌──────────┐ packets
//!  and gaps ────────▶│ Reception │────┬───▶│ Resampler │────┬───▶│ Emission │────────▶
//!                    └───────────┘    │    └───────────┘    │    └──────────┘
//!                     Decoder,     Detector    Gain,       Press,  Encoder,
//!                     Concealment, (keys)      Mixer       tones   comfort noise
//!                     Noise
//!                    └──────────────────── Transcoder ─────────────────────┘
//! ```
//!
//! - [`Codec`]: every codec by its name in SDP; what its packets look like, and what codes it.
//! - [`coder`]: [`Encoder`] and [`Decoder`], what every codec can do.
//! - [`g711`], [`l16`], [`g722`], [`g726`], [`gsm`], [`opus`], `g729` (feature): the codecs, a file each.
//! - [`reception`], [`emission`]: one peer's stream as sound without gaps, and sound as packets for a peer.
//! - [`transcoder`]: both, and what is between them, by a [`Plan`].
//! - [`comfort_noise`] (RFC 3389), [`concealment`], [`resampler`], [`gain`], [`mixer`].
//! - [`dtmf`]: keys as tones, made and heard; [`telephone_event`]: keys as events (RFC 4733).
//! - [`tone`], [`milliwatt`], [`ringback`], [`silence`]: what is sent where nobody speaks.

pub mod codec;
pub mod coder;
pub mod comfort_noise;
pub mod concealment;
pub mod dtmf;
pub mod emission;
pub mod g711;
pub mod g722;
pub mod g726;
#[cfg(feature = "g729")]
pub mod g729;
pub mod gain;
pub mod gsm;
pub mod l16;
pub mod limits;
pub mod milliwatt;
pub mod mixer;
pub mod opus;
pub mod reception;
pub mod resampler;
pub mod ringback;
pub mod silence;
pub mod telephone_event;
pub mod tone;
pub mod transcoder;

#[cfg(test)]
mod test_signal;

pub use codec::Codec;
pub use coder::{Decoder, Encoded, Encoder, Fault};
pub use comfort_noise::Noise;
pub use concealment::Concealment;
pub use emission::{Content, Emission, Packet};
pub use g711::Law;
pub use gain::Gain;
pub use milliwatt::Milliwatt;
pub use mixer::Mixer;
pub use reception::Reception;
pub use resampler::Resampler;
pub use ringback::{Ringback, RingingTone};
pub use tone::Tone;
pub use transcoder::{Plan, Transcoder};

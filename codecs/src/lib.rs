//! Sound: samples in, samples out. No clock, no thread, no allocation.
//!
//! ```text
//!   linear i16, 8 kHz ──encode──▶ one octet a sample ──decode──▶ linear i16
//! ```
//!
//! - [`g711`]: A-law and µ-law (ITU-T G.711).
//! - [`tone`]: sine tones at a level in dBm0, alone or summed.
//! - [`milliwatt`]: the digital milliwatt, the reference of every level.
//! - [`ringback`]: the ringing tone of ITU-T E.180.
//! - [`silence`]: frames that say nothing.

pub mod g711;
pub mod milliwatt;
pub mod ringback;
pub mod silence;
pub mod tone;

pub use g711::Law;
pub use milliwatt::Milliwatt;
pub use ringback::Ringback;
pub use tone::Tone;

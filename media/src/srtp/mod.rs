//! SRTP and SRTCP (RFC 3711; RFC 6188: AES-256; RFC 7714: AES-GCM): what the peer has protected opened in place, what it is sent sealed in place.
//! Pure: keys come with the plan, time as an argument; nothing is allocated for a packet.
//!
//! ```text
//!            master key, salt                      RTP:   header │ payload, encrypted │ [MKI] │ tag
//!                  │ derivation                    GCM:   header │ payload, encrypted │ tag │ [MKI]
//!      ┌───────────┼───────────┐                   RTCP:  8 octets │ rest, encrypted │ E, index │ [MKI] │ tag
//!   cipher key    salt     auth key                GCM:   8 octets │ rest, encrypted │ tag │ E, index │ [MKI]
//!      └─── CounterMode, Galois ───┘
//!           Outbound  │  Inbound ─ streams ─ Window: which index, seen before?
//! ```
//!
//! | file | what |
//! |---|---|
//! | `security` | both directions of a leg, and what a new plan changes |
//! | `outbound`, `inbound` | one direction |
//! | `window` | the index of a packet (§3.3.1), and whether it was seen before (§3.3.2) |
//! | `cipher` | one of the two transforms |
//! | `counter_mode`, `galois` | AES-CM with HMAC-SHA1, AES-GCM |
//! | `aes`, `mac` | the key stream of AES, HMAC-SHA1 |
//! | `derivation` | session keys (§4.3) |
//! | `packet` | the fields that are read |

mod aes;
mod cipher;
mod counter_mode;
mod derivation;
mod galois;
mod inbound;
mod mac;
mod outbound;
mod packet;
mod security;
#[cfg(test)]
mod tests;
mod window;

pub use inbound::Inbound;
pub use outbound::Outbound;
pub use security::{Renewed, Security};
pub use window::Window;

use router::parameter::SrtpSuite;

/// The most that a packet grows by: a tag of GCM, the index of SRTCP, and the longest master key identifier.
pub const EXPANSION: usize = 16 + 4 + crate::limits::MKI_BYTES;

/// Why a packet is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// It is too short for what it is to be.
    Malformed,
    /// Its tag is not by the key that was agreed.
    Forged,
    /// It was taken before, or is so old that nobody knows.
    Replayed,
}

/// Octets of the tag of RTP packets; those of SRTCP have 10 at least (RFC 4568 §6.2.2).
const fn tag_bytes(suite: SrtpSuite) -> usize {
    match suite {
        SrtpSuite::AesCm128HmacSha1_80 | SrtpSuite::AesCm256HmacSha1_80 => 10,
        SrtpSuite::AesCm128HmacSha1_32 | SrtpSuite::AesCm256HmacSha1_32 => 4,
        SrtpSuite::AeadAes128Gcm | SrtpSuite::AeadAes256Gcm => 16,
    }
}

//! DTLS-SRTP (RFC 5763, RFC 5764): the keys of a leg come about in its media, by a handshake between certificates whose fingerprints stood in SDP.
//! Pure: time is an argument, datagrams come and go by the port.
//!
//! ```text
//!   datagram 20..=63 ──▶ Gate ──▶ Association (rtc-dtls) ──▶ datagrams to the peer
//!                        bounds       │ done: whose certificate? by its fingerprint
//!                                     ▼
//!                                 Protection: the keys of both ways, to `srtp`
//! ```
//!
//! | file | what |
//! |---|---|
//! | `identity` | our certificate, one for the life of the process, and its fingerprint |
//! | `gate` | what of a datagram is let through, and how much in all |
//! | `association` | one handshake and what it comes to |
//!
//! The handshake itself is `rtc-dtls`'s, which has neither sockets nor a clock. It keeps whatever it is sent, in lists without a bound that are gone through by
//! recursion, and ends by any alert in the clear: so nothing reaches it but through the [`Gate`].

mod association;
mod gate;
mod identity;
#[cfg(test)]
mod tests;

pub use association::{Association, Came};
pub use gate::{Gate, Seen};
pub use identity::{Identity, IdentityError};

/// Whether a datagram is one of DTLS, by its first octet (RFC 7983 §7).
#[inline]
pub fn is_dtls(datagram: &[u8]) -> bool {
    matches!(datagram.first(), Some(20..=63))
}

//! Messages of STUN (RFC 8489), as three usages have them: keep-alives of SIP flows (RFC 5626 §4.4.2), connectivity checks of media (ICE, RFC 8445 §7), and
//! what passes between a client and a server that relays for it (TURN, RFC 8656).
//! Octets in, octets out: no socket, no clock, no state, nothing allocated.
//!
//! ```text
//!    0                   1                   2                   3
//!   |0 0|     type                |           length              |
//!   |                       magic cookie                          |
//!   |                 transaction, 96 bits                        |
//!   | attribute type | length | value, padded to four octets | …  |
//! ```
//!
//! | file | what |
//! |---|---|
//! | `message` | a message that is read, where it lies |
//! | `writer` | one that is written, into an array |
//! | `attribute` | kinds of attributes, and which of them a usage understands |
//! | `address` | `XOR-MAPPED-ADDRESS` and its kin |
//! | `channel` | what a server relays, and is to relay, put around and taken from it where it lies |
//! | `credentials` | keys of who has an account at a server |
//! | `nonce` | what a server says by its nonce |
//! | `fingerprint` | the checksum at the end |

mod address;
mod attribute;
pub mod channel;
mod credentials;
mod fingerprint;
pub mod limits;
mod message;
mod nonce;
#[cfg(test)]
mod tests;
mod writer;

pub use attribute::{Role, Usage};
pub use credentials::{Algorithm, Key, limited_account};
pub use message::{Class, Message, Method, Relaying, TransactionId, Unknown, is_stun};
pub use nonce::lists_algorithms;
pub use writer::Writer;

/// What every message has in its second word (RFC 8489 §5).
const COOKIE: u32 = 0x2112_a442;

/// Octets before the attributes.
const HEADER_OCTETS: usize = 20;

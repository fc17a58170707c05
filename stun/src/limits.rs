//! The bounds of messages, each with where it comes from.

/// Longest message that is read, in octets: RFC 8489 §6.1 keeps them below the least MTU of IPv6, 1,280, less the headers of IP and UDP.
pub const READ_OCTETS_MAX: usize = 1_232;

/// Longest message of a server that relays: what a datagram of Ethernet holds, and what stands around it.
pub const RELAYED_OCTETS_MAX: usize = 2_048;

/// Longest realm and nonce that are repeated to a server: RFC 8489 §14.9, §14.10 have 128 characters, which are octets with all servers.
pub const CHALLENGE_OCTETS_MAX: usize = 128;

/// Longest list of algorithms that is repeated to one: four times what there are (RFC 8489 §18.5).
pub const ALGORITHMS_OCTETS_MAX: usize = 32;

/// Longest name that a server knows us by.
pub const USERNAME_OCTETS_MAX: usize = 255;

/// Longest message that is written, in octets: names of 256 octets each (RFC 8839 §5.4), and some 150 of other attributes; or a name, a challenge, an
/// address and an integrity.
pub const WRITTEN_OCTETS_MAX: usize = 720;

/// Attributes of one that are named in the answer as not understood: more than any client sends.
pub const UNKNOWN_MAX: usize = 8;

const _: () = assert!(WRITTEN_OCTETS_MAX <= READ_OCTETS_MAX);
const _: () = assert!(
    20 + 260 + 2 * (4 + CHALLENGE_OCTETS_MAX) + 8 + 4 + ALGORITHMS_OCTETS_MAX + 24 + 3 * 8 + 36 + 8
        <= WRITTEN_OCTETS_MAX
);

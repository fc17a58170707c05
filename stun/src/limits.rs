//! The bounds of messages, each with where it comes from.

/// Longest message that is read, in octets: RFC 8489 §6.1 keeps them below the least MTU of IPv6, 1,280, less the headers of IP and UDP.
pub const READ_OCTETS_MAX: usize = 1_232;

/// Longest message that is written, in octets: names of 256 octets each (RFC 8839 §5.4), and some 150 of other attributes.
pub const WRITTEN_OCTETS_MAX: usize = 720;

/// Attributes of one that are named in the answer as not understood: more than any client sends.
pub const UNKNOWN_MAX: usize = 8;

const _: () = assert!(WRITTEN_OCTETS_MAX <= READ_OCTETS_MAX);

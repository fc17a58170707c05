//! The capacities of the signalling side, each with where it comes from.

/// Longest message that is read, head and body, in octets.
///
/// A UDP payload cannot be longer (65,535 less the IP and UDP headers, RFC 768), and no SIP peer sends more over a
/// stream: the same bound for both keeps a message that was cut from a stream as cheap to hold as a datagram.
pub const MESSAGE_OCTETS_MAX: usize = 65_535;

/// Longest head (start line and header fields with the empty line) that a stream may send before it is cut off.
///
/// Half of the message: a head beyond it carries nothing that SIP needs, and a stream that never sends the empty
/// line stops costing memory here.
pub const HEAD_OCTETS_MAX: usize = 32_768;

/// Most header lines of one message.
///
/// A busy INVITE through a handful of carriers has about 60; four times that, and the index of the lines stays under
/// 5 KiB.
pub const HEADER_LINES_MAX: usize = 256;

/// Longest header line, name, value and folded continuation, in octets.
///
/// The longest seen in the field are Identity tokens (RFC 8224, about 1 KiB) and Record-Route lists (2 KiB); RFC 4475
/// §3.1.1.7 must pass with room.
pub const HEADER_LINE_OCTETS_MAX: usize = 8_192;

/// Most Via values of one message.
///
/// Max-Forwards starts at 70 (RFC 3261 §8.1.1.6) and each hop adds one value, so a longer list is a loop.
pub const VIA_VALUES_MAX: usize = 70;

/// Longest URI, in octets.
///
/// Twice what RFC 4475 §3.1.1.7 asks of a parser, and more than a Refer-To with an embedded Replaces needs.
pub const URI_OCTETS_MAX: usize = 2_048;

/// Most parameters of one value (header parameters, URI parameters or digest fields).
///
/// A Contact of an outbound, WebRTC or IMS phone has up to 20 (feature tags of RFC 3840).
pub const PARAMETERS_MAX: usize = 64;

/// Longest method name, in octets. The longest registered one has 9; RFC 4475 §3.1.1.2 sends 42.
pub const METHOD_OCTETS_MAX: usize = 64;

/// Longest Call-ID, tag or branch, in octets, that is kept as state.
///
/// Implementations send 20 to 100; the value is a key of tables, so its length bounds their memory.
pub const IDENTIFIER_OCTETS_MAX: usize = 512;

/// Max-Forwards of a request that starts here (RFC 3261 §8.1.1.6).
pub const MAX_FORWARDS_DEFAULT: u8 = 70;

const _: () = assert!(HEAD_OCTETS_MAX <= MESSAGE_OCTETS_MAX);
const _: () = assert!(HEADER_LINE_OCTETS_MAX <= HEAD_OCTETS_MAX);
const _: () = assert!(URI_OCTETS_MAX < HEADER_LINE_OCTETS_MAX);
const _: () = assert!(IDENTIFIER_OCTETS_MAX < URI_OCTETS_MAX);
const _: () = assert!(VIA_VALUES_MAX == MAX_FORWARDS_DEFAULT as usize);
const _: () = assert!(MESSAGE_OCTETS_MAX <= u16::MAX as usize, "spans inside a URI are 16 bits wide");

/// Nonces with which somebody proved a secret and whose counts are remembered.
///
/// 100,000 phones that each hold one for its life of five minutes; 100 octets each. At the bound the oldest become stale.
pub const NONCES_IN_USE_MAX: usize = 100_000;

/// Token buckets for sources, for unknown ones and for registered flows alike: 16 octets each, one MiB a table.
///
/// A flood from more addresses than this is met by the limit on all of them together.
pub const SOURCE_BUCKETS: usize = 65_536;

/// Contacts that one account may have at once: a desk phone, a softphone, a mobile, a browser or two, and stale ones of
/// each that have not expired.
pub const CONTACTS_PER_ACCOUNT_MAX: usize = 16;

/// Contacts of one REGISTER: as many as an account may have, and as many again to be removed.
pub const CONTACTS_PER_REGISTER_MAX: usize = 2 * CONTACTS_PER_ACCOUNT_MAX;

/// Proxies in a route set: each is a hop, and 70 hops would be a loop; real paths have up to six.
pub const ROUTES_MAX: usize = 32;

//! Bounds of one session description, and where each comes from.

/// The longest session description that is read, in bytes: what fits into one UDP datagram. Browsers with video and all
/// their candidates send under 10 KiB, carriers under 4 KiB.
pub const SDP_BYTES_MAX: usize = 65_535;

/// The most lines of one description. A browser's offer of audio, video and data has about 250; this leaves four times
/// that.
pub const SDP_LINES_MAX: usize = 1_024;

/// The most media sections (`m=` lines) of one description and so of one dialog, whose sections never become fewer (RFC
/// 3264 §8). Room systems with content sharing send up to 8.
pub const SDP_MEDIA_MAX: usize = 32;

/// The most formats of one `m=` line: an RTP payload type has 7 bits, so more than 128 would repeat.
pub const SDP_FORMATS_MAX: usize = 128;

/// For how many attributes a media section that is read makes room at once: a phone's audio has five to eight, and as many sections as there may be take
/// 16 KiB.
pub const USUAL_ATTRIBUTES: usize = 8;

/// The most `c=` lines of one media section. RFC 8866 §5.7 uses them for layered multicast; nothing known sends more
/// than 3.
pub const SDP_CONNECTIONS_MAX: usize = 16;

/// The longest codec name that is offered or answered, in bytes. The longest registered one (`application/…` apart) has
/// 24.
pub const SDP_ENCODING_BYTES_MAX: usize = 64;

/// The longest `a=fmtp` parameter text that crosses to another leg, in bytes. The longest of an audio codec in use (EVS
/// with every parameter) stays under 300.
pub const SDP_FMTP_BYTES_MAX: usize = 1_024;

/// The most `a=crypto` lines of one media section that are read: phones write up to 8, one a suite.
pub const SDP_CRYPTO_MAX: usize = 16;

/// The longest master key identifier that is carried, in octets: phones write 1 to 4. It stands in every packet.
pub const SDP_MKI_BYTES_MAX: usize = 16;

/// The most `a=fingerprint` lines of one level that are read: one a hash, for a certificate or two.
pub const SDP_FINGERPRINTS_MAX: usize = 8;

/// The most `a=candidate` lines of one media section that are read: browsers write some twenty, of two components and several networks.
pub const SDP_CANDIDATES_MAX: usize = 64;

/// The longest name of a media section (`a=mid`) that is repeated in an answer, in bytes: browsers write a digit or two, others a word.
pub const SDP_MID_BYTES_MAX: usize = 64;

// Every media section takes a line, and its formats fit into the bytes.
const _: () = assert!(SDP_MEDIA_MAX < SDP_LINES_MAX);
const _: () = assert!(SDP_FORMATS_MAX * 4 < SDP_BYTES_MAX);
const _: () = assert!(SDP_FMTP_BYTES_MAX + SDP_ENCODING_BYTES_MAX < SDP_BYTES_MAX);

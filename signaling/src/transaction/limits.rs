//! The capacities of the transaction layer, each with where it comes from.

use router::time::Duration;

/// Server transactions at once: 1,000 calls a second leave two each (INVITE and BYE) that linger for 32 s, and 15,000
/// calls may ring. One that lingers costs about 1 KiB. Above half of it they linger for T4 alone, so that the places between that and those that are
/// [reserved](SERVERS_RESERVED) serve 4,900 calls a second, more than a shard does.
pub const SERVERS_MAX: usize = 1 << 17;

/// New INVITEs are refused when only so many places are left: they stay for what ends calls.
pub const SERVERS_RESERVED: usize = SERVERS_MAX / 8;

/// Client transactions at once: as [`SERVERS_MAX`], from the side of the callee. A call leaves its INVITE, for twice T4 above half of it, and its BYE for T4 in
/// any case.
pub const CLIENTS_MAX: usize = 1 << 17;

/// New INVITEs are not sent when only so many places are left: they stay for what ends calls.
pub const CLIENTS_RESERVED: usize = CLIENTS_MAX / 8;

/// Longest key of a transaction that is kept as it is; a longer one is kept as its SHA-256. Branch, sent-by and method
/// of all but odd clients have 60 to 120 octets.
pub const KEY_OCTETS_MAX: usize = 256;

/// What a client is told to wait when the table is full: as long as a quarter of it takes to drain.
pub const RETRY_AFTER: Duration = Duration::from_secs(8);

/// Longest Reason that goes with a CANCEL, in octets.
pub const REASON_OCTETS_MAX: usize = 256;

const _: () = assert!(SERVERS_RESERVED < SERVERS_MAX && CLIENTS_RESERVED < CLIENTS_MAX);
const _: () = assert!(KEY_OCTETS_MAX > 32);

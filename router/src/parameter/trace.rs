//! The last messages of a call: our own debugger.

use crate::private::Private;
use crate::time::WallTime;
use minicbor::{Decode, Encode};

/// Which way a message went.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum TraceDirection {
    /// To us.
    #[n(1)]
    Received,
    /// From us.
    #[n(2)]
    Sent,
}

/// A message that was sent or received. `Query × TraceEntry` with a `Selection` (its `name`: a leg's or call's id) is
/// answered with those in the ring, oldest first.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct TraceEntry {
    /// When.
    #[n(0)]
    pub at: WallTime,
    /// Which way.
    #[n(1)]
    pub direction: TraceDirection,
    /// `udp`, `tcp`.
    #[n(2)]
    pub transport: String,
    /// Our address.
    #[n(3)]
    pub local: String,
    /// The peer's address.
    #[n(4)]
    pub remote: Private<String>,
    /// The leg's own name (SIP: Call-ID).
    #[n(5)]
    pub leg_id: String,
    /// The message; long ones are cut.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub message: Vec<u8>,
    /// Whether it was cut.
    #[n(7)]
    pub truncated: bool,
}

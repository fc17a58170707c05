//! What the transports of a shard have counted.

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransportCounters {
    /// Messages received.
    pub received: u64,
    /// Messages given to the system or queued for a connection.
    pub sent: u64,
    /// Messages that did not leave.
    pub failed: u64,
    /// Datagrams that the system had no room to send. Transactions send theirs again.
    pub lost: u64,
    /// Datagrams that came and that the system dropped, as the receive buffer was full.
    pub overflowed: u64,
    /// Connections accepted.
    pub accepted: u64,
    /// Connections that peers opened and that were closed at once, at a bound.
    pub rejected: u64,
    /// Connections of peers that had not shown who they are, closed as others needed the place.
    pub displaced: u64,
    /// Connections that were to be opened from here.
    pub opened: u64,
    /// Connections closed as the peer did not read.
    pub congested: u64,
    /// Handshakes of TLS and WebSocket that came to nothing, with peers that opened the connection.
    pub handshakes_failed: u64,
    /// Connections that were closed before their handshake, as their source or strangers in all had begun too many.
    pub handshakes_limited: u64,
    /// Connections at this moment.
    pub open: u64,
    /// How many there may be.
    pub places: u64,
}

//! Bounds of the connections of a shard.

use super::limits::{
    CONNECT_TIMEOUT, CONNECTIONS_MAX, CONNECTIONS_PER_SOURCE, CONNECTIONS_RESERVED, FIRST_MESSAGE_TIMEOUT,
    HANDSHAKES_PER_SOURCE, HANDSHAKES_TOTAL, IDLE_TIMEOUT, MESSAGE_TIMEOUT, PING_INTERVAL, PONG_TIMEOUT,
    STRANGER_TIMEOUT, WEBSOCKET_PING_INTERVAL, WRITE_QUEUE_OCTETS,
};
use crate::admission::Rate;
use router::time::Duration;

/// Bounds of the connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransportSettings {
    /// The shard whose sockets these are: its connections are named by it.
    pub shard: u8,
    /// Whether other shards bind the same addresses, among which the kernel spreads what comes (SO_REUSEPORT).
    pub shared: bool,
    /// Connections at once.
    pub connections: usize,
    /// Of them, those that only trunks and what is opened from here may take.
    pub connections_reserved: usize,
    /// Accepted connections from one host, an IPv4 address or an IPv6 /64, that is no trunk's.
    pub connections_per_source: usize,
    /// Octets that wait to be written to one connection; at the bound it is closed.
    pub write_queue_octets: usize,
    /// How long opening a connection may take.
    pub connect_timeout: Duration,
    /// How long the first message may take to come, whole, on a connection that a peer opened.
    pub first_message_timeout: Duration,
    /// How long a connection that a peer opened, and that is no trunk's, may take until it has led to somebody known.
    pub stranger_timeout: Duration,
    /// How long a message may take to come or go once it has begun.
    pub message_timeout: Duration,
    /// How long nothing may come or go.
    pub idle_timeout: Duration,
    /// How often a connection that was opened from here is pinged at least.
    pub ping_interval: Duration,
    /// How often a WebSocket is pinged at least.
    pub websocket_ping_interval: Duration,
    /// Handshakes of TLS that one host may begin that is no trunk's.
    pub handshakes_per_source: Rate,
    /// Those that all such hosts may begin.
    pub handshakes_total: Rate,
    /// How long a peer that is known to answer pings may take for it.
    pub pong_timeout: Duration,
}

impl Default for TransportSettings {
    fn default() -> Self {
        Self {
            shard: 0,
            shared: false,
            connections: CONNECTIONS_MAX,
            connections_reserved: CONNECTIONS_RESERVED,
            connections_per_source: CONNECTIONS_PER_SOURCE,
            write_queue_octets: WRITE_QUEUE_OCTETS,
            connect_timeout: CONNECT_TIMEOUT,
            first_message_timeout: FIRST_MESSAGE_TIMEOUT,
            stranger_timeout: STRANGER_TIMEOUT,
            message_timeout: MESSAGE_TIMEOUT,
            idle_timeout: IDLE_TIMEOUT,
            ping_interval: PING_INTERVAL,
            websocket_ping_interval: WEBSOCKET_PING_INTERVAL,
            handshakes_per_source: HANDSHAKES_PER_SOURCE,
            handshakes_total: HANDSHAKES_TOTAL,
            pong_timeout: PONG_TIMEOUT,
        }
    }
}

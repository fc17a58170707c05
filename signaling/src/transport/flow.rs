//! Where a message came from, and where one is to go.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

use super::kind::Transport;
use crate::trunk::TrunkId;

/// One of the server's listeners, by its place in [`Listeners`](super::Listeners).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListenerId(pub u16);

/// One connection of a stream transport. Never used again within a process. The upper octet is the shard that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

impl ConnectionId {
    /// The bits below the shard's.
    const NUMBER_BITS: u32 = 56;

    /// The `number`th connection of a shard.
    pub const fn of_shard(shard: u8, number: u64) -> ConnectionId {
        ConnectionId((shard as u64) << Self::NUMBER_BITS | (number & ((1 << Self::NUMBER_BITS) - 1)))
    }

    /// The shard that accepted or opened it.
    pub const fn shard(self) -> u8 {
        (self.0 >> Self::NUMBER_BITS) as u8
    }
}

/// The way on which a message came (RFC 5626 §3.1): what is sent back on it passes the NATs that it passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// The transport.
    pub transport: Transport,
    /// The listener whose socket it is; for a connection that was opened from here, the listener that stands in its
    /// Via.
    pub listener: ListenerId,
    /// Our end: the very address that the message came to, also where the listener is bound to every one.
    pub local: SocketAddr,
    /// The peer's end.
    pub remote: SocketAddr,
    /// The connection of a stream transport.
    pub connection: Option<ConnectionId>,
}

/// Where a message is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Destination {
    /// The transport.
    pub transport: Transport,
    /// The peer's address.
    pub remote: SocketAddr,
    /// From which listener; `None`: [`Listeners::select`](super::Listeners::select) chooses.
    pub listener: Option<ListenerId>,
    /// The address of ours that it leaves from and that peers are told, where the listener is bound to every one; `None`: what
    /// the system chooses, and what the listener advertises. A connection has its own already.
    pub local: Option<IpAddr>,
    /// What a stream transport does about the connection.
    pub connection: Connection,
    /// Whether a request may go by TCP instead of UDP when it is too long (RFC 3261 §18.1.1).
    pub may_upgrade: bool,
    /// The trunk that it is: over TLS a connection is opened to whom it is known what to prove alone, and taken by nobody else's
    /// messages (RFC 5922 §7.3).
    pub trunk: Option<TrunkId>,
}

/// Which connection a message to a [`Destination`] takes. Without meaning for UDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Connection {
    /// One that was opened from here to that address before, or a new one.
    Any,
    /// This one and no other: that of a flow behind NAT.
    Only(ConnectionId),
    /// This one; once it is gone, any to that address: responses (RFC 3261 §18.2.2).
    Prefer(ConnectionId, SocketAddr),
}

impl Destination {
    /// An address.
    pub const fn address(transport: Transport, remote: SocketAddr) -> Destination {
        Destination {
            transport,
            remote,
            listener: None,
            local: None,
            connection: Connection::Any,
            may_upgrade: true,
            trunk: None,
        }
    }

    /// Back on the way on which something came, and on no other.
    pub const fn flow(flow: &Flow) -> Destination {
        let connection = match flow.connection {
            Some(connection) => Connection::Only(connection),
            None => Connection::Any,
        };
        let local = flow.local.ip();
        Destination {
            transport: flow.transport,
            remote: flow.remote,
            listener: Some(flow.listener),
            local: if local.is_unspecified() { None } else { Some(local) },
            connection,
            may_upgrade: false,
            trunk: None,
        }
    }

    /// From that listener.
    #[must_use]
    pub const fn from_listener(mut self, listener: ListenerId) -> Destination {
        self.listener = Some(listener);
        self
    }

    /// From that address of ours, if it is one.
    #[must_use]
    pub fn from_local(mut self, local: IpAddr) -> Destination {
        self.local = Some(local).filter(|local| !local.is_unspecified());
        self
    }

    /// Of that trunk.
    #[must_use]
    pub const fn of_trunk(mut self, trunk: Option<TrunkId>) -> Destination {
        self.trunk = trunk;
        self
    }

    /// By that transport, however long the message is.
    #[must_use]
    pub const fn exactly(mut self) -> Destination {
        self.may_upgrade = false;
        self
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.transport.parameter(), self.remote)
    }
}

/// What the sender of a [`Transmit`] is told it by when it fails. Opaque to the transports, but for the octet in which they
/// note the shard of a sender while its message is another shard's to send; senders leave it zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token(pub u64);

impl Token {
    /// Where the octet lies: above the numbers of as many transactions as there are.
    const SHARD_AT: u32 = 24;

    /// The token of another shard's message.
    pub(super) const fn marked(self, shard: u8) -> Token {
        Token(self.0 | (shard as u64 + 1) << Self::SHARD_AT)
    }

    /// The shard that is told, where it is another, and its own token.
    pub(super) const fn shard(self) -> Option<(u8, Token)> {
        match (self.0 >> Self::SHARD_AT) as u8 {
            0 => None,
            shard => Some((shard - 1, Token(self.0 & !(0xff << Self::SHARD_AT)))),
        }
    }
}

const _: () = assert!(crate::transaction::limits::CLIENTS_MAX <= 1 << Token::SHARD_AT);
const _: () = assert!(crate::transaction::limits::SERVERS_MAX <= 1 << Token::SHARD_AT);

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Where to.
    pub destination: Destination,
    /// The whole message.
    pub bytes: Bytes,
    /// Comes back in [`TransportEvent::Failed`](super::TransportEvent::Failed); `None`: nobody asks.
    pub token: Option<Token>,
}

/// A message that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// On which way.
    pub flow: Flow,
    /// The whole message: a datagram, or cut from a stream.
    pub bytes: Bytes,
}

/// Why a message did not leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransportFailure {
    /// No listener has that transport and address family.
    NoListener,
    /// The peer refused the connection.
    Refused,
    /// No connection in time.
    TimedOut,
    /// The network says that there is no way there.
    Unreachable,
    /// The connection ended, or had ended before.
    Closed,
    /// The peer does not read: its queue is full.
    Congested,
    /// As many connections as there may be.
    TooManyConnections,
    /// There was no agreement on TLS, or the peer is not known to be who it should be.
    Untrusted,
    /// Longer than a datagram.
    TooLong,
    /// The system refused it.
    System,
}

impl fmt::Display for TransportFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            TransportFailure::NoListener => "no listener of that transport and address family",
            TransportFailure::Refused => "connection refused",
            TransportFailure::TimedOut => "no connection in time",
            TransportFailure::Unreachable => "unreachable",
            TransportFailure::Closed => "connection closed",
            TransportFailure::Congested => "the peer does not read",
            TransportFailure::TooManyConnections => "too many connections",
            TransportFailure::Untrusted => "no agreement on TLS, or not with whom it should be",
            TransportFailure::TooLong => "longer than a datagram",
            TransportFailure::System => "the system refused it",
        })
    }
}

impl std::error::Error for TransportFailure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_and_tokens_say_whose_they_are() {
        let connection = ConnectionId::of_shard(31, 7);
        assert_eq!((connection.shard(), ConnectionId::of_shard(0, 7)), (31, ConnectionId(7)));
        let token = Token(1 << 63 | 5 << 32 | 0xff_ffff);
        assert_eq!(token.shard(), None);
        assert_eq!(token.marked(0).shard(), Some((0, token)));
        assert_eq!(token.marked(31).shard(), Some((31, token)));
    }

    #[test]
    fn a_flow_is_its_own_destination() {
        let flow = Flow {
            transport: Transport::Tcp,
            listener: ListenerId(2),
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: "198.51.100.7:49152".parse().unwrap(),
            connection: Some(ConnectionId(9)),
        };
        let back = Destination::flow(&flow);
        assert_eq!(back.connection, Connection::Only(ConnectionId(9)));
        assert_eq!((back.remote, back.listener, back.may_upgrade), (flow.remote, Some(ListenerId(2)), false));
        assert_eq!(back.local, Some(flow.local.ip()));
        let nowhere = Flow { local: "0.0.0.0:5060".parse().unwrap(), ..flow };
        assert_eq!(Destination::flow(&nowhere).local, None);
        assert_eq!(back.to_string(), "tcp 198.51.100.7:49152");
    }
}

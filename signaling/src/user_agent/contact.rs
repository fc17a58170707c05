//! Our own Contact (RFC 3261 §8.1.1.8), and the text of a flow.

use crate::transport::{Connection, ConnectionId, Destination, Flow, Listener, ListenerId, Listeners, Transport};
use std::net::SocketAddr;

/// The value of our Contact at a listener.
pub(crate) fn contact(listener: &Listener) -> String {
    let advertised = listener.advertised();
    match listener.transport() {
        Transport::Udp => format!("<sip:{advertised}>"),
        transport => format!("<sip:{advertised};transport={}>", transport.parameter()),
    }
}

/// A flow as a binding keeps it: `udp 192.0.2.1:5060 198.51.100.7:41234`.
pub(crate) fn flow_text(flow: &Flow) -> String {
    format!("{} {} {}", flow.transport.parameter(), flow.local, flow.remote)
}

/// An open connection as shards tell it each other: the text of its flow with the listener and the connection,
/// `tcp 192.0.2.1:5060 198.51.100.7:41234 0 1f`. Nothing that outlives the process has this.
pub(crate) fn flow_text_of_connection(flow: &Flow) -> String {
    match flow.connection {
        Some(connection) => format!("{} {} {:x}", flow_text(flow), flow.listener.0, connection.0),
        None => flow_text(flow),
    }
}

/// What the text of a flow says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FlowText {
    pub(crate) transport: Transport,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    connection: Option<(ListenerId, ConnectionId)>,
}

impl FlowText {
    /// Reads it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let transport = Transport::parse(words.next()?)?;
        let (local, remote) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let connection = match (words.next(), words.next()) {
            (None, _) => None,
            (Some(listener), Some(number)) if words.next().is_none() => {
                let number = u64::from_str_radix(number, 16).ok()?;
                Some((ListenerId(listener.parse().ok()?), ConnectionId(number)))
            }
            (Some(_), _) => return None,
        };
        Some(Self { transport, local, remote, connection })
    }

    /// The connection, where it says which one.
    pub(crate) fn connection(&self) -> Option<Flow> {
        let Self { transport, local, remote, connection } = *self;
        let (listener, connection) = connection?;
        Some(Flow { transport, listener, local, remote, connection: Some(connection) })
    }

    /// Where a request goes by it: for UDP from the same listener, if that is bound still. For a stream the connection
    /// itself is needed, so there is none here.
    pub(crate) fn datagrams(&self, listeners: &Listeners) -> Option<Destination> {
        if self.transport != Transport::Udp {
            return None;
        }
        let (listener, _) = listeners
            .iter()
            .find(|(_, listener)| listener.transport() == self.transport && listener.local() == self.local)?;
        let destination = Destination::address(self.transport, self.remote);
        Some(Destination { connection: Connection::Any, ..destination.from_listener(listener).exactly() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{ConnectionId, ListenerId};

    #[test]
    fn a_flow_reads_back() {
        let flow = Flow {
            transport: Transport::Tcp,
            listener: ListenerId(0),
            local: "[2001:db8::1]:5060".parse().unwrap(),
            remote: "[2001:db8::7]:41234".parse().unwrap(),
            connection: Some(ConnectionId(1)),
        };
        let read = FlowText::parse(&flow_text(&flow)).unwrap();
        assert_eq!((read.transport, read.local, read.remote), (flow.transport, flow.local, flow.remote));
        assert_eq!(read.connection(), None);
        let read = FlowText::parse(&flow_text_of_connection(&flow)).unwrap();
        assert_eq!(read.connection(), Some(flow));
        assert_eq!(FlowText::parse("udp 1 2"), None);
        assert_eq!(FlowText::parse("udp 192.0.2.1:1 192.0.2.1:2 more"), None);
    }
}

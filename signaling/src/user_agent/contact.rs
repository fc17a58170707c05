//! Our own Contact (RFC 3261 §8.1.1.8), and the text of a flow.

use crate::transport::{Connection, Destination, Flow, Listener, Listeners, Transport};
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

/// What the text of a flow says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FlowText {
    pub(crate) transport: Transport,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
}

impl FlowText {
    /// Reads it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let transport = Transport::parse(words.next()?)?;
        let (local, remote) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        words.next().is_none().then_some(Self { transport, local, remote })
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
        assert_eq!(FlowText::parse("udp 1 2"), None);
        assert_eq!(FlowText::parse("udp 192.0.2.1:1 192.0.2.1:2 more"), None);
    }
}

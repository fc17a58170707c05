//! Our own Contact (RFC 3261 §8.1.1.8), and the text of a flow.

use crate::dialog::{Dialog, listens_at};
use crate::message::{Message, Scheme, UriRef, written};
use crate::transport::{ConnectionId, Destination, Flow, Listener, ListenerId, Listeners, Transport};
use std::net::{IpAddr, SocketAddr};

/// The value of our Contact at a listener, for a peer that reached that address of ours.
pub(crate) fn contact(listener: &Listener, local: Option<IpAddr>) -> String {
    let advertised = listener.advertised_from(local);
    match listener.transport() {
        Transport::DEFAULT => written(("<sip:", advertised, ">")),
        transport => written(("<sip:", advertised, ";transport=", transport.uri_parameter(), ">")),
    }
}

/// The value of our Contact beside a request with that URI: `sips:` for `sips:` (RFC 3261 §8.1.1.8, §12.1.1), whose TLS need not be
/// written any more.
pub(crate) fn contact_for(contact: String, request_uri: UriRef<'_>) -> String {
    match request_uri.scheme() {
        Scheme::Sips => contact.replacen("<sip:", "<sips:", 1).replace(";transport=tls", ""),
        _ => contact,
    }
}

/// The same with a user, by whom what comes for it is known.
pub(crate) fn contact_of(listener: &Listener, local: Option<IpAddr>, user: &str) -> String {
    let advertised = listener.advertised_from(local);
    match listener.transport() {
        Transport::DEFAULT => format!("<sip:{user}@{advertised}>"),
        transport => format!("<sip:{user}@{advertised};transport={}>", transport.parameter()),
    }
}

/// A flow as a binding keeps it: `udp 192.0.2.1:5060 198.51.100.7:41234`.
pub(crate) fn flow_text(flow: &Flow) -> String {
    format!("{} {} {}", flow.transport.parameter(), flow.local, flow.remote)
}

/// The same of who has registered by that message. One that is sent to by datagrams and asks for no `rport` may listen elsewhere than it sends from
/// (RFC 3261 §18.1.1): `udp;listens 192.0.2.1:5060 198.51.100.7:41234` says so.
pub(crate) fn flow_text_by(message: &Message, flow: &Flow) -> String {
    let text = flow_text(flow);
    if Dialog::listens_at_its_contact(message, flow) { text.replacen(' ', LISTENS, 1) } else { text }
}

/// Behind the transport of such a flow.
const LISTENS: &str = ";listens ";

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
    /// Its phone listens where its Contact says, if that is of the same host.
    listens: bool,
}

impl FlowText {
    /// Reads it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let transport = words.next()?;
        let plain = transport.strip_suffix(LISTENS.trim_end());
        let (transport, listens) = (Transport::parse(plain.unwrap_or(transport))?, plain.is_some());
        let (local, remote) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let connection = match (words.next(), words.next()) {
            (None, _) => None,
            (Some(listener), Some(number)) if words.next().is_none() => {
                let number = u64::from_str_radix(number, 16).ok()?;
                Some((ListenerId(listener.parse().ok()?), ConnectionId(number)))
            }
            (Some(_), _) => return None,
        };
        Some(Self { transport, local, remote, connection, listens })
    }

    /// The connection, where it says which one.
    pub(crate) fn connection(&self) -> Option<Flow> {
        let Self { transport, local, remote, connection, .. } = *self;
        let (listener, connection) = connection?;
        Some(Flow { transport, listener, local, remote, connection: Some(connection) })
    }

    /// The flow itself, if it is there still: a connection that it names, or datagrams of a listener that is bound.
    pub(crate) fn flow(&self, listeners: &Listeners) -> Option<Flow> {
        let Self { transport, local, remote, .. } = *self;
        self.connection().or_else(|| {
            let listener = self.datagrams(listeners)?.listener?;
            Some(Flow { transport, listener, local, remote, connection: None })
        })
    }

    /// Whether it is one to that address by that transport.
    pub(crate) fn is_of(&self, transport: Transport, remote: SocketAddr) -> bool {
        (self.transport, self.remote) == (transport, remote)
    }

    /// Whether its phone listens where its Contact says.
    pub(crate) fn listens(&self) -> bool {
        self.listens
    }

    /// The same way by a connection that is still to be made.
    pub(crate) fn anew(&self, listeners: &Listeners) -> Option<Flow> {
        let Self { transport, local, remote, .. } = *self;
        let is_of =
            |listener: &Listener| (listener.transport(), listener.local().is_ipv4()) == (transport, remote.is_ipv4());
        let (listener, _) = listeners.iter().find(|(_, listener)| is_of(listener))?;
        Some(Flow { transport, listener, local, remote, connection: None })
    }

    /// The same flow, to where its phone listens, whose Contact that is.
    pub(crate) fn to_contact(mut self, contact: UriRef<'_>) -> Self {
        if let (true, Some(remote)) = (self.listens, listens_at(contact, self.remote)) {
            self.remote = remote;
        }
        self
    }

    /// Where a request goes by it: for datagrams from the same listener and address, if that is bound still. For a stream the connection
    /// itself is needed, so there is none here.
    pub(crate) fn datagrams(&self, listeners: &Listeners) -> Option<Destination> {
        if self.transport.is_reliable() {
            return None;
        }
        let serves = |bound: SocketAddr| {
            bound == self.local
                || bound.ip().is_unspecified()
                    && (bound.is_ipv4(), bound.port()) == (self.local.is_ipv4(), self.local.port())
        };
        let (listener, _) = listeners
            .iter()
            .find(|(_, listener)| listener.transport() == self.transport && serves(listener.local()))?;
        let destination = Destination::address(self.transport, self.remote);
        Some(destination.from_listener(listener).from_local(self.local.ip()).exactly())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{ConnectionId, ListenerId};

    #[test]
    fn a_request_leaves_from_the_address_that_its_flow_came_to() {
        let listener = |local: &str| Listener::new(Transport::Udp, local.parse().unwrap(), None);
        let listeners =
            Listeners::new(vec![listener("192.0.2.1:5070"), listener("0.0.0.0:5060"), listener("[::]:5060")]);
        for (text, listener, local) in [
            ("udp 192.0.2.1:5070 198.51.100.7:5062", Some(0), Some("192.0.2.1")),
            ("udp 192.0.2.9:5060 198.51.100.7:5062", Some(1), Some("192.0.2.9")),
            ("udp 0.0.0.0:5060 198.51.100.7:5062", Some(1), None),
            ("udp [2001:db8::9]:5060 [2001:db8::7]:5062", Some(2), Some("2001:db8::9")),
            ("udp 192.0.2.9:5070 198.51.100.7:5062", None, None),
        ] {
            let to = FlowText::parse(text).unwrap().datagrams(&listeners);
            assert_eq!(to.and_then(|to| to.listener), listener.map(ListenerId), "{text}");
            assert_eq!(to.and_then(|to| to.local), local.map(|local| local.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn a_contact_is_as_secure_as_what_it_answers() {
        let at = |transport| contact(&Listener::new(transport, "192.0.2.1:5061".parse().unwrap(), None), None);
        let beside = |uri: &str, transport| contact_for(at(transport), UriRef::parse(uri.as_bytes()).unwrap());
        assert_eq!(beside("sip:a@h", Transport::Tls), "<sip:192.0.2.1:5061;transport=tls>");
        assert_eq!(beside("sips:a@h", Transport::Tls), "<sips:192.0.2.1:5061>");
        assert_eq!(beside("sip:a@h", Transport::Wss), "<sip:192.0.2.1:5061;transport=ws>");
        assert_eq!(beside("sips:a@h", Transport::Wss), "<sips:192.0.2.1:5061;transport=ws>");
        assert_eq!(beside("tel:1", Transport::Udp), "<sip:192.0.2.1:5061>");
    }

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

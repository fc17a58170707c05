//! Where in-dialog requests go.

use crate::message::{Scheme, UriRef};
use crate::transport::{Connection, Destination, Flow, Sought, Transport};
use crate::trunk::TrunkId;
use std::net::{IpAddr, SocketAddr};

/// How a peer is reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// A phone, maybe behind NAT: by the flow on which it registered or called, whatever its Contact says
    /// (RFC 5626 §5.3); where proxies recorded themselves, at the port that they recorded. One that asks for no `rport` (RFC 3581) may listen at another port than it
    /// sends from (RFC 3261 §18.1.1): at that of its Contact, where this is of the host that it sends from.
    Flow,
    /// A trunk: by its Route or Contact, as RFC 3261 §12.2.1.1 says.
    Uri(TrunkId),
}

/// A next hop: an address, or a name that has to be resolved first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NextHop {
    /// Send there.
    Address(Destination),
    /// A name: resolve it; until then, what is given is the best guess (where the peer's last message came from).
    Name {
        /// What is to be found.
        sought: Sought,
        /// Where the peer's last message came from.
        meanwhile: Destination,
    },
}

/// Where a phone that sends from `source` listens by its Contact; `None`: that is of another host, or a name.
pub(crate) fn listens_at(contact: UriRef<'_>, source: SocketAddr) -> Option<SocketAddr> {
    let address = contact.address()?.to_canonical();
    let port = contact.port().unwrap_or(Transport::Udp.default_port());
    (contact.scheme() == Scheme::Sip && address == source.ip().to_canonical())
        .then_some(SocketAddr::new(source.ip(), port))
}

impl NextHop {
    /// The next hop for a URI. `flow` is where the messages of the peer come from, which is that trunk, if it is one.
    pub fn of_uri(uri: UriRef<'_>, flow: &Flow, trunk: Option<TrunkId>) -> Self {
        Self::of_uri_as(uri, flow, trunk, uri.scheme() == Scheme::Sips)
    }

    /// The same; `secure`: over TLS, whatever is written (RFC 3261 §26.2.2).
    pub fn of_uri_as(uri: UriRef<'_>, flow: &Flow, trunk: Option<TrunkId>, secure: bool) -> Self {
        let back = Destination::flow(flow).of_trunk(trunk);
        if !uri.scheme().is_sip() {
            return Self::Address(back);
        }
        let written = uri.transport().and_then(Transport::parse);
        let transport = match written.unwrap_or(flow.transport) {
            plain if secure && !plain.is_secure() => Transport::Tls,
            transport => transport,
        };
        let port = uri.port().unwrap_or_else(|| transport.default_port());
        let host = uri.parameter("maddr").and_then(crate::message::host_address).or_else(|| uri.address());
        match host {
            Some(address) => Self::Address(Self::at(address, port, transport, flow, back)),
            None => {
                let named = uri.transport().is_some() || transport != Transport::DEFAULT;
                let sought = Sought::new(uri.host(), uri.port(), named.then_some(transport));
                Self::Name { sought, meanwhile: back }
            }
        }
    }

    /// Where to send now.
    pub fn now(&self) -> &Destination {
        match self {
            Self::Address(destination) | Self::Name { meanwhile: destination, .. } => destination,
        }
    }

    fn at(address: IpAddr, port: u16, transport: Transport, flow: &Flow, back: Destination) -> Destination {
        let remote = SocketAddr::new(address, port);
        // The peer itself: its connection is there already.
        if transport == flow.transport && address.is_unspecified() {
            return back;
        }
        if transport == flow.transport && remote == flow.remote {
            // Once it is gone, another one is opened: a call may outlive it.
            let again = |connection| Connection::Prefer(connection, remote);
            return Destination { connection: flow.connection.map_or(back.connection, again), ..back };
        }
        let destination = Destination::address(transport, remote).of_trunk(back.trunk);
        if transport == flow.transport && remote.is_ipv4() == flow.remote.is_ipv4() {
            return destination.from_listener(flow.listener).from_local(flow.local.ip());
        }
        destination
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{ConnectionId, ListenerId};

    fn flow(transport: Transport) -> Flow {
        Flow {
            transport,
            listener: ListenerId(1),
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: "198.51.100.7:41234".parse().unwrap(),
            connection: transport.is_reliable().then_some(ConnectionId(3)),
        }
    }

    fn hop(uri: &str, transport: Transport) -> NextHop {
        NextHop::of_uri(UriRef::parse(uri.as_bytes()).unwrap(), &flow(transport), Some(TrunkId(2)))
    }

    #[test]
    fn a_uri_says_address_port_and_transport() {
        let other = hop("sip:bob@203.0.113.9:5070", Transport::Udp);
        assert_eq!(other.now().remote, "203.0.113.9:5070".parse().unwrap());
        assert_eq!(other.now().listener, Some(ListenerId(1)));
        let tcp = hop("sip:bob@203.0.113.9;transport=tcp", Transport::Udp);
        assert_eq!((tcp.now().transport, tcp.now().remote.port()), (Transport::Tcp, 5060));
        assert_eq!(tcp.now().listener, None);
    }

    #[test]
    fn the_peers_own_connection_is_used_again() {
        let same = hop("sip:bob@198.51.100.7:41234;transport=tcp", Transport::Tcp);
        let connection = Connection::Prefer(ConnectionId(3), "198.51.100.7:41234".parse().unwrap());
        let own = Destination { connection, ..Destination::flow(&flow(Transport::Tcp)) };
        assert_eq!(same.now(), &own.of_trunk(Some(TrunkId(2))));
    }

    #[test]
    fn a_secure_uri_goes_over_tls() {
        let shown = |uri: &str, transport| hop(uri, transport).now().to_string();
        assert_eq!(shown("sips:bob@203.0.113.9", Transport::Udp), "tls 203.0.113.9:5061");
        assert_eq!(shown("sips:bob@203.0.113.9:5070;transport=tcp", Transport::Tcp), "tls 203.0.113.9:5070");
        assert_eq!(shown("sip:bob@203.0.113.9", Transport::Tls), "tls 203.0.113.9:5061");
        assert_eq!(hop("sips:bob@203.0.113.9", Transport::Tls).now().trunk, Some(TrunkId(2)));
    }

    #[test]
    fn a_name_goes_back_until_it_is_resolved() {
        let back = |transport| Destination::flow(&flow(transport)).of_trunk(Some(TrunkId(2)));
        for (uri, transport, expected) in [
            ("sip:bob@Gateway.example", Transport::Udp, "gateway.example"),
            ("sip:bob@gateway.example:5070", Transport::Tcp, "tcp:gateway.example:5070"),
            ("sip:bob@gateway.example;transport=udp", Transport::Tcp, "udp:gateway.example"),
        ] {
            let NextHop::Name { sought, meanwhile } = hop(uri, transport) else { panic!("a name is to be resolved") };
            assert_eq!((sought.to_string().as_str(), meanwhile), (expected, back(transport)));
        }
    }
}

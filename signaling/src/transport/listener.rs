//! The server's listeners: what is bound, and what peers are told.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::flow::{Destination, ListenerId};
use super::kind::Transport;
use super::policy::SharedPolicy;
use super::tls::ClientCertificates;
use crate::message::{Value, Via, host_address};

/// DSCP of signalling: class selector 5 (RFC 4594 §4.2).
pub const DSCP_DEFAULT: u8 = 40;

/// What a listener is asked to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerConfig {
    /// The transport.
    pub transport: Transport,
    /// The address to bind. Port 0 lets the system choose.
    pub bind: SocketAddr,
    /// What stands in Via and Contact instead of the bound address: the outside of a NAT, or a name. `None`: the bound
    /// address; where that is unspecified, the one that the peer reached, and for a peer that has reached none yet the one
    /// from which the host reaches the world.
    pub advertised: Option<Advertised>,
    /// Differentiated services code point of what is sent, 0 to 63 (RFC 2474).
    pub dscp: u8,
    /// What connections to it go by: needed for TLS.
    pub policy: Option<SharedPolicy>,
    /// Whether who opens a connection of TLS shows a certificate.
    pub client_certificates: ClientCertificates,
}

impl ListenerConfig {
    /// A listener that advertises what it binds.
    pub const fn new(transport: Transport, bind: SocketAddr) -> ListenerConfig {
        ListenerConfig {
            transport,
            bind,
            advertised: None,
            dscp: DSCP_DEFAULT,
            policy: None,
            client_certificates: ClientCertificates::Never,
        }
    }
}

/// Host and port as they stand in Via and Contact.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Advertised {
    host: Box<str>,
    port: u16,
}

impl Advertised {
    /// A host name or an address, an IPv6 address with or without brackets. `None` if it is neither.
    pub fn new(host: &str, port: u16) -> Option<Advertised> {
        if let Some(address) = host_address(host) {
            return Some(Advertised::address(SocketAddr::new(address, port)));
        }
        let named = !host.is_empty()
            && host.len() <= 253
            && host.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.'));
        named.then(|| Advertised { host: host.into(), port })
    }

    /// An address.
    pub fn address(address: SocketAddr) -> Advertised {
        let host = match address.ip().to_canonical() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        };
        Advertised { host: host.into(), port: address.port() }
    }

    /// The host, an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Advertised {
    /// As in Via and in a URI: `192.0.2.1:5060`, `[2001:db8::1]:5060`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.host, self.port)
    }
}

impl Value for Advertised {
    fn put(&self, buffer: &mut Vec<u8>) {
        (self.host(), ":", self.port).put(buffer);
    }
}

/// A listener that is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    transport: Transport,
    local: SocketAddr,
    advertised: Advertised,
    /// Whether peers are told the address that they reached instead: it is bound to every one, and nothing else is to be told.
    tells_reached: bool,
}

impl Listener {
    /// A listener at that address. `advertised` is [its own](Advertised::address) unless something else is to be told.
    pub fn new(transport: Transport, local: SocketAddr, advertised: Option<Advertised>) -> Listener {
        let advertised = advertised.unwrap_or_else(|| Advertised::address(local));
        Listener { transport, local, advertised, tells_reached: false }
    }

    /// A listener that is bound to every address and tells each peer the one that it reached; who has reached none yet is told
    /// `outward`.
    pub fn everywhere(transport: Transport, local: SocketAddr, outward: IpAddr) -> Listener {
        let advertised = Advertised::address(SocketAddr::new(outward, local.port()));
        Listener { transport, local, advertised, tells_reached: local.ip().is_unspecified() }
    }

    /// The transport.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// The bound address.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// What stands in Via (sent-by) and Contact, where no address is known that the peer reached.
    pub fn advertised(&self) -> &Advertised {
        &self.advertised
    }

    /// What stands in Via (sent-by) and Contact for a peer that reached that address of ours, or is sent to from it.
    pub fn advertised_from(&self, local: Option<IpAddr>) -> Cow<'_, Advertised> {
        match local.filter(|local| self.tells_reached && !local.is_unspecified()) {
            Some(local) => Cow::Owned(Advertised::address(SocketAddr::new(local, self.local.port()))),
            None => Cow::Borrowed(&self.advertised),
        }
    }

    /// Whether that Via was written for this listener: its sent-by and transport are ours (RFC 3261 §18.1.2).
    pub fn is_sent_by(&self, via: &Via<'_>) -> bool {
        let host = via.host();
        // Which of the host's addresses stood there is not kept; that it is a request of ours says the branch.
        let reached =
            || self.tells_reached && host_address(host).is_some_and(|it| it.is_ipv4() == self.local.is_ipv4());
        (host.eq_ignore_ascii_case(self.advertised.host()) || reached())
            && via.port().unwrap_or(self.transport.default_port()) == self.advertised.port
            && via.transport().eq_ignore_ascii_case(self.transport.as_str())
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.transport.parameter(), self.local)
    }
}

/// All listeners that are bound, in the order of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listeners(Vec<Listener>);

impl Listeners {
    /// The transports that are listened for, in the order of [`Transport::ALL`].
    pub fn transports(&self) -> Vec<Transport> {
        let serves = |transport: &Transport| self.iter().any(|(_, listener)| listener.transport() == *transport);
        Transport::ALL.iter().copied().filter(serves).collect()
    }

    /// These listeners; the first of a kind is the one that is preferred.
    pub fn new(listeners: Vec<Listener>) -> Listeners {
        Listeners(listeners)
    }

    /// That listener.
    pub fn get(&self, id: ListenerId) -> Option<&Listener> {
        self.0.get(usize::from(id.0))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (ListenerId, &Listener)> {
        self.0.iter().enumerate().map(|(index, listener)| (ListenerId(index as u16), listener))
    }

    /// From which listener a message to that destination goes: the one that it names, else the first one of its
    /// transport and address family, loopback for loopback.
    pub fn select(&self, destination: &Destination) -> Option<(ListenerId, &Listener)> {
        if let Some(id) = destination.listener
            && let Some(listener) = self.get(id)
            && listener.transport == destination.transport
        {
            return Some((id, listener));
        }
        let remote = destination.remote.ip();
        let fits = |listener: &Listener| {
            listener.transport == destination.transport && listener.local.is_ipv4() == remote.is_ipv4()
        };
        let near = |listener: &Listener| {
            let local = listener.local.ip();
            local.is_unspecified() || local.is_loopback() == remote.is_loopback()
        };
        self.iter()
            .find(|(_, listener)| fits(listener) && near(listener))
            .or_else(|| self.iter().find(|(_, listener)| fits(listener)))
    }

    /// Whether that Via is one of ours.
    pub fn is_sent_by(&self, via: &Via<'_>) -> bool {
        self.0.iter().any(|listener| listener.is_sent_by(via))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(transport: Transport, local: &str) -> Listener {
        Listener::new(transport, local.parse().unwrap(), None)
    }

    fn listeners() -> Listeners {
        Listeners::new(vec![
            listener(Transport::Udp, "127.0.0.1:5060"),
            listener(Transport::Udp, "192.0.2.1:5060"),
            listener(Transport::Tcp, "0.0.0.0:5060"),
            listener(Transport::Udp, "[2001:db8::1]:5060"),
        ])
    }

    #[test]
    fn the_listener_of_the_same_transport_family_and_reach_is_chosen() {
        let listeners = listeners();
        let choose = |transport, remote: &str| {
            listeners.select(&Destination::address(transport, remote.parse().unwrap())).map(|(id, _)| id.0)
        };
        assert_eq!(choose(Transport::Udp, "198.51.100.1:5060"), Some(1));
        assert_eq!(choose(Transport::Udp, "127.0.0.1:7000"), Some(0));
        assert_eq!(choose(Transport::Tcp, "127.0.0.1:7000"), Some(2));
        assert_eq!(choose(Transport::Udp, "[2001:db8::9]:5060"), Some(3));
        assert_eq!(choose(Transport::Udp, "[::1]:5060"), Some(3));
        assert_eq!(choose(Transport::Tcp, "[::1]:5060"), None);
    }

    #[test]
    fn a_named_listener_is_kept_unless_it_has_another_transport() {
        let listeners = listeners();
        let to = Destination::address(Transport::Udp, "198.51.100.1:5060".parse().unwrap());
        assert_eq!(listeners.select(&to.from_listener(ListenerId(0))).map(|(id, _)| id.0), Some(0));
        assert_eq!(listeners.select(&to.from_listener(ListenerId(2))).map(|(id, _)| id.0), Some(1));
        assert_eq!(listeners.select(&to.from_listener(ListenerId(77))).map(|(id, _)| id.0), Some(1));
    }

    #[test]
    fn what_is_advertised_is_what_a_via_is_known_by() {
        let outside = Advertised::new("SIP.example.com", 5060).unwrap();
        let listener = Listener::new(Transport::Udp, "10.0.0.1:5070".parse().unwrap(), Some(outside));
        assert_eq!(listener.advertised().to_string(), "SIP.example.com:5060");
        for (via, ours) in [
            ("SIP/2.0/UDP sip.example.com;branch=z9hG4bK1", true),
            ("SIP/2.0/UDP sip.example.com:5060", true),
            ("SIP/2.0/TCP sip.example.com:5060", false),
            ("SIP/2.0/UDP sip.example.com:5070", false),
            ("SIP/2.0/UDP 10.0.0.1:5070", false),
        ] {
            assert_eq!(listener.is_sent_by(&Via::parse(via.as_bytes()).unwrap()), ours, "{via}");
        }
    }

    #[test]
    fn a_listener_on_every_address_tells_the_one_that_was_reached() {
        let reached = Some("192.0.2.7".parse().unwrap());
        let everywhere =
            Listener::everywhere(Transport::Udp, "0.0.0.0:5070".parse().unwrap(), "192.0.2.1".parse().unwrap());
        let told = |listener: &Listener, local| listener.advertised_from(local).to_string();
        assert_eq!(told(&everywhere, reached), "192.0.2.7:5070");
        assert_eq!(told(&everywhere, None), "192.0.2.1:5070");
        assert_eq!(told(&everywhere, Some("0.0.0.0".parse().unwrap())), "192.0.2.1:5070");
        for (via, ours) in [
            ("SIP/2.0/UDP 192.0.2.7:5070;branch=z9hG4bK1", true),
            ("SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK1", true),
            ("SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK1", false),
            ("SIP/2.0/UDP [2001:db8::1]:5070;branch=z9hG4bK1", false),
            ("SIP/2.0/UDP sip.example.com:5070;branch=z9hG4bK1", false),
        ] {
            assert_eq!(everywhere.is_sent_by(&Via::parse(via.as_bytes()).unwrap()), ours, "{via}");
        }
        let outside = Advertised::new("sip.example.com", 5060);
        let named = Listener::new(Transport::Udp, "0.0.0.0:5070".parse().unwrap(), outside);
        assert_eq!(told(&named, reached), "sip.example.com:5060");
        assert_eq!(told(&listener(Transport::Udp, "192.0.2.1:5060"), reached), "192.0.2.1:5060");
    }

    #[test]
    fn ipv6_is_advertised_in_brackets() {
        assert_eq!(Advertised::new("2001:db8::1", 5060).unwrap().to_string(), "[2001:db8::1]:5060");
        assert_eq!(Advertised::new("[2001:db8::1]", 1).unwrap().host(), "[2001:db8::1]");
        assert_eq!(Advertised::address("[::ffff:192.0.2.1]:5060".parse().unwrap()).host(), "192.0.2.1");
        assert_eq!(Advertised::new("bad host", 1), None);
        assert_eq!(Advertised::new("", 1), None);
    }
}

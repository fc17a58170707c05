//! What a next hop is sought by, and what is found.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use super::flow::Destination;
use super::kind::Transport;
use super::names::Naptr;
use crate::message::{Scheme, UriRef, host_address};

/// The TARGET of a URI, and what it says beside it (RFC 3263 §4).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Sought {
    /// A name in small letters, or an address.
    pub host: Box<str>,
    /// The port, where one is written.
    pub port: Option<u16>,
    /// The transport, where one is written.
    pub transport: Option<Transport>,
    /// Whether the name is that of a number, whose rules are sought (RFC 6116), and no place.
    pub is_number: bool,
}

/// Where that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// There, in the order in which they are to be tried.
    Known(Arc<[Destination]>),
    /// Of a number: its rules, in their order.
    Rules(Arc<[Naptr]>),
    /// Nowhere, or the name service does not answer.
    Unknown,
    /// Questions are out; the answer comes later.
    Pending,
}

impl Sought {
    /// What is sought by a host, with a port and a transport or without.
    pub fn new(host: &str, port: Option<u16>, transport: Option<Transport>) -> Sought {
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase().into();
        Sought { host, port: port.filter(|&port| port != 0), transport, is_number: false }
    }

    /// The rules for a number, by the name that it has.
    pub fn number(name: &str) -> Sought {
        Sought { is_number: true, ..Sought::new(name, None, None) }
    }

    /// What a URI leads to. `None` where no transport of this server serves, or none is opened from here: a WebSocket, a scheme that is
    /// not SIP's.
    pub fn of_uri(uri: &UriRef<'_>) -> Option<Sought> {
        let by = Transport::of_uri(uri).filter(|transport| transport.is_opened())?;
        // Of `sips:` it is TLS, written or not (RFC 3263 §4.1).
        let transport = (uri.transport().is_some() || uri.scheme() == Scheme::Sips).then_some(by);
        let host = uri.parameter("maddr").filter(|host| !host.is_empty()).unwrap_or(uri.host());
        Some(Sought::new(host, uri.port(), transport))
    }

    /// The place itself, where it is an address.
    pub fn address(&self) -> Option<Destination> {
        let transport = self.transport.unwrap_or(Transport::DEFAULT);
        let address = host_address(&self.host)?;
        Some(Destination::address(transport, SocketAddr::new(address, self.port_by(transport))))
    }

    /// Whether it is reached by a secure transport, whatever the name service says.
    pub fn is_secure(&self) -> bool {
        self.transport.is_some_and(Transport::is_secure)
    }

    /// The port where the name service says none: the written one, else the transport's own.
    pub(super) fn port_by(&self, transport: Transport) -> u16 {
        self.port.unwrap_or(transport.default_port())
    }
}

impl fmt::Display for Sought {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(transport) = self.transport {
            write!(formatter, "{}:", transport.parameter())?;
        }
        formatter.write_str(&self.host)?;
        self.port.map_or(Ok(()), |port| write!(formatter, ":{port}"))
    }
}

impl Resolution {
    /// There, by that transport, in this order; nowhere without any.
    pub fn at(transport: Transport, addresses: &[SocketAddr]) -> Resolution {
        Self::of(addresses.iter().map(|&address| Destination::address(transport, address)).collect())
    }

    pub(super) fn of(found: Vec<Destination>) -> Resolution {
        if found.is_empty() { Resolution::Unknown } else { Resolution::Known(found.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_says_what_is_sought() {
        for (uri, expected) in [
            ("sip:u@Host.example.", Some("host.example")),
            ("sip:u@h:5070;transport=TCP", Some("tcp:h:5070")),
            ("sip:u@h;maddr=m;lr", Some("m")),
            ("sip:u@h:0", Some("h")),
            ("sips:u@h", Some("tls:h")),
            ("sips:u@h:5071;transport=tcp", Some("tls:h:5071")),
            ("sip:u@h;transport=tls", Some("tls:h")),
            ("sips:u@h;transport=udp", None),
            ("sip:u@h;transport=ws", None),
            ("sip:u@h;transport=carrier-pigeon", None),
            ("tel:+15551234", None),
        ] {
            let uri = UriRef::parse(uri.as_bytes()).unwrap();
            let sought = Sought::of_uri(&uri).map(|sought| sought.to_string());
            assert_eq!(sought.as_deref(), expected, "{uri}");
        }
    }
}

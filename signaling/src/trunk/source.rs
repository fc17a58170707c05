//! Where a trunk's requests come from.

use crate::transport::{Flow, Transport};
use router::parameter::Network;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// An address, a network, or an address with a port: `198.51.100.7`, `198.51.100.0/24`, `198.51.100.7:5060`, `[2001:db8::1]:5060`; or,
/// not written so, an address over one transport.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Source {
    network: Network,
    port: Option<u16>,
    /// By which transport alone; `None`: by any.
    transport: Option<Transport>,
}

impl Source {
    /// Reads one of the written forms.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Some(Self::host(address.ip(), Some(address.port())));
        }
        let network = Network::parse(text.trim_start_matches('[').trim_end_matches(']'))?;
        Some(Self { network, port: None, transport: None })
    }

    /// A host, with a port or any.
    pub fn host(address: IpAddr, port: Option<u16>) -> Self {
        Self { network: Network::host(address), port, transport: None }
    }

    /// A host by connections of that transport, from any port.
    pub fn connecting(address: IpAddr, transport: Transport) -> Self {
        Self { transport: Some(transport), ..Self::host(address, None) }
    }

    /// Its hosts.
    pub const fn network(&self) -> Network {
        self.network
    }

    /// Whether what comes on a way comes from here.
    pub fn has(&self, flow: &Flow) -> bool {
        self.transport.is_none_or(|transport| transport == flow.transport) && self.contains(flow.remote)
    }

    /// Whether that address and port are of these.
    pub fn contains(&self, remote: SocketAddr) -> bool {
        self.port.is_none_or(|port| port == remote.port()) && self.network.contains(remote.ip())
    }

    /// Whether a connection from that host may be from here: its port is of the host's own choice.
    pub fn contains_host(&self, host: IpAddr) -> bool {
        self.network.contains(host)
    }

    /// Whether it names every host.
    pub fn is_everywhere(&self) -> bool {
        self.network.is_everywhere()
    }

    /// The greater, the fewer addresses and ports it names.
    pub fn specificity(&self) -> (bool, u16) {
        let width = if self.network.address.is_ipv4() { 32 } else { 128 };
        (self.port.is_some(), u16::from(self.network.prefix) + 128 - width)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(transport) = self.transport {
            write!(f, "{}:", transport.parameter())?;
        }
        match self.port {
            Some(port) => write!(f, "{}", SocketAddr::new(self.network.address, port)),
            None => self.network.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_forms() {
        for (text, shown) in [
            ("198.51.100.7", "198.51.100.7/32"),
            ("198.51.100.0/24", "198.51.100.0/24"),
            ("198.51.100.7:5060", "198.51.100.7:5060"),
            ("2001:db8::1", "2001:db8::1/128"),
            ("[2001:db8::1]:5060", "[2001:db8::1]:5060"),
            ("0.0.0.0/0", "0.0.0.0/0"),
        ] {
            assert_eq!(Source::parse(text).unwrap().to_string(), shown);
        }
        for wrong in ["", "host", "198.51.100.7/33", "198.51.100.7:99999", "198.51.100/24"] {
            assert_eq!(Source::parse(wrong), None, "{wrong}");
        }
        let everybody = Source::parse("0.0.0.0/0").unwrap();
        assert!(everybody.contains("203.0.113.9:1".parse().unwrap()));
        assert!(!everybody.contains("[2001:db8::1]:1".parse().unwrap()));
        let port = Source::parse("198.51.100.7:5060").unwrap();
        assert!(port.contains_host("198.51.100.7".parse().unwrap()));
        assert!(!port.contains_host("198.51.100.8".parse().unwrap()));
    }
}

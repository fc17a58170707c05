//! Where requests to a trunk go.

use super::source::Source;
use crate::message::{host_address, written};
use crate::transport::{Destination, Sought, Transport};
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// A host, by address or by name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TargetHost {
    /// An address.
    Address(IpAddr),
    /// A name.
    Name(String),
}

/// Where requests to a trunk go: `192.0.2.9:5060`, `sip.example.net`, `tcp:sip.example.net:5070`. What is not written of a name, its zone
/// says (RFC 3263 §4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// By which transport, where one is written; a request that is too long for UDP may go by TCP.
    pub transport: Option<Transport>,
    /// Whither.
    pub host: TargetHost,
    /// To which port, where one is written.
    pub port: Option<u16>,
}

impl Target {
    /// Reads one of the written forms.
    pub fn parse(text: &str) -> Option<Self> {
        let (transport, rest) = match text.split_once(':') {
            Some((transport, rest)) if Transport::parse(transport).is_some() => (Transport::parse(transport), rest),
            _ => (None, text),
        };
        if let Some(address) = host_address(rest) {
            return Some(Self { transport, host: TargetHost::Address(address), port: None });
        }
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok().filter(|&port| port != 0)?)),
            None => (rest, None),
        };
        let host = match host_address(host) {
            Some(address) => TargetHost::Address(address),
            None if is_name(host) => TargetHost::Name(host.to_ascii_lowercase()),
            None => return None,
        };
        Some(Self { transport, host, port })
    }

    /// The place itself, where it is an address.
    pub fn address(&self) -> Option<Destination> {
        let TargetHost::Address(address) = self.host else { return None };
        let transport = self.transport.unwrap_or(Transport::DEFAULT);
        let port = self.port.unwrap_or(transport.default_port());
        Some(Destination::address(transport, SocketAddr::new(address, port)))
    }

    /// Where its own requests come from, where nothing else is said: that address and port, the transport's default port if none is
    /// written. Who connects chooses the port anew each time, so of a transport of connections the address alone counts, over that
    /// transport. `None`: a name, of which nobody can say by an address alone that a request is its.
    pub fn source(&self) -> Option<Source> {
        let TargetHost::Address(address) = self.host else { return None };
        let transport = self.transport.unwrap_or(Transport::DEFAULT);
        Some(match transport.is_reliable() {
            true => Source::connecting(address, transport),
            false => Source::host(address, Some(self.port.unwrap_or(transport.default_port()))),
        })
    }

    /// What is to be found.
    pub fn sought(&self) -> Sought {
        Sought::new(&self.host(), self.port, self.transport)
    }

    /// The host as it stands in a request URI.
    pub fn host(&self) -> String {
        match &self.host {
            TargetHost::Address(IpAddr::V6(address)) => format!("[{address}]"),
            TargetHost::Address(address) => written(address),
            TargetHost::Name(name) => name.clone(),
        }
    }
}

/// RFC 1123 §2.1, and underscores, which operators' names have.
fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-_".contains(&octet))
    };
    text.len() <= 253 && text.trim_end_matches('.').split('.').all(label)
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(transport) = self.transport {
            write!(f, "{}:", transport.parameter())?;
        }
        f.write_str(&self.host())?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_own_requests_come_from_where_it_is_called() {
        for (text, source) in [
            ("192.0.2.9", Some("192.0.2.9:5060")),
            ("192.0.2.9:5070", Some("192.0.2.9:5070")),
            ("udp:[2001:db8::9]", Some("[2001:db8::9]:5060")),
            ("tcp:192.0.2.9:5070", Some("tcp:192.0.2.9/32")),
            ("tls:192.0.2.9", Some("tls:192.0.2.9/32")),
            ("sip.example.net", None),
            ("sip.example.net:5060", None),
        ] {
            let told = Target::parse(text).unwrap().source().map(|source| source.to_string());
            assert_eq!(told.as_deref(), source, "{text}");
        }
    }

    #[test]
    fn written_forms() {
        for (text, shown) in [
            ("192.0.2.9", "192.0.2.9"),
            ("192.0.2.9:5070", "192.0.2.9:5070"),
            ("tcp:192.0.2.9", "tcp:192.0.2.9"),
            ("[2001:db8::9]:5070", "[2001:db8::9]:5070"),
            ("2001:db8::9", "[2001:db8::9]"),
            ("SIP.Example.net", "sip.example.net"),
            ("tcp:sip.example.net:5070", "tcp:sip.example.net:5070"),
        ] {
            assert_eq!(Target::parse(text).map(|target| target.to_string()).as_deref(), Some(shown), "{text}");
        }
        for wrong in ["", ":5060", "a..b", "host:0", "host:port", "-:-", "ho st"] {
            assert_eq!(Target::parse(wrong), None, "{wrong}");
        }
    }
}

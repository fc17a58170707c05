//! Where requests to a trunk go.

use crate::message::{host_address, written};
use crate::transport::Transport;
use std::fmt;
use std::net::IpAddr;

/// A host, by address or by name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TargetHost {
    /// An address.
    Address(IpAddr),
    /// A name, resolved to its A and AAAA records.
    Name(String),
}

/// Where requests to a trunk go: `192.0.2.9:5060`, `sip.example.net`, `tcp:sip.example.net:5070`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// By which transport; a request that is too long for UDP may go by TCP.
    pub transport: Transport,
    /// Whither.
    pub host: TargetHost,
    /// To which port.
    pub port: u16,
}

impl Target {
    /// Reads one of the written forms.
    pub fn parse(text: &str) -> Option<Self> {
        let (transport, rest) = match text.split_once(':') {
            Some((transport, rest)) if Transport::parse(transport).is_some() => (Transport::parse(transport)?, rest),
            _ => (Transport::DEFAULT, text),
        };
        let default = transport.default_port();
        if let Some(address) = host_address(rest) {
            return Some(Self { transport, host: TargetHost::Address(address), port: default });
        }
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok().filter(|&port| port != 0)?),
            None => (rest, default),
        };
        let host = match host_address(host) {
            Some(address) => TargetHost::Address(address),
            None if is_name(host) => TargetHost::Name(host.to_ascii_lowercase()),
            None => return None,
        };
        Some(Self { transport, host, port })
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
        write!(f, "{}:{}:{}", self.transport.parameter(), self.host(), self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_forms() {
        for (text, shown) in [
            ("192.0.2.9", "udp:192.0.2.9:5060"),
            ("192.0.2.9:5070", "udp:192.0.2.9:5070"),
            ("tcp:192.0.2.9", "tcp:192.0.2.9:5060"),
            ("[2001:db8::9]:5070", "udp:[2001:db8::9]:5070"),
            ("2001:db8::9", "udp:[2001:db8::9]:5060"),
            ("SIP.Example.net", "udp:sip.example.net:5060"),
            ("tcp:sip.example.net:5070", "tcp:sip.example.net:5070"),
        ] {
            assert_eq!(Target::parse(text).map(|target| target.to_string()).as_deref(), Some(shown), "{text}");
        }
        for wrong in ["", ":5060", "a..b", "host:0", "host:port", "-:-", "ho st"] {
            assert_eq!(Target::parse(wrong), None, "{wrong}");
        }
    }
}

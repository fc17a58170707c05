//! What a worker is told when it starts.

use crate::dtls::Identity;
use crate::limits::{INTERFACES, TURN_SERVERS};
use crate::turn::{RelayServer, is_server};
use router::time::Duration;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// The ports of RTP and RTCP: even ports carry RTP, the odd ones above RTCP (RFC 3550 §11).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PortRange {
    /// The first port.
    pub first: u16,
    /// The last port.
    pub last: u16,
}

impl PortRange {
    /// The range's first even port, if it holds a pair.
    fn first_pair(self) -> u32 {
        u32::from(self.first).next_multiple_of(2)
    }

    /// How many pairs the range holds.
    pub fn pairs(self) -> usize {
        (u32::from(self.last) + 1).saturating_sub(self.first_pair()) as usize / 2
    }

    /// The RTP port of its `index`th pair.
    pub fn pair(self, index: usize) -> Option<u16> {
        if index < self.pairs() { u16::try_from(self.first_pair() as usize + 2 * index).ok() } else { None }
    }

    /// The part of worker `index` of `workers`: equal parts, no pair in two; the last one takes what is left over.
    pub fn share(self, index: usize, workers: usize) -> Self {
        let (first, each) = (self.first_pair() as usize, self.pairs() / workers.max(1));
        let begin = first + 2 * each * index;
        let end = if index + 1 >= workers { first + 2 * self.pairs() } else { begin + 2 * each };
        Self { first: begin as u16, last: end.saturating_sub(1) as u16 }
    }
}

/// A local address that media may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Interface {
    /// The address that sockets are bound to.
    pub address: IpAddr,
    /// The address that peers are told, where it is another one (cloud NAT).
    pub advertised: Option<IpAddr>,
}

/// The configuration of media. Every worker gets the same one but for its [share](PortRange::share) of the ports.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// Where ports are taken from. It should lie outside the kernel's ephemeral ports (`ip_local_port_range`), whose
    /// tenants come and go.
    pub ports: PortRange,
    /// The addresses for media: the first of a family serves legs whose signalling uses an unspecified address; all of
    /// them say what is advertised.
    pub interfaces: Vec<Interface>,
    /// How many of them, from the first on, also serve legs whose signalling uses an address that is not among them: where
    /// signalling is listened for at every address, those that the operator named for media. 0: such an address serves itself.
    pub substitutes: usize,
    /// The differentiated services code point of what is sent (RFC 2474), 0 to 63; 46 is expedited forwarding.
    pub dscp: u8,
    /// How long a pair rests before it is used again, so that stray packets of its last call do not reach the next one.
    pub quarantine: Duration,
    /// In which order ports are tried: each process draws it anew, so that nobody knows which are in use, and two that share a range do not try
    /// what the other one holds.
    pub order: u64,
    /// Pairs of each interface that are kept for calls for help; a quarter of the range at most.
    pub urgent_pairs: usize,
    /// The core that the worker's thread is put onto, for those who look at its status; `None`: wherever the system likes.
    pub core: Option<usize>,
    /// The certificate of handshakes (DTLS-SRTP), the same at all workers; `None`: there are none.
    pub identity: Option<Arc<Identity>>,
    /// Servers that relay for us (TURN), in the order in which they are asked.
    pub relays: Vec<Arc<RelayServer>>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            ports: PortRange { first: 10_000, last: 29_999 },
            interfaces: Vec::new(),
            substitutes: 0,
            dscp: 46,
            quarantine: Duration::from_secs(5),
            order: 0,
            urgent_pairs: 0,
            core: None,
            identity: None,
            relays: Vec::new(),
        }
    }
}

/// Why a configuration cannot work.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConfigError {
    /// The range of ports is empty or begins with port 0.
    Ports(PortRange),
    /// An interface is unspecified (`0.0.0.0`, `::`), so peers must be told another address, and none is configured.
    NothingToAdvertise(IpAddr),
    /// The advertised address is of another family than the interface, or unspecified.
    Advertised(Interface),
    /// More interfaces than [`INTERFACES`].
    Interfaces(usize),
    /// A code point above 63.
    Dscp(u8),
    /// More servers that relay than [`TURN_SERVERS`].
    Relays(usize),
    /// A server that relays at an address of nobody's, or without a port.
    Relay(SocketAddr),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ports(range) => write!(f, "ports {} to {} hold no pair", range.first, range.last),
            Self::NothingToAdvertise(address) => {
                write!(f, "media on {address} needs an advertised address: no peer can send there")
            }
            Self::Advertised(interface) => {
                let advertised = interface.advertised.unwrap_or(interface.address);
                write!(f, "{advertised} cannot be advertised for media on {}", interface.address)
            }
            Self::Interfaces(count) => write!(f, "{count} interfaces for media; at most {INTERFACES} are served"),
            Self::Relays(count) => write!(f, "{count} TURN servers; at most {TURN_SERVERS} are asked"),
            Self::Relay(address) => write!(f, "no TURN server is at {address}"),
            Self::Dscp(value) => write!(f, "a DSCP of {value}; it has six bits, 0 to 63"),
        }
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Finds the first contradiction.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.ports.first == 0 || self.ports.pairs() == 0 {
            return Err(ConfigError::Ports(self.ports));
        }
        if self.interfaces.len() > INTERFACES {
            return Err(ConfigError::Interfaces(self.interfaces.len()));
        }
        for interface in &self.interfaces {
            match interface.advertised {
                None if interface.address.is_unspecified() => {
                    return Err(ConfigError::NothingToAdvertise(interface.address));
                }
                Some(told) if told.is_unspecified() || told.is_ipv4() != interface.address.is_ipv4() => {
                    return Err(ConfigError::Advertised(*interface));
                }
                _ => {}
            }
        }
        if self.relays.len() > TURN_SERVERS {
            return Err(ConfigError::Relays(self.relays.len()));
        }
        let mut addresses = self.relays.iter().flat_map(|relay| relay.location.addresses().to_vec());
        if let Some(at) = addresses.find(|at| !is_server(*at)) {
            return Err(ConfigError::Relay(at));
        }
        if self.dscp > 63 { Err(ConfigError::Dscp(self.dscp)) } else { Ok(()) }
    }

    /// What to bind and what to advertise for a leg whose signalling uses `asked`; `None` if that one is unspecified and
    /// no interface of its family is configured. An address that is not listed is bound and advertised as it is, unless one of
    /// its family stands in for it.
    pub fn interface(&self, asked: IpAddr) -> Option<Interface> {
        if asked.is_unspecified() {
            return self.interfaces.iter().find(|interface| interface.address.is_ipv4() == asked.is_ipv4()).copied();
        }
        let listed = self.interfaces.iter().find(|interface| interface.address == asked).copied();
        let mut substitutes = self.interfaces.iter().take(self.substitutes).copied();
        let substitute = || substitutes.find(|interface| interface.address.is_ipv4() == asked.is_ipv4());
        Some(listed.or_else(substitute).unwrap_or(Interface { address: asked, advertised: None }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_into_pairs_and_shares() {
        let range = PortRange { first: 10_001, last: 10_011 };
        assert_eq!((range.pairs(), range.pair(0), range.pair(4), range.pair(5)), (5, Some(10_002), Some(10_010), None));
        let shares = [range.share(0, 2), range.share(1, 2)];
        assert_eq!(shares.map(PortRange::pairs), [2, 3]);
        assert_eq!(shares[0].pair(1), Some(10_004));
        assert_eq!(shares[1].pair(0), Some(10_006));
        assert_eq!(PortRange { first: 65_534, last: 65_535 }.pairs(), 1);
        assert_eq!(PortRange { first: 65_535, last: 65_535 }.pairs(), 0);
        assert_eq!(PortRange { first: 1, last: 65_535 }.share(0, 1).pairs(), 32_767);
        assert_eq!(PortRange { first: 9, last: 3 }.pairs(), 0);
    }

    #[test]
    fn contradictions_are_named() {
        let interface = |address: &str, advertised: Option<&str>| Interface {
            address: address.parse().unwrap(),
            advertised: advertised.map(|address| address.parse().unwrap()),
        };
        let with = |interface| Config { interfaces: vec![interface], ..Config::default() }.check();
        assert_eq!(with(interface("192.0.2.1", None)), Ok(()));
        assert_eq!(with(interface("0.0.0.0", Some("192.0.2.1"))), Ok(()));
        assert!(matches!(with(interface("0.0.0.0", None)), Err(ConfigError::NothingToAdvertise(_))));
        assert!(matches!(with(interface("192.0.2.1", Some("2001:db8::1"))), Err(ConfigError::Advertised(_))));
        assert!(matches!(Config { dscp: 64, ..Config::default() }.check(), Err(ConfigError::Dscp(64))));
        let ports = PortRange { first: 7, last: 7 };
        assert_eq!(Config { ports, ..Config::default() }.check(), Err(ConfigError::Ports(ports)));
    }

    #[test]
    fn an_unspecified_address_becomes_the_configured_one_of_its_family() {
        let four = Interface { address: "192.0.2.1".parse().unwrap(), advertised: "203.0.113.1".parse().ok() };
        let config = Config { interfaces: vec![four], ..Config::default() };
        assert_eq!(config.interface("0.0.0.0".parse().unwrap()), Some(four));
        assert_eq!(config.interface("192.0.2.1".parse().unwrap()), Some(four));
        assert_eq!(config.interface("::".parse().unwrap()), None);
        let other = "198.51.100.7".parse().unwrap();
        assert_eq!(config.interface(other), Some(Interface { address: other, advertised: None }));
        let config = Config { substitutes: 1, ..config };
        assert_eq!(config.interface(other), Some(four));
        let six = "2001:db8::7".parse().unwrap();
        assert_eq!(config.interface(six), Some(Interface { address: six, advertised: None }));
    }
}

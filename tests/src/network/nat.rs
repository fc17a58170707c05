//! A NAT box (RFC 4787): rewrites what goes out, lets answers in, forgets.

use router::time::{Duration, Instant};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

/// How a NAT box behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NatConfig {
    /// How long a mapping lives without a packet from the inside; RFC 4787 §4.3 asks for two minutes, many boxes give 30
    /// seconds.
    pub lifetime: Duration,
    /// Whether every destination gets a mapping of its own (address-and-port-dependent mapping, RFC 4787 §4.1).
    pub symmetric: bool,
}

impl Default for NatConfig {
    fn default() -> Self {
        Self { lifetime: Duration::from_secs(30), symmetric: false }
    }
}

/// A NAT box: an outside address, and the hosts behind it. It lets in only what comes from where something went
/// (address-and-port-dependent filtering, RFC 4787 §5).
#[derive(Debug)]
pub struct Nat {
    outside: IpAddr,
    inside: BTreeSet<IpAddr>,
    config: NatConfig,
    mappings: BTreeMap<(SocketAddr, Option<SocketAddr>), Mapping>,
    next_port: u16,
}

#[derive(Debug)]
struct Mapping {
    port: u16,
    used: Instant,
    peers: BTreeSet<SocketAddr>,
}

impl Nat {
    pub(super) fn new(outside: IpAddr, inside: &[IpAddr], config: NatConfig) -> Self {
        Self { outside, inside: inside.iter().copied().collect(), config, mappings: BTreeMap::new(), next_port: 40_001 }
    }

    pub(super) fn outside(&self) -> IpAddr {
        self.outside
    }

    pub(super) fn holds(&self, host: IpAddr) -> bool {
        self.inside.contains(&host)
    }

    /// The source that the world sees of what `from` sends to `to`.
    pub(super) fn outbound(&mut self, now: Instant, from: SocketAddr, to: SocketAddr) -> SocketAddr {
        self.forget(now);
        let key = (from, self.config.symmetric.then_some(to));
        let next_port = &mut self.next_port;
        let mapping = self.mappings.entry(key).or_insert_with(|| {
            *next_port += 7;
            Mapping { port: *next_port, used: now, peers: BTreeSet::new() }
        });
        mapping.used = now;
        mapping.peers.insert(to);
        SocketAddr::new(self.outside, mapping.port)
    }

    /// To whom inside a packet from `from` to our `port` goes; `None`: it is dropped.
    pub(super) fn inbound(&mut self, now: Instant, from: SocketAddr, port: u16) -> Option<SocketAddr> {
        self.forget(now);
        let found = self.mappings.iter().find(|(_, mapping)| mapping.port == port && mapping.peers.contains(&from));
        found.map(|(&(inside, _), _)| inside)
    }

    /// Forgets everything, as after a restart.
    pub(super) fn restart(&mut self) {
        self.mappings.clear();
    }

    fn forget(&mut self, now: Instant) {
        let lifetime = self.config.lifetime;
        self.mappings.retain(|_, mapping| now.since(mapping.used) <= lifetime);
    }
}

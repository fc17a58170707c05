//! Where platforms come from: what the configuration names, and what has shown a certificate of the cluster.

use crate::bridge::newcomers::network_of;
use crate::limits::PLATFORM_HOSTS;
use arc_swap::ArcSwap;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// Networks of platforms, each with its place in the order in which they were noted; the configuration's are never displaced.
#[derive(Debug, Default)]
pub(super) struct Hosts(ArcSwap<BTreeMap<IpAddr, u64>>);

impl Hosts {
    /// Those that the configuration dials, as far as it tells their addresses and not their names.
    pub(super) fn new<'a>(peers: impl IntoIterator<Item = &'a str>) -> Self {
        let addresses = peers.into_iter().filter_map(|peer| peer.parse::<SocketAddr>().ok());
        let networks = addresses.map(|address| (network_of(address.ip()), u64::MAX));
        Self(ArcSwap::from_pointee(networks.collect()))
    }

    /// Whether platforms come from there.
    pub(super) fn holds(&self, host: IpAddr) -> bool {
        self.0.load().contains_key(&network_of(host))
    }

    /// Somebody there has shown a certificate of the cluster.
    pub(super) fn note(&self, host: IpAddr) {
        let network = network_of(host);
        self.0.rcu(|hosts| {
            let mut hosts = BTreeMap::clone(hosts);
            let last = hosts.values().filter(|place| **place < u64::MAX).max().copied().unwrap_or(0);
            let place = hosts.entry(network).or_default();
            if *place < u64::MAX {
                *place = last + 1;
            }
            if hosts.len() > PLATFORM_HOSTS
                && let Some(oldest) = hosts.iter().min_by_key(|(_, place)| **place).map(|(network, _)| *network)
            {
                hosts.remove(&oldest);
            }
            hosts
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_bounded_and_the_configurations_stay() {
        let hosts = Hosts::new(["192.0.2.1:5065", "west.example.net:5065", "[2001:db8::1]:5065"]);
        let host = |number: u32| IpAddr::V4((0x0a00_0000 + number).into());
        assert!(hosts.holds("192.0.2.1".parse().unwrap()) && hosts.holds("2001:db8::2".parse().unwrap()));
        assert!(!hosts.holds(host(0)));
        for number in 0..PLATFORM_HOSTS as u32 {
            hosts.note(host(number));
            hosts.note(host(7));
        }
        assert_eq!(hosts.0.load().len(), PLATFORM_HOSTS);
        assert!(hosts.holds("192.0.2.1".parse().unwrap()) && hosts.holds(host(7)));
        assert!(!hosts.holds(host(0)) && hosts.holds(host(PLATFORM_HOSTS as u32 - 1)));
    }
}

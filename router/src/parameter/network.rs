//! Addresses that begin alike.

use minicbor::{Decode, Encode};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network, or a single host.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Network {
    /// One of its addresses.
    #[n(0)]
    pub address: IpAddr,
    /// How many bits its addresses have in common; more than an address has are all of them.
    #[n(1)]
    pub prefix: u8,
}

impl Network {
    /// Reads `198.51.100.7`, `2001:db8::1`, `198.51.100.0/24`, `2001:db8::/32`.
    pub fn parse(text: &str) -> Option<Self> {
        let Some((address, prefix)) = text.split_once('/') else { return text.parse().ok().map(Self::host) };
        let (address, prefix) = (address.parse::<IpAddr>().ok()?, prefix.parse::<u8>().ok()?);
        (prefix <= bits(address)).then_some(Self { address, prefix })
    }

    /// A single host.
    pub fn host(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self { address, prefix: bits(address) }
    }

    /// The first of its addresses: all bits that they have not in common are 0.
    pub fn first(&self) -> IpAddr {
        let beyond = u32::from(bits(self.address).saturating_sub(self.prefix));
        match self.address {
            IpAddr::V4(own) => Ipv4Addr::from_bits(own.to_bits() & u32::MAX.checked_shl(beyond).unwrap_or(0)).into(),
            IpAddr::V6(own) => Ipv6Addr::from_bits(own.to_bits() & u128::MAX.checked_shl(beyond).unwrap_or(0)).into(),
        }
    }

    /// Whether that host is in it.
    pub fn contains(&self, host: IpAddr) -> bool {
        let beyond = u32::from(bits(self.address).saturating_sub(self.prefix));
        let differ = match (self.address, host.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => u128::from(own.to_bits() ^ other.to_bits()),
            (IpAddr::V6(own), IpAddr::V6(other)) => own.to_bits() ^ other.to_bits(),
            _ => return false,
        };
        differ.checked_shr(beyond).unwrap_or(0) == 0
    }

    /// Whether every host of its family is in it.
    pub const fn is_everywhere(&self) -> bool {
        self.prefix == 0
    }
}

/// How many bits an address of that family has.
const fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_the_hosts_that_begin_as_it_does() {
        for (network, inside, outside) in [
            ("198.51.100.7", "198.51.100.7", "198.51.100.8"),
            ("198.51.100.0/24", "198.51.100.255", "198.51.101.0"),
            ("198.51.100.129/25", "198.51.100.128", "198.51.100.127"),
            ("198.51.100.7/32", "::ffff:198.51.100.7", "::1"),
            ("0.0.0.0/0", "203.0.113.9", "2001:db8::1"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("2001:db8::1", "2001:db8::1", "2001:db8::2"),
            ("::/0", "2001:db8::1", "203.0.113.9"),
        ] {
            let network = Network::parse(network).unwrap();
            assert!(network.contains(inside.parse().unwrap()), "{network} {inside}");
            assert!(!network.contains(outside.parse().unwrap()), "{network} {outside}");
        }
        for wrong in ["", "host", "198.51.100.0/33", "198.51.100/24", "198.51.100.7:5060", "2001:db8::/129", "::/-1"] {
            assert_eq!(Network::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_network_begins_with_its_first_address() {
        for (network, first) in [
            ("10.0.0.1/8", "10.0.0.0"),
            ("198.51.100.129/25", "198.51.100.128"),
            ("198.51.100.7", "198.51.100.7"),
            ("203.0.113.9/0", "0.0.0.0"),
            ("2001:db8:1::1/32", "2001:db8::"),
            ("2001:db8::1", "2001:db8::1"),
            ("2001:db8::1/0", "::"),
        ] {
            assert_eq!(Network::parse(network).unwrap().first().to_string(), first, "{network}");
        }
    }

    #[test]
    fn a_prefix_that_no_address_has_is_a_host() {
        let network = Network { address: "198.51.100.7".parse().unwrap(), prefix: 200 };
        assert!(network.contains("198.51.100.7".parse().unwrap()));
        assert!(!network.contains("198.51.100.6".parse().unwrap()));
    }
}

//! Where a server is.

use super::place::is_nowhere;
use arc_swap::ArcSwap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// An address, or those that a name has at present: who looks for them says so, and whoever asks the server next reads it, without waiting for anybody.
#[derive(Clone, Debug)]
pub struct Location {
    /// A name and a port, where it is no address.
    name: Option<(Arc<str>, u16)>,
    addresses: Arc<ArcSwap<Vec<SocketAddr>>>,
}

impl Location {
    /// At an address.
    pub fn at(address: SocketAddr) -> Self {
        Self { name: None, addresses: Arc::new(ArcSwap::from_pointee(vec![address])) }
    }

    /// At a port of a name, of which nothing is known yet.
    pub fn named(name: &str, port: u16) -> Self {
        Self { name: Some((name.into(), port)), addresses: Arc::default() }
    }

    /// Its name and port, where it has one that is to be looked up.
    pub fn name(&self) -> Option<(&str, u16)> {
        self.name.as_ref().map(|(name, port)| (&**name, *port))
    }

    /// The name has these addresses from now on; those that no server is at are left out.
    pub fn set(&self, addresses: impl IntoIterator<Item = SocketAddr>) {
        let addresses = addresses.into_iter().filter(|address| is_server(*address)).collect();
        self.addresses.store(Arc::new(addresses));
    }

    /// What it has.
    pub fn addresses(&self) -> Arc<Vec<SocketAddr>> {
        self.addresses.load_full()
    }

    /// The one of a family whose turn it is. `None`: it has none of it.
    pub(super) fn of_family(&self, is_ipv6: bool, turn: usize) -> Option<SocketAddr> {
        let addresses = self.addresses.load();
        let of_family = || addresses.iter().filter(|address| address.is_ipv6() == is_ipv6);
        of_family().nth(turn % of_family().count().max(1)).copied()
    }
}

impl PartialEq for Location {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.addresses() == other.addresses()
    }
}

impl Eq for Location {}

/// Whether a server may be at an address.
pub fn is_server(address: SocketAddr) -> bool {
    let ip = address.ip();
    address.port() != 0 && !ip.is_unspecified() && !ip.is_multicast() && !is_nowhere(ip)
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, self.addresses().first()) {
            (Some((name, port)), _) => write!(f, "{name}:{port}"),
            (None, Some(address)) => write!(f, "{address}"),
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_s_addresses_have_their_turns_by_family() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let named = Location::named("turn.example", 3_478);
        assert_eq!((named.of_family(false, 0), named.to_string().as_str()), (None, "turn.example:3478"));
        let all = ["192.0.2.1:3478", "[2001:db8::1]:3478", "192.0.2.2:3478"].map(address);
        named.clone().set(all.into_iter().chain(["0.0.0.1:3478", "224.0.0.1:3478", "192.0.2.3:0"].map(address)));
        assert_eq!([0, 1, 2].map(|turn| named.of_family(false, turn)), [Some(all[0]), Some(all[2]), Some(all[0])]);
        assert_eq!(named.of_family(true, 7), Some(all[1]));
        assert_eq!(Location::at(all[0]).of_family(true, 0), None);
    }
}

//! How well a source is known: by the address that was signalled, its port or its host, and by what the operator has named.

use super::{Learning, State};
use router::parameter::Network;
use router::time::Instant;
use std::net::{IpAddr, SocketAddr};

/// Networks that the operator has named, of which a leg has some or, nearly always, none: one word in its port.
#[derive(Clone, Debug)]
pub struct Networks(Box<[Network]>);

impl Networks {
    /// Those of a plan.
    pub fn of(networks: &[Network]) -> Option<Box<Self>> {
        (!networks.is_empty()).then(|| Box::new(Self(networks.into())))
    }
}

/// How well a source is known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Standing {
    /// Not at all.
    Stranger,
    /// It sends from the port that the peer signalled, at another host.
    Port,
    /// It is at a host that was named, or, after a silence, at one that the operator has named or that was heard.
    Host,
    /// It is the address that the peer signalled.
    Signalled,
}

impl Learning {
    /// Whether who is at `source` may be asked to prove that it is the peer, by a handshake: a proof costs us something, so that not everybody may.
    pub fn may_prove(&self, now: Instant, source: SocketAddr) -> bool {
        if self.source() == Some(source) {
            return true;
        }
        match self.state {
            State::Settled { .. } => self.is_meant(source),
            _ => self.standing(source) >= Standing::Port || self.strangers_from.is_some_and(|from| now >= from),
        }
    }

    /// The same for RTCP, of which nobody knows the port.
    pub fn may_prove_host(&self, address: IpAddr) -> bool {
        self.is_host(address) || self.is_named(address)
    }

    /// Whether nothing but its port speaks for a source, while there is an address that the peer is reached at.
    #[cold]
    pub(super) fn is_doubtful(&self, source: SocketAddr) -> bool {
        self.is_reached() && self.standing(source) == Standing::Port
    }

    /// Whether the peer's host is at `address`, as far as is known: for RTCP, which comes from another port.
    pub fn is_host(&self, address: IpAddr) -> bool {
        match self.source() {
            Some(known) => known.ip() == address || self.is_listed(address),
            None => self.is_named(address),
        }
    }

    /// Whether the peer's description, or its signalling, is of the host at `address`, or the operator has named it.
    fn is_named(&self, address: IpAddr) -> bool {
        self.host == Some(address)
            || self.signalled.is_some_and(|signalled| signalled.ip() == address)
            || self.is_listed(address)
    }

    /// Whether the operator has named the host at `address`.
    fn is_listed(&self, address: IpAddr) -> bool {
        self.networks.as_deref().is_some_and(|networks| networks.0.iter().any(|network| network.contains(address)))
    }

    /// Whether a source is at a host that was named, or at the port that was: a peer with several addresses sends from another one than it
    /// names, and from the same port.
    pub(super) fn is_meant(&self, source: SocketAddr) -> bool {
        self.is_named(source.ip()) || self.signalled.is_some_and(|signalled| signalled.port() == source.port())
    }

    /// Whether the signalled address is one that the peer can be expected to send from.
    pub(super) fn is_reached(&self) -> bool {
        self.signalled.is_some_and(|signalled| !is_private(signalled.ip()) || self.host == Some(signalled.ip()))
    }

    pub(super) fn standing(&self, source: SocketAddr) -> Standing {
        if self.signalled == Some(source) {
            return Standing::Signalled;
        }
        let former = match self.state {
            State::Waiting { former } | State::Provisional { former, .. } => former,
            State::Settled { .. } => None,
        };
        let is_at_former = former.is_some_and(|former| former.ip() == source.ip());
        // A silence opens the port to nobody who was not there before.
        let is_open = self.reopened.is_none() || !self.found;
        let is_known = (self.found || self.reopened.is_some()) && is_at_former;
        if is_known || self.is_listed(source.ip()) || (is_open && self.is_named(source.ip())) {
            Standing::Host
        } else if is_open && self.is_meant(source) {
            Standing::Port
        } else {
            Standing::Stranger
        }
    }
}

/// Whether an address means something within its own network alone: RFC 1918, RFC 6598, RFC 4193, and those of a link or a host.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || (first == 100 && second & 0xc0 == 64)
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::is_private;

    #[test]
    fn addresses_that_mean_something_within_a_network_alone() {
        for address in
            ["10.1.2.3", "172.16.0.1", "192.168.0.1", "100.64.0.1", "169.254.1.1", "127.0.0.1", "fd00::1", "fe80::1"]
        {
            assert!(is_private(address.parse().unwrap()), "{address}");
        }
        for address in ["8.8.8.8", "100.128.0.1", "172.32.0.1", "2001:db8::1"] {
            assert!(!is_private(address.parse().unwrap()), "{address}");
        }
    }
}

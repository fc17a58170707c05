//! Listeners of SIP, beside each other.

use super::super::model::Sip;
use super::super::value::Listen;
use super::Found;
use signaling::transport::Transport;
use std::net::IpAddr;

/// Each port once: the second one could not be bound.
pub(super) fn listeners(sip: &Sip, found: &mut Found) {
    found.unless(!sip.listen.is_empty(), "sip.listen", "nothing is listened on");
    for (index, listen) in sip.listen.iter().enumerate() {
        let before = &sip.listen[..index];
        if before.iter().any(|other| one_port(listen, other) && listen.address == other.address) {
            found.add("sip.listen", format!("{listen} is there twice"));
        } else if let Some(other) = before.iter().find(|other| one_port(listen, other) && overlap(listen, other)) {
            let (all, one) = if listen.address.ip().is_unspecified() { (listen, other) } else { (other, listen) };
            found.add("sip.listen", format!("{one} lies within {all}, which is every address: leave one of them out"));
        }
    }
}

/// What is written of IPv6 and does not mean IPv4 too.
pub(super) fn doubts(sip: &Sip, found: &mut Found) {
    for listen in sip.listen.iter().filter(|listen| listen.address.is_ipv6() && listen.address.ip().is_unspecified()) {
        let has_four = sip.listen.iter().any(|other| other.transport == listen.transport && other.address.is_ipv4());
        if !has_four {
            let four = Listen { address: (IpAddr::from([0, 0, 0, 0]), listen.address.port()).into(), ..*listen };
            found.add("sip.listen", format!("{listen} takes IPv6 alone: for IPv4, write {four} beside it"));
        }
    }
}

/// Whether they would have the same port. All but UDP are over TCP. Port 0 is another one for each.
fn one_port(one: &Listen, other: &Listen) -> bool {
    let is_udp = |listen: &Listen| listen.transport == Transport::Udp;
    one.address.port() != 0 && one.address.port() == other.address.port() && is_udp(one) == is_udp(other)
}

/// Whether one is every address of its family, and the other one is of that family.
fn overlap(one: &Listen, other: &Listen) -> bool {
    let (one, other) = (one.address.ip(), other.address.ip());
    one.is_ipv4() == other.is_ipv4() && (one.is_unspecified() || other.is_unspecified())
}

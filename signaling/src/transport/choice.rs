//! Which way a request goes that is too long for UDP: by TCP where that can be (RFC 3261 §18.1.1).

use std::collections::BTreeMap;
use std::net::SocketAddr;

use router::time::Instant;

use super::flow::{Connection, Destination};
use super::kind::Transport;
use super::limits::{TCP_REFUSAL_HELD, TCP_REFUSALS_MAX, UDP_REQUEST_OCTETS_MAX};
use super::listener::Listeners;

/// Which peers refused TCP lately: they get long requests by UDP at once.
#[derive(Clone, Debug, Default)]
pub struct TcpRefusals {
    until: BTreeMap<SocketAddr, Instant>,
}

impl TcpRefusals {
    /// Notes that this peer took no connection.
    pub fn note(&mut self, now: Instant, peer: SocketAddr) {
        if self.until.len() >= TCP_REFUSALS_MAX && !self.until.contains_key(&peer) {
            self.until.retain(|_, until| *until > now);
            if self.until.len() >= TCP_REFUSALS_MAX {
                // All are fresh. Forgetting one costs its peer one more attempt.
                self.until.pop_first();
            }
        }
        self.until.insert(peer, now + TCP_REFUSAL_HELD);
    }

    /// Notes that this peer took a connection.
    pub fn clear(&mut self, peer: SocketAddr) {
        self.until.remove(&peer);
    }

    /// Whether this peer refused lately.
    pub fn holds(&self, now: Instant, peer: SocketAddr) -> bool {
        self.until.get(&peer).is_some_and(|until| *until > now)
    }
}

/// The destination by TCP of a request of so many octets (its Via included) that was to go by UDP and is too long for
/// it; `None` if it goes as it was meant to.
///
/// It stays with UDP where the destination is a flow (a phone behind NAT cannot be reached otherwise), where no
/// listener serves TCP there, and while the peer is known to refuse it.
pub fn upgrade(
    now: Instant,
    destination: &Destination,
    octets: usize,
    listeners: &Listeners,
    refusals: &TcpRefusals,
) -> Option<Destination> {
    if destination.transport != Transport::Udp
        || !destination.may_upgrade
        || octets <= UDP_REQUEST_OCTETS_MAX
        || refusals.holds(now, destination.remote)
    {
        return None;
    }
    let tcp = Destination {
        transport: Transport::Tcp,
        listener: None,
        local: None,
        connection: Connection::Any,
        may_upgrade: false,
        ..*destination
    };
    let (listener, found) = listeners.select(&tcp)?;
    (found.local().is_ipv4() == destination.remote.is_ipv4()).then_some(tcp.from_listener(listener))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{Flow, Listener, ListenerId};
    use router::time::Duration;

    fn listeners(tcp: bool) -> Listeners {
        let address: SocketAddr = "192.0.2.1:5060".parse().unwrap();
        let mut list = vec![Listener::new(Transport::Udp, address, None)];
        if tcp {
            list.push(Listener::new(Transport::Tcp, address, None));
        }
        Listeners::new(list)
    }

    #[test]
    fn a_long_request_goes_by_tcp_where_it_can() {
        let peer: SocketAddr = "198.51.100.7:5060".parse().unwrap();
        let to = Destination::address(Transport::Udp, peer);
        let mut refusals = TcpRefusals::default();
        let now = Instant::from_millis(1);
        let choose = |to: &Destination, octets, tcp, refusals: &TcpRefusals, now| {
            upgrade(now, to, octets, &listeners(tcp), refusals).map(|to| (to.transport, to.listener))
        };
        assert_eq!(choose(&to, 1300, true, &refusals, now), None);
        assert_eq!(choose(&to, 1301, true, &refusals, now), Some((Transport::Tcp, Some(ListenerId(1)))));
        assert_eq!(choose(&to, 1301, false, &refusals, now), None);
        assert_eq!(choose(&to.exactly(), 1301, true, &refusals, now), None);
        let flow = Flow {
            transport: Transport::Udp,
            listener: ListenerId(0),
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: peer,
            connection: None,
        };
        assert_eq!(choose(&Destination::flow(&flow), 1301, true, &refusals, now), None);
        refusals.note(now, peer);
        assert_eq!(choose(&to, 1301, true, &refusals, now), None);
        let later = now + TCP_REFUSAL_HELD;
        assert!(choose(&to, 1301, true, &refusals, later).is_some());
        refusals.note(later, peer);
        refusals.clear(peer);
        assert!(choose(&to, 1301, true, &refusals, later).is_some());
    }

    #[test]
    fn refusals_are_bounded_and_the_stale_ones_go_first() {
        let mut refusals = TcpRefusals::default();
        let peer = |index: usize| SocketAddr::from(([10, 0, (index >> 8) as u8, index as u8], 5060));
        let now = Instant::from_millis(1);
        for index in 0..TCP_REFUSALS_MAX + 10 {
            refusals.note(now, peer(index));
        }
        assert_eq!(refusals.until.len(), TCP_REFUSALS_MAX);
        let later = now + TCP_REFUSAL_HELD + Duration::from_secs(1);
        refusals.note(later, peer(70_000));
        assert_eq!(refusals.until.len(), 1);
    }
}

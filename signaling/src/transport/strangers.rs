//! Connections of peers that have not shown yet who they are, and the hosts from which somebody known came lately.
//!
//! A stranger gets no answer but refusals without a transaction (RFC 3261 §8.2.7). What belongs to a transaction of ours, a request or
//! an answer, goes only to who has proven a secret, is in a dialog, or is a trunk; so the first such message over a connection says
//! that its peer is known. Until then it holds one of few places, in which newcomers displace whoever has waited longest: to keep
//! others out somebody would have to open connections faster than they register.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;

use router::time::Instant;

use super::flow::ConnectionId;
use super::limits::{KNOWN_HOST_HELD, KNOWN_HOSTS_MAX};

/// Those connections, the oldest first: a connection's number grows.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    hosts: BTreeMap<ConnectionId, IpAddr>,
    of_host: BTreeMap<IpAddr, BTreeSet<ConnectionId>>,
    /// Those of hosts from which nobody known came lately: they displace each other.
    unheard_of: BTreeSet<ConnectionId>,
    known: KnownHosts,
}

impl Strangers {
    /// A connection that a peer opened, of whom nothing is known.
    pub(super) fn begin(&mut self, now: Instant, connection: ConnectionId, host: IpAddr) {
        self.hosts.insert(connection, host);
        self.of_host.entry(host).or_default().insert(connection);
        if !self.known.holds(now, host) {
            self.unheard_of.insert(connection);
        }
    }

    /// Its peer is known; the same for one that is known already.
    pub(super) fn became_known(&mut self, now: Instant, connection: ConnectionId) {
        if let Some(host) = self.end(connection) {
            self.known.note(now, host);
        }
    }

    /// The connection of somebody known from there has ended: it will be back.
    pub(super) fn known_left(&mut self, now: Instant, host: IpAddr) {
        self.known.note(now, host);
    }

    /// It is none of them any more.
    pub(super) fn end(&mut self, connection: ConnectionId) -> Option<IpAddr> {
        let host = self.hosts.remove(&connection)?;
        self.unheard_of.remove(&connection);
        if let Some(of_host) = self.of_host.get_mut(&host) {
            of_host.remove(&connection);
            if of_host.is_empty() {
                self.of_host.remove(&host);
            }
        }
        Some(host)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.hosts.len()
    }

    /// How many are of that host.
    pub(super) fn of_host(&self, host: IpAddr) -> usize {
        self.of_host.get(&host).map_or(0, BTreeSet::len)
    }

    /// The one of that host that has waited longest.
    pub(super) fn oldest_of(&self, host: IpAddr) -> Option<ConnectionId> {
        self.of_host.get(&host)?.first().copied()
    }

    /// How many are of hosts from which nobody known came lately.
    pub(super) fn unheard_of(&self) -> usize {
        self.unheard_of.len()
    }

    /// The one of these that has waited longest.
    pub(super) fn oldest(&self) -> Option<ConnectionId> {
        self.unheard_of.first().copied()
    }

    /// Whether somebody known came from that host lately.
    pub(super) fn knows(&self, now: Instant, host: IpAddr) -> bool {
        self.known.holds(now, host)
    }
}

/// Hosts from which somebody known came lately.
#[derive(Debug, Default)]
struct KnownHosts {
    noted: BTreeMap<IpAddr, Instant>,
    /// In the order in which they were noted; a later note of the same host stands further behind.
    order: VecDeque<(Instant, IpAddr)>,
}

impl KnownHosts {
    fn note(&mut self, now: Instant, host: IpAddr) {
        let fresh = self.noted.get(&host).is_some_and(|&noted| now.since(noted) < KNOWN_HOST_HELD / 8);
        if fresh {
            return;
        }
        self.noted.insert(host, now);
        self.order.push_back((now, host));
        // Each host stands there eight times at most.
        while let Some(&(at, oldest)) = self.order.front()
            && (self.noted.len() > KNOWN_HOSTS_MAX || now.since(at) >= KNOWN_HOST_HELD)
        {
            self.order.pop_front();
            if self.noted.get(&oldest) == Some(&at) {
                self.noted.remove(&oldest);
            }
        }
    }

    fn holds(&self, now: Instant, host: IpAddr) -> bool {
        self.noted.get(&host).is_some_and(|&noted| now.since(noted) < KNOWN_HOST_HELD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::time::Duration;

    fn host(number: u32) -> IpAddr {
        IpAddr::V4((0x0a00_0000 + number).into())
    }

    #[test]
    fn who_waits_longest_goes_first_unless_somebody_known_came_from_there() {
        let mut strangers = Strangers::default();
        let now = Instant::ZERO;
        strangers.begin(now, ConnectionId(1), host(1));
        strangers.became_known(now, ConnectionId(1));
        assert_eq!((strangers.len(), strangers.knows(now, host(1))), (0, true));
        strangers.begin(now, ConnectionId(2), host(1));
        strangers.begin(now, ConnectionId(3), host(2));
        strangers.begin(now, ConnectionId(4), host(2));
        assert_eq!((strangers.len(), strangers.unheard_of(), strangers.of_host(host(2))), (3, 2, 2));
        assert_eq!((strangers.oldest(), strangers.oldest_of(host(1))), (Some(ConnectionId(3)), Some(ConnectionId(2))));
        assert_eq!(strangers.end(ConnectionId(3)), Some(host(2)));
        assert_eq!(strangers.oldest(), Some(ConnectionId(4)));
        assert_eq!(strangers.end(ConnectionId(3)), None);
        strangers.end(ConnectionId(4));
        strangers.end(ConnectionId(2));
        assert!(strangers.of_host.is_empty() && strangers.oldest().is_none());
    }

    #[test]
    fn a_host_is_remembered_for_a_while_and_their_number_is_bounded() {
        let mut known = KnownHosts::default();
        known.note(Instant::ZERO, host(1));
        let last = Instant::ZERO + (KNOWN_HOST_HELD - Duration::from_secs(1));
        assert!(known.holds(last, host(1)));
        assert!(!known.holds(Instant::ZERO + KNOWN_HOST_HELD, host(1)));
        known.note(last, host(1));
        assert!(known.holds(Instant::ZERO + KNOWN_HOST_HELD, host(1)), "noted again");
        for number in 2..KNOWN_HOSTS_MAX as u32 + 1_000 {
            known.note(last, host(number));
        }
        assert_eq!(known.noted.len(), KNOWN_HOSTS_MAX);
        assert!(known.order.len() <= 8 * KNOWN_HOSTS_MAX && !known.holds(last, host(1)));
        known.note(last + KNOWN_HOST_HELD, host(1));
        assert_eq!((known.noted.len(), known.order.len()), (1, 1), "the old ones leave");
    }
}

//! Who makes way where connections wait that have not shown yet who they are. Places are few; a newcomer always has one, and takes it from
//! whoever holds most of them, so that who holds many displaces himself: to keep others out somebody would have to connect from many
//! networks faster than a platform says who it is.

use crate::limits::{NEWCOMERS, NEWCOMERS_OF_SOURCE, NEWCOMERS_UNHEARD_OF};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

/// A connection whose peer has not shown who it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Newcomer<S> {
    /// Whom it counts for: a network, a platform that its certificate names.
    pub(crate) source: S,
    /// Whether platforms are known to come from there.
    pub(crate) is_known: bool,
}

/// The one of those that wait, the longest waiting first, that makes way for `newcomer`; `None`: there is room.
pub(crate) fn makes_way<K: Copy, S: Ord + Copy>(waiting: &[(K, Newcomer<S>)], newcomer: Newcomer<S>) -> Option<K> {
    let of_source = waiting.iter().filter(|(_, other)| other.source == newcomer.source);
    if of_source.count() >= NEWCOMERS_OF_SOURCE {
        return longest(waiting, |other| other.source == newcomer.source);
    }
    let unheard_of = waiting.iter().filter(|(_, other)| !other.is_known).count();
    if waiting.len() >= NEWCOMERS || (!newcomer.is_known && unheard_of >= NEWCOMERS_UNHEARD_OF) {
        // Who is known gives way to nobody else; that there are so many of them takes as many networks.
        return of_the_most(waiting, |other| !other.is_known).or_else(|| of_the_most(waiting, |_| true));
    }
    None
}

/// The one that waits longest.
fn longest<K: Copy, S>(waiting: &[(K, Newcomer<S>)], which: impl Fn(&Newcomer<S>) -> bool) -> Option<K> {
    waiting.iter().find(|(_, other)| which(other)).map(|(key, _)| *key)
}

/// The one that waits longest of the source that has most; of several such sources, of the one that waits longest.
fn of_the_most<K: Copy, S: Ord + Copy>(
    waiting: &[(K, Newcomer<S>)],
    which: impl Fn(&Newcomer<S>) -> bool,
) -> Option<K> {
    let mut counts = BTreeMap::new();
    for (_, other) in waiting.iter().filter(|(_, other)| which(other)) {
        *counts.entry(other.source).or_insert(0usize) += 1;
    }
    let most = counts.values().max().copied()?;
    longest(waiting, |other| which(other) && counts.get(&other.source) == Some(&most))
}

/// The network that an address counts for: an IPv6 host has as many addresses of a /64 as it likes.
pub(crate) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Those that wait, by their sources; the number is the order in which they came.
    struct Waiting(Vec<(usize, Newcomer<u32>)>, usize);

    impl Waiting {
        fn new() -> Self {
            Self(Vec::new(), 0)
        }

        /// One more comes; who makes way.
        fn comes(&mut self, source: u32, is_known: bool) -> Option<usize> {
            let newcomer = Newcomer { source, is_known };
            let gone = makes_way(&self.0, newcomer);
            self.0.retain(|(key, _)| Some(*key) != gone);
            self.0.push((self.1, newcomer));
            self.1 += 1;
            gone
        }

        fn of(&self, source: u32) -> usize {
            self.0.iter().filter(|(_, of)| of.source == source).count()
        }
    }

    #[test]
    fn one_source_displaces_its_own_that_wait_longest() {
        let mut waiting = Waiting::new();
        assert!((0..NEWCOMERS_OF_SOURCE).all(|_| waiting.comes(1, false).is_none()));
        for longest in 0..1_000 {
            assert_eq!(waiting.comes(1, false), Some(longest));
        }
        assert_eq!(waiting.comes(2, false), None, "another has its places");
        assert_eq!(waiting.of(1), NEWCOMERS_OF_SOURCE);
    }

    #[test]
    fn of_many_sources_whoever_has_most_makes_way_and_who_is_known_has_room() {
        let mut waiting = Waiting::new();
        for round in 0..50 {
            for source in 0..10 {
                waiting.comes(source, false);
            }
            if round == 2 {
                waiting.comes(77, false);
            }
        }
        assert_eq!(waiting.0.len(), NEWCOMERS_UNHEARD_OF);
        assert_eq!(waiting.of(77), 1, "it has less than they: their own make way for theirs");
        for known in 100..100 + (NEWCOMERS - NEWCOMERS_UNHEARD_OF) as u32 {
            assert_eq!(waiting.comes(known, true), None);
        }
        // As many known ones again: strangers make way, and never the known.
        for known in 200..200 + NEWCOMERS_UNHEARD_OF as u32 {
            assert!(waiting.comes(known, true).is_some());
        }
        assert!(waiting.0.iter().all(|(_, of)| of.is_known) && waiting.0.len() == NEWCOMERS);
        // Of these it is the longest waiting.
        assert_eq!(waiting.of(100), 1);
        waiting.comes(300, true);
        assert_eq!((waiting.of(100), waiting.0.len()), (0, NEWCOMERS));
    }

    #[test]
    fn a_network_of_ipv6_is_one_source() {
        let network = |text: &str| network_of(text.parse().unwrap());
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2:ffff::1"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }
}

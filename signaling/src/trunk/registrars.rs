//! Where our registrations were taken: who is there is the trunk's, for as long as what it took holds.

use super::{OwnAddress, TrunkId};
use crate::limits::REGISTRARS_PER_REGISTRATION;
use router::time::Instant;
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// An address that took a registration, and until when it keeps it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Taken {
    /// Where the 200 came from.
    pub registrar: SocketAddr,
    /// When what it granted ends.
    pub until: Instant,
}

/// The last addresses for each registration. One that moves leaves its former address behind, which may send calls for as long as its own
/// grant lasts; who moves again and again pushes out its own addresses alone.
#[derive(Debug, Default)]
pub(super) struct Registrars {
    taken: BTreeMap<(TrunkId, OwnAddress), SmallVec<[Taken; REGISTRARS_PER_REGISTRATION]>>,
    /// The same by address, for whoever comes: until when the last of its registrations holds.
    by_address: BTreeMap<Key, Instant>,
}

type Key = (IpAddr, u16, TrunkId);

fn key(at: SocketAddr, trunk: TrunkId) -> Key {
    (at.ip().to_canonical(), at.port(), trunk)
}

impl Registrars {
    /// An address took a registration, or took it again.
    pub(super) fn note(&mut self, now: Instant, trunk: TrunkId, own: &OwnAddress, taken: Taken) {
        let all = self.taken.entry((trunk, own.clone())).or_default();
        // A grant that is renewed, as it is again and again, only lasts longer.
        let is_renewed = |one: &Taken| one.registrar == taken.registrar && one.until <= taken.until;
        let mut is_other_left_out =
            all.iter().any(|one| !is_renewed(one) && (one.until <= now || one.registrar == taken.registrar));
        all.retain(|one| one.until > now && one.registrar != taken.registrar);
        if all.len() == REGISTRARS_PER_REGISTRATION {
            all.remove(0);
            is_other_left_out = true;
        }
        all.push(taken);
        match is_other_left_out {
            // Another registration may have been taken there, too.
            true => self.index(),
            false => self.note_address(trunk, taken),
        }
    }

    fn note_address(&mut self, trunk: TrunkId, taken: Taken) {
        let until = self.by_address.entry(key(taken.registrar, trunk)).or_insert(taken.until);
        *until = taken.until.max(*until);
    }

    /// Forgets those of registrations that are no longer wanted.
    pub(super) fn retain(&mut self, wanted: impl Fn(TrunkId, &OwnAddress) -> bool) {
        self.taken.retain(|(trunk, own), _| wanted(*trunk, own));
        self.index();
    }

    fn index(&mut self) {
        self.by_address.clear();
        let all: Vec<(TrunkId, Taken)> =
            self.taken.iter().flat_map(|((trunk, _), all)| all.iter().map(|&one| (*trunk, one))).collect();
        all.into_iter().for_each(|(trunk, taken)| self.note_address(trunk, taken));
    }

    /// The trunk that keeps a registration of ours at that address.
    pub(super) fn at(&self, now: Instant, remote: SocketAddr) -> Option<TrunkId> {
        let (first, last) = (key(remote, TrunkId(0)), key(remote, TrunkId(u16::MAX)));
        let mut found = self.by_address.range(first..=last).filter(|&(_, &until)| until > now);
        found.next().map(|(&(_, _, trunk), _)| trunk)
    }

    /// Whether that trunk keeps a registration of ours at that host, at whichever port.
    pub(super) fn at_host(&self, now: Instant, host: IpAddr, trunk: TrunkId) -> bool {
        let host = host.to_canonical();
        let (first, last) = ((host, 0, TrunkId(0)), (host, u16::MAX, TrunkId(u16::MAX)));
        self.by_address.range(first..=last).any(|(&(_, _, at), &until)| at == trunk && until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_millis(1_000 * seconds)
    }

    fn edge(number: usize) -> SocketAddr {
        SocketAddr::from(([198, 51, (number >> 8) as u8, number as u8], 5060))
    }

    fn own(user: &str) -> OwnAddress {
        OwnAddress { user: user.to_owned(), domain: None }
    }

    fn taken(number: usize, until: u64) -> Taken {
        Taken { registrar: edge(number), until: at(until) }
    }

    const TRUNK: TrunkId = TrunkId(1);

    #[test]
    fn an_address_is_known_for_as_long_as_what_it_took() {
        let mut registrars = Registrars::default();
        registrars.note(at(0), TRUNK, &own("a"), taken(1, 100));
        registrars.note(at(10), TRUNK, &own("b"), taken(1, 60));
        assert_eq!((registrars.at(at(99), edge(1)), registrars.at(at(100), edge(1))), (Some(TRUNK), None));
        assert_eq!(registrars.at(at(1), "198.51.0.1:5061".parse().unwrap()), None, "another port");
        assert!(registrars.at_host(at(1), edge(1).ip(), TRUNK) && !registrars.at_host(at(1), edge(1).ip(), TrunkId(2)));
        assert!(registrars.at_host(at(1), "::ffff:198.51.0.1".parse().unwrap(), TRUNK), "the same host");
        assert!(!registrars.at_host(at(100), edge(1).ip(), TRUNK));
        // A shorter grant is what holds.
        registrars.note(at(50), TRUNK, &own("a"), taken(1, 55));
        assert_eq!((registrars.at(at(59), edge(1)), registrars.at(at(60), edge(1))), (Some(TRUNK), None));
    }

    #[test]
    fn who_moves_pushes_out_its_own_addresses_alone() {
        let mut registrars = Registrars::default();
        registrars.note(at(0), TRUNK, &own("stays"), taken(0, 9_000));
        for number in 1..=5_000 {
            registrars.note(at(1), TRUNK, &own("moves"), taken(number, 9_000));
        }
        let known: Vec<usize> = (0..=5_000).filter(|&number| registrars.at(at(2), edge(number)).is_some()).collect();
        assert_eq!(known.len(), 1 + REGISTRARS_PER_REGISTRATION);
        assert_eq!((known[0], known.last()), (0, Some(&5_000)));
        assert_eq!(registrars.by_address.len(), known.len());
        registrars.retain(|_, own| own.user == "moves");
        assert_eq!((registrars.at(at(2), edge(0)), registrars.at(at(2), edge(5_000))), (None, Some(TRUNK)));
    }

    #[test]
    fn what_ended_makes_room() {
        let mut registrars = Registrars::default();
        for number in 0..REGISTRARS_PER_REGISTRATION {
            registrars.note(at(0), TRUNK, &own("a"), taken(number, 10 + number as u64));
        }
        registrars.note(at(11), TRUNK, &own("a"), taken(9, 100));
        assert_eq!(registrars.at(at(11), edge(0)), None);
        assert!((2..REGISTRARS_PER_REGISTRATION).all(|number| registrars.at(at(11), edge(number)).is_some()));
    }
}

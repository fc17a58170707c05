//! What other platforms have said of accounts: which of them has it, which has not. It is looked at where one of them cannot be asked, so that a
//! user of a platform that is away is told from a number that nobody has.
//!
//! Kept are hashes with a key of chance, sixteen octets each: no name is held, and nobody outside can aim two names at one place.

use crate::limits::{WHEREABOUTS, WHEREABOUTS_TURN};
use router::time::Instant;
use router::{OwnMap, PlatformId, Random};
use std::hash::{DefaultHasher, Hasher};

/// What they have said. Bounded, and forgotten after a day or half of it.
#[derive(Debug)]
pub(crate) struct Whereabouts {
    key: [u8; 16],
    /// It has that account.
    has: Recent,
    /// It has none of that name: apart, so that whoever dials at random displaces no account.
    has_not: Recent,
}

impl Whereabouts {
    /// Nothing is known.
    pub(crate) fn new(random: &mut Random) -> Self {
        let mut key = [0; 16];
        random.fill(&mut key);
        Self { key, has: Recent::default(), has_not: Recent::default() }
    }

    /// A platform has said whether it has an account.
    pub(crate) fn note(&mut self, now: Instant, platform: PlatformId, account: &str, has: bool) {
        let hash = self.hash(platform, account);
        let (into, out_of) = if has { (&mut self.has, &mut self.has_not) } else { (&mut self.has_not, &mut self.has) };
        into.insert(now, hash);
        out_of.remove(hash);
    }

    /// What a platform said last of an account; `None`: nothing, or it is forgotten.
    pub(crate) fn said(&mut self, now: Instant, platform: PlatformId, account: &str) -> Option<bool> {
        let hash = self.hash(platform, account);
        match (self.has.contains(now, hash), self.has_not.contains(now, hash)) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        }
    }

    fn hash(&self, platform: PlatformId, account: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        hasher.write(&self.key);
        hasher.write_u32(platform.0);
        hasher.write(account.as_bytes());
        hasher.finish()
    }
}

/// What was said since the last turn, and before it: at each turn the older half is forgotten.
#[derive(Debug, Default)]
struct Recent {
    current: OwnMap<u64, ()>,
    former: OwnMap<u64, ()>,
    turned: Instant,
}

impl Recent {
    fn insert(&mut self, now: Instant, hash: u64) {
        self.age(now);
        if self.current.len() >= WHEREABOUTS && !self.current.contains_key(&hash) {
            self.turn(now);
        }
        self.current.insert(hash, ());
    }

    fn remove(&mut self, hash: u64) {
        if !self.current.is_empty() || !self.former.is_empty() {
            self.current.remove(&hash);
            self.former.remove(&hash);
        }
    }

    fn contains(&mut self, now: Instant, hash: u64) -> bool {
        self.age(now);
        self.current.contains_key(&hash) || self.former.contains_key(&hash)
    }

    fn age(&mut self, now: Instant) {
        let passed = now.since(self.turned);
        if passed >= WHEREABOUTS_TURN {
            self.turn(now);
        }
        if passed >= WHEREABOUTS_TURN.saturating_mul(2) {
            self.former = OwnMap::default();
        }
    }

    fn turn(&mut self, now: Instant) {
        self.former = std::mem::take(&mut self.current);
        self.turned = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::time::Duration;

    const WEST: PlatformId = PlatformId(2);

    fn whereabouts() -> Whereabouts {
        Whereabouts::new(&mut Random::from_seed(1))
    }

    #[test]
    fn what_a_platform_says_last_counts_and_is_no_other_one_s() {
        let (mut whereabouts, now) = (whereabouts(), Instant::from_millis(1_000));
        assert_eq!(whereabouts.said(now, WEST, "zita"), None);
        whereabouts.note(now, WEST, "zita", true);
        assert_eq!(whereabouts.said(now, WEST, "zita"), Some(true));
        assert_eq!(whereabouts.said(now, PlatformId(3), "zita"), None);
        assert_eq!(whereabouts.said(now, WEST, "zit"), None);
        whereabouts.note(now, WEST, "zita", false);
        assert_eq!(whereabouts.said(now, WEST, "zita"), Some(false), "it was taken away");
        whereabouts.note(now, WEST, "zita", true);
        assert_eq!(whereabouts.said(now, WEST, "zita"), Some(true));
    }

    #[test]
    fn it_is_forgotten_after_a_day_unless_it_is_said_again() {
        let (mut whereabouts, start) = (whereabouts(), Instant::from_millis(1_000));
        whereabouts.note(start, WEST, "zita", true);
        whereabouts.note(start, WEST, "nobody", false);
        let mut now = start;
        for _ in 0..10 {
            now = now + WHEREABOUTS_TURN.saturating_sub(Duration::from_secs(1));
            whereabouts.note(now, WEST, "yan", true);
        }
        assert_eq!(whereabouts.said(now, WEST, "yan"), Some(true));
        assert_eq!(whereabouts.said(now, WEST, "zita"), None);
        assert_eq!(whereabouts.said(now, WEST, "nobody"), None);
        // Nothing has to happen for it.
        let later = now + WHEREABOUTS_TURN.saturating_mul(2);
        assert_eq!(whereabouts.said(later, WEST, "yan"), None);
    }

    #[test]
    fn it_is_bounded_and_who_dials_at_random_displaces_no_account() {
        let (mut whereabouts, now) = (whereabouts(), Instant::from_millis(1_000));
        whereabouts.note(now, WEST, "zita", true);
        for number in 0..3 * WHEREABOUTS {
            whereabouts.note(now, WEST, &number.to_string(), false);
        }
        assert!(whereabouts.has_not.current.len() + whereabouts.has_not.former.len() <= 2 * WHEREABOUTS);
        assert_eq!(whereabouts.said(now, WEST, "zita"), Some(true));
        assert_eq!(whereabouts.said(now, WEST, "0"), None);
        assert_eq!(whereabouts.said(now, WEST, &(3 * WHEREABOUTS - 1).to_string()), Some(false));
    }
}

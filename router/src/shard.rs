//! The SIP shards of a platform: which of them is whose home, and what they count together.

use crate::ledger::Ledger;
use crate::limits::{LEDGER_PROBES, LEDGERS, SHARDS, TALLIES};
use crate::random::Random;
use crate::throttle::Throttle;
use std::fmt;
use std::hash::{DefaultHasher, Hasher};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

/// How many shards a platform has, and where each name is at home. Every shard has a copy; all copies agree.
///
/// The hash is keyed, so that nobody outside can aim many names at one shard.
#[derive(Clone)]
pub struct Shards {
    count: u8,
    key: [u8; 16],
    tallies: Arc<[OnceLock<Named>]>,
    throttles: Arc<[OnceLock<NamedThrottle>]>,
    /// Made when the first is asked for.
    ledgers: Arc<OnceLock<Box<[OnceLock<NamedLedger>]>>>,
}

/// A tally and its name.
type Named = (Box<str>, Tally);

/// A throttle and its name.
type NamedThrottle = (Box<str>, Throttle);

/// A ledger and its name.
type NamedLedger = (Box<str>, Ledger);

impl Shards {
    /// So many shards, at least 1 and at most [`SHARDS`].
    pub fn new(count: u8, random: &mut Random) -> Self {
        let mut key = [0; 16];
        random.fill(&mut key);
        Self { count: count.clamp(1, SHARDS), key, ..Self::default() }
    }

    /// How many there are.
    pub fn count(&self) -> u8 {
        self.count
    }

    /// Whether there is one alone: everything is at home there.
    #[inline]
    pub fn is_one(&self) -> bool {
        self.count == 1
    }

    /// The home of a name: a Call-ID, an account.
    pub fn home(&self, name: &[u8]) -> u8 {
        if self.is_one() {
            return 0;
        }
        let mut hasher = DefaultHasher::new();
        hasher.write(&self.key);
        hasher.write(name);
        // As even as a remainder, without a division.
        ((u128::from(hasher.finish()) * u128::from(self.count)) >> 64) as u8
    }

    /// What the shards count together under that name. Beyond [`TALLIES`] names each shard counts for itself.
    pub fn tally(&self, name: &str) -> Tally {
        for slot in &*self.tallies {
            let (known, tally) = slot.get_or_init(|| (name.into(), Tally::default()));
            if &**known == name {
                return tally.clone();
            }
        }
        Tally::default()
    }
}

impl Shards {
    /// The bound of a second that the shards keep together under that name. Beyond [`TALLIES`] names each shard keeps it for itself.
    pub fn throttle(&self, name: &str) -> Throttle {
        for slot in &*self.throttles {
            let (known, throttle) = slot.get_or_init(|| (name.into(), Throttle::default()));
            if &**known == name {
                return throttle.clone();
            }
        }
        Throttle::default()
    }
}

impl Shards {
    /// The ledger that the shards keep together under that name: one of many, so it is looked for from where its hash says. Beyond
    /// [`LEDGERS`] each shard keeps it for itself, until it lets go of it.
    pub fn ledger(&self, name: &str) -> Ledger {
        let slots = self.ledgers.get_or_init(|| (0..LEDGERS).map(|_| OnceLock::new()).collect());
        let mut hasher = DefaultHasher::new();
        hasher.write(&self.key);
        hasher.write(name.as_bytes());
        let begin = hasher.finish() as usize % LEDGERS;
        for slot in slots.iter().cycle().skip(begin).take(LEDGER_PROBES) {
            let (known, ledger) = slot.get_or_init(|| (name.into(), Ledger::default()));
            if &**known == name {
                return ledger.clone();
            }
        }
        Ledger::default()
    }
}

impl Default for Shards {
    /// One.
    fn default() -> Self {
        Self {
            count: 1,
            key: [0; 16],
            tallies: (0..TALLIES).map(|_| OnceLock::new()).collect(),
            throttles: (0..TALLIES).map(|_| OnceLock::new()).collect(),
            ledgers: Arc::default(),
        }
    }
}

impl fmt::Debug for Shards {
    /// Without the key, which is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shards").field("count", &self.count).finish_non_exhaustive()
    }
}

/// How many of something are in use on all shards: taken and given back without a lock, never more than the bound.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<AtomicU32>);

impl Tally {
    /// How many are in use.
    pub fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    /// Takes one, if fewer than `bound` are in use.
    pub fn take_below(&self, bound: u32) -> bool {
        let more = |count| (count < bound).then_some(count + 1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    /// Takes one, whatever the bound.
    pub fn take(&self) {
        self.take_below(u32::MAX);
    }

    /// Gives one back.
    pub fn give_back(&self) {
        // More than was taken is never given back; should it be, zero is the better count.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spread_evenly_and_by_a_secret() {
        let mut random = Random::from_seed(1);
        let (one, other) = (Shards::new(3, &mut random), Shards::new(3, &mut random));
        let mut found = [0; 3];
        let mut agree = 0;
        for number in 0..3_000 {
            let name = format!("call-{number}");
            let home = one.home(name.as_bytes());
            assert_eq!(home, one.clone().home(name.as_bytes()));
            found[usize::from(home)] += 1;
            agree += u32::from(home == other.home(name.as_bytes()));
        }
        assert!(found.iter().all(|count| (900..1_100).contains(count)), "{found:?}");
        assert!((900..1_100).contains(&agree), "another secret, other homes: {agree}");
        assert_eq!(Shards::default().home(b"anything"), 0);
        assert_eq!(Shards::new(0, &mut random).count(), 1);
        assert_eq!(Shards::new(255, &mut random).count(), SHARDS);
    }

    #[test]
    fn a_ledger_is_one_for_all_and_of_its_name_alone() {
        let shards = Shards::new(4, &mut Random::from_seed(3));
        let other = shards.clone();
        let ledgers: Vec<_> = (0..10_000).map(|number| shards.ledger(&format!("account {number}"))).collect();
        for (number, ledger) in ledgers.iter().enumerate() {
            assert_eq!(ledger.calls.count(), 0, "{number}");
            ledger.calls.take();
            assert_eq!(other.ledger(&format!("account {number}")).calls.count(), 1);
        }
    }

    #[test]
    fn a_tally_is_one_for_all_and_never_passes_its_bound() {
        let shards = Shards::new(4, &mut Random::from_seed(2));
        let tally = shards.tally("trunk");
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let tally = shards.clone().tally("trunk");
                std::thread::spawn(move || (0..100).filter(|_| tally.take_below(150)).count())
            })
            .collect();
        let taken: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert_eq!((taken, tally.count()), (150, 150));
        tally.give_back();
        assert!(tally.take_below(150) && !tally.take_below(150));
        assert_eq!(shards.tally("another").count(), 0);
    }

    #[test]
    fn beyond_the_bound_names_are_counted_apart() {
        let shards = Shards::default();
        (0..TALLIES).for_each(|number| shards.tally(&number.to_string()).take());
        shards.tally("one more").take();
        assert_eq!(shards.tally("one more").count(), 0);
        assert_eq!(shards.tally("7").count(), 1);
    }
}

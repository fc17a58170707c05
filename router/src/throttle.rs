//! How many may come within a second, counted as carriers count, on all shards together.

use crate::time::Instant;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A bound that shards keep together, without a lock: within any second so many at most, and these at once if they come at once.
///
/// ```text
///   a second, in slots of 10 ms, each with how many were taken in it
///   ┌──┬──┬──┬──┬── … ──┬──┬──┐
///   │ 0│ 3│ 0│ 1│       │ 2│ 0│   their sum and one more is at most the pace, or nothing is taken
///   └──┴──┴──┴──┴── … ──┴──┴──┘
///    the one of a second ago is the next one to be used again
/// ```
/// Who counts calls by the second counts them so; a bucket that fills evenly would let twice as many come within one second as its
/// pace, or refuse the second of two calls that come together.
#[derive(Clone, Debug)]
pub struct Throttle(Arc<[AtomicU64; SLOTS]>);

impl Default for Throttle {
    fn default() -> Self {
        Self(Arc::new([const { AtomicU64::new(0) }; SLOTS]))
    }
}

impl Throttle {
    /// Takes one of `per_second`, if it may be had now.
    pub fn take(&self, now: Instant, per_second: u32) -> bool {
        let slot = now.as_nanos() / SLOT_NANOS;
        let Some(own) = self.0.get((slot % SLOTS as u64) as usize) else { return false };
        // Taken first and counted afterwards: of two shards that take the last one together both may give it back, and never both keep it.
        let noted = own.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |noted| Some(one_more(noted, slot)));
        if noted.is_err() {
            return false;
        }
        let taken: u64 = self.0.iter().map(|one| taken_in(one.load(Ordering::SeqCst), slot)).sum();
        if taken <= u64::from(per_second) {
            return true;
        }
        let back = |noted: u64| (noted >> COUNT_BITS == tag(slot) && noted & COUNT_MASK > 0).then(|| noted - 1);
        // Where it is another slot's by now there is nothing left to give back.
        let _ = own.fetch_update(Ordering::SeqCst, Ordering::SeqCst, back);
        false
    }
}

/// One slot is the tag of its time and a count.
fn one_more(noted: u64, slot: u64) -> u64 {
    match noted >> COUNT_BITS == tag(slot) {
        true if noted & COUNT_MASK == COUNT_MASK => noted,
        true => noted + 1,
        false => tag(slot) << COUNT_BITS | 1,
    }
}

/// How many were taken in a slot, if that was within the second before `slot`, or in it; or right after it, by a shard whose turn began later.
fn taken_in(noted: u64, slot: u64) -> u64 {
    let ago = tag(slot).wrapping_sub(noted >> COUNT_BITS) & TAG_MASK;
    let (before, after) = (ago < SLOTS as u64, TAG_MASK - ago < SLOTS as u64);
    if before || after { noted & COUNT_MASK } else { 0 }
}

/// The time of a slot, as it is noted.
const fn tag(slot: u64) -> u64 {
    (slot + 1) & TAG_MASK
}

/// Slots of a second: who counts by another clock is off by more than a hundredth of it anyway.
const SLOTS: usize = 100;

/// How long one is.
const SLOT_NANOS: u64 = 1_000_000_000 / SLOTS as u64;

/// Bits of a count: above any pace. The tag has the others: 136 years.
const COUNT_BITS: u32 = 24;

const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;

const TAG_MASK: u64 = u64::MAX >> COUNT_BITS;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_has_more_than_its_pace_and_none_has_less() {
        for per_second in [1, 7, 50, 1_000] {
            let throttle = Throttle::default();
            let other = throttle.clone();
            let mut taken = Vec::new();
            for millis in 10_000..20_000 {
                for who in [&throttle, &other] {
                    if who.take(Instant::from_millis(millis), per_second) {
                        taken.push(millis);
                    }
                }
            }
            for begin in (10_000..19_000).step_by(10) {
                let within = taken.iter().filter(|&&at| (begin..begin + 1_000).contains(&at)).count();
                assert_eq!(within, per_second as usize, "{per_second}");
            }
        }
        assert!(!Throttle::default().take(Instant::from_millis(1), 0));
    }

    #[test]
    fn a_second_s_worth_may_come_at_once_and_who_keeps_the_pace_is_never_refused() {
        let burst = Throttle::default();
        let at_once = (0..30).filter(|_| burst.take(Instant::from_millis(5_003), 10)).count();
        assert_eq!(at_once, 10);
        assert!(!burst.take(Instant::from_millis(5_990), 10) && burst.take(Instant::from_millis(6_003), 10));
        let even = Throttle::default();
        assert!((0..1_000).all(|call| even.take(Instant::from_millis(7 + 100 * call), 10)));
        let changed = Throttle::default();
        assert!((0..5).all(|_| changed.take(Instant::from_millis(1), 5)));
        assert!(!changed.take(Instant::from_millis(2), 4) && changed.take(Instant::from_millis(2), 6));
    }

    #[test]
    fn what_was_taken_long_ago_counts_no_more() {
        let throttle = Throttle::default();
        for round in 0..5 {
            let now = Instant::from_millis(1_000 + round * 86_400_000 * 365);
            assert!(throttle.take(now, 1) && !throttle.take(now, 1), "{round}");
        }
    }
}

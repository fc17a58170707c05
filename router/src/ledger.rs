//! What somebody has in use, and has done within the last hour, counted by all shards together.

use crate::shard::Tally;
use crate::time::Instant;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The account of one caller, account or trunk: every shard has the same one, and none waits for another.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Calls that are up.
    pub calls: Tally,
    /// Calls that have begun.
    pub begun: Hour,
    /// What calls have cost.
    pub spent: Hour,
}

/// A sum over the last hour, to the minute, without a lock.
///
/// ```text
///   ┌──┬──┬──┬── … ──┬──┐
///   │ 4│ 0│ 7│       │ 1│   minutes, each with what was added in it and its time; the one of an hour ago is used again
///   └──┴──┴──┴── … ──┴──┘
/// ```
#[derive(Clone, Debug)]
pub struct Hour(Arc<[AtomicU64; MINUTES]>);

impl Default for Hour {
    fn default() -> Self {
        Self(Arc::new([const { AtomicU64::new(0) }; MINUTES]))
    }
}

impl Hour {
    /// Adds to the present minute.
    pub fn add(&self, now: Instant, amount: u64) {
        let minute = minute(now);
        let own = &self.0[(minute % MINUTES as u64) as usize];
        let more = |noted| Some(added(noted, minute, amount));
        // It is given a value each time, so it does not fail.
        let _ = own.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more);
    }

    /// Adds one to the present minute, if the hour has not as many as that yet. Of two shards that take the last one together neither may get it,
    /// never both.
    pub fn take_below(&self, now: Instant, most: u64) -> bool {
        self.add(now, 1);
        if self.sum(now) <= most {
            return true;
        }
        let minute = minute(now);
        let own = &self.0[(minute % MINUTES as u64) as usize];
        let back = |noted: u64| (tag_of(noted) == tag(minute) && noted & AMOUNT > 0).then(|| noted - 1);
        // Where it is another minute's by now, there is nothing left to give back.
        let _ = own.fetch_update(Ordering::SeqCst, Ordering::SeqCst, back);
        false
    }

    /// What was added within the hour that ends with the present minute.
    pub fn sum(&self, now: Instant) -> u64 {
        let present = minute(now);
        let within = |noted: u64| {
            let ago = tag(present).wrapping_sub(tag_of(noted)) & TAG;
            // Or right after it, by a shard whose turn began later.
            if ago < MINUTES as u64 || TAG - ago < MINUTES as u64 { noted & AMOUNT } else { 0 }
        };
        self.0.iter().map(|minute| within(minute.load(Ordering::SeqCst))).sum()
    }
}

/// Minutes of an hour.
const MINUTES: usize = 60;

/// Bits of an amount: 10^12 millionths a minute are more than anybody lets be spent. The tag has the others: 31 years.
const AMOUNT_BITS: u32 = 40;

const AMOUNT: u64 = (1 << AMOUNT_BITS) - 1;

const TAG: u64 = u64::MAX >> AMOUNT_BITS;

fn minute(now: Instant) -> u64 {
    now.as_nanos() / 60_000_000_000
}

/// The time of a minute, as it is noted: no minute is that of a slot that was never used.
const fn tag(minute: u64) -> u64 {
    (minute + MINUTES as u64) & TAG
}

const fn tag_of(noted: u64) -> u64 {
    noted >> AMOUNT_BITS
}

const fn added(noted: u64, minute: u64, amount: u64) -> u64 {
    let before = if tag_of(noted) == tag(minute) { noted & AMOUNT } else { 0 };
    let sum = before.saturating_add(amount);
    tag(minute) << AMOUNT_BITS | if sum > AMOUNT { AMOUNT } else { sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: u64) -> Instant {
        Instant::from_millis(minutes * 60_000)
    }

    #[test]
    fn an_hour_has_sixty_minutes_and_forgets_the_first() {
        let hour = Hour::default();
        assert_eq!(hour.sum(at(0)), 0);
        for minute in 0..60 {
            hour.add(at(minute), minute);
        }
        assert_eq!(hour.sum(at(59)), (0..60).sum());
        assert_eq!(hour.sum(at(62)), (3..60).sum());
        assert_eq!(hour.sum(at(119)), 0);
        hour.add(at(61), 100);
        assert_eq!(hour.sum(at(61)), (2..60).sum::<u64>() + 100);
        assert_eq!(hour.sum(at(1_000_000)), 0);
    }

    #[test]
    fn so_many_are_taken_within_an_hour_and_what_is_refused_counts_for_nothing() {
        let hour = Hour::default();
        let taken = |at| (0..10).filter(|_| hour.take_below(at, 4)).count();
        assert_eq!((taken(at(5)), taken(at(30)), taken(at(64))), (4, 0, 0));
        assert_eq!(taken(at(65)), 4);
        assert!(!hour.take_below(at(65), 0));
        hour.add(at(200), u64::MAX);
        assert_eq!(hour.sum(at(200)), AMOUNT, "it is full, and says so");
    }

    #[test]
    fn shards_together_never_take_more() {
        let hour = Hour::default();
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let hour = hour.clone();
                std::thread::spawn(move || (0..1_000).filter(|_| hour.take_below(at(7), 500)).count())
            })
            .collect();
        let taken: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert!(taken <= 500 && hour.sum(at(7)) == taken as u64, "{taken}");
    }
}

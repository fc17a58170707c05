//! Which attempts to open a link are worth a line of the log: the first that fails, another reason, and one an hour; the others are counted.

use crate::limits::{PLATFORMS, UNREACHED_EVERY_S, UNREACHED_REASON_EVERY_S};
use crate::time::{Duration, Instant};
use std::collections::BTreeMap;

/// What was told of somebody.
#[derive(Debug)]
struct Told {
    reason: String,
    at: Instant,
    /// How many since then were not told.
    untold: u64,
}

/// Who is not reached. Of more than there is room for the longest ago told of makes way.
#[derive(Debug, Default)]
pub(crate) struct Unreached(BTreeMap<String, Told>);

impl Unreached {
    /// No link to `whom`, for this reason. Whether a line is to say so; how many before it had none.
    pub(crate) fn note(&mut self, now: Instant, whom: &str, reason: &str) -> Option<u64> {
        if let Some(told) = self.0.get_mut(whom) {
            let every = if told.reason == reason { UNREACHED_EVERY_S } else { UNREACHED_REASON_EVERY_S };
            if now.since(told.at) < Duration::from_secs(every) {
                told.untold += 1;
                return None;
            }
            reason.clone_into(&mut told.reason);
            told.at = now;
            return Some(std::mem::take(&mut told.untold));
        }
        if self.0.len() >= PLATFORMS {
            let oldest = self.0.iter().min_by_key(|(_, told)| told.at).map(|(whom, told)| (whom.clone(), told.at));
            let (oldest, at) = oldest?;
            // So many at once are no news each.
            if now.since(at) < Duration::from_secs(UNREACHED_REASON_EVERY_S) {
                return None;
            }
            self.0.remove(&oldest);
        }
        self.0.insert(whom.to_owned(), Told { reason: reason.to_owned(), at: now, untold: 0 });
        Some(0)
    }

    /// There is a link, or it is forgotten: the next failure is the first one again.
    pub(crate) fn forget(&mut self, whom: &str) {
        self.0.remove(whom);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Instant {
        Instant::from_millis(second * 1_000)
    }

    #[test]
    fn a_reason_is_told_once_and_then_counted() {
        let mut unreached = Unreached::default();
        assert_eq!(unreached.note(at(0), "2", "refused"), Some(0));
        let told = (0..100).filter_map(|second| unreached.note(at(second), "2", "refused")).count();
        assert_eq!(told, 0);
        assert_eq!(unreached.note(at(100), "2", "timed out"), Some(100));
        // Reasons that take turns.
        let reasons = ["refused", "timed out"];
        let told = (0..600).filter_map(|second| unreached.note(at(100 + second), "2", reasons[second as usize % 2]));
        assert!((8..=10).contains(&told.count()));
        unreached.forget("2");
        assert_eq!(unreached.note(at(700), "2", "refused"), Some(0));
        assert_eq!(unreached.note(at(700 + UNREACHED_EVERY_S), "2", "refused"), Some(0));
    }

    #[test]
    fn many_take_bounded_room_and_lines() {
        let mut unreached = Unreached::default();
        let lines = (0..100_000u64).filter_map(|whom| unreached.note(at(whom / 2_000), &whom.to_string(), "x")).count();
        assert_eq!(lines, PLATFORMS);
        assert!(unreached.0.len() <= PLATFORMS);
        assert_eq!(unreached.note(at(UNREACHED_REASON_EVERY_S), "new", "x"), Some(0));
    }
}

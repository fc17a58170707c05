//! How often something may be done a second, on all shards together.

use crate::time::Instant;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A pace that shards keep together, without a lock: never more than so many a second, of which a tenth may come at once (the generic
/// cell rate algorithm, ITU-T I.371 annex A).
#[derive(Clone, Debug, Default)]
pub struct Pacer(Arc<AtomicU64>);

impl Pacer {
    /// Takes one of `per_second`, if it may be had now.
    pub fn take(&self, now: Instant, per_second: u32) -> bool {
        if per_second == 0 {
            return false;
        }
        let interval = SECOND / u64::from(per_second);
        let (now, early) = (now.as_nanos(), (SECOND / 10).saturating_sub(interval));
        let next = |due: u64| (due <= now.saturating_add(early)).then(|| due.max(now).saturating_add(interval));
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }
}

/// In nanoseconds.
const SECOND: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_has_more_than_its_pace_but_for_the_first_tenth() {
        for per_second in [1, 7, 50, 1_000] {
            let pacer = Pacer::default();
            let other = pacer.clone();
            let mut taken = Vec::new();
            for millis in 10_000..20_000 {
                for who in [&pacer, &other] {
                    if who.take(Instant::from_millis(millis), per_second) {
                        taken.push(millis);
                    }
                }
            }
            for begin in (10_000..19_000).step_by(100) {
                let within = taken.iter().filter(|&&at| (begin..begin + 1_000).contains(&at)).count();
                assert!(within <= per_second as usize + per_second as usize / 10 + 1, "{per_second}: {within}");
            }
            assert!(taken.len() as u32 >= per_second * 10, "{per_second}: {}", taken.len());
        }
        assert!(!Pacer::default().take(Instant::from_millis(1), 0));
    }
}

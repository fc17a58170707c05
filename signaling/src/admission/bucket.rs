//! A token bucket in twelve octets.

use router::time::Instant;

/// So many a second, and so many at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// How many the bucket gains a second.
    pub per_second: u32,
    /// How many it holds.
    pub burst: u32,
}

impl Rate {
    /// The share of each of so many.
    #[must_use]
    pub const fn share(self, count: u32) -> Self {
        let count = if count == 0 { 1 } else { count };
        Self { per_second: self.per_second.div_ceil(count), burst: self.burst.div_ceil(count) }
    }
}

/// A token bucket. What it holds is kept in thousandths, so that slow rates gain too.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    thousandths: u64,
    filled_at_ms: u32,
}

impl Bucket {
    /// A full one.
    pub fn full(rate: Rate) -> Self {
        Self { thousandths: u64::from(rate.burst) * 1000, filled_at_ms: 0 }
    }

    /// Takes `count`, if it holds so many.
    pub fn take(&mut self, now: Instant, rate: Rate, count: u32) -> bool {
        self.fill(now, rate);
        let wanted = u64::from(count) * 1000;
        if self.thousandths < wanted {
            return false;
        }
        self.thousandths -= wanted;
        true
    }

    /// Takes `count`, or all that it holds.
    pub fn drain(&mut self, now: Instant, rate: Rate, count: u32) {
        self.fill(now, rate);
        self.thousandths = self.thousandths.saturating_sub(u64::from(count) * 1000);
    }

    fn fill(&mut self, now: Instant, rate: Rate) {
        // 32 bits of milliseconds wrap after 49 days; a bucket that is not touched for so long misses a refill at worst.
        let now_ms = (now.as_nanos() / 1_000_000) as u32;
        let elapsed_ms = u64::from(now_ms.wrapping_sub(self.filled_at_ms));
        self.filled_at_ms = now_ms;
        let gained = elapsed_ms.saturating_mul(u64::from(rate.per_second));
        self.thousandths = self.thousandths.saturating_add(gained).min(u64::from(rate.burst) * 1000);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gains_what_the_rate_says_and_holds_no_more_than_the_burst() {
        let rate = Rate { per_second: 2, burst: 3 };
        let mut bucket = Bucket::full(rate);
        assert!((0..3).all(|_| bucket.take(Instant::ZERO, rate, 1)));
        assert!(!bucket.take(Instant::from_millis(499), rate, 1));
        assert!(bucket.take(Instant::from_millis(500), rate, 1));
        assert!(!bucket.take(Instant::from_millis(999), rate, 1));
        let later = Instant::from_millis(1_000_000);
        assert_eq!((0..10).filter(|_| bucket.take(later, rate, 1)).count(), 3);
    }
}

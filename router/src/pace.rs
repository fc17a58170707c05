//! How a busy module takes its turns: not for every input, but for the inputs of a short while at once.
//!
//! A turn has a price of its own (falling asleep, being woken, looking at sockets and clocks, code that has left the cache),
//! and under load it is paid for each message. So a module counts what comes, as network cards do with their interrupts:
//! below a rate it answers at once; above it, it stays awake, lets its senders save the wake-up, and looks again a
//! moment later. The delay that this adds is the moment's length at most, and only there where many wait at the same time.

use crate::time::{Duration, Instant};

/// How long one measurement lasts: a burst is noticed within it, and forgotten within another.
const WINDOW: Duration = Duration::from_millis(8);

/// Tells whether inputs come so fast that they are better taken in batches.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    busy_per_second: u64,
    since: Instant,
    inputs: u64,
    is_busy: bool,
}

impl Pace {
    /// Busy from `busy_per_second` inputs a second on.
    pub fn new(busy_per_second: u64, now: Instant) -> Self {
        Self { busy_per_second, since: now, inputs: 0, is_busy: false }
    }

    /// That many inputs came since the last call. True if they come so fast that the next are better taken together.
    pub fn count(&mut self, now: Instant, inputs: usize) -> bool {
        self.inputs += inputs as u64;
        let elapsed = now.since(self.since);
        if elapsed >= WINDOW {
            let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
            self.is_busy = self.inputs.saturating_mul(1_000_000) >= self.busy_per_second.saturating_mul(micros);
            self.since = now;
            self.inputs = 0;
        }
        self.is_busy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_makes_it_busy_and_a_pause_calm_again() {
        let mut now = Instant::from_millis(1_000);
        let mut pace = Pace::new(2_000, now);
        // 1,000 a second: never.
        for _ in 0..100 {
            now = now + Duration::from_millis(1);
            assert!(!pace.count(now, 1));
        }
        // 4,000 a second: within two windows.
        let noticed = (0..16).position(|_| {
            now = now + Duration::from_millis(1);
            pace.count(now, 4)
        });
        assert!(noticed.is_some_and(|turn| turn < 16), "{noticed:?}");
        // Silence: the first look after it is calm.
        now = now + Duration::from_secs(1);
        assert!(!pace.count(now, 1));
    }

    #[test]
    fn it_stays_busy_while_batches_come() {
        let mut now = Instant::from_millis(1_000);
        let mut pace = Pace::new(2_000, now);
        for turn in 0..1_000 {
            now = now + Duration::from_micros(500);
            let busy = pace.count(now, 3);
            assert!(busy || turn < 16, "turn {turn}");
        }
    }
}

//! How a busy module takes its turns: not for every input, but for the inputs of a short while at once.
//!
//! A turn has a price of its own (falling asleep, being woken, looking at sockets and clocks, code that has left the cache),
//! and under load it is paid for each message. So a module counts what comes, as network cards do with their interrupts:
//! below a rate it answers at once; above it, it stays awake, lets its senders save the wake-up, and looks again a
//! moment later. The delay that this adds is the moment's length at most, and only there where many wait at the same time.
//!
//! Where one waits for the answer to another, as in a conversation of two, it is the moment itself that holds them up: they
//! come fast until it is taken, and no longer then. So a module that is calm again as soon as it was busy stays calm for a while,
//! each time for a longer one.

use crate::time::{Duration, Instant};

/// How long one measurement lasts: a burst is noticed within it, and forgotten within another.
const WINDOW: Duration = Duration::from_millis(8);

/// Windows that have to be busy in a row before it counts as load.
const WINDOWS_OF_LOAD: u32 = 8;

/// How long it stays calm after it was busy for less, at first and at most.
const CALM_FIRST: Duration = Duration::from_millis(64);
const CALM_MAX: Duration = Duration::from_secs(4);

/// Tells whether inputs come so fast that they are better taken in batches.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    busy_per_second: u64,
    since: Instant,
    inputs: u64,
    /// For how many windows it has been busy; 0: it is calm.
    busy_windows: u32,
    /// For how long it stayed calm when it was last busy in vain, and until when it does.
    calm: Duration,
    calm_until: Instant,
}

impl Pace {
    /// Busy from `busy_per_second` inputs a second on.
    pub fn new(busy_per_second: u64, now: Instant) -> Self {
        Self { busy_per_second, since: now, inputs: 0, busy_windows: 0, calm: Duration::ZERO, calm_until: now }
    }

    /// That many inputs came since the last call. True if they come so fast that the next are better taken together.
    pub fn count(&mut self, now: Instant, inputs: usize) -> bool {
        self.inputs += inputs as u64;
        let elapsed = now.since(self.since);
        if elapsed >= WINDOW {
            let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
            let is_fast = self.inputs.saturating_mul(1_000_000) >= self.busy_per_second.saturating_mul(micros);
            self.judge(now, is_fast);
            self.since = now;
            self.inputs = 0;
        }
        self.busy_windows > 0
    }

    /// A window is over.
    fn judge(&mut self, now: Instant, is_fast: bool) {
        match (is_fast, self.busy_windows) {
            (true, 0) if now < self.calm_until => {}
            (true, windows) => {
                self.busy_windows = windows.saturating_add(1);
                if self.busy_windows > WINDOWS_OF_LOAD {
                    self.calm = Duration::ZERO;
                }
            }
            (false, 0) => {}
            (false, windows) => {
                self.busy_windows = 0;
                if windows <= WINDOWS_OF_LOAD {
                    self.calm = (self.calm * 2).clamp(CALM_FIRST, CALM_MAX);
                    self.calm_until = now + self.calm;
                }
            }
        }
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
    fn who_waits_for_answers_is_held_up_seldom() {
        // Each sends when the other has answered: at once where nothing waits, after the pause of either where it does.
        let (quick, slow) = (Duration::from_micros(100), Duration::from_millis(2));
        let begin = Instant::from_millis(1_000);
        let mut now = begin;
        let mut pace = Pace::new(2_000, now);
        let (mut trips, mut held_up) = (0, 0);
        while now < begin + Duration::from_secs(20) {
            let busy = pace.count(now, 1);
            now = now + if busy { slow } else { quick };
            trips += 1;
            held_up += u32::from(busy);
        }
        assert!(held_up * 200 < trips, "{held_up} of {trips}");
        // And real load is noticed all the same, within the longest calm.
        let noticed = (0..10_000).position(|_| {
            now = now + Duration::from_millis(1);
            pace.count(now, 4)
        });
        assert!(noticed.is_some_and(|turn| turn < 4_016), "{noticed:?}");
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

//! The one place that reads the clock.

use std::time::{Duration, Instant};

/// Time since the program began, on the monotonic clock. Both ends of every call read the same one, so a one-way delay is a difference.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock that reads zero now.
    #[expect(clippy::disallowed_methods, reason = "the shell's clock: everything else takes time as an argument")]
    pub fn start() -> Clock {
        Clock { origin: Instant::now() }
    }

    /// Time since the start.
    #[expect(clippy::disallowed_methods, reason = "the shell's clock: everything else takes time as an argument")]
    pub fn now(&self) -> Duration {
        Instant::now().duration_since(self.origin)
    }
}

/// Nanoseconds of a time or duration; 584 years fit.
pub fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

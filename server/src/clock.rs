//! The two clocks, read together.
#![expect(clippy::disallowed_methods, reason = "this is where time comes from")]

use router::time::{Duration, Instant, Now, WallTime};
use std::time::SystemTime;

/// The platform's clocks. All threads share one origin, so their instants compare.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: std::time::Instant,
}

impl Clock {
    /// A clock that begins now.
    pub fn start() -> Self {
        Self { origin: std::time::Instant::now() }
    }

    /// Both clocks.
    pub fn now(&self) -> Now {
        Now { instant: self.instant(), wall: wall() }
    }

    /// A moment of the monotonic clock, as timers of the runtime take it: without a look at any clock.
    pub fn moment(&self, at: Instant) -> std::time::Instant {
        self.origin + Duration::from_nanos(at.as_nanos())
    }

    /// The monotonic clock alone.
    pub fn instant(&self) -> Instant {
        Instant::from_nanos(u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }
}

/// The wall clock alone.
pub fn wall() -> WallTime {
    let since = |earlier: SystemTime, later: SystemTime| {
        later.duration_since(earlier).map_or(0, |span| i64::try_from(span.as_micros()).unwrap_or(i64::MAX))
    };
    let now = SystemTime::now();
    if now >= SystemTime::UNIX_EPOCH {
        WallTime(since(SystemTime::UNIX_EPOCH, now))
    } else {
        WallTime(-since(now, SystemTime::UNIX_EPOCH))
    }
}

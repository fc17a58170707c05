//! The clocks of the machine.

use router::time::{Instant, Now, WallTime};
use std::sync::OnceLock;
use std::time::SystemTime;

/// Where the monotonic clock of all workers begins: what a port remembers is true at whichever it is.
static ORIGIN: OnceLock<std::time::Instant> = OnceLock::new();

/// Reads both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: std::time::Instant,
}

#[expect(clippy::disallowed_methods, reason = "the shell is where time comes from")]
impl Clock {
    /// The clock of the process, which begins with the first of its workers.
    pub fn start() -> Self {
        Self { start: *ORIGIN.get_or_init(std::time::Instant::now) }
    }

    /// Both clocks.
    pub fn now(&self) -> Now {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Now { instant: self.instant(), wall: WallTime(i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX)) }
    }

    /// The monotonic clock alone.
    pub fn instant(&self) -> Instant {
        Instant::from_nanos(u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }
}

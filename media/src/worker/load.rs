//! How busy a worker's thread is.

use router::time::{Duration, Instant};
use rustix::time::{ClockId, Timespec, clock_gettime};

/// The shortest time over which a share is measured.
const OVER: Duration = Duration::from_secs(1);

/// Measures the share of the processor that the calling thread has. It reads the thread's clock, a system call, once in
/// [`OVER`] at most.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Load {
    /// When it was measured, and what the thread had taken by then.
    last: Option<(Instant, Duration)>,
}

impl Load {
    /// The share since the last measurement, percent, where [`OVER`] has passed since.
    pub(super) fn measure(&mut self, now: Instant) -> Option<u64> {
        if self.last.is_some_and(|(at, _)| now.since(at) < OVER) {
            return None;
        }
        self.share(now, of_timespec(clock_gettime(ClockId::ThreadCPUTime)))
    }

    fn share(&mut self, now: Instant, taken: Duration) -> Option<u64> {
        let (at, before) = self.last.replace((now, taken))?;
        let passed = now.since(at).as_micros().max(1);
        Some((100 * taken.as_micros().saturating_sub(before.as_micros()) / passed).min(100) as u64)
    }
}

fn of_timespec(time: Timespec) -> Duration {
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_of_the_time_that_has_passed() {
        let mut load = Load::default();
        let at = |millis: u64| Instant::from_nanos(millis * 1_000_000);
        assert_eq!(load.share(at(0), Duration::from_millis(7)), None, "there is nothing to compare with");
        assert_eq!(load.share(at(2_000), Duration::from_millis(507)), Some(25));
        assert_eq!(load.share(at(4_000), Duration::from_millis(507)), Some(0));
        assert_eq!(load.share(at(5_000), Duration::from_millis(1_600)), Some(100));
        assert_eq!(load.measure(at(5_999)), None, "not more often than is of use");
    }
}

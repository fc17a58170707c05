//! When the log says that credentials were wrong: a line for each source now and then, not one for each attempt.

use super::{Bucket, Rate};
use crate::limits::FAILURE_SOURCES;
use router::time::{Duration, Instant};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;

/// How long a source has no further line. Short enough that whoever reads the log sees a guesser within his first attempts.
const QUIET: Duration = Duration::from_secs(5);

/// Lines of all sources together: an attack from everywhere shows, and fills no disk.
const LINES: Rate = Rate { per_second: 10, burst: 100 };

/// What is remembered of a source.
#[derive(Clone, Copy, Debug)]
struct Slot {
    source: IpAddr,
    said: Instant,
    unsaid: u64,
}

/// Sources whose credentials were wrong. Their number is fixed: two sources share a slot where a keyed hash says so, and the
/// later one takes it.
#[derive(Debug)]
pub struct Failures {
    slots: Vec<Option<Slot>>,
    lines: Bucket,
    hasher: RandomState,
}

impl Default for Failures {
    fn default() -> Self {
        Self { slots: vec![None; FAILURE_SOURCES], lines: Bucket::full(LINES), hasher: RandomState::new() }
    }
}

impl Failures {
    /// Credentials from `source` were wrong. If a line is due: how many attempts of that source it stands for, this one
    /// included.
    pub fn note(&mut self, now: Instant, source: IpAddr) -> Option<u64> {
        let index = (self.hasher.hash_one(source) % FAILURE_SOURCES as u64) as usize;
        let slot = self.slots[index].filter(|slot| slot.source == source);
        let attempts = slot.map_or(0, |slot| slot.unsaid) + 1;
        let quiet = slot.is_some_and(|slot| now < slot.said + QUIET);
        if quiet || !self.lines.take(now, LINES, 1) {
            let said = slot.map_or(now, |slot| slot.said);
            self.slots[index] = Some(Slot { source, said, unsaid: attempts });
            return None;
        }
        self.slots[index] = Some(Slot { source, said: now, unsaid: 0 });
        Some(attempts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(number: u32) -> IpAddr {
        IpAddr::V4((0x0a00_0000 + number).into())
    }

    #[test]
    fn a_source_has_a_line_now_and_then_that_stands_for_all_its_attempts() {
        let mut failures = Failures::default();
        assert_eq!(failures.note(Instant::ZERO, host(1)), Some(1));
        assert!((0..100).all(|_| failures.note(Instant::from_millis(4_999), host(1)).is_none()));
        assert_eq!(failures.note(Instant::from_millis(5_000), host(1)), Some(101));
        assert_eq!(failures.note(Instant::from_millis(5_000), host(1)), None);
    }

    #[test]
    fn many_sources_fill_no_disk() {
        let mut failures = Failures::default();
        let lines = (0..100_000).filter(|&n| failures.note(Instant::ZERO, host(n)).is_some()).count();
        assert_eq!(lines, 100);
        let later = Instant::from_millis(1_000);
        let lines = (0..100_000).filter(|&n| failures.note(later, host(n)).is_some()).count();
        assert!(lines <= 10, "{lines}");
    }
}

//! A line of the log that may come again and again: said once, and then seldom.

use std::time::{Duration, Instant};

/// How often the same line is written at most: whoever looks at the log sees it, and a fault that lasts fills no disk.
const EVERY: Duration = Duration::from_secs(60);

/// Says when a line is to be written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seldom {
    last: Option<Instant>,
    unsaid: u64,
}

impl Seldom {
    /// Its cause is there. `Some`: it is to be written, and how often it was not since it was written last.
    pub fn is_due(&mut self, now: Instant) -> Option<u64> {
        if self.last.is_some_and(|last| now.saturating_duration_since(last) < EVERY) {
            self.unsaid += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "an `Instant` of the system has no other beginning")]
    fn a_line_is_written_once_a_minute_and_says_how_often_it_was_not() {
        let begin = Instant::now();
        let mut seldom = Seldom::default();
        let written: Vec<_> =
            (0..1_500).filter_map(|tenth| seldom.is_due(begin + Duration::from_millis(100 * tenth))).collect();
        assert_eq!(written, [0, 599, 599]);
    }
}

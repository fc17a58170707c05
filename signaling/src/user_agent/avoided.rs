//! Addresses of names that failed lately: they are tried after the others of their name (RFC 3263 §4.3).

use crate::limits::AVOIDED_MAX;
use router::time::{Duration, Instant};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Until when each is tried last.
#[derive(Debug, Default)]
pub(crate) struct Avoided {
    until: BTreeMap<SocketAddr, Instant>,
}

impl Avoided {
    /// One gave no response, or said for how long it serves nobody.
    pub(crate) fn note(&mut self, now: Instant, remote: SocketAddr, time: Duration) {
        if self.until.len() >= AVOIDED_MAX && !self.until.contains_key(&remote) {
            self.until.retain(|_, until| *until > now);
            if self.until.len() >= AVOIDED_MAX {
                // All are fresh. Forgetting one costs a call one more attempt.
                self.until.pop_first();
            }
        }
        self.until.insert(remote, now + time);
    }

    /// One served.
    pub(crate) fn clear(&mut self, remote: SocketAddr) {
        if !self.until.is_empty() {
            self.until.remove(&remote);
        }
    }

    /// Whether it is tried last.
    pub(crate) fn holds(&self, now: Instant, remote: SocketAddr) -> bool {
        self.until.get(&remote).is_some_and(|until| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_held_for_a_time_and_bounded() {
        let mut avoided = Avoided::default();
        let (now, time) = (Instant::from_millis(1), Duration::from_secs(30));
        let peer = |index: usize| SocketAddr::from(([10, 0, (index >> 8) as u8, index as u8], 5060));
        avoided.note(now, peer(0), time);
        assert!(avoided.holds(now, peer(0)) && !avoided.holds(now, peer(1)) && !avoided.holds(now + time, peer(0)));
        avoided.clear(peer(0));
        assert!(!avoided.holds(now, peer(0)));
        (0..2 * AVOIDED_MAX).for_each(|index| avoided.note(now, peer(index), time));
        assert_eq!(avoided.until.len(), AVOIDED_MAX);
        avoided.note(now + time, peer(70_000), time);
        assert_eq!(avoided.until.len(), 1);
    }
}

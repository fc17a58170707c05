//! Which refusals are worth a line of the log: whoever knocks again and again is told of once in a while, with how often it was.

use crate::limits::{REFUSAL_EVERY_S, REFUSAL_SOURCES};
use crate::time::{Duration, Instant};
use std::collections::BTreeMap;

/// Refusals of one source.
#[derive(Debug)]
struct Told {
    at: Instant,
    /// How many since then were not told.
    untold: u64,
}

/// Sources that were refused of late. Sources beyond the bound share one place.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    sources: BTreeMap<String, Told>,
}

impl Refusals {
    /// Somebody at `remote` (`host:port`) was refused. Whether a line is to say so; how many before it had none.
    pub(crate) fn note(&mut self, now: Instant, remote: &str) -> Option<u64> {
        // Each attempt comes from another port.
        let source = remote.rsplit_once(':').map_or(remote, |(host, _)| host);
        let every = Duration::from_secs(REFUSAL_EVERY_S);
        if !self.sources.contains_key(source) && self.sources.len() >= REFUSAL_SOURCES {
            self.sources.retain(|_, told| now.since(told.at) < every);
        }
        let is_room = self.sources.contains_key(source) || self.sources.len() < REFUSAL_SOURCES;
        match self.sources.get_mut(if is_room { source } else { "" }) {
            Some(told) if now.since(told.at) < every => {
                told.untold += 1;
                None
            }
            Some(told) => {
                told.at = now;
                Some(std::mem::take(&mut told.untold))
            }
            None => {
                let source = if is_room { source } else { "" };
                self.sources.insert(source.to_owned(), Told { at: now, untold: 0 });
                Some(0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Instant {
        Instant::from_millis(second * 1_000)
    }

    #[test]
    fn who_knocks_often_has_a_line_an_interval_and_its_count() {
        let mut refusals = Refusals::default();
        assert_eq!(refusals.note(at(0), "192.0.2.1:1"), Some(0));
        let told = (1..50).filter_map(|port| refusals.note(at(1), &format!("192.0.2.1:{port}"))).count();
        assert_eq!(told, 0);
        assert_eq!(refusals.note(at(1), "[2001:db8::1]:5"), Some(0), "another one has its own");
        assert_eq!(refusals.note(at(REFUSAL_EVERY_S), "192.0.2.1:9"), Some(49));
        assert_eq!(refusals.note(at(2 * REFUSAL_EVERY_S), "192.0.2.1:9"), Some(0));
    }

    #[test]
    fn many_sources_take_bounded_room_and_lines() {
        let mut refusals = Refusals::default();
        let lines = (0..100_000).filter_map(|source| refusals.note(at(1), &format!("{source}:1"))).count();
        assert_eq!(lines, REFUSAL_SOURCES + 1);
        assert!(refusals.sources.len() <= REFUSAL_SOURCES + 1);
        // Old ones make room.
        assert_eq!(refusals.note(at(1 + REFUSAL_EVERY_S), "new:1"), Some(0));
        assert_eq!(refusals.sources.len(), 1);
    }
}

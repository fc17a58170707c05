//! Which calls have a leg at which other platform: where the way to one changes, these are told, and no others are looked at. Whoever tells of
//! platforms that come and go without end costs what its own calls cost, once a second.

use crate::limits::WAY_TOLD_EVERY;
use router::time::Instant;
use router::{Instance, PlatformId};
use std::collections::{BTreeMap, BTreeSet};

/// Calls by the platforms of their legs, until they are over.
#[derive(Debug, Default)]
pub(crate) struct Abroad {
    calls: BTreeSet<(PlatformId, Instance)>,
    /// Platforms whose way has changed of late.
    changed: BTreeMap<PlatformId, Change>,
}

/// How it stands with the word that the way to a platform has changed.
#[derive(Clone, Copy, Debug, Default)]
struct Change {
    /// When calls were told last.
    told: Option<Instant>,
    /// When they are to be told.
    due: Option<Instant>,
}

impl Abroad {
    /// A call has a leg there.
    pub(crate) fn note(&mut self, platform: PlatformId, call: Instance) {
        self.calls.insert((platform, call));
    }

    /// A call is over that had legs at these.
    pub(crate) fn leave(&mut self, platforms: &[PlatformId], call: Instance) {
        for &platform in platforms {
            self.calls.remove(&(platform, call));
        }
    }

    /// The way to a platform has changed: its calls are to be told, at once or, where that was just done, a while after it.
    pub(crate) fn changed(&mut self, now: Instant, platform: PlatformId) {
        if self.at(platform).next().is_none() {
            return;
        }
        let change = self.changed.entry(platform).or_default();
        let due = change.told.map_or(now, |told| now.max(told + WAY_TOLD_EVERY));
        change.due.get_or_insert(due);
    }

    /// The next platform that is due, and its calls.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<(PlatformId, Vec<Instance>)> {
        let is_due = |change: &Change| change.due.is_some_and(|due| due <= now);
        let platform = self.changed.iter().find(|(_, change)| is_due(change)).map(|(platform, _)| *platform)?;
        self.changed.retain(|_, change| {
            change.due.is_some() || change.told.is_some_and(|told| now.since(told) < WAY_TOLD_EVERY)
        });
        self.changed.insert(platform, Change { told: Some(now), due: None });
        Some((platform, self.at(platform).collect()))
    }

    /// When [`poll`](Self::poll) has something.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.changed.values().filter_map(|change| change.due).min()
    }

    fn at(&self, platform: PlatformId) -> impl Iterator<Item = Instance> {
        let all = (platform, Instance(0))..=(platform, Instance(u64::MAX));
        self.calls.range(all).map(|(_, call)| *call)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::time::Duration;

    #[test]
    fn those_are_told_that_have_a_leg_there_and_once_a_second() {
        let mut abroad = Abroad::default();
        let (west, north) = (PlatformId(2), PlatformId(3));
        let at = |millis: u64| Instant::from_millis(1_000 + millis);
        abroad.changed(at(0), west);
        assert_eq!((abroad.poll(at(0)), abroad.poll_timeout()), (None, None), "nobody is there");
        for (platform, call) in [(west, 7), (west, 8), (north, 8), (north, 9)] {
            abroad.note(platform, Instance(call));
        }
        abroad.changed(at(0), west);
        assert_eq!(abroad.poll(at(0)), Some((west, vec![Instance(7), Instance(8)])));
        for _ in 0..1_000 {
            abroad.changed(at(10), west);
        }
        assert_eq!((abroad.poll(at(10)), abroad.poll_timeout()), (None, Some(at(0) + WAY_TOLD_EVERY)));
        abroad.changed(at(10), north);
        assert_eq!(abroad.poll(at(10)).map(|(platform, _)| platform), Some(north), "each for itself");
        abroad.leave(&[west, north], Instance(8));
        let later = at(0) + WAY_TOLD_EVERY;
        assert_eq!(abroad.poll(later), Some((west, vec![Instance(7)])));
        assert_eq!((abroad.poll(later), abroad.poll_timeout()), (None, None));
        let much_later = later + Duration::from_secs(60);
        abroad.changed(much_later, north);
        assert!(abroad.poll(much_later).is_some());
        assert_eq!(abroad.changed.len(), 1, "nothing is kept of what was long ago");
    }
}

//! Which platforms a peer may speak for: those of its last list, and for a while those that it has withdrawn. Lists overtake packets, so
//! what such a platform sent may come behind the list that it is missing from.

use crate::address::PlatformId;
use crate::limits::{CLAIM_HELD_S, CLAIMS_WITHDRAWN};
use crate::time::{Duration, Instant};
use std::collections::BTreeSet;

/// What a peer announces, and what it announced of late. A platform that comes again and goes again counts once.
#[derive(Debug)]
pub(crate) struct Claims {
    announced: BTreeSet<PlatformId>,
    /// Withdrawn since the turn, and between the turn before and that one: what is in neither was withdrawn longer ago than from one turn to
    /// the next.
    withdrawn: [BTreeSet<PlatformId>; 2],
    turned: Instant,
}

impl Claims {
    /// None yet.
    pub(crate) fn new(now: Instant) -> Self {
        Self { announced: BTreeSet::new(), withdrawn: Default::default(), turned: now }
    }

    /// A list came: all that the peer reaches.
    pub(crate) fn announce(&mut self, now: Instant, list: impl IntoIterator<Item = PlatformId>) {
        let list: BTreeSet<PlatformId> = list.into_iter().collect();
        let gone = self.announced.difference(&list);
        // Of more than that the oldest are let go early: who is honest comes nowhere near.
        if now.since(self.turned) >= Duration::from_secs(CLAIM_HELD_S) || self.withdrawn[0].len() >= CLAIMS_WITHDRAWN {
            self.turned = now;
            self.withdrawn.swap(0, 1);
            self.withdrawn[0].clear();
        }
        self.withdrawn[0].extend(gone);
        self.announced = list;
    }

    /// Whether the peer may speak for a platform.
    pub(crate) fn cover(&self, platform: PlatformId) -> bool {
        self.announced.contains(&platform) || self.withdrawn.iter().any(|withdrawn| withdrawn.contains(&platform))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::PLATFORMS;

    fn numbers(range: std::ops::Range<u32>) -> impl Iterator<Item = PlatformId> {
        range.map(PlatformId)
    }

    #[test]
    fn what_is_withdrawn_may_be_spoken_for_a_while() {
        let at = |second: u64| Instant::from_millis(second * 1_000);
        let mut claims = Claims::new(at(0));
        claims.announce(at(1), numbers(2..5));
        claims.announce(at(2), numbers(2..3));
        for second in (3..=2 + CLAIM_HELD_S).step_by(5) {
            claims.announce(at(second), numbers(2..3));
            assert!(claims.cover(PlatformId(2)) && claims.cover(PlatformId(4)), "{second}");
        }
        claims.announce(at(3 + 2 * CLAIM_HELD_S), numbers(2..3));
        claims.announce(at(4 + 3 * CLAIM_HELD_S), numbers(2..3));
        assert!(claims.cover(PlatformId(2)) && !claims.cover(PlatformId(4)));
        assert!(!claims.cover(PlatformId(9)), "what was never announced");
    }

    #[test]
    fn they_are_bounded_and_what_is_announced_counts_in_any_case() {
        let mut claims = Claims::new(Instant::ZERO);
        for wave in 1..1_000 {
            let of_wave = wave * PLATFORMS as u32..(wave + 1) * PLATFORMS as u32;
            claims.announce(Instant::ZERO, numbers(of_wave.clone()));
            assert!(numbers(of_wave.clone()).all(|platform| claims.cover(platform)));
            // So are those of the lists before.
            assert!(wave < 9 || claims.cover(PlatformId(of_wave.start - 8 * PLATFORMS as u32)));
            let kept = claims.withdrawn.iter().map(BTreeSet::len).sum::<usize>();
            assert!(kept <= 2 * (CLAIMS_WITHDRAWN + PLATFORMS), "{kept}");
        }
    }
}

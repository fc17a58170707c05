//! The pairs of one interface: which one is next.

use crate::config::PortRange;
use crate::limits::{QUARANTINE_FLOOR_MS, QUARANTINE_SHARE};
use crate::wire::PairIndex;
use router::time::{Duration, Instant};
use std::collections::VecDeque;

/// Where the next pair comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Choice {
    /// An open pair whose quarantine is over.
    Reuse(PairIndex),
    /// A pair that is to be opened, by its RTP port.
    Open(u16),
    /// None is left.
    None,
}

/// The pairs of one interface. Ports are first tried in their order; a pair that comes back stays open, waits out its
/// quarantine and is used again, first in, first out. So a port rests as long as the range allows.
///
/// The quarantine adapts to the rate: with `r` pairs given back a second, `r` times the quarantine would rest; of these at
/// most one in [`QUARANTINE_SHARE`] of the range do, the longest resting goes first. At the bound of the range any pair
/// goes that rested for [`QUARANTINE_FLOOR_MS`], and so does at any time one that heard nothing while it was in use.
#[derive(Debug)]
pub struct Pool {
    range: PortRange,
    quarantine: Duration,
    /// The next pair of the range that was not tried yet.
    untried: usize,
    /// RTP ports to be tried again: others held them, or their sockets had to be closed.
    skipped: VecDeque<u16>,
    /// Open pairs at rest, the longest resting first.
    resting: VecDeque<(PairIndex, Instant)>,
    /// Open pairs at rest whose peer never sent anything: nothing of it can stray in.
    unheard: VecDeque<(PairIndex, Instant)>,
}

impl Pool {
    /// A pool of which no pair is open.
    pub fn new(range: PortRange, quarantine: Duration) -> Self {
        Self {
            range,
            quarantine,
            untried: 0,
            skipped: VecDeque::new(),
            resting: VecDeque::new(),
            unheard: VecDeque::new(),
        }
    }

    /// Chooses the next pair. A `Choice::Open` must be followed by [`skip`](Self::skip) if it could not be opened.
    pub fn choose(&mut self, now: Instant) -> Choice {
        let crowded = self.resting.len() > self.range.pairs() / QUARANTINE_SHARE;
        if let Some(pair) = rested(&mut self.resting, now, if crowded { floor() } else { self.quarantine.max(floor()) })
        {
            return Choice::Reuse(pair);
        }
        if let Some(pair) = rested(&mut self.unheard, now, floor()) {
            return Choice::Reuse(pair);
        }
        if let Some(port) = self.range.pair(self.untried) {
            self.untried += 1;
            return Choice::Open(port);
        }
        if let Some(pair) = rested(&mut self.resting, now, floor()) {
            return Choice::Reuse(pair);
        }
        self.skipped.pop_front().map_or(Choice::None, Choice::Open)
    }

    /// Chooses a pair that is open already: when no more sockets are to be had.
    pub fn choose_open(&mut self, now: Instant) -> Option<PairIndex> {
        rested(&mut self.unheard, now, floor()).or_else(|| rested(&mut self.resting, now, floor()))
    }

    /// The RTP port `port` could not be opened, or its pair was closed: to be tried again when the others are used up.
    pub fn skip(&mut self, port: u16) {
        self.skipped.push_back(port);
    }

    /// A pair is given back. `heard`: whether anything came from its peer.
    pub fn give_back(&mut self, now: Instant, pair: PairIndex, heard: bool) {
        let queue = if heard { &mut self.resting } else { &mut self.unheard };
        queue.push_back((pair, now));
    }

    /// How many pairs the range holds.
    pub fn total(&self) -> usize {
        self.range.pairs()
    }

    /// How many open pairs rest.
    pub fn resting(&self) -> usize {
        self.resting.len() + self.unheard.len()
    }
}

fn rested(queue: &mut VecDeque<(PairIndex, Instant)>, now: Instant, at_least: Duration) -> Option<PairIndex> {
    let &(pair, since) = queue.front()?;
    if now.since(since) < at_least {
        return None;
    }
    queue.pop_front();
    Some(pair)
}

const fn floor() -> Duration {
    Duration::from_millis(QUARANTINE_FLOOR_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(pairs: u16) -> Pool {
        Pool::new(PortRange { first: 10_000, last: 10_000 + 2 * pairs - 1 }, Duration::from_secs(5))
    }

    #[test]
    fn ports_are_tried_in_order_and_pairs_come_back_after_their_quarantine() {
        let mut pool = pool(40);
        assert_eq!(pool.choose(Instant::ZERO), Choice::Open(10_000));
        assert_eq!(pool.choose(Instant::ZERO), Choice::Open(10_002));
        pool.give_back(Instant::from_millis(100), PairIndex(1), true);
        pool.give_back(Instant::from_millis(200), PairIndex(0), true);
        assert_eq!(pool.choose(Instant::from_millis(5_000)), Choice::Open(10_004), "both rest");
        assert_eq!(pool.choose(Instant::from_millis(5_100)), Choice::Reuse(PairIndex(1)), "first in, first out");
        assert_eq!(pool.choose(Instant::from_millis(5_100)), Choice::Open(10_006));
        assert_eq!(pool.choose(Instant::from_millis(5_200)), Choice::Reuse(PairIndex(0)));
    }

    #[test]
    fn a_high_rate_shortens_the_quarantine() {
        let mut pool = pool(40);
        for index in 0..11 {
            assert!(matches!(pool.choose(Instant::ZERO), Choice::Open(_)));
            pool.give_back(Instant::from_millis(10 * index), PairIndex(index as u32), true);
        }
        // Eleven rest, more than a quarter of forty: the first goes before its five seconds, not before the floor.
        assert!(matches!(pool.choose(Instant::from_millis(199)), Choice::Open(_)));
        assert_eq!(pool.choose(Instant::from_millis(200)), Choice::Reuse(PairIndex(0)));
        assert!(matches!(pool.choose(Instant::from_millis(500)), Choice::Open(_)), "ten rest: the quarantine holds");
    }

    #[test]
    fn a_pair_that_heard_nothing_rests_only_for_the_floor() {
        let mut pool = pool(40);
        pool.choose(Instant::ZERO);
        pool.give_back(Instant::from_millis(100), PairIndex(0), false);
        assert_eq!(pool.choose(Instant::from_millis(299)), Choice::Open(10_002));
        assert_eq!(pool.choose(Instant::from_millis(300)), Choice::Reuse(PairIndex(0)));
    }

    #[test]
    fn at_the_bound_the_floor_holds() {
        let mut pool = pool(2);
        pool.choose(Instant::ZERO);
        pool.choose(Instant::ZERO);
        assert_eq!(pool.choose(Instant::ZERO), Choice::None);
        pool.give_back(Instant::from_millis(1_000), PairIndex(0), true);
        assert_eq!(pool.choose(Instant::from_millis(1_199)), Choice::None);
        assert_eq!(pool.choose(Instant::from_millis(1_200)), Choice::Reuse(PairIndex(0)));
    }

    #[test]
    fn ports_of_others_are_tried_again_when_the_rest_is_used_up() {
        let mut pool = pool(2);
        assert_eq!(pool.choose(Instant::ZERO), Choice::Open(10_000));
        pool.skip(10_000);
        assert_eq!(pool.choose(Instant::ZERO), Choice::Open(10_002));
        assert_eq!(pool.choose(Instant::ZERO), Choice::Open(10_000));
        assert_eq!(pool.choose(Instant::ZERO), Choice::None);
    }
}

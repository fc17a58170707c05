//! The pairs of one interface: which one is next.

use crate::config::PortRange;
use crate::limits::{QUARANTINE_FLOOR_MS, QUARANTINE_SHARE, TAKEN_REST};
use crate::wire::PairIndex;
use router::Random;
use router::time::{Duration, Instant};
use std::collections::VecDeque;

/// Pairs within which the order is drawn: a small part of any range, so that steps over it still leave what another program holds at once.
const STRETCH: usize = 64;

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

/// The pairs of one interface. Each is tried once, in steps over the whole range, so that a stretch that another program holds is left
/// with the next step; a pair that comes back stays open, waits out its quarantine and is used again, first in, first out. So a port
/// rests as long as the range allows. One that others hold is set aside, and tried again when nothing else is left, once a second.
///
/// The quarantine adapts to the rate: with `r` pairs given back a second, `r` times the quarantine would rest; of these at
/// most one in [`QUARANTINE_SHARE`] of the range do, the longest resting goes first. At the bound of the range any pair
/// goes that rested for [`QUARANTINE_FLOOR_MS`], and so does at any time one that heard nothing while it was in use.
#[derive(Debug)]
pub struct Pool {
    range: PortRange,
    quarantine: Duration,
    /// How many pairs of the range were tried.
    tried: usize,
    /// The pairs of the range, shuffled within stretches of some: by which each process tries them in an order of its own.
    order: Box<[u16]>,
    /// Which of these is the first that is tried.
    start: usize,
    /// How many pairs the next one lies beyond the last.
    step: usize,
    /// RTP ports whose sockets had to be closed, or could not be had.
    closed: VecDeque<u16>,
    /// RTP ports that others held, and when that was seen: the longest ago first.
    taken: VecDeque<(u16, Instant)>,
    /// Open pairs at rest, the longest resting first.
    resting: VecDeque<(PairIndex, Instant)>,
    /// Open pairs at rest whose peer never sent anything: nothing of it can stray in.
    unheard: VecDeque<(PairIndex, Instant)>,
}

impl Pool {
    /// A pool of which no pair is open. `chance`, drawn anew by each process, says in which order pairs are tried: nobody knows which are in use,
    /// and two processes that share a range do not try, one after another, what the other one holds.
    pub fn new(range: PortRange, quarantine: Duration, chance: u64) -> Self {
        let mut random = Random::from_seed(chance);
        let mut order: Box<[u16]> = (0..range.pairs()).map(|pair| pair as u16).collect();
        for stretch in order.chunks_mut(STRETCH) {
            for last in (1..stretch.len()).rev() {
                stretch.swap(last, random.below(last as u64 + 1) as usize);
            }
        }
        Self {
            range,
            quarantine,
            tried: 0,
            start: random.below(range.pairs().max(1) as u64) as usize,
            step: step(range.pairs()),
            order,
            closed: VecDeque::new(),
            taken: VecDeque::new(),
            resting: VecDeque::new(),
            unheard: VecDeque::new(),
        }
    }

    /// Chooses the next pair. A `Choice::Open` must be followed by [`set_aside`](Self::set_aside) or [`put_back`](Self::put_back) if it
    /// could not be opened.
    pub fn choose(&mut self, now: Instant) -> Choice {
        let crowded = self.resting.len() > self.range.pairs() / QUARANTINE_SHARE;
        if let Some(pair) = rested(&mut self.resting, now, if crowded { floor() } else { self.quarantine.max(floor()) })
        {
            return Choice::Reuse(pair);
        }
        if let Some(pair) = rested(&mut self.unheard, now, floor()) {
            return Choice::Reuse(pair);
        }
        if self.tried < self.range.pairs() {
            let place = (self.start + self.tried * self.step) % self.range.pairs();
            self.tried += 1;
            let pair = self.order.get(place).map_or(0, |&pair| usize::from(pair));
            return self.range.pair(pair).map_or(Choice::None, Choice::Open);
        }
        if let Some(pair) = rested(&mut self.resting, now, floor()) {
            return Choice::Reuse(pair);
        }
        if let Some(port) = self.closed.pop_front() {
            return Choice::Open(port);
        }
        match self.taken.front() {
            Some(&(port, seen)) if now.since(seen) >= TAKEN_REST => {
                self.taken.pop_front();
                Choice::Open(port)
            }
            _ => Choice::None,
        }
    }

    /// Chooses a pair that is open already: when no more sockets are to be had.
    pub fn choose_open(&mut self, now: Instant) -> Option<PairIndex> {
        rested(&mut self.unheard, now, floor()).or_else(|| rested(&mut self.resting, now, floor()))
    }

    /// Somebody else holds the RTP port `port` or the one above. True: it is the first one.
    pub fn set_aside(&mut self, now: Instant, port: u16) -> bool {
        self.taken.push_back((port, now));
        self.taken.len() == 1
    }

    /// The pair of the RTP port `port` was closed, or there was no socket for it: to be opened when the others are used up.
    pub fn put_back(&mut self, port: u16) {
        self.closed.push_back(port);
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

    /// How many pairs others hold, as far as is known.
    pub fn set_aside_now(&self) -> usize {
        self.taken.len()
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

/// A step by which every one of so many places is come to once, and two that follow each other lie far apart: of those that have no
/// factor in common with their number, the one next to its golden section.
fn step(places: usize) -> usize {
    let section = places * 618 / 1_000;
    (section.max(1)..places).find(|&step| are_coprime(step, places)).unwrap_or(1)
}

fn are_coprime(a: usize, b: usize) -> bool {
    if a == 0 { b == 1 } else { are_coprime(b % a, a) }
}

const fn floor() -> Duration {
    Duration::from_millis(QUARANTINE_FLOOR_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(pairs: u16) -> Pool {
        pool_of(pairs, 0)
    }

    fn pool_of(pairs: u16, chance: u64) -> Pool {
        Pool::new(PortRange { first: 10_000, last: 10_000 + 2 * pairs - 1 }, Duration::from_secs(5), chance)
    }

    #[test]
    fn pairs_come_back_after_their_quarantine_first_in_first_out() {
        let mut pool = pool(40);
        for _ in 0..2 {
            assert!(matches!(pool.choose(Instant::ZERO), Choice::Open(_)));
        }
        pool.give_back(Instant::from_millis(100), PairIndex(1), true);
        pool.give_back(Instant::from_millis(200), PairIndex(0), true);
        assert!(matches!(pool.choose(Instant::from_millis(5_000)), Choice::Open(_)), "both rest");
        assert_eq!(pool.choose(Instant::from_millis(5_100)), Choice::Reuse(PairIndex(1)), "first in, first out");
        assert!(matches!(pool.choose(Instant::from_millis(5_100)), Choice::Open(_)));
        assert_eq!(pool.choose(Instant::from_millis(5_200)), Choice::Reuse(PairIndex(0)));
    }

    #[test]
    fn each_pair_of_the_range_is_tried_once_and_a_stretch_of_others_is_soon_left() {
        for pairs in [1, 2, 3, 4, 5, 40, 609, 4_096, 8_192] {
            let mut pool = pool(pairs);
            let mut tried: Vec<u16> = std::iter::from_fn(|| match pool.choose(Instant::ZERO) {
                Choice::Open(port) => Some(port),
                _ => None,
            })
            .collect();
            tried.sort_unstable();
            assert_eq!(tried, (0..pairs).map(|pair| 10_000 + 2 * pair).collect::<Vec<_>>());
        }
        // Another program has three quarters of the range, from its beginning.
        let mut pool = pool(8_192);
        for _ in 0..2_048 {
            let free =
                (0..8).find(|_| matches!(pool.choose(Instant::ZERO), Choice::Open(port) if port >= 10_000 + 2 * 6_144));
            assert!(free.is_some());
        }
    }

    /// A second process beside one that has had many calls, and keeps their pairs.
    #[test]
    fn a_newcomer_finds_free_pairs_beside_a_process_that_holds_hundreds() {
        let mut random = Random::from_seed(1);
        let next = |pool: &mut Pool| match pool.choose(Instant::ZERO) {
            Choice::Open(port) => port,
            choice => panic!("{choice:?}"),
        };
        let mut firsts = std::collections::BTreeSet::new();
        for held in [765, 4_000, 7_400] {
            for _ in 0..50 {
                let (mut first, mut second) = (pool_of(8_192, random.next_u64()), pool_of(8_192, random.next_u64()));
                let mut others: std::collections::HashSet<u16> = (0..held).map(|_| next(&mut first)).collect();
                for call in 0..100 {
                    let tried = (0..crate::limits::PORTS_TRIED).find(|_| others.insert(next(&mut second)));
                    assert!(tried.is_some(), "call {call} beside {held} pairs");
                }
                firsts.insert(next(&mut pool_of(8_192, random.next_u64())));
            }
        }
        assert!(firsts.len() > 100, "each process begins elsewhere: {firsts:?}");
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
        assert!(matches!(pool.choose(Instant::from_millis(299)), Choice::Open(_)));
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
    fn ports_of_others_are_tried_again_once_a_second_when_the_rest_is_used_up() {
        let mut pool = pool(2);
        let Choice::Open(taken) = pool.choose(Instant::ZERO) else { panic!("the first") };
        assert!(pool.set_aside(Instant::ZERO, taken));
        assert!(matches!(pool.choose(Instant::ZERO), Choice::Open(port) if port != taken));
        assert_eq!(pool.choose(Instant::from_millis(999)), Choice::None);
        assert_eq!(pool.choose(Instant::from_millis(1_000)), Choice::Open(taken));
        pool.set_aside(Instant::from_millis(1_000), taken);
        assert_eq!(pool.choose(Instant::from_millis(1_999)), Choice::None);
        pool.put_back(10_004);
        assert_eq!(pool.choose(Instant::from_millis(2_000)), Choice::Open(10_004), "ours comes before those of others");
        assert_eq!(pool.choose(Instant::from_millis(2_000)), Choice::Open(taken));
    }
}

//! Who is due when: calls at a rate, timers in order, streams in slots. Nothing here scans what is not due.

use crate::limits::SLOTS;
use crate::media::LegId;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// Events at an even rate, of which a bounded number happens; then at another one.
#[derive(Debug)]
pub struct Rate {
    per_second: f64,
    start: Duration,
    done: u64,
    limit: u64,
    /// Rates and how many events at each, the next one last.
    then: Vec<(f64, u64)>,
}

impl Rate {
    /// `limit` events at `per_second` from `start` on, the first at once.
    pub fn new(per_second: f64, start: Duration, limit: u64) -> Rate {
        Rate { per_second, start, done: 0, limit, then: Vec::new() }
    }

    /// And then these: the rate, and how many.
    #[must_use]
    pub fn then(self, mut steps: Vec<(f64, u64)>) -> Rate {
        steps.reverse();
        Rate { then: steps, ..self }
    }

    fn step(&mut self) {
        while self.done == self.limit
            && let Some((per_second, limit)) = self.then.pop()
        {
            let start = self.start + Duration::from_secs_f64(self.limit as f64 / self.per_second);
            (self.per_second, self.start, self.done, self.limit) = (per_second, start, 0, limit);
        }
    }

    /// Takes one event if one is due.
    pub fn take(&mut self, now: Duration) -> bool {
        self.step();
        let due = self.done < self.limit
            && now >= self.start
            && now.saturating_sub(self.start).as_secs_f64() * self.per_second >= self.done as f64;
        self.done += u64::from(due);
        due
    }

    /// Whether all have happened.
    pub fn is_finished(&self) -> bool {
        self.done >= self.limit && self.then.is_empty()
    }
}

/// Keys in the order of their times. A key that is no longer wanted is recognised by its owner when it comes up.
#[derive(Debug)]
pub struct Timers<K> {
    heap: BinaryHeap<Reverse<(Duration, K)>>,
}

impl<K: Ord> Default for Timers<K> {
    fn default() -> Timers<K> {
        Timers { heap: BinaryHeap::new() }
    }
}

impl<K: Ord> Timers<K> {
    /// Adds a key.
    pub fn push(&mut self, at: Duration, key: K) {
        self.heap.push(Reverse((at, key)));
    }

    /// Takes the earliest key that is due.
    pub fn pop_due(&mut self, now: Duration) -> Option<K> {
        if self.heap.peek().is_some_and(|Reverse((at, _))| *at <= now) {
            return self.heap.pop().map(|Reverse((_, key))| key);
        }
        None
    }
}

/// The streams of each 1 ms slot of a packet time: a leg joins the emptiest slot and leaves in constant time.
#[derive(Debug)]
pub struct Slots {
    slots: [Vec<LegId>; SLOTS],
    /// Of each leg: its slot and its place there.
    places: Vec<Option<(u8, u32)>>,
}

impl Slots {
    /// No stream of `legs` legs is running.
    pub fn new(legs: usize) -> Slots {
        Slots { slots: std::array::from_fn(|_| Vec::new()), places: vec![None; legs] }
    }

    /// Starts a leg's stream.
    pub fn start(&mut self, leg: LegId) {
        if self.places[leg.index()].is_some() {
            return;
        }
        let emptiest = (0..SLOTS).min_by_key(|slot| self.slots[*slot].len()).unwrap_or(0);
        self.places[leg.index()] = Some((emptiest as u8, self.slots[emptiest].len() as u32));
        self.slots[emptiest].push(leg);
    }

    /// Stops it.
    pub fn stop(&mut self, leg: LegId) {
        let Some((slot, place)) = self.places[leg.index()].take() else { return };
        let slot = &mut self.slots[usize::from(slot)];
        slot.swap_remove(place as usize);
        if let Some(moved) = slot.get(place as usize)
            && let Some((_, moved_place)) = &mut self.places[moved.index()]
        {
            *moved_place = place;
        }
    }

    /// The legs of a tick.
    pub fn at(&self, tick: u64) -> &[LegId] {
        &self.slots[(tick % SLOTS as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_even_and_ends() {
        let mut rate = Rate::new(100.0, Duration::from_secs(1), 25);
        assert!(rate.take(Duration::from_secs(1)));
        assert!(!rate.take(Duration::from_millis(1009)));
        assert!(rate.take(Duration::from_millis(1010)));
        let later = (0..100).filter(|_| rate.take(Duration::from_secs(9))).count();
        assert_eq!(later, 23);
        assert!(rate.is_finished());
    }

    #[test]
    fn one_rate_follows_another() {
        let mut rate = Rate::new(10.0, Duration::ZERO, 10).then(vec![(100.0, 200), (1.0, 2)]);
        let mut happened = |millis| (0..1_000).filter(|_| rate.take(Duration::from_millis(millis))).count();
        assert_eq!([happened(999), happened(1_999), happened(2_999), happened(3_500)], [10, 100, 100, 1]);
        assert!(!rate.is_finished());
        assert!(rate.take(Duration::from_millis(4_000)) && rate.is_finished());
    }

    #[test]
    fn timers_come_in_order_and_not_before_their_time() {
        let mut timers = Timers::default();
        for at in [30, 10, 20] {
            timers.push(Duration::from_millis(at), at);
        }
        assert_eq!(timers.pop_due(Duration::from_millis(9)), None);
        assert_eq!(timers.pop_due(Duration::from_millis(25)), Some(10));
        assert_eq!(timers.pop_due(Duration::from_millis(25)), Some(20));
        assert_eq!(timers.pop_due(Duration::from_millis(25)), None);
    }

    #[test]
    fn streams_are_spread_and_leave_without_a_gap() {
        let mut slots = Slots::new(100);
        (0..100).for_each(|leg| slots.start(LegId(leg)));
        slots.start(LegId(5));
        assert!((0..20).all(|tick| slots.at(tick).len() == 5));
        (0..100).filter(|leg| leg % 3 == 0).for_each(|leg| slots.stop(LegId(leg)));
        slots.stop(LegId(0));
        let mut left: Vec<u16> = (0..20).flat_map(|tick| slots.at(tick).iter().map(|leg| leg.0)).collect();
        left.sort_unstable();
        assert_eq!(left, (0..100).filter(|leg| leg % 3 != 0).collect::<Vec<_>>());
        (0..100).for_each(|leg| slots.stop(LegId(leg)));
        assert!((0..20).all(|tick| slots.at(tick).is_empty()));
    }
}

//! A hierarchical timer wheel: one per shard and per worker.

use super::{Duration, Instant};

/// The wheel's resolution: a timer fires at the first tick at or after its deadline.
const TICK_NANOS: u64 = 1_000_000;
/// Slots of a level; each level's slot is as long as the whole level below it.
const SLOTS: usize = 64;
const SLOT_BITS: u32 = 6;
/// 64^6 ticks are two years; what lies beyond is clamped there.
const LEVELS: usize = 6;
/// The end of a list.
const NIL: u32 = u32::MAX;

/// Names a scheduled timer, to cancel it. Stale keys (fired, cancelled) are known as such.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TimerKey {
    entry: u32,
    generation: u32,
}

/// One scheduled timer, linked into the list of its slot.
#[derive(Debug)]
struct Entry<T> {
    value: Option<T>,
    generation: u32,
    tick: u64,
    slot: u32,
    previous: u32,
    next: u32,
}

/// Schedules values to moments; scheduling and cancelling take constant time. It grows with what is scheduled at once:
/// its owner's tables bound it.
#[derive(Debug)]
pub struct TimerWheel<T> {
    entries: Vec<Entry<T>>,
    free: u32,
    /// Heads of the slots' lists, level by level.
    slots: Vec<u32>,
    /// Which slots of a level are not empty.
    occupied: [u64; LEVELS],
    /// Ticks that have passed: all before it has fired or cascaded.
    elapsed: u64,
    /// The list of what is due.
    due: u32,
    len: usize,
}

/// The slot index that stands for the list of what is due.
const DUE: u32 = (LEVELS * SLOTS) as u32;

impl<T> Default for TimerWheel<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            free: NIL,
            slots: vec![NIL; LEVELS * SLOTS],
            occupied: [0; LEVELS],
            elapsed: 0,
            due: NIL,
            len: 0,
        }
    }
}

impl<T> TimerWheel<T> {
    /// An empty wheel.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many timers are scheduled.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is scheduled.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Schedules `value` to be due at `at`.
    pub fn schedule(&mut self, at: Instant, value: T) -> TimerKey {
        let tick = at.as_nanos().div_ceil(TICK_NANOS);
        let index = match self.free {
            NIL => {
                self.entries.push(Entry { value: None, generation: 0, tick, slot: 0, previous: NIL, next: NIL });
                (self.entries.len() - 1) as u32
            }
            index => {
                self.free = self.entries[index as usize].next;
                index
            }
        };
        let entry = &mut self.entries[index as usize];
        entry.value = Some(value);
        entry.tick = tick;
        let generation = entry.generation;
        self.len += 1;
        self.link(index);
        TimerKey { entry: index, generation }
    }

    /// Takes a timer back; `None` if it has fired or was cancelled before.
    pub fn cancel(&mut self, key: TimerKey) -> Option<T> {
        let entry = self.entries.get(key.entry as usize)?;
        if entry.generation != key.generation || entry.value.is_none() {
            return None;
        }
        self.unlink(key.entry);
        self.release(key.entry)
    }

    /// The next value that is due at `now`; call until `None`.
    pub fn poll(&mut self, now: Instant) -> Option<T> {
        let tick = now.as_nanos() / TICK_NANOS;
        while self.due == NIL {
            // The next moment at which some slot fires or cascades; nothing happens before it.
            match self.next_tick() {
                Some(next) if next <= tick => self.advance(next),
                _ => {
                    // `elapsed` is the first tick that has not been handled.
                    self.elapsed = self.elapsed.max(tick + 1);
                    return None;
                }
            }
        }
        let index = self.due;
        self.unlink(index);
        self.release(index)
    }

    /// When to poll next: never later than the earliest deadline (rounded up to a tick), maybe earlier.
    pub fn next(&self) -> Option<Instant> {
        if self.due != NIL {
            return Some(Instant::from_nanos((self.elapsed.saturating_sub(1)) * TICK_NANOS));
        }
        self.next_tick().map(|tick| Instant::from_nanos(tick * TICK_NANOS))
    }

    /// How long until [`next`](Self::next).
    pub fn wait(&self, now: Instant) -> Option<Duration> {
        self.next().map(|at| at.since(now))
    }

    fn next_tick(&self) -> Option<u64> {
        if self.len == 0 {
            return None;
        }
        let mut next = u64::MAX;
        for (level, &occupied) in self.occupied.iter().enumerate() {
            if occupied == 0 {
                continue;
            }
            let shift = SLOT_BITS * level as u32;
            let passed = self.elapsed >> shift;
            let ahead = u64::from(occupied.rotate_right(passed as u32 % SLOTS as u32).trailing_zeros());
            // A higher level's slot is handled when it begins; the slot that has begun holds nothing (it cascaded).
            let at = ((passed + ahead) << shift).max(self.elapsed);
            next = if at < next { at } else { next };
        }
        (next != u64::MAX).then_some(next)
    }

    /// Moves time to `tick`: slots of higher levels that begin there cascade, the slot of level 0 becomes due.
    fn advance(&mut self, tick: u64) {
        self.elapsed = tick;
        for level in (1..LEVELS).rev() {
            let shift = SLOT_BITS * level as u32;
            let slot = level * SLOTS + (tick >> shift) as usize % SLOTS;
            if tick.trailing_zeros() >= shift || self.slots[slot] != NIL {
                let mut index = self.take_slot(level, slot);
                while index != NIL {
                    let next = self.entries[index as usize].next;
                    self.link(index);
                    index = next;
                }
            }
        }
        let slot = tick as usize % SLOTS;
        let mut index = self.take_slot(0, slot);
        while index != NIL {
            let next = self.entries[index as usize].next;
            self.link_into(index, DUE);
            index = next;
        }
        self.elapsed = tick + 1;
    }

    fn take_slot(&mut self, level: usize, slot: usize) -> u32 {
        self.occupied[level] &= !(1 << (slot % SLOTS));
        std::mem::replace(&mut self.slots[slot], NIL)
    }

    fn link(&mut self, index: u32) {
        let tick = self.entries[index as usize].tick;
        if tick < self.elapsed {
            return self.link_into(index, DUE);
        }
        // The level whose slots can tell the deadline from now: the highest bit in which they differ.
        let differing = tick ^ self.elapsed;
        let level = match differing.checked_ilog2() {
            None => 0,
            Some(bit) => (bit / SLOT_BITS) as usize,
        };
        let (level, slot) = if level < LEVELS {
            (level, (tick >> (SLOT_BITS * level as u32)) as usize % SLOTS)
        } else {
            // Beyond the last level: in its slot that begins last, linked anew when that one begins.
            let shift = SLOT_BITS * (LEVELS as u32 - 1);
            (LEVELS - 1, ((self.elapsed >> shift) as usize + SLOTS - 1) % SLOTS)
        };
        self.occupied[level] |= 1 << slot;
        self.link_into(index, (level * SLOTS + slot) as u32);
    }

    fn link_into(&mut self, index: u32, slot: u32) {
        let head = if slot == DUE { &mut self.due } else { &mut self.slots[slot as usize] };
        let next = std::mem::replace(head, index);
        let entry = &mut self.entries[index as usize];
        (entry.slot, entry.previous, entry.next) = (slot, NIL, next);
        if next != NIL {
            self.entries[next as usize].previous = index;
        }
    }

    fn unlink(&mut self, index: u32) {
        let Entry { slot, previous, next, .. } = self.entries[index as usize];
        if next != NIL {
            self.entries[next as usize].previous = previous;
        }
        if previous != NIL {
            self.entries[previous as usize].next = next;
        } else if slot == DUE {
            self.due = next;
        } else {
            self.slots[slot as usize] = next;
            if next == NIL {
                self.occupied[slot as usize / SLOTS] &= !(1 << (slot as usize % SLOTS));
            }
        }
    }

    fn release(&mut self, index: u32) -> Option<T> {
        let entry = &mut self.entries[index as usize];
        entry.generation = entry.generation.wrapping_add(1);
        entry.next = self.free;
        self.free = index;
        self.len -= 1;
        entry.value.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use std::collections::BTreeMap;

    /// Drains what is due and checks that each is due, and that `next` never lies behind a deadline.
    fn drain(wheel: &mut TimerWheel<u64>, now: Instant, fired: &mut Vec<u64>) {
        while let Some(value) = wheel.poll(now) {
            fired.push(value);
        }
    }

    #[test]
    fn fires_at_the_first_tick_at_or_after_the_deadline() {
        let mut wheel = TimerWheel::new();
        wheel.schedule(Instant::from_nanos(1_500_000), 1);
        let mut fired = Vec::new();
        drain(&mut wheel, Instant::from_nanos(1_900_000), &mut fired);
        assert!(fired.is_empty());
        assert_eq!(wheel.next(), Some(Instant::from_millis(2)));
        drain(&mut wheel, Instant::from_millis(2), &mut fired);
        assert_eq!(fired, [1]);
        assert_eq!(wheel.next(), None);
    }

    #[test]
    fn what_is_scheduled_in_the_past_is_due_at_once() {
        let mut wheel = TimerWheel::new();
        assert_eq!(wheel.poll(Instant::from_millis(5_000)), None);
        wheel.schedule(Instant::from_millis(10), 1);
        assert!(wheel.next().is_some_and(|at| at <= Instant::from_millis(5_000)));
        assert_eq!(wheel.poll(Instant::from_millis(5_000)), Some(1));
    }

    #[test]
    fn a_cancelled_timer_does_not_fire_and_its_key_is_stale() {
        let mut wheel = TimerWheel::new();
        let key = wheel.schedule(Instant::from_millis(100), 1);
        assert_eq!(wheel.cancel(key), Some(1));
        assert_eq!(wheel.cancel(key), None);
        let again = wheel.schedule(Instant::from_millis(100), 2);
        assert_eq!(wheel.cancel(key), None, "a stale key does not cancel the entry's next tenant");
        assert_eq!(wheel.poll(Instant::from_millis(100)), Some(2));
        assert_eq!(wheel.cancel(again), None);
        assert!(wheel.is_empty());
    }

    #[test]
    fn agrees_with_an_ordered_map_over_random_schedules() {
        for seed in 0..200 {
            let mut random = Random::from_seed(seed);
            let (mut wheel, mut model) = (TimerWheel::new(), BTreeMap::new());
            let mut keys = Vec::new();
            let (mut now, mut id) = (Instant::ZERO, 0u64);
            for _ in 0..300 {
                match random.below(4) {
                    0 | 1 => {
                        let scale = 1u64 << random.below(36);
                        let at = now + Duration::from_micros(random.below(scale));
                        id += 1;
                        keys.push((wheel.schedule(at, id), at, id));
                        model.insert((at.as_nanos().div_ceil(TICK_NANOS), id), ());
                    }
                    2 if !keys.is_empty() => {
                        let (key, at, id) = keys.swap_remove(random.below(keys.len() as u64) as usize);
                        let there = model.remove(&(at.as_nanos().div_ceil(TICK_NANOS), id)).is_some();
                        assert_eq!(wheel.cancel(key).is_some(), there, "seed {seed}");
                    }
                    _ => {
                        let far = 1u64 << random.below(34);
                        now = now + Duration::from_micros(random.below(far));
                        let mut fired = Vec::new();
                        drain(&mut wheel, now, &mut fired);
                        let tick = now.as_nanos() / TICK_NANOS;
                        let later = model.split_off(&(tick + 1, 0));
                        let mut expected: Vec<u64> = model.into_keys().map(|(_, id)| id).collect();
                        model = later;
                        fired.sort_unstable();
                        expected.sort_unstable();
                        assert_eq!(fired, expected, "seed {seed} at {now:?}");
                    }
                }
                assert_eq!(wheel.len(), model.len());
                let earliest = model.keys().next().map(|&(tick, _)| tick * TICK_NANOS);
                match (wheel.next(), earliest) {
                    (Some(next), Some(earliest)) => assert!(next.as_nanos() <= earliest.max(now.as_nanos()), "{seed}"),
                    (next, earliest) => assert_eq!(next.is_some(), earliest.is_some(), "seed {seed}"),
                }
            }
        }
    }

    #[test]
    fn following_next_reaches_every_deadline_in_few_steps() {
        let mut wheel = TimerWheel::new();
        wheel.schedule(Instant::from_millis(3_600_000), 1);
        let (mut steps, mut now) = (0, Instant::ZERO);
        loop {
            if wheel.poll(now).is_some() {
                break;
            }
            now = wheel.next().unwrap();
            steps += 1;
        }
        assert_eq!(now, Instant::from_millis(3_600_000));
        assert!(steps <= LEVELS + 1, "{steps} steps");
    }
}

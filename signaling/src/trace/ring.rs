//! Records of octets, the newest of which push out the oldest.
//!
//! They lie one behind the other in one piece of memory:
//!
//! ```text
//!         write                     oldest
//!           ▼                         ▼
//! ┌─────────┬─────────────────────────┬──────────┬───────────────┬──┐
//! │ … newer │ (pushed out already)    │ older …  │               │  │
//! └─────────┴─────────────────────────┴──────────┴───────────────┴──┘
//! ```
//! A busy server keeps ten megabytes a second here. Written in order they cost what copying costs; a buffer for each, kept until it is
//! the oldest, would make every message begin in memory that no cache holds any more.

use std::collections::VecDeque;

/// Records, each with its octets.
#[derive(Debug)]
pub(super) struct Ring<T> {
    memory: Vec<u8>,
    octets_max: usize,
    records_max: usize,
    records: VecDeque<Record<T>>,
    /// Where the next record's octets go.
    write: usize,
    /// The octets of all records.
    octets: usize,
}

#[derive(Debug)]
struct Record<T> {
    start: usize,
    length: usize,
    about: T,
}

impl<T> Ring<T> {
    /// One that keeps at most so many octets, of at most so many records. Memory is taken with the first.
    pub(super) fn new(octets_max: usize, records_max: usize) -> Self {
        Self { memory: Vec::new(), octets_max, records_max, records: VecDeque::new(), write: 0, octets: 0 }
    }

    /// One that takes about so much memory, for records of which the usual one has so many octets.
    pub(super) fn of(memory: usize, octets_usual: usize) -> Self {
        let records_max = memory / (octets_usual + size_of::<Record<T>>());
        Self::new(memory - records_max * size_of::<Record<T>>(), records_max)
    }

    /// Keeps a record, of parts that lie one behind the other. One that is longer than the ring is not kept.
    pub(super) fn push(&mut self, about: T, parts: &[&[u8]]) {
        let length = parts.iter().map(|part| part.len()).sum();
        if length > self.octets_max || self.records_max == 0 {
            return;
        }
        if self.memory.is_empty() {
            self.memory = vec![0; self.octets_max];
            self.records.reserve_exact(self.records_max);
        }
        if self.records.len() == self.records_max {
            self.forget_oldest();
        }
        if self.write + length > self.octets_max {
            // What lies behind is the oldest; the next record starts at the front.
            self.push_out(usize::MAX);
            self.write = 0;
        }
        self.push_out(self.write + length);
        let start = self.write;
        for part in parts {
            self.memory[self.write..self.write + part.len()].copy_from_slice(part);
            self.write += part.len();
        }
        self.octets += length;
        self.records.push_back(Record { start, length, about });
    }

    /// Forgets the records that lie between the place of the next and `end`.
    fn push_out(&mut self, end: usize) {
        let start = self.write;
        let overlaps = move |record: &Record<T>| record.start >= start && record.start < end;
        while self.records.front().is_some_and(overlaps) {
            self.forget_oldest();
        }
    }

    /// As when a newer one pushes it out.
    pub(super) fn forget_oldest(&mut self) {
        self.octets -= self.records.pop_front().map_or(0, |record| record.length);
    }

    /// How many records are kept.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// How many octets they have.
    pub(super) fn octets(&self) -> usize {
        self.octets
    }

    /// The memory that is taken for them.
    pub(super) fn memory(&self) -> usize {
        self.memory.len() + self.records.capacity() * size_of::<Record<T>>()
    }

    /// All records, the oldest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (&T, &[u8])> {
        self.records.iter().map(|record| self.read(record))
    }

    /// The records before the first for which `is_after` holds, the newest first; it holds for all that follow that one.
    pub(super) fn before(&self, is_after: impl Fn(&T) -> bool) -> impl Iterator<Item = (&T, &[u8])> {
        let end = self.records.partition_point(|record| !is_after(&record.about));
        self.records.range(..end).rev().map(|record| self.read(record))
    }

    fn read<'a>(&'a self, record: &'a Record<T>) -> (&'a T, &'a [u8]) {
        (&record.about, &self.memory[record.start..record.start + record.length])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_records_are_whole_whatever_their_lengths() {
        for octets_max in [1, 7, 64, 1_000] {
            let mut ring = Ring::new(octets_max, 20);
            let mut pushed: Vec<Vec<u8>> = Vec::new();
            for number in 0..2_000usize {
                let length = 1 + (number * 7919) % (octets_max + 2);
                let octets = vec![number as u8; length];
                let (head, tail) = octets.split_at(length / 2);
                ring.push(number, &[head, tail]);
                if length <= octets_max {
                    pushed.push(octets);
                }
                let kept: Vec<_> = ring.iter().map(|(_, octets)| octets.to_vec()).collect();
                assert!(kept.len() <= 20 && kept.iter().map(Vec::len).sum::<usize>() <= octets_max);
                assert_eq!(kept[..], pushed[pushed.len() - kept.len()..], "{octets_max} {number}");
                // No more is pushed out than needed: what was there before would not fit, nor at the end of the memory.
                let older = pushed.len().checked_sub(kept.len() + 1).map(|older| pushed[older].len());
                let lengths = kept.iter().map(Vec::len);
                let longest = lengths.clone().max().unwrap_or(0);
                assert!(
                    kept.len() == 20
                        || older
                            .is_none_or(|older| lengths.sum::<usize>() + older + 2 * longest.max(older) > octets_max),
                    "{octets_max} {number}: {}",
                    kept.len()
                );
            }
        }
    }

    #[test]
    fn records_are_found_by_their_order() {
        let mut ring = Ring::of(10_000, 10);
        assert_eq!(ring.memory(), 0);
        for number in 0..10 {
            ring.push(number, &[b"text"]);
        }
        let found: Vec<_> = ring.before(|number| *number >= 3).map(|(number, _)| *number).collect();
        assert_eq!(found, [2, 1, 0]);
        assert!(ring.memory() <= 10_000 && ring.memory() > 9_000, "{}", ring.memory());
        let mut none = Ring::of(0, 10);
        none.push(1, &[b"text"]);
        none.push(2, &[]);
        assert_eq!((none.len(), none.memory()), (0, 0));
    }
}

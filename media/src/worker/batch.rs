//! Datagrams side by side, each with what is known of it: those that a turn received, those that it will send.

use crate::limits::{BATCH, BATCH_BYTES, DATAGRAM_BYTES};

/// A bounded batch of datagrams in one buffer that is never moved nor cleared.
#[derive(Debug)]
pub(super) struct Batch<T> {
    octets: Box<[u8]>,
    entries: Vec<Entry<T>>,
}

#[derive(Clone, Copy, Debug)]
struct Entry<T> {
    about: T,
    start: usize,
    end: usize,
}

impl<T: Copy> Batch<T> {
    /// An empty one, with all the memory that it will ever use.
    pub(super) fn new() -> Self {
        Self { octets: vec![0; BATCH_BYTES].into_boxed_slice(), entries: Vec::with_capacity(BATCH) }
    }

    /// Datagrams in it.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Where the next datagram is to be written, whatever its length; `None`: it is full.
    #[inline]
    pub(super) fn room(&mut self) -> Option<&mut [u8]> {
        let used = self.used();
        if self.entries.len() == BATCH || BATCH_BYTES - used < DATAGRAM_BYTES {
            return None;
        }
        Some(&mut self.octets[used..used + DATAGRAM_BYTES])
    }

    /// The first `length` octets of its room are the next datagram.
    #[inline]
    pub(super) fn add(&mut self, about: T, length: usize) {
        let start = self.used();
        self.entries.push(Entry { about, start, end: start + length });
    }

    /// The datagram at `place`, in the order of their coming.
    #[inline]
    pub(super) fn get_mut(&mut self, place: usize) -> Option<(T, &mut [u8])> {
        let entry = self.entries.get(place)?;
        Some((entry.about, &mut self.octets[entry.start..entry.end]))
    }

    /// What is known of each datagram.
    pub(super) fn iter(&self) -> impl Iterator<Item = T> + '_ {
        self.entries.iter().map(|entry| entry.about)
    }

    /// Forgets all.
    #[inline]
    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    fn used(&self) -> usize {
        self.entries.last().map_or(0, |last| last.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(batch: &mut Batch<u32>, about: u32, datagram: &[u8]) -> bool {
        let Some(room) = batch.room() else { return false };
        room[..datagram.len()].copy_from_slice(datagram);
        batch.add(about, datagram.len());
        true
    }

    #[test]
    fn datagrams_come_out_as_they_went_in() {
        let mut batch = Batch::new();
        assert!(add(&mut batch, 1, b"one") && add(&mut batch, 2, b"") && add(&mut batch, 3, b"three"));
        let got: Vec<(u32, Vec<u8>)> =
            (0..4).filter_map(|place| batch.get_mut(place).map(|(about, data)| (about, data.to_vec()))).collect();
        assert_eq!(got, [(1, b"one".to_vec()), (2, Vec::new()), (3, b"three".to_vec())]);
        batch.clear();
        assert_eq!((batch.len(), batch.get_mut(0).is_none()), (0, true));
    }

    #[test]
    fn it_is_full_by_number_or_by_octets_and_never_short_of_a_whole_datagram() {
        let mut batch = Batch::new();
        assert_eq!((0..).take_while(|&about| add(&mut batch, about, &[0; 172])).count(), BATCH);
        batch.clear();
        let large = vec![0; DATAGRAM_BYTES];
        let taken = (0..).take_while(|&about| add(&mut batch, about, &large)).count();
        assert!((1..BATCH).contains(&taken));
    }
}

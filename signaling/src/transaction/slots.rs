//! A bounded table whose places are used again, under keys that are not.

/// A place in [`Slots`], and which of its tenants is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Slot {
    index: u32,
    generation: u32,
}

/// Generations have 31 bits, so that a slot and one bit more fit into 64.
const GENERATION_MASK: u32 = u32::MAX >> 1;

impl Slot {
    pub(super) fn to_bits(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    pub(super) fn from_bits(bits: u64) -> Slot {
        Slot { index: bits as u32, generation: (bits >> 32) as u32 & GENERATION_MASK }
    }
}

/// The table. Its memory grows to the most that it ever held, and stays.
#[derive(Debug)]
pub(super) struct Slots<T> {
    places: Vec<(u32, Option<T>)>,
    free: Vec<u32>,
    bound: usize,
}

impl<T> Slots<T> {
    /// A table of at most that many.
    pub(super) fn new(bound: usize) -> Slots<T> {
        Slots { places: Vec::new(), free: Vec::new(), bound }
    }

    /// How many it holds.
    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// How many it can hold.
    pub(super) fn bound(&self) -> usize {
        self.bound
    }

    /// Whether more than half of its places are taken.
    pub(super) fn is_half_full(&self) -> bool {
        self.len() > self.bound / 2
    }

    /// How many more it can hold.
    pub(super) fn room(&self) -> usize {
        self.bound.saturating_sub(self.len())
    }

    /// Takes one in; `None` if it is full.
    pub(super) fn insert(&mut self, value: T) -> Option<Slot> {
        if self.room() == 0 {
            return None;
        }
        match self.free.pop() {
            Some(index) => {
                let place = self.places.get_mut(index as usize)?;
                place.1 = Some(value);
                Some(Slot { index, generation: place.0 })
            }
            None => {
                let index = u32::try_from(self.places.len()).ok()?;
                self.places.push((0, Some(value)));
                Some(Slot { index, generation: 0 })
            }
        }
    }

    /// The tenant, if it is still the one that is meant.
    pub(super) fn get(&self, slot: Slot) -> Option<&T> {
        self.places.get(slot.index as usize).filter(|place| place.0 == slot.generation)?.1.as_ref()
    }

    /// The tenant, if it is still the one that is meant.
    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut T> {
        self.places.get_mut(slot.index as usize).filter(|place| place.0 == slot.generation)?.1.as_mut()
    }

    /// Lets the tenant go.
    pub(super) fn remove(&mut self, slot: Slot) -> Option<T> {
        let place = self.places.get_mut(slot.index as usize).filter(|place| place.0 == slot.generation)?;
        let value = place.1.take()?;
        place.0 = place.0.wrapping_add(1) & GENERATION_MASK;
        self.free.push(slot.index);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_used_again_and_keys_are_not() {
        let mut slots = Slots::new(2);
        let first = slots.insert('a').unwrap();
        let second = slots.insert('b').unwrap();
        assert_eq!(slots.insert('c'), None);
        assert_eq!(slots.remove(first), Some('a'));
        assert_eq!(slots.remove(first), None);
        let third = slots.insert('c').unwrap();
        assert_ne!(first, third);
        assert_eq!((slots.get(first), slots.get(third)), (None, Some(&'c')));
        assert_eq!(slots.get_mut(second), Some(&mut 'b'));
        assert_eq!((slots.len(), slots.room()), (2, 0));
        assert_eq!(Slot::from_bits(third.to_bits()), third);
    }
}

//! Whose certificate is fetched next: places are few, and one trunk's calls, or one host, may name what never comes.
//!
//! A trunk has a share of the places, and of these a host has one. Of trunks that wait the one has its turn that has the fewest under way.

use crate::limits::{FETCHES_AT_ONCE, FETCHES_PER_HOST, FETCHES_PER_TRUNK, FETCHES_WAITING_PER_TRUNK};
use signaling::trunk::TrunkId;
use std::collections::{BTreeMap, VecDeque};

/// On whose behalf something is fetched.
pub(super) type By = Option<TrunkId>;

/// What waits, and what is under way.
#[derive(Debug)]
pub(super) struct Turns<T> {
    waiting: BTreeMap<By, VecDeque<(Box<str>, T)>>,
    /// How many are under way of each trunk from each host.
    running: BTreeMap<(By, Box<str>), usize>,
    places: usize,
}

/// A turn that has come; to be given back.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Turn(By, Box<str>);

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { waiting: BTreeMap::new(), running: BTreeMap::new(), places: FETCHES_AT_ONCE }
    }
}

impl<T> Turns<T> {
    /// Something is to be fetched from a host.
    ///
    /// # Errors
    /// It comes back: too much waits for that trunk.
    pub(super) fn push(&mut self, by: By, host: &str, item: T) -> Result<(), T> {
        let waiting = self.waiting.entry(by).or_default();
        if waiting.len() >= FETCHES_WAITING_PER_TRUNK {
            return Err(item);
        }
        waiting.push_back((host.to_ascii_lowercase().into(), item));
        Ok(())
    }

    /// The next whose turn has come.
    pub(super) fn poll(&mut self) -> Option<(Turn, T)> {
        if self.places == 0 {
            return None;
        }
        let running = &self.running;
        let of_trunk = |by: By| running.iter().filter(|((of, _), _)| *of == by).map(|(_, count)| *count).sum::<usize>();
        let of_host = |by: By, host: &str| running.get(&(by, host.into())).copied().unwrap_or(0);
        let first = |(by, waiting): (&By, &VecDeque<(Box<str>, T)>)| {
            let place = waiting.iter().position(|(host, _)| of_host(*by, host) < FETCHES_PER_HOST)?;
            Some((of_trunk(*by), *by, place)).filter(|(running, ..)| *running < FETCHES_PER_TRUNK)
        };
        let (_, by, place) = self.waiting.iter().filter_map(first).min()?;
        let waiting = self.waiting.get_mut(&by)?;
        let (host, item) = waiting.remove(place)?;
        if waiting.is_empty() {
            self.waiting.remove(&by);
        }
        *self.running.entry((by, host.clone())).or_default() += 1;
        self.places -= 1;
        Some((Turn(by, host), item))
    }

    /// A turn is over.
    pub(super) fn give_back(&mut self, Turn(by, host): Turn) {
        let place = (by, host);
        if let Some(running) = self.running.get_mut(&place) {
            *running -= 1;
            self.places += 1;
            if *running == 0 {
                self.running.remove(&place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signaling::trunk::TrunkId;

    fn trunk(number: u16) -> By {
        Some(TrunkId::at(number))
    }

    fn all(turns: &mut Turns<u32>) -> Vec<(Turn, u32)> {
        std::iter::from_fn(|| turns.poll()).collect()
    }

    #[test]
    fn one_trunk_s_slow_certificates_leave_the_others_their_places() {
        let mut turns = Turns::default();
        (0..100).for_each(|n| turns.push(trunk(0), &format!("host{n}"), n).unwrap());
        assert_eq!(all(&mut turns).len(), FETCHES_PER_TRUNK);
        // None of them comes to an end, and another trunk's has its turn at once.
        turns.push(trunk(1), "host0", 200).unwrap();
        let (turn, item) = turns.poll().expect("a place");
        assert_eq!(item, 200);
        assert!(turns.poll().is_none());
        turns.give_back(turn);
        // However many trunks do so, whoever has the fewest under way is next.
        for number in 2..20 {
            (0..40).for_each(|n| turns.push(trunk(number), &format!("host{n}"), n).unwrap());
        }
        let under_way = all(&mut turns);
        assert_eq!(under_way.len() + FETCHES_PER_TRUNK, FETCHES_AT_ONCE);
        turns.push(trunk(30), "other", 300).unwrap();
        turns.give_back(under_way[0].0.clone());
        assert_eq!(turns.poll().map(|(_, item)| item), Some(300));
    }

    #[test]
    fn one_slow_host_leaves_the_others_of_the_same_trunk_their_places() {
        let mut turns = Turns::default();
        (0..100).for_each(|n| turns.push(trunk(0), "Slow.example", n).unwrap());
        turns.push(trunk(0), "quick.example", 100).unwrap();
        let under_way = all(&mut turns);
        assert_eq!(under_way.len(), FETCHES_PER_HOST + 1);
        assert_eq!(under_way.last().map(|(_, item)| *item), Some(100));
        let (turn, _) = under_way[0].clone();
        turns.give_back(turn);
        assert_eq!(turns.poll().map(|(_, item)| item), Some(FETCHES_PER_HOST as u32), "in their order");
    }

    #[test]
    fn what_waits_is_bounded_by_trunk() {
        let mut turns = Turns::default();
        let taken = (0..10_000).filter(|n| turns.push(None, "h", *n).is_ok()).count();
        assert_eq!(taken, FETCHES_WAITING_PER_TRUNK);
        assert!(turns.push(trunk(0), "h", 1).is_ok());
    }
}

//! Minting instances: the requester chooses them, so a repeated request finds what the first one made.

use crate::address::Instance;
use crate::random::Random;

/// Bits of the counter; the rest is the epoch.
const COUNTER_BITS: u32 = 40;

/// Mints [`Instance`]s: 24 bits of epoch, drawn when the requester starts, and 40 bits of counter, so that neither two
/// requesters nor one requester before and after a restart choose the same one.
#[derive(Debug)]
pub struct Instances {
    next: u64,
}

impl Instances {
    /// A mint with an epoch of its own.
    pub fn new(random: &mut Random) -> Self {
        let epoch = (random.next_u64() >> COUNTER_BITS) | 1;
        Self { next: (epoch << COUNTER_BITS) | 1 }
    }

    /// The next instance, never [`Instance::MODULE`].
    pub fn mint(&mut self) -> Instance {
        let instance = Instance(self.next);
        self.next = self.next.wrapping_add(1).max(1);
        instance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_mints_do_not_meet() {
        let mut random = Random::from_seed(7);
        let (mut a, mut b) = (Instances::new(&mut random), Instances::new(&mut random));
        let (first, second) = (a.mint(), a.mint());
        assert_ne!(first, second);
        assert_ne!(first, b.mint());
        assert_ne!(first, Instance::MODULE);
    }
}

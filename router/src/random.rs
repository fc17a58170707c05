//! Chance as an argument: seeded from the system in a server, from a number in a test.

use rand::{RngCore, SeedableRng, rngs::StdRng};

/// A source of unpredictable numbers (tags, branches, nonces, SSRCs). Each machine gets its own, [forked](Self::fork)
/// from its owner's, so that a test replays from one seed.
pub struct Random(StdRng);

impl Random {
    /// Seeded by the operating system. For the shells; a pure machine takes a `Random` from its owner.
    pub fn from_system() -> Self {
        Self(StdRng::from_os_rng())
    }

    /// The same sequence for the same seed.
    pub fn from_seed(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// An independent source, drawn from this one.
    pub fn fork(&mut self) -> Self {
        Self(StdRng::from_rng(&mut self.0))
    }

    /// 32 unpredictable bits.
    pub fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// 64 unpredictable bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// An even choice below `bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// Fills `bytes`.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}

impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Random")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_replays_and_a_bound_holds() {
        let (mut a, mut b) = (Random::from_seed(1), Random::from_seed(1));
        assert_eq!(a.next_u64(), b.next_u64());
        assert_eq!(a.fork().next_u64(), b.fork().next_u64());
        assert!((0..1000).all(|_| a.below(10) < 10));
        assert_eq!(a.below(0), 0);
    }
}

//! Requests that cross (RFC 3261 §14.1, §14.2).

use router::Random;
use router::time::Duration;

/// How often an offer of ours that met the peer's is sent again, before the switch is told.
pub(super) const ATTEMPTS: u8 = 3;

/// How long to wait before that: who made the Call-ID waits 2.1 to 4 seconds, the other one up to 2, in steps of 10 ms.
pub(super) fn pause(random: &mut Random, owns_call_id: bool) -> Duration {
    let (from_ms, steps) = if owns_call_id { (2_100, 191) } else { (0, 201) };
    Duration::from_millis(from_ms + 10 * random.below(steps))
}

/// What a peer is told to wait, in seconds, whose request came before its former one was answered (RFC 3261 §14.2).
pub(super) fn retry_after(random: &mut Random) -> u64 {
    random.below(11)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_of_the_call_id_waits_longer() {
        let mut random = Random::from_seed(5);
        for _ in 0..1_000 {
            let owner = pause(&mut random, true).as_millis();
            let other = pause(&mut random, false).as_millis();
            assert!((2_100..=4_000).contains(&owner) && other <= 2_000 && retry_after(&mut random) <= 10);
        }
    }
}

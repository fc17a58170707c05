//! How many handshakes of TLS strangers may begin: each costs a signature before anything is known of who asks for it.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;

use router::time::Instant;

use super::limits::HANDSHAKE_BUCKETS;
use crate::admission::{Bucket, Rate};

/// Buckets for hosts and one for all of them. Their number is fixed: hosts share one where a keyed hash says so, so that many
/// addresses cost no memory and nobody can choose with whom to share.
#[derive(Debug)]
pub(super) struct HandshakeLimits {
    per_source: Rate,
    total: Rate,
    sources: Box<[Bucket]>,
    all: Bucket,
    hasher: RandomState,
}

impl HandshakeLimits {
    pub(super) fn new(per_source: Rate, total: Rate) -> HandshakeLimits {
        let sources = vec![Bucket::full(per_source); HANDSHAKE_BUCKETS].into_boxed_slice();
        HandshakeLimits { per_source, total, sources, all: Bucket::full(total), hasher: RandomState::new() }
    }

    /// Whether a host, as [`network_of`](crate::admission::network_of) counts it, may begin one.
    pub(super) fn admit(&mut self, now: Instant, host: IpAddr) -> bool {
        let place = (self.hasher.hash_one(host) % HANDSHAKE_BUCKETS as u64) as usize;
        self.sources[place].take(now, self.per_source, 1) && self.all.take(now, self.total, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::time::Duration;

    #[test]
    fn a_host_has_its_share_and_all_have_theirs() {
        let rate = |per_second, burst| Rate { per_second, burst };
        let mut limits = HandshakeLimits::new(rate(2, 10), rate(20, 50));
        let host = |number: u32| IpAddr::V4((0x0a00_0000 + number).into());
        let begun = |limits: &mut HandshakeLimits, now, host| (0..100).filter(|_| limits.admit(now, host)).count();
        assert_eq!(begun(&mut limits, Instant::ZERO, host(1)), 10);
        let many: usize = (2..100).map(|number| begun(&mut limits, Instant::ZERO, host(number))).sum();
        assert_eq!(many, 40, "no more in all");
        assert_eq!(begun(&mut limits, Instant::ZERO + Duration::from_secs(1), host(1)), 2);
    }
}

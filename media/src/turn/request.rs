//! A request, until its answer comes or it is given up (RFC 8489 §6.2.1).

use crate::limits::{TURN_TIMEOUT, TURN_TIMEOUT_MIN, TURN_TRANSMISSIONS};
use router::Random;
use router::time::{Duration, Instant};
use stun::TransactionId;

/// One that waits for its answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) transaction: TransactionId,
    first: Duration,
    begun: Instant,
    /// When it goes out, again, or is given up.
    next: Instant,
    sent: u32,
}

impl Request {
    /// One that is to be sent now. `round_trip`: what is known of the server's.
    pub(super) fn new(now: Instant, round_trip: Option<Duration>, random: &mut Random) -> Self {
        let mut transaction = [0; 12];
        random.fill(&mut transaction);
        let first = round_trip.map_or(TURN_TIMEOUT, |it| (it * 3).clamp(TURN_TIMEOUT_MIN, TURN_TIMEOUT));
        Self { transaction, first, begun: now, next: now, sent: 0 }
    }

    /// Whether it is to be sent now; it is, then.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        if self.next > now || self.sent >= TURN_TRANSMISSIONS {
            return false;
        }
        self.next = now + self.first * (1 << self.sent.min(4));
        self.sent += 1;
        true
    }

    /// Whether it has been sent often enough.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.next <= now && self.sent >= TURN_TRANSMISSIONS
    }

    /// When it is to be looked at.
    pub(super) const fn until(&self) -> Instant {
        self.next
    }

    /// How long its answer has taken; one that was sent twice does not tell (Karn).
    pub(super) fn round_trip(&self, now: Instant) -> Option<Duration> {
        (self.sent == 1).then(|| now.since(self.begun))
    }
}

//! That the peer still wants what it is sent (RFC 7675 §5.1): it is asked every few seconds, and each question is a new one, sent once.

use super::pair::transaction;
use crate::limits::{CONSENT_EVERY, CONSENT_EXPIRES};
use router::Random;
use router::time::{Duration, Instant};
use stun::TransactionId;

/// The consent of the peer on the way that is taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Consent {
    /// When it is asked again.
    next: Instant,
    /// When its last answer is too old.
    expires: Instant,
    /// The last questions: a late answer is one, too.
    asked: [Option<TransactionId>; 2],
    /// Questions since the last answer.
    unanswered: u32,
}

impl Consent {
    /// It was just given, by the answer to a check.
    pub(super) fn new(now: Instant) -> Self {
        Self { next: now + CONSENT_EVERY * 4 / 5, expires: now + CONSENT_EXPIRES, asked: [None; 2], unanswered: 0 }
    }

    /// The question that is due.
    pub(super) fn poll_transmit(&mut self, now: Instant, random: &mut Random) -> Option<TransactionId> {
        if self.next > now {
            return None;
        }
        self.next = now + pause(random);
        let question = transaction(random);
        self.asked = [Some(question), self.asked[0]];
        self.unanswered += 1;
        Some(question)
    }

    /// Whether it is asked so.
    pub(super) fn is_asked(&self, transaction: &TransactionId) -> bool {
        self.asked.contains(&Some(*transaction))
    }

    /// The peer consents.
    pub(super) fn handle_answer(&mut self, now: Instant) {
        (self.expires, self.unanswered) = (now + CONSENT_EXPIRES, 0);
    }

    /// Whether the last answers are missing.
    pub(super) fn is_doubtful(&self) -> bool {
        self.unanswered > 1
    }

    /// Whether it has expired.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.expires <= now
    }

    /// When it is to be looked at.
    pub(super) fn poll_timeout(&self) -> Instant {
        self.next.min(self.expires)
    }
}

/// Between 0.8 and 1.2 of the usual interval, so that nobody can foretell it and not all ask at once.
fn pause(random: &mut Random) -> Duration {
    let usual = CONSENT_EVERY.as_millis() as u64;
    Duration::from_millis(usual * 4 / 5 + random.below(usual * 2 / 5 + 1))
}

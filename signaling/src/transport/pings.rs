//! Keep-alives of a connection that was opened from here (RFC 5626 §4.4.1): a double line end at times, which a peer that knows
//! them answers by a single one.

use router::time::Duration;
use tokio::time::Instant;

use super::limits::PINGED_FOR;

/// The pings of one connection.
#[derive(Debug)]
pub(super) struct Pings {
    interval: Duration,
    /// When the next one goes; `None` until the connection is up.
    next: Option<Instant>,
    /// Since when one waits for its answer.
    waiting: Option<Instant>,
    /// Whether the peer has ever answered one. Who never has may not know them, and is not taken for dead for it.
    answered: bool,
}

impl Pings {
    /// One each `interval`.
    pub(super) fn every(interval: Duration) -> Self {
        Self { interval, next: None, waiting: None, answered: false }
    }

    /// The connection is up.
    pub(super) fn start(&mut self, now: Instant) {
        self.next = Some(now + self.interval);
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Whether one is due now; `messaged`: when the last message came or went.
    pub(super) fn is_due(&mut self, now: Instant, messaged: Instant) -> bool {
        if self.next.is_none_or(|next| now < next) {
            return false;
        }
        let wanted = now.duration_since(messaged) < PINGED_FOR;
        self.next = wanted.then(|| now + self.interval);
        wanted
    }

    /// One goes.
    pub(super) fn sent(&mut self, now: Instant) {
        self.waiting.get_or_insert(now);
    }

    /// Since when the answer of a peer is missing that is known to answer.
    pub(super) fn missing_since(&self) -> Option<Instant> {
        self.waiting.filter(|_| self.answered)
    }

    /// Whether a single line end would be an answer.
    pub(super) fn waits(&self) -> bool {
        self.waiting.is_some()
    }

    /// Something came: the peer lives. `pong`: what came was the answer itself.
    pub(super) fn heard(&mut self, pong: bool) {
        self.answered |= pong;
        self.waiting = None;
    }
}

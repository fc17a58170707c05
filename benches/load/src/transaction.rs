//! When a message is sent again, and when to give up (RFC 3261 §17.1, §13.3.1.4).

use crate::limits::{T1, T2, TRANSACTION_LIFE};
use std::time::Duration;

/// The retransmissions of one message over UDP.
#[derive(Debug, Clone, Copy)]
pub struct Retransmission {
    interval: Duration,
    longest: Duration,
    next: Duration,
    end: Duration,
}

/// What a retransmission's timer asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Send again, and look again at this time.
    Resend(Duration),
    /// Nobody answers.
    GiveUp,
}

impl Retransmission {
    /// An INVITE: timer A doubles without bound, timer B ends it.
    pub fn invite(now: Duration) -> Retransmission {
        Retransmission { interval: T1, longest: TRANSACTION_LIFE, next: now + T1, end: now + TRANSACTION_LIFE }
    }

    /// Any other request, or a 2xx that waits for its ACK: doubles up to T2.
    pub fn other(now: Duration) -> Retransmission {
        Retransmission { longest: T2, ..Retransmission::invite(now) }
    }

    /// After a provisional response to a request other than INVITE: each T2.
    pub fn proceed(&mut self) {
        self.interval = T2;
    }

    /// When to look first, or next.
    pub fn deadline(&self) -> Duration {
        self.next.min(self.end)
    }

    /// Its time has come.
    pub fn expire(&mut self, now: Duration) -> Due {
        if now >= self.end {
            return Due::GiveUp;
        }
        self.interval = (self.interval * 2).min(self.longest);
        self.next = now + self.interval;
        Due::Resend(self.deadline())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sends(mut retransmission: Retransmission) -> Vec<u64> {
        let mut at = vec![];
        let mut now = retransmission.deadline();
        while let Due::Resend(next) = retransmission.expire(now) {
            at.push(now.as_millis() as u64);
            now = next;
        }
        at.push(now.as_millis() as u64);
        at
    }

    #[test]
    fn an_invite_doubles_and_gives_up() {
        let invite = Retransmission::invite(Duration::ZERO);
        assert_eq!(sends(invite), [500, 1500, 3500, 7500, 15500, 31500, 32000]);
    }

    #[test]
    fn other_requests_stop_doubling_at_t2() {
        let other = Retransmission::other(Duration::ZERO);
        assert_eq!(sends(other), [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500, 32000]);
    }
}

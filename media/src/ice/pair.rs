//! One address of the peer's, and the check that is on its way to it.

use crate::limits::{CHECK_RETRANSMISSIONS, CHECK_TIMEOUT};
use router::Random;
use router::time::Instant;
use std::net::SocketAddr;
use stun::{Role, TransactionId};

/// Where a check stands (RFC 8445 §6.1.2.6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// One is to be sent.
    Waiting,
    /// One is on its way.
    InProgress,
    /// One was answered.
    Succeeded,
    /// None was.
    Failed,
}

/// A request that waits for its answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) transaction: TransactionId,
    pub(super) nominates: bool,
    /// The part that it said we play.
    pub(super) role: Role,
    /// When it is sent again, or has failed.
    pub(super) until: Instant,
    sent: u32,
}

impl Pending {
    /// One that is sent now.
    pub(super) fn new(now: Instant, nominates: bool, role: Role, random: &mut Random) -> Self {
        Self { transaction: transaction(random), nominates, role, until: now + CHECK_TIMEOUT, sent: 1 }
    }

    /// Its time is over: it is sent once more, at twice the distance; false: it has been often enough.
    pub(super) fn goes_again(&mut self, now: Instant) -> bool {
        if self.sent > CHECK_RETRANSMISSIONS {
            return false;
        }
        self.until = now + CHECK_TIMEOUT * (1 << self.sent.min(8));
        self.sent += 1;
        true
    }
}

/// A number that nobody can guess.
pub(super) fn transaction(random: &mut Random) -> TransactionId {
    let mut transaction = [0; 12];
    random.fill(&mut transaction);
    transaction
}

/// An address of the peer's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) remote: SocketAddr,
    /// The priority of its candidate.
    pub(super) theirs: u32,
    pub(super) state: State,
    pub(super) pending: Option<Pending>,
    /// A check that another one has taken the place of: its answer counts all the same (RFC 8445 §7.3.1.4).
    pub(super) cancelled: Option<TransactionId>,
    /// The peer has nominated it.
    pub(super) is_nominated: bool,
    /// It is to be checked before its turn, since the peer has checked it.
    pub(super) is_triggered: bool,
}

/// The largest priority of a candidate (RFC 8445 §5.1.2); whoever says more means that.
const MOST: u32 = i32::MAX as u32;

impl Pair {
    pub(super) fn new(remote: SocketAddr, theirs: u32) -> Self {
        Self {
            remote,
            theirs: theirs.min(MOST),
            state: State::Waiting,
            pending: None,
            cancelled: None,
            is_nominated: false,
            is_triggered: false,
        }
    }

    /// Its priority (RFC 8445 §6.1.2.3), ours being `ours` and our part `role`; larger is better.
    pub(super) fn priority(&self, ours: u32, role: Role) -> u64 {
        let (controlling, controlled) = match role {
            Role::Controlling(_) => (ours, self.theirs),
            Role::Controlled(_) => (self.theirs, ours),
        };
        let (low, high) = (controlling.min(controlled), controlling.max(controlled));
        (u64::from(low) << 32) + (u64::from(high) << 1) + u64::from(controlling > controlled)
    }

    /// Another check takes the place of the one that is on its way, if there is one.
    pub(super) fn check_anew(&mut self) {
        if let Some(pending) = self.pending.take() {
            self.cancelled = Some(pending.transaction);
        }
        (self.state, self.is_triggered) = (State::Waiting, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8445 §6.1.2.3: 2^32 * MIN(G, D) + 2 * MAX(G, D) + (G > D ? 1 : 0).
    #[test]
    fn both_sides_reckon_the_same_priority() {
        let pair = |theirs| Pair::new(([192, 0, 2, 1], 1).into(), theirs);
        assert_eq!(pair(5).priority(7, Role::Controlling(1)), (5 << 32) + 14 + 1);
        assert_eq!(pair(7).priority(5, Role::Controlled(1)), (5 << 32) + 14 + 1);
        assert_eq!(pair(7).priority(5, Role::Controlling(1)), (5 << 32) + 14);
        let most = pair(u32::MAX).priority(MOST, Role::Controlling(1));
        assert_eq!(most, (u64::from(MOST) << 32) + (u64::from(MOST) << 1));
    }
}

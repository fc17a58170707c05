//! The most telling of what attempts came to: it chooses the branch, and is what the caller hears (RFC 3261 §16.7).

use super::Search;
use router::parameter::{Cause, CauseKind};

/// The most telling that attempts came to, and at whom.
#[derive(Debug)]
pub(super) struct Best {
    pub(super) cause: Cause,
    peer: Option<String>,
}

impl Search {
    /// What an attempt came to; the best one of a destination chooses the branch and is what the caller hears.
    pub(in crate::call) fn note(&mut self, cause: Cause) {
        self.keep_best(Best { cause, peer: None });
    }

    /// The same of an attempt at an account or a trunk.
    pub(in crate::call) fn note_of(&mut self, peer: &str, cause: Cause) {
        self.keep_best(Best { cause, peer: Some(peer.to_owned()) });
    }

    fn keep_best(&mut self, new: Best) {
        let better = match &self.best {
            None => true,
            // Of several who might have answered one was busy, or declined, and another one's telephone rang out: nobody answers.
            Some(best) if best.peer != new.peer && speaks_for_itself(&best.cause) && rang_out(&new.cause) => true,
            Some(best) if best.peer != new.peer && rang_out(&best.cause) && speaks_for_itself(&new.cause) => false,
            Some(best) => rank(&new.cause) < rank(&best.cause),
        };
        if better {
            self.best = Some(new);
        }
    }
}

/// The order of causes, the most telling first, in the sense of RFC 3261 §16.7: 6xx before all, then what a person did,
/// then what the network could not.
fn rank(cause: &Cause) -> u8 {
    match cause.kind {
        _ if is_global(cause) => 0,
        // Where it led to tells more.
        _ if cause.code.is_some_and(|code| (300..400).contains(&code)) => 12,
        CauseKind::Busy => 1,
        CauseKind::Declined => 2,
        CauseKind::NoAnswer => 3,
        CauseKind::Forbidden => 4,
        CauseKind::IncompatibleMedia => 5,
        CauseKind::UnknownNumber => 6,
        CauseKind::Congestion => 7,
        CauseKind::PeerFailure | CauseKind::PeerMisbehaved => 8,
        CauseKind::Timeout => 9,
        CauseKind::Unreachable => 10,
        _ => 11,
    }
}

/// Whether somebody's telephone rang for as long as it was to.
fn rang_out(cause: &Cause) -> bool {
    cause.kind == CauseKind::NoAnswer
}

/// Whether it is what one person did.
fn speaks_for_itself(cause: &Cause) -> bool {
    matches!(cause.kind, CauseKind::Busy | CauseKind::Declined) || is_global(cause)
}

/// Whether a peer spoke for all places where its user can be reached (RFC 3261 §21.6).
pub(in crate::call) fn is_global(cause: &Cause) -> bool {
    cause.code.is_some_and(|code| (600..700).contains(&code))
}

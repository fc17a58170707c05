//! CANCEL of a re-INVITE (RFC 3261 §9.2): the offer is taken back, the session goes on. That of the first INVITE ends its leg,
//! see `invite_server`; our own is the transaction layer's.

use super::leg::Head;
use super::means::Means;
use super::session::Session;
use crate::message::StatusCode;
use crate::transaction::ServerKey;
use router::parameter::CauseKind;

impl Session {
    /// The peer cancels its re-INVITE.
    pub(super) fn offer_cancelled(&mut self, head: &mut Head, means: &mut Means, key: ServerKey) {
        if self.theirs.as_ref().is_some_and(|theirs| theirs.inbound.key == key)
            && let Some(theirs) = self.theirs.take()
        {
            means.servers.remove(&key);
            self.media.roll_back();
            let inbound = &theirs.inbound;
            means.refuse(key, &inbound.message, &inbound.flow, StatusCode::REQUEST_TERMINATED);
            // The switch may have answered it, and told the other leg.
            if theirs.asked {
                head.tell_withdrawn(means, CauseKind::Cancelled.into(), 1);
            }
            self.offer_later(head, means);
        }
    }
}

//! CANCEL of a re-INVITE (RFC 3261 §9.2): the offer is taken back, the session goes on. That of the first INVITE ends its leg,
//! see `invite_server`.

use super::in_dialog::Aim;
use super::leg::{Head, Timer};
use super::means::Means;
use super::session::Session;
use crate::message::StatusCode;
use crate::transaction::ServerKey;
use router::Asked;
use router::parameter::{CauseKind, Failure};

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

    /// The switch takes its offer back: the one that waits is not made, an INVITE that carries one is cancelled (RFC 3261 §9.1). What comes of
    /// it the offer's own answer tells.
    pub(super) fn take_offer_back(&mut self, head: &mut Head, means: &mut Means, asked: Asked) {
        if let Some(ours) = self.waiting.take() {
            head.cancel_timer(means, Timer::Glare);
            ours.asked.failed(&mut means.outbox, Failure::because(CauseKind::Cancelled.into()));
        } else if self.requester.waiting().any(|sent| matches!(sent.aim, Aim::Offer(_))) {
            self.requester.cancel_invite(means);
        }
        means.done(asked);
    }
}

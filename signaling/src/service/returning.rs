//! Calls of ours that come back to us.
//!
//! A B2BUA strips the Via of its callers, so that Max-Forwards alone ends a circle (RFC 3261 §8.1.1.6), seventy calls long. The last of our
//! own requests is to be seen all the same by who keeps Via: a proxy, or nobody between (RFC 5393 §4.2 finds loops so). Nobody
//! guesses its branch, and it waits for its answer as long as what it led to is under way.

use super::Signaling;
use crate::limits::RETURN_DIVISOR;
use crate::message::{Header, Message, StatusCode, Via};
use crate::user_agent::invite_server::Invitation;

/// How it came back.
enum Return {
    /// Nobody was between: who was called is this very server.
    Straight,
    /// By a proxy, which may have sent it to another number of ours (a spiral, RFC 3261 §6): a carrier does so with the number of a
    /// neighbour.
    Around,
}

impl Signaling {
    /// Lets a call go on, unless it goes in a circle: a straight one ends here, one by a proxy soon.
    pub(super) fn goes_on(&mut self, mut invitation: Invitation) -> Option<Invitation> {
        match self.returned(&invitation.message) {
            None => {}
            Some(Return::Around) => invitation.hops /= RETURN_DIVISOR,
            Some(Return::Straight) => {
                self.means.counters.loops += 1;
                let words = "The Server That Is Called Is the One That Calls";
                invitation.tell_refused(&mut self.means, StatusCode::LOOP_DETECTED, words);
                let Invitation { key, message, flow, .. } = &invitation;
                self.means.refuse_because(*key, message, flow, StatusCode::LOOP_DETECTED, words);
                return None;
            }
        }
        Some(invitation)
    }

    fn returned(&self, invite: &Message) -> Option<Return> {
        let is_ours = |via: Via<'_>| via.branch().is_some_and(|branch| self.means.transactions.has_sent(branch));
        if invite.via().is_ok_and(is_ours) {
            return Some(Return::Straight);
        }
        let mut beneath = invite.values(Header::Via).skip(1).filter_map(Via::parse);
        beneath.any(is_ours).then_some(Return::Around)
    }
}

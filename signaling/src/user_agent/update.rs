//! UPDATE (RFC 3311).

use super::body::sdp_of;
use super::leg::{Head, Inbound};
use super::means::Means;
use super::options::{ALLOW, SUPPORTED_IN_CALLS};
use super::reinvite::refuse_pending;
use super::session::Session;
use super::session_timer::Granted;
use crate::message::{Header, StatusCode};

impl Session {
    /// An UPDATE: with an offer it is as a re-INVITE, without one it refreshes the target.
    pub(super) fn handle_update(&mut self, head: &mut Head, means: &mut Means, inbound: Inbound) {
        if sdp_of(&inbound.message).is_none() {
            if self.refuse_too_small(head, means, &inbound) {
                return;
            }
            self.resolve_next_hop(head, means);
            let granted = self.timer.grant(&head.policy(means), &inbound.message, means.now.instant);
            accept_refresh(means, &inbound, self.requester.dialog.contact(), granted);
            return self.follow_interval(head, means);
        }
        // RFC 3311 §5.2.
        if self.theirs.is_some() {
            return refuse_pending(means, &inbound);
        }
        let answer_pending = self.awaiting_ack.as_ref().is_some_and(|awaiting| awaiting.offered);
        if answer_pending || self.unacknowledged.is_some() {
            means.counters.glares += 1;
            return means.refuse(inbound.key, &inbound.message, &inbound.flow, StatusCode::REQUEST_PENDING);
        }
        self.consider(head, means, inbound);
    }
}

/// An UPDATE without an offer: the target, and in a session the interval, begin anew.
pub(super) fn accept_refresh(means: &mut Means, inbound: &Inbound, contact: &str, granted: Option<Granted>) {
    let Inbound { key, message, flow } = inbound;
    let tag = means.mint_tag();
    let writer = means
        .response(message, flow, StatusCode::OK, &tag)
        .header(Header::Contact, contact)
        .header(Header::Allow, ALLOW)
        .header(Header::Supported, SUPPORTED_IN_CALLS);
    let response = Granted::write(granted, writer).finish();
    means.respond(*key, response);
}

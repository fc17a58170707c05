//! The end of a session (RFC 3261 §15).

use super::cause;
use super::in_dialog::{Aim, Request};
use super::leg::{Head, Inbound, Timer};
use super::means::Means;
use super::session::{Session, Standing};
use crate::message::{Header, Method, StatusCode};
use router::parameter::{Cause, CauseKind, Failure, Reason};

impl Session {
    /// The peer hangs up; or its BYE crosses ours.
    pub(super) fn handle_bye(&mut self, head: &mut Head, means: &mut Means, inbound: &Inbound) {
        let Inbound { key, message, flow } = inbound;
        means.refuse(*key, message, flow, StatusCode::OK);
        let cause = cause::of_request(message, CauseKind::Normal);
        match self.standing {
            Standing::Up => self.leave(head, means, Some(cause)),
            Standing::Stopping(_) => self.leave(head, means, None),
            Standing::Left => {}
        }
    }

    /// `Stop`: BYE as soon as it may be sent.
    pub(super) fn hang_up(&mut self, head: &mut Head, means: &mut Means, cause: Cause) {
        if self.standing != Standing::Up {
            return;
        }
        self.standing = Standing::Stopping(cause);
        self.refuse_unacknowledged(means);
        self.abandon(head, means);
        self.go_on(head, means);
        if matches!(self.standing, Standing::Stopping(_)) {
            // What is waited for ends by itself: a transaction, and one more where it was challenged.
            head.set_timer(means, Timer::Leave, means.config.timers.transaction() * 3);
        }
    }

    /// The ACK answers the offer of the 2xx, even if BYE follows at once (RFC 3261 §13.2.2.4), or has come: a peer that hears none goes on repeating it.
    fn refuse_unacknowledged(&mut self, means: &mut Means) {
        if let Some(unacknowledged) = self.unacknowledged.take() {
            let refusal = self.media.refuse_offer().ok();
            self.acknowledge_first(means, &unacknowledged, refusal.as_ref());
        }
    }

    /// The session cannot go on: BYE, and the switch is told.
    pub(super) fn fail(&mut self, head: &mut Head, means: &mut Means, cause: Cause) {
        if self.standing == Standing::Up {
            head.tell_stopped(means, cause.clone());
            self.hang_up(head, means, cause);
        }
    }

    /// BYE, once nothing stands in its way.
    pub(super) fn go_on(&mut self, head: &mut Head, means: &mut Means) {
        let notifies = self.requester.waiting().any(|sent| matches!(sent.aim, Aim::Notify { .. }));
        if matches!(self.standing, Standing::Stopping(_)) && self.awaiting_ack.is_none() && !notifies {
            self.leave_by_bye(head, means);
        }
    }

    /// BYE, whatever stands in its way.
    pub(super) fn leave_at_last(&mut self, head: &mut Head, means: &mut Means) {
        if matches!(self.standing, Standing::Stopping(_)) {
            tracing::debug!(leg = %head.instance, "BYE has waited long enough");
            self.awaiting_ack = None;
            self.leave_by_bye(head, means);
        }
    }

    /// Sends BYE.
    pub(super) fn leave_by_bye(&mut self, head: &mut Head, means: &mut Means) {
        let Standing::Stopping(cause) = std::mem::replace(&mut self.standing, Standing::Left) else { return };
        self.abandon(head, means);
        self.referral = None;
        let mut request = Request::new(Method::Bye);
        if let Some(reason) = cause::reason_header(&cause, head.tells_words(means)) {
            request = request.with(Header::Reason.as_str(), reason);
        }
        // Not sent: the peer is not reached any more, and finds out by itself.
        if self.requester.send(means, head, request, Aim::Bye).is_err() {
            tracing::debug!(leg = %head.instance, "BYE was not sent");
        }
    }

    /// The session is over without a BYE of ours; `tell`: the switch is told why. A transfer under way goes on being
    /// told of: its subscription outlives the session (RFC 5057 §3.2, RFC 5589 §6.1).
    pub(super) fn leave(&mut self, head: &mut Head, means: &mut Means, tell: Option<Cause>) {
        self.standing = Standing::Left;
        self.awaiting_ack = None;
        self.refuse_unacknowledged(means);
        self.abandon(head, means);
        if let Some(cause) = tell {
            head.tell_stopped(means, cause);
        }
    }

    /// What waits is not waited for any longer.
    fn abandon(&mut self, head: &mut Head, means: &mut Means) {
        if self.awaiting_ack.is_none() {
            head.cancel_timer(means, Timer::Repeat);
        }
        head.cancel_timer(means, Timer::Glare);
        head.cancel_timer(means, Timer::Abandon);
        head.cancel_timer(means, Timer::Session);
        head.cancel_timer(means, Timer::Leave);
        head.cancel_timer(means, Timer::Introduce);
        let gone = || Failure::new(Reason::NotFound).with_detail("the leg has ended");
        if let Some(offer) = self.waiting.take() {
            offer.asked.failed(&mut means.outbox, gone());
        }
        for aim in self.requester.abandon(means) {
            let asked = match aim {
                Aim::Offer(offer) => offer.asked,
                Aim::Inform { asked, .. } | Aim::Supervise { asked } => asked,
                Aim::Refresh { .. } | Aim::Introduce | Aim::Prack | Aim::Notify { .. } | Aim::Bye => continue,
            };
            asked.failed(&mut means.outbox, gone());
        }
        if let Some(theirs) = self.theirs.take() {
            let Inbound { key, message, flow } = &theirs.inbound;
            means.servers.remove(key);
            // RFC 3261 §15.1.2: what is pending is answered all the same.
            means.refuse(*key, message, flow, StatusCode::REQUEST_TERMINATED);
        }
        for Inbound { key, message, flow } in head.take_informs() {
            means.refuse(key, &message, &flow, StatusCode::REQUEST_TERMINATED);
        }
    }
}

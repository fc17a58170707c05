//! Session refreshes (RFC 4028 §7.4, §9, §10): ours go by UPDATE without a description where the peer takes that, else by an INVITE
//! that says what we said last; the peer's restart the interval whatever else they bring.

use super::ack::acknowledge;
use super::body::{SDP, sdp_of};
use super::glare;
use super::in_dialog::{Aim, Request, Sent};
use super::leg::{Head, Inbound, Purpose, Timer};
use super::means::Means;
use super::session::{LEG_WITHIN, Session, Standing};
use super::session_timer::{Refresher, least_of, too_small};
use super::trickle::RECV_INFO;
use crate::limits::REFRESH_AGAIN;
use crate::message::{Header, Message, Method, StatusCode};
use crate::sdp::{AnswerKind, TRICKLE_PACKAGE};
use crate::transaction::ClientKey;
use router::parameter::{Cause, CauseKind, MediaDescription, MediaExchange};
use router::{Command, Packet, one};

impl Session {
    /// The interval began anew, or there is none any more.
    pub(super) fn follow_interval(&mut self, head: &mut Head, means: &mut Means) {
        match self.timer.interval().filter(|_| self.standing == Standing::Up) {
            Some(interval) => head.set_timer(means, Timer::Session, interval.due_after()),
            None => head.cancel_timer(means, Timer::Session),
        }
    }

    /// The session is to be refreshed, or should have been.
    pub(super) fn interval_due(&mut self, head: &mut Head, means: &mut Means) {
        let Some(interval) = self.timer.interval().filter(|_| self.standing == Standing::Up) else { return };
        // What the peer asked for and waits to be answered refreshes it too.
        if self.theirs.is_some() {
            return head.set_timer(means, Timer::Session, REFRESH_AGAIN);
        }
        match interval.refresher {
            Refresher::Us if means.now.instant < interval.expires => self.refresh(head, means),
            Refresher::Us | Refresher::Peer => {
                means.counters.sessions_expired += 1;
                let text = Some("the session was not refreshed".to_owned());
                self.fail(head, means, Cause { text, ..Cause::new(CauseKind::Timeout) });
            }
        }
    }

    /// Adds what a request of ours says of the session timer, and of who is at the other end.
    pub(super) fn timed(&self, head: &Head, means: &Means, request: Request) -> Request {
        let request = self.told_other_end(head, means, request);
        // RFC 6086 §5.2.1: each says it anew.
        let request = match self.media.takes_candidates() {
            true => request.with(RECV_INFO, TRICKLE_PACKAGE).with(Header::Supported.as_str(), TRICKLE_PACKAGE),
            false => request,
        };
        let Some((expires, least)) = self.timer.request(&head.policy(means)) else { return request };
        let request = request.with(Header::SessionExpires.as_str(), expires);
        match least {
            Some(least) => request.with(Header::MinSe.as_str(), least.to_string()),
            None => request,
        }
    }

    fn refresh(&mut self, head: &mut Head, means: &mut Means) {
        let asks = |sent: &Sent| matches!(sent.aim, Aim::Offer(_) | Aim::Refresh { .. });
        let busy = self.waiting.is_some()
            || self.unacknowledged.is_some()
            || self.awaiting_ack.is_some()
            || self.requester.waiting().any(asks);
        if busy {
            // What is under way refreshes it; if not, then later.
            return self.refresh_later(head, means, None);
        }
        let by_update = self.requester.dialog.allows_update() && !self.refreshes_by_invite;
        let offer = if by_update { None } else { self.media.repeat_offer().ok() };
        let (request, by_invite) = match offer {
            Some(text) => (Request::new(Method::Invite).with_body(SDP, text), true),
            None => (Request::new(Method::Update), false),
        };
        let request = self.timed(head, means, request);
        match self.requester.send(means, head, request, Aim::Refresh { by_invite }) {
            Ok(()) => {
                means.counters.session_refreshes += 1;
                if by_invite {
                    head.set_timer(means, Timer::Abandon, means.config.timers.transaction());
                }
                self.wait_for_expiry(head, means);
            }
            Err(_) => {
                if by_invite {
                    self.media.roll_back();
                }
                self.refresh_later(head, means, None);
            }
        }
    }

    /// Offers what the call has found out that we have: its answer is told as that of a refresh.
    pub(super) fn refresh_with(&mut self, head: &mut Head, means: &mut Means, description: &MediaDescription) {
        let Ok(text) = self.media.make_offer(description) else { return };
        let request = self.timed(head, means, Request::new(Method::Invite).with_body(SDP, text));
        match self.requester.send(means, head, request, Aim::Refresh { by_invite: true }) {
            Ok(()) => head.set_timer(means, Timer::Abandon, means.config.timers.transaction()),
            Err(_) => {
                self.media.roll_back();
            }
        }
    }

    /// Nothing is to be done before the session is over.
    fn wait_for_expiry(&mut self, head: &mut Head, means: &mut Means) {
        if let Some(interval) = self.timer.interval() {
            head.set_timer(means, Timer::Session, interval.expires.since(means.now.instant));
        }
    }

    /// Refreshes it later, in the time that is left: after `pause`, or half of that.
    fn refresh_later(&mut self, head: &mut Head, means: &mut Means, pause: Option<router::time::Duration>) {
        let Some(interval) = self.timer.interval() else { return };
        let left = interval.expires.since(means.now.instant);
        let pause = pause.unwrap_or((left / 2).max(REFRESH_AGAIN));
        head.set_timer(means, Timer::Session, pause.min(left));
    }

    /// The peer accepted a refresh of ours.
    pub(super) fn refreshed(
        &mut self,
        head: &mut Head,
        means: &mut Means,
        key: ClientKey,
        by_invite: bool,
        message: &Message,
    ) {
        self.requester.dialog.refresh(message);
        self.resolve_next_hop(head, means);
        self.timer.accepted(message, means.now.instant);
        self.follow_interval(head, means);
        if !by_invite {
            return;
        }
        head.cancel_timer(means, Timer::Abandon);
        let cseq = message.cseq().map_or(0, |cseq| cseq.number);
        acknowledge(means, &self.requester.dialog, key, cseq, None);
        let before = self.media.agreement().map(|agreement| agreement.remote().clone());
        let answered = sdp_of(message).map(|text| self.media.receive_answer(&text, AnswerKind::Final));
        if !matches!(answered, Some(Ok(_))) {
            tracing::debug!(leg = %head.instance, ?answered, "the answer to a refresh does not fit it");
            self.media.roll_back();
        }
        let now = self.media.agreement().map(|agreement| agreement.remote());
        if now != before.as_ref() || self.untold {
            self.untold = false;
            let media = now.cloned().map(MediaExchange::Offer);
            let state = self.described(media);
            // To the call it is as if the peer had offered that: the other leg may have to follow.
            head.request(means, Command::Set, one(state), LEG_WITHIN, Purpose::Refreshed);
        }
        self.offer_waiting(head, means);
    }

    /// The call took what the answer to a refresh has changed, or did not: it is told again with the next one.
    pub(super) fn refresh_told(&mut self, packet: &Packet) {
        self.untold |= packet.command == Command::Failed;
    }

    /// The peer did not take a refresh of ours: another one follows while there is time.
    pub(super) fn refresh_refused(&mut self, head: &mut Head, means: &mut Means, by_invite: bool, cause: &Cause) {
        if by_invite {
            head.cancel_timer(means, Timer::Abandon);
            self.media.roll_back();
        }
        if self.standing != Standing::Up {
            return;
        }
        let glare = cause.code == Some(StatusCode::REQUEST_PENDING.code());
        let pause = if glare {
            means.counters.glares += 1;
            Some(glare::pause(&mut means.random, !head.incoming))
        } else if !by_invite && !matches!(cause.code, Some(500 | 503) | None) && !self.refreshes_by_invite {
            // It said that it takes UPDATE, and does not take this one.
            self.refreshes_by_invite = true;
            Some(router::time::Duration::ZERO)
        } else {
            None
        };
        self.refresh_later(head, means, pause);
        if by_invite {
            self.offer_later(head, means);
        }
    }

    /// A 422 to a request of ours: it is made again with the interval that the peer, or a proxy, asks for (RFC 4028 §7.2). What
    /// comes back is to be treated like any other refusal.
    pub(super) fn ask_for_longer(
        &mut self,
        head: &mut Head,
        means: &mut Means,
        sent: Sent,
        message: &Message,
    ) -> Option<Sent> {
        let again = matches!(sent.aim, Aim::Offer(_) | Aim::Refresh { .. }) && self.timer.raise(least_of(message));
        if !again || self.standing != Standing::Up {
            return Some(sent);
        }
        head.cancel_timer(means, Timer::Abandon);
        match sent.aim {
            Aim::Offer(offer) => {
                self.media.roll_back();
                self.offer(head, means, offer);
            }
            Aim::Refresh { by_invite } => {
                if by_invite {
                    self.media.roll_back();
                }
                self.refresh(head, means);
            }
            Aim::Introduce
            | Aim::Prack
            | Aim::Inform { .. }
            | Aim::Supervise { .. }
            | Aim::Notify { .. }
            | Aim::Bye => {}
        }
        None
    }

    /// Refuses a request of the peer's that asks for too short an interval. False: it does not.
    pub(super) fn refuse_too_small(&self, head: &Head, means: &mut Means, inbound: &Inbound) -> bool {
        refuse_too_small(means, &head.policy(means), inbound)
    }
}

/// Refuses a request that asks for too short an interval: 422, with what would be taken. False: it does not.
pub(super) fn refuse_too_small(means: &mut Means, policy: &crate::policy::CallPolicy, inbound: &Inbound) -> bool {
    let Inbound { key, message, flow } = inbound;
    let Some(least) = too_small(policy, message) else { return false };
    let tag = means.mint_tag();
    let response = means
        .response(message, flow, StatusCode::SESSION_INTERVAL_TOO_SMALL, &tag)
        .header(Header::MinSe, least)
        .finish();
    means.respond(*key, response);
    true
}

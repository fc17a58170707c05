//! What comes of the INVITE: how far it is, a session, a refusal, nothing.

use super::{Attempt, Outgoing};
use crate::dialog::Dialog;
use crate::limits::AVOIDED_FOR;
use crate::message::{Message, Method, StatusCode};
use crate::policy::Reliability;
use crate::sdp::{Agreement, AnswerKind, OfferAnswer, OfferAnswerError, OfferAnswerState, Role};
use crate::transaction::ClientKey;
use crate::transport::Flow;
use crate::user_agent::ack::acknowledge;
use crate::user_agent::body::sdp_of;
use crate::user_agent::credentials;
use crate::user_agent::fork::{Taken, Told};
use crate::user_agent::in_dialog::Requester;
use crate::user_agent::invite_server::{RELIABLE, answer_of};
use crate::user_agent::leg::{Head, State, Timer};
use crate::user_agent::means::Means;
use crate::user_agent::redirect::Redirection;
use crate::user_agent::session::{Session, Unacknowledged};
use crate::user_agent::session_timer::least_of;
use crate::user_agent::{cause, remote_party};
use router::one;
use router::parameter::{Cause, CauseKind, Failure, LegPhase, LegState, LegTags, MediaExchange};
use std::net::IpAddr;

impl Outgoing {
    /// A response to the INVITE.
    pub(in crate::user_agent) fn handle_response(
        mut self: Box<Self>,
        head: &mut Head,
        means: &mut Means,
        key: ClientKey,
        message: Message,
        flow: Flow,
    ) -> State {
        let current = self.attempt.as_ref().is_some_and(|attempt| attempt.key == key);
        let (Some(status), true) = (message.status(), current) else {
            if !self.prack_answered(head, means, key, &message) && message.status().is_some_and(StatusCode::is_success)
            {
                crate::user_agent::ack::hang_up_stray(means, key, &message, &flow, head.reach());
            }
            return State::Outgoing(self);
        };
        self.heard = true;
        if let (true, Some(attempt)) = (self.several, &self.attempt) {
            means.avoided.clear(attempt.destination.remote);
        }
        match status.class() {
            1 => {
                self.provisional(head, means, status, &message, &flow);
                State::Outgoing(self)
            }
            2 => self.accepted(head, means, &message, &flow),
            _ => self.refused(head, means, status, &message),
        }
    }

    fn provisional(&mut self, head: &Head, means: &mut Means, status: StatusCode, message: &Message, flow: &Flow) {
        if status == StatusCode::TRYING {
            return;
        }
        let Some(attempt) = &self.attempt else { return };
        self.host = Some(flow.remote.ip().to_canonical());
        let reliable = head.policy(means).reliable != Reliability::Never
            && message.require().any(|option| option.eq_ignore_ascii_case(RELIABLE));
        let rseq = if reliable { message.rseq().ok().flatten() } else { None };
        let told = self.forks.provisional(&attempt.media, message, rseq, head.is_trusted(means));
        let tag = message.to_tag();
        if rseq.is_some() && !matches!(told, Told::Nothing) {
            self.enter_early(head, means, message, flow);
        }
        let (media, offers) = match (told, rseq) {
            (Told::Nothing, _) => return,
            (Told::Offer(offer), Some(rseq)) => {
                self.offered_early(tag, rseq);
                (Some(offer), true)
            }
            (Told::Beside, Some(rseq)) => {
                self.offered_beside(head, means, tag, rseq);
                (None, false)
            }
            (Told::Refused(answer), Some(rseq)) => {
                self.prack(head, means, tag.as_ref(), rseq, Some(answer));
                (None, false)
            }
            (Told::Heard(media), Some(rseq)) => {
                self.prack(head, means, tag.as_ref(), rseq, None);
                (media, false)
            }
            (Told::Heard(media), None) => (media, false),
            // Who wants no acknowledgement makes no offer.
            (Told::Offer(_) | Told::Beside | Told::Refused(_), None) => (None, false),
        };
        if self.stopped {
            return;
        }
        let heard = match (status, &media) {
            (StatusCode::RINGING, _) => (LegPhase::Ringing, None),
            // An offer is progress, whatever else it says: it may be the first that is heard of the callee.
            (_, Some(_)) if offers && self.phase == LegPhase::Trying => {
                (self.phase, Some(StatusCode::SESSION_PROGRESS))
            }
            (_, Some(_)) if offers => (self.phase, self.said),
            (_, Some(_)) if !self.forks.is_anybody_heard() => (LegPhase::Ringing, None),
            (_, Some(_)) => (LegPhase::Early, None),
            // Another fork may go on (RFC 6228): the final response says what came of it.
            (StatusCode::EARLY_DIALOG_TERMINATED, None) => return,
            (StatusCode::CALL_IS_BEING_FORWARDED | StatusCode::QUEUED, None) => (self.phase, Some(status)),
            // RFC 3261 §8.1.3.2: what is not known is as 183; and that is what early media are told by.
            _ if self.phase == LegPhase::Early => (LegPhase::Early, None),
            _ => (self.phase, Some(StatusCode::SESSION_PROGRESS)),
        };
        let changed = heard != (self.phase, self.said);
        (self.phase, self.said) = heard;
        if changed || media.is_some() {
            let party = remote_party::answered_at(means, head, message);
            let to = message.to().ok();
            self.tell(head, means, media, party, to.as_ref().and_then(|to| to.tag()));
        }
    }

    /// The first 2xx makes the session; those of other forks are hung up.
    fn accepted(mut self: Box<Self>, head: &mut Head, means: &mut Means, message: &Message, flow: &Flow) -> State {
        let Some(attempt) = self.attempt.take() else { return State::Over };
        head.cancel_timer(means, Timer::Abandon);
        head.cancel_timer(means, Timer::Response);
        let Attempt { key, contact, media: offered, destination, .. } = attempt;
        if let Some(trunk) = head.trunk() {
            means.trunks.get_mut(trunk).status.answered += 1;
        }
        let tag = message.to_tag();
        let dialog = Dialog::of_response(message, head.tag.clone(), self.cseq, flow, head.reach(), &contact);
        let Ok(mut dialog) = dialog else {
            return self.fail(head, means, CauseKind::PeerMisbehaved.into());
        };
        dialog.was_reached_at(destination.remote);
        self.forget_early_offer(means);
        // Whom a response that came before did not name, or another one too.
        let tags = tag
            .as_ref()
            .filter(|tag| !self.forks.is_only(tag))
            .map(|tag| LegTags { local: head.tag.as_str().into(), remote: tag.as_str().into() });
        let Taken { mut media, remote_cseq, requester: early, beside } = self.forks.take(tag.as_ref(), &offered);
        dialog.resume(remote_cseq);
        // Where it was answered beside the call, that one knows another fork's offer.
        let untold = beside.as_ref().and(media.agreement()).map(|agreement| agreement.remote().clone());
        let answer = match untold {
            Some(offer) => Ok(Some(MediaExchange::Offer(offer))),
            None => negotiate(&mut media, message),
        };
        let Self { asked, answered, stopped, cseq, timer, interface, whither, account, contacts, .. } = *self;
        let requester = match early {
            // It goes on with the numbers of its requests.
            Some(early) => early.confirmed(message, &dialog, remote_cseq),
            None => Requester::new(dialog, answered),
        };
        let mut session = Session::new(requester, media);
        whither.place_own_target(means, &mut session.requester.dialog, account.as_deref(), contacts.as_deref());
        session.resolve_next_hop(head, means);
        session.timer = timer;
        session.timer.accepted(message, means.now.instant);
        session.follow_interval(head, means);
        session.beside = beside;
        let wants_answer = session.beside.is_none() && matches!(answer, Ok(Some(MediaExchange::Offer(_))));
        if wants_answer {
            session.unacknowledged = Some(Unacknowledged { key, cseq });
        } else {
            // RFC 3264 §4: an offer that cannot be served is answered too, by refusing each of its streams.
            let refusal = match (session.media.state(), sdp_of(message)) {
                (OfferAnswerState::Idle, Some(offer)) => session.media.refuse(&offer).ok(),
                _ => None,
            };
            acknowledge(means, &session.requester.dialog, key, cseq, refusal.as_ref());
        }
        match answer {
            Ok(media) if !stopped => {
                let state = LegState {
                    media,
                    party: remote_party::answered_at(means, head, message),
                    leg_id: Some(head.call_id.as_str().to_owned()),
                    interface,
                    tags,
                    host: Some(flow.remote.ip().to_canonical()),
                    ..LegState::new(LegPhase::Answered)
                };
                tracing::debug!(leg = %head.instance, "leg answered by its peer");
                asked.done(&mut means.outbox, one(state));
            }
            // The 200 crossed our CANCEL.
            Ok(_) => {
                asked.failed(&mut means.outbox, Failure::because(CauseKind::Cancelled.into()));
                session.hang_up(head, means, CauseKind::Normal.into());
            }
            Err(error) => {
                tracing::debug!(leg = %head.instance, %error, "an answer that does not fit the offer");
                let cause = Cause::new(match error {
                    OfferAnswerError::NotAcceptable(_) => CauseKind::IncompatibleMedia,
                    _ => CauseKind::PeerMisbehaved,
                });
                asked.failed(&mut means.outbox, Failure::because(cause.clone()));
                session.hang_up(head, means, cause);
            }
        }
        State::Session(Box::new(session))
    }

    fn refused(
        mut self: Box<Self>,
        head: &mut Head,
        means: &mut Means,
        status: StatusCode,
        message: &Message,
    ) -> State {
        let cause = cause::of_response(message, status);
        // RFC 3261 §20.33.
        let says_when = matches!(status.code(), 404 | 413 | 480 | 486 | 500 | 503 | 600 | 603);
        self.retry_after = message.retry_after().filter(|_| says_when);
        if self.stopped {
            return self.fail(head, means, cause);
        }
        if let (Some(attempt), 401 | 407) = (&self.attempt, status.code()) {
            let destination = attempt.destination;
            let (uri, _) = self.whither.routes.apply(self.whither.request_uri.as_str());
            let (trunk, former, answered) = (head.trunk(), self.authorization.take(), &mut self.answered);
            let answer = credentials::answer(means, trunk, former, answered, message, &Method::Invite, uri);
            if answer.is_some() {
                self.authorization = answer;
                self.forks.clear();
                return match self.invite(head, means, destination) {
                    true => State::Outgoing(self),
                    false => self.fail(head, means, cause),
                };
            }
        }
        // RFC 4028 §7.2: the same again, with the interval that is asked for.
        if let (Some(attempt), StatusCode::SESSION_INTERVAL_TOO_SMALL) = (&self.attempt, status)
            && self.timer.raise(least_of(message))
        {
            let destination = attempt.destination;
            self.forks.clear();
            return match self.invite(head, means, destination) {
                true => State::Outgoing(self),
                false => self.fail(head, means, cause),
            };
        }
        if self.may_take_another_offer(status) {
            return self.ask_another_offer(head, means, cause);
        }
        // RFC 5626 §7: by these a proxy tells that a flow has failed, and what else a phone says is its last word.
        if !matches!(status.code(), 408 | 430) {
            self.whither.others.clear();
        } else if !self.whither.others.is_empty() {
            return self.try_next(head, means, cause);
        }
        // RFC 3263 §4.3: another address of the same name may do better.
        if status == StatusCode::SERVICE_UNAVAILABLE {
            if let Some(attempt) = &self.attempt {
                self.avoid(means, attempt.destination.remote, message.retry_after().unwrap_or(AVOIDED_FOR));
            }
            return self.try_next(head, means, cause);
        }
        let redirection = Redirection::of(means, head, message, status);
        self.fail_with(head, means, cause, redirection)
    }

    /// Nobody answered the INVITE, or it did not leave.
    pub(in crate::user_agent) fn unanswered(
        mut self: Box<Self>,
        head: &mut Head,
        means: &mut Means,
        key: ClientKey,
        kind: CauseKind,
    ) -> State {
        if self.attempt.as_ref().is_none_or(|attempt| attempt.key != key) {
            // A PRACK: if it matters, the callee gives up (RFC 3262 §3).
            self.forks.take_sent(key, true);
            return State::Outgoing(self);
        }
        if self.stopped {
            return self.fail(head, means, kind.into());
        }
        if let Some(attempt) = &self.attempt {
            self.avoid(means, attempt.destination.remote, AVOIDED_FOR);
        }
        self.retry_after = None;
        self.try_next(head, means, kind.into())
    }

    /// It has come to nothing.
    pub(super) fn fail(self: Box<Self>, head: &mut Head, means: &mut Means, cause: Cause) -> State {
        self.fail_with(head, means, cause, Redirection::default())
    }

    /// Nothing is sent: the trunk's host is reached from that address of ours, where a port is to be offered.
    pub(super) fn fail_at(mut self: Box<Self>, head: &mut Head, means: &mut Means, interface: IpAddr) -> State {
        self.forget_early_offer(means);
        tracing::debug!(leg = %head.instance, "a leg to a host of another family than its offer");
        if let Some(trunk) = head.trunk() {
            // It will be, by the leg that comes instead.
            let status = &mut means.trunks.get_mut(trunk).status;
            status.offered = status.offered.saturating_sub(1);
        }
        let failure = Failure { interface: Some(interface), ..Failure::because(CauseKind::PeerFailure.into()) };
        self.asked.failed(&mut means.outbox, failure);
        State::Over
    }

    /// The same, and where the callee may be found instead.
    fn fail_with(
        mut self: Box<Self>,
        head: &mut Head,
        means: &mut Means,
        cause: Cause,
        redirection: Redirection,
    ) -> State {
        self.forget_early_offer(means);
        if let Some(trunk) = head.trunk()
            && !self.stopped
            && counts_as_failure(&cause)
        {
            let words = cause.text.as_deref().unwrap_or(cause.kind.name());
            let failure = match cause.code {
                Some(code) => format!("{code} {words}"),
                None => words.to_owned(),
            };
            let trunk = means.trunks.get_mut(trunk);
            if matches!(cause.code, Some(401 | 407)) && trunk.status.last_failure.as_ref() != Some(&failure) {
                tracing::warn!(trunk = trunk.config.name, failure, "the trunk wants credentials that are not ours");
            }
            trunk.status.failed += 1;
            trunk.status.last_failure = Some(failure);
        }
        tracing::debug!(leg = %head.instance, cause = cause.kind.name(), code = cause.code, "leg refused");
        let retry_after_s = self.retry_after.and_then(|after| u32::try_from(after.as_secs()).ok());
        let Redirection { contacts, cause: diversion, private: diversion_private } = redirection;
        let failure = Failure { contacts, diversion, diversion_private, retry_after_s, ..Failure::because(cause) };
        self.asked.failed(&mut means.outbox, failure);
        State::Over
    }
}

/// Whether a trunk itself failed: no answer at all, 5xx, or a challenge that our credentials do not answer.
fn counts_as_failure(cause: &Cause) -> bool {
    match cause.code {
        Some(code) => (500..600).contains(&code) || matches!(code, 401 | 407),
        None => matches!(cause.kind, CauseKind::Timeout | CauseKind::Unreachable | CauseKind::PeerFailure),
    }
}

/// What a 2xx says of the media: the answer to our offer, or where we made none the peer's. `None`: all was said before, by an offer in
/// a provisional response and its answer in our PRACK.
fn negotiate(media: &mut OfferAnswer, message: &Message) -> Result<Option<MediaExchange>, OfferAnswerError> {
    let text = sdp_of(message);
    let answered = |media: &OfferAnswer| answer_of(media).map(Some).ok_or(OfferAnswerError::AnswerMissing);
    match (media.state(), text) {
        (OfferAnswerState::Idle, Some(text)) => {
            media.receive_offer(&text).map(|offered| Some(MediaExchange::Offer(offered.description)))
        }
        (OfferAnswerState::Idle, None) => Err(OfferAnswerError::AnswerMissing),
        // An offer of a provisional response, whose answer has not gone out: it goes in the ACK.
        (OfferAnswerState::RemoteOfferPending, _) => Ok(media.remote_offer().cloned().map(MediaExchange::Offer)),
        (OfferAnswerState::Established, _) => match media.agreement().map(Agreement::role) {
            Some(Role::Offerer) => answered(media),
            _ => Ok(None),
        },
        (OfferAnswerState::LocalOfferPending, Some(text)) => {
            media.receive_answer(&text, AnswerKind::Final)?;
            answered(media)
        }
        (OfferAnswerState::LocalOfferPending, None) => {
            media.settle_early()?;
            answered(media)
        }
    }
}

//! Offers within the session (RFC 3261 §14, RFC 6337): the peer's, and ours.

use super::ack::{AwaitingAck, acknowledge};
use super::body::{SDP, sdp_of};
use super::cause;
use super::glare;
use super::in_dialog::{Aim, OurOffer, Request, Sent};
use super::invite_server::{answer_of, refuse_offer};
use super::leg::{Head, Inbound, Purpose, Timer};
use super::means::Means;
use super::options::{ALLOW, SUPPORTED_IN_CALLS};
use super::session::{LEG_WITHIN, Session, Standing};
use super::session_timer::Granted;
use super::trickle;
use crate::message::{Header, Message, Method, StatusCode};
use crate::sdp::{AnswerKind, OfferAnswer, OfferAnswerState};
use crate::transaction::ClientKey;
use bytes::Bytes;
use router::parameter::{
    Cause, CauseKind, Direction, Failure, LegPhase, LegState, MediaDescription, MediaExchange, Parameter, Reason,
};
use router::time::Duration;
use router::{Asked, Command, Packet, one};

/// An offer of the peer's, or its wish for one, that the switch considers.
#[derive(Debug)]
pub(super) struct TheirOffer {
    pub(super) inbound: Inbound,
    /// Whether the request brought the offer; else the response is to.
    offered: bool,
    /// Whether the call was asked. It is not while it tells the other leg what was answered here at once.
    pub(super) asked: bool,
}

impl Session {
    /// A re-INVITE.
    pub(super) fn handle_reinvite(&mut self, head: &mut Head, means: &mut Means, inbound: Inbound) {
        // RFC 3261 §14.2: our own INVITE is under way.
        let ours = self.requester.waiting().any(|sent| *sent.method() == Method::Invite);
        if ours || self.unacknowledged.is_some() {
            means.counters.glares += 1;
            return means.refuse(inbound.key, &inbound.message, &inbound.flow, StatusCode::REQUEST_PENDING);
        }
        if self.theirs.is_some() {
            return refuse_pending(means, &inbound);
        }
        match &self.awaiting_ack {
            // The answer to the offer in our 2xx has not come (RFC 5407 §3.1.5).
            Some(awaiting) if awaiting.offered => {
                return means.refuse(inbound.key, &inbound.message, &inbound.flow, StatusCode::REQUEST_PENDING);
            }
            // Who sends a new INVITE has had our 2xx: its ACK was overtaken, or lost (RFC 5407 §3.1.4).
            Some(_) => {
                self.awaiting_ack = None;
                head.cancel_timer(means, Timer::Repeat);
            }
            None => {}
        }
        self.consider(head, means, inbound);
    }

    /// Passes the peer's offer to the switch, unless it only refreshes the session.
    pub(super) fn consider(&mut self, head: &mut Head, means: &mut Means, inbound: Inbound) {
        if self.refuse_too_small(head, means, &inbound) {
            return self.offer_later(head, means);
        }
        let before = self.media.agreement().map(|agreement| agreement.remote().clone());
        let offer = match sdp_of(&inbound.message).map(|text| self.media.receive_offer(&text)).transpose() {
            Ok(offer) => offer,
            Err(error) => {
                refuse_offer(means, &inbound, &error);
                return self.offer_later(head, means);
            }
        };
        self.resolve_next_hop(head, means);
        // Behind a NAT the same description means another place, once the peer is another host.
        let host = self.requester.dialog.flow().remote.ip();
        let moved = std::mem::replace(&mut self.host, host) != host;
        if let Some(offer) = &offer
            && offer.is_unchanged
            && !moved
            && let Some(local) = self.media.agreement().map(|agreement| agreement.local().clone())
            && let Ok(body) = self.media.make_answer(&local)
        {
            return self.accept_offer(head, means, inbound, &body, false);
        }
        if let Some(offer) = &offer
            && offer.description.streams.iter().all(|stream| stream.rtp.is_none())
            && let Ok(body) = self.media.make_answer(&MediaDescription { streams: Vec::new() })
        {
            // RFC 3264 §8.2: every stream has ended, and the session goes on without. To the call it is a hold.
            self.tell_silent(head, means, before);
            return self.accept_offer(head, means, inbound, &body, false);
        }
        // An offer of ours that waits since it met the peer's is behind this one: the switch makes it anew by what this one brings.
        // Else the peer, who has waited the shorter time (RFC 3261 §14.1), would be refused once more.
        if let Some(ours) = self.waiting.take_if(|ours| ours.glares > 0) {
            head.cancel_timer(means, Timer::Glare);
            ours.asked.failed(&mut means.outbox, Failure::because(CauseKind::Glare.into()));
        }
        let is_invite = inbound.message.is(&Method::Invite);
        // RFC 3261 §14.2: there is no INVITE of ours in this dialog that it could have met, so it waits for the other one. An UPDATE
        // may not (RFC 3311 §5.2).
        let asked = !head.is_telling();
        if !asked && !is_invite {
            self.media.roll_back();
            return refuse_pending(means, &inbound);
        }
        let offered = offer.is_some();
        if asked {
            let within = if is_invite { LEG_WITHIN } else { update_within(means) };
            self.ask(head, means, offer.map(|offer| offer.description), within);
        }
        if is_invite {
            means.servers.insert(inbound.key, head.instance);
        }
        self.theirs = Some(Box::new(TheirOffer { inbound, offered, asked }));
    }

    /// The call has told the other leg what it was told: what waited for that is asked now.
    pub(super) fn ask_at_last(&mut self, head: &mut Head, means: &mut Means) {
        let Some(theirs) = self.theirs.as_mut().filter(|theirs| !theirs.asked && !head.is_telling()) else { return };
        theirs.asked = true;
        let offer = self.media.remote_offer().filter(|_| theirs.offered).cloned();
        self.ask(head, means, offer, LEG_WITHIN);
    }

    /// Asks the call about an offer, or for one.
    fn ask(&self, head: &mut Head, means: &mut Means, offer: Option<MediaDescription>, within: Duration) {
        let state = self.described(offer.map(MediaExchange::Offer));
        head.request(means, Command::Set, one(state), within, Purpose::Offer);
    }

    /// The switch's word on the peer's offer.
    pub(super) fn peer_offer_decided(&mut self, head: &mut Head, means: &mut Means, packet: Packet) {
        let Some(theirs) = self.theirs.take() else { return };
        let TheirOffer { inbound, offered, .. } = *theirs;
        means.servers.remove(&inbound.key);
        let media = match (packet.command, packet.parameters.first()) {
            (Command::Done, Some(Parameter::LegState(state))) => state.media.clone(),
            (Command::Done, _) => None,
            _ => {
                self.media.roll_back();
                let failure = packet.failure();
                if failure.reason == Reason::Expired {
                    // It may still answer.
                    head.tell_withdrawn(means, CauseKind::Timeout.into(), 1);
                }
                refuse_with(means, &inbound, &failure);
                return self.offer_later(head, means);
            }
        };
        let made = match (&media, offered) {
            (Some(MediaExchange::Answer(answer)), true) => self.media.make_answer(answer),
            (Some(MediaExchange::Offer(offer)), false) => self.media.make_offer(offer),
            _ => {
                self.media.roll_back();
                head.tell_withdrawn(means, CauseKind::Internal.into(), 1);
                refuse_with(means, &inbound, &Failure::new(Reason::Internal));
                return self.offer_later(head, means);
            }
        };
        match made {
            Ok(body) => self.accept_offer(head, means, inbound, &body, !offered),
            Err(error) => {
                tracing::debug!(leg = %head.instance, %error, "a description that does not fit");
                self.media.roll_back();
                head.tell_withdrawn(means, CauseKind::IncompatibleMedia.into(), 1);
                refuse_with(means, &inbound, &Failure::because(CauseKind::IncompatibleMedia.into()));
                self.offer_later(head, means);
            }
        }
    }

    /// Tells the call that the peer neither sends nor listens, where it did either.
    fn tell_silent(&self, head: &mut Head, means: &mut Means, before: Option<MediaDescription>) {
        let Some(mut silent) = before.filter(|before| before.streams.iter().any(|stream| stream.rtp.is_some())) else {
            return;
        };
        for stream in &mut silent.streams {
            stream.direction = Direction::Inactive;
        }
        let state = LegState::new(LegPhase::Answered).with_media(Some(MediaExchange::Offer(silent)));
        head.request(means, Command::Set, one(state), LEG_WITHIN, Purpose::Refreshed);
    }

    fn accept_offer(&mut self, head: &mut Head, means: &mut Means, inbound: Inbound, body: &Bytes, offers: bool) {
        let Inbound { key, message, flow } = inbound;
        let granted = self.timer.grant(&head.policy(means), &message, means.now.instant);
        let writer = means
            .response(&message, &flow, StatusCode::OK, &head.tag)
            .header(Header::Contact, self.requester.dialog.contact())
            .header(Header::Allow, ALLOW)
            .header(Header::Supported, SUPPORTED_IN_CALLS);
        let writer = trickle::write_response(&self.media, writer);
        let response = Granted::write(granted, writer).body(SDP, body);
        means.respond(key, response.clone());
        self.follow_interval(head, means);
        if message.is(&Method::Invite) {
            let cseq = message.cseq().map_or(0, |cseq| cseq.number);
            self.await_ack(head, means, AwaitingAck::new(means, key, cseq, response, offers));
        } else {
            self.offer_later(head, means);
        }
    }

    /// The switch's word on the answer that an ACK brought.
    pub(super) fn answer_delivered(&mut self, head: &mut Head, means: &mut Means, packet: &Packet) {
        // The switch ends the call itself where it cannot go on; where it is not there, the leg ends.
        if packet.command == Command::Failed && packet.failure().reason == Reason::NotFound {
            self.hang_up(head, means, CauseKind::Internal.into());
        }
    }

    /// The switch offers.
    pub(super) fn offer(&mut self, head: &mut Head, means: &mut Means, offer: Box<OurOffer>) {
        let busy = self.theirs.is_some() || self.waiting.is_some() || self.unacknowledged.is_some();
        if busy {
            means.counters.glares += 1;
            return offer.asked.failed(&mut means.outbox, Failure::because(CauseKind::Glare.into()));
        }
        // RFC 3261 §14.1: no INVITE while another is in progress; the ACK ends the peer's, its final response our own refresh.
        let refreshes = |sent: &Sent| matches!(sent.aim, Aim::Refresh { by_invite: true } | Aim::Introduce);
        if self.awaiting_ack.is_some() || self.requester.waiting().any(refreshes) {
            self.waiting = Some(offer);
            return;
        }
        let body = match self.media.make_offer(&offer.description) {
            Ok(body) => body,
            Err(error) => {
                let kind = match self.media.state() {
                    OfferAnswerState::LocalOfferPending | OfferAnswerState::RemoteOfferPending => CauseKind::Glare,
                    _ => CauseKind::Internal,
                };
                tracing::debug!(leg = %head.instance, %error, "an offer that cannot be made");
                return offer.asked.failed(&mut means.outbox, Failure::because(kind.into()));
            }
        };
        self.send_offer(head, means, offer, body);
    }

    fn send_offer(&mut self, head: &mut Head, means: &mut Means, offer: Box<OurOffer>, body: Bytes) {
        let by_update = self.requester.dialog.allows_update() && !offer.by_invite;
        let method = if by_update { Method::Update } else { Method::Invite };
        let request = self.timed(head, means, Request::new(method).with_body(SDP, body));
        match self.requester.send(means, head, request, Aim::Offer(offer)) {
            // A peer that has said 100 may take as long as it likes: so long, and no longer.
            Ok(()) => head.set_timer(means, Timer::Abandon, means.config.timers.transaction()),
            Err(aim) => self.refused(head, means, aim, CauseKind::Unreachable.into()),
        }
    }

    /// An offer that waited goes out.
    pub(super) fn offer_waiting(&mut self, head: &mut Head, means: &mut Means) {
        if self.standing == Standing::Up
            && self.awaiting_ack.is_none()
            && self.theirs.is_none()
            && let Some(offer) = self.waiting.take()
        {
            head.cancel_timer(means, Timer::Glare);
            self.offer(head, means, offer);
        }
    }

    /// The peer's offer is dealt with and brings no ACK to a 2xx: an offer that waited follows it, once the peer has had
    /// the time to acknowledge a refusal (RFC 3261 §14.1).
    pub(super) fn offer_later(&mut self, head: &mut Head, means: &mut Means) {
        if self.waiting.is_some() && self.awaiting_ack.is_none() && !head.has_timer(Timer::Glare) {
            head.set_timer(means, Timer::Glare, means.config.timers.t1);
        }
    }

    /// The peer accepted our offer.
    pub(super) fn our_offer_accepted(
        &mut self,
        head: &mut Head,
        means: &mut Means,
        key: ClientKey,
        method: &Method,
        asked: Asked,
        message: &Message,
    ) {
        self.requester.dialog.refresh(message);
        self.resolve_next_hop(head, means);
        self.timer.accepted(message, means.now.instant);
        self.follow_interval(head, means);
        if *method == Method::Invite {
            let cseq = message.cseq().map_or(0, |cseq| cseq.number);
            acknowledge(means, &self.requester.dialog, key, cseq, None);
        }
        let answered = sdp_of(message).map(|text| self.media.receive_answer(&text, AnswerKind::Final));
        match (answered, answer_of(&self.media)) {
            (Some(Ok(_)), Some(media)) => {
                let state = self.described(Some(media));
                asked.done(&mut means.outbox, one(state));
            }
            (answered, _) => {
                tracing::debug!(leg = %head.instance, ?answered, "a 2xx without an answer that fits our offer");
                self.media.roll_back();
                let failure = Failure::because(CauseKind::PeerMisbehaved.into());
                asked.failed(&mut means.outbox, failure);
            }
        }
    }

    /// The peer refused our offer; it is made again where that may help.
    pub(super) fn our_offer_refused(
        &mut self,
        head: &mut Head,
        means: &mut Means,
        mut offer: Box<OurOffer>,
        by_update: bool,
        cause: Cause,
    ) {
        self.media.roll_back();
        let is_up = self.standing == Standing::Up;
        // RFC 3311 §5.2: 500 says that an offer is pending there, which is over soon.
        let is_pending = by_update && cause.code == Some(500);
        // The peer said that it takes UPDATE and does not, or wants to ask its user first (RFC 3311 §5.2): an INVITE may ask for what an UPDATE
        // may not.
        let is_there = cause.kind != CauseKind::Glare && !matches!(cause.code, None | Some(408 | 481));
        let refused = by_update && is_there && is_up;
        offer.by_invite |= refused;
        if refused && !is_pending {
            return self.offer(head, means, offer);
        }
        if (cause.kind == CauseKind::Glare || is_pending) && offer.glares < glare::ATTEMPTS && is_up {
            means.counters.glares += 1;
            offer.glares += 1;
            let pause = glare::pause(&mut means.random, !head.incoming);
            self.waiting = Some(offer);
            return head.set_timer(means, Timer::Glare, pause);
        }
        offer.asked.failed(&mut means.outbox, Failure::because(cause));
    }

    /// `Set × LegState` with the answer to the offer that the peer's 2xx brought: it goes in the ACK. Of an early one that was answered without the
    /// call: the peer is told by an offer of ours, if it is another answer.
    pub(super) fn answer_in_ack(
        &mut self,
        head: &mut Head,
        means: &mut Means,
        asked: Asked,
        answer: &MediaDescription,
    ) {
        if self.unacknowledged.is_none()
            && let Some(mut offer) = self.beside.take()
        {
            let local = |media: &OfferAnswer| media.agreement().map(|agreement| agreement.local().clone());
            let is_said = offer.make_answer(answer).is_ok() && local(&offer) == local(&self.media);
            if !is_said {
                self.refresh_with(head, means, answer);
            }
            return means.done(asked);
        }
        let Some(unacknowledged) = self.unacknowledged.take() else {
            let failure = Failure::new(Reason::Invalid).with_detail("no offer of the peer's waits for an answer");
            return asked.failed(&mut means.outbox, failure);
        };
        match self.media.make_answer(answer) {
            Ok(body) => {
                self.acknowledge_first(means, &unacknowledged, Some(&body));
                means.done(asked);
            }
            Err(error) => {
                tracing::debug!(leg = %head.instance, %error, "an answer that does not fit the peer's offer");
                self.unacknowledged = Some(unacknowledged);
                asked.failed(&mut means.outbox, Failure::because(CauseKind::IncompatibleMedia.into()));
            }
        }
    }

    /// Acknowledges the 2xx that has waited.
    pub(super) fn acknowledge_first(
        &mut self,
        means: &mut Means,
        unacknowledged: &super::session::Unacknowledged,
        body: Option<&Bytes>,
    ) {
        acknowledge(means, &self.requester.dialog, unacknowledged.key, unacknowledged.cseq, body);
    }
}

/// How long the call may take for the offer of an UPDATE: five eighths of the time that its sender waits for a final response (timer F),
/// 20 of 32 seconds. RFC 3311 §5.2: it is answered promptly, and 504 says that it takes a user to do so; a sender that hears nothing
/// would end the session (RFC 3261 §12.2.1.2).
pub(super) fn update_within(means: &Means) -> Duration {
    Duration::from_millis(u64::try_from(means.config.timers.transaction().as_millis()).unwrap_or(u64::MAX) / 8 * 5)
}

/// Refuses a request of the peer's for what the switch says.
pub(super) fn refuse_with(means: &mut Means, inbound: &Inbound, failure: &Failure) {
    let Inbound { key, message, flow } = inbound;
    let status = match &failure.cause {
        // RFC 3311 §5.2.
        None if failure.reason == Reason::Expired && message.is(&Method::Update) => StatusCode::SERVER_TIMEOUT,
        // The session goes on, so what ended the other leg's attempt is told in general terms.
        Some(cause) if !matches!(cause.kind, CauseKind::Glare | CauseKind::IncompatibleMedia) => {
            match cause::status_of(cause).code() {
                408 | 480 | 481 | 487 | 504 => StatusCode::NOT_ACCEPTABLE_HERE,
                _ => cause::status_of(cause),
            }
        }
        _ => cause::status_of_failure(failure),
    };
    // RFC 3261 §12.2.1.2: this one would end the dialog.
    let status = match status {
        StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST | StatusCode::REQUEST_TIMEOUT => {
            StatusCode::SERVER_INTERNAL_ERROR
        }
        status => status,
    };
    means.refuse(*key, message, flow, status);
}

/// The peer's former offer is not answered yet: 500 and when to try again (RFC 3261 §14.2).
pub(super) fn refuse_pending(means: &mut Means, inbound: &Inbound) {
    let Inbound { key, message, flow } = inbound;
    let (tag, seconds) = (means.mint_tag(), glare::retry_after(&mut means.random));
    let response = means
        .response(message, flow, StatusCode::SERVER_INTERNAL_ERROR, &tag)
        .header(Header::RetryAfter, seconds)
        .finish();
    means.respond(*key, response);
}

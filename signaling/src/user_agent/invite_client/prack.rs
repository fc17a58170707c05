//! Provisional responses of the callee's that want to be acknowledged (RFC 3262 §4), and what happens in its early dialogs besides.
//! They are this leg's own affair: the caller need not know of them.

use super::Outgoing;
use crate::dialog::Dialog;
use crate::message::{Message, Method, StatusCode, Tag};
use crate::sdp::OfferAnswerError;
use crate::transport::Flow;
use crate::user_agent::body::{SDP, sdp_of};
use crate::user_agent::in_dialog::{Aim, Request, Requester};
use crate::user_agent::invite_server::early::{accept_early, answer_in, ask_early};
use crate::user_agent::invite_server::refuse_offer;
use crate::user_agent::leg::{Head, Inbound, not_now};
use crate::user_agent::means::Means;
use crate::user_agent::reinvite::{refuse_pending, refuse_with};
use bytes::Bytes;
use router::parameter::{CauseKind, Failure, LegState, MediaExchange};
use router::{Asked, Packet};

/// An offer that a reliable response brought, where ours had none: the PRACK waits for its answer (RFC 3262 §5).
#[derive(Debug)]
pub(super) struct OfferedEarly {
    tag: Option<Tag>,
    rseq: u32,
    /// Those of further dialogs, which are answered as it is.
    beside: Vec<(Option<Tag>, u32)>,
}

/// An offer of a callee's in its early dialog, which the call considers.
#[derive(Debug)]
pub(super) struct TheirsEarly {
    tag: Option<Tag>,
    inbound: Inbound,
}

impl Outgoing {
    /// Enters the early dialog that a reliable response makes.
    pub(super) fn enter_early(&mut self, head: &Head, means: &Means, response: &Message, flow: &Flow) {
        let Some(attempt) = &self.attempt else { return };
        let dialog = Dialog::of_response(response, head.tag.clone(), self.cseq, flow, head.reach(), &attempt.contact);
        match dialog {
            Ok(mut dialog) => {
                dialog.was_reached_at(attempt.destination.remote);
                let (account, contacts) = (self.account.as_deref(), self.contacts.as_deref());
                self.whither.place_own_target(means, &mut dialog, account, contacts);
                self.forks.enter(response.to_tag(), || Requester::new(dialog, self.answered.clone()));
            }
            Err(defect) => tracing::debug!(leg = %head.instance, ?defect, "a response that makes no dialog"),
        }
    }

    /// Acknowledges it.
    pub(super) fn prack(
        &mut self,
        head: &Head,
        means: &mut Means,
        tag: Option<&Tag>,
        rseq: u32,
        answer: Option<Bytes>,
    ) {
        let Some(requester) = self.forks.requester(tag) else { return };
        let mut request = Request::new(Method::Prack).with("RAck", format!("{rseq} {} INVITE", self.cseq));
        if let Some(answer) = answer {
            request = request.with_body(SDP, answer);
        }
        if requester.send(means, head, request, Aim::Prack).is_err() {
            tracing::debug!(leg = %head.instance, "a PRACK was not sent");
        }
    }

    /// A response brought an offer: the call is to answer it, in the PRACK.
    pub(super) fn offered_early(&mut self, tag: Option<Tag>, rseq: u32) {
        self.offered_early = Some(OfferedEarly { tag, rseq, beside: Vec::new() });
    }

    /// A response of a further dialog brought another one: it is answered as the first one was, once that is.
    pub(super) fn offered_beside(&mut self, head: &Head, means: &mut Means, tag: Option<Tag>, rseq: u32) {
        match &mut self.offered_early {
            Some(first) => first.beside.push((tag, rseq)),
            None => {
                let answer = self.forks.answer_beside(tag.as_ref());
                self.prack(head, means, tag.as_ref(), rseq, answer);
            }
        }
    }

    /// Whether the call knows what that one describes: it is heard, or has made the first offer.
    pub(super) fn is_told(&self, tag: Option<&Tag>) -> bool {
        let has_offered = || self.offered_early.as_ref().is_some_and(|offered| offered.tag.as_ref() == tag);
        self.forks.is_heard(tag) || has_offered() || self.forks.is_answered(tag)
    }

    /// `Set × LegState`: the answer to that offer.
    pub(in crate::user_agent) fn describe(&mut self, head: &Head, means: &mut Means, asked: Asked, state: &LegState) {
        let answer = match &state.media {
            Some(MediaExchange::Answer(answer)) => Some(answer),
            _ => None,
        };
        let Some((answer, offered)) = answer.and_then(|answer| Some((answer, self.offered_early.take()?))) else {
            let glare = Failure::because(CauseKind::Glare.into());
            return asked.failed(&mut means.outbox, glare);
        };
        let OfferedEarly { tag, rseq, beside } = offered;
        match self
            .forks
            .media(tag.as_ref())
            .map(|media| media.make_answer(answer).map_err(|error| (error, media.refuse_offer().ok())))
        {
            Some(Ok(body)) => {
                self.prack(head, means, tag.as_ref(), rseq, Some(body));
                means.done(asked);
            }
            Some(Err((error, refusal))) => {
                tracing::debug!(leg = %head.instance, %error, "an answer that does not fit the peer's early offer");
                // It is acknowledged, and its offer answered, all the same (RFC 3262 §4, §5).
                self.prack(head, means, tag.as_ref(), rseq, refusal);
                asked.failed(&mut means.outbox, Failure::because(CauseKind::IncompatibleMedia.into()));
            }
            None => asked.failed(&mut means.outbox, not_now()),
        }
        for (tag, rseq) in beside {
            self.offered_beside(head, means, tag, rseq);
        }
    }

    /// A response to a PRACK. False: it is to something else.
    pub(super) fn prack_answered(
        &mut self,
        head: &Head,
        means: &mut Means,
        key: crate::transaction::ClientKey,
        message: &Message,
    ) -> bool {
        let Some(status) = message.status() else { return false };
        let Some((requester, sent)) = self.forks.take_sent(key, status.is_final()) else { return false };
        if let Some(sent) = sent
            && matches!(status.code(), 401 | 407)
            && requester.send_authorized(means, head, sent, message).is_err()
        {
            tracing::debug!(leg = %head.instance, "a PRACK is not let through");
        }
        if status.is_success() {
            self.heed_early_media(head, means, message.to_tag().as_ref(), message);
        }
        true
    }

    /// An UPDATE with an offer in a callee's early dialog (RFC 3311 §5.2).
    pub(super) fn consider_early(&mut self, head: &mut Head, means: &mut Means, inbound: &Inbound, contact: &str) {
        let Inbound { key, message, flow } = inbound;
        if self.theirs.is_some() {
            return refuse_pending(means, inbound);
        }
        let (tag, Some(text)) = (message.from_tag(), sdp_of(message)) else { return };
        let Some(media) = self.forks.settled(tag.as_ref()) else {
            // Our INVITE, and the offer in it, has no answer that is certain.
            means.counters.glares += 1;
            return means.refuse(*key, message, flow, StatusCode::REQUEST_PENDING);
        };
        let offer = match media.receive_offer(&text) {
            Ok(offer) => offer,
            Err(error) => return refuse_offer(means, inbound, &error),
        };
        let local = media.agreement().map(|agreement| agreement.local().clone());
        let own = offer.is_unchanged || !self.forks.is_heard(tag.as_ref());
        let media = self.forks.media(tag.as_ref());
        if let (true, Some(local), Some(media)) = (own, local, media) {
            // Nobody else is concerned.
            match media.make_answer(&local) {
                Ok(body) => accept_early(means, inbound, contact, &body),
                Err(error) => {
                    media.roll_back();
                    refuse_offer(means, inbound, &error);
                }
            }
            return;
        }
        ask_early(head, means, inbound, MediaExchange::Offer(offer.description));
        let inbound = Inbound { key: *key, message: message.clone(), flow: *flow };
        self.theirs = Some(Box::new(TheirsEarly { tag, inbound }));
    }

    /// The call's word on it.
    pub(in crate::user_agent) fn early_offer_decided(&mut self, means: &mut Means, packet: &Packet) {
        let Some(theirs) = self.theirs.take() else { return };
        let TheirsEarly { tag, inbound } = *theirs;
        let contact = self.attempt.as_ref().map(|attempt| attempt.contact.clone()).unwrap_or_default();
        let Some(media) = self.forks.media(tag.as_ref()) else { return refuse_pending(means, &inbound) };
        let incompatible = |_: OfferAnswerError| Failure::because(CauseKind::IncompatibleMedia.into());
        match answer_in(packet).and_then(|answer| media.make_answer(answer).map_err(incompatible)) {
            Ok(body) => accept_early(means, &inbound, &contact, &body),
            Err(failure) => {
                media.roll_back();
                refuse_with(means, &inbound, &failure);
            }
        }
    }

    /// It is not waited for any longer: the INVITE has its final response.
    pub(super) fn forget_early_offer(&mut self, means: &mut Means) {
        if let Some(theirs) = self.theirs.take() {
            if let Some(media) = self.forks.media(theirs.tag.as_ref()) {
                media.roll_back();
            }
            refuse_pending(means, &theirs.inbound);
        }
    }
}

//! Offers of ours that go out in an answer, and their answers: INVITE and re-INVITE without an offer (RFC 3261 §13.2.1, §14.1).
//!
//! Such an offer is as that of a new call (RFC 3261 §14.2): all formats that the far side can, and both ways wherever the far side
//! does not itself hold. What a leg on hold last said is no wish of its own: it could not say more to who held it, and to be held does
//! not change what one desires (RFC 6337 §5.3). The leg that asks says by its answer whether it holds on, as a mere refresh does,
//! or has retrieved; then the other one is asked.

use super::asked::Asked;
use super::call::{Call, Far};
use super::leg::LegId;
use super::renegotiation::Exchange;
use super::timers::Timer;
use super::turn::Turn;
use crate::limits::LEG_WITHIN;
use crate::negotiation::Terms;
use router::one;
use router::parameter::{CauseKind, Failure, LegPhase, LegState, MediaDescription, MediaExchange, Reason};

impl Call {
    /// A leg wants an offer: by what the other side can and may like.
    pub(super) fn offer_wanted(&mut self, turn: &mut Turn<'_>, leg: LegId, asked: Asked) {
        let terms = match self.other_side(leg) {
            Far::Leg(other) => self.legs[other].medium.terms_to_ask(),
            Far::Service(_) => Some(Terms::of_codecs(self.services_for(leg))),
            Far::Nobody => {
                let agreement = self.legs[leg].medium.agreement();
                agreement.map(|agreement| Terms::of_codecs(agreement.codecs.clone()))
            }
        };
        let terms = terms.map(|terms| self.widened_by_own(leg, terms));
        let Some(offer) = terms.and_then(|terms| self.legs[leg].medium.offer(&terms)) else {
            return asked.failed(turn.outbox, Failure::because(CauseKind::IncompatibleMedia.into()));
        };
        self.exchange = Some(Exchange::Answering { leg, deliver_to: None });
        self.set_timer(turn, Timer::Answer, LEG_WITHIN);
        let state = LegState::new(LegPhase::Answered).with_media(Some(MediaExchange::Offer(offer)));
        asked.done(turn.outbox, one(state));
    }

    /// The leg's answer to the offer that it got in an answer.
    pub(super) fn offer_answered(&mut self, turn: &mut Turn<'_>, leg: LegId, asked: Asked, answer: MediaDescription) {
        let deliver_to = match self.exchange {
            Some(Exchange::Answering { leg: expected, deliver_to }) if expected == leg => deliver_to,
            _ => {
                let failure = Failure::new(Reason::Invalid).with_detail("an answer without an offer");
                return asked.failed(turn.outbox, failure);
            }
        };
        self.exchange = None;
        self.cancel_timer(turn, Timer::Answer);
        let direction = |call: &Self| call.legs[leg].medium.agreement().map(|agreement| agreement.direction());
        let before = direction(self);
        let accepted = self.legs[leg].medium.accept(&answer);
        self.legs[leg].medium.forget_offered();
        if !accepted {
            asked.failed(turn.outbox, Failure::because(CauseKind::IncompatibleMedia.into()));
            return self.offer_lost(turn, leg, deliver_to, CauseKind::IncompatibleMedia);
        }
        asked.done(turn.outbox, one(LegState::new(LegPhase::Answered)));
        if let Some(to) = deliver_to {
            return self.deliver(turn, leg, to);
        }
        self.connect(turn);
        // What it changed by its answer, the other leg is to know.
        match self.other_leg(leg) {
            Some(other) if before == direction(self) => self.align_with(turn, other),
            Some(other) => self.align_released(turn, other),
            None => self.align(turn),
        }
    }

    /// Passes the answer to the leg whose offer it answers.
    pub(super) fn deliver(&mut self, turn: &mut Turn<'_>, from: LegId, to: LegId) {
        let terms = self.legs[from].medium.agreement().map(|agreement| agreement.terms());
        let answer = terms.and_then(|terms| self.answer_by(to, &terms));
        self.legs[to].medium.forget_asked();
        let Some(answer) = answer else {
            return self.end(turn, CauseKind::IncompatibleMedia.into(), None);
        };
        self.exchange = Some(Exchange::Delivering { leg: to });
        self.describe(turn, to, MediaExchange::Answer(answer));
        self.connect(turn);
    }

    /// The answer does not come.
    pub(super) fn answer_timed_out(&mut self, turn: &mut Turn<'_>) {
        let Some(Exchange::Answering { leg, deliver_to }) = self.exchange else { return };
        self.exchange = None;
        self.legs[leg].medium.forget_offered();
        self.offer_lost(turn, leg, deliver_to, CauseKind::Timeout);
    }

    /// A session goes on as it was; a call that never had one ends.
    fn offer_lost(&mut self, turn: &mut Turn<'_>, leg: LegId, deliver_to: Option<LegId>, cause: CauseKind) {
        if deliver_to.is_some() || self.legs[leg].medium.agreement().is_none() {
            self.end(turn, cause.into(), None);
        } else {
            self.align(turn);
        }
    }
}

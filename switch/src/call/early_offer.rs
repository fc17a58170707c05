//! Offers before the answer: a leg offers anew in its early dialog (RFC 3311 §5.1), or makes the offer that ours to it left out, in a
//! response that it wants acknowledged (RFC 3262 §5). Each is answered at once, by what the other side is known to have; where that
//! leaves a difference, an offer follows once the call is up.

use super::asked::Asked;
use super::call::Call;
use super::leg::LegId;
use super::turn::Turn;
use crate::negotiation::Terms;
use router::one;
use router::parameter::{CauseKind, Failure, LegPhase, LegState, MediaDescription, MediaExchange};

impl Call {
    /// A leg that is not answered offers anew.
    pub(super) fn offered_early(&mut self, turn: &mut Turn<'_>, leg: LegId, asked: Asked, offer: MediaDescription) {
        let waiting = self.search.as_ref().and_then(|search| search.waiting);
        let other = if Some(leg) == waiting { self.early } else { waiting };
        let other = other.map(|other| &self.legs[other].medium);
        let own = self.legs[leg].medium.agreement();
        let terms = other
            .and_then(|other| other.agreement().map(|agreement| agreement.terms()).or_else(|| other.asked_terms()))
            .or_else(|| own.map(|own| Terms::of_codecs(own.codecs.clone())));
        let (Some(terms), true) = (terms, own.is_some()) else {
            return asked.failed(turn.outbox, Failure::because(CauseKind::Glare.into()));
        };
        let medium = &mut self.legs[leg].medium;
        // A caller's offer stays: the answer to its INVITE is one to it.
        let former = medium.asked().cloned();
        let answer = if medium.ask(offer) { self.answer_by(leg, &terms) } else { None };
        let medium = &mut self.legs[leg].medium;
        if Some(leg) != waiting {
            medium.forget_asked();
        } else if let (None, Some(former)) = (&answer, former) {
            medium.ask(former);
        }
        let Some(answer) = answer else {
            return asked.failed(turn.outbox, Failure::because(CauseKind::IncompatibleMedia.into()));
        };
        self.connect(turn);
        let state = LegState::new(LegPhase::Early).with_media(Some(MediaExchange::Answer(answer)));
        asked.done(turn.outbox, one(state));
    }

    /// A leg that was asked for an offer makes it before it answers: the caller cannot be told yet, so it is answered by all that it
    /// can.
    pub(super) fn offer_made_early(&mut self, turn: &mut Turn<'_>, leg: LegId, offer: MediaDescription) {
        let medium = &mut self.legs[leg].medium;
        if medium.has_offered() || medium.agreement().is_some() || !medium.ask(offer) {
            return;
        }
        let terms = medium.asked_terms().map(|terms| Terms::of_codecs(terms.codecs));
        let answer = terms.and_then(|terms| medium.answer(&terms));
        medium.forget_asked();
        if let Some(answer) = answer {
            self.describe(turn, leg, MediaExchange::Answer(answer));
        }
    }
}

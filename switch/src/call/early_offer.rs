//! Offers before the answer: a leg offers anew in its early dialog (RFC 3311 §5.1), or makes the offer that ours to it left out, in a
//! response that it wants acknowledged (RFC 3262 §5). Each is answered at once, by what the other side is known to have; where that
//! leaves a difference, an offer follows once the call is up.

use super::asked::Asked;
use super::call::Call;
use super::leg::LegId;
use super::turn::Turn;
use crate::negotiation::{Terms, own_codecs, takes_first};
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

    /// A leg that was asked for an offer makes it before it answers. What the one that waits is to be told of it: the offer, where it takes one
    /// so early (RFC 3262 §5); it answers by a `Set`. One that has agreed on another's speaks by that, and else the offer is answered by all that it has.
    pub(super) fn offer_made_early(
        &mut self,
        turn: &mut Turn<'_>,
        waiting: LegId,
        leg: LegId,
        offer: MediaDescription,
    ) -> Option<MediaExchange> {
        let medium = &mut self.legs[leg].medium;
        let is_first = !medium.has_offered() && medium.agreement().is_none() && medium.asked().is_none();
        if !is_first || !medium.ask(offer) {
            return None;
        }
        let terms = self.legs[leg].medium.asked_terms()?;
        if let Some(offer) = self.offer_early(waiting, leg, &terms) {
            return Some(offer);
        }
        let agreed = self.legs[waiting].medium.agreement().map(|agreement| agreement.terms());
        if let Some(agreed) = agreed
            && self.answer_early_offer(turn, leg, &agreed)
        {
            self.hear_early(turn, leg, &agreed);
        } else {
            self.answer_early_offer(turn, leg, &Terms::of_codecs(terms.codecs));
            self.legs[leg].medium.forget_asked();
        }
        None
    }

    /// A leg that waits wants an offer, as its peer can be told nothing without (RFC 3262 §5), and no other one has made any: by what one of those
    /// that are tried is known to have, else by what we have ourselves.
    pub(super) fn early_offer_wanted(&mut self, turn: &mut Turn<'_>, leg: LegId, asked: Asked) {
        let search = self.search.as_ref().filter(|search| search.waiting == Some(leg));
        let Some(search) = search.filter(|_| self.legs[leg].medium.takes_early_offer()) else {
            return asked.failed(turn.outbox, Failure::because(CauseKind::Glare.into()));
        };
        let known = search.legs().iter().find_map(|&other| {
            let medium = &self.legs[other].medium;
            medium.agreement().map(|agreement| agreement.terms()).or_else(|| medium.asked_terms())
        });
        let terms = self.widened(leg, known.unwrap_or_else(|| Terms::of_codecs(own_codecs())));
        let Some(offer) = self.legs[leg].medium.offer(&terms) else {
            return asked.failed(turn.outbox, Failure::because(CauseKind::IncompatibleMedia.into()));
        };
        asked.done(turn.outbox, one(LegState::new(LegPhase::Early).with_media(Some(MediaExchange::Offer(offer)))));
    }

    /// An offer to the leg that waits, of what this one has, if it takes one.
    pub(super) fn offer_early(&mut self, waiting: LegId, leg: LegId, terms: &Terms) -> Option<MediaExchange> {
        if !self.legs[waiting].medium.takes_early_offer() {
            // It considers one of ours: who speaks first meanwhile is heard once that is answered.
            if self.considers(waiting) {
                self.search.as_mut()?.considered.get_or_insert(leg);
            }
            return None;
        }
        let terms = self.widened(waiting, terms.clone());
        let offer = self.legs[waiting].medium.offer(&terms)?;
        self.search.as_mut()?.considered = Some(leg);
        Some(MediaExchange::Offer(offer))
    }

    /// Whether a leg considers an offer that it got before its answer.
    pub(super) fn considers(&self, leg: LegId) -> bool {
        let search = self.search.as_ref();
        search.is_some_and(|search| search.waiting == Some(leg)) && self.legs[leg].medium.has_offered()
    }

    /// Its answer: the leg whose offer it was gets one, and is heard.
    pub(super) fn early_offer_answered(
        &mut self,
        turn: &mut Turn<'_>,
        waiting: LegId,
        asked: Asked,
        answer: &MediaDescription,
    ) {
        let medium = &mut self.legs[waiting].medium;
        let accepted = medium.accept(answer);
        medium.forget_offered();
        if !accepted {
            asked.failed(turn.outbox, Failure::because(CauseKind::IncompatibleMedia.into()));
            return self.end(turn, CauseKind::IncompatibleMedia.into(), None);
        }
        asked.done(turn.outbox, one(LegState::new(LegPhase::Early)));
        let terms = self.legs[waiting].medium.agreement().map(|agreement| agreement.terms());
        let considered = self.search.as_mut().and_then(|search| search.considered.take());
        // It may have failed meanwhile.
        let leg = considered.filter(|&leg| !self.legs[leg].is_released());
        let (Some(leg), Some(terms)) = (leg, terms) else { return };
        // It has its answer already where ours was the offer.
        if self.legs[leg].medium.asked().is_none() || self.answer_early_offer(turn, leg, &terms) {
            self.hear_early(turn, leg, &terms);
        }
    }

    /// Answers it. False: they have no sound in common, and it still waits.
    fn answer_early_offer(&mut self, turn: &mut Turn<'_>, leg: LegId, terms: &Terms) -> bool {
        let Some(answer) = self.answer_by(leg, terms) else { return false };
        self.legs[leg].medium.forget_asked();
        self.describe(turn, leg, MediaExchange::Answer(answer));
        true
    }

    /// Lets the leg that waits, and speaks this, hear one that sends, if it hears nobody yet.
    fn hear_early(&mut self, turn: &mut Turn<'_>, leg: LegId, spoken: &Terms) {
        let Some(agreement) = self.legs[leg].medium.agreement() else { return };
        let is_understood =
            takes_first(&spoken.codecs, &agreement.codecs) || self.is_transcoded(&spoken.codecs, &agreement.codecs);
        if is_understood && agreement.direction().sends() && self.early.is_none_or(|early| early == leg) {
            self.early = Some(leg);
            self.connect(turn);
        }
    }
}

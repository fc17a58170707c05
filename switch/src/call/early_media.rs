//! A leg rings, or sends media before it answers.

use super::call::Call;
use super::leg::LegId;
use super::turn::Turn;
use crate::config::EarlyRinging;
use crate::negotiation::takes_first;
use router::one;
use router::parameter::{CauseKind, LegPhase, LegState, MediaDescription, MediaExchange};

impl Call {
    /// How far a leg that is tried has come.
    pub(super) fn leg_progressed(&mut self, turn: &mut Turn<'_>, id: LegId, state: LegState) {
        let leg = &mut self.legs[id];
        if leg.is_released() || leg.is_answered() {
            return;
        }
        leg.learn(&state);
        if state.cause.as_ref().is_some_and(|cause| cause.kind == CauseKind::IncompatibleMedia) {
            return self.first_offer_refused(turn, id);
        }
        let rings = matches!(state.phase, LegPhase::Ringing | LegPhase::Early);
        // RFC 3261 §21.1: forwarded, queued, in progress without media.
        let said = state.cause.as_ref().and_then(|cause| cause.code);
        if !rings && said.is_none() && state.media.is_none() {
            return;
        }
        leg.phase = leg.phase.max(state.phase);
        leg.told_ringing = true;
        self.trunk_responded(turn, id);
        if rings {
            self.trunk_rang(turn, id);
        }
        let Some(search) = &self.search else { return };
        let waiting = search.waiting;
        if rings && self.sought().ringing.is_none() && (waiting.is_some() || self.origination.is_none()) {
            self.sought().ringing = Some(turn.now.wall);
            self.log_ringing(id);
        }
        let silent = self.early == Some(id)
            && state.phase == LegPhase::Ringing
            && state.media.is_none()
            && self.config.early_ringing == EarlyRinging::Local;
        if silent {
            self.hush(turn);
        }
        let media = match (waiting, state.media) {
            (Some(waiting), Some(MediaExchange::Offer(offer))) => self.offer_made_early(turn, waiting, id, offer),
            (Some(waiting), Some(MediaExchange::Answer(answer))) => self.early_answer(turn, waiting, id, &answer),
            _ => None,
        };
        if self.transferring.is_some() {
            return self.transfer_progressed(turn, state.phase);
        }
        let Some(waiting) = waiting else { return self.origination_progressed(turn) };
        let cause = state.cause.filter(|_| said.is_some());
        self.tell_progress(turn, waiting, id, LegState { media, cause, ..LegState::new(state.phase) });
    }

    /// Lets the waiting leg hear what the ringing one sends: the first of a fork that does. What the waiting leg is to be
    /// told of it, once.
    fn early_answer(
        &mut self,
        turn: &mut Turn<'_>,
        waiting: LegId,
        id: LegId,
        answer: &MediaDescription,
    ) -> Option<MediaExchange> {
        if self.early.is_some_and(|early| early != id) || !self.legs[id].medium.accept(answer) {
            return None;
        }
        let sends = self.legs[id].medium.agreement().is_some_and(|agreement| agreement.direction().sends());
        if !sends {
            // It, or who spoke there before, sends nothing any more.
            if self.early == Some(id) {
                self.hush(turn);
            }
            return None;
        }
        let mut told = None;
        if let Some(agreement) = self.legs[waiting].medium.agreement() {
            // One that is answered, or was told early by another: what is sent early does not change what it speaks.
            let spoken = self.legs[id].medium.agreement().map_or(&[][..], |agreement| &agreement.codecs);
            if !takes_first(&agreement.codecs, spoken) && !self.is_transcoded(&agreement.codecs, spoken) {
                return None;
            }
        } else if self.legs[waiting].medium.asked().is_none() {
            // It made no offer: it is made the one that was answered here.
            let terms = self.legs[id].medium.agreement()?.terms();
            return self.offer_early(waiting, id, &terms);
        } else {
            let terms = self.legs[id].medium.agreement()?.terms();
            told = Some(MediaExchange::Answer(self.answer_by(waiting, &terms)?));
        }
        self.early = Some(id);
        self.connect(turn);
        told
    }

    /// Who was heard is heard no longer: the waiting leg hears that it rings, once somebody does.
    fn hush(&mut self, turn: &mut Turn<'_>) {
        self.early = None;
        self.connect(turn);
    }

    /// Passes the progress on: of the leg that is heard, or of any while none is. Not twice in a row the same.
    fn tell_progress(&mut self, turn: &mut Turn<'_>, waiting: LegId, id: LegId, state: LegState) {
        let heard = self.early.is_none_or(|early| early == id);
        let said = state.cause.as_ref().and_then(|cause| cause.code);
        let party = self.legs[id].stated();
        let leg = &mut self.legs[waiting];
        if let Some(asked) = &leg.asked
            && (state.media.is_some() || (heard && (leg.told, leg.told_code) != (state.phase, said)))
        {
            (leg.told, leg.told_code) = (state.phase, said);
            asked.progress(turn.outbox, one(LegState { party, ..state }));
        }
    }
}

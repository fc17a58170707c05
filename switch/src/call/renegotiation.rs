//! A leg offers anew: hold, retrieve, other codecs, another address (RFC 3264 §8).
//!
//! | what changed | what is done |
//! |---|---|
//! | the address alone | answered at once, a plan of a new generation |
//! | the direction | passed to the other leg; if that one refuses, answered at once all the same; if its own offer crossed this one, it is told once that is over |
//! | the codecs | passed to the other leg; if that one refuses, transcoded, or else refused |
//!
//! | none: taken back, or not agreed on | both legs return to what was agreed before |
//!
//! One offer at a time in a call: another that crosses it is refused as glare (RFC 3261 §14.2).

use super::asked::Asked;
use super::call::{Call, Far};
use super::fork::cause_of;
use super::leg::LegId;
use super::purpose::Purpose;
use super::timers::Timer;
use super::turn::Turn;
use crate::limits::LEG_WITHIN;
use crate::negotiation::{Terms, flow, served};
use router::parameter::{
    Cause, CauseKind, Failure, LegPhase, LegState, MediaDescription, MediaExchange, Parameter, Reason,
};
use router::{Command, Packet, one};

/// The offer in progress.
#[derive(Debug)]
pub(super) enum Exchange {
    /// What `from` asked for was passed to `to`, whose answer decides.
    Passing { from: LegId, to: LegId, asked: Asked, codecs_changed: bool },
    /// An offer of ours went to `leg` in an answer; its own answer comes by a `Set`. Where the offer was another leg's, that
    /// one waits for it.
    Answering { leg: LegId, deliver_to: Option<LegId> },
    /// That answer is on its way to the leg that waited.
    Delivering { leg: LegId },
    /// An offer of our own to `leg`.
    Aligning { leg: LegId },
    /// An offer to `leg` that the other one has taken back meanwhile.
    Returning { leg: LegId },
}

impl Call {
    /// `Set × LegState` of a leg.
    pub(super) fn leg_described(&mut self, turn: &mut Turn<'_>, leg: LegId, asked: Asked, state: LegState) {
        self.legs[leg].note_host(&state);
        if !state.candidates.is_empty() && state.media.is_none() && state.cause.is_none() {
            return self.candidates_named(turn, leg, asked, &state.candidates);
        }
        match state.media {
            None if state.cause.is_some() => self.offer_withdrawn(turn, leg, asked),
            None if state.phase == LegPhase::Early => self.early_offer_wanted(turn, leg, asked),
            Some(MediaExchange::Answer(answer)) if self.considers(leg) => {
                self.early_offer_answered(turn, leg, asked, &answer);
            }
            Some(MediaExchange::Answer(answer)) => self.offer_answered(turn, leg, asked, answer),
            Some(MediaExchange::Offer(offer)) if !self.legs[leg].is_answered() => {
                self.offered_early(turn, leg, asked, offer);
            }
            _ if !self.legs[leg].is_answered() || self.exchange.is_some() => {
                asked.failed(turn.outbox, Failure::because(CauseKind::Glare.into()));
            }
            Some(MediaExchange::Offer(offer)) => self.leg_offered(turn, leg, asked, offer),
            None => self.offer_wanted(turn, leg, asked),
        }
    }

    fn leg_offered(&mut self, turn: &mut Turn<'_>, leg: LegId, asked: Asked, offer: MediaDescription) {
        let Some(stream) = served(&offer).and_then(|index| offer.streams.get(index)).cloned() else {
            return asked.failed(turn.outbox, Failure::because(CauseKind::IncompatibleMedia.into()));
        };
        let medium = &mut self.legs[leg].medium;
        let codecs_changed = medium.changes_codecs(&stream);
        let direction_changed = medium.agreement().is_none_or(|agreement| agreement.direction() != flow(&stream));
        medium.ask(offer);
        let other = self.other_leg(leg).filter(|&other| self.legs[other].medium.agreement().is_some());
        // Who is known to have none of them is not asked: it is transcoded for.
        let keeps = |other: LegId| self.keeps_its_codecs(other, &stream.codecs);
        let codecs_changed = codecs_changed && !other.is_some_and(keeps);
        let Some(to) = other.filter(|_| codecs_changed || direction_changed) else {
            return self.answer_at_once(turn, leg, asked);
        };
        let mut terms = Terms::of_stream(&stream);
        if !codecs_changed && let Some(agreement) = self.legs[to].medium.agreement() {
            terms.codecs.clone_from(&agreement.codecs);
        }
        let Some(offer) = self.legs[to].medium.offer(&terms) else {
            self.legs[leg].medium.forget_asked();
            return asked.failed(turn.outbox, Failure::because(CauseKind::IncompatibleMedia.into()));
        };
        self.exchange = Some(Exchange::Passing { from: leg, to, asked, codecs_changed });
        self.describe(turn, to, MediaExchange::Offer(offer));
    }

    /// The leg's last offer did not lead to an agreement: it took it back (RFC 3261 §9.2), or our answer came too late or cannot
    /// be sent. What was agreed before holds for it, and for the other leg, which may have been told already.
    fn offer_withdrawn(&mut self, turn: &mut Turn<'_>, leg: LegId, asked: Asked) {
        asked.done(turn.outbox, one(LegState::new(LegPhase::Answered)));
        match self.exchange.take() {
            Some(Exchange::Passing { from, to, asked, .. }) if from == leg => {
                asked.failed(turn.outbox, Failure::because(CauseKind::Cancelled.into()));
                self.legs[from].medium.forget_asked();
                // Our offer to the other leg is out, and its user may be asked: it is taken back (RFC 3261 §9.1). Once it is answered all the same,
                // or refused, that leg is brought back.
                let address = self.legs[to].address;
                let state = LegState { cause: Some(CauseKind::Cancelled.into()), ..LegState::new(LegPhase::Answered) };
                self.request(turn, address, Command::Set, one(state), LEG_WITHIN, Purpose::TakeBack);
                self.exchange = Some(Exchange::Returning { leg: to });
            }
            // Our offer in its response: it does not answer that any more.
            Some(Exchange::Answering { leg: offered, deliver_to: None }) if offered == leg => {
                self.cancel_timer(turn, Timer::Answer);
                self.legs[leg].medium.forget_offered();
                self.align(turn);
            }
            other => {
                self.exchange = other;
                if self.legs[leg].medium.roll_back() {
                    self.connect(turn);
                    if let Some(other) = self.other_leg(leg) {
                        self.align_with(turn, other);
                    }
                }
            }
        }
    }

    /// Sends our offer or answer to a leg.
    pub(super) fn describe(&mut self, turn: &mut Turn<'_>, leg: LegId, media: MediaExchange) {
        let address = self.legs[leg].address;
        let state = LegState::new(LegPhase::Answered).with_media(Some(media));
        self.request(turn, address, Command::Set, one(state), LEG_WITHIN, Purpose::SetLeg(leg));
    }

    /// Answers a leg's offer without asking the other one: by what that one last described.
    fn answer_at_once(&mut self, turn: &mut Turn<'_>, leg: LegId, asked: Asked) {
        let terms = match self.other_side(leg) {
            Far::Leg(other) => self.legs[other].medium.agreement().map(|agreement| agreement.terms()),
            Far::Service(_) => {
                let offered = self.legs[leg].medium.asked_terms().map(|terms| terms.codecs).unwrap_or_default();
                Some(Terms::of_codecs(self.config.services.for_offer(&offered)))
            }
            // Nobody is there yet: whatever it likes, both ways.
            Far::Nobody => self.legs[leg].medium.asked_terms().map(|terms| Terms::of_codecs(terms.codecs)),
        };
        let answer = terms.and_then(|terms| self.answer_by(leg, &terms));
        self.legs[leg].medium.forget_asked();
        match answer {
            Some(answer) => {
                self.connect(turn);
                let state = LegState::new(LegPhase::Answered).with_media(Some(MediaExchange::Answer(answer)));
                asked.done(turn.outbox, one(state));
            }
            None => asked.failed(turn.outbox, Failure::because(CauseKind::IncompatibleMedia.into())),
        }
    }

    /// A leg answered our `Set`.
    pub(super) fn leg_answered_set(&mut self, turn: &mut Turn<'_>, leg: LegId, packet: Packet) {
        if self.has_ended() {
            return;
        }
        let expired = packet.command == Command::Failed && packet.failure().reason == Reason::Expired;
        let accepted = self.accept_answer(leg, packet);
        match self.exchange.take() {
            Some(Exchange::Passing { from, to, asked, codecs_changed }) if to == leg => {
                self.passed_on(turn, (from, to), asked, codecs_changed, accepted);
                if expired {
                    // It may still take the offer, or have taken it: it is told what holds.
                    return self.align_anyway(turn, to);
                }
            }
            Some(Exchange::Aligning { leg: aligning }) if aligning == leg => self.aligned(turn, leg, accepted),
            Some(Exchange::Returning { leg: returning }) if returning == leg => {
                self.connect(turn);
                return if expired { self.align_anyway(turn, leg) } else { self.align_with(turn, leg) };
            }
            Some(Exchange::Delivering { leg: delivering }) if delivering == leg => {
                // No answer of its own is expected to an answer.
                if let Err(cause) = accepted
                    && cause.kind != CauseKind::PeerMisbehaved
                {
                    return self.end(turn, cause, None);
                }
            }
            other => self.exchange = other,
        }
        self.align(turn);
    }

    /// Takes the leg's answer to our offer into force.
    fn accept_answer(&mut self, leg: LegId, packet: Packet) -> Result<(), Cause> {
        if let (Command::Done, Some(Parameter::LegState(state))) = (packet.command, packet.parameters.first()) {
            self.legs[leg].note_host(state);
        }
        let medium = &mut self.legs[leg].medium;
        let result = match (packet.command, packet.parameters.first()) {
            (Command::Done, Some(Parameter::LegState(state))) => match &state.media {
                Some(MediaExchange::Answer(answer)) if medium.accept(answer) => Ok(()),
                Some(_) => Err(CauseKind::IncompatibleMedia.into()),
                None => Err(CauseKind::PeerMisbehaved.into()),
            },
            (Command::Done, _) => Err(CauseKind::PeerMisbehaved.into()),
            _ => Err(cause_of(packet.failure())),
        };
        medium.forget_offered();
        result
    }

    fn passed_on(
        &mut self,
        turn: &mut Turn<'_>,
        (from, to): (LegId, LegId),
        asked: Asked,
        codecs_changed: bool,
        accepted: Result<(), Cause>,
    ) {
        match accepted {
            Ok(()) => {
                self.answer_at_once(turn, from, asked);
                // If the two could not agree after all, `to` returns to what `from` still has.
                self.align_with(turn, to);
            }
            Err(cause) if !codecs_changed => {
                self.answer_at_once(turn, from, asked);
                if cause.kind == CauseKind::Glare {
                    // It has refused nothing: its own offer was on its way. It is still to be told.
                    self.align_after_glare(turn, to);
                }
            }
            Err(cause) if self.is_transcoded_for(from, to) => {
                if cause.kind == CauseKind::IncompatibleMedia
                    && let Some(terms) = self.legs[from].medium.asked_terms()
                {
                    self.legs[to].medium.note_refused(&terms.codecs);
                }
                self.answer_at_once(turn, from, asked);
                self.align_with(turn, to);
            }
            Err(cause) => {
                self.legs[from].medium.forget_asked();
                asked.failed(turn.outbox, Failure { reason: Reason::Peer, ..Failure::because(cause) });
            }
        }
    }

    /// Whether sound can be led from the offer of one to what the other one has.
    fn is_transcoded_for(&self, from: LegId, to: LegId) -> bool {
        let (asked, has) = (self.legs[from].medium.asked_terms(), self.legs[to].medium.agreement());
        asked.zip(has).is_some_and(|(asked, has)| self.is_transcoded(&asked.codecs, &has.codecs))
    }

    /// A leg leaves: what it asked for is refused, what it was asked for is no longer waited for.
    pub(super) fn leave_exchange(&mut self, turn: &mut Turn<'_>, leaving: LegId) {
        self.exchange = match self.exchange.take() {
            Some(Exchange::Passing { from, to, asked, .. }) if from == leaving || to == leaving => {
                asked.failed(turn.outbox, Failure::because(CauseKind::Glare.into()));
                self.legs[from].medium.forget_asked();
                // The offer to `to` is out: its answer still counts.
                (to != leaving).then_some(Exchange::Aligning { leg: to })
            }
            Some(
                Exchange::Answering { leg, .. }
                | Exchange::Delivering { leg }
                | Exchange::Aligning { leg }
                | Exchange::Returning { leg },
            ) if leg == leaving => None,
            other => other,
        };
    }
}

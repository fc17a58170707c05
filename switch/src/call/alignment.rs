//! Two legs that were negotiated at different times are brought to the same formats and directions: after a transfer, after
//! a call that the operator made, after early media of one leg and the answer of another.

use super::call::{Call, Far};
use super::leg::LegId;
use super::renegotiation::Exchange;
use super::timers::Timer;
use super::turn::Turn;
use crate::limits::{ALIGNMENT_ROUNDS, GLARE_ATTEMPTS};
use crate::negotiation::{Agreement, Terms, share_sound};
use router::parameter::{Cause, CauseKind, Direction, MediaExchange};
use router::time::Duration;

/// What is still to be done.
#[derive(Debug, Default)]
pub(super) struct Alignment {
    /// The leg that may need an offer.
    due: Option<LegId>,
    /// Offers that may follow.
    rounds: u8,
    /// How often an offer crossed the leg's own.
    glares: u8,
    manner: Manner,
}

/// When an offer is needed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Manner {
    /// Where formats or directions differ.
    #[default]
    Plain,
    /// Also where the leg itself asked for its direction: that may have been the answer to a hold by somebody who is gone.
    Afresh,
    /// The same, and what the other one says is what it wants: it has just said so of itself.
    Released,
    /// Always.
    Anyway,
}

impl Call {
    /// Brings `leg` to what the other side has, as soon as no other offer is in progress.
    pub(super) fn align_with(&mut self, turn: &mut Turn<'_>, leg: LegId) {
        self.align_in(turn, leg, Manner::Plain);
    }

    /// The same for a leg that was connected to somebody else before.
    pub(super) fn align_afresh(&mut self, turn: &mut Turn<'_>, leg: LegId) {
        self.align_in(turn, leg, Manner::Afresh);
    }

    /// The same for a leg that the other one may have held until now.
    pub(super) fn align_released(&mut self, turn: &mut Turn<'_>, leg: LegId) {
        self.align_in(turn, leg, Manner::Released);
    }

    /// The same for a leg of which it is not known what it agreed to last.
    pub(super) fn align_anyway(&mut self, turn: &mut Turn<'_>, leg: LegId) {
        self.align_in(turn, leg, Manner::Anyway);
    }

    /// The same for a leg whose own offer crossed one of ours, which came from the other one: after the time that RFC 3261 §14.1 gives
    /// the two, in which the leg's own comes through.
    pub(super) fn align_after_glare(&mut self, turn: &mut Turn<'_>, leg: LegId) {
        let manner = Manner::Released;
        self.alignment = Alignment { due: Some(leg), rounds: ALIGNMENT_ROUNDS, glares: 1, manner };
        let pause = glare_pause(turn, !self.legs[leg].incoming);
        self.set_timer(turn, Timer::Align, pause);
    }

    fn align_in(&mut self, turn: &mut Turn<'_>, leg: LegId, manner: Manner) {
        self.alignment = Alignment { due: Some(leg), rounds: ALIGNMENT_ROUNDS, glares: 0, manner };
        self.align(turn);
    }

    /// Goes on with what is due.
    pub(super) fn align(&mut self, turn: &mut Turn<'_>) {
        if !self.may_align() || self.has_ended() {
            return;
        }
        // Where who is transferred goes is not known yet; but where its own port is it has to know.
        let untold = |leg: LegId| self.legs[leg].medium.agreement().is_some() && !self.legs[leg].medium.is_told();
        if self.transferring.is_some() && !self.alignment.due.is_some_and(untold) {
            return;
        }
        let Some(leg) = self.alignment.due.take() else { return };
        let Some(mut terms) = self.terms_for(leg) else { return };
        let Some(agreement) = self.legs[leg].medium.agreement() else { return };
        let mut same = self.legs[leg].medium.agrees_with(&terms);
        if !same && self.keeps_its_codecs(leg, &terms.codecs) {
            terms.codecs.clone_from(&agreement.codecs);
            same = true;
        }
        let aligned = self.alignment.manner != Manner::Anyway
            && !self.legs[leg].medium.ways.are_sought_anew()
            && self.legs[leg].medium.is_told()
            && same
            && self.is_direction_aligned(agreement, terms.direction);
        if aligned || self.alignment.rounds == 0 {
            return;
        }
        self.alignment.rounds -= 1;
        if let Some(offer) = self.legs[leg].medium.offer(&terms) {
            self.exchange = Some(Exchange::Aligning { leg });
            self.describe(turn, leg, MediaExchange::Offer(offer));
        }
    }

    /// Whether no other offer is in progress, nor a pause that follows one that crossed another.
    pub(super) fn may_align(&self) -> bool {
        self.exchange.is_none() && self.timers.iter().all(|(timer, _)| *timer != Timer::Align)
    }

    /// Whether what flows to and from a leg is what the other side wants. Where our own offer kept the leg from something,
    /// what it would have liked is not known.
    fn is_direction_aligned(&self, agreement: &Agreement, wanted: Direction) -> bool {
        let (local, permitted) = (agreement.local_direction(), agreement.direction().mirrored());
        let known = (agreement.by_peer && self.alignment.manner == Manner::Plain) || wanted.and(local) == wanted;
        known && wanted.and(permitted) == local.and(permitted)
    }

    /// The leg answered our offer, or refused it.
    pub(super) fn aligned(&mut self, turn: &mut Turn<'_>, leg: LegId, accepted: Result<(), Cause>) {
        match accepted {
            Ok(()) => {
                self.connect(turn);
                // It may have taken less than it was offered: the other one follows, unless something newer is due.
                if self.alignment.due.is_none() {
                    self.alignment.due = self.other_leg(leg);
                    self.alignment.manner = Manner::Plain;
                }
            }
            Err(cause) if cause.kind == CauseKind::Glare && self.alignment.glares < GLARE_ATTEMPTS => {
                self.alignment.glares += 1;
                self.alignment.rounds += 1;
                self.alignment.due = Some(leg);
                let pause = glare_pause(turn, !self.legs[leg].incoming);
                self.set_timer(turn, Timer::Align, pause);
            }
            // It does not take what alone would reach it.
            Err(_) if self.legs[leg].medium.ways.are_sought_anew() => {
                self.end(turn, CauseKind::MediaTimeout.into(), None);
            }
            Err(cause) => {
                let terms = self.terms_for(leg);
                let agreement = self.legs[leg].medium.agreement();
                let (Some(terms), Some(agreement)) = (terms, agreement) else { return };
                if self.is_transcoded(&agreement.codecs, &terms.codecs) {
                    if cause.kind == CauseKind::IncompatibleMedia {
                        self.legs[leg].medium.note_refused(&terms.codecs);
                        // It keeps its formats; the direction, and where its port is, it may still have to be told.
                        self.alignment.due.get_or_insert(leg);
                    }
                    return self.connect(turn);
                }
                // One that was not told of its new port is heard no more.
                if !share_sound(&agreement.codecs, &terms.codecs) || !self.legs[leg].medium.is_told() {
                    self.end(turn, CauseKind::IncompatibleMedia.into(), None);
                }
            }
        }
    }

    /// What the other side gives `leg`; `None`: nobody is there.
    fn terms_for(&self, leg: LegId) -> Option<Terms> {
        if !self.legs[leg].is_answered() {
            return None;
        }
        match self.other_side(leg) {
            Far::Leg(other) => {
                let agreement = self.legs[other].medium.agreement()?;
                Some(if self.alignment.manner == Manner::Afresh { agreement.terms_anew() } else { agreement.terms() })
            }
            Far::Service(_) => Some(self.service_terms(leg)),
            Far::Nobody => None,
        }
    }

    /// A service takes what the leg already speaks, if it speaks the first of it: the rest does no harm.
    fn service_terms(&self, leg: LegId) -> Terms {
        let spoken = self.legs[leg].medium.agreement().map_or(&[][..], |agreement| &agreement.codecs);
        let services = &self.config.services;
        match services.take_first(spoken) {
            true => Terms::of_codecs(spoken.to_vec()),
            false => Terms::of_codecs(services.for_offer(self.legs[leg].medium.capabilities())),
        }
    }
}

/// RFC 3261 §14.1: who owns the Call-ID waits 2.1 to 4 seconds, the other one up to 2, in steps of 10 ms.
fn glare_pause(turn: &mut Turn<'_>, owns_call_id: bool) -> Duration {
    let (from, steps) = if owns_call_id { (2_100, 191) } else { (0, 201) };
    Duration::from_millis(from + 10 * turn.random.below(steps))
}

//! A leg that was tried answers: the first one wins.

use super::call::{Call, Far};
use super::leg::LegId;
use super::renegotiation::Exchange;
use super::timers::Timer;
use super::turn::Turn;
use crate::limits::LEG_WITHIN;
use router::one;
use router::parameter::{CauseKind, Direction, LegPhase, LegState, MediaExchange};

impl Call {
    /// Signaling says that a leg was answered.
    pub(super) fn leg_answered(&mut self, turn: &mut Turn<'_>, id: LegId, state: LegState) {
        let waiting = match &self.search {
            Some(search) if search.legs().contains(&id) => search.waiting,
            // Its answer crossed our `Stop`, or another was first.
            _ => return self.send_stop(turn, id, CauseKind::AnsweredElsewhere.into(), 1),
        };
        let leg = &mut self.legs[id];
        leg.learn(&state);
        // RFC 3261 §13.2.1: an answer to the call is one to the offer, or brings one.
        let unfit = if state.media.is_some() { CauseKind::IncompatibleMedia } else { CauseKind::PeerMisbehaved };
        let agreed = match state.media {
            Some(MediaExchange::Answer(answer)) => leg.medium.accept(&answer),
            Some(MediaExchange::Offer(offer)) => !leg.medium.has_offered() && leg.medium.ask(offer),
            // The early answer was it.
            None => leg.medium.agreement().is_some(),
        };
        leg.medium.forget_offered();
        let reply = match waiting {
            _ if !agreed => None,
            Some(waiting) if !self.legs[waiting].is_answered() => self.reply(waiting, id).map(Some),
            _ => Some(None),
        };
        let Some(reply) = reply else {
            self.stop_leg(turn, id, unfit.into());
            return self.attempt_failed(turn, id, unfit.into());
        };
        self.legs[id].phase = LegPhase::Answered;
        self.audit_later(turn, id);
        self.minute_begins(turn, id);
        self.leg_won(turn, waiting, id, reply);
    }

    /// A leg has answered the one that waits, and what that one is told is known: the others stop ringing.
    pub(super) fn leg_won(
        &mut self,
        turn: &mut Turn<'_>,
        waiting: Option<LegId>,
        id: LegId,
        reply: Option<MediaExchange>,
    ) {
        self.win(turn, id);
        match (waiting, reply) {
            (Some(waiting), Some(media)) => self.answer_caller(turn, waiting, id, media),
            (Some(_), None) if self.transferring.is_some() => self.transfer_succeeded(turn, Far::Leg(id)),
            (Some(waiting), None) => self.origination_completed(turn, waiting, Far::Leg(id)),
            (None, _) => self.first_party_answered(turn, id),
        }
    }

    /// What the leg that waits is answered: an answer to its offer, or an offer where it made none.
    pub(super) fn reply(&mut self, waiting: LegId, id: LegId) -> Option<MediaExchange> {
        if self.legs[waiting].medium.asked().is_none() {
            // The offer that it got early, or what it agreed on by that.
            if let Some(told) = self.legs[waiting].medium.last_description() {
                return Some(told);
            }
            let medium = &self.legs[id].medium;
            let terms = medium.asked_terms().or_else(|| medium.agreement().map(|agreement| agreement.terms()))?;
            let terms = self.widened(waiting, terms);
            return self.legs[waiting].medium.offer(&terms).map(MediaExchange::Offer);
        }
        // What it was told early stands (RFC 3261 §13.2.1); another leg's formats follow by an offer of ours.
        if let Some(agreement) = self.legs[waiting].medium.agreement() {
            return Some(MediaExchange::Answer(agreement.local.clone()));
        }
        let terms = self.legs[id].medium.agreement()?.terms();
        self.answer_by(waiting, &terms).map(MediaExchange::Answer)
    }

    /// Ends the search: the others are stopped.
    fn win(&mut self, turn: &mut Turn<'_>, id: LegId) {
        let Some(search) = self.search.take() else { return };
        self.cancel_timer(turn, Timer::Setup);
        for &other in search.legs() {
            if other != id {
                self.stop_and_drop(turn, other, CauseKind::AnsweredElsewhere.into());
            }
        }
        self.early = None;
        let name = self.legs[id].peer.name().to_owned();
        self.sought().destination = Some(name.into());
    }

    /// The caller gets its answer; the media worker is not waited for.
    fn answer_caller(&mut self, turn: &mut Turn<'_>, near: LegId, id: LegId, media: MediaExchange) {
        self.far = Far::Leg(id);
        self.conversation.callee = Some(id);
        let offered = matches!(media, MediaExchange::Offer(_));
        let party = self.legs[id].stated();
        self.answer_near(turn, near, LegState { party, ..LegState::new(LegPhase::Answered).with_media(Some(media)) });
        let changed =
            self.legs[near].medium.agreement().is_some_and(|agreement| agreement.direction() != Direction::SendReceive);
        if offered {
            // Whose early offer is answered already waits for nothing.
            let deliver_to = self.legs[id].medium.asked().map(|_| id);
            self.exchange = Some(Exchange::Answering { leg: near, deliver_to });
            self.set_timer(turn, Timer::Answer, LEG_WITHIN);
        } else if self.legs[id].medium.asked().is_some() {
            // Its own offer, to a caller that has agreed on an early one of another's.
            self.deliver(turn, near, id);
        } else {
            // A caller may hold before it is answered (RFC 3311 §5.1).
            self.align_with(turn, if changed { id } else { near });
        }
    }

    /// Answers the incoming leg: the call is up.
    pub(super) fn answer_near(&mut self, turn: &mut Turn<'_>, near: LegId, state: LegState) {
        let leg = &mut self.legs[near];
        leg.phase = LegPhase::Answered;
        leg.medium.forget_asked();
        let asked = leg.asked.take();
        self.call_answered(turn);
        self.connect(turn);
        if let Some(asked) = asked {
            asked.done(turn.outbox, one(state));
        }
    }

    /// Both sides are there for the first time.
    pub(super) fn call_answered(&mut self, turn: &mut Turn<'_>) {
        if self.answered.is_some() {
            return;
        }
        self.answered = Some(turn.now);
        self.conversation.answered = Some(turn.now.wall);
        self.record_answered(turn);
        turn.counters.answered += 1;
        if let Some(length) = self.config.length_max {
            self.set_timer(turn, Timer::Length, length);
        }
        self.log_answered();
    }
}

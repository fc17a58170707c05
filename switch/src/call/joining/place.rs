//! What becomes of the one who comes, by what the one in whose place it comes was doing.

use super::{Adopting, By};
use crate::call::call::{Call, Far};
use crate::call::leg::LegId;
use crate::call::renegotiation::Exchange;
use crate::call::timers::Timer;
use crate::call::transfer::Transferring;
use crate::call::turn::Turn;
use crate::limits::LEG_WITHIN;
use crate::negotiation::Terms;
use router::one;
use router::parameter::{CauseKind, Failure, LegPhase, LegState, MediaExchange, Party, Transfer};

impl Call {
    /// What the one who comes is told where it called: by what the other side gives. `None`: they have no sound in common.
    fn reply_to(&mut self, joined: LegId, terms: &Terms) -> Option<MediaExchange> {
        if self.legs[joined].medium.asked().is_some() {
            return self.answer_by(joined, terms).map(MediaExchange::Answer);
        }
        let terms = self.widened(joined, terms.clone());
        self.legs[joined].medium.offer(&terms).map(MediaExchange::Offer)
    }

    /// Answers who called to come here.
    fn admit(&mut self, turn: &mut Turn<'_>, joined: LegId, state: LegState) {
        let leg = &mut self.legs[joined];
        leg.phase = LegPhase::Answered;
        leg.medium.forget_asked();
        if let Some(asked) = leg.asked.take() {
            asked.done(turn.outbox, one(state));
        }
    }

    /// In the place of one who talks.
    pub(super) fn takes_part(&mut self, turn: &mut Turn<'_>, adopting: Adopting) {
        let (joined, replaced, other) = (adopting.joined, adopting.replaced, self.other_side(adopting.replaced));
        let invited = self.legs[joined].asked.is_some();
        let mut reply = None;
        if invited {
            let (terms, party) = match other {
                Far::Leg(other) => {
                    let terms = self.legs[other].medium.agreement().map(|agreed| agreed.terms());
                    (terms, self.shown_to(joined, other))
                }
                Far::Service(_) => (Some(Terms::of_codecs(self.services_for(joined))), None),
                Far::Nobody => (None, None),
            };
            let Some(media) = terms.and_then(|terms| self.reply_to(joined, &terms)) else {
                return self.adoption_failed(turn, adopting, CauseKind::IncompatibleMedia.into());
            };
            reply = Some(LegState { party, ..LegState::new(LegPhase::Answered).with_media(Some(media)) });
        }
        let Adopting { by, next, with_port, in_doubt, told, .. } = adopting;
        let Some(next) = next else { return };
        let (number, stays) = (self.conversation.number(), if let Far::Leg(leg) = other { Some(leg) } else { None });
        let next = next.with_callee(stays, stays.map(|leg| self.legs[leg].peer.name().into()));
        self.conversation_left(turn, CauseKind::Transferred.into(), replaced, stays);
        if with_port {
            self.ask_count(turn, joined, number);
        }
        let party = self.legs[joined].party.clone();
        self.conversation_follows(turn, CauseKind::Transferred.into(), party, next);
        self.leave_exchange(turn, replaced);
        let party = stays.map_or_else(|| self.called.clone(), |leg| self.legs[leg].party.clone());
        self.tell_guest(turn, told, Ok(party));
        if let Some(By { leg, asked, transfer }) = by {
            asked.done(turn.outbox, one(Transfer { phase: LegPhase::Answered, ..transfer }));
            self.stop_leg(turn, leg, CauseKind::Transferred.into());
        }
        self.part(turn);
        self.stop_and_drop(turn, replaced, CauseKind::Transferred.into());
        (self.near, self.far) = (Some(joined), other);
        let offered = reply.as_ref().is_some_and(|state| matches!(state.media, Some(MediaExchange::Offer(_))));
        if let Some(state) = reply {
            self.admit(turn, joined, state);
        }
        self.connect(turn);
        self.introduce(turn);
        if offered {
            self.exchange = Some(Exchange::Answering { leg: joined, deliver_to: None });
            self.set_timer(turn, Timer::Answer, LEG_WITHIN);
        } else if in_doubt {
            self.align_anyway(turn, joined);
        } else {
            self.align_afresh(turn, joined);
        }
        if let (Some(stays), None) = (stays, &self.exchange) {
            // Nothing was to be said to the one who came: maybe to the one who stays.
            self.align_afresh(turn, stays);
        }
        self.complete_former(turn);
        self.look_round(turn);
    }

    /// In the place of one who has begun to talk since it was looked at.
    pub(super) fn takes_part_after_all(&mut self, turn: &mut Turn<'_>, mut adopting: Adopting) {
        if adopting.next.is_none() {
            let (joined, replaced) = (adopting.joined, adopting.replaced);
            let called = match self.other_side(replaced) {
                Far::Leg(other) => self.legs[other].party.clone(),
                _ => self.called.clone(),
            };
            let parties = (self.legs[joined].origin(), self.legs[joined].party.clone(), called);
            adopting.next = Some(self.conversation_begins(turn, joined, parties));
        }
        self.takes_part(turn, adopting);
    }

    /// In the place of one for whom somebody rings: as if it had called itself.
    pub(super) fn waits_instead(&mut self, turn: &mut Turn<'_>, adopting: Adopting) {
        let Adopting { joined, replaced, told, .. } = adopting;
        let called = self.called.clone();
        self.tell_guest(turn, told, Ok(called.clone()));
        self.waits(turn, joined, replaced);
        self.far = Far::Nobody;
        let (origin, caller) = (self.legs[joined].origin(), self.legs[joined].party.clone());
        self.conversation.taken_over_by(joined, origin, caller, called.clone());
        let rings = self.rings();
        let leg = &mut self.legs[joined];
        if let Some(asked) = leg.asked.as_ref().filter(|_| rings) {
            leg.told = LegPhase::Ringing;
            let party = leg.remote.is_some().then_some(called);
            asked.progress(turn.outbox, one(LegState { party, ..LegState::new(LegPhase::Ringing) }));
        }
    }

    /// Who is at a leg, as the one is told who comes to talk to it: another platform has named a dialog alone, and does not know.
    fn shown_to(&self, joined: LegId, other: LegId) -> Option<Party> {
        let leg = &self.legs[other];
        let known = self.legs[joined].remote.is_some() && leg.verified;
        leg.stated().or_else(|| known.then(|| leg.party.clone()))
    }

    /// Whether anybody rings whom the search has found.
    fn rings(&self) -> bool {
        let rings = |&leg: &LegId| matches!(self.legs[leg].phase, LegPhase::Ringing | LegPhase::Early);
        self.search.as_ref().is_some_and(|search| search.legs().iter().any(rings))
    }

    /// One leg waits for who rings in the place of another, which is released.
    fn waits(&mut self, turn: &mut Turn<'_>, joined: LegId, replaced: LegId) {
        let (caller, verified) = (self.legs[joined].party.clone(), self.legs[joined].verified);
        if let Some(search) = &mut self.search {
            search.waiting = Some(joined);
            (search.caller, search.verified) = (caller, verified);
        }
        self.legs[replaced].phase = LegPhase::Released;
        if let Some(asked) = self.legs[replaced].asked.take() {
            asked.failed(turn.outbox, Failure::because(CauseKind::Cancelled.into()));
        }
        if self.early.take().is_some() {
            self.part(turn);
        }
        self.close_port(turn, replaced);
        self.near = Some(joined);
    }

    /// In the place of one for whom somebody rings: from here on it is a transfer to who rings.
    pub(super) fn waits_in_place(&mut self, turn: &mut Turn<'_>, adopting: Adopting) {
        let (joined, replaced) = (adopting.joined, adopting.replaced);
        let Adopting { by: Some(By { leg: by, asked, transfer }), next: Some(next), with_port, in_doubt, told, .. } =
            adopting
        else {
            return;
        };
        self.tell_guest_of(turn, told, self.called.clone(), next.number());
        self.waits(turn, joined, replaced);
        self.far = if self.legs[by].is_released() { Far::Nobody } else { Far::Leg(by) };
        self.answered = Some(turn.now);
        self.conversation_left(turn, CauseKind::Transferred.into(), replaced, None);
        let transfer = Transfer { target: self.called.clone(), ..transfer };
        asked.progress(turn.outbox, one(transfer.clone()));
        // The two have talked to each other before, in the call that they come from.
        [joined, by].into_iter().for_each(|leg| self.comes_known(leg));
        self.transferring = Some(Transferring { asked: Some(asked), by, moved: joined, transfer, next });
        self.connect(turn);
        if in_doubt || !with_port {
            self.align_anyway(turn, joined);
        }
        if self.rings() {
            self.transfer_progressed(turn, LegPhase::Ringing);
        }
    }

    /// A transfer to who rang already has come to nothing: the two who were to be parted begin a conversation of their own here.
    pub(in crate::call) fn conversation_resumes(&mut self, turn: &mut Turn<'_>, by: LegId, moved: LegId) {
        if self.conversation.closed.is_none() {
            return;
        }
        let (origin, party) = (self.legs[by].origin(), self.legs[by].party.clone());
        let parties = (origin, self.legs[moved].party.clone(), party.clone());
        let name = self.legs[by].peer.name().to_owned();
        let next = self.conversation_begins(turn, moved, parties).with_callee(Some(by), Some(name.into()));
        self.conversation_follows(turn, CauseKind::Transferred.into(), party, next);
        self.complete_former(turn);
    }

    /// In the place of one who rings: it is answered.
    pub(super) fn picks_up(&mut self, turn: &mut Turn<'_>, adopting: Adopting) {
        let joined = adopting.joined;
        let Some(waiting) = self.search.as_ref().and_then(|search| search.waiting) else {
            return self.adoption_failed(turn, adopting, CauseKind::AnsweredElsewhere.into());
        };
        let mut state = LegState { party: self.legs[waiting].stated(), ..LegState::new(LegPhase::Answered) };
        let invited = self.legs[joined].asked.is_some();
        if invited {
            let agreed = self.legs[waiting].medium.agreement().map(|agreement| agreement.terms());
            let terms = agreed.or_else(|| self.legs[waiting].medium.asked_terms());
            // Who calls without an offer, for one who waits for an answer: neither can be told anything before the other.
            let described = self.legs[joined].medium.asked().is_some();
            state.media = terms.filter(|_| described).and_then(|terms| self.reply_to(joined, &terms));
        }
        let reply = match self.legs[waiting].is_answered() {
            _ if invited && state.media.is_none() => None,
            true => Some(None),
            false => self.reply(waiting, joined).map(Some),
        };
        let Some(reply) = reply else {
            return self.adoption_failed(turn, adopting, CauseKind::IncompatibleMedia.into());
        };
        if invited {
            self.admit(turn, joined, state);
        }
        let party = self.legs[waiting].party.clone();
        self.tell_guest(turn, adopting.told, Ok(party));
        if let Some(By { leg, asked, transfer }) = adopting.by {
            asked.done(turn.outbox, one(Transfer { phase: LegPhase::Answered, ..transfer }));
            self.stop_leg(turn, leg, CauseKind::Transferred.into());
        }
        tracing::info!(call = %self.id, "picked up");
        self.leg_won(turn, Some(waiting), joined, reply);
        self.introduce(turn);
        if !invited {
            self.align_afresh(turn, joined);
        }
    }
}

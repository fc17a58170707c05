//! Blind transfer: a leg's peer sends the other leg to somebody else. To one who is in a call already: see `dialog`.
//!
//! ```text
//!   X ══ Y           X asks: Y is to be connected to Z
//!   X ══ Y   Z …     Z is searched for by the plan, with X's rights; X and Y go on talking (or X hangs up, or holds Y, and Y hears
//!                    that Z rings)
//!        Y ══ Z      Z answered: Y is brought to what Z speaks, X is released
//!   X ══ Y           Z did not: all as before
//!        Y ‥ X      Z did not, and X has hung up meanwhile: X is called back, see `recall`
//! ```

use super::asked::Asked;
use super::call::{Call, Far, refused};
use super::conversation::Conversation;
use super::leg::LegId;
use super::search::Search;
use super::timers::Timer;
use super::turn::Turn;
use crate::plan::Step;
use router::one;
use router::parameter::{Cause, CauseKind, Failure, LegPhase, Origin, Reason, Transfer};

/// A transfer in progress.
#[derive(Debug)]
pub(super) struct Transferring {
    /// The request; `None`: who asked is being called back.
    pub(super) asked: Option<Asked>,
    /// Who asked for it.
    pub(super) by: LegId,
    /// Who is sent.
    pub(super) moved: LegId,
    /// As asked.
    pub(super) transfer: Transfer,
    /// What it is to begin.
    pub(super) next: Conversation,
}

impl Call {
    /// `Start × Transfer` of a leg.
    pub(super) fn transfer_asked(&mut self, turn: &mut Turn<'_>, by: LegId, asked: Asked, transfer: Transfer) {
        if let Some(transferring) = &mut self.transferring {
            if transferring.by == by && transferring.transfer.target == transfer.target {
                let progress = Transfer { phase: LegPhase::Trying, ..transfer };
                asked.progress(turn.outbox, one(progress));
                return match &mut transferring.asked {
                    Some(former) => former.superseded(turn.outbox, asked),
                    None => asked.failed(turn.outbox, Failure::because(CauseKind::Glare.into())),
                };
            }
            return asked.failed(turn.outbox, Failure::because(CauseKind::Glare.into()));
        }
        if self.joining.is_some() {
            return asked.failed(turn.outbox, Failure::because(CauseKind::Glare.into()));
        }
        let mut asked = Some(asked);
        if self.invites(turn, by, &mut asked, &transfer) {
            return;
        }
        let Some(asked) = asked else { return };
        self.transfer_begins(turn, by, asked, transfer, None);
    }

    /// The one who talks to `by` is sent to the target: where the plan says, or there.
    pub(super) fn transfer_begins(
        &mut self,
        turn: &mut Turn<'_>,
        by: LegId,
        asked: Asked,
        transfer: Transfer,
        there: Option<Step>,
    ) {
        let (Some(moved), true, None) = (self.other_leg(by), self.legs[by].is_answered(), &self.search) else {
            return asked.failed(turn.outbox, refused("there is no other leg to transfer"));
        };
        if transfer.target.user().is_empty() && there.is_none() {
            return asked.failed(turn.outbox, Failure::new(Reason::Invalid).with_detail("no target"));
        }
        let transfer = Transfer { phase: LegPhase::Trying, cause: None, ..transfer };
        asked.progress(turn.outbox, one(transfer.clone()));
        // The caller's own origin may be more than its peer's name says: the operator's.
        let origin = if self.legs[by].incoming && self.origin != Origin::Control {
            self.origin.clone()
        } else {
            self.legs[by].origin()
        };
        let anonymous = self.legs[moved].hidden;
        let parties = (origin.clone(), self.legs[moved].party.clone(), transfer.target.clone());
        let next = self.conversation_begins(turn, moved, parties);
        let search =
            Search::new(Some(moved), origin, self.legs[moved].party.clone(), anonymous, transfer.target.clone())
                .verified(self.legs[moved].verified)
                .referred_by(transfer.referred_by.clone().filter(|_| !self.legs[by].hidden));
        let search = match there {
            Some(step) => search.placed(step),
            None => search,
        };
        tracing::info!(call = %self.id, to = self.shown(transfer.target.user()), "transfer asked for");
        self.transferring = Some(Transferring { asked: Some(asked), by, moved, transfer, next });
        // A service is there at once, and some numbers are nobody's: what becomes of it may be known within this turn.
        self.settle(turn);
        self.set_timer(turn, Timer::Setup, self.config.setup_timeout);
        self.search_begin(turn, search);
    }

    /// The new leg rings.
    pub(super) fn transfer_progressed(&mut self, turn: &mut Turn<'_>, phase: LegPhase) {
        if let Some(transferring) = &mut self.transferring
            && transferring.transfer.phase != phase
        {
            transferring.transfer.phase = phase;
            if let Some(asked) = &transferring.asked {
                asked.progress(turn.outbox, one(transferring.transfer.clone()));
            }
        }
    }

    /// The new leg, or a service, is there: the moved leg is joined to it, the one that asked is released.
    pub(super) fn transfer_succeeded(&mut self, turn: &mut Turn<'_>, far: Far) {
        let Some(Transferring { asked, by, moved, mut transfer, mut next }) = self.transferring.take() else { return };
        if let Far::Leg(leg) = far {
            next.callee = Some(leg);
            // Into a dialog that nobody had a name for: who is there says so.
            if transfer.target.user().is_empty() {
                transfer.target = self.legs[leg].party.clone();
                next.learn_called(transfer.target.clone());
            }
        }
        self.conversation_left(turn, CauseKind::Transferred.into(), by, [moved]);
        self.conversation_follows(turn, CauseKind::Transferred.into(), transfer.target.clone(), next);
        if let Some(asked) = asked {
            asked.done(turn.outbox, one(Transfer { phase: LegPhase::Answered, ..transfer }));
        }
        self.leave_exchange(turn, by);
        self.part(turn);
        self.stop_and_drop(turn, by, CauseKind::Transferred.into());
        self.near = Some(moved);
        self.far = far;
        tracing::info!(call = %self.id, to = self.conversation.destination.as_deref().map(|name| self.shown(name)), "transferred");
        self.connect(turn);
        self.introduce(turn);
        self.align_afresh(turn, moved);
        self.complete_former(turn);
        self.look_round(turn);
    }

    /// Nobody was found. Who asked is told, and the two go on as before; if it has left, the call is over.
    pub(super) fn transfer_failed(&mut self, turn: &mut Turn<'_>, cause: Cause) {
        let Some(Transferring { asked, by, moved, next, .. }) = self.transferring.take() else { return };
        self.conversation_failed(turn, next, cause.clone(), cause.code.map(|_| false));
        self.cancel_timer(turn, Timer::Setup);
        tracing::info!(call = %self.id, cause = cause.kind.name(), "transfer failed");
        let is_recall = asked.is_none();
        if let Some(asked) = asked {
            asked.failed(turn.outbox, Failure::because(cause.clone()));
        }
        if self.legs[by].is_released() {
            if is_recall || !self.recall(turn, by, moved) {
                self.end(turn, cause, None);
            }
        } else {
            self.conversation_resumes(turn, by, moved);
            self.not_transferred = Some(Box::new(cause));
            // The one that was to be sent on may have heard it ring.
            self.connect(turn);
            self.align(turn);
        }
    }

    /// Whether `leg` asked for a transfer that is in progress: it may leave (RFC 5589 §6.1).
    pub(super) fn is_transferring_away(&self, leg: LegId) -> bool {
        self.transferring.as_ref().is_some_and(|transferring| transferring.by == leg)
    }

    /// The leg that asked hangs up before the new one has answered: the moved one waits.
    pub(super) fn transferor_left(&mut self, turn: &mut Turn<'_>, by: LegId, cause: Cause) {
        let Some(moved) = self.transferring.as_ref().map(|transferring| transferring.moved) else { return };
        self.conversation_left(turn, cause, by, [moved]);
        self.leave_exchange(turn, by);
        self.part(turn);
        self.close_port(turn, by);
        self.near = Some(moved);
        self.far = Far::Nobody;
        self.connect(turn);
    }

    /// The call ends: a transfer in progress does too.
    pub(super) fn transfer_ended(&mut self, turn: &mut Turn<'_>, cause: &Cause, by: Option<LegId>) {
        if let Some(Transferring { asked, moved, next, .. }) = self.transferring.take() {
            let given_up = by == Some(moved);
            let why = if given_up { CauseKind::Cancelled.into() } else { cause.clone() };
            self.conversation_failed(turn, next, why, given_up.then_some(true));
            if let Some(asked) = asked {
                asked.failed(turn.outbox, Failure::because(cause.clone()));
            }
        }
    }
}

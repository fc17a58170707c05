//! The end of a call: whoever brings it about, every leg is stopped, the session closed, the record written.

use super::asked::Asked;
use super::call::{Call, Far};
use super::leg::LegId;
use super::purpose::Purpose;
use super::timers::Timer;
use super::turn::Turn;
use crate::limits::{RELEASE_ATTEMPTS, STOP_WITHIN};
use router::parameter::{CallQuality, Cause, CauseKind, Failure, LegPhase, LegState, Reason};
use router::time::WallTime;
use router::{Command, Packet, Parameters, one};

/// How a call ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) cause: Cause,
    /// Whether the caller's side ended it; `None`: neither side did.
    pub(super) by_caller: Option<bool>,
    pub(super) at: WallTime,
    /// Whether the session is closed and the record handed to the store.
    pub(super) concluded: bool,
}

impl Call {
    /// `Stop × LegState` of a leg: its peer hung up, gave up, or is gone. Answered at once.
    pub(super) fn leg_stopped(&mut self, turn: &mut Turn<'_>, leg: LegId, asked: Asked, state: LegState) {
        asked.done(turn.outbox, Parameters::new());
        if self.has_ended() || self.legs[leg].is_released() {
            return;
        }
        // The caller's CANCEL met our answer before that was sent: to it there was none.
        let cancelled = state.cause.as_ref().is_some_and(|cause| cause.kind == CauseKind::Cancelled);
        if cancelled && self.near == Some(leg) && self.legs[leg].incoming && self.legs[leg].is_answered() {
            (self.answered, self.conversation.answered) = (None, None);
        }
        let kind = if self.legs[leg].is_answered() { CauseKind::Normal } else { CauseKind::Cancelled };
        self.leg_left(turn, leg, state.cause.unwrap_or_else(|| kind.into()));
    }

    /// A leg has ended by itself.
    pub(super) fn leg_left(&mut self, turn: &mut Turn<'_>, leg: LegId, cause: Cause) {
        if self.search.as_ref().is_some_and(|search| search.legs().contains(&leg)) {
            return self.attempt_failed(turn, leg, cause);
        }
        let waits = self.legs[leg].asked.take();
        self.legs[leg].phase = LegPhase::Released;
        if self.left_while_adopting(turn, leg, &cause) {
            if let Some(waits) = waits {
                waits.failed(turn.outbox, Failure::because(cause));
            }
            return;
        }
        if self.is_transferring_away(leg) {
            return self.transferor_left(turn, leg, cause);
        }
        self.end(turn, cause.clone(), Some(leg));
        if let Some(waits) = waits {
            waits.failed(turn.outbox, Failure::because(cause));
        }
    }

    /// The operator hangs up.
    pub(crate) fn hang_up(&mut self, turn: &mut Turn<'_>) {
        self.end(turn, CauseKind::Administrative.into(), None);
    }

    /// Ends the call. `by`: the leg that did.
    pub(super) fn end(&mut self, turn: &mut Turn<'_>, cause: Cause, by: Option<LegId>) {
        if self.has_ended() {
            return;
        }
        let party = by.filter(|leg| self.legs[*leg].remote.is_none() || !is_nobodys_will(&cause));
        let by_caller = party.map(|leg| self.conversation.by_caller(leg));
        self.end_by(turn, cause, by_caller, by);
    }

    /// Nobody is called any more: the call ends, by the peer's will where one said so. `first`: that one was the first party of a
    /// call that the operator makes.
    pub(super) fn end_unanswered(&mut self, turn: &mut Turn<'_>, cause: Cause, first: bool) {
        if !self.has_ended() {
            let by_caller = cause.code.map(|_| first);
            self.end_by(turn, cause, by_caller, None);
        }
    }

    fn end_by(&mut self, turn: &mut Turn<'_>, cause: Cause, by_caller: Option<bool>, by: Option<LegId>) {
        self.ended = Some(Ended { cause: cause.clone(), by_caller, at: turn.now.wall, concluded: false });
        turn.counters.ended(self.answered.is_some(), cause.kind);
        self.cancel_timers(turn);
        self.unguard();
        self.transfer_ended(turn, &cause, by);
        self.joining_ended(turn, &cause);
        self.origination_ended(turn, &cause);
        for leg in self.legs.open() {
            self.leave_exchange(turn, leg);
            match self.legs[leg].asked.take() {
                Some(asked) => {
                    self.legs[leg].phase = LegPhase::Released;
                    let told =
                        self.retry_after.as_ref().filter(|(of, _)| (of.kind, of.code) == (cause.kind, cause.code));
                    let retry_after_s = told.map(|&(_, seconds)| seconds);
                    let contacts = std::mem::take(&mut self.elsewhere);
                    asked.failed(turn.outbox, Failure { retry_after_s, contacts, ..Failure::because(cause.clone()) });
                }
                None => self.stop_leg(turn, leg, cause.clone()),
            }
        }
        if let Some(by) = by {
            self.leave_exchange(turn, by);
        }
        self.search = None;
        self.early = None;
        self.far = Far::Nobody;
        self.close_session(turn, 1);
    }

    /// Stops a leg, unless it has ended; one that was never started is just forgotten.
    pub(super) fn stop_leg(&mut self, turn: &mut Turn<'_>, leg: LegId, cause: Cause) {
        self.cancel_timer(turn, Timer::Ring(leg));
        if self.legs[leg].is_released() {
            return;
        }
        self.cancel_timer(turn, Timer::Ways(leg));
        let started = self.legs[leg].wanted.is_none();
        self.legs[leg].phase = LegPhase::Released;
        if started {
            self.send_stop(turn, leg, cause, 1);
        }
    }

    /// Asks signaling, or another platform, to end a leg.
    pub(super) fn send_stop(&mut self, turn: &mut Turn<'_>, leg: LegId, cause: Cause, attempt: u8) {
        if let Some(remote) = &mut self.legs[leg].remote {
            remote.stopping.get_or_insert((cause.clone(), turn.now.instant));
        }
        let address = self.legs[leg].address;
        let state = LegState::released(cause.clone());
        let purpose = Purpose::StopLeg { leg, cause, attempt };
        self.request(turn, address, Command::Stop, one(state), STOP_WITHIN, purpose);
    }

    /// Signaling stops the leg, or does not say so.
    pub(super) fn leg_stop_answered(
        &mut self,
        turn: &mut Turn<'_>,
        leg: LegId,
        cause: Cause,
        attempt: u8,
        packet: &Packet,
    ) {
        if self.legs[leg].remote.is_some() {
            return self.stop_elsewhere_answered(turn, leg, cause, attempt, packet);
        }
        if packet.command == Command::Done || !matches!(packet.failure().reason, Reason::Expired | Reason::Busy) {
            return;
        }
        if attempt < RELEASE_ATTEMPTS {
            self.send_stop(turn, leg, cause, attempt + 1);
        } else {
            turn.counters.legs_unreleased += 1;
            tracing::warn!(call = %self.id, "signaling does not say that it stopped a leg");
        }
    }

    /// The last thing: the record.
    pub(super) fn conclude(&mut self, turn: &mut Turn<'_>) {
        match &mut self.ended {
            Some(ended) if !ended.concluded => ended.concluded = true,
            _ => return,
        }
        self.complete_records(turn);
        if self.answered.is_some() {
            turn.events.publish_quality(
                turn.outbox,
                turn.now.wall,
                self.instance,
                || self.summary(),
                self.ended.as_ref().map(|ended| &ended.cause),
                || {
                    let conversation = &self.conversation;
                    let (caller, callee) = (conversation.caller_quality.clone(), conversation.callee_quality.clone());
                    CallQuality { caller, callee }
                },
            );
        }
        self.log_ended();
    }
}

/// Whether another platform that gives this cause for a leg's end says that neither party wanted it: an operator did, a bound was reached, a
/// server is gone. With a status it is a peer's refusal.
fn is_nobodys_will(cause: &Cause) -> bool {
    cause.code.is_none()
        && matches!(
            cause.kind,
            CauseKind::Administrative
                | CauseKind::TooLong
                | CauseKind::Interrupted
                | CauseKind::MediaTimeout
                | CauseKind::IncompatibleMedia
                | CauseKind::TooManyHops
                | CauseKind::Congestion
                | CauseKind::Internal
        )
}

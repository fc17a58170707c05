//! The timers of a call.

use super::call::Call;
use super::leg::LegId;
use super::turn::Turn;
use router::parameter::{CauseKind, LegPhase};
use router::time::Duration;

/// What is due at a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Timer {
    /// When to give up the whole set-up (or the set-up of a transfer).
    Setup,
    /// When to stop ringing a leg.
    Ring(LegId),
    /// When the call has lasted as long as any may.
    Length,
    /// When to no longer wait for the answer to an offer of ours that went out in an answer.
    Answer,
    /// When to repeat an offer that crossed the leg's own.
    Align,
    /// When to tell the media worker again what it did not take.
    Media,
    /// When to ask whether those are there who send no media.
    Supervise,
    /// When the next minute of a leg begins that somebody pays for.
    Minute(LegId),
    /// When to no longer wait for a peer that is looked for anew.
    Ways(LegId),
    /// When to ask another platform how a leg there stands.
    Audit(LegId),
    /// When to tell another platform again whose a leg is now.
    Handover(LegId),
    /// When to tell other platforms again who is connected with their legs.
    Connected,
    /// When to tell another platform again that a leg has ended: after so many times. It outlives the call.
    Stop(LegId, u8),
}

impl Call {
    /// Sets a timer, in the place of a former one of the same name.
    pub(super) fn set_timer(&mut self, turn: &mut Turn<'_>, timer: Timer, after: Duration) {
        self.cancel_timer(turn, timer);
        let key = turn.timers.schedule(turn.now.instant + after, (self.instance, timer));
        self.timers.push((timer, key));
    }

    /// Takes a timer back.
    pub(super) fn cancel_timer(&mut self, turn: &mut Turn<'_>, timer: Timer) {
        if let Some(index) = self.timers.iter().position(|(set, _)| *set == timer) {
            let (_, key) = self.timers.swap_remove(index);
            turn.timers.cancel(key);
        }
    }

    /// Takes all timers of a call that ends back.
    pub(super) fn cancel_timers(&mut self, turn: &mut Turn<'_>) {
        self.timers.retain(|(timer, key)| {
            let outlives = matches!(timer, Timer::Stop(..));
            if !outlives {
                turn.timers.cancel(*key);
            }
            outlives
        });
    }

    /// A timer is due.
    pub(crate) fn handle_timer(&mut self, turn: &mut Turn<'_>, timer: Timer) {
        self.timers.retain(|(set, _)| *set != timer);
        if let Timer::Stop(leg, attempt) = timer {
            return self.repeat_stop(turn, leg, attempt);
        }
        if self.has_ended() {
            return;
        }
        match timer {
            Timer::Stop(..) => {}
            Timer::Audit(leg) => self.audit(turn, leg),
            Timer::Handover(leg) => self.hand_over_again(turn, leg),
            Timer::Connected => self.tell_connected(turn),
            Timer::Setup => self.setup_timed_out(turn),
            Timer::Ring(leg) => self.ring_timed_out(turn, leg),
            Timer::Length => self.end(turn, CauseKind::TooLong.into(), None),
            Timer::Answer => self.answer_timed_out(turn),
            Timer::Align => self.align(turn),
            Timer::Ways(leg) => self.ways_due(turn, leg),
            Timer::Media => self.connect(turn),
            Timer::Minute(leg) => self.minute_begins(turn, leg),
            Timer::Supervise => self.supervision_due(turn),
        }
    }

    /// The whole set-up took too long.
    fn setup_timed_out(&mut self, turn: &mut Turn<'_>) {
        let rang = self
            .search
            .as_ref()
            .is_some_and(|search| search.legs().iter().any(|&leg| self.legs[leg].phase >= LegPhase::Ringing));
        let cause = if rang { CauseKind::NoAnswer } else { CauseKind::Timeout };
        self.search_given_up(turn, cause.into());
    }
}

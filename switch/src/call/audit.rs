//! Whether a leg at another platform is still there: each side asks the other now and then, and whenever the way between them has
//! changed, so that no call is left behind, whatever was lost.
//!
//! | what is answered | what is done |
//! |---|---|
//! | how the leg stands | goes on; after a time without an answer, the leg is brought to what it may have missed |
//! | that it has ended | the leg ends for the same cause |
//! | that there is none | asked once more, as the leg may just be changing its call; then it ends: the other platform has begun anew |
//! | nothing | asked again; the leg ends after the configured time, at once if it is not answered yet |

use super::asked::Asked;
use super::call::Call;
use super::leg::LegId;
use super::purpose::Purpose;
use super::timers::Timer;
use super::turn::Turn;
use crate::limits::{AUDIT_AGAIN, AUDIT_EVERY, AUDIT_ONCE_MORE, AUDIT_SPREAD_MS, AUDIT_WITHIN};
use router::parameter::{Cause, CauseKind, Failure, LegPhase, LegState, Parameter, Reason};
use router::time::Duration;
use router::{Command, Packet, PlatformId, one};

impl Call {
    /// Has a leg asked for in due time, if it is at another platform.
    pub(super) fn audit_later(&mut self, turn: &mut Turn<'_>, leg: LegId) {
        if self.legs[leg].remote.is_some() {
            self.audit_in(turn, leg, AUDIT_EVERY);
        }
    }

    fn audit_in(&mut self, turn: &mut Turn<'_>, leg: LegId, pause: Duration) {
        let spread = Duration::from_millis(turn.random.below(AUDIT_SPREAD_MS));
        self.set_timer(turn, Timer::Audit(leg), pause + spread);
    }

    /// Asks how a leg stands.
    pub(super) fn audit(&mut self, turn: &mut Turn<'_>, leg: LegId) {
        let is_asked =
            self.pending.iter().any(|(_, purpose)| matches!(purpose, Purpose::Audit(asked) if *asked == leg));
        if self.legs[leg].is_released() || is_asked {
            return;
        }
        let (address, phase) = (self.legs[leg].address, self.legs[leg].phase);
        let noun = one(LegState { probe: self.probe_by(turn, leg), ..LegState::new(phase) });
        self.request(turn, address, Command::Query, noun, AUDIT_WITHIN, Purpose::Audit(leg));
    }

    /// The other platform asks how the leg stands that it is.
    pub(super) fn audited(&self, turn: &mut Turn<'_>, leg: LegId, asked: Asked) {
        let leg = &self.legs[leg];
        if !leg.is_released() {
            return asked.done(turn.outbox, one(LegState::new(leg.phase)));
        }
        match leg.remote.as_ref().and_then(|remote| remote.stopping.as_ref()) {
            Some((cause, _)) => asked.done(turn.outbox, one(LegState::released(cause.clone()))),
            None => asked.failed(turn.outbox, Failure::new(Reason::NotFound).with_detail("the leg has ended")),
        }
    }

    /// What the other platform says of a leg.
    pub(super) fn audit_answered(&mut self, turn: &mut Turn<'_>, leg: LegId, packet: Packet) {
        if self.has_ended() || self.legs[leg].is_released() {
            return;
        }
        let reason = (packet.command == Command::Failed).then(|| packet.failure().reason);
        let ended = match packet.first() {
            Some(Parameter::LegState(state)) if state.phase == LegPhase::Released => {
                Some(state.cause.clone().unwrap_or_else(|| CauseKind::Normal.into()))
            }
            _ if reason == Some(Reason::NotFound) => {
                // Who was asked may have handed the leg to another call, and be about to say so.
                let doubted = self.legs[leg].remote.as_mut().map(|remote| std::mem::replace(&mut remote.doubted, true));
                if self.legs[leg].is_answered() && doubted == Some(false) {
                    return self.set_timer(turn, Timer::Audit(leg), AUDIT_ONCE_MORE);
                }
                Some(CauseKind::Interrupted.into())
            }
            _ => None,
        };
        if let Some(cause) = ended {
            return self.lost(turn, leg, cause);
        }
        let (now, grace, answered) = (turn.now.instant, self.grace(), self.legs[leg].is_answered());
        let Some(remote) = &mut self.legs[leg].remote else { return };
        remote.doubted = false;
        let unheard = matches!(
            reason,
            Some(Reason::PlatformAbsent | Reason::UnknownDestination | Reason::Expired | Reason::Busy)
        );
        if !unheard {
            let was_unheard = remote.unheard_since.take().is_some();
            self.audit_in(turn, leg, AUDIT_EVERY);
            if was_unheard && answered {
                self.align_anyway(turn, leg);
            }
            return;
        }
        let since = *remote.unheard_since.get_or_insert(now);
        let waited = now.since(since);
        // Its request has failed with the way that it came.
        let is_given_up = !answered && reason == Some(Reason::PlatformAbsent);
        if is_given_up || waited >= grace {
            return self.lost(turn, leg, CauseKind::Unreachable.into());
        }
        let pause = AUDIT_AGAIN.min(grace.saturating_sub(waited));
        self.set_timer(turn, Timer::Audit(leg), pause);
    }

    /// A leg at another platform is no more.
    fn lost(&mut self, turn: &mut Turn<'_>, leg: LegId, cause: Cause) {
        turn.counters.legs_lost += 1;
        let platform = self.legs[leg].remote.as_ref().map(|remote| remote.name.clone());
        tracing::info!(call = %self.id, platform, cause = cause.kind.name(), "a leg on another platform is no more");
        // Should it be there after all, it is told.
        self.send_stop(turn, leg, cause.clone(), 1);
        self.leg_left(turn, leg, cause);
    }

    /// The way to a platform has changed: what went over the former one may be lost.
    pub(crate) fn platform_changed(&mut self, turn: &mut Turn<'_>, platform: PlatformId) {
        let at_it = |leg: &&super::leg::Leg| leg.remote.as_ref().is_some_and(|remote| remote.platform == platform);
        let legs: Vec<_> = self.legs.iter().filter(at_it).filter(|leg| !leg.is_released()).map(|leg| leg.id).collect();
        for leg in legs {
            self.hand_over_again(turn, leg);
            match (self.legs[leg].is_answered(), self.legs[leg].incoming) {
                (true, _) => self.audit_in(turn, leg, Duration::ZERO),
                // Whoever called there may have given up already.
                (false, true) => self.audit(turn, leg),
                // Its `Start` fails by itself.
                (false, false) => {}
            }
        }
        self.tell_connected(turn);
    }
}

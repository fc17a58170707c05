//! From one step of a search to the next: fail-over, branches, the end of the plan.

use super::call::Call;
use super::leg::LegId;
use super::search::{Next, Search, Stage, is_global};
use super::turn::Turn;
use crate::plan::Step;
use router::parameter::{Cause, CauseKind, LegPhase};

impl Call {
    /// Begins a search.
    pub(super) fn search_begin(&mut self, turn: &mut Turn<'_>, search: Search) {
        self.search = Some(search);
        self.search_on(turn);
    }

    /// Takes the next step that leads anywhere.
    pub(super) fn search_on(&mut self, turn: &mut Turn<'_>) {
        while let Some(search) = &mut self.search {
            let (trunks, now) = (&*turn.trunks, turn.now);
            let is_silent = |trunk: &str| trunks.is_passed_over(now.instant, trunk);
            let next = search.next(&self.config.plan, turn.random, now.wall, is_silent);
            let next = match next {
                Next::Try(step) => match self.guard(turn, &step) {
                    Ok(()) => Next::Try(step),
                    Err(cause) => Next::Exhausted(cause),
                },
                exhausted => exhausted,
            };
            let under_way = match next {
                Next::Exhausted(cause) => return self.search_given_up(turn, cause),
                // Who is behind a trunk only that one knows, and a service is there.
                Next::Try(step) if self.is_checking() && !matches!(step, Step::Accounts(_)) => {
                    return self.ring_first_party(turn);
                }
                Next::Try(Step::Accounts(members)) => self.try_accounts(turn, members, true),
                Next::Try(Step::AccountHere(member)) => self.try_accounts(turn, vec![member], false),
                Next::Try(Step::Trunk { name, interface, number, timeout, price }) => {
                    self.try_trunk(turn, name, interface, number, timeout, price)
                }
                Next::Try(Step::Platform { platform, trunk, number, timeout }) => {
                    self.try_platform(turn, platform, trunk, number, timeout)
                }
                Next::Try(Step::Service(kind)) => self.try_service(turn, kind),
                Next::Try(Step::PickUp(number)) => self.try_pick_up(turn, &number),
                Next::Try(Step::Lookup(lookup)) => self.try_lookup(turn, lookup),
                Next::Try(Step::AtDialog(there)) => self.try_dialog(turn, *there),
                // `Search::next` resolves these itself.
                Next::Try(Step::Refuse(_) | Step::Route(..) | Step::Redirect(..) | Step::TrunkGroup { .. }) => false,
            };
            if under_way {
                return;
            }
        }
    }

    /// A leg that was tried has come to nothing.
    pub(super) fn attempt_failed(&mut self, turn: &mut Turn<'_>, leg: LegId, cause: Cause) {
        let progressed = self.legs[leg].told_ringing;
        self.legs[leg].phase = LegPhase::Released;
        self.drop_attempt(turn, leg);
        let Some(search) = &mut self.search else { return };
        search.drop_leg(leg);
        // RFC 3261 §16.7 step 5: a 6xx speaks for every place of that user.
        if is_global(&cause) {
            search.forget_redirects(&self.legs[leg].origin());
            let same_user: Vec<_> =
                search.legs().iter().copied().filter(|&other| self.legs[other].peer == self.legs[leg].peer).collect();
            for &other in &same_user {
                search.drop_leg(other);
            }
            for other in same_user {
                self.stop_and_drop(turn, other, cause.clone());
            }
        }
        let Some(search) = &mut self.search else { return };
        let on_trunk = search.on_trunk;
        let fails_over = fails_over(&cause, progressed);
        search.note_of(self.legs[leg].peer.name(), cause);
        if search.legs().is_empty() && matches!(search.stage, Stage::Ringing { .. } | Stage::Opening { .. }) {
            if on_trunk && !fails_over {
                search.skip_steps();
            }
            self.search_on(turn);
        }
    }

    /// The search has come to nothing.
    pub(super) fn search_given_up(&mut self, turn: &mut Turn<'_>, cause: Cause) {
        let first = self.search.as_ref().is_some_and(|search| search.waiting.is_none());
        if let Some(search) = &mut self.search {
            self.elsewhere = search.take_told();
        }
        self.search_abandoned(turn, cause.clone());
        if self.check_another(turn, &cause) {
            return;
        }
        if self.transferring.is_some() {
            self.transfer_failed(turn, cause);
        } else {
            self.end_unanswered(turn, cause, first);
        }
    }

    /// Ends a search and all its legs.
    pub(super) fn search_abandoned(&mut self, turn: &mut Turn<'_>, cause: Cause) {
        let Some(search) = self.search.take() else { return };
        for &leg in search.legs() {
            self.stop_and_drop(turn, leg, cause.clone());
        }
    }

    /// Stops a leg that is tried no longer, and gives its port back.
    pub(super) fn stop_and_drop(&mut self, turn: &mut Turn<'_>, leg: LegId, cause: Cause) {
        self.stop_leg(turn, leg, cause);
        self.drop_attempt(turn, leg);
    }

    pub(super) fn drop_attempt(&mut self, turn: &mut Turn<'_>, leg: LegId) {
        self.cancel_timer(turn, super::timers::Timer::Ring(leg));
        if self.early == Some(leg) {
            self.early = None;
            self.part(turn);
        }
        self.close_port(turn, leg);
    }
}

/// Whether another trunk may do better: this one did not answer at all, or failed by its own fault. Busy, declined, unknown, not
/// there at present (480) or elsewhere (3xx) is the callee's answer whichever trunk asks.
fn fails_over(cause: &Cause, progressed: bool) -> bool {
    match cause.kind {
        _ if cause.code.is_some_and(|code| (300..400).contains(&code)) => false,
        CauseKind::Timeout => !progressed,
        // Said by somebody behind the trunk; without a code it is the trunk itself that is not reached.
        CauseKind::Unreachable => cause.code.is_none(),
        CauseKind::PeerFailure | CauseKind::Congestion | CauseKind::Internal => true,
        // Another platform is about to end.
        CauseKind::Administrative => true,
        _ => false,
    }
}

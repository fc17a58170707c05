//! The search for somebody who answers: what is left of the plan, and what came of it so far.

mod best;
mod branches;
mod redirects;

pub(super) use best::is_global;

use super::diverting::Diverted;
use super::leg::LegId;
use super::locate::Sought;
use crate::limits::{LOOKUPS_PER_SEARCH, SEARCH_STEPS};
use crate::plan::{Branches, Plan, Step, trunk_of};
use crate::rates::Price;
use best::Best;
use branches::{Interrupted, Outer};
use router::parameter::{Attestation, BuiltinKind, Cause, CauseKind, Diversion, Origin, Party, Passed};
use router::time::{Duration, WallTime};
use router::{Private, Random, Transaction};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::net::IpAddr;

/// A search: for the one who called, for a leg that is transferred, for the operator.
#[derive(Debug)]
pub(super) struct Search {
    /// The leg that is to be connected; `None`: the first party of a call that the operator makes.
    pub(super) waiting: Option<LegId>,
    /// Who calls, as the callee is shown it.
    pub(super) caller: Party,
    /// Whether that is verified, so that it may be asserted (RFC 3325 §5).
    pub(super) verified: bool,
    /// Who sent the caller there (RFC 3892).
    pub(super) referred_by: Option<Private<String>>,
    /// What the caller's leg said for the other one.
    pub(super) passed: Option<Vec<Passed>>,
    /// Who sent the call on.
    pub(super) diverted: Diverted,
    /// Whether only a secure way is one: who is called was named so, or whom a callee named in its place.
    pub(super) secure: bool,
    /// Whether no limit is to refuse it.
    pub(super) urgent: bool,
    /// How far its route answers for the caller's number, where that says so.
    pub(super) attested: Option<Attestation>,
    /// Whether the callee is not to be shown who calls.
    pub(super) anonymous: bool,
    /// Who is called.
    pub(super) called: Party,
    pub(super) stage: Stage,
    /// Whose early offer the leg that waits considers.
    pub(super) considered: Option<LegId>,
    /// Whether the step in hand is a trunk, or leads to one: the next step is only for some causes.
    pub(super) on_trunk: bool,
    /// What the branches are for: the number, and on whose behalf it is called.
    number: String,
    origin: Origin,
    /// What the steps in hand are for, where it is not what the branches are for.
    in_hand: Option<(String, Origin)>,
    steps: VecDeque<Step>,
    /// Trunks among them that are tried last: they have not responded of late.
    passed_over: VecDeque<Step>,
    /// What is left of the destinations that another number interrupted.
    interrupted: Vec<Interrupted>,
    branches: Branches,
    /// Whether only a secure way is one for them.
    branches_secure: bool,
    /// The branches of routes that led to that number, the innermost last: for what the ones in force say nothing of.
    outer: Vec<Outer>,
    /// Where callees said that their user is, to be tried next.
    redirects: VecDeque<Step>,
    /// Which of them they want to be reached by a secure way alone.
    secured: Vec<String>,
    /// Numbers that need not be followed again, the one that was called first.
    followed: Vec<String>,
    budget: u8,
    /// Numbers that the name service may still be asked for.
    lookups: u8,
    best: Option<Best>,
    /// How long the trunk in hand may ring and what it costs, as long as it may be called once more from another address of ours.
    at_trunk: Option<(Option<Duration>, Option<Price>)>,
    /// Whether the trunk in hand is called so.
    is_again: bool,
    /// Where the caller is told to call, best first, and by which code: what callees of the destination in hand have said.
    told: (Option<u16>, Vec<Party>),
}

/// What is under way for the step in hand.
#[derive(Debug)]
pub(super) enum Stage {
    /// Nothing.
    Idle,
    /// The registrars are asked where accounts are.
    Asking { outstanding: usize, sought: Vec<Sought> },
    /// The name service is asked for a number.
    LookingUp(Transaction),
    /// Ports are being opened for these legs, or for the service.
    Opening { legs: Vec<LegId>, service: Option<BuiltinKind> },
    /// These legs ring.
    Ringing { legs: Vec<LegId> },
}

/// What a search does next.
#[derive(Debug)]
pub(super) enum Next {
    /// Try this.
    Try(Step),
    /// Nothing is left; why.
    Exhausted(Cause),
}

impl Search {
    /// A search for `called`.
    pub(super) fn new(waiting: Option<LegId>, origin: Origin, caller: Party, anonymous: bool, called: Party) -> Self {
        let (number, secure) = (called.user().to_owned(), called.secure);
        Self {
            waiting,
            caller,
            verified: false,
            referred_by: None,
            passed: None,
            diverted: Diverted::default(),
            secure,
            urgent: false,
            attested: None,
            anonymous,
            called,
            stage: Stage::Idle,
            considered: None,
            on_trunk: false,
            steps: VecDeque::from([Step::Route(number.clone(), origin.clone())]),
            passed_over: VecDeque::new(),
            interrupted: Vec::new(),
            redirects: VecDeque::new(),
            secured: Vec::new(),
            followed: Vec::new(),
            number,
            origin,
            in_hand: None,
            branches: Branches::default(),
            branches_secure: secure,
            outer: Vec::new(),
            budget: SEARCH_STEPS,
            lookups: LOOKUPS_PER_SEARCH,
            best: None,
            told: (None, Vec::new()),
            at_trunk: None,
            is_again: false,
        }
    }

    /// A trunk is tried.
    pub(super) fn at_trunk(&mut self, timeout: Option<Duration>, price: Option<Price>) {
        self.at_trunk = if std::mem::take(&mut self.is_again) { None } else { Some((timeout, price)) };
    }

    /// The trunk in hand is tried next, with a port at another address of ours. False: it has been.
    pub(super) fn again_at(&mut self, name: String, interface: IpAddr, number: String) -> bool {
        let Some((timeout, price)) = self.at_trunk.take() else { return false };
        self.steps.push_front(Step::Trunk { name, interface, number, timeout, price });
        self.is_again = true;
        true
    }

    /// Whether the name service may be asked once more.
    pub(super) fn may_look_up(&mut self) -> bool {
        let left = self.lookups.checked_sub(1);
        self.lookups = left.unwrap_or(0);
        left.is_some()
    }

    /// What is said of the number that is called. What the caller has said of it counts more: whoever has looked a number up says so, and nobody
    /// does behind (RFC 4694).
    pub(super) fn carry(&mut self, said: Passed) {
        let passed = self.passed.get_or_insert_default();
        if !passed.iter().any(|known| known.name == said.name) {
            passed.push(said);
        }
    }

    /// These are tried next, before what is left of the destination.
    pub(super) fn go_first(&mut self, steps: Vec<Step>) {
        for step in steps.into_iter().rev() {
            self.steps.push_front(step);
        }
    }

    /// Where another platform has decided that the call goes: there, and nowhere else.
    pub(super) fn placed(self, step: Step) -> Self {
        Self { steps: VecDeque::from([step]), ..self }
    }

    /// The number that is looked for, as routes see it.
    pub(super) fn number(&self) -> &str {
        self.in_hand.as_ref().map_or(&self.number, |(number, _)| number)
    }

    /// On whose behalf it is, as things stand: of who has sent the call on.
    pub(super) fn origin(&self) -> &Origin {
        self.in_hand.as_ref().map_or(&self.origin, |(_, origin)| origin)
    }

    /// Whether the caller is verified.
    pub(super) fn verified(self, verified: bool) -> Self {
        Self { verified, ..self }
    }

    /// Who sent the caller there.
    pub(super) fn referred_by(self, referred_by: Option<Private<String>>) -> Self {
        Self { referred_by, ..self }
    }

    /// What the caller's leg said for the other one.
    pub(super) fn passed(self, passed: Option<Vec<Passed>>) -> Self {
        Self { passed, ..self }
    }

    /// Who sent the call on before it came here.
    pub(super) fn diverted(self, diversions: Vec<Diversion>) -> Self {
        if diversions.is_empty() { self } else { Self { diverted: Diverted::of(diversions), ..self } }
    }

    /// Whether the caller wants a secure way alone.
    pub(super) fn secured(self, secure: bool) -> Self {
        Self { secure: secure || self.secure, ..self }
    }

    /// The legs that are being tried.
    pub(super) fn legs(&self) -> &[LegId] {
        match &self.stage {
            Stage::Opening { legs, .. } | Stage::Ringing { legs } => legs,
            Stage::Idle | Stage::Asking { .. } | Stage::LookingUp(_) => &[],
        }
    }

    /// A leg is no longer tried. False: it was not.
    pub(super) fn drop_leg(&mut self, leg: LegId) -> bool {
        let (Stage::Opening { legs, .. } | Stage::Ringing { legs }) = &mut self.stage else { return false };
        let before = legs.len();
        legs.retain(|&tried| tried != leg);
        legs.len() < before
    }

    /// The next thing to try. `is_silent`: whether a trunk is to be passed over while there is another one. `random` orders the trunks
    /// of a group, `now` says which routes are in force.
    pub(super) fn next(
        &mut self,
        plan: &Plan,
        random: &mut Random,
        now: WallTime,
        is_silent: impl Fn(&str) -> bool,
    ) -> Next {
        self.stage = Stage::Idle;
        loop {
            if !self.redirects.is_empty() {
                self.interrupt(false);
                self.steps = std::mem::take(&mut self.redirects);
            }
            let step = match self.steps.pop_front() {
                Some(step) if trunk_name(&step).is_some_and(|name| is_silent(&name)) => {
                    self.passed_over.push_back(step);
                    continue;
                }
                Some(Step::TrunkGroup { name, number, timeout, price }) => {
                    let members = plan.trunk_group(&name).map(|group| group.ordered(random)).unwrap_or_default();
                    for member in members.into_iter().rev() {
                        self.steps.push_front(plan.trunk_step(&member.trunk, number.clone(), timeout, price));
                    }
                    continue;
                }
                Some(step) => step,
                None => match self.passed_over.pop_front() {
                    // Whatever it was of late: there is nobody else.
                    Some(step) => step,
                    None => {
                        if let Some(cause) = self.elsewhere(plan) {
                            return Next::Exhausted(cause);
                        }
                        continue;
                    }
                },
            };
            if self.budget == 0 {
                return Next::Exhausted(CauseKind::TooManyHops.into());
            }
            self.budget -= 1;
            self.on_trunk = matches!(step, Step::Trunk { .. } | Step::Platform { .. } | Step::Lookup(_));
            match step {
                Step::Route(number, origin) => match plan.route(&number, &origin, now) {
                    Some(routed) => {
                        self.urgent |= plan.is_emergency(&number);
                        let number = match plan.canonical(&number, &origin) {
                            Cow::Owned(canonical) => canonical,
                            Cow::Borrowed(_) => number,
                        };
                        self.urgent |= plan.is_emergency(&number);
                        self.interrupt(true);
                        self.attested = routed.attested.or(self.attested);
                        self.steps = routed.steps;
                        self.goes_on_to(number, origin, routed.branches);
                        self.diverted.routed();
                    }
                    None => self.note(CauseKind::UnknownNumber.into()),
                },
                Step::Redirect(number, origin) => match plan.route(&number, &origin, now) {
                    Some(routed) => {
                        let as_routed = plan.canonical(&number, &origin).into_owned();
                        self.urgent |= plan.is_emergency(&number) || plan.is_emergency(&as_routed);
                        self.redirected(&number, as_routed, origin, routed);
                    }
                    None => self.note(CauseKind::UnknownNumber.into()),
                },
                Step::Refuse(kind) => {
                    self.steps.clear();
                    return Next::Exhausted(kind.into());
                }
                step => return Next::Try(step),
            }
        }
    }
}

/// What the trunk of a step is called.
fn trunk_name(step: &Step) -> Option<Cow<'_, str>> {
    match step {
        Step::Trunk { name, .. } => Some(Cow::Borrowed(name)),
        Step::Platform { platform, trunk: Some(trunk), .. } => Some(Cow::Owned(trunk_of(trunk, platform))),
        _ => None,
    }
}

#[cfg(test)]
mod tests;

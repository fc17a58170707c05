//! Where a search goes on when nothing is left of a destination: back to the one that was interrupted, or on to a branch.

use super::Search;
use super::best::is_global;
use crate::call::diverting::Mark;
use crate::plan::{Branches, Destination, Plan, Routed, Step};
use router::parameter::{Attestation, Cause, CauseKind, Origin};
use std::collections::VecDeque;

/// The branches of a route that led on to another number.
#[derive(Debug)]
pub(super) struct Outer {
    number: String,
    origin: Origin,
    branches: Branches,
    /// How many diversions had led to that route.
    diverted: usize,
    /// Whether only a secure way was one there.
    secure: bool,
}

/// What is left of a destination that another number interrupted: one of a redirection, or the one that the number is known by now.
#[derive(Debug)]
pub(super) struct Interrupted {
    steps: VecDeque<Step>,
    /// Whether it is the same callee's.
    is_same: bool,
    number: String,
    origin: Origin,
    attested: Option<Attestation>,
    mark: Mark,
    secure: bool,
}

impl Search {
    /// Nothing is left of the destination in hand: back to the one that was interrupted, or on to the branch. The cause: neither
    /// is there.
    pub(super) fn elsewhere(&mut self, plan: &Plan) -> Option<Cause> {
        if let Some(Interrupted { steps, number, origin, attested, mark, secure, .. }) = self.interrupted.pop() {
            (self.steps, self.secure, self.attested) = (steps, secure, attested);
            self.in_hand = Some((number, origin));
            self.diverted.back_to(mark);
            return None;
        }
        let mut cause = self.best.take().map_or_else(|| CauseKind::UnknownNumber.into(), |best| best.cause);
        // RFC 3261 §16.7 step 6: a redirection comes before what others of the destination have refused, but for who did so for all.
        let told = !self.told.1.is_empty() && !is_global(&cause);
        if told {
            cause = Cause { code: self.told.0, ..Cause::new(CauseKind::Unreachable) };
        } else {
            self.told.1.clear();
        }
        match self.take_branch(cause.kind) {
            Some(destination) => {
                self.told.1.clear();
                if self.diverted.is_exhausted() {
                    return Some(CauseKind::TooManyHops.into());
                }
                self.diverted.branch(&self.number, cause.kind, &destination, self.on_trunk);
                self.steps = plan.steps(&destination, &self.number, &self.origin);
                None
            }
            None => Some(cause),
        }
    }

    /// A route's destination is another number: what that one's own branches say nothing of, is for those of the route.
    pub(super) fn goes_on_to(&mut self, number: String, origin: Origin, branches: Branches) {
        let number = std::mem::replace(&mut self.number, number);
        let origin = std::mem::replace(&mut self.origin, origin);
        let branches = std::mem::replace(&mut self.branches, branches);
        if !branches.is_empty() {
            let (diverted, secure) = (self.diverted.routed_by(), self.branches_secure);
            self.outer.push(Outer { number, origin, branches, diverted, secure });
        }
        self.branches_secure = self.secure;
        self.in_hand = None;
    }

    /// The branch for a cause: of the number in hand, or else of the nearest route that led to it, whose number is in hand again then.
    fn take_branch(&mut self, kind: CauseKind) -> Option<Destination> {
        loop {
            if let Some(destination) = self.branches.take(kind) {
                self.secure = self.branches_secure;
                self.in_hand = None;
                return Some(destination);
            }
            let Outer { number, origin, branches, diverted, secure } = self.outer.pop()?;
            (self.number, self.origin, self.branches) = (number, origin, branches);
            self.branches_secure = secure;
            self.diverted.back_to_route(diverted);
        }
    }

    /// Puts what is left of the destination in hand off until the next one has come to nothing.
    pub(super) fn interrupt(&mut self, is_same: bool) {
        let mut left = std::mem::take(&mut self.steps);
        left.append(&mut self.passed_over);
        if !left.is_empty() {
            let (number, origin) = (self.number().to_owned(), self.origin().clone());
            let (attested, mark, secure) = (self.attested, self.diverted.mark(), self.secure);
            self.interrupted.push(Interrupted { steps: left, is_same, number, origin, attested, mark, secure });
        }
    }

    /// The destination that a callee was sent on to. Its branches go with its number, before those that were there.
    pub(super) fn redirected(&mut self, told: &str, number: String, origin: Origin, routed: Routed) {
        self.interrupt(false);
        self.secure |= self.secured.iter().any(|secured| secured == told);
        self.diverted.follow(told, &number);
        self.attested = routed.attested.or(self.attested);
        self.steps = routed.steps;
        for step in &mut self.steps {
            if let Step::Route(number, origin) = step {
                *step = Step::Redirect(std::mem::take(number), origin.clone());
            }
        }
        if routed.branches.is_empty() {
            self.in_hand = Some((number, origin));
        } else {
            self.goes_on_to(number, origin, routed.branches);
            self.diverted.has_branches();
        }
    }

    /// The steps that are left of the destination would only repeat what the last one said: the branch comes next.
    pub(in crate::call) fn skip_steps(&mut self) {
        self.steps.clear();
        self.passed_over.clear();
        while self.interrupted.pop_if(|interrupted| interrupted.is_same).is_some() {}
    }
}

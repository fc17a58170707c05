//! The search for somebody who answers: what is left of the plan, and what came of it so far.

use super::diverting::{Diverted, Mark};
use super::leg::LegId;
use super::locate::Sought;
use crate::limits::{LOOKUPS_PER_SEARCH, REDIRECTS_PER_SEARCH, SEARCH_STEPS};
use crate::plan::{Branches, Destination, Plan, Routed, Step, trunk_of};
use crate::rates::Price;
use router::limits::REDIRECTIONS;
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

/// The branches of a route that led on to another number.
#[derive(Debug)]
struct Outer {
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
struct Interrupted {
    steps: VecDeque<Step>,
    /// Whether it is the same callee's.
    is_same: bool,
    number: String,
    origin: Origin,
    attested: Option<Attestation>,
    mark: Mark,
    secure: bool,
}

/// The most telling that attempts came to, and at whom.
#[derive(Debug)]
struct Best {
    cause: Cause,
    peer: Option<String>,
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

    /// Nothing is left of the destination in hand: back to the one that was interrupted, or on to the branch. The cause: neither
    /// is there.
    fn elsewhere(&mut self, plan: &Plan) -> Option<Cause> {
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
    fn goes_on_to(&mut self, number: String, origin: Origin, branches: Branches) {
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
    fn interrupt(&mut self, is_same: bool) {
        let mut left = std::mem::take(&mut self.steps);
        left.append(&mut self.passed_over);
        if !left.is_empty() {
            let (number, origin) = (self.number().to_owned(), self.origin().clone());
            let (attested, mark, secure) = (self.attested, self.diverted.mark(), self.secure);
            self.interrupted.push(Interrupted { steps: left, is_same, number, origin, attested, mark, secure });
        }
    }

    /// The destination that a callee was sent on to. Its branches go with its number, before those that were there.
    fn redirected(&mut self, told: &str, number: String, origin: Origin, routed: Routed) {
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

    /// A callee's user is to be looked for there, on behalf of `by`, who sends the call on. False: that leads nowhere new.
    pub(super) fn redirect(&mut self, to: &Party, by: Origin, diversion: Option<Diversion>) -> bool {
        let number = to.user();
        let known = number == self.called.user() || self.followed.iter().any(|followed| followed == number);
        if known || self.followed.len() >= REDIRECTS_PER_SEARCH || self.diverted.forbids(number) {
            return false;
        }
        if let Some(diversion) = diversion {
            self.diverted.expect(number, diversion);
        }
        self.followed.push(number.to_owned());
        if to.secure {
            self.secured.push(number.to_owned());
        }
        self.redirects.push_back(Step::Redirect(number.to_owned(), by));
        true
    }

    /// A callee's user is to be called at these places by the caller, if it likes. How many are new.
    pub(super) fn pass_on(&mut self, code: Option<u16>, places: Vec<Party>) -> usize {
        let (first, told) = &mut self.told;
        let before = told.len();
        for place in places {
            if told.len() < REDIRECTIONS && !told.iter().any(|known| known.user() == place.user()) {
                told.push(place);
            }
        }
        if before == 0 {
            *first = code;
        }
        told.len() - before
    }

    /// Where the caller is told to call.
    pub(super) fn take_told(&mut self) -> Vec<Party> {
        std::mem::take(&mut self.told.1)
    }

    /// A callee spoke for all places of its user: it is not looked for where that one was said to be.
    pub(super) fn forget_redirects(&mut self, by: &Origin) {
        self.redirects.retain(|step| !matches!(step, Step::Redirect(_, origin) if origin == by));
    }

    /// How many hops the redirections have taken.
    pub(super) fn hops(&self) -> u8 {
        self.followed.len() as u8
    }

    /// The steps that are left of the destination would only repeat what the last one said: the branch comes next.
    pub(super) fn skip_steps(&mut self) {
        self.steps.clear();
        self.passed_over.clear();
        while self.interrupted.pop_if(|interrupted| interrupted.is_same).is_some() {}
    }

    /// What an attempt came to; the best one of a destination chooses the branch and is what the caller hears.
    pub(super) fn note(&mut self, cause: Cause) {
        self.keep_best(Best { cause, peer: None });
    }

    /// The same of an attempt at an account or a trunk.
    pub(super) fn note_of(&mut self, peer: &str, cause: Cause) {
        self.keep_best(Best { cause, peer: Some(peer.to_owned()) });
    }

    fn keep_best(&mut self, new: Best) {
        let better = match &self.best {
            None => true,
            // Of several who might have answered one was busy, or declined, and another one's telephone rang out: nobody answers.
            Some(best) if best.peer != new.peer && speaks_for_itself(&best.cause) && rang_out(&new.cause) => true,
            Some(best) if best.peer != new.peer && rang_out(&best.cause) && speaks_for_itself(&new.cause) => false,
            Some(best) => rank(&new.cause) < rank(&best.cause),
        };
        if better {
            self.best = Some(new);
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

/// The order of causes, the most telling first, in the sense of RFC 3261 §16.7: 6xx before all, then what a person did,
/// then what the network could not.
fn rank(cause: &Cause) -> u8 {
    match cause.kind {
        _ if is_global(cause) => 0,
        // Where it led to tells more.
        _ if cause.code.is_some_and(|code| (300..400).contains(&code)) => 12,
        CauseKind::Busy => 1,
        CauseKind::Declined => 2,
        CauseKind::NoAnswer => 3,
        CauseKind::Forbidden => 4,
        CauseKind::IncompatibleMedia => 5,
        CauseKind::UnknownNumber => 6,
        CauseKind::Congestion => 7,
        CauseKind::PeerFailure | CauseKind::PeerMisbehaved => 8,
        CauseKind::Timeout => 9,
        CauseKind::Unreachable => 10,
        _ => 11,
    }
}

/// Whether somebody's telephone rang for as long as it was to.
fn rang_out(cause: &Cause) -> bool {
    cause.kind == CauseKind::NoAnswer
}

/// Whether it is what one person did.
fn speaks_for_itself(cause: &Cause) -> bool {
    matches!(cause.kind, CauseKind::Busy | CauseKind::Declined) || is_global(cause)
}

/// Whether a peer spoke for all places where its user can be reached (RFC 3261 §21.6).
pub(super) fn is_global(cause: &Cause) -> bool {
    cause.code.is_some_and(|code| (600..700).contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{NumberMatch, OriginMatch, Rewrite, Route, TrunkStep, Way};

    fn search() -> Search {
        Search::new(None, Origin::Control, Party::default(), false, Party::new("100", ""))
    }

    fn plan(destination: Destination, branches: Branches) -> Plan {
        Plan {
            routes: vec![Route {
                name: "all".into(),
                number: NumberMatch::Any,
                origin: OriginMatch::Any,
                hours: None,
                destination,
                branches,
            }],
            ..Plan::default()
        }
    }

    #[test]
    fn the_most_telling_cause_wins() {
        let mut search = search();
        for kind in [CauseKind::Timeout, CauseKind::Busy, CauseKind::Declined, CauseKind::Unreachable] {
            search.note(kind.into());
        }
        assert_eq!(search.best.as_ref().unwrap().cause, CauseKind::Busy.into());
        let global = Cause { code: Some(603), ..Cause::new(CauseKind::Declined) };
        search.note(global.clone());
        assert_eq!(search.best.unwrap().cause, global);
    }

    #[test]
    fn where_one_is_busy_and_another_s_telephone_rings_out_nobody_answers() {
        let best = |noted: &[(&str, CauseKind)]| {
            let mut search = search();
            noted.iter().for_each(|&(peer, kind)| search.note_of(peer, kind.into()));
            search.best.unwrap().cause.kind
        };
        use CauseKind::{Busy, Declined, NoAnswer, Timeout};
        assert_eq!(best(&[("alice", Busy), ("bob", NoAnswer)]), NoAnswer);
        assert_eq!(best(&[("bob", NoAnswer), ("alice", Declined), ("carol", Busy)]), NoAnswer);
        assert_eq!(best(&[("alice", Busy), ("bob", Declined), ("carol", Timeout)]), Busy, "nobody's rang out");
        assert_eq!(best(&[("alice", NoAnswer), ("alice", Busy)]), Busy, "of one who has two, one says it for both");
        assert_eq!(best(&[("alice", Busy), ("alice", NoAnswer)]), Busy);
    }

    #[test]
    fn each_branch_is_taken_once() {
        let branches = Branches { busy: Some(Destination::Account("bob".into())), ..Branches::default() };
        let plan = plan(Destination::Account("alice".into()), branches);
        let mut search = search();
        assert!(matches!(
            search.next(&plan, &mut Random::from_seed(1), WallTime::default(), |_| false),
            Next::Try(Step::Accounts(_))
        ));
        search.note(CauseKind::Busy.into());
        assert!(
            matches!(search.next(&plan, &mut Random::from_seed(1), WallTime::default(), |_| false), Next::Try(Step::Accounts(members)) if members[0].account == "bob")
        );
        search.note(CauseKind::Busy.into());
        assert!(
            matches!(search.next(&plan, &mut Random::from_seed(1), WallTime::default(), |_| false), Next::Exhausted(cause) if cause.kind == CauseKind::Busy)
        );
    }

    /// 600 leads to 100, and that one to 10, which has no route.
    fn chain(outer: Branches, inner: Branches) -> Plan {
        let route = |number: &str, to: &str, branches| Route {
            name: number.into(),
            number: NumberMatch::Exact(number.into()),
            origin: OriginMatch::Any,
            hours: None,
            destination: Destination::Number(Rewrite::fixed(to)),
            branches,
        };
        Plan { routes: vec![route("600", "100", outer), route("100", "10", inner)], ..Plan::default() }
    }

    /// Whom the search tries in turn, where all that is tried comes to these causes.
    fn tried(plan: &Plan, causes: &[CauseKind]) -> (Vec<String>, CauseKind, Vec<String>) {
        let called = Party::new("600", "");
        let mut search = Search::new(None, Origin::Control, Party::default(), false, called);
        let (mut tried, mut causes) = (Vec::new(), causes.iter());
        loop {
            match search.next(plan, &mut Random::from_seed(1), WallTime::default(), |_| false) {
                Next::Try(Step::Accounts(members)) => tried.push(members[0].account.clone()),
                Next::Try(step) => tried.push(format!("{step:?}")),
                Next::Exhausted(cause) => {
                    let by = search.diverted.list().iter().map(|diversion| diversion.by.user().to_owned());
                    return (tried, cause.kind, by.collect());
                }
            }
            search.note((*causes.next().expect("no more than that is tried")).into());
        }
    }

    #[test]
    fn the_branches_of_a_route_to_another_number_hold_for_whatever_that_one_says_nothing_of() {
        use CauseKind::{Busy, NoAnswer, Unreachable};
        let to = |name: &str| Some(Destination::Account(name.into()));
        let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        for kind in [Busy, NoAnswer, Unreachable, CauseKind::UnknownNumber] {
            let all = Branches {
                busy: to("desk"),
                no_answer: to("desk"),
                unreachable: to("desk"),
                unknown: to("desk"),
                ..Branches::default()
            };
            let told = tried(&chain(all, Branches::default()), &[kind, NoAnswer, NoAnswer]);
            let expected = if kind == NoAnswer { texts(&["10", "desk"]) } else { texts(&["10", "desk", "desk"]) };
            assert_eq!((told.0, told.1), (expected, NoAnswer), "{kind:?}: each branch once");
            assert!(told.2.iter().all(|by| by == "600"), "it is 600 that sends the call on: {:?}", told.2);
        }
        // The number's own come first; what they lead to may need those of the route.
        let outer = Branches { busy: to("outer"), no_answer: to("rang out"), ..Branches::default() };
        let inner = Branches { busy: to("inner"), ..Branches::default() };
        let told = tried(&chain(outer.clone(), inner.clone()), &[Busy, Busy, Busy]);
        assert_eq!(told, (texts(&["10", "inner", "outer"]), Busy, texts(&["600"])));
        let told = tried(&chain(outer, inner), &[NoAnswer, Busy, Busy]);
        assert_eq!(told, (texts(&["10", "rang out", "outer"]), Busy, texts(&["600"])), "those of 100 are over by then");
    }

    #[test]
    fn where_the_name_service_says_nothing_another_way_is_no_diversion() {
        let step = |trunk| TrunkStep { trunk, rewrite: Rewrite::NONE, timeout: None };
        let asks = Destination::Trunks(vec![step(Way::Enum("e164.arpa".into()))]);
        let way = Destination::Trunks(vec![step("one".into())]);
        let plan = plan(asks, Branches { unknown: Some(way), ..Branches::default() });
        let mut search = search();
        let mut next = || search.next(&plan, &mut Random::from_seed(1), WallTime::default(), |_| false);
        assert!(matches!(next(), Next::Try(Step::Lookup(_))));
        assert!(matches!(next(), Next::Try(Step::Trunk { .. })));
        assert!(search.diverted.list().is_empty());
    }

    #[test]
    fn a_secure_way_is_asked_for_as_long_as_who_is_named_so_is_looked_for() {
        let route = |number: &str, destination, branches| Route {
            name: number.into(),
            number: NumberMatch::Exact(number.into()),
            origin: OriginMatch::Any,
            hours: None,
            destination,
            branches,
        };
        let to = |name: &str| Destination::Account(name.into());
        let busy = |name: &str| Branches { busy: Some(to(name)), ..Branches::default() };
        let plan = Plan {
            routes: vec![
                route("100", to("desk"), busy("voicemail")),
                route("200", to("mobile"), Branches::default()),
                route("300", to("office"), busy("assistant")),
            ],
            ..Plan::default()
        };
        // Whom each redirection of the first one's leads to, and whether by a secure way alone.
        let ways = |places: &[(&str, bool)]| {
            let mut search = search();
            let mut ways = Vec::new();
            for round in 0.. {
                match search.next(&plan, &mut Random::from_seed(1), WallTime::default(), |_| false) {
                    Next::Try(Step::Accounts(members)) => ways.push((members[0].account.clone(), search.secure)),
                    Next::Try(step) => panic!("{step:?}"),
                    Next::Exhausted(_) => break,
                }
                for &(number, secure) in places.iter().filter(|_| round == 0) {
                    let place = Party { secure, ..Party::new(number, "") };
                    assert!(search.redirect(&place, Origin::Control, None));
                }
                search.note(CauseKind::Busy.into());
            }
            ways
        };
        let told = |ways: &[(String, bool)]| {
            ways.iter().map(|(who, secure)| format!("{who}{}", if *secure { "!" } else { "" })).collect::<Vec<_>>()
        };
        assert_eq!(
            told(&ways(&[("200", true), ("300", false)])),
            ["desk", "mobile!", "office", "assistant", "voicemail"]
        );
        assert_eq!(
            told(&ways(&[("300", true), ("200", false)])),
            ["desk", "office!", "mobile", "assistant!", "voicemail"],
            "a branch is its route's"
        );
        let mut secure = Search::new(
            None,
            Origin::Control,
            Party::default(),
            false,
            Party { secure: true, ..Party::new("100", "") },
        );
        assert!(matches!(
            secure.next(&plan, &mut Random::from_seed(1), WallTime::default(), |_| false),
            Next::Try(Step::Accounts(_))
        ));
        assert!(secure.redirect(&Party::new("200", ""), Origin::Control, None));
        secure.note(CauseKind::Busy.into());
        while !matches!(
            secure.next(&plan, &mut Random::from_seed(1), WallTime::default(), |_| false),
            Next::Exhausted(_)
        ) {
            assert!(secure.secure, "what was called so stays so, wherever it is sent");
            secure.note(CauseKind::Busy.into());
        }
    }

    #[test]
    fn a_number_that_is_routed_to_itself_is_a_loop() {
        let plan = plan(Destination::Number(Rewrite::NONE), Branches::default());
        assert!(
            matches!(search().next(&plan, &mut Random::from_seed(1), WallTime::default(), |_| false), Next::Exhausted(cause) if cause.kind == CauseKind::TooManyHops)
        );
    }
}

//! Who sent the call on: what it came with, and what this platform adds when it sends the call on itself (RFC 5806, RFC 7044).
//!
//! | the call goes on | who sends it on | why |
//! |---|---|---|
//! | to the branch of a route | the number that was called | what kept its callee from answering |
//! | where a phone says (3xx) | the number that led to the phone | as the phone says; else always, or, once it has rung, by the callee's hand |
//! | where a trunk says (3xx) | the number that was called there | the same |
//!
//! From one trunk to the next, and by a plain route to another number, it is the same call for the same callee.

use super::call::Call;
use super::leg::{LegId, Peer};
use crate::plan::Destination;
use router::ShortText;
use router::parameter::{
    Attestation, Attested, CallIdentity, CauseKind, Diversion, DiversionCause, LegPhase, Party, bounded, is_exhausted,
};

/// The diversions of a search, as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Diverted {
    list: Vec<Diversion>,
    /// How many of them the call came with.
    came: usize,
    /// How many of them led to the route whose branches are in force.
    before_branches: usize,
    /// The number that led to the destination in hand, where it is not the one that was routed.
    at: Option<Box<str>>,
    /// Of redirections that are to be followed: by whom, for that number.
    pending: Vec<(Box<str>, Diversion)>,
}

/// What whoever sends a call on says of that.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Told {
    /// Why.
    pub(super) cause: Option<DiversionCause>,
    /// Whether who it was for is not to be shown.
    pub(super) private: bool,
}

/// A point to which a search comes back.
#[derive(Debug)]
pub(super) struct Mark(usize, Option<Box<str>>);

impl Diverted {
    /// What the call came with.
    pub(super) fn of(list: Vec<Diversion>) -> Self {
        let list = bounded(list);
        Self { before_branches: list.len(), came: list.len(), list, ..Self::default() }
    }

    /// Who sent the call on, the first one first.
    pub(super) fn list(&self) -> &[Diversion] {
        &self.list
    }

    /// How many of them, the last ones, were made here.
    fn made_here(&self) -> u8 {
        u8::try_from(self.list.len().saturating_sub(self.came)).unwrap_or(u8::MAX)
    }

    /// The number that led to the destination in hand; `routed`: the one that was routed.
    pub(super) fn at<'a>(&'a self, routed: &'a str) -> &'a str {
        self.at.as_deref().unwrap_or(routed)
    }

    /// Whether it is not to be sent on to that number: it comes from there, or was sent on too often.
    pub(super) fn forbids(&self, number: &str) -> bool {
        self.is_exhausted() || self.list.iter().any(|diversion| diversion.by.user() == number)
    }

    /// Whether it was sent on as often as a call may be.
    pub(super) fn is_exhausted(&self) -> bool {
        !self.list.is_empty() && is_exhausted(&self.list)
    }

    /// A number was routed.
    pub(super) fn routed(&mut self) {
        self.before_branches = self.list.len();
        self.at = None;
    }

    /// How many led to the route whose branches are in force.
    pub(super) fn routed_by(&self) -> usize {
        self.before_branches
    }

    /// The branches of an earlier route are in force again, to which so many led.
    pub(super) fn back_to_route(&mut self, routed_by: usize) {
        self.before_branches = routed_by;
        self.at = None;
    }

    /// A redirection to that number is going to be followed.
    pub(super) fn expect(&mut self, number: &str, diversion: Diversion) {
        self.pending.push((number.into(), diversion));
    }

    /// It is followed now, if that number is one of a redirection. `as_routed`: as routes see it.
    pub(super) fn follow(&mut self, number: &str, as_routed: &str) {
        if let Some(place) = self.pending.iter().position(|(of, _)| **of == *number) {
            self.list.push(self.pending.swap_remove(place).1);
            self.at = Some(as_routed.into());
        }
    }

    /// The branches of what is followed are in force.
    pub(super) fn has_branches(&mut self) {
        self.before_branches = self.list.len();
    }

    /// Where a search comes back to.
    pub(super) fn mark(&self) -> Mark {
        Mark(self.list.len(), self.at.clone())
    }

    /// It has come back.
    pub(super) fn back_to(&mut self, Mark(length, at): Mark) {
        self.list.truncate(length);
        self.at = at;
    }

    /// The branch of a route is taken. `from_trunk`: what failed was a trunk; another one is only another way.
    pub(super) fn branch(&mut self, number: &str, kind: CauseKind, to: &Destination, from_trunk: bool) {
        let is_way = matches!(to, Destination::Trunks(_) | Destination::Rates { .. });
        if from_trunk && is_way {
            return;
        }
        self.list.truncate(self.before_branches);
        let cause = match kind {
            CauseKind::Busy => DiversionCause::UserBusy,
            CauseKind::NoAnswer => DiversionCause::NoAnswer,
            CauseKind::Declined => DiversionCause::Deflection,
            CauseKind::Unreachable | CauseKind::Timeout | CauseKind::Congestion | CauseKind::PeerFailure => {
                DiversionCause::Unavailable
            }
            _ => DiversionCause::Unknown,
        };
        self.list.push(Diversion { by: Party::new(number, ""), cause, count: 1, private: false });
        self.at = match to {
            Destination::Account(name) | Destination::Group(name) => Some(name.as_str().into()),
            _ => None,
        };
    }
}

impl Call {
    /// Who sends the call on by the redirection of a leg, as its peer says.
    pub(super) fn diversion_of(&self, leg: LegId, told: Told) -> Option<Diversion> {
        let (search, leg) = (self.search.as_ref()?, &self.legs[leg]);
        let by = match &leg.peer {
            Peer::Account(_) => search.diverted.at(search.number()).to_owned(),
            Peer::Trunk(_) | Peer::Platform(_) => leg.party.user().to_owned(),
        };
        let by_itself =
            if leg.phase >= LegPhase::Ringing { DiversionCause::Deflection } else { DiversionCause::Unconditional };
        Some(Diversion {
            by: Party::new(by, ""),
            cause: told.cause.unwrap_or(by_itself),
            count: 1,
            private: told.private,
        })
    }

    /// What a leg's peer is told of the caller beside the name. `None`: nothing.
    pub(super) fn identity_for(&self, leg: LegId) -> Option<Box<CallIdentity>> {
        let search = self.search.as_ref()?;
        let peer = &self.legs[leg].peer;
        let verdict = self.verdict.as_deref().filter(|_| search.waiting == Some(LegId(0)));
        let attested = match peer {
            Peer::Trunk(_) => self.attested(),
            Peer::Account(_) | Peer::Platform(_) => None,
        };
        if search.diverted.list().is_empty() && verdict.is_none() && attested.is_none() {
            return None;
        }
        let shown = |diversion: &Diversion| {
            let by = match peer {
                Peer::Trunk(trunk) => self.config.plan.caller_shown(diversion.by.user(), Some(trunk)),
                Peer::Account(_) => self.config.plan.caller_shown(diversion.by.user(), None),
                Peer::Platform(_) => None,
            };
            let mut shown = diversion.clone();
            if let Some(by) = by {
                shown.by.user = by.into();
            }
            shown
        };
        let diversions = search.diverted.list().iter().map(shown).collect();
        let diverted_here = if attested.is_some() { search.diverted.made_here() } else { 0 };
        Some(Box::new(CallIdentity { diversions, verdict: verdict.cloned(), attested, diverted_here }))
    }

    /// How far the platform answers for the caller's number, where calls are signed: as the call's route says; else an account is known, and has the
    /// number that it calls with from here, and of what comes from a trunk the operator says what is known.
    fn attested(&self) -> Option<Attested> {
        let plan = &self.config.plan;
        if !plan.signs {
            return None;
        }
        let (waiting, of_route) = self.search.as_ref().map(|search| (search.waiting, search.attested))?;
        let (attestation, origin) = match waiting.map(|leg| &self.legs[leg].peer) {
            Some(Peer::Account(name)) => {
                (plan.attested.get(name).copied().unwrap_or(plan.accounts_attested), name.as_str())
            }
            Some(Peer::Trunk(name)) => {
                (plan.trunk(name).map_or(Attestation::Gateway, |trunk| trunk.attested), name.as_str())
            }
            Some(Peer::Platform(name)) => (Attestation::Gateway, name.as_str()),
            // Who has the call made is known, and may name any caller.
            None => (Attestation::Partial, "control"),
        };
        let attestation = of_route.unwrap_or(attestation);
        Some(Attested { attestation, origin: ShortText::from(origin).into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(number: &str) -> Diversion {
        Diversion { by: Party::new(number, ""), cause: DiversionCause::Unknown, count: 1, private: false }
    }

    fn told(diverted: &Diverted) -> Vec<(&str, DiversionCause)> {
        diverted.list().iter().map(|one| (one.by.user(), one.cause)).collect()
    }

    #[test]
    fn a_branch_adds_to_what_led_to_its_route_and_not_to_what_was_tried_there() {
        let mut diverted = Diverted::of(vec![by("1")]);
        diverted.expect("300", by("200"));
        let before = diverted.mark();
        diverted.follow("300", "+300");
        assert_eq!((told(&diverted).len(), diverted.at("200")), (2, "+300"));
        diverted.back_to(before);
        assert_eq!((told(&diverted).len(), diverted.at("200")), (1, "200"));
        let bob = Destination::Account("bob".into());
        diverted.branch("200", CauseKind::Busy, &bob, false);
        diverted.branch("200", CauseKind::NoAnswer, &bob, false);
        assert_eq!(told(&diverted), [("1", DiversionCause::Unknown), ("200", DiversionCause::NoAnswer)]);
        assert_eq!(diverted.at("200"), "bob");
    }

    #[test]
    fn another_trunk_is_only_another_way() {
        let mut diverted = Diverted::default();
        diverted.branch("0301", CauseKind::Unreachable, &Destination::Trunks(Vec::new()), true);
        assert_eq!(told(&diverted), []);
        diverted.branch("alice", CauseKind::Unreachable, &Destination::Trunks(Vec::new()), false);
        assert_eq!(told(&diverted), [("alice", DiversionCause::Unavailable)]);
        // It is told what sent the call on before the first one of them.
        diverted.branch("alice", CauseKind::Busy, &Destination::Trunks(Vec::new()), true);
        assert_eq!(told(&diverted), [("alice", DiversionCause::Unavailable)]);
        diverted.branch("alice", CauseKind::NoAnswer, &Destination::Account("bob".into()), true);
        assert_eq!(told(&diverted), [("alice", DiversionCause::NoAnswer)]);
    }

    #[test]
    fn a_circle_and_a_long_way_end() {
        let diverted = Diverted::of(vec![by("1"), Diversion { count: 4, ..by("2") }]);
        assert!(diverted.forbids("2") && !diverted.forbids("3"));
        let diverted = Diverted::of(vec![Diversion { count: 9, ..by("1") }, by("2")]);
        assert!(diverted.forbids("3") && diverted.is_exhausted());
        assert!(!Diverted::default().is_exhausted());
    }
}

//! Two legs are brought together that have not called each other: by a transfer, by picking up. What their telephones show is who was there before, so
//! each is told who it talks to now. One that has asked not to be shown is not.

use super::call::{Call, Far};
use super::leg::{LegId, Peer};
use super::turn::Turn;
use router::one;
use router::parameter::{LegPhase, LegState, Party};

impl Call {
    /// Tells the two that talk of each other.
    pub(super) fn introduce(&self, turn: &mut Turn<'_>) {
        if let (Some(near), Far::Leg(far)) = (self.near, self.far) {
            self.introduce_to(turn, near, far);
            self.introduce_to(turn, far, near);
        }
    }

    /// Tells one of them.
    pub(super) fn introduce_to(&self, turn: &mut Turn<'_>, leg: LegId, other: LegId) {
        let (hears, other) = (&self.legs[leg], &self.legs[other]);
        let (party, plan) = (&other.party, &self.config.plan);
        // Another platform is told by `connected`, and tells its own telephone.
        if !hears.is_answered() || hears.remote.is_some() || other.hidden || party.user().is_empty() {
            return;
        }
        let shown = match &hears.peer {
            // Who is asserted there has to be verified (RFC 3325 §5).
            Peer::Trunk(_) if !other.verified => return,
            Peer::Trunk(trunk) => plan.caller_shown(party.user(), Some(trunk)),
            Peer::Account(_) => plan.caller_shown(party.user(), None),
            Peer::Platform(_) => None,
        };
        let party = match shown {
            Some(shown) => Party { user: shown.into(), ..party.clone() },
            None => party.clone(),
        };
        let state = LegState { party: Some(party), ..LegState::new(LegPhase::Answered) };
        turn.outbox.notify(self.instance, hears.address, one(state));
    }

    /// Tells one of them that whoever it was told of is shown no more (RFC 3323 §4.1.1.3).
    pub(super) fn hide_from(&self, turn: &mut Turn<'_>, leg: LegId) {
        let hears = &self.legs[leg];
        if hears.is_answered() && hears.remote.is_none() {
            let name = Some("Anonymous".to_owned().into());
            let party = Party { display_name: name, ..Party::new("anonymous", "anonymous.invalid") };
            let state = LegState { party: Some(party), ..LegState::new(LegPhase::Answered) };
            turn.outbox.notify(self.instance, hears.address, one(state));
        }
    }
}

//! Transfers that the operator asks for, or a CTI application, in the name of one of the parties: what that one's telephone could do,
//! with its rights.

use super::asked::Asked;
use super::call::{Call, Far, refused};
use super::dialog::{Join, Seeking, Transferor, Whom};
use super::joining::Joining;
use super::leg::LegId;
use super::turn::Turn;
use router::parameter::{CauseKind, Dialog, Failure, LegPhase, Transfer};
use router::{Address, Instance};

impl Call {
    /// The leg of the party that is meant: by its name, or where none is said, who was called.
    fn party_leg(&self, name: Option<&str>) -> Option<LegId> {
        let far = if let Far::Leg(far) = self.far { Some(far) } else { None };
        let talks = |leg: &LegId| !self.legs[*leg].is_released();
        [far, self.near].into_iter().flatten().filter(talks).find(|&leg| match name {
            Some(name) => self.legs[leg].peer.name() == name,
            None => true,
        })
    }

    /// Sends the other party to a number in the name of one.
    pub(crate) fn transfer_by_operator(
        &mut self,
        turn: &mut Turn<'_>,
        asked: Asked,
        by: Option<&str>,
        transfer: Transfer,
    ) {
        match self.party_leg(by) {
            Some(leg) => self.transfer_asked(turn, leg, asked, transfer),
            None => asked.failed(turn.outbox, refused("nobody of that name is in the call")),
        }
    }

    /// Whether a party is in the call that is in the other one, too: its name, and its leg there.
    pub(crate) fn common_party(&self, other: &Self, by: Option<&str>) -> Option<(String, Address)> {
        let parties = |call: &Self| {
            let far = if let Far::Leg(far) = call.far { Some(far) } else { None };
            [call.near, far].into_iter().flatten().filter(|&leg| !call.legs[leg].is_released()).collect::<Vec<_>>()
        };
        let own = parties(self);
        let theirs = parties(other).into_iter().find(|&leg| {
            let origin = other.legs[leg].origin();
            let named = by.is_none_or(|by| other.legs[leg].peer.name() == by);
            named && own.iter().any(|&leg| self.legs[leg].origin() == origin)
        })?;
        Some((other.legs[theirs].peer.name().to_owned(), other.legs[theirs].address))
    }

    /// Joins this call with `host`, in the name of the party that is in both, whose leg there is at `leg`.
    pub(crate) fn join_by_operator(
        &mut self,
        turn: &mut Turn<'_>,
        asked: Asked,
        by: &str,
        (host, leg): (Instance, Address),
        transfer: Transfer,
    ) {
        if self.transferring.is_some() || self.joining.is_some() {
            return asked.failed(turn.outbox, Failure::because(CauseKind::Glare.into()));
        }
        let by = self.party_leg(Some(by)).filter(|&by| self.legs[by].is_answered());
        let moved = by.and_then(|by| self.other_leg(by));
        let (Some(by), Some(moved), None) = (by, moved, &self.search) else {
            return asked.failed(turn.outbox, refused("there is no other leg to transfer"));
        };
        let transfer = Transfer { phase: LegPhase::Trying, cause: None, ..transfer };
        let by = Some(Transferor { leg: by, moved, asked, transfer });
        let dialog = Dialog {
            leg_id: String::new(),
            own_tag: String::new(),
            peer_tag: String::new(),
            early_only: false,
            at: None,
            join: false,
        };
        self.joining = Some(Box::new(Joining::Seeking(Seeking::of(dialog, by))));
        turn.joins.push(Join { guest: self.instance, whom: Whom::Leg { host, leg } });
    }
}

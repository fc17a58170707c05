//! A member of a conference has somebody invited into it: REFER to the focus (RFC 4579 §5.6).
//!
//! ```text
//!   X ══ conference         X asks for Z: a call of its own, on X's behalf, as the operator makes one
//!   Z …                     Z rings, and sees that X calls
//!   Z ══ conference         Z answered, and is a member; X is told, and was one all the time
//! ```

use super::asked::Asked;
use super::call::{Beginning, Call, Far, refused};
use super::dialog::{Join, Whom};
use super::leg::LegId;
use super::originate::Origination;
use super::search::Search;
use super::turn::Turn;
use crate::config::Config;
use crate::plan::Step;
use router::parameter::{BuiltinKind, CauseKind, ConferenceName, Failure, LegPhase, Origin, Party, Reason, Transfer};
use router::{Instance, one};
use std::sync::Arc;

/// Who is to be invited, and into what.
#[derive(Debug)]
pub(crate) struct Invitation {
    pub(crate) asked: Asked,
    transfer: Transfer,
    conference: ConferenceName,
    origin: Origin,
    /// Who invites, as the one who is invited is shown it.
    by: Party,
    /// Whether it is not to be shown that one.
    anonymous: bool,
    verified: bool,
    hops: u8,
}

/// What a call is for that an invitation has begun.
#[derive(Debug)]
pub(super) struct Invited {
    transfer: Transfer,
    conference: ConferenceName,
}

impl Call {
    /// A leg's peer sends nobody on: it talks to a conference. True: that is seen to.
    pub(super) fn invites(
        &mut self,
        turn: &mut Turn<'_>,
        by: LegId,
        asked: &mut Option<Asked>,
        transfer: &Transfer,
    ) -> bool {
        let Far::Service(BuiltinKind::Conference(conference)) = self.far else { return false };
        if self.near != Some(by) || !self.legs[by].is_answered() || self.search.is_some() {
            return false;
        }
        let Some(asked) = asked.take() else { return false };
        let failure = match () {
            () if transfer.target.user().is_empty() => Some(Failure::new(Reason::Invalid).with_detail("no target")),
            () if self.hops == 0 => Some(Failure::because(CauseKind::TooManyHops.into())),
            () if self.legs[by].remote.is_some() => Some(refused("members of this platform invite others")),
            () => None,
        };
        if let Some(failure) = failure {
            asked.failed(turn.outbox, failure);
            return true;
        }
        let leg = &self.legs[by];
        let invitation = Invitation {
            asked,
            transfer: Transfer { phase: LegPhase::Trying, cause: None, ..transfer.clone() },
            conference,
            origin: leg.origin(),
            by: leg.party.clone(),
            anonymous: leg.hidden,
            verified: leg.verified,
            hops: self.hops - 1,
        };
        turn.joins.push(Join { guest: self.instance, whom: Whom::Invited(Box::new(invitation)) });
        true
    }

    /// The call of who is invited.
    pub(crate) fn invite(turn: &mut Turn<'_>, config: Arc<Config>, instance: Instance, invitation: Invitation) -> Self {
        let Invitation { asked, transfer, conference, origin, by, anonymous, verified, hops } = invitation;
        let target = transfer.target.clone();
        let beginning = Beginning {
            instance,
            id: format!("{:016x}{:016x}", turn.random.next_u64(), turn.random.next_u64()),
            origin: origin.clone(),
            caller: target.clone(),
            anonymous: false,
            called: Party::new(conference.as_str(), ""),
            hops,
            path: Vec::new(),
        };
        let mut call = Self::new(turn, config, beginning);
        asked.progress(turn.outbox, one(transfer.clone()));
        let search = Search::new(None, origin, by, anonymous, target)
            .verified(verified)
            .referred_by(transfer.referred_by.clone().filter(|_| !anonymous));
        call.origination = Some(Origination::of_invitation(asked, Invited { transfer, conference }));
        call.begin(turn);
        call.search_begin(turn, search);
        call
    }
}

impl Invited {
    /// Where the one who was invited goes once it has answered.
    pub(super) fn step(&self) -> Step {
        Step::Service(BuiltinKind::Conference(self.conference))
    }

    /// What who invites is told.
    pub(super) fn told(&self, phase: LegPhase) -> Transfer {
        Transfer { phase, ..self.transfer.clone() }
    }
}

//! Who is connected with a leg at another platform, where that changes in mid-call: by a transfer, as calls became one, as a call became a
//! conference. The other platform has a call of its own for it, and is told, so that it knows who talks to whom: in what it shows of the call, in
//! its events, and by a record of the conversation that follows.
//!
//! ```text
//!  A ══ B here   B ══ C there        B sends A to D
//!  A ══ D here   ── Set × Connected (D) ──▶   D ══ C there: what A ══ C was has ended as transferred, another conversation goes on
//! ```
//! No media is concerned; a phone is told who it talks to now. A platform in the middle says it to the one behind it; what is known already goes no further, so that
//! nothing goes round.

use super::asked::Asked;
use super::call::{Call, Far, refused};
use super::leg::{LegId, Peer};
use super::purpose::Purpose;
use super::timers::Timer;
use super::turn::Turn;
use crate::limits::{AUDIT_AGAIN, CONNECTED_PER_LEG, NUMBER_BYTES, STOP_WITHIN};
use crate::plan::trunk_of;
use router::parameter::{Behalf, CauseKind, Connected, Failure, Origin, Party, Reason};
use router::{Command, Packet, Parameters, one};

/// Whom another platform takes a leg of it to be connected with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Facing {
    /// Whoever it is first: what sets the leg up says so.
    #[default]
    First,
    /// That one.
    Side(Far),
    /// Somebody else than it is.
    Another,
}

impl Call {
    /// Tells other platforms who is connected with their legs, where that is another one than they know.
    pub(super) fn tell_connected(&mut self, turn: &mut Turn<'_>) {
        if self.has_ended() {
            return;
        }
        let far = if let Far::Leg(far) = self.far { Some(far) } else { None };
        for leg in [self.near, far].into_iter().flatten() {
            let other = self.other_side(leg);
            let is_there = match other {
                Far::Nobody => false,
                Far::Leg(other) => self.legs[other].is_answered(),
                Far::Service(_) => true,
            };
            let is_answered = self.legs[leg].is_answered();
            let Some(remote) = &mut self.legs[leg].remote else { continue };
            // Of a call that it does not know yet it would not take it.
            if !is_there || !is_answered || remote.handing.is_some() || remote.facing == Facing::Side(other) {
                continue;
            }
            if std::mem::replace(&mut remote.facing, Facing::Side(other)) != Facing::First {
                let (address, connected) = (self.legs[leg].address, self.connected_with(leg, other));
                self.request(turn, address, Command::Set, one(connected), STOP_WITHIN, Purpose::Connected(leg));
            }
        }
    }

    /// What a leg that is asked for says by itself of whom it is to be connected with.
    pub(super) fn faces_first(&self) -> Facing {
        match self.search.as_ref().and_then(|search| search.waiting) {
            // It is asked for on behalf of who sends that one there.
            Some(_) if self.transferring.is_some() => Facing::Another,
            Some(waiting) => Facing::Side(Far::Leg(waiting)),
            None => Facing::First,
        }
    }

    /// What is told of the one at the other side of a leg.
    fn connected_with(&self, leg: LegId, other: Far) -> Connected {
        let calls = !self.conversation.by_caller(leg);
        let Far::Leg(other) = other else {
            let (caller, called) = self.parties();
            let party = if calls { caller } else { called }.clone();
            return Connected { party, origin: None, verified: true, anonymous: false, calls };
        };
        let other = &self.legs[other];
        Connected {
            party: other.party.clone(),
            origin: Some(other.origin()),
            verified: other.verified,
            anonymous: other.hidden,
            calls,
        }
    }

    /// The other platform knows, or could not be told.
    pub(super) fn connected_told(&mut self, turn: &mut Turn<'_>, leg: LegId, packet: &Packet) {
        if packet.command == Command::Done || self.has_ended() || self.legs[leg].is_released() {
            return;
        }
        let reason = packet.failure().reason;
        // One of an earlier version.
        if reason == Reason::Unsupported {
            return;
        }
        if let Some(remote) = &mut self.legs[leg].remote {
            // Where it knows nothing of this call yet, it is told once it does.
            remote.facing = Facing::Another;
        }
        if matches!(reason, Reason::PlatformAbsent | Reason::UnknownDestination | Reason::Busy | Reason::Expired) {
            self.set_timer(turn, Timer::Connected, AUDIT_AGAIN);
        }
    }

    /// It is not known whether the other platform knows who is connected with a leg that has just come here, or knows somebody else.
    pub(super) fn comes_unknown(&mut self, leg: LegId) {
        let is_answered = self.legs[leg].is_answered();
        if let Some(remote) = &mut self.legs[leg].remote {
            remote.facing = if is_answered { Facing::Another } else { Facing::First };
        }
    }

    /// The other platform knows whom a leg is connected with as things stand.
    pub(super) fn comes_known(&mut self, leg: LegId) {
        let other = self.other_side(leg);
        if let Some(remote) = &mut self.legs[leg].remote {
            remote.facing = Facing::Side(other);
        }
    }

    /// `Set × Connected` of a leg at another platform: somebody else is there.
    pub(super) fn connected_with_another(
        &mut self,
        turn: &mut Turn<'_>,
        leg: LegId,
        asked: Asked,
        connected: Connected,
    ) {
        let Connected { party, origin, verified, anonymous, calls } = connected;
        let platform = match &self.legs[leg].remote {
            Some(remote) if self.legs[leg].is_answered() => remote.name.clone(),
            Some(_) => return asked.failed(turn.outbox, refused("the leg is not answered")),
            None => return asked.failed(turn.outbox, refused("legs of this platform say who they are by themselves")),
        };
        if !is_short(&party) || !origin.as_ref().is_none_or(is_named) {
            return asked.failed(turn.outbox, Failure::new(Reason::Invalid).with_detail("no such party"));
        }
        asked.done(turn.outbox, Parameters::new());
        let former = self.legs[leg].origin();
        let other = match self.other_side(leg) {
            Far::Leg(other) => Some(other),
            _ => None,
        };
        self.anonymous = match calls {
            true => anonymous,
            false => self.anonymous && other.is_some_and(|other| self.legs[other].incoming),
        };
        let there = &mut self.legs[leg];
        let (is_known, is_shown_so) = (there.party == party, there.hidden == anonymous);
        // A service is nobody: whatever that platform has there.
        let peer = origin.map_or_else(|| Peer::Platform(platform.clone()), |of| peer_of(&of, &party, &platform));
        let is_peer_known = std::mem::replace(&mut there.peer, peer) == there.peer;
        (there.party, there.party_stated, there.verified) = (party.clone(), true, verified);
        there.hidden = anonymous;
        if is_known {
            if !is_shown_so {
                self.tell_who_is_there(turn, leg, other);
            }
            // It may have been said before on whose behalf that one came.
            if !is_peer_known || !is_shown_so {
                self.publish(turn, None);
            }
            return;
        }
        let others = self.legs[leg].remote.as_mut().map_or(0, |remote| {
            remote.others = remote.others.saturating_add(1);
            remote.others
        });
        let is_recorded = others <= CONNECTED_PER_LEG;
        tracing::info!(call = %self.id, platform, with = self.shown(party.user()), "somebody else is there");
        if is_recorded {
            self.conversation_goes_over(turn, leg, former, party, calls);
        }
        if let Some(other) = other {
            self.introduce_to(turn, other, leg);
        }
        self.pass_on_connected(turn, other);
        self.publish(turn, None);
    }

    /// Whoever is at a leg is to be shown no more, or may be shown from now on: the other side is told.
    fn tell_who_is_there(&mut self, turn: &mut Turn<'_>, leg: LegId, other: Option<LegId>) {
        if let Some(other) = other {
            match self.legs[leg].hidden {
                true => self.hide_from(turn, other),
                false => self.introduce_to(turn, other, leg),
            }
        }
        self.pass_on_connected(turn, other);
    }

    /// The platform behind this one is told who is connected with its leg.
    fn pass_on_connected(&mut self, turn: &mut Turn<'_>, other: Option<LegId>) {
        if let Some(remote) = other.and_then(|other| self.legs[other].remote.as_mut()) {
            remote.facing = Facing::Another;
        }
        self.tell_connected(turn);
    }

    /// The one at a leg is another one: the conversation has ended, and the next one begins. Both legs stay, and go on counting.
    fn conversation_goes_over(&mut self, turn: &mut Turn<'_>, leg: LegId, former: Origin, party: Party, calls: bool) {
        if self.conversation.closed.is_some() {
            return;
        }
        let other = match self.other_side(leg) {
            Far::Leg(other) => Some(other),
            _ => None,
        };
        let stays = match other {
            Some(other) => self.legs[other].party.clone(),
            None => self.parties().1.clone(),
        };
        let (caller, callee, parties) = match other {
            Some(other) if !calls => (other, Some(leg), (former, stays, party.clone())),
            other => (leg, other, (self.legs[leg].origin(), party.clone(), stays)),
        };
        let destination = match callee {
            Some(callee) => Some(self.legs[callee].peer.name().into()),
            None => self.conversation.destination.clone(),
        };
        let next = self.conversation_begins(turn, caller, parties).with_callee(callee, destination);
        self.conversation_left(turn, CauseKind::Transferred.into(), leg, [Some(leg), other].into_iter().flatten());
        self.conversation_follows(turn, CauseKind::Transferred.into(), party, next);
        self.complete_former(turn);
    }
}

/// Who is there, as the plan knows it.
fn peer_of(origin: &Origin, party: &Party, platform: &str) -> Peer {
    match origin.behalf() {
        Behalf::Trunk => Peer::Trunk(trunk_of(origin.name(), platform)),
        Behalf::Account => Peer::Account(origin.name().to_owned()),
        Behalf::Control => Peer::Account(party.user().to_owned()),
    }
}

/// Whether names are as long as names are.
fn is_named(origin: &Origin) -> bool {
    origin.name().len() <= NUMBER_BYTES && origin.platform().is_none_or(|platform| platform.len() <= NUMBER_BYTES)
}

/// Whether a party is as long as numbers and names are.
fn is_short(party: &Party) -> bool {
    let name = party.display_name.as_ref().map_or(0, |name| name.reveal().len());
    [party.user().len(), party.domain.len(), name].into_iter().all(|length| length <= NUMBER_BYTES)
}

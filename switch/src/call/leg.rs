//! One leg of a call.

use super::asked::Asked;
use super::guarding::Charge;
use super::platform::{Elsewhere, Remote};
use crate::negotiation::Medium;
use router::parameter::{Behalf, GuestLeg, LegPhase, LegState, LegTags, Origin, Party, PortId, Target};
use router::time::{Duration, Instant};
use router::{Address, Command, Transaction};
use std::net::IpAddr;
use std::ops::{Index, IndexMut};

/// A leg within its call, and its port within the session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct LegId(pub(super) u16);

impl LegId {
    /// The leg's media port.
    pub(super) fn port(self) -> PortId {
        PortId(self.0)
    }
}

/// Who is at the far end of a leg, as the plan knows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Peer {
    Account(String),
    /// By its name; one of another platform by `NAME@PLATFORM`.
    Trunk(String),
    /// Whoever the plan of another platform, of that name, finds.
    Platform(String),
}

impl Peer {
    /// The account's or trunk's name.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Account(name) | Self::Trunk(name) | Self::Platform(name) => name,
        }
    }

    /// What it is, as who watches is told; of another platform's plan nothing is known.
    pub(super) fn behalf(&self) -> Option<Behalf> {
        match self {
            Self::Account(_) => Some(Behalf::Account),
            Self::Trunk(_) => Some(Behalf::Trunk),
            Self::Platform(_) => None,
        }
    }

    /// On whose behalf it asks for something, on its own platform.
    fn origin(&self) -> Origin {
        match self {
            Self::Account(name) => Origin::Account(name.as_str().into()),
            // Whoever that is has no more rights than a trunk.
            Self::Trunk(name) | Self::Platform(name) => Origin::Trunk(name.as_str().into()),
        }
    }
}

/// Where an outgoing leg is to go, until it is started.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) target: Whither,
    pub(super) peer: Peer,
    pub(super) interface: IpAddr,
    pub(super) called: Party,
    /// How long it may ring; `None`: that is for the other platform to say.
    pub(super) timeout: Option<Duration>,
    /// What it costs.
    pub(super) charge: Option<Box<Charge>>,
}

/// Whom a leg is asked of.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "it is held in the box of `Wanted`, and most are of the large kind")]
pub(super) enum Whither {
    /// Signaling.
    Here(Target),
    /// Another platform's switch.
    Elsewhere(Box<Elsewhere>),
}

/// One leg of a call.
#[derive(Debug)]
pub(super) struct Leg {
    pub(super) id: LegId,
    /// Its instance at signaling, or the call's at the switch of another platform: what it sends comes from there.
    pub(super) address: Address,
    /// The other platform that it is at.
    pub(super) remote: Option<Box<Remote>>,
    pub(super) incoming: bool,
    pub(super) phase: LegPhase,
    pub(super) peer: Peer,
    /// Who is there, as the other leg is shown it.
    pub(super) party: Party,
    /// Whether signaling said so.
    pub(super) party_stated: bool,
    /// Whether the party is who the platform, or a peer it trusts, found it to be: so it may be asserted (RFC 3325 §5).
    pub(super) verified: bool,
    /// Whether who is there has asked not to be shown.
    pub(super) hidden: bool,
    /// The protocol's own name of it.
    pub(super) leg_id: String,
    /// How its two ends are named, once it has rung.
    pub(super) tags: Option<LegTags>,
    /// The local address of its signalling: its port opens on the same.
    pub(super) interface: IpAddr,
    /// The host that its signalling comes from, once known; of another platform it is that one's affair.
    pub(super) host: Option<IpAddr>,
    /// Outgoing, not started yet: whither.
    pub(super) wanted: Option<Box<Wanted>>,
    /// Incoming, unanswered: the request that asked for the call.
    pub(super) asked: Option<Asked>,
    /// Incoming, unanswered: the last phase that it was told.
    pub(super) told: LegPhase,
    /// The same: the protocol's own code that went with it.
    pub(super) told_code: Option<u16>,
    /// Outgoing: whether its peer has said anything beyond that it tries.
    pub(super) told_ringing: bool,
    /// Outgoing: when it was asked for.
    pub(super) offered: Instant,
    /// Outgoing: whether its peer rang, or answered.
    pub(super) rang: bool,
    /// What it costs, where somebody counts it.
    pub(super) charge: Option<Box<Charge>>,
    pub(super) medium: Medium,
}

impl Leg {
    /// The rights of its peer when it asks for something.
    pub(super) fn origin(&self) -> Origin {
        match &self.remote {
            Some(remote) => remote.origin(&self.peer.origin()),
            None => self.peer.origin(),
        }
    }

    /// Whether it is up and answered.
    pub(super) fn is_answered(&self) -> bool {
        self.phase == LegPhase::Answered
    }

    /// Keeps what signaling tells of the leg beside its phase.
    pub(super) fn learn(&mut self, state: &LegState) {
        self.note_host(state);
        // Of another platform these are its own affairs.
        if self.remote.is_none() {
            if let Some(leg_id) = &state.leg_id {
                self.leg_id.clone_from(leg_id);
            }
            if let Some(interface) = state.interface {
                self.interface = interface;
            }
            if state.tags.is_some() {
                self.tags.clone_from(&state.tags);
            }
        }
        if let Some(party) = &state.party {
            self.party = party.clone();
            self.party_stated = true;
            // Signaling passes on what a trusted peer asserts, and nothing else.
            self.verified = true;
        }
    }

    /// Its signalling comes from there now, where signaling says so.
    pub(super) fn note_host(&mut self, state: &LegState) {
        if self.remote.is_none() && state.host.is_some() {
            self.host = state.host;
        }
    }

    /// Who is there, where signaling said so.
    pub(super) fn stated(&self) -> Option<Party> {
        self.party_stated.then(|| self.party.clone())
    }

    /// Whether it has ended.
    pub(super) fn is_released(&self) -> bool {
        self.phase == LegPhase::Released
    }

    /// One that comes from a call of another switch; `remote`: it is at another platform.
    pub(super) fn guest(id: LegId, guest: &GuestLeg, own: Address, remote: Option<Remote>) -> Self {
        let phase = if guest.calls { LegPhase::Trying } else { LegPhase::Answered };
        let asked = guest.asked.filter(|_| guest.calls);
        let peer = match (guest.peer.behalf(), guest.peer.name().to_owned()) {
            (Behalf::Trunk, name) => Peer::Trunk(name),
            (Behalf::Account | Behalf::Control, name) => Peer::Account(name),
        };
        Self {
            id,
            address: guest.leg,
            remote: remote.map(Box::new),
            incoming: guest.incoming,
            phase,
            peer,
            party: guest.party.clone(),
            party_stated: true,
            verified: guest.verified,
            hidden: guest.hidden,
            leg_id: guest.leg_id.clone(),
            tags: None,
            interface: guest.interface,
            host: guest.host,
            wanted: None,
            asked: asked.map(|asked| Asked::left(guest.leg, Transaction(asked), Command::Start, own)),
            told: phase,
            told_code: None,
            told_ringing: true,
            // It has long rung.
            offered: Instant::from_nanos(0),
            rang: true,
            charge: None,
            medium: if guest.calls { Medium::of_caller(guest) } else { Medium::restored(guest) },
        }
    }

    /// It goes to another call, and its name with it: what is left here has ended.
    pub(super) fn leave(&mut self) -> Self {
        let husk = Self {
            id: self.id,
            address: self.address,
            remote: None,
            incoming: self.incoming,
            phase: LegPhase::Released,
            peer: self.peer.clone(),
            party: self.party.clone(),
            party_stated: self.party_stated,
            verified: self.verified,
            hidden: self.hidden,
            leg_id: String::new(),
            tags: None,
            interface: self.interface,
            host: self.host,
            wanted: None,
            asked: None,
            told: self.told,
            told_code: None,
            told_ringing: self.told_ringing,
            offered: self.offered,
            rang: self.rang,
            charge: None,
            medium: Medium::default(),
        };
        std::mem::replace(self, husk)
    }
}

/// The legs of a call, by their number; ended ones keep theirs.
#[derive(Debug, Default)]
pub(super) struct Legs(Vec<Leg>);

impl Legs {
    /// The number of the next leg; `None`: the call has had its share.
    pub(super) fn next_id(&self) -> Option<LegId> {
        (self.0.len() < crate::limits::LEGS_PER_CALL).then_some(LegId(self.0.len() as u16))
    }

    /// Whether the call may have so many more.
    pub(super) fn has_room_for(&self, legs: usize) -> bool {
        self.0.len() + legs <= crate::limits::LEGS_PER_CALL
    }

    /// Adds the leg that [`next_id`](Self::next_id) named.
    pub(super) fn push(&mut self, leg: Leg) {
        debug_assert_eq!(usize::from(leg.id.0), self.0.len());
        self.0.push(leg);
    }

    /// The leg at `address`.
    pub(super) fn at(&self, address: Address) -> Option<LegId> {
        self.0.iter().find(|leg| leg.address == address).map(|leg| leg.id)
    }

    /// All of them, in the order in which they came.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Leg> {
        self.0.iter()
    }

    /// Those behind the first so many.
    pub(super) fn since(&self, count: usize) -> &[Leg] {
        self.0.get(count..).unwrap_or_default()
    }

    /// How many there have been.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// The numbers of all that have not ended.
    pub(super) fn open(&self) -> Vec<LegId> {
        self.0.iter().filter(|leg| !leg.is_released()).map(|leg| leg.id).collect()
    }
}

// A `LegId` is only made by `next_id`, and legs are never removed.
impl Index<LegId> for Legs {
    type Output = Leg;
    fn index(&self, id: LegId) -> &Leg {
        &self.0[usize::from(id.0)]
    }
}

impl IndexMut<LegId> for Legs {
    fn index_mut(&mut self, id: LegId) -> &mut Leg {
        &mut self.0[usize::from(id.0)]
    }
}

//! What a request of a call's own was for.

use super::asked::Asked;
use super::leg::LegId;
use super::session::Joined;
use crate::plan::Lookup;
use router::parameter::{Cause, ConferenceName, Digits};
use router::{Address, Instance, PlatformId};

/// What the answer to a request of ours decides.
#[derive(Debug)]
pub(super) enum Purpose {
    /// `Query × Registration`: where the account of that number among the sought is reached, here or on another platform.
    Registration { member: usize, platform: Option<PlatformId> },
    /// `Query × NumberLookup`: where the name service says that a number is.
    Lookup(Box<Lookup>),
    /// `Open × MediaPort`: the ports of these legs, and maybe of the one that waits. So many workers had none before.
    Open { legs: Vec<LegId>, refusals: u8 },
    /// `Start × Leg`; of another platform's switch, `Start × Call`.
    StartLeg(LegId),
    /// `Set × LegState`: our offer or answer to a leg.
    SetLeg(LegId),
    /// `Set × LegState`: our offer to a leg is taken back. What comes of it the offer's own answer tells.
    TakeBack,
    /// `Set × LegState`: another offer to a leg that has refused the first, or none. What comes of it the leg's own request tells.
    AnotherOffer,
    /// `Stop × LegState`: repeated a few times if nobody answers.
    StopLeg { leg: LegId, cause: Cause, attempt: u8 },
    /// `Query × LegState`: whether a leg on another platform is there.
    Audit(LegId),
    /// `Query × LegState`: for the sake of the probe with it, which may come back by another leg.
    Probe,
    /// `Query × LegState`: whether the peer of a leg is there. One that is not ends its leg.
    Supervise(LegId),
    /// `Connect`, `Set × MediaPlan`, `Start × Builtin`: how the ports are joined.
    Media,
    /// `Disconnect`, `Stop × Builtin`: repeated a few times if nobody answers.
    Part { joined: Joined, attempt: u8 },
    /// `Query × Dialog`: whose it is.
    Dialog,
    /// The same of another platform: whether it is there.
    DialogElsewhere(PlatformId),
    /// `Query × Ringing`: what rings at another switch.
    Ringing,
    /// `Start × GuestLeg`: a leg of ours is to come into a call of another switch.
    Guest,
    /// `Set × Handover`: a leg that came from another call, of that address, is this one's. Repeated a few times.
    Handover { leg: LegId, from: Address, attempt: u8 },
    /// `Set × Connected`: another platform is told who is connected with a leg of it.
    Connected(LegId),
    /// `Open`: the ports of legs that came from another call, `moved` with them or new ones.
    /// The call that they came from keeps its session until then.
    Adopt { legs: Vec<LegId>, moved: bool, guest: Option<Instance> },
    /// `Open × MovedPort`: the port of a leg comes to this session, from another one of the call's at that worker, or (`None`) from a call's
    /// that has become a conference.
    Move { leg: LegId, from: Option<Address> },
    /// `Start × Builtin`: a seat in a conference, before the leg is answered.
    Seat { leg: LegId, name: ConferenceName },
    /// `Start × Conversion`: the call of the dialog that was named is to become a conference.
    Conversion,
    /// `Close × MediaPort`: what the port counted.
    ClosePort(LegId),
    /// `Query × PortStatistics`: what the port of a leg that goes on has counted when a conversation ended.
    Count { leg: LegId, conversation: u32 },
    /// `Close`: the end of the session, what its ports counted.
    CloseSession { attempt: u8 },
    /// `Send`: on behalf of the other leg.
    Relay(Asked),
    /// `Send × Digits`: keys on behalf of the other leg, which may go by its media where it takes none in signalling.
    KeysRelayed { leg: LegId, asked: Asked, digits: Digits },
    /// `Send × Digits`: keys that were heard in the other leg's media.
    Keys(LegId),
}

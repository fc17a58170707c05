//! Legs: where one goes, and how far it has come.

use super::call::Passed;
use super::conference::ConferenceName;
use super::failure::Cause;
use super::ice::IceCandidate;
use super::identity::CallIdentity;
use super::is_false;
use super::media::MediaExchange;
use super::party::Party;
use super::registration::Contact;
use crate::private::Private;
use crate::short_text::ShortText;
use minicbor::{Decode, Encode};
use std::net::IpAddr;

/// Where an outgoing leg goes.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Target {
    /// One contact of a registration.
    #[n(1)]
    Contact(#[n(0)] Contact),
    /// A number at a trunk, by the trunk's name.
    #[n(2)]
    Trunk {
        /// The trunk's name.
        #[n(0)]
        name: String,
        /// The number as the trunk is to see it.
        #[n(1)]
        number: Private<String>,
    },
    /// A URI that a peer named (REFER's target outside any plan is not followed; a routed one becomes one of the above).
    #[n(3)]
    Uri(#[n(0)] Private<String>),
}

/// A leg that the switch asks signaling for.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Leg {
    /// The call's common id.
    #[n(0)]
    pub call_id: String,
    /// Whither.
    #[n(1)]
    pub target: Target,
    /// Who calls.
    #[n(2)]
    pub caller: Party,
    /// Whether the caller asked not to be shown.
    #[n(3)]
    pub anonymous: bool,
    /// Who is called, as the callee is to see it.
    #[n(4)]
    pub called: Party,
    /// The offer; `None` asks the peer for one.
    #[n(5)]
    pub media: Option<MediaExchange>,
    /// How often the call may still be sent on: with 0 not at all, else Max-Forwards is one less.
    #[n(6)]
    pub hops: u8,
    /// Whether `caller` is verified, as [`Call::verified`](super::Call::verified) has it: no other is asserted to a trusted peer (RFC 3325 §5).
    #[n(7)]
    #[cbor(default, skip_if = "is_false")]
    pub verified: bool,
    /// Who sent the caller there, where it was transferred (Referred-By, RFC 3892), as given.
    #[n(8)]
    pub referred_by: Option<Private<String>>,
    /// What the caller's leg said beside all this.
    #[n(9)]
    pub passed: Option<Vec<Passed>>,
    /// Whose phone the target is; `None`: nobody's of an account.
    #[n(10)]
    pub account: Option<ShortText>,
    /// Whether it is called by a secure way alone, or not at all, as [`Call::secure`](super::Call::secure) has it.
    #[n(11)]
    #[cbor(default, skip_if = "is_false")]
    pub secure: bool,
    /// Whether no limit is to refuse it: an emergency.
    #[n(12)]
    #[cbor(default, skip_if = "is_false")]
    pub urgent: bool,
    /// What is told of the caller beside the name.
    #[n(13)]
    pub identity: Option<Box<CallIdentity>>,
}

/// How far a leg has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum LegPhase {
    /// Asked for; nothing heard.
    #[n(1)]
    Trying,
    /// The far end rings.
    #[n(2)]
    Ringing,
    /// The far end sends media before it answers.
    #[n(3)]
    Early,
    /// Answered.
    #[n(4)]
    Answered,
    /// Ended.
    #[n(5)]
    Released,
}

/// What a leg has come to, or is asked to come to. `Query × LegState` to a call, from one of its legs: how it stands; `Done ×
/// LegState`, or `Failed(NotFound)` where the call or the leg is no more.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct LegState {
    /// How far.
    #[n(0)]
    pub phase: LegPhase,
    /// An offer or answer that comes with it.
    #[n(1)]
    pub media: Option<MediaExchange>,
    /// Why it ends (`Stop`). In `Set` without media: the leg's last offer is withdrawn, or its answer did not come about, and
    /// what was agreed before holds again. In `Progress`: the protocol's own provisional status as its `code`, where the phase
    /// does not tell it (SIP: 181, 182, and 183 without media, in whatever phase the leg is), so that the caller can be told
    /// the same; the kind beside it says nothing.
    #[n(2)]
    pub cause: Option<Cause>,
    /// Who is at the far end now, where it says so.
    #[n(3)]
    pub party: Option<Party>,
    /// The protocol's own name of the leg (SIP: Call-ID), for traces.
    #[n(4)]
    pub leg_id: Option<String>,
    /// The local address that the leg's signalling uses, once known.
    #[n(5)]
    pub interface: Option<IpAddr>,
    /// Of an outgoing leg that rings: how its two ends are named.
    #[n(6)]
    pub tags: Option<LegTags>,
    /// What answers is a conference of that name (SIP: a focus, RFC 4579).
    #[n(7)]
    pub conference: Option<Box<ConferenceName>>,
    /// The host that the leg's signalling comes from, as far as it is known; a peer may move.
    #[n(8)]
    pub host: Option<IpAddr>,
    /// In `Query` of another platform: goes on from call to call, see [`Probe`].
    #[n(9)]
    pub probe: Option<Probe>,
    /// In `Set` without media or cause: where else the leg's peer says that it may be reached, after its description (SIP: INFO, RFC 8840). Whatever is under way
    /// goes on.
    #[n(10)]
    #[cbor(default, skip_if = "Vec::is_empty")]
    pub candidates: Vec<IceCandidate>,
}

/// Goes along a chain of calls over several platforms, in by one leg of each and out by the other, while both are at other platforms: whoever
/// gets its own back has no telephone at either end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Probe {
    /// Chance, by which its sender knows it.
    #[n(0)]
    pub number: u64,
    /// Through how many calls more it may go.
    #[n(1)]
    pub calls: u8,
}

/// The protocol's own names of a leg's two ends (SIP: the tags of its dialog), by which somebody else can take it over.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct LegTags {
    /// Ours.
    #[n(0)]
    pub local: ShortText,
    /// The peer's.
    #[n(1)]
    pub remote: ShortText,
}

impl LegState {
    /// A phase and nothing more.
    pub const fn new(phase: LegPhase) -> Self {
        Self {
            phase,
            media: None,
            cause: None,
            party: None,
            leg_id: None,
            interface: None,
            tags: None,
            conference: None,
            host: None,
            probe: None,
            candidates: Vec::new(),
        }
    }

    /// The end, and why.
    pub fn released(cause: impl Into<Cause>) -> Self {
        Self { cause: Some(cause.into()), ..Self::new(LegPhase::Released) }
    }

    /// With an offer or answer.
    pub fn with_media(self, media: Option<MediaExchange>) -> Self {
        Self { media, ..self }
    }
}

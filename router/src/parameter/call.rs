//! Calls and legs: what `signaling` and `switch` say to each other, and what they tell who watches.
//!
//! A leg lives in `signaling` as an instance there; a call lives in `switch`. Whoever starts one chooses its instance.
//!
//! ```text
//!  a leg comes in:   signaling#leg ── Start × Call ──▶ switch#call      Progress × LegState (ringing, early media) …
//!                                                                       Done × LegState (answered) | Failed × Failure
//!  a leg goes out:   switch#call ── Start × Leg ──▶ signaling#leg       Progress × LegState …
//!                                                                       Done × LegState (answered) | Failed × Failure
//!  its media change: either ── Set × LegState (media) ──▶ the other     Done × LegState (the answer) | Failed
//!  not agreed:       signaling#leg ── Set × LegState (cause) ──▶ switch   Done: what was agreed before holds again
//!  refused at once:  signaling ── Notify × Call, Failure ──▶ switch     for its record
//!  it ends:          either ── Stop × LegState (cause) ──▶ the other    Done
//!  REFER:            signaling#leg ── Start × Transfer ──▶ switch#call  Progress × Transfer … Done | Failed
//!  INFO, keys:       either ── Send × Information | Digits ──▶ other    Done | Failed
//!  another at its other end: switch#call ── Notify × LegState (party) ──▶ signaling#leg
//! ```
//! Within a call, a leg is known by its address: the source of what it sends.
//!
//! A switch sends `Start × Call` to the switch of another platform just as a leg of signaling does, from its own call's address:
//! that is the leg, for both. Each asks the other now and then how the leg stands: `Query × LegState`.

use super::conference::ConferenceName;
use super::dialog::Dialog;
use super::failure::Cause;
use super::ice::IceCandidate;
use super::identity::{CallIdentity, CallerVerdict};
use super::media::MediaExchange;
use super::port::{KeyForm, PortId};
use super::protection::SrtpSuite;
use super::record::LegQuality;
use super::registration::Contact;
use crate::address::PlatformId;
use crate::private::Private;
use crate::short_text::ShortText;
use crate::time::WallTime;
use minicbor::{Decode, Encode};
use std::net::IpAddr;

/// Who calls or is called, as a protocol-independent name.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct Party {
    /// The user part or number, unescaped.
    #[n(0)]
    pub user: Private<ShortText>,
    /// The domain; empty where only a number is known.
    #[n(1)]
    pub domain: ShortText,
    /// The name to show.
    #[n(2)]
    pub display_name: Option<Private<ShortText>>,
    /// Whether who is called by that name is to be reached by secure ways alone (SIP: a `sips:` URI).
    #[n(3)]
    #[cbor(default, skip_if = "is_false")]
    pub secure: bool,
}

impl Party {
    /// A user in a domain.
    pub fn new(user: impl Into<ShortText>, domain: impl Into<ShortText>) -> Self {
        Self { user: Private::new(user.into()), domain: domain.into(), display_name: None, secure: false }
    }

    /// The user part or number.
    pub fn user(&self) -> &str {
        self.user.reveal()
    }
}

/// On whose behalf a leg came in: settled by address (trunks) or digest (accounts).
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Origin {
    /// A trunk of the configuration, by name.
    #[n(1)]
    Trunk(#[n(0)] ShortText),
    /// An account, by name.
    #[n(2)]
    Account(#[n(0)] ShortText),
    /// The control socket.
    #[n(3)]
    Control,
    /// One of these on another platform of the cluster, which that one has settled.
    #[n(4)]
    Platform {
        /// The platform's name.
        #[n(0)]
        platform: ShortText,
        /// What it is there.
        #[n(1)]
        behalf: Behalf,
        /// The trunk's or account's name there.
        #[n(2)]
        name: ShortText,
    },
}

/// What an [`Origin`] is on its own platform.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum Behalf {
    /// A trunk.
    #[n(1)]
    Trunk,
    /// An account.
    #[n(2)]
    Account,
    /// The control socket.
    #[n(3)]
    Control,
}

impl Behalf {
    /// What a person reads.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trunk => "trunk",
            Self::Account => "account",
            Self::Control => "control",
        }
    }
}

impl Origin {
    /// The trunk's or account's name; `control` for the control socket.
    pub fn name(&self) -> &str {
        match self {
            Self::Trunk(name) | Self::Account(name) | Self::Platform { name, .. } => name,
            Self::Control => "control",
        }
    }

    /// What it is on its own platform.
    pub const fn behalf(&self) -> Behalf {
        match self {
            Self::Trunk(_) => Behalf::Trunk,
            Self::Account(_) => Behalf::Account,
            Self::Control => Behalf::Control,
            Self::Platform { behalf, .. } => *behalf,
        }
    }

    /// The name of the platform that it is on, if that is another one.
    pub fn platform(&self) -> Option<&str> {
        match self {
            Self::Platform { platform, .. } => Some(platform),
            Self::Trunk(_) | Self::Account(_) | Self::Control => None,
        }
    }

    /// The same as it is seen from another platform, where the own one has that name.
    pub fn on(self, platform: &str) -> Self {
        match self {
            Self::Platform { .. } => self,
            own => Self::Platform { platform: platform.into(), behalf: own.behalf(), name: own.name().into() },
        }
    }
}

/// Where a call from another platform is to go on this one: decided by that one's plan, and no matter of this one's.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Placement {
    /// To wherever an account is registered here; nobody looks for it elsewhere.
    #[n(1)]
    Account(#[n(0)] String),
    /// To a number at a trunk of this platform.
    #[n(2)]
    Trunk {
        /// The trunk's name.
        #[n(0)]
        name: String,
        /// The number as the trunk is to see it.
        #[n(1)]
        number: Private<String>,
    },
    /// In the place of the peer of a dialog of this platform's, or into the conference that its call becomes.
    #[n(3)]
    Dialog {
        /// Which one.
        #[n(0)]
        dialog: Dialog,
        /// Whether that peer sends who comes there (SIP: REFER), and does not come itself.
        #[n(1)]
        sent: bool,
    },
}

/// A call that an incoming leg asks the switch for.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Call {
    /// Names the call across platforms, in records, logs and events: unique, printable, chosen by the first platform. What a
    /// platform sends on beyond the first call to each other one bears the id, `~`, its number, `.`, and a count of its own.
    #[n(0)]
    pub id: String,
    /// On whose behalf.
    #[n(1)]
    pub origin: Origin,
    /// Who calls, as shown to the callee: asserted identity where the origin may assert one.
    #[n(2)]
    pub caller: Party,
    /// Whether the caller asked not to be shown (RFC 3323 `Privacy: id`).
    #[n(3)]
    pub anonymous: bool,
    /// Who is called.
    #[n(4)]
    pub called: Party,
    /// The offer, if the leg came with one.
    #[n(5)]
    pub media: Option<MediaExchange>,
    /// How often the call may still be sent on (Max-Forwards as it came).
    #[n(6)]
    pub hops: u8,
    /// The local address that the leg's signalling uses.
    #[n(7)]
    pub interface: IpAddr,
    /// The protocol's own name of the leg (SIP: Call-ID), for traces.
    #[n(8)]
    pub leg_id: String,
    /// Whether `caller` is who the platform or somebody it trusts has found the caller to be: an account that proved itself, or
    /// what a trusted trunk asserts (RFC 3325 §5). A caller that only says so is not verified.
    #[n(9)]
    #[cbor(default, skip_if = "is_false")]
    pub verified: bool,
    /// On whose behalf the call is made, where its caller follows a transfer (Referred-By, RFC 3892), as given.
    #[n(10)]
    pub referred_by: Option<Private<String>>,
    /// Of another platform: where the call is to go here; `None`: wherever the plan sends it.
    #[n(11)]
    pub placement: Option<Placement>,
    /// The platforms that the call has passed, the one where it began first; empty: it has not left that one.
    #[n(12)]
    #[cbor(default, skip_if = "Vec::is_empty")]
    pub path: Vec<PlatformId>,
    /// Beside `placement`: how long it may ring; `None`: as long as any here.
    #[n(13)]
    pub ring_ms: Option<u32>,
    /// What the leg said beside all this, and may be told to the other one.
    #[n(14)]
    pub passed: Option<Vec<Passed>>,
    /// Whether the caller wants all of the way to be secure (SIP: a `sips:` URI).
    #[n(15)]
    #[cbor(default, skip_if = "is_false")]
    pub secure: bool,
    /// The host that the leg's signalling comes from.
    #[n(16)]
    pub host: Option<IpAddr>,
    /// Whether the leg, which came without an offer, takes one before it is answered (SIP: in a provisional response that it acknowledges).
    #[n(17)]
    #[cbor(default, skip_if = "is_false")]
    pub early_offer: bool,
    /// What is told of the caller beside the name.
    #[n(18)]
    pub identity: Option<Box<CallIdentity>>,
}

/// Something that a leg said in its protocol, which means nothing to the platform and is passed on where a trunk is configured so: in
/// SIP a header field.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Passed {
    /// Its name.
    #[n(0)]
    pub name: String,
    /// What it says.
    #[n(1)]
    pub value: Private<String>,
    /// Whether it is for trunks alone: an account said it, and accounts do not tell each other that.
    #[n(2)]
    #[cbor(default, skip_if = "is_false")]
    pub trunks_alone: bool,
}

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
    /// Whether `caller` is verified, as [`Call::verified`] has it: no other is asserted to a trusted peer (RFC 3325 §5).
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
    /// Whether it is called by a secure way alone, or not at all, as [`Call::secure`] has it.
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

/// What a decoder takes an absent flag for.
pub(super) fn is_false(flag: &bool) -> bool {
    !flag
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

/// Keys pressed, where they leave a leg's media: passed on as signalling (SIP: INFO); and to a media worker, what a port's peer is to be sent.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Digits {
    /// `0`–`9`, `*`, `#`, `A`–`D`.
    #[n(0)]
    pub digits: Private<String>,
    /// How long each was pressed.
    #[n(1)]
    pub duration_ms: u16,
    /// `Send` to a session of a media worker: to the peer of which port.
    #[n(2)]
    pub port: Option<PortId>,
}

/// A body that one leg's peer sent in mid-call (SIP: INFO, or MESSAGE), for the other leg's peer.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Information {
    /// The body's media type; `None` for no body.
    #[n(0)]
    pub content_type: Option<String>,
    /// The body.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub body: Vec<u8>,
    /// The INFO package (RFC 6086), if named.
    #[n(2)]
    pub package: Option<String>,
    /// Whether it is a text for the other party (SIP: MESSAGE) and no signalling.
    #[n(3)]
    #[cbor(default, skip_if = "is_false")]
    pub is_text: bool,
}

/// Whither a leg's peer sends the other leg (SIP: REFER). In `Progress` and `Done`: how far that came.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Transfer {
    /// Who is called instead.
    #[n(0)]
    pub target: Party,
    /// Progress: how far the new leg is. Requests: `Trying`.
    #[n(1)]
    pub phase: LegPhase,
    /// Progress: the cause where it failed.
    #[n(2)]
    pub cause: Option<Cause>,
    /// Who sends (Referred-By, RFC 3892), as given.
    #[n(3)]
    pub referred_by: Option<Private<String>>,
}

/// `Start × Originate` to the switch: rings `from`; once it answers, calls `to` for it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Originate {
    /// Rung first: an account or a number of the plan.
    #[n(0)]
    pub from: String,
    /// Called then.
    #[n(1)]
    pub to: String,
}

/// How far a call has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum CallPhase {
    /// Being routed; no far end yet.
    #[n(1)]
    Routing,
    /// A far end rings.
    #[n(2)]
    Ringing,
    /// Both ends talk.
    #[n(3)]
    Talking,
    /// One end holds the other.
    #[n(4)]
    Held,
    /// Being moved to another party.
    #[n(5)]
    Transferring,
    /// Over.
    #[n(6)]
    Ended,
}

/// One leg of a call as it stands.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct LegSummary {
    /// The protocol's own name of the leg (SIP: Call-ID).
    #[n(0)]
    pub leg_id: String,
    /// The account, trunk or service at its far end.
    #[n(1)]
    pub peer: String,
    /// How far.
    #[n(2)]
    pub phase: LegPhase,
    /// Whether it came in.
    #[n(3)]
    pub incoming: bool,
    /// The other platform that the peer is on, by its name.
    #[n(4)]
    pub platform: Option<String>,
    /// What the peer is; `None`: a service, or another platform's plan.
    #[n(5)]
    pub behalf: Option<Behalf>,
    /// While it rings: how its two ends are named.
    #[n(6)]
    pub tags: Option<LegTags>,
    /// What protects its media (SRTP); `None`: it is in the clear.
    #[n(7)]
    pub suite: Option<SrtpSuite>,
    /// What its port has counted so far: told to who asks for one call, by its id.
    #[n(8)]
    pub quality: Option<Box<LegQuality>>,
}

/// A call as it stands: `Query × CallSummary` (with a `Selection`) is answered with these.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct CallSummary {
    /// The call's common id.
    #[n(0)]
    pub id: String,
    /// Who calls; after a transfer, who was sent on.
    #[n(1)]
    pub caller: Party,
    /// Who is called; after a transfer, to whom.
    #[n(2)]
    pub called: Party,
    /// How far.
    #[n(3)]
    pub phase: CallPhase,
    /// When it began.
    #[n(4)]
    pub started: WallTime,
    /// When it was answered.
    #[n(5)]
    pub answered: Option<WallTime>,
    /// Its legs; the caller's is the first.
    #[n(6)]
    pub legs: Vec<LegSummary>,
    /// The codec in use.
    #[n(7)]
    pub codec: Option<String>,
    /// On whose behalf the call came to be, whoever talks by now.
    #[n(8)]
    pub origin: Option<Origin>,
    /// Whether the caller asked not to be shown.
    #[n(9)]
    #[cbor(default, skip_if = "is_false")]
    pub anonymous: bool,
    /// What was found of the signature that it came with.
    #[n(10)]
    pub verdict: Option<Box<CallerVerdict>>,
}

/// `Notify × CallEvent` to who subscribed (`Subscribe × CallEvent`): the call as it stands after the change.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct CallEvent {
    /// The call.
    #[n(0)]
    pub call: CallSummary,
    /// Why it ended; of one that goes on, why nobody was transferred.
    #[n(1)]
    pub cause: Option<Cause>,
    /// When.
    #[n(2)]
    pub at: WallTime,
    /// Whether notifications before this one were lost: who keeps a picture asks anew.
    #[n(3)]
    pub missed: bool,
    /// What was pressed, where that is all that has happened.
    #[n(4)]
    pub pressed: Option<Box<Pressed>>,
    /// How it sounded, where that is all that has happened: told once behind the end, when everything is counted.
    #[n(5)]
    pub quality: Option<Box<CallQuality>>,
}

/// How both sides of a conversation sounded.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct CallQuality {
    /// The caller's leg.
    #[n(0)]
    pub caller: LegQuality,
    /// The callee's.
    #[n(1)]
    pub callee: LegQuality,
}

/// A key that one of two who talk has pressed: told once for each press, however it came.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Pressed {
    /// `0`–`9`, `*`, `#`, `A`–`D`.
    #[n(0)]
    pub key: Private<String>,
    /// For how long.
    #[n(1)]
    pub duration_ms: u16,
    /// Whether it was the caller's side, after a transfer who was sent on.
    #[n(2)]
    pub by_caller: bool,
    /// How it came.
    #[n(3)]
    pub form: KeyForm,
}

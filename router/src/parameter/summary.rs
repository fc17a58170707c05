//! Calls as those who watch them are told of them.

use super::failure::Cause;
use super::identity::CallerVerdict;
use super::is_false;
use super::leg::{LegPhase, LegTags};
use super::party::{Behalf, Origin, Party};
use super::port::KeyForm;
use super::protection::SrtpSuite;
use super::record::LegQuality;
use crate::private::Private;
use crate::time::WallTime;
use minicbor::{Decode, Encode};

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

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

use super::dialog::Dialog;
use super::failure::Cause;
use super::identity::CallIdentity;
use super::is_false;
use super::leg::LegPhase;
use super::media::MediaExchange;
use super::party::{Origin, Party};
use super::port::PortId;
use crate::address::PlatformId;
use crate::private::Private;
use minicbor::{Decode, Encode};
use std::net::IpAddr;

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

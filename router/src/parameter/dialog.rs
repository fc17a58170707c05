//! Dialogs that a peer names, and legs that change their call: transfers to somebody who is in a call already, and pick-up.
//!
//! ```text
//!  switch#call ── Query × Dialog ──▶ signaling, its home      Done × Dialog (at): whose it is | Failed(NotFound); of another platform, too
//!  switch#call ── Set × Handover ──▶ signaling#leg            Done: the leg belongs to the sender from now on
//!  switch#call ── Open × MovedPort… ──▶ voice                 Done × MediaPort…: its port, with its sockets and its stream
//!  switch/1#call ── Start × GuestLeg… ─▶ switch/2#call        Done × GuestLeg…: they have come into that call; only within a platform
//!  switch/1#call ── Query × Ringing ──▶ switch/2              Done × Ringing (at): what rings there; only within a platform
//! ```
//! A request of a peer's that names a dialog carries it as the second parameter: `Start × Transfer, Dialog` (SIP: REFER to an address
//! with Replaces), `Start × Call, Dialog` (INVITE with Replaces or Join).

use super::is_false;
use super::media::{Codec, MediaDescription};
use super::party::{Origin, Party};
use super::port::PortId;
use crate::address::Address;
use crate::private::Private;
use minicbor::{Decode, Encode};
use std::net::IpAddr;

/// A dialog, as a peer names it (SIP: Replaces, RFC 3891 §6.1).
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Dialog {
    /// The protocol's own name of the leg (SIP: Call-ID).
    #[n(0)]
    pub leg_id: String,
    /// The tag of ours (SIP: `to-tag`).
    #[n(1)]
    pub own_tag: String,
    /// The tag of the peer that is to be replaced (SIP: `from-tag`).
    #[n(2)]
    pub peer_tag: String,
    /// Whether it is meant only while it is not answered (SIP: `early-only`).
    #[n(3)]
    #[cbor(default, skip_if = "is_false")]
    pub early_only: bool,
    /// In the answer: where it is.
    #[n(4)]
    pub at: Option<DialogPlace>,
    /// Whether its call is to be joined instead: nobody is replaced (SIP: Join, RFC 3911).
    #[n(5)]
    #[cbor(default, skip_if = "is_false")]
    pub join: bool,
}

/// Where a dialog is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct DialogPlace {
    /// The leg.
    #[n(0)]
    pub leg: Address,
    /// The call that it belongs to.
    #[n(1)]
    pub call: Address,
}

/// `Set × Handover` to a leg: it belongs to the call that says so from now on.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Handover {
    /// The call that it belonged to before: only that one's leg is meant.
    #[n(0)]
    pub from: Address,
    /// The common id of the call that it belongs to now.
    #[n(1)]
    pub call_id: String,
}

/// `Query × Ringing` to another switch of the platform: which call has rung longest at certain accounts, or anywhere that may be picked up
/// for. `Done`: that one; `Failed(NotFound)`: none.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Ringing {
    /// On whose behalf.
    #[n(0)]
    pub by: Origin,
    /// At which accounts; `None`: at any whose calls that one may pick up.
    #[n(1)]
    pub accounts: Option<Vec<String>>,
    /// In the answer: the leg that rings, and its call.
    #[n(2)]
    pub at: Option<DialogPlace>,
    /// In the answer: for how long the call has been there.
    #[n(3)]
    pub waits_ms: u64,
    /// In the answer: whether it may be picked up on that behalf.
    #[n(4)]
    pub allowed: bool,
}

/// `Start × GuestLeg` to a call, from a call of another switch of the platform: a leg of the sender's is to come there in the place of
/// one of the receiver's. With it goes all that a switch knows of it. A second one behind it is the leg of who sends it there, and a
/// `Transfer` behind that says how: should that one wait, while somebody rings in the call, it comes along. `Done × GuestLeg`: it has come,
/// `record` and `party` are of what followed; two of them: both have. `Failed`: all is as before.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct GuestLeg {
    /// In whose place it comes.
    #[n(0)]
    pub replaces: Address,
    /// Whether only while that one is not answered.
    #[n(1)]
    #[cbor(default, skip_if = "is_false")]
    pub early_only: bool,
    /// On whose behalf.
    #[n(2)]
    pub origin: Origin,
    /// The leg that comes.
    #[n(3)]
    pub leg: Address,
    /// Who is there; in the answer, whom that one talks to now.
    #[n(4)]
    pub party: Party,
    /// Whether that is verified.
    #[n(5)]
    pub verified: bool,
    /// On whose behalf that one would ask for something.
    #[n(6)]
    pub peer: Origin,
    /// Whether the leg came in.
    #[n(7)]
    pub incoming: bool,
    /// The protocol's own name of the leg.
    #[n(8)]
    pub leg_id: String,
    /// The local address of its signalling.
    #[n(9)]
    pub interface: IpAddr,
    /// The session at its worker that has its port, where it comes with one.
    #[n(10)]
    pub session: Option<Address>,
    /// Which port of that session.
    #[n(11)]
    pub port: Option<PortId>,
    /// What it was last described.
    #[n(12)]
    pub local: MediaDescription,
    /// What it described itself.
    #[n(13)]
    pub remote: MediaDescription,
    /// Whether the offer was the peer's.
    #[n(14)]
    pub by_peer: bool,
    /// The formats that were agreed, best first.
    #[n(15)]
    pub codecs: Vec<Codec>,
    /// All that it has said it can.
    #[n(16)]
    pub capabilities: Vec<Codec>,
    /// Counts the peer's descriptions in force.
    #[n(17)]
    pub generation: u32,
    /// The record of the conversation that it comes from; in the answer, of the one that follows.
    #[n(18)]
    pub record: String,
    /// Its request that waits for the last answer: the call that it comes into gives that.
    #[n(19)]
    pub asked: Option<u64>,
    /// Whether that request is its call, not answered yet: `remote` is its offer then, without streams where it made none.
    #[n(20)]
    #[cbor(default, skip_if = "is_false")]
    pub calls: bool,
    /// The host that its signalling comes from.
    #[n(21)]
    pub host: Option<IpAddr>,
    /// What a minute of it costs, in millionths, and whose ledger that is noted in.
    #[n(22)]
    pub price: Option<u32>,
    /// The name of that ledger.
    #[n(23)]
    pub payer: Option<Private<String>>,
    /// It calls, and whoever it replaces sends it: at another platform.
    #[n(24)]
    #[cbor(default, skip_if = "is_false")]
    pub sent: bool,
    /// Whether who is there has asked not to be shown.
    #[n(25)]
    #[cbor(default, skip_if = "is_false")]
    pub hidden: bool,
}

/// `Open × MovedPort`: a port of another session of the same owner's module becomes one of this session, with its sockets, its
/// plan, its peer and what it has counted; its stream to the peer goes on. Answered as `Open × MediaPort` is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct MovedPort {
    /// Which port of this session it becomes.
    #[n(0)]
    pub port: PortId,
    /// The session that it is taken from, at its worker.
    #[n(1)]
    pub session: Address,
    /// Which port of that one.
    #[n(2)]
    pub from: PortId,
}

//! Bindings (RFC 3261 §10) and trunks: between `signaling`, `switch`, `store` and who watches.

use crate::private::Private;
use crate::time::WallTime;
use minicbor::{Decode, Encode};

/// One place where an account is reached.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Contact {
    /// The Contact URI as registered.
    #[n(0)]
    pub uri: Private<String>,
    /// `Path` (RFC 3327), first hop first.
    #[n(1)]
    pub path: Vec<Private<String>>,
    /// The transport, local and remote address it registered over (`udp 192.0.2.1:5060 198.51.100.7:41234`): what in-dialog
    /// and incoming requests go back by when the phone is behind NAT. The signaling modules of a platform's shards tell each
    /// other the listener and the open connection behind it, as two more words.
    #[n(2)]
    pub flow: Private<String>,
    /// Preference in thousandths (`q`, RFC 3261 §20.10), 0 to 1000.
    #[n(3)]
    pub q_thousandths: u16,
    /// When the binding ends.
    #[n(4)]
    pub expires: WallTime,
    /// Call-ID of the REGISTER that made it.
    #[n(5)]
    pub call_id: String,
    /// Its CSeq number.
    #[n(6)]
    pub cseq: u32,
    /// The phone's User-Agent.
    #[n(7)]
    pub user_agent: Option<String>,
    /// Round trip of the last keep-alive OPTIONS, microseconds.
    #[n(8)]
    pub latency_us: Option<u32>,
    /// Whether the last keep-alive was answered; `None` before the first.
    #[n(9)]
    pub reachable: Option<bool>,
}

/// `Query × Registration` to signaling: with `account`, answered with that one's contacts (best first) or
/// `Failed(NotFound)` for an unknown account; with a `Selection`, with all of a page.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Registration {
    /// The account's name: the user part of its address of record.
    #[n(0)]
    pub account: String,
    /// Where it is reached; empty: it is not registered.
    #[n(1)]
    pub contacts: Vec<Contact>,
}

/// A binding as the store keeps it: `Set × Binding` (many in one packet) writes, `Close × Binding` removes,
/// `Query × Binding` reads.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Binding {
    /// The account's name.
    #[n(0)]
    pub account: String,
    /// The contact. Its `uri` is the key beside the account.
    #[n(1)]
    pub contact: Contact,
    /// Whether `Set` removes it, so that writes and removals keep their order in one packet.
    #[n(2)]
    pub removed: bool,
}

/// `Notify × RegistrationEvent` to who subscribed (`Subscribe × RegistrationEvent`).
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct RegistrationEvent {
    /// The registration after the change.
    #[n(0)]
    pub registration: Registration,
    /// When.
    #[n(1)]
    pub at: WallTime,
    /// Whether notifications before this one were lost.
    #[n(2)]
    pub missed: bool,
}

/// A trunk as it stands: `Query × TrunkStatus` to signaling, which counts its calls; to the switch, which tells of those that do
/// not respond.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct TrunkStatus {
    /// Its name.
    #[n(0)]
    pub name: String,
    /// Where it sends, as configured.
    #[n(1)]
    pub target: Private<String>,
    /// Calls open from it.
    #[n(2)]
    pub calls_in: u32,
    /// Calls open to it.
    #[n(3)]
    pub calls_out: u32,
    /// Calls offered to it since the start.
    #[n(4)]
    pub offered: u64,
    /// Of these, answered.
    #[n(5)]
    pub answered: u64,
    /// Of these, without an answer at all or refused with 5xx.
    #[n(6)]
    pub failed: u64,
    /// What it last failed with.
    #[n(7)]
    pub last_failure: Option<String>,
    /// From the switch: calls in a row that it did not respond to.
    #[n(8)]
    pub silent: Option<u32>,
    /// From the switch: for how many more seconds it is passed over while another one can be tried.
    #[n(9)]
    pub passed_over_s: Option<u32>,
}

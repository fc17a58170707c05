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
    /// and incoming requests go back by when the phone is behind NAT. `udp;listens`: it asked for no `rport`, and listens where its URI says,
    /// if that is of the same host. The signaling modules of a platform's shards tell each
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
    /// What tells it apart from the account's other contacts, where its URI does not: the instance and flow of RFC 5626, or the
    /// registration of another phone that has the same private address behind another NAT.
    #[n(10)]
    pub apart: Option<Private<String>>,
    /// The phone itself, by `+sip.instance`, without its brackets (RFC 5626 §4.1).
    #[n(11)]
    pub instance: Option<Private<String>>,
    /// Which of the phone's flows, by `reg-id` (RFC 5626 §4.2).
    #[n(12)]
    pub reg_id: Option<u32>,
    /// From signaling to the store, and back: what its temporary GRUUs are computed by (RFC 5627 §3.1, appendix A.2).
    #[n(13)]
    pub temporary: Option<Vec<Private<String>>>,
    /// From signaling to the switch, and back in a leg's target: the phone's further flows, the next one first (RFC 5626 §5.3).
    #[n(14)]
    pub others: Option<Box<[ContactFlow]>>,
}

/// Another flow to the same phone.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct ContactFlow {
    /// As [`Contact::uri`].
    #[n(0)]
    pub uri: Private<String>,
    /// As [`Contact::path`].
    #[n(1)]
    pub path: Vec<Private<String>>,
    /// As [`Contact::flow`].
    #[n(2)]
    pub flow: Private<String>,
    /// As [`Contact::reachable`].
    #[n(3)]
    pub reachable: Option<bool>,
}

impl Contact {
    /// What it is known by among the account's contacts.
    pub fn key(&self) -> &Private<String> {
        self.apart.as_ref().unwrap_or(&self.uri)
    }
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
    /// The contact. Its [`key`](Contact::key) is the key beside the account.
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
    /// From signaling to that of other shards: the bindings that are reached by another way than before.
    #[n(3)]
    pub moved: Option<Box<[MovedBinding]>>,
}

/// A binding whose phone has registered it over another flow, connection, Path or Contact.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct MovedBinding {
    /// The [`key`](Contact::key) of the contact that it is now.
    #[n(0)]
    pub key: Private<String>,
    /// The way to it before.
    #[n(1)]
    pub former: ContactFlow,
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
    /// From signaling: our addresses of record that the asked module registers there; `None`: it registers none.
    #[n(10)]
    pub registrations: Option<Vec<TrunkRegistration>>,
    /// From signaling: calls that its bounds of calls at once and of calls a second kept from being offered.
    #[n(11)]
    pub limited: Option<u64>,
    /// From signaling: whether it answers OPTIONS; `None`: it is not asked, or has not answered yet.
    #[n(12)]
    pub responds: Option<bool>,
    /// From the switch: why it is passed over, or was last.
    #[n(13)]
    pub reason: Option<String>,
    /// From the switch: of its last calls, how many were answered, in percent (answer-seizure ratio, ITU-T E.411).
    #[n(14)]
    pub answered_percent: Option<u32>,
    /// From the switch: how long its callees took to ring, on average of the last calls, milliseconds (post-dial delay, ITU-T E.721).
    #[n(15)]
    pub delay_ms: Option<u32>,
}

/// What has happened to a trunk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum TrunkChange {
    /// From the switch: it is passed over from now on, while another one can be tried.
    #[n(1)]
    PassedOver,
    /// From the switch: its time is over, and a call tries whether it responds.
    #[n(2)]
    Tried,
    /// From the switch: it is offered calls as any.
    #[n(3)]
    InUse,
    /// From signaling: it keeps an address of record of ours.
    #[n(4)]
    Registered,
    /// From signaling: it does not, or no longer.
    #[n(5)]
    Unregistered,
}

impl TrunkChange {
    /// Its name, as clients and people read it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PassedOver => "passed-over",
            Self::Tried => "tried",
            Self::InUse => "in-use",
            Self::Registered => "registered",
            Self::Unregistered => "unregistered",
        }
    }
}

/// `Notify × TrunkEvent` to who subscribed at a switch or signaling module: news of a trunk, as that module found out.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct TrunkEvent {
    /// The trunk.
    #[n(0)]
    pub name: String,
    /// What has happened.
    #[n(1)]
    pub change: TrunkChange,
    /// For how many seconds that holds: it is passed over, the registration is kept, or is asked for again.
    #[n(2)]
    pub seconds: Option<u32>,
    /// Why, where it is not as it should be.
    #[n(3)]
    pub reason: Option<String>,
    /// Of a registration: user and domain.
    #[n(4)]
    pub address: Option<Private<String>>,
    /// When.
    #[n(5)]
    pub at: WallTime,
    /// Whether notifications before this one were lost.
    #[n(6)]
    pub missed: bool,
}

/// How an address of record of ours stands at a trunk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum RegistrationState {
    /// It is asked for.
    #[n(1)]
    Trying,
    /// The trunk keeps it.
    #[n(2)]
    Registered,
    /// The trunk refused it, or does not answer; it is asked for again.
    #[n(3)]
    Failed,
    /// It is taken back.
    #[n(4)]
    Leaving,
    /// It was taken back.
    #[n(5)]
    Gone,
}

impl RegistrationState {
    /// Its name, as clients and people read it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trying => "trying",
            Self::Registered => "registered",
            Self::Failed => "failed",
            Self::Leaving => "leaving",
            Self::Gone => "gone",
        }
    }
}

/// An address of record of ours that a trunk is to keep (RFC 3261 §10).
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct TrunkRegistration {
    /// User and domain.
    #[n(0)]
    pub address: Private<String>,
    /// How it stands.
    #[n(1)]
    pub state: RegistrationState,
    /// For how many more seconds the trunk keeps it.
    #[n(2)]
    pub kept_s: Option<u32>,
    /// In how many seconds it is asked for again.
    #[n(3)]
    pub next_s: Option<u32>,
    /// Why it was last refused.
    #[n(4)]
    pub reason: Option<String>,
    /// The trunk's Service-Route (RFC 3608), first hop first.
    #[n(5)]
    pub service_route: Vec<Private<String>>,
    /// The address and port that took it last.
    #[n(6)]
    pub registrar: Option<Private<String>>,
    /// Which of several flows it is (`reg-id`, RFC 5626 §4.2).
    #[n(7)]
    pub flow: Option<u8>,
}

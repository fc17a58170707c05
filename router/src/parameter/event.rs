//! What is told of an account beside its calls (SIP: the event packages): where it is registered, what it publishes of itself, the
//! messages that wait for it.

use super::leg::LegPhase;
use super::party::Party;
use super::registration::Registration;
use crate::private::Private;
use minicbor::{Decode, Encode};

/// Messages that wait in an account's mailbox (RFC 3842): `Set × MessageWaiting` to any signaling module, answered with `Done`,
/// or `Failed(NotFound)` for an unknown account. It holds until it is set again or the process ends.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct MessageWaiting {
    /// The account's name.
    #[n(0)]
    pub account: String,
    /// Messages not heard yet.
    #[n(1)]
    pub new: u32,
    /// Messages heard and kept.
    #[n(2)]
    pub old: u32,
    /// Of the new ones, urgent.
    #[n(3)]
    pub urgent_new: u32,
    /// Of the old ones, urgent.
    #[n(4)]
    pub urgent_old: u32,
}

/// What one of an account's phones publishes of its user (RFC 3863, RFC 4480).
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct Presence {
    /// Names it among those of the account.
    #[n(0)]
    pub id: String,
    /// Whether messages are taken there.
    #[n(1)]
    pub open: bool,
    /// Where.
    #[n(2)]
    pub contact: Option<Private<String>>,
    /// In words.
    #[n(3)]
    pub note: Option<Private<String>>,
    /// What the user does: names of elements of RFC 4480 §3.2, such as `away`.
    #[n(4)]
    pub activities: Vec<String>,
}

/// One end of a call, as the phone of its account has it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct AccountDialog {
    /// The leg's Call-ID.
    #[n(0)]
    pub leg_id: String,
    /// Whether the phone began it.
    #[n(1)]
    pub incoming: bool,
    /// What it has come to.
    #[n(2)]
    pub phase: LegPhase,
    /// Who is at the other end; `None`: that is not to be shown.
    #[n(3)]
    pub other: Option<Party>,
}

/// What is known of an account at its home shard. `Subscribe × AccountState` (its registration names the account) from another
/// signaling module of the platform is answered with `Done × AccountState`; from then on `Notify × AccountState` at each change.
///
/// So is one from a signaling module of another platform, for 150 seconds, within which it is repeated by who still wants to know; that one is
/// told of calls as well, of contacts whether there are any, and of no messages. `Failed(NotFound)`: there is no such account.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct AccountState {
    /// Where it is registered.
    #[n(0)]
    pub registration: Registration,
    /// The messages that wait for it, once somebody has said.
    #[n(1)]
    pub waiting: Option<MessageWaiting>,
    /// What its phones publish.
    #[n(2)]
    pub presence: Vec<Presence>,
    /// To another platform: whether it is registered anywhere on this one.
    #[n(3)]
    pub registered: Option<bool>,
    /// To another platform: the ends of calls that its phones on this one have; `None`: they are not known yet.
    #[n(4)]
    pub dialogs: Option<Vec<AccountDialog>>,
}

impl AccountState {
    /// That account, and nothing of it.
    pub fn of(account: &str) -> Self {
        let registration = Registration { account: account.to_owned(), contacts: Vec::new() };
        Self { registration, waiting: None, presence: Vec::new(), registered: None, dialogs: None }
    }
}

//! Text messages (SIP: MESSAGE): passed on, kept for who is not reached, told of to who watches.

use super::party::{Origin, Party};
use crate::private::Private;
use crate::time::WallTime;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

/// A message from one party to another.
///
/// `Send × TextMessage` to any signaling module sends one on behalf of the control socket: `Done × MessageEvent` once it is taken or
/// kept. `Set × TextMessage` to the account's home keeps it until the account is reached; the home passes it on to the store. There,
/// `Query × TextMessage` lists those of an account in their order, or without an account those accounts that have some; `Close ×
/// TextMessage` removes one.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct TextMessage {
    /// Names it: unique, chosen by who took it.
    #[n(0)]
    pub id: String,
    /// Who sends.
    #[n(1)]
    pub from: Party,
    /// To whom, as the sender named it.
    #[n(2)]
    pub to: Party,
    /// The account whose it is, once that is known.
    #[n(3)]
    pub account: Option<String>,
    /// The body's media type.
    #[n(4)]
    pub content_type: String,
    /// The body.
    #[n(5)]
    pub body: Private<ByteVec>,
    /// When it was sent (SIP: Date), as far as is known; else when it was taken.
    #[n(6)]
    pub sent: WallTime,
    /// When it is of no use any more.
    #[n(7)]
    pub expires: WallTime,
    /// Whether the sender asked not to be shown.
    #[n(8)]
    pub anonymous: bool,
    /// Whether `from` is who the platform or somebody it trusts has found the sender to be.
    #[n(9)]
    pub verified: bool,
    /// How many more times it may be sent on (SIP: Max-Forwards); `None`: it began here.
    #[n(10)]
    pub hops: Option<u8>,
    /// What it is about (SIP: Subject), as its sender wrote it.
    #[n(11)]
    pub subject: Option<Private<String>>,
    /// When it is of no use any more by its sender's word (SIP: Expires); `None`: that has not been said.
    #[n(12)]
    pub ends: Option<WallTime>,
}

impl TextMessage {
    /// Stands for "messages" in a question: of an account, or of all.
    pub fn of_account(account: Option<&str>) -> Self {
        Self {
            id: String::new(),
            from: Party::default(),
            to: Party::default(),
            account: account.map(str::to_owned),
            content_type: String::new(),
            body: Private::new(Vec::new().into()),
            sent: WallTime::default(),
            expires: WallTime::default(),
            anonymous: false,
            hops: None,
            subject: None,
            ends: None,
            verified: false,
        }
    }
}

/// What became of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum MessageFate {
    /// Some phone or trunk has taken it.
    #[n(1)]
    Delivered,
    /// It is kept until its account is reached.
    #[n(2)]
    Kept,
    /// It was refused, and is gone.
    #[n(3)]
    Refused,
}

impl MessageFate {
    /// What a person reads.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Kept => "kept",
            Self::Refused => "refused",
        }
    }
}

/// `Notify × MessageEvent` to who subscribed (`Subscribe × MessageEvent`): what became of a message, without its text.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct MessageEvent {
    /// The message.
    #[n(0)]
    pub id: String,
    /// Who sent it.
    #[n(1)]
    pub from: Party,
    /// To whom.
    #[n(2)]
    pub to: Party,
    /// Its length, octets.
    #[n(3)]
    pub octets: u32,
    /// What became of it.
    #[n(4)]
    pub fate: MessageFate,
    /// When.
    #[n(5)]
    pub at: WallTime,
    /// Whether notifications before this one were lost.
    #[n(6)]
    pub missed: bool,
}

/// Where the routing plan sends a message: one place.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum MessageWay {
    /// To wherever an account is registered on this platform.
    #[n(1)]
    Account(#[n(0)] String),
    /// To a number at a trunk.
    #[n(2)]
    Trunk {
        /// The trunk's name.
        #[n(0)]
        name: String,
        /// The number as the trunk is to see it.
        #[n(1)]
        number: Private<String>,
    },
}

/// `Query × MessageRoute` to a switch: where its plan sends a message; `Done × MessageRoute` with the ways, `Failed` with a cause where
/// there are none.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct MessageRoute {
    /// The number or name that the message is for.
    #[n(0)]
    pub number: Private<String>,
    /// On whose behalf.
    #[n(1)]
    pub origin: Origin,
    /// Accounts, all of which get it; or trunks, the next one where one fails. In the question: none.
    #[n(2)]
    pub ways: Vec<MessageWay>,
}

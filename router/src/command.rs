//! The verbs.

use minicbor::{Decode, Encode};

/// What a packet asks or answers: closed, common to all modules. Command × first parameter is the service.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
#[cbor(index_only)]
#[repr(u8)]
pub enum Command {
    /// Take a resource into use: a media port.
    #[n(1)]
    Open = 1,
    /// Give a resource back; remove a stored thing.
    #[n(2)]
    Close = 2,
    /// Begin an activity: a call, a leg, a tone.
    #[n(3)]
    Start = 3,
    /// End an activity.
    #[n(4)]
    Stop = 4,
    /// Change what is there; write a stored thing.
    #[n(5)]
    Set = 5,
    /// Ask what is there.
    #[n(6)]
    Query = 6,
    /// Join two resources.
    #[n(7)]
    Connect = 7,
    /// Part two resources.
    #[n(8)]
    Disconnect = 8,
    /// Pass something on: digits, a message.
    #[n(9)]
    Send = 9,
    /// Be notified of changes from now on.
    #[n(10)]
    Subscribe = 10,
    /// No longer be notified.
    #[n(11)]
    Unsubscribe = 11,
    /// Answer: under way; more answers follow.
    #[n(12)]
    Progress = 12,
    /// Answer: done. The last one.
    #[n(13)]
    Done = 13,
    /// Answer: not done. The last one; the first parameter is a `Failure`.
    #[n(14)]
    Failed = 14,
    /// News for a subscriber or an owner; nobody answers it.
    #[n(15)]
    Notify = 15,
}

/// What a full inbox does to a packet: see [`crate::inbox::Inbox`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// Asks for something new. Refused with `Failed(Busy)` while the last eighth of the room for requests is left.
    Request,
    /// Gives something back. Refused with `Failed(Busy)` only when no room is left; its sender repeats it.
    Release,
    /// A last answer. Its room was reserved when the request was sent.
    Answer,
    /// Progress or a notification: superseded by what follows it, so it may be dropped, and is counted.
    Notice,
}

impl Command {
    /// Every command, in the order of their numbers.
    pub const ALL: [Self; 15] = [
        Self::Open,
        Self::Close,
        Self::Start,
        Self::Stop,
        Self::Set,
        Self::Query,
        Self::Connect,
        Self::Disconnect,
        Self::Send,
        Self::Subscribe,
        Self::Unsubscribe,
        Self::Progress,
        Self::Done,
        Self::Failed,
        Self::Notify,
    ];

    /// How inboxes treat it.
    pub const fn class(self) -> Class {
        match self {
            Self::Open | Self::Start | Self::Set | Self::Query | Self::Connect | Self::Send | Self::Subscribe => {
                Class::Request
            }
            Self::Close | Self::Stop | Self::Disconnect | Self::Unsubscribe => Class::Release,
            Self::Done | Self::Failed => Class::Answer,
            Self::Progress | Self::Notify => Class::Notice,
        }
    }

    /// Whether the receiver is to answer it (when its transaction is not 0).
    pub const fn is_request(self) -> bool {
        matches!(self.class(), Class::Request | Class::Release)
    }

    /// Whether it is the last answer to a request.
    pub const fn is_final(self) -> bool {
        matches!(self.class(), Class::Answer)
    }
}

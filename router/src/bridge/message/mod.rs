//! What platforms say to each other on a link: `docs/packets.md`, "The link".

mod read;
mod write;

use crate::address::{Address, PlatformId};
use crate::command::Command;
use crate::limits::NAME_BYTES;
use crate::packet::{Packet, Parameters, Transaction};
use minicbor::{Decode, Encode};
pub use read::read_message;
pub(crate) use read::well_formed;
pub use write::{
    write_bye, write_forwarded, write_heartbeat, write_heartbeat_answer, write_hello, write_packet, write_platforms,
};

/// The version of the protocol that is spoken here.
pub const VERSION: u32 = 1;

/// The oldest version that is understood here.
pub const VERSION_OLDEST: u32 = 1;

/// A module that a platform offers: kind, index, load in thousandths. The kind is a number, since a later version may have
/// more of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Offered {
    /// The kind's number.
    #[n(0)]
    pub kind: u8,
    /// Which of its kind.
    #[n(1)]
    pub index: u8,
    /// How much of its scarcest resource is in use, in thousandths.
    #[n(2)]
    pub load_thousandths: u16,
}

/// The first message of either side.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Hello {
    /// The latest version of the protocol that the platform speaks.
    #[n(0)]
    pub version: u32,
    /// The oldest that it understands.
    #[n(1)]
    pub oldest: u32,
    /// Its number.
    #[n(2)]
    pub platform: PlatformId,
    /// Its name.
    #[n(3)]
    pub name: String,
    /// Drawn when it starts: another one is another life.
    #[n(4)]
    pub epoch: u32,
    /// The version of its software.
    #[n(5)]
    pub software: Option<String>,
    /// Where others reach it: `host:port`.
    #[n(6)]
    pub addresses: Vec<String>,
    /// What it offers.
    #[n(7)]
    pub modules: Vec<Offered>,
    /// How often it sends heartbeats, milliseconds.
    #[n(8)]
    pub heartbeat_ms: u32,
}

/// "I am there, and this is my load." Answered at once.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Heartbeat {
    /// Counts up; the answer repeats it.
    #[n(0)]
    pub number: u64,
    /// What the platform offers.
    #[n(1)]
    pub modules: Vec<Offered>,
}

/// The answer to a heartbeat.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct HeartbeatAnswer {
    /// The heartbeat's.
    #[n(0)]
    pub number: u64,
}

/// A platform that the sender reaches.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Announced {
    /// Its number.
    #[n(0)]
    pub platform: PlatformId,
    /// Its name.
    #[n(1)]
    pub name: String,
    /// Its epoch.
    #[n(2)]
    pub epoch: u32,
    /// The version of its software.
    #[n(3)]
    pub software: Option<String>,
    /// Where others reach it.
    #[n(4)]
    pub addresses: Vec<String>,
    /// What it offers.
    #[n(5)]
    pub modules: Vec<Offered>,
    /// How many links away from the sender: 1 has a link of its own.
    #[n(6)]
    pub distance: u8,
    /// The platform that the sender reaches it through; its own number where there is a link.
    #[n(7)]
    pub via: PlatformId,
}

/// Why a platform ends a link.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum ByeReason {
    /// It stops.
    Stopping = 1,
    /// The versions have none in common.
    Version = 2,
    /// Another living platform has that number.
    IdentityTaken = 3,
    /// The certificate names another platform.
    IdentityMismatch = 4,
    /// The peer's octets are no messages.
    Malformed = 5,
    /// Nothing came for too long.
    Silent = 6,
    /// The peer does not read what it is sent.
    Unread = 7,
    /// There is another link between the two.
    Duplicate = 8,
    /// The peer speaks in the name of the one that reads it, or out of turn.
    Misbehaved = 9,
    /// More platforms or links than there is room for.
    TooMany = 10,
}

impl ByeReason {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::Stopping,
        Self::Version,
        Self::IdentityTaken,
        Self::IdentityMismatch,
        Self::Malformed,
        Self::Silent,
        Self::Unread,
        Self::Duplicate,
        Self::Misbehaved,
        Self::TooMany,
    ];

    /// What a person reads.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stopping => "stopping",
            Self::Version => "version",
            Self::IdentityTaken => "identity-taken",
            Self::IdentityMismatch => "identity-mismatch",
            Self::Malformed => "malformed",
            Self::Silent => "silent",
            Self::Unread => "unread",
            Self::Duplicate => "duplicate",
            Self::Misbehaved => "misbehaved",
            Self::TooMany => "too-many",
        }
    }
}

/// The last message of a link.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Bye {
    /// The number of a [`ByeReason`]; a later version may have more.
    #[n(0)]
    pub reason: u8,
    /// A sentence for people.
    #[n(1)]
    pub text: Option<String>,
}

impl Bye {
    /// The reason's name; a number where it has none here.
    pub fn describe(&self) -> String {
        let reason = ByeReason::ALL.iter().find(|reason| **reason as u8 == self.reason);
        let reason = reason.map_or_else(|| format!("reason {}", self.reason), |reason| reason.name().to_owned());
        match &self.text {
            Some(text) => format!("{reason}: {}", bounded(text)),
            None => reason,
        }
    }
}

/// A packet's first four fields: what a platform that forwards it looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// Who sent it.
    pub source: Address,
    /// Who is to have it.
    pub destination: Address,
    /// Which request it is or answers.
    pub transaction: Transaction,
    /// The verb.
    pub command: Command,
}

/// Where a packet is in its origin's order: at its destination what comes behind a later one was overtaken. `sequence` 0 has
/// no order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Order {
    /// The origin's epoch.
    pub epoch: u32,
    /// Grows with each packet of the origin, to whichever platform: from 1.
    pub sequence: u64,
}

impl Order {
    /// Whether what has this place comes behind what has that one, or neither has an order.
    pub(crate) const fn follows(self, before: Self) -> bool {
        self.sequence == 0 || self.epoch != before.epoch || self.sequence > before.sequence
    }
}

/// A packet on its way, its parameters not looked at.
#[derive(Clone, Copy, Debug)]
pub struct Forwarded<'a> {
    /// How many platforms it may still pass.
    pub hops: u8,
    /// Its place in the order.
    pub order: Order,
    /// Its first four fields.
    pub header: Header,
    /// The encoded list of its parameters, not checked.
    pub parameters: &'a [u8],
}

/// What a frame says.
#[derive(Debug)]
pub enum LinkMessage<'a> {
    /// 1.
    Hello(Box<Hello>),
    /// 2.
    Heartbeat(Heartbeat),
    /// 3.
    HeartbeatAnswer(HeartbeatAnswer),
    /// 4.
    Packet(Forwarded<'a>),
    /// 5.
    Platforms(Vec<Announced>),
    /// 6.
    Bye(Bye),
    /// Well-formed, and nothing that this version knows: passed over.
    Unknown,
}

const HELLO: u32 = 1;
const HEARTBEAT: u32 = 2;
const HEARTBEAT_ANSWER: u32 = 3;
const PACKET: u32 = 4;
const ANNOUNCEMENT: u32 = 5;
const BYE: u32 = 6;

impl Header {
    /// Of a packet.
    pub fn of(packet: &Packet) -> Self {
        let &Packet { source, destination, transaction, command, .. } = packet;
        Self { source, destination, transaction, command }
    }

    /// The answer `Failed` to it.
    pub fn failed(&self, failure: crate::parameter::Failure) -> Packet {
        Packet {
            source: self.destination,
            destination: self.source,
            transaction: self.transaction,
            command: Command::Failed,
            parameters: crate::packet::one(failure),
        }
    }

    /// Whether somebody waits for its last answer.
    pub fn is_awaited(&self) -> bool {
        self.command.is_request() && self.transaction != Transaction::NONE
    }

    /// Together with its parameters.
    pub fn with(self, parameters: Parameters) -> Packet {
        let Self { source, destination, transaction, command } = self;
        Packet { source, destination, transaction, command, parameters }
    }
}

/// As much of a text as is kept, without control characters.
pub(crate) fn bounded(text: &str) -> String {
    let clean = text.chars().filter(|char| !char.is_control());
    let mut bounded = String::new();
    for char in clean {
        if bounded.len() + char.len_utf8() > NAME_BYTES {
            break;
        }
        bounded.push(char);
    }
    bounded
}

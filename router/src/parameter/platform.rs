//! Platforms as the inter-platform interface knows them.

use crate::address::{ModuleKind, PlatformId};
use crate::time::WallTime;
use minicbor::{Decode, Encode};

/// How a platform is reached.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Encode, Decode)]
#[cbor(index_only)]
#[repr(u8)]
pub enum PlatformState {
    /// It is the one that answers.
    #[n(1)]
    Here = 1,
    /// By a link of its own.
    #[n(2)]
    Linked = 2,
    /// Through another platform.
    #[n(3)]
    Via = 3,
    /// Not at all.
    #[default]
    #[n(4)]
    Down = 4,
}

impl PlatformState {
    /// Every state, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Here, Self::Linked, Self::Via, Self::Down];

    /// What a person reads.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Here => "here",
            Self::Linked => "linked",
            Self::Via => "via",
            Self::Down => "down",
        }
    }
}

/// A module that a platform offers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct PlatformModule {
    /// What it serves.
    #[n(0)]
    pub kind: ModuleKind,
    /// Which of its kind.
    #[n(1)]
    pub index: u8,
    /// How much of its scarcest resource is in use, in thousandths.
    #[n(2)]
    pub load_thousandths: u16,
}

/// A platform: `Query × Platform` to `bridge/0` (with a `Selection`: of that id or name) is answered with all of a page,
/// `Subscribe × Platform` with `Notify × Platform` whenever one comes, goes or is reached in another way. In a request, an
/// empty one.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct Platform {
    /// Its number, unique in the cluster.
    #[n(0)]
    pub id: PlatformId,
    /// Its name for people.
    #[n(1)]
    pub name: String,
    /// How it is reached.
    #[n(2)]
    pub state: PlatformState,
    /// The address that its link goes to or comes from, or that it says it is reached at.
    #[n(3)]
    pub address: Option<String>,
    /// The platform that it is reached through.
    #[n(4)]
    pub via: Option<PlatformId>,
    /// The version of its software.
    #[n(5)]
    pub version: Option<String>,
    /// What it offers.
    #[n(6)]
    pub modules: Vec<PlatformModule>,
    /// Round trip of the last heartbeat, microseconds.
    #[n(7)]
    pub round_trip_us: Option<u32>,
    /// Packets that wait to be written to its link.
    #[n(8)]
    pub queued: u64,
    /// Requests to it, or forwarded to it, that are not answered yet.
    #[n(9)]
    pub in_flight: u64,
    /// Packets for it that were refused or dropped, or lost with a link, since the start.
    #[n(10)]
    pub dropped: u64,
    /// Packets received over links to it.
    #[n(11)]
    pub packets_in: u64,
    /// Octets received over links to it.
    #[n(12)]
    pub octets_in: u64,
    /// Packets sent over links to it.
    #[n(13)]
    pub packets_out: u64,
    /// Octets sent over links to it.
    #[n(14)]
    pub octets_out: u64,
    /// What last went wrong with it.
    #[n(15)]
    pub last_error: Option<String>,
    /// Since when it is in this state.
    #[n(16)]
    pub since: WallTime,
    /// In a notification: whether notifications before this one were lost.
    #[n(17)]
    #[cbor(default)]
    pub missed: bool,
    /// Writes, of many packets at once, by which those were sent.
    #[n(18)]
    pub writes: Option<u64>,
}

impl Platform {
    /// Whether nothing is known of it but its number: the interface has forgotten it.
    pub fn is_forgotten(&self) -> bool {
        self.state == PlatformState::Down
            && self.name.is_empty()
            && self.address.is_none()
            && self.version.is_none()
            && self.modules.is_empty()
    }
}

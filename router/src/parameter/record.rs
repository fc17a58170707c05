//! Call records.

use super::failure::Cause;
use super::identity::CallerVerdict;
use super::party::{Origin, Party};
use super::port::is_zero;
use super::protection::SrtpSuite;
use crate::short_text::ShortText;
use crate::time::WallTime;
use minicbor::{Decode, Encode};

/// What became of a call.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum Outcome {
    /// It is open still.
    #[n(1)]
    Open,
    /// It was answered and has ended.
    #[n(2)]
    Answered,
    /// It ended unanswered.
    #[n(3)]
    Unanswered,
    /// It was open when the platform died.
    #[n(4)]
    Interrupted,
}

impl Outcome {
    /// Every outcome, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Open, Self::Answered, Self::Unanswered, Self::Interrupted];

    /// What a person reads.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Answered => "answered",
            Self::Unanswered => "unanswered",
            Self::Interrupted => "interrupted",
        }
    }
}

/// How one leg sounded, from its port's statistics: received from its peer, and as its peer reports.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct LegQuality {
    /// The codec.
    #[n(0)]
    pub codec: Option<ShortText>,
    /// RTP packets from the peer.
    #[n(1)]
    pub packets_received: u64,
    /// RTP packets to the peer.
    #[n(2)]
    pub packets_sent: u64,
    /// Packets from the peer that never came.
    #[n(3)]
    pub packets_lost: u64,
    /// Packets to the peer that it reports as lost.
    #[n(4)]
    pub packets_lost_at_peer: Option<u64>,
    /// Jitter from the peer, microseconds.
    #[n(5)]
    pub jitter_us: u32,
    /// Jitter that the peer reports, microseconds.
    #[n(6)]
    pub jitter_at_peer_us: Option<u32>,
    /// Round trip, microseconds.
    #[n(7)]
    pub round_trip_us: Option<u32>,
    /// What protected it (SRTP); `None`: it was in the clear.
    #[n(8)]
    pub suite: Option<SrtpSuite>,
    /// Packets from the peer that were dropped: of a stranger, malformed, of a format that was not agreed.
    #[n(9)]
    #[cbor(default, skip_if = "is_zero")]
    pub packets_discarded: u64,
    /// Packets from the peer that came when their time was over.
    #[n(10)]
    #[cbor(default, skip_if = "is_zero")]
    pub packets_late: u64,
    /// What people would say of what came from the peer, by the E-model (ITU-T G.107), in hundredths: 100 to 450.
    #[n(11)]
    pub mos_centi: Option<u16>,
    /// The same of what the peer heard, by its reports.
    #[n(12)]
    pub mos_at_peer_centi: Option<u16>,
    /// Jitter from the peer when it was greatest, microseconds.
    #[n(13)]
    pub jitter_max_us: Option<u32>,
    /// The greatest difference of transit between two packets to the peer that it reported, microseconds.
    #[n(14)]
    pub jitter_max_at_peer_us: Option<u32>,
    /// Packets to the peer that came there twice, as it reported.
    #[n(15)]
    pub packets_repeated_at_peer: Option<u64>,
}

impl LegQuality {
    /// The lesser of both opinions: how the leg was at its worse end.
    pub fn worst_mos_centi(&self) -> Option<u16> {
        [self.mos_centi, self.mos_at_peer_centi].into_iter().flatten().min()
    }
}

/// The record of a call, or of one conversation of a call that was transferred. `Start × CallRecord` writes it as open; `Set ×
/// CallRecord` writes it as answered, which is open still, and completes it: `Done` says that it survives kill -9. `Query ×
/// CallRecord` (with a `Selection`) reads.
///
/// A transfer begins a second conversation with a record of its own. Its id is that of the call, `~` and a number, so that the
/// call's id finds all; each of them names the one before it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct CallRecord {
    /// The call's common id; of a later conversation, with `~` and its number.
    #[n(0)]
    pub id: String,
    /// On whose behalf it came.
    #[n(1)]
    pub origin: Origin,
    /// Who called.
    #[n(2)]
    pub caller: Party,
    /// Who was called.
    #[n(3)]
    pub called: Party,
    /// The account, trunk or service that answered or was tried last.
    #[n(4)]
    pub destination: Option<ShortText>,
    /// When it began.
    #[n(5)]
    pub started: WallTime,
    /// When the far end first rang.
    #[n(6)]
    pub ringing: Option<WallTime>,
    /// When it was answered.
    #[n(7)]
    pub answered: Option<WallTime>,
    /// When it ended; of an interrupted one, when the platform is last known to have lived.
    #[n(8)]
    pub ended: Option<WallTime>,
    /// What became of it.
    #[n(9)]
    pub outcome: Outcome,
    /// Why it ended.
    #[n(10)]
    pub cause: Option<Cause>,
    /// Whether the caller's side ended it; `None`: neither side did.
    #[n(11)]
    pub ended_by_caller: Option<bool>,
    /// How the caller's leg sounded.
    #[n(12)]
    pub caller_quality: LegQuality,
    /// How the callee's leg sounded.
    #[n(13)]
    pub callee_quality: LegQuality,
    /// The record of the conversation that was, or was to be, transferred into this one.
    #[n(14)]
    pub transferred_from: Option<String>,
    /// Where it ended by a transfer: the number that the other side was sent on to. Who asked for it ended it.
    #[n(15)]
    pub transferred_to: Option<Party>,
    /// Where it ended by a transfer: the record of the conversation that followed.
    #[n(16)]
    pub transferred_as: Option<String>,
    /// Where a party came into it out of another call (an attended transfer): the record of the conversation that it came from.
    #[n(17)]
    pub joined_from: Option<String>,
    /// What was found of the signature that the call came with.
    #[n(18)]
    pub verdict: Option<Box<CallerVerdict>>,
}

/// Stands between a call's id and the number of a later conversation in the id of that one's record; and in the id of a call
/// that another platform sends on, see [`Call::id`](super::Call::id). In no id of a call that begins here.
pub const CONVERSATION_MARK: char = '~';

impl CallRecord {
    /// Whether it is one of the records of that call, or the one of that id.
    pub fn is_of(&self, id: &str) -> bool {
        self.id.strip_prefix(id).is_some_and(|rest| rest.is_empty() || rest.starts_with(CONVERSATION_MARK))
    }
}

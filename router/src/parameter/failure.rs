//! Why a request was not served, and why a call ended.

use super::identity::DiversionCause;
use super::is_false;
use super::party::Party;
use minicbor::{Decode, Encode};
use std::net::IpAddr;

/// Why a request was not served, as its sender can act on it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
#[cbor(index_only)]
#[repr(u8)]
pub enum Reason {
    /// The module does not serve this command with this parameter.
    #[n(1)]
    Unsupported = 1,
    /// No such module on this platform.
    #[n(2)]
    UnknownDestination = 2,
    /// The platform is not linked to this one.
    #[n(3)]
    PlatformAbsent = 3,
    /// The inbox is full, or the source has its quota of requests outstanding. Later may do.
    #[n(4)]
    Busy = 4,
    /// No answer came before the sender's deadline.
    #[n(5)]
    Expired = 5,
    /// What the request names is not there.
    #[n(6)]
    NotFound = 6,
    /// The request contradicts itself or the state of what it names.
    #[n(7)]
    Invalid = 7,
    /// Not allowed.
    #[n(8)]
    Refused = 8,
    /// Nothing is left of what was asked for: ports, room on the disk.
    #[n(9)]
    Exhausted = 9,
    /// The far peer refused or failed; [`Failure::cause`] tells how.
    #[n(10)]
    Peer = 10,
    /// The module's own fault.
    #[n(11)]
    Internal = 11,
}

impl Reason {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Self; 11] = [
        Self::Unsupported,
        Self::UnknownDestination,
        Self::PlatformAbsent,
        Self::Busy,
        Self::Expired,
        Self::NotFound,
        Self::Invalid,
        Self::Refused,
        Self::Exhausted,
        Self::Peer,
        Self::Internal,
    ];
}

/// Why a request was not served: the first parameter of every `Failed`.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Failure {
    /// What the sender can act on.
    #[n(0)]
    pub reason: Reason,
    /// For calls and legs: why the peer or the switch ended it.
    #[n(1)]
    pub cause: Option<Cause>,
    /// A sentence for people; without numbers, addresses or secrets.
    #[n(2)]
    pub detail: Option<String>,
    /// When to try again, in seconds.
    #[n(3)]
    pub retry_after_s: Option<u32>,
    /// For legs: where the peer says that its user is to be looked for instead (SIP: the Contacts of a 300, 301 or 302), the
    /// best first, at most [`REDIRECTIONS`](crate::limits::REDIRECTIONS); only such as the routing plan may be asked for.
    #[n(4)]
    #[cbor(default, skip_if = "Vec::is_empty")]
    pub contacts: Vec<Party>,
    /// Beside these: why its user is to be looked for there, where the peer says so.
    #[n(5)]
    pub diversion: Option<DiversionCause>,
    /// For legs to trunks, which have sent nothing: the peer is reached from this address of ours, whose family is not that of the offer. With a
    /// port there it can be called.
    #[n(6)]
    pub interface: Option<IpAddr>,
    /// Beside the contacts: who sends the call there asked not to be shown to those whom it reaches.
    #[n(7)]
    #[cbor(default, skip_if = "is_false")]
    pub diversion_private: bool,
}

impl Failure {
    /// A reason and nothing more.
    pub const fn new(reason: Reason) -> Self {
        Self {
            reason,
            cause: None,
            detail: None,
            retry_after_s: None,
            contacts: Vec::new(),
            diversion: None,
            interface: None,
            diversion_private: false,
        }
    }

    /// The failure of a call or leg.
    pub const fn because(cause: Cause) -> Self {
        Self {
            reason: Reason::Peer,
            cause: Some(cause),
            detail: None,
            retry_after_s: None,
            contacts: Vec::new(),
            diversion: None,
            interface: None,
            diversion_private: false,
        }
    }

    /// With a sentence for people.
    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }
}

/// Why a call or leg ended or was refused, independent of the protocol. One function in each protocol's crate maps it
/// there and back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
#[cbor(index_only)]
#[repr(u8)]
pub enum CauseKind {
    /// Somebody hung up.
    #[n(1)]
    Normal = 1,
    /// The caller gave up before an answer.
    #[n(2)]
    Cancelled = 2,
    /// The callee is busy.
    #[n(3)]
    Busy = 3,
    /// It rang and nobody answered in time.
    #[n(4)]
    NoAnswer = 4,
    /// The callee declined.
    #[n(5)]
    Declined = 5,
    /// The callee is known and not reachable now: not registered, or silent.
    #[n(6)]
    Unreachable = 6,
    /// Nobody has that number.
    #[n(7)]
    UnknownNumber = 7,
    /// The caller may not do that.
    #[n(8)]
    Forbidden = 8,
    /// The peers have no medium or codec in common.
    #[n(9)]
    IncompatibleMedia = 9,
    /// No channel, port or other resource was left.
    #[n(10)]
    Congestion = 10,
    /// A request went round too often.
    #[n(11)]
    TooManyHops = 11,
    /// A peer stopped answering.
    #[n(12)]
    Timeout = 12,
    /// No media arrived for too long, with neither hold nor silence suppression to explain it.
    #[n(13)]
    MediaTimeout = 13,
    /// The call reached the longest time that is allowed.
    #[n(14)]
    TooLong = 14,
    /// Another contact answered.
    #[n(15)]
    AnsweredElsewhere = 15,
    /// A request that crossed another; the sender tries again.
    #[n(16)]
    Glare = 16,
    /// The peer broke its protocol.
    #[n(17)]
    PeerMisbehaved = 17,
    /// The peer has a fault of its own, or refused for a reason that has no kind here.
    #[n(18)]
    PeerFailure = 18,
    /// Our own fault.
    #[n(19)]
    Internal = 19,
    /// The call was transferred away.
    #[n(20)]
    Transferred = 20,
    /// An operator ended it, or the platform shuts down.
    #[n(21)]
    Administrative = 21,
    /// The call was open when the platform died.
    #[n(22)]
    Interrupted = 22,
}

impl CauseKind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 22] = [
        Self::Normal,
        Self::Cancelled,
        Self::Busy,
        Self::NoAnswer,
        Self::Declined,
        Self::Unreachable,
        Self::UnknownNumber,
        Self::Forbidden,
        Self::IncompatibleMedia,
        Self::Congestion,
        Self::TooManyHops,
        Self::Timeout,
        Self::MediaTimeout,
        Self::TooLong,
        Self::AnsweredElsewhere,
        Self::Glare,
        Self::PeerMisbehaved,
        Self::PeerFailure,
        Self::Internal,
        Self::Transferred,
        Self::Administrative,
        Self::Interrupted,
    ];

    /// The cause value of ITU-T Q.850 that stands for it.
    pub const fn q850(self) -> u8 {
        match self {
            Self::Normal | Self::Cancelled | Self::Transferred => 16,
            Self::Busy => 17,
            Self::NoAnswer => 19,
            Self::Declined => 21,
            Self::Unreachable => 20,
            Self::UnknownNumber => 1,
            Self::Forbidden => 57,
            Self::IncompatibleMedia => 88,
            Self::Congestion => 34,
            Self::TooManyHops => 25,
            Self::Timeout | Self::TooLong => 102,
            Self::MediaTimeout | Self::Interrupted => 41,
            Self::AnsweredElsewhere => 26,
            Self::Glare | Self::Internal => 127,
            Self::PeerMisbehaved => 111,
            Self::PeerFailure => 38,
            Self::Administrative => 31,
        }
    }

    /// What a person reads in a log or a record.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Cancelled => "cancelled",
            Self::Busy => "busy",
            Self::NoAnswer => "no-answer",
            Self::Declined => "declined",
            Self::Unreachable => "unreachable",
            Self::UnknownNumber => "unknown-number",
            Self::Forbidden => "forbidden",
            Self::IncompatibleMedia => "incompatible-media",
            Self::Congestion => "congestion",
            Self::TooManyHops => "too-many-hops",
            Self::Timeout => "timeout",
            Self::MediaTimeout => "media-timeout",
            Self::TooLong => "too-long",
            Self::AnsweredElsewhere => "answered-elsewhere",
            Self::Glare => "glare",
            Self::PeerMisbehaved => "peer-misbehaved",
            Self::PeerFailure => "peer-failure",
            Self::Internal => "internal",
            Self::Transferred => "transferred",
            Self::Administrative => "administrative",
            Self::Interrupted => "interrupted",
        }
    }
}

/// Why a call or leg ended or was refused.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Cause {
    /// What routing branches on.
    #[n(0)]
    pub kind: CauseKind,
    /// The protocol's own code where a peer gave one (SIP: the status, 100 to 699), so that it can be passed on.
    #[n(1)]
    pub code: Option<u16>,
    /// The ITU-T Q.850 value where a peer gave one.
    #[n(2)]
    pub q850: Option<u8>,
    /// The peer's words, bounded by whoever heard them.
    #[n(3)]
    pub text: Option<String>,
}

impl Cause {
    /// A kind and nothing more.
    pub const fn new(kind: CauseKind) -> Self {
        Self { kind, code: None, q850: None, text: None }
    }
}

impl From<CauseKind> for Cause {
    fn from(kind: CauseKind) -> Self {
        Self::new(kind)
    }
}

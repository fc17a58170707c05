//! What a request of a call's own was for.

use super::asked::Asked;
use super::leg::LegId;
use super::session::Joined;
use router::parameter::Cause;
use router::time::Duration;

/// What the answer to a request of ours decides.
#[derive(Debug)]
pub(super) enum Purpose {
    /// `Query × Registration`: where an account is reached, and how long it is to ring.
    Registration { account: String, timeout: Duration },
    /// `Open × MediaPort`: the ports of these legs, and maybe of the one that waits. So many workers had none before.
    Open { legs: Vec<LegId>, refusals: u8 },
    /// `Start × Leg`.
    StartLeg(LegId),
    /// `Set × LegState`: our offer or answer to a leg.
    SetLeg(LegId),
    /// `Stop × LegState`: repeated a few times if nobody answers.
    StopLeg { leg: LegId, cause: Cause, attempt: u8 },
    /// `Connect`, `Set × MediaPlan`, `Start × Builtin`: how the ports are joined.
    Media,
    /// `Disconnect`, `Stop × Builtin`: repeated a few times if nobody answers.
    Part { joined: Joined, attempt: u8 },
    /// `Close × MediaPort`: what the port counted.
    ClosePort(LegId),
    /// `Query × PortStatistics`: what the port of a leg that goes on has counted when a conversation ended.
    Count { leg: LegId, conversation: u32 },
    /// `Close`: the end of the session, what its ports counted.
    CloseSession { attempt: u8 },
    /// `Send`: on behalf of the other leg.
    Relay(Asked),
}

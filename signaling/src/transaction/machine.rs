//! What the four machines have in common: their inputs and outputs, and the interval that grows.

use router::time::{Duration, Instant};
use smallvec::SmallVec;

use super::timer::Timer;
use crate::message::StatusCode;

/// What happens to a client transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientInput {
    /// A response to its request came.
    Response(StatusCode),
    /// A CANCEL for it was sent (INVITE only).
    Cancelled,
    /// What `poll_timeout` announced is due.
    Timeout,
    /// The request, or the ACK, did not leave.
    TransportFailed,
}

/// What happens to a server transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerInput {
    /// Its request came again.
    Request,
    /// An ACK for it came (INVITE only).
    Ack,
    /// The user answers.
    Respond(StatusCode),
    /// What `poll_timeout` announced is due.
    Timeout,
    /// A response did not leave.
    TransportFailed,
}

/// What a transaction wants done, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send what was sent last once more: the request, or the last response.
    Retransmit,
    /// Send the response that the user gave.
    Send,
    /// Send 100 Trying.
    SendTrying,
    /// Send the ACK for this response, which is no 2xx.
    Acknowledge,
    /// Give the message to the user.
    PassUp,
    /// Tell the user that this timer ran out: no response, or no ACK.
    TimedOut(Timer),
    /// Tell the user that the transport failed.
    Failed,
    /// Forget the transaction.
    Terminated,
}

/// What a transaction wants done: at most three things at once.
pub type Outputs = SmallVec<[Output; 4]>;

/// A retransmission that is due, and the interval before the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Retransmission {
    /// When.
    pub(super) at: Instant,
    interval: Duration,
}

impl Retransmission {
    /// The first one: after `interval`, on a transport that may lose what is sent.
    pub(super) fn start(now: Instant, interval: Duration, reliable: bool) -> Option<Retransmission> {
        (!reliable).then(|| Retransmission { at: now + interval, interval })
    }

    /// The next one, after twice the interval, at most `longest`.
    pub(super) fn next(self, now: Instant, longest: Duration) -> Retransmission {
        let interval = (self.interval * 2).min(longest);
        Retransmission { at: now + interval, interval }
    }

    /// The next one, after exactly that interval.
    pub(super) fn after(now: Instant, interval: Duration) -> Retransmission {
        Retransmission { at: now + interval, interval }
    }
}

/// The earlier of a retransmission and an end.
pub(super) fn earlier(
    retransmit: Option<Retransmission>,
    retransmission: Timer,
    end: Instant,
    at_end: Timer,
) -> Option<(Instant, Timer)> {
    match retransmit {
        Some(Retransmission { at, .. }) if at < end => Some((at, retransmission)),
        _ => Some((end, at_end)),
    }
}

//! A phone's transactions: RFC 3261 §17, as short as they can be written.

use super::request::Request;
use bytes::Bytes;
use router::time::{Duration, Instant};
use signaling::message::{Message, Method};
use std::net::SocketAddr;

/// T1: an estimate of the round trip (RFC 3261 §17.1.1.1).
pub(crate) const T1: Duration = Duration::from_millis(500);
/// T2: the longest interval of retransmissions.
pub(crate) const T2: Duration = Duration::from_secs(4);
/// 64 × T1: how long an answer is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(32);

/// What a client transaction is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    Register,
    Invite(usize),
    ReInvite(usize),
    Cancel,
    Bye(usize),
    Refer(usize),
    Info(usize),
    Subscribe(usize),
    /// A request outside of everything: it is asked for credentials like any other.
    Standalone,
    Other,
}

#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) branch: String,
    pub(crate) request: Request,
    pub(crate) bytes: Bytes,
    pub(crate) to: SocketAddr,
    pub(crate) purpose: Purpose,
    pub(crate) provisional: bool,
    /// The ACK to a final response that is no success: the transaction lingers for its repetitions.
    pub(crate) ack: Option<Bytes>,
    pub(crate) interval: Duration,
    pub(crate) retransmit: Option<Instant>,
    pub(crate) deadline: Option<Instant>,
    /// How often it was sent anew with credentials.
    pub(crate) attempts: u8,
}

impl Client {
    pub(crate) fn is_invite(&self) -> bool {
        self.request.method == Method::Invite
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.retransmit.into_iter().chain(self.deadline).min()
    }

    /// What is to be sent again by now.
    pub(crate) fn retransmission(&mut self, now: Instant) -> Option<Bytes> {
        self.retransmit.filter(|&at| at <= now)?;
        self.interval *= 2;
        if !self.is_invite() {
            self.interval = if self.provisional { T2 } else { self.interval.min(T2) };
        }
        self.retransmit = Some(now + self.interval);
        Some(self.bytes.clone())
    }

    /// A provisional response came.
    pub(crate) fn proceed(&mut self) {
        self.provisional = true;
        if self.is_invite() {
            self.retransmit = None;
            self.deadline = None;
        }
    }
}

/// What a request is matched by: branch, sent-by, method (RFC 3261 §17.2.3).
pub(crate) fn server_key(message: &Message, method: &Method) -> Option<String> {
    let via = message.via().ok()?;
    Some(format!("{} {}:{:?} {method}", via.branch()?, via.host(), via.port()))
}

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) key: String,
    pub(crate) request: Message,
    pub(crate) to: SocketAddr,
    pub(crate) response: Option<Bytes>,
    pub(crate) status: u16,
    pub(crate) interval: Duration,
    /// Final responses to INVITE that are no success, until their ACK.
    pub(crate) retransmit: Option<Instant>,
    pub(crate) deadline: Option<Instant>,
}

impl Server {
    pub(crate) fn is_invite(&self) -> bool {
        self.request.is(&Method::Invite)
    }

    pub(crate) fn is_final(&self) -> bool {
        self.status >= 200
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.retransmit.into_iter().chain(self.deadline).min()
    }
}

/// A 2xx to INVITE, sent until its ACK comes (RFC 3261 §13.3.1.4).
#[derive(Debug)]
pub(crate) struct Success {
    pub(crate) bytes: Bytes,
    pub(crate) to: SocketAddr,
    pub(crate) cseq: u32,
    pub(crate) interval: Duration,
    pub(crate) retransmit: Instant,
    pub(crate) deadline: Instant,
}

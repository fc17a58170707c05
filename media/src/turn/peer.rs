//! One address of the peer's at an allocation: whether the server lets it in, and its channel (RFC 8656 §9, §12).

use super::request::Request;
use crate::limits::{TURN_CHANNEL, TURN_PERMISSION, TURN_REFRESHED_AGAIN, TURN_RENEWED};
use router::time::Instant;
use std::net::SocketAddr;

/// What a request about a peer is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum About {
    Permission,
    Channel,
}

/// An address of the peer's. Its place among the others is the number of its channel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    /// The priority of its candidate; `None`: the peer has named none there.
    pub(super) priority: Option<u32>,
    /// Until when the server lets it in.
    pub(super) permitted: Option<Instant>,
    /// Until when its channel is bound.
    pub(super) bound: Option<Instant>,
    /// When either is asked for anew, if it is still needed.
    pub(super) renew: Instant,
    pub(super) wants: Option<About>,
    pub(super) request: Option<(About, Request)>,
    /// The server does not let it in, or gives it no channel.
    pub(super) is_refused: bool,
    pub(super) has_no_channel: bool,
    /// How often in a row the server has asked for other credentials.
    pub(super) challenges: u8,
    /// When it was last asked for.
    pub(super) used: Instant,
}

impl Peer {
    pub(super) const fn new(now: Instant, address: SocketAddr, priority: Option<u32>) -> Self {
        Self {
            address,
            priority,
            permitted: None,
            bound: None,
            renew: now,
            wants: None,
            request: None,
            is_refused: false,
            has_no_channel: false,
            challenges: 0,
            used: now,
        }
    }

    pub(super) fn is_permitted(&self, now: Instant) -> bool {
        self.permitted.is_some_and(|until| until > now)
    }

    /// The server has done what was asked; a channel is a permission, too (§12.2).
    pub(super) fn grant(&mut self, now: Instant, about: About) {
        self.permit(now);
        if about == About::Channel {
            self.bound = Some(now + TURN_CHANNEL);
        }
    }

    /// Its host is let in.
    pub(super) fn permit(&mut self, now: Instant) {
        (self.permitted, self.renew) = (Some(now + TURN_PERMISSION), now + TURN_RENEWED);
        if self.wants == Some(About::Permission) {
            self.wants = None;
        }
    }

    /// The server has refused. What it has granted before it keeps to its end, and so do we.
    pub(super) fn refuse(&mut self, now: Instant, about: About) {
        match about {
            About::Channel => {
                self.has_no_channel = true;
                self.wants = (!self.is_permitted(now)).then_some(About::Permission);
            }
            About::Permission if self.is_permitted(now) => {
                (self.renew, self.wants) = (now + TURN_REFRESHED_AGAIN, None);
            }
            About::Permission => (self.is_refused, self.wants) = (true, None),
        }
    }

    /// The server has not answered, which says nothing of what it has granted before, or has just done: it is asked again in a while.
    pub(super) fn miss(&mut self, now: Instant) {
        (self.renew, self.wants) = (now + TURN_REFRESHED_AGAIN, None);
    }

    /// Whether the server may send by its channel: one that is bound, or may be without our having been told.
    pub(super) fn may_have_channel(&self, now: Instant) -> bool {
        self.bound.is_some() || self.request.is_some() || self.is_permitted(now)
    }

    /// Whether we may send by its channel. One that is not bound anew may be gone, and indications are taken in any case.
    pub(super) const fn has_channel(&self) -> bool {
        self.bound.is_some() && !self.has_no_channel
    }

    /// Whether another peer may have its place: nobody has used it, or its channel, for longer than either lasts, and five minutes more (§12).
    pub(super) fn is_free(&self, now: Instant) -> bool {
        self.request.is_none() && now.since(self.used) > TURN_CHANNEL * 2 && !self.is_permitted(now)
    }
}

//! The ways to a leg's peer (ICE), as far as its descriptions say something of them.

use crate::limits::{CANDIDATES, WAYS_SOUGHT_AGAIN};
use router::parameter::{IceCandidate, IceParameters, MediaStream};
use router::time::Instant;
use std::net::SocketAddr;

/// What is known of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ways {
    /// Where the peer was found, RTP first, by our decision.
    chosen: Vec<SocketAddr>,
    /// Whether our next offer begins anew.
    is_sought_anew: bool,
    /// When we last began anew.
    sought: Option<Instant>,
}

impl Ways {
    /// The peer was found.
    pub(crate) fn handle_reached(&mut self, found: Vec<SocketAddr>) {
        self.chosen = found;
    }

    /// There is no way any more: our next offer is to begin anew. False: that was tried a moment ago.
    pub(crate) fn seek_anew(&mut self, now: Instant) -> bool {
        if self.sought.is_some_and(|sought| now.since(sought) < WAYS_SOUGHT_AGAIN) {
            return false;
        }
        self.chosen.clear();
        (self.is_sought_anew, self.sought) = (true, Some(now));
        true
    }

    /// Whether it is to begin anew, and has not.
    pub(crate) const fn are_sought_anew(&self) -> bool {
        self.is_sought_anew
    }

    /// What our next offer says of what we have chosen (RFC 8839 §4.4.1.2.2).
    pub(crate) fn chosen(&self) -> Vec<SocketAddr> {
        if self.is_sought_anew { Vec::new() } else { self.chosen.clone() }
    }

    /// The peer has described itself: under other names than before what was found is nothing any more, and what was to begin anew has.
    pub(crate) fn handle_agreement(&mut self, before: Option<&MediaStream>, now: Option<&MediaStream>) {
        let names = |stream: Option<&MediaStream>| {
            let ice = stream.and_then(|stream| stream.ice.as_deref())?;
            Some((ice.local.clone(), ice.remote.clone()))
        };
        if names(before) != names(now) {
            self.chosen.clear();
            self.is_sought_anew = false;
        }
    }
}

/// Adds to what is known of a peer what it says later. False: it was known, or is too much.
pub(super) fn add(ice: &mut IceParameters, candidates: &[IceCandidate]) -> bool {
    let before = ice.candidates.len();
    for candidate in candidates {
        let (component, address) = (candidate.component, candidate.address);
        let is_known = ice.candidates.iter().any(|known| (known.component, known.address) == (component, address));
        if !is_known && ice.candidates.len() < CANDIDATES {
            ice.candidates.push(*candidate);
        }
    }
    ice.candidates.len() > before
}

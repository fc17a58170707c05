//! What came before the plan that explains it: our offer and the peer's answer to it go other ways than its media. A hello (DTLS), or a check (ICE): who
//! sent it would repeat it half a second later.

use super::Voice;
use crate::dtls::Gate;
use crate::limits::{EARLY, EARLY_BYTES, EARLY_KEPT};
use crate::wire::{Channel, PairIndex, Wire};
use router::time::Instant;
use std::net::SocketAddr;
use stun::is_stun;

/// A datagram that is kept.
#[derive(Debug)]
pub(super) struct Early {
    at: Instant,
    pub(super) pair: PairIndex,
    channel: Channel,
    source: SocketAddr,
    datagram: Vec<u8>,
}

impl Early {
    fn is_check(&self) -> bool {
        is_stun(&self.datagram)
    }
}

impl<W: Wire> Voice<W> {
    /// Keeps it: the first of its kind at a port.
    #[cold]
    pub(super) fn keep_early(
        &mut self,
        now: Instant,
        pair: PairIndex,
        channel: Channel,
        source: SocketAddr,
        data: &[u8],
    ) {
        let is_check = is_stun(data);
        let is_hello = || Gate::look(data).is_some_and(|seen| seen.hello.is_some());
        let is_kept = data.len() <= EARLY_BYTES && (is_check || is_hello());
        let is_unplanned = self.port(pair).is_some_and(|port| port.plan().is_none());
        self.early.retain(|early| now.since(early.at) < EARLY_KEPT);
        let is_alike = |early: &Early| early.pair == pair && early.channel == channel && early.is_check() == is_check;
        if is_kept && is_unplanned && self.early.len() < EARLY && !self.early.iter().any(is_alike) {
            self.early.push(Early { at: now, pair, channel, source, datagram: data.to_vec() });
        }
    }

    /// A port has a plan: what came before is taken now, checks first, since they say who may shake hands.
    pub(super) fn take_early(&mut self, now: Instant, pair: PairIndex) {
        for is_check in [true, false] {
            let is_next = |early: &Early| early.pair == pair && early.is_check() == is_check;
            while let Some(index) = self.early.iter().position(is_next) {
                let early = self.early.swap_remove(index);
                let Early { at, channel, source, datagram, .. } = early;
                if now.since(at) >= EARLY_KEPT {
                    continue;
                }
                if is_check {
                    self.check(now, pair, channel, source, &datagram);
                } else {
                    self.handshake(now, pair, channel, source, &datagram);
                }
            }
        }
    }
}

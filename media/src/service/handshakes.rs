//! Handshakes (DTLS-SRTP): the datagrams and the time of those that its ports have.

use super::{Timer, Voice};
use crate::session::{Handshaken, Means, Record};
use crate::status::Discard;
use crate::wire::{Channel, PairIndex, Wire};
use router::parameter::{HandshakeFault, MediaEventKind};
use router::time::Instant;
use std::net::SocketAddr;

impl<W: Wire> Voice<W> {
    /// A datagram of DTLS has come to a port.
    #[cold]
    pub(super) fn handshake(
        &mut self,
        now: Instant,
        pair: PairIndex,
        channel: Channel,
        source: SocketAddr,
        data: &[u8],
    ) {
        let Self { ports, identity, allowance, random, counters, .. } = self;
        let port = ports.get_mut(pair.0 as usize).and_then(Option::as_deref_mut);
        let (Some(port), Some(identity)) = (port, identity) else { return counters.discard(Discard::Unexpected) };
        let record = Record { channel, source, octets: data };
        match port.take_dtls(now, record, Means { identity, allowance, random }) {
            Ok(came) => self.follow_handshake(now, pair, came),
            Err(why) => counters.discard(why),
        }
    }

    /// Something is due in a port's handshakes.
    pub(super) fn look_at_handshake(&mut self, now: Instant, pair: PairIndex) {
        let Self { ports, identity, allowance, random, .. } = self;
        let port = ports.get_mut(pair.0 as usize).and_then(Option::as_deref_mut);
        let (Some(port), Some(identity)) = (port, identity) else { return };
        let came = port.handle_dtls_timeout(now, Means { identity, allowance, random });
        self.follow_handshake(now, pair, came);
    }

    /// Sends what a handshake has to say, tells the owner what it has come to, and when to look again.
    fn follow_handshake(&mut self, now: Instant, pair: PairIndex, came: Option<Handshaken>) {
        let Some(port) = self.ports.get_mut(pair.0 as usize).and_then(Option::as_deref_mut) else { return };
        while let Some((channel, destination, datagram)) = port.poll_dtls_transmit() {
            let sent = port.transmit(&mut self.wire, channel, destination, &datagram);
            self.counters.send_failures += u64::from(!sent);
        }
        self.counters.handshakes_begun = self.allowance.total;
        let (session, id) = (port.place.session, port.place.id);
        match came {
            Some(Handshaken::Secured(suite)) => {
                self.counters.handshakes_completed += 1;
                self.notify(session, id, MediaEventKind::Secured(suite));
            }
            Some(Handshaken::Insecure(fault)) => {
                self.counters.handshakes_failed += 1;
                if fault == HandshakeFault::Fingerprint {
                    tracing::warn!(%session, "{}", fault.sentence());
                }
                self.notify(session, id, MediaEventKind::Insecure(fault));
            }
            None => {}
        }
        self.schedule_handshake(now, pair);
    }

    /// Sets the time of the next look.
    pub(super) fn schedule_handshake(&mut self, now: Instant, pair: PairIndex) {
        let Some(port) = self.port(pair) else { return };
        let (former, due) = (port.set_dtls_timer(None), port.poll_dtls_timeout());
        if let Some(former) = former {
            self.timers.cancel(former);
        }
        if let Some(due) = due {
            let key = self.schedule(due.max(now), Timer::Handshake(pair));
            if let Some(port) = self.port(pair) {
                port.set_dtls_timer(Some(key));
            }
        }
    }
}

//! Ways to peers (ICE): the checks and the time of those that its ports look for.

use super::{Timer, Voice};
use crate::ice::Came;
use crate::session::{Asking, Question};
use crate::status::Discard;
use crate::wire::{Channel, Destination, PairIndex, Wire};
use router::parameter::MediaEventKind;
use router::time::Instant;
use std::net::SocketAddr;
use stun::{Message, Usage};

impl<W: Wire> Voice<W> {
    /// A datagram of STUN has come to a port.
    #[cold]
    pub(super) fn check(&mut self, now: Instant, pair: PairIndex, channel: Channel, source: SocketAddr, data: &[u8]) {
        let Self { ports, random, counters, .. } = self;
        let port = ports.get_mut(pair.0 as usize).and_then(Option::as_deref_mut);
        let Some(port) = port else { return counters.discard(Discard::Unexpected) };
        let Some(message) = Message::parse(data, Usage::ConnectivityCheck) else {
            port.count_discarded();
            return counters.discard(Discard::Malformed);
        };
        match port.take_check(now, Question { channel, source, message: &message }, random) {
            Ok((answer, came)) => {
                self.counters.checks_taken += 1;
                if let Some(answer) = answer {
                    self.send_check(pair, &answer);
                }
                self.follow_ways(now, pair, came);
            }
            Err(why) => self.counters.discard(why),
        }
    }

    fn send_check(&mut self, pair: PairIndex, asking: &Asking) {
        let Asking { channel, to, message } = asking;
        let Self { ports, wire, .. } = self;
        let Some(port) = ports.get_mut(pair.0 as usize).and_then(Option::as_deref_mut) else { return };
        let sent = port.transmit(wire, *channel, Destination::To(*to), message.octets());
        self.counters.send_failures += u64::from(!sent);
    }

    /// Something is due in the ways of a port.
    pub(super) fn look_at_ways(&mut self, now: Instant, pair: PairIndex) {
        let Some(port) = self.port(pair) else { return };
        let came = port.handle_ways_timeout(now);
        self.follow_ways(now, pair, came);
    }

    /// Sends the checks that are due, tells the owner of a port whose ways have come to nothing, and when to look again.
    pub(super) fn follow_ways(&mut self, now: Instant, pair: PairIndex, came: Came) {
        loop {
            let Self { ports, random, .. } = self;
            let Some(port) = ports.get_mut(pair.0 as usize).and_then(Option::as_deref_mut) else { return };
            let Some(asking) = port.poll_check(now, random) else { break };
            self.send_check(pair, &asking);
        }
        let Some((place, reached)) = self.port(pair).map(|port| (port.place, port.take_reached())) else { return };
        if let Some((rtp, rtcp)) = reached {
            let found = [Some(rtp), rtcp].into_iter().flatten().collect();
            self.notify(place.session, place.id, MediaEventKind::Reached(found));
        }
        match came {
            Came::Nothing => {}
            Came::Way(_) => {
                self.counters.ways_taken += 1;
                // A handshake waits for it.
                self.look_at_handshake(now, pair);
            }
            Came::Lost => {
                self.counters.ways_lost += 1;
                self.notify(place.session, place.id, MediaEventKind::Unreachable);
            }
        }
        self.schedule_ways(now, pair);
        if let Some(port) = self.port(pair).filter(|port| port.has_relay()) {
            port.verify_relays(now);
            // A way by a server is to have a channel there.
            self.drive_relays(now, pair);
        }
    }

    /// Sets the time of the next look.
    pub(super) fn schedule_ways(&mut self, now: Instant, pair: PairIndex) {
        let Some(port) = self.port(pair) else { return };
        let (former, due) = (port.set_ways_timer(None), port.poll_ways_timeout());
        if let Some(former) = former {
            self.timers.cancel(former);
        }
        if let Some(due) = due {
            let key = self.schedule(due.max(now), Timer::Ways(pair));
            if let Some(port) = self.port(pair) {
                port.set_ways_timer(Some(key));
            }
        }
    }
}

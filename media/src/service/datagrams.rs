//! The path of a datagram.

use super::Voice;
use crate::dtls::is_dtls;
use crate::rtcp::is_rtcp;
use crate::rtp::rewrite;
use crate::session::{Dropped, FormatKind, Play, Port, Sending, Taken};
use crate::status::{Counters, Discard};
use crate::turn::is_nowhere;
use crate::wire::{Channel, PairIndex, Wire};
use router::parameter::{KeyForm, MediaEventKind};
use router::time::{Instant, Now};
use std::net::SocketAddr;
use stun::is_stun;

impl<W: Wire> Voice<W> {
    #[inline]
    pub(super) fn relay(&mut self, now: Now, pair: PairIndex, channel: Channel, source: SocketAddr, data: &mut [u8]) {
        // Where peers are that servers relay: the kernel lets it in, and nobody is there.
        if is_nowhere(source.ip()) {
            return self.counters.discard(Discard::Stranger);
        }
        let (mut source, mut data) = (source, data);
        if self.ports.get(pair.0 as usize).and_then(Option::as_deref).is_some_and(Port::has_relay) {
            match self.take_relayed(now, pair, channel, source, data) {
                Some(relayed) => (source, data) = relayed,
                None => return,
            }
        }
        let Some(port) = self.ports.get_mut(pair.0 as usize).and_then(Option::as_deref_mut) else {
            if !self.take_release(now.instant, pair, channel, source, data) {
                self.counters.discard(Discard::Unexpected);
            }
            return;
        };
        let is_control = channel == Channel::Rtcp || (port.shares_rtcp() && is_rtcp(data));
        // RFC 7983 §7: what begins so is neither RTP nor of a handshake.
        if port.seeks_ways() && is_stun(data) {
            return self.check(now.instant, pair, channel, source, data);
        }
        if port.is_secure() {
            if is_dtls(data) {
                return self.handshake(now.instant, pair, channel, source, data);
            }
            data = match port.unprotect(now.instant, is_control, data) {
                Ok(clear) => clear,
                Err(why) => return self.counters.discard(why),
            };
        }
        if is_control {
            match port.take_rtcp(now.instant, channel, source, data) {
                Ok(()) => self.counters.rtcp_received += 1,
                Err(why) => self.counters.discard(why),
            }
            return;
        }
        let taken = port.take(now.instant, source, data);
        if let Some(source) = port.take_connect_due() {
            let connected = self.wire.connect(pair, source);
            port.set_connected(connected);
        }
        let taken = match taken {
            Ok(taken) => taken,
            Err(dropped) if dropped.why == Discard::Unexpected => {
                self.keep_early(now.instant, pair, channel, source, data);
                return self.drop_packet(pair, dropped);
            }
            Err(dropped) => return self.drop_packet(pair, dropped),
        };
        self.counters.rtp_received += 1;
        if taken.is_notable {
            self.note(now.instant, pair, &taken, data);
        }
        self.pass_on(now.instant, pair, &taken, data);
    }

    /// Tells the owner that the peer is heard, and of its keys.
    #[cold]
    fn note(&mut self, now: Instant, pair: PairIndex, taken: &Taken, data: &[u8]) {
        if taken.arrived
            && let Some(place) = self.port(pair).map(|port| port.place)
        {
            self.notify(place.session, place.id, MediaEventKind::Arrived);
        }
        if taken.incoming.kind == FormatKind::Event {
            self.follow_keys(now, pair, &taken.incoming, data);
        }
    }

    /// Passes a packet on to where its port's media goes: back, over the bridge, or nowhere.
    #[inline]
    fn pass_on(&mut self, now: Instant, pair: PairIndex, taken: &Taken, data: &mut [u8]) {
        let Self { ports, wire, counters, .. } = self;
        let place = pair.0 as usize;
        let Some(port) = ports[place].as_deref_mut() else { return };
        match port.play {
            Some(Play::Echo) => return send(wire, counters, now, port, taken, Some(taken.own), data),
            Some(Play::Conference(place)) => {
                if port.receives() {
                    self.mix_in(place, data);
                }
                return;
            }
            Some(Play::Source(_) | Play::Keys(_)) | None => {}
        }
        let Some(other) = port.bridge else { return };
        // A pair is never bridged to itself.
        let Ok([Some(from), Some(to)]) = ports.get_disjoint_mut([place, other.0 as usize]) else { return };
        if to.play.is_some() {
            return;
        }
        if !from.receives() {
            to.interrupt();
            return;
        }
        if let Some(way) = &to.way {
            if way.wants(taken) {
                return self.transcode(now, pair, other, taken, data);
            }
            if way.is_pressed() && taken.incoming.kind == FormatKind::Sound {
                return to.outgoing.leave_out(taken.incoming.origin, taken.incoming.sequence);
            }
        }
        if taken.mapped.is_none() {
            if taken.incoming.kind == FormatKind::Event && to.key_form() == Some(KeyForm::Signalled) {
                // It goes on by another way.
                return to.outgoing.leave_out(taken.incoming.origin, taken.incoming.sequence);
            }
            from.count_discarded();
        }
        send(wire, counters, now, to, taken, taken.mapped, data);
    }

    /// Counts a packet that goes no further. Where it was the peer's, of a format that nobody agreed to, the stream that it
    /// is missing from closes the ranks.
    #[cold]
    fn drop_packet(&mut self, pair: PairIndex, dropped: Dropped) {
        self.counters.discard(dropped.why);
        if let Some((origin, sequence)) = dropped.left_out
            && let Some(other) = self.port(pair).and_then(|port| if port.play.is_some() { None } else { port.bridge })
            && let Some(port) = self.port(other)
        {
            port.outgoing.leave_out(origin, sequence);
        }
    }
}

/// Sends a packet as the next of a port's stream, as payload type `mapped`; `None`: the format was not agreed there.
#[inline]
fn send<W: Wire>(
    wire: &mut W,
    counters: &mut Counters,
    now: Instant,
    port: &mut Port,
    taken: &Taken,
    mapped: Option<u8>,
    data: &mut [u8],
) {
    let Some(payload_type) = mapped else {
        port.outgoing.leave_out(taken.incoming.origin, taken.incoming.sequence);
        return counters.discard(Discard::Format);
    };
    let Some(destination) = port.rtp_destination() else { return port.outgoing.interrupt() };
    let Some(numbers) = port.outgoing.number(now, &taken.incoming) else { return counters.discard(Discard::Stray) };
    let marker = taken.marker | numbers.begins;
    rewrite(data, marker, payload_type, numbers.sequence, numbers.timestamp, port.outgoing.ssrc());
    match port.send(wire, destination, data) {
        Sending::Taken => {
            port.outgoing.count(taken.payload_length);
            counters.rtp_sent += 1;
        }
        Sending::Failed => counters.send_failures += 1,
        Sending::Repeated => counters.discard(Discard::Stray),
        // What is said while hands are shaken is heard by nobody.
        Sending::Unkeyed => {}
    }
}

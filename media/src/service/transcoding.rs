//! What two legs have not agreed on together is transcoded between them.

use super::{Timer, Voice};
use crate::rtp::{Arrival, HEADER_BYTES, Header, write};
use crate::session::{Incoming, Origin, Port, Sending, Taken};
use crate::status::{Counters, Discard};
use crate::transcoding::{Heard, Made, Side, Way};
use crate::wire::{PairIndex, Wire};
use router::parameter::KeyForm;
use router::time::Instant;

impl<W: Wire> Voice<W> {
    /// The formats of two bridged ports are what they are: builds the ways that they need, keeps those that go on, and closes the rest.
    pub(super) fn settle_ways(&mut self, a: PairIndex, b: PairIndex) {
        let Ok([Some(one), Some(other)]) = self.ports.get_disjoint_mut([a.0 as usize, b.0 as usize]) else { return };
        let (one, other) = (&mut **one, &mut **other);
        let closed = [settle_way(one, other).then_some(b), settle_way(other, one).then_some(a)];
        for pair in closed.into_iter().flatten() {
            self.forget_way_timer(pair);
        }
    }

    /// The ways to a port and to the one that it is bridged to are closed.
    pub(super) fn close_ways(&mut self, pair: PairIndex) {
        let other = self.port(pair).and_then(|port| port.bridge);
        for pair in [Some(pair), other].into_iter().flatten() {
            if self.port(pair).is_some_and(|port| port.way.take().is_some()) {
                self.forget_way_timer(pair);
            }
        }
    }

    fn forget_way_timer(&mut self, pair: PairIndex) {
        if let Some(timer) = self.port(pair).and_then(|port| port.timers.way.take()) {
            self.timers.cancel(timer);
        }
    }

    /// Takes a packet of `pair` through to `other`.
    pub(super) fn transcode(&mut self, now: Instant, pair: PairIndex, other: PairIndex, taken: &Taken, data: &[u8]) {
        let Self { ports, counters, .. } = self;
        let Ok([Some(from), Some(to)]) = ports.get_disjoint_mut([pair.0 as usize, other.0 as usize]) else { return };
        let Ok(header) = Header::parse(data) else { return };
        let payload = data.get(header.payload_offset..header.payload_offset + header.payload_length);
        let (Some(way), Some(payload)) = (&mut to.way, payload) else { return };
        if taken.incoming.arrival == Arrival::Restarted || way.hears_another(header.ssrc) {
            way.interrupt();
            to.outgoing.interrupt();
        }
        if !way.codes() {
            // What passes beside it as it is closes the ranks.
            to.outgoing.leave_out(taken.incoming.origin, taken.incoming.sequence);
        }
        if !way.take(now, from.agreed(), &header, taken.incoming.kind, payload) {
            let counted = way.take_counted();
            counters.rtp_late += counted.late;
            from.count_late(counted.late);
            if counted.late + counted.repeated == 0 {
                from.count_discarded();
                counters.discard(Discard::Format);
            }
        }
        self.send_coded(now, other);
    }

    /// Nothing has come for as long as the way to a port bears.
    pub(super) fn look_at_way(&mut self, now: Instant, pair: PairIndex) {
        let Some(port) = self.port(pair) else { return };
        port.timers.way = None;
        let plays = port.play.is_some();
        let Some(way) = &mut port.way else { return };
        way.armed = None;
        if plays {
            return way.interrupt();
        }
        self.send_coded(now, pair);
    }

    /// Sends what a way has for its port's peer, and sees to it that it is looked at in time.
    fn send_coded(&mut self, now: Instant, pair: PairIndex) {
        let Self { ports, wire, counters, scratch, .. } = self;
        let Some(port) = ports.get_mut(pair.0 as usize).and_then(Option::as_deref_mut) else { return };
        let Some(mut way) = port.way.take() else { return };
        if port.rtp_destination().is_none() {
            way.interrupt();
            port.outgoing.interrupt();
        }
        while let Some(made) = way.poll(now, scratch.get_mut(HEADER_BYTES..).unwrap_or_default()) {
            send_one(wire, counters, now, port, made, scratch);
        }
        let heard: [Option<Heard>; 2] = std::array::from_fn(|_| way.poll_heard());
        let counted = way.take_counted();
        counters.rtp_concealed += counted.concealed;
        counters.rtp_late += counted.late;
        let due = way.due().filter(|due| way.armed.is_none_or(|armed| *due < armed));
        if due.is_some() {
            way.armed = due;
        }
        port.way = Some(way);
        if counted.late > 0
            && let Some(from) = port.bridge.and_then(|from| self.port(from))
        {
            from.count_late(counted.late);
        }
        let Some(port) = self.port(pair) else { return };
        if let (Some(_), Some(from)) = (heard[0], port.bridge) {
            heard.into_iter().flatten().for_each(|heard| self.tell_key(from, heard, KeyForm::Tones));
        }
        if let Some(due) = due {
            self.forget_way_timer(pair);
            let key = self.schedule(due.max(now), Timer::Way(pair));
            if let Some(port) = self.port(pair) {
                port.timers.way = Some(key);
            }
        }
    }
}

/// Sees to the way from one port to another. True: there was one, and it is closed.
fn settle_way(from: &Port, to: &mut Port) -> bool {
    let frame = to.plan().and_then(|plan| plan.frame);
    let former = to.way.take();
    let sides = (side(from), side(to));
    let (kept, closed) = match former {
        Some(mut way) => match way.adapt(&sides.0, &sides.1, frame) {
            true => (Some(way), false),
            false => (None, true),
        },
        None => (None, false),
    };
    let way = kept.or_else(|| Way::new(&sides.0, &sides.1, frame).map(Box::new));
    if closed {
        to.outgoing.interrupt();
    }
    to.way = way;
    closed
}

/// What a way is built by.
fn side(port: &Port) -> Side<'_> {
    Side { formats: port.agreed(), keys: port.key_form() }
}

fn send_one<W: Wire>(
    wire: &mut W,
    counters: &mut Counters,
    now: Instant,
    port: &mut Port,
    made: Made,
    scratch: &mut [u8],
) {
    let Made::Packet(coded) = made else { return port.outgoing.interrupt() };
    let Some(destination) = port.rtp_destination() else { return };
    let incoming = Incoming {
        origin: Origin { from: None, ssrc: 0 },
        arrival: Arrival::Newest(0),
        sequence: coded.sequence,
        timestamp: coded.timestamp,
        clock_rate_hz: coded.clock_rate_hz,
        kind: coded.kind,
    };
    let Some(numbers) = port.outgoing.number(now, &incoming) else { return };
    let Some(packet) = scratch.get_mut(..HEADER_BYTES + coded.octets) else { return };
    let marker = coded.marker | numbers.begins;
    let ssrc = port.outgoing.ssrc();
    write(packet, marker, coded.payload_type, numbers.sequence, numbers.timestamp, ssrc);
    match port.send(wire, destination, packet) {
        Sending::Taken => {
            port.outgoing.count(coded.octets);
            counters.rtp_sent += 1;
            counters.rtp_transcoded += 1;
        }
        Sending::Failed => counters.send_failures += 1,
        Sending::Repeated => counters.discard(Discard::Stray),
        Sending::Unkeyed => {}
    }
}

//! What is due.

use super::{Timer, Voice};
use crate::limits::{AUDIT_MS, FRAME_BYTES, ORPHAN_MS, UNLEARN_MS};
use crate::rtcp::interval;
use crate::rtp::{Arrival, HEADER_BYTES, write};
use crate::session::{FormatKind, Incoming, Origin, Play, Port, Sending};
use crate::status::Counters;
use crate::wire::{PairIndex, Wire};
use router::Instance;
use router::parameter::MediaEventKind;
use router::time::{Duration, Instant, Now};

impl<W: Wire> Voice<W> {
    pub(super) fn handle_timer(&mut self, now: Now, timer: Timer) {
        match timer {
            Timer::Report(pair) => self.report(now, pair),
            Timer::Watch(pair) => self.watch(now.instant, pair),
            Timer::Frame(pair) => self.frame(now.instant, pair),
            Timer::Way(pair) => self.look_at_way(now.instant, pair),
            Timer::Key(pair) => self.look_at_key(now.instant, pair),
            Timer::Handshake(pair) => self.look_at_handshake(now.instant, pair),
            Timer::Ways(pair) => self.look_at_ways(now.instant, pair),
            Timer::Relays(pair) => self.look_at_relays(now, pair),
            Timer::Gathering => self.look_at_gathering(now.instant),
            Timer::Releases => self.look_at_releases(now.instant),
            Timer::Conference(index) => self.mix(now.instant, index),
            Timer::Audit => self.audit(now),
            Timer::Passages => self.hand_held(now.instant),
        }
    }

    /// Sends a report and sets the time of the next one. The first comes after half an interval.
    fn report(&mut self, now: Now, pair: PairIndex) {
        let Some(port) = self.ports.get_mut(pair.0 as usize).and_then(Option::as_deref_mut) else { return };
        let (report, lost) = (port.report(now, false), port.take_lost());
        let first = !port.reported();
        self.counters.rtp_lost += lost;
        if let Some((channel, destination, data)) = report {
            let sent = port.send_report(&mut self.wire, channel, destination, &data);
            self.counters.rtcp_sent += u64::from(sent);
            self.counters.send_failures += u64::from(!sent);
        }
        self.schedule_report(now.instant, pair, first);
    }

    pub(super) fn schedule_report(&mut self, now: Instant, pair: PairIndex, first: bool) {
        let at = now + interval(&mut self.random, first);
        let key = self.schedule(at, Timer::Report(pair));
        if let Some(port) = self.port(pair) {
            port.timers.report = Some(key);
        }
    }

    /// Looks whether a port's peer is silent, and when to look again.
    pub(super) fn watch(&mut self, now: Instant, pair: PairIndex) {
        let Some(port) = self.port(pair) else { return };
        let watched = port.watch(now, Duration::from_millis(UNLEARN_MS));
        let (session, id, connected) = (port.place.session, port.place.id, port.connected());
        if watched.unlearned && connected {
            self.disconnect(pair);
        }
        if watched.silent {
            self.notify(session, id, MediaEventKind::Silent);
        }
        let key = self.schedule(watched.next, Timer::Watch(pair));
        if let Some(port) = self.port(pair) {
            port.timers.watch = Some(key);
        }
    }

    /// Lets a port's RTP socket receive from anybody again.
    pub(super) fn disconnect(&mut self, pair: PairIndex) {
        let disconnected = self.wire.disconnect(pair);
        if let Some(port) = self.port(pair) {
            port.set_connected(!disconnected);
        }
    }

    /// Sends the frame that is due at a port and sets the time of the next one.
    pub(super) fn frame(&mut self, now: Instant, pair: PairIndex) {
        let Some(port) = self.ports.get_mut(pair.0 as usize).and_then(Option::as_deref_mut) else { return };
        if let Some(Play::Keys(_)) = port.play {
            return self.dial(now, pair);
        }
        let Some(Play::Source(generator)) = &mut port.play else { return };
        let mut payload = [0; FRAME_BYTES];
        let frame = generator.make(now, &mut payload);
        let (payload_type, clock_rate_hz, due) = (generator.payload_type(), generator.clock_rate_hz(), generator.due());
        let made = Made { sequence: frame.sequence, timestamp: frame.timestamp, clock_rate_hz, payload_type };
        send_made(&mut self.wire, &mut self.counters, now, port, made, &payload[..frame.length]);
        let key = self.schedule(due, Timer::Frame(pair));
        if let Some(port) = self.port(pair) {
            port.timers.frame = Some(key);
        }
    }

    /// Closes sessions that nobody has cared for in hours.
    fn audit(&mut self, now: Now) {
        let patience = Duration::from_millis(ORPHAN_MS);
        let mut orphans: Vec<Instance> = Vec::new();
        for (&instance, session) in &self.sessions {
            let heard =
                session.ports().iter().filter_map(|(_, pair)| self.ports.get(pair.0 as usize)?.as_ref()?.heard());
            let last = heard.fold(session.heard, Instant::max);
            if now.instant.since(last) >= patience {
                orphans.push(instance);
            }
        }
        for instance in orphans {
            self.counters.sessions_orphaned += 1;
            tracing::warn!(session = %instance, "a media session has lost its owner and is closed");
            let first = self.sessions.get(&instance).and_then(|session| session.ports().first().copied());
            if let Some((id, _)) = first {
                self.notify(instance, id, MediaEventKind::Broken);
            }
            self.close_session(now, instance, true);
        }
        self.schedule(now.instant + Duration::from_millis(AUDIT_MS), Timer::Audit);
    }
}

/// The numbers of a frame that is made here, in its source's own stream.
#[derive(Clone, Copy)]
pub(super) struct Made {
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    pub(super) clock_rate_hz: u32,
    pub(super) payload_type: u8,
}

/// Sends a frame that is made here as the next of a port's stream. Of one without sound the time alone goes by.
pub(super) fn send_made<W: Wire>(
    wire: &mut W,
    counters: &mut Counters,
    now: Instant,
    port: &mut Port,
    made: Made,
    payload: &[u8],
) {
    let incoming = Incoming {
        origin: Origin { from: None, ssrc: 0 },
        arrival: Arrival::Newest(0),
        sequence: made.sequence,
        timestamp: made.timestamp,
        clock_rate_hz: made.clock_rate_hz,
        kind: FormatKind::Sound,
    };
    if payload.is_empty() {
        return;
    }
    let Some(destination) = port.rtp_destination() else { return port.outgoing.interrupt() };
    let Some(numbers) = port.outgoing.number(now, &incoming) else { return };
    let mut packet = [0; HEADER_BYTES + FRAME_BYTES];
    let Some(packet) = packet.get_mut(..HEADER_BYTES + payload.len()) else { return };
    packet[HEADER_BYTES..].copy_from_slice(payload);
    let ssrc = port.outgoing.ssrc();
    write(packet, numbers.begins, made.payload_type, numbers.sequence, numbers.timestamp, ssrc);
    match port.send(wire, destination, packet) {
        Sending::Taken => {
            port.outgoing.count(payload.len());
            counters.rtp_sent += 1;
        }
        Sending::Unkeyed => {}
        Sending::Failed | Sending::Repeated => counters.send_failures += 1,
    }
}

//! Keys: those that peers press are told to the owner of their session, those that come in signalling are sent to a port's peer.

use super::{Timer, Voice};
use crate::rtp::{Arrival, HEADER_BYTES, write};
use crate::session::{Dialled, Dialling, Incoming, Origin, Play, Port, Sending};
use crate::status::Counters;
use crate::transcoding::{Heard, Side};
use crate::wire::{PairIndex, Wire};
use codecs::dtmf::Key;
use router::packet::Parameters;
use router::parameter::{Digits, Failure, KeyForm, MediaEventKind, Reason};
use router::time::Instant;
use router::{Instance, Private};

/// The SSRC of keys that are made here, which no peer's stream shares.
const ORIGIN: Origin = Origin { from: None, ssrc: 1 };

impl<W: Wire> Voice<W> {
    /// A packet of an event has come.
    pub(super) fn follow_keys(&mut self, now: Instant, pair: PairIndex, incoming: &Incoming, data: &[u8]) {
        let Some(port) = self.port(pair) else { return };
        let over = port.follow_keys(now, incoming, data);
        let waits = port.key_timer().is_some_and(|timer| timer.is_some());
        let due = port.key_due().filter(|_| !waits);
        over.into_iter().flatten().for_each(|heard| self.tell_key(pair, heard, KeyForm::Events));
        if let Some(due) = due {
            self.look_at_key_at(due, pair);
        }
    }

    fn look_at_key_at(&mut self, due: Instant, pair: PairIndex) {
        let key = self.schedule(due, Timer::Key(pair));
        if let Some(timer) = self.port(pair).and_then(|port| port.key_timer()) {
            *timer = Some(key);
        }
    }

    /// Nothing may have been heard of a key that is pressed for too long.
    pub(super) fn look_at_key(&mut self, now: Instant, pair: PairIndex) {
        let Some(port) = self.port(pair) else { return };
        if let Some(timer) = port.key_timer() {
            *timer = None;
        }
        match port.key_due() {
            Some(due) if due > now => self.look_at_key_at(due, pair),
            Some(_) => {
                if let Some(heard) = port.release_key() {
                    self.tell_key(pair, heard, KeyForm::Events);
                }
            }
            None => {}
        }
    }

    /// Tells the owner of a press that is over.
    pub(super) fn tell_key(&mut self, pair: PairIndex, heard: Heard, form: KeyForm) {
        let Some(place) = self.port(pair).map(|port| port.place) else { return };
        let key = Private::new(heard.key.character().to_string());
        let duration_ms = u16::try_from(heard.duration_ms).unwrap_or(u16::MAX);
        self.counters.keys_heard += 1;
        self.notify(place.session, place.id, MediaEventKind::Pressed { key, duration_ms, form });
    }

    /// Sends keys to a port's peer. Those of a request are all taken, or none.
    pub(super) fn send_keys(
        &mut self,
        now: Instant,
        instance: Instance,
        digits: &Digits,
    ) -> Result<Parameters, Failure> {
        let invalid = |detail: &str| Failure::new(Reason::Invalid).with_detail(detail);
        let pair = self.pair(instance, digits.port.ok_or_else(|| invalid("to which port"))?)?;
        let keys: Option<Vec<Key>> = digits.digits.reveal().chars().map(Key::of_character).collect();
        let keys = keys.ok_or_else(|| invalid("a key that no telephone has"))?;
        let port = self.port(pair).ok_or_else(|| Failure::new(Reason::NotFound))?;
        let begins = !matches!(port.play, Some(Play::Keys(_)));
        if begins {
            if port.play.is_some() {
                return Err(Failure::new(Reason::Unsupported).with_detail("nobody is there to press keys"));
            }
            let side = Side { formats: port.agreed(), keys: port.key_form() };
            let dialling = Dialling::new(&side, now);
            let unsupported =
                || Failure::new(Reason::Unsupported).with_detail("the leg takes neither events nor tones");
            port.play = Some(Play::Keys(Box::new(dialling.ok_or_else(unsupported)?)));
        }
        let Some(Play::Keys(dialling)) = &mut port.play else { return Err(Failure::new(Reason::Internal)) };
        let free = dialling.free();
        if keys.len() > free {
            if begins {
                port.play = None;
            }
            return Err(Failure::new(Reason::Busy).with_detail("too many keys wait"));
        }
        keys.into_iter().for_each(|key| dialling.press(key, digits.duration_ms.into()));
        if begins {
            port.outgoing.interrupt();
            self.dial(now, pair);
        }
        Ok(Parameters::new())
    }

    /// Sends what is due of a port's keys, and sees to the next time.
    pub(super) fn dial(&mut self, now: Instant, pair: PairIndex) {
        let Self { ports, wire, counters, scratch, .. } = self;
        let Some(port) = ports.get_mut(pair.0 as usize).and_then(Option::as_deref_mut) else { return };
        let mut dialling = match port.play.take() {
            Some(Play::Keys(dialling)) => dialling,
            other => return port.play = other,
        };
        while dialling.due().is_some_and(|due| due <= now) {
            let Some(dialled) = dialling.make(scratch.get_mut(HEADER_BYTES..).unwrap_or_default()) else { continue };
            send_one(wire, counters, now, port, &dialled, scratch);
        }
        let Some(due) = dialling.due() else {
            port.timers.frame = None;
            return port.outgoing.interrupt();
        };
        port.play = Some(Play::Keys(dialling));
        let key = self.schedule(due, Timer::Frame(pair));
        if let Some(port) = self.port(pair) {
            port.timers.frame = Some(key);
        }
    }
}

fn send_one<W: Wire>(
    wire: &mut W,
    counters: &mut Counters,
    now: Instant,
    port: &mut Port,
    dialled: &Dialled,
    scratch: &mut [u8],
) {
    let Some(destination) = port.rtp_destination() else { return port.outgoing.interrupt() };
    let incoming = Incoming {
        origin: ORIGIN,
        arrival: Arrival::Newest(0),
        sequence: dialled.sequence,
        timestamp: dialled.timestamp,
        clock_rate_hz: dialled.clock_rate_hz,
        kind: dialled.kind,
    };
    let Some(numbers) = port.outgoing.number(now, &incoming) else { return };
    let Some(packet) = scratch.get_mut(..HEADER_BYTES + dialled.octets) else { return };
    let marker = dialled.marker | numbers.begins;
    let ssrc = port.outgoing.ssrc();
    write(packet, marker, dialled.payload_type, numbers.sequence, numbers.timestamp, ssrc);
    match port.send(wire, destination, packet) {
        Sending::Taken => {
            port.outgoing.count(dialled.octets);
            counters.rtp_sent += 1;
        }
        Sending::Unkeyed => {}
        Sending::Failed | Sending::Repeated => counters.send_failures += 1,
    }
}

//! Conferences of a worker: seats are taken and left, frames are mixed.

use super::timers::{Made, send_made};
use super::{Timer, Voice};
use crate::conference::{Coding, Conference, Frame};
use crate::limits::{CODED_PAUSE_MS, CONFERENCES};
use crate::rtp::Header;
use crate::session::{Play, SeatPlace};
use crate::wire::{PairIndex, Wire};
use router::packet::Parameters;
use router::parameter::{BuiltinKind, ConferenceName, Failure, MediaEventKind, Parameter, Reason};
use router::time::{Duration, Instant, Now};

impl<W: Wire> Voice<W> {
    /// What a port plays in place of its bridge.
    pub(super) fn plays(&self, pair: PairIndex) -> Option<BuiltinKind> {
        match self.ports.get(pair.0 as usize)?.as_ref()?.play.as_ref()? {
            Play::Echo => Some(BuiltinKind::Echo),
            Play::Keys(_) => None,
            Play::Source(generator) => Some(generator.kind()),
            Play::Conference(place) => {
                let conference = self.conferences.get(place.conference as usize)?.as_ref()?;
                Some(BuiltinKind::Conference(conference.name()))
            }
        }
    }

    fn conference_of(&self, name: ConferenceName) -> Option<usize> {
        self.conferences.iter().position(|one| one.as_ref().is_some_and(|one| one.name() == name))
    }

    /// Whether a port may have a seat in that conference.
    pub(super) fn check_seat(&self, pair: PairIndex, name: ConferenceName) -> Result<(), Failure> {
        if self.plays(pair) == Some(BuiltinKind::Conference(name)) {
            return Ok(());
        }
        let full = |detail: &str| Err(Failure::new(Reason::Exhausted).with_detail(detail));
        match self.conference_of(name).and_then(|index| self.conferences[index].as_ref()) {
            Some(conference) if !conference.has_room() => full("every seat of the conference is taken"),
            None if self.conferences.iter().flatten().count() >= CONFERENCES => full("no more conferences"),
            _ => Ok(()),
        }
    }

    /// Gives a port a seat; whether there is one was looked at before.
    pub(super) fn take_seat(&mut self, now: Now, pair: PairIndex, name: ConferenceName) {
        if self.plays(pair) == Some(BuiltinKind::Conference(name)) {
            return;
        }
        self.stop_playing(pair);
        let index = self.conference_of(name).unwrap_or_else(|| self.begin_conference(now, name));
        let Some(port) = self.ports.get_mut(pair.0 as usize).and_then(Option::as_deref_mut) else { return };
        let coding = Coding::of(port.formats());
        if let Some(conference) = self.conferences.get_mut(index).and_then(Option::as_deref_mut) {
            let seat = conference.seat(pair, coding) as u32;
            port.play = Some(Play::Conference(SeatPlace { conference: index as u32, seat }));
        }
    }

    fn begin_conference(&mut self, now: Now, name: ConferenceName) -> usize {
        let index = self.conferences.iter().position(Option::is_none).unwrap_or_else(|| {
            self.conferences.push(None);
            self.conferences.len() - 1
        });
        let mut conference = Conference::new(name, now);
        conference.timer = Some(self.schedule(conference.due(), Timer::Conference(index as u32)));
        self.conferences[index] = Some(Box::new(conference));
        index
    }

    /// The port's plan has changed, and maybe what its member speaks.
    pub(super) fn settle_seat(&mut self, pair: PairIndex) {
        let Some(port) = self.ports.get_mut(pair.0 as usize).and_then(Option::as_deref_mut) else { return };
        let Some(Play::Conference(place)) = port.play else { return };
        let coding = Coding::of(port.formats());
        let conference = self.conferences.get_mut(place.conference as usize).and_then(Option::as_deref_mut);
        if let Some(seat) = conference.and_then(|conference| conference.seat_mut(place.seat as usize))
            && seat.settle(coding)
        {
            // Its frames go on in another clock.
            port.outgoing.interrupt();
        }
    }

    /// A port leaves its seat, if it has one; with the last one the conference ends.
    pub(super) fn leave_seat(&mut self, pair: PairIndex) {
        let Some(port) = self.ports.get_mut(pair.0 as usize).and_then(Option::as_deref_mut) else { return };
        let Some(Play::Conference(place)) = port.play else { return };
        port.play = None;
        port.outgoing.interrupt();
        self.vacate(place);
    }

    fn vacate(&mut self, place: SeatPlace) {
        let Some(slot) = self.conferences.get_mut(place.conference as usize) else { return };
        let Some(conference) = slot.as_deref_mut() else { return };
        if conference.leave(place.seat as usize)
            && let Some(timer) = slot.take().and_then(|conference| conference.timer)
        {
            self.timers.cancel(timer);
        }
    }

    /// Lays a member's packet down until its time comes.
    #[inline]
    pub(super) fn mix_in(&mut self, place: SeatPlace, data: &[u8]) {
        let Ok(header) = Header::parse(data) else { return };
        let conference = self.conferences.get_mut(place.conference as usize).and_then(Option::as_deref_mut);
        let seat = conference.and_then(|conference| conference.seat_mut(place.seat as usize));
        let payload = data.get(header.payload_offset..header.payload_offset + header.payload_length);
        if let (Some(seat), Some(payload)) = (seat, payload) {
            seat.take(&header, payload);
        }
    }

    /// Makes a conference's frame and sets the time of the next one.
    pub(super) fn mix(&mut self, now: Instant, index: u32) {
        let Self { ports, wire, counters, conferences, .. } = self;
        let Some(conference) = conferences.get_mut(index as usize).and_then(Option::as_deref_mut) else { return };
        conference.timer = None;
        if !conference.is_serving() {
            conference.begin_frame(now);
        }
        let mut lost = None;
        while let Some(frame) = conference.poll_frame() {
            let place = SeatPlace { conference: index, seat: frame.seat as u32 };
            let port = ports.get_mut(frame.pair.0 as usize).and_then(Option::as_deref_mut);
            // A port that a fault took away from under its seat may be another call's by now.
            match port.filter(|port| matches!(port.play, Some(Play::Conference(of)) if of == place)) {
                Some(port) => {
                    let Frame { sequence, timestamp, clock_rate_hz, payload_type, .. } = frame;
                    let made = Made { sequence, timestamp, clock_rate_hz, payload_type };
                    send_made(wire, counters, now, port, made, frame.sound());
                }
                None => lost = Some(place),
            }
        }
        let rest = now + Duration::from_millis(CODED_PAUSE_MS);
        let (due, alone) = (if conference.is_serving() { rest } else { conference.due() }, conference.poll_alone(now));
        let key = self.schedule(due, Timer::Conference(index));
        if let Some(conference) = self.conferences.get_mut(index as usize).and_then(Option::as_deref_mut) {
            conference.timer = Some(key);
        }
        if let Some(place) = alone.and_then(|pair| self.port(pair)).map(|port| port.place) {
            self.notify(place.session, place.id, MediaEventKind::Alone);
        }
        if let Some(place) = lost {
            self.vacate(place);
        }
    }

    /// A conference met a fault of ours: its members' sessions are closed, and their owners told.
    #[cold]
    pub(super) fn break_conference(&mut self, now: Now, index: u32) {
        let Some(conference) = self.conferences.get_mut(index as usize).and_then(Option::take) else { return };
        if let Some(timer) = conference.timer {
            self.timers.cancel(timer);
        }
        for pair in conference.pairs() {
            if let Some(port) = self.port(pair) {
                port.play = None;
                let session = port.place.session;
                self.break_session(now, session);
            }
        }
    }

    /// All conferences, by name.
    pub(super) fn tell_conferences(&self) -> Parameters {
        let mut told: Vec<_> = self.conferences.iter().flatten().map(|conference| conference.told()).collect();
        told.sort_unstable_by_key(|conference| conference.name);
        told.into_iter().take(router::limits::PARAMETERS).map(Parameter::from).collect()
    }
}

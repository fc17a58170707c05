//! Keys that a port's peer presses, as they come as events (RFC 4733): each is told once, when it is released.

use super::Port;
use crate::limits::KEY_SILENCE;
use crate::rtp::Header;
use crate::session::{FormatKind, Incoming};
use crate::transcoding::Heard;
use codecs::dtmf::Key;
use codecs::telephone_event::{Event, EventChange, EventReceiver};
use router::time::{Instant, TimerKey};

/// What is known of the keys of one stream.
#[derive(Clone, Debug)]
pub(crate) struct Keyboard {
    ssrc: u32,
    clock_rate_hz: u32,
    receiver: EventReceiver,
    /// When the key that is pressed was last heard of.
    heard: Instant,
    /// When it counts as released.
    timer: Option<TimerKey>,
}

impl Keyboard {
    const fn new(ssrc: u32, clock_rate_hz: u32) -> Self {
        Self { ssrc, clock_rate_hz, receiver: EventReceiver::new(), heard: Instant::ZERO, timer: None }
    }
}

/// What a packet of an event leads to: presses that are over, at most the one before it and its own.
pub(crate) type Over = [Option<Heard>; 2];

impl Port {
    /// Takes a packet of an event.
    pub fn follow_keys(&mut self, now: Instant, incoming: &Incoming, data: &[u8]) -> Over {
        let mut over = Over::default();
        let Ok(header) = Header::parse(data) else { return over };
        let payload = data.get(header.payload_offset..header.payload_offset + header.payload_length);
        let Some(event) = payload.and_then(Event::parse) else { return over };
        debug_assert!(incoming.kind == FormatKind::Event);
        let (ssrc, clock) = (incoming.origin.ssrc, incoming.clock_rate_hz);
        let fresh = || Box::new(Keyboard::new(ssrc, clock));
        if self.keys.as_ref().is_some_and(|keys| keys.ssrc != ssrc || keys.clock_rate_hz != clock) {
            over[0] = self.release_key();
            let timer = self.key_timer().and_then(Option::take);
            self.keys = Some(Box::new(Keyboard { timer, ..Keyboard::new(ssrc, clock) }));
        }
        let keys = self.keys.get_or_insert_with(fresh);
        keys.heard = now;
        keys.receiver.handle_event(incoming.timestamp, event, |change| note(&mut over, change, clock));
        over
    }

    /// When the key that is pressed counts as released, should nothing more be heard of it.
    pub fn key_due(&self) -> Option<Instant> {
        let keys = self.keys.as_ref()?;
        keys.receiver.pressed().map(|_| keys.heard + KEY_SILENCE)
    }

    /// The timer of that; `None`: no key was ever pressed.
    pub fn key_timer(&mut self) -> Option<&mut Option<TimerKey>> {
        self.keys.as_mut().map(|keys| &mut keys.timer)
    }

    /// The key that is pressed is released: its end was lost, or nothing of it is heard any more.
    pub fn release_key(&mut self) -> Option<Heard> {
        let mut over = Over::default();
        let keys = self.keys.as_mut()?;
        let clock = keys.clock_rate_hz;
        keys.receiver.handle_end(|change| note(&mut over, change, clock));
        over[0]
    }
}

fn note(over: &mut Over, change: EventChange, clock_rate_hz: u32) {
    if let EventChange::Ended { event, duration } = change
        && let Some(key) = Key::of_event(event)
        && let Some(free) = over.iter_mut().find(|place| place.is_none())
    {
        let duration_ms = (u64::from(duration) * 1_000 / u64::from(clock_rate_hz.max(1))) as u32;
        *free = Some(Heard { key, duration_ms });
    }
}

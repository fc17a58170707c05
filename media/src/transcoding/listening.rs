//! Keys that are heard in the sound go out as events (RFC 4733), where the other leg takes such, and are told.

use codecs::dtmf::{Key, KeyChange};
use codecs::telephone_event::{ENDS, EventPacket, EventSender};

/// The power of a key that is made here, below 0 dBm0: what its tones have together (see `codecs::dtmf::Press`).
pub(crate) const VOLUME: u8 = 6;
/// What has gone by of a press when it is told.
const NOTICED_MS: u32 = 40;
/// Packets that a step of the sound leads to: the end of one press, the beginning of another and its end.
const PACKETS: usize = 4;

/// A press that is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Heard {
    /// Which key.
    pub key: Key,
    /// For how long.
    pub duration_ms: u32,
}

/// What becomes of the keys of one stream.
#[derive(Debug)]
pub struct Listening {
    /// The clock of the events; `None`: the other leg takes none, and they are but told.
    clock_rate_hz: Option<u32>,
    pressed: Option<Pressed>,
    /// The end, and how often it is to be said again.
    end: Option<(EventPacket, u32)>,
    packets: [Option<EventPacket>; PACKETS],
    heard: [Option<Heard>; PACKETS],
}

#[derive(Clone, Copy, Debug)]
struct Pressed {
    sender: EventSender,
    /// Ticks that were said.
    said: u32,
}

impl Listening {
    /// For a leg that takes events of that clock, or none.
    pub const fn new(clock_rate_hz: Option<u32>) -> Self {
        Self { clock_rate_hz, pressed: None, end: None, packets: [None; PACKETS], heard: [None; PACKETS] }
    }

    /// A key was pressed or released. `at`: the moment in our own time.
    pub fn handle_change(&mut self, change: KeyChange, at: u32) {
        match change {
            KeyChange::Began(key) => {
                self.end = None;
                let Some(clock) = self.clock_rate_hz else { return };
                let mut sender = EventSender::new(key.event(), VOLUME, at);
                let said = ticks(clock, NOTICED_MS);
                put(&mut self.packets, sender.hold(said));
                self.pressed = Some(Pressed { sender, said });
            }
            KeyChange::Ended(key, duration_ms) => {
                put(&mut self.heard, Heard { key, duration_ms });
                if let (Some(pressed), Some(clock)) = (self.pressed.take(), self.clock_rate_hz) {
                    let end = pressed.sender.release(ticks(clock, duration_ms).saturating_sub(pressed.said));
                    put(&mut self.packets, end);
                    self.end = Some((end, ENDS - 1));
                }
            }
        }
    }

    /// So much time has gone by without a change.
    pub fn handle_time(&mut self, ms: u32) {
        if let (Some(pressed), Some(clock)) = (&mut self.pressed, self.clock_rate_hz) {
            let more = ticks(clock, ms);
            pressed.said = pressed.said.saturating_add(more);
            put(&mut self.packets, pressed.sender.hold(more));
        } else if let Some((end, times)) = self.end {
            put(&mut self.packets, end);
            self.end = (times > 1).then_some((end, times - 1));
        }
    }

    /// The next packet that is to be sent.
    pub fn poll_packet(&mut self) -> Option<EventPacket> {
        take(&mut self.packets)
    }

    /// The next press that is over.
    pub fn poll_heard(&mut self) -> Option<Heard> {
        take(&mut self.heard)
    }

    /// The clock of its events.
    pub const fn clock_rate_hz(&self) -> Option<u32> {
        self.clock_rate_hz
    }
}

const fn ticks(clock_rate_hz: u32, ms: u32) -> u32 {
    (clock_rate_hz as u64 * ms as u64 / 1_000) as u32
}

fn put<T: Copy>(places: &mut [Option<T>; PACKETS], value: T) {
    if let Some(free) = places.iter_mut().find(|place| place.is_none()) {
        *free = Some(value);
    }
}

fn take<T: Copy>(places: &mut [Option<T>; PACKETS]) -> Option<T> {
    let first = places[0].take()?;
    places.rotate_left(1);
    Some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use codecs::telephone_event::{EventChange, EventReceiver};

    #[test]
    fn a_press_goes_out_with_its_length_and_three_ends() {
        for (clock, held_ms) in [(8_000, 60), (48_000, 60), (8_000, 3_000), (8_000, 20_000)] {
            let key = Key::of_character('5').unwrap();
            let (mut listening, mut receiver) = (Listening::new(Some(clock)), EventReceiver::new());
            let (mut changes, mut ends) = (Vec::new(), 0);
            let mut drain = |listening: &mut Listening| {
                while let Some(packet) = listening.poll_packet() {
                    ends += u32::from(packet.event.end);
                    receiver.handle_event(packet.timestamp, packet.event, |change| changes.push(change));
                }
            };
            listening.handle_change(KeyChange::Began(key), 7_000);
            for _ in 2..held_ms / 20 {
                drain(&mut listening);
                listening.handle_time(20);
            }
            drain(&mut listening);
            listening.handle_change(KeyChange::Ended(key, held_ms), 0);
            for _ in 0..5 {
                drain(&mut listening);
                listening.handle_time(20);
            }
            assert_eq!((changes.len(), ends), (2, ENDS), "{changes:?}");
            let Some(EventChange::Ended { event: 5, duration }) = changes.last() else { panic!("{changes:?}") };
            let ms = u64::from(*duration) * 1_000 / u64::from(clock);
            assert!(ms.abs_diff(held_ms.into()) <= 20, "{ms} of {held_ms}");
            assert_eq!(listening.poll_heard(), Some(Heard { key, duration_ms: held_ms }));
            assert_eq!(listening.poll_heard(), None);
        }
    }
}

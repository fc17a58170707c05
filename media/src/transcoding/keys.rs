//! Key presses that come as events go out as events of another clock and payload type (RFC 4733): packet by packet, so that a press lasts as
//! long as it did, and each once, whatever the sender repeats.

use codecs::telephone_event::{Event, EventPacket, EventReceiver, EventSender};

/// Presses from one leg to another.
#[derive(Clone, Copy, Debug)]
pub struct Keys {
    from_hz: u32,
    to_hz: u32,
    receiver: EventReceiver,
    press: Option<Press>,
}

#[derive(Clone, Copy, Debug)]
struct Press {
    /// Of its segment at the sender.
    timestamp: u32,
    event: u8,
    /// Ticks of the sender: in segments before, and told so far.
    before: u32,
    told: u32,
    sender: EventSender,
    /// Its end, which is sent as often as the sender sends it.
    end: Option<EventPacket>,
}

impl Keys {
    /// From events of one clock to those of another.
    pub fn new(from_hz: u32, to_hz: u32) -> Self {
        Self { from_hz: from_hz.max(1), to_hz, receiver: EventReceiver::new(), press: None }
    }

    /// The clocks of both sides.
    pub const fn clocks(&self) -> (u32, u32) {
        (self.from_hz, self.to_hz)
    }

    /// Whether a key is down.
    pub fn is_pressed(&self) -> bool {
        self.press.is_some_and(|press| press.end.is_none())
    }

    /// Takes a payload, and gives what is to be sent of it. `at`: the moment in our own time, where a press that begins now begins.
    pub fn handle(&mut self, timestamp: u32, payload: &[u8], at: u32) -> Option<EventPacket> {
        let event = Event::parse(payload)?;
        let mut began = None;
        self.receiver.handle_event(timestamp, event, |change| {
            if let codecs::telephone_event::EventChange::Began(event) = change {
                began = Some(event);
            }
        });
        if let Some(event) = began {
            let sender = EventSender::new(event.event, event.volume, at);
            self.press = Some(Press { timestamp, event: event.event, before: 0, told: 0, sender, end: None });
        }
        let (from_hz, to_hz) = (self.from_hz, self.to_hz);
        let press = self.press.as_mut().filter(|press| press.event == event.event)?;
        if timestamp != press.timestamp {
            // The next segment of a long press (RFC 4733 §2.5.1.3), or a straggler of another one.
            if timestamp.wrapping_sub(press.timestamp) != u32::from(u16::MAX) || press.end.is_some() {
                return None;
            }
            (press.timestamp, press.before) = (timestamp, press.before.saturating_add(u32::from(u16::MAX)));
        }
        if press.end.is_some() {
            return press.end.filter(|_| event.end);
        }
        let lasts = press.before.saturating_add(event.duration.into());
        let scaled = |ticks: u32| (u64::from(ticks) * u64::from(to_hz) / u64::from(from_hz)) as u32;
        // What came out of its order has been said, unless it is the end.
        if lasts < press.told && !event.end || (lasts == press.told && lasts > 0 && !event.end) {
            return None;
        }
        let lasts = lasts.max(press.told);
        let more = scaled(lasts).saturating_sub(scaled(press.told));
        press.told = lasts;
        if event.end {
            press.end = Some(press.sender.release(more));
            return press.end;
        }
        Some(press.sender.hold(more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use codecs::telephone_event::EventChange;

    /// A press as a phone sends it, and its packets on the other side.
    fn through(
        keys: &mut Keys,
        event: u8,
        held_ms: u32,
        timestamp: u32,
        lost: impl Fn(usize) -> bool,
    ) -> Vec<EventPacket> {
        let step = keys.from_hz / 50;
        let mut sender = EventSender::new(event, 10, timestamp);
        let mut packets: Vec<EventPacket> = (1..held_ms / 20).map(|_| sender.hold(step)).collect();
        packets.extend([sender.release(step); 3]);
        let arrived = packets.iter().enumerate().filter(|(index, _)| !lost(*index));
        arrived.filter_map(|(_, packet)| keys.handle(packet.timestamp, &packet.event.octets(), 77_000)).collect()
    }

    fn heard(packets: &[EventPacket]) -> Vec<EventChange> {
        let mut receiver = EventReceiver::new();
        let mut changes = Vec::new();
        packets.iter().for_each(|packet| {
            receiver.handle_event(packet.timestamp, packet.event, |change| changes.push(change));
        });
        changes
    }

    #[test]
    fn a_press_lasts_as_long_at_another_clock() {
        for (from, to) in [(8_000, 48_000), (48_000, 8_000), (8_000, 8_000), (16_000, 48_000)] {
            for held_ms in [40, 100, 400, 3_000, 12_000] {
                let mut keys = Keys::new(from, to);
                let packets = through(&mut keys, 5, held_ms, 1_000, |_| false);
                let changes = heard(&packets);
                assert_eq!(changes.len(), 2, "{from} to {to}, {held_ms} ms: {changes:?}");
                let Some(EventChange::Ended { event: 5, duration }) = changes.last() else { panic!("{changes:?}") };
                let ms = u64::from(*duration) * 1_000 / u64::from(to);
                assert!(ms.abs_diff(u64::from(held_ms)) <= 21, "{from} to {to}: {ms} of {held_ms} ms");
                assert_eq!(packets.iter().filter(|packet| packet.marker).count(), 1);
                assert_eq!(packets.iter().filter(|packet| packet.event.end).count(), 3);
                assert!(!keys.is_pressed());
            }
        }
    }

    #[test]
    fn whatever_is_lost_or_repeated_each_press_goes_on_once() {
        for seed in 0..200usize {
            let mut keys = Keys::new(8_000, 48_000);
            let mut all = Vec::new();
            let lost = |index: usize| (index * 7 + seed * 13) % 5 < 2;
            for (index, event) in [1, 1, 2, 11].into_iter().enumerate() {
                let mut packets = through(&mut keys, event, 80, 10_000 + index as u32 * 4_000, lost);
                packets.iter_mut().for_each(|packet| packet.timestamp += index as u32 * 9_000);
                all.extend(packets);
            }
            let began = heard(&all).into_iter().filter(|change| matches!(change, EventChange::Began(_)));
            assert_eq!(began.count(), 4, "{seed}");
        }
    }

    #[test]
    fn what_is_no_event_and_what_comes_late_goes_no_further() {
        let mut keys = Keys::new(8_000, 8_000);
        assert_eq!(keys.handle(0, &[1, 2], 0), None);
        through(&mut keys, 3, 100, 5_000, |_| false);
        let late = Event { event: 3, end: false, volume: 10, duration: 160 };
        assert_eq!(keys.handle(5_000, &late.octets(), 0), None);
        assert_eq!(keys.handle(4_000, &late.octets(), 0), None);
    }
}

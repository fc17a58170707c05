//! Key presses that come as events go out as events of another clock and payload type (RFC 4733): packet by packet, so that a press lasts as
//! long as it did, and each once, whatever the sender repeats.

use codecs::telephone_event::{Event, EventChange, EventPacket, EventReceiver, EventSender};

/// Follows the presses of a leg: how much longer each has become since it was told last, in another clock.
#[derive(Clone, Copy, Debug)]
pub struct Presses {
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
    ended: bool,
}

/// What a packet says of a press.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// As it was sent.
    pub event: Event,
    /// It has begun with this one.
    pub began: bool,
    /// So many ticks of the other clock longer than was known.
    pub more: u32,
    /// It has ended before: this one says so again.
    pub repeated: bool,
}

impl Presses {
    /// From events of one clock to another one.
    pub fn new(from_hz: u32, to_hz: u32) -> Self {
        Self { from_hz: from_hz.max(1), to_hz, receiver: EventReceiver::new(), press: None }
    }

    /// Takes a payload; `None`: it is none, or says nothing new.
    pub fn follow(&mut self, timestamp: u32, payload: &[u8]) -> Option<Progress> {
        let event = Event::parse(payload)?;
        let mut began = false;
        self.receiver.handle_event(timestamp, event, |change| began |= matches!(change, EventChange::Began(_)));
        if began {
            self.press = Some(Press { timestamp, event: event.event, before: 0, told: 0, ended: false });
        }
        let (from_hz, to_hz) = (self.from_hz, self.to_hz);
        let press = self.press.as_mut().filter(|press| press.event == event.event)?;
        if timestamp != press.timestamp {
            // The next segment of a long press (RFC 4733 §2.5.1.3), or a straggler of another one.
            if timestamp.wrapping_sub(press.timestamp) != u32::from(u16::MAX) || press.ended {
                return None;
            }
            (press.timestamp, press.before) = (timestamp, press.before.saturating_add(u32::from(u16::MAX)));
        }
        if press.ended {
            return event.end.then_some(Progress { event, began, more: 0, repeated: true });
        }
        let lasts = press.before.saturating_add(event.duration.into());
        // What came out of its order has been said, unless it is the end.
        if !event.end && (lasts < press.told || (lasts == press.told && lasts > 0)) {
            return None;
        }
        let scaled = |ticks: u32| (u64::from(ticks) * u64::from(to_hz) / u64::from(from_hz)) as u32;
        let lasts = lasts.max(press.told);
        let more = scaled(lasts).saturating_sub(scaled(press.told));
        (press.told, press.ended) = (lasts, event.end);
        Some(Progress { event, began, more, repeated: false })
    }
}

/// Presses from one leg's events to another's.
#[derive(Clone, Copy, Debug)]
pub struct Keys {
    presses: Presses,
    sender: Option<EventSender>,
    /// The end, which is sent as often as the sender sends it.
    end: Option<EventPacket>,
}

impl Keys {
    /// From events of one clock to those of another.
    pub fn new(from_hz: u32, to_hz: u32) -> Self {
        Self { presses: Presses::new(from_hz, to_hz), sender: None, end: None }
    }

    /// The clocks of both sides.
    pub const fn clocks(&self) -> (u32, u32) {
        (self.presses.from_hz, self.presses.to_hz)
    }

    /// Takes a payload, and gives what is to be sent of it. `at`: the moment in our own time, where a press that begins now begins.
    pub fn handle(&mut self, timestamp: u32, payload: &[u8], at: u32) -> Option<EventPacket> {
        let Progress { event, began, more, repeated } = self.presses.follow(timestamp, payload)?;
        if repeated {
            return self.end;
        }
        if began {
            self.sender = Some(EventSender::new(event.event, event.volume, at));
        }
        let sender = self.sender.as_mut()?;
        if event.end {
            self.end = Some(sender.release(more));
            return self.end;
        }
        Some(sender.hold(more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A press as a phone sends it, and its packets on the other side.
    fn through(
        keys: &mut Keys,
        event: u8,
        held_ms: u32,
        timestamp: u32,
        lost: impl Fn(usize) -> bool,
    ) -> Vec<EventPacket> {
        let step = keys.presses.from_hz / 50;
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

//! Keys as events in RTP (RFC 4733): the payload, who sends a press and who receives one, at any clock rate.
//!
//! A press is many packets with one timestamp and a growing duration; its end is sent three times. A receiver that believes
//! timestamps, and nothing else, hears each press once, whatever was lost, repeated or came late.

use crate::limits::EVENT_TICKS_LATE;

/// The encoding name of its `rtpmap`.
pub const NAME: &str = "telephone-event";
/// Octets of an event.
pub const PAYLOAD_OCTETS: usize = 4;
/// How often the end is sent (RFC 4733 §2.5.1.4).
pub const ENDS: u32 = 3;
/// A duration has 16 bits: what is longer goes on in another segment (§2.5.1.3).
const SEGMENT: u32 = 0xffff;

/// What a payload says (§2.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// 0 to 15 are the keys.
    pub event: u8,
    /// It is over.
    pub end: bool,
    /// Its power below 0 dBm0: 0 to 63 dB. For keys alone.
    pub volume: u8,
    /// How long it has lasted since the timestamp, in ticks of the RTP clock.
    pub duration: u16,
}

impl Event {
    /// The first event of a payload; `None` where it is too short. Others that are packed behind it (§2.3.1 leaves that to states,
    /// which are none of ours) are passed over.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let &[event, flags, high, low] = payload.first_chunk::<PAYLOAD_OCTETS>()?;
        Some(Self { event, end: flags & 0x80 != 0, volume: flags & 0x3f, duration: u16::from_be_bytes([high, low]) })
    }

    /// Its payload.
    pub const fn octets(self) -> [u8; PAYLOAD_OCTETS] {
        let [high, low] = self.duration.to_be_bytes();
        [self.event, (self.end as u8) << 7 | (self.volume & 0x3f), high, low]
    }
}

/// A packet of a press.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EventPacket {
    /// The RTP timestamp: where the press, or its segment, began.
    pub timestamp: u32,
    /// The RTP marker: on the first packet alone.
    pub marker: bool,
    /// What it says.
    pub event: Event,
}

/// Sends one press.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EventSender {
    event: u8,
    volume: u8,
    timestamp: u32,
    duration: u32,
    first: bool,
}

impl EventSender {
    /// A press that begins at `timestamp`.
    pub const fn new(event: u8, volume: u8, timestamp: u32) -> Self {
        Self { event, volume, timestamp, duration: 0, first: true }
    }

    /// It is still held, `ticks` after the last packet: what is to be sent now.
    pub fn hold(&mut self, ticks: u32) -> EventPacket {
        let lasted = self.duration.saturating_add(ticks);
        let packet = self.packet(lasted, false);
        if lasted > SEGMENT {
            // This one is full: the next packet begins where it ends.
            self.timestamp = self.timestamp.wrapping_add(SEGMENT);
            self.duration = (lasted - SEGMENT).min(SEGMENT);
        } else {
            self.duration = lasted;
        }
        packet
    }

    /// It is released, `ticks` after the last packet: to be sent [`ENDS`] times.
    pub fn release(mut self, ticks: u32) -> EventPacket {
        let lasted = self.duration.saturating_add(ticks);
        // What does not fit is less than a packet, at the end of a press of a second or more: it is cut.
        self.packet(lasted, true)
    }

    fn packet(&mut self, duration: u32, end: bool) -> EventPacket {
        let event = Event { event: self.event, end, volume: self.volume, duration: duration.min(SEGMENT) as u16 };
        EventPacket { timestamp: self.timestamp, marker: std::mem::replace(&mut self.first, false), event }
    }
}

/// What became of a press.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EventChange {
    /// It has begun.
    Began(Event),
    /// It has ended, after so many ticks.
    Ended {
        /// Which one.
        event: u8,
        /// Ticks of the RTP clock, all segments together.
        duration: u32,
    },
}

/// Receives presses: each once. A stream with another SSRC is another stream, and wants another receiver.
#[derive(Clone, Copy, Default, Debug)]
pub struct EventReceiver {
    current: Option<Current>,
    /// The timestamp of the latest press; what is not later, or much earlier, belongs to the past.
    latest: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Current {
    event: u8,
    /// Of its segment.
    timestamp: u32,
    /// In segments before, and in this one.
    before: u32,
    duration: u16,
}

impl Current {
    const fn lasted(self) -> u32 {
        self.before.saturating_add(self.duration as u32)
    }
}

impl EventReceiver {
    /// Of a stream that begins.
    pub const fn new() -> Self {
        Self { current: None, latest: None }
    }

    /// The press that lasts.
    pub fn pressed(&self) -> Option<u8> {
        self.current.map(|current| current.event)
    }

    /// Takes an event that came with a timestamp, and tells what changed, in order: at most that one press ended, another one began
    /// and ended.
    pub fn handle_event(&mut self, timestamp: u32, event: Event, mut tell: impl FnMut(EventChange)) {
        if let Some(current) = &mut self.current {
            let same = current.event == event.event;
            // The next segment of the same press (§2.5.1.3), whether or not the former one's last packet came.
            let follows = timestamp.wrapping_sub(current.timestamp) == SEGMENT && current.before < u32::MAX - SEGMENT;
            if same && follows {
                *current = Current { timestamp, before: current.before + SEGMENT, duration: 0, ..*current };
                self.latest = Some(timestamp);
            }
            if timestamp == current.timestamp {
                if same {
                    current.duration = current.duration.max(event.duration);
                    if event.end {
                        self.end(&mut tell);
                    }
                }
                return;
            }
        }
        if self.latest.is_some_and(|latest| latest.wrapping_sub(timestamp) <= EVENT_TICKS_LATE) {
            return;
        }
        self.end(&mut tell);
        self.latest = Some(timestamp);
        self.current = Some(Current { event: event.event, timestamp, before: 0, duration: event.duration });
        tell(EventChange::Began(event));
        if event.end {
            self.end(&mut tell);
        }
    }

    /// Takes note that the stream has gone on to `timestamp`, by sound that is not older: a press whose last packets were lost and that has
    /// said nothing for `patience` ticks is over.
    pub fn handle_time(&mut self, timestamp: u32, patience: u32, mut tell: impl FnMut(EventChange)) {
        let is_over = |current: Current| {
            let said = current.timestamp.wrapping_add(u32::from(current.duration));
            is_later(timestamp, said.wrapping_add(patience))
        };
        if self.current.is_some_and(is_over) {
            self.end(&mut tell);
        }
    }

    /// The stream ends, or nothing is heard of it any more: so does the press that lasts.
    pub fn handle_end(&mut self, mut tell: impl FnMut(EventChange)) {
        self.end(&mut tell);
    }

    fn end(&mut self, tell: &mut impl FnMut(EventChange)) {
        if let Some(current) = self.current.take() {
            tell(EventChange::Ended { event: current.event, duration: current.lasted() });
        }
    }
}

/// Timestamps go round.
const fn is_later(one: u32, other: u32) -> bool {
    one.wrapping_sub(other) as i32 > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The packets of presses, each of so many packets held, at a clock rate.
    fn sent(presses: &[(u8, u32)], clock_rate_hz: u32, start: u32) -> Vec<EventPacket> {
        let step = clock_rate_hz / 50;
        let mut packets = Vec::new();
        let mut timestamp = start;
        for &(event, held) in presses {
            let mut sender = EventSender::new(event, 10, timestamp);
            packets.extend((0..held).map(|_| sender.hold(step)));
            packets.extend([sender.release(step); ENDS as usize]);
            timestamp = timestamp.wrapping_add((held + 4) * step);
        }
        packets
    }

    fn received(packets: &[EventPacket]) -> Vec<EventChange> {
        let mut receiver = EventReceiver::new();
        let mut changes = Vec::new();
        for packet in packets {
            let event = Event::parse(&packet.event.octets()).unwrap();
            receiver.handle_event(packet.timestamp, event, |change| changes.push(change));
        }
        changes
    }

    fn keys(changes: &[EventChange]) -> Vec<u8> {
        let began = |change: &EventChange| match change {
            EventChange::Began(event) => Some(event.event),
            EventChange::Ended { .. } => None,
        };
        changes.iter().filter_map(began).collect()
    }

    #[test]
    fn the_payload_is_that_of_rfc_4733() {
        // §2.3, figure 1: event, E R volume, duration.
        let event = Event { event: 11, end: true, volume: 20, duration: 0x1234 };
        assert_eq!(event.octets(), [11, 0x80 | 20, 0x12, 0x34]);
        assert_eq!(Event::parse(&[11, 0xc0 | 20, 0x12, 0x34, 99]), Some(event), "the reserved bit is ignored");
        assert_eq!(Event::parse(&[1, 2, 3]), None);
    }

    #[test]
    fn a_press_begins_with_a_marker_and_ends_three_times() {
        for clock_rate in [8_000, 16_000, 48_000] {
            let packets = sent(&[(5, 4)], clock_rate, 1_000);
            assert_eq!(packets.len(), 7);
            let step = (clock_rate / 50) as u16;
            assert!(packets.iter().all(|packet| packet.timestamp == 1_000));
            let markers: Vec<bool> = packets.iter().map(|packet| packet.marker).collect();
            assert_eq!(markers, [true, false, false, false, false, false, false]);
            let durations: Vec<u16> = packets.iter().map(|packet| packet.event.duration / step).collect();
            assert_eq!(durations, [1, 2, 3, 4, 5, 5, 5]);
            let changes = received(&packets);
            assert_eq!(changes[1], EventChange::Ended { event: 5, duration: u32::from(step) * 5 });
            assert_eq!(changes.len(), 2);
        }
    }

    #[test]
    fn a_long_press_goes_over_segments_and_stays_one() {
        // Ten seconds at 48 kHz are 480,000 ticks: eight segments.
        let packets = sent(&[(7, 499)], 48_000, u32::MAX - 5);
        let timestamps: std::collections::BTreeSet<u32> =
            packets.iter().map(|packet| packet.timestamp.wrapping_add(6)).collect();
        assert_eq!(timestamps.len(), 8);
        assert_eq!(packets.iter().filter(|packet| packet.marker).count(), 1);
        let changes = received(&packets);
        assert_eq!(keys(&changes), [7]);
        assert_eq!(changes[1..], [EventChange::Ended { event: 7, duration: 480_000 }]);
        // The last packet of a segment is lost: it is one press all the same.
        let lossy: Vec<_> = packets.iter().filter(|packet| packet.event.duration != u16::MAX).copied().collect();
        assert_eq!(keys(&received(&lossy)), [7]);
    }

    #[test]
    fn the_same_key_twice_is_two_presses_and_a_lost_end_is_made_up_for() {
        assert_eq!(keys(&received(&sent(&[(1, 3), (1, 3), (1, 0)], 8_000, 0))), [1, 1, 1]);
        let endless: Vec<_> =
            sent(&[(1, 3), (2, 3)], 8_000, 0).into_iter().filter(|packet| !packet.event.end).collect();
        let changes = received(&endless);
        assert_eq!(keys(&changes), [1, 2]);
        assert_eq!(changes.len(), 3, "the second is still held");
        let mut receiver = EventReceiver::new();
        let mut told = Vec::new();
        receiver.handle_event(100, endless[0].event, |change| told.push(change));
        receiver.handle_time(100 + 160 + 800, 800, |change| told.push(change));
        assert_eq!((told.len(), receiver.pressed()), (1, Some(1)));
        receiver.handle_time(100 + 160 + 801, 800, |change| told.push(change));
        assert_eq!((told.len(), receiver.pressed()), (2, None));
        // A straggler does not begin it again.
        receiver.handle_event(100, endless[1].event, |change| told.push(change));
        assert_eq!(told.len(), 2);
    }

    #[test]
    fn a_sender_whose_clock_is_set_anew_is_heard() {
        for offset in [0u32, 600_000, 0x8000_0000, 0xf000_0000] {
            let mut packets = sent(&[(4, 3)], 8_000, 1_000_000);
            packets.extend(sent(&[(4, 3)], 8_000, 1_000_000u32.wrapping_sub(offset)));
            assert_eq!(keys(&received(&packets)).len(), if offset == 0 { 1 } else { 2 }, "{offset}");
        }
    }

    proptest! {
        #[test]
        fn each_press_is_heard_once_whatever_is_lost_repeated_or_late(
            presses in prop::collection::vec((0u8..16, 0u32..80), 1..8),
            start in any::<u32>(),
            clock in prop::sample::select(vec![8_000u32, 16_000, 48_000]),
            fates in prop::collection::vec(0u8..10, 700),
        ) {
            let packets = sent(&presses, clock, start);
            let mut arrived: Vec<EventPacket> = Vec::new();
            for (index, packet) in packets.iter().enumerate() {
                match fates[index % fates.len()] {
                    // Lost, unless it is the last end of its press: one packet of each arrives.
                    0 | 1 if !packet.event.end => {}
                    2 => arrived.extend([*packet, *packet]),
                    3 if !arrived.is_empty() => arrived.insert(arrived.len() - 1, *packet),
                    _ => arrived.push(*packet),
                }
            }
            let expected: Vec<u8> = presses.iter().map(|press| press.0).collect();
            let changes = received(&arrived);
            prop_assert_eq!(keys(&changes), expected);
            let ended = changes.iter().filter(|change| matches!(change, EventChange::Ended { .. })).count();
            prop_assert_eq!(ended, presses.len());
        }
    }
}

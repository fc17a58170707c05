//! One continuous stream to a peer, whatever it is made of: sequence and timestamps go on without a jump while sources come,
//! go and change.
//!
//! ```text
//!   source A   100 101 102 ·   104 │            offset + 900         gaps stay gaps
//!   source B                       │ 7 8 9      offset + 998         the next number, time goes on, marker
//!   outgoing  1000 1001 1002 · 1004 │ 1005 1006 1007
//! ```

use super::plan::FormatKind;
use crate::rtp::Arrival;
use router::Random;
use router::time::Instant;

/// Late packets reach at most this far back; a boundary further away says nothing any more.
const REACH: u16 = 0x4000;

/// What a packet comes from: a port (or a built-in source) and the SSRC there. Two origins share no numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Origin {
    /// The pair of the port that heard it; `None`: made here.
    pub from: Option<u32>,
    /// Its SSRC.
    pub ssrc: u32,
}

/// A packet that is to be passed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Incoming {
    /// Whence.
    pub origin: Origin,
    /// What it is to its stream.
    pub arrival: Arrival,
    /// Its sequence number there.
    pub sequence: u16,
    /// Its timestamp there.
    pub timestamp: u32,
    /// The clock of its format.
    pub clock_rate_hz: u32,
    /// What it carries.
    pub kind: FormatKind,
}

/// The numbers that it goes out with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Numbers {
    /// The sequence number.
    pub sequence: u16,
    /// The timestamp.
    pub timestamp: u32,
    /// Whether something new begins here, so that the marker is to be set (RFC 3551 §4.1).
    pub begins: bool,
}

/// How the current origin's numbers become ours.
#[derive(Clone, Copy, Debug)]
struct Mapping {
    origin: Origin,
    /// Incoming numbers from here on take `offset`, those before it `before`; `None`: they are not ours to send.
    boundary: u16,
    offset: u16,
    before: Option<u16>,
    timestamp_offset: u32,
    clock_rate_hz: u32,
    /// The newest incoming number, and the newest timestamp of sound.
    newest: u16,
    timestamp: u32,
}

/// The stream that a port sends to its peer, for as long as the port lives.
#[derive(Clone, Debug)]
pub struct Outgoing {
    ssrc: u32,
    /// The newest number that was sent, or the one before the first.
    sequence: u16,
    /// The newest timestamp of sound and when it was sent; `None` before the first.
    anchor: Option<Instant>,
    timestamp: u32,
    clock_rate_hz: u32,
    mapping: Option<Mapping>,
    packets: u64,
    octets: u64,
}

impl Outgoing {
    /// A stream with an SSRC, a first number and a first timestamp that nobody can guess (RFC 3550 §5.1).
    pub fn new(random: &mut Random) -> Self {
        Self {
            ssrc: random.next_u32(),
            sequence: random.next_u32() as u16,
            anchor: None,
            timestamp: random.next_u32(),
            clock_rate_hz: 8_000,
            mapping: None,
            packets: 0,
            octets: 0,
        }
    }

    /// The numbers of a packet that is passed on now; `None` if it is older than what the peer has got instead of it.
    #[inline]
    pub fn number(&mut self, now: Instant, incoming: &Incoming) -> Option<Numbers> {
        let Some(mapping) = &mut self.mapping else { return Some(self.begin(now, incoming)) };
        if mapping.origin != incoming.origin || incoming.arrival == Arrival::Restarted {
            return Some(self.begin(now, incoming));
        }
        let sequence = incoming.sequence;
        if (sequence.wrapping_sub(mapping.boundary) as i16) < 0 {
            // Late, from before the boundary.
            let sequence = sequence.wrapping_add(mapping.before?);
            let timestamp = incoming.timestamp.wrapping_add(mapping.timestamp_offset);
            return Some(Numbers { sequence, timestamp, begins: false });
        }
        let newer = sequence.wrapping_sub(mapping.newest) as i16 > 0;
        if newer {
            mapping.newest = sequence;
            if sequence.wrapping_sub(mapping.boundary) > REACH {
                mapping.boundary = sequence.wrapping_sub(REACH / 2);
                mapping.before = Some(mapping.offset);
            }
            if incoming.kind != FormatKind::Event {
                let elapsed = units(now, self.anchor, incoming.clock_rate_hz);
                let step = incoming.timestamp.wrapping_sub(mapping.timestamp) as i32;
                let second = i64::from(incoming.clock_rate_hz);
                // Sound goes forward with time; what was held up by the network comes in a burst of small steps. More
                // than a second back, or seconds further than time went, is a new timeline.
                let jumped = i64::from(step) < -second || i64::from(step) > i64::from(elapsed) + 5 * second;
                if jumped || mapping.clock_rate_hz != incoming.clock_rate_hz {
                    return Some(self.retime(now, incoming));
                }
                mapping.timestamp = incoming.timestamp;
                self.timestamp = incoming.timestamp.wrapping_add(mapping.timestamp_offset);
                self.anchor = Some(now);
            }
        }
        let numbers = Numbers {
            sequence: sequence.wrapping_add(mapping.offset),
            timestamp: incoming.timestamp.wrapping_add(mapping.timestamp_offset),
            begins: false,
        };
        if newer {
            self.sequence = numbers.sequence;
        }
        Some(numbers)
    }

    /// A packet of the current origin is left out on purpose (a format that the peer did not agree to): those behind it
    /// close the ranks, so that the peer does not take it for lost.
    pub fn leave_out(&mut self, origin: Origin, sequence: u16) {
        if let Some(mapping) = &mut self.mapping
            && mapping.origin == origin
            && sequence.wrapping_sub(mapping.newest) as i16 > 0
        {
            mapping.before = Some(mapping.offset);
            mapping.offset = mapping.offset.wrapping_sub(1);
            mapping.boundary = sequence.wrapping_add(1);
            mapping.newest = sequence;
        }
    }

    /// The stream ends, and another one begins where it was in time: what it is protected by has changed, and nobody is to ask how often the former
    /// one has rolled over. Its numbers begin low, so that who misses its first packets does not take it to have rolled over already (RFC 3711 §3.3.1).
    pub fn renew(&mut self, random: &mut Random) {
        self.ssrc = random.next_u32();
        self.sequence = random.next_u32() as u16 & 0x3fff;
        self.mapping = None;
    }

    /// The flow stops (hold, another source, no bridge): what comes next begins anew.
    pub fn interrupt(&mut self) {
        self.mapping = None;
    }

    /// A packet with so much payload was sent.
    #[inline]
    pub fn count(&mut self, payload_octets: usize) {
        self.packets += 1;
        self.octets += payload_octets as u64;
    }

    /// Our SSRC.
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The clock of what is sent.
    pub const fn clock_rate_hz(&self) -> u32 {
        self.clock_rate_hz
    }

    /// Packets sent.
    pub const fn packets(&self) -> u64 {
        self.packets
    }

    /// Octets of payload sent.
    pub const fn octets(&self) -> u64 {
        self.octets
    }

    /// The moment `now` in our RTP time.
    pub fn timestamp_at(&self, now: Instant) -> u32 {
        self.timestamp.wrapping_add(units(now, self.anchor, self.clock_rate_hz))
    }

    /// A new origin: the next number, and as much later as time went by since the last packet, a frame at least.
    #[cold]
    fn begin(&mut self, now: Instant, incoming: &Incoming) -> Numbers {
        let sequence = self.sequence.wrapping_add(1);
        let numbers = self.go_on(now, incoming, sequence);
        self.mapping = Some(Mapping {
            origin: incoming.origin,
            boundary: incoming.sequence,
            offset: sequence.wrapping_sub(incoming.sequence),
            before: None,
            timestamp_offset: numbers.timestamp.wrapping_sub(incoming.timestamp),
            clock_rate_hz: incoming.clock_rate_hz,
            newest: incoming.sequence,
            timestamp: incoming.timestamp,
        });
        numbers
    }

    /// The same origin on a new timeline: its numbers go on (and gaps stay), its timestamps are joined.
    #[cold]
    fn retime(&mut self, now: Instant, incoming: &Incoming) -> Numbers {
        let offset = self.mapping.map_or(0, |mapping| mapping.offset);
        let numbers = self.go_on(now, incoming, incoming.sequence.wrapping_add(offset));
        if let Some(mapping) = &mut self.mapping {
            mapping.boundary = incoming.sequence;
            mapping.before = None;
            mapping.timestamp_offset = numbers.timestamp.wrapping_sub(incoming.timestamp);
            mapping.clock_rate_hz = incoming.clock_rate_hz;
            mapping.timestamp = incoming.timestamp;
        }
        numbers
    }

    fn go_on(&mut self, now: Instant, incoming: &Incoming, sequence: u16) -> Numbers {
        let frame = incoming.clock_rate_hz / 50;
        if self.anchor.is_some() {
            let elapsed = units(now, self.anchor, incoming.clock_rate_hz);
            self.timestamp = self.timestamp.wrapping_add(elapsed.max(frame));
        }
        self.anchor = Some(now);
        self.clock_rate_hz = incoming.clock_rate_hz;
        self.sequence = sequence;
        // The marker of an event means that a key goes down; an event under way must not get one.
        Numbers { sequence, timestamp: self.timestamp, begins: incoming.kind != FormatKind::Event }
    }
}

/// How many units of a clock have passed since `anchor`.
fn units(now: Instant, anchor: Option<Instant>, clock_rate_hz: u32) -> u32 {
    let elapsed = anchor.map_or(0, |anchor| now.since(anchor).as_micros() as u64);
    (elapsed.wrapping_mul(u64::from(clock_rate_hz)) / 1_000_000) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Origin = Origin { from: Some(1), ssrc: 10 };
    const B: Origin = Origin { from: Some(2), ssrc: 20 };

    fn incoming(origin: Origin, sequence: u16, timestamp: u32) -> Incoming {
        let arrival = Arrival::Newest(0);
        Incoming { origin, arrival, sequence, timestamp, clock_rate_hz: 8_000, kind: FormatKind::Sound }
    }

    fn ms(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    fn outgoing() -> Outgoing {
        Outgoing::new(&mut Random::from_seed(1))
    }

    #[test]
    fn gaps_wraps_and_reordering_are_kept() {
        let mut out = outgoing();
        let first = out.number(ms(0), &incoming(A, 65_534, u32::MAX - 100)).unwrap();
        assert!(first.begins);
        let later = out.number(ms(80), &incoming(A, 2, (u32::MAX - 100).wrapping_add(640))).unwrap();
        assert_eq!(later.sequence, first.sequence.wrapping_add(4));
        assert_eq!(later.timestamp, first.timestamp.wrapping_add(640));
        assert!(!later.begins);
        let late = out.number(ms(81), &incoming(A, 65_535, (u32::MAX - 100).wrapping_add(160))).unwrap();
        assert_eq!(late.sequence, first.sequence.wrapping_add(1));
        assert_eq!(late.timestamp, first.timestamp.wrapping_add(160));
    }

    #[test]
    fn a_new_source_goes_on_where_the_former_stopped() {
        let mut out = outgoing();
        let mut last = out.number(ms(0), &incoming(A, 100, 5_000)).unwrap();
        for index in 1..10u16 {
            last = out
                .number(ms(20 * u64::from(index)), &incoming(A, 100 + index, 5_000 + 160 * u32::from(index)))
                .unwrap();
        }
        let joined = out.number(ms(200), &incoming(B, 40_000, 9)).unwrap();
        assert_eq!(joined.sequence, last.sequence.wrapping_add(1));
        assert_eq!(joined.timestamp, last.timestamp.wrapping_add(160));
        assert!(joined.begins);
        assert_eq!(out.number(ms(201), &incoming(B, 39_999, u32::MAX - 150)), None, "older than the beginning");
        let next = out.number(ms(220), &incoming(B, 40_001, 169)).unwrap();
        assert_eq!(next.sequence, joined.sequence.wrapping_add(1));
        // Back after 10 s of hold: time went on, numbers did not.
        out.interrupt();
        let back = out.number(ms(10_220), &incoming(B, 40_501, 80_169)).unwrap();
        assert_eq!(back.sequence, next.sequence.wrapping_add(1));
        assert_eq!(back.timestamp, next.timestamp.wrapping_add(80_000));
    }

    #[test]
    fn a_quick_change_still_moves_time_by_a_frame() {
        let mut out = outgoing();
        let last = out.number(ms(0), &incoming(A, 1, 0)).unwrap();
        let joined = out.number(ms(3), &incoming(B, 1, 0)).unwrap();
        assert_eq!(joined.timestamp, last.timestamp.wrapping_add(160));
    }

    #[test]
    fn what_is_left_out_closes_the_ranks() {
        let mut out = outgoing();
        let first = out.number(ms(0), &incoming(A, 10, 0)).unwrap();
        out.leave_out(A, 12);
        let behind = out.number(ms(60), &incoming(A, 13, 480)).unwrap();
        assert_eq!(behind.sequence, first.sequence.wrapping_add(2), "11 is missing, 12 was left out");
        assert_eq!(behind.timestamp, first.timestamp.wrapping_add(480));
        let late = out.number(ms(61), &incoming(A, 11, 160)).unwrap();
        assert_eq!(late.sequence, first.sequence.wrapping_add(1));
    }

    #[test]
    fn timelines_are_joined_and_bursts_are_not_touched() {
        let mut out = outgoing();
        let first = out.number(ms(0), &incoming(A, 1, 1_000_000)).unwrap();
        let jumped = out.number(ms(20), &incoming(A, 2, 5)).unwrap();
        assert_eq!(jumped.sequence, first.sequence.wrapping_add(1));
        assert_eq!(jumped.timestamp, first.timestamp.wrapping_add(160));
        assert!(jumped.begins);
        // Three seconds held up by the network, then all at once.
        for index in 0..150u16 {
            let packet = incoming(A, 3 + index, 165 + 160 * u32::from(index));
            let numbers = out.number(ms(3_020), &packet).unwrap();
            assert_eq!(numbers.timestamp, jumped.timestamp.wrapping_add(160 * (u32::from(index) + 1)));
            assert!(!numbers.begins);
        }
    }

    #[test]
    fn events_keep_their_time_and_get_no_marker() {
        let mut out = outgoing();
        let event = |sequence, timestamp| Incoming { kind: FormatKind::Event, ..incoming(A, sequence, timestamp) };
        let first = out.number(ms(0), &incoming(A, 1, 0)).unwrap();
        for index in 0..100 {
            let numbers = out.number(ms(20 + 20 * index), &event(2 + index as u16, 160)).unwrap();
            assert_eq!(numbers.timestamp, first.timestamp.wrapping_add(160), "the event's beginning");
        }
        let sound = out.number(ms(2_020), &incoming(A, 102, 16_160)).unwrap();
        assert_eq!(sound.timestamp, first.timestamp.wrapping_add(16_160));
        let from_b = Incoming { origin: B, ..event(7, 7) };
        assert!(!out.number(ms(2_040), &from_b).unwrap().begins);
    }

    #[test]
    fn a_change_of_clock_joins_the_timestamps() {
        let mut out = outgoing();
        let first = out.number(ms(0), &incoming(A, 1, 0)).unwrap();
        let wide = Incoming { clock_rate_hz: 48_000, ..incoming(A, 2, 77) };
        let second = out.number(ms(20), &wide).unwrap();
        assert_eq!(second.sequence, first.sequence.wrapping_add(1));
        assert_eq!(second.timestamp, first.timestamp.wrapping_add(960));
    }

    #[test]
    fn numbers_stay_joined_over_many_wraps() {
        let mut out = outgoing();
        let first = out.number(ms(0), &incoming(A, 0, 0)).unwrap();
        for index in 1..200_000u32 {
            let packet = incoming(A, index as u16, index.wrapping_mul(160));
            let numbers = out.number(ms(20 * u64::from(index)), &packet).unwrap();
            assert_eq!(numbers.sequence, first.sequence.wrapping_add(index as u16));
        }
        let late = out.number(ms(4_000_000), &incoming(A, 199_990u32 as u16, 199_990 * 160)).unwrap();
        assert_eq!(late.sequence, first.sequence.wrapping_add(199_990u32 as u16));
    }
}

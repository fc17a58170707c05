//! One member's samples until their time comes.
//!
//! ```text
//!   taken                                  next                          newest
//!   ·············· played, and cleared ····│▒▒▒▒▒▒▒▒▒▒│   │▒▒▒▒▒▒▒▒▒▒▒▒▒│··············
//!                                          ╰─ a frame ─╯ ↑ lost: silence
//! ```
//! A packet is laid down where its timestamp says, so that any packing, order and repetition come to the same. `next` goes on by a frame with
//! each tick, whether something is there or not. A packet that comes after its time has the delay grow; seconds in which none came
//! closer than a frame have it shrink by 10 ms, in a pause if there is one. So jitter, and a clock that runs at another pace than ours, cost
//! at most [`DELAY_MAX`] samples, and no more than the line needs.

use super::FRAME_SAMPLES;
use crate::limits::{PLAYOUT_DELAY_MAX, PLAYOUT_SAMPLES};
use codecs::Law;

/// Samples of delay at most.
const DELAY_MAX: i32 = PLAYOUT_DELAY_MAX as i32;

/// What is laid down first has so much time: a frame, as a packet may come a moment behind the tick that was to play it.
const DELAY_FIRST: u32 = FRAME_SAMPLES as u32;

/// How much the delay grows at once, at most: one packet that was very late is no reason for all behind it to be.
const GROWTH: i32 = FRAME_SAMPLES as i32;

/// How much it shrinks at once: 10 ms.
const SHRINKAGE: u32 = 80;

/// Ticks over which it is seen how much of the delay was needed: two seconds.
const WINDOW: u16 = 100;

/// Ticks for which it is put off until there is a pause: ten seconds.
const PATIENCE: u16 = 500;

/// Timestamps that are so far off are another timeline: a second.
const JUMP: i32 = 8_000;

/// Late packets in a row that are another timeline, too: a sender whose clock stood still while it was quiet.
const LATE_IN_A_ROW: u8 = 5;

/// Samples beyond this are somebody's voice: some -66 dBm0. A-law's silence is 8.
const QUIET: i16 = 16;

/// A member's ring of samples.
#[derive(Debug)]
pub struct Playout {
    ring: Box<[i16; PLAYOUT_SAMPLES]>,
    /// Whose timeline; `None`: nothing has come yet.
    source: Option<u32>,
    /// The timestamp of the sample that is played next.
    next: u32,
    /// The timestamp behind the newest sample.
    newest: u32,
    /// The least that a packet was ahead of its time in this window; `None`: none came.
    closest: Option<i32>,
    ticks: u16,
    /// For so many ticks a pause has been waited for.
    shrinks: Option<u16>,
    late_in_a_row: u8,
    late: u64,
    /// The newest sequence number, and which of those before it have come: bit 0 is that one.
    sequence: u16,
    come: u64,
}

impl Default for Playout {
    fn default() -> Self {
        Self {
            ring: Box::new([0; PLAYOUT_SAMPLES]),
            source: None,
            next: 0,
            newest: 0,
            closest: None,
            ticks: 0,
            shrinks: None,
            late_in_a_row: 0,
            late: 0,
            sequence: 0,
            come: 0,
        }
    }
}

impl Playout {
    /// Takes a packet's payload. One that has come already changes nothing.
    pub fn take(&mut self, source: u32, sequence: u16, timestamp: u32, law: Law, payload: &[u8]) {
        self.lay(source, sequence, timestamp, payload.iter().map(|octet| law.decode(*octet)));
    }

    /// The same with its samples.
    pub fn lay(&mut self, source: u32, sequence: u16, timestamp: u32, samples: impl ExactSizeIterator<Item = i16>) {
        let length = samples.len().min(PLAYOUT_SAMPLES / 4);
        if length == 0 {
            return;
        }
        if self.source != Some(source) {
            self.begin(source, timestamp);
            (self.sequence, self.come) = (sequence, 0);
        }
        if self.has_come(sequence) {
            return;
        }
        let mut ahead = timestamp.wrapping_sub(self.next) as i32;
        let room = PLAYOUT_SAMPLES as i32 - length as i32;
        if !(-JUMP..JUMP).contains(&ahead) || ahead > room {
            self.begin(source, timestamp);
            ahead = DELAY_FIRST as i32;
        }
        if ahead < 0 {
            ahead += self.grow(-ahead);
        }
        if ahead < 0 {
            self.late += 1;
            self.late_in_a_row += 1;
            if self.late_in_a_row >= LATE_IN_A_ROW {
                self.begin(source, timestamp);
                ahead = DELAY_FIRST as i32;
            } else if ahead + length as i32 <= 0 {
                return;
            }
        } else {
            self.late_in_a_row = 0;
        }
        self.closest = Some(self.closest.map_or(ahead, |closest| closest.min(ahead)));
        let skipped = usize::try_from(-ahead).unwrap_or(0);
        for (index, sample) in samples.take(length).enumerate().skip(skipped) {
            self.ring[place(timestamp.wrapping_add(index as u32))] = sample;
        }
        let end = timestamp.wrapping_add(length as u32);
        if end.wrapping_sub(self.newest) as i32 > 0 {
            self.newest = end;
        }
    }

    /// Gives the frame whose time has come. False: nobody speaks in it.
    pub fn play(&mut self, frame: &mut [i16; FRAME_SAMPLES]) -> bool {
        if self.source.is_none() {
            return false;
        }
        self.ticks += 1;
        if self.ticks >= WINDOW {
            self.ticks = 0;
            let spare = self.closest.take().is_some_and(|closest| closest >= GROWTH + SHRINKAGE as i32);
            self.shrinks = spare.then(|| self.shrinks.unwrap_or(0));
        }
        if self.ahead() > DELAY_MAX {
            self.skip(SHRINKAGE);
        }
        if let Some(waited) = &mut self.shrinks {
            *waited += 1;
            let waited = *waited;
            let quiet = (0..SHRINKAGE).all(|ahead| self.ring[place(self.next.wrapping_add(ahead))].abs() <= QUIET);
            if quiet || waited >= PATIENCE {
                self.shrinks = None;
                self.skip(SHRINKAGE);
            }
        }
        let mut peak = 0;
        for (index, sample) in frame.iter_mut().enumerate() {
            *sample = std::mem::take(&mut self.ring[place(self.next.wrapping_add(index as u32))]);
            peak = peak.max(sample.saturating_abs());
        }
        self.next = self.next.wrapping_add(FRAME_SAMPLES as u32);
        peak > QUIET
    }

    /// Leaves out so many samples.
    pub fn skip(&mut self, samples: u32) {
        if self.source.is_none() {
            return;
        }
        for ahead in 0..samples.min(PLAYOUT_SAMPLES as u32) {
            self.ring[place(self.next.wrapping_add(ahead))] = 0;
        }
        self.next = self.next.wrapping_add(samples);
    }

    /// A packet of that timestamp came so late that it was not even read.
    pub fn count_late(&mut self, timestamp: u32) {
        self.late += 1;
        let late = self.next.wrapping_sub(timestamp) as i32;
        if (1..JUMP).contains(&late) {
            self.grow(late);
        }
    }

    /// Whether a sample of that timestamp is in the frame that is played next, or in one before.
    pub const fn is_due(&self, timestamp: u32) -> bool {
        (timestamp.wrapping_sub(self.next) as i32) < FRAME_SAMPLES as i32
    }

    /// Packets that came after their time.
    pub const fn late(&self) -> u64 {
        self.late
    }

    /// How far ahead the newest sample is, in samples.
    pub fn ahead(&self) -> i32 {
        self.newest.wrapping_sub(self.next) as i32
    }

    /// Notes a sequence number; true: it has come before.
    fn has_come(&mut self, sequence: u16) -> bool {
        let step = sequence.wrapping_sub(self.sequence) as i16;
        if step > 0 {
            self.come = self.come.checked_shl(step.unsigned_abs().into()).unwrap_or(0);
            self.sequence = sequence;
        }
        // Of what lies further back it is not known: its timestamp decides.
        let bit = 1_u64.checked_shl(if step > 0 { 0 } else { step.unsigned_abs().into() }).unwrap_or(0);
        let before = self.come & bit != 0;
        self.come |= bit;
        before
    }

    /// A timeline begins.
    fn begin(&mut self, source: u32, timestamp: u32) {
        self.ring.fill(0);
        self.source = Some(source);
        self.next = timestamp.wrapping_sub(DELAY_FIRST);
        self.newest = timestamp;
        (self.closest, self.ticks, self.shrinks, self.late_in_a_row) = (None, 0, None, 0);
    }

    /// Lets the delay grow by what a packet was late, as far as it may; by how much it has.
    fn grow(&mut self, late: i32) -> i32 {
        let growth = late.min(GROWTH).min(DELAY_MAX - self.ahead());
        if growth <= 0 {
            return 0;
        }
        // What was played is played no second time: it is cleared.
        self.next = self.next.wrapping_sub(growth as u32);
        self.shrinks = None;
        growth
    }
}

/// Where a sample of that timestamp lies.
#[inline]
const fn place(timestamp: u32) -> usize {
    timestamp as usize % PLAYOUT_SAMPLES
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sender whose samples tell their place: a sawtooth that G.711 carries exactly enough.
    struct Sender {
        sequence: u16,
        timestamp: u32,
    }

    type Packet = (u16, u32, Vec<u8>);

    fn value(timestamp: u32) -> i16 {
        // One of a hundred loud values, none of them quiet.
        Law::Mu.decode(Law::Mu.encode(1_000 + 100 * (timestamp / 160 % 100) as i16))
    }

    impl Sender {
        fn packet(&mut self, samples: u32) -> Packet {
            let (sequence, timestamp) = (self.sequence, self.timestamp);
            self.sequence = self.sequence.wrapping_add(1);
            self.timestamp = self.timestamp.wrapping_add(samples);
            let octets = (0..samples).map(|index| Law::Mu.encode(value(timestamp.wrapping_add(index))));
            (sequence, timestamp, octets.collect())
        }
    }

    fn sender() -> Sender {
        Sender { sequence: u16::MAX - 3, timestamp: u32::MAX - 999 }
    }

    fn give(playout: &mut Playout, (sequence, timestamp, payload): &Packet) {
        playout.take(1, *sequence, *timestamp, Law::Mu, payload);
    }

    fn play(playout: &mut Playout) -> Vec<i16> {
        let mut frame = [0; FRAME_SAMPLES];
        playout.play(&mut frame);
        frame.to_vec()
    }

    #[test]
    fn order_and_repetition_do_not_matter() {
        let (mut sender, mut playout) = (sender(), Playout::default());
        let begin = sender.timestamp;
        let packets: Vec<_> = (0..4).map(|_| sender.packet(160)).collect();
        give(&mut playout, &packets[0]);
        let mut heard = play(&mut playout);
        for index in [2, 1, 2, 3, 1] {
            give(&mut playout, &packets[index]);
        }
        heard.extend((0..5).flat_map(|_| play(&mut playout)));
        let heard: Vec<_> = heard.into_iter().skip_while(|sample| *sample == 0).take(640).collect();
        let sent: Vec<_> = (0..640).map(|index| value(begin.wrapping_add(index))).collect();
        assert_eq!(heard, sent);
        assert_eq!(playout.late(), 0);
    }

    #[test]
    fn any_packing_comes_to_the_same() {
        for samples in [80, 240, 480, 800] {
            let (mut sender, mut playout) = (sender(), Playout::default());
            let begin = sender.timestamp;
            let mut heard = Vec::new();
            let mut sent = 0;
            for tick in 0..200u32 {
                while sent <= tick * 160 {
                    give(&mut playout, &sender.packet(samples));
                    sent += samples;
                }
                heard.extend(play(&mut playout));
            }
            let first = heard.iter().position(|sample| *sample != 0).unwrap();
            assert!(first <= 320, "{samples}: {first}");
            let heard = &heard[first..];
            assert!(
                heard.iter().enumerate().all(|(index, &sample)| sample == value(begin.wrapping_add(index as u32))),
                "{samples}"
            );
        }
    }

    #[test]
    fn a_lost_packet_is_a_gap_and_nothing_moves() {
        let (mut sender, mut playout) = (sender(), Playout::default());
        for tick in 0..50 {
            let packet = sender.packet(160);
            if tick != 20 {
                give(&mut playout, &packet);
            }
            let heard = play(&mut playout);
            assert_eq!(heard.iter().all(|sample| *sample == 0), tick == 0 || tick == 21, "{tick}");
        }
    }

    #[test]
    fn the_delay_grows_with_what_is_late_and_shrinks_again() {
        let (mut sender, mut playout) = (sender(), Playout::default());
        // Every fifth packet is held up for 60 ms for some seconds: it comes with the third behind it.
        let mut held = std::collections::VecDeque::new();
        let mut gaps = 0;
        for tick in 0..400u32 {
            let packet = sender.packet(160);
            if tick % 5 == 0 && tick > 0 {
                held.push_back((tick + 3, packet));
            } else {
                give(&mut playout, &packet);
            }
            while held.front().is_some_and(|(at, _)| *at <= tick) {
                let (_, packet) = held.pop_front().unwrap();
                give(&mut playout, &packet);
            }
            let silent = play(&mut playout).contains(&0);
            gaps += u32::from(silent && tick > 50);
        }
        assert_eq!(gaps, 0, "the delay covers it");
        let grown = playout.ahead();
        assert!((320..=DELAY_MAX).contains(&grown), "{grown}");
        // The line is calm from now on.
        for _ in 0..6_000 {
            give(&mut playout, &sender.packet(160));
            play(&mut playout);
        }
        assert!(playout.ahead() <= 240, "{}", playout.ahead());
    }

    #[test]
    fn a_clock_that_runs_at_another_pace_is_absorbed() {
        // 0.02 % faster or slower: a crystal is ten times as good.
        for packets in [5_001u32, 4_999] {
            let (mut sender, mut playout) = (sender(), Playout::default());
            let mut sent = 0u32;
            let mut silent = 0;
            for tick in 0..50_000u32 {
                while u64::from(sent) * 5_000 <= u64::from(tick) * u64::from(packets) {
                    give(&mut playout, &sender.packet(160));
                    sent += 1;
                }
                silent += u32::from(play(&mut playout).iter().all(|sample| *sample == 0));
                assert!(playout.ahead() <= 480, "{packets}: {}", playout.ahead());
            }
            assert!(silent <= 11, "{packets}: {silent} frames of 50,000");
        }
    }

    #[test]
    fn what_comes_twice_lets_nothing_grow() {
        let (mut sender, mut playout) = (sender(), Playout::default());
        let mut former = std::collections::VecDeque::new();
        for _ in 0..200 {
            let packet = sender.packet(160);
            give(&mut playout, &packet);
            former.push_back(packet);
            if former.len() > 8 {
                give(&mut playout, &former.pop_front().unwrap());
            }
            play(&mut playout);
        }
        assert_eq!((playout.late(), playout.ahead()), (0, 160));
    }

    #[test]
    fn another_source_or_timeline_begins_anew() {
        let mut playout = Playout::default();
        let tone = vec![Law::A.encode(5_000); 160];
        let mut sequence = 0;
        let mut hears = |playout: &mut Playout, source: u32, timestamp: u32| {
            (0..10u32)
                .filter(|index| {
                    sequence += 1;
                    playout.take(source, sequence, timestamp.wrapping_add(160 * index), Law::A, &tone);
                    play(playout).iter().all(|sample| *sample > QUIET)
                })
                .count()
        };
        assert_eq!(hears(&mut playout, 1, 1_000), 9);
        assert_eq!(hears(&mut playout, 1, 900_000), 9, "a jump ahead");
        assert_eq!(hears(&mut playout, 1, 5), 9, "a jump back");
        assert_eq!(hears(&mut playout, 2, 700), 9, "another source");
        // Its clock stood still for half a second.
        (0..25).for_each(|_| drop(play(&mut playout)));
        assert!(hears(&mut playout, 2, 700 + 1_600) >= 4);
        assert!(playout.late() > 0);
        playout.take(2, 1, 1, Law::A, &[]);
    }
}

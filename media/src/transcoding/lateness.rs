//! How late the packets of a line come, measured against the quickest of them.
//!
//! A packet's *lateness* is how much more time has passed since another one than their timestamps say, at least 0: that of the quickest in the last
//! ten to twenty seconds. So a sender's clock that runs at another pace than ours shifts what it is measured against, and nothing else. What is missing
//! is waited for as long as that is worth it: to give up what comes after all costs a packet of sound, and to wait for what never comes makes
//! all behind it late. So a line that loses nothing is waited for as long as it has ever needed, and one that loses much is not.

use crate::limits::{
    LATENESS_BIN_US, LATENESS_BINS, LATENESS_KEPT, LATENESS_UNKNOWN_BIN, LATENESS_WINDOW, STALL_BINS_A_PACKET,
    STALL_BINS_FREE,
};
use router::time::{Duration, Instant};

/// The measure of one stream.
#[derive(Clone, Debug)]
pub struct Lateness {
    clock_rate_hz: u32,
    /// A moment and a timestamp that everything is told from.
    origin: Option<(Instant, u32)>,
    /// The least that a packet came behind that, in this window and in the one before, microseconds.
    least_us: [i64; 2],
    window: Instant,
    bins: [u16; LATENESS_BINS],
    count: u16,
    /// Packets that were given up and have not come.
    missing: u16,
    patience_us: i64,
}

impl Lateness {
    /// Of a stream that begins.
    pub fn new(clock_rate_hz: u32) -> Self {
        let mut lateness = Self {
            clock_rate_hz: clock_rate_hz.max(1),
            origin: None,
            least_us: [0; 2],
            window: Instant::ZERO,
            bins: [0; LATENESS_BINS],
            count: 1,
            missing: 0,
            patience_us: 0,
        };
        // Of a line of which nothing is known yet.
        lateness.bins[LATENESS_UNKNOWN_BIN] = 1;
        lateness.settle();
        lateness
    }

    /// The stream goes on with other timestamps: what was learned of the line stays.
    pub fn restart(&mut self, clock_rate_hz: u32) {
        self.clock_rate_hz = clock_rate_hz.max(1);
        self.origin = None;
    }

    /// A packet of sound has come.
    pub fn note(&mut self, now: Instant, timestamp: u32) {
        if self.origin.is_none() {
            self.origin = Some((now, timestamp));
            (self.least_us, self.window) = ([0; 2], now);
        }
        let behind = self.behind_us(now, timestamp);
        if now.since(self.window) >= LATENESS_WINDOW {
            // Told anew from here, so that no timestamp is ever half a circle away.
            self.least_us = [0, self.least_us[0] - behind];
            (self.origin, self.window) = (Some((now, timestamp)), now);
            return;
        }
        self.least_us[0] = self.least_us[0].min(behind);
        let late_us = (behind - self.base_us()).max(0);
        let bin = usize::try_from(late_us / LATENESS_BIN_US).unwrap_or(usize::MAX).min(LATENESS_BINS - 1);
        self.bins[bin] += 1;
        self.count += 1;
        if self.count >= LATENESS_KEPT {
            // The older a packet is, the less it says.
            self.bins.iter_mut().for_each(|bin| *bin /= 2);
            self.count = self.bins.iter().sum();
            self.missing /= 2;
        }
        self.settle();
    }

    /// So many packets were given up.
    pub fn note_missing(&mut self, packets: u16) {
        self.missing = self.missing.saturating_add(packets).min(LATENESS_KEPT);
        self.settle();
    }

    /// One of them has come after all.
    pub fn note_found(&mut self) {
        self.missing = self.missing.saturating_sub(1);
    }

    /// Weighs what would be given up too early against what would be held up in vain.
    fn settle(&mut self) {
        let (mut later, mut least, mut best) = (u32::from(self.count), u32::MAX, 0);
        for (bin, &packets) in self.bins.iter().enumerate() {
            later -= u32::from(packets);
            let stalled = u32::from(self.missing) * bin.saturating_sub(STALL_BINS_FREE) as u32;
            let cost = later * STALL_BINS_A_PACKET + stalled;
            if cost < least {
                (least, best) = (cost, bin);
            }
        }
        self.patience_us = (best as i64 + 1) * LATENESS_BIN_US;
    }

    /// The moment at which a packet of that timestamp is given up. `None`: nothing has come.
    pub fn due(&self, timestamp: u32) -> Option<Instant> {
        let (at, from) = self.origin?;
        let after_us = self.ticks_us(timestamp.wrapping_sub(from)) + self.base_us() + self.patience_us;
        Some(if after_us < 0 { at } else { at + Duration::from_micros(after_us.unsigned_abs()) })
    }

    /// How late a packet may be that is waited for, microseconds.
    pub const fn patience_us(&self) -> i64 {
        self.patience_us
    }

    fn base_us(&self) -> i64 {
        self.least_us[0].min(self.least_us[1])
    }

    fn behind_us(&self, now: Instant, timestamp: u32) -> i64 {
        let Some((at, from)) = self.origin else { return 0 };
        now.since(at).as_micros() as i64 - self.ticks_us(timestamp.wrapping_sub(from))
    }

    fn ticks_us(&self, ticks: u32) -> i64 {
        i64::from(ticks as i32) * 1_000_000 / i64::from(self.clock_rate_hz)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets of 20 ms, each so many microseconds late.
    fn heard(lateness: &mut Lateness, from: u32, late_us: impl Iterator<Item = u64>) -> u32 {
        let mut index = from;
        for late in late_us {
            let at = Instant::from_nanos((1_000_000 + u64::from(index) * 20_000 + late) * 1_000);
            lateness.note(at, index.wrapping_mul(160).wrapping_sub(5_000));
            index += 1;
        }
        index
    }

    #[test]
    fn a_calm_line_is_not_waited_for_and_a_rough_one_is() {
        let mut lateness = Lateness::new(8_000);
        assert_eq!((lateness.due(0), lateness.patience_us()), (None, 40_000));
        let next = heard(&mut lateness, 0, (0..1_100).map(|index| index % 7 * 1_000));
        assert_eq!(lateness.patience_us(), 10_000);
        // Every twentieth comes 65 ms late.
        let next = heard(&mut lateness, next, (0..1_000).map(|index| if index % 20 == 0 { 65_000 } else { 2_000 }));
        assert_eq!(lateness.patience_us(), 70_000);
        let due = lateness.due(next.wrapping_mul(160).wrapping_sub(5_000)).unwrap();
        // The quickest of late come 2 ms behind those of before.
        assert_eq!(due, Instant::from_nanos((1_000_000 + u64::from(next) * 20_000 + 72_000) * 1_000));
        // And calm again, for half a minute.
        heard(&mut lateness, next, std::iter::repeat_n(0, 1_500 * 4));
        assert_eq!(lateness.patience_us(), 10_000);
    }

    #[test]
    fn what_comes_is_waited_for_and_what_does_not_is_not() {
        // One in two hundred comes 95 ms late.
        let rare = |index: u64| if index % 200 == 199 { 95_000 } else { 1_000 };
        let (mut sound, mut lossy) = (Lateness::new(8_000), Lateness::new(8_000));
        let next = heard(&mut sound, 0, (0..3_000).map(rare));
        assert_eq!(sound.patience_us(), 100_000, "nothing is lost, so nothing is held up in vain");
        for from in (0..3_000).step_by(20) {
            lossy.note_missing(2);
            heard(&mut lossy, from, (0..20).map(|index| rare(index + u64::from(from))));
        }
        assert_eq!(lossy.patience_us(), 10_000, "a tenth is lost");
        // What was taken for lost and comes is none.
        (0..40).for_each(|_| sound.note_missing(1));
        assert!(sound.patience_us() < 50_000);
        (0..40).for_each(|_| sound.note_found());
        heard(&mut sound, next, std::iter::once(0));
        assert_eq!(sound.patience_us(), 100_000);
    }

    #[test]
    fn a_clock_of_another_pace_is_no_lateness() {
        // Two hours, 100 ppm slow and fast; timestamps go round.
        for step_us in [20_002u64, 19_998] {
            let mut lateness = Lateness::new(48_000);
            let mut timestamp = u32::MAX - 1_000_000;
            let mut now_us = 5_000_000u64;
            for _ in 0..360_000 {
                lateness.note(Instant::from_nanos(now_us * 1_000), timestamp);
                now_us += step_us;
                timestamp = timestamp.wrapping_add(960);
            }
            assert_eq!(lateness.patience_us(), 10_000);
            let late = lateness.due(timestamp).unwrap().since(Instant::from_nanos(now_us * 1_000));
            assert!(late <= Duration::from_millis(13), "{late:?}");
        }
    }
}

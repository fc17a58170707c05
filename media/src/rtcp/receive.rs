//! What is known of the stream that a port hears: loss, jitter, the last sender report.

use super::packet::Block;
use super::summary::{Interval, StatisticsSummary};
use crate::quality::Bursts;
use crate::rtp::{Arrival, Sequence};
use router::parameter::SummaryAsked;
use router::time::Instant;

/// A moment in units of an RTP clock, wrapping as timestamps do.
#[inline]
pub fn rtp_units(at: Instant, clock_rate_hz: u32) -> u32 {
    // Microseconds of twelve years times 48,000 fit.
    ((at.as_nanos() / 1_000).wrapping_mul(u64::from(clock_rate_hz)) / 1_000_000) as u32
}

/// Reception of one source (RFC 3550 A.3, A.8).
#[derive(Clone, Debug)]
pub struct Reception {
    ssrc: u32,
    sequence: Sequence,
    clock_rate_hz: u32,
    /// Arrival less timestamp of the packet before; `None` before the first that counts.
    transit: Option<u32>,
    /// Times sixteen, in units of the clock.
    jitter: u32,
    /// The same, when it was greatest.
    jitter_max: u32,
    /// The middle of the NTP time of the peer's last sender report, and when it came.
    report: Option<(u32, Instant)>,
    bursts: Bursts,
    /// What is counted for who has asked for summaries.
    interval: Option<Box<Interval>>,
}

impl Reception {
    /// A source that is heard for the first time, by this packet.
    pub fn new(ssrc: u32, sequence: u16, clock_rate_hz: u32) -> Self {
        Self {
            ssrc,
            sequence: Sequence::new(sequence),
            clock_rate_hz,
            transit: None,
            jitter: 0,
            jitter_max: 0,
            report: None,
            bursts: Bursts::default(),
            interval: None,
        }
    }

    /// How its losses lie together.
    pub const fn bursts(&self) -> &Bursts {
        &self.bursts
    }

    /// Who it is.
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The sequence machine.
    pub const fn sequence(&self) -> &Sequence {
        &self.sequence
    }

    /// Counts the next packet.
    #[inline]
    pub fn count(&mut self, sequence: u16) -> Arrival {
        let arrival = self.sequence.update(sequence);
        if arrival != Arrival::Newest(0) {
            self.note(arrival);
        }
        if let Some(interval) = &mut self.interval {
            match arrival {
                Arrival::Restarted => **interval = Interval::new(sequence.wrapping_add(1)),
                Arrival::Stray => {}
                Arrival::Newest(_) | Arrival::Repeated | Arrival::Late => interval.count(sequence),
            }
        }
        arrival
    }

    /// It is not the next one.
    #[cold]
    fn note(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Newest(missing) => self.bursts.lose(missing, self.sequence.extended(), self.sequence.base()),
            Arrival::Restarted => (self.transit, self.bursts) = (None, Bursts::default()),
            Arrival::Repeated | Arrival::Late | Arrival::Stray => {}
        }
    }

    /// Takes a packet of sound into the jitter (A.8). Events (RFC 4733) do not belong here: their timestamp stands still.
    /// A change of the clock (RFC 7160) begins a new comparison.
    #[inline]
    pub fn measure(&mut self, now: Instant, timestamp: u32, clock_rate_hz: u32) {
        if clock_rate_hz != self.clock_rate_hz {
            let scaled = |jitter: u32| {
                let scaled = u64::from(jitter) * u64::from(clock_rate_hz) / u64::from(self.clock_rate_hz.max(1));
                scaled.min(u64::from(u32::MAX)) as u32
            };
            (self.jitter, self.jitter_max) = (scaled(self.jitter), scaled(self.jitter_max));
            (self.clock_rate_hz, self.transit) = (clock_rate_hz, None);
        }
        let transit = rtp_units(now, clock_rate_hz).wrapping_sub(timestamp);
        if let Some(before) = self.transit {
            let difference = (transit.wrapping_sub(before) as i32).unsigned_abs();
            // A step of more than ten seconds is a new timeline, not jitter.
            if difference < clock_rate_hz.saturating_mul(10) {
                self.jitter = self.jitter.saturating_add(difference) - ((self.jitter.saturating_add(8)) >> 4);
                self.jitter_max = self.jitter_max.max(self.jitter);
                if let Some(interval) = &mut self.interval {
                    interval.measure(difference);
                }
            }
        }
        self.transit = Some(transit);
    }

    /// Interarrival jitter in units of the clock.
    pub const fn jitter(&self) -> u32 {
        self.jitter >> 4
    }

    /// Interarrival jitter in microseconds.
    pub fn jitter_us(&self) -> u32 {
        self.microseconds(self.jitter)
    }

    /// The same, when it was greatest: the last one tells of the last seconds alone.
    pub fn jitter_max_us(&self) -> u32 {
        self.microseconds(self.jitter_max)
    }

    /// It was so great before this source was heard.
    pub fn remember_jitter(&mut self, microseconds: u32) {
        let scaled = u64::from(microseconds) * 16 * u64::from(self.clock_rate_hz) / 1_000_000;
        self.jitter_max = self.jitter_max.max(scaled.min(u64::from(u32::MAX)) as u32);
    }

    fn microseconds(&self, jitter: u32) -> u32 {
        let microseconds = u64::from(jitter) * 1_000_000 / 16 / u64::from(self.clock_rate_hz.max(1));
        microseconds.min(u64::from(u32::MAX)) as u32
    }

    /// The peer reported as a sender.
    pub fn handle_sender_report(&mut self, now: Instant, ntp: u64) {
        self.report = Some(((ntp >> 16) as u32, now));
    }

    /// What was counted since the last call; the first one begins to.
    pub fn summary(&mut self, asked: SummaryAsked) -> Option<StatisticsSummary> {
        match &mut self.interval {
            Some(interval) => interval.take(self.ssrc, asked),
            none => {
                *none = Some(Box::new(Interval::new(self.sequence.extended().wrapping_add(1) as u16)));
                None
            }
        }
    }

    /// The block of our next report about this source.
    pub fn block(&mut self, now: Instant) -> Block {
        let (last_report, delay) = self.report.map_or((0, 0), |(middle, at)| {
            let delay = u128::from(now.since(at).as_nanos() as u64) * 65_536 / 1_000_000_000;
            (middle, u32::try_from(delay).unwrap_or(u32::MAX))
        });
        Block {
            ssrc: self.ssrc,
            fraction_lost: self.sequence.take_fraction_lost(),
            cumulative_lost: self.sequence.cumulative_lost(),
            highest: self.sequence.extended(),
            jitter: self.jitter(),
            last_report,
            delay,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::time::Duration;

    #[test]
    fn jitter_is_that_of_the_rfc_s_formula() {
        let mut reception = Reception::new(1, 0, 8_000);
        let mut expected = 0.0f64;
        let mut before: Option<i64> = None;
        // Packets every 20 ms of media, arriving up to 6 ms late in a fixed pattern.
        for index in 0..500u32 {
            let late_us = u64::from(index * 7 % 13) * 500;
            let at = Instant::from_millis(1_000) + Duration::from_micros(u64::from(index) * 20_000 + late_us);
            let timestamp = 5_000 + index * 160;
            reception.measure(at, timestamp, 8_000);
            let transit = (at.as_nanos() / 1_000 * 8_000 / 1_000_000) as i64 - i64::from(timestamp);
            if let Some(before) = before {
                expected += ((transit - before).abs() as f64 - expected) / 16.0;
            }
            before = Some(transit);
        }
        assert!((f64::from(reception.jitter()) - expected).abs() <= 1.0, "{} for {expected}", reception.jitter());
        let microseconds = expected / 8_000.0 * 1e6;
        assert!((f64::from(reception.jitter_us()) - microseconds).abs() < 130.0);
        assert!(reception.jitter_max_us() >= reception.jitter_us());
    }

    #[test]
    fn a_bad_minute_is_remembered() {
        let mut reception = Reception::new(1, 0, 8_000);
        for index in 0..3_000u64 {
            let late_ms = if (500..1_000).contains(&index) { index % 2 * 30 } else { 0 };
            reception.measure(Instant::from_millis(20 * index + late_ms), 160 * index as u32, 8_000);
        }
        assert_eq!(reception.jitter_us() / 1_000, 0);
        assert!((25_000..=30_000).contains(&reception.jitter_max_us()), "{}", reception.jitter_max_us());
        reception.measure(Instant::from_millis(60_000), 0, 48_000);
        assert!((25_000..=30_000).contains(&reception.jitter_max_us()), "another clock");
        let mut next = Reception::new(2, 0, 8_000);
        next.remember_jitter(reception.jitter_max_us());
        assert!((24_999..=30_000).contains(&next.jitter_max_us()) && next.jitter_us() == 0, "another source");
    }

    #[test]
    fn a_change_of_clock_or_timeline_is_no_jitter() {
        let mut reception = Reception::new(1, 0, 8_000);
        reception.measure(Instant::from_millis(0), 0, 8_000);
        reception.measure(Instant::from_millis(20), 960, 48_000);
        reception.measure(Instant::from_millis(40), 1_920, 48_000);
        reception.measure(Instant::from_millis(60), 1_920 + (1 << 30), 48_000);
        assert_eq!(reception.jitter(), 0);
    }

    #[test]
    fn a_block_says_when_the_last_sender_report_came() {
        let mut reception = Reception::new(7, 100, 8_000);
        reception.count(101);
        reception.count(104);
        reception.handle_sender_report(Instant::from_millis(1_000), 0x1122_3344_5566_7788);
        let block = reception.block(Instant::from_millis(3_500));
        assert_eq!((block.ssrc, block.highest, block.cumulative_lost), (7, 104, 2));
        assert_eq!(block.fraction_lost, 102, "2 of 5 in 256ths");
        assert_eq!((block.last_report, block.delay), (0x3344_5566, 163_840), "2.5 s in 65,536ths");
    }
}

//! What a receiver counts of a stream between two reports, for who has asked (RFC 3611 §4.6): packets that never came, those that came twice, and how unevenly they came.

use router::parameter::SummaryAsked;

/// The block type of a summary of statistics.
pub(super) const BLOCK_TYPE: u8 = 6;
/// Its length in words, without the header.
const WORDS: usize = 9;
/// Octets of the block with its header.
pub(super) const BLOCK_BYTES: usize = 4 + 4 * WORDS;
/// The flags that say what was counted (L, D, J).
const LOSS: u8 = 0x80;
/// See `LOSS`.
const DUPLICATES: u8 = 0x40;
/// See `LOSS`.
const JITTER: u8 = 0x20;

/// A summary of what was heard of a stream. What is `None` was not counted, or not asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StatisticsSummary {
    /// The stream.
    pub ssrc: u32,
    /// The first number that it is about.
    pub begin: u16,
    /// The one behind the last.
    pub end: u16,
    /// Packets between them that never came.
    pub lost: Option<u32>,
    /// Packets that came again.
    pub duplicates: Option<u32>,
    /// How unevenly they came.
    pub jitter: Option<JitterSummary>,
}

/// Differences of transit between packets that follow each other, in units of the RTP clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct JitterSummary {
    /// The least.
    pub min: u32,
    /// The greatest.
    pub max: u32,
    /// Their mean.
    pub mean: u32,
    /// Their standard deviation.
    pub deviation: u32,
}

impl StatisticsSummary {
    /// Of the block's flags and its octets behind the header; `None`: they are too few.
    pub(super) fn read(flags: u8, body: &[u8]) -> Option<Self> {
        let octets = body.first_chunk::<{ 4 * WORDS }>()?;
        let short = |at: usize| u16::from_be_bytes([octets[at], octets[at + 1]]);
        let word = |at: usize| u32::from(short(at)) << 16 | u32::from(short(at + 2));
        let is_there = |flag: u8| flags & flag != 0;
        Some(Self {
            ssrc: word(0),
            begin: short(4),
            end: short(6),
            lost: is_there(LOSS).then(|| word(8)),
            duplicates: is_there(DUPLICATES).then(|| word(12)),
            jitter: is_there(JITTER).then(|| JitterSummary {
                min: word(16),
                max: word(20),
                mean: word(24),
                deviation: word(28),
            }),
        })
    }

    /// The block with its header. Of times to live nothing is said: they are not looked at.
    pub(super) fn written(&self) -> [u8; BLOCK_BYTES] {
        let flag = |is_there: bool, flag: u8| if is_there { flag } else { 0 };
        let flags = flag(self.lost.is_some(), LOSS)
            | flag(self.duplicates.is_some(), DUPLICATES)
            | flag(self.jitter.is_some(), JITTER);
        let jitter = self.jitter.unwrap_or_default();
        let numbers = u32::from(self.begin) << 16 | u32::from(self.end);
        let (lost, duplicates) = (self.lost.unwrap_or(0), self.duplicates.unwrap_or(0));
        let mut block = [0; BLOCK_BYTES];
        block[..4].copy_from_slice(&[BLOCK_TYPE, flags, 0, WORDS as u8]);
        let words = [self.ssrc, numbers, lost, duplicates, jitter.min, jitter.max, jitter.mean, jitter.deviation];
        for (place, word) in block[4..].chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        block
    }
}

/// What is counted since the last summary.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interval {
    /// The first number that it is about, and the one behind the newest.
    begin: u16,
    next: u16,
    /// Bit n: the packet n before the newest has come.
    seen: u64,
    received: u32,
    repeated: u32,
    spread: Spread,
}

/// Differences of transit.
#[derive(Clone, Copy, Debug, Default)]
struct Spread {
    count: u64,
    min: u32,
    max: u32,
    sum: u64,
    squares: u64,
}

impl Interval {
    /// One that begins with this number.
    pub(super) fn new(begin: u16) -> Self {
        Self { begin, next: begin, seen: 0, received: 0, repeated: 0, spread: Spread::default() }
    }

    /// A packet has come.
    pub(super) fn count(&mut self, sequence: u16) {
        let ahead = sequence.wrapping_sub(self.next);
        if ahead < 1 << 15 {
            self.seen = self.seen.checked_shl(u32::from(ahead) + 1).unwrap_or(0) | 1;
            self.next = sequence.wrapping_add(1);
            self.received += 1;
            return;
        }
        // What is further behind than is remembered may be either.
        let behind = self.next.wrapping_sub(sequence).wrapping_sub(1);
        let Some(bit) = 1_u64.checked_shl(behind.into()) else { return };
        if self.seen & bit != 0 {
            self.repeated += 1;
        } else {
            self.seen |= bit;
            // Of the interval before it is no loss of this one made good.
            self.received += u32::from(sequence.wrapping_sub(self.begin) < 1 << 15);
        }
    }

    /// Two packets have come that differ so in their transit.
    pub(super) fn measure(&mut self, difference: u32) {
        let spread = &mut self.spread;
        spread.min = if spread.count == 0 { difference } else { spread.min.min(difference) };
        spread.max = spread.max.max(difference);
        spread.count += 1;
        spread.sum = spread.sum.saturating_add(difference.into());
        spread.squares = spread.squares.saturating_add(u64::from(difference) * u64::from(difference));
    }

    /// What was counted, as far as it was asked for; the next interval begins. `None`: nothing has come.
    pub(super) fn take(&mut self, ssrc: u32, asked: SummaryAsked) -> Option<StatisticsSummary> {
        let Self { begin, next, received, repeated, spread, .. } = *self;
        if begin == next {
            return None;
        }
        *self = Self { seen: self.seen, ..Self::new(next) };
        let jitter = asked.jitter.then(|| spread.summary()).flatten();
        Some(StatisticsSummary {
            ssrc,
            begin,
            end: next,
            lost: asked.loss.then(|| u32::from(next.wrapping_sub(begin)).saturating_sub(received)),
            duplicates: asked.duplicates.then_some(repeated),
            jitter,
        })
    }
}

impl Spread {
    fn summary(&self) -> Option<JitterSummary> {
        if self.count == 0 {
            return None;
        }
        let count = self.count as f64;
        let mean = self.sum as f64 / count;
        let variance = (self.squares as f64 / count - mean * mean).max(0.0);
        Some(JitterSummary {
            min: self.min,
            max: self.max,
            mean: mean.round() as u32,
            deviation: variance.sqrt().round() as u32,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: SummaryAsked = SummaryAsked { loss: true, duplicates: true, jitter: true };

    #[test]
    fn losses_and_repetitions_are_counted_by_the_interval() {
        let mut interval = Interval::new(65_530);
        for number in 0..20_u16 {
            // Two are lost, one comes twice at once, one again later, two change places, across the wrap.
            let order: &[u16] = match number {
                3 | 9 => &[],
                5 => &[5, 5],
                7 => &[8],
                8 => &[7, 4],
                number => &[number],
            };
            order.iter().for_each(|offset| interval.count(65_530_u16.wrapping_add(*offset)));
        }
        let told = interval.take(7, ALL).unwrap();
        assert_eq!((told.ssrc, told.begin, told.end), (7, 65_530, 14));
        assert_eq!((told.lost, told.duplicates, told.jitter), (Some(2), Some(2), None));
        assert_eq!(interval.take(7, ALL), None, "nothing has come since");
        // One of the interval before comes late, and one of those again.
        interval.count(65_533);
        interval.count(13);
        interval.count(14);
        let told = interval.take(7, SummaryAsked { jitter: false, ..ALL }).unwrap();
        assert_eq!((told.begin, told.end, told.lost, told.duplicates), (14, 15, Some(0), Some(1)));
        interval.count(16);
        let told = interval.take(7, SummaryAsked { loss: true, ..SummaryAsked::default() }).unwrap();
        assert_eq!((told.lost, told.duplicates), (Some(1), None));
    }

    #[test]
    fn jitter_is_summed_up() {
        let mut interval = Interval::new(0);
        interval.count(0);
        [2, 4, 4, 4, 5, 5, 7, 9].into_iter().for_each(|difference| interval.measure(difference));
        let jitter = interval.take(1, ALL).unwrap().jitter;
        assert_eq!(jitter, Some(JitterSummary { min: 2, max: 9, mean: 5, deviation: 2 }));
    }

    #[test]
    fn a_block_reads_back_and_says_what_it_has() {
        let jitter = JitterSummary { min: 1, max: u32::MAX, mean: 3, deviation: 4 };
        let whole = StatisticsSummary {
            ssrc: 9,
            begin: 65_000,
            end: 200,
            lost: Some(5),
            duplicates: Some(6),
            jitter: Some(jitter),
        };
        for (told, flags) in [
            (whole, 0xe0),
            (StatisticsSummary { lost: None, jitter: None, ..whole }, 0x40),
            (StatisticsSummary { duplicates: None, ..whole }, 0xa0),
        ] {
            let block = told.written();
            assert_eq!(block[..4], [6, flags, 0, 9]);
            assert_eq!(StatisticsSummary::read(block[1], &block[4..]), Some(told));
            assert_eq!(StatisticsSummary::read(block[1], &block[5..]), None);
        }
    }
}

//! Extended reports (RFC 3611), of which the VoIP metrics block (§4.7) and the summary of statistics (§4.6) are read and written, and a receiver's reference time (§4.4) is read and answered (§4.5);
//! others are passed over.

use super::summary::{self, StatisticsSummary};
use crate::quality::GMIN;

/// The packet type of an extended report (§2).
pub(super) const PACKET_TYPE: u8 = 207;
/// The block type of a receiver's reference time, and of the answer to it.
const REFERENCE_TIME: u8 = 4;
/// See `REFERENCE_TIME`.
const ECHO: u8 = 5;
/// Octets of an answer to one, with its header.
pub(super) const ECHO_BYTES: usize = 4 + 12;
/// The block type of VoIP metrics.
const VOIP_METRICS: u8 = 7;
/// Its length in words, without the header.
const WORDS: usize = 8;
/// Octets of the block with its header.
pub(super) const BLOCK_BYTES: usize = 4 + 4 * WORDS;
/// The opinions that there are, in tenths; 127 is one that is not known.
const OPINIONS: std::ops::RangeInclusive<u8> = 10..=50;
/// The ratings that there are.
const RATINGS: std::ops::RangeInclusive<u8> = 0..=100;
/// What stands for a level, a rating or an opinion that is not known (§4.7.3 to §4.7.5).
const UNKNOWN: u8 = 127;

/// What a receiver says of a stream of voice (§4.7).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct VoipMetrics {
    /// The stream.
    pub ssrc: u32,
    /// Lost on the way, of the packets that were sent, in 256ths.
    pub loss_rate: u8,
    /// Discarded by the receiver's buffer, in 256ths.
    pub discard_rate: u8,
    /// Lost or discarded within bursts, in 256ths of their packets.
    pub burst_density: u8,
    /// The same within gaps.
    pub gap_density: u8,
    /// How long a burst is on average, milliseconds.
    pub burst_ms: u16,
    /// How long a gap is on average, milliseconds.
    pub gap_ms: u16,
    /// The round trip, milliseconds; 0: not known.
    pub round_trip_ms: u16,
    /// What the receiver adds on either side: buffers, codecs, milliseconds.
    pub end_system_ms: u16,
    /// The rating of the stream (G.107), as far as the receiver says so.
    pub rating: Option<u8>,
    /// What people would say who listen, or converse, in tenths, as far as the receiver says so.
    pub opinion_listening: Option<u8>,
    /// See `opinion_listening`.
    pub opinion_conversing: Option<u8>,
}

impl VoipMetrics {
    /// Of the block's octets behind its header; `None`: they are too few.
    fn read(body: &[u8]) -> Option<Self> {
        let octets = body.first_chunk::<{ 4 * WORDS }>()?;
        let short = |at: usize| u16::from_be_bytes([octets[at], octets[at + 1]]);
        Some(Self {
            ssrc: u32::from_be_bytes([octets[0], octets[1], octets[2], octets[3]]),
            loss_rate: octets[4],
            discard_rate: octets[5],
            burst_density: octets[6],
            gap_density: octets[7],
            burst_ms: short(8),
            gap_ms: short(10),
            round_trip_ms: short(12),
            end_system_ms: short(14),
            rating: Some(octets[20]).filter(|rating| RATINGS.contains(rating)),
            opinion_listening: opinion(octets[22]),
            opinion_conversing: opinion(octets[23]),
        })
    }

    /// The block with its header. Levels of sound are not measured. Neither concealment nor a buffer is said to be there (§4.7.6, §4.7.7): what is relayed
    /// meets them at the far end.
    pub(super) fn written(&self) -> [u8; BLOCK_BYTES] {
        let mut block = [0; BLOCK_BYTES];
        block[..4].copy_from_slice(&[VOIP_METRICS, 0, 0, WORDS as u8]);
        block[4..8].copy_from_slice(&self.ssrc.to_be_bytes());
        block[8..12].copy_from_slice(&[self.loss_rate, self.discard_rate, self.burst_density, self.gap_density]);
        let times = [self.burst_ms, self.gap_ms, self.round_trip_ms, self.end_system_ms];
        for (place, milliseconds) in block[12..20].chunks_exact_mut(2).zip(times) {
            place.copy_from_slice(&milliseconds.to_be_bytes());
        }
        block[20..24].copy_from_slice(&[UNKNOWN, UNKNOWN, UNKNOWN, GMIN as u8]);
        let opinions = [self.rating, None, self.opinion_listening, self.opinion_conversing];
        block[24..28].copy_from_slice(&opinions.map(|opinion| opinion.unwrap_or(UNKNOWN)));
        block
    }
}

/// What answers a receiver's reference time, so that who sends no media reckons the round trip, too (§4.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Echo {
    /// Whose it was.
    pub ssrc: u32,
    /// The middle of it.
    pub reference: u32,
    /// How long ago it came, in 65,536ths of a second.
    pub delay: u32,
}

impl Echo {
    /// The block with its header.
    pub(super) fn written(&self) -> [u8; ECHO_BYTES] {
        let mut block = [0; ECHO_BYTES];
        block[..4].copy_from_slice(&[ECHO, 0, 0, 3]);
        for (place, word) in block[4..].chunks_exact_mut(4).zip([self.ssrc, self.reference, self.delay]) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        block
    }
}

/// One block that is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Extended {
    Metrics(VoipMetrics),
    Summary(StatisticsSummary),
    /// Of whom, and the middle of it.
    Reference(u32, u32),
}

fn opinion(tenths: u8) -> Option<u8> {
    OPINIONS.contains(&tenths).then_some(tenths)
}

/// The blocks of an extended report's body, behind its sender's SSRC (§3).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Blocks<'a> {
    sender: u32,
    rest: &'a [u8],
}

impl<'a> Blocks<'a> {
    /// Of what stands behind the header of the packet.
    pub(super) fn of(body: &'a [u8]) -> Self {
        match body.split_first_chunk::<4>() {
            Some((sender, rest)) => Self { sender: u32::from_be_bytes(*sender), rest },
            None => Self::default(),
        }
    }
}

impl Iterator for Blocks<'_> {
    type Item = Extended;

    fn next(&mut self) -> Option<Extended> {
        loop {
            let (&[kind, specific, high, low], rest) = self.rest.split_first_chunk::<4>()?;
            let length = usize::from(u16::from_be_bytes([high, low])) * 4;
            let (body, behind) = rest.split_at_checked(length)?;
            self.rest = behind;
            let read = match kind {
                VOIP_METRICS => VoipMetrics::read(body).map(Extended::Metrics),
                summary::BLOCK_TYPE => StatisticsSummary::read(specific, body).map(Extended::Summary),
                // Seconds and their parts: the middle is half of either.
                REFERENCE_TIME => body.first_chunk::<8>().map(|&[_, _, a, b, c, d, _, _]| {
                    Extended::Reference(self.sender, u32::from_be_bytes([a, b, c, d]))
                }),
                _ => None,
            };
            if read.is_some() {
                return read;
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An extended report's body: its sender, a block of another type, the metrics, and a block that is cut.
    pub(crate) fn body(ssrc: u32) -> Vec<u8> {
        let mut body = vec![0, 0, 0, 1, 4, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 8];
        body.extend(ssrc.to_be_bytes());
        body.extend([
            26, 13, 128, 2, 0, 100, 3, 232, 0, 80, 0, 60, 127, 127, 127, 16, 70, 127, 36, 34, 0xb0, 0, 0, 40, 0, 60, 0,
            200,
        ]);
        body
    }

    #[test]
    fn metrics_are_found_among_other_blocks_and_nothing_is_read_beyond_the_end() {
        let whole = body(9);
        let read: Vec<Extended> = Blocks::of(&whole).collect();
        let expected = VoipMetrics {
            ssrc: 9,
            loss_rate: 26,
            discard_rate: 13,
            burst_density: 128,
            gap_density: 2,
            burst_ms: 100,
            gap_ms: 1_000,
            round_trip_ms: 80,
            end_system_ms: 60,
            rating: Some(70),
            opinion_listening: Some(36),
            opinion_conversing: Some(34),
        };
        assert_eq!(read, [Extended::Reference(1, 0), Extended::Metrics(expected)]);
        for length in 0..whole.len() {
            assert_eq!(Blocks::of(&whole[..length]).count(), usize::from(length >= 16), "{length}");
        }
        let mut short = whole.clone();
        short[19] = 7;
        assert_eq!(Blocks::of(&short).count(), 1, "shorter than its kind");
        let mut unknown = whole;
        unknown[42..44].copy_from_slice(&[127, 9]);
        let Some(Extended::Metrics(metrics)) = Blocks::of(&unknown).last() else { panic!("metrics") };
        assert_eq!((metrics.opinion_listening, metrics.opinion_conversing), (None, None));
    }

    /// RFC 3611 §4.4, §4.5.
    #[test]
    fn a_receivers_reference_time_is_answered_by_its_middle() {
        let body = [&[0, 0, 0, 9, 4, 0, 0, 2][..], &0x0102_0304_0506_0708_u64.to_be_bytes()].concat();
        assert_eq!(Blocks::of(&body).collect::<Vec<_>>(), [Extended::Reference(9, 0x0304_0506)]);
        let echo = Echo { ssrc: 9, reference: 0x0304_0506, delay: 65_536 };
        assert_eq!(echo.written(), [5, 0, 0, 3, 0, 0, 0, 9, 3, 4, 5, 6, 0, 1, 0, 0]);
    }

    #[test]
    fn what_is_written_reads_back() {
        let mut whole = vec![0, 0, 0, 1];
        for metrics in [
            VoipMetrics { ssrc: 9, ..VoipMetrics::default() },
            VoipMetrics {
                ssrc: u32::MAX,
                loss_rate: 1,
                discard_rate: 2,
                burst_density: 3,
                gap_density: 4,
                burst_ms: 500,
                gap_ms: u16::MAX,
                round_trip_ms: 600,
                end_system_ms: 40,
                rating: Some(93),
                opinion_listening: Some(44),
                opinion_conversing: Some(43),
            },
        ] {
            whole.truncate(4);
            whole.extend(metrics.written());
            assert_eq!(Blocks::of(&whole).collect::<Vec<_>>(), [Extended::Metrics(metrics)]);
            assert_eq!(whole[4 + 20..4 + 24], [127, 127, 127, 16], "no levels; Gmin");
        }
    }
}

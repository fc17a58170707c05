//! Extended reports (RFC 3611), of which the VoIP metrics block (§4.7) is read and written; others are passed over.

use crate::quality::GMIN;

/// The packet type of an extended report (§2).
pub(super) const PACKET_TYPE: u8 = 207;
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

fn opinion(tenths: u8) -> Option<u8> {
    OPINIONS.contains(&tenths).then_some(tenths)
}

/// The VoIP metrics of an extended report's body: its sender's SSRC and blocks (§3).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Blocks<'a>(&'a [u8]);

impl<'a> Blocks<'a> {
    /// Of what stands behind the header of the packet.
    pub(super) fn of(body: &'a [u8]) -> Self {
        Self(body.get(4..).unwrap_or_default())
    }
}

impl Iterator for Blocks<'_> {
    type Item = VoipMetrics;

    fn next(&mut self) -> Option<VoipMetrics> {
        loop {
            let (&[kind, _, high, low], rest) = self.0.split_first_chunk::<4>()?;
            let length = usize::from(u16::from_be_bytes([high, low])) * 4;
            let (body, behind) = rest.split_at_checked(length)?;
            self.0 = behind;
            if kind == VOIP_METRICS
                && let Some(metrics) = VoipMetrics::read(body)
            {
                return Some(metrics);
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
        let read: Vec<VoipMetrics> = Blocks::of(&whole).collect();
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
        assert_eq!(read, [expected]);
        for length in 0..whole.len() {
            assert_eq!(Blocks::of(&whole[..length]).count(), 0, "{length}");
        }
        let mut short = whole.clone();
        short[19] = 7;
        assert_eq!(Blocks::of(&short).count(), 0, "shorter than its kind");
        let mut unknown = whole;
        unknown[42..44].copy_from_slice(&[127, 9]);
        let metrics = Blocks::of(&unknown).next().unwrap();
        assert_eq!((metrics.opinion_listening, metrics.opinion_conversing), (None, None));
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
            assert_eq!(Blocks::of(&whole).collect::<Vec<_>>(), [metrics]);
            assert_eq!(whole[4 + 20..4 + 24], [127, 127, 127, 16], "no levels; Gmin");
        }
    }
}

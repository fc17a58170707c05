//! Extended reports (RFC 3611), of which the VoIP metrics block (§4.7) is read; others are passed over.

/// The packet type of an extended report (§2).
pub(super) const PACKET_TYPE: u8 = 207;
/// The block type of VoIP metrics.
const VOIP_METRICS: u8 = 7;
/// Its length in words, without the header.
const WORDS: usize = 8;
/// The opinions that there are, in tenths; 127 is one that is not known.
const OPINIONS: std::ops::RangeInclusive<u8> = 10..=50;

/// What a receiver says of a stream of voice (§4.7).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VoipMetrics {
    /// The stream.
    pub ssrc: u32,
    /// Lost on the way, of the packets that were sent, in 256ths.
    pub loss_rate: u8,
    /// Discarded by the receiver's buffer, in 256ths.
    pub discard_rate: u8,
    /// What the receiver adds on either side: buffers, codecs, milliseconds.
    pub end_system_ms: u16,
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
            end_system_ms: short(14),
            opinion_listening: opinion(octets[22]),
            opinion_conversing: opinion(octets[23]),
        })
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
            end_system_ms: 60,
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
}

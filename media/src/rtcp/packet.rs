//! Compound packets from peers, as a view (RFC 3550 §6.4 to §6.7). Total: any octets give items or a fault.

use super::extended::{self, Blocks, Extended, VoipMetrics};
use super::summary::StatisticsSummary;
use crate::limits::REPORT_BLOCKS;

/// Whether a datagram on a shared port is RTCP: by its packet type, 192 to 223 (RFC 5761 §4).
#[inline]
pub fn is_rtcp(datagram: &[u8]) -> bool {
    matches!(datagram, [flags, 192..=223, ..] if flags >> 6 == 2)
}

/// Why a datagram is no compound packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Shorter than a header, or than its lengths say.
    Short,
    /// Not version 2.
    Version,
    /// A padding that is no multiple of four, exceeds its packet, or is not in the last one.
    Padding,
    /// Fewer octets than the counted blocks need.
    Blocks,
}

/// What a sender says of itself (RFC 3550 §6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SenderInfo {
    /// When, in NTP format.
    pub ntp: u64,
    /// The same moment in RTP time.
    pub timestamp: u32,
    /// Packets sent.
    pub packets: u32,
    /// Octets of payload sent.
    pub octets: u32,
}

/// What somebody says of a source that it hears (RFC 3550 §6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Block {
    /// The source.
    pub ssrc: u32,
    /// Lost since the last report, in 256ths.
    pub fraction_lost: u8,
    /// Lost since the beginning; negative when packets were repeated.
    pub cumulative_lost: i32,
    /// Extended highest sequence number.
    pub highest: u32,
    /// Interarrival jitter in the source's clock.
    pub jitter: u32,
    /// The middle of the last sender report's NTP time; 0 if there was none.
    pub last_report: u32,
    /// Since when, in 65,536ths of a second.
    pub delay: u32,
}

/// One thing that a compound packet says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Item {
    /// A sender report's sender and what it says of itself.
    Sender(u32, SenderInfo),
    /// A receiver report's sender.
    Receiver(u32),
    /// One block of either, after its report.
    Block(Block),
    /// A source leaves.
    Goodbye(u32),
    /// How somebody hears a source (RFC 3611 §4.7).
    Metrics(VoipMetrics),
    /// What somebody has counted of a source (RFC 3611 §4.6).
    Summary(StatisticsSummary),
    /// Who may send no media says what time it is (RFC 3611 §4.4): its SSRC, and the middle of its NTP time.
    Reference(u32, u32),
    /// A packet of another type (source description, application, feedback), by its number.
    Other(u8),
}

/// Checks a whole datagram (RFC 3550 A.2): lengths add up, the version is 2 throughout, only the last packet is padded, the
/// counted blocks are there. The first packet may be of any type, as RFC 5506 allows.
pub fn check(datagram: &[u8]) -> Result<Items<'_>, Fault> {
    let mut rest = datagram;
    if rest.is_empty() {
        return Err(Fault::Short);
    }
    while !rest.is_empty() {
        let (packet, behind) = split(rest)?;
        let body = packet.get(4..).unwrap_or_default();
        let needed = usize::from(packet[0] & 0x1f) * 24;
        let padding = match (packet[0] & 0x20 != 0, packet.last()) {
            (false, _) => 0,
            (true, Some(&count)) if behind.is_empty() && count % 4 == 0 && count != 0 => usize::from(count),
            (true, _) => return Err(Fault::Padding),
        };
        let Some(used) = body.len().checked_sub(padding) else { return Err(Fault::Padding) };
        let enough = match packet[1] {
            200 => used >= 24 + needed,
            201 => used >= 4 + needed,
            203 => used >= usize::from(packet[0] & 0x1f) * 4,
            _ => true,
        };
        if !enough {
            return Err(Fault::Blocks);
        }
        rest = behind;
    }
    Ok(Items { rest: datagram, blocks: &[], goodbyes: &[], extended: Blocks::default() })
}

/// The first packet of a compound one, and what follows it.
fn split(rest: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    let &[flags, _, high, low, ..] = rest else { return Err(Fault::Short) };
    if flags >> 6 != 2 {
        return Err(Fault::Version);
    }
    let length = (usize::from(u16::from_be_bytes([high, low])) + 1) * 4;
    rest.split_at_checked(length).ok_or(Fault::Short)
}

/// What a checked compound packet says, in its order.
#[derive(Clone, Debug)]
pub struct Items<'a> {
    rest: &'a [u8],
    blocks: &'a [u8],
    goodbyes: &'a [u8],
    extended: Blocks<'a>,
}

impl Iterator for Items<'_> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        if let Some((block, behind)) = self.blocks.split_first_chunk::<24>() {
            self.blocks = behind;
            return Some(Item::Block(block_of(block)));
        }
        if let Some((ssrc, behind)) = self.goodbyes.split_first_chunk::<4>() {
            self.goodbyes = behind;
            return Some(Item::Goodbye(u32::from_be_bytes(*ssrc)));
        }
        loop {
            if let Some(block) = self.extended.next() {
                return Some(match block {
                    Extended::Metrics(metrics) => Item::Metrics(metrics),
                    Extended::Summary(summary) => Item::Summary(summary),
                    Extended::Reference(ssrc, middle) => Item::Reference(ssrc, middle),
                });
            }
            let (packet, behind) = split(self.rest).ok()?;
            self.rest = behind;
            let count = usize::from(packet[0] & 0x1f).min(REPORT_BLOCKS);
            let body = packet.get(4..)?;
            match packet[1] {
                200 => {
                    self.blocks = body.get(24..24 + 24 * count)?;
                    let info = SenderInfo {
                        ntp: u64::from(word(body, 1)) << 32 | u64::from(word(body, 2)),
                        timestamp: word(body, 3),
                        packets: word(body, 4),
                        octets: word(body, 5),
                    };
                    return Some(Item::Sender(word(body, 0), info));
                }
                201 => {
                    self.blocks = body.get(4..4 + 24 * count)?;
                    return Some(Item::Receiver(word(body, 0)));
                }
                extended::PACKET_TYPE => self.extended = Blocks::of(body),
                203 if count == 0 => {}
                203 => {
                    self.goodbyes = body.get(4..4 * count)?;
                    return Some(Item::Goodbye(word(body, 0)));
                }
                other => return Some(Item::Other(other)),
            }
        }
    }
}

/// The `index`th word; 0 beyond the end, which [`check`] has excluded.
fn word(octets: &[u8], index: usize) -> u32 {
    octets.get(4 * index..).and_then(<[u8]>::first_chunk::<4>).map_or(0, |word| u32::from_be_bytes(*word))
}

fn block_of(block: &[u8; 24]) -> Block {
    Block {
        ssrc: word(block, 0),
        fraction_lost: block[4],
        // 24 bits, signed.
        cumulative_lost: (word(block, 1) << 8) as i32 >> 8,
        highest: word(block, 2),
        jitter: word(block, 3),
        last_report: word(block, 4),
        delay: word(block, 5),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::Random;

    /// A sender report of SSRC 1 with one block about SSRC 2, then a source description, then a goodbye.
    fn compound() -> Vec<u8> {
        let mut data = vec![0x81, 200, 0, 12, 0, 0, 0, 1];
        data.extend_from_slice(&0x0102_0304_0506_0708u64.to_be_bytes());
        for word in [10u32, 20, 30, 2, 0x40ff_fffe, 70_000, 80, 0x0304_0506, 65_536] {
            data.extend_from_slice(&word.to_be_bytes());
        }
        data.extend_from_slice(&[0x81, 202, 0, 2, 0, 0, 0, 1, 1, 1, b'x', 0]);
        data.extend_from_slice(&[0x82, 203, 0, 2, 0, 0, 0, 1, 0, 0, 0, 9]);
        data
    }

    #[test]
    fn a_compound_packet_is_read_in_its_order() {
        let data = compound();
        let items: Vec<Item> = check(&data).unwrap().collect();
        let info = SenderInfo { ntp: 0x0102_0304_0506_0708, timestamp: 10, packets: 20, octets: 30 };
        let block = Block {
            ssrc: 2,
            fraction_lost: 0x40,
            cumulative_lost: -2,
            highest: 70_000,
            jitter: 80,
            last_report: 0x0304_0506,
            delay: 65_536,
        };
        let expected =
            [Item::Sender(1, info), Item::Block(block), Item::Other(202), Item::Goodbye(1), Item::Goodbye(9)];
        assert_eq!(items, expected);
    }

    #[test]
    fn faults_are_named() {
        assert_eq!(check(&[]).err(), Some(Fault::Short));
        assert_eq!(check(&[0x80, 201, 0]).err(), Some(Fault::Short));
        assert_eq!(check(&[0x80, 201, 0, 9, 0, 0, 0, 0]).err(), Some(Fault::Short));
        assert_eq!(check(&[0x40, 201, 0, 1, 0, 0, 0, 0]).err(), Some(Fault::Version));
        assert_eq!(check(&[0x81, 201, 0, 1, 0, 0, 0, 0]).err(), Some(Fault::Blocks));
        assert_eq!(check(&[0x82, 203, 0, 1, 0, 0, 0, 0]).err(), Some(Fault::Blocks));
        assert_eq!(check(&[0xa0, 201, 0, 1, 0, 0, 0, 8]).err(), Some(Fault::Padding));
        assert_eq!(check(&[0xa0, 201, 0, 1, 0, 0, 0, 3]).err(), Some(Fault::Padding));
        let padded_first = [0xa0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4, 0x80, 201, 0, 1, 0, 0, 0, 1];
        assert_eq!(check(&padded_first).err(), Some(Fault::Padding));
        assert!(check(&padded_first[..12]).is_ok());
    }

    #[test]
    fn any_octets_are_survived() {
        let mut random = Random::from_seed(5);
        let good = compound();
        for _ in 0..50_000 {
            let mut data = good.clone();
            for _ in 0..=random.below(4) {
                let at = random.below(data.len() as u64) as usize;
                data[at] = random.next_u32() as u8;
            }
            data.truncate(random.below(data.len() as u64 + 1) as usize);
            if let Ok(items) = check(&data) {
                assert!(items.count() <= data.len());
            }
        }
    }

    #[test]
    fn shared_ports_are_told_apart_by_type() {
        assert!(is_rtcp(&[0x80, 200]) && is_rtcp(&[0x81, 206, 0]));
        assert!(!is_rtcp(&[0x80, 0x80 | 63]) && !is_rtcp(&[0x80, 0]) && !is_rtcp(&[0x80]) && !is_rtcp(&[0x00, 200]));
        // A marked packet of dynamic payload type 96 is 224.
        assert!(!is_rtcp(&[0x80, 0x80 | 96]));
    }
}

//! One end of one RTP stream: what a leg sends, and what became of what was sent to it. No socket, no clock.

use crate::clock::nanoseconds;
use crate::limits::{PACKET_BYTES, PAYLOAD_BYTES, RTP_HEADER_BYTES};
use crate::sdp::Codec;
use crate::speech::Speech;
use crate::stamp::{self, Stamp};
use crate::statistics::Flow;
use std::net::SocketAddr;
use std::time::Duration;

/// Which of a call's two legs, and its number: a call's caller leg is even, its callee leg the odd one after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LegId(pub u16);

impl LegId {
    /// The other leg of a pair.
    pub fn partner(self) -> LegId {
        LegId(self.0 ^ 1)
    }

    /// Whether it is a callee's.
    pub fn is_callee(self) -> bool {
        self.0 & 1 == 1
    }

    /// Position in tables of all legs.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// When, in the life of a call, its packets count for loss and delay.
#[derive(Debug, Clone, Copy)]
pub struct CountedSpan {
    /// From this long after the leg came up: a server that learns addresses may lose the first packets.
    pub from: Duration,
    /// Until this long after: the last ones may still be under way when the call ends.
    pub until: Duration,
}

/// Writes a leg's packets.
#[derive(Debug)]
pub struct Sender {
    stream: u32,
    number: u32,
    codec: Codec,
    since: Duration,
    target: SocketAddr,
    span: CountedSpan,
}

impl Sender {
    /// A stream from `leg`, in its `use_number`th call, that begins `now`.
    pub fn new(
        leg: LegId,
        use_number: u16,
        codec: Codec,
        now: Duration,
        target: SocketAddr,
        span: CountedSpan,
    ) -> Sender {
        Sender { stream: u32::from(leg.0) << 16 | u32::from(use_number), number: 0, codec, since: now, target, span }
    }

    /// Sends elsewhere from now on.
    pub fn retarget(&mut self, target: SocketAddr) {
        self.target = target;
    }

    /// Where it sends.
    pub fn target(&self) -> SocketAddr {
        self.target
    }

    /// Writes the next packet (RFC 3550 §5.1, marker at the talkspurt's first), with its stamp or with speech; how long it is, and whether it counts by that
    /// stamp.
    pub fn next(&mut self, now: Duration, speech: Option<&Speech>, packet: &mut [u8; PACKET_BYTES]) -> (usize, bool) {
        let age = now.saturating_sub(self.since);
        let counted = age >= self.span.from && age < self.span.until && speech.is_none();
        let marker = if self.number == 0 { 0x80 } else { 0 };
        packet[0] = 0x80;
        packet[1] = marker | self.codec.payload_type();
        packet[2..4].copy_from_slice(&(self.number as u16).to_be_bytes());
        packet[4..8].copy_from_slice(&self.number.wrapping_mul(self.codec.packet_ticks()).to_be_bytes());
        packet[8..12].copy_from_slice(&self.stream.to_be_bytes());
        let mut length = PACKET_BYTES;
        if let Some((_, room)) = packet.split_first_chunk_mut::<RTP_HEADER_BYTES>()
            && let Some(room) = room.first_chunk_mut::<PAYLOAD_BYTES>()
        {
            match speech.map(|speech| speech.payload(self.number)) {
                Some(payload) => {
                    let octets = payload.len().min(room.len());
                    room[..octets].copy_from_slice(&payload[..octets]);
                    length = RTP_HEADER_BYTES + octets;
                }
                None => {
                    let stamp = Stamp { stream: self.stream, number: self.number, sent_ns: nanoseconds(now), counted };
                    stamp::write(stamp, self.codec, room);
                }
            }
        }
        self.number = self.number.wrapping_add(1);
        (length, counted)
    }
}

/// Judges what arrives at a leg: by its stamps, or where there are none by the numbers that it was given on its way.
#[derive(Debug)]
pub struct Receiver {
    codec: Codec,
    is_stamped: bool,
    stream: Option<u32>,
    highest: u32,
    /// Bit n: number `highest - n` has arrived.
    seen: u64,
    packets: u64,
}

impl Receiver {
    /// A leg that has received nothing.
    pub fn new(codec: Codec, is_stamped: bool) -> Receiver {
        Receiver { codec, is_stamped, stream: None, highest: 0, seen: 0, packets: 0 }
    }

    /// Packets that arrived, of any kind.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Takes a datagram and counts it in the flow that it belongs to.
    pub fn receive(&mut self, now: Duration, datagram: &[u8], flow: &mut Flow) {
        let Some(payload) = rtp_payload(datagram) else {
            match datagram.get(1) {
                Some(192..=223) => flow.rtcp += 1, // RFC 5761 §4
                _ => flow.strange += 1,
            }
            return;
        };
        self.packets += 1;
        flow.received += 1;
        if !self.is_stamped {
            return self.receive_numbered(datagram, payload.is_empty(), flow);
        }
        let Some(stamp) = stamp::read(self.codec, payload) else {
            flow.unreadable += 1;
            return;
        };
        if *self.stream.get_or_insert(stamp.stream) != stamp.stream {
            flow.misdelivered += 1;
            return;
        }
        if !self.is_new(stamp.number, flow) || !stamp.counted {
            return;
        }
        flow.counted_received += 1;
        flow.delay.record(nanoseconds(now).saturating_sub(stamp.sent_ns));
    }

    /// One of a stream of speech: what is missing between two numbers was lost, wherever. A packet of another format, or without sound, is none of it.
    fn receive_numbered(&mut self, datagram: &[u8], is_empty: bool, flow: &mut Flow) {
        let Some(&[_, kind, high, low, _, _, _, _, a, b, c, d]) = datagram.first_chunk::<RTP_HEADER_BYTES>() else {
            return;
        };
        if kind & 0x7f != self.codec.payload_type() || is_empty {
            flow.unreadable += 1;
            return;
        }
        let source = u32::from_be_bytes([a, b, c, d]);
        if *self.stream.get_or_insert(source) != source {
            flow.misdelivered += 1;
            return;
        }
        let sequence = u16::from_be_bytes([high, low]);
        // Begins so far up that what comes behind its turn is no wrap.
        let begun = if self.seen == 0 { 1 << 16 | u32::from(sequence) } else { self.highest };
        let number = begun.wrapping_add_signed(sequence.wrapping_sub(begun as u16).cast_signed().into());
        let before = if self.seen == 0 { number.wrapping_sub(1) } else { self.highest };
        if self.is_new(number, flow) {
            flow.counted_sent += u64::from(self.highest.wrapping_sub(before));
            flow.counted_received += 1;
        }
    }

    fn is_new(&mut self, number: u32, flow: &mut Flow) -> bool {
        if self.seen == 0 || number > self.highest {
            let step = if self.seen == 0 { 0 } else { number - self.highest };
            self.seen = self.seen.checked_shl(step).unwrap_or(0) | 1;
            self.highest = number;
            return true;
        }
        let age = self.highest - number;
        let bit = 1u64.checked_shl(age).unwrap_or(0);
        if self.seen & bit != 0 {
            flow.duplicates += 1;
            return false;
        }
        self.seen |= bit;
        flow.reordered += 1;
        true
    }
}

/// The payload of an RTP packet of our payload types, without what may precede or follow it (RFC 3550 §5.1, §5.3.1).
fn rtp_payload(datagram: &[u8]) -> Option<&[u8]> {
    let first = *datagram.first()?;
    let second = *datagram.get(1)?;
    if first >> 6 != 2 || (192..=223).contains(&second) {
        return None;
    }
    let mut start = RTP_HEADER_BYTES + usize::from(first & 15) * 4;
    if first & 0x10 != 0 {
        let words = datagram.get(start + 2..start + 4)?;
        start += 4 + usize::from(u16::from_be_bytes([words[0], words[1]])) * 4;
    }
    let padding = if first & 0x20 != 0 { usize::from(*datagram.last()?) } else { 0 };
    datagram.get(start..datagram.len().checked_sub(padding)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(count: u32) -> Vec<[u8; PACKET_BYTES]> {
        let span = CountedSpan { from: Duration::ZERO, until: Duration::from_secs(9) };
        let mut sender = Sender::new(LegId(6), 2, Codec::Pcmu, Duration::ZERO, "127.0.0.1:9".parse().unwrap(), span);
        (0..count)
            .map(|n| {
                let mut packet = [0xff; PACKET_BYTES];
                assert_eq!(sender.next(Duration::from_millis(20) * n, None, &mut packet), (PACKET_BYTES, true));
                packet
            })
            .collect()
    }

    #[test]
    fn loss_duplication_and_reordering_are_told_apart() {
        let packets = packets(100);
        let (mut receiver, mut flow) = (Receiver::new(Codec::Pcmu, true), Flow::new());
        for n in [0usize, 1, 3, 2, 2, 5, 99, 20, 98] {
            receiver.receive(Duration::from_secs(5), &packets[n], &mut flow);
        }
        // 20 came 79 numbers late: beyond the window, still a packet that had not been seen
        assert_eq!((flow.received, flow.counted_received), (9, 8));
        assert_eq!((flow.duplicates, flow.reordered), (1, 3));
        assert_eq!(flow.delay.count(), 8);
    }

    #[test]
    fn speech_is_counted_by_its_numbers_across_their_wrap() {
        let span = CountedSpan { from: Duration::ZERO, until: Duration::from_secs(9) };
        let target = "127.0.0.1:9".parse().unwrap();
        let (mut sender, speech) =
            (Sender::new(LegId(1), 1, Codec::Opus, Duration::ZERO, target, span), Speech::of(Codec::Opus));
        let (mut receiver, mut flow) = (Receiver::new(Codec::Opus, false), Flow::new());
        for n in 0..70_000u32 {
            let mut packet = [0; PACKET_BYTES];
            let (length, counted) = sender.next(Duration::ZERO, Some(&speech), &mut packet);
            assert!(!counted && length == 12 + speech.payload(n).len());
            assert_eq!(packet[4..8], (n * 960).to_be_bytes());
            match n {
                100 | 65_536 | 69_000..69_010 => {}
                300 => (0..2).for_each(|_| receiver.receive(Duration::ZERO, &packet[..length], &mut flow)),
                _ => receiver.receive(Duration::ZERO, &packet[..length], &mut flow),
            }
        }
        assert_eq!((flow.counted_sent, flow.lost(), flow.duplicates), (70_000, 12, 1));
        receiver.receive(Duration::ZERO, &[0x80, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1, 7], &mut flow);
        assert_eq!((flow.unreadable, flow.delay.count()), (1, 0));
    }

    #[test]
    fn only_the_span_counts() {
        let span = CountedSpan { from: Duration::from_millis(40), until: Duration::from_millis(80) };
        let mut sender =
            Sender::new(LegId(0), 0, Codec::Pcma, Duration::from_secs(1), "127.0.0.1:9".parse().unwrap(), span);
        let mut packet = [0; PACKET_BYTES];
        let counted: Vec<bool> =
            (0..6).map(|n| sender.next(Duration::from_millis(1000 + 20 * n), None, &mut packet).1).collect();
        assert_eq!(counted, [false, false, true, true, false, false]);
    }

    #[test]
    fn strangers_are_counted_apart() {
        let (mut receiver, mut flow) = (Receiver::new(Codec::Pcmu, true), Flow::new());
        let own = packets(1)[0];
        receiver.receive(Duration::ZERO, &own, &mut flow);
        let mut other = [0xff; PACKET_BYTES];
        let span = CountedSpan { from: Duration::ZERO, until: Duration::from_secs(1) };
        Sender::new(LegId(8), 2, Codec::Pcmu, Duration::ZERO, "127.0.0.1:9".parse().unwrap(), span).next(
            Duration::ZERO,
            None,
            &mut other,
        );
        receiver.receive(Duration::ZERO, &other, &mut flow);
        receiver.receive(Duration::ZERO, &[0x80, 200, 0, 6], &mut flow);
        receiver.receive(Duration::ZERO, &[], &mut flow);
        receiver.receive(Duration::ZERO, &[0x9f; 14], &mut flow);
        receiver.receive(Duration::ZERO, &[0x80; PACKET_BYTES], &mut flow);
        assert_eq!((flow.misdelivered, flow.rtcp, flow.strange, flow.unreadable), (1, 1, 2, 1));
    }

    #[test]
    fn extension_and_padding_are_stepped_over() {
        let packet = packets(1)[0];
        let mut long = packet[..12].to_vec();
        long[0] |= 0x30;
        long.extend([0xbe, 0xde, 0, 1, 1, 2, 3, 4]);
        long.extend(&packet[12..]);
        long.extend([0, 0, 3]);
        assert_eq!(rtp_payload(&long), Some(&packet[12..]));
        long.truncate(15);
        assert_eq!(rtp_payload(&long), None);
    }
}

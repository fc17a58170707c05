//! The fixed header (RFC 3550 §5.1), read and rewritten in place.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |V=2|P|X|  CC   |M|     PT      |       sequence number         |
//! |                           timestamp                           |
//! |           synchronization source (SSRC) identifier            |
//! |            contributing source (CSRC) identifiers …           |
//! |  extension: profile          |  length in words               | if X
//! ```

/// Octets of the fixed header.
pub const HEADER_BYTES: usize = 12;

/// What the relay needs of a packet. CSRCs, extension and padding are passed as they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// Begins a talkspurt, or an event (RFC 4733 §2.5.1.1).
    pub marker: bool,
    /// 0 to 127.
    pub payload_type: u8,
    /// The sequence number.
    pub sequence: u16,
    /// The timestamp, in the format's clock.
    pub timestamp: u32,
    /// Who sends.
    pub ssrc: u32,
    /// Where the payload begins.
    pub payload_offset: usize,
    /// Octets of payload, without padding.
    pub payload_length: usize,
}

/// Why a datagram is no RTP packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Shorter than its header says.
    Short,
    /// Not version 2.
    Version,
    /// More padding than payload, or a padding of 0.
    Padding,
}

impl Header {
    /// Reads and checks the header (RFC 3550 A.1). Total: any octets give a header or a fault.
    #[inline]
    pub fn parse(packet: &[u8]) -> Result<Self, Fault> {
        let Some((fixed, rest)) = packet.split_first_chunk::<HEADER_BYTES>() else { return Err(Fault::Short) };
        let &[flags, kind, s0, s1, t0, t1, t2, t3, i0, i1, i2, i3] = fixed;
        if flags >> 6 != 2 {
            return Err(Fault::Version);
        }
        let mut skipped = usize::from(flags & 0x0f) * 4;
        if flags & 0x10 != 0 {
            let Some(&[_, _, high, low]) = rest.get(skipped..skipped + 4).and_then(|words| words.first_chunk::<4>())
            else {
                return Err(Fault::Short);
            };
            skipped += 4 + usize::from(u16::from_be_bytes([high, low])) * 4;
        }
        let Some(payload) = rest.get(skipped..) else { return Err(Fault::Short) };
        let padding = match (flags & 0x20 != 0, payload.last()) {
            (false, _) => 0,
            (true, Some(&count)) if count != 0 && usize::from(count) <= payload.len() => usize::from(count),
            (true, _) => return Err(Fault::Padding),
        };
        Ok(Self {
            marker: kind & 0x80 != 0,
            payload_type: kind & 0x7f,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([i0, i1, i2, i3]),
            payload_offset: HEADER_BYTES + skipped,
            payload_length: payload.len() - padding,
        })
    }
}

/// Overwrites the fields that belong to the sender; flags, CSRCs, extension, payload and padding stay. Packets that are
/// too short for a header stay as they are.
#[inline]
pub fn rewrite(packet: &mut [u8], marker: bool, payload_type: u8, sequence: u16, timestamp: u32, ssrc: u32) {
    let Some(header) = packet.first_chunk_mut::<HEADER_BYTES>() else { return };
    header[1] = u8::from(marker) << 7 | payload_type & 0x7f;
    header[2..4].copy_from_slice(&sequence.to_be_bytes());
    header[4..8].copy_from_slice(&timestamp.to_be_bytes());
    header[8..12].copy_from_slice(&ssrc.to_be_bytes());
}

/// Writes a header without CSRCs, extension and padding at the head of `packet`.
pub fn write(packet: &mut [u8], marker: bool, payload_type: u8, sequence: u16, timestamp: u32, ssrc: u32) {
    if let Some(first) = packet.first_mut() {
        *first = 2 << 6;
    }
    rewrite(packet, marker, payload_type, sequence, timestamp, ssrc);
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::Random;

    fn packet(flags: u8, rest: &[u8]) -> Vec<u8> {
        let mut packet = vec![flags, 0x80 | 101, 0x12, 0x34, 1, 2, 3, 4, 5, 6, 7, 8];
        packet.extend_from_slice(rest);
        packet
    }

    #[test]
    fn fields_lie_where_the_rfc_says() {
        let header = Header::parse(&packet(0x80, &[9; 160])).unwrap();
        assert_eq!(
            header,
            Header {
                marker: true,
                payload_type: 101,
                sequence: 0x1234,
                timestamp: 0x0102_0304,
                ssrc: 0x0506_0708,
                payload_offset: 12,
                payload_length: 160,
            }
        );
    }

    #[test]
    fn contributing_sources_extension_and_padding_are_passed_over() {
        // Two CSRCs, an extension of one word, five octets of payload, three of padding.
        let mut rest = vec![0; 8];
        rest.extend_from_slice(&[0xbe, 0xde, 0, 1, 1, 2, 3, 4]);
        rest.extend_from_slice(&[7, 7, 7, 7, 7, 0, 0, 3]);
        let header = Header::parse(&packet(0xb2, &rest)).unwrap();
        assert_eq!((header.payload_offset, header.payload_length), (28, 5));
    }

    #[test]
    fn faults_are_named() {
        assert_eq!(Header::parse(&[]), Err(Fault::Short));
        assert_eq!(Header::parse(&packet(0x80, &[])[..11]), Err(Fault::Short));
        assert_eq!(Header::parse(&packet(0x81, &[0; 3])), Err(Fault::Short), "a CSRC is missing");
        assert_eq!(Header::parse(&packet(0x90, &[0, 0, 0, 1])), Err(Fault::Short), "an extension word is missing");
        assert_eq!(Header::parse(&packet(0x90, &[0, 0, 0])), Err(Fault::Short));
        assert_eq!(Header::parse(&packet(0x40, &[0; 8])), Err(Fault::Version));
        assert_eq!(Header::parse(&packet(0xa0, &[])), Err(Fault::Padding));
        assert_eq!(Header::parse(&packet(0xa0, &[0])), Err(Fault::Padding));
        assert_eq!(Header::parse(&packet(0xa0, &[0, 0, 4])), Err(Fault::Padding));
        assert!(Header::parse(&packet(0x80, &[])).is_ok(), "a packet without payload is one");
    }

    #[test]
    fn rewriting_touches_the_sender_s_fields_alone() {
        let mut data = packet(0xb1, &[0, 0, 0, 1, 0, 0, 0, 0, 9, 9, 9, 1]);
        let before = data.clone();
        rewrite(&mut data, false, 96, 7, 8, 9);
        let header = Header::parse(&data).unwrap();
        assert_eq!((header.marker, header.payload_type, header.sequence), (false, 96, 7));
        assert_eq!((header.timestamp, header.ssrc), (8, 9));
        assert_eq!((data[0], &data[12..]), (before[0], &before[12..]));
    }

    #[test]
    fn it_agrees_with_a_second_opinion() {
        use rtp::packet::Packet;
        use webrtc_util::marshal::Unmarshal;
        let mut random = Random::from_seed(11);
        let mut both = 0;
        for _ in 0..20_000 {
            let mut data = vec![0; random.below(64) as usize];
            random.fill(&mut data);
            if let Some(first) = data.first_mut() {
                // Mostly version 2, no padding: the other library leaves padding to its caller.
                *first = *first & 0x1f | 0x80;
            }
            let ours = Header::parse(&data);
            let theirs = Packet::unmarshal(&mut data.as_slice());
            if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
                both += 1;
                assert_eq!(ours.payload_type, theirs.header.payload_type);
                assert_eq!(ours.sequence, theirs.header.sequence_number);
                assert_eq!(ours.timestamp, theirs.header.timestamp);
                assert_eq!(ours.ssrc, theirs.header.ssrc);
                assert_eq!(ours.marker, theirs.header.marker);
                assert_eq!(ours.payload_length, theirs.payload.len());
            }
        }
        assert!(both > 1_000, "{both} packets that both accept");
    }
}

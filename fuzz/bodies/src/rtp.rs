//! A datagram as RTP: read, rewritten in place, and its numbers through the sequence machine.

use media::rtp::{HEADER_BYTES, Header, Sequence, rewrite, write};

use crate::tape::Tape;

/// Reads the input as a packet, and as a row of sequence numbers.
pub fn rtp(data: &[u8]) {
    if let Ok(header) = Header::parse(data) {
        assert!(header.payload_type < 128);
        assert!(header.payload_offset >= HEADER_BYTES);
        assert!(header.payload_offset + header.payload_length <= data.len());
        let mut rewritten = data.to_vec();
        rewrite(&mut rewritten, !header.marker, 101, 7, 8, 9);
        let again = Header::parse(&rewritten).expect("a rewritten packet is one");
        let expected =
            Header { marker: !header.marker, payload_type: 101, sequence: 7, timestamp: 8, ssrc: 9, ..header };
        assert_eq!(again, expected, "what is not the sender's stays");
        assert_eq!(rewritten[HEADER_BYTES..], data[HEADER_BYTES..]);
    }
    let mut short = data[..data.len().min(HEADER_BYTES + 3)].to_vec();
    write(&mut short, true, 255, u16::MAX, u32::MAX, u32::MAX);
    assert_eq!(Header::parse(&short).is_ok(), short.len() >= HEADER_BYTES);
    numbers(data);
}

fn numbers(data: &[u8]) {
    let mut tape = Tape::new(data);
    let mut sequence = Sequence::new(tape.word());
    let mut lost_before = 0;
    while tape.is_left() {
        let number = tape.word();
        let arrival = sequence.update(number);
        if tape.octet() == 0 {
            let _ = sequence.take_fraction_lost();
        }
        assert!((-0x80_0000..=0x7f_ffff).contains(&sequence.cumulative_lost()));
        // A packet makes up for at most one that was missing.
        assert!(sequence.lost() + 1 >= lost_before, "{arrival:?} of {number}");
        lost_before = sequence.lost();
    }
}

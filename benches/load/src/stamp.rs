//! What each packet carries: who sent it, its number, and when, written in the payload so that it survives a transcoding.
//!
//! ```text
//!  nibbles  0        8         16              32      34      38
//!           | stream | number  | nanoseconds   | flags | check |   then silence
//! ```
//!
//! Each nibble is one G.711 sample: its sign, and one of the eight segments at the segment's middle. Neighbouring levels are a factor of
//! two apart, so µ-law to A-law and back keeps them distinct, as any transcoder that works sample by sample does.

use crate::limits::PAYLOAD_BYTES;
use crate::sdp::Codec;

/// Who sent a packet, which, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The sending leg and its use (see [`crate::media::Sender`]).
    pub stream: u32,
    /// Counts from 0.
    pub number: u32,
    /// Nanoseconds on the generator's clock.
    pub sent_ns: u64,
    /// Whether the packet counts for loss and delay: sent after settling and well before the end.
    pub counted: bool,
}

const STAMP_BYTES: usize = 4 + 4 + 8 + 1 + 2;
const SYMBOLS: usize = STAMP_BYTES * 2;
const _: () = assert!(SYMBOLS <= PAYLOAD_BYTES);

/// Writes a stamp over the first samples of a payload of G.711.
pub fn write(stamp: Stamp, codec: Codec, payload: &mut [u8; PAYLOAD_BYTES]) {
    let mut bytes = [0u8; STAMP_BYTES];
    bytes[0..4].copy_from_slice(&stamp.stream.to_be_bytes());
    bytes[4..8].copy_from_slice(&stamp.number.to_be_bytes());
    bytes[8..16].copy_from_slice(&stamp.sent_ns.to_be_bytes());
    bytes[16] = u8::from(stamp.counted);
    let check = checksum(&bytes[..17]);
    bytes[17..19].copy_from_slice(&check.to_be_bytes());
    let symbols = match codec {
        Codec::Pcma => &PCMA_SYMBOLS,
        _ => &PCMU_SYMBOLS,
    };
    for (samples, byte) in payload.chunks_exact_mut(2).zip(bytes) {
        samples[0] = symbols[usize::from(byte >> 4)];
        samples[1] = symbols[usize::from(byte & 15)];
    }
}

/// Reads a stamp; `None` where the samples are no stamp of ours.
pub fn read(codec: Codec, payload: &[u8]) -> Option<Stamp> {
    let nibbles = match codec {
        Codec::Pcma => &PCMA_NIBBLES,
        _ => &PCMU_NIBBLES,
    };
    let mut bytes = [0u8; STAMP_BYTES];
    for (byte, samples) in bytes.iter_mut().zip(payload.get(..SYMBOLS)?.chunks_exact(2)) {
        *byte = nibbles[usize::from(samples[0])] << 4 | nibbles[usize::from(samples[1])];
    }
    let [s0, s1, s2, s3, n0, n1, n2, n3, t0, t1, t2, t3, t4, t5, t6, t7, flags, c0, c1] = bytes;
    (checksum(&bytes[..17]) == u16::from_be_bytes([c0, c1])).then_some(Stamp {
        stream: u32::from_be_bytes([s0, s1, s2, s3]),
        number: u32::from_be_bytes([n0, n1, n2, n3]),
        sent_ns: u64::from_be_bytes([t0, t1, t2, t3, t4, t5, t6, t7]),
        counted: flags & 1 == 1,
    })
}

/// What fills the rest of a payload: the quietest sample.
pub fn silence(codec: Codec) -> u8 {
    match codec {
        Codec::Pcma => 0xd5,
        _ => 0xff,
    }
}

/// Fletcher's sums over bytes, started so that silence has none that fits.
fn checksum(bytes: &[u8]) -> u16 {
    let (mut low, mut high) = (0x5au16, 0xa5u16);
    for byte in bytes {
        low = (low + u16::from(*byte)) % 255;
        high = (high + low) % 255;
    }
    high << 8 | low
}

/// ITU-T G.711: a µ-law sample on a linear scale of 14 bits.
const fn expand_pcmu(sample: u8) -> i32 {
    let code = !sample;
    let magnitude = (((code as i32 & 0x0f) * 2 + 33) << ((code >> 4) & 7)) - 33;
    if code & 0x80 != 0 { -magnitude } else { magnitude }
}

/// ITU-T G.711: an A-law sample on the same scale.
const fn expand_pcma(sample: u8) -> i32 {
    let code = sample ^ 0x55;
    let segment = (code >> 4) & 7;
    let low = (code as i32 & 0x0f) * 4 + 2;
    let magnitude = if segment == 0 { low } else { (low + 64) << (segment - 1) };
    if code & 0x80 != 0 { magnitude } else { -magnitude }
}

/// The levels' borders: between the middles of neighbouring segments of either law.
const BORDERS: [i32; 7] = [48, 128, 270, 560, 1130, 2300, 4600];

const fn nibble(linear: i32) -> u8 {
    let magnitude = linear.abs();
    let mut level = 0;
    while level < 7 && magnitude >= BORDERS[level] {
        level += 1;
    }
    (level as u8) | if linear < 0 { 8 } else { 0 }
}

/// The sample of each nibble: middle of its segment, negative from 8 on.
const PCMU_SYMBOLS: [u8; 16] = {
    let mut symbols = [0; 16];
    let mut n = 0;
    while n < 16 {
        symbols[n] = !(((n as u8 & 7) << 4) | 8 | if n >= 8 { 0x80 } else { 0 });
        n += 1;
    }
    symbols
};

const PCMA_SYMBOLS: [u8; 16] = {
    let mut symbols = [0; 16];
    let mut n = 0;
    while n < 16 {
        symbols[n] = (((n as u8 & 7) << 4) | 8 | if n >= 8 { 0 } else { 0x80 }) ^ 0x55;
        n += 1;
    }
    symbols
};

const PCMU_NIBBLES: [u8; 256] = {
    let mut nibbles = [0; 256];
    let mut sample = 0;
    while sample < 256 {
        nibbles[sample] = nibble(expand_pcmu(sample as u8));
        sample += 1;
    }
    nibbles
};

const PCMA_NIBBLES: [u8; 256] = {
    let mut nibbles = [0; 256];
    let mut sample = 0;
    while sample < 256 {
        nibbles[sample] = nibble(expand_pcma(sample as u8));
        sample += 1;
    }
    nibbles
};

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp =
        Stamp { stream: 0x0123_4567, number: 0x89ab_cdef, sent_ns: 0xfedc_ba98_7654_3210, counted: true };

    fn payload(codec: Codec) -> [u8; PAYLOAD_BYTES] {
        let mut payload = [silence(codec); PAYLOAD_BYTES];
        write(STAMP, codec, &mut payload);
        payload
    }

    /// The sample of the other law that is nearest on the linear scale.
    fn transcode(sample: u8, from: fn(u8) -> i32, to: fn(u8) -> i32) -> u8 {
        (0..=255).min_by_key(|candidate| (to(*candidate) - from(sample)).abs()).unwrap()
    }

    #[test]
    fn reads_what_it_writes_in_both_laws() {
        for codec in [Codec::Pcmu, Codec::Pcma] {
            assert_eq!(read(codec, &payload(codec)), Some(STAMP));
        }
    }

    #[test]
    fn survives_transcoding_there_and_back() {
        let mut there = payload(Codec::Pcmu);
        for sample in &mut there {
            *sample = transcode(*sample, expand_pcmu, expand_pcma);
        }
        assert_eq!(read(Codec::Pcma, &there), Some(STAMP));
        for sample in &mut there {
            *sample = transcode(*sample, expand_pcma, expand_pcmu);
        }
        assert_eq!(read(Codec::Pcmu, &there), Some(STAMP));
    }

    #[test]
    fn silence_and_short_payloads_are_no_stamps() {
        for codec in [Codec::Pcmu, Codec::Pcma] {
            assert_eq!(read(codec, &[silence(codec); PAYLOAD_BYTES]), None);
            assert_eq!(read(codec, &[0; PAYLOAD_BYTES]), None);
            assert_eq!(read(codec, &payload(codec)[..SYMBOLS - 1]), None);
        }
    }
}

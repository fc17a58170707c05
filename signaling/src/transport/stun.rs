//! STUN Binding requests on a SIP port: a phone behind a NAT keeps its flow over UDP open by them, and learns from the answer
//! that it is alive and what address the NAT gave it (RFC 5626 §4.4.2, §8; RFC 8489).
//!
//! No message of SIP begins with an octet below 64, and all of STUN do; the magic cookie tells it from the zeros that other phones
//! send. Nobody is asked for credentials (RFC 5626 §8), so those that come along are passed over.

use std::net::{IpAddr, SocketAddr};

use bytes::{BufMut as _, Bytes, BytesMut};
use smallvec::SmallVec;

use super::limits::{STUN_OCTETS_MAX, STUN_UNKNOWN_MAX};

/// What every message has in its second word (RFC 8489 §5).
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

const HEADER_OCTETS: usize = 20;

/// Types of messages: method Binding, with its class (RFC 8489 §5, §18.2).
const REQUEST: u16 = 0x0001;
const SUCCESS: u16 = 0x0101;
const ERROR: u16 = 0x0111;

/// Attributes (RFC 8489 §18.3).
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
const MESSAGE_INTEGRITY_SHA256: u16 = 0x001c;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const FINGERPRINT: u16 = 0x8028;

/// Attributes that a request may bring and that are to be understood: these are, in that they change nothing here. MAPPED-ADDRESS,
/// USERNAME, MESSAGE-INTEGRITY, ERROR-CODE, UNKNOWN-ATTRIBUTES, REALM, NONCE, MESSAGE-INTEGRITY-SHA256, PASSWORD-ALGORITHM,
/// USERHASH, XOR-MAPPED-ADDRESS.
const UNDERSTOOD: [u16; 11] =
    [0x0001, 0x0006, 0x0008, 0x0009, 0x000a, 0x0014, 0x0015, 0x001c, 0x001d, 0x001e, XOR_MAPPED_ADDRESS];

/// From here on an attribute may be passed over by who does not know it (RFC 8489 §14).
const OPTIONAL: u16 = 0x8000;

/// What the checksum of a fingerprint is combined with (RFC 8489 §14.7).
const FINGERPRINT_MASK: u32 = 0x5354_554e;

/// What a request asks for beside the address.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    /// Attributes that would have to be understood, and are not.
    unknown: SmallVec<[u16; STUN_UNKNOWN_MAX]>,
    /// Whether it has a fingerprint: then the answer has one.
    fingerprint: bool,
}

/// Whether it is a message of STUN, whatever becomes of it.
pub(crate) fn is_stun(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|first| first & 0xc0 == 0) && datagram.get(4..8) == Some(&COOKIE)
}

/// The answer to a Binding request from there. `None` where there is none to give: an indication, an answer to nothing that we
/// asked, or broken (RFC 8489 §6.3).
pub(crate) fn answer(datagram: &[u8], source: SocketAddr) -> Option<Bytes> {
    let (header, attributes) = datagram.split_first_chunk::<HEADER_OCTETS>()?;
    let whole = word(header, 0)? == REQUEST
        && usize::from(word(header, 2)?) == attributes.len()
        && attributes.len().is_multiple_of(4)
        && datagram.len() <= STUN_OCTETS_MAX;
    if !whole || !is_stun(datagram) {
        return None;
    }
    let transaction = header.last_chunk::<12>()?;
    let asked = read(datagram)?;
    let mut answer = BytesMut::with_capacity(STUN_OCTETS_MAX.min(128));
    answer.put_u16(if asked.unknown.is_empty() { SUCCESS } else { ERROR });
    answer.put_u16(0);
    answer.put_slice(&COOKIE);
    answer.put_slice(transaction);
    if asked.unknown.is_empty() {
        put_address(&mut answer, transaction, source);
    } else {
        put_unknown(&mut answer, &asked.unknown);
    }
    if asked.fingerprint {
        set_length(&mut answer, 8);
        let checksum = crc32(&answer) ^ FINGERPRINT_MASK;
        answer.put_u16(FINGERPRINT);
        answer.put_u16(4);
        answer.put_u32(checksum);
    } else {
        set_length(&mut answer, 0);
    }
    Some(answer.freeze())
}

/// Reads the attributes. `None`: they are broken, or the fingerprint is not that of the message.
fn read(datagram: &[u8]) -> Option<Asked> {
    let mut asked = Asked::default();
    let mut sealed = false;
    let mut at = HEADER_OCTETS;
    while at < datagram.len() {
        let (kind, length) = (word(datagram, at)?, usize::from(word(datagram, at + 2)?));
        let value = datagram.get(at + 4..at + 4 + length)?;
        let next = at + 4 + length.next_multiple_of(4);
        match kind {
            // The last attribute (RFC 8489 §14.7).
            FINGERPRINT => {
                let checksum = crc32(&datagram[..at]) ^ FINGERPRINT_MASK;
                if next != datagram.len() || value != checksum.to_be_bytes() {
                    return None;
                }
                asked.fingerprint = true;
            }
            // What follows is ignored, but for the other integrity and the fingerprint (RFC 8489 §14.5).
            MESSAGE_INTEGRITY | MESSAGE_INTEGRITY_SHA256 => sealed = true,
            _ => {
                let unknown = kind < OPTIONAL && !sealed && !UNDERSTOOD.contains(&kind);
                if unknown && asked.unknown.len() < STUN_UNKNOWN_MAX && !asked.unknown.contains(&kind) {
                    asked.unknown.push(kind);
                }
            }
        }
        at = next;
    }
    (at == datagram.len()).then_some(asked)
}

/// XOR-MAPPED-ADDRESS (RFC 8489 §14.2).
fn put_address(answer: &mut BytesMut, transaction: &[u8; 12], source: SocketAddr) {
    let port = source.port() ^ u16::from_be_bytes([COOKIE[0], COOKIE[1]]);
    let key = COOKIE.iter().chain(transaction);
    answer.put_u16(XOR_MAPPED_ADDRESS);
    match source.ip().to_canonical() {
        IpAddr::V4(address) => {
            answer.put_u16(8);
            answer.put_u16(1);
            answer.put_u16(port);
            answer.extend(address.octets().iter().zip(key).map(|(octet, key)| octet ^ key));
        }
        IpAddr::V6(address) => {
            answer.put_u16(20);
            answer.put_u16(2);
            answer.put_u16(port);
            answer.extend(address.octets().iter().zip(key).map(|(octet, key)| octet ^ key));
        }
    }
}

/// 420 and what was not understood (RFC 8489 §6.3.1, §14.8, §14.9).
fn put_unknown(answer: &mut BytesMut, unknown: &[u16]) {
    const REASON: &[u8] = b"Unknown Attribute";
    answer.put_u16(ERROR_CODE);
    answer.put_u16((4 + REASON.len()) as u16);
    answer.put_u32(4 << 8 | 20);
    answer.put_slice(REASON);
    answer.put_bytes(0, REASON.len().next_multiple_of(4) - REASON.len());
    answer.put_u16(UNKNOWN_ATTRIBUTES);
    answer.put_u16((2 * unknown.len()) as u16);
    unknown.iter().for_each(|&kind| answer.put_u16(kind));
    answer.put_bytes(0, (2 * unknown.len()).next_multiple_of(4) - 2 * unknown.len());
}

/// Writes the length of the attributes, those that follow included.
fn set_length(answer: &mut BytesMut, more: usize) {
    let length = (answer.len() - HEADER_OCTETS + more) as u16;
    answer[2..4].copy_from_slice(&length.to_be_bytes());
}

fn word(octets: &[u8], at: usize) -> Option<u16> {
    octets.get(at..at + 2)?.first_chunk().map(|octets| u16::from_be_bytes(*octets))
}

/// The CRC-32 of ITU-T V.42, by octets.
fn crc32(octets: &[u8]) -> u32 {
    !octets.iter().fold(!0, |crc, &octet| CRC_TABLE[usize::from(crc as u8 ^ octet)] ^ crc >> 8)
}

static CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = index as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { 0xedb8_8320 ^ crc >> 1 } else { crc >> 1 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    /// The transaction of RFC 5769 §2.
    const TRANSACTION: [u8; 12] = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];

    /// RFC 5769 §2.1.
    const SAMPLE: &[u8] = b"\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
        \x80\x22\x00\x10STUN test client\x00\x24\x00\x04\x6e\x00\x01\xff\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36\
        \x00\x06\x00\x09\x65\x76\x74\x6a\x3a\x68\x36\x76\x59\x20\x20\x20\
        \x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2\
        \x80\x28\x00\x04\xe5\x7a\x3b\xcf";

    fn request(attributes: &[u8]) -> Vec<u8> {
        let mut request = REQUEST.to_be_bytes().to_vec();
        request.extend((attributes.len() as u16).to_be_bytes());
        request.extend(COOKIE);
        request.extend(TRANSACTION);
        request.extend(attributes);
        request
    }

    fn source() -> SocketAddr {
        "192.0.2.1:32853".parse().unwrap()
    }

    #[test]
    fn the_address_is_that_of_the_samples() {
        let head = |length: u8| [&[1, 1, 0, length][..], &COOKIE, &TRANSACTION].concat();
        // RFC 5769 §2.2 and §2.3.
        let ipv4 = [&head(12)[..], b"\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43"].concat();
        assert_eq!(answer(&request(&[]), source()).unwrap(), ipv4);
        let mapped = "[::ffff:192.0.2.1]:32853".parse().unwrap();
        assert_eq!(answer(&request(&[]), mapped).unwrap(), ipv4);
        let ipv6 = "[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().unwrap();
        let expected =
            b"\x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9";
        assert_eq!(answer(&request(&[]), ipv6).unwrap(), [&head(24)[..], expected].concat());
    }

    #[test]
    fn what_has_to_be_understood_and_is_not_is_named() {
        // The sample has PRIORITY of ICE, which is none of our business, and a fingerprint.
        let answer = answer(SAMPLE, source()).unwrap();
        assert_eq!(word(&answer, 0), Some(ERROR));
        assert_eq!(&answer[24..28], [0, 0, 4, 20]);
        assert!(answer.windows(8).any(|window| window == [0x00, 0x0a, 0, 2, 0x00, 0x24, 0, 0]));
        assert_eq!(usize::from(word(&answer, 2).unwrap()), answer.len() - HEADER_OCTETS);
        let at = answer.len() - 8;
        assert_eq!(answer[at + 4..], (crc32(&answer[..at]) ^ FINGERPRINT_MASK).to_be_bytes());
    }

    #[test]
    fn a_wrong_fingerprint_is_no_message() {
        for at in [9, 30, SAMPLE.len() - 1] {
            let mut broken = SAMPLE.to_vec();
            broken[at] ^= 1;
            assert_eq!(answer(&broken, source()), None, "{at}");
        }
    }

    #[test]
    fn only_whole_requests_are_answered() {
        assert!(is_stun(&request(&[])) && !is_stun(b"OPTIONS sip:h SIP/2.0") && !is_stun(&[0; 8]) && !is_stun(&[]));
        let with = |at: usize, octet: u8| {
            let mut request = request(&[0x80, 0x22, 0, 1, b'x', 0, 0, 0]);
            request[at] = octet;
            answer(&request, source())
        };
        assert!(with(0, 0).is_some());
        for (at, octet) in [(1, 0x11), (0, 1), (1, 3), (3, 4), (3, 9), (7, 0), (23, 5), (23, 9)] {
            assert_eq!(with(at, octet), None, "{at} {octet}");
        }
        for cut in 0..SAMPLE.len() {
            assert_eq!(answer(&SAMPLE[..cut], source()), None);
        }
        assert_eq!(answer(&request(&vec![0x80; STUN_OCTETS_MAX]), source()), None);
    }

    #[test]
    fn the_answer_is_bounded_whatever_is_asked() {
        let unknown: Vec<u8> = (0..200u8).flat_map(|number| [0x40, number, 0, 0]).collect();
        let answer = answer(&request(&unknown), source()).unwrap();
        assert!(answer.len() <= HEADER_OCTETS + 28 + 4 + 2 * STUN_UNKNOWN_MAX, "{}", answer.len());
        // What stands behind the integrity does not count (RFC 8489 §14.5).
        let integrity = [&[0, 8, 0, 20][..], &[0; 20], &[0x40, 1, 0, 0]].concat();
        assert_eq!(word(&super::answer(&request(&integrity), source()).unwrap(), 0), Some(SUCCESS));
    }
}

//! SRTP of one stream one way (RFC 3711): AES_CM_128_HMAC_SHA1_80, with its master key in SDP (RFC 4568).

use crate::limits::RTP_HEADER_BYTES;
use aes::Aes128Enc;
use aes::cipher::{Block, BlockEncrypt, KeyInit};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};
use std::fmt::Write;

/// The suite's name (RFC 4568 §6.2).
const SUITE: &str = "AES_CM_128_HMAC_SHA1_80";

const KEY_BYTES: usize = 16;
const SALT_BYTES: usize = 14;

/// The authentication tag.
pub const TAG_BYTES: usize = 10;

/// Blocks of AES that go through the processor's pipeline at a time.
const PARALLEL: usize = 8;

/// A master key and its salt.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Master([u8; KEY_BYTES + SALT_BYTES]);

impl std::fmt::Debug for Master {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Master(…)")
    }
}

impl Master {
    /// The one of a run's `number`th call: another one for each, and no secret, as what it protects is none.
    pub fn of_call(run: u32, number: u64) -> Master {
        let mut octets = [0; KEY_BYTES + SALT_BYTES];
        for (half, piece) in octets.chunks_mut(KEY_BYTES).enumerate() {
            let hash = Sha1::new()
                .chain_update(run.to_be_bytes())
                .chain_update(number.to_be_bytes())
                .chain_update([half as u8])
                .finalize();
            piece.iter_mut().zip(hash).for_each(|(octet, of_hash)| *octet = of_hash);
        }
        Master(octets)
    }

    /// Writes the attribute that offers or answers it (RFC 4568 §9.1).
    pub fn write(&self, out: &mut String) {
        let _ = write!(out, "a=crypto:1 {SUITE} inline:{}\r\n", STANDARD.encode(self.0));
    }

    /// Reads an attribute's value; `None` where it is of another suite, or broken.
    pub fn parse(value: &str) -> Option<Master> {
        let mut words = value.split(' ').filter(|word| !word.is_empty());
        let (_tag, suite, key) = (words.next()?, words.next()?, words.next()?);
        if suite != SUITE {
            return None;
        }
        // A lifetime may follow (§6.1); there is one key, so an identifier of it says nothing.
        let text = key.strip_prefix("inline:")?.split('|').next()?;
        Some(Master(STANDARD.decode(text).ok()?.try_into().ok()?))
    }

    /// The first octets of a session key (RFC 3711 §4.3.1, with a key derivation rate of 0).
    fn derive<const N: usize>(&self, label: u8) -> [u8; N] {
        let (key, salt) = self.0.split_at(KEY_BYTES);
        let mut derived = [0; N];
        let mut counter = [0; 16];
        counter[..SALT_BYTES].copy_from_slice(salt);
        counter[7] ^= label;
        if let Ok(aes) = Aes128Enc::new_from_slice(key) {
            apply(&aes, u128::from_be_bytes(counter), &mut derived);
        }
        derived
    }
}

/// What one stream is sealed or opened by.
pub struct Context {
    master: Master,
    aes: Aes128Enc,
    /// The session salt, times 2^16.
    salt: u128,
    /// HMAC-SHA1 (RFC 2104) with both halves of its key taken in.
    inner: Sha1,
    outer: Sha1,
    /// The highest index that was sealed or opened.
    highest: Option<u64>,
}

impl Context {
    /// Of a master key.
    pub fn new(master: Master) -> Context {
        let key: [u8; KEY_BYTES] = master.derive(0);
        let authentication: [u8; 20] = master.derive(1);
        let mut salt = [0; 16];
        salt[..SALT_BYTES].copy_from_slice(&master.derive::<SALT_BYTES>(2));
        let padded = |pad: u8| {
            let mut block = [pad; 64];
            block.iter_mut().zip(authentication).for_each(|(octet, key)| *octet ^= key);
            Sha1::new_with_prefix(block)
        };
        Context {
            master,
            aes: Aes128Enc::new(&key.into()),
            salt: u128::from_be_bytes(salt),
            inner: padded(0x36),
            outer: padded(0x5c),
            highest: None,
        }
    }

    /// What it was made of.
    pub fn master(&self) -> Master {
        self.master
    }

    /// Seals the packet at the head of `room` that has `length` octets; its new length, or 0 where it is no RTP packet or has no room.
    pub fn seal(&mut self, room: &mut [u8], length: usize) -> usize {
        let Some((packet, tag)) = room.split_at_mut_checked(length) else { return 0 };
        let (Some((header, ssrc, sequence)), Some(tag)) = (header(packet), tag.first_chunk_mut::<TAG_BYTES>()) else {
            return 0;
        };
        let index = self.index(sequence);
        apply(&self.aes, self.counter(ssrc, index), &mut packet[header..]);
        *tag = self.tag(packet, index);
        self.highest = self.highest.max(Some(index));
        length + TAG_BYTES
    }

    /// Opens a packet in place; `None` where it is none of this stream's.
    pub fn open<'a>(&mut self, packet: &'a mut [u8]) -> Option<&'a [u8]> {
        let (packet, tag) = packet.split_last_chunk_mut::<TAG_BYTES>()?;
        let (header, ssrc, sequence) = header(packet)?;
        let index = self.index(sequence);
        if self.tag(packet, index) != *tag {
            return None;
        }
        apply(&self.aes, self.counter(ssrc, index), &mut packet[header..]);
        self.highest = self.highest.max(Some(index));
        Some(packet)
    }

    /// The index that a sequence number means: the nearest one to the highest (RFC 3711 §3.3.1).
    fn index(&self, sequence: u16) -> u64 {
        let Some(highest) = self.highest else { return sequence.into() };
        let step = sequence.wrapping_sub(highest as u16).cast_signed();
        highest.checked_add_signed(step.into()).unwrap_or(sequence.into())
    }

    fn counter(&self, ssrc: u32, index: u64) -> u128 {
        self.salt ^ u128::from(ssrc) << 64 ^ u128::from(index) << 16
    }

    fn tag(&self, packet: &[u8], index: u64) -> [u8; TAG_BYTES] {
        let roll_over = ((index >> 16) as u32).to_be_bytes();
        let inner = self.inner.clone().chain_update(packet).chain_update(roll_over).finalize();
        let whole: [u8; 20] = self.outer.clone().chain_update(inner).finalize().into();
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(&whole[..TAG_BYTES]);
        tag
    }
}

/// How long an RTP packet's header is, with what extends it, its source and its number (RFC 3550 §5.1, §5.3.1).
fn header(packet: &[u8]) -> Option<(usize, u32, u16)> {
    let [first, _, high, low, _, _, _, _, a, b, c, d] = *packet.first_chunk::<RTP_HEADER_BYTES>()?;
    let mut length = RTP_HEADER_BYTES + usize::from(first & 15) * 4;
    if first & 0x10 != 0 {
        let words = packet.get(length + 2..length + 4)?;
        length += 4 + usize::from(u16::from_be_bytes([words[0], words[1]])) * 4;
    }
    (first >> 6 == 2 && length <= packet.len()).then_some((
        length,
        u32::from_be_bytes([a, b, c, d]),
        u16::from_be_bytes([high, low]),
    ))
}

/// Exclusive-ors the key stream that begins at `counter` into `data` (RFC 3711 §4.1.1).
fn apply(aes: &Aes128Enc, mut counter: u128, data: &mut [u8]) {
    for piece in data.chunks_mut(16 * PARALLEL) {
        let mut stream = [Block::<Aes128Enc>::default(); PARALLEL];
        let blocks = &mut stream[..piece.len().div_ceil(16)];
        for block in blocks.iter_mut() {
            *block = counter.to_be_bytes().into();
            counter = counter.wrapping_add(1);
        }
        aes.encrypt_blocks(blocks);
        piece.iter_mut().zip(blocks.iter().flatten()).for_each(|(octet, key)| *octet ^= key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn octets<const N: usize>(text: &str) -> [u8; N] {
        let digits = |n: usize| u8::from_str_radix(&text[n * 2..n * 2 + 2], 16).unwrap();
        std::array::from_fn(digits)
    }

    fn master() -> Master {
        Master(octets("e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6"))
    }

    #[test]
    fn keys_are_derived_as_rfc_3711_appendix_b3_has_them() {
        assert_eq!(master().derive::<16>(0), octets("c61e7a93744f39ee10734afe3ff7a087"));
        assert_eq!(master().derive::<14>(2), octets("30cbbc08863d8c85d49db34a9ae1"));
        assert_eq!(master().derive::<20>(1), octets("cebe321f6ff7716b6fd4ab49af256a156d38baa4"));
    }

    /// The packet that libsrtp and others check themselves by.
    #[test]
    fn a_packet_is_sealed_as_others_seal_it() {
        let mut packet = [0xab; 38];
        packet[..12].copy_from_slice(&octets::<12>("800f1234decafbadcafebabe"));
        assert_eq!(Context::new(master()).seal(&mut packet, 28), 38);
        let sealed: [u8; 38] = octets("800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb");
        assert_eq!(packet, sealed);
        let opened = Context::new(master()).open(&mut packet).unwrap();
        assert_eq!((opened.len(), &opened[12..]), (28, &[0xab; 16][..]));
    }

    #[test]
    fn numbers_wrap_and_what_was_changed_is_not_opened() {
        let (mut out, mut into) = (Context::new(master()), Context::new(master()));
        for number in 65_000..66_500_u32 {
            let mut packet = [7; 60];
            packet[0] = 0x80;
            packet[2..4].copy_from_slice(&(number as u16).to_be_bytes());
            assert_eq!(out.seal(&mut packet, 50), 60);
            // A packet in ten is lost.
            if number % 10 > 0 {
                let mut forged = packet;
                forged[30] ^= 1;
                assert!(into.open(&mut forged).is_none());
                assert_eq!(into.open(&mut packet).unwrap()[12..], [7; 38]);
            }
        }
        assert!(out.seal(&mut [0x80; 20], 15) == 0, "no room");
        assert!(into.open(&mut [0x80; 12]).is_none() && into.open(&mut []).is_none());
    }

    #[test]
    fn a_key_is_read_as_it_is_written_and_others_are_not() {
        let mut text = String::new();
        Master::of_call(7, 1).write(&mut text);
        let value = text.trim_end().strip_prefix("a=crypto:").unwrap();
        assert_eq!(Master::parse(value), Some(Master::of_call(7, 1)));
        assert_ne!(Master::of_call(7, 1), Master::of_call(7, 2));
        assert_eq!(Master::parse(&format!("{value}|2^20|1:4")), Some(Master::of_call(7, 1)));
        assert_eq!(Master::parse(&value.replace("_80", "_32")), None);
        assert_eq!(Master::parse("1 AES_CM_128_HMAC_SHA1_80 inline:AAAA"), None);
    }
}

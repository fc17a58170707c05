//! AES in counter mode: the key stream (RFC 3711 §4.1.1).

use aes::cipher::consts::U16;
use aes::cipher::{Block, BlockEncrypt, BlockSizeUser, KeyInit};
use aes::{Aes128Enc, Aes256Enc};

/// Blocks that go through the processor's pipeline at a time.
const PARALLEL: usize = 8;

/// A keyed AES. The encrypting half: counter mode has no other.
#[expect(clippy::large_enum_variant, reason = "a leg's keys lie together in one box")]
pub(super) enum Aes {
    Key128(Aes128Enc),
    Key256(Aes256Enc),
}

impl Aes {
    /// Of 16 or 32 octets; `None` for others.
    pub(super) fn new(key: &[u8]) -> Option<Self> {
        match key.len() {
            16 => Aes128Enc::new_from_slice(key).ok().map(Self::Key128),
            32 => Aes256Enc::new_from_slice(key).ok().map(Self::Key256),
            _ => None,
        }
    }

    /// Exclusive-ors the key stream that begins at `counter` into `data`.
    #[inline]
    pub(super) fn apply(&self, counter: u128, data: &mut [u8]) {
        match self {
            Self::Key128(aes) => apply(aes, counter, data),
            Self::Key256(aes) => apply(aes, counter, data),
        }
    }
}

#[inline]
fn apply<C: BlockEncrypt + BlockSizeUser<BlockSize = U16>>(aes: &C, mut counter: u128, data: &mut [u8]) {
    for piece in data.chunks_mut(16 * PARALLEL) {
        let mut stream = [Block::<C>::default(); PARALLEL];
        let used = piece.len().div_ceil(16);
        for block in &mut stream[..used] {
            *block = counter.to_be_bytes().into();
            counter = counter.wrapping_add(1);
        }
        aes.encrypt_blocks(&mut stream[..used]);
        for (octets, block) in piece.chunks_mut(16).zip(&stream) {
            match octets.first_chunk_mut::<16>() {
                Some(whole) => {
                    let block: [u8; 16] = (*block).into();
                    *whole = (u128::from_ne_bytes(*whole) ^ u128::from_ne_bytes(block)).to_ne_bytes();
                }
                None => octets.iter_mut().zip(block).for_each(|(octet, key)| *octet ^= key),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::octets;
    use super::*;

    fn stream(key: &str, length: usize) -> Vec<u8> {
        let mut stream = vec![0; length];
        let counter = u128::from_be_bytes(octets("f0f1f2f3f4f5f6f7f8f9fafbfcfd0000").try_into().unwrap());
        Aes::new(&octets(key)).unwrap().apply(counter, &mut stream);
        stream
    }

    #[test]
    fn the_key_stream_of_rfc_3711_appendix_b2() {
        let expected =
            "e03ead0935c95e80e166b16dd92b4eb4d23513162b02d0f72a43a2fe4a5f97ab41e95b3bb0a2e8dd477901e4fca894c0";
        assert_eq!(stream("2b7e151628aed2a6abf7158809cf4f3c", 48), octets(expected));
        let long = stream("2b7e151628aed2a6abf7158809cf4f3c", 16 * 0xff02);
        assert_eq!(
            long[16 * 0xfeff..],
            octets("ec8cdf7398607cb0f2d21675ea9ea1e4362b7c3c6773516318a077d7fc5073ae6a2cc3787889374fbeb4c81b17ba6c44")
        );
        assert_eq!(stream("2b7e151628aed2a6abf7158809cf4f3c", 35), octets(expected)[..35], "not a whole block");
    }

    #[test]
    fn the_key_stream_of_rfc_6188_section_7_1() {
        let key = "57f82fe3613fd170a85ec93c40b1f0922ec4cb0dc025b58272147cc438944a98";
        let expected =
            "92bdd28a93c3f52511c677d08b5515a49da71b2378a854f67050756ded165bac63c4868b7096d88421b563b8c94c9a31";
        assert_eq!(stream(key, 48), octets(expected));
    }
}

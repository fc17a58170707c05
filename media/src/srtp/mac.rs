//! HMAC-SHA1 (RFC 2104), keyed once: a packet begins with both halves of the key taken in.

use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;

const BLOCK: usize = 64;

/// A keyed HMAC-SHA1.
#[derive(Clone)]
pub(super) struct Mac {
    inner: Sha1,
    outer: Sha1,
}

impl Mac {
    /// Keyed. SRTP's keys are shorter than a block.
    pub(super) fn new(key: &[u8]) -> Self {
        let padded = |pad: u8| {
            let mut block = [pad; BLOCK];
            for (octet, key) in block.iter_mut().zip(key) {
                *octet ^= key;
            }
            Sha1::new_with_prefix(block)
        };
        Self { inner: padded(0x36), outer: padded(0x5c) }
    }

    /// The tag of a message in two pieces.
    #[inline]
    pub(super) fn tag(&self, message: &[u8], more: &[u8]) -> [u8; 20] {
        let inner = self.inner.clone().chain_update(message).chain_update(more).finalize();
        self.outer.clone().chain_update(inner).finalize().into()
    }

    /// Whether a message has this tag, which may be cut; in a time that tells nothing about it.
    #[inline]
    pub(super) fn verify(&self, message: &[u8], more: &[u8], tag: &[u8]) -> bool {
        let own = self.tag(message, more);
        own.get(..tag.len()).is_some_and(|own| own.ct_eq(tag).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_rfc_2202() {
        assert_eq!(Mac::new(&[0x0b; 20]).tag(b"Hi ", b"There")[..4], [0xb6, 0x17, 0x31, 0x86]);
        let mac = Mac::new(b"Jefe");
        assert_eq!(mac.tag(b"what do ya want for nothing?", b"")[..4], [0xef, 0xfc, 0xdf, 0x6a]);
        assert!(mac.verify(b"what do ya want ", b"for nothing?", &[0xef, 0xfc, 0xdf, 0x6a]));
        assert!(!mac.verify(b"what do ya want ", b"for nothing!", &[0xef, 0xfc, 0xdf, 0x6a]));
        assert!(!mac.verify(b"", b"", &[0; 21]), "longer than any tag");
    }
}

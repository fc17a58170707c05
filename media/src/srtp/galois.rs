//! AES-GCM (RFC 7714).

use super::Refusal;
use super::packet::{INDEX_BYTES, RTCP_CLEAR, encrypted};
use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

/// Octets of a tag (RFC 7714 §13.1: no shorter ones).
const TAG: usize = 16;

/// The session keys of RTP, or of RTCP, one way.
pub(super) struct Galois {
    key: LessSafeKey,
    salt: u128,
}

impl Galois {
    /// `None`: the key is of no length that AES has.
    pub(super) fn new(key: &[u8], salt: &[u8; NONCE_LEN]) -> Option<Self> {
        let algorithm = if key.len() == 16 { &AES_128_GCM } else { &AES_256_GCM };
        let key = LessSafeKey::new(UnboundKey::new(algorithm, key).ok()?);
        let mut padded = [0; 16];
        padded[4..].copy_from_slice(salt);
        Some(Self { key, salt: u128::from_be_bytes(padded) })
    }

    /// What is said once alone: two zero octets, the SSRC, and 48 bits of index (RFC 7714 §8.1, §9.1).
    #[inline]
    fn nonce(&self, ssrc: u32, index: u64) -> Nonce {
        let [_, _, _, _, nonce @ ..] = (self.salt ^ u128::from(ssrc) << 48 ^ u128::from(index)).to_be_bytes();
        Nonce::assume_unique_for_key(nonce)
    }

    /// Seals the packet at the head of `buffer` that has `length` octets, and gives its new length; `None`: there is no room for it.
    #[inline]
    pub(super) fn seal_rtp(
        &self,
        buffer: &mut [u8],
        length: usize,
        header: usize,
        (ssrc, index): (u32, u64),
        identifier: &[u8],
    ) -> Option<usize> {
        let end = length + TAG + identifier.len();
        let (head, rest) = buffer.get_mut(..end)?.split_at_mut_checked(header)?;
        let (secret, rest) = rest.split_at_mut_checked(length.checked_sub(header)?)?;
        let tag = self.key.seal_in_place_separate_tag(self.nonce(ssrc, index), Aad::from(head), secret).ok()?;
        let (place, named) = rest.split_at_mut_checked(TAG)?;
        place.copy_from_slice(tag.as_ref());
        named.copy_from_slice(identifier);
        Some(end)
    }

    /// Opens a packet, and gives its new length. Of one that is refused the payload may be lost.
    #[inline]
    pub(super) fn open_rtp(
        &self,
        packet: &mut [u8],
        header: usize,
        (ssrc, index): (u32, u64),
        identifier: &[u8],
    ) -> Result<usize, Refusal> {
        let sealed = packet.len().checked_sub(identifier.len()).filter(|sealed| *sealed >= header + TAG);
        let (packet, named) = packet.split_at_mut(sealed.ok_or(Refusal::Malformed)?);
        if named != identifier {
            return Err(Refusal::Forged);
        }
        let length = packet.len() - TAG;
        let (head, secret) = packet.split_at_mut(header);
        match self.key.open_in_place(self.nonce(ssrc, index), Aad::from(head), secret) {
            Ok(_) => Ok(length),
            Err(_) => Err(Refusal::Forged),
        }
    }

    /// The same for compound RTCP, with its index and flag behind the tag (RFC 7714 §9.2).
    pub(super) fn seal_rtcp(
        &self,
        buffer: &mut [u8],
        length: usize,
        (ssrc, index): (u32, u32),
        identifier: &[u8],
    ) -> Option<usize> {
        let end = length + TAG + INDEX_BYTES + identifier.len();
        let (head, rest) = buffer.get_mut(..end)?.split_at_mut_checked(RTCP_CLEAR)?;
        let (secret, rest) = rest.split_at_mut_checked(length.checked_sub(RTCP_CLEAR)?)?;
        let word = encrypted(index);
        let aad = Aad::from(authenticated(head, word)?);
        let tag = self.key.seal_in_place_separate_tag(self.nonce(ssrc, u64::from(index)), aad, secret).ok()?;
        let (place, rest) = rest.split_at_mut_checked(TAG)?;
        place.copy_from_slice(tag.as_ref());
        let (place, named) = rest.split_at_mut_checked(INDEX_BYTES)?;
        place.copy_from_slice(&word);
        named.copy_from_slice(identifier);
        Some(end)
    }

    /// Opens compound RTCP, and gives its new length. Of one that is refused all but its head may be lost.
    pub(super) fn open_rtcp(
        &self,
        packet: &mut [u8],
        (ssrc, index): (u32, u32),
        identifier: &[u8],
    ) -> Result<usize, Refusal> {
        let behind = INDEX_BYTES + identifier.len();
        let sealed = packet.len().checked_sub(behind).filter(|sealed| *sealed >= RTCP_CLEAR + TAG);
        let (packet, rest) = packet.split_at_mut(sealed.ok_or(Refusal::Malformed)?);
        if !rest.ends_with(identifier) {
            return Err(Refusal::Forged);
        }
        let length = packet.len() - TAG;
        let (head, secret) = packet.split_at_mut(RTCP_CLEAR);
        let aad = authenticated(head, encrypted(index)).ok_or(Refusal::Malformed)?;
        match self.key.open_in_place(self.nonce(ssrc, u64::from(index)), Aad::from(aad), secret) {
            Ok(_) => Ok(length),
            Err(_) => Err(Refusal::Forged),
        }
    }
}

/// What of RTCP is authenticated and not encrypted: the first header and the index (RFC 7714 §17).
fn authenticated(head: &[u8], word: [u8; INDEX_BYTES]) -> Option<[u8; RTCP_CLEAR + INDEX_BYTES]> {
    let mut octets = [0; RTCP_CLEAR + INDEX_BYTES];
    octets[..RTCP_CLEAR].copy_from_slice(head.first_chunk::<RTCP_CLEAR>()?);
    octets[RTCP_CLEAR..].copy_from_slice(&word);
    Some(octets)
}

#[cfg(test)]
mod tests {
    use super::super::tests::octets;
    use super::*;

    /// RFC 7714 §16.1.1 and §16.2.1: session keys, so that what derives them is not in question.
    #[test]
    fn the_packets_of_rfc_7714_section_16() {
        let key = octets("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
        let salt = octets("517569642070726f2071756f").try_into().unwrap();
        let plain =
            "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573";
        for (length, sealed) in [
            (
                16,
                "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833899d7f27beb16a9152cf765ee4390cce",
            ),
            (
                32,
                "32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b7aa3db36dfffd6b0f9bb7878d7a76c13",
            ),
        ] {
            let galois = Galois::new(&key[..length], &salt).unwrap();
            let mut buffer = octets(plain);
            let plain_length = buffer.len();
            buffer.resize(plain_length + 20, 0);
            let whole = galois.seal_rtp(&mut buffer, plain_length, 12, (0x5501_a0b2, 0xf17b), &[]).unwrap();
            buffer.truncate(whole);
            assert_eq!(buffer[12..], octets(sealed), "{length}");
            let opened = galois.open_rtp(&mut buffer, 12, (0x5501_a0b2, 0xf17b), &[]);
            assert_eq!(opened, Ok(plain_length));
            assert_eq!(buffer[..plain_length], octets(plain));
        }
    }
}

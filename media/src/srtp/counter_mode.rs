//! AES in counter mode with HMAC-SHA1 (RFC 3711 §4.1.1, §4.2.1; RFC 6188).

use super::Refusal;
use super::aes::Aes;
use super::mac::Mac;
use super::packet::{INDEX_BYTES, RTCP_CLEAR, encrypted};

/// The session keys of RTP, or of RTCP, one way.
pub(super) struct CounterMode {
    aes: Aes,
    /// The session salt times 2^16.
    salt: u128,
    mac: Mac,
    tag: usize,
}

impl CounterMode {
    /// With tags of so many octets; `None`: the cipher key is of no length that AES has.
    pub(super) fn new(key: &[u8], salt: &[u8; 14], authentication: &[u8; 20], tag: usize) -> Option<Self> {
        let mut padded = [0; 16];
        padded[..14].copy_from_slice(salt);
        let salt = u128::from_be_bytes(padded);
        Some(Self { aes: Aes::new(key)?, salt, mac: Mac::new(authentication), tag })
    }

    /// The first counter of a packet (RFC 3711 §4.1.1).
    #[inline]
    fn counter(&self, ssrc: u32, index: u64) -> u128 {
        self.salt ^ u128::from(ssrc) << 64 ^ u128::from(index) << 16
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
        let (packet, rest) = buffer.split_at_mut_checked(length)?;
        let (named, rest) = rest.split_at_mut_checked(identifier.len())?;
        let tag = rest.get_mut(..self.tag)?;
        self.aes.apply(self.counter(ssrc, index), packet.get_mut(header..)?);
        let whole = self.mac.tag(packet, &roll_over(index));
        named.copy_from_slice(identifier);
        tag.copy_from_slice(whole.get(..self.tag)?);
        Some(length + identifier.len() + self.tag)
    }

    /// Opens a packet, and gives its new length. One that is refused is as it was.
    #[inline]
    pub(super) fn open_rtp(
        &self,
        packet: &mut [u8],
        header: usize,
        (ssrc, index): (u32, u64),
        identifier: &[u8],
    ) -> Result<usize, Refusal> {
        let behind = identifier.len() + self.tag;
        let length = packet.len().checked_sub(behind).filter(|length| *length >= header);
        let length = length.ok_or(Refusal::Malformed)?;
        let (packet, rest) = packet.split_at_mut_checked(length).ok_or(Refusal::Malformed)?;
        let (named, tag) = rest.split_at(identifier.len());
        if named != identifier || !self.mac.verify(packet, &roll_over(index), tag) {
            return Err(Refusal::Forged);
        }
        self.aes.apply(self.counter(ssrc, index), packet.get_mut(header..).ok_or(Refusal::Malformed)?);
        Ok(length)
    }

    /// The same for compound RTCP, with its index and flag.
    pub(super) fn seal_rtcp(
        &self,
        buffer: &mut [u8],
        length: usize,
        (ssrc, index): (u32, u32),
        identifier: &[u8],
    ) -> Option<usize> {
        let indexed = length + INDEX_BYTES;
        let end = indexed + identifier.len() + self.tag;
        let packet = buffer.get_mut(..end)?;
        self.aes.apply(self.counter(ssrc, u64::from(index)), packet.get_mut(RTCP_CLEAR..length)?);
        packet.get_mut(length..indexed)?.copy_from_slice(&encrypted(index));
        let (packet, rest) = packet.split_at_mut_checked(indexed)?;
        let (named, tag) = rest.split_at_mut_checked(identifier.len())?;
        named.copy_from_slice(identifier);
        tag.copy_from_slice(self.mac.tag(packet, &[]).get(..self.tag)?);
        Some(end)
    }

    /// Opens compound RTCP, and gives its new length. One that is refused is as it was.
    pub(super) fn open_rtcp(
        &self,
        packet: &mut [u8],
        (ssrc, index): (u32, u32),
        identifier: &[u8],
    ) -> Result<usize, Refusal> {
        let behind = identifier.len() + self.tag;
        let indexed = packet.len().checked_sub(behind).ok_or(Refusal::Malformed)?;
        let length = indexed.checked_sub(INDEX_BYTES).filter(|length| *length >= RTCP_CLEAR);
        let length = length.ok_or(Refusal::Malformed)?;
        let (packet, rest) = packet.split_at_mut_checked(indexed).ok_or(Refusal::Malformed)?;
        let (named, tag) = rest.split_at(identifier.len());
        if named != identifier || !self.mac.verify(packet, &[], tag) {
            return Err(Refusal::Forged);
        }
        let secret = packet.get_mut(RTCP_CLEAR..length).ok_or(Refusal::Malformed)?;
        self.aes.apply(self.counter(ssrc, u64::from(index)), secret);
        Ok(length)
    }

    /// Octets of what stands behind the index of SRTCP, beside the identifier.
    pub(super) const fn tag_bytes(&self) -> usize {
        self.tag
    }
}

/// The roll-over counter of an index, as it is authenticated (RFC 3711 §4.2).
#[inline]
const fn roll_over(index: u64) -> [u8; 4] {
    ((index >> 16) as u32).to_be_bytes()
}

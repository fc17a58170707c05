//! The transforms of one master key: RTP and RTCP, whichever the suite has.

use super::counter_mode::CounterMode;
use super::derivation::{Label, Master};
use super::galois::Galois;
use super::packet::{ENCRYPTED, INDEX_BYTES, RTCP_INDEX_MAX};
use super::{Refusal, tag_bytes};
use router::parameter::{MediaKey, SrtpSuite};

#[expect(clippy::large_enum_variant, reason = "a leg's keys lie together in one box")]
enum Transform {
    CounterMode { rtp: CounterMode, rtcp: CounterMode },
    Galois { rtp: Galois, rtcp: Galois },
}

/// What a master key makes of packets.
pub(super) struct Cipher {
    transform: Transform,
    identifier: Box<[u8]>,
}

impl Cipher {
    /// Of a master key; `None`: it has not the length that the suite asks for.
    pub(super) fn new(suite: SrtpSuite, key: &MediaKey) -> Option<Self> {
        if key.material.len() != suite.material_bytes() || key.identifier.len() > crate::limits::MKI_BYTES {
            return None;
        }
        let (secret, salt) = key.material.split_at(suite.key_bytes());
        let master = Master::new(secret, salt)?;
        let is_long = suite.key_bytes() == 32;
        let derive = |label| {
            let (short, long): ([u8; 16], [u8; 32]) = (master.derive(label), master.derive(label));
            if is_long { long.to_vec() } else { short.to_vec() }
        };
        let transform = match suite {
            SrtpSuite::AeadAes128Gcm | SrtpSuite::AeadAes256Gcm => Transform::Galois {
                rtp: Galois::new(&derive(Label::RtpEncryption), &master.derive(Label::RtpSalt))?,
                rtcp: Galois::new(&derive(Label::RtcpEncryption), &master.derive(Label::RtcpSalt))?,
            },
            _ => Transform::CounterMode {
                rtp: CounterMode::new(
                    &derive(Label::RtpEncryption),
                    &master.derive(Label::RtpSalt),
                    &master.derive(Label::RtpAuthentication),
                    tag_bytes(suite),
                )?,
                // RFC 4568 §6.2.2: RTCP has the long tag, whatever that of RTP.
                rtcp: CounterMode::new(
                    &derive(Label::RtcpEncryption),
                    &master.derive(Label::RtcpSalt),
                    &master.derive(Label::RtcpAuthentication),
                    10,
                )?,
            },
        };
        Some(Self { transform, identifier: key.identifier.clone().into_boxed_slice() })
    }

    /// Seals the RTP packet at the head of `buffer`, and gives its new length; `None`: there is no room for it.
    #[inline]
    pub(super) fn seal_rtp(&self, buffer: &mut [u8], length: usize, header: usize, index: (u32, u64)) -> Option<usize> {
        match &self.transform {
            Transform::CounterMode { rtp, .. } => rtp.seal_rtp(buffer, length, header, index, &self.identifier),
            Transform::Galois { rtp, .. } => rtp.seal_rtp(buffer, length, header, index, &self.identifier),
        }
    }

    /// Opens an RTP packet, and gives its new length.
    #[inline]
    pub(super) fn open_rtp(&self, packet: &mut [u8], header: usize, index: (u32, u64)) -> Result<usize, Refusal> {
        match &self.transform {
            Transform::CounterMode { rtp, .. } => rtp.open_rtp(packet, header, index, &self.identifier),
            Transform::Galois { rtp, .. } => rtp.open_rtp(packet, header, index, &self.identifier),
        }
    }

    /// Seals the compound RTCP at the head of `buffer`, and gives its new length; `None`: there is no room for it.
    pub(super) fn seal_rtcp(&self, buffer: &mut [u8], length: usize, index: (u32, u32)) -> Option<usize> {
        match &self.transform {
            Transform::CounterMode { rtcp, .. } => rtcp.seal_rtcp(buffer, length, index, &self.identifier),
            Transform::Galois { rtcp, .. } => rtcp.seal_rtcp(buffer, length, index, &self.identifier),
        }
    }

    /// Opens compound RTCP, and gives its new length.
    pub(super) fn open_rtcp(&self, packet: &mut [u8], index: (u32, u32)) -> Result<usize, Refusal> {
        match &self.transform {
            Transform::CounterMode { rtcp, .. } => rtcp.open_rtcp(packet, index, &self.identifier),
            Transform::Galois { rtcp, .. } => rtcp.open_rtcp(packet, index, &self.identifier),
        }
    }

    /// The index that compound RTCP says it has. One that is not encrypted is none: nobody agreed to that (RFC 4568 §6.3.2).
    pub(super) fn rtcp_index(&self, packet: &[u8]) -> Result<u32, Refusal> {
        let behind = match &self.transform {
            Transform::CounterMode { rtcp, .. } => rtcp.tag_bytes(),
            Transform::Galois { .. } => 0,
        };
        let end = packet.len().checked_sub(behind + self.identifier.len()).ok_or(Refusal::Malformed)?;
        let word = packet.get(..end).and_then(|packet| packet.last_chunk::<INDEX_BYTES>());
        let word = u32::from_be_bytes(*word.ok_or(Refusal::Malformed)?);
        if word & ENCRYPTED == 0 { Err(Refusal::Forged) } else { Ok(word & RTCP_INDEX_MAX) }
    }
}

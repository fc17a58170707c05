//! The fields of packets that SRTP reads: all of them are in the clear.

use crate::rtp::HEADER_BYTES;

/// Octets of RTCP that stay in the clear: the first header and its SSRC (RFC 3711 §3.4).
pub(super) const RTCP_CLEAR: usize = 8;

/// The index of SRTCP with the flag that says "encrypted".
pub(super) const INDEX_BYTES: usize = 4;

/// The bit beside the index of SRTCP that says that the packet is encrypted.
pub(super) const ENCRYPTED: u32 = 1 << 31;

/// The largest index of SRTCP: no key outlives it (RFC 3711 §9.2).
pub(super) const RTCP_INDEX_MAX: u32 = ENCRYPTED - 1;

/// The index of SRTCP as it is written.
#[inline]
pub(super) const fn encrypted(index: u32) -> [u8; INDEX_BYTES] {
    (index | ENCRYPTED).to_be_bytes()
}

/// What is read of an RTP header.
#[derive(Clone, Copy, Debug)]
pub(super) struct RtpFields {
    /// Octets of the header, with CSRCs and extension.
    pub(super) header: usize,
    pub(super) sequence: u16,
    pub(super) ssrc: u32,
}

impl RtpFields {
    /// Of a packet; `None` if it is shorter than its header says, or of another version.
    #[inline]
    pub(super) fn of(packet: &[u8]) -> Option<Self> {
        let (fixed, rest) = packet.split_first_chunk::<HEADER_BYTES>()?;
        let &[flags, _, s0, s1, _, _, _, _, i0, i1, i2, i3] = fixed;
        if flags >> 6 != 2 {
            return None;
        }
        let mut header = HEADER_BYTES + usize::from(flags & 0x0f) * 4;
        if flags & 0x10 != 0 {
            let at = header - HEADER_BYTES;
            let &[_, _, high, low] = rest.get(at..at + 4)?.first_chunk::<4>()?;
            header += 4 + usize::from(u16::from_be_bytes([high, low])) * 4;
        }
        if header > packet.len() {
            return None;
        }
        Some(Self { header, sequence: u16::from_be_bytes([s0, s1]), ssrc: u32::from_be_bytes([i0, i1, i2, i3]) })
    }
}

/// The SSRC of compound RTCP.
#[inline]
pub(super) fn rtcp_ssrc(packet: &[u8]) -> Option<u32> {
    let &[flags, _, _, _, i0, i1, i2, i3] = packet.first_chunk::<RTCP_CLEAR>()?;
    (flags >> 6 == 2).then_some(u32::from_be_bytes([i0, i1, i2, i3]))
}

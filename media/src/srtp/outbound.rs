//! What a leg is sent.

use super::cipher::Cipher;
use super::packet::{RTCP_INDEX_MAX, RtpFields, rtcp_ssrc};
use super::window::Window;
use router::parameter::{MediaKey, SrtpSuite};

/// The largest index of RTP: no key outlives it (RFC 3711 §9.2).
const INDEX_MAX: u64 = (1 << 48) - 1;

/// One key of ours, and the stream that it protects: a port has one.
pub struct Outbound {
    cipher: Cipher,
    stream: Option<(u32, Window)>,
    rtcp_index: u32,
}

impl Outbound {
    /// Of a master key; `None`: it has not the length that the suite asks for.
    pub fn new(suite: SrtpSuite, key: &MediaKey) -> Option<Self> {
        Some(Self { cipher: Cipher::new(suite, key)?, stream: None, rtcp_index: 0 })
    }

    /// Protects the RTP packet at the head of `buffer` that has `length` octets, and gives its new length.
    ///
    /// `None`: it is no packet, there is no room for the tag, or its number was sent before: with AES-GCM two packets of one number would tell
    /// the key that authenticates (RFC 7714 §8.4), in counter mode what both say.
    #[inline]
    pub fn protect_rtp(&mut self, buffer: &mut [u8], length: usize) -> Option<usize> {
        let RtpFields { header, sequence, ssrc } = RtpFields::of(buffer.get(..length)?)?;
        let window = match &mut self.stream {
            Some((own, window)) if *own == ssrc => window,
            _ => return self.begin(buffer, length),
        };
        let index = window.estimate(sequence).filter(|index| *index <= INDEX_MAX && window.is_fresh(*index))?;
        let sealed = self.cipher.seal_rtp(buffer, length, header, (ssrc, index))?;
        window.note(index);
        Some(sealed)
    }

    /// The first packet of a stream: its roll-over counter is 0.
    #[cold]
    fn begin(&mut self, buffer: &mut [u8], length: usize) -> Option<usize> {
        let RtpFields { header, sequence, ssrc } = RtpFields::of(buffer.get(..length)?)?;
        let index = u64::from(sequence);
        let sealed = self.cipher.seal_rtp(buffer, length, header, (ssrc, index))?;
        self.stream = Some((ssrc, Window::new(index)));
        Some(sealed)
    }

    /// Protects the compound RTCP at the head of `buffer` that has `length` octets, and gives its new length. `None`: it is no packet, there is no room,
    /// or the key is used up.
    pub fn protect_rtcp(&mut self, buffer: &mut [u8], length: usize) -> Option<usize> {
        let ssrc = rtcp_ssrc(buffer.get(..length)?)?;
        let index = self.rtcp_index.checked_add(1).filter(|index| *index <= RTCP_INDEX_MAX)?;
        self.rtcp_index = index;
        self.cipher.seal_rtcp(buffer, length, (ssrc, index))
    }

    /// The stream goes on under another key, as RFC 3711 §9.1 has it and peers do.
    #[cfg(test)]
    pub(super) fn rekeyed(self, fresh: Self) -> Self {
        Self { stream: self.stream, ..fresh }
    }
}

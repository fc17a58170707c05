//! What comes from a leg.

use super::Refusal;
use super::cipher::Cipher;
use super::packet::{RtpFields, rtcp_ssrc};
use super::window::Window;
use crate::limits::{REKEY_OVERLAP, SRTP_SCRATCH_BYTES, SRTP_STREAMS};
use router::parameter::{MediaKey, SrtpSuite};
use router::time::Instant;

/// Streams by SSRC, those of RTP or those of RTCP.
struct Streams {
    known: Vec<(u32, Window)>,
}

impl Streams {
    /// None yet, and room for all that there will be.
    fn new() -> Self {
        Self { known: Vec::with_capacity(SRTP_STREAMS) }
    }

    #[inline]
    fn find(&mut self, ssrc: u32) -> Option<&mut Window> {
        self.known.iter_mut().find(|(known, _)| *known == ssrc).map(|(_, window)| window)
    }

    /// A stream whose first packet was authentic. The longest known one makes room for it.
    #[cold]
    fn begin(&mut self, ssrc: u32, index: u64) {
        if self.known.len() >= SRTP_STREAMS {
            self.known.remove(0);
        }
        self.known.push((ssrc, Window::new(index)));
    }
}

/// One key of the peer's, and the streams that it protects.
struct Keyed {
    cipher: Cipher,
    rtp: Streams,
    rtcp: Streams,
}

impl Keyed {
    fn new(suite: SrtpSuite, key: &MediaKey) -> Option<Self> {
        Some(Self { cipher: Cipher::new(suite, key)?, rtp: Streams::new(), rtcp: Streams::new() })
    }

    /// Opens an RTP packet. `former`: the index that the packet would have, did its stream go on under this key.
    #[inline]
    fn open_rtp(&mut self, packet: &mut [u8], former: Option<u64>) -> Result<usize, Refusal> {
        let RtpFields { header, sequence, ssrc } = RtpFields::of(packet).ok_or(Refusal::Malformed)?;
        let Some(window) = self.rtp.find(ssrc) else { return self.begin(packet, former) };
        let index = window.estimate(sequence).filter(|index| window.is_fresh(*index)).ok_or(Refusal::Replayed)?;
        let length = self.cipher.open_rtp(packet, header, (ssrc, index))?;
        window.note(index);
        Ok(length)
    }

    /// The first packet of a stream. Its roll-over counter is 0, unless the stream has gone on from a former key (RFC 3711 §9.1), or its first packets,
    /// just before it rolled over, were lost.
    #[cold]
    fn begin(&mut self, packet: &mut [u8], former: Option<u64>) -> Result<usize, Refusal> {
        let RtpFields { header, sequence, ssrc } = RtpFields::of(packet).ok_or(Refusal::Malformed)?;
        let first = u64::from(sequence);
        let rolled_over = (sequence < 1 << 15).then_some(first | 1 << 16);
        let mut room = [0; SRTP_SCRATCH_BYTES];
        let mut refusal = Refusal::Forged;
        for index in [former.filter(|former| *former != first), Some(first), rolled_over].into_iter().flatten() {
            // What is refused may be lost (GCM), so it is tried on a copy.
            let Some(copy) = room.get_mut(..packet.len()) else { return Err(Refusal::Malformed) };
            copy.copy_from_slice(packet);
            match self.cipher.open_rtp(copy, header, (ssrc, index)) {
                Ok(length) => {
                    packet.copy_from_slice(copy);
                    self.rtp.begin(ssrc, index);
                    return Ok(length);
                }
                Err(why) => refusal = why,
            }
        }
        Err(refusal)
    }

    fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, Refusal> {
        let ssrc = rtcp_ssrc(packet).ok_or(Refusal::Malformed)?;
        let index = self.cipher.rtcp_index(packet)?;
        let known = self.rtcp.find(ssrc);
        if known.as_ref().is_some_and(|window| !window.is_fresh(u64::from(index))) {
            return Err(Refusal::Replayed);
        }
        let length = self.cipher.open_rtcp(packet, (ssrc, index))?;
        match known {
            Some(window) => window.note(u64::from(index)),
            None => self.rtcp.begin(ssrc, u64::from(index)),
        }
        Ok(length)
    }
}

/// The peer's key, and for a moment the one before it.
pub struct Inbound {
    present: Keyed,
    former: Option<(Box<Keyed>, Instant)>,
}

impl Inbound {
    /// Of a master key; `None`: it has not the length that the suite asks for.
    pub fn new(suite: SrtpSuite, key: &MediaKey) -> Option<Self> {
        Some(Self { present: Keyed::new(suite, key)?, former: None })
    }

    /// The peer has a new key. What it has protected with the former one may still be on its way. False: the key has not the length that the suite
    /// asks for, and nothing has changed.
    pub fn renew(&mut self, now: Instant, suite: SrtpSuite, key: &MediaKey) -> bool {
        let Some(fresh) = Keyed::new(suite, key) else { return false };
        let former = std::mem::replace(&mut self.present, fresh);
        self.former = Some((Box::new(former), now + REKEY_OVERLAP));
        true
    }

    /// Opens an RTP packet in place, and gives the length of what is in the clear now.
    #[inline]
    pub fn unprotect_rtp(&mut self, now: Instant, packet: &mut [u8]) -> Result<usize, Refusal> {
        if self.former.is_some() {
            return self.unprotect_by_either(now, packet, Kind::Rtp);
        }
        self.present.open_rtp(packet, None)
    }

    /// The same for compound RTCP.
    #[inline]
    pub fn unprotect_rtcp(&mut self, now: Instant, packet: &mut [u8]) -> Result<usize, Refusal> {
        if self.former.is_some() {
            return self.unprotect_by_either(now, packet, Kind::Rtcp);
        }
        self.present.open_rtcp(packet)
    }

    #[cold]
    fn unprotect_by_either(&mut self, now: Instant, packet: &mut [u8], kind: Kind) -> Result<usize, Refusal> {
        let Self { present, former } = self;
        let Some((before, until)) = former else { return Err(Refusal::Forged) };
        let fields = RtpFields::of(packet).filter(|_| kind == Kind::Rtp);
        let index = fields.and_then(|fields| before.rtp.find(fields.ssrc)?.estimate(fields.sequence));
        let mut room = [0; SRTP_SCRATCH_BYTES];
        let copy = room.get_mut(..packet.len()).ok_or(Refusal::Malformed)?;
        copy.copy_from_slice(packet);
        let opened = match kind {
            Kind::Rtp => present.open_rtp(packet, index),
            Kind::Rtcp => present.open_rtcp(packet),
        };
        let is_over = now >= *until;
        let opened = match (opened, kind) {
            (Err(Refusal::Forged), _) if is_over => Err(Refusal::Forged),
            (Err(Refusal::Forged), Kind::Rtp) => before.open_rtp(copy, None).inspect(|_| packet.copy_from_slice(copy)),
            (Err(Refusal::Forged), Kind::Rtcp) => before.open_rtcp(copy).inspect(|_| packet.copy_from_slice(copy)),
            (opened, _) => opened,
        };
        // Once the peer has been heard by its new key and the moment is over, the former one is of no use.
        if is_over && !present.rtp.known.is_empty() {
            *former = None;
        }
        opened
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rtp,
    Rtcp,
}

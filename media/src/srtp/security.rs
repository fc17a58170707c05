//! Both directions of a leg, and what a new plan changes of them.

use super::{Inbound, Outbound, Refusal};
use router::parameter::{MediaKey, Protection, SrtpSuite};
use router::time::Instant;
use std::fmt;

/// The keys of a leg at work.
pub struct Security {
    protection: Protection,
    inbound: Inbound,
    outbound: Outbound,
}

/// Its keys do not show.
impl fmt::Debug for Security {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Security").field("suite", &self.protection.suite).finish_non_exhaustive()
    }
}

/// What a new plan has changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Renewed {
    /// Nothing, or what comes from the peer alone.
    Kept,
    /// Our key: what is sent begins anew.
    Ours,
}

impl Security {
    /// Of a leg's keys; `None`: one has not the length that the suite asks for.
    pub fn new(protection: &Protection) -> Option<Self> {
        Some(Self {
            protection: protection.clone(),
            inbound: Inbound::new(protection.suite, &protection.receive)?,
            outbound: Outbound::new(protection.suite, &protection.send)?,
        })
    }

    /// Whether these keys can be used at all.
    pub fn is_usable(Protection { suite, send, receive }: &Protection) -> bool {
        let fits = |key: &MediaKey| {
            key.material.len() == suite.material_bytes() && key.identifier.len() <= crate::limits::MKI_BYTES
        };
        fits(send) && fits(receive)
    }

    /// Takes the keys of a new plan. Those that are the same go on where they are.
    pub fn renew(&mut self, now: Instant, protection: &Protection) -> Renewed {
        let suite = protection.suite;
        let same_suite = suite == self.protection.suite;
        if !same_suite || protection.receive != self.protection.receive {
            self.inbound.renew(now, suite, &protection.receive);
        }
        let mut renewed = Renewed::Kept;
        if (!same_suite || protection.send != self.protection.send)
            && let Some(outbound) = Outbound::new(suite, &protection.send)
        {
            self.outbound = outbound;
            renewed = Renewed::Ours;
        }
        self.protection = protection.clone();
        renewed
    }

    /// The suite.
    pub const fn suite(&self) -> SrtpSuite {
        self.protection.suite
    }

    /// Opens an RTP packet of the peer's in place, and gives the length of what is in the clear now.
    #[inline]
    pub fn unprotect_rtp(&mut self, now: Instant, packet: &mut [u8]) -> Result<usize, Refusal> {
        self.inbound.unprotect_rtp(now, packet)
    }

    /// The same for compound RTCP.
    #[inline]
    pub fn unprotect_rtcp(&mut self, now: Instant, packet: &mut [u8]) -> Result<usize, Refusal> {
        self.inbound.unprotect_rtcp(now, packet)
    }

    /// Protects the RTP packet at the head of `buffer`, and gives its new length; see [`Outbound::protect_rtp`].
    #[inline]
    pub fn protect_rtp(&mut self, buffer: &mut [u8], length: usize) -> Option<usize> {
        self.outbound.protect_rtp(buffer, length)
    }

    /// The same for compound RTCP.
    pub fn protect_rtcp(&mut self, buffer: &mut [u8], length: usize) -> Option<usize> {
        self.outbound.protect_rtcp(buffer, length)
    }
}

//! The keys of a port: what its peer sends is opened, what it is sent is sealed. A port without keys pays the question whether it has some.

use super::Port;
use crate::srtp::{Refusal, Renewed, Security};
use crate::status::Discard;
use crate::wire::{Channel, Destination, Wire};
use router::Random;
use router::parameter::Protection;
use router::time::Instant;

/// What became of a packet that was to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sending {
    /// The wire took it.
    Taken,
    /// The wire did not.
    Failed,
    /// One of its number was sent before, or it is older than anybody knows (see [`Outbound`](crate::srtp::Outbound)).
    Repeated,
}

impl From<bool> for Sending {
    fn from(taken: bool) -> Self {
        if taken { Self::Taken } else { Self::Failed }
    }
}

impl Port {
    /// Whether its stream is protected.
    #[inline]
    pub fn is_secure(&self) -> bool {
        self.security.is_some()
    }

    /// Takes the keys of a new plan, or that it has none. With a new key of ours a new stream begins.
    pub fn secure(&mut self, now: Instant, protection: Option<Box<Protection>>, random: &mut Random) {
        let renewed = match (&mut self.security, protection) {
            (security, None) => {
                *security = None;
                Renewed::Kept
            }
            (Some(security), Some(protection)) => security.renew(now, &protection),
            (security, Some(protection)) => {
                *security = Security::new(&protection).map(Box::new);
                Renewed::Ours
            }
        };
        if let Some(security) = &self.security {
            self.suite = Some(security.suite());
        }
        if renewed == Renewed::Ours {
            self.outgoing.renew(random);
        }
    }

    /// Opens a datagram of the peer's in place: what is in the clear then. What is not the peer's is counted as discarded.
    #[inline]
    pub fn unprotect<'a>(
        &mut self,
        now: Instant,
        is_control: bool,
        data: &'a mut [u8],
    ) -> Result<&'a mut [u8], Discard> {
        let Some(security) = &mut self.security else { return Ok(data) };
        let opened = match is_control {
            true => security.unprotect_rtcp(now, data),
            false => security.unprotect_rtp(now, data),
        };
        let refused = match opened {
            Ok(length) => return data.get_mut(..length).ok_or(Discard::Malformed),
            Err(Refusal::Malformed) => Discard::Malformed,
            Err(Refusal::Forged) => Discard::Forged,
            Err(Refusal::Replayed) => Discard::Replayed,
        };
        self.count_discarded();
        Err(refused)
    }

    /// Sends an RTP packet.
    #[inline]
    pub fn send<W: Wire>(&mut self, wire: &mut W, destination: Destination, packet: &[u8]) -> Sending {
        let pair = self.place.pair;
        let Some(security) = &mut self.security else {
            return wire.send(pair, Channel::Rtp, destination, packet).into();
        };
        let mut repeated = false;
        let taken = wire.send_sealed(pair, Channel::Rtp, destination, packet, |room, length| {
            let sealed = security.protect_rtp(room, length);
            repeated = sealed.is_none();
            sealed
        });
        if repeated { Sending::Repeated } else { taken.into() }
    }

    /// Sends compound RTCP. False: it was not taken.
    pub fn send_report<W: Wire>(
        &mut self,
        wire: &mut W,
        channel: Channel,
        destination: Destination,
        report: &[u8],
    ) -> bool {
        let pair = self.place.pair;
        match &mut self.security {
            None => wire.send(pair, channel, destination, report),
            Some(security) => {
                wire.send_sealed(pair, channel, destination, report, |room, length| security.protect_rtcp(room, length))
            }
        }
    }
}

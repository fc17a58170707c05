//! What protects a port: what its peer sends is opened, what it is sent is sealed. A port without pays the question whether it has some.

use super::Port;
use super::handshake::Dtls;
use crate::session::KeySource;
use crate::srtp::{Refusal, Renewed, Security};
use crate::status::Discard;
use crate::turn::is_place;
use crate::wire::{Channel, Destination, Wire};
use router::Random;
use router::parameter::Protection;
use router::time::Instant;
use std::net::SocketAddr;

/// What became of a packet that was to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sending {
    /// The wire took it.
    Taken,
    /// The wire did not.
    Failed,
    /// One of its number was sent before, or it is older than anybody knows (see [`Outbound`](crate::srtp::Outbound)).
    Repeated,
    /// There are no keys yet: nobody is to hear it.
    Unkeyed,
}

impl From<bool> for Sending {
    fn from(taken: bool) -> Self {
        if taken { Self::Taken } else { Self::Failed }
    }
}

/// The keys of a port, and where they come from.
#[derive(Debug, Default)]
pub(super) struct Secured {
    /// Those of RTP, and of RTCP unless that has an association of its own; `None`: they have not come about.
    pub(super) keys: Option<Security>,
    /// Those of RTCP that has an association of its own.
    pub(super) control: Option<Box<Security>>,
    /// The handshake that they come from; `None`: they stood in SDP.
    pub(super) dtls: Option<Box<Dtls>>,
}

impl Secured {
    /// Whether RTCP has keys of its own (RFC 5764 §3: an association for each port).
    fn is_apart(&self) -> bool {
        self.dtls.as_ref().is_some_and(|dtls| dtls.is_apart())
    }

    /// Those that protect reports.
    fn of_control(&mut self) -> Option<&mut Security> {
        if self.is_apart() { self.control.as_deref_mut() } else { self.keys.as_mut() }
    }
}

impl Port {
    /// Whether its stream is protected, or is to be.
    #[inline]
    pub fn is_secure(&self) -> bool {
        self.security.is_some()
    }

    /// Takes the keys of a new plan, or where they are to come from, or that it has none. With a new key of ours a new stream begins. Its
    /// handshakes' timer is none of its any more.
    pub fn secure(&mut self, now: Instant, source: Option<Box<KeySource>>, shares_rtcp: bool, random: &mut Random) {
        match source.map(|source| *source) {
            Some(KeySource::Given(protection)) => {
                let secured = self.security.get_or_insert_default();
                (secured.control, secured.dtls) = (None, None);
                self.take_keys(now, &protection, random);
            }
            Some(KeySource::Handshake(parameters)) => {
                let secured = self.security.get_or_insert_default();
                match &mut secured.dtls {
                    Some(dtls) if dtls.is_of(&parameters, shares_rtcp) => dtls.go_on(now),
                    dtls => *dtls = Some(Box::new(Dtls::new(now, parameters, shares_rtcp))),
                }
            }
            None => self.security = None,
        }
    }

    /// Keys are there, as they stood in SDP or have come about.
    pub(super) fn take_keys(&mut self, now: Instant, protection: &Protection, random: &mut Random) {
        let Some(secured) = &mut self.security else { return };
        let renewed = match &mut secured.keys {
            Some(keys) => keys.renew(now, protection),
            keys => {
                *keys = Security::new(protection);
                Renewed::Ours
            }
        };
        self.suite = secured.keys.as_ref().map(Security::suite).or(self.suite);
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
        let Some(secured) = &mut self.security else { return Ok(data) };
        let security = if is_control { secured.of_control() } else { secured.keys.as_mut() };
        let opened = match (security, is_control) {
            (None, _) => {
                self.count_discarded();
                return Err(Discard::Unkeyed);
            }
            (Some(security), true) => security.unprotect_rtcp(now, data),
            (Some(security), false) => security.unprotect_rtp(now, data),
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
        if self.has_relay()
            && let Destination::To(place) = destination
            && is_place(place)
        {
            return self.send_relayed(wire, place, packet);
        }
        let Some(secured) = &mut self.security else {
            return wire.send(pair, Channel::Rtp, destination, packet).into();
        };
        let Some(security) = &mut secured.keys else { return Sending::Unkeyed };
        let mut repeated = false;
        let taken = wire.send_sealed(pair, Channel::Rtp, destination, packet, |room, length| {
            let sealed = security.protect_rtp(room, length);
            repeated = sealed.is_none();
            sealed
        });
        if repeated { Sending::Repeated } else { taken.into() }
    }

    /// The same to a peer that is reached by a server: sealed and wrapped where it lies.
    fn send_relayed<W: Wire>(&mut self, wire: &mut W, place: SocketAddr, packet: &[u8]) -> Sending {
        // It is put back at once: what sends needs the port as well.
        let mut secured = self.security.take();
        let sending = match secured.as_deref_mut() {
            None => self.send_by_relay(wire, Channel::Rtp, place, packet, |_, length| Some(length)),
            Some(Secured { keys: None, .. }) => Sending::Unkeyed,
            Some(Secured { keys: Some(keys), .. }) => {
                let seal = |room: &mut [u8], length| keys.protect_rtp(room, length);
                self.send_by_relay(wire, Channel::Rtp, place, packet, seal)
            }
        };
        self.security = secured;
        sending
    }

    /// Whether reports can be sent: in the clear, or under keys that are there.
    pub(super) fn may_report(&self) -> bool {
        let has_keys = |secured: &Secured| {
            if secured.is_apart() { secured.control.is_some() } else { secured.keys.is_some() }
        };
        self.security.as_deref().is_none_or(has_keys)
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
        if self.has_relay()
            && let Destination::To(place) = destination
            && is_place(place)
        {
            let mut secured = self.security.take();
            let sending = match secured.as_deref_mut().map(Secured::of_control) {
                None => self.send_by_relay(wire, channel, place, report, |_, length| Some(length)),
                Some(None) => Sending::Unkeyed,
                Some(Some(keys)) => {
                    let seal = |room: &mut [u8], length| keys.protect_rtcp(room, length);
                    self.send_by_relay(wire, channel, place, report, seal)
                }
            };
            self.security = secured;
            return sending == Sending::Taken;
        }
        let Some(secured) = &mut self.security else { return wire.send(pair, channel, destination, report) };
        let Some(security) = secured.of_control() else { return false };
        wire.send_sealed(pair, channel, destination, report, |room, length| security.protect_rtcp(room, length))
    }
}

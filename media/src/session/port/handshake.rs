//! The handshakes of a port (DTLS-SRTP): who may take part, what they come to, when they are given up.
//!
//! ```text
//!   client  ──begin──▶ on its way ──keys──▶ kept for a while, then forgotten; the keys stay
//!   server  ──hello──▶     │                      │
//!                          └── fault: anew, until HANDSHAKE_WITHIN; then the owner is told
//!                              another certificate: the owner is told at once (RFC 5763 §5)
//! ```
//! A peer that begins anew with another hello is served beside the keys that are in use: they stay until there are new ones. Without
//! `rtcp-mux` there is an association for each port (RFC 5764 §3).

use super::Port;
use crate::dtls::{Association, Came, Gate, Identity};
use crate::limits::{
    HANDSHAKE_AGAIN, HANDSHAKE_FLIGHT, HANDSHAKE_HELD, HANDSHAKE_KEPT, HANDSHAKE_WITHIN, HANDSHAKES_PER_SECOND,
};
use crate::srtp::Security;
use crate::status::Discard;
use crate::wire::{Channel, Destination};
use bytes::BytesMut;
use router::Random;
use router::parameter::{DtlsParameters, DtlsRole, HandshakeFault, Protection, SrtpSuite};
use router::time::{Duration, Instant, TimerKey};
use std::net::SocketAddr;
use std::sync::Arc;

/// Handshakes that may begin in this second, at all ports of a worker.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allowance {
    since: Instant,
    begun: u32,
    /// All that have begun.
    pub total: u64,
}

impl Allowance {
    /// One begins; false: it may not.
    fn take(&mut self, now: Instant) -> bool {
        if now.since(self.since) >= Duration::from_secs(1) {
            (self.since, self.begun) = (now, 0);
        }
        let may = self.begun < HANDSHAKES_PER_SECOND;
        self.begun += u32::from(may);
        self.total += u64::from(may);
        may
    }
}

/// What handshakes at a port are made with.
#[derive(Debug)]
pub struct Means<'a> {
    /// Our certificate.
    pub identity: &'a Arc<Identity>,
    /// How many may still begin.
    pub allowance: &'a mut Allowance,
    /// For the stream that begins with new keys.
    pub random: &'a mut Random,
}

/// A datagram of DTLS.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Where it came to.
    pub channel: Channel,
    /// Where it came from.
    pub source: SocketAddr,
    /// What it is.
    pub octets: &'a [u8],
}

/// What a handshake has come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Handshaken {
    /// Its keys are in use.
    Secured(SrtpSuite),
    /// There are none.
    Insecure(HandshakeFault),
}

/// The handshake of one port of the pair.
#[derive(Debug, Default)]
struct End {
    association: Option<Association>,
    /// Who is spoken to.
    peer: Option<SocketAddr>,
    /// When the association began.
    since: Instant,
    /// Whether there are keys, of this association or of one before.
    is_keyed: bool,
    /// When what is left of it is forgotten.
    forgotten: Option<Instant>,
}

/// What the keys of a port come from.
#[derive(Debug)]
pub(super) struct Dtls {
    parameters: DtlsParameters,
    is_apart: bool,
    /// Of RTP, of RTCP.
    ends: [End; 2],
    /// When the handshake is given up; `None`: it was, or has come to keys.
    until: Option<Instant>,
    /// When one that we begin may begin.
    begin_at: Instant,
    fault: HandshakeFault,
    timer: Option<TimerKey>,
}

impl Dtls {
    pub(super) fn new(now: Instant, parameters: DtlsParameters, shares_rtcp: bool) -> Self {
        Self {
            parameters,
            is_apart: !shares_rtcp,
            ends: Default::default(),
            until: Some(now + HANDSHAKE_WITHIN),
            begin_at: now,
            fault: HandshakeFault::TimedOut,
            timer: None,
        }
    }

    /// Whether RTCP has an association of its own.
    pub(super) fn is_apart(&self) -> bool {
        self.is_apart
    }

    /// Whether these are its parameters.
    pub(super) fn is_of(&self, parameters: &DtlsParameters, shares_rtcp: bool) -> bool {
        self.parameters == *parameters && self.is_apart != shares_rtcp
    }

    /// The plan asks for it once more: what was given up begins again.
    pub(super) fn go_on(&mut self, now: Instant) {
        if self.until.is_none() && !self.ends[0].is_keyed {
            (self.until, self.begin_at) = (Some(now + HANDSHAKE_WITHIN), now);
        }
    }

    fn ends(&mut self) -> impl Iterator<Item = (Channel, &mut End)> {
        let used = if self.is_apart { 2 } else { 1 };
        [Channel::Rtp, Channel::Rtcp].into_iter().zip(&mut self.ends).take(used)
    }

    /// Whether one that we begin has still to begin.
    fn is_to_begin(&mut self) -> bool {
        let is_client = self.parameters.role == DtlsRole::Client && self.until.is_some();
        is_client && self.ends().any(|(_, end)| end.association.is_none() && !end.is_keyed)
    }

    /// When it is to be looked at.
    fn due(&mut self) -> Option<Instant> {
        let begin = self.is_to_begin().then_some(self.begin_at);
        let ends = self.ends().flat_map(|(_, end)| {
            let next = end.association.as_ref().and_then(Association::poll_timeout);
            [next, end.forgotten]
        });
        let ends = ends.flatten().min();
        [begin, ends, self.until].into_iter().flatten().min()
    }

    /// Where a datagram of DTLS belongs: to the association that it is of, or to a new one that it begins.
    fn association(&mut self, now: Instant, record: Record<'_>, means: &mut Means<'_>) -> Result<&mut End, Discard> {
        let (role, Record { channel, source, octets: datagram }) = (self.parameters.role, record);
        let (_, end) = self.ends().find(|(of, _)| *of == channel).ok_or(Discard::Unexpected)?;
        let seen = Gate::look(datagram).ok_or(Discard::Malformed)?;
        let hello = seen.hello.filter(|_| role == DtlsRole::Server);
        if let Some(hello) = hello
            && end.association.as_ref().is_none_or(|association| !association.answers(&hello))
        {
            let is_held = end.association.as_ref().is_some_and(|association| !association.is_done())
                && end.peer != Some(source)
                && now.since(end.since) < HANDSHAKE_HELD;
            let is_soon = end.association.is_some() && now.since(end.since) < HANDSHAKE_AGAIN;
            if is_held || is_soon || !means.allowance.take(now) {
                return Err(Discard::Flood);
            }
            (end.association, end.since) = (Some(Association::answering(means.identity, hello)), now);
            end.forgotten = Some(now + HANDSHAKE_KEPT);
        }
        if role == DtlsRole::Server {
            end.peer = Some(source);
        }
        Ok(end)
    }
}

impl Port {
    /// Takes a datagram of DTLS: what it has led to, if anything.
    pub fn take_dtls(
        &mut self,
        now: Instant,
        record: Record<'_>,
        mut means: Means<'_>,
    ) -> Result<Option<Handshaken>, Discard> {
        let taken = self.examine_dtls(now, record, &mut means);
        self.packets_discarded += u64::from(taken.is_err());
        taken
    }

    fn examine_dtls(
        &mut self,
        now: Instant,
        record: Record<'_>,
        means: &mut Means<'_>,
    ) -> Result<Option<Handshaken>, Discard> {
        let Record { channel, source, octets: datagram } = record;
        let signalled_rtcp = self.plan.as_ref().and_then(|plan| plan.remote_rtcp);
        let may_take_part = match channel {
            _ if self.ways.is_some() => self.is_proven(channel, source),
            Channel::Rtp => self.learning.may_prove(now, source),
            Channel::Rtcp => signalled_rtcp == Some(source) || self.learning.may_prove_host(source.ip()),
        };
        if !may_take_part {
            return Err(Discard::Stranger);
        }
        let dtls = self.security.as_mut().and_then(|secured| secured.dtls.as_mut()).ok_or(Discard::Unexpected)?;
        let fingerprints = dtls.parameters.fingerprints.clone();
        let end = dtls.association(now, record, means)?;
        let association = end.association.as_mut().ok_or(Discard::Unkeyed)?;
        match association.handle_datagram(now, datagram, &fingerprints).ok_or(Discard::Malformed)? {
            Came::Nothing => Ok(None),
            Came::Keys(protection) => {
                (end.is_keyed, end.forgotten) = (true, Some(now + HANDSHAKE_KEPT));
                Ok(self.take_handshake(now, record, &protection, means.random))
            }
            Came::Fault(fault) => {
                end.association = None;
                // What is in use stays in use, whoever tries.
                if end.is_keyed {
                    return Ok(None);
                }
                dtls.fault = fault;
                dtls.begin_at = now + HANDSHAKE_FLIGHT;
                if fault != HandshakeFault::Fingerprint {
                    return Ok(None);
                }
                dtls.until = None;
                Ok(Some(Handshaken::Insecure(fault)))
            }
        }
    }

    /// A handshake has come to keys: whoever has them is the peer, wherever it is.
    fn take_handshake(
        &mut self,
        now: Instant,
        record: Record<'_>,
        protection: &Protection,
        random: &mut Random,
    ) -> Option<Handshaken> {
        if record.channel == Channel::Rtcp {
            let secured = self.security.as_mut()?;
            match &mut secured.control {
                Some(control) => {
                    control.renew(now, protection);
                }
                control => *control = Security::new(protection).map(Box::new),
            }
            return None;
        }
        self.take_keys(now, protection, random);
        self.learning.handle_proof(now, record.source);
        if let Some(dtls) = self.security.as_mut().and_then(|secured| secured.dtls.as_mut()) {
            dtls.until = None;
        }
        Some(Handshaken::Secured(protection.suite))
    }

    /// Looks at its handshakes: those that are to begin, to be repeated, given up or forgotten.
    pub fn handle_dtls_timeout(&mut self, now: Instant, means: Means<'_>) -> Option<Handshaken> {
        let rtp = self.learning.destination();
        let rtcp = match &self.ways {
            Some(ways) => ways.destination(Channel::Rtcp),
            None => self.plan.as_ref().and_then(|plan| plan.remote_rtcp),
        };
        let dtls = self.security.as_mut()?.dtls.as_mut()?;
        let may_begin = dtls.is_to_begin() && dtls.begin_at <= now;
        if may_begin {
            dtls.begin_at = now + HANDSHAKE_FLIGHT;
        }
        let mut fault = None;
        for (channel, end) in dtls.ends() {
            if end.forgotten.is_some_and(|at| at <= now) {
                (end.association, end.forgotten) = (None, None);
            }
            let to = if channel == Channel::Rtp { rtp } else { rtcp };
            if may_begin && end.association.is_none() && !end.is_keyed && to.is_some() && means.allowance.take(now) {
                (end.association, end.peer, end.since) = (Association::begin(means.identity, now), to, now);
                end.forgotten = None;
            }
            let Some(association) = &mut end.association else { continue };
            if association.poll_timeout().is_some_and(|at| at <= now)
                && let Came::Fault(why) = association.handle_timeout(now)
            {
                end.association = None;
                fault = fault.or(Some(why));
            }
        }
        dtls.fault = fault.filter(|_| dtls.fault == HandshakeFault::TimedOut).unwrap_or(dtls.fault);
        if dtls.until.is_some_and(|until| until <= now) {
            dtls.until = None;
            return Some(Handshaken::Insecure(dtls.fault));
        }
        None
    }

    /// Its peer is somewhere else, or found at last: what we have to say goes there, and what was to begin begins.
    pub(super) fn direct_dtls(&mut self, now: Instant, channel: Channel, peer: SocketAddr) {
        let Some(dtls) = self.security.as_mut().and_then(|secured| secured.dtls.as_mut()) else { return };
        dtls.begin_at = now;
        if dtls.parameters.role == DtlsRole::Client
            && let Some((_, end)) = dtls.ends().find(|(of, _)| *of == channel)
            && end.association.is_some()
        {
            end.peer = Some(peer);
        }
    }

    /// The timer of its handshakes: the former one, for another. A port without has none.
    pub fn set_dtls_timer(&mut self, timer: Option<TimerKey>) -> Option<TimerKey> {
        let dtls = self.security.as_mut()?.dtls.as_mut()?;
        std::mem::replace(&mut dtls.timer, timer)
    }

    /// When its handshakes are to be looked at.
    pub fn poll_dtls_timeout(&mut self) -> Option<Instant> {
        self.security.as_mut()?.dtls.as_mut()?.due()
    }

    /// The next datagram of a handshake, and whither it goes.
    pub fn poll_dtls_transmit(&mut self) -> Option<(Channel, Destination, BytesMut)> {
        let (is_connected, settled) = (self.connected, self.learning.source());
        let dtls = self.security.as_mut()?.dtls.as_mut()?;
        for (channel, end) in dtls.ends() {
            let (Some(association), Some(peer)) = (&mut end.association, end.peer) else { continue };
            let Some(datagram) = association.poll_transmit() else { continue };
            let destination = match channel {
                Channel::Rtp if is_connected && settled == Some(peer) => Destination::Connected,
                _ => Destination::To(peer),
            };
            return Some((channel, destination, datagram));
        }
        None
    }
}

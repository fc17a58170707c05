//! Where the peer really sends from: behind a NAT it is not what its SDP says (RFC 4961, symmetric RTP).
//!
//! ```text
//!                  a packet from the signalled address
//!         ┌─────────────────────────────────────────────────┐
//!         │                                                 ▼
//!   ┌─────┴─────┐ another source,  ┌─────────────┐ 2 s  ┌─────────┐
//!   │  waiting  ├─────────────────▶│ provisional ├─────▶│ settled │  the socket is connected
//!   └─────▲─────┘ consistent       └──────┬──────┘      └────┬────┘
//!         │        silence for seconds    │                  │
//!         └───────────────────────────────┴──────────────────┘
//! ```
//!
//! A port listens to one source. Which one is decided once per plan generation, by where the peer is said to be:
//! - A packet from the very address that the peer signalled settles it at once.
//! - Another source at a *named host* (one in a network that the operator has named; the signalled address's, or the one that the peer's signalling comes from: a phone behind a NAT has a
//!   private address in its SDP, and its media come from where its SIP comes from) has to send several packets of one SSRC with
//!   numbers in a row, in a format that was agreed. It is provisional for two seconds: if a packet comes from the signalled address
//!   meanwhile, that one wins.
//! - Another host that sends from *the port that was signalled* may be the peer (one of several addresses sends from another than it names), and may be
//!   somebody who has guessed a port that many phones have in common. It is heard where it is as consistent, but provisional for as long as it
//!   lasts: whoever comes from a named host takes its place at any time. What is sent goes where the peer said, if that can be reached.
//! - *Anybody else* is a stranger: neither passed on nor sent anything. There is one exception: where the SDP has no address that is known to be
//!   reached (a name, or a private one that the signalling does not come from), and nobody was heard from a named host for two seconds, the
//!   peer may sit behind a NAT of its own and a proxy elsewhere. A stranger that is consistent is taken for it then, and stays
//!   provisional: whoever comes from a named host takes its place at any time.
//! - Whoever protects its packets by the key of the leg (SRTP) is known by that, at whatever host.
//! - Once settled nobody else is heard. The socket is connected: the kernel drops strangers before they cost anything. What
//!   had arrived before is checked here, packet by packet.
//! - Seconds of silence reopen the port for the same host, as a NAT may have a new binding, for the signalled address, and for the networks that
//!   the operator has named; for nobody else.
//!   Who comes from another port of that host with another SSRC than was heard stays provisional, so that the one before may come back at any time.
//! - Where ways to the peer are looked for (ICE), nothing is learned from packets: the checks say where it is, and nobody else is heard.
//! - A new generation unlearns (the peer may have moved; unless it goes on signalling the very address that it
//!   sends from). Where the signalled address did not change the
//!   former source keeps its place until another one is learned: a re-INVITE does not interrupt.

mod candidates;
mod standing;

pub use standing::Networks;

use crate::limits::{CANDIDATES, PROVISIONAL_MS, UNNAMED_MS};
use candidates::Candidate;
use router::time::{Duration, Instant};
use standing::Standing;
use std::net::{IpAddr, SocketAddr};

/// What is to be done with a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is the peer's.
    Accept,
    /// It is the peer's, and from now on nobody else is heard: connect the socket to its source.
    Settled,
    /// It is not, or not yet.
    Stranger,
}

/// What a packet tells of who sent it.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    /// Where it came from.
    pub source: SocketAddr,
    /// Its stream.
    pub ssrc: u32,
    /// Its number there.
    pub sequence: u16,
    /// Whether its format was agreed.
    pub agreed: bool,
    /// Whether it was protected by the peer's key, which proves more than any address.
    pub keyed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Nobody was learned; `former` was before.
    Waiting { former: Option<SocketAddr> },
    /// Learned, and whoever is better known may still take its place: until then, or (`None`) at any time. `former` was settled before,
    /// and silent.
    Provisional { source: SocketAddr, until: Option<Instant>, former: Option<SocketAddr> },
    /// Learned for good.
    Settled { source: SocketAddr },
}

/// The learning of one port's source.
#[derive(Clone, Debug)]
pub struct Learning {
    signalled: Option<SocketAddr>,
    /// Where the peer's signalling comes from.
    host: Option<IpAddr>,
    /// Where its media may come from besides.
    networks: Option<Box<Networks>>,
    generation: Option<u32>,
    state: State,
    /// From when on a stranger may be taken for the peer; `None`: never.
    strangers_from: Option<Instant>,
    /// Whether somebody was heard from where the peer is said to be.
    found: bool,
    /// The SSRC that was heard before a silence reopened the port.
    reopened: Option<u32>,
    /// Whether checks say where the peer is.
    by_checks: bool,
    candidates: [Option<Candidate>; CANDIDATES],
}

impl Default for Learning {
    fn default() -> Self {
        Self {
            signalled: None,
            host: None,
            networks: None,
            generation: None,
            state: State::Waiting { former: None },
            strangers_from: None,
            found: false,
            reopened: None,
            by_checks: false,
            candidates: [None; CANDIDATES],
        }
    }
}

impl Learning {
    /// The peer's media may come from these, too.
    pub fn believe(&mut self, networks: Option<Box<Networks>>) {
        self.networks = networks;
    }

    /// From now on checks say where the peer is, or its packets do again. Until then it is where it was.
    pub fn follow_checks(&mut self, by_checks: bool) {
        if self.by_checks != by_checks {
            let former = self.source();
            *self = Self { networks: self.networks.take(), by_checks, ..Self::default() };
            self.state = State::Waiting { former };
        }
    }

    /// Checks have found the peer, or lost it.
    pub fn handle_way(&mut self, way: Option<SocketAddr>) {
        self.state = way.map_or(State::Waiting { former: None }, |source| State::Settled { source });
    }

    /// A plan names the peer's address, and the host that its signalling comes from. True if the source was unlearned: the socket is to be
    /// disconnected.
    pub fn handle_plan(
        &mut self,
        now: Instant,
        signalled: Option<SocketAddr>,
        host: Option<IpAddr>,
        generation: u32,
    ) -> bool {
        if self.by_checks {
            return false;
        }
        if signalled.is_none() && self.signalled.is_some() {
            // Held the old way: nothing is sent, and nothing new is known.
            self.generation = Some(generation);
            return false;
        }
        let moved = self.signalled != signalled;
        if !moved && self.host == host && self.generation == Some(generation) {
            return false;
        }
        self.found &= !moved && self.host == host;
        (self.signalled, self.host, self.generation) = (signalled, host, Some(generation));
        if let State::Settled { source } = self.state
            && signalled == Some(source)
        {
            // The peer signals the very address that it sends from.
            self.found = true;
            return false;
        }
        let former = self.source();
        self.candidates = [None; CANDIDATES];
        self.reopened = None;
        // Nobody can be meant but who comes.
        let anybody = signalled.is_none() && host.is_none();
        let patience = Duration::from_millis(if anybody { 0 } else { UNNAMED_MS });
        self.strangers_from = (!self.found && !self.is_reached()).then_some(now + patience);
        self.state = State::Waiting { former: former.filter(|_| !moved) };
        true
    }

    /// The source was silent for too long; `ssrc` was the last that it sent. True if there was one: the socket is to be disconnected.
    pub fn handle_silence(&mut self, ssrc: Option<u32>) -> bool {
        if self.by_checks {
            return false;
        }
        let former = match self.state {
            State::Waiting { .. } => return false,
            // Who came after a silence, and is silent now, was no proof of anything.
            State::Provisional { source, former, .. } => former.unwrap_or(source),
            State::Settled { source } => {
                self.reopened = ssrc;
                source
            }
        };
        if self.reopened.is_none() {
            self.reopened = ssrc;
        }
        self.state = State::Waiting { former: Some(former) };
        self.strangers_from = None;
        self.candidates = [None; CANDIDATES];
        true
    }

    /// Takes a valid packet, of a format that was agreed or of another.
    #[inline]
    pub fn check(&mut self, now: Instant, packet: &Heard) -> Verdict {
        match self.state {
            State::Settled { source: learned } if learned == packet.source => Verdict::Accept,
            State::Settled { .. } => Verdict::Stranger,
            _ => self.learn(now, packet),
        }
    }

    #[cold]
    fn learn(&mut self, now: Instant, packet: &Heard) -> Verdict {
        let &Heard { source, ssrc, sequence, agreed, keyed } = packet;
        if self.by_checks {
            return if self.source() == Some(source) { Verdict::Accept } else { Verdict::Stranger };
        }
        if let State::Provisional { source: learned, until, .. } = self.state
            && learned == source
        {
            return if until.is_some_and(|until| now >= until) { self.settle(source) } else { Verdict::Accept };
        }
        if !agreed {
            return Verdict::Stranger;
        }
        let standing = self.standing(source).max(if keyed { Standing::Host } else { Standing::Stranger });
        if standing == Standing::Signalled {
            return self.settle(source);
        }
        self.found |= keyed;
        let is_former = match self.state {
            State::Waiting { former } | State::Provisional { former, .. } => former == Some(source),
            State::Settled { .. } => false,
        };
        if is_former {
            return self.take(now, source, standing, true);
        }
        let may_come = match self.state {
            State::Waiting { .. } => standing >= Standing::Port || self.strangers_from.is_some_and(|from| now >= from),
            State::Provisional { source: learned, .. } => standing > self.standing(learned),
            State::Settled { .. } => false,
        };
        if !may_come || !self.consistent(now, source, standing, ssrc, sequence) {
            return Verdict::Stranger;
        }
        self.take(now, source, standing, keyed || self.reopened.is_none_or(|heard| heard == ssrc))
    }

    /// Who is at `source` has proven to be the peer.
    pub fn handle_proof(&mut self, now: Instant, source: SocketAddr) {
        let is_settled = matches!(self.state, State::Settled { source: learned } if learned == source);
        if !self.by_checks && !is_settled && self.signalled != Some(source) && self.destination() != Some(source) {
            self.found = true;
            self.take(now, source, Standing::Host, true);
        }
    }

    /// Whether the peer's source is learned for good.
    #[inline]
    pub fn is_settled(&self) -> bool {
        matches!(self.state, State::Settled { .. })
    }

    /// Where to send: to the learned source, to the former one while nothing else is known, else where the peer said.
    #[inline]
    pub fn destination(&self) -> Option<SocketAddr> {
        match self.state {
            State::Provisional { source, until: None, .. } if self.is_doubtful(source) => self.signalled,
            _ => self.source().or(self.signalled),
        }
    }

    /// The learned source, or the former one.
    pub fn source(&self) -> Option<SocketAddr> {
        match self.state {
            State::Waiting { former } => former,
            State::Provisional { source, .. } | State::Settled { source } => Some(source),
        }
    }

    /// `source` is heard from now on. `proven`: it is known by more than its host.
    fn take(&mut self, now: Instant, source: SocketAddr, standing: Standing, proven: bool) -> Verdict {
        self.found |= standing >= Standing::Host && self.is_meant(source);
        let nobody_else = self.signalled.is_none() && (standing >= Standing::Host || self.host.is_none());
        if nobody_else && proven {
            return self.settle(source);
        }
        // While nobody was heard from where the peer is said to be, it may still come from there.
        let settles = proven && standing >= Standing::Host && self.found;
        let former = match self.state {
            State::Waiting { former } | State::Provisional { former, .. } => {
                former.filter(|former| !proven && *former != source)
            }
            State::Settled { .. } => None,
        };
        self.candidates = [None; CANDIDATES];
        let until = settles.then(|| now + Duration::from_millis(PROVISIONAL_MS));
        self.state = State::Provisional { source, until, former };
        Verdict::Accept
    }

    fn settle(&mut self, source: SocketAddr) -> Verdict {
        self.found |= self.is_meant(source);
        self.state = State::Settled { source };
        self.reopened = None;
        self.candidates = [None; CANDIDATES];
        Verdict::Settled
    }
}

#[cfg(test)]
mod tests;

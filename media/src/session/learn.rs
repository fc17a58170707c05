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

use crate::limits::{CANDIDATE_MS, CANDIDATES, CONSISTENT, PROVISIONAL_MS, UNNAMED_MS};
use router::parameter::Network;
use router::time::{Duration, Instant};
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

/// How well a source is known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Standing {
    /// Not at all.
    Stranger,
    /// It sends from the port that the peer signalled, at another host.
    Port,
    /// It is at a host that was named, or, after a silence, at one that the operator has named or that was heard.
    Host,
    /// It is the address that the peer signalled.
    Signalled,
}

/// A source that may be learned.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    source: SocketAddr,
    ssrc: u32,
    sequence: u16,
    consistent: u8,
    heard: Instant,
}

/// Networks that the operator has named, of which a leg has some or, nearly always, none: one word in its port.
#[derive(Clone, Debug)]
pub struct Networks(Box<[Network]>);

impl Networks {
    /// Those of a plan.
    pub fn of(networks: &[Network]) -> Option<Box<Self>> {
        (!networks.is_empty()).then(|| Box::new(Self(networks.into())))
    }
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

    /// Whether who is at `source` may be asked to prove that it is the peer, by a handshake: a proof costs us something, so that not everybody may.
    pub fn may_prove(&self, now: Instant, source: SocketAddr) -> bool {
        if self.source() == Some(source) {
            return true;
        }
        match self.state {
            State::Settled { .. } => self.is_meant(source),
            _ => self.standing(source) >= Standing::Port || self.strangers_from.is_some_and(|from| now >= from),
        }
    }

    /// The same for RTCP, of which nobody knows the port.
    pub fn may_prove_host(&self, address: IpAddr) -> bool {
        self.is_host(address) || self.is_named(address)
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

    /// Whether nothing but its port speaks for a source, while there is an address that the peer is reached at.
    #[cold]
    fn is_doubtful(&self, source: SocketAddr) -> bool {
        self.is_reached() && self.standing(source) == Standing::Port
    }

    /// The learned source, or the former one.
    pub fn source(&self) -> Option<SocketAddr> {
        match self.state {
            State::Waiting { former } => former,
            State::Provisional { source, .. } | State::Settled { source } => Some(source),
        }
    }

    /// Whether the peer's host is at `address`, as far as is known: for RTCP, which comes from another port.
    pub fn is_host(&self, address: IpAddr) -> bool {
        match self.source() {
            Some(known) => known.ip() == address || self.is_listed(address),
            None => self.is_named(address),
        }
    }

    /// Whether the peer's description, or its signalling, is of the host at `address`, or the operator has named it.
    fn is_named(&self, address: IpAddr) -> bool {
        self.host == Some(address)
            || self.signalled.is_some_and(|signalled| signalled.ip() == address)
            || self.is_listed(address)
    }

    /// Whether the operator has named the host at `address`.
    fn is_listed(&self, address: IpAddr) -> bool {
        self.networks.as_deref().is_some_and(|networks| networks.0.iter().any(|network| network.contains(address)))
    }

    /// Whether a source is at a host that was named, or at the port that was: a peer with several addresses sends from another one than it
    /// names, and from the same port.
    fn is_meant(&self, source: SocketAddr) -> bool {
        self.is_named(source.ip()) || self.signalled.is_some_and(|signalled| signalled.port() == source.port())
    }

    /// Whether the signalled address is one that the peer can be expected to send from.
    fn is_reached(&self) -> bool {
        self.signalled.is_some_and(|signalled| !is_private(signalled.ip()) || self.host == Some(signalled.ip()))
    }

    fn standing(&self, source: SocketAddr) -> Standing {
        if self.signalled == Some(source) {
            return Standing::Signalled;
        }
        let former = match self.state {
            State::Waiting { former } | State::Provisional { former, .. } => former,
            State::Settled { .. } => None,
        };
        let is_at_former = former.is_some_and(|former| former.ip() == source.ip());
        // A silence opens the port to nobody who was not there before.
        let is_open = self.reopened.is_none() || !self.found;
        let is_known = (self.found || self.reopened.is_some()) && is_at_former;
        if is_known || self.is_listed(source.ip()) || (is_open && self.is_named(source.ip())) {
            Standing::Host
        } else if is_open && self.is_meant(source) {
            Standing::Port
        } else {
            Standing::Stranger
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

    /// Whether `source` has sent enough packets in a row, this one included.
    fn consistent(&mut self, now: Instant, source: SocketAddr, standing: Standing, ssrc: u32, sequence: u16) -> bool {
        let fresh = Candidate { source, ssrc, sequence, consistent: 1, heard: now };
        if let Some(candidate) = self.candidates.iter_mut().flatten().find(|candidate| candidate.source == source) {
            candidate.heard = now;
            if candidate.ssrc != ssrc {
                *candidate = fresh;
                return false;
            }
            match sequence.wrapping_sub(candidate.sequence) {
                // A few may be lost.
                1..=16 => {
                    candidate.sequence = sequence;
                    candidate.consistent += 1;
                }
                // Repeated, or overtaken by the ones before it.
                0 | 0xfff0..=0xffff => {}
                _ => *candidate = fresh,
            }
            return candidate.consistent >= CONSISTENT;
        }
        let patience = Duration::from_millis(CANDIDATE_MS);
        let mut longest_silent = (0, None);
        for (index, slot) in self.candidates.iter().enumerate() {
            let Some(candidate) = slot else {
                longest_silent = (index, None);
                break;
            };
            // A stranger makes room for who is known.
            let known = self.standing(candidate.source) >= standing;
            let place = Some((known, candidate.heard));
            if index == 0 || place < longest_silent.1 {
                longest_silent = (index, place);
            }
        }
        let (index, place) = longest_silent;
        if place.is_none_or(|(known, heard)| !known || now.since(heard) >= patience) {
            self.candidates[index] = Some(fresh);
        }
        false
    }
}

/// Whether an address means something within its own network alone: RFC 1918, RFC 6598, RFC 4193, and those of a link or a host.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || (first == 100 && second & 0xc0 == 64)
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    fn planned() -> Learning {
        let mut learning = Learning::default();
        learning.handle_plan(ms(0), Some(at(1)), None, 1);
        learning
    }

    /// At another host than [`at`].
    fn elsewhere(number: u16) -> SocketAddr {
        SocketAddr::from(([203, 0, 113, 66], 40_000 + number))
    }

    /// What a phone behind a NAT signals.
    fn private() -> SocketAddr {
        SocketAddr::from(([192, 168, 1, 5], 4_000))
    }

    /// A private address is signalled, from the host of [`at`].
    fn behind_nat() -> Learning {
        let mut learning = Learning::default();
        learning.handle_plan(ms(0), Some(private()), Some(at(0).ip()), 1);
        learning
    }

    fn ms(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    fn check(
        learning: &mut Learning,
        now: Instant,
        source: SocketAddr,
        ssrc: u32,
        sequence: u16,
        agreed: bool,
    ) -> Verdict {
        learning.check(now, &Heard { source, ssrc, sequence, agreed, keyed: false })
    }

    /// `source` sends packets `from..from + count`, 20 ms apart; the last verdict.
    fn send(learning: &mut Learning, begin: u64, source: SocketAddr, from: u16, count: u16) -> Verdict {
        let packets = (0..count).map(|index| (ms(begin + 20 * u64::from(index)), from + index));
        packets.fold(Verdict::Stranger, |_, (now, sequence)| check(learning, now, source, 7, sequence, true))
    }

    #[test]
    fn the_signalled_address_is_learned_at_once() {
        let mut learning = planned();
        assert_eq!(learning.destination(), Some(at(1)));
        assert_eq!(send(&mut learning, 0, at(1), 0, 1), Verdict::Settled);
        assert_eq!(send(&mut learning, 20, at(1), 1, 1), Verdict::Accept);
        assert_eq!(send(&mut learning, 40, at(2), 0, 50), Verdict::Stranger);
    }

    #[test]
    fn a_source_behind_nat_is_learned_by_consistency_and_settles_later() {
        let mut learning = planned();
        assert_eq!(send(&mut learning, 0, at(2), 10, 2), Verdict::Stranger);
        assert_eq!(learning.destination(), Some(at(1)));
        assert_eq!(send(&mut learning, 40, at(2), 12, 1), Verdict::Accept);
        assert_eq!(learning.destination(), Some(at(2)));
        assert_eq!(send(&mut learning, 60, at(3), 0, 9), Verdict::Stranger, "who comes later is no candidate");
        assert_eq!(send(&mut learning, 2_039, at(2), 100, 1), Verdict::Accept);
        assert_eq!(send(&mut learning, 2_040, at(2), 101, 1), Verdict::Settled);
    }

    #[test]
    fn the_signalled_address_takes_a_hijacker_s_place_within_two_seconds() {
        let mut learning = planned();
        send(&mut learning, 0, at(66), 0, 3);
        assert_eq!(learning.destination(), Some(at(66)));
        assert_eq!(send(&mut learning, 500, at(1), 0, 1), Verdict::Settled);
        assert_eq!(learning.destination(), Some(at(1)));
        assert_eq!(send(&mut learning, 520, at(66), 3, 50), Verdict::Stranger);
    }

    #[test]
    fn inconsistent_sources_are_never_learned() {
        let mut learning = planned();
        for index in 0..100u16 {
            let now = ms(u64::from(index) * 20);
            assert_eq!(
                check(&mut learning, now, at(2), 7, index.wrapping_mul(1_000), true),
                Verdict::Stranger,
                "numbers jump"
            );
            assert_eq!(
                check(&mut learning, now, at(3), u32::from(index), index, true),
                Verdict::Stranger,
                "SSRCs change"
            );
            assert_eq!(check(&mut learning, now, at(4), 7, 5, true), Verdict::Stranger, "always the same packet");
            assert_eq!(
                check(&mut learning, now, at(5), 7, index, false),
                Verdict::Stranger,
                "a format that was not agreed"
            );
        }
    }

    #[test]
    fn strangers_hold_a_place_only_while_they_send() {
        let mut learning = planned();
        for stranger in 0..CANDIDATES as u16 {
            check(&mut learning, ms(0), at(1_000 + stranger), 9, 0, true);
        }
        assert_eq!(send(&mut learning, 20, at(2), 0, 4), Verdict::Stranger, "no place is free");
        assert_eq!(send(&mut learning, CANDIDATE_MS, at(2), 4, 3), Verdict::Accept);
    }

    #[test]
    fn a_new_generation_unlearns_and_the_former_source_goes_on() {
        let mut learning = planned();
        send(&mut learning, 0, at(2), 0, 3);
        send(&mut learning, 3_000, at(2), 150, 1);
        assert!(learning.handle_plan(ms(3_000), Some(at(1)), None, 2));
        assert_eq!(learning.destination(), Some(at(2)), "same address signalled: nothing is interrupted");
        assert_eq!(send(&mut learning, 3_020, at(2), 151, 1), Verdict::Accept);
        assert!(learning.handle_plan(ms(3_040), Some(at(9)), None, 3));
        assert_eq!(learning.destination(), Some(at(9)), "it moved");
        assert_eq!(send(&mut learning, 3_060, at(2), 153, 1), Verdict::Stranger);
        assert_eq!(send(&mut learning, 3_080, at(9), 0, 1), Verdict::Settled);
        assert!(!learning.handle_plan(ms(3_080), Some(at(9)), None, 4), "it signals where it sends from");
        assert!(!learning.handle_plan(ms(3_080), Some(at(9)), None, 4), "nothing new");
        assert_eq!(send(&mut learning, 3_100, at(9), 1, 1), Verdict::Accept);
    }

    #[test]
    fn the_old_way_to_hold_forgets_nothing() {
        let mut learning = planned();
        send(&mut learning, 0, at(2), 0, 3);
        assert!(!learning.handle_plan(ms(60), None, None, 2));
        assert!(learning.handle_plan(ms(60), Some(at(1)), None, 3));
        assert_eq!(learning.destination(), Some(at(2)));
        assert_eq!(send(&mut learning, 60, at(2), 3, 1), Verdict::Accept);
    }

    #[test]
    fn silence_lets_a_new_binding_in_and_the_old_one_back() {
        let mut learning = planned();
        assert!(!learning.handle_silence(Some(7)));
        send(&mut learning, 0, at(1), 0, 1);
        assert!(learning.handle_silence(Some(7)));
        assert_eq!(learning.destination(), Some(at(1)));
        assert_eq!(send(&mut learning, 9_000, at(5), 50, 3), Verdict::Accept);
        assert_eq!(learning.destination(), Some(at(5)));
    }

    #[test]
    fn without_a_signalled_address_the_first_consistent_source_settles() {
        let mut learning = Learning::default();
        learning.handle_plan(ms(0), None, None, 1);
        assert_eq!(learning.destination(), None);
        assert_eq!(send(&mut learning, 0, at(2), 0, 3), Verdict::Settled);
        assert!(learning.is_host(at(7).ip()));
        assert_eq!(learning.destination(), Some(at(2)));
    }

    #[test]
    fn a_peer_of_several_addresses_is_heard_by_its_port_and_sent_to_where_it_said() {
        let mut learning = planned();
        let other = SocketAddr::from(([198, 51, 100, 7], at(1).port()));
        assert_eq!(send(&mut learning, 0, other, 0, 3), Verdict::Accept);
        assert_eq!((learning.source(), learning.destination()), (Some(other), Some(at(1))));
        assert_eq!(send(&mut learning, 2 * PROVISIONAL_MS, other, 3, 1), Verdict::Accept);
        assert_eq!(send(&mut learning, 2 * PROVISIONAL_MS + 20, elsewhere(1), 0, 10), Verdict::Stranger);
        // Behind a NAT that keeps ports the address that was signalled is reached by nobody.
        let mut learning = Learning::default();
        learning.handle_plan(ms(0), Some(private()), None, 1);
        let public = SocketAddr::from(([198, 51, 100, 7], private().port()));
        assert_eq!(send(&mut learning, 0, public, 0, 3), Verdict::Accept);
        assert_eq!(learning.destination(), Some(public));
    }

    /// Many phones have one port for ever, so that somebody may guess it.
    #[test]
    fn who_has_guessed_the_port_is_sent_nothing_and_makes_way_for_the_phone_at_any_time() {
        let guessed = elsewhere(1).ip();
        for phone in [at(1), at(2)] {
            let mut learning = planned();
            let stranger = SocketAddr::from((guessed, at(1).port()));
            for second in 0..10 {
                send(&mut learning, 1_000 * second, stranger, 50 * second as u16, 50);
                assert_eq!(learning.destination(), Some(at(1)), "second {second}");
            }
            let verdict = send(&mut learning, 10_000, phone, 0, 3);
            assert!(verdict != Verdict::Stranger && learning.source() == Some(phone), "{phone}: {verdict:?}");
            assert_eq!(learning.destination(), Some(phone));
            assert_eq!(send(&mut learning, 10_100, stranger, 500, 20), Verdict::Stranger);
            send(&mut learning, 10_100 + PROVISIONAL_MS, phone, 3, 1);
            assert!(matches!(learning.state, State::Settled { source } if source == phone));
        }
    }

    /// The media of a carrier come from gateways of its own that it signals nowhere.
    #[test]
    fn a_source_in_a_network_that_the_operator_named_is_learned_and_nobody_else() {
        let mut learning = planned();
        learning.believe(Networks::of(&[Network::parse("203.0.113.64/26").unwrap()]));
        let outside = SocketAddr::from(([203, 0, 113, 6], 40_000));
        assert_eq!(send(&mut learning, 0, outside, 0, 100), Verdict::Stranger);
        assert!(learning.is_host(elsewhere(1).ip()) && !learning.is_host(outside.ip()), "its reports");
        assert_eq!(send(&mut learning, 3_000, elsewhere(1), 0, 2), Verdict::Stranger);
        assert_eq!(send(&mut learning, 3_040, elsewhere(1), 2, 1), Verdict::Accept);
        assert_eq!(learning.destination(), Some(elsewhere(1)));
        assert_eq!(send(&mut learning, 6_000, elsewhere(1), 3, 1), Verdict::Settled);
        assert_eq!(send(&mut learning, 6_020, elsewhere(2), 0, 50), Verdict::Stranger, "one at a time");
        // Another gateway goes on after a silence; nobody from outside does.
        assert!(learning.handle_silence(Some(7)));
        assert_eq!(send(&mut learning, 20_000, outside, 4, 100), Verdict::Stranger);
        let other = SocketAddr::from(([203, 0, 113, 99], 30_000));
        assert_eq!(send(&mut learning, 30_000, other, 4, 3), Verdict::Accept);
        assert_eq!(learning.destination(), Some(other));
        assert_eq!(send(&mut learning, 40_000, other, 7, 1), Verdict::Settled);
    }

    #[test]
    fn the_signalled_address_takes_the_place_of_a_source_that_the_operator_named() {
        let mut learning = planned();
        learning.believe(Networks::of(&[Network::host(elsewhere(1).ip())]));
        assert_eq!(send(&mut learning, 0, elsewhere(1), 0, 3), Verdict::Accept);
        assert_eq!(send(&mut learning, 100, at(1), 0, 1), Verdict::Settled);
        assert_eq!(send(&mut learning, 120, elsewhere(1), 3, 50), Verdict::Stranger);
    }

    #[test]
    fn a_stranger_is_never_learned_where_the_signalled_address_is_reached() {
        let mut learning = planned();
        assert_eq!(send(&mut learning, 0, elsewhere(1), 0, 1_000), Verdict::Stranger, "before the first packet");
        assert_eq!(learning.destination(), Some(at(1)));
        assert_eq!(send(&mut learning, 20_000, at(1), 0, 1), Verdict::Settled);
        assert!(learning.handle_silence(Some(7)));
        assert_eq!(send(&mut learning, 30_000, elsewhere(1), 1_000, 1_000), Verdict::Stranger, "after a silence");
        assert_eq!(learning.destination(), Some(at(1)));
        assert!(learning.handle_plan(ms(50_000), Some(at(4)), None, 2));
        assert_eq!(send(&mut learning, 50_000, elsewhere(1), 2_000, 1_000), Verdict::Stranger, "after a re-INVITE");
        assert_eq!(send(&mut learning, 70_000, at(4), 1, 1), Verdict::Settled);
    }

    #[test]
    fn a_phone_behind_nat_is_believed_at_the_host_that_its_signalling_comes_from() {
        let mut learning = behind_nat();
        assert_eq!(send(&mut learning, 0, elsewhere(1), 0, 3), Verdict::Stranger);
        assert_eq!(send(&mut learning, 60, at(2), 0, 3), Verdict::Accept);
        assert_eq!(send(&mut learning, 3_000, at(2), 150, 1), Verdict::Settled);
        assert!(learning.handle_silence(Some(7)));
        assert_eq!(send(&mut learning, 60_000, elsewhere(1), 3, 100), Verdict::Stranger, "nor after it was heard");
        assert!(learning.handle_plan(ms(70_000), Some(private()), Some(at(0).ip()), 2));
        assert_eq!(send(&mut learning, 80_000, elsewhere(1), 103, 100), Verdict::Stranger, "nor after a re-INVITE");
        assert_eq!(learning.destination(), Some(at(2)));
        assert_eq!(send(&mut learning, 90_000, at(3), 200, 3), Verdict::Accept, "its NAT has another binding");
    }

    #[test]
    fn who_moves_is_believed_where_its_signalling_comes_from_then() {
        let mut learning = behind_nat();
        send(&mut learning, 0, at(2), 0, 3);
        send(&mut learning, 3_000, at(2), 150, 1);
        assert!(learning.handle_plan(ms(4_000), Some(private()), Some(elsewhere(0).ip()), 2));
        assert_eq!(learning.destination(), Some(at(2)), "nothing is interrupted");
        assert_eq!(send(&mut learning, 4_020, at(2), 151, 1), Verdict::Accept);
        assert_eq!(send(&mut learning, 4_040, elsewhere(1), 0, 3), Verdict::Accept);
        assert_eq!(learning.destination(), Some(elsewhere(1)));
        assert_eq!(send(&mut learning, 7_000, elsewhere(1), 4, 1), Verdict::Settled);
    }

    #[test]
    fn where_no_address_is_reached_a_stranger_may_be_the_peer_until_that_comes() {
        let unnamed = ms(UNNAMED_MS);
        let mut learning = behind_nat();
        let early = UNNAMED_MS / 20;
        assert_eq!(send(&mut learning, 0, elsewhere(1), 0, early as u16), Verdict::Stranger);
        assert_eq!(check(&mut learning, unnamed, elsewhere(1), 7, 500, true), Verdict::Stranger);
        assert_eq!(send(&mut learning, UNNAMED_MS + 20, elsewhere(1), 501, 2), Verdict::Accept);
        assert_eq!(send(&mut learning, 60_000, elsewhere(1), 503, 100), Verdict::Accept, "never for good");
        assert!(learning.handle_silence(Some(7)));
        assert_eq!(send(&mut learning, 69_000, SocketAddr::from(([192, 0, 2, 99], 1)), 0, 100), Verdict::Stranger);
        assert_eq!(send(&mut learning, 70_000, elsewhere(1), 603, 200), Verdict::Accept);
        assert_eq!(send(&mut learning, 74_000, at(2), 0, 3), Verdict::Accept, "the named host");
        assert_eq!(send(&mut learning, 74_060, elsewhere(1), 803, 100), Verdict::Stranger);
        assert_eq!(send(&mut learning, 80_000, at(2), 3, 1), Verdict::Settled);
    }

    /// Somebody behind the same NAT comes in the phone's silence; it has not the phone's SSRC, which nobody else knows.
    #[test]
    fn who_was_heard_before_comes_back_at_any_time() {
        let mut learning = planned();
        send(&mut learning, 0, at(1), 0, 1);
        assert!(learning.handle_plan(ms(100), Some(at(100)), None, 2));
        send(&mut learning, 200, at(1), 1, 3);
        assert_eq!(send(&mut learning, 3_000, at(1), 4, 1), Verdict::Settled);
        assert!(learning.handle_silence(Some(7)));
        let other =
            |learning: &mut Learning, now: u64, sequence: u16| check(learning, ms(now), at(66), 0x66, sequence, true);
        for index in 0..1_000 {
            other(&mut learning, 10_000 + 20 * u64::from(index), index);
        }
        assert_eq!(learning.destination(), Some(at(66)));
        assert_eq!(send(&mut learning, 30_000, at(1), 5, 1), Verdict::Accept);
        assert_eq!(learning.destination(), Some(at(1)));
        assert_eq!(other(&mut learning, 30_010, 1_000), Verdict::Stranger);
        assert!(learning.handle_silence(Some(7)));
        for index in 0..3 {
            other(&mut learning, 40_000, index);
        }
        assert!(learning.handle_silence(Some(0x66)));
        assert_eq!(learning.destination(), Some(at(1)), "a burst is no proof");
    }

    #[test]
    fn strangers_take_no_place_from_who_is_known() {
        for private_address in [false, true] {
            let mut learning = if private_address { behind_nat() } else { planned() };
            let begin = 10_000;
            for stranger in 0..20 {
                check(&mut learning, ms(begin), elsewhere(1_000 + stranger), 9, 0, true);
            }
            assert_eq!(send(&mut learning, begin, at(2), 0, 3), Verdict::Accept);
        }
    }

    #[test]
    fn addresses_that_mean_something_within_a_network_alone() {
        for address in
            ["10.1.2.3", "172.16.0.1", "192.168.0.1", "100.64.0.1", "169.254.1.1", "127.0.0.1", "fd00::1", "fe80::1"]
        {
            assert!(is_private(address.parse().unwrap()), "{address}");
        }
        for address in ["8.8.8.8", "100.128.0.1", "172.32.0.1", "2001:db8::1"] {
            assert!(!is_private(address.parse().unwrap()), "{address}");
        }
    }
}

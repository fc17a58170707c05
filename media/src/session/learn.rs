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
//! A port listens to one source. Which one is decided once per plan generation:
//! - A packet from the address that the peer signalled settles it at once.
//! - Another source has to send several packets of one SSRC with numbers in a row, in a format that was agreed: someone who
//!   sprays ports, or strays of a former call, do not get that far. Until then its packets are dropped.
//! - Such a source is provisional for two seconds: if a packet comes from the signalled address meanwhile, that one wins.
//!   So whoever knows the port and is quicker than the peer gets a peer without NAT off the line for one packet, no more.
//! - Once settled nobody else is heard. The socket is connected: the kernel drops strangers before they cost anything. What
//!   had arrived before is checked here, packet by packet.
//! - It is unlearned by a new generation (the peer may have moved; unless it goes on signalling the very address that it
//!   sends from) or by seconds of silence (the NAT may have a new binding). Where the signalled address did not change the
//!   former source keeps its place until another one is learned: a re-INVITE does not interrupt.

use crate::limits::{CANDIDATE_MS, CANDIDATES, CONSISTENT, PROVISIONAL_MS};
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

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Nobody was learned; `former` was before.
    Waiting { former: Option<SocketAddr> },
    /// Learned, and the signalled address may still take its place.
    Provisional { source: SocketAddr, until: Instant },
    /// Learned for good.
    Settled { source: SocketAddr },
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

/// The learning of one port's source.
#[derive(Clone, Debug)]
pub struct Learning {
    signalled: Option<SocketAddr>,
    generation: Option<u32>,
    state: State,
    candidates: [Option<Candidate>; CANDIDATES],
}

impl Default for Learning {
    fn default() -> Self {
        Self {
            signalled: None,
            generation: None,
            state: State::Waiting { former: None },
            candidates: [None; CANDIDATES],
        }
    }
}

impl Learning {
    /// A plan names the peer's address. True if the source was unlearned: the socket is to be disconnected.
    pub fn handle_plan(&mut self, signalled: Option<SocketAddr>, generation: u32) -> bool {
        if signalled.is_none() && self.signalled.is_some() {
            // Held the old way: nothing is sent, and nothing new is known.
            self.generation = Some(generation);
            return false;
        }
        let moved = self.signalled != signalled;
        if !moved && self.generation == Some(generation) {
            return false;
        }
        (self.signalled, self.generation) = (signalled, Some(generation));
        self.candidates = [None; CANDIDATES];
        let former = self.source();
        if let State::Settled { source } = self.state
            && signalled == Some(source)
        {
            // The peer signals the very address that it sends from.
            return false;
        }
        self.state = State::Waiting { former: former.filter(|_| !moved) };
        true
    }

    /// The source was silent for too long. True if there was one: the socket is to be disconnected.
    pub fn handle_silence(&mut self) -> bool {
        match self.state {
            State::Waiting { .. } => false,
            State::Provisional { source, .. } | State::Settled { source } => {
                self.state = State::Waiting { former: Some(source) };
                self.candidates = [None; CANDIDATES];
                true
            }
        }
    }

    /// Takes a valid packet of an agreed format (`agreed`), or of another.
    #[inline]
    pub fn check(&mut self, now: Instant, source: SocketAddr, ssrc: u32, sequence: u16, agreed: bool) -> Verdict {
        match self.state {
            State::Settled { source: learned } if learned == source => Verdict::Accept,
            State::Settled { .. } => Verdict::Stranger,
            _ => self.learn(now, source, ssrc, sequence, agreed),
        }
    }

    #[cold]
    fn learn(&mut self, now: Instant, source: SocketAddr, ssrc: u32, sequence: u16, agreed: bool) -> Verdict {
        if agreed && self.signalled == Some(source) {
            return self.settle(source);
        }
        match self.state {
            State::Provisional { source: learned, until } if learned == source => {
                if now >= until {
                    self.settle(source)
                } else {
                    Verdict::Accept
                }
            }
            State::Waiting { former } if agreed => {
                if former != Some(source) && !self.consistent(now, source, ssrc, sequence) {
                    return Verdict::Stranger;
                }
                if self.signalled.is_none() {
                    return self.settle(source);
                }
                self.state = State::Provisional { source, until: now + Duration::from_millis(PROVISIONAL_MS) };
                Verdict::Accept
            }
            _ => Verdict::Stranger,
        }
    }

    /// Where to send: to the learned source, to the former one while nothing else is known, else where the peer said.
    #[inline]
    pub fn destination(&self) -> Option<SocketAddr> {
        self.source().or(self.signalled)
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
        self.source().or(self.signalled).is_some_and(|known| known.ip() == address)
    }

    fn settle(&mut self, source: SocketAddr) -> Verdict {
        self.state = State::Settled { source };
        self.candidates = [None; CANDIDATES];
        Verdict::Settled
    }

    /// Whether `source` has sent enough packets in a row, this one included.
    fn consistent(&mut self, now: Instant, source: SocketAddr, ssrc: u32, sequence: u16) -> bool {
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
        let longest_silent = self.candidates.iter_mut().min_by_key(|slot| slot.map(|candidate| candidate.heard));
        if let Some(slot) = longest_silent {
            let patience = Duration::from_millis(CANDIDATE_MS);
            if slot.is_none_or(|candidate| now.since(candidate.heard) >= patience) {
                *slot = Some(fresh);
            }
        }
        false
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
        learning.handle_plan(Some(at(1)), 1);
        learning
    }

    fn ms(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    /// `source` sends packets `from..from + count`, 20 ms apart; the last verdict.
    fn send(learning: &mut Learning, begin: u64, source: SocketAddr, from: u16, count: u16) -> Verdict {
        let packets = (0..count).map(|index| (ms(begin + 20 * u64::from(index)), from + index));
        packets.fold(Verdict::Stranger, |_, (now, sequence)| learning.check(now, source, 7, sequence, true))
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
                learning.check(now, at(2), 7, index.wrapping_mul(1_000), true),
                Verdict::Stranger,
                "numbers jump"
            );
            assert_eq!(learning.check(now, at(3), u32::from(index), index, true), Verdict::Stranger, "SSRCs change");
            assert_eq!(learning.check(now, at(4), 7, 5, true), Verdict::Stranger, "always the same packet");
            assert_eq!(learning.check(now, at(5), 7, index, false), Verdict::Stranger, "a format that was not agreed");
        }
    }

    #[test]
    fn strangers_hold_a_place_only_while_they_send() {
        let mut learning = planned();
        for stranger in 0..CANDIDATES as u16 {
            learning.check(ms(0), at(1_000 + stranger), 9, 0, true);
        }
        assert_eq!(send(&mut learning, 20, at(2), 0, 4), Verdict::Stranger, "no place is free");
        assert_eq!(send(&mut learning, CANDIDATE_MS, at(2), 4, 3), Verdict::Accept);
    }

    #[test]
    fn a_new_generation_unlearns_and_the_former_source_goes_on() {
        let mut learning = planned();
        send(&mut learning, 0, at(2), 0, 3);
        send(&mut learning, 3_000, at(2), 150, 1);
        assert!(learning.handle_plan(Some(at(1)), 2));
        assert_eq!(learning.destination(), Some(at(2)), "same address signalled: nothing is interrupted");
        assert_eq!(send(&mut learning, 3_020, at(2), 151, 1), Verdict::Accept);
        assert!(learning.handle_plan(Some(at(9)), 3));
        assert_eq!(learning.destination(), Some(at(9)), "it moved");
        assert_eq!(send(&mut learning, 3_060, at(2), 153, 1), Verdict::Stranger);
        assert_eq!(send(&mut learning, 3_080, at(9), 0, 1), Verdict::Settled);
        assert!(!learning.handle_plan(Some(at(9)), 4), "it signals where it sends from");
        assert!(!learning.handle_plan(Some(at(9)), 4), "nothing new");
        assert_eq!(send(&mut learning, 3_100, at(9), 1, 1), Verdict::Accept);
    }

    #[test]
    fn the_old_way_to_hold_forgets_nothing() {
        let mut learning = planned();
        send(&mut learning, 0, at(2), 0, 3);
        assert!(!learning.handle_plan(None, 2));
        assert!(learning.handle_plan(Some(at(1)), 3));
        assert_eq!(learning.destination(), Some(at(2)));
        assert_eq!(send(&mut learning, 60, at(2), 3, 1), Verdict::Accept);
    }

    #[test]
    fn silence_lets_a_new_binding_in_and_the_old_one_back() {
        let mut learning = planned();
        assert!(!learning.handle_silence());
        send(&mut learning, 0, at(1), 0, 1);
        assert!(learning.handle_silence());
        assert_eq!(learning.destination(), Some(at(1)));
        assert_eq!(send(&mut learning, 9_000, at(5), 50, 3), Verdict::Accept);
        assert_eq!(learning.destination(), Some(at(5)));
    }

    #[test]
    fn without_a_signalled_address_the_first_consistent_source_settles() {
        let mut learning = Learning::default();
        learning.handle_plan(None, 1);
        assert_eq!(learning.destination(), None);
        assert_eq!(send(&mut learning, 0, at(2), 0, 3), Verdict::Settled);
        assert!(learning.is_host(at(7).ip()));
        assert_eq!(learning.destination(), Some(at(2)));
    }
}

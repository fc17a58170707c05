//! Ports that change their session: a leg that was transferred belongs to another call from then on, and its peer is to notice
//! nothing. The sockets stay, and with them the address that the peer was told; so do the plan, the source that was learned, what was
//! counted, and the stream to the peer, which goes on where it was (`Outgoing`).

use super::Voice;
use crate::limits::PORTS_PER_SESSION;
use crate::session::Session;
use crate::wire::{PairIndex, Wire};
use router::packet::Parameters;
use router::parameter::{Failure, MovedPort, Reason};
use router::time::Now;
use router::{Address, Instance, Packet, Parameter};
use std::collections::btree_map::Entry;

impl<W: Wire> Voice<W> {
    /// Takes ports over from other sessions, all or none. Those that were taken over already are answered as before. `None`: they are
    /// at another worker, and the answer follows.
    pub(super) fn take_over(&mut self, now: Now, packet: &Packet) -> Option<Result<Parameters, Failure>> {
        let own = self.outbox.address().module.index;
        let wanted = packet.parameters.iter().map(|parameter| match parameter {
            Parameter::MovedPort(moved) => Some(*moved),
            _ => None,
        });
        let wanted = wanted.collect::<Option<Vec<_>>>().unwrap_or_default();
        let elsewhere = wanted.first().and_then(|moved| moved.session.module.index).filter(|from| Some(*from) != own);
        let Some(from) = elsewhere else { return Some(self.take_over_here(now, packet)) };
        let target = self.sessions.get(&packet.destination.instance);
        // Asked for once more: they have come already.
        let come = wanted.iter().all(|moved| target.is_some_and(|session| session.pair(moved.port).is_some()));
        let at_one = wanted.iter().all(|moved| moved.session.module.index == Some(from));
        if come || !at_one || target.is_some_and(|session| session.owner != packet.source) {
            return Some(self.take_over_here(now, packet));
        }
        self.ask_for(now, packet, from, wanted);
        None
    }

    fn take_over_here(&mut self, now: Now, packet: &Packet) -> Result<Parameters, Failure> {
        let instance = packet.destination.instance;
        let invalid = |detail: &str| Failure::new(Reason::Invalid).with_detail(detail);
        if instance == Instance::MODULE {
            return Err(invalid("a session is an instance of its requester's choice, not 0"));
        }
        if self.sessions.get(&instance).is_some_and(|session| session.owner != packet.source) {
            return Err(Failure::new(Reason::Refused).with_detail("the session belongs to somebody else"));
        }
        let mut moved: Vec<(MovedPort, PairIndex)> = Vec::with_capacity(packet.parameters.len());
        for parameter in &packet.parameters {
            let Parameter::MovedPort(wanted) = parameter else {
                return Err(invalid("Open takes media ports, or ports that are to be moved"));
            };
            if moved.iter().any(|(other, _)| other.port == wanted.port) {
                return Err(invalid("two ports cannot become one"));
            }
            if moved.iter().any(|(other, _)| (other.session, other.from) == (wanted.session, wanted.from)) {
                return Err(invalid("one port cannot become two"));
            }
            moved.push((*wanted, self.to_move(packet, *wanted)?));
        }
        let held = self.sessions.get(&instance).map_or(0, |session| session.ports().len());
        if held + moved.len() > PORTS_PER_SESSION {
            return Err(Failure::new(Reason::Exhausted).with_detail("a session has no more ports"));
        }
        self.begin_session(now, instance, packet.source);
        let mut answer = Parameters::new();
        for (wanted, pair) in moved {
            self.move_port(instance, wanted, pair);
            if let Some(port) = self.port(pair) {
                answer.push(port.told().into());
            }
        }
        Ok(answer)
    }

    /// A session begins where there is none.
    pub(super) fn begin_session(&mut self, now: Now, instance: Instance, owner: Address) {
        if let Entry::Vacant(vacant) = self.sessions.entry(instance) {
            vacant.insert(Session::new(owner, now.instant));
            self.counters.sessions_opened += 1;
        }
    }

    /// The pair of a port that is to be moved, or has been.
    fn to_move(&self, packet: &Packet, wanted: MovedPort) -> Result<PairIndex, Failure> {
        let target = self.sessions.get(&packet.destination.instance);
        let is_here = wanted.session.module == self.outbox.address().module;
        let source = self.sessions.get(&wanted.session.instance).filter(|_| is_here);
        let there = source.and_then(|session| session.pair(wanted.from));
        match (target.and_then(|session| session.pair(wanted.port)), there) {
            (None, Some(pair)) => {
                // Whoever holds calls may join them; nobody takes a port of somebody else's.
                let same = source.is_some_and(|session| session.is_of_kin(packet.source));
                if same { Ok(pair) } else { Err(Failure::new(Reason::Refused).with_detail("not this owner's port")) }
            }
            (Some(pair), None) => Ok(pair),
            (Some(_), Some(_)) => Err(Failure::new(Reason::Invalid).with_detail("the port is another one")),
            (None, None) => Err(Failure::new(Reason::NotFound).with_detail("no such port")),
        }
    }

    /// Moves one port; whom it talked to it talks to no more.
    fn move_port(&mut self, instance: Instance, wanted: MovedPort, pair: PairIndex) {
        let Some(former) = self.sessions.get_mut(&wanted.session.instance) else { return };
        if former.remove(wanted.from).is_none() {
            return;
        }
        self.unbridge(pair);
        self.stop_playing(pair);
        if let Some(port) = self.port(pair) {
            (port.place.session, port.place.id) = (instance, wanted.port);
        }
        if let Some(session) = self.sessions.get_mut(&instance) {
            session.add(wanted.port, pair);
        }
    }
}

//! Ports that come from other workers, and go there.

use super::{Timer, Voice};
use crate::limits::{AWAITED, PASSAGE_RETRY_MS, PASSAGE_WITHIN_MS};
use crate::passage::{Moving, Passage, Passages};
use crate::wire::{PairIndex, Wire};
use router::parameter::{Failure, MediaPort, MovedPort, PortId, Reason};
use router::time::{Duration, Instant, Now};
use router::{Address, Asked, Instance, Packet, Parameters};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Ports that were asked of another worker.
#[derive(Debug)]
pub(super) struct Awaited {
    ticket: u64,
    since: Instant,
    asked: Asked,
    session: Instance,
    wanted: Vec<MovedPort>,
}

impl<W: Wire> Voice<W> {
    /// With the way to the other workers.
    pub fn with_passages(self, passages: Passages) -> Self {
        Self { passages: Some(passages), ..self }
    }

    /// Whether the worker may sleep, for all that others hand it.
    pub fn may_sleep(&self) -> bool {
        self.passages.as_ref().is_none_or(Passages::may_sleep)
    }

    /// It woke.
    pub fn awake(&self) {
        if let Some(passages) = &self.passages {
            passages.awake();
        }
    }

    /// Whether something waits that another worker handed over.
    pub fn has_passages(&self) -> bool {
        self.passages.as_ref().is_some_and(Passages::waits)
    }

    /// Takes what the others have handed over.
    pub fn handle_passages(&mut self, now: Now) {
        while let Some(passage) = self.passages.as_ref().and_then(Passages::next) {
            if catch_unwind(AssertUnwindSafe(|| self.handle_passage(now, passage))).is_err() {
                tracing::error!("a port on its way between workers met an internal fault");
            }
        }
    }

    fn handle_passage(&mut self, now: Now, passage: Passage) {
        match passage {
            Passage::Wanted { by, ticket, owner, ports } => {
                let passage = match self.give_away(now, owner, &ports) {
                    Some(ports) => Passage::Brought { ticket, ports },
                    None => Passage::Missing { ticket },
                };
                self.hand(now.instant, by, passage);
            }
            Passage::Brought { ticket, ports } => self.brought(now, ticket, ports),
            Passage::Missing { ticket } => {
                if let Some(awaited) = self.take_awaited(ticket) {
                    let failure = Failure::new(Reason::NotFound).with_detail("no such port");
                    awaited.asked.failed(&mut self.outbox, failure);
                }
            }
            Passage::Home { rtp } => self.pairs.returned(rtp),
        }
    }

    /// Asks another worker for ports.
    pub(super) fn ask_for(&mut self, now: Now, packet: &Packet, from: u8, wanted: Vec<MovedPort>) {
        let patience = Duration::from_millis(PASSAGE_WITHIN_MS);
        self.awaited.retain(|awaited| now.instant.since(awaited.since) < patience);
        let Some(passages) = &self.passages else {
            let failure = Failure::new(Reason::NotFound).with_detail("no such worker");
            return self.outbox.failed(packet, failure);
        };
        if self.awaited.len() >= AWAITED {
            return self.outbox.failed(packet, Failure::new(Reason::Busy));
        }
        self.tickets += 1;
        let ports = wanted.iter().map(|moved| (moved.session.instance, moved.from)).collect();
        let owner = packet.source.of_module();
        let passage = Passage::Wanted { by: passages.own, ticket: self.tickets, owner, ports };
        if passages.hand(from, passage).is_err() {
            return self.outbox.failed(packet, Failure::new(Reason::Busy));
        }
        self.awaited.push(Awaited {
            ticket: self.tickets,
            since: now.instant,
            asked: Asked::of(packet),
            session: packet.destination.instance,
            wanted,
        });
    }

    fn take_awaited(&mut self, ticket: u64) -> Option<Awaited> {
        let index = self.awaited.iter().position(|awaited| awaited.ticket == ticket)?;
        Some(self.awaited.swap_remove(index))
    }

    /// Takes ports out of their sessions, all or none; where one fails in that, those before it are closed.
    fn give_away(&mut self, now: Now, owner: Address, ports: &[(Instance, PortId)]) -> Option<Vec<Moving>> {
        let pairs: Vec<PairIndex> = ports
            .iter()
            .map(|(session, port)| {
                let session = self.sessions.get(session).filter(|session| session.is_of_kin(owner))?;
                session.pair(*port)
            })
            .collect::<Option<_>>()?;
        if pairs.iter().enumerate().any(|(index, pair)| pairs[..index].contains(pair)) {
            return None;
        }
        let own = self.passages.as_ref()?.own;
        let mut moving = Vec::with_capacity(ports.len());
        for (&(session, id), pair) in ports.iter().zip(pairs) {
            let Some(one) = self.take_out(now, own, session, id, pair) else {
                self.close_all_of(now.instant, moving);
                return None;
            };
            moving.push(one);
        }
        Some(moving)
    }

    /// Takes one port out of its session.
    fn take_out(&mut self, now: Now, own: u8, session: Instance, id: PortId, pair: PairIndex) -> Option<Moving> {
        self.sessions.get_mut(&session)?.remove(id)?;
        self.unbridge(pair);
        self.stop_playing(pair);
        let mut port = self.ports.get_mut(pair.0 as usize)?.take()?;
        for timer in port.take_timers() {
            self.timers.cancel(timer);
        }
        self.counters.rtp_lost += port.take_lost();
        let sockets = self.wire.take(pair);
        let (rtp, home) = self.pairs.lend(pair)?;
        let home = home.unwrap_or(own);
        if sockets.is_none() {
            // It cannot be moved; its session has lost it all the same, as a socket that failed.
            self.send_home(now.instant, home, rtp);
        }
        Some(Moving { port, sockets: sockets?, rtp, home })
    }

    /// Ports have come: they go to whoever asked for them, or nowhere.
    fn brought(&mut self, now: Now, ticket: u64, ports: Vec<Moving>) {
        let Some(Awaited { asked, session, wanted, .. }) = self.take_awaited(ticket) else {
            return self.close_all_of(now.instant, ports);
        };
        let fits = self.sessions.get(&session).is_none_or(|session| {
            session.owner == asked.source() && wanted.iter().all(|moved| session.pair(moved.port).is_none())
        });
        if !fits || ports.len() != wanted.len() {
            self.close_all_of(now.instant, ports);
            return asked
                .failed(&mut self.outbox, Failure::new(Reason::Invalid).with_detail("the port is another one"));
        }
        self.begin_session(now, session, asked.source());
        let mut answer = Parameters::new();
        for (moved, moving) in wanted.into_iter().zip(ports) {
            if let Some(port) = self.take_in(now, session, moved.port, moving) {
                answer.push(port.into());
            }
        }
        asked.done(&mut self.outbox, answer);
    }

    /// Takes one port in: with what it was, under a name of this worker's.
    fn take_in(&mut self, now: Now, session: Instance, id: PortId, moving: Moving) -> Option<MediaPort> {
        let Moving { mut port, sockets, rtp, home } = moving;
        let own = self.passages.as_ref()?.own;
        let Some(pair) = self.pairs.adopt(rtp, (home != own).then_some(home)) else {
            drop(sockets);
            self.send_home(now.instant, home, rtp);
            return None;
        };
        if !self.wire.put(pair, sockets) {
            self.pairs.lend(pair);
            self.send_home(now.instant, home, rtp);
            return None;
        }
        (port.place.session, port.place.id, port.place.pair) = (session, id, pair);
        let index = pair.0 as usize;
        if self.ports.len() <= index {
            self.ports.resize_with(index + 1, || None);
        }
        let planned = port.plan().is_some();
        self.ports[index] = Some(port);
        self.sessions.get_mut(&session)?.add(id, pair);
        self.counters.ports_moved += 1;
        if planned {
            self.schedule_report(now.instant, pair, false);
            self.watch(now.instant, pair);
            self.schedule_handshake(now.instant, pair);
            self.schedule_ways(now.instant, pair);
        }
        self.schedule_relays(now, pair);
        Some(self.port(pair)?.told())
    }

    fn close_all_of(&mut self, now: Instant, ports: Vec<Moving>) {
        for Moving { sockets, rtp, home, .. } in ports {
            drop(sockets);
            self.send_home(now, home, rtp);
        }
    }

    /// The port's number is its own worker's again.
    pub(super) fn send_home(&mut self, now: Instant, home: u8, rtp: std::net::SocketAddr) {
        match &self.passages {
            Some(passages) if passages.own != home => self.hand(now, home, Passage::Home { rtp }),
            _ => self.pairs.returned(rtp),
        }
    }

    /// Hands something over; what finds no room is handed over later: nothing of it may be lost.
    fn hand(&mut self, now: Instant, to: u8, passage: Passage) {
        let Some(passages) = &self.passages else { return };
        if let Err(passage) = passages.hand(to, passage) {
            if self.held.is_empty() {
                self.schedule(now + Duration::from_millis(PASSAGE_RETRY_MS), Timer::Passages);
            }
            self.held.push_back((to, passage));
        }
    }

    /// Hands over what found no room, in its order.
    pub(super) fn hand_held(&mut self, now: Instant) {
        for (to, passage) in std::mem::take(&mut self.held) {
            self.hand(now, to, passage);
        }
    }
}

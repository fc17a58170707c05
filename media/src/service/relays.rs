//! Addresses at servers that relay (TURN): asked for when a port is opened, kept while it is, given back when it is closed. What a port is opened for waits for them, but not for
//! long, and for a server alone that has answered lately.

use super::{Timer, Voice};
use crate::ice::Came as WayCame;
use crate::limits::{GATHERING, RELEASES, TURN_PATIENCE};
use crate::session::Port;
use crate::status::Discard;
use crate::turn::{Came, Client, Fault, Outgoing};
use crate::wire::{Channel, Destination, PairIndex, Wire};
use router::packet::Parameters;
use router::parameter::{Failure, MediaEventKind, MediaPort, Reason};
use router::time::{Instant, Now};
use router::{Asked, Instance, Packet, Parameter};
use std::net::SocketAddr;
use stun::{Message, Usage, channel::is_channel_data, is_stun};

/// A session's first answer, which waits.
#[derive(Debug)]
pub(super) struct Gathering {
    asked: Asked,
    session: Instance,
    ports: Vec<MediaPort>,
    until: Instant,
}

/// An allocation whose port is closed, until its server has said that it is, too.
#[derive(Debug)]
pub(super) struct Release {
    pub(super) pair: PairIndex,
    channel: Channel,
    client: Client,
}

/// The components of a port.
const CHANNELS: [Channel; 2] = [Channel::Rtp, Channel::Rtcp];

impl<W: Wire> Voice<W> {
    /// Asks for the addresses that a port is to have. True: they are expected soon.
    pub(super) fn begin_relays(&mut self, now: Now, pair: PairIndex, components: u8) -> bool {
        let mut is_expected = false;
        for channel in CHANNELS.into_iter().take(usize::from(components)) {
            is_expected |= self.begin_relay(now, pair, channel, None);
        }
        self.drive_relays(now.instant, pair);
        is_expected
    }

    fn begin_relay(&mut self, now: Now, pair: PairIndex, channel: Channel, after: Option<usize>) -> bool {
        let Self { ports, servers, random, .. } = self;
        let Some(port) = ports.get_mut(pair.0 as usize).and_then(Option::as_deref_mut) else { return false };
        let is_ipv6 = port.place.bound.is_ipv6();
        let begun = servers.begin(now, is_ipv6, after, random);
        let giving = begun.as_ref().filter(|begun| begun.is_expected).map(|begun| begun.client.server());
        port.set_relay(channel, begun.map(|begun| begun.client));
        if let (Some(giving), Channel::Rtp) = (giving, channel) {
            port.set_probe(|| servers.probe(now, is_ipv6, giving, random));
        }
        giving.is_some()
    }

    /// The answer to who has opened these ports waits for their addresses. False: too many do.
    pub(super) fn gather(&mut self, now: Instant, packet: &Packet, opened: &Parameters) -> bool {
        if self.gathering.len() >= GATHERING {
            return false;
        }
        let until = now + TURN_PATIENCE;
        let port = |parameter: &Parameter| match parameter {
            Parameter::MediaPort(port) => Some(**port),
            _ => None,
        };
        let ports = opened.iter().filter_map(port).collect();
        self.gathering.push(Gathering { asked: Asked::of(packet), session: packet.destination.instance, ports, until });
        self.schedule(until, Timer::Gathering);
        true
    }

    /// Answers those whose addresses are there, or have had their time.
    pub(super) fn look_at_gathering(&mut self, now: Instant) {
        let mut index = 0;
        while let Some(gathering) = self.gathering.get(index) {
            let session = self.sessions.get(&gathering.session);
            let pair = |port: &MediaPort| session.and_then(|session| session.pair(port.port));
            let pairs: Vec<PairIndex> = gathering.ports.iter().filter_map(pair).collect();
            let port = |pair: &PairIndex| self.ports.get(pair.0 as usize)?.as_deref();
            let is_waiting = gathering.until > now && pairs.iter().filter_map(port).any(Port::is_gathering);
            if is_waiting {
                index += 1;
                continue;
            }
            let Gathering { asked, ports, .. } = self.gathering.swap_remove(index);
            if pairs.len() < ports.len() {
                asked.failed(&mut self.outbox, Failure::new(Reason::NotFound).with_detail("the session was closed"));
                continue;
            }
            let mut answer = Parameters::new();
            for (opened, pair) in ports.into_iter().zip(pairs) {
                self.abandon(now, pair);
                let served = self.port(pair).and_then(|port| port.served());
                answer.push(Parameter::from(MediaPort { served, ..opened }));
            }
            asked.done(&mut self.outbox, answer);
        }
    }

    /// What has not come by now comes too late: should it come at all, it is given back.
    fn abandon(&mut self, now: Instant, pair: PairIndex) {
        let Self { ports, servers, random, counters, .. } = self;
        let Some(port) = ports.get_mut(pair.0 as usize).and_then(Option::as_deref_mut) else { return };
        for channel in CHANNELS {
            let Some(client) = port.relay(channel).filter(|client| client.is_pending()) else { continue };
            counters.relays_silent += 1;
            if !client.is_heard() {
                servers.note_silence(now, client.server());
            }
            client.release(now, random);
        }
    }

    /// A datagram at a port that has an address at a server: what a peer has sent by it, and the place where that one is; anything else as it came. `None`: it was the server's own.
    pub(super) fn take_relayed<'a>(
        &mut self,
        clocks: Now,
        pair: PairIndex,
        channel: Channel,
        source: SocketAddr,
        data: &'a mut [u8],
    ) -> Option<(SocketAddr, &'a mut [u8])> {
        let now = clocks.instant;
        let Self { ports, random, servers, counters, .. } = self;
        let port = ports.get_mut(pair.0 as usize).and_then(Option::as_deref_mut)?;
        let Some(client) = port.relay(channel).filter(|client| client.at() == source) else {
            let is_probed = channel == Channel::Rtp && port.probe().is_some_and(|probe| probe.at() == source);
            return if is_probed { self.take_probed(now, pair, data) } else { Some((source, data)) };
        };
        if !is_channel_data(data) && !is_stun(data) {
            counters.discard(Discard::Stranger);
            return None;
        }
        if let Some((place, (from, to))) = client.unwrap(now, data) {
            return Some((place, data.get_mut(from..to)?));
        }
        let Some(message) = Message::parse(data, Usage::Relaying) else {
            counters.discard(if is_channel_data(data) { Discard::Stranger } else { Discard::Malformed });
            return None;
        };
        let came = client.handle(now, &message, random);
        servers.observe(client);
        self.follow_relay(clocks, pair, channel, came);
        self.drive_relays(now, pair);
        None
    }

    /// One that was silent has said something.
    #[cold]
    fn take_probed<T>(&mut self, now: Instant, pair: PairIndex, data: &[u8]) -> Option<T> {
        let Self { ports, random, servers, counters, .. } = self;
        let probe = ports.get_mut(pair.0 as usize).and_then(Option::as_deref_mut)?.probe()?;
        match Message::parse(data, Usage::Relaying) {
            Some(message) => {
                probe.handle(now, &message, random);
                servers.observe(probe);
                self.drive_relays(now, pair);
            }
            None => counters.discard(Discard::Malformed),
        }
        None
    }

    /// Something is due in the allocations of a port.
    pub(super) fn look_at_relays(&mut self, now: Now, pair: PairIndex) {
        let Self { ports, servers, .. } = self;
        let probe = ports.get_mut(pair.0 as usize).and_then(Option::as_deref_mut).and_then(Port::probe);
        if let Some(probe) = probe
            && probe.handle_timeout(now.instant) == Came::Over
            && !probe.is_heard()
        {
            servers.note_silence(now.instant, probe.server());
        }
        for channel in CHANNELS {
            let came = self.port(pair).and_then(|port| Some(port.relay(channel)?.handle_timeout(now.instant)));
            self.follow_relay(now, pair, channel, came.unwrap_or(Came::Nothing));
        }
        self.drive_relays(now.instant, pair);
    }

    fn follow_relay(&mut self, clocks: Now, pair: PairIndex, channel: Channel, came: Came) {
        let now = clocks.instant;
        let Some(port) = self.ports.get_mut(pair.0 as usize).and_then(Option::as_deref_mut) else { return };
        match came {
            Came::Nothing => {}
            Came::Allocated => {
                self.counters.relays_allocated += 1;
                // Where one was lost the peer's addresses are known, and are to be let in here, too.
                port.reach_candidates(now);
                self.look_at_gathering(now);
            }
            Came::Failed(fault) => {
                let server = port.relay(channel).map(|client| client.server());
                let at = server.unwrap_or(usize::MAX);
                if fault == Fault::Silent {
                    self.counters.relays_silent += 1;
                    self.servers.note_silence(now, at);
                } else {
                    self.counters.relays_refused += 1;
                    self.servers.note_refusal(now, at, fault);
                }
                // The next one may.
                self.begin_relay(clocks, pair, channel, server);
                self.look_at_gathering(now);
            }
            Came::Reachable => {
                port.check_reachable(now);
                self.follow_ways(now, pair, WayCame::Nothing);
            }
            Came::Lost => {
                self.counters.relays_lost += 1;
                tracing::info!(session = %port.place.session, "an address at a TURN server is gone");
                let is_way_lost = matches!(port.lose_relay(now, channel), WayCame::Lost);
                let may_renew = port.begin_renewal(now, is_way_lost);
                port.set_relay(channel, None);
                if may_renew {
                    self.begin_relay(clocks, pair, channel, None);
                }
                self.follow_ways(now, pair, WayCame::Nothing);
            }
            Came::Over => port.set_relay(channel, None),
        }
        self.end_renewal(now, pair);
    }

    /// Tells the owner of a port where it is since it has lost an address, once that is settled; and that it is to look for its peer anew, where that was reached so.
    fn end_renewal(&mut self, now: Instant, pair: PairIndex) {
        let Some(port) = self.port(pair) else { return };
        let Some(is_way_lost) = port.take_renewal(now) else { return };
        let (place, served) = (port.place, port.served());
        self.notify(place.session, place.id, MediaEventKind::Served(served.unwrap_or_default()));
        if is_way_lost {
            self.follow_ways(now, pair, WayCame::Lost);
        }
    }

    /// Sends what the allocations of a port have to say, and sets the time of the next look.
    pub(super) fn drive_relays(&mut self, now: Instant, pair: PairIndex) {
        for channel in CHANNELS {
            loop {
                let Self { ports, random, .. } = self;
                let Some(port) = ports.get_mut(pair.0 as usize).and_then(Option::as_deref_mut) else { return };
                let Some(message) = port.relay(channel).and_then(|client| client.poll_transmit(now, random)) else {
                    break;
                };
                self.send_to_server(pair, channel, &message);
            }
        }
        loop {
            let Self { ports, random, .. } = self;
            let Some(port) = ports.get_mut(pair.0 as usize).and_then(Option::as_deref_mut) else { return };
            let Some(message) = port.probe().and_then(|probe| probe.poll_transmit(now, random)) else { break };
            self.send_to_server(pair, Channel::Rtp, &message);
        }
        let Some(port) = self.port(pair) else { return };
        let former = port.set_relay_timer(None);
        port.drop_relays();
        let due = port.poll_relay_timeout();
        if let Some(former) = former {
            self.timers.cancel(former);
        }
        if let Some(due) = due {
            let key = self.schedule(due.max(now), Timer::Relays(pair));
            if let Some(port) = self.port(pair) {
                port.set_relay_timer(Some(key));
            }
        }
    }

    fn send_to_server(&mut self, pair: PairIndex, channel: Channel, message: &Outgoing) {
        let sent = self.wire.send(pair, channel, Destination::To(message.to), message.message.octets());
        self.counters.send_failures += u64::from(!sent);
    }

    /// A plan has come: where its peer may be reached is let in; what it does not need is given back.
    pub(super) fn plan_relays(&mut self, now: Instant, pair: PairIndex, seeks: bool, shares_rtcp: bool) {
        let Self { ports, random, .. } = self;
        let Some(port) = ports.get_mut(pair.0 as usize).and_then(Option::as_deref_mut) else { return };
        for channel in CHANNELS {
            if !seeks || (shares_rtcp && channel == Channel::Rtcp) {
                port.release_relay(now, channel, random);
            }
        }
        port.reach_candidates(now);
        self.drive_relays(now, pair);
    }

    /// The allocations of a port that is closed are given back. What they have to say first is said while its sockets are open.
    pub(super) fn release_relays(&mut self, now: Instant, pair: PairIndex, port: &mut Port) -> Vec<Release> {
        let mut released = Vec::new();
        for (channel, mut client) in port.take_relays() {
            client.release(now, &mut self.random);
            while let Some(message) = client.poll_transmit(now, &mut self.random) {
                self.send_to_server(pair, channel, &message);
            }
            released.push(Release { pair, channel, client });
        }
        released
    }

    /// They are seen to until their servers have answered, or their sockets are somebody else's.
    pub(super) fn keep_releases(&mut self, now: Instant, released: Vec<Release>) {
        for release in released {
            let is_open = self.pairs.bound(release.pair).is_some();
            if is_open && !release.client.is_over() && self.releases.len() < RELEASES {
                self.releases.push(release);
            }
        }
        self.schedule_releases(now);
    }

    /// The sockets of a pair are another port's from now on.
    pub(super) fn forget_releases(&mut self, pair: PairIndex) {
        if !self.releases.is_empty() {
            self.releases.retain(|release| release.pair != pair);
        }
    }

    /// A datagram at a pair that is nobody's. True: it was the answer of a server to what was given back.
    #[cold]
    pub(super) fn take_release(
        &mut self,
        now: Instant,
        pair: PairIndex,
        channel: Channel,
        source: SocketAddr,
        data: &[u8],
    ) -> bool {
        let is_this =
            |release: &&mut Release| (release.pair, release.channel, release.client.at()) == (pair, channel, source);
        let Some(release) = self.releases.iter_mut().find(is_this) else { return false };
        if let Some(message) = Message::parse(data, Usage::Relaying) {
            release.client.handle(now, &message, &mut self.random);
            self.look_at_releases(now);
        }
        true
    }

    /// Something is due in what is given back.
    pub(super) fn look_at_releases(&mut self, now: Instant) {
        let mut sent = Vec::new();
        for Release { pair, channel, client } in &mut self.releases {
            client.handle_timeout(now);
            while let Some(message) = client.poll_transmit(now, &mut self.random) {
                sent.push((*pair, *channel, message));
            }
        }
        for (pair, channel, message) in sent {
            self.send_to_server(pair, channel, &message);
        }
        self.releases.retain(|release| !release.client.is_over());
        self.schedule_releases(now);
    }

    fn schedule_releases(&mut self, now: Instant) {
        if let Some(former) = self.releases_due.take() {
            self.timers.cancel(former);
        }
        let due = self.releases.iter().filter_map(|release| release.client.poll_timeout()).min();
        self.releases_due = due.map(|due| self.schedule(due.max(now), Timer::Releases));
    }

    /// The addresses of a port that moves from worker to worker go along.
    pub(super) fn schedule_relays(&mut self, now: Now, pair: PairIndex) {
        if self.port(pair).is_some_and(|port| port.has_relay()) {
            self.drive_relays(now.instant, pair);
        }
    }
}

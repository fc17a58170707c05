//! What the owner of a session asks.

use super::{Closed, Timer, Voice};
use crate::limits::{CONFERENCES, PORTS_PER_SESSION};
use crate::pool::Shortage;
use crate::session::{Formats, Generator, KeySource, Networks, Place, Plan, Play, Port, Session};
use crate::transcoding::Side;
use crate::wire::{PairIndex, Wire};
use router::packet::one;
use router::parameter::{
    Bridge, Builtin, BuiltinKind, Failure, MediaPlan, MediaPort, PortAddress, PortId, PortStatistics, Reason, Resource,
    ResourceKind, ResourceState, ServedAddresses, Status,
};
use router::time::{Instant, Now};
use router::{Command, Instance, Packet, Parameter, packet::Parameters};
use std::net::SocketAddr;

/// A plan that was checked, for its port.
type Checked = (PairIndex, Plan, Formats, Option<Box<Networks>>);

impl<W: Wire> Voice<W> {
    pub(super) fn handle_request(&mut self, now: Now, packet: &Packet) {
        let answer = match (packet.command, packet.first()) {
            (Command::Query, Some(Parameter::Status(_))) => Ok(one(self.status())),
            (Command::Query, Some(Parameter::Conference(_))) => Ok(self.tell_conferences()),
            (Command::Query, Some(Parameter::PortStatistics(asked))) => {
                self.count(packet.destination.instance, PortId(asked.port))
            }
            (Command::Open, Some(Parameter::MediaPort(_))) => match self.open(now, packet) {
                Some(answer) => answer,
                None => return,
            },
            (Command::Open, Some(Parameter::MovedPort(_))) => match self.take_over(now, packet) {
                Some(answer) => answer,
                None => return,
            },
            (Command::Close, None) => self.close(now, packet.destination.instance),
            (Command::Close, Some(Parameter::MediaPort(_))) => self.close_ports(now, packet),
            (Command::Connect, Some(Parameter::Bridge(bridge))) => self.connect(now.instant, packet, *bridge),
            (Command::Disconnect, Some(Parameter::Bridge(bridge))) => self.part(packet.destination.instance, *bridge),
            (Command::Set, Some(Parameter::MediaPlan(_))) => self.set(now.instant, packet),
            (Command::Start, Some(Parameter::Builtin(builtin))) => self.start(now, packet, *builtin),
            (Command::Send, Some(Parameter::Digits(digits))) => {
                self.send_keys(now.instant, packet.destination.instance, digits)
            }
            (Command::Stop, Some(Parameter::Builtin(builtin))) => self.stop(packet.destination.instance, *builtin),
            _ => return self.outbox.unsupported(packet),
        };
        match answer {
            Ok(parameters) => self.outbox.done(packet, parameters),
            Err(failure) => self.outbox.failed(packet, failure),
        }
    }

    /// Opens ports, all or none. Those that are open already are answered as before. `None`: they are to have addresses at a server, and the answer follows.
    fn open(&mut self, now: Now, packet: &Packet) -> Option<Result<Parameters, Failure>> {
        match self.open_all(now, packet) {
            Ok((answer, true)) if self.gather(now.instant, packet, &answer) => None,
            Ok((answer, _)) => Some(Ok(answer)),
            Err(failure) => Some(Err(failure)),
        }
    }

    /// The ports, opened; true: addresses for them are on their way.
    fn open_all(&mut self, now: Now, packet: &Packet) -> Result<(Parameters, bool), Failure> {
        let instance = packet.destination.instance;
        if instance == Instance::MODULE {
            return Err(invalid("a session is an instance of its requester's choice, not 0"));
        }
        let wanted: Vec<&MediaPort> = packet
            .parameters
            .iter()
            .map(|parameter| if let Parameter::MediaPort(port) = parameter { Some(&**port) } else { None })
            .collect::<Option<_>>()
            .ok_or_else(|| invalid("Open takes nothing but media ports"))?;
        let is_new = match self.sessions.get(&instance) {
            Some(session) if session.owner != packet.source => {
                return Err(Failure::new(Reason::Refused).with_detail("the session belongs to somebody else"));
            }
            Some(_) => false,
            None => {
                self.sessions.insert(instance, Session::new(packet.source, now.instant));
                self.counters.sessions_opened += 1;
                true
            }
        };
        let mut opened: Vec<PortId> = Vec::new();
        let mut answer = Parameters::new();
        let mut is_expected = false;
        for port in wanted {
            match self.open_port(now.instant, instance, port) {
                Ok((address, fresh)) => {
                    if fresh {
                        opened.push(port.port);
                        is_expected |= self.serve(now, instance, port);
                    }
                    let served = if port.components_served > 0 { self.served(instance, port.port) } else { None };
                    answer.push(Parameter::from(MediaPort { address: Some(address), served, ..*port }));
                }
                Err(failure) => {
                    self.counters.ports_refused += 1;
                    for id in opened {
                        self.close_port(now, instance, id, false);
                    }
                    if is_new {
                        self.sessions.remove(&instance);
                        self.counters.sessions_opened -= 1;
                    }
                    return Err(failure);
                }
            }
        }
        Ok((answer, is_expected))
    }

    /// The addresses at servers that a port has.
    fn served(&mut self, instance: Instance, port: PortId) -> Option<ServedAddresses> {
        let pair = self.pair(instance, port).ok()?;
        self.port(pair)?.served()
    }

    /// A port is to have addresses at a server, where there is one. True: they are expected soon.
    fn serve(&mut self, now: Now, instance: Instance, wanted: &MediaPort) -> bool {
        if wanted.components_served == 0 || self.servers.is_empty() {
            return false;
        }
        self.pair(instance, wanted.port).is_ok_and(|pair| self.begin_relays(now, pair, wanted.components_served))
    }

    /// Opens one port; true if it was not open yet.
    fn open_port(
        &mut self,
        now: Instant,
        instance: Instance,
        wanted: &MediaPort,
    ) -> Result<(PortAddress, bool), Failure> {
        let session = self.sessions.get(&instance).ok_or_else(|| Failure::new(Reason::NotFound))?;
        if let Some(pair) = session.pair(wanted.port) {
            return match self.port(pair) {
                Some(port) if port.place.interface == wanted.interface => Ok((port.place.address, false)),
                _ => Err(invalid("the port is open on another interface")),
            };
        }
        if session.ports().len() >= PORTS_PER_SESSION {
            return Err(Failure::new(Reason::Exhausted).with_detail("a session has no more ports"));
        }
        let pair =
            self.pairs.take(now, wanted.interface, wanted.urgent, &mut self.wire).map_err(
                |shortage| match shortage {
                    Shortage::Ports => Failure::new(Reason::Exhausted).with_detail("no media port is left"),
                    Shortage::Interface => invalid("media cannot use that interface"),
                },
            )?;
        let (Some(bound), Some(rtp)) = (self.pairs.bound(pair), self.pairs.advertised(pair)) else {
            return Err(Failure::new(Reason::Internal));
        };
        let address = PortAddress { rtp, rtcp: SocketAddr::new(rtp.ip(), rtp.port() + 1) };
        let place =
            Place { id: wanted.port, session: instance, pair, interface: wanted.interface, bound: bound.ip(), address };
        let port = Port::new(place, now, &mut self.random);
        self.forget_releases(pair);
        let place = pair.0 as usize;
        if self.ports.len() <= place {
            self.ports.resize_with(place + 1, || None);
        }
        self.ports[place] = Some(Box::new(port));
        if let Some(session) = self.sessions.get_mut(&instance) {
            session.add(wanted.port, pair);
        }
        Ok((address, true))
    }

    /// What a port has counted so far, or had when it was closed.
    fn count(&mut self, instance: Instance, id: PortId) -> Result<Parameters, Failure> {
        let pair = self.sessions.get(&instance).and_then(|session| session.pair(id));
        let open = pair.and_then(|pair| self.port(pair)).map(|port| port.statistics());
        let statistics = open.or_else(|| self.closed_port(instance, id).cloned());
        statistics.map(one).ok_or_else(|| Failure::new(Reason::NotFound).with_detail("no such port"))
    }

    /// Ends a session. A session that was closed before gets the same answer again.
    fn close(&mut self, now: Now, instance: Instance) -> Result<Parameters, Failure> {
        if self.sessions.contains_key(&instance) {
            return Ok(listed(self.close_session(now, instance, true)));
        }
        let whole = self.closed.iter().rev().find(|closed| closed.session == instance && closed.whole);
        if let Some(closed) = whole {
            return Ok(listed(closed.statistics.clone()));
        }
        let in_parts = self.closed.iter().any(|closed| closed.session == instance);
        if in_parts { Ok(Parameters::new()) } else { Err(Failure::new(Reason::NotFound)) }
    }

    /// Closes some of a session's ports; with the last one the session ends. Those that were closed before are answered as
    /// then.
    fn close_ports(&mut self, now: Now, packet: &Packet) -> Result<Parameters, Failure> {
        let instance = packet.destination.instance;
        let mut ids = Vec::new();
        for parameter in &packet.parameters {
            let Parameter::MediaPort(port) = parameter else {
                return Err(invalid("Close takes nothing but media ports"));
            };
            let open = self.sessions.get(&instance).is_some_and(|session| session.pair(port.port).is_some());
            if !open && self.closed_port(instance, port.port).is_none() {
                return Err(Failure::new(Reason::NotFound));
            }
            ids.push(port.port);
        }
        let mut statistics = Vec::new();
        let mut now_closed = Vec::new();
        for id in ids {
            if let Some(counted) = self.close_port(now, instance, id, true) {
                statistics.push(counted.clone());
                now_closed.push(counted);
            } else if let Some(counted) = self.closed_port(instance, id) {
                statistics.push(counted.clone());
            }
        }
        if self.sessions.get(&instance).is_some_and(|session| session.ports().is_empty()) {
            self.sessions.remove(&instance);
        }
        if !now_closed.is_empty() {
            self.remember(Closed { session: instance, whole: false, statistics: now_closed });
        }
        Ok(listed(statistics))
    }

    fn closed_port(&self, instance: Instance, id: PortId) -> Option<&PortStatistics> {
        let of_session = self.closed.iter().rev().filter(|closed| closed.session == instance);
        of_session.flat_map(|closed| &closed.statistics).find(|statistics| statistics.port == id.0)
    }

    /// Joins two ports; each may come with a new plan.
    fn connect(&mut self, now: Instant, packet: &Packet, bridge: Bridge) -> Result<Parameters, Failure> {
        let instance = packet.destination.instance;
        let (a, b) = (self.pair(instance, bridge.a)?, self.pair(instance, bridge.b)?);
        if a == b {
            return Err(invalid("a port cannot be bridged to itself"));
        }
        let plans = self.check_plans(instance, &packet.parameters[1..])?;
        for plan in plans {
            self.apply(now, plan);
        }
        for (pair, other) in [(a, b), (b, a)] {
            if self.port(pair).is_some_and(|port| port.bridge != Some(other)) {
                self.unbridge(pair);
            }
        }
        for (pair, other) in [(a, b), (b, a)] {
            if let Some(port) = self.port(pair) {
                port.bridge = Some(other);
            }
        }
        self.map(a);
        Ok(Parameters::new())
    }

    /// Parts two ports. Those that are not joined are parted already.
    fn part(&mut self, instance: Instance, bridge: Bridge) -> Result<Parameters, Failure> {
        let (a, b) = (self.pair(instance, bridge.a)?, self.pair(instance, bridge.b)?);
        if self.port(a).is_some_and(|port| port.bridge == Some(b)) {
            self.unbridge(a);
        }
        Ok(Parameters::new())
    }

    fn set(&mut self, now: Instant, packet: &Packet) -> Result<Parameters, Failure> {
        for plan in self.check_plans(packet.destination.instance, &packet.parameters)? {
            self.apply(now, plan);
        }
        Ok(Parameters::new())
    }

    /// Plays on a port in place of its bridge. What plays already goes on.
    fn start(&mut self, now: Now, packet: &Packet, builtin: Builtin) -> Result<Parameters, Failure> {
        let instance = packet.destination.instance;
        let pair = self.pair(instance, builtin.port)?;
        let plans = self.check_plans(instance, &packet.parameters[1..])?;
        // Whether it can be played is known before anything changes.
        let planned = plans.iter().find(|(of, ..)| *of == pair).map(|(_, _, formats, _)| formats);
        let playable = match (builtin.kind, planned, self.port(pair)) {
            (BuiltinKind::Echo, ..) => true,
            (BuiltinKind::Conference(name), ..) => {
                self.check_seat(pair, name)?;
                true
            }
            (_, Some(formats), _) => Generator::speaks(formats).is_some(),
            (_, None, Some(port)) => Generator::speaks(port.formats()).is_some(),
            (_, None, None) => false,
        };
        if !playable {
            let detail = "the leg has agreed to no codec that built-in sources speak";
            return Err(Failure::new(Reason::Unsupported).with_detail(detail));
        }
        for plan in plans {
            self.apply(now.instant, plan);
        }
        match builtin.kind {
            BuiltinKind::Conference(name) => self.take_seat(now, pair, name),
            kind => self.play(now.instant, pair, kind),
        }
        Ok(Parameters::new())
    }

    fn stop(&mut self, instance: Instance, builtin: Builtin) -> Result<Parameters, Failure> {
        let pair = self.pair(instance, builtin.port)?;
        if self.plays(pair) == Some(builtin.kind) {
            self.stop_playing(pair);
        }
        Ok(Parameters::new())
    }

    fn play(&mut self, now: Instant, pair: PairIndex, kind: BuiltinKind) {
        if self.plays(pair) == Some(kind) {
            return;
        }
        self.stop_playing(pair);
        let Some(port) = self.port(pair) else { return };
        if kind == BuiltinKind::Echo {
            port.play = Some(Play::Echo);
            return;
        }
        let frame = port.plan().and_then(|plan| plan.frame);
        if let Some(generator) = Generator::new(kind, port.formats(), frame, now) {
            let due = generator.due();
            port.play = Some(Play::Source(generator));
            let key = self.schedule(due, Timer::Frame(pair));
            if let Some(port) = self.port(pair) {
                port.timers.frame = Some(key);
            }
        }
    }

    pub(super) fn stop_playing(&mut self, pair: PairIndex) {
        self.leave_seat(pair);
        let Some(port) = self.port(pair) else { return };
        port.play = None;
        port.outgoing.interrupt();
        if let Some(timer) = port.timers.frame.take() {
            self.timers.cancel(timer);
        }
    }

    /// Checks plans before any of them is applied.
    fn check_plans(&self, instance: Instance, parameters: &[Parameter]) -> Result<Vec<Checked>, Failure> {
        let check = |plan: &MediaPlan| {
            let pair = self.pair(instance, plan.port)?;
            let port = self.ports.get(pair.0 as usize).and_then(Option::as_ref);
            let bound = port.ok_or_else(|| Failure::new(Reason::NotFound))?.place.bound;
            let (checked, formats) = Plan::check(plan, bound).map_err(invalid)?;
            if plan.dtls.is_some() && self.identity.is_none() {
                return Err(invalid("there is no certificate for a handshake"));
            }
            Ok((pair, checked, formats, Networks::of(&plan.networks)))
        };
        let plans = parameters.iter().map(|parameter| match parameter {
            Parameter::MediaPlan(plan) => check(plan),
            _ => Err(invalid("only media plans may stand there")),
        });
        plans.collect()
    }

    fn apply(&mut self, now: Instant, (pair, mut plan, formats, networks): Checked) {
        let Some(port) = self.ports.get_mut(pair.0 as usize).and_then(Option::as_deref_mut) else { return };
        let first = port.plan().is_none();
        let shakes_hands = matches!(plan.key_source.as_deref(), Some(KeySource::Handshake(_)));
        let handshake = if port.is_secure() { port.set_dtls_timer(None) } else { None };
        if plan.key_source.is_some() || port.is_secure() {
            port.secure(now, plan.key_source.take(), plan.rtcp_mux, &mut self.random);
        }
        port.believe(networks);
        let ways = port.set_ways_timer(None);
        let seeks = (plan.ice.is_some() || port.seeks_ways())
            && port.seek(now, plan.ice.take(), plan.rtcp_mux, &mut self.random);
        let (shares_rtcp, has_relay) = (plan.rtcp_mux, port.has_relay());
        let unlearned = port.set_plan(now, plan, formats);
        let (connected, timer) = (port.connected(), port.timers.watch.take());
        if (unlearned || seeks) && connected {
            self.disconnect(pair);
        }
        self.map(pair);
        self.replay(now, pair);
        if first {
            self.schedule_report(now, pair, true);
        }
        // The plan has brought another limit of silence, and perhaps another handshake, or other ways.
        for timer in [timer, handshake, ways].into_iter().flatten() {
            self.timers.cancel(timer);
        }
        self.watch(now, pair);
        if has_relay {
            self.plan_relays(now, pair, seeks, shares_rtcp);
        }
        if seeks || shakes_hands {
            self.take_early(now, pair);
        }
        if seeks {
            self.look_at_ways(now, pair);
        }
        if shakes_hands {
            self.look_at_handshake(now, pair);
        }
    }

    /// A built-in source goes on in the formats and the frame of a new plan; it ends where it cannot. A seat stays.
    fn replay(&mut self, now: Instant, pair: PairIndex) {
        self.settle_seat(pair);
        let Some(port) = self.port(pair) else { return };
        if let Some(Play::Keys(dialling)) = &port.play
            && !dialling.fits(&Side { formats: port.agreed(), keys: port.key_form() })
        {
            return self.stop_playing(pair);
        }
        let Some(Play::Source(generator)) = &port.play else { return };
        let kind = generator.kind();
        let frame = port.plan().and_then(|plan| plan.frame);
        match Generator::new(kind, port.formats(), frame, now) {
            Some(fresh) => {
                let Some(Play::Source(generator)) = &mut port.play else { return };
                if !generator.is_like(&fresh) {
                    self.stop_playing(pair);
                    self.play(now, pair, kind);
                }
            }
            None => self.stop_playing(pair),
        }
    }

    /// Maps the payload types of a port and of the one that it is bridged to, both ways.
    fn map(&mut self, pair: PairIndex) {
        let Some(other) = self.port(pair).and_then(|port| port.bridge) else { return };
        if let Ok([Some(a), Some(b)]) = self.ports.get_disjoint_mut([pair.0 as usize, other.0 as usize]) {
            a.formats().map_to(b.formats());
            b.formats().map_to(a.formats());
        }
        self.settle_ways(pair, other);
    }

    pub(super) fn pair(&self, instance: Instance, port: PortId) -> Result<PairIndex, Failure> {
        let session = self.sessions.get(&instance);
        session.and_then(|session| session.pair(port)).ok_or_else(|| Failure::new(Reason::NotFound))
    }

    fn status(&self) -> Status {
        let ready = |kind, name: String, used: usize, total: Option<usize>| Resource {
            kind,
            name,
            state: ResourceState::Ready,
            used: used as u64,
            total: total.map(|total| total as u64),
            detail: None,
        };
        let mut resources: Vec<Resource> = self
            .pairs
            .interfaces()
            .map(|(address, used, total)| ready(ResourceKind::MediaPorts, address.to_string(), used, Some(total)))
            .collect();
        for resource in resources.iter_mut().filter(|resource| Some(resource.used) >= resource.total) {
            resource.state = ResourceState::Degraded;
            resource.detail = Some("every port of the range is in use: new calls are refused".to_owned());
        }
        resources.push(ready(ResourceKind::Sessions, "voice".to_owned(), self.sessions.len(), None));
        let conferences = self.conferences.iter().flatten().count();
        resources.push(ready(ResourceKind::Sessions, "conferences".to_owned(), conferences, Some(CONFERENCES)));
        if let Some(core) = self.core {
            resources.push(ready(ResourceKind::Core, core.to_string(), self.load as usize, Some(100)));
        }
        Status {
            module: self.outbox.address().module.to_string(),
            since: self.since,
            resources,
            counters: self.counters.list(),
            distributions: vec![self.lateness.distribution(), self.opinions.distribution(), self.delays.distribution()],
        }
    }
}

fn invalid(detail: &str) -> Failure {
    Failure::new(Reason::Invalid).with_detail(detail)
}

fn listed(statistics: Vec<PortStatistics>) -> Parameters {
    statistics.into_iter().map(Parameter::from).collect()
}

//! The call's session at a media worker: its ports, and how they are joined.

use super::call::{Call, Far};
use super::fork::cause_of;
use super::leg::LegId;
use super::purpose::Purpose;
use super::search::Stage;
use super::timers::Timer;
use super::turn::Turn;
use crate::limits::{MEDIA_ATTEMPTS, MEDIA_RETRY, MEDIA_WITHIN, RELEASE_ATTEMPTS};
use crate::negotiation::may_be_silent;
use router::parameter::{
    Bridge, Builtin, BuiltinKind, Cause, CauseKind, Failure, HandshakeFault, LegQuality, MediaEvent, MediaEventKind,
    MediaPort, Parameter, PortId, PortStatistics, Reason, ServedAddresses,
};
use router::{Address, Command, ModuleKind, Packet, Parameters, one};

/// How the ports are joined, as the worker was last told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Joined {
    /// Not at all.
    #[default]
    Nothing,
    /// Two legs.
    Bridge(LegId, LegId),
    /// A leg and a service.
    Service(LegId, BuiltinKind),
}

/// The session as this side knows it.
#[derive(Debug, Default)]
pub(super) struct Session {
    /// The worker that holds it; `None` until it has opened the first port.
    pub(super) worker: Option<Address>,
    joined: Joined,
    /// Changes in a row that the worker did not take.
    failures: u8,
    /// Whether ports are being moved out of it: until then it stays.
    lent: bool,
}

impl Call {
    /// The worker that has the session, if it has been chosen.
    pub(crate) fn worker(&self) -> Option<Address> {
        self.session.worker
    }

    /// The worker has said that they are joined so.
    pub(super) fn note_joined(&mut self, joined: Joined) {
        self.session.joined = joined;
    }

    /// The same, or any.
    pub(super) fn worker_or_any(&self) -> Address {
        self.session.worker.unwrap_or(Address::any(ModuleKind::Voice).at(self.instance))
    }

    /// The session is to be at that worker.
    pub(super) fn settle_at(&mut self, worker: Address) {
        self.session.worker.get_or_insert(worker);
    }

    /// The session is kept while ports are moved out of it, though the call has ended; or not.
    pub(super) fn keep_session(&mut self, lent: bool) {
        self.session.lent = lent;
    }

    /// What was to be moved out of the session is.
    pub(crate) fn session_returned(&mut self, turn: &mut Turn<'_>) {
        if std::mem::take(&mut self.session.lent) && self.has_ended() {
            self.close_session(turn, 1);
        }
    }

    /// Opens the ports of `legs`, and of the leg that waits if it has none yet: all or none.
    pub(super) fn open_ports(&mut self, turn: &mut Turn<'_>, legs: Vec<LegId>) {
        let worker = self.worker_or_any();
        self.open_ports_at(turn, worker, legs, 0);
    }

    /// The same at one worker, after so many had none.
    fn open_ports_at(&mut self, turn: &mut Turn<'_>, worker: Address, legs: Vec<LegId>, refusals: u8) {
        let waiting = self.search.as_ref().and_then(|search| search.waiting);
        let waiting = waiting.filter(|&leg| self.legs[leg].medium.address.is_none());
        let urgent = self.search.as_ref().is_some_and(|search| search.urgent);
        let ports: Parameters = waiting
            .iter()
            .chain(&legs)
            .map(|&leg| {
                let (interface, components_served) = (self.legs[leg].interface, self.components_served(leg));
                let port = leg.port();
                Parameter::from(MediaPort { urgent, components_served, ..MediaPort::new(port, interface) })
            })
            .collect();
        self.request(turn, worker, Command::Open, ports, MEDIA_WITHIN, Purpose::Open { legs, refusals });
    }

    /// The worker to ask after that one, which has refused. Each is asked once; a call that has ports somewhere stays there.
    fn worker_after(&self, refusal: &Packet, refusals: u8) -> Option<Address> {
        let workers = self.config.media_workers;
        let lacks = refusal.command == Command::Failed
            && matches!(refusal.failure().reason, Reason::Exhausted | Reason::Busy | Reason::UnknownDestination);
        if !lacks || self.session.worker.is_some() || refusals.saturating_add(1) >= workers {
            return None;
        }
        // Where any might have served it, the router has asked all.
        let index = refusal.source.module.index?;
        let next = if index + 1 < workers { index + 1 } else { 0 };
        Some(Address::local(ModuleKind::Voice, next).at(self.instance))
    }

    /// The worker opened the ports, or none.
    pub(super) fn ports_opened(&mut self, turn: &mut Turn<'_>, legs: Vec<LegId>, refusals: u8, packet: Packet) {
        self.note_ports(&packet);
        if self.has_ended() {
            return self.close_session(turn, 1);
        }
        // What was given up meanwhile gives its port back.
        for &leg in &legs {
            if self.legs[leg].is_released() {
                self.close_port(turn, leg);
            }
        }
        let next_worker = self.worker_after(&packet, refusals);
        let Some(search) = &mut self.search else { return };
        let Stage::Opening { legs, service } = &mut search.stage else { return };
        if let Some(worker) = next_worker {
            let legs = legs.clone();
            return self.open_ports_at(turn, worker, legs, refusals + 1);
        }
        let (legs, service) = (std::mem::take(legs), *service);
        let opened = search.waiting.iter().chain(&legs).all(|&leg| self.legs[leg].medium.address.is_some());
        if packet.command != Command::Done || !opened {
            for &leg in &legs {
                self.stop_and_drop(turn, leg, CauseKind::Congestion.into());
            }
            return self.ports_refused(turn, &packet);
        }
        match service {
            Some(kind) => self.service_ready(turn, kind),
            None => self.ring_legs(turn, legs),
        }
    }

    /// Keeps where ports were opened, and at which worker.
    pub(super) fn note_ports(&mut self, packet: &Packet) {
        if packet.command != Command::Done {
            return;
        }
        self.session.worker = Some(packet.source);
        for parameter in &packet.parameters {
            if let Parameter::MediaPort(opened) = parameter
                && let Some(leg) = self.leg_of_port(opened.port)
            {
                self.legs[leg].medium.address = opened.address;
                self.legs[leg].medium.served = opened.served.map(Box::new);
            }
        }
    }

    /// There are no ports for the step in hand; another one may use another interface.
    fn ports_refused(&mut self, turn: &mut Turn<'_>, packet: &Packet) {
        let expired = packet.command == Command::Failed && packet.failure().reason == Reason::Expired;
        let cause = match packet.command {
            Command::Done => CauseKind::Internal.into(),
            _ => cause_of_worker(packet.failure()),
        };
        if expired {
            // Should the worker still open them, they are given back, the port of the leg that waits among them.
            return self.search_given_up(turn, cause);
        }
        if let Some(search) = &mut self.search {
            search.note(cause);
        }
        self.search_on(turn);
    }

    fn leg_of_port(&self, port: PortId) -> Option<LegId> {
        self.legs.iter().map(|leg| leg.id).find(|leg| leg.port() == port)
    }

    /// Tells the worker how the ports of the call are to be joined and what each is to do, as things stand. To say it
    /// again does no harm. Nothing is said before every leg concerned has an agreement.
    pub(super) fn connect(&mut self, turn: &mut Turn<'_>) {
        let (Some(near), Some(worker)) = (self.near, self.session.worker) else { return };
        let wanted = self.wanted(near);
        let (joined, limit) = match wanted {
            Joined::Bridge(a, b) => (vec![a, b], self.silence_limit(a, Some(b))),
            Joined::Service(leg, _) => (vec![leg], self.silence_limit(leg, None)),
            Joined::Nothing => (vec![near], self.silence_limit(near, None)),
        };
        let mut plans = Vec::with_capacity(3);
        for &leg in &joined {
            let Some(plan) = self.media_plan(leg, limit) else { return };
            if plan.sends && plan.remote_rtp.is_none() && plan.ice.is_none() {
                tracing::info!(call = %self.id, port = plan.port.0, "a peer has a name for its media, which is not looked up: it hears once it is heard");
            }
            plans.push(Parameter::from(plan));
        }
        // Who talks to nobody at present has a plan all the same.
        let far = if let Far::Leg(far) = self.far { Some(far) } else { None };
        for leg in [Some(near), far].into_iter().flatten().filter(|leg| !joined.contains(leg)) {
            plans.extend(self.media_plan(leg, None).map(Parameter::from));
        }
        self.supervise(turn, limit.is_some());
        if self.session.joined != wanted {
            self.part(turn);
        }
        let (command, first) = match wanted {
            _ if self.session.joined == wanted => (Command::Set, None),
            Joined::Nothing => (Command::Set, None),
            Joined::Bridge(a, b) => (Command::Connect, Some(Parameter::from(Bridge { a: a.port(), b: b.port() }))),
            Joined::Service(leg, kind) => (Command::Start, Some(Parameter::from(Builtin { port: leg.port(), kind }))),
        };
        self.session.joined = wanted;
        let parameters: Parameters = first.into_iter().chain(plans).collect();
        self.request(turn, worker, command, parameters, MEDIA_WITHIN, Purpose::Media);
    }

    /// How the ports are to be joined as things stand.
    pub(super) fn wanted(&self, near: LegId) -> Joined {
        match (self.far, self.early, self.hears_ringing()) {
            (_, Some(early), Some(waiting)) => Joined::Bridge(waiting, early),
            (_, None, Some(waiting)) if self.can_hear(waiting, BuiltinKind::Ringback) => {
                Joined::Service(waiting, BuiltinKind::Ringback)
            }
            (Far::Leg(other), ..) | (Far::Nobody, Some(other), _) => Joined::Bridge(near, other),
            (Far::Service(kind), ..) if self.can_hear(near, kind) => Joined::Service(near, kind),
            (Far::Service(_), ..) | (Far::Nobody, None, _) => Joined::Nothing,
        }
    }

    /// How they are, as the worker was last told; `None`: it is to be told again soon.
    pub(super) fn joined(&self) -> Option<Joined> {
        let again = self.timers.iter().any(|(timer, _)| *timer == Timer::Media);
        (!again).then_some(self.session.joined)
    }

    /// Whether a service speaks what the leg does: an echo speaks all. If not, an offer of ours is on its way.
    fn can_hear(&self, leg: LegId, kind: BuiltinKind) -> bool {
        let agreement = self.legs[leg].medium.agreement();
        kind == BuiltinKind::Echo || agreement.is_some_and(|agreement| self.config.services.share(&agreement.codecs))
    }

    /// Parts what is joined.
    pub(super) fn part(&mut self, turn: &mut Turn<'_>) {
        let joined = std::mem::take(&mut self.session.joined);
        self.send_part(turn, joined, 1);
    }

    fn send_part(&mut self, turn: &mut Turn<'_>, joined: Joined, attempt: u8) {
        let Some(worker) = self.session.worker else { return };
        let (command, parameter) = match joined {
            Joined::Nothing => return,
            Joined::Bridge(a, b) => (Command::Disconnect, Parameter::from(Bridge { a: a.port(), b: b.port() })),
            Joined::Service(leg, kind) => (Command::Stop, Parameter::from(Builtin { port: leg.port(), kind })),
        };
        self.request(turn, worker, command, one(parameter), MEDIA_WITHIN, Purpose::Part { joined, attempt });
    }

    /// The worker parted them, or does not say so: it is told again, unless they are joined again meanwhile.
    pub(super) fn part_answered(&mut self, turn: &mut Turn<'_>, joined: Joined, attempt: u8, packet: &Packet) {
        if packet.command == Command::Failed
            && matches!(packet.failure().reason, Reason::Expired | Reason::Busy)
            && attempt < RELEASE_ATTEMPTS
            && self.session.joined != joined
            && !self.has_ended()
        {
            self.send_part(turn, joined, attempt + 1);
        }
    }

    /// Silence means something only where media should flow: answered, neither held nor with silence suppression agreed.
    fn silence_limit(&self, near: LegId, other: Option<LegId>) -> Option<u32> {
        let limit = self.config.media_silence?;
        let flows = |leg: LegId| {
            self.legs[leg].is_answered()
                && self.legs[leg]
                    .medium
                    .agreement()
                    .is_some_and(|agreement| agreement.is_full() && !may_be_silent(&agreement.codecs))
        };
        let all = self.answered.is_some() && flows(near) && other.is_none_or(flows);
        all.then(|| u32::try_from(limit.as_millis()).unwrap_or(u32::MAX))
    }

    /// The worker took a change, or did not.
    pub(super) fn media_answered(&mut self, turn: &mut Turn<'_>, packet: &Packet) {
        if packet.command == Command::Done {
            self.session.failures = 0;
            return;
        }
        if self.has_ended() {
            return;
        }
        let failure = packet.failure();
        self.session.failures += 1;
        let again = matches!(failure.reason, Reason::Busy | Reason::Expired);
        if again && self.session.failures < MEDIA_ATTEMPTS {
            // Said again as a whole: what the worker knows of it is not known here.
            self.session.joined = Joined::Nothing;
            self.set_timer(turn, Timer::Media, MEDIA_RETRY);
        } else {
            tracing::warn!(call = %self.id, reason = ?failure.reason, "the media worker does not take the call's media");
            let cause = cause_of_worker(failure);
            self.end(turn, cause, None);
        }
    }

    /// What happened at a port.
    pub(super) fn handle_media_event(&mut self, turn: &mut Turn<'_>, source: Address, event: MediaEvent) {
        let leg = self.leg_of_port(event.port);
        let (Some(leg), true, false) = (leg, self.session.worker == Some(source), self.has_ended()) else {
            turn.counters.ignored += 1;
            return;
        };
        match event.kind {
            MediaEventKind::Arrived => tracing::debug!(call = %self.id, port = event.port.0, "media arrives"),
            MediaEventKind::Silent => {
                // It may have crossed a hold, or be about a leg that is not heard any more.
                let (joined, is_alone) = match self.session.joined {
                    Joined::Bridge(a, b) if leg == a || leg == b => (self.silence_limit(a, Some(b)), false),
                    Joined::Service(near, _) if leg == near => (self.silence_limit(near, None), true),
                    _ => (None, false),
                };
                if joined.is_some() && !(is_alone && self.ask_silent_listener(turn)) {
                    self.end(turn, CauseKind::MediaTimeout.into(), None);
                }
            }
            MediaEventKind::Pressed { key, duration_ms, form } => self.key_heard(turn, leg, &key, duration_ms, form),
            // Nobody comes any more to what was a call.
            MediaEventKind::Alone => {
                if let Joined::Service(_, BuiltinKind::Conference(name)) = self.session.joined
                    && name.is_of_calls()
                {
                    self.end(turn, CauseKind::Normal.into(), None);
                }
            }
            MediaEventKind::Broken => self.end(turn, CauseKind::Internal.into(), None),
            MediaEventKind::Secured(suite) => self.legs[leg].medium.handle_keys(suite),
            MediaEventKind::Insecure(fault) => self.handle_insecure(turn, leg, fault),
            MediaEventKind::Unreachable => self.handle_unreachable(turn, leg),
            // What offers and answers name from now on.
            MediaEventKind::Served(served) => {
                let is_any = served != ServedAddresses::default();
                self.legs[leg].medium.served = is_any.then(|| Box::new(served));
            }
            MediaEventKind::Reached(found) => self.legs[leg].medium.ways.handle_reached(found),
        }
    }

    /// A leg that must have keys has none: what is said there is heard by nobody. One that has not been answered may still come to some.
    fn handle_insecure(&mut self, turn: &mut Turn<'_>, leg: LegId, fault: HandshakeFault) {
        tracing::warn!(call = %self.id, fault = fault.sentence(), "a leg has no keys");
        if self.is_joined(leg) {
            let cause = match fault {
                HandshakeFault::Fingerprint => CauseKind::PeerMisbehaved,
                HandshakeFault::Refused => CauseKind::IncompatibleMedia,
                HandshakeFault::TimedOut => CauseKind::MediaTimeout,
            };
            self.end(turn, cause.into(), None);
        }
    }

    /// Whether a leg hears another one, or a service.
    pub(super) fn is_joined(&self, leg: LegId) -> bool {
        match self.session.joined {
            Joined::Bridge(a, b) => leg == a || leg == b,
            Joined::Service(near, _) => leg == near,
            Joined::Nothing => false,
        }
    }

    /// Gives one port back.
    pub(super) fn close_port(&mut self, turn: &mut Turn<'_>, leg: LegId) {
        let (Some(worker), false) = (self.session.worker, self.has_ended()) else { return };
        if self.legs[leg].medium.address.take().is_none() {
            return;
        }
        let port = MediaPort::new(leg.port(), self.legs[leg].interface);
        self.request(turn, worker, Command::Close, one(port), MEDIA_WITHIN, Purpose::ClosePort(leg));
    }

    /// What a port counted that was given back.
    pub(super) fn port_closed(&mut self, packet: &Packet) {
        for parameter in &packet.parameters {
            if let Parameter::PortStatistics(statistics) = parameter {
                self.count(statistics);
            }
        }
    }

    /// Asks what the port of a leg has counted so far, for a conversation that has ended.
    pub(super) fn ask_count(&mut self, turn: &mut Turn<'_>, leg: LegId, conversation: u32) {
        let Some(worker) = self.session.worker else { return };
        let asked = PortStatistics { port: leg.port().0, ..PortStatistics::default() };
        let purpose = Purpose::Count { leg, conversation };
        self.request(turn, worker, Command::Query, one(asked), MEDIA_WITHIN, purpose);
    }

    /// Ends the session, if there is one. The record waits for what its ports counted, but not for long.
    pub(super) fn close_session(&mut self, turn: &mut Turn<'_>, attempt: u8) {
        if self
            .pending
            .iter()
            .any(|(_, purpose)| matches!(purpose, Purpose::Open { .. } | Purpose::Adopt { .. } | Purpose::Move { .. }))
        {
            return;
        }
        if self.session.lent {
            return;
        }
        match self.session.worker {
            Some(worker) => {
                let purpose = Purpose::CloseSession { attempt };
                self.request(turn, worker, Command::Close, Parameters::new(), MEDIA_WITHIN, purpose);
            }
            None => self.conclude(turn),
        }
    }

    /// The session is closed, or nobody says so.
    pub(super) fn session_closed(&mut self, turn: &mut Turn<'_>, attempt: u8, packet: &Packet) {
        self.port_closed(packet);
        self.conclude(turn);
        if packet.command == Command::Failed && matches!(packet.failure().reason, Reason::Expired | Reason::Busy) {
            if attempt < RELEASE_ATTEMPTS {
                self.close_session(turn, attempt + 1);
            } else {
                turn.counters.sessions_unreleased += 1;
                tracing::warn!(call = %self.id, "the media worker does not say that the call's session is closed");
            }
        }
    }
}

/// What a record keeps of a port's statistics.
pub(crate) fn quality(statistics: &PortStatistics) -> LegQuality {
    LegQuality {
        codec: statistics.codec.clone(),
        packets_received: statistics.packets_received,
        packets_sent: statistics.packets_sent,
        packets_lost: statistics.packets_lost,
        packets_lost_at_peer: statistics.packets_lost_at_peer,
        jitter_us: statistics.jitter_us,
        jitter_at_peer_us: statistics.jitter_at_peer_us,
        round_trip_us: statistics.round_trip_us,
        suite: statistics.suite,
        packets_discarded: statistics.packets_discarded,
        packets_late: statistics.packets_late,
        mos_centi: statistics.mos_centi,
        mos_at_peer_centi: statistics.mos_at_peer_centi,
        jitter_max_us: statistics.jitter_max_us,
        jitter_max_at_peer_us: statistics.jitter_max_at_peer_us,
        packets_repeated_at_peer: statistics.packets_repeated_at_peer,
    }
}

/// Why there are no media: whatever a worker lacks, or that it does not answer, is ours and no fault of a peer's.
fn cause_of_worker(failure: Failure) -> Cause {
    match failure.reason {
        Reason::Busy | Reason::Exhausted | Reason::Expired | Reason::UnknownDestination | Reason::PlatformAbsent => {
            CauseKind::Congestion.into()
        }
        _ => cause_of(failure),
    }
}

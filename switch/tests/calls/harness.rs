//! A platform with one switch, and everything around it scripted.

use router::parameter::{
    self, BuiltinKind, Call, CallRecord, Cause, CauseKind, Codec, Contact, Direction, Failure, LegPhase, LegState,
    MediaDescription, MediaEvent, MediaEventKind, MediaExchange, MediaKind, MediaPlan, MediaPort, MediaStream,
    MediaTransport, Origin, Parameter, Party, PortAddress, PortId, PortStatistics, Reason, Registration, Target,
};
use router::service::{next_turn, turn};
use router::time::{Duration, Instant, Now, WallTime};
use router::{
    Address, Command, Endpoint, Instance, ModuleKind, Outbox, Packet, Parameters, PlatformId, Random, Received, Router,
    Transaction, one,
};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use switch::{Config, Switch};

/// What goes wrong with one request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// It never arrives.
    Lost,
    /// It is refused as `Busy` without being looked at.
    Busy,
    /// It is served, and its answers come so much later.
    Late(Duration),
}

/// Which request goes wrong: the `at`th that the switch sends.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    pub(crate) at: Option<(usize, Option<Fault>)>,
    pub(crate) seen: usize,
}

/// A scripted module's place at the router.
pub(crate) struct Place {
    outbox: Outbox,
    endpoint: Endpoint,
    faults: Rc<RefCell<Faults>>,
    slow: BTreeMap<Transaction, Duration>,
    late: Vec<(Instant, Packet)>,
}

impl Place {
    fn new(router: &Router, kind: ModuleKind, faults: &Rc<RefCell<Faults>>) -> Self {
        Self {
            outbox: Outbox::new(Address::local(kind, 0)),
            endpoint: router.register(kind, 0, || ()),
            faults: Rc::clone(faults),
            slow: BTreeMap::new(),
            late: Vec::new(),
        }
    }

    fn receive(&mut self) -> Option<Received> {
        loop {
            let packet = self.endpoint.receive()?;
            let Some(received) = self.outbox.handle_packet(packet) else { continue };
            let Received::Packet(packet) = &received else { return Some(received) };
            if !packet.command.is_request() {
                return Some(received);
            }
            let mut faults = self.faults.borrow_mut();
            faults.seen += 1;
            match faults.at {
                Some((at, Some(fault))) if at == faults.seen => match fault {
                    Fault::Lost => continue,
                    Fault::Busy => {
                        self.outbox.failed(packet, Failure::new(Reason::Busy));
                        continue;
                    }
                    Fault::Late(by) => {
                        self.slow.insert(packet.transaction, by);
                    }
                },
                _ => {}
            }
            return Some(received);
        }
    }

    fn flush(&mut self, now: Now) {
        let due: Vec<_> = self.late.extract_if(.., |(at, _)| *at <= now.instant).collect();
        for (_, packet) in due {
            let _ = self.endpoint.router().send(packet);
        }
        if self.outbox.poll_timeout().is_some_and(|at| at <= now.instant) {
            self.outbox.handle_timeout(now.instant);
        }
        while let Some(packet) = self.outbox.poll_transmit() {
            let answer = !packet.command.is_request() && packet.transaction != Transaction::NONE;
            match self.slow.get(&packet.transaction) {
                Some(&by) if answer => self.late.push((now.instant + by, packet)),
                _ => {
                    if let Err(refused) = self.endpoint.router().send(packet) {
                        self.outbox.handle_refused(now.instant, refused);
                    }
                }
            }
        }
    }

    fn next(&self) -> Option<Instant> {
        let late = self.late.iter().map(|(at, _)| *at).min();
        late.into_iter().chain(self.outbox.poll_timeout()).min()
    }

    fn waits(&self) -> bool {
        self.endpoint.counters().depth > 0
    }
}

/// A leg at the scripted signaling.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) call: Address,
    pub(crate) incoming: bool,
    /// Outgoing: the request that is still to be answered.
    pub(crate) start: Option<Packet>,
    pub(crate) started: Option<parameter::Leg>,
    pub(crate) phase: LegPhase,
    /// Why it ended.
    pub(crate) cause: Option<Cause>,
    pub(crate) codecs: Vec<Codec>,
    /// What the switch last described to it.
    pub(crate) heard: Option<MediaExchange>,
    pub(crate) direction: Direction,
}

/// The scripted signaling module: phones and trunks.
pub(crate) struct Signaling {
    pub(crate) place: Place,
    pub(crate) registrations: BTreeMap<String, Vec<Contact>>,
    pub(crate) legs: BTreeMap<Instance, Leg>,
    /// `Set × LegState` from the switch that the test answers.
    pub(crate) sets: Vec<Packet>,
    /// Whether such are answered here.
    pub(crate) answers_sets: bool,
    /// `Send` from the switch, answered `Done`.
    pub(crate) sent: Vec<(Instance, Parameter)>,
    /// Answers to requests of the legs, in their order.
    pub(crate) answers: Vec<(Instance, Command, Packet)>,
    next: u64,
}

/// The scripted media worker.
pub(crate) struct Voice {
    pub(crate) place: Place,
    pub(crate) sessions: BTreeMap<Instance, Session>,
    pub(crate) closed: BTreeSet<Instance>,
    pub(crate) exhausted: bool,
    pub(crate) log: Vec<String>,
    next_port: u16,
}

#[derive(Debug, Default)]
pub(crate) struct Session {
    pub(crate) ports: BTreeMap<u16, Option<MediaPlan>>,
    pub(crate) bridge: Option<(u16, u16)>,
    pub(crate) builtin: Option<(u16, BuiltinKind)>,
}

/// The scripted store.
pub(crate) struct Store {
    pub(crate) place: Place,
    pub(crate) records: BTreeMap<String, Vec<(Command, CallRecord)>>,
    pub(crate) down: bool,
}

/// A client that watches and originates.
pub(crate) struct Client {
    pub(crate) place: Place,
    pub(crate) received: Vec<Packet>,
}

pub(crate) struct World {
    pub(crate) now: Now,
    pub(crate) switch: Switch,
    endpoint: Endpoint,
    pub(crate) signaling: Signaling,
    pub(crate) voice: Voice,
    pub(crate) store: Store,
    pub(crate) client: Client,
    pub(crate) faults: Rc<RefCell<Faults>>,
    calls: u64,
}

pub(crate) fn pcmu() -> Codec {
    Codec::new(0, "PCMU", 8000)
}

pub(crate) fn pcma() -> Codec {
    Codec::new(8, "PCMA", 8000)
}

pub(crate) fn opus() -> Codec {
    Codec { channels: 2, ..Codec::new(111, "opus", 48_000) }
}

pub(crate) fn events() -> Codec {
    Codec { parameters: Some("0-16".into()), ..Codec::new(101, "telephone-event", 8000) }
}

pub(crate) fn audio(port: u16, codecs: &[Codec], direction: Direction) -> MediaDescription {
    MediaDescription {
        streams: vec![MediaStream {
            kind: MediaKind::Audio,
            transport: MediaTransport::RtpAvp,
            rtp: Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7)), port)),
            rtcp: None,
            rtcp_mux: false,
            direction,
            codecs: codecs.to_vec(),
            ptime_ms: Some(20),
            max_ptime_ms: None,
        }],
    }
}

pub(crate) fn codec_names(exchange: Option<&MediaExchange>) -> Vec<String> {
    let stream = exchange.and_then(|exchange| exchange.description().streams.first());
    stream.map_or(Vec::new(), |stream| stream.codecs.iter().map(|codec| codec.name.as_str().to_owned()).collect())
}

pub(crate) fn direction(exchange: Option<&MediaExchange>) -> Option<Direction> {
    exchange.and_then(|exchange| exchange.description().streams.first()).map(|stream| stream.direction)
}

/// What a peer with these formats answers.
fn answer_to(offer: &MediaDescription, codecs: &[Codec], port: u16, wish: Direction) -> Option<MediaDescription> {
    let offered = offer.streams.first()?;
    let chosen: Vec<_> =
        offered.codecs.iter().filter(|codec| codecs.iter().any(|own| own.matches(codec))).cloned().collect();
    if chosen.is_empty() {
        return None;
    }
    let mut answer = audio(port, &chosen, wish.and(offered.direction.mirrored()));
    for _ in 1..offer.streams.len() {
        answer.streams.push(MediaStream { rtp: None, ..answer.streams[0].clone() });
    }
    Some(answer)
}

pub(crate) fn contact(name: &str) -> Contact {
    Contact {
        uri: format!("sip:{name}@192.0.2.9").into(),
        path: Vec::new(),
        flow: "udp 192.0.2.1:5060 192.0.2.9:5060".to_owned().into(),
        q_thousandths: 1000,
        expires: WallTime(i64::MAX),
        call_id: "r".into(),
        cseq: 1,
        user_agent: None,
        latency_us: None,
        reachable: None,
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Self {
        let router = Router::new(PlatformId(1));
        let faults = Rc::new(RefCell::new(Faults::default()));
        let now = Now { instant: Instant::from_millis(1000), wall: WallTime::from_secs(1_800_000_000) };
        let endpoint = router.register(ModuleKind::Switch, 0, || ());
        let mut registrations = BTreeMap::new();
        for name in ["alice", "bob", "carol"] {
            registrations.insert(name.to_owned(), vec![contact(name)]);
        }
        registrations.insert("dave".to_owned(), Vec::new());
        Self {
            now,
            switch: Switch::new(0, config, now, Random::from_seed(1)),
            endpoint,
            signaling: Signaling {
                place: Place::new(&router, ModuleKind::Signaling, &faults),
                registrations,
                legs: BTreeMap::new(),
                sets: Vec::new(),
                answers_sets: true,
                sent: Vec::new(),
                answers: Vec::new(),
                next: 0x1000,
            },
            voice: Voice {
                place: Place::new(&router, ModuleKind::Voice, &faults),
                sessions: BTreeMap::new(),
                closed: BTreeSet::new(),
                exhausted: false,
                log: Vec::new(),
                next_port: 20_000,
            },
            store: Store {
                place: Place::new(&router, ModuleKind::Store, &faults),
                records: BTreeMap::new(),
                down: false,
            },
            client: Client { place: Place::new(&router, ModuleKind::Control, &faults), received: Vec::new() },
            faults,
            calls: 0,
        }
    }

    /// Lets every module take its packets, until none is left.
    pub(crate) fn settle(&mut self) {
        loop {
            turn(&mut self.switch, &self.endpoint, self.now);
            self.signaling.turn(self.now);
            self.voice.turn(self.now);
            self.store.turn(self.now);
            self.client.turn(self.now);
            let waits = self.endpoint.counters().depth > 0
                || self.signaling.place.waits()
                || self.voice.place.waits()
                || self.store.place.waits()
                || self.client.place.waits();
            let due = next_turn(&mut self.switch).is_some_and(|at| at <= self.now.instant);
            if !waits && !due {
                return;
            }
        }
    }

    /// Lets so much time pass.
    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now.later(time);
        loop {
            self.settle();
            let places = [&self.signaling.place, &self.voice.place, &self.store.place, &self.client.place];
            let next = places.into_iter().filter_map(Place::next).chain(next_turn(&mut self.switch)).min();
            match next {
                Some(at) if at <= end.instant => {
                    let step = at.since(self.now.instant).max(Duration::from_nanos(1));
                    self.now = self.now.later(step);
                }
                _ => break,
            }
        }
        self.now = end;
        self.settle();
    }

    pub(crate) fn run_ms(&mut self, millis: u64) {
        self.run(Duration::from_millis(millis));
    }

    /// A leg of `from` calls `to` with this offer; the caller's leg.
    pub(crate) fn call_with(&mut self, from: &str, to: &str, offer: Option<MediaDescription>) -> Instance {
        self.calls += 1;
        let leg = self.signaling.mint();
        let call = Address::local(ModuleKind::Switch, 0).at(Instance(0x5000 + self.calls));
        let codecs = offer.as_ref().map_or(vec![pcmu()], |offer| offer.streams[0].codecs.clone());
        let request = Call {
            id: format!("call-{}", self.calls),
            origin: match from.strip_prefix("trunk:") {
                Some(trunk) => Origin::Trunk(trunk.to_owned()),
                None => Origin::Account(from.to_owned()),
            },
            caller: Party::new(from, "example.net"),
            anonymous: false,
            called: Party::new(to, "example.net"),
            media: offer.map(MediaExchange::Offer),
            hops: 69,
            interface: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
            verified: true,
            referred_by: None,
            leg_id: format!("caller-{}", self.calls),
        };
        self.signaling.legs.insert(
            leg,
            Leg {
                call,
                incoming: true,
                start: None,
                started: None,
                phase: LegPhase::Trying,
                cause: None,
                codecs,
                heard: None,
                direction: Direction::SendReceive,
            },
        );
        self.ask(leg, Command::Start, request);
        leg
    }

    /// A call in PCMU and telephone events.
    pub(crate) fn call(&mut self, from: &str, to: &str) -> Instance {
        self.call_with(from, to, Some(audio(4000, &[pcmu(), events()], Direction::SendReceive)))
    }

    /// A request of a leg to its call.
    pub(crate) fn ask(&mut self, leg: Instance, command: Command, parameter: impl Into<Parameter>) {
        let call = self.signaling.legs[&leg].call;
        let outbox = &mut self.signaling.place.outbox;
        outbox.request(self.now.instant, leg, call, command, one(parameter), Duration::from_secs(400));
        self.settle();
    }

    /// A request of the client.
    pub(crate) fn ask_as_client(&mut self, destination: Address, command: Command, parameters: Parameters) {
        let outbox = &mut self.client.place.outbox;
        let source = Instance::MODULE;
        outbox.request(self.now.instant, source, destination, command, parameters, Duration::from_secs(400));
        self.settle();
    }

    /// The outgoing legs that are not over and not answered, in the order in which they were started.
    pub(crate) fn ringing(&self) -> Vec<Instance> {
        let legs = self.signaling.legs.iter();
        legs.filter(|(_, leg)| leg.start.is_some()).map(|(&leg, _)| leg).collect()
    }

    /// The only leg that rings.
    pub(crate) fn only(&self) -> Instance {
        let ringing = self.ringing();
        assert_eq!(ringing.len(), 1, "{ringing:?}");
        ringing[0]
    }

    pub(crate) fn target(&self, leg: Instance) -> String {
        match &self.signaling.legs[&leg].started.as_ref().unwrap().target {
            Target::Contact(contact) => contact.uri.reveal().clone(),
            Target::Trunk { name, number } => format!("{name}:{}", number.reveal()),
            Target::Uri(uri) => uri.reveal().clone(),
        }
    }

    /// The leg tells its progress.
    pub(crate) fn progress(&mut self, leg: Instance, state: LegState) {
        if let Some(start) = &self.signaling.legs[&leg].start {
            let progress = start.answer(Command::Progress, one(state));
            self.signaling.place.outbox.answer(progress);
        }
        self.settle();
    }

    pub(crate) fn ring(&mut self, leg: Instance) {
        self.progress(leg, LegState::new(LegPhase::Ringing));
    }

    /// The leg answers, in these formats.
    pub(crate) fn answer_with(&mut self, leg: Instance, codecs: &[Codec]) {
        let port = 6000 + (leg.0 % 1000) as u16 * 2;
        let Some(record) = self.signaling.legs.get_mut(&leg) else { return };
        let Some(start) = record.start.take() else { return };
        record.phase = LegPhase::Answered;
        record.codecs = codecs.to_vec();
        let media = match record.started.as_ref().and_then(|leg| leg.media.as_ref()) {
            Some(offer) => {
                answer_to(offer.description(), codecs, port, Direction::SendReceive).map(MediaExchange::Answer)
            }
            None => Some(MediaExchange::Offer(audio(port, codecs, Direction::SendReceive))),
        };
        let state = LegState::new(LegPhase::Answered).with_media(media);
        self.signaling.place.outbox.done(&start, one(state));
        self.settle();
    }

    pub(crate) fn answer(&mut self, leg: Instance) {
        self.answer_with(leg, &[pcmu(), events()]);
    }

    pub(crate) fn refuse(&mut self, leg: Instance, cause: impl Into<Cause>) {
        let Some(record) = self.signaling.legs.get_mut(&leg) else { return };
        let Some(start) = record.start.take() else { return };
        record.phase = LegPhase::Released;
        self.signaling.place.outbox.failed(&start, Failure::because(cause.into()));
        self.settle();
    }

    /// The leg's peer hangs up.
    pub(crate) fn hang_up(&mut self, leg: Instance) {
        let phase = self.signaling.legs[&leg].phase;
        if phase == LegPhase::Released {
            return;
        }
        let cause = if phase == LegPhase::Answered { CauseKind::Normal } else { CauseKind::Cancelled };
        if let Some(leg) = self.signaling.legs.get_mut(&leg) {
            leg.phase = LegPhase::Released;
        }
        self.ask(leg, Command::Stop, LegState::released(cause));
    }

    /// The leg's peer offers anew.
    pub(crate) fn offer(&mut self, leg: Instance, codecs: &[Codec], direction: Direction) {
        let record = self.signaling.legs.get_mut(&leg).unwrap();
        record.direction = direction;
        let offer = MediaExchange::Offer(audio(4500, codecs, direction));
        self.ask(leg, Command::Set, LegState::new(LegPhase::Answered).with_media(Some(offer)));
    }

    /// A call that both ends have answered: the caller's leg and the callee's.
    pub(crate) fn connected(&mut self) -> (Instance, Instance) {
        let caller = self.call("alice", "bob");
        let callee = self.only();
        self.ring(callee);
        self.answer(callee);
        assert_eq!(self.signaling.legs[&caller].phase, LegPhase::Answered);
        (caller, callee)
    }

    /// The last answer that a leg's request got.
    pub(crate) fn last_answer(&self, leg: Instance) -> &Packet {
        &self.signaling.answers.iter().rev().find(|(of, _, _)| *of == leg).expect("no answer").2
    }

    /// Why the last request of a leg failed.
    pub(crate) fn failure(&self, leg: Instance) -> CauseKind {
        let packet = self.last_answer(leg);
        assert_eq!(packet.command, Command::Failed, "{packet:?}");
        packet.failure().cause.expect("no cause").kind
    }

    /// The description in the last answer of a leg.
    pub(crate) fn described(&self, leg: Instance) -> Option<MediaExchange> {
        match self.last_answer(leg).first() {
            Some(Parameter::LegState(state)) => state.media.clone(),
            _ => None,
        }
    }

    pub(crate) fn session(&self) -> &Session {
        assert_eq!(self.voice.sessions.len(), 1, "{:?}", self.voice.sessions);
        self.voice.sessions.values().next().unwrap()
    }

    pub(crate) fn plan(&self, port: u16) -> &MediaPlan {
        self.session().ports[&port].as_ref().expect("no plan")
    }

    /// The worker of the only call tells of something.
    pub(crate) fn media_event(&mut self, port: u16, kind: MediaEventKind) {
        let session = *self.voice.sessions.keys().next().unwrap();
        self.media_event_of(session, port, kind);
    }

    /// The worker tells of something.
    pub(crate) fn media_event_of(&mut self, session: Instance, port: u16, kind: MediaEventKind) {
        let to = Address::local(ModuleKind::Switch, 0).at(session);
        self.voice.place.outbox.notify(session, to, one(MediaEvent { port: PortId(port), kind }));
        self.settle();
    }

    /// The completed record of the only call.
    pub(crate) fn record(&self) -> &CallRecord {
        assert_eq!(self.store.records.len(), 1);
        let (command, record) = self.store.records.values().next().unwrap().last().unwrap();
        assert_eq!(*command, Command::Set, "the record is not complete");
        record
    }

    pub(crate) fn counter(&mut self, name: &str) -> u64 {
        self.client.received.clear();
        let switch = Address::local(ModuleKind::Switch, 0);
        self.ask_as_client(switch, Command::Query, one(parameter::Status::default()));
        match self.client.received.last().and_then(Packet::first) {
            Some(Parameter::Status(status)) => {
                status.counters.iter().filter(|counter| counter.name == name).map(|counter| counter.value).sum()
            }
            other => panic!("{other:?}"),
        }
    }

    /// Nothing is left of any call, anywhere; each has one complete record.
    pub(crate) fn assert_over(&mut self) {
        self.run(Duration::from_secs(600));
        for (id, leg) in &self.signaling.legs {
            assert_eq!(leg.phase, LegPhase::Released, "leg {id} is left: {leg:?}");
        }
        assert!(self.voice.sessions.is_empty(), "{:?}", self.voice.sessions);
        for (id, writes) in &self.store.records {
            let complete = writes.iter().filter(|(command, _)| *command == Command::Set).count();
            assert_eq!(complete, 1, "records of {id}: {writes:?}");
            assert_eq!(writes.last().unwrap().0, Command::Set, "the open record came last");
        }
        assert_eq!(self.store.records.len() as u64, self.started(), "one record a call");
        assert!(self.switch.is_idle(), "{:?}", self.switch);
        assert_eq!(self.signaling.place.outbox.pending(), 0, "a request of a leg was never answered");
        assert_eq!(self.client.place.outbox.pending(), 0, "a request of the client was never answered");
    }

    fn started(&mut self) -> u64 {
        self.counter("calls_started")
    }
}

impl Signaling {
    fn mint(&mut self) -> Instance {
        self.next += 1;
        Instance(self.next)
    }

    fn turn(&mut self, now: Now) {
        while let Some(received) = self.place.receive() {
            match received {
                Received::Packet(packet) => self.request(packet),
                Received::Answer(pending, packet) => self.answered(pending.source, pending.command, packet),
            }
        }
        while let Some(Received::Answer(pending, packet)) = self.place.outbox.poll_received() {
            self.answered(pending.source, pending.command, packet);
        }
        self.place.flush(now);
    }

    fn answered(&mut self, leg: Instance, command: Command, packet: Packet) {
        if let Some(record) = self.legs.get_mut(&leg) {
            if let Some(Parameter::LegState(state)) = packet.first()
                && state.media.is_some()
            {
                record.heard = state.media.clone();
            }
            if command == Command::Start && record.incoming && record.phase != LegPhase::Released {
                match (packet.command, packet.first()) {
                    (Command::Done, Some(Parameter::LegState(_))) => record.phase = LegPhase::Answered,
                    (Command::Failed, _) if record.phase != LegPhase::Answered => record.phase = LegPhase::Released,
                    (Command::Progress, Some(Parameter::LegState(state))) => record.phase = state.phase,
                    _ => {}
                }
            }
        }
        self.answers.push((leg, command, packet));
    }

    fn request(&mut self, packet: Packet) {
        let leg = packet.destination.instance;
        match (packet.command, packet.first()) {
            (Command::Query, Some(Parameter::Registration(query))) => match self.registrations.get(&query.account) {
                Some(contacts) => {
                    let found = Registration { account: query.account.clone(), contacts: contacts.clone() };
                    self.place.outbox.done(&packet, one(found));
                }
                None => self.place.outbox.failed(&packet, Failure::new(Reason::NotFound)),
            },
            (Command::Start, Some(Parameter::Leg(start))) => {
                let start = (**start).clone();
                let trying = LegState { leg_id: Some(format!("leg-{leg}")), ..LegState::new(LegPhase::Trying) };
                self.place.outbox.answer(packet.answer(Command::Progress, one(trying)));
                self.legs.insert(
                    leg,
                    Leg {
                        call: packet.source,
                        incoming: false,
                        heard: start.media.clone(),
                        started: Some(start),
                        start: Some(packet),
                        phase: LegPhase::Trying,
                        cause: None,
                        codecs: Vec::new(),
                        direction: Direction::SendReceive,
                    },
                );
            }
            (Command::Stop, Some(Parameter::LegState(state))) => {
                let cause = state.cause.clone();
                match self.legs.get_mut(&leg) {
                    Some(record) => {
                        record.phase = LegPhase::Released;
                        record.cause = cause;
                        if let Some(start) = record.start.take() {
                            self.place.outbox.failed(&start, Failure::because(CauseKind::Cancelled.into()));
                        }
                        self.place.outbox.done(&packet, Parameters::new());
                    }
                    None => self.place.outbox.failed(&packet, Failure::new(Reason::NotFound)),
                }
            }
            (Command::Set, Some(Parameter::LegState(state))) => {
                let state = (**state).clone();
                match self.legs.get_mut(&leg) {
                    Some(record) if record.phase == LegPhase::Answered => {
                        record.heard = state.media.clone();
                        if self.answers_sets {
                            self.answer_set(packet, &state);
                        } else {
                            self.sets.push(packet);
                        }
                    }
                    _ => self.place.outbox.failed(&packet, Failure::new(Reason::NotFound)),
                }
            }
            (Command::Send, Some(noun)) => {
                self.sent.push((leg, noun.clone()));
                self.place.outbox.done(&packet, Parameters::new());
            }
            _ => self.place.outbox.unsupported(&packet),
        }
    }

    /// Answers a request that the test kept.
    pub(crate) fn done(&mut self, request: &Packet, state: LegState) {
        self.place.outbox.done(request, one(state));
    }

    /// Refuses a request that the test kept.
    pub(crate) fn failed(&mut self, request: &Packet, failure: Failure) {
        self.place.outbox.failed(request, failure);
    }

    /// Answers an offer or an answer as the leg's peer would.
    pub(crate) fn answer_set(&mut self, packet: Packet, state: &LegState) {
        let leg = &self.legs[&packet.destination.instance];
        match &state.media {
            Some(MediaExchange::Offer(offer)) => match answer_to(offer, &leg.codecs, 7000, leg.direction) {
                Some(answer) => {
                    let media = Some(MediaExchange::Answer(answer));
                    self.place.outbox.done(&packet, one(LegState::new(LegPhase::Answered).with_media(media)));
                }
                None => {
                    let failure = Failure::because(CauseKind::IncompatibleMedia.into());
                    self.place.outbox.failed(&packet, failure);
                }
            },
            _ => self.place.outbox.done(&packet, one(LegState::new(LegPhase::Answered))),
        }
    }
}

impl Voice {
    fn turn(&mut self, now: Now) {
        while let Some(received) = self.place.receive() {
            if let Received::Packet(packet) = received {
                self.request(packet);
            }
        }
        self.place.flush(now);
    }

    fn request(&mut self, packet: Packet) {
        let instance = packet.destination.instance;
        self.log.push(format!("{packet:?}"));
        if packet.command == Command::Open {
            return self.open(packet, instance);
        }
        let Some(session) = self.sessions.get_mut(&instance) else {
            return self.place.outbox.failed(&packet, Failure::new(Reason::NotFound));
        };
        let mut statistics = Parameters::new();
        for parameter in &packet.parameters {
            match (packet.command, parameter) {
                (Command::Connect, Parameter::Bridge(bridge)) => {
                    assert!(session.ports.contains_key(&bridge.a.0) && session.ports.contains_key(&bridge.b.0));
                    session.bridge = Some((bridge.a.0, bridge.b.0));
                }
                (Command::Disconnect, Parameter::Bridge(bridge)) => {
                    if session.bridge == Some((bridge.a.0, bridge.b.0)) {
                        session.bridge = None;
                    }
                }
                (Command::Start, Parameter::Builtin(builtin)) => {
                    let plan = packet.parameters.iter().find_map(|parameter| match parameter {
                        Parameter::MediaPlan(plan) => Some(plan),
                        _ => None,
                    });
                    let speaks = |codec: &Codec| codec.matches(&pcmu()) || codec.matches(&pcma());
                    let playable = plan.expect("no plan").codecs.iter().any(speaks);
                    if builtin.kind != BuiltinKind::Echo && !playable {
                        return self.place.outbox.failed(&packet, Failure::new(Reason::Unsupported));
                    }
                    session.builtin = Some((builtin.port.0, builtin.kind));
                }
                (Command::Stop, Parameter::Builtin(_)) => session.builtin = None,
                (_, Parameter::MediaPlan(plan)) => {
                    let port = session.ports.get_mut(&plan.port.0).expect("a plan for a port that is not open");
                    *port = Some((**plan).clone());
                }
                (Command::Close, Parameter::MediaPort(port)) => {
                    session.ports.remove(&port.port.0);
                    session.bridge = session.bridge.filter(|(a, b)| *a != port.port.0 && *b != port.port.0);
                    statistics.push(counted(port.port.0).into());
                }
                other => panic!("{other:?}"),
            }
        }
        if packet.command == Command::Close && packet.parameters.is_empty() {
            statistics.extend(session.ports.keys().map(|&port| Parameter::from(counted(port))));
            session.ports.clear();
        }
        if session.ports.is_empty() {
            self.sessions.remove(&instance);
            self.closed.insert(instance);
        }
        self.place.outbox.done(&packet, statistics);
    }

    fn open(&mut self, packet: Packet, instance: Instance) {
        if self.exhausted {
            return self.place.outbox.failed(&packet, Failure::new(Reason::Exhausted));
        }
        let session = self.sessions.entry(instance).or_default();
        let mut opened = Parameters::new();
        for parameter in &packet.parameters {
            let Parameter::MediaPort(port) = parameter else { panic!("{parameter:?}") };
            session.ports.entry(port.port.0).or_default();
            let ip = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
            let at = self.next_port;
            self.next_port = self.next_port.checked_add(2).unwrap_or(20_000);
            let address = PortAddress { rtp: SocketAddr::new(ip, at), rtcp: SocketAddr::new(ip, at + 1) };
            opened.push(MediaPort { address: Some(address), ..**port }.into());
        }
        self.place.outbox.done(&packet, opened);
    }
}

fn counted(port: u16) -> PortStatistics {
    PortStatistics { port, packets_received: 100 + u64::from(port), ..PortStatistics::default() }
}

impl Store {
    fn turn(&mut self, now: Now) {
        while let Some(received) = self.place.receive() {
            let Received::Packet(packet) = received else { continue };
            if self.down {
                self.place.outbox.failed(&packet, Failure::new(Reason::Busy));
            } else if let Some(Parameter::CallRecord(record)) = packet.first() {
                let writes = self.records.entry(record.id.clone()).or_default();
                // The same write again writes the same.
                let write = (packet.command, (**record).clone());
                if writes.last() != Some(&write) {
                    writes.push(write);
                }
                self.place.outbox.done(&packet, Parameters::new());
            }
        }
        self.place.flush(now);
    }
}

impl Client {
    fn turn(&mut self, now: Now) {
        while let Some(received) = self.place.receive() {
            match received {
                Received::Packet(packet) | Received::Answer(_, packet) => self.received.push(packet),
            }
        }
        self.place.flush(now);
    }
}

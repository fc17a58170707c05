//! A switch whose phones, trunks, registrar, media worker, store and fellow platform answer anything, or nothing: every request that it gets
//! is answered once, every call ends when it is told to, is recorded, and leaves no port open, no leg up and no timer.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use router::encoding::read_packet;
use router::parameter::{
    BuiltinKind, Call, CallEvent, CallSummary, Cause, CauseKind, Contact, Dialog, Digits, Failure, HandshakeFault,
    Information, LegPhase, LegState, MediaEvent, MediaEventKind, MediaExchange, MediaPort, Origin, Originate, Outcome,
    Parameter, Party, Placement, Platform, PlatformModule, PlatformState, PortAddress, PortId, PortStatistics, Probe,
    Reason, Registration, Selection, ServedAddresses, SrtpSuite, Status, Transfer,
};
use router::time::{Duration, Instant, Now, WallTime};
use router::{
    Address, Command, Instance, ModuleKind, Packet, Parameters, PlatformId, Random, Refused, Service, Transaction, one,
};
use switch::plan::{
    Branches, Destination, Group, Member, NumberMatch, OriginMatch, Plan, Rewrite, Route, Strategy, Trunk, TrunkStep,
    Way,
};
use switch::{Cluster, Config, Switch};

use crate::due::next_due;
use crate::offer_answer::description;
use crate::tape::Tape;

/// Operations of one input at most.
const OPERATIONS_MAX: usize = 150;
/// Calls of one input at most.
const CALLS_MAX: usize = 8;
/// Requests of the switch that are remembered to be answered, in time or late.
const ASKED_MAX: usize = 512;
/// Deadlines that one step of time may see.
const STEPS_MAX: usize = 100_000;
/// How long everybody behaves at the end: longer than what a leg, a port or a record may still take.
const EVERYTHING_ENDS: Duration = Duration::from_secs(1_200);

/// The input is operations on the switch and on those around it.
pub fn calls(data: &[u8]) {
    let now = Now { instant: Instant::from_millis(1_000), wall: WallTime::from_secs(1_800_000_000) };
    let cluster = Some(Cluster::new(PlatformId(1), "east"));
    let config = Config { plan: plan(), calls_max: CALLS_MAX, cluster, ..Config::default() };
    let mut bench = Bench {
        switch: Switch::new(0, config, now, Random::from_seed(1)),
        now,
        next: 1,
        asked: Vec::new(),
        waiting: BTreeMap::new(),
        legs: Vec::new(),
        ports: BTreeMap::new(),
        records: BTreeMap::new(),
        refused: BTreeSet::new(),
    };
    let mut tape = Tape::new(data);
    for _ in 0..OPERATIONS_MAX {
        if !tape.is_left() {
            break;
        }
        bench.operate(&mut tape);
        bench.drain();
    }
    bench.end();
}

/// Every kind of destination.
fn plan() -> Plan {
    let member = |account: &str, timeout| Member { account: account.to_owned(), timeout };
    let group = |name: &str, strategy| Group {
        name: name.to_owned(),
        members: vec![member("alice", None), member("bob", Some(Duration::from_secs(5))), member("dave", None)],
        strategy,
    };
    let step = |trunk: &str| TrunkStep { trunk: trunk.into(), rewrite: Rewrite::NONE, timeout: None };
    let of_west = |trunk: &str| Way::TrunkOf { trunk: trunk.to_owned(), platform: "west".to_owned() };
    let elsewhere = |trunk: &str| TrunkStep { trunk: of_west(trunk), ..step(trunk) };
    let west = TrunkStep { trunk: Way::Platform("west".to_owned()), ..step("") };
    let route = |name: &str, destination, branches| Route {
        name: name.to_owned(),
        number: NumberMatch::Exact(name.to_owned()),
        origin: OriginMatch::Any,
        hours: None,
        destination,
        branches,
    };
    let busy = Branches {
        busy: Some(Destination::Account("carol".to_owned())),
        no_answer: Some(Destination::Group("all".to_owned())),
        refused: Some(Destination::Service(BuiltinKind::Milliwatt)),
        unreachable: Some(Destination::Trunks(vec![step("one"), step("two")])),
        unknown: Some(Destination::Refuse(CauseKind::Forbidden)),
    };
    let trunk = |name: &str| Trunk { interface: [192, 0, 2, 1].into(), ..Trunk::new(name) };
    Plan {
        routes: vec![
            route("1", Destination::Account("bob".to_owned()), busy.clone()),
            route("2", Destination::Group("all".to_owned()), busy.clone()),
            route("3", Destination::Group("row".to_owned()), busy.clone()),
            route("4", Destination::Trunks(vec![step("one"), step("two")]), busy),
            route("5", Destination::Number(Rewrite::fixed("5")), Branches::default()),
            route("6", Destination::Refuse(CauseKind::Busy), Branches::default()),
            route("7", Destination::Trunks(vec![elsewhere("one"), step("one"), west]), Branches::default()),
        ],
        groups: vec![group("all", Strategy::RingAll), group("row", Strategy::OneAfterAnother)],
        trunks: vec![trunk("one"), trunk("two")],
        ..Plan::default()
    }
}

struct Bench {
    switch: Switch,
    now: Now,
    next: u64,
    /// Requests of the switch without a last answer.
    asked: Vec<Packet>,
    /// Requests to the switch without a last answer.
    waiting: BTreeMap<Transaction, Packet>,
    /// Both ends of each leg: its own address, and that of its call.
    legs: Vec<(Address, Address)>,
    /// Ports that were opened and not yet closed, by session.
    ports: BTreeMap<Instance, BTreeSet<PortId>>,
    /// What the store took: by record, whether it is complete.
    records: BTreeMap<String, bool>,
    /// Complete records that the store refused at least once.
    refused: BTreeSet<String>,
}

impl Bench {
    fn operate(&mut self, tape: &mut Tape<'_>) {
        match tape.below(21) {
            0 | 1 => self.call(tape),
            // Those around behave: all requests but those that ring phones are answered as they should be.
            2 | 3 => self.behave(false),
            4..=7 => self.answer(tape),
            8 => {
                if let Some(at) = self.pick_asked(tape) {
                    self.well(at);
                }
            }
            9 => self.leg_asks(tape),
            10 => self.pass(Duration::from_millis(u64::from(tape.word()))),
            11 => self.pass(Duration::from_secs(u64::from(tape.octet()))),
            12 => {
                let session = tape.pick(&Vec::from_iter(self.ports.keys().copied())).unwrap_or(Instance(1));
                let kinds = [
                    MediaEventKind::Arrived,
                    MediaEventKind::Silent,
                    MediaEventKind::Broken,
                    MediaEventKind::Alone,
                    MediaEventKind::Secured(SrtpSuite::AeadAes128Gcm),
                    MediaEventKind::Insecure(HandshakeFault::Refused),
                    MediaEventKind::Unreachable,
                    MediaEventKind::Served(ServedAddresses::default()),
                ];
                let kind = tape.pick(&kinds).unwrap_or(MediaEventKind::Arrived);
                let event = MediaEvent { port: PortId(u16::from(tape.octet() & 3)), kind };
                self.receive(Packet {
                    source: Address::local(ModuleKind::Voice, 0).at(session),
                    destination: of_switch(session),
                    transaction: Transaction::NONE,
                    command: Command::Notify,
                    parameters: one(event),
                });
            }
            13 => self.control(tape),
            14 => {
                // The router refuses what was sent.
                if let Some(at) = self.pick_asked(tape) {
                    let packet = self.asked[at].clone();
                    let reason = tape.pick(&[Reason::Busy, Reason::UnknownDestination]).unwrap_or(Reason::Busy);
                    if packet.command.class() != router::Class::Release || reason != Reason::Busy {
                        self.asked.remove(at);
                    }
                    self.switch.outbox().handle_refused(self.now.instant, Refused { packet, reason });
                }
            }
            15 => {
                // Lost on the way, or answered never.
                if let Some(at) = self.pick_asked(tape) {
                    self.asked.remove(at);
                }
            }
            16 => self.anything(tape),
            17 => self.switch.hang_up_all(self.now),
            18 => self.behave(true),
            // The way to the other platform changes.
            19 => {
                let states = [PlatformState::Linked, PlatformState::Via, PlatformState::Down];
                let news = west(tape.pick(&states).unwrap_or(PlatformState::Linked), tape.octet());
                self.receive(Packet {
                    source: Address::local(ModuleKind::Bridge, 0),
                    destination: of_switch(Instance::MODULE),
                    transaction: Transaction::NONE,
                    command: Command::Notify,
                    parameters: one(news),
                });
            }
            _ => self.leg_asks(tape),
        }
    }

    fn pick_asked(&self, tape: &mut Tape<'_>) -> Option<usize> {
        (!self.asked.is_empty()).then(|| tape.below(self.asked.len()))
    }

    fn request(&mut self, source: Address, destination: Address, command: Command, parameters: Parameters) {
        let transaction = Transaction(self.next);
        self.next += 1;
        let packet = Packet { source, destination, transaction, command, parameters };
        self.waiting.insert(transaction, packet.clone());
        self.receive(packet);
    }

    fn receive(&mut self, packet: Packet) {
        if let Some(received) = self.switch.outbox().handle_packet(packet) {
            self.switch.handle_received(self.now, received);
        }
        self.drain();
    }

    /// A phone or a trunk calls.
    fn call(&mut self, tape: &mut Tape<'_>) {
        let numbers =
            ["bob", "1", "2", "3", "4", "5", "6", "7", "erin", "echo", "milliwatt", "dave", "nobody", "alice", ""];
        let origins = [Origin::Account("alice".into()), Origin::Trunk("one".into()), Origin::Control];
        let number = self.next;
        let call = Call {
            id: format!("c{}", if tape.below(16) == 15 { 0 } else { number }),
            origin: tape.pick(&origins).unwrap_or(Origin::Control),
            caller: Party::new("alice", "example.org"),
            anonymous: false,
            called: Party::new(tape.pick(&numbers).unwrap_or("bob"), "example.org"),
            media: exchange(tape),
            hops: tape.pick(&[70, 1, 0]).unwrap_or(70),
            interface: [192, 0, 2, 1].into(),
            verified: number.is_multiple_of(2),
            referred_by: None,
            passed: None,
            secure: false,
            host: tape.flag().then(|| IpAddr::from([198, 51, 100, 7])),
            early_offer: number.is_multiple_of(3),
            identity: None,
            placement: match tape.below(4) {
                0 => Some(Placement::Account("bob".to_owned())),
                1 => Some(Placement::Trunk { name: "one".to_owned(), number: "1".to_owned().into() }),
                2 => Some(Placement::Dialog { dialog: dialog(), sent: number.is_multiple_of(2) }),
                _ => None,
            },
            path: (0..tape.below(12) as u32).map(PlatformId).collect(),
            ring_ms: tape.flag().then(|| u32::from(tape.word())),
            leg_id: format!("leg-{number}"),
        };
        let module = match tape.below(4) {
            0 => Address { platform: WEST, ..Address::local(ModuleKind::Switch, 0) },
            _ => Address::local(ModuleKind::Signaling, 0),
        };
        let leg = module.at(Instance(0x1_0000 + number));
        let at = of_switch(Instance(0x2_0000 + number));
        self.legs.push((leg, at));
        self.request(leg, at, Command::Start, one(call));
    }

    /// One request of the switch is answered, well or not; or under way.
    fn answer(&mut self, tape: &mut Tape<'_>) {
        let Some(at) = self.pick_asked(tape) else { return };
        let packet = self.asked[at].clone();
        let choice = tape.below(8);
        let commands = [Command::Progress, Command::Done];
        let (command, parameters) = match choice {
            0 => (Command::Failed, one(failure(tape))),
            1 => (tape.pick(&commands).unwrap_or(Command::Done), one(state(tape))),
            2 => (Command::Done, Parameters::new()),
            3 => {
                let length = usize::from(tape.word());
                let parameters = read_packet(tape.octets(length)).map(|packet| packet.parameters);
                (tape.pick(&commands).unwrap_or(Command::Done), parameters.unwrap_or_default())
            }
            _ if matches!(packet.first(), Some(Parameter::Leg(_) | Parameter::Call(_) | Parameter::LegState(_))) => {
                (tape.pick(&commands).unwrap_or(Command::Done), one(state(tape)))
            }
            _ => return self.well(at),
        };
        if command.is_final() {
            self.asked.remove(at);
            self.answered(&packet, command, &parameters);
        }
        self.receive(packet.answer(command, parameters));
    }

    /// What an answer means to whoever gave it.
    fn answered(&mut self, request: &Packet, command: Command, parameters: &Parameters) {
        match (request.command, request.first()) {
            (Command::Open, _) if command == Command::Done => {
                let opened = parameters.iter().filter_map(|parameter| match parameter {
                    Parameter::MediaPort(port) => Some(port.port),
                    _ => None,
                });
                self.ports.entry(request.destination.instance).or_default().extend(opened);
            }
            // Answers may cross; the store itself takes writes in their order.
            (_, Some(Parameter::CallRecord(record))) if command == Command::Done => {
                *self.records.entry(record.id.clone()).or_default() |= record.outcome != Outcome::Open;
            }
            // What the store refuses for good is lost, and counted there.
            (Command::Set, Some(Parameter::CallRecord(record))) if record.outcome != Outcome::Open => {
                self.refused.insert(record.id.clone());
            }
            _ => {}
        }
    }

    /// One request of the switch is answered as it should be.
    fn well(&mut self, at: usize) {
        let packet = self.asked.remove(at);
        let contact = |name: &str| Contact {
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
            apart: None,
            instance: None,
            reg_id: None,
            temporary: None,
            others: None,
        };
        let (command, parameters) = match (packet.command, packet.first()) {
            (Command::Query, Some(Parameter::Registration(query))) if packet.destination.platform == WEST => {
                let contacts = if query.account == "erin" { vec![contact("erin")] } else { Vec::new() };
                (Command::Done, one(Registration { account: query.account.clone(), contacts }))
            }
            (Command::Query, Some(Parameter::Platform(_))) => {
                let page = [west(PlatformState::Linked, 0).into(), Parameter::from(Selection::default())];
                (Command::Done, page.into_iter().collect())
            }
            (Command::Query, Some(Parameter::LegState(state))) => (Command::Done, one(LegState::new(state.phase))),
            (Command::Start, Some(Parameter::Call(call))) => {
                let media = call.media.as_ref().map(|media| MediaExchange::Answer(media.description().clone()));
                (Command::Done, one(LegState::new(LegPhase::Answered).with_media(media)))
            }
            (Command::Query, Some(Parameter::Registration(query))) => match query.account.as_str() {
                name @ ("alice" | "bob" | "carol") => {
                    let contacts = vec![contact(name), contact(&format!("{name}-2"))];
                    (Command::Done, one(Registration { account: name.to_owned(), contacts }))
                }
                "dave" => (Command::Done, one(Registration { account: "dave".to_owned(), contacts: Vec::new() })),
                _ => (Command::Failed, one(Failure::new(Reason::NotFound))),
            },
            (Command::Open, Some(Parameter::MediaPort(_))) => {
                let opened = packet.parameters.iter().filter_map(|parameter| match parameter {
                    Parameter::MediaPort(port) => {
                        Some(Parameter::from(MediaPort { address: Some(address()), ..**port }))
                    }
                    _ => None,
                });
                (Command::Done, opened.collect())
            }
            (Command::Start, Some(Parameter::Leg(leg))) => {
                let media = leg.media.as_ref().map(|media| MediaExchange::Answer(media.description().clone()));
                (Command::Done, one(LegState::new(LegPhase::Answered).with_media(media)))
            }
            (Command::Set, Some(Parameter::LegState(state))) => {
                let media = state.media.as_ref().map(|media| MediaExchange::Answer(media.description().clone()));
                (Command::Done, one(LegState::new(LegPhase::Answered).with_media(media)))
            }
            (Command::Close, _) => {
                (Command::Done, one(PortStatistics { packets_received: 9, ..PortStatistics::default() }))
            }
            _ => (Command::Done, Parameters::new()),
        };
        self.answered(&packet, command, &parameters);
        self.receive(packet.answer(command, parameters));
    }

    /// All requests are answered as they should be; those that ring phones only if `phones`, and then they decline.
    fn behave(&mut self, phones: bool) {
        let mut left = 10_000;
        loop {
            let rings = |packet: &Packet| matches!(packet.first(), Some(Parameter::Leg(_) | Parameter::Call(_)));
            if let Some(at) = self.asked.iter().position(|packet| !rings(packet)) {
                self.well(at);
            } else if let Some(at) = self.asked.iter().position(|packet| phones && rings(packet)) {
                let packet = self.asked.remove(at);
                self.receive(packet.answer(Command::Failed, one(Failure::because(CauseKind::Declined.into()))));
            } else {
                break;
            }
            left -= 1;
            assert!(left > 0, "requests without end: {:?}", self.asked);
        }
    }

    /// A leg asks its call for something.
    fn leg_asks(&mut self, tape: &mut Tape<'_>) {
        let Some((leg, call)) = tape.pick(&self.legs) else { return };
        let (command, parameter): (Command, Parameter) = match tape.below(8) {
            7 => (Command::Query, LegState::new(LegPhase::Answered).into()),
            0 | 1 => (Command::Set, state(tape).into()),
            2 => (Command::Stop, LegState::released(CauseKind::Normal).into()),
            3 => (Command::Send, Digits { digits: "1".to_owned().into(), duration_ms: tape.word(), port: None }.into()),
            4 => {
                let information =
                    Information { content_type: None, body: tape.octets(3).to_vec(), package: None, is_text: false };
                (Command::Send, information.into())
            }
            5 => {
                let to = tape.pick(&["carol", "echo", "1", "4", "nobody"]).unwrap_or("carol");
                let target = Party::new(to, "example.org");
                (Command::Start, Transfer { target, phase: LegPhase::Trying, cause: None, referred_by: None }.into())
            }
            _ => (Command::Stop, state(tape).into()),
        };
        self.request(leg, call, command, one(parameter));
    }

    /// A client asks for something.
    fn control(&mut self, tape: &mut Tape<'_>) {
        let client = Address::local(ModuleKind::Control, 0).at(Instance(u64::from(tape.octet() & 3)));
        let to = of_switch(Instance::MODULE);
        let name = Some(format!("c{}", tape.octet()));
        match tape.below(6) {
            0 => {
                let parties = ["alice", "bob", "echo", "4", "nobody", ""];
                let party = |tape: &mut Tape<'_>| tape.pick(&parties).unwrap_or("bob").to_owned();
                let originate = Originate { from: party(tape), to: party(tape) };
                self.request(client, of_switch(Instance(0x3_0000 + self.next)), Command::Start, one(originate));
            }
            1 => self.request(client, to, Command::Stop, one(Selection { name, ..Selection::default() })),
            2 => {
                let limit = Some(u32::from(tape.octet()));
                let cursor = tape.flag().then(|| String::from_utf8_lossy(tape.text()).into_owned());
                let party = tape.flag().then(|| "alice".to_owned());
                let selection = Selection { cursor, limit, party, ..Selection::default() };
                self.request(client, to, Command::Query, one(selection));
            }
            3 => self.request(client, to, Command::Query, one(Status::default())),
            4 => {
                let command = if tape.flag() { Command::Subscribe } else { Command::Unsubscribe };
                self.request(client, to, command, one(event(self.now.wall)));
            }
            _ => self.request(client, to, Command::Query, one(event(self.now.wall).call)),
        }
    }

    /// A packet that somebody else made.
    fn anything(&mut self, tape: &mut Tape<'_>) {
        let choice = tape.octet();
        let instance = tape.pick(&self.legs).map_or(Instance(u64::from(choice)), |(_, call)| call.instance);
        let Ok(packet) = read_packet(tape.text()) else { return };
        if packet.command.is_request() {
            let source = Address::local(ModuleKind::Control, 1).at(Instance(9));
            self.request(source, of_switch(instance), packet.command, packet.parameters);
        } else {
            let transaction = Transaction(u64::from(choice));
            // It may be the answer to a request: then that one has got its last.
            if packet.command.is_final() {
                let answered: Vec<Packet> =
                    self.asked.extract_if(.., |asked| asked.transaction == transaction).collect();
                for request in answered {
                    self.answered(&request, packet.command, &packet.parameters);
                }
            }
            self.receive(Packet { transaction, destination: of_switch(instance), ..packet });
        }
    }

    fn drain(&mut self) {
        loop {
            while let Some(packet) = self.switch.outbox().poll_transmit() {
                self.sent(packet);
            }
            let Some(received) = self.switch.outbox().poll_received() else { break };
            self.switch.handle_received(self.now, received);
        }
        while self.switch.outbox().poll_missed().is_some() {}
        assert!(self.switch.calls() <= CALLS_MAX);
    }

    fn sent(&mut self, packet: Packet) {
        if packet.command.is_final() {
            assert!(self.waiting.remove(&packet.transaction).is_some(), "a second last answer: {packet:?}");
            return;
        }
        if !packet.command.is_request() {
            assert!(packet.command == Command::Notify || self.waiting.contains_key(&packet.transaction), "{packet:?}");
            return;
        }
        match (packet.command, packet.first()) {
            (Command::Start, Some(Parameter::Leg(_) | Parameter::Call(_))) => {
                self.legs.push((packet.destination, packet.source));
            }
            // Asked to close, the worker closes: what it answers, or whether, is another matter.
            (Command::Close, first) => {
                let session = packet.destination.instance;
                match first {
                    Some(Parameter::MediaPort(_)) => {
                        let closed = packet.parameters.iter().filter_map(|parameter| match parameter {
                            Parameter::MediaPort(port) => Some(port.port),
                            _ => None,
                        });
                        let open = self.ports.entry(session).or_default();
                        closed.for_each(|port| {
                            open.remove(&port);
                        });
                    }
                    _ => {
                        self.ports.remove(&session);
                    }
                }
            }
            _ => {}
        }
        if packet.transaction != Transaction::NONE {
            // Repeated, it is the same request.
            self.asked.retain(|asked| asked.transaction != packet.transaction);
            // Those that expired are among them: the oldest are lost.
            if self.asked.len() == ASKED_MAX {
                self.asked.remove(0);
            }
            self.asked.push(packet);
        }
    }

    fn pass(&mut self, time: Duration) {
        self.pass_by(time, false);
    }

    fn pass_by(&mut self, time: Duration, behaving: bool) {
        let end = self.now.later(time);
        let mut steps = 0;
        loop {
            if behaving {
                self.behave(true);
            }
            let Some(now) = next_due(&mut self.switch, self.now, end.instant) else { break };
            self.now = now;
            self.drain();
            steps += 1;
            assert!(steps < STEPS_MAX, "deadlines without end");
        }
        self.now = self.now.later(end.instant.since(self.now.instant));
    }

    /// All calls are hung up, and everybody behaves until nothing is left.
    fn end(&mut self) {
        self.switch.hang_up_all(self.now);
        self.drain();
        assert_eq!(self.switch.calls(), 0, "a call that is up after it was told to end");
        self.pass_by(EVERYTHING_ENDS, true);
        assert!(self.switch.is_idle(), "{:?}", self.switch);
        assert_eq!(self.switch.outbox().pending(), 0);
        assert!(self.waiting.is_empty(), "requests that were never answered: {:?}", self.waiting);
        self.ports.retain(|_, open| !open.is_empty());
        assert!(self.ports.is_empty(), "ports are left open: {:?}", self.ports);
        let open = self.records.iter().filter(|(id, complete)| !**complete && !self.refused.contains(*id));
        assert_eq!(open.count(), 0, "records that stay open: {:?}", self.records);
    }
}

/// The other platform.
const WEST: PlatformId = PlatformId(2);

/// The same as the interface tells of it.
fn west(state: PlatformState, since: u8) -> Platform {
    let module = |kind| PlatformModule { kind, index: 0, load_thousandths: 0 };
    Platform {
        id: WEST,
        name: "west".to_owned(),
        state,
        since: WallTime(i64::from(since)),
        modules: [ModuleKind::Signaling, ModuleKind::Switch].map(module).to_vec(),
        ..Platform::default()
    }
}

fn of_switch(instance: Instance) -> Address {
    Address::local(ModuleKind::Switch, 0).at(instance)
}

fn address() -> PortAddress {
    let at = |port| SocketAddr::from(([192, 0, 2, 1], port));
    PortAddress { rtp: at(40_000), rtcp: at(40_001) }
}

pub(crate) fn exchange(tape: &mut Tape<'_>) -> Option<MediaExchange> {
    match tape.below(4) {
        0 => None,
        1 => Some(MediaExchange::Answer(description(tape))),
        _ => Some(MediaExchange::Offer(description(tape))),
    }
}

fn dialog() -> Dialog {
    let tag = || "1".to_owned();
    Dialog { leg_id: "l".to_owned(), own_tag: tag(), peer_tag: tag(), early_only: false, at: None, join: false }
}

pub(crate) fn state(tape: &mut Tape<'_>) -> LegState {
    let phases = [LegPhase::Answered, LegPhase::Early, LegPhase::Ringing, LegPhase::Trying, LegPhase::Released];
    let media = exchange(tape);
    let cause = tape.flag().then(|| failure(tape).cause).flatten();
    let phase = tape.pick(&phases).unwrap_or(LegPhase::Answered);
    let probe = (phase == LegPhase::Trying).then_some(Probe { number: 1, calls: 1 });
    LegState { media, cause, probe, leg_id: tape.flag().then(|| "l".to_owned()), ..LegState::new(phase) }
}

pub(crate) fn failure(tape: &mut Tape<'_>) -> Failure {
    let kind = tape.pick(&CauseKind::ALL).unwrap_or(CauseKind::Normal);
    match tape.below(3) {
        0 => Failure::new(tape.pick(&Reason::ALL).unwrap_or(Reason::Internal)),
        _ => Failure::because(Cause::new(kind)),
    }
}

fn event(at: WallTime) -> CallEvent {
    let call = CallSummary {
        id: String::new(),
        caller: Party::default(),
        called: Party::default(),
        phase: router::parameter::CallPhase::Routing,
        started: at,
        answered: None,
        legs: Vec::new(),
        codec: None,
        origin: None,
        anonymous: false,
        verdict: None,
    };
    CallEvent { call, cause: None, at, missed: false, pressed: None, quality: None }
}

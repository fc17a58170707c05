//! A worker's core on a simulated network, in virtual time.

use media::{Carried, Channel, Config, Destination, Interface, OpenFailure, PairIndex, PortRange, Voice, Wire};
use router::packet::{Parameters, Transaction, one};
use router::parameter::{
    Bridge, Builtin, BuiltinKind, Codec, Failure, MediaEvent, MediaPlan, MediaPort, PortAddress, PortId,
    PortStatistics, Reason, Status,
};
use router::time::{Duration, Instant, Now, WallTime};
use router::{Address, Command, Instance, ModuleKind, Packet, Parameter, Random, Received, Service};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

/// A datagram that left the worker.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) data: Vec<u8>,
}

/// Sockets that are entries of a table. What is sent is kept for the test to look at.
#[derive(Debug, Default)]
pub(crate) struct Network {
    pub(crate) open: BTreeMap<PairIndex, SocketAddr>,
    pub(crate) connected: BTreeMap<PairIndex, SocketAddr>,
    pub(crate) sent: Vec<Sent>,
    /// RTP ports that somebody else holds.
    pub(crate) held: BTreeSet<u16>,
    /// At most so many pairs; 0: no limit.
    pub(crate) most: usize,
    pub(crate) opened: usize,
    /// Pairs that others held when they were to be opened.
    pub(crate) refused: usize,
    pub(crate) drained: usize,
    /// A fault of ours: sending to this address panics.
    pub(crate) poisoned: Option<SocketAddr>,
    /// Sockets of another worker cannot be used.
    pub(crate) refuses_sockets: bool,
    /// The system refuses to disconnect.
    pub(crate) sticky: bool,
}

impl Wire for Network {
    fn take(&mut self, pair: PairIndex) -> Option<Carried> {
        let sockets = (self.open.remove(&pair)?, self.connected.remove(&pair));
        Some(Carried(Box::new(sockets)))
    }

    fn put(&mut self, pair: PairIndex, sockets: Carried) -> bool {
        let Ok(sockets) = sockets.0.downcast::<(SocketAddr, Option<SocketAddr>)>() else { return false };
        let (rtp, connected) = *sockets;
        assert_eq!(self.open.insert(pair, rtp), None);
        self.connected.extend(connected.map(|peer| (pair, peer)));
        !self.refuses_sockets
    }

    fn open(&mut self, pair: PairIndex, rtp: SocketAddr) -> Result<(), OpenFailure> {
        assert_eq!(rtp.port() % 2, 0, "RTP has the even port");
        if self.held.contains(&rtp.port()) || self.open.values().any(|open| *open == rtp) {
            self.refused += 1;
            return Err(OpenFailure::InUse);
        }
        if self.most != 0 && self.open.len() >= self.most {
            return Err(OpenFailure::NoSockets);
        }
        assert_eq!(self.open.insert(pair, rtp), None);
        self.opened += 1;
        Ok(())
    }

    fn close(&mut self, pair: PairIndex) {
        assert!(self.open.remove(&pair).is_some());
        self.connected.remove(&pair);
    }

    fn drain(&mut self, _: PairIndex) {
        self.drained += 1;
    }

    fn connect(&mut self, pair: PairIndex, remote: SocketAddr) -> bool {
        self.connected.insert(pair, remote);
        true
    }

    fn disconnect(&mut self, pair: PairIndex) -> bool {
        if !self.sticky {
            self.connected.remove(&pair);
        }
        !self.sticky
    }

    fn send(&mut self, pair: PairIndex, channel: Channel, destination: Destination, datagram: &[u8]) -> bool {
        let mut from = self.open[&pair];
        if channel == Channel::Rtcp {
            from.set_port(from.port() + 1);
        }
        let to = match destination {
            Destination::Connected => self.connected[&pair],
            Destination::To(to) => to,
        };
        assert_ne!(self.poisoned, Some(to), "a fault of ours");
        self.sent.push(Sent { from, to, data: datagram.to_vec() });
        true
    }
}

/// The switch, as far as the worker sees it.
pub(crate) const SWITCH: Address = Address::local(ModuleKind::Switch, 0);
/// Two ports.
pub(crate) const A: PortId = PortId(0);
pub(crate) const B: PortId = PortId(1);

/// A worker and the time.
pub(crate) struct World {
    pub(crate) voice: Voice<Network>,
    pub(crate) now: Now,
    pub(crate) events: Vec<(Instance, MediaEvent)>,
    /// The worker's index.
    index: u8,
    next: u64,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Config { ports: PortRange { first: 20_000, last: 20_199 }, ..config() })
    }

    pub(crate) fn with(config: Config) -> Self {
        let now = Now { instant: Instant::from_millis(1_000), wall: WallTime::from_secs(1_800_000_000) };
        let address = Address::local(ModuleKind::Voice, 0);
        let voice = Voice::new(address, config, Random::from_seed(42), Network::default(), now);
        Self { voice, now, events: Vec::new(), index: 0, next: 1 }
    }

    /// Two workers that know each other, with a share of the ports each.
    pub(crate) fn two() -> [Self; 2] {
        Self::two_with(&config())
    }

    /// The same by a configuration.
    pub(crate) fn two_with(config: &Config) -> [Self; 2] {
        let now = Now { instant: Instant::from_millis(1_000), wall: WallTime::from_secs(1_800_000_000) };
        let mut ends = media::Passages::of_all([|| (), || ()]).into_iter();
        [0, 1].map(|index: u8| {
            let first = 20_000 + 200 * u16::from(index);
            let config = Config { ports: PortRange { first, last: first + 7 }, ..config.clone() };
            let address = Address::local(ModuleKind::Voice, index);
            let random = Random::from_seed(42 + u64::from(index));
            let voice = Voice::new(address, config, random, Network::default(), now);
            let voice = voice.with_passages(ends.next().expect("an end each"));
            Self { voice, now, events: Vec::new(), index, next: 1 }
        })
    }

    /// Sends a request whose answer another worker decides.
    pub(crate) fn begin(&mut self, session: Instance, command: Command, parameters: Parameters) {
        let destination = Address::local(ModuleKind::Voice, self.index).at(session);
        let transaction = Transaction(self.next);
        self.next += 1;
        let packet = Packet { source: SWITCH.at(session), destination, transaction, command, parameters };
        self.voice.handle_received(self.now, Received::Packet(packet));
    }

    /// Takes what other workers have handed over; the answers that this leads to.
    pub(crate) fn take_passages(&mut self) -> Vec<Packet> {
        self.voice.handle_passages(self.now);
        std::iter::from_fn(|| self.voice.outbox().poll_transmit()).collect()
    }

    pub(crate) fn network(&mut self) -> &mut Network {
        self.voice.wire()
    }

    /// Lets time pass, and what is due happen when it is due.
    pub(crate) fn pass(&mut self, milliseconds: u64) {
        let end = self.now.later(Duration::from_millis(milliseconds));
        while let Some(at) = self.voice.poll_timeout().filter(|at| *at <= end.instant) {
            let at = at.max(self.now.instant);
            self.now = self.now.later(at.since(self.now.instant));
            self.voice.handle_timeout(self.now);
            self.collect(None);
        }
        self.now = self.now.later(end.instant.since(self.now.instant));
    }

    /// Asks as `owner`, for `session`.
    pub(crate) fn ask_as(
        &mut self,
        owner: Address,
        session: Instance,
        command: Command,
        parameters: Parameters,
    ) -> Result<Parameters, Failure> {
        let transaction = Transaction(self.next);
        self.next += 1;
        let destination = Address::any(ModuleKind::Voice).at(session);
        let packet = Packet { source: owner.at(session), destination, transaction, command, parameters };
        self.voice.handle_received(self.now, Received::Packet(packet));
        let answer = self.collect(Some(transaction)).expect("every request is answered");
        let own = Address::local(ModuleKind::Voice, self.index).at(session);
        assert_eq!(answer.source, own, "the one that took it answers");
        match answer.command {
            Command::Done => Ok(answer.parameters),
            Command::Failed => Err(answer.failure()),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn ask(
        &mut self,
        session: Instance,
        command: Command,
        parameters: Parameters,
    ) -> Result<Parameters, Failure> {
        self.ask_as(SWITCH, session, command, parameters)
    }

    fn collect(&mut self, transaction: Option<Transaction>) -> Option<Packet> {
        let mut answer = None;
        while let Some(packet) = self.voice.outbox().poll_transmit() {
            if packet.command == Command::Notify {
                let Some(Parameter::MediaEvent(event)) = packet.first() else { panic!("{packet:?}") };
                assert_eq!(packet.destination.of_module(), SWITCH);
                self.events.push((packet.source.instance, (**event).clone()));
            } else {
                assert_eq!(Some(packet.transaction), transaction);
                assert!(answer.replace(packet).is_none(), "one answer");
            }
        }
        answer
    }

    /// Opens ports on 192.0.2.1.
    pub(crate) fn open(&mut self, session: Instance, ports: &[PortId]) -> Result<Vec<PortAddress>, Reason> {
        self.open_on(session, ports, "192.0.2.1")
    }

    pub(crate) fn open_on(
        &mut self,
        session: Instance,
        ports: &[PortId],
        on: &str,
    ) -> Result<Vec<PortAddress>, Reason> {
        let interface: IpAddr = on.parse().unwrap();
        let wanted = ports.iter().map(|&port| Parameter::from(MediaPort::new(port, interface)));
        let answer = self.ask(session, Command::Open, wanted.collect()).map_err(|failure| failure.reason)?;
        let address = |parameter: Parameter| match parameter {
            Parameter::MediaPort(port) => port.address.unwrap(),
            other => panic!("{other:?}"),
        };
        Ok(answer.into_iter().map(address).collect())
    }

    pub(crate) fn set(&mut self, session: Instance, plans: &[MediaPlan]) {
        let plans = plans.iter().cloned().map(Parameter::from).collect();
        self.ask(session, Command::Set, plans).unwrap();
    }

    pub(crate) fn connect(&mut self, session: Instance, a: PortId, b: PortId, plans: &[MediaPlan]) {
        let mut parameters = one(Bridge { a, b });
        parameters.extend(plans.iter().cloned().map(Parameter::from));
        self.ask(session, Command::Connect, parameters).unwrap();
    }

    pub(crate) fn start(&mut self, session: Instance, port: PortId, kind: BuiltinKind) -> Result<(), Reason> {
        let answer = self.ask(session, Command::Start, one(Builtin { port, kind }));
        answer.map(|_| ()).map_err(|failure| failure.reason)
    }

    pub(crate) fn close(&mut self, session: Instance) -> Result<Vec<PortStatistics>, Reason> {
        let answer = self.ask(session, Command::Close, Parameters::new()).map_err(|failure| failure.reason)?;
        Ok(answer.into_iter().map(statistics).collect())
    }

    pub(crate) fn status(&mut self) -> Status {
        let answer = self.ask(Instance::MODULE, Command::Query, one(Status::default())).unwrap();
        match answer.into_iter().next() {
            Some(Parameter::Status(status)) => *status,
            other => panic!("{other:?}"),
        }
    }

    /// A datagram from `source` arrives at `at`, as the kernel would deliver it; true if it would.
    pub(crate) fn deliver(&mut self, source: SocketAddr, at: SocketAddr, data: &[u8]) -> bool {
        let rtp = SocketAddr::new(at.ip(), at.port() & !1);
        let Some((&pair, _)) = self.network().open.iter().find(|(_, open)| **open == rtp) else { return false };
        let channel = if at == rtp { Channel::Rtp } else { Channel::Rtcp };
        let connected = self.network().connected.get(&pair).copied();
        if channel == Channel::Rtp && connected.is_some_and(|peer| peer != source) {
            return false;
        }
        let mut data = data.to_vec();
        self.voice.handle_datagram(self.now, pair, channel, source, &mut data);
        self.collect(None);
        true
    }

    /// What was sent since the last call, RTP alone.
    pub(crate) fn take_rtp(&mut self) -> Vec<Sent> {
        let sent = std::mem::take(&mut self.network().sent);
        sent.into_iter().filter(|sent| !media::rtcp::is_rtcp(&sent.data)).collect()
    }

    /// What was sent since the last call, RTCP alone.
    pub(crate) fn take_rtcp(&mut self) -> Vec<Sent> {
        let sent = std::mem::take(&mut self.network().sent);
        sent.into_iter().filter(|sent| media::rtcp::is_rtcp(&sent.data)).collect()
    }

    /// A counter of the status.
    pub(crate) fn counter(&mut self, name: &str, label: Option<&str>) -> u64 {
        let counters = self.status().counters;
        let found = counters.iter().find(|counter| {
            counter.name == name && label.is_none_or(|label| counter.labels.iter().any(|(_, of)| of == label))
        });
        found.expect(name).value
    }
}

pub(crate) fn statistics(parameter: Parameter) -> PortStatistics {
    match parameter {
        Parameter::PortStatistics(statistics) => *statistics,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn config() -> Config {
    let interface = Interface { address: "192.0.2.1".parse().unwrap(), advertised: None };
    Config { interfaces: vec![interface], ..Config::default() }
}

pub(crate) fn pcmu_and_events(events: u8) -> Vec<Codec> {
    vec![Codec::new(0, "PCMU", 8_000), Codec::new(events, "telephone-event", 8_000)]
}

pub(crate) fn plan(port: PortId, remote: SocketAddr) -> MediaPlan {
    MediaPlan { remote_rtp: Some(remote), generation: 1, ..MediaPlan::new(port, pcmu_and_events(101)) }
}

/// A phone that sends a stream of 20 ms frames.
#[derive(Clone, Debug)]
pub(crate) struct Phone {
    pub(crate) at: SocketAddr,
    pub(crate) payload_type: u8,
    pub(crate) ssrc: u32,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
}

impl Phone {
    pub(crate) fn new(at: &str, ssrc: u32) -> Self {
        Self { at: at.parse().unwrap(), payload_type: 0, ssrc, sequence: 65_530, timestamp: u32::MAX - 500 }
    }

    /// The next frame.
    pub(crate) fn frame(&mut self) -> Vec<u8> {
        let mut data = vec![self.sequence as u8; 172];
        media::rtp::write(&mut data, false, self.payload_type, self.sequence, self.timestamp, self.ssrc);
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(160);
        data
    }

    /// A frame is lost on the way.
    pub(crate) fn lose(&mut self) {
        self.frame();
    }
}

/// A call of two phones that is connected.
pub(crate) struct Call {
    pub(crate) session: Instance,
    pub(crate) a: Phone,
    pub(crate) b: Phone,
    pub(crate) port_a: PortAddress,
    pub(crate) port_b: PortAddress,
}

impl Call {
    pub(crate) fn begin(world: &mut World) -> Self {
        let session = Instance(77);
        let ports = world.open(session, &[A, B]).unwrap();
        let (a, b) = (Phone::new("198.51.100.1:4000", 0xa), Phone::new("198.51.100.2:5000", 0xb));
        let other = MediaPlan { codecs: pcmu_and_events(96), ..plan(B, b.at) };
        world.connect(session, A, B, &[plan(A, a.at), other]);
        Self { session, a, b, port_a: ports[0], port_b: ports[1] }
    }

    /// Phone A sends so many frames, 20 ms apart; what phone B gets.
    pub(crate) fn talk(&mut self, world: &mut World, frames: usize) -> Vec<Sent> {
        let mut heard = Vec::new();
        for _ in 0..frames {
            let frame = self.a.frame();
            world.deliver(self.a.at, self.port_a.rtp, &frame);
            heard.extend(world.take_rtp());
            world.pass(20);
        }
        heard
    }
}

/// The fields of a packet that the continuity of a stream is judged by.
pub(crate) fn numbers(sent: &Sent) -> (u16, u32, u32) {
    let header = media::rtp::Header::parse(&sent.data).unwrap();
    (header.sequence, header.timestamp, header.ssrc)
}

/// Whether packets follow each other without a gap, 20 ms each, under one SSRC.
pub(crate) fn assert_continuous(sent: &[Sent]) {
    for pair in sent.windows(2) {
        let (before, after) = (numbers(&pair[0]), numbers(&pair[1]));
        assert_eq!(after.0, before.0.wrapping_add(1), "sequence");
        assert_eq!(after.1, before.1.wrapping_add(160), "timestamp");
        assert_eq!(after.2, before.2, "SSRC");
    }
}

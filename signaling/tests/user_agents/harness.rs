//! One signalling module in virtual time: a scripted switch and store at a real router, scripted peers on a network that may
//! lose, repeat and reorder.

use super::peer::Peer;
use bytes::Bytes;
use router::parameter::{
    Account, AccountCredential, Binding, Cause, CauseKind, Codec, Contact, Direction, Failure, Leg, LegPhase, LegState,
    MediaDescription, MediaExchange, MediaKind, MediaStream, MediaTransport, Parameter, Party, Reason, Selection,
    Target, TextMessage,
};
use router::service::{drain, next_turn, turn};
use router::time::{Duration, Instant, Now, WallTime};
use router::{
    Address, Command, Endpoint, Instance, ModuleKind, Outbox, Packet, Parameters, PlatformId, Random, Received, Router,
    Service, one,
};
use signaling::digest::algorithm::Algorithm;
use signaling::message::{Header, Message};
use signaling::transport::{
    ConnectionId, Flow, Listener, ListenerId, Listeners, PING, Received as Datagram, Resolution, Transport,
};
use signaling::trunk::{Source, TrunkConfig};
use signaling::{Config, Signaling};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};

/// Our listener.
pub(crate) const SERVER: &str = "192.0.2.1:5060";
/// The phone of alice.
pub(crate) const ALICE: &str = "198.51.100.7:5062";
/// The trunk's address.
pub(crate) const TRUNK: &str = "198.51.100.10:5060";
/// The password of every account.
pub(crate) const PASSWORD: &str = "secret";

/// How a datagram fares.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Weather {
    /// Percent of datagrams lost.
    pub(crate) loss: u64,
    /// Percent of datagrams that arrive twice.
    pub(crate) repeat: u64,
    /// Up to how many milliseconds later than others one may arrive.
    pub(crate) jitter_ms: u64,
}

enum Delivery {
    ToServer(Flow, Bytes),
    ToPeer(SocketAddr, Bytes),
}

/// A scripted module's place at the router.
pub(crate) struct Place {
    pub(crate) outbox: Outbox,
    endpoint: Endpoint,
}

impl Place {
    fn new(router: &Router, kind: ModuleKind) -> Self {
        Self { outbox: Outbox::new(Address::local(kind, 0)), endpoint: router.register(kind, 0, || ()) }
    }

    fn receive(&mut self) -> Option<Received> {
        loop {
            let packet = self.endpoint.receive()?;
            if let Some(received) = self.outbox.handle_packet(packet) {
                return Some(received);
            }
        }
    }

    fn flush(&mut self, now: Now) {
        if self.outbox.poll_timeout().is_some_and(|at| at <= now.instant) {
            self.outbox.handle_timeout(now.instant);
        }
        self.endpoint.transmit(now, &mut self.outbox);
    }
}

/// The platform, and the world around it.
pub(crate) struct World {
    pub(crate) now: Now,
    pub(crate) signaling: Signaling,
    endpoint: Endpoint,
    pub(crate) switch: Place,
    /// What came to the switch and was not looked at.
    pub(crate) at_switch: VecDeque<Received>,
    pub(crate) store: Place,
    pub(crate) accounts: Vec<Account>,
    pub(crate) bindings: BTreeMap<(String, String), Binding>,
    /// The messages that the store keeps, and how many it may.
    pub(crate) kept: Vec<TextMessage>,
    pub(crate) kept_max: usize,
    /// Whether the switch says of any number that a call would come about, where it is only asked.
    pub(crate) plan_answers: bool,
    /// Whether the store answers.
    pub(crate) store_answers: bool,
    network: BTreeMap<(Instant, u64), Delivery>,
    sequence: u64,
    pub(crate) weather: Weather,
    pub(crate) chance: Random,
    inboxes: BTreeMap<SocketAddr, VecDeque<Message>>,
    /// What came to peers that is no message of SIP: STUN and line ends.
    bare: BTreeMap<SocketAddr, Vec<Bytes>>,
    pub(crate) names: BTreeMap<String, Resolution>,
    /// Connections of peers that use TCP.
    pub(crate) connections: BTreeMap<SocketAddr, ConnectionId>,
    /// The listeners of ours that peers send to, with their addresses, where it is not the first one.
    pub(crate) interfaces: BTreeMap<SocketAddr, (ListenerId, SocketAddr)>,
    /// The listener that the last message to a peer left by.
    pub(crate) left_by: BTreeMap<SocketAddr, ListenerId>,
    /// Peers that were sent what belongs to a transaction of ours.
    pub(crate) known: BTreeSet<SocketAddr>,
    listeners: Listeners,
    /// Whether everything that we send has to be valid; the answer to garbage repeats some of it.
    pub(crate) strict: bool,
}

impl World {
    /// A platform with the accounts alice and bob, and a trusted trunk `carrier`.
    pub(crate) fn new(seed: u64) -> Self {
        Self::with(seed, |_| ())
    }

    /// A platform whose store does not answer at first.
    pub(crate) fn without_store(seed: u64) -> Self {
        let mut world = Self::unsettled(seed, |_| ());
        world.store_answers = false;
        world.settle();
        world
    }

    pub(crate) fn with(seed: u64, change: impl FnOnce(&mut Config)) -> Self {
        let mut world = Self::unsettled(seed, change);
        world.settle();
        assert!(world.signaling.is_loaded());
        world
    }

    fn unsettled(seed: u64, change: impl FnOnce(&mut Config)) -> Self {
        let now = Now { instant: Instant::from_millis(1_000), wall: WallTime::from_secs(1_800_000_000) };
        let listeners = Listeners::new(vec![
            Listener::new(Transport::Udp, SERVER.parse().unwrap(), None),
            Listener::new(Transport::Tcp, SERVER.parse().unwrap(), None),
        ]);
        let trunk = TrunkConfig {
            name: "carrier".to_owned(),
            target: signaling::trunk::Target::parse(TRUNK),
            sources: vec![Source::parse("198.51.100.10").unwrap()],
            domain: None,
            credentials: None,
            trusted: true,
            calls_max: Some(50),
            response_timeout: signaling::limits::TRUNK_RESPONSE_TIMEOUT,
            calls: None,
            calls_per_s: None,
            options: None,
            register: Vec::new(),
            register_expires: signaling::limits::REGISTER_EXPIRES,
            outbound: false,
            headers: Default::default(),
            identity: Default::default(),
            media_fixed: false,
        };
        let mut config =
            Config { listeners, trunks: vec![trunk], keep_alive: None, agent: "Test".to_owned(), ..Config::default() };
        change(&mut config);
        let listeners = config.listeners.clone();
        let router = Router::new(PlatformId(1));
        let signaling = Signaling::new(0, config, now, Random::from_seed(seed));
        Self {
            now,
            signaling,
            endpoint: router.register(ModuleKind::Signaling, 0, || ()),
            switch: Place::new(&router, ModuleKind::Switch),
            at_switch: VecDeque::new(),
            store: Place::new(&router, ModuleKind::Store),
            accounts: vec![account("alice"), account("bob")],
            bindings: BTreeMap::new(),
            kept: Vec::new(),
            kept_max: 100,
            plan_answers: true,
            store_answers: true,
            network: BTreeMap::new(),
            sequence: 0,
            weather: Weather::default(),
            chance: Random::from_seed(seed ^ 0x5eed),
            inboxes: BTreeMap::new(),
            bare: BTreeMap::new(),
            names: BTreeMap::new(),
            connections: BTreeMap::new(),
            interfaces: BTreeMap::new(),
            left_by: BTreeMap::new(),
            known: BTreeSet::new(),
            listeners,
            strict: true,
        }
    }

    /// Sends a message from a peer to our listener.
    pub(crate) fn send(&mut self, from: SocketAddr, text: &str) {
        self.send_octets(from, text.as_bytes());
    }

    /// Sends octets from a peer to our listener.
    pub(crate) fn send_octets(&mut self, from: SocketAddr, octets: &[u8]) {
        let connection = self.connections.get(&from).copied();
        let transport = if connection.is_some() { Transport::Tcp } else { Transport::Udp };
        let own = (ListenerId(u16::from(connection.is_some())), SERVER.parse().unwrap());
        let (listener, local) = self.interfaces.get(&from).copied().unwrap_or(own);
        let transport = self.listeners.get(listener).map_or(transport, Listener::transport);
        let flow = Flow { transport, listener, local, remote: from, connection };
        self.carry(transport, Delivery::ToServer(flow, Bytes::copy_from_slice(octets)));
    }

    fn carry(&mut self, transport: Transport, delivery: Delivery) {
        let Weather { loss, repeat, jitter_ms } = self.weather;
        let reliable = transport.is_reliable();
        if !reliable && self.chance.below(100) < loss {
            return;
        }
        let again = !reliable && self.chance.below(100) < repeat;
        let put = |world: &mut Self, delivery| {
            let late = if reliable { 0 } else { world.chance.below(jitter_ms + 1) };
            world.sequence += 1;
            let at = world.now.instant + Duration::from_millis(1 + late);
            world.network.insert((at, world.sequence), delivery);
        };
        if again {
            let copy = match &delivery {
                Delivery::ToServer(flow, bytes) => Delivery::ToServer(*flow, bytes.clone()),
                Delivery::ToPeer(to, bytes) => Delivery::ToPeer(*to, bytes.clone()),
            };
            put(self, copy);
        }
        put(self, delivery);
    }

    /// Lets time pass.
    pub(crate) fn run_ms(&mut self, ms: u64) {
        let end = self.now.instant + Duration::from_millis(ms);
        while self.step(end) {}
    }

    /// Does the next thing that happens until `end`. False: nothing is left.
    pub(crate) fn step(&mut self, end: Instant) -> bool {
        self.settle();
        let network = self.network.keys().next().map(|(at, _)| *at);
        let next = [network, next_turn(&mut self.signaling), self.switch.outbox.poll_timeout()];
        let next = next.into_iter().flatten().min().filter(|at| *at <= end);
        let Some(at) = next else {
            self.now = self.now.later(end.since(self.now.instant));
            return false;
        };
        self.now = self.now.later(at.since(self.now.instant));
        while let Some(entry) = self.network.first_entry().filter(|entry| entry.key().0 <= self.now.instant) {
            match entry.remove() {
                Delivery::ToServer(flow, bytes) => {
                    self.signaling.handle_message(self.now, Datagram { flow, bytes });
                    self.settle();
                }
                Delivery::ToPeer(to, bytes) if ::stun::is_stun(&bytes) || bytes == PING => {
                    self.bare.entry(to).or_default().push(bytes);
                }
                Delivery::ToPeer(to, bytes) => {
                    let message = Message::parse_datagram(bytes).expect("what we send is a message");
                    let text = String::from_utf8_lossy(message.as_bytes());
                    assert!(!self.strict || message.validate().is_ok(), "{text}");
                    self.inboxes.entry(to).or_default().push_back(message);
                }
            }
        }
        self.settle();
        true
    }

    /// Lets all modules take what waits for them.
    pub(crate) fn settle(&mut self) {
        loop {
            let mut more = turn(&mut self.signaling, &self.endpoint, self.now);
            drain(&mut self.signaling, &self.endpoint, self.now);
            while let Some(name) = self.signaling.poll_resolve() {
                if let Some(resolution) = self.names.get(&*name.host).cloned() {
                    self.signaling.handle_resolved(self.now, &name, &resolution);
                    more = true;
                }
            }
            while let Some(transmit) = self.signaling.poll_transmit() {
                if let Some((listener, _)) = self.listeners.select(&transmit.destination) {
                    self.left_by.insert(transmit.destination.remote, listener);
                }
                if transmit.token.is_some() {
                    self.known.insert(transmit.destination.remote);
                }
                let delivery = Delivery::ToPeer(transmit.destination.remote, transmit.bytes);
                self.carry(transmit.destination.transport, delivery);
            }
            self.switch.flush(self.now);
            while let Some(received) = self.switch.receive() {
                if let Received::Packet(packet) = &received
                    && self.plan_answers
                    && let (Command::Query, Some(Parameter::Call(_))) = (packet.command, packet.first())
                {
                    self.switch.outbox.done(packet, Parameters::new());
                    self.switch.flush(self.now);
                    more = true;
                    continue;
                }
                // Stops are answered here: the real one does so at once.
                if let Received::Packet(packet) = &received
                    && matches!(packet.command, Command::Stop | Command::Unsubscribe)
                {
                    self.switch.outbox.done(packet, Parameters::new());
                    self.switch.flush(self.now);
                }
                self.at_switch.push_back(received);
                more = true;
            }
            more |= self.serve_store();
            more |= self.endpoint.counters().depth > 0;
            if !more {
                break;
            }
        }
    }

    fn serve_store(&mut self) -> bool {
        let mut any = false;
        while let Some(received) = self.store.receive() {
            any = true;
            let Received::Packet(packet) = received else { continue };
            if !self.store_answers {
                self.store.outbox.failed(&packet, Failure::new(Reason::Busy));
                continue;
            }
            match (packet.command, packet.first()) {
                (Command::Subscribe, _) => self.store.outbox.done(&packet, Parameters::new()),
                (Command::Query, Some(Parameter::Account(_))) => {
                    // Two to a page.
                    let cursor = cursor_of(&packet).unwrap_or(0);
                    let page: Vec<_> = self.accounts.iter().skip(cursor).take(2).cloned().collect();
                    let next = cursor + page.len();
                    let cursor = (next < self.accounts.len()).then(|| next.to_string());
                    let mut parameters: Parameters = page.into_iter().map(Parameter::from).collect();
                    parameters.push(Selection { cursor, ..Selection::default() }.into());
                    self.store.outbox.done(&packet, parameters);
                }
                (Command::Query, Some(Parameter::Binding(_))) => {
                    let mut parameters: Parameters = self.bindings.values().cloned().map(Parameter::from).collect();
                    parameters.push(Selection::default().into());
                    self.store.outbox.done(&packet, parameters);
                }
                (Command::Set, Some(Parameter::Binding(_))) => {
                    for parameter in &packet.parameters {
                        let Parameter::Binding(binding) = parameter else { panic!("a binding") };
                        let key = (binding.account.clone(), binding.contact.uri.reveal().clone());
                        if binding.removed {
                            self.bindings.remove(&key);
                        } else {
                            self.bindings.insert(key, (**binding).clone());
                        }
                    }
                    self.store.outbox.done(&packet, Parameters::new());
                }
                (Command::Query, Some(Parameter::TextMessage(asked))) => {
                    let of = |text: &&TextMessage| asked.account.is_none() || text.account == asked.account;
                    let mut parameters: Parameters =
                        self.kept.iter().filter(of).cloned().map(Parameter::from).collect();
                    parameters.push(Selection::default().into());
                    self.store.outbox.done(&packet, parameters);
                }
                (Command::Set, Some(Parameter::TextMessage(text))) => {
                    if self.kept.len() < self.kept_max {
                        self.kept.push((**text).clone());
                        self.store.outbox.done(&packet, Parameters::new());
                    } else {
                        self.store.outbox.failed(&packet, Failure::new(Reason::Exhausted));
                    }
                }
                (Command::Close, Some(Parameter::TextMessage(text))) => {
                    self.kept.retain(|kept| kept.id != text.id);
                    self.store.outbox.done(&packet, Parameters::new());
                }
                other => panic!("the store is asked {other:?}"),
            }
        }
        self.store.flush(self.now);
        any
    }

    /// The store tells of a changed account.
    pub(crate) fn notify_account(&mut self, account: Account) {
        let to = Address::local(ModuleKind::Signaling, 0);
        self.store.outbox.notify(Instance::MODULE, to, one(account));
        self.settle();
    }

    /// A connection of a peer's ends.
    pub(crate) fn close(&mut self, peer: SocketAddr) {
        let connection = self.connections.remove(&peer);
        let flow = Flow {
            transport: Transport::Tcp,
            listener: ListenerId(1),
            local: SERVER.parse().unwrap(),
            remote: peer,
            connection,
        };
        self.signaling.handle_closed(self.now, &flow);
    }

    /// All that has come to a peer.
    pub(crate) fn take(&mut self, peer: SocketAddr) -> Vec<Message> {
        self.inboxes.remove(&peer).unwrap_or_default().into()
    }

    /// All that has come to a peer and is no message of SIP.
    pub(crate) fn take_bare(&mut self, peer: SocketAddr) -> Vec<Bytes> {
        self.bare.remove(&peer).unwrap_or_default()
    }

    /// All that has come to any port of a host.
    pub(crate) fn take_of_host(&mut self, host: IpAddr) -> Vec<Message> {
        let ports: Vec<SocketAddr> = self.inboxes.keys().copied().filter(|peer| peer.ip() == host).collect();
        ports.into_iter().flat_map(|peer| self.take(peer)).collect()
    }

    /// The next message that starts so, within two seconds; others before it are dropped.
    pub(crate) fn expect(&mut self, peer: SocketAddr, start: &str) -> Message {
        let end = self.now.instant + Duration::from_secs(2);
        let mut passed = Vec::new();
        loop {
            while let Some(message) = self.inboxes.get_mut(&peer).and_then(VecDeque::pop_front) {
                if message.as_bytes().starts_with(start.as_bytes()) {
                    return message;
                }
                passed.push(first_line(&message));
            }
            assert!(self.step(end), "{start} did not come to {peer}; passed: {passed:?}");
        }
    }

    /// The next request to the switch.
    pub(crate) fn asked(&mut self, command: Command) -> Packet {
        let end = self.now.instant + Duration::from_secs(2);
        let mut passed = Vec::new();
        loop {
            while let Some(received) = self.at_switch.pop_front() {
                match received {
                    Received::Packet(packet) if packet.command == command => return packet,
                    other => passed.push(format!("{other:?}")),
                }
            }
            assert!(self.step(end), "the switch was not asked {command:?}; passed: {passed:#?}");
        }
    }

    /// The next answer to the switch.
    pub(crate) fn told(&mut self, command: Command) -> Packet {
        let end = self.now.instant + Duration::from_secs(40);
        let mut passed = Vec::new();
        loop {
            while let Some(received) = self.at_switch.pop_front() {
                match received {
                    Received::Answer(_, packet) if packet.command == command => return packet,
                    other => passed.push(format!("{other:?}")),
                }
            }
            assert!(self.step(end), "the switch was not told {command:?}; passed: {passed:#?}");
        }
    }

    /// All answers to the switch that were not looked at.
    pub(crate) fn answers(&mut self) -> impl Iterator<Item = Packet> {
        std::mem::take(&mut self.at_switch).into_iter().filter_map(|received| match received {
            Received::Answer(_, packet) => Some(packet),
            Received::Packet(_) => None,
        })
    }

    /// The switch asks a leg for something.
    pub(crate) fn ask(&mut self, call: Instance, leg: Address, command: Command, noun: impl Into<Parameter>) {
        let now = self.now.instant;
        self.switch.outbox.request(now, call, leg, command, one(noun), Duration::from_secs(35));
        self.settle();
    }

    /// The same with several parameters.
    pub(crate) fn ask_all(&mut self, call: Instance, to: Address, command: Command, nouns: Vec<Parameter>) {
        let now = self.now.instant;
        let parameters: Parameters = nouns.into_iter().collect();
        self.switch.outbox.request(now, call, to, command, parameters, Duration::from_secs(35));
        self.settle();
    }

    /// The switch answers a leg.
    pub(crate) fn answer(&mut self, packet: &Packet, command: Command, noun: impl Into<Parameter>) {
        self.switch.outbox.answer(packet.answer(command, one(noun)));
        self.settle();
    }

    /// The switch refuses what a leg asked for.
    pub(crate) fn refuse(&mut self, packet: &Packet, kind: CauseKind) {
        self.answer(packet, Command::Failed, Failure::because(kind.into()));
    }

    /// The switch answers a call, or an offer, with the voice of a media port.
    pub(crate) fn accept(&mut self, packet: &Packet) {
        self.answer(packet, Command::Done, state(LegPhase::Answered, answer(20_000)));
    }

    /// The callee rings.
    pub(crate) fn ring(&mut self, packet: &Packet) {
        self.answer(packet, Command::Progress, state(LegPhase::Ringing, None));
    }

    /// Lets all linger end; nothing may be left.
    pub(crate) fn assert_idle(&mut self) {
        self.run_ms(200_000);
        assert!(self.signaling.is_idle(), "{:#?}", self.signaling);
        assert_eq!(self.signaling.outbox().counters().expired, 0);
    }
}

fn cursor_of(packet: &Packet) -> Option<usize> {
    packet.parameters.iter().find_map(|parameter| match parameter {
        Parameter::Selection(selection) => selection.cursor.as_ref()?.parse().ok(),
        _ => None,
    })
}

pub(crate) fn first_line(message: &Message) -> String {
    String::from_utf8_lossy(message.as_bytes().split(|octet| *octet == b'\r').next().unwrap()).into_owned()
}

/// An account whose password is [`PASSWORD`].
pub(crate) fn account(name: &str) -> Account {
    let secret = |algorithm: Algorithm| algorithm.secret(name, "tandem", PASSWORD);
    let (md5, sha256) = (secret(Algorithm::Md5), secret(Algorithm::Sha256));
    Account {
        name: name.to_owned(),
        display_name: None,
        credential: AccountCredential::Hashes {
            md5: md5.as_bytes().try_into().unwrap(),
            sha256: sha256.as_bytes().try_into().unwrap(),
        },
        enabled: true,
        created: WallTime::default(),
        removed: false,
    }
}

/// A voice stream of a media port of ours.
pub(crate) fn voice(port: u16, direction: Direction) -> MediaDescription {
    MediaDescription {
        streams: vec![MediaStream {
            kind: MediaKind::Audio,
            transport: MediaTransport::RtpAvp,
            rtp: Some(SocketAddr::from(([192, 0, 2, 1], port))),
            rtcp: None,
            rtcp_mux: false,
            direction,
            codecs: vec![Codec::new(0, "PCMU", 8_000), Codec::new(101, "telephone-event", 8_000)],
            ptime_ms: None,
            max_ptime_ms: None,
            protection: None,
            dtls: None,
            ice: None,
            voip_metrics: false,
            summary: Default::default(),
            seeks_anew: false,
            chosen_ways: Vec::new(),
            served: None,
        }],
    }
}

pub(crate) fn offer(port: u16) -> Option<MediaExchange> {
    Some(MediaExchange::Offer(voice(port, Direction::SendReceive)))
}

pub(crate) fn answer(port: u16) -> Option<MediaExchange> {
    Some(MediaExchange::Answer(voice(port, Direction::SendReceive)))
}

/// A leg's state with media.
pub(crate) fn state(phase: LegPhase, media: Option<MediaExchange>) -> LegState {
    LegState::new(phase).with_media(media)
}

/// A peer's description.
pub(crate) fn sdp(version: u32, port: u16, direction: &str) -> String {
    format!(
        "v=0\r\no=- 1 {version} IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na={direction}\r\n"
    )
}

/// The header of a message as text.
pub(crate) fn header(message: &Message, name: Header) -> String {
    message.text(name).unwrap_or_default().to_owned()
}

/// The call that a test's own legs belong to.
pub(crate) const CALL: Instance = Instance(5);

/// Alice calls 200: she, and the request that the switch is to answer.
pub(crate) fn alice_calls(world: &mut World) -> (Peer, Packet) {
    let mut alice = Peer::new(ALICE, "alice", "200");
    alice.invite(world, "", &sdp(1, 4_000, "sendrecv"));
    let packet = world.asked(Command::Start);
    (alice, packet)
}

/// Alice talks: she, and the request that made the call.
pub(crate) fn alice_talks(world: &mut World) -> (Peer, Packet) {
    let (mut alice, packet) = alice_calls(world);
    world.accept(&packet);
    let ok = world.expect(alice.address, "SIP/2.0 200");
    alice.learn(&ok);
    alice.acknowledges(world, "");
    world.run_ms(10);
    (alice, packet)
}

/// The leg that the switch starts.
pub(crate) const LEG: Address = Address { instance: Instance(77), ..Address::local(ModuleKind::Signaling, 0) };

/// What the switch wants of a leg to the trunk `carrier`.
pub(crate) fn to_trunk(media: Option<MediaExchange>) -> Leg {
    let target = Target::Trunk { name: "carrier".to_owned(), number: "+4930123".to_owned().into() };
    Leg {
        call_id: "call".to_owned(),
        target,
        caller: Party::new("alice", "tandem"),
        anonymous: false,
        called: Party::new("+4930123", ""),
        media,
        hops: 68,
        verified: true,
        referred_by: None,
        passed: None,
        account: None,
        secure: false,
        urgent: false,
        identity: None,
    }
}

/// The switch starts a leg; its address.
pub(crate) fn start_leg(world: &mut World, target: Target, media: Option<MediaExchange>) -> Address {
    world.ask(CALL, LEG, Command::Start, Leg { target, ..to_trunk(media) });
    LEG
}

/// The switch starts a leg to an account's phone.
pub(crate) fn start_leg_of(world: &mut World, account: &str, target: Target, media: Option<MediaExchange>) {
    world.ask(CALL, LEG, Command::Start, Leg { target, account: Some(account.into()), ..to_trunk(media) });
}

/// A leg to the trunk `carrier`.
pub(crate) fn call_trunk(world: &mut World, media: Option<MediaExchange>) -> Address {
    world.ask(CALL, LEG, Command::Start, to_trunk(media));
    LEG
}

/// A leg to the trunk that is answered: its peer, and its address. `headers` go in the 200.
pub(crate) fn trunk_talks(world: &mut World, headers: &str) -> (Peer, Address) {
    let leg = call_trunk(world, offer(20_002));
    let trunk = TRUNK.parse().unwrap();
    let invite = world.expect(trunk, "INVITE");
    let mut carrier = Peer::of_invite(trunk, &invite, "carrier-tag");
    carrier.respond(world, &invite, "200 OK", headers, &sdp(1, 5_000, "sendrecv"));
    world.told(Command::Done);
    world.expect(trunk, "ACK");
    carrier.cseq = 100;
    (carrier, leg)
}

/// A contact as the registrar tells it.
pub(crate) fn contact(uri: &str, flow: &str) -> Contact {
    Contact {
        uri: uri.to_owned().into(),
        path: Vec::new(),
        flow: flow.to_owned().into(),
        q_thousandths: 1000,
        expires: WallTime::from_secs(1_900_000_000),
        call_id: "c".to_owned(),
        cseq: 1,
        user_agent: None,
        latency_us: None,
        reachable: None,
        apart: None,
        instance: None,
        reg_id: None,
        temporary: None,
        others: None,
    }
}

/// The leg's state in a packet.
pub(crate) fn leg_state(packet: &Packet) -> &LegState {
    match packet.first() {
        Some(Parameter::LegState(state)) => state,
        other => panic!("{other:?}"),
    }
}

/// Why a `Failed` failed.
pub(crate) fn cause(packet: &Packet) -> Cause {
    packet.failure().cause.unwrap_or_else(|| panic!("{packet:?} {:?}", packet.failure()))
}

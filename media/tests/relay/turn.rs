//! Ports with addresses at a server that relays (TURN), and phones that are reached by it alone.

use crate::network::*;
use crate::turn_server::{Manner, PASSWORD, TurnServer, USERNAME};
use crate::ways::{Peer, kinds, sought};
use media::ice::Handled;
use media::limits::{TURN_PATIENCE, TURN_RENEWALS};
use media::{Config, PortRange, RelayServer};
use router::packet::{Parameters, one};
use router::parameter::{
    MediaEventKind, MediaKey, MediaPlan, MediaPort, MovedPort, Parameter, PortAddress, Protection, ServedAddresses,
    SrtpSuite,
};
use router::time::{Duration, Instant};
use router::{Address, Command, Instance, ModuleKind, Packet, Private, Random, Service};
use std::net::SocketAddr;
use std::sync::Arc;
use stun::{Message, Method, Usage, is_stun};

const PHONE: &str = "198.51.100.1:4000";
const SERVER: &str = "203.0.113.9:3478";

fn config(servers: &[&str]) -> Config {
    let relay = |server: &&str| {
        let password = Private::new(PASSWORD.to_owned());
        Arc::new(RelayServer::new(server.parse().unwrap(), USERNAME, password))
    };
    let ports = PortRange { first: 20_000, last: 20_199 };
    Config { ports, relays: servers.iter().map(relay).collect(), ..crate::network::config() }
}

/// A worker behind a NAT that lets nobody in but servers, and lets it out to nobody else.
struct Field {
    world: World,
    servers: Vec<TurnServer>,
    random: Random,
    loss_permille: u64,
    under_way: Vec<(Instant, SocketAddr, SocketAddr, Vec<u8>)>,
    /// What came to phones from relayed addresses, and is no check.
    heard: Vec<Sent>,
    /// What left the worker for anybody but a server, and is no check.
    direct: Vec<Sent>,
}

const DELAY: Duration = Duration::from_millis(20);

impl Field {
    fn new(servers: &[&str], seed: u64) -> Self {
        Self::of(World::with(config(servers)), servers, seed)
    }

    fn of(world: World, servers: &[&str], seed: u64) -> Self {
        Self {
            world,
            servers: servers.iter().map(|server| TurnServer::new(server)).collect(),
            random: Random::from_seed(seed),
            loss_permille: 0,
            under_way: Vec::new(),
            heard: Vec::new(),
            direct: Vec::new(),
        }
    }

    fn carry(&mut self, from: SocketAddr, to: SocketAddr, data: Vec<u8>) {
        if self.random.below(1_000) >= self.loss_permille {
            self.under_way.push((self.world.now.instant + DELAY, from, to, data));
        }
    }

    /// Lets time pass in steps of 10 ms; whatever leaves the worker for anybody but a server is lost, and so is what comes to it from anybody else.
    fn pass(&mut self, peers: &mut [&mut Peer], milliseconds: u64) {
        for step in 0..=milliseconds / 10 {
            if step > 0 {
                self.world.pass(10);
            }
            self.collect();
            let now = self.world.now.instant;
            while let Some(index) = self.under_way.iter().position(|(due, ..)| *due <= now) {
                let (_, from, to, data) = self.under_way.remove(index);
                self.deliver(peers, from, to, data);
                self.collect();
            }
            for peer in peers.iter_mut() {
                peer.came.push(peer.agent.handle_timeout(now));
                while let Some(check) = peer.agent.poll_transmit(now, &mut peer.random) {
                    self.carry(peer.at, check.to, check.message.octets().to_vec());
                }
            }
        }
    }

    /// What has left the worker.
    fn collect(&mut self) {
        for Sent { from, to, data } in std::mem::take(&mut self.world.network().sent) {
            assert_ne!(to.ip().to_string(), "0.0.0.1", "nothing goes to a place");
            if self.servers.iter().any(|server| server.at == to) {
                self.carry(from, to, data);
            } else if !is_stun(&data) {
                self.direct.push(Sent { from, to, data });
            }
        }
    }

    fn deliver(&mut self, peers: &mut [&mut Peer], from: SocketAddr, to: SocketAddr, data: Vec<u8>) {
        let now = self.world.now.instant;
        if let Some(server) = self.servers.iter_mut().find(|server| server.has(to)) {
            for (from, to, data) in server.handle(now, from, to, &data) {
                self.carry(from, to, data);
            }
            return;
        }
        if let Some(peer) = peers.iter_mut().find(|peer| peer.at == to) {
            if !is_stun(&data) {
                return self.heard.push(Sent { from, to, data });
            }
            let message = Message::parse(&data, Usage::ConnectivityCheck).unwrap();
            let handled = peer.agent.handle(now, from, &message, None, &mut peer.random);
            if let Some(Handled { answer, came }) = handled {
                peer.came.push(came);
                if let Some(answer) = answer {
                    self.carry(to, from, answer.octets().to_vec());
                }
            }
            return;
        }
        if self.servers.iter().any(|server| server.at == from) {
            self.world.deliver(from, to, &data);
        }
    }

    /// Opens ports A, with addresses for so many components, and B, with none; the answer, once it is there, and how long that took.
    fn open(&mut self, session: Instance, components_served: u8) -> (Vec<MediaPort>, Duration) {
        let begun = self.world.now.instant;
        let interface = "192.0.2.1".parse().unwrap();
        let port = |port, components_served| MediaPort {
            port,
            interface,
            address: None,
            urgent: false,
            components_served,
            served: None,
        };
        let wanted = [port(A, components_served), port(B, 0)].map(Parameter::from).into_iter().collect();
        self.world.begin(session, Command::Open, wanted);
        loop {
            if let Some(answer) = self.answer() {
                let ports = answer.parameters.into_iter().map(|parameter| match parameter {
                    Parameter::MediaPort(port) => *port,
                    other => panic!("{other:?}"),
                });
                assert_eq!(answer.command, Command::Done);
                return (ports.collect(), self.world.now.instant.since(begun));
            }
            // A step by hand: the answer is not to be met by `World::pass`.
            self.collect();
            let next = self.world.voice.poll_timeout().into_iter().chain(self.under_way.iter().map(|(due, ..)| *due));
            let next = next.min().expect("there is something to wait for").max(self.world.now.instant);
            self.world.now = self.world.now.later(next.since(self.world.now.instant));
            self.world.voice.handle_timeout(self.world.now);
            while let Some(index) = self.under_way.iter().position(|(due, ..)| *due <= next) {
                let (_, from, to, data) = self.under_way.remove(index);
                match self.servers.iter_mut().find(|server| server.has(to)) {
                    Some(server) => {
                        for (from, to, data) in server.handle(next, from, to, &data) {
                            self.carry(from, to, data);
                        }
                    }
                    None => self.arrive(from, to, data),
                }
            }
        }
    }

    /// A server's datagram at the worker, whose answers to us stay where they are.
    fn arrive(&mut self, from: SocketAddr, to: SocketAddr, mut data: Vec<u8>) {
        let rtp = SocketAddr::new(to.ip(), to.port() & !1);
        let found = self.world.network().open.iter().find(|(_, open)| **open == rtp).map(|(pair, _)| *pair);
        let channel = if rtp == to { media::Channel::Rtp } else { media::Channel::Rtcp };
        if let Some(pair) = found {
            let now = self.world.now;
            self.world.voice.handle_datagram(now, pair, channel, from, &mut data);
        }
    }

    fn answer(&mut self) -> Option<Packet> {
        std::iter::from_fn(|| self.world.voice.outbox().poll_transmit())
            .find(|packet| packet.command != Command::Notify)
    }
}

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A call whose phone A is reached by the server alone, and phone B at once.
struct Relayed {
    session: Instance,
    phone: Peer,
    a: Phone,
    b: Phone,
    port_a: PortAddress,
    port_b: PortAddress,
    relayed: SocketAddr,
}

impl Relayed {
    fn begin(field: &mut Field, protection: Option<Protection>) -> Self {
        let session = Instance(77);
        let (ports, _) = field.open(session, 1);
        let served = ports[0].served.expect("addresses");
        let relayed = served.relayed_rtp.expect("a relayed one");
        assert_eq!(served.reflexive_rtp, Some(ports[0].address.unwrap().rtp), "no NAT is between them");
        assert_eq!((served.relayed_rtcp, ports[1].served), (None, None));
        let (a, b) = (Phone::new(PHONE, 0xa), Phone::new("198.51.100.2:5000", 0xb));
        let ice = Some(sought(false, "phone", &[a.at]));
        let protection = protection.map(Box::new);
        let plan_a = MediaPlan { ice, rtcp_mux: true, protection, ..plan(A, at("10.0.0.9:4000")) };
        let other = MediaPlan { codecs: pcmu_and_events(96), ..plan(B, b.at) };
        field.world.connect(session, A, B, &[plan_a, other]);
        let phone = Peer::new(field.world.now.instant, "phone", 1, a.at, relayed);
        let [port_a, port_b] = [0, 1].map(|port: usize| ports[port].address.unwrap());
        Self { session, phone, a, b, port_a, port_b, relayed }
    }

    fn found(&mut self, field: &mut Field, milliseconds: u64) {
        field.pass(&mut [&mut self.phone], milliseconds);
        assert_eq!(self.phone.agent.destination(), Some(self.relayed));
    }

    /// Both hear each other now, so many frames.
    fn assert_heard(&mut self, field: &mut Field, frames: usize) {
        field.heard.clear();
        field.direct.clear();
        for _ in 0..frames {
            let frame = self.a.frame();
            field.carry(self.a.at, self.relayed, frame);
            let frame = self.b.frame();
            // B is where nothing is lost.
            field.world.deliver(self.b.at, self.port_b.rtp, &frame);
            field.pass(&mut [&mut self.phone], 20);
        }
        let at_b = field.direct.iter().filter(|sent| sent.to == self.b.at && sent.data.len() >= 172).count();
        let at_a = field.heard.iter().filter(|heard| heard.from == self.relayed && heard.data.len() >= 172).count();
        assert!(at_a + 3 >= frames && at_b + 3 >= frames, "{at_a} and {at_b} of {frames}");
    }
}

#[test]
fn a_phone_that_is_reached_by_the_server_alone_hears_and_is_heard() {
    let mut field = Field::new(&[SERVER], 1);
    let mut call = Relayed::begin(&mut field, None);
    call.found(&mut field, 1_500);
    call.assert_heard(&mut field, 50);
    let server = &field.servers[0];
    assert!(server.channel_data >= 40, "{}", server.channel_data);
    let sent_so_far = server.indications;
    call.assert_heard(&mut field, 50);
    assert_eq!(field.servers[0].indications, sent_so_far, "all by the channel");
    assert!(kinds(&field.world).is_empty());
    // Consent and refreshing, for twenty minutes.
    field.pass(&mut [&mut call.phone], 1_200_000);
    call.assert_heard(&mut field, 50);
    assert_eq!(field.world.counter("media_ways", Some("lost")), 0);
    assert_eq!(field.world.counter("media_relays", Some("allocated")), 1);
    let statistics = field.world.close(call.session).unwrap();
    assert_eq!(statistics[0].learned, Some(call.a.at), "as anybody would say it");
    field.pass(&mut [], 1_000);
    assert!(field.servers[0].allocations.is_empty(), "given back");
    assert_eq!(field.world.voice.pending_timers(), 1, "the audit alone");
}

#[test]
fn a_line_that_loses_carries_checks_and_what_is_given_back() {
    for seed in 0..6 {
        let mut field = Field::new(&[SERVER], seed);
        let mut call = Relayed::begin(&mut field, None);
        field.loss_permille = 100;
        call.found(&mut field, 15_000);
        field.loss_permille = 50;
        field.pass(&mut [&mut call.phone], 600_000);
        assert!(kinds(&field.world).iter().all(|kind| *kind != MediaEventKind::Unreachable), "seed {seed}");
        field.loss_permille = 0;
        call.assert_heard(&mut field, 20);
        field.loss_permille = 200;
        field.servers[0].change_nonce();
        field.world.close(call.session).unwrap();
        field.pass(&mut [], 20_000);
        assert!(field.servers[0].allocations.is_empty(), "seed {seed}");
        assert_eq!(field.world.voice.pending_timers(), 1);
    }
}

/// Sealed and wrapped where it lies; opened where it lies.
#[test]
fn what_is_protected_goes_by_the_server_as_it_is() {
    let mut field = Field::new(&[SERVER], 3);
    let suite = SrtpSuite::AesCm128HmacSha1_80;
    let key = |octet: u8| MediaKey { material: vec![octet; suite.material_bytes()], identifier: Vec::new() };
    let protection = Protection { suite, send: key(1), receive: key(2) };
    let mut call = Relayed::begin(&mut field, Some(protection));
    call.found(&mut field, 1_500);
    field.heard.clear();
    for _ in 0..20 {
        let frame = call.b.frame();
        field.world.deliver(call.b.at, call.port_b.rtp, &frame);
        field.pass(&mut [&mut call.phone], 20);
    }
    field.pass(&mut [&mut call.phone], 40);
    let sealed: Vec<&Sent> = field.heard.iter().filter(|heard| heard.data.len() == 172 + 10).collect();
    assert!(sealed.len() >= 19, "{}", sealed.len());
    let forged = field.world.counter("media_packets_discarded", Some("forged"));
    let frame = call.a.frame();
    field.carry(call.a.at, call.relayed, frame);
    field.pass(&mut [&mut call.phone], 60);
    assert_eq!(field.world.counter("media_packets_discarded", Some("forged")), forged + 1, "not the phone's own");
}

#[test]
fn a_call_waits_for_a_dead_server_once_and_not_for_long() {
    let mut field = Field::new(&[SERVER], 1);
    field.servers[0].manner.is_silent = true;
    let (ports, waited) = field.open(Instance(1), 2);
    assert!(ports.iter().all(|port| port.served.is_none()));
    assert_eq!(waited, TURN_PATIENCE);
    for session in 2..5 {
        let (ports, waited) = field.open(Instance(session), 2);
        assert!(waited.is_zero() && ports[0].served.is_none(), "{waited:?}");
    }
    // All that was asked has been given up.
    field.pass(&mut [], 60_000);
    field.servers[0].manner.is_silent = false;
    // The next one asks, and does not wait; those after it have addresses again.
    let (ports, waited) = field.open(Instance(6), 1);
    assert!(waited.is_zero() && ports[0].served.is_none());
    field.pass(&mut [], 500);
    let (ports, waited) = field.open(Instance(7), 2);
    let served: ServedAddresses = ports[0].served.unwrap();
    assert!(served.relayed_rtp.is_some() && served.relayed_rtcp.is_some());
    assert!(waited < TURN_PATIENCE);
    for session in 1..8 {
        let _ = field.world.close(Instance(session));
    }
    field.pass(&mut [], 30_000);
    assert!(field.servers[0].allocations.is_empty(), "{:?}", field.servers[0].allocations);
    assert!(field.world.counter("media_relays", Some("silent")) >= 2);
    assert_eq!(field.world.voice.pending_timers(), 1);
}

#[test]
fn another_server_gives_what_the_first_refuses() {
    let second = "203.0.113.10:3478";
    for manner in [
        Manner { refuses: Some(486), ..Manner::default() },
        Manner { refuses: Some(508), ..Manner::default() },
        Manner { is_stale: true, ..Manner::default() },
    ] {
        let mut field = Field::new(&[SERVER, second], 1);
        field.servers[0].manner = manner;
        let (ports, waited) = field.open(Instance(1), 1);
        assert_eq!(ports[0].served.unwrap().relayed_rtp.unwrap().ip(), at(second).ip());
        assert!(waited < TURN_PATIENCE);
        assert_eq!(field.world.counter("media_relays", Some("refused")), 1);
    }
    let mut field = Field::new(&[SERVER, second], 1);
    for server in &mut field.servers {
        server.manner.refuses = Some(486);
    }
    let (ports, waited) = field.open(Instance(1), 1);
    assert!(ports[0].served.is_none() && waited < TURN_PATIENCE, "there are none, so nobody waits");
}

/// While another one gives addresses, the first is asked beside; once it answers it gives them again.
#[test]
fn the_first_server_gives_addresses_again_once_it_is_back() {
    let second = "203.0.113.10:3478";
    let mut field = Field::new(&[SERVER, second], 1);
    field.servers[0].manner.is_silent = true;
    let given = |field: &mut Field, session| {
        let (ports, waited) = field.open(Instance(session), 2);
        field.pass(&mut [], 500);
        (ports[0].served.and_then(|served| served.relayed_rtp).map(|relayed| relayed.ip()), waited)
    };
    assert_eq!(given(&mut field, 1), (None, TURN_PATIENCE));
    for session in 2..12 {
        field.pass(&mut [], 60_000);
        let (host, waited) = given(&mut field, session);
        assert!(host == Some(at(second).ip()) && waited < TURN_PATIENCE, "{host:?} {waited:?}");
    }
    // What the last one has asked is given up by then.
    field.pass(&mut [], 60_000);
    field.servers[0].manner.is_silent = false;
    field.pass(&mut [], 60_000);
    let asked = |field: &Field| field.servers[0].asked.get(&Method::Allocate).copied().unwrap_or(0);
    assert_eq!(asked(&field), 0, "by calls that begin alone");
    assert_eq!(given(&mut field, 12).0, Some(at(second).ip()), "it asks, and does not wait");
    assert_eq!((asked(&field), field.servers[0].allocations.len()), (1, 0), "nothing is kept of that");
    assert_eq!(given(&mut field, 13).0, Some(at(SERVER).ip()));
    for session in 1..14 {
        field.world.close(Instance(session)).unwrap();
    }
    field.pass(&mut [], 30_000);
    assert!(field.servers.iter().all(|server| server.allocations.is_empty()));
    assert_eq!(field.world.voice.pending_timers(), 1);
}

#[test]
fn a_peer_without_ways_needs_no_server() {
    let mut field = Field::new(&[SERVER], 1);
    let (ports, _) = field.open(Instance(1), 2);
    assert_eq!(field.servers[0].allocations.len(), 2);
    let phone = Phone::new(PHONE, 0xa);
    let ice = || Some(sought(false, "phone", &[phone.at]));
    field.world.set(Instance(1), &[MediaPlan { ice: ice(), rtcp_mux: true, ..plan(A, phone.at) }]);
    field.pass(&mut [], 500);
    assert_eq!(field.servers[0].allocations.len(), 1, "RTCP shares the port");
    field.world.set(Instance(1), &[MediaPlan { generation: 2, ..plan(A, phone.at) }]);
    field.pass(&mut [], 500);
    assert!(field.servers[0].allocations.is_empty());
    let mut phone = phone;
    for _ in 0..3 {
        let frame = phone.frame();
        assert!(field.world.deliver(phone.at, ports[0].address.unwrap().rtp, &frame));
    }
}

/// The server starts anew: nobody answers by it any more. It is asked, knows of nothing, and gives another address, of which the port's owner is told before it is to look for
/// the phone anew.
#[test]
fn a_server_that_forgets_gives_another_address() {
    let mut field = Field::new(&[SERVER], 1);
    let mut call = Relayed::begin(&mut field, None);
    call.found(&mut field, 1_500);
    field.servers[0].restart();
    field.pass(&mut [&mut call.phone], 18_000);
    let another = field.servers[0].allocations.values().next().expect("another address").relayed;
    assert_ne!(another, call.relayed);
    let told = kinds(&field.world);
    let is_told =
        |kind: &MediaEventKind| matches!(kind, MediaEventKind::Served(served) if served.relayed_rtp == Some(another));
    let served = told.iter().position(is_told).expect("the owner is told of it");
    let anew = told.iter().position(|kind| *kind == MediaEventKind::Unreachable).expect("and looks for the phone");
    assert!(served < anew, "{told:?}");
    field.pass(&mut [&mut call.phone], 580_000);
    assert_eq!(field.world.counter("media_relays", Some("lost")), 1);
    assert_eq!(field.world.counter("media_relays", Some("allocated")), 2);
    assert_eq!(field.servers[0].allocations.len(), 1, "and refreshed");
    field.world.close(call.session).unwrap();
    field.pass(&mut [], 1_000);
    assert!(field.servers[0].allocations.is_empty(), "given back");
    assert_eq!(field.world.voice.pending_timers(), 1);
}

/// The same where the server does not come back: the owner is told that there is none, and nobody waits.
#[test]
fn a_server_that_goes_takes_the_way_with_it() {
    let mut field = Field::new(&[SERVER], 1);
    let mut call = Relayed::begin(&mut field, None);
    call.found(&mut field, 1_500);
    field.servers[0].manner.is_silent = true;
    field.pass(&mut [&mut call.phone], 40_000);
    assert!(kinds(&field.world).contains(&MediaEventKind::Unreachable));
    field.pass(&mut [&mut call.phone], 700_000);
    assert_eq!(field.world.counter("media_relays", Some("lost")), 1);
    assert!(kinds(&field.world).contains(&MediaEventKind::Served(ServedAddresses::default())));
    field.world.close(call.session).unwrap();
    field.pass(&mut [], 20_000);
    assert_eq!(field.world.voice.pending_timers(), 1);
}

/// One that gives and forgets without end is asked so often, and no more.
#[test]
fn a_server_that_forgets_without_end_is_given_up() {
    let mut field = Field::new(&[SERVER], 1);
    let mut call = Relayed::begin(&mut field, None);
    call.found(&mut field, 1_500);
    for _ in 0..2_000 {
        field.servers[0].restart();
        field.pass(&mut [&mut call.phone], 100);
    }
    let allocated = field.world.counter("media_relays", Some("allocated"));
    assert!((2..=1 + u64::from(TURN_RENEWALS)).contains(&allocated), "{allocated}");
    let told = kinds(&field.world).len();
    assert!(told <= 2 * (2 + usize::from(TURN_RENEWALS)), "{told}");
    field.world.close(call.session).unwrap();
    field.pass(&mut [], 20_000);
    assert_eq!(field.world.voice.pending_timers(), 1);
}

/// The kernel lets in what says that it comes from 0.0.0.0/8: a place is nobody's to write in the name of.
#[test]
fn what_is_forged_to_come_from_a_place_is_taken_from_nobody() {
    let mut field = Field::new(&[SERVER], 1);
    let mut call = Relayed::begin(&mut field, None);
    call.found(&mut field, 1_500);
    call.assert_heard(&mut field, 10);
    field.direct.clear();
    let strangers = field.world.counter("media_packets_discarded", Some("stranger"));
    for source in ["0.0.0.1:16384", "0.0.0.1:16385", "0.1.2.3:5000"] {
        let frame = call.a.frame();
        assert!(field.world.deliver(at(source), call.port_a.rtp, &frame));
    }
    field.collect();
    assert!(field.direct.iter().all(|sent| sent.to != call.b.at), "nobody hears it");
    assert_eq!(field.world.counter("media_packets_discarded", Some("stranger")), strangers + 3);
    call.assert_heard(&mut field, 10);
}

/// A port that goes to another worker takes its address along.
#[test]
fn an_address_moves_with_its_port() {
    let [first, second] = World::two_with(&config(&[SERVER]));
    let mut field = Field::of(first, &[SERVER], 1);
    let mut call = Relayed::begin(&mut field, None);
    call.found(&mut field, 1_500);
    let from = Address::local(ModuleKind::Voice, 0).at(call.session);
    let target = Instance(6);
    let mut other = second;
    other.now = field.world.now;
    other.begin(target, Command::Open, one(MovedPort { port: B, session: from, from: A }));
    field.world.take_passages();
    let answers = other.take_passages();
    let told = answers.iter().find_map(|answer| match answer.first() {
        Some(Parameter::MediaPort(port)) => port.served,
        _ => None,
    });
    assert_eq!(told.and_then(|served| served.relayed_rtp), Some(call.relayed));
    std::mem::swap(&mut field.world, &mut other);
    field.pass(&mut [&mut call.phone], 700_000);
    assert_eq!(call.phone.agent.destination(), Some(call.relayed), "it is asked, and answered");
    assert_eq!(field.servers[0].allocations.len(), 1, "and refreshed");
    field.world.ask(target, Command::Close, Parameters::new()).unwrap();
    field.pass(&mut [], 1_000);
    assert!(field.servers[0].allocations.is_empty());
    assert!(field.servers[0].asked[&Method::Refresh] >= 2);
}

/// A session that is closed while its addresses are on their way: who asked is told, and they go back.
#[test]
fn what_is_closed_while_it_waits_leaves_nothing() {
    let mut field = Field::new(&[SERVER], 1);
    let interface = "192.0.2.1".parse().unwrap();
    let wanted = MediaPort { port: A, interface, address: None, urgent: false, components_served: 1, served: None };
    field.world.begin(Instance(1), Command::Open, one(wanted));
    assert!(field.answer().is_none());
    field.world.begin(Instance(1), Command::Close, Parameters::new());
    assert_eq!(field.answer().map(|answer| answer.command), Some(Command::Done));
    for _ in 0..100 {
        field.collect();
        field.world.now = field.world.now.later(Duration::from_millis(10));
        let now = field.world.now.instant;
        field.world.voice.handle_timeout(field.world.now);
        while let Some(index) = field.under_way.iter().position(|(due, ..)| *due <= now) {
            let (_, from, to, data) = field.under_way.remove(index);
            field.deliver(&mut [], from, to, data);
            field.collect();
        }
        if let Some(answer) = field.answer() {
            assert_eq!(answer.command, Command::Failed);
        }
    }
    assert!(field.servers[0].allocations.is_empty() && field.servers[0].asked.contains_key(&Method::Allocate));
    assert_eq!((field.world.voice.sessions(), field.world.voice.pending_timers()), (0, 1));
}

//! Legs whose keys come about in their media (DTLS-SRTP): two workers against each other, and a phone against one.

use crate::network::*;
use media::dtls::{Association, Came, Gate, is_dtls};
use media::srtp::{EXPANSION, Inbound, Outbound};
use media::{Config, Identity};
use router::packet::{Parameters, one};
use router::parameter::{
    BuiltinKind, DtlsParameters, DtlsRole, Fingerprint, HandshakeFault, MediaEventKind, MediaPlan, MovedPort,
    PortAddress, PortId, Protection, SrtpSuite,
};
use router::time::Instant;
use router::{Address, Command, Instance, ModuleKind, Parameter, Random};
use std::net::SocketAddr;
use std::sync::Arc;

#[expect(clippy::disallowed_methods, reason = "any moment will do")]
fn identity() -> Arc<Identity> {
    Arc::new(Identity::generate(std::time::Instant::now()).unwrap())
}

fn with_identity(identity: &Arc<Identity>) -> Config {
    Config { identity: Some(Arc::clone(identity)), ..config() }
}

/// The plan of a port that shakes hands, sharing its port for RTCP.
fn shaking(port: PortId, at: SocketAddr, role: DtlsRole, peer: &Fingerprint) -> MediaPlan {
    let fingerprints = vec![peer.clone()];
    let dtls = Some(Box::new(DtlsParameters { role, fingerprints, association: 1 }));
    MediaPlan { dtls, rtcp_mux: true, ..plan(port, at) }
}

/// A phone's end of the handshake, and what it protects by it.
struct Peer {
    identity: Arc<Identity>,
    association: Option<Association>,
    expects: Fingerprint,
    keys: Option<(Protection, Outbound, Inbound)>,
    fault: Option<HandshakeFault>,
}

impl Peer {
    fn new(expects: &Fingerprint) -> Self {
        Self { identity: identity(), association: None, expects: expects.clone(), keys: None, fault: None }
    }

    fn begin(&mut self, now: Instant) {
        self.association = Association::begin(&self.identity, now);
    }

    fn take(&mut self, now: Instant, datagram: &[u8]) {
        if let Some(hello) = Gate::look(datagram).and_then(|seen| seen.hello)
            && self.association.as_ref().is_none_or(|association| !association.answers(&hello))
        {
            self.association = Some(Association::answering(&self.identity, hello));
        }
        let expected = [self.expects.clone()];
        let Some(association) = &mut self.association else { return };
        match association.handle_datagram(now, datagram, &expected) {
            Some(Came::Keys(keys)) => {
                let (out, into) = (Outbound::new(keys.suite, &keys.send), Inbound::new(keys.suite, &keys.receive));
                self.keys = Some((*keys, out.unwrap(), into.unwrap()));
            }
            Some(Came::Fault(fault)) => self.fault = Some(fault),
            _ => {}
        }
    }

    fn said(&mut self) -> Vec<Vec<u8>> {
        let Some(association) = &mut self.association else { return Vec::new() };
        std::iter::from_fn(|| association.poll_transmit()).map(|datagram| datagram.to_vec()).collect()
    }

    fn seal(&mut self, packet: &[u8]) -> Vec<u8> {
        let mut buffer = packet.to_vec();
        buffer.resize(packet.len() + EXPANSION, 0);
        let length = self.keys.as_mut().unwrap().1.protect_rtp(&mut buffer, packet.len()).unwrap();
        buffer.truncate(length);
        buffer
    }

    fn open(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let mut packet = packet.to_vec();
        let length = self.keys.as_mut()?.2.unprotect_rtp(Instant::from_millis(1), &mut packet).ok()?;
        packet.truncate(length);
        Some(packet)
    }
}

/// Passes on what both say until nothing is left to say. What is no handshake is kept.
fn talk(world: &mut World, peer: &mut Peer, from: SocketAddr, at: SocketAddr) -> Vec<Sent> {
    let mut rest = Vec::new();
    loop {
        let said = peer.said();
        let sent = std::mem::take(&mut world.network().sent);
        let (records, others): (Vec<Sent>, Vec<Sent>) = sent.into_iter().partition(|sent| is_dtls(&sent.data));
        rest.extend(others);
        if said.is_empty() && records.is_empty() {
            return rest;
        }
        for datagram in said {
            world.deliver(from, at, &datagram);
        }
        for record in records {
            assert_eq!(record.to, from, "to who speaks");
            peer.take(world.now.instant, &record.data);
        }
    }
}

fn events(world: &mut World) -> Vec<MediaEventKind> {
    std::mem::take(&mut world.events).into_iter().map(|(_, event)| event.kind).collect()
}

/// A call whose phone A shakes hands with us; phone B is plain.
fn begin(role: DtlsRole) -> (World, Call, Peer) {
    let own = identity();
    let mut world = World::with(with_identity(&own));
    let peer = Peer::new(own.fingerprint());
    let call = Call::begin(&mut world);
    world.set(call.session, &[shaking(A, call.a.at, role, peer.identity.fingerprint())]);
    (world, call, peer)
}

fn assert_heard(world: &mut World, call: &mut Call, peer: &mut Peer) {
    for _ in 0..5 {
        let frame = call.a.frame();
        world.deliver(call.a.at, call.port_a.rtp, &peer.seal(&frame));
        let heard = world.take_rtp();
        assert_eq!((heard.len(), &heard[0].data[12..]), (1, &frame[12..]), "in the clear");
        let frame = call.b.frame();
        world.deliver(call.b.at, call.port_b.rtp, &frame);
        let heard = world.take_rtp();
        assert_eq!((heard.len(), heard[0].to), (1, call.a.at));
        assert_eq!(peer.open(&heard[0].data).unwrap()[12..], frame[12..]);
        world.pass(20);
    }
}

#[test]
fn whoever_begins_both_hear_each_other_once_there_are_keys_and_not_before() {
    for role in [DtlsRole::Server, DtlsRole::Client] {
        let (mut world, mut call, mut peer) = begin(role);
        if role == DtlsRole::Server {
            peer.begin(world.now.instant);
        }
        // Nothing in the clear is taken, nor sent.
        world.deliver(call.a.at, call.port_a.rtp, &call.a.frame());
        world.deliver(call.b.at, call.port_b.rtp, &call.b.frame());
        let early = talk(&mut world, &mut peer, call.a.at, call.port_a.rtp);
        assert!(early.is_empty(), "{early:?}");
        assert_eq!(world.counter("media_packets_discarded", Some("unkeyed")), 1);
        assert_eq!(events(&mut world).last(), Some(&MediaEventKind::Secured(SrtpSuite::AeadAes128Gcm)), "{role:?}");
        assert_heard(&mut world, &mut call, &mut peer);
        assert_eq!(world.counter("media_handshakes", Some("completed")), 1);
        assert_eq!(world.counter("media_send_failures", None), 0);
        // What is left of it is forgotten, and nothing is asked of it any more.
        world.pass(60_000);
        world.network().sent.clear();
        let closed = world.close(call.session).unwrap();
        assert_eq!((closed[0].suite, closed[1].suite), (Some(SrtpSuite::AeadAes128Gcm), None));
        assert_eq!(world.voice.pending_timers(), 1, "the audit's");
    }
}

/// Two workers, each with a port of the other's for a peer, over a network that loses a fifth.
#[test]
fn two_of_ours_agree_over_a_bad_line() {
    for seed in 0..10 {
        let identities = [identity(), identity()];
        let mut worlds = [World::with(with_identity(&identities[0])), World::with(with_identity(&identities[1]))];
        let session = Instance(5);
        let ports: Vec<PortAddress> = worlds.iter_mut().map(|world| world.open(session, &[A]).unwrap()[0]).collect();
        let outside = [SocketAddr::from(([198, 51, 100, 1], 4_000)), SocketAddr::from(([198, 51, 100, 2], 4_000))];
        for (side, role) in [DtlsRole::Client, DtlsRole::Server].into_iter().enumerate() {
            let peer = identities[1 - side].fingerprint();
            worlds[side].set(session, &[shaking(A, outside[1 - side], role, peer)]);
            worlds[side].start(session, A, BuiltinKind::Milliwatt).unwrap();
        }
        let mut random = Random::from_seed(seed);
        let (mut heard, mut secured) = ([0, 0], [0, 0]);
        for _ in 0..1_500 {
            for side in [0, 1] {
                let sent = std::mem::take(&mut worlds[side].network().sent);
                for datagram in sent {
                    if random.below(5) > 0 {
                        worlds[1 - side].deliver(outside[side], ports[1 - side].rtp, &datagram.data);
                    }
                }
            }
            for (side, world) in worlds.iter_mut().enumerate() {
                world.pass(10);
                secured[side] += events(world).iter().filter(|kind| matches!(kind, MediaEventKind::Secured(_))).count();
            }
        }
        assert_eq!(secured, [1, 1], "seed {seed}");
        for (side, world) in worlds.iter_mut().enumerate() {
            let closed = world.close(session).unwrap();
            heard[side] = closed[0].packets_received;
            assert_eq!(world.counter("media_packets_discarded", Some("forged")), 0, "seed {seed}");
        }
        assert!(heard.iter().all(|packets| *packets > 300), "seed {seed}: {heard:?}");
    }
}

#[test]
fn another_certificate_than_the_signalled_one_is_told_at_once_and_heard_by_nobody() {
    for role in [DtlsRole::Server, DtlsRole::Client] {
        let own = identity();
        let mut world = World::with(with_identity(&own));
        let mut peer = Peer::new(own.fingerprint());
        let mut call = Call::begin(&mut world);
        world.set(call.session, &[shaking(A, call.a.at, role, identity().fingerprint())]);
        if role == DtlsRole::Server {
            peer.begin(world.now.instant);
        }
        talk(&mut world, &mut peer, call.a.at, call.port_a.rtp);
        let told = events(&mut world);
        assert_eq!(told, [MediaEventKind::Insecure(HandshakeFault::Fingerprint)], "{role:?}");
        assert_eq!(world.counter("media_handshakes", Some("failed")), 1);
        if peer.keys.is_some() {
            let sealed = peer.seal(&call.a.frame());
            world.deliver(call.a.at, call.port_a.rtp, &sealed);
        }
        world.deliver(call.b.at, call.port_b.rtp, &call.b.frame());
        assert!(world.take_rtp().is_empty());
    }
}

#[test]
fn a_handshake_that_is_not_done_in_time_is_told_once() {
    for role in [DtlsRole::Server, DtlsRole::Client] {
        let (mut world, call, _) = begin(role);
        world.pass(19_000);
        assert_eq!(events(&mut world), []);
        world.pass(2_000);
        assert_eq!(events(&mut world), [MediaEventKind::Insecure(HandshakeFault::TimedOut)], "{role:?}");
        let begun = world.counter("media_handshakes", Some("begun"));
        assert_eq!(begun > 0, role == DtlsRole::Client);
        world.pass(60_000);
        assert_eq!(events(&mut world), []);
        assert_eq!(world.counter("media_handshakes", Some("begun")), begun, "it is given up");
        let sent = world.network().sent.iter().filter(|sent| is_dtls(&sent.data)).count();
        assert!(sent <= 50, "{sent}");
        world.close(call.session).unwrap();
    }
}

#[test]
fn the_same_plan_goes_on_and_another_association_begins_anew_beside_the_keys_in_use() {
    let (mut world, mut call, mut peer) = begin(DtlsRole::Server);
    peer.begin(world.now.instant);
    talk(&mut world, &mut peer, call.a.at, call.port_a.rtp);
    events(&mut world);
    let again = shaking(A, call.a.at, DtlsRole::Server, peer.identity.fingerprint());
    world.set(call.session, &[MediaPlan { generation: 2, ..again.clone() }]);
    assert_heard(&mut world, &mut call, &mut peer);
    let mut anew = again;
    if let Some(dtls) = &mut anew.dtls {
        dtls.association = 2;
    }
    world.set(call.session, &[anew]);
    assert_heard(&mut world, &mut call, &mut peer);
    events(&mut world);
    let mut second = Peer { identity: Arc::clone(&peer.identity), ..Peer::new(&peer.expects) };
    second.begin(world.now.instant);
    talk(&mut world, &mut second, call.a.at, call.port_a.rtp);
    assert_eq!(events(&mut world), [MediaEventKind::Secured(SrtpSuite::AeadAes128Gcm)]);
    assert_heard(&mut world, &mut call, &mut second);
    assert!(world.counter("media_handshakes", Some("completed")) == 2);
}

#[test]
fn a_peer_that_begins_anew_by_itself_is_served() {
    let (mut world, mut call, mut peer) = begin(DtlsRole::Server);
    for _ in 0..3 {
        peer.keys = None;
        peer.begin(world.now.instant);
        talk(&mut world, &mut peer, call.a.at, call.port_a.rtp);
        assert_heard(&mut world, &mut call, &mut peer);
        world.pass(2_000);
        world.network().sent.clear();
    }
}

#[test]
fn a_hello_that_comes_before_the_answer_is_not_lost() {
    let own = identity();
    let mut world = World::with(with_identity(&own));
    let mut peer = Peer::new(own.fingerprint());
    let session = Instance(9);
    let port = world.open(session, &[A]).unwrap()[0];
    let at: SocketAddr = "198.51.100.1:4000".parse().unwrap();
    peer.begin(world.now.instant);
    for hello in peer.said() {
        world.deliver(at, port.rtp, &hello);
    }
    world.pass(100);
    world.set(session, &[shaking(A, at, DtlsRole::Server, peer.identity.fingerprint())]);
    talk(&mut world, &mut peer, at, port.rtp);
    assert!(peer.keys.is_some(), "without a word repeated");
    assert_eq!(events(&mut world), [MediaEventKind::Secured(SrtpSuite::AeadAes128Gcm)]);
}

/// A phone behind a NAT says by its hello where it is.
#[test]
fn who_has_proven_to_be_the_peer_is_sent_to_where_it_is() {
    let own = identity();
    let mut world = World::with(with_identity(&own));
    let mut peer = Peer::new(own.fingerprint());
    let mut call = Call::begin(&mut world);
    let outside: SocketAddr = "203.0.113.7:61000".parse().unwrap();
    let signalled = "192.168.1.5:4000".parse().unwrap();
    let plan = shaking(A, signalled, DtlsRole::Server, peer.identity.fingerprint());
    world.set(call.session, &[MediaPlan { host: Some(outside.ip()), ..plan }]);
    // Nobody else may try.
    let mut thief = Peer::new(own.fingerprint());
    thief.begin(world.now.instant);
    for hello in thief.said() {
        world.deliver("198.51.100.66:4002".parse().unwrap(), call.port_a.rtp, &hello);
    }
    assert_eq!(world.counter("media_packets_discarded", Some("stranger")), 1);
    peer.begin(world.now.instant);
    talk(&mut world, &mut peer, outside, call.port_a.rtp);
    world.deliver(call.b.at, call.port_b.rtp, &call.b.frame());
    let heard = world.take_rtp();
    assert_eq!((heard.len(), heard[0].to), (1, outside), "before it has said a word");
    assert!(peer.open(&heard[0].data).is_some());
}

/// Without rtcp-mux each port has an association of its own (RFC 5764 §3).
#[test]
fn reports_have_keys_of_their_own_where_they_have_a_port_of_their_own() {
    let own = identity();
    let mut world = World::with(with_identity(&own));
    let mut call = Call::begin(&mut world);
    let mut peers = [Peer::new(own.fingerprint()), Peer::new(own.fingerprint())];
    peers[1].identity = Arc::clone(&peers[0].identity);
    let plan = shaking(A, call.a.at, DtlsRole::Server, peers[0].identity.fingerprint());
    world.set(call.session, &[MediaPlan { rtcp_mux: false, ..plan }]);
    let beside = SocketAddr::new(call.a.at.ip(), call.a.at.port() + 1);
    for (peer, from, at) in [(0, call.a.at, call.port_a.rtp), (1, beside, call.port_a.rtcp)] {
        let peer = &mut peers[peer];
        peer.begin(world.now.instant);
        talk(&mut world, peer, from, at);
        assert!(peer.keys.is_some());
    }
    let mut report = Vec::new();
    while report.is_empty() {
        let frame = call.a.frame();
        let sealed = peers[0].seal(&frame);
        world.deliver(call.a.at, call.port_a.rtp, &sealed);
        world.pass(20);
        report = world.take_rtcp();
        report.retain(|report| report.to == beside);
    }
    let open = |peer: &mut Peer, data: &[u8]| {
        let mut data = data.to_vec();
        peer.keys.as_mut().unwrap().2.unprotect_rtcp(Instant::from_millis(1), &mut data).is_ok()
    };
    assert!(!open(&mut peers[0], &report[0].data) && open(&mut peers[1], &report[0].data));
}

#[test]
fn without_a_certificate_no_plan_asks_for_a_handshake() {
    let mut world = World::new();
    let call = Call::begin(&mut world);
    let plan = shaking(A, call.a.at, DtlsRole::Server, identity().fingerprint());
    let plans: Parameters = [Parameter::from(plan)].into_iter().collect();
    assert!(world.ask(call.session, Command::Set, plans).is_err());
}

/// More calls at once than the worker has patience for: all of them are served, the last ones a little later.
#[test]
fn handshakes_are_begun_at_a_bounded_rate() {
    let own = identity();
    let mut world =
        World::with(Config { ports: media::PortRange { first: 20_000, last: 21_999 }, ..with_identity(&own) });
    let peer = identity();
    for index in 0..600_u16 {
        let session = Instance(1_000 + u64::from(index));
        world.open(session, &[A]).unwrap();
        let at = SocketAddr::from(([198, 51, 100, 1], 10_000 + 2 * index));
        world.set(session, &[shaking(A, at, DtlsRole::Client, peer.fingerprint())]);
    }
    assert_eq!(world.counter("media_handshakes", Some("begun")), 250);
    world.pass(4_000);
    assert!(world.counter("media_handshakes", Some("begun")) >= 600);
}

/// A port that goes to another worker takes its keys along, and a handshake that is on its way.
#[test]
fn ports_take_their_handshakes_along() {
    for is_done in [true, false] {
        let own = identity();
        let mut worlds = World::two_with(&with_identity(&own));
        let mut peer = Peer::new(own.fingerprint());
        let (from, to) = (Instance(5), Instance(6));
        let at: SocketAddr = "198.51.100.1:4000".parse().unwrap();
        let port = worlds[0].open(from, &[A]).unwrap()[0];
        worlds[0].set(from, &[shaking(A, at, DtlsRole::Server, peer.identity.fingerprint())]);
        peer.begin(worlds[0].now.instant);
        if is_done {
            talk(&mut worlds[0], &mut peer, at, port.rtp);
            assert!(peer.keys.is_some());
        } else {
            for hello in peer.said() {
                worlds[0].deliver(at, port.rtp, &hello);
            }
            let answers = std::mem::take(&mut worlds[0].network().sent);
            for answer in answers {
                peer.take(worlds[0].now.instant, &answer.data);
            }
        }
        let moved = MovedPort { port: A, session: Address::local(ModuleKind::Voice, 0).at(from), from: A };
        worlds[1].begin(to, Command::Open, one(moved));
        for world in [1, 0, 1] {
            worlds[world].take_passages();
        }
        talk(&mut worlds[1], &mut peer, at, port.rtp);
        assert!(peer.keys.is_some());
        worlds[1].start(to, A, BuiltinKind::Milliwatt).unwrap();
        worlds[1].pass(200);
        let heard = worlds[1].take_rtp();
        assert!(heard.len() >= 9 && heard.iter().all(|packet| peer.open(&packet.data).is_some()));
        assert_eq!(worlds[1].close(to).unwrap()[0].suite, Some(SrtpSuite::AeadAes128Gcm));
    }
}

/// Whoever begins anew without end gets ten answers a second, and the other calls what they need.
#[test]
fn a_peer_that_begins_without_end_takes_nothing_from_others() {
    let (mut world, call, mut peer) = begin(DtlsRole::Server);
    for _ in 0..200 {
        peer.begin(world.now.instant);
        for hello in peer.said() {
            world.deliver(call.a.at, call.port_a.rtp, &hello);
        }
        world.pass(5);
    }
    let begun = world.counter("media_handshakes", Some("begun"));
    assert!((8..=12).contains(&begun), "{begun}");
    assert!(world.counter("media_packets_discarded", Some("flood")) > 150);
    world.pass(1_000);
    world.network().sent.clear();
    peer.begin(world.now.instant);
    talk(&mut world, &mut peer, call.a.at, call.port_a.rtp);
    assert!(peer.keys.is_some());
}

//! Legs whose ways are looked for (ICE): a phone that checks, at a port that answers or checks, too.

use crate::network::*;
use media::ice::{Agent, Came, Check, Handled};
use router::packet::one;
use router::parameter::{
    IceCandidate, IceCredentials, IceParameters, MediaEventKind, MediaPlan, MovedPort, PortAddress,
};
use router::time::Instant;
use router::{Address, Command, Instance, ModuleKind, Random};
use std::net::SocketAddr;
use stun::{Message, Usage, Writer, is_stun};

pub(crate) fn credentials(name: &str) -> IceCredentials {
    IceCredentials { fragment: name.to_owned(), password: format!("{name}/password/of/many/octets") }
}

/// Of our port: what it is told of a phone that says it is at `candidates`.
pub(crate) fn sought(is_lite: bool, of_phone: &str, candidates: &[SocketAddr]) -> Box<IceParameters> {
    let candidate = |address: &SocketAddr| IceCandidate { component: 1, priority: 2_000_000_000, address: *address };
    Box::new(IceParameters {
        local: credentials("ours"),
        remote: credentials(of_phone),
        candidates: candidates.iter().map(candidate).collect(),
        is_lite,
        is_remote_lite: false,
        is_controlling: false,
        nominates_once: true,
    })
}

/// A phone's agent, which is full and decides.
pub(crate) struct Peer {
    pub(crate) agent: Agent,
    pub(crate) at: SocketAddr,
    pub(crate) random: Random,
    pub(crate) came: Vec<Came>,
}

impl Peer {
    pub(crate) fn new(now: Instant, name: &str, component: u8, at: SocketAddr, port: SocketAddr) -> Self {
        let mut random = Random::from_seed(5);
        let parameters = IceParameters {
            local: credentials(name),
            remote: credentials("ours"),
            candidates: vec![IceCandidate { component, priority: 2_130_706_431, address: port }],
            is_lite: false,
            is_remote_lite: false,
            is_controlling: true,
            nominates_once: true,
        };
        Self { agent: Agent::new(now, &parameters, component, None, &mut random), at, random, came: Vec::new() }
    }
}

/// Lets time pass, and passes on what both say in checks. What is no check is kept.
fn pass(world: &mut World, peers: &mut [&mut Peer], milliseconds: u64) -> Vec<Sent> {
    let mut rest = Vec::new();
    for step in 0..=milliseconds / 10 {
        if step > 0 {
            world.pass(10);
        }
        loop {
            let now = world.now.instant;
            let mut said: Vec<(SocketAddr, SocketAddr, Writer)> = Vec::new();
            let sent = std::mem::take(&mut world.network().sent);
            for Sent { from, to, data } in sent {
                if !is_stun(&data) {
                    rest.push(Sent { from, to, data });
                    continue;
                }
                let message = Message::parse(&data, Usage::ConnectivityCheck).unwrap();
                let Some(peer) = peers.iter_mut().find(|peer| peer.at == to) else { continue };
                let Some(Handled { answer, came }) = peer.agent.handle(now, from, &message, None, &mut peer.random)
                else {
                    continue;
                };
                peer.came.push(came);
                said.extend(answer.map(|answer| (peer.at, from, answer)));
            }
            for peer in peers.iter_mut() {
                let came = peer.agent.handle_timeout(now);
                peer.came.push(came);
                while let Some(Check { to, message }) = peer.agent.poll_transmit(now, &mut peer.random) {
                    said.push((peer.at, to, message));
                }
            }
            if said.is_empty() {
                break;
            }
            for (from, to, message) in said {
                world.deliver(from, to, message.octets());
            }
        }
    }
    rest
}

/// A call whose phone A says that it is where nothing reaches it, and has ways; phone B has none.
fn begin(is_lite: bool, candidates: &[SocketAddr]) -> (World, Call) {
    let mut world = World::new();
    let call = Call::begin(&mut world);
    let ice = Some(sought(is_lite, "phone", candidates));
    let signalled = "10.0.0.9:4000".parse().unwrap();
    world.set(call.session, &[MediaPlan { ice, rtcp_mux: true, generation: 2, ..plan(A, signalled) }]);
    (world, call)
}

/// Both hear each other now.
fn assert_heard(world: &mut World, call: &mut Call, frames: usize) {
    for _ in 0..frames {
        let frame = call.a.frame();
        world.deliver(call.a.at, call.port_a.rtp, &frame);
        let heard = world.take_rtp();
        assert_eq!((heard.len(), &heard[0].data[12..]), (1, &frame[12..]));
        let frame = call.b.frame();
        world.deliver(call.b.at, call.port_b.rtp, &frame);
        let heard = world.take_rtp();
        assert_eq!((heard.len(), heard[0].to), (1, call.a.at));
        world.pass(20);
        world.network().sent.clear();
    }
}

pub(crate) fn kinds(world: &World) -> Vec<MediaEventKind> {
    world.events.iter().map(|(_, event)| event.kind.clone()).filter(|kind| *kind != MediaEventKind::Arrived).collect()
}

#[test]
fn nothing_goes_or_comes_but_on_a_way_that_was_found() {
    for is_lite in [true, false] {
        let (mut world, mut call) = begin(is_lite, &[]);
        for _ in 0..50 {
            let frame = call.a.frame();
            world.deliver(call.a.at, call.port_a.rtp, &frame);
            let frame = call.b.frame();
            world.deliver(call.b.at, call.port_b.rtp, &frame);
            assert!(world.take_rtp().is_empty(), "neither to where it is said to be, nor from where it is");
            world.pass(20);
        }
        let mut phone = Peer::new(world.now.instant, "phone", 1, call.a.at, call.port_a.rtp);
        pass(&mut world, &mut [&mut phone], 500);
        assert_eq!(phone.agent.destination(), Some(call.port_a.rtp));
        assert_heard(&mut world, &mut call, 20);
        let connected = &world.network().connected;
        assert!(!connected.values().any(|peer| *peer == call.a.at), "checks may come from elsewhere");
        let mut stranger = Phone::new("198.51.100.1:4002", 0x66);
        for _ in 0..100 {
            let frame = stranger.frame();
            world.deliver(stranger.at, call.port_a.rtp, &frame);
            assert!(world.take_rtp().is_empty());
        }
        assert_eq!((world.counter("media_ways", Some("taken")), world.counter("media_ways", Some("lost"))), (1, 0));
        let statistics = world.close(call.session).unwrap();
        assert_eq!(statistics[0].learned, Some(call.a.at));
    }
}

/// Whoever does not know the password moves nothing, whatever it says, and is not answered.
#[test]
fn checks_that_are_forged_are_dropped_and_counted() {
    let (mut world, mut call) = begin(true, &[]);
    let mut phone = Peer::new(world.now.instant, "phone", 1, call.a.at, call.port_a.rtp);
    pass(&mut world, &mut [&mut phone], 500);
    let thief: SocketAddr = "203.0.113.66:4600".parse().unwrap();
    let mut forger = Peer::new(world.now.instant, "other", 1, thief, call.port_a.rtp);
    pass(&mut world, &mut [&mut forger], 2_000);
    assert_eq!(forger.agent.destination(), None);
    let forged = world.counter("media_packets_discarded", Some("forged"));
    assert!(forged >= 2, "{forged}");
    assert!(world.deliver(thief, call.port_a.rtp, &[0, 1, 0, 4, 0x21, 0x12, 0xa4, 0x42]));
    assert_eq!(world.counter("media_packets_discarded", Some("malformed")), 1);
    assert_heard(&mut world, &mut call, 5);
}

/// Our offer and the peer's answer to it go other ways than its checks.
#[test]
fn a_check_that_outruns_the_plan_is_answered_when_that_comes() {
    let mut world = World::new();
    let session = Instance(9);
    let port = world.open(session, &[A]).unwrap()[0];
    let at = "198.51.100.1:4000".parse().unwrap();
    let mut phone = Peer::new(world.now.instant, "phone", 1, at, port.rtp);
    pass(&mut world, &mut [&mut phone], 100);
    let ice = Some(sought(true, "phone", &[]));
    world.set(session, &[MediaPlan { ice, rtcp_mux: true, ..plan(A, "10.0.0.9:4000".parse().unwrap()) }]);
    pass(&mut world, &mut [&mut phone], 60);
    assert_eq!(phone.agent.destination(), Some(port.rtp));
}

/// Without rtcp-mux RTCP has a way of its own.
#[test]
fn reports_have_a_component_of_their_own_where_they_have_a_port() {
    for is_lite in [true, false] {
        let (mut world, mut call) = begin(is_lite, &[]);
        let ice = Some(sought(is_lite, "phone", &[]));
        world.set(call.session, &[MediaPlan { ice, generation: 3, ..plan(A, "10.0.0.9:4000".parse().unwrap()) }]);
        let PortAddress { rtp, rtcp } = call.port_a;
        let mut media = Peer::new(world.now.instant, "phone", 1, call.a.at, rtp);
        let of_reports: SocketAddr = "198.51.100.1:4777".parse().unwrap();
        let mut reports = Peer::new(world.now.instant, "phone", 2, of_reports, rtcp);
        pass(&mut world, &mut [&mut media, &mut reports], 1_000);
        assert_heard(&mut world, &mut call, 5);
        let sent = pass(&mut world, &mut [&mut media, &mut reports], 8_000);
        let sent: Vec<&Sent> = sent.iter().filter(|sent| sent.from == rtcp).collect();
        assert!(!sent.is_empty() && sent.iter().all(|sent| sent.to == of_reports), "{sent:?}");
        let report = sent[0].data.clone();
        let before = world.counter("media_packets_received", Some("rtcp"));
        world.deliver(of_reports, rtcp, &report);
        world.deliver("198.51.100.1:4778".parse().unwrap(), rtcp, &report);
        assert_eq!(world.counter("media_packets_received", Some("rtcp")), before + 1, "of the proven address alone");
    }
}

/// A NAT has another binding for the phone: its media, and with the next question its checks, come from there.
#[test]
fn a_phone_whose_nat_changes_is_heard_and_hears_within_seconds() {
    for is_lite in [true, false] {
        let (mut world, mut call) = begin(is_lite, &[]);
        let mut phone = Peer::new(world.now.instant, "phone", 1, call.a.at, call.port_a.rtp);
        pass(&mut world, &mut [&mut phone], 500);
        assert_heard(&mut world, &mut call, 50);
        (phone.at, call.a.at) = ("203.0.113.9:50001".parse().unwrap(), "203.0.113.9:50001".parse().unwrap());
        let (mut heard, mut hears) = (None, None);
        for tick in 0..600 {
            let frame = call.a.frame();
            world.deliver(call.a.at, call.port_a.rtp, &frame);
            let frame = call.b.frame();
            world.deliver(call.b.at, call.port_b.rtp, &frame);
            let sent = pass(&mut world, &mut [&mut phone], 20);
            if sent.iter().any(|sent| sent.to == call.b.at) {
                heard.get_or_insert(tick);
            }
            if sent.iter().any(|sent| sent.to == call.a.at) {
                hears.get_or_insert(tick);
            }
        }
        // A question comes within six seconds; media then counts at once, as the former way has been silent for longer than a second.
        assert!(heard.unwrap() <= 310 && hears.unwrap() <= 310, "{heard:?} {hears:?}");
        assert_heard(&mut world, &mut call, 5);
        assert!(kinds(&world).is_empty());
    }
}

/// A phone that says where it is by one address and speaks from another one, which it has checked us from, too.
#[test]
fn a_phone_that_speaks_from_another_proven_address_is_heard_at_once_and_answered_there_soon() {
    let (mut world, mut call) = begin(true, &[]);
    let other: SocketAddr = "198.51.100.9:4002".parse().unwrap();
    let mut chosen = Peer::new(world.now.instant, "phone", 1, call.a.at, call.port_a.rtp);
    pass(&mut world, &mut [&mut chosen], 500);
    // It does not nominate there: it is no longer in control.
    let named = sought(true, "phone", &[]);
    let check = Writer::new(stun::Class::Request, &[9; 12]).username(&named.local.fragment, &named.remote.fragment);
    let check = check.priority(1).integrity(named.local.password.as_bytes()).finish();
    world.deliver(other, call.port_a.rtp, check.octets());
    world.network().sent.clear();
    call.a.at = other;
    for tick in 0..100 {
        let frame = call.a.frame();
        world.deliver(other, call.port_a.rtp, &frame);
        assert_eq!(world.take_rtp().len(), 1, "{tick}");
        world.pass(20);
    }
    assert_heard(&mut world, &mut call, 5);
    let arrived = world.events.iter().filter(|(_, event)| event.kind == MediaEventKind::Arrived);
    assert_eq!(arrived.count(), 2, "once for each phone");
}

/// RFC 7675: who does not answer for half a minute is sent nothing more, and the owner is told.
#[test]
fn a_peer_that_no_longer_consents_is_sent_nothing_and_the_owner_is_told() {
    let (mut world, mut call) = begin(false, &[]);
    let mut phone = Peer::new(world.now.instant, "phone", 1, call.a.at, call.port_a.rtp);
    pass(&mut world, &mut [&mut phone], 60_000);
    assert_heard(&mut world, &mut call, 5);
    assert!(kinds(&world).is_empty());
    pass(&mut world, &mut [], 24_000);
    let frame = call.b.frame();
    world.deliver(call.b.at, call.port_b.rtp, &frame);
    assert_eq!(world.take_rtp().len(), 1);
    pass(&mut world, &mut [], 12_000);
    assert_eq!(kinds(&world), [MediaEventKind::Unreachable]);
    let frame = call.b.frame();
    world.deliver(call.b.at, call.port_b.rtp, &frame);
    assert!(world.take_rtp().is_empty());
    assert_eq!(world.counter("media_ways", Some("lost")), 1);
}

#[test]
fn a_way_that_is_not_found_in_time_is_told() {
    let nowhere = "203.0.113.200:4000".parse().unwrap();
    let (mut world, _) = begin(false, &[nowhere]);
    let sent = {
        world.pass(25_000);
        std::mem::take(&mut world.network().sent)
    };
    assert_eq!(kinds(&world), [MediaEventKind::Unreachable]);
    let checks = sent.iter().filter(|sent| is_stun(&sent.data));
    assert!(checks.clone().all(|sent| sent.to == nowhere) && checks.count() <= 5);
}

/// A re-INVITE without ways, and one with others.
#[test]
fn ways_come_and_go_with_plans_and_what_was_found_goes_on_meanwhile() {
    let (mut world, mut call) = begin(true, &[]);
    let mut phone = Peer::new(world.now.instant, "phone", 1, call.a.at, call.port_a.rtp);
    pass(&mut world, &mut [&mut phone], 500);
    let signalled: SocketAddr = "10.0.0.9:4000".parse().unwrap();
    // Others: a search that begins anew.
    let ice = Some(sought(true, "again", &[]));
    world.set(call.session, &[MediaPlan { ice, rtcp_mux: true, generation: 3, ..plan(A, signalled) }]);
    assert_heard(&mut world, &mut call, 5);
    assert!(pass(&mut world, &mut [&mut phone], 6_000).iter().all(|sent| !is_stun(&sent.data)));
    let mut again = Peer::new(world.now.instant, "again", 1, "198.51.100.1:4900".parse().unwrap(), call.port_a.rtp);
    pass(&mut world, &mut [&mut again], 500);
    assert_eq!(again.agent.destination(), Some(call.port_a.rtp));
    call.a.at = again.at;
    assert_heard(&mut world, &mut call, 5);
    // None: where the phone is, is learned from its packets again.
    world.set(call.session, &[MediaPlan { rtcp_mux: true, generation: 4, ..plan(A, call.a.at) }]);
    call.talk(&mut world, 10);
    assert_heard(&mut world, &mut call, 5);
    assert!(world.network().connected.values().any(|peer| *peer == call.a.at));
    // Once more: the socket hears everybody again.
    let ice = Some(sought(true, "third", &[]));
    world.set(call.session, &[MediaPlan { ice, rtcp_mux: true, generation: 5, ..plan(A, call.a.at) }]);
    assert!(!world.network().connected.values().any(|peer| *peer == call.a.at));
    assert_heard(&mut world, &mut call, 5);
}

/// Where neither would send a check, there is nothing to be waited for.
#[test]
fn two_that_are_lite_are_where_they_say() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    let ice = Some(Box::new(IceParameters { is_remote_lite: true, ..*sought(true, "phone", &[]) }));
    world.set(call.session, &[MediaPlan { ice, rtcp_mux: true, generation: 2, ..plan(A, call.a.at) }]);
    call.talk(&mut world, 10);
    assert_heard(&mut world, &mut call, 5);
}

/// A port that goes to another worker asks on from there.
#[test]
fn a_port_with_ways_moves_from_worker_to_worker() {
    let [mut one_world, mut other] = World::two();
    let session = Instance(5);
    let ports = one_world.open(session, &[A]).unwrap();
    let at: SocketAddr = "198.51.100.1:4000".parse().unwrap();
    let ice = Some(sought(false, "phone", &[at]));
    one_world.set(session, &[MediaPlan { ice, rtcp_mux: true, ..plan(A, at) }]);
    let mut phone = Peer::new(one_world.now.instant, "phone", 1, at, ports[0].rtp);
    pass(&mut one_world, &mut [&mut phone], 500);
    assert_eq!(phone.agent.destination(), Some(ports[0].rtp));
    let from = Address::local(ModuleKind::Voice, 0).at(session);
    let target = Instance(6);
    other.begin(target, Command::Open, one(MovedPort { port: B, session: from, from: A }));
    one_world.take_passages();
    let answers = other.take_passages();
    assert!(answers.iter().all(|answer| answer.command == Command::Done) && !answers.is_empty(), "{answers:?}");
    other.now = one_world.now;
    pass(&mut other, &mut [&mut phone], 60_000);
    assert_eq!(phone.agent.destination(), Some(ports[0].rtp), "it is asked, and answered");
    assert!(kinds(&other).is_empty());
}

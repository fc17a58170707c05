//! Floods, faults, nonsense, owners who are gone.

use crate::network::*;
use media::{Channel, Config, PairIndex, PortRange};
use router::packet::{Parameters, one};
use router::parameter::{Bridge, Builtin, BuiltinKind, Codec, MediaEventKind, MediaPlan, MediaPort, PortId, Status};
use router::{Command, Instance, Parameter, Random};

#[test]
fn a_flood_of_the_peer_is_cut_off_and_harms_no_other() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    call.talk(&mut world, 1);
    let mut passed = 0;
    for _ in 0..5_000 {
        let frame = call.a.frame();
        world.deliver(call.a.at, call.port_a.rtp, &frame);
        passed += world.take_rtp().len();
    }
    assert!(passed <= 1_000, "{passed} in an instant");
    let frame = call.b.frame();
    world.deliver(call.b.at, call.port_b.rtp, &frame);
    assert_eq!(world.take_rtp().len(), 1, "the other way is open");
    assert!(world.counter("media_packets_discarded", Some("flood")) >= 4_000);
    world.pass(1_000);
    // It is some thousand numbers further: two packets tell that the stream went on there.
    assert!(call.talk(&mut world, 3).len() >= 2);
}

#[test]
fn two_ports_that_were_told_each_other_s_address_are_a_bounded_loop() {
    let mut world = World::new();
    let (one, other) = (Instance(1), Instance(2));
    let a = world.open(one, &[A]).unwrap()[0];
    let b = world.open(other, &[A]).unwrap()[0];
    world.set(one, &[plan(A, b.rtp)]);
    world.set(other, &[plan(A, a.rtp)]);
    world.start(one, A, BuiltinKind::Echo).unwrap();
    world.start(other, A, BuiltinKind::Echo).unwrap();
    let mut spark = Phone { at: b.rtp, ..Phone::new("192.0.2.9:9", 1) };
    let frame = spark.frame();
    world.deliver(b.rtp, a.rtp, &frame);
    let mut hops = 0;
    while let Some(sent) = world.take_rtp().pop() {
        hops += 1;
        world.deliver(sent.from, sent.to, &sent.data);
    }
    assert!(hops <= 2_001, "{hops} hops within a second");
}

#[test]
fn a_fault_of_ours_closes_its_session_alone() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    let bystander = world.open(Instance(500), &[A]).unwrap();
    call.talk(&mut world, 3);
    world.network().poisoned = Some(call.b.at);
    world.events.clear();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let frame = call.a.frame();
    world.deliver(call.a.at, call.port_a.rtp, &frame);
    std::panic::set_hook(hook);
    let (session, event) = world.events.pop().unwrap();
    assert_eq!((session, event.kind), (call.session, MediaEventKind::Broken));
    assert_eq!((world.voice.sessions(), world.voice.pairs_used()), (1, 1));
    assert_eq!(world.close(call.session).unwrap()[0].packets_received, 4, "what it counted is still told");
    assert_eq!(world.open(Instance(500), &[A]).unwrap(), bystander);
    assert_eq!(world.counter("media_sessions_broken", None), 1);
    world.pass(60_000);
}

#[test]
fn any_datagram_is_survived() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    let mut random = Random::from_seed(8);
    for round in 0..20_000u32 {
        let mut data = call.a.frame();
        for _ in 0..random.below(8) {
            let at = random.below(data.len() as u64) as usize;
            data[at] = random.next_u32() as u8;
        }
        data.truncate(random.below(200) as usize);
        let (at, from) = match random.below(4) {
            0 => (call.port_a.rtcp, call.a.at),
            1 => (call.port_b.rtp, call.b.at),
            _ => (call.port_a.rtp, call.a.at),
        };
        world.deliver(from, at, &data);
        if round % 10 == 0 {
            world.pass(20);
        }
    }
    let now = world.now;
    world.voice.handle_datagram(now, PairIndex(4_000_000), Channel::Rtp, call.a.at, &mut []);
    assert_eq!(world.voice.sessions(), 1);
    assert_eq!(world.counter("media_sessions_broken", None), 0);
    assert!(world.counter("media_packets_discarded", Some("malformed")) > 1_000);
}

/// A plan out of everything that a request may say, sense and nonsense.
fn any_plan(random: &mut Random, port: PortId) -> MediaPlan {
    let addresses = ["198.51.100.1:4000", "198.51.100.2:65535", "0.0.0.0:5000", "192.168.1.9:0", "[2001:db8::1]:7000"];
    let mut address = || addresses.get(random.below(7) as usize).map(|address| address.parse().unwrap());
    let (remote_rtp, remote_rtcp) = (address(), address());
    let names = ["PCMU", "pcma", "telephone-event", "CN", "opus", "G722"];
    let codecs = (0..random.below(5)).map(|_| {
        let name = names[random.below(6) as usize];
        let clock = [8_000, 48_000, 0][(random.below(20) / 9) as usize];
        Codec::new(random.below(130) as u8, name, clock)
    });
    let codecs = codecs.collect();
    MediaPlan {
        remote_rtp,
        remote_rtcp,
        rtcp_mux: random.below(2) == 0,
        generation: random.below(4) as u32,
        sends: random.below(4) != 0,
        receives: random.below(4) != 0,
        ptime_ms: [None, Some(0), Some(20), Some(60_000)][random.below(4) as usize],
        silence_limit_ms: [None, Some(0), Some(500)][random.below(3) as usize],
        ..MediaPlan::new(port, codecs)
    }
}

#[test]
fn any_sequence_of_requests_is_answered_and_leaves_nothing_behind() {
    for seed in 0..150 {
        let mut random = Random::from_seed(seed);
        let mut world = World::with(Config { ports: PortRange { first: 20_000, last: 20_019 }, ..config() });
        let mut phone = Phone::new("198.51.100.1:4000", 1);
        for _ in 0..300 {
            let session = Instance(random.below(4));
            let port = |random: &mut Random| PortId(random.below(4) as u16);
            let kinds = [BuiltinKind::Echo, BuiltinKind::Milliwatt, BuiltinKind::Silence, BuiltinKind::Ringback];
            let kind = kinds[random.below(4) as usize];
            let interface = ["192.0.2.1", "2001:db8::5", "0.0.0.0", "::"][(random.below(12) / 3) as usize];
            let media_port = MediaPort::new(port(&mut random), interface.parse().unwrap());
            let bridge = Bridge { a: port(&mut random), b: port(&mut random) };
            let builtin = Builtin { port: port(&mut random), kind };
            let mut nouns = vec![
                Parameter::from(media_port),
                bridge.into(),
                builtin.into(),
                any_plan(&mut random, bridge.a).into(),
                Status::default().into(),
            ];
            let mut parameters = Parameters::new();
            for _ in 0..random.below(4) {
                parameters.push(nouns.swap_remove(random.below(nouns.len() as u64) as usize));
            }
            let command = Command::ALL[random.below(11) as usize];
            // A sensible one now and then, so that there is something to disturb.
            let (command, parameters) = match random.below(6) {
                0 => (Command::Open, one(media_port)),
                1 => (Command::Set, one(any_plan(&mut random, media_port.port))),
                2 => (Command::Connect, one(bridge)),
                3 => (Command::Start, one(builtin)),
                _ => (command, parameters),
            };
            let _ = world.ask(session, command, parameters);
            let ports: Vec<_> = world.network().open.values().copied().collect();
            for at in ports {
                let frame = phone.frame();
                world.deliver(phone.at, at, &frame);
            }
            world.network().sent.clear();
            world.pass(random.below(40) * random.below(40));
        }
        assert_eq!(world.counter("media_sessions_broken", None), 0, "seed {seed}");
        for session in 0..4 {
            let _ = world.close(Instance(session));
        }
        assert_eq!((world.voice.sessions(), world.voice.pairs_used()), (0, 0), "seed {seed}");
        assert!(world.network().connected.is_empty(), "seed {seed}");
        assert_eq!(world.voice.pending_timers(), 1, "seed {seed}");
    }
}

#[test]
fn strays_of_a_former_call_go_nowhere() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    call.talk(&mut world, 5);
    world.close(call.session).unwrap();
    world.network().sent.clear();
    let frame = call.a.frame();
    world.deliver(call.a.at, call.port_a.rtp, &frame);
    assert!(world.take_rtp().is_empty());
    assert_eq!(world.counter("media_packets_discarded", Some("unexpected")), 1);
    // A port without plan takes nothing either.
    let port = world.open(Instance(3), &[A]).unwrap()[0];
    let frame = call.a.frame();
    world.deliver(call.a.at, port.rtp, &frame);
    assert_eq!(world.counter("media_packets_discarded", Some("unexpected")), 2);
}

#[test]
fn a_session_whose_owner_is_gone_ends_in_the_end() {
    let mut world = World::new();
    let call = Call::begin(&mut world);
    let quarter = media::limits::ORPHAN_MS / 4;
    world.pass(3 * quarter);
    assert_eq!(world.voice.sessions(), 1);
    // A sign of life, if only by RTCP: a call on hold.
    let alive = media::rtcp::Compound {
        ssrc: 0xa,
        cname: "a",
        source: None,
        block: None,
        metrics: None,
        summary: None,
        echo: None,
        goodbye: false,
    };
    let from = std::net::SocketAddr::new(call.a.at.ip(), call.a.at.port() + 1);
    assert!(world.deliver(from, call.port_a.rtcp, &media::rtcp::write(&alive)));
    world.pass(3 * quarter);
    assert_eq!(world.voice.sessions(), 1);
    world.pass(2 * quarter);
    assert_eq!((world.voice.sessions(), world.voice.pairs_used()), (0, 0));
    assert_eq!(world.events.last().map(|(_, event)| event.kind.clone()), Some(MediaEventKind::Broken));
    assert_eq!(world.counter("media_sessions_orphaned", None), 1);
    assert_eq!(world.close(call.session).unwrap().len(), 2);
}

#[test]
fn closing_all_says_goodbye_to_all() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    call.talk(&mut world, 5);
    world.open(Instance(3), &[A]).unwrap();
    let now = world.now;
    world.voice.close_all(now);
    assert_eq!((world.voice.sessions(), world.voice.pairs_used()), (0, 0));
    assert_eq!(world.take_rtcp().len(), 1);
}

#[test]
fn thousands_of_calls_leave_nothing_behind() {
    let mut world = World::new();
    for number in 0..3_000 {
        let session = Instance(number + 1);
        world.open(session, &[A, B]).unwrap();
        let (mut a, b) = (Phone::new("198.51.100.1:4000", 1), Phone::new("198.51.100.2:4000", 2));
        let port = world.open(session, &[A]).unwrap()[0];
        world.connect(session, A, B, &[plan(A, a.at), plan(B, b.at)]);
        world.start(session, B, BuiltinKind::Milliwatt).unwrap();
        let frame = a.frame();
        world.deliver(a.at, port.rtp, &frame);
        world.pass(100);
        world.close(session).unwrap();
        world.network().sent.clear();
    }
    assert_eq!((world.voice.sessions(), world.voice.pairs_used()), (0, 0));
    assert!(world.network().open.len() <= 60, "{} pairs", world.network().open.len());
    assert!(world.network().connected.is_empty());
    assert_eq!(world.voice.pending_timers(), 1, "the audit alone");
}

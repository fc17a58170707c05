//! Legs at the switch of another platform, which is scripted.

use crate::harness::*;
use router::parameter::{
    Call, CauseKind, Direction, Failure, LegPhase, LegState, MediaExchange, Origin, Parameter, Party, Placement,
    PlatformState, Probe, Reason,
};
use router::time::Duration;
use router::{Address, Command, Instance, ModuleKind, Packet, PlatformId, Transaction, one};
use switch::{Cluster, Config};

/// A platform that is linked with another one, `west`, on which Erin is registered.
pub(crate) fn linked() -> World {
    linked_with(Config::default())
}

/// The same, with that configuration.
pub(crate) fn linked_with(config: Config) -> World {
    let cluster = Cluster { media: [192, 0, 2, 77].into(), ..Cluster::new(PlatformId(1), "east") };
    let mut world = World::with(Config { cluster: Some(cluster), ..config });
    world.bridge.registrations.insert("erin".into(), vec![contact("erin")]);
    world.run_ms(10);
    world
}

/// The call that the other platform was asked for last, and the packet.
pub(crate) fn started(world: &World) -> (Packet, Call) {
    world.bridge.starts.last().cloned().expect("a call for the other platform")
}

/// The other platform answers the call.
pub(crate) fn answer(world: &mut World) -> Packet {
    let (packet, call) = started(world);
    let offer = call.media.expect("an offer");
    let media = answer_to(offer.description(), &[pcmu()], 9000, Direction::SendReceive).map(MediaExchange::Answer);
    let state = LegState::new(LegPhase::Answered).with_media(media);
    world.bridge.send(packet.answer(Command::Done, one(state)));
    world.settle();
    packet
}

/// A call of the other platform's, from its call's instance 7 to the instance 9 here.
pub(crate) fn call_from_west(id: &str, placement: Option<Placement>, path: Vec<PlatformId>) -> (Packet, Call) {
    let call = Call {
        id: id.into(),
        origin: Origin::Account("erin".into()),
        caller: Party::new("erin", "west.example"),
        anonymous: false,
        called: Party::new("bob", ""),
        media: Some(MediaExchange::Offer(audio(9000, &[pcmu()], Direction::SendReceive))),
        hops: 60,
        interface: [0, 0, 0, 0].into(),
        leg_id: String::new(),
        verified: true,
        referred_by: None,
        placement,
        path,
        ring_ms: None,
        passed: None,
        secure: false,
        host: None,
        early_offer: false,
        identity: None,
    };
    let packet = Packet {
        source: Address { platform: WEST, ..Address::local(ModuleKind::Switch, 0).at(Instance(7)) },
        destination: Address::local(ModuleKind::Switch, 0).at(Instance(9)),
        transaction: Transaction(77),
        command: Command::Start,
        parameters: one(call.clone()),
    };
    (packet, call)
}

#[test]
fn a_user_of_another_platform_is_asked_of_its_switch_with_all_that_it_needs() {
    let mut world = linked();
    let caller = world.call("alice", "erin");
    let (packet, call) = started(&world);
    assert_eq!(
        (packet.source.module, packet.source.instance.0),
        (Address::local(ModuleKind::Switch, 0).module, 0x5001)
    );
    assert_eq!((call.id.as_str(), call.hops, call.verified), ("call-1", 68, true));
    assert_eq!(call.origin, Origin::Account("alice".into()));
    assert_eq!(call.placement, Some(Placement::Account("erin".into())));
    assert_eq!((call.path.as_slice(), call.ring_ms), (&[PlatformId(1)][..], Some(60_000)));
    let session = world.voice.sessions.values().next().unwrap();
    assert_eq!(session.ports.len(), 2, "one faces the phone, one the other platform");
    world.bridge.send(packet.answer(Command::Progress, one(LegState::new(LegPhase::Ringing))));
    world.settle();
    assert_eq!(world.signaling.legs[&caller].phase, LegPhase::Ringing);
    answer(&mut world);
    assert_eq!(world.signaling.legs[&caller].phase, LegPhase::Answered);
    world.hang_up(caller);
    assert_eq!(world.bridge.count(Command::Stop), 1);
    world.assert_over();
}

#[test]
fn a_platform_that_does_not_say_where_an_account_is_costs_half_a_second_and_once() {
    let mut world = linked();
    world.bridge.answers = false;
    let first = world.call("alice", "bob");
    world.run_ms(450);
    assert!(world.ringing().is_empty(), "it may have him too");
    world.run_ms(100);
    assert_eq!(world.ringing().len(), 1);
    let second = world.call("alice", "carol");
    assert_eq!(world.ringing().len(), 2, "at once");
    world.run(Duration::from_secs(5));
    world.bridge.answers = true;
    let third = world.call("alice", "erin");
    assert_eq!(world.bridge.starts.len(), 1, "it is asked again");
    for caller in [first, second, third] {
        world.hang_up(caller);
    }
    let (packet, _) = started(&world);
    world.bridge.send(packet.answer(Command::Failed, one(Failure::because(CauseKind::Cancelled.into()))));
    world.assert_over();
}

#[test]
fn each_call_beyond_the_first_to_a_platform_has_an_id_of_its_own() {
    let mut world = linked();
    world.bridge.registrations.insert("frank".into(), vec![contact("frank")]);
    let caller = world.call("alice", "erin");
    answer(&mut world);
    let target = Party::new("frank", "");
    let transfer = router::parameter::Transfer { target, phase: LegPhase::Trying, cause: None, referred_by: None };
    world.ask(caller, Command::Start, transfer);
    let (_, call) = started(&world);
    assert_eq!((call.id.as_str(), call.placement), ("call-1~1.2", Some(Placement::Account("frank".into()))));
    answer(&mut world);
    let (first, second) = (world.bridge.starts[0].0.destination, world.bridge.starts[1].0.destination);
    assert_ne!(first, second);
    let stop = |from: Address| Packet {
        source: from,
        destination: world.bridge.starts[0].0.source,
        transaction: Transaction(5),
        command: Command::Stop,
        parameters: one(LegState::released(CauseKind::Normal)),
    };
    let stop = stop(second);
    world.bridge.send(stop);
    world.settle();
    world.assert_over();
}

#[test]
fn a_stop_is_repeated_with_a_growing_pause_until_it_is_heard() {
    let mut world = linked();
    let caller = world.call("alice", "erin");
    answer(&mut world);
    world.bridge.is_reached = false;
    world.hang_up(caller);
    assert_eq!(world.switch.calls(), 0, "for who is here the call is over");
    world.run(Duration::from_secs(20));
    let stops: Vec<_> = world.bridge.asked.iter().filter(|(_, packet)| packet.command == Command::Stop).collect();
    let pauses: Vec<_> = stops.windows(2).map(|pair| pair[1].0.instant.since(pair[0].0.instant).as_millis()).collect();
    assert_eq!(pauses[..5], [500, 1_000, 2_000, 4_000, 5_000], "{pauses:?}");
    world.bridge.is_reached = true;
    world.run(Duration::from_secs(6));
    let heard = world.bridge.count(Command::Stop);
    world.run(Duration::from_secs(60));
    assert_eq!(world.bridge.count(Command::Stop), heard);
    world.assert_over();
}

#[test]
fn a_start_that_is_lost_with_the_link_is_taken_back_and_the_next_way_is_tried() {
    let mut world = linked();
    let caller = world.call("alice", "erin");
    let (packet, _) = started(&world);
    world.bridge.is_reached = false;
    world.bridge.send(packet.failed(Reason::PlatformAbsent));
    world.settle();
    assert_eq!(world.failure(caller), CauseKind::Unreachable);
    assert_eq!(world.bridge.count(Command::Stop), 1, "it may have rung");
    world.bridge.is_reached = true;
    world.run(Duration::from_secs(2));
    assert_eq!(world.bridge.count(Command::Stop), 2);
    world.assert_over();
}

#[test]
fn legs_are_asked_for_now_and_then_and_when_the_way_has_changed() {
    let mut world = linked();
    let caller = world.call("alice", "erin");
    answer(&mut world);
    world.run(Duration::from_secs(95));
    assert_eq!(world.bridge.count(Command::Query), 3, "each half minute");
    let news = Packet {
        source: Address::local(ModuleKind::Bridge, 0),
        destination: Address::local(ModuleKind::Switch, 0),
        transaction: Transaction::NONE,
        command: Command::Notify,
        parameters: one(west(PlatformState::Linked, 5)),
    };
    world.bridge.deliver(news);
    world.run_ms(1_100);
    assert_eq!(world.bridge.count(Command::Query), 4, "soon");
    world.bridge.is_reached = false;
    world.run(Duration::from_secs(170));
    assert_eq!(world.switch.calls(), 1, "audio goes on");
    world.run(Duration::from_secs(60));
    assert_eq!(world.switch.calls(), 0, "but not for ever");
    assert_eq!(world.signaling.legs[&caller].cause.as_ref().unwrap().kind, CauseKind::Unreachable);
    world.run(Duration::from_secs(200));
    world.assert_over();
}

/// Erin of the other platform calls Frank, who is there, too: a call between two legs at that one. The addresses of the two legs.
fn between(world: &mut World) -> [Address; 2] {
    world.bridge.registrations.insert("frank".into(), vec![contact("frank")]);
    let (packet, call) = call_from_west("w-9", None, vec![WEST]);
    let called = Party::new("frank", "");
    let packet = Packet { parameters: one(Call { called, ..call }), ..packet };
    world.bridge.send(packet.clone());
    world.settle();
    let there = answer(world).destination;
    assert_eq!(world.switch.calls(), 1);
    [packet.source, there]
}

/// The other platform sends a probe by one leg of that call.
fn probe(world: &mut World, by: Address, transaction: u64, probe: Probe) -> Packet {
    let own = Address::local(ModuleKind::Switch, 0).at(Instance(9));
    let destination = if by.instance == Instance(7) { own } else { world.bridge.starts[0].0.source };
    let state = LegState { probe: Some(probe), ..LegState::new(LegPhase::Answered) };
    let transaction = Transaction(transaction);
    ask(
        world,
        Packet {
            source: Address { platform: WEST, ..by },
            destination,
            transaction,
            command: Command::Query,
            parameters: one(state),
        },
    )
}

/// The probes that were sent, and by which leg.
fn probes(world: &World) -> Vec<(Address, Probe)> {
    let probes = world.bridge.asked.iter().filter_map(|(_, packet)| match packet.first() {
        Some(Parameter::LegState(state)) => Some((packet.destination, state.probe?)),
        _ => None,
    });
    probes.collect()
}

#[test]
fn a_call_that_gets_back_by_one_leg_what_it_sent_by_the_other_ends() {
    let mut world = linked();
    let [near, far] = between(&mut world);
    world.run(Duration::from_secs(32));
    let sent = probes(&world);
    assert_eq!(sent.len(), 2, "with each question how a leg stands: {sent:?}");
    let by = |leg: Address| sent.iter().find(|(to, _)| *to == leg).expect("one by each leg").1;
    assert_ne!(by(near).number, by(far).number);
    // By the leg by which it went: whoever is there says it again, and that says nothing.
    probe(&mut world, near, 90, by(near));
    assert_eq!(world.switch.calls(), 1);
    let answer = probe(&mut world, far, 91, Probe { calls: 3, ..by(near) });
    assert!(matches!(answer.first(), Some(Parameter::LegState(state)) if state.phase == LegPhase::Answered));
    assert_eq!(world.switch.calls(), 0);
    assert_eq!(world.bridge.count(Command::Stop), 2, "both neighbours are told");
    world.assert_over();
    assert_eq!(world.record().cause.as_ref().map(|cause| cause.kind), Some(CauseKind::TooManyHops));
}

#[test]
fn a_probe_of_others_goes_on_by_the_other_leg_and_not_for_ever() {
    let mut world = linked();
    let [near, far] = between(&mut world);
    probe(&mut world, near, 90, Probe { number: 7, calls: 64 });
    assert_eq!(probes(&world), [(far, Probe { number: 7, calls: 63 })]);
    probe(&mut world, far, 91, Probe { number: 8, calls: 1 });
    assert_eq!(probes(&world)[1..], [(near, Probe { number: 8, calls: 0 })]);
    probe(&mut world, near, 92, Probe { number: 9, calls: 0 });
    assert_eq!(probes(&world).len(), 2);
    // Where nobody answers, few wait.
    world.bridge.answers = false;
    for number in 0..20 {
        probe(&mut world, near, 100 + number, Probe { number, calls: 64 });
    }
    assert_eq!(probes(&world).len(), 2 + 8);
    world.bridge.answers = true;
    let stop = Packet {
        source: Address { platform: WEST, ..near },
        destination: Address::local(ModuleKind::Switch, 0).at(Instance(9)),
        transaction: Transaction(200),
        command: Command::Stop,
        parameters: one(LegState::released(CauseKind::Normal)),
    };
    ask(&mut world, stop);
    world.assert_over();
}

#[test]
fn a_service_throws_a_probe_back_and_a_call_between_two_of_them_ends() {
    let mut world = linked();
    let (packet, call) = call_from_west("w-8", None, vec![WEST]);
    let called = Party::new("echo", "");
    world.bridge.send(Packet { parameters: one(Call { called, ..call }), ..packet.clone() });
    world.settle();
    let near = packet.source;
    probe(&mut world, near, 90, Probe { number: 7, calls: 64 });
    assert_eq!(probes(&world), [(near, Probe { number: 7, calls: 63 })]);
    world.run(Duration::from_secs(32));
    let own = probes(&world)[1].1;
    assert_eq!(world.switch.calls(), 1);
    probe(&mut world, near, 91, Probe { calls: 60, ..own });
    assert_eq!(world.switch.calls(), 0, "there is a machine at the other end, too");
    world.assert_over();
    assert_eq!(world.record().cause.as_ref().map(|cause| cause.kind), Some(CauseKind::TooManyHops));
}

#[test]
fn a_telephone_stops_a_probe() {
    let mut world = linked();
    let caller = world.call("alice", "erin");
    let packet = answer(&mut world);
    let state = LegState { probe: Some(Probe { number: 7, calls: 64 }), ..LegState::new(LegPhase::Answered) };
    let (source, destination) = (Address { platform: WEST, ..packet.destination }, packet.source);
    ask(
        &mut world,
        Packet { source, destination, transaction: Transaction(90), command: Command::Query, parameters: one(state) },
    );
    world.run(Duration::from_secs(32));
    assert_eq!(probes(&world), []);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn a_call_of_another_platform_goes_where_that_one_says_and_is_told_apart_from_ours() {
    let mut world = linked();
    let (packet, _) = call_from_west("w-1", Some(Placement::Account("bob".into())), vec![WEST]);
    world.bridge.send(packet.clone());
    world.settle();
    let callee = world.only();
    assert!(world.bridge.starts.is_empty(), "it is looked for here alone");
    let interfaces: Vec<_> = world.voice.sessions.values().flat_map(|session| session.ports.keys()).collect();
    assert_eq!(interfaces.len(), 2);
    // The same once more changes nothing.
    world.bridge.send(Packet { transaction: Transaction(78), ..packet });
    world.settle();
    assert_eq!(world.ringing().len(), 1);
    world.answer(callee);
    let asked = Packet {
        source: Address { platform: WEST, ..Address::local(ModuleKind::Switch, 0).at(Instance(7)) },
        destination: Address::local(ModuleKind::Switch, 0).at(Instance(9)),
        transaction: Transaction(79),
        command: Command::Query,
        parameters: one(LegState::new(LegPhase::Answered)),
    };
    // Not its leg, and none at all.
    let stranger = Address { platform: PlatformId(3), ..asked.source };
    let answer = ask(&mut world, Packet { source: stranger, ..asked.clone() });
    assert_eq!(answer.failure().reason, Reason::Refused);
    let nothing = Packet { destination: asked.destination.at(Instance(10)), ..asked.clone() };
    assert_eq!(ask(&mut world, nothing).failure().reason, Reason::NotFound);
    let answer = ask(&mut world, asked.clone());
    assert!(matches!(answer.first(), Some(Parameter::LegState(state)) if state.phase == LegPhase::Answered));
    let stop = Packet { command: Command::Stop, parameters: one(LegState::released(CauseKind::Normal)), ..asked };
    assert_eq!(ask(&mut world, stop).command, Command::Done);
    assert_eq!(world.signaling.legs[&callee].phase, LegPhase::Released);
    world.assert_over();
    let origin = Origin::Account("erin".into()).on("west", Some(WEST));
    assert_eq!(world.record().origin, origin);
}

/// What the switch answers a packet of another platform.
pub(crate) fn ask(world: &mut World, packet: Packet) -> Packet {
    let transaction = packet.transaction;
    world.bridge.answered.clear();
    world.bridge.deliver(packet);
    world.settle();
    let answers = world.bridge.answered.iter().rev();
    answers.into_iter().find(|answer| answer.transaction == transaction).cloned().expect("an answer")
}

#[test]
fn a_call_that_goes_round_is_refused_and_on_record() {
    let mut world = linked();
    let (packet, _) = call_from_west("w-2", None, (3..11).map(PlatformId).chain([WEST]).collect());
    let answer = ask(&mut world, packet);
    assert_eq!(answer.failure().cause.map(|cause| cause.kind), Some(CauseKind::TooManyHops));
    assert_eq!(world.record().cause.as_ref().map(|cause| cause.kind), Some(CauseKind::TooManyHops));
    let unknown = Placement::Trunk { name: "none".into(), number: "1".to_owned().into() };
    let (packet, _) = call_from_west("w-3", Some(unknown), vec![WEST]);
    let answer = ask(&mut world, packet);
    assert_eq!(answer.failure().cause.map(|cause| cause.kind), Some(CauseKind::Unreachable));
    world.assert_over();
}

#[test]
fn who_states_a_third_platforms_account_or_its_own_name_calls_for_itself() {
    for stated in [Origin::Account("ann".into()).on("north", Some(PlatformId(3))), Origin::Control.on("one", None)] {
        let mut world = linked();
        let (packet, call) = call_from_west("w-1", Some(Placement::Account("bob".into())), vec![WEST]);
        world.bridge.send(Packet { parameters: one(Call { origin: stated.clone(), ..call }), ..packet });
        world.settle();
        let callee = world.only();
        world.answer(callee);
        world.hang_up(callee);
        assert_eq!(world.record().origin, stated.on("west", Some(WEST)));
    }
}

/// How many of that many calls that a platform asks for, each for somebody who only rings, are refused.
fn refused_of(world: &mut World, platform: PlatformId, calls: std::ops::Range<u64>) -> usize {
    let place = |world: &mut World, number: u64| {
        let (packet, _) =
            call_from_west(&format!("w-{number}"), Some(Placement::Account("bob".into())), vec![platform]);
        world.bridge.deliver(Packet {
            source: Address { platform, ..packet.source.at(Instance(number)) },
            destination: packet.destination.at(Instance(number)),
            transaction: Transaction(number),
            ..packet
        });
        world.settle();
    };
    world.bridge.answered.clear();
    calls.for_each(|number| place(world, number));
    let is_full = |answer: &&Packet| {
        answer.command == Command::Failed
            && answer.failure().cause.as_ref().is_some_and(|cause| cause.kind == CauseKind::Congestion)
    };
    world.bridge.answered.iter().filter(is_full).count()
}

#[test]
fn a_platform_takes_a_share_of_the_media_ports_and_leaves_others_theirs() {
    // Enough for sixteen calls: fourteen of other platforms, eleven of each.
    let mut world = linked_with(Config { media_ports: 33, ..Config::default() });
    assert_eq!(refused_of(&mut world, WEST, 100..120), 9);
    assert_eq!(refused_of(&mut world, PlatformId(3), 200..210), 7, "others have a part");
    let ringing = world.ringing().len();
    world.call("alice", "carol");
    assert_eq!(world.ringing().len(), ringing + 1, "who is here can call");
    // What has ended makes room.
    for number in 100..102 {
        let (packet, _) = call_from_west("", None, vec![]);
        let stop = Packet {
            source: packet.source.at(Instance(number)),
            destination: packet.destination.at(Instance(number)),
            transaction: Transaction(number + 500),
            command: Command::Stop,
            parameters: one(LegState::released(CauseKind::Normal)),
        };
        assert_eq!(ask(&mut world, stop).command, Command::Done);
    }
    // One of the two is Alice's now.
    assert_eq!(refused_of(&mut world, WEST, 300..303), 2);
}

#[test]
fn what_neither_party_wanted_is_said_of_none_on_either_platform() {
    for (kind, by_caller) in [
        (CauseKind::Administrative, None),
        (CauseKind::TooLong, None),
        (CauseKind::Interrupted, None),
        (CauseKind::MediaTimeout, None),
        (CauseKind::Normal, Some(true)),
    ] {
        let mut world = linked();
        let (packet, _) = call_from_west("w-1", Some(Placement::Account("bob".into())), vec![WEST]);
        world.bridge.send(packet.clone());
        world.settle();
        let callee = world.only();
        world.answer(callee);
        let stop = Packet {
            transaction: Transaction(80),
            command: Command::Stop,
            parameters: one(LegState::released(kind)),
            ..packet
        };
        assert_eq!(ask(&mut world, stop).command, Command::Done);
        world.assert_over();
        let record = world.record();
        assert_eq!(record.cause.as_ref().map(|cause| cause.kind), Some(kind));
        assert_eq!(record.ended_by_caller, by_caller, "{kind:?}");
    }
}

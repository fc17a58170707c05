//! Who is connected with a leg at another platform, where that changes in mid-call.

use crate::basic::empty_summary;
use crate::harness::*;
use crate::platforms::{answer, ask, call_from_west, linked};
use router::parameter::{
    Behalf, CallEvent, CallSummary, CauseKind, Connected, LegPhase, Origin, Outcome, Parameter, Party, Placement,
    Reason, Selection, Transfer,
};
use router::time::Duration;
use router::{Address, Command, Instance, ModuleKind, Packet, PlatformId, Transaction, one};

/// What the other platform was told of who is connected with its legs.
fn told(world: &World) -> Vec<Connected> {
    let told = world.bridge.asked.iter().filter_map(|(_, packet)| match packet.first() {
        Some(Parameter::Connected(connected)) if packet.command == Command::Set => Some((**connected).clone()),
        _ => None,
    });
    told.collect()
}

fn transfer_to(world: &mut World, by: Instance, number: &str) {
    let target = Party::new(number, "");
    world.ask(by, Command::Start, Transfer { target, phase: LegPhase::Trying, cause: None, referred_by: None });
}

#[test]
fn a_transfer_is_told_the_platform_of_who_is_sent_on() {
    let mut world = linked();
    let caller = world.call("alice", "erin");
    answer(&mut world);
    assert_eq!(told(&world), [], "whom it is connected with first its call says");
    transfer_to(&mut world, caller, "bob");
    let callee = world.only();
    assert_eq!(told(&world), [], "nobody has answered yet");
    world.answer(callee);
    let all = told(&world);
    let [connected] = &all[..] else { panic!("{all:?}") };
    assert_eq!((connected.party.user(), &connected.origin), ("bob", &Some(Origin::Account("bob".into()))));
    assert!(
        !connected.calls && connected.verified && !connected.anonymous,
        "{connected:?}: it is Erin who was sent there"
    );
    world.run(Duration::from_secs(60));
    assert_eq!(told(&world).len(), 1, "once");
    world.hang_up(callee);
    world.assert_over();
}

#[test]
fn what_could_not_be_told_is_told_once_the_platform_is_back() {
    let mut world = linked();
    let caller = world.call("alice", "erin");
    answer(&mut world);
    transfer_to(&mut world, caller, "bob");
    let callee = world.only();
    world.bridge.is_reached = false;
    world.answer(callee);
    world.run(Duration::from_secs(30));
    let in_vain = told(&world).len();
    assert!((2..10).contains(&in_vain), "{in_vain}");
    world.bridge.is_reached = true;
    world.run(Duration::from_secs(60));
    assert_eq!(told(&world).len(), in_vain + 1);
    world.hang_up(callee);
    world.assert_over();
}

#[test]
fn a_service_is_told_by_what_was_called() {
    let mut world = linked();
    let caller = world.call("alice", "erin");
    answer(&mut world);
    transfer_to(&mut world, caller, "echo");
    let all = told(&world);
    let [connected] = &all[..] else { panic!("{all:?}") };
    assert_eq!((connected.party.user(), &connected.origin, connected.calls), ("echo", &None, false));
    let (packet, _) = crate::platforms::started(&world);
    let stop = Packet {
        source: Address { platform: WEST, ..packet.destination },
        destination: packet.source,
        transaction: Transaction(5),
        command: Command::Stop,
        parameters: one(router::parameter::LegState::released(CauseKind::Normal)),
    };
    world.bridge.send(stop);
    world.settle();
    world.assert_over();
}

/// Bob talks to Erin of the other platform, who has called; his leg.
fn talking(world: &mut World) -> Instance {
    let (packet, _) = call_from_west("w-5", Some(Placement::Account("bob".into())), vec![WEST]);
    world.bridge.send(packet);
    world.settle();
    let callee = world.only();
    world.answer(callee);
    callee
}

/// The other platform says who is there now.
fn says(world: &mut World, transaction: u64, connected: Connected) -> Packet {
    let request = Packet {
        source: Address { platform: WEST, ..Address::local(ModuleKind::Switch, 0).at(Instance(7)) },
        destination: Address::local(ModuleKind::Switch, 0).at(Instance(9)),
        transaction: Transaction(transaction),
        command: Command::Set,
        parameters: one(connected),
    };
    ask(world, request)
}

fn frank(calls: bool) -> Connected {
    let party = Party { display_name: Some(router::Private::new("Frank".into())), ..Party::new("frank", "") };
    Connected { party, origin: Some(Origin::Account("frank".into())), verified: true, anonymous: false, calls }
}

fn summary(world: &mut World) -> CallSummary {
    world.client.received.clear();
    world.ask_as_client(Address::local(ModuleKind::Switch, 0), Command::Query, one(Selection::default()));
    match world.client.received.last().and_then(Packet::first) {
        Some(Parameter::CallSummary(summary)) => (**summary).clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_comes_in_the_place_of_a_caller_elsewhere_is_in_the_call_its_events_and_a_record() {
    let mut world = linked();
    let event = CallEvent {
        call: empty_summary(),
        cause: None,
        at: Default::default(),
        missed: false,
        pressed: None,
        quality: None,
    };
    world.ask_as_client(Address::local(ModuleKind::Switch, 0), Command::Subscribe, one(event));
    let callee = talking(&mut world);
    world.run(Duration::from_secs(10));
    world.client.received.clear();
    assert_eq!(says(&mut world, 90, frank(true)).command, Command::Done);
    let events = world.client.received.iter().filter_map(Packet::first);
    let events: Vec<_> =
        events.filter_map(|first| if let Parameter::CallEvent(event) = first { Some(event) } else { None }).collect();
    let [event] = &events[..] else { panic!("{events:?}") };
    assert_eq!((event.call.caller.user(), event.call.called.user()), ("frank", "bob"));
    let seen = summary(&mut world);
    assert_eq!((seen.caller.user(), seen.called.user(), seen.id.as_str()), ("frank", "bob", "w-5"));
    let leg = seen.legs.iter().find(|leg| leg.platform.is_some()).expect("a leg elsewhere");
    assert_eq!((leg.peer.as_str(), leg.behalf), ("frank", Some(Behalf::Account)));
    world.run(Duration::from_secs(5));
    world.hang_up(callee);
    world.assert_over();
    let (former, next) = (world.record_of("w-5").clone(), world.record_of("w-5~2").clone());
    assert_eq!((former.caller.user(), former.called.user()), ("erin", "bob"));
    assert_eq!(former.cause.map(|cause| cause.kind), Some(CauseKind::Transferred));
    assert_eq!(former.ended_by_caller, Some(true));
    assert_eq!(former.transferred_to.map(|party| party.user().to_owned()).as_deref(), Some("frank"));
    assert_eq!(former.transferred_as.as_deref(), Some("w-5~2"));
    assert_eq!((next.caller.user(), next.called.user(), next.outcome), ("frank", "bob", Outcome::Answered));
    assert_eq!((next.destination.as_deref(), next.ended_by_caller), (Some("bob"), Some(false)));
    let origin = Origin::Account("frank".into()).on("west", Some(WEST));
    assert_eq!((next.origin, next.transferred_from.as_deref()), (origin, Some("w-5")));
    // What both ports count goes on: each record has its own part.
    let counted = |quality: &router::parameter::LegQuality| quality.packets_received;
    let parts =
        [&former.caller_quality, &next.caller_quality, &former.callee_quality, &next.callee_quality].map(counted);
    assert_eq!(parts, [40, 60, 41, 60]);
}

#[test]
fn who_was_sent_there_calls_in_what_follows() {
    let mut world = linked();
    let callee = talking(&mut world);
    assert_eq!(says(&mut world, 90, frank(false)).command, Command::Done);
    let seen = summary(&mut world);
    assert_eq!((seen.caller.user(), seen.called.user()), ("bob", "frank"));
    world.hang_up(callee);
    world.assert_over();
    let next = world.record_of("w-5~2").clone();
    assert_eq!((next.caller.user(), next.called.user(), next.ended_by_caller), ("bob", "frank", Some(true)));
    let by = Origin::Account("erin".into()).on("west", Some(WEST));
    assert_eq!((next.origin, next.destination.as_deref()), (by, Some("frank")), "Erin has sent him there");
}

#[test]
fn the_same_once_more_is_no_news_and_many_others_make_few_records() {
    let mut world = linked();
    let callee = talking(&mut world);
    for transaction in [90, 91] {
        assert_eq!(says(&mut world, transaction, frank(true)).command, Command::Done);
    }
    assert_eq!(world.store.records.len(), 2);
    for number in 0..100 {
        let connected = Connected { party: Party::new(number.to_string(), ""), ..frank(true) };
        assert_eq!(says(&mut world, 100 + number, connected).command, Command::Done);
    }
    assert_eq!(world.store.records.len(), 1 + usize::from(switch::limits::CONNECTED_PER_LEG));
    let seen = summary(&mut world);
    let leg = seen.legs.iter().find(|leg| leg.platform.is_some()).expect("a leg elsewhere");
    assert_eq!((leg.peer.as_str(), leg.phase), ("frank", LegPhase::Answered));
    world.hang_up(callee);
    world.assert_over();
}

#[test]
fn a_service_in_the_place_of_who_was_there_is_not_that_one() {
    let mut world = linked();
    let callee = talking(&mut world);
    let echo = Connected { party: Party::new("echo", ""), origin: None, ..frank(false) };
    assert_eq!(says(&mut world, 90, echo).command, Command::Done);
    let seen = summary(&mut world);
    let leg = seen.legs.iter().find(|leg| leg.platform.is_some()).expect("a leg elsewhere");
    assert_eq!((leg.peer.as_str(), leg.behalf), ("west", None));
    world.hang_up(callee);
    world.assert_over();
    let next = world.record_of("w-5~2").clone();
    assert_eq!((next.called.user(), next.destination.as_deref()), ("echo", Some("west")));
}

#[test]
fn who_is_hidden_from_now_on_is_shown_no_more_and_the_other_way_round() {
    let mut world = linked();
    let callee = talking(&mut world);
    world.signaling.introduced.clear();
    for (transaction, anonymous, shown) in [(90, false, "frank"), (91, true, "anonymous"), (92, false, "frank")] {
        for transaction in [transaction, transaction + 100] {
            assert_eq!(says(&mut world, transaction, Connected { anonymous, ..frank(true) }).command, Command::Done);
        }
        let told = std::mem::take(&mut world.signaling.introduced);
        let told: Vec<_> = told.iter().map(|(leg, party)| (*leg, party.user())).collect();
        assert_eq!(told, [(callee, shown)], "once");
    }
    assert_eq!(world.store.records.len(), 2, "it is the same one");
    world.hang_up(callee);
    world.assert_over();
}

#[test]
fn nobody_else_says_it_and_nobody_before_the_answer() {
    let mut world = linked();
    let (packet, _) = call_from_west("w-5", Some(Placement::Account("bob".into())), vec![WEST]);
    world.bridge.send(packet);
    world.settle();
    assert_eq!(says(&mut world, 90, frank(true)).failure().reason, Reason::Refused, "it is not answered");
    let callee = world.only();
    world.answer(callee);
    let long = Connected { party: Party::new("7".repeat(300), ""), ..frank(true) };
    assert_eq!(says(&mut world, 91, long).failure().reason, Reason::Invalid);
    let name = || "7".repeat(300).into();
    let on = |platform, name| Origin::Platform { platform, behalf: Behalf::Account, name, number: None };
    let origins = [Origin::Account(name()), on("west".into(), name()), on(name(), "frank".into())];
    for (transaction, origin) in (93..).zip(origins) {
        let long = Connected { origin: Some(origin), ..frank(true) };
        assert_eq!(says(&mut world, transaction, long).failure().reason, Reason::Invalid);
    }
    let stranger = Packet {
        source: Address { platform: PlatformId(3), ..Address::local(ModuleKind::Switch, 0).at(Instance(7)) },
        destination: Address::local(ModuleKind::Switch, 0).at(Instance(9)),
        transaction: Transaction(92),
        command: Command::Set,
        parameters: one(frank(true)),
    };
    assert_eq!(ask(&mut world, stranger.clone()).failure().reason, Reason::Refused);
    let nothing = Packet { destination: stranger.destination.at(Instance(10)), ..stranger };
    assert_eq!(ask(&mut world, nothing).failure().reason, Reason::NotFound);
    world.ask(callee, Command::Set, frank(true));
    assert_eq!(world.last_answer(callee).failure().reason, Reason::Refused, "a leg of this platform");
    assert_eq!(world.store.records.len(), 1);
    world.hang_up(callee);
    world.assert_over();
}

/// A platform in the middle, both of whose legs are at another one, says it to the one behind it, and what is known goes no further.
#[test]
fn a_platform_in_the_middle_passes_it_on_once() {
    let mut world = linked();
    let (packet, call) = call_from_west("w-9", None, vec![WEST]);
    world
        .bridge
        .send(Packet { parameters: one(router::parameter::Call { called: Party::new("erin", ""), ..call }), ..packet });
    world.settle();
    answer(&mut world);
    assert_eq!(told(&world), []);
    says(&mut world, 90, frank(true));
    let all = told(&world);
    let [connected] = &all[..] else { panic!("{all:?}") };
    assert_eq!((connected.party.user(), connected.calls), ("frank", true));
    let origin = Origin::Account("frank".into()).on("west", Some(WEST));
    assert_eq!(connected.origin, Some(origin));
    says(&mut world, 91, frank(true));
    assert_eq!(told(&world).len(), 1);
    says(&mut world, 92, Connected { anonymous: true, ..frank(true) });
    assert_eq!(told(&world).last().map(|connected| connected.anonymous), Some(true), "that is not known there");
    assert_eq!(told(&world).len(), 2);
    let stop = Packet {
        source: Address { platform: WEST, ..Address::local(ModuleKind::Switch, 0).at(Instance(7)) },
        destination: Address::local(ModuleKind::Switch, 0).at(Instance(9)),
        transaction: Transaction(200),
        command: Command::Stop,
        parameters: one(router::parameter::LegState::released(CauseKind::Normal)),
    };
    ask(&mut world, stop);
    world.assert_over();
}

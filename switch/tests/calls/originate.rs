//! A call that the operator makes.

use crate::harness::*;
use router::parameter::*;
use router::{Address, Command, Instance, ModuleKind, one};
use switch::Config;
use switch::plan::*;

fn originate(world: &mut World, from: &str, to: &str) {
    let switch = Address::local(ModuleKind::Switch, 0).at(Instance(77));
    world.ask_as_client(switch, Command::Start, one(Originate { from: from.into(), to: to.into() }));
}

#[test]
fn the_first_party_then_the_second() {
    let mut world = World::new();
    originate(&mut world, "alice", "bob");
    assert_eq!(world.client.received[0].command, Command::Progress);
    let alice = world.only();
    let offer = world.signaling.legs[&alice].started.as_ref().unwrap().media.clone();
    assert_eq!(codec_names(offer.as_ref()), ["PCMA", "PCMU", "G722", "opus", "telephone-event"]);
    assert_eq!(world.signaling.legs[&alice].started.as_ref().unwrap().caller.user(), "bob");
    world.ring(alice);
    world.answer_with(alice, &[pcmu(), pcma()]);
    let bob = world.only();
    assert_eq!(world.signaling.legs[&bob].started.as_ref().unwrap().caller.user(), "alice");
    assert_eq!(codec_names(world.signaling.legs[&bob].started.as_ref().unwrap().media.as_ref()), ["PCMA", "PCMU"]);
    world.ring(bob);
    world.answer_with(bob, &[pcmu()]);
    assert_eq!(world.session().bridge, Some((0, 1)));
    assert_eq!(codec_names(world.signaling.legs[&alice].heard.as_ref()), ["PCMU"], "brought to what bob chose");
    let last = world.client.received.last().unwrap();
    assert_eq!(last.command, Command::Done);
    assert!(matches!(last.first(), Some(Parameter::CallSummary(call)) if call.phase == CallPhase::Talking));
    // The same request again.
    originate(&mut world, "alice", "bob");
    assert_eq!(world.client.received.last().unwrap().command, Command::Done);
    assert_eq!(world.switch.calls(), 1);
    world.hang_up(alice);
    assert_eq!(world.record().ended_by_caller, Some(true));
    world.assert_over();
}

#[test]
fn either_may_not_be_there() {
    let mut world = World::new();
    originate(&mut world, "dave", "bob");
    let failure = world.client.received.last().unwrap().failure();
    assert_eq!((failure.reason, failure.cause.unwrap().kind), (Reason::Peer, CauseKind::Unreachable));
    assert!(failure.detail.unwrap().starts_with("the first party, dave: not registered"));
    originate(&mut world, "echo", "alice");
    assert_eq!(world.client.received.last().unwrap().command, Command::Failed, "a service calls nobody");
    originate(&mut world, "", "alice");
    assert_eq!(world.client.received.last().unwrap().failure().reason, Reason::Invalid);
    world.assert_over();
}

#[test]
fn nobody_rings_for_a_second_party_that_is_not_there() {
    let mut world = World::new();
    for (to, reason, kind, told) in [
        ("nobody", Reason::NotFound, CauseKind::UnknownNumber, "the second party, nobody: nobody has that number"),
        (
            "dave",
            Reason::Peer,
            CauseKind::Unreachable,
            "the second party, dave: not registered, or not to be reached now",
        ),
    ] {
        originate(&mut world, "alice", to);
        assert!(world.signaling.legs.is_empty(), "alice is left in peace");
        let failure = world.client.received.last().unwrap().failure();
        assert_eq!((failure.reason, failure.cause.unwrap().kind), (reason, kind));
        assert_eq!(failure.detail.as_deref(), Some(told));
    }
    let causes: Vec<_> = world.store.records.values().map(|writes| writes.last().unwrap().1.clone()).collect();
    let mut kinds: Vec<_> = causes.iter().map(|record| record.cause.as_ref().unwrap().kind).collect();
    kinds.sort();
    assert_eq!(kinds, [CauseKind::Unreachable, CauseKind::UnknownNumber]);
    world.assert_over();
}

#[test]
fn the_second_party_may_leave_while_the_first_rings() {
    let mut world = World::new();
    originate(&mut world, "alice", "bob");
    let alice = world.only();
    world.signaling.registrations.insert("bob".into(), Vec::new());
    world.answer(alice);
    let failure = world.client.received.last().unwrap().failure();
    assert_eq!(failure.cause.unwrap().kind, CauseKind::Unreachable);
    assert!(failure.detail.unwrap().starts_with("the second party, bob"));
    assert_eq!(world.signaling.legs[&alice].phase, LegPhase::Released);
    world.assert_over();
}

/// `desk` is alice and carol; only carol may call `00…`, over a trunk.
fn desk() -> World {
    let step = TrunkStep { trunk: "carrier".into(), rewrite: Rewrite::NONE, timeout: None };
    let abroad = Route {
        name: "abroad".into(),
        number: NumberMatch::Prefix("00".into()),
        origin: OriginMatch::Account("carol".into()),
        hours: None,
        destination: Destination::Trunks(vec![step]),
        branches: Branches::default(),
    };
    let none = Route {
        name: "none".into(),
        origin: OriginMatch::Any,
        hours: None,
        destination: Destination::Refuse(CauseKind::Forbidden),
        ..abroad.clone()
    };
    let missing = Route {
        name: "missing".into(),
        number: NumberMatch::Exact("700".into()),
        origin: OriginMatch::Any,
        hours: None,
        destination: Destination::Account("dave".into()),
        branches: Branches { unreachable: Some(Destination::Account("bob".into())), ..Branches::default() },
    };
    let member = |account: &str| Member { account: account.into(), timeout: None };
    let group = Group {
        name: "desk".into(),
        members: vec![member("alice"), member("carol")],
        strategy: Strategy::OneAfterAnother,
    };
    let trunk = Trunk { interface: [192, 0, 2, 1].into(), ..Trunk::new("carrier") };
    let plan =
        Plan { routes: vec![abroad, none, missing], groups: vec![group], trunks: vec![trunk], ..Plan::default() };
    plan.check().unwrap();
    World::with(Config { plan, ..Config::default() })
}

#[test]
fn the_second_party_is_looked_for_by_the_plan_with_the_rights_of_whoever_may_answer() {
    let mut world = desk();
    originate(&mut world, "alice", "0049301");
    assert!(world.signaling.legs.is_empty());
    let failure = world.client.received.last().unwrap().failure();
    assert_eq!((failure.reason, failure.cause.unwrap().kind), (Reason::Refused, CauseKind::Forbidden));
    // Carol may answer for the desk.
    originate(&mut world, "desk", "0049301");
    let alice = world.only();
    world.refuse(alice, CauseKind::Busy);
    let carol = world.only();
    world.answer(carol);
    let trunk = world.only();
    assert_eq!(world.target(trunk), "carrier:0049301", "who is behind a trunk only that one knows");
    world.hang_up(carol);
    // A number whose account is not registered leads on.
    originate(&mut world, "alice", "700");
    let alice = world.only();
    world.answer(alice);
    assert!(world.target(world.only()).contains("bob"));
    world.hang_up(alice);
    world.assert_over();
}

#[test]
fn the_second_party_may_be_a_service() {
    let mut world = World::new();
    originate(&mut world, "alice", "echo");
    let alice = world.only();
    world.answer_with(alice, &[pcma()]);
    assert_eq!(world.session().builtin, Some((0, BuiltinKind::Echo)));
    world.hang_up(alice);
    world.assert_over();
}

#[test]
fn a_service_takes_what_the_first_party_speaks_as_it_is() {
    let mut world = World::new();
    originate(&mut world, "alice", "milliwatt");
    let alice = world.only();
    world.answer_with(alice, &[pcmu(), events()]);
    assert_eq!(world.session().builtin, Some((0, BuiltinKind::Milliwatt)));
    assert!(
        matches!(world.signaling.legs[&alice].heard, Some(MediaExchange::Offer(_))),
        "no more than the first offer"
    );
    assert_eq!(codec_names(world.signaling.legs[&alice].heard.as_ref()).len(), 5);
    world.hang_up(alice);
    world.assert_over();
}

#[test]
fn the_first_party_hangs_up_while_the_second_rings() {
    let mut world = World::new();
    originate(&mut world, "alice", "bob");
    let alice = world.only();
    world.answer(alice);
    let bob = world.only();
    world.offer(alice, &[pcmu()], Direction::SendReceive);
    assert_eq!(world.last_answer(alice).command, Command::Done, "offers are answered while nobody is there yet");
    world.ring(bob);
    world.hang_up(alice);
    assert_eq!(world.signaling.legs[&bob].phase, LegPhase::Released);
    assert_eq!(world.client.received.last().unwrap().command, Command::Failed);
    world.assert_over();
}

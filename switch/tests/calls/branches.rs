//! Busy, no answer, refused, unreachable, unknown: each its own branch, and the right cause at the end.

use crate::harness::*;
use router::parameter::*;
use router::time::Duration;
use switch::Config;
use switch::plan::*;

fn route(number: &str, destination: Destination, branches: Branches) -> Route {
    Route {
        name: number.into(),
        number: NumberMatch::Exact(number.into()),
        origin: OriginMatch::Any,
        hours: None,
        destination,
        branches,
    }
}

fn service_desk() -> Config {
    let branches = Branches {
        busy: Some(Destination::Account("carol".into())),
        no_answer: Some(Destination::Number(Rewrite::fixed("carol"))),
        refused: Some(Destination::Service(BuiltinKind::Silence)),
        unreachable: Some(Destination::Service(BuiltinKind::Milliwatt)),
        unknown: Some(Destination::Refuse(CauseKind::Forbidden)),
    };
    let routes = vec![
        route("100", Destination::Account("bob".into()), branches.clone()),
        route("101", Destination::Account("dave".into()), branches.clone()),
        route("102", Destination::Account("nobody".into()), branches),
        route("103", Destination::Number(Rewrite::fixed("103")), Branches::default()),
        route("104", Destination::Refuse(CauseKind::Declined), Branches::default()),
    ];
    Config { plan: Plan { routes, ..Plan::default() }, ..Config::default() }
}

#[test]
fn without_a_branch_the_caller_hears_why() {
    for kind in [CauseKind::Busy, CauseKind::Declined, CauseKind::Unreachable, CauseKind::PeerFailure] {
        let mut world = World::new();
        let caller = world.call("alice", "bob");
        let callee = world.only();
        let cause = Cause { code: Some(486), ..Cause::new(kind) };
        world.refuse(callee, cause.clone());
        assert_eq!(world.last_answer(caller).failure().cause, Some(cause), "the peer's own code is kept");
        assert_eq!(world.record().cause.as_ref().unwrap().kind, kind);
        world.assert_over();
    }
}

#[test]
fn who_is_not_registered_is_unreachable_and_who_is_not_there_unknown() {
    let mut world = World::new();
    let caller = world.call("alice", "dave");
    assert_eq!(world.failure(caller), CauseKind::Unreachable);
    let caller = world.call("alice", "nobody");
    assert_eq!(world.failure(caller), CauseKind::UnknownNumber);
    let caller = world.call("alice", &"9".repeat(1000));
    assert_eq!(world.failure(caller), CauseKind::UnknownNumber);
    world.assert_over();
}

#[test]
fn busy_goes_on_to_the_next_and_only_once() {
    let mut world = World::with(service_desk());
    let caller = world.call("alice", "100");
    let bob = world.only();
    world.refuse(bob, CauseKind::Busy);
    let carol = world.only();
    assert!(world.target(carol).contains("carol"));
    world.refuse(carol, CauseKind::Busy);
    assert_eq!(world.failure(caller), CauseKind::Busy);
    world.assert_over();
}

#[test]
fn the_branches_of_a_route_to_another_number_are_taken() {
    let branches = Branches {
        busy: Some(Destination::Service(BuiltinKind::Echo)),
        no_answer: Some(Destination::Service(BuiltinKind::Silence)),
        unreachable: Some(Destination::Service(BuiltinKind::Milliwatt)),
        unknown: Some(Destination::Refuse(CauseKind::Congestion)),
        ..Branches::default()
    };
    let strip = || Destination::Number(Rewrite { strip: 1, ..Rewrite::NONE });
    let through = |number: &str| Destination::Number(Rewrite::fixed(number));
    let mut routes = vec![
        route("100", Destination::Account("bob".into()), Branches::default()),
        route("600", through("100"), branches.clone()),
        route("7100", strip(), branches.clone()),
        route("601", through("dave"), branches.clone()),
        route("602", through("nobody"), branches.clone()),
        route("603", through("600"), Branches::default()),
    ];
    let own = Branches { refused: Some(Destination::Service(BuiltinKind::Silence)), ..Branches::default() };
    routes.extend([route("200", Destination::Account("bob".into()), own), route("604", through("200"), branches)]);
    let mut world = World::with(Config { plan: Plan { routes, ..Plan::default() }, ..Config::default() });
    for number in ["600", "7100", "603", "604"] {
        let caller = world.call("alice", number);
        let bob = world.only();
        world.refuse(bob, Cause { code: Some(486), ..Cause::new(CauseKind::Busy) });
        assert_eq!(world.session().builtin, Some((0, BuiltinKind::Echo)), "{number}");
        world.hang_up(caller);
        let caller = world.call("alice", number);
        let bob = world.only();
        world.ring(bob);
        world.run(Duration::from_secs(61));
        assert_eq!(world.session().builtin, Some((0, BuiltinKind::Silence)), "{number}");
        world.hang_up(caller);
    }
    let caller = world.call("alice", "601");
    assert_eq!(world.session().builtin, Some((0, BuiltinKind::Milliwatt)));
    world.hang_up(caller);
    let caller = world.call("alice", "602");
    assert_eq!(world.failure(caller), CauseKind::Congestion);
    let caller = world.call("alice", "604");
    let bob = world.only();
    world.refuse(bob, Cause { code: Some(403), ..Cause::new(CauseKind::Declined) });
    assert_eq!(world.session().builtin, Some((0, BuiltinKind::Silence)), "the number's own");
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn a_group_of_which_one_is_busy_and_one_does_not_answer_does_not_answer() {
    for strategy in [Strategy::RingAll, Strategy::OneAfterAnother] {
        let member = |account: &str| Member { account: account.into(), timeout: Some(Duration::from_secs(20)) };
        let group = Group { name: "desk".into(), members: vec![member("bob"), member("carol")], strategy };
        let branches = Branches {
            busy: Some(Destination::Service(BuiltinKind::Milliwatt)),
            no_answer: Some(Destination::Service(BuiltinKind::Silence)),
            ..Branches::default()
        };
        let routes = vec![route("300", Destination::Group("desk".into()), branches)];
        let plan = Plan { routes, groups: vec![group], ..Plan::default() };
        let mut world = World::with(Config { plan, ..Config::default() });
        let caller = world.call("alice", "300");
        let bob = world.ringing()[0];
        assert!(world.target(bob).contains("bob"));
        world.refuse(bob, Cause { code: Some(486), ..Cause::new(CauseKind::Busy) });
        let carol = world.only();
        world.ring(carol);
        world.run(Duration::from_secs(19));
        assert_eq!(world.session().builtin, None);
        world.run(Duration::from_secs(2));
        assert_eq!(world.session().builtin, Some((0, BuiltinKind::Silence)), "{strategy:?}");
        world.hang_up(caller);
        world.assert_over();
    }
}

#[test]
fn no_answer_goes_on_to_a_number_of_the_plan() {
    let mut world = World::with(service_desk());
    let caller = world.call("alice", "100");
    let bob = world.only();
    world.ring(bob);
    world.run(Duration::from_secs(61));
    assert_eq!(world.signaling.legs[&bob].cause.as_ref().unwrap().kind, CauseKind::NoAnswer);
    let carol = world.only();
    world.answer(carol);
    assert_eq!(world.signaling.legs[&caller].phase, LegPhase::Answered);
    assert_eq!(world.session().ports.len(), 2, "bob's port was given back");
    world.hang_up(caller);
    assert_eq!(world.record().destination.as_deref(), Some("carol"));
    world.assert_over();
}

#[test]
fn refused_and_unreachable_go_on_to_services() {
    let mut world = World::with(service_desk());
    let caller = world.call("alice", "100");
    let bob = world.only();
    world.refuse(bob, CauseKind::Declined);
    assert_eq!(world.session().builtin, Some((0, BuiltinKind::Silence)));
    world.hang_up(caller);
    let caller = world.call("alice", "101");
    assert_eq!(world.session().builtin, Some((0, BuiltinKind::Milliwatt)));
    world.hang_up(caller);
    let caller = world.call("alice", "102");
    assert_eq!(world.failure(caller), CauseKind::Forbidden);
    let caller = world.call("alice", "103");
    assert_eq!(world.failure(caller), CauseKind::TooManyHops, "a number that is routed to itself");
    let caller = world.call("alice", "104");
    assert_eq!(world.failure(caller), CauseKind::Declined);
    world.assert_over();
}

#[test]
fn a_phone_that_never_says_anything_is_unreachable() {
    let mut world = World::with(service_desk());
    let caller = world.call("alice", "100");
    world.run(Duration::from_secs(61));
    assert_eq!(world.session().builtin, Some((0, BuiltinKind::Milliwatt)));
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn no_port_left_is_congestion() {
    let mut world = World::new();
    world.voice.exhausted = true;
    let caller = world.call("alice", "bob");
    assert_eq!(world.failure(caller), CauseKind::Congestion);
    world.assert_over();
}

#[test]
fn a_worker_that_does_not_answer_is_congestion() {
    let mut world = World::new();
    // Behind the record and the query for the callee.
    world.faults.borrow_mut().at = Some((3, Some(Fault::Lost)));
    let caller = world.call("alice", "bob");
    world.run(Duration::from_secs(3));
    assert!(world.voice.sessions.is_empty());
    assert_eq!(world.failure(caller), CauseKind::Congestion);
    world.run(Duration::from_secs(30));
    world.assert_over();
}

#[test]
fn a_new_configuration_is_for_new_calls() {
    let mut world = World::with(service_desk());
    let caller = world.call("alice", "100");
    world.switch.reconfigure(Config::default());
    let bob = world.only();
    world.refuse(bob, CauseKind::Busy);
    assert!(world.target(world.only()).contains("carol"), "the call keeps the plan that it began with");
    world.hang_up(caller);
    let caller = world.call("alice", "100");
    assert_eq!(world.failure(caller), CauseKind::UnknownNumber);
    world.assert_over();
}

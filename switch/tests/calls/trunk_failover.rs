//! The next trunk when one does not answer or fails by its own fault, and only then.

use crate::harness::*;
use router::parameter::*;
use router::time::Duration;
use switch::Config;
use switch::plan::*;

fn two_trunks() -> Config {
    let step = |trunk: &str, prepend: &str| TrunkStep {
        trunk: trunk.into(),
        rewrite: Rewrite { strip: 1, prepend: prepend.into(), ..Rewrite::NONE },
        timeout: Some(Duration::from_secs(20)),
    };
    let routes = vec![Route {
        name: "out".into(),
        number: NumberMatch::Pattern(Pattern::new("^0[1-9][0-9]+$").unwrap()),
        origin: OriginMatch::Accounts,
        hours: None,
        destination: Destination::Trunks(vec![step("one", "+49"), step("two", "0049")]),
        branches: Branches::default(),
    }];
    let trunk = |name: &str| Trunk { interface: [192, 0, 2, 1].into(), ..Trunk::new(name) };
    let plan = Plan { routes, trunks: vec![trunk("one"), trunk("two")], ..Plan::default() };
    plan.check().unwrap();
    Config { plan, ..Config::default() }
}

#[test]
fn a_trunk_that_fails_is_followed_by_the_next() {
    for kind in [CauseKind::PeerFailure, CauseKind::Congestion, CauseKind::Timeout, CauseKind::Unreachable] {
        let mut world = World::with(two_trunks());
        let caller = world.call("alice", "030123");
        let one = world.only();
        assert_eq!(world.target(one), "one:+4930123");
        world.refuse(one, kind);
        let two = world.only();
        assert_eq!(world.target(two), "two:004930123");
        world.answer(two);
        assert_eq!(world.signaling.legs[&caller].phase, LegPhase::Answered);
        world.hang_up(caller);
        assert_eq!(world.record().destination.as_deref(), Some("two"));
        world.assert_over();
    }
}

#[test]
fn what_the_callee_says_no_other_trunk_is_asked() {
    for kind in [CauseKind::Busy, CauseKind::Declined, CauseKind::UnknownNumber, CauseKind::NoAnswer] {
        let mut world = World::with(two_trunks());
        let caller = world.call("alice", "030123");
        let one = world.only();
        world.refuse(one, kind);
        assert_eq!(world.failure(caller), kind);
        world.assert_over();
    }
}

#[test]
fn who_is_behind_a_trunk_and_not_there_is_not_there_by_another() {
    let mut world = World::with(two_trunks());
    let caller = world.call("alice", "030123");
    let one = world.only();
    world.refuse(one, Cause { code: Some(480), q850: Some(18), ..Cause::new(CauseKind::Unreachable) });
    assert_eq!(world.failure(caller), CauseKind::Unreachable);
    for code in [408, 500, 502, 503, 504] {
        let kind = match code {
            408 | 504 => CauseKind::Timeout,
            503 => CauseKind::Congestion,
            _ => CauseKind::PeerFailure,
        };
        let caller = world.call("alice", "030123");
        let one = world.only();
        world.refuse(one, Cause { code: Some(code), ..Cause::new(kind) });
        let two = world.only();
        assert_eq!(world.target(two), "two:004930123", "{code} is the trunk's own");
        world.hang_up(caller);
    }
    world.assert_over();
}

#[test]
fn a_silent_trunk_is_left_a_ringing_one_is_not() {
    let mut world = World::with(two_trunks());
    let caller = world.call("alice", "030123");
    world.run(Duration::from_secs(21));
    let two = world.only();
    assert_eq!(world.target(two), "two:004930123");
    world.ring(two);
    world.run(Duration::from_secs(21));
    assert_eq!(world.failure(caller), CauseKind::NoAnswer);
    world.assert_over();
}

#[test]
fn no_trunk_calls_out_over_a_trunk() {
    let mut world = World::with(two_trunks());
    let caller = world.call("trunk:one", "030123");
    assert_eq!(world.failure(caller), CauseKind::UnknownNumber);
    let caller = world.call("trunk:one", "bob");
    let bob = world.only();
    world.answer(bob);
    world.hang_up(caller);
    world.assert_over();
}

fn silence() -> Cause {
    CauseKind::Timeout.into()
}

/// What the switch tells of a trunk: calls in a row without a response, and for how long it is passed over.
fn told(world: &mut World, trunk: &str) -> Option<(u32, Option<u32>)> {
    let switch = router::Address::local(router::ModuleKind::Switch, 0);
    world.ask_as_client(switch, router::Command::Query, router::one(TrunkStatus::default()));
    let answer = world.client.received.last().unwrap().parameters.clone();
    answer.into_iter().find_map(|parameter| match parameter {
        Parameter::TrunkStatus(status) if status.name == trunk => {
            let told = (status.silent, status.passed_over_s);
            (told != (None, None)).then_some((told.0.unwrap_or(0), told.1))
        }
        _ => None,
    })
}

/// A call that the first trunk leaves without a response and the second refuses.
fn silent_at_one(world: &mut World) {
    let caller = world.call("alice", "030123");
    let one = world.only();
    assert_eq!(world.target(one), "one:+4930123");
    world.refuse(one, silence());
    let two = world.only();
    world.refuse(two, Cause { code: Some(486), ..Cause::new(CauseKind::Busy) });
    assert_eq!(world.failure(caller), CauseKind::Busy);
}

#[test]
fn a_trunk_that_stays_silent_is_passed_over_and_probed_by_one_call() {
    let mut world = World::with(two_trunks());
    silent_at_one(&mut world);
    assert_eq!(told(&mut world, "one"), Some((1, None)));
    silent_at_one(&mut world);
    assert_eq!(told(&mut world, "one"), Some((2, Some(10))));
    let caller = world.call("alice", "030123");
    let two = world.only();
    assert_eq!(world.target(two), "two:004930123", "at once");
    world.hang_up(caller);
    world.run(Duration::from_secs(11));
    let probe = world.call("alice", "030123");
    let one = world.only();
    assert_eq!(world.target(one), "one:+4930123");
    let other = world.call("alice", "030123");
    let [_, two] = world.ringing()[..] else { panic!() };
    assert_eq!(world.target(two), "two:004930123", "one call probes");
    world.hang_up(other);
    world.ring(one);
    assert_eq!(told(&mut world, "one"), None, "it responds");
    world.answer(one);
    world.hang_up(probe);
    let caller = world.call("alice", "030123");
    let one = world.only();
    assert_eq!(world.target(one), "one:+4930123");
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn when_all_trunks_are_silent_they_are_tried_all_the_same() {
    let mut world = World::with(two_trunks());
    for _ in 0..3 {
        let caller = world.call("alice", "030123");
        for _ in 0..2 {
            let leg = world.only();
            world.refuse(leg, silence());
        }
        assert_eq!(world.failure(caller), CauseKind::Timeout);
    }
    assert!(told(&mut world, "one").unwrap().1.is_some() && told(&mut world, "two").unwrap().1.is_some());
    let caller = world.call("alice", "030123");
    let one = world.only();
    assert_eq!(world.target(one), "one:+4930123");
    world.answer(one);
    world.hang_up(caller);
    assert_eq!(told(&mut world, "one"), None);
    assert!(told(&mut world, "two").is_some());
    world.assert_over();
}

#[test]
fn what_a_trunk_says_is_no_silence_and_neither_is_a_telephone_that_nobody_answers() {
    let mut world = World::with(two_trunks());
    for _ in 0..3 {
        for cause in
            [Cause { code: Some(408), ..silence() }, CauseKind::Unreachable.into(), CauseKind::Congestion.into()]
        {
            let caller = world.call("alice", "030123");
            let one = world.only();
            assert_eq!(world.target(one), "one:+4930123");
            world.refuse(one, cause);
            world.hang_up(caller);
        }
        // It said 100 and rings for ever.
        let caller = world.call("alice", "030123");
        world.run(Duration::from_secs(21));
        world.hang_up(caller);
    }
    assert_eq!(told(&mut world, "one"), None);
    world.assert_over();
}

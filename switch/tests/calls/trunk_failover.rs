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
        destination: Destination::Trunks(vec![step("one", "+49"), step("two", "0049")]),
        branches: Branches::default(),
    }];
    let trunk = |name: &str| Trunk { name: name.into(), interface: [192, 0, 2, 1].into() };
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

//! Attempts that are refused before they are calls leave records.

use crate::harness::*;
use router::parameter::*;
use router::time::Duration;
use router::{Address, Instance, ModuleKind, Parameters};
use switch::Config;
use switch::limits::{REFUSALS_PER_ORIGIN_S, REFUSALS_PER_S};

fn refused(world: &mut World, id: &str, origin: Origin, kind: CauseKind) {
    let call = Call {
        id: id.to_owned(),
        origin,
        caller: Party::new("100", "example.net"),
        anonymous: false,
        called: Party::new("200", "example.net"),
        media: None,
        hops: 0,
        interface: [192, 0, 2, 1].into(),
        leg_id: "x".into(),
        verified: false,
        referred_by: None,
        placement: None,
        path: Vec::new(),
        ring_ms: None,
        passed: None,
        secure: false,
        host: None,
        early_offer: false,
        identity: None,
    };
    let told: Parameters = [Parameter::from(call), Failure::because(kind.into()).into()].into_iter().collect();
    let switch = Address::local(ModuleKind::Switch, 0);
    world.signaling.place.outbox.notify(Instance::MODULE, switch, told);
}

#[test]
fn what_the_bound_and_signaling_refuse_is_found_in_the_records() {
    let mut world = World::with(Config { calls_max: 1, ..Config::default() });
    let (caller, _) = world.connected();
    let other = world.call("carol", "bob");
    assert_eq!(world.failure(other), CauseKind::Congestion);
    refused(&mut world, "elsewhere", Origin::Trunk("carrier".into()), CauseKind::IncompatibleMedia);
    world.settle();
    world.switch.reconfigure(Config { calls_max: 0, ..Config::default() });
    let late = world.call("carol", "bob");
    assert_eq!(world.retry_after(late), Some(switch::limits::DRAINING_RETRY_S), "RFC 3261 §21.5.4");
    assert_eq!(world.failure(late), CauseKind::Administrative, "the platform is about to end");
    let of = |world: &World, id: &str| world.store.records[id].last().unwrap().1.clone();
    let full = of(&world, "call-2");
    assert_eq!((full.outcome, full.cause.clone().unwrap().kind), (Outcome::Unanswered, CauseKind::Congestion));
    assert_eq!(
        (full.caller.user(), full.called.user(), &full.origin),
        ("carol", "bob", &Origin::Account("carol".into()))
    );
    assert_eq!(full.ended, Some(full.started));
    let elsewhere = of(&world, "elsewhere");
    assert_eq!(elsewhere.cause.unwrap().kind, CauseKind::IncompatibleMedia);
    assert_eq!(elsewhere.origin, Origin::Trunk("carrier".into()));
    assert_eq!(of(&world, "call-3").cause.unwrap().kind, CauseKind::Administrative);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn a_flood_of_refused_attempts_is_counted_and_leaves_room_for_others() {
    let mut world = World::with(Config { calls_max: 1, ..Config::default() });
    let (caller, _) = world.connected();
    for one in 0..1_000 {
        refused(&mut world, &format!("loop-{one}"), Origin::Trunk("loop".into()), CauseKind::TooManyHops);
        if one % 100 == 0 {
            world.settle();
        }
    }
    world.settle();
    let other = world.call("carol", "bob");
    assert_eq!(world.failure(other), CauseKind::Congestion);
    let looped = world.store.records.keys().filter(|id| id.starts_with("loop")).count();
    assert_eq!(looped, REFUSALS_PER_ORIGIN_S as usize);
    assert!(world.store.records.contains_key("call-2"), "another one's attempt is found");
    assert_eq!(world.counter("refusals_unrecorded"), 1_000 - u64::from(REFUSALS_PER_ORIGIN_S));
    const { assert!(REFUSALS_PER_ORIGIN_S < REFUSALS_PER_S) };
    world.run(Duration::from_secs(1));
    refused(&mut world, "later", Origin::Trunk("loop".into()), CauseKind::TooManyHops);
    world.settle();
    assert!(world.store.records.contains_key("later"));
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn while_the_store_is_away_attempts_take_no_room_from_calls() {
    let mut world = World::new();
    world.store.down = true;
    for second in 0..60 {
        for one in 0..REFUSALS_PER_S {
            let origin = Origin::Account(format!("{}", one % 10).into());
            refused(&mut world, &format!("{second}-{one}"), origin, CauseKind::TooManyHops);
        }
        world.run(Duration::from_secs(1));
    }
    let waiting = 60 * u64::from(REFUSALS_PER_S) - world.counter("refusals_unrecorded");
    assert_eq!(waiting, switch::limits::REFUSALS_WAITING as u64);
    let (caller, _) = world.connected();
    world.hang_up(caller);
    world.store.down = false;
    world.assert_over();
    assert_eq!(world.counter("records_lost"), 0);
}

#[test]
fn when_a_callee_may_be_called_again_reaches_the_caller() {
    let busy = Cause { code: Some(486), ..Cause::new(CauseKind::Busy) };
    for cause in [busy, CauseKind::Congestion.into()] {
        let mut world = World::new();
        let caller = world.call("alice", "bob");
        let callee = world.only();
        world.refuse_with(callee, Failure { retry_after_s: Some(120), ..Failure::because(cause) });
        assert_eq!(world.last_answer(caller).failure().retry_after_s, Some(120));
        world.assert_over();
    }
}

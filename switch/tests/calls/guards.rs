//! What callers may do at most, and who passes all of it.

use crate::harness::*;
use router::Emergency;
use router::parameter::*;
use router::time::Duration;
use std::sync::Arc;
use switch::Config;
use switch::guard::Guard;
use switch::plan::*;
use switch::rates::RateTableBuilder;

fn guard() -> Guard {
    Guard {
        name: "phones".into(),
        origin: OriginMatch::Accounts,
        calls_max: None,
        calls_per_hour: None,
        spend_per_hour: None,
        allowed: Vec::new(),
        barred: Vec::new(),
    }
}

/// A trunk at 0.60 a minute, for everything that begins with a plus, and for the emergency number.
fn guarded(guard: Guard) -> World {
    let mut builder = RateTableBuilder::default();
    builder.add(2, "", &"out".into(), "0.6").unwrap();
    let rates = Rates { name: "all".into(), table: Arc::new(builder.build().unwrap()) };
    let by_rates = Destination::Rates { table: "all".into(), rewrite: Rewrite::NONE, timeout: None };
    let route = |name: &str, number| Route {
        name: name.into(),
        number,
        origin: OriginMatch::Any,
        hours: None,
        destination: by_rates.clone(),
        branches: Branches::default(),
    };
    let plan = Plan {
        routes: vec![
            route("world", NumberMatch::Prefix("+".into())),
            route("sos", NumberMatch::Exact("112".into())),
            route("service", NumberMatch::Prefix("urn:".into())),
        ],
        trunks: vec![Trunk { interface: [192, 0, 2, 1].into(), ..Trunk::new("out") }],
        rates: vec![rates],
        guards: vec![guard],
        emergency: Emergency::new(vec!["112".into()]),
        ..Plan::default()
    };
    plan.check().unwrap();
    World::with(Config { plan, ..Config::default() })
}

/// A call that is refused, and why its record says it was.
fn refused(world: &mut World, from: &str, to: &str) -> String {
    let caller = world.call(from, to);
    assert_eq!(world.failure(caller), CauseKind::Forbidden, "{from} {to}");
    let records = world.store.records.values().filter_map(|told| told.last());
    let (_, record) = records.max_by_key(|(_, record)| (record.started, record.id.clone())).unwrap();
    record.cause.as_ref().unwrap().text.clone().unwrap()
}

fn answered(world: &mut World, from: &str, to: &str) -> router::Instance {
    let caller = world.call(from, to);
    let leg = *world.ringing().last().unwrap();
    world.answer(leg);
    assert_eq!(world.signaling.legs[&caller].phase, LegPhase::Answered, "{from} {to}");
    caller
}

#[test]
fn each_has_so_many_calls_at_once_for_itself() {
    let mut world = guarded(Guard { calls_max: Some(2), ..guard() });
    let first = answered(&mut world, "alice", "+4930");
    let second = world.call("alice", "echo");
    assert_eq!(refused(&mut world, "alice", "bob"), "guard phones: 2 calls at once");
    let other = answered(&mut world, "carol", "+4930");
    let sos = answered(&mut world, "alice", "112");
    world.hang_up(first);
    let third = answered(&mut world, "alice", "+4930");
    for call in [second, other, sos, third] {
        world.hang_up(call);
    }
    assert_eq!(world.counter("calls_guarded"), 1);
    world.assert_over();
}

#[test]
fn so_many_calls_an_hour() {
    let mut world = guarded(Guard { calls_per_hour: Some(3), ..guard() });
    for _ in 0..3 {
        let call = answered(&mut world, "alice", "+4930");
        world.hang_up(call);
    }
    assert_eq!(refused(&mut world, "alice", "+4930"), "guard phones: 3 calls within an hour");
    for number in ["112", "urn:service:sos.police"] {
        let call = answered(&mut world, "alice", number);
        world.hang_up(call);
    }
    let trunk = answered(&mut world, "trunk:out", "bob");
    world.hang_up(trunk);
    world.run(Duration::from_secs(3_600));
    let call = answered(&mut world, "alice", "+4930");
    world.hang_up(call);
    world.assert_over();
}

#[test]
fn so_much_money_an_hour_counted_while_they_talk() {
    let mut world = guarded(Guard { spend_per_hour: Some(2_000_000), ..guard() });
    let first = answered(&mut world, "alice", "+4930");
    world.run(Duration::from_secs(130));
    // Three minutes have begun: 1.80.
    let second = answered(&mut world, "alice", "+4931");
    assert_eq!(refused(&mut world, "alice", "+4930"), "guard phones: 2.00 spent within an hour");
    let inside = answered(&mut world, "alice", "bob");
    let sos = answered(&mut world, "alice", "112");
    for call in [first, second, inside, sos] {
        world.hang_up(call);
    }
    world.run(Duration::from_secs(3_700));
    let call = answered(&mut world, "alice", "+4930");
    world.hang_up(call);
    world.assert_over();
}

#[test]
fn numbers_are_barred_by_their_beginnings_and_transfers_as_well() {
    let mut world = guarded(Guard { allowed: vec!["+49".into()], barred: vec!["+49900".into()], ..guard() });
    for number in ["+4990012", "+1212"] {
        assert_eq!(refused(&mut world, "alice", number), "guard phones: a barred number");
    }
    let caller = answered(&mut world, "alice", "+4930");
    let target = Party::new("+1212", "");
    let transfer = Transfer { target, phase: LegPhase::Trying, cause: None, referred_by: None };
    world.ask(caller, router::Command::Start, transfer);
    world.settle();
    assert_eq!(world.ringing().len(), 0, "whom she may not call nobody is sent to by her");
    world.hang_up(caller);
    let sos = answered(&mut world, "alice", "112");
    world.hang_up(sos);
    world.run(Duration::from_secs(60));
    world.assert_over();
}

/// A phone that sends a call on calls where it sends it to: its guard says whether it may, and nobody else's.
#[test]
fn numbers_that_phones_send_calls_on_to_are_guarded_as_theirs() {
    let bobs = Guard { origin: OriginMatch::Account("bob".into()), barred: vec!["+49900".into()], ..guard() };
    for (from, to, is_let) in [
        ("trunk:out", "+4990012", false),
        ("alice", "+4990012", false),
        ("alice", "+4930", true),
        ("bob", "+4990012", false),
    ] {
        let mut world = guarded(bobs.clone());
        let caller = match from {
            "bob" => world.call("bob", to),
            _ => {
                let caller = world.call(from, "bob");
                let bob = world.only();
                let cause = Cause { code: Some(302), ..Cause::new(CauseKind::Unreachable) };
                let contacts = vec![Party::new(to, "example.net")];
                world.refuse_with(bob, Failure { contacts, ..Failure::because(cause) });
                caller
            }
        };
        assert_eq!(world.ringing().len(), usize::from(is_let), "{from} {to}");
        if is_let {
            world.answer(world.only());
            world.hang_up(caller);
        } else {
            assert_eq!(world.failure(caller), CauseKind::Forbidden, "{from} {to}");
        }
        world.assert_over();
    }
    // What the caller may not call the one who sends it on may, and pays for.
    let of_alice = Guard { origin: OriginMatch::Account("alice".into()), allowed: vec!["+1".into()], ..guard() };
    let mut world = guarded(of_alice);
    let caller = world.call("alice", "bob");
    let cause = Cause { code: Some(302), ..Cause::new(CauseKind::Unreachable) };
    let contacts = vec![Party::new("+4990012", "example.net")];
    world.refuse_with(world.only(), Failure { contacts, ..Failure::because(cause) });
    assert_eq!(world.target(world.only()), "out:+4990012");
    world.hang_up(caller);
    world.assert_over();
}

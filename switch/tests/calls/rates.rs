//! Least-cost routing: by rate tables, at certain hours, with numbers as each side writes them.

use crate::harness::*;
use router::parameter::*;
use router::time::Duration;
use std::sync::Arc;
use switch::Config;
use switch::plan::*;
use switch::rates::RateTableBuilder;

fn trunk(name: &str, numbers: NumberForm) -> Trunk {
    Trunk { interface: [192, 0, 2, 1].into(), numbers, ..Trunk::new(name) }
}

fn route(name: &str, prefix: &str, destination: Destination) -> Route {
    Route {
        name: name.into(),
        number: NumberMatch::Prefix(prefix.into()),
        origin: OriginMatch::Any,
        hours: None,
        destination,
        branches: Branches::default(),
    }
}

/// Berlin costs least by `b`, the rest of Germany by `a`; `c` is for everything and dear.
fn wholesale() -> Rates {
    let mut builder = RateTableBuilder::default();
    for (line, (prefix, way, price)) in
        [("49", "a", "0.010"), ("49", "b", "0.012"), ("4930", "b", "0.004"), ("", "c", "0.5")].into_iter().enumerate()
    {
        builder.add(line as u64, prefix, &way.into(), price).unwrap();
    }
    Rates { name: "wholesale".into(), table: Arc::new(builder.build().unwrap()) }
}

fn plan() -> Plan {
    Plan {
        routes: vec![route(
            "world",
            "+",
            Destination::Rates {
                table: "wholesale".into(),
                rewrite: Rewrite::NONE,
                timeout: Some(Duration::from_secs(20)),
            },
        )],
        trunks: vec![
            trunk("a", NumberForm::E164),
            trunk("b", NumberForm::International),
            trunk("c", NumberForm::National),
        ],
        rates: vec![wholesale()],
        numbering: Numbering {
            country: "49".into(),
            international: "00".into(),
            national: "0".into(),
            area: "30".into(),
            local_digits_min: 5,
        },
        dialled: NumberForm::National,
        ..Plan::default()
    }
}

fn world(plan: Plan) -> World {
    plan.check().unwrap();
    World::with(Config { plan, ..Config::default() })
}

#[test]
fn the_least_expensive_trunk_for_a_number_is_tried_first_and_then_the_others() {
    let mut world = world(plan());
    for (dialled, targets) in [
        ("0301234567", ["b:0049301234567", "a:+49301234567", "c:0301234567"]),
        ("1234567", ["b:0049301234567", "a:+49301234567", "c:0301234567"]),
        ("0891234567", ["a:+49891234567", "b:0049891234567", "c:0891234567"]),
    ] {
        let caller = world.call("alice", dialled);
        for target in targets {
            let leg = world.only();
            assert_eq!(world.target(leg), target, "{dialled}");
            world.refuse(leg, CauseKind::PeerFailure);
        }
        assert_eq!(world.failure(caller), CauseKind::PeerFailure);
    }
    let caller = world.call("alice", "0033142685300");
    let leg = world.only();
    assert_eq!(world.target(leg), "c:0033142685300");
    world.answer(leg);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn who_calls_by_a_trunk_is_shown_as_each_side_writes_it() {
    let mut world = world(plan());
    for (called, shown) in [("bob", "0301112223"), ("0049301234567", "0049301112223")] {
        let caller = world.call("trunk:b=0049301112223", called);
        let leg = world.only();
        assert_eq!(world.signaling.legs[&leg].started.as_ref().unwrap().caller.user(), shown, "{called}");
        world.hang_up(caller);
    }
    world.assert_over();
}

#[test]
fn what_no_row_covers_is_a_number_that_nobody_has() {
    let mut builder = RateTableBuilder::default();
    builder.add(2, "49", &"a".into(), "0.01").unwrap();
    let mut plan = plan();
    plan.rates[0].table = Arc::new(builder.build().unwrap());
    let mut world = world(plan);
    let caller = world.call("alice", "0033142685300");
    assert_eq!(world.failure(caller), CauseKind::UnknownNumber);
    world.assert_over();
}

#[test]
fn a_route_is_in_force_within_its_hours_alone() {
    let open = Destination::Account("desk".into());
    let mut day = route("day", "600", open);
    day.hours = Some(Hours::new(&["mon-fri 08:00-18:00".to_owned()]).unwrap());
    let night = route("night", "600", Destination::Account("guard".into()));
    let routes = vec![day, night];
    let zone = Zone::new("Europe/Berlin").unwrap();
    let mut world = world(Plan { routes, zone: zone.clone(), ..Plan::default() });
    for name in ["desk", "guard"] {
        world.signaling.registrations.insert(name.to_owned(), vec![contact(name)]);
    }
    for _ in 0..7 * 24 {
        let local = zone.local(world.now.wall);
        let is_open = local.weekday < 5 && (8 * 60..18 * 60).contains(&local.minute);
        let caller = world.call("alice", "600");
        let leg = world.only();
        let rung = if is_open { "desk" } else { "guard" };
        assert!(world.target(leg).contains(rung), "{local:?}");
        world.hang_up(caller);
        world.run(Duration::from_secs(3_600));
    }
    world.assert_over();
}

#[test]
fn a_table_that_names_what_is_not_there_is_refused() {
    let mut lacking = plan();
    lacking.trunks.pop();
    assert_eq!(lacking.check(), Err(PlanError::UnknownWay { by: "wholesale".into(), name: "c".into() }));
    let mut lacking = plan();
    lacking.rates.clear();
    assert!(matches!(lacking.check(), Err(PlanError::UnknownRates { .. })));
}

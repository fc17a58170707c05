//! One record a call, whatever the store does.

use crate::harness::*;
use router::parameter::{Cause, CauseKind, Originate, Outcome, ResourceState};
use router::time::Duration;
use router::{Address, Command, ModuleKind, one};

#[test]
fn a_store_that_is_down_gets_the_records_later() {
    let mut world = World::new();
    world.store.down = true;
    for _ in 0..20 {
        let (caller, _) = world.connected();
        world.run(Duration::from_secs(1));
        world.hang_up(caller);
    }
    world.run(Duration::from_secs(30));
    assert!(world.store.records.is_empty());
    world.store.down = false;
    world.run(Duration::from_secs(30));
    assert_eq!(world.store.records.len(), 20);
    for writes in world.store.records.values() {
        assert_eq!(writes.len(), 1, "the completed record takes the open one's place");
        assert_eq!(writes[0].1.outcome, Outcome::Answered);
    }
    assert!(world.counter("records_repeated") > 0);
    assert_eq!(world.counter("records_lost"), 0);
    world.assert_over();
}

#[test]
fn the_store_knows_of_the_answer_while_the_call_is_up() {
    let mut world = World::new();
    let (caller, _) = world.connected();
    let up = world.now.wall;
    world.run(Duration::from_secs(1));
    let writes = &world.store.records["call-1"];
    assert_eq!(writes.len(), 2, "one more: {writes:?}");
    let (command, record) = &writes[1];
    assert_eq!((*command, record.outcome), (Command::Set, Outcome::Open));
    assert_eq!((record.ringing, record.answered, record.destination.as_deref()), (Some(up), Some(up), Some("bob")));
    world.hang_up(caller);
    assert_eq!(world.store.records["call-1"].len(), 3);
    world.assert_over();
}

#[test]
fn the_record_says_who_refused() {
    let mut world = World::new();
    world.call("alice", "bob");
    let bob = world.only();
    world.refuse(bob, Cause { code: Some(486), ..Cause::new(CauseKind::Busy) });
    assert_eq!(world.record_of("call-1").ended_by_caller, Some(false), "the callee did");
    world.call("alice", "nobody");
    assert_eq!(world.record_of("call-2").ended_by_caller, None, "nobody did");
    let switch = Address::local(ModuleKind::Switch, 0);
    world.ask_as_client(switch, Command::Start, one(Originate { from: "bob".into(), to: "carol".into() }));
    let bob = world.only();
    world.refuse(bob, Cause { code: Some(603), ..Cause::new(CauseKind::Declined) });
    let made = world.store.records.keys().find(|id| !id.starts_with("call-")).unwrap().clone();
    assert_eq!(world.record_of(&made).ended_by_caller, Some(true), "the first party did");
    world.assert_over();
}

#[test]
fn records_that_find_no_room_are_counted() {
    let mut world = World::new();
    world.store.down = true;
    let calls = switch::limits::RECORDS + 10;
    for _ in 0..calls {
        world.call("alice", "nobody");
    }
    assert_eq!(world.counter("records_lost"), 10);
    assert_eq!(world.counter("calls_failed"), calls as u64);
    let status = world.status();
    let records = status.resources.iter().find(|resource| resource.name == "records").unwrap();
    assert_eq!(records.state, ResourceState::Degraded);
    // A rate sees the first of a kind only where the series was there before.
    let series = |name: &str| status.counters.iter().filter(|counter| counter.name == name).count();
    assert_eq!((series("calls_failed"), series("calls_ended")), (CauseKind::ALL.len(), CauseKind::ALL.len()));
}

#[test]
fn the_platform_is_not_ready_while_records_wait_that_the_store_did_not_take() {
    let mut world = World::new();
    let state = |world: &mut World| {
        let status = world.status();
        status.resources.into_iter().find(|resource| resource.name == "records").map(|records| records.state)
    };
    assert_eq!(state(&mut world), Some(ResourceState::Ready));
    world.store.down = true;
    world.call("alice", "nobody");
    world.run(Duration::from_secs(30));
    assert_eq!(state(&mut world), Some(ResourceState::Degraded));
    world.store.down = false;
    world.run(Duration::from_secs(60));
    assert_eq!(state(&mut world), Some(ResourceState::Ready));
}

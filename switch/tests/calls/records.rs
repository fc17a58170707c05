//! One record a call, whatever the store does.

use crate::harness::*;
use router::parameter::Outcome;
use router::time::Duration;

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
fn records_that_find_no_room_are_counted() {
    let mut world = World::new();
    world.store.down = true;
    let calls = switch::limits::RECORDS + 10;
    for _ in 0..calls {
        world.call("alice", "nobody");
    }
    assert_eq!(world.counter("records_lost"), 10);
    assert_eq!(world.counter("calls_failed"), calls as u64);
}

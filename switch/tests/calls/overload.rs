//! A shard that does not catch up with the calls that another platform asks for.

use crate::harness::*;
use crate::platforms::{call_from_west, linked_with};
use router::parameter::{CauseKind, LegState, Party, Placement};
use router::{Command, Emergency, Instance, Packet, Transaction, one};
use switch::Config;

/// As much as a turn serves of what waits.
const TURN: usize = router::limits::BACKLOG_PER_TURN;

/// The `number`th call of the other platform.
fn asked(number: u64, to: &str) -> Packet {
    let (mut packet, mut call) = call_from_west(&format!("w-{number}"), None, vec![WEST]);
    if to == "bob" {
        call.placement = Some(Placement::Account("bob".into()));
    }
    call.called = Party::new(to, "");
    packet.source.instance = Instance(1_000 + number);
    packet.destination.instance = Instance(2_000 + number);
    Packet { transaction: Transaction(3_000 + number), parameters: one(call), ..packet }
}

fn answers(world: &mut World, command: Command) -> Vec<Packet> {
    let (these, others) = std::mem::take(&mut world.bridge.answered).into_iter().partition(|it| it.command == command);
    world.bridge.answered = others;
    these
}

#[test]
fn calls_of_another_platform_wait_and_those_of_this_one_do_not_wait_for_them() {
    let mut config = Config::default();
    config.plan.emergency = Emergency::new(vec!["112".to_owned()]);
    let mut world = linked_with(config);
    world.switch.handle_turn(world.now.instant, false);
    for number in 0..2 * TURN as u64 + 5 {
        world.bridge.send(asked(number, "bob"));
    }
    world.settle();
    assert_eq!(world.switch.calls(), 0, "they wait");
    let own = world.call("alice", "carol");
    assert_eq!(world.ringing().len(), 1, "a call of this platform's does not");
    world.bridge.send(asked(900, "112"));
    world.settle();
    assert!(world.bridge.answered.iter().any(|it| it.transaction == Transaction(3_900)), "nor does one for help");
    assert!(world.switch.serve_waiting(world.now));
    world.switch.handle_turn(world.now.instant, false);
    world.settle();
    assert_eq!(world.switch.calls(), 1 + TURN);
    // The end of one that waits finds it.
    let gone = asked(2 * TURN as u64, "bob");
    let end = one(LegState::released(CauseKind::Cancelled));
    world.bridge.send(Packet { command: Command::Stop, transaction: Transaction(1), parameters: end, ..gone });
    world.settle();
    assert_eq!(world.switch.calls(), 1 + TURN, "it came and went");
    // Too late: as many as a turn takes are served, the others refused.
    world.run_ms(250);
    answers(&mut world, Command::Failed);
    world.switch.serve_waiting(world.now);
    world.settle();
    let refused = answers(&mut world, Command::Failed);
    assert_eq!((world.switch.calls(), refused.len()), (1 + 2 * TURN, 4));
    let failure = refused[0].failure();
    assert_eq!(failure.cause.map(|cause| cause.kind), Some(CauseKind::Congestion));
    assert!(failure.retry_after_s.is_some());
    assert_eq!(world.counter("calls_from_platforms_refused_late"), 4);
    // One that is asked for again is the same call.
    world.bridge.send(Packet { transaction: Transaction(2), ..asked(0, "bob") });
    world.settle();
    world.switch.serve_waiting(world.now);
    assert_eq!(world.switch.calls(), 1 + 2 * TURN);
    world.hang_up(own);
    world.switch.hang_up_all(world.now);
    world.settle();
}

#[test]
fn calls_for_help_that_are_a_flood_wait_as_others_do() {
    let mut config = Config::default();
    config.plan.emergency = Emergency::new(vec!["112".to_owned()]);
    let mut world = linked_with(config);
    world.switch.handle_turn(world.now.instant, false);
    let (at_once, more) = (u64::from(switch::limits::URGENT_PER_S), 5);
    for number in 0..at_once + more {
        world.bridge.send(asked(number, "112"));
    }
    world.settle();
    // Nobody knows the number here.
    let begun = |world: &mut World| answers(world, Command::Failed).len() as u64;
    assert_eq!(begun(&mut world), at_once);
    world.switch.serve_waiting(world.now);
    world.settle();
    assert_eq!(begun(&mut world), more);
}

//! What a callee says on the way, beyond that it rings.

use crate::harness::*;
use router::Command;
use router::parameter::*;

fn said(phase: LegPhase, code: u16) -> LegState {
    LegState { cause: Some(Cause { code: Some(code), ..Cause::new(CauseKind::Normal) }), ..LegState::new(phase) }
}

/// The phases and codes that the caller was told, `Trying` apart.
fn told(world: &World, caller: router::Instance) -> Vec<(LegPhase, Option<u16>)> {
    let answers = world.signaling.answers.iter().filter(|(leg, ..)| *leg == caller);
    answers
        .filter_map(|(_, _, packet)| match (packet.command, packet.first()) {
            (Command::Progress, Some(Parameter::LegState(state))) => {
                Some((state.phase, state.cause.as_ref().and_then(|cause| cause.code)))
            }
            _ => None,
        })
        .skip(1)
        .collect()
}

#[test]
fn forwarded_queued_and_in_progress_are_passed_on_once_each() {
    let mut world = World::new();
    let caller = world.call("alice", "bob");
    let callee = world.only();
    for code in [181, 182, 182, 183] {
        world.progress(callee, said(LegPhase::Trying, code));
    }
    assert_eq!(world.counter("calls_answered"), 0);
    world.ring(callee);
    world.progress(callee, said(LegPhase::Ringing, 182));
    let expected = [
        (LegPhase::Trying, Some(181)),
        (LegPhase::Trying, Some(182)),
        (LegPhase::Trying, Some(183)),
        (LegPhase::Ringing, None),
        (LegPhase::Ringing, Some(182)),
    ];
    assert_eq!(told(&world, caller), expected);
    world.answer(callee);
    world.hang_up(caller);
    assert!(world.record().ringing.is_some());
    world.assert_over();
}

#[test]
fn a_queue_is_not_a_telephone_that_rings() {
    let mut world = World::new();
    let caller = world.call("alice", "bob");
    let callee = world.only();
    world.progress(callee, said(LegPhase::Trying, 182));
    world.hang_up(caller);
    assert_eq!(world.record().ringing, None);
    world.assert_over();
}

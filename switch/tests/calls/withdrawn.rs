//! Offers in mid-call that come to nothing after the switch has taken them up: cancelled, too late, not to be sent. Both legs
//! return to what they agreed before (RFC 3264 §8), in whatever order things happen.

use crate::harness::*;
use router::parameter::*;
use router::{Command, Instance};

/// A call whose legs' offers the test answers itself.
fn by_hand() -> (World, Instance, Instance) {
    let mut world = World::new();
    let (caller, callee) = world.connected();
    world.signaling.answers_sets = false;
    (world, caller, callee)
}

fn withdraw(world: &mut World, leg: Instance) {
    let state = LegState { cause: Some(CauseKind::Cancelled.into()), ..LegState::new(LegPhase::Answered) };
    world.ask(leg, Command::Set, state);
}

/// The offer that waits for the test's answer goes to `leg`; it is answered.
fn answer_set(world: &mut World, leg: Instance) {
    assert_eq!(world.signaling.sets.len(), 1);
    let set = world.signaling.sets.remove(0);
    assert_eq!(set.destination.instance, leg);
    let Some(Parameter::LegState(state)) = set.first().cloned() else { panic!() };
    world.signaling.answer_set(set, &state);
    world.settle();
}

fn refuse_set(world: &mut World, kind: CauseKind) {
    let set = world.signaling.sets.remove(0);
    world.signaling.failed(&set, Failure::because(kind.into()));
    world.settle();
}

/// What the ports of both legs do, generations apart.
fn plans(world: &World) -> [MediaPlan; 2] {
    [0, 1].map(|port| MediaPlan { generation: 0, ..world.plan(port).clone() })
}

/// As [`plans`], without where the callee receives: the scripted peer moves with each answer of its own.
fn agreed(world: &World) -> [MediaPlan; 2] {
    plans(world).map(|plan| MediaPlan { remote_rtp: None, remote_rtcp: None, ..plan })
}

fn over(mut world: World, caller: Instance) {
    world.signaling.answers_sets = true;
    assert!(world.signaling.sets.is_empty(), "an offer waits");
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn a_hold_that_is_taken_back_before_the_other_leg_answers() {
    let (mut world, caller, callee) = by_hand();
    let before = agreed(&world);
    world.offer(caller, &[pcmu(), events()], Direction::SendOnly);
    withdraw(&mut world, caller);
    assert_eq!(world.failure(caller), CauseKind::Cancelled, "nobody waits for the answer");
    assert_eq!(world.signaling.taken_back, [callee], "nor is its user asked any longer");
    answer_set(&mut world, callee);
    // It has agreed to be held: it is retrieved.
    assert_eq!(direction(world.signaling.legs[&callee].heard.as_ref()), Some(Direction::SendReceive));
    answer_set(&mut world, callee);
    assert_eq!(agreed(&world), before);
    over(world, caller);
}

#[test]
fn a_hold_that_is_taken_back_and_refused_by_the_other_leg() {
    let (mut world, caller, _) = by_hand();
    let before = plans(&world);
    world.offer(caller, &[pcmu(), events()], Direction::SendOnly);
    withdraw(&mut world, caller);
    refuse_set(&mut world, CauseKind::PeerFailure);
    assert_eq!(plans(&world), before);
    over(world, caller);
}

#[test]
fn a_hold_that_is_taken_back_when_the_answer_is_on_its_way() {
    let (mut world, caller, callee) = by_hand();
    let before = agreed(&world);
    world.offer(caller, &[pcmu(), events()], Direction::SendOnly);
    answer_set(&mut world, callee);
    assert_ne!(agreed(&world), before);
    withdraw(&mut world, caller);
    assert_eq!(world.plan(0).remote_rtp.unwrap().port(), 4000, "where it received before");
    answer_set(&mut world, callee);
    assert_eq!(agreed(&world), before);
    over(world, caller);
}

#[test]
fn another_address_that_is_taken_back() {
    let (mut world, caller, _) = by_hand();
    let (before, generation) = (plans(&world), world.plan(0).generation);
    world.offer(caller, &[pcmu(), events()], Direction::SendReceive);
    assert_ne!(plans(&world), before);
    withdraw(&mut world, caller);
    assert_eq!(plans(&world), before);
    assert_eq!(world.plan(0).generation, generation + 2, "its source is learned anew");
    over(world, caller);
}

#[test]
fn other_codecs_that_are_taken_back_before_and_after_the_answer() {
    for answered_first in [false, true] {
        let mut world = World::new();
        let both = [pcmu(), pcma()];
        let caller = world.call_with("alice", "bob", Some(audio(4000, &[pcmu()], Direction::SendReceive)));
        let callee = world.only();
        world.answer_with(callee, &both);
        world.signaling.legs.get_mut(&callee).unwrap().codecs = both.to_vec();
        world.signaling.answers_sets = false;
        let before = agreed(&world);
        world.offer(caller, &[pcma()], Direction::SendReceive);
        if answered_first {
            answer_set(&mut world, callee);
            withdraw(&mut world, caller);
        } else {
            withdraw(&mut world, caller);
            answer_set(&mut world, callee);
        }
        answer_set(&mut world, callee);
        assert_eq!(agreed(&world), before, "answered first: {answered_first}");
        over(world, caller);
    }
}

#[test]
fn an_offer_that_was_refused_and_is_taken_back_too_changes_nothing() {
    let (mut world, caller, _) = by_hand();
    world.offer(caller, &[pcmu(), events()], Direction::SendReceive);
    let before = plans(&world);
    // What the switch refuses is not agreed; the one before stays.
    world.offer(caller, &[opus()], Direction::SendReceive);
    refuse_set(&mut world, CauseKind::IncompatibleMedia);
    assert_eq!(world.failure(caller), CauseKind::IncompatibleMedia);
    withdraw(&mut world, caller);
    withdraw(&mut world, caller);
    assert_eq!(plans(&world), before);
    over(world, caller);
}

#[test]
fn an_offer_that_is_taken_back_while_the_other_leg_is_being_aligned() {
    let (mut world, caller, callee) = by_hand();
    let before = agreed(&world);
    world.offer(caller, &[pcmu(), events()], Direction::SendOnly);
    answer_set(&mut world, callee);
    withdraw(&mut world, caller);
    // The offer that retrieves the callee is out; the caller holds again, and takes that back too.
    world.offer(caller, &[pcmu(), events()], Direction::Inactive);
    assert_eq!(world.failure(caller), CauseKind::Glare);
    withdraw(&mut world, caller);
    answer_set(&mut world, callee);
    assert_eq!(agreed(&world), before);
    over(world, caller);
}

#[test]
fn the_wish_for_an_offer_that_is_taken_back() {
    let (mut world, caller, _) = by_hand();
    let before = plans(&world);
    world.ask(caller, Command::Set, LegState::new(LegPhase::Answered));
    assert!(matches!(world.described(caller), Some(MediaExchange::Offer(_))));
    withdraw(&mut world, caller);
    assert_eq!(plans(&world), before);
    // The call can negotiate again.
    world.offer(caller, &[pcmu(), events()], Direction::SendReceive);
    assert_eq!(world.last_answer(caller).command, Command::Done);
    over(world, caller);
}

#[test]
fn an_offer_that_is_taken_back_after_the_other_side_has_gone() {
    let (mut world, caller, callee) = by_hand();
    world.offer(caller, &[pcmu(), events()], Direction::SendOnly);
    world.hang_up(callee);
    withdraw(&mut world, caller);
    world.signaling.sets.clear();
    world.assert_over();
}

#[test]
fn a_hold_of_the_callee_that_is_taken_back() {
    let (mut world, caller, callee) = by_hand();
    let before = agreed(&world);
    world.offer(callee, &[pcmu(), events()], Direction::Inactive);
    answer_set(&mut world, caller);
    withdraw(&mut world, callee);
    answer_set(&mut world, caller);
    assert_eq!(agreed(&world), before);
    over(world, caller);
}

//! Hold, retrieve, other codecs, another address, and offers that cross.

use crate::harness::*;
use router::Command;
use router::parameter::*;
use router::time::Duration;

/// A call whose legs' offers the test answers itself.
fn by_hand() -> (World, router::Instance, router::Instance) {
    let mut world = World::new();
    let (caller, callee) = world.connected();
    world.signaling.answers_sets = false;
    (world, caller, callee)
}

fn refuse_set(world: &mut World, kind: CauseKind) {
    let set = world.signaling.sets.remove(0);
    world.signaling.failed(&set, Failure::because(kind.into()));
    world.settle();
}

fn answer_set(world: &mut World) {
    let set = world.signaling.sets.remove(0);
    let Some(Parameter::LegState(state)) = set.first().cloned() else { panic!() };
    world.signaling.answer_set(set, &state);
    world.settle();
}

#[test]
fn hold_and_retrieve_in_every_order() {
    // Each step: which side, and which way it wants it to flow.
    use Direction::{Inactive, ReceiveOnly, SendOnly, SendReceive};
    for first in [SendOnly, Inactive, ReceiveOnly] {
        for second in [SendOnly, Inactive] {
            for caller_retrieves_first in [true, false] {
                let mut world = World::new();
                let (caller, callee) = world.connected();
                world.offer(caller, &[pcmu(), events()], first);
                assert_eq!(direction(world.described(caller).as_ref()), Some(first.mirrored()));
                assert_eq!(direction(world.signaling.legs[&callee].heard.as_ref()), Some(first), "passed on");
                assert_eq!(world.plan(0).silence_limit_ms, None);
                world.offer(callee, &[pcmu(), events()], second);
                assert_eq!(
                    direction(world.described(callee).as_ref()),
                    Some(second.mirrored().and(first)),
                    "the other one still holds"
                );
                let order = if caller_retrieves_first { [caller, callee] } else { [callee, caller] };
                for leg in order {
                    world.offer(leg, &[pcmu(), events()], SendReceive);
                }
                assert!(world.plan(0).sends && world.plan(0).receives);
                assert!(world.plan(1).sends && world.plan(1).receives);
                assert_eq!(world.plan(0).silence_limit_ms, Some(60_000));
                world.hang_up(caller);
                world.assert_over();
            }
        }
    }
}

#[test]
fn a_held_party_is_not_silent_by_fault() {
    let mut world = World::new();
    let (caller, _) = world.connected();
    world.offer(caller, &[pcmu(), events()], Direction::SendOnly);
    world.media_event(1, MediaEventKind::Silent);
    assert_eq!(world.switch.calls(), 1);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn another_address_is_answered_at_once() {
    let (mut world, caller, _) = by_hand();
    let generation = world.plan(0).generation;
    world.offer(caller, &[pcmu(), events()], Direction::SendReceive);
    assert!(world.signaling.sets.is_empty(), "the other leg need not know");
    assert_eq!(world.last_answer(caller).command, Command::Done);
    assert_eq!(world.plan(0).remote_rtp.unwrap().port(), 4500);
    assert_eq!(world.plan(0).generation, generation + 1);
    assert_eq!(world.plan(1).generation, generation);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn other_codecs_are_the_other_legs_to_decide() {
    let (mut world, caller, callee) = by_hand();
    world.signaling.legs.get_mut(&callee).unwrap().codecs = vec![opus()];
    world.offer(caller, &[opus()], Direction::SendReceive);
    assert_eq!(world.signaling.sets.len(), 1);
    answer_set(&mut world);
    assert_eq!(codec_names(world.described(caller).as_ref()), ["opus"]);
    assert_eq!(world.plan(0).codecs[0].name, "opus");
    assert_eq!(world.plan(1).codecs[0].name, "opus");
    // A refusal leaves all as it was.
    world.offer(caller, &[pcma()], Direction::SendReceive);
    refuse_set(&mut world, CauseKind::IncompatibleMedia);
    assert_eq!(world.failure(caller), CauseKind::IncompatibleMedia);
    assert_eq!(world.plan(0).codecs[0].name, "opus");
    // What cannot be served at all is refused without asking anybody.
    let mut fax = audio(4700, &[pcmu()], Direction::SendReceive);
    fax.streams[0].kind = MediaKind::Image;
    fax.streams[0].transport = MediaTransport::Udptl;
    let state = LegState::new(LegPhase::Answered).with_media(Some(MediaExchange::Offer(fax)));
    world.ask(caller, Command::Set, state);
    assert_eq!(world.failure(caller), CauseKind::IncompatibleMedia);
    assert!(world.signaling.sets.is_empty());
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn a_hold_that_the_other_leg_refuses_is_a_hold_all_the_same() {
    let (mut world, caller, _) = by_hand();
    world.offer(caller, &[pcmu(), events()], Direction::SendOnly);
    refuse_set(&mut world, CauseKind::PeerFailure);
    assert_eq!(direction(world.described(caller).as_ref()), Some(Direction::ReceiveOnly));
    assert!(!world.plan(0).sends, "the caller is sent nothing");
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn the_old_hold_is_passed_on_as_sendonly() {
    let mut world = World::new();
    let (caller, callee) = world.connected();
    // Whoever reads `c=0.0.0.0` says that it does not receive.
    let mut hold = audio(4500, &[pcmu(), events()], Direction::SendOnly);
    hold.streams[0].rtp = Some("0.0.0.0:4500".parse().unwrap());
    let state = LegState::new(LegPhase::Answered).with_media(Some(MediaExchange::Offer(hold)));
    world.ask(caller, Command::Set, state);
    assert_eq!(direction(world.signaling.legs[&callee].heard.as_ref()), Some(Direction::SendOnly));
    assert_eq!(world.plan(0).remote_rtp, None);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn offers_that_cross_are_glare() {
    let (mut world, caller, callee) = by_hand();
    world.offer(caller, &[pcmu(), events()], Direction::SendOnly);
    world.offer(callee, &[pcmu(), events()], Direction::SendOnly);
    assert_eq!(world.failure(callee), CauseKind::Glare);
    refuse_set(&mut world, CauseKind::Glare);
    assert_eq!(direction(world.described(caller).as_ref()), Some(Direction::ReceiveOnly));
    // Later it goes through.
    world.offer(callee, &[pcmu(), events()], Direction::SendOnly);
    answer_set(&mut world);
    assert_eq!(world.last_answer(callee).command, Command::Done);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn a_retrieve_that_meets_the_other_leg_s_own_offer_reaches_it_once_that_is_over() {
    use Direction::{Inactive, ReceiveOnly, SendOnly, SendReceive};
    let codecs = [pcmu(), events()];
    for its_own_comes_again in [None, Some(Inactive)] {
        for caller_retrieves in [true, false] {
            let (mut world, caller, callee) = by_hand();
            let (holder, held) = if caller_retrieves { (caller, callee) } else { (callee, caller) };
            world.offer(holder, &codecs, SendOnly);
            answer_set(&mut world);
            world.offer(holder, &codecs, SendReceive);
            world.offer(held, &codecs, its_own_comes_again.unwrap_or(SendReceive));
            assert_eq!(world.failure(held), CauseKind::Glare);
            refuse_set(&mut world, CauseKind::Glare);
            assert_eq!(direction(world.described(holder).as_ref()), Some(ReceiveOnly), "as it stands");
            assert!(world.signaling.sets.is_empty(), "RFC 3261 §14.1: not at once");
            if let Some(direction) = its_own_comes_again {
                world.offer(held, &codecs, direction);
                while !world.signaling.sets.is_empty() {
                    answer_set(&mut world);
                }
            }
            world.signaling.answers_sets = true;
            world.run(Duration::from_secs(5));
            if its_own_comes_again == Some(Inactive) {
                assert_eq!(direction(world.described(held).as_ref()), Some(Inactive), "it is what it wants itself");
                world.offer(held, &codecs, SendReceive);
                assert_eq!(direction(world.described(held).as_ref()), Some(SendReceive));
            } else {
                assert_eq!(direction(world.signaling.legs[&held].heard.as_ref()), Some(SendReceive), "it is told");
            }
            for port in [0, 1] {
                let plan = world.plan(port);
                assert!(plan.sends && plan.receives, "{its_own_comes_again:?} {caller_retrieves}: port {port}");
            }
            world.hang_up(caller);
            world.assert_over();
        }
    }
}

#[test]
fn the_call_ends_while_an_offer_is_out() {
    for from_caller in [true, false] {
        let (mut world, caller, callee) = by_hand();
        world.offer(caller, &[pcmu(), events()], Direction::SendOnly);
        world.hang_up(if from_caller { caller } else { callee });
        let set = world.signaling.sets.remove(0);
        world.signaling.failed(&set, Failure::new(Reason::NotFound));
        world.assert_over();
    }
}

#[test]
fn an_offer_that_nobody_answers_expires() {
    let (mut world, caller, callee) = by_hand();
    world.offer(caller, &[pcma()], Direction::SendReceive);
    world.run(Duration::from_secs(36));
    assert_eq!(world.failure(caller), CauseKind::Timeout);
    // Whether the callee took it is not known: it is told what holds.
    assert_eq!(world.signaling.sets.len(), 2);
    assert_eq!(codec_names(world.signaling.legs[&callee].heard.as_ref()), ["PCMU", "telephone-event"]);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn before_the_answer_nobody_offers_anew() {
    let mut world = World::new();
    let caller = world.call("alice", "bob");
    world.offer(caller, &[pcmu()], Direction::SendReceive);
    assert_eq!(world.failure(caller), CauseKind::Glare);
    let answer = MediaExchange::Answer(audio(1, &[pcmu()], Direction::SendReceive));
    world.ask(caller, Command::Set, LegState::new(LegPhase::Answered).with_media(Some(answer)));
    assert_eq!(world.last_answer(caller).failure().reason, Reason::Invalid);
    world.ask(caller, Command::Set, Status::default());
    assert_eq!(world.last_answer(caller).failure().reason, Reason::Unsupported);
    world.hang_up(caller);
    world.assert_over();
}

//! A call that the operator makes.

use crate::harness::*;
use router::parameter::*;
use router::{Address, Command, Instance, ModuleKind, one};

fn originate(world: &mut World, from: &str, to: &str) {
    let switch = Address::local(ModuleKind::Switch, 0).at(Instance(77));
    world.ask_as_client(switch, Command::Start, one(Originate { from: from.into(), to: to.into() }));
}

#[test]
fn the_first_party_then_the_second() {
    let mut world = World::new();
    originate(&mut world, "alice", "bob");
    assert_eq!(world.client.received[0].command, Command::Progress);
    let alice = world.only();
    let offer = world.signaling.legs[&alice].started.as_ref().unwrap().media.clone();
    assert_eq!(codec_names(offer.as_ref()), ["PCMA", "PCMU", "G722", "opus", "telephone-event"]);
    assert_eq!(world.signaling.legs[&alice].started.as_ref().unwrap().caller.user(), "bob");
    world.ring(alice);
    world.answer_with(alice, &[pcmu(), pcma()]);
    let bob = world.only();
    assert_eq!(world.signaling.legs[&bob].started.as_ref().unwrap().caller.user(), "alice");
    assert_eq!(codec_names(world.signaling.legs[&bob].started.as_ref().unwrap().media.as_ref()), ["PCMA", "PCMU"]);
    world.ring(bob);
    world.answer_with(bob, &[pcmu()]);
    assert_eq!(world.session().bridge, Some((0, 1)));
    assert_eq!(codec_names(world.signaling.legs[&alice].heard.as_ref()), ["PCMU"], "brought to what bob chose");
    let last = world.client.received.last().unwrap();
    assert_eq!(last.command, Command::Done);
    assert!(matches!(last.first(), Some(Parameter::CallSummary(call)) if call.phase == CallPhase::Talking));
    // The same request again.
    originate(&mut world, "alice", "bob");
    assert_eq!(world.client.received.last().unwrap().command, Command::Done);
    assert_eq!(world.switch.calls(), 1);
    world.hang_up(alice);
    assert_eq!(world.record().ended_by_caller, Some(true));
    world.assert_over();
}

#[test]
fn either_may_not_be_there() {
    let mut world = World::new();
    originate(&mut world, "dave", "bob");
    assert_eq!(world.client.received.last().unwrap().failure().cause.unwrap().kind, CauseKind::Unreachable);
    originate(&mut world, "alice", "dave");
    let alice = world.only();
    world.answer(alice);
    assert_eq!(world.client.received.last().unwrap().failure().cause.unwrap().kind, CauseKind::Unreachable);
    assert_eq!(world.signaling.legs[&alice].phase, LegPhase::Released);
    originate(&mut world, "echo", "alice");
    assert_eq!(world.client.received.last().unwrap().command, Command::Failed, "a service calls nobody");
    originate(&mut world, "", "alice");
    assert_eq!(world.client.received.last().unwrap().failure().reason, Reason::Invalid);
    world.assert_over();
}

#[test]
fn the_second_party_may_be_a_service() {
    let mut world = World::new();
    originate(&mut world, "alice", "echo");
    let alice = world.only();
    world.answer_with(alice, &[pcma()]);
    assert_eq!(world.session().builtin, Some((0, BuiltinKind::Echo)));
    world.hang_up(alice);
    world.assert_over();
}

#[test]
fn the_first_party_hangs_up_while_the_second_rings() {
    let mut world = World::new();
    originate(&mut world, "alice", "bob");
    let alice = world.only();
    world.answer(alice);
    let bob = world.only();
    world.offer(alice, &[pcmu()], Direction::SendReceive);
    assert_eq!(world.last_answer(alice).command, Command::Done, "offers are answered while nobody is there yet");
    world.ring(bob);
    world.hang_up(alice);
    assert_eq!(world.signaling.legs[&bob].phase, LegPhase::Released);
    assert_eq!(world.client.received.last().unwrap().command, Command::Failed);
    world.assert_over();
}

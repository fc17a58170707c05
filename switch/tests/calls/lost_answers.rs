//! Every request of the switch, one after another, is lost, refused as busy, or answered late: whatever it was, the call ends,
//! nothing is left, the record is written.

use crate::harness::*;
use router::parameter::*;
use router::time::Duration;
use router::{Address, Command, Instance, ModuleKind, one};

type Scenario = fn(&mut World);

fn talk_hold_transfer(world: &mut World) {
    world.signaling.registrations.insert("bob".into(), vec![contact("desk"), contact("mobile")]);
    let offer = audio(4000, &[pcmu(), pcma()], Direction::SendReceive);
    let caller = world.call_with("alice", "bob", Some(offer));
    world.run_ms(3_000);
    if let Some(&leg) = world.ringing().first() {
        let answer = MediaExchange::Answer(audio(8000, &[pcma()], Direction::SendReceive));
        world.progress(leg, LegState::new(LegPhase::Early).with_media(Some(answer)));
    }
    world.run_ms(1_000);
    let Some(&callee) = world.ringing().last() else { return world.hang_up(caller) };
    world.answer_with(callee, &[pcmu()]);
    world.run_ms(6_000);
    if world.signaling.legs[&caller].phase == LegPhase::Answered {
        world.offer(caller, &[pcmu(), pcma()], Direction::SendOnly);
        world.run_ms(3_000);
    }
    if world.signaling.legs[&caller].phase == LegPhase::Answered {
        let target = Party::new("carol", "");
        let transfer = Transfer { target, phase: LegPhase::Trying, cause: None, referred_by: None };
        world.ask(caller, Command::Start, transfer);
        world.run_ms(3_000);
    }
    if let Some(&carol) = world.ringing().first() {
        world.ring(carol);
        world.answer_with(carol, &[pcma()]);
    }
    world.run_ms(10_000);
    for leg in [caller, callee] {
        world.hang_up(leg);
    }
}

fn operator(world: &mut World) {
    let switch = Address::local(ModuleKind::Switch, 0).at(Instance(77));
    world.ask_as_client(switch, Command::Start, one(Originate { from: "alice".into(), to: "bob".into() }));
    world.run_ms(3_000);
    for codecs in [[pcmu()], [pcmu()]] {
        if let Some(&leg) = world.ringing().first() {
            world.ring(leg);
            world.answer_with(leg, &codecs);
        }
        world.run_ms(3_000);
    }
    world.switch.hang_up_all(world.now);
}

fn offerless(world: &mut World) {
    let caller = world.call_with("alice", "bob", None);
    world.run_ms(3_000);
    if let Some(&leg) = world.ringing().first() {
        world.answer(leg);
    }
    world.run_ms(3_000);
    if world.signaling.legs[&caller].phase == LegPhase::Answered {
        let answer = MediaExchange::Answer(audio(4000, &[pcmu()], Direction::SendReceive));
        world.ask(caller, Command::Set, LegState::new(LegPhase::Answered).with_media(Some(answer)));
    }
    world.run_ms(10_000);
    world.hang_up(caller);
}

fn service(world: &mut World) {
    let caller = world.call("alice", "echo");
    world.run_ms(10_000);
    world.hang_up(caller);
}

fn sweep(scenario: Scenario) {
    let faults = [Fault::Lost, Fault::Busy, Fault::Late(Duration::from_secs(1)), Fault::Late(Duration::from_secs(45))];
    for fault in faults {
        for step in 1.. {
            let mut world = World::new();
            world.faults.borrow_mut().at = Some((step, Some(fault)));
            scenario(&mut world);
            world.run(Duration::from_secs(120));
            let reached = world.faults.borrow().seen >= step;
            // Legs that signaling was never told of end by themselves there.
            world.assert_over();
            if !reached {
                break;
            }
        }
    }
}

#[test]
fn at_each_step_of_a_call_that_forks_holds_and_transfers() {
    sweep(talk_hold_transfer);
}

#[test]
fn at_each_step_of_a_call_that_the_operator_makes() {
    sweep(operator);
}

#[test]
fn at_each_step_of_a_call_without_offer() {
    sweep(offerless);
}

#[test]
fn at_each_step_of_a_service() {
    sweep(service);
}

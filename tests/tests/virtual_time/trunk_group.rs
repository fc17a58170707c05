//! Trunks that share calls, their bounds and their health.

use crate::trunk_failover::configured;
use crate::{ms, secs};
use scenarios::simulation::PhoneIndex;
use scenarios::trunk::{address, known, peer};
use scenarios::{Behaviour, Conditions, Ending, PlatformConfig, Simulation, Step};
use switch::plan::{Destination, Pattern, Rewrite, TrunkGroup, TrunkMember, Way};

/// Alice, and trunks `one`, `two`… which share what begins with 0, with these priorities and weights.
fn sharing<const N: usize>(
    seed: u64,
    members: [(u32, u32); N],
    behaviours: [Behaviour; N],
    change: impl FnOnce(&mut PlatformConfig),
) -> (Simulation, PhoneIndex, [PhoneIndex; N]) {
    let names: Vec<String> = (1..=N).map(|number| format!("trunk{number}")).collect();
    let trunks = names.iter().zip(1..).map(|(name, number)| known(name, address(number))).collect();
    let mut config = configured(trunks);
    let member =
        |(trunk, &(priority, weight)): (&String, &(u32, u32))| TrunkMember { trunk: trunk.clone(), priority, weight };
    let group = TrunkGroup { name: "all".into(), members: names.iter().zip(&members).map(member).collect() };
    config.switch.plan.trunk_groups.push(group);
    if let Destination::Trunks(steps) = &mut config.switch.plan.routes[0].destination {
        steps.truncate(1);
        steps[0].trunk = Way::Group("all".into());
    }
    change(&mut config);
    let mut simulation = Simulation::with(seed, config);
    let server = simulation.server();
    let mut number = 0;
    let peers = behaviours.map(|behaviour| {
        number += 1;
        simulation.add(peer(&names[number - 1], address(number as u8), server, behaviour))
    });
    let alice = simulation.add_registered("alice");
    (simulation, alice, peers)
}

/// A call that is answered and ended, or fails: how it ended where it was not answered.
fn call(simulation: &mut Simulation, alice: PhoneIndex) -> Option<Ending> {
    let call = simulation.tell(alice).dial("030123");
    simulation.run_until(secs(40), |simulation| {
        let call = simulation.phone(alice).call(call);
        call.is_up() || call.ending.is_some()
    });
    if !simulation.phone(alice).call(call).is_up() {
        return simulation.phone(alice).call(call).ending;
    }
    simulation.run(ms(200));
    simulation.tell(alice).step(call, Step::HangUp);
    simulation.run(ms(500));
    None
}

fn calls(simulation: &Simulation, trunk: PhoneIndex) -> usize {
    simulation.phone(trunk).calls().len()
}

#[test]
fn weights_share_calls_and_a_lower_priority_waits() {
    let behaviours = [Behaviour::default(), Behaviour::default(), Behaviour::default()];
    let (mut simulation, alice, [big, small, spare]) = sharing(1, [(1, 75), (1, 25), (2, 1)], behaviours, |_| ());
    for trunk in [big, small] {
        simulation.set_line(trunk, Conditions::rough(50));
    }
    for _ in 0..40 {
        assert_eq!(call(&mut simulation, alice), None);
    }
    simulation.calm();
    assert_eq!((calls(&simulation, big) + calls(&simulation, small), calls(&simulation, spare)), (40, 0));
    assert!((3..18).contains(&calls(&simulation, small)), "a quarter: {}", calls(&simulation, small));
    simulation.run(secs(5));
    simulation.finish();
}

#[test]
fn what_one_trunk_may_not_take_a_second_goes_to_the_next() {
    let behaviours = [Behaviour::default(), Behaviour::default()];
    let (mut simulation, alice, [first, second]) = sharing(2, [(1, 1), (2, 1)], behaviours, |config| {
        config.signaling.trunks[0].calls_per_s = Some(1);
    });
    let all: Vec<_> = (0..4).map(|_| simulation.tell(alice).dial("030123")).collect();
    simulation.run(secs(4));
    assert!(all.iter().all(|&call| simulation.phone(alice).call(call).is_up()));
    assert_eq!((calls(&simulation, first), calls(&simulation, second)), (1, 3));
    for call in all {
        simulation.tell(alice).step(call, Step::HangUp);
    }
    simulation.run(secs(5));
    simulation.finish();
}

#[test]
fn a_trunk_that_fails_half_of_its_calls_is_passed_over_and_tried_again() {
    let behaviours = [Behaviour::rejects(500), Behaviour::default()];
    let (mut simulation, alice, [first, second]) = sharing(3, [(1, 1), (2, 1)], behaviours, |_| ());
    for _ in 0..12 {
        assert_eq!(call(&mut simulation, alice), None, "the other one takes it");
    }
    assert_eq!((calls(&simulation, first), calls(&simulation, second)), (8, 12));
    simulation.run(secs(10));
    assert_eq!(call(&mut simulation, alice), None);
    assert_eq!(calls(&simulation, first), 9, "it is tried again");
    simulation.run(secs(5));
    simulation.finish();
}

#[test]
fn a_trunk_that_leaves_options_unanswered_is_passed_over_before_any_call_finds_out() {
    let behaviours = [Behaviour::default(), Behaviour::default()];
    let (mut simulation, alice, [first, second]) = sharing(4, [(1, 1), (2, 1)], behaviours, |config| {
        config.signaling.trunks[0].options = Some(secs(30));
    });
    simulation.run(secs(40));
    simulation.set_line(first, Conditions::DEAD);
    simulation.run(secs(120));
    let begun = simulation.now().instant;
    assert_eq!(call(&mut simulation, alice), None);
    assert!(simulation.now().instant.since(begun) < secs(3), "no call waits for it");
    assert_eq!((calls(&simulation, first), calls(&simulation, second)), (0, 1));
    simulation.set_line(first, Conditions::LOCAL);
    simulation.run(secs(60));
    assert_eq!(call(&mut simulation, alice), None);
    assert_eq!((calls(&simulation, first), calls(&simulation, second)), (1, 1));
    simulation.run(secs(5));
    simulation.finish();
}

#[test]
fn a_trunk_that_is_asked_often_is_found_silent_within_two_rounds_of_its_interval_and_its_time_to_answer() {
    let behaviours = [Behaviour::default(), Behaviour::default()];
    let (mut simulation, alice, [first, second]) = sharing(6, [(1, 1), (2, 1)], behaviours, |config| {
        config.signaling.trunks[0].options = Some(secs(5));
    });
    simulation.run(secs(30));
    simulation.set_line(first, Conditions::DEAD);
    simulation.run(secs(20));
    let begun = simulation.now().instant;
    assert_eq!(call(&mut simulation, alice), None);
    assert!(simulation.now().instant.since(begun) < secs(3), "no call waits for it");
    assert_eq!((calls(&simulation, first), calls(&simulation, second)), (0, 1));
}

#[test]
fn the_caller_s_number_is_shown_as_a_trunk_is_to_see_it() {
    let (mut simulation, alice, [one]) = sharing(5, [(1, 1)], [Behaviour::default()], |config| {
        let pattern = Pattern::new("^alice$").expect("a pattern");
        let rewrite = Rewrite { replace: Some((pattern, "+49301234".to_owned())), ..Rewrite::NONE };
        config.switch.plan.trunks[0].caller = Some(rewrite);
    });
    assert_eq!(call(&mut simulation, alice), None);
    let (from, asserted) = &simulation.call(one).shown;
    assert!(from.contains("sip:+49301234@"), "{from}");
    assert!(asserted.as_ref().is_some_and(|asserted| asserted.contains("sip:+49301234@")), "{asserted:?}");
    simulation.run(secs(5));
    simulation.finish();
}

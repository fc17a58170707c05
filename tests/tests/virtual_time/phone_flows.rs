//! A phone that keeps two flows (RFC 5626): two addresses, one telephone. It rings once, and by the other flow where one has died.

use crate::secs;
use scenarios::simulation::PhoneIndex;
use scenarios::{Behaviour, Conditions, PlatformConfig, Simulation, Step};

const PHONE: &str = "urn:uuid:00000000-0000-1000-8000-000a95a0e128";

/// Bob, and both flows of Alice's phone; the second was made last, so that calls come by it.
fn two_flows(seed: u64, shards: u8) -> (Simulation, PhoneIndex, [PhoneIndex; 2]) {
    let mut simulation = Simulation::with(seed, PlatformConfig { shards, ..PlatformConfig::default() });
    let bob = simulation.add_registered("bob");
    let flows = [1, 2].map(|number| {
        simulation.run(secs(2));
        let config = simulation.phone_config("alice");
        simulation.add_and_register(scenarios::PhoneConfig { flow: Some((PHONE.to_owned(), number)), ..config })
    });
    for flow in flows {
        simulation.tell(flow).config.behaviour = Behaviour::answers(secs(1));
    }
    (simulation, bob, flows)
}

#[test]
fn a_phone_rings_by_one_flow_and_by_the_other_one_when_that_has_died() {
    for seed in 0..6 {
        let (mut simulation, bob, [first, second]) = two_flows(seed, 1 + (seed % 3) as u8);
        for phone in [bob, first, second] {
            simulation.set_line(phone, Conditions::rough(if seed < 3 { 0 } else { 80 }));
        }
        let call = simulation.tell(bob).dial("alice");
        let up = simulation.run_until(secs(20), |simulation| simulation.phone(bob).call(call).is_up());
        assert!(up, "seed {seed}: {:?}", simulation.phone(bob).call(call).ending);
        let rung = |simulation: &Simulation| [first, second].map(|flow| simulation.phone(flow).calls().len());
        assert_eq!(rung(&simulation), [0, 1], "seed {seed}: by the one that was made last alone");
        simulation.tell(bob).step(call, Step::HangUp);
        simulation.run(secs(40));
        // That one dies, before a keep-alive finds out.
        simulation.set_line(second, Conditions::DEAD);
        let call = simulation.tell(bob).dial("alice");
        let up = simulation.run_until(secs(25), |simulation| simulation.phone(bob).call(call).is_up());
        assert!(up, "seed {seed}: {:?}", simulation.phone(bob).call(call).ending);
        assert_eq!(rung(&simulation), [1, 1], "seed {seed}");
        simulation.run(secs(3));
        simulation.tell(bob).step(call, Step::HangUp);
        simulation.run(secs(40));
        // Its keep-alives are unanswered by now: the one that answers is asked first.
        simulation.run(secs(120));
        let before = simulation.now().instant;
        let call = simulation.tell(bob).dial("alice");
        let up = simulation.run_until(secs(25), |simulation| simulation.phone(bob).call(call).is_up());
        assert!(up, "seed {seed}: {:?}", simulation.phone(bob).call(call).ending);
        if seed < 3 {
            assert!(simulation.now().instant.since(before) < secs(2), "nobody waits for the dead one");
        }
        simulation.tell(bob).step(call, Step::HangUp);
        simulation.calm();
        simulation.run(secs(80));
        simulation.finish();
    }
}

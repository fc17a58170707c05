//! Phones that speak TCP: streams in pieces, connections that are cut.

use crate::{connect, secs};
use scenarios::phone::Carrier;
use scenarios::simulation::PhoneIndex;
use scenarios::{Conditions, Ending, HoldStyle, PhoneConfig, Simulation, Step};

fn add_by_tcp(simulation: &mut Simulation, name: &str) -> PhoneIndex {
    let config = PhoneConfig { carrier: Carrier::Tcp, ..simulation.phone_config(name) };
    let phone = simulation.add(config);
    assert!(simulation.run_until(secs(5), |simulation| simulation.phone(phone).is_registered()));
    phone
}

#[test]
fn phones_of_either_transport_call_each_other() {
    for seed in 0..4 {
        let mut simulation = Simulation::new(seed);
        let alice = add_by_tcp(&mut simulation, "alice");
        let bob = simulation.add_registered("bob");
        let carol = add_by_tcp(&mut simulation, "carol");
        for (from, to) in [(alice, bob), (bob, alice), (alice, carol)] {
            connect(&mut simulation, from, to);
            simulation.run(secs(2));
            let call = simulation.phone(from).live_call().expect("a call");
            simulation.tell(from).step(call, Step::Hold(HoldStyle::SendOnly));
            simulation.run(secs(1));
            simulation.tell(from).step(call, Step::Retrieve);
            simulation.run(secs(1));
            simulation.tell(from).step(call, Step::HangUp);
            simulation.run(secs(1));
            assert_eq!(simulation.call(to).ending, Some(Ending::PeerHungUp));
        }
        assert_eq!(simulation.platform.connections(), 2, "each phone has one connection, used both ways");
        simulation.finish();
    }
}

#[test]
fn a_phone_whose_connection_was_cut_is_reached_over_its_new_one() {
    let mut simulation = Simulation::new(10);
    let alice = add_by_tcp(&mut simulation, "alice");
    let bob = simulation.add_registered("bob");
    let link = simulation.phone(alice).link().expect("a connection");
    let now = simulation.now().instant;
    simulation.network.cut(now, link);
    simulation.run(secs(3));
    assert!(simulation.phone(alice).is_registered());
    assert_ne!(simulation.phone(alice).link(), Some(link));
    connect(&mut simulation, bob, alice);
    simulation.run(secs(2));
    simulation.finish();
}

#[test]
fn a_call_survives_the_cut_of_its_connection() {
    let mut simulation = Simulation::new(11);
    let alice = add_by_tcp(&mut simulation, "alice");
    let bob = simulation.add_registered("bob");
    connect(&mut simulation, alice, bob);
    simulation.run(secs(2));
    let link = simulation.phone(alice).link().expect("a connection");
    let now = simulation.now().instant;
    simulation.network.cut(now, link);
    simulation.run(secs(4));
    assert!(simulation.call(alice).is_up() && simulation.call(bob).is_up());
    simulation.tell(alice).step(0, Step::HangUp);
    simulation.run(secs(2));
    assert_eq!(simulation.call(bob).ending, Some(Ending::PeerHungUp));
    simulation.finish();
}

#[test]
fn a_bye_to_a_phone_whose_connection_is_gone_takes_the_one_that_it_registered_over_since() {
    let mut simulation = Simulation::new(12);
    let alice = add_by_tcp(&mut simulation, "alice");
    let bob = simulation.add_registered("bob");
    connect(&mut simulation, alice, bob);
    let link = simulation.phone(alice).link().expect("a connection");
    let now = simulation.now().instant;
    simulation.network.cut(now, link);
    simulation.run(secs(4));
    simulation.tell(bob).step(0, Step::HangUp);
    simulation.run(secs(3));
    assert_eq!(simulation.call(alice).ending, Some(Ending::PeerHungUp));
    simulation.finish();
}

#[test]
fn connections_cut_at_any_moment_of_a_set_up_leave_nothing() {
    for seed in 0..crate::random_calls::seeds(20) {
        let mut simulation = Simulation::new(seed);
        let alice = add_by_tcp(&mut simulation, "alice");
        let bob = add_by_tcp(&mut simulation, "bob");
        simulation.set_line(alice, Conditions::rough(1)); // what was in the pieces is lost
        simulation.tell(alice).dial("bob");
        let after = simulation.random().below(900);
        simulation.run(crate::ms(after));
        let victim = if seed % 2 == 0 { alice } else { bob };
        if let Some(link) = simulation.phone(victim).link() {
            let now = simulation.now().instant;
            simulation.network.cut(now, link);
        }
        simulation.run(secs(5));
        simulation.finish();
    }
}

//! Phones behind NAT: called by the flow that they registered on, heard where they really send from.

use crate::{connect, secs};
use scenarios::network::NatConfig;
use scenarios::simulation::PhoneIndex;
use scenarios::{PhoneConfig, PlatformConfig, Simulation};
use std::net::{IpAddr, SocketAddr};

const OUTSIDE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 200));

/// Alice and Carol behind one NAT box, Bob outside.
fn behind_nat(seed: u64, nat: NatConfig) -> (Simulation, [PhoneIndex; 3]) {
    behind_nat_of(Simulation::new(seed), nat)
}

fn behind_nat_of(mut simulation: Simulation, nat: NatConfig) -> (Simulation, [PhoneIndex; 3]) {
    let inside = [1, 2].map(|number| IpAddr::from([10, 0, 0, number]));
    simulation.network.add_nat(OUTSIDE, &inside, nat);
    let mut add = |name: &str, address: IpAddr| {
        let config = PhoneConfig { address: SocketAddr::new(address, 5060), ..simulation.phone_config(name) };
        let index = simulation.add(config);
        assert!(simulation.run_until(secs(5), |simulation| simulation.phone(index).is_registered()));
        index
    };
    let alice = add("alice", inside[0]);
    let carol = add("carol", inside[1]);
    let bob = simulation.add_registered("bob");
    (simulation, [alice, bob, carol])
}

#[test]
fn a_phone_behind_nat_calls_and_is_called_and_hears_and_is_heard() {
    for symmetric in [false, true] {
        let (mut simulation, [alice, bob, carol]) = behind_nat(1, NatConfig { symmetric, lifetime: secs(60) });
        for (from, to) in [(alice, bob), (bob, alice), (alice, carol)] {
            connect(&mut simulation, from, to);
            simulation.run(secs(4));
            for phone in [from, to] {
                assert!(simulation.call(phone).media.hearing.packets > 120, "{}", simulation.phone(phone).config.name);
            }
            let call = simulation.phone(to).live_call().expect("a call");
            simulation.tell(to).step(call, scenarios::Step::HangUp);
            simulation.run(secs(2));
            assert!(!simulation.call(from).is_live(), "the BYE found its way in");
        }
        simulation.finish();
    }
}

/// A name is not looked up: where it is, its packets tell (RFC 8866 §5.7).
#[test]
fn a_phone_that_has_a_domain_name_for_its_media_is_heard_and_hears() {
    for named_calls in [true, false] {
        let mut simulation = Simulation::new(7);
        let name = Some("phone.example.com".to_owned());
        let config = PhoneConfig { media_name: name, ..simulation.phone_config("alice") };
        let alice = simulation.add(config);
        let bob = simulation.add_registered("bob");
        let (from, to) = if named_calls { (alice, bob) } else { (bob, alice) };
        connect(&mut simulation, from, to);
        simulation.run(secs(4));
        for phone in [alice, bob] {
            let media = &simulation.call(phone).media;
            assert_eq!(media.direction(), scenarios::phone::BOTH_WAYS);
            assert!(media.hearing.packets > 120, "{}", simulation.phone(phone).config.name);
        }
        // It may hold and retrieve as any other.
        simulation.tell(alice).step(0, scenarios::Step::Hold(scenarios::HoldStyle::ZeroAddress));
        simulation.run(secs(2));
        assert!(!simulation.call(bob).media.direction().sends());
        simulation.tell(alice).step(0, scenarios::Step::Retrieve);
        simulation.run(secs(2));
        let before = simulation.call(alice).media.hearing.packets;
        simulation.run(secs(2));
        assert!(simulation.call(alice).media.hearing.packets > before + 80);
        simulation.finish();
    }
}

#[test]
fn keep_alives_hold_the_mapping_open() {
    let (mut simulation, [alice, bob, _]) = behind_nat(2, NatConfig { symmetric: false, lifetime: secs(45) });
    simulation.run(secs(900));
    connect(&mut simulation, bob, alice);
    simulation.run(secs(2));
    simulation.finish();
}

#[test]
fn a_phone_is_reached_by_its_new_flow_after_the_nat_box_restarted() {
    let (mut simulation, [alice, bob, _]) = behind_nat(3, NatConfig { symmetric: false, lifetime: secs(60) });
    simulation.network.restart_nat(OUTSIDE);
    simulation.tell(alice).register();
    simulation.run(secs(2));
    assert_eq!(simulation.phone(alice).registration.contacts, 1, "the contact is the same, its flow is new");
    connect(&mut simulation, bob, alice);
    simulation.run(secs(3));
    assert!(simulation.call(bob).media.hearing.packets > 100);
    simulation.finish();
}

/// The box gives another port in the middle of a call, and the phone registers by that: what is for it comes there, whichever shard its call is on.
#[test]
fn a_bye_finds_a_phone_by_the_port_that_it_has_registered_by_since() {
    for (shards, seed) in [(1, 5), (1, 6), (3, 7), (3, 8), (3, 9), (3, 10)] {
        let simulation = Simulation::with(seed, PlatformConfig { shards, ..PlatformConfig::default() });
        let nat = NatConfig { symmetric: false, lifetime: secs(60) };
        let (mut simulation, [alice, bob, _]) = behind_nat_of(simulation, nat);
        let (from, to) = if seed % 2 == 0 { (alice, bob) } else { (bob, alice) };
        connect(&mut simulation, from, to);
        simulation.grace = secs(30);
        simulation.network.restart_nat(OUTSIDE);
        simulation.tell(alice).register();
        simulation.run(secs(2));
        assert!([alice, bob].iter().all(|&phone| simulation.call(phone).is_up()), "seed {seed}");
        simulation.tell(bob).step(0, scenarios::Step::HangUp);
        simulation.run(secs(3));
        assert!(!simulation.call(alice).is_live(), "seed {seed}: the BYE found its way in");
        simulation.finish();
    }
}

#[test]
fn media_follow_a_nat_binding_that_changes_in_mid_call() {
    let (mut simulation, [alice, bob, _]) = behind_nat(4, NatConfig { symmetric: false, lifetime: secs(60) });
    connect(&mut simulation, alice, bob);
    simulation.run(secs(4));
    simulation.grace = secs(30); // until the new binding is learned
    simulation.network.restart_nat(OUTSIDE);
    simulation.run(secs(20));
    let before = [alice, bob].map(|phone| simulation.call(phone).media.hearing.packets);
    simulation.run(secs(2));
    let after = [alice, bob].map(|phone| simulation.call(phone).media.hearing.packets);
    assert!(after[0] > before[0] + 80 && after[1] > before[1] + 80, "{before:?} {after:?}");
    simulation.tell(alice).step(0, scenarios::Step::HangUp);
    simulation.run(secs(2));
    simulation.finish();
}

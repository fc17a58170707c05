//! Who is named by a `sips:` address is reached by secure ways or not at all (RFC 3261 §26.2.2, RFC 5630), by whatever request and by
//! whomever named so.

use crate::tls_and_websocket::{add, phones, talk};
use crate::{connect, secs};
use scenarios::phone::Carrier;
use scenarios::simulation::PhoneIndex;
use scenarios::{Behaviour, Conditions, Ending, Simulation, Step};

/// Phones of alice in clear, bob, carol and dave by secure ways, on lines that lose; bob names others by `sips:`.
fn four(seed: u64) -> (Simulation, [PhoneIndex; 4]) {
    let line = Conditions::rough(50);
    let (mut simulation, [alice, bob, carol]) = phones(seed, line);
    let dave = add(&mut simulation, "dave", Carrier::Tls, line);
    simulation.grace = secs(40);
    simulation.tell(bob).config.calls_sips = true;
    (simulation, [alice, bob, carol, dave])
}

#[test]
fn a_sips_call_rings_no_phone_that_is_reached_in_the_clear() {
    for seed in 0..4 {
        let (mut simulation, [alice, bob, carol, _]) = four(seed);
        simulation.tell(bob).dial("alice");
        simulation.run_until(secs(40), |simulation| simulation.call(bob).ending.is_some());
        assert_eq!(simulation.call(bob).ending, Some(Ending::Refused(480)));
        assert!(simulation.phone(alice).last_call().is_none());
        talk(&mut simulation, bob, carol, 6);
        simulation.tell(bob).config.calls_sips = false;
        talk(&mut simulation, bob, alice, 6);
        simulation.finish();
    }
}

#[test]
fn a_transfer_to_a_sips_address_rings_no_phone_that_is_reached_in_the_clear() {
    for seed in 0..4 {
        let (mut simulation, [alice, bob, carol, dave]) = four(seed);
        connect(&mut simulation, carol, bob);
        simulation.run(secs(2));
        simulation.tell(bob).step(0, Step::Transfer("alice".to_owned()));
        simulation.run(secs(20));
        let referral = simulation.call(bob).referral.expect("a referral");
        let failed = |status: Option<u16>| status.is_some_and(|status| status >= 300);
        assert!(referral.terminated || failed(referral.response), "seed {seed}: {referral:?}");
        assert!(failed(referral.status) || failed(referral.response), "seed {seed}: {referral:?}");
        assert!(simulation.phone(alice).last_call().is_none(), "seed {seed}");
        assert!(simulation.call(carol).is_up() && simulation.call(bob).is_up(), "seed {seed}");
        simulation.tell(bob).step(0, Step::Transfer("dave".to_owned()));
        let moved = simulation.run_until(secs(20), |simulation| {
            simulation.phone(dave).last_call().is_some_and(|call| call.is_up()) && !simulation.call(bob).is_live()
        });
        assert!(moved, "seed {seed}: {:?}", simulation.call(bob).referral);
        simulation.finish();
    }
}

#[test]
fn a_phone_that_sends_a_call_on_to_a_sips_address_has_it_ring_no_phone_that_is_reached_in_the_clear() {
    for seed in 0..4 {
        let (mut simulation, [alice, bob, carol, dave]) = four(seed);
        simulation.tell(bob).config.behaviour = Behaviour::forwards("alice");
        simulation.tell(carol).dial("bob");
        simulation.run_until(secs(40), |simulation| simulation.call(carol).ending.is_some());
        assert_eq!(simulation.call(carol).ending, Some(Ending::Refused(480)), "seed {seed}");
        assert!(simulation.phone(alice).last_call().is_none(), "seed {seed}");
        // Who calls in clear is sent on, too: what bob asks for is a secure way to dave.
        simulation.tell(bob).config.behaviour = Behaviour::forwards("alice;q=0.9,dave;q=0.5");
        simulation.tell(alice).dial("bob");
        let up = simulation.run_until(secs(40), |simulation| {
            let is_up = |phone| simulation.phone(phone).last_call().is_some_and(|call| call.is_up());
            is_up(alice) && is_up(dave)
        });
        assert!(up, "seed {seed}: {:?}", simulation.call(alice).ending);
        assert_eq!(simulation.phone(alice).calls().len(), 1, "seed {seed}: it called, and was not called");
        simulation.finish();
    }
}

#[test]
fn a_text_to_a_sips_address_waits_for_a_phone_that_is_reached_by_a_secure_way() {
    for seed in 0..4 {
        let (mut simulation, [alice, bob, carol, _]) = four(seed);
        simulation.tell(bob).text("carol", "at once");
        simulation.tell(bob).text("alice", "not in clear");
        simulation.run(secs(20));
        assert_eq!(simulation.phone(carol).texts, [("bob".to_owned(), "at once".to_owned())], "seed {seed}");
        assert_eq!(simulation.phone(alice).texts, [], "seed {seed}");
        let fates = simulation.phone(bob).responses.iter().filter(|(method, _)| method == "MESSAGE");
        let mut fates: Vec<u16> = fates.map(|(_, status)| *status).filter(|status| *status != 401).collect();
        fates.sort_unstable();
        assert_eq!(fates, [200, 202], "seed {seed}");
        let desk = add(&mut simulation, "alice", Carrier::Tls, Conditions::rough(50));
        simulation.run(secs(5));
        assert_eq!(simulation.phone(desk).texts, [("bob".to_owned(), "not in clear".to_owned())], "seed {seed}");
        assert_eq!(simulation.phone(alice).texts, [], "seed {seed}");
        simulation.finish();
    }
}

#[test]
fn who_follows_a_sips_address_is_told_by_its_connection() {
    for seed in 0..4 {
        let (mut simulation, [alice, bob, carol, _]) = four(seed);
        let watch = simulation.tell(bob).watch("dialog", "carol", 3_600);
        simulation.run(secs(5));
        let state = |simulation: &Simulation| simulation.phone(bob).watches()[watch].last().to_owned();
        assert_eq!(simulation.phone(bob).watches()[watch].status, Some(200), "seed {seed}");
        assert!(simulation.phone(bob).watches()[watch].is_active(), "seed {seed}");
        connect(&mut simulation, alice, carol);
        simulation.run(secs(5));
        assert!(state(&simulation).contains("confirmed"), "seed {seed}: {}", state(&simulation));
        simulation.tell(alice).step(0, Step::HangUp);
        simulation.run(secs(5));
        simulation.finish();
    }
}

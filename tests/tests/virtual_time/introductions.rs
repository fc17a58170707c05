//! What a telephone shows of who is at the other end, where another one has come there.

use crate::{connect, secs};
use scenarios::simulation::PhoneIndex;
use scenarios::{Behaviour, Conditions, PlatformConfig, Simulation, Step};

fn phones(seed: u64, shards: u8) -> (Simulation, [PhoneIndex; 3]) {
    let config = PlatformConfig { workers: 2, shards, ..PlatformConfig::default() };
    let mut simulation = Simulation::with(seed, config);
    let phones = ["alice", "bob", "carol"].map(|name| simulation.add_registered(name));
    for phone in phones {
        simulation.set_line(phone, Conditions::rough(50));
    }
    simulation.grace = secs(40);
    (simulation, phones)
}

/// Whom a phone shows at the other end of its last call, since that has changed.
fn other_end(simulation: &Simulation, phone: PhoneIndex) -> Option<&str> {
    simulation.call(phone).other_end.as_deref()
}

fn assert_shown(simulation: &Simulation, phone: PhoneIndex, name: &str, what: &str) {
    let shown = other_end(simulation, phone);
    assert!(shown.is_some_and(|shown| shown.contains(&format!("sip:{name}@"))), "{what}: {shown:?}, not {name}");
}

#[test]
fn who_is_brought_together_by_a_transfer_is_shown_each_other() {
    for seed in 0..8 {
        let (shards, consulted) = (1 + 2 * (seed % 2) as u8, seed % 4 < 2);
        let what = format!("seed {seed}, {shards} shards, consulted {consulted}");
        let (mut simulation, [alice, bob, carol]) = phones(seed, shards);
        connect(&mut simulation, alice, bob);
        simulation.run(secs(3));
        if consulted {
            connect(&mut simulation, bob, carol);
            simulation.run(secs(3));
            simulation.tell(bob).step(0, Step::TransferToOther);
        } else {
            simulation.tell(bob).step(0, Step::Transfer("carol".to_owned()));
        }
        simulation.run(secs(20));
        assert!(simulation.call(alice).is_up() && simulation.call(carol).is_up(), "{what}");
        assert_shown(&simulation, alice, "carol", &what);
        assert_shown(&simulation, carol, "alice", &what);
        simulation.finish();
    }
}

#[test]
fn who_has_called_without_being_shown_is_not_shown_by_a_transfer() {
    for (seed, consulted) in [(20, false), (21, true), (22, true)] {
        let (mut simulation, [alice, bob, carol]) = phones(seed, if seed == 22 { 3 } else { 1 });
        simulation.tell(alice).config.headers = vec![("Privacy".to_owned(), "id".to_owned())];
        connect(&mut simulation, alice, bob);
        simulation.run(secs(3));
        if consulted {
            connect(&mut simulation, bob, carol);
            simulation.run(secs(3));
            simulation.tell(bob).step(0, Step::TransferToOther);
        } else {
            simulation.tell(bob).step(0, Step::Transfer("carol".to_owned()));
        }
        simulation.run(secs(20));
        assert!(simulation.call(alice).is_up() && simulation.call(carol).is_up(), "seed {seed}");
        assert_eq!(other_end(&simulation, carol), None, "seed {seed}");
        assert_shown(&simulation, alice, "carol", &format!("seed {seed}"));
        simulation.finish();
    }
}

#[test]
fn a_phone_that_takes_no_update_is_told_with_the_next_offer_and_not_before() {
    let (mut simulation, [alice, bob, carol]) = phones(30, 1);
    simulation.tell(alice).config.updates = false;
    connect(&mut simulation, alice, bob);
    simulation.run(secs(3));
    simulation.tell(bob).step(0, Step::Transfer("carol".to_owned()));
    simulation.run(secs(20));
    let invites = simulation.call(alice).peer_offers;
    assert_eq!((other_end(&simulation, alice).is_some(), invites > 0), (invites > 0, invites > 0));
    let call = simulation.phone(carol).live_call().expect("a call");
    simulation.tell(carol).step(call, Step::Hold(scenarios::HoldStyle::SendOnly));
    simulation.run(secs(10));
    assert_shown(&simulation, alice, "carol", "held");
    simulation.finish();
}

#[test]
fn who_comes_back_from_a_target_that_does_not_answer_is_shown_to_the_transferor() {
    let (mut simulation, [alice, bob, carol]) = phones(31, 1);
    simulation.tell(carol).config.behaviour = Behaviour::rejects(486);
    connect(&mut simulation, alice, bob);
    simulation.run(secs(3));
    simulation.tell(bob).step(0, Step::Transfer("carol".to_owned()));
    simulation.run(secs(20));
    assert_eq!((other_end(&simulation, alice), other_end(&simulation, bob)), (None, None), "nobody else has come");
    simulation.finish();
}

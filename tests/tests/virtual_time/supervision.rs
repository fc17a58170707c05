//! Calls whose peers are gone while no media can tell: they end, and those whose peers are there go on.

use crate::{connect, secs, with_phones};
use router::parameter::CauseKind;
use scenarios::simulation::PhoneIndex;
use scenarios::{Conditions, HoldStyle, PhoneConfig, Simulation, Step};

/// Alice holds Bob; whether they take UPDATE is as said.
fn on_hold(seed: u64, style: HoldStyle, updates: bool) -> (Simulation, [PhoneIndex; 2]) {
    let mut simulation = Simulation::new(seed);
    let phones = ["alice", "bob"].map(|name| {
        let config = PhoneConfig { updates, ..simulation.phone_config(name) };
        simulation.add_and_register(config)
    });
    connect(&mut simulation, phones[0], phones[1]);
    simulation.tell(phones[0]).step(0, Step::Hold(style));
    simulation.run(secs(2));
    (simulation, phones)
}

#[test]
fn a_call_on_hold_ends_when_a_peer_is_gone() {
    for (seed, style) in [HoldStyle::Inactive, HoldStyle::SendOnly].into_iter().enumerate() {
        for updates in [true, false] {
            for gone in [0, 1] {
                for restarts in [true, false] {
                    let (mut simulation, phones) = on_hold(seed as u64, style, updates);
                    let (lost, stays) = (phones[gone], phones[1 - gone]);
                    if restarts {
                        simulation.tell(lost).step(0, Step::Forget);
                    } else {
                        let host = simulation.phone(lost).config.address.ip();
                        simulation.network.attach(host, Conditions::DEAD, Conditions::DEAD);
                    }
                    // Asked after two minutes, and given up half a minute later at most.
                    simulation.run(secs(160));
                    let what = format!("{style:?} {updates} {gone} {restarts}");
                    assert!(!simulation.call(stays).is_live(), "{what}: the other one is told");
                    let record = simulation.platform.records().pop().expect("a record");
                    let cause = record.cause.expect("a cause");
                    assert_eq!(cause.kind, CauseKind::Timeout, "{what}");
                    let told = cause.text.unwrap_or_default();
                    assert!(told.starts_with("the peer does not"), "{what}: {told}");
                }
            }
        }
    }
}

#[test]
fn a_peer_on_hold_that_is_there_is_left_in_peace() {
    for updates in [true, false] {
        let (mut simulation, [alice, bob]) = on_hold(9, HoldStyle::Inactive, updates);
        let offers = [alice, bob].map(|phone| simulation.call(phone).offers.len());
        simulation.run(secs(1_800));
        assert!([alice, bob].into_iter().all(|phone| simulation.call(phone).is_up()));
        simulation.tell(alice).step(0, Step::Retrieve);
        simulation.run(secs(2));
        let before = simulation.call(bob).media.hearing.packets;
        simulation.run(secs(2));
        assert!(simulation.call(bob).media.hearing.packets > before + 80);
        assert_eq!(simulation.call(bob).offers.len(), offers[1]);
        simulation.finish();
    }
}

#[test]
fn who_talks_is_not_asked() {
    let (mut simulation, [alice, bob]) = with_phones(10, ["alice", "bob"]);
    connect(&mut simulation, alice, bob);
    simulation.run(secs(400));
    assert_eq!(crate::overload_unknown_sources::signaling_counter(&mut simulation, "sip_sessions_asked"), 0);
    simulation.tell(alice).step(0, Step::Hold(HoldStyle::Inactive));
    simulation.run(secs(400));
    assert_eq!(crate::overload_unknown_sources::signaling_counter(&mut simulation, "sip_sessions_asked"), 6);
    simulation.finish();
}

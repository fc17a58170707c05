//! Calls as they mostly are.

use crate::{connect, ms, secs, with_phones};
use router::parameter::{CallPhase, Outcome};
use scenarios::{Ending, PhoneConfig, Simulation, Step};

#[test]
fn two_phones_talk_and_the_caller_hangs_up() {
    let (mut simulation, [alice, bob]) = with_phones(1, ["alice", "bob"]);
    connect(&mut simulation, alice, bob);
    simulation.run(secs(5));
    for (own, other) in [(alice, bob), (bob, alice)] {
        let heard = &simulation.call(own).media.hearing;
        let speaker = simulation.call(other).media.speaker();
        assert!(heard.speakers.get(&speaker).is_some_and(|&packets| packets > 240), "{:?}", heard.speakers);
    }
    assert_eq!(simulation.call(alice).provisional, [180]);
    simulation.tell(alice).step(0, Step::HangUp);
    simulation.run(secs(1));
    assert_eq!(simulation.call(alice).ending, Some(Ending::HungUp));
    assert_eq!(simulation.call(bob).ending, Some(Ending::PeerHungUp));
    let records = simulation.platform.records();
    assert_eq!(records.len(), 1);
    let record = &records[0];
    assert_eq!((record.outcome, record.ended_by_caller), (Outcome::Answered, Some(true)));
    assert_eq!((record.caller.user(), record.called.user()), ("alice", "bob"));
    assert_eq!(record.caller_quality.codec.as_deref(), Some("PCMU"));
    assert_eq!((record.caller_quality.packets_lost, record.callee_quality.packets_lost), (0, 0));
    assert!(record.ringing.is_some_and(|ringing| record.started <= ringing && Some(ringing) <= record.answered));
    let call = simulation.platform.observer().calls[&record.id].clone();
    assert!([CallPhase::Ringing, CallPhase::Talking, CallPhase::Ended].iter().all(|phase| call.phases.contains(phase)));
    simulation.finish();
}

#[test]
fn the_callee_hangs_up() {
    let (mut simulation, [alice, bob]) = with_phones(2, ["alice", "bob"]);
    connect(&mut simulation, alice, bob);
    simulation.run(secs(1));
    simulation.tell(bob).step(0, Step::HangUp);
    simulation.run(secs(1));
    assert_eq!(simulation.call(alice).ending, Some(Ending::PeerHungUp));
    assert_eq!(simulation.platform.records()[0].ended_by_caller, Some(false));
    simulation.finish();
}

#[test]
fn both_hang_up_at_once() {
    let (mut simulation, [alice, bob]) = with_phones(3, ["alice", "bob"]);
    connect(&mut simulation, alice, bob);
    simulation.run(secs(1));
    simulation.tell(alice).step(0, Step::HangUp);
    simulation.tell(bob).step(0, Step::HangUp);
    simulation.run(secs(1));
    for phone in [alice, bob] {
        assert_eq!(simulation.call(phone).ending, Some(Ending::HungUp));
        let byes: Vec<_> = simulation.phone(phone).responses.iter().filter(|(method, _)| method == "BYE").collect();
        assert_eq!(byes, [&("BYE".to_owned(), 200)]);
    }
    simulation.finish();
}

#[test]
fn the_callee_sees_who_calls_by_the_account_and_not_by_what_the_caller_claims() {
    let mut simulation = Simulation::new(4);
    let config = PhoneConfig { caller: Some("root".to_owned()), ..simulation.phone_config("alice") };
    let alice = simulation.add(config);
    let bob = simulation.add_registered("bob");
    connect(&mut simulation, alice, bob);
    let shown = &simulation.call(bob).shown;
    assert!(shown.0.contains("sip:alice@"), "{}", shown.0);
    simulation.finish();
}

#[test]
fn one_phone_alone_hears_its_echo_the_milliwatt_and_silence() {
    for (seed, service) in [(5, "echo"), (6, "milliwatt"), (7, "silence")] {
        let (mut simulation, [alice]) = with_phones(seed, ["alice"]);
        simulation.tell(alice).dial(service);
        simulation.run(secs(4));
        let call = simulation.call(alice);
        assert!(call.is_up(), "{service}: {:?}", call.ending);
        let hearing = &call.media.hearing;
        if service == "echo" {
            assert!(hearing.speakers[&call.media.speaker()] > 180, "{:?}", hearing.speakers);
        } else {
            assert!(hearing.foreign > 180, "{service}: {}", hearing.foreign);
        }
        simulation.tell(alice).step(0, Step::HangUp);
        simulation.run(secs(1));
        assert_eq!(simulation.platform.records()[0].outcome, Outcome::Answered);
        simulation.finish();
    }
}

#[test]
fn a_key_arrives_once_whatever_its_retransmissions() {
    let (mut simulation, [alice, bob]) = with_phones(8, ["alice", "bob"]);
    connect(&mut simulation, alice, bob);
    simulation.run(secs(1));
    for key in [5, 11, 5] {
        simulation.tell(alice).step(0, Step::Press(key));
        simulation.run(ms(600));
    }
    let presses = &simulation.call(bob).media.hearing.presses;
    let mut keys: Vec<u8> = presses.iter().map(|(_, key)| *key).collect();
    keys.sort_unstable();
    assert_eq!(keys, [5, 5, 11]);
    simulation.finish();
}

#[test]
fn information_is_passed_on_as_it_is() {
    let (mut simulation, [alice, bob]) = with_phones(9, ["alice", "bob"]);
    connect(&mut simulation, alice, bob);
    simulation.tell(alice).step(0, Step::Info);
    simulation.run(secs(1));
    assert_eq!(simulation.call(bob).information, [b"a body".to_vec()]);
    assert!(simulation.phone(alice).responses.contains(&("INFO".to_owned(), 200)));
    simulation.finish();
}

#[test]
fn unknown_headers_do_not_drop_the_call() {
    let mut simulation = Simulation::new(10);
    let headers = [
        ("X-Carrier-Trace", "a;b=\"c,d\";e"),
        ("P-Charging-Vector", "icid-value=\"AyretyU0dm+6O2IrT5tAFrbHLso=023551024\""),
        ("Supported", "100rel, timer, replaces, gruu, x-strange"),
        ("Session-Expires", "1800;refresher=uac"),
        ("Proxy-Require-Not", "x"),
        ("Accept-Language", "de, en;q=0.5"),
        ("X-Empty", ""),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    // It says 100rel, so it has to know it.
    let config = PhoneConfig { headers, reliable: true, ..simulation.phone_config("alice") };
    let alice = simulation.add(config);
    let bob = simulation.add_registered("bob");
    connect(&mut simulation, alice, bob);
    simulation.run(secs(2));
    assert!(simulation.call(alice).media.hearing.packets > 80);
    simulation.finish();
}

#[test]
fn what_a_caller_requires_and_nobody_offers_is_named_in_the_refusal() {
    let mut simulation = Simulation::new(11);
    let headers = vec![("Require".to_owned(), "precondition, x-strange".to_owned())];
    let config = PhoneConfig { headers, ..simulation.phone_config("alice") };
    let alice = simulation.add(config);
    simulation.add_registered("bob");
    simulation.tell(alice).dial("bob");
    simulation.run(secs(2));
    assert_eq!(simulation.call(alice).ending, Some(Ending::Refused(420)));
    simulation.finish();
}

#[test]
fn twenty_calls_at_once_do_not_mix() {
    let (mut simulation, phones) = with_phones(12, ["alice", "bob", "carol", "dave"]);
    for round in 0..5 {
        for (index, &phone) in phones.iter().enumerate() {
            let to = simulation.phone(phones[(index + 1 + round % 3) % 4]).config.name.clone();
            simulation.tell(phone).dial(&to);
        }
    }
    simulation.run(secs(3));
    let up: usize =
        phones.iter().map(|&phone| simulation.phone(phone).calls().iter().filter(|call| call.is_up()).count()).sum();
    assert_eq!(up, 40);
    for &phone in &phones {
        for call in simulation.phone(phone).calls() {
            assert_eq!(call.media.hearing.speakers.len(), 1, "a call hears one other and no third");
        }
    }
    simulation.finish();
}

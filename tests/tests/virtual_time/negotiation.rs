//! Each leg is negotiated for its own peer.

use crate::{connect, secs};
use router::parameter::Codec;
use scenarios::platform::SERVER;
use scenarios::{Behaviour, Ending, PhoneConfig, Simulation, Step};

fn events(payload_type: u8) -> Codec {
    Codec { parameters: Some("0-16".into()), ..Codec::new(payload_type, "telephone-event", 8000) }
}

fn pcma() -> Codec {
    Codec::new(8, "PCMA", 8000)
}

/// Alice with these codecs, Bob with those.
fn with_codecs(seed: u64, alice: Vec<Codec>, bob: Vec<Codec>) -> (Simulation, [usize; 2]) {
    let mut simulation = Simulation::new(seed);
    let mut add = |name: &str, codecs: Vec<Codec>| {
        let config = PhoneConfig { codecs, ..simulation.phone_config(name) };
        let phone = simulation.add(config);
        assert!(simulation.run_until(secs(5), |simulation| simulation.phone(phone).is_registered()));
        phone
    };
    let phones = [add("alice", alice), add("bob", bob)];
    (simulation, phones)
}

#[test]
fn a_callee_that_numbers_codecs_unlike_the_offer_is_sent_its_own_numbers() {
    let speex = |payload_type| Codec::new(payload_type, "speex", 8000);
    let (mut simulation, [alice, bob]) = with_codecs(4, vec![speex(97), events(98)], vec![speex(110), events(111)]);
    simulation.tell(bob).config.own_numbers = true;
    connect(&mut simulation, alice, bob);
    simulation.run(secs(2));
    for (from, to) in [(alice, bob), (bob, alice)] {
        simulation.tell(from).step(0, Step::Press(3));
        simulation.run(secs(1));
        let hearing = &simulation.call(to).media.hearing;
        assert!(hearing.packets > 80 && hearing.presses.len() == 1, "{hearing:?}");
    }
    simulation.finish();
}

#[test]
fn neither_side_sees_the_other_s_address_or_payload_types() {
    let alice = vec![Codec::new(0, "PCMU", 8000), pcma(), events(101)];
    let bob = vec![pcma(), events(96)];
    let (mut simulation, [alice, bob]) = with_codecs(1, alice, bob);
    connect(&mut simulation, alice, bob);
    simulation.run(secs(2));
    for phone in [alice, bob] {
        let peer = simulation.call(phone).media.peer().expect("a description").clone();
        assert_eq!(peer.rtp.map(|rtp| rtp.ip()), Some(SERVER));
        let media = &simulation.call(phone).media;
        assert!(media.hearing.packets > 80, "{media:?}");
    }
    // Payload types that the phone did not describe are a fault of its own: a key each way must arrive all the same.
    for (from, to) in [(alice, bob), (bob, alice)] {
        simulation.tell(from).step(0, Step::Press(7));
        simulation.run(secs(1));
        assert_eq!(simulation.call(to).media.hearing.presses.len(), 1);
    }
    simulation.finish();
}

#[test]
fn dynamic_payload_types_that_differ_are_mapped() {
    let speex = |payload_type| Codec::new(payload_type, "speex", 8000);
    let (mut simulation, [alice, bob]) =
        with_codecs(2, vec![speex(97), events(98)], vec![pcma(), events(100), speex(110)]);
    connect(&mut simulation, bob, alice);
    simulation.run(secs(2));
    for phone in [alice, bob] {
        assert!(simulation.call(phone).media.hearing.packets > 80);
    }
    simulation.tell(bob).step(0, Step::HangUp);
    simulation.run(secs(1));
    let record = simulation.platform.records().pop().expect("a record");
    assert_eq!(record.caller_quality.codec.map(|codec| codec.to_lowercase()).as_deref(), Some("speex"));
    simulation.finish();
}

#[test]
fn peers_without_a_codec_in_common_are_told_488_where_theirs_cannot_be_coded() {
    let speex = vec![Codec::new(97, "speex", 8000)];
    let (mut simulation, [alice, bob]) = with_codecs(3, speex, vec![pcma()]);
    simulation.tell(bob).config.behaviour = Behaviour::default();
    simulation.tell(alice).dial("bob");
    simulation.run(secs(3));
    assert_eq!(simulation.call(alice).ending, Some(Ending::Refused(488)));
    simulation.finish();
}

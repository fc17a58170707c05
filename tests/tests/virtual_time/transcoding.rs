//! Phones that have no codec in common talk all the same, in whatever way the call came about.

use crate::{connect, secs};
use router::parameter::{Codec, Direction};
use scenarios::phone::BOTH_WAYS;
use scenarios::simulation::PhoneIndex;
use scenarios::{HoldStyle, PhoneConfig, Simulation, Step};

const TONES_HZ: [f64; 4] = [440.0, 620.0, 800.0, 1_040.0];

fn events(payload_type: u8, clock_rate_hz: u32) -> Codec {
    Codec { parameters: Some("0-16".into()), ..Codec::new(payload_type, "telephone-event", clock_rate_hz) }
}

fn pcmu() -> Vec<Codec> {
    vec![Codec::new(0, "PCMU", 8_000), events(101, 8_000)]
}

fn opus() -> Vec<Codec> {
    vec![Codec { channels: 2, ..Codec::new(96, "opus", 48_000) }, events(97, 48_000)]
}

fn g722() -> Vec<Codec> {
    vec![Codec::new(9, "G722", 8_000), events(101, 8_000)]
}

/// Alice, Bob, Carol… each with one codec and a tone of its own.
fn with<const N: usize>(seed: u64, codecs: [Vec<Codec>; N]) -> (Simulation, [PhoneIndex; N]) {
    let mut simulation = Simulation::new(seed);
    let mut names = ["alice", "bob", "carol", "dave"].into_iter().zip(TONES_HZ);
    let phones = codecs.map(|codecs| {
        let (name, tone) = names.next().expect("four at most");
        let config = PhoneConfig { codecs, tone_hz: Some(tone), ..simulation.phone_config(name) };
        let phone = simulation.add(config);
        assert!(simulation.run_until(secs(5), |simulation| simulation.phone(phone).is_registered()));
        phone
    });
    (simulation, phones)
}

/// Each of the two hears the other's tone, and nothing else.
fn assert_heard(simulation: &mut Simulation, a: PhoneIndex, b: PhoneIndex, when: &str) {
    simulation.run(secs(2));
    for (from, to) in [(a, b), (b, a)] {
        let sound = simulation.call(to).media.sound.as_ref().expect("a phone that listens");
        let (level, purity) = sound.tone(TONES_HZ[from], 500);
        assert!((-12.0..=-8.5).contains(&level) && purity > 0.9, "{when}: {to} hears {from} at {level} dBm0, {purity}");
    }
}

/// In a phone's last call: the ones before it has refused.
fn tell(simulation: &mut Simulation, phone: PhoneIndex, step: Step) {
    let last = simulation.phone(phone).calls().len() - 1;
    simulation.tell(phone).step(last, step);
}

fn end(mut simulation: Simulation, phone: PhoneIndex) {
    tell(&mut simulation, phone, Step::HangUp);
    simulation.run(secs(2));
    simulation.finish();
}

#[test]
fn whoever_calls_both_are_heard() {
    let all = [pcmu(), opus(), g722(), vec![Codec::new(3, "GSM", 8_000)]];
    for (seed, (one, other)) in [(0, 1), (1, 0), (0, 2), (2, 1), (3, 1), (3, 0)].into_iter().enumerate() {
        let (mut simulation, [alice, bob]) = with(seed as u64, [all[one].clone(), all[other].clone()]);
        connect(&mut simulation, alice, bob);
        assert_heard(&mut simulation, alice, bob, &format!("{one} and {other}"));
        tell(&mut simulation, alice, Step::HangUp);
        simulation.run(secs(2));
        let record = simulation.platform.records().pop().expect("a record");
        let codecs = [record.caller_quality.codec, record.callee_quality.codec]
            .map(|codec| codec.map(|codec| codec.to_string()));
        assert_eq!(codecs, [all[one][0].name.to_string(), all[other][0].name.to_string()].map(Some));
        simulation.finish();
    }
}

#[test]
fn a_call_without_offer_is_heard() {
    for (seed, (one, other)) in [(pcmu(), opus()), (opus(), pcmu())].into_iter().enumerate() {
        let (mut simulation, [alice, bob]) = with(seed as u64 + 10, [one, other]);
        simulation.tell(alice).config.late_offer = true;
        connect(&mut simulation, alice, bob);
        assert_heard(&mut simulation, alice, bob, "late offer");
        end(simulation, bob);
    }
}

#[test]
fn hold_and_retrieve_from_either_side_bring_sound_back() {
    for (seed, style) in [HoldStyle::SendOnly, HoldStyle::Inactive, HoldStyle::ZeroAddress].into_iter().enumerate() {
        for holder in [0, 1] {
            let (mut simulation, phones) = with(seed as u64 + 20, [pcmu(), opus()]);
            connect(&mut simulation, phones[0], phones[1]);
            for _ in 0..2 {
                tell(&mut simulation, phones[holder], Step::Hold(style));
                simulation.run(secs(3));
                assert_ne!(simulation.call(phones[1 - holder]).media.direction(), Direction::SendReceive);
                tell(&mut simulation, phones[holder], Step::Retrieve);
                simulation.run(secs(1));
                for phone in phones {
                    assert_eq!(simulation.call(phone).media.direction(), BOTH_WAYS, "{style:?}");
                }
                assert_heard(&mut simulation, phones[0], phones[1], "retrieved");
            }
            end(simulation, phones[1]);
        }
    }
}

#[test]
fn keys_come_through_once_each_at_the_other_clock() {
    let (mut simulation, [alice, bob]) = with(30, [pcmu(), opus()]);
    connect(&mut simulation, alice, bob);
    for (from, to) in [(alice, bob), (bob, alice)] {
        for key in [1, 2, 2, 11] {
            tell(&mut simulation, from, Step::Press(key));
            simulation.run(secs(1));
        }
        let presses: Vec<u8> = simulation.call(to).media.hearing.presses.iter().map(|(_, event)| *event).collect();
        assert_eq!(presses.len(), 4, "{presses:?}");
    }
    assert_heard(&mut simulation, alice, bob, "after keys");
    end(simulation, alice);
}

#[test]
fn a_transfer_to_a_phone_with_another_codec_is_heard() {
    for (seed, codecs) in
        [[pcmu(), pcmu(), opus()], [opus(), pcmu(), opus()], [g722(), opus(), pcmu()]].into_iter().enumerate()
    {
        let (mut simulation, [alice, bob, carol]) = with(seed as u64 + 40, codecs);
        connect(&mut simulation, alice, bob);
        assert_heard(&mut simulation, alice, bob, "before");
        tell(&mut simulation, bob, Step::Transfer("carol".into()));
        simulation.run(secs(6));
        assert_heard(&mut simulation, alice, carol, "after");
        end(simulation, carol);
    }
}

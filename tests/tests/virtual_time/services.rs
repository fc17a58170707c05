//! Echo, tones and conferences for phones of every codec.

use crate::{ms, secs};
use router::parameter::{BuiltinKind, Codec, ConferenceName};
use scenarios::simulation::PhoneIndex;
use scenarios::{Conditions, PhoneConfig, PlatformConfig, Simulation, Step};
use switch::plan::{Branches, Destination, NumberMatch, OriginMatch, Plan, Route};

const TONES_HZ: [f64; 4] = [440.0, 620.0, 800.0, 1_040.0];

fn pcmu() -> Vec<Codec> {
    vec![Codec::new(0, "PCMU", 8_000)]
}

fn opus() -> Vec<Codec> {
    let keys = Codec { parameters: Some("0-16".into()), ..Codec::new(97, "telephone-event", 48_000) };
    vec![Codec { channels: 2, ..Codec::new(96, "opus", 48_000) }, keys]
}

fn g722() -> Vec<Codec> {
    vec![Codec::new(9, "G722", 8_000)]
}

fn gsm() -> Vec<Codec> {
    vec![Codec::new(3, "GSM", 8_000)]
}

fn g726() -> Vec<Codec> {
    vec![Codec::new(98, "G726-32", 8_000)]
}

/// Phones of one codec each, with a tone of its own; `600` is a room.
fn with<const N: usize>(seed: u64, codecs: [Vec<Codec>; N]) -> (Simulation, [PhoneIndex; N]) {
    let room = ConferenceName::room("room").expect("a name");
    let route = Route {
        name: "room".to_owned(),
        number: NumberMatch::Exact("600".to_owned()),
        origin: OriginMatch::Any,
        hours: None,
        destination: Destination::Service(BuiltinKind::Conference(room)),
        branches: Branches::default(),
    };
    let config = PlatformConfig::default();
    let switch = switch::Config { plan: Plan { routes: vec![route], ..Plan::default() }, ..config.switch };
    let mut simulation = Simulation::with(seed, PlatformConfig { switch, ..config });
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

/// What part of what a phone hears is that tone, and how loud all of it is.
fn hears(simulation: &Simulation, phone: PhoneIndex, tone_hz: f64) -> (f64, f64) {
    simulation.call(phone).media.sound.as_ref().expect("a phone that listens").tone(tone_hz, 500)
}

fn dial(simulation: &mut Simulation, phone: PhoneIndex, number: &str) {
    simulation.tell(phone).dial(number);
    let up = simulation.run_until(secs(5), |simulation| simulation.call(phone).is_up());
    assert!(up, "{number}: {:?}", simulation.call(phone).ending);
}

#[test]
fn every_service_serves_every_codec() {
    for (seed, codecs) in [pcmu(), opus(), g722(), gsm(), g726()].into_iter().enumerate() {
        let name = codecs[0].name.clone();
        for late_offer in [false, true] {
            let (mut simulation, [alice]) = with(seed as u64, [codecs.clone()]);
            simulation.tell(alice).config.late_offer = late_offer;
            for (number, tone_hz, level) in [("echo", TONES_HZ[0], -10.0), ("milliwatt", 1_000.0, 0.0)] {
                dial(&mut simulation, alice, number);
                simulation.run(secs(3));
                let (heard, purity) = hears(&simulation, alice, tone_hz);
                assert!((heard - level).abs() < 1.8 && purity > 0.9, "{name} {number}: {heard} dBm0, {purity}");
                let last = simulation.phone(alice).calls().len() - 1;
                simulation.tell(alice).step(last, Step::HangUp);
                simulation.run(secs(2));
            }
            dial(&mut simulation, alice, "silence");
            simulation.run(secs(3));
            let packets = simulation.call(alice).media.hearing.packets;
            let (heard, _) = hears(&simulation, alice, 1_000.0);
            assert!(packets > 140 && heard < -50.0, "{name}: {packets} packets, {heard} dBm0");
            simulation.finish();
        }
    }
}

/// Everybody hears all others, each as loud as it speaks, whatever either speaks, and nobody itself.
#[test]
fn phones_of_all_codecs_meet_in_one_room() {
    for (seed, codecs) in
        [[pcmu(), opus(), g722()], [opus(), opus(), opus()], [gsm(), g722(), opus()]].into_iter().enumerate()
    {
        let names: Vec<String> = codecs.iter().map(|codecs| codecs[0].name.to_string()).collect();
        let (mut simulation, phones) = with(10 + seed as u64, codecs);
        for phone in phones {
            dial(&mut simulation, phone, "600");
        }
        simulation.run(secs(4));
        for own in phones {
            for other in phones {
                let (level, part) = hears(&simulation, own, TONES_HZ[other]);
                // Two tones of -10 dBm0 are -7 together.
                assert!((level + 7.0).abs() < 1.8, "{names:?}: {own} hears {level} dBm0");
                match own == other {
                    true => assert!(part < 0.02, "{names:?}: {own} hears itself, {part}"),
                    false => assert!((0.35..0.65).contains(&part), "{names:?}: {own} hears {other}, {part}"),
                }
            }
        }
        simulation.tell(phones[2]).step(0, Step::HangUp);
        simulation.run(secs(3));
        let (_, part) = hears(&simulation, phones[0], TONES_HZ[1]);
        assert!(part > 0.9, "{names:?}: two are left, {part}");
        simulation.finish();
    }
}

/// What is lost of a stream whose codec keeps what it has heard is filled in, and the rest goes on in its time.
#[test]
fn a_room_is_heard_on_bad_lines() {
    for seed in 20..24 {
        let (mut simulation, phones) = with(seed, [opus(), g722(), pcmu()]);
        let bad = Conditions {
            delay: ms(20),
            jitter: ms(30),
            loss_permille: 30,
            duplicate_permille: 20,
            reorder_permille: 20,
        };
        for phone in &phones[..2] {
            simulation.set_line(*phone, bad);
        }
        for phone in phones {
            dial(&mut simulation, phone, "600");
        }
        // A gap that is filled in, or a pause that is shortened, breaks a tone's phase: over a tenth of a second few do.
        const LOOKS: u32 = 40;
        let mut parts = [0.0_f64; 2];
        for _ in 0..LOOKS {
            simulation.run(ms(500));
            let sound = simulation.call(phones[2]).media.sound.as_ref().expect("a phone that listens");
            for (part, other) in parts.iter_mut().zip(&phones[..2]) {
                let (level, now) = sound.tone(TONES_HZ[*other], 100);
                assert!((-12.0..-5.0).contains(&level), "{seed}: {level} dBm0");
                *part += now / f64::from(LOOKS);
            }
        }
        // What is filled in of G.722 is as loud as what was heard; libopus lets a tone fade, by 4 dB at 8 kHz where one packet in ten is missing.
        let [of_opus, of_g722] = parts;
        assert!(of_opus > 0.27 && of_g722 > 0.55 && of_opus + of_g722 > 0.9, "{seed}: {parts:?}");
        simulation.calm();
        simulation.run(secs(20));
        for other in &phones[..2] {
            let (level, part) = hears(&simulation, phones[2], TONES_HZ[*other]);
            assert!((level + 7.0).abs() < 1.8 && (0.35..0.65).contains(&part), "{seed}: {other} at {level}, {part}");
        }
        simulation.finish();
    }
}

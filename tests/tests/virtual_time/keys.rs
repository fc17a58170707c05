//! Keys between phones that have them in different forms: each arrives once, and is told once, whatever is lost.

use crate::{connect, ms, secs};
use codecs::dtmf::Key;
use router::parameter::{Codec, KeyForm};
use scenarios::network::Conditions;
use scenarios::simulation::PhoneIndex;
use scenarios::{PhoneConfig, PlatformConfig, Simulation, Step};

const KEYS: &str = "1159#*0";

fn pcmu(events: bool) -> Vec<Codec> {
    let keys = Codec { parameters: Some("0-16".into()), ..Codec::new(101, "telephone-event", 8_000) };
    [Some(Codec::new(0, "PCMU", 8_000)), events.then_some(keys)].into_iter().flatten().collect()
}

/// Alice has events; Bob has keys in that form.
fn world(seed: u64, bob: Option<KeyForm>) -> (Simulation, [PhoneIndex; 2]) {
    let mut config = PlatformConfig::default();
    config.switch.keys.accounts.insert("bob".to_owned(), bob);
    let mut simulation = Simulation::with(seed, config);
    let phones = [("alice", true), ("bob", bob.is_none())].map(|(name, events)| {
        let tone_hz = Some(if name == "alice" { 440.0 } else { 620.0 });
        let config = PhoneConfig { codecs: pcmu(events), tone_hz, ..simulation.phone_config(name) };
        let phone = simulation.add(config);
        assert!(simulation.run_until(secs(5), |simulation| simulation.phone(phone).is_registered()));
        phone
    });
    (simulation, phones)
}

fn events(simulation: &Simulation, phone: PhoneIndex) -> String {
    let mut presses: Vec<_> = simulation.call(phone).media.hearing.presses.iter().copied().collect();
    let first = presses.first().map_or(0, |(timestamp, _)| *timestamp);
    presses.sort_by_key(|(timestamp, _)| timestamp.wrapping_sub(first) as i32);
    presses.into_iter().map(|(_, event)| Key::of_event(event).expect("a key").character()).collect()
}

/// Keys in the INFOs that a phone got.
fn infos(simulation: &Simulation, phone: PhoneIndex) -> String {
    let bodies = simulation.call(phone).information.iter();
    let keys = bodies.filter_map(|body| {
        let text = String::from_utf8_lossy(body).into_owned();
        text.strip_prefix("Signal=").and_then(|rest| rest.chars().next())
    });
    keys.collect()
}

fn told(simulation: &mut Simulation) -> Vec<(String, bool)> {
    let calls: Vec<_> = simulation.platform.observer().calls.values().collect();
    assert_eq!(calls.len(), 1);
    calls[0].keys.clone()
}

#[test]
fn events_become_infos_and_infos_events_under_loss() {
    for (seed, loss) in [(1, 0), (2, 50), (3, 100), (4, 150)] {
        let (mut simulation, [alice, bob]) = world(seed, Some(KeyForm::Signalled));
        connect(&mut simulation, alice, bob);
        assert!(
            simulation.call(bob).media.peer().expect("a peer").codecs.iter().all(|codec| !codec.is_telephone_event())
        );
        [alice, bob].into_iter().for_each(|phone| simulation.set_line(phone, Conditions::rough(loss)));
        for key in KEYS.chars() {
            let event = Key::of_character(key).expect("a key").event();
            simulation.tell(alice).step(0, Step::Press(event));
            simulation.run(ms(1_500));
            simulation.tell(bob).step(0, Step::InfoKey(key));
            simulation.run(ms(1_500));
        }
        simulation.calm();
        simulation.run(secs(35));
        assert_eq!(infos(&simulation, bob), KEYS, "{loss}");
        assert_eq!(events(&simulation, alice), KEYS, "{loss}");
        let told = told(&mut simulation);
        for by_caller in [true, false] {
            let of: String = told.iter().filter(|(_, by)| *by == by_caller).map(|(key, _)| key.as_str()).collect();
            assert_eq!(of, KEYS, "{loss}, by the caller: {by_caller}");
        }
        simulation.tell(alice).step(0, Step::HangUp);
        simulation.run(secs(2));
        simulation.finish();
    }
}

#[test]
fn events_become_tones_for_a_phone_that_has_none_and_its_voice_is_heard_besides() {
    let (mut simulation, [alice, bob]) = world(11, Some(KeyForm::Tones));
    connect(&mut simulation, alice, bob);
    simulation.run(secs(1));
    for key in KEYS.chars() {
        simulation.tell(alice).step(0, Step::Press(Key::of_character(key).expect("a key").event()));
        simulation.run(ms(600));
    }
    let sound = simulation.call(bob).media.sound.as_ref().expect("it listens");
    assert_eq!(sound.keys(), KEYS);
    simulation.run(secs(1));
    let (level, purity) = simulation.call(bob).media.sound.as_ref().expect("it listens").tone(440.0, 500);
    assert!((-12.0..=-8.5).contains(&level) && purity > 0.9, "{level} dBm0, {purity}");
    assert_eq!(told(&mut simulation).len(), KEYS.len());
    simulation.tell(bob).step(0, Step::HangUp);
    simulation.run(secs(2));
    simulation.finish();
}

#[test]
fn keys_of_two_phones_with_events_are_told_once_each_under_loss() {
    let (mut simulation, [alice, bob]) = world(21, None);
    connect(&mut simulation, alice, bob);
    [alice, bob].into_iter().for_each(|phone| simulation.set_line(phone, Conditions::rough(100)));
    for key in KEYS.chars() {
        simulation.tell(alice).step(0, Step::Press(Key::of_character(key).expect("a key").event()));
        simulation.run(ms(1_000));
    }
    simulation.calm();
    simulation.run(secs(2));
    let keys: String = told(&mut simulation).into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, KEYS);
    simulation.tell(bob).step(0, Step::HangUp);
    simulation.run(secs(2));
    simulation.finish();
}

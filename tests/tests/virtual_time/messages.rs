//! Text messages between phones: at once, or when the recipient registers; across a restart; under loss.

use crate::{ms, secs};
use router::parameter::{Party, TextMessage};
use router::{Address, Command, ModuleKind, Private, one};
use scenarios::{Conditions, PlatformConfig, Simulation};

fn platform(seed: u64, shards: u8) -> Simulation {
    Simulation::with(seed, PlatformConfig { shards, ..PlatformConfig::default() })
}

/// What a phone was told of its MESSAGEs.
fn fates(simulation: &Simulation, phone: usize) -> Vec<u16> {
    let responses = simulation.phone(phone).responses.iter();
    responses.filter(|(method, status)| method == "MESSAGE" && *status != 401).map(|(_, status)| *status).collect()
}

fn texts(simulation: &Simulation, phone: usize) -> Vec<&str> {
    simulation.phone(phone).texts.iter().map(|(_, text)| text.as_str()).collect()
}

#[test]
fn a_text_reaches_the_other_phone_whatever_is_lost() {
    for seed in 0..12 {
        let mut simulation = platform(seed, 1 + (seed % 3) as u8);
        let [alice, bob] = ["alice", "bob"].map(|name| simulation.add_registered(name));
        for phone in [alice, bob] {
            simulation.set_line(phone, Conditions::rough(100));
        }
        for number in 0..5 {
            simulation.tell(alice).text("bob", &format!("text {number} ü"));
            simulation.run(secs(3));
        }
        simulation.run(secs(40));
        let expected: Vec<String> = (0..5).map(|number| format!("text {number} ü")).collect();
        let mut arrived = texts(&simulation, bob);
        arrived.sort_unstable();
        arrived.dedup();
        assert_eq!(arrived, expected, "seed {seed}");
        assert!(simulation.phone(bob).texts.iter().all(|(from, _)| from == "alice"));
        assert!(fates(&simulation, alice).iter().all(|status| matches!(status, 200 | 202)), "seed {seed}");
        simulation.finish();
    }
}

#[test]
fn texts_for_a_phone_that_is_off_come_in_their_order_when_it_is_on_even_after_a_restart() {
    for (shards, restart) in [(1, false), (3, false), (1, true), (3, true)] {
        let mut simulation = platform(20, shards);
        let alice = simulation.add_registered("alice");
        for number in 0..4 {
            simulation.tell(alice).text("bob", &format!("text {number}"));
            simulation.run(secs(1));
        }
        assert_eq!(fates(&simulation, alice), [202; 4]);
        if restart {
            simulation = simulation.restart();
            simulation.run(secs(1));
        }
        let bob = simulation.add_registered("bob");
        simulation.run(secs(3));
        assert_eq!(texts(&simulation, bob), ["text 0", "text 1", "text 2", "text 3"], "{shards} {restart}");
        simulation.tell(bob).register();
        simulation.run(secs(3));
        assert_eq!(texts(&simulation, bob).len(), 4, "each once");
        simulation.finish_quietly();
    }
}

#[test]
fn texts_that_are_delivered_late_survive_loss() {
    for seed in 0..6 {
        let mut simulation = platform(40 + seed, 2);
        let alice = simulation.add_registered("alice");
        for number in 0..4 {
            simulation.tell(alice).text("bob", &format!("text {number}"));
            simulation.run(ms(800));
        }
        let config = simulation.phone_config("bob");
        let bob = simulation.add(config);
        simulation.set_line(bob, Conditions::rough(150));
        simulation.run(secs(120));
        simulation.tell(bob).register();
        simulation.run(secs(60));
        let mut arrived = texts(&simulation, bob);
        arrived.dedup();
        assert_eq!(arrived, ["text 0", "text 1", "text 2", "text 3"], "seed {seed}");
        simulation.finish_quietly();
    }
}

#[test]
fn a_text_to_nobody_is_refused() {
    let mut simulation = platform(60, 1);
    let alice = simulation.add_registered("alice");
    simulation.tell(alice).text("nobody", "hello");
    simulation.run(secs(2));
    assert_eq!(fates(&simulation, alice), [404]);
    simulation.finish();
}

#[test]
fn a_text_to_who_is_not_here_says_that_texts_stay_on_their_platform() {
    for (platforms, reason) in [(2, "404 Not Found On This Platform"), (1, "404 Not Found")] {
        let users: [&[&str]; 2] = [&["alice"], &["erin"]];
        let mut simulation = match platforms {
            2 => Simulation::cluster(31, &users),
            _ => platform(31, 1),
        };
        let alice = simulation.add_registered_at(0, "alice");
        simulation.tell(alice).text("erin", "hello");
        simulation.run(secs(2));
        assert_eq!(fates(&simulation, alice), [404]);
        let text = TextMessage {
            to: Party::new("erin", ""),
            content_type: "text/plain".to_owned(),
            body: Private::new(b"hello".to_vec().into()),
            ..TextMessage::of_account(None)
        };
        let now = simulation.now();
        let signaling = Address::local(ModuleKind::Signaling, 0);
        let asked = simulation.at(0).observer().ask(now, signaling, Command::Send, one(text));
        simulation.run(secs(2));
        let failure = simulation.at(0).observer().answer(asked).expect("an answer").failure();
        assert_eq!(failure.detail.as_deref(), Some(reason));
        simulation.finish();
    }
}

//! Registration: digest, several contacts, refresh, removal, expiry, restart.

use crate::{ask_each, connect, secs, with_phones};
use router::parameter::{Outcome, Parameter, Registration, Selection};
use router::{Command, ModuleKind, one};
use scenarios::{Conditions, Ending, PhoneConfig, Simulation};

/// The contacts of an account, as its home tells them.
fn contacts(simulation: &mut Simulation, account: &str) -> usize {
    let asked = one(Registration { account: account.to_owned(), contacts: Vec::new() });
    let answers = ask_each(simulation, ModuleKind::Signaling, Command::Query, &asked);
    let contacts = answers.iter().map(|answer| match answer.first() {
        Some(Parameter::Registration(registration)) => registration.contacts.len(),
        other => panic!("{other:?}"),
    });
    contacts.sum()
}

#[test]
fn a_phone_answers_the_challenge_and_is_registered() {
    let (simulation, [alice]) = with_phones(1, ["alice"]);
    let phone = simulation.phone(alice);
    let register = |status| ("REGISTER".to_owned(), status);
    assert_eq!(phone.responses, [register(401), register(200)]);
    assert_eq!(phone.registration.contacts, 1);
    simulation.finish();
}

#[test]
fn a_wrong_password_and_an_unknown_user_are_told_the_same() {
    let mut simulation = Simulation::new(2);
    let mut answers = Vec::new();
    for (name, password) in [("alice", "wrong"), ("nobody", "nobody-secret")] {
        let config = PhoneConfig { password: Some(password.to_owned()), ..simulation.phone_config(name) };
        let phone = simulation.add(config);
        simulation.run(secs(2));
        assert!(!simulation.phone(phone).is_registered());
        let first: Vec<_> = simulation.phone(phone).responses.iter().take(2).cloned().collect();
        answers.push(first);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0][0].1, 401);
    assert_eq!(answers[0][1].1, 403);
}

#[test]
fn every_phone_of_an_account_has_a_binding_of_its_own_and_removes_only_that() {
    let (mut simulation, [one, two]) = with_phones(3, ["alice", "alice"]);
    assert_eq!(simulation.phone(two).registration.contacts, 2);
    assert_eq!(contacts(&mut simulation, "alice"), 2);
    simulation.tell(one).unregister();
    simulation.run(secs(1));
    assert_eq!(contacts(&mut simulation, "alice"), 1);
    assert!(simulation.phone(two).is_registered());
    simulation.finish();
}

#[test]
fn a_binding_is_refreshed_and_ends_when_nobody_does() {
    let mut simulation = Simulation::new(4);
    let config = PhoneConfig { expires: 120, ..simulation.phone_config("alice") };
    let alice = simulation.add(config);
    simulation.run(secs(600));
    assert!(simulation.phone(alice).registration.successes >= 9, "{:?}", simulation.phone(alice).registration);
    assert_eq!(contacts(&mut simulation, "alice"), 1);
    simulation.set_line(alice, Conditions::DEAD);
    simulation.run(secs(125));
    assert_eq!(contacts(&mut simulation, "alice"), 0);
}

#[test]
fn registering_survives_a_line_that_loses_a_fifth() {
    for seed in 0..5 {
        let mut simulation = Simulation::new(seed);
        let config = PhoneConfig { expires: 60, ..simulation.phone_config("alice") };
        simulation.network.attach(config.address.ip(), Conditions::rough(200), Conditions::rough(200));
        let alice = simulation.add(config);
        assert!(simulation.run_until(secs(60), |simulation| simulation.phone(alice).is_registered()), "seed {seed}");
        simulation.run(secs(200));
        assert!(simulation.phone(alice).registration.successes >= 4, "seed {seed}");
        assert_eq!(contacts(&mut simulation, "alice"), 1, "seed {seed}");
        simulation.finish();
    }
}

#[test]
fn bindings_and_records_survive_a_restart() {
    let (mut simulation, [alice, bob]) = with_phones(6, ["alice", "bob"]);
    connect(&mut simulation, alice, bob);
    simulation.run(secs(3));
    let mut simulation = simulation.restart();
    simulation.run(secs(2));
    assert_eq!(contacts(&mut simulation, "alice"), 1);
    let records = simulation.platform.records();
    assert_eq!(records.iter().map(|record| record.outcome).collect::<Vec<_>>(), [Outcome::Interrupted]);
    // The phones' ends are still up; what they say in that dialog is unknown to the new process.
    simulation.tell(alice).step(0, scenarios::Step::HangUp);
    simulation.tell(bob).step(0, scenarios::Step::HangUp);
    simulation.run(secs(5));
    connect(&mut simulation, alice, bob);
    simulation.run(secs(2));
    assert!(simulation.call(bob).incoming);
}

#[test]
fn a_registration_is_listed_with_the_latency_of_its_keep_alives() {
    let (mut simulation, [_]) = with_phones(7, ["alice"]);
    simulation.run(secs(40));
    let mut parameters = one(Registration { account: String::new(), contacts: Vec::new() });
    parameters.push(Selection::default().into());
    let answers = ask_each(&mut simulation, ModuleKind::Signaling, Command::Query, &parameters);
    let listed: Vec<_> = answers
        .iter()
        .flat_map(|answer| &answer.parameters)
        .filter_map(|parameter| match parameter {
            Parameter::Registration(registration) => Some(registration),
            _ => None,
        })
        .filter(|registration| !registration.contacts.is_empty())
        .collect();
    assert_eq!(listed.len(), 1);
    let contact = &listed[0].contacts[0];
    assert_eq!(contact.reachable, Some(true));
    assert!(contact.latency_us.is_some_and(|latency| (1_000..50_000).contains(&latency)), "{:?}", contact.latency_us);
}

#[test]
fn an_account_without_phones_is_unreachable() {
    let (mut simulation, [alice]) = with_phones(8, ["alice"]);
    simulation.tell(alice).dial("bob");
    simulation.run(secs(2));
    assert_eq!(simulation.call(alice).ending, Some(Ending::Refused(480)));
    simulation.finish();
}

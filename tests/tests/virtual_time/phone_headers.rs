//! Header fields that pass between phones, and those that a trunk's policy is about.

use crate::secs;
use crate::trunk_failover::configured;
use scenarios::simulation::PhoneIndex;
use scenarios::trunk::{address, known, peer};
use scenarios::{Behaviour, Conditions, PhoneConfig, Simulation, Step};

fn told(simulation: &Simulation, callee: PhoneIndex, name: &str) -> Option<String> {
    let call = simulation.phone(callee).last_call().expect("a call");
    let found = call.invite_headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.clone())
}

fn call(simulation: &mut Simulation, caller: PhoneIndex, number: &str) {
    let call = simulation.tell(caller).dial(number);
    simulation.run_until(secs(40), |simulation| simulation.phone(caller).call(call).is_up());
    assert!(simulation.phone(caller).call(call).is_up(), "{number}: {:?}", simulation.phone(caller).call(call).ending);
    simulation.tell(caller).step(call, Step::HangUp);
    simulation.run(secs(5));
}

#[test]
fn accounts_tell_each_other_what_they_may_and_a_trunk_what_its_policy_says() {
    let headers = [
        ("Alert-Info", "<urn:alert:source:internal>"),
        ("Call-Info", "<sip:x>;answer-after=0"),
        ("X-Account", "7"),
        ("Diversion", "<sip:z@10.0.0.1>"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let mut carrier = known("one", address(1));
    carrier.headers.pass = vec!["X-Account".to_owned(), "alert-info".to_owned()];
    let mut other = known("two", address(2));
    other.headers.pass = vec!["Diversion".to_owned()];
    let mut config = configured(vec![carrier, other]);
    config.signaling.accounts_pass = vec!["Alert-Info".to_owned(), "Call-Info".to_owned()];
    let mut simulation = Simulation::with(1, config);
    let server = simulation.server();
    let one = PhoneConfig { headers: headers.clone(), ..peer("one", address(1), server, Behaviour::default()) };
    let one = simulation.add(one);
    let (alice, bob) = (simulation.add_registered("alice"), simulation.add_registered("bob"));
    simulation.tell(alice).config.headers = headers;
    for phone in [one, alice, bob] {
        simulation.set_line(phone, Conditions::rough(50));
    }
    let all = |simulation: &Simulation, callee: PhoneIndex| {
        ["Alert-Info", "Call-Info", "X-Account", "Diversion"].map(|name| told(simulation, callee, name).is_some())
    };
    call(&mut simulation, alice, "bob");
    assert_eq!(all(&simulation, bob), [true, true, false, false], "no trunk has a say between phones");
    call(&mut simulation, alice, "030123");
    assert_eq!(all(&simulation, one), [true, false, true, false], "its own policy, and not another trunk's");
    call(&mut simulation, one, "1bob");
    assert_eq!(all(&simulation, bob), [true, false, true, false]);
    simulation.calm();
    simulation.run(secs(5));
    simulation.finish();
}

#[test]
fn what_a_caller_says_of_itself_does_not_pass_where_it_asks_for_privacy() {
    for (seed, privacy, passes) in [(1, "id", true), (2, "user; critical", false), (3, "none", true)] {
        let said = [("Subject", "it is me"), ("X-Account", "7"), ("Privacy", privacy)];
        let mut carrier = known("one", address(1));
        carrier.headers.pass = vec!["Subject".to_owned(), "X-Account".to_owned()];
        let mut simulation = Simulation::with(seed, configured(vec![carrier]));
        let server = simulation.server();
        let one = simulation.add(peer("one", address(1), server, Behaviour::default()));
        let alice = simulation.add_registered("alice");
        let said = said.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        simulation.tell(alice).config.headers = said;
        for phone in [one, alice] {
            simulation.set_line(phone, Conditions::rough(50));
        }
        call(&mut simulation, alice, "030123");
        assert_eq!(told(&simulation, one, "Subject").is_some(), passes, "{privacy}");
        assert_eq!(told(&simulation, one, "X-Account").as_deref(), Some("7"));
        let from = told(&simulation, one, "From").unwrap_or_default();
        assert_eq!(from.contains("anonymous.invalid"), privacy != "none", "{privacy}: {from}");
        simulation.calm();
        simulation.run(secs(5));
        simulation.finish();
    }
}

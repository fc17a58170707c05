//! Nothing of one leg's addresses, tags and ids reaches the other one.

use crate::trunk_failover::configured;
use crate::{ms, secs};
use scenarios::simulation::PhoneIndex;
use scenarios::trunk::{address, known, peer};
use scenarios::{Behaviour, Conditions, Ending, HoldStyle, PhoneConfig, Simulation, Step};
use signaling::trunk::{HeaderPolicy, HeaderRewrite};
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// What of a message names its sender or its leg: addresses, tags, branches, Call-IDs, session ids, the names of programs.
fn marks(message: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in message.lines() {
        let (name, value) = line.split_once(':').unwrap_or(("", line));
        match name.to_ascii_lowercase().as_str() {
            "call-id" | "user-agent" | "server" | "x-hop" | "subject" | "organization" => {
                found.insert(value.trim().to_owned());
            }
            _ => {}
        }
        for start in [";tag=", ";branch="] {
            let rest = line.split(start).nth(1).map(|rest| rest.split([';', '>', ',', ' ']).next().unwrap_or_default());
            found.extend(rest.map(str::to_owned));
        }
        if let Some(origin) = line.strip_prefix("o=") {
            found.extend(origin.split(' ').nth(1).map(str::to_owned));
        }
    }
    found.retain(|mark| mark.len() > 2);
    found
}

/// Everything that went between the server and a peer, either way: from it, and to it.
fn between(simulation: &Simulation, peer: SocketAddr) -> (Vec<String>, Vec<String>) {
    let recorded = simulation.network.recorded.as_ref().expect("it is recorded");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let is_sip = |bytes: &[u8]| bytes.first().is_some_and(u8::is_ascii_uppercase);
    let of = |from: bool| {
        let chosen =
            recorded.iter().filter(|(a, b, bytes)| is_sip(bytes) && if from { *a == peer } else { *b == peer });
        chosen.map(|(.., bytes)| text(bytes)).collect::<Vec<String>>()
    };
    (of(true), of(false))
}

/// Two trunks, each of which says a lot about itself.
fn talkative(seed: u64, callee: Behaviour) -> (Simulation, [PhoneIndex; 2]) {
    let mut trunks = vec![known("two", address(2)), known("one", address(1))];
    trunks[0].trusted = true;
    let mut config = configured(trunks);
    // From trunk to trunk.
    config.switch.plan.routes[0].origin = switch::plan::OriginMatch::Any;
    let mut simulation = Simulation::with(seed, config);
    simulation.network.recorded = Some(Vec::new());
    let server = simulation.server();
    let headers = |name: &str| {
        let line = |header: &str, value: String| (header.to_owned(), value);
        vec![
            line("X-Hop", format!("10.{}.7.7", name.len())),
            line("Subject", format!("secret of {name}")),
            line("Organization", format!("{name} and sons")),
            line("P-Asserted-Identity", format!("<sip:+4930@{name}.inside.example>")),
        ]
    };
    let one = PhoneConfig {
        headers: headers("one"),
        domain: "one.inside.example".to_owned(),
        ..peer("one", address(1), server, Behaviour::default())
    };
    let two = PhoneConfig { domain: "two.inside.example".to_owned(), ..peer("two", address(2), server, callee) };
    let one = simulation.add(one);
    let two = simulation.add(two);
    (simulation, [one, two])
}

fn nothing_of_one_reaches_the_other(simulation: &Simulation) {
    let sides = [address(1), address(2)];
    for (index, own) in sides.into_iter().enumerate() {
        let (said, heard) = between(simulation, own);
        assert!(!said.is_empty() && !heard.is_empty(), "{own}: {} {}", said.len(), heard.len());
        let (_, elsewhere) = between(simulation, sides[1 - index]);
        // What the leg has of ours counts too: its tag, its Call-ID, its branch.
        let mut marks: BTreeSet<String> = said.iter().chain(&heard).flat_map(|message| marks(message)).collect();
        let domain = if index == 0 { "one.inside.example" } else { "two.inside.example" };
        marks.extend([own.ip().to_string(), domain.to_owned()]);
        marks.retain(|mark| !mark.starts_with("Tandem/"));
        for message in &elsewhere {
            for mark in &marks {
                assert!(!message.contains(mark.as_str()), "`{mark}` of {own} reached {}:\n{message}", sides[1 - index]);
            }
        }
    }
}

#[test]
fn a_call_with_early_media_hold_keys_and_its_end_tells_neither_side_of_the_other() {
    let callee = Behaviour { early_media: Some(ms(200)), ..Behaviour::default() };
    let (mut simulation, [one, two]) = talkative(1, callee);
    let call = simulation.tell(one).dial("030123");
    simulation.run(secs(3));
    assert!(simulation.call(one).is_up() && simulation.call(two).is_up(), "{:?}", simulation.call(one).ending);
    simulation.tell(one).step(call, Step::Hold(HoldStyle::Inactive));
    simulation.run(secs(2));
    simulation.tell(one).step(call, Step::Retrieve);
    simulation.run(secs(2));
    simulation.tell(two).step(0, Step::HangUp);
    simulation.run(secs(3));
    nothing_of_one_reaches_the_other(&simulation);
    simulation.finish();
}

/// What is repeated, comes twice or late is as little told as the rest.
#[test]
fn a_network_that_loses_and_repeats_tells_neither_side_of_the_other() {
    for seed in 10..16 {
        let callee = Behaviour { early_media: Some(ms(200)), ..Behaviour::default() };
        let (mut simulation, [one, two]) = talkative(seed, callee);
        for phone in [one, two] {
            simulation.set_line(phone, Conditions::rough(100));
        }
        let call = simulation.tell(one).dial("030123");
        simulation.run(secs(15));
        for step in [Step::Hold(HoldStyle::Inactive), Step::Retrieve, Step::HangUp] {
            simulation.tell(one).step(call, step);
            simulation.run(secs(10));
        }
        simulation.calm();
        simulation.run(secs(70));
        nothing_of_one_reaches_the_other(&simulation);
        simulation.finish();
    }
}

/// What the operator lets pass does, as it is to be told, and nothing else.
#[test]
fn header_fields_pass_between_trunks_as_their_policies_say() {
    let line = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut one_knows = known("one", address(1));
    one_knows.headers.pass = vec!["X-Account".to_owned(), "X-Secret".to_owned(), "Subject".to_owned()];
    let mut two_knows = known("two", address(2));
    two_knows.headers = HeaderPolicy {
        pass: vec!["x-account".to_owned(), "Subject".to_owned()],
        add: vec![line("X-Carrier", "tandem-1")],
        remove: vec!["User-Agent".to_owned(), "Subject".to_owned()],
        rewrite: vec![HeaderRewrite::new("X-Account", "^0", "49").expect("a pattern")],
        ..HeaderPolicy::default()
    };
    let mut config = configured(vec![two_knows, one_knows]);
    config.switch.plan.routes[0].origin = switch::plan::OriginMatch::Any;
    let mut simulation = Simulation::with(4, config);
    let server = simulation.server();
    let headers =
        [("X-Account", "030"), ("X-Secret", "1"), ("Subject", "s"), ("X-Other", "2")].map(|(a, b)| line(a, b));
    let one = PhoneConfig { headers: headers.to_vec(), ..peer("one", address(1), server, Behaviour::default()) };
    let one = simulation.add(one);
    let two = simulation.add(peer("two", address(2), server, Behaviour::default()));
    simulation.tell(one).dial("030123");
    simulation.run(secs(3));
    assert!(simulation.call(two).is_up(), "{:?}", simulation.call(one).ending);
    let told = |name: &str| {
        let found = simulation.call(two).invite_headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone())
    };
    assert_eq!((told("X-Account").as_deref(), told("X-Carrier").as_deref()), (Some("4930"), Some("tandem-1")));
    for absent in ["X-Secret", "Subject", "X-Other", "User-Agent"] {
        assert_eq!(told(absent), None, "{absent}");
    }
    simulation.finish();
}

#[test]
fn a_refusal_and_a_call_that_is_given_up_tell_neither_side_of_the_other() {
    let (mut simulation, [one, _]) = talkative(2, Behaviour::rejects(486));
    simulation.tell(one).dial("030123");
    simulation.run(secs(3));
    assert_eq!(simulation.call(one).ending, Some(Ending::Refused(486)));
    nothing_of_one_reaches_the_other(&simulation);
    simulation.finish();
    let (mut simulation, [one, _]) = talkative(3, Behaviour::rings());
    simulation.tell(one).dial_with("030123", Some(secs(2)), Vec::new());
    simulation.run(secs(6));
    nothing_of_one_reaches_the_other(&simulation);
    simulation.finish();
}

//! Who talks to whom after a transfer is known at each platform that a leg is at: in the calls that it shows, and in its records; also where the link
//! was away at that moment.

use crate::{connect, ms, secs};
use router::parameter::{CallRecord, CallSummary, CauseKind, Outcome, Parameter, Selection};
use router::{Address, Command, ModuleKind, one};
use scenarios::simulation::PhoneIndex;
use scenarios::{PlatformConfig, Simulation, Step};

/// Bob and Alice are at the first platform, Carol at the second, Dave at the third.
const ACCOUNTS: [&[&str]; 3] = [&["alice", "bob"], &["carol"], &["dave"]];

fn cluster(seed: u64, shards: u8) -> Simulation {
    let config = |(index, names): (usize, &&[&str])| PlatformConfig {
        shards,
        workers: 2,
        ..PlatformConfig::in_cluster(index, names)
    };
    Simulation::cluster_of(seed, ACCOUNTS.iter().enumerate().map(config).collect())
}

fn phone(simulation: &mut Simulation, name: &str) -> PhoneIndex {
    let at = ACCOUNTS.iter().position(|names| names.contains(&name)).expect("an account");
    simulation.add_registered_at(at, name)
}

/// The calls of a platform, as whoever asks it is told them.
fn calls(simulation: &mut Simulation, platform: usize) -> Vec<CallSummary> {
    let now = simulation.now();
    let modules = simulation.at(platform).router().modules().into_iter().map(|(address, _)| address);
    let switches: Vec<Address> = modules.filter(|address| address.module.kind == ModuleKind::Switch).collect();
    let observer = simulation.at(platform).observer();
    let asked: Vec<_> = switches
        .into_iter()
        .map(|switch| observer.ask(now, switch, Command::Query, one(Selection::default())))
        .collect();
    simulation.run(ms(50));
    let mut calls = Vec::new();
    for asked in asked {
        let answer = simulation.at(platform).observer().answer(asked).expect("an answer");
        calls.extend(answer.parameters.into_iter().filter_map(|parameter| match parameter {
            Parameter::CallSummary(summary) => Some(*summary),
            _ => None,
        }));
    }
    calls
}

/// Who calls whom in the one call of a platform, and which peers its legs have.
fn who(simulation: &mut Simulation, platform: usize) -> ([String; 2], Vec<String>) {
    let calls = calls(simulation, platform);
    let [call] = &calls[..] else { panic!("{calls:?}") };
    let mut peers: Vec<_> = call.legs.iter().map(|leg| leg.peer.clone()).collect();
    peers.sort();
    ([&call.caller, &call.called].map(|party| party.user().to_owned()), peers)
}

fn record_of(simulation: &mut Simulation, platform: usize, caller: &str, called: &str) -> CallRecord {
    let records = simulation.at(platform).records();
    let of = |record: &&CallRecord| record.caller.user() == caller && record.called.user() == called;
    records.iter().find(of).unwrap_or_else(|| panic!("{caller} to {called} at {platform}: {records:?}")).clone()
}

/// What followed the conversation of those two is one that was answered, and names it.
fn assert_followed(simulation: &mut Simulation, platform: usize, [from, to]: [&str; 2], [caller, called]: [&str; 2]) {
    let former = record_of(simulation, platform, from, to);
    let next = record_of(simulation, platform, caller, called);
    assert_eq!(former.cause.map(|cause| cause.kind), Some(CauseKind::Transferred), "at {platform}");
    assert_eq!(former.transferred_as.as_ref(), Some(&next.id), "at {platform}");
    assert_eq!(next.transferred_from.as_ref(), Some(&former.id), "at {platform}");
    assert_eq!((next.outcome, next.cause.map(|cause| cause.kind)), (Outcome::Answered, Some(CauseKind::Normal)));
    assert!(next.caller_quality.packets_received > 20 && next.callee_quality.packets_received > 20, "at {platform}");
}

#[test]
fn a_transfer_by_number_is_known_where_each_of_the_two_is() {
    for (seed, shards) in [(1, 1), (2, 3)] {
        let mut simulation = cluster(seed, shards);
        let [bob, carol, dave] = ["bob", "carol", "dave"].map(|name| phone(&mut simulation, name));
        connect(&mut simulation, bob, carol);
        simulation.run(secs(1));
        simulation.tell(bob).step(0, Step::Transfer("dave".to_owned()));
        simulation.run(secs(3));
        assert!(simulation.call(carol).is_up() && simulation.call(dave).is_up());
        let expected = (["carol", "dave"].map(str::to_owned), ["carol", "dave"].map(str::to_owned).to_vec());
        for platform in 0..3 {
            assert_eq!(who(&mut simulation, platform), expected, "at {platform}");
        }
        simulation.run(secs(2));
        simulation.tell(dave).step(0, Step::HangUp);
        simulation.run(secs(2));
        for platform in [0, 1] {
            assert_followed(&mut simulation, platform, ["bob", "carol"], ["carol", "dave"]);
        }
        let there = record_of(&mut simulation, 2, "carol", "dave");
        assert_eq!((there.outcome, there.transferred_from), (Outcome::Answered, None), "he was called by her");
        simulation.finish();
    }
}

#[test]
fn a_consulted_transfer_is_known_where_each_of_the_two_is() {
    for (seed, shards, first, second) in
        [(1, 1, "carol", "dave"), (2, 3, "carol", "dave"), (3, 1, "carol", "alice"), (4, 3, "alice", "dave")]
    {
        let what = format!("{first} to {second}, {shards} shards");
        let mut simulation = cluster(seed, shards);
        let bob = phone(&mut simulation, "bob");
        let [one, other] = [first, second].map(|name| phone(&mut simulation, name));
        connect(&mut simulation, bob, one);
        simulation.run(secs(1));
        connect(&mut simulation, bob, other);
        simulation.run(secs(1));
        simulation.tell(bob).step(0, Step::TransferToOther);
        simulation.run(secs(4));
        assert!(simulation.call(one).is_up() && simulation.call(other).is_up(), "{what}");
        let mut peers = [first, second].map(str::to_owned).to_vec();
        peers.sort();
        let places = [first, second].map(|name| ACCOUNTS.iter().position(|names| names.contains(&name)).expect("one"));
        for platform in places.into_iter().chain([0]) {
            let expected = ([first, second].map(str::to_owned), peers.clone());
            assert_eq!(who(&mut simulation, platform), expected, "{what}, at {platform}");
        }
        simulation.run(secs(2));
        simulation.tell(other).step(0, Step::HangUp);
        simulation.run(secs(2));
        for (platform, whom) in places.into_iter().zip([first, second]).filter(|(platform, _)| *platform > 0) {
            assert_followed(&mut simulation, platform, ["bob", whom], [first, second]);
        }
        simulation.finish();
    }
}

#[test]
fn what_happened_while_the_link_was_away_is_known_when_it_is_back() {
    for (seed, consulted) in [(1, false), (2, true)] {
        let mut simulation = cluster(seed, 1);
        let [bob, carol, dave] = ["bob", "carol", "dave"].map(|name| phone(&mut simulation, name));
        connect(&mut simulation, bob, carol);
        simulation.run(secs(1));
        if consulted {
            connect(&mut simulation, bob, dave);
            simulation.run(secs(1));
        }
        // Neither by its own link nor through the third one.
        simulation.part(0, 1, secs(30));
        simulation.part(1, 2, secs(30));
        simulation.run(secs(5));
        let step = if consulted { Step::TransferToOther } else { Step::Transfer("dave".to_owned()) };
        simulation.tell(bob).step(0, step);
        simulation.run(secs(5));
        assert_eq!(who(&mut simulation, 1).0, ["bob", "carol"], "it cannot know");
        assert_eq!(who(&mut simulation, 0).0, ["carol", "dave"]);
        simulation.heal();
        simulation.run(secs(35));
        assert!(simulation.call(carol).is_up() && simulation.call(dave).is_up());
        assert_eq!(who(&mut simulation, 1).0, ["carol", "dave"]);
        simulation.run(secs(2));
        simulation.tell(carol).step(0, Step::HangUp);
        simulation.run(secs(2));
        assert_followed(&mut simulation, 1, ["bob", "carol"], ["carol", "dave"]);
        simulation.finish();
    }
}

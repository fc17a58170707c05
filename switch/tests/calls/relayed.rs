//! Legs whose media may have to go by a server that relays (TURN).

use crate::harness::*;
use router::Command;
use router::parameter::*;
use switch::{Config, Relaying};

fn relaying(has_servers: bool) -> Config {
    let relaying = Relaying {
        has_servers,
        usual: true,
        accounts: [("carol".to_owned(), false)].into(),
        trunks: [("carrier".to_owned(), true)].into(),
    };
    Config { relaying, ..Config::default() }
}

fn served() -> ServedAddresses {
    ServedAddresses { relayed_rtp: "203.0.113.9:50000".parse().ok(), ..ServedAddresses::default() }
}

/// An offer with ways, of a phone that is lite or not.
fn seeking(is_lite: bool, rtcp_mux: bool) -> MediaDescription {
    let credentials = |name: &str| IceCredentials { fragment: name.to_owned(), password: name.repeat(8) };
    let ice = IceParameters {
        local: credentials("ours"),
        remote: credentials("theirs"),
        candidates: vec![],
        is_lite,
        is_remote_lite: false,
        is_controlling: false,
        nominates_once: true,
    };
    let mut offer = audio(4000, &[pcmu()], Direction::SendReceive);
    (offer.streams[0].ice, offer.streams[0].rtcp_mux) = (Some(Box::new(ice)), rtcp_mux);
    offer
}

#[test]
fn ports_of_legs_with_ways_have_addresses_at_a_server_and_describe_them() {
    for (to, offer, asked) in [
        ("bob", audio(4000, &[pcmu()], Direction::SendReceive), [0, 2]),
        ("bob", seeking(false, true), [1, 2]),
        ("bob", seeking(false, false), [2, 2]),
        ("bob", seeking(true, true), [0, 2]),
        ("carol", seeking(false, true), [1, 0]),
    ] {
        let mut world = World::with(relaying(true));
        world.voice.served = Some(served());
        let caller = world.call_with("alice", to, Some(offer));
        let callee = world.only();
        assert_eq!([0, 1].map(|port| world.voice.components_asked[&port]), asked, "{to}");
        let offered = world.signaling.legs[&callee].started.clone().unwrap().media.unwrap();
        let of = |asked: u8| (asked > 0).then(|| Box::new(served()));
        assert_eq!(offered.description().streams[0].served, of(asked[1]));
        world.answer(callee);
        let answer = world.described(caller).unwrap();
        assert_eq!(answer.description().streams[0].served, of(asked[0]));
        // What we offer in mid-call has them, too.
        world.offer(caller, &[pcmu()], Direction::SendOnly);
        let heard = world.signaling.legs[&callee].heard.clone().unwrap();
        assert_eq!(heard.description().streams[0].served, of(asked[1]));
        world.hang_up(caller);
        world.assert_over();
    }
}

#[test]
fn without_servers_nothing_is_asked_for() {
    let mut world = World::with(relaying(false));
    let caller = world.call_with("alice", "bob", Some(seeking(false, true)));
    assert_eq!([0, 1].map(|port| world.voice.components_asked[&port]), [0, 0]);
    world.hang_up(caller);
    world.assert_over();
}

/// What a peer says by INFO of where it may be reached is its port's to know: while it rings, and later.
#[test]
fn candidates_that_come_later_reach_the_port_and_nobody_else() {
    let mut world = World::new();
    let caller = world.call_with("alice", "bob", Some(seeking(false, true)));
    let callee = world.only();
    let candidate = |port: u16| IceCandidate { component: 1, priority: 9, address: ([198, 51, 100, 7], port).into() };
    let named = |phase, port| LegState { candidates: vec![candidate(port)], ..LegState::new(phase) };
    world.ask(caller, Command::Set, named(LegPhase::Early, 6_000));
    assert_eq!(world.last_answer(caller).command, Command::Done);
    world.answer(callee);
    assert_eq!(world.plan(0).ice.as_ref().unwrap().candidates, [candidate(6_000)]);
    let generation = world.plan(0).generation;
    for port in [6_002, 6_002, 6_004] {
        world.ask(caller, Command::Set, named(LegPhase::Answered, port));
        assert_eq!(world.last_answer(caller).command, Command::Done);
    }
    assert_eq!(world.plan(0).ice.as_ref().unwrap().candidates, [6_000, 6_002, 6_004].map(candidate));
    assert_eq!(world.plan(0).generation, generation, "where it was found it is");
    // Of a leg without ways, and beyond any bound, nothing becomes.
    world.ask(callee, Command::Set, named(LegPhase::Answered, 6_000));
    assert_eq!(world.last_answer(callee).command, Command::Done);
    assert!(world.plan(1).ice.is_none());
    let many = LegState { candidates: (1..2_000).map(candidate).collect(), ..LegState::new(LegPhase::Answered) };
    world.ask(caller, Command::Set, many);
    assert_eq!(world.plan(0).ice.as_ref().unwrap().candidates.len(), 64);
    assert!(world.signaling.sets.is_empty());
    world.hang_up(caller);
    world.assert_over();
}

/// Most callers begin to name theirs once they have an early answer (RFC 8840 §4.3): they are checked at once, and still are when the call is answered.
#[test]
fn candidates_that_a_caller_names_behind_an_early_answer_are_not_forgotten() {
    let mut world = World::new();
    let caller = world.call_with("alice", "bob", Some(seeking(false, true)));
    let callee = world.only();
    let candidate = |port: u16| IceCandidate { component: 1, priority: 9, address: ([198, 51, 100, 7], port).into() };
    let named = |phase, port| LegState { candidates: vec![candidate(port)], ..LegState::new(phase) };
    let early = MediaExchange::Answer(audio(8_000, &[pcmu()], Direction::SendReceive));
    world.progress(callee, LegState::new(LegPhase::Early).with_media(Some(early)));
    assert_eq!(world.plan(0).ice.as_ref().unwrap().candidates, []);
    world.ask(caller, Command::Set, named(LegPhase::Early, 6_000));
    assert_eq!(world.plan(0).ice.as_ref().unwrap().candidates, [candidate(6_000)]);
    let generation = world.plan(0).generation;
    world.answer(callee);
    assert_eq!(world.plan(0).ice.as_ref().unwrap().candidates, [candidate(6_000)]);
    assert_eq!(world.plan(0).generation, generation);
    world.ask(caller, Command::Set, named(LegPhase::Answered, 6_002));
    assert_eq!(world.plan(0).ice.as_ref().unwrap().candidates, [6_000, 6_002].map(candidate));
    world.hang_up(caller);
    world.assert_over();
}

//! Platforms that are told of and are not there: they cost those that are nothing.

use crate::hostile::announced;
use crate::network::{Network, millis};
use crate::raw::{Raw, hello};
use router::bridge::Output;
use router::bridge::message::{
    Announced, Heartbeat, HeartbeatAnswer, Hello, write_heartbeat, write_heartbeat_answer, write_hello, write_platforms,
};
use router::limits::{ADDRESSES, FORGET_S, UNMET_FORGET_S};
use router::parameter::PlatformState::{Down, Linked, Via};
use router::parameter::{Parameter, Platform, Reason, Resource, ResourceState, Status};
use router::time::Duration;
use router::{Address, Command, ModuleKind, Packet, PlatformId, Service, Transaction, one};

const SECOND: Duration = Duration::from_secs(1);

/// As many as a list may have, at addresses that answer nothing.
fn ghosts() -> Vec<Announced> {
    let address =
        |number: u32, index: usize| format!("192.0.2.{}:{}", number % 250, 1_000 + number as usize * 4 + index);
    (0..250)
        .map(|number| announced(1_000 + number, (0..ADDRESSES).map(|index| address(number, index)).collect()))
        .collect()
}

#[test]
fn platforms_that_were_parted_are_linked_again_long_after_a_list_of_ghosts() {
    let mut network = Network::by_gossip(10, 4);
    network.run(2 * SECOND);
    for node in 0..3 {
        let mut list = Vec::new();
        write_platforms(&ghosts(), &mut list);
        let connection = network.between(3, node)[0];
        network.inject(connection, node, list);
    }
    network.run(millis(500));
    assert!(network.node(1).states().len() > 200, "they are believed for the moment");
    network.run(10 * SECOND);
    network.kill(3);
    network.run(60 * SECOND);
    // Neither of these is in the other's configuration.
    network.part(1, 2);
    network.run(10 * SECOND);
    network.part(0, 2);
    network.run(10 * SECOND);
    assert_eq!(network.node(2).states().values().filter(|state| **state == Linked).count(), 0);
    network.parted.clear();
    network.run(36 * SECOND);
    for index in 0..3 {
        let states = network.node(index).states();
        assert_eq!(states.values().filter(|state| **state == Linked).count(), 2, "{states:?}");
    }
    // One that ends and comes again, under the same number.
    let config = network.kill(2).config;
    network.run(20 * SECOND);
    network.start(2, config);
    network.run(SECOND);
    assert_eq!(network.node(2).states()[&1], Linked);
    network.run(36 * SECOND);
    assert_eq!((network.node(2).states()[&2], network.node(1).states()[&3]), (Linked, Linked));
}

/// Time passes, second by second, while the peer lives.
fn pass(raw: &mut Raw, seconds: u64) {
    for _ in 0..seconds {
        raw.now = raw.now.later(SECOND);
        raw.say(|buffer| {
            write_heartbeat(&Heartbeat { number: 1, modules: Vec::new() }, buffer);
            (1..200).for_each(|number| write_heartbeat_answer(HeartbeatAnswer { number }, buffer));
        });
        raw.bridge.handle_timeout(raw.now);
        raw.collect();
    }
}

/// What the interface answers a module of its platform.
fn ask(raw: &mut Raw, command: Command, what: impl Into<Parameter>) -> Packet {
    let request = Packet {
        source: Address::local(ModuleKind::Control, 0),
        destination: Address::local(ModuleKind::Bridge, 0),
        transaction: Transaction(77),
        command,
        parameters: one(what.into()),
    };
    if let Some(received) = raw.bridge.outbox().handle_packet(request) {
        raw.bridge.handle_received(raw.now, received);
    }
    let mut sent = std::iter::from_fn(|| raw.bridge.outbox().poll_transmit());
    sent.find(|packet| packet.transaction == Transaction(77) && packet.command.is_final()).expect("an answer")
}

fn health(raw: &mut Raw) -> Resource {
    let answer = ask(raw, Command::Query, Status::default());
    let Some(Parameter::Status(status)) = answer.first() else { panic!("{answer:?}") };
    status.resources.iter().find(|resource| resource.name == "platforms").unwrap().clone()
}

fn known(raw: &Raw) -> Vec<u32> {
    raw.bridge.platforms().iter().skip(1).map(|platform| platform.id.0).collect()
}

#[test]
fn who_was_never_met_is_missed_by_nobody_and_gone_soon() {
    let mut raw = Raw::up();
    raw.say(|buffer| write_platforms(&ghosts(), buffer));
    pass(&mut raw, 1);
    assert_eq!(known(&raw).len(), 251);
    raw.say(|buffer| write_platforms(&[], buffer));
    pass(&mut raw, 1);
    assert_eq!(health(&mut raw).state, ResourceState::Ready);
    pass(&mut raw, UNMET_FORGET_S + 31);
    assert_eq!(known(&raw), [2]);
    // The one that was met is missed.
    raw.bridge.handle_closed(raw.now, raw.link, None);
    let health = health(&mut raw);
    assert_eq!((health.state, health.detail.as_deref()), (ResourceState::Degraded, Some("1 of them down: raw")));
}

#[test]
fn the_operator_has_a_platform_forgotten_that_is_not_there() {
    let mut raw = Raw::up();
    raw.say(|buffer| write_platforms(&[announced(7, vec!["192.0.2.7:1".to_owned()])], buffer));
    let forget = |raw: &mut Raw, id: u32, name: &str| {
        let of = Platform { id: PlatformId(id), name: name.to_owned(), ..Platform::default() };
        let answer = ask(raw, Command::Close, of);
        (answer.command == Command::Failed)
            .then(|| (answer.failure().reason, answer.failure().detail.unwrap_or_default()))
    };
    let because = |reason, text: &str| Some((reason, text.to_owned()));
    assert_eq!(forget(&mut raw, 2, ""), because(Reason::Invalid, "it is linked"));
    assert_eq!(forget(&mut raw, 7, ""), because(Reason::Invalid, "platform 2 tells of it"));
    assert_eq!(forget(&mut raw, 8, ""), because(Reason::NotFound, ""));
    assert_eq!(forget(&mut raw, 0, ""), because(Reason::NotFound, ""));
    // A second one of that name, which was met, too.
    let second = raw.bridge.handle_accepted(raw.now, "192.0.2.5:1".to_owned(), None).unwrap();
    let mut octets = Vec::new();
    write_hello(&Hello { platform: PlatformId(5), epoch: 5, ..hello() }, &mut octets);
    raw.bridge.handle_bytes(raw.now, second, &octets);
    raw.bridge.handle_closed(raw.now, second, None);
    raw.bridge.handle_closed(raw.now, raw.link, None);
    let states: Vec<_> = raw.bridge.platforms().iter().skip(1).map(|platform| platform.state).collect();
    assert_eq!(states, [Down, Down, Down]);
    assert_eq!(forget(&mut raw, 0, "raw"), because(Reason::NotFound, ""), "two have that name");
    assert_eq!((forget(&mut raw, 2, ""), forget(&mut raw, 7, "")), (None, None));
    assert_eq!((forget(&mut raw, 0, "raw"), known(&raw)), (None, Vec::new()));
    assert_eq!(health(&mut raw).state, ResourceState::Ready);
    // Nothing is dialled any more.
    raw.now = raw.now.later(Duration::from_secs(FORGET_S));
    raw.bridge.handle_timeout(raw.now);
    let dialled = std::iter::from_fn(|| raw.bridge.poll_output());
    assert_eq!(dialled.filter(|output| matches!(output, Output::Connect(..))).count(), 0);
}

#[test]
fn who_follows_the_platforms_is_told_of_one_that_is_forgotten() {
    let mut raw = Raw::up();
    assert_eq!(ask(&mut raw, Command::Subscribe, Platform::default()).command, Command::Done);
    let told = |raw: &mut Raw| -> Vec<Platform> {
        raw.bridge.handle_timeout(raw.now);
        let sent = std::iter::from_fn(|| raw.bridge.outbox().poll_transmit());
        let notices = sent.filter(|packet| packet.command == Command::Notify);
        let platform = |packet: Packet| match packet.parameters.into_iter().next() {
            Some(Parameter::Platform(platform)) => Some(*platform),
            _ => None,
        };
        notices.filter_map(platform).collect()
    };
    // By the operator.
    raw.say(|buffer| write_platforms(&[announced(7, vec!["192.0.2.7:1".to_owned()])], buffer));
    raw.say(|buffer| write_platforms(&[], buffer));
    pass(&mut raw, 1);
    told(&mut raw);
    let seven = Platform { id: PlatformId(7), ..Platform::default() };
    assert_eq!(ask(&mut raw, Command::Close, seven).command, Command::Done);
    pass(&mut raw, 1);
    let all = told(&mut raw);
    assert!(matches!(&all[..], [gone] if gone.id == PlatformId(7) && gone.is_forgotten()), "{all:?}");
    // By itself.
    raw.say(|buffer| write_platforms(&[announced(8, vec!["192.0.2.8:1".to_owned()])], buffer));
    raw.say(|buffer| write_platforms(&[], buffer));
    pass(&mut raw, 1);
    let all = told(&mut raw);
    assert!(all.iter().all(|platform| platform.id != PlatformId(8) || !platform.is_forgotten()), "{all:?}");
    pass(&mut raw, UNMET_FORGET_S + 31);
    let all = told(&mut raw);
    assert!(all.iter().any(|gone| gone.id == PlatformId(8) && gone.is_forgotten()), "{all:?}");
}

#[test]
fn a_platform_that_is_told_of_again_is_there_again() {
    let mut raw = Raw::up();
    for _ in 0..2 {
        raw.say(|buffer| write_platforms(&[announced(7, Vec::new())], buffer));
        assert_eq!(raw.bridge.platforms()[2].state, Via);
        pass(&mut raw, 1);
        raw.say(|buffer| write_platforms(&[], buffer));
        assert_eq!(raw.bridge.platforms()[2].state, Down);
        let of = Platform { id: PlatformId(7), ..Platform::default() };
        assert_eq!(ask(&mut raw, Command::Close, of).command, Command::Done);
        pass(&mut raw, 1);
    }
}

//! Platforms that come and go, thousands of them in the life of a link: nobody who means well loses a link or a packet by it.

use crate::hostile::{Between, announced, lists};
use crate::network::{Network, config, millis};
use crate::node::{Node, on};
use crate::raw::{Raw, query};
use router::bridge::Config;
use router::bridge::message::{LinkMessage, Order, read_message, write_packet, write_platforms};
use router::limits::{CLAIM_HELD_S, PLATFORMS};
use router::parameter::PlatformState::{Linked, Via};
use router::parameter::Reason;
use router::time::Duration;
use router::{Address, ModuleKind, Packet, PlatformId, Transaction};

/// The numbers of a list that has no platform of another one.
fn wave(number: u32) -> std::ops::Range<u32> {
    let first = 1_000 + number * 200;
    first..first + 200
}

#[test]
fn who_announces_ever_new_platforms_speaks_for_each_of_them() {
    let mut raw = Raw::up();
    for number in 0..50 {
        raw.say(|buffer| {
            let list: Vec<_> = wave(number).map(|platform| announced(platform, Vec::new())).collect();
            write_platforms(&list, buffer);
            // What the last one sent comes behind the list that lacks it.
            let former = wave(number.saturating_sub(1));
            for (platform, transaction) in wave(number).chain(former).zip(1..) {
                let request = Packet { transaction: Transaction(transaction), ..query(platform) };
                write_packet(4, Order::default(), &request, buffer);
            }
        });
        assert_eq!(raw.delivered().len(), 400, "wave {number}");
        raw.now = raw.now.later(millis(500));
    }
    assert_eq!((raw.is_closed, raw.bridge.counters().refused), (false, 0));
}

#[test]
fn what_is_announced_no_more_is_refused_after_a_while_and_the_link_stays() {
    let mut raw = Raw::up();
    raw.say(|buffer| write_platforms(&[announced(7, Vec::new())], buffer));
    for _ in 0..=3 * CLAIM_HELD_S {
        raw.say(|buffer| write_platforms(&[], buffer));
        raw.now = raw.now.later(Duration::from_secs(1));
    }
    for platform in [7, 8] {
        raw.said.clear();
        raw.say(|buffer| write_packet(4, Order::default(), &query(platform), buffer));
        let [answer] = &raw.packets()[..] else { panic!("an answer") };
        assert_eq!((answer.failure().reason, answer.destination), (Reason::PlatformAbsent, query(platform).source));
    }
    assert_eq!((raw.is_closed, raw.delivered().len(), raw.bridge.counters().refused), (false, 0, 2));
    let said = raw.bridge.platforms()[1].last_error.clone();
    assert!(said.is_some_and(|said| said.contains("platform 7, which it does not announce")));
}

#[test]
fn an_answer_over_the_link_of_its_request_is_taken_whoever_is_announced() {
    let mut between = Between::new();
    let seven = || [announced(7, Vec::new())];
    between.says(1, |_, buffer| write_platforms(&seven(), buffer));
    between.second_says(|buffer| write_platforms(&seven(), buffer));
    let asked = Packet {
        source: Address::local(ModuleKind::Control, 0),
        destination: on(7, Address::local(ModuleKind::Store, 0)),
        ..query(2)
    };
    between.raw.bridge.handle_outbound(between.raw.now, asked.clone());
    // It is reached through the second one from now on, and the first may answer for it still.
    for _ in 0..=3 * CLAIM_HELD_S {
        between.says(1, |_, buffer| write_platforms(&[], buffer));
        between.raw.now = between.raw.now.later(Duration::from_secs(1));
    }
    assert!(between.raw.delivered().is_empty());
    let failed = Packet { destination: on(1, asked.source), ..asked.failed(Reason::PlatformAbsent) };
    between.says(2, |_, buffer| write_packet(4, Order::default(), &failed, buffer));
    assert_eq!(between.raw.delivered().len(), 1, "once");
}

#[test]
fn packets_of_ever_new_platforms_are_passed_on() {
    let mut between = Between::new();
    let to_five = |platform| Packet { destination: on(5, Address::local(ModuleKind::Store, 0)), ..query(platform) };
    for number in 0..50 {
        between.says(1, |_, buffer| {
            let list: Vec<_> = wave(number).map(|platform| announced(platform, Vec::new())).collect();
            write_platforms(&list, buffer);
        });
        for _ in 0..10 {
            between.later(100);
        }
        let told = lists(&between.heard());
        assert!(told.last().is_some_and(|told| wave(number).all(|platform| told.contains(&platform))), "{told:?}");
        between.says(1, |_, buffer| {
            wave(number).for_each(|platform| write_packet(4, Order::default(), &to_five(platform), buffer));
        });
        let packets = between.heard();
        let is_packet = |content: &&Vec<u8>| matches!(read_message(content), Ok(LinkMessage::Packet(_)));
        assert_eq!(packets.iter().filter(is_packet).count(), 200, "wave {number}");
        between.lives();
    }
}

#[test]
fn hundreds_of_platforms_live_for_a_moment_each_and_three_stay_linked() {
    // Each of these reaches the third through the first.
    const SHORT: usize = 3;
    let mut network = Network::by_gossip(9, SHORT);
    network.part(SHORT, 2);
    network.run(Duration::from_secs(2));
    let since = |network: &mut Network| [(0, 2), (0, 3), (1, 3)].map(|(of, id)| network.node(of).platform(id).since);
    let before = since(&mut network);
    network.nodes.push(None);
    for life in 0..PLATFORMS as u32 + 50 {
        let config = Config { platform: PlatformId(100 + life), ..config(SHORT, &[0]) };
        let random = network.random.fork();
        network.nodes[SHORT] = Some(Node::new(config, network.now, random));
        network.run(millis(300));
        assert_eq!(network.node(2).states().get(&(100 + life)), Some(&Via), "life {life}");
        let now = network.now;
        let asked = network.node(SHORT).ask(now, PlatformId(3), Duration::from_secs(60));
        network.run(millis(100));
        let node = network.node(SHORT);
        assert_eq!(node.finals[&asked], 1, "life {life}");
        assert!(!node.reasons.contains_key(&Some(Reason::PlatformAbsent)), "life {life}");
        network.kill(SHORT);
        network.run(millis(100));
        assert_eq!(since(&mut network), before, "life {life}: their links are the first ones");
    }
    for index in 0..SHORT {
        let states = network.node(index).states();
        assert_eq!(states.values().filter(|state| **state == Linked).count(), SHORT - 1);
    }
}

//! The order of packets between platforms that forget each other, and what others can do to it.

use crate::hostile::{Between, announced};
use crate::network::{Network, config, millis};
use crate::node::{ASKER, Node, on};
use crate::raw::{hello, query};
use router::bridge::message::{Announced, Hello, Order, write_hello, write_packet, write_platforms};
use router::limits::SETTLED_MS;
use router::parameter::PlatformState::{Down, Linked, Via};
use router::parameter::{Platform, Reason};
use router::time::{Duration, Now};
use router::{Address, Command, Instance, ModuleKind, Packet, PlatformId, one};

const SECOND: Duration = Duration::from_secs(1);

/// The operator has a platform forgotten.
fn forget(node: &mut Node, now: Now, id: u32) {
    let bridge = Address::local(ModuleKind::Bridge, 0);
    let of = Platform { id: PlatformId(id), ..Platform::default() };
    node.asker.request(now.instant, Instance(1), bridge, Command::Close, one(of), SECOND);
    node.turn(now);
    assert!(!node.states().contains_key(&id));
}

/// Each of two nodes asks the other, and tells it something: all of it is served.
fn both_ways(network: &mut Network, nodes: [usize; 2]) {
    for [from, to] in [nodes, [nodes[1], nodes[0]]] {
        let now = network.now;
        let (served, notices) = (network.node(to).served, network.node(to).notices);
        for _ in 0..20 {
            network.node(from).ask(now, PlatformId(to as u32 + 1), SECOND);
            network.node(from).tell(to as u32 + 1);
        }
        network.run(SECOND);
        assert_eq!((network.node(to).served - served, network.node(to).notices - notices), (20, 20), "{from} to {to}");
        assert_eq!(network.node(from).reasons.get(&Some(Reason::PlatformAbsent)), None);
        assert_eq!(network.node(to).bridge.counters().overtaken, 0);
    }
}

#[test]
fn a_platform_that_forgot_another_one_is_served_by_it_again() {
    for who in 0..2 {
        // Each dials the other.
        let mut network = Network::new(20 + who as u64, vec![config(0, &[1]), config(1, &[0])]);
        network.run(2 * SECOND);
        both_ways(&mut network, [0, 1]);
        network.part(0, 1);
        network.run(10 * SECOND);
        assert_eq!((network.node(0).states()[&2], network.node(1).states()[&1]), (Down, Down));
        let now = network.now;
        forget(network.node(who), now, 2 - who as u32);
        network.parted.clear();
        network.run(60 * SECOND);
        assert_eq!((network.node(0).states()[&2], network.node(1).states()[&1]), (Linked, Linked));
        both_ways(&mut network, [0, 1]);
    }
}

#[test]
fn so_are_platforms_that_never_had_a_link_and_lost_who_is_between() {
    // 0 and 2 have no link of their own, and 0 hears of 2 only as long as its link to 1 is there.
    let mut network = Network::new(23, vec![config(0, &[1]), config(1, &[]), config(2, &[1])]);
    network.part(0, 2);
    network.run(5 * SECOND);
    assert_eq!((network.node(0).states()[&3], network.node(2).states()[&1]), (Via, Via));
    both_ways(&mut network, [0, 2]);
    network.part(0, 1);
    network.run(20 * SECOND);
    let now = network.now;
    forget(network.node(0), now, 3);
    network.parted.remove(&(0, 1));
    network.parted.remove(&(1, 0));
    network.run(40 * SECOND);
    assert_eq!((network.node(0).states()[&3], network.node(2).states()[&1]), (Via, Via));
    both_ways(&mut network, [0, 2]);
}

/// A notice that one of platform 7 sends, at that place of its order.
fn say_of_seven(sequence: u64) -> impl FnOnce(&mut Vec<u8>) {
    move |buffer| write_packet(4, Order { epoch: 70, sequence }, &query(7), buffer)
}

#[test]
fn whoever_passes_packets_on_takes_no_order_from_who_has_a_link_of_its_own() {
    let mut between = Between::new();
    let seven = Announced { epoch: 70, ..announced(7, Vec::new()) };
    between.says(1, |_, buffer| write_platforms(std::slice::from_ref(&seven), buffer));
    // It has a request under way to 7, of which it answers itself later.
    let ask = Packet { source: ASKER, destination: on(7, Address::local(ModuleKind::Store, 0)), ..query(1) };
    between.raw.bridge.handle_outbound(between.raw.now, ask.clone());
    between.says(1, |_, buffer| say_of_seven(u64::MAX)(buffer));
    assert_eq!(between.raw.delivered().len(), 1, "nobody but the neighbour can speak for it");
    let link = between.raw.bridge.handle_accepted(between.raw.now, "192.0.2.7:1".to_owned(), None).unwrap();
    let say = |between: &mut Between, write: &mut dyn FnMut(&mut Vec<u8>)| {
        let mut octets = Vec::new();
        write(&mut octets);
        between.raw.bridge.handle_bytes(between.raw.now, link, &octets);
        between.raw.delivered().len()
    };
    assert_eq!(
        say(&mut between, &mut |buffer| write_hello(&Hello { platform: PlatformId(7), epoch: 70, ..hello() }, buffer)),
        0
    );
    between.says(1, |_, buffer| say_of_seven(u64::MAX)(buffer));
    between.raw.now = between.raw.now.later(millis(SETTLED_MS));
    assert_eq!(say(&mut between, &mut |buffer| say_of_seven(3)(buffer)), 1, "its own link has its own order");
    // What was asked through the neighbour is answered through it, and says nothing of that order either.
    let answer = Packet { source: ask.destination, destination: on(1, ASKER), command: Command::Done, ..ask };
    let order = Order { epoch: 70, sequence: u64::MAX };
    between.says(1, |_, buffer| write_packet(4, order, &answer, buffer));
    assert_eq!(between.raw.delivered().len(), 1);
    assert_eq!(say(&mut between, &mut |buffer| say_of_seven(4)(buffer)), 1);
    assert_eq!(say(&mut between, &mut |buffer| say_of_seven(4)(buffer)), 0, "within which nothing is overtaken");
    // Without its link it is reached through the neighbours again, in its order.
    between.raw.bridge.handle_closed(between.raw.now, link, None);
    between.says(1, |_, buffer| {
        say_of_seven(4)(buffer);
        say_of_seven(5)(buffer);
    });
    assert_eq!(between.raw.delivered().len(), 1);
}

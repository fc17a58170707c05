//! One fault each: what it does to whom, and how soon.

use crate::hostile::announced;
use crate::network::{Network, config, millis};
use crate::node::{Manner, on};
use crate::raw::{Raw, hello, query};
use router::bridge::message::{
    Announced, Bye, ByeReason, Forwarded, Header, Heartbeat, Hello, LinkMessage, Offered, Order, read_message,
    write_bye, write_forwarded, write_heartbeat, write_hello, write_packet, write_platforms,
};
use router::bridge::{Config, Identity, Output};
use router::limits::{
    ADDRESSES, FRAME_BYTES, LINK_REQUEST_BYTES, NAME_BYTES, NEWCOMERS_OF_SOURCE, NEWCOMERS_UNHEARD_OF, OFFERED,
    PLATFORMS,
};
use router::parameter::PlatformState::{Down, Linked, Via};
use router::parameter::{Extension, MediaPort, PortId, Reason, Selection};
use router::time::Duration;
use router::{Address, Command, Instance, ModuleKind, Packet, Parameters, PlatformId, Service, Transaction, one};
use std::collections::BTreeSet;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

fn absent(network: &mut Network, node: usize) -> usize {
    network.node(node).reasons.get(&Some(Reason::PlatformAbsent)).copied().unwrap_or(0)
}

#[test]
fn a_link_that_is_cut_in_a_burst_fails_what_was_in_flight_at_once() {
    let mut network = Network::by_gossip(1, 2);
    network.run(2 * SECOND);
    network.node(1).manner = Manner::Within(3);
    let now = network.now;
    for _ in 0..500 {
        network.node(0).ask(now, PlatformId(2), MINUTE);
    }
    network.run(millis(3));
    network.cut(0);
    network.run(millis(50));
    let node = network.node(0);
    assert!(node.finals.values().all(|answers| *answers == 1));
    let failed = absent(&mut network, 0);
    assert!((1..500).contains(&failed), "{failed}");
    network.run(SECOND);
    assert_eq!(network.node(0).states()[&2], Linked, "and the link is back");
    assert_eq!(network.node(0).bridge.counters().late, 0);
}

#[test]
fn a_link_that_is_cut_every_other_second_is_back_at_once_each_time() {
    let mut network = Network::by_gossip(5, 2);
    network.run(2 * SECOND);
    for cut in 0..20 {
        for connection in network.between(0, 1) {
            network.cut(connection);
        }
        network.run(millis(500));
        assert_eq!(network.node(0).states()[&2], Linked, "after cut {cut}");
        network.run(millis(1_500));
    }
}

#[test]
fn a_platform_that_falls_silent_is_gone_within_three_heartbeats() {
    let mut network = Network::by_gossip(2, 2);
    network.run(2 * SECOND);
    network.part(0, 1);
    let now = network.now;
    let asked = network.node(0).ask(now, PlatformId(2), MINUTE);
    network.run(5 * SECOND);
    let after = network.node(0).answered_at[&asked].since(now.instant);
    assert!(after <= millis(3_100), "{after:?}");
    assert_eq!(absent(&mut network, 0), 1);
    let platform = network.node(0).platform(2);
    assert_eq!(platform.state, Down);
    assert!(platform.last_error.is_some_and(|error| error.contains("nothing came for")));
    // Asked now, it is absent at once; and the link comes back by itself.
    let now = network.now;
    network.node(0).ask(now, PlatformId(2), MINUTE);
    network.run(millis(1));
    assert_eq!(absent(&mut network, 0), 2);
    network.parted.clear();
    network.run(40 * SECOND);
    assert_eq!(network.node(0).states()[&2], Linked);
}

#[test]
fn a_half_closed_link_is_none() {
    let mut network = Network::by_gossip(3, 2);
    network.run(2 * SECOND);
    network.node(1).manner = Manner::Never;
    let now = network.now;
    network.node(0).ask(now, PlatformId(2), MINUTE);
    network.run(millis(10));
    network.end(0, 1, None);
    network.run(millis(10));
    assert_eq!(absent(&mut network, 0), 1);
    network.run(10 * SECOND);
    assert_eq!((network.node(0).states()[&2], network.node(1).states()[&1]), (Linked, Linked));
}

#[test]
fn a_peer_that_never_reads_is_let_go_and_holds_up_nobody_else() {
    let mut network = Network::by_gossip(4, 3);
    network.run(2 * SECOND);
    let link = network.between(0, 1)[0];
    network.stall(link, 0);
    let filler = one(Extension { name: "filler".to_owned(), bytes: vec![0; 1 << 14] });
    let now = network.now;
    for _ in 0..1_000 {
        let node = network.node(0);
        let to = on(2, crate::node::ANSWERER);
        let asked = node.asker.request(now.instant, Instance(1), to, Command::Query, filler.clone(), MINUTE);
        node.finals.insert(asked, 0);
    }
    network.pump();
    let (_, octets) = network.node(0).bridge.waiting();
    assert!(octets <= LINK_REQUEST_BYTES + (1 << 15), "{octets}");
    let busy = network.node(0).reasons.get(&Some(Reason::Busy)).copied().unwrap_or(0);
    assert!((500..900).contains(&busy), "{busy}");
    network.node(0).ask(now, PlatformId(3), SECOND);
    network.run(millis(20));
    assert_eq!(network.node(2).served, 1);
    network.run(4 * SECOND);
    assert!(network.node(0).finals.values().all(|answers| *answers == 1));
    assert_eq!(network.node(0).bridge.waiting(), (0, 0));
    network.run(MINUTE);
    assert_eq!(network.node(0).states()[&2], Linked);
}

#[test]
fn three_that_part_into_two_and_one_heal() {
    let mut network = Network::by_gossip(5, 3);
    network.run(2 * SECOND);
    network.part(0, 2);
    network.part(1, 2);
    network.run(10 * SECOND);
    assert_eq!(network.node(0).states().into_iter().collect::<Vec<_>>(), [(2, Linked), (3, Down)]);
    assert_eq!(network.node(2).states().into_iter().collect::<Vec<_>>(), [(1, Down), (2, Down)]);
    network.parted.clear();
    network.run(MINUTE);
    for index in 0..3 {
        assert!(network.node(index).states().values().all(|state| *state == Linked));
    }
    // One missing link, and there is a way around it.
    network.part(0, 2);
    network.run(5 * SECOND);
    assert_eq!(network.node(0).states()[&3], Via);
    let now = network.now;
    network.node(0).ask(now, PlatformId(3), SECOND);
    network.run(SECOND);
    assert_eq!(network.node(2).served, 1);
    // The platform in the middle dies with a request in it.
    network.node(2).manner = Manner::Never;
    let now = network.now;
    let asked = network.node(0).ask(now, PlatformId(3), MINUTE);
    network.run(millis(10));
    network.kill(1);
    network.run(4 * SECOND);
    assert!(network.node(0).answered_at[&asked].since(now.instant) < SECOND);
    assert_eq!(network.node(0).states()[&3], Down);
}

#[test]
fn of_two_platforms_with_one_identity_the_first_stays_and_the_other_is_told() {
    // The second one calls itself 2, too, and lives at another address.
    let second = Config { platform: PlatformId(2), ..config(2, &[0]) };
    let mut network = Network::new(6, vec![config(0, &[]), config(1, &[0])]);
    network.run(2 * SECOND);
    let random = network.random.fork();
    network.nodes.push(Some(crate::node::Node::new(second, network.now, random)));
    network.run(10 * SECOND);
    let error = network.node(0).platform(2).last_error;
    assert!(error.is_some_and(|error| error.contains("another living platform")));
    assert_eq!(network.node(0).platform(2).name, "node 2");
    let error = network.node(2).platform(1).last_error;
    assert!(error.is_some_and(|error| error.contains("identity-taken")));
    let now = network.now;
    network.node(0).ask(now, PlatformId(2), SECOND);
    network.run(SECOND);
    assert_eq!((network.node(1).served, network.node(2).served), (1, 0));
    // Once the first is gone, the other is who it says it is.
    network.kill(1);
    network.run(MINUTE);
    assert_eq!(network.node(0).platform(2).name, "node 3");
}

#[test]
fn a_platform_that_stops_is_down_at_once_and_one_that_dials_itself_is_not_linked() {
    let mut network = Network::new(7, vec![config(0, &[0]), config(1, &[0])]);
    network.run(5 * SECOND);
    assert_eq!(network.node(0).states().into_iter().collect::<Vec<_>>(), [(2, Linked)]);
    let now = network.now;
    network.node(1).bridge.handle_stop(now);
    network.run(millis(20));
    assert_eq!(network.node(0).states()[&2], Down);
    network.run(MINUTE);
    assert_eq!(network.connections.len(), 0);
}

#[test]
fn what_is_no_message_closes_the_link_and_says_why() {
    type Say = fn(&mut Vec<u8>);
    let cases: [(&str, Say, ByeReason); 7] = [
        ("no CBOR", |buffer| buffer.extend([0, 0, 0, 2, 0xff, 0xff]), ByeReason::Malformed),
        ("too long", |buffer| buffer.extend((FRAME_BYTES as u32 + 1).to_be_bytes()), ByeReason::Malformed),
        ("a request of HTTP", |buffer| buffer.extend(b"GET / HTTP/1.1\r\n"), ByeReason::Malformed),
        ("hello again", |buffer| write_hello(&hello(), buffer), ByeReason::Misbehaved),
        ("for us", |buffer| write_packet(4, Order::default(), &query(1), buffer), ByeReason::Misbehaved),
        (
            "parameters that are cut",
            |buffer| {
                let header = Header::of(&query(2));
                let forwarded = Forwarded { hops: 4, order: Order::default(), header, parameters: &[0x82, 0x01] };
                write_forwarded(&forwarded, buffer);
            },
            ByeReason::Malformed,
        ),
        (
            "more platforms than there may be",
            |buffer| {
                let announced = Announced {
                    platform: PlatformId(3),
                    name: String::new(),
                    epoch: 1,
                    software: None,
                    addresses: Vec::new(),
                    modules: Vec::new(),
                    distance: 1,
                    via: PlatformId(3),
                };
                write_platforms(&vec![announced; PLATFORMS + 1], buffer);
            },
            ByeReason::Malformed,
        ),
    ];
    for (what, say, reason) in cases {
        let mut raw = Raw::up();
        raw.say(say);
        if what == "more platforms than there may be" {
            // Well-formed, perhaps a later version's: passed over.
            assert!(!raw.is_closed);
            continue;
        }
        assert_eq!(raw.bye(), Some(reason as u8), "{what}");
        assert_eq!(raw.bridge.waiting(), (0, 0));
    }
}

#[test]
fn a_hello_is_checked() {
    let module = Offered { kind: 3, index: 0, load_thousandths: 0 };
    let cases = [
        (Hello { oldest: 2, version: 3, ..hello() }, Some(ByeReason::Version)),
        (Hello { version: 2, ..hello() }, None),
        (Hello { version: 0, oldest: 0, ..hello() }, Some(ByeReason::Version)),
        (Hello { platform: PlatformId(1), ..hello() }, Some(ByeReason::IdentityTaken)),
        (Hello { platform: PlatformId::ANY, ..hello() }, Some(ByeReason::Misbehaved)),
        (Hello { platform: PlatformId::HERE, ..hello() }, Some(ByeReason::Misbehaved)),
        (Hello { name: "n".repeat(NAME_BYTES), addresses: vec!["a:1".to_owned(); ADDRESSES], ..hello() }, None),
        (Hello { name: "n".repeat(NAME_BYTES + 1), ..hello() }, Some(ByeReason::Malformed)),
        (Hello { addresses: vec!["a:1".to_owned(); ADDRESSES + 1], ..hello() }, Some(ByeReason::Malformed)),
        (Hello { modules: vec![module; OFFERED + 1], ..hello() }, Some(ByeReason::Malformed)),
        (Hello { modules: vec![module; OFFERED], ..hello() }, None),
    ];
    for (hello, reason) in cases {
        let mut raw = Raw::new();
        raw.say(|buffer| write_hello(&hello, buffer));
        assert_eq!(raw.bye(), reason.map(|reason| reason as u8), "{hello:?}");
        if reason == Some(ByeReason::Malformed) {
            let said = raw.said.back().map(|content| read_message(content));
            let Some(Ok(LinkMessage::Bye(Bye { text: Some(text), .. }))) = said else { panic!("a bye") };
            assert!(text.starts_with("not a hello: "), "{text}");
        }
    }
    // Something else first, too much of it, nothing.
    let mut raw = Raw::new();
    raw.say(|buffer| write_heartbeat(&Heartbeat { number: 1, modules: Vec::new() }, buffer));
    assert_eq!(raw.bye(), Some(ByeReason::Malformed as u8));
    let mut raw = Raw::new();
    raw.say(|buffer| buffer.extend((1u32 << 17).to_be_bytes()));
    assert_eq!(raw.bye(), Some(ByeReason::Malformed as u8));
    let mut raw = Raw::new();
    raw.now = raw.now.later(6 * SECOND);
    raw.bridge.handle_timeout(raw.now);
    raw.collect();
    assert_eq!(raw.bye(), Some(ByeReason::Silent as u8));
}

#[test]
fn a_certificate_names_the_platform() {
    for (identity, reason) in [(2, None), (3, Some(ByeReason::IdentityMismatch as u8))] {
        let mut raw = Raw::new();
        let identity = Identity { name: Some("raw".to_owned()), ..Identity::of(PlatformId(identity)) };
        raw.link = raw.bridge.handle_accepted(raw.now, "192.0.2.3:1".to_owned(), Some(identity)).unwrap();
        raw.say(|buffer| write_hello(&hello(), buffer));
        assert_eq!(raw.bye(), reason);
    }
}

/// A hello of platform 2 that says that name, on a link whose certificate says that one.
fn named(raw: &mut Raw, name: &str, certificate: Option<&str>) {
    let identity = certificate.map(|name| Identity { name: Some(name.to_owned()), ..Identity::of(PlatformId(2)) });
    raw.link = raw.bridge.handle_accepted(raw.now, "192.0.2.3:1".to_owned(), identity).unwrap();
    raw.say(|buffer| write_hello(&Hello { name: name.to_owned(), ..hello() }, buffer));
}

#[test]
fn a_name_is_what_the_certificate_says_or_the_platforms_own_number() {
    let mismatch = Some(ByeReason::IdentityMismatch as u8);
    for (name, certificate, reason) in [
        ("west", Some("west"), None),
        ("", Some("west"), None),
        ("platform-2", Some("west"), None),
        ("east", Some("west"), mismatch),
        ("West", Some("west"), mismatch),
        ("7", Some("west"), mismatch),
        ("platform-7", Some("west"), mismatch),
        ("west", None, None),
        ("7", None, mismatch),
        ("platform-7", None, mismatch),
        ("one", Some("one"), Some(ByeReason::IdentityTaken as u8)),
    ] {
        let mut raw = Raw::new();
        named(&mut raw, name, certificate);
        assert_eq!(raw.bye(), reason, "{name} {certificate:?}");
    }
}

#[test]
fn a_name_that_another_platform_has_proved_is_refused_while_that_one_is_linked() {
    let mut raw = Raw::new();
    named(&mut raw, "west", Some("west"));
    assert_eq!(raw.bye(), None);
    let first = raw.link;
    let said = |raw: &mut Raw| {
        let identity = Identity { name: Some("west".to_owned()), ..Identity::of(PlatformId(9)) };
        raw.link = raw.bridge.handle_accepted(raw.now, "192.0.2.9:1".to_owned(), Some(identity)).unwrap();
        let hello = Hello { platform: PlatformId(9), name: "west".to_owned(), epoch: 9, ..hello() };
        raw.say(|buffer| write_hello(&hello, buffer));
    };
    said(&mut raw);
    assert_eq!(raw.bye(), Some(ByeReason::IdentityTaken as u8));
    // A machine in the place of another.
    raw.is_closed = false;
    raw.bridge.handle_closed(raw.now, first, None);
    said(&mut raw);
    assert_eq!(raw.bye(), None);
}

#[test]
fn what_others_call_a_platform_that_has_said_its_name_changes_nothing() {
    let mut raw = Raw::new();
    named(&mut raw, "west", Some("west"));
    let west = raw.link;
    let other = raw.bridge.handle_accepted(raw.now, "192.0.2.5:1".to_owned(), None).unwrap();
    let mut octets = Vec::new();
    write_hello(&Hello { platform: PlatformId(5), name: "five".to_owned(), epoch: 5, ..hello() }, &mut octets);
    let told = Announced { name: "north".to_owned(), epoch: 77, ..announced(2, Vec::new()) };
    write_platforms(&[told], &mut octets);
    raw.bridge.handle_bytes(raw.now, other, &octets);
    raw.bridge.handle_closed(raw.now, west, None);
    let two = raw.bridge.platforms().into_iter().find(|platform| platform.id == PlatformId(2)).unwrap();
    assert_eq!((two.state, two.name.as_str()), (Via, "west"));
}

#[test]
fn answers_to_nothing_reach_nobody_and_what_they_opened_is_given_back() {
    let mut raw = Raw::up();
    let port = MediaPort::new(PortId(1), "127.0.0.1".parse().unwrap());
    let voice = on(2, Address::local(ModuleKind::Voice, 0).at(Instance(5)));
    let switch = on(1, Address::local(ModuleKind::Switch, 0).at(Instance(6)));
    let done = Packet {
        source: voice,
        destination: switch,
        transaction: Transaction(3),
        command: Command::Done,
        parameters: one(port),
    };
    raw.say(|buffer| write_packet(4, Order::default(), &done, buffer));
    assert_eq!(raw.delivered(), []);
    let [close] = &raw.packets()[..] else { panic!("a close") };
    assert_eq!((close.command, close.destination, close.source), (Command::Close, voice, switch));
    assert_eq!(raw.bridge.counters().late, 1);
    // An answer to a request, from another module than was asked; then from that one.
    let ask = Packet {
        source: Address::local(ModuleKind::Switch, 0),
        destination: on(2, Address::any(ModuleKind::Voice)),
        ..query(1)
    };
    raw.bridge.handle_outbound(raw.now, ask);
    let answer = |from: Address| Packet {
        source: from,
        destination: on(1, Address::local(ModuleKind::Switch, 0)),
        transaction: Transaction(9),
        command: Command::Done,
        parameters: Parameters::new(),
    };
    raw.say(|buffer| write_packet(4, Order::default(), &answer(query(2).source), buffer));
    assert_eq!(raw.delivered().len(), 0);
    raw.say(|buffer| write_packet(4, Order::default(), &answer(voice), buffer));
    raw.say(|buffer| write_packet(4, Order::default(), &answer(voice), buffer));
    assert_eq!(raw.delivered().len(), 1, "once");
    assert_eq!(raw.bridge.counters().late, 3);
}

#[test]
fn a_packet_that_was_overtaken_is_not_served() {
    let mut raw = Raw::up();
    let order = |sequence| Order { epoch: 77, sequence };
    raw.say(|buffer| write_packet(4, order(2), &query(2), buffer));
    assert_eq!(raw.delivered().len(), 1);
    raw.say(|buffer| write_packet(4, order(1), &query(2), buffer));
    assert_eq!(raw.delivered().len(), 0);
    let answers = raw.packets();
    assert!(matches!(&answers[..], [failed] if failed.failure().reason == Reason::PlatformAbsent), "{answers:?}");
    // Another life of that platform counts anew.
    raw.say(|buffer| write_packet(4, Order { epoch: 78, sequence: 1 }, &query(2), buffer));
    assert_eq!(raw.delivered().len(), 1);
}

#[test]
fn releases_that_find_no_room_are_repeated() {
    let mut raw = Raw::up();
    let stop = Packet { command: Command::Stop, ..query(2) };
    raw.say(|buffer| write_packet(4, Order::default(), &stop, buffer));
    let [packet] = &raw.delivered()[..] else { panic!("a stop") };
    let refused = router::Refused { packet: packet.clone(), reason: Reason::Busy };
    raw.bridge.handle_refused(raw.now, refused);
    assert_eq!(raw.delivered().len(), 0);
    raw.now = raw.now.later(millis(50));
    raw.bridge.handle_timeout(raw.now);
    assert_eq!(raw.delivered().len(), 1);
    assert_eq!(raw.packets().len(), 0, "its sender hears nothing of it");
}

#[test]
fn connections_that_say_nothing_are_few_and_short_and_keep_nobody_out() {
    let mut raw = Raw::new();
    let mut open = BTreeSet::from([raw.link]);
    let mut comes = |raw: &mut Raw, remote: String| {
        let link = raw.bridge.handle_accepted(raw.now, remote, None).expect("the newest has a place");
        open.insert(link);
        while let Some(output) = raw.bridge.poll_output() {
            match output {
                Output::Write(link, octets) => raw.bridge.handle_written(raw.now, link, octets.len(), 1),
                Output::Close(link, _) => drop(open.remove(&link)),
                Output::Connect(..) => {}
            }
        }
        (link, open.len())
    };
    let most = (0..1_000).map(|port| comes(&mut raw, format!("192.0.2.9:{port}")).1).max();
    assert_eq!(most, Some(1 + NEWCOMERS_OF_SOURCE));
    let most = (0..1_000).map(|port| comes(&mut raw, format!("198.51.100.{}:{port}", port % 250)).1).max();
    assert_eq!(most, Some(NEWCOMERS_UNHEARD_OF));
    // A platform among them, which needs a moment, and is none of them from then on.
    (raw.link, _) = comes(&mut raw, "203.0.113.5:1".to_owned());
    for port in 0..10 {
        comes(&mut raw, format!("198.51.100.{port}:1"));
    }
    raw.say(|buffer| write_hello(&hello(), buffer));
    for port in 0..1_000 {
        comes(&mut raw, format!("198.51.100.{}:{port}", port % 250));
    }
    assert_eq!(raw.bridge.platforms()[1].state, Linked);
    raw.now = raw.now.later(2 * SECOND);
    raw.say(|buffer| write_heartbeat(&Heartbeat { number: 1, modules: Vec::new() }, buffer));
    raw.now = raw.now.later(3 * SECOND);
    raw.say(|buffer| write_heartbeat(&Heartbeat { number: 2, modules: Vec::new() }, buffer));
    raw.bridge.handle_timeout(raw.now);
    let closed = std::iter::from_fn(|| raw.bridge.poll_output()).filter(|output| matches!(output, Output::Close(..)));
    assert_eq!(closed.count(), NEWCOMERS_UNHEARD_OF, "five seconds for a hello");
    assert_eq!(raw.bridge.platforms()[1].state, Linked);
}

#[test]
fn ten_million_packets_take_no_more_room_than_ten() {
    // The code as it is tested is slower by far than the one that runs.
    let packets: u64 = if cfg!(debug_assertions) { 300_000 } else { 10_000_000 };
    let mut raw = Raw::up();
    let notice = Packet { command: Command::Notify, transaction: Transaction::NONE, ..query(2) };
    let notice = Packet { parameters: one(Selection::default()), ..notice };
    let mut burst = Vec::new();
    (0..1_000).for_each(|_| write_packet(4, Order::default(), &notice, &mut burst));
    let mut delivered = 0;
    for _ in 0..packets / 1_000 {
        raw.bridge.handle_bytes(raw.now, raw.link, &burst);
        while raw.bridge.poll_deliver().is_some() {
            delivered += 1;
        }
        assert_eq!(raw.bridge.waiting().0, 0);
        raw.collect();
    }
    assert_eq!(delivered, packets);
    // Requests that it never reads the answers of: its link ends, and nothing is left.
    let request = query(2);
    let mut burst = Vec::new();
    (0..1_000).for_each(|_| write_packet(4, Order::default(), &request, &mut burst));
    let mut rounds = 0;
    let mut is_closed = false;
    while !is_closed {
        raw.bridge.handle_bytes(raw.now, raw.link, &burst);
        while let Some(packet) = raw.bridge.poll_deliver() {
            raw.bridge.handle_refused(raw.now, router::Refused { packet, reason: Reason::Busy });
        }
        while let Some(output) = raw.bridge.poll_output() {
            is_closed |= matches!(output, Output::Close(..));
        }
        rounds += 1;
        assert!(raw.bridge.waiting().1 < 32 << 20 && rounds < 2_000);
    }
    assert_eq!(raw.bridge.waiting(), (0, 0));
    let said = raw.bridge.platforms()[1].last_error.clone();
    assert!(said.is_some_and(|error| error.starts_with("unread")));
}

#[test]
fn a_bye_ends_a_link_and_its_text_is_bounded() {
    let mut raw = Raw::up();
    let text = Some("x\n".repeat(10_000));
    raw.say(|buffer| write_bye(&Bye { reason: 200, text }, buffer));
    let error = raw.bridge.platforms()[1].last_error.clone().unwrap();
    assert!(error.starts_with("it said: reason 200: xx") && error.len() <= 300 && !error.contains('\n'), "{error}");
}

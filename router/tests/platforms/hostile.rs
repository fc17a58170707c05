//! Peers that are of the cluster and mean ill, or are broken: what one of them says costs the others little.

use crate::node::on;
use crate::raw::{Raw, hello, query};
use router::bridge::Trust;
use router::bridge::message::{
    Announced, HeartbeatAnswer, Hello, LinkMessage, Order, read_message, write_heartbeat_answer, write_hello,
    write_packet, write_platforms,
};
use router::bridge::{LinkId, Output};
use router::limits::{
    ADDRESSES, CALL_BYTES, CALLS_PER_SECOND, HEARSAY_DIALLED_OF_ANNOUNCER, LINKS, LISTINGS_PER_SECOND, PLATFORMS,
    SETTLED_MS, TELL_AFTER_MS,
};
use router::parameter::{
    Digits, Extension, LegPhase, LegState, MediaPort, Originate, Parameter, Party, Platform, PlatformState, PortId,
    Reason, Selection, Status, Transfer,
};
use router::time::Duration;
use router::{Address, Command, Instance, ModuleKind, Packet, PlatformId, Private, Service, Transaction, one};
use std::net::{IpAddr, Ipv4Addr};

pub(crate) fn announced(platform: u32, addresses: Vec<String>) -> Announced {
    Announced {
        platform: PlatformId(platform),
        name: String::new(),
        epoch: 1,
        software: None,
        addresses,
        modules: Vec::new(),
        distance: 1,
        via: PlatformId(platform),
    }
}

/// One that has a second neighbour, platform 5.
pub(crate) struct Between {
    pub(crate) raw: Raw,
    second: LinkId,
}

impl Between {
    pub(crate) fn new() -> Self {
        let mut raw = Raw::up();
        let second = raw.bridge.handle_accepted(raw.now, "192.0.2.5:1".to_owned(), None).unwrap();
        let mut octets = Vec::new();
        write_hello(&Hello { platform: PlatformId(5), epoch: 5, ..hello() }, &mut octets);
        raw.bridge.handle_bytes(raw.now, second, &octets);
        let mut between = Self { raw, second };
        between.heard();
        between
    }

    /// What the first neighbour says, as often as that.
    pub(crate) fn says(&mut self, times: usize, mut write: impl FnMut(usize, &mut Vec<u8>)) {
        let mut octets = Vec::new();
        (0..times).for_each(|time| write(time, &mut octets));
        self.raw.bridge.handle_bytes(self.raw.now, self.raw.link, &octets);
    }

    /// What the second neighbour says.
    pub(crate) fn second_says(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut octets = Vec::new();
        write(&mut octets);
        self.raw.bridge.handle_bytes(self.raw.now, self.second, &octets);
    }

    pub(crate) fn later(&mut self, millis: u64) {
        self.raw.now = self.raw.now.later(Duration::from_millis(millis));
        self.raw.bridge.handle_timeout(self.raw.now);
    }

    /// Both neighbours show that they live, and answer what they were asked.
    pub(crate) fn lives(&mut self) {
        for link in [self.raw.link, self.second] {
            let mut octets = Vec::new();
            for number in 1..1_000 {
                write_heartbeat_answer(HeartbeatAnswer { number }, &mut octets);
            }
            self.raw.bridge.handle_bytes(self.raw.now, link, &octets);
        }
    }

    /// Contents of the frames that the second neighbour got.
    pub(crate) fn heard(&mut self) -> Vec<Vec<u8>> {
        let mut heard = Vec::new();
        while let Some(output) = self.raw.bridge.poll_output() {
            let Output::Write(link, octets) = output else { continue };
            self.raw.bridge.handle_written(self.raw.now, link, octets.len(), 1);
            let mut octets = &octets[..];
            while let Some((length, rest)) = octets.split_first_chunk::<4>() {
                let (content, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
                heard.extend((link == self.second).then(|| content.to_vec()));
                octets = rest;
            }
        }
        heard
    }
}

/// The lists among messages: which platforms each names.
pub(crate) fn lists(messages: &[Vec<u8>]) -> Vec<Vec<u32>> {
    let list = |content: &Vec<u8>| match read_message(content) {
        Ok(LinkMessage::Platforms(list)) => Some(list.iter().map(|announced| announced.platform.0).collect()),
        _ => None,
    };
    messages.iter().filter_map(list).collect()
}

#[test]
fn a_platform_that_comes_and_goes_a_thousand_times_is_told_of_now_and_then() {
    let mut between = Between::new();
    between.later(TELL_AFTER_MS);
    between.heard();
    between.says(10_001, |time, buffer| {
        let list = if time % 2 == 0 { vec![announced(9, Vec::new())] } else { vec![] };
        write_platforms(&list, buffer);
    });
    let told = lists(&between.heard());
    assert!(told.len() <= 2, "{told:?}");
    between.later(TELL_AFTER_MS);
    between.later(TELL_AFTER_MS);
    let told = lists(&between.heard());
    assert!((1..=2).contains(&told.len()) && told.last() == Some(&vec![2, 9]), "{told:?}");
    let nine = between.raw.bridge.platforms().into_iter().find(|platform| platform.id == PlatformId(9)).unwrap();
    assert_eq!(nine.state, PlatformState::Via, "the last list counts");
}

#[test]
fn nothing_is_passed_on_in_the_name_of_who_was_not_announced() {
    let mut between = Between::new();
    let request = Packet { destination: on(5, Address::local(ModuleKind::Store, 0)), ..query(9) };
    // Its list was told just now, so 9 is not told of yet: the packet's sender hears that there is no way.
    between.says(1, |_, buffer| {
        write_platforms(&[announced(8, Vec::new())], buffer);
        write_platforms(&[announced(8, Vec::new()), announced(9, Vec::new())], buffer);
        write_packet(4, Order::default(), &request, buffer);
    });
    let mut known: Vec<u32> = vec![2];
    let mut check = |messages: Vec<Vec<u8>>| {
        let mut packets = 0;
        for content in &messages {
            match read_message(content).unwrap() {
                LinkMessage::Platforms(list) => known.extend(list.iter().map(|announced| announced.platform.0)),
                LinkMessage::Packet(packet) => {
                    packets += 1;
                    assert!(known.contains(&packet.header.source.platform.0), "{:?}", packet.header);
                }
                _ => {}
            }
        }
        packets
    };
    assert_eq!(check(between.heard()), 0);
    between.later(TELL_AFTER_MS);
    between.later(TELL_AFTER_MS);
    assert_eq!(check(between.heard()), 0);
    // Now it is.
    between.says(1, |_, buffer| write_packet(4, Order::default(), &request, buffer));
    assert_eq!(check(between.heard()), 1);
}

#[test]
fn addresses_that_nobody_answers_at_take_few_links() {
    let mut between = Between::new();
    let all: Vec<_> = (0..PLATFORMS as u32)
        .map(|number| {
            let address = |index: usize| format!("192.0.2.{}:{}", number % 200, 1_000 + number as usize * 8 + index);
            announced(10 + number, (0..ADDRESSES).map(address).collect())
        })
        .collect();
    between.says(1, |_, buffer| write_platforms(&all, buffer));
    let mut dialled = 0;
    for _ in 0..100 {
        between.later(10);
        while let Some(output) = between.raw.bridge.poll_output() {
            dialled += usize::from(matches!(output, Output::Connect(..)));
        }
    }
    assert_eq!(dialled, HEARSAY_DIALLED_OF_ANNOUNCER);
    let due = between.raw.bridge.poll_timeout().expect("heartbeats are due");
    assert!(due > between.raw.now.instant, "it does not run in circles meanwhile");
    assert!(between.raw.bridge.handle_accepted(between.raw.now, "192.0.2.7:1".to_owned(), None).is_some());
}

#[test]
fn any_of_a_kind_that_nobody_has_is_answered_in_the_own_name() {
    let mut raw = Raw::up();
    let request = Packet { destination: Address::anywhere(ModuleKind::Voice), ..query(2) };
    raw.say(|buffer| write_packet(4, Order::default(), &request, buffer));
    let [answer] = &raw.packets()[..] else { panic!("an answer") };
    assert_eq!((answer.command, answer.failure().reason), (Command::Failed, Reason::UnknownDestination));
    assert_eq!(answer.source.platform, PlatformId(1));
}

/// A request to a module of platform 1.
fn request(to: Address, command: Command, parameters: Vec<Parameter>) -> Packet {
    let mut request = Packet { destination: on(1, to), command, ..query(2) };
    request.parameters = parameters.into_iter().collect();
    request
}

#[test]
fn what_is_not_for_other_platforms_is_refused_and_told_of_once() {
    let mut raw = Raw::up_with(Trust::Listed);
    let leg = || Parameter::from(LegState::new(LegPhase::Released));
    let transfer = || {
        let target = Party::new("carol", "");
        Parameter::from(Transfer { target, phase: LegPhase::Trying, cause: None, referred_by: None })
    };
    let named = || Parameter::from(Selection { name: Some("a call".to_owned()), ..Selection::default() });
    let port = MediaPort::new(PortId(1), IpAddr::V4(Ipv4Addr::LOCALHOST));
    let reload = Extension { name: "reload".to_owned(), bytes: Vec::new() };
    let of = |kind| Address::local(kind, 0);
    let hostile = [
        request(of(ModuleKind::Signaling).at(Instance(7)), Command::Stop, vec![leg()]),
        request(of(ModuleKind::Switch), Command::Start, vec![transfer(), named()]),
        request(of(ModuleKind::Switch).at(Instance(7)), Command::Start, vec![transfer(), named()]),
        request(of(ModuleKind::Voice).at(Instance(7)), Command::Close, vec![]),
        request(of(ModuleKind::Voice).at(Instance(7)), Command::Open, vec![port.into()]),
        request(of(ModuleKind::Server), Command::Set, vec![reload.into()]),
        request(of(ModuleKind::Store), Command::Set, vec![Status::default().into()]),
    ];
    for packet in &hostile {
        raw.say(|buffer| write_packet(4, Order::default(), packet, buffer));
        let answers = raw.packets();
        assert_eq!(answers.last().map(|answer| answer.failure().reason), Some(Reason::Refused), "{packet:?}");
    }
    // News of what nobody follows there: a shard would believe it, if it came from its own platform.
    let news = Packet { transaction: Transaction::NONE, ..request(of(ModuleKind::Switch), Command::Notify, vec![]) };
    let news = Packet { parameters: one(Platform::default()), ..news };
    raw.say(|buffer| write_packet(4, Order::default(), &news, buffer));
    assert!(raw.delivered().is_empty());
    assert_eq!(raw.bridge.counters().refused, hostile.len() as u64 + 1);
    let told = raw.bridge.platforms().into_iter().find(|platform| platform.id == PlatformId(2)).unwrap().last_error;
    assert!(told.as_ref().is_some_and(|told| told.contains("Stop × LegState to signaling/0")), "{told:?}");
    // What is for others goes on.
    raw.say(|buffer| write_packet(4, Order::default(), &query(2), buffer));
    assert_eq!(raw.delivered().len(), 1);
}

/// Sends two seconds long a hundred times as much as it may; how much of it is served.
fn served_of_a_flood(packet: &Packet, per_second: u32) -> usize {
    let mut raw = Raw::up_with(Trust::Listed);
    let mut served = 0;
    let each = u64::from(per_second);
    for tenth in 0..20 {
        raw.say(|buffer| {
            for number in 1..=each {
                let packet = Packet { transaction: Transaction(tenth * each + number), ..packet.clone() };
                write_packet(4, Order::default(), &packet, buffer);
            }
        });
        let delivered = raw.delivered().len();
        let answers = raw.packets();
        let busy = answers.iter().filter(|answer| answer.command == Command::Failed);
        assert_eq!(busy.filter(|answer| answer.failure().reason == Reason::Busy).count() + delivered, each as usize);
        served += delivered;
        raw.now = raw.now.later(Duration::from_millis(100));
    }
    served
}

#[test]
fn who_lists_or_calls_without_end_is_told_to_wait() {
    let list = request(Address::local(ModuleKind::Switch, 0), Command::Query, vec![Selection::default().into()]);
    let originate = Originate { from: "a".to_owned(), to: "b".to_owned() };
    let call = request(Address::local(ModuleKind::Switch, 0).at(Instance(1)), Command::Start, vec![originate.into()]);
    for (packet, per_second) in [(list, LISTINGS_PER_SECOND), (call, CALLS_PER_SECOND)] {
        let served = served_of_a_flood(&packet, per_second);
        let two_seconds = 2 * per_second as usize;
        assert!((two_seconds..=two_seconds * 11 / 10 + 1).contains(&served), "{served} of {per_second} a second");
    }
}

#[test]
fn a_call_that_says_more_than_a_call_has_to_say_is_none() {
    let mut raw = Raw::up_with(Trust::Listed);
    let digits = |length| Digits { digits: Private::new("1".repeat(length)), duration_ms: 100, port: None };
    let to = Address::local(ModuleKind::Switch, 0).at(Instance(7));
    let mut say = |length| {
        let packet = request(to, Command::Send, vec![digits(length).into()]);
        raw.say(|buffer| write_packet(4, Order::default(), &packet, buffer));
        (raw.delivered().len(), raw.packets().last().map(|answer| answer.failure().reason))
    };
    assert_eq!(say(CALL_BYTES / 2), (1, None));
    assert_eq!(say(CALL_BYTES + 1), (0, Some(Reason::Invalid)));
}

#[test]
fn nobody_speaks_for_a_platform_that_has_a_link_of_its_own() {
    let mut between = Between::new();
    let from_five = |command, transaction| Packet { command, transaction: Transaction(transaction), ..query(5) };
    let claims = |packet: Packet| {
        move |_: usize, buffer: &mut Vec<u8>| {
            write_platforms(&[announced(5, Vec::new())], buffer);
            write_packet(4, Order::default(), &packet, buffer);
        }
    };
    // For a moment it may be what was on its way before there was a link.
    between.says(1, claims(from_five(Command::Stop, 1)));
    assert_eq!(between.raw.delivered().len(), 1);
    for _ in 0..=SETTLED_MS / 500 {
        between.later(500);
        // Both live.
        between.says(1, |_, buffer| write_platforms(&[announced(5, Vec::new())], buffer));
        let mut octets = Vec::new();
        write_platforms(&[], &mut octets);
        between.raw.bridge.handle_bytes(between.raw.now, between.second, &octets);
    }
    between.raw.collect();
    between.raw.said.clear();
    for (command, transaction) in [(Command::Stop, 2), (Command::Query, 3), (Command::Notify, 0)] {
        between.says(1, claims(from_five(command, transaction)));
    }
    assert!(between.raw.delivered().is_empty());
    // An answer in its name to what it was asked itself: its own is taken, over its own link.
    let asked = Packet {
        source: Address::local(ModuleKind::Control, 0),
        destination: on(5, Address::local(ModuleKind::Store, 0)),
        transaction: Transaction(4),
        ..query(5)
    };
    between.raw.bridge.handle_outbound(between.raw.now, asked);
    let answer = Packet {
        source: on(5, Address::local(ModuleKind::Store, 0)),
        destination: on(1, Address::local(ModuleKind::Control, 0)),
        ..from_five(Command::Done, 4)
    };
    between.says(1, claims(answer.clone()));
    assert!(between.raw.delivered().is_empty(), "forged");
    let mut octets = Vec::new();
    write_packet(4, Order::default(), &answer, &mut octets);
    between.raw.bridge.handle_bytes(between.raw.now, between.second, &octets);
    assert_eq!(between.raw.delivered().len(), 1, "its own");
    assert_eq!(between.raw.bridge.counters().refused, 4);
    let two = between.raw.bridge.platforms().into_iter().find(|platform| platform.id == PlatformId(2)).unwrap();
    assert!(two.last_error.is_some_and(|error| error.contains("speaks for platform 5")));
    assert_eq!(two.state, PlatformState::Linked, "whoever means well and is late is not cut off");
}

#[test]
fn platforms_that_are_merely_told_of_keep_none_out_that_is_there() {
    let mut raw = Raw::up();
    let crowd: Vec<_> = (0..PLATFORMS as u32).map(|number| announced(100 + number, Vec::new())).collect();
    raw.say(|buffer| write_platforms(&crowd, buffer));
    let source = Address::local(ModuleKind::Control, 0);
    for of in &crowd {
        let destination = on(of.platform.0, Address::local(ModuleKind::Store, 0));
        let transaction = Transaction(of.platform.0.into());
        raw.bridge.handle_outbound(raw.now, Packet { source, destination, transaction, ..query(1) });
    }
    raw.delivered();
    let second = raw.bridge.handle_accepted(raw.now, "192.0.2.5:1".to_owned(), None).unwrap();
    let mut octets = Vec::new();
    write_hello(&Hello { platform: PlatformId(5), epoch: 5, ..hello() }, &mut octets);
    raw.bridge.handle_bytes(raw.now, second, &octets);
    let five = raw.bridge.platforms().into_iter().find(|platform| platform.id == PlatformId(5)).unwrap();
    assert_eq!(five.state, PlatformState::Linked);
    assert!(raw.bridge.platforms().len() <= PLATFORMS + 1);
    // What was asked of the one that made way is lost, and nobody waits for it.
    let failed = raw.delivered();
    let [failed] = &failed[..] else { panic!("one: {failed:?}") };
    assert_eq!(failed.failure().reason, Reason::PlatformAbsent);
}

#[test]
fn who_speaks_for_many_has_no_more_than_one() {
    let mut raw = Raw::up_with(Trust::Listed);
    let crowd: Vec<_> = (0..100).map(|number| announced(100 + number, Vec::new())).collect();
    raw.say(|buffer| write_platforms(&crowd, buffer));
    let list = request(Address::local(ModuleKind::Switch, 0), Command::Query, vec![Selection::default().into()]);
    raw.say(|buffer| {
        for number in 0..1_000 {
            let source = on(100 + number % 100, Address::local(ModuleKind::Control, 0));
            let packet = Packet { source, transaction: Transaction(1 + u64::from(number)), ..list.clone() };
            write_packet(4, Order::default(), &packet, buffer);
        }
    });
    let served = raw.delivered().len();
    assert!((1..=LISTINGS_PER_SECOND as usize / 10 + 1).contains(&served), "{served}");
}

#[test]
fn one_platform_has_two_links_of_its_own_and_the_others_theirs() {
    let mut raw = Raw::up();
    for _ in 0..2 * LINKS {
        let link = raw.bridge.handle_accepted(raw.now, "192.0.2.2:1".to_owned(), None).expect("a place");
        let mut octets = Vec::new();
        write_hello(&hello(), &mut octets);
        raw.bridge.handle_bytes(raw.now, link, &octets);
        raw.link = link;
        raw.is_closed = false;
        raw.collect();
    }
    // The newest is the one that is used.
    raw.say(|buffer| write_packet(4, Order::default(), &query(2), buffer));
    assert_eq!(raw.delivered().len(), 1);
    let eight = raw.bridge.handle_accepted(raw.now, "192.0.2.8:1".to_owned(), None).expect("a place");
    let mut octets = Vec::new();
    write_hello(&Hello { platform: PlatformId(8), epoch: 8, ..hello() }, &mut octets);
    raw.bridge.handle_bytes(raw.now, eight, &octets);
    let linked = |platform: &Platform| platform.state == PlatformState::Linked;
    assert_eq!(raw.bridge.platforms().iter().filter(|platform| linked(platform)).count(), 2);
}

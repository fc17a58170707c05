//! Versions that differ understand each other: what version 1 was published to say is a whole conversation, and what a later
//! one may add is passed over, or answered.

use crate::raw::{Raw, query};
use router::bridge::message::{ByeReason, Forwarded, Header, LinkMessage, Order, read_message, write_forwarded};
use router::parameter::{Parameter, PlatformState, Reason};
use router::{Command, Packet, PlatformId, Transaction};

/// The octets of a message as version 1 was published to say it.
fn published(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/golden/link-1/{name}.hex", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    text.split_whitespace().map(|octet| u8::from_str_radix(octet, 16).unwrap()).collect()
}

#[test]
fn a_platform_of_version_1_is_linked_with_heard_and_answered() {
    let mut raw = Raw::new();
    for name in ["hello", "heartbeat", "platforms", "packet"] {
        raw.say(|buffer| buffer.extend(published(name)));
        assert!(!raw.is_closed, "{name}");
    }
    let [_, two, three @ ..] = &raw.bridge.platforms()[..] else { panic!("they are known") };
    assert_eq!((two.id, two.state, two.name.as_str()), (PlatformId(2), PlatformState::Linked, "b"));
    assert!(three.is_empty(), "it announced itself alone");
    let answered = |content: &Vec<u8>| matches!(read_message(content), Ok(LinkMessage::HeartbeatAnswer(answer)) if answer.number == 3);
    assert_eq!(raw.said.iter().filter(|content| answered(content)).count(), 1);
    let [request] = &raw.delivered()[..] else { panic!("its packet arrives") };
    assert_eq!((request.command, request.transaction), (Command::Query, Transaction(7)));
    assert_eq!((raw.bridge.counters().unreadable, raw.bridge.counters().links_refused), (0, 0));
    raw.say(|buffer| buffer.extend(published("bye-stopping")));
    assert_eq!(raw.bridge.platforms()[1].state, PlatformState::Down);
}

#[test]
fn every_bye_of_version_1_ends_a_link_and_says_why() {
    for name in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/link-1")).unwrap() {
        let name = name.unwrap().file_name().into_string().unwrap();
        let Some((name, reason)) = name.strip_suffix(".hex").and_then(|name| Some((name, name.strip_prefix("bye-")?)))
        else {
            continue;
        };
        let mut raw = Raw::up();
        raw.say(|buffer| buffer.extend(published(name)));
        let two = &raw.bridge.platforms()[1];
        assert_eq!(two.state, PlatformState::Down, "{name}");
        let said = two.last_error.as_deref().unwrap_or_default();
        // Two links are no fault.
        assert!(reason == "duplicate" || said.contains(reason), "{name}: {said}");
    }
}

/// A packet of a later version: a parameter that this one does not have.
fn with_new_parameter(command: Command) -> Vec<u8> {
    let header = Header::of(&Packet { command, ..query(2) });
    let parameters = [0x81, 0x82, 0x18, 0xc8, 0xa1, 0x00, 0x63, b'n', b'e', b'w']; // [[200, {0: "new"}]]
    let mut buffer = Vec::new();
    write_forwarded(&Forwarded { hops: 4, order: Order::default(), header, parameters: &parameters }, &mut buffer);
    buffer
}

#[test]
fn a_new_parameter_reaches_its_module_which_can_say_that_it_does_not_serve_it() {
    for command in [Command::Query, Command::Start, Command::Notify] {
        let mut raw = Raw::up();
        raw.say(|buffer| buffer.extend(with_new_parameter(command)));
        let [packet] = &raw.delivered()[..] else { panic!("it arrives") };
        let Some(Parameter::Extension(extension)) = packet.first() else { panic!("{packet:?}") };
        assert_eq!((extension.name.as_str(), raw.is_closed), ("parameter/200", false));
    }
}

#[test]
fn a_later_version_is_understood() {
    let mut raw = Raw::new();
    // A hello of version 2 with a key that version 1 does not have, a message that it does not have, a packet with more.
    let mut frames = Vec::new();
    let mut frame = |content: Vec<u8>| {
        frames.extend((content.len() as u32).to_be_bytes());
        frames.extend(content);
    };
    let mut e = minicbor::Encoder::new(Vec::new());
    e.array(3).unwrap().u8(1).unwrap().map(8).unwrap();
    e.u8(0).unwrap().u8(2).unwrap().u8(1).unwrap().u8(1).unwrap().u8(2).unwrap().u8(2).unwrap();
    e.u8(3).unwrap().str("later").unwrap().u8(4).unwrap().u8(5).unwrap().u8(6).unwrap().array(0).unwrap();
    e.u8(7).unwrap().array(1).unwrap().array(4).unwrap().u8(200).unwrap().u8(0).unwrap().u8(0).unwrap().null().unwrap();
    e.u8(99).unwrap().str("new").unwrap().bool(true).unwrap();
    let hello = e.into_writer();
    // heartbeat-ms is no optional key: without it there is no hello.
    let mut e = minicbor::Encoder::new(Vec::new());
    e.array(2).unwrap().u8(1).unwrap().map(9).unwrap();
    e.u8(0).unwrap().u8(2).unwrap().u8(1).unwrap().u8(1).unwrap().u8(2).unwrap().u8(2).unwrap();
    e.u8(3).unwrap().str("later").unwrap().u8(4).unwrap().u8(5).unwrap().u8(6).unwrap().array(0).unwrap();
    e.u8(7).unwrap().array(1).unwrap().array(4).unwrap().u8(200).unwrap().u8(0).unwrap().u8(0).unwrap().null().unwrap();
    e.u8(8).unwrap().u16(1_000).unwrap().u8(99).unwrap().str("new").unwrap();
    let whole = e.into_writer();
    frame(whole);
    frame(vec![0x82, 0x18, 0xc8, 0xf6]);
    let mut e = minicbor::Encoder::new(Vec::new());
    e.array(2).unwrap().u8(4).unwrap().array(5).unwrap().u8(4).unwrap().u8(5).unwrap().u8(1).unwrap();
    e.encode(query(2)).unwrap().str("more").unwrap();
    frame(e.into_writer());
    raw.say(|buffer| buffer.extend(frames));
    assert!(!raw.is_closed);
    assert_eq!(raw.delivered().len(), 1);
    assert_eq!(raw.bridge.platforms()[1].name, "later");
    let mut raw = Raw::new();
    raw.say(|buffer| {
        buffer.extend((hello.len() as u32).to_be_bytes());
        buffer.extend(hello);
    });
    assert_eq!(raw.bye(), Some(ByeReason::Malformed as u8));
    // A parameter whose content this version cannot read: its request is answered all the same.
    let mut raw = Raw::up();
    let header = Header::of(&query(2));
    let parameters = [0x81, 0x82, 0x01, 0xa1, 0x00, 0x18, 0xff]; // a failure for reason 255
    let forwarded = Forwarded { hops: 4, order: Order::default(), header, parameters: &parameters };
    raw.say(|buffer| write_forwarded(&forwarded, buffer));
    let answers = raw.packets();
    assert!(answers.iter().any(|answer| answer.failure().reason == Reason::Unsupported), "{answers:?}");
}

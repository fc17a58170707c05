//! The packet between platforms: every parameter goes there and back, an encoding that was published stays, and bytes from
//! a peer are a packet or an error.

#![expect(clippy::unwrap_used, reason = "a test may unwrap")]

mod common;
mod messages;

use common::{additions, from_hex, packet, published, samples, to_hex};
use minicbor::{Encoder, data::Tag};
use proptest::prelude::*;
use router::bridge::message::{Forwarded, LinkMessage, read_message, write_forwarded};
use router::encoding::{EncodingError, read_frame, read_packet, write_frame};
use router::limits::{FRAME_BYTES, PARAMETERS};
use router::parameter::{Digits, Extension, Failure, Reason};
use router::{Command, Packet, Parameter, Parameters, one};
use std::collections::BTreeMap;
use std::path::Path;

/// What each published version wrote, by the parameter's name, one frame a file.
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");
/// Set to write the files of parameters that have none yet. A file that is there is never changed: its encoding is out.
const WRITE: &str = "ROUTER_GOLDEN_WRITE";

fn frame(packet: &Packet) -> Vec<u8> {
    let mut buffer = Vec::new();
    write_frame(packet, &mut buffer);
    buffer
}

/// All samples of a parameter in one packet, by the parameter's name; what was added later by a name of its own.
fn packets() -> BTreeMap<&'static str, Packet> {
    let mut by_name: BTreeMap<&'static str, Parameters> = BTreeMap::new();
    for sample in published() {
        by_name.entry(sample.name()).or_default().push(sample);
    }
    for (name, sample) in additions() {
        by_name.entry(name).or_default().push(sample);
    }
    by_name.into_iter().map(|(name, parameters)| (name, packet(parameters))).collect()
}

#[test]
fn every_parameter_goes_there_and_back() {
    for sample in samples() {
        let packet = packet(one(sample));
        let bytes = frame(&packet);
        let (read, length) = read_frame(&bytes).unwrap().unwrap();
        assert_eq!(length, bytes.len());
        assert!(read == packet, "{packet:?}");
    }
}

#[test]
fn every_command_goes_there_and_back() {
    for command in Command::ALL {
        let packet = Packet { command, ..packet(Parameters::new()) };
        assert!(read_frame(&frame(&packet)).unwrap().unwrap().0 == packet);
    }
}

#[test]
fn the_encoding_is_what_was_published() {
    for (name, packet) in packets() {
        let path = Path::new(GOLDEN).join(format!("{name}.hex"));
        let Ok(golden) = std::fs::read_to_string(&path) else {
            assert!(std::env::var_os(WRITE).is_some(), "{path:?} is missing: {WRITE}=1 makes it");
            std::fs::write(&path, to_hex(&frame(&packet))).unwrap();
            continue;
        };
        let golden = from_hex(&golden);
        assert!(
            read_frame(&golden).unwrap().unwrap().0 == packet,
            "{name}: what a published version wrote is read as something else"
        );
        assert_eq!(to_hex(&frame(&packet)), to_hex(&golden), "{name}: a published version would read something else");
    }
}

/// What version 1 of a link says is what it has always said, and is understood.
#[test]
fn the_link_says_what_was_published() {
    for (name, frame) in messages::messages() {
        let path = Path::new(GOLDEN).join("link-1").join(format!("{name}.hex"));
        let Ok(golden) = std::fs::read_to_string(&path) else {
            assert!(std::env::var_os(WRITE).is_some(), "{path:?} is missing: {WRITE}=1 makes it");
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, to_hex(&frame)).unwrap();
            continue;
        };
        let golden = from_hex(&golden);
        assert_eq!(to_hex(&frame), to_hex(&golden), "{name}: a published version would read something else");
        let message = read_message(&golden[4..]).unwrap();
        assert!(!matches!(message, LinkMessage::Unknown), "{name}: what a published version wrote is not understood");
        if let LinkMessage::Hello(hello) = message {
            assert_eq!((hello.platform, hello.version), (messages::hello().platform, 1));
        } else if let LinkMessage::Packet(packet) = message {
            assert_eq!(packet.packet().unwrap(), Some(messages::packet()));
        }
    }
}

/// What a later version may say in the place of each message of version 1: more keys, more elements. Each is read as that message.
#[test]
fn what_a_later_version_adds_to_a_message_is_passed_over() {
    let read = |folder: &str, name: &str| {
        let path = Path::new(GOLDEN).join(folder).join(format!("{name}.hex"));
        from_hex(&std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}")))
    };
    let of_packet = ["packet", "packet-longer", "packet-of-more", "packet-addresses"];
    let names = messages::messages().into_iter().map(|(name, _)| name).filter(|name| name != "packet");
    for name in names.chain(of_packet.map(str::to_owned)) {
        let base = if of_packet.contains(&name.as_str()) { "packet" } else { &name };
        let (later, known) = (read("link-later", &name), read("link-1", base));
        match (read_message(&later[4..]).unwrap(), read_message(&known[4..]).unwrap()) {
            (LinkMessage::Packet(later), LinkMessage::Packet(known)) => {
                let of = |packet: &Forwarded<'_>| (packet.hops, packet.order, packet.header, packet.packet().unwrap());
                assert_eq!(of(&later), of(&known), "{name}");
                // And passed on in the form of this version.
                let mut octets = Vec::new();
                write_forwarded(&later, &mut octets);
                let LinkMessage::Packet(passed) = read_message(&octets[4..]).unwrap() else { panic!("{name}") };
                assert_eq!(of(&passed), of(&known), "{name}");
            }
            (later, known) => {
                assert_eq!(format!("{later:?}"), format!("{known:?}"), "{name}");
                assert!(!matches!(later, LinkMessage::Unknown), "{name}");
            }
        }
        // What follows is CBOR, or it is no message.
        let mut broken = later[4..].to_vec();
        broken.pop();
        match read_message(&broken) {
            Ok(LinkMessage::Packet(packet)) => assert!(packet.packet().is_err(), "{name}"),
            read => assert!(read.is_err(), "{name}"),
        }
    }
}

/// A packet of `samples()[0]`'s kind, with its parameter written by hand.
fn with_parameter(write: impl FnOnce(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let whole = frame(&packet(Parameters::new()));
    let mut bytes = whole[4..whole.len() - 1].to_vec(); // without the length and the empty list
    let mut encoder = Encoder::new(&mut bytes);
    encoder.array(1).unwrap();
    write(&mut encoder);
    bytes
}

#[test]
fn keys_that_a_later_version_added_are_passed_over() {
    let bytes = with_parameter(|e| {
        e.array(2).unwrap().u16(13).unwrap().map(4).unwrap();
        e.u8(0).unwrap().str("123").unwrap();
        e.u8(1).unwrap().u16(160).unwrap();
        e.u8(7).unwrap().array(2).unwrap().str("new").unwrap().begin_map().unwrap().end().unwrap();
        e.u8(200).unwrap().tag(Tag::new(1)).unwrap().f64(0.5).unwrap();
    });
    let expected = Digits { digits: "123".to_owned().into(), duration_ms: 160, port: None };
    assert_eq!(read_packet(&bytes).unwrap().parameters.to_vec(), [expected.into()]);
}

#[test]
fn optional_keys_may_be_absent_or_null_and_the_others_may_not() {
    let bytes = with_parameter(|e| {
        e.array(2).unwrap().u16(1).unwrap().map(2).unwrap();
        e.u8(0).unwrap().u8(Reason::Busy as u8).unwrap().u8(2).unwrap().null().unwrap();
    });
    assert_eq!(read_packet(&bytes).unwrap().parameters.to_vec(), [Failure::new(Reason::Busy).into()]);
    let bytes = with_parameter(|e| {
        e.array(2).unwrap().u16(1).unwrap().map(0).unwrap();
    });
    assert!(matches!(read_packet(&bytes), Err(EncodingError::Malformed(_))));
}

#[test]
fn a_parameter_that_a_later_version_added_is_kept_for_its_receiver_to_refuse() {
    let bytes = with_parameter(|e| {
        e.array(2).unwrap().u16(9999).unwrap().array(2).unwrap().str("x").unwrap().bool(true).unwrap();
    });
    let expected = Extension { name: "parameter/9999".to_owned(), bytes: vec![0x82, 0x61, b'x', 0xf5] };
    assert_eq!(read_packet(&bytes).unwrap().parameters.to_vec(), [Parameter::from(expected)]);
}

#[test]
fn a_frame_is_bounded_and_read_once_it_is_complete() {
    let bytes = frame(&packet(one(Failure::new(Reason::Busy))));
    for length in 0..bytes.len() {
        assert!(read_frame(&bytes[..length]).unwrap().is_none(), "{length} bytes are no frame yet");
    }
    let two = [bytes.clone(), bytes.clone()].concat();
    assert_eq!(read_frame(&two).unwrap().unwrap().1, bytes.len());
    let long = ((FRAME_BYTES + 1) as u32).to_be_bytes();
    assert!(matches!(read_frame(&long), Err(EncodingError::TooLong(_))), "before its content is waited for");
    assert!(matches!(read_packet(&[&bytes[4..], &[0]].concat()), Err(EncodingError::Trailing(1))));
    let parameters: Parameters = (0..=PARAMETERS).map(|_| Failure::new(Reason::Busy).into()).collect();
    assert!(matches!(read_frame(&frame(&packet(parameters))), Err(EncodingError::Malformed(_))), "too many parameters");
}

#[test]
fn nesting_and_lengths_that_lie_are_errors() {
    // An unknown parameter of a million nested arrays: skipped without recursion.
    let deep = with_parameter(|e| {
        e.array(2).unwrap().u16(9999).unwrap();
        (0..FRAME_BYTES / 2).for_each(|_| {
            e.array(1).unwrap();
        });
        e.null().unwrap();
    });
    assert!(read_packet(&deep).is_ok());
    // A text, a list and a map that say they are longer than memory.
    for lie in [[0x7b, 0xff], [0x9b, 0xff], [0xbb, 0xff], [0x5b, 0x7f]] {
        let mut bytes = with_parameter(|e| {
            e.array(2).unwrap().u16(60).unwrap().map(1).unwrap().u8(2).unwrap();
        });
        bytes.extend_from_slice(&lie);
        bytes.extend_from_slice(&[0xff; 7]);
        assert!(matches!(read_packet(&bytes), Err(EncodingError::Malformed(_))));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a peer sends is a packet or an error; what is a packet is one still after it was written again.
    #[test]
    fn mutated_frames_never_panic(
        which in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..3), 1..8),
    ) {
        let samples = samples();
        let mut bytes = frame(&packet(one(samples[which.index(samples.len())].clone())))[4..].to_vec();
        for (at, value, kind) in edits {
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = value,
                1 => bytes.insert(at, value),
                _ if bytes.len() > 1 => drop(bytes.remove(at)),
                _ => {}
            }
        }
        if let Ok(packet) = read_packet(&bytes) {
            let again = read_frame(&frame(&packet)).unwrap().unwrap().0;
            prop_assert!(again == packet);
        }
    }

    #[test]
    fn bytes_by_chance_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        let _ = read_frame(&bytes);
        let _ = read_packet(&bytes);
    }
}

//! `docs/packets.md` and the code say the same: every sample is what the CDDL allows, everything in the CDDL occurs in a sample,
//! and names and numbers agree.

mod cddl;
mod common;
mod messages;

use cddl::Cddl;
use common::{from_hex, packet, samples};
use messages::messages;
use router::bridge::frame::FrameReader;
use router::bridge::message::{ByeReason, Hello, LinkMessage, Offered, Order, read_message, write_hello, write_packet};
use router::encoding::write_frame;
use router::limits::{FRAME_BYTES, HELLO_FRAME_BYTES, PARAMETERS};
use router::parameter::{
    Attestation, Bridge, CauseKind, DiversionCause, Outcome, PlatformState, PortId, Reason, SignatureFault, Verstat,
};
use router::{Address, Command, Module, ModuleKind, Packet, Parameters, PlatformId, one};
use std::collections::BTreeMap;

fn document() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/packets.md")).expect("the document is there")
}

/// The content of the document's block of that language.
fn block(language: &str) -> String {
    let document = document();
    let (_, rest) = document.split_once(&format!("```{language}\n")).expect("it has such a block");
    rest.split("```").next().unwrap_or_default().to_owned()
}

/// `LegState` as the document writes it: `leg-state`.
fn written(name: &str) -> String {
    let mut written = String::new();
    for char in name.chars() {
        if char.is_uppercase() && !written.is_empty() {
            written.push('-');
        }
        written.extend(char.to_lowercase());
    }
    written
}

fn frame(packet: &Packet) -> Vec<u8> {
    let mut buffer = Vec::new();
    write_frame(packet, &mut buffer);
    buffer
}

#[test]
fn every_sample_is_what_the_cddl_allows_and_nothing_else_is_in_the_cddl() {
    let cddl = Cddl::parse(&block("cddl"));
    for sample in samples() {
        let name = sample.name();
        let bytes = frame(&packet(one(sample)));
        cddl.check("packet", &bytes[4..]).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    for command in Command::ALL {
        for kind in ModuleKind::ALL {
            for destination in [Address::any(kind), Address::local(kind, 3)] {
                let packet = Packet { command, destination, ..packet(Parameters::new()) };
                cddl.check("packet", &frame(&packet)[4..]).unwrap_or_else(|error| panic!("{packet:?}: {error}"));
            }
        }
    }
    for (name, frame) in messages() {
        cddl.check("link-message", &frame[4..]).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    assert_eq!(cddl.unused(), Vec::<String>::new(), "no sample has these: does the code?");
}

#[test]
fn names_and_numbers_are_those_of_the_code() {
    let cddl = Cddl::parse(&block("cddl"));
    let table = |pairs: Vec<(String, u64)>| pairs.into_iter().collect::<BTreeMap<_, _>>();
    let debug = |value: &dyn std::fmt::Debug| written(&format!("{value:?}"));
    let commands = Command::ALL.iter().map(|command| (debug(command), *command as u64)).collect();
    assert_eq!(cddl.enumeration("command"), table(commands));
    let kinds = ModuleKind::ALL.iter().map(|kind| (kind.name().to_owned(), *kind as u64)).collect();
    assert_eq!(cddl.enumeration("module-kind"), table(kinds));
    let reasons = Reason::ALL.iter().map(|reason| (debug(reason), *reason as u64)).collect();
    assert_eq!(cddl.enumeration("reason"), table(reasons));
    let causes = CauseKind::ALL.iter().map(|cause| (cause.name().to_owned(), *cause as u64)).collect();
    assert_eq!(cddl.enumeration("cause-kind"), table(causes));
    let outcomes = Outcome::ALL.iter().zip(1..).map(|(outcome, number)| (outcome.name().to_owned(), number)).collect();
    assert_eq!(cddl.enumeration("outcome"), table(outcomes));
    let diversions = DiversionCause::ALL.iter().zip(1..).map(|(cause, number)| (cause.name().to_owned(), number));
    assert_eq!(cddl.enumeration("diversion-cause"), table(diversions.collect()));
    let faults = SignatureFault::ALL.iter().zip(1..).map(|(fault, number)| (fault.name().to_owned(), number));
    assert_eq!(cddl.enumeration("signature-fault"), table(faults.collect()));
    let verstats = Verstat::ALL.iter().zip(1..).map(|(verstat, number)| (debug(verstat), number));
    assert_eq!(cddl.enumeration("verstat"), table(verstats.collect()));
    let attestations = Attestation::ALL.iter().zip(1..).map(|(attestation, number)| (debug(attestation), number));
    assert_eq!(cddl.enumeration("attestation"), table(attestations.collect()));
    let byes = ByeReason::ALL.iter().map(|reason| (reason.name().to_owned(), *reason as u64)).collect();
    assert_eq!(cddl.enumeration("bye-reason"), table(byes));
    let states = PlatformState::ALL.iter().map(|state| (state.name().to_owned(), *state as u64)).collect();
    assert_eq!(cddl.enumeration("platform-state"), table(states));
    let parameters: BTreeMap<String, u64> =
        samples().iter().map(|sample| (written(sample.name()), u64::from(sample.tag()))).collect();
    assert_eq!(cddl.parameters(), parameters, "every parameter has a sample, and its number");
}

#[test]
fn the_text_names_every_command_reason_and_bound() {
    let document = document();
    for command in Command::ALL {
        assert!(document.contains(&format!("`{command:?}`")), "{command:?}");
    }
    for reason in Reason::ALL {
        assert!(document.contains(&format!("| `{}` |", written(&format!("{reason:?}")))), "{reason:?}");
    }
    assert!(document.contains("1,048,576") && FRAME_BYTES == 1_048_576);
    for reason in ByeReason::ALL
        .iter()
        .filter(|reason| ![ByeReason::Stopping, ByeReason::TooMany, ByeReason::Malformed].contains(reason))
    {
        assert!(document.contains(&format!("`{}`", reason.name())), "{reason:?}");
    }
    assert!(document.contains("65,536") && HELLO_FRAME_BYTES == 65_536);
    assert!(document.contains("1,024 parameters") && PARAMETERS == 1_024);
}

#[test]
fn the_example_is_what_is_said() {
    let bytes = from_hex(&block("hex"));
    let hello = Hello {
        version: 1,
        oldest: 1,
        platform: PlatformId(5),
        name: "a".to_owned(),
        epoch: 0x1234_5678,
        software: Some("0.1.0".to_owned()),
        addresses: vec!["192.0.2.5:5070".to_owned()],
        modules: vec![Offered { kind: ModuleKind::Voice as u8, index: 0, load_thousandths: 250 }],
        heartbeat_ms: 1_000,
    };
    let plain = packet(one(Bridge { a: PortId(1), b: PortId(2) }));
    let expected = Packet {
        source: Address { platform: PlatformId(5), ..plain.source },
        destination: Address {
            platform: PlatformId(7),
            module: Module::new(ModuleKind::Voice, 1),
            ..Address::any(ModuleKind::Voice)
        },
        command: Command::Connect,
        ..plain
    };
    let order = Order { epoch: 0x1234_5678, sequence: 1 };
    let mut written = Vec::new();
    write_hello(&hello, &mut written);
    write_packet(4, order, &expected, &mut written);
    assert_eq!(written, bytes);
    let mut reader = FrameReader::new(FRAME_BYTES);
    let mut rest = &bytes[..];
    let content = reader.next(&mut rest).unwrap().unwrap();
    assert!(matches!(read_message(content), Ok(LinkMessage::Hello(read)) if *read == hello));
    reader.consumed();
    let content = reader.next(&mut rest).unwrap().unwrap();
    let Ok(LinkMessage::Packet(read)) = read_message(content) else { panic!("a packet") };
    assert!((read.hops, read.order) == (4, order) && read.packet().unwrap() == Some(expected));
}

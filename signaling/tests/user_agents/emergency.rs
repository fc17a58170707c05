//! Calls that no limit refuses (RFC 5031).

use crate::harness::*;
use router::Command;
use router::Emergency;
use router::parameter::{Leg, Parameter, Target};
use signaling::Config;

fn full(config: &mut Config) {
    config.trunks[0].calls_max = Some(0);
    config.emergency = Emergency::new(vec!["112".to_owned()]);
}

fn invite(uri: &str) -> String {
    let body = sdp(1, 4_000, "sendrecv");
    format!(
        "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {TRUNK};branch=z9hG4bKsos{}\r\nMax-Forwards: 70\r\n\
         From: <sip:+4930@198.51.100.10>;tag=a\r\nTo: <{uri}>\r\nCall-ID: sos-{}\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:{TRUNK}>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        uri.len(),
        uri.len(),
        body.len()
    )
}

#[test]
fn emergency_calls_of_a_trunk_that_is_full_are_calls() {
    for (uri, called) in [
        ("sip:112@192.0.2.1", "112"),
        ("tel:112;phone-context=example.net", "112"),
        ("urn:service:sos", "urn:service:sos"),
        ("URN:Service:SOS.Fire", "urn:service:sos.fire"),
    ] {
        let mut world = World::with(5, full);
        world.send(TRUNK.parse().unwrap(), &invite(uri));
        let packet = world.asked(Command::Start);
        let Some(Parameter::Call(call)) = packet.first() else { panic!("{packet:?}") };
        assert_eq!(call.called.user(), called, "{uri}");
        world.refuse(&packet, router::parameter::CauseKind::Busy);
        world.expect(TRUNK.parse().unwrap(), "SIP/2.0 486");
    }
    let mut world = World::with(5, full);
    for (uri, status) in [("sip:1122@192.0.2.1", "SIP/2.0 503"), ("urn:service:counseling", "SIP/2.0 416")] {
        world.send(TRUNK.parse().unwrap(), &invite(uri));
        world.expect(TRUNK.parse().unwrap(), status);
    }
}

#[test]
fn urgent_legs_go_to_a_trunk_that_is_full() {
    let mut world = World::with(6, full);
    world.ask(CALL, LEG, Command::Start, to_trunk(offer(20_000)));
    world.told(Command::Failed);
    world.ask(CALL, LEG, Command::Start, Leg { urgent: true, ..to_trunk(offer(20_000)) });
    world.expect(TRUNK.parse().unwrap(), "INVITE sip:+4930123@198.51.100.10");
}

#[test]
fn a_service_is_called_by_its_own_name() {
    let mut world = World::with(7, full);
    let target = Target::Trunk { name: "carrier".to_owned(), number: "urn:service:sos.fire".to_owned().into() };
    world.ask(CALL, LEG, Command::Start, Leg { target, urgent: true, ..to_trunk(offer(20_000)) });
    let invite = world.expect(TRUNK.parse().unwrap(), "INVITE urn:service:sos.fire SIP/2.0");
    assert_eq!(invite.request_uri().unwrap().as_str(), "urn:service:sos.fire");
}

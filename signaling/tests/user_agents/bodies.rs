//! Descriptions among other parts of a body (RFC 5621), and what we say that we understand.

use super::harness::{
    ALICE, CALL, TRUNK, World, alice_calls, alice_talks, call_trunk, header, leg_state, offer, sdp, state, trunk_talks,
};
use super::peer::Peer;
use router::Command;
use router::parameter::{CauseKind, LegPhase, LegState, MediaExchange, Parameter};
use signaling::message::{Header, Message};

const PARTS: &str = "Content-Type: multipart/mixed;boundary=\"the boundary\"\r\n";

/// A body with a description, and what a gateway passes on beside it.
fn beside(handling: &str, description: &str) -> String {
    format!(
        "--the boundary\r\nContent-Type: application/isup;version=etsi121\r\n\
         Content-Disposition: signal;handling={handling}\r\n\r\n\u{1}\u{10}\r\n--the boundary\r\n\
         Content-Type: application/sdp\r\nContent-Disposition: session\r\n\r\n{description}\r\n--the boundary--\r\n"
    )
}

fn port(media: Option<&MediaExchange>) -> Option<u16> {
    Some(media?.description().streams[0].rtp?.port())
}

#[test]
fn every_message_of_a_caller_may_have_its_description_among_other_parts() {
    let mut world = World::new(1);
    let mut alice = Peer::new(ALICE, "alice", "200");
    alice.invite(&mut world, PARTS, &beside("optional", &sdp(1, 4_000, "sendrecv")));
    let packet = world.asked(Command::Start);
    let Some(Parameter::Call(call)) = packet.first() else { panic!("{packet:?}") };
    assert_eq!(port(call.media.as_ref()), Some(4_000));
    world.accept(&packet);
    let ok = world.expect(alice.address, "SIP/2.0 200");
    alice.learn(&ok);
    alice.acknowledges(&mut world, "");
    for (method, version, port_now) in [("INVITE", 2, 4_002), ("UPDATE", 3, 4_004)] {
        alice.asks(&mut world, method, PARTS, &beside("optional", &sdp(version, port_now, "sendrecv")));
        let set = world.asked(Command::Set);
        assert_eq!(port(leg_state(&set).media.as_ref()), Some(port_now));
        world.accept(&set);
        world.expect(alice.address, "SIP/2.0 200");
        if method == "INVITE" {
            alice.acknowledges(&mut world, "");
        }
    }
    // An offer of ours in a 200 is answered in the ACK.
    alice.asks(&mut world, "INVITE", "", "");
    let set = world.asked(Command::Set);
    world.answer(&set, Command::Done, state(LegPhase::Answered, offer(20_000)));
    world.expect(alice.address, "SIP/2.0 200");
    let ack = alice.write("ACK", alice.cseq, PARTS, &beside("optional", &sdp(4, 4_006, "sendrecv")));
    world.send(alice.address, &ack.replace("branch=z9hG4bK", "branch=z9hG4bKack"));
    let set = world.asked(Command::Set);
    assert_eq!(port(leg_state(&set).media.as_ref()), Some(4_006));
    world.answer(&set, Command::Done, LegState::new(LegPhase::Answered));
    alice.asks(&mut world, "BYE", "", "");
    world.assert_idle();
}

#[test]
fn every_answer_of_a_callee_may_have_its_description_among_other_parts() {
    let mut world = World::new(2);
    let leg = call_trunk(&mut world, offer(20_000));
    let trunk = TRUNK.parse().unwrap();
    let invite = world.expect(trunk, "INVITE");
    let carrier = Peer::of_invite(trunk, &invite, "c");
    world.told(Command::Progress);
    // Whatever a response says is required: there is no refusing it.
    let body = beside("required", &sdp(1, 5_000, "sendrecv"));
    carrier.respond(&mut world, &invite, "183 Session Progress", PARTS, &body);
    let progress = world.told(Command::Progress);
    assert_eq!((leg_state(&progress).phase, port(leg_state(&progress).media.as_ref())), (LegPhase::Early, Some(5_000)));
    let body = beside("optional", &sdp(1, 5_000, "sendrecv"));
    carrier.respond(&mut world, &invite, "200 OK", PARTS, &body);
    assert_eq!(port(leg_state(&world.told(Command::Done)).media.as_ref()), Some(5_000));
    world.ask(CALL, leg, Command::Set, state(LegPhase::Answered, offer(20_002)));
    let invite = world.expect(trunk, "INVITE");
    carrier.respond(&mut world, &invite, "200 OK", PARTS, &beside("optional", &sdp(2, 5_002, "sendrecv")));
    assert_eq!(port(leg_state(&world.told(Command::Done)).media.as_ref()), Some(5_002));
    carrier.is_hung_up(&mut world, leg);
    world.assert_idle();
}

#[test]
fn a_part_that_must_be_understood_and_is_not_is_415() {
    let mut world = World::new(3);
    let mut carrier = Peer::new(TRUNK, "100", "200");
    for (body, status) in [
        (beside("required", &sdp(1, 4_000, "sendrecv")), "SIP/2.0 415"),
        ("no boundary".to_owned(), "SIP/2.0 400 Malformed Multipart Body"),
    ] {
        carrier.asks(&mut world, "INVITE", PARTS, &body);
        let refusal = world.expect(carrier.address, status);
        if status.ends_with("415") {
            assert_eq!(header(&refusal, Header::Accept), "application/sdp, multipart/mixed");
        }
        world.run_ms(40_000);
    }
    world.assert_idle();
    // In a session too, which goes on.
    let (mut alice, _) = alice_talks(&mut world);
    alice.asks(&mut world, "UPDATE", PARTS, &beside("required", &sdp(2, 4_000, "sendrecv")));
    world.expect(alice.address, "SIP/2.0 415");
    alice.asks(&mut world, "BYE", "", "");
    world.expect(alice.address, "SIP/2.0 200");
    world.assert_idle();
}

fn says_what_it_can(message: &Message) {
    let allow = header(message, Header::Allow);
    for method in "INVITE, ACK, BYE, CANCEL, OPTIONS, REGISTER, INFO, UPDATE, REFER".split(", ") {
        assert!(allow.split(", ").any(|allowed| allowed == method), "{method}: {allow}");
    }
    assert!(
        ["timer", "replaces", "norefersub"].iter().all(|option| message.supports(option)),
        "RFC 3261 §13.2.1, §13.3.1.4"
    );
    let of_registrar = ["path", "outbound", "gruu"].iter().any(|option| message.supports(option));
    assert_eq!(of_registrar, header(message, Header::CSeq).ends_with("OPTIONS"), "these are REGISTER's");
}

#[test]
fn what_begins_or_changes_a_session_says_what_we_can() {
    let mut world = World::new(4);
    let (mut alice, packet) = alice_calls(&mut world);
    world.ring(&packet);
    says_what_it_can(&world.expect(alice.address, "SIP/2.0 180"));
    world.accept(&packet);
    let ok = world.expect(alice.address, "SIP/2.0 200");
    says_what_it_can(&ok);
    alice.learn(&ok);
    alice.acknowledges(&mut world, "");
    for method in ["INVITE", "UPDATE", "OPTIONS"] {
        let body = if method == "OPTIONS" { String::new() } else { sdp(1, 4_000, "sendrecv") };
        alice.asks(&mut world, method, "", &body);
        let ok = world.expect(alice.address, "SIP/2.0 200");
        says_what_it_can(&ok);
        if method == "OPTIONS" {
            let bodies = "application/sdp, multipart/mixed, text/*, message/cpim, application/im-iscomposing+xml";
            assert_eq!(header(&ok, Header::Accept), bodies, "RFC 3261 §11.2, RFC 3428 §4");
        } else if method == "INVITE" {
            alice.acknowledges(&mut world, "");
        }
    }
    alice.asks(&mut world, "BYE", "", "");
    world.assert_idle();

    let (carrier, leg) = trunk_talks(&mut world, "");
    world.ask(CALL, leg, Command::Set, state(LegPhase::Answered, offer(20_002)));
    let invite = world.expect(carrier.address, "INVITE");
    says_what_it_can(&invite);
    carrier.respond(&mut world, &invite, "488 Not Acceptable Here", "", "");
    world.told(Command::Failed);
    carrier.is_hung_up(&mut world, leg);
    world.assert_idle();

    call_trunk(&mut world, offer(20_000));
    let invite = world.expect(carrier.address, "INVITE");
    says_what_it_can(&invite);
    Peer::of_invite(carrier.address, &invite, "c").respond(&mut world, &invite, "486 Busy Here", "", "");
    world.assert_idle();
}

#[test]
fn a_method_that_is_not_served_is_405_with_those_that_are() {
    let mut world = World::new(5);
    let (mut alice, packet) = alice_calls(&mut world);
    world.refuse(&packet, CauseKind::Busy);
    alice.asks(&mut world, "NOTIFY", "Event: presence\r\n", "");
    let refusal = world.expect(alice.address, "SIP/2.0 405");
    assert!(header(&refusal, Header::Allow).starts_with("INVITE, ACK"), "RFC 3261 §8.2.1");
    world.run_ms(40_000);
    world.assert_idle();
}

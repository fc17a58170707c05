//! What else happens in a session: INFO, OPTIONS, BYE and its races, requests that do not belong.

use super::harness::{CALL, TRUNK, World, alice_talks, cause, header, sdp, trunk_talks, voice};
use router::Command;
use router::parameter::{
    CauseKind, Digits, Direction, Failure, Information, LegPhase, LegState, MediaExchange, Parameter, Reason,
};
use signaling::message::{Header, Method};
use std::net::SocketAddr;

#[test]
fn key_presses_and_bodies_go_to_the_call() {
    let mut world = World::new(1);
    let (mut alice, _) = alice_talks(&mut world);
    alice.asks(&mut world, "INFO", "Content-Type: application/dtmf-relay\r\n", "Signal=7\r\nDuration=200\r\n");
    let send = world.asked(Command::Send);
    let Some(Parameter::Digits(digits)) = send.first() else { panic!("{send:?}") };
    assert_eq!((digits.digits.reveal().as_str(), digits.duration_ms), ("7", 200));
    world.answer(&send, Command::Done, LegState::released(CauseKind::Normal));
    world.expect(alice.address, "SIP/2.0 200");
    alice.asks(&mut world, "INFO", "Content-Type: application/media_control+xml\r\n", "<x/>");
    let send = world.asked(Command::Send);
    let Some(Parameter::Information(information)) = send.first() else { panic!("{send:?}") };
    assert_eq!(information.body, b"<x/>");
    world.answer(&send, Command::Failed, Failure::new(Reason::Unsupported));
    world.expect(alice.address, "SIP/2.0 415");
    alice.asks(&mut world, "INFO", "", "");
    world.expect(alice.address, "SIP/2.0 200");
    alice.asks(&mut world, "BYE", "", "");
    world.assert_idle();
}

#[test]
fn key_presses_and_bodies_come_from_the_call_one_at_a_time() {
    let trunk = TRUNK.parse().unwrap();
    let mut world = World::new(2);
    let (mut carrier, leg) = trunk_talks(&mut world, "");
    world.ask(CALL, leg, Command::Send, Digits { digits: "1#".to_owned().into(), duration_ms: 160, port: None });
    for digit in ["1", "#"] {
        let info = world.expect(trunk, "INFO");
        assert_eq!(info.body_octets(), format!("Signal={digit}\r\nDuration=160\r\n").as_bytes());
        carrier.respond(&mut world, &info, "200 OK", "", "");
    }
    world.told(Command::Done);
    let body =
        Information { content_type: Some("text/x".to_owned()), body: b"hello".to_vec(), package: None, is_text: false };
    world.ask(CALL, leg, Command::Send, body);
    let info = world.expect(trunk, "INFO");
    assert_eq!((header(&info, Header::ContentType).as_str(), info.body_octets()), ("text/x", &b"hello"[..]));
    carrier.respond(&mut world, &info, "415 Unsupported Media Type", "", "");
    assert_eq!(cause(&world.told(Command::Failed)).code, Some(415));
    let bye = carrier.request("BYE", "", "");
    world.send(trunk, &bye);
    world.assert_idle();
}

#[test]
fn a_text_within_a_call_goes_to_the_other_party() {
    let trunk = TRUNK.parse().unwrap();
    let mut world = World::new(20);
    let (mut carrier, leg) = trunk_talks(&mut world, "Allow: INVITE, ACK, BYE, MESSAGE\r\n");
    carrier.asks(&mut world, "MESSAGE", "Content-Type: text/plain\r\n", "5");
    let packet = world.asked(Command::Send);
    let Some(Parameter::Information(told)) = packet.first() else { panic!("{packet:?}") };
    assert!(told.is_text && told.body == b"5", "a digit in a text is a text");
    world.refuse(&packet, CauseKind::Declined);
    world.expect(trunk, "SIP/2.0 603");
    let content_type = Some("text/plain".to_owned());
    world.ask(
        CALL,
        leg,
        Command::Send,
        Information { content_type, body: b"hello".to_vec(), package: None, is_text: true },
    );
    let message = world.expect(trunk, "MESSAGE");
    assert_eq!((header(&message, Header::ContentType).as_str(), message.body_octets()), ("text/plain", &b"hello"[..]));
    carrier.respond(&mut world, &message, "200 OK", "", "");
    world.told(Command::Done);
    let bye = carrier.request("BYE", "", "");
    world.send(trunk, &bye);
    world.assert_idle();
}

#[test]
fn byes_that_cross_are_both_answered() {
    let mut world = World::new(3);
    let (mut alice, packet) = alice_talks(&mut world);
    world.ask(packet.destination.instance, packet.source, Command::Stop, LegState::released(CauseKind::Normal));
    alice.asks(&mut world, "BYE", "", "");
    let bye = world.expect(alice.address, "BYE");
    world.expect(alice.address, "SIP/2.0 200");
    alice.respond(&mut world, &bye, "481 Gone", "", "");
    world.assert_idle();
}

#[test]
fn a_bye_ends_what_was_pending() {
    let mut world = World::new(4);
    let (mut alice, _) = alice_talks(&mut world);
    alice.asks(&mut world, "INVITE", "", &sdp(2, 4_000, "sendonly"));
    world.asked(Command::Set);
    alice.asks(&mut world, "BYE", "", "");
    world.expect(alice.address, "SIP/2.0 200");
    world.expect(alice.address, "SIP/2.0 487");
    world.run_ms(70_000);
    assert!(world.signaling.is_idle());
}

#[test]
fn what_belongs_to_no_dialog_is_481_and_what_is_late_500() {
    let mut world = World::new(5);
    let (mut alice, _) = alice_talks(&mut world);
    let mut stranger = alice.clone();
    stranger.tag = "someone-else".to_owned();
    let text = stranger.request("BYE", "", "");
    world.send(alice.address, &text);
    world.expect(alice.address, "SIP/2.0 481");
    stranger.tag.clone_from(&alice.tag);
    stranger.remote_tag = Some("0123456789abcdef".to_owned());
    let text = stranger.request("BYE", "", "");
    world.send(alice.address, &text);
    world.expect(alice.address, "SIP/2.0 481");
    let mut late = alice.clone();
    late.cseq = 0;
    late.branches = 50;
    let text = late.request("OPTIONS", "", "");
    world.send(alice.address, &text);
    world.expect(alice.address, "SIP/2.0 500");
    alice.asks(&mut world, "OPTIONS", "", "");
    let ok = world.expect(alice.address, "SIP/2.0 200");
    assert!(header(&ok, Header::Allow).contains("REFER"));
    alice.asks(&mut world, "NOTIFY", "", "");
    world.expect(alice.address, "SIP/2.0 405");
    alice.asks(&mut world, "BYE", "", "");
    world.assert_idle();
}

#[test]
fn requests_follow_a_phone_whose_nat_gave_it_another_port() {
    let mut world = World::new(6);
    let (mut alice, packet) = alice_talks(&mut world);
    let moved: SocketAddr = "198.51.100.7:61000".parse().unwrap();
    let text = alice.request("OPTIONS", "", "");
    world.send(moved, &text);
    world.expect(moved, "SIP/2.0 200");
    world.ask(packet.destination.instance, packet.source, Command::Stop, LegState::released(CauseKind::Normal));
    let bye = world.expect(moved, "BYE");
    alice.address = moved;
    alice.respond(&mut world, &bye, "200 OK", "", "");
    world.assert_idle();
}

#[test]
fn what_a_leg_is_asked_after_its_end_is_not_found() {
    let mut world = World::new(7);
    let (mut alice, packet) = alice_talks(&mut world);
    alice.asks(&mut world, "BYE", "", "");
    world.run_ms(10);
    let (call, leg) = (packet.destination.instance, packet.source);
    world.ask(call, leg, Command::Stop, LegState::released(CauseKind::Normal));
    world.told(Command::Done);
    world.ask(call, leg, Command::Send, Digits { digits: "1".to_owned().into(), duration_ms: 100, port: None });
    assert_eq!(world.told(Command::Failed).failure().reason, Reason::NotFound);
    world.assert_idle();
}

#[test]
fn another_call_may_not_touch_a_leg() {
    let mut world = World::new(8);
    let (mut alice, packet) = alice_talks(&mut world);
    world.ask(router::Instance(0xbad), packet.source, Command::Stop, LegState::released(CauseKind::Normal));
    assert_eq!(world.told(Command::Failed).failure().reason, Reason::Refused);
    alice.asks(&mut world, "BYE", "", "");
    world.assert_idle();
}

#[test]
fn requests_that_are_challenged_in_vain_do_not_keep_the_leg() {
    let trunk = TRUNK.parse().unwrap();
    for (seed, status) in [(9, "401 Unauthorized"), (10, "407 Proxy Authentication Required")] {
        let mut world = World::new(seed);
        let (carrier, leg) = trunk_talks(&mut world, "Allow: INVITE, UPDATE, INFO\r\n");
        let digits = Digits { digits: "1".to_owned().into(), duration_ms: 160, port: None };
        world.ask(CALL, leg, Command::Send, digits);
        let info = world.expect(trunk, "INFO");
        carrier.respond(&mut world, &info, status, "", "");
        world.told(Command::Failed);
        let hold = MediaExchange::Offer(voice(20_002, Direction::SendOnly));
        world.ask(CALL, leg, Command::Set, LegState::new(LegPhase::Answered).with_media(Some(hold)));
        let update = world.expect(trunk, "UPDATE");
        carrier.respond(&mut world, &update, status, "", "");
        world.told(Command::Failed);
        world.ask(CALL, leg, Command::Stop, LegState::released(CauseKind::Normal));
        let bye = world.expect(trunk, "BYE");
        carrier.respond(&mut world, &bye, status, "", "");
        world.run_ms(100);
        assert_eq!(world.signaling.legs(), 0);
        world.assert_idle();
    }
}

#[test]
fn a_2xx_to_our_invite_that_meets_bye_is_acknowledged_and_not_hung_up_twice() {
    let trunk = TRUNK.parse().unwrap();
    // Before the BYE is answered, and after the leg is gone.
    for (seed, late) in [(11, false), (12, true)] {
        let mut world = World::new(seed);
        let (carrier, leg) = trunk_talks(&mut world, "");
        let hold = MediaExchange::Offer(voice(20_002, Direction::SendOnly));
        world.ask(CALL, leg, Command::Set, LegState::new(LegPhase::Answered).with_media(Some(hold)));
        let invite = world.expect(trunk, "INVITE");
        carrier.respond(&mut world, &invite, "100 Trying", "", "");
        world.run_ms(10);
        world.ask(CALL, leg, Command::Stop, LegState::released(CauseKind::Normal));
        let bye = world.expect(trunk, "BYE");
        if late {
            carrier.respond(&mut world, &bye, "200 OK", "", "");
            world.run_ms(10);
            assert_eq!(world.signaling.legs(), 0);
        }
        for _ in 0..2 {
            carrier.respond(&mut world, &invite, "200 OK", "", &sdp(2, 5_000, "recvonly"));
            let ack = world.expect(trunk, "ACK");
            assert_eq!(ack.cseq().unwrap().number, invite.cseq().unwrap().number);
        }
        if !late {
            carrier.respond(&mut world, &bye, "200 OK", "", "");
        }
        world.run_ms(2_000);
        assert!(world.take(trunk).iter().all(|message| !message.is(&Method::Bye)));
        world.assert_idle();
    }
}

//! Legs that go out.

use super::harness::{
    ALICE, CALL, LEG, TRUNK, World, answer, call_trunk, cause, contact, header, leg_state, offer, sdp, start_leg,
    state, to_trunk, trunk_talks,
};
use super::peer::{Peer, response};
use router::parameter::{Cause, CauseKind, Leg, LegPhase, LegState, MediaExchange, Party, Target};
use router::time::Duration;
use router::{Address, Command, Instance};
use signaling::message::{Header, Method};
use signaling::transport::{ConnectionId, Resolution, Transport};
use signaling::trunk;
use std::net::SocketAddr;

fn trunk() -> SocketAddr {
    TRUNK.parse().unwrap()
}

#[test]
fn a_leg_is_cancelled_once_its_peer_has_said_anything() {
    let mut world = World::new(1);
    let leg = call_trunk(&mut world, offer(20_000));
    let invite = world.expect(trunk(), "INVITE");
    let carrier = Peer::of_invite(trunk(), &invite, "c");
    world.ask(CALL, leg, Command::Stop, LegState::released(CauseKind::AnsweredElsewhere));
    world.run_ms(400);
    assert!(world.take(trunk()).is_empty(), "RFC 3261 §9.1: not before a provisional response");
    carrier.respond(&mut world, &invite, "180 Ringing", "", "");
    let cancel = world.expect(trunk(), "CANCEL");
    assert_eq!(header(&cancel, Header::Reason), "SIP;cause=200;text=\"Call completed elsewhere\"");
    carrier.respond(&mut world, &cancel, "200 OK", "", "");
    carrier.respond(&mut world, &invite, "487 Request Terminated", "", "");
    world.expect(trunk(), "ACK");
    let failed = world.told(Command::Failed);
    assert_eq!(cause(&failed).kind, CauseKind::Cancelled);
    world.assert_idle();
}

#[test]
fn an_answer_that_crosses_the_cancel_is_hung_up() {
    let mut world = World::new(2);
    let leg = call_trunk(&mut world, offer(20_000));
    let invite = world.expect(trunk(), "INVITE");
    let carrier = Peer::of_invite(trunk(), &invite, "c");
    carrier.respond(&mut world, &invite, "180 Ringing", "", "");
    world.run_ms(5);
    world.ask(CALL, leg, Command::Stop, LegState::released(CauseKind::NoAnswer));
    carrier.respond(&mut world, &invite, "200 OK", "", &sdp(1, 5_000, "sendrecv"));
    let cancel = world.expect(trunk(), "CANCEL");
    carrier.respond(&mut world, &cancel, "200 OK", "", "");
    world.expect(trunk(), "ACK");
    let bye = world.expect(trunk(), "BYE");
    carrier.respond(&mut world, &bye, "200 OK", "", "");
    world.told(Command::Failed);
    world.assert_idle();
}

#[test]
fn the_first_fork_that_answers_wins_and_the_others_are_hung_up() {
    let mut world = World::new(3);
    let leg = call_trunk(&mut world, offer(20_000));
    let invite = world.expect(trunk(), "INVITE");
    let fork = |tag: &str, status: &str, body: &str| response(&invite, tag, "b", trunk(), status, "", body);
    world.send(trunk(), &fork("one", "183 Session Progress", &sdp(1, 5_001, "sendrecv")));
    world.send(trunk(), &fork("two", "180 Ringing", ""));
    world.run_ms(10);
    world.send(trunk(), &fork("two", "200 OK", &sdp(1, 5_002, "sendrecv")));
    let done = world.told(Command::Done);
    let Some(MediaExchange::Answer(answer)) = &leg_state(&done).media else { panic!("{done:?}") };
    assert_eq!(answer.streams[0].rtp.unwrap().port(), 5_002);
    let ack = world.expect(trunk(), "ACK");
    assert_eq!(ack.to().unwrap().tag(), Some("two"));
    world.send(trunk(), &fork("one", "200 OK", &sdp(1, 5_001, "sendrecv")));
    let ack = world.expect(trunk(), "ACK");
    assert_eq!(ack.to().unwrap().tag(), Some("one"));
    let bye = world.expect(trunk(), "BYE");
    assert_eq!(bye.to().unwrap().tag(), Some("one"));
    world.send(trunk(), &response(&bye, "one", "b", trunk(), "200 OK", "", ""));
    // Its repetition is acknowledged, and not hung up twice.
    world.send(trunk(), &fork("one", "200 OK", &sdp(1, 5_001, "sendrecv")));
    world.expect(trunk(), "ACK");
    world.run_ms(10);
    assert!(world.take(trunk()).is_empty());
    world.ask(CALL, leg, Command::Stop, LegState::released(CauseKind::Normal));
    let bye = world.expect(trunk(), "BYE");
    assert_eq!(bye.to().unwrap().tag(), Some("two"));
    world.send(trunk(), &response(&bye, "two", "b", trunk(), "200 OK", "", ""));
    world.assert_idle();
}

#[test]
fn a_refusal_is_told_with_its_code() {
    let mut world = World::new(4);
    call_trunk(&mut world, offer(20_000));
    let invite = world.expect(trunk(), "INVITE");
    let carrier = Peer::of_invite(trunk(), &invite, "c");
    carrier.respond(&mut world, &invite, "486 Nicht jetzt", "Reason: Q.850;cause=17\r\n", "");
    world.expect(trunk(), "ACK");
    let cause = cause(&world.told(Command::Failed));
    assert_eq!(
        (cause.kind, cause.code, cause.q850, cause.text.as_deref()),
        (CauseKind::Busy, Some(486), Some(17), Some("Nicht jetzt"))
    );
    world.assert_idle();
}

#[test]
fn the_words_of_the_other_end_reach_a_trunk_that_reason_passes_to_and_no_other() {
    for (seed, passes) in [(31, false), (32, true)] {
        let mut world = World::with(seed, |config| {
            if passes {
                config.trunks[0].headers.pass = vec!["reason".to_owned()];
            }
        });
        let (carrier, leg) = trunk_talks(&mut world, "");
        let words = Cause { q850: Some(31), text: Some("at pbx7.internal".to_owned()), ..CauseKind::Normal.into() };
        world.ask(CALL, leg, Command::Stop, LegState { cause: Some(words), ..LegState::released(CauseKind::Normal) });
        let bye = world.expect(trunk(), "BYE");
        let text = if passes { "at pbx7.internal" } else { "normal" };
        assert_eq!(header(&bye, Header::Reason), format!("Q.850;cause=31;text=\"{text}\""));
        carrier.respond(&mut world, &bye, "200 OK", "", "");
        world.assert_idle();
    }
}

#[test]
fn a_second_s_worth_of_calls_may_come_at_once_and_one_more_is_told_when_to_ask_again() {
    let mut world = World::with(33, |config| config.trunks[0].calls_per_s = Some(3));
    for call in 0..5 {
        let leg = Address { instance: Instance(900 + call), ..LEG };
        world.ask(CALL, leg, Command::Start, to_trunk(offer(20_000)));
        if call < 3 {
            let invite = world.expect(trunk(), "INVITE");
            let carrier = Peer::of_invite(trunk(), &invite, "c");
            carrier.respond(&mut world, &invite, "486 Busy Here", "", "");
            world.expect(trunk(), "ACK");
            assert_eq!(cause(&world.told(Command::Failed)).kind, CauseKind::Busy);
        } else {
            let failure = world.told(Command::Failed).failure();
            let kind = failure.cause.as_ref().map(|cause| cause.kind);
            assert_eq!((kind, failure.retry_after_s), (Some(CauseKind::Congestion), Some(1)));
        }
        world.run_ms(10);
    }
    world.run_ms(1_000);
    call_trunk(&mut world, offer(20_000));
    let invite = world.expect(trunk(), "INVITE");
    let carrier = Peer::of_invite(trunk(), &invite, "c");
    carrier.respond(&mut world, &invite, "486 Busy Here", "", "");
    world.expect(trunk(), "ACK");
    world.assert_idle();
}

#[test]
fn who_wants_a_secure_way_is_sent_by_no_other_one() {
    let mut world = World::new(34);
    let udp = contact("sip:bob@198.51.100.9", "udp 192.0.2.1:5060 198.51.100.9:5060");
    let tcp = contact("sip:bob@198.51.100.9;transport=tcp", "tcp 192.0.2.1:5060 198.51.100.9:40000");
    let trunk = to_trunk(None).target;
    for target in [Target::Contact(udp), Target::Contact(tcp), trunk] {
        let wanted = Leg { target, secure: true, ..to_trunk(offer(20_000)) };
        world.ask(CALL, LEG, Command::Start, wanted);
        let failed = cause(&world.told(Command::Failed)).clone();
        assert_eq!((failed.kind, failed.code), (CauseKind::Unreachable, None), "480");
    }
    world.run_ms(10);
    assert!(world.take("198.51.100.9:5060".parse().unwrap()).is_empty());
    world.assert_idle();
}

#[test]
fn a_peer_that_says_nothing_times_out() {
    let mut world = World::new(5);
    call_trunk(&mut world, offer(20_000));
    world.run_ms(4_100);
    assert_eq!(cause(&world.told(Command::Failed)).kind, CauseKind::Timeout);
    world.run_ms(28_000);
    assert_eq!(world.take(trunk()).len(), 7, "timer A");
    world.assert_idle();
}

#[test]
fn each_address_of_a_name_is_tried() {
    let mut world = World::with(6, |config| config.trunks[0].target = trunk::Target::parse("sip.carrier.example"));
    let addresses = ["198.51.100.21:5060", "198.51.100.22:5060", "198.51.100.23:5060"].map(|one| one.parse().unwrap());
    world.names.insert("sip.carrier.example".to_owned(), Resolution::at(Transport::Udp, &addresses));
    call_trunk(&mut world, offer(20_000));
    let at = |host: &str| -> SocketAddr { format!("{host}:5060").parse().unwrap() };
    let invite = world.expect(at("198.51.100.21"), "INVITE sip:+4930123@sip.carrier.example SIP/2.0");
    assert_eq!(header(&invite, Header::CSeq), "1 INVITE");
    world.run_ms(4_100);
    let invite = world.expect(at("198.51.100.22"), "INVITE");
    let second = Peer::of_invite(at("198.51.100.22"), &invite, "x");
    second.respond(&mut world, &invite, "503 Service Unavailable", "", "");
    world.expect(at("198.51.100.22"), "ACK");
    let invite = world.expect(at("198.51.100.23"), "INVITE");
    assert_eq!(header(&invite, Header::CSeq), "3 INVITE");
    let third = Peer::of_invite(at("198.51.100.23"), &invite, "y");
    third.respond(&mut world, &invite, "404 Not Found", "", "");
    assert_eq!(cause(&world.told(Command::Failed)).kind, CauseKind::UnknownNumber);
    world.assert_idle();
}

#[test]
fn a_name_without_addresses_is_unreachable_and_one_that_is_not_resolved_can_be_stopped() {
    let name = "sip.carrier.example";
    let mut world = World::with(7, |config| config.trunks[0].target = trunk::Target::parse(name));
    world.names.insert(name.to_owned(), Resolution::Unknown);
    call_trunk(&mut world, offer(20_000));
    let failed = cause(&world.told(Command::Failed)).clone();
    assert_eq!(
        (failed.kind, failed.code, failed.kind.q850()),
        (CauseKind::PeerFailure, None, 38),
        "no subscriber is absent"
    );
    world.names.clear();
    let leg = call_trunk(&mut world, offer(20_000));
    world.ask(CALL, leg, Command::Stop, LegState::released(CauseKind::Cancelled));
    world.told(Command::Failed);
    world.assert_idle();
}

#[test]
fn a_200_without_answer_settles_what_183_said() {
    let mut world = World::new(10);
    let leg = call_trunk(&mut world, offer(20_000));
    let invite = world.expect(trunk(), "INVITE");
    let carrier = Peer::of_invite(trunk(), &invite, "c");
    carrier.respond(&mut world, &invite, "183 Session Progress", "", &sdp(1, 5_000, "sendrecv"));
    carrier.respond(&mut world, &invite, "200 OK", "", "");
    assert!(leg_state(&world.told(Command::Done)).media.is_some());
    world.expect(trunk(), "ACK");
    carrier.is_hung_up(&mut world, leg);
    world.assert_idle();
}

#[test]
fn a_200_without_any_answer_is_acknowledged_and_hung_up() {
    let mut world = World::new(11);
    call_trunk(&mut world, offer(20_000));
    let invite = world.expect(trunk(), "INVITE");
    let carrier = Peer::of_invite(trunk(), &invite, "c");
    carrier.respond(&mut world, &invite, "200 OK", "", "");
    world.expect(trunk(), "ACK");
    let bye = world.expect(trunk(), "BYE");
    carrier.respond(&mut world, &bye, "200 OK", "", "");
    assert_eq!(cause(&world.told(Command::Failed)).kind, CauseKind::PeerMisbehaved);
    world.assert_idle();
}

#[test]
fn a_leg_without_offer_gets_one_in_the_200_and_answers_in_the_ack() {
    let mut world = World::new(12);
    let leg = call_trunk(&mut world, None);
    let invite = world.expect(trunk(), "INVITE");
    assert!(invite.body_octets().is_empty());
    let mut carrier = Peer::of_invite(trunk(), &invite, "c");
    carrier.respond(&mut world, &invite, "200 OK", "", &sdp(1, 5_000, "sendrecv"));
    let done = world.told(Command::Done);
    assert!(matches!(leg_state(&done).media, Some(MediaExchange::Offer(_))));
    world.run_ms(400);
    assert!(world.take(trunk()).is_empty(), "the ACK waits for the answer");
    carrier.respond(&mut world, &invite, "200 OK", "", &sdp(1, 5_000, "sendrecv"));
    world.run_ms(10);
    world.ask(CALL, leg, Command::Set, state(LegPhase::Answered, answer(20_000)));
    let ack = world.expect(trunk(), "ACK");
    assert!(String::from_utf8_lossy(ack.body_octets()).contains("m=audio 20000"));
    world.told(Command::Done);
    let bye = carrier.request("BYE", "", "");
    world.send(trunk(), &bye);
    world.expect(trunk(), "SIP/2.0 200");
    world.assert_idle();
}

#[test]
fn a_contact_is_called_by_its_flow_and_path() {
    let mut world = World::new(13);
    let mut bound = contact("sip:bob@10.0.0.9:5062;ob?x=y", "udp 192.0.2.1:5060 203.0.113.5:41234");
    // Its REGISTER came from the proxy.
    bound.path = vec!["<sip:203.0.113.5:41234;lr>".to_owned().into()];
    let leg = start_leg(&mut world, Target::Contact(bound), offer(20_000));
    let nat: SocketAddr = "203.0.113.5:41234".parse().unwrap();
    let invite = world.expect(nat, "INVITE sip:bob@10.0.0.9:5062;ob SIP/2.0");
    assert_eq!(header(&invite, Header::Route), "<sip:203.0.113.5:41234;lr>");
    assert!(invite.asserted_identities().next().is_none(), "phones are not in the trust domain");
    let bob = Peer::of_invite(nat, &invite, "bob");
    bob.respond(&mut world, &invite, "200 OK", "", &sdp(1, 5_000, "sendrecv"));
    world.told(Command::Done);
    // Contact says 10.0.0.9: in-dialog requests go by the flow all the same.
    world.expect(nat, "ACK sip:+4930123@203.0.113.5:41234");
    bob.is_hung_up(&mut world, leg);
    world.assert_idle();
}

#[test]
fn a_phone_on_tcp_is_called_over_its_connection_while_that_is_open() {
    let mut world = World::new(14);
    let address: SocketAddr = "203.0.113.5:41234".parse().unwrap();
    world.connections.insert(address, ConnectionId(9));
    let mut bob = Peer::new("203.0.113.5:41234", "bob", "bob");
    bob.register(&mut world, "");
    let bound = contact("sip:bob@203.0.113.5:5070;transport=tcp", "tcp 192.0.2.1:5060 203.0.113.5:41234");
    let leg = start_leg(&mut world, Target::Contact(bound.clone()), offer(20_000));
    let invite = world.expect(address, "INVITE");
    assert!(header(&invite, Header::Via).starts_with("SIP/2.0/TCP"));
    assert_eq!(header(&invite, Header::Contact), "<sip:192.0.2.1:5060;transport=tcp>");
    let phone = Peer::of_invite(address, &invite, "bob");
    phone.respond(&mut world, &invite, "486 Busy", "", "");
    world.told(Command::Failed);
    world.close(address);
    start_leg(&mut world, Target::Contact(bound), offer(20_000));
    world.expect("203.0.113.5:5070".parse().unwrap(), "INVITE");
    world.ask(CALL, leg, Command::Stop, LegState::released(CauseKind::Normal));
    world.run_ms(7_200_000);
    world.assert_idle();
}

/// What a phone says of itself is no way to have us call somebody else, past the plan and in our name.
#[test]
fn a_contact_at_another_host_than_registered_is_called_by_nothing_but_its_flow() {
    for uri in
        ["sip:+1900666@198.51.100.10", "sip:x@203.0.113.99:25;transport=tcp", "sip:x@inner.example;transport=tcp"]
    {
        let mut world = World::new(14);
        let elsewhere = signaling::transport::Destination::address(Transport::Tcp, "203.0.113.99:25".parse().unwrap());
        world.names.insert("inner.example".to_owned(), Resolution::Known(vec![elsewhere].into()));
        // Over a connection that has ended since.
        start_leg(&mut world, Target::Contact(contact(uri, "tcp 192.0.2.1:5060 203.0.113.5:41234")), offer(20_000));
        world.told(Command::Failed);
        // By datagrams there is a flow for ever.
        let leg =
            start_leg(&mut world, Target::Contact(contact(uri, "udp 192.0.2.1:5060 203.0.113.5:41234")), offer(20_000));
        let phone = "203.0.113.5:41234".parse().unwrap();
        let invite = world.expect(phone, "INVITE");
        Peer::of_invite(phone, &invite, "x").respond(&mut world, &invite, "486 Busy", "", "");
        world.told(Command::Failed);
        let _ = leg;
        world.run_ms(200_000);
        world.assert_idle();
    }
}

#[test]
fn a_phone_records_no_route_to_another_host() {
    for (route, to) in [
        ("<sip:203.0.113.99:7778;lr>", None),
        ("<sip:inner.example;lr>", None),
        ("<sip:198.51.100.7:5070;lr>", Some("198.51.100.7:5070")),
    ] {
        let mut world = World::new(15);
        let mut alice = Peer::new(ALICE, "alice", "bob");
        alice.invite(&mut world, &format!("Record-Route: {route}\r\n"), &sdp(1, 4_000, "sendrecv"));
        let packet = world.asked(Command::Start);
        world.accept(&packet);
        let ok = world.expect(alice.address, "SIP/2.0 200");
        alice.learn(&ok);
        alice.acknowledges(&mut world, "");
        world.run_ms(10);
        let to = to.map_or(alice.address, |to| to.parse().unwrap());
        world.ask(packet.destination.instance, packet.source, Command::Stop, LegState::released(CauseKind::Normal));
        let bye = world.expect(to, "BYE");
        assert_eq!(header(&bye, Header::Route), route, "what it asks for goes with it");
        Peer { address: to, ..alice }.respond(&mut world, &bye, "200 OK", "", "");
        world.run_ms(200_000);
        world.assert_idle();
    }
}

#[test]
fn record_routes_lead_in_dialog_requests() {
    let mut world = World::new(15);
    let leg = call_trunk(&mut world, offer(20_000));
    let invite = world.expect(trunk(), "INVITE");
    let carrier = Peer::of_invite(trunk(), &invite, "c");
    let routes = "Record-Route: <sip:203.0.113.2;lr>\r\nRecord-Route: <sip:203.0.113.1:5080;lr>\r\n";
    carrier.respond(&mut world, &invite, "200 OK", routes, &sdp(1, 5_000, "sendrecv"));
    let proxy: SocketAddr = "203.0.113.1:5080".parse().unwrap();
    let ack = world.expect(proxy, "ACK sip:+4930123@198.51.100.10:5060");
    let listed: Vec<_> = ack.routes().map(|route| route.unwrap().uri().as_str().to_owned()).collect();
    assert_eq!(listed, ["sip:203.0.113.1:5080;lr", "sip:203.0.113.2;lr"]);
    world.ask(CALL, leg, Command::Stop, LegState::released(CauseKind::Normal));
    let bye = world.expect(proxy, "BYE");
    assert!(bye.is(&Method::Bye));
    Peer { address: proxy, ..carrier }.respond(&mut world, &bye, "200 OK", "", "");
    world.assert_idle();
}

#[test]
fn a_200_without_contact_is_acknowledged_and_hung_up_where_it_came_from() {
    let mut world = World::new(41);
    let gateway: SocketAddr = "198.51.100.10:5099".parse().unwrap();
    let leg = call_trunk(&mut world, offer(20_000));
    let invite = world.expect(trunk(), "INVITE");
    let answered = response(&invite, "c", "", gateway, "200 OK", "", &sdp(1, 5_000, "sendrecv"));
    let (before, after) = answered.split_once("Contact: ").unwrap();
    let answered = format!("{before}{}", after.split_once("\r\n").unwrap().1);
    world.send(gateway, &answered);
    world.told(Command::Done);
    let user = invite.request_uri().unwrap().user().unwrap().to_owned();
    world.expect(gateway, &format!("ACK sip:{user}@{gateway} SIP/2.0"));
    world.ask(CALL, leg, Command::Stop, LegState::released(CauseKind::Normal));
    let bye = world.expect(gateway, "BYE");
    world.send(gateway, &response(&bye, "c", "", gateway, "200 OK", "", ""));
    world.assert_idle();
}

#[test]
fn a_repeated_start_gets_the_same_answer() {
    let mut world = World::new(16);
    call_trunk(&mut world, offer(20_000));
    let invite = world.expect(trunk(), "INVITE");
    call_trunk(&mut world, offer(20_000));
    world.run_ms(100);
    assert!(world.take(trunk()).is_empty(), "one INVITE");
    let carrier = Peer::of_invite(trunk(), &invite, "c");
    carrier.respond(&mut world, &invite, "200 OK", "", &sdp(1, 5_000, "sendrecv"));
    world.told(Command::Done);
    world.expect(trunk(), "ACK");
    let leg = call_trunk(&mut world, offer(20_000));
    assert!(matches!(leg_state(&world.told(Command::Done)).media, Some(MediaExchange::Answer(_))));
    carrier.is_hung_up(&mut world, leg);
    world.run_ms(Duration::from_secs(40).as_millis() as u64);
    assert!(world.signaling.is_idle());
}

#[test]
fn a_callee_whose_contact_cannot_be_read_has_answered_and_is_hung_up() {
    for contact in ["Contact: <<>>\r\n", "Contact: <sip:@h>\r\n", "Contact: <sip:a@b\r\n"] {
        let mut world = World::new(42);
        let leg = call_trunk(&mut world, offer(20_000));
        let invite = world.expect(trunk(), "INVITE");
        let text = response(&invite, "t", "b", trunk(), "200 OK", "", &sdp(1, 5_000, "sendrecv"));
        let lines = text.split_inclusive("\r\n").map(|line| if line.starts_with("Contact:") { contact } else { line });
        world.send(trunk(), &lines.collect::<String>());
        world.expect(trunk(), "ACK");
        world.told(Command::Done);
        world.ask(CALL, leg, Command::Stop, LegState::released(CauseKind::Normal));
        let bye = world.expect(trunk(), "BYE");
        world.send(trunk(), &response(&bye, "t", "b", trunk(), "200 OK", "", ""));
        world.assert_idle();
    }
}

#[test]
fn forks_without_end_are_hung_up_and_not_remembered() {
    let mut world = World::new(40);
    let leg = call_trunk(&mut world, offer(20_000));
    let invite = world.expect(trunk(), "INVITE");
    for fork in 0..100 {
        let tag = format!("fork-{fork}");
        world.send(trunk(), &response(&invite, &tag, "b", trunk(), "200 OK", "", &sdp(1, 5_000, "sendrecv")));
        world.run_ms(2);
    }
    let (mut acks, mut byes) = (0, 0);
    for message in world.take(trunk()) {
        acks += usize::from(message.is(&Method::Ack));
        if message.is(&Method::Bye) {
            byes += 1;
            let tag = message.to().unwrap().tag().unwrap().to_owned();
            world.send(trunk(), &response(&message, &tag, "b", trunk(), "200 OK", "", ""));
        }
    }
    // That of the leg, and those that are hung up (RFC 3261 §13.2.2.4).
    assert_eq!((acks, byes), (100, 99));
    // What is not remembered is acknowledged and hung up again.
    world.send(trunk(), &response(&invite, "fork-99", "b", trunk(), "200 OK", "", &sdp(1, 5_000, "sendrecv")));
    world.expect(trunk(), "ACK");
    world.expect(trunk(), "BYE");
    // What comes of the first ones is waited for, of the others nothing.
    world.run_ms(100);
    assert!(world.take(trunk()).is_empty());
    world.run_ms(10);
    world.ask(CALL, leg, Command::Stop, LegState::released(CauseKind::Normal));
    let bye = world.expect(trunk(), "BYE");
    assert_eq!(bye.to().unwrap().tag(), Some("fork-0"));
    world.send(trunk(), &response(&bye, "fork-0", "b", trunk(), "200 OK", "", ""));
    world.assert_idle();
}

#[test]
fn only_a_verified_caller_is_asserted_and_only_to_whom_is_trusted() {
    for (seed, verified, trusted, asserted) in [
        (41, true, true, "<sip:alice@192.0.2.1>"),
        (42, false, true, ""),
        (43, true, false, ""),
        (44, false, false, ""),
    ] {
        let mut world = World::with(seed, |config| config.trunks[0].trusted = trusted);
        world.ask(CALL, LEG, Command::Start, Leg { verified, anonymous: true, ..to_trunk(offer(20_000)) });
        let invite = world.expect(trunk(), "INVITE");
        assert_eq!(header(&invite, Header::PAssertedIdentity), asserted, "RFC 3325 §5");
        assert_eq!(header(&invite, Header::Privacy), "id");
        let carrier = Peer::of_invite(trunk(), &invite, "c");
        carrier.respond(&mut world, &invite, "486 Busy Here", "", "");
        world.assert_idle();
    }
}

#[test]
fn a_callee_learns_who_sent_the_caller_there() {
    let mut world = World::new(45);
    let referred_by = Some("\"Carol\" <sip:carol@example.org>".to_owned().into());
    world.ask(CALL, LEG, Command::Start, Leg { referred_by, ..to_trunk(offer(20_000)) });
    let invite = world.expect(trunk(), "INVITE");
    assert_eq!(header(&invite, Header::ReferredBy), "\"Carol\" <sip:carol@example.org>", "RFC 3892 §3");
    let carrier = Peer::of_invite(trunk(), &invite, "c");
    carrier.respond(&mut world, &invite, "486 Busy Here", "", "");
    world.assert_idle();
}

#[test]
fn a_redirection_is_told_with_its_places_the_best_first() {
    let many: String = (0..20).map(|number| format!("Contact: <sip:{number}@elsewhere.example>\r\n")).collect();
    let some = "Contact: <sip:201@198.51.100.10>;q=0.2, \"Desk\" <sip:202@198.51.100.10>\r\n\
                Contact: <tel:+49-30-203>;q=0.9, <mailto:a@b>, <sip:204@h;method=BYE>, <sip:202@198.51.100.10>;q=0.1\r\n";
    let named = |status: &str, contacts: &str| -> Vec<Party> {
        let mut world = World::new(46);
        call_trunk(&mut world, offer(20_000));
        let invite = world.expect(trunk(), "INVITE");
        let carrier = Peer::of_invite(trunk(), &invite, "c");
        // A peer's own Contact comes before these.
        let text = response(&invite, &carrier.tag, "u", trunk(), status, contacts, "");
        world.send(trunk(), &text.replace("Contact: <sip:u@198.51.100.10:5060>\r\n", ""));
        world.expect(trunk(), "ACK");
        let failed = world.told(Command::Failed);
        assert_eq!(cause(&failed).code.map(|code| code / 100), Some(3));
        world.assert_idle();
        failed.failure().contacts
    };
    let users = |parties: &[Party]| parties.iter().map(|party| party.user().to_owned()).collect::<Vec<_>>();
    let told = named("302 Moved Temporarily", some);
    assert_eq!(users(&told), ["202", "+4930203", "201"]);
    assert_eq!(told[0].display_name, Some("Desk".to_owned().into()));
    assert_eq!(named("300 Multiple Choices", &many).len(), router::limits::REDIRECTIONS);
    assert_eq!(named("305 Use Proxy", some), [], "a proxy is no place of the user's");
}

#[test]
fn an_offer_in_a_200_that_nobody_wants_is_answered_by_refusing_it() {
    let mut world = World::new(47);
    let leg = call_trunk(&mut world, None);
    let invite = world.expect(trunk(), "INVITE");
    let fork = |tag: &str| response(&invite, tag, "b", trunk(), "200 OK", "", &sdp(1, 5_000, "sendrecv"));
    world.send(trunk(), &fork("one"));
    world.told(Command::Done);
    world.ask(CALL, leg, Command::Set, state(LegPhase::Answered, answer(20_000)));
    world.expect(trunk(), "ACK");
    world.send(trunk(), &fork("two"));
    let ack = world.expect(trunk(), "ACK");
    assert_eq!(ack.to().unwrap().tag(), Some("two"));
    assert_eq!(header(&ack, Header::ContentType), "application/sdp");
    assert!(String::from_utf8_lossy(ack.body_octets()).contains("m=audio 0 RTP/AVP 0 101"), "RFC 3261 §13.2.2.4");
    let bye = world.expect(trunk(), "BYE");
    world.send(trunk(), &response(&bye, "two", "b", trunk(), "200 OK", "", ""));
    world.run_ms(10);
    world.ask(CALL, leg, Command::Stop, LegState::released(CauseKind::Normal));
    let bye = world.expect(trunk(), "BYE");
    world.send(trunk(), &response(&bye, "one", "b", trunk(), "200 OK", "", ""));
    world.assert_idle();
}

#[test]
fn an_offer_in_the_200_that_cannot_be_served_is_answered_and_the_session_ended() {
    let video =
        "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\nm=video 5000 RTP/AVP 96\r\n";
    for (seed, body, refusal) in [(48, video, "m=video 0 RTP/AVP 96"), (49, "", ""), (50, "v=1", "")] {
        let mut world = World::new(seed);
        call_trunk(&mut world, None);
        let invite = world.expect(trunk(), "INVITE");
        let carrier = Peer::of_invite(trunk(), &invite, "c");
        carrier.respond(&mut world, &invite, "200 OK", "", body);
        let ack = world.expect(trunk(), "ACK");
        let answer = String::from_utf8_lossy(ack.body_octets()).into_owned();
        assert!(answer.contains(refusal) && answer.is_empty() == refusal.is_empty(), "{answer}");
        let bye = world.expect(trunk(), "BYE");
        carrier.respond(&mut world, &bye, "200 OK", "", "");
        world.told(Command::Failed);
        world.assert_idle();
    }
}

#[test]
fn each_provisional_status_is_told_once_with_what_it_says() {
    let mut world = World::new(51);
    let leg = call_trunk(&mut world, offer(20_000));
    let invite = world.expect(trunk(), "INVITE");
    let carrier = Peer::of_invite(trunk(), &invite, "c");
    world.told(Command::Progress);
    let early = sdp(1, 5_000, "sendrecv");
    use LegPhase::{Early, Ringing, Trying};
    for (status, body, told) in [
        ("100 Trying", "", None),
        ("181 Call Is Being Forwarded", "", Some((Trying, Some(181)))),
        ("181 Call Is Being Forwarded", "", None),
        ("182 Queued, 5 in front", "", Some((Trying, Some(182)))),
        ("183 Session Progress", "", Some((Trying, Some(183)))),
        ("188 Something New", "", None),
        ("199 Early Dialog Terminated", "", None),
        ("180 Ringing", "", Some((Ringing, None))),
        ("180 Ringing", "", None),
        ("182 Queued", "", Some((Ringing, Some(182)))),
        ("183 Session Progress", early.as_str(), Some((Early, None))),
        ("183 Session Progress", early.as_str(), None),
        ("181 Call Is Being Forwarded", "", Some((Early, Some(181)))),
        ("183 Session Progress", "", Some((Early, None))),
        ("180 Ringing", "", Some((Ringing, None))),
    ] {
        carrier.respond(&mut world, &invite, status, "", body);
        world.run_ms(5);
        let heard: Vec<_> = world.answers().map(|packet| leg_state(&packet).clone()).collect();
        let heard: Vec<_> =
            heard.iter().map(|state| (state.phase, state.cause.as_ref().and_then(|cause| cause.code))).collect();
        assert_eq!(heard, Vec::from_iter(told), "{status}");
    }
    world.ask(CALL, leg, Command::Stop, LegState::released(CauseKind::Normal));
    let cancel = world.expect(trunk(), "CANCEL");
    carrier.respond(&mut world, &cancel, "200 OK", "", "");
    carrier.respond(&mut world, &invite, "487 Request Terminated", "", "");
    world.assert_idle();
}

#[test]
fn requests_in_an_early_dialog_of_ours_are_served() {
    let mut world = World::new(40);
    call_trunk(&mut world, offer(20_000));
    let invite = world.expect(trunk(), "INVITE");
    let mut carrier = Peer::of_invite(trunk(), &invite, "c");
    let asks = |world: &mut World, carrier: &mut Peer, method: &str, headers: &str, body: &str| {
        carrier.asks(world, method, headers, body);
        world.expect(trunk(), "SIP/2.0")
    };
    let status = |message: signaling::message::Message| message.status().unwrap().code();
    // Before a provisional response there is no dialog.
    assert_eq!(status(asks(&mut world, &mut carrier, "OPTIONS", "", "")), 481);
    carrier.respond(&mut world, &invite, "183 Session Progress", "", &sdp(1, 5_000, "sendrecv"));
    world.told(Command::Progress);
    let options = asks(&mut world, &mut carrier, "OPTIONS", "", "");
    assert!(header(&options, Header::Allow).contains("UPDATE"));
    assert_eq!(status(options), 200);
    let update = asks(&mut world, &mut carrier, "UPDATE", "", "");
    assert_eq!(header(&update, Header::Contact), header(&invite, Header::Contact));
    assert_eq!(status(update), 200);
    let offered = sdp(2, 5_002, "sendrecv");
    assert_eq!(status(asks(&mut world, &mut carrier, "UPDATE", "", &offered)), 491, "RFC 3311 §5.2");
    assert_eq!(status(asks(&mut world, &mut carrier, "INFO", "", "")), 200);
    let digit = "Content-Type: application/dtmf\r\n";
    assert_eq!(status(asks(&mut world, &mut carrier, "INFO", digit, "5")), 480, "nobody is there to take it");
    assert_eq!(status(asks(&mut world, &mut carrier, "BYE", "", "")), 480, "a callee refuses its INVITE");
    // Another fork that has not responded is no dialog, and one that a proxy said to be over is none any more (RFC 6228).
    let mut other = Peer::of_invite(trunk(), &invite, "d");
    assert_eq!(status(asks(&mut world, &mut other, "OPTIONS", "", "")), 481);
    other.respond(&mut world, &invite, "180 Ringing", "", "");
    assert_eq!(status(asks(&mut world, &mut other, "OPTIONS", "", "")), 200);
    other.respond(&mut world, &invite, "199 Early Dialog Terminated", "", "");
    assert_eq!(status(asks(&mut world, &mut other, "OPTIONS", "", "")), 481);
    // Out of order (RFC 3261 §12.2.2), before and after the answer.
    let late = |carrier: &mut Peer| {
        let cseq = carrier.cseq;
        carrier.cseq = 1;
        let text = carrier.request("OPTIONS", "", "");
        carrier.cseq = cseq;
        text
    };
    let text = late(&mut carrier);
    world.send(trunk(), &text);
    world.expect(trunk(), "SIP/2.0 500");
    carrier.respond(&mut world, &invite, "200 OK", "", &sdp(1, 5_000, "sendrecv"));
    world.expect(trunk(), "ACK");
    world.told(Command::Done);
    let text = late(&mut carrier);
    world.send(trunk(), &text);
    world.expect(trunk(), "SIP/2.0 500");
    assert_eq!(status(asks(&mut world, &mut carrier, "OPTIONS", "", "")), 200);
    carrier.asks(&mut world, "BYE", "", "");
    world.expect(trunk(), "SIP/2.0 200");
    world.assert_idle();
}

#[test]
fn what_does_no_harm_in_a_200_does_not_cost_the_call() {
    let extra = format!("{}m=video 0 RTP/AVP 99\r\n", sdp(1, 5_000, "sendrecv"));
    let plain = sdp(1, 5_000, "sendrecv");
    for (headers, body) in [
        ("Record-Route:\r\n", plain.as_str()),
        ("Record-Route: <sip:oops, <sip:198.51.100.10;lr>\r\n", &plain),
        ("Content-Disposition:\r\n", &plain),
        ("", &extra),
    ] {
        let mut world = World::new(71);
        let leg = call_trunk(&mut world, offer(20_002));
        let invite = world.expect(trunk(), "INVITE");
        let carrier = Peer::of_invite(trunk(), &invite, "t");
        carrier.respond(&mut world, &invite, "200 OK", headers, body);
        world.told(Command::Done);
        world.expect(trunk(), "ACK");
        carrier.is_hung_up(&mut world, leg);
        world.assert_idle();
    }
}

#[test]
fn when_a_callee_may_be_called_again_is_told() {
    for (status, seconds) in [("486 Busy Here", Some(120)), ("480 Away", Some(120)), ("403 No", None)] {
        let mut world = World::new(72);
        call_trunk(&mut world, offer(20_002));
        let invite = world.expect(trunk(), "INVITE");
        let carrier = Peer::of_invite(trunk(), &invite, "t");
        carrier.respond(&mut world, &invite, status, "Retry-After: 120 (at lunch)\r\n", "");
        assert_eq!(world.told(Command::Failed).failure().retry_after_s, seconds, "{status}");
        world.assert_idle();
    }
}

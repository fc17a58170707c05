//! Offers within the session: the peer's, ours, and those that cross.

use super::harness::CALL;
use super::harness::{
    ALICE, TRUNK, World, alice_calls, alice_talks, cause, header, leg_state, offer, sdp, state, trunk_talks, voice,
};
use super::peer::Peer;
use router::Command;
use router::parameter::{CauseKind, Direction, Failure, LegPhase, LegState, MediaExchange, Reason};
use signaling::message::{Header, Message, Method};
use std::net::SocketAddr;

fn hold(port: u16) -> LegState {
    state(LegPhase::Answered, Some(MediaExchange::Offer(voice(port, Direction::SendOnly))))
}

#[test]
fn a_peer_holds_and_retrieves() {
    let mut world = World::new(1);
    let (mut alice, _) = alice_talks(&mut world);
    for (version, direction, answered, written) in
        [(2, "sendonly", Direction::ReceiveOnly, "a=recvonly"), (3, "sendrecv", Direction::SendReceive, "a=sendrecv")]
    {
        alice.asks(&mut world, "INVITE", "", &sdp(version, 4_000, direction));
        let set = world.asked(Command::Set);
        assert!(matches!(leg_state(&set).media, Some(MediaExchange::Offer(_))));
        let described = MediaExchange::Answer(voice(20_000, answered));
        world.answer(&set, Command::Done, state(LegPhase::Answered, Some(described)));
        let ok = world.expect(alice.address, "SIP/2.0 200");
        assert!(String::from_utf8_lossy(ok.body_octets()).contains(written));
        alice.acknowledges(&mut world, "");
    }
    alice.asks(&mut world, "BYE", "", "");
    world.assert_idle();
}

#[test]
fn a_session_refresh_is_answered_here() {
    let mut world = World::new(2);
    let (mut alice, _) = alice_talks(&mut world);
    for method in ["INVITE", "UPDATE"] {
        alice.asks(&mut world, method, "", &sdp(1, 4_000, "sendrecv"));
        let ok = world.expect(alice.address, "SIP/2.0 200");
        assert!(String::from_utf8_lossy(ok.body_octets()).contains("m=audio 20000"));
        if method == "INVITE" {
            alice.acknowledges(&mut world, "");
        }
    }
    alice.asks(&mut world, "UPDATE", "", "");
    world.expect(alice.address, "SIP/2.0 200");
    alice.asks(&mut world, "BYE", "", "");
    world.run_ms(10);
    assert!(world.at_switch.iter().all(|received| !format!("{received:?}").contains("Set")));
    world.assert_idle();
}

#[test]
fn a_peer_that_wants_an_offer_gets_one_and_answers_in_the_ack() {
    let mut world = World::new(3);
    let (mut alice, _) = alice_talks(&mut world);
    alice.asks(&mut world, "INVITE", "", "");
    let set = world.asked(Command::Set);
    assert!(leg_state(&set).media.is_none());
    let offered = MediaExchange::Offer(voice(20_000, Direction::SendReceive));
    world.answer(&set, Command::Done, state(LegPhase::Answered, Some(offered)));
    world.expect(alice.address, "SIP/2.0 200");
    alice.acknowledges(&mut world, &sdp(2, 4_002, "sendrecv"));
    let set = world.asked(Command::Set);
    let Some(MediaExchange::Answer(described)) = &leg_state(&set).media else { panic!() };
    assert_eq!(described.streams[0].rtp.unwrap().port(), 4_002);
    world.answer(&set, Command::Done, LegState::new(LegPhase::Answered));
    alice.asks(&mut world, "BYE", "", "");
    world.assert_idle();
}

#[test]
fn an_offer_that_the_switch_refuses_leaves_the_session() {
    let mut world = World::new(4);
    let (mut alice, _) = alice_talks(&mut world);
    for (kind, status) in
        [(CauseKind::IncompatibleMedia, "488"), (CauseKind::Glare, "491"), (CauseKind::Timeout, "488")]
    {
        alice.asks(&mut world, "INVITE", "", &sdp(2, 4_000, "sendonly"));
        let set = world.asked(Command::Set);
        world.answer(&set, Command::Failed, Failure::because(kind.into()));
        world.expect(alice.address, &format!("SIP/2.0 {status}"));
        let ack = alice.ack(false, "");
        world.send(alice.address, &ack);
    }
    assert_eq!(world.signaling.legs(), 1);
    alice.asks(&mut world, "BYE", "", "");
    world.assert_idle();
}

#[test]
fn a_cancelled_reinvite_leaves_the_session() {
    let mut world = World::new(5);
    let (mut alice, _) = alice_talks(&mut world);
    alice.asks(&mut world, "INVITE", "", &sdp(2, 4_000, "sendonly"));
    let set = world.asked(Command::Set);
    world.send(alice.address, &alice.cancel(""));
    world.expect(alice.address, "SIP/2.0 200");
    world.expect(alice.address, "SIP/2.0 487");
    let ack = alice.ack(false, "");
    world.send(alice.address, &ack);
    // The switch's answer is late: what it took up is not agreed.
    let withdrawn = world.asked(Command::Set);
    let state_told = leg_state(&withdrawn);
    assert_eq!((state_told.phase, state_told.media.is_none()), (LegPhase::Answered, true));
    assert_eq!(state_told.cause.as_ref().unwrap().kind, CauseKind::Cancelled);
    world.accept(&set);
    // One that is not taken is told again.
    world.answer(&withdrawn, Command::Failed, Failure::new(Reason::Busy));
    let again = world.asked(Command::Set);
    world.answer(&again, Command::Done, state(LegPhase::Answered, None));
    alice.asks(&mut world, "BYE", "", "");
    world.assert_idle();
}

#[test]
fn an_update_whose_offer_waits_for_a_user_elsewhere_is_504_while_its_sender_waits() {
    let mut world = World::new(51);
    let (mut alice, _) = alice_talks(&mut world);
    alice.asks(&mut world, "UPDATE", "", &sdp(2, 4_000, "sendonly"));
    let set = world.asked(Command::Set);
    world.run_ms(19_800);
    assert!(world.take(alice.address).iter().all(|sent| sent.status().is_none_or(|status| !status.is_final())));
    world.run_ms(300);
    world.expect(alice.address, "SIP/2.0 504");
    // The call is told that nothing came of it, whatever it has told the other leg.
    let withdrawn = world.asked(Command::Set);
    assert!(leg_state(&withdrawn).media.is_none() && leg_state(&withdrawn).cause.is_some());
    world.answer(&withdrawn, Command::Done, state(LegPhase::Answered, None));
    let late = MediaExchange::Answer(voice(20_000, Direction::ReceiveOnly));
    world.answer(&set, Command::Done, state(LegPhase::Answered, Some(late)));
    // And may be asked again, by who asks its user.
    alice.asks(&mut world, "INVITE", "", &sdp(2, 4_000, "sendonly"));
    let set = world.asked(Command::Set);
    let described = MediaExchange::Answer(voice(20_000, Direction::ReceiveOnly));
    world.answer(&set, Command::Done, state(LegPhase::Answered, Some(described)));
    world.expect(alice.address, "SIP/2.0 200");
    alice.acknowledges(&mut world, "");
    alice.asks(&mut world, "BYE", "", "");
    world.run_ms(200_000);
    assert!(world.signaling.is_idle(), "{:#?}", world.signaling);
}

#[test]
fn an_offer_that_the_call_takes_back_is_cancelled() {
    let mut world = World::new(52);
    let trunk: SocketAddr = TRUNK.parse().unwrap();
    let (carrier, leg) = trunk_talks(&mut world, "");
    let hold = MediaExchange::Offer(voice(20_002, Direction::SendOnly));
    world.ask(CALL, leg, Command::Set, state(LegPhase::Answered, Some(hold)));
    let reinvite = world.expect(trunk, "INVITE");
    carrier.respond(&mut world, &reinvite, "180 Ringing", "", "");
    let back = LegState { cause: Some(CauseKind::Cancelled.into()), ..LegState::new(LegPhase::Answered) };
    world.ask(CALL, leg, Command::Set, back.clone());
    world.told(Command::Done);
    let cancel = world.expect(trunk, "CANCEL");
    carrier.respond(&mut world, &cancel, "200 OK", "", "");
    carrier.respond(&mut world, &reinvite, "487 Request Terminated", "", "");
    world.expect(trunk, "ACK");
    assert_eq!(cause(&world.told(Command::Failed)).kind, CauseKind::Cancelled);
    // Where none is out there is nothing to cancel, and the session goes on.
    world.ask(CALL, leg, Command::Set, back);
    world.told(Command::Done);
    assert_eq!(world.signaling.legs(), 1);
    world.ask(CALL, leg, Command::Stop, LegState::released(CauseKind::Normal));
    let bye = world.expect(trunk, "BYE");
    carrier.respond(&mut world, &bye, "200 OK", "", "");
    world.assert_idle();
}

#[test]
fn an_offer_before_the_last_was_answered_is_500_with_a_time() {
    let mut world = World::new(6);
    let (mut alice, _) = alice_talks(&mut world);
    alice.asks(&mut world, "INVITE", "", &sdp(2, 4_000, "sendonly"));
    let set = world.asked(Command::Set);
    let mut other = alice.clone();
    for method in ["INVITE", "UPDATE"] {
        let text = other.request(method, "", &sdp(3, 4_000, "inactive"));
        world.send(alice.address, &text);
        let refusal = world.expect(alice.address, "SIP/2.0 500");
        assert!(!header(&refusal, Header::RetryAfter).is_empty());
    }
    let described = MediaExchange::Answer(voice(20_000, Direction::ReceiveOnly));
    world.answer(&set, Command::Done, state(LegPhase::Answered, Some(described)));
    world.expect(alice.address, "SIP/2.0 200");
    alice.acknowledges(&mut world, "");
    alice.cseq = other.cseq;
    alice.asks(&mut world, "BYE", "", "");
    world.assert_idle();
}

#[test]
fn our_offer_goes_by_update_where_the_peer_takes_it_and_else_by_invite() {
    let trunk = TRUNK.parse().unwrap();
    for (seed, allow, method) in
        [(7, "Allow: INVITE, ACK, BYE, CANCEL, UPDATE\r\n", Method::Update), (8, "", Method::Invite)]
    {
        let mut world = World::new(seed);
        let (carrier, leg) = trunk_talks(&mut world, allow);
        world.ask(CALL, leg, Command::Set, hold(20_002));
        let request = world.expect(trunk, method.as_str());
        assert!(String::from_utf8_lossy(request.body_octets()).contains("a=sendonly"));
        carrier.respond(&mut world, &request, "200 OK", "", &sdp(2, 5_000, "recvonly"));
        let done = world.told(Command::Done);
        let Some(MediaExchange::Answer(described)) = &leg_state(&done).media else { panic!() };
        assert_eq!(described.streams[0].direction, Direction::ReceiveOnly);
        if method == Method::Invite {
            world.expect(trunk, "ACK");
        }
        carrier.is_hung_up(&mut world, leg);
        world.assert_idle();
    }
}

#[test]
fn a_peer_that_does_not_take_update_after_all_gets_an_invite() {
    let trunk = TRUNK.parse().unwrap();
    let mut world = World::new(9);
    let (mut carrier, leg) = trunk_talks(&mut world, "Allow: INVITE, UPDATE\r\n");
    world.ask(CALL, leg, Command::Set, hold(20_002));
    let update = world.expect(trunk, "UPDATE");
    carrier.respond(&mut world, &update, "501 Not Implemented", "", "");
    let invite = world.expect(trunk, "INVITE");
    carrier.respond(&mut world, &invite, "200 OK", "", &sdp(2, 5_000, "recvonly"));
    world.told(Command::Done);
    world.expect(trunk, "ACK");
    let bye = carrier.request("BYE", "", "");
    world.send(trunk, &bye);
    world.assert_idle();
}

#[test]
fn an_offer_that_is_refused_by_update_is_made_once_more_by_invite() {
    let trunk = TRUNK.parse().unwrap();
    for status in ["488 Not Acceptable Here", "500 Pending", "603 Decline"] {
        let mut world = World::new(40);
        let (mut carrier, leg) = trunk_talks(&mut world, "Allow: INVITE, UPDATE\r\n");
        world.ask(CALL, leg, Command::Set, hold(20_002));
        let update = world.expect(trunk, "UPDATE");
        carrier.respond(&mut world, &update, status, "", "");
        if status.starts_with("500") {
            world.run_ms(2_000);
            assert!(world.take(trunk).is_empty(), "an offer is pending there");
            world.run_ms(500);
        }
        let invite = world.expect(trunk, "INVITE");
        carrier.respond(&mut world, &invite, "200 OK", "", &sdp(2, 5_000, "recvonly"));
        world.told(Command::Done);
        world.expect(trunk, "ACK");
        world.ask(CALL, leg, Command::Set, hold(20_002));
        let update = world.expect(trunk, "UPDATE");
        carrier.respond(&mut world, &update, status, "", "");
        world.run_ms(5_000);
        let invite = world.take(trunk).into_iter().find(|message| message.is(&Method::Invite)).expect("an INVITE");
        carrier.respond(&mut world, &invite, status, "", "");
        world.told(Command::Failed);
        world.run_ms(5_000);
        world.take(trunk);
        world.run_ms(35_000);
        assert!(world.take(trunk).is_empty(), "once is enough");
        let bye = carrier.request("BYE", "", "");
        world.send(trunk, &bye);
        world.run_ms(100);
        world.take(trunk);
        world.assert_idle();
    }
}

#[test]
fn an_offer_that_meets_the_peers_gives_way_to_it_when_that_comes_again() {
    let trunk = TRUNK.parse().unwrap();
    let mut world = World::new(10);
    let (mut carrier, leg) = trunk_talks(&mut world, "");
    world.ask(CALL, leg, Command::Set, hold(20_002));
    let invite = world.expect(trunk, "INVITE");
    let text = carrier.request("INVITE", "", &sdp(2, 5_000, "inactive"));
    world.send(trunk, &text);
    world.expect(trunk, "SIP/2.0 491");
    let ack = carrier.ack(false, "");
    world.send(trunk, &ack);
    carrier.respond(&mut world, &invite, "491 Request Pending", "", "");
    world.expect(trunk, "ACK");
    // We made the Call-ID: we wait 2.1 to 4 seconds, and take the peer's meanwhile. Ours is behind that one then.
    world.run_ms(1_000);
    let text = carrier.request("INVITE", "", &sdp(2, 5_000, "inactive"));
    world.send(trunk, &text);
    assert_eq!(cause(&world.told(Command::Failed)).kind, CauseKind::Glare);
    let set = world.asked(Command::Set);
    world.answer(
        &set,
        Command::Done,
        state(LegPhase::Answered, Some(MediaExchange::Answer(voice(20_002, Direction::Inactive)))),
    );
    world.expect(trunk, "SIP/2.0 200");
    let ack = carrier.ack(true, "");
    world.send(trunk, &ack);
    world.run_ms(4_000);
    assert!(world.take(trunk).is_empty(), "what was to be said may be said by now");
    world.ask(CALL, leg, Command::Set, hold(20_002));
    let again = world.expect(trunk, "INVITE");
    carrier.respond(&mut world, &again, "200 OK", "", &sdp(3, 5_000, "recvonly"));
    world.told(Command::Done);
    world.expect(trunk, "ACK");
    let bye = carrier.request("BYE", "", "");
    world.send(trunk, &bye);
    world.assert_idle();
}

#[test]
fn glare_without_end_is_told_to_the_switch() {
    let trunk = TRUNK.parse().unwrap();
    let mut world = World::new(11);
    let (mut carrier, leg) = trunk_talks(&mut world, "");
    world.ask(CALL, leg, Command::Set, hold(20_002));
    for _ in 0..4 {
        let invite = world.expect(trunk, "INVITE");
        carrier.respond(&mut world, &invite, "491 Request Pending", "", "");
        world.expect(trunk, "ACK");
        world.run_ms(2_500);
    }
    assert_eq!(cause(&world.told(Command::Failed)).kind, CauseKind::Glare);
    let bye = carrier.request("BYE", "", "");
    world.send(trunk, &bye);
    world.assert_idle();
}

#[test]
fn a_refused_offer_is_told_and_the_session_goes_on() {
    let trunk = TRUNK.parse().unwrap();
    let mut world = World::new(12);
    let (mut carrier, leg) = trunk_talks(&mut world, "");
    world.ask(CALL, leg, Command::Set, hold(20_002));
    let invite = world.expect(trunk, "INVITE");
    // A second one while it is under way.
    world.ask(CALL, leg, Command::Set, hold(20_002));
    assert_eq!(cause(&world.told(Command::Failed)).kind, CauseKind::Glare);
    carrier.respond(&mut world, &invite, "488 Not Acceptable Here", "", "");
    world.expect(trunk, "ACK");
    assert_eq!(cause(&world.told(Command::Failed)).code, Some(488));
    assert_eq!(world.signaling.legs(), 1);
    let bye = carrier.request("BYE", "", "");
    world.send(trunk, &bye);
    world.assert_idle();
}

#[test]
fn a_peer_that_lost_the_dialog_or_is_silent_ends_the_leg() {
    let trunk = TRUNK.parse().unwrap();
    let mut world = World::new(13);
    let (carrier, leg) = trunk_talks(&mut world, "");
    world.ask(CALL, leg, Command::Set, hold(20_002));
    let invite = world.expect(trunk, "INVITE");
    carrier.respond(&mut world, &invite, "481 Call/Transaction Does Not Exist", "", "");
    world.asked(Command::Stop);
    world.assert_idle();
    let mut world = World::new(14);
    let (carrier, leg) = trunk_talks(&mut world, "");
    world.ask(CALL, leg, Command::Set, hold(20_002));
    world.run_ms(32_200);
    assert_eq!(cause(&world.told(Command::Failed)).kind, CauseKind::Timeout);
    world.asked(Command::Stop);
    let bye = world.expect(trunk, "BYE");
    carrier.respond(&mut world, &bye, "481 Gone", "", "");
    world.assert_idle();
}

#[test]
fn our_offer_waits_for_the_ack_of_the_call() {
    let mut world = World::new(15);
    let (mut alice, packet) = alice_calls(&mut world);
    world.accept(&packet);
    world.ask(packet.destination.instance, packet.source, Command::Set, hold(20_000));
    let ok = world.expect(alice.address, "SIP/2.0 200");
    world.run_ms(100);
    assert!(world.take(alice.address).is_empty());
    alice.learn(&ok);
    alice.acknowledges(&mut world, "");
    let invite = world.expect(alice.address, "INVITE");
    alice.respond(&mut world, &invite, "200 OK", "", &sdp(2, 4_000, "recvonly"));
    world.expect(alice.address, "ACK");
    world.told(Command::Done);
    alice.asks(&mut world, "BYE", "", "");
    world.assert_idle();
}

#[test]
fn our_offer_that_waits_follows_the_peers_that_is_refused_or_cancelled() {
    for (seed, cancelled) in [(16, false), (17, true)] {
        let mut world = World::new(seed);
        let (mut alice, packet) = alice_calls(&mut world);
        world.accept(&packet);
        world.ask(packet.destination.instance, packet.source, Command::Set, hold(20_000));
        let ok = world.expect(alice.address, "SIP/2.0 200");
        alice.learn(&ok);
        // Its ACK is lost, or overtaken.
        alice.asks(&mut world, "INVITE", "", &sdp(2, 4_000, "inactive"));
        let set = world.asked(Command::Set);
        if cancelled {
            world.send(alice.address, &alice.cancel(""));
            world.expect(alice.address, "SIP/2.0 487");
            let withdrawn = world.asked(Command::Set);
            world.answer(&withdrawn, Command::Done, state(LegPhase::Answered, None));
        } else {
            world.refuse(&set, CauseKind::IncompatibleMedia);
            world.expect(alice.address, "SIP/2.0 488");
        }
        let ack = alice.ack(false, "");
        world.send(alice.address, &ack);
        let invite = world.expect(alice.address, "INVITE");
        alice.respond(&mut world, &invite, "200 OK", "", &sdp(3, 4_000, "recvonly"));
        world.expect(alice.address, "ACK");
        world.told(Command::Done);
        if cancelled {
            world.refuse(&set, CauseKind::Cancelled);
        }
        alice.asks(&mut world, "BYE", "", "");
        world.assert_idle();
    }
}

#[test]
fn an_offer_that_is_answered_408_ends_the_leg_with_a_bye() {
    let trunk = TRUNK.parse().unwrap();
    for (seed, allow, method) in [(18, "", "INVITE"), (19, "Allow: INVITE, UPDATE\r\n", "UPDATE")] {
        let mut world = World::new(seed);
        let (carrier, leg) = trunk_talks(&mut world, allow);
        world.ask(CALL, leg, Command::Set, hold(20_002));
        let request = world.expect(trunk, method);
        carrier.respond(&mut world, &request, "408 Request Timeout", "", "");
        assert_eq!(cause(&world.told(Command::Failed)).kind, CauseKind::Timeout);
        world.asked(Command::Stop);
        let bye = world.expect(trunk, "BYE");
        carrier.respond(&mut world, &bye, "200 OK", "", "");
        world.assert_idle();
    }
}

#[test]
fn a_reinvite_before_the_ack_is_served_and_the_former_200_said_no_more() {
    let mut world = World::new(20);
    let (mut alice, packet) = alice_calls(&mut world);
    world.accept(&packet);
    let ok = world.expect(alice.address, "SIP/2.0 200");
    alice.learn(&ok);
    let late = alice.ack(true, "");
    // RFC 5407 §3.1.4: its ACK is lost.
    alice.asks(&mut world, "INVITE", "", &sdp(2, 4_000, "sendonly"));
    let set = world.asked(Command::Set);
    world.take(alice.address);
    world.run_ms(5_000);
    let repeated = |message: &Message| header(message, Header::CSeq) == "2 INVITE";
    assert!(!world.take(alice.address).iter().any(repeated), "who sends a new INVITE has had the answer to the last");
    let held = MediaExchange::Answer(voice(20_000, Direction::ReceiveOnly));
    world.answer(&set, Command::Done, state(LegPhase::Answered, Some(held)));
    let ok = world.expect(alice.address, "SIP/2.0 200");
    assert_eq!(header(&ok, Header::CSeq), "3 INVITE");
    // Or it was overtaken: it does not count for the new one.
    world.send(alice.address, &late);
    world.run_ms(600);
    world.expect(alice.address, "SIP/2.0 200");
    alice.acknowledges(&mut world, "");
    alice.asks(&mut world, "BYE", "", "");
    world.assert_idle();
}

#[test]
fn a_reinvite_before_the_answer_in_the_ack_is_491() {
    let mut world = World::new(21);
    let mut alice = Peer::new(ALICE, "alice", "200");
    alice.invite(&mut world, "", "");
    let packet = world.asked(Command::Start);
    world.answer(&packet, Command::Done, state(LegPhase::Answered, offer(20_000)));
    let ok = world.expect(alice.address, "SIP/2.0 200");
    alice.learn(&ok);
    let ack = alice.ack(true, &sdp(1, 4_000, "sendrecv"));
    // RFC 5407 §3.1.5: an offer of ours has no answer yet.
    alice.asks(&mut world, "INVITE", "", &sdp(2, 4_000, "sendonly"));
    let refusal = world.expect(alice.address, "SIP/2.0 491");
    let mut refused = alice.clone();
    refused.learn(&refusal);
    for text in [refused.ack(false, ""), ack] {
        world.send(alice.address, &text);
    }
    let set = world.asked(Command::Set);
    assert!(matches!(leg_state(&set).media, Some(MediaExchange::Answer(_))));
    world.answer(&set, Command::Done, LegState::new(LegPhase::Answered));
    alice.asks(&mut world, "BYE", "", "");
    world.assert_idle();
}

#[test]
fn an_offer_that_ends_every_stream_is_answered_and_the_call_told_of_a_hold() {
    let mut world = World::new(61);
    let (mut alice, _) = alice_talks(&mut world);
    alice.asks(&mut world, "INVITE", "", &sdp(2, 0, "sendrecv"));
    let ok = world.expect(alice.address, "SIP/2.0 200");
    assert!(String::from_utf8_lossy(ok.body_octets()).contains("m=audio 0 "));
    alice.acknowledges(&mut world, "");
    let set = world.asked(Command::Set);
    let Some(MediaExchange::Offer(told)) = &leg_state(&set).media else { panic!("{set:?}") };
    assert_eq!(told.streams[0].direction, Direction::Inactive);
    world.accept(&set);
    // It may come back.
    alice.asks(&mut world, "INVITE", "", &sdp(3, 4_000, "sendrecv"));
    let set = world.asked(Command::Set);
    world.accept(&set);
    let ok = world.expect(alice.address, "SIP/2.0 200");
    assert!(String::from_utf8_lossy(ok.body_octets()).contains("m=audio 20000 "));
    alice.acknowledges(&mut world, "");
    alice.asks(&mut world, "BYE", "", "");
    world.assert_idle();
}

#[test]
fn an_offer_waits_while_the_other_leg_is_told_what_was_answered_at_once() {
    let mut world = World::new(50);
    let (mut alice, _) = alice_talks(&mut world);
    alice.asks(&mut world, "INVITE", "", &sdp(2, 0, "sendrecv"));
    world.expect(alice.address, "SIP/2.0 200");
    alice.acknowledges(&mut world, "");
    let silent = world.asked(Command::Set);
    // The other leg's peer takes its time. There is no INVITE of ours that this one could have met.
    alice.asks(&mut world, "INVITE", "", &sdp(3, 4_000, "sendrecv"));
    alice.clone().asks(&mut world, "UPDATE", "", &sdp(4, 4_000, "sendrecv"));
    assert!(world.expect(alice.address, "SIP/2.0 500").header(Header::RetryAfter).is_some());
    world.run_ms(5_000);
    let came = world.take(alice.address);
    assert!(came.iter().all(|one| one.status().is_some_and(|status| status.code() == 100)), "{came:?}");
    world.answer(&silent, Command::Done, state(LegPhase::Answered, None));
    let set = world.asked(Command::Set);
    assert!(matches!(&leg_state(&set).media, Some(MediaExchange::Offer(offer)) if offer.streams[0].rtp.is_some()));
    world.accept(&set);
    world.expect(alice.address, "SIP/2.0 200");
    alice.acknowledges(&mut world, "");
    world.run_ms(10);
    alice.cseq += 1;
    alice.asks(&mut world, "BYE", "", "");
    world.assert_idle();
}

#[test]
fn an_offer_that_waits_may_be_taken_back() {
    let mut world = World::new(51);
    let (mut alice, _) = alice_talks(&mut world);
    alice.asks(&mut world, "INVITE", "", &sdp(2, 0, "sendrecv"));
    world.expect(alice.address, "SIP/2.0 200");
    alice.acknowledges(&mut world, "");
    let silent = world.asked(Command::Set);
    alice.asks(&mut world, "INVITE", "", &sdp(3, 4_000, "sendrecv"));
    world.run_ms(500);
    world.send(alice.address, &alice.cancel(""));
    let terminated = world.expect(alice.address, "SIP/2.0 487");
    alice.clone().acknowledges_refusal(&mut world, &terminated);
    world.answer(&silent, Command::Done, state(LegPhase::Answered, None));
    world.run_ms(500);
    assert!(world.at_switch.is_empty(), "the call was not asked: {:?}", world.at_switch);
    alice.asks(&mut world, "BYE", "", "");
    world.assert_idle();
}

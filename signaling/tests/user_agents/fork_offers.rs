//! A leg without an offer whose INVITE is forked downstream: each early dialog makes an offer of its own, in a response that wants to be acknowledged, and
//! has its answer in the PRACK (RFC 3262 §5, RFC 6337 §2.2).

use super::harness::{CALL, LEG, TRUNK, World, answer, call_trunk, header, leg_state, sdp};
use super::peer::response;
use router::Command;
use router::parameter::{CauseKind, LegPhase, LegState, MediaExchange, Parameter};
use signaling::message::{Header, Message, Method};
use std::net::SocketAddr;

fn trunk() -> SocketAddr {
    TRUNK.parse().unwrap()
}

/// A provisional response of one of the carrier's ends that wants to be acknowledged.
fn reliable(world: &mut World, invite: &Message, tag: &str, rseq: u32, body: &str) {
    let status = if body.is_empty() { "180 Ringing" } else { "183 Session Progress" };
    let headers = format!("Require: 100rel\r\nRSeq: {rseq}\r\n");
    world.send(trunk(), &response(invite, tag, "b", trunk(), status, &headers, body));
}

/// The next PRACK, which is answered: whose it is, what it acknowledges, and the port of its answer.
fn pracked(world: &mut World) -> (String, String, Option<u16>) {
    let prack = world.expect(trunk(), "PRACK");
    let tag = prack.to_tag().unwrap().as_str().to_owned();
    world.send(trunk(), &response(&prack, &tag, "b", trunk(), "200 OK", "", ""));
    let rack = header(&prack, Header::RAck).split(' ').next().unwrap_or_default().to_owned();
    let body = String::from_utf8_lossy(prack.body_octets()).into_owned();
    let line = body.lines().find_map(|line| line.strip_prefix("m=audio ").map(str::to_owned));
    (tag, rack, line.map(|line| line.split(' ').next().unwrap().parse().unwrap()))
}

/// The call's answer to the first offer.
fn call_answers(world: &mut World, port: u16) {
    world.ask(CALL, LEG, Command::Set, LegState::new(LegPhase::Answered).with_media(answer(port)));
}

/// What the call was told with the answer.
fn answered(world: &mut World) -> Option<MediaExchange> {
    loop {
        let done = world.told(Command::Done);
        if matches!(done.first(), Some(Parameter::LegState(state)) if state.phase == LegPhase::Answered) {
            return leg_state(&done).media.clone();
        }
    }
}

fn hang_up(world: &mut World, tag: &str) {
    world.ask(CALL, LEG, Command::Stop, LegState::released(CauseKind::Normal));
    let bye = world.expect(trunk(), "BYE");
    assert_eq!(bye.to_tag().unwrap().as_str(), tag);
    world.send(trunk(), &response(&bye, tag, "b", trunk(), "200 OK", "", ""));
    world.assert_idle();
}

fn said(tag: &str, rack: &str, port: Option<u16>) -> (String, String, Option<u16>) {
    (tag.to_owned(), rack.to_owned(), port)
}

#[test]
fn each_fork_s_offer_is_answered_in_its_prack_and_who_answers_is_told_of() {
    for late in [false, true] {
        let mut world = World::new(1);
        call_trunk(&mut world, None);
        let invite = world.expect(trunk(), "INVITE");
        reliable(&mut world, &invite, "one", 7, &sdp(1, 5_000, "sendrecv"));
        if !late {
            // Before the call has answered the first one.
            reliable(&mut world, &invite, "two", 70, &sdp(1, 6_000, "sendrecv"));
        }
        world.run_ms(50);
        assert!(world.take(trunk()).is_empty(), "they wait for the call");
        call_answers(&mut world, 20_002);
        assert_eq!(pracked(&mut world), said("one", "7", Some(20_002)));
        if late {
            reliable(&mut world, &invite, "two", 70, &sdp(1, 6_000, "sendrecv"));
        }
        assert_eq!(pracked(&mut world), said("two", "70", Some(20_002)));
        reliable(&mut world, &invite, "two", 71, "");
        assert_eq!(pracked(&mut world), said("two", "71", None));
        world.send(trunk(), &response(&invite, "two", "b", trunk(), "200 OK", "", ""));
        let ack = world.expect(trunk(), "ACK");
        assert!(ack.body_octets().is_empty(), "all is said");
        let Some(MediaExchange::Offer(offered)) = answered(&mut world) else { panic!("an offer") };
        assert_eq!(offered.streams[0].rtp.map(|rtp| rtp.port()), Some(6_000));
        // The call's answer is the one that it has had.
        call_answers(&mut world, 20_002);
        world.told(Command::Done);
        world.run_ms(50);
        assert!(world.take(trunk()).is_empty());
        hang_up(&mut world, "two");
    }
}

#[test]
fn an_answer_that_a_fork_has_not_had_follows_by_an_offer() {
    let mut world = World::new(2);
    call_trunk(&mut world, None);
    let invite = world.expect(trunk(), "INVITE");
    reliable(&mut world, &invite, "one", 7, &sdp(1, 5_000, "sendrecv"));
    world.run_ms(50);
    call_answers(&mut world, 20_002);
    pracked(&mut world);
    reliable(&mut world, &invite, "two", 70, &sdp(1, 6_000, "sendrecv"));
    pracked(&mut world);
    world.send(trunk(), &response(&invite, "two", "b", trunk(), "200 OK", "", ""));
    world.expect(trunk(), "ACK");
    answered(&mut world);
    call_answers(&mut world, 20_004);
    let again = world.expect(trunk(), "INVITE");
    assert!(String::from_utf8_lossy(again.body_octets()).contains("m=audio 20004 "));
    world.send(trunk(), &response(&again, "two", "b", trunk(), "200 OK", "", &sdp(2, 6_002, "sendrecv")));
    world.expect(trunk(), "ACK");
    let set = world.asked(Command::Set);
    let Some(MediaExchange::Offer(now)) = &leg_state(&set).media else { panic!("{set:?}") };
    assert_eq!(now.streams[0].rtp.map(|rtp| rtp.port()), Some(6_002));
    world.accept(&set);
    hang_up(&mut world, "two");
}

#[test]
fn an_offer_that_cannot_be_served_is_refused_in_the_prack() {
    let mut world = World::new(3);
    call_trunk(&mut world, None);
    let invite = world.expect(trunk(), "INVITE");
    let video = sdp(1, 5_000, "sendrecv").replace("m=audio", "m=video");
    let other = sdp(1, 6_000, "sendrecv").replace("RTP/AVP 0 101", "RTP/AVP 8");
    reliable(&mut world, &invite, "one", 7, &sdp(1, 5_000, "sendrecv"));
    world.run_ms(50);
    call_answers(&mut world, 20_002);
    pracked(&mut world);
    reliable(&mut world, &invite, "two", 70, &other);
    assert_eq!(pracked(&mut world), said("two", "70", Some(0)));
    reliable(&mut world, &invite, "three", 700, &video);
    let prack = world.expect(trunk(), "PRACK");
    assert_eq!(prack.cseq().unwrap().method, Method::Prack);
    assert!(String::from_utf8_lossy(prack.body_octets()).contains("m=video 0 "));
    world.send(trunk(), &response(&prack, "three", "b", trunk(), "200 OK", "", ""));
    world.send(trunk(), &response(&invite, "one", "b", trunk(), "200 OK", "", ""));
    world.expect(trunk(), "ACK");
    assert_eq!(answered(&mut world), None, "the call knows all");
    hang_up(&mut world, "one");
}

/// Nothing that the call can answer fits the first offer: it, and those beside, are acknowledged all the same, and refused (RFC 3262 §4, §5).
#[test]
fn offers_that_the_call_s_answer_does_not_fit_are_refused_in_their_pracks() {
    let mut world = World::new(4);
    call_trunk(&mut world, None);
    let invite = world.expect(trunk(), "INVITE");
    let other = sdp(1, 5_000, "sendrecv").replace("RTP/AVP 0 101", "RTP/AVP 8");
    reliable(&mut world, &invite, "one", 7, &other);
    reliable(&mut world, &invite, "two", 70, &sdp(1, 6_000, "sendrecv"));
    world.run_ms(50);
    call_answers(&mut world, 20_002);
    assert_eq!(pracked(&mut world), said("one", "7", Some(0)));
    assert_eq!(pracked(&mut world), said("two", "70", Some(0)));
    let failed = world.told(Command::Failed);
    assert_eq!(failed.failure().cause.map(|cause| cause.kind), Some(CauseKind::IncompatibleMedia));
    world.ask(CALL, LEG, Command::Stop, LegState::released(CauseKind::IncompatibleMedia));
    let cancel = world.expect(trunk(), "CANCEL");
    world.send(trunk(), &response(&cancel, "one", "b", trunk(), "200 OK", "", ""));
    world.send(trunk(), &response(&invite, "one", "b", trunk(), "487 Request Terminated", "", ""));
    world.expect(trunk(), "ACK");
    world.assert_idle();
}

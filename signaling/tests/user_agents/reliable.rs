//! Provisional responses that are acknowledged (RFC 3262), offers in early dialogs (RFC 3311), and early media of several dialogs.

use super::harness::{ALICE, CALL, TRUNK, World, answer, call_trunk, header, leg_state, offer, sdp, state, voice};
use super::peer::{Peer, response};
use router::Command;
use router::parameter::{CauseKind, Direction, LegPhase, LegState, MediaExchange, Parameter};
use signaling::Reliability;
use signaling::message::{Header, Message, Method};
use std::net::SocketAddr;

const RELIABLE: &str = "Supported: 100rel\r\n";

fn trunk() -> SocketAddr {
    TRUNK.parse().unwrap()
}

/// Alice calls, and acknowledges provisional responses.
fn alice_calls(world: &mut World, headers: &str, body: &str) -> (Peer, router::Packet) {
    let mut alice = Peer::new(ALICE, "alice", "200");
    alice.invite(world, headers, body);
    let packet = world.asked(Command::Start);
    (alice, packet)
}

fn rseq(response: &Message) -> u32 {
    response.rseq().unwrap().expect("RSeq")
}

/// Sends the PRACK to a response.
fn prack(world: &mut World, peer: &mut Peer, response: &Message, body: &str) {
    peer.learn(response);
    let rack = format!("RAck: {} {} INVITE\r\n", rseq(response), response.cseq().unwrap().number);
    peer.asks(world, "PRACK", &rack, body);
}

#[test]
fn a_provisional_response_is_repeated_until_its_prack_comes_and_the_next_one_waits_for_that() {
    let mut world = World::new(1);
    let (mut alice, call) = alice_calls(&mut world, RELIABLE, &sdp(1, 4_000, "sendrecv"));
    world.ring(&call);
    let ringing = world.expect(alice.address, "SIP/2.0 180");
    assert!(ringing.require().any(|option| option == "100rel"));
    world.answer(&call, Command::Progress, state(LegPhase::Early, answer(20_000)));
    world.run_ms(1_600);
    let repeated: Vec<_> = world.take(alice.address);
    assert_eq!(repeated.len(), 2, "after 500 and 1,500 ms");
    assert!(repeated.iter().all(|one| rseq(one) == rseq(&ringing) && one.body().is_empty()));
    prack(&mut world, &mut alice, &ringing, "");
    world.expect(alice.address, "SIP/2.0 200");
    let early = world.expect(alice.address, "SIP/2.0 183");
    assert_eq!(rseq(&early), rseq(&ringing) + 1);
    assert!(!early.body().is_empty());
    // What is not outstanding is not known.
    let mut wrong = alice.clone();
    wrong.branches += 50;
    prack(&mut world, &mut wrong, &ringing, "");
    world.expect(alice.address, "SIP/2.0 481");
    alice.cseq = wrong.cseq;
    // The 200 waits: the answer in the 183 is not acknowledged.
    world.accept(&call);
    world.run_ms(100);
    assert!(world.take(alice.address).iter().all(|message| message.status().unwrap().code() != 200));
    prack(&mut world, &mut alice, &early, "");
    world.expect(alice.address, "SIP/2.0 200");
    let ok = world.expect(alice.address, "SIP/2.0 200");
    assert_eq!(ok.cseq().unwrap().method, Method::Invite);
    assert!(ok.body().is_empty(), "the answer is there already");
    alice.cseq = ok.cseq().unwrap().number;
    alice.acknowledges(&mut world, "");
    alice.cseq += 10;
    alice.asks(&mut world, "BYE", "", "");
    world.assert_idle();
}

#[test]
fn a_200_overtakes_a_180_that_is_not_acknowledged_and_the_late_prack_is_answered() {
    let mut world = World::new(2);
    let (mut alice, call) = alice_calls(&mut world, RELIABLE, &sdp(1, 4_000, "sendrecv"));
    world.ring(&call);
    let ringing = world.expect(alice.address, "SIP/2.0 180");
    world.accept(&call);
    let ok = world.expect(alice.address, "SIP/2.0 200");
    assert!(!ok.body().is_empty());
    alice.learn(&ok);
    alice.acknowledges(&mut world, "");
    prack(&mut world, &mut alice, &ringing, "");
    assert_eq!(world.expect(alice.address, "SIP/2.0 200").cseq().unwrap().method, Method::Prack);
    alice.asks(&mut world, "BYE", "", "");
    world.assert_idle();
}

#[test]
fn without_a_prack_the_call_is_refused_in_the_end() {
    let mut world = World::new(3);
    let (mut alice, call) = alice_calls(&mut world, RELIABLE, &sdp(1, 4_000, "sendrecv"));
    world.ring(&call);
    world.run_ms(33_000);
    let stop = world.asked(Command::Stop);
    assert_eq!(leg_state(&stop).cause.as_ref().map(|cause| cause.kind), Some(CauseKind::Timeout));
    let refusal = world.expect(alice.address, "SIP/2.0 504");
    alice.acknowledges_refusal(&mut world, &refusal);
    world.refuse(&call, CauseKind::Timeout);
    world.assert_idle();
}

#[test]
fn what_the_configuration_and_the_caller_do_not_agree_on_is_refused() {
    for (reliable, headers, status, names) in [
        (Reliability::Never, "Require: 100rel\r\n", "SIP/2.0 420", Header::Unsupported),
        (Reliability::Required, "", "SIP/2.0 421", Header::Require),
    ] {
        let mut world = World::with(4, |config| config.calls.reliable = reliable);
        let mut alice = Peer::new(ALICE, "alice", "200");
        alice.invite(&mut world, headers, &sdp(1, 4_000, "sendrecv"));
        let refusal = world.expect(alice.address, status);
        assert_eq!(header(&refusal, names), "100rel");
        alice.acknowledges_refusal(&mut world, &refusal);
        world.assert_idle();
    }
    let mut world = World::with(5, |config| config.calls.reliable = Reliability::Never);
    let (alice, call) = alice_calls(&mut world, RELIABLE, &sdp(1, 4_000, "sendrecv"));
    world.ring(&call);
    assert_eq!(world.expect(alice.address, "SIP/2.0 180").header(Header::RSeq), None);
    world.refuse(&call, CauseKind::Busy);
    call_trunk(&mut world, offer(20_002));
    assert!(!world.expect(trunk(), "INVITE").supports("100rel"));
}

/// RFC 3262 §5: the first word to it has to bring an offer, and its callee makes none so early: the call makes one of its own.
#[test]
fn a_caller_that_offers_late_and_requires_it_is_told_that_it_rings_with_an_offer_of_the_call_s() {
    for answered_first in [false, true] {
        let mut world = World::new(35);
        let (mut alice, call) = alice_calls(&mut world, "Require: 100rel\r\n", "");
        world.ring(&call);
        let wanted = world.asked(Command::Set);
        assert_eq!((leg_state(&wanted).phase, &leg_state(&wanted).media), (LegPhase::Early, &None));
        world.answer(&call, Command::Progress, state(LegPhase::Early, None));
        world.run_ms(300);
        assert!(world.take(alice.address).iter().all(|message| message.status().unwrap().code() == 100));
        world.answer(&wanted, Command::Done, state(LegPhase::Early, offer(20_000)));
        let told = world.expect(alice.address, "SIP/2.0 183");
        assert!(told.require().any(|option| option == "100rel"));
        assert!(String::from_utf8_lossy(told.body_octets()).contains("m=audio 20000"), "{told:?}");
        if answered_first {
            // It waits: the caller has the offer, and has not answered it.
            world.answer(&call, Command::Done, state(LegPhase::Answered, offer(20_000)));
            world.run_ms(300);
            assert!(world.take(alice.address).is_empty());
        }
        prack(&mut world, &mut alice, &told, &sdp(1, 4_000, "sendrecv"));
        let set = world.asked(Command::Set);
        assert!(matches!(leg_state(&set).media, Some(MediaExchange::Answer(_))), "asked once: {set:?}");
        world.answer(&set, Command::Done, LegState::new(LegPhase::Early));
        assert_eq!(world.expect(alice.address, "SIP/2.0 200").cseq().unwrap().method, Method::Prack);
        if !answered_first {
            world.accept(&call);
        }
        let ok = world.expect(alice.address, "SIP/2.0 200");
        assert_eq!((ok.cseq().unwrap().method.as_str(), ok.body().len()), ("INVITE", 0), "nothing is offered again");
        let last = alice.cseq;
        alice.cseq = ok.cseq().unwrap().number;
        alice.acknowledges(&mut world, "");
        alice.cseq = last;
        alice.asks(&mut world, "BYE", "", "");
        world.assert_idle();
    }
}

#[test]
fn a_caller_that_offers_late_and_requires_it_hears_nothing_before_the_answer_where_the_call_has_no_offer() {
    let mut world = World::new(6);
    let (mut alice, call) = alice_calls(&mut world, "Require: 100rel\r\n", "");
    world.ring(&call);
    let wanted = world.asked(Command::Set);
    world.refuse(&wanted, CauseKind::IncompatibleMedia);
    world.ring(&call);
    world.run_ms(300);
    assert!(world.take(alice.address).iter().all(|message| message.status().unwrap().code() == 100));
    world.answer(&call, Command::Done, state(LegPhase::Answered, offer(20_000)));
    let ok = world.expect(alice.address, "SIP/2.0 200");
    alice.learn(&ok);
    alice.acknowledges(&mut world, &sdp(1, 4_000, "sendrecv"));
    let set = world.asked(Command::Set);
    world.answer(&set, Command::Done, LegState::new(LegPhase::Answered));
    alice.asks(&mut world, "BYE", "", "");
    world.assert_idle();
}

/// An offer of the call's that crosses another exchange is asked for at the next occasion.
#[test]
fn a_caller_that_offers_late_and_requires_it_is_told_at_the_next_occasion_where_the_call_has_no_offer_just_now() {
    let mut world = World::new(36);
    let (mut alice, call) = alice_calls(&mut world, "Require: 100rel\r\n", "");
    world.ring(&call);
    let wanted = world.asked(Command::Set);
    world.refuse(&wanted, CauseKind::Glare);
    world.ring(&call);
    let wanted = world.asked(Command::Set);
    world.answer(&wanted, Command::Done, state(LegPhase::Early, offer(20_000)));
    let told = world.expect(alice.address, "SIP/2.0 180");
    assert!(String::from_utf8_lossy(told.body_octets()).contains("m=audio 20000"), "{told:?}");
    prack(&mut world, &mut alice, &told, &sdp(1, 4_000, "sendrecv"));
    let set = world.asked(Command::Set);
    assert!(matches!(leg_state(&set).media, Some(MediaExchange::Answer(_))), "{set:?}");
    world.answer(&set, Command::Done, LegState::new(LegPhase::Early));
    assert_eq!(world.expect(alice.address, "SIP/2.0 200").cseq().unwrap().method, Method::Prack);
    world.refuse(&call, CauseKind::Busy);
    let refused = world.expect(alice.address, "SIP/2.0 486");
    alice.cseq = refused.cseq().unwrap().number;
    alice.acknowledges_refusal(&mut world, &refused);
    world.assert_idle();
}

/// RFC 3262 §5: the first response that is acknowledged brings the offer, its PRACK the answer. What is told before is told without.
#[test]
fn a_caller_that_offers_late_gets_an_early_offer_in_a_reliable_183_and_answers_in_the_prack() {
    for headers in [RELIABLE, "Require: 100rel\r\n"] {
        let mut world = World::new(31);
        let (mut alice, call) = alice_calls(&mut world, headers, "");
        let Some(Parameter::Call(asked)) = call.first() else { panic!("{call:?}") };
        assert!(asked.early_offer && asked.media.is_none());
        world.ring(&call);
        if headers == RELIABLE {
            let ringing = world.expect(alice.address, "SIP/2.0 180");
            assert_eq!((ringing.header(Header::RSeq), ringing.body().len()), (None, 0));
        }
        // Who requires it has asked for an offer, which crosses the callee's.
        let wanted = (headers != RELIABLE).then(|| world.asked(Command::Set));
        world.answer(&call, Command::Progress, state(LegPhase::Early, offer(20_000)));
        if let Some(wanted) = wanted {
            world.refuse(&wanted, CauseKind::Glare);
        }
        let early = world.expect(alice.address, "SIP/2.0 183");
        assert!(String::from_utf8_lossy(early.body_octets()).contains("m=audio 20000"), "{early:?}");
        // It is repeated, and the answer of the call waits for its acknowledgement.
        world.answer(&call, Command::Done, state(LegPhase::Answered, offer(20_000)));
        world.run_ms(600);
        let repeated = world.expect(alice.address, "SIP/2.0 183");
        assert_eq!((rseq(&repeated), repeated.body()), (rseq(&early), early.body()));
        world.run_ms(300);
        assert!(world.take(alice.address).is_empty());
        prack(&mut world, &mut alice, &early, &sdp(1, 4_000, "sendrecv"));
        let set = world.asked(Command::Set);
        let told = leg_state(&set);
        assert!(told.phase == LegPhase::Early && matches!(told.media, Some(MediaExchange::Answer(_))), "{told:?}");
        world.answer(&set, Command::Done, LegState::new(LegPhase::Early));
        let acknowledged = world.expect(alice.address, "SIP/2.0 200");
        assert_eq!((acknowledged.cseq().unwrap().method.as_str(), acknowledged.body().len()), ("PRACK", 0));
        let ok = world.expect(alice.address, "SIP/2.0 200");
        assert_eq!((ok.cseq().unwrap().method.as_str(), ok.body().len()), ("INVITE", 0), "nothing is offered again");
        let last = alice.cseq;
        alice.cseq = ok.cseq().unwrap().number;
        alice.acknowledges(&mut world, "");
        alice.cseq = last;
        alice.asks(&mut world, "BYE", "", "");
        world.assert_idle();
    }
}

#[test]
fn a_prack_without_the_answer_to_an_early_offer_is_the_end_of_the_call() {
    for body in ["", "nonsense"] {
        let mut world = World::new(32);
        let (mut alice, call) = alice_calls(&mut world, RELIABLE, "");
        world.answer(&call, Command::Progress, state(LegPhase::Early, offer(20_000)));
        let early = world.expect(alice.address, "SIP/2.0 183");
        prack(&mut world, &mut alice, &early, body);
        assert_eq!(world.expect(alice.address, "SIP/2.0 200").cseq().unwrap().method.as_str(), "PRACK");
        let refusal = world.expect(alice.address, "SIP/2.0 488");
        let last = alice.cseq;
        alice.cseq = refusal.cseq().unwrap().number;
        alice.acknowledges_refusal(&mut world, &refusal);
        alice.cseq = last;
        let stop = world.asked(Command::Stop);
        assert_eq!(leg_state(&stop).cause.as_ref().map(|cause| cause.kind), Some(CauseKind::IncompatibleMedia));
        world.refuse(&call, CauseKind::IncompatibleMedia);
        world.assert_idle();
    }
}

/// Who does not acknowledge, or is not let, gets its offer with the answer.
#[test]
fn a_caller_that_offers_late_and_acknowledges_nothing_is_told_no_offer_early() {
    for (headers, reliable) in [("", Reliability::Supported), (RELIABLE, Reliability::Never)] {
        let mut world = World::with(33, |config| config.calls.reliable = reliable);
        let (mut alice, call) = alice_calls(&mut world, headers, "");
        let Some(Parameter::Call(asked)) = call.first() else { panic!("{call:?}") };
        assert!(!asked.early_offer);
        world.ring(&call);
        assert_eq!(world.expect(alice.address, "SIP/2.0 180").header(Header::RSeq), None);
        world.answer(&call, Command::Done, state(LegPhase::Answered, offer(20_000)));
        let ok = world.expect(alice.address, "SIP/2.0 200");
        assert!(!ok.body().is_empty());
        alice.learn(&ok);
        alice.acknowledges(&mut world, &sdp(1, 4_000, "sendrecv"));
        let set = world.asked(Command::Set);
        world.answer(&set, Command::Done, LegState::new(LegPhase::Answered));
        alice.asks(&mut world, "BYE", "", "");
        world.assert_idle();
    }
}

#[test]
fn a_caller_may_offer_anew_in_a_prack_and_by_update_before_the_answer() {
    for method in ["PRACK", "UPDATE"] {
        let mut world = World::new(7);
        let (mut alice, call) = alice_calls(&mut world, RELIABLE, &sdp(1, 4_000, "sendrecv"));
        world.answer(&call, Command::Progress, state(LegPhase::Early, answer(20_000)));
        let early = world.expect(alice.address, "SIP/2.0 183");
        let hold = sdp(2, 4_000, "sendonly");
        if method == "PRACK" {
            prack(&mut world, &mut alice, &early, &hold);
        } else {
            alice.learn(&early);
            alice.asks(&mut world, "UPDATE", "", &hold);
            world.expect(alice.address, "SIP/2.0 500");
            prack(&mut world, &mut alice, &early, "");
            world.expect(alice.address, "SIP/2.0 200");
            alice.asks(&mut world, "UPDATE", "", &hold);
        }
        let set = world.asked(Command::Set);
        assert_eq!(leg_state(&set).phase, LegPhase::Early);
        // The answer of the call waits for that of the offer.
        world.accept(&call);
        let held = MediaExchange::Answer(voice(20_000, Direction::ReceiveOnly));
        world.answer(&set, Command::Done, state(LegPhase::Early, Some(held)));
        let accepted = world.expect(alice.address, "SIP/2.0 200");
        assert_eq!(accepted.cseq().unwrap().method.as_str(), method);
        assert!(String::from_utf8_lossy(accepted.body_octets()).contains("a=recvonly"));
        let ok = world.expect(alice.address, "SIP/2.0 200");
        assert!(ok.body().is_empty());
        let last = alice.cseq;
        alice.cseq = ok.cseq().unwrap().number;
        alice.acknowledges(&mut world, "");
        alice.cseq = last;
        alice.asks(&mut world, "BYE", "", "");
        world.assert_idle();
    }
}

/// The carrier's responses, by the tag of the dialog.
fn fork(invite: &Message, tag: &str, status: &str, headers: &str, body: &str) -> String {
    response(invite, tag, "b", trunk(), status, headers, body)
}

#[test]
fn reliable_responses_of_a_callee_are_acknowledged_in_their_order_and_once() {
    let mut world = World::new(8);
    let leg = call_trunk(&mut world, offer(20_002));
    let invite = world.expect(trunk(), "INVITE");
    assert!(invite.supports("100rel"));
    let reliable = |number: u32, status: &str, body: &str| {
        fork(&invite, "one", status, &format!("Require: 100rel\r\nRSeq: {number}\r\n"), body)
    };
    world.send(trunk(), &reliable(7, "180 Ringing", ""));
    let first = world.expect(trunk(), "PRACK");
    assert_eq!(header(&first, Header::RAck), format!("7 {} INVITE", invite.cseq().unwrap().number));
    assert_eq!(first.to_tag().unwrap().as_str(), "one");
    // Out of order, and again: neither is acknowledged, nor told.
    world.send(trunk(), &reliable(9, "183 Session Progress", &sdp(1, 5_009, "sendrecv")));
    world.send(trunk(), &reliable(7, "180 Ringing", ""));
    world.run_ms(50);
    assert!(world.take(trunk()).is_empty());
    let answer_to = |world: &mut World, prack: &Message| {
        let text = fork(prack, "one", "200 OK", "", "");
        world.send(trunk(), &text);
    };
    answer_to(&mut world, &first);
    world.send(trunk(), &reliable(8, "183 Session Progress", &sdp(1, 5_008, "sendrecv")));
    let second = world.expect(trunk(), "PRACK");
    assert!(second.cseq().unwrap().number > first.cseq().unwrap().number);
    answer_to(&mut world, &second);
    let told: Vec<_> = world.answers().map(|packet| leg_state(&packet).phase).collect();
    assert_eq!(told, [LegPhase::Trying, LegPhase::Ringing, LegPhase::Early]);
    // The answer was final: the 200 has none, or one that is not looked at.
    world.send(trunk(), &fork(&invite, "one", "200 OK", "", ""));
    let ack = world.expect(trunk(), "ACK");
    assert_eq!(ack.cseq().unwrap().number, invite.cseq().unwrap().number);
    let done = world.told(Command::Done);
    let Some(MediaExchange::Answer(agreed)) = &leg_state(&done).media else { panic!("{done:?}") };
    assert_eq!(agreed.streams[0].rtp.map(|rtp| rtp.port()), Some(5_008));
    world.ask(CALL, leg, Command::Stop, LegState::released(CauseKind::Normal));
    let bye = world.expect(trunk(), "BYE");
    assert!(bye.cseq().unwrap().number > second.cseq().unwrap().number, "one dialog, one order of requests");
    answer_to(&mut world, &bye);
    world.assert_idle();
}

#[test]
fn an_offer_in_a_reliable_response_is_answered_in_the_prack() {
    let mut world = World::new(9);
    let leg = call_trunk(&mut world, None);
    let invite = world.expect(trunk(), "INVITE");
    let headers = "Require: 100rel\r\nRSeq: 1\r\n";
    world.send(trunk(), &fork(&invite, "one", "183 Session Progress", headers, &sdp(1, 5_000, "sendrecv")));
    world.run_ms(20);
    let told: Vec<_> = world.answers().collect();
    let offered = told.iter().find_map(|packet| match &leg_state(packet).media {
        Some(MediaExchange::Offer(offer)) => Some(offer.clone()),
        _ => None,
    });
    assert!(offered.is_some(), "{told:?}");
    let answer = LegState::new(LegPhase::Answered).with_media(answer(20_002));
    world.ask(CALL, leg, Command::Set, answer);
    let prack = world.expect(trunk(), "PRACK");
    assert!(String::from_utf8_lossy(prack.body_octets()).contains("m=audio 20002"));
    world.send(trunk(), &fork(&prack, "one", "200 OK", "", ""));
    world.send(trunk(), &fork(&invite, "one", "200 OK", "", ""));
    world.expect(trunk(), "ACK");
    let done = loop {
        let done = world.told(Command::Done);
        if matches!(done.first(), Some(Parameter::LegState(_))) {
            break done;
        }
    };
    assert_eq!(leg_state(&done).media, None, "all is said");
    world.ask(CALL, leg, Command::Stop, LegState::released(CauseKind::Normal));
    let bye = world.expect(trunk(), "BYE");
    world.send(trunk(), &fork(&bye, "one", "200 OK", "", ""));
    world.assert_idle();
}

#[test]
fn a_callee_may_offer_anew_in_its_early_dialog_once_its_answer_is_certain() {
    let mut world = World::new(10);
    call_trunk(&mut world, offer(20_002));
    let invite = world.expect(trunk(), "INVITE");
    let mut carrier = Peer::of_invite(trunk(), &invite, "one");
    let reliable = "Require: 100rel\r\nRSeq: 1\r\n";
    world.send(trunk(), &fork(&invite, "one", "183 Session Progress", reliable, &sdp(1, 5_000, "sendrecv")));
    let prack = world.expect(trunk(), "PRACK");
    world.send(trunk(), &fork(&prack, "one", "200 OK", "", ""));
    carrier.asks(&mut world, "UPDATE", "", &sdp(2, 5_002, "sendrecv"));
    let set = world.asked(Command::Set);
    assert_eq!(leg_state(&set).phase, LegPhase::Early);
    world.answer(&set, Command::Done, state(LegPhase::Early, answer(20_002)));
    let ok = world.expect(trunk(), "SIP/2.0 200");
    assert!(!ok.body().is_empty());
    carrier.asks(&mut world, "UPDATE", "", &sdp(2, 5_002, "sendrecv"));
    world.expect(trunk(), "SIP/2.0 200");
    world.send(trunk(), &fork(&invite, "one", "486 Busy Here", "", ""));
    world.told(Command::Failed);
    world.assert_idle();
}

/// What the switch is told of media: the port, and whether the peer sends.
fn heard(world: &mut World) -> Vec<(LegPhase, Option<(u16, bool)>)> {
    world.run_ms(20);
    let told = |packet: router::Packet| {
        let state = leg_state(&packet).clone();
        let media = match state.media {
            Some(MediaExchange::Answer(answer)) => {
                let stream = &answer.streams[0];
                Some((stream.rtp.map_or(0, |rtp| rtp.port()), stream.direction.sends()))
            }
            _ => None,
        };
        (state.phase, media)
    };
    world.answers().map(told).collect()
}

/// RFC 5009 §6: it may stand in any message of the early dialog.
#[test]
fn an_update_takes_early_media_away_and_gives_them_back() {
    let mut world = World::with(41, |config| config.trunks[0].trusted = true);
    call_trunk(&mut world, offer(20_002));
    let invite = world.expect(trunk(), "INVITE");
    heard(&mut world);
    let mut carrier = Peer::of_invite(trunk(), &invite, "one");
    let progress = fork(&invite, "one", "183 Session Progress", "", &sdp(1, 5_001, "sendrecv"));
    world.send(trunk(), &progress);
    assert_eq!(heard(&mut world), [(LegPhase::Early, Some((5_001, true)))]);
    for (said, expected) in [
        ("P-Early-Media: inactive\r\n", vec![(LegPhase::Ringing, Some((5_001, false)))]),
        ("P-Early-Media: gated\r\n", vec![]),
        ("P-Early-Media: sendrecv\r\n", vec![(LegPhase::Early, Some((5_001, true)))]),
        ("", vec![]),
    ] {
        let update = carrier.request("UPDATE", said, "");
        world.send(trunk(), &update);
        world.expect(trunk(), "SIP/2.0 200");
        assert_eq!(heard(&mut world), expected, "{said}");
    }
    world.send(trunk(), &fork(&invite, "one", "486 Busy Here", "", ""));
    world.told(Command::Failed);
    world.take(trunk());
    world.assert_idle();
}

#[test]
fn of_several_early_dialogs_the_first_that_speaks_is_heard_until_it_is_over() {
    let mut world = World::new(11);
    call_trunk(&mut world, offer(20_002));
    let invite = world.expect(trunk(), "INVITE");
    heard(&mut world);
    let say = |world: &mut World, tag: &str, status: &str, headers: &str, port: u16| {
        let body = if port == 0 { String::new() } else { sdp(1, port, "sendrecv") };
        world.send(trunk(), &fork(&invite, tag, status, headers, &body));
        heard(world)
    };
    use LegPhase::{Early, Ringing};
    let early = "183 Session Progress";
    assert_eq!(say(&mut world, "one", early, "", 5_001), [(Early, Some((5_001, true)))]);
    assert_eq!(say(&mut world, "two", early, "", 5_002), []);
    assert_eq!(say(&mut world, "one", "199 Early Dialog Terminated", "", 0), [(Early, Some((5_002, true)))]);
    assert_eq!(say(&mut world, "three", early, "P-Early-Media: inactive\r\n", 5_003), []);
    // It says itself that it sends nothing any more: nobody is left.
    assert_eq!(say(&mut world, "two", early, "P-Early-Media: recvonly\r\n", 0), [(Ringing, Some((5_002, false)))]);
    assert_eq!(say(&mut world, "three", early, "P-Early-Media: sendonly\r\n", 0), [(Early, Some((5_003, true)))]);
    // Forwarded: who answers next is heard.
    say(&mut world, "three", "181 Call Is Being Forwarded", "", 0);
    assert_eq!(say(&mut world, "four", early, "", 5_004), [(Early, Some((5_004, true)))]);
    world.send(trunk(), &fork(&invite, "two", "486 Busy Here", "", ""));
    world.told(Command::Failed);
    world.assert_idle();
}

#[test]
fn a_trusted_caller_that_asks_is_told_whether_early_media_come() {
    let mut world = World::new(12);
    let mut carrier = Peer::new(TRUNK, "100", "200");
    carrier.asks(&mut world, "INVITE", "P-Early-Media: supported\r\n", &sdp(1, 4_000, "sendrecv"));
    let call = world.asked(Command::Start);
    world.ring(&call);
    assert_eq!(world.expect(trunk(), "SIP/2.0 180").text("P-Early-Media"), Some("inactive"));
    world.answer(&call, Command::Progress, state(LegPhase::Early, answer(20_000)));
    assert_eq!(world.expect(trunk(), "SIP/2.0 183").text("P-Early-Media"), Some("sendrecv"));
    world.refuse(&call, CauseKind::Busy);
    let refusal = world.expect(trunk(), "SIP/2.0 486");
    carrier.acknowledges_refusal(&mut world, &refusal);
    world.assert_idle();
}

//! Legs that come in, up to their ACK.

use super::harness::{ALICE, TRUNK, World, alice_calls, answer, first_line, header, leg_state, offer, sdp, state};
use super::peer::Peer;
use router::Command;
use router::parameter::{Cause, CauseKind, Failure, LegPhase, LegState, MediaExchange, Parameter, Registration};
use signaling::message::Header;

#[test]
fn a_caller_cancels_while_it_rings() {
    let mut world = World::new(1);
    let (alice, packet) = alice_calls(&mut world);
    world.ring(&packet);
    let ringing = world.expect(alice.address, "SIP/2.0 180");
    world.send(alice.address, &alice.cancel("Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n"));
    let canceled = world.expect(alice.address, "SIP/2.0 200");
    assert_eq!(header(&canceled, Header::CSeq), "2 CANCEL");
    assert_eq!(canceled.to_tag(), ringing.to_tag(), "RFC 3261 §9.2");
    let terminated = world.expect(alice.address, "SIP/2.0 487");
    let mut alice = alice;
    alice.acknowledges_refusal(&mut world, &terminated);
    let stop = world.asked(Command::Stop);
    assert_eq!(leg_state(&stop).cause.as_ref().unwrap().kind, CauseKind::AnsweredElsewhere);
    // The switch's late answer finds nobody.
    world.refuse(&packet, CauseKind::Cancelled);
    world.assert_idle();
}

#[test]
fn a_cancel_that_crosses_the_200_has_no_effect() {
    let mut world = World::new(2);
    let (mut alice, packet) = alice_calls(&mut world);
    world.accept(&packet);
    world.send(alice.address, &alice.cancel(""));
    let ok = world.expect(alice.address, "SIP/2.0 200");
    assert_eq!(header(&ok, Header::CSeq), "2 INVITE");
    alice.learn(&ok);
    let cancelled = world.expect(alice.address, "SIP/2.0 200");
    assert_eq!(header(&cancelled, Header::CSeq), "2 CANCEL");
    alice.acknowledges(&mut world, "");
    alice.asks(&mut world, "BYE", "", "");
    world.expect(alice.address, "SIP/2.0 200");
    world.asked(Command::Stop);
    world.assert_idle();
}

#[test]
fn a_bye_in_the_early_dialog_ends_it_and_the_invite() {
    let mut world = World::new(3);
    let (mut alice, packet) = alice_calls(&mut world);
    world.ring(&packet);
    let ringing = world.expect(alice.address, "SIP/2.0 180");
    alice.learn(&ringing);
    let mut early = alice.clone();
    let bye = early.request("BYE", "", "");
    world.send(alice.address, &bye);
    world.expect(alice.address, "SIP/2.0 200");
    world.expect(alice.address, "SIP/2.0 487");
    let ack = alice.ack(false, "");
    world.send(alice.address, &ack);
    world.asked(Command::Stop);
    world.assert_idle();
}

#[test]
fn early_media_is_answered_in_183_and_stands_in_the_200() {
    let mut world = World::new(4);
    let (mut alice, packet) = alice_calls(&mut world);
    world.answer(&packet, Command::Progress, state(LegPhase::Early, answer(20_000)));
    let early = world.expect(alice.address, "SIP/2.0 183");
    assert!(String::from_utf8_lossy(early.body_octets()).contains("m=audio 20000"));
    world.ring(&packet);
    let ringing = world.expect(alice.address, "SIP/2.0 180");
    assert_eq!(ringing.body_octets(), early.body_octets(), "any of them may be lost");
    // Said again each minute.
    world.run_ms(61_000);
    world.expect(alice.address, "SIP/2.0 180");
    world.accept(&packet);
    let ok = world.expect(alice.address, "SIP/2.0 200");
    assert_eq!(ok.body_octets(), early.body_octets());
    alice.learn(&ok);
    alice.acknowledges(&mut world, "");
    alice.asks(&mut world, "BYE", "", "");
    world.assert_idle();
}

#[test]
fn causes_become_statuses_with_a_reason() {
    for (kind, code, status, reason) in [
        (CauseKind::Busy, None, "486", "Q.850;cause=17;text=\"busy\""),
        (CauseKind::NoAnswer, None, "480", "Q.850;cause=19;text=\"no-answer\""),
        (CauseKind::UnknownNumber, None, "404", "Q.850;cause=1;text=\"unknown-number\""),
        (CauseKind::Unreachable, None, "480", "Q.850;cause=20;text=\"unreachable\""),
        (CauseKind::Forbidden, None, "403", "Q.850;cause=57;text=\"forbidden\""),
        (CauseKind::Busy, Some(600), "600", "Q.850;cause=17;text=\"busy\""),
        (CauseKind::Congestion, Some(503), "500", "Q.850;cause=34;text=\"congestion\""),
        (CauseKind::PeerFailure, None, "503", "Q.850;cause=38;text=\"peer-failure\""),
        (CauseKind::Timeout, None, "504", "Q.850;cause=102;text=\"timeout\""),
    ] {
        let mut world = World::new(5);
        let (mut alice, packet) = alice_calls(&mut world);
        // The words are the other leg's, and name its host.
        let cause = Cause { code, text: Some("sbc7.carrier.internal".to_owned()), ..Cause::new(kind) };
        world.answer(&packet, Command::Failed, Failure::because(cause));
        let refusal = world.expect(alice.address, &format!("SIP/2.0 {status}"));
        assert!(!String::from_utf8_lossy(refusal.as_bytes()).contains("internal"));
        assert_eq!(header(&refusal, Header::Reason), reason);
        alice.acknowledges_refusal(&mut world, &refusal);
        world.assert_idle();
    }
}

#[test]
fn a_200_is_repeated_until_its_time_is_over_and_then_hung_up() {
    let mut world = World::new(6);
    let (alice, packet) = alice_calls(&mut world);
    world.accept(&packet);
    world.run_ms(31_900);
    let sent = world.take(alice.address);
    let oks = sent.iter().filter(|message| message.status().is_some_and(|status| status.is_success())).count();
    // At 0, 0.5, 1.5, 3.5, 7.5 seconds and every 4 seconds after that.
    assert_eq!(oks, 11, "{sent:?}");
    let bye = world.expect(alice.address, "BYE");
    alice.respond(&mut world, &bye, "481 Gone", "", "");
    let stop = world.asked(Command::Stop);
    assert_eq!(leg_state(&stop).cause.as_ref().unwrap().kind, CauseKind::Timeout);
    world.assert_idle();
}

#[test]
fn an_invite_without_offer_gets_one_in_the_200_and_answers_in_the_ack() {
    let mut world = World::new(7);
    let mut alice = Peer::new(ALICE, "alice", "200");
    alice.invite(&mut world, "", "");
    let packet = world.asked(Command::Start);
    assert!(matches!(packet.first(), Some(Parameter::Call(call)) if call.media.is_none()));
    world.answer(&packet, Command::Done, state(LegPhase::Answered, offer(20_000)));
    let ok = world.expect(alice.address, "SIP/2.0 200");
    assert!(String::from_utf8_lossy(ok.body_octets()).contains("m=audio 20000"));
    alice.learn(&ok);
    alice.acknowledges(&mut world, &sdp(1, 4_000, "sendrecv"));
    let set = world.asked(Command::Set);
    let Some(MediaExchange::Answer(answer)) = &leg_state(&set).media else { panic!("{set:?}") };
    assert_eq!(answer.streams[0].rtp.unwrap().port(), 4_000);
    world.answer(&set, Command::Done, LegState::new(LegPhase::Answered));
    alice.asks(&mut world, "BYE", "", "");
    world.assert_idle();
}

#[test]
fn an_ack_without_the_answer_ends_the_call() {
    let mut world = World::new(8);
    let mut alice = Peer::new(ALICE, "alice", "200");
    alice.invite(&mut world, "", "");
    let packet = world.asked(Command::Start);
    world.answer(&packet, Command::Done, state(LegPhase::Answered, offer(20_000)));
    let ok = world.expect(alice.address, "SIP/2.0 200");
    alice.learn(&ok);
    alice.acknowledges(&mut world, "");
    let bye = world.expect(alice.address, "BYE");
    alice.respond(&mut world, &bye, "200 OK", "", "");
    let stop = world.asked(Command::Stop);
    assert_eq!(leg_state(&stop).cause.as_ref().unwrap().kind, CauseKind::PeerMisbehaved);
    world.assert_idle();
}

#[test]
fn an_offer_that_cannot_be_served_is_refused_with_a_warning() {
    let mut world = World::new(9);
    let mut carrier = Peer::new(TRUNK, "100", "200");
    let video = sdp(1, 4_000, "sendrecv").replace("m=audio", "m=video");
    carrier.asks(&mut world, "INVITE", "", &video);
    let refusal = world.expect(carrier.address, "SIP/2.0 488");
    assert_eq!(header(&refusal, Header::Warning), "304 192.0.2.1 \"Media type not available\"");
    carrier.acknowledges_refusal(&mut world, &refusal);
    world.assert_idle();
}

#[test]
fn an_answer_of_the_switch_that_does_not_fit_is_488_and_the_switch_is_told() {
    let mut world = World::new(10);
    let (mut alice, packet) = alice_calls(&mut world);
    let Some(MediaExchange::Answer(mut wrong)) = answer(20_000) else { panic!() };
    wrong.streams[0].codecs = vec![router::parameter::Codec::new(9, "G722", 8_000)];
    world.answer(&packet, Command::Done, state(LegPhase::Answered, Some(MediaExchange::Answer(wrong))));
    let refusal = world.expect(alice.address, "SIP/2.0 488");
    alice.acknowledges_refusal(&mut world, &refusal);
    world.asked(Command::Stop);
    world.assert_idle();
}

#[test]
fn a_refusal_of_ours_for_want_of_a_codec_says_so_and_one_of_a_callee_does_not() {
    for (code, warning) in [(None, "305 192.0.2.1 \"Incompatible media format\""), (Some(488), "")] {
        let mut world = World::new(42);
        let (mut alice, packet) = alice_calls(&mut world);
        let cause = Cause { code, ..Cause::new(CauseKind::IncompatibleMedia) };
        world.answer(&packet, Command::Failed, Failure::because(cause));
        let refusal = world.expect(alice.address, "SIP/2.0 488");
        assert_eq!(header(&refusal, Header::Warning), warning);
        alice.acknowledges_refusal(&mut world, &refusal);
        world.assert_idle();
    }
}

#[test]
fn what_is_required_and_not_offered_is_420() {
    let mut world = World::new(11);
    let mut carrier = Peer::new(TRUNK, "100", "200");
    carrier.asks(&mut world, "INVITE", "Require: precondition, x-unknown\r\n", &sdp(1, 4_000, "sendrecv"));
    let refusal = world.expect(carrier.address, "SIP/2.0 420");
    assert_eq!(header(&refusal, Header::Unsupported), "precondition, x-unknown");
    world.assert_idle();
}

#[test]
fn a_call_that_went_round_too_often_is_483_and_a_merged_one_482() {
    let mut world = World::new(12);
    let mut carrier = Peer::new(TRUNK, "100", "200");
    let text = carrier.request("INVITE", "", &sdp(1, 4_000, "sendrecv"));
    world.send(carrier.address, &text.replace("Max-Forwards: 70", "Max-Forwards: 0"));
    let packet = world.asked(Command::Start);
    world.refuse(&packet, CauseKind::TooManyHops);
    let refusal = world.expect(carrier.address, "SIP/2.0 483");
    carrier.acknowledges_refusal(&mut world, &refusal);
    let mut carrier = Peer::new(TRUNK, "101", "200");
    carrier.asks(&mut world, "INVITE", "", &sdp(1, 4_000, "sendrecv"));
    world.run_ms(10);
    world.send(carrier.address, &text.replace("z9hG4bK", "z9hG4bKother"));
    world.expect(carrier.address, "SIP/2.0 482");
    let packet = world.asked(Command::Start);
    world.refuse(&packet, CauseKind::Busy);
    let refusal = world.expect(carrier.address, "SIP/2.0 486");
    carrier.acknowledges_refusal(&mut world, &refusal);
    world.assert_idle();
}

#[test]
fn a_trunk_asserts_who_calls_and_a_tel_uri_is_a_number() {
    let mut world = World::new(13);
    let mut carrier = Peer::new(TRUNK, "100", "200");
    carrier.target = "tel:+49-30-200".to_owned();
    let headers = "P-Asserted-Identity: \"Real Name\" <sip:+4930999@carrier.example>\r\nPrivacy: id\r\n";
    carrier.asks(&mut world, "INVITE", headers, &sdp(1, 4_000, "sendrecv"));
    let packet = world.asked(Command::Start);
    let Some(Parameter::Call(call)) = packet.first() else { panic!() };
    assert_eq!((call.caller.user(), call.called.user(), call.anonymous), ("+4930999", "+4930200", true));
    assert_eq!(call.origin.name(), "carrier");
    world.refuse(&packet, CauseKind::Busy);
    let refusal = world.expect(carrier.address, "SIP/2.0 486");
    carrier.acknowledges_refusal(&mut world, &refusal);
    world.assert_idle();
}

#[test]
fn what_carriers_write_behind_a_number_is_not_the_number() {
    let mut world = World::new(74);
    let mut carrier = Peer::new(TRUNK, "100", "200");
    carrier.target = "sip:+4930200;npdi;rn=+4930000@198.51.100.1;user=phone".to_owned();
    let headers = "P-Asserted-Identity: <sip:+4930999;cpc=ordinary@carrier.example;user=phone>\r\n";
    carrier.asks(&mut world, "INVITE", headers, &sdp(1, 4_000, "sendrecv"));
    let packet = world.asked(Command::Start);
    let Some(Parameter::Call(call)) = packet.first() else { panic!() };
    assert_eq!((call.caller.user(), call.called.user()), ("+4930999", "+4930200"));
    world.refuse(&packet, CauseKind::Busy);
    world.assert_idle();
}

#[test]
fn a_caller_is_verified_by_its_digest_or_by_what_a_trusted_trunk_asserts() {
    let asserts = "P-Asserted-Identity: <sip:+4930999@carrier.example>\r\nReferred-By: <sip:carol@h>;x=y\r\n";
    for (seed, trusted, headers, caller, verified) in
        [(70, true, asserts, "+4930999", true), (71, true, "", "100", false), (72, false, asserts, "100", false)]
    {
        let mut world = World::with(seed, |config| config.trunks[0].trusted = trusted);
        let mut carrier = Peer::new(TRUNK, "100", "200");
        carrier.asks(&mut world, "INVITE", headers, &sdp(1, 4_000, "sendrecv"));
        let packet = world.asked(Command::Start);
        let Some(Parameter::Call(call)) = packet.first() else { panic!() };
        assert_eq!((call.caller.user(), call.verified), (caller, verified));
        let referred_by = call.referred_by.as_ref().map(|text| text.reveal().as_str());
        assert_eq!(referred_by, (!headers.is_empty()).then_some("<sip:carol@h>;x=y"));
        world.refuse(&packet, CauseKind::Busy);
        world.assert_idle();
    }
    let mut world = World::new(73);
    let (_, packet) = alice_calls(&mut world);
    let Some(Parameter::Call(call)) = packet.first() else { panic!() };
    assert!(call.verified && call.referred_by.is_none());
    world.refuse(&packet, CauseKind::Busy);
    world.assert_idle();
}

#[test]
fn a_trunk_has_so_many_calls_at_once() {
    let mut world = World::with(14, |config| config.trunks[0].calls_max = Some(1));
    let mut first = Peer::new(TRUNK, "100", "200");
    first.asks(&mut world, "INVITE", "", &sdp(1, 4_000, "sendrecv"));
    let packet = world.asked(Command::Start);
    let mut second = Peer::new(TRUNK, "101", "200");
    second.asks(&mut world, "INVITE", "", &sdp(1, 4_000, "sendrecv"));
    let refusal = world.expect(second.address, "SIP/2.0 503");
    assert!(!header(&refusal, Header::RetryAfter).is_empty());
    world.refuse(&packet, CauseKind::Busy);
    world.run_ms(100);
    second.asks(&mut world, "INVITE", "", &sdp(1, 4_000, "sendrecv"));
    let packet = world.asked(Command::Start);
    world.refuse(&packet, CauseKind::Busy);
    world.assert_idle();
}

#[test]
fn credentials_are_for_the_user_that_is_called() {
    for (uri, is_for) in [
        ("sip:200@192.0.2.1", true),
        ("sip:192.0.2.1:5060", true),
        ("sip:tandem", true),
        ("sip:200@192.0.2.1:5060;transport=udp", true),
        ("sip:%3200@tandem", true),
        ("sip:201@192.0.2.1", false),
        ("sip:other.example", false),
        ("sip:200@other.example", false),
    ] {
        let mut world = World::new(60);
        let mut alice = Peer::new(ALICE, "alice", "200");
        alice.asks(&mut world, "INVITE", "", &sdp(1, 4_000, "sendrecv"));
        let challenge = world.expect(alice.address, "SIP/2.0 401");
        let authorization = alice.authorization(&challenge, "INVITE", uri, 1);
        alice.asks(&mut world, "INVITE", &authorization, &sdp(1, 4_000, "sendrecv"));
        if is_for {
            let start = world.asked(Command::Start);
            world.refuse(&start, CauseKind::Busy);
            world.expect(alice.address, "SIP/2.0 486");
        } else {
            world.expect(alice.address, "SIP/2.0 403");
        }
        let ack = alice.ack(false, "");
        world.send(alice.address, &ack);
        world.assert_idle();
    }
}

#[test]
fn a_caller_hears_each_provisional_status_and_the_last_again_each_minute() {
    let mut world = World::new(74);
    let (mut alice, packet) = alice_calls(&mut world);
    let said = |phase, code| LegState {
        cause: Some(Cause { code: Some(code), ..Cause::new(CauseKind::Normal) }),
        ..LegState::new(phase)
    };
    let progress = [
        (LegState::new(LegPhase::Trying), ""),
        (said(LegPhase::Trying, 181), "SIP/2.0 181 Call Is Being Forwarded"),
        (said(LegPhase::Trying, 183), "SIP/2.0 183"),
        (LegState::new(LegPhase::Ringing), "SIP/2.0 180"),
        (said(LegPhase::Ringing, 302), "SIP/2.0 180"),
        (said(LegPhase::Ringing, 182), "SIP/2.0 182 Queued"),
    ];
    for (state, status) in progress {
        world.run_ms(10);
        world.take(alice.address);
        world.answer(&packet, Command::Progress, state);
        world.run_ms(10);
        let heard: Vec<_> = world.take(alice.address).iter().map(first_line).collect();
        assert!(
            heard.iter().all(|line| line.starts_with(status)) && heard.is_empty() == status.is_empty(),
            "{heard:?}"
        );
    }
    // RFC 3261 §13.3.1.1: timer C of a proxy runs for three minutes.
    for _ in 0..10 {
        world.run_ms(60_000);
        let heard: Vec<_> = world.take(alice.address).iter().map(first_line).collect();
        assert_eq!(heard, ["SIP/2.0 182 Queued"]);
    }
    world.refuse(&packet, CauseKind::NoAnswer);
    let refusal = world.expect(alice.address, "SIP/2.0 480");
    alice.acknowledges_refusal(&mut world, &refusal);
    world.assert_idle();
}

#[test]
fn an_invite_without_hops_left_may_be_served_here() {
    let mut world = World::new(30);
    for (hops, number) in [(0, "1"), (1, "2")] {
        let mut carrier = Peer::new(TRUNK, number, "200");
        let text = carrier.request("INVITE", "", &sdp(1, 4_000, "sendrecv"));
        world.send(carrier.address, &text.replace("Max-Forwards: 70", &format!("Max-Forwards: {hops}")));
        let packet = world.asked(Command::Start);
        assert!(matches!(packet.first(), Some(Parameter::Call(call)) if call.hops == hops));
        world.refuse(&packet, CauseKind::TooManyHops);
        let refusal = world.expect(carrier.address, "SIP/2.0 483");
        carrier.acknowledges_refusal(&mut world, &refusal);
    }
    world.assert_idle();
}

#[test]
fn an_invite_that_expires_while_it_rings_is_refused() {
    for (expires, rings) in [(2, true), (0, false)] {
        let mut world = World::new(31);
        let mut carrier = Peer::new(TRUNK, "100", "200");
        carrier.asks(&mut world, "INVITE", &format!("Expires: {expires}\r\n"), &sdp(1, 4_000, "sendrecv"));
        let packet = world.asked(Command::Start);
        if rings {
            world.ring(&packet);
            world.expect(carrier.address, "SIP/2.0 180");
            world.run_ms(1_900);
            assert!(world.take(carrier.address).is_empty(), "not before its time");
        }
        let terminated = world.expect(carrier.address, "SIP/2.0 487");
        carrier.acknowledges_refusal(&mut world, &terminated);
        let stop = world.asked(Command::Stop);
        let cause = leg_state(&stop).cause.clone().unwrap();
        assert_eq!((cause.kind, cause.text.as_deref()), (CauseKind::Cancelled, Some("the INVITE has expired")));
        world.refuse(&packet, CauseKind::Cancelled);
        world.assert_idle();
    }
}

#[test]
fn an_invite_that_is_answered_in_time_does_not_expire() {
    let mut world = World::new(32);
    let mut carrier = Peer::new(TRUNK, "100", "200");
    carrier.asks(&mut world, "INVITE", "Expires: 2\r\n", &sdp(1, 4_000, "sendrecv"));
    let packet = world.asked(Command::Start);
    world.accept(&packet);
    let ok = world.expect(carrier.address, "SIP/2.0 200");
    carrier.learn(&ok);
    carrier.acknowledges(&mut world, "");
    world.run_ms(10_000);
    assert!(world.take(carrier.address).is_empty());
    carrier.asks(&mut world, "BYE", "", "");
    world.expect(carrier.address, "SIP/2.0 200");
    world.assert_idle();
}

/// Somebody asks for the options of a number: what the switch is asked.
fn asks_options(world: &mut World, peer: &mut Peer) -> router::Packet {
    peer.asks(world, "OPTIONS", "", "");
    let packet = world.asked(Command::Query);
    assert!(matches!(packet.first(), Some(Parameter::Call(call)) if call.called.user() == peer.remote));
    packet
}

/// What it says: the accounts that a call would ring.
fn leads_to(world: &mut World, packet: &router::Packet, accounts: &[&str]) {
    let registration =
        |account: &&str| Parameter::from(Registration { account: (*account).to_owned(), contacts: Vec::new() });
    let told: router::Parameters = accounts.iter().map(registration).collect();
    world.switch.outbox.answer(packet.answer(Command::Done, told));
    world.settle();
}

#[test]
fn options_are_answered_as_an_invite_would_be() {
    let mut world = World::new(40);
    world.plan_answers = false;
    let mut bob = Peer::new("198.51.100.8:5062", "bob", "bob");
    bob.register(&mut world, "Expires: 600\r\n");
    for (number, accounts, status) in [
        ("echo", &[][..], "200"),
        ("bob", &["bob"], "200"),
        ("alice", &["alice"], "480"),
        ("nobody", &["nobody"], "404"),
        ("team", &["nobody", "alice"], "480"),
        ("team", &["nobody", "alice", "bob"], "200"),
    ] {
        let mut carrier = Peer::new(TRUNK, number, number);
        let packet = asks_options(&mut world, &mut carrier);
        leads_to(&mut world, &packet, accounts);
        world.expect(carrier.address, &format!("SIP/2.0 {status}"));
        world.run_ms(40_000);
    }
    for (kind, status) in [(CauseKind::UnknownNumber, "404"), (CauseKind::Forbidden, "403"), (CauseKind::Busy, "486")] {
        let mut carrier = Peer::new(TRUNK, status, status);
        let packet = asks_options(&mut world, &mut carrier);
        world.refuse(&packet, kind);
        world.expect(carrier.address, &format!("SIP/2.0 {status}"));
    }
    // A stranger is challenged, and another domain is not ours (RFC 3261 §8.2.2.1).
    let mut alice = Peer::new(ALICE, "alice", "bob");
    alice.asks(&mut world, "OPTIONS", "", "");
    let challenge = world.expect(alice.address, "SIP/2.0 401");
    alice.target = "sip:bob@example.org".to_owned();
    let authorization = alice.authorization(&challenge, "OPTIONS", "sip:bob@example.org", 1);
    alice.asks(&mut world, "OPTIONS", &authorization, "");
    world.expect(alice.address, "SIP/2.0 404");
    // The switch says nothing.
    let mut carrier = Peer::new(TRUNK, "101", "silence");
    asks_options(&mut world, &mut carrier);
    world.run_ms(2_500);
    let answers = world.take(carrier.address);
    assert!(answers.iter().any(|answer| first_line(answer).starts_with("SIP/2.0 503")), "{answers:?}");
}

#[test]
fn keep_alives_get_200_whatever_the_plan_says() {
    let mut world = World::new(41);
    world.plan_answers = false;
    let mut alice = Peer::new(ALICE, "alice", "alice");
    alice.register(&mut world, "Expires: 600\r\n");
    for (number, (from, target)) in [
        (TRUNK, "sip:192.0.2.1"),
        (TRUNK, "sip:proxy.example.org"),
        (ALICE, "sip:192.0.2.1"),
        (ALICE, "sip:alice@192.0.2.1"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut peer = Peer::new(from, "alice", "alice");
        (peer.call_id, peer.tag) = (format!("{number}"), format!("tag{number}"));
        peer.target = target.to_owned();
        peer.asks(&mut world, "OPTIONS", "", "");
        world.expect(peer.address, "SIP/2.0 200");
    }
    // For somebody else it proves itself, as for a call.
    let mut peer = Peer::new(ALICE, "alice", "bob");
    peer.tag = "another".to_owned();
    peer.asks(&mut world, "OPTIONS", "", "");
    world.expect(peer.address, "SIP/2.0 401");
}

#[test]
fn who_asks_while_the_platform_ends_is_told_to_go_elsewhere() {
    let mut world = World::new(61);
    world.signaling.drain(world.now);
    let mut monitor = Peer::new(TRUNK, "monitor", "4930123");
    monitor.asks(&mut world, "OPTIONS", "", "");
    let answer = world.expect(monitor.address, "SIP/2.0 503");
    assert_eq!(header(&answer, Header::RetryAfter), signaling::limits::DRAINING_RETRY_S.to_string());
    // Whoever probes names nobody.
    monitor.target = "sip:192.0.2.1".to_owned();
    monitor.asks(&mut world, "OPTIONS", "", "");
    world.expect(monitor.address, "SIP/2.0 503");
    world.assert_idle();
}

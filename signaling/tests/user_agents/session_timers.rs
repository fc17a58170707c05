//! Session timers (RFC 4028) of one leg: what is asked for, granted, sent and made of the answers.

use super::harness::{
    ALICE, CALL, TRUNK, World, alice_talks, call_trunk, header, leg_state, offer, sdp, trunk_talks, voice,
};
use super::peer::Peer;
use router::Command;
use router::parameter::{CauseKind, Direction, LegPhase, LegState, MediaExchange};
use signaling::limits::INTERVAL_RAISES_MAX;
use signaling::message::{Header, Method};

/// In the 200 of a trunk that takes UPDATE.
const UPDATES: &str = "Allow: INVITE, ACK, BYE, CANCEL, UPDATE\r\n";

#[test]
fn an_outgoing_call_asks_for_the_interval_and_takes_what_a_422_tells() {
    let trunk = TRUNK.parse().unwrap();
    let mut world = World::new(1);
    call_trunk(&mut world, offer(20_002));
    let invite = world.expect(trunk, "INVITE");
    assert_eq!(header(&invite, Header::SessionExpires), "1800");
    assert!(invite.supports("timer"));
    let mut carrier = Peer::of_invite(trunk, &invite, "t");
    carrier.respond(&mut world, &invite, "422 Session Interval Too Small", "Min-SE: 3600\r\n", "");
    world.expect(trunk, "ACK");
    let again = world.expect(trunk, "INVITE");
    assert_eq!((header(&again, Header::SessionExpires), header(&again, Header::MinSe)), ("3600".into(), "3600".into()));
    assert_eq!(again.call_id(), invite.call_id());
    carrier.respond(&mut world, &again, "422 Session Interval Too Small", "Min-SE: 3600\r\n", "");
    assert_eq!(world.told(Command::Failed).failure().cause.map(|cause| cause.code), Some(Some(422)), "once is enough");
    carrier.cseq = 0;
    world.assert_idle();
}

/// RFC 4028 §7.3 means another try, and no series of them.
#[test]
fn a_peer_that_counts_min_se_up_is_followed_a_few_times() {
    let trunk = TRUNK.parse().unwrap();
    let mut world = World::new(10);
    call_trunk(&mut world, offer(20_002));
    let mut invites = 0;
    for least in 2_000..2_020 {
        world.run_ms(20);
        let Some(invite) = world.take(trunk).into_iter().find(|message| message.is(&Method::Invite)) else { break };
        invites += 1;
        let carrier = Peer::of_invite(trunk, &invite, "t");
        carrier.respond(&mut world, &invite, "422 Session Interval Too Small", &format!("Min-SE: {least}\r\n"), "");
    }
    assert_eq!(invites, 1 + INTERVAL_RAISES_MAX);
    assert_eq!(world.told(Command::Failed).failure().cause.map(|cause| cause.code), Some(Some(422)));
    world.take(trunk);
    world.assert_idle();
}

#[test]
fn a_peer_that_counts_min_se_up_at_a_refresh_is_followed_a_few_times_each_way() {
    let trunk = TRUNK.parse().unwrap();
    let mut world = World::new(11);
    let timed = format!("{UPDATES}Session-Expires: 100;refresher=uac\r\n");
    let (carrier, leg) = trunk_talks(&mut world, &timed);
    world.run_ms(50_000);
    let mut requests = Vec::new();
    for least in 101..140 {
        world.run_ms(20);
        let message = world.take(trunk).into_iter().find(|one| one.is(&Method::Update) || one.is(&Method::Invite));
        let Some(message) = message else { break };
        carrier.respond(&mut world, &message, "422 Session Interval Too Small", &format!("Min-SE: {least}\r\n"), "");
        requests.push(message);
    }
    let updates = requests.iter().filter(|message| message.is(&Method::Update)).count();
    assert_eq!(updates, 1 + usize::from(INTERVAL_RAISES_MAX));
    assert!(requests.len() <= updates + 1, "by INVITE once, and that is refused too: {}", requests.len());
    world.take(trunk);
    carrier.is_hung_up(&mut world, leg);
    world.assert_idle();
}

#[test]
fn a_caller_is_granted_its_interval_and_told_who_refreshes() {
    for (asks, granted) in [
        ("Supported: timer\r\nSession-Expires: 600\r\n", "600;refresher=uac"),
        ("Require: timer\r\nSession-Expires: 600;refresher=uas\r\n", "600;refresher=uas"),
        ("Session-Expires: 600\r\n", "600;refresher=uas"),
        ("", ""),
    ] {
        let mut world = World::new(2);
        let mut alice = Peer::new(ALICE, "alice", "200");
        alice.invite(&mut world, asks, &sdp(1, 4_000, "sendrecv"));
        let call = world.asked(Command::Start);
        world.accept(&call);
        let ok = world.expect(alice.address, "SIP/2.0 200");
        assert_eq!(header(&ok, Header::SessionExpires), granted, "{asks}");
        let requires = asks.contains("timer");
        assert_eq!(ok.require().any(|option| option == "timer"), requires, "{asks}");
        alice.learn(&ok);
        alice.acknowledges(&mut world, "");
        alice.asks(&mut world, "BYE", "", "");
        world.assert_idle();
    }
}

#[test]
fn an_interval_below_ours_is_422_before_there_is_a_call() {
    let mut world = World::new(3);
    let mut alice = Peer::new(ALICE, "alice", "200");
    alice.invite(&mut world, "Supported: timer\r\nSession-Expires: 30\r\n", &sdp(1, 4_000, "sendrecv"));
    let refusal = world.expect(alice.address, "SIP/2.0 422");
    assert_eq!(header(&refusal, Header::MinSe), "90");
    alice.acknowledges_refusal(&mut world, &refusal);
    world.assert_idle();
}

#[test]
fn our_refresh_is_an_update_where_the_peer_takes_it_and_else_the_same_offer_again() {
    for (headers, method) in [(UPDATES, "UPDATE"), ("Allow: INVITE, ACK, BYE, CANCEL\r\n", "INVITE")] {
        let trunk = TRUNK.parse().unwrap();
        let mut world = World::new(4);
        let timed = format!("{headers}Session-Expires: 100;refresher=uac\r\nRequire: timer\r\n");
        let (carrier, leg) = trunk_talks(&mut world, &timed);
        let mut version = None;
        for _ in 0..12 {
            world.run_ms(48_500);
            let refresh = world.expect(trunk, method);
            assert_eq!(header(&refresh, Header::SessionExpires), "100;refresher=uac");
            let text = String::from_utf8_lossy(refresh.body_octets()).into_owned();
            let own = text.lines().find(|line| line.starts_with("o=")).map(str::to_owned);
            assert_eq!(own.is_some(), method == "INVITE");
            assert_eq!(version.get_or_insert(own.clone()), &own, "the same description of the same version");
            let body = if method == "INVITE" { sdp(1, 5_000, "sendrecv") } else { String::new() };
            carrier.respond(&mut world, &refresh, "200 OK", &timed, &body);
            if method == "INVITE" {
                world.expect(trunk, "ACK");
            }
        }
        assert!(world.at_switch.is_empty(), "nobody else is concerned");
        carrier.is_hung_up(&mut world, leg);
        world.assert_idle();
    }
}

#[test]
fn what_the_answer_to_a_refresh_changes_the_call_is_told() {
    let trunk = TRUNK.parse().unwrap();
    let mut world = World::new(5);
    let timed = "Session-Expires: 100;refresher=uac\r\n";
    let (carrier, leg) = trunk_talks(&mut world, &format!("Allow: INVITE, ACK, BYE\r\n{timed}"));
    world.run_ms(49_000);
    let refresh = world.expect(trunk, "INVITE");
    carrier.respond(&mut world, &refresh, "200 OK", timed, &sdp(2, 6_000, "sendrecv"));
    world.expect(trunk, "ACK");
    let set = world.asked(Command::Set);
    let Some(MediaExchange::Offer(told)) = &leg_state(&set).media else { panic!("{set:?}") };
    assert_eq!(told.streams[0].rtp.map(|rtp| rtp.port()), Some(6_000));
    world.accept(&set);
    world.run_ms(100);
    carrier.is_hung_up(&mut world, leg);
    world.assert_idle();
}

#[test]
fn a_refresh_that_is_refused_is_made_again_while_there_is_time_and_by_invite_where_update_is_not_taken() {
    let trunk = TRUNK.parse().unwrap();
    let mut world = World::new(6);
    let timed = format!("{UPDATES}Session-Expires: 100;refresher=uac\r\n");
    let (carrier, _) = trunk_talks(&mut world, &timed);
    world.run_ms(49_000);
    let update = world.expect(trunk, "UPDATE");
    carrier.respond(&mut world, &update, "405 Method Not Allowed", "", "");
    let invite = world.expect(trunk, "INVITE");
    carrier.respond(&mut world, &invite, "491 Request Pending", "", "");
    world.run_ms(3_000);
    let invite = world.expect(trunk, "INVITE");
    assert!(invite.cseq().unwrap().number > update.cseq().unwrap().number + 1);
    for _ in 0..3 {
        carrier.respond(&mut world, &invite, "500 No", "", "");
    }
    // Nothing but refusals: it ends when the interval does.
    let mut bye = None;
    for _ in 0..60 {
        world.run_ms(1_000);
        for message in world.take(trunk) {
            if message.is(&Method::Invite) {
                carrier.respond(&mut world, &message, "500 No", "", "");
            }
            bye = bye.or_else(|| message.is(&Method::Bye).then(|| message.clone()));
        }
    }
    let bye = bye.expect("a BYE");
    assert!(header(&bye, Header::Reason).contains("cause=102"));
    carrier.respond(&mut world, &bye, "200 OK", "", "");
    let stop = world.asked(Command::Stop);
    assert_eq!(leg_state(&stop).cause.as_ref().map(|cause| cause.kind), Some(CauseKind::Timeout));
    world.assert_idle();
}

#[test]
fn a_refresh_that_finds_no_dialog_or_nobody_ends_the_call() {
    for (status, kind) in [("481 Gone", CauseKind::PeerFailure), ("408 Timeout", CauseKind::Timeout)] {
        let trunk = TRUNK.parse().unwrap();
        let mut world = World::new(7);
        let timed = format!("{UPDATES}Session-Expires: 100;refresher=uac\r\n");
        let (carrier, _) = trunk_talks(&mut world, &timed);
        world.run_ms(49_000);
        let update = world.expect(trunk, "UPDATE");
        carrier.respond(&mut world, &update, status, "", "");
        let stop = world.asked(Command::Stop);
        assert_eq!(leg_state(&stop).cause.as_ref().map(|cause| cause.kind), Some(kind), "{status}");
        let bye = world.expect(trunk, "BYE");
        carrier.respond(&mut world, &bye, "200 OK", "", "");
        world.assert_idle();
    }
}

#[test]
fn offers_of_the_call_wait_for_a_refresh_by_invite_and_refresh_the_session_themselves() {
    let trunk = TRUNK.parse().unwrap();
    let mut world = World::new(8);
    let timed = "Session-Expires: 100;refresher=uac\r\n";
    let (carrier, leg) = trunk_talks(&mut world, &format!("Allow: INVITE, ACK, BYE\r\n{timed}"));
    world.run_ms(49_000);
    let refresh = world.expect(trunk, "INVITE");
    let hold = MediaExchange::Offer(voice(20_002, Direction::SendOnly));
    world.ask(CALL, leg, Command::Set, LegState::new(LegPhase::Answered).with_media(Some(hold)));
    world.run_ms(100);
    carrier.respond(&mut world, &refresh, "200 OK", timed, &sdp(1, 5_000, "sendrecv"));
    world.expect(trunk, "ACK");
    let hold = world.expect(trunk, "INVITE");
    assert_eq!(header(&hold, Header::SessionExpires), "100;refresher=uac");
    world.run_ms(20_000);
    let received = world.take(trunk);
    assert!(received.iter().all(|message| message.is(&Method::Invite)), "only repetitions: {}", received.len());
    carrier.respond(&mut world, &hold, "200 OK", timed, &sdp(2, 5_000, "recvonly"));
    world.expect(trunk, "ACK");
    world.told(Command::Done);
    world.run_ms(48_000);
    assert!(world.take(trunk).is_empty(), "the offer has begun the interval anew");
    world.expect(trunk, "INVITE");
    carrier.is_hung_up(&mut world, leg);
    world.assert_idle();
}

#[test]
fn a_peer_may_take_the_timer_back() {
    let mut world = World::new(9);
    let (mut alice, _) = alice_talks(&mut world);
    alice.asks(&mut world, "UPDATE", "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n", "");
    let ok = world.expect(alice.address, "SIP/2.0 200");
    assert_eq!(header(&ok, Header::SessionExpires), "90;refresher=uac");
    alice.asks(&mut world, "UPDATE", "", "");
    let ok = world.expect(alice.address, "SIP/2.0 200");
    assert_eq!(ok.header(Header::SessionExpires), None);
    world.run_ms(200_000);
    assert!(world.take(alice.address).is_empty());
    alice.asks(&mut world, "UPDATE", "Supported: timer\r\nSession-Expires: 20\r\n", "");
    let refusal = world.expect(alice.address, "SIP/2.0 422");
    assert_eq!(header(&refusal, Header::MinSe), "90");
    alice.asks(&mut world, "BYE", "", "");
    world.assert_idle();
}

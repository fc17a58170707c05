//! REFER (RFC 3515, RFC 5589 §6).

use super::harness::{Weather, World, account, alice_talks, header};
use super::peer::Peer;
use router::parameter::{Account, CauseKind, Failure, LegPhase, LegState, Parameter, Party, Transfer};
use router::{Command, Packet};
use signaling::message::{Header, Method};

fn progress(phase: LegPhase) -> Transfer {
    Transfer { target: Party::new("300", "192.0.2.1"), phase, cause: None, referred_by: None }
}

fn refer(world: &mut World, alice: &mut Peer, headers: &str) {
    alice.asks(world, "REFER", headers, "");
}

fn begin(world: &mut World) -> (Peer, Packet, Packet) {
    let (mut alice, call) = alice_talks(world);
    refer(world, &mut alice, "Refer-To: <sip:300@192.0.2.1>\r\nReferred-By: <sip:alice@192.0.2.1>\r\n");
    let start = world.asked(Command::Start);
    let Some(Parameter::Transfer(transfer)) = start.first() else { panic!("{start:?}") };
    assert_eq!((transfer.target.user(), transfer.phase), ("300", LegPhase::Trying));
    (alice, call, start)
}

fn expect_notify(world: &mut World, alice: &Peer, fragment: &str, state: &str) {
    let notify = world.expect(alice.address, "NOTIFY");
    assert_eq!(notify.body_octets(), format!("SIP/2.0 {fragment}\r\n").as_bytes());
    assert!(header(&notify, Header::SubscriptionState).starts_with(state));
    assert_eq!(header(&notify, Header::Event), "refer;id=3");
    alice.respond(world, &notify, "200 OK", "", "");
}

#[test]
fn a_transfer_is_told_step_by_step_and_the_transferor_hung_up_after_the_last() {
    let mut world = World::new(1);
    let (alice, call, start) = begin(&mut world);
    world.answer(&start, Command::Progress, progress(LegPhase::Trying));
    world.expect(alice.address, "SIP/2.0 202");
    expect_notify(&mut world, &alice, "100 Trying", "active");
    world.answer(&start, Command::Progress, progress(LegPhase::Ringing));
    expect_notify(&mut world, &alice, "180 Ringing", "active");
    world.answer(&start, Command::Done, progress(LegPhase::Answered));
    let leg = call.source;
    world.ask(call.destination.instance, leg, Command::Stop, LegState::released(CauseKind::Transferred));
    world.run_ms(1);
    expect_notify(&mut world, &alice, "200 OK", "terminated");
    let bye = world.expect(alice.address, "BYE");
    alice.respond(&mut world, &bye, "200 OK", "", "");
    world.assert_idle();
}

#[test]
fn who_may_not_call_any_more_sends_nobody_elsewhere_and_talks_on() {
    let mut world = World::new(12);
    let (mut alice, _) = alice_talks(&mut world);
    world.notify_account(Account { enabled: false, ..account("alice") });
    refer(&mut world, &mut alice, "Refer-To: <sip:300@192.0.2.1>\r\n");
    world.expect(alice.address, "SIP/2.0 403");
    alice.asks(&mut world, "OPTIONS", "", "");
    world.expect(alice.address, "SIP/2.0 200");
    world.notify_account(account("alice"));
    refer(&mut world, &mut alice, "Refer-To: <sip:300@192.0.2.1>\r\n");
    world.asked(Command::Start);
}

#[test]
fn a_transfer_that_fails_leaves_the_session() {
    let mut world = World::new(2);
    let (mut alice, _, start) = begin(&mut world);
    world.answer(&start, Command::Progress, progress(LegPhase::Trying));
    world.expect(alice.address, "SIP/2.0 202");
    expect_notify(&mut world, &alice, "100 Trying", "active");
    world.refuse(&start, CauseKind::Busy);
    expect_notify(&mut world, &alice, "486 Busy Here", "terminated");
    assert_eq!(world.signaling.legs(), 1);
    alice.asks(&mut world, "BYE", "", "");
    world.assert_idle();
}

#[test]
fn a_transferor_may_leave_and_is_told_all_the_same() {
    let mut world = World::new(3);
    let (mut alice, _, start) = begin(&mut world);
    world.answer(&start, Command::Progress, progress(LegPhase::Trying));
    world.expect(alice.address, "SIP/2.0 202");
    expect_notify(&mut world, &alice, "100 Trying", "active");
    alice.asks(&mut world, "BYE", "", "");
    world.expect(alice.address, "SIP/2.0 200");
    world.asked(Command::Stop);
    world.answer(&start, Command::Done, progress(LegPhase::Answered));
    expect_notify(&mut world, &alice, "200 OK", "terminated");
    world.assert_idle();
}

#[test]
fn a_transferor_that_does_not_want_to_know_is_told_no_more() {
    let mut world = World::new(4);
    let (mut alice, _, start) = begin(&mut world);
    world.answer(&start, Command::Progress, progress(LegPhase::Trying));
    let notify = world.expect(alice.address, "NOTIFY");
    alice.respond(&mut world, &notify, "481 Subscription Does Not Exist", "", "");
    world.run_ms(5);
    world.answer(&start, Command::Progress, progress(LegPhase::Ringing));
    world.refuse(&start, CauseKind::Busy);
    world.run_ms(50);
    assert!(world.take(alice.address).is_empty());
    alice.asks(&mut world, "BYE", "", "");
    world.assert_idle();
}

#[test]
fn what_cannot_be_transferred_is_refused() {
    let mut world = World::new(5);
    let (mut alice, _) = alice_talks(&mut world);
    for (headers, status) in [
        ("Refer-To: <sip:300@192.0.2.1?Replaces=a%40b%3Bto-tag%3D1>\r\n", "400"),
        ("Refer-To: <sip:300@192.0.2.1;method=BYE>\r\n", "603"),
        ("Refer-To: <sip:300@elsewhere.example>\r\n", "404"),
        ("Refer-To: <mailto:300@192.0.2.1>\r\n", "416"),
        ("Refer-To: <sip:300@192.0.2.1>\r\nRefer-To: <sip:301@192.0.2.1>\r\n", "400"),
        ("", "400"),
    ] {
        refer(&mut world, &mut alice, headers);
        world.expect(alice.address, &format!("SIP/2.0 {status}"));
    }
    refer(&mut world, &mut alice, "Refer-To: <sip:300@192.0.2.1>\r\n");
    let start = world.asked(Command::Start);
    refer(&mut world, &mut alice, "Refer-To: <sip:301@192.0.2.1>\r\n");
    world.expect(alice.address, "SIP/2.0 491");
    world.refuse(&start, CauseKind::Forbidden);
    world.expect(alice.address, "SIP/2.0 403");
    alice.asks(&mut world, "BYE", "", "");
    world.assert_idle();
}

#[test]
fn a_last_notify_that_is_challenged_does_not_keep_the_transferor() {
    for (seed, status) in [(6, "401 Unauthorized"), (7, "407 Proxy Authentication Required")] {
        let mut world = World::new(seed);
        let (alice, call, start) = begin(&mut world);
        world.answer(&start, Command::Progress, progress(LegPhase::Trying));
        world.expect(alice.address, "SIP/2.0 202");
        expect_notify(&mut world, &alice, "100 Trying", "active");
        world.answer(&start, Command::Done, progress(LegPhase::Answered));
        world.ask(call.destination.instance, call.source, Command::Stop, LegState::released(CauseKind::Transferred));
        let notify = world.expect(alice.address, "NOTIFY");
        alice.respond(&mut world, &notify, status, "", "");
        let bye = world.expect(alice.address, "BYE");
        alice.respond(&mut world, &bye, status, "", "");
        world.assert_idle();
    }
}

#[test]
fn a_notify_waits_for_the_answer_to_the_one_before_and_tells_the_latest_state() {
    let mut world = World::new(8);
    let (mut alice, _, start) = begin(&mut world);
    world.answer(&start, Command::Progress, progress(LegPhase::Trying));
    let first = world.expect(alice.address, "NOTIFY");
    for phase in [LegPhase::Ringing, LegPhase::Early, LegPhase::Ringing, LegPhase::Early] {
        world.answer(&start, Command::Progress, progress(phase));
    }
    world.run_ms(400);
    assert!(world.take(alice.address).is_empty(), "RFC 6665 §4.2.2");
    alice.respond(&mut world, &first, "200 OK", "", "");
    let second = world.expect(alice.address, "NOTIFY");
    assert_eq!(second.body_octets(), b"SIP/2.0 183 Session Progress\r\n", "the latest");
    world.answer(&start, Command::Progress, progress(LegPhase::Ringing));
    world.refuse(&start, CauseKind::Busy);
    world.run_ms(400);
    assert!(world.take(alice.address).is_empty());
    // What is wrong with this one alone ends nothing.
    alice.respond(&mut world, &second, "500 Server Internal Error", "", "");
    expect_notify(&mut world, &alice, "486 Busy Here", "terminated");
    world.run_ms(10);
    assert!(world.take(alice.address).is_empty());
    alice.asks(&mut world, "BYE", "", "");
    world.assert_idle();
}

#[test]
fn the_states_of_a_transfer_arrive_in_order_whatever_is_lost() {
    for seed in 100..130 {
        let mut world = World::new(seed);
        let (mut alice, _, start) = begin(&mut world);
        world.weather = Weather { loss: 30, repeat: 10, jitter_ms: 40 };
        let answers = [
            (Command::Progress, Parameter::from(progress(LegPhase::Trying))),
            (Command::Progress, progress(LegPhase::Ringing).into()),
            (Command::Progress, progress(LegPhase::Early).into()),
            (Command::Failed, Failure::because(CauseKind::Busy.into()).into()),
        ];
        let mut heard: Vec<(u32, String)> = Vec::new();
        let mut answers = answers.into_iter();
        for turn in 0..4_000 {
            if turn % 20 == 0
                && let Some((command, noun)) = answers.next()
            {
                world.answer(&start, command, noun);
            }
            for notify in world.take(alice.address) {
                if !notify.is(&Method::Notify) {
                    continue;
                }
                let number = notify.cseq().unwrap().number;
                if heard.iter().all(|(known, _)| *known != number) {
                    heard.push((number, String::from_utf8_lossy(notify.body_octets()).into_owned()));
                }
                alice.respond(&mut world, &notify, "200 OK", "", "");
            }
            world.run_ms(10);
        }
        assert!(heard.is_sorted(), "seed {seed}: {heard:?}");
        let statuses = heard.iter().map(|(_, fragment)| fragment.split(' ').nth(1).unwrap().parse().unwrap());
        let statuses: Vec<u16> = statuses.collect();
        assert!(statuses.is_sorted() && statuses.last() == Some(&486), "seed {seed}: {statuses:?}");
        world.weather = Weather::default();
        alice.asks(&mut world, "BYE", "", "");
        world.assert_idle();
    }
}

#[test]
fn who_subscribes_to_a_transfer_is_told_how_far_it_is_and_who_ends_that_is_told_no_more() {
    let mut world = World::new(40);
    let (mut alice, _, start) = begin(&mut world);
    world.answer(&start, Command::Progress, progress(LegPhase::Trying));
    world.expect(alice.address, "SIP/2.0 202");
    expect_notify(&mut world, &alice, "100 Trying", "active");
    alice.asks(&mut world, "SUBSCRIBE", "Event: refer;id=3\r\nExpires: 600\r\n", "");
    let ok = world.expect(alice.address, "SIP/2.0 200");
    assert_eq!(header(&ok, Header::Expires), "300");
    expect_notify(&mut world, &alice, "100 Trying", "active");
    alice.asks(&mut world, "SUBSCRIBE", "Event: refer;id=99\r\n", "");
    world.expect(alice.address, "SIP/2.0 481");
    alice.asks(&mut world, "SUBSCRIBE", "Event: refer\r\nExpires: 0\r\n", "");
    assert_eq!(header(&world.expect(alice.address, "SIP/2.0 200"), Header::Expires), "0");
    expect_notify(&mut world, &alice, "100 Trying", "terminated;reason=timeout");
    world.answer(&start, Command::Progress, progress(LegPhase::Ringing));
    world.refuse(&start, CauseKind::Busy);
    world.run_ms(1_000);
    assert!(world.take(alice.address).is_empty(), "it wants to know no more");
    alice.asks(&mut world, "SUBSCRIBE", "Event: refer\r\n", "");
    world.expect(alice.address, "SIP/2.0 481");
    alice.asks(&mut world, "BYE", "", "");
    world.assert_idle();
}

#[test]
fn other_subscriptions_have_dialogs_of_their_own_and_nothing_is_published_in_a_call() {
    let mut world = World::new(41);
    let (mut alice, _) = alice_talks(&mut world);
    for (headers, status) in [
        ("", "489 Missing Event Header"),
        ("Event: unheard-of\r\n", "489 Bad Event"),
        ("Event: dialog\r\n", "603 A Subscription Has Its Own Dialog"),
    ] {
        alice.asks(&mut world, "SUBSCRIBE", headers, "");
        let refusal = world.expect(alice.address, &format!("SIP/2.0 {status}"));
        assert_eq!(refusal.header(Header::AllowEvents).is_some(), status.starts_with("489"));
    }
    alice.asks(&mut world, "PUBLISH", "Event: presence\r\n", "");
    let refusal = world.expect(alice.address, "SIP/2.0 405");
    let allowed: Vec<Method> = refusal.allow().collect();
    assert!(allowed.contains(&Method::Invite) && !allowed.contains(&Method::Publish), "{allowed:?}");
    // The call has lost nothing.
    alice.asks(&mut world, "OPTIONS", "", "");
    world.expect(alice.address, "SIP/2.0 200");
    alice.asks(&mut world, "BYE", "", "");
    world.assert_idle();
}

#[test]
fn who_asks_not_to_be_shown_is_named_by_no_referred_by() {
    let mut world = World::new(30);
    let (mut alice, _) = alice_talks(&mut world);
    let by = "Refer-To: <sip:300@192.0.2.1>\r\nReferred-By: <sip:alice@192.0.2.1>\r\n";
    for (privacy, named) in
        [("", true), ("Privacy: none\r\n", true), ("Privacy: id\r\n", false), ("Privacy: user;critical\r\n", false)]
    {
        refer(&mut world, &mut alice, &format!("{by}{privacy}"));
        let start = world.asked(Command::Start);
        let Some(Parameter::Transfer(transfer)) = start.first() else { panic!("{start:?}") };
        assert_eq!(transfer.referred_by.is_some(), named, "{privacy}");
        world.refuse(&start, CauseKind::Forbidden);
        world.expect(alice.address, "SIP/2.0 403");
    }
    for (privacy, named) in [("", true), ("Privacy: header\r\n", false)] {
        let mut bob = Peer::new("198.51.100.8:5062", "bob", "200").anew(&format!("call{privacy:.7}"));
        bob.invite(&mut world, &format!("Referred-By: <sip:alice@192.0.2.1>\r\n{privacy}"), "");
        let start = world.asked(Command::Start);
        let Some(Parameter::Call(call)) = start.first() else { panic!("{start:?}") };
        assert_eq!((call.referred_by.is_some(), call.anonymous), (named, !named), "{privacy}");
        world.refuse(&start, CauseKind::Busy);
        world.run_ms(10);
    }
}

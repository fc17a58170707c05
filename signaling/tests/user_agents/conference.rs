//! Conferences, as phones see them: Join (RFC 3911), the focus (RFC 4579), who is there (RFC 4575).

use super::harness::{ALICE, World, alice_calls, answer, header, sdp, state};
use super::peer::Peer;
use super::subscriptions::{body, subscribe, told, watcher};
use router::Command;
use router::parameter::{
    Behalf, CallPhase, CallSummary, CauseKind, ConferenceName, Failure, LegPhase, LegState, LegSummary, Parameter,
    Party, Reason,
};
use router::time::WallTime;
use signaling::message::Header;

#[test]
fn an_invite_with_join_brings_the_dialog_along() {
    let mut world = World::new(1);
    let phone = |number: u32| Peer { branches: 100 * number, ..Peer::new(ALICE, "alice", &format!("20{number}")) };
    let cases = [
        ("Join: a\r\n", "400"),
        ("Join: a;to-tag=1\r\n", "400"),
        ("Join: a;to-tag=1;from-tag=2\r\nJoin: b;to-tag=1;from-tag=2\r\n", "400"),
        ("Join: a;to-tag=1;from-tag=2\r\nReplaces: a;to-tag=1;from-tag=2\r\n", "400"),
    ];
    for (number, (lines, status)) in (0..).zip(cases) {
        let mut alice = phone(number);
        alice.invite(&mut world, lines, &sdp(1, 4_000, "sendrecv"));
        let refusal = world.expect(alice.address, &format!("SIP/2.0 {status}"));
        alice.acknowledges_refusal(&mut world, &refusal);
    }
    let refusals = [
        (Failure::new(Reason::NotFound), "481"),
        (Failure::because(CauseKind::Declined.into()), "603"),
        (Failure::because(CauseKind::IncompatibleMedia.into()), "488"),
        (Failure::because(CauseKind::Forbidden.into()), "403"),
        (Failure::because(CauseKind::Glare.into()), "491"),
    ];
    for (number, (failure, status)) in (10..).zip(refusals) {
        let mut alice = phone(number);
        alice.invite(&mut world, "Require: join\r\nJoin: a;from-tag=2;to-tag=1\r\n", &sdp(1, 4_000, "sendrecv"));
        let start = world.asked(Command::Start);
        assert!(matches!(start.parameters.first(), Some(Parameter::Call(_))));
        let Some(Parameter::Dialog(dialog)) = start.parameters.get(1) else { panic!("{start:?}") };
        let named = (dialog.leg_id.as_str(), dialog.own_tag.as_str(), dialog.peer_tag.as_str(), dialog.join);
        assert_eq!(named, ("a", "1", "2", true));
        world.answer(&start, Command::Failed, failure);
        let refusal = world.expect(alice.address, &format!("SIP/2.0 {status}"));
        alice.acknowledges_refusal(&mut world, &refusal);
    }
    world.assert_idle();
}

#[test]
fn what_answers_for_a_conference_is_a_focus() {
    let mut world = World::new(2);
    let (mut alice, call) = alice_calls(&mut world);
    let conference = ConferenceName::of("~a1").map(Box::new);
    let focus = LegState { conference, ..state(LegPhase::Answered, answer(6_000)) };
    world.answer(&call, Command::Done, focus);
    let ok = world.expect(alice.address, "SIP/2.0 200");
    assert_eq!(header(&ok, Header::Contact), "<sip:~a1@192.0.2.1:5060>;isfocus");
    assert!(header(&ok, Header::Supported).contains("join"));
    alice.learn(&ok);
    alice.acknowledges(&mut world, "");
    world.run_ms(10);
    // What is in the dialog is found, whatever the user.
    alice.asks(&mut world, "OPTIONS", "", "");
    world.expect(alice.address, "SIP/2.0 200");
    alice.asks(&mut world, "BYE", "", "");
    world.expect(alice.address, "SIP/2.0 200");
    world.assert_idle();
}

/// An account's phone in a conference.
fn member(account: &str, conference: &str, phase: CallPhase) -> CallSummary {
    let leg = |leg_id: String, peer: &str, behalf| LegSummary {
        leg_id,
        peer: peer.to_owned(),
        phase: LegPhase::Answered,
        incoming: true,
        platform: None,
        behalf,
        tags: None,
        suite: None,
        quality: None,
    };
    CallSummary {
        id: format!("call-{account}"),
        caller: Party { display_name: Some(format!("the {account}").into()), ..Party::new(account, "tandem") },
        called: Party::new("3000", "tandem"),
        phase,
        started: WallTime::from_secs(1),
        answered: None,
        legs: vec![
            leg(format!("leg-{account}"), account, Some(Behalf::Account)),
            leg(String::new(), &format!("conference:{conference}"), None),
        ],
        codec: None,
        origin: None,
        anonymous: false,
        verdict: None,
    }
}

#[test]
fn who_is_in_a_conference_is_told_in_full_and_then_what_changes() {
    let mut world = World::new(3);
    let mut alice = watcher("alice", ALICE, "sales");
    let headers = "Event: conference\r\nExpires: 600\r\nAccept: application/conference-info+xml\r\n";
    let first = subscribe(&mut world, &mut alice, headers);
    assert_eq!(header(&first, Header::ContentType), "application/conference-info+xml");
    let first = body(&first);
    assert!(first.contains("entity=\"sip:sales@192.0.2.1\" state=\"full\" version=\"0\""), "{first}");
    assert!(first.contains("<user-count>0</user-count>"));
    world.run_ms(5_000);
    world.call_event(member("bob", "sales", CallPhase::Talking));
    world.call_event(member("carol", "other", CallPhase::Talking));
    let came = body(&told(&mut world, &alice));
    assert!(came.contains("state=\"partial\" version=\"1\"") && came.contains("<user-count>1</user-count>"), "{came}");
    assert!(came.contains("<user entity=\"sip:bob@192.0.2.1\" state=\"full\"><display-text>the bob</display-text>"));
    assert!(!came.contains("carol"));
    // Ten come at once: at most one NOTIFY a second tells of them.
    for number in 0..10 {
        world.call_event(member(&format!("u{number}"), "sales", CallPhase::Talking));
    }
    world.run_ms(500);
    assert!(world.take(alice.address).is_empty());
    world.run_ms(600);
    let many = body(&told(&mut world, &alice));
    assert_eq!((many.matches("<user entity").count(), many.contains("sip:bob@")), (10, false), "{many}");
    world.run_ms(5_000);
    world.call_event(member("bob", "sales", CallPhase::Ended));
    let gone = body(&told(&mut world, &alice));
    assert!(gone.contains("<user entity=\"sip:bob@192.0.2.1\" state=\"deleted\"/>"), "{gone}");
    assert!(gone.contains("<user-count>10</user-count>"));
    // A refresh is answered with all of it.
    alice.asks(&mut world, "SUBSCRIBE", headers, "");
    world.expect(alice.address, "SIP/2.0 200");
    let all = body(&told(&mut world, &alice));
    assert!(all.contains("state=\"full\" version=\"4\"") && all.matches("<user entity").count() == 10, "{all}");
    world.run_ms(700_000);
    world.assert_idle();
}

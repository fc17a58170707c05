//! Dialogs that a peer names (RFC 3891), transfers without NOTIFY (RFC 4488), and legs that change their call.

use super::harness::{CALL, World, alice_calls, alice_talks, header, sdp};
use super::peer::Peer;
use router::parameter::{CauseKind, Dialog, Failure, Handover, LegPhase, LegState, Parameter, Party, Reason, Transfer};
use router::{Address, Command, Instance, ModuleKind, Packet};
use signaling::message::{Header, escape_header};

/// Who a transfer sends where, and the dialog beside it.
fn transfer_of(start: &Packet) -> (&Transfer, Option<&Dialog>) {
    let Some(Parameter::Transfer(transfer)) = start.parameters.first() else { panic!("{start:?}") };
    let dialog = start.parameters.get(1).map(|parameter| match parameter {
        Parameter::Dialog(dialog) => &**dialog,
        other => panic!("{other:?}"),
    });
    (transfer, dialog)
}

fn dialog(leg_id: &str, own_tag: &str, peer_tag: &str) -> Dialog {
    let [leg_id, own_tag, peer_tag] = [leg_id, own_tag, peer_tag].map(str::to_owned);
    Dialog { leg_id, own_tag, peer_tag, early_only: false, at: None, join: false }
}

/// What the module says of a dialog.
fn ask(world: &mut World, dialog: Dialog) -> Result<Dialog, Failure> {
    world.at_switch.clear();
    world.ask(CALL, Address::local(ModuleKind::Signaling, 0), Command::Query, dialog);
    let answer = world.answers().next().expect("an answer");
    match (answer.command, answer.parameters.first()) {
        (Command::Done, Some(Parameter::Dialog(dialog))) => Ok((**dialog).clone()),
        _ => Err(answer.failure()),
    }
}

#[test]
fn a_refer_with_replaces_names_the_dialog_and_is_answered_at_its_end() {
    let mut world = World::new(1);
    let (mut alice, call) = alice_talks(&mut world);
    let replaces = escape_header("call@host;to-tag=ours;from-tag=theirs;early-only").into_owned();
    // Phones name their remote target: an address of ours without a user.
    let refer_to = format!("Refer-To: <sip:192.0.2.1:5060?Replaces={replaces}>\r\n");
    alice.asks(&mut world, "REFER", &refer_to, "");
    let start = world.asked(Command::Start);
    let (transfer, named) = transfer_of(&start);
    assert_eq!(transfer.target, Party::default());
    assert_eq!(named, Some(&Dialog { early_only: true, ..dialog("call@host", "ours", "theirs") }));
    world.answer(&start, Command::Done, Transfer { phase: LegPhase::Answered, ..transfer.clone() });
    world.ask(call.destination.instance, call.source, Command::Stop, LegState::released(CauseKind::Transferred));
    world.expect(alice.address, "SIP/2.0 202");
    let notify = world.expect(alice.address, "NOTIFY");
    assert_eq!(notify.body_octets(), b"SIP/2.0 200 OK\r\n");
    alice.respond(&mut world, &notify, "200 OK", "", "");
    let bye = world.expect(alice.address, "BYE");
    alice.respond(&mut world, &bye, "200 OK", "", "");
    world.assert_idle();
}

/// RFC 3911 §4: Join is written as Replaces is, and they exclude each other.
#[test]
fn a_refer_with_join_says_so() {
    let mut world = World::new(8);
    let (mut alice, _) = alice_talks(&mut world);
    let named = escape_header("call@host;to-tag=ours;from-tag=theirs").into_owned();
    alice.asks(&mut world, "REFER", &format!("Refer-To: <sip:bob@192.0.2.1?Join={named}>\r\n"), "");
    let start = world.asked(Command::Start);
    assert_eq!(transfer_of(&start).1, Some(&Dialog { join: true, ..dialog("call@host", "ours", "theirs") }));
    world.answer(&start, Command::Failed, Failure::new(Reason::NotFound));
    world.expect(alice.address, "SIP/2.0 481");
    for both in [format!("Join={named}&Replaces={named}"), "Join=nothing".to_owned()] {
        alice.asks(&mut world, "REFER", &format!("Refer-To: <sip:bob@192.0.2.1?{both}>\r\n"), "");
        world.expect(alice.address, "SIP/2.0 400");
    }
    alice.asks(&mut world, "BYE", "", "");
    world.assert_idle();
}

#[test]
fn a_target_without_the_brackets_that_its_headers_want_is_understood() {
    let mut world = World::new(7);
    let (mut alice, _) = alice_talks(&mut world);
    alice.asks(&mut world, "REFER", "Refer-To: sip:300@192.0.2.1?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2\r\n", "");
    let start = world.asked(Command::Start);
    assert_eq!(transfer_of(&start).1, Some(&dialog("a", "1", "2")));
    world.answer(&start, Command::Failed, Failure::new(Reason::NotFound));
    world.expect(alice.address, "SIP/2.0 481");
    alice.asks(&mut world, "REFER", "Refer-To: sip:300 @192.0.2.1?x\r\n", "");
    world.expect(alice.address, "SIP/2.0 400");
    alice.asks(&mut world, "BYE", "", "");
    world.assert_idle();
}

#[test]
fn a_dialog_that_is_none_refuses_the_refer_itself() {
    let mut world = World::new(2);
    let (mut alice, _) = alice_talks(&mut world);
    alice.asks(&mut world, "REFER", "Refer-To: <sip:192.0.2.1?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2>\r\n", "");
    let start = world.asked(Command::Start);
    world.answer(&start, Command::Failed, Failure::new(Reason::NotFound));
    world.expect(alice.address, "SIP/2.0 481");
    alice.asks(&mut world, "BYE", "", "");
    world.assert_idle();
}

#[test]
fn who_wants_no_notify_gets_none_and_is_told_so() {
    for refer_sub in ["Refer-Sub: false\r\n", "Refer-Sub: FALSE;x=y\r\n", "Refer-Sub: true\r\n"] {
        let silent = !refer_sub.contains("true");
        let mut world = World::new(3);
        let (mut alice, call) = alice_talks(&mut world);
        alice.asks(&mut world, "REFER", &format!("Refer-To: <sip:300@192.0.2.1>\r\n{refer_sub}"), "");
        let start = world.asked(Command::Start);
        let transfer = transfer_of(&start).0.clone();
        world.answer(&start, Command::Progress, transfer.clone());
        let accepted = world.expect(alice.address, "SIP/2.0 202");
        assert_eq!(header(&accepted, Header::ReferSub), if silent { "false" } else { "" });
        if !silent {
            let notify = world.expect(alice.address, "NOTIFY");
            alice.respond(&mut world, &notify, "200 OK", "", "");
        }
        world.answer(&start, Command::Done, Transfer { phase: LegPhase::Answered, ..transfer });
        let stop = LegState::released(CauseKind::Transferred);
        world.ask(call.destination.instance, call.source, Command::Stop, stop);
        let next = if silent { "BYE" } else { "NOTIFY" };
        world.run_ms(5);
        let sent = world.take(alice.address);
        assert!(sent[0].as_bytes().starts_with(next.as_bytes()), "{refer_sub}");
        alice.respond(&mut world, &sent[0], "200 OK", "", "");
        if !silent {
            let bye = world.expect(alice.address, "BYE");
            alice.respond(&mut world, &bye, "200 OK", "", "");
        }
        world.assert_idle();
    }
}

#[test]
fn an_invite_with_replaces_brings_the_dialog_along() {
    let mut world = World::new(4);
    let cases = [
        ("Replaces: a\r\n", "400"),
        ("Replaces: a;to-tag=1;from-tag=2\r\nReplaces: b;to-tag=1;from-tag=2\r\n", "400"),
        ("Replaces: a;to-tag=1;from-tag=2\r\nJoin: a;to-tag=1;from-tag=2\r\n", "400"),
    ];
    // Other calls, other transactions.
    let phone = |number: u32| Peer {
        branches: 100 * number,
        ..Peer::new(super::harness::ALICE, "alice", &format!("20{number}"))
    };
    for (number, (lines, status)) in (0..).zip(cases) {
        let mut alice = phone(number);
        alice.invite(&mut world, lines, &sdp(1, 4_000, "sendrecv"));
        let refusal = world.expect(alice.address, &format!("SIP/2.0 {status}"));
        alice.acknowledges_refusal(&mut world, &refusal);
    }
    let mut alice = phone(9);
    alice.invite(&mut world, "Require: replaces\r\nReplaces: a;to-tag=1;from-tag=2\r\n", &sdp(1, 4_000, "sendrecv"));
    let start = world.asked(Command::Start);
    assert!(matches!(start.parameters.first(), Some(Parameter::Call(_))));
    assert_eq!(start.parameters.get(1), Some(&Parameter::from(dialog("a", "1", "2"))));
    world.answer(&start, Command::Failed, Failure::new(Reason::NotFound));
    let refusal = world.expect(alice.address, "SIP/2.0 481");
    alice.acknowledges_refusal(&mut world, &refusal);
    world.assert_idle();
}

#[test]
fn a_dialog_is_found_by_all_its_names() {
    let mut world = World::new(5);
    let (alice, call) = alice_calls(&mut world);
    world.ring(&call);
    let ringing = world.expect(alice.address, "SIP/2.0 180");
    let own = ringing.to().unwrap().tag().unwrap().to_owned();
    let peer = ringing.from().unwrap().tag().unwrap().to_owned();
    let call_id = header(&ringing, Header::CallId);
    let there = ask(&mut world, dialog(&call_id, &own, &peer)).unwrap().at.unwrap();
    assert_eq!((there.leg, there.call), (call.source, call.destination));
    let none = |world: &mut World, dialog| ask(world, dialog).unwrap_err().reason;
    assert_eq!(none(&mut world, dialog("other", &own, &peer)), Reason::NotFound);
    assert_eq!(none(&mut world, dialog(&call_id, &own, "other")), Reason::NotFound);
    assert_eq!(
        none(&mut world, dialog(&call_id, &peer, &own)),
        Reason::NotFound,
        "a caller's dialog has one sense alone"
    );
    assert_eq!(none(&mut world, dialog(&call_id, "ffffffffffffffff", &peer)), Reason::NotFound);
    let cancel = alice.cancel("");
    world.send(alice.address, &cancel);
    world.run_ms(100);
    assert_eq!(none(&mut world, dialog(&call_id, &own, &peer)), Reason::NotFound);
}

#[test]
fn a_leg_that_is_handed_over_belongs_to_the_other_call() {
    let mut world = World::new(6);
    let (mut alice, call) = alice_talks(&mut world);
    let leg = call.source;
    let handover = |from| Handover { from, call_id: "other".to_owned() };
    let (first, second) = (call.destination.instance, Instance(77));
    let stranger = Address::local(ModuleKind::Switch, 0).at(Instance(78));
    world.at_switch.clear();
    world.ask(second, leg, Command::Set, handover(stranger));
    assert_eq!(world.answers().next().unwrap().failure().reason, Reason::Refused, "it is not that one's");
    for _ in 0..2 {
        world.ask(second, leg, Command::Set, handover(call.destination));
        assert_eq!(world.answers().next().unwrap().command, Command::Done, "the same again is the same");
    }
    world.ask(first, leg, Command::Stop, LegState::released(CauseKind::Normal));
    assert_eq!(world.answers().next().unwrap().failure().reason, Reason::Refused, "the former call has no say");
    alice.asks(&mut world, "BYE", "", "");
    let stop = world.asked(Command::Stop);
    assert_eq!(stop.destination.instance, second, "and hears nothing");
    world.assert_idle();
}

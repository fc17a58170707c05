//! Transfer to somebody who is in a call already: the two calls become one.

use crate::harness::*;
use router::parameter::*;
use router::time::Duration;
use router::{Command, Instance};

/// Bob's two calls: with Alice, who called him, and with Carol, whom he called; his and their legs.
struct Two {
    alice: Instance,
    bob: Instance,
    again: Instance,
    carol: Instance,
}

fn two_calls(world: &mut World) -> Two {
    let (alice, bob) = world.connected();
    let again = world.call("bob", "carol");
    let carol = world.only();
    world.ring(carol);
    Two { alice, bob, again, carol }
}

fn transfer() -> Transfer {
    Transfer { target: Party::default(), phase: LegPhase::Trying, cause: None, referred_by: None }
}

fn kind(world: &World, leg: Instance) -> Option<CauseKind> {
    world.signaling.legs[&leg].cause.as_ref().map(|cause| cause.kind)
}

/// The only session, between these two ports.
fn bridged(world: &World) -> (u16, u16) {
    let (a, b) = world.session().bridge.expect("nobody is joined");
    (a.min(b), a.max(b))
}

#[test]
fn the_one_who_consulted_leaves_and_the_other_two_talk() {
    let mut world = World::new();
    let Two { alice, bob, again, carol } = two_calls(&mut world);
    world.answer(carol);
    // As phones do: Alice is on hold while Bob asks Carol.
    world.offer(bob, &[pcmu(), events()], Direction::SendOnly);
    assert_eq!(direction(world.signaling.legs[&alice].heard.as_ref()), Some(Direction::SendOnly));
    world.run(Duration::from_secs(1));
    world.ask_with(bob, Command::Start, transfer(), Some(dialog(again)));
    assert_eq!(world.last_answer(bob).command, Command::Done);
    assert_eq!((kind(&world, bob), kind(&world, again)), (Some(CauseKind::Transferred), Some(CauseKind::Transferred)));
    for leg in [alice, carol] {
        assert_eq!(world.signaling.legs[&leg].phase, LegPhase::Answered);
    }
    assert_eq!(world.signaling.legs[&alice].call, world.signaling.legs[&carol].call, "one call");
    assert_eq!(bridged(&world), (1, 2));
    assert_eq!(world.session().ports.len(), 2);
    assert_eq!(direction(world.signaling.legs[&alice].heard.as_ref()), Some(Direction::SendReceive), "off hold");
    assert!(world.plan(1).sends && world.plan(1).receives && world.plan(2).sends && world.plan(2).receives);
    // It is a call like any other.
    world.offer(carol, &[pcmu(), events()], Direction::SendOnly);
    assert_eq!(direction(world.signaling.legs[&alice].heard.as_ref()), Some(Direction::SendOnly));
    world.hang_up(alice);
    assert_eq!(world.signaling.legs[&carol].phase, LegPhase::Released);
    let [first, second, joined] = ["call-1", "call-2", "call-2~2"].map(|id| world.record_of(id).clone());
    for (record, to) in [(&first, "carol"), (&second, "alice")] {
        assert_eq!(record.cause.as_ref().unwrap().kind, CauseKind::Transferred);
        assert_eq!(record.transferred_as.as_deref(), Some("call-2~2"));
        assert_eq!(record.transferred_to.as_ref().map(Party::user), Some(to));
        assert_eq!(record.ended_by_caller, Some(to == "alice"), "Bob did, who was called first and called then");
    }
    assert_eq!((joined.caller.user(), joined.called.user()), ("alice", "carol"));
    assert_eq!((&joined.origin, joined.destination.as_deref()), (&Origin::Account("bob".into()), Some("carol")));
    assert_eq!((joined.transferred_from.as_deref(), joined.joined_from.as_deref()), (Some("call-2"), Some("call-1")));
    assert_eq!((joined.outcome, joined.ended_by_caller), (Outcome::Answered, Some(true)));
    // Alice's port had counted 40 until then (and Carol's 41): what came since is the new conversation's.
    let figures =
        |record: &CallRecord| (record.caller_quality.packets_received, record.callee_quality.packets_received);
    assert_eq!((figures(&first), figures(&second)), ((40, 101), (100, 41)));
    assert_eq!(figures(&joined), (60, 60));
    world.assert_over();
}

#[test]
fn whoever_called_whom_the_right_two_remain() {
    for (first, second) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut world = World::new();
        let mut connect = |called: bool, other: &str| {
            let (from, to) = if called { (other, "bob") } else { ("bob", other) };
            let caller = world.call(from, to);
            let callee = world.only();
            world.answer(callee);
            if called { (callee, caller) } else { (caller, callee) }
        };
        let (bob, alice) = connect(first, "alice");
        let (again, carol) = connect(second, "carol");
        world.ask_with(bob, Command::Start, transfer(), Some(dialog(again)));
        let phases = [alice, carol, bob, again].map(|leg| world.signaling.legs[&leg].phase);
        use LegPhase::{Answered, Released};
        assert_eq!(phases, [Answered, Answered, Released, Released], "{first} {second}");
        assert_eq!(world.session().ports.len(), 2);
        world.hang_up(carol);
        world.assert_over();
    }
}

#[test]
fn a_third_party_at_another_worker_is_told_of_its_new_port() {
    let mut world = World::new();
    let Two { alice, bob, again, carol } = two_calls(&mut world);
    world.answer(carol);
    world.voice.refuses_moves = true;
    world.ask_with(bob, Command::Start, transfer(), Some(dialog(again)));
    assert!(matches!(world.signaling.legs[&alice].heard, Some(MediaExchange::Offer(_))));
    assert_eq!(bridged(&world), (1, 2));
    assert_eq!(world.session().ports.len(), 2);
    world.hang_up(alice);
    world.assert_over();
}

#[test]
fn two_parties_at_another_worker_are_told_while_the_third_one_rings() {
    let mut world = World::new();
    let Two { alice, bob, again, carol } = two_calls(&mut world);
    world.voice.refuses_moves = true;
    world.ask_with(bob, Command::Start, transfer(), Some(dialog(again)));
    for leg in [alice, bob] {
        assert!(matches!(world.signaling.legs[&leg].heard, Some(MediaExchange::Offer(_))));
    }
    assert_eq!(bridged(&world), (2, 3));
    world.answer(carol);
    assert_eq!(bridged(&world), (1, 2));
    world.hang_up(alice);
    world.assert_over();
}

#[test]
fn without_a_port_who_was_to_come_is_released_and_the_others_talk_on() {
    let mut world = World::new();
    let Two { alice, bob, again, carol } = two_calls(&mut world);
    world.answer(carol);
    world.voice.refuses_moves = true;
    world.voice.exhausted = true;
    world.ask_with(bob, Command::Start, transfer(), Some(dialog(again)));
    assert_eq!(world.failure(bob), CauseKind::Congestion);
    assert_eq!(world.signaling.legs[&alice].phase, LegPhase::Released);
    assert_eq!(world.signaling.legs[&again].phase, LegPhase::Answered);
    assert_eq!(bridged(&world), (0, 1));
    world.hang_up(again);
    world.assert_over();
}

#[test]
fn who_is_sent_to_somebody_that_rings_already_hears_it_ring_and_the_telephone_rings_on() {
    for answers in [true, false] {
        let mut world = World::new();
        let Two { alice, bob, again, carol } = two_calls(&mut world);
        world.ask_with(bob, Command::Start, transfer(), Some(dialog(again)));
        assert_eq!(world.only(), carol, "it is the same INVITE");
        assert_eq!(world.signaling.legs[&again].phase, LegPhase::Released);
        assert_eq!(world.last_answer(again).command, Command::Failed);
        let Some(Parameter::Transfer(told)) = world.last_answer(bob).first() else { panic!("no progress") };
        assert_eq!((told.phase, told.target.user()), (LegPhase::Ringing, "carol"));
        world.run(Duration::from_secs(1));
        if answers {
            world.answer(carol);
            assert_eq!(world.last_answer(bob).command, Command::Done);
            assert_eq!(kind(&world, bob), Some(CauseKind::Transferred));
            assert_eq!(bridged(&world), (1, 2));
            world.hang_up(carol);
            let joined = world.record_of("call-2~2");
            assert_eq!((joined.outcome, joined.joined_from.as_deref()), (Outcome::Answered, Some("call-1")));
            assert_eq!((joined.caller.user(), joined.called.user()), ("alice", "carol"));
        } else {
            world.refuse(carol, CauseKind::Busy);
            assert_eq!(world.failure(bob), CauseKind::Busy);
            assert_eq!(bridged(&world), (2, 3), "Alice and Bob are together again");
            world.hang_up(alice);
            assert_eq!(world.record_of("call-2~2").outcome, Outcome::Unanswered);
            let again = world.record_of("call-2~3");
            assert_eq!((again.caller.user(), again.called.user()), ("alice", "bob"));
            assert_eq!(again.outcome, Outcome::Answered);
        }
        assert_eq!(world.signaling.legs[&alice].phase, LegPhase::Released);
        let consulted = world.record_of("call-2");
        assert_eq!((consulted.outcome, consulted.called.user()), (Outcome::Unanswered, "carol"));
        world.assert_over();
    }
}

#[test]
fn who_is_on_hold_hears_the_ringing_tone_meanwhile() {
    let mut world = World::new();
    let Two { alice, bob, again, carol } = two_calls(&mut world);
    world.offer(bob, &[pcmu(), events()], Direction::SendOnly);
    world.ask_with(bob, Command::Start, transfer(), Some(dialog(again)));
    assert_eq!(world.session().builtin, Some((2, BuiltinKind::Ringback)));
    world.hang_up(bob);
    assert_eq!(world.session().builtin, Some((2, BuiltinKind::Ringback)));
    world.answer(carol);
    assert_eq!(bridged(&world), (1, 2));
    assert_eq!(world.signaling.legs[&alice].phase, LegPhase::Answered);
    world.hang_up(alice);
    world.assert_over();
}

#[test]
fn what_cannot_be_is_refused_and_all_goes_on_as_before() {
    let mut world = World::new();
    let Two { alice, bob, again, carol } = two_calls(&mut world);
    world.answer(carol);
    let refused = |world: &mut World, by: Instance, named: Dialog| {
        world.ask_with(by, Command::Start, transfer(), Some(named));
        let packet = world.last_answer(by);
        assert_eq!(packet.command, Command::Failed);
        packet.failure()
    };
    let unknown = Dialog { leg_id: "9999".to_owned(), ..dialog(again) };
    assert_eq!(refused(&mut world, bob, unknown).reason, Reason::NotFound);
    let early = Dialog { early_only: true, ..dialog(again) };
    assert_eq!(refused(&mut world, bob, early).cause.unwrap().kind, CauseKind::Busy);
    assert_eq!(refused(&mut world, bob, dialog(alice)).reason, Reason::Refused, "the call's own");
    assert_eq!(refused(&mut world, alice, dialog(again)).cause.unwrap().kind, CauseKind::Forbidden, "none of Alice's");
    assert_eq!(world.voice.sessions.len(), 2);
    for leg in [alice, bob, again, carol] {
        assert_eq!(world.signaling.legs[&leg].phase, LegPhase::Answered);
    }
    // Any party of the call may say who takes a place in it.
    world.ask_with(bob, Command::Start, transfer(), Some(dialog(carol)));
    let phases = [alice, again, carol].map(|leg| world.signaling.legs[&leg].phase);
    assert_eq!(phases, [LegPhase::Answered, LegPhase::Answered, LegPhase::Released]);
    world.hang_up(alice);
    world.assert_over();
}

#[test]
fn a_caller_takes_the_place_of_one_who_talks() {
    for (offer, sound) in [(pcmu(), true), (opus(), false)] {
        let mut world = World::new();
        let (alice, bob) = world.connected();
        let offer = audio(4100, &[offer, events()], Direction::SendReceive);
        // Another phone of Bob's.
        let other = world.call_into("bob", "alice", Some(offer), Some(dialog(bob)));
        let (stays, goes) = if sound { (other, bob) } else { (bob, other) };
        assert_eq!(world.signaling.legs[&stays].phase, LegPhase::Answered);
        assert_eq!(world.signaling.legs[&goes].phase, LegPhase::Released);
        if sound {
            assert!(matches!(world.described(other), Some(MediaExchange::Answer(_))));
            assert_eq!((bridged(&world), kind(&world, bob)), ((0, 2), Some(CauseKind::Transferred)));
        } else {
            assert_eq!(world.failure(other), CauseKind::IncompatibleMedia);
            assert_eq!(bridged(&world), (0, 1));
        }
        world.hang_up(alice);
        assert_eq!(world.record_of("call-2").transferred_as.as_deref(), Some("call-1~2"));
        world.assert_over();
    }
}

#[test]
fn a_caller_without_an_offer_gets_one() {
    let mut world = World::new();
    let (alice, bob) = world.connected();
    let other = world.call_into("bob", "alice", None, Some(dialog(bob)));
    assert!(matches!(world.described(other), Some(MediaExchange::Offer(_))));
    let answer = MediaExchange::Answer(audio(4100, &[pcmu()], Direction::SendReceive));
    world.ask(other, Command::Set, LegState::new(LegPhase::Answered).with_media(Some(answer)));
    assert_eq!(bridged(&world), (0, 2));
    world.hang_up(alice);
    world.assert_over();
}

#[test]
fn whoever_hangs_up_meanwhile_nothing_is_left() {
    // The worker takes its time, and somebody goes.
    for leaver in 0..4 {
        for early in [true, false] {
            for late in 1..12 {
                let mut world = World::new();
                let two = two_calls(&mut world);
                if !early {
                    world.answer(two.carol);
                }
                let from = world.faults.borrow().seen;
                world.faults.borrow_mut().at = Some((from + late, Some(Fault::Late(Duration::from_millis(500)))));
                world.ask_with(two.bob, Command::Start, transfer(), Some(dialog(two.again)));
                world.run_ms(100);
                let legs = [two.alice, two.bob, two.again, two.carol];
                if world.ringing() == [legs[leaver]] {
                    world.refuse(legs[leaver], CauseKind::Declined);
                } else {
                    world.hang_up(legs[leaver]);
                }
                world.run_ms(5_000);
                for leg in legs {
                    if world.ringing() == [leg] {
                        world.refuse(leg, CauseKind::Declined);
                    } else {
                        world.hang_up(leg);
                    }
                }
                world.assert_over();
            }
        }
    }
}

//! Blind transfer.

use crate::basic::empty_summary;
use crate::harness::*;
use router::parameter::*;
use router::time::Duration;
use router::{Address, Command, Instance, ModuleKind, one};

fn to(target: &str) -> Transfer {
    Transfer { target: Party::new(target, ""), phase: LegPhase::Trying, cause: None, referred_by: None }
}

fn phases(world: &World, leg: Instance) -> Vec<(Command, LegPhase)> {
    let answers = world.signaling.answers.iter().filter(|(of, _, _)| *of == leg);
    answers
        .filter_map(|(_, _, packet)| match packet.first() {
            Some(Parameter::Transfer(transfer)) => Some((packet.command, transfer.phase)),
            _ => None,
        })
        .collect()
}

#[test]
fn the_callee_sends_the_caller_on() {
    let mut world = World::new();
    let (caller, callee) = world.connected();
    world.ask(callee, Command::Start, to("carol"));
    let carol = world.only();
    assert_eq!(world.signaling.legs[&carol].started.as_ref().unwrap().caller.user(), "alice");
    assert_eq!(world.session().bridge, Some((0, 1)), "they talk on meanwhile");
    world.ring(carol);
    world.answer(carol);
    use LegPhase::*;
    assert_eq!(
        phases(&world, callee),
        [(Command::Progress, Trying), (Command::Progress, Ringing), (Command::Done, Answered)]
    );
    assert_eq!(world.signaling.legs[&callee].cause.as_ref().unwrap().kind, CauseKind::Transferred);
    assert_eq!(world.signaling.legs[&caller].phase, Answered);
    assert_eq!(world.session().bridge, Some((0, 2)));
    assert_eq!(world.session().ports.len(), 2);
    world.run(Duration::from_secs(1));
    world.hang_up(carol);
    assert_eq!(world.signaling.legs[&caller].phase, Released);
    let (first, second) = (world.record_of("call-1"), world.record_of("call-1~2"));
    assert_eq!(first.destination.as_deref(), Some("bob"));
    let figures =
        |record: &CallRecord| (record.caller_quality.packets_received, record.callee_quality.packets_received);
    assert_eq!(figures(first), (40, 101), "the caller's as it was then");
    assert_eq!((first.cause.as_ref().unwrap().kind, first.ended_by_caller), (CauseKind::Transferred, Some(false)));
    assert_eq!(first.transferred_to.as_ref().map(Party::user), Some("carol"));
    assert_eq!(first.transferred_as.as_deref(), Some("call-1~2"));
    assert_eq!(first.transferred_from, None);
    assert_eq!((second.caller.user(), second.called.user()), ("alice", "carol"));
    assert_eq!((&second.origin, second.destination.as_deref()), (&Origin::Account("bob".into()), Some("carol")));
    assert_eq!(figures(second), (60, 102), "what came since");
    assert_eq!((second.cause.as_ref().unwrap().kind, second.ended_by_caller), (CauseKind::Normal, Some(false)));
    assert_eq!(second.transferred_from.as_deref(), Some("call-1"));
    assert_eq!((first.ended, second.started), (second.answered, first.answered.unwrap()));
    assert_eq!(second.ended.unwrap().since(second.answered.unwrap()), Duration::from_secs(1));
    world.assert_over();
}

#[test]
fn the_new_callee_learns_who_sent_the_caller_and_whether_the_caller_is_verified() {
    let mut world = World::new();
    let (_, callee) = world.connected();
    let referred_by = Some("<sip:bob@example.org>".to_owned().into());
    world.ask(callee, Command::Start, Transfer { referred_by: referred_by.clone(), ..to("carol") });
    let carol = world.only();
    let started = world.signaling.legs[&carol].started.clone().unwrap();
    assert_eq!((started.verified, started.referred_by), (true, referred_by));
    world.answer(carol);
    world.hang_up(carol);
    world.assert_over();
}

#[test]
fn the_caller_sends_the_callee_on_and_the_callee_is_retrieved_from_hold() {
    let mut world = World::new();
    let (caller, callee) = world.connected();
    world.offer(caller, &[pcmu(), events()], Direction::SendOnly);
    assert_eq!(direction(world.signaling.legs[&callee].heard.as_ref()), Some(Direction::SendOnly));
    world.ask(caller, Command::Start, to("carol"));
    let carol = world.only();
    world.answer(carol);
    assert_eq!(direction(world.signaling.legs[&callee].heard.as_ref()), Some(Direction::SendReceive));
    assert!(matches!(world.signaling.legs[&callee].heard, Some(MediaExchange::Offer(_))));
    assert_eq!(world.session().bridge, Some((1, 2)));
    assert!(world.plan(1).sends && world.plan(1).receives && world.plan(2).sends && world.plan(2).receives);
    assert_eq!(world.signaling.legs[&caller].phase, LegPhase::Released);
    // And on, by the one who was called last.
    world.ask(carol, Command::Start, to("alice"));
    let alice = world.only();
    world.answer(alice);
    assert_eq!(world.session().bridge, Some((1, 3)));
    world.hang_up(callee);
    let all = ["call-1", "call-1~2", "call-1~3"].map(|id| {
        let record = world.record_of(id);
        (record.caller.user(), record.called.user(), record.ended_by_caller, record.transferred_from.as_deref())
    });
    assert_eq!(all[0], ("alice", "bob", Some(true), None));
    assert_eq!(all[1], ("bob", "carol", Some(false), Some("call-1")));
    assert_eq!(all[2], ("bob", "alice", Some(true), Some("call-1~2")));
    assert_eq!(world.record_of("call-1~2").transferred_as.as_deref(), Some("call-1~3"));
    world.assert_over();
}

#[test]
fn a_target_of_another_codec_is_met_by_an_offer() {
    let mut world = World::new();
    let offer = audio(4000, &[pcmu(), pcma()], Direction::SendReceive);
    let caller = world.call_with("alice", "bob", Some(offer));
    let callee = world.only();
    world.answer_with(callee, &[pcmu()]);
    world.ask(callee, Command::Start, to("carol"));
    let carol = world.only();
    assert_eq!(codec_names(world.signaling.legs[&carol].started.as_ref().unwrap().media.as_ref()), ["PCMU", "PCMA"]);
    world.answer_with(carol, &[pcma()]);
    assert_eq!(codec_names(world.signaling.legs[&caller].heard.as_ref()), ["PCMA"]);
    assert_eq!((&world.plan(0).codecs[0], &world.plan(2).codecs[0]), (&pcma(), &pcma()));
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn glare_after_a_transfer_is_retried() {
    let mut world = World::new();
    let offer = audio(4000, &[pcmu(), pcma()], Direction::SendReceive);
    let caller = world.call_with("alice", "bob", Some(offer));
    let callee = world.only();
    world.answer_with(callee, &[pcmu()]);
    world.signaling.answers_sets = false;
    world.ask(callee, Command::Start, to("carol"));
    let carol = world.only();
    world.answer_with(carol, &[pcma()]);
    let set = world.signaling.sets.remove(0);
    world.signaling.failed(&set, Failure::because(CauseKind::Glare.into()));
    world.signaling.answers_sets = true;
    world.run(Duration::from_secs(4));
    assert_eq!(world.plan(0).codecs[0], pcma());
    world.hang_up(caller);
    world.assert_over();
}

/// What who watches was told since: each phase, and why.
fn told(world: &mut World) -> Vec<(CallPhase, Option<CauseKind>)> {
    let events = world.client.received.iter().filter_map(|packet| match packet.first() {
        Some(Parameter::CallEvent(event)) if event.quality.is_none() => {
            Some((event.call.phase, event.cause.as_ref().map(|cause| cause.kind)))
        }
        _ => None,
    });
    let told = events.collect();
    world.client.received.clear();
    told
}

#[test]
fn who_watches_is_told_what_became_of_a_transfer() {
    use CallPhase::{Held, Talking, Transferring};
    let mut world = World::new();
    let event = CallEvent {
        call: empty_summary(),
        cause: None,
        at: Default::default(),
        missed: false,
        pressed: None,
        quality: None,
    };
    world.ask_as_client(Address::local(ModuleKind::Switch, 0), Command::Subscribe, one(event));
    let (caller, callee) = world.connected();
    told(&mut world);
    for (target, kind) in [
        ("nobody", CauseKind::UnknownNumber),
        ("dave", CauseKind::Unreachable),
        ("carol", CauseKind::Busy),
        // No route, and no account could have that name: that is known within the turn.
        (&*"9".repeat(1_000), CauseKind::UnknownNumber),
    ] {
        world.ask(callee, Command::Start, to(target));
        if let Some(&carol) = world.ringing().first() {
            world.refuse(carol, kind);
        }
        assert_eq!(told(&mut world), [(Transferring, None), (Talking, Some(kind))], "{target}");
    }
    world.offer(caller, &[pcmu(), events()], Direction::SendOnly);
    assert_eq!(told(&mut world), [(Held, None)], "the cause is told once");
    world.ask(callee, Command::Start, to("nobody"));
    assert_eq!(told(&mut world), [(Transferring, None), (Held, Some(CauseKind::UnknownNumber))]);
    world.offer(caller, &[pcmu(), events()], Direction::SendReceive);
    assert_eq!(told(&mut world), [(Talking, None)]);
    world.ask(callee, Command::Start, to("carol"));
    let carol = world.only();
    world.answer(carol);
    assert_eq!(told(&mut world), [(Transferring, None), (Talking, None)]);
    // A service is there at once.
    world.ask(carol, Command::Start, to("echo"));
    assert_eq!(told(&mut world), [(Transferring, None), (Talking, None)]);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn a_transfer_that_fails_leaves_the_call_as_it_was() {
    for (target, kind) in
        [("nobody", CauseKind::UnknownNumber), ("dave", CauseKind::Unreachable), ("carol", CauseKind::Busy)]
    {
        let mut world = World::new();
        let (caller, callee) = world.connected();
        world.ask(callee, Command::Start, to(target));
        if let Some(&carol) = world.ringing().first() {
            world.ring(carol);
            world.refuse(carol, kind);
        }
        assert_eq!(world.failure(callee), kind);
        assert_eq!(world.session().bridge, Some((0, 1)));
        world.offer(caller, &[pcmu(), events()], Direction::SendOnly);
        assert_eq!(world.last_answer(caller).command, Command::Done);
        let attempt = world.record_of("call-1~2");
        assert_eq!((attempt.outcome, attempt.cause.as_ref().unwrap().kind), (Outcome::Unanswered, kind));
        assert_eq!((attempt.called.user(), attempt.transferred_from.as_deref()), (target, Some("call-1")));
        world.hang_up(caller);
        let record = world.record_of("call-1");
        assert_eq!((record.called.user(), record.destination.as_deref()), ("bob", Some("bob")));
        assert_eq!((record.outcome, &record.transferred_to), (Outcome::Answered, &None));
        let figures = (record.caller_quality.packets_received, record.callee_quality.packets_received);
        assert_eq!(figures, (100, 101));
        world.assert_over();
    }
}

/// A platform that calls nobody back.
fn without_recall() -> World {
    World::with(switch::Config { recall: None, ..switch::Config::default() })
}

#[test]
fn who_asked_and_has_hung_up_is_called_back_where_the_target_does_not_answer() {
    for answers in [true, false] {
        let mut world = World::new();
        let (caller, callee) = world.connected();
        world.ask(callee, Command::Start, to("carol"));
        let carol = world.only();
        world.ring(carol);
        world.hang_up(callee);
        world.refuse(carol, CauseKind::Busy);
        assert_eq!(world.signaling.legs[&caller].phase, LegPhase::Answered, "it is not left alone");
        let back = world.only();
        let started = world.signaling.legs[&back].started.clone().unwrap();
        assert_eq!((world.target(back).as_str(), started.caller.user()), ("sip:bob@192.0.2.9", "alice"));
        world.ring(back);
        assert_eq!(world.session().builtin, Some((0, BuiltinKind::Ringback)));
        if answers {
            world.answer(back);
            assert_eq!(world.session().bridge, Some((0, 3)));
            world.hang_up(back);
        } else {
            world.run(Duration::from_secs(31));
            assert_eq!(world.signaling.legs[&back].phase, LegPhase::Released);
            assert_eq!(world.signaling.legs[&caller].cause.as_ref().unwrap().kind, CauseKind::NoAnswer);
        }
        let recalled = world.record_of("call-1~3");
        assert_eq!((recalled.caller.user(), recalled.called.user()), ("alice", "bob"));
        let outcome = if answers { Outcome::Answered } else { Outcome::Unanswered };
        assert_eq!((recalled.outcome, recalled.transferred_from.as_deref()), (outcome, Some("call-1")));
        assert_eq!(world.record_of("call-1~2").outcome, Outcome::Unanswered);
        assert_eq!(world.counter("recalls"), 1);
        world.assert_over();
    }
}

#[test]
fn who_is_called_back_for_may_hang_up_and_a_trunk_is_not_called_back() {
    let mut world = World::new();
    let (caller, callee) = world.connected();
    world.ask(callee, Command::Start, to("carol"));
    let carol = world.only();
    world.hang_up(callee);
    world.refuse(carol, CauseKind::Busy);
    let back = world.only();
    world.hang_up(caller);
    assert_eq!(world.signaling.legs[&back].phase, LegPhase::Released);
    world.assert_over();

    let mut world = World::new();
    let trunk = world.call("trunk:one", "bob");
    let bob = world.only();
    world.answer(bob);
    world.ask(trunk, Command::Start, to("carol"));
    let carol = world.only();
    world.hang_up(trunk);
    world.refuse(carol, CauseKind::Busy);
    assert_eq!(world.signaling.legs[&bob].phase, LegPhase::Released);
    world.assert_over();
}

#[test]
fn who_asked_hangs_up_while_the_target_rings() {
    for answers in [true, false] {
        let mut world = without_recall();
        let (caller, callee) = world.connected();
        world.ask(callee, Command::Start, to("carol"));
        let carol = world.only();
        world.ring(carol);
        world.run(Duration::from_secs(1));
        world.hang_up(callee);
        let left = world.now.wall;
        world.run(Duration::from_secs(1));
        assert_eq!(world.signaling.legs[&caller].phase, LegPhase::Answered, "who is transferred waits");
        assert_eq!(world.session().bridge, None);
        if answers {
            world.answer(carol);
            assert_eq!(world.session().bridge, Some((0, 2)));
            world.hang_up(carol);
        } else {
            world.refuse(carol, CauseKind::Busy);
            assert_eq!(world.signaling.legs[&caller].cause.as_ref().unwrap().kind, CauseKind::Busy);
        }
        let record = world.record_of("call-1");
        let kind = if answers { CauseKind::Transferred } else { CauseKind::Normal };
        assert_eq!((record.cause.as_ref().unwrap().kind, record.ended_by_caller), (kind, Some(false)));
        assert_eq!(record.ended, Some(left), "it ended when who asked left");
        let figures = (record.caller_quality.packets_received, record.callee_quality.packets_received);
        assert_eq!(figures, (40, 101));
        let next = world.record_of("call-1~2");
        assert_eq!(next.caller_quality.packets_received, if answers { 60 } else { 0 });
        world.assert_over();
    }
}

#[test]
fn who_is_transferred_hangs_up_while_the_target_rings() {
    let mut world = World::new();
    let (caller, callee) = world.connected();
    world.ask(callee, Command::Start, to("carol"));
    let carol = world.only();
    world.hang_up(caller);
    assert_eq!(world.signaling.legs[&carol].phase, LegPhase::Released);
    assert_eq!(world.signaling.legs[&callee].phase, LegPhase::Released);
    let attempt = world.record_of("call-1~2");
    let ended = (attempt.outcome, attempt.cause.as_ref().unwrap().kind, attempt.ended_by_caller);
    assert_eq!(ended, (Outcome::Unanswered, CauseKind::Cancelled, Some(true)));
    world.assert_over();
}

#[test]
fn to_a_service_and_from_one() {
    let mut world = World::new();
    let offer = audio(4000, &[opus(), pcma()], Direction::SendReceive);
    let caller = world.call_with("alice", "bob", Some(offer));
    let callee = world.only();
    world.answer_with(callee, &[opus()]);
    world.signaling.legs.get_mut(&caller).unwrap().codecs = vec![opus(), pcma()];
    world.ask(callee, Command::Start, to("milliwatt"));
    assert_eq!(world.session().builtin, Some((0, BuiltinKind::Milliwatt)));
    assert_eq!(world.plan(0).codecs[0], pcma(), "a service speaks G.711 alone");
    world.ask(caller, Command::Start, to("carol"));
    assert_eq!(world.last_answer(caller).failure().reason, Reason::Refused, "there is nobody to send on");
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn a_second_request_waits_its_turn() {
    let mut world = World::new();
    let (caller, callee) = world.connected();
    world.ask(callee, Command::Start, to("carol"));
    world.ask(caller, Command::Start, to("dave"));
    assert_eq!(world.failure(caller), CauseKind::Glare);
    world.run(Duration::from_secs(61));
    assert_eq!(world.failure(callee), CauseKind::Timeout);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn before_the_answer_nobody_is_transferred() {
    let mut world = World::new();
    let caller = world.call("alice", "bob");
    world.ask(caller, Command::Start, to("carol"));
    assert_eq!(world.last_answer(caller).failure().reason, Reason::Refused);
    world.hang_up(caller);
    world.assert_over();
}

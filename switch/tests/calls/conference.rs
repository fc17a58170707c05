//! Rooms of the plan, and calls that become conferences as somebody joins them (RFC 3911).

use crate::harness::*;
use router::parameter::*;
use router::{Address, Command, Instance, ModuleKind, Parameters, one};
use switch::Config;
use switch::plan::{Branches, Destination, NumberMatch, OriginMatch, Plan, Rewrite, Route};

fn room(name: &str) -> BuiltinKind {
    BuiltinKind::Conference(ConferenceName::room(name).unwrap())
}

/// `3…` is the room of that number, `sales` the one of that name.
fn world() -> World {
    let route = |name: &str, number, destination| Route {
        name: name.to_owned(),
        number,
        origin: OriginMatch::Any,
        hours: None,
        destination,
        branches: Branches::default(),
    };
    let routes = vec![
        route("rooms", NumberMatch::Prefix("3".to_owned()), Destination::Conference(Rewrite::NONE)),
        route("sales", NumberMatch::Exact("sales".to_owned()), Destination::Service(room("sales"))),
    ];
    World::with(Config { plan: Plan { routes, ..Plan::default() }, ..Config::default() })
}

fn offer(codecs: &[Codec]) -> Option<MediaDescription> {
    Some(audio(4200, codecs, Direction::SendReceive))
}

fn joins(leg: Instance) -> Option<Dialog> {
    Some(Dialog { join: true, ..dialog(leg) })
}

/// The seats that are taken, by session.
fn seats(world: &World) -> Vec<BuiltinKind> {
    let seats = world.voice.sessions.values().filter_map(|session| session.builtin.map(|(_, kind)| kind));
    seats.filter(|kind| matches!(kind, BuiltinKind::Conference(_))).collect()
}

/// What the operator is told.
fn convert(world: &mut World, call: &str, name: Option<&str>) -> Result<ConferenceName, Failure> {
    world.client.received.clear();
    let name = name.and_then(ConferenceName::of);
    let wanted = Conversion { leg: None, origin: Origin::Control, name };
    let selection = Selection { name: Some(call.to_owned()), ..Selection::default() };
    let parameters: Parameters = [Parameter::from(wanted), selection.into()].into_iter().collect();
    world.ask_as_client(Address::local(ModuleKind::Switch, 0), Command::Start, parameters);
    let answer = world.client.received.last().unwrap();
    match answer.first() {
        Some(Parameter::Conversion(converted)) if answer.command == Command::Done => Ok(converted.name.unwrap()),
        _ => Err(answer.failure()),
    }
}

#[test]
fn a_room_is_called_like_any_service() {
    let mut world = world();
    let legs = ["alice", "bob", "trunk:carrier"].map(|from| world.call(from, "3000"));
    assert_eq!(seats(&world), [room("3000"); 3]);
    let sales = world.call("carol", "sales");
    assert_eq!(seats(&world).last(), Some(&room("sales")));
    for leg in legs.into_iter().chain([sales]) {
        assert_eq!(world.signaling.legs[&leg].phase, LegPhase::Answered);
        assert!(matches!(world.described(leg), Some(MediaExchange::Answer(_))));
    }
    // Who holds and comes back stays a member.
    world.offer(legs[0], &[pcmu()], Direction::SendOnly);
    world.offer(legs[0], &[pcmu()], Direction::SendReceive);
    assert_eq!(seats(&world).len(), 4);
    legs.into_iter().chain([sales]).for_each(|leg| world.hang_up(leg));
    let record = world.record_of("call-1");
    assert_eq!((record.destination.as_deref(), record.outcome), (Some("conference:3000"), Outcome::Answered));
    world.assert_over();
}

#[test]
fn no_seat_no_sound_and_no_room_are_refused_before_the_answer() {
    let mut world = world();
    world.voice.conferences_full = true;
    let full = world.call("alice", "3000");
    assert_eq!(world.failure(full), CauseKind::Busy);
    world.voice.conferences_full = false;
    let foreign = world.call_with("alice", "3000", offer(&[opus()]));
    assert_eq!(world.failure(foreign), CauseKind::IncompatibleMedia);
    let unnamed = world.call("alice", "3 0");
    assert_eq!(world.failure(unnamed), CauseKind::UnknownNumber);
    world.voice.exhausted = true;
    let no_port = world.call("alice", "3000");
    assert_eq!(world.failure(no_port), CauseKind::Congestion);
    world.voice.exhausted = false;
    world.assert_over();
}

#[test]
fn who_joins_a_call_makes_it_a_conference_of_three() {
    let mut world = world();
    let (alice, bob) = world.connected();
    let port = world.session().ports.len();
    assert_eq!(port, 2);
    let other = world.call_into("alice", "bob", offer(&[pcmu(), events()]), joins(bob));
    let seats_taken = seats(&world);
    assert_eq!(seats_taken.len(), 3);
    assert!(seats_taken.iter().all(|seat| *seat == seats_taken[0]), "{seats_taken:?}");
    let BuiltinKind::Conference(name) = seats_taken[0] else { panic!("{seats_taken:?}") };
    assert!(name.is_of_calls());
    assert!(world.voice.sessions.values().all(|session| session.ports.len() == 1 && session.bridge.is_none()));
    let calls: std::collections::BTreeSet<_> =
        [alice, bob, other].iter().map(|leg| world.signaling.legs[leg].call.instance).collect();
    assert_eq!(calls.len(), 3, "a call each");
    // A fourth comes to the same one, by whichever leg.
    let fourth = world.call_into("bob", "x", offer(&[pcma()]), joins(other));
    assert_eq!(world.failure(fourth), CauseKind::Forbidden, "Bob is no party of that member's call");
    let fourth = world.call_into("alice", "x", offer(&[pcma()]), joins(other));
    assert_eq!(seats(&world), [seats_taken[0]; 4]);
    // Each leaves alone.
    world.hang_up(alice);
    assert_eq!(seats(&world).len(), 3);
    world.hang_up(fourth);
    world.hang_up(bob);
    // Whoever is left alone is released.
    let session = *world.voice.sessions.keys().next().unwrap();
    world.media_event_of(session, 0, MediaEventKind::Alone);
    assert_eq!(world.signaling.legs[&other].phase, LegPhase::Released);
    let first = world.record_of("call-1").clone();
    assert_eq!((first.called.user(), first.cause.unwrap().kind), ("bob", CauseKind::Transferred));
    let record = format!("conference:{name}");
    let of_bob = world.store.records.values().map(|writes| &writes.last().unwrap().1);
    let of_bob = of_bob.filter(|record| record.joined_from.as_deref() == Some("call-1")).collect::<Vec<_>>();
    assert_eq!(of_bob.len(), 1);
    assert_eq!(of_bob[0].origin, Origin::Account("bob".into()));
    assert_eq!(of_bob[0].destination.as_deref(), Some(record.as_str()));
    assert_eq!(of_bob[0].caller_quality.packets_received, 100 - 40, "what was counted before is the other record's");
    assert_eq!(world.record_of("call-1~2").destination.as_deref(), Some(record.as_str()));
    world.assert_over();
}

#[test]
fn in_a_room_one_waits_alone() {
    let mut world = world();
    let alice = world.call("alice", "3000");
    world.media_event(0, MediaEventKind::Alone);
    assert_eq!(world.signaling.legs[&alice].phase, LegPhase::Answered);
    world.hang_up(alice);
    world.assert_over();
}

#[test]
fn who_may_not_or_cannot_join_is_told_why() {
    let mut world = world();
    let (alice, bob) = world.connected();
    let stranger = world.call_into("carol", "bob", offer(&[pcmu()]), joins(bob));
    assert_eq!(world.failure(stranger), CauseKind::Forbidden);
    let unknown = Dialog { leg_id: "9999".to_owned(), join: true, ..dialog(bob) };
    let nobody = world.call_into("alice", "bob", offer(&[pcmu()]), Some(unknown.clone()));
    assert_eq!(world.last_answer(nobody).failure().reason, Reason::NotFound);
    // RFC 3911 §4: a conference that was called is as good as a dialog that is not there.
    let called = world.call_into("alice", "3000", offer(&[pcmu()]), Some(unknown));
    assert_eq!(world.signaling.legs[&called].phase, LegPhase::Answered);
    let foreign = world.call_into("alice", "bob", offer(&[opus()]), joins(bob));
    assert_eq!(world.failure(foreign), CauseKind::IncompatibleMedia);
    [alice, bob, called].into_iter().for_each(|leg| world.hang_up(leg));
    for session in world.voice.sessions.keys().copied().collect::<Vec<_>>() {
        world.media_event_of(session, 0, MediaEventKind::Alone);
    }
    world.assert_over();
}

#[test]
fn what_cannot_be_mixed_stays_a_call() {
    let mut world = world();
    let alice = world.call_with("alice", "bob", offer(&[opus()]));
    let bob = world.only();
    let early = world.call_into("alice", "bob", offer(&[pcmu()]), joins(bob));
    assert_eq!(world.failure(early), CauseKind::IncompatibleMedia, "nobody has answered");
    world.answer_with(bob, &[opus()]);
    let third = world.call_into("alice", "bob", offer(&[pcmu()]), joins(bob));
    assert_eq!(world.failure(third), CauseKind::IncompatibleMedia);
    assert_eq!(world.session().bridge, Some((0, 1)));
    world.hang_up(alice);
    world.assert_over();
}

#[test]
fn the_operator_makes_a_conference_of_a_call() {
    let mut world = world();
    let (alice, bob) = world.connected();
    let name = convert(&mut world, "call-1", Some("sales")).unwrap();
    assert_eq!(name.as_str(), "sales");
    assert_eq!(convert(&mut world, "call-1", None), Ok(name), "it is one already");
    let carol = world.call("carol", "sales");
    assert_eq!(seats(&world), [room("sales"); 3]);
    assert_eq!(convert(&mut world, "call-9", None).unwrap_err().reason, Reason::NotFound);
    [alice, bob, carol].into_iter().for_each(|leg| world.hang_up(leg));
    world.assert_over();
}

#[test]
fn one_who_is_sent_to_a_room_becomes_its_member() {
    let mut world = world();
    let (alice, bob) = world.connected();
    let transfer =
        Transfer { target: Party::new("3000", "example.net"), phase: LegPhase::Trying, cause: None, referred_by: None };
    world.ask(bob, Command::Start, transfer);
    assert_eq!(seats(&world), [room("3000")]);
    assert_eq!(world.signaling.legs[&alice].phase, LegPhase::Answered);
    world.hang_up(bob);
    assert_eq!(seats(&world), [room("3000")]);
    world.hang_up(alice);
    world.assert_over();
}

#[test]
fn a_member_invites_another_one() {
    let mut world = world();
    let alice = world.call("alice", "sales");
    let transfer = |to: &str| Transfer {
        target: Party::new(to, "example.net"),
        phase: LegPhase::Trying,
        cause: None,
        referred_by: None,
    };
    world.ask(alice, Command::Start, transfer("bob"));
    let bob = world.only();
    let shown = world.signaling.legs[&bob].started.as_ref().unwrap().caller.clone();
    assert_eq!(shown.user(), "alice");
    world.ring(bob);
    world.answer(bob);
    assert_eq!(seats(&world), [room("sales"); 2]);
    let answer = world.last_answer(alice);
    assert!(
        matches!(answer.first(), Some(Parameter::Transfer(done)) if done.phase == LegPhase::Answered),
        "{answer:?}"
    );
    // Who declines, or is not there, is none.
    for (to, cause) in
        [("carol", CauseKind::Busy), ("nobody", CauseKind::UnknownNumber), ("3000", CauseKind::Forbidden)]
    {
        world.ask(alice, Command::Start, transfer(to));
        if let Some(&leg) = world.ringing().first() {
            world.refuse(leg, cause);
        }
        assert_eq!(world.last_answer(alice).failure().cause.map(|cause| cause.kind), Some(cause), "{to}");
    }
    assert_eq!(seats(&world), [room("sales"); 2]);
    // Who invited may leave while it rings.
    world.ask(alice, Command::Start, transfer("carol"));
    let carol = world.only();
    world.hang_up(alice);
    world.answer(carol);
    assert_eq!(seats(&world), [room("sales"); 2]);
    world.hang_up(bob);
    world.hang_up(carol);
    world.assert_over();
}

#[test]
fn a_conversion_from_another_platform_is_refused() {
    let mut world = world();
    let (alice, _) = world.connected();
    let wanted = Conversion { leg: None, origin: Origin::Control, name: None };
    let call = world.signaling.legs[&alice].call;
    world.client.received.clear();
    world.ask_as_client(call, Command::Start, one(wanted));
    assert_eq!(world.client.received.last().unwrap().failure().reason, Reason::Refused);
    world.hang_up(alice);
    world.assert_over();
}

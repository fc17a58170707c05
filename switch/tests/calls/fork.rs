//! Several contacts, several members: answered first wins.

use crate::harness::*;
use router::parameter::*;
use router::time::{Duration, WallTime};
use switch::Config;
use switch::plan::*;

fn sales(strategy: Strategy) -> Config {
    let member = |account: &str, timeout| Member { account: account.into(), timeout };
    let members = vec![member("bob", Some(Duration::from_secs(5))), member("carol", None), member("dave", None)];
    let groups = vec![Group { name: "sales".into(), members, strategy }];
    Config { plan: Plan { groups, ..Plan::default() }, ..Config::default() }
}

fn desk_and_mobile() -> World {
    let mut world = World::new();
    world.signaling.registrations.insert("bob".into(), vec![contact("desk"), contact("mobile")]);
    world
}

#[test]
fn all_contacts_ring_and_the_first_to_answer_wins() {
    let mut world = desk_and_mobile();
    let caller = world.call("alice", "bob");
    let [desk, mobile] = world.ringing()[..] else { panic!() };
    assert_eq!(world.session().ports.len(), 3, "each leg has a port of its own");
    world.ring(desk);
    world.ring(mobile);
    let rings = world.signaling.answers.iter().filter(|(leg, _, packet)| {
        *leg == caller && matches!(packet.first(), Some(Parameter::LegState(state)) if state.phase == LegPhase::Ringing)
    });
    assert_eq!(rings.count(), 1, "the caller hears of ringing once");
    world.answer(mobile);
    assert_eq!(world.signaling.legs[&desk].cause.as_ref().unwrap().kind, CauseKind::AnsweredElsewhere);
    assert_eq!(world.session().bridge, Some((0, 2)));
    assert_eq!(world.session().ports.len(), 2);
    world.hang_up(mobile);
    assert_eq!(world.record().callee_quality.packets_received, 102);
    world.assert_over();
}

#[test]
fn two_answers_at_once_one_is_released() {
    let mut world = desk_and_mobile();
    let caller = world.call("alice", "bob");
    let [desk, mobile] = world.ringing()[..] else { panic!() };
    // Mobile's answer crosses the switch's `Stop`.
    let start = world.signaling.legs.get_mut(&mobile).unwrap().start.take().unwrap();
    world.answer(desk);
    world.signaling.legs.get_mut(&mobile).unwrap().phase = LegPhase::Answered;
    world.signaling.legs.get_mut(&mobile).unwrap().cause = None;
    let answer = MediaExchange::Answer(audio(9000, &[pcmu()], Direction::SendReceive));
    world.signaling.done(&start, LegState::new(LegPhase::Answered).with_media(Some(answer)));
    world.settle();
    assert_eq!(world.signaling.legs[&mobile].cause.as_ref().unwrap().kind, CauseKind::AnsweredElsewhere);
    assert_eq!(world.session().bridge, Some((0, 1)));
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn the_best_cause_of_a_fork_is_told() {
    let mut world = desk_and_mobile();
    let caller = world.call("alice", "bob");
    let [desk, mobile] = world.ringing()[..] else { panic!() };
    world.refuse(desk, CauseKind::Busy);
    assert_eq!(world.signaling.legs[&caller].phase, LegPhase::Trying, "the other still rings");
    world.refuse(mobile, CauseKind::Timeout);
    assert_eq!(world.failure(caller), CauseKind::Busy);
    world.assert_over();
}

#[test]
fn a_6xx_ends_every_place_of_its_user() {
    let mut world = desk_and_mobile();
    let caller = world.call("alice", "bob");
    let [desk, mobile] = world.ringing()[..] else { panic!() };
    world.refuse(desk, Cause { code: Some(603), ..Cause::new(CauseKind::Declined) });
    assert_eq!(world.signaling.legs[&mobile].phase, LegPhase::Released);
    assert_eq!(world.last_answer(caller).failure().cause.unwrap().code, Some(603));
    world.assert_over();
}

#[test]
fn a_group_rings_at_once_and_each_member_has_its_time() {
    let mut world = World::with(sales(Strategy::RingAll));
    let caller = world.call("alice", "sales");
    let [bob, carol] = world.ringing()[..] else { panic!() };
    world.ring(bob);
    world.ring(carol);
    world.run(Duration::from_secs(6));
    assert_eq!(world.signaling.legs[&bob].phase, LegPhase::Released, "five seconds are bob's");
    world.refuse(carol, Cause { code: Some(603), ..Cause::new(CauseKind::Declined) });
    assert_eq!(world.failure(caller), CauseKind::NoAnswer, "bob's telephone rang out: carol speaks for herself");
    world.assert_over();
}

#[test]
fn a_decline_of_one_member_is_not_the_groups() {
    let mut world = World::with(sales(Strategy::RingAll));
    let caller = world.call("alice", "sales");
    let [bob, carol] = world.ringing()[..] else { panic!() };
    world.refuse(bob, Cause { code: Some(603), ..Cause::new(CauseKind::Declined) });
    world.answer(carol);
    assert_eq!(world.signaling.legs[&caller].phase, LegPhase::Answered);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn a_group_rings_one_after_another() {
    let mut world = World::with(sales(Strategy::OneAfterAnother));
    let caller = world.call("alice", "sales");
    let bob = world.only();
    world.ring(bob);
    world.run(Duration::from_secs(6));
    let carol = world.only();
    assert_ne!(bob, carol);
    world.refuse(carol, CauseKind::Busy);
    assert_eq!(world.failure(caller), CauseKind::NoAnswer, "bob's telephone rang out");
    let caller = world.call("alice", "sales");
    let bob = world.only();
    world.refuse(bob, CauseKind::Timeout);
    let carol = world.only();
    world.refuse(carol, CauseKind::Busy);
    assert_eq!(world.failure(caller), CauseKind::Busy, "dave is not registered; busy tells more");
    world.assert_over();
}

#[test]
fn a_clock_that_was_put_forward_silences_no_phone() {
    let mut world = World::new();
    let registered = Contact { expires: world.now.wall, ..contact("bob") };
    world.signaling.registrations.insert("bob".into(), vec![registered]);
    world.now.wall = WallTime(world.now.wall.0 + 86_400_000_000);
    let caller = world.call("alice", "bob");
    assert_eq!(world.ringing().len(), 1, "who is registered is the registrar's to say");
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn a_thousand_contacts_are_not_a_thousand_legs() {
    let mut world = World::new();
    let contacts = (0..1000).map(|number| contact(&number.to_string())).collect();
    world.signaling.registrations.insert("bob".into(), contacts);
    let caller = world.call("alice", "bob");
    assert_eq!(world.ringing().len(), switch::limits::FORK_LEGS);
    world.hang_up(caller);
    world.assert_over();
}

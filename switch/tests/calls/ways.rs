//! Legs whose ways have come to nothing (ICE), and are looked for anew.

use crate::harness::*;
use router::Command;
use router::parameter::*;
use router::time::Duration;

fn seeks_anew(exchange: Option<&MediaExchange>) -> bool {
    matches!(exchange, Some(MediaExchange::Offer(offer)) if offer.streams[0].seeks_anew)
}

#[test]
fn a_leg_that_is_not_reached_is_offered_once_to_begin_anew() {
    let mut world = World::new();
    let (caller, callee) = world.connected();
    world.signaling.answers_sets = false;
    world.media_event(1, MediaEventKind::Unreachable);
    let set = world.signaling.sets.remove(0);
    let Some(Parameter::LegState(state)) = set.first().cloned() else { panic!("{set:?}") };
    assert!(seeks_anew(state.media.as_ref()), "{state:?}");
    assert_eq!(world.counter("ways_sought_anew"), 1);
    // Its answer has other names.
    let Some(MediaExchange::Offer(offer)) = &state.media else { panic!() };
    let mut answer = answer_to(offer, &[pcmu()], 7000, Direction::SendReceive).unwrap();
    let name = |name: &str| IceCredentials { fragment: name.to_owned(), password: name.repeat(8) };
    answer.streams[0].ice = Some(Box::new(IceParameters {
        local: name("ours"),
        remote: name("theirs"),
        candidates: vec![],
        is_lite: false,
        is_remote_lite: false,
        is_controlling: true,
        nominates_once: true,
    }));
    let answered = LegState::new(LegPhase::Answered).with_media(Some(MediaExchange::Answer(answer)));
    // The other leg follows where less was taken.
    world.signaling.answers_sets = true;
    world.signaling.done(&set, answered);
    world.settle();
    assert_eq!(world.plan(1).ice.as_ref().map(|ice| ice.remote.fragment.as_str()), Some("theirs"));
    world.run(Duration::from_secs(30));
    assert_eq!(world.switch.calls(), 1, "it is found");
    // What is found is said in the next offer, and that begins nothing.
    let at = "198.51.100.7:4000".parse().unwrap();
    world.media_event(1, MediaEventKind::Reached(vec![at]));
    world.offer(caller, &[pcmu(), events()], Direction::SendOnly);
    let heard = world.signaling.legs[&callee].heard.clone();
    assert!(!seeks_anew(heard.as_ref()));
    assert_eq!(heard.unwrap().description().streams[0].chosen_ways, [at]);
    world.offer(caller, &[pcmu(), events()], Direction::SendReceive);
    world.media_event(1, MediaEventKind::Unreachable);
    assert_eq!(world.switch.calls(), 0, "half a minute later it is given up");
    assert_eq!(world.record().cause.as_ref().unwrap().kind, CauseKind::MediaTimeout);
    world.assert_over();
}

#[test]
fn who_does_not_begin_anew_is_given_up() {
    for refuses in [true, false] {
        let mut world = World::new();
        world.connected();
        world.signaling.answers_sets = false;
        world.media_event(0, MediaEventKind::Unreachable);
        let set = world.signaling.sets.remove(0);
        if refuses {
            world.signaling.failed(&set, Failure::because(CauseKind::IncompatibleMedia.into()));
            world.settle();
        } else {
            assert_eq!(world.switch.calls(), 1);
            world.run(Duration::from_secs(11));
        }
        assert_eq!(world.switch.calls(), 0, "{refuses}");
        assert_eq!(world.record().cause.as_ref().unwrap().kind, CauseKind::MediaTimeout);
        world.assert_over();
    }
}

fn to_carol() -> Transfer {
    Transfer { target: Party::new("carol", ""), phase: LegPhase::Trying, cause: None, referred_by: None }
}

#[test]
fn whose_ways_had_died_and_has_left_by_a_transfer_ends_nothing() {
    let mut world = World::new();
    let (_, callee) = world.connected();
    world.ask(callee, Command::Start, to_carol());
    let carol = world.only();
    world.ring(carol);
    world.media_event(1, MediaEventKind::Unreachable);
    world.run(Duration::from_secs(25));
    assert_eq!(world.switch.calls(), 1, "it rings");
    world.answer(carol);
    assert_eq!(world.session().bridge, Some((0, 2)));
    world.run(Duration::from_secs(30));
    assert_eq!(world.switch.calls(), 1, "they talk");
    world.hang_up(carol);
    world.assert_over();
}

#[test]
fn what_had_to_wait_for_a_transfer_has_its_time_afterwards() {
    let mut world = World::new();
    let (_, callee) = world.connected();
    world.ask(callee, Command::Start, to_carol());
    let carol = world.only();
    world.ring(carol);
    world.signaling.answers_sets = false;
    world.media_event(0, MediaEventKind::Unreachable);
    world.run(Duration::from_secs(25));
    assert!(world.signaling.sets.is_empty(), "where it will be connected is not known yet");
    world.answer(carol);
    let sets = std::mem::take(&mut world.signaling.sets);
    let seeking = sets.iter().filter(|set| match set.first() {
        Some(Parameter::LegState(state)) => seeks_anew(state.media.as_ref()),
        _ => false,
    });
    assert_eq!(seeking.count(), 1, "{sets:?}");
    world.run(Duration::from_secs(4));
    assert_eq!(world.switch.calls(), 1);
    world.run(Duration::from_secs(20));
    assert_eq!(world.switch.calls(), 0, "it did not begin anew");
    assert_eq!(world.record_of("call-1~2").cause.as_ref().unwrap().kind, CauseKind::MediaTimeout);
    world.assert_over();
}

//! Legs whose ways have come to nothing (ICE), and are looked for anew.

use crate::harness::*;
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

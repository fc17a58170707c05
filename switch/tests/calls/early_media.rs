//! What a ringing leg sends is heard.

use crate::harness::*;
use router::parameter::*;

fn early(codecs: &[Codec], port: u16) -> LegState {
    let answer = MediaExchange::Answer(audio(port, codecs, Direction::SendReceive));
    LegState::new(LegPhase::Early).with_media(Some(answer))
}

fn offer() -> Option<MediaDescription> {
    Some(audio(4000, &[pcmu(), pcma()], Direction::SendReceive))
}

#[test]
fn early_media_is_joined_and_the_answer_stands() {
    let mut world = World::new();
    let caller = world.call_with("alice", "bob", offer());
    let callee = world.only();
    world.progress(callee, early(&[pcma()], 8000));
    assert_eq!(world.signaling.legs[&caller].phase, LegPhase::Early);
    let told = world.described(caller);
    assert_eq!(codec_names(told.as_ref()), ["PCMA"]);
    assert_eq!(world.session().bridge, Some((0, 1)));
    assert_eq!(world.plan(1).silence_limit_ms, None, "nobody has to speak before the answer");
    world.answer_with(callee, &[pcma()]);
    assert_eq!(world.described(caller), told, "the answer is what was told early");
    assert_eq!(world.plan(1).silence_limit_ms, Some(60_000));
    assert!(world.signaling.sets.is_empty());
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn an_answer_without_description_takes_the_early_one() {
    let mut world = World::new();
    let caller = world.call_with("alice", "bob", offer());
    let callee = world.only();
    world.progress(callee, early(&[pcma()], 8000));
    let start = world.signaling.legs.get_mut(&callee).unwrap().start.take().unwrap();
    world.signaling.legs.get_mut(&callee).unwrap().phase = LegPhase::Answered;
    world.signaling.done(&start, LegState::new(LegPhase::Answered));
    world.settle();
    assert_eq!(codec_names(world.described(caller).as_ref()), ["PCMA"]);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn one_phone_is_heard_early_and_another_answers_in_another_codec() {
    let mut world = World::new();
    world.signaling.registrations.insert("bob".into(), vec![contact("desk"), contact("mobile")]);
    let caller = world.call_with("alice", "bob", offer());
    let [desk, mobile] = world.ringing()[..] else { panic!() };
    world.progress(desk, early(&[pcma()], 8000));
    world.progress(mobile, early(&[pcmu()], 8002));
    assert_eq!(world.session().bridge, Some((0, 1)), "the first is heard");
    world.answer_with(mobile, &[pcmu()]);
    // RFC 3261 §13.2.1: the caller keeps to the first answer of its INVITE, so the other codec follows by an offer.
    assert_eq!(world.session().bridge, Some((0, 2)));
    assert!(matches!(world.signaling.legs[&caller].heard, Some(MediaExchange::Offer(_))));
    assert_eq!(codec_names(world.signaling.legs[&caller].heard.as_ref()), ["PCMU"]);
    assert_eq!(world.plan(0).codecs, [pcmu()]);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn the_leg_that_was_heard_fails_and_the_next_is_heard() {
    let mut world = World::new();
    world.signaling.registrations.insert("bob".into(), vec![contact("desk"), contact("mobile")]);
    let caller = world.call_with("alice", "bob", offer());
    let [desk, mobile] = world.ringing()[..] else { panic!() };
    world.progress(desk, early(&[pcmu()], 8000));
    world.refuse(desk, CauseKind::Busy);
    assert_eq!(world.session().bridge, None);
    world.progress(mobile, early(&[pcmu()], 8002));
    assert_eq!(world.session().bridge, Some((0, 2)));
    world.answer_with(mobile, &[pcmu()]);
    assert_eq!(world.signaling.legs[&caller].phase, LegPhase::Answered);
    world.hang_up(caller);
    world.assert_over();
}

//! INVITE and re-INVITE without an offer.

use crate::harness::*;
use router::Command;
use router::parameter::*;
use router::time::Duration;

fn answered(port: u16, codecs: &[Codec], direction: Direction) -> LegState {
    let answer = MediaExchange::Answer(audio(port, codecs, direction));
    LegState::new(LegPhase::Answered).with_media(Some(answer))
}

#[test]
fn the_callees_offer_and_the_callers_answer_are_passed_through() {
    let mut world = World::new();
    let caller = world.call_with("alice", "bob", None);
    let callee = world.only();
    assert_eq!(world.signaling.legs[&callee].started.as_ref().unwrap().media, None);
    world.answer_with(callee, &[opus(), pcma()]);
    let Some(MediaExchange::Offer(offer)) = world.described(caller) else { panic!() };
    assert_eq!(offer.streams[0].rtp.unwrap().port(), 20_000);
    assert_eq!(world.session().bridge, None, "nothing is agreed yet");
    world.ask(caller, Command::Set, answered(4000, &[pcma()], Direction::SendReceive));
    assert_eq!(world.last_answer(caller).command, Command::Done);
    let Some(MediaExchange::Answer(answer)) = &world.signaling.legs[&callee].heard else { panic!() };
    assert_eq!(answer.streams[0].codecs, [pcma()]);
    assert_eq!(answer.streams[0].rtp.unwrap().port(), 20_002);
    assert_eq!(world.session().bridge, Some((0, 1)));
    world.hang_up(callee);
    world.assert_over();
}

#[test]
fn a_caller_that_never_answers_the_offer_is_released() {
    let mut world = World::new();
    let caller = world.call_with("alice", "bob", None);
    let callee = world.only();
    world.answer(callee);
    world.run(Duration::from_secs(36));
    assert_eq!(world.signaling.legs[&caller].cause.as_ref().unwrap().kind, CauseKind::Timeout);
    world.assert_over();
}

#[test]
fn a_caller_that_answers_nonsense_is_released() {
    let mut world = World::new();
    let caller = world.call_with("alice", "bob", None);
    let callee = world.only();
    world.answer(callee);
    world.ask(caller, Command::Set, answered(4000, &[opus()], Direction::SendReceive));
    assert_eq!(world.failure(caller), CauseKind::IncompatibleMedia);
    assert_eq!(world.signaling.legs[&callee].phase, LegPhase::Released);
    world.assert_over();
}

#[test]
fn a_service_offers_its_own() {
    let mut world = World::new();
    let caller = world.call_with("alice", "echo", None);
    assert_eq!(codec_names(world.described(caller).as_ref()), ["PCMA", "PCMU"]);
    world.ask(caller, Command::Set, answered(4000, &[pcmu()], Direction::SendReceive));
    assert_eq!(world.session().builtin, Some((0, BuiltinKind::Echo)));
    assert_eq!(world.plan(0).codecs, [pcmu()]);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn a_re_invite_without_offer_is_offered_the_session_and_may_change_it() {
    let mut world = World::new();
    let (caller, callee) = world.connected();
    world.ask(caller, Command::Set, LegState::new(LegPhase::Answered));
    let Some(MediaExchange::Offer(offer)) = world.described(caller) else { panic!() };
    assert_eq!(codec_names(Some(&MediaExchange::Offer(offer))), ["PCMU", "telephone-event"]);
    world.offer(callee, &[pcmu()], Direction::SendOnly);
    assert_eq!(world.failure(callee), CauseKind::Glare, "an offer is out");
    world.signaling.legs.get_mut(&callee).unwrap().direction = Direction::SendReceive;
    world.ask(caller, Command::Set, answered(4600, &[pcmu(), events()], Direction::SendOnly));
    assert_eq!(world.last_answer(caller).command, Command::Done);
    assert_eq!(direction(world.signaling.legs[&callee].heard.as_ref()), Some(Direction::SendOnly), "a hold");
    assert_eq!(world.plan(0).remote_rtp.unwrap().port(), 4600);
    // Retrieved the same way: the offer is what the other side wants, not what was left.
    world.ask(caller, Command::Set, LegState::new(LegPhase::Answered));
    world.ask(caller, Command::Set, answered(4600, &[pcmu(), events()], Direction::SendReceive));
    world.run_ms(100);
    assert_eq!(direction(world.signaling.legs[&callee].heard.as_ref()), Some(Direction::SendReceive));
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn an_offer_that_is_never_answered_leaves_the_session_as_it_was() {
    let mut world = World::new();
    let (caller, callee) = world.connected();
    world.ask(caller, Command::Set, LegState::new(LegPhase::Answered));
    world.run(Duration::from_secs(36));
    assert_eq!(world.switch.calls(), 1);
    world.offer(callee, &[pcmu(), events()], Direction::SendOnly);
    assert_eq!(world.last_answer(callee).command, Command::Done);
    world.hang_up(caller);
    world.assert_over();
}

//! What a leg that is answered hears while another one rings for it.

use crate::harness::*;
use router::parameter::*;
use router::{Address, Command, Instance, ModuleKind, one};

fn to(target: &str) -> Transfer {
    Transfer { target: Party::new(target, ""), phase: LegPhase::Trying, cause: None, referred_by: None }
}

fn early(codecs: &[Codec]) -> LegState {
    let answer = MediaExchange::Answer(audio(8000, codecs, Direction::SendReceive));
    LegState::new(LegPhase::Early).with_media(Some(answer))
}

fn originate(world: &mut World) -> (Instance, Instance) {
    let switch = Address::local(ModuleKind::Switch, 0).at(Instance(77));
    world.ask_as_client(switch, Command::Start, one(Originate { from: "alice".into(), to: "bob".into() }));
    let alice = world.only();
    world.answer_with(alice, &[pcmu(), events()]);
    (alice, world.only())
}

const TONE: BuiltinKind = BuiltinKind::Ringback;

#[test]
fn the_first_party_hears_the_second_ring() {
    let mut world = World::new();
    let (alice, bob) = originate(&mut world);
    assert_eq!(world.session().builtin, None, "nothing rings yet");
    world.ring(bob);
    assert_eq!(world.session().builtin, Some((0, TONE)));
    assert!(world.plan(0).sends);
    world.ring(bob);
    let starts = world.voice.log.iter().filter(|line| line.contains("Start")).count();
    assert_eq!(starts, 1, "it is begun once");
    world.answer(bob);
    assert_eq!((world.session().builtin, world.session().bridge), (None, Some((0, 1))));
    world.hang_up(alice);
    world.assert_over();
}

#[test]
fn early_media_takes_the_tone_s_place_and_the_tone_its() {
    let mut world = World::new();
    world.signaling.registrations.insert("bob".into(), vec![contact("desk"), contact("mobile")]);
    let switch = Address::local(ModuleKind::Switch, 0).at(Instance(77));
    world.ask_as_client(switch, Command::Start, one(Originate { from: "alice".into(), to: "bob".into() }));
    let alice = world.only();
    world.answer_with(alice, &[pcmu(), events()]);
    let [desk, mobile] = world.ringing()[..] else { panic!() };
    world.ring(mobile);
    assert_eq!(world.session().builtin, Some((0, TONE)));
    world.progress(desk, early(&[pcmu()]));
    assert_eq!((world.session().builtin, world.session().bridge), (None, Some((0, 1))));
    world.refuse(desk, CauseKind::Busy);
    assert_eq!((world.session().builtin, world.session().bridge), (Some((0, TONE)), None), "the mobile rings still");
    world.answer(mobile);
    assert_eq!((world.session().builtin, world.session().bridge), (None, Some((0, 2))));
    world.hang_up(alice);
    world.assert_over();
}

#[test]
fn early_media_that_the_first_party_does_not_speak_is_no_ringing_tone() {
    let mut world = World::new();
    let (alice, bob) = originate(&mut world);
    world.signaling.legs.get_mut(&alice).unwrap().codecs = vec![pcmu(), pcma()];
    let answer = MediaExchange::Answer(audio(8000, &[pcma()], Direction::SendReceive));
    world.progress(bob, LegState::new(LegPhase::Early).with_media(Some(answer)));
    assert_eq!((world.session().builtin, world.session().bridge), (Some((0, TONE)), None));
    world.hang_up(alice);
    world.assert_over();
}

#[test]
fn who_speaks_no_g711_waits_in_silence() {
    let mut world = World::new();
    let switch = Address::local(ModuleKind::Switch, 0).at(Instance(77));
    world.ask_as_client(switch, Command::Start, one(Originate { from: "alice".into(), to: "bob".into() }));
    let alice = world.only();
    world.answer_with(alice, &[opus()]);
    let bob = world.only();
    world.ring(bob);
    assert_eq!(world.session().builtin, None);
    world.answer_with(bob, &[opus()]);
    assert_eq!(world.session().bridge, Some((0, 1)));
    world.hang_up(alice);
    world.assert_over();
}

#[test]
fn who_is_transferred_hears_the_target_once_it_is_left_alone() {
    let mut world = World::new();
    let (caller, callee) = world.connected();
    world.ask(callee, Command::Start, to("carol"));
    let carol = world.only();
    world.ring(carol);
    assert_eq!((world.session().builtin, world.session().bridge), (None, Some((0, 1))), "they talk");
    world.hang_up(callee);
    assert_eq!((world.session().builtin, world.session().bridge), (Some((0, TONE)), None));
    world.progress(carol, early(&[pcmu()]));
    assert_eq!((world.session().builtin, world.session().bridge), (None, Some((0, 2))), "what the target sends");
    // The answer is the early one.
    let start = world.signaling.legs.get_mut(&carol).unwrap().start.take().unwrap();
    world.signaling.legs.get_mut(&carol).unwrap().phase = LegPhase::Answered;
    world.signaling.done(&start, LegState::new(LegPhase::Answered));
    world.settle();
    assert_eq!((world.session().builtin, world.session().bridge), (None, Some((0, 2))));
    world.hang_up(caller);
    assert_eq!(world.record_of("call-1~2").outcome, Outcome::Answered);
    world.assert_over();
}

#[test]
fn who_is_on_hold_hears_the_target_ring_and_the_talk_goes_on_where_that_fails() {
    for by_caller in [true, false] {
        let mut world = World::new();
        let (caller, callee) = world.connected();
        let (by, port) = if by_caller { (caller, 1) } else { (callee, 0) };
        world.offer(by, &[pcmu(), events()], Direction::SendOnly);
        world.ask(by, Command::Start, to("carol"));
        let carol = world.only();
        assert_eq!(world.session().bridge, Some((0, 1)));
        world.ring(carol);
        assert_eq!((world.session().builtin, world.session().bridge), (Some((port, TONE)), None));
        assert!(world.plan(port).sends);
        // Retrieved: they talk again, whatever rings.
        world.offer(by, &[pcmu(), events()], Direction::SendReceive);
        assert_eq!((world.session().builtin, world.session().bridge), (None, Some((0, 1))));
        world.offer(by, &[pcmu(), events()], Direction::SendOnly);
        assert_eq!((world.session().builtin, world.session().bridge), (Some((port, TONE)), None));
        world.refuse(carol, CauseKind::Busy);
        assert_eq!(world.failure(by), CauseKind::Busy);
        assert_eq!((world.session().builtin, world.session().bridge), (None, Some((0, 1))));
        world.hang_up(caller);
        world.assert_over();
    }
}

#[test]
fn a_held_one_that_the_target_s_early_media_reached_goes_back_where_that_fails() {
    let mut world = World::new();
    let (caller, callee) = world.connected();
    world.offer(caller, &[pcmu(), events()], Direction::SendOnly);
    world.ask(caller, Command::Start, to("carol"));
    let carol = world.only();
    world.progress(carol, early(&[pcmu()]));
    assert_eq!(world.session().bridge, Some((1, 2)));
    world.refuse(carol, CauseKind::Declined);
    assert_eq!(world.session().bridge, Some((0, 1)));
    world.offer(caller, &[pcmu(), events()], Direction::SendReceive);
    assert!(world.plan(0).sends && world.plan(1).sends);
    world.hang_up(callee);
    world.assert_over();
}

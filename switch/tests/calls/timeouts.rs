//! Everything ends in bounded time.

use crate::harness::*;
use router::parameter::*;
use router::time::Duration;
use switch::Config;

#[test]
fn set_up_ends_after_its_time() {
    let config = Config { setup_timeout: Duration::from_secs(30), ..Config::default() };
    let mut world = World::with(config);
    let caller = world.call("alice", "bob");
    let callee = world.only();
    world.ring(callee);
    world.run(Duration::from_secs(31));
    assert_eq!(world.failure(caller), CauseKind::NoAnswer);
    assert_eq!(world.signaling.legs[&callee].phase, LegPhase::Released);
    world.assert_over();
}

#[test]
fn the_longest_call() {
    let mut world = World::with(Config { length_max: Some(Duration::from_secs(3600)), ..Config::default() });
    let (caller, _) = world.connected();
    world.run(Duration::from_secs(3601));
    assert_eq!(world.signaling.legs[&caller].cause.as_ref().unwrap().kind, CauseKind::TooLong);
    assert_eq!(world.record().ended_by_caller, None);
    world.assert_over();
}

#[test]
fn silence_without_a_reason_ends_the_call() {
    let mut world = World::new();
    let (caller, _) = world.connected();
    world.media_event(7, MediaEventKind::Silent);
    assert_eq!(world.switch.calls(), 1, "of a port that there is not");
    world.media_event(1, MediaEventKind::Silent);
    assert_eq!(world.signaling.legs[&caller].cause.as_ref().unwrap().kind, CauseKind::MediaTimeout);
    world.assert_over();
}

#[test]
fn comfort_noise_explains_silence() {
    let mut world = World::new();
    let codecs = [pcmu(), Codec::new(13, "CN", 8000)];
    let caller = world.call_with("alice", "bob", Some(audio(4000, &codecs, Direction::SendReceive)));
    let callee = world.only();
    world.answer_with(callee, &codecs);
    assert_eq!(world.plan(0).silence_limit_ms, None);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn comfort_noise_explains_silence_at_a_service() {
    let mut world = World::new();
    let codecs = [pcmu(), Codec::new(13, "CN", 8000)];
    let caller = world.call_with("alice", "echo", Some(audio(4000, &codecs, Direction::SendReceive)));
    assert_eq!(codec_names(world.described(caller).as_ref()), ["PCMU", "CN"]);
    assert_eq!(world.plan(0).silence_limit_ms, None);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn who_is_silent_at_a_service_is_asked_whether_it_is_there() {
    let mut world = World::new();
    let caller = world.call_with("alice", "echo", Some(audio(4000, &[pcmu()], Direction::SendReceive)));
    assert_eq!(world.plan(0).silence_limit_ms, Some(60_000));
    world.media_event(0, MediaEventKind::Silent);
    assert_eq!((world.switch.calls(), &world.signaling.asked), (1, &vec![caller]));
    world.run(Duration::from_secs(121));
    assert_eq!((world.switch.calls(), &world.signaling.asked), (1, &vec![caller; 2]), "and now and then");
    world.hang_up(caller);
    world.assert_over();
    // Where nobody is ever asked, silence tells.
    let mut world = World::with(Config { supervision: None, ..Config::default() });
    let caller = world.call_with("alice", "echo", Some(audio(4000, &[pcmu()], Direction::SendReceive)));
    world.media_event(0, MediaEventKind::Silent);
    assert_eq!(world.signaling.legs[&caller].cause.as_ref().unwrap().kind, CauseKind::MediaTimeout);
    world.assert_over();
}

#[test]
fn a_broken_session_ends_the_call() {
    let mut world = World::new();
    let (caller, _) = world.connected();
    world.media_event(0, MediaEventKind::Broken);
    assert_eq!(world.signaling.legs[&caller].cause.as_ref().unwrap().kind, CauseKind::Internal);
    world.assert_over();
}

#[test]
fn shutting_down_ends_every_call() {
    let mut world = World::new();
    world.connected();
    world.call("carol", "echo");
    world.call("carol", "bob");
    world.switch.hang_up_all(world.now);
    world.settle();
    assert_eq!(world.switch.calls(), 0);
    world.assert_over();
}

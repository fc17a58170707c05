//! Legs that have no sound in common.

use crate::harness::*;
use router::parameter::*;
use router::time::Duration;
use router::{Command, Instance};
use switch::{Config, Transcoding};

fn gsm() -> Codec {
    Codec::new(3, "GSM", 8000)
}

fn transcoding() -> Transcoding {
    let served = vec![opus(), pcma(), pcmu()];
    Transcoding { offered: served.clone(), served, ..Transcoding::default() }
}

fn world() -> World {
    World::with(Config { transcoding: transcoding(), ..Config::default() })
}

fn offer(codecs: &[Codec]) -> Option<MediaDescription> {
    Some(audio(4000, codecs, Direction::SendReceive))
}

/// The leg's peer can do with nothing that it was offered.
fn refuse_offer(world: &mut World, leg: Instance) {
    let cause = Cause { code: Some(488), ..Cause::new(CauseKind::IncompatibleMedia) };
    world.signaling.legs.get_mut(&leg).unwrap().heard = None;
    world.progress(leg, LegState { cause: Some(cause), ..LegState::new(LegPhase::Trying) });
}

fn heard(world: &World, leg: Instance) -> Vec<String> {
    codec_names(world.signaling.legs[&leg].heard.as_ref())
}

fn planned(world: &World, port: u16) -> Vec<String> {
    world.plan(port).codecs.iter().map(|codec| codec.name.as_str().to_owned()).collect()
}

/// Alice has this, Bob that.
fn connected(world: &mut World, has: &[Codec], other: &[Codec]) -> (Instance, Instance) {
    let caller = world.call_with("alice", "bob", offer(has));
    let callee = world.only();
    refuse_offer(world, callee);
    world.ring(callee);
    world.answer_with(callee, other);
    world.signaling.legs.get_mut(&callee).unwrap().codecs = other.to_vec();
    (caller, callee)
}

#[test]
fn who_refuses_what_the_caller_can_is_offered_ours_too_and_both_keep_their_own() {
    let mut world = world();
    let caller = world.call_with("alice", "bob", offer(&[pcmu(), events()]));
    let callee = world.only();
    let started = world.signaling.legs[&callee].started.as_ref().unwrap().media.clone();
    assert_eq!(codec_names(started.as_ref()), ["PCMU", "telephone-event"], "first as it is");
    refuse_offer(&mut world, callee);
    let wider = ["PCMU", "telephone-event", "opus", "PCMA", "telephone-event"];
    assert_eq!(heard(&world, callee), wider);
    world.ring(callee);
    let keys = Codec { clock_rate_hz: 48_000, payload_type: 110, ..events() };
    world.answer_with(callee, &[opus(), keys]);
    assert_eq!(codec_names(world.described(caller).as_ref()), ["PCMU", "telephone-event"]);
    assert!(world.signaling.sets.is_empty(), "nobody is asked once more");
    assert_eq!(world.session().bridge, Some((0, 1)));
    assert_eq!(planned(&world, 0), ["PCMU", "telephone-event"]);
    assert_eq!(planned(&world, 1), ["opus", "telephone-event"]);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn where_nothing_can_be_coded_there_is_no_second_offer() {
    for (config, has) in [
        (Config { transcoding: transcoding(), ..Config::default() }, gsm()),
        (Config::default(), pcmu()),
        (
            Config {
                transcoding: Transcoding { accounts: [("bob".to_owned(), vec![])].into(), ..transcoding() },
                ..Config::default()
            },
            pcmu(),
        ),
    ] {
        let mut world = World::with(config);
        let caller = world.call_with("alice", "bob", offer(&[has]));
        let callee = world.only();
        refuse_offer(&mut world, callee);
        assert_eq!(world.signaling.legs[&callee].heard, None);
        world.refuse(callee, Cause { code: Some(488), ..Cause::new(CauseKind::IncompatibleMedia) });
        assert_eq!(world.failure(caller), CauseKind::IncompatibleMedia);
        world.assert_over();
    }
}

#[test]
fn what_is_offered_is_an_accounts_and_a_trunks_own_and_may_come_at_once() {
    let accounts = [("bob".to_owned(), vec![pcma()])].into();
    let config = Transcoding { accounts, at_once: true, ..transcoding() };
    let mut world = World::with(Config { transcoding: config, ..Config::default() });
    let caller = world.call_with("alice", "bob", offer(&[opus()]));
    let started = world.signaling.legs[&world.only()].started.as_ref().unwrap().media.clone();
    assert_eq!(codec_names(started.as_ref()), ["opus", "PCMA", "telephone-event"]);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn an_offer_in_an_answer_is_widened_as_there_is_no_second_one() {
    let mut world = world();
    let caller = world.call_with("alice", "bob", None);
    let callee = world.only();
    world.answer_with(callee, &[opus()]);
    let wider = ["opus", "PCMA", "PCMU", "telephone-event", "telephone-event"];
    assert_eq!(codec_names(world.described(caller).as_ref()), wider);
    let answer = MediaExchange::Answer(audio(4000, &[pcmu()], Direction::SendReceive));
    world.ask(caller, Command::Set, LegState::new(LegPhase::Answered).with_media(Some(answer)));
    assert_eq!(heard(&world, callee), ["opus"], "its own is the answer");
    assert_eq!((planned(&world, 0), planned(&world, 1)), (vec!["PCMU".to_owned()], vec!["opus".to_owned()]));
    world.hang_up(callee);
    world.assert_over();
}

#[test]
fn hold_and_retrieve_leave_each_its_format() {
    let mut world = world();
    let (caller, callee) = connected(&mut world, &[pcmu()], &[opus()]);
    world.offer(caller, &[pcmu()], Direction::SendOnly);
    assert_eq!(direction(world.signaling.legs[&callee].heard.as_ref()), Some(Direction::SendOnly));
    assert_eq!(heard(&world, callee), ["opus"]);
    assert_eq!(direction(world.described(caller).as_ref()), Some(Direction::ReceiveOnly));
    assert_eq!(codec_names(world.described(caller).as_ref()), ["PCMU"]);
    world.offer(caller, &[pcmu()], Direction::SendReceive);
    world.offer(callee, &[opus()], Direction::Inactive);
    assert_eq!(
        (heard(&world, caller), codec_names(world.described(callee).as_ref())),
        (vec!["PCMU".to_owned()], vec!["opus".to_owned()])
    );
    world.offer(callee, &[opus()], Direction::SendReceive);
    assert!(world.plan(0).sends && world.plan(0).receives && world.plan(1).sends && world.plan(1).receives);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn other_codecs_are_passed_on_where_the_other_leg_takes_them_and_else_transcoded() {
    let mut world = world();
    let (caller, callee) = connected(&mut world, &[pcmu()], &[opus()]);
    // It has never been asked for PCMA, and has it not.
    world.offer(caller, &[pcma()], Direction::SendReceive);
    assert_eq!(heard(&world, callee), ["PCMA"]);
    assert_eq!(codec_names(world.described(caller).as_ref()), ["PCMA"]);
    assert_eq!((planned(&world, 0), planned(&world, 1)), (vec!["PCMA".to_owned()], vec!["opus".to_owned()]));
    // By now it is known to have neither: only the direction is told.
    world.offer(caller, &[pcma(), pcmu()], Direction::SendOnly);
    assert_eq!(heard(&world, callee), ["opus"]);
    assert_eq!(codec_names(world.described(caller).as_ref()), ["PCMA"]);
    // And what both have passes through.
    world.offer(caller, &[pcma(), opus()], Direction::SendReceive);
    assert_eq!(codec_names(world.described(caller).as_ref()), ["opus"]);
    assert_eq!((planned(&world, 0), planned(&world, 1)), (vec!["opus".to_owned()], vec!["opus".to_owned()]));
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn a_transfer_to_a_phone_with_another_codec_is_heard() {
    let mut world = world();
    let (caller, callee) = world.connected();
    world.signaling.legs.get_mut(&caller).unwrap().codecs = vec![pcmu(), events()];
    let (target, phase) = (Party::new("carol", ""), LegPhase::Trying);
    world.ask(callee, Command::Start, Transfer { target, phase, cause: None, referred_by: None });
    let carol = world.only();
    refuse_offer(&mut world, carol);
    world.answer_with(carol, &[opus()]);
    assert_eq!(world.signaling.legs[&callee].phase, LegPhase::Released);
    assert_eq!(planned(&world, 0)[0], "PCMU");
    assert_eq!(planned(&world, 2), ["opus"]);
    assert_eq!(world.session().bridge, Some((0, 2)));
    world.run(Duration::from_secs(5));
    assert_eq!(world.switch.calls(), 1);
    world.hang_up(carol);
    world.assert_over();
}

#[test]
fn early_media_in_another_format_are_heard() {
    let mut world = world();
    let caller = world.call_with("alice", "bob", offer(&[pcmu()]));
    let callee = world.only();
    refuse_offer(&mut world, callee);
    let media = Some(MediaExchange::Answer(audio(5000, &[opus()], Direction::SendReceive)));
    world.progress(callee, LegState::new(LegPhase::Early).with_media(media));
    assert_eq!(codec_names(world.described(caller).as_ref()), ["PCMU"]);
    assert_eq!(world.session().bridge, Some((0, 1)));
    world.answer_with(callee, &[opus()]);
    assert_eq!((planned(&world, 0), planned(&world, 1)), (vec!["PCMU".to_owned()], vec!["opus".to_owned()]));
    world.hang_up(caller);
    world.assert_over();
}

//! What a ringing leg sends is heard.

use crate::harness::*;
use router::Command;
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

#[test]
fn early_media_that_end_give_way_to_the_ringing_tone_and_may_come_again() {
    let mut world = World::new();
    let caller = world.call_with("alice", "bob", offer());
    let callee = world.only();
    world.progress(callee, early(&[pcmu()], 8000));
    assert_eq!(world.session().bridge, Some((0, 1)));
    let silent = MediaExchange::Answer(audio(8000, &[pcmu()], Direction::Inactive));
    world.progress(callee, LegState::new(LegPhase::Ringing).with_media(Some(silent)));
    assert_eq!((world.session().bridge, world.session().builtin), (None, Some((0, BuiltinKind::Ringback))));
    world.progress(callee, early(&[pcmu()], 8000));
    assert_eq!((world.session().bridge, world.session().builtin), (Some((0, 1)), None));
    // By default the callee's own tone is heard when it rings.
    world.ring(callee);
    assert_eq!(world.session().bridge, Some((0, 1)));
    world.answer_with(callee, &[pcmu()]);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn where_it_is_configured_so_a_callee_that_rings_after_its_early_media_is_heard_no_longer() {
    let mut world = World::with(switch::Config { early_ringing: switch::EarlyRinging::Local, ..Default::default() });
    let caller = world.call_with("alice", "bob", offer());
    let callee = world.only();
    world.progress(callee, early(&[pcmu()], 8000));
    world.ring(callee);
    assert_eq!((world.session().bridge, world.session().builtin), (None, Some((0, BuiltinKind::Ringback))));
    world.answer_with(callee, &[pcmu()]);
    assert_eq!((world.session().bridge, world.session().builtin), (Some((0, 1)), None));
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn a_caller_that_holds_before_the_answer_is_answered_at_once_and_the_callee_told_afterwards() {
    let mut world = World::new();
    let caller = world.call_with("alice", "bob", offer());
    let callee = world.only();
    world.progress(callee, early(&[pcmu(), pcma()], 8000));
    let hold = MediaExchange::Offer(audio(4000, &[pcmu(), pcma()], Direction::SendOnly));
    world.ask(caller, Command::Set, LegState::new(LegPhase::Early).with_media(Some(hold)));
    assert_eq!(world.last_answer(caller).command, Command::Done);
    assert_eq!(direction(world.signaling.legs[&caller].heard.as_ref()), Some(Direction::ReceiveOnly));
    world.answer_with(callee, &[pcmu(), pcma()]);
    let Some(MediaExchange::Offer(_)) = &world.signaling.legs[&callee].heard else { panic!("the callee is told") };
    assert_eq!(direction(world.signaling.legs[&callee].heard.as_ref()), Some(Direction::SendOnly));
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn a_callee_that_moves_in_its_early_dialog_is_heard_from_there() {
    let mut world = World::new();
    let caller = world.call_with("alice", "bob", offer());
    let callee = world.only();
    let moved = || MediaExchange::Offer(audio(8100, &[pcmu()], Direction::SendReceive));
    world.ask(callee, Command::Set, LegState::new(LegPhase::Early).with_media(Some(moved())));
    assert_eq!(world.failure(callee), CauseKind::Glare, "nothing is agreed yet");
    world.progress(callee, early(&[pcmu()], 8000));
    world.ask(callee, Command::Set, LegState::new(LegPhase::Early).with_media(Some(moved())));
    assert_eq!(world.last_answer(callee).command, Command::Done);
    assert_eq!(world.plan(1).remote_rtp.map(|remote| remote.port()), Some(8100));
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn an_offer_that_a_callee_makes_before_it_answers_is_answered_at_once_and_the_caller_follows() {
    let mut world = World::new();
    let caller = world.call_with("alice", "bob", None);
    let callee = world.only();
    let made = MediaExchange::Offer(audio(8000, &[pcma(), pcmu()], Direction::SendReceive));
    world.progress(callee, LegState::new(LegPhase::Early).with_media(Some(made)));
    let Some(MediaExchange::Answer(answer)) = &world.signaling.legs[&callee].heard else { panic!("it is answered") };
    assert_eq!(answer.streams[0].codecs, [pcma(), pcmu()]);
    let start = world.signaling.legs.get_mut(&callee).unwrap().start.take().unwrap();
    world.signaling.legs.get_mut(&callee).unwrap().phase = LegPhase::Answered;
    world.signaling.done(&start, LegState::new(LegPhase::Answered));
    world.settle();
    let Some(MediaExchange::Offer(offer)) = world.described(caller) else { panic!("the caller is made an offer") };
    assert_eq!(offer.streams[0].codecs, [pcma(), pcmu()]);
    let answer = MediaExchange::Answer(audio(4000, &[pcma()], Direction::SendReceive));
    world.ask(caller, Command::Set, LegState::new(LegPhase::Answered).with_media(Some(answer)));
    assert_eq!(world.session().bridge, Some((0, 1)));
    world.hang_up(caller);
    world.assert_over();
}

fn offers(codecs: &[Codec], port: u16) -> LegState {
    let made = MediaExchange::Offer(audio(port, codecs, Direction::SendReceive));
    LegState::new(LegPhase::Early).with_media(Some(made))
}

/// The caller's answer to an offer before the answer of the call, or after it.
fn answers(world: &mut World, caller: router::Instance, codecs: &[Codec]) {
    let answer = MediaExchange::Answer(audio(4000, codecs, Direction::SendReceive));
    world.ask(caller, Command::Set, LegState::new(LegPhase::Early).with_media(Some(answer)));
}

/// The call is answered without a word on media.
fn picks_up(world: &mut World, callee: router::Instance) {
    let start = world.signaling.legs.get_mut(&callee).unwrap().start.take().unwrap();
    world.signaling.legs.get_mut(&callee).unwrap().phase = LegPhase::Answered;
    world.signaling.done(&start, LegState::new(LegPhase::Answered));
    world.settle();
}

/// The formats that a leg was answered by.
fn answered_by(world: &World, leg: router::Instance) -> Vec<String> {
    let heard = world.signaling.legs[&leg].heard.as_ref();
    codec_names(heard.filter(|heard| matches!(heard, MediaExchange::Answer(_))))
}

/// RFC 3262 §5: a caller that acknowledges what it is told takes the callee's offer early; its answer is the callee's.
#[test]
fn a_caller_without_an_offer_that_takes_one_early_hears_the_callee_before_it_answers() {
    let mut world = World::new();
    world.early_offer = true;
    let caller = world.call_with("alice", "bob", None);
    let callee = world.only();
    world.ring(callee);
    world.progress(callee, offers(&[pcma(), pcmu()], 8000));
    assert_eq!(world.signaling.legs[&caller].phase, LegPhase::Early);
    let Some(MediaExchange::Offer(offer)) = world.described(caller) else { panic!("the caller is made an offer") };
    assert_eq!(offer.streams[0].codecs, [pcma(), pcmu()]);
    assert_eq!(
        (answered_by(&world, callee), world.session().bridge),
        (vec![], None),
        "it waits for the caller's answer"
    );
    answers(&mut world, caller, &[pcmu()]);
    assert_eq!(world.last_answer(caller).command, Command::Done);
    assert_eq!((answered_by(&world, callee), world.session().bridge), (vec!["PCMU".to_owned()], Some((0, 1))));
    let before = world.signaling.answers.len();
    world.progress(callee, LegState::new(LegPhase::Early));
    assert_eq!(world.signaling.answers.len(), before, "that is known");
    picks_up(&mut world, callee);
    // What stands is not said again as an offer.
    assert!(matches!(world.described(caller), Some(MediaExchange::Answer(_))));
    assert_eq!(world.session().bridge, Some((0, 1)));
    assert!(world.signaling.sets.is_empty());
    world.hang_up(caller);
    world.assert_over();
}

/// The first is passed on, the second is answered by what the caller has; whoever answers is what the caller hears then.
#[test]
fn of_several_early_offers_one_is_the_caller_s_and_whoever_answers_is_heard() {
    for (second_early, answered_first) in [(false, true), (true, true), (false, false), (true, false)] {
        let mut world = World::new();
        world.early_offer = true;
        world.signaling.registrations.insert("bob".into(), vec![contact("desk"), contact("mobile")]);
        let caller = world.call_with("alice", "bob", None);
        let [desk, mobile] = world.ringing()[..] else { panic!() };
        world.progress(desk, offers(&[pcma(), pcmu()], 8000));
        if answered_first {
            answers(&mut world, caller, &[pcmu()]);
        }
        if second_early {
            world.progress(mobile, offers(&[pcmu(), pcma()], 8002));
            let expected = if answered_first { vec!["PCMU"] } else { vec!["PCMU", "PCMA"] };
            assert_eq!(answered_by(&world, mobile), expected);
            picks_up(&mut world, mobile);
        } else {
            world.answer_with(mobile, &[pcmu(), pcma()]);
        }
        assert_eq!(world.signaling.legs[&desk].phase, LegPhase::Released);
        if !answered_first {
            // The offer that it has already; its acknowledgement has crossed the answer.
            let Some(MediaExchange::Offer(offer)) = world.described(caller) else { panic!() };
            assert_eq!(offer.streams[0].codecs, [pcma(), pcmu()]);
            answers(&mut world, caller, &[pcmu()]);
        }
        // One that was answered by more follows by an offer of ours.
        let heard = codec_names(world.signaling.legs[&mobile].heard.as_ref());
        assert_eq!(heard[0], "PCMU", "{second_early} {answered_first}: {heard:?}");
        assert_eq!(world.session().bridge, Some((0, 2)), "{second_early} {answered_first}");
        world.hang_up(caller);
        world.assert_over();
    }
}

#[test]
fn an_early_offer_whose_callee_fails_leaves_the_caller_to_the_next_one() {
    for answered in [false, true] {
        let mut world = World::new();
        world.early_offer = true;
        let caller = world.call_with("alice", "bob", None);
        let callee = world.only();
        world.progress(callee, offers(&[pcma(), pcmu()], 8000));
        if answered {
            answers(&mut world, caller, &[pcmu()]);
        }
        world.refuse(callee, CauseKind::Busy);
        assert_eq!(world.signaling.legs[&caller].phase, LegPhase::Released);
        world.assert_over();
    }
}

#[test]
fn a_caller_that_answers_an_early_offer_by_nothing_that_was_in_it_is_refused() {
    let mut world = World::new();
    world.early_offer = true;
    let caller = world.call_with("alice", "bob", None);
    let callee = world.only();
    world.progress(callee, offers(&[pcma()], 8000));
    answers(&mut world, caller, &[opus()]);
    assert_eq!(world.signaling.legs[&caller].phase, LegPhase::Released);
    assert_eq!(world.signaling.legs[&callee].phase, LegPhase::Released);
    world.assert_over();
}

/// A carrier that is always offered: what it answers early is the caller's offer, where that one takes one, and else with the answer.
#[test]
fn a_trunk_that_wants_offers_is_made_one_of_ours_and_the_caller_what_it_answers() {
    use switch::plan::*;
    for early_offer in [true, false] {
        let step = TrunkStep { trunk: "one".into(), rewrite: Rewrite::NONE, timeout: None };
        let route = Route {
            name: "out".into(),
            number: NumberMatch::Prefix("0".into()),
            origin: OriginMatch::Any,
            hours: None,
            destination: Destination::Trunks(vec![step]),
            branches: Branches::default(),
        };
        let trunk = Trunk { interface: [192, 0, 2, 1].into(), early_offer: true, ..Trunk::new("one") };
        let plan = Plan { routes: vec![route], trunks: vec![trunk], ..Plan::default() };
        let mut world = World::with(switch::Config { plan, ..switch::Config::default() });
        world.early_offer = early_offer;
        let caller = world.call_with("alice", "0123", None);
        let callee = world.only();
        let offered = world.signaling.legs[&callee].started.as_ref().and_then(|leg| leg.media.clone());
        assert!(matches!(&offered, Some(MediaExchange::Offer(_))), "{offered:?}");
        assert_eq!(codec_names(offered.as_ref())[..2], ["PCMA", "PCMU"]);
        world.progress(callee, early(&[pcma()], 8000));
        if early_offer {
            assert_eq!(codec_names(world.described(caller).as_ref())[..1], ["PCMA"]);
            assert_eq!(world.session().bridge, None);
            answers(&mut world, caller, &[pcma()]);
            assert_eq!(world.session().bridge, Some((0, 1)), "it is heard before the answer");
        }
        world.answer_with(callee, &[pcma()]);
        if early_offer {
            assert!(matches!(world.described(caller), Some(MediaExchange::Answer(_))));
        } else {
            let Some(MediaExchange::Offer(offer)) = world.described(caller) else { panic!("the caller is offered") };
            assert_eq!(offer.streams[0].codecs[0], pcma());
            answers(&mut world, caller, &[pcma()]);
        }
        assert_eq!(world.session().bridge, Some((0, 1)), "{early_offer}");
        world.hang_up(caller);
        world.assert_over();
    }
}

/// RFC 3262 §5: a caller that can be told nothing without an offer is made one of ours. What the callee says before its own offer, or by it, is heard once
/// the caller has answered.
#[test]
fn a_caller_that_asks_for_an_offer_before_there_is_one_is_made_one_of_ours() {
    for (early, answered_first) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut world = World::new();
        world.early_offer = true;
        let caller = world.call_with("alice", "bob", None);
        let callee = world.only();
        world.ring(callee);
        world.ask(caller, Command::Set, LegState::new(LegPhase::Early));
        let Some(MediaExchange::Offer(offer)) = world.described(caller) else { panic!("the caller is made an offer") };
        assert_eq!(offer.streams[0].codecs[..2], [pcma(), pcmu()]);
        // Once.
        world.ask(caller, Command::Set, LegState::new(LegPhase::Early));
        assert_eq!(world.failure(caller), CauseKind::Glare);
        let (spoken, names) =
            if answered_first { (vec![pcmu()], vec!["PCMU"]) } else { (vec![pcma(), pcmu()], vec!["PCMA", "PCMU"]) };
        if answered_first {
            answers(&mut world, caller, &spoken);
            assert_eq!(world.last_answer(caller).command, Command::Done);
        }
        if early {
            world.progress(callee, offers(&[pcma(), pcmu()], 8000));
            assert_eq!(answered_by(&world, callee), names);
        }
        if !answered_first {
            answers(&mut world, caller, &spoken);
        }
        assert_eq!(world.session().bridge, early.then_some((0, 1)), "{early} {answered_first}");
        if early {
            picks_up(&mut world, callee);
        } else {
            world.answer_with(callee, &[pcma(), pcmu()]);
            assert_eq!(answered_by(&world, callee), names);
        }
        assert!(matches!(world.described(caller), Some(MediaExchange::Answer(_))), "what stands is not offered again");
        world.run_ms(100);
        assert_eq!(world.session().bridge, Some((0, 1)));
        world.hang_up(caller);
        world.assert_over();
    }
}

#[test]
fn who_has_offered_or_is_answered_is_made_no_offer_before_the_answer() {
    let mut world = World::new();
    world.early_offer = true;
    let caller = world.call("alice", "bob");
    world.ask(caller, Command::Set, LegState::new(LegPhase::Early));
    assert_eq!(world.failure(caller), CauseKind::Glare);
    let callee = world.only();
    world.answer(callee);
    world.ask(caller, Command::Set, LegState::new(LegPhase::Early));
    assert_eq!(world.failure(caller), CauseKind::Glare);
    world.hang_up(caller);
    world.assert_over();
}

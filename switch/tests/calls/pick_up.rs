//! A call that rings somewhere is answered by somebody else.

use crate::harness::*;
use router::parameter::*;
use switch::Config;
use switch::plan::{Branches, Destination, NumberMatch, OriginMatch, PickUpGroup, Plan, Rewrite, Route};

fn world() -> World {
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let sales = PickUpGroup { name: "sales".to_owned(), members: names(&["bob", "carol"]), by: Vec::new() };
    let code = Route {
        name: "pick up".to_owned(),
        number: NumberMatch::Prefix("*8".to_owned()),
        origin: OriginMatch::Accounts,
        hours: None,
        destination: Destination::PickUp(Rewrite { strip: 2, ..Rewrite::NONE }),
        branches: Branches::default(),
    };
    let plan = Plan { pick_up_groups: vec![sales], routes: vec![code], ..Plan::default() };
    World::with(Config { plan, ..Config::default() })
}

fn offer() -> Option<MediaDescription> {
    Some(audio(4200, &[pcmu(), events()], Direction::SendReceive))
}

#[test]
fn who_is_in_the_group_picks_up_by_the_lamp() {
    let mut world = world();
    let alice = world.call("alice", "bob");
    let bob = world.only();
    world.ring(bob);
    let carol = world.call_into("carol", "bob", offer(), Some(Dialog { early_only: true, ..dialog(bob) }));
    for leg in [alice, carol] {
        assert_eq!(world.signaling.legs[&leg].phase, LegPhase::Answered);
        assert!(matches!(world.described(leg), Some(MediaExchange::Answer(_))));
    }
    let cause = world.signaling.legs[&bob].cause.as_ref().unwrap().kind;
    assert_eq!(cause, CauseKind::AnsweredElsewhere, "no missed call for Bob");
    assert_eq!(world.signaling.legs[&alice].call, world.signaling.legs[&carol].call);
    assert_eq!(world.session().bridge, Some((0, 2)));
    assert_eq!(world.session().ports.len(), 2);
    world.hang_up(alice);
    let record = world.record_of("call-1");
    assert_eq!((record.called.user(), record.destination.as_deref()), ("bob", Some("carol")));
    assert_eq!(record.outcome, Outcome::Answered);
    assert_eq!(world.record_of("call-2").transferred_as.as_deref(), Some("call-1"));
    world.assert_over();
}

#[test]
fn who_is_not_may_not_and_it_rings_on() {
    let mut world = world();
    let alice = world.call("alice", "bob");
    let bob = world.only();
    world.ring(bob);
    let dave = world.call_into("dave", "bob", offer(), Some(dialog(bob)));
    assert_eq!(world.failure(dave), CauseKind::Forbidden);
    let foreign = Some(audio(4200, &[opus()], Direction::SendReceive));
    let carol = world.call_into("carol", "bob", foreign, Some(dialog(bob)));
    assert_eq!(world.failure(carol), CauseKind::IncompatibleMedia);
    let offerless = world.call_into("carol", "bob", None, Some(dialog(bob)));
    assert_eq!(world.failure(offerless), CauseKind::IncompatibleMedia);
    let unknown = Dialog { leg_id: "9999".to_owned(), ..dialog(bob) };
    let nobody = world.call_into("carol", "bob", offer(), Some(unknown));
    assert_eq!(world.last_answer(nobody).failure().reason, Reason::NotFound);
    assert_eq!(world.only(), bob);
    world.answer(bob);
    // Answered: only such a party of the call may replace it.
    let late = world.call_into("carol", "bob", offer(), Some(dialog(bob)));
    assert_eq!(world.failure(late), CauseKind::Forbidden);
    assert_eq!(world.session().bridge, Some((0, 1)));
    world.hang_up(alice);
    world.assert_over();
}

#[test]
fn of_several_telephones_that_ring_all_fall_silent() {
    let mut world = world();
    world.signaling.registrations.insert("bob".into(), vec![contact("desk"), contact("mobile")]);
    let alice = world.call("alice", "bob");
    let ringing = world.ringing();
    for &leg in &ringing {
        world.ring(leg);
    }
    let carol = world.call_into("carol", "bob", offer(), Some(dialog(ringing[0])));
    assert_eq!(world.signaling.legs[&carol].phase, LegPhase::Answered);
    assert!(world.ringing().is_empty());
    world.hang_up(carol);
    assert_eq!(world.signaling.legs[&alice].phase, LegPhase::Released);
    world.assert_over();
}

#[test]
fn the_caller_who_has_heard_early_media_goes_on_in_its_format() {
    let mut world = world();
    let alice = world.call_with("alice", "bob", Some(audio(4000, &[pcma(), pcmu()], Direction::SendReceive)));
    let bob = world.only();
    let answer = MediaExchange::Answer(audio(8000, &[pcma()], Direction::SendReceive));
    world.progress(bob, LegState::new(LegPhase::Early).with_media(Some(answer)));
    let codecs = [pcmu(), pcma()];
    let carol = world.call_into("carol", "bob", Some(audio(4200, &codecs, Direction::SendReceive)), Some(dialog(bob)));
    assert_eq!(codec_names(world.described(carol).as_ref()), ["PCMA"]);
    assert_eq!(world.session().bridge, Some((0, 2)));
    world.hang_up(alice);
    world.assert_over();
}

#[test]
fn by_a_number_that_says_whose_or_of_any_in_the_group() {
    for code in ["*8bob", "*8"] {
        let mut world = world();
        let alice = world.call("alice", "bob");
        let bob = world.only();
        world.ring(bob);
        world.run_ms(100);
        let other = world.call("dave", "carol");
        let carol = *world.ringing().last().unwrap();
        world.ring(carol);
        let picker = world.call("carol", code);
        assert_eq!(world.signaling.legs[&picker].phase, LegPhase::Answered, "{code}");
        assert_eq!(world.signaling.legs[&picker].call, world.signaling.legs[&alice].call, "who waits longest");
        assert_eq!(world.ringing(), [carol]);
        for leg in [alice, other] {
            world.hang_up(leg);
        }
        world.assert_over();
    }
}

#[test]
fn where_nothing_rings_or_it_is_not_for_who_asks_the_number_says_so() {
    let mut world = world();
    let idle = world.call("carol", "*8bob");
    assert_eq!(world.failure(idle), CauseKind::Unreachable);
    let alice = world.call("alice", "bob");
    let bob = world.only();
    let early = world.call("carol", "*8");
    assert_eq!(world.failure(early), CauseKind::Unreachable, "it does not ring yet");
    world.ring(bob);
    let stranger = world.call("dave", "*8bob");
    assert_eq!(world.failure(stranger), CauseKind::Forbidden);
    let any = world.call("dave", "*8");
    assert_eq!(world.failure(any), CauseKind::Unreachable, "nothing that Dave may pick up");
    world.hang_up(alice);
    world.assert_over();
}

//! Media before the answer: announcements, ring-back tones of carriers.

use crate::{ms, secs, with_phones};
use scenarios::{Behaviour, Ending, Simulation, Then};

fn announcing(then: Then) -> Behaviour {
    Behaviour { ring: None, early_media: Some(ms(200)), then, script: Vec::new() }
}

fn call(seed: u64, then: Then) -> (Simulation, [usize; 2]) {
    let (mut simulation, [alice, bob]) = with_phones(seed, ["alice", "bob"]);
    simulation.tell(bob).config.behaviour = announcing(then);
    simulation.tell(alice).dial("bob");
    simulation.run(secs(3));
    (simulation, [alice, bob])
}

#[test]
fn the_caller_hears_the_callee_before_the_answer_and_after_it_without_a_gap() {
    let (mut simulation, [alice, bob]) = call(1, Then::Answer(ms(5_000)));
    let early = simulation.call(alice);
    assert!(!early.was_answered());
    assert!(early.provisional.contains(&183), "{:?}", early.provisional);
    assert!(early.media.hearing.packets > 100, "{}", early.media.hearing.packets);
    simulation.run(secs(5));
    assert!(simulation.call(alice).is_up());
    assert!(simulation.call(alice).media.hearing.packets > 300);
    assert!(simulation.call(bob).media.hearing.packets > 100);
    simulation.finish();
}

#[test]
fn an_announcement_may_end_in_a_refusal() {
    let (mut simulation, [alice, _]) = call(2, Then::Reject(ms(4_000), 404));
    simulation.run(secs(3));
    assert_eq!(simulation.call(alice).ending, Some(Ending::Refused(404)));
    assert!(simulation.call(alice).media.hearing.packets > 100);
    simulation.finish();
}

#[test]
fn a_caller_may_give_up_during_an_announcement() {
    let (mut simulation, [alice, bob]) = call(3, Then::Ring);
    simulation.tell(alice).step(0, scenarios::Step::HangUp);
    simulation.run(secs(2));
    assert_eq!(simulation.call(alice).ending, Some(Ending::Refused(487)));
    assert_eq!(simulation.call(bob).ending, Some(Ending::Cancelled));
    simulation.finish();
}

#[test]
fn another_phone_that_answers_takes_the_place_of_the_announcement() {
    let (mut simulation, [alice, one, two]) = with_phones(4, ["alice", "bob", "bob"]);
    simulation.tell(one).config.behaviour = announcing(Then::Ring);
    simulation.tell(two).config.behaviour = Behaviour::answers(secs(2));
    simulation.tell(alice).dial("bob");
    simulation.run(secs(6));
    assert!(simulation.call(alice).is_up() && simulation.call(two).is_up());
    assert_eq!(simulation.call(one).ending, Some(Ending::Cancelled));
    let speaker = simulation.call(two).media.speaker();
    assert!(simulation.call(alice).media.hearing.speakers[&speaker] > 100);
    simulation.finish();
}

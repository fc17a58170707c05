//! Media before the answer: announcements, ring-back tones of carriers.

use crate::random_calls::seeds;
use crate::{ms, secs, with_phones};
use scenarios::{Behaviour, Conditions, Ending, PhoneConfig, Simulation, Step, Then};

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
    simulation.tell(alice).step(0, Step::HangUp);
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

#[test]
fn a_183_and_a_180_reach_the_caller_in_the_order_in_which_they_came_acknowledged_or_not() {
    for seed in 0..seeds(48) {
        let mut simulation = Simulation::new(100 + seed);
        let early_first = seed & 1 != 0;
        let loss = if seed >= 24 { 100 } else { 0 };
        let (ring, early) = if early_first { (900, 200) } else { (200, 900) };
        // A callee that answers before its 180 is acknowledged may leave it there (RFC 3262 §3): this one waits for it.
        let acknowledged = seed & 6 == 6;
        let then = if acknowledged { Then::Ring } else { Then::Answer(ms(4_000)) };
        let behaviour = Behaviour { ring: Some(ms(ring)), early_media: Some(ms(early)), ..announcing(then) };
        let [alice, bob] = [("alice", seed & 2 != 0), ("bob", seed & 4 != 0)].map(|(name, reliable)| {
            let config = PhoneConfig { reliable, behaviour: behaviour.clone(), ..simulation.phone_config(name) };
            simulation.add_and_register(config)
        });
        if loss > 0 {
            simulation.grace = secs(12);
            [alice, bob].into_iter().for_each(|phone| simulation.set_line(phone, Conditions::rough(loss)));
        }
        simulation.tell(alice).dial("bob");
        if acknowledged {
            // What is acknowledged on both legs cannot be lost.
            let told = simulation.run_until(secs(60), |simulation| simulation.call(alice).provisional.len() == 2);
            assert!(told, "seed {seed}: {:?}", simulation.call(alice).provisional);
            simulation.run(ms(3_000));
            simulation.tell(bob).step(0, Step::Answer);
        }
        let up = simulation.run_until(secs(60), |simulation| simulation.call(alice).is_up());
        let call = simulation.call(alice);
        let expected = if early_first { [183, 180] } else { [180, 183] };
        let what = format!("seed {seed}: {:?}", call.provisional);
        assert!(up, "{what}");
        if loss == 0 || acknowledged {
            assert_eq!(call.provisional, expected, "{what}");
        }
        if loss == 0 {
            // The callee's announcement is heard from the 183 on, the 180 that follows does not end it.
            let least = if early_first { 170 } else { 140 };
            assert!(call.media.hearing.packets > least, "{what}: {}", call.media.hearing.packets);
        }
        simulation.calm();
        simulation.run(secs(2));
        simulation.finish();
    }
}

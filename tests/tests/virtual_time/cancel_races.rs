//! Callers that give up while others answer.

use crate::{ms, secs, with_phones};
use scenarios::{Behaviour, Ending, Simulation, Then};

/// The callee rings at 50 ms and does `then`; the caller gives up after `give_up`.
fn race(seed: u64, give_up: u64, then: Then) -> (Simulation, Option<Ending>, Option<Ending>) {
    let (mut simulation, [alice, bob]) = with_phones(seed, ["alice", "bob"]);
    simulation.tell(bob).config.behaviour = Behaviour { then, ..Behaviour::default() };
    simulation.tell(alice).dial_with("bob", Some(ms(give_up)), Vec::new());
    simulation.run(secs(10));
    let caller = simulation.call(alice).ending;
    let callee = simulation.phone(bob).last_call().and_then(|call| call.ending);
    (simulation, caller, callee)
}

#[test]
fn giving_up_before_the_answer_cancels() {
    let (simulation, caller, callee) = race(1, 300, Then::Answer(ms(2_000)));
    assert_eq!((caller, callee), (Some(Ending::Refused(487)), Some(Ending::Cancelled)));
    simulation.finish();
}

#[test]
fn giving_up_at_any_moment_ends_the_call_on_both_sides() {
    // Around the first response, around the 180 and around the answer at 400 ms, millisecond by millisecond.
    let moments = (0..12).chain(46..62).chain(396..412);
    let mut endings = std::collections::BTreeSet::new();
    for give_up in moments {
        let (simulation, caller, callee) = race(give_up, give_up, Then::Answer(ms(400)));
        // Who has the answer before it gives up does not give up.
        assert!(
            matches!(caller, Some(Ending::Refused(487) | Ending::HungUp)) || caller.is_none() && give_up > 400,
            "given up after {give_up} ms: {caller:?}, {callee:?}"
        );
        endings.insert(format!("{caller:?} {callee:?}"));
        simulation.finish();
    }
    assert!(endings.len() >= 3, "the moments meet every race: {endings:?}");
}

#[test]
fn giving_up_while_the_callee_refuses() {
    for give_up in 396..410 {
        let (simulation, caller, _) = race(give_up, give_up, Then::Reject(ms(400), 486));
        assert!(matches!(caller, Some(Ending::Refused(486 | 487))), "given up after {give_up} ms: {caller:?}");
        simulation.finish();
    }
}

#[test]
fn giving_up_while_the_registrar_is_asked_for_a_callee_that_never_rang() {
    for give_up in [1, 100, 1_000] {
        let (mut simulation, [alice, bob]) = with_phones(give_up, ["alice", "bob"]);
        simulation.tell(bob).config.behaviour = Behaviour::silent();
        simulation.tell(alice).dial_with("bob", Some(ms(give_up)), Vec::new());
        simulation.run(secs(5));
        assert_eq!(simulation.call(alice).ending, Some(Ending::Refused(487)), "given up after {give_up} ms");
        simulation.finish();
    }
}

//! An INVITE without an offer: the callee's answer brings it, the caller's ACK answers it.

use crate::{connect, ms, secs};
use scenarios::phone::BOTH_WAYS;
use scenarios::{Behaviour, Ending, PhoneConfig, Simulation};

fn with_late_caller(seed: u64) -> (Simulation, [usize; 2]) {
    let mut simulation = Simulation::new(seed);
    let config = PhoneConfig { late_offer: true, ..simulation.phone_config("alice") };
    let alice = simulation.add(config);
    let bob = simulation.add_registered("bob");
    (simulation, [alice, bob])
}

#[test]
fn both_hear_each_other() {
    let (mut simulation, [alice, bob]) = with_late_caller(1);
    connect(&mut simulation, alice, bob);
    simulation.run(secs(3));
    for phone in [alice, bob] {
        let call = simulation.call(phone);
        assert_eq!(call.media.direction(), BOTH_WAYS);
        assert!(call.media.hearing.packets > 120, "{}", call.media.hearing.packets);
    }
    simulation.finish();
}

#[test]
fn a_service_answers_with_an_offer_of_its_own() {
    let (mut simulation, [alice, _]) = with_late_caller(2);
    simulation.tell(alice).dial("echo");
    simulation.run(secs(3));
    assert!(simulation.call(alice).is_up(), "{:?}", simulation.call(alice).ending);
    assert!(simulation.call(alice).media.hearing.packets > 100);
    simulation.finish();
}

#[test]
fn giving_up_around_the_answer_leaves_nothing() {
    for give_up in (296..306).chain([100, 1_000]) {
        let (mut simulation, [alice, bob]) = with_late_caller(give_up);
        simulation.tell(bob).config.behaviour = Behaviour::answers(ms(300));
        simulation.tell(alice).dial_with("bob", Some(ms(give_up)), Vec::new());
        simulation.run(secs(5));
        let ending = simulation.call(alice).ending;
        // Who has the answer before it gives up does not give up.
        let answered = ending.is_none() && give_up > 300;
        assert!(answered || matches!(ending, Some(Ending::Refused(487) | Ending::HungUp)), "{give_up}: {ending:?}");
        simulation.finish();
    }
}

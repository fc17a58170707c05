//! Phones that send calls on (302).

use crate::{secs, with_phones};
use router::parameter::Outcome;
use scenarios::trunk::{address, known, peer};
use scenarios::{Behaviour, Conditions, Ending, Simulation, Step};
use switch::plan::Redirects;

#[test]
fn a_call_to_a_phone_that_forwards_reaches_the_other_one() {
    let (mut simulation, [alice, bob, carol]) = with_phones(1, ["alice", "bob", "carol"]);
    simulation.tell(bob).config.behaviour = Behaviour::forwards("carol");
    simulation.tell(alice).dial("bob");
    simulation.run(secs(3));
    assert_eq!(simulation.call(bob).ending, Some(Ending::Rejected(302)));
    assert!(simulation.call(alice).is_up() && simulation.call(carol).is_up());
    simulation.tell(alice).step(0, Step::HangUp);
    simulation.run(secs(1));
    let record = simulation.platform.records().pop().expect("a record");
    assert_eq!((record.outcome, record.called.user()), (Outcome::Answered, "bob"));
    assert_eq!(record.destination.as_deref(), Some("carol"));
    simulation.finish();
}

#[test]
fn phones_that_forward_to_each_other_do_not_ring_for_ever() {
    let (mut simulation, [alice, bob, carol]) = with_phones(2, ["alice", "bob", "carol"]);
    simulation.tell(bob).config.behaviour = Behaviour::forwards("carol");
    simulation.tell(carol).config.behaviour = Behaviour::forwards("bob");
    simulation.tell(alice).dial("bob");
    simulation.run(secs(5));
    assert_eq!(simulation.call(alice).ending, Some(Ending::Refused(480)));
    assert_eq!(simulation.phone(bob).calls().len() + simulation.phone(carol).calls().len(), 2);
    simulation.finish();
}

#[test]
fn each_redirection_takes_a_hop() {
    let (mut simulation, [alice, bob, carol]) = with_phones(3, ["alice", "bob", "carol"]);
    simulation.tell(bob).config.behaviour = Behaviour::forwards("carol");
    simulation.tell(alice).config.max_forwards = 1;
    simulation.tell(alice).dial("bob");
    simulation.run(secs(3));
    assert_eq!(simulation.call(alice).ending, Some(Ending::Refused(483)));
    assert!(simulation.phone(carol).last_call().is_none());
    simulation.finish();
}

#[test]
fn a_trunk_does_not_send_calls_about() {
    let mut simulation = Simulation::with(4, crate::trunk_failover::configured(vec![known("one", address(1))]));
    let server = simulation.server();
    let one = simulation.add(peer("one", address(1), server, Behaviour::forwards("bob")));
    let alice = simulation.add_registered("alice");
    let bob = simulation.add_registered("bob");
    simulation.tell(alice).dial("030123");
    simulation.run(secs(3));
    assert_eq!(simulation.call(one).ending, Some(Ending::Rejected(302)));
    assert_eq!(simulation.call(alice).ending, Some(Ending::Refused(480)));
    assert!(simulation.phone(bob).last_call().is_none());
    simulation.finish();
}

#[test]
fn several_places_are_tried_in_the_order_of_their_q_under_loss() {
    for seed in 0..12 {
        let (mut simulation, phones) = with_phones(10 + seed, ["alice", "bob", "carol", "dave"]);
        let [alice, bob, carol, dave] = phones;
        if seed % 2 == 1 {
            simulation.grace = secs(12);
            phones.into_iter().for_each(|phone| simulation.set_line(phone, Conditions::rough(80)));
        }
        simulation.tell(bob).config.behaviour = Behaviour::forwards("carol;q=0.3,nobody;q=0.7,dave;q=0.9");
        simulation.tell(dave).config.behaviour = Behaviour::rejects(486);
        simulation.tell(alice).dial("bob");
        simulation.run(secs(40));
        assert_eq!(simulation.call(dave).ending, Some(Ending::Rejected(486)), "seed {seed}");
        assert!(simulation.call(dave).started <= simulation.call(carol).started, "seed {seed}");
        assert!(simulation.call(alice).is_up() && simulation.call(carol).is_up(), "seed {seed}");
        simulation.finish();
    }
}

/// A platform that passes redirections on, of phones and of its trunk.
fn passing(seed: u64) -> Simulation {
    let mut config = crate::trunk_failover::configured(vec![known("one", address(1))]);
    config.switch.redirects = Redirects::Pass;
    for trunk in &mut config.switch.plan.trunks {
        trunk.redirects = Redirects::Pass;
    }
    Simulation::with(seed, config)
}

#[test]
fn a_redirection_of_a_trunk_or_a_phone_is_passed_on_where_that_is_configured_and_the_caller_calls_there() {
    for (seed, number) in [(20, "030123"), (21, "bob")] {
        let mut simulation = passing(seed);
        let server = simulation.server();
        let elsewhere = Behaviour::forwards("carol;q=0.3,030999;q=0.5,dave;q=0.9,carol");
        let one = simulation.add(peer("one", address(1), server, elsewhere.clone()));
        let [alice, bob, carol, dave] = ["alice", "bob", "carol", "dave"].map(|name| simulation.add_registered(name));
        simulation.tell(bob).config.behaviour = elsewhere;
        simulation.tell(alice).dial(number);
        simulation.run(secs(2));
        let redirected = if number == "bob" { bob } else { one };
        assert_eq!(simulation.call(redirected).ending, Some(Ending::Rejected(302)));
        let call = simulation.call(alice);
        assert_eq!(call.ending, Some(Ending::Refused(302)), "{number}");
        // The one without q is the best; each number once; nothing but our own address.
        let place = |number: &str, q: &str| format!("<sip:{number}@{server}>;q={q}");
        assert_eq!(call.places, [place("carol", "1.0"), place("dave", "0.9"), place("030999", "0.8")], "{number}");
        for phone in [carol, dave] {
            assert!(simulation.phone(phone).last_call().is_none(), "nobody was called for her");
        }
        simulation.tell(alice).dial("carol");
        simulation.run(secs(3));
        assert!(simulation.call(alice).is_up() && simulation.call(carol).is_up());
        simulation.tell(alice).step(1, Step::HangUp);
        simulation.run(secs(1));
        let records = simulation.platform.records();
        let first = records.iter().find(|record| record.called.user() == number).expect("a record");
        let cause = first.cause.as_ref().expect("a cause");
        assert_eq!((first.outcome, cause.code), (Outcome::Unanswered, Some(302)), "{number}");
        simulation.finish();
    }
}

#[test]
fn of_several_phones_one_that_answers_comes_before_a_redirection_that_would_be_passed_on() {
    for (answers, ending) in [(true, None), (false, Some(Ending::Refused(302)))] {
        let mut simulation = passing(22);
        let [alice, one, two] = ["alice", "bob", "bob"].map(|name| simulation.add_registered(name));
        simulation.tell(one).config.behaviour = Behaviour::forwards("carol");
        simulation.tell(two).config.behaviour =
            if answers { Behaviour::answers(secs(2)) } else { Behaviour::rejects(486) };
        simulation.tell(alice).dial("bob");
        simulation.run(secs(4));
        assert_eq!((simulation.call(alice).is_up(), simulation.call(alice).ending), (answers, ending));
        simulation.finish();
    }
}

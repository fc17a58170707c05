//! Phones that send calls on (302).

use crate::{secs, with_phones};
use router::parameter::Outcome;
use scenarios::trunk::{address, known, peer};
use scenarios::{Behaviour, Ending, Simulation, Step};

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
    simulation.tell(alice).config.max_forwards = 2;
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

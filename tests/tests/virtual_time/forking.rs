//! One number, several phones.

use crate::{ms, secs, with_phones};
use router::parameter::Outcome;
use scenarios::{Behaviour, Ending, PlatformConfig, Simulation};
use switch::plan::{Group, Member, Plan, Strategy};

fn member(account: &str) -> Member {
    Member { account: account.to_owned(), timeout: Some(secs(5)) }
}

fn with_group(seed: u64, strategy: Strategy) -> Simulation {
    let group = Group { name: "sales".to_owned(), members: ["bob", "carol"].map(member).to_vec(), strategy };
    let plan = Plan { groups: vec![group], ..Plan::default() };
    let switch = switch::Config { plan, ..switch::Config::default() };
    Simulation::with(seed, PlatformConfig { switch, ..PlatformConfig::default() })
}

#[test]
fn all_phones_of_an_account_ring_and_the_first_answer_wins() {
    let (mut simulation, [alice, one, two, three]) = with_phones(1, ["alice", "bob", "bob", "bob"]);
    simulation.tell(one).config.behaviour = Behaviour::rings();
    simulation.tell(two).config.behaviour = Behaviour::answers(ms(900));
    simulation.tell(three).config.behaviour = Behaviour::answers(ms(3_000));
    simulation.tell(alice).dial("bob");
    simulation.run(secs(5));
    assert!(simulation.call(alice).is_up() && simulation.call(two).is_up());
    for other in [one, three] {
        let call = simulation.call(other);
        assert_eq!(call.ending, Some(Ending::Cancelled));
        let reason = call.reason.clone().unwrap_or_default();
        assert!(reason.contains("cause=200"), "no call is missed that was answered elsewhere: {reason}");
    }
    simulation.finish();
}

#[test]
fn two_that_answer_at_once_do_not_both_stay_up() {
    for difference in [0, 1, 2, 3, 5] {
        let (mut simulation, [alice, one, two]) = with_phones(difference, ["alice", "bob", "bob"]);
        simulation.tell(one).config.behaviour = Behaviour::answers(ms(800));
        simulation.tell(two).config.behaviour = Behaviour::answers(ms(800 + difference));
        simulation.tell(alice).dial("bob");
        simulation.run(secs(4));
        assert!(simulation.call(alice).is_up());
        let up = [one, two].iter().filter(|&&phone| simulation.call(phone).is_up()).count();
        assert_eq!(up, 1, "{difference} ms apart");
        simulation.finish();
    }
}

#[test]
fn one_that_is_busy_does_not_stop_the_other() {
    let (mut simulation, [alice, one, two]) = with_phones(6, ["alice", "bob", "bob"]);
    simulation.tell(one).config.behaviour = Behaviour::rejects(486);
    simulation.tell(two).config.behaviour = Behaviour::answers(ms(1_500));
    simulation.tell(alice).dial("bob");
    simulation.run(secs(4));
    assert!(simulation.call(alice).is_up() && simulation.call(two).is_up());
    simulation.finish();
}

#[test]
fn one_that_declines_for_all_stops_them_all() {
    let (mut simulation, [alice, one, two]) = with_phones(7, ["alice", "bob", "bob"]);
    simulation.tell(one).config.behaviour = Behaviour::rejects(603);
    simulation.tell(two).config.behaviour = Behaviour::rings();
    simulation.tell(alice).dial("bob");
    simulation.run(secs(70));
    assert!(!simulation.call(alice).is_live());
    simulation.finish();
}

#[test]
fn when_all_are_busy_the_caller_is_told_so() {
    let (mut simulation, [alice, one, two]) = with_phones(8, ["alice", "bob", "bob"]);
    for phone in [one, two] {
        simulation.tell(phone).config.behaviour = Behaviour::rejects(486);
    }
    simulation.tell(alice).dial("bob");
    simulation.run(secs(4));
    assert_eq!(simulation.call(alice).ending, Some(Ending::Refused(486)));
    simulation.finish();
}

#[test]
fn a_group_rings_all_its_members() {
    let mut simulation = with_group(9, Strategy::RingAll);
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| simulation.add_registered(name));
    simulation.tell(bob).config.behaviour = Behaviour::rings();
    simulation.tell(alice).dial("sales");
    simulation.run(secs(4));
    assert!(simulation.call(alice).is_up() && simulation.call(carol).is_up());
    assert_eq!(simulation.call(bob).ending, Some(Ending::Cancelled));
    simulation.finish();
}

#[test]
fn a_group_is_gone_through_one_after_another() {
    let mut simulation = with_group(10, Strategy::OneAfterAnother);
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| simulation.add_registered(name));
    simulation.tell(bob).config.behaviour = Behaviour::rings();
    simulation.tell(alice).dial("sales");
    simulation.run(secs(3));
    assert!(simulation.phone(carol).last_call().is_none(), "Bob rings alone for five seconds");
    simulation.run(secs(5));
    assert_eq!(simulation.call(bob).ending, Some(Ending::Cancelled));
    assert!(simulation.call(alice).is_up() && simulation.call(carol).is_up());
    assert_eq!(simulation.platform.observer().calls.len(), 1);
    simulation.tell(alice).step(0, scenarios::Step::HangUp);
    simulation.run(secs(1));
    let record = simulation.platform.records().pop().expect("a record");
    assert_eq!((record.outcome, record.destination.as_deref()), (Outcome::Answered, Some("carol")));
    simulation.finish();
}

//! A platform is silent, down or cut off: whoever calls one of its users hears that he is not reached, not that there is no such number, and the
//! plan's branches know it.

use crate::{connect, ms, secs};
use router::parameter::{Cause, CauseKind};
use router::time::Duration;
use scenarios::simulation::PhoneIndex;
use scenarios::{Ending, PlatformConfig, Simulation, Step};
use switch::plan::{Branches, Destination, NumberMatch, OriginMatch, Plan, Route};

/// For how long a platform that is away may have any number that it was never asked for.
const AWAY: Duration = switch::limits::PLATFORM_AWAY;

/// Alice, Erin and Dave at the first platform, Bob and Carol at the second. A call of these numbers goes to Erin where its user is not reached, and to
/// Dave where nobody has it.
fn cluster(seed: u64, numbers: &[&str]) -> (Simulation, [PhoneIndex; 5]) {
    let mut first = PlatformConfig::in_cluster(0, &["alice", "erin", "dave"]);
    let route = |number: &&str| Route {
        name: (*number).to_owned(),
        number: NumberMatch::Exact((*number).to_owned()),
        origin: OriginMatch::Any,
        hours: None,
        destination: Destination::Account((*number).to_owned()),
        branches: Branches {
            unknown: Some(Destination::Account("dave".to_owned())),
            unreachable: Some(Destination::Account("erin".to_owned())),
            ..Branches::default()
        },
    };
    first.switch.plan = Plan { routes: numbers.iter().map(route).collect(), ..first.switch.plan };
    let second = PlatformConfig::in_cluster(1, &["bob", "carol"]);
    let mut simulation = Simulation::cluster_of(seed, vec![first, second]);
    let phones = [(0, "alice"), (0, "erin"), (0, "dave"), (1, "bob"), (1, "carol")];
    let phones = phones.map(|(platform, name)| simulation.add_registered_at(platform, name));
    (simulation, phones)
}

/// What becomes of a call of Alice's that is not answered: how she hears of it, and its record's cause.
fn refused(simulation: &mut Simulation, alice: PhoneIndex, number: &str) -> (Option<Ending>, Option<Cause>) {
    let call = simulation.tell(alice).dial(number);
    simulation.run(secs(2));
    let ending = simulation.phone(alice).call(call).ending;
    let mut records = simulation.at(0).records();
    records.sort_by_key(|record| record.started);
    (ending, records.pop().and_then(|record| record.cause))
}

/// It is not reached, and where it may be is out of order.
fn away() -> (Option<Ending>, Option<Cause>) {
    (Some(Ending::Refused(480)), Some(Cause { q850: Some(27), ..Cause::new(CauseKind::Unreachable) }))
}

/// Nobody has it.
fn unknown() -> (Option<Ending>, Option<Cause>) {
    (Some(Ending::Refused(404)), Some(CauseKind::UnknownNumber.into()))
}

fn talk_and_hang_up(simulation: &mut Simulation, alice: PhoneIndex, other: PhoneIndex) {
    connect(simulation, alice, other);
    let call = simulation.phone(alice).live_call().expect("a call");
    simulation.tell(alice).step(call, Step::HangUp);
    simulation.run(secs(1));
}

#[test]
fn users_of_a_platform_that_is_away_are_not_reached_and_nobody_s_number_is_one_again_after_a_while() {
    let (mut simulation, [alice, _, _, bob, _]) = cluster(1, &[]);
    talk_and_hang_up(&mut simulation, alice, bob);
    assert_eq!(refused(&mut simulation, alice, "nobody"), unknown());
    simulation.part(0, 1, AWAY + secs(100));
    // It is silent at first, then passed over, then its link is lost.
    for what in ["silent", "passed over", "lost"] {
        assert_eq!(refused(&mut simulation, alice, "bob"), away(), "{what}");
        assert_eq!(refused(&mut simulation, alice, "carol"), away(), "{what}: nobody has ever called her");
        assert_eq!(refused(&mut simulation, alice, "nobody"), unknown(), "{what}: it has said so");
    }
    simulation.run(AWAY);
    assert_eq!(refused(&mut simulation, alice, "bob"), away(), "he is known to be there");
    assert_eq!(refused(&mut simulation, alice, "carol"), unknown(), "not for ever");
    simulation.heal();
    simulation.run(secs(40));
    assert_eq!(refused(&mut simulation, alice, "nobody"), unknown());
    talk_and_hang_up(&mut simulation, alice, bob);
    simulation.finish();
}

#[test]
fn the_plan_s_branch_is_that_of_who_is_not_reached() {
    for (seed, pause) in [(1, ms(0)), (2, ms(700)), (3, secs(10))] {
        let (mut simulation, [alice, erin, dave, _, carol]) = cluster(seed, &["carol"]);
        talk_and_hang_up(&mut simulation, alice, carol);
        simulation.part(0, 1, secs(60));
        simulation.run(pause);
        simulation.tell(alice).dial("carol");
        simulation.run(secs(3));
        assert!(simulation.phone(erin).last_call().is_some_and(|call| call.is_up()), "after {pause:?}");
        assert!(simulation.phone(dave).last_call().is_none(), "after {pause:?}");
        let call = simulation.phone(alice).live_call().expect("a call");
        simulation.tell(alice).step(call, Step::HangUp);
        simulation.heal();
        simulation.run(secs(40));
        simulation.finish();
    }
}

#[test]
fn a_platform_that_was_started_anew_is_asked_again_at_once() {
    let (mut simulation, [alice, _, _, bob, _]) = cluster(4, &[]);
    talk_and_hang_up(&mut simulation, alice, bob);
    simulation.restart_other(1);
    assert_eq!(refused(&mut simulation, alice, "carol").0, Some(Ending::Refused(480)), "it is not there yet");
    simulation.run(secs(40));
    assert_eq!(refused(&mut simulation, alice, "nobody"), unknown());
    simulation.finish();
}

#[test]
fn a_platform_that_was_never_met_is_waited_for_after_the_start_alone() {
    let mut second = PlatformConfig::in_cluster(1, &["bob"]);
    // Its one peer is an address where nobody is.
    if let Some(links) = &mut second.links {
        links.peers = vec!["192.0.2.77:5065".to_owned()];
    }
    let mut simulation = Simulation::cluster_of(5, vec![PlatformConfig::in_cluster(0, &["alice"]), second]);
    let bob = simulation.add_registered_at(1, "bob");
    let dial = |simulation: &mut Simulation| {
        let call = simulation.tell(bob).dial("nobody");
        simulation.run(secs(2));
        simulation.phone(bob).call(call).ending
    };
    assert_eq!(dial(&mut simulation), Some(Ending::Refused(480)));
    simulation.run(AWAY);
    assert_eq!(dial(&mut simulation), Some(Ending::Refused(404)));
    simulation.finish();
}

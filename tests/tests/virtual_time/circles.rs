//! Calls over several platforms that have no telephone any more: their ends are joined with each other, or sent to services. They end, since
//! nobody is left who could hang up.

use crate::{connect, ms, secs};
use router::parameter::{BuiltinKind, CauseKind, ConferenceName, Outcome};
use router::time::Duration;
use scenarios::simulation::PhoneIndex;
use scenarios::{Conditions, PlatformConfig, Simulation, Step};
use switch::plan::{Branches, Destination, NumberMatch, OriginMatch, Plan, Rewrite, Route, TrunkStep, Way};

/// For how long a call outlives the way between its platforms here.
const GRACE: Duration = Duration::from_secs(20);

/// Three people on three platforms, of whom each talks to the two others; on so many shards.
fn all_talk(seed: u64, shards: u8) -> (Simulation, [PhoneIndex; 3]) {
    let names = ["alice", "bob", "carol"];
    let configs = (0..3).map(|index| {
        let mut config = PlatformConfig { shards, ..PlatformConfig::in_cluster(index, &names[index..=index]) };
        if let Some(cluster) = &mut config.switch.cluster {
            cluster.call_grace = GRACE;
        }
        config
    });
    let mut simulation = Simulation::cluster_of(seed, configs.collect());
    let phones = [0, 1, 2].map(|platform| simulation.add_registered_at(platform, names[platform]));
    for (from, to) in [(0, 1), (0, 2), (1, 2)] {
        connect(&mut simulation, phones[from], phones[to]);
        simulation.run(ms(500));
    }
    (simulation, phones)
}

/// Whether no platform has a call.
fn all_over(simulation: &mut Simulation) -> bool {
    let open = |simulation: &mut Simulation, platform: usize| {
        let records = simulation.at(platform).records();
        records.iter().any(|record| record.outcome == Outcome::Open || record.ended.is_none())
    };
    (0..3).all(|platform| !open(simulation, platform))
}

/// Everybody joins the two others, some time after the one before.
fn all_join(simulation: &mut Simulation, phones: [PhoneIndex; 3], apart: Duration) {
    for phone in phones {
        simulation.tell(phone).step(0, Step::TransferToOther);
        simulation.run(apart);
    }
}

#[test]
fn three_who_join_each_other_leave_nothing_behind() {
    for (seed, shards) in [(1, 1), (3, 3), (4, 3)] {
        let (mut simulation, phones) = all_talk(seed, shards);
        all_join(&mut simulation, phones, secs(1));
        for phone in phones {
            assert!(simulation.phone(phone).live_call().is_none(), "seed {seed}: {phone} is free");
            let referral = simulation.phone(phone).call(0).referral.expect("a referral");
            assert_eq!((referral.response, referral.status), (Some(202), Some(200)), "seed {seed}");
        }
        simulation.run(secs(1));
        assert!(all_over(&mut simulation), "seed {seed}: at once");
        let causes: Vec<_> = (0..3)
            .flat_map(|platform| simulation.at(platform).records())
            .filter_map(|record| record.cause.map(|cause| cause.kind))
            .collect();
        assert!(causes.contains(&CauseKind::TooManyHops), "it is said why: {causes:?}");
        simulation.finish();
    }
}

/// Everybody who is left in the middle sends the other on to a service: nobody hears the echo of an echo.
#[test]
fn a_call_between_two_services_ends() {
    for seed in 40..42 {
        let (mut simulation, [alice, bob, carol]) = all_talk(seed, 1);
        simulation.tell(alice).step(0, Step::TransferToOther);
        simulation.run(secs(1));
        simulation.tell(bob).step(0, Step::Transfer("echo".to_owned()));
        simulation.run(secs(1));
        assert!(simulation.phone(carol).call(0).is_up());
        if seed % 2 == 1 {
            simulation.part(0, 2, secs(60));
            simulation.part(1, 2, secs(60));
        }
        simulation.tell(carol).step(0, Step::Transfer("milliwatt".to_owned()));
        simulation.run(secs(2));
        simulation.heal();
        simulation.run(secs(if seed % 2 == 1 { 40 } else { 1 }));
        // The one call that is left is Bob's with Carol.
        assert_eq!(simulation.phone(carol).calls().iter().filter(|call| call.is_live()).count(), 1);
        let open = |record: &router::parameter::CallRecord| record.outcome == Outcome::Open;
        let left: usize =
            (0..3).map(|index| simulation.at(index).records().iter().filter(|record| open(record)).count()).sum();
        assert_eq!(left, 2, "seed {seed}: one record at either platform");
        simulation.finish();
    }
}

#[test]
fn two_who_are_joined_by_a_third_platform_go_on_talking() {
    let (mut simulation, [alice, bob, carol]) = all_talk(7, 3);
    simulation.tell(alice).step(0, Step::TransferToOther);
    simulation.run(secs(2));
    assert!(simulation.phone(alice).live_call().is_none());
    // Longer than it takes to ask how the legs stand.
    simulation.run(secs(70));
    for (own, other, call) in [(bob, carol, 0), (carol, bob, 0)] {
        let there = simulation.phone(other).call(call).media.speaker();
        let media = &simulation.phone(own).call(call).media;
        assert!(simulation.phone(own).call(call).is_up());
        assert!(media.hearing.speakers.get(&there).is_some_and(|&packets| packets > 3_000), "{own} hears {other}");
    }
    simulation.finish();
}

#[test]
fn a_circle_over_links_that_are_cut_is_found_when_they_are_back() {
    for seed in [10, 11, 13, 15, 18] {
        let (mut simulation, phones) = all_talk(seed, 1);
        simulation.tell(phones[0]).step(0, Step::TransferToOther);
        simulation.run(secs(1));
        simulation.tell(phones[1]).step(0, Step::TransferToOther);
        simulation.run(secs(1));
        // The last one closes it, some pieces on the links before or after they die.
        simulation.tell(phones[2]).step(0, Step::TransferToOther);
        let pieces = simulation.network.pieces(5065) + seed - 10;
        simulation.run_until(ms(400), |simulation| simulation.network.pieces(5065) >= pieces);
        for (a, b) in [(0, 1), (0, 2), (1, 2)] {
            simulation.part(a, b, secs(60));
        }
        simulation.run(secs(8));
        simulation.heal();
        simulation.run(secs(45));
        assert!(all_over(&mut simulation), "seed {seed}");
        simulation.finish();
    }
}

#[test]
fn whoever_joins_each_other_over_lines_that_lose_a_tenth_leaves_nothing_behind() {
    for seed in 30..34 {
        let (mut simulation, phones) = all_talk(seed, 1);
        for phone in phones {
            simulation.set_line(phone, Conditions::rough(100));
        }
        // All at once, or one after the other.
        all_join(&mut simulation, phones, ms((seed - 30) * 300));
        simulation.run(secs(80));
        assert!(all_over(&mut simulation), "seed {seed}");
        simulation.finish();
    }
}

/// Two platforms, at the first of which is a room, `500` at either; two people who talk to each other, and a third at the first platform.
fn with_a_room(seed: u64, shards: u8) -> (Simulation, [PhoneIndex; 3]) {
    let names: [&[&str]; 2] = [&["alice", "carol"], &["bob"]];
    let room = ConferenceName::room("sales").expect("a name");
    let there = TrunkStep { trunk: Way::Platform("p1".to_owned()), rewrite: Rewrite::NONE, timeout: None };
    let ways = [Destination::Service(BuiltinKind::Conference(room)), Destination::Trunks(vec![there])];
    let configs = names.into_iter().zip(ways).enumerate().map(|(index, (names, destination))| {
        let route = Route {
            name: "room".to_owned(),
            number: NumberMatch::Exact("500".to_owned()),
            origin: OriginMatch::Any,
            hours: None,
            destination,
            branches: Branches::default(),
        };
        let mut config = PlatformConfig { shards, ..PlatformConfig::in_cluster(index, names) };
        config.switch.plan = Plan { routes: vec![route], ..Plan::default() };
        config
    });
    let mut simulation = Simulation::cluster_of(seed, configs.collect());
    let phones = [(0, "alice"), (1, "bob"), (0, "carol")].map(|(at, name)| simulation.add_registered_at(at, name));
    connect(&mut simulation, phones[0], phones[1]);
    simulation.run(ms(500));
    (simulation, phones)
}

/// Each of two sends the other into the same room, at the same moment or one after the other: the room is not its own member, and who else is
/// there stays.
#[test]
fn a_call_with_both_ends_in_one_conference_ends() {
    for (seed, shards) in [(50, 1), (51, 3)] {
        let (mut simulation, [alice, bob, carol]) = with_a_room(seed, shards);
        simulation.tell(carol).dial("500");
        simulation.run(secs(1));
        for phone in [alice, bob] {
            simulation.tell(phone).step(0, Step::Transfer("500".to_owned()));
            simulation.run(secs(1));
            assert!(simulation.phone(phone).live_call().is_none(), "seed {seed}: {phone} is free");
        }
        // Found with the next question how the legs stand.
        simulation.run(secs(40));
        let open = |simulation: &mut Simulation, platform: usize| {
            let records = simulation.at(platform).records();
            records.iter().filter(|record| record.outcome == Outcome::Open).count()
        };
        assert_eq!([open(&mut simulation, 0), open(&mut simulation, 1)], [1, 0], "seed {seed}: carol's alone");
        assert!(simulation.call(carol).is_up());
        simulation.finish();
    }
}

/// A member from another platform stays in a room for as long as there is a telephone, and so do two rooms that are joined with each other.
#[test]
fn who_is_in_a_conference_of_another_platform_stays_there() {
    let (mut simulation, [alice, bob, carol]) = with_a_room(52, 1);
    // Alice, who sent him there, has gone long before.
    simulation.grace = secs(120);
    simulation.tell(carol).dial("500");
    simulation.tell(alice).step(0, Step::Transfer("500".to_owned()));
    simulation.run(secs(100));
    let media = &simulation.call(bob).media;
    assert!(simulation.call(bob).is_up() && simulation.call(carol).is_up());
    assert!(media.hearing.packets > 4_000, "{}", media.hearing.packets);
    simulation.finish();
}

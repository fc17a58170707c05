//! Links between platforms that die at every step of a call, platforms that do, and partitions: every call ends, nothing is left
//! on any platform, and who can hear each other goes on talking.

use crate::random_calls::{Play, each_seed};
use crate::{connect, ms, secs};
use router::parameter::{CauseKind, Outcome};
use router::time::Duration;
use scenarios::phone::BOTH_WAYS;
use scenarios::simulation::PhoneIndex;
use scenarios::{Behaviour, HoldStyle, PhoneConfig, PlatformConfig, Simulation, Step};

/// The port of the links.
const LINKS: u16 = 5065;

/// For how long a call outlives the way between its platforms here.
const GRACE: Duration = Duration::from_secs(20);

/// Platforms with these accounts; calls outlive their links for [`GRACE`].
fn cluster(seed: u64, accounts: &[&[&str]]) -> Simulation {
    let configs = accounts.iter().enumerate().map(|(index, names)| {
        let mut config = PlatformConfig::in_cluster(index, names);
        if let Some(cluster) = &mut config.switch.cluster {
            cluster.call_grace = GRACE;
        }
        config.switch.ring_timeout = secs(15);
        config
    });
    Simulation::cluster_of(seed, configs.collect())
}

/// A phone that sends little, registered at a platform.
fn phone(simulation: &mut Simulation, platform: usize, name: &str) -> PhoneIndex {
    let config = PhoneConfig { packet_ms: 100, ..simulation.phone_config_at(platform, name) };
    let phone = simulation.add(config);
    assert!(simulation.run_until(secs(5), |simulation| simulation.phone(phone).is_registered()));
    phone
}

fn apart(seed: u64) -> (Simulation, [PhoneIndex; 2]) {
    let mut simulation = cluster(seed, &[&["alice", "dave"], &["bob", "carol"]]);
    let phones = [phone(&mut simulation, 0, "alice"), phone(&mut simulation, 1, "bob")];
    (simulation, phones)
}

/// Runs until so many pieces more have come over the links.
fn run_pieces(simulation: &mut Simulation, pieces: u64, at_most: Duration) -> bool {
    let until = simulation.network.pieces(LINKS) + pieces;
    simulation.run_until(at_most, |simulation| simulation.network.pieces(LINKS) >= until)
}

/// A call in which everything happens: rung, answered, held, retrieved, ended by one side. The link is cut after so many pieces, for
/// so long.
fn cut_after(seed: u64, pieces: u64, heals_after: Option<Duration>) -> bool {
    let (mut simulation, [alice, bob]) = apart(seed);
    let script = [(ms(900), Step::Hold(HoldStyle::SendOnly)), (ms(1_800), Step::Retrieve)];
    let ends = seed.is_multiple_of(2);
    let with_end = |ends: bool| match ends {
        true => script.iter().cloned().chain([(ms(2_600), Step::HangUp)]).collect(),
        false => Vec::new(),
    };
    simulation.tell(bob).config.behaviour = Behaviour::answers(ms(500)).with_script(with_end(!ends));
    simulation.tell(alice).dial_with("bob", None, with_end(ends));
    let happened = run_pieces(&mut simulation, pieces, secs(6));
    simulation.part(0, 1, heals_after.unwrap_or(GRACE) + secs(35));
    if let Some(after) = heals_after {
        simulation.run(after);
        simulation.heal();
    }
    simulation.run(secs(5));
    simulation.finish();
    happened
}

/// As many pieces come over the links in such a call, and some more.
const PIECES: u64 = 48;

/// How long the link stays away: until something is sent again, within the call's grace, for ever, beyond the grace.
const HEALS_AFTER: [Option<Duration>; 4] = [Some(ms(20)), Some(secs(3)), None, Some(secs(40))];

/// One cut a seed: so many seeds meet each step, and four times as many each step and each time.
#[test]
fn a_link_that_is_cut_at_any_step_of_a_call_leaves_nothing_behind() {
    each_seed(PIECES / 3, |seed| {
        // Every third step in a round, from another one on with each.
        let (step, round) = (seed % (PIECES / 3), seed / (PIECES / 3));
        let pieces = step * 3 + round % 3;
        let heals = HEALS_AFTER[((step + round / 3) % 4) as usize];
        let happened = cut_after(seed, pieces, heals);
        assert!(happened || pieces > 30, "{pieces} pieces are no call");
    });
}

#[test]
fn audio_goes_on_without_the_link_and_who_hangs_up_is_heard_when_it_is_back() {
    for (seed, by_caller) in [(1, true), (2, false)] {
        let (mut simulation, [alice, bob]) = apart(seed);
        connect(&mut simulation, alice, bob);
        simulation.run(secs(2));
        simulation.part(0, 1, secs(15));
        simulation.run(secs(10));
        let heard = |simulation: &Simulation, own, other| {
            let speaker = simulation.call(other).media.speaker();
            simulation.call(own).media.hearing.speakers.get(&speaker).copied().unwrap_or(0)
        };
        assert!(heard(&simulation, alice, bob) > 100 && heard(&simulation, bob, alice) > 100);
        let (own, other) = if by_caller { (alice, bob) } else { (bob, alice) };
        simulation.tell(own).step(0, Step::HangUp);
        simulation.run(secs(2));
        assert!(simulation.call(other).is_up(), "it cannot know");
        simulation.heal();
        simulation.run(secs(12));
        assert!(!simulation.call(other).is_live(), "it is told");
        for platform in 0..2 {
            let record = simulation.at(platform).records().pop().expect("a record");
            assert_eq!((record.outcome, record.ended_by_caller), (Outcome::Answered, Some(by_caller)));
            assert_eq!(record.cause.map(|cause| cause.kind), Some(CauseKind::Normal));
        }
        simulation.finish();
    }
}

#[test]
fn a_hold_while_the_link_is_away_is_known_when_it_is_back() {
    let (mut simulation, [alice, bob]) = apart(3);
    connect(&mut simulation, alice, bob);
    simulation.run(secs(1));
    simulation.part(0, 1, secs(10));
    simulation.run(secs(1));
    simulation.tell(alice).step(0, Step::Hold(HoldStyle::SendOnly));
    simulation.run(secs(5));
    assert!(simulation.call(alice).is_up());
    simulation.heal();
    simulation.run(secs(15));
    assert_ne!(simulation.call(bob).media.direction(), BOTH_WAYS, "bob is held");
    simulation.tell(alice).step(0, Step::Retrieve);
    simulation.run(secs(4));
    assert_eq!(simulation.call(bob).media.direction(), BOTH_WAYS);
    simulation.finish();
}

#[test]
fn a_call_whose_platforms_do_not_meet_again_ends_in_time_on_both() {
    let (mut simulation, [alice, bob]) = apart(4);
    connect(&mut simulation, alice, bob);
    simulation.run(secs(2));
    simulation.part(0, 1, GRACE + secs(40));
    simulation.run(secs(15));
    assert!(simulation.call(alice).is_up() && simulation.call(bob).is_up());
    simulation.run(GRACE + secs(35));
    assert!(!simulation.call(alice).is_live() && !simulation.call(bob).is_live());
    for platform in 0..2 {
        let record = simulation.at(platform).records().pop().expect("a record");
        assert_eq!(record.cause.map(|cause| cause.kind), Some(CauseKind::Unreachable));
    }
    simulation.finish();
}

#[test]
fn a_platform_that_begins_anew_has_no_calls_and_the_other_knows_at_once() {
    for answered in [true, false] {
        for callees in [true, false] {
            // The first platform stays; the second is the caller's, or the callee's.
            let mut simulation = cluster(5, &[&["alice"], &["bob"]]);
            let [alice, bob] = [phone(&mut simulation, 0, "alice"), phone(&mut simulation, 1, "bob")];
            let (from, to) = if callees { (alice, bob) } else { (bob, alice) };
            if answered {
                connect(&mut simulation, from, to);
            } else {
                simulation.tell(to).config.behaviour = Behaviour::rings();
                let number = simulation.phone(to).config.name.clone();
                simulation.tell(from).dial(&number);
            }
            simulation.run(secs(2));
            simulation.parted_for = Some(secs(70));
            simulation.restart_other(1);
            simulation.run(secs(8));
            assert!(!simulation.call(alice).is_live(), "answered {answered}, callee there {callees}");
            let record = simulation.platform.records().pop().expect("a record");
            assert_eq!(record.outcome, if answered { Outcome::Answered } else { Outcome::Unanswered });
            if answered {
                assert_eq!(record.cause.map(|cause| cause.kind), Some(CauseKind::Interrupted));
            }
            simulation.finish();
        }
    }
}

#[test]
fn a_call_goes_through_a_third_platform_where_two_do_not_reach_each_other() {
    let mut simulation = cluster(6, &[&["erin"], &["alice"], &["bob"]]);
    let [alice, bob] = [phone(&mut simulation, 1, "alice"), phone(&mut simulation, 2, "bob")];
    connect(&mut simulation, alice, bob);
    simulation.part(1, 2, secs(10));
    simulation.run(secs(8));
    assert!(simulation.call(alice).is_up() && simulation.call(bob).is_up());
    let call = simulation.phone(alice).live_call().expect("a call");
    simulation.tell(alice).step(call, Step::HangUp);
    simulation.run(secs(1));
    assert!(!simulation.call(bob).is_live(), "told through the first platform");
    connect(&mut simulation, bob, alice);
    simulation.finish();
}

#[test]
fn three_that_fall_apart_and_meet_again_agree() {
    for seed in 0..4 {
        let mut simulation = cluster(seed, &[&["alice"], &["bob"], &["carol"]]);
        let [alice, bob, carol] =
            [(0, "alice"), (1, "bob"), (2, "carol")].map(|(platform, name)| phone(&mut simulation, platform, name));
        connect(&mut simulation, alice, bob);
        simulation.tell(carol).dial("dave");
        simulation.run(secs(1));
        // Two and one.
        simulation.part(0, 1, secs(25));
        simulation.part(0, 2, secs(25));
        simulation.run(secs(1 + seed));
        simulation.tell(carol).dial("bob");
        simulation.tell(alice).step(0, Step::HangUp);
        simulation.run(secs(4));
        simulation.heal();
        simulation.run(secs(12));
        assert!(simulation.phone(alice).live_call().is_none());
        simulation.finish();
    }
}

#[test]
fn a_clock_that_is_an_hour_off_is_seen_in_the_records_alone() {
    for off in [3_600, -3_600] {
        let (mut simulation, [alice, bob]) = apart(8);
        simulation.set_clock(1, off);
        simulation.run(secs(5));
        let carol = phone(&mut simulation, 1, "carol");
        connect(&mut simulation, alice, bob);
        simulation.run(secs(2));
        simulation.tell(bob).step(0, Step::Hold(HoldStyle::SendOnly));
        simulation.run(secs(2));
        simulation.tell(bob).step(0, Step::Retrieve);
        simulation.part(0, 1, secs(8));
        simulation.run(secs(8));
        simulation.heal();
        simulation.run(secs(10));
        simulation.tell(bob).step(0, Step::Transfer("carol".to_owned()));
        simulation.run(secs(4));
        assert!(simulation.call(alice).is_up() && simulation.call(carol).is_up(), "{off} s");
        simulation.tell(carol).step(0, Step::HangUp);
        simulation.run(secs(2));
        assert!(!simulation.call(alice).is_live(), "{off} s");
        let [here, there] =
            [0, 1].map(|platform| simulation.at(platform).records().into_iter().next().expect("a record"));
        assert_eq!(here.id, there.id);
        let apart = (there.started.0 - here.started.0) / 1_000_000;
        assert!((apart - off).abs() <= 1, "each by its own clock: {apart} s");
        let length = |record: &router::parameter::CallRecord| {
            let [answered, ended] = [record.answered, record.ended].map(|at| at.expect("a time").0);
            (ended - answered) / 1_000_000
        };
        assert!(length(&there) >= 20, "no length is made of two clocks: {}", length(&there));
        simulation.finish();
    }
}

/// Everybody calls anybody while links come and go.
#[test]
fn random_calls_over_links_that_come_and_go() {
    each_seed(10, |seed| {
        let mut simulation = cluster(seed, &[&["alice", "bob"], &["bob", "carol"], &["dave"]]);
        for (platform, name) in [(0, "alice"), (0, "bob"), (1, "bob"), (1, "carol"), (2, "dave")] {
            phone(&mut simulation, platform, name);
        }
        simulation.grace = secs(12);
        let play = Play { calls: 6, within_ms: 9_000 };
        play.stage(&mut simulation);
        for _ in 0..4 {
            let pause = ms(simulation.random().below(4_000));
            simulation.run(pause);
            match simulation.random().below(4) {
                0 => simulation.heal(),
                1 if simulation.random().below(3) == 0 => {
                    simulation.parted_for = Some(GRACE + secs(70));
                    let index = 1 + simulation.random().below(2) as usize;
                    simulation.restart_other(index);
                }
                _ => {
                    let (a, b) = [(0, 1), (0, 2), (1, 2)][simulation.random().below(3) as usize];
                    simulation.part(a, b, GRACE + secs(70));
                }
            }
        }
        if simulation.random().below(2) == 0 {
            simulation.heal();
        }
        simulation.run(secs(10));
        simulation.finish();
    });
}

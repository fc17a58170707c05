//! Bounds: held exactly, given back whole; and what goes on when something else is full.

use crate::trunk_failover::configured;
use crate::{ask_each, connect, ms, secs, with_phones};
use media::PortRange;
use router::parameter::{Outcome, Parameter, TrunkStatus};
use router::{Command, ModuleKind, one};
use scenarios::simulation::PhoneIndex;
use scenarios::trunk::{address, known, peer};
use scenarios::{Behaviour, Conditions, Ending, PlatformConfig, Simulation, Step};

/// What signaling says of the trunk: the calls of all shards.
fn trunk_status(simulation: &mut Simulation) -> TrunkStatus {
    let answers = ask_each(simulation, ModuleKind::Signaling, Command::Query, &one(TrunkStatus::default()));
    let told = answers.iter().map(|answer| match answer.first() {
        Some(Parameter::TrunkStatus(status)) => (**status).clone(),
        other => panic!("{other:?}"),
    });
    told.reduce(|all, one| TrunkStatus {
        calls_in: all.calls_in + one.calls_in,
        calls_out: all.calls_out + one.calls_out,
        ..all
    })
    .expect("a signaling module")
}

/// How many calls of a phone are up, and how many were refused as congestion.
fn outcome(simulation: &Simulation, phone: PhoneIndex) -> (usize, usize) {
    let calls = simulation.phone(phone).calls();
    let refused = |ending| matches!(ending, Some(Ending::Refused(500 | 503)));
    (calls.iter().filter(|call| call.is_up()).count(), calls.iter().filter(|call| refused(call.ending)).count())
}

#[test]
fn a_trunk_s_limit_of_calls_is_never_passed_and_never_leaks() {
    for seed in 0..4 {
        let mut trunk = known("one", address(1));
        trunk.calls_max = Some(3);
        let mut simulation = Simulation::with(seed, configured(vec![trunk]));
        let server = simulation.server();
        let one = simulation.add(peer("one", address(1), server, Behaviour::answers(ms(200))));
        let alice = simulation.add_registered("alice");
        // Ten at once, both ways together; then again, after all have ended in different ways.
        for round in 0..3 {
            for index in 0..10 {
                let (from, to) = if index % 2 == 0 { (alice, "030123") } else { (one, "1alice") };
                let give_up = (round == 1).then(|| ms(150 + 20 * index));
                simulation.tell(from).dial_with(to, give_up, Vec::new());
            }
            simulation.run(secs(2));
            let status = trunk_status(&mut simulation);
            assert!(status.calls_in + status.calls_out <= 3, "{status:?}");
            if round != 1 {
                let up = outcome(&simulation, alice).0 + outcome(&simulation, one).0;
                assert_eq!(up, 6, "three calls with two ends each");
            }
            for phone in [alice, one] {
                for call in 0..simulation.phone(phone).calls().len() {
                    simulation.tell(phone).step(call, Step::HangUp);
                }
            }
            simulation.run(secs(3));
            let status = trunk_status(&mut simulation);
            assert_eq!((status.calls_in, status.calls_out), (0, 0), "round {round}");
        }
        simulation.finish();
    }
}

#[test]
fn a_trunk_s_count_goes_back_when_its_calls_end_without_a_word() {
    let mut trunk = known("one", address(1));
    trunk.calls_max = Some(1);
    let mut simulation = Simulation::with(5, configured(vec![trunk]));
    let server = simulation.server();
    let one = simulation.add(peer("one", address(1), server, Behaviour::default()));
    let alice = simulation.add_registered("alice");
    connect_out(&mut simulation, alice);
    simulation.grace = secs(300);
    simulation.set_line(one, Conditions::DEAD);
    simulation.tell(alice).step(0, Step::HangUp);
    simulation.run(secs(34));
    simulation.tell(one).step(0, Step::HangUp);
    simulation.run(secs(36));
    assert_eq!(trunk_status(&mut simulation).calls_out, 0);
    simulation.calm();
    connect_out(&mut simulation, alice);
    simulation.finish();
}

fn connect_out(simulation: &mut Simulation, alice: PhoneIndex) {
    simulation.tell(alice).dial("030123");
    assert!(simulation.run_until(secs(5), |simulation| simulation.call(alice).is_up()));
    simulation.run(secs(1));
}

#[test]
fn the_platform_s_own_limit_refuses_one_more_and_lets_it_in_later() {
    let switch = switch::Config { calls_max: 2, ..switch::Config::default() };
    let mut simulation = Simulation::with(6, PlatformConfig { switch, ..PlatformConfig::default() });
    let [alice, _] = ["alice", "bob"].map(|name| simulation.add_registered(name));
    for _ in 0..5 {
        simulation.tell(alice).dial("bob");
    }
    simulation.run(secs(3));
    assert_eq!(outcome(&simulation, alice), (2, 3));
    for call in 0..5 {
        simulation.tell(alice).step(call, Step::HangUp);
    }
    simulation.run(secs(2));
    simulation.tell(alice).dial("bob");
    simulation.run(secs(2));
    assert!(simulation.call(alice).is_up());
    simulation.finish();
}

#[test]
fn when_no_media_port_is_left_a_call_is_refused_and_those_that_are_up_go_on() {
    let mut config = PlatformConfig::default();
    config.media.ports = PortRange { first: 20_000, last: 20_007 };
    let mut simulation = Simulation::with(7, config);
    let [alice, _] = ["alice", "bob"].map(|name| simulation.add_registered(name));
    for _ in 0..4 {
        simulation.tell(alice).dial("bob");
    }
    simulation.run(secs(3));
    assert_eq!(outcome(&simulation, alice), (2, 2), "four pairs are two calls");
    simulation.finish();
}

#[test]
fn a_call_that_one_worker_has_no_ports_for_goes_to_another() {
    let mut config = PlatformConfig { workers: 3, ..PlatformConfig::default() };
    config.media.ports = PortRange { first: 20_000, last: 20_023 };
    let mut simulation = Simulation::with(9, config);
    let [alice, _] = ["alice", "bob"].map(|name| simulation.add_registered(name));
    let dial = |simulation: &mut Simulation| {
        simulation.tell(alice).dial("bob");
        simulation.run(secs(3));
        outcome(simulation, alice)
    };
    for call in 1..=6 {
        assert_eq!(dial(&mut simulation), (call, 0), "four pairs each are two calls, of three workers six");
    }
    assert_eq!(dial(&mut simulation), (6, 1));
    // The second worker is left by its calls; whose turn it is has no ports.
    for call in [1, 4] {
        simulation.tell(alice).step(call, Step::HangUp);
    }
    simulation.run(secs(10));
    let up = outcome(&simulation, alice).0;
    for call in 1..=2 {
        assert_eq!(dial(&mut simulation).0, up + call);
    }
    assert_eq!(dial(&mut simulation).0, up + 2);
    simulation.finish();
}

#[test]
fn a_full_disk_loses_records_for_a_while_and_no_call() {
    let (mut simulation, [alice, bob]) = with_phones(8, ["alice", "bob"]);
    simulation.platform.database().set_full(true);
    connect(&mut simulation, alice, bob);
    simulation.run(secs(3));
    simulation.tell(alice).step(0, Step::HangUp);
    simulation.run(secs(30));
    assert_eq!(simulation.call(bob).ending, Some(Ending::PeerHungUp));
    connect(&mut simulation, bob, alice);
    simulation.platform.database().set_full(false);
    simulation.run(secs(30));
    simulation.tell(bob).step(1, Step::HangUp);
    simulation.run(secs(2));
    let outcomes: Vec<_> = simulation.platform.records().iter().map(|record| record.outcome).collect();
    assert_eq!(outcomes, [Outcome::Answered, Outcome::Answered], "both were kept until there was room");
    simulation.finish();
}

#[test]
fn a_media_worker_that_hangs_costs_the_calls_that_need_it_and_leaves_nothing() {
    let (mut simulation, [alice, bob]) = with_phones(10, ["alice", "bob"]);
    simulation.platform.hang_workers(true);
    for _ in 0..3 {
        simulation.tell(alice).dial("bob");
    }
    simulation.run(secs(10));
    for call in simulation.phone(alice).calls() {
        assert!(matches!(call.ending, Some(Ending::Refused(500..=599))), "{:?}", call.ending);
    }
    assert!(simulation.phone(bob).calls().is_empty());
    simulation.tell(alice).register();
    simulation.run(secs(1));
    assert!(simulation.phone(alice).is_registered(), "whoever needs no media is served meanwhile");
    simulation.platform.hang_workers(false);
    simulation.run(secs(5));
    connect(&mut simulation, alice, bob);
    simulation.run(secs(2));
    simulation.finish();
}

#[test]
fn a_media_worker_that_hangs_in_mid_call_does_not_hold_the_hang_up() {
    let (mut simulation, [alice, bob]) = with_phones(11, ["alice", "bob"]);
    connect(&mut simulation, alice, bob);
    simulation.run(secs(1));
    simulation.platform.hang_workers(true);
    simulation.run(secs(1));
    simulation.tell(alice).step(0, Step::HangUp);
    simulation.run(secs(1));
    assert_eq!(simulation.call(bob).ending, Some(Ending::PeerHungUp));
    simulation.run(secs(30));
    simulation.platform.hang_workers(false);
    simulation.finish();
}

#[test]
fn a_store_that_hangs_delays_records_and_no_call() {
    let (mut simulation, [alice, bob]) = with_phones(12, ["alice", "bob"]);
    simulation.platform.hang_store(true);
    for round in 0..5 {
        connect(&mut simulation, alice, bob);
        simulation.run(secs(1));
        simulation.tell(alice).step(round, Step::HangUp);
        simulation.run(secs(1));
        assert_eq!(simulation.call(bob).ending, Some(Ending::PeerHungUp));
    }
    simulation.tell(bob).register();
    simulation.run(secs(40));
    assert!(simulation.phone(bob).is_registered());
    simulation.platform.hang_store(false);
    simulation.run(secs(30));
    let records = simulation.platform.records();
    assert_eq!(records.iter().filter(|record| record.outcome == Outcome::Answered).count(), 5);
    simulation.finish();
}

#[test]
fn hundreds_of_calls_end_where_they_began() {
    let (mut simulation, phones) = with_phones(9, ["alice", "bob", "carol", "dave"]);
    for phone in phones {
        simulation.tell(phone).config.packet_ms = 200;
        simulation.tell(phone).config.behaviour = Behaviour::answers(ms(100));
    }
    for round in 0..40u64 {
        for (index, &phone) in phones.iter().enumerate() {
            let to = simulation.phone(phones[(index + 1 + round as usize) % 4]).config.name.clone();
            let script = vec![(ms(300 + 100 * (round % 7)), Step::HangUp)];
            simulation.tell(phone).dial_with(&to, Some(ms(90 + 10 * (round % 5))), script.clone());
            simulation.tell(phone).dial_with(&to, None, script);
        }
        simulation.run(ms(400));
    }
    simulation.run(secs(4));
    assert_eq!(simulation.platform.records().len(), 320);
    simulation.finish();
}

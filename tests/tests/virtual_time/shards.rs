//! Several SIP shards: whatever arrives comes to any of them, and nobody outside can tell.

use crate::overload_unknown_sources::flood;
use crate::random_calls::{populate_on, run_on};
use crate::trunk_failover::configured;
use crate::{ask_each, connect, ms, secs};
use router::parameter::{
    CallSummary, Originate, Outcome, Parameter, RegistrationEvent, ResourceKind, Selection, Status,
};
use router::{Address, Command, Instance, ModuleKind, Parameters, one};
use scenarios::phone::{BOTH_WAYS, Carrier, Referral};
use scenarios::simulation::PhoneIndex;
use scenarios::trunk::{address, known, peer};
use scenarios::{Behaviour, Ending, HoldStyle, PhoneConfig, PlatformConfig, Simulation, Step};
use signaling::admission::Rate;
use std::net::SocketAddr;

/// A platform of so many shards.
fn sharded(seed: u64, shards: u8) -> Simulation {
    Simulation::with(seed, PlatformConfig { shards, ..PlatformConfig::default() })
}

fn add_by_tcp(simulation: &mut Simulation, name: &str) -> PhoneIndex {
    let config = PhoneConfig { carrier: Carrier::Tcp, ..simulation.phone_config(name) };
    let phone = simulation.add(config);
    assert!(simulation.run_until(secs(5), |simulation| simulation.phone(phone).is_registered()));
    phone
}

/// What each module of a kind has counted under a name.
fn counted(simulation: &mut Simulation, kind: ModuleKind, name: &str) -> Vec<u64> {
    let answers = ask_each(simulation, kind, Command::Query, &one(Status::default()));
    let count = |answer: &router::Packet| match answer.first() {
        Some(Parameter::Status(status)) => {
            status.counters.iter().filter(|counter| counter.name == name).map(|counter| counter.value).sum()
        }
        other => panic!("{other:?}"),
    };
    answers.iter().map(count).collect()
}

#[test]
fn phones_that_registered_anywhere_call_each_other_hold_and_hang_up() {
    for shards in [2, 4] {
        for seed in 0..8 {
            let mut simulation = sharded(seed, shards);
            let alice = simulation.add_registered("alice");
            let bob = simulation.add_registered("bob");
            for (from, to) in [(alice, bob), (bob, alice), (alice, bob)] {
                connect(&mut simulation, from, to);
                let call = simulation.phone(from).live_call().expect("a call");
                simulation.run(secs(2));
                simulation.tell(from).step(call, Step::Hold(HoldStyle::SendOnly));
                simulation.run(secs(1));
                simulation.tell(from).step(call, Step::Retrieve);
                simulation.run(secs(2));
                assert_eq!(simulation.call(to).media.direction(), BOTH_WAYS);
                simulation.tell(from).step(call, Step::HangUp);
                simulation.run(secs(1));
                assert_eq!(simulation.call(to).ending, Some(Ending::PeerHungUp));
            }
            assert_eq!(simulation.platform.records().len(), 3);
            let handed: u64 = counted(&mut simulation, ModuleKind::Signaling, "sip_handed_over").iter().sum();
            assert!(handed > 0, "messages came to other shards than theirs");
            simulation.finish();
        }
    }
}

#[test]
fn all_shards_have_calls() {
    let mut simulation = sharded(1, 4);
    let alice = simulation.add_registered("alice");
    let bob = simulation.add_registered("bob");
    for _ in 0..40 {
        connect(&mut simulation, alice, bob);
        let call = simulation.phone(alice).live_call().expect("a call");
        simulation.tell(alice).step(call, Step::HangUp);
        simulation.run(ms(500));
    }
    let calls = counted(&mut simulation, ModuleKind::Switch, "calls_started");
    assert_eq!((calls.len(), calls.iter().sum()), (4, 40));
    assert!(calls.iter().all(|&calls| calls > 0), "{calls:?}");
    simulation.finish();
}

#[test]
fn phones_behind_connections_are_reached_from_every_shard() {
    for seed in 0..6 {
        let mut simulation = sharded(seed, 3);
        let alice = add_by_tcp(&mut simulation, "alice");
        let bob = add_by_tcp(&mut simulation, "bob");
        for (from, to) in [(alice, bob), (bob, alice), (alice, bob), (bob, alice)] {
            connect(&mut simulation, from, to);
            simulation.run(secs(1));
            let call = simulation.phone(from).live_call().expect("a call");
            simulation.tell(from).step(call, Step::HangUp);
            simulation.run(secs(1));
            assert_eq!(simulation.call(to).ending, Some(Ending::PeerHungUp));
        }
        assert_eq!(simulation.platform.connections(), 2, "each phone has one connection, used both ways");
        // Its connection is cut, and it comes back over another one, most likely at another shard.
        let link = simulation.phone(alice).link().expect("a connection");
        let now = simulation.now().instant;
        simulation.network.cut(now, link);
        simulation.run(secs(3));
        for _ in 0..4 {
            connect(&mut simulation, bob, alice);
            let call = simulation.phone(bob).live_call().expect("a call");
            simulation.tell(bob).step(call, Step::HangUp);
            simulation.run(secs(1));
        }
        simulation.finish();
    }
}

#[test]
fn a_call_survives_the_cut_of_a_connection_that_another_shard_has() {
    for seed in 0..6 {
        let mut simulation = sharded(seed, 3);
        let alice = add_by_tcp(&mut simulation, "alice");
        let bob = simulation.add_registered("bob");
        connect(&mut simulation, alice, bob);
        simulation.run(secs(2));
        let link = simulation.phone(alice).link().expect("a connection");
        let now = simulation.now().instant;
        simulation.network.cut(now, link);
        simulation.run(secs(4));
        assert!(simulation.call(alice).is_up() && simulation.call(bob).is_up());
        simulation.tell(alice).step(0, Step::HangUp);
        simulation.run(secs(3));
        assert_eq!(simulation.call(bob).ending, Some(Ending::PeerHungUp), "seed {seed}");
        simulation.finish();
    }
}

#[test]
fn a_transfer_goes_to_a_phone_of_any_shard() {
    for seed in 0..6 {
        let mut simulation = sharded(seed, 3);
        let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| simulation.add_registered(name));
        connect(&mut simulation, alice, bob);
        simulation.run(secs(1));
        simulation.tell(bob).step(0, Step::Transfer("carol".to_owned()));
        simulation.run(secs(6));
        let referral = simulation.call(bob).referral.expect("a referral");
        assert_eq!(referral, Referral { response: Some(202), status: Some(200), terminated: true });
        assert!(simulation.call(alice).is_up() && simulation.call(carol).is_up());
        simulation.finish();
    }
}

#[test]
fn who_is_registered_on_one_shard_is_no_stranger_on_the_others() {
    let mut config = PlatformConfig { shards: 4, ..PlatformConfig::default() };
    // Just enough for the two to register: as strangers they could make no more than a call or two.
    config.signaling.admission.unknown_source = Rate { per_second: 1, burst: 12 };
    let mut simulation = Simulation::with(5, config);
    let alice = simulation.add_registered("alice");
    let bob = simulation.add_registered("bob");
    simulation.run(secs(5));
    for _ in 0..25 {
        connect(&mut simulation, alice, bob);
        let call = simulation.phone(alice).live_call().expect("a call");
        simulation.tell(alice).step(call, Step::HangUp);
        simulation.run(ms(200));
    }
    let limited = counted(&mut simulation, ModuleKind::Signaling, "sip_unknown_source_limited");
    assert_eq!(limited, [0; 4]);
    // Once it has unregistered it is one.
    simulation.tell(alice).unregister();
    simulation.run(secs(1));
    let before: u64 = counted(&mut simulation, ModuleKind::Signaling, "sip_unknown_admitted").iter().sum();
    for _ in 0..6 {
        simulation.tell(alice).dial("bob");
        simulation.run(secs(1));
    }
    let after: u64 = counted(&mut simulation, ModuleKind::Signaling, "sip_unknown_admitted").iter().sum();
    assert!(after >= before + 6, "{before} {after}");
    simulation.finish();
}

#[test]
fn a_flood_of_strangers_is_limited_for_all_shards_together() {
    let mut simulation = sharded(2, 3);
    simulation.run(secs(1));
    let answers = flood(&mut simulation, 2_000, 1, "INVITE");
    assert!((1..=310).contains(&answers), "a burst of 200 and 50 a second: {answers}");
    let mut simulation = sharded(3, 3);
    let [alice, bob] = ["alice", "bob"].map(|name| simulation.add_registered(name));
    flood(&mut simulation, 3_000, 200, "INVITE");
    connect(&mut simulation, alice, bob);
    flood(&mut simulation, 3_000, 200, "REGISTER");
    assert!(simulation.call(alice).is_up() && simulation.call(bob).is_up());
    simulation.tell(alice).register();
    simulation.run(secs(1));
    assert!(simulation.phone(alice).is_registered());
    simulation.finish();
}

/// One Call-ID reaches one shard alone; the others do not notice.
#[test]
fn a_flood_of_one_call_id_is_one_shard_s_to_limit() {
    let mut simulation = sharded(4, 3);
    let [alice, bob] = ["alice", "bob"].map(|name| simulation.add_registered(name));
    let (server, source) = (simulation.server(), SocketAddr::from(([100, 64, 0, 1], 5060)));
    simulation.network.attach(source.ip(), scenarios::Conditions::LOCAL, scenarios::Conditions::LOCAL);
    for index in 0..3_000 {
        let request = format!(
            "OPTIONS sip:bob@tandem SIP/2.0\r\nVia: SIP/2.0/UDP {source};branch=z9hG4bK{index:x};rport\r\n\
             From: <sip:x@tandem>;tag={index}\r\nTo: <sip:bob@tandem>\r\nCall-ID: the-same\r\n\
             CSeq: {index} OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        );
        let now = simulation.now().instant;
        simulation.network.send(now, source, server, request.into_bytes());
        if index % 20 == 19 {
            simulation.run(ms(6));
        }
    }
    let limited = counted(&mut simulation, ModuleKind::Signaling, "sip_unknown_source_limited");
    assert_eq!(limited.iter().filter(|&&limited| limited > 2_000).count(), 1, "{limited:?}");
    assert_eq!(limited.iter().filter(|&&limited| limited == 0).count(), 2, "{limited:?}");
    connect(&mut simulation, alice, bob);
    simulation.run(secs(1));
    simulation.finish();
}

#[test]
fn bindings_find_their_home_after_a_restart() {
    for seed in 0..4 {
        let mut simulation = sharded(seed, 3);
        let names = ["alice", "bob", "carol", "dave"];
        let phones = names.map(|name| simulation.add_registered(name));
        simulation.run(secs(2));
        let mut simulation = simulation.restart();
        simulation.run(secs(2));
        let asked = one(router::parameter::Registration { account: "alice".to_owned(), contacts: Vec::new() });
        let answers = ask_each(&mut simulation, ModuleKind::Signaling, Command::Query, &asked);
        let contacts = |answer: &router::Packet| match answer.first() {
            Some(Parameter::Registration(registration)) => registration.contacts.len(),
            other => panic!("{other:?}"),
        };
        let mut contacts: Vec<_> = answers.iter().map(contacts).collect();
        contacts.sort_unstable();
        assert_eq!(contacts, [0, 0, 1], "one shard is alice's home");
        for pair in phones.windows(2) {
            connect(&mut simulation, pair[0], pair[1]);
            let call = simulation.phone(pair[0]).live_call().expect("a call");
            simulation.tell(pair[0]).step(call, Step::HangUp);
            simulation.run(secs(1));
        }
        simulation.finish();
    }
}

#[test]
fn limits_of_calls_hold_for_all_shards_together() {
    for seed in 0..4 {
        let mut trunk = known("one", address(1));
        trunk.calls_max = Some(3);
        let mut config = configured(vec![trunk]);
        (config.shards, config.switch.calls_max) = (4, 5);
        let mut simulation = Simulation::with(seed, config);
        let server = simulation.server();
        let one = simulation.add(peer("one", address(1), server, Behaviour::answers(ms(200))));
        let [alice, bob] = ["alice", "bob"].map(|name| simulation.add_registered(name));
        for _ in 0..3 {
            for _ in 0..10 {
                simulation.tell(alice).dial("030123");
            }
            simulation.run(secs(2));
            let up = |simulation: &Simulation, phone: PhoneIndex| {
                simulation.phone(phone).calls().iter().filter(|call| call.is_up()).count()
            };
            assert_eq!(up(&simulation, one), 3, "the trunk's limit");
            for _ in 0..10 {
                simulation.tell(alice).dial("bob");
            }
            simulation.run(secs(2));
            assert_eq!(up(&simulation, bob), 2, "the platform's limit of five");
            for call in 0..simulation.phone(alice).calls().len() {
                simulation.tell(alice).step(call, Step::HangUp);
            }
            simulation.run(secs(3));
        }
        simulation.finish();
    }
}

#[test]
fn the_operator_makes_lists_and_ends_calls_of_any_shard() {
    let mut simulation = sharded(7, 3);
    let [alice, bob] = ["alice", "bob"].map(|name| simulation.add_registered(name));
    for index in 0..3 {
        let now = simulation.now();
        let switch = Address::local(ModuleKind::Switch, index).at(Instance(1 << 60 | 7));
        let wanted = one(Originate { from: "alice".to_owned(), to: "bob".to_owned() });
        simulation.platform.observer().ask(now, switch, Command::Start, wanted);
        let up = simulation.run_until(secs(5), |simulation| {
            [alice, bob].iter().all(|&phone| simulation.phone(phone).last_call().is_some_and(|call| call.is_up()))
        });
        assert!(up, "switch/{index} made no call");
        let listing = one(Selection::default());
        let listed: Vec<(usize, CallSummary)> = ask_each(&mut simulation, ModuleKind::Switch, Command::Query, &listing)
            .iter()
            .enumerate()
            .flat_map(|(switch, answer)| answer.parameters.iter().map(move |parameter| (switch, parameter)))
            .filter_map(|(switch, parameter)| match parameter {
                Parameter::CallSummary(call) => Some((switch, (**call).clone())),
                _ => None,
            })
            .collect();
        assert_eq!(listed.iter().map(|(switch, _)| *switch).collect::<Vec<_>>(), [usize::from(index)]);
        let named = one(Selection { name: Some(listed[0].1.id.clone()), ..Selection::default() });
        let ended = ask_each(&mut simulation, ModuleKind::Switch, Command::Stop, &named);
        assert_eq!(ended.iter().filter(|answer| answer.command == Command::Done).count(), 1);
        simulation.run(secs(1));
        assert!([alice, bob].iter().all(|&phone| !simulation.call(phone).is_up()));
    }
    let records = simulation.platform.records();
    assert!(records.iter().all(|record| record.outcome == Outcome::Answered) && records.len() == 3);
    simulation.finish();
}

/// A neighbour whose news were lost is asked for everything.
#[test]
fn a_shard_that_missed_registrations_asks_for_all_of_them() {
    let mut config = PlatformConfig { shards: 2, ..PlatformConfig::default() };
    config.signaling.admission.unknown_source = Rate { per_second: 1, burst: 20 };
    let mut simulation = Simulation::with(8, config);
    let alice = simulation.add_registered("alice");
    let bob = simulation.add_registered("bob");
    simulation.run(secs(5));
    // Each shard is told that the other one lost news, of somebody that it does not have.
    for index in 0..2 {
        let registration = router::parameter::Registration { account: "alice".to_owned(), contacts: Vec::new() };
        let event = RegistrationEvent { registration, at: simulation.now().wall, missed: true, moved: None };
        let packet = router::Packet {
            source: Address::local(ModuleKind::Signaling, 1 - index),
            destination: Address::local(ModuleKind::Signaling, index),
            transaction: router::Transaction::NONE,
            command: Command::Notify,
            parameters: Parameters::from(one(event)),
        };
        simulation.platform.router().send(packet).expect("room");
    }
    simulation.run(secs(1));
    for _ in 0..20 {
        connect(&mut simulation, alice, bob);
        let call = simulation.phone(alice).live_call().expect("a call");
        simulation.tell(alice).step(call, Step::HangUp);
        simulation.run(ms(200));
    }
    assert_eq!(counted(&mut simulation, ModuleKind::Signaling, "sip_unknown_source_limited"), [0; 2]);
    simulation.finish();
}

#[test]
fn random_calls_over_three_shards_on_a_perfect_network() {
    run_on(3, 25, false);
}

#[test]
fn random_calls_over_three_shards_under_loss_doubling_and_reordering() {
    run_on(3, 40, true);
}

#[test]
fn every_shard_says_how_many_bindings_are_at_home_there() {
    let mut simulation = populate_on(9, false, 3);
    simulation.run(secs(2));
    let answers = ask_each(&mut simulation, ModuleKind::Signaling, Command::Query, &one(Status::default()));
    let bindings = |answer: &router::Packet| match answer.first() {
        Some(Parameter::Status(status)) => {
            let of_kind = status.resources.iter().filter(|resource| resource.kind == ResourceKind::Bindings);
            of_kind.map(|resource| resource.used).sum::<u64>()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(answers.iter().map(bindings).sum::<u64>(), 5, "five phones of four accounts");
    simulation.finish();
}

//! Calls whose legs are on several platforms: nobody at a phone can tell.

use crate::{connect, ms, secs};
use router::parameter::{CallRecord, CauseKind, Origin, Originate, Outcome, Parameter, Selection};
use router::{Address, Command, ModuleKind, Parameters, PlatformId, one};
use scenarios::phone::{BOTH_WAYS, Referral};
use scenarios::simulation::PhoneIndex;
use scenarios::trunk::{address, known, peer};
use scenarios::{Behaviour, Ending, HoldStyle, PhoneConfig, PlatformConfig, Simulation, Step};
use switch::plan::{
    Branches, Destination, NumberMatch, OriginMatch, PickUpGroup, Plan, Rewrite, Route, Trunk, TrunkStep, Way,
};

/// Two platforms, Alice's phone at the first, Bob's at the second; they know nothing of each other's accounts.
fn apart(seed: u64) -> (Simulation, [PhoneIndex; 2]) {
    let mut simulation = Simulation::cluster(seed, &[&["alice", "dave"], &["bob", "carol"]]);
    let phones = [simulation.add_registered_at(0, "alice"), simulation.add_registered_at(1, "bob")];
    (simulation, phones)
}

/// The only record of a platform.
fn record(simulation: &mut Simulation, platform: usize) -> CallRecord {
    let records = simulation.at(platform).records();
    assert_eq!(records.len(), 1, "{records:?}");
    records.into_iter().next().expect("one")
}

/// Asks the switch of a platform something, as an operator does.
fn ask(
    simulation: &mut Simulation,
    platform: usize,
    command: Command,
    noun: impl Into<Parameters>,
) -> router::Transaction {
    let now = simulation.now();
    simulation.at(platform).observer().ask(now, Address::local(ModuleKind::Switch, 0), command, noun)
}

#[test]
fn a_phone_here_calls_one_there_and_each_platform_has_its_record() {
    for (seed, by_caller) in [(1, true), (2, false)] {
        let (mut simulation, [alice, bob]) = apart(seed);
        connect(&mut simulation, alice, bob);
        simulation.run(secs(3));
        for (own, other) in [(alice, bob), (bob, alice)] {
            let speaker = simulation.call(other).media.speaker();
            let heard = simulation.call(own).media.hearing.speakers.get(&speaker).copied().unwrap_or(0);
            assert!(heard > 100, "{heard} packets of the other one");
        }
        let who = if by_caller { alice } else { bob };
        simulation.tell(who).step(0, Step::HangUp);
        simulation.run(secs(1));
        assert!(!simulation.call(alice).is_live() && !simulation.call(bob).is_live());
        let [here, there] = [0, 1].map(|platform| record(&mut simulation, platform));
        assert_eq!(here.id, there.id, "one call");
        assert_eq!([here.outcome, there.outcome], [Outcome::Answered; 2]);
        assert_eq!([here.ended_by_caller, there.ended_by_caller], [Some(by_caller); 2]);
        assert_eq!(here.origin, Origin::Account("alice".into()));
        let there_by = Origin::Account("alice".into()).on("p1", Some(PlatformId(1)));
        assert_eq!(there.origin, there_by);
        assert_eq!((here.destination.as_deref(), there.destination.as_deref()), (Some("bob"), Some("bob")));
        assert!(there.callee_quality.packets_received > 100 && here.callee_quality.packets_received > 100);
        simulation.finish();
    }
}

#[test]
fn all_that_a_user_has_anywhere_ring_and_the_first_answer_wins() {
    for there_wins in [true, false] {
        let mut simulation = Simulation::cluster(3, &[&["alice", "bob"], &["bob"], &["bob"]]);
        let alice = simulation.add_registered_at(0, "alice");
        let here = simulation.add_registered_at(0, "bob");
        let there = simulation.add_registered_at(1, "bob");
        let too = simulation.add_registered_at(1, "bob");
        let elsewhere = simulation.add_registered_at(2, "bob");
        let (winner, others) =
            if there_wins { (there, [here, too, elsewhere]) } else { (here, [there, too, elsewhere]) };
        for phone in others {
            simulation.tell(phone).config.behaviour = Behaviour::rings();
        }
        simulation.tell(winner).config.behaviour = Behaviour::answers(ms(1_200));
        simulation.tell(alice).dial("bob");
        simulation.run(secs(5));
        assert!(simulation.call(alice).is_up() && simulation.call(winner).is_up());
        for phone in others {
            let call = simulation.call(phone);
            assert_eq!(call.ending, Some(Ending::Cancelled));
            let reason = call.reason.clone().unwrap_or_default();
            assert!(reason.contains("cause=200"), "no call is missed that was answered elsewhere: {reason}");
        }
        simulation.finish();
    }
}

#[test]
fn the_caller_hears_why_nobody_answers() {
    let cases = [
        (Some(Behaviour::rejects(486)), "bob", Ending::Refused(486), CauseKind::Busy),
        (Some(Behaviour::rejects(603)), "bob", Ending::Refused(603), CauseKind::Declined),
        (None, "carol", Ending::Refused(480), CauseKind::Unreachable),
        (None, "nobody", Ending::Refused(404), CauseKind::UnknownNumber),
        (Some(Behaviour::rings()), "bob", Ending::Refused(480), CauseKind::NoAnswer),
    ];
    for (seed, (behaviour, number, ending, cause)) in cases.into_iter().enumerate() {
        let (mut simulation, [alice, bob]) = apart(seed as u64);
        if let Some(behaviour) = behaviour {
            simulation.tell(bob).config.behaviour = behaviour;
        }
        simulation.tell(alice).dial(number);
        simulation.run(secs(70));
        assert_eq!(simulation.call(alice).ending, Some(ending), "{number}");
        assert_eq!(record(&mut simulation, 0).cause.map(|cause| cause.kind), Some(cause), "{number}");
        simulation.finish();
    }
}

#[test]
fn the_caller_may_give_up_at_any_moment() {
    for after in (0..22).map(|step| step * 43) {
        let (mut simulation, [alice, bob]) = apart(after);
        simulation.tell(bob).config.behaviour = Behaviour::answers(ms(600));
        simulation.tell(alice).dial("bob");
        simulation.run(ms(after));
        if let Some(call) = simulation.phone(alice).live_call() {
            simulation.tell(alice).step(call, Step::HangUp);
        }
        simulation.run(secs(2));
        assert!(simulation.phones().iter().all(|phone| phone.live_call().is_none()), "{after} ms");
        simulation.finish();
    }
}

#[test]
fn either_holds_and_retrieves_and_digits_and_bodies_pass() {
    for side in 0..2 {
        let (mut simulation, phones) = apart(20 + side as u64);
        connect(&mut simulation, phones[0], phones[1]);
        simulation.run(secs(1));
        let (holder, held) = (phones[side], phones[1 - side]);
        for style in [HoldStyle::SendOnly, HoldStyle::Inactive, HoldStyle::ZeroAddress] {
            simulation.tell(holder).step(0, Step::Hold(style));
            simulation.run(secs(2));
            assert_ne!(simulation.call(held).media.direction(), BOTH_WAYS, "{style:?}");
            simulation.tell(holder).step(0, Step::Retrieve);
            simulation.run(secs(4)); // in which audio is looked at
            assert_eq!(simulation.call(held).media.direction(), BOTH_WAYS, "{style:?}");
        }
        for step in [
            Step::Refresh,
            Step::RefreshWithoutOffer,
            Step::Update,
            Step::InfoKey('5'),
            Step::Press(5),
            Step::NewSource,
        ] {
            simulation.tell(holder).step(0, step);
            simulation.run(secs(1));
        }
        simulation.run(secs(3));
        assert!(simulation.call(holder).is_up() && simulation.call(held).is_up());
        simulation.finish();
    }
}

#[test]
fn whoever_transfers_sends_the_other_to_either_platform() {
    for caller_transfers in [true, false] {
        for target_there in [true, false] {
            let (mut simulation, [alice, bob]) = apart(30);
            let third = match target_there {
                true => simulation.add_registered_at(1, "carol"),
                false => simulation.add_registered_at(0, "dave"),
            };
            connect(&mut simulation, alice, bob);
            simulation.run(secs(2));
            let (transferor, transferee) = if caller_transfers { (alice, bob) } else { (bob, alice) };
            let target = simulation.phone(third).config.name.clone();
            simulation.tell(transferor).step(0, Step::Transfer(target));
            simulation.run(secs(6));
            let referral = simulation.call(transferor).referral.expect("a referral");
            assert_eq!(referral, Referral { response: Some(202), status: Some(200), terminated: true });
            assert!(!simulation.call(transferor).is_live());
            for (own, other) in [(transferee, third), (third, transferee)] {
                let call = simulation.call(own);
                assert!(call.is_up(), "{caller_transfers} {target_there}: {:?}", call.ending);
                let speaker = simulation.call(other).media.speaker();
                let heard = call.media.hearing.speakers.get(&speaker).copied().unwrap_or(0);
                assert!(heard > 60, "{caller_transfers} {target_there}: {heard}");
            }
            simulation.tell(third).step(0, Step::HangUp);
            simulation.run(secs(1));
            assert!(!simulation.call(transferee).is_live());
            simulation.finish();
        }
    }
}

#[test]
fn early_media_is_heard_across_platforms() {
    let (mut simulation, [alice, bob]) = apart(40);
    let early = Behaviour { early_media: Some(ms(200)), ..Behaviour::answers(ms(3_000)) };
    simulation.tell(bob).config.behaviour = early;
    simulation.tell(alice).dial("bob");
    simulation.run(ms(2_500));
    let speaker = simulation.call(bob).media.speaker();
    let heard = simulation.call(alice).media.hearing.speakers.get(&speaker).copied().unwrap_or(0);
    assert!(heard > 50, "{heard} packets before the answer");
    simulation.run(secs(2));
    assert!(simulation.call(alice).is_up());
    simulation.finish();
}

#[test]
fn a_phone_that_forwards_sends_its_callers_to_another_platform() {
    let (mut simulation, [alice, bob]) = apart(41);
    let dave = simulation.add_registered_at(0, "dave");
    simulation.tell(bob).config.behaviour = Behaviour::forwards("dave");
    simulation.tell(alice).dial("bob");
    simulation.run(secs(4));
    assert!(simulation.call(alice).is_up() && simulation.call(dave).is_up());
    let ids: Vec<String> = simulation.platform.records().into_iter().map(|record| record.id).collect();
    let common = &record(&mut simulation, 1).id;
    assert_eq!(ids.len(), 2);
    assert!(ids.iter().any(|id| id == common), "{ids:?}");
    assert!(ids.iter().any(|id| *id == format!("{common}~2.2")), "what comes back has an id of its own: {ids:?}");
    simulation.finish();
}

#[test]
fn the_operator_makes_a_call_across_platforms_and_ends_it_at_either() {
    for ends_at in 0..2 {
        let (mut simulation, [alice, bob]) = apart(42);
        let originate = Originate { from: "bob".into(), to: "alice".into() };
        let asked = ask(&mut simulation, 0, Command::Start, one(originate));
        simulation.run(secs(4));
        let answer = simulation.platform.observer().answer(asked).expect("an answer");
        let Some(Parameter::CallSummary(call)) = answer.first() else { panic!("{answer:?}") };
        assert!(simulation.call(alice).is_up() && simulation.call(bob).is_up());
        let places: Vec<_> = call.legs.iter().map(|leg| (leg.peer.as_str(), leg.platform.as_deref())).collect();
        assert_eq!(places, [("bob", Some("p2")), ("alice", None)]);
        let selection = Selection { name: Some(call.id.clone()), ..Selection::default() };
        ask(&mut simulation, ends_at, Command::Stop, one(selection));
        simulation.run(secs(1));
        assert!(!simulation.call(alice).is_live() && !simulation.call(bob).is_live());
        simulation.finish();
    }
}

/// Everything that begins with `prefix` goes these ways, without it.
fn route(prefix: &str, from: OriginMatch, ways: Vec<Way>) -> Route {
    let step = |trunk| TrunkStep { trunk, rewrite: Rewrite { strip: prefix.len(), ..Rewrite::NONE }, timeout: None };
    Route {
        name: prefix.to_owned(),
        number: NumberMatch::Prefix(prefix.to_owned()),
        origin: from,
        hours: None,
        destination: Destination::Trunks(ways.into_iter().map(step).collect()),
        branches: Branches::default(),
    }
}

fn of(trunk: &str, platform: &str) -> Way {
    Way::TrunkOf { trunk: trunk.to_owned(), platform: platform.to_owned() }
}

/// The second platform has two trunks: `full`, which takes no call, and `wide`.
fn with_trunks(seed: u64, ways: Vec<Way>) -> Simulation {
    let mut first = PlatformConfig::in_cluster(0, &["alice"]);
    first.switch.plan.routes.push(route("0", OriginMatch::Accounts, ways));
    let mut second = PlatformConfig::in_cluster(1, &["bob"]);
    let mut full = known("full", address(1));
    full.calls_max = Some(0);
    let trunks = vec![full, known("wide", address(2))];
    let interface = scenarios::platform::host(1);
    let of_plan = |name: &str| Trunk { interface, redirects: Default::default(), ..Trunk::new(name) };
    second.signaling.trunks = trunks;
    second.switch.plan = Plan {
        trunks: ["full", "wide"].map(of_plan).to_vec(),
        routes: vec![route("0", OriginMatch::Platforms, vec![Way::from("wide")])],
        ..Plan::default()
    };
    Simulation::cluster_of(seed, vec![first, second])
}

#[test]
fn a_trunk_of_another_platform_is_used_and_one_that_fails_leads_to_the_next() {
    let ways = [
        vec![of("wide", "p2")],
        vec![of("full", "p2"), of("wide", "p2")],
        vec![of("none", "p2"), of("wide", "p2")],
        vec![of("wide", "p7"), of("wide", "p2")],
        // Its plan takes the number anew.
        vec![Way::Platform("p9".into()), Way::Platform("2".into())],
    ];
    for (seed, ways) in ways.into_iter().enumerate() {
        let by_plan = matches!(ways[0], Way::Platform(_));
        let mut simulation = with_trunks(seed as u64, ways);
        let alice = simulation.add_registered_at(0, "alice");
        let server = std::net::SocketAddr::new(scenarios::platform::host(1), 5060);
        let trunk = PhoneConfig { server, ..peer("wide", address(2), server, Behaviour::default()) };
        let wide = simulation.add(trunk);
        simulation.tell(alice).dial(if by_plan { "0030123" } else { "030123" });
        simulation.run(secs(6));
        assert!(simulation.call(alice).is_up(), "{seed}: {:?}", simulation.call(alice).ending);
        assert!(simulation.call(wide).is_up());
        let last = simulation.at(1).records().pop().expect("a record");
        assert_eq!(last.destination.as_deref(), Some("wide"));
        assert_eq!(last.called.user(), if by_plan { "030123" } else { "30123" });
        simulation.finish();
    }
}

#[test]
fn platforms_that_send_a_number_to_each_other_do_not_do_so_for_ever() {
    let configs = [0, 1].map(|index| {
        let mut config = PlatformConfig::in_cluster(index, &["alice"]);
        let other = Way::Platform(format!("p{}", 2 - index));
        let mut route = route("9", OriginMatch::Any, vec![other]);
        if let Destination::Trunks(steps) = &mut route.destination {
            steps[0].rewrite = Rewrite::NONE;
        }
        config.switch.plan.routes.push(route);
        config
    });
    let mut simulation = Simulation::cluster_of(50, configs.to_vec());
    let alice = simulation.add_registered_at(0, "alice");
    simulation.tell(alice).dial("911");
    simulation.run(secs(5));
    assert!(matches!(simulation.call(alice).ending, Some(Ending::Refused(483))), "{:?}", simulation.call(alice).ending);
    let calls: usize = (0..2).map(|platform| simulation.at(platform).records().len()).sum();
    assert!((2..=10).contains(&calls), "{calls}");
    simulation.finish();
}

#[test]
fn accounts_at_home_on_any_shard_are_found() {
    let configs = [0, 1].map(|index| PlatformConfig {
        shards: 3,
        ..PlatformConfig::in_cluster(index, if index == 0 { &["alice"] } else { &["bob", "carol", "dave", "erin"] })
    });
    let mut simulation = Simulation::cluster_of(60, configs.to_vec());
    let alice = simulation.add_registered_at(0, "alice");
    for name in ["bob", "carol", "dave", "erin"] {
        let phone = simulation.add_registered_at(1, name);
        connect(&mut simulation, alice, phone);
        let call = simulation.phone(alice).live_call().expect("a call");
        simulation.tell(alice).step(call, Step::HangUp);
        simulation.run(secs(1));
    }
    assert_eq!(simulation.at(1).records().len(), 4);
    simulation.finish();
}

#[test]
fn a_call_that_rings_at_one_platform_is_picked_up_at_another_by_a_number() {
    let code = |destination| Route {
        name: "pick up".to_owned(),
        number: NumberMatch::Prefix("*8".to_owned()),
        origin: OriginMatch::Accounts,
        hours: None,
        destination,
        branches: Branches::default(),
    };
    // The one has the group; the other sends the code and the number there.
    let mut first = PlatformConfig::in_cluster(0, &["alice", "bob"]);
    let members = ["bob", "carol"].map(str::to_owned).to_vec();
    first.switch.plan.pick_up_groups = vec![PickUpGroup { name: "sales".to_owned(), members, by: Vec::new() }];
    first.switch.plan.routes = vec![code(Destination::PickUp(Rewrite { strip: 2, ..Rewrite::NONE }))];
    let mut second = PlatformConfig::in_cluster(1, &["carol", "dave"]);
    let there = TrunkStep { trunk: Way::Platform("p1".to_owned()), rewrite: Rewrite::NONE, timeout: None };
    second.switch.plan.routes = vec![code(Destination::Trunks(vec![there]))];
    let mut simulation = Simulation::cluster_of(61, vec![first, second]);
    let [alice, bob] = ["alice", "bob"].map(|name| simulation.add_registered_at(0, name));
    let [carol, dave] = ["carol", "dave"].map(|name| simulation.add_registered_at(1, name));
    simulation.tell(bob).config.behaviour = Behaviour::rings();
    simulation.tell(alice).dial("bob");
    simulation.run(secs(1));
    simulation.tell(dave).dial("*8bob");
    simulation.run(secs(1));
    assert_eq!(simulation.call(dave).ending, Some(Ending::Refused(403)), "of no group");
    simulation.tell(carol).dial("*8bob");
    simulation.run(secs(3));
    assert_eq!(simulation.call(bob).ending, Some(Ending::Cancelled));
    for (own, peer) in [(alice, carol), (carol, alice)] {
        let (call, speaker) = (simulation.call(own), simulation.call(peer).media.speaker());
        assert!(call.is_up(), "{own}: {:?} {:?}", call.ending, call.reason);
        let heard = call.media.hearing.speakers.get(&speaker).copied().unwrap_or(0);
        assert!(heard > 60, "{own} heard {heard} packets of {peer}");
    }
    simulation.tell(carol).step(0, Step::HangUp);
    simulation.run(secs(1));
    assert!(!simulation.call(alice).is_live() && !simulation.call(carol).is_live());
    let records = simulation.at(0).records();
    let picked_up = records.iter().find(|record| record.outcome == Outcome::Answered).expect("a record");
    assert_eq!(picked_up.called.user(), "bob");
    simulation.finish();
}

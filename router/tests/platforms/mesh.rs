//! How platforms find each other, and what they do as one.

use crate::network::{Network, config, millis};
use crate::node::{Manner, on};
use router::limits::HOPS;
use router::parameter::PlatformState::{Down, Linked, Via};
use router::parameter::{Parameter, Platform, Reason, Selection, Status};
use router::time::Duration;
use router::{Command, Instance, PlatformId, one};
use std::collections::BTreeMap;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn one_known_peer_makes_a_full_mesh() {
    for seed in 0..20 {
        let mut network = Network::by_gossip(seed, 5);
        network.run(3 * SECOND);
        for index in 0..5 {
            let others: BTreeMap<_, _> = (1..=5).filter(|id| *id != index as u32 + 1).map(|id| (id, Linked)).collect();
            assert_eq!(network.node(index).states(), others, "seed {seed}");
        }
        assert_eq!(network.connections.len(), 10, "seed {seed}: one link between each two");
        // They stay.
        network.run(30 * SECOND);
        assert_eq!(network.connections.len(), 10);
        for index in 0..5 {
            let node = network.node(index);
            let errors: Vec<_> = node.bridge.platforms().into_iter().map(|platform| platform.last_error).collect();
            assert_eq!(node.bridge.counters().links_refused, 0, "seed {seed}: {errors:?}");
        }
        let platform = network.node(0).platform(2);
        assert!(platform.round_trip_us.is_some_and(|us| (100..4_000).contains(&us)), "{platform:?}");
        assert_eq!((platform.name.as_str(), platform.last_error), ("node 2", None));
    }
}

#[test]
fn a_request_goes_to_the_platform_that_it_names_and_its_answer_back() {
    let mut network = Network::by_gossip(1, 3);
    network.run(2 * SECOND);
    let now = network.now;
    for platform in [2, 3] {
        network.node(0).ask(now, PlatformId(platform), SECOND);
        network.node(0).tell(platform);
    }
    network.run(SECOND);
    let asker = network.node(0);
    assert!(asker.finals.values().all(|answers| *answers == 1));
    assert!(asker.reasons.keys().all(|reason| reason.is_none_or(|reason| reason == Reason::NotFound)));
    assert_eq!((network.node(1).served, network.node(1).notices), (1, 1));
    assert_eq!((network.node(2).served, network.node(2).notices), (1, 1));
}

#[test]
fn a_platform_without_a_link_is_reached_through_others_as_far_as_packets_may_go() {
    // A chain: each knows the one before it, and nobody can dial but along the chain.
    const LENGTH: usize = HOPS as usize + 2;
    let chain = |index: usize| {
        let peers = if index == 0 { vec![] } else { vec![index - 1] };
        router::bridge::Config { addresses: vec![], ..config(index, &peers) }
    };
    let mut network = Network::new(3, (0..LENGTH).map(chain).collect());
    network.run(3 * SECOND);
    for id in 2..=LENGTH as u32 {
        let state = network.node(0).states().get(&id).copied();
        let expected = match id {
            2 => Some(Linked),
            id if id <= u32::from(HOPS) + 1 => Some(Via),
            _ => None,
        };
        assert_eq!(state, expected, "platform {id}");
    }
    let far = u32::from(HOPS) + 1;
    assert_eq!(network.node(0).platform(far).via, Some(PlatformId(2)));
    let now = network.now;
    network.node(0).ask(now, PlatformId(far), SECOND);
    network.node(0).ask(now, PlatformId(far + 1), SECOND);
    network.run(SECOND);
    assert_eq!(network.node(0).reasons.get(&Some(Reason::PlatformAbsent)), Some(&1), "that one is too far");
    assert_eq!(network.node(far as usize - 1).served, 1);
    assert_eq!(network.node(1).bridge.counters().forwarded, 2, "there and back");
}

#[test]
fn anywhere_is_the_least_loaded_of_the_others() {
    let mut network = Network::by_gossip(5, 3);
    network.run(2 * SECOND);
    let now = network.now;
    for _ in 0..200 {
        network.node(0).ask(now, PlatformId::ANY, SECOND);
    }
    network.run(SECOND);
    assert_eq!((network.node(1).served, network.node(2).served), (100, 100), "equals share");
    assert_eq!(network.node(0).answered_by.len(), 2);
    // One that refuses, and one that does not answer, are asked no more while there is another.
    network.node(1).manner = Manner::Full;
    for _ in 0..10 {
        let now = network.now;
        network.node(0).ask(now, PlatformId::ANY, SECOND);
        network.run(millis(50));
    }
    let refused = network.node(0).reasons.get(&Some(Reason::Busy)).copied();
    assert_eq!(refused, Some(1));
    network.node(1).manner = Manner::Never;
    network.run(10 * SECOND);
    let mut expired = 0;
    for _ in 0..20 {
        let now = network.now;
        network.node(0).ask(now, PlatformId::ANY, 4 * SECOND);
        network.run(SECOND);
        expired = network.node(0).reasons.get(&Some(Reason::Expired)).copied().unwrap_or(0);
    }
    network.run(4 * SECOND);
    assert!((1..=4).contains(&expired), "{expired}");
}

#[test]
fn the_platforms_are_listed_and_followed() {
    let mut network = Network::by_gossip(7, 3);
    network.run(2 * SECOND);
    let now = network.now;
    let bridge = router::Address::local(router::ModuleKind::Bridge, 0);
    let node = network.node(0);
    node.asker.request(now.instant, Instance(1), bridge, Command::Subscribe, one(Platform::default()), SECOND);
    let selection = Selection { limit: Some(2), ..Selection::default() };
    let query = [Parameter::from(Platform::default()), selection.into()];
    let query: router::Parameters = query.into_iter().collect();
    node.asker.request(now.instant, Instance(1), bridge, Command::Query, query, SECOND);
    network.run(millis(10));
    let states = |network: &mut Network| {
        std::mem::take(&mut network.node(0).events)
            .into_iter()
            .map(|event| (event.id.0, event.state))
            .collect::<Vec<_>>()
    };
    assert_eq!(states(&mut network), []);
    network.kill(2);
    network.run(SECOND);
    assert_eq!(states(&mut network).last(), Some(&(3, Down)));
    network.start(2, config(2, &[0]));
    network.run(5 * SECOND);
    assert_eq!(states(&mut network).last(), Some(&(3, Linked)));
}

#[test]
fn counters_add_up_where_nothing_is_lost() {
    for seed in 0..20 {
        let mut network = Network::by_gossip(seed, 4);
        network.run(2 * SECOND);
        for round in 0..50 {
            let (from, to) = (network.random.below(4) as usize, network.random.below(4) as u32 + 1);
            let now = network.now;
            network.node(from).manner = Manner::Within(20);
            if to != from as u32 + 1 {
                network.node(from).ask(now, PlatformId(to), SECOND);
                network.node(from).tell(to);
            }
            if round % 5 == 0 {
                network.run(millis(7));
            }
        }
        network.run(2 * SECOND);
        let mut totals = (0, 0);
        for index in 0..4 {
            let node = network.node(index);
            let counters = node.bridge.counters();
            let platforms = node.bridge.platforms();
            let sum = |of: fn(&Platform) -> u64| platforms.iter().map(of).sum::<u64>();
            assert_eq!(sum(|of| of.packets_out), counters.sent + counters.forwarded, "seed {seed}");
            assert_eq!((counters.failed, counters.dropped, counters.late, counters.overtaken), (0, 0, 0, 0));
            assert_eq!(node.bridge.waiting(), (0, 0));
            totals.0 += sum(|of| of.packets_out);
            totals.1 += sum(|of| of.packets_in);
            assert!(node.finals.values().all(|answers| *answers == 1));
        }
        assert_eq!(totals.0, totals.1, "seed {seed}");
    }
}

#[test]
fn a_module_tells_its_status_to_another_platform() {
    let mut network = Network::by_gossip(9, 2);
    network.run(2 * SECOND);
    let now = network.now;
    let there = on(2, router::Address::local(router::ModuleKind::Bridge, 0));
    let node = network.node(0);
    let asked = node.asker.request(now.instant, Instance(1), there, Command::Query, one(Status::default()), SECOND);
    let unsupported =
        node.asker.request(now.instant, Instance(1), there, Command::Start, one(Status::default()), SECOND);
    network.run(SECOND);
    let node = network.node(0);
    assert!(node.answered_at.contains_key(&asked) && node.answered_at.contains_key(&unsupported));
    assert_eq!(node.reasons, BTreeMap::from([(None, 1), (Some(Reason::Unsupported), 1)]));
}

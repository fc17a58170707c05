//! Ports are told where the signalling of their legs comes from.

use crate::harness::*;
use router::Command;
use router::parameter::*;
use std::net::IpAddr;
use switch::Config;
use switch::plan::*;

#[test]
fn a_port_is_told_where_its_peer_s_signalling_comes_from_and_that_it_has_moved() {
    let mut world = World::new();
    let (caller, _) = world.connected();
    assert_eq!(world.plan(0).host, None, "nobody has said so");
    let offer = audio(4500, &[pcmu()], Direction::SendReceive);
    let (host, generation) = (IpAddr::from([203, 0, 113, 7]), world.plan(0).generation);
    let moved = LegState::new(LegPhase::Answered).with_media(Some(MediaExchange::Offer(offer)));
    world.ask(caller, Command::Set, LegState { host: Some(host), ..moved.clone() });
    world.settle();
    assert_eq!(world.plan(0).host, Some(host));
    assert!(world.plan(0).generation > generation, "its source is learned anew");
    assert_eq!(world.plan(1).host, None);
    world.ask(caller, Command::Set, moved);
    world.settle();
    assert_eq!(world.plan(0).host, Some(host), "who says nothing is where it was");
}

#[test]
fn a_port_is_told_of_the_networks_of_its_trunk_and_no_other_port_is() {
    let trunk = |name: &str| Trunk { interface: [192, 0, 2, 1].into(), ..Trunk::new(name) };
    let networks = vec![Network::parse("203.0.113.0/24").unwrap()];
    let plan = Plan {
        routes: vec![Route {
            name: "out".into(),
            number: NumberMatch::Prefix("0".into()),
            origin: OriginMatch::Any,
            hours: None,
            destination: Destination::Trunks(vec![TrunkStep {
                trunk: "carrier".into(),
                rewrite: Rewrite::NONE,
                timeout: None,
            }]),
            branches: Branches::default(),
        }],
        trunks: vec![trunk("carrier"), trunk("other")],
        trunk_media: vec![TrunkMedia { trunk: "carrier".into(), networks: networks.clone() }],
        ..Plan::default()
    };
    for (from, to, expected) in [
        ("alice", "030123", [vec![], networks.clone()]),
        ("trunk:carrier", "bob", [networks.clone(), vec![]]),
        ("trunk:other", "bob", [vec![], vec![]]),
        ("trunk:other", "030123", [vec![], networks.clone()]),
    ] {
        let mut world = World::with(Config { plan: plan.clone(), ..Config::default() });
        world.call(from, to);
        let callee = world.only();
        world.answer(callee);
        assert_eq!([0, 1].map(|port| world.plan(port).networks.clone()), expected, "{from} calls {to}");
    }
}

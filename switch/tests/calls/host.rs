//! Ports are told where the signalling of their legs comes from.

use crate::harness::*;
use router::Command;
use router::parameter::*;
use std::net::IpAddr;

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

//! Where a peer's signalling comes from, as the call is told it: behind a NAT its media come from there.

use super::harness::{ALICE, World, alice_talks, leg_state, sdp, trunk_talks};
use router::Command;
use router::parameter::Parameter;
use std::net::{IpAddr, SocketAddr};

#[test]
fn the_call_is_told_where_the_signalling_of_each_leg_comes_from() {
    let mut world = World::new(1);
    let (alice, start) = alice_talks(&mut world);
    let Some(Parameter::Call(call)) = start.first() else { panic!("{start:?}") };
    assert_eq!(call.host, Some(alice.address.ip()));
}

#[test]
fn who_describes_the_same_from_another_host_has_moved() {
    let mut world = World::new(2);
    let (mut alice, _) = alice_talks(&mut world);
    alice.asks(&mut world, "INVITE", "", &sdp(1, 4_000, "sendrecv"));
    world.expect(alice.address, "SIP/2.0 200");
    alice.acknowledges(&mut world, "");
    world.run_ms(10);
    let host: IpAddr = "203.0.113.77".parse().unwrap();
    alice.address = SocketAddr::new(host, alice.address.port());
    alice.asks(&mut world, "INVITE", "", &sdp(1, 4_000, "sendrecv"));
    let asked = world.asked(Command::Set);
    assert_eq!(leg_state(&asked).host, Some(host));
    world.accept(&asked);
    world.expect(alice.address, "SIP/2.0 200");
    alice.acknowledges(&mut world, "");
    world.run_ms(10);
    // The call knows it now.
    alice.asks(&mut world, "INVITE", "", &sdp(1, 4_000, "sendrecv"));
    world.expect(alice.address, "SIP/2.0 200");
    assert_ne!(ALICE, alice.address.to_string());
}

#[test]
fn who_answers_is_known_by_where_it_answers_from() {
    let mut world = World::new(3);
    let (mut carrier, leg) = trunk_talks(&mut world, "");
    carrier.asks(&mut world, "INVITE", "", &sdp(2, 6_000, "sendonly"));
    let asked = world.asked(Command::Set);
    assert_eq!(asked.source, leg);
    assert_eq!(leg_state(&asked).host, Some(carrier.address.ip()));
}

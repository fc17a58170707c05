//! Calls of ours that come back to us.

use super::admission::counter;
use super::harness::{CALL, TRUNK, World, call_trunk, cause, header, offer};
use router::parameter::{CauseKind, LegState, Parameter};
use router::{Address, Command};
use signaling::message::{Header, Message};
use std::net::SocketAddr;

/// A call to the trunk, and what of it came there.
fn called(world: &mut World) -> (SocketAddr, Address, Message) {
    let trunk = TRUNK.parse().unwrap();
    let leg = call_trunk(world, offer(20_000));
    (trunk, leg, world.expect(trunk, "INVITE"))
}

/// It is sent back by a proxy with that Max-Forwards.
fn by_proxy(world: &mut World, invite: &Message, hops: u8) -> u8 {
    let text = std::str::from_utf8(invite.as_bytes()).unwrap();
    let forwards = format!("Max-Forwards: {}", header(invite, Header::MaxForwards));
    let (line, rest) = text.split_once("\r\n").unwrap();
    let via = format!("Via: SIP/2.0/UDP {TRUNK};branch=z9hG4bKproxy{hops}");
    let back = format!("{line}\r\n{via}\r\n{}", rest.replace(&forwards, &format!("Max-Forwards: {hops}")));
    world.send(TRUNK.parse().unwrap(), &back);
    let start = world.asked(Command::Start);
    let Some(Parameter::Call(call)) = start.first() else { panic!("{start:?}") };
    let hops = call.hops;
    world.refuse(&start, CauseKind::Busy);
    hops
}

#[test]
fn a_call_that_comes_straight_back_is_refused_at_once() {
    let mut world = World::new(1);
    let (trunk, _, invite) = called(&mut world);
    world.send_octets(trunk, invite.as_bytes());
    let refused = world.expect(trunk, "SIP/2.0 482");
    assert_eq!(world.asked(Command::Notify).parameters.len(), 2, "its record");
    world.send_octets(trunk, refused.as_bytes());
    let failed = world.told(Command::Failed);
    assert_eq!(cause(&failed).kind, CauseKind::TooManyHops);
    assert_eq!(counter(&mut world, "sip_loops"), 1);
    world.assert_idle();
}

#[test]
fn a_call_that_a_proxy_sends_back_goes_on_and_not_for_long() {
    for (hops, left) in [(67, 22), (20, 6), (4, 1), (0, 0)] {
        let mut world = World::new(2);
        let (_, _, invite) = called(&mut world);
        assert_eq!(by_proxy(&mut world, &invite, hops), left);
    }
    let mut world = World::new(3);
    let (_, leg, invite) = called(&mut world);
    world.ask(CALL, leg, Command::Stop, LegState::released(CauseKind::Normal));
    world.run_ms(40_000);
    // Once it has been answered, a branch is anybody's.
    assert_eq!(by_proxy(&mut world, &invite, 65), 65);
}

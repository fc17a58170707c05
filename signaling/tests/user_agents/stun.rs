//! Keep-alives by STUN on the port of SIP (RFC 5626 §4.4.2).

use super::harness::{ALICE, World};
use super::peer::Peer;
use bytes::Bytes;
use signaling::transport::{Flow, ListenerId, Transmit, Transport};
use std::net::SocketAddr;

/// A Binding request without attributes.
const REQUEST: &[u8] = b"\x00\x01\x00\x00\x21\x12\xa4\x42tandem-stun!";

const STRANGER: &str = "203.0.113.5:40000";

fn flow(remote: SocketAddr) -> Flow {
    let local = super::harness::SERVER.parse().unwrap();
    Flow { transport: Transport::Udp, listener: ListenerId(0), local, remote, connection: None }
}

/// The answer to these octets from there.
fn answer(world: &mut World, from: &str, octets: &[u8]) -> Option<Transmit> {
    world.signaling.handle_datagram(world.now, &flow(from.parse().unwrap()), octets);
    world.signaling.poll_transmit()
}

/// The address and port in it.
fn mapped(answer: &Bytes) -> SocketAddr {
    let (head, value) = answer.split_at(24);
    assert_eq!(head, b"\x01\x01\x00\x0c\x21\x12\xa4\x42tandem-stun!\x00\x20\x00\x08");
    let plain: Vec<u8> = value[2..].iter().zip(b"\x21\x12\x21\x12\xa4\x42").map(|(octet, key)| octet ^ key).collect();
    SocketAddr::from(([plain[2], plain[3], plain[4], plain[5]], u16::from_be_bytes([plain[0], plain[1]])))
}

#[test]
fn a_binding_request_is_answered_where_it_came_from() {
    let mut world = World::new(1);
    for from in [STRANGER, ALICE] {
        let answer = answer(&mut world, from, REQUEST).unwrap();
        assert_eq!(mapped(&answer.bytes).to_string(), from);
        assert_eq!(
            (answer.destination.remote, answer.destination.listener),
            (from.parse().unwrap(), Some(ListenerId(0)))
        );
        assert!(world.signaling.poll_transmit().is_none());
    }
    assert_eq!(answer(&mut world, STRANGER, &REQUEST[..19]), None, "broken");
    assert_eq!(answer(&mut world, STRANGER, b"\x01\x01\x00\x00\x21\x12\xa4\x42tandem-stun!"), None, "an answer");
    world.assert_idle();
}

#[test]
fn strangers_get_no_more_of_them_than_of_other_answers() {
    let mut world = World::new(2);
    let answered = (0..1_000).filter(|_| answer(&mut world, STRANGER, REQUEST).is_some()).count();
    assert_eq!(answered, 200, "the burst of one source");
    let mut alice = Peer::new(ALICE, "alice", "alice");
    alice.register(&mut world, "Expires: 600\r\n");
    assert!(answer(&mut world, ALICE, REQUEST).is_some());
}

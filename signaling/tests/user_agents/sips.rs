//! What is asked for by `sips:`, beside calls.

use super::harness::World;
use super::peer::Peer;
use super::subscriptions::ask;
use router::parameter::{MessageRoute, MessageWay, Parameter, Registration};
use router::{Command, one};
use signaling::transport::{ConnectionId, Listener, ListenerId, Listeners, Transport};

const SECURE: &str = "192.0.2.1:5061";

/// A platform with TLS.
fn secured(seed: u64) -> World {
    World::with(seed, |config| {
        let listener = |transport, at: &str| Listener::new(transport, at.parse().unwrap(), None);
        let plain = [Transport::Udp, Transport::Tcp].map(|transport| listener(transport, super::harness::SERVER));
        config.listeners = Listeners::new(plain.into_iter().chain([listener(Transport::Tls, SECURE)]).collect());
    })
}

/// A phone over TLS.
fn over_tls(world: &mut World, address: &str, user: &str, remote: &str) -> Peer {
    let peer = Peer { target: format!("sips:{remote}@192.0.2.1"), ..Peer::new(address, user, remote) };
    world.connections.insert(peer.address, ConnectionId(u64::from(peer.address.port())));
    world.interfaces.insert(peer.address, (ListenerId(2), SECURE.parse().unwrap()));
    peer
}

#[test]
fn who_asks_whether_a_sips_address_is_reached_is_told_of_secure_ways_alone() {
    let mut world = secured(1);
    world.plan_answers = false;
    Peer::new("198.51.100.8:5062", "bob", "bob").register(&mut world, "Expires: 600\r\n");
    let asks = |world: &mut World, number: u32, scheme: &str| {
        let alice = over_tls(world, "198.51.100.7:41000", "alice", "bob").anew(&format!("options-{number}"));
        let mut alice = Peer { target: format!("{scheme}:bob@192.0.2.1"), ..alice };
        alice.asks(world, "OPTIONS", "", "");
        let challenge = world.expect(alice.address, "SIP/2.0 401");
        let authorization = alice.authorization(&challenge, "OPTIONS", &alice.target.clone(), 1);
        alice.asks(world, "OPTIONS", &authorization, "");
        let asked = world.asked(Command::Query);
        world.switch.outbox.done(&asked, one(Registration { account: "bob".to_owned(), contacts: Vec::new() }));
        world.settle();
        world.expect(alice.address, "SIP/2.0").status().unwrap().code()
    };
    assert_eq!((asks(&mut world, 1, "sips"), asks(&mut world, 2, "sip")), (480, 200));
    let mut desk = over_tls(&mut world, "198.51.100.9:41000", "bob", "bob");
    desk.register(&mut world, "Expires: 600\r\n");
    assert_eq!(asks(&mut world, 3, "sips"), 200);
}

#[test]
fn a_text_to_a_sips_address_goes_to_no_trunk_in_clear() {
    for (scheme, status) in [("sips", "SIP/2.0 480"), ("sip", "SIP/2.0 200")] {
        let mut world = secured(2);
        let mut alice = over_tls(&mut world, "198.51.100.7:41000", "alice", "+4930");
        alice.target = format!("{scheme}:+4930@192.0.2.1");
        alice.asks(&mut world, "MESSAGE", "Content-Type: text/plain\r\n", "hello");
        let challenge = world.expect(alice.address, "SIP/2.0 401");
        let authorization = alice.authorization(&challenge, "MESSAGE", &alice.target.clone(), 1);
        alice.asks(&mut world, "MESSAGE", &format!("Content-Type: text/plain\r\n{authorization}"), "hello");
        let asked = world.asked(Command::Query);
        let Some(Parameter::MessageRoute(route)) = asked.first() else { panic!("{asked:?}") };
        let ways = vec![MessageWay::Trunk { name: "carrier".to_owned(), number: "+4930".to_owned().into() }];
        let route = MessageRoute { ways, ..(**route).clone() };
        world.answer(&asked, Command::Done, route);
        let trunk = super::harness::TRUNK.parse().unwrap();
        if scheme == "sip" {
            let message = world.expect(trunk, "MESSAGE");
            Peer::of_request(trunk, &message).respond(&mut world, &message, "200 OK", "", "");
        }
        world.expect(alice.address, status);
        assert!(world.take(trunk).is_empty());
    }
}

#[test]
fn a_subscription_to_a_sips_address_has_a_contact_of_its_kind_and_is_told_by_tls() {
    let mut world = secured(3);
    let mut alice = over_tls(&mut world, "198.51.100.7:41000", "alice", "alice");
    let ok = ask(&mut world, &mut alice, "SUBSCRIBE", "Event: message-summary\r\nExpires: 600\r\n", "");
    assert_eq!(ok.status().unwrap().code(), 200);
    assert_eq!(ok.contact().unwrap().unwrap().uri().as_str(), "sips:192.0.2.1:5061");
    let notify = world.expect(alice.address, "NOTIFY");
    assert_eq!(notify.contact().unwrap().unwrap().uri().as_str(), "sips:192.0.2.1:5061");
    assert_eq!(world.left_by.get(&alice.address), Some(&ListenerId(2)));
}

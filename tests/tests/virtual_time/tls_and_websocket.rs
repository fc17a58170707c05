//! Phones over TLS, browsers over WebSocket, trunks that prove who they are.

use crate::secs;
use crate::trunk_failover::configured;
use scenarios::phone::Carrier;
use scenarios::platform::{SECURE_PORT, WEBSOCKET_PORT};
use scenarios::simulation::PhoneIndex;
use scenarios::trunk::{address, certified, peer_by_tls};
use scenarios::{Behaviour, Conditions, Ending, HoldStyle, PhoneConfig, PlatformConfig, Simulation, Step};
use std::net::SocketAddr;

pub(crate) fn add(simulation: &mut Simulation, name: &str, carrier: Carrier, line: Conditions) -> PhoneIndex {
    let port = match carrier {
        Carrier::Udp | Carrier::Tcp => 5060,
        Carrier::Tls => SECURE_PORT,
        Carrier::Wss => WEBSOCKET_PORT,
    };
    let config = simulation.phone_config(name);
    let server = SocketAddr::new(config.server.ip(), port);
    let phone = simulation.add(PhoneConfig { carrier, server, ..config });
    simulation.set_line(phone, line);
    let registered = simulation.run_until(secs(60), |simulation| simulation.phone(phone).is_registered());
    assert!(registered, "{name} could not register");
    phone
}

/// A phone of each kind.
pub(crate) fn phones(seed: u64, line: Conditions) -> (Simulation, [PhoneIndex; 3]) {
    let mut simulation = Simulation::with(seed, PlatformConfig::default().secured());
    let each = [("alice", Carrier::Udp), ("bob", Carrier::Tls), ("carol", Carrier::Wss)];
    let each = each.map(|(name, carrier)| add(&mut simulation, name, carrier, line));
    (simulation, each)
}

/// A call with hold and retrieve that the callee hangs up: its requests find their way, too.
pub(crate) fn talk(simulation: &mut Simulation, from: PhoneIndex, to: PhoneIndex, patience: u64) {
    let user = simulation.phone(to).config.name.clone();
    simulation.tell(from).dial(&user);
    let up = simulation.run_until(secs(40), |simulation| {
        [from, to].iter().all(|&phone| simulation.phone(phone).last_call().is_some_and(|call| call.is_up()))
    });
    assert!(up, "no call from {from} to {to}: {:?}", simulation.call(from).ending);
    simulation.run(secs(2));
    let call = simulation.phone(to).live_call().expect("a call");
    for step in [Step::Hold(HoldStyle::SendOnly), Step::Retrieve] {
        simulation.tell(to).step(call, step);
        simulation.run(secs(patience));
    }
    simulation.tell(to).step(call, Step::HangUp);
    let ended = simulation.run_until(secs(40), |simulation| !simulation.call(from).is_live());
    assert!(ended && simulation.call(from).ending == Some(Ending::PeerHungUp));
}

#[test]
fn phones_and_browsers_call_each_other_by_the_connections_that_they_opened() {
    let (mut simulation, each) = phones(1, Conditions::LOCAL);
    for &from in &each {
        for &to in each.iter().filter(|&&to| to != from) {
            talk(&mut simulation, from, to, 1);
        }
    }
    assert_eq!(simulation.platform.connections(), 2, "one each, for registrations and every call");
    simulation.finish();
}

#[test]
fn phones_and_browsers_talk_over_bad_lines() {
    for seed in 0..crate::random_calls::seeds(4) {
        let (mut simulation, each) = phones(seed, Conditions::rough(50));
        simulation.grace = secs(40); // an offer may take its retransmissions
        for at in 0..3 {
            talk(&mut simulation, each[at], each[(at + 1) % 3], 6);
        }
        simulation.finish();
    }
}

#[test]
fn a_browser_whose_connection_was_cut_is_reached_over_its_new_one_and_not_by_its_address() {
    let (mut simulation, [alice, _, carol]) = phones(2, Conditions::LOCAL);
    let link = simulation.phone(carol).link().expect("a connection");
    let now = simulation.now().instant;
    simulation.network.cut(now, link);
    simulation.tell(alice).dial("carol");
    simulation.run(secs(1));
    assert!(!simulation.call(alice).is_up(), "nothing leads to carol.invalid");
    simulation.run(secs(40));
    assert!(simulation.phone(carol).is_registered());
    talk(&mut simulation, alice, carol, 1);
    simulation.finish();
}

#[test]
fn a_trunk_over_tls_is_called_and_calls() {
    for seed in 0..crate::random_calls::seeds(4) {
        let at = SocketAddr::new(address(1).ip(), SECURE_PORT);
        let mut config = configured(vec![certified("one", at, "carrier.example")]).secured();
        config.proven.insert(at.ip(), "carrier.example".to_owned());
        let mut simulation = Simulation::with(seed, config);
        let server = simulation.server();
        let one = simulation.add(peer_by_tls("one", at, server, Behaviour::default()));
        let alice = simulation.add_registered("alice");
        if seed > 0 {
            simulation.grace = secs(40);
            simulation.set_line(one, Conditions::rough(50));
        }
        simulation.tell(alice).dial("030123");
        let up = simulation.run_until(secs(30), |simulation| simulation.call(alice).is_up());
        assert!(up, "{:?}", simulation.call(alice).ending);
        simulation.run(secs(3));
        simulation.tell(alice).step(0, Step::HangUp);
        assert!(simulation.run_until(secs(30), |simulation| !simulation.call(one).is_live()));
        // Inward it needs no digest: its connection has proven whose it is.
        simulation.tell(one).dial("1alice");
        let up = simulation.run_until(secs(30), |simulation| simulation.call(one).is_up());
        assert!(up, "seed {seed}: {:?}", simulation.call(one).ending);
        simulation.run(secs(2));
        let call = simulation.phone(alice).live_call().expect("a call");
        simulation.tell(alice).step(call, Step::HangUp);
        assert!(simulation.run_until(secs(30), |simulation| !simulation.call(one).is_live()));
        simulation.finish();
    }
}

#[test]
fn who_has_not_proven_the_domain_of_a_trunk_is_a_stranger() {
    for proven in [None, Some("other.example")] {
        let at = SocketAddr::new(address(1).ip(), SECURE_PORT);
        let mut config = configured(vec![certified("one", at, "carrier.example")]).secured();
        config.proven.extend(proven.map(|domain| (at.ip(), domain.to_owned())));
        let mut simulation = Simulation::with(3, config);
        let server = simulation.server();
        let one = simulation.add(peer_by_tls("one", at, server, Behaviour::default()));
        let alice = simulation.add_registered("alice");
        simulation.tell(one).dial("1alice");
        simulation.run(secs(5));
        assert!(!simulation.call(one).is_up(), "{proven:?}: it is asked for a digest");
        assert!(simulation.phone(alice).last_call().is_none());
        simulation.finish();
    }
}

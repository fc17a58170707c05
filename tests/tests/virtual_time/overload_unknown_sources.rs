//! A flood from nobody: the known keep their service.

use crate::trunk_failover::configured;
use crate::{connect, ms, secs, with_phones};
use scenarios::simulation::PhoneIndex;
use scenarios::trunk::{address, known, peer};
use scenarios::{Behaviour, Conditions, Simulation};
use std::net::SocketAddr;

/// So many requests a second for a second, from as many sources as there are; how many answers they got.
fn flood(simulation: &mut Simulation, per_second: u64, sources: u8, method: &str) -> u64 {
    let server = simulation.server();
    let hosts: Vec<SocketAddr> = (0..sources).map(|host| SocketAddr::from(([100, 64, 0, host], 5060))).collect();
    for host in &hosts {
        simulation.network.attach(host.ip(), Conditions::LOCAL, Conditions::LOCAL);
    }
    let before = simulation.network.counters().sent;
    let mut own = 0;
    for index in 0..per_second {
        let source = hosts[(index % u64::from(sources)) as usize];
        let request = format!(
            "{method} sip:bob@tandem SIP/2.0\r\nVia: SIP/2.0/UDP {source};branch=z9hG4bK{index:x};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:x{index}@tandem>;tag={index}\r\nTo: <sip:bob@tandem>\r\n\
             Call-ID: flood{index}\r\nCSeq: 1 {method}\r\nContact: <sip:x@{source}>\r\nContent-Length: 0\r\n\r\n"
        );
        let now = simulation.now().instant;
        simulation.network.send(now, source, server, request.into_bytes());
        own += 1;
        if index % 20 == 19 {
            simulation.run(ms(20_000 / per_second));
        }
    }
    simulation.run(ms(50));
    simulation.network.counters().sent - before - own
}

/// Signaling's transactions and dialogs.
fn held(simulation: &mut Simulation) -> u64 {
    let now = simulation.now();
    simulation.platform.ask_status(now);
    simulation.run_until(secs(5), |simulation| simulation.platform.statuses().is_some());
    let statuses = simulation.platform.statuses().expect("every module answers");
    use router::parameter::ResourceKind::{Dialogs, Transactions};
    let resources = statuses["signaling/0"].resources.iter();
    resources.filter(|resource| matches!(resource.kind, Dialogs | Transactions)).map(|resource| resource.used).sum()
}

#[test]
fn strangers_are_challenged_without_state_and_never_answered_with_more_than_they_sent() {
    for method in ["INVITE", "REGISTER", "OPTIONS", "SUBSCRIBE"] {
        let mut simulation = Simulation::new(1);
        simulation.run(secs(1));
        let answers = flood(&mut simulation, 200, 50, method);
        assert!(answers <= 200, "{method}: {answers} answers to 200 requests");
        assert_eq!(held(&mut simulation), 0, "{method}");
    }
}

#[test]
fn one_stranger_s_flood_is_answered_up_to_its_limit_and_no_further() {
    let mut simulation = Simulation::new(2);
    simulation.run(secs(1));
    let answers = flood(&mut simulation, 2_000, 1, "INVITE");
    assert!((1..=300).contains(&answers), "a burst of 200 and 50 a second: {answers}");
    assert_eq!(held(&mut simulation), 0);
}

#[test]
fn registered_phones_call_while_strangers_flood() {
    let (mut simulation, [alice, bob]) = with_phones(3, ["alice", "bob"]);
    flood(&mut simulation, 3_000, 200, "INVITE");
    connect(&mut simulation, alice, bob);
    flood(&mut simulation, 3_000, 200, "REGISTER");
    let phones: [PhoneIndex; 2] = [alice, bob];
    for phone in phones {
        assert!(simulation.call(phone).is_up());
    }
    simulation.tell(alice).register();
    simulation.run(secs(1));
    assert!(simulation.phone(alice).is_registered());
    simulation.finish();
}

#[test]
fn trunks_call_while_strangers_flood() {
    let mut simulation = Simulation::with(4, configured(vec![known("one", address(1))]));
    let server = simulation.server();
    let one = simulation.add(peer("one", address(1), server, Behaviour::default()));
    let alice = simulation.add_registered("alice");
    flood(&mut simulation, 3_000, 200, "INVITE");
    simulation.tell(one).dial("1alice");
    simulation.run(secs(2));
    assert!(simulation.call(one).is_up() && simulation.call(alice).is_up());
    simulation.finish();
}

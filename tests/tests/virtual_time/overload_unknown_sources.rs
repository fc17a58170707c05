//! A flood from nobody: the known keep their service.

use crate::trunk_failover::configured;
use crate::{connect, ms, secs, with_phones};
use router::parameter::Direction;
use scenarios::network::NatConfig;
use scenarios::simulation::PhoneIndex;
use scenarios::trunk::{address, known, peer};
use scenarios::{Behaviour, Conditions, Ending, HoldStyle, PhoneConfig, Simulation, Step};
use std::net::{IpAddr, SocketAddr};

/// So many requests a second for a second, from as many sources as there are; how many answers they got.
pub(crate) fn flood(simulation: &mut Simulation, per_second: u64, sources: u8, method: &str) -> u64 {
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
    let modules = statuses.iter().filter(|(module, _)| module.starts_with("signaling/"));
    let resources = modules.flat_map(|(_, status)| &status.resources);
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

/// The `index`th message of a flood: REGISTER, OPTIONS, INVITE, a BYE with a guessed tag, and a forged response in turn.
fn mixed(index: u64, source: SocketAddr, server: SocketAddr) -> String {
    if index % 5 == 4 {
        return format!(
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP {server};branch=z9hG4bK{index:032x};rport\r\nFrom: <sip:bob@tandem>;tag=1\r\n\
             To: <sip:x@tandem>;tag={index}\r\nCall-ID: flood{index}\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
        );
    }
    let (method, tag) = match index % 5 {
        0 => ("REGISTER", String::new()),
        1 => ("OPTIONS", String::new()),
        2 => ("INVITE", String::new()),
        _ => ("BYE", format!(";tag={index:016x}")),
    };
    format!(
        "{method} sip:bob@tandem SIP/2.0\r\nVia: SIP/2.0/UDP {source};branch=z9hG4bK{index:x};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:x{index}@tandem>;tag={index}\r\nTo: <sip:bob@tandem>{tag}\r\n\
         Call-ID: flood{index}\r\nCSeq: 1 {method}\r\nContact: <sip:x@{source}>\r\nContent-Length: 0\r\n\r\n"
    )
}

/// Sends the messages of a flood, evenly over so many milliseconds, from as many hosts as there are.
fn flood_on(simulation: &mut Simulation, messages: std::ops::Range<u64>, hosts: u64, over_ms: u64) {
    let server = simulation.server();
    let each = (messages.end - messages.start) / over_ms;
    for index in messages {
        let source = SocketAddr::from(([100, 64, ((index % hosts) >> 8) as u8, (index % hosts) as u8], 5060));
        if !simulation.network.is_attached(source.ip()) {
            simulation.network.attach(source.ip(), Conditions::LOCAL, Conditions::LOCAL);
        }
        let now = simulation.now().instant;
        simulation.network.send(now, source, server, mixed(index, source, server).into_bytes());
        if index % each == each - 1 {
            simulation.run(ms(1));
        }
    }
}

/// What signaling has counted.
pub(crate) fn signaling_counter(simulation: &mut Simulation, name: &str) -> u64 {
    let now = simulation.now();
    simulation.platform.ask_status(now);
    simulation.run_until(secs(5), |simulation| simulation.platform.statuses().is_some());
    let statuses = simulation.platform.statuses().expect("every module answers");
    let modules = statuses.iter().filter(|(module, _)| module.starts_with("signaling/"));
    let counters = modules.flat_map(|(_, status)| &status.counters);
    counters.filter(|counter| counter.name == name).map(|counter| counter.value).sum()
}

/// docs/operations.md, "A flood".
#[test]
fn calls_of_the_known_begin_change_and_end_during_a_flood_without_a_repetition() {
    let mut simulation = Simulation::with(5, configured(vec![known("one", address(1))]));
    let server = simulation.server();
    let one = simulation.add(peer("one", address(1), server, Behaviour::default()));
    let [alice, bob] = ["alice", "bob"].map(|name| simulation.add_registered(name));
    simulation.run(secs(1));
    // 2,500 a second for four seconds, from a thousand hosts.
    let mut parts = (0..20).map(|part| part * 500..(part + 1) * 500);
    let mut flood = |simulation: &mut Simulation, count: usize| {
        parts.by_ref().take(count).for_each(|part| flood_on(simulation, part, 1_000, 200));
    };
    flood(&mut simulation, 5);
    simulation.tell(alice).dial("bob");
    flood(&mut simulation, 3);
    assert!(simulation.call(alice).is_up() && simulation.call(bob).is_up());
    simulation.tell(bob).step(0, Step::Hold(HoldStyle::SendOnly));
    flood(&mut simulation, 1);
    assert_eq!(simulation.call(alice).media.direction(), Direction::ReceiveOnly, "the re-INVITE was served");
    simulation.tell(bob).step(0, Step::Retrieve);
    flood(&mut simulation, 1);
    simulation.tell(alice).step(0, Step::HangUp);
    flood(&mut simulation, 1);
    assert_eq!(simulation.call(bob).ending, Some(Ending::PeerHungUp));
    // The trunk, in and out.
    simulation.tell(one).dial("1alice");
    simulation.tell(bob).dial("030123");
    flood(&mut simulation, 4);
    for (phone, call) in [(one, 0), (one, 1), (alice, 1), (bob, 1)] {
        assert!(simulation.phone(phone).call(call).is_up(), "{phone} {call}");
    }
    simulation.tell(one).step(0, Step::Hold(HoldStyle::Inactive));
    simulation.tell(one).step(1, Step::Hold(HoldStyle::Inactive));
    flood(&mut simulation, 2);
    assert_eq!(simulation.call(alice).media.direction(), Direction::Inactive);
    assert_eq!(simulation.call(bob).media.direction(), Direction::Inactive);
    simulation.tell(one).step(0, Step::HangUp);
    simulation.tell(bob).step(1, Step::HangUp);
    simulation.tell(alice).register();
    flood(&mut simulation, 3);
    for (phone, call) in [(one, 0), (one, 1), (alice, 1), (bob, 1)] {
        assert!(!simulation.phone(phone).call(call).is_live(), "{phone} {call}");
    }
    assert!(simulation.phone(alice).is_registered());
    for (name, expected) in
        [("sip_retransmitted", 0), ("sip_absorbed", 0), ("sip_timed_out", 0), ("sip_dialog_limited", 0)]
    {
        assert_eq!(signaling_counter(&mut simulation, name), expected, "{name}");
    }
    let admitted = signaling_counter(&mut simulation, "sip_unknown_admitted");
    let limited = signaling_counter(&mut simulation, "sip_unknown_total_limited");
    assert!((6_500..7_500).contains(&admitted) && admitted + limited >= 10_000, "{admitted} {limited}");
    simulation.finish();
}

/// A phone behind a NAT that restarts in mid-call, while strangers flood: what it sends comes from elsewhere.
#[test]
fn a_phone_behind_a_nat_that_has_moved_ends_its_call_during_a_flood() {
    let mut simulation = Simulation::new(6);
    let (outside, inside) = (IpAddr::from([198, 51, 100, 200]), IpAddr::from([10, 0, 0, 1]));
    simulation.network.add_nat(outside, &[inside], NatConfig { symmetric: false, lifetime: secs(60) });
    let config = PhoneConfig { address: SocketAddr::new(inside, 5060), ..simulation.phone_config("alice") };
    let alice = simulation.add(config);
    assert!(simulation.run_until(secs(5), |simulation| simulation.phone(alice).is_registered()));
    let bob = simulation.add_registered("bob");
    connect(&mut simulation, alice, bob);
    simulation.run(secs(2));
    simulation.network.restart_nat(outside);
    flood_on(&mut simulation, 0..4_000, 1_000, 500);
    simulation.tell(alice).step(0, Step::HangUp);
    flood_on(&mut simulation, 4_000..6_000, 1_000, 500);
    assert_eq!(simulation.call(bob).ending, Some(Ending::PeerHungUp));
    assert!(!simulation.call(alice).is_live());
    assert_eq!(signaling_counter(&mut simulation, "sip_absorbed"), 0, "its BYE was not repeated");
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

//! Trunks whose addresses the name service tells (RFC 3263): shares, silence, a name service that is away.

use crate::trunk_failover::configured;
use crate::{ms, secs};
use scenarios::platform::SERVER_SIX;
use scenarios::simulation::PhoneIndex;
use scenarios::trunk::{address, known, peer};
use scenarios::{Behaviour, Conditions, Ending, PlatformConfig, Simulation, Step};
use signaling::trunk::{Source, Target};
use std::net::{IpAddr, SocketAddr};

const SERVICE: &str = "_sip._udp.carrier.example";

/// A trunk of that name, whose hosts have these priorities and weights: `one`, `two`…
fn by_name(hosts: &[(u16, u16)]) -> PlatformConfig {
    let mut trunk = known("carrier", address(1));
    trunk.target = Target::parse("carrier.example");
    let mut config = configured(vec![trunk]);
    for (index, &(priority, weight)) in hosts.iter().enumerate() {
        let (host, at) = (format!("host{index}.carrier.example"), address(index as u8 + 1));
        config.zone.service(SERVICE, (priority, weight, at.port()), &host);
        config.zone.host(&host, &[at.ip()]);
    }
    config
}

fn with_hosts<const N: usize>(seed: u64, hosts: [(u16, u16); N]) -> (Simulation, PhoneIndex, [PhoneIndex; N]) {
    let mut simulation = Simulation::with(seed, by_name(&hosts));
    let server = simulation.server();
    let mut number = 0;
    let peers = hosts.map(|_| {
        number += 1;
        simulation.add(peer(&format!("host{number}"), address(number), server, Behaviour::default()))
    });
    let alice = simulation.add_registered("alice");
    (simulation, alice, peers)
}

/// One call that is answered and ended; how long its set-up took.
fn call(simulation: &mut Simulation, alice: PhoneIndex) -> u128 {
    let call = simulation.tell(alice).dial("030123");
    let begun = simulation.now().instant;
    let up = simulation.run_until(secs(60), |simulation| simulation.phone(alice).call(call).is_up());
    assert!(up, "{:?}", simulation.call(alice).ending);
    let took = simulation.now().instant.since(begun).as_millis();
    simulation.run(ms(300));
    simulation.tell(alice).step(call, Step::HangUp);
    simulation.run(secs(3));
    took
}

#[test]
fn weights_share_calls_and_packets_that_are_lost_change_nothing() {
    let (mut simulation, alice, [small, big, spare]) = with_hosts(1, [(10, 20), (10, 60), (20, 100)]);
    for trunk in [small, big] {
        simulation.set_line(trunk, Conditions::rough(50));
    }
    for _ in 0..40 {
        call(&mut simulation, alice);
    }
    let calls = |trunk: PhoneIndex| simulation.phone(trunk).calls().len();
    assert_eq!(calls(small) + calls(big), 40, "{}", calls(spare));
    assert!((3..18).contains(&calls(small)), "a quarter: {}", calls(small));
    simulation.calm();
    simulation.finish();
}

#[test]
fn a_host_that_says_nothing_costs_one_call_its_time_and_is_found_again() {
    let (mut simulation, alice, [first, second]) = with_hosts(2, [(10, 0), (20, 0)]);
    simulation.set_line(first, Conditions::DEAD);
    assert!(call(&mut simulation, alice) >= 4_000);
    for _ in 0..3 {
        assert!(call(&mut simulation, alice) < 2_000, "it is tried last for a while");
    }
    // By then nothing of the first INVITE is on its way any more.
    simulation.run(secs(30));
    simulation.set_line(first, Conditions::LOCAL);
    call(&mut simulation, alice);
    assert_eq!((simulation.phone(first).calls().len(), simulation.phone(second).calls().len()), (1, 4));
    simulation.finish();
}

#[test]
fn names_that_are_known_serve_while_the_name_service_is_away_and_others_fail_at_once() {
    let mut config = by_name(&[(1, 1)]);
    config.zone.ttl = secs(60);
    let mut simulation = Simulation::with(3, config);
    let server = simulation.server();
    let one = simulation.add(peer("one", address(1), server, Behaviour::default()));
    let alice = simulation.add_registered("alice");
    let now = simulation.now().instant;
    simulation.platform.zone.down_until = Some(now + secs(10));
    simulation.tell(alice).dial("030123");
    simulation.run(secs(2));
    assert_eq!(simulation.call(alice).ending, Some(Ending::Refused(503)));
    // The failure is held for 15 seconds.
    let asked = simulation.platform.zone.asked();
    simulation.tell(alice).dial("030123");
    simulation.run(secs(2));
    assert_eq!(simulation.call(alice).ending, Some(Ending::Refused(503)));
    assert_eq!(simulation.platform.zone.asked(), asked);
    simulation.run(secs(20));
    call(&mut simulation, alice);
    simulation.platform.zone.down_until = Some(simulation.now().instant + secs(3_600));
    simulation.run(secs(100));
    for _ in 0..2 {
        call(&mut simulation, alice);
    }
    assert_eq!(simulation.phone(one).calls().len(), 3);
    simulation.finish();
}

/// A name is taken for IPv4 where nothing is said: the port is open before it is found.
#[test]
fn a_name_that_has_ipv6_alone_is_called_with_ipv6_media() {
    for interface in [None, Some(SERVER_SIX)] {
        six(9, interface, &[]);
    }
}

/// The call that finds it out is made once more to the next host, with media of its family.
#[test]
fn a_host_of_the_other_family_is_called_where_the_first_one_is_silent() {
    six(10, None, &["192.0.2.250"]);
}

/// A trunk whose name has an IPv6 host, behind those that are there with nobody.
fn six(seed: u64, interface: Option<IpAddr>, silent: &[&str]) {
    let host = SocketAddr::new("2001:db8::77".parse().expect("an address"), 5060);
    let mut trunk = known("six", host);
    (trunk.target, trunk.sources) = (Target::parse("six.example:5060"), vec![Source::host(host.ip(), Some(5060))]);
    trunk.media_fixed = interface.is_some();
    let mut config = configured(vec![trunk]).both_families();
    if let Some(interface) = interface {
        config.switch.plan.trunks[0].interface = interface;
    }
    let silent = silent.iter().map(|address| address.parse().expect("an address"));
    let addresses: Vec<IpAddr> = silent.chain([host.ip()]).collect();
    config.zone.host("six.example", &addresses);
    let mut simulation = Simulation::with(seed, config);
    let six = simulation.add(peer("six", host, SocketAddr::new(SERVER_SIX, 5060), Behaviour::default()));
    let alice = simulation.add_registered("alice");
    simulation.set_line(six, Conditions::rough(50));
    simulation.tell(alice).dial("030123");
    let up = simulation.run_until(secs(30), |simulation| {
        [alice, six].iter().all(|&phone| simulation.phone(phone).last_call().is_some_and(|call| call.is_up()))
    });
    assert!(up, "{:?}", simulation.call(alice).ending);
    simulation.run(secs(3));
    for phone in [alice, six] {
        assert!(simulation.call(phone).media.hearing.packets > 80);
    }
    simulation.tell(alice).step(0, Step::HangUp);
    simulation.run(secs(4));
    simulation.calm();
    simulation.finish();
}

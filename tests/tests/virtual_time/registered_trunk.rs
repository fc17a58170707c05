//! A platform that registers at another one: its carrier.

use crate::overload_unknown_sources::signaling_counter;
use crate::{ms, secs};
use router::Private;
use router::parameter::BuiltinKind;
use router::time::Duration;
use scenarios::network::NatConfig;
use scenarios::platform::{host, password};
use scenarios::simulation::PhoneIndex;
use scenarios::trunk::known;
use scenarios::{Conditions, Ending, PlatformConfig, Simulation, Step};
use signaling::digest::ClientCredentials;
use signaling::registrar::ExpiryLimits;
use signaling::trunk::{OwnAddress, TrunkConfig};
use std::net::{IpAddr, SocketAddr};
use switch::plan::{Branches, Destination, NumberMatch, OriginMatch, Plan, Rewrite, Route, Trunk, TrunkStep};

/// Alice at a platform that is registered as `tandem-1` at the platform that carol is at. Numbers that begin with 9 go there without
/// it, what comes from there is alice's. The carrier keeps registrations for two minutes.
fn customer_and_carrier(seed: u64) -> (Simulation, PhoneIndex, PhoneIndex) {
    customer_of_shards_and_carrier(seed, 1)
}

fn customer_of_shards_and_carrier(seed: u64, shards: u8) -> (Simulation, PhoneIndex, PhoneIndex) {
    let mut simulation = Simulation::cluster_of(seed, customer_and_carrier_configured(shards).into());
    let alice = simulation.add_registered("alice");
    let carol = simulation.add_registered_at(1, "carol");
    (simulation, alice, carol)
}

fn customer_and_carrier_configured(shards: u8) -> [PlatformConfig; 2] {
    let credentials =
        ClientCredentials { username: "tandem-1".to_owned(), password: Private::new(password("tandem-1")) };
    let trunk = TrunkConfig {
        sources: Vec::new(),
        credentials: Some(credentials),
        register: vec![OwnAddress::parse("tandem-1").expect("an address")],
        ..known("carrier", SocketAddr::new(host(1), 5060))
    };
    let step = TrunkStep { trunk: "carrier".into(), rewrite: Rewrite { strip: 1, ..Rewrite::NONE }, timeout: None };
    let route = |name: &str, number: NumberMatch, origin, destination| Route {
        name: name.to_owned(),
        number,
        origin,
        hours: None,
        destination,
        branches: Branches::default(),
    };
    let plan = Plan {
        routes: vec![
            route("out", NumberMatch::Prefix("9".into()), OriginMatch::Accounts, Destination::Trunks(vec![step])),
            route("in", NumberMatch::Any, OriginMatch::Trunks, Destination::Account("alice".into())),
        ],
        trunks: vec![Trunk { interface: host(0), ..Trunk::new("carrier") }],
        ..Plan::default()
    };
    let mut customer = PlatformConfig { shards, ..PlatformConfig::in_cluster(0, &["alice"]) };
    customer.signaling.trunks = vec![trunk];
    customer.switch.plan = plan;
    let mut carrier = PlatformConfig::in_cluster(1, &["tandem-1", "carol"]);
    let two_minutes = Duration::from_secs(120);
    carrier.signaling.expiry = ExpiryLimits { min: secs(60), default: two_minutes, max: two_minutes };
    (customer.links, carrier.links) = (None, None);
    (customer.switch.cluster, carrier.switch.cluster) = (None, None);
    [customer, carrier]
}

/// One calls a number, the other one answers, and they end it.
fn talk(simulation: &mut Simulation, from: PhoneIndex, number: &str, to: PhoneIndex) {
    let before = simulation.phone(to).calls().len();
    let call = simulation.tell(from).dial(number);
    let up = simulation.run_until(secs(10), |simulation| simulation.phone(from).call(call).is_up());
    assert!(up, "{number}: {:?}", simulation.phone(from).call(call).ending);
    assert_eq!(simulation.phone(to).calls().len(), before + 1);
    simulation.run(ms(500));
    simulation.tell(from).step(call, Step::HangUp);
    simulation.run(secs(3));
}

/// The end, when no registration is under way any more.
fn finish(mut simulation: Simulation) {
    let now = simulation.now();
    simulation.platform.drain(now);
    simulation.run(secs(40));
    simulation.finish();
}

#[test]
fn calls_go_both_ways_over_a_registered_trunk_for_as_long_as_it_is_refreshed() {
    let (mut simulation, alice, carol) = customer_and_carrier(1);
    for _ in 0..4 {
        talk(&mut simulation, alice, "9carol", carol);
        talk(&mut simulation, carol, "tandem-1", alice);
        simulation.run(secs(100));
    }
    finish(simulation);
}

/// The carrier names none of its addresses: whoever took the registration is known on each shard, on whichever it was asked for.
#[test]
fn a_call_from_the_registrar_is_the_trunk_s_on_every_shard() {
    for seed in 10..14 {
        let (mut simulation, alice, carol) = customer_of_shards_and_carrier(seed, 3);
        for _ in 0..6 {
            talk(&mut simulation, carol, "tandem-1", alice);
        }
        simulation.run(secs(240));
        talk(&mut simulation, carol, "tandem-1", alice);
        finish(simulation);
    }
}

#[test]
fn packets_that_are_lost_do_not_cost_the_registration() {
    let (mut simulation, alice, carol) = customer_and_carrier(2);
    simulation.network.attach(host(1), Conditions::rough(150), Conditions::rough(150));
    simulation.run(secs(1_200));
    simulation.network.attach(host(1), Conditions::LOCAL, Conditions::LOCAL);
    talk(&mut simulation, carol, "tandem-1", alice);
    finish(simulation);
}

#[test]
fn a_carrier_that_was_away_is_registered_at_again() {
    let (mut simulation, alice, carol) = customer_and_carrier(3);
    talk(&mut simulation, carol, "tandem-1", alice);
    simulation.network.attach(host(1), Conditions::DEAD, Conditions::DEAD);
    simulation.run(secs(600));
    simulation.network.attach(host(1), Conditions::LOCAL, Conditions::LOCAL);
    // The longest pause by then.
    simulation.run(secs(600));
    talk(&mut simulation, carol, "tandem-1", alice);
    finish(simulation);
}

#[test]
fn a_platform_that_drains_takes_its_registrations_back() {
    let (mut simulation, alice, carol) = customer_and_carrier(4);
    talk(&mut simulation, carol, "tandem-1", alice);
    let now = simulation.now();
    simulation.platform.drain(now);
    simulation.run(secs(2));
    simulation.tell(carol).dial("tandem-1");
    simulation.run(secs(3));
    assert_eq!(simulation.call(carol).ending, Some(Ending::Refused(480)));
    finish(simulation);
}

/// The customer is behind a NAT that forgets after half a minute, and restarts: by its keep-alives it finds out that it is elsewhere, and
/// registers anew long before the hour is over that its carrier grants (RFC 5626 §4.4.2).
#[test]
fn a_flow_that_a_nat_has_forgotten_is_made_anew_whatever_is_lost() {
    for seed in 0..6 {
        let [mut customer, mut carrier] = customer_and_carrier_configured(1 + (seed % 2) as u8);
        customer.signaling.trunks[0].outbound = true;
        customer.switch.plan.routes[1].destination = Destination::Service(BuiltinKind::Milliwatt);
        let hour = secs(3_600);
        carrier.signaling.expiry = ExpiryLimits { min: secs(60), default: hour, max: hour };
        // Nothing but the customer's own keep-alives holds the way open.
        carrier.signaling.keep_alive = None;
        let mut simulation = Simulation::cluster_of(seed, vec![customer, carrier]);
        let outside = IpAddr::from([198, 51, 100, 200]);
        simulation.network.add_nat(outside, &[host(0)], NatConfig { lifetime: secs(30), symmetric: seed % 3 == 0 });
        let carol = simulation.add_registered_at(1, "carol");
        let line = if seed < 2 { Conditions::LOCAL } else { Conditions::rough(80) };
        simulation.network.attach(host(1), line, line);
        let reached = |simulation: &mut Simulation| {
            let call = simulation.tell(carol).dial("tandem-1");
            let up = simulation.run_until(secs(20), |simulation| simulation.phone(carol).call(call).is_up());
            assert!(up, "seed {seed}: {:?}", simulation.phone(carol).call(call).ending);
            simulation.tell(carol).step(call, Step::HangUp);
            simulation.run(secs(5));
        };
        simulation.run(secs(400));
        reached(&mut simulation);
        for _ in 0..3 {
            simulation.run(secs(300));
            simulation.network.restart_nat(outside);
            simulation.run(secs(90));
            reached(&mut simulation);
        }
        let failed = signaling_counter(&mut simulation, "sip_flows_failed");
        // The NAT comes when the registration is there already.
        assert_eq!(failed, 1 + 3, "seed {seed}: each restart shows, and loss is none");
        simulation.network.attach(host(1), Conditions::LOCAL, Conditions::LOCAL);
        finish(simulation);
    }
}

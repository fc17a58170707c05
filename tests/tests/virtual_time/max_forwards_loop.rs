//! Requests that go round.

use crate::trunk_failover::configured;
use crate::{connect, secs};
use scenarios::platform::SERVER;
use scenarios::trunk::known;
use scenarios::{Ending, PhoneConfig, Simulation};
use std::net::SocketAddr;
use switch::plan::{Destination, NumberMatch, OriginMatch};

#[test]
fn a_request_without_hops_left_goes_no_further_and_others_have_one_less() {
    for (seed, hops) in [(1, 0), (2, 1), (3, 70)] {
        let mut simulation = Simulation::new(seed);
        let config = PhoneConfig { registers: false, max_forwards: hops, ..simulation.phone_config("alice") };
        let alice = simulation.add(config);
        let bob = simulation.add_registered("bob");
        if hops == 0 {
            simulation.tell(alice).dial("bob");
            simulation.run(secs(3));
            assert_eq!(simulation.call(alice).ending, Some(Ending::Refused(483)));
            assert!(simulation.phone(bob).last_call().is_none(), "RFC 3261 §16.3");
            // What is served here needs no hop.
            simulation.tell(alice).dial("echo");
            simulation.run(secs(3));
            assert!(simulation.call(alice).is_up());
        } else {
            connect(&mut simulation, alice, bob);
            let headers = &simulation.call(bob).invite_headers;
            let forwards = headers.iter().find(|(name, _)| name == "Max-Forwards").map(|(_, value)| value.as_str());
            assert_eq!(forwards, Some((hops - 1).to_string().as_str()));
        }
        simulation.finish();
    }
}

#[test]
fn a_trunk_that_is_this_very_server_costs_one_call() {
    let own = SocketAddr::new(SERVER, 5060);
    let mut config = configured(vec![known("mirror", own)]);
    // What comes back from the mirror goes there again.
    let mut round = config.switch.plan.routes[0].clone();
    round.origin = OriginMatch::Trunks;
    round.name = "round".to_owned();
    round.number = NumberMatch::Any;
    assert!(matches!(round.destination, Destination::Trunks(_)));
    config.switch.plan.routes[1] = round;
    let mut simulation = Simulation::with(4, config);
    let alice = simulation.add_registered("alice");
    simulation.tell(alice).dial("0301");
    simulation.run(secs(20));
    assert_eq!(simulation.call(alice).ending, Some(Ending::Refused(482)));
    let mut count = |name| crate::overload_unknown_sources::signaling_counter(&mut simulation, name);
    assert_eq!((count("sip_legs_out"), count("sip_loops")), (1, 1));
    simulation.finish();
}

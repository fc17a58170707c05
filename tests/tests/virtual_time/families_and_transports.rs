//! IPv4 and IPv6, UDP and TCP, in every combination and on bad lines; and requests that are too long for UDP.

use crate::overload_unknown_sources::signaling_counter;
use crate::secs;
use crate::trunk_failover::configured;
use router::parameter::Codec;
use scenarios::phone::Carrier;
use scenarios::simulation::PhoneIndex;
use scenarios::trunk::{address, known, peer, peer_by_tcp};
use scenarios::{Behaviour, Conditions, Ending, HoldStyle, PhoneConfig, PlatformConfig, Simulation, Step};

/// Alice, Bob, Carol and Dave: each of one family and one transport.
fn four_phones(seed: u64, line: Conditions) -> (Simulation, Vec<PhoneIndex>) {
    let mut simulation = Simulation::with(seed, PlatformConfig::default().both_families());
    let kinds = [
        ("alice", Carrier::Udp, false),
        ("bob", Carrier::Udp, true),
        ("carol", Carrier::Tcp, false),
        ("dave", Carrier::Tcp, true),
    ];
    let phones = kinds.map(|(name, carrier, six)| {
        let config = if six { simulation.phone_config_six(name) } else { simulation.phone_config(name) };
        let phone = simulation.add(PhoneConfig { carrier, ..config });
        simulation.set_line(phone, line);
        let registered = simulation.run_until(secs(60), |simulation| simulation.phone(phone).is_registered());
        assert!(registered, "seed {seed}: {name} could not register");
        phone
    });
    (simulation, phones.to_vec())
}

/// A call with hold and retrieve that one end hangs up.
fn talk(simulation: &mut Simulation, from: PhoneIndex, to: PhoneIndex, lossless: bool) {
    let user = simulation.phone(to).config.name.clone();
    simulation.tell(from).dial(&user);
    let up = simulation.run_until(secs(40), |simulation| {
        [from, to].iter().all(|&phone| simulation.phone(phone).last_call().is_some_and(|call| call.is_up()))
    });
    assert!(up, "no call from {from} to {to}: {:?}", simulation.call(from).ending);
    simulation.run(secs(3));
    let call = simulation.phone(from).live_call().expect("a call");
    for step in [Step::Hold(HoldStyle::SendOnly), Step::Retrieve] {
        simulation.tell(from).step(call, step);
        simulation.run(if lossless { secs(1) } else { secs(6) });
    }
    for phone in [from, to] {
        let heard = simulation.call(phone).media.hearing.packets;
        assert!(heard > 80, "{} heard {heard}", simulation.phone(phone).config.name);
    }
    simulation.tell(from).step(call, Step::HangUp);
    let ended = simulation.run_until(secs(40), |simulation| !simulation.call(to).is_live());
    assert!(ended);
    assert_eq!(simulation.call(to).ending, Some(Ending::PeerHungUp));
}

#[test]
fn phones_of_every_family_and_transport_talk_to_each_other() {
    let (mut simulation, phones) = four_phones(1, Conditions::LOCAL);
    for &from in &phones {
        for &to in phones.iter().filter(|&&to| to != from) {
            talk(&mut simulation, from, to, true);
        }
    }
    assert_eq!(simulation.platform.connections(), 2, "one a phone");
    simulation.finish();
}

#[test]
fn phones_of_every_family_and_transport_talk_over_bad_lines() {
    for seed in 0..crate::random_calls::seeds(4) {
        let (mut simulation, phones) = four_phones(seed, Conditions::rough(50));
        simulation.grace = secs(40); // an offer may take its retransmissions
        for at in 0..4 {
            talk(&mut simulation, phones[at], phones[(at + 1) % 4], false);
        }
        simulation.finish();
    }
}

/// Alice, whose offer makes the INVITE to a trunk too long for UDP.
fn add_talkative(simulation: &mut Simulation) -> PhoneIndex {
    let mut config = simulation.phone_config("alice");
    let more = (96..120).filter(|&number| number != 101);
    config.codecs.extend(more.map(|number| Codec::new(number, &format!("X-CODEC-{number}"), 16_000)));
    let alice = simulation.add(config);
    assert!(simulation.run_until(secs(5), |simulation| simulation.phone(alice).is_registered()));
    alice
}

/// Requests that went by TCP as they were too long, and those of them that went by UDP after all.
fn long_requests(simulation: &mut Simulation) -> (u64, u64) {
    let up = signaling_counter(simulation, "sip_upgraded_to_tcp");
    (up, signaling_counter(simulation, "sip_downgraded_to_udp"))
}

#[test]
fn a_long_invite_goes_to_a_trunk_by_tcp_and_so_does_what_follows() {
    for seed in 0..crate::random_calls::seeds(4) {
        let mut simulation = Simulation::with(seed, configured(vec![known("one", address(1))]));
        let server = simulation.server();
        let one = simulation.add(peer_by_tcp("one", address(1), server, Behaviour::default()));
        let alice = add_talkative(&mut simulation);
        if seed > 0 {
            simulation.set_line(one, Conditions::rough(50));
        }
        simulation.tell(alice).dial("030123");
        let up = simulation.run_until(secs(30), |simulation| simulation.call(alice).is_up());
        assert!(up, "{:?}", simulation.call(alice).ending);
        assert_eq!(long_requests(&mut simulation), (1, 0));
        simulation.run(secs(4));
        simulation.tell(alice).step(0, Step::HangUp);
        let ended = simulation.run_until(secs(30), |simulation| !simulation.call(one).is_live());
        assert!(ended && simulation.call(one).ending == Some(Ending::PeerHungUp));
        simulation.finish();
    }
}

#[test]
fn a_long_invite_goes_by_udp_where_tcp_is_refused_or_silent() {
    for (seed, silent, within) in [(1, false, secs(2)), (2, true, secs(10)), (3, true, secs(20))] {
        let mut simulation = Simulation::with(seed, configured(vec![known("one", address(1))]));
        let server = simulation.server();
        let one = simulation.add(peer("one", address(1), server, Behaviour::default()));
        let alice = add_talkative(&mut simulation);
        match silent {
            true => simulation.network.mute(address(1)),
            false => simulation.network.refuse(address(1)),
        }
        if seed == 3 {
            simulation.set_line(one, Conditions::rough(100));
        }
        simulation.tell(alice).dial("030123");
        let up = simulation.run_until(within, |simulation| simulation.call(alice).is_up());
        assert!(up, "silent {silent}: {:?}", simulation.call(alice).ending);
        simulation.run(secs(4));
        simulation.tell(alice).step(0, Step::HangUp);
        assert!(simulation.run_until(secs(40), |simulation| !simulation.call(one).is_live()));
        // What was learned holds: the next one goes by UDP at once.
        simulation.set_line(one, Conditions::LOCAL);
        simulation.tell(alice).dial("030123");
        let up = simulation.run_until(secs(2), |simulation| simulation.call(alice).is_up());
        assert!(up, "silent {silent}: {:?}", simulation.call(alice).ending);
        assert_eq!(long_requests(&mut simulation), (1, 1));
        simulation.finish();
    }
}

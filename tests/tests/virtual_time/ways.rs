//! Legs whose ways are looked for (ICE): phones behind NATs of every kind, on bad lines, and others beside them.

use crate::{connect, secs};
use router::parameter::CauseKind;
use scenarios::network::NatConfig;
use scenarios::phone::Secure;
use scenarios::simulation::PhoneIndex;
use scenarios::{Conditions, Ending, HoldStyle, PhoneConfig, PlatformConfig, Simulation, Step};
use signaling::Connectivity;
use std::net::{IpAddr, SocketAddr};

const OUTSIDE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 200));

/// A platform whose phones are offered ways, full or lite.
fn platform(connectivity: Connectivity, ice_lite: bool) -> PlatformConfig {
    let mut config = PlatformConfig::default();
    (config.signaling.calls.connectivity, config.signaling.ice_lite) = (connectivity, ice_lite);
    config
}

fn two(seed: u64, config: PlatformConfig, seek: [bool; 2]) -> (Simulation, [PhoneIndex; 2]) {
    let mut simulation = Simulation::with(seed, config);
    let mut phones = ["alice", "bob"].into_iter().zip(seek).map(|(name, seeks)| {
        let phone = simulation.add_registered(name);
        simulation.tell(phone).config.seeks_ways = seeks;
        phone
    });
    let phones = [phones.next(), phones.next()].map(|phone| phone.expect("two phones"));
    (simulation, phones)
}

/// How much each has heard of the other one.
fn heard(simulation: &Simulation, phones: [PhoneIndex; 2]) -> [u64; 2] {
    [(phones[0], phones[1]), (phones[1], phones[0])].map(|(own, other)| {
        let speaker = simulation.call(other).media.speaker();
        simulation.call(own).media.hearing.speakers.get(&speaker).copied().unwrap_or(0)
    })
}

/// Both hear each other now, but for so many packets in a second.
fn assert_talk(simulation: &mut Simulation, phones: [PhoneIndex; 2], missing: u64, when: &str) {
    let before = heard(simulation, phones);
    simulation.run(secs(1));
    let after = heard(simulation, phones);
    assert!((0..2).all(|side| after[side] + missing > before[side] + 48), "{when}: {before:?} {after:?}");
}

fn has_ways(simulation: &Simulation, phones: [PhoneIndex; 2]) -> [bool; 2] {
    phones.map(|phone| simulation.call(phone).media.way().is_some())
}

/// Whatever the other leg has: each is negotiated for its own peer.
#[test]
fn a_leg_with_ways_and_any_other_hear_each_other() {
    let mut seed = 0;
    for ice_lite in [true, false] {
        for seek in [[true, false], [false, true], [true, true], [false, false]] {
            seed += 1;
            let (mut simulation, phones) = two(seed, platform(Connectivity::Offer, ice_lite), seek);
            connect(&mut simulation, phones[0], phones[1]);
            simulation.run(secs(1));
            assert_eq!(has_ways(&simulation, phones), seek);
            assert_talk(&mut simulation, phones, 0, "at first");
            for step in
                [Step::Hold(HoldStyle::SendOnly), Step::Retrieve, Step::Refresh, Step::Hold(HoldStyle::Inactive)]
            {
                simulation.tell(phones[0]).step(0, step);
                simulation.run(secs(2));
            }
            simulation.tell(phones[0]).step(0, Step::Retrieve);
            simulation.run(secs(1));
            assert_talk(&mut simulation, phones, 0, "after holds");
            simulation.tell(phones[1]).step(0, Step::HangUp);
            simulation.run(secs(1));
            simulation.finish();
        }
    }
}

/// Where nothing else is said it is answered, and not offered.
#[test]
fn ways_are_answered_to_who_offers_them() {
    let (mut simulation, phones) = two(1, PlatformConfig::default(), [true, true]);
    connect(&mut simulation, phones[0], phones[1]);
    simulation.run(secs(1));
    assert_eq!(has_ways(&simulation, phones), [true, false]);
    assert_talk(&mut simulation, phones, 0, "at first");
    let (mut simulation, phones) = two(2, platform(Connectivity::Never, true), [true, true]);
    connect(&mut simulation, phones[0], phones[1]);
    simulation.run(secs(1));
    assert_eq!(has_ways(&simulation, phones), [false, false]);
    assert_talk(&mut simulation, phones, 0, "where they may not be");
    let (mut simulation, phones) = two(3, platform(Connectivity::Must, true), [false, true]);
    simulation.tell(phones[0]).dial("bob");
    simulation.run(secs(3));
    assert_eq!(simulation.call(phones[0]).ending, Some(Ending::Refused(488)));
}

#[test]
fn ways_are_found_on_bad_lines() {
    for seed in 0..6 {
        let (mut simulation, phones) = two(seed, platform(Connectivity::Offer, seed % 2 == 0), [true, true]);
        let line = Conditions { loss_permille: 100, duplicate_permille: 20, reorder_permille: 30, ..Conditions::LOCAL };
        simulation.set_line(phones[0], line);
        simulation.tell(phones[0]).dial("bob");
        let up = simulation.run_until(secs(40), |simulation| {
            phones.iter().all(|&phone| simulation.phone(phone).last_call().is_some_and(|call| call.is_up()))
        });
        assert!(up, "seed {seed}");
        simulation.run(secs(10));
        assert_eq!(has_ways(&simulation, phones), [true, true], "seed {seed}");
        simulation.run(secs(120));
        assert!(phones.iter().all(|&phone| simulation.call(phone).is_up()), "seed {seed}");
        assert_talk(&mut simulation, phones, 20, "later");
    }
}

/// A phone behind a NAT names its private address; its NAT gives each destination a port of its own, and forgets.
#[test]
fn a_phone_behind_a_nat_is_found_and_found_again_when_its_nat_restarts() {
    for ice_lite in [true, false] {
        for symmetric in [false, true] {
            let mut simulation = Simulation::with(7, platform(Connectivity::Offer, ice_lite));
            let inside = IpAddr::from([10, 0, 0, 1]);
            simulation.network.add_nat(OUTSIDE, &[inside], NatConfig { symmetric, lifetime: secs(60) });
            let address = SocketAddr::new(inside, 5060);
            let config = PhoneConfig { address, seeks_ways: true, ..simulation.phone_config("alice") };
            let alice = simulation.add(config);
            assert!(simulation.run_until(secs(5), |simulation| simulation.phone(alice).is_registered()));
            let phones = [alice, simulation.add_registered("bob")];
            connect(&mut simulation, phones[0], phones[1]);
            simulation.run(secs(1));
            assert_talk(&mut simulation, phones, 0, "behind its NAT");
            simulation.grace = secs(30); // until the new binding is found
            simulation.network.restart_nat(OUTSIDE);
            simulation.run(secs(9));
            assert_talk(&mut simulation, phones, 0, "after its NAT has restarted");
            simulation.run(secs(60));
            assert_talk(&mut simulation, phones, 0, "a minute later");
        }
    }
}

/// RFC 8445 §9: other names, and the sound goes on.
#[test]
fn a_phone_that_looks_anew_in_mid_call_is_not_interrupted() {
    for ice_lite in [true, false] {
        let (mut simulation, phones) = two(9, platform(Connectivity::Offer, ice_lite), [true, true]);
        connect(&mut simulation, phones[0], phones[1]);
        simulation.run(secs(2));
        for phone in phones {
            let before = heard(&simulation, phones);
            simulation.tell(phone).step(0, Step::SeekAnew);
            simulation.run(secs(2));
            let after = heard(&simulation, phones);
            assert!((0..2).all(|side| after[side] >= before[side] + 98), "{before:?} {after:?}");
        }
        assert_eq!(has_ways(&simulation, phones), [true, true]);
        assert_talk(&mut simulation, phones, 0, "later");
    }
}

/// Keys that come about in the media wait for the way (RFC 5763, RFC 8842).
#[test]
fn a_handshake_goes_by_the_way_that_was_found() {
    for ice_lite in [true, false] {
        for seed in 0..3 {
            let mut config = platform(Connectivity::Offer, ice_lite);
            config.signaling.calls.keying = signaling::Keying::Dtls;
            config.signaling.accounts_secured.insert("bob".to_owned(), signaling::MediaSecurity::Must);
            let (mut simulation, phones) = two(seed, config, [true, true]);
            for phone in phones {
                simulation.tell(phone).config.secure = Some(Secure::Handshake);
            }
            connect(&mut simulation, phones[0], phones[1]);
            simulation.run(secs(3));
            assert_eq!(has_ways(&simulation, phones), [true, true]);
            assert_talk(&mut simulation, phones, 0, "with keys");
            simulation.tell(phones[0]).step(0, Step::SeekAnew);
            simulation.run(secs(2));
            assert_talk(&mut simulation, phones, 0, "after it has looked anew");
            for phone in phones {
                assert!(simulation.call(phone).media.is_secure());
            }
        }
    }
}

/// A phone that is gone without a word: who asks it finds out within half a minute.
#[test]
fn a_call_whose_peer_no_longer_consents_ends() {
    let (mut simulation, phones) = two(1, platform(Connectivity::Offer, false), [true, false]);
    connect(&mut simulation, phones[0], phones[1]);
    simulation.run(secs(5));
    simulation.tell(phones[0]).step(0, Step::Forget);
    simulation.run(secs(45));
    assert!(!simulation.call(phones[1]).is_up());
    let records = simulation.platform.records();
    assert_eq!(records[0].cause.as_ref().map(|cause| cause.kind), Some(CauseKind::MediaTimeout));
}

/// A phone whose network lets nothing through any more by the way that was found, and whose signalling works still: it is looked for anew (RFC 8445 §9).
#[test]
fn a_way_that_dies_is_looked_for_anew() {
    for seed in 0..4 {
        let (mut simulation, phones) = two(20 + seed, platform(Connectivity::Offer, false), [true, seed % 2 == 0]);
        if seed >= 2 {
            let line = Conditions { loss_permille: 100, ..Conditions::LOCAL };
            simulation.set_line(phones[0], line);
        }
        simulation.grace = secs(60);
        connect(&mut simulation, phones[0], phones[1]);
        simulation.run(secs(5));
        simulation.tell(phones[0]).step(0, Step::GoDeaf);
        simulation.run(secs(20));
        let before = heard(&simulation, phones);
        simulation.run(secs(25));
        assert!(phones.iter().all(|&phone| simulation.call(phone).is_up()), "{seed}");
        let after = heard(&simulation, phones);
        assert!(after[0] > before[0] + 200, "{seed}: found within 35 seconds: {before:?} {after:?}");
        assert_talk(&mut simulation, phones, if seed >= 2 { 20 } else { 0 }, "after it was found again");
        simulation.calm();
        // A line that dies again at once is given up.
        simulation.tell(phones[0]).step(0, Step::GoDeaf);
        simulation.run(secs(45));
        assert!(!simulation.call(phones[1]).is_up(), "{seed}");
        assert_eq!(
            simulation.platform.records()[0].cause.as_ref().map(|cause| cause.kind),
            Some(CauseKind::MediaTimeout)
        );
    }
}

/// RFC 8839 §4.4.1.2.2: whoever decides says in its next offer what it has chosen.
#[test]
fn an_offer_of_who_decides_says_what_was_chosen() {
    let (mut simulation, phones) = two(30, platform(Connectivity::Offer, false), [false, true]);
    connect(&mut simulation, phones[0], phones[1]);
    simulation.run(secs(2));
    assert_eq!(simulation.call(phones[1]).media.chosen(), [] as [SocketAddr; 0], "the first offer had nothing to say");
    simulation.tell(phones[0]).step(0, Step::Hold(HoldStyle::SendOnly));
    simulation.run(secs(2));
    let own = simulation.call(phones[1]).media.local();
    assert_eq!(simulation.call(phones[1]).media.chosen(), [own]);
    simulation.tell(phones[0]).step(0, Step::Retrieve);
    simulation.run(secs(1));
    assert_talk(&mut simulation, phones, 0, "retrieved");
    simulation.tell(phones[0]).step(0, Step::HangUp);
    simulation.run(secs(1));
    simulation.finish();
}

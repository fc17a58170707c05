//! Session timers (RFC 4028): calls live for as long as both legs are refreshed, each by itself, and no longer.

use crate::{connect, ms, secs};
use router::parameter::Direction;
use scenarios::phone::{BOTH_WAYS, SessionTimers};
use scenarios::simulation::PhoneIndex;
use scenarios::{Conditions, Ending, HoldStyle, PhoneConfig, Simulation, Step};

/// A phone that knows session timers.
fn timed(simulation: &mut Simulation, name: &str, timers: Option<SessionTimers>, updates: bool) -> PhoneIndex {
    let config = PhoneConfig { timers, updates, packet_ms: 80, ..simulation.phone_config(name) };
    simulation.add_and_register(config)
}

fn short(itself: Option<bool>) -> Option<SessionTimers> {
    Some(SessionTimers { interval_s: 90, itself, ..SessionTimers::default() })
}

fn renewed(simulation: &Simulation, phone: PhoneIndex) -> u32 {
    simulation.call(phone).session.map_or(0, |session| session.renewed)
}

#[test]
fn a_call_lives_past_many_refreshes_of_either_leg_by_whomever_and_however_under_loss() {
    let mut seed = 0;
    for caller in [Some(true), Some(false)] {
        for callee in [Some(true), None] {
            for updates in [true, false] {
                for loss in [0, 100] {
                    seed += 1;
                    let mut simulation = Simulation::new(seed);
                    let alice = timed(&mut simulation, "alice", short(caller), updates);
                    let bob = timed(&mut simulation, "bob", short(callee), updates);
                    connect(&mut simulation, alice, bob);
                    if loss > 0 {
                        for phone in [alice, bob] {
                            let host = simulation.phone(phone).config.address.ip();
                            simulation.network.attach(host, Conditions::rough(loss), Conditions::rough(loss));
                        }
                    }
                    // Half of it on hold, where no sound takes time.
                    simulation.run(secs(20));
                    simulation.tell(alice).step(0, Step::Hold(HoldStyle::Inactive));
                    simulation.run(secs(1_000));
                    simulation.tell(alice).step(0, Step::Retrieve);
                    simulation.run(secs(60));
                    for phone in [alice, bob] {
                        let call = simulation.call(phone);
                        let what = format!("seed {seed}: {caller:?} {callee:?} {updates} {loss} {:?}", call.ending);
                        assert!(call.is_up(), "{what}");
                        assert_eq!(call.session.map(|session| session.seconds), Some(90), "{what}");
                        assert!(renewed(&simulation, phone) > 10, "{what} {:?}", call.session);
                        assert_eq!(call.media.direction(), BOTH_WAYS, "{what}");
                    }
                    simulation.tell(alice).step(0, Step::HangUp);
                    simulation.run(secs(1));
                    simulation.finish();
                }
            }
        }
    }
}

#[test]
fn a_carrier_s_refresh_every_half_hour_tears_no_call_down_not_on_hold_either() {
    for style in [HoldStyle::Inactive, HoldStyle::SendOnly] {
        let mut simulation = Simulation::new(7);
        let alice = timed(&mut simulation, "alice", Some(SessionTimers::default()), false);
        let bob = timed(&mut simulation, "bob", Some(SessionTimers::default()), true);
        connect(&mut simulation, alice, bob);
        simulation.tell(alice).step(0, Step::Hold(style));
        simulation.run(secs(2));
        // The sound of who holds takes its time here.
        let (time, least) = if style == HoldStyle::SendOnly { (secs(1_000), 1) } else { (secs(11 * 1_800), 10) };
        simulation.run(time);
        for phone in [alice, bob] {
            let call = simulation.call(phone);
            assert!(
                call.is_up() && renewed(&simulation, phone) >= least,
                "{style:?} {:?} {:?}",
                call.ending,
                call.session
            );
        }
        assert!(!simulation.call(bob).media.direction().sends(), "still on hold: {style:?}");
        simulation.tell(alice).step(0, Step::Retrieve);
        simulation.run(secs(2));
        assert_eq!(simulation.call(bob).media.direction(), BOTH_WAYS);
        simulation.finish();
    }
}

#[test]
fn a_refresh_of_one_leg_is_no_matter_of_the_other() {
    for itself in [Some(true), Some(false)] {
        let mut simulation = Simulation::new(8);
        let alice = timed(&mut simulation, "alice", short(itself), false);
        let bob = timed(&mut simulation, "bob", None, true);
        connect(&mut simulation, alice, bob);
        simulation.run(secs(600));
        assert!(simulation.call(alice).is_up() && renewed(&simulation, alice) > 10);
        let call = simulation.call(bob);
        assert_eq!((call.peer_offers, call.session), (0, None), "bob's leg was left alone");
        simulation.finish();
    }
}

#[test]
fn a_session_that_the_peer_forgets_is_ended_before_it_expires() {
    let mut simulation = Simulation::new(9);
    let forgets = SessionTimers { interval_s: 90, itself: Some(true), refreshes: false, ..SessionTimers::default() };
    let alice = timed(&mut simulation, "alice", Some(forgets), true);
    let bob = timed(&mut simulation, "bob", None, true);
    connect(&mut simulation, alice, bob);
    // 90 less a third.
    simulation.run(secs(58));
    assert!(simulation.call(alice).is_up() && simulation.call(bob).is_up());
    simulation.run(secs(3));
    for phone in [alice, bob] {
        let call = simulation.call(phone);
        assert_eq!(call.ending, Some(Ending::PeerHungUp));
        let reason = call.reason.clone().unwrap_or_default();
        assert!(reason.contains("cause=102") && reason.contains("text=\"timeout\""), "{reason}");
    }
    simulation.finish();
}

#[test]
fn a_phone_that_is_gone_is_found_by_our_refresh() {
    let mut simulation = Simulation::new(10);
    let alice = timed(&mut simulation, "alice", None, true);
    let bob = timed(&mut simulation, "bob", short(Some(false)), true);
    connect(&mut simulation, alice, bob);
    simulation.tell(alice).step(0, Step::Hold(HoldStyle::Inactive));
    simulation.run(secs(2));
    let host = simulation.phone(bob).config.address.ip();
    simulation.network.attach(host, Conditions::DEAD, Conditions::DEAD);
    simulation.run(secs(43));
    assert!(simulation.call(alice).is_up());
    simulation.run(secs(40));
    assert_eq!(simulation.call(alice).ending, Some(Ending::PeerHungUp), "refreshed at 45 seconds, given up 32 later");
    simulation.network.attach(host, Conditions::LOCAL, Conditions::LOCAL);
    simulation.run(secs(60));
    simulation.grace = secs(120);
    simulation.finish();
}

#[test]
fn an_interval_that_is_too_short_is_raised_on_either_leg() {
    let mut simulation = Simulation::new(11);
    let brief = SessionTimers { interval_s: 60, min_s: 60, ..SessionTimers::default() };
    let alice = timed(&mut simulation, "alice", Some(brief), true);
    let lasting = SessionTimers { interval_s: 2_400, min_s: 2_400, ..SessionTimers::default() };
    let bob = timed(&mut simulation, "bob", Some(lasting), true);
    connect(&mut simulation, alice, bob);
    assert!(simulation.phone(alice).responses.contains(&("INVITE".to_owned(), 422)));
    assert_eq!(simulation.call(alice).session.map(|session| session.seconds), Some(90));
    assert_eq!(simulation.call(bob).session.map(|session| session.seconds), Some(2_400));
    simulation.run(ms(500));
    simulation.finish();
}

#[test]
fn refreshes_that_cross_offers_and_each_other_do_no_harm() {
    for seed in 0..12 {
        let mut simulation = Simulation::new(100 + seed);
        let updates = seed % 2 == 0;
        let alice = timed(&mut simulation, "alice", short(Some(false)), updates);
        let bob = timed(&mut simulation, "bob", short(Some(seed % 3 == 0)), updates);
        connect(&mut simulation, alice, bob);
        // Ours to alice leave 45 seconds after the answer: hers, and holds, meet them.
        simulation.run(ms(44_900 + 15 * seed));
        for phone in [alice, bob] {
            let step = if seed % 4 < 2 { Step::Renew } else { Step::Hold(HoldStyle::SendOnly) };
            simulation.tell(phone).step(0, step);
            simulation.run(ms(20));
        }
        simulation.run(secs(30));
        for phone in [alice, bob] {
            simulation.tell(phone).step(0, Step::Retrieve);
            simulation.run(secs(10));
        }
        simulation.run(secs(200));
        for phone in [alice, bob] {
            let call = simulation.call(phone);
            assert!(call.is_up(), "seed {seed}: {:?}", call.ending);
            assert_eq!(call.media.direction(), Direction::SendReceive, "seed {seed}");
            assert!(renewed(&simulation, phone) >= 4, "seed {seed}");
        }
        simulation.finish();
    }
}

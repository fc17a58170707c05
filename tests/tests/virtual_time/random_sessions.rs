//! Calls that last: sessions with timers of any kind past several refreshes, set up with acknowledged provisional responses or
//! without, while both phones hold, retrieve and offer; the line loses, doubles and reorders.

use crate::random_calls::each_seed;
use crate::{ms, secs};
use router::Random;
use scenarios::phone::{BOTH_WAYS, SessionTimers};
use scenarios::{Behaviour, Conditions, HoldStyle, PhoneConfig, Simulation, Step};

/// A phone by chance.
fn phone(simulation: &mut Simulation, name: &str) -> usize {
    let chance = simulation.random().below(1 << 10);
    let itself = [None, Some(true), Some(false), Some(true)][(chance & 3) as usize];
    // RFC 4028 §5 lets nobody ask for less.
    let timers = SessionTimers { interval_s: 90 + (chance >> 8) as u32 * 10, itself, ..SessionTimers::default() };
    let early_media = (chance & 64 != 0).then(|| ms(200));
    let config = PhoneConfig {
        timers: (chance & 12 != 0).then_some(timers),
        updates: chance & 16 != 0,
        reliable: chance & 32 != 0,
        late_offer: name == "alice" && chance & 192 == 192,
        packet_ms: 80,
        behaviour: Behaviour { early_media, ..Behaviour::answers(ms(900)) },
        ..simulation.phone_config(name)
    };
    simulation.add_and_register(config)
}

fn step(random: &mut Random) -> Step {
    match random.below(8) {
        // Where no sound takes time.
        0..=2 => Step::Hold(HoldStyle::Inactive),
        3 => Step::Hold(HoldStyle::SendOnly),
        4 => Step::Refresh,
        5 => Step::RefreshWithoutOffer,
        6 => Step::Update,
        _ => Step::Retrieve,
    }
}

fn run(seed: u64) {
    let mut simulation = Simulation::new(7_000 + seed);
    let phones = ["alice", "bob"].map(|name| phone(&mut simulation, name));
    let [alice, bob] = phones;
    let loss = if seed.is_multiple_of(3) { 0 } else { 20 + simulation.random().below(50) as u16 };
    simulation.grace = if loss > 0 { secs(12) } else { ms(2_500) };
    if loss > 0 {
        phones.into_iter().for_each(|phone| simulation.set_line(phone, Conditions::rough(loss)));
    }
    simulation.tell(alice).dial("bob");
    let up = simulation.run_until(secs(40), |simulation| {
        phones.iter().all(|&phone| simulation.phone(phone).last_call().is_some_and(|call| call.is_up()))
    });
    let timers = phones.map(|phone| simulation.phone(phone).config.timers.map(|timers| timers.interval_s));
    let what = format!("seed {seed}, loss {loss}, timers {timers:?}");
    assert!(up, "{what}: not answered");
    for _ in 0..5 {
        for phone in phones {
            if simulation.random().below(3) > 0 {
                let step = step(simulation.random());
                simulation.tell(phone).step(0, step);
            }
            let apart = [0, 3, 400, 9_000][simulation.random().below(4) as usize];
            simulation.run(ms(apart));
        }
        let time = 50_000 + simulation.random().below(50_000);
        simulation.run(ms(time));
    }
    simulation.calm();
    for phone in phones {
        simulation.tell(phone).step(0, Step::Retrieve);
        simulation.run(secs(12));
    }
    for phone in [alice, bob] {
        let call = simulation.call(phone);
        assert!(call.is_up(), "{what}: {:?}, {:?}", call.ending, call.reason);
        assert_eq!(call.media.direction(), BOTH_WAYS, "{what}");
        let renewed = call.session.map(|session| session.renewed);
        if simulation.phone(phone).config.timers.is_some() {
            assert!(renewed.is_some_and(|renewed| renewed >= 2), "{what}: {:?}", call.session);
        }
    }
    simulation.finish();
}

#[test]
fn calls_outlast_many_refreshes_whoever_refreshes_and_however() {
    each_seed(100, run);
}

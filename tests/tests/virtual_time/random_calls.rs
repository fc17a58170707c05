//! Calls of every kind at once, over a network that loses, doubles and reorders; the invariants hold for every seed.

use crate::{ms, secs};
use router::Random;
use router::parameter::Codec;
use router::time::Duration;
use scenarios::network::NatConfig;
use scenarios::phone::{Carrier, SessionTimers};
use scenarios::trunk::{address, known, known_with, peer};
use scenarios::{Action, Behaviour, Conditions, HoldStyle, PhoneConfig, PlatformConfig, Simulation, Step, Then};
use signaling::Connectivity;
use std::net::{IpAddr, SocketAddr};

/// The seeds to run: `default` of them, or what the environment says.
pub(crate) fn seeds(default: u64) -> u64 {
    std::env::var("TANDEM_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn all_seeds(default: u64) -> Vec<u64> {
    match std::env::var("TANDEM_SEED").ok().and_then(|text| text.parse().ok()) {
        Some(seed) => vec![seed],
        None => (0..seeds(default)).collect(),
    }
}

fn step(random: &mut Random) -> Step {
    match random.below(18) {
        0 | 1 => Step::Hold(HoldStyle::SendOnly),
        2 => Step::Hold(HoldStyle::Inactive),
        3 => Step::Hold(HoldStyle::ZeroAddress),
        4..=6 => Step::Retrieve,
        7 => Step::Refresh,
        8 => Step::RefreshWithoutOffer,
        9 => Step::Update,
        10 => Step::InfoKey('5'),
        11 => Step::Press(random.below(12) as u8),
        12 => Step::Transfer(["alice", "bob", "carol", "dave", "nobody", "echo"][random.below(6) as usize].to_owned()),
        13 => Step::NewSource,
        17 => Step::Renew,
        14 | 15 => Step::TransferToOther,
        _ => Step::HangUp,
    }
}

fn script(random: &mut Random) -> Vec<(Duration, Step)> {
    let steps = random.below(4);
    let mut at = 0;
    let mut script: Vec<_> = (0..steps)
        .map(|_| {
            at += random.below(3_000);
            (ms(at), step(random))
        })
        .collect();
    if random.below(4) > 0 {
        script.push((ms(at + 500 + random.below(6_000)), Step::HangUp));
    }
    script
}

fn behaviour(random: &mut Random) -> Behaviour {
    let after = ms(random.below(2_500));
    let then = match random.below(11) {
        0..=5 => Then::Answer(after),
        6 => Then::Reject(after, 486),
        7 => Then::Reject(after, [404, 480, 488, 500, 503, 603][random.below(6) as usize]),
        8 => Then::Ring,
        10 => Then::Forward(
            after,
            ["alice", "bob", "carol", "dave", "nobody", "030123"][random.below(6) as usize].to_owned(),
        ),
        _ => Then::Silence,
    };
    Behaviour {
        ring: (random.below(4) > 0).then(|| ms(random.below(300))),
        early_media: (random.below(5) == 0).then(|| ms(100 + random.below(500))),
        then,
        script: script(random),
    }
}

/// A platform of the default number of shards with two trunks, and five phones of four accounts: one by TCP, one behind NAT, one without UPDATE, one that
/// calls without offers; one or two look for ways (ICE); with one seed of four one speaks Opus alone. By chance they know session timers, of some seconds, and provisional responses that are acknowledged.
fn populate(seed: u64, rough: bool) -> Simulation {
    populate_on(seed, rough, PlatformConfig::default().shards)
}

/// The same on so many shards.
pub(crate) fn populate_on(seed: u64, rough: bool, shards: u8) -> Simulation {
    let trunks = vec![known("one", address(1)), known_with("two", address(2), "tandem", "secret")];
    let mut config = crate::trunk_failover::configured(trunks);
    config.workers = 1 + (seed % 2) as u8;
    config.shards = shards;
    config.switch.ring_timeout = secs(15);
    config.signaling.calls.session_min_s = 4;
    config.signaling.calls.connectivity = if seed.is_multiple_of(2) { Connectivity::May } else { Connectivity::Offer };
    config.signaling.ice_lite = seed % 4 < 2;
    let mut simulation = Simulation::with(seed, config);
    let server = simulation.server();
    let brief = |refresher: u64| SessionTimers {
        interval_s: 4 + refresher as u32 % 7,
        min_s: 4,
        itself: [None, Some(true), Some(false)][refresher as usize % 3],
        ..SessionTimers::default()
    };
    let inside = IpAddr::from([10, 0, 0, 1]);
    let nat = NatConfig { symmetric: seed.is_multiple_of(3), lifetime: secs(60) };
    simulation.network.add_nat(IpAddr::from([198, 51, 100, 200]), &[inside], nat);
    let mut configs = Vec::new();
    for (index, name) in ["alice", "bob", "carol", "dave", "bob"].into_iter().enumerate() {
        let mut config = PhoneConfig { packet_ms: 80, ..simulation.phone_config(name) };
        config.address = SocketAddr::from(([198, 51, 100, 10 + index as u8], 5060));
        match index {
            1 => config.address = SocketAddr::new(inside, 5060),
            2 => {
                config.carrier = Carrier::Tcp;
                if seed % 4 == 1 {
                    // Neither phones nor trunks speak what she does: what she says is sound, since it is transcoded.
                    let keys = Codec { parameters: Some("0-16".into()), ..Codec::new(97, "telephone-event", 48_000) };
                    config.codecs = vec![Codec { channels: 2, ..Codec::new(96, "opus", 48_000) }, keys];
                    (config.tone_hz, config.packet_ms) = (Some(440.0), 60);
                }
            }
            3 => (config.updates, config.late_offer) = (false, seed.is_multiple_of(2)),
            _ => {}
        }
        let chance = simulation.random().below(64);
        config.reliable = chance & 1 == 1;
        config.seeks_ways = (seed + index as u64).is_multiple_of(3);
        config.timers = (chance & 6 == 6).then(|| brief(chance >> 3));
        configs.push(config);
    }
    let asks = Some(("tandem".to_owned(), "secret".to_owned(), "two.example".to_owned()));
    configs.push(PhoneConfig { packet_ms: 80, ..peer("one", address(1), server, Behaviour::default()) });
    configs.push(PhoneConfig { packet_ms: 80, asks, ..peer("two", address(2), server, Behaviour::default()) });
    for config in configs {
        let loss = if rough { simulation.random().below(150) as u16 } else { 0 };
        if rough && seed.is_multiple_of(4) && config.name == "one" {
            // A carrier that is not there: the other one is tried in time.
            simulation.network.attach(config.address.ip(), Conditions::DEAD, Conditions::DEAD);
        } else if loss > 0 {
            simulation.network.attach(config.address.ip(), Conditions::rough(loss), Conditions::rough(loss));
        }
        simulation.add(config);
    }
    simulation.run(secs(3));
    simulation
}

fn run(mut simulation: Simulation, rough: bool) {
    simulation.grace = if rough { secs(12) } else { ms(2_500) };
    let phones = simulation.phones().len();
    for phone in 0..phones {
        let behaviour = behaviour(simulation.random());
        simulation.tell(phone).config.behaviour = behaviour;
    }
    for _ in 0..8 {
        let random = simulation.random();
        let (phone, at) = (random.below(phones as u64) as usize, ms(random.below(12_000)));
        let number = match random.below(10) {
            0..=5 => ["alice", "bob", "carol", "dave"][random.below(4) as usize].to_owned(),
            6 | 7 => format!("030{}", random.below(1_000)),
            8 => ["echo", "milliwatt", "silence"][random.below(3) as usize].to_owned(),
            _ => "nobody".to_owned(),
        };
        let number = if phone >= 5 { format!("1{number}") } else { number };
        let give_up = (random.below(3) == 0).then(|| ms(random.below(3_000)));
        let script = script(random);
        simulation.tell(phone).schedule(at, Action::Dial(number, give_up, script));
    }
    simulation.run(secs(40));
    simulation.finish();
}

/// Random calls among the phones of a simulation.
pub(crate) struct Play {
    pub(crate) calls: usize,
    pub(crate) within_ms: u64,
}

impl Play {
    /// Has every phone behave somehow, and call somebody some time.
    pub(crate) fn stage(&self, simulation: &mut Simulation) {
        let phones = simulation.phones().len();
        for phone in 0..phones {
            let behaviour = behaviour(simulation.random());
            simulation.tell(phone).config.behaviour = behaviour;
        }
        for _ in 0..self.calls {
            let random = simulation.random();
            let (phone, at) = (random.below(phones as u64) as usize, ms(random.below(self.within_ms)));
            let number =
                ["alice", "bob", "bob", "carol", "dave", "nobody", "echo"][random.below(7) as usize].to_owned();
            let give_up = (random.below(3) == 0).then(|| ms(random.below(3_000)));
            let script = script(random);
            simulation.tell(phone).schedule(at, Action::Dial(number, give_up, script));
        }
    }
}

/// Runs so many seeds, or those that the environment says.
pub(crate) fn each_seed(seeds: u64, run: impl Fn(u64) + std::panic::RefUnwindSafe) {
    run_each(all_seeds(seeds), run);
}

/// Runs all seeds; fails with the list of those that failed.
fn run_all(seeds: Vec<u64>, rough: bool) {
    run_each(seeds, |seed| run(populate(seed, rough), rough));
}

/// Runs so many seeds on so many shards.
pub(crate) fn run_on(shards: u8, seeds: u64, rough: bool) {
    run_each(all_seeds(seeds), |seed| run(populate_on(seed, rough, shards), rough));
}

fn run_each(seeds: Vec<u64>, run: impl Fn(u64) + std::panic::RefUnwindSafe) {
    let fails = |&seed: &u64| std::panic::catch_unwind(|| run(seed)).is_err();
    let failed: Vec<u64> = seeds.into_iter().filter(fails).collect();
    assert!(failed.is_empty(), "failing seeds (one alone: TANDEM_SEED): {failed:?}");
}

#[test]
fn on_a_perfect_network() {
    run_all(all_seeds(100), false);
}

#[test]
fn under_loss_doubling_and_reordering() {
    run_all(all_seeds(200), true);
}

//! Scenarios in virtual time: a whole platform, its phones and the network between them, from one seed each.
//!
//! `TANDEM_SEED=n` runs the random scenarios with that seed alone; `TANDEM_SEEDS=n` with so many.
//! `TANDEM_LADDER=1` shows every SIP message as it is sent.

mod basic_call;
mod blind_transfer;
mod busy_no_answer_unreachable;
mod cancel_races;
mod early_media;
mod families_and_transports;
mod forking;
mod glare;
mod hold_and_retrieve;
mod late_offer;
mod limits;
mod max_forwards_loop;
mod nat;
mod negotiation;
mod overload_unknown_sources;
mod private_log;
mod random_calls;
mod register;
mod rtp_timeline;
mod tcp;
mod trunk_failover;

use router::time::Duration;
use scenarios::Simulation;
use scenarios::simulation::PhoneIndex;

/// So many milliseconds.
fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// So many seconds.
fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A platform, and the registered phones of these accounts.
fn with_phones<const N: usize>(seed: u64, names: [&str; N]) -> (Simulation, [PhoneIndex; N]) {
    let mut simulation = Simulation::new(seed);
    let phones = names.map(|name| simulation.add_registered(name));
    (simulation, phones)
}

/// `from` calls `to`'s account, which answers; both are up.
fn connect(simulation: &mut Simulation, from: PhoneIndex, to: PhoneIndex) {
    let user = simulation.phone(to).config.name.clone();
    simulation.tell(from).dial(&user);
    let up = simulation.run_until(secs(10), |simulation| {
        [from, to].iter().all(|&phone| simulation.phone(phone).last_call().is_some_and(|call| call.is_up()))
    });
    assert!(up, "no call from {from} to {to}: {:?}", simulation.call(from).ending);
}

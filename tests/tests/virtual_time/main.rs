//! Scenarios in virtual time: a whole platform, its phones and the network between them, from one seed each.
//!
//! `TANDEM_SEED=n` runs the random scenarios with that seed alone; `TANDEM_SEEDS=n` with so many.
//! `TANDEM_SHARDS=n` runs everything on so many SIP shards; what counts milliseconds or lessons of one alone fails there.
//! `TANDEM_LADDER=1` shows every SIP message as it is sent.

mod across_platforms;
mod across_platforms_faults;
mod across_platforms_hostile;
mod attended_across_platforms;
mod attended_transfer;
mod basic_call;
mod blind_transfer;
mod busy_no_answer_unreachable;
mod call_forwarding;
mod cancel_races;
mod circles;
mod conference;
mod connected_across_platforms;
mod diversion;
mod early_media;
mod enum_numbers;
mod families_and_transports;
mod floods_across_platforms;
mod forking;
mod glare;
mod hold_and_retrieve;
mod introductions;
mod joins_at_both_ends;
mod keys;
mod lamps;
mod lamps_across_platforms;
mod late_offer;
mod limits;
mod max_forwards_loop;
mod messages;
mod metrics;
mod nat;
mod negotiation;
mod number_parameters;
mod overload_unknown_sources;
mod phone_flows;
mod phone_headers;
mod pick_up;
mod platform_away;
mod private_log;
mod races;
mod random_calls;
mod random_sessions;
mod recalls;
mod records;
mod register;
mod registered_trunk;
mod rtp_timeline;
mod secure_media;
mod secure_ways;
mod services;
mod session_timers;
mod shards;
mod signed_calls;
mod supervision;
mod tcp;
mod tls_and_websocket;
mod topology_hiding;
mod transcoding;
mod trunk_by_name;
mod trunk_failover;
mod trunk_group;
mod trunk_identity;
mod ways;

use router::time::Duration;
use router::{Command, ModuleKind, Packet, Parameters};
use scenarios::Simulation;
use scenarios::simulation::PhoneIndex;

/// So many milliseconds.
const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// So many seconds.
const fn secs(secs: u64) -> Duration {
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

/// Asks every module of a kind the same; their answers, in the order of the modules.
fn ask_each(simulation: &mut Simulation, kind: ModuleKind, command: Command, parameters: &Parameters) -> Vec<Packet> {
    let now = simulation.now();
    let modules = simulation.platform.router().modules().into_iter().map(|(address, _)| address);
    let modules: Vec<_> = modules.filter(|address| address.module.kind == kind).collect();
    let observer = simulation.platform.observer();
    let asked: Vec<_> =
        modules.into_iter().map(|module| observer.ask(now, module, command, parameters.clone())).collect();
    simulation.run(ms(50));
    let answer = |asked| simulation.platform.observer().answer(asked).expect("an answer");
    asked.into_iter().map(answer).collect()
}

//! Links, platforms and networks that die at any step: whatever happens, each request has one last answer, what arrives is in
//! its order, nothing is kept for ever, and all is one again when the storm is over.

use crate::network::{Network, config, millis};
use crate::node::Manner;
use router::PlatformId;
use router::parameter::{PlatformState, Reason};
use router::time::Duration;

/// Seeds of each of the four tests.
const SEEDS: u64 = 250;
const STEPS: u64 = 50;

fn storm(seed: u64) -> Network {
    let count = 2 + (seed % 4) as usize;
    let mut network = Network::by_gossip(seed, count);
    if seed.is_multiple_of(3) {
        network.delay_us = 1_000..200_000;
    }
    network.run(millis(network.now.instant.as_nanos() % 7 * 300 + 500));
    for index in 0..count {
        let within = network.random.below(400);
        network.node(index).manner = Manner::Within(within);
    }
    for _ in 0..STEPS {
        step(&mut network, count);
        let pause = network.random.below(200);
        network.run(millis(pause));
        for node in network.nodes.iter().flatten() {
            let (requests, octets) = node.bridge.waiting();
            assert!(requests < 1_000 && octets < 1 << 20, "seed {seed}: {requests} requests, {octets} octets");
        }
    }
    // It calms down.
    network.parted.clear();
    for index in 0..count {
        if network.nodes[index].is_none() {
            network.start(index, life(index));
        }
    }
    for connection in 0..network.connections.len() {
        network.cut(connection);
    }
    network.run(Duration::from_secs(45));
    network
}

fn life(index: usize) -> router::bridge::Config {
    config(index, if index == 0 { &[] } else { &[0] })
}

fn step(network: &mut Network, count: usize) {
    let node = network.random.below(count as u64) as usize;
    let other = network.random.below(count as u64) as usize;
    let connections = network.connections.len() as u64;
    let connection = network.random.below(connections) as usize;
    let is_alive = network.nodes[node].is_some();
    let now = network.now;
    match network.random.below(24) {
        0 if connections > 0 => network.cut(connection),
        1 if connections > 0 => network.stall(connection, node),
        2 if connections > 0 => network.end(connection, node, None),
        3 if node != other => network.part(node, other),
        4 | 5 => network.parted.clear(),
        6 if is_alive && node > 0 => drop(network.kill(node)),
        7 | 8 if !is_alive => network.start(node, life(node)),
        9 if connections > 0 => {
            let octets = (0..network.random.below(40)).map(|octet| octet as u8).collect();
            network.inject(connection, node, octets);
        }
        _ if is_alive => {
            for _ in 0..network.random.below(12) {
                let platform = match network.random.below(8) {
                    0 => PlatformId::ANY,
                    _ => PlatformId(network.random.below(count as u64 + 1) as u32 + 1),
                };
                let within = millis(network.random.below(8_000));
                if platform != PlatformId(node as u32 + 1) {
                    network.node(node).ask(now, platform, within);
                    if platform != PlatformId::ANY {
                        network.node(node).tell(platform.0);
                    }
                }
            }
        }
        _ => {}
    }
}

fn calm(seeds: std::ops::Range<u64>) {
    let (mut answered, mut failed) = (0, 0);
    for seed in seeds {
        eprintln!("seed {seed}");
        let mut network = storm(seed);
        let count = network.nodes.len();
        for index in 0..count {
            let node = network.node(index);
            assert!(node.finals.values().all(|answers| *answers == 1), "seed {seed}: {:?}", node.finals);
            assert_eq!(node.asker.pending(), 0, "seed {seed}");
            assert_eq!(node.bridge.waiting(), (0, 0), "seed {seed}: node {index}");
            let linked = node.states().values().filter(|state| **state == PlatformState::Linked).count();
            assert_eq!(linked, count - 1, "seed {seed}: {:#?}", node.bridge.platforms());
            answered += node.reasons.get(&None).copied().unwrap_or(0);
            failed += node.reasons.get(&Some(Reason::PlatformAbsent)).copied().unwrap_or(0);
        }
        let connected = network.connections.iter().filter(|connection| connection.is_open()).count();
        assert_eq!(connected, count * (count - 1) / 2, "seed {seed}: a link too many");
    }
    assert!(answered > 5_000 && failed > 1_000, "{answered} answered, {failed} failed");
}

#[test]
fn a_first_quarter_of_storms() {
    calm(0..SEEDS);
}

#[test]
fn a_second_quarter_of_storms() {
    calm(SEEDS..2 * SEEDS);
}

#[test]
fn a_third_quarter_of_storms() {
    calm(2 * SEEDS..3 * SEEDS);
}

#[test]
fn a_last_quarter_of_storms() {
    calm(3 * SEEDS..4 * SEEDS);
}

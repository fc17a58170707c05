//! What protecting a packet of voice (172 octets) costs, and opening it, by suite.

#![expect(clippy::unwrap_used, reason = "what a benchmark cannot do ends it")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use media::srtp::{EXPANSION, Inbound, Outbound};
use router::Random;
use router::parameter::{MediaKey, SrtpSuite};
use router::time::Instant;
use std::hint::black_box;

const PACKET: usize = 172;
/// Packets that are opened again and again, each time by a key that has not seen them.
const PACKETS: usize = 10_000;

fn voice(packet: &mut [u8], index: u64) {
    media::rtp::write(packet, false, 0, index as u16, index as u32 * 160, 1);
}

fn srtp(criterion: &mut Criterion) {
    let mut random = Random::from_seed(1);
    let mut group = criterion.benchmark_group("srtp, a packet of 172 octets");
    group.throughput(Throughput::Elements(1));
    for suite in SrtpSuite::ALL {
        let mut material = vec![0; suite.material_bytes()];
        random.fill(&mut material);
        let key = MediaKey { material, identifier: Vec::new() };
        let mut outbound = Outbound::new(suite, &key).unwrap();
        let mut buffer = [0; PACKET + EXPANSION];
        let mut index = 0;
        group.bench_function(format!("protect {}", suite.name()), |bencher| {
            bencher.iter(|| {
                voice(&mut buffer, index);
                index += 1;
                black_box(outbound.protect_rtp(&mut buffer, PACKET)).unwrap()
            });
        });
        let mut outbound = Outbound::new(suite, &key).unwrap();
        let sealed: Vec<Vec<u8>> = (0..PACKETS as u64)
            .map(|index| {
                let mut packet = vec![0; PACKET + EXPANSION];
                voice(&mut packet, index);
                let length = outbound.protect_rtp(&mut packet, PACKET).unwrap();
                packet.truncate(length);
                packet
            })
            .collect();
        let mut inbound = Inbound::new(suite, &key).unwrap();
        let mut next = 0;
        group.bench_function(format!("unprotect {}", suite.name()), |bencher| {
            bencher.iter(|| {
                if next == PACKETS {
                    next = 0;
                    inbound = Inbound::new(suite, &key).unwrap();
                }
                let packet = &mut buffer[..sealed[next].len()];
                packet.copy_from_slice(&sealed[next]);
                next += 1;
                black_box(inbound.unprotect_rtp(Instant::from_millis(1), packet)).unwrap()
            });
        });
        group.bench_function(format!("key a leg {}", suite.name()), |bencher| {
            bencher.iter(|| (black_box(Outbound::new(suite, &key)), black_box(Inbound::new(suite, &key))));
        });
    }
    group.finish();
}

criterion_group!(benches, srtp);
criterion_main!(benches);

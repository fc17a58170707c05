//! What a worker's own code costs, without the kernel's: a relayed packet, a set-up and teardown. The whole, kernel
//! included, is measured against the floor by the load generator (`benches/load`).

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use criterion::{Criterion, criterion_group, criterion_main};
use media::srtp::{EXPANSION, Outbound};
use media::{Channel, PairIndex, Voice};
use nowhere::{LOCAL, Nowhere, ask, peer, worker};
use router::packet::{Parameters, one};
use router::parameter::{Bridge, Codec, MediaKey, MediaPlan, MediaPort, PortId, Protection, SrtpSuite};
use router::time::{Duration, Instant, Now, WallTime};
use router::{Command, Parameter, Service};

mod nowhere;

fn keys(suite: SrtpSuite) -> Protection {
    let key = |octet| MediaKey { material: vec![octet; suite.material_bytes()], identifier: Vec::new() };
    Protection { suite, send: key(1), receive: key(2) }
}

/// A call; by a suite, where the first port has keys.
fn set_up(voice: &mut Voice<Nowhere>, now: Now, session: u64, suite: Option<SrtpSuite>) {
    let wanted = (0..2).map(|port| MediaPort::new(PortId(port), LOCAL).into());
    ask(voice, now, session, Command::Open, wanted.collect());
    let mut parameters = one(Bridge { a: PortId(0), b: PortId(1) });
    parameters.extend((0..2).map(|port| {
        Parameter::from(MediaPlan {
            remote_rtp: Some(peer(session, port)),
            generation: 1,
            protection: suite.filter(|_| port == 0).map(|suite| Box::new(keys(suite))),
            ..MediaPlan::new(
                PortId(port),
                vec![Codec::new(0, "PCMU", 8_000), Codec::new(101, "telephone-event", 8_000)],
            )
        })
    }));
    ask(voice, now, session, Command::Connect, parameters);
}

fn relay(criterion: &mut Criterion) {
    let mut now = Now { instant: Instant::from_millis(1), wall: WallTime::from_secs(1_800_000_000) };
    let mut voice = worker(now, ());
    const CALLS: u64 = 400;
    for session in 1..=CALLS {
        set_up(&mut voice, now, session, None);
    }
    let mut data = [0; 172];
    let (mut sequence, mut pair) = (0u16, 0u32);
    criterion.bench_function("relay a packet, 400 calls", |bencher| {
        bencher.iter(|| {
            let session = u64::from(pair / 2) + 1;
            media::rtp::write(&mut data, false, 0, sequence, u32::from(sequence) * 160, pair);
            voice.handle_datagram(now, PairIndex(pair), Channel::Rtp, peer(session, (pair % 2) as u16), &mut data);
            pair += 1;
            if u64::from(pair) == 2 * CALLS {
                pair = 0;
                sequence = sequence.wrapping_add(1);
                now = now.later(Duration::from_millis(20));
            }
        });
    });
    while voice.outbox().poll_transmit().is_some() {}
    assert_eq!(voice.counters().rtp_received, voice.counters().rtp_sent, "every packet was passed on");

    for suite in [SrtpSuite::AeadAes128Gcm, SrtpSuite::AesCm128HmacSha1_80] {
        secure(criterion, now, suite);
    }

    let mut voice = worker(now, ());
    let mut session = 0;
    criterion.bench_function("open, connect and close a call", |bencher| {
        bencher.iter(|| {
            session += 1;
            now = now.later(Duration::from_millis(1));
            set_up(&mut voice, now, session, None);
            ask(&mut voice, now, session, Command::Close, Parameters::new());
        });
    });
}

/// The same with one secure leg of the two: packets go from it and to it in turn, so that each pays one transform.
fn secure(criterion: &mut Criterion, mut now: Now, suite: SrtpSuite) {
    const CALLS: u64 = 400;
    let mut voice = worker(now, ());
    let mut phones: Vec<Outbound> = Vec::new();
    for session in 1..=CALLS {
        set_up(&mut voice, now, session, Some(suite));
        phones.extend(Outbound::new(suite, &keys(suite).receive));
    }
    let mut data = [0; 172 + EXPANSION];
    let (mut sequence, mut pair) = (0u16, 0u32);
    criterion.bench_function(&format!("relay a packet, 400 calls, one leg {}", suite.name()), |bencher| {
        bencher.iter_custom(|packets| {
            let mut spent = Duration::ZERO;
            for _ in 0..packets {
                let session = u64::from(pair / 2) + 1;
                media::rtp::write(&mut data, false, 0, sequence, u32::from(sequence) * 160, pair);
                let mut length = 172;
                if pair % 2 == 0 {
                    length = phones[pair as usize / 2].protect_rtp(&mut data, 172).expect("it is sealed");
                }
                let datagram = &mut data[..length];
                // What the phone does is not counted; reading the clock is, some 20 ns.
                let before = std::time::Instant::now();
                voice.handle_datagram(now, PairIndex(pair), Channel::Rtp, peer(session, (pair % 2) as u16), datagram);
                spent += before.elapsed();
                pair += 1;
                if u64::from(pair) == 2 * CALLS {
                    pair = 0;
                    sequence = sequence.wrapping_add(1);
                    now = now.later(Duration::from_millis(20));
                }
            }
            spent
        });
    });
    while voice.outbox().poll_transmit().is_some() {}
    assert_eq!(voice.counters().rtp_received, voice.counters().rtp_sent, "every packet was passed on");
}

criterion_group!(benches, relay);
criterion_main!(benches);

//! What a transcoded packet costs a worker, without the kernel: beside the codecs alone, and beside a relayed packet.

use codecs::{Encoded, Plan, Tone, Transcoder};
use criterion::{Criterion, criterion_group, criterion_main};
use media::rtp::{HEADER_BYTES, write};
use media::{Channel, PairIndex, Voice};
use nowhere::{LOCAL, Nowhere, ask, peer, worker};
use router::packet::one;
use router::parameter::{Bridge, Codec, MediaPlan, MediaPort, PortId};
use router::time::{Duration, Instant, Now, WallTime};
use router::{Command, Parameter, Service};
use std::hint::black_box;

mod nowhere;

/// So many calls at once, so that what a packet needs is not in the cache by chance.
const CALLS: u64 = 100;
/// Packets of a second of speech-like sound, which are sent again and again.
const PACKETS: usize = 50;

fn set_up(voice: &mut Voice<Nowhere>, now: Now, session: u64, codecs: [&Codec; 2]) {
    let wanted = (0..2).map(|port| MediaPort::new(PortId(port), LOCAL).into());
    ask(voice, now, session, Command::Open, wanted.collect());
    let mut parameters = one(Bridge { a: PortId(0), b: PortId(1) });
    parameters.extend([0, 1].map(|port| {
        Parameter::from(MediaPlan {
            remote_rtp: Some(peer(session, port)),
            generation: 1,
            ..MediaPlan::new(PortId(port), vec![codecs[usize::from(port)].clone()])
        })
    }));
    ask(voice, now, session, Command::Connect, parameters);
}

fn coded(codec: &Codec) -> codecs::Codec {
    let parameters = codec.parameters.as_deref().unwrap_or_default();
    codecs::Codec::of(&codec.name, codec.clock_rate_hz, codec.channels, parameters).expect("a codec that is served")
}

/// A second of it, 20 ms each.
fn payloads(codec: codecs::Codec) -> Vec<Vec<u8>> {
    let rate_hz = codec.sample_rate_hz(8_000);
    let mut encoder = codec.encoder(rate_hz).expect("an encoder");
    let mut tones = [180.0, 540.0, 1_260.0, 2_340.0].map(|hz| Tone::at_rate(hz, -18.0, rate_hz));
    let mut payload = [0; 2_000];
    (0..PACKETS)
        .map(|_| {
            let mut sound = vec![0; codec.packet_samples(20, rate_hz)];
            tones.iter_mut().for_each(|tone| tone.add_to(&mut sound));
            match encoder.encode(&sound, &mut payload).expect("it is encoded") {
                Encoded::Payload(octets) => payload[..octets].to_vec(),
                Encoded::Nothing => Vec::new(),
            }
        })
        .collect()
}

fn transcode(criterion: &mut Criterion) {
    let pcmu = Codec::new(0, "PCMU", 8_000);
    let others = [
        pcmu.clone(),
        Codec::new(8, "PCMA", 8_000),
        Codec::new(9, "G722", 8_000),
        Codec { channels: 2, ..Codec::new(96, "opus", 48_000) },
    ];
    for other in &others {
        for pair in [[&pcmu, other], [other, &pcmu]] {
            if pair[0] == pair[1] && other != &pcmu {
                continue;
            }
            one_way(criterion, pair);
            if other == &pcmu {
                break;
            }
        }
    }
}

fn one_way(criterion: &mut Criterion, [from, to]: [&Codec; 2]) {
    let payloads = payloads(coded(from));
    let name = format!("{} to {}", from.name, to.name);
    let mut group = criterion.benchmark_group(&name);
    if from != to {
        let mut chain: Vec<Transcoder> =
            (0..CALLS).map(|_| Transcoder::new(&Plan::new(coded(from), coded(to))).expect("a chain")).collect();
        let (mut call, mut packet, mut out) = (0, 0, [0; 2_000]);
        group.bench_function("the codecs alone", |bencher| {
            bencher.iter(|| {
                let chain = &mut chain[call];
                chain.handle_payload(black_box(&payloads[packet])).expect("a payload");
                while let Some(packet) = chain.poll_packet(&mut out).expect("a packet") {
                    black_box(packet);
                }
                call += 1;
                if call == CALLS as usize {
                    (call, packet) = (0, (packet + 1) % PACKETS);
                }
            });
        });
    }
    let mut now = Now { instant: Instant::from_millis(1), wall: WallTime::from_secs(1_800_000_000) };
    let mut voice = worker(now, ());
    for session in 1..=CALLS {
        set_up(&mut voice, now, session, [from, to]);
    }
    let (mut session, mut sequence, mut data) = (1, 0u16, [0; 2_000]);
    group.bench_function("a packet at a worker", |bencher| {
        bencher.iter(|| {
            let payload = &payloads[usize::from(sequence) % PACKETS];
            let length = HEADER_BYTES + payload.len();
            data[HEADER_BYTES..length].copy_from_slice(payload);
            let timestamp = u32::from(sequence).wrapping_mul(from.clock_rate_hz / 50);
            write(&mut data[..length], false, from.payload_type, sequence, timestamp, session as u32);
            let pair = PairIndex(2 * (session as u32 - 1));
            voice.handle_datagram(now, pair, Channel::Rtp, peer(session, 0), &mut data[..length]);
            session += 1;
            if session > CALLS {
                session = 1;
                sequence = sequence.wrapping_add(1);
                now = now.later(Duration::from_millis(20));
                // The looks at what is missing are part of it.
                voice.handle_timeout(now);
            }
        });
    });
    group.finish();
    while voice.outbox().poll_transmit().is_some() {}
    let counters = voice.counters();
    assert!(counters.rtp_sent + 2 * CALLS >= counters.rtp_received, "every packet was passed on");
}

criterion_group!(benches, transcode);
criterion_main!(benches);

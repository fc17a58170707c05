//! What sound costs: companding, gain and mixing beside loops that are written as one would at first, the resampler, each codec
//! alone, and whole chains, which are to cost little more than their two codecs.
//!
//! Everything is for a frame of 20 ms. Run it alone on a quiet machine: `cargo bench -p benches --bench sound`.

#![allow(missing_docs, reason = "criterion_group generates an undocumented function")]
#![allow(clippy::needless_range_loop, reason = "the loops to compare with are written as one would at first")]

use std::hint::black_box;

use codecs::dtmf::Detector;
use codecs::{Codec, Concealment, Encoded, Gain, Law, Mixer, Plan, Resampler, Tone, Transcoder};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Two tones, so that no codec may think it silence.
fn sound(samples: usize, rate_hz: u32) -> Vec<i16> {
    let mut sound = vec![0; samples];
    Tone::at_rate(317.0, -12.0, rate_hz).add_to(&mut sound);
    Tone::at_rate(1_130.0, -18.0, rate_hz).add_to(&mut sound);
    sound
}

/// µ-law as it is mostly written: the segment by a search.
fn companded_naively(sample: i16) -> u8 {
    const ENDS: [i32; 8] = [0xff, 0x1ff, 0x3ff, 0x7ff, 0xfff, 0x1fff, 0x3fff, 0x7fff];
    let mask = if sample < 0 { 0x7f } else { 0xff };
    let magnitude = i32::from(sample).abs().min(32_632) + 132;
    for (segment, end) in ENDS.iter().enumerate() {
        if magnitude <= *end {
            return ((segment as i32) << 4 | (magnitude >> (segment + 3)) & 0x0f) as u8 ^ mask;
        }
    }
    0x7f ^ mask
}

fn companding(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("g711");
    group.throughput(Throughput::Elements(160));
    let samples = sound(160, 8_000);
    let mut octets = [0; 160];
    for law in [Law::Mu, Law::A] {
        group.bench_function(BenchmarkId::new("encode", format!("{law:?}")), |bench| {
            bench.iter(|| law.encode_into(black_box(&samples), black_box(&mut octets)));
        });
    }
    group.bench_function("encode naively/Mu", |bench| {
        bench.iter(|| {
            for index in 0..samples.len() {
                octets[index] = companded_naively(black_box(&samples)[index]);
            }
            black_box(&mut octets);
        });
    });
    let mut decoded = [0; 160];
    group.bench_function("decode/A", |bench| {
        bench.iter(|| Law::A.decode_into(black_box(&octets), black_box(&mut decoded)));
    });
    group.finish();
}

fn levels(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("gain");
    group.throughput(Throughput::Elements(160));
    let mut samples = sound(160, 8_000);
    let gain = Gain::of_decibels(-0.1);
    group.bench_function("ours", |bench| bench.iter(|| gain.apply(black_box(&mut samples))));
    let mut samples = sound(160, 8_000);
    let factor = black_box(10f64.powf(-0.1 / 20.0));
    group.bench_function("naively", |bench| {
        bench.iter(|| {
            for index in 0..samples.len() {
                let scaled = (f64::from(samples[index]) * factor).round();
                samples[index] = if scaled > 32_767.0 {
                    32_767
                } else if scaled < -32_768.0 {
                    -32_768
                } else {
                    scaled as i16
                };
            }
            black_box(&mut samples);
        });
    });
    group.finish();

    let mut group = bench.benchmark_group("mix");
    for people in [3usize, 10, 100] {
        // Samples that are heard by somebody.
        group.throughput(Throughput::Elements(160 * people as u64));
        let voices: Vec<Vec<i16>> = (0..people).map(|_| sound(160, 8_000)).collect();
        let mut heard = vec![vec![0i16; 160]; people];
        let mut mixer = Mixer::new(160);
        group.bench_function(BenchmarkId::new("ours", people), |bench| {
            bench.iter(|| {
                mixer.clear();
                voices.iter().for_each(|voice| mixer.add(black_box(voice)));
                voices.iter().zip(&mut heard).for_each(|(own, heard)| mixer.without(own, heard));
                black_box(&mut heard);
            });
        });
        group.bench_function(BenchmarkId::new("naively", people), |bench| {
            bench.iter(|| {
                for listener in 0..people {
                    for place in 0..160 {
                        let mut sum = 0i32;
                        for (speaker, voice) in voices.iter().enumerate() {
                            if speaker != listener {
                                sum += i32::from(voice[place]);
                            }
                        }
                        heard[listener][place] = sum.clamp(-32_768, 32_767) as i16;
                    }
                }
                black_box(&mut heard);
            });
        });
    }
    group.finish();
}

fn rates(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("resample");
    for (from, to) in
        [(8_000, 16_000), (16_000, 8_000), (8_000, 48_000), (48_000, 8_000), (48_000, 16_000), (44_100, 8_000)]
    {
        let samples = sound(from as usize / 50, from);
        let mut resampler = Resampler::new(from, to).expect("a rate that is served");
        let mut output = vec![0; resampler.output_max(samples.len())];
        group.bench_function(format!("{from} to {to}"), |bench| {
            bench.iter(|| resampler.resample(black_box(&samples), black_box(&mut output)));
        });
    }
    group.finish();

    let mut group = bench.benchmark_group("listen");
    let samples = sound(160, 8_000);
    let mut detector = Detector::new();
    group.bench_function("keys", |bench| {
        bench.iter(|| {
            detector.handle_samples(black_box(&samples), |change| {
                black_box(change);
            })
        });
    });
    let mut concealment = Concealment::new(8_000);
    let mut frame = samples.clone();
    group.bench_function("concealment, heard", |bench| bench.iter(|| concealment.heard(black_box(&mut frame))));
    group.bench_function("concealment, every other one lost", |bench| {
        bench.iter(|| {
            concealment.heard(black_box(&mut frame));
            concealment.conceal(black_box(&mut frame));
        });
    });
    group.finish();
}

fn codec(name: &str) -> Codec {
    let (clock, channels) = if name == "opus" { (48_000, 2) } else { (8_000, 1) };
    Codec::of(name, clock, channels, "").expect("a codec that is served")
}

fn coding(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("codec");
    for (name, rate) in [
        ("PCMU", 8_000),
        ("G722", 16_000),
        ("G726-32", 8_000),
        ("GSM", 8_000),
        ("opus", 8_000),
        ("opus", 16_000),
        ("opus", 48_000),
    ] {
        let codec = codec(name);
        let samples = sound(rate as usize / 50, rate);
        let mut payload = [0; 1_500];
        let mut encoder = codec.encoder(rate).expect("it is served");
        group.bench_function(BenchmarkId::new(format!("{name} encode"), rate), |bench| {
            bench.iter(|| encoder.encode(black_box(&samples), black_box(&mut payload)));
        });
        let Ok(Encoded::Payload(octets)) = encoder.encode(&samples, &mut payload) else { panic!("{name}") };
        let mut decoder = codec.decoder(rate).expect("it is served");
        let mut decoded = vec![0; 6_000];
        group.bench_function(BenchmarkId::new(format!("{name} decode"), rate), |bench| {
            bench.iter(|| decoder.decode(black_box(&payload[..octets]), black_box(&mut decoded)));
        });
    }
    group.finish();

    let mut group = bench.benchmark_group("transcode");
    for (from, to) in
        [("PCMU", "PCMA"), ("PCMU", "G722"), ("G722", "PCMU"), ("PCMU", "opus"), ("opus", "PCMU"), ("opus", "G722")]
    {
        let plan = Plan::new(codec(from), codec(to));
        let rate = plan.from.sample_rate_hz(16_000);
        let mut payload = [0; 1_500];
        let mut encoder = plan.from.encoder(rate).expect("it is served");
        let Ok(Encoded::Payload(octets)) = encoder.encode(&sound(rate as usize / 50, rate), &mut payload) else {
            panic!("{from}")
        };
        let mut transcoder = Transcoder::new(&plan).expect("any to any");
        let mut packet = [0; 1_500];
        group.bench_function(format!("{from} to {to}"), |bench| {
            bench.iter(|| {
                transcoder.handle_payload(black_box(&payload[..octets])).expect("a payload");
                black_box(transcoder.poll_packet(&mut packet).expect("a packet"))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, companding, levels, rates, coding);
criterion_main!(benches);

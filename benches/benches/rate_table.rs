//! A rate table of a million rows: built, and looked up at random.
//!
//! To hold: a lookup, with every trunk's own longest prefix and the least expensive first, in less than a microsecond.

#![allow(missing_docs, reason = "criterion_group generates an undocumented function")]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use router::Random;
use std::hint::black_box;
use switch::plan::Way;
use switch::rates::{RateTable, RateTableBuilder};

/// Rows: 10 trunks have each a price for 100,000 prefixes, which are three to seven digits of random country and area codes.
const TRUNKS: u64 = 10;
const PREFIXES: usize = 100_000;

fn digits(random: &mut Random, least: u64, most: u64) -> String {
    let length = least + random.below(most - least + 1);
    let first = char::from(b'1' + random.below(9) as u8);
    std::iter::once(first).chain((1..length).map(|_| char::from(b'0' + random.below(10) as u8))).collect()
}

fn rows() -> Vec<(String, Way, String)> {
    let mut random = Random::from_seed(1);
    let mut prefixes = std::collections::BTreeSet::new();
    while prefixes.len() < PREFIXES {
        prefixes.insert(digits(&mut random, 3, 7));
    }
    let mut rows = Vec::new();
    for trunk in 0..TRUNKS {
        let way = Way::Trunk(format!("carrier-{trunk}"));
        let price = |random: &mut Random| format!("0.{:06}", random.below(1_000_000));
        rows.extend(prefixes.iter().map(|prefix| (prefix.clone(), way.clone(), price(&mut random))));
    }
    rows
}

fn build(rows: &[(String, Way, String)]) -> RateTable {
    let mut builder = RateTableBuilder::default();
    for (line, (prefix, way, price)) in rows.iter().enumerate() {
        let _ = builder.add(line as u64, prefix, way, price);
    }
    builder.build().unwrap_or_else(|fault| panic!("{fault}"))
}

fn rate_table(criterion: &mut Criterion) {
    let rows = rows();
    let table = build(&rows);
    let mut random = Random::from_seed(2);
    let numbers: Vec<String> = (0..100_000).map(|_| format!("+{}", digits(&mut random, 11, 12))).collect();
    let mut group = criterion.benchmark_group("rate_table");
    group.sample_size(10);
    group.throughput(Throughput::Elements(1));
    let mut at = 0;
    group.bench_function("look_up", |bencher| {
        bencher.iter(|| {
            at = (at + 7_919) % numbers.len();
            black_box(table.look_up(black_box(&numbers[at])))
        });
    });
    group.throughput(Throughput::Elements(rows.len() as u64));
    group.bench_function("build", |bencher| {
        bencher.iter_batched(|| (), |()| black_box(build(&rows)), BatchSize::PerIteration);
    });
    group.finish();
}

criterion_group!(benches, rate_table);
criterion_main!(benches);

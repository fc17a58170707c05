//! What a mixer costs, without the kernel: a frame of a conference in which everybody talks, and one in which one does.

use codecs::Law;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use media::PairIndex;
use media::conference::{Coding, Conference, FRAME_MS};
use media::rtp::Header;
use media::session::Formats;
use router::parameter::{Codec, ConferenceName};
use router::time::{Duration, Instant, Now, WallTime};
use std::hint::black_box;

fn mix(criterion: &mut Criterion) {
    let formats = Formats::new(&[Codec::new(0, "PCMU", 8_000)]).expect("a format");
    let name = ConferenceName::room("bench").expect("a name");
    let mut group = criterion.benchmark_group("a conference's frame");
    for members in [3_u32, 16, 64] {
        for talkers in [1, members] {
            let mut now = Now { instant: Instant::from_millis(1), wall: WallTime::from_secs(1_800_000_000) };
            let mut conference = Conference::new(name, now);
            let coding = Coding::of(&formats);
            let seats: Vec<_> = (0..members).map(|pair| conference.seat(PairIndex(pair), coding)).collect();
            let loud = [Law::Mu.encode(5_000); 160];
            let mut data = [0; 172];
            let mut sequence = 0_u16;
            group.throughput(Throughput::Elements(members.into()));
            let id = BenchmarkId::new(format!("{members} members"), format!("{talkers} talk"));
            group.bench_function(id, |bencher| {
                bencher.iter(|| {
                    sequence = sequence.wrapping_add(1);
                    media::rtp::write(&mut data, false, 0, sequence, u32::from(sequence) * 160, 1);
                    let Ok(header) = Header::parse(&data) else { return };
                    for &seat in seats.iter().take(talkers as usize) {
                        if let Some(seat) = conference.seat_mut(seat) {
                            seat.take(&header, &loud);
                        }
                    }
                    conference.begin_frame(now.instant);
                    while let Some(frame) = conference.poll_frame() {
                        black_box(frame);
                    }
                    now = now.later(Duration::from_millis(FRAME_MS));
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, mix);
criterion_main!(benches);

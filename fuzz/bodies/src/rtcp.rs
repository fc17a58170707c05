//! A datagram as compound RTCP: checked, its items read, and reports of our own read by the same eyes.

use media::rtcp::{
    Block, Compound, Echo, Feedback, Item, JitterSummary, NtpTime, Reception, Sent, Source, StatisticsSummary,
    VoipMetrics, check, is_rtcp, write,
};
use router::time::{Instant, WallTime};

use crate::tape::Tape;

/// Reads the input as a datagram, and as the figures of a report.
pub fn rtcp(data: &[u8]) {
    let _ = is_rtcp(data);
    if let Ok(items) = check(data) {
        let now = Instant::from_millis(100_000);
        let mut reception = Reception::new(1, 1, 8_000);
        let mut feedback = Feedback::default();
        let mut sent = Sent::default();
        sent.note(NtpTime(0x0102_0304_0506_0708), now);
        let mut count = 0;
        for item in items {
            count += 1;
            match item {
                Item::Sender(_, info) => reception.handle_sender_report(now, info.ntp),
                Item::Block(block) => feedback.handle_block(&block, &sent, 8_000, now),
                Item::Metrics(metrics) => feedback.handle_metrics(&metrics),
                Item::Summary(summary) => feedback.handle_summary(&summary, 8_000),
                Item::Reference(..) | Item::Receiver(_) | Item::Goodbye(_) | Item::Other(_) => {}
            }
        }
        assert!(count <= data.len(), "a bounded number of items");
        let _ = reception.block(now);
    }
    reported(data);
    received(data);
}

/// What is written is read as it was meant.
fn reported(data: &[u8]) {
    let mut tape = Tape::new(data);
    let mut number = || u32::from(tape.word()) << 16 | u32::from(tape.word());
    let block = Block {
        ssrc: number(),
        fraction_lost: number() as u8,
        cumulative_lost: ((number() & 0xff_ffff) as i32) - 0x80_0000,
        highest: number(),
        jitter: number(),
        last_report: number(),
        delay: number(),
    };
    let source = Source {
        ntp: NtpTime::of(WallTime(i64::from(number()) << 20)),
        timestamp: number(),
        packets: u64::from(number()),
        octets: u64::from(number()),
    };
    let metrics = VoipMetrics {
        ssrc: number(),
        loss_rate: number() as u8,
        gap_density: number() as u8,
        burst_ms: number() as u16,
        round_trip_ms: number() as u16,
        rating: Some(number() as u8 % 101),
        opinion_listening: Some(10 + number() as u8 % 41),
        ..VoipMetrics::default()
    };
    let choice = number();
    let summary = StatisticsSummary {
        ssrc: block.ssrc,
        begin: block.highest as u16,
        end: block.delay as u16,
        lost: (choice & 64 == 0).then_some(block.highest),
        duplicates: (choice & 128 == 0).then_some(block.delay),
        jitter: (choice & 256 == 0).then_some(JitterSummary {
            min: block.jitter,
            max: block.last_report,
            mean: choice,
            deviation: 1,
        }),
    };
    let cname = String::from_utf8_lossy(tape.remainder());
    let compound = Compound {
        ssrc: choice,
        cname: &cname,
        source: (choice & 1 == 0).then_some(source),
        block: (choice & 2 == 0).then_some(block),
        metrics: (choice & 8 == 0).then_some(metrics),
        summary: (choice & 32 == 0).then_some(summary),
        echo: (choice & 16 == 0).then_some(Echo { ssrc: block.ssrc, reference: block.highest, delay: block.delay }),
        goodbye: choice & 4 == 0,
    };
    let written = write(&compound);
    assert!(is_rtcp(&written) && written.len().is_multiple_of(4));
    let items: Vec<Item> = check(&written).expect("our own report is one").collect();
    let blocks: Vec<Block> =
        items.iter().filter_map(|item| if let Item::Block(block) = item { Some(*block) } else { None }).collect();
    assert_eq!(blocks, Vec::from_iter(compound.block));
    assert_eq!(
        items.iter().any(|item| matches!(item, Item::Metrics(read) if *read == metrics)),
        compound.metrics.is_some()
    );
    assert_eq!(
        items.iter().any(|item| matches!(item, Item::Summary(read) if *read == summary)),
        compound.summary.is_some()
    );
    match (items[0], compound.source) {
        (Item::Sender(ssrc, info), Some(source)) => {
            assert_eq!((ssrc, info.ntp, info.timestamp), (choice, source.ntp.0, source.timestamp));
        }
        (Item::Receiver(ssrc), None) => assert_eq!(ssrc, choice),
        (first, _) => panic!("{first:?} comes first"),
    }
    assert_eq!(items.contains(&Item::Goodbye(choice)), compound.goodbye);
}

/// Reception survives any numbers, timestamps, clocks and times.
fn received(data: &[u8]) {
    let mut tape = Tape::new(data);
    let mut now = Instant::from_millis(u64::from(tape.word()));
    let mut reception = Reception::new(7, tape.word(), 8_000);
    while tape.is_left() {
        let step = tape.octet();
        now = now + std::time::Duration::from_millis(u64::from(step) << (step % 24));
        let _ = reception.count(tape.word());
        let clock = tape.pick(&[8_000, 48_000, 0, u32::MAX]).unwrap_or(8_000);
        reception.measure(now, u32::from(tape.word()) << 16 | u32::from(tape.word()), clock);
        let _ = (reception.jitter_us(), reception.jitter());
        if step == 0 {
            let _ = reception.block(now);
        }
    }
}

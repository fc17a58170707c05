//! RTCP of each leg (RFC 3550 §6): reports of our own, figures from the peer's.

use crate::network::*;
use media::rtcp::{Block, Compound, Item, JitterSummary, NtpTime, Source, StatisticsSummary, check, write};
use router::parameter::{MediaPlan, SummaryAsked};
use router::time::Duration;
use std::net::SocketAddr;

fn above(at: SocketAddr) -> SocketAddr {
    SocketAddr::new(at.ip(), at.port() + 1)
}

fn block(items: &[Item]) -> Block {
    items.iter().find_map(|item| if let Item::Block(block) = item { Some(*block) } else { None }).expect("a block")
}

#[test]
fn reports_tell_loss_and_jitter_of_what_was_heard() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    // Every fifth packet is lost, the last one is not.
    let mut sent = 0u64;
    let mut reports = Vec::new();
    while reports.is_empty() {
        let frame = call.a.frame();
        sent += 1;
        if sent % 5 != 2 {
            world.deliver(call.a.at, call.port_a.rtp, &frame);
        }
        // What is heard is looked at before a report can go out.
        world.pass(20);
        reports = world.take_rtcp().into_iter().filter(|report| report.to == above(call.a.at)).collect();
    }
    assert_eq!(reports[0].from, call.port_a.rtcp);
    let items: Vec<Item> = check(&reports[0].data).unwrap().collect();
    assert!(matches!(items[0], Item::Receiver(_)), "A's port sent nothing: a receiver report");
    assert_eq!(items.last(), Some(&Item::Other(202)), "with a source description");
    let block = block(&items);
    let lost = (1..=sent).filter(|number| number % 5 == 2).count() as i32;
    // The report is about what had come when it was written.
    assert_eq!(block.ssrc, call.a.ssrc);
    assert!((lost - 1..=lost).contains(&block.cumulative_lost), "{} of {lost}", block.cumulative_lost);
    assert!((44..=55).contains(&block.fraction_lost), "a fifth is 51 of 256: {}", block.fraction_lost);
    assert_eq!(block.jitter, 0);
    assert_eq!(block.highest, 65_536 + u32::from(call.a.sequence.wrapping_sub(1)));
    assert_eq!((block.last_report, block.delay), (0, 0));
}

#[test]
fn a_sender_report_joins_wall_time_and_rtp_time() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    let (mut reports, mut last) = (Vec::new(), None);
    while reports.is_empty() {
        let frame = call.a.frame();
        world.deliver(call.a.at, call.port_a.rtp, &frame);
        last = world.take_rtp().pop().map(|sent| (world.now, numbers(&sent))).or(last);
        world.pass(20);
        reports = world.take_rtcp().into_iter().filter(|report| report.to == above(call.b.at)).collect();
    }
    let items: Vec<Item> = check(&reports[0].data).unwrap().collect();
    let Item::Sender(ssrc, info) = items[0] else { panic!("{items:?}") };
    let (at, (_, timestamp, of)) = last.unwrap();
    assert_eq!(ssrc, of);
    // Seconds since 1900, and as much later in RTP time as the report is later than the packet.
    let seconds = info.ntp >> 32;
    assert!((2_208_988_800 + 1_800_000_000..2_208_988_800 + 1_800_000_004).contains(&seconds));
    let packet_ntp = NtpTime::of(at.wall).0;
    let later_us = ((info.ntp - packet_ntp) as u128 * 1_000_000) >> 32;
    let later = info.timestamp.wrapping_sub(timestamp);
    assert!((i64::from(later) - (later_us * 8 / 1_000) as i64).abs() <= 1, "{later} units, {later_us} us");
    assert_eq!(info.octets, info.packets * 160);
}

#[test]
fn intervals_are_random_around_five_seconds() {
    let mut world = World::new();
    let call = Call::begin(&mut world);
    let mut at = Vec::new();
    for _ in 0..600_000 / 20 {
        world.pass(20);
        if world.take_rtcp().iter().any(|report| report.to == above(call.a.at)) {
            at.push(world.now.instant);
        }
    }
    let gaps: Vec<u64> = at.windows(2).map(|pair| pair[1].since(pair[0]).as_millis() as u64).collect();
    assert!(gaps.iter().all(|gap| (2_020..=6_200).contains(gap)), "{gaps:?}");
    let mean = gaps.iter().sum::<u64>() / gaps.len() as u64;
    assert!((3_700..=4_500).contains(&mean), "5 s / 1.218 on average: {mean}");
    assert!(gaps.iter().max().unwrap() - gaps.iter().min().unwrap() > 2_000);
}

#[test]
fn the_peer_s_reports_give_loss_jitter_and_round_trip() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    // Until B's port has sent a sender report.
    let info = loop {
        let frame = call.a.frame();
        world.deliver(call.a.at, call.port_a.rtp, &frame);
        world.pass(20);
        let report = world.take_rtcp().into_iter().find(|report| report.to == above(call.b.at));
        if let Some(Item::Sender(ssrc, info)) = report.and_then(|report| check(&report.data).unwrap().next()) {
            break (ssrc, info);
        }
    };
    // It went out at some moment of the last 20 ms; B answers 1.5 s later, 30 ms one way.
    let sent_at_us = (info.1.ntp >> 32) as i64 * 1_000_000 + (((info.1.ntp & 0xffff_ffff) * 1_000_000) >> 32) as i64;
    let now_us = world.now.wall.0 + 2_208_988_800 * 1_000_000;
    let gone_us = (now_us - sent_at_us) as u64;
    world.pass(1_560);
    let about_us = Block {
        ssrc: info.0,
        fraction_lost: 10,
        cumulative_lost: 7,
        highest: 1,
        jitter: 24,
        last_report: (info.1.ntp >> 16) as u32,
        delay: 65_536 * 3 / 2,
    };
    let from_b = Source { ntp: NtpTime(0xaaaa_bbbb_cccc_dddd), timestamp: 0, packets: 1, octets: 1 };
    let compound = Compound {
        ssrc: call.b.ssrc,
        cname: "b",
        source: Some(from_b),
        block: Some(about_us),
        metrics: None,
        summary: None,
        echo: None,
        goodbye: false,
    };
    let frame = call.b.frame();
    world.deliver(call.b.at, call.port_b.rtp, &frame);
    world.deliver(above(call.b.at), call.port_b.rtcp, &write(&compound));
    assert_eq!(world.counter("media_packets_received", Some("rtcp")), 1);
    world.network().sent.clear();
    // Our next report to B tells B when its own came.
    let ours = loop {
        world.pass(10);
        if let Some(report) = world.take_rtcp().into_iter().find(|report| report.to == above(call.b.at)) {
            break block(&check(&report.data).unwrap().collect::<Vec<_>>());
        }
    };
    assert_eq!(ours.last_report, 0xbbbb_cccc);
    assert!(ours.delay > 0 && ours.delay < 7 * 65_536);
    let statistics = &world.close(call.session).unwrap()[1];
    assert_eq!((statistics.packets_lost_at_peer, statistics.jitter_at_peer_us), (Some(7), Some(3_000)));
    let expected = 60_000 + gone_us;
    let round_trip = u64::from(statistics.round_trip_us.unwrap());
    assert!(round_trip.abs_diff(expected) < 50, "{round_trip} us for {expected}");
}

#[test]
fn rtcp_shares_the_port_where_the_plan_says_so() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    world.set(call.session, &[MediaPlan { rtcp_mux: true, ..plan(A, call.a.at) }]);
    call.talk(&mut world, 1);
    let compound = Compound {
        ssrc: 0xa,
        cname: "a",
        source: None,
        block: None,
        metrics: None,
        summary: None,
        echo: None,
        goodbye: false,
    };
    world.deliver(call.a.at, call.port_a.rtp, &write(&compound));
    assert_eq!(world.counter("media_packets_received", Some("rtcp")), 1);
    world.network().sent.clear();
    world.pass(7_000);
    let reports: Vec<Sent> = world.take_rtcp().into_iter().filter(|report| report.to == call.a.at).collect();
    assert!(!reports.is_empty() && reports.iter().all(|report| report.from == call.port_a.rtp));
    // Without the plan's word the same datagram is no RTP that was agreed.
    world.deliver(call.b.at, call.port_b.rtp, &write(&compound));
    assert_eq!(world.counter("media_packets_received", Some("rtcp")), 1);
}

#[test]
fn who_leaves_says_goodbye_if_it_said_anything() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    call.talk(&mut world, 3);
    world.close(call.session).unwrap();
    let last = world.take_rtcp();
    assert_eq!(last.len(), 1, "A's port never sent anything: no BYE (RFC 3550 §6.3.7)");
    let items: Vec<Item> = check(&last[0].data).unwrap().collect();
    assert!(matches!((last[0].to == above(call.b.at), items.last()), (true, Some(Item::Goodbye(_)))));
}

#[test]
fn rtcp_of_strangers_and_nonsense_is_dropped() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    call.talk(&mut world, 1);
    let compound = write(&Compound {
        ssrc: 0xa,
        cname: "a",
        source: None,
        block: None,
        metrics: None,
        summary: None,
        echo: None,
        goodbye: true,
    });
    let stranger = "203.0.113.66:4001".parse().unwrap();
    world.deliver(stranger, call.port_a.rtcp, &compound);
    world.deliver(above(call.a.at), call.port_a.rtcp, &compound[..7]);
    assert_eq!(world.counter("media_packets_discarded", Some("stranger")), 1);
    assert_eq!(world.counter("media_packets_discarded", Some("malformed")), 1);
    // A goodbye ends nothing: SIP does.
    world.deliver(above(call.a.at), call.port_a.rtcp, &compound);
    assert_eq!(call.talk(&mut world, 2).len(), 2);
}

#[test]
fn rtcp_follows_a_peer_behind_nat() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    let signalled: SocketAddr = "192.168.1.5:4000".parse().unwrap();
    call.a.at = "203.0.113.50:61000".parse().unwrap();
    world.set(call.session, &[MediaPlan { generation: 2, host: Some(call.a.at.ip()), ..plan(A, signalled) }]);
    call.talk(&mut world, 10);
    world.network().sent.clear();
    world.pass(7_000);
    assert!(world.take_rtcp().iter().any(|report| report.to == above(call.a.at)), "the port above, at a guess");
    let source: SocketAddr = "203.0.113.50:61777".parse().unwrap();
    let compound = write(&Compound {
        ssrc: 0xa,
        cname: "a",
        source: None,
        block: None,
        metrics: None,
        summary: None,
        echo: None,
        goodbye: false,
    });
    world.deliver(source, call.port_a.rtcp, &compound);
    world.now = world.now.later(Duration::ZERO);
    world.pass(7_000);
    assert!(world.take_rtcp().iter().any(|report| report.to == source), "where its own come from");
}

#[test]
fn a_leg_is_rated_by_what_it_loses() {
    let rated = |percent: u32| {
        let mut world = World::new();
        let mut call = Call::begin(&mut world);
        for packet in 0..1_000u32 {
            if packet > 10 && packet % 100 < percent {
                call.a.lose();
                world.pass(20);
            } else {
                call.talk(&mut world, 1);
            }
        }
        let statistics = world.close(call.session).unwrap();
        assert_eq!((statistics[1].mos_centi, statistics[1].mos_at_peer_centi), (None, None), "nothing came of it");
        statistics[0].mos_centi.unwrap()
    };
    let rated = [0, 1, 5, 20].map(rated);
    assert!(rated.is_sorted_by(|one, other| one > other), "{rated:?}");
    assert!((435..=441).contains(&rated[0]), "{rated:?}");
    assert!(rated[3] < 310, "{rated:?}");
}

#[test]
fn what_a_peer_says_of_how_it_hears_is_believed() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    let heard = call.talk(&mut world, 20);
    let frame = call.b.frame();
    world.deliver(call.b.at, call.port_b.rtp, &frame);
    let (.., ssrc) = numbers(&heard[0]);
    let metrics = |ssrc: u32, conversing: u8| {
        let receiver = Compound {
            ssrc: call.b.ssrc,
            cname: "b",
            source: None,
            block: None,
            metrics: None,
            summary: None,
            echo: None,
            goodbye: false,
        };
        let mut packet = write(&receiver).to_vec();
        packet.extend([0x80, 207, 0, 10]);
        packet.extend(call.b.ssrc.to_be_bytes());
        packet.extend([7, 0, 0, 8]);
        packet.extend(ssrc.to_be_bytes());
        packet.extend([26, 13, 128, 2, 0, 100, 3, 232, 0, 80, 0, 60, 127, 127, 127, 16]);
        packet.extend([70, 127, 36, conversing, 0xb0, 0, 0, 40, 0, 60, 0, 200]);
        packet
    };
    // Of somebody else's stream it says nothing of ours.
    for (about, conversing) in [(ssrc, 34), (ssrc ^ 1, 11)] {
        world.deliver(above(call.b.at), call.port_b.rtcp, &metrics(about, conversing));
    }
    assert_eq!(world.counter("media_packets_received", Some("rtcp")), 2);
    let statistics = world.close(call.session).unwrap();
    assert_eq!(statistics[1].mos_at_peer_centi, Some(340));
}

#[test]
fn who_has_asked_is_told_how_it_is_heard() {
    let told = |asks: bool, lost: fn(u32) -> bool| {
        let mut world = World::new();
        let mut call = Call::begin(&mut world);
        world.set(call.session, &[MediaPlan { voip_metrics: asks, ptime_ms: Some(20), ..plan(A, call.a.at) }]);
        let mut metrics = Vec::new();
        for packet in 0..2_000 {
            let frame = call.a.frame();
            if !lost(packet) {
                world.deliver(call.a.at, call.port_a.rtp, &frame);
            }
            world.pass(20);
            for report in world.take_rtcp() {
                let items = check(&report.data).unwrap();
                metrics.extend(items.filter_map(|item| match item {
                    Item::Metrics(metrics) => Some((report.to, metrics)),
                    _ => None,
                }));
            }
        }
        let of_a = metrics.iter().all(|(to, metrics)| *to == above(call.a.at) && metrics.ssrc == call.a.ssrc);
        assert!(of_a, "B has asked for nothing: {metrics:?}");
        metrics.pop().map(|(_, metrics)| metrics)
    };
    assert_eq!(told(false, |_| false), None);
    let clean = told(true, |_| false).expect("told");
    assert_eq!((clean.loss_rate, clean.discard_rate, clean.burst_density, clean.burst_ms), (0, 0, 0, 0));
    assert!(clean.gap_ms > 30_000, "one gap, as long as the call: {clean:?}");
    assert_eq!((clean.opinion_listening, clean.opinion_conversing), (Some(44), Some(44)));
    assert!(clean.rating > Some(90), "{clean:?}");
    // Ten of each hundred, in a row: one burst each two seconds.
    let bursts = told(true, |packet| packet % 100 >= 50 && packet % 100 < 60).expect("told");
    assert!((22..=27).contains(&bursts.loss_rate), "a tenth of 256: {bursts:?}");
    assert!(bursts.burst_density > 240 && bursts.gap_density == 0, "{bursts:?}");
    assert!((180..=260).contains(&bursts.burst_ms) && (1_700..=1_900).contains(&bursts.gap_ms), "{bursts:?}");
    assert!(bursts.rating < Some(60) && bursts.opinion_listening < Some(32), "{bursts:?}");
}

/// RFC 3611 §4.5: who sends no media reckons its round trip by what it is told of the time that it has said.
#[test]
fn who_says_what_time_it_is_has_it_echoed() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    call.talk(&mut world, 10);
    let own = Compound {
        ssrc: call.a.ssrc,
        cname: "a",
        source: None,
        block: None,
        metrics: None,
        summary: None,
        echo: None,
        goodbye: false,
    };
    let mut report = write(&own).to_vec();
    report.extend([0x80, 207, 0, 4]);
    report.extend(call.a.ssrc.to_be_bytes());
    report.extend([4, 0, 0, 2]);
    report.extend(0x1111_2222_3333_4444_u64.to_be_bytes());
    world.deliver(above(call.a.at), call.port_a.rtcp, &report);
    let heard = world.now.instant;
    let ssrc_of_a = call.a.ssrc;
    let to = above(call.a.at);
    let echoes = |world: &mut World, milliseconds: u64| -> Vec<(u32, u32, u32)> {
        let mut found = Vec::new();
        for _ in 0..milliseconds / 10 {
            world.pass(10);
            for sent in world.take_rtcp().into_iter().filter(|sent| sent.to == to) {
                assert!(check(&sent.data).is_ok());
                let word = |at: usize| u32::from_be_bytes(sent.data[at..at + 4].try_into().unwrap());
                let at = sent.data.windows(4).position(|window| window == [5, 0, 0, 3]);
                found.extend(at.map(|at| (word(at + 4), word(at + 8), word(at + 12))));
            }
        }
        found
    };
    let told = echoes(&mut world, 10_000);
    let [(ssrc, reference, delay)] = told[..] else { panic!("once: {told:?}") };
    assert_eq!((ssrc, reference), (ssrc_of_a, 0x2222_3333));
    let since = world.now.instant.since(heard).as_secs_f64();
    let delay = f64::from(delay) / 65_536.0;
    assert!(delay > 0.0 && delay < since, "{delay} s of {since}");
}

/// RFC 3611 §4.6: who has asked is told what was counted of its stream, report by report; and what a peer has counted of ours is in the statistics.
#[test]
fn who_has_asked_is_told_what_was_counted() {
    let told = |asked: SummaryAsked| {
        let mut world = World::new();
        let mut call = Call::begin(&mut world);
        world.set(call.session, &[MediaPlan { summary: asked, ..plan(A, call.a.at) }]);
        let mut summaries: Vec<StatisticsSummary> = Vec::new();
        for packet in 0..2_000 {
            let frame = call.a.frame();
            // One in fifty is lost, one in a hundred comes twice.
            let times = match packet % 100 {
                10 | 60 => 0,
                70 => 2,
                _ => 1,
            };
            for _ in 0..times {
                world.deliver(call.a.at, call.port_a.rtp, &frame);
            }
            world.pass(20);
            for report in world.take_rtcp() {
                summaries.extend(check(&report.data).unwrap().filter_map(|item| match item {
                    Item::Summary(summary) => Some(summary),
                    _ => None,
                }));
            }
        }
        assert!(summaries.iter().all(|summary| summary.ssrc == call.a.ssrc), "B has asked for nothing");
        summaries
    };
    assert!(told(SummaryAsked::default()).is_empty());
    let all = told(SummaryAsked::ALL);
    assert!(all.len() >= 5, "{all:?}");
    assert!(all.windows(2).all(|pair| pair[0].end == pair[1].begin), "one after the other: {all:?}");
    let packets: u32 = all.iter().map(|summary| u32::from(summary.end.wrapping_sub(summary.begin))).sum();
    let lost: u32 = all.iter().filter_map(|summary| summary.lost).sum();
    let twice: u32 = all.iter().filter_map(|summary| summary.duplicates).sum();
    assert!((packets / 60..=packets / 40).contains(&lost), "{lost} of {packets}");
    assert!((packets / 120..=packets / 80).contains(&twice), "{twice} of {packets}");
    assert!(all.iter().all(|summary| summary.jitter.is_some_and(|jitter| jitter.min <= jitter.mean)), "{all:?}");
    let some = told(SummaryAsked { loss: true, ..SummaryAsked::default() });
    assert!(some.iter().all(|told| told.lost.is_some() && told.duplicates.is_none() && told.jitter.is_none()));
}

#[test]
fn what_a_peer_has_counted_is_in_the_statistics() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    let heard = call.talk(&mut world, 10);
    let frame = call.b.frame();
    world.deliver(call.b.at, call.port_b.rtp, &frame);
    let (.., ssrc) = numbers(&heard[0]);
    let jitter = JitterSummary { min: 0, max: 160, mean: 8, deviation: 4 };
    let report = |ssrc: u32, begin: u16, duplicates: u32| {
        let whole = StatisticsSummary {
            ssrc,
            begin,
            end: begin + 100,
            lost: Some(1),
            duplicates: Some(duplicates),
            jitter: Some(jitter),
        };
        let receiver = Compound {
            ssrc: call.b.ssrc,
            cname: "b",
            source: None,
            block: None,
            metrics: None,
            summary: Some(whole),
            echo: None,
            goodbye: false,
        };
        write(&receiver).to_vec()
    };
    // One comes again, and one is about somebody else.
    for (about, begin, duplicates) in [(ssrc, 0, 2), (ssrc, 0, 2), (ssrc, 100, 3), (ssrc ^ 1, 200, 90)] {
        world.deliver(above(call.b.at), call.port_b.rtcp, &report(about, begin, duplicates));
    }
    let statistics = world.close(call.session).unwrap();
    assert_eq!(statistics[1].packets_repeated_at_peer, Some(5));
    assert_eq!(statistics[1].jitter_max_at_peer_us, Some(20_000));
}

//! Two legs that share no format: sound, silence and keys come through, under one continuous stream each.

use crate::network::*;
use crate::talk::*;
use codecs::telephone_event::{EventChange, EventSender};
use media::rtp::Header;
use router::Random;
use router::parameter::{Codec, MediaPlan};
use router::time::Duration;

#[test]
fn each_hears_the_other_in_its_own_format() {
    for (one, other) in
        [(pcmu(), opus()), (pcmu(), pcma()), (Codec::new(9, "G722", 8_000), Codec::new(3, "GSM", 8_000))]
    {
        let what = format!("{} and {}", one.name, other.name);
        let mut world = World::new();
        let mut talk = Talk::begin(&mut world, std::slice::from_ref(&one), std::slice::from_ref(&other));
        talk.a_talks(&mut world, 1_000);
        talk.b_talks(&mut world, 1_000);
        for (person, wanted) in [(&talk.b, other.payload_type), (&talk.a, one.payload_type)] {
            // What comes first is silent while codecs and filters fill; behind the last packet there is silence.
            let second = person.rate_hz as usize;
            let level = person.level_in(second / 2..second * 9 / 10);
            assert!((level - -10.0).abs() < 1.0, "{what}: {level} dBm0");
            assert!(person.headers.iter().all(|(_, header)| header.payload_type == wanted), "{what}");
        }
        assert!(talk.b.headers.len() >= 49 && talk.a.headers.len() >= 49, "{what}");
        assert!(world.counter("media_packets_transcoded", None) >= 98);
        let statistics = world.close(SESSION).unwrap();
        assert_eq!(statistics[0].codec.as_deref(), Some(one.name.as_str()));
        assert_eq!(statistics[1].codec.as_deref(), Some(other.name.as_str()));
        assert_eq!((statistics[0].packets_discarded, statistics[1].packets_discarded), (0, 0));
        assert_eq!(world.voice.pending_timers(), 1, "{what}: only the audit is left");
    }
}

#[test]
fn any_packing_becomes_the_one_that_is_wanted_and_that_may_change() {
    for packing in [10, 20, 30, 40, 60] {
        let mut world = World::new();
        let mut talk = Talk::begin(&mut world, &[pcmu()], &[pcma()]);
        talk.a.packet_ms = packing;
        for wanted in [10u16, 20, 30, 40, 50, 60, 20] {
            talk.plans[1].ptime_ms = Some(wanted);
            world.set(SESSION, &talk.plans[1..]);
            let before = talk.b.headers.len();
            talk.a_talks(&mut world, 600);
            let lengths = talk.b.headers[before + 1..].iter().map(|(_, header)| header.payload_length);
            assert!(lengths.clone().count() >= 600 / usize::from(wanted) - 3, "{packing} ms to {wanted} ms");
            assert!(lengths.into_iter().all(|length| length == usize::from(wanted) * 8));
        }
        talk.b.assert_continuous();
        assert!((talk.b.level(0) - -10.0).abs() < 0.5);
    }
}

#[test]
fn hold_another_source_and_another_plan_begin_anew_without_a_jump() {
    let mut world = World::new();
    let mut talk = Talk::begin(&mut world, &[pcmu()], &[opus()]);
    talk.a_talks(&mut world, 400);
    let (_, before) = *talk.b.headers.last().unwrap();
    let count = talk.b.headers.len();
    // Held: what A sends is not passed on.
    world.set(SESSION, &[MediaPlan { receives: false, ..talk.plans[0].clone() }]);
    talk.a_talks(&mut world, 1_000);
    assert_eq!(talk.b.headers.len(), count);
    world.set(SESSION, &talk.plans[..1]);
    talk.a_talks(&mut world, 400);
    let (_, after) = talk.b.headers[count];
    assert_eq!((after.sequence, after.ssrc, after.marker), (before.sequence.wrapping_add(1), before.ssrc, true));
    let passed = after.timestamp.wrapping_sub(before.timestamp);
    assert!((48 * 1_000..48 * 1_060).contains(&passed), "{passed}");
    // The phone begins another stream.
    (talk.a.ssrc, talk.a.sequence, talk.a.timestamp) = (7, 40_000, 5);
    let count = talk.b.headers.len();
    talk.pass(&mut world, 200);
    talk.a_talks(&mut world, 400);
    assert!(talk.b.headers.len() >= count + 19);
    for pair in talk.b.headers.windows(2) {
        assert_eq!(pair[1].1.sequence, pair[0].1.sequence.wrapping_add(1));
        assert!((pair[1].1.timestamp.wrapping_sub(pair[0].1.timestamp) as i32) > 0);
    }
    // They agree on one format: passed through as it is.
    talk.plans[0].codecs = vec![opus()];
    world.set(SESSION, &talk.plans[..1]);
    let transcoded = world.counter("media_packets_transcoded", None);
    talk.a = Person::new("198.51.100.1:4000", &opus());
    talk.a_talks(&mut world, 200);
    assert_eq!(world.counter("media_packets_transcoded", None), transcoded);
    world.close(SESSION).unwrap();
    assert_eq!(world.voice.pending_timers(), 1);
}

#[test]
fn who_sends_both_kinds_is_passed_through_where_that_is_possible() {
    let mut world = World::new();
    let mut talk = Talk::begin(&mut world, &[pcmu()], &[opus(), pcmu()]);
    talk.b_talks(&mut world, 200);
    let transcoded = world.counter("media_packets_transcoded", None);
    assert!(transcoded >= 9);
    let mut plain = Person::new("198.51.100.2:5000", &pcmu());
    (plain.ssrc, plain.sequence, plain.timestamp) = (talk.b.ssrc, talk.b.sequence, talk.b.timestamp);
    for _ in 0..10 {
        let packet = plain.say();
        talk.deliver_b(&mut world, &packet);
        talk.pass(&mut world, 20);
    }
    let since = world.counter("media_packets_transcoded", None) - transcoded;
    assert!(since <= FILL_MS / 20, "only what stands for the other kind: {since}");
    // And A's is passed through to B, as it is agreed there.
    let before = world.counter("media_packets_transcoded", None);
    let packet = talk.a.say();
    let sent = {
        world.deliver(talk.a.at, talk.ports[0].rtp, &packet);
        world.take_rtp()
    };
    assert_eq!((sent.len(), &sent[0].data[12..]), (1, &packet[12..]));
    assert_eq!(world.counter("media_packets_transcoded", None), before);
}

const FILL_MS: u64 = media::limits::FILL_MS_MAX as u64;

#[test]
fn silence_that_is_described_is_noise_for_who_takes_none_and_described_for_who_does() {
    let noise = |payload_type| Codec::new(payload_type, "CN", 8_000);
    for takes in [false, true] {
        let mut world = World::new();
        let other = if takes { vec![pcma(), noise(13)] } else { vec![pcma()] };
        let mut talk = Talk::begin(&mut world, &[pcmu(), noise(13)], &other);
        talk.a_talks(&mut world, 200);
        let described = talk.a.packet(13, talk.a.timestamp, &[45]);
        world.deliver(talk.a.at, talk.ports[0].rtp, &described);
        // Five seconds.
        let mut sent = world.take_rtp();
        for _ in 0..5_000 {
            world.pass(1);
            sent.extend(world.take_rtp());
        }
        talk.a.timestamp = talk.a.timestamp.wrapping_add(5 * 8_000);
        let kinds: Vec<u8> = sent.iter().map(|sent| Header::parse(&sent.data).unwrap().payload_type).collect();
        if takes {
            assert_eq!(kinds, [13], "told once");
        } else {
            assert!(kinds.iter().all(|kind| *kind == 8) && (244..=250).contains(&kinds.len()), "{}", kinds.len());
            let quiet =
                sent.iter().skip(5).flat_map(|sent| &sent.data[12..]).map(|octet| codecs::Law::A.decode(*octet));
            let peak = quiet.map(i16::unsigned_abs).max().unwrap();
            assert!((50..2_000).contains(&peak), "noise: {peak}");
        }
        let last = numbers(sent.last().unwrap());
        talk.a_talks(&mut world, 200);
        let (_, first) = talk.b.headers[10];
        assert_eq!(first.sequence, last.0.wrapping_add(1));
        assert_eq!(first.marker, takes, "a talkspurt begins only where there was a pause");
        assert!((talk.b.level(talk.b.heard.len() - 1_000) - -10.0).abs() < 1.0);
    }
}

#[test]
fn keys_go_from_clock_to_clock_once_each_with_their_length() {
    for (from, to) in [(keys(101, 8_000), keys(110, 48_000)), (keys(96, 8_000), keys(101, 8_000))] {
        let mut world = World::new();
        let mut talk = Talk::begin(&mut world, &[pcmu(), from.clone()], &[opus(), to.clone()]);
        talk.a_talks(&mut world, 200);
        for (index, event) in [1, 1, 11, 5].into_iter().enumerate() {
            let began = talk.a.timestamp;
            let mut sender = EventSender::new(event, 10, began);
            let held = if index == 3 { 100 } else { 5 };
            for packet in 0..held + 3 {
                let event = if packet < held - 1 { sender.hold(160) } else { sender.release(160) };
                let data = talk.a.packet(from.payload_type, event.timestamp, &event.event.octets());
                if packet % 3 != 1 {
                    talk.deliver_a(&mut world, &data);
                }
                talk.pass(&mut world, 20);
            }
            talk.a.timestamp = began.wrapping_add(160 * (held + 3));
            talk.a_talks(&mut world, 100);
        }
        let pressed: Vec<u8> = talk
            .b
            .events
            .iter()
            .filter_map(|change| if let EventChange::Began(event) = change { Some(event.event) } else { None })
            .collect();
        assert_eq!(pressed, [1, 1, 11, 5]);
        let lengths: Vec<u32> = talk
            .b
            .events
            .iter()
            .filter_map(|change| match change {
                EventChange::Ended { duration, .. } => Some(duration / (to.clock_rate_hz / 1_000)),
                EventChange::Began(_) => None,
            })
            .collect();
        assert_eq!(lengths.len(), 4);
        assert!(lengths[..3].iter().all(|ms| (80..=100).contains(ms)), "{lengths:?}");
        assert!((1_960..=2_000).contains(&lengths[3]), "{lengths:?}");
        for pair in talk.b.headers.windows(2) {
            assert_eq!(pair[1].1.sequence, pair[0].1.sequence.wrapping_add(1));
        }
    }
}

#[test]
fn keys_are_tones_for_who_takes_no_events_once_each() {
    for other in [pcma(), opus()] {
        let mut world = World::new();
        let mut talk = Talk::begin(&mut world, &[pcmu(), keys(101, 8_000)], std::slice::from_ref(&other));
        talk.a_talks(&mut world, 200);
        for (event, held) in [(1, 5), (1, 2), (11, 100), (5, 3)] {
            let began = talk.a.timestamp;
            let mut sender = EventSender::new(event, 10, began);
            for packet in 0..held + 3 {
                let event = if packet < held - 1 { sender.hold(160) } else { sender.release(160) };
                let data = talk.a.packet(101, event.timestamp, &event.event.octets());
                if packet % 3 != 1 {
                    talk.deliver_a(&mut world, &data);
                }
                talk.pass(&mut world, 20);
            }
            talk.a.timestamp = began.wrapping_add(160 * (held + 3));
            // Between some there is sound, between others nothing but the pause.
            if event == 11 {
                talk.a_talks(&mut world, 100);
            }
        }
        let (mut detector, mut heard) = (codecs::dtmf::Detector::new(), String::new());
        detector.handle_samples(&talk.b.heard, |change| {
            if let codecs::dtmf::KeyChange::Began(key) = change {
                heard.push(key.character());
            }
        });
        assert_eq!(heard, "11#5", "{}", other.name);
        assert!(talk.b.heard.len() < 8 * 20 * 150, "the time of a press goes by once");
        for pair in talk.b.headers.windows(2) {
            assert_eq!(pair[1].1.sequence, pair[0].1.sequence.wrapping_add(1));
            assert!((pair[1].1.timestamp.wrapping_sub(pair[0].1.timestamp) as i32) > 0);
        }
    }
}

/// A line that loses so many packets in a hundred, in bursts, brings them late and out of order, and some twice. What is heard at the other end.
fn over_a_bad_line(percent: u64, seed: u64, codecs: [Codec; 2]) -> (World, Talk) {
    let mut world = World::new();
    let [one, other] = codecs;
    let mut talk = Talk::begin(&mut world, &[one], &[other]);
    let mut random = Random::from_seed(seed);
    let mut bursts = false;
    let mut on_the_way: Vec<(u64, Vec<u8>)> = Vec::new();
    let mut ms = 0;
    for packet in 0..1_500u64 {
        let data = talk.a.say();
        // Bursts of three packets, on average.
        bursts = if bursts {
            random.below(100) < 67
        } else {
            random.below(10_000) < percent * 10_000 / (3 * (100 - percent))
        };
        if packet < 5 || !bursts {
            let late = random.below(8) + if random.below(50) == 0 { 25 } else { 0 };
            on_the_way.push((packet * 20 + late, data.clone()));
            if random.below(100) == 0 {
                on_the_way.push((packet * 20 + late + 5, data));
            }
        }
        while ms < packet * 20 {
            on_the_way.sort_by_key(|(at, _)| *at);
            while on_the_way.first().is_some_and(|(at, _)| *at <= ms) {
                let (_, data) = on_the_way.remove(0);
                talk.deliver_a(&mut world, &data);
            }
            talk.pass(&mut world, 1);
            ms += 1;
        }
    }
    (world, talk)
}

#[test]
fn a_bad_line_is_bridged_as_far_as_it_can_be() {
    for codecs in [[pcmu(), pcma()], [opus(), pcmu()], [pcmu(), opus()]] {
        // Of 1,499 packets; what is missing at the worst is a part of an outage that is longer than concealment bridges.
        for (percent, most_missing, most_drop) in [(0, 0, 0.1), (1, 0, 0.2), (5, 0, 0.3), (10, 0, 0.5), (20, 8, 0.9)] {
            for seed in 1..=3 {
                let (mut world, talk) = over_a_bad_line(percent, seed, codecs.clone());
                let what = format!("{} to {} at {percent} %, {seed}", codecs[0].name, codecs[1].name);
                let sent = talk.b.headers.len();
                assert!((1_499 - most_missing..=1_500).contains(&sent), "{what}: {sent}");
                let level = talk.b.level(4_000);
                assert!((-10.2 - most_drop..=-8.5).contains(&level), "{what}: {level} dBm0");
                let (first, last) = (talk.b.headers[0], talk.b.headers[talk.b.headers.len() - 1]);
                let told = last.1.timestamp.wrapping_sub(first.1.timestamp) / (talk.b.codec.clock_rate_hz() / 1_000);
                let passed = last.0.since(first.0).as_millis() as u32;
                assert!(told.abs_diff(passed) <= 20, "{what}: {told} of {passed} ms");
                let waits: Vec<_> = talk.b.headers.windows(2).map(|pair| pair[1].0.since(pair[0].0)).collect();
                assert!(
                    waits.iter().all(|wait| *wait <= Duration::from_millis(110)),
                    "{what}: {:?}",
                    waits.iter().max()
                );
                // What only comes late is heard: of the packets that came hardly one was given up, and none where nothing is lost.
                let (concealed, late) =
                    (world.counter("media_packets_concealed", None), world.counter("media_packets_late", None));
                assert!(late <= percent.div_ceil(4), "{what}: {late} late");
                assert!(if percent == 0 { concealed == 0 } else { concealed > 4 * percent }, "{what}: {concealed}");
            }
        }
    }
}

#[test]
fn two_hours_of_a_clock_that_runs_at_another_pace_add_no_delay() {
    for step_us in [20_002u64, 19_998] {
        let mut world = World::new();
        let mut talk = Talk::begin(&mut world, &[pcmu()], &[pcma()]);
        let begin = world.now;
        for index in 0..360_000u64 {
            let at = begin.later(Duration::from_micros(index * step_us));
            let due = at.instant.since(world.now.instant).as_millis() as u64;
            world.pass(due);
            let packet = talk.a.packet(0, talk.a.timestamp, &[0x55; 160]);
            talk.a.timestamp = talk.a.timestamp.wrapping_add(160);
            world.deliver(talk.a.at, talk.ports[0].rtp, &packet);
            assert_eq!(world.take_rtp().len(), 1, "{index}: at once, and neither more nor less");
        }
        assert_eq!(world.counter("media_packets_late", None), 0);
    }
}

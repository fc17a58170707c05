//! One continuous stream to each receiver, whatever happens to its source.

use crate::network::*;
use media::rtp::Header;
use router::Command;
use router::packet::one;
use router::parameter::{Bridge, Codec, MediaPlan, PortId};

#[test]
fn media_flows_both_ways_under_ssrcs_of_our_own() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    let heard = call.talk(&mut world, 100);
    assert_eq!(heard.len(), 100);
    assert!(heard.iter().all(|sent| sent.to == call.b.at && sent.from == call.port_b.rtp));
    assert_continuous(&heard);
    assert_ne!(numbers(&heard[0]).2, call.a.ssrc);
    assert!(Header::parse(&heard[0].data).unwrap().marker, "a stream begins with a marker");
    assert!(!Header::parse(&heard[1].data).unwrap().marker);
    assert_eq!(heard[7].data[12..], [(65_530u16 + 5).wrapping_add(2) as u8; 160], "payload is passed on as it is");

    let frame = call.b.frame();
    world.deliver(call.b.at, call.port_b.rtp, &frame);
    let back = world.take_rtp();
    assert_eq!((back.len(), back[0].to, back[0].from), (1, call.a.at, call.port_a.rtp));
    assert_ne!(numbers(&back[0]).2, numbers(&heard[0]).2);

    let statistics = world.close(call.session).unwrap();
    assert_eq!((statistics[0].packets_received, statistics[0].octets_received), (100, 16_000));
    assert_eq!((statistics[1].packets_sent, statistics[1].octets_sent), (100, 16_000));
    assert_eq!((statistics[0].packets_sent, statistics[1].packets_received), (1, 1));
    assert_eq!((statistics[0].packets_lost, statistics[0].packets_discarded), (0, 0));
    assert_eq!(statistics[0].codec.as_deref(), Some("PCMU"));
    assert_eq!(statistics[0].learned, Some(call.a.at));
}

#[test]
fn loss_stays_a_gap_and_reordering_stays_reordering() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    call.talk(&mut world, 3);
    let first = call.a.frame();
    let second = call.a.frame();
    call.a.lose();
    let third = call.a.frame();
    for frame in [&second, &first, &third] {
        world.deliver(call.a.at, call.port_a.rtp, frame);
    }
    let heard: Vec<u16> = world.take_rtp().iter().map(|sent| numbers(sent).0).collect();
    assert_eq!(heard[1], heard[0].wrapping_sub(1));
    assert_eq!(heard[2], heard[0].wrapping_add(2));
    let statistics = world.close(call.session).unwrap();
    assert_eq!((statistics[0].packets_lost, statistics[0].packets_reordered), (1, 1));
}

#[test]
fn hold_and_retrieve_make_no_gap() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    let mut heard = call.talk(&mut world, 10);
    // A holds: it goes on sending (its music), and B is not to hear it.
    let held = MediaPlan { receives: false, sends: false, generation: 2, ..plan(A, call.a.at) };
    world.set(call.session, &[held]);
    assert!(call.talk(&mut world, 50).is_empty());
    world.set(call.session, &[MediaPlan { generation: 3, ..plan(A, call.a.at) }]);
    let after = call.talk(&mut world, 10);
    assert_eq!(after.len(), 10);
    let (before, begins) = (numbers(heard.last().unwrap()), numbers(&after[0]));
    assert_eq!(begins.0, before.0.wrapping_add(1), "numbers go on");
    assert_eq!(begins.1, before.1.wrapping_add(51 * 160), "time went on");
    assert!(Header::parse(&after[0].data).unwrap().marker);
    assert_continuous(&after);
    // The other way round: B's side stops sending, as B holds.
    heard = after;
    let other = MediaPlan { codecs: pcmu_and_events(96), ..plan(B, call.b.at) };
    world.set(call.session, &[MediaPlan { sends: false, ..other.clone() }]);
    assert!(call.talk(&mut world, 20).is_empty());
    world.set(call.session, &[other]);
    let after = call.talk(&mut world, 1);
    assert_eq!(numbers(&after[0]).0, numbers(heard.last().unwrap()).0.wrapping_add(1));
}

#[test]
fn the_old_way_to_hold_stops_what_is_sent_and_nothing_else() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    let heard = call.talk(&mut world, 5);
    let other = MediaPlan { codecs: pcmu_and_events(96), ..plan(B, call.b.at) };
    let held = MediaPlan { remote_rtp: "0.0.0.0:5000".parse().ok(), generation: 2, ..other.clone() };
    world.set(call.session, &[held]);
    assert!(call.talk(&mut world, 20).is_empty());
    world.set(call.session, &[MediaPlan { generation: 3, ..other }]);
    let after = call.talk(&mut world, 5);
    assert_eq!(after.len(), 5);
    assert_eq!(numbers(&after[0]).0, numbers(heard.last().unwrap()).0.wrapping_add(1));
}

#[test]
fn a_new_ssrc_of_the_source_is_not_seen_by_the_receiver() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    let mut heard = call.talk(&mut world, 10);
    let straggler = call.a.frame();
    call.a = Phone { ssrc: 0xaa, sequence: 9, timestamp: 12_345, ..call.a };
    heard.extend(call.talk(&mut world, 10));
    assert_continuous(&heard);
    world.deliver(call.a.at, call.port_a.rtp, &straggler);
    assert_eq!(world.take_rtp().len(), 1, "after 200 ms the former SSRC may come back");
    assert_eq!(world.close(call.session).unwrap()[0].packets_lost, 0);
}

#[test]
fn a_restart_of_the_source_s_numbers_is_not_seen_by_the_receiver() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    let heard = call.talk(&mut world, 10);
    call.a.sequence = 30_000;
    call.a.timestamp = 7;
    let after = call.talk(&mut world, 10);
    assert_eq!(after.len(), 9, "one packet alone is not believed");
    assert_eq!(numbers(&after[0]).0, numbers(heard.last().unwrap()).0.wrapping_add(1));
    assert_continuous(&after);
}

#[test]
fn the_peer_moves_to_another_address_in_mid_call() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    let mut heard = call.talk(&mut world, 10);
    call.a = Phone { sequence: 1, timestamp: 0, ..Phone::new("203.0.113.9:7000", 0xcc) };
    world.set(call.session, &[MediaPlan { generation: 2, ..plan(A, call.a.at) }]);
    heard.extend(call.talk(&mut world, 10));
    assert_continuous(&heard);
    let frame = call.b.frame();
    world.deliver(call.b.at, call.port_b.rtp, &frame);
    assert_eq!(world.take_rtp()[0].to, call.a.at);
}

#[test]
fn bridges_change_and_the_stream_goes_on() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    let c = PortId(2);
    let third = world.open(call.session, &[c]).unwrap()[0];
    let mut phone = Phone::new("198.51.100.3:6000", 0xc);
    let mut heard = call.talk(&mut world, 5);
    world.connect(call.session, B, c, &[plan(c, phone.at)]);
    assert!(call.talk(&mut world, 5).is_empty(), "A is alone now");
    let mut after = Vec::new();
    for _ in 0..5 {
        let frame = phone.frame();
        world.deliver(phone.at, third.rtp, &frame);
        after.extend(world.take_rtp());
        world.pass(20);
    }
    assert_continuous(&after);
    assert_eq!(numbers(&after[0]).0, numbers(heard.last().unwrap()).0.wrapping_add(1));
    assert_eq!(numbers(&after[0]).2, numbers(&heard[0]).2);
    heard = after;
    world.ask(call.session, Command::Disconnect, one(Bridge { a: c, b: B })).unwrap();
    world.ask(call.session, Command::Disconnect, one(Bridge { a: c, b: B })).unwrap();
    assert!(call.talk(&mut world, 1).is_empty());
    world.connect(call.session, A, B, &[]);
    world.connect(call.session, A, B, &[]);
    let after = call.talk(&mut world, 5);
    assert_continuous(&after);
    assert_eq!(numbers(&after[0]).0, numbers(heard.last().unwrap()).0.wrapping_add(1));
}

#[test]
fn payload_types_are_those_of_each_leg() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    call.talk(&mut world, 2);
    call.a.payload_type = 101;
    let mut event = call.a.frame();
    event[1] |= 0x80;
    world.deliver(call.a.at, call.port_a.rtp, &event);
    let heard = world.take_rtp();
    let header = Header::parse(&heard[0].data).unwrap();
    assert_eq!((header.payload_type, header.marker), (96, true));
}

#[test]
fn what_was_not_agreed_is_dropped_counted_and_no_gap() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    let only_sound = MediaPlan { codecs: vec![Codec::new(0, "PCMU", 8_000)], ..plan(B, call.b.at) };
    world.set(call.session, &[only_sound]);
    let mut heard = call.talk(&mut world, 3);
    // One that neither leg knows, one that only this leg knows.
    for payload_type in [13, 101] {
        call.a.payload_type = payload_type;
        assert!(call.talk(&mut world, 1).is_empty());
    }
    call.a.payload_type = 0;
    let after = call.talk(&mut world, 3);
    assert_eq!(numbers(&after[0]).0, numbers(heard.last().unwrap()).0.wrapping_add(1));
    assert_eq!(numbers(&after[0]).1, numbers(heard.last().unwrap()).1.wrapping_add(480));
    heard.extend(after);
    assert_eq!(heard.len(), 6);
    assert_eq!(world.counter("media_packets_discarded", Some("format")), 2);
    let statistics = world.close(call.session).unwrap();
    assert_eq!((statistics[0].packets_discarded, statistics[0].packets_lost), (2, 0));
}

#[test]
fn contributing_sources_extensions_and_padding_are_passed() {
    let mut world = World::new();
    let call = Call::begin(&mut world);
    let mut frame = vec![0xb1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9];
    frame.extend_from_slice(&[0, 0, 0, 5, 0xbe, 0xde, 0, 1, 1, 2, 3, 4, 8, 8, 8, 2, 0, 2]);
    world.deliver(call.a.at, call.port_a.rtp, &frame);
    let heard = world.take_rtp();
    assert_eq!((heard[0].data[0], &heard[0].data[12..]), (0xb1, &frame[12..]));
    assert_eq!(world.close(call.session).unwrap()[0].octets_received, 4);
}

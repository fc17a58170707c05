//! Where peers really send from, and who only pretends.

use crate::network::*;
use media::rtcp::{Compound, NtpTime, Source, write};
use router::parameter::{MediaEventKind, MediaPlan, Network};
use std::net::SocketAddr;

/// Phone A behind a NAT: it signals a private address and sends from another one.
fn behind_nat(world: &mut World) -> (Call, SocketAddr) {
    let mut call = Call::begin(world);
    let signalled = "192.168.1.5:4000".parse().unwrap();
    call.a.at = "203.0.113.50:61000".parse().unwrap();
    world.set(call.session, &[MediaPlan { generation: 2, host: Some(call.a.at.ip()), ..plan(A, signalled) }]);
    (call, signalled)
}

#[test]
fn a_phone_behind_nat_is_learned_and_answered_where_it_sends_from() {
    let mut world = World::new();
    let (mut call, signalled) = behind_nat(&mut world);
    let frame = call.b.frame();
    world.deliver(call.b.at, call.port_b.rtp, &frame);
    assert_eq!(world.take_rtp()[0].to, signalled);
    let heard = call.talk(&mut world, 110);
    assert_eq!(heard.len(), 108, "two packets to be learned");
    assert_continuous(&heard);
    let frame = call.b.frame();
    world.deliver(call.b.at, call.port_b.rtp, &frame);
    assert_eq!(world.take_rtp()[0].to, call.a.at);
    let connected = world.network().connected.values().copied().collect::<Vec<_>>();
    assert!(connected.contains(&call.a.at), "after two seconds nobody else is heard");
    let statistics = world.close(call.session).unwrap();
    assert_eq!((statistics[0].learned, statistics[0].packets_discarded), (Some(call.a.at), 2));
}

#[test]
fn a_stranger_is_not_heard_once_the_peer_was() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    call.talk(&mut world, 1);
    let mut stranger = Phone::new("203.0.113.66:4600", 0x66);
    for _ in 0..20 {
        let frame = stranger.frame();
        assert!(!world.deliver(stranger.at, call.port_a.rtp, &frame), "the kernel drops it");
        // What had arrived before the socket was connected is delivered all the same.
        let pair = world.network().open.iter().find(|(_, at)| **at == call.port_a.rtp).map(|(pair, _)| *pair).unwrap();
        let now = world.now;
        world.voice.handle_datagram(now, pair, media::Channel::Rtp, stranger.at, &mut frame.clone());
        world.pass(20);
    }
    assert!(world.take_rtp().is_empty());
    assert_eq!(world.counter("media_packets_discarded", Some("stranger")), 20);
}

#[test]
fn a_hijacker_who_is_first_gets_nothing_and_says_nothing() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    let mut hijacker = Phone::new("203.0.113.66:4600", 0x66);
    let mut heard = 0;
    for _ in 0..10 {
        let frame = hijacker.frame();
        world.deliver(hijacker.at, call.port_a.rtp, &frame);
        heard += world.take_rtp().len();
        let frame = call.b.frame();
        world.deliver(call.b.at, call.port_b.rtp, &frame);
        assert_eq!(world.take_rtp()[0].to, call.a.at);
        world.pass(20);
    }
    assert_eq!(heard, 0);
    assert_eq!(call.talk(&mut world, 5).len(), 5);
    let frame = call.b.frame();
    world.deliver(call.b.at, call.port_b.rtp, &frame);
    assert_eq!(world.take_rtp()[0].to, call.a.at);
    let frame = hijacker.frame();
    assert!(!world.deliver(hijacker.at, call.port_a.rtp, &frame));
}

#[test]
fn a_re_invite_without_a_new_address_interrupts_nothing() {
    let mut world = World::new();
    let (mut call, signalled) = behind_nat(&mut world);
    let mut heard = call.talk(&mut world, 110);
    world.set(call.session, &[MediaPlan { generation: 3, host: Some(call.a.at.ip()), ..plan(A, signalled) }]);
    heard.extend(call.talk(&mut world, 10));
    assert_eq!(heard.len(), 118);
    assert_continuous(&heard);
}

#[test]
fn a_new_nat_binding_is_learned_after_seconds_of_silence() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    call.talk(&mut world, 10);
    world.pass(5_100);
    assert!(!world.network().connected.values().any(|peer| *peer == call.a.at), "unlearned");
    call.a.at.set_port(62_000);
    assert_eq!(call.talk(&mut world, 10).len(), 8);
}

/// Who is silent, by its codec or as it is muted, is not replaced by whoever sends to its port meanwhile.
#[test]
fn a_stranger_gets_nothing_from_a_leg_that_is_silent_and_the_phone_is_back_at_once() {
    for talks_first in [true, false] {
        let mut world = World::new();
        let mut call = Call::begin(&mut world);
        if talks_first {
            call.talk(&mut world, 10);
        }
        world.take_rtp();
        let mut stranger = Phone::new("203.0.113.66:4600", 0x66);
        for index in 0..1_000 {
            let frame = stranger.frame();
            world.deliver(stranger.at, call.port_a.rtp, &frame);
            assert!(world.take_rtp().is_empty(), "heard {index} frames after the silence began");
            let frame = call.b.frame();
            world.deliver(call.b.at, call.port_b.rtp, &frame);
            assert_eq!(world.take_rtp()[0].to, call.a.at);
            world.pass(20);
        }
        // Whoever else sends: its first packet is heard, and it is answered.
        let frame = call.a.frame();
        world.deliver(call.a.at, call.port_a.rtp, &frame);
        assert_eq!(world.take_rtp().len(), 1);
        let frame = stranger.frame();
        world.deliver(stranger.at, call.port_a.rtp, &frame);
        assert!(world.take_rtp().is_empty());
    }
}

/// Its SIP comes by a proxy elsewhere, and its SDP has a private address: nobody knows where it is.
#[test]
fn a_phone_behind_nat_and_a_proxy_is_heard_after_two_seconds() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    let host = "203.0.113.1".parse().ok();
    world.set(call.session, &[MediaPlan { generation: 2, host, ..plan(A, "192.168.1.5:4000".parse().unwrap()) }]);
    call.a.at = "203.0.113.50:61000".parse().unwrap();
    assert!(call.talk(&mut world, 95).is_empty());
    assert!(call.talk(&mut world, 105).len() > 95);
    let frame = call.b.frame();
    world.deliver(call.b.at, call.port_b.rtp, &frame);
    assert_eq!(world.take_rtp()[0].to, call.a.at);
}

/// A carrier signals one host and sends from another one, in a network that the operator has named.
#[test]
fn media_from_a_network_that_was_named_are_heard_and_nobody_else_s() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    let signalled = call.a.at;
    let networks = vec![Network::parse("203.0.113.64/26").unwrap()];
    world.set(call.session, &[MediaPlan { generation: 2, networks, ..plan(A, signalled) }]);
    let mut stranger = Phone::new("203.0.113.6:4600", 0x66);
    call.a.at = "203.0.113.66:61000".parse().unwrap();
    let mut heard = Vec::new();
    for _ in 0..50 {
        let frame = stranger.frame();
        world.deliver(stranger.at, call.port_a.rtp, &frame);
        assert!(world.take_rtp().is_empty());
        heard.extend(call.talk(&mut world, 1));
    }
    assert_eq!(heard.len(), 48, "two packets to be learned");
    assert_continuous(&heard);
    let frame = call.b.frame();
    world.deliver(call.b.at, call.port_b.rtp, &frame);
    assert_eq!(world.take_rtp()[0].to, call.a.at, "it is answered there");
}

#[test]
fn who_is_on_hold_keeps_its_place_in_silence() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    call.talk(&mut world, 10);
    world.set(call.session, &[MediaPlan { receives: false, ..plan(A, call.a.at) }]);
    world.pass(60_000);
    assert!(world.network().connected.values().any(|peer| *peer == call.a.at));
    assert!(world.events.iter().all(|(_, event)| event.kind == MediaEventKind::Arrived));
}

#[test]
fn arrival_and_silence_are_told_once() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    let limited = MediaPlan { silence_limit_ms: Some(3_000), ..plan(A, call.a.at) };
    world.set(call.session, std::slice::from_ref(&limited));
    world.pass(2_900);
    assert!(world.events.is_empty());
    world.pass(60_000);
    let kinds = |world: &mut World| -> Vec<MediaEventKind> {
        std::mem::take(&mut world.events).into_iter().map(|(_, event)| event.kind).collect()
    };
    assert_eq!(kinds(&mut world), [MediaEventKind::Silent]);
    call.talk(&mut world, 5);
    assert_eq!(kinds(&mut world), [MediaEventKind::Arrived]);
    world.pass(2_800);
    assert!(world.events.is_empty());
    world.pass(300);
    assert_eq!(kinds(&mut world), [MediaEventKind::Silent]);
    // Hold lifts the limit; retrieve begins to count anew.
    call.talk(&mut world, 1);
    world.set(call.session, &[MediaPlan { silence_limit_ms: None, ..limited.clone() }]);
    world.pass(60_000);
    assert_eq!(kinds(&mut world), [MediaEventKind::Arrived]);
    world.set(call.session, &[limited]);
    world.pass(2_900);
    assert!(world.events.is_empty());
    world.pass(200);
    assert_eq!(kinds(&mut world), [MediaEventKind::Silent]);
}

#[test]
fn reports_are_a_sign_of_life_on_either_leg() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    let limited = |port, at| MediaPlan { silence_limit_ms: Some(10_000), ..plan(port, at) };
    world.set(call.session, &[limited(A, call.a.at), limited(B, call.b.at)]);
    call.talk(&mut world, 5);
    world.events.clear();
    let above = |at: SocketAddr| SocketAddr::new(at.ip(), at.port() + 1);
    let report = |ssrc| {
        write(&Compound {
            ssrc,
            cname: "a",
            source: None,
            block: None,
            metrics: None,
            summary: None,
            echo: None,
            goodbye: false,
        })
    };
    // Both are silent by their own choice, and report every five seconds.
    for _ in 0..20 {
        world.pass(5_000);
        world.deliver(above(call.a.at), call.port_a.rtcp, &report(0xa));
        world.deliver(above(call.b.at), call.port_b.rtcp, &report(0xb));
    }
    assert!(world.events.iter().all(|(_, event)| event.kind != MediaEventKind::Silent), "{:?}", world.events);
    // One of them does no longer; a stranger's report is none of its.
    for _ in 0..3 {
        world.pass(4_000);
        world.deliver(above(call.a.at), call.port_a.rtcp, &report(0xa));
        world.deliver("203.0.113.66:4001".parse().unwrap(), call.port_b.rtcp, &report(0xb));
    }
    let silent: Vec<_> = world.events.iter().filter(|(_, event)| event.kind == MediaEventKind::Silent).collect();
    assert_eq!(silent.len(), 1);
    assert_eq!(silent[0].1.port, B);
}

/// How long after its last packet a peer counts as silent that reports every five seconds; `report`: its `n`th.
fn silent_after(report: impl Fn(u32) -> Option<Source>) -> Option<u64> {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    world.set(call.session, &[MediaPlan { silence_limit_ms: Some(20_000), ..plan(A, call.a.at) }]);
    call.talk(&mut world, 5);
    world.events.clear();
    let above = SocketAddr::new(call.a.at.ip(), call.a.at.port() + 1);
    for n in 0..1_000 {
        let source = report(n);
        let data = write(&Compound {
            ssrc: 0xa,
            cname: "a",
            source,
            block: None,
            metrics: None,
            summary: None,
            echo: None,
            goodbye: false,
        });
        world.deliver(above, call.port_a.rtcp, &data);
        world.pass(5_000);
        if world.events.iter().any(|(_, event)| event.kind == MediaEventKind::Silent) {
            return Some(5 * u64::from(n + 1));
        }
    }
    None
}

#[test]
fn what_a_peer_reports_tells_whether_it_is_there() {
    let sent = |packets| Some(Source { ntp: NtpTime(0), timestamp: 0, packets, octets: 0 });
    assert_eq!(silent_after(|_| None), Some(3_600), "it listens: for an hour");
    assert_eq!(silent_after(|n| sent(5 + 250 * u64::from(n))), Some(3_600), "it sends, and all is lost on the way");
    assert_eq!(silent_after(|_| sent(5)), Some(20), "it says that it sends, and sends nothing");
    // One that stops is a sender for two intervals more (RFC 3550 §6.4).
    assert_eq!(silent_after(|n| if n < 2 { sent(5) } else { None }), Some(3_600));
}

#[test]
fn a_leg_of_each_address_family() {
    let mut world = World::new();
    let session = router::Instance(5);
    let four = world.open(session, &[A]).unwrap()[0];
    let six = world.open_on(session, &[B], "2001:db8::1").unwrap()[0];
    let (mut a, b) = (Phone::new("198.51.100.1:4000", 1), Phone::new("[2001:db8::99]:5000", 2));
    world.connect(session, A, B, &[plan(A, a.at), plan(B, b.at)]);
    let frame = a.frame();
    world.deliver(a.at, four.rtp, &frame);
    let heard = world.take_rtp();
    assert_eq!((heard[0].from, heard[0].to), (six.rtp, b.at));
}

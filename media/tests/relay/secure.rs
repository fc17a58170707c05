//! Legs that are protected (SRTP), beside others and beside plain ones.

use crate::network::*;
use media::rtcp::{Compound, Item, NtpTime, Source, check, write};
use media::srtp::{EXPANSION, Inbound, Outbound};
use router::packet::Parameters;
use router::parameter::{BuiltinKind, MediaKey, MediaPlan, PortId, Protection, SrtpSuite};
use router::time::{Duration, Instant};
use router::{Command, Instance, Parameter};
use std::net::SocketAddr;

/// The ends of a leg that has keys: what the port is told, and what its phone does.
struct Keys {
    told: Box<Protection>,
    out: Outbound,
    into: Inbound,
}

impl Keys {
    /// Keys that differ by their seed.
    fn new(suite: SrtpSuite, seed: u8) -> Self {
        let key = |octet| MediaKey { material: vec![octet; suite.material_bytes()], identifier: Vec::new() };
        let (send, receive) = (key(seed), key(seed + 100));
        let (out, into) = (Outbound::new(suite, &receive).unwrap(), Inbound::new(suite, &send).unwrap());
        Self { told: Box::new(Protection { suite, send, receive }), out, into }
    }

    fn plan(&self, port: PortId, at: SocketAddr) -> MediaPlan {
        MediaPlan { protection: Some(self.told.clone()), ..plan(port, at) }
    }

    /// As the phone sends it.
    fn seal(&mut self, packet: &[u8]) -> Vec<u8> {
        let mut buffer = packet.to_vec();
        buffer.resize(packet.len() + EXPANSION, 0);
        let length = match media::rtcp::is_rtcp(packet) {
            true => self.out.protect_rtcp(&mut buffer, packet.len()),
            false => self.out.protect_rtp(&mut buffer, packet.len()),
        };
        buffer.truncate(length.unwrap());
        buffer
    }

    /// As the phone hears it; `None`: it is not by its key.
    fn open(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let (mut packet, now) = (packet.to_vec(), Instant::from_millis(1));
        let length = match media::rtcp::is_rtcp(&packet) {
            true => self.into.unprotect_rtcp(now, &mut packet),
            false => self.into.unprotect_rtp(now, &mut packet),
        };
        packet.truncate(length.ok()?);
        Some(packet)
    }
}

/// A call whose phone A has keys; phone B has none.
fn begin(world: &mut World, keys: &Keys) -> Call {
    let call = Call::begin(world);
    world.set(call.session, &[keys.plan(A, call.a.at)]);
    call
}

#[test]
fn a_secure_leg_and_a_plain_one_hear_each_other_by_each_suite() {
    for (seed, suite) in SrtpSuite::ALL.into_iter().enumerate() {
        let mut world = World::new();
        let mut keys = Keys::new(suite, seed as u8);
        let mut call = begin(&mut world, &keys);
        for _ in 0..300 {
            let frame = call.a.frame();
            assert!(world.deliver(call.a.at, call.port_a.rtp, &keys.seal(&frame)));
            let heard = world.take_rtp();
            assert_eq!((heard.len(), &heard[0].data[12..]), (1, &frame[12..]), "{suite:?}: in the clear");
            assert_eq!(heard[0].to, call.b.at);
            let frame = call.b.frame();
            world.deliver(call.b.at, call.port_b.rtp, &frame);
            let heard = world.take_rtp();
            assert_eq!((heard.len(), heard[0].to), (1, call.a.at));
            assert_ne!(heard[0].data[12..172], frame[12..], "{suite:?}: not in the clear");
            assert_eq!(keys.open(&heard[0].data).unwrap()[12..], frame[12..], "{suite:?}");
            world.pass(20);
        }
        let closed = world.close(call.session).unwrap();
        assert_eq!((closed[0].suite, closed[1].suite), (Some(suite), None));
        assert_eq!((closed[0].packets_discarded, closed[1].packets_discarded), (0, 0));
        assert_eq!((closed[0].packets_received, closed[0].packets_sent), (300, 300));
    }
}

#[test]
fn two_secure_legs_have_keys_and_suites_of_their_own() {
    let mut world = World::new();
    let (mut of_a, mut of_b) = (Keys::new(SrtpSuite::AeadAes256Gcm, 1), Keys::new(SrtpSuite::AesCm128HmacSha1_32, 2));
    let mut call = begin(&mut world, &of_a);
    world.set(call.session, &[of_b.plan(B, call.b.at)]);
    for _ in 0..100 {
        let frame = call.a.frame();
        world.deliver(call.a.at, call.port_a.rtp, &of_a.seal(&frame));
        let heard = world.take_rtp();
        assert_eq!(of_a.open(&heard[0].data), None, "by no key of A's");
        assert_eq!(of_b.open(&heard[0].data).unwrap()[12..], frame[12..]);
        world.pass(20);
    }
}

#[test]
fn what_is_changed_repeated_or_in_the_clear_is_dropped_and_counted() {
    let mut world = World::new();
    let mut keys = Keys::new(SrtpSuite::AesCm128HmacSha1_80, 1);
    let mut call = begin(&mut world, &keys);
    let mut last = Vec::new();
    for _ in 0..10 {
        last = keys.seal(&call.a.frame());
        world.deliver(call.a.at, call.port_a.rtp, &last);
        world.pass(20);
    }
    assert_eq!(world.take_rtp().len(), 10);
    world.deliver(call.a.at, call.port_a.rtp, &last);
    let mut changed = keys.seal(&call.a.frame());
    changed[100] ^= 1;
    world.deliver(call.a.at, call.port_a.rtp, &changed);
    world.deliver(call.a.at, call.port_a.rtp, &call.a.frame());
    world.deliver(call.a.at, call.port_a.rtp, &[0x80, 0, 0]);
    assert!(world.take_rtp().is_empty(), "none was passed on");
    let counted = |world: &mut World, why| world.counter("media_packets_discarded", Some(why));
    assert_eq!((counted(&mut world, "forged"), counted(&mut world, "replayed")), (2, 1));
    assert_eq!(counted(&mut world, "malformed"), 1);
    world.deliver(call.a.at, call.port_a.rtp, &keys.seal(&call.a.frame()));
    assert_eq!(world.take_rtp().len(), 1, "the stream goes on");
    assert_eq!(world.close(call.session).unwrap()[0].packets_discarded, 4);
}

#[test]
fn nobody_without_the_key_draws_the_stream_to_himself() {
    let mut world = World::new();
    let mut keys = Keys::new(SrtpSuite::AeadAes128Gcm, 1);
    let call = begin(&mut world, &keys);
    let mut thief = Phone::new("203.0.113.66:4000", 0xbad);
    for _ in 0..20 {
        world.deliver(thief.at, call.port_a.rtp, &thief.frame());
        world.pass(20);
    }
    assert!(world.take_rtp().is_empty());
    // Whoever has the key, behind another address than it said, is learned as ever.
    let mut phone = Phone::new("203.0.113.9:4000", 0xa);
    for _ in 0..5 {
        world.deliver(phone.at, call.port_a.rtp, &keys.seal(&phone.frame()));
        world.pass(20);
    }
    assert_eq!(world.close(call.session).unwrap()[0].learned, Some(phone.at));
}

#[test]
fn reports_are_protected_both_ways() {
    let mut world = World::new();
    let mut keys = Keys::new(SrtpSuite::AesCm256HmacSha1_80, 1);
    let mut call = begin(&mut world, &keys);
    let mut reports = Vec::new();
    while reports.is_empty() {
        world.deliver(call.a.at, call.port_a.rtp, &keys.seal(&call.a.frame()));
        world.deliver(call.b.at, call.port_b.rtp, &call.b.frame());
        world.pass(20);
        reports = world.take_rtcp();
        reports.retain(|report| report.to.ip() == call.a.at.ip());
    }
    assert!(check(&reports[0].data).is_err() || reports[0].data.len() > 60, "not as it is on a plain leg");
    let opened = keys.open(&reports[0].data).unwrap();
    assert!(matches!(check(&opened).unwrap().next(), Some(Item::Sender(..))));
    let (ntp, timestamp) = (NtpTime(1 << 32), 1);
    let source = Some(Source { ntp, timestamp, packets: 1, octets: 160 });
    let own = write(&Compound {
        ssrc: call.a.ssrc,
        cname: "a",
        source,
        block: None,
        metrics: None,
        summary: None,
        echo: None,
        goodbye: false,
    });
    let received = world.counter("media_packets_received", Some("rtcp"));
    let from = SocketAddr::new(call.a.at.ip(), call.a.at.port() + 1);
    let sealed = keys.seal(&own);
    world.deliver(from, call.port_a.rtcp, &sealed);
    assert_eq!(world.counter("media_packets_received", Some("rtcp")), received + 1);
    world.deliver(from, call.port_a.rtcp, &sealed);
    world.deliver(from, call.port_a.rtcp, &own);
    assert_eq!(world.counter("media_packets_received", Some("rtcp")), received + 1);
    assert_eq!(world.counter("media_packets_discarded", Some("replayed")), 1);
    // The last words are, too.
    world.close(call.session).unwrap();
    let last = world.take_rtcp().into_iter().find(|report| report.to.ip() == call.a.at.ip()).unwrap();
    let items: Vec<Item> = check(&keys.open(&last.data).unwrap()).unwrap().collect();
    assert!(items.iter().any(|item| matches!(item, Item::Goodbye(_))), "{items:?}");
}

/// The same keys once more are a refresh; new ones of the peer's leave our stream as it is; a new one of ours begins another stream.
#[test]
fn new_keys_begin_a_stream_and_the_same_ones_do_not() {
    let mut world = World::new();
    let suite = SrtpSuite::AeadAes128Gcm;
    let mut keys = Keys::new(suite, 1);
    let mut call = begin(&mut world, &keys);
    let hear = |world: &mut World, call: &mut Call, keys: &mut Keys| {
        world.deliver(call.b.at, call.port_b.rtp, &call.b.frame());
        let heard = world.take_rtp();
        world.pass(20);
        let opened = keys.open(&heard[0].data).unwrap();
        let header = media::rtp::Header::parse(&opened).unwrap();
        (header.ssrc, header.sequence)
    };
    let (ssrc, first) = hear(&mut world, &mut call, &mut keys);
    assert!(first < 1 << 15, "it begins low");
    world.set(call.session, &[MediaPlan { generation: 2, ..keys.plan(A, call.a.at) }]);
    assert_eq!(hear(&mut world, &mut call, &mut keys), (ssrc, first + 1));
    world.deliver(call.a.at, call.port_a.rtp, &keys.seal(&call.a.frame()));
    assert_eq!(world.take_rtp().len(), 1);
    // The peer's key alone.
    let mut renewed = Keys::new(suite, 1);
    let other = Keys::new(suite, 9);
    renewed.told.receive = other.told.receive.clone();
    renewed.out = other.out;
    world.set(call.session, &[renewed.plan(A, call.a.at)]);
    assert_eq!(hear(&mut world, &mut call, &mut keys), (ssrc, first + 2));
    let (late, new) = (keys.seal(&call.a.frame()), renewed.seal(&call.a.frame()));
    world.deliver(call.a.at, call.port_a.rtp, &late);
    world.deliver(call.a.at, call.port_a.rtp, &new);
    assert_eq!(world.take_rtp().len(), 2, "what was on its way under the former key is not lost");
    // Both.
    let mut fresh = Keys::new(SrtpSuite::AesCm128HmacSha1_80, 20);
    world.set(call.session, &[fresh.plan(A, call.a.at)]);
    let (another, sequence) = hear(&mut world, &mut call, &mut fresh);
    assert!(another != ssrc && sequence < 1 << 15);
    world.deliver(call.a.at, call.port_a.rtp, &fresh.seal(&call.a.frame()));
    assert_eq!(world.take_rtp().len(), 1);
    // None.
    world.set(call.session, &[plan(A, call.a.at)]);
    let frame = call.b.frame();
    world.deliver(call.b.at, call.port_b.rtp, &frame);
    assert_eq!(world.take_rtp()[0].data[12..], frame[12..]);
}

#[test]
fn a_packet_that_the_plain_leg_repeats_is_sent_once() {
    let mut world = World::new();
    let mut keys = Keys::new(SrtpSuite::AeadAes128Gcm, 1);
    let mut call = begin(&mut world, &keys);
    for _ in 0..20 {
        let frame = call.b.frame();
        world.deliver(call.b.at, call.port_b.rtp, &frame);
        world.deliver(call.b.at, call.port_b.rtp, &frame);
        world.pass(20);
    }
    let heard = world.take_rtp();
    assert_eq!(heard.len(), 20);
    assert!(heard.iter().all(|packet| keys.open(&packet.data).is_some()));
    assert_eq!(world.counter("media_send_failures", None), 0);
}

#[test]
fn built_in_sources_speak_to_a_secure_leg() {
    let mut world = World::new();
    let session = Instance(9);
    let port = world.open(session, &[A]).unwrap()[0];
    let mut phone = Phone::new("198.51.100.1:4000", 0xa);
    let mut keys = Keys::new(SrtpSuite::AesCm128HmacSha1_80, 1);
    world.set(session, &[keys.plan(A, phone.at)]);
    world.start(session, A, BuiltinKind::Echo).unwrap();
    for _ in 0..10 {
        let frame = phone.frame();
        world.deliver(phone.at, port.rtp, &keys.seal(&frame));
        let heard = world.take_rtp();
        assert_eq!(keys.open(&heard[0].data).unwrap()[12..], frame[12..]);
        world.pass(20);
    }
    world.start(session, A, BuiltinKind::Milliwatt).unwrap();
    world.pass(200);
    let heard = world.take_rtp();
    assert!(heard.len() >= 10 && heard.iter().all(|packet| keys.open(&packet.data).is_some()));
}

#[test]
fn keys_of_another_length_than_the_suite_s_are_refused() {
    let mut world = World::new();
    let call = Call::begin(&mut world);
    let mut keys = Keys::new(SrtpSuite::AesCm128HmacSha1_80, 1);
    keys.told.suite = SrtpSuite::AeadAes128Gcm;
    let plans: Parameters = [Parameter::from(keys.plan(A, call.a.at))].into_iter().collect();
    assert!(world.ask(call.session, Command::Set, plans).is_err());
    world.now = world.now.later(Duration::from_millis(20));
}

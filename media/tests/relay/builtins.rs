//! Echo, milliwatt, silence and the ringing tone.

use crate::network::*;
use media::rtp::Header;
use router::packet::one;
use router::parameter::{Builtin, BuiltinKind, Codec, MediaPlan, Reason, ResourceKind};
use router::{Command, Instance, Parameter};
use std::net::SocketAddr;

const SESSION: Instance = Instance(9);

/// One phone alone.
fn alone(world: &mut World, codecs: Vec<Codec>) -> (Phone, SocketAddr) {
    let port = world.open(SESSION, &[A]).unwrap()[0];
    let phone = Phone::new("198.51.100.1:4000", 0xa);
    world.set(SESSION, &[MediaPlan { codecs, ..plan(A, phone.at) }]);
    (phone, port.rtp)
}

#[test]
fn echo_sends_back_what_it_hears_under_numbers_of_its_own() {
    let mut world = World::new();
    let (mut phone, port) = alone(&mut world, pcmu_and_events(101));
    world.start(SESSION, A, BuiltinKind::Echo).unwrap();
    let mut heard = Vec::new();
    for _ in 0..50 {
        let frame = phone.frame();
        world.deliver(phone.at, port, &frame);
        heard.extend(world.take_rtp());
        assert_eq!(heard.last().unwrap().data[12..], frame[12..]);
        world.pass(20);
    }
    assert!(heard.iter().all(|sent| sent.to == phone.at));
    assert_continuous(&heard);
    assert_ne!(numbers(&heard[0]).2, phone.ssrc);
    world.ask(SESSION, Command::Stop, one(Builtin { port: A, kind: BuiltinKind::Echo })).unwrap();
    let frame = phone.frame();
    world.deliver(phone.at, port, &frame);
    assert!(world.take_rtp().is_empty());
}

#[test]
fn the_milliwatt_is_sent_frame_by_frame_without_drift() {
    let mut world = World::new();
    let (phone, _) = alone(&mut world, vec![Codec::new(8, "PCMA", 8_000)]);
    world.start(SESSION, A, BuiltinKind::Milliwatt).unwrap();
    world.start(SESSION, A, BuiltinKind::Milliwatt).unwrap();
    let mut heard = Vec::new();
    for _ in 0..100 {
        // Odd steps: frames are due between them.
        world.pass(97);
        heard.extend(world.take_rtp());
    }
    assert_eq!(heard.len(), 9_700 / 20 + 1);
    assert_continuous(&heard);
    assert!(heard.iter().all(|sent| sent.to == phone.at && sent.data.len() == 172));
    assert_eq!(heard[3].data[12..20], [0x34, 0x21, 0x21, 0x34, 0xb4, 0xa1, 0xa1, 0xb4]);
    let (first, second) = (Header::parse(&heard[0].data).unwrap(), Header::parse(&heard[1].data).unwrap());
    assert_eq!((first.payload_type, first.marker, second.marker), (8, true, false));
    let lateness = &world.status().distributions[0];
    assert_eq!(lateness.name, "worker_tick_lateness_us");
    assert!(lateness.count >= 486);
    assert_eq!(lateness.buckets[3], (1_000, lateness.count), "never later than a tick in virtual time");
}

#[test]
fn a_worker_tells_its_core_and_what_it_takes_of_it() {
    let core = |world: &mut World| world.status().resources.into_iter().find(|one| one.kind == ResourceKind::Core);
    assert_eq!(core(&mut World::new()), None, "it is on none of its own");
    let mut world = World::with(media::Config { core: Some(3), ..config() });
    world.voice.observe_load(12);
    let told = core(&mut world).unwrap();
    assert_eq!((told.name.as_str(), told.used, told.total), ("3", 12, Some(100)));
}

#[test]
fn silence_follows_the_plan_s_frame_and_format() {
    let mut world = World::new();
    let (phone, _) = alone(&mut world, vec![Codec::new(111, "speex", 16_000), Codec::new(0, "PCMU", 8_000)]);
    world.start(SESSION, A, BuiltinKind::Silence).unwrap();
    world.pass(100);
    let before = world.take_rtp();
    assert_eq!(before.last().unwrap().data[1..2], [0]);
    assert_eq!(before.last().unwrap().data[12..], [0xff; 160]);
    let changed = MediaPlan { codecs: vec![Codec::new(8, "PCMA", 8_000)], ptime_ms: Some(40), ..plan(A, phone.at) };
    world.set(SESSION, &[changed]);
    world.pass(200);
    let after = world.take_rtp();
    assert!((5..=6).contains(&after.len()), "{}", after.len());
    assert_eq!(after[0].data[12..], [0xd5; 320]);
    assert_eq!(numbers(&after[0]).0, numbers(before.last().unwrap()).0.wrapping_add(1));
}

#[test]
fn the_ringing_tone_sounds_a_second_and_pauses_four_in_one_stream() {
    let mut world = World::new();
    let (phone, _) = alone(&mut world, vec![Codec::new(0, "PCMU", 8_000)]);
    world.start(SESSION, A, BuiltinKind::Ringback).unwrap();
    let mut heard = Vec::new();
    for _ in 0..600 {
        world.pass(10);
        heard.extend(world.take_rtp());
    }
    heard.truncate(300);
    assert_continuous(&heard);
    assert!(heard.iter().all(|sent| sent.to == phone.at && sent.data.len() == 172));
    let is_silent = |frame: usize| heard[frame].data[12..].iter().all(|&octet| octet == 0xff);
    let silent: Vec<_> = (0..heard.len()).filter(|&frame| is_silent(frame)).collect();
    assert_eq!(silent, (50..250).collect::<Vec<_>>(), "frames of 20 ms");
    world.ask(SESSION, Command::Stop, one(Builtin { port: A, kind: BuiltinKind::Ringback })).unwrap();
    world.pass(100);
    assert!(world.take_rtp().is_empty());
}

#[test]
fn what_cannot_be_played_is_refused() {
    let mut world = World::new();
    alone(&mut world, vec![Codec::new(111, "speex", 16_000)]);
    assert_eq!(world.start(SESSION, A, BuiltinKind::Milliwatt), Err(Reason::Unsupported));
    assert_eq!(world.start(SESSION, A, BuiltinKind::Echo), Ok(()), "echo takes any format");
    let (mut phone, port) = (Phone::new("198.51.100.1:4000", 0xa), world.open(SESSION, &[A]).unwrap()[0].rtp);
    phone.payload_type = 111;
    let frame = phone.frame();
    world.deliver(phone.at, port, &frame);
    assert_eq!(world.take_rtp().len(), 1);
}

#[test]
fn a_plan_may_come_with_the_start() {
    let mut world = World::new();
    world.open(SESSION, &[A]).unwrap();
    let phone = Phone::new("198.51.100.1:4000", 0xa);
    let mut parameters = one(Builtin { port: A, kind: BuiltinKind::Milliwatt });
    parameters.push(Parameter::from(plan(A, phone.at)));
    world.ask(SESSION, Command::Start, parameters).unwrap();
    world.pass(40);
    assert_eq!(world.take_rtp().len(), 3);
}

#[test]
fn a_builtin_takes_the_bridge_s_place_and_gives_it_back() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    let mut heard = call.talk(&mut world, 5);
    world.start(call.session, B, BuiltinKind::Silence).unwrap();
    let played = call.talk(&mut world, 5);
    assert!(played.len() >= 5 && played.iter().all(|sent| sent.to == call.b.at && sent.data[12] == 0xff));
    assert_continuous(&played);
    assert_eq!(numbers(&played[0]).0, numbers(heard.last().unwrap()).0.wrapping_add(1));
    world.ask(call.session, Command::Stop, one(Builtin { port: B, kind: BuiltinKind::Silence })).unwrap();
    heard = played;
    heard.extend(world.take_rtp());
    let after = call.talk(&mut world, 5);
    assert_eq!(after.len(), 5);
    assert_continuous(&after);
    assert_eq!(numbers(&after[0]).0, numbers(heard.last().unwrap()).0.wrapping_add(1));
}

#[test]
fn nothing_is_played_to_who_is_on_hold_and_time_goes_by() {
    let mut world = World::new();
    let (phone, _) = alone(&mut world, pcmu_and_events(101));
    world.start(SESSION, A, BuiltinKind::Milliwatt).unwrap();
    world.pass(100);
    let before = world.take_rtp();
    world.set(SESSION, &[MediaPlan { sends: false, ..plan(A, phone.at) }]);
    world.pass(1_000);
    assert!(world.take_rtp().is_empty());
    world.set(SESSION, &[plan(A, phone.at)]);
    world.pass(100);
    let after = world.take_rtp();
    assert_eq!(after.len(), 5);
    let (last, next) = (numbers(before.last().unwrap()), numbers(&after[0]));
    assert_eq!(next.0, last.0.wrapping_add(1));
    assert_eq!(next.1, last.1.wrapping_add(51 * 160));
}

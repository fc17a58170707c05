//! A conference: each hears all others, over lines that lose, repeat and reorder.

use crate::network::*;
use codecs::Law;
use media::limits::SEATS;
use media::rtp::Header;
use router::packet::{Parameters, one};
use router::parameter::{Builtin, BuiltinKind, Codec, ConferenceName, MediaEventKind, MediaPlan, MovedPort, Reason};
use router::{Address, Command, Instance, ModuleKind, Parameter, Random};
use std::collections::VecDeque;
use std::net::SocketAddr;

fn room(name: &str) -> BuiltinKind {
    BuiltinKind::Conference(ConferenceName::of(name).unwrap())
}

/// A member that says one value.
struct Member {
    phone: Phone,
    session: Instance,
    port: SocketAddr,
    law: Law,
    says: i16,
}

impl Member {
    fn enter(world: &mut World, number: u64, law: Law, says: i16, name: &str) -> Result<Self, Reason> {
        let session = Instance(100 + number);
        let port = world.open(session, &[A])?[0];
        let mut phone = Phone::new(&format!("198.51.100.{}:4000", number + 1), 0xa0 + number as u32);
        let codec = if law == Law::Mu { Codec::new(0, "PCMU", 8_000) } else { Codec::new(8, "PCMA", 8_000) };
        phone.payload_type = codec.payload_type;
        // The seat is taken before anything is agreed.
        world.start(session, A, room(name))?;
        world.set(
            session,
            &[MediaPlan { codecs: vec![codec, Codec::new(101, "telephone-event", 8_000)], ..plan(A, phone.at) }],
        );
        Ok(Self { phone, session, port: port.rtp, law, says })
    }

    fn frame(&mut self) -> Vec<u8> {
        let mut frame = self.phone.frame();
        frame[12..].fill(self.law.encode(self.says));
        frame
    }

    fn leave(&self, world: &mut World) {
        world.close(self.session).unwrap();
    }
}

/// What each member is sent, as samples: the first of each frame.
fn heard(world: &mut World, members: &[Member]) -> Vec<Vec<i16>> {
    let sent = world.take_rtp();
    let of = |member: &Member| {
        let to_it = sent.iter().filter(|sent| sent.to == member.phone.at);
        to_it.map(|sent| member.law.decode(sent.data[12])).collect()
    };
    members.iter().map(of).collect()
}

fn close(heard: i16, wanted: i16) -> bool {
    (i32::from(heard) - i32::from(wanted)).abs() <= i32::from(wanted).abs() / 12 + 16
}

#[test]
fn three_hear_each_other_and_not_themselves() {
    let mut world = World::new();
    let mut members: Vec<_> = [(0, Law::Mu, 1_000), (1, Law::A, 3_000), (2, Law::Mu, 8_000)]
        .map(|(number, law, says)| Member::enter(&mut world, number, law, says, "sales").unwrap())
        .into();
    let mut streams = vec![Vec::new(); 3];
    for _ in 0..100 {
        for member in &mut members {
            let frame = member.frame();
            world.deliver(member.phone.at, member.port, &frame);
        }
        world.pass(20);
        for sent in world.take_rtp() {
            let member = members.iter().position(|member| member.phone.at == sent.to).unwrap();
            streams[member].push(sent);
        }
    }
    for ((stream, member), wanted) in streams.iter().zip(&members).zip([11_000, 9_000, 4_000]) {
        assert!((99..=101).contains(&stream.len()), "{}", stream.len());
        assert_continuous(stream);
        for sent in &stream[5..] {
            assert_eq!(Header::parse(&sent.data).unwrap().payload_type, member.phone.payload_type);
            assert!(sent.data[12..].iter().all(|octet| close(member.law.decode(*octet), wanted)));
        }
    }
    // The last one out ends it, and nothing is left.
    let conferences =
        |world: &mut World| world.status().resources.into_iter().find(|one| one.name == "conferences").unwrap().used;
    assert_eq!(conferences(&mut world), 1);
    members.iter().for_each(|member| member.leave(&mut world));
    assert_eq!((conferences(&mut world), world.voice.sessions(), world.voice.pairs_used()), (0, 0, 0));
    assert_eq!(world.voice.pending_timers(), 1, "the audit");
}

#[test]
fn a_line_that_loses_repeats_and_reorders_costs_gaps_and_nothing_else() {
    for seed in 1..=5 {
        let (mut world, mut random) = (World::new(), Random::from_seed(seed));
        let mut members = [
            Member::enter(&mut world, 0, Law::Mu, 4_000, "sales").unwrap(),
            Member::enter(&mut world, 1, Law::A, 0, "sales").unwrap(),
        ];
        let mut line: VecDeque<(u64, Vec<u8>)> = VecDeque::new();
        let mut listened = Vec::new();
        for tick in 0..500_u64 {
            let frame = members[0].frame();
            // 3 % are lost, 5 % come twice, and each is up to 39 ms on its way.
            if random.below(100) >= 3 {
                line.push_back((tick * 20 + random.below(40), frame.clone()));
                if random.below(100) < 5 {
                    line.push_back((tick * 20 + 20 + random.below(60), frame));
                }
            }
            for millisecond in tick * 20..tick * 20 + 20 {
                let due: Vec<_> = line.iter().filter(|(at, _)| *at <= millisecond).cloned().collect();
                line.retain(|(at, _)| *at > millisecond);
                for (_, frame) in due {
                    world.deliver(members[0].phone.at, members[0].port, &frame);
                }
                world.pass(1);
            }
            listened.extend(heard(&mut world, &members).swap_remove(1));
        }
        let said = listened[25..].iter().filter(|sample| close(**sample, 4_000)).count();
        let silent = listened[25..].iter().filter(|sample| sample.abs() <= 16).count();
        let frames = listened.len() - 25;
        assert_eq!(said + silent, frames, "seed {seed}: nothing else is ever heard");
        assert!(silent * 100 <= frames * 9, "seed {seed}: {silent} of {frames} frames are gaps");
    }
}

#[test]
fn a_bridged_pair_takes_seats_and_misses_at_most_three_frames() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    let loud = |phone: &mut Phone| {
        let mut frame = phone.frame();
        frame[12..].fill(Law::Mu.encode(6_000));
        frame
    };
    let mut of_b = Vec::new();
    for tick in 0..100 {
        let (a, b) = (loud(&mut call.a), loud(&mut call.b));
        world.deliver(call.a.at, call.port_a.rtp, &a);
        world.deliver(call.b.at, call.port_b.rtp, &b);
        if tick == 50 {
            world.start(call.session, A, room("~1")).unwrap();
            // B's port goes into a call of its own, and has a seat, too.
            let session = Address::local(ModuleKind::Voice, 0).at(call.session);
            world.ask(Instance(78), Command::Open, one(MovedPort { port: A, session, from: B })).unwrap();
            world.start(Instance(78), A, room("~1")).unwrap();
        }
        world.pass(20);
        of_b.extend(world.take_rtp().into_iter().filter(|sent| sent.to == call.b.at));
    }
    let silent = of_b.iter().filter(|sent| Law::Mu.decode(sent.data[12]).abs() <= 16).count();
    assert!(silent <= 3, "{silent} frames");
    assert!(of_b.len() >= 99, "{}", of_b.len());
    for pair in of_b.windows(2) {
        assert_eq!(numbers(&pair[1]).0, numbers(&pair[0]).0.wrapping_add(1));
        assert_eq!(numbers(&pair[1]).2, numbers(&pair[0]).2);
    }
    world.close(call.session).unwrap();
    world.close(Instance(78)).unwrap();
    assert_eq!(world.voice.pairs_used(), 0);
}

#[test]
fn key_presses_and_who_holds_are_not_mixed() {
    let mut world = World::new();
    let mut members: Vec<_> = [(0, 4_000), (1, 2_000)]
        .map(|(number, says)| Member::enter(&mut world, number, Law::Mu, says, "sales").unwrap())
        .into();
    members[1].says = 0;
    let mut press = members[0].phone.frame();
    press[1] = 101;
    world.deliver(members[0].phone.at, members[0].port, &press);
    world.pass(100);
    assert!(heard(&mut world, &members)[1].iter().all(|sample| *sample == 0));
    let codecs = pcmu_and_events(101);
    world.set(
        members[0].session,
        &[MediaPlan { receives: false, sends: false, codecs, ..plan(A, members[0].phone.at) }],
    );
    let frame = members[0].frame();
    world.deliver(members[0].phone.at, members[0].port, &frame);
    world.pass(100);
    let heard = heard(&mut world, &members);
    assert_eq!(heard[0], [0_i16; 0], "who holds is sent nothing");
    assert!(heard[1].len() == 5 && heard[1].iter().all(|sample| *sample == 0));
}

#[test]
fn a_conference_has_so_many_seats_and_who_is_alone_is_told_once() {
    let mut world = World::new();
    let members: Vec<_> =
        (0..SEATS as u64).map(|number| Member::enter(&mut world, number, Law::A, 100, "sales").unwrap()).collect();
    let refused = Member::enter(&mut world, 99, Law::A, 100, "sales");
    assert_eq!(refused.err(), Some(Reason::Exhausted));
    world.close(Instance(199)).unwrap();
    members[1..].iter().for_each(|member| member.leave(&mut world));
    world.events.clear();
    world.pass(4_900);
    assert_eq!(world.events, []);
    world.pass(10_000);
    let told: Vec<_> = world.events.iter().map(|(session, event)| (*session, event.port, event.kind.clone())).collect();
    assert_eq!(told, [(members[0].session, A, MediaEventKind::Alone)]);
    // Another one comes and goes: it is said once more.
    let other = Member::enter(&mut world, 70, Law::Mu, 100, "sales").unwrap();
    world.pass(100);
    other.leave(&mut world);
    world.pass(6_000);
    assert_eq!(world.events.len(), 2);
    let any = router::parameter::Conference {
        name: ConferenceName::of("any").unwrap(),
        members: 0,
        since: router::time::WallTime(0),
        packets_late: 0,
        frames: 0,
    };
    let told = world.ask(Instance::MODULE, Command::Query, one(any)).unwrap();
    let [Parameter::Conference(told)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((told.name.as_str(), told.members), ("sales", 1));
    assert!((1_040..1_060).contains(&told.frames), "{}", told.frames);
    world.ask(members[0].session, Command::Stop, one(Builtin { port: A, kind: room("sales") })).unwrap();
    assert_eq!(world.ask(Instance::MODULE, Command::Query, one((**told).clone())).unwrap(), Parameters::new());
    members[0].leave(&mut world);
}

#[test]
fn a_fault_in_a_conference_ends_it_alone() {
    let mut world = World::new();
    let call = Call::begin(&mut world);
    let members: Vec<_> =
        (0..3).map(|number| Member::enter(&mut world, number + 10, Law::Mu, 100, "sales").unwrap()).collect();
    world.network().poisoned = Some(members[1].phone.at);
    world.pass(20);
    world.network().poisoned = None;
    world.pass(100);
    let broken: Vec<_> = world.events.iter().filter(|(_, event)| event.kind == MediaEventKind::Broken).collect();
    assert_eq!(broken.len(), 3);
    assert_eq!(world.voice.sessions(), 1, "the call goes on");
    assert_eq!(world.close(call.session).unwrap().len(), 2);
    assert_eq!(world.voice.pairs_used(), 0);
}

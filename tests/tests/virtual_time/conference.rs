//! Conferences: rooms that are called, and calls that somebody joins. Each phone says a value of its own, so that a sample tells whom it hears.

use crate::{connect, ms, secs};
use router::parameter::{BuiltinKind, ConferenceName, Outcome};
use scenarios::simulation::PhoneIndex;
use scenarios::{Conditions, Ending, HoldStyle, PlatformConfig, Simulation, Step};
use switch::plan::{Branches, Destination, NumberMatch, OriginMatch, Plan, Rewrite, Route};

/// What the first phone says; each further one says twice as much, so that each sum is one of them alone.
const VOICE: i16 = 400;

/// Of three, who is heard: a bit each.
const ALICE: u16 = 1;
const BOB: u16 = 2;
const CAROL: u16 = 4;

/// `3…` is the room of that number, `sales` the one of that name.
fn platform(config: PlatformConfig, seed: u64) -> Simulation {
    let route = |name: &str, number, destination| Route {
        name: name.to_owned(),
        number,
        origin: OriginMatch::Any,
        hours: None,
        destination,
        branches: Branches::default(),
    };
    let sales = ConferenceName::room("sales").expect("a name");
    let routes = vec![
        route("rooms", NumberMatch::Prefix("3".to_owned()), Destination::Conference(Rewrite::NONE)),
        route("sales", NumberMatch::Exact("500".to_owned()), Destination::Service(BuiltinKind::Conference(sales))),
    ];
    let plan = Plan { routes, ..Plan::default() };
    let switch = switch::Config { plan, ..config.switch };
    Simulation::with(seed, PlatformConfig { switch, ..config })
}

/// The registered phones of these accounts; the first says 400, the second 800, the third 1,600.
fn voices<const N: usize>(simulation: &mut Simulation, names: [&str; N]) -> [PhoneIndex; N] {
    let mut voice = VOICE;
    names.map(|name| {
        let phone = simulation.add_registered(name);
        simulation.tell(phone).config.voice = Some(voice);
        voice *= 2;
        phone
    })
}

/// Whom each packet from the `from`th on let a phone hear.
fn heard(simulation: &Simulation, phone: PhoneIndex, from: usize) -> Vec<u16> {
    let levels = &simulation.call(phone).media.hearing.levels;
    let of = |level: &i16| (i32::from(*level) as f64 / f64::from(VOICE)).round().max(0.0) as u16;
    levels.get(from..).unwrap_or_default().iter().map(of).collect()
}

/// How many packets it has got.
fn packets(simulation: &Simulation, phone: PhoneIndex) -> usize {
    simulation.call(phone).media.hearing.levels.len()
}

/// The longest run of packets with nobody in them.
fn longest_silence(heard: &[u16]) -> usize {
    heard.split(|whom| *whom != 0).map(<[u16]>::len).max().unwrap_or(0)
}

#[test]
fn three_in_a_room_hear_the_other_two_and_not_themselves() {
    for (seed, shards, workers) in [(1, 1, 1), (2, 3, 1), (3, 1, 3), (4, 3, 2)] {
        let mut simulation = platform(PlatformConfig { shards, workers, ..PlatformConfig::default() }, seed);
        let phones = voices(&mut simulation, ["alice", "bob", "carol"]);
        for phone in phones {
            simulation.tell(phone).dial("3000");
            simulation.run(ms(300));
        }
        simulation.run(secs(1));
        let marks = phones.map(|phone| packets(&simulation, phone));
        simulation.run(secs(5));
        for ((phone, mark), others) in phones.into_iter().zip(marks).zip([BOB | CAROL, ALICE | CAROL, ALICE | BOB]) {
            let heard = heard(&simulation, phone, mark);
            assert!(heard.len() >= 248, "{}", heard.len());
            assert!(heard.iter().all(|whom| *whom == others), "{phone}: {heard:?}");
        }
        simulation.tell(phones[2]).step(0, Step::HangUp);
        simulation.run(secs(1));
        let mark = packets(&simulation, phones[0]);
        simulation.run(secs(1));
        assert!(heard(&simulation, phones[0], mark).iter().all(|whom| *whom == BOB));
        // In a room one waits alone.
        simulation.tell(phones[1]).step(0, Step::HangUp);
        simulation.run(secs(20));
        assert!(simulation.call(phones[0]).is_up());
        simulation.tell(phones[0]).step(0, Step::HangUp);
        simulation.run(secs(1));
        let records = simulation.platform.records();
        assert!(records.iter().all(|record| record.destination.as_deref() == Some("conference:3000")));
        assert_eq!((records.len(), records[0].outcome), (3, Outcome::Answered));
        simulation.finish();
    }
}

#[test]
fn a_line_that_loses_and_reorders_is_heard_with_gaps_by_the_others() {
    for seed in 1..=4 {
        let mut simulation = platform(PlatformConfig::default(), seed);
        let phones = voices(&mut simulation, ["alice", "bob", "carol"]);
        let bad = Conditions {
            delay: ms(20),
            jitter: ms(30),
            loss_permille: 20,
            duplicate_permille: 20,
            reorder_permille: 20,
        };
        simulation.set_line(phones[0], bad);
        for phone in phones {
            simulation.tell(phone).dial("3000");
            simulation.run(ms(700));
        }
        simulation.run(secs(3));
        let mark = packets(&simulation, phones[1]);
        simulation.run(secs(20));
        let heard = heard(&simulation, phones[1], mark);
        let whole = heard.iter().filter(|whom| **whom == ALICE | CAROL).count();
        let without = heard.iter().filter(|whom| **whom == CAROL).count();
        assert_eq!(whole + without, heard.len(), "Carol is always heard, and nothing else: {heard:?}");
        assert!(without * 100 <= heard.len() * 8, "{without} of {} without Alice", heard.len());
        // The bad line itself tells of nobody but the two others.
        let of_alice = self::heard(&simulation, phones[0], 100);
        assert!(of_alice.iter().all(|whom| *whom & ALICE == 0), "{of_alice:?}");
        for phone in phones {
            simulation.tell(phone).step(0, Step::HangUp);
        }
        simulation.finish();
    }
}

#[test]
fn who_joins_a_call_is_the_third_and_the_two_miss_60_ms_at_most() {
    for (seed, shards, workers) in [(1, 1, 1), (2, 3, 1), (3, 1, 3), (4, 4, 4)] {
        let mut simulation = platform(PlatformConfig { shards, workers, ..PlatformConfig::default() }, seed);
        let [alice, bob, third] = voices(&mut simulation, ["alice", "bob", "bob"]);
        simulation.tell(third).config.behaviour = scenarios::Behaviour::rejects(486);
        connect(&mut simulation, alice, bob);
        simulation.run(secs(2));
        let marks = [alice, bob].map(|phone| packets(&simulation, phone).saturating_sub(50));
        let join = simulation.call(alice).replaces();
        simulation.tell(third).config.headers =
            vec![("Join".to_owned(), join), ("Require".to_owned(), "join".to_owned())];
        simulation.tell(third).dial("alice");
        simulation.run(secs(3));
        assert!([alice, bob, third].iter().all(|&phone| simulation.call(phone).is_up()), "seed {seed}");
        for ((phone, mark), other) in [alice, bob].into_iter().zip(marks).zip([BOB, ALICE]) {
            let heard = heard(&simulation, phone, mark);
            assert!(longest_silence(&heard) <= 3, "seed {seed}: {heard:?}");
            let foreign = heard.iter().filter(|whom| ![0, other, other | CAROL].contains(whom));
            assert_eq!(foreign.count(), 0, "seed {seed}: {heard:?}");
            assert!(heard.ends_with(&[other | CAROL; 50]), "seed {seed}: {heard:?}");
            let gap = simulation.call(phone).media.hearing.longest_gap;
            assert!(gap <= ms(60), "{gap:?} without a packet");
        }
        let of_third = heard(&simulation, third, 10);
        assert!(of_third.ends_with(&[ALICE | BOB; 50]), "seed {seed}: {of_third:?}");
        // Who began the call leaves; the two others go on, and the last one is released.
        simulation.tell(alice).step(0, Step::HangUp);
        simulation.run(secs(2));
        assert!(simulation.call(bob).is_up() && simulation.call(third).is_up());
        assert!(heard(&simulation, bob, 0).ends_with(&[CAROL; 20]));
        let third_call = simulation.phone(third).live_call().expect("it talks");
        simulation.tell(third).step(third_call, Step::HangUp);
        simulation.run(secs(8));
        assert!(!simulation.call(bob).is_up(), "nobody is left to talk to");
        simulation.finish();
    }
}

/// Of a conference that was a call the last one is released after five seconds: nobody is left whom it called. Of a room it waits, as whoever
/// comes first does, and is heard by the next one.
#[test]
fn the_last_one_of_a_joined_call_is_released_and_of_a_room_waits_whatever_is_lost() {
    for seed in 40..46 {
        let mut simulation =
            platform(PlatformConfig { shards: 1 + (seed % 2) as u8, ..PlatformConfig::default() }, seed);
        let [alice, bob, third] = voices(&mut simulation, ["alice", "bob", "bob"]);
        simulation.tell(third).config.behaviour = scenarios::Behaviour::rejects(486);
        let is_room = seed >= 43;
        if is_room {
            for phone in [alice, bob, third] {
                simulation.tell(phone).dial("500");
                simulation.run(secs(1));
            }
        } else {
            connect(&mut simulation, alice, bob);
            simulation.run(secs(1));
            let join = simulation.call(alice).replaces();
            simulation.tell(third).config.headers = vec![("Join".to_owned(), join)];
            simulation.tell(third).dial("alice");
            simulation.run(secs(3));
        }
        assert!([alice, bob, third].iter().all(|&phone| simulation.call(phone).is_up()), "seed {seed}");
        for phone in [alice, bob, third] {
            simulation.set_line(phone, Conditions::rough(120));
        }
        let call = simulation.phone(alice).live_call().expect("a call");
        simulation.tell(alice).step(call, Step::HangUp);
        simulation.run(secs(20));
        assert!([bob, third].iter().all(|&phone| simulation.call(phone).is_up()), "seed {seed}: two talk on");
        let call = simulation.phone(third).live_call().expect("a call");
        simulation.tell(third).step(call, Step::HangUp);
        // The BYE, the five seconds, and a BYE of ours, each of which may be lost some times.
        simulation.run(secs(40));
        assert_eq!(simulation.call(bob).is_up(), is_room, "seed {seed}");
        if is_room {
            simulation.calm();
            simulation.tell(alice).dial("500");
            simulation.run(secs(3));
            assert!(heard(&simulation, alice, 20).ends_with(&[BOB; 50]), "seed {seed}");
            for phone in [alice, bob] {
                let call = simulation.phone(phone).live_call().expect("a call");
                simulation.tell(phone).step(call, Step::HangUp);
            }
        }
        simulation.calm();
        simulation.run(secs(40));
        simulation.finish();
    }
}

/// REFER to an address with Join: on behalf of a party to the call, who talks to somebody else beside.
#[test]
fn who_is_sent_to_join_a_call_is_the_third_there_and_who_sent_it_is_out() {
    const DAVE: u16 = 8;
    for (seed, shards, workers, loss) in [(11, 1, 1, 0), (12, 3, 1, 0), (13, 1, 3, 30), (14, 4, 4, 30)] {
        let mut simulation = platform(PlatformConfig { shards, workers, ..PlatformConfig::default() }, seed);
        let [alice, bob, sender, dave] = voices(&mut simulation, ["alice", "bob", "bob", "dave"]);
        simulation.tell(sender).config.behaviour = scenarios::Behaviour::rejects(486);
        connect(&mut simulation, alice, bob);
        connect(&mut simulation, sender, dave);
        let join = simulation.call(alice).replaces();
        for phone in [sender, dave] {
            simulation.set_line(phone, Conditions { loss_permille: loss, ..Conditions::LOCAL });
        }
        let call = simulation.phone(sender).live_call().expect("it talks");
        simulation.tell(sender).step(call, Step::TransferToJoin("alice".to_owned(), join));
        simulation.run(secs(12));
        simulation.calm();
        simulation.run(secs(2));
        assert!([alice, bob, dave].iter().all(|&phone| simulation.phone(phone).live_call().is_some()), "seed {seed}");
        assert!(simulation.phone(sender).live_call().is_none(), "seed {seed}");
        let referral = simulation.phone(sender).call(call).referral.expect("a referral");
        assert_eq!((referral.response, referral.status), (Some(202), Some(200)), "seed {seed}");
        for (phone, others) in [(alice, BOB | DAVE), (bob, ALICE | DAVE), (dave, ALICE | BOB)] {
            let heard = heard(&simulation, phone, 0);
            assert!(heard.ends_with(&[others; 50]), "seed {seed}: {heard:?}");
        }
        for phone in [alice, bob, dave] {
            let call = simulation.phone(phone).live_call().expect("it talks");
            simulation.tell(phone).step(call, Step::HangUp);
            simulation.run(ms(200));
        }
        simulation.run(secs(40));
        simulation.finish();
    }
}

#[test]
fn who_may_not_join_sends_nobody_there_and_talks_on() {
    let mut simulation = platform(PlatformConfig::default(), 15);
    let [alice, bob, carol, dave] = voices(&mut simulation, ["alice", "bob", "carol", "dave"]);
    connect(&mut simulation, alice, bob);
    connect(&mut simulation, carol, dave);
    let join = simulation.call(alice).replaces();
    let own = simulation.call(carol).replaces();
    for value in [join, own, "none@here;to-tag=1;from-tag=2".to_owned()] {
        simulation.tell(carol).step(0, Step::TransferToJoin("alice".to_owned(), value));
        simulation.run(secs(3));
        let referral = simulation.phone(carol).call(0).referral.expect("a referral");
        assert!(referral.response.is_some_and(|status| status >= 400), "{referral:?}");
        assert!([alice, bob, carol, dave].iter().all(|&phone| simulation.call(phone).is_up()));
    }
    for phone in [alice, carol] {
        simulation.tell(phone).step(0, Step::HangUp);
    }
    simulation.run(secs(2));
    simulation.finish();
}

#[test]
fn who_was_on_hold_is_off_hold_once_somebody_joins() {
    let mut simulation = platform(PlatformConfig::default(), 5);
    let [alice, bob, third] = voices(&mut simulation, ["alice", "bob", "bob"]);
    simulation.tell(third).config.behaviour = scenarios::Behaviour::rejects(486);
    connect(&mut simulation, alice, bob);
    simulation.run(secs(1));
    simulation.tell(alice).step(0, Step::Hold(HoldStyle::SendOnly));
    simulation.run(secs(1));
    let join = simulation.call(alice).replaces();
    simulation.tell(third).config.headers = vec![("Join".to_owned(), join)];
    simulation.tell(third).dial("alice");
    simulation.run(secs(4));
    assert!(
        heard(&simulation, third, 0).ends_with(&[ALICE | BOB; 20])
            || heard(&simulation, third, 0).ends_with(&[BOB; 20])
    );
    assert!(heard(&simulation, bob, 0).iter().rev().take(20).all(|whom| whom & CAROL != 0), "Bob hears who joined");
    simulation.tell(alice).step(0, Step::Retrieve);
    simulation.run(secs(2));
    assert!(heard(&simulation, alice, 0).ends_with(&[BOB | CAROL; 20]), "{:?}", heard(&simulation, alice, 0));
    for phone in [alice, bob, third] {
        let call = simulation.phone(phone).live_call().expect("it talks");
        simulation.tell(phone).step(call, Step::HangUp);
    }
    simulation.finish();
}

#[test]
fn who_may_not_join_is_refused_and_the_call_goes_on() {
    let mut simulation = platform(PlatformConfig::default(), 6);
    let [alice, bob, carol] = voices(&mut simulation, ["alice", "bob", "carol"]);
    connect(&mut simulation, alice, bob);
    simulation.run(secs(1));
    let mark = packets(&simulation, alice);
    let join = simulation.call(alice).replaces();
    for (header, status) in [(join, 403), ("none@here;to-tag=1;from-tag=2".to_owned(), 481)] {
        simulation.tell(carol).config.headers = vec![("Join".to_owned(), header)];
        simulation.tell(carol).dial("alice");
        simulation.run(secs(2));
        assert_eq!(simulation.call(carol).ending, Some(Ending::Refused(status)));
    }
    assert!(heard(&simulation, alice, mark).iter().all(|whom| *whom == BOB), "nobody noticed");
    simulation.tell(alice).step(0, Step::HangUp);
    simulation.finish();
}

#[test]
fn a_member_has_another_one_invited() {
    for (seed, lossy) in [(11, false), (12, true)] {
        let mut simulation = platform(PlatformConfig { workers: 2, ..PlatformConfig::default() }, seed);
        let [alice, bob, carol] = voices(&mut simulation, ["alice", "bob", "carol"]);
        if lossy {
            for phone in [alice, carol] {
                simulation.set_line(phone, Conditions { loss_permille: 50, ..Conditions::LOCAL });
            }
        }
        for phone in [alice, bob] {
            simulation.tell(phone).dial("500");
        }
        simulation.run(secs(4));
        simulation.tell(alice).step(0, Step::Transfer("carol".to_owned()));
        simulation.run(secs(12));
        let referral = simulation.phone(alice).call(0).referral.expect("a referral");
        assert_eq!((referral.response, referral.status, referral.terminated), (Some(202), Some(200), true));
        for (phone, others) in [(alice, BOB | CAROL), (bob, ALICE | CAROL), (carol, ALICE | BOB)] {
            assert!(simulation.call(phone).is_up());
            let heard = heard(&simulation, phone, 0);
            let last = &heard[heard.len() - 20..];
            assert!(last.iter().filter(|whom| **whom == others).count() > 10, "{phone}: {last:?}");
        }
        for phone in [alice, bob, carol] {
            simulation.tell(phone).step(0, Step::HangUp);
        }
        simulation.finish();
    }
}

#[test]
fn a_member_that_vanishes_leaves_its_seat() {
    let mut simulation = platform(PlatformConfig::default(), 7);
    let phones = voices(&mut simulation, ["alice", "bob", "carol"]);
    for phone in phones {
        simulation.tell(phone).dial("500");
    }
    simulation.run(secs(3));
    // Its line is dead: neither BYE nor sound.
    simulation.set_line(phones[2], Conditions { loss_permille: 1_000, ..Conditions::LOCAL });
    simulation.run(secs(120));
    let seats = simulation.platform.workers().map(|voice| voice.pairs_used()).sum::<usize>();
    assert_eq!(seats, 2, "its port is free");
    let mark = packets(&simulation, phones[0]);
    simulation.run(secs(1));
    assert!(heard(&simulation, phones[0], mark).iter().all(|whom| *whom == BOB));
    simulation.set_line(phones[2], Conditions::LOCAL);
    for phone in phones {
        simulation.tell(phone).step(0, Step::HangUp);
    }
    simulation.finish_quietly();
}

#[test]
fn a_full_room_is_busy() {
    let mut simulation = platform(PlatformConfig::default(), 8);
    let count = media::limits::SEATS;
    let phones: Vec<_> = (0..=count)
        .map(|number| {
            let mut config = simulation.phone_config("alice");
            config.address.set_ip(std::net::Ipv4Addr::new(198, 51, 101, number as u8).into());
            config.registers = false;
            config.voice = Some(0);
            simulation.add(config)
        })
        .collect();
    for &phone in &phones {
        simulation.tell(phone).dial("500");
        simulation.run(ms(20));
    }
    simulation.run(secs(2));
    let up = phones.iter().filter(|&&phone| simulation.call(phone).is_up()).count();
    assert_eq!(up, count);
    assert_eq!(simulation.call(phones[count]).ending, Some(Ending::Refused(486)));
    for &phone in &phones[..count] {
        simulation.tell(phone).step(0, Step::HangUp);
    }
    simulation.finish();
}

#[test]
fn who_is_there_is_told_to_who_follows_it() {
    for (seed, shards, lossy) in [(9, 1, false), (10, 3, true)] {
        let mut simulation = platform(PlatformConfig { shards, ..PlatformConfig::default() }, seed);
        let [alice, bob, carol] = voices(&mut simulation, ["alice", "bob", "carol"]);
        if lossy {
            let line = Conditions { loss_permille: 80, jitter: ms(30), ..Conditions::LOCAL };
            simulation.set_line(alice, line);
        }
        simulation.tell(alice).dial("500");
        simulation.run(secs(4));
        assert!(simulation.call(alice).target.contains("sales@"), "{}", simulation.call(alice).target);
        let watch = simulation.tell(alice).watch("conference", "sales", 600);
        simulation.run(secs(8));
        let last = |simulation: &Simulation| simulation.phone(alice).watches()[watch].last().to_owned();
        assert!(
            last(&simulation).contains("state=\"full\"") && last(&simulation).contains("sip:alice@"),
            "{}",
            last(&simulation)
        );
        simulation.tell(bob).dial("500");
        simulation.tell(carol).dial("3000");
        simulation.run(secs(12));
        assert!(last(&simulation).contains("state=\"partial\""), "{}", last(&simulation));
        assert!(last(&simulation).contains("<user-count>2</user-count>") && last(&simulation).contains("sip:bob@"));
        simulation.tell(bob).step(0, Step::HangUp);
        simulation.run(secs(12));
        assert!(last(&simulation).contains("<user-count>1</user-count>"), "{}", last(&simulation));
        assert!(last(&simulation).contains("state=\"deleted\"") && !last(&simulation).contains("carol"));
        simulation.tell(alice).unwatch(watch);
        for phone in [alice, carol] {
            simulation.tell(phone).step(0, Step::HangUp);
        }
        simulation.finish();
    }
}

/// One thing that happens.
fn happens(simulation: &mut Simulation, phones: &[PhoneIndex]) {
    let random = simulation.random();
    let (what, which, other) = (random.below(12), random.below(phones.len() as u64) as usize, random.below(6) as usize);
    let phone = phones[which];
    let live = simulation.phone(phone).live_call();
    match (what, live) {
        (0..=4, _) => {
            let number = ["3000", "500", "alice", "bob", "carol", "nobody"][other];
            simulation.tell(phone).config.headers.clear();
            simulation.tell(phone).dial(number);
        }
        // The other phone of the same account joins.
        (5..=7, Some(call)) if simulation.phone(phone).call(call).is_up() => {
            let join = simulation.phone(phone).call(call).replaces();
            let joining = phones[which ^ 1];
            simulation.tell(joining).config.headers = vec![("Join".to_owned(), join)];
            simulation.tell(joining).dial("whoever");
            simulation.tell(joining).config.headers.clear();
        }
        (_, Some(call)) => {
            let step = match what {
                8 => Step::Hold(HoldStyle::SendOnly),
                9 => Step::Retrieve,
                10 => Step::Transfer(["500", "3000", "bob", "carol", "alice", "nobody"][other].to_owned()),
                _ => Step::HangUp,
            };
            simulation.tell(phone).step(call, step);
        }
        (_, None) => {}
    }
}

/// Rooms, joins, transfers and holds at random: nothing is left of any, whatever the network loses.
#[test]
fn whatever_members_do_nothing_is_left() {
    crate::random_calls::each_seed(12, |seed| {
        let config = PlatformConfig {
            shards: 1 + (seed % 3) as u8,
            workers: 1 + (seed / 3 % 3) as u8,
            ..PlatformConfig::default()
        };
        let mut simulation = platform(config, seed);
        // Who was one end of a call is a member of its own once somebody has joined, and leaves when it likes.
        simulation.grace = secs(120);
        let phones = ["alice", "alice", "bob", "bob", "carol", "carol"].map(|name| simulation.add_registered(name));
        for phone in phones {
            let answers = scenarios::Behaviour::answers(ms(simulation.random().below(1_500)));
            simulation.tell(phone).config.behaviour = answers;
            if seed % 2 == 1 {
                let loss = simulation.random().below(120) as u16;
                simulation.set_line(phone, Conditions::rough(loss));
            }
        }
        for _ in 0..24 {
            happens(&mut simulation, &phones);
            let pause = simulation.random().below(1_500);
            simulation.run(ms(pause));
        }
        for phone in phones {
            while let Some(call) = simulation.phone(phone).live_call() {
                simulation.tell(phone).step(call, Step::HangUp);
                simulation.run(secs(1));
                if simulation.phone(phone).live_call() == Some(call) {
                    break;
                }
            }
        }
        simulation.run(secs(60));
        simulation.finish();
    });
}

//! A call that rings at one phone is answered at another.

use crate::{connect, ms, secs};
use router::parameter::Outcome;
use scenarios::phone::BOTH_WAYS;
use scenarios::simulation::PhoneIndex;
use scenarios::{Behaviour, Conditions, Ending, PhoneConfig, PlatformConfig, Simulation, Step};
use switch::plan::{Branches, Destination, NumberMatch, OriginMatch, PickUpGroup, Plan, Rewrite, Route};

fn platform(seed: u64) -> Simulation {
    platform_of(seed, PlatformConfig::default().shards)
}

/// Bob and Carol may pick up each other's calls, by `*8` and the number, or by `*8` alone.
fn platform_of(seed: u64, shards: u8) -> Simulation {
    let members = ["bob", "carol"].map(str::to_owned).to_vec();
    let group = PickUpGroup { name: "sales".to_owned(), members, by: Vec::new() };
    let code = Route {
        name: "pick up".to_owned(),
        number: NumberMatch::Prefix("*8".to_owned()),
        origin: OriginMatch::Accounts,
        hours: None,
        destination: Destination::PickUp(Rewrite { strip: 2, ..Rewrite::NONE }),
        branches: Branches::default(),
    };
    let plan = Plan { pick_up_groups: vec![group], routes: vec![code], ..Plan::default() };
    let switch = switch::Config { plan, ..switch::Config::default() };
    Simulation::with(seed, PlatformConfig { switch, shards, workers: 2, ..PlatformConfig::default() })
}

/// The value of Replaces that a telephone makes of the document of a lamp: of the first dialog in that state, the way that RFC 4235 and
/// RFC 3891 have it, or with both tags taken for each other, as some do.
fn replaces_of(document: &str, state: &str, swapped: bool) -> Option<String> {
    let (before, _) = document.split_once(&format!("<state>{state}</state>"))?;
    let (_, dialog) = before.rsplit_once("<dialog ")?;
    let value = |name: &str| dialog.split_once(&format!("{name}=\"")).and_then(|(_, rest)| rest.split('"').next());
    let (mut own, mut peer) = (value("local-tag")?, value("remote-tag")?);
    if swapped {
        (own, peer) = (peer, own);
    }
    // XML escapes nothing of what stands in a Call-ID here.
    Some(format!("{};to-tag={own};from-tag={peer}", value("call-id")?))
}

/// What a lamp was last told, as Replaces.
fn shown(simulation: &Simulation, phone: PhoneIndex, watch: usize, state: &str, swapped: bool) -> String {
    let document = simulation.phone(phone).watches()[watch].last();
    replaces_of(document, state, swapped).unwrap_or_else(|| panic!("no {state} dialog in {document}"))
}

fn assert_talk(simulation: &Simulation, one: PhoneIndex, other: PhoneIndex, what: &str) {
    for (own, peer) in [(one, other), (other, one)] {
        let (call, speaker) = (simulation.call(own), simulation.call(peer).media.speaker());
        assert!(call.is_up(), "{what}: {own} {:?} {:?}", call.ending, call.reason);
        assert_eq!(call.media.direction(), BOTH_WAYS, "{what}");
        let packets = call.media.hearing.speakers.get(&speaker).copied().unwrap_or(0);
        assert!(packets > 60, "{what}: {own} heard {packets} of {peer}");
    }
}

#[test]
fn by_the_dialog_that_a_lamp_shows() {
    // As RFC 4235 tells it: the ringing phone's own tag and the other one; some phones take them for each other.
    for swapped in [false, true] {
        let mut simulation = platform(1);
        let [alice, bob, carol, dave] = ["alice", "bob", "carol", "dave"].map(|name| simulation.add_registered(name));
        simulation.tell(bob).config.behaviour = Behaviour::rings();
        simulation.tell(alice).dial("bob");
        simulation.run(secs(1));
        let [call_id, to, from]: [String; 3] = {
            let replaces = simulation.call(bob).replaces();
            let parts: Vec<_> = replaces.split(';').map(str::to_owned).collect();
            parts.try_into().expect("three")
        };
        let replaces = match swapped {
            false => format!("{call_id};{to};{from};early-only"),
            true => {
                let (to, from) = (to.replacen("to-tag", "from-tag", 1), from.replacen("from-tag", "to-tag", 1));
                format!("{call_id};{to};{from};early-only")
            }
        };
        for phone in [dave, carol] {
            simulation.tell(phone).config.headers = vec![("Replaces".to_owned(), replaces.clone())];
            simulation.tell(phone).dial("bob");
            simulation.run(secs(2));
        }
        assert_eq!(simulation.call(dave).ending, Some(Ending::Refused(403)), "of no group");
        assert!(simulation.call(alice).is_up() && simulation.call(carol).is_up());
        let reason = simulation.call(bob).reason.clone().unwrap_or_default();
        assert_eq!(simulation.call(bob).ending, Some(Ending::Cancelled));
        assert!(reason.contains("cause=200"), "no call is missed that was picked up: {reason}");
        let speaker = simulation.call(carol).media.speaker();
        assert!(simulation.call(alice).media.hearing.speakers.get(&speaker).is_some_and(|&packets| packets > 60));
        simulation.tell(alice).step(0, Step::HangUp);
        simulation.run(ms(500));
        let records = simulation.platform.records();
        let picked_up = records.iter().find(|record| record.outcome == Outcome::Answered).expect("a record");
        assert_eq!((picked_up.called.user(), picked_up.destination.as_deref()), ("bob", Some("carol")));
        simulation.finish();
    }
}

/// A phone whose 180 cannot be lost.
fn acknowledging(simulation: &mut Simulation, name: &str) -> PhoneIndex {
    let config = PhoneConfig { reliable: true, ..simulation.phone_config(name) };
    simulation.add_and_register(config)
}

/// A lamp's document, once it shows that state.
fn watched(simulation: &mut Simulation, phone: PhoneIndex, watch: usize, state: &str) {
    let state = format!("<state>{state}</state>");
    let so = |simulation: &mut Simulation| simulation.phone(phone).watches()[watch].last().contains(&state);
    assert!(simulation.run_until(secs(60), so), "the lamp shows no {state}");
}

#[test]
fn by_the_document_that_a_lamp_was_sent_on_whatever_shard_it_rings() {
    for shards in [1, 3, 4] {
        for seed in 0..10 {
            let what = format!("{shards} shards, seed {seed}");
            let mut simulation = platform_of(100 + seed, shards);
            let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| acknowledging(&mut simulation, name));
            let rough = seed >= 6;
            if rough {
                simulation.grace = secs(12);
                [alice, bob, carol].into_iter().for_each(|phone| simulation.set_line(phone, Conditions::rough(80)));
            }
            simulation.tell(bob).config.behaviour = Behaviour::rings();
            let watch = simulation.tell(carol).watch("dialog", "bob", 600);
            simulation.run(secs(2));
            simulation.tell(alice).dial("bob");
            watched(&mut simulation, carol, watch, "early");
            let replaces = format!("{};early-only", shown(&simulation, carol, watch, "early", seed % 2 == 1));
            simulation.tell(carol).config.headers = vec![("Replaces".to_owned(), replaces)];
            simulation.tell(carol).dial("bob");
            simulation.run(if rough { secs(20) } else { secs(3) });
            simulation.calm();
            simulation.run(secs(2));
            assert_talk(&simulation, alice, carol, &what);
            assert_eq!(simulation.call(bob).ending, Some(Ending::Cancelled), "{what}");
            simulation.tell(alice).step(0, Step::HangUp);
            simulation.run(secs(40));
            let last = simulation.phone(carol).watches()[watch].last();
            assert!(!last.contains("<state>early") && !last.contains("<state>confirmed"), "{what}: {last}");
            simulation.finish();
        }
    }
}

#[test]
fn a_call_that_is_up_is_taken_over_by_its_dialog_by_another_phone_of_the_account() {
    for shards in [1, 3] {
        for seed in 0..8 {
            let what = format!("{shards} shards, seed {seed}");
            let mut simulation = platform_of(200 + seed, shards);
            let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| simulation.add_registered(name));
            // Another phone on Bob's desk.
            let config = PhoneConfig { behaviour: Behaviour::rings(), ..simulation.phone_config("bob") };
            let desk = simulation.add_and_register(config);
            let watches = [carol, desk].map(|phone| simulation.tell(phone).watch("dialog", "bob", 600));
            simulation.run(secs(1));
            connect(&mut simulation, alice, bob);
            for (phone, watch) in [carol, desk].into_iter().zip(watches) {
                watched(&mut simulation, phone, watch, "confirmed");
            }
            simulation.run(secs(2));
            let replaces = shown(&simulation, carol, watches[0], "confirmed", false);
            for (phone, more, status) in [(desk, ";early-only", 486), (carol, "", 403)] {
                simulation.tell(phone).config.headers = vec![("Replaces".to_owned(), format!("{replaces}{more}"))];
                simulation.tell(phone).dial("bob");
                simulation.run(secs(1));
                assert_eq!(simulation.call(phone).ending, Some(Ending::Refused(status)), "{what}");
            }
            let replaces = shown(&simulation, desk, watches[1], "confirmed", false);
            simulation.tell(desk).config.headers = vec![("Replaces".to_owned(), replaces)];
            simulation.tell(desk).dial("bob");
            simulation.run(secs(4));
            assert_talk(&simulation, alice, desk, &what);
            assert_eq!(simulation.call(bob).ending, Some(Ending::PeerHungUp), "{what}");
            simulation.finish();
        }
    }
}

#[test]
fn by_a_number_whatever_shard_it_rings_on_the_one_that_waits_longest_first() {
    for shards in [1, 2, 4] {
        for seed in 0..12 {
            let what = format!("{shards} shards, seed {seed}");
            let mut simulation = platform_of(300 + seed, shards);
            let names = ["alice", "bob", "carol", "dave"];
            let [alice, bob, carol, dave] = names.map(|name| {
                let late_offer = name == "carol" && seed % 4 == 3;
                let config = PhoneConfig { late_offer, reliable: true, ..simulation.phone_config(name) };
                simulation.add_and_register(config)
            });
            let rough = seed >= 8;
            if rough {
                simulation.grace = secs(12);
                [alice, bob, carol, dave]
                    .into_iter()
                    .for_each(|phone| simulation.set_line(phone, Conditions::rough(60)));
            }
            simulation.tell(bob).config.behaviour = Behaviour::rings();
            simulation.tell(alice).dial("bob");
            let rings = |simulation: &mut Simulation| simulation.phone(bob).calls().len() == 1;
            assert!(simulation.run_until(secs(30), rings), "{what}");
            simulation.run(secs(2));
            simulation.tell(dave).dial("bob");
            let rings = |simulation: &mut Simulation| simulation.phone(bob).calls().len() == 2;
            assert!(simulation.run_until(secs(30), rings), "{what}");
            simulation.run(secs(2));
            // Who is of no group picks nothing up.
            let refused = simulation.tell(dave).dial("*8bob");
            simulation.run(if rough { secs(20) } else { secs(1) });
            assert_eq!(simulation.phone(dave).call(refused).ending, Some(Ending::Refused(403)), "{what}");
            simulation.tell(carol).dial(if seed % 2 == 0 { "*8" } else { "*8bob" });
            simulation.run(if rough { secs(20) } else { secs(3) });
            simulation.calm();
            simulation.run(secs(3));
            // Who calls without an offer cannot be told one before there is an answer: neither could be described to the other.
            if simulation.phone(carol).config.late_offer {
                assert_eq!(simulation.call(carol).ending, Some(Ending::Refused(488)), "{what}");
                simulation.finish();
                continue;
            }
            assert_talk(&simulation, alice, carol, &what);
            assert!(simulation.phone(dave).call(0).ending.is_none(), "{what}: Dave still hears it ring");
            simulation.tell(alice).step(0, Step::HangUp);
            simulation.run(secs(2));
            let records = simulation.platform.records();
            let picked_up = records.iter().find(|record| {
                record.caller.user() == "alice" && record.outcome == Outcome::Answered && record.joined_from.is_none()
            });
            let picked_up = picked_up.unwrap_or_else(|| panic!("{what}: {records:?}"));
            assert_eq!((picked_up.called.user(), picked_up.destination.as_deref()), ("bob", Some("carol")), "{what}");
            simulation.finish();
        }
    }
}

#[test]
fn with_nothing_that_rings_anywhere_a_pick_up_is_refused() {
    for shards in [1, 4] {
        let mut simulation = platform_of(5, shards);
        let carol = simulation.add_registered("carol");
        for number in ["*8", "*8bob"] {
            simulation.tell(carol).dial(number);
            simulation.run(secs(1));
            assert_eq!(simulation.call(carol).ending, Some(Ending::Refused(480)), "{number}");
        }
        simulation.finish();
    }
}

#[test]
fn whoever_gives_up_while_a_call_is_picked_up_on_another_shard_leaves_nothing() {
    for leaver in 0..3 {
        for after in [0, 1, 2, 3, 4, 5, 6, 8, 11, 20] {
            for seed in 0..3 {
                let mut simulation = platform_of(400 + seed, 3);
                let phones = ["alice", "bob", "carol"].map(|name| simulation.add_registered(name));
                let [alice, bob, carol] = phones;
                simulation.tell(bob).config.behaviour = Behaviour::rings();
                simulation.tell(alice).dial("bob");
                simulation.run(secs(1));
                simulation.tell(carol).dial("*8");
                simulation.run(ms(after));
                simulation.tell(phones[leaver]).step(0, Step::HangUp);
                simulation.run(secs(4));
                simulation.finish();
            }
        }
    }
}

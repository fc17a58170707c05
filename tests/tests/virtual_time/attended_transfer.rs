//! One party asks a third one first, and then sends the other there: two calls become one, and nobody who stays notices more than
//! that somebody else speaks.

use crate::{connect, ms, secs, with_phones};
use router::parameter::{CallRecord, CauseKind, Outcome};
use scenarios::phone::{BOTH_WAYS, Referral};
use scenarios::simulation::PhoneIndex;
use scenarios::{Behaviour, Conditions, HoldStyle, PlatformConfig, Simulation, Step};

/// Longest silence for who stays: two packets and the time that they take.
const SILENCE_MS: u64 = 60;

fn assert_talk(simulation: &Simulation, phones: [(PhoneIndex, usize); 2]) {
    for (own, other) in [(phones[0], phones[1]), (phones[1], phones[0])] {
        let call = simulation.phone(own.0).call(own.1);
        assert!(call.is_up(), "{own:?}: {:?}", call.ending);
        assert_eq!(call.media.direction(), BOTH_WAYS);
        let speaker = simulation.phone(other.0).call(other.1).media.speaker();
        assert!(
            call.media.hearing.speakers.get(&speaker).is_some_and(|&packets| packets > 60),
            "{own:?} hears {other:?}"
        );
    }
}

fn record_of(records: &[CallRecord], caller: &str, called: &str) -> CallRecord {
    let of = |record: &&CallRecord| record.caller.user() == caller && record.called.user() == called;
    records.iter().find(of).unwrap_or_else(|| panic!("{caller} to {called}: {records:?}")).clone()
}

#[test]
fn who_stays_hears_the_third_party_within_60_ms() {
    for (seed, called_first, called_then) in [(1, true, false), (2, false, false), (3, true, true), (4, false, true)] {
        let (mut simulation, [alice, bob, carol]) = with_phones(seed, ["alice", "bob", "carol"]);
        let [first, then] = [(called_first, alice), (called_then, carol)];
        for (called, other) in [first, then] {
            let (from, to) = if called { (other, bob) } else { (bob, other) };
            connect(&mut simulation, from, to);
            simulation.run(secs(2));
        }
        simulation.tell(bob).step(0, Step::TransferToOther);
        simulation.run(secs(3));
        let referral = simulation.phone(bob).call(0).referral.expect("a referral");
        assert_eq!(referral, Referral { response: Some(202), status: Some(200), terminated: true });
        assert!(simulation.phone(bob).calls().iter().all(|call| !call.is_live()), "Bob is free");
        assert_talk(&simulation, [(alice, 0), (carol, 0)]);
        for phone in [alice, carol] {
            let gap = simulation.call(phone).media.hearing.longest_gap;
            assert!(gap <= ms(SILENCE_MS), "{gap:?} of silence");
        }
        simulation.tell(carol).step(0, Step::HangUp);
        simulation.run(secs(1));
        let records = simulation.platform.records();
        let joined = record_of(&records, "alice", "carol");
        assert_eq!((records.len(), joined.outcome), (3, Outcome::Answered));
        let from = [joined.transferred_from.clone(), joined.joined_from.clone()];
        for id in from {
            let former = records.iter().find(|record| Some(&record.id) == id.as_ref()).expect("a record");
            assert_eq!(former.transferred_as.as_ref(), Some(&joined.id));
            assert_eq!(former.cause.as_ref().map(|cause| cause.kind), Some(CauseKind::Transferred));
        }
        simulation.finish();
    }
}

#[test]
fn who_was_on_hold_is_off_hold_and_talks() {
    for (seed, style) in [HoldStyle::SendOnly, HoldStyle::Inactive, HoldStyle::ZeroAddress].into_iter().enumerate() {
        for both in [false, true] {
            let (mut simulation, [alice, bob, carol]) = with_phones(seed as u64, ["alice", "bob", "carol"]);
            connect(&mut simulation, alice, bob);
            simulation.run(secs(2));
            simulation.tell(bob).step(0, Step::Hold(style));
            simulation.run(secs(1));
            connect(&mut simulation, bob, carol);
            simulation.run(secs(2));
            if both {
                simulation.tell(bob).step(1, Step::Hold(style));
                simulation.run(secs(1));
            }
            simulation.tell(bob).step(0, Step::TransferToOther);
            simulation.run(secs(4));
            assert_talk(&simulation, [(alice, 0), (carol, 0)]);
            simulation.finish();
        }
    }
}

/// Three phones on so many shards.
fn on_shards(seed: u64, shards: u8) -> (Simulation, [PhoneIndex; 3]) {
    let config = PlatformConfig { workers: 2, shards, ..PlatformConfig::default() };
    let mut simulation = Simulation::with(seed, config);
    let phones = ["alice", "bob", "carol"].map(|name| simulation.add_registered(name));
    (simulation, phones)
}

#[test]
fn who_is_sent_to_a_telephone_that_rings_waits_for_it_on_whatever_shard() {
    for shards in [1, 3] {
        for seed in 0..if shards == 1 { 2 } else { 12 } {
            let what = format!("{shards} shards, seed {seed}");
            let (mut simulation, [alice, bob, carol]) = on_shards(1 + seed, shards);
            simulation.tell(carol).config.behaviour = Behaviour::answers(secs(4));
            connect(&mut simulation, alice, bob);
            simulation.run(secs(1));
            simulation.tell(bob).step(0, Step::Hold(HoldStyle::SendOnly));
            simulation.run(secs(1));
            simulation.tell(bob).dial("carol");
            simulation.run(secs(1));
            simulation.tell(bob).step(0, Step::TransferToOther);
            simulation.run(ms(500));
            if seed % 2 == 1 {
                simulation.tell(bob).step(0, Step::HangUp);
            }
            simulation.run(secs(6));
            assert_eq!(simulation.phone(carol).calls().len(), 1, "{what}: it rang once");
            assert_talk(&simulation, [(alice, 0), (carol, 0)]);
            assert!(simulation.call(alice).media.hearing.foreign > 20, "{what}: the ringing tone");
            let referral = simulation.phone(bob).call(0).referral.expect("a referral");
            let told = (referral.response, referral.status, referral.terminated);
            assert_eq!(told, (Some(202), Some(200), true), "{what}");
            simulation.tell(alice).step(0, Step::HangUp);
            simulation.run(secs(1));
            let records = simulation.platform.records();
            let joined = record_of(&records, "alice", "carol");
            assert_eq!((records.len(), joined.outcome), (3, Outcome::Answered), "{what}");
            simulation.finish();
        }
    }
}

#[test]
fn a_telephone_that_rings_and_declines_leaves_the_two_together_on_whatever_shard() {
    for shards in [1, 3] {
        for seed in 0..if shards == 1 { 2 } else { 12 } {
            let (mut simulation, [alice, bob, carol]) = on_shards(3 + seed, shards);
            simulation.tell(carol).config.behaviour =
                Behaviour { ring: Some(ms(50)), then: scenarios::Then::Reject(secs(3), 486), ..Behaviour::default() };
            connect(&mut simulation, alice, bob);
            simulation.run(secs(1));
            simulation.tell(bob).dial("carol");
            simulation.run(secs(1));
            simulation.tell(bob).step(0, Step::TransferToOther);
            simulation.run(secs(6));
            let referral = simulation.phone(bob).call(0).referral.expect("a referral");
            let told = (referral.response, referral.status, referral.terminated);
            assert_eq!(told, (Some(202), Some(486), true), "{shards} shards, seed {seed}");
            assert_talk(&simulation, [(alice, 0), (bob, 0)]);
            simulation.finish();
        }
    }
}

/// Whatever is lost, she is with whom she was sent to, or where that one declines with who sent her.
#[test]
fn who_is_sent_to_a_telephone_that_rings_gets_there_or_stays_whatever_is_lost() {
    for seed in 0..12 {
        let declines = seed % 3 == 2;
        let what = format!("seed {seed}, declines: {declines}");
        let (mut simulation, phones) = on_shards(40 + seed, if seed % 2 == 0 { 1 } else { 3 });
        let [alice, bob, carol] = phones;
        simulation.grace = secs(12);
        // That it rings is heard of for certain.
        for phone in [bob, carol] {
            simulation.tell(phone).config.reliable = true;
        }
        simulation.tell(carol).config.behaviour = match declines {
            true => Behaviour { then: scenarios::Then::Reject(secs(14), 486), ..Behaviour::default() },
            false => Behaviour::answers(secs(14)),
        };
        connect(&mut simulation, alice, bob);
        simulation.run(secs(1));
        phones.into_iter().for_each(|phone| simulation.set_line(phone, Conditions::rough(80)));
        simulation.tell(bob).dial("carol");
        let rings = simulation.run_until(secs(10), |simulation| simulation.call(bob).provisional.contains(&180));
        assert!(rings, "{what}");
        simulation.tell(bob).step(0, Step::TransferToOther);
        simulation.run(secs(45));
        simulation.calm();
        simulation.run(secs(5));
        let stays = if declines { bob } else { carol };
        for phone in [alice, stays] {
            assert!(simulation.phone(phone).live_call().is_some(), "{what}: {:?}", simulation.call(phone).ending);
        }
        assert_talk(&simulation, [(alice, 0), (stays, 0)]);
        simulation.finish();
    }
}

#[test]
fn a_phone_that_wants_no_notify_gets_none() {
    for blind in [true, false] {
        let (mut simulation, [alice, bob, carol]) = with_phones(4, ["alice", "bob", "carol"]);
        simulation.tell(bob).config.wants_notifies = false;
        connect(&mut simulation, alice, bob);
        simulation.run(secs(1));
        if blind {
            simulation.tell(bob).step(0, Step::Transfer("carol".to_owned()));
        } else {
            connect(&mut simulation, bob, carol);
            simulation.run(secs(1));
            simulation.tell(bob).step(0, Step::TransferToOther);
        }
        simulation.run(secs(4));
        let referral = simulation.phone(bob).call(0).referral.expect("a referral");
        assert_eq!(referral, Referral { response: Some(202), status: None, terminated: false });
        assert_talk(&simulation, [(alice, 0), (carol, 0)]);
        simulation.finish();
    }
}

#[test]
fn over_a_network_that_loses_the_two_are_joined_all_the_same() {
    for seed in 0..12 {
        let (mut simulation, [alice, bob, carol]) = with_phones(seed, ["alice", "bob", "carol"]);
        simulation.grace = secs(12);
        for phone in [alice, bob, carol] {
            simulation.set_line(phone, Conditions::rough(80));
        }
        connect(&mut simulation, alice, bob);
        simulation.run(secs(2));
        connect(&mut simulation, bob, carol);
        simulation.run(secs(2));
        simulation.tell(bob).step(0, Step::TransferToOther);
        simulation.run(secs(15));
        simulation.calm();
        simulation.run(secs(5));
        for phone in [alice, carol] {
            assert!(simulation.call(phone).is_up(), "{:?}", simulation.call(phone).ending);
        }
        simulation.finish();
    }
}

#[test]
fn whoever_hangs_up_at_whatever_moment_nothing_is_left() {
    for leaver in 0..3 {
        for after in [0, 1, 2, 3, 5, 8, 13, 21, 40, 80] {
            for (answers, shards) in [(true, 1), (false, 1), (true, 3), (false, 3)] {
                let (mut simulation, phones) = on_shards(after, shards);
                let [alice, bob, carol] = phones;
                if !answers {
                    simulation.tell(carol).config.behaviour = Behaviour::answers(secs(3));
                }
                connect(&mut simulation, alice, bob);
                simulation.run(secs(1));
                simulation.tell(bob).dial("carol");
                simulation.run(secs(2));
                simulation.tell(bob).step(0, Step::TransferToOther);
                simulation.run(ms(after));
                for call in 0..simulation.phone(phones[leaver]).calls().len() {
                    simulation.tell(phones[leaver]).step(call, Step::HangUp);
                }
                simulation.run(secs(8));
                simulation.finish();
            }
        }
    }
}

#[test]
fn another_phone_of_the_same_account_takes_the_call_over() {
    let (mut simulation, [alice, bob, desk]) = with_phones(5, ["alice", "bob", "bob"]);
    simulation.tell(desk).config.behaviour = Behaviour::rings();
    connect(&mut simulation, alice, bob);
    simulation.run(secs(2));
    let replaces = simulation.phone(bob).call(0).replaces();
    simulation.tell(desk).config.headers.push(("Replaces".to_owned(), replaces));
    let call = simulation.tell(desk).dial("alice");
    simulation.run(secs(3));
    assert!(!simulation.phone(bob).call(0).is_live());
    assert_talk(&simulation, [(alice, 0), (desk, call)]);
    let gap = simulation.call(alice).media.hearing.longest_gap;
    assert!(gap <= ms(SILENCE_MS + 20), "{gap:?} of silence: the phone's first packet comes after its 200");
    simulation.finish();
}

#[test]
fn what_names_no_dialog_is_refused() {
    let (mut simulation, [alice, bob, carol]) = with_phones(6, ["alice", "bob", "carol"]);
    connect(&mut simulation, alice, bob);
    simulation.run(secs(1));
    let theirs = simulation.phone(bob).call(0).replaces();
    let cases = [
        ("nobody@x;to-tag=1;from-tag=2".to_owned(), 481),
        ("broken".to_owned(), 400),
        (format!("{theirs};early-only"), 486),
        // It is no call of Carol's.
        (theirs, 403),
    ];
    for (replaces, status) in cases {
        simulation.tell(carol).config.headers = vec![("Replaces".to_owned(), replaces.clone())];
        let call = simulation.tell(carol).dial("alice");
        simulation.run(secs(1));
        assert_eq!(simulation.phone(carol).call(call).ending, Some(scenarios::Ending::Refused(status)), "{replaces}");
    }
    assert!(simulation.call(alice).is_up() && simulation.phone(bob).call(0).is_up());
    simulation.finish();
}

#[test]
fn calls_at_different_workers_are_joined() {
    let config = PlatformConfig { workers: 2, ..PlatformConfig::default() };
    let mut simulation = Simulation::with(7, config);
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| simulation.add_registered(name));
    connect(&mut simulation, alice, bob);
    simulation.run(secs(1));
    connect(&mut simulation, bob, carol);
    simulation.run(secs(1));
    simulation.tell(bob).step(0, Step::TransferToOther);
    simulation.run(secs(4));
    assert_talk(&simulation, [(alice, 0), (carol, 0)]);
    for phone in [alice, carol] {
        let gap = simulation.call(phone).media.hearing.longest_gap;
        assert!(gap <= ms(SILENCE_MS), "{gap:?} of silence");
    }
    simulation.finish();
}

#[test]
fn calls_of_different_shards_and_workers_are_joined() {
    let mut across = 0;
    for seed in 0..12 {
        let config = PlatformConfig { workers: 2, shards: 3, ..PlatformConfig::default() };
        let mut simulation = Simulation::with(seed, config);
        let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| simulation.add_registered(name));
        connect(&mut simulation, alice, bob);
        simulation.run(secs(1));
        connect(&mut simulation, bob, carol);
        simulation.run(secs(1));
        simulation.tell(bob).step(0, Step::TransferToOther);
        simulation.run(secs(4));
        assert_talk(&simulation, [(alice, 0), (carol, 0)]);
        for phone in [alice, carol] {
            let gap = simulation.call(phone).media.hearing.longest_gap;
            assert!(gap <= ms(SILENCE_MS), "seed {seed}: {gap:?} of silence");
        }
        assert!(simulation.phone(bob).calls().iter().all(|call| !call.is_live()), "Bob is free");
        let moved = |simulation: &mut Simulation| {
            let status = crate::ask_each(
                simulation,
                router::ModuleKind::Voice,
                router::Command::Query,
                &router::one(router::parameter::Status::default()),
            );
            let statuses = status.iter().filter_map(|packet| match packet.first() {
                Some(router::Parameter::Status(status)) => Some(&status.counters),
                _ => None,
            });
            let counters = statuses.flatten().filter(|counter| counter.name == "media_ports_moved");
            counters.map(|counter| counter.value).sum::<u64>()
        };
        across += moved(&mut simulation);
        simulation.tell(alice).step(0, Step::HangUp);
        simulation.run(secs(1));
        let records = simulation.platform.records();
        let joined = record_of(&records, "alice", "carol");
        assert_eq!((records.len(), joined.outcome), (3, Outcome::Answered));
        for id in [&joined.transferred_from, &joined.joined_from] {
            let former = records.iter().find(|record| Some(&record.id) == id.as_ref()).expect("a record");
            assert_eq!(former.transferred_as.as_ref(), Some(&joined.id));
        }
        simulation.finish();
    }
    assert!(across > 0, "some came from another worker");
}

//! One party asks a third one first, and then sends the other there, where calls lie on several platforms: all of them at the platform of
//! whoever transfers, or one of them at another one, at which that one has another telephone.

use crate::{connect, ms, secs};
use router::parameter::{CallRecord, CauseKind, Outcome};
use scenarios::phone::{BOTH_WAYS, Referral};
use scenarios::simulation::PhoneIndex;
use scenarios::{Behaviour, Conditions, Ending, HoldStyle, PlatformConfig, Simulation, Step};

/// Bob has an account at both of the first platforms; Alice is at the first, Carol at the second, Dave at the third.
const ACCOUNTS: [&[&str]; 3] = [&["alice", "bob"], &["bob", "carol"], &["dave"]];

fn cluster(seed: u64, shards: u8) -> Simulation {
    let config = |(index, names): (usize, &&[&str])| PlatformConfig {
        shards,
        workers: 2,
        ..PlatformConfig::in_cluster(index, names)
    };
    Simulation::cluster_of(seed, ACCOUNTS.iter().enumerate().map(config).collect())
}

fn assert_talk(simulation: &mut Simulation, phones: [(PhoneIndex, usize); 2], what: &str) {
    let heard = |simulation: &Simulation, own: (PhoneIndex, usize), other: (PhoneIndex, usize)| {
        let speaker = simulation.phone(other.0).call(other.1).media.speaker();
        let call = simulation.phone(own.0).call(own.1);
        call.media.hearing.speakers.get(&speaker).copied().unwrap_or(0)
    };
    let [one, other] = phones;
    let before = [heard(simulation, one, other), heard(simulation, other, one)];
    simulation.run(secs(2));
    for ((own, peer), before) in [(one, other), (other, one)].into_iter().zip(before) {
        let call = simulation.phone(own.0).call(own.1);
        assert!(call.is_up(), "{what}: {own:?} {:?} {:?}", call.ending, call.reason);
        assert_eq!(call.media.direction(), BOTH_WAYS, "{what}: {own:?}");
        let more = heard(simulation, own, peer) - before;
        assert!(more > 60, "{what}: {own:?} heard {more} packets of {peer:?}");
    }
}

fn live(simulation: &Simulation, phone: PhoneIndex) -> usize {
    simulation.phone(phone).calls().iter().filter(|call| call.is_live()).count()
}

/// Bob's telephone transfers one of its calls into the other one of the same telephone, wherever the others are.
#[test]
fn whoever_has_both_calls_at_one_platform_joins_parties_of_any() {
    // Where the first party is, and the second; Bob is at the first platform.
    let places = [("alice", "carol"), ("carol", "alice"), ("carol", "dave"), ("dave", "carol")];
    let at = |name: &str| ACCOUNTS.iter().position(|names| names.contains(&name)).expect("an account");
    for (seed, (first, second)) in places.into_iter().enumerate() {
        for (shards, held) in [(1, seed % 2 == 0), (3, seed % 2 == 1)] {
            let what = format!("{first} to {second}, {shards} shards, held: {held}");
            let mut simulation = cluster(seed as u64, shards);
            let bob = simulation.add_registered_at(0, "bob");
            let [first, second] = [first, second].map(|name| simulation.add_registered_at(at(name), name));
            connect(&mut simulation, first, bob);
            simulation.run(secs(1));
            if held {
                simulation.tell(bob).step(0, Step::Hold(HoldStyle::SendOnly));
                simulation.run(secs(1));
            }
            connect(&mut simulation, bob, second);
            simulation.run(secs(1));
            if held {
                simulation.tell(bob).step(1, Step::Hold(HoldStyle::SendOnly));
                simulation.run(secs(1));
            }
            simulation.tell(bob).step(0, Step::TransferToOther);
            simulation.run(secs(4));
            let referral = simulation.phone(bob).call(0).referral.expect("a referral");
            assert_eq!(referral, Referral { response: Some(202), status: Some(200), terminated: true }, "{what}");
            assert_eq!(live(&simulation, bob), 0, "{what}");
            assert_talk(&mut simulation, [(first, 0), (second, 0)], &what);
            simulation.tell(second).step(0, Step::HangUp);
            simulation.run(secs(1));
            assert!(!simulation.call(first).is_live(), "{what}");
            simulation.finish();
        }
    }
}

/// Bob has a telephone at either platform; the desk talks to Alice at the first, the mobile to Carol at the second.
fn two_telephones(seed: u64, shards: u8) -> (Simulation, [PhoneIndex; 4]) {
    let mut simulation = cluster(seed, shards);
    let [alice, desk] = ["alice", "bob"].map(|name| simulation.add_registered_at(0, name));
    let [mobile, carol] = ["bob", "carol"].map(|name| simulation.add_registered_at(1, name));
    simulation.tell(mobile).config.behaviour = Behaviour::rings();
    connect(&mut simulation, alice, desk);
    simulation.run(secs(1));
    (simulation, [alice, desk, mobile, carol])
}

fn record_of(records: &[CallRecord], caller: &str, called: &str) -> CallRecord {
    let of = |record: &&CallRecord| record.caller.user() == caller && record.called.user() == called;
    records.iter().find(of).unwrap_or_else(|| panic!("{caller} to {called}: {records:?}")).clone()
}

#[test]
fn whoever_has_the_other_call_at_another_platform_sends_somebody_into_it() {
    for (seed, shards, held) in [(1, 1, false), (2, 1, true), (3, 3, false), (4, 3, true)] {
        let what = format!("seed {seed}, {shards} shards, held: {held}");
        let (mut simulation, [alice, desk, mobile, carol]) = two_telephones(seed, shards);
        connect(&mut simulation, mobile, carol);
        let call = simulation.phone(mobile).live_call().expect("a call");
        simulation.run(secs(1));
        if held {
            simulation.tell(desk).step(0, Step::Hold(HoldStyle::SendOnly));
            simulation.tell(mobile).step(call, Step::Hold(HoldStyle::SendOnly));
            simulation.run(secs(1));
        }
        let replaces = simulation.phone(mobile).call(call).replaces();
        simulation.tell(desk).step(0, Step::TransferInto(replaces));
        simulation.run(secs(5));
        let referral = simulation.phone(desk).call(0).referral.expect("a referral");
        assert_eq!(referral, Referral { response: Some(202), status: Some(200), terminated: true }, "{what}");
        assert_eq!((live(&simulation, desk), live(&simulation, mobile)), (0, 0), "{what}");
        assert_talk(&mut simulation, [(alice, 0), (carol, 0)], &what);
        simulation.tell(carol).step(0, Step::HangUp);
        simulation.run(secs(1));
        assert!(!simulation.call(alice).is_live(), "{what}");
        let here = simulation.at(0).records();
        let went = record_of(&here, "alice", "carol");
        assert_eq!((went.outcome, went.destination.as_deref()), (Outcome::Answered, Some("p2")), "{what}");
        let there = simulation.at(1).records();
        let came = record_of(&there, "alice", "carol");
        assert!(came.joined_from.is_some() && came.transferred_from.is_some(), "{what}: {came:?}");
        simulation.finish();
    }
}

#[test]
fn whoever_is_sent_to_a_telephone_that_rings_at_another_platform_waits_for_it() {
    for (seed, shards) in [(1, 1), (2, 1), (3, 3), (4, 3)] {
        let what = format!("seed {seed}, {shards} shards");
        let (mut simulation, [alice, desk, mobile, carol]) = two_telephones(seed, shards);
        simulation.tell(carol).config.behaviour = Behaviour::answers(secs(4));
        let call = simulation.tell(mobile).dial("carol");
        simulation.run(secs(1));
        let replaces = simulation.phone(mobile).call(call).replaces();
        simulation.tell(desk).step(0, Step::TransferInto(replaces));
        simulation.run(secs(1));
        assert!(!simulation.phone(mobile).call(call).is_live(), "{what}: it is put through");
        assert_eq!(simulation.phone(carol).calls().len(), 1, "{what}: it rings once");
        if seed % 2 == 1 {
            simulation.tell(desk).step(0, Step::HangUp);
        }
        simulation.run(secs(4));
        assert_talk(&mut simulation, [(alice, 0), (carol, 0)], &what);
        assert_eq!(live(&simulation, desk), 0, "{what}");
        simulation.tell(alice).step(0, Step::HangUp);
        simulation.run(secs(1));
        assert!(!simulation.call(carol).is_live(), "{what}");
        simulation.finish();
    }
}

#[test]
fn what_cannot_be_leaves_both_calls_as_they_were() {
    let (mut simulation, [alice, desk, mobile, carol]) = two_telephones(1, 1);
    let dave = simulation.add_registered_at(2, "dave");
    connect(&mut simulation, mobile, carol);
    let call = simulation.phone(mobile).live_call().expect("a call");
    connect(&mut simulation, dave, carol);
    simulation.run(secs(1));
    let [ours, others] = [(mobile, call), (dave, 0)].map(|(phone, call)| simulation.phone(phone).call(call).replaces());
    // Nobody's; one that is answered; one of somebody else; one with tags that are not its own.
    let cases = [
        ("nobody@x;to-tag=0123456789abcdef;from-tag=2".to_owned(), 481),
        (format!("{ours};early-only"), 486),
        (others, 403),
        (format!("{}x", ours), 481),
    ];
    for (replaces, status) in cases {
        simulation.tell(desk).step(0, Step::TransferInto(replaces.clone()));
        simulation.run(secs(2));
        let referral = simulation.phone(desk).call(0).referral.expect("a referral");
        // Where no dialog is found the REFER itself is refused; else it is told what became of it.
        let told = referral.status.or(referral.response);
        assert_eq!((told, referral.terminated), (Some(status), true), "{replaces}");
    }
    assert_talk(&mut simulation, [(alice, 0), (desk, 0)], "they go on");
    assert_talk(&mut simulation, [(mobile, call), (carol, 0)], "they too");
    simulation.finish();
}

#[test]
fn a_call_that_is_up_at_another_platform_is_taken_over_by_another_telephone_of_the_account() {
    for shards in [1, 3] {
        let (mut simulation, [alice, desk, mobile, _]) = two_telephones(3, shards);
        let replaces = simulation.phone(desk).call(0).replaces();
        simulation.tell(mobile).config.headers = vec![("Replaces".to_owned(), replaces)];
        let call = simulation.tell(mobile).dial("alice");
        simulation.run(secs(2));
        assert_eq!(live(&simulation, desk), 0);
        assert_talk(&mut simulation, [(alice, 0), (mobile, call)], "taken over");
        // What is not his is not.
        let carol = 3;
        let replaces = simulation.phone(alice).call(0).replaces();
        simulation.tell(carol).config.headers = vec![("Replaces".to_owned(), replaces)];
        let call = simulation.tell(carol).dial("alice");
        simulation.run(secs(2));
        assert_eq!(simulation.phone(carol).call(call).ending, Some(Ending::Refused(403)));
        simulation.finish();
    }
}

#[test]
fn who_joins_a_call_at_another_platform_is_the_third() {
    let (mut simulation, [alice, desk, mobile, _]) = two_telephones(4, 1);
    // Whoever is left alone is released after some seconds.
    simulation.grace = secs(20);
    let join = simulation.phone(desk).call(0).replaces();
    simulation.tell(mobile).config.headers = vec![("Join".to_owned(), join)];
    let call = simulation.tell(mobile).dial("alice");
    simulation.run(secs(4));
    for (phone, call) in [(alice, 0), (desk, 0), (mobile, call)] {
        assert!(simulation.phone(phone).call(call).is_up(), "{phone}: {:?}", simulation.phone(phone).call(call).ending);
    }
    assert!(simulation.phone(mobile).call(call).media.hearing.packets > 60);
    simulation.finish();
}

#[test]
fn over_lines_that_lose_all_come_together_all_the_same() {
    for seed in 0..4 {
        let (mut simulation, [alice, desk, mobile, carol]) = two_telephones(seed, 1);
        simulation.grace = secs(12);
        connect(&mut simulation, mobile, carol);
        let call = simulation.phone(mobile).live_call().expect("a call");
        for phone in [alice, desk, mobile, carol] {
            simulation.set_line(phone, Conditions::rough(80));
        }
        let replaces = simulation.phone(mobile).call(call).replaces();
        simulation.tell(desk).step(0, Step::TransferInto(replaces));
        simulation.run(secs(15));
        simulation.calm();
        simulation.run(secs(5));
        for phone in [alice, carol] {
            assert!(simulation.call(phone).is_up(), "seed {seed}: {:?}", simulation.call(phone).ending);
        }
        simulation.finish();
    }
}

#[test]
fn a_link_that_dies_at_any_step_of_it_leaves_nothing_behind() {
    for pieces in 0..12 {
        let (mut simulation, [alice, desk, mobile, carol]) = two_telephones(pieces, 1);
        let rings = pieces % 2 == 0;
        if rings {
            simulation.tell(carol).config.behaviour = Behaviour::answers(secs(3));
        }
        let call = simulation.tell(mobile).dial("carol");
        simulation.run(secs(2));
        let replaces = simulation.phone(mobile).call(call).replaces();
        simulation.tell(desk).step(0, Step::TransferInto(replaces));
        let until = simulation.network.pieces(5065) + pieces;
        simulation.run_until(ms(600), |simulation| simulation.network.pieces(5065) >= until);
        // No way round by the third.
        simulation.part(0, 1, secs(60));
        simulation.part(1, 2, secs(60));
        simulation.run(if pieces % 3 == 0 { secs(8) } else { ms(700) });
        simulation.heal();
        simulation.run(secs(12));
        // Either it came about, or everybody is where he was; nobody hangs in between.
        let up = |phone: PhoneIndex| live(&simulation, phone);
        assert!(up(carol) <= 1 && up(alice) <= 1, "{pieces} pieces");
        simulation.finish();
    }
}

#[test]
fn two_are_joined_while_the_link_is_away_and_hear_each_other() {
    for shards in [1, 3] {
        for seed in 0..2 {
            let what = format!("{shards} shards, seed {seed}");
            let mut simulation = cluster(seed, shards);
            let [dave, bob] =
                [(2, "dave"), (0, "bob")].map(|(platform, name)| simulation.add_registered_at(platform, name));
            let alice = simulation.add_registered_at(0, "alice");
            connect(&mut simulation, dave, bob);
            connect(&mut simulation, bob, alice);
            simulation.run(secs(1));
            simulation.part(0, 2, secs(40));
            simulation.part(1, 2, secs(40));
            simulation.run(secs(5));
            simulation.tell(bob).step(0, Step::TransferToOther);
            simulation.run(secs(3));
            assert_eq!(live(&simulation, bob), 0, "{what}");
            assert_talk(&mut simulation, [(dave, 0), (alice, 0)], &what);
            simulation.heal();
            simulation.run(secs(40));
            assert_talk(&mut simulation, [(dave, 0), (alice, 0)], &what);
            simulation.tell(dave).step(0, Step::HangUp);
            simulation.run(secs(1));
            assert!(!simulation.call(alice).is_live(), "{what}: told at once");
            simulation.finish();
        }
    }
}

#[test]
fn a_transferor_who_leaves_at_whatever_moment_leaves_nothing_behind() {
    for leaver in 0..4 {
        for after in [1, 4, 13, 40] {
            let (mut simulation, phones) = two_telephones(after, 1);
            let [_, desk, mobile, carol] = phones;
            if after % 2 == 1 {
                simulation.tell(carol).config.behaviour = Behaviour::answers(secs(3));
            }
            let call = simulation.tell(mobile).dial("carol");
            simulation.run(secs(2));
            let replaces = simulation.phone(mobile).call(call).replaces();
            simulation.tell(desk).step(0, Step::TransferInto(replaces));
            simulation.run(ms(after));
            for call in 0..simulation.phone(phones[leaver]).calls().len() {
                simulation.tell(phones[leaver]).step(call, Step::HangUp);
            }
            simulation.run(secs(8));
            simulation.finish();
        }
    }
}

#[test]
fn a_party_that_is_busy_in_the_meantime_is_told_as_by_any_transfer() {
    // Carol's telephone refuses while Alice waits for it: the desk, which went on, is told and has Alice back.
    let (mut simulation, [alice, desk, mobile, carol]) = two_telephones(9, 1);
    simulation.tell(carol).config.behaviour = Behaviour { ring: Some(ms(100)), ..Behaviour::rejects(486) };
    simulation.tell(carol).config.behaviour.then = scenarios::Then::Reject(secs(4), 486);
    let call = simulation.tell(mobile).dial("carol");
    simulation.run(secs(1));
    let replaces = simulation.phone(mobile).call(call).replaces();
    simulation.tell(desk).step(0, Step::TransferInto(replaces));
    simulation.run(secs(6));
    let referral = simulation.phone(desk).call(0).referral.expect("a referral");
    assert_eq!((referral.status, referral.terminated), (Some(486), true));
    assert_talk(&mut simulation, [(alice, 0), (desk, 0)], "as before");
    let records = simulation.at(0).records();
    let failed = records.iter().find(|record| record.outcome == Outcome::Unanswered).expect("a record");
    assert_eq!(failed.cause.as_ref().map(|cause| cause.kind), Some(CauseKind::Busy));
    simulation.finish();
}

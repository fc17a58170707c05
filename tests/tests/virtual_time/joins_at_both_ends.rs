//! Two who talk to each other across platforms join each other into other calls at the same moment: each sends the other away, and neither
//! can know. Whom they have joined talk to each other, and nobody is cut off.

use crate::random_calls::each_seed;
use crate::{connect, ms, secs};
use router::time::Duration;
use scenarios::phone::{BOTH_WAYS, Referral};
use scenarios::simulation::PhoneIndex;
use scenarios::{Conditions, HoldStyle, PhoneConfig, PlatformConfig, Simulation, Step};

/// For how long a call outlives the way between its platforms here.
const GRACE: Duration = Duration::from_secs(20);

/// Alice talks to Bob, at another platform, and to Carol; Bob to Dave. `apart`: Carol and Dave are both at a third one.
fn all_talk(seed: u64, shards: u8, apart: bool) -> (Simulation, [PhoneIndex; 4]) {
    let accounts: [&[&str]; 3] = match apart {
        true => [&["alice"], &["bob"], &["carol", "dave"]],
        false => [&["alice", "carol"], &["bob", "dave"], &["erin"]],
    };
    let config = |(index, names): (usize, &&[&str])| {
        let mut config = PlatformConfig { shards, workers: 2, ..PlatformConfig::in_cluster(index, names) };
        if let Some(cluster) = &mut config.switch.cluster {
            cluster.call_grace = GRACE;
        }
        config
    };
    let mut simulation = Simulation::cluster_of(seed, accounts.iter().enumerate().map(config).collect());
    let at = |name: &str| accounts.iter().position(|names| names.contains(&name)).expect("an account");
    let phones = ["alice", "bob", "carol", "dave"].map(|name| {
        let config = PhoneConfig { packet_ms: 100, ..simulation.phone_config_at(at(name), name) };
        simulation.add_and_register(config)
    });
    let [alice, bob, carol, dave] = phones;
    for (from, to) in [(alice, bob), (alice, carol), (bob, dave)] {
        connect(&mut simulation, from, to);
        simulation.run(ms(500));
    }
    (simulation, phones)
}

fn live(simulation: &Simulation, phone: PhoneIndex) -> usize {
    simulation.phone(phone).calls().iter().filter(|call| call.is_live()).count()
}

fn hears(simulation: &Simulation, own: PhoneIndex, other: PhoneIndex) -> u64 {
    let speaker = simulation.call(other).media.speaker();
    simulation.call(own).media.hearing.speakers.get(&speaker).copied().unwrap_or(0)
}

/// Whether two hear each other in their last calls.
fn assert_talk(simulation: &mut Simulation, [one, other]: [PhoneIndex; 2], what: &str) {
    let before = [hears(simulation, one, other), hears(simulation, other, one)];
    simulation.run(secs(2));
    for ((own, peer), before) in [(one, other), (other, one)].into_iter().zip(before) {
        let call = simulation.call(own);
        assert!(call.is_up(), "{what}: {own} {:?} {:?}", call.ending, call.reason);
        assert_eq!(call.media.direction(), BOTH_WAYS, "{what}: {own}");
        let more = hears(simulation, own, peer) - before;
        assert!(more > 12, "{what}: {own} heard {more} packets of {peer}");
    }
}

#[test]
fn whom_both_ends_join_at_once_talk_to_each_other() {
    for seed in 0..6_u64 {
        let (shards, apart, held) = (1 + 2 * (seed as u8 % 2), seed % 4 >= 2, seed % 6 >= 3);
        // Links and turns take some milliseconds: at once, and one behind the other by less and more than that.
        for after in [seed % 3, 3 + seed] {
            let what = format!("seed {seed}, {shards} shards, apart: {apart}, held: {held}, {after} ms");
            let (mut simulation, [alice, bob, carol, dave]) = all_talk(seed * 100 + after, shards, apart);
            if held {
                simulation.tell(alice).step(1, Step::Hold(HoldStyle::SendOnly));
                simulation.tell(bob).step(0, Step::Hold(HoldStyle::SendOnly));
                simulation.run(secs(1));
            }
            simulation.tell(alice).step(0, Step::TransferToOther);
            simulation.run(ms(after));
            simulation.tell(bob).step(0, Step::TransferToOther);
            simulation.run(secs(8));
            for phone in [alice, bob] {
                // An offer of the one was on its way to the other, which is told so, and asks again.
                let referral = simulation.phone(phone).call(0).referral.expect("a referral");
                if referral.status.or(referral.response) == Some(491) {
                    assert!(held, "{what}: nothing was to be said");
                    assert_eq!(live(&simulation, phone), 2, "{what}: nobody is cut off");
                    simulation.tell(phone).step(0, Step::TransferToOther);
                    simulation.run(secs(8));
                }
            }
            for phone in [alice, bob] {
                assert_eq!(live(&simulation, phone), 0, "{what}: {phone} has joined them");
                let referral = simulation.phone(phone).call(0).referral.expect("a referral");
                assert_eq!(referral, Referral { response: Some(202), status: Some(200), terminated: true }, "{what}");
            }
            assert_talk(&mut simulation, [carol, dave], &what);
            // Beyond a question how the legs stand.
            simulation.run(secs(35));
            assert_talk(&mut simulation, [carol, dave], &what);
            simulation.tell(dave).step(0, Step::HangUp);
            simulation.run(secs(1));
            assert_eq!(live(&simulation, carol), 0, "{what}: told at once");
            simulation.finish();
        }
    }
}

/// The lines of all lose a tenth, and the link dies at any step of it: whoever is left is with somebody, or free.
#[test]
fn links_that_die_while_both_ends_join_leave_nobody_behind() {
    each_seed(6, |seed| {
        let (mut simulation, phones) = all_talk(500 + seed, 1 + 2 * (seed as u8 % 2), seed % 4 >= 2);
        let [alice, bob, carol, dave] = phones;
        simulation.grace = secs(12);
        if seed % 3 == 0 {
            phones.into_iter().for_each(|phone| simulation.set_line(phone, Conditions::rough(100)));
        }
        simulation.tell(alice).step(0, Step::TransferToOther);
        simulation.tell(bob).step(0, Step::TransferToOther);
        let pieces = simulation.network.pieces(5065) + seed;
        simulation.run_until(ms(400), |simulation| simulation.network.pieces(5065) >= pieces);
        for (a, b) in [(0, 1), (0, 2), (1, 2)] {
            simulation.part(a, b, secs(70));
        }
        simulation.run(if seed % 2 == 0 { secs(6) } else { ms(600) });
        simulation.heal();
        simulation.run(secs(30));
        simulation.calm();
        simulation.run(secs(30));
        // Whom the cut has not kept from being joined are, and hear each other.
        if [alice, bob].iter().all(|&phone| live(&simulation, phone) == 0) && seed % 3 != 0 {
            assert_talk(&mut simulation, [carol, dave], &format!("seed {seed}"));
        }
        simulation.finish();
    });
}

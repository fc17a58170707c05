//! Offers that cross.

use crate::random_calls::each_seed;
use crate::{connect, ms, secs, with_phones};
use router::time::Duration;
use scenarios::phone::{Call, Exchange};
use scenarios::{Conditions, HoldStyle, PhoneConfig, Simulation, Step};
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn both_offer_at_once_and_both_get_through() {
    for seed in 0..6 {
        for steps in [
            [Step::Refresh, Step::Refresh],
            [Step::Hold(HoldStyle::SendOnly), Step::Refresh],
            [Step::Hold(HoldStyle::SendOnly), Step::Hold(HoldStyle::SendOnly)],
            [Step::Update, Step::Hold(HoldStyle::Inactive)],
        ] {
            let (mut simulation, phones) = with_phones(seed, ["alice", "bob"]);
            connect(&mut simulation, phones[0], phones[1]);
            simulation.run(secs(1));
            for (phone, step) in phones.into_iter().zip(&steps) {
                simulation.tell(phone).step(0, step.clone());
            }
            simulation.run(secs(15));
            for (phone, step) in phones.into_iter().zip(&steps) {
                let call = simulation.call(phone);
                assert!(call.is_up(), "seed {seed} {steps:?}: {:?}", call.ending);
                assert_eq!(call.offers.last(), Some(&200), "seed {seed} {steps:?}: {:?}", call.offers);
                if matches!(step, Step::Hold(_)) {
                    assert!(!call.media.direction().receives(), "seed {seed} {steps:?}");
                }
            }
            for phone in phones {
                simulation.tell(phone).step(0, Step::Retrieve);
                simulation.run(secs(8));
            }
            simulation.run(secs(4));
            simulation.finish();
        }
    }
}

#[test]
fn a_retrieve_is_heard_of_though_the_other_one_offers_at_that_moment() {
    each_seed(48, |seed| {
        let (mut simulation, phones) = with_phones(seed, ["alice", "bob"]);
        connect(&mut simulation, phones[0], phones[1]);
        let holder = (seed % 2) as usize;
        let (holder, held) = (phones[holder], phones[1 - holder]);
        simulation.tell(holder).step(0, Step::Hold(HoldStyle::SendOnly));
        simulation.run(secs(2));
        let rough = seed % 3 == 2;
        if rough {
            phones.into_iter().for_each(|phone| simulation.set_line(phone, Conditions::rough(60)));
        }
        let steps = [Step::Update, Step::RefreshAsItIs, Step::Refresh, Step::Hold(HoldStyle::Inactive)];
        let step = steps[(seed / 2 % 4) as usize].clone();
        let (first, second) = if seed % 5 < 3 { (holder, held) } else { (held, holder) };
        let apart = ms(simulation.random().below(3));
        for phone in [first, second] {
            simulation.tell(phone).step(0, if phone == holder { Step::Retrieve } else { step.clone() });
            simulation.run(apart);
        }
        simulation.run(if rough { secs(40) } else { secs(15) });
        simulation.calm();
        if matches!(step, Step::Hold(_)) {
            simulation.tell(held).step(0, Step::Retrieve);
            simulation.run(secs(8));
        }
        let what = format!("seed {seed}: {step:?}, {apart:?}");
        for phone in phones {
            let call = simulation.call(phone);
            assert!(call.is_up(), "{what}: {:?}", call.ending);
            assert_eq!(call.media.direction(), scenarios::phone::BOTH_WAYS, "{what}: {:?}", call.exchanges);
        }
        simulation.finish();
    });
}

/// After a 491 of the phone's, the server asks again within the time that RFC 3261 §14.1 gives it; unless the phone's own request
/// came through between, which the server's may follow at once. How often it waited so.
fn pauses_are_right(call: &Call, seed: u64) -> usize {
    let mut pauses = 0;
    for (index, refused) in call.exchanges.iter().enumerate().filter(|(_, one)| !one.ours && one.status == 491) {
        // Its own, which crossed that one, got 491, too.
        let mut later = call.exchanges[index + 1..].iter().filter(|one| !one.ours || one.status != 491);
        let Some(Exchange { at, ours: false, .. }) = later.next() else { continue };
        // Who is called did not make the Call-ID: the server did. A millisecond each way.
        let (least, most) = if call.incoming { (2_100, 4_002) } else { (0, 2_002) };
        let pause = at.since(refused.at);
        assert!(ms(least) <= pause && pause <= ms(most), "seed {seed}: {pause:?} of {:?}", call.exchanges);
        pauses += 1;
    }
    pauses
}

#[test]
fn both_phones_ask_at_the_same_moment_and_agree_on_the_media_in_the_end() {
    let steps = [
        Step::Refresh,
        Step::Hold(HoldStyle::SendOnly),
        Step::Hold(HoldStyle::Inactive),
        Step::RefreshWithoutOffer,
        Step::Update,
    ];
    let (refused, pauses) = (AtomicUsize::new(0), AtomicUsize::new(0));
    each_seed(160, |seed| {
        let mut simulation = Simulation::new(seed);
        let phones = ["alice", "bob"].map(|name| {
            let updates = simulation.random().below(2) == 0;
            let config = PhoneConfig { updates, packet_ms: 80, ..simulation.phone_config(name) };
            simulation.add_and_register(config)
        });
        let [alice, bob] = phones;
        connect(&mut simulation, alice, bob);
        simulation.run(secs(1));
        let lossless = !seed.is_multiple_of(4);
        if !lossless {
            phones.into_iter().for_each(|phone| simulation.set_line(phone, Conditions::rough(60)));
        }
        let chosen = phones.map(|_| steps[simulation.random().below(steps.len() as u64) as usize].clone());
        // A request takes a millisecond to the server, and another one to the other phone.
        let apart = ms(simulation.random().below(5));
        let first = simulation.random().below(2) as usize;
        for index in [first, 1 - first] {
            simulation.tell(phones[index]).step(0, chosen[index].clone());
            simulation.run(apart);
        }
        simulation.run(if lossless { secs(15) } else { secs(40) });
        let what = format!("seed {seed}: {chosen:?}, {first} first by {apart:?}");
        for (phone, step) in phones.into_iter().zip(&chosen) {
            let call = simulation.call(phone);
            assert!(call.is_up(), "{what}: {:?}", call.ending);
            assert_eq!(call.offers.last(), Some(&200), "{what}: {:?}", call.exchanges);
            let known = |one: &Exchange| matches!(one.status, 200 | 491) || !lossless;
            assert!(call.exchanges.iter().all(known), "{what}: {:?}", call.exchanges);
            assert!(!matches!(step, Step::Hold(_)) || !call.media.direction().receives(), "{what}");
            if lossless {
                let refused_again = call.exchanges.iter().filter(|one| one.ours && one.status == 491).count();
                assert!(refused_again <= 1, "{what}: asked again in its time it comes through: {:?}", call.exchanges);
                let crossed = call.exchanges.iter().filter(|one| one.status == 491).count();
                refused.fetch_add(crossed, Ordering::Relaxed);
                pauses.fetch_add(pauses_are_right(call, seed), Ordering::Relaxed);
            }
        }
        let [one, other] = phones.map(|phone| simulation.call(phone).media.direction());
        assert_eq!(one, other.mirrored(), "{what}");
        simulation.calm();
        for phone in phones {
            simulation.tell(phone).step(0, Step::Retrieve);
            simulation.run(secs(8));
        }
        let directions = phones.map(|phone| simulation.call(phone).media.direction());
        assert_eq!(directions, [scenarios::phone::BOTH_WAYS; 2], "{what}");
        simulation.run(Duration::from_secs(4));
        simulation.finish();
    });
    if std::env::var_os("TANDEM_SEED").is_none() {
        assert!(
            refused.load(Ordering::Relaxed) > 50 && pauses.load(Ordering::Relaxed) > 10,
            "they did cross: {refused:?}, {pauses:?}"
        );
    }
}

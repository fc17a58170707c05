//! Hold, retrieve, re-INVITE in every order: audio afterwards, both ways, without a jump.

use crate::{connect, ms, secs, with_phones};
use router::parameter::Direction;
use scenarios::phone::BOTH_WAYS;
use scenarios::simulation::PhoneIndex;
use scenarios::{HoldStyle, Simulation, Step};

const STYLES: [HoldStyle; 3] = [HoldStyle::SendOnly, HoldStyle::Inactive, HoldStyle::ZeroAddress];

fn heard(simulation: &Simulation, phone: PhoneIndex) -> u64 {
    simulation.call(phone).media.hearing.packets
}

/// Both hear each other now.
fn assert_audio(simulation: &mut Simulation, a: PhoneIndex, b: PhoneIndex, when: &str) {
    let before = (heard(simulation, a), heard(simulation, b));
    simulation.run(secs(1));
    let after = (heard(simulation, a), heard(simulation, b));
    assert!(after.0 > before.0 + 40 && after.1 > before.1 + 40, "{when}: {before:?} {after:?}");
}

#[test]
fn audio_comes_back_after_hold_and_retrieve_in_every_style_and_from_either_side() {
    for (seed, style) in STYLES.into_iter().enumerate() {
        for holder_calls in [true, false] {
            let (mut simulation, [alice, bob]) = with_phones(seed as u64, ["alice", "bob"]);
            connect(&mut simulation, alice, bob);
            assert_audio(&mut simulation, alice, bob, "before");
            let (holder, held) = if holder_calls { (alice, bob) } else { (bob, alice) };
            simulation.tell(holder).step(0, Step::Hold(style));
            simulation.run(secs(1));
            let (quiet, waits) = (heard(&simulation, holder), simulation.call(held).media.direction());
            assert!(!waits.sends(), "{style:?}: the held side does not send, it is {waits:?}");
            simulation.run(secs(3));
            assert_eq!(heard(&simulation, holder), quiet, "{style:?}: who holds hears nothing");
            simulation.tell(holder).step(0, Step::Retrieve);
            simulation.run(secs(1));
            for phone in [alice, bob] {
                assert_eq!(simulation.call(phone).media.direction(), BOTH_WAYS, "{style:?}");
            }
            assert_audio(&mut simulation, alice, bob, "after");
            simulation.finish();
        }
    }
}

#[test]
fn both_hold_and_both_retrieve_in_every_order() {
    for (seed, order) in [[0, 1, 0, 1], [0, 1, 1, 0], [1, 0, 0, 1]].into_iter().enumerate() {
        let (mut simulation, phones) = with_phones(seed as u64, ["alice", "bob"]);
        connect(&mut simulation, phones[0], phones[1]);
        for (index, who) in order.into_iter().enumerate() {
            let step = if index < 2 { Step::Hold(HoldStyle::SendOnly) } else { Step::Retrieve };
            simulation.tell(phones[who]).step(0, step);
            simulation.run(secs(2));
            if index == 1 || index == 2 {
                for phone in phones {
                    assert_ne!(simulation.call(phone).media.direction(), BOTH_WAYS, "one side still holds");
                }
            }
        }
        assert_audio(&mut simulation, phones[0], phones[1], "at the end");
        simulation.finish();
    }
}

#[test]
fn audio_is_there_after_any_sequence_of_holds_retrieves_and_reinvites() {
    for seed in 0..crate::random_calls::seeds(12) {
        let (mut simulation, phones) = with_phones(seed, ["alice", "bob"]);
        connect(&mut simulation, phones[0], phones[1]);
        for _ in 0..10 {
            let random = simulation.random();
            let (who, pause) = (random.below(2) as usize, random.below(1_500));
            let step = match random.below(8) {
                style @ 0..=2 => Step::Hold(STYLES[style as usize]),
                3 => Step::Refresh,
                4 => Step::RefreshWithoutOffer,
                5 => Step::RetrieveWithoutOffer,
                6 => Step::RefreshAsItIs,
                _ => Step::Update,
            };
            simulation.tell(phones[who]).step(0, step);
            simulation.run(ms(pause));
        }
        for phone in phones {
            simulation.run(secs(8));
            let step = if seed % 2 == 0 { Step::Retrieve } else { Step::RetrieveWithoutOffer };
            simulation.tell(phone).step(0, step);
        }
        simulation.run(secs(8));
        assert_audio(&mut simulation, phones[0], phones[1], &format!("seed {seed}"));
        simulation.finish();
    }
}

#[test]
fn a_refresh_that_changes_nothing_disturbs_nobody() {
    let (mut simulation, [alice, bob]) = with_phones(30, ["alice", "bob"]);
    connect(&mut simulation, alice, bob);
    simulation.run(secs(1));
    for step in [Step::Refresh, Step::Update, Step::RefreshWithoutOffer] {
        simulation.tell(alice).step(0, step);
        assert_audio(&mut simulation, alice, bob, "during");
    }
    assert_eq!(simulation.call(alice).offers, [200, 200, 200]);
    simulation.finish();
}

/// The offer of our answer is as that of a new call (RFC 3261 §14.2), whatever the hold had made of the direction.
#[test]
fn a_hold_is_taken_back_by_the_answer_to_an_offer_that_was_asked_for() {
    for (seed, style) in STYLES.into_iter().enumerate() {
        for (holder, held) in [(0, 1), (1, 0)] {
            // Phones on hold that refresh the session say what is in force, not what they want.
            for refreshes in [false, true] {
                let (mut simulation, phones) = with_phones(40 + seed as u64, ["alice", "bob"]);
                let (holder, held) = (phones[holder], phones[held]);
                connect(&mut simulation, phones[0], phones[1]);
                simulation.tell(holder).step(0, Step::Hold(style));
                simulation.run(secs(2));
                if refreshes {
                    simulation.tell(held).step(0, Step::RefreshAsItIs);
                    simulation.run(secs(2));
                }
                simulation.tell(holder).step(0, Step::RetrieveWithoutOffer);
                simulation.run(secs(2));
                for phone in [holder, held] {
                    assert_eq!(simulation.call(phone).media.direction(), BOTH_WAYS, "{style:?} {refreshes}");
                }
                assert_audio(&mut simulation, holder, held, "after");
                simulation.finish();
            }
        }
    }
}

/// To hold is a wish of one's own, to be held is none (RFC 6337 §5.3).
#[test]
fn a_refresh_without_offer_ends_no_hold() {
    for (seed, style) in STYLES.into_iter().enumerate() {
        let (mut simulation, [alice, bob]) = with_phones(50 + seed as u64, ["alice", "bob"]);
        connect(&mut simulation, alice, bob);
        simulation.tell(alice).step(0, Step::Hold(style));
        simulation.run(secs(2));
        let directions = |simulation: &Simulation| [alice, bob].map(|phone| simulation.call(phone).media.direction());
        let on_hold = directions(&simulation);
        assert!(!on_hold[1].sends());
        let (quiet, asked) = (heard(&simulation, alice), simulation.call(bob).peer_offers);
        // By the one who holds, and by the one who is held, which is answered by what it wants.
        for phone in [alice, bob] {
            simulation.tell(phone).step(0, Step::RefreshWithoutOffer);
            simulation.run(secs(2));
            assert_eq!(directions(&simulation), on_hold, "{style:?}");
        }
        assert_eq!(heard(&simulation, alice), quiet, "{style:?}");
        assert_eq!(simulation.call(bob).peer_offers, asked, "{style:?}: nothing has changed, so nobody is told");
        // Both hold: one retrieves, the other one does not.
        simulation.tell(bob).step(0, Step::Hold(HoldStyle::SendOnly));
        simulation.run(secs(2));
        simulation.tell(alice).step(0, Step::RetrieveWithoutOffer);
        simulation.run(secs(3));
        assert!(!simulation.call(bob).media.direction().receives(), "{style:?}: it holds still");
        assert!(!simulation.call(alice).media.direction().sends(), "{style:?}");
        simulation.tell(bob).step(0, Step::RetrieveWithoutOffer);
        simulation.run(secs(3));
        assert_audio(&mut simulation, alice, bob, "once both have retrieved");
        simulation.finish();
    }
}

#[test]
fn a_call_on_hold_is_not_taken_for_dead() {
    let (mut simulation, [alice, bob]) = with_phones(31, ["alice", "bob"]);
    connect(&mut simulation, alice, bob);
    simulation.tell(alice).step(0, Step::Hold(HoldStyle::Inactive));
    simulation.run(secs(300));
    assert!(simulation.call(alice).is_up() && simulation.call(bob).is_up());
    assert_eq!(simulation.call(bob).media.direction(), Direction::Inactive);
    simulation.tell(alice).step(0, Step::Retrieve);
    simulation.run(secs(1));
    assert_audio(&mut simulation, alice, bob, "after five minutes of hold");
    simulation.finish();
}

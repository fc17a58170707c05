//! REFER: one party leaves and sends the other one elsewhere.

use crate::{connect, ms, secs, with_phones};
use scenarios::phone::{BOTH_WAYS, Referral};
use scenarios::simulation::PhoneIndex;
use scenarios::{Behaviour, Ending, Simulation, Step};

/// Alice calls Bob; `transferor` of the two sends the other one to `target`.
fn transfer(seed: u64, caller_transfers: bool, carol: Behaviour, target: &str) -> (Simulation, [PhoneIndex; 3]) {
    let (mut simulation, [alice, bob, third]) = with_phones(seed, ["alice", "bob", "carol"]);
    simulation.tell(third).config.behaviour = carol;
    connect(&mut simulation, alice, bob);
    simulation.run(secs(2));
    let (transferor, transferee) = if caller_transfers { (alice, bob) } else { (bob, alice) };
    simulation.tell(transferor).step(0, Step::Transfer(target.to_owned()));
    (simulation, [transferor, transferee, third])
}

#[test]
fn either_party_sends_the_other_to_a_third() {
    for caller_transfers in [true, false] {
        let (mut simulation, [transferor, transferee, carol]) =
            transfer(1, caller_transfers, Behaviour::answers(ms(900)), "carol");
        simulation.run(secs(6));
        let referral = simulation.call(transferor).referral.expect("a referral");
        assert_eq!(referral, Referral { response: Some(202), status: Some(200), terminated: true });
        assert!(!simulation.call(transferor).is_live());
        // RFC 3892: the target learns who sent the other party.
        let by = &simulation.phone(transferor).config.name;
        let headers = &simulation.call(carol).invite_headers;
        let referred_by = headers.iter().find(|(name, _)| name == "Referred-By").map(|(_, value)| value.clone());
        assert!(referred_by.as_ref().is_some_and(|value| value.contains(&format!("sip:{by}@"))), "{referred_by:?}");
        for (own, other) in [(transferee, carol), (carol, transferee)] {
            let call = simulation.call(own);
            assert!(call.is_up(), "{:?}", call.ending);
            assert_eq!(call.media.direction(), BOTH_WAYS);
            let speaker = simulation.call(other).media.speaker();
            assert!(call.media.hearing.speakers.get(&speaker).is_some_and(|&packets| packets > 60));
        }
        simulation.finish();
    }
}

#[test]
fn a_target_that_refuses_is_told_and_the_parties_go_on() {
    for (seed, (carol, target)) in
        [(Behaviour::rejects(486), "carol"), (Behaviour::default(), "nobody"), (Behaviour::default(), "dave")]
            .into_iter()
            .enumerate()
    {
        let (mut simulation, [transferor, transferee, _]) = transfer(seed as u64, false, carol, target);
        simulation.run(secs(5));
        let referral = simulation.call(transferor).referral.expect("a referral");
        assert!(referral.terminated, "{target}: {referral:?}");
        let failed = referral.response.is_some_and(|status| status >= 300)
            || referral.status.is_some_and(|status| status >= 300);
        assert!(failed, "{target}: {referral:?}");
        assert!(simulation.call(transferor).is_up() && simulation.call(transferee).is_up(), "{target}");
        simulation.run(secs(4)); // in which audio is looked at
        simulation.finish();
    }
}

#[test]
fn a_target_that_never_answers_leaves_the_parties_together() {
    let (mut simulation, [transferor, transferee, carol]) = transfer(5, true, Behaviour::rings(), "carol");
    simulation.run(secs(75));
    assert_eq!(simulation.call(carol).ending, Some(Ending::Cancelled));
    let referral = simulation.call(transferor).referral.expect("a referral");
    assert!(referral.terminated && referral.status.is_some_and(|status| status >= 300), "{referral:?}");
    assert!(simulation.call(transferor).is_up() && simulation.call(transferee).is_up());
    simulation.finish();
}

#[test]
fn any_party_may_hang_up_while_the_target_rings() {
    for leaver in 0..3 {
        for after in [5, 60, 400, 1_490, 1_500, 1_510] {
            let (mut simulation, phones) = transfer(after, true, Behaviour::answers(ms(1_400)), "carol");
            simulation.run(ms(after));
            if let Some(call) = simulation.phone(phones[leaver]).live_call() {
                simulation.tell(phones[leaver]).step(call, Step::HangUp);
            }
            simulation.run(secs(10));
            simulation.finish();
        }
    }
}

#[test]
fn a_transfer_without_a_target_or_to_oneself_harms_nobody() {
    for target in ["alice", "bob"] {
        let (mut simulation, _) = transfer(9, true, Behaviour::default(), target);
        simulation.run(secs(20));
        simulation.finish();
    }
}

/// Whatever is lost, the two are together in the end, or as they were; and who sent the other is told which.
#[test]
fn a_network_that_loses_leaves_the_right_two_together() {
    for seed in 0..12 {
        let (mut simulation, [alice, bob, carol]) = with_phones(100 + seed, ["alice", "bob", "carol"]);
        simulation.tell(carol).config.behaviour = match seed % 3 {
            0 => Behaviour::rejects(486),
            _ => Behaviour::answers(ms(900)),
        };
        connect(&mut simulation, alice, bob);
        for phone in [alice, bob, carol] {
            simulation.set_line(phone, scenarios::Conditions::rough(100));
        }
        simulation.tell(bob).step(0, Step::Transfer("carol".to_owned()));
        simulation.run(secs(40));
        simulation.calm();
        simulation.run(secs(40));
        let referral = simulation.call(bob).referral.expect("a referral");
        let (is_sent, stays) = (seed % 3 != 0, if seed % 3 == 0 { bob } else { carol });
        assert!(simulation.phone(alice).live_call().is_some() && simulation.phone(stays).live_call().is_some());
        assert_eq!(simulation.phone(bob).live_call().is_some(), !is_sent, "seed {seed}");
        assert_eq!(referral.status.map(|status| status < 300), Some(is_sent), "seed {seed}: {referral:?}");
        let call = simulation.phone(alice).live_call().expect("she talks");
        simulation.tell(alice).step(call, Step::HangUp);
        simulation.run(secs(3));
        simulation.finish();
    }
}

#[test]
fn an_anonymous_caller_that_sends_its_callee_on_is_not_named() {
    for (headers, named) in [(vec![], true), (vec![("Privacy".to_owned(), "id".to_owned())], false)] {
        let (mut simulation, [alice, bob, carol]) = with_phones(40, ["alice", "bob", "carol"]);
        simulation.tell(alice).config.headers = headers;
        for phone in [alice, bob, carol] {
            simulation.set_line(phone, scenarios::Conditions::rough(50));
        }
        connect(&mut simulation, alice, bob);
        simulation.run(secs(2));
        simulation.tell(alice).step(0, Step::Transfer("carol".to_owned()));
        let moved = simulation
            .run_until(secs(30), |simulation| simulation.phone(carol).last_call().is_some_and(|call| call.is_up()));
        assert!(moved);
        let invite = &simulation.call(carol).invite_headers;
        let shown: Vec<_> = invite.iter().filter(|(_, value)| value.contains("alice")).collect();
        assert_eq!(!shown.is_empty(), named, "{shown:?}");
        simulation.grace = secs(40);
        simulation.finish();
    }
}

//! Somebody is sent on, whoever sent them hangs up, and the target does not take the call: they come back to who sent them, and nobody is left alone.

use crate::random_calls::each_seed;
use crate::{connect, ms, secs, with_phones};
use scenarios::phone::{BOTH_WAYS, Call};
use scenarios::{Behaviour, Conditions, Step, Then};

/// Why the target does not take it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Target {
    /// It is busy, after a moment.
    Busy,
    /// It rings for ever.
    Rings,
    /// Its line is dead.
    Dead,
}

fn comes_back(seed: u64, loss: u16) {
    let (mut simulation, phones) = with_phones(seed, ["alice", "bob", "carol"]);
    let [alice, bob, carol] = phones;
    let target = [Target::Busy, Target::Rings, Target::Dead][(seed % 3) as usize];
    let what = format!("seed {seed}, loss {loss}, {target:?}");
    simulation.tell(carol).config.behaviour = match target {
        Target::Busy => Behaviour { then: Then::Reject(secs(2), 486), ..Behaviour::default() },
        Target::Rings | Target::Dead => Behaviour::rings(),
    };
    connect(&mut simulation, alice, bob);
    simulation.run(secs(1));
    if loss > 0 {
        simulation.grace = secs(12);
        phones.into_iter().for_each(|phone| simulation.set_line(phone, Conditions::rough(loss)));
    }
    if target == Target::Dead {
        simulation.set_line(carol, Conditions::DEAD);
    }
    simulation.tell(bob).step(0, Step::Transfer("carol".to_owned()));
    let accepted = simulation.run_until(secs(20), |simulation| {
        simulation.phone(bob).call(0).referral.is_some_and(|referral| referral.response == Some(202))
    });
    assert!(accepted, "{what}");
    simulation.run(ms(100));
    simulation.tell(bob).step(0, Step::HangUp);
    // The target has its time to ring, and who sent them there has its own.
    let back = simulation.run_until(secs(150), |simulation| {
        let calls = simulation.phone(bob).calls();
        calls.len() > 1 && calls.last().is_some_and(Call::is_up)
    });
    assert!(back, "{what}: {:?}", simulation.call(alice).ending);
    phones.into_iter().for_each(|phone| simulation.set_line(phone, Conditions::LOCAL));
    simulation.run(secs(4));
    let speaker = simulation.call(bob).media.speaker();
    let call = simulation.phone(alice).call(0);
    assert!(call.is_up(), "{what}: {:?}", call.ending);
    assert!(call.media.hearing.speakers.get(&speaker).is_some_and(|&packets| packets > 60), "{what}");
    for phone in [alice, bob] {
        assert_eq!(simulation.call(phone).media.direction(), BOTH_WAYS, "{what}");
    }
    assert!(simulation.phone(carol).live_call().is_none(), "{what}");
    simulation.finish();
}

#[test]
fn who_was_sent_to_a_busy_a_silent_or_a_dead_telephone_comes_back_whatever_is_lost() {
    each_seed(6, |seed| comes_back(seed, 0));
    each_seed(18, |seed| comes_back(4_000 + seed, 80));
}

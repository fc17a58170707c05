//! An INVITE without an offer: the callee's answer brings it, the caller's ACK answers it.

use crate::random_calls::each_seed;
use crate::{connect, ms, secs};
use scenarios::phone::BOTH_WAYS;
use scenarios::trunk::{address, known, peer};
use scenarios::{Behaviour, Conditions, Ending, PhoneConfig, Simulation};

fn with_late_caller(seed: u64) -> (Simulation, [usize; 2]) {
    let mut simulation = Simulation::new(seed);
    let config = PhoneConfig { late_offer: true, ..simulation.phone_config("alice") };
    let alice = simulation.add(config);
    let bob = simulation.add_registered("bob");
    (simulation, [alice, bob])
}

#[test]
fn both_hear_each_other() {
    let (mut simulation, [alice, bob]) = with_late_caller(1);
    connect(&mut simulation, alice, bob);
    simulation.run(secs(3));
    for phone in [alice, bob] {
        let call = simulation.call(phone);
        assert_eq!(call.media.direction(), BOTH_WAYS);
        assert!(call.media.hearing.packets > 120, "{}", call.media.hearing.packets);
    }
    simulation.finish();
}

#[test]
fn a_service_answers_with_an_offer_of_its_own() {
    let (mut simulation, [alice, _]) = with_late_caller(2);
    simulation.tell(alice).dial("echo");
    simulation.run(secs(3));
    assert!(simulation.call(alice).is_up(), "{:?}", simulation.call(alice).ending);
    assert!(simulation.call(alice).media.hearing.packets > 100);
    simulation.finish();
}

#[test]
fn giving_up_around_the_answer_leaves_nothing() {
    for give_up in (296..306).chain([100, 1_000]) {
        let (mut simulation, [alice, bob]) = with_late_caller(give_up);
        simulation.tell(bob).config.behaviour = Behaviour::answers(ms(300));
        simulation.tell(alice).dial_with("bob", Some(ms(give_up)), Vec::new());
        simulation.run(secs(5));
        let ending = simulation.call(alice).ending;
        // Who has the answer before it gives up does not give up.
        let answered = ending.is_none() && give_up > 300;
        assert!(answered || matches!(ending, Some(Ending::Refused(487) | Ending::HungUp)), "{give_up}: {ending:?}");
        simulation.finish();
    }
}

/// A call without an offer to one who makes it in an acknowledged 183, which our PRACK answers (RFC 3262 §5): between two phones, out
/// to a trunk or in from one; the caller may know acknowledged responses itself.
fn offered_in_a_183(seed: u64, loss: u16) {
    let trunks = vec![known("one", address(1)), known("two", address(2))];
    let mut simulation = Simulation::with(seed, crate::trunk_failover::configured(trunks));
    let server = simulation.server();
    let by_chance = simulation.random().below(16);
    let ring = (by_chance & 1 != 0).then(|| ms(100));
    let behaviour = Behaviour { ring, early_media: Some(ms(300)), ..Behaviour::answers(secs(2)) };
    let known_too = by_chance & 2 != 0;
    let config = PhoneConfig { late_offer: true, reliable: known_too, ..simulation.phone_config("alice") };
    let alice = simulation.add_and_register(config);
    let config = PhoneConfig { reliable: true, behaviour: behaviour.clone(), ..simulation.phone_config("bob") };
    let bob = simulation.add_and_register(config);
    let trunk = |number| peer(if number == 1 { "one" } else { "two" }, address(number), server, behaviour.clone());
    let one = simulation.add(PhoneConfig { reliable: true, ..trunk(1) });
    let two = simulation.add(PhoneConfig { late_offer: true, reliable: known_too, ..trunk(2) });
    let (caller, callee, number) =
        [(alice, bob, "bob"), (alice, one, "030123"), (two, bob, "1bob")][(seed % 3) as usize];
    for phone in [caller, callee] {
        if loss > 0 {
            simulation.grace = secs(12);
            simulation.set_line(phone, Conditions::rough(loss));
        }
    }
    simulation.tell(caller).dial(number);
    let up = |simulation: &mut Simulation, phone: usize| {
        simulation.phone(phone).last_call().is_some_and(scenarios::phone::Call::is_up)
    };
    let both = simulation.run_until(secs(60), |simulation| up(simulation, caller) && up(simulation, callee));
    let what = format!("seed {seed}, loss {loss}, ring {ring:?}, caller {known_too}");
    assert!(both, "{what}: {:?}", simulation.phone(callee).last_call().map(|call| call.ending));
    assert!(simulation.call(callee).provisional.contains(&183), "{what}");
    let speaker = simulation.call(callee).media.speaker();
    simulation.calm();
    simulation.run(secs(4));
    for phone in [caller, callee] {
        let call = simulation.call(phone);
        assert_eq!(call.media.direction(), BOTH_WAYS, "{what}");
        assert!(call.media.hearing.packets > 100, "{what}: {}", call.media.hearing.packets);
    }
    assert!(simulation.call(caller).media.hearing.speakers[&speaker] > 100, "{what}");
    simulation.finish();
}

#[test]
fn the_callee_s_offer_in_an_acknowledged_183_is_answered_in_the_prack() {
    each_seed(40, |seed| offered_in_a_183(seed, 0));
    each_seed(80, |seed| offered_in_a_183(1_000 + seed, 100));
}

/// The callee's offer goes to a caller that acknowledges what it is told, and its answer comes back, before anybody answers the call (RFC 3262
/// §5): the announcement is heard. One that does not acknowledge hears it from the answer on.
/// A carrier that is always offered is asked by an offer of ours: the caller is offered what its 183 answers, acknowledged or not.
fn heard_before_the_answer(seed: u64, loss: u16) {
    let trunks = vec![known("one", address(1)), known("two", address(2))];
    let mut config = crate::trunk_failover::configured(trunks);
    let is_offered = seed.is_multiple_of(4);
    config.switch.plan.trunks[0].early_offer = is_offered;
    let mut simulation = Simulation::with(seed, config);
    let server = simulation.server();
    let ring = seed.is_multiple_of(2).then(|| ms(100));
    let behaviour = Behaviour { ring, early_media: Some(ms(300)), ..Behaviour::answers(secs(14)) };
    let acknowledges = !seed.is_multiple_of(5);
    let config = PhoneConfig { late_offer: true, reliable: acknowledges, ..simulation.phone_config("alice") };
    let alice = simulation.add_and_register(config);
    let config = PhoneConfig { reliable: true, behaviour: behaviour.clone(), ..simulation.phone_config("bob") };
    let bob = simulation.add_and_register(config);
    let trunk = |number| peer(if number == 1 { "one" } else { "two" }, address(number), server, behaviour.clone());
    let one = simulation.add(PhoneConfig { reliable: !is_offered, ..trunk(1) });
    let two = simulation.add(PhoneConfig { late_offer: true, reliable: acknowledges, ..trunk(2) });
    let (caller, callee, number) =
        [(alice, bob, "bob"), (alice, one, "030123"), (two, bob, "1bob")][(seed % 3) as usize];
    for phone in [caller, callee] {
        if loss > 0 {
            simulation.grace = secs(12);
            simulation.set_line(phone, Conditions::rough(loss));
        }
    }
    let what = format!("seed {seed}, loss {loss}, is offered {is_offered}, acknowledges {acknowledges}");
    let call = simulation.tell(caller).dial(number);
    simulation.run(secs(13));
    assert!(!simulation.phone(caller).call(call).is_up(), "{what}");
    let speaker = simulation.call(callee).media.speaker();
    let heard = |simulation: &Simulation| {
        let hearing = &simulation.phone(caller).call(call).media.hearing;
        hearing.speakers.get(&speaker).copied().unwrap_or(0)
    };
    if acknowledges {
        assert!(heard(&simulation) > 100, "{what}: {} of the announcement", heard(&simulation));
    } else {
        assert_eq!(heard(&simulation), 0, "{what}");
    }
    let up = simulation.run_until(secs(40), |simulation| simulation.phone(caller).call(call).is_up());
    assert!(up, "{what}: {:?}", simulation.phone(caller).call(call).ending);
    simulation.calm();
    let before = heard(&simulation);
    simulation.run(secs(4));
    assert!(heard(&simulation) > before + 100, "{what}");
    for phone in [caller, callee] {
        assert_eq!(simulation.call(phone).media.direction(), BOTH_WAYS, "{what}");
    }
    simulation.finish();
}

#[test]
fn a_caller_without_an_offer_hears_early_media_where_it_acknowledges_the_183() {
    each_seed(15, |seed| heard_before_the_answer(seed, 0));
    each_seed(30, |seed| heard_before_the_answer(2_000 + seed, 100));
}

/// A caller that offers nothing and requires each response to be acknowledged hears that it rings, whatever its callee knows of that: by an offer of ours, or
/// by the callee's; and both hear each other from the answer on (RFC 3262 §5).
fn told_that_it_rings(seed: u64, loss: u16) {
    let trunks = vec![known("one", address(1)), known("two", address(2))];
    let mut simulation = Simulation::with(seed, crate::trunk_failover::configured(trunks));
    let server = simulation.server();
    let (knows, speaks) = (seed.is_multiple_of(2), seed.is_multiple_of(4));
    let behaviour =
        Behaviour { ring: Some(ms(200)), early_media: speaks.then(|| ms(900)), ..Behaviour::answers(secs(12)) };
    let requires = |config: PhoneConfig| PhoneConfig {
        late_offer: true,
        reliable: true,
        headers: vec![("Require".to_owned(), "100rel".to_owned())],
        ..config
    };
    let config = requires(simulation.phone_config("alice"));
    let alice = simulation.add_and_register(config);
    let config = PhoneConfig { reliable: knows, behaviour: behaviour.clone(), ..simulation.phone_config("bob") };
    let bob = simulation.add_and_register(config);
    let trunk = |number| peer(if number == 1 { "one" } else { "two" }, address(number), server, behaviour.clone());
    let one = simulation.add(PhoneConfig { reliable: knows, ..trunk(1) });
    let two = simulation.add(requires(trunk(2)));
    let (caller, callee, number) =
        [(alice, bob, "bob"), (alice, one, "030123"), (two, bob, "1bob")][(seed % 3) as usize];
    if loss > 0 {
        simulation.grace = secs(12);
        // What the callee says of its ringing may get lost for good.
        simulation.set_line(caller, Conditions::rough(loss));
    }
    let what = format!("seed {seed}, loss {loss}, the callee acknowledges {knows} and speaks {speaks}");
    let call = simulation.tell(caller).dial(number);
    simulation.run(secs(11));
    let heard = &simulation.phone(caller).call(call).provisional;
    assert!(heard.iter().any(|status| matches!(status, 180 | 183)), "{what}: {heard:?}");
    let up = simulation.run_until(secs(40), |simulation| simulation.phone(caller).call(call).is_up());
    assert!(up, "{what}: {:?}", simulation.phone(caller).call(call).ending);
    simulation.calm();
    let speaker = simulation.call(callee).media.speaker();
    let from_callee = |simulation: &Simulation| {
        simulation.phone(caller).call(call).media.hearing.speakers.get(&speaker).copied().unwrap_or(0)
    };
    simulation.run(secs(1));
    let before = from_callee(&simulation);
    simulation.run(secs(4));
    assert!(from_callee(&simulation) > before + 100, "{what}");
    for phone in [caller, callee] {
        assert_eq!(simulation.call(phone).media.direction(), BOTH_WAYS, "{what}");
    }
    simulation.finish();
}

#[test]
fn a_caller_without_an_offer_that_requires_acknowledged_responses_hears_that_it_rings() {
    each_seed(12, |seed| told_that_it_rings(seed, 0));
    each_seed(24, |seed| told_that_it_rings(3_000 + seed, 100));
}

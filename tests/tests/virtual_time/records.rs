//! What a call's record says, seen from the phones: times, parties, cause, codec, packets, loss and jitter both ways.

use crate::{connect, ms, secs, with_phones};
use router::parameter::{CallRecord, CauseKind, LegQuality, Origin, Outcome};
use router::time::{Duration, WallTime};
use scenarios::simulation::PhoneIndex;
use scenarios::{Behaviour, Conditions, Simulation, Step};

fn only(simulation: &mut Simulation) -> CallRecord {
    let mut records = simulation.platform.records();
    assert_eq!(records.len(), 1);
    records.remove(0)
}

/// Whether it was so long after `begin`, give or take the network and a tick.
fn is_after(moment: Option<WallTime>, begin: WallTime, after: Duration) -> bool {
    moment.is_some_and(|moment| {
        let since = moment.since(begin);
        since >= after && since < after + ms(250)
    })
}

#[test]
fn an_answered_call_is_told_as_its_phones_had_it() {
    let (mut simulation, [alice, bob]) = with_phones(1, ["alice", "bob"]);
    simulation.tell(bob).config.behaviour = Behaviour::answers(ms(3_000));
    let dialled = simulation.now().wall;
    simulation.tell(alice).dial("bob");
    simulation.run(secs(5));
    // What Alice says is lost and late on the way, what Bob says is not.
    simulation.set_line(alice, Conditions { duplicate_permille: 0, ..Conditions::rough(100) });
    simulation.run(secs(20));
    let hung_up = simulation.now().wall;
    simulation.tell(bob).step(0, Step::HangUp);
    simulation.calm();
    simulation.run(secs(2));
    let record = only(&mut simulation);
    assert_eq!((record.caller.user(), record.called.user()), ("alice", "bob"));
    assert_eq!((&record.origin, record.destination.as_deref()), (&Origin::Account("alice".into()), Some("bob")));
    assert!(is_after(Some(record.started), dialled, Duration::ZERO), "{record:?}");
    assert!(is_after(record.ringing, record.started, ms(50)), "{record:?}");
    assert!(is_after(record.answered, record.started, ms(3_000)), "{record:?}");
    assert!(is_after(record.ended, hung_up, Duration::ZERO), "{record:?}");
    assert_eq!((record.outcome, record.ended_by_caller), (Outcome::Answered, Some(false)));
    assert_eq!(record.cause.as_ref().unwrap().kind, CauseKind::Normal);
    let told: Vec<_> = simulation.platform.observer().calls.values().filter_map(|call| call.quality.clone()).collect();
    let (ours, theirs) = (&simulation.call(alice).media, &simulation.call(bob).media);
    let (caller, callee) = (&record.caller_quality, &record.callee_quality);
    for (leg, codec) in [(caller, "PCMU"), (callee, "PCMU")] {
        assert_eq!(leg.codec.as_deref(), Some(codec));
    }
    // All that the phones sent came, or was lost; all that came went on.
    let (sent, lost) = (ours.sent, caller.packets_lost);
    assert!((60..160).contains(&lost), "of some 1,000 packets a tenth: {lost}");
    assert!(
        caller.packets_received + lost <= sent && caller.packets_received + lost + 10 > sent,
        "{caller:?} of {sent}"
    );
    // How it was to listen to either, and what who watches was told of that.
    let opinions = [caller.mos_centi, callee.mos_centi].map(|mos| mos.expect("a rating"));
    assert!((150..380).contains(&opinions[0]) && opinions[1] > 420, "{opinions:?}");
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0].caller, &told[0].callee), (&record.caller_quality, &record.callee_quality));
    // The last one may have met a port that was closed.
    assert!(callee.packets_received == theirs.sent || callee.packets_received + 1 == theirs.sent, "{callee:?}");
    assert_eq!(callee.packets_lost, 0);
    assert_eq!((callee.packets_sent, caller.packets_sent), (caller.packets_received, callee.packets_received));
    assert!(caller.jitter_us > 500 && callee.jitter_us < 1_000, "{} and {}", caller.jitter_us, callee.jitter_us);
    simulation.finish();
}

/// Alice dials `number`; Bob behaves so; how long until it is over for her, and the record.
fn in_vain(seed: u64, number: &str, bob: Behaviour, gives_up: Option<Duration>) -> CallRecord {
    let (mut simulation, [alice, callee]) = with_phones(seed, ["alice", "bob"]);
    simulation.tell(callee).config.behaviour = bob;
    let dialled = simulation.now().wall;
    simulation.tell(alice).dial(number);
    if let Some(after) = gives_up {
        simulation.run(after);
        simulation.tell(alice).step(0, Step::HangUp);
    }
    simulation.run_until(secs(240), |simulation| !simulation.call(alice).is_live());
    let over = simulation.now().wall;
    simulation.run(secs(2));
    let record = only(&mut simulation);
    assert_eq!((record.caller.user(), record.called.user()), ("alice", number));
    assert!(is_after(Some(record.started), dialled, Duration::ZERO), "{record:?}");
    assert!(record.ended.is_some_and(|ended| ended <= over && over.since(ended) < ms(250)), "{record:?}");
    assert_eq!((record.outcome, record.answered), (Outcome::Unanswered, None));
    assert_eq!(record.caller_quality, LegQuality { codec: None, ..record.caller_quality.clone() });
    assert_eq!((record.caller_quality.packets_sent, record.callee_quality.packets_sent), (0, 0));
    simulation.finish();
    record
}

#[test]
fn a_call_that_nobody_takes_is_told_with_who_ended_it_and_why() {
    let told = |record: &CallRecord| {
        let cause = record.cause.clone().unwrap();
        (cause.kind, cause.code, record.ended_by_caller, record.destination.clone())
    };
    let bob = || Some("bob".into());

    let busy = in_vain(1, "bob", Behaviour::rejects(486), None);
    assert_eq!(told(&busy), (CauseKind::Busy, Some(486), Some(false), bob()));
    assert_eq!(busy.ringing, None, "it never rang");

    let declined = in_vain(2, "bob", Behaviour::rejects(603), None);
    assert_eq!(told(&declined), (CauseKind::Declined, Some(603), Some(false), bob()));

    let unanswered = in_vain(3, "bob", Behaviour::rings(), None);
    assert_eq!(told(&unanswered), (CauseKind::NoAnswer, None, None, bob()));
    assert!(is_after(unanswered.ringing, unanswered.started, ms(50)));
    assert!(is_after(unanswered.ended, unanswered.started, secs(60)), "{unanswered:?}");

    let cancelled = in_vain(4, "bob", Behaviour::rings(), Some(secs(3)));
    assert_eq!(told(&cancelled), (CauseKind::Cancelled, None, Some(true), bob()));
    assert!(is_after(cancelled.ringing, cancelled.started, ms(50)));
    assert!(is_after(cancelled.ended, cancelled.started, secs(3)), "{cancelled:?}");

    let unknown = in_vain(5, "nobody", Behaviour::default(), None);
    assert_eq!(told(&unknown), (CauseKind::UnknownNumber, None, None, None), "no account of that name was tried");

    let silent = in_vain(6, "bob", Behaviour::silent(), None);
    let (kind, code, by, destination) = told(&silent);
    assert!(matches!(kind, CauseKind::Timeout | CauseKind::Unreachable), "{kind:?}");
    assert_eq!((code, by, destination, silent.ringing), (None, None, bob(), None));
}

/// Runs until a call is over for a phone, and a little.
fn until_over(simulation: &mut Simulation, phone: PhoneIndex, within: Duration) {
    assert!(simulation.run_until(within, |simulation| !simulation.call(phone).is_live()), "it is over");
    simulation.run(secs(2));
}

#[test]
fn a_call_whose_callee_dies_is_told_as_ended_by_neither_after_the_silence() {
    let (mut simulation, [alice, bob]) = with_phones(7, ["alice", "bob"]);
    connect(&mut simulation, alice, bob);
    simulation.run(secs(4));
    let died = simulation.now().wall;
    simulation.set_line(bob, Conditions::DEAD);
    simulation.grace = secs(200); // Alice hears nothing, as she must
    until_over(&mut simulation, alice, secs(90));
    simulation.run(secs(40));
    let record = only(&mut simulation);
    let cause = record.cause.clone().unwrap();
    assert_eq!((record.outcome, cause.kind, cause.code), (Outcome::Answered, CauseKind::MediaTimeout, None));
    assert_eq!(record.ended_by_caller, None);
    // A minute after the last packet, which came up to 20 ms before.
    assert!(is_after(record.ended, died, ms(59_980)), "{record:?}");
    let (caller, callee) = (record.caller_quality.packets_received, record.callee_quality.packets_received);
    assert!((190..260).contains(&callee) && caller > 3_000, "{caller}, {callee}");
    simulation.tell(bob).step(0, Step::HangUp);
    simulation.run(secs(40));
    simulation.calm();
    simulation.finish();
}

#[test]
fn a_transfer_is_told_as_two_conversations_that_meet() {
    let (mut simulation, [alice, bob, carol]) = with_phones(8, ["alice", "bob", "carol"]);
    simulation.tell(carol).config.behaviour = Behaviour::answers(ms(900));
    connect(&mut simulation, alice, bob);
    simulation.run(secs(4));
    simulation.tell(bob).step(0, Step::Transfer("carol".to_owned()));
    simulation.run(secs(6));
    simulation.tell(alice).step(0, Step::HangUp);
    simulation.run(secs(2));
    let mut records = simulation.platform.records();
    records.sort_by_key(|record| record.started);
    let [first, second] = &records[..] else { panic!("{records:?}") };
    let parties = |record: &CallRecord| (record.caller.user().to_owned(), record.called.user().to_owned());
    assert_eq!(parties(first), ("alice".into(), "bob".into()));
    assert_eq!(parties(second), ("alice".into(), "carol".into()));
    assert_eq!(first.cause.as_ref().unwrap().kind, CauseKind::Transferred);
    assert_eq!((first.ended_by_caller, second.ended_by_caller), (Some(false), Some(true)));
    assert_eq!(second.origin, Origin::Account("bob".into()), "on whose behalf");
    assert_eq!((first.ended, first.outcome), (second.answered, Outcome::Answered));
    assert!(is_after(second.ringing, second.started, ms(50)) && is_after(second.answered, second.started, ms(900)));
    assert_eq!(first.transferred_as.as_ref(), Some(&second.id));
    // Alice's packets are those of both conversations, and no more.
    let sent = simulation.call(alice).media.sent;
    let told = first.caller_quality.packets_received + second.caller_quality.packets_received;
    assert!(told <= sent && told + 5 > sent, "{told} of {sent}");
    let heard = first.callee_quality.packets_received;
    assert!((240..340).contains(&heard), "Bob's, until he had left: {heard}");
    assert!((230..280).contains(&second.callee_quality.packets_received), "{second:?}");
    simulation.finish();
}

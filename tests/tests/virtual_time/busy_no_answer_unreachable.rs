//! Calls that nobody takes: the right status, and the record's right cause.

use crate::{secs, with_phones};
use router::parameter::{CauseKind, Outcome};
use scenarios::{Behaviour, Conditions, Ending, Simulation};

/// Alice calls Bob, who behaves so; how it ended for Alice, and the record's cause.
fn call(seed: u64, behaviour: Behaviour) -> (Simulation, Option<Ending>, CauseKind) {
    let (mut simulation, [alice, bob]) = with_phones(seed, ["alice", "bob"]);
    simulation.tell(bob).config.behaviour = behaviour;
    simulation.tell(alice).dial("bob");
    simulation.run_until(secs(240), |simulation| !simulation.call(alice).is_live());
    simulation.run(secs(2));
    let record = simulation.platform.records().pop().expect("a record");
    assert_eq!(record.outcome, Outcome::Unanswered);
    let ending = simulation.call(alice).ending;
    (simulation, ending, record.cause.expect("a cause").kind)
}

#[test]
fn a_refusal_comes_back_as_it_was_said() {
    for (status, kind) in [
        (486, CauseKind::Busy),
        (600, CauseKind::Busy),
        (603, CauseKind::Declined),
        (480, CauseKind::Unreachable),
        (488, CauseKind::IncompatibleMedia),
    ] {
        let (simulation, ending, cause) = call(u64::from(status), Behaviour::rejects(status));
        assert_eq!((ending, cause), (Some(Ending::Refused(status)), kind));
        simulation.finish();
    }
}

#[test]
fn who_does_not_answer_is_cancelled_after_the_ringing_time() {
    let (simulation, ending, cause) = call(1, Behaviour::rings());
    assert_eq!((ending, cause), (Some(Ending::Refused(480)), CauseKind::NoAnswer));
    let bob = simulation.phones().iter().find(|phone| phone.config.name == "bob").expect("bob");
    let rung = bob.last_call().expect("a call");
    assert_eq!(rung.ending, Some(Ending::Cancelled));
    let seconds = rung.ended.map_or(0, |ended| ended.since(rung.started).as_secs());
    assert!((59..=61).contains(&seconds), "{seconds}");
    simulation.finish();
}

#[test]
fn a_phone_that_is_silent_is_unreachable_after_timer_b() {
    let (simulation, ending, cause) = call(2, Behaviour::silent());
    assert!(matches!(ending, Some(Ending::Refused(408 | 480))), "{ending:?}");
    assert!(matches!(cause, CauseKind::Timeout | CauseKind::Unreachable), "{cause:?}");
    simulation.finish();
}

#[test]
fn a_phone_whose_line_is_dead_is_unreachable() {
    let (mut simulation, [alice, bob]) = with_phones(3, ["alice", "bob"]);
    simulation.set_line(bob, Conditions::DEAD);
    simulation.tell(alice).dial("bob");
    simulation.run(secs(60));
    assert!(matches!(simulation.call(alice).ending, Some(Ending::Refused(408 | 480))));
    simulation.finish();
}

#[test]
fn a_number_that_nobody_has_is_not_found() {
    let (mut simulation, [alice]) = with_phones(4, ["alice"]);
    simulation.tell(alice).dial("nobody");
    simulation.run(secs(2));
    assert_eq!(simulation.call(alice).ending, Some(Ending::Refused(404)));
    let cause = simulation.platform.records()[0].cause.clone();
    assert_eq!(cause.map(|cause| cause.kind), Some(CauseKind::UnknownNumber));
    simulation.finish();
}

#[test]
fn a_callee_that_dies_in_mid_call_is_noticed() {
    let (mut simulation, [alice, bob]) = with_phones(5, ["alice", "bob"]);
    crate::connect(&mut simulation, alice, bob);
    simulation.set_line(bob, Conditions::DEAD);
    simulation.grace = secs(200); // Alice hears nothing, as she must
    let ended = simulation.run_until(secs(90), |simulation| !simulation.call(alice).is_live());
    assert!(ended, "no media for a minute ends a call");
    let records = {
        simulation.run(secs(40));
        simulation.platform.records()
    };
    assert_eq!(records[0].cause.as_ref().map(|cause| cause.kind), Some(CauseKind::MediaTimeout));
    simulation.tell(bob).step(0, scenarios::Step::HangUp);
    simulation.run(secs(40));
    simulation.calm();
    simulation.finish();
}

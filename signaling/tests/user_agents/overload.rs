//! A shard that does not catch up with what comes.

use crate::harness::*;
use crate::peer::Peer;
use router::parameter::{CauseKind, Parameter};
use router::{Command, Emergency};
use signaling::limits::OVERLOAD_RETRY_S;
use signaling::message::Header;

/// Calls of the trunk, one for each window of 20 ms of a shard that is late, for so long. How many were refused.
fn late(world: &mut World, from: &mut u32, millis: u64) -> usize {
    let mut refused = 0;
    for _ in 0..millis / 20 {
        *from += 1;
        let mut carrier = Peer::new(TRUNK, &format!("c{from}"), "4930123");
        carrier.asks(world, "INVITE", "", &sdp(1, 4_000, "sendrecv"));
        world.run_ms(20);
        world.signaling.handle_turn(world.now, 8, false);
        let responses = world.take(carrier.address);
        if let Some(refusal) = responses.iter().find(|response| first_line(response).starts_with("SIP/2.0 503")) {
            let wait: u64 = header(refusal, Header::RetryAfter).parse().unwrap();
            assert!((1..=OVERLOAD_RETRY_S).contains(&wait), "{wait}");
            carrier.acknowledges_refusal(world, refusal);
            refused += 1;
        } else {
            let packet = world.asked(Command::Start);
            world.refuse(&packet, CauseKind::Busy);
            let busy = world.expect(carrier.address, "SIP/2.0 486");
            carrier.acknowledges_refusal(world, &busy);
        }
    }
    refused
}

#[test]
fn new_calls_are_refused_while_a_shard_does_not_catch_up_and_what_was_begun_is_finished() {
    let mut world = World::with(11, |config| config.emergency = Emergency::new(vec!["112".to_owned()]));
    let (mut alice, _) = alice_talks(&mut world);
    let mut calls = 0;
    world.signaling.handle_turn(world.now, 1, true);
    assert_eq!(late(&mut world, &mut calls, 180), 0, "late for a moment");
    // Some from then on, the more the longer, and never all.
    let (some, most) = (late(&mut world, &mut calls, 200), late(&mut world, &mut calls, 4_000));
    assert!((1..10).contains(&some), "{some}");
    assert!((150..200).contains(&most), "{most}");
    // Who calls for help is let in; who asks whether we are there is told so.
    for _ in 0..10 {
        calls += 1;
        let mut caller = Peer::new(TRUNK, &format!("c{calls}"), "112");
        caller.asks(&mut world, "INVITE", "", &sdp(1, 4_000, "sendrecv"));
        let packet = world.asked(Command::Start);
        assert!(matches!(packet.first(), Some(Parameter::Call(call)) if call.called.user() == "112"), "{packet:?}");
        world.refuse(&packet, CauseKind::Busy);
        let busy = world.expect(caller.address, "SIP/2.0 486");
        caller.acknowledges_refusal(&mut world, &busy);
    }
    let mut monitor = Peer::new(TRUNK, "monitor", "4930123");
    monitor.asks(&mut world, "OPTIONS", "", "");
    world.expect(monitor.address, "SIP/2.0 200");
    // The call that was up ends as ever.
    alice.asks(&mut world, "BYE", "", "");
    world.expect(alice.address, "SIP/2.0 200");
    world.asked(Command::Stop);
    // A second later all that comes is served again.
    for _ in 0..100 {
        world.run_ms(20);
        world.signaling.handle_turn(world.now, 8, true);
    }
    for _ in 0..20 {
        calls += 1;
        let mut carrier = Peer::new(TRUNK, &format!("c{calls}"), "4930123");
        carrier.asks(&mut world, "INVITE", "", &sdp(1, 4_000, "sendrecv"));
        let packet = world.asked(Command::Start);
        world.refuse(&packet, CauseKind::Busy);
        let busy = world.expect(carrier.address, "SIP/2.0 486");
        carrier.acknowledges_refusal(&mut world, &busy);
    }
}

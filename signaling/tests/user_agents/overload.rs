//! A shard that does not catch up with what comes.

use crate::harness::*;
use crate::peer::Peer;
use router::parameter::{CauseKind, Parameter};
use router::{Command, Emergency, Packet, Received};
use signaling::limits::OVERLOAD_RETRY_S;
use signaling::message::{Header, Message};

/// As much as a turn serves of what waits.
const TURN: usize = router::limits::BACKLOG_PER_TURN;

/// Calls of the trunk that come together; who calls, and with what.
fn calls(world: &mut World, named: &str, count: usize) -> Vec<(Peer, String)> {
    let calls = (0..count).map(|number| {
        let mut carrier = Peer::new(TRUNK, &format!("{named}{number}"), "4930123");
        let invite = carrier.request("INVITE", "", &sdp(1, 4_000, "sendrecv"));
        (carrier, invite)
    });
    let calls: Vec<_> = calls.collect();
    for (carrier, invite) in &calls {
        world.send(carrier.address, invite);
    }
    world.run_ms(5);
    calls
}

/// A turn of the shard: what waits has its share of it. The calls that the switch is asked for, and what the trunk is told.
fn turn(world: &mut World, took_all: bool) -> (Vec<Packet>, Vec<Message>) {
    world.signaling.serve_waiting(world.now);
    world.signaling.handle_turn(world.now, took_all);
    world.run_ms(2);
    (started(world), world.take(TRUNK.parse().unwrap()))
}

/// The calls that the switch has been asked for.
fn started(world: &mut World) -> Vec<Packet> {
    let packets = std::mem::take(&mut world.at_switch).into_iter().filter_map(|received| match received {
        Received::Packet(packet) if packet.command == Command::Start => Some(packet),
        _ => None,
    });
    packets.collect()
}

fn refusals(messages: &[Message]) -> Vec<&Message> {
    messages.iter().filter(|message| first_line(message).starts_with("SIP/2.0 503")).collect()
}

fn end(world: &mut World, started: &[Packet]) {
    for packet in started {
        world.refuse(packet, CauseKind::Busy);
    }
    world.run_ms(5);
    world.take(TRUNK.parse().unwrap());
}

#[test]
fn new_calls_wait_while_a_shard_does_not_catch_up_and_those_that_are_late_are_refused() {
    let mut world = World::new(11);
    world.signaling.handle_turn(world.now, false);
    let peers = calls(&mut world, "c", TURN + 20);
    assert!(started(&mut world).is_empty(), "they wait");
    // A burst: as many as a turn takes, and none is refused.
    let (first, told) = turn(&mut world, false);
    assert_eq!((first.len(), refusals(&told).len()), (TURN, 0));
    // A fifth of a second later as many are served again; beyond, they are too late.
    world.run_ms(250);
    let more = calls(&mut world, "d", 4);
    let (second, told) = turn(&mut world, false);
    let refused = refusals(&told);
    assert_eq!((second.len(), refused.len()), (TURN, 8), "the oldest are");
    let (carrier, invite) = &peers[TURN];
    let refusal = refused.iter().find(|refusal| header(refusal, Header::CallId) == carrier.call_id).unwrap();
    let wait: u64 = header(refusal, Header::RetryAfter).parse().unwrap();
    assert!((1..=OVERLOAD_RETRY_S).contains(&wait), "{wait}");
    // Who acknowledges that is heard no further; who repeats it gets the same again, even now that all is served.
    let tag = refusal.to_tag().unwrap();
    let mut late = carrier.clone();
    late.acknowledges_refusal(&mut world, refusal);
    let told = turn(&mut world, true).1;
    assert!(told.is_empty(), "{told:?}");
    world.send(late.address, invite);
    world.run_ms(5);
    let told = world.take(late.address);
    assert_eq!((refusals(&told).len(), told[0].to_tag().unwrap()), (1, tag));
    // One that was accepted is refused by no repetition.
    for (carrier, invite) in [&peers[0], &more[3]] {
        world.send(carrier.address, invite);
    }
    world.run_ms(5);
    assert!(refusals(&world.take(TRUNK.parse().unwrap())).is_empty() && started(&mut world).is_empty());
    end(&mut world, &[first, second].concat());
    // New ones are served as they come.
    calls(&mut world, "e", 30);
    let served = started(&mut world);
    assert_eq!(served.len(), 30);
    end(&mut world, &served);
}

#[test]
fn what_was_begun_and_calls_for_help_do_not_wait() {
    let mut world = World::with(12, |config| config.emergency = Emergency::new(vec!["112".to_owned()]));
    let (mut alice, _) = alice_talks(&mut world);
    world.signaling.handle_turn(world.now, false);
    calls(&mut world, "c", 100);
    world.run_ms(300);
    let mut caller = Peer::new(TRUNK, "frightened", "112");
    caller.asks(&mut world, "INVITE", "", &sdp(1, 4_000, "sendrecv"));
    let packet = world.asked(Command::Start);
    assert!(matches!(packet.first(), Some(Parameter::Call(call)) if call.called.user() == "112"), "{packet:?}");
    world.refuse(&packet, CauseKind::Busy);
    world.expect(caller.address, "SIP/2.0 486");
    let mut monitor = Peer::new(TRUNK, "monitor", "4930123");
    monitor.asks(&mut world, "OPTIONS", "", "");
    world.expect(monitor.address, "SIP/2.0 200");
    // The call that was up ends as ever.
    alice.asks(&mut world, "BYE", "", "");
    world.expect(alice.address, "SIP/2.0 200");
    world.asked(Command::Stop);
    // Of another kind what is new has its turn beside the calls, and is not refused for their sake.
    let mut bob = Peer::new("198.51.100.8:5060", "bob", "bob");
    bob.asks(&mut world, "REGISTER", "Expires: 600\r\n", "");
    world.run_ms(5);
    assert!(world.take(bob.address).is_empty());
    let (served, told) = turn(&mut world, false);
    assert_eq!((served.len(), refusals(&told).len()), (TURN - 1, 100 - TURN));
    world.expect(bob.address, "SIP/2.0 401");
    end(&mut world, &served);
}

#[test]
fn who_gives_up_a_call_that_waits_is_called_back_by_nobody() {
    let mut world = World::new(13);
    world.signaling.handle_turn(world.now, false);
    let peers = calls(&mut world, "c", 1);
    let carrier = &peers[0].0;
    world.send(carrier.address, &carrier.cancel(""));
    world.run_ms(5);
    assert!(world.take(carrier.address).is_empty(), "it waits behind its INVITE");
    world.signaling.serve_waiting(world.now);
    world.expect(carrier.address, "SIP/2.0 200");
    let refusal = world.expect(carrier.address, "SIP/2.0 487");
    carrier.clone().acknowledges_refusal(&mut world, &refusal);
    world.asked(Command::Start);
    world.asked(Command::Stop);
    // One whose INVITE was refused cancels nothing.
    let peers = calls(&mut world, "d", TURN + 1);
    let carrier = &peers[0].0;
    world.run_ms(300);
    let (served, told) = turn(&mut world, false);
    assert_eq!(refusals(&told).len(), 1);
    world.send(carrier.address, &carrier.cancel(""));
    world.expect(carrier.address, "SIP/2.0 481");
    end(&mut world, &served);
}

#[test]
fn a_flood_of_calls_for_help_waits_as_any_other() {
    let mut world = World::with(14, |config| config.emergency = Emergency::new(vec!["112".to_owned()]));
    world.signaling.handle_turn(world.now, false);
    for number in 0..400 {
        let mut caller = Peer::new(TRUNK, &format!("c{number}"), "112");
        caller.asks(&mut world, "INVITE", "", &sdp(1, 4_000, "sendrecv"));
    }
    world.run_ms(5);
    let first = started(&mut world);
    assert!((200..210).contains(&first.len()), "{}", first.len());
    end(&mut world, &first);
    let (served, told) = turn(&mut world, false);
    assert_eq!((served.len(), refusals(&told).len()), (TURN, 0));
    end(&mut world, &served);
}

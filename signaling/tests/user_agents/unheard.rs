//! Trunks that leave an INVITE without any response: given up in time for another one, with whatever comes late ended.

use super::harness::{
    CALL, LEG, TRUNK, World, call_trunk, cause, contact, header, leg_state, offer, sdp, start_leg, to_trunk,
};
use super::peer::Peer;
use router::Command;
use router::parameter::{CauseKind, Leg, LegPhase, LegState, Party, Target};
use signaling::message::Header;
use std::net::SocketAddr;

fn trunk() -> SocketAddr {
    TRUNK.parse().unwrap()
}

/// A leg to the trunk that was given up as unheard, and its INVITE.
fn given_up(seed: u64) -> (World, signaling::message::Message) {
    let mut world = World::new(seed);
    call_trunk(&mut world, offer(20_000));
    let invite = world.expect(trunk(), "INVITE");
    world.run_ms(3_900);
    assert_eq!(world.signaling.legs(), 1);
    world.run_ms(200);
    let failure = world.told(Command::Failed);
    assert_eq!((cause(&failure).kind, cause(&failure).code), (CauseKind::Timeout, None));
    assert_eq!(world.signaling.legs(), 0);
    let sent = world.take(trunk());
    assert!(
        sent.iter().all(|message| message.method() == invite.method()),
        "nothing is cancelled that is not heard of"
    );
    (world, invite)
}

#[test]
fn a_late_provisional_response_is_cancelled() {
    let (mut world, invite) = given_up(1);
    let carrier = Peer::of_invite(trunk(), &invite, "c");
    world.run_ms(1_000);
    carrier.respond(&mut world, &invite, "100 Trying", "", "");
    let cancel = world.expect(trunk(), "CANCEL");
    carrier.respond(&mut world, &cancel, "200 OK", "", "");
    carrier.respond(&mut world, &invite, "487 Request Terminated", "", "");
    world.expect(trunk(), "ACK");
    world.assert_idle();
}

#[test]
fn a_late_answer_is_acknowledged_and_hung_up() {
    let (mut world, invite) = given_up(2);
    let carrier = Peer::of_invite(trunk(), &invite, "c");
    world.run_ms(20_000);
    world.take(trunk());
    carrier.respond(&mut world, &invite, "200 OK", "", &sdp(1, 5_000, "sendrecv"));
    world.expect(trunk(), "ACK");
    let bye = world.expect(trunk(), "BYE");
    carrier.respond(&mut world, &bye, "200 OK", "", "");
    world.assert_idle();
}

#[test]
fn a_late_refusal_is_acknowledged() {
    let (mut world, invite) = given_up(3);
    let carrier = Peer::of_invite(trunk(), &invite, "c");
    carrier.respond(&mut world, &invite, "503 Service Unavailable", "", "");
    world.expect(trunk(), "ACK");
    world.assert_idle();
}

#[test]
fn any_response_at_all_is_one() {
    let mut world = World::new(4);
    let leg = call_trunk(&mut world, offer(20_000));
    let invite = world.expect(trunk(), "INVITE");
    let carrier = Peer::of_invite(trunk(), &invite, "c");
    carrier.respond(&mut world, &invite, "100 Trying", "", "");
    world.run_ms(60_000);
    assert_eq!(world.signaling.legs(), 1, "how long it may ring is the switch's to say");
    carrier.respond(&mut world, &invite, "200 OK", "", &sdp(1, 5_000, "sendrecv"));
    assert_eq!(leg_state(&world.told(Command::Done)).phase, LegPhase::Answered);
    world.expect(trunk(), "ACK");
    world.ask(CALL, leg, Command::Stop, LegState::released(CauseKind::Normal));
    let bye = world.expect(trunk(), "BYE");
    carrier.respond(&mut world, &bye, "200 OK", "", "");
    world.assert_idle();
}

#[test]
fn the_time_is_the_trunk_s_own_and_phones_have_theirs() {
    let mut world = World::with(5, |config| {
        config.trunks[0].response_timeout = router::time::Duration::from_secs(1);
    });
    call_trunk(&mut world, offer(20_000));
    world.run_ms(1_100);
    world.told(Command::Failed);
    world.take(trunk());
    let phone: SocketAddr = "198.51.100.9:5060".parse().unwrap();
    let target = Target::Contact(contact("sip:bob@198.51.100.9", "udp 192.0.2.1:5060 198.51.100.9:5060"));
    let leg = start_leg(&mut world, target, offer(20_000));
    assert_eq!(leg, LEG);
    let invite = world.expect(phone, "INVITE");
    assert_eq!(header(&invite, Header::CSeq), "1 INVITE");
    world.run_ms(5_900);
    assert!(world.signaling.legs() >= 1);
    world.run_ms(200);
    assert_eq!(cause(&world.told(Command::Failed)).kind, CauseKind::Unreachable);
    world.run_ms(30_000);
    world.assert_idle();
}

#[test]
fn a_phone_that_leaves_keep_alives_unanswered_has_less_time() {
    let mut world = World::new(8);
    let phone: SocketAddr = "198.51.100.9:5060".parse().unwrap();
    let silent = contact("sip:bob@198.51.100.9", "udp 192.0.2.1:5060 198.51.100.9:5060");
    let target = Target::Contact(router::parameter::Contact { reachable: Some(false), ..silent });
    start_leg(&mut world, target, offer(20_000));
    world.expect(phone, "INVITE");
    world.run_ms(2_100);
    assert_eq!(cause(&world.told(Command::Failed)).kind, CauseKind::Unreachable);
    world.run_ms(34_000);
    world.assert_idle();
}

#[test]
fn a_leg_that_is_stopped_before_it_is_heard_is_not_given_up_twice() {
    let mut world = World::new(6);
    let leg = call_trunk(&mut world, offer(20_000));
    world.run_ms(3_000);
    world.ask(CALL, leg, Command::Stop, LegState::released(CauseKind::Cancelled));
    world.run_ms(33_000);
    world.told(Command::Failed);
    world.assert_idle();
}

#[test]
fn a_long_invite_that_goes_by_udp_after_all_has_its_time_there() {
    let mut world = World::new(7);
    let caller = Party { display_name: Some("x".repeat(1_200).into()), ..Party::new("alice", "example.org") };
    world.ask(CALL, LEG, Command::Start, Leg { caller, ..to_trunk(offer(20_000)) });
    let invite = world.expect(trunk(), "INVITE");
    assert!(invite.via().unwrap().raw().starts_with(b"SIP/2.0/TCP"));
    world.run_ms(9_000);
    assert_eq!(world.signaling.legs(), 1);
    let invite = world.take(trunk()).pop().expect("the INVITE by UDP");
    assert!(invite.via().unwrap().raw().starts_with(b"SIP/2.0/UDP"));
    let carrier = Peer::of_invite(trunk(), &invite, "c");
    carrier.respond(&mut world, &invite, "486 Busy Here", "", "");
    assert_eq!(cause(&world.told(Command::Failed)).kind, CauseKind::Busy);
    world.assert_idle();
}

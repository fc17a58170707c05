//! A peer that can do with nothing of the first offer.

use super::harness::{CALL, TRUNK, World, call_trunk, cause, header, leg_state, offer, sdp, state};
use super::peer::Peer;
use router::parameter::{CauseKind, LegPhase, LegState};
use router::{Address, Command};
use signaling::limits;
use signaling::message::{Header, Message};
use std::net::SocketAddr;

const REFUSAL: &str = "488 Not Acceptable Here";

fn trunk() -> SocketAddr {
    TRUNK.parse().unwrap()
}

/// The trunk refuses the offer of a leg, and the switch is told.
fn refused(world: &mut World, status: &str) -> (Address, Message) {
    let leg = call_trunk(world, offer(20_000));
    let invite = world.expect(trunk(), "INVITE");
    Peer::of_invite(trunk(), &invite, "c").respond(world, &invite, status, "", "");
    world.expect(trunk(), "ACK");
    let code = status.split(' ').next().unwrap().parse().ok();
    loop {
        let told = world.told(Command::Progress);
        if let Some(cause) = &leg_state(&told).cause {
            assert_eq!((cause.kind, cause.code), (CauseKind::IncompatibleMedia, code));
            return (leg, invite);
        }
    }
}

#[test]
fn another_offer_goes_in_another_invite_of_the_same_leg() {
    for status in [REFUSAL, "415 Unsupported Media Type", "606 Not Acceptable"] {
        let mut world = World::new(1);
        let (leg, first) = refused(&mut world, status);
        world.ask(CALL, leg, Command::Set, state(LegPhase::Trying, offer(20_002)));
        world.told(Command::Done);
        let invite = world.expect(trunk(), "INVITE");
        assert_eq!(header(&invite, Header::CallId), header(&first, Header::CallId));
        assert_eq!(header(&invite, Header::CSeq), "2 INVITE");
        assert!(std::str::from_utf8(invite.body_octets()).unwrap().contains("m=audio 20002 "));
        let carrier = Peer::of_invite(trunk(), &invite, "d");
        carrier.respond(&mut world, &invite, "200 OK", "", &sdp(1, 5_000, "sendrecv"));
        world.expect(trunk(), "ACK");
        assert!(leg_state(&world.told(Command::Done)).media.is_some());
        world.ask(CALL, leg, Command::Stop, LegState::released(CauseKind::Normal));
        let bye = world.expect(trunk(), "BYE");
        carrier.respond(&mut world, &bye, "200 OK", "", "");
        world.assert_idle();
    }
}

#[test]
fn a_leg_without_another_offer_fails_as_it_was_refused() {
    // The switch has none, says nothing, or wants the leg no more.
    for said in 0..3 {
        let mut world = World::new(2);
        let (leg, _) = refused(&mut world, REFUSAL);
        match said {
            0 => world.ask(CALL, leg, Command::Set, LegState::new(LegPhase::Trying)),
            1 => world.run_ms(limits::ANOTHER_OFFER_WITHIN.as_millis() as u64 + 10),
            _ => world.ask(CALL, leg, Command::Stop, LegState::released(CauseKind::Cancelled)),
        }
        let kind = if said == 2 { CauseKind::Cancelled } else { CauseKind::IncompatibleMedia };
        assert_eq!(cause(&world.told(Command::Failed)).kind, kind);
        assert!(world.take(trunk()).is_empty());
        world.assert_idle();
    }
}

#[test]
fn there_is_no_third_offer() {
    let mut world = World::new(3);
    let (leg, _) = refused(&mut world, REFUSAL);
    world.ask(CALL, leg, Command::Set, state(LegPhase::Trying, offer(20_002)));
    let invite = world.expect(trunk(), "INVITE");
    Peer::of_invite(trunk(), &invite, "d").respond(&mut world, &invite, REFUSAL, "", "");
    world.expect(trunk(), "ACK");
    assert_eq!(cause(&world.told(Command::Failed)).code, Some(488));
    world.assert_idle();
}

#[test]
fn who_was_asked_for_an_offer_is_not_asked_again() {
    let mut world = World::new(4);
    call_trunk(&mut world, None);
    let invite = world.expect(trunk(), "INVITE");
    Peer::of_invite(trunk(), &invite, "c").respond(&mut world, &invite, REFUSAL, "", "");
    world.expect(trunk(), "ACK");
    assert_eq!(cause(&world.told(Command::Failed)).code, Some(488));
    world.assert_idle();
}

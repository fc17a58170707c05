//! Candidates that come by INFO (trickle, RFC 8840).

use super::harness::{TRUNK, World, alice_calls, alice_talks, call_trunk, header, leg_state, offer, sdp};
use super::peer::Peer;
use router::Command;
use router::parameter::{LegPhase, LegState};
use signaling::Connectivity;
use signaling::message::{Header, Message};

const PASSWORD: &str = "asd88fgpdd777uzjYhagZg";

/// What Alice offers: ways, and no candidate yet.
fn trickling() -> String {
    let body = sdp(1, 9, "sendrecv").replace("c=IN IP4 198.51.100.7", "c=IN IP4 0.0.0.0");
    format!("{body}a=ice-options:trickle ice2\r\na=ice-ufrag:8hhY\r\na=ice-pwd:{PASSWORD}\r\n")
}

fn fragment(ufrag: &str, port: u16) -> String {
    format!(
        "a=ice-ufrag:{ufrag}\r\na=ice-pwd:{PASSWORD}\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n\
         a=candidate:1 1 UDP 2130706431 198.51.100.7 {port} typ host\r\na=end-of-candidates\r\n"
    )
}

const PACKAGE: &str = "Info-Package: trickle-ice\r\nContent-Type: application/trickle-ice-sdpfrag\r\n\
    Content-Disposition: Info-Package\r\n";

fn world(is_lite: bool) -> World {
    World::with(1, |config| config.ice_lite = is_lite)
}

fn recv_info(message: &Message) -> Option<&str> {
    message.text("Recv-Info")
}

#[test]
fn candidates_that_a_caller_names_later_are_the_ports_to_know() {
    let mut world = world(false);
    let mut alice = Peer::new(super::harness::ALICE, "alice", "200");
    alice.invite(&mut world, "", &trickling());
    let packet = world.asked(Command::Start);
    world.ring(&packet);
    let ringing = world.expect(alice.address, "SIP/2.0 180");
    assert_eq!(recv_info(&ringing), Some("trickle-ice"));
    alice.learn(&ringing);
    // Before the call is answered, and after.
    alice.asks(&mut world, "INFO", PACKAGE, &fragment("8hhY", 6_000));
    world.expect(alice.address, "SIP/2.0 200");
    let set = world.asked(Command::Set);
    let state = leg_state(&set);
    assert_eq!((state.media.is_none(), state.candidates.len()), (true, 1));
    assert_eq!(state.candidates[0].address, "198.51.100.7:6000".parse().unwrap());
    world.answer(&set, Command::Done, LegState::new(LegPhase::Early));
    world.accept(&packet);
    let ok = world.expect(alice.address, "SIP/2.0 200");
    assert_eq!(recv_info(&ok), Some("trickle-ice"));
    alice.learn(&ok);
    alice.acknowledges(&mut world, "");
    world.run_ms(10);
    alice.asks(&mut world, "INFO", PACKAGE, &fragment("8hhY", 6_002));
    world.expect(alice.address, "SIP/2.0 200");
    let set = world.asked(Command::Set);
    assert_eq!(leg_state(&set).candidates.len(), 1);
    world.answer(&set, Command::Done, LegState::new(LegPhase::Answered));
    // Those that are known, and those of another search, are nobody's to hear of.
    for (ufrag, port) in [("8hhY", 6_000), ("former", 6_004)] {
        alice.asks(&mut world, "INFO", PACKAGE, &fragment(ufrag, port));
        world.expect(alice.address, "SIP/2.0 200");
    }
    let plain = PACKAGE.replace("application/trickle-ice-sdpfrag", "text/plain");
    alice.asks(&mut world, "INFO", &plain, &fragment("8hhY", 6_006));
    world.expect(alice.address, "SIP/2.0 415");
    alice.asks(&mut world, "INFO", PACKAGE, "nothing of the kind");
    world.expect(alice.address, "SIP/2.0 400");
    alice.asks(&mut world, "BYE", "", "");
    world.expect(alice.address, "SIP/2.0 200");
}

#[test]
fn who_has_agreed_on_no_ways_is_told_that_none_are_taken() {
    for is_lite in [false, true] {
        let mut world = world(is_lite);
        let (mut alice, _) = alice_talks(&mut world);
        alice.asks(&mut world, "INFO", PACKAGE, &fragment("8hhY", 6_000));
        let refused = world.expect(alice.address, "SIP/2.0 469");
        assert_eq!(recv_info(&refused), Some("nil"));
    }
    // Who answers checks alone has no use for them, and does not ask for any.
    let mut world = world(true);
    let (alice, _) = alice_calls(&mut world);
    let told = world.take(alice.address);
    assert!(told.iter().all(|message| recv_info(message).is_none()));
}

#[test]
fn our_offers_say_that_candidates_may_follow() {
    for (is_lite, connectivity, said) in [
        (false, Connectivity::Offer, Some("trickle-ice")),
        (true, Connectivity::Offer, None),
        (false, Connectivity::May, None),
    ] {
        let mut world = World::with(2, |config| {
            config.ice_lite = is_lite;
            config.calls.connectivity = connectivity;
        });
        call_trunk(&mut world, offer(20_000));
        let invite = world.expect(TRUNK.parse().unwrap(), "INVITE");
        assert_eq!(recv_info(&invite), said);
        let body = String::from_utf8_lossy(invite.body_octets()).into_owned();
        assert_eq!(body.contains("a=ice-options:ice2 trickle"), said.is_some(), "{body}");
        assert!(!header(&invite, Header::Supported).is_empty());
    }
}

//! Candidates that come by INFO (trickle, RFC 8840).

use super::harness::{TRUNK, World, alice_calls, alice_talks, call_trunk, header, leg_state, offer, sdp};
use super::peer::{Peer, response};
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

/// What Alice's phone would answer, or offer, at a port.
fn seeking(ufrag: &str, port: u16) -> String {
    let candidate = format!("a=candidate:1 1 UDP 2130706431 198.51.100.7 {port} typ host\r\n");
    format!(
        "{}a=ice-options:trickle ice2\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{PASSWORD}\r\n{candidate}",
        sdp(1, port, "sendrecv")
    )
}

/// A fork names a candidate; whether the call is told.
fn names(world: &mut World, invite: &Message, tag: &str, cseq: u32, port: u16) -> bool {
    let trunk = TRUNK.parse().unwrap();
    let mut fork = Peer::of_invite(trunk, invite, tag);
    (fork.cseq, fork.branches) = (cseq, cseq);
    fork.asks(world, "INFO", PACKAGE, &fragment(tag, port));
    world.expect(trunk, "SIP/2.0 200");
    world.run_ms(10);
    let told: Vec<_> = std::mem::take(&mut world.at_switch).into();
    let mut sets = told.iter().filter_map(|received| match received {
        router::Received::Packet(packet) if packet.command == Command::Set => Some(packet),
        _ => None,
    });
    let set = sets.next_back().cloned();
    if let Some(set) = &set {
        let candidates = &leg_state(set).candidates;
        assert_eq!(candidates.iter().map(|it| it.address.port()).collect::<Vec<_>>(), [port]);
        world.answer(set, Command::Done, LegState::new(LegPhase::Early));
    }
    set.is_some()
}

/// RFC 8840 §4.3: candidates are of one dialog. The port checks those of who is heard; those of another fork come with its answer.
#[test]
fn candidates_of_a_fork_that_is_not_heard_are_told_with_its_answer() {
    let mut world = World::with(3, |config| {
        config.ice_lite = false;
        config.calls.connectivity = Connectivity::Offer;
    });
    let trunk = TRUNK.parse().unwrap();
    call_trunk(&mut world, offer(20_000));
    let invite = world.expect(trunk, "INVITE");
    for (tag, port) in [("8one", 5_000), ("8two", 6_000)] {
        world.send(trunk, &response(&invite, tag, "b", trunk, "183 Session Progress", "", &seeking(tag, port)));
        world.run_ms(10);
    }
    assert!(!names(&mut world, &invite, "8two", 1, 6_002));
    assert!(names(&mut world, &invite, "8one", 1, 5_002));
    world.at_switch.clear();
    world.send(trunk, &response(&invite, "8two", "b", trunk, "200 OK", "", &seeking("8two", 6_000)));
    world.expect(trunk, "ACK");
    let done = world.told(Command::Done);
    let media = leg_state(&done).media.clone().unwrap();
    let candidates = &media.description().streams[0].ice.as_ref().unwrap().candidates;
    assert_eq!(candidates.iter().map(|it| it.address.port()).collect::<Vec<_>>(), [6_000, 6_002]);
}

/// Where ours was no offer, the call knows the first that is made.
#[test]
fn candidates_of_who_has_made_the_first_offer_are_told() {
    let mut world = World::with(4, |config| config.ice_lite = false);
    let trunk = TRUNK.parse().unwrap();
    let leg = call_trunk(&mut world, None);
    let invite = world.expect(trunk, "INVITE");
    let offers = |world: &mut World, tag: &str, port| {
        let headers = "Require: 100rel\r\nRSeq: 7\r\n";
        world.send(trunk, &response(&invite, tag, "b", trunk, "183 Session Progress", headers, &seeking(tag, port)));
        world.run_ms(10);
    };
    offers(&mut world, "8one", 5_000);
    offers(&mut world, "8two", 6_000);
    assert!(!names(&mut world, &invite, "8two", 1, 6_002));
    assert!(names(&mut world, &invite, "8one", 1, 5_002));
    world.ask(
        super::harness::CALL,
        leg,
        Command::Set,
        LegState::new(LegPhase::Answered).with_media(super::harness::answer(20_002)),
    );
    for tag in ["8one", "8two"] {
        let prack = world.expect(trunk, "PRACK");
        assert_eq!(prack.to_tag().unwrap().as_str(), tag);
        world.send(trunk, &response(&prack, tag, "b", trunk, "200 OK", "", ""));
    }
    assert!(!names(&mut world, &invite, "8two", 2, 6_004));
    assert!(names(&mut world, &invite, "8one", 2, 5_004));
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

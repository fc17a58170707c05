//! What is wrong with a request is said in the words of the answer, so that whoever runs the peer can mend it.

use super::harness::{ALICE, TRUNK, World, alice_talks, first_line, sdp};
use super::peer::Peer;

#[test]
fn a_description_that_cannot_be_read_is_named_with_its_line() {
    let mut world = World::new(1);
    let good = sdp(1, 4_000, "sendrecv");
    let streams = format!("{good}{}", "m=audio 4002 RTP/AVP 0\r\n".repeat(1_000));
    let formats = good.replace("RTP/AVP 0 101", &format!("RTP/AVP {}", "0 ".repeat(200).trim_end()));
    for (number, (body, words)) in [
        ("v=0\r\nthis is no description\r\n".to_owned(), "SDP line 2 (t=): not a letter and an equals sign"),
        (good.replace("o=- 1 1 IN IP4 198.51.100.7\r\n", ""), "the origin line is missing"),
        (streams, "too many"),
        (formats, "too many formats"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut carrier = Peer::new(TRUNK, &format!("{number}"), "200");
        carrier.asks(&mut world, "INVITE", "", &body);
        let refusal = world.expect(carrier.address, "SIP/2.0 4");
        carrier.acknowledges_refusal(&mut world, &refusal);
        let answer = first_line(&refusal);
        assert!(answer.starts_with("SIP/2.0 400 SDP line ") && answer.contains(words), "{answer}");
        let (mut alice, _) = alice_talks(&mut world);
        alice.asks(&mut world, "INVITE", "", &body);
        let refusal = world.expect(alice.address, "SIP/2.0 4");
        alice.clone().acknowledges_refusal(&mut world, &refusal);
        let answer = first_line(&refusal);
        assert!(answer.contains(words), "within a call: {answer}");
        alice.asks(&mut world, "BYE", "", "");
        world.run_ms(40_000);
        world.take(alice.address);
        world.at_switch.clear();
    }
    world.assert_idle();
}

#[test]
fn what_a_transfer_or_a_text_lacks_is_named() {
    let mut world = World::new(2);
    let (mut alice, _) = alice_talks(&mut world);
    for (headers, words) in [
        ("", "400 Missing Refer-To Header"),
        ("Refer-To: <sip:1@h>\r\nRefer-To: <sip:2@h>\r\n", "400 Repeated Refer-To Header"),
        ("Refer-To: \"x\r\n", "400 Malformed Refer-To Header"),
        ("Refer-To: <sip:1@h?Replaces=x>\r\n", "400 Malformed Replaces Or Join In Refer-To"),
    ] {
        alice.asks(&mut world, "REFER", headers, "");
        world.expect(alice.address, &format!("SIP/2.0 {words}"));
    }
    alice.asks(&mut world, "BYE", "", "");
    let mut carrier = Peer::new(TRUNK, "100", "200");
    carrier.asks(&mut world, "MESSAGE", "", "");
    world.expect(carrier.address, "SIP/2.0 400 Missing Body");
    world.assert_idle();
}

#[test]
fn credentials_that_break_their_syntax_are_told_how() {
    let mut world = World::new(3);
    for (from, to, words) in [
        ("nc=00000001", "nc=wrong", "400 Malformed nc"),
        (", nc=00000001", "", "400 Missing nc"),
        ("qop=auth", "qop=auth-int", "400 Only qop=auth Was Offered"),
    ] {
        let mut alice = Peer::new(ALICE, "alice", "alice");
        alice.target = "sip:192.0.2.1".to_owned();
        alice.asks(&mut world, "REGISTER", "", "");
        let challenge = world.expect(alice.address, "SIP/2.0 401");
        let given = alice.authorization(&challenge, "REGISTER", "sip:192.0.2.1", 1);
        let broken = given.replace(from, to);
        assert_ne!(given, broken);
        alice.asks(&mut world, "REGISTER", &broken, "");
        world.expect(alice.address, &format!("SIP/2.0 {words}"));
    }
    world.assert_idle();
}

#[test]
fn long_names_have_their_own_answers() {
    let mut world = World::new(4);
    // The answer repeats what was too long.
    world.strict = false;
    for (transport_peer, expected) in [(TRUNK, "SIP/2.0 414"), (ALICE, "SIP/2.0 414")] {
        let mut peer = Peer::new(transport_peer, "100", &"a".repeat(3_000));
        peer.asks(&mut world, "OPTIONS", "", "");
        world.expect(peer.address, expected);
    }
    for length in [100, 3_000] {
        let mut peer = Peer::new(TRUNK, &format!("{length}"), "200");
        peer.asks(&mut world, &"M".repeat(length), "", "");
        world.expect(peer.address, "SIP/2.0 501");
    }
    world.assert_idle();
}

//! Invitations of known callers that are refused without asking the switch: it is told of each, of strangers' not.

use super::harness::{ALICE, TRUNK, World, sdp};
use super::peer::Peer;
use router::parameter::{Call, CauseKind, Failure, Origin, Parameter};
use router::{Command, Received};

/// What the switch was told of refused attempts.
fn told(world: &mut World) -> Vec<(Call, Failure)> {
    world
        .at_switch
        .drain(..)
        .filter_map(|received| match received {
            Received::Packet(packet) if packet.command == Command::Notify => {
                let mut parameters = packet.parameters.into_iter();
                match (parameters.next(), parameters.next()) {
                    (Some(Parameter::Call(call)), Some(Parameter::Failure(failure))) => Some((*call, *failure)),
                    _ => None,
                }
            }
            _ => None,
        })
        .collect()
}

fn invite(max_forwards: u8, headers: &str, body: &str) -> String {
    let content = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "INVITE sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP {TRUNK};branch=z9hG4bK{max_forwards}x{}\r\n\
         Max-Forwards: {max_forwards}\r\nFrom: <sip:+4930@198.51.100.10>;tag=a\r\nTo: <sip:alice@192.0.2.1>\r\n\
         Call-ID: refused-{max_forwards}-{}\r\nCSeq: 1 INVITE\r\nContact: <sip:{TRUNK}>\r\n{headers}{content}\
         Content-Length: {}\r\n\r\n{body}",
        headers.len(),
        headers.len(),
        body.len()
    )
}

#[test]
fn a_trunk_s_refused_attempts_are_told_with_their_causes() {
    let mut world = World::with(1, |config| config.trunks[0].calls_max = Some(0));
    let trunk = TRUNK.parse().unwrap();
    for (headers, hops, status, kind) in [
        ("", 70, "SIP/2.0 503", CauseKind::Congestion),
        ("Require: unheard-of\r\n", 70, "SIP/2.0 420", CauseKind::PeerMisbehaved),
    ] {
        world.send(trunk, &invite(hops, headers, &sdp(1, 4_000, "sendrecv")));
        world.expect(trunk, status);
        let told = told(&mut world);
        let [(call, failure)] = &told[..] else { panic!("{status}: {told:?}") };
        let cause = failure.cause.as_ref().unwrap();
        assert_eq!((cause.kind, cause.text.is_some()), (kind, true), "{status}");
        assert_eq!(call.origin, Origin::Trunk("carrier".into()));
        assert_eq!((call.caller.user(), call.called.user()), ("+4930", "alice"));
        assert!(call.leg_id.starts_with("refused-") && !call.id.is_empty());
    }
    world.assert_idle();
}

#[test]
fn an_offer_that_cannot_be_served_is_told() {
    let mut world = World::new(2);
    let trunk = TRUNK.parse().unwrap();
    world.send(trunk, &invite(70, "", "v=0\r\nthis is no description\r\n"));
    world.run_ms(10);
    let answers = world.take(trunk);
    let status = answers.iter().filter_map(|answer| answer.status()).find(|status| status.is_final()).unwrap();
    assert!((400..500).contains(&status.code()), "{status:?}");
    assert_eq!(told(&mut world).len(), 1);
    world.assert_idle();
}

#[test]
fn a_stranger_leaves_nothing() {
    let mut world = World::new(3);
    let mut stranger = Peer::new(ALICE, "mallory", "alice");
    let text = stranger.request("INVITE", "", &sdp(1, 4_000, "sendrecv"));
    world.send(stranger.address, &text.replace("Max-Forwards: 70", "Max-Forwards: 0"));
    let text = stranger.request("INVITE", "Require: unheard-of\r\n", "");
    world.send(stranger.address, &text);
    world.run_ms(10);
    assert!(!world.take(stranger.address).is_empty());
    assert!(told(&mut world).is_empty());
    world.assert_idle();
}

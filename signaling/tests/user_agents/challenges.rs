//! Trunks that ask who we are (RFC 3261 §22, RFC 8760).

use super::harness::{CALL, TRUNK, World, call_trunk, cause, header, offer, sdp, state, trunk_talks};
use super::peer::{Peer, response};
use router::parameter::{CauseKind, LegPhase, LegState, Parameter, TrunkStatus};
use router::{Address, Command, Instance, ModuleKind};
use signaling::digest::ClientCredentials;
use signaling::limits;
use signaling::message::{Header, Message};
use std::net::SocketAddr;

const ASKS: &str = "407 Proxy Authentication Required";

fn trunk() -> SocketAddr {
    TRUNK.parse().unwrap()
}

/// A trunk that knows us.
fn world(seed: u64) -> World {
    World::with(seed, |config| {
        let password = "pw".to_owned().into();
        config.trunks[0].credentials = Some(ClientCredentials { username: "us".to_owned(), password });
    })
}

fn challenge(realm: &str, nonce: &str, more: &str) -> String {
    format!("Proxy-Authenticate: Digest realm=\"{realm}\", nonce=\"{nonce}\", qop=\"auth\"{more}\r\n")
}

/// Who is told what: realm, nonce and nonce count of each proof of a proxy's.
fn proofs(message: &Message) -> Vec<(&str, &str, &str)> {
    let lines = message.credentials(Header::ProxyAuthorization).chain(message.credentials(Header::Authorization));
    lines.map(|given| (given.realm, given.nonce, given.nonce_count.unwrap_or_default())).collect()
}

/// The trunk asks: the request that follows.
fn asks(world: &mut World, request: &Message, status: &str, challenges: &str) -> Message {
    let method = request.method().unwrap().to_string();
    world.send(trunk(), &response(request, "c", "c", trunk(), status, challenges, ""));
    world.expect(trunk(), &method)
}

/// The trunk asks once more than we answer: the leg fails.
fn asks_in_vain(mut world: World, invite: &Message, status: &str, challenges: &str) {
    Peer::of_invite(trunk(), invite, "c").respond(&mut world, invite, status, challenges, "");
    assert_eq!(cause(&world.told(Command::Failed)).kind, CauseKind::Forbidden);
    assert!(world.take(trunk()).iter().all(|message| header(message, Header::CSeq).ends_with("ACK")));
    // The operator is told: each call by this trunk fails so.
    world.ask(Instance::MODULE, Address::local(ModuleKind::Signaling, 0), Command::Query, TrunkStatus::default());
    let told = world.told(Command::Done);
    let Some(Parameter::TrunkStatus(told)) = told.first() else { panic!("{told:?}") };
    assert_eq!(
        (told.failed, told.last_failure.as_deref().map(|why| &why[..4])),
        (1, Some(&format!("{} ", &status[..3])[..]))
    );
    world.assert_idle();
}

fn hang_up(world: &mut World, leg: Address, tag: &str) {
    world.ask(CALL, leg, Command::Stop, LegState::released(CauseKind::Normal));
    let bye = world.expect(trunk(), "BYE");
    world.send(trunk(), &response(&bye, tag, "c", trunk(), "200 OK", "", ""));
    world.assert_idle();
}

#[test]
fn a_trunk_that_asks_is_answered_once() {
    let asked = challenge("carrier", "n1", "");
    let mut world = world(8);
    let leg = call_trunk(&mut world, offer(20_000));
    let invite = world.expect(trunk(), "INVITE");
    let invite = asks(&mut world, &invite, ASKS, &asked);
    assert_eq!(header(&invite, Header::CSeq), "2 INVITE");
    assert_eq!(proofs(&invite), [("carrier", "n1", "00000001")]);
    let uri = invite.credentials(Header::ProxyAuthorization).next().unwrap().uri;
    assert_eq!(uri, "sip:+4930123@198.51.100.10");
    let carrier = Peer::of_invite(trunk(), &invite, "c");
    carrier.respond(&mut world, &invite, "200 OK", "", &sdp(1, 5_000, "sendrecv"));
    let ack = world.expect(trunk(), "ACK");
    assert_eq!(proofs(&ack), proofs(&invite), "RFC 3261 §22.1");
    world.told(Command::Done);
    world.ask(CALL, leg, Command::Stop, LegState::released(CauseKind::Normal));
    let bye = world.expect(trunk(), "BYE");
    let bye = asks(&mut world, &bye, ASKS, &asked);
    assert_eq!(proofs(&bye), [("carrier", "n1", "00000002")]);
    carrier.respond(&mut world, &bye, ASKS, &asked, "");
    world.run_ms(100);
    assert!(world.take(trunk()).is_empty(), "once");
    world.assert_idle();
}

#[test]
fn wrong_credentials_are_forbidden() {
    let asked = "WWW-Authenticate: Digest realm=\"carrier\", nonce=\"n1\"\r\n";
    let mut world = world(9);
    call_trunk(&mut world, offer(20_000));
    let invite = world.expect(trunk(), "INVITE");
    let invite = asks(&mut world, &invite, "401 Unauthorized", asked);
    asks_in_vain(world, &invite, "401 Unauthorized", asked);
}

#[test]
fn the_ack_to_a_reinvite_has_the_credentials_of_the_reinvite() {
    let mut world = world(10);
    let (carrier, leg) = trunk_talks(&mut world, "");
    world.ask(CALL, leg, Command::Set, state(LegPhase::Answered, offer(20_002)));
    let invite = world.expect(trunk(), "INVITE");
    let invite = asks(&mut world, &invite, ASKS, &challenge("carrier", "n1", ""));
    carrier.respond(&mut world, &invite, "200 OK", "", &sdp(2, 5_000, "sendrecv"));
    let ack = world.expect(trunk(), "ACK");
    assert_eq!(proofs(&ack), [("carrier", "n1", "00000001")], "RFC 3261 §13.2.2.4");
    world.told(Command::Done);
    // Its repetition, too; and that of one that a BYE has crossed.
    carrier.respond(&mut world, &invite, "200 OK", "", &sdp(2, 5_000, "sendrecv"));
    assert_eq!(proofs(&world.expect(trunk(), "ACK")), proofs(&ack));
    world.ask(CALL, leg, Command::Set, state(LegPhase::Answered, offer(20_004)));
    let invite = world.expect(trunk(), "INVITE");
    let invite = asks(&mut world, &invite, ASKS, &challenge("carrier", "n2", ""));
    world.ask(CALL, leg, Command::Stop, LegState::released(CauseKind::Normal));
    let bye = world.expect(trunk(), "BYE");
    carrier.respond(&mut world, &invite, "200 OK", "", &sdp(3, 5_000, "sendrecv"));
    assert_eq!(proofs(&world.expect(trunk(), "ACK")), [("carrier", "n2", "00000001")]);
    carrier.respond(&mut world, &bye, "200 OK", "", "");
    world.assert_idle();
}

#[test]
fn a_fork_that_came_too_late_is_acknowledged_with_credentials() {
    let mut world = world(11);
    let leg = call_trunk(&mut world, offer(20_000));
    let invite = world.expect(trunk(), "INVITE");
    let invite = asks(&mut world, &invite, ASKS, &challenge("carrier", "n1", ""));
    for tag in ["one", "two"] {
        world.send(trunk(), &response(&invite, tag, "b", trunk(), "200 OK", "", &sdp(1, 5_000, "sendrecv")));
        let ack = world.expect(trunk(), "ACK");
        assert_eq!((ack.to().unwrap().tag(), proofs(&ack)), (Some(tag), proofs(&invite)));
    }
    let bye = world.expect(trunk(), "BYE");
    world.send(trunk(), &response(&bye, "two", "b", trunk(), "200 OK", "", ""));
    world.run_ms(10);
    hang_up(&mut world, leg, "one");
}

#[test]
fn a_stale_nonce_is_renewed_once() {
    let mut world = world(12);
    call_trunk(&mut world, offer(20_000));
    let invite = world.expect(trunk(), "INVITE");
    let invite = asks(&mut world, &invite, ASKS, &challenge("carrier", "n1", ""));
    let invite = asks(&mut world, &invite, ASKS, &challenge("carrier", "n2", ", stale=TRUE"));
    assert_eq!(proofs(&invite), [("carrier", "n2", "00000001")]);
    asks_in_vain(world, &invite, ASKS, &challenge("carrier", "n3", ", stale=true"));
}

#[test]
fn each_realm_on_the_way_is_answered() {
    let mut world = world(13);
    let leg = call_trunk(&mut world, offer(20_000));
    let invite = world.expect(trunk(), "INVITE");
    let invite = asks(&mut world, &invite, ASKS, &challenge("edge", "e1", ""));
    let carrier = "WWW-Authenticate: Digest realm=\"carrier\", nonce=\"c1\", qop=\"auth\"\r\n";
    let invite = asks(&mut world, &invite, "401 Unauthorized", carrier);
    assert_eq!(proofs(&invite), [("edge", "e1", "00000002"), ("carrier", "c1", "00000001")]);
    let invite = asks(&mut world, &invite, ASKS, &challenge("edge", "e2", ", stale=true"));
    assert_eq!(proofs(&invite), [("edge", "e2", "00000001"), ("carrier", "c1", "00000002")]);
    let callee = Peer::of_invite(trunk(), &invite, "c");
    callee.respond(&mut world, &invite, "200 OK", "", &sdp(1, 5_000, "sendrecv"));
    assert_eq!(proofs(&world.expect(trunk(), "ACK")), proofs(&invite));
    world.run_ms(10);
    hang_up(&mut world, leg, "c");
}

#[test]
fn realms_of_one_response_are_all_answered_and_not_without_end() {
    let mut world = world(14);
    call_trunk(&mut world, offer(20_000));
    let mut invite = world.expect(trunk(), "INVITE");
    let both = format!("{}WWW-Authenticate: Digest realm=\"b\", nonce=\"2\"\r\n", challenge("a", "1", ""));
    invite = asks(&mut world, &invite, "401 Unauthorized", &both);
    assert_eq!(proofs(&invite), [("a", "1", "00000001"), ("b", "2", "")], "RFC 3261 §16.7 step 7");
    for more in 2..limits::REALMS_MAX {
        invite = asks(&mut world, &invite, ASKS, &challenge(&format!("realm-{more}"), "n", ""));
    }
    assert_eq!(proofs(&invite).len(), limits::REALMS_MAX);
    asks_in_vain(world, &invite, ASKS, &challenge("one more", "n", ""));
}

#[test]
fn the_strongest_algorithm_that_is_offered_is_used() {
    let mut world = world(15);
    call_trunk(&mut world, offer(20_000));
    let invite = world.expect(trunk(), "INVITE");
    let offered: String = ["MD5", "SHA-256", "SHA-512-256"]
        .iter()
        .map(|name| challenge("carrier", name, &format!(", algorithm={name}")))
        .collect();
    let invite = asks(&mut world, &invite, ASKS, &offered);
    assert_eq!(proofs(&invite), [("carrier", "SHA-256", "00000001")]);
    let given = invite.credentials(Header::ProxyAuthorization).next().unwrap();
    assert_eq!((given.algorithm, given.response.len()), (Some("SHA-256"), 64));
    asks_in_vain(world, &invite, ASKS, &offered);
}

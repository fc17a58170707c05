//! Phones that send from another port than they listen at, and ask for no `rport` (RFC 3261 §18.1.1, RFC 3581).

use super::harness::*;
use super::peer::Peer;
use router::Command;
use router::parameter::{LegPhase, LegState, Target};
use std::net::SocketAddr;

/// Where it listens; it sends from [`ALICE`].
const LISTENS: &str = "198.51.100.7:5060";

/// A request of the phone as it leaves: without `rport`, and with Via and Contact of where it listens.
fn as_sent(text: &str, contact: &str) -> String {
    text.replace(";rport", "")
        .replace(&format!("UDP {ALICE}"), &format!("UDP {LISTENS}"))
        .replace(&format!("Contact: <sip:alice@{ALICE}>"), &format!("Contact: <sip:alice@{contact}>"))
}

/// It calls, by `contact`; it, and the request that made the call.
fn calls(world: &mut World, contact: &str) -> (Peer, router::Packet) {
    let listens: SocketAddr = LISTENS.parse().unwrap();
    let source: SocketAddr = ALICE.parse().unwrap();
    let mut alice = Peer::new(ALICE, "alice", "200");
    let text = alice.request("INVITE", "", &sdp(1, 4_000, "sendrecv"));
    world.send(source, &as_sent(&text, contact));
    let challenge = world.expect(listens, "SIP/2.0 401");
    alice.clone().learn(&challenge);
    let authorization = alice.authorization(&challenge, "INVITE", &alice.target.clone(), 1);
    let text = alice.request("INVITE", &authorization, &sdp(1, 4_000, "sendrecv"));
    world.send(source, &as_sent(&text, contact));
    let start = world.asked(Command::Start);
    world.accept(&start);
    let ok = world.expect(listens, "SIP/2.0 200");
    alice.learn(&ok);
    let ack = alice.ack(true, "");
    world.send(source, &as_sent(&ack, contact));
    world.run_ms(10);
    (alice, start)
}

fn hang_up(world: &mut World, start: &router::Packet) {
    world.ask(start.destination.instance, start.source, Command::Stop, state(LegPhase::Released, None));
}

#[test]
fn the_call_of_a_phone_that_listens_elsewhere_ends_for_it() {
    let mut world = World::new(1);
    let (_, start) = calls(&mut world, LISTENS);
    hang_up(&mut world, &start);
    world.expect(LISTENS.parse().unwrap(), "BYE");
}

#[test]
fn who_names_another_host_is_answered_where_it_sends_from() {
    let mut world = World::new(2);
    let (_, start) = calls(&mut world, "192.168.1.7:5060");
    hang_up(&mut world, &start);
    world.expect(ALICE.parse().unwrap(), "BYE");
}

#[test]
fn a_phone_that_has_registered_from_another_port_is_called_where_it_listens() {
    let listens: SocketAddr = LISTENS.parse().unwrap();
    let flow = format!("udp;listens 192.0.2.1:5060 {ALICE}");
    for (contact_at, reached) in [(LISTENS, LISTENS), ("192.168.1.7:5060", ALICE)] {
        let mut world = World::new(3);
        let target = Target::Contact(contact(&format!("sip:alice@{contact_at}"), &flow));
        let leg = start_leg(&mut world, target, offer(6_000));
        let invite = world.expect(reached.parse().unwrap(), "INVITE");
        if reached != LISTENS {
            continue;
        }
        // It answers from where it sends.
        let phone = Peer { address: ALICE.parse().unwrap(), ..Peer::of_invite(listens, &invite, "phone") };
        let text =
            super::peer::response(&invite, &phone.tag, "alice", listens, "200 OK", "", &sdp(1, 4_000, "sendrecv"));
        world.send(phone.address, &text);
        world.told(Command::Done);
        world.expect(listens, "ACK");
        world.ask(CALL, leg, Command::Stop, LegState::released(router::parameter::CauseKind::Normal));
        world.expect(listens, "BYE");
    }
}

#[test]
fn what_a_registration_keeps_says_that_the_phone_listens_elsewhere() {
    let mut world = World::with(4, |config| config.keep_alive = Some(router::time::Duration::from_secs(30)));
    let listens: SocketAddr = LISTENS.parse().unwrap();
    let source: SocketAddr = ALICE.parse().unwrap();
    let mut alice = Peer::new(ALICE, "alice", "alice");
    alice.target = "sip:192.0.2.1".to_owned();
    let text = alice.request("REGISTER", "", "");
    world.send(source, &as_sent(&text, LISTENS));
    let challenge = world.expect(listens, "SIP/2.0 401");
    let authorization = alice.authorization(&challenge, "REGISTER", "sip:192.0.2.1", 1);
    let text = alice.request("REGISTER", &authorization, "");
    world.send(source, &as_sent(&text, LISTENS));
    world.expect(listens, "SIP/2.0 200");
    // Its keep-alive finds it.
    world.run_ms(60_000);
    assert!(world.take(listens).iter().any(|message| first_line(message).starts_with("OPTIONS")));
    assert!(!world.take(source).iter().any(|message| first_line(message).starts_with("OPTIONS")));
}

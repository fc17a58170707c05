//! A phone of several flows is asked by one, and by the next one where that has failed (RFC 5626 §5.3, §7).

use super::harness::{CALL, LEG, World, cause, offer, sdp, start_leg};
use super::outbound::{PHONE, SUPPORTED, instance, register};
use super::peer::Peer;
use router::parameter::{CauseKind, LegState, MessageRoute, MessageWay, Parameter, Registration, Target};
use router::{Address, Command, Instance, ModuleKind};
use std::net::SocketAddr;

const FLOWS: [&str; 3] = ["198.51.100.7:5062", "198.51.100.8:5062", "198.51.100.9:5062"];

fn flow(number: usize) -> SocketAddr {
    FLOWS[number].parse().unwrap()
}

fn phone(number: usize) -> Peer {
    Peer::new(FLOWS[number], "alice", FLOWS[number])
}

/// Alice's phone registers over three flows, one after another; the last one is asked first. Where the switch is told that she is.
fn reached(world: &mut World) -> Target {
    for (index, address) in FLOWS.into_iter().enumerate() {
        let mut peer = Peer::new(address, "alice", address);
        register(world, &mut peer, &instance(PHONE, index as u32 + 1), SUPPORTED);
        world.run_ms(1_100);
    }
    let asked = Registration { account: "alice".to_owned(), contacts: Vec::new() };
    world.ask(Instance(1), Address::local(ModuleKind::Signaling, 0), Command::Query, asked);
    let told = world.told(Command::Done);
    let Some(Parameter::Registration(registration)) = told.first() else { panic!("{told:?}") };
    assert_eq!(registration.contacts.len(), 1, "one phone");
    Target::Contact(registration.contacts[0].clone())
}

#[test]
fn a_flow_that_says_nothing_or_has_failed_gives_way_to_the_next_one() {
    let mut world = World::new(1);
    let target = reached(&mut world);
    start_leg(&mut world, target, offer(20_002));
    world.expect(flow(2), "INVITE sip:alice@198.51.100.9:5062");
    world.run_ms(3_900);
    assert!(world.take(flow(1)).is_empty(), "it has its time");
    world.run_ms(200);
    let second = world.expect(flow(1), "INVITE sip:alice@198.51.100.8:5062");
    let phone = Peer::of_invite(flow(1), &second, "second");
    phone.respond(&mut world, &second, "430 Flow Failed", "", "");
    let third = world.expect(flow(0), "INVITE sip:alice@198.51.100.7:5062");
    let mut phone = Peer::of_invite(flow(0), &third, "third");
    phone.respond(&mut world, &third, "200 OK", "", &sdp(1, 5_000, "sendrecv"));
    world.told(Command::Done);
    world.expect(flow(0), "ACK");
    phone.cseq = 100;
    phone.asks(&mut world, "BYE", "", "");
    world.expect(flow(0), "SIP/2.0 200");
    world.run_ms(200_000);
}

#[test]
fn what_the_phone_says_is_said_for_all_of_its_flows() {
    for status in ["486 Busy Here", "503 Service Unavailable", "603 Decline"] {
        let mut world = World::new(2);
        let target = reached(&mut world);
        start_leg(&mut world, target, offer(20_002));
        let invite = world.expect(flow(2), "INVITE");
        Peer::of_invite(flow(2), &invite, "it").respond(&mut world, &invite, status, "", "");
        let told = world.told(Command::Failed);
        assert_eq!(cause(&told).code.map(|code| code.to_string()).as_deref(), status.get(..3));
        world.run_ms(10_000);
        assert!(
            world.take(flow(1)).iter().chain(&world.take(flow(0))).all(|message| message.is_response()),
            "{status}"
        );
    }
}

#[test]
fn a_call_that_is_given_up_tries_no_further_flow() {
    let mut world = World::new(3);
    let target = reached(&mut world);
    start_leg(&mut world, target, offer(20_002));
    world.expect(flow(2), "INVITE");
    world.ask(CALL, LEG, Command::Stop, LegState::released(CauseKind::Cancelled));
    world.run_ms(60_000);
    assert!(world.take(flow(1)).is_empty());
}

#[test]
fn a_text_reaches_a_phone_once_and_by_the_next_flow_where_one_has_failed() {
    let mut world = World::new(4);
    reached(&mut world);
    let mut bob = Peer::new("198.51.100.20:5062", "bob", "alice");
    bob.asks(&mut world, "MESSAGE", "Content-Type: text/plain\r\n", "hello");
    let challenge = world.expect(bob.address, "SIP/2.0 401");
    let authorization = bob.authorization(&challenge, "MESSAGE", &bob.target.clone(), 1);
    bob.asks(&mut world, "MESSAGE", &format!("Content-Type: text/plain\r\n{authorization}"), "hello");
    let asked = world.asked(Command::Query);
    let Some(Parameter::MessageRoute(route)) = asked.first() else { panic!("{asked:?}") };
    let route = MessageRoute { ways: vec![MessageWay::Account("alice".to_owned())], ..(**route).clone() };
    world.answer(&asked, Command::Done, route);
    let first = world.expect(flow(2), "MESSAGE sip:alice@198.51.100.9:5062");
    assert!(world.take(flow(1)).is_empty() && world.take(flow(0)).is_empty());
    phone(2).respond(&mut world, &first, "430 Flow Failed", "", "");
    let second = world.expect(flow(1), "MESSAGE sip:alice@198.51.100.8:5062");
    phone(1).respond(&mut world, &second, "200 OK", "", "");
    world.expect(bob.address, "SIP/2.0 200");
    world.run_ms(10_000);
    assert!(world.take(flow(0)).is_empty());
}

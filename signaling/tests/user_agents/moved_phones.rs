//! A phone that registers over another flow in the middle of a call is reached by it from then on (RFC 5626 §5.3).

use super::harness::{CALL, LEG, World, first_line, header, offer, sdp, start_leg_of};
use super::outbound::{PHONE, SUPPORTED, instance};
use super::own_target::{EDGE, RECORDED, ask, calls, registered_behind};
use super::peer::Peer;
use router::parameter::{CauseKind, LegState, Parameter, Registration, Target};
use router::{Address, Command, Instance, ModuleKind};
use signaling::message::{Header, Message, StatusCode};
use signaling::transport::ConnectionId;
use std::net::SocketAddr;

const OLD: &str = "198.51.100.7:41000";
const NEW: &str = "198.51.100.7:42000";

fn at(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

/// Registers from where the phone is now, under the Contact that it has behind its NAT.
fn register(world: &mut World, phone: &mut Peer, contact: &str, headers: &str) {
    (phone.target, phone.remote, phone.remote_tag) = ("sip:192.0.2.1".to_owned(), phone.user.clone(), None);
    let own = format!("<sip:{}@{}>", phone.user, phone.address);
    let text = phone.request("REGISTER", headers, "").replace(&own, contact);
    world.send(phone.address, &text);
    let challenge = world.expect(phone.address, "SIP/2.0 401");
    let authorization = phone.authorization(&challenge, "REGISTER", "sip:192.0.2.1", 1);
    let text = phone.request("REGISTER", &format!("{headers}{authorization}"), "").replace(&own, contact);
    world.send(phone.address, &text);
    assert_eq!(world.expect(phone.address, "SIP/2.0").status(), StatusCode::new(200));
}

/// Alice's phone, which has been called and talks.
fn talks(world: &mut World, contact: &str, headers: &str) -> Peer {
    talks_as(world, Peer::new(OLD, "alice", "server"), contact, headers)
}

/// The same, of a phone that may have registered elsewhere before.
fn talks_as(world: &mut World, mut phone: Peer, contact: &str, headers: &str) -> Peer {
    register(world, &mut phone, contact, headers);
    let asked = Registration { account: "alice".to_owned(), contacts: Vec::new() };
    world.ask(Instance(1), Address::local(ModuleKind::Signaling, 0), Command::Query, asked);
    let told = world.told(Command::Done);
    let Some(Parameter::Registration(registration)) = told.first() else { panic!("{told:?}") };
    let here = registration.contacts.iter().find(|contact| contact.flow.reveal().contains(OLD)).unwrap();
    start_leg_of(world, "alice", Target::Contact(here.clone()), offer(20_002));
    let invite = world.expect(at(OLD), "INVITE");
    let callee = Peer::of_invite(at(OLD), &invite, "callee");
    let own = format!("<sip:{}@{}>", callee.user, callee.address);
    let text =
        super::peer::response(&invite, "callee", &callee.user, at(OLD), "200 OK", "", &sdp(1, 5_000, "sendrecv"));
    world.send(at(OLD), &text.replace(&own, contact.split(";+sip").next().unwrap()));
    world.told(Command::Done);
    world.expect(at(OLD), "ACK");
    phone
}

#[test]
fn what_is_for_a_phone_in_its_call_goes_where_it_has_registered_since() {
    let plain = "<sip:alice@192.168.1.10:5060>".to_owned();
    let of_instance = format!("{plain}{}", instance(PHONE, 1));
    for (contact, headers) in [(&plain, ""), (&of_instance, SUPPORTED)] {
        for streams in [false, true] {
            let mut world = World::new(1);
            if streams {
                world.connections.insert(at(OLD), ConnectionId(3));
            }
            let mut phone = talks(&mut world, contact, headers);
            if streams {
                world.close(at(OLD));
                world.connections.insert(at(NEW), ConnectionId(4));
            }
            phone.address = at(NEW);
            register(&mut world, &mut phone, contact, headers);
            world.take(at(OLD));
            world.ask(CALL, LEG, Command::Stop, LegState::released(CauseKind::Normal));
            let bye = world.expect(at(NEW), "BYE");
            assert!(world.take(at(OLD)).is_empty(), "{contact} {streams}");
            phone.respond(&mut world, &bye, "200 OK", "", "");
            world.run_ms(40_000);
        }
    }
}

/// Who takes a phone's registration back from elsewhere is not that phone.
#[test]
fn a_registration_that_is_taken_back_moves_no_call() {
    let mut world = World::new(3);
    let contact = "<sip:alice@192.168.1.10:5060>";
    let mut phone = talks(&mut world, contact, "");
    phone.address = at(NEW);
    register(&mut world, &mut phone, contact, "Expires: 0\r\n");
    world.ask(CALL, LEG, Command::Stop, LegState::released(CauseKind::Normal));
    world.expect(at(OLD), "BYE");
    assert!(world.take(at(NEW)).is_empty());
}

/// Another account's phone behind the same NAT, and another one of the same account, move nobody.
#[test]
fn nobody_else_s_registration_moves_a_call() {
    let mut world = World::new(2);
    talks(&mut world, "<sip:alice@192.168.1.10:5060>", "");
    let mut other = Peer::new(NEW, "alice", "another");
    register(&mut world, &mut other, "<sip:alice@192.168.1.11:5060>", "");
    let mut bob = Peer::new("198.51.100.7:43000", "bob", "server");
    register(&mut world, &mut bob, "<sip:bob@192.168.1.12:5060>", "");
    bob.address = at("198.51.100.7:44000");
    register(&mut world, &mut bob, "<sip:bob@192.168.1.12:5060>", "");
    world.take(at(NEW));
    world.ask(CALL, LEG, Command::Stop, LegState::released(CauseKind::Normal));
    world.expect(at(OLD), "BYE");
    assert!(world.take(at(NEW)).is_empty());
}

/// Where a phone behind one proxy has gone: behind another one, to another flow of the same one, or out into the open.
const WAYS: [(&str, &str); 3] = [
    ("198.51.100.78:5070", "<sip:further@198.51.100.78:5070;lr;ob>"),
    (EDGE, "<sip:further@198.51.100.77:5070;lr;ob>"),
    ("203.0.113.9:5062", ""),
];

const PATH: &str = "<sip:token@198.51.100.77:5070;lr;ob>";

fn assert_way(request: &Message, method: &str, (place, path): (&str, &str)) {
    let way = (first_line(request), header(request, Header::Route));
    assert_eq!(way, (format!("{method} sip:alice@{place} SIP/2.0"), path.to_owned()));
}

/// RFC 5627 §4.4.1: where an address of ours leads in the middle of a call the registrar says.
#[test]
fn a_phone_that_calls_by_its_gruu_is_reached_behind_whatever_proxy_it_has_registered_by_since() {
    for way in WAYS {
        let mut world = World::new(4);
        let gruu = registered_behind(&mut world, EDGE, PATH);
        let (mut phone, call) = calls(&mut world, &gruu);
        assert_eq!(registered_behind(&mut world, way.0, way.1), gruu);
        world.take(phone.address);
        phone.address = at(way.0);
        world.ask(call.destination.instance, call.source, Command::Stop, LegState::released(CauseKind::Normal));
        let bye = world.expect(phone.address, "BYE");
        assert_way(&bye, "BYE", way);
        phone.respond(&mut world, &bye, "200 OK", "", "");
        assert!(world.take(at(EDGE)).is_empty());
    }
}

/// The same of what it follows, whether its proxy has recorded itself or not.
#[test]
fn a_subscriber_with_a_gruu_is_told_behind_whatever_proxy_it_has_registered_by_since() {
    for way in WAYS {
        for recorded in [RECORDED, ""] {
            let mut world = World::new(5);
            let gruu = registered_behind(&mut world, EDGE, PATH);
            let mut phone = Peer::new(EDGE, "alice", "alice").anew("mwi");
            let headers = format!("{recorded}Event: reg\r\nExpires: 600\r\n");
            let ok = ask(&mut world, &mut phone, &gruu, "SUBSCRIBE", &headers, "");
            phone.learn(&ok);
            let notify = world.expect(phone.address, "NOTIFY");
            phone.respond(&mut world, &notify, "200 OK", "", "");
            world.run_ms(10_000);
            world.take(phone.address);
            registered_behind(&mut world, way.0, way.1);
            phone.address = at(way.0);
            // Of the registration itself.
            let notify = world.expect(phone.address, "NOTIFY");
            assert_way(&notify, "NOTIFY", way);
            phone.respond(&mut world, &notify, "481 Gone", "", "");
        }
    }
}

/// One of a phone's flows has ended: the other one leads to it, too.
#[test]
fn a_call_goes_on_by_another_flow_of_its_phone_when_its_own_is_registered_no_more() {
    let mut world = World::new(6);
    let gruu = registered_behind(&mut world, EDGE, PATH);
    let (mut phone, call) = calls(&mut world, &gruu);
    let (further, path) = WAYS[0];
    let mut second = Peer::new(further, "alice", "alice");
    let headers = format!("{SUPPORTED}Path: {path}\r\nExpires: 3600\r\n");
    super::outbound::register(&mut world, &mut second, &instance(PHONE, 2), &headers);
    world.run_ms(700_000);
    world.take(phone.address);
    phone.address = at(further);
    world.ask(call.destination.instance, call.source, Command::Stop, LegState::released(CauseKind::Normal));
    let bye = world.expect(phone.address, "BYE");
    assert_way(&bye, "BYE", (further, path));
    phone.respond(&mut world, &bye, "200 OK", "", "");
}

/// RFC 3261 §12.2.1.1: what the phone sends within the dialog goes on taking the route that is recorded in it. What is for the phone does not go back by that.
#[test]
fn what_still_comes_by_the_former_proxy_takes_nobody_back_there() {
    let mut world = World::new(7);
    let gruu = registered_behind(&mut world, EDGE, PATH);
    let (mut phone, call) = calls(&mut world, &gruu);
    registered_behind(&mut world, WAYS[0].0, WAYS[0].1);
    phone.asks(&mut world, "INFO", "", "");
    world.expect(at(EDGE), "SIP/2.0");
    phone.address = at(WAYS[0].0);
    world.ask(call.destination.instance, call.source, Command::Stop, LegState::released(CauseKind::Normal));
    let bye = world.expect(phone.address, "BYE");
    assert_way(&bye, "BYE", WAYS[0]);
    phone.respond(&mut world, &bye, "200 OK", "", "");
}

/// Without flows of its own (RFC 5626) a phone that has roamed has two bindings for a while: what it has registered last is where it is.
#[test]
fn a_phone_that_says_which_one_it_is_and_no_flow_is_where_it_has_registered_last() {
    let mut world = World::new(8);
    let registered = |world: &mut World, (edge, path): (&str, &str), call: &str| {
        let mut phone = Peer::new(edge, "alice", "alice").anew(call);
        let headers = format!("{SUPPORTED}Path: {path}\r\nExpires: 600\r\n");
        let instance = format!(";+sip.instance=\"<{PHONE}>\"");
        let answer = super::outbound::register(world, &mut phone, &instance, &headers);
        super::outbound::gruu_of(&answer, PHONE, "pub-gruu")
    };
    let gruu = registered(&mut world, (EDGE, PATH), "first");
    let (mut phone, call) = calls(&mut world, &gruu);
    world.run_ms(2_000);
    registered(&mut world, WAYS[0], "second");
    phone.address = at(WAYS[0].0);
    world.ask(call.destination.instance, call.source, Command::Stop, LegState::released(CauseKind::Normal));
    let bye = world.expect(phone.address, "BYE");
    assert_way(&bye, "BYE", WAYS[0]);
    phone.respond(&mut world, &bye, "200 OK", "", "");
}

/// It has registered by another proxy while it rang.
#[test]
fn a_phone_that_moves_while_it_rings_is_reached_where_it_is_once_it_has_answered() {
    let mut world = World::new(9);
    let gruu = registered_behind(&mut world, EDGE, PATH);
    let asked = Registration { account: "alice".to_owned(), contacts: Vec::new() };
    world.ask(Instance(1), Address::local(ModuleKind::Signaling, 0), Command::Query, asked);
    let told = world.told(Command::Done);
    let Some(Parameter::Registration(registration)) = told.first() else { panic!("{told:?}") };
    start_leg_of(&mut world, "alice", Target::Contact(registration.contacts[0].clone()), offer(20_002));
    let invite = world.expect(at(EDGE), "INVITE");
    let mut phone = Peer::of_invite(at(EDGE), &invite, "callee");
    registered_behind(&mut world, WAYS[0].0, WAYS[0].1);
    let own = format!("<sip:{}@{EDGE}>", phone.user);
    let text =
        super::peer::response(&invite, "callee", &phone.user, at(EDGE), "200 OK", "", &sdp(1, 5_000, "sendrecv"));
    world.send(at(EDGE), &text.replace(&own, &format!("<{gruu}>")));
    world.told(Command::Done);
    phone.address = at(WAYS[0].0);
    world.ask(CALL, LEG, Command::Stop, LegState::released(CauseKind::Normal));
    let bye = world.expect(phone.address, "BYE");
    assert_way(&bye, "BYE", WAYS[0]);
    phone.respond(&mut world, &bye, "200 OK", "", "");
}

/// Two lines of one phone over one connection, which was made anew from the same port: each goes over to it with its own REGISTER.
#[test]
fn both_lines_of_a_phone_go_over_to_its_new_connection_from_the_same_port() {
    let mut world = World::new(10);
    world.connections.insert(at(OLD), ConnectionId(3));
    let contact = "<sip:alice@192.168.1.10:5060>";
    let mut phone = talks(&mut world, contact, "");
    let other = "<sip:bob@192.168.1.10:5060>";
    let mut second = Peer::new(OLD, "bob", "server");
    register(&mut world, &mut second, other, "");
    world.close(at(OLD));
    world.connections.insert(at(OLD), ConnectionId(4));
    register(&mut world, &mut second, other, "");
    register(&mut world, &mut phone, contact, "");
    world.take(at(OLD));
    world.ask(CALL, LEG, Command::Stop, LegState::released(CauseKind::Normal));
    let bye = world.expect(at(OLD), "BYE");
    phone.respond(&mut world, &bye, "200 OK", "", "");
    world.run_ms(40_000);
}

/// The same with two Contacts of one account.
#[test]
fn all_that_one_phone_has_registered_goes_over_to_its_new_connection_from_the_same_port() {
    let mut world = World::new(13);
    world.connections.insert(at(OLD), ConnectionId(3));
    let contact = "<sip:alice@192.168.1.10:5060>";
    let mut phone = talks(&mut world, contact, "");
    register(&mut world, &mut phone, "<sip:alice-2@192.168.1.10:5060>", "");
    world.close(at(OLD));
    world.connections.insert(at(OLD), ConnectionId(4));
    register(&mut world, &mut phone, contact, "");
    world.take(at(OLD));
    world.ask(CALL, LEG, Command::Stop, LegState::released(CauseKind::Normal));
    let bye = world.expect(at(OLD), "BYE");
    phone.respond(&mut world, &bye, "200 OK", "", "");
    world.run_ms(40_000);
}

/// It says itself what it has left.
#[test]
fn a_phone_that_gives_up_a_contact_for_another_one_takes_its_call_along() {
    let mut world = World::new(14);
    let mut phone = talks(&mut world, "<sip:alice@198.51.100.7:41000>", "");
    phone.address = at(NEW);
    let both = "<sip:alice@198.51.100.7:41000>;expires=0, <sip:alice@198.51.100.7:42000>";
    register(&mut world, &mut phone, both, "");
    world.take(at(NEW));
    world.ask(CALL, LEG, Command::Stop, LegState::released(CauseKind::Normal));
    let bye = world.expect(at(NEW), "BYE");
    phone.respond(&mut world, &bye, "200 OK", "", "");
}

/// Another phone of the account, by a connection from the port by which the first one talks in datagrams.
#[test]
fn another_transport_from_the_same_port_is_another_phone() {
    let mut world = World::new(11);
    talks(&mut world, "<sip:alice@192.168.1.10:5060>", "");
    world.connections.insert(at(OLD), ConnectionId(3));
    let mut other = Peer::new(OLD, "alice", "another");
    register(&mut world, &mut other, "<sip:alice@192.168.1.11:5060>", "");
    world.connections.remove(&at(OLD));
    world.take(at(OLD));
    world.ask(CALL, LEG, Command::Stop, LegState::released(CauseKind::Normal));
    let bye = world.expect(at(OLD), "BYE");
    assert!(header(&bye, Header::Via).starts_with("SIP/2.0/UDP"), "{}", header(&bye, Header::Via));
}

/// Over connections a phone may say another port each time, in a Contact that is another one then.
#[test]
fn a_phone_that_connects_from_another_port_and_says_so_is_reached_over_its_new_connection() {
    let of_port = |port: u16| format!("<sip:alice@198.51.100.7:{port};transport=tcp>");
    for ends in [true, false] {
        let mut world = World::new(12);
        world.connections.insert(at("198.51.100.7:40000"), ConnectionId(2));
        let mut former = Peer::new("198.51.100.7:40000", "alice", "server");
        register(&mut world, &mut former, &of_port(40_000), "");
        world.close(former.address);
        world.connections.insert(at(OLD), ConnectionId(3));
        former.address = at(OLD);
        let mut phone = talks_as(&mut world, former, &of_port(41_000), "");
        if ends {
            world.close(at(OLD));
        }
        world.connections.insert(at(NEW), ConnectionId(4));
        phone.address = at(NEW);
        register(&mut world, &mut phone, &of_port(42_000), "");
        world.take(at(NEW));
        world.ask(CALL, LEG, Command::Stop, LegState::released(CauseKind::Normal));
        // As long as its former connection is there, the call is with that.
        phone.address = at(if ends { NEW } else { OLD });
        let bye = world.expect(phone.address, "BYE");
        phone.respond(&mut world, &bye, "200 OK", "", "");
        world.run_ms(40_000);
    }
}

//! Phones behind a proxy that name themselves by the address that our registrar gave them (RFC 5627 §4.4.1): only we know the way there, whether
//! the proxy has recorded itself or not.

use super::harness::{CALL, LEG, World, contact, first_line, header, offer, sdp, start_leg};
use super::outbound::{PHONE, SUPPORTED, gruu_of, instance, register};
use super::peer::Peer;
use router::parameter::{CauseKind, Contact, LegState, Target};
use router::{Command, Packet};
use signaling::message::{Header, Message};

pub(crate) const EDGE: &str = "198.51.100.77:5070";
const PATH: &str = "<sip:token@198.51.100.77:5070;lr;ob>";
pub(crate) const RECORDED: &str = "Record-Route: <sip:198.51.100.77:5070;lr>\r\n";

/// A phone of alice's that is registered by way of the proxy, and its address.
fn registered(world: &mut World) -> String {
    registered_behind(world, EDGE, PATH)
}

/// The same by way of any proxy.
pub(crate) fn registered_behind(world: &mut World, edge: &str, path: &str) -> String {
    let call: String = "by".chars().chain(path.chars().filter(char::is_ascii_alphanumeric)).collect();
    let mut phone = Peer::new(edge, "alice", "alice").anew(&call);
    let path = if path.is_empty() { String::new() } else { format!("Path: {path}\r\n") };
    let answer = register(world, &mut phone, &instance(PHONE, 1), &format!("{SUPPORTED}{path}Expires: 600\r\n"));
    gruu_of(&answer, PHONE, "pub-gruu")
}

/// A request of that phone's, through the challenge; the final response.
pub(crate) fn ask(world: &mut World, phone: &mut Peer, gruu: &str, method: &str, headers: &str, body: &str) -> Message {
    let write = |phone: &mut Peer, headers: &str| {
        let own = format!("Contact: <sip:{}@{}>", phone.user, phone.address);
        let text = phone.request(method, headers, body).replace(&own, &format!("Contact: <{gruu}>"));
        text.replacen("Max-Forwards", "Via: SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bKphone\r\nMax-Forwards", 1)
    };
    let text = write(phone, headers);
    world.send(phone.address, &text);
    let challenge = world.expect(phone.address, "SIP/2.0 401");
    let authorization = phone.authorization(&challenge, method, &phone.target.clone(), 1);
    let text = write(phone, &format!("{headers}{authorization}"));
    world.send(phone.address, &text);
    world.expect(phone.address, "SIP/2.0 200")
}

#[test]
fn a_subscriber_behind_a_proxy_is_told_by_the_way_that_it_is_registered_by() {
    for recorded in [RECORDED, ""] {
        let mut world = World::new(1);
        let gruu = registered(&mut world);
        let mut phone = Peer::new(EDGE, "alice", "alice").anew("mwi");
        let headers = format!("{recorded}Event: message-summary\r\nExpires: 600\r\n");
        let ok = ask(&mut world, &mut phone, &gruu, "SUBSCRIBE", &headers, "");
        phone.learn(&ok);
        let told = |world: &mut World, phone: &Peer| {
            let notify = world.expect(phone.address, "NOTIFY");
            let way = (first_line(&notify), header(&notify, Header::Route));
            assert_eq!(way, (format!("NOTIFY sip:alice@{EDGE} SIP/2.0"), PATH.to_owned()), "{recorded}");
            phone.respond(world, &notify, "200 OK", "", "");
        };
        told(&mut world, &phone);
        // It refreshes, and by another Contact of its own goes the recorded way again.
        let ok = ask_within(&mut world, &mut phone, &gruu, &headers);
        assert_eq!(ok.status().unwrap().code(), 200);
        told(&mut world, &phone);
        ask_within(&mut world, &mut phone, "sip:alice@10.0.0.9", &headers);
        let notify = world.expect(phone.address, "NOTIFY sip:alice@10.0.0.9 SIP/2.0");
        assert_eq!(header(&notify, Header::Route).is_empty(), recorded.is_empty());
        phone.respond(&mut world, &notify, "481 Gone", "", "");
        world.run_ms(200_000);
        assert!(world.signaling.is_idle());
    }
}

/// A SUBSCRIBE within the dialog, which is not challenged.
fn ask_within(world: &mut World, phone: &mut Peer, gruu: &str, headers: &str) -> Message {
    let own = format!("Contact: <sip:{}@{}>", phone.user, phone.address);
    let text = phone.request("SUBSCRIBE", headers, "").replace(&own, &format!("Contact: <{gruu}>"));
    let text = text.replacen("Max-Forwards", "Via: SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bKagain\r\nMax-Forwards", 1);
    world.send(phone.address, &text);
    world.expect(phone.address, "SIP/2.0")
}

#[test]
fn a_caller_behind_a_proxy_that_records_nothing_is_reached_by_the_way_that_it_is_registered_by() {
    let mut world = World::new(2);
    let gruu = registered(&mut world);
    let (phone, call) = calls(&mut world, &gruu);
    world.ask(call.destination.instance, call.source, Command::Stop, LegState::released(CauseKind::Normal));
    let bye = world.expect(phone.address, "BYE");
    assert_eq!(first_line(&bye), format!("BYE sip:alice@{EDGE} SIP/2.0"));
    assert_eq!(header(&bye, Header::Route), PATH);
    phone.respond(&mut world, &bye, "200 OK", "", "");
}

/// Calls from behind the proxy, which records nothing, by that address; the switch's Start.
pub(crate) fn calls(world: &mut World, gruu: &str) -> (Peer, Packet) {
    let mut phone = Peer::new(EDGE, "alice", "200");
    let text = {
        let own = format!("Contact: <sip:alice@{EDGE}>");
        let mut write = |headers: &str| {
            let text = phone.request("INVITE", headers, &sdp(1, 4_000, "sendrecv"));
            let text = text.replace(&own, &format!("Contact: <{gruu}>"));
            text.replacen("Max-Forwards", "Via: SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bKphone\r\nMax-Forwards", 1)
        };
        let text = write("");
        world.send(EDGE.parse().unwrap(), &text);
        let challenge = world.expect(EDGE.parse().unwrap(), "SIP/2.0 401");
        let authorization = Peer::new(EDGE, "alice", "200").authorization(&challenge, "INVITE", "sip:200@192.0.2.1", 1);
        write(&authorization)
    };
    world.send(phone.address, &text);
    let call = world.asked(Command::Start);
    world.accept(&call);
    let ok = world.expect(phone.address, "SIP/2.0 200");
    phone.learn(&ok);
    phone.acknowledges(world, "");
    world.run_ms(100);
    (phone, call)
}

#[test]
fn a_callee_behind_a_proxy_is_reached_by_the_way_that_it_was_called_by() {
    for recorded in [RECORDED, ""] {
        let mut world = World::new(3);
        let gruu = registered(&mut world);
        let flow = format!("udp 192.0.2.1:5060 {EDGE}");
        let reached = Contact { path: vec![PATH.to_owned().into()], ..contact(&format!("sip:alice@{EDGE}"), &flow) };
        start_leg(&mut world, Target::Contact(reached), offer(20_002));
        let edge = EDGE.parse().unwrap();
        let invite = world.expect(edge, "INVITE");
        let phone = Peer::of_invite(edge, &invite, "phone");
        let own = format!("Contact: <sip:alice@{EDGE}>");
        let text =
            super::peer::response(&invite, "phone", "alice", edge, "200 OK", recorded, &sdp(1, 5_000, "sendrecv"));
        assert!(text.contains(&own), "{text}");
        world.send(edge, &text.replace(&own, &format!("Contact: <{gruu}>")));
        world.told(Command::Done);
        let ack = world.expect(edge, "ACK");
        world.ask(CALL, LEG, Command::Stop, LegState::released(CauseKind::Normal));
        let bye = world.expect(edge, "BYE");
        for (method, request) in [("ACK", &ack), ("BYE", &bye)] {
            let way = (first_line(request), header(request, Header::Route));
            assert_eq!(way, (format!("{method} sip:alice@{EDGE} SIP/2.0"), PATH.to_owned()), "{recorded}");
        }
        phone.respond(&mut world, &bye, "200 OK", "", "");
        world.run_ms(10);
    }
}

//! Phones that are one instance with several flows (RFC 5626), and the addresses that lead to one of them (RFC 5627).

use super::harness::{ALICE, CALL, LEG, TRUNK, World, first_line, header, offer, sdp, start_leg};
use super::peer::Peer;
use router::parameter::{Call, CauseKind, LegState, Parameter, Reason, Registration, Target};
use router::{Address, Command, Instance, ModuleKind};
use signaling::message::{Header, HeaderName, Message, NameAddr, StatusCode, UriRef};

pub(crate) const PHONE: &str = "urn:uuid:00000000-0000-1000-8000-000a95a0e128";
const OTHER: &str = "urn:uuid:00000000-0000-1000-8000-000a95a0e129";

/// Registers with these parameters of the Contact; the answer.
pub(crate) fn register(world: &mut World, peer: &mut Peer, contact: &str, headers: &str) -> Message {
    (peer.target, peer.remote, peer.remote_tag) = ("sip:192.0.2.1".to_owned(), peer.user.clone(), None);
    let own = format!("Contact: <sip:{}@{}>", peer.user, peer.address);
    let whole = format!("{own}{contact}");
    let text = peer.request("REGISTER", headers, "").replace(&own, &whole);
    world.send(peer.address, &text);
    let challenge = world.expect(peer.address, "SIP/2.0 401");
    let authorization = peer.authorization(&challenge, "REGISTER", "sip:192.0.2.1", 1);
    let text = peer.request("REGISTER", &format!("{headers}{authorization}"), "").replace(&own, &whole);
    world.send(peer.address, &text);
    world.expect(peer.address, "SIP/2.0")
}

pub(crate) fn instance(urn: &str, reg_id: u32) -> String {
    format!(";+sip.instance=\"<{urn}>\";reg-id={reg_id}")
}

/// Where the switch is told that a name is reached: the hosts of the contacts.
fn reached(world: &mut World, name: &str) -> Result<Vec<String>, Reason> {
    let asked = Registration { account: name.to_owned(), contacts: Vec::new() };
    world.ask(Instance(1), Address::local(ModuleKind::Signaling, 0), Command::Query, asked);
    loop {
        match world.at_switch.pop_front().expect("an answer") {
            router::Received::Answer(_, packet) if packet.command == Command::Done => {
                let Some(Parameter::Registration(told)) = packet.first() else { continue };
                let host = |uri: &str| UriRef::parse(uri.as_bytes()).unwrap().host().to_owned();
                return Ok(told.contacts.iter().map(|contact| host(contact.uri.reveal())).collect());
            }
            router::Received::Answer(_, packet) => return Err(packet.failure().reason),
            router::Received::Packet(_) => {}
        }
    }
}

pub(crate) const SUPPORTED: &str = "Supported: path, outbound, gruu\r\n";

/// A URI in a parameter of an instance's Contact.
pub(crate) fn gruu_of(response: &Message, urn: &str, name: &str) -> String {
    let of = |contact: &NameAddr<'_>| contact.parameter("+sip.instance").is_some_and(|instance| instance.contains(urn));
    let contact = response.contacts().map(Result::unwrap).find(of).unwrap();
    contact.parameter(name).unwrap_or_else(|| panic!("no {name}")).trim_matches('"').to_owned()
}

#[test]
fn a_phone_with_two_flows_rings_once_and_by_the_other_one_when_one_has_ended() {
    let mut world = World::new(1);
    let flows = ["198.51.100.7:5062", "198.51.100.8:5062"];
    let mut peers = flows.map(|address| Peer::new(address, "alice", address));
    for (index, peer) in peers.iter_mut().enumerate() {
        let answer = register(&mut world, peer, &instance(PHONE, index as u32 + 1), SUPPORTED);
        assert_eq!((answer.status(), header(&answer, Header::Require).as_str()), (StatusCode::new(200), "outbound"));
        assert_eq!(answer.contacts().count(), index + 1);
        world.run_ms(1_100);
    }
    assert_eq!(reached(&mut world, "alice").unwrap(), ["198.51.100.8"], "the one that was refreshed last");
    register(&mut world, &mut peers[1], &instance(PHONE, 2), &format!("{SUPPORTED}Expires: 0\r\n"));
    assert_eq!(reached(&mut world, "alice").unwrap(), ["198.51.100.7"]);
}

#[test]
fn keep_alives_are_told_over_connections() {
    let mut world = World::new(2);
    let mut peer = Peer::new("198.51.100.7:41000", "alice", "tcp");
    world.connections.insert(peer.address, signaling::transport::ConnectionId(3));
    let answer = register(&mut world, &mut peer, &instance(PHONE, 1), SUPPORTED);
    assert_eq!(answer.text(HeaderName::Other("Flow-Timer")), Some("120"));
    let mut plain = Peer::new(ALICE, "alice", "udp");
    let answer = register(&mut world, &mut plain, "", "");
    assert_eq!((answer.text(HeaderName::Other("Flow-Timer")), answer.text(Header::Require)), (None, None));
}

#[test]
fn public_and_temporary_addresses_lead_to_their_phone_alone() {
    let mut world = World::new(3);
    let mut phone = Peer::new("198.51.100.7:5062", "alice", "one");
    let answer = register(&mut world, &mut phone, &instance(PHONE, 1), SUPPORTED);
    let mut other = Peer::new("198.51.100.8:5062", "alice", "two");
    register(&mut world, &mut other, &instance(OTHER, 1), SUPPORTED);
    let (public, temporary) = (gruu_of(&answer, PHONE, "pub-gruu"), gruu_of(&answer, PHONE, "temp-gruu"));
    assert_eq!(public, format!("sip:alice@192.0.2.1;gr={PHONE}"));
    assert!(!temporary.contains("alice") && temporary.ends_with("@192.0.2.1;gr"), "{temporary}");
    for _ in 0..20 {
        register(&mut world, &mut phone, &instance(PHONE, 1), SUPPORTED);
    }
    let again = register(&mut world, &mut phone, &instance(PHONE, 1), SUPPORTED);
    let later = gruu_of(&again, PHONE, "temp-gruu");
    assert_ne!(temporary, later, "each REGISTER brings another one");
    let mut bob = Peer::new("198.51.100.9:5062", "bob", "x");
    for (number, uri) in [public.as_str(), temporary.as_str(), later.as_str()].into_iter().enumerate() {
        (bob.call_id, bob.remote_tag, bob.target) = (format!("call-{number}"), None, uri.to_owned());
        bob.invite(&mut world, "", &sdp(1, 4_000, "sendrecv"));
        let asked = world.asked(Command::Start);
        let Some(Parameter::Call(call)) = asked.first() else { panic!("{asked:?}") };
        let Call { called, .. } = &**call;
        assert_eq!(reached(&mut world, called.user()).unwrap(), ["198.51.100.7"], "{uri}");
        world.refuse(&asked, CauseKind::Busy);
    }
    assert_eq!(reached(&mut world, "alice").unwrap().len(), 2);
    assert_eq!(reached(&mut world, "tgruu.0000").unwrap_err(), Reason::NotFound);
    assert_eq!(reached(&mut world, "nobody;gr=urn:x").unwrap_err(), Reason::NotFound);
    // A phone that has restarted has another Call-ID: what was told before is worth nothing (RFC 5627 §5.2).
    phone.call_id.push_str("-restarted");
    register(&mut world, &mut phone, &instance(PHONE, 1), SUPPORTED);
    let user = UriRef::parse(later.as_bytes()).unwrap().user().unwrap().to_owned();
    assert_eq!(reached(&mut world, &user).unwrap_err(), Reason::NotFound);
}

#[test]
fn a_call_goes_to_who_sent_the_register_with_the_path_and_to_no_other_host_that_a_path_names() {
    let (flow, proxy, elsewhere) = ("198.51.100.7:5062", "198.51.100.7:5070", "198.51.100.77:5070");
    for (path, next_hop) in [
        (format!("<sip:{proxy};lr>"), proxy),
        (format!("<sip:{flow};lr>"), flow),
        (format!("<sip:{elsewhere};lr>"), flow),
        (format!("<sip:edge@{elsewhere};transport=tcp;lr>"), flow),
        (format!("<sip:{TRUNK};lr>"), flow),
        ("<sip:edge.example.com;lr>".to_owned(), flow),
        // Nobody can open a WebSocket to it: the flow is the way.
        (format!("<sip:{proxy};transport=ws;lr>"), flow),
    ] {
        let mut world = World::new(60);
        let found =
            signaling::transport::Destination::address(signaling::transport::Transport::Udp, proxy.parse().unwrap());
        world.names.insert("edge.example.com".to_owned(), signaling::transport::Resolution::Known(vec![found].into()));
        let mut alice = Peer::new(flow, "alice", "alice");
        alice.register(&mut world, &format!("Supported: path\r\nPath: {path}\r\nExpires: 600\r\n"));
        let asked = Registration { account: "alice".to_owned(), contacts: Vec::new() };
        world.ask(Instance(1), Address::local(ModuleKind::Signaling, 0), Command::Query, asked);
        let told = world.told(Command::Done);
        let Some(Parameter::Registration(registration)) = told.first() else { panic!("{told:?}") };
        let target = Target::Contact(registration.contacts[0].clone());
        start_leg(&mut world, target, offer(20_002));
        let invite = world.expect(next_hop.parse().unwrap(), "INVITE sip:alice@198.51.100.7:5062");
        assert_eq!(header(&invite, Header::Route), path);
        world.ask(CALL, LEG, Command::Stop, LegState::released(CauseKind::Normal));
        world.run_ms(200_000);
    }
}

/// The operator's own proxies are at several hosts, and write what they like into a Path: it leads to another of their hosts, and to no other.
#[test]
fn the_path_of_an_edge_proxy_leads_to_any_of_its_hosts() {
    let (one, other, elsewhere) = ("198.51.100.7:5062", "198.51.100.77:5070", "198.51.100.99:5070");
    for (from, path, next_hop) in [
        (one, format!("<sip:{other};lr>"), other),
        (one, format!("<sip:{elsewhere};lr>"), one),
        (one, "<sip:edge.example.com;lr>".to_owned(), one),
        ("198.51.100.8:5062", format!("<sip:{other};lr>"), "198.51.100.8:5062"),
    ] {
        let mut world = with_edges(61);
        let target = registered_by(&mut world, from, &path);
        start_leg(&mut world, target, offer(20_002));
        let invite = world.expect(next_hop.parse().unwrap(), &format!("INVITE sip:alice@{from}"));
        assert_eq!(header(&invite, Header::Route), path);
        world.ask(CALL, LEG, Command::Stop, LegState::released(CauseKind::Normal));
        world.run_ms(200_000);
    }
}

#[test]
fn once_its_connection_is_gone_an_edge_proxy_is_reached_where_its_path_says() {
    let from = "198.51.100.7:41000";
    let found =
        |at: &str| signaling::transport::Resolution::at(signaling::transport::Transport::Tcp, &[at.parse().unwrap()]);
    for (path, named, next_hop) in [
        ("<sip:198.51.100.77:5070;transport=tcp;lr>", None, Some("198.51.100.77:5070")),
        ("<sip:edge.example.com;transport=tcp;lr>", Some("198.51.100.77:5060"), Some("198.51.100.77:5060")),
        ("<sip:edge.example.com;transport=tcp;lr>", Some("198.51.100.99:5060"), None),
        ("<sip:198.51.100.99:5070;transport=tcp;lr>", None, None),
    ] {
        let mut world = with_edges(62);
        if let Some(named) = named {
            world.names.insert("edge.example.com".to_owned(), found(named));
        }
        world.connections.insert(from.parse().unwrap(), signaling::transport::ConnectionId(3));
        let target = registered_by(&mut world, from, path);
        world.close(from.parse().unwrap());
        start_leg(&mut world, target, offer(20_002));
        match next_hop {
            Some(next_hop) => {
                let invite = world.expect(next_hop.parse().unwrap(), "INVITE");
                assert_eq!(header(&invite, Header::Route), path);
            }
            None => {
                assert_eq!(super::harness::cause(&world.told(Command::Failed)).kind, CauseKind::Unreachable, "{path}")
            }
        }
    }
}

/// A platform with proxies before its phones.
pub(super) fn with_edges(seed: u64) -> World {
    use router::parameter::Network;
    let hosts = ["198.51.100.7", "198.51.100.77"];
    World::with(seed, |config| config.edge_proxies = hosts.iter().filter_map(|host| Network::parse(host)).collect())
}

/// Alice's phone, registered from there with that Path.
pub(super) fn registered_by(world: &mut World, from: &str, path: &str) -> Target {
    Peer::new(from, "alice", "alice").register(world, &format!("Supported: path\r\nPath: {path}\r\nExpires: 600\r\n"));
    let asked = Registration { account: "alice".to_owned(), contacts: Vec::new() };
    world.ask(Instance(1), Address::local(ModuleKind::Signaling, 0), Command::Query, asked);
    let told = world.told(Command::Done);
    let Some(Parameter::Registration(registration)) = told.first() else { panic!("{told:?}") };
    Target::Contact(registration.contacts[0].clone())
}

/// RFC 5627 §4.4.1, RFC 5626 §4.3: such a phone says no `ob`, so its proxy records no flow, and would bring back to us what is for an address of
/// ours. One that is not ours, or was not given to the caller, goes the recorded way.
#[test]
fn a_phone_that_calls_by_its_gruu_from_behind_a_proxy_is_reached_by_the_way_that_it_is_registered_by() {
    let edge = "198.51.100.77:5070";
    let path = format!("<sip:token@{edge};lr;ob>");
    for (contact, is_own) in
        [(None, true), (Some("sip:bob@192.0.2.1;gr=urn:x"), false), (Some("sip:alice@192.0.2.9"), false)]
    {
        let mut world = World::new(63);
        let mut phone = Peer::new(edge, "alice", "alice");
        let headers = format!("{SUPPORTED}Path: {path}\r\nExpires: 600\r\n");
        let answer = register(&mut world, &mut phone, &instance(PHONE, 1), &headers);
        let gruu = contact.map_or_else(|| gruu_of(&answer, PHONE, "pub-gruu"), str::to_owned);
        let mut phone = Peer::new(edge, "alice", "200");
        let invite = |phone: &mut Peer, more: &str| {
            let headers = format!("Record-Route: <sip:{edge};lr>\r\n{more}");
            let own = format!("Contact: <sip:alice@{edge}>");
            phone.request("INVITE", &headers, &sdp(1, 4_000, "sendrecv")).replace(&own, &format!("Contact: <{gruu}>"))
        };
        let text = invite(&mut phone, "");
        world.send(phone.address, &text);
        let challenge = world.expect(phone.address, "SIP/2.0 401");
        phone.clone().acknowledges_refusal(&mut world, &challenge);
        let authorization = phone.authorization(&challenge, "INVITE", "sip:200@192.0.2.1", 1);
        let text = invite(&mut phone, &authorization);
        world.send(phone.address, &text);
        let call = world.asked(Command::Start);
        world.accept(&call);
        let ok = world.expect(phone.address, "SIP/2.0 200");
        phone.learn(&ok);
        phone.acknowledges(&mut world, "");
        world.run_ms(100);
        world.ask(call.destination.instance, call.source, Command::Stop, LegState::released(CauseKind::Normal));
        let bye = world.expect(phone.address, "BYE");
        let (to, route) = (first_line(&bye), header(&bye, Header::Route));
        if is_own {
            assert_eq!((to, route), (format!("BYE sip:alice@{edge} SIP/2.0"), path.clone()));
        } else {
            assert_eq!((to, route), (format!("BYE {gruu} SIP/2.0"), format!("<sip:{edge};lr>")));
        }
        phone.respond(&mut world, &bye, "200 OK", "", "");
        world.assert_idle();
    }
}

/// RFC 5627 §3.1: whoever gets one reaches us by it. A mere address has no zone that could say at which port.
#[test]
fn a_gruu_says_the_port_where_nobody_else_could() {
    use signaling::transport::{Listener, Listeners, Transport};
    for (transport, local, own, gruu) in [
        (Transport::Udp, "192.0.2.1:5460", "192.0.2.1", "sip:alice@192.0.2.1:5460;gr="),
        (Transport::Udp, "192.0.2.1:5060", "192.0.2.1", "sip:alice@192.0.2.1;gr="),
        (Transport::Udp, "192.0.2.1:5460", "192.0.2.1:5999", "sip:alice@192.0.2.1:5999;gr="),
        (Transport::Udp, "192.0.2.1:5460", "tandem", "sip:alice@tandem;gr="),
        (Transport::Tcp, "192.0.2.1:5470", "192.0.2.1", "sip:alice@192.0.2.1:5470;transport=tcp;gr="),
    ] {
        let mut world = World::with(4, |config| {
            let elsewhere = Listener::new(Transport::Udp, "192.0.2.9:5060".parse().unwrap(), None);
            let here = Listener::new(transport, local.parse().unwrap(), None);
            let all = if transport.is_reliable() { vec![elsewhere, here] } else { vec![here] };
            config.listeners = Listeners::new(all);
        });
        let mut phone = Peer::new("198.51.100.7:41000", "alice", "one");
        if transport.is_reliable() {
            world.connections.insert(phone.address, signaling::transport::ConnectionId(3));
        }
        let answer = register_at(&mut world, &mut phone, own, &instance(PHONE, 1));
        let told = gruu_of(&answer, PHONE, "pub-gruu");
        assert!(told.starts_with(gruu), "{told}");
        assert_eq!(gruu_host(&told), gruu_host(&gruu_of(&answer, PHONE, "temp-gruu")));
    }
}

/// What stands between user and `gr`.
fn gruu_host(uri: &str) -> &str {
    let (_, rest) = uri.split_once('@').unwrap();
    rest.split_once(";gr").unwrap().0
}

/// The same to another domain.
fn register_at(world: &mut World, peer: &mut Peer, domain: &str, contact: &str) -> Message {
    (peer.target, peer.remote, peer.remote_tag) = (format!("sip:{domain}"), peer.user.clone(), None);
    let own = format!("Contact: <sip:{}@{}>", peer.user, peer.address);
    let ask = |world: &mut World, peer: &mut Peer, authorization: &str| {
        let text = peer.request("REGISTER", &format!("{SUPPORTED}{authorization}"), "");
        let text = text.replace(&own, &format!("{own}{contact}"));
        let text = text.replace("To: <sip:alice@192.0.2.1>", &format!("To: <sip:alice@{domain}>"));
        world.send(peer.address, &text);
    };
    ask(world, peer, "");
    let challenge = world.expect(peer.address, "SIP/2.0 401");
    let authorization = peer.authorization(&challenge, "REGISTER", &format!("sip:{domain}"), 1);
    ask(world, peer, &authorization);
    world.expect(peer.address, "SIP/2.0 200")
}

#[test]
fn phones_are_told_the_way_that_their_requests_are_to_take() {
    let way = ["<sip:edge.example.net;lr>", "<sip:192.0.2.77:5070;transport=tcp;lr>"];
    let mut world = World::with(5, |config| config.service_route = way.map(str::to_owned).to_vec());
    let mut phone = Peer::new("198.51.100.7:5062", "alice", "one");
    let answer = register(&mut world, &mut phone, "", "");
    let told: Vec<String> =
        answer.addresses(Header::ServiceRoute).map(|hop| format!("<{}>", hop.unwrap().uri())).collect();
    assert_eq!(told, way);
    let answer = register(&mut world, &mut phone, "", "Expires: 0\r\n");
    assert_eq!(answer.addresses(Header::ServiceRoute).count(), 0, "nothing is registered");
}

//! Our own registrations at trunks (RFC 3261 §10.2, RFC 3608).

use super::harness::{TRUNK, World, call_trunk, first_line, header, offer, sdp};
use super::peer::Peer;
use router::Command;
use router::parameter::{
    Call, CauseKind, LegState, Origin, Parameter, RegistrationState, TrunkRegistration, TrunkStatus,
};
use signaling::digest::ClientCredentials;
use signaling::limits::INTERVAL_RAISES_MAX;
use signaling::message::{Header, Message};
use signaling::transport::Transport;
use signaling::trunk::{OwnAddress, Source};
use std::net::SocketAddr;

fn trunk() -> SocketAddr {
    TRUNK.parse().unwrap()
}

/// A trunk that keeps these addresses of ours.
fn world(seed: u64, own: &[&str]) -> World {
    World::with(seed, |config| {
        let trunk = &mut config.trunks[0];
        trunk.sources = Source::parse(TRUNK).into_iter().collect();
        let password = "pw".to_owned().into();
        trunk.credentials = Some(ClientCredentials { username: "us".to_owned(), password });
        trunk.register = own.iter().map(|own| OwnAddress::parse(own).unwrap()).collect();
    })
}

/// The registrar's answer.
fn answer(world: &mut World, request: &Message, status: &str, headers: &str) {
    let copied = [Header::Via, Header::From, Header::CallId, Header::CSeq];
    let copied: String =
        copied.iter().map(|&name| format!("{}: {}\r\n", name.as_str(), header(request, name))).collect();
    let to = header(request, Header::To);
    let text = format!("SIP/2.0 {status}\r\n{copied}To: {to};tag=r\r\n{headers}Content-Length: 0\r\n\r\n");
    world.send(trunk(), &text);
}

fn challenge(algorithm: &str, nonce: &str, more: &str) -> String {
    format!("WWW-Authenticate: Digest realm=\"c\", nonce=\"{nonce}\", qop=\"auth\", algorithm={algorithm}{more}\r\n")
}

/// The registrar keeps what is asked for, for so long.
fn keep(world: &mut World, register: &Message, seconds: u32, headers: &str) {
    let contact = header(register, Header::Contact);
    let contact = contact.split(";expires").next().unwrap();
    answer(world, register, "200 OK", &format!("Contact: {contact};expires={seconds}\r\n{headers}"));
    world.run_ms(10);
}

fn registrations(world: &mut World) -> Vec<TrunkRegistration> {
    let to = router::Address::local(router::ModuleKind::Signaling, 0);
    world.ask(router::Instance::MODULE, to, Command::Query, TrunkStatus::default());
    let told = world.told(Command::Done);
    let Some(Parameter::TrunkStatus(status)) = told.first() else { panic!("{told:?}") };
    status.registrations.clone().unwrap_or_default()
}

pub(super) fn states(world: &mut World) -> Vec<RegistrationState> {
    registrations(world).iter().map(|own| own.state).collect()
}

/// The user of the Contact of a REGISTER.
fn contact_user(register: &Message) -> String {
    let contact = register.contacts().next().unwrap().unwrap();
    contact.uri().user().unwrap().to_owned()
}

#[test]
fn each_address_is_registered_and_refreshed_before_what_was_granted_ends() {
    let mut world = world(1, &["one", "two@ims.example"]);
    let one = world.expect(trunk(), "REGISTER sip:198.51.100.10 SIP/2.0");
    assert!(header(&one, Header::To).starts_with("<sip:one@198.51.100.10"), "{one:?}");
    assert_eq!(header(&one, Header::Expires), "3600");
    keep(&mut world, &one, 100, "");
    let two = world.expect(trunk(), "REGISTER sip:ims.example SIP/2.0");
    assert_ne!(contact_user(&one), contact_user(&two));
    keep(&mut world, &two, 7_200, "");
    assert_eq!(states(&mut world), [RegistrationState::Registered; 2]);
    world.run_ms(66_000);
    assert!(world.take(trunk()).is_empty());
    world.run_ms(10_000);
    let again = world.take(trunk()).remove(0);
    assert_eq!(header(&again, Header::CallId), header(&one, Header::CallId));
    assert_eq!((header(&again, Header::CSeq), contact_user(&again)), ("2 REGISTER".to_owned(), contact_user(&one)));
    keep(&mut world, &again, 100, "");
    assert!(registrations(&mut world)[0].kept_s.is_some_and(|kept| kept >= 98));
}

#[test]
fn challenges_are_answered_by_the_strongest_algorithm_and_stale_nonces_once_more() {
    let mut world = world(2, &["one"]);
    let first = world.expect(trunk(), "REGISTER");
    let both = [challenge("MD5", "n1", ""), challenge("SHA-256", "n1", "")].concat();
    answer(&mut world, &first, "401 Unauthorized", &both);
    let second = world.expect(trunk(), "REGISTER");
    let proof = header(&second, Header::Authorization);
    assert!(proof.contains("algorithm=SHA-256") && proof.contains("uri=\"sip:198.51.100.10\""), "{proof}");
    answer(&mut world, &second, "401 Unauthorized", &challenge("SHA-256", "n2", ", stale=true"));
    let third = world.expect(trunk(), "REGISTER");
    assert!(header(&third, Header::Authorization).contains("nonce=\"n2\""));
    assert_eq!(header(&third, Header::CSeq), "3 REGISTER");
    keep(&mut world, &third, 600, "");
    assert_eq!(states(&mut world), [RegistrationState::Registered]);
    // RFC 3261 §22.3: what was asked for goes with the next one at once. A registrar that has forgotten its nonce asks anew.
    world.run_ms(460_000);
    let refresh = world.take(trunk()).remove(0);
    let proof = header(&refresh, Header::Authorization);
    assert!(proof.contains("nonce=\"n2\"") && proof.contains("nc=00000002"), "{proof}");
    answer(&mut world, &refresh, "401 Unauthorized", &challenge("SHA-256", "n3", ""));
    let again = world.expect(trunk(), "REGISTER");
    assert!(header(&again, Header::Authorization).contains("nonce=\"n3\""));
    keep(&mut world, &again, 600, "");
    assert_eq!(states(&mut world), [RegistrationState::Registered]);
}

#[test]
fn a_registrar_that_counts_min_expires_up_between_challenges_is_followed_a_few_times() {
    let mut world = world(31, &["one"]);
    let mut asked = 0;
    for round in 0..50 {
        world.run_ms(100);
        let Some(request) = world.take(trunk()).into_iter().next() else { break };
        asked += 1;
        match round % 2 {
            0 => answer(
                &mut world,
                &request,
                "401 Unauthorized",
                &challenge("MD5", &format!("n{round}"), ", stale=true"),
            ),
            _ => {
                let least = format!("Min-Expires: {}\r\n", 7_000 + round);
                answer(&mut world, &request, "423 Interval Too Brief", &least);
            }
        }
    }
    assert!(asked <= 2 * (1 + u32::from(INTERVAL_RAISES_MAX)), "{asked} requests");
    let own = &registrations(&mut world)[0];
    assert_eq!((own.state, own.reason.as_deref()), (RegistrationState::Failed, Some("423 Interval Too Brief")));
}

#[test]
fn wrong_credentials_are_not_tried_again_and_again() {
    let mut world = world(3, &["one"]);
    let first = world.expect(trunk(), "REGISTER");
    let challenge = "WWW-Authenticate: Digest realm=\"c\", nonce=\"n\", qop=\"auth\"\r\n";
    answer(&mut world, &first, "401 Unauthorized", challenge);
    let second = world.expect(trunk(), "REGISTER");
    answer(&mut world, &second, "401 Unauthorized", challenge);
    world.run_ms(140_000);
    assert!(world.take(trunk()).is_empty());
    let own = &registrations(&mut world)[0];
    assert_eq!((own.state, own.reason.as_deref()), (RegistrationState::Failed, Some("401 Unauthorized")));
    world.run_ms(170_000);
    assert!(!world.take(trunk()).is_empty(), "five minutes at most");
}

#[test]
fn what_a_registrar_says_of_time_and_place_is_followed() {
    let mut world = world(4, &["one"]);
    let brief = world.expect(trunk(), "REGISTER");
    answer(&mut world, &brief, "423 Interval Too Brief", "Min-Expires: 7000\r\n");
    let longer = world.expect(trunk(), "REGISTER");
    assert_eq!(header(&longer, Header::Expires), "7000");
    answer(&mut world, &longer, "302 Moved Temporarily", "Contact: <sip:198.51.100.30:5070>\r\n");
    let other: SocketAddr = "198.51.100.30:5070".parse().unwrap();
    let moved = world.expect(other, "REGISTER sip:198.51.100.30:5070 SIP/2.0");
    let text = format!(
        "SIP/2.0 503 Busy\r\nVia: {}\r\nFrom: {}\r\nTo: {};tag=x\r\nCall-ID: {}\r\nCSeq: {}\r\nRetry-After: 20 (soon)\r\n\
         Content-Length: 0\r\n\r\n",
        header(&moved, Header::Via),
        header(&moved, Header::From),
        header(&moved, Header::To),
        header(&moved, Header::CallId),
        header(&moved, Header::CSeq),
    );
    world.send(other, &text);
    world.run_ms(19_000);
    assert!(world.take(trunk()).is_empty() && world.take(other).is_empty());
    world.run_ms(1_500);
    let home: Vec<String> = world.take(trunk()).iter().map(first_line).collect();
    assert_eq!(home, ["REGISTER sip:198.51.100.10 SIP/2.0"], "it begins where it is configured");
}

#[test]
fn a_registrar_s_retry_after_is_kept_within_hours() {
    for (said, kept_ms) in [("1800", 1_800_000), ("7200", 7_200_000), ("99999999999", 6 * 3_600_000)] {
        let mut world = world(32, &["one"]);
        let request = world.expect(trunk(), "REGISTER");
        answer(&mut world, &request, "503 Busy", &format!("Retry-After: {said}\r\n"));
        world.run_ms(kept_ms - 1_000);
        assert!(world.take(trunk()).is_empty(), "{said}");
        world.run_ms(2_000);
        assert!(!world.take(trunk()).is_empty(), "{said}");
    }
}

#[test]
fn a_registrar_that_says_nothing_is_asked_ever_less() {
    let mut world = world(5, &["one"]);
    let mut rounds = 0;
    for _ in 0..60 {
        world.run_ms(60_000);
        let asked = world.take(trunk());
        rounds += asked.iter().map(|one| header(one, Header::CSeq)).collect::<std::collections::BTreeSet<_>>().len();
    }
    assert!((4..=12).contains(&rounds), "{rounds} in an hour");
    assert_eq!(registrations(&mut world)[0].reason.as_deref(), Some("timeout"));
}

#[test]
fn calls_take_the_way_that_the_registrar_asks_for() {
    let mut world = world(6, &["one"]);
    let register = world.expect(trunk(), "REGISTER");
    let route = "<sip:198.51.100.40:5080;lr>, <sip:core.carrier.example;lr>";
    keep(&mut world, &register, 600, &format!("Service-Route: {route}\r\n"));
    call_trunk(&mut world, offer(20_000));
    let edge: SocketAddr = "198.51.100.40:5080".parse().unwrap();
    let invite = world.expect(edge, "INVITE sip:+4930123@198.51.100.10 SIP/2.0");
    let routes: Vec<String> = invite.addresses(Header::Route).map(|one| format!("<{}>", one.unwrap().uri())).collect();
    assert_eq!(routes.join(", "), route);
    assert_eq!(registrations(&mut world)[0].service_route.len(), 2);
}

/// From whatever port of a host that took the registration. That somebody knows the Contact proves nothing.
#[test]
fn a_call_to_our_contact_belongs_to_the_trunk_and_is_for_whom_its_caller_meant() {
    let mut world = world(7, &["one"]);
    let register = world.expect(trunk(), "REGISTER");
    keep(&mut world, &register, 600, "");
    let user = contact_user(&register);
    let elsewhere: SocketAddr = "198.51.100.10:5099".parse().unwrap();
    for (number, to, headers, called) in [
        (1, "sip:+4930555@carrier.example", "", "+4930555"),
        (2, "sip:somebody@carrier.example", "P-Called-Party-ID: <sip:+4930777@carrier.example>\r\n", "+4930777"),
        (3, &*format!("sip:{user}@192.0.2.1"), "", "one"),
    ] {
        let body = sdp(1, 4_000, "sendrecv");
        let text = format!(
            "INVITE sip:{user}@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.77;rport;branch=z9hG4bK{number}\r\n\
             From: <sip:caller@carrier.example>;tag=a\r\nTo: <{to}>\r\nCall-ID: c{number}\r\nCSeq: 1 INVITE\r\n\
             Contact: <sip:caller@198.51.100.77>\r\nMax-Forwards: 70\r\n{headers}Content-Type: application/sdp\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        world.send(elsewhere, &text);
        let asked = world.asked(Command::Start);
        let Some(Parameter::Call(call)) = asked.first() else { panic!("{asked:?}") };
        let Call { origin, called: party, .. } = &**call;
        assert_eq!((origin, party.user()), (&Origin::Trunk("carrier".into()), called));
        world.refuse(&asked, CauseKind::Busy);
    }
    let stranger: SocketAddr = "198.51.100.77:5060".parse().unwrap();
    for (number, from, user) in [(8, elsewhere, "t000000000000000000000000"), (9, stranger, &*user)] {
        let text = format!(
            "INVITE sip:{user}@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.77;rport;branch=z9hG4bK{number}\r\n\
             From: <sip:x@y>;tag=a\r\nTo: <sip:x@y>\r\nCall-ID: c{number}\r\nCSeq: 1 INVITE\r\nContact: <sip:x@198.51.100.77>\r\n\
             Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        );
        world.send(from, &text);
        world.expect(from, "SIP/2.0 401");
    }
}

#[test]
fn what_is_registered_is_taken_back_at_the_end_and_when_the_configuration_has_it_no_more() {
    let mut world = world(8, &["one", "two"]);
    for _ in 0..2 {
        let register = world.expect(trunk(), "REGISTER");
        keep(&mut world, &register, 600, "");
    }
    let now = world.now;
    world.signaling.drain(now);
    assert!(!world.signaling.is_drained());
    world.run_ms(100);
    let taken: Vec<Message> = world.take(trunk());
    assert_eq!(taken.iter().map(|one| header(one, Header::Expires)).collect::<Vec<_>>(), ["0", "0"]);
    answer(&mut world, &taken[0], "200 OK", "");
    // The other one is not answered: it is not waited for beyond its transaction.
    world.run_ms(33_000);
    assert!(world.signaling.is_drained());
    assert!(states(&mut world).is_empty());
}

/// An INVITE to a Contact of ours from there; whether it is the trunk's.
fn is_of_trunk(world: &mut World, from: SocketAddr, user: &str, number: u32) -> bool {
    let body = sdp(1, 4_000, "sendrecv");
    let text = format!(
        "INVITE sip:{user}@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.77;rport;branch=z9hG4bKage{number}\r\n\
         From: <sip:caller@carrier.example>;tag=a\r\nTo: <sip:one@carrier.example>\r\nCall-ID: age{number}\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:caller@198.51.100.77>\r\nMax-Forwards: 70\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    world.take(from);
    world.send(from, &text);
    world.run_ms(10);
    let first = world.take(from).iter().map(first_line).next().unwrap_or_default();
    if first.starts_with("SIP/2.0 401") {
        return false;
    }
    let asked = world.asked(Command::Start);
    world.refuse(&asked, CauseKind::Busy);
    world.run_ms(10);
    world.take(from);
    true
}

/// What was granted there ends, and with it what is believed of who is there.
#[test]
fn a_registrar_is_the_trunk_s_for_as_long_as_it_keeps_us() {
    let mut world = world(9, &["one"]);
    let register = world.expect(trunk(), "REGISTER");
    keep(&mut world, &register, 100, "");
    assert_eq!(registrations(&mut world)[0].registrar.as_ref().map(|at| at.reveal().as_str()), Some(TRUNK));
    let user = contact_user(&register);
    let registrar: SocketAddr = "198.51.100.10:5099".parse().unwrap();
    assert!(is_of_trunk(&mut world, registrar, &user, 1));
    // It does not answer any more: what it took holds until its end.
    world.run_ms(95_000);
    world.take(trunk());
    assert!(is_of_trunk(&mut world, registrar, &user, 2));
    world.run_ms(10_000);
    assert!(!is_of_trunk(&mut world, registrar, &user, 3));
    assert_eq!(registrations(&mut world)[0].registrar, None);
}

const EDGES: [&str; 2] = ["198.51.100.31:5060", "198.51.100.32:5060"];

pub(super) fn edge(number: usize) -> SocketAddr {
    EDGES[number].parse().unwrap()
}

/// A trunk by a name of two hosts, at which one address of ours is to have two flows.
pub(super) fn flows(seed: u64) -> World {
    flows_over(seed, Transport::Udp)
}

/// The same, over that transport.
pub(super) fn flows_over(seed: u64, transport: Transport) -> World {
    hosts(seed, transport, true, &[edge(1), edge(0)])
}

/// A trunk by a name of these hosts, at which one address of ours is registered; by flows, or as ever.
fn hosts(seed: u64, transport: Transport, outbound: bool, hosts: &[SocketAddr]) -> World {
    let mut world = World::with(seed, |config| {
        let trunk = &mut config.trunks[0];
        trunk.target = signaling::trunk::Target::parse("edges.carrier.example");
        trunk.sources = Vec::new();
        trunk.credentials = Some(ClientCredentials { username: "us".to_owned(), password: "pw".to_owned().into() });
        trunk.register = OwnAddress::parse("one").into_iter().collect();
        trunk.outbound = outbound;
    });
    let found = signaling::transport::Resolution::at(transport, hosts);
    world.names.insert("edges.carrier.example".to_owned(), found.clone());
    // It was asked for when the world began.
    let (now, sought) = (world.now, signaling::transport::Sought::new("edges.carrier.example", None, None));
    world.signaling.handle_resolved(now, &sought, &found);
    world.settle();
    world
}

/// An edge keeps what it is asked for.
pub(super) fn keep_at(world: &mut World, at: SocketAddr, register: &Message, seconds: u32, headers: &str) {
    let contact = header(register, Header::Contact);
    let contact = contact.split(";expires").next().unwrap();
    let copied = [Header::Via, Header::From, Header::CallId, Header::CSeq];
    let copied: String =
        copied.iter().map(|&name| format!("{}: {}\r\n", name.as_str(), header(register, name))).collect();
    let to = header(register, Header::To);
    let text = format!(
        "SIP/2.0 200 OK\r\n{copied}To: {to};tag=r\r\nContact: {contact};expires={seconds}\r\n{headers}Content-Length: 0\r\n\r\n"
    );
    world.send(at, &text);
    world.run_ms(10);
}

/// RFC 5626 §4.2.
#[test]
fn two_flows_are_two_ways_to_us_and_one_of_them_goes_on_without_the_other() {
    let mut world = flows(10);
    let first = world.expect(edge(0), "REGISTER");
    assert!(world.take(edge(1)).is_empty(), "whether there is any use in it is to be found out first");
    let contact = first.contacts().next().unwrap().unwrap();
    assert_eq!(
        (contact.parameter("reg-id"), header(&first, Header::Supported).as_str()),
        (Some("1"), "path, outbound")
    );
    let instance = contact.parameter("+sip.instance").unwrap().to_owned();
    assert!(instance.starts_with("\"<urn:uuid:"), "{instance}");
    keep_at(&mut world, edge(0), &first, 100, "Require: outbound\r\nService-Route: <sip:198.51.100.31;lr>\r\n");
    let second = world.expect(edge(1), "REGISTER");
    let contact = second.contacts().next().unwrap().unwrap();
    assert_eq!((contact.parameter("reg-id"), contact.parameter("+sip.instance")), (Some("2"), Some(&*instance)));
    assert_eq!(contact_user(&first), contact_user(&second));
    keep_at(&mut world, edge(1), &second, 600, "Require: outbound\r\nService-Route: <sip:198.51.100.32;lr>\r\n");
    let user = contact_user(&first);
    for (number, host) in ["198.51.100.31:5099", "198.51.100.32:5099"].into_iter().enumerate() {
        assert!(is_of_trunk(&mut world, host.parse().unwrap(), &user, 100 + number as u32), "{host}");
    }
    let told = registrations(&mut world);
    assert_eq!(told.iter().map(|own| own.flow).collect::<Vec<_>>(), [Some(1), Some(2)]);
    // The first host is away. What it has taken ends; calls go by the other one, and come from there.
    world.run_ms(130_000);
    world.take(edge(0));
    assert_eq!(states(&mut world), [RegistrationState::Failed, RegistrationState::Registered]);
    assert!(!is_of_trunk(&mut world, "198.51.100.31:5099".parse().unwrap(), &user, 200));
    assert!(is_of_trunk(&mut world, "198.51.100.32:5099".parse().unwrap(), &user, 201));
    call_trunk(&mut world, offer(20_000));
    let invite = world.expect(edge(1), "INVITE sip:+4930123@edges.carrier.example");
    assert_eq!(header(&invite, Header::Route), "<sip:198.51.100.32;lr>");
}

#[test]
fn a_registrar_that_knows_no_flows_gets_one_registration_as_ever() {
    let mut world = flows(11);
    let first = world.expect(edge(0), "REGISTER");
    keep_at(&mut world, edge(0), &first, 3_600, "");
    world.run_ms(300_000);
    assert!(world.take(edge(1)).is_empty());
    assert_eq!(states(&mut world)[0], RegistrationState::Registered);

    // RFC 5626 §6: the proxy before it keeps none.
    let mut world = flows(12);
    let first = world.expect(edge(0), "REGISTER");
    let copied = [Header::Via, Header::From, Header::CallId, Header::CSeq];
    let copied: String =
        copied.iter().map(|&name| format!("{}: {}\r\n", name.as_str(), header(&first, name))).collect();
    let to = header(&first, Header::To);
    world.send(
        edge(0),
        &format!("SIP/2.0 439 First Hop Lacks Outbound Support\r\n{copied}To: {to};tag=r\r\nContent-Length: 0\r\n\r\n"),
    );
    let again = world.expect(edge(0), "REGISTER");
    let contact = again.contacts().next().unwrap().unwrap();
    assert_eq!((contact.parameter("reg-id"), header(&again, Header::Supported).as_str()), (None, "path"));
    keep_at(&mut world, edge(0), &again, 3_600, "");
    world.run_ms(300_000);
    assert!(world.take(edge(1)).is_empty());
}

/// The first host being away says nothing of the second.
#[test]
fn a_second_flow_is_made_where_the_first_host_is_away_from_the_beginning() {
    let mut world = flows(13);
    // The first one is given up after 32 seconds, and the second one has waited for it.
    world.run_ms(62_000);
    world.take(edge(0));
    let second = world.expect(edge(1), "REGISTER");
    keep_at(&mut world, edge(1), &second, 600, "Require: outbound\r\n");
    assert!(states(&mut world).contains(&RegistrationState::Registered));
}

/// RFC 5626 §4.3: through a NAT nothing comes but by the flow.
#[test]
fn calls_by_a_flow_say_that_what_follows_is_to_come_by_it() {
    for outbound in [false, true] {
        let mut world = World::with(31, |config| config.trunks[0].outbound = outbound);
        let is_said = |message: &Message| {
            let contact = message.contact().unwrap().unwrap();
            assert_eq!(contact.uri().host(), "192.0.2.1");
            contact.uri().parameter("ob").is_some()
        };
        call_trunk(&mut world, offer(20_002));
        let invite = world.expect(trunk(), "INVITE");
        assert_eq!((is_said(&invite), invite.supports("outbound")), (outbound, outbound));
        let mut carrier = Peer::of_invite(trunk(), &invite, "carrier");
        carrier.respond(&mut world, &invite, "200 OK", "", &sdp(1, 5_000, "sendrecv"));
        world.expect(trunk(), "ACK");
        carrier.cseq = 100;
        carrier.asks(&mut world, "BYE", "", "");
        world.expect(trunk(), "SIP/2.0 200");
        let mut caller = Peer::new(TRUNK, "+4930", "200");
        caller.asks(&mut world, "INVITE", "", &sdp(1, 5_000, "sendrecv"));
        let call = world.asked(Command::Start);
        world.accept(&call);
        let ok = world.expect(trunk(), "SIP/2.0 200");
        assert_eq!(is_said(&ok), outbound);
        caller.learn(&ok);
        caller.acknowledges(&mut world, "");
        world.run_ms(10);
        let released = LegState::released(CauseKind::Normal);
        world.ask(call.destination.instance, call.source, Command::Stop, released);
        let bye = world.expect(trunk(), "BYE");
        caller.respond(&mut world, &bye, "200 OK", "", "");
    }
}

/// Where one of a registrar's hosts is silent, no refresh waits for it: what is granted for a minute would be over by then.
#[test]
fn who_has_taken_a_registration_is_asked_first_while_another_host_is_silent() {
    let mut world = hosts(14, Transport::Udp, false, &[edge(0), edge(1)]);
    let (mut kept, mut gaps) = (0, 0);
    for _ in 0..1_200 {
        world.run_ms(500);
        world.take(edge(0));
        if let Some(register) = world.take(edge(1)).first() {
            keep_at(&mut world, edge(1), register, 60, "");
            kept += 1;
        }
        gaps += u32::from(kept > 0 && states(&mut world) != [RegistrationState::Registered]);
    }
    assert!(kept >= 12, "{kept} times in ten minutes");
    assert_eq!(gaps, 0, "it is kept all the time");
}

//! MESSAGE outside of calls: between phones and trunks, kept for who is not there.

use super::harness::{ALICE, TRUNK, World, header};
use super::outbound::{registered_by, with_edges};
use super::peer::Peer;
use router::parameter::{
    CauseKind, Failure, MessageEvent, MessageFate, MessageRoute, MessageWay, Origin, Parameter, Party, TextMessage,
};
use router::{Address, Command, Instance, ModuleKind};
use signaling::admission::Rate;
use signaling::message::{Header, Message};

/// The phone of bob.
const BOB: &str = "198.51.100.8:5062";

const TEXT: &str = "Content-Type: text/plain\r\n";

fn module() -> Address {
    Address::local(ModuleKind::Signaling, 0)
}

/// Alice sends bob a text; what comes next is for the switch to say.
fn send(world: &mut World, number: u32, headers: &str, text: &str) -> Peer {
    let name = format!("message-{number}");
    let mut alice = Peer { call_id: name.clone(), tag: name, ..Peer::new(ALICE, "alice", "bob") };
    alice.asks(world, "MESSAGE", headers, text);
    let challenge = world.expect(alice.address, "SIP/2.0 401");
    let authorization = alice.authorization(&challenge, "MESSAGE", &alice.target.clone(), 1);
    alice.asks(world, "MESSAGE", &format!("{headers}{authorization}"), text);
    alice
}

/// The switch's plan sends it there; what it was asked.
fn route(world: &mut World, ways: &[MessageWay]) -> MessageRoute {
    let asked = world.asked(Command::Query);
    let Some(Parameter::MessageRoute(route)) = asked.first() else { panic!("{asked:?}") };
    let route = (**route).clone();
    world.answer(&asked, Command::Done, MessageRoute { ways: ways.to_vec(), ..route.clone() });
    route
}

fn to_bob() -> [MessageWay; 1] {
    [MessageWay::Account("bob".to_owned())]
}

fn to_trunk() -> [MessageWay; 1] {
    [MessageWay::Trunk { name: "carrier".to_owned(), number: "+4930".to_owned().into() }]
}

fn body(message: &Message) -> &str {
    std::str::from_utf8(message.body_octets()).unwrap()
}

fn bob() -> Peer {
    Peer::new(BOB, "bob", "bob")
}

#[test]
fn a_message_goes_to_every_phone_and_one_that_takes_it_is_enough() {
    let mut world = World::new(1);
    let mut first = bob();
    first.register(&mut world, "Expires: 600\r\n");
    let other = "198.51.100.9:5062";
    let mut second = Peer { cseq: 50, ..Peer::new(other, "bob", "bob") };
    second.register(&mut world, "Expires: 600\r\n");
    let alice = send(
        &mut world,
        1,
        "Date: Fri, 15 Jan 2027 07:00:00 GMT\r\nContent-Type: text/plain;charset=UTF-8\r\n",
        "höllo",
    );
    let asked = route(&mut world, &to_bob());
    assert_eq!((asked.number.reveal().as_str(), asked.origin), ("bob", Origin::Account("alice".into())));
    let [one, two] = [&first, &second].map(|phone| world.expect(phone.address, "MESSAGE sip:bob@"));
    assert_eq!((body(&one), body(&two)), ("höllo", "höllo"));
    assert_eq!(header(&one, Header::ContentType), "text/plain;charset=UTF-8");
    assert_eq!(header(&one, Header::Date), "Fri, 15 Jan 2027 07:00:00 GMT", "when it was sent stays");
    assert_eq!(one.from().unwrap().uri().as_str(), "sip:alice@192.0.2.1");
    assert_eq!(header(&one, Header::PAssertedIdentity), "");
    assert_ne!(one.call_id().unwrap(), alice.call_id, "nothing of one side reaches the other");
    second.respond(&mut world, &two, "486 Busy Here", "", "");
    first.respond(&mut world, &one, "200 OK", "", "");
    world.expect(alice.address, "SIP/2.0 200");
    assert!(world.kept.is_empty());
    world.assert_idle();
}

#[test]
fn a_message_for_who_is_not_registered_is_kept_and_delivered_once_in_its_order() {
    let mut world = World::new(2);
    for number in 0..3 {
        let alice = send(&mut world, number, TEXT, &format!("text {number}"));
        route(&mut world, &to_bob());
        world.expect(alice.address, "SIP/2.0 202");
    }
    assert_eq!(world.kept.len(), 3);
    let mut phone = bob();
    phone.register(&mut world, "Expires: 600\r\n");
    for number in 0..2 {
        let message = world.expect(phone.address, "MESSAGE sip:bob@");
        assert_eq!(body(&message), format!("text {number}"));
        world.run_ms(300);
        phone.respond(&mut world, &message, "200 OK", "", "");
    }
    // The third one finds the phone gone: it is kept, and comes with the next registration.
    let third = world.expect(phone.address, "MESSAGE sip:bob@");
    phone.respond(&mut world, &third, "480 Temporarily Unavailable", "", "");
    world.run_ms(1_000);
    assert_eq!(world.kept.len(), 1);
    phone.register(&mut world, "Expires: 600\r\n");
    let third = world.expect(phone.address, "MESSAGE sip:bob@");
    assert_eq!(body(&third), "text 2");
    phone.respond(&mut world, &third, "200 OK", "", "");
    world.run_ms(1_000);
    assert!(world.kept.is_empty());
    phone.register(&mut world, "Expires: 600\r\n");
    world.run_ms(1_000);
    assert!(world.take(phone.address).iter().all(Message::is_response), "each comes once");
    world.assert_idle();
}

#[test]
fn a_phone_that_does_not_answer_is_waited_for_and_then_the_message_is_kept() {
    let mut world = World::new(3);
    let mut phone = bob();
    phone.register(&mut world, "Expires: 600\r\n");
    let alice = send(&mut world, 1, TEXT, "hello");
    route(&mut world, &to_bob());
    let message = world.expect(phone.address, "MESSAGE sip:bob@");
    world.run_ms(7_000);
    world.expect(alice.address, "SIP/2.0 202");
    world.run_ms(100);
    assert_eq!(world.kept.len(), 1);
    // It took it after all: it is not to come again.
    phone.respond(&mut world, &message, "200 OK", "", "");
    world.run_ms(40_000);
    assert!(world.kept.is_empty());
}

#[test]
fn what_is_refused_is_passed_on_and_what_is_not_text_is_refused_here() {
    let mut world = World::new(4);
    let mut phone = bob();
    phone.register(&mut world, "Expires: 600\r\n");
    let alice = send(&mut world, 1, TEXT, "hello");
    route(&mut world, &to_bob());
    let message = world.expect(phone.address, "MESSAGE sip:bob@");
    phone.respond(&mut world, &message, "603 Decline", "", "");
    world.expect(alice.address, "SIP/2.0 603");
    for (number, status, headers, text) in [
        (2, "415", "Content-Type: image/png\r\n", "x".to_owned()),
        (5, "415", "Content-Type: text/plain\r\nContent-Encoding: gzip\r\n", "x".to_owned()),
        (3, "413", TEXT, "x".repeat(1_301)),
        (4, "483", "Max-Forwards: 0\r\nContent-Type: text/plain\r\n", "x".to_owned()),
    ] {
        let name = format!("refused-{number}");
        let mut alice = Peer { call_id: name.clone(), tag: name, ..Peer::new(ALICE, "alice", "bob") };
        let mut ask = |world: &mut World, authorization: &str| {
            let text = alice.request("MESSAGE", &format!("{headers}{authorization}"), &text);
            // One Max-Forwards alone.
            let text = if headers.starts_with("Max-F") { text.replacen("Max-Forwards: 70\r\n", "", 1) } else { text };
            world.send(alice.address, &text);
        };
        ask(&mut world, "");
        let challenge = world.expect(ALICE.parse().unwrap(), "SIP/2.0 401");
        let authorization =
            Peer::new(ALICE, "alice", "bob").authorization(&challenge, "MESSAGE", "sip:bob@192.0.2.1", 1);
        ask(&mut world, &authorization);
        let refusal = world.expect(ALICE.parse().unwrap(), &format!("SIP/2.0 {status}"));
        let packed = headers.contains("Content-Encoding");
        assert_eq!(refusal.header(Header::AcceptEncoding).is_some(), packed);
        assert_eq!(refusal.header(Header::Accept).is_some(), status == "415" && !packed);
    }
    let alice = send(&mut world, 9, TEXT, "hello");
    let asked = world.asked(Command::Query);
    world.answer(&asked, Command::Failed, Failure::because(CauseKind::UnknownNumber.into()));
    world.expect(alice.address, "SIP/2.0 404");
    world.assert_idle();
}

#[test]
fn that_somebody_writes_is_passed_on_and_never_kept() {
    let mut world = World::new(5);
    let alice = send(&mut world, 1, "Content-Type: application/im-iscomposing+xml\r\n", "<isComposing/>");
    route(&mut world, &to_bob());
    world.expect(alice.address, "SIP/2.0 480");
    let alice = send(&mut world, 2, "Content-Type: text/plain\r\nExpires: 0\r\n", "now or never");
    route(&mut world, &to_bob());
    world.expect(alice.address, "SIP/2.0 480");
    assert!(world.kept.is_empty());
}

#[test]
fn messages_go_to_trunks_and_come_from_them_by_the_plan() {
    let mut world = World::new(6);
    let alice = send(&mut world, 1, TEXT, "out");
    route(&mut world, &to_trunk());
    let trunk = TRUNK.parse().unwrap();
    let out = world.expect(trunk, "MESSAGE sip:+4930@198.51.100.10 SIP/2.0");
    assert_eq!((body(&out), header(&out, Header::PAssertedIdentity).as_str()), ("out", "<sip:alice@192.0.2.1>"));
    // RFC 3261 §16.6 step 3, RFC 3428 §4: one hop less, and no Contact.
    assert_eq!((out.max_forwards().unwrap(), out.header(Header::Contact)), (Some(69), None));
    let carrier = Peer::new(TRUNK, "carrier", "bob");
    carrier.respond(&mut world, &out, "202 Accepted", "", "");
    // RFC 3428 §7: the trunk has not said that it is delivered.
    world.expect(alice.address, "SIP/2.0 202");

    let mut phone = bob();
    phone.register(&mut world, "Expires: 600\r\n");
    let mut carrier = Peer::new(TRUNK, "+4930", "bob");
    carrier.asks(
        &mut world,
        "MESSAGE",
        "P-Asserted-Identity: <sip:+4930555@carrier>\r\nContent-Type: text/plain\r\n",
        "in",
    );
    let asked = route(&mut world, &to_bob());
    assert_eq!(asked.origin, Origin::Trunk("carrier".into()));
    let message = world.expect(phone.address, "MESSAGE sip:bob@");
    assert_eq!(message.from().unwrap().uri().user(), Some("+4930555"), "what a trusted trunk asserts");
    phone.respond(&mut world, &message, "200 OK", "", "");
    world.expect(carrier.address, "SIP/2.0 200");
    // A trunk that is silent leaves its sender waiting no longer than any other.
    let alice = send(&mut world, 2, TEXT, "out");
    route(&mut world, &to_trunk());
    world.run_ms(7_500);
    world.expect(alice.address, "SIP/2.0 4");
    world.assert_idle();
}

#[test]
fn who_sends_too_many_is_told_to_wait() {
    let mut world = World::with(7, |config| config.messages.account_rate = Rate { per_second: 1, burst: 2 });
    for number in 0..2 {
        let alice = send(&mut world, number, TEXT, "hello");
        route(&mut world, &to_bob());
        world.expect(alice.address, "SIP/2.0 202");
    }
    let alice = send(&mut world, 3, TEXT, "hello");
    assert_eq!(header(&world.expect(alice.address, "SIP/2.0 503"), Header::RetryAfter), "5");
    world.run_ms(1_500);
    let alice = send(&mut world, 4, TEXT, "hello");
    route(&mut world, &to_bob());
    world.expect(alice.address, "SIP/2.0 202");
}

#[test]
fn a_full_mailbox_is_said() {
    let mut world = World::new(8);
    world.kept_max = 1;
    for (number, status) in [(1, "SIP/2.0 202 Accepted"), (2, "SIP/2.0 480 Mailbox Full")] {
        let alice = send(&mut world, number, TEXT, "hello");
        route(&mut world, &to_bob());
        world.expect(alice.address, status);
    }
}

#[test]
fn the_control_socket_sends_and_follows_messages() {
    let mut world = World::new(9);
    let mut phone = bob();
    phone.register(&mut world, "Expires: 600\r\n");
    let event = MessageEvent {
        id: String::new(),
        from: Party::default(),
        to: Party::default(),
        octets: 0,
        fate: MessageFate::Delivered,
        at: world.now.wall,
        missed: false,
    };
    world.ask(Instance(7), module(), Command::Subscribe, event);
    world.told(Command::Done);
    let text = TextMessage {
        from: Party::new("operator", "tandem"),
        to: Party::new("bob", ""),
        content_type: "text/plain".to_owned(),
        body: router::Private::new(b"maintenance".to_vec().into()),
        ..TextMessage::of_account(None)
    };
    world.ask(Instance(7), module(), Command::Send, text);
    let asked = route(&mut world, &to_bob());
    assert_eq!(asked.origin, Origin::Control);
    let message = world.expect(phone.address, "MESSAGE sip:bob@");
    assert_eq!((body(&message), message.from().unwrap().uri().user()), ("maintenance", Some("operator")));
    phone.respond(&mut world, &message, "200 OK", "", "");
    world.run_ms(10);
    let (mut answered, mut notified) = (0, 0);
    for received in world.at_switch.drain(..) {
        let packet = match received {
            router::Received::Answer(_, packet) => {
                answered += 1;
                packet
            }
            router::Received::Packet(packet) => {
                notified += 1;
                packet
            }
        };
        let Some(Parameter::MessageEvent(event)) = packet.first() else { continue };
        assert_eq!((event.fate, event.octets), (MessageFate::Delivered, 11));
    }
    assert!(answered >= 1 && notified >= 1);
}

/// RFC 3428 §8: not by UDP, whatever the transport that it came by. Who has no other way is told so at once.
#[test]
fn a_long_text_goes_by_connections_alone() {
    let mut world = World::new(20);
    let long = "x".repeat(5_000);
    let mut phone = bob();
    phone.register(&mut world, "Expires: 600\r\n");
    world.connections.insert(ALICE.parse().unwrap(), signaling::transport::ConnectionId(7));
    let alice = send(&mut world, 1, TEXT, &long);
    route(&mut world, &to_bob());
    world.expect(alice.address, "SIP/2.0 413");
    assert!(world.take(phone.address).is_empty() && world.kept.is_empty());
    // Another one of his is connected.
    let mut connected = Peer { cseq: 50, ..Peer::new("198.51.100.9:5062", "bob", "bob") };
    world.connections.insert(connected.address, signaling::transport::ConnectionId(8));
    connected.register(&mut world, "Expires: 600\r\n");
    let alice = send(&mut world, 2, TEXT, &long);
    route(&mut world, &to_bob());
    let message = world.expect(connected.address, "MESSAGE sip:bob@");
    assert_eq!(body(&message), long);
    connected.respond(&mut world, &message, "200 OK", "", "");
    world.expect(alice.address, "SIP/2.0 200");
    assert!(world.take(phone.address).is_empty());
    world.assert_idle();
}

#[test]
fn a_long_text_that_is_kept_waits_for_a_connection_and_holds_up_no_other() {
    let mut world = World::new(21);
    world.connections.insert(ALICE.parse().unwrap(), signaling::transport::ConnectionId(7));
    let long = "x".repeat(5_000);
    for (number, text) in [(1, &*long), (2, "short")] {
        let alice = send(&mut world, number, TEXT, text);
        route(&mut world, &to_bob());
        world.expect(alice.address, "SIP/2.0 202");
    }
    let mut phone = bob();
    phone.register(&mut world, "Expires: 600\r\n");
    let message = world.expect(phone.address, "MESSAGE sip:bob@");
    assert_eq!(body(&message), "short");
    phone.respond(&mut world, &message, "200 OK", "", "");
    world.run_ms(1_000);
    assert_eq!(world.kept.len(), 1);
    let mut connected = Peer { cseq: 50, ..Peer::new("198.51.100.9:5062", "bob", "bob") };
    world.connections.insert(connected.address, signaling::transport::ConnectionId(8));
    connected.register(&mut world, "Expires: 600\r\n");
    let message = world.expect(connected.address, "MESSAGE sip:bob@");
    assert_eq!(body(&message), long);
    connected.respond(&mut world, &message, "200 OK", "", "");
    world.run_ms(1_000);
    assert!(world.kept.is_empty());
    world.assert_idle();
}

#[test]
fn what_a_sender_says_of_its_text_reaches_who_reads_it() {
    let mut world = World::new(22);
    let alice = send(&mut world, 1, "Subject: lunch\r\nExpires: 600\r\nContent-Type: text/plain\r\n", "at noon?");
    route(&mut world, &to_bob());
    world.expect(alice.address, "SIP/2.0 202");
    world.run_ms(100_000);
    let mut phone = bob();
    phone.register(&mut world, "Expires: 600\r\n");
    let message = world.expect(phone.address, "MESSAGE sip:bob@");
    let expires: u32 = header(&message, Header::Expires).parse().unwrap();
    assert!((498..=500).contains(&expires), "{expires}: what is left");
    assert_eq!(header(&message, Header::Subject), "lunch");
    phone.respond(&mut world, &message, "200 OK", "", "");
    world.run_ms(100);
    let alice = send(&mut world, 2, TEXT, "plain");
    route(&mut world, &to_bob());
    let message = world.expect(phone.address, "MESSAGE sip:bob@");
    assert_eq!((header(&message, Header::Expires), header(&message, Header::Subject)), (String::new(), String::new()));
    phone.respond(&mut world, &message, "200 OK", "", "");
    world.expect(alice.address, "SIP/2.0 200");
}

/// As an INVITE there: the account in From, the sender beside it, the carrier's domain in all of them.
#[test]
fn a_text_to_a_carrier_is_from_the_account_that_it_knows_us_by() {
    for (trusted, named) in [(false, Header::PPreferredIdentity), (true, Header::PAssertedIdentity)] {
        let mut world = World::with(23, |config| {
            let trunk = &mut config.trunks[0];
            trunk.trusted = trusted;
            trunk.identity.domain = Some("carrier.example".to_owned());
            trunk.identity.from_domain = Some("ims.example".to_owned());
            trunk.identity.from_user = Some("acct-1".to_owned());
        });
        send(&mut world, 1, TEXT, "out");
        route(&mut world, &to_trunk());
        let out = world.expect(TRUNK.parse().unwrap(), "MESSAGE sip:+4930@carrier.example SIP/2.0");
        assert_eq!(out.from().unwrap().uri().as_str(), "sip:acct-1@ims.example");
        assert_eq!(out.to().unwrap().uri().host(), "carrier.example");
        assert_eq!(header(&out, named), "<sip:alice@ims.example>");
    }
}

/// The proxy has said its name, and its connection is gone: the name leads to a proxy of ours, or the text is kept.
#[test]
fn a_text_reaches_a_phone_behind_a_proxy_that_is_known_by_its_name() {
    use signaling::transport::{ConnectionId, Resolution, Transport};
    let from = "198.51.100.7:41000";
    for (named, reached) in [(Some("198.51.100.77:5060"), true), (Some("198.51.100.99:5060"), false), (None, false)] {
        let mut world = with_edges(13);
        let resolution = match named {
            Some(named) => Resolution::at(Transport::Tcp, &[named.parse().unwrap()]),
            None => Resolution::Unknown,
        };
        world.names.insert("edge.example.com".to_owned(), resolution);
        world.connections.insert(from.parse().unwrap(), ConnectionId(3));
        let path = "<sip:edge.example.com;transport=tcp;lr>";
        registered_by(&mut world, from, path);
        world.close(from.parse().unwrap());
        let text = TextMessage {
            from: Party::new("bob", "tandem"),
            to: Party::new("alice", ""),
            content_type: "text/plain".to_owned(),
            body: router::Private::new(b"by its name".to_vec().into()),
            ..TextMessage::of_account(None)
        };
        world.ask(Instance(7), module(), Command::Send, text);
        route(&mut world, &[MessageWay::Account("alice".to_owned())]);
        if reached {
            let edge = Peer::new(named.unwrap(), "alice", "alice");
            world.connections.insert(edge.address, ConnectionId(4));
            let message = world.expect(edge.address, "MESSAGE sip:alice@");
            assert_eq!((header(&message, Header::Route).as_str(), body(&message)), (path, "by its name"));
            edge.respond(&mut world, &message, "200 OK", "", "");
        }
        let fate = loop {
            let done = world.told(Command::Done);
            if let Some(Parameter::MessageEvent(event)) = done.first() {
                break event.fate;
            }
        };
        assert_eq!((fate == MessageFate::Delivered, world.kept.len()), (reached, usize::from(!reached)), "{named:?}");
        world.assert_idle();
    }
}

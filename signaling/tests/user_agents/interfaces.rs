//! A call between two interfaces: each leg says what its own listener is known by, from its first message to its last.

use super::harness::{ALICE, CALL, TRUNK, World, contact, header, leg_state, sdp, start_leg, state, voice};
use super::peer::Peer;
use router::Command;
use router::parameter::{Direction, LegPhase, MediaDescription, MediaExchange, Parameter, Target};
use signaling::message::{Header, Message};
use signaling::transport::{Advertised, Listener, ListenerId, Listeners, Transport};
use std::net::{IpAddr, SocketAddr};

/// Where alice's listener is bound; peers are told the outside of a NAT.
const OUTER: &str = "192.0.2.1:5060";
const OUTER_TOLD: &str = "203.0.113.1:5060";
/// Where the trunk's is.
const INNER: &str = "10.0.0.1:5060";

/// Two listeners, the carrier's the second.
fn world() -> World {
    let mut world = World::with(1, |config| {
        let listen =
            |address: &str, told: Option<Advertised>| Listener::new(Transport::Udp, address.parse().unwrap(), told);
        let told = Advertised::address(OUTER_TOLD.parse().unwrap());
        config.listeners = Listeners::new(vec![listen(OUTER, Some(told)), listen(INNER, None)]);
    });
    world.interfaces.insert(TRUNK.parse().unwrap(), (ListenerId(1), INNER.parse().unwrap()));
    world
}

/// A media port at that address.
fn media(address: &str) -> MediaDescription {
    let mut description = voice(20_000, Direction::SendReceive);
    description.streams[0].rtp = Some(SocketAddr::new(address.parse().unwrap(), 20_000));
    description
}

/// What a message of ours says of where we are: Via of a request, Contact, the connection line of its description.
fn says(world: &World, message: &Message, listener: u16, told: &str, media: &str) {
    let text = String::from_utf8_lossy(message.as_bytes()).into_owned();
    if message.is_request() {
        let via = message.via().unwrap();
        assert_eq!(format!("{}:{}", via.host(), via.port().unwrap()), told, "{text}");
    }
    if message.header(Header::Contact).is_some() {
        assert_eq!(header(message, Header::Contact), format!("<sip:{told}>"), "{text}");
    }
    if !message.body().is_empty() {
        assert!(text.contains(&format!("\r\nc=IN IP4 {media}\r\n")), "{text}");
    }
    let peer = if listener == 0 { ALICE } else { TRUNK };
    assert_eq!(world.left_by.get(&peer.parse().unwrap()), Some(&ListenerId(listener)), "{text}");
}

#[test]
fn each_leg_of_a_call_is_its_own_interfaces() {
    let mut world = world();
    let (outer, inner) = (
        |world: &World, it: &Message| says(world, it, 0, OUTER_TOLD, "203.0.113.1"),
        |world: &World, it: &Message| says(world, it, 1, INNER, "10.0.0.1"),
    );
    let mut carrier = Peer::new(TRUNK, "100", "alice");
    carrier.asks(&mut world, "INVITE", "", &sdp(1, 5_000, "sendrecv"));
    let call = world.asked(Command::Start);
    let Some(Parameter::Call(wanted)) = call.first() else { panic!("{call:?}") };
    assert_eq!(wanted.interface, "10.0.0.1".parse::<IpAddr>().unwrap());
    // Alice had registered at the outer one.
    let flow = format!("udp {OUTER} {ALICE}");
    let target = Target::Contact(contact(&format!("sip:alice@{ALICE}"), &flow));
    let leg = start_leg(&mut world, target, Some(MediaExchange::Offer(media("203.0.113.1"))));
    let alice: SocketAddr = ALICE.parse().unwrap();
    let invite = world.expect(alice, "INVITE");
    outer(&world, &invite);
    let mut phone = Peer::of_invite(alice, &invite, "phone");
    assert_eq!(phone.target, format!("sip:{OUTER_TOLD}"));
    phone.respond(&mut world, &invite, "200 OK", "Allow: INVITE, ACK, BYE\r\n", &sdp(1, 4_000, "sendrecv"));
    let done = world.told(Command::Done);
    assert_eq!(leg_state(&done).interface, Some("192.0.2.1".parse().unwrap()));
    let ack = world.expect(alice, "ACK");
    outer(&world, &ack);
    world.answer(&call, Command::Done, state(LegPhase::Answered, Some(MediaExchange::Answer(media("10.0.0.1")))));
    let ok = world.expect(carrier.address, "SIP/2.0 200");
    inner(&world, &ok);
    carrier.learn(&ok);
    assert_eq!(carrier.target, format!("sip:{INNER}"));
    carrier.acknowledges(&mut world, "");
    world.run_ms(10);

    // Offers of both peers, and of ours to both.
    phone.cseq = 50;
    for (peer, told) in [(&mut carrier, true), (&mut phone, false)] {
        peer.asks(&mut world, "INVITE", "", &sdp(2, 6_000, "sendonly"));
        let offered = world.asked(Command::Set);
        let own = if told { media("10.0.0.1") } else { media("203.0.113.1") };
        let held = MediaDescription {
            streams: own
                .streams
                .into_iter()
                .map(|mut it| {
                    it.direction = Direction::ReceiveOnly;
                    it
                })
                .collect(),
        };
        world.answer(&offered, Command::Done, state(LegPhase::Answered, Some(MediaExchange::Answer(held))));
        let ok = world.expect(peer.address, "SIP/2.0 200");
        if told {
            inner(&world, &ok)
        } else {
            outer(&world, &ok)
        }
        peer.acknowledges(&mut world, "");
        world.run_ms(10);
    }
    for (of, call, own) in [(call.source, call.destination.instance, "10.0.0.1"), (leg, CALL, "203.0.113.1")] {
        let offer = MediaExchange::Offer(media(own));
        world.ask(call, of, Command::Set, state(LegPhase::Answered, Some(offer)));
        let peer = if of == leg { &phone } else { &carrier };
        let invite = world.expect(peer.address, "INVITE");
        if of == leg {
            outer(&world, &invite)
        } else {
            inner(&world, &invite)
        }
        peer.respond(&mut world, &invite, "200 OK", "", &sdp(3, 6_000, "sendrecv"));
        world.told(Command::Done);
        let ack = world.expect(peer.address, "ACK");
        if of == leg { outer(&world, &ack) } else { inner(&world, &ack) }
    }

    // One hangs up, and the other is hung up.
    phone.asks(&mut world, "BYE", "", "");
    let ok = world.expect(alice, "SIP/2.0 200");
    outer(&world, &ok);
    world.ask(call.destination.instance, call.source, Command::Stop, state(LegPhase::Released, None));
    let bye = world.expect(carrier.address, "BYE");
    inner(&world, &bye);
    carrier.respond(&mut world, &bye, "200 OK", "", "");
    world.assert_idle();
}

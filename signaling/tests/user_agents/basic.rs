//! A registration, and a call each way.

use super::harness::{ALICE, SERVER, TRUNK, World, alice_calls, call_trunk, header, offer, sdp};
use super::peer::Peer;
use router::parameter::{CauseKind, LegPhase, MediaExchange, Origin, Parameter, Registration};
use router::{Address, Command, Instance, ModuleKind};
use signaling::message::Header;

#[test]
fn a_phone_registers_and_is_found() {
    let mut world = World::new(1);
    let mut alice = Peer::new(ALICE, "alice", "alice");
    let response = alice.register(&mut world, "Expires: 600\r\n");
    assert_eq!(header(&response, Header::Contact), format!("<sip:alice@{ALICE}>;expires=600"));
    world.ask(
        Instance::MODULE,
        Address::local(ModuleKind::Signaling, 0),
        Command::Query,
        Registration { account: "alice".to_owned(), contacts: Vec::new() },
    );
    let told = world.told(Command::Done);
    let Some(Parameter::Registration(registration)) = told.first() else { panic!("{told:?}") };
    assert_eq!(registration.contacts[0].flow.reveal(), &format!("udp {SERVER} {ALICE}"));
    world.run_ms(1_000);
    assert_eq!(world.bindings.len(), 1, "written behind within a second");
    world.run_ms(600_000);
    assert_eq!(world.bindings.len(), 0, "expired");
    world.assert_idle();
}

#[test]
fn a_call_comes_in_rings_is_answered_and_the_caller_hangs_up() {
    let mut world = World::new(2);
    let (mut alice, packet) = alice_calls(&mut world);
    let Some(Parameter::Call(call)) = packet.first() else { panic!("{packet:?}") };
    assert_eq!(
        (call.origin.clone(), call.caller.user(), call.called.user()),
        (Origin::Account("alice".into()), "alice", "200")
    );
    assert_eq!((call.hops, call.leg_id.as_str()), (70, alice.call_id.as_str()));
    assert!(matches!(&call.media, Some(MediaExchange::Offer(offer)) if offer.streams[0].rtp.unwrap().port() == 4_000));
    world.ring(&packet);
    world.expect(alice.address, "SIP/2.0 180");
    world.accept(&packet);
    let ok = world.expect(alice.address, "SIP/2.0 200");
    assert!(String::from_utf8_lossy(ok.body_octets()).contains("m=audio 20000 RTP/AVP 0 101"));
    alice.learn(&ok);
    alice.acknowledges(&mut world, "");
    world.run_ms(5_000);
    assert!(world.take(alice.address).is_empty(), "the 200 is not repeated after its ACK");
    alice.asks(&mut world, "BYE", "", "");
    world.expect(alice.address, "SIP/2.0 200");
    let stop = world.asked(Command::Stop);
    assert!(
        matches!(stop.first(), Some(Parameter::LegState(state)) if state.cause.as_ref().unwrap().kind == CauseKind::Normal)
    );
    world.assert_idle();
}

#[test]
fn the_switch_hangs_up_a_call_that_came_in() {
    let mut world = World::new(3);
    let (mut alice, packet) = alice_calls(&mut world);
    world.accept(&packet);
    let ok = world.expect(alice.address, "SIP/2.0 200");
    alice.learn(&ok);
    // No BYE before the ACK (RFC 3261 §15).
    let (call, leg) = (packet.destination.instance, packet.source);
    world.ask(call, leg, Command::Stop, router::parameter::LegState::released(CauseKind::Normal));
    world.told(Command::Done);
    world.run_ms(400);
    assert!(world.take(alice.address).is_empty());
    alice.acknowledges(&mut world, "");
    let bye = world.expect(alice.address, "BYE");
    assert_eq!(bye.to().unwrap().tag(), Some(alice.tag.as_str()));
    alice.respond(&mut world, &bye, "200 OK", "", "");
    world.assert_idle();
}

#[test]
fn a_call_goes_out_to_a_trunk_and_its_peer_hangs_up() {
    let mut world = World::new(4);
    let _leg = call_trunk(&mut world, offer(20_002));
    let trunk = TRUNK.parse().unwrap();
    let invite = world.expect(trunk, "INVITE sip:+4930123@198.51.100.10 SIP/2.0");
    assert_eq!(header(&invite, Header::MaxForwards), "67");
    assert_eq!(header(&invite, Header::PAssertedIdentity), "<sip:alice@192.0.2.1>");
    assert_eq!(
        header(&invite, Header::Supported),
        "timer, replaces, join, norefersub, 100rel",
        "nothing of the registrar's"
    );
    let mut carrier = Peer::of_invite(trunk, &invite, "carrier-tag");
    carrier.respond(&mut world, &invite, "100 Trying", "", "");
    carrier.respond(&mut world, &invite, "183 Session Progress", "", &sdp(1, 5_000, "sendrecv"));
    world.told(Command::Progress);
    let early = world.told(Command::Progress);
    assert!(
        matches!(early.first(), Some(Parameter::LegState(state)) if state.phase == LegPhase::Early && state.media.is_some())
    );
    carrier.respond(&mut world, &invite, "200 OK", "", &sdp(1, 5_000, "sendrecv"));
    let done = world.told(Command::Done);
    let Some(Parameter::LegState(state)) = done.first() else { panic!("{done:?}") };
    assert!(
        matches!(&state.media, Some(MediaExchange::Answer(answer)) if answer.streams[0].rtp.unwrap().port() == 5_000)
    );
    world.expect(trunk, "ACK");
    // The ACK was lost: the 200 comes again and is acknowledged again.
    carrier.respond(&mut world, &invite, "200 OK", "", &sdp(1, 5_000, "sendrecv"));
    world.expect(trunk, "ACK");
    let bye = carrier.request("BYE", "Reason: Q.850;cause=16\r\n", "");
    world.send(trunk, &bye);
    world.expect(trunk, "SIP/2.0 200");
    world.asked(Command::Stop);
    world.assert_idle();
}

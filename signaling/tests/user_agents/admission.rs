//! Floods of strangers, and garbage.

use super::harness::{ALICE, CALL, TRUNK, World, alice_talks, call_trunk, header, offer, sdp};
use super::peer::Peer;
use router::parameter::{CauseKind, Parameter, Selection, Status, TraceDirection, TraceEntry};
use router::time::WallTime;
use router::{Address, Command, ModuleKind, Private};
use signaling::message::Header;
use std::net::SocketAddr;

#[test]
fn a_flood_of_strangers_takes_nothing_from_trunks_and_phones() {
    let mut world = World::new(1);
    let mut alice = Peer::new(ALICE, "alice", "alice");
    alice.register(&mut world, "Expires: 600\r\n");
    for number in 0..3_000u32 {
        let mut stranger = Peer::new(&format!("203.0.113.{}:{}", number % 250, 1_024 + number), "eve", "200");
        stranger.asks(&mut world, "INVITE", "", &sdp(1, 4_000, "sendrecv"));
    }
    world.run_ms(5);
    let mut carrier = Peer::new(TRUNK, "100", "200");
    carrier.asks(&mut world, "INVITE", "", &sdp(1, 4_000, "sendrecv"));
    let packet = world.asked(Command::Start);
    world.refuse(&packet, CauseKind::Busy);
    world.expect(carrier.address, "SIP/2.0 486");
    let mut calling = Peer::new(ALICE, "alice", "200");
    calling.invite(&mut world, "", &sdp(1, 4_000, "sendrecv"));
    let packet = world.asked(Command::Start);
    world.refuse(&packet, CauseKind::Busy);
    world.run_ms(700_000);
    world.assert_idle();
}

#[test]
fn a_host_that_is_not_ours_is_nobodys() {
    let mut world = World::new(2);
    let mut alice = Peer::new(ALICE, "alice", "200");
    alice.target = "sip:200@example.org".to_owned();
    alice.asks(&mut world, "INVITE", "", &sdp(1, 4_000, "sendrecv"));
    world.expect(alice.address, "SIP/2.0 404");
    world.assert_idle();
}

#[test]
fn other_methods_schemes_and_dialogs_are_refused() {
    let mut world = World::new(3);
    let mut carrier = Peer::new(TRUNK, "100", "200");
    for (method, headers, status) in [
        ("NOTIFY", "Event: keep-alive\r\n", "405"),
        ("FROBNICATE", "", "501"),
        ("BYE", "", "481"),
        ("REFER", "Refer-To: <sip:300@192.0.2.1>\r\n", "603"),
        ("OPTIONS", "", "200"),
    ] {
        carrier.asks(&mut world, method, headers, "");
        let response = world.expect(carrier.address, &format!("SIP/2.0 {status}"));
        if status == "405" {
            assert!(header(&response, Header::Allow).starts_with("INVITE, ACK"));
        }
    }
    carrier.target = "sips:200@192.0.2.1".to_owned();
    carrier.asks(&mut world, "INVITE", "", &sdp(1, 4_000, "sendrecv"));
    world.expect(carrier.address, "SIP/2.0 416");
    world.assert_idle();
}

#[test]
fn garbage_is_survived() {
    let mut world = World::new(4);
    world.strict = false;
    let mut carrier = Peer::new(TRUNK, "100", "200");
    let text = carrier.request("INVITE", "", &sdp(1, 4_000, "sendrecv"));
    for _ in 0..3_000 {
        let mut octets = text.clone().into_bytes();
        for _ in 0..=world.chance.below(8) {
            if octets.len() < 2 {
                break;
            }
            let at = world.chance.below(octets.len() as u64) as usize;
            match world.chance.below(3) {
                0 => octets[at] = world.chance.next_u32() as u8,
                1 => drop(octets.remove(at)),
                _ => octets.truncate(at.max(1)),
            }
        }
        let garbled = String::from_utf8_lossy(&octets).into_owned();
        world.send(carrier.address, &garbled);
        world.run_ms(1);
        while let Some(received) = world.at_switch.pop_front() {
            if let router::Received::Packet(packet) = received
                && packet.command == Command::Start
            {
                world.refuse(&packet, CauseKind::Busy);
            }
        }
    }
    world.assert_idle();
}

/// So many octet strings from strangers, each from another host.
fn flood(world: &mut World, count: u32, text: impl Fn(u32, SocketAddr) -> String) {
    for number in 0..count {
        let from = SocketAddr::from(([203, 0, (number >> 8) as u8, number as u8], 5060));
        let text = text(number, from);
        world.send(from, &text);
    }
    world.run_ms(2);
}

fn forged(number: u32, from: SocketAddr) -> String {
    format!(
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{number:032x};rport\r\nFrom: <sip:a@h>;tag=1\r\n\
         To: <sip:b@{from}>;tag=2\r\nCall-ID: forged{number}\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
    )
}

fn options(number: u32, from: SocketAddr) -> String {
    format!(
        "OPTIONS sip:200@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK{number:x};rport\r\nMax-Forwards: 70\r\n\
         From: <sip:x@h>;tag={number}\r\nTo: <sip:200@192.0.2.1>;tag={number:016x}\r\nCall-ID: flood{number}\r\n\
         CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
}

/// What the module says of itself.
fn status(world: &mut World) -> Status {
    let module = Address::local(ModuleKind::Signaling, 0);
    world.ask(CALL, module, Command::Query, Status::default());
    match world.told(Command::Done).first() {
        Some(Parameter::Status(status)) => (**status).clone(),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn counter(world: &mut World, name: &str) -> u64 {
    status(world).counters.iter().find(|counter| counter.name == name).map_or(0, |counter| counter.value)
}

/// How many messages of a call are kept.
fn traced(world: &mut World, call_id: &str) -> usize {
    let module = Address::local(ModuleKind::Signaling, 0);
    let no_message = TraceEntry {
        at: WallTime::default(),
        direction: TraceDirection::Received,
        transport: String::new(),
        local: String::new(),
        remote: Private::default(),
        leg_id: String::new(),
        message: Vec::new(),
        truncated: false,
    };
    let selection = Selection { name: Some(call_id.to_owned()), ..Default::default() };
    let wanted = vec![no_message.into(), selection.into()];
    world.ask_all(CALL, module, Command::Query, wanted);
    let page = world.told(Command::Done);
    page.parameters.iter().filter(|parameter| matches!(parameter, Parameter::TraceEntry(_))).count()
}

#[test]
fn forged_responses_are_charged_to_their_senders_and_push_no_call_out_of_the_trace() {
    let mut world = World::with(5, |config| config.trace_octets = 100_000);
    let (mut alice, _) = alice_talks(&mut world);
    let before = traced(&mut world, &alice.call_id);
    assert!(before >= 6, "{before}");
    flood(&mut world, 10_000, forged);
    let admitted = counter(&mut world, "sip_unknown_admitted");
    assert!((2_000..2_100).contains(&admitted), "{admitted}");
    assert!(counter(&mut world, "sip_stray_responses") < 2_100);
    assert_eq!(traced(&mut world, &alice.call_id), before);
    assert_eq!(traced(&mut world, "forged1"), 0);
    flood(&mut world, 10_000, options);
    assert_eq!(traced(&mut world, &alice.call_id), before, "strangers' requests push out none either");
    // What waits for a response gets it, from wherever it comes.
    alice.asks(&mut world, "BYE", "", "");
    world.expect(alice.address, "SIP/2.0 200");
    let leg = call_trunk(&mut world, offer(20_002));
    let trunk = TRUNK.parse().unwrap();
    let invite = world.expect(trunk, "INVITE");
    flood(&mut world, 10_000, forged);
    let carrier = Peer::of_invite("198.51.100.99:5080".parse().unwrap(), &invite, "carrier-tag");
    carrier.respond(&mut world, &invite, "486 Busy Here", "", "");
    world.told(Command::Failed);
    world.expect(trunk, "ACK");
    let _ = leg;
    world.assert_idle();
}

#[test]
fn a_dialog_is_served_during_a_flood_wherever_its_requests_come_from() {
    let mut world = World::new(6);
    let (mut alice, _) = alice_talks(&mut world);
    flood(&mut world, 10_000, options);
    // Behind a NAT that has moved.
    alice.address = "198.51.100.200:41000".parse().unwrap();
    let mut guess = alice.clone();
    guess.remote_tag = Some("0123456789abcdef".to_owned());
    guess.asks(&mut world, "BYE", "", "");
    let mut elsewhere = alice.clone();
    elsewhere.call_id = "another".to_owned();
    elsewhere.asks(&mut world, "BYE", "", "");
    world.run_ms(1);
    assert!(world.take(alice.address).is_empty(), "a tag or Call-ID that is not ours is a stranger's");
    alice.cseq += 10;
    let reinvite = alice.request("INVITE", "", &sdp(2, 4_000, "sendonly"));
    world.send(alice.address, &reinvite);
    let packet = world.asked(Command::Set);
    world.accept(&packet);
    world.expect(alice.address, "SIP/2.0 200");
    alice.acknowledges(&mut world, "");
    world.run_ms(2);
    flood(&mut world, 3_000, options);
    alice.asks(&mut world, "BYE", "", "");
    world.expect(alice.address, "SIP/2.0 200");
    assert_eq!(counter(&mut world, "sip_retransmitted"), 0);
    world.run_ms(40_000);
    world.assert_idle();
}

#[test]
fn a_stranger_has_no_response_sent_elsewhere() {
    let mut world = World::new(7);
    let victim: SocketAddr = "198.51.100.250:5060".parse().unwrap();
    for (from, reached) in [("203.0.113.5:5060", false), (TRUNK, true)] {
        let mut peer = Peer::new(from, "100", "200");
        let text = peer.request("OPTIONS", "", "").replace(";rport", ";maddr=198.51.100.250");
        world.send(peer.address, &text);
        world.run_ms(5);
        let (victims, own) = (world.take(victim).len(), world.take(peer.address).len());
        assert_eq!((victims, own), if reached { (1, 0) } else { (0, 1) }, "{from}");
    }
    world.assert_idle();
}

/// A request with nothing in it but what it needs, in the compact form.
fn compact(method: &str, number: usize) -> String {
    let contact = if method == "INVITE" { "m:<sip:a@h>\r\n" } else { "" };
    format!(
        "{method} sip:a@192.0.2.1 SIP/2.0\r\nv:SIP/2.0/UDP h;branch=z9hG4bK{number:04};rport\r\nf:<sip:a@192.0.2.1>;tag=1\r\n\
         t:<sip:a@192.0.2.1>\r\ni:{number:04}\r\nCSeq:1 {method}\r\n{contact}\r\n"
    )
}

/// A REGISTER as phones send it.
fn usual(number: usize) -> String {
    format!(
        "REGISTER sip:192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.1.20:5060;branch=z9hG4bK{number:016};rport\r\n\
         Max-Forwards: 70\r\nFrom: \"Alice\" <sip:alice@192.0.2.1>;tag=123456789\r\nTo: <sip:alice@192.0.2.1>\r\n\
         Call-ID: {number}@192.168.1.20\r\nCSeq: 1 REGISTER\r\nContact: <sip:alice@192.168.1.20:5060>\r\n\
         User-Agent: A Phone 1.0\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, NOTIFY\r\nExpires: 3600\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

#[test]
fn who_forges_its_source_gains_little_by_us() {
    let mut world = World::new(20);
    let victim = |number: usize| SocketAddr::from(([203, 0, 113, number as u8], 50_000));
    let methods = [
        "REGISTER",
        "INVITE",
        "OPTIONS",
        "SUBSCRIBE",
        "PUBLISH",
        "MESSAGE",
        "REFER",
        "BYE",
        "CANCEL",
        "INFO",
        "UPDATE",
        "PRACK",
        "NOTIFY",
        "FOO",
    ];
    for (number, method) in methods.into_iter().enumerate() {
        let text = compact(method, number);
        world.send(victim(number), &text);
        world.run_ms(64_000);
        let answers = world.take(victim(number));
        assert_eq!(answers.len(), 1, "{method}: it is not repeated");
        let octets = answers[0].as_bytes().len();
        assert!(octets * 100 <= text.len() * 235, "{method}: {} draw {octets}", text.len());
        assert!(answers[0].header(Header::Server).is_none(), "{method}");
    }
    let text = usual(1);
    world.send(victim(100), &text);
    world.run_ms(1_000);
    let [challenge] = &world.take(victim(100))[..] else { panic!("one answer") };
    assert_eq!(challenge.challenges(Header::WwwAuthenticate).count(), 2, "a phone chooses");
    let octets = challenge.as_bytes().len();
    assert!(octets * 100 <= text.len() * 130, "{} draw {octets}", text.len());
}

#[test]
fn strangers_are_answered_without_a_transaction_and_who_is_known_within_one() {
    let mut world = World::new(21);
    let stranger: SocketAddr = "203.0.113.9:5060".parse().unwrap();
    for (number, method) in
        ["REGISTER", "INVITE", "OPTIONS", "SUBSCRIBE", "BYE", "CANCEL", "NOTIFY", "FOO"].iter().enumerate()
    {
        world.send(stranger, &compact(method, number));
        world.run_ms(1_000);
        assert_eq!(world.take(stranger).len(), 1, "{method}");
    }
    let mut guess = Peer::new("203.0.113.9:5060", "alice", "alice");
    guess.target = "sip:192.0.2.1".to_owned();
    guess.asks(&mut world, "REGISTER", "", "");
    let challenge = world.expect(stranger, "SIP/2.0 401");
    let wrong = guess.authorization(&challenge, "REGISTER", "sip:192.0.2.1", 1).replace("response=\"", "response=\"0");
    guess.asks(&mut world, "REGISTER", &wrong, "");
    world.expect(stranger, "SIP/2.0 403");
    assert!(!world.known.contains(&stranger), "its connection would be kept");
    let mut alice = Peer::new(ALICE, "alice", "alice");
    alice.register(&mut world, "Expires: 600\r\n");
    assert!(world.known.contains(&alice.address));
}

#[test]
fn it_shows_that_places_for_connections_have_run_out() {
    use router::parameter::ResourceState;
    use signaling::transport::TransportCounters;
    let mut world = World::new(22);
    let places = |world: &mut World, counters: TransportCounters| {
        world.signaling.note_transports(counters);
        let status = status(world);
        let places = status.resources.into_iter().find(|resource| resource.name == "connections").unwrap();
        (places.state, places.detail.is_some(), places.used, places.total)
    };
    let counted = TransportCounters { open: 3, places: 4, ..TransportCounters::default() };
    assert_eq!(places(&mut world, counted), (ResourceState::Ready, false, 3, Some(4)));
    for counted in
        [TransportCounters { rejected: 1, ..counted }, TransportCounters { rejected: 1, displaced: 1, ..counted }]
    {
        assert_eq!(places(&mut world, counted), (ResourceState::Degraded, true, 3, Some(4)));
        world.run_ms(61_000);
        assert_eq!(places(&mut world, counted), (ResourceState::Ready, false, 3, Some(4)));
    }
}

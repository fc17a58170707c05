//! The worker itself: its thread, its poll loop, sockets of the system on the loopback interface.

#![expect(clippy::unwrap_used, reason = "a test may unwrap, and so may what it is made of")]

mod platform;

use media::Config;
use media::rtp::{Header, write};
use platform::{Platform, phone};
use router::packet::{Parameters, Transaction, one};
use router::parameter::{
    Bridge, Builtin, BuiltinKind, Codec, MediaEventKind, MediaPlan, MediaPort, PortAddress, PortId, Reason, Status,
};
use router::{Address, Command, Instance, ModuleKind, Packet, Parameter};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

const SESSION: Instance = Instance(0x1234);

fn start() -> Platform {
    with_pairs(200)
}

fn with_pairs(pairs: u16) -> Platform {
    Platform::start(pairs, Config::default(), || {})
}

/// Opens a port; waits for one to have rested where none is left.
fn open(platform: &mut Platform, interface: IpAddr, port: PortId) -> PortAddress {
    let wanted = one(MediaPort::new(port, interface));
    loop {
        let asked = platform.send(SESSION, Command::Open, wanted.clone());
        match platform.answer(asked) {
            Ok(answer) => match &answer[0] {
                Parameter::MediaPort(port) => return port.address.unwrap(),
                other => panic!("{other:?}"),
            },
            Err(reason) => assert_eq!(reason, Reason::Exhausted),
        }
    }
}

fn plan(port: PortId, remote: SocketAddr) -> MediaPlan {
    MediaPlan {
        remote_rtp: Some(remote),
        generation: 1,
        ptime_ms: Some(20),
        ..MediaPlan::new(port, vec![Codec::new(0, "PCMU", 8_000)])
    }
}

fn frame(sequence: u16) -> [u8; 172] {
    let mut data = [sequence as u8; 172];
    write(&mut data, false, 0, sequence, u32::from(sequence) * 160, 0xabcd);
    data
}

fn hear(phone: &UdpSocket) -> (Header, SocketAddr, Vec<u8>) {
    let mut buffer = [0; 2_048];
    let (length, from) = phone.recv_from(&mut buffer).expect("a packet");
    (Header::parse(&buffer[..length]).unwrap(), from, buffer[12..length].to_vec())
}

#[test]
fn a_call_is_relayed_between_both_families_and_counted() {
    let mut platform = start();
    let (a, b) = (phone("127.0.0.1:0"), phone("[::1]:0"));
    let port_a = open(&mut platform, Ipv4Addr::LOCALHOST.into(), PortId(0));
    let port_b = open(&mut platform, "::1".parse().unwrap(), PortId(1));
    let mut parameters = one(Bridge { a: PortId(0), b: PortId(1) });
    parameters.push(plan(PortId(0), a.local_addr().unwrap()).into());
    parameters.push(plan(PortId(1), b.local_addr().unwrap()).into());
    platform.ask(SESSION, Command::Connect, parameters);

    let mut first = None;
    for sequence in 0..50 {
        a.send_to(&frame(sequence), port_a.rtp).unwrap();
        let (header, from, payload) = hear(&b);
        assert_eq!((from, payload), (port_b.rtp, vec![sequence as u8; 160]));
        let first = first.get_or_insert(header);
        assert_eq!(header.sequence, first.sequence.wrapping_add(sequence));
        b.send_to(&frame(sequence), port_b.rtp).unwrap();
        assert_eq!(hear(&a).1, port_a.rtp);
    }
    // Settled and connected: a stranger gets nothing through, the peer goes on.
    let stranger = phone("127.0.0.1:0");
    stranger.send_to(&frame(50), port_a.rtp).unwrap();
    a.send_to(&frame(51), port_a.rtp).unwrap();
    assert_eq!(hear(&b).2, vec![51; 160]);

    let statistics = platform.ask(SESSION, Command::Close, Parameters::new());
    let Parameter::PortStatistics(of_a) = &statistics[0] else { panic!("{statistics:?}") };
    assert_eq!((of_a.packets_received, of_a.packets_sent, of_a.packets_lost), (51, 50, 1));
    assert_eq!(of_a.learned, Some(a.local_addr().unwrap()));

    let answer = platform.ask(Instance::MODULE, Command::Query, one(Status::default()));
    let Parameter::Status(status) = &answer[0] else { panic!("{answer:?}") };
    assert_eq!(status.module, "voice/0");
    let sent = status.counters.iter().find(|counter| counter.name == "media_packets_sent").unwrap();
    assert_eq!(sent.value, 101);
    // One packet of eight that came to the first pair: 51, or 53 with the stranger's.
    let delays = status.distributions.iter().find(|told| told.name == "worker_relay_delay_us").unwrap();
    assert!((6..=7).contains(&delays.count), "{delays:?}");
    assert!(delays.sum > 0, "{delays:?}");
}

#[test]
fn a_pair_serves_one_call_after_another() {
    for on in ["127.0.0.1", "::1"] {
        let mut platform = with_pairs(4);
        let interface: IpAddr = on.parse().unwrap();
        let mut seen = Vec::new();
        for _ in 0..8 {
            // Each peer has an address of its own: the socket was connected to another one before.
            let a = phone(&SocketAddr::new(interface, 0).to_string());
            let port = open(&mut platform, interface, PortId(0));
            platform.ask(SESSION, Command::Set, one(plan(PortId(0), a.local_addr().unwrap())));
            platform.ask(SESSION, Command::Start, one(Builtin { port: PortId(0), kind: BuiltinKind::Echo }));
            for sequence in 0..3 {
                a.send_to(&frame(sequence), port.rtp).unwrap();
                assert_eq!(hear(&a).2, vec![sequence as u8; 160]);
            }
            platform.ask(SESSION, Command::Close, Parameters::new());
            seen.push(port.rtp.port());
        }
        seen.sort_unstable();
        seen.dedup();
        assert!(seen.len() <= 5, "eight calls on {seen:?}");
    }
}

#[test]
fn the_frame_clock_runs_by_itself() {
    let mut platform = start();
    let a = phone("127.0.0.1:0");
    let port = open(&mut platform, Ipv4Addr::LOCALHOST.into(), PortId(0));
    platform.ask(SESSION, Command::Set, one(plan(PortId(0), a.local_addr().unwrap())));
    platform.ask(SESSION, Command::Start, one(Builtin { port: PortId(0), kind: BuiltinKind::Milliwatt }));
    let (first, from, payload) = hear(&a);
    assert_eq!((from, &payload[..4]), (port.rtp, &[0x1e, 0x0b, 0x0b, 0x1e][..]));
    for number in 1..10 {
        assert_eq!(hear(&a).0.sequence, first.sequence.wrapping_add(number));
    }
}

#[test]
fn a_flooded_port_does_not_keep_others_waiting() {
    let mut platform = start();
    let (flooder, a) = (phone("127.0.0.1:0"), phone("127.0.0.1:0"));
    let interface: IpAddr = Ipv4Addr::LOCALHOST.into();
    let ports = [open(&mut platform, interface, PortId(0)), open(&mut platform, interface, PortId(1))];
    for (port, phone) in [(0, &flooder), (1, &a)] {
        platform.ask(SESSION, Command::Set, one(plan(PortId(port), phone.local_addr().unwrap())));
        platform.ask(SESSION, Command::Start, one(Builtin { port: PortId(port), kind: BuiltinKind::Echo }));
    }
    // Its socket is always full; one datagram a turn is read of it.
    for round in 0..200u16 {
        for sequence in 0..100 {
            let _ = flooder.send_to(&frame(round * 100 + sequence), ports[0].rtp);
        }
        a.send_to(&frame(round), ports[1].rtp).unwrap();
        assert_eq!(hear(&a).2, vec![round as u8; 160]);
    }
}

#[test]
fn the_first_packet_is_told_and_a_worker_that_ends_says_goodbye() {
    let mut platform = start();
    let (a, control) = (phone("127.0.0.1:0"), phone("127.0.0.1:0"));
    let port = open(&mut platform, Ipv4Addr::LOCALHOST.into(), PortId(0));
    let remote_rtcp = Some(control.local_addr().unwrap());
    let plan = MediaPlan { remote_rtcp, ..plan(PortId(0), a.local_addr().unwrap()) };
    platform.ask(SESSION, Command::Set, one(plan));
    platform.ask(SESSION, Command::Start, one(Builtin { port: PortId(0), kind: BuiltinKind::Echo }));
    a.send_to(&frame(0), port.rtp).unwrap();
    let told = platform.receive();
    let Some(Parameter::MediaEvent(event)) = told.first() else { panic!("{told:?}") };
    assert_eq!((event.kind.clone(), told.source.instance), (MediaEventKind::Arrived, SESSION));
    hear(&a);
    platform.stop();
    let mut buffer = [0; 512];
    let length = control.recv(&mut buffer).unwrap();
    let items: Vec<media::rtcp::Item> = media::rtcp::check(&buffer[..length]).unwrap().collect();
    assert!(matches!(items.last(), Some(media::rtcp::Item::Goodbye(_))), "{items:?}");
    let wanted = MediaPort::new(PortId(0), Ipv4Addr::LOCALHOST.into());
    let source = platform.switch.address();
    let packet = Packet {
        source,
        destination: Address::any(ModuleKind::Voice).at(SESSION),
        transaction: Transaction(99),
        command: Command::Open,
        parameters: one(wanted),
    };
    assert!(platform.router.send(packet).is_err(), "it has left the router");
}

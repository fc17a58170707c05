//! The worker itself: its thread, its poll loop, sockets of the system on the loopback interface.

#![expect(clippy::unwrap_used, reason = "a test may unwrap, and so may what it is made of")]

use media::rtp::{Header, write};
use media::{Config, PortRange, Worker};
use router::packet::{Parameters, Transaction, one};
use router::parameter::{
    Bridge, Builtin, BuiltinKind, Codec, MediaEventKind, MediaPlan, MediaPort, PortAddress, PortId, Reason, Status,
};
use router::time::Duration;
use router::{Address, Command, Endpoint, Instance, ModuleKind, Packet, Parameter, Router};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;

/// Longer than any machine needs: a test that fails waits so long, one that passes does not.
const PATIENCE: Duration = Duration::from_secs(20);
const SESSION: Instance = Instance(0x1234);

/// The switch's side of a worker that runs.
struct Platform {
    router: Router,
    switch: Endpoint,
    woken: Receiver<()>,
    stop: media::Stop,
    thread: Option<JoinHandle<media::Ended>>,
    next: u64,
}

impl Platform {
    fn start() -> Self {
        Self::with_pairs(200)
    }

    fn with_pairs(pairs: u16) -> Self {
        let router = Router::new(router::PlatformId(1));
        let (wake, woken) = channel();
        let switch = router.register(ModuleKind::Switch, 0, move || {
            let _ = wake.send(());
        });
        // The system names a port that is free; those above mostly are, and those that are not are passed over.
        let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().min(60_000);
        let ports = PortRange { first: free, last: free + 2 * pairs };
        let worker = Worker::new(&router, 0, Config { ports, ..Config::default() }).unwrap();
        let stop = worker.stop_handle();
        let thread = Some(worker.spawn("media-0".to_owned(), || {}).unwrap());
        Self { router, switch, woken, stop, thread, next: 1 }
    }

    /// The next packet in the switch's inbox.
    fn receive(&self) -> Packet {
        loop {
            if let Some(packet) = self.switch.receive() {
                return packet;
            }
            if self.switch.may_sleep() {
                self.woken.recv_timeout(PATIENCE).expect("an answer");
            }
            self.switch.awake();
        }
    }

    fn try_to(&mut self, session: Instance, command: Command, parameters: Parameters) -> Result<Parameters, Reason> {
        let transaction = Transaction(self.next);
        self.next += 1;
        let source = self.switch.address().at(session);
        let destination = Address::any(ModuleKind::Voice).at(session);
        self.router.send(Packet { source, destination, transaction, command, parameters }).unwrap();
        loop {
            let packet = self.receive();
            if packet.command == Command::Notify {
                continue;
            }
            assert_eq!(packet.transaction, transaction);
            return if packet.command == Command::Done { Ok(packet.parameters) } else { Err(packet.failure().reason) };
        }
    }

    fn ask(&mut self, session: Instance, command: Command, parameters: Parameters) -> Parameters {
        self.try_to(session, command, parameters).unwrap()
    }

    /// Opens a port; waits for one to have rested where none is left.
    fn open(&mut self, interface: IpAddr, port: PortId) -> PortAddress {
        let wanted =
            one(MediaPort { port, interface, address: None, urgent: false, components_served: 0, served: None });
        loop {
            match self.try_to(SESSION, Command::Open, wanted.clone()) {
                Ok(answer) => match &answer[0] {
                    Parameter::MediaPort(port) => return port.address.unwrap(),
                    other => panic!("{other:?}"),
                },
                Err(reason) => assert_eq!(reason, Reason::Exhausted),
            }
        }
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn plan(port: PortId, remote: SocketAddr) -> MediaPlan {
    MediaPlan {
        port,
        remote_rtp: Some(remote),
        remote_rtcp: None,
        rtcp_mux: false,
        generation: 1,
        sends: true,
        receives: true,
        codecs: vec![Codec::new(0, "PCMU", 8_000)],
        ptime_ms: Some(20),
        silence_limit_ms: None,
        protection: None,
        dtls: None,
        ice: None,
        voip_metrics: false,
        host: None,
        keys: None,
        networks: vec![],
    }
}

fn phone(on: &str) -> UdpSocket {
    let socket = UdpSocket::bind(on).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
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
    let mut platform = Platform::start();
    let (a, b) = (phone("127.0.0.1:0"), phone("[::1]:0"));
    let port_a = platform.open(Ipv4Addr::LOCALHOST.into(), PortId(0));
    let port_b = platform.open("::1".parse().unwrap(), PortId(1));
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
        let mut platform = Platform::with_pairs(4);
        let interface: IpAddr = on.parse().unwrap();
        let mut seen = Vec::new();
        for _ in 0..8 {
            // Each peer has an address of its own: the socket was connected to another one before.
            let a = phone(&SocketAddr::new(interface, 0).to_string());
            let port = platform.open(interface, PortId(0));
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
    let mut platform = Platform::start();
    let a = phone("127.0.0.1:0");
    let port = platform.open(Ipv4Addr::LOCALHOST.into(), PortId(0));
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
    let mut platform = Platform::start();
    let (flooder, a) = (phone("127.0.0.1:0"), phone("127.0.0.1:0"));
    let interface: IpAddr = Ipv4Addr::LOCALHOST.into();
    let ports = [platform.open(interface, PortId(0)), platform.open(interface, PortId(1))];
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
    let mut platform = Platform::start();
    let (a, control) = (phone("127.0.0.1:0"), phone("127.0.0.1:0"));
    let port = platform.open(Ipv4Addr::LOCALHOST.into(), PortId(0));
    let remote_rtcp = Some(control.local_addr().unwrap());
    let plan = MediaPlan { remote_rtcp, ..plan(PortId(0), a.local_addr().unwrap()) };
    platform.ask(SESSION, Command::Set, one(plan));
    platform.ask(SESSION, Command::Start, one(Builtin { port: PortId(0), kind: BuiltinKind::Echo }));
    a.send_to(&frame(0), port.rtp).unwrap();
    let told = platform.receive();
    let Some(Parameter::MediaEvent(event)) = told.first() else { panic!("{told:?}") };
    assert_eq!((event.kind.clone(), told.source.instance), (MediaEventKind::Arrived, SESSION));
    hear(&a);
    platform.stop.stop();
    platform.thread.take().unwrap().join().unwrap();
    let mut buffer = [0; 512];
    let length = control.recv(&mut buffer).unwrap();
    let items: Vec<media::rtcp::Item> = media::rtcp::check(&buffer[..length]).unwrap().collect();
    assert!(matches!(items.last(), Some(media::rtcp::Item::Goodbye(_))), "{items:?}");
    let wanted = MediaPort {
        port: PortId(0),
        interface: Ipv4Addr::LOCALHOST.into(),
        address: None,
        urgent: false,
        components_served: 0,
        served: None,
    };
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

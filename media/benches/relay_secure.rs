//! What a worker spends on a packet that it relays over sockets, the kernel's part included: plain, and with one secure leg of the two. All in one run, in
//! turns, so that what else the machine does meets each alike. The CPU time is that of the worker's thread, as the kernel has counted it.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, reason = "a benchmark")]

use media::srtp::{EXPANSION, Outbound};
use media::{Config, PortRange, Worker};
use router::packet::{Parameters, Transaction, one};
use router::parameter::{Bridge, Codec, MediaKey, MediaPlan, MediaPort, PortId, Protection, SrtpSuite};
use router::{Address, Command, Endpoint, Instance, ModuleKind, Packet, Parameter, PlatformId, Router};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Calls of each kind: more than what they need of the caches has room in the first ones.
const CALLS: u64 = 150;
/// Rounds of each kind, one after another; in each every phone sends so many packets, at so long a distance: below what a port takes a second.
const ROUNDS: usize = 8;
const PACKETS: u32 = 50;
const DISTANCE: Duration = Duration::from_millis(20);
const NAME: &str = "relay-0";

struct Call {
    phones: [UdpSocket; 2],
    at: [SocketAddr; 2],
    outbound: Option<Outbound>,
    sequence: u16,
}

fn keys(suite: SrtpSuite) -> Protection {
    let key = |octet| MediaKey { material: vec![octet; suite.material_bytes()], identifier: Vec::new() };
    Protection { suite, send: key(1), receive: key(2) }
}

fn ask(
    router: &Router,
    (switch, woken): &(Endpoint, Receiver<()>),
    session: u64,
    command: Command,
    parameters: Parameters,
) -> Parameters {
    let source = switch.address().at(Instance(session));
    let destination = Address::local(ModuleKind::Voice, 0).at(Instance(session));
    router.send(Packet { source, destination, transaction: Transaction(session), command, parameters }).unwrap();
    loop {
        match switch.receive() {
            Some(packet) if packet.command == Command::Notify => {}
            Some(packet) => {
                assert_eq!(packet.command, Command::Done, "{packet:?}");
                return packet.parameters;
            }
            None => {
                if switch.may_sleep() {
                    let _ = woken.recv_timeout(Duration::from_millis(100));
                }
                switch.awake();
            }
        }
    }
}

fn set_up(router: &Router, switch: &(Endpoint, Receiver<()>), session: u64, suite: Option<SrtpSuite>) -> Call {
    let phones = [(); 2].map(|()| {
        let phone = UdpSocket::bind("127.0.0.1:0").unwrap();
        phone.set_nonblocking(true).unwrap();
        phone
    });
    let interface = Ipv4Addr::LOCALHOST.into();
    let ids = [PortId(0), PortId(1)];
    let wanted = ids.map(|port| Parameter::from(MediaPort::new(port, interface)));
    let opened = ask(router, switch, session, Command::Open, wanted.into_iter().collect());
    let at: Vec<SocketAddr> = opened
        .iter()
        .filter_map(|parameter| match parameter {
            Parameter::MediaPort(port) => port.address.map(|address| address.rtp),
            _ => None,
        })
        .collect();
    let mut joined = one(Bridge { a: ids[0], b: ids[1] });
    joined.extend(ids.iter().zip(&phones).map(|(&port, phone)| {
        Parameter::from(MediaPlan {
            remote_rtp: phone.local_addr().ok(),
            generation: 1,
            ptime_ms: Some(20),
            protection: suite.filter(|_| port == ids[0]).map(|suite| Box::new(keys(suite))),
            ..MediaPlan::new(port, vec![Codec::new(0, "PCMU", 8_000)])
        })
    }));
    ask(router, switch, session, Command::Connect, joined);
    let outbound = suite.and_then(|suite| Outbound::new(suite, &keys(suite).receive));
    Call { phones, at: [at[0], at[1]], outbound, sequence: 0 }
}

/// Nanoseconds that the worker's thread has had a processor.
fn spent() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten().map(|task| task.path());
    let named =
        |task: &std::path::PathBuf| std::fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim() == NAME);
    let worker = tasks.into_iter().find(named).expect("the worker's thread");
    let counted = std::fs::read_to_string(worker.join("schedstat")).unwrap();
    counted.split(' ').next().unwrap().parse().unwrap()
}

/// Every phone of these calls talks; packets that came out at the other ends.
fn talk(calls: &mut [Call]) -> u64 {
    let mut heard = 0;
    let mut buffer = [0; 2_048];
    let mut next = Instant::now();
    for _ in 0..PACKETS {
        for call in calls.iter_mut() {
            call.sequence += 1;
            for side in 0..2 {
                let mut packet = [0xd5; 172 + EXPANSION];
                media::rtp::write(
                    &mut packet,
                    false,
                    0,
                    call.sequence,
                    u32::from(call.sequence) * 160,
                    side as u32 + 1,
                );
                let mut length = 172;
                if let (0, Some(outbound)) = (side, &mut call.outbound) {
                    length = outbound.protect_rtp(&mut packet, 172).unwrap();
                }
                call.phones[side].send_to(&packet[..length], call.at[side]).unwrap();
            }
        }
        next += DISTANCE;
        while Instant::now() < next {
            for call in calls.iter() {
                for phone in &call.phones {
                    while phone.recv(&mut buffer).is_ok() {
                        heard += 1;
                    }
                }
            }
        }
    }
    heard
}

fn main() {
    let router = Router::new(PlatformId(1));
    let (wake, woken) = channel();
    let switch = router.register(ModuleKind::Switch, 0, move || {
        let _ = wake.send(());
    });
    let switch = (switch, woken);
    let ports = PortRange { first: 24_000, last: 27_999 };
    let worker = Worker::new(&router, 0, Config { ports, ..Config::default() }).unwrap();
    let stop = worker.stop_handle();
    let thread = worker.spawn(NAME.to_owned(), || {}).unwrap();
    let kinds = [None, Some(SrtpSuite::AeadAes128Gcm), Some(SrtpSuite::AesCm128HmacSha1_80)];
    let mut session = 0;
    let mut all: Vec<Vec<Call>> = Vec::new();
    for suite in kinds {
        let mut calls = Vec::new();
        for _ in 0..CALLS {
            session += 1;
            calls.push(set_up(&router, &switch, session, suite));
        }
        all.push(calls);
    }
    let mut costs = vec![Vec::new(); kinds.len()];
    for round in 0..=ROUNDS {
        for (calls, costs) in all.iter_mut().zip(&mut costs) {
            let before = spent();
            let heard = talk(calls);
            let cost = (spent() - before) as f64 / heard.max(1) as f64;
            assert!(heard > u64::from(PACKETS) * CALLS * 2 * 9 / 10, "{heard} packets came through");
            // In the first round sources are learned.
            if round > 0 {
                costs.push(cost);
            }
        }
    }
    let median = |costs: &mut Vec<f64>| {
        costs.sort_by(f64::total_cmp);
        costs[costs.len() / 2]
    };
    let plain = median(&mut costs[0]);
    for (suite, costs) in kinds.iter().zip(&mut costs) {
        let cost = median(costs);
        let name = suite.map_or("plain", SrtpSuite::name);
        println!("{name:<28} {cost:>7.0} ns a packet, {:.3} of plain", cost / plain);
    }
    stop.stop();
    thread.join().unwrap();
}

//! A relayed packet costs no memory: counted by the allocator, on the worker's own thread, with sockets of the loopback interface.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod counting;
mod platform;

use media::Config;
use media::rtp::write;
use media::srtp::{EXPANSION, Inbound, Outbound};
use platform::{Platform, phone};
use router::packet::one;
use router::parameter::{
    Bridge, Codec, IceCredentials, IceParameters, MediaKey, MediaPlan, MediaPort, PortId, Protection, SrtpSuite,
};
use router::{Command, Instance, Parameter};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use stun::{Class, Message, Role, Usage, Writer};

const SESSION: Instance = Instance(7);
/// Packets of a round, each way; with the others of the test fewer than a port takes in a second.
const ROUND: u16 = 200;

/// Keys of the first phone's leg: ours, and the phone's. The second phone has none.
fn protection() -> Protection {
    let key = |octet| MediaKey { material: vec![octet; 30], identifier: Vec::new() };
    Protection { suite: SrtpSuite::AesCm128HmacSha1_80, send: key(1), receive: key(2) }
}

/// Ways of the second phone's leg, whose checks we answer.
fn ways() -> IceParameters {
    let credentials =
        |name: &str| IceCredentials { fragment: name.to_owned(), password: format!("{name}/password/of/22/octets") };
    IceParameters {
        local: credentials("ours"),
        remote: credentials("phone"),
        candidates: Vec::new(),
        is_lite: true,
        is_remote_lite: false,
        is_controlling: false,
        nominates_once: true,
    }
}

/// The second phone nominates the way that its packets take.
fn nominate(phone: &UdpSocket, port: SocketAddr) {
    let IceParameters { local, remote, .. } = ways();
    let check = Writer::new(Class::Request, &[7; 12]).username(&local.fragment, &remote.fragment).priority(1);
    let check = check.role(Role::Controlling(1)).nominate().integrity(local.password.as_bytes()).finish();
    phone.send_to(check.octets(), port).unwrap();
    let mut answer = [0; 2_048];
    let length = phone.recv(&mut answer).expect("an answer");
    let answer = Message::parse(&answer[..length], Usage::ConnectivityCheck).expect("an answer of STUN");
    assert_eq!(answer.class, Class::Success);
}

fn plan(port: PortId, remote: SocketAddr) -> MediaPlan {
    MediaPlan {
        remote_rtp: Some(remote),
        generation: 1,
        ptime_ms: Some(20),
        silence_limit_ms: Some(60_000),
        protection: (port == PortId(0)).then(|| Box::new(protection())),
        ice: (port == PortId(1)).then(|| Box::new(ways())),
        ..MediaPlan::new(port, vec![Codec::new(0, "PCMU", 8_000)])
    }
}

#[test]
fn relayed_packets_cost_no_allocation() {
    let mut platform = Platform::start(200, Config::default(), counting::begin);
    let phones = [(); 2].map(|()| phone("127.0.0.1:0"));
    let ids = [PortId(0), PortId(1)];
    let interface = Ipv4Addr::LOCALHOST.into();
    let wanted = ids.map(|port| Parameter::from(MediaPort::new(port, interface)));
    let opened = platform.ask(SESSION, Command::Open, wanted.into_iter().collect());
    let at: Vec<SocketAddr> = opened
        .iter()
        .map(|parameter| match parameter {
            Parameter::MediaPort(port) => port.address.unwrap().rtp,
            other => panic!("{other:?}"),
        })
        .collect();
    let mut joined = one(Bridge { a: ids[0], b: ids[1] });
    joined.extend(ids.iter().zip(&phones).map(|(&id, phone)| plan(id, phone.local_addr().unwrap()).into()));
    platform.ask(SESSION, Command::Connect, joined);
    nominate(&phones[1], at[1]);

    let keys = protection();
    let mut outbound = Outbound::new(keys.suite, &keys.receive).unwrap();
    let mut inbound = Inbound::new(keys.suite, &keys.send).unwrap();
    let mut sequence = 0u16;
    let mut relay = |packets: u16| {
        for _ in 0..packets {
            sequence += 1;
            for (from, to) in [(0, 1), (1, 0)] {
                let mut frame = [0xd5; 172 + EXPANSION];
                write(&mut frame, false, 0, sequence, u32::from(sequence) * 160, 7 + from as u32);
                let sent = if from == 0 { outbound.protect_rtp(&mut frame, 172).unwrap() } else { 172 };
                phones[from].send_to(&frame[..sent], at[from]).unwrap();
                let mut heard = [0; 2_048];
                let length = phones[to].recv(&mut heard).expect("the packet comes through");
                let now = router::time::Instant::from_millis(1);
                let clear = if to == 0 { inbound.unprotect_rtp(now, &mut heard[..length]).unwrap() } else { length };
                assert_eq!((clear, heard[100]), (172, 0xd5));
            }
        }
    };
    // Sources are learned and sockets connected, the switch is told, tables have grown.
    relay(ROUND / 2);
    assert!(counting::allocations() > 0, "what is counted is the worker's thread");
    // Reports of RTCP and what a worker does each second are no packets: of three rounds they leave one alone.
    let costs = [(); 3].map(|()| {
        let before = counting::allocations();
        relay(ROUND);
        counting::allocations() - before
    });
    assert!(costs.contains(&0), "{costs:?} allocations for {} packets each", 2 * ROUND);
}

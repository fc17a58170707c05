//! A packet that a server relays (TURN) costs no memory either: counted by the allocator, on the worker's own thread, with sockets of the loopback interface. The server, and the phone
//! behind it, are the test's.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod counting;
mod platform;

use media::rtp::write;
use media::{Config, RelayServer};
use platform::{Platform, phone};
use router::packet::one;
use router::parameter::{Bridge, Codec, IceCandidate, IceCredentials, IceParameters, MediaPlan, MediaPort, PortId};
use router::{Command, Instance, Parameter, Private};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use stun::{Class, Message, Method, Role, Usage, Writer};

const SESSION: Instance = Instance(7);
/// Packets of a round, each way; with the others of the test fewer than a port takes in a second.
const ROUND: u16 = 200;
/// Where the phone is that the server reaches: no socket is there.
const PHONE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1)), 4_000);

/// Ways of the first phone's leg.
fn ways() -> IceParameters {
    let credentials =
        |name: &str| IceCredentials { fragment: name.to_owned(), password: format!("{name}/password/of/22/octets") };
    IceParameters {
        local: credentials("ours"),
        remote: credentials("phone"),
        candidates: vec![IceCandidate { component: 1, priority: 9, address: PHONE }],
        is_lite: false,
        is_remote_lite: false,
        is_controlling: false,
        nominates_once: true,
    }
}

fn plan(port: PortId, remote: SocketAddr) -> MediaPlan {
    MediaPlan {
        remote_rtp: Some(remote),
        rtcp_mux: true,
        generation: 1,
        ptime_ms: Some(20),
        silence_limit_ms: Some(60_000),
        ice: (port == PortId(0)).then(|| Box::new(ways())),
        ..MediaPlan::new(port, vec![Codec::new(0, "PCMU", 8_000)])
    }
}

/// The server, which asks for no credentials, and the phone that it reaches.
struct Relay {
    socket: UdpSocket,
    channel: Option<u16>,
}

impl Relay {
    /// Takes what the worker says until something was relayed as ChannelData that is no check, or a channel was bound.
    fn take(&mut self, port: SocketAddr, until_bound: bool) -> Vec<u8> {
        let mut datagram = [0; 2_048];
        loop {
            let length = self.socket.recv(&mut datagram).expect("the worker says something");
            let data = &datagram[..length];
            if let Some((_, (begin, end))) = stun::channel::unwrap(data) {
                let relayed = data[begin..end].to_vec();
                if stun::is_stun(&relayed) {
                    self.answer_check(port, &relayed);
                    continue;
                }
                if !media::rtcp::is_rtcp(&relayed) {
                    return relayed;
                }
                continue;
            }
            let message = Message::parse(data, Usage::Relaying).expect("a message of TURN");
            let done = Writer::of(message.method, Class::Success, &message.transaction);
            match message.method {
                Method::Send => {
                    let (begin, end) = message.relaying.data.unwrap();
                    let check = data[begin..end].to_vec();
                    if stun::is_stun(&check) {
                        self.answer_check(port, &check);
                    }
                    continue;
                }
                Method::Allocate => {
                    let relayed = "127.0.0.1:50000".parse().unwrap();
                    self.say(port, &done.relayed(relayed).mapped(port).lifetime(600));
                    return Vec::new();
                }
                Method::ChannelBind => self.channel = message.relaying.channel,
                _ => {}
            }
            self.say(port, &done);
            if until_bound && self.channel.is_some() {
                return Vec::new();
            }
        }
    }

    fn say(&self, port: SocketAddr, message: &Writer) {
        self.socket.send_to(message.octets(), port).unwrap();
    }

    /// The phone answers a check, and nominates the way that it came by.
    fn answer_check(&self, port: SocketAddr, check: &[u8]) {
        let Some(check) = Message::parse(check, Usage::ConnectivityCheck) else { return };
        if check.class != Class::Request {
            return;
        }
        let IceParameters { local, remote, .. } = ways();
        let answer = Writer::new(Class::Success, &check.transaction).mapped("127.0.0.1:50000".parse().unwrap());
        let answer = answer.integrity(remote.password.as_bytes()).finish();
        let own = Writer::new(Class::Request, &[7; 12]).username(&local.fragment, &remote.fragment).priority(1);
        let own = own.role(Role::Controlling(1)).nominate().integrity(local.password.as_bytes()).finish();
        for message in [answer, own] {
            self.relay(port, message.octets());
        }
    }

    /// What the phone sends.
    fn relay(&self, port: SocketAddr, data: &[u8]) {
        match self.channel {
            Some(channel) => {
                let mut room = [data, &[0; stun::channel::EXPANSION]].concat();
                let length = stun::channel::wrap(&mut room, data.len(), channel).unwrap();
                self.socket.send_to(&room[..length], port).unwrap();
            }
            None => self.say(port, &Writer::of(Method::Data, Class::Indication, &[9; 12]).peer(PHONE).data(data)),
        }
    }
}

#[test]
fn packets_that_a_server_relays_cost_no_allocation() {
    let [server, phone] = [(); 2].map(|()| phone("127.0.0.1:0"));
    let relay = RelayServer::new(server.local_addr().unwrap(), "user", Private::new("password".to_owned()));
    let config = Config { relays: vec![Arc::new(relay)], ..Config::default() };
    let mut platform = Platform::start(200, config, counting::begin);

    let mut relay = Relay { socket: server, channel: None };
    let interface = Ipv4Addr::LOCALHOST.into();
    let wanted = [(PortId(0), 1), (PortId(1), 0)].map(|(port, components_served)| {
        let port = MediaPort { components_served, ..MediaPort::new(port, interface) };
        Parameter::from(port)
    });
    let asked = platform.send(SESSION, Command::Open, wanted.into_iter().collect());
    let mut first = [0; 2_048];
    let (_, port) = relay.socket.peek_from(&mut first).expect("it asks for an address");
    relay.take(port, false);
    let opened = platform.answer(asked).unwrap();
    let ports = opened.iter().map(|parameter| match parameter {
        Parameter::MediaPort(port) => **port,
        other => panic!("{other:?}"),
    });
    let ports: Vec<MediaPort> = ports.collect();
    assert_eq!(ports[0].address.unwrap().rtp, port);
    assert!(ports[0].served.unwrap().relayed_rtp.is_some());
    let other = ports[1].address.unwrap().rtp;
    let mut joined = one(Bridge { a: PortId(0), b: PortId(1) });
    joined.extend([plan(PortId(0), PHONE), plan(PortId(1), phone.local_addr().unwrap())].map(Parameter::from));
    platform.ask(SESSION, Command::Connect, joined);
    relay.take(port, true);

    let mut sequence = 0u16;
    let mut pass = |relay: &mut Relay, packets: u16| {
        for _ in 0..packets {
            sequence += 1;
            let mut frame = [0xd5; 172];
            write(&mut frame, false, 0, sequence, u32::from(sequence) * 160, 7);
            relay.relay(port, &frame);
            let mut heard = [0; 2_048];
            assert_eq!((phone.recv(&mut heard).expect("it comes through"), heard[100]), (172, 0xd5));
            write(&mut frame, false, 0, sequence, u32::from(sequence) * 160, 8);
            phone.send_to(&frame, other).unwrap();
            let heard = relay.take(port, false);
            assert_eq!((heard.len(), heard[100]), (172, 0xd5));
        }
    };
    // Sources are learned and sockets connected, the switch is told, tables have grown.
    pass(&mut relay, ROUND / 2);
    assert!(counting::allocations() > 0, "what is counted is the worker's thread");
    // Reports, questions of consent and what a worker does each second are no packets: of some rounds they leave one alone.
    let costs = [(); 4].map(|()| {
        let before = counting::allocations();
        pass(&mut relay, ROUND);
        counting::allocations() - before
    });
    assert!(costs.contains(&0), "{costs:?} allocations for {} packets each", 2 * ROUND);
}

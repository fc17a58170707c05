//! The scripted media worker.

use super::description::{opus, pcma, pcmu};
use super::place::Place;
use router::parameter::*;
use router::time::Now;
use router::{Command, Instance, Packet, Parameters, Received};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The scripted media worker.
pub(crate) struct Voice {
    pub(crate) place: Place,
    pub(crate) sessions: BTreeMap<Instance, Session>,
    pub(crate) closed: BTreeSet<Instance>,
    pub(crate) exhausted: bool,
    /// Whether no port can be moved: it is at another worker.
    pub(crate) refuses_moves: bool,
    /// Whether no conference has a seat left.
    pub(crate) conferences_full: bool,
    pub(crate) log: Vec<String>,
    /// Addresses of each port's at a server that relays, and for how many components those were asked for.
    pub(crate) served: Option<ServedAddresses>,
    pub(crate) components_asked: BTreeMap<u16, u8>,
    /// Keys that ports' peers were sent.
    pub(crate) dialled: Vec<(u16, String)>,
    pub(super) next_port: u16,
}

#[derive(Debug, Default)]
pub(crate) struct Session {
    pub(crate) ports: BTreeMap<u16, Option<MediaPlan>>,
    pub(crate) bridge: Option<(u16, u16)>,
    pub(crate) builtin: Option<(u16, BuiltinKind)>,
}

impl Voice {
    pub(super) fn turn(&mut self, now: Now) {
        while let Some(received) = self.place.receive() {
            if let Received::Packet(packet) = received {
                self.request(packet);
            }
        }
        self.place.flush(now);
    }

    fn request(&mut self, packet: Packet) {
        let instance = packet.destination.instance;
        self.log.push(format!("{packet:?}"));
        if packet.command == Command::Open {
            return self.open(packet, instance);
        }
        let Some(session) = self.sessions.get_mut(&instance) else {
            return self.place.outbox.failed(&packet, Failure::new(Reason::NotFound));
        };
        let mut statistics = Parameters::new();
        for parameter in &packet.parameters {
            match (packet.command, parameter) {
                (Command::Connect, Parameter::Bridge(bridge)) => {
                    assert!(session.ports.contains_key(&bridge.a.0) && session.ports.contains_key(&bridge.b.0));
                    session.bridge = Some((bridge.a.0, bridge.b.0));
                }
                (Command::Disconnect, Parameter::Bridge(bridge)) => {
                    if session.bridge == Some((bridge.a.0, bridge.b.0)) {
                        session.bridge = None;
                    }
                }
                (Command::Start, Parameter::Builtin(builtin)) => {
                    let plan = packet.parameters.iter().find_map(|parameter| match parameter {
                        Parameter::MediaPlan(plan) => Some(plan),
                        _ => None,
                    });
                    let speaks = |codec: &Codec| [pcmu(), pcma(), opus()].iter().any(|known| codec.matches(known));
                    let is_seat = matches!(builtin.kind, BuiltinKind::Conference(_));
                    if self.conferences_full && is_seat {
                        return self.place.outbox.failed(&packet, Failure::new(Reason::Exhausted));
                    }
                    // A seat needs no plan yet.
                    let playable = is_seat || plan.expect("no plan").codecs.iter().any(speaks);
                    if builtin.kind != BuiltinKind::Echo && !playable {
                        return self.place.outbox.failed(&packet, Failure::new(Reason::Unsupported));
                    }
                    session.builtin = Some((builtin.port.0, builtin.kind));
                }
                (Command::Stop, Parameter::Builtin(_)) => session.builtin = None,
                (Command::Send, Parameter::Digits(digits)) => {
                    let port = digits.port.expect("to a port").0;
                    assert!(session.ports.contains_key(&port));
                    self.dialled.push((port, digits.digits.reveal().clone()));
                }
                (_, Parameter::MediaPlan(plan)) => {
                    let port = session.ports.get_mut(&plan.port.0).expect("a plan for a port that is not open");
                    *port = Some((**plan).clone());
                }
                (Command::Query, Parameter::PortStatistics(asked)) => {
                    let half = PortStatistics { packets_received: 40 + u64::from(asked.port), ..counted(asked.port) };
                    statistics.push(half.into());
                }
                (Command::Close, Parameter::MediaPort(port)) => {
                    session.ports.remove(&port.port.0);
                    session.bridge = session.bridge.filter(|(a, b)| *a != port.port.0 && *b != port.port.0);
                    statistics.push(counted(port.port.0).into());
                }
                other => panic!("{other:?}"),
            }
        }
        if packet.command == Command::Close && packet.parameters.is_empty() {
            statistics.extend(session.ports.keys().map(|&port| Parameter::from(counted(port))));
            session.ports.clear();
        }
        if session.ports.is_empty() {
            self.sessions.remove(&instance);
            self.closed.insert(instance);
        }
        self.place.outbox.done(&packet, statistics);
    }

    fn open(&mut self, packet: Packet, instance: Instance) {
        if self.exhausted {
            return self.place.outbox.failed(&packet, Failure::new(Reason::Exhausted));
        }
        if let Some(Parameter::MovedPort(_)) = packet.parameters.first() {
            return self.take_over(packet, instance);
        }
        let session = self.sessions.entry(instance).or_default();
        let mut opened = Parameters::new();
        for parameter in &packet.parameters {
            let Parameter::MediaPort(port) = parameter else { panic!("{parameter:?}") };
            session.ports.entry(port.port.0).or_default();
            let ip = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
            let at = self.next_port;
            self.next_port = self.next_port.checked_add(2).unwrap_or(20_000);
            let address = PortAddress { rtp: SocketAddr::new(ip, at), rtcp: SocketAddr::new(ip, at + 1) };
            self.components_asked.insert(port.port.0, port.components_served);
            let served = self.served.filter(|_| port.components_served > 0);
            opened.push(MediaPort { address: Some(address), served, ..**port }.into());
        }
        self.place.outbox.done(&packet, opened);
    }
}

impl Voice {
    /// Ports of other sessions come into this one; their addresses stay.
    fn take_over(&mut self, packet: Packet, instance: Instance) {
        let mut opened = Parameters::new();
        for parameter in &packet.parameters {
            let Parameter::MovedPort(moved) = parameter else { panic!("{parameter:?}") };
            let there = self.sessions.get_mut(&moved.session.instance).and_then(|former| {
                former.bridge = former.bridge.filter(|(a, b)| *a != moved.from.0 && *b != moved.from.0);
                former.ports.remove(&moved.from.0)
            });
            let (Some(plan), false) = (there, self.refuses_moves) else {
                return self.place.outbox.failed(&packet, Failure::new(Reason::NotFound));
            };
            self.sessions.entry(instance).or_default().ports.insert(moved.port.0, plan);
            let ip = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
            let rtp = SocketAddr::new(ip, 60_000 + moved.port.0);
            let address = PortAddress { rtp, rtcp: SocketAddr::new(ip, rtp.port() + 1) };
            opened.push(
                MediaPort {
                    port: moved.port,
                    interface: ip,
                    address: Some(address),
                    urgent: false,
                    components_served: 0,
                    served: None,
                }
                .into(),
            );
        }
        self.place.outbox.done(&packet, opened);
    }
}

fn counted(port: u16) -> PortStatistics {
    PortStatistics { port, packets_received: 100 + u64::from(port), ..PortStatistics::default() }
}

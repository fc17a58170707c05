//! Ports: opened, given back, refused.

use crate::network::*;
use media::{Config, Interface, PortRange};
use router::packet::{Parameters, one};
use router::parameter::{
    Builtin, BuiltinKind, MediaPort, PortId, PortStatistics, Reason, ResourceKind, ResourceState, Selection,
};
use router::time::Duration;
use router::{Address, Command, Instance, ModuleKind, Parameter};
use std::net::SocketAddr;

fn small(pairs: u16) -> Config {
    Config { ports: PortRange { first: 20_000, last: 20_000 + 2 * pairs - 1 }, ..config() }
}

fn close_ports(world: &mut World, session: Instance, ports: &[PortId]) -> Result<Vec<u16>, Reason> {
    let interface = "192.0.2.1".parse().unwrap();
    let ports = ports.iter().map(|&port| Parameter::from(MediaPort::new(port, interface))).collect();
    let answer = world.ask(session, Command::Close, ports).map_err(|failure| failure.reason)?;
    Ok(answer.into_iter().map(|parameter| statistics(parameter).port).collect())
}

#[test]
fn the_same_request_gets_the_same_answer() {
    let mut world = World::new();
    let first = world.open(Instance(1), &[A, B]).unwrap();
    assert_eq!(world.open(Instance(1), &[A, B]).unwrap(), first);
    assert_eq!(world.open(Instance(1), &[B]).unwrap(), first[1..]);
    assert_ne!(world.open(Instance(2), &[A]).unwrap()[0], first[0]);
    assert_eq!(world.voice.pairs_used(), 3);
    assert_eq!(first[0].rtcp.port(), first[0].rtp.port() + 1);
    let closed = world.close(Instance(1)).unwrap();
    assert_eq!(closed.len(), 2);
    assert_eq!(world.close(Instance(1)).unwrap(), closed);
    assert_eq!(world.close(Instance(99)), Err(Reason::NotFound));
    assert_eq!(world.voice.pairs_used(), 1);
}

#[test]
fn ports_are_closed_one_by_one_and_the_session_with_the_last() {
    let mut world = World::new();
    world.open(Instance(1), &[A, B]).unwrap();
    assert_eq!(close_ports(&mut world, Instance(1), &[A]), Ok(vec![0]));
    assert_eq!(close_ports(&mut world, Instance(1), &[A]), Ok(vec![0]), "repeated");
    assert_eq!(world.voice.sessions(), 1);
    assert_eq!(close_ports(&mut world, Instance(1), &[A, B]), Ok(vec![0, 1]));
    assert_eq!(world.voice.sessions(), 0);
    assert_eq!(world.close(Instance(1)), Ok(Vec::new()));
    assert_eq!(close_ports(&mut world, Instance(1), &[PortId(9)]), Err(Reason::NotFound));
}

#[test]
fn a_port_says_what_it_has_counted_while_it_is_open_and_when_it_is_closed() {
    let mut world = World::new();
    world.open(Instance(1), &[A, B]).unwrap();
    let count = |world: &mut World, session: Instance, port: PortId| {
        let asked = PortStatistics { port: port.0, ..PortStatistics::default() };
        let answer = world.ask(session, Command::Query, one(asked)).map_err(|failure| failure.reason)?;
        Ok(answer.into_iter().map(|parameter| statistics(parameter).port).collect::<Vec<_>>())
    };
    assert_eq!(count(&mut world, Instance(1), B), Ok(vec![1]));
    close_ports(&mut world, Instance(1), &[B]).unwrap();
    assert_eq!(count(&mut world, Instance(1), B), Ok(vec![1]));
    assert_eq!(count(&mut world, Instance(1), PortId(9)), Err(Reason::NotFound));
    assert_eq!(count(&mut world, Instance(2), A), Err(Reason::NotFound));
}

#[test]
fn all_ports_are_opened_or_none() {
    let mut world = World::with(small(3));
    world.open(Instance(1), &[A, B]).unwrap();
    assert_eq!(world.open(Instance(2), &[A, B]), Err(Reason::Exhausted));
    assert_eq!((world.voice.pairs_used(), world.voice.sessions()), (2, 1));
    assert_eq!(world.counter("media_ports_refused", None), 1);
    let status = world.status();
    assert_eq!(status.resources[0].state, ResourceState::Ready);
    world.pass(300);
    world.open(Instance(2), &[A]).unwrap();
    let ports = world.status().resources.remove(0);
    assert_eq!((ports.kind, ports.used, ports.total), (ResourceKind::MediaPorts, 3, Some(3)));
    assert_eq!(ports.state, ResourceState::Degraded);
}

#[test]
fn some_ports_are_kept_for_calls_for_help() {
    let open = |world: &mut World, session: u64, urgent: bool| {
        let interface = "192.0.2.1".parse().unwrap();
        let ports = [A, B].map(|port| Parameter::from(MediaPort { urgent, ..MediaPort::new(port, interface) }));
        world
            .ask(Instance(session), Command::Open, ports.into_iter().collect())
            .map(|_| ())
            .map_err(|failure| failure.reason)
    };
    let mut world = World::with(Config { urgent_pairs: 2, ..small(10) });
    for session in 1..=4 {
        assert_eq!(open(&mut world, session, false), Ok(()), "{session}");
    }
    assert_eq!(open(&mut world, 5, false), Err(Reason::Exhausted));
    assert_eq!(open(&mut world, 6, true), Ok(()));
    assert_eq!(open(&mut world, 7, true), Err(Reason::Exhausted), "there are no more");
    // What others give back is kept again, and what is beyond it for all.
    world.close(Instance(1)).unwrap();
    world.pass(10_000);
    assert_eq!(open(&mut world, 8, false), Err(Reason::Exhausted));
    world.close(Instance(2)).unwrap();
    world.pass(10_000);
    assert_eq!(open(&mut world, 8, false), Ok(()));
    assert_eq!(open(&mut world, 9, true), Ok(()));
    // Of a small range a quarter at most.
    let mut world = World::with(Config { urgent_pairs: 100, ..small(8) });
    for session in 1..=3 {
        assert_eq!(open(&mut world, session, false), Ok(()));
    }
    assert_eq!(open(&mut world, 4, false), Err(Reason::Exhausted));
}

#[test]
fn a_pair_stays_open_and_is_used_again_after_its_quarantine() {
    let mut world = World::with(Config { quarantine: Duration::from_secs(2), ..small(400) });
    let mut ports = Vec::new();
    for call in 0..500 {
        let opened = world.open(Instance(call + 1), &[A, B]).unwrap();
        ports.push(opened[0].rtp);
        for port in opened {
            world.deliver("192.0.2.9:4000".parse().unwrap(), port.rtp, &[0; 12]);
        }
        world.close(Instance(call + 1)).unwrap();
        world.pass(100);
    }
    // 20 pairs a second for two seconds, then the first again.
    let opened = world.network().opened;
    assert!((40..=46).contains(&opened), "{opened} pairs for 500 calls");
    assert_eq!(world.network().drained, 1_000 - opened);
    let again = ports[1..].iter().position(|port| *port == ports[0]).unwrap() + 1;
    assert!((20..=23).contains(&again), "the first port came back after {again} calls");
}

#[test]
fn a_pair_that_heard_nothing_is_used_again_soon() {
    let mut world = World::with(Config { quarantine: Duration::from_secs(2), ..small(400) });
    for call in 0..500 {
        world.open(Instance(call + 1), &[A, B]).unwrap();
        world.close(Instance(call + 1)).unwrap();
        world.pass(100);
    }
    // Two pairs a call, each at rest for 200 ms.
    assert!(world.network().opened <= 6, "{} pairs", world.network().opened);
}

#[test]
fn a_connected_socket_is_disconnected_before_it_rests() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    call.talk(&mut world, 1);
    assert_eq!(world.network().connected.len(), 1);
    world.close(call.session).unwrap();
    assert!(world.network().connected.is_empty());
    assert_eq!(world.network().open.len(), 2);
}

#[test]
fn a_socket_that_cannot_be_disconnected_is_closed() {
    let mut world = World::new();
    let mut call = Call::begin(&mut world);
    call.talk(&mut world, 1);
    world.network().sticky = true;
    world.close(call.session).unwrap();
    assert_eq!(world.network().open.len(), 1, "A's pair is gone");
    world.network().sticky = false;
    world.open(Instance(5), &[A]).unwrap();
}

#[test]
fn ports_of_others_are_passed_over() {
    let mut world = World::with(small(4));
    world.network().held = [20_000, 20_004].into();
    let mut ports: Vec<u16> = world.open(Instance(1), &[A, B]).unwrap().iter().map(|port| port.rtp.port()).collect();
    ports.sort_unstable();
    assert_eq!(ports, [20_002, 20_006]);
    assert_eq!(world.open(Instance(2), &[A]), Err(Reason::Exhausted));
    world.network().held.clear();
    world.pass(1_000);
    assert!([20_000, 20_004].contains(&world.open(Instance(2), &[A]).unwrap()[0].rtp.port()));
}

/// A program of the same host has most of the range: no call is refused while a pair is left, and none tries what was found taken again.
#[test]
fn a_call_is_refused_only_when_the_range_is_used_up() {
    const PAIRS: u16 = 2_000;
    for held in [0..1_800, 200..2_000] {
        let mut world = World::with(small(PAIRS));
        world.network().held = held.map(|pair| 20_000 + 2 * pair).collect();
        for call in 0..100 {
            world.open(Instance(call + 1), &[A, B]).unwrap();
        }
        assert_eq!(world.open(Instance(200), &[A]), Err(Reason::Exhausted));
        assert_eq!(world.network().refused, 1_800, "each was tried once");
        world.close(Instance(1)).unwrap();
        world.pass(300);
        world.open(Instance(201), &[A, B]).unwrap();
        assert_eq!(world.network().refused, 1_800);
        // They are let go: found again, though not at once.
        world.network().held.clear();
        world.pass(1_000);
        world.open(Instance(202), &[A, B]).unwrap();
    }
}

#[test]
fn without_more_sockets_those_that_rest_are_used() {
    let mut world = World::with(small(100));
    world.network().most = 2;
    world.open(Instance(1), &[A, B]).unwrap();
    assert_eq!(world.open(Instance(2), &[A]), Err(Reason::Exhausted));
    world.close(Instance(1)).unwrap();
    world.pass(300);
    world.open(Instance(2), &[A, B]).unwrap();
    assert_eq!(world.network().opened, 2);
}

#[test]
fn peers_are_told_the_advertised_address() {
    let interface = Interface { address: "10.0.0.5".parse().unwrap(), advertised: "203.0.113.5".parse().ok() };
    let mut world = World::with(Config { interfaces: vec![interface], ..small(10) });
    for on in ["10.0.0.5", "0.0.0.0"] {
        let port = world.open_on(Instance(u64::from(on == "0.0.0.0") + 1), &[A], on).unwrap()[0];
        assert_eq!(port.rtp.ip().to_string(), "203.0.113.5");
        let bound: SocketAddr = SocketAddr::new("10.0.0.5".parse().unwrap(), port.rtp.port());
        assert!(world.network().open.values().any(|open| *open == bound));
    }
    assert_eq!(world.open_on(Instance(3), &[A], "::"), Err(Reason::Invalid));
}

#[test]
fn what_is_not_served_or_not_there_is_said() {
    let mut world = World::new();
    let reason =
        |world: &mut World, command, parameters| world.ask(Instance(1), command, parameters).unwrap_err().reason;
    assert_eq!(reason(&mut world, Command::Query, one(Selection::default())), Reason::Unsupported);
    assert_eq!(reason(&mut world, Command::Set, Parameters::new()), Reason::Unsupported);
    let peer: SocketAddr = "198.51.100.1:4000".parse().unwrap();
    assert_eq!(reason(&mut world, Command::Set, one(plan(A, peer))), Reason::NotFound);
    let builtin = Builtin { port: A, kind: BuiltinKind::Echo };
    assert_eq!(reason(&mut world, Command::Start, one(builtin)), Reason::NotFound);
    world.open(Instance(1), &[A, B]).unwrap();
    let mut wrong = plan(A, peer);
    wrong.codecs[0].payload_type = 200;
    assert_eq!(reason(&mut world, Command::Set, one(wrong)), Reason::Invalid);
    let other_family = plan(A, "[2001:db8::1]:9".parse().unwrap());
    assert_eq!(reason(&mut world, Command::Set, one(other_family)), Reason::Invalid);
    let itself = router::parameter::Bridge { a: A, b: A };
    assert_eq!(reason(&mut world, Command::Connect, one(itself)), Reason::Invalid);
    let stranger = Address::local(ModuleKind::Switch, 1);
    let wanted = one(MediaPort::new(A, "192.0.2.1".parse().unwrap()));
    let refused = world.ask_as(stranger, Instance(1), Command::Open, wanted.clone()).unwrap_err();
    assert_eq!(refused.reason, Reason::Refused);
    assert_eq!(world.ask(Instance::MODULE, Command::Open, wanted).unwrap_err().reason, Reason::Invalid);
}

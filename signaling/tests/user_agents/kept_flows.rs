//! Keep-alives of the flows by which we are registered (RFC 5626 §4.4).

use super::harness::{World, header};
use super::registering::{edge, flows, flows_over, keep_at, states};
use ::stun::{Class, Message as Stun, Usage, Writer};
use router::parameter::RegistrationState;
use router::time::Duration;
use signaling::message::Header;
use signaling::transport::{ConnectionId, PING, Transport};
use std::net::SocketAddr;

/// Both flows are kept for an hour; the registrar says that of them.
fn kept(world: &mut World, more: &str) {
    for number in [0, 1] {
        let register = world.expect(edge(number), "REGISTER");
        keep_at(world, edge(number), &register, 3_600, &format!("Require: outbound\r\n{more}"));
    }
    assert_eq!(states(world), [RegistrationState::Registered; 2]);
}

fn mapped(port: u16) -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 9], port))
}

/// Answers what an edge was asked since; how much that is.
fn answer(world: &mut World, at: SocketAddr, seen: Option<SocketAddr>) -> usize {
    let asked = world.take_bare(at);
    for octets in &asked {
        let request = Stun::parse(octets, Usage::KeepAlive).expect("a request");
        assert_eq!((request.class, octets.len()), (Class::Request, 20));
        let answer = match seen {
            Some(seen) => Writer::new(Class::Success, &request.transaction).mapped(seen),
            None => Writer::new(Class::Error, &request.transaction).error(500),
        };
        world.send_octets(at, answer.octets());
    }
    asked.len()
}

/// Both edges answer for so long; how often each was asked.
fn run_answered(world: &mut World, seconds: u64, seen: [SocketAddr; 2]) -> [usize; 2] {
    let mut asked = [0, 0];
    for _ in 0..10 * seconds {
        world.run_ms(100);
        for number in [0, 1] {
            asked[number] += answer(world, edge(number), Some(seen[number]));
        }
    }
    asked
}

/// RFC 5626 §4.4.2: another address is as good as no answer.
#[test]
fn a_flow_by_udp_is_kept_by_stun_and_made_anew_when_it_has_failed() {
    let mut world = flows(20);
    kept(&mut world, "");
    let own = [mapped(1), mapped(2)];
    let asked = run_answered(&mut world, 291, own);
    assert!(asked.iter().all(|asked| (11..=13).contains(asked)), "every 24 to 29 seconds, and at once: {asked:?}");
    assert!(world.take(edge(0)).is_empty() && world.take(edge(1)).is_empty());
    // The NAT has forgotten us: another port. The flow of the other edge is none of it.
    run_answered(&mut world, 30, [mapped(3), own[1]]);
    let again = world.take(edge(0)).remove(0);
    assert_eq!(header(&again, Header::CSeq), "2 REGISTER");
    assert_eq!(again.contacts().next().unwrap().unwrap().parameter("reg-id"), Some("1"));
    assert!(world.take(edge(1)).is_empty());
    keep_at(&mut world, edge(0), &again, 3_600, "Require: outbound\r\n");
    run_answered(&mut world, 300, [mapped(3), own[1]]);
    assert!(world.take(edge(0)).is_empty(), "this is where we are now");
    // The second edge falls silent: seven times within 31.5 seconds, and 8 more.
    let mut asked = 0;
    let mut first = None;
    while world.take(edge(1)).is_empty() {
        world.run_ms(100);
        answer(&mut world, edge(0), Some(mapped(3)));
        let now = world.take_bare(edge(1)).len();
        if now > 0 {
            first.get_or_insert(world.now.instant);
        }
        asked += now;
        assert!(asked <= 7);
    }
    let after = world.now.instant.since(first.unwrap());
    assert!(asked == 7 && after > Duration::from_secs(39) && after < Duration::from_secs(40), "{asked} {after:?}");
}

#[test]
fn an_error_of_who_has_answered_before_is_the_flow_s_failure() {
    let mut world = flows(21);
    kept(&mut world, "");
    run_answered(&mut world, 100, [mapped(1), mapped(2)]);
    for _ in 0..290 {
        world.run_ms(100);
        answer(&mut world, edge(0), None);
        answer(&mut world, edge(1), Some(mapped(2)));
    }
    assert_eq!(header(&world.take(edge(0))[0], Header::CSeq), "2 REGISTER");
    assert!(world.take(edge(1)).is_empty());
}

/// It is asked on, so that NATs stay open: one datagram each time.
#[test]
fn a_registrar_that_knows_no_stun_is_not_taken_for_gone() {
    let mut world = flows(22);
    kept(&mut world, "");
    world.run_ms(580_000);
    let asked = world.take_bare(edge(0)).len();
    assert!((20..=25).contains(&asked), "{asked}");
    assert!(world.take(edge(0)).is_empty());
    // Nobody else's answers count, nor those to what was not asked.
    for (from, transaction) in [(edge(0), [7; 12]), (edge(1), [8; 12])] {
        world.send_octets(from, Writer::new(Class::Success, &transaction).mapped(mapped(1)).octets());
    }
    world.run_ms(60_000);
    assert!(world.take(edge(0)).is_empty() && world.take(edge(1)).is_empty());
}

#[test]
fn flow_timer_says_how_often() {
    let mut world = flows(23);
    kept(&mut world, "Flow-Timer: 100\r\n");
    let asked = run_answered(&mut world, 1_000, [mapped(1), mapped(2)]);
    assert!(asked.iter().all(|asked| (11..=13).contains(asked)), "every 80 to 100 seconds: {asked:?}");

    // Over connections the transport has its own, every two minutes: a shorter time is kept beside it.
    let mut world = flows_over(24, Transport::Tcp);
    for number in [0, 1] {
        world.connections.insert(edge(number), ConnectionId(5 + number as u64));
    }
    let register = world.expect(edge(0), "REGISTER");
    keep_at(&mut world, edge(0), &register, 3_600, "Require: outbound\r\nFlow-Timer: 30\r\n");
    let register = world.expect(edge(1), "REGISTER");
    keep_at(&mut world, edge(1), &register, 3_600, "Require: outbound\r\n");
    world.run_ms(300_000);
    let pings = world.take_bare(edge(0));
    assert!((10..=12).contains(&pings.len()) && pings.iter().all(|ping| ping == PING), "{pings:?}");
    assert!(world.take_bare(edge(1)).is_empty());
}

/// Where it was kept and is no more, nothing is asked.
#[test]
fn a_flow_that_is_given_up_has_no_keep_alives() {
    let mut world = flows(25);
    kept(&mut world, "");
    run_answered(&mut world, 60, [mapped(1), mapped(2)]);
    let now = world.now;
    world.signaling.drain(now);
    for number in [0, 1] {
        let register = world.expect(edge(number), "REGISTER");
        assert_eq!(header(&register, Header::Expires), "0");
        keep_at(&mut world, edge(number), &register, 0, "");
        world.take_bare(edge(number));
    }
    world.run_ms(120_000);
    assert!(world.take_bare(edge(0)).is_empty() && world.take_bare(edge(1)).is_empty());
}

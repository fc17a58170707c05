//! Ports that change their session: a leg that was transferred belongs to another call.

use crate::network::*;
use router::packet::one;
use router::parameter::{Bridge, BuiltinKind, MediaPlan, MovedPort, PortId, PortStatistics, Reason};
use router::{Address, Command, Instance, ModuleKind, Parameter};

const OTHER: Instance = Instance(78);
const C: PortId = PortId(1);
const D: PortId = PortId(7);

/// Two calls: A and B, and in another session X (which leaves) and C.
fn two_calls(world: &mut World) -> (Call, Phone, router::parameter::PortAddress) {
    let call = Call::begin(world);
    let ports = world.open(OTHER, &[A, C]).unwrap();
    let (x, c) = (Phone::new("198.51.100.3:6000", 0xd), Phone::new("198.51.100.4:7000", 0xc));
    world.connect(OTHER, A, C, &[plan(A, x.at), plan(C, c.at)]);
    (call, c, ports[1])
}

/// A session at the only worker.
fn at(session: Instance) -> Address {
    Address::local(ModuleKind::Voice, 0).at(session)
}

fn moved(from: PortId) -> Parameter {
    MovedPort { port: D, session: at(Instance(77)), from }.into()
}

#[test]
fn who_is_moved_keeps_its_address_its_stream_and_its_figures_and_loses_no_frame() {
    let mut world = World::new();
    let (mut call, mut c, port_c) = two_calls(&mut world);
    let hears = |world: &mut World, c: &mut Phone| {
        let frame = c.frame();
        world.deliver(c.at, port_c.rtp, &frame);
        world.take_rtp()
    };
    // What A hears: B first, then C, without a frame that is missing or early.
    let mut heard = Vec::new();
    for _ in 0..20 {
        let (frame, other) = (call.b.frame(), call.a.frame());
        world.deliver(call.b.at, call.port_b.rtp, &frame);
        heard.extend(world.take_rtp());
        world.deliver(call.a.at, call.port_a.rtp, &other);
        world.take_rtp();
        assert!(hears(&mut world, &mut c).iter().all(|sent| sent.to != call.a.at));
        world.pass(20);
    }
    let answer = world.ask(OTHER, Command::Open, one(moved(A))).unwrap();
    let Some(Parameter::MediaPort(port)) = answer.first() else { panic!("{answer:?}") };
    assert_eq!((port.port, port.address), (D, Some(call.port_a)), "the peer is told nothing: its address stays");
    world.ask(OTHER, Command::Disconnect, one(Bridge { a: A, b: C })).unwrap();
    world.connect(OTHER, D, C, &[plan(D, call.a.at), plan(C, c.at)]);
    for _ in 0..20 {
        heard.extend(hears(&mut world, &mut c));
        let frame = call.a.frame();
        world.deliver(call.a.at, call.port_a.rtp, &frame);
        let said = world.take_rtp();
        assert_eq!((said.len(), said[0].to), (1, c.at), "C hears A");
        world.pass(20);
    }
    assert_eq!(heard.len(), 40);
    assert!(heard.iter().all(|sent| sent.to == call.a.at && sent.from == call.port_a.rtp));
    assert_continuous(&heard);
    // The port left its session, and goes with the one that it came to.
    let left: Vec<u16> = world.close(call.session).unwrap().iter().map(|counted| counted.port).collect();
    assert_eq!(left, [B.0]);
    let figures = world.close(OTHER).unwrap();
    let of_a = figures.iter().find(|counted| counted.port == D.0).unwrap();
    assert_eq!((of_a.packets_received, of_a.packets_sent, of_a.packets_discarded), (40, 40, 0));
    assert_eq!(of_a.learned, Some(call.a.at));
    assert_eq!(world.voice.pairs_used(), 0);
    world.pass(20_000);
    assert_eq!(world.voice.pending_timers(), 1, "the audit alone");
}

#[test]
fn what_it_played_ends_and_whom_it_talked_to_hears_nothing_more() {
    let mut world = World::new();
    let (mut call, ..) = two_calls(&mut world);
    world.start(call.session, A, BuiltinKind::Milliwatt).unwrap();
    world.pass(100);
    assert!(!world.take_rtp().is_empty());
    world.ask(OTHER, Command::Open, one(moved(A))).unwrap();
    world.pass(100);
    assert!(world.take_rtp().is_empty());
    assert!(call.talk(&mut world, 5).is_empty(), "nobody is at the other side yet");
    world.set(OTHER, &[MediaPlan { generation: 2, ..plan(D, call.a.at) }]);
}

#[test]
fn a_repeated_request_gets_the_same_answer_and_a_wrong_one_changes_nothing() {
    let mut world = World::new();
    let (call, ..) = two_calls(&mut world);
    let refused = |world: &mut World, parameters| {
        let before = world.voice.pairs_used();
        let reason = world.ask(OTHER, Command::Open, parameters).unwrap_err().reason;
        assert_eq!(world.voice.pairs_used(), before);
        reason
    };
    let nobody = MovedPort { port: D, session: at(Instance(99)), from: A };
    assert_eq!(refused(&mut world, one(nobody)), Reason::NotFound);
    assert_eq!(
        refused(&mut world, one(MovedPort { port: A, session: at(call.session), from: A })),
        Reason::Invalid,
        "that port is another one"
    );
    let twice = [moved(A), moved(B)].into_iter().collect();
    assert_eq!(refused(&mut world, twice), Reason::Invalid, "two to one place");
    let session = at(call.session);
    let apart = [moved(A), MovedPort { port: PortId(8), session, from: A }.into()].into_iter().collect();
    assert_eq!(refused(&mut world, apart), Reason::Invalid, "one to two places");
    let all_or_none = [moved(A), MovedPort { port: PortId(8), ..nobody }.into()].into_iter().collect();
    assert_eq!(refused(&mut world, all_or_none), Reason::NotFound);
    let stranger = Address::local(ModuleKind::Control, 0);
    let theirs = world.ask_as(stranger, Instance(5), Command::Open, one(moved(A))).unwrap_err();
    assert_eq!(theirs.reason, Reason::Refused, "another owner's port");
    let first = world.ask(OTHER, Command::Open, one(moved(A))).unwrap();
    assert_eq!(world.ask(OTHER, Command::Open, one(moved(A))).unwrap(), first);
    let asked = PortStatistics { port: D.0, ..PortStatistics::default() };
    assert!(world.ask(OTHER, Command::Query, one(asked)).is_ok());
    world.close(call.session).unwrap();
    world.close(OTHER).unwrap();
    assert_eq!(world.voice.pairs_used(), 0);
}

/// A and B at the first worker, C (and X, who leaves) at the second one, which asks for A's port.
fn at_two_workers() -> ([World; 2], Call, Phone, router::parameter::PortAddress) {
    let [mut one, mut two] = World::two();
    let call = Call::begin(&mut one);
    let ports = two.open(OTHER, &[A, C]).unwrap();
    let (x, c) = (Phone::new("198.51.100.3:6000", 0xd), Phone::new("198.51.100.4:7000", 0xc));
    two.connect(OTHER, A, C, &[plan(A, x.at), plan(C, c.at)]);
    ([one, two], call, c, ports[1])
}

#[test]
fn from_one_worker_to_another_goes_the_port_with_its_sockets_and_no_frame_is_lost() {
    let ([mut one, mut two], mut call, mut c, port_c) = at_two_workers();
    let mut heard = Vec::new();
    for _ in 0..20 {
        let (from_b, from_a) = (call.b.frame(), call.a.frame());
        one.deliver(call.b.at, call.port_b.rtp, &from_b);
        one.deliver(call.a.at, call.port_a.rtp, &from_a);
        heard.extend(one.take_rtp().into_iter().filter(|sent| sent.to == call.a.at));
        one.pass(20);
        two.pass(20);
    }
    two.begin(OTHER, Command::Open, one_of(A));
    assert!(two.take_passages().is_empty(), "the other worker has not run yet");
    assert!(one.take_passages().is_empty());
    let answers = two.take_passages();
    let Some(Parameter::MediaPort(port)) = answers[0].first() else { panic!("{answers:?}") };
    assert_eq!((answers.len(), answers[0].command), (1, Command::Done));
    assert_eq!((port.port, port.address), (D, Some(call.port_a)), "the peer is told nothing");
    two.connect(OTHER, D, C, &[plan(D, call.a.at), plan(C, c.at)]);
    for _ in 0..20 {
        let (from_c, from_a) = (c.frame(), call.a.frame());
        two.deliver(c.at, port_c.rtp, &from_c);
        heard.extend(two.take_rtp());
        assert!(two.deliver(call.a.at, call.port_a.rtp, &from_a), "its socket is here");
        assert_eq!(two.take_rtp().iter().map(|sent| sent.to).collect::<Vec<_>>(), [c.at]);
        one.pass(20);
        two.pass(20);
    }
    assert_eq!(heard.len(), 40);
    assert!(heard.iter().all(|sent| sent.to == call.a.at && sent.from == call.port_a.rtp));
    assert_continuous(&heard);
    assert_eq!(two.counter("media_ports_moved", None), 1);
    // It is asked for once more: the same answer.
    let again = two.ask(OTHER, Command::Open, one_of(A)).unwrap();
    assert_eq!(again, answers[0].parameters);
    assert_eq!(one.close(call.session).unwrap().len(), 1);
    let figures = two.close(OTHER).unwrap();
    let of_a = figures.iter().find(|counted| counted.port == D.0).unwrap();
    assert_eq!((of_a.packets_received, of_a.packets_sent, of_a.learned), (40, 40, Some(call.a.at)));
    // Its number is the first worker's again, which has four.
    assert!(one.take_passages().is_empty());
    one.pass(10_000);
    assert!(one.open(Instance(80), &[A, B, C, D]).is_ok());
    one.close(Instance(80)).unwrap();
    for world in [&mut one, &mut two] {
        world.pass(10_000);
        assert_eq!((world.voice.pairs_used(), world.voice.pending_timers()), (0, 1), "the audit alone");
    }
}

fn one_of(from: PortId) -> router::Parameters {
    one(moved(from))
}

#[test]
fn a_port_that_is_not_there_or_cannot_be_used_is_said_so_and_nothing_is_left() {
    let ([mut first, mut second], call, ..) = at_two_workers();
    let reason = |answers: &[router::Packet]| {
        assert_eq!((answers.len(), answers[0].command), (1, Command::Failed));
        answers[0].failure().reason
    };
    second.begin(OTHER, Command::Open, one_of(PortId(9)));
    assert!(first.take_passages().is_empty());
    assert_eq!(reason(&second.take_passages()), Reason::NotFound);
    // A worker that is none.
    let nowhere = MovedPort { port: D, session: Address::local(ModuleKind::Voice, 9).at(call.session), from: A };
    second.begin(OTHER, Command::Open, one(nowhere));
    assert_eq!(reason(&second.take_passages()), Reason::Busy);
    // The sockets are of no use: they are closed, and the number goes home.
    second.network().refuses_sockets = true;
    second.begin(OTHER, Command::Open, one_of(A));
    assert!(first.take_passages().is_empty());
    let answers = second.take_passages();
    assert_eq!((answers[0].command, answers[0].parameters.len()), (Command::Done, 0));
    second.network().open.retain(|_, rtp| *rtp != call.port_a.rtp);
    second.network().refuses_sockets = false;
    // The session ends before its port has come: it is closed.
    second.begin(OTHER, Command::Open, one_of(B));
    second.close(OTHER).unwrap();
    assert!(first.take_passages().is_empty());
    let answers = second.take_passages();
    assert_eq!(answers[0].command, Command::Done, "the session begins anew, and its owner closes it");
    second.close(OTHER).unwrap();
    assert!(first.take_passages().is_empty());
    first.close(call.session).unwrap();
    for world in [&mut first, &mut second] {
        world.pass(10_000);
        assert_eq!(world.voice.pairs_used(), 0);
    }
    assert!(first.open(Instance(80), &[A, B, C, D]).is_ok(), "all four are there again");
}

#[test]
fn ports_that_cannot_all_be_given_away_leave_no_number_behind() {
    let ([mut first, mut second], call, ..) = at_two_workers();
    let session = at(call.session);
    let both = |from: [PortId; 2]| -> router::Parameters {
        let [one, other] = [(D, from[0]), (PortId(8), from[1])];
        [one, other].map(|(port, from)| Parameter::from(MovedPort { port, session, from })).into_iter().collect()
    };
    // One twice: it stays where it is.
    second.begin(OTHER, Command::Open, both([A, A]));
    assert!(first.take_passages().is_empty());
    assert_eq!(second.take_passages()[0].failure().reason, Reason::NotFound);
    assert_eq!(first.voice.pairs_used(), 2);
    // The second one's sockets cannot be taken out: the first one is closed.
    first.network().open.retain(|_, rtp| *rtp != call.port_b.rtp);
    second.begin(OTHER, Command::Open, both([A, B]));
    assert!(first.take_passages().is_empty());
    assert_eq!(second.take_passages()[0].failure().reason, Reason::NotFound);
    assert!(first.close(call.session).unwrap().is_empty());
    second.close(OTHER).unwrap();
    for world in [&mut first, &mut second] {
        world.pass(10_000);
        assert_eq!((world.voice.pairs_used(), world.voice.pending_timers()), (0, 1), "the audit alone");
    }
    assert!(first.open(Instance(80), &[A, B, C, D]).is_ok(), "all four are there again");
}

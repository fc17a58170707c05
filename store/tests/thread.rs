//! The store on a thread of its own.

mod common;

use common::*;
use router::parameter::Selection;
use router::time::{Duration, Now};
use router::{Address, Command, Instance, ModuleKind, Packet, PlatformId, Router, Transaction, one};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use store::backend::Seat;
use store::{Config, Store};

fn start(source: Address, number: u64) -> Packet {
    Packet {
        source: source.at(Instance(1)),
        destination: Address::any(ModuleKind::Store),
        transaction: Transaction(number),
        command: Command::Start,
        parameters: one(record(&number.to_string(), number)),
    }
}

#[test]
fn it_sleeps_until_a_packet_or_a_deadline_and_answers() {
    let folder = tempfile::tempdir().unwrap();
    let router = Router::new(PlatformId(1));
    let (wake, woken) = mpsc::channel();
    let switch = router.register(ModuleKind::Switch, 0, move || wake.send(()).unwrap());
    let seat = Seat::take(&router, 0);
    let (address, stopper) = (seat.address(), seat.stopper());
    let sqlite = open(&folder.path().join("tandem.db")).0;
    let thread = std::thread::spawn(move || {
        // Each look at the clock is 50 ms after the one before.
        let looks = AtomicU64::new(0);
        let clock = || {
            Now { wall: BEGIN, ..Now::default() }
                .later(Duration::from_millis(50) * looks.fetch_add(1, Ordering::Relaxed) as u32)
        };
        seat.run(Store::new(sqlite, address, Config::default(), clock()), clock);
    });
    for number in 1..=20 {
        router.send(start(switch.address(), number)).unwrap();
        let answer = loop {
            match switch.receive() {
                Some(answer) => break answer,
                None if switch.may_sleep() => woken.recv().unwrap(),
                None => {}
            }
        };
        assert_eq!((answer.command, answer.transaction), (Command::Done, Transaction(number)));
    }
    stopper.stop();
    thread.join().unwrap();
    assert!(router.send(start(switch.address(), 99)).is_err(), "it has left the router");
}

#[test]
fn what_waits_when_it_is_stopped_is_committed_and_answered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tandem.db");
    let router = Router::new(PlatformId(1));
    let switch = router.register(ModuleKind::Switch, 0, || {});
    let seat = Seat::take(&router, 0);
    let (address, stopper) = (seat.address(), seat.stopper());
    let sqlite = open(&path).0;
    for number in 1..=100 {
        router.send(start(switch.address(), number)).unwrap();
    }
    let clock = || Now { wall: BEGIN, ..Now::default() };
    let thread = std::thread::spawn(move || seat.run(Store::new(sqlite, address, Config::default(), clock()), clock));
    stopper.stop();
    thread.join().unwrap();
    let answers: Vec<_> = std::iter::from_fn(|| switch.receive()).collect();
    assert_eq!(answers.iter().filter(|answer| answer.command == Command::Done).count(), 100);
    let mut platform = Platform::new(open(&path).0, Config::default());
    assert_eq!(platform.records(Selection::default()).len(), 100);
}

//! The store on a thread of its own.

mod common;

use common::*;
use router::parameter::{CallRecord, Origin, Party, Reason, Selection};
use router::time::{Duration, Now};
use router::{Address, Command, Instance, ModuleKind, Packet, Parameter, PlatformId, Router, Transaction, one};
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

/// A search of `party`.
fn search(source: Address, number: u64, party: &str) -> Packet {
    let selection = Selection { party: Some(party.to_owned()), limit: Some(5), ..Selection::default() };
    Packet {
        command: Command::Query,
        parameters: list([record("", 0).into(), selection.into()]),
        ..start(source, number)
    }
}

/// As many records as a start must not depend on, made without the store: its own time is no matter here.
#[expect(clippy::unwrap_used, reason = "what a test expects and does not find is its failure")]
fn fill(path: &std::path::Path, records: u64) {
    drop(open(path));
    let mut connection = rusqlite::Connection::open(path).unwrap();
    let transaction = connection.transaction().unwrap();
    {
        let insert = "INSERT INTO records (id, started, outcome, cause, origin, caller, called, destination, record)
                      VALUES (?1, ?2, 'answered', 'normal', 'carrier', ?3, ?4, 'bob', ?5)";
        let mut insert = transaction.prepare(insert).unwrap();
        for number in 0..records {
            let record = CallRecord {
                origin: Origin::Trunk("carrier".into()),
                caller: Party::new(format!("+4930{}", number % 5_000), ""),
                called: Party::new(format!("+4940{number}"), ""),
                ..complete(&record(&format!("old-{number}"), number))
            };
            let encoded = minicbor::to_vec(&record).unwrap();
            let (caller, called) = (record.caller.user(), record.called.user());
            insert.execute(rusqlite::params![record.id, record.started.0, caller, called, encoded]).unwrap();
        }
    }
    transaction.commit().unwrap();
}

#[test]
fn searches_and_commits_of_a_large_store_do_not_wait_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tandem.db");
    fill(&path, 20_000);
    let router = Router::new(PlatformId(1));
    let (wake, woken) = mpsc::channel();
    let switch = router.register(ModuleKind::Switch, 0, move || wake.send(()).unwrap());
    let seat = Seat::take(&router, 0);
    let (address, stopper) = (seat.address(), seat.stopper());
    let sqlite = open(&path).0;
    let thread = std::thread::spawn(move || {
        let looks = AtomicU64::new(0);
        let clock = || {
            Now { wall: BEGIN, ..Now::default() }
                .later(Duration::from_millis(50) * looks.fetch_add(1, Ordering::Relaxed) as u32)
        };
        seat.run(Store::new(sqlite, address, Config::default(), clock()), clock);
    });
    // Written, and found by a search that comes behind it.
    let mut answers = std::collections::BTreeMap::new();
    for number in 0..100 {
        router.send(start(switch.address(), 3 * number + 1)).unwrap();
        router.send(search(switch.address(), 3 * number + 2, "alice")).unwrap();
        router.send(search(switch.address(), 3 * number + 3, &format!("+4930{number}"))).unwrap();
        while answers.len() < 3 * (number as usize + 1) {
            match switch.receive() {
                Some(answer) => drop(answers.insert(answer.transaction.0, answer)),
                None if switch.may_sleep() => woken.recv().unwrap(),
                None => {}
            }
        }
    }
    stopper.stop();
    thread.join().unwrap();
    let ids = |number: u64| -> Vec<String> {
        let answer = &answers[&number];
        assert_eq!(answer.command, Command::Done);
        let records = answer.parameters.iter().filter_map(|parameter| match parameter {
            Parameter::CallRecord(record) => Some(record.id.clone()),
            _ => None,
        });
        records.collect()
    };
    for number in 0..100 {
        assert_eq!(ids(3 * number + 2)[0], (3 * number + 1).to_string(), "what was written before it");
        assert_eq!(ids(3 * number + 3), [15_000, 10_000, 5_000, 0].map(|block| format!("old-{}", block + number)));
    }
}

#[test]
fn searches_beyond_the_bound_are_refused_and_none_is_left_without_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tandem.db");
    drop(open(&path));
    let router = Router::new(PlatformId(1));
    let switch = router.register(ModuleKind::Switch, 0, || {});
    let seat = Seat::take(&router, 0);
    let (address, stopper) = (seat.address(), seat.stopper());
    for number in 1..=1_000 {
        router.send(search(switch.address(), number, "alice")).unwrap();
    }
    let sqlite = open(&path).0;
    let clock = || Now { wall: BEGIN, ..Now::default() };
    let thread = std::thread::spawn(move || seat.run(Store::new(sqlite, address, Config::default(), clock()), clock));
    stopper.stop();
    thread.join().unwrap();
    let answers: Vec<_> = std::iter::from_fn(|| switch.receive()).collect();
    assert_eq!(answers.len(), 1_000);
    let refused = |answer: &&Packet| answer.command == Command::Failed && answer.failure().reason == Reason::Busy;
    let busy = answers.iter().filter(refused).count();
    assert_eq!(busy + answers.iter().filter(|answer| answer.command == Command::Done).count(), 1_000);
}

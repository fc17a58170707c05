//! No room is left: calls go on, the operator is told, nothing is corrupted, and it recovers when room returns.

mod common;

use common::*;
use router::parameter::{Reason, ResourceState, Selection, Status};
use router::{Command, ModuleKind, Parameter, one};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::path::Path;
use std::process::Command as Process;
use store::Config;
use store::backend::{Sqlite, check};

const CONTROL: ModuleKind = ModuleKind::Control;

fn state(platform: &mut Platform<Sqlite>) -> (ResourceState, Option<String>) {
    let answer = platform.ask(CONTROL, Command::Query, one(Status::default()));
    let Some(Parameter::Status(status)) = answer.first() else { panic!("{answer:?}") };
    (status.resources[0].state, status.resources[0].detail.clone())
}

#[test]
fn writes_fail_as_exhausted_and_what_was_done_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tandem.db");
    let mut platform = Platform::new(open(&path).0, Config::default());
    platform.store.backend().bound_pages(Some(40)).unwrap();
    let (mut done, mut failed) = (Vec::new(), 0);
    for number in 0..1000 {
        let record = record(&format!("call-{number}"), number);
        let answer = platform.ask(CONTROL, Command::Set, one(complete(&record)));
        match answer.command {
            Command::Done => done.push(complete(&record)),
            _ => {
                assert_eq!(answer.failure().reason, Reason::Exhausted);
                failed += 1;
            }
        }
        if failed == 20 {
            break;
        }
    }
    assert_eq!(failed, 20, "40 pages hold fewer than 1,000 records");
    let (health, detail) = state(&mut platform);
    assert_eq!(health, ResourceState::Degraded);
    assert!(detail.unwrap().contains("no room"), "the operator reads what is wrong");

    // Reading goes on; a whole batch fails as one, and leaves nothing of itself.
    done.reverse();
    assert_eq!(platform.records(Selection::default()), done);
    for number in 0..100 {
        platform.send(CONTROL, Command::Set, one(complete(&record(&format!("batch-{number}"), 5000))));
    }
    platform.run(router::time::Duration::ZERO);
    platform.run(store::limits::COMMIT_DELAY);
    assert!(platform.received(CONTROL).iter().all(|answer| answer.failure().reason == Reason::Exhausted));
    assert_eq!(platform.records(Selection::default()), done);

    // Room returns.
    platform.store.backend().bound_pages(None).unwrap();
    let late = complete(&record("late", 9000));
    assert_eq!(platform.ask(CONTROL, Command::Set, one(late.clone())).command, Command::Done);
    assert_eq!(state(&mut platform).0, ResourceState::Ready);
    done.insert(0, late);
    assert_eq!(platform.records(Selection::default()), done);

    // And the database is sound: it is checked when it is opened.
    drop(platform);
    let mut platform = Platform::new(open(&path).0, Config::default());
    assert_eq!(platform.records(Selection::default()), done);
}

#[test]
fn room_that_deleted_records_leave_is_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut platform = Platform::new(open(&folder.path().join("tandem.db")).0, Config { records_keep_days: Some(1) });
    platform.run(router::time::Duration::ZERO);
    platform.store.backend().bound_pages(Some(40)).unwrap();
    for number in 0.. {
        let answer = platform.ask(CONTROL, Command::Set, one(complete(&record(&format!("call-{number}"), number))));
        if answer.command == Command::Failed {
            break;
        }
    }
    platform.run(router::time::Duration::from_secs(2 * 86_400));
    platform.run(store::limits::PURGE_PAUSE);
    let late = complete(&record("late", 2 * 86_400_000));
    assert_eq!(platform.ask(CONTROL, Command::Set, one(late.clone())).command, Command::Done);
    let ids: Vec<_> = platform.records(Selection::default()).into_iter().map(|record| record.id).collect();
    assert_eq!(ids, ["late"]);
}

const FOLDER: &str = "STORE_FULL_FOLDER";

/// The process whose disk refuses: it is one only where the test below starts it, with a folder and a bound on its files.
#[test]
fn child_writes_until_the_system_refuses() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let path = Path::new(&folder).join("tandem.db");
    let mut platform = Platform::new(open(&path).0, Config::default());
    let (mut done, mut number) = (Vec::new(), 0);
    let refused = loop {
        number += 1;
        let record = complete(&record(&format!("call-{number}"), number));
        let answer = platform.ask(CONTROL, Command::Set, one(record.clone()));
        match answer.command {
            Command::Done => done.push(record),
            _ => break answer.failure().reason,
        }
    };
    assert!(matches!(refused, Reason::Internal | Reason::Exhausted), "to be tried again: {refused:?}");
    // Whatever it was that could not be written, the log or the database: nothing is half there, and nothing is lost.
    for _ in 0..20 {
        number += 1;
        let record = complete(&record(&format!("call-{number}"), number));
        let answer = platform.ask(CONTROL, Command::Set, one(record.clone()));
        if answer.command == Command::Done {
            done.push(record);
        }
    }
    let (health, detail) = state(&mut platform);
    assert_eq!(health, ResourceState::Degraded);
    assert!(detail.is_some_and(|detail| !detail.is_empty()), "the operator reads what is wrong");
    done.reverse();
    assert_eq!(platform.records(Selection { limit: Some(500), ..Selection::default() }), done);
    // Room returns.
    let bound = getrlimit(Resource::Fsize);
    setrlimit(Resource::Fsize, Rlimit { current: bound.maximum, ..bound }).unwrap();
    let late = complete(&record("late", 1 << 30));
    assert_eq!(platform.ask(CONTROL, Command::Set, one(late.clone())).command, Command::Done);
    assert_eq!(state(&mut platform).0, ResourceState::Ready);
    done.insert(0, late);
    drop(platform);
    check(&path).unwrap();
    let mut platform = Platform::new(open(&path).0, Config::default());
    assert_eq!(platform.records(Selection { limit: Some(500), ..Selection::default() }), done);
}

#[test]
fn a_system_that_refuses_a_write_corrupts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    // Blocks of 512 octets: the log reaches 192 KiB before the database does. A process is told by an error instead of a signal.
    let bounded = "trap '' XFSZ; ulimit -S -f 384; exec \"$0\" \"$@\"";
    let child = Process::new("sh")
        .args(["-c", bounded])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "child_writes_until_the_system_refuses", "--nocapture"])
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{said}");
    assert!(folder.path().join("tandem.db").exists(), "it was that test");
}

//! `kill -9` at any moment: no record is lost that the store had answered for, and the store opens.

mod common;

use common::*;
use router::parameter::{CallRecord, Outcome, Selection};
use router::service::{drain, turn};
use router::time::{Duration, Now};
use router::{Address, Command, Instance, ModuleKind, Packet, PlatformId, Random, Router, Transaction, one};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command as Process, Stdio};
use store::{Backend, Config, RecordQuery, Store};

const FOLDER: &str = "STORE_KILL_FOLDER";
const ROUND: &str = "STORE_KILL_ROUND";
const ROUNDS: u64 = 40;

/// The process that is killed: it writes calls as fast as the disk takes them, and says what it was answered. It is one only
/// where the test below starts it with a folder and a round.
#[test]
fn child_writes_until_it_is_killed() {
    let (Ok(folder), Ok(round)) = (std::env::var(FOLDER), std::env::var(ROUND)) else { return };
    let (sqlite, opened) = open(&Path::new(&folder).join("tandem.db"));
    let router = Router::new(PlatformId(1));
    let endpoint = router.register(ModuleKind::Store, 0, || {});
    let switch = router.register(ModuleKind::Switch, 0, || {});
    let mut now = Now { wall: BEGIN, ..Now::default() };
    let mut store = Store::new(sqlite, endpoint.address(), Config::default(), now);
    let mut random = Random::from_seed(round.parse().unwrap());
    let mut out = std::io::stdout().lock();
    writeln!(out, "\ninterrupted {}", opened.interrupted).unwrap();
    let mut waiting: BTreeMap<Transaction, (&str, String)> = BTreeMap::new();
    let mut open: Vec<CallRecord> = Vec::new();
    for number in 1u64.. {
        let (verb, command, record) = if random.below(2) == 0 || open.is_empty() {
            let record = record(&format!("{round}-{number}"), number);
            open.push(record.clone());
            ("open", Command::Start, record)
        } else {
            let at = random.below(open.len() as u64) as usize;
            ("complete", Command::Set, complete(&open.swap_remove(at)))
        };
        waiting.insert(Transaction(number), (verb, record.id.clone()));
        let packet = Packet {
            source: switch.address().at(Instance(number)),
            destination: Address::any(ModuleKind::Store),
            transaction: Transaction(number),
            command,
            parameters: one(record),
        };
        router.send(packet).unwrap();
        now = now.later(Duration::from_millis(random.below(20)));
        while turn(&mut store, &endpoint, now) {}
        drain(&mut store, &endpoint, now);
        while let Some(answer) = switch.receive() {
            let (verb, id) = waiting.remove(&answer.transaction).unwrap();
            assert_eq!(answer.command, Command::Done);
            writeln!(out, "{verb} {id}").unwrap();
        }
        out.flush().unwrap();
    }
}

#[test]
fn what_was_answered_for_survives_kill_9_at_any_moment() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random::from_seed(0xdead);
    let (mut opened, mut completed) = (BTreeSet::new(), BTreeSet::new());
    let mut killed_in_work = 0;
    for round in 0..ROUNDS {
        let mut child = Process::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_writes_until_it_is_killed", "--nocapture"])
            .env(FOLDER, folder.path())
            .env(ROUND, round.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        // Killed after some answers were read, while it works on the next; what it had said by then counts, too. Some
        // die while they open the store.
        let answers = if round % 5 == 4 { 0 } else { random.below(400) };
        let mut seen = 0;
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut read = |line: String| {
            let Some((verb, id)) = line.split_once(' ') else { return false };
            match verb {
                "open" => opened.insert(id.to_owned()),
                "complete" => completed.insert(id.to_owned()),
                _ => return false,
            };
            true
        };
        while seen < answers {
            seen += u64::from(read(lines.next().expect("it works until it is killed").unwrap()));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines {
            // The last line may be half a line: its write was cut.
            seen += u64::from(line.is_ok_and(&mut read));
        }
        killed_in_work += u64::from(seen > 0);
    }
    assert!(killed_in_work >= ROUNDS / 2, "only {killed_in_work} were killed at work");

    let (mut sqlite, _) = open(&folder.path().join("tandem.db"));
    let mut outcome = |id: &str| {
        let page = sqlite.records(&RecordQuery { id: Some(id.to_owned()), limit: 1, ..RecordQuery::default() });
        page.unwrap().items.first().map(|record| record.outcome)
    };
    for id in &completed {
        assert_eq!(outcome(id), Some(Outcome::Answered), "{id} was answered for as complete");
    }
    for id in &opened {
        let found = outcome(id);
        assert!(matches!(found, Some(Outcome::Answered | Outcome::Interrupted)), "{id} was answered for: {found:?}");
    }
    let mut platform = Platform::new(sqlite, Config::default());
    let open = Selection { state: Some("open".to_owned()), ..Selection::default() };
    assert!(platform.records(open).is_empty(), "none is left open");
}

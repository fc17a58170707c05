//! `kill -9` at any moment: nothing is lost that the store had answered for, neither a record, as it was then at least, nor a
//! binding; and the store opens, whole.

mod common;

use common::*;
use router::parameter::{Binding, CallRecord, Outcome, Selection};
use router::service::{drain, turn};
use router::time::{Duration, Now};
use router::{Address, Command, Instance, ModuleKind, Packet, Parameter, PlatformId, Random, Router, Transaction, one};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command as Process, Stdio};
use store::{Backend, BindingQuery, Config, RecordQuery, Store};

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
    // Whoever was before the first may have been killed before its answer.
    let account = Packet {
        source: switch.address().at(Instance(u64::MAX)),
        destination: Address::any(ModuleKind::Store),
        transaction: Transaction(u64::MAX),
        command: Command::Set,
        parameters: one(account("alice", Some("a-long-password"))),
    };
    router.send(account).unwrap();
    waiting.insert(Transaction(u64::MAX), ("account", "alice".to_owned()));
    let mut bound: Vec<String> = Vec::new();
    for number in 1u64.. {
        let (verb, command, parameter, id) = match random.below(6) {
            0 | 1 => {
                let record = record(&format!("{round}-{number}"), number);
                open.push(record.clone());
                ("open", Command::Start, Parameter::from(record.clone()), record.id)
            }
            2 if !open.is_empty() => {
                let at = random.below(open.len() as u64) as usize;
                open[at] = answered(&open[at]);
                ("answered", Command::Set, Parameter::from(open[at].clone()), open[at].id.clone())
            }
            3 if !bound.is_empty() => {
                let uri = bound.swap_remove(random.below(bound.len() as u64) as usize);
                let removed = Binding { removed: true, ..binding("alice", &uri, 3600) };
                ("unbound", Command::Set, Parameter::from(removed), uri)
            }
            4 => {
                let uri = format!("sip:{round}-{number}@192.0.2.1");
                bound.push(uri.clone());
                ("bound", Command::Set, Parameter::from(binding("alice", &uri, 3600)), uri)
            }
            _ if !open.is_empty() => {
                let at = random.below(open.len() as u64) as usize;
                let record = complete(&open.swap_remove(at));
                ("complete", Command::Set, Parameter::from(record.clone()), record.id)
            }
            _ => continue,
        };
        waiting.insert(Transaction(number), (verb, id.clone()));
        if verb == "unbound" {
            // From now on it may be gone, whether that is answered or not.
            writeln!(out, "unbinds {id}").unwrap();
            out.flush().unwrap();
        }
        let packet = Packet {
            source: switch.address().at(Instance(number)),
            destination: Address::any(ModuleKind::Store),
            transaction: Transaction(number),
            command,
            parameters: one(parameter),
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

/// The same call's record once it was answered.
fn answered(record: &CallRecord) -> CallRecord {
    CallRecord {
        destination: Some("bob".into()),
        ringing: Some(record.started + Duration::from_secs(1)),
        answered: Some(record.started + Duration::from_secs(3)),
        ..record.clone()
    }
}

#[test]
fn what_was_answered_for_survives_kill_9_at_any_moment() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random::from_seed(0xdead);
    let mut said: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
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
            let answer = ["open", "answered", "complete", "bound", "unbound"].contains(&verb);
            if answer || verb == "unbinds" {
                said.entry(verb.to_owned()).or_default().insert(id.to_owned());
            }
            answer
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

    let path = folder.path().join("tandem.db");
    store::backend::check(&path).unwrap();
    let (mut sqlite, _) = open(&path);
    let mut found = |id: &str| {
        let page = sqlite.records(&RecordQuery { id: Some(id.to_owned()), limit: 1, ..RecordQuery::default() });
        page.unwrap().items.first().cloned().unwrap_or_else(|| panic!("{id} was answered for and is lost"))
    };
    let of = |verb: &str| said.get(verb).cloned().unwrap_or_default();
    for id in &of("complete") {
        let record = found(id);
        assert_eq!(record, complete(&record), "as it was answered for");
    }
    for id in &of("open") {
        assert!(matches!(found(id).outcome, Outcome::Answered | Outcome::Interrupted), "{id}");
    }
    for id in &of("answered") {
        let record = found(id);
        let known = answered(&record);
        assert_eq!((record.answered, record.ringing), (known.answered, known.ringing), "{id}");
    }
    assert!(of("answered").len() > 20 && of("bound").len() > 20 && of("unbound").len() > 20);
    let query = BindingQuery { account: None, after: None, now: BEGIN, limit: 100_000 };
    let left: BTreeSet<String> = sqlite
        .bindings(&query)
        .unwrap()
        .items
        .into_iter()
        .map(|binding| binding.contact.uri.reveal().clone())
        .collect();
    let lost: Vec<_> = of("bound").difference(&of("unbinds")).filter(|uri| !left.contains(*uri)).cloned().collect();
    assert!(lost.is_empty(), "registrations that were answered for: {lost:?}");
    assert!(of("unbound").is_disjoint(&left), "registrations that had ended");
    let mut platform = Platform::new(sqlite, Config::default());
    let open = Selection { state: Some("open".to_owned()), ..Selection::default() };
    assert!(platform.records(open).is_empty(), "none is left open");
}

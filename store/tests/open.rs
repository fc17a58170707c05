//! Opening: what a new database is, what an old one keeps, and what is said where it cannot be opened.

mod common;

use common::*;
use router::parameter::{CallRecord, CauseKind, Outcome, ResourceState, Selection, Status};
use router::time::Duration;
use router::{Command, ModuleKind, Parameter, Random, one};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use store::backend::{OpenError, Settings, Sqlite, check};
use store::{Backend, Config};

const CONTROL: ModuleKind = ModuleKind::Control;

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

fn try_open(path: &std::path::Path) -> Result<Sqlite, OpenError> {
    let settings = Settings { path: path.to_owned(), realm: "other.example".to_owned(), pages_max: None };
    Sqlite::open(&settings, &mut Random::from_seed(2)).map(|(sqlite, _)| sqlite)
}

#[test]
fn its_files_are_for_their_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let path = data.join("tandem.db");
    let mut platform = Platform::new(open(&path).0, Config::default());
    platform.ask(CONTROL, Command::Start, one(record("a", 0)));
    assert_eq!(mode(&data), 0o700);
    for entry in fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{path:?}");
    }
    drop(platform);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    drop(open(&path));
    assert_eq!(mode(&path), 0o600, "tightened");
}

#[test]
fn realm_and_name_are_fixed_when_it_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tandem.db");
    let (sqlite, made) = open(&path);
    assert!(made.new && made.epoch == 1 && made.realm == "example.org" && made.server_id.len() == 32);
    drop(sqlite);
    let settings = Settings { path, realm: "other.example".to_owned(), pages_max: None };
    let (_sqlite, opened) = Sqlite::open(&settings, &mut Random::from_seed(9)).unwrap();
    assert!(!opened.new);
    assert_eq!((opened.realm, opened.server_id, opened.epoch), (made.realm, made.server_id, 2));
}

#[test]
fn calls_left_open_are_recorded_as_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tandem.db");
    let mut platform = Platform::new(open(&path).0, Config::default());
    let count = store::limits::PURGE_ROWS + 7;
    for number in 0..count {
        platform.send(CONTROL, Command::Start, one(record(&number.to_string(), number as u64)));
    }
    platform.ask(CONTROL, Command::Set, one(complete(&record("complete", 9999))));
    drop(platform);
    let (sqlite, opened) = open(&path);
    assert_eq!(opened.interrupted, count as u64);
    let mut platform = Platform::new(sqlite, Config::default());
    let records = platform.records(Selection { limit: Some(500), ..Selection::default() });
    let interrupted = records.iter().filter(|record| {
        record.outcome == Outcome::Interrupted && record.cause.as_ref().unwrap().kind.name() == "interrupted"
    });
    assert_eq!((interrupted.count(), records.len()), (count, count + 1));
    assert_eq!(records[0].outcome, Outcome::Answered);
    drop(platform);
    assert_eq!(open(&path).1.interrupted, 0, "once");
}

#[test]
fn what_was_interrupted_tells_of_its_answer_and_when_the_process_last_lived() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tandem.db");
    let mut platform = Platform::new(open(&path).0, Config::default());
    let call = record("1", 100);
    let at = |millis: u64| BEGIN + Duration::from_millis(millis);
    let answered =
        CallRecord { ringing: Some(at(200)), answered: Some(at(300)), destination: Some("bob".into()), ..call.clone() };
    platform.ask(CONTROL, Command::Start, one(call));
    platform.ask(CONTROL, Command::Set, one(answered.clone()));
    for _ in 0..62 {
        platform.run(Duration::from_secs(1));
    }
    let begun = platform.now.wall;
    platform.ask(CONTROL, Command::Start, one(CallRecord { started: begun, ..record("2", 0) }));
    drop(platform);
    let mut platform = Platform::new(open(&path).0, Config::default());
    let records = platform.records(Selection::default());
    let cause = Some(CauseKind::Interrupted.into());
    assert_eq!(records[0].ended, Some(begun), "not before it began");
    let ended = records[1].ended.unwrap();
    let lived = begun.since(ended);
    assert!(lived <= store::limits::ALIVE_INTERVAL, "{lived:?}");
    assert_eq!(records[1], CallRecord { outcome: Outcome::Interrupted, cause, ended: Some(ended), ..answered },);
}

#[test]
fn what_cannot_be_opened_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tandem.db");
    let sqlite = open(&path).0;
    let error = try_open(&path).unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }) && error.to_string().contains("in use by another tandem"));
    drop(sqlite);

    let text = folder.path().join("text.db");
    fs::write(&text, "these are somebody's notes, and nothing that a database would begin with").unwrap();
    let error = try_open(&text).unwrap_err();
    assert!(matches!(error, OpenError::Foreign { .. }) && error.to_string().contains("move it away"), "{error}");
    assert!(fs::read_to_string(&text).unwrap().starts_with("these are"), "and is not touched");

    let error = try_open(folder.path()).unwrap_err();
    assert!(matches!(error, OpenError::File { .. }), "{error}");

    let foreign = folder.path().join("foreign.db");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE cats (name TEXT)").unwrap();
    assert!(matches!(try_open(&foreign).unwrap_err(), OpenError::Foreign { .. }));

    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = try_open(&path).unwrap_err();
    assert!(matches!(error, OpenError::Newer { found: 99, .. }) && error.to_string().contains("later version"));
}

/// A store of 500 records that was closed, and what is in its file.
fn of_500_records(path: &std::path::Path) -> Vec<u8> {
    let mut platform = Platform::new(open(path).0, Config::default());
    for number in 0..500 {
        platform.send(CONTROL, Command::Set, one(complete(&record(&number.to_string(), number))));
    }
    platform.run(Duration::ZERO);
    platform.run(store::limits::COMMIT_DELAY);
    assert_eq!(platform.records(Selection { limit: Some(500), ..Selection::default() }).len(), 500);
    drop(platform);
    fs::read(path).expect("it is there")
}

#[test]
fn damage_is_told_while_the_store_works_and_by_a_check() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tandem.db");
    let mut bytes = of_500_records(&path);
    check(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8192].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let error = check(&path).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }) && error.to_string().contains(".recover"), "{error}");
    // Nobody waits for it at a start: accounts can be served, and the operator is told.
    let mut sqlite = try_open(&path).unwrap();
    assert_eq!(sqlite.usage().unwrap().damage, None);
    sqlite.attach(Box::new(|| ()));
    let damage = loop {
        match sqlite.usage().unwrap().damage {
            Some(damage) => break damage,
            None => std::thread::yield_now(),
        }
    };
    assert!(damage.contains("is damaged") && damage.contains(".recover"), "{damage}");
    let mut platform = Platform::new(sqlite, Config::default());
    let answer = platform.ask(CONTROL, Command::Query, one(Status::default()));
    let Some(Parameter::Status(status)) = answer.first() else { panic!("{answer:?}") };
    assert_eq!(status.resources[0].state, ResourceState::Failed);
    assert!(status.resources[0].detail.as_ref().unwrap().contains("is damaged"));
    let account = platform.ask(CONTROL, Command::Set, one(account("bob", Some("a-long-password"))));
    assert_eq!(account.command, Command::Done);
}

#[test]
fn a_file_whose_beginning_is_damaged_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tandem.db");
    let mut bytes = of_500_records(&path);
    bytes[100..4096].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let error = try_open(&path).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }) && error.to_string().contains(".recover"), "{error}");
}

#[test]
fn a_check_of_what_is_not_there_makes_nothing_and_one_that_is_not_over_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tandem.db");
    assert!(matches!(check(&path).unwrap_err(), OpenError::File { .. }));
    assert!(!path.exists());
    of_500_records(&path);
    let mut sqlite = open(&path).0;
    sqlite.attach(Box::new(|| ()));
    check(&path).expect("while it is open, too");
    drop(sqlite);
    assert!(!folder.path().join("tandem.db-wal").exists(), "the last to close has taken the log in");
}

#[test]
fn a_store_of_the_version_before_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tandem.db");
    of_500_records(&path);
    let before = "DROP INDEX records_caller; DROP INDEX records_called; DROP INDEX records_origin;
                  DROP INDEX records_destination; DROP TABLE messages; PRAGMA user_version = 1";
    rusqlite::Connection::open(&path).unwrap().execute_batch(before).unwrap();
    let mut platform = Platform::new(open(&path).0, Config::default());
    let party = Selection { party: Some("bob".to_owned()), limit: Some(500), ..Selection::default() };
    assert_eq!(platform.records(party).len(), 500);
}

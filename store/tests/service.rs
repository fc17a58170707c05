//! What the store answers, over both of its back ends.

#![expect(clippy::unwrap_used, reason = "a test may unwrap")]

mod common;

use common::*;
use router::parameter::{
    AccountCredential, CallRecord, CauseKind, Outcome, Reason, ResourceState, Selection, Status, TextMessage,
};
use router::time::{Duration, WallTime};
use router::{Command, ModuleKind, Parameter, one};
use store::backend::{Memory, Sqlite};
use store::{Backend, Config, credential};

use ModuleKind::{Control, Signaling};

fn sqlite() -> (tempfile::TempDir, Sqlite) {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = open(&folder.path().join("tandem.db")).0;
    (folder, sqlite)
}

/// Runs a test over SQLite and over memory.
macro_rules! over_both {
    ($($(#[$doc:meta])* fn $name:ident($platform:ident) $body:block)*) => { $(
        $(#[$doc])*
        #[test]
        fn $name() {
            fn run<B: Backend>(mut $platform: Platform<B>) $body
            let (_folder, sqlite) = sqlite();
            run(Platform::new(sqlite, Config::default()));
            run(Platform::new(Memory::new("example.org"), Config::default()));
        }
    )* };
}

over_both! {
    fn messages_are_kept_in_their_order_bounded_and_removed(platform) {
        for name in ["alice", "bob"] {
            platform.ask(Signaling, Command::Set, one(account(name, Some("secret"))));
        }
        let message = |id: &str, account: &str| TextMessage {
            id: id.to_owned(),
            expires: WallTime(BEGIN.0 + 3_600_000_000),
            ..TextMessage::of_account(Some(account))
        };
        for id in ["b", "a", "c", "a"] {
            let kept = platform.ask(Signaling, Command::Set, one(message(id, "alice")));
            assert_eq!(kept.command, Command::Done);
        }
        platform.ask(Signaling, Command::Set, one(message("d", "bob")));
        let listed = |platform: &mut Platform<_>, account: Option<&str>| -> Vec<String> {
            let answer = platform.ask(Signaling, Command::Query, one(TextMessage::of_account(account)));
            let name = |parameter: &Parameter| match parameter {
                Parameter::TextMessage(text) if account.is_some() => Some(text.id.clone()),
                Parameter::TextMessage(text) => text.account.clone(),
                _ => None,
            };
            answer.parameters.iter().filter_map(name).collect()
        };
        assert_eq!(listed(&mut platform, Some("alice")), ["b", "a", "c"]);
        assert_eq!(listed(&mut platform, None), ["alice", "bob"]);
        platform.ask(Signaling, Command::Close, one(message("a", "alice")));
        assert_eq!(listed(&mut platform, Some("alice")), ["b", "c"]);
        for number in 0..store::limits::MESSAGES_PER_ACCOUNT {
            platform.ask(Signaling, Command::Set, one(message(&format!("more-{number}"), "alice")));
        }
        let full = platform.ask(Signaling, Command::Set, one(message("last", "alice")));
        assert_eq!(full.failure().reason, Reason::Exhausted);
        platform.ask(Signaling, Command::Close, one(account("bob", None)));
        assert_eq!(listed(&mut platform, None), ["alice"]);
        // What is of no use any more is not told, and goes in time.
        platform.run(Duration::from_secs(3_601));
        assert_eq!(listed(&mut platform, Some("alice")), [""; 0]);
        for _ in 0..40 {
            platform.run(Duration::from_secs(300));
        }
        assert_eq!(listed(&mut platform, None), [""; 0]);
    }

    fn a_record_is_done_only_once_it_is_committed_and_within_100_ms(platform) {
        platform.send(Control, Command::Start, one(record("a", 0)));
        platform.run(Duration::ZERO);
        platform.run(Duration::from_millis(79));
        assert!(platform.received(Control).is_empty(), "it waits for others");
        platform.send(Control, Command::Start, one(record("b", 0)));
        platform.run(Duration::from_millis(1));
        let answers = platform.received(Control);
        assert_eq!(answers.len(), 2, "one commit for both");
        assert!(answers.iter().all(|answer| answer.command == Command::Done));
    }

    fn a_large_batch_does_not_wait(platform) {
        for number in 0..store::limits::BATCH_WRITES {
            platform.send(Control, Command::Start, one(record(&number.to_string(), 0)));
        }
        platform.run(Duration::ZERO);
        assert_eq!(platform.received(Control).len(), store::limits::BATCH_WRITES);
    }

    fn start_and_set_of_one_batch_are_one_write_and_both_are_answered(platform) {
        let open = record("a", 0);
        platform.send(Control, Command::Start, one(open.clone()));
        platform.send(Control, Command::Set, one(complete(&open)));
        platform.run(Duration::ZERO);
        platform.run(Duration::from_millis(80));
        assert_eq!(platform.received(Control).len(), 2);
        assert_eq!(platform.records(Selection::default()), [complete(&open)]);
        assert_eq!(counter(&mut platform, "store_records_merged"), 1);
    }

    fn what_is_complete_is_not_opened_again(platform) {
        let open = record("a", 0);
        platform.ask(Control, Command::Start, one(open.clone()));
        platform.ask(Control, Command::Set, one(complete(&open)));
        platform.ask(Control, Command::Start, one(open.clone()));
        assert_eq!(platform.records(Selection::default()), [complete(&open)]);
        // Within one batch, too; and a record without a beginning is one all the same.
        let other = record("b", 1);
        platform.send(Control, Command::Set, one(complete(&other)));
        platform.ask(Control, Command::Start, one(other.clone()));
        assert_eq!(platform.records(Selection::default()), [complete(&other), complete(&open)]);
    }

    fn another_call_under_the_same_id_replaces_nothing(platform) {
        let open = record("a", 0);
        let other = complete(&record("a", 7));
        platform.send(Control, Command::Start, one(open.clone()));
        // In the same batch, and when it is kept already.
        platform.ask(Control, Command::Set, one(other.clone()));
        platform.ask(Control, Command::Set, one(other));
        assert_eq!(platform.records(Selection::default()), std::slice::from_ref(&open));
        platform.ask(Control, Command::Set, one(complete(&open)));
        assert_eq!(platform.records(Selection::default()), [complete(&open)]);
    }

    fn a_query_sees_what_was_written_before_it(platform) {
        platform.send(Control, Command::Start, one(record("a", 0)));
        platform.send(Control, Command::Query, list([record("", 0).into(), Selection::default().into()]));
        platform.run(Duration::ZERO);
        let answers = platform.received(Control);
        assert_eq!(answers.len(), 2);
        assert_eq!(answers[1].parameters.len(), 2, "a record and the selection");
    }

    fn records_are_searched_newest_first_in_pages(platform) {
        let mut all: Vec<CallRecord> = (0..250).map(|number| record(&format!("call-{number}"), number / 2)).collect();
        for (number, record) in all.iter_mut().enumerate() {
            if number % 3 == 0 {
                *record = complete(record);
            }
            if number % 50 == 7 {
                record.called.user = "+4930".to_owned().into();
                *record = CallRecord {
                    outcome: Outcome::Unanswered, cause: Some(CauseKind::Busy.into()), ..record.clone()
                };
            }
            if (200..210).contains(&number) {
                record.id = format!("call-9~{number}");
            }
            platform.send(Control, Command::Set, one(record.clone()));
        }
        platform.run(Duration::ZERO);
        platform.run(Duration::from_millis(80));
        platform.received(Control);
        all.reverse();
        let limit = Some(7);
        assert_eq!(platform.records(Selection { limit, ..Selection::default() }), all);
        type Keep = fn(&CallRecord) -> bool;
        let at = |millis: u64| Some(BEGIN + Duration::from_millis(millis));
        let cases: [(Selection, Keep); 8] = [
            (Selection { party: Some("+4930".to_owned()), ..Selection::default() }, |r| r.called.user() == "+4930"),
            (Selection { party: Some("bob".to_owned()), ..Selection::default() }, |r| r.destination.is_some()),
            (Selection { party: Some("nobody".to_owned()), ..Selection::default() }, |_| false),
            (Selection { state: Some("open".to_owned()), ..Selection::default() }, |r| r.outcome == Outcome::Open),
            (Selection { state: Some("busy".to_owned()), ..Selection::default() }, |r| {
                r.outcome == Outcome::Unanswered
            }),
            (Selection { since: at(10), until: at(20), ..Selection::default() }, |r| {
                let millis = r.started.since(BEGIN).as_millis();
                (10..20).contains(&millis)
            }),
            (Selection { name: Some("call-42".to_owned()), ..Selection::default() }, |r| r.id == "call-42"),
            (Selection { name: Some("call-9".to_owned()), ..Selection::default() }, |r| {
                r.id == "call-9" || r.id.starts_with("call-9~")
            }),
        ];
        for (selection, keep) in cases {
            let expected: Vec<_> = all.iter().filter(|record| keep(record)).cloned().collect();
            let found = platform.records(Selection { limit, ..selection.clone() });
            assert_eq!(found, expected, "{selection:?}");
        }
        for bad in [
            Selection { state: Some("purple".to_owned()), ..Selection::default() },
            Selection { cursor: Some("'; DROP TABLE records".to_owned()), ..Selection::default() },
        ] {
            let answer = platform.ask(Control, Command::Query, list([record("", 0).into(), bad.into()]));
            assert_eq!(answer.failure().reason, Reason::Invalid);
        }
    }

    fn a_password_becomes_hashes_that_signaling_alone_sees(platform) {
        let answer = platform.ask(Control, Command::Set, one(account("alice", Some("secret"))));
        assert!(matches!(answer.first(), Some(Parameter::Account(a)) if a.credential == AccountCredential::Withheld));
        let hashes = credential::hashes("alice", "example.org", "secret");
        for (who, expected) in [(Signaling, hashes.clone()), (Control, AccountCredential::Withheld)] {
            let answer = platform.ask(who, Command::Query, one(account("alice", None)));
            let Some(Parameter::Account(found)) = answer.first() else { panic!("{answer:?}") };
            assert_eq!((&found.credential, found.created), (&expected, BEGIN));
        }
        // Disabling keeps the password.
        let disabled = router::parameter::Account { enabled: false, ..account("alice", None) };
        assert_eq!(platform.ask(Control, Command::Set, one(disabled)).command, Command::Done);
        let answer = platform.ask(Signaling, Command::Query, one(account("alice", None)));
        let Some(Parameter::Account(found)) = answer.first() else { panic!("{answer:?}") };
        assert_eq!((&found.credential, found.enabled), (&hashes, false));
    }

    fn accounts_are_listed_in_pages_and_refused_with_reasons(platform) {
        for number in 0..25 {
            platform.ask(Control, Command::Set, one(account(&format!("user-{number:02}"), Some("secret"))));
        }
        let (mut names, mut cursor) = (Vec::new(), None);
        loop {
            let selection = Selection { limit: Some(10), cursor, ..Selection::default() };
            let answer = platform.ask(Control, Command::Query, list([account("", None).into(), selection.into()]));
            let mut rest = None;
            for parameter in answer.parameters {
                match parameter {
                    Parameter::Account(account) => names.push(account.name),
                    Parameter::Selection(selection) => rest = selection.cursor,
                    other => panic!("{other:?}"),
                }
            }
            if rest.is_none() { break }
            cursor = rest;
        }
        assert_eq!(names, (0..25).map(|number| format!("user-{number:02}")).collect::<Vec<_>>());
        let reason = |platform: &mut Platform<B>, command, asked| {
            platform.ask(Control, command, one(asked)).failure().reason
        };
        assert_eq!(reason(&mut platform, Command::Query, account("nobody", None)), Reason::NotFound);
        assert_eq!(reason(&mut platform, Command::Close, account("nobody", None)), Reason::NotFound);
        assert_eq!(reason(&mut platform, Command::Set, account("nobody", None)), Reason::Invalid);
        assert_eq!(reason(&mut platform, Command::Set, account("a b", Some("x"))), Reason::Invalid);
        assert_eq!(reason(&mut platform, Command::Open, account("nobody", None)), Reason::Unsupported);
    }

    fn who_subscribed_is_told_of_changes_and_of_removal(platform) {
        platform.ask(Signaling, Command::Subscribe, one(account("", None)));
        platform.ask(Control, Command::Set, one(account("alice", Some("secret"))));
        platform.ask(Control, Command::Set, one(account("alice", Some("secret"))));
        platform.ask(Control, Command::Close, one(account("alice", None)));
        let news = platform.received(Signaling);
        let news: Vec<_> = news.iter().map(|packet| match packet.first() {
            Some(Parameter::Account(account)) => (packet.command, account.removed, account.credential.clone()),
            other => panic!("{other:?}"),
        }).collect();
        assert_eq!(news, [
            (Command::Notify, false, credential::hashes("alice", "example.org", "secret")),
            (Command::Notify, true, AccountCredential::Withheld),
        ], "a repeated request is no change");
        platform.ask(Signaling, Command::Unsubscribe, one(account("", None)));
        platform.ask(Control, Command::Set, one(account("alice", Some("secret"))));
        assert!(platform.received(Signaling).is_empty());
    }

    fn bindings_are_written_in_order_expire_and_go_with_their_account(platform) {
        platform.ask(Control, Command::Set, one(account("alice", Some("secret"))));
        let removed = |uri: &str| router::parameter::Binding { removed: true, ..binding("alice", uri, 0) };
        let answer = platform.ask(Signaling, Command::Set, list([
            binding("alice", "sip:1", 60).into(),
            binding("alice", "sip:2", 60).into(),
            binding("nobody", "sip:3", 60).into(),
            removed("sip:1").into(),
            removed("sip:4").into(),
            binding("alice", "sip:4", 30).into(),
        ]));
        assert_eq!(answer.command, Command::Done, "one whose account went away meanwhile is passed over");
        assert_eq!(uris(&mut platform, 500), ["sip:2", "sip:4"]);
        assert_eq!(uris(&mut platform, 1), ["sip:2", "sip:4"], "in pages");
        assert_eq!(counter(&mut platform, "store_bindings_without_account"), 1);
        platform.run(Duration::from_secs(30));
        assert_eq!(uris(&mut platform, 500), ["sip:2"], "expired");
        platform.run(store::limits::PURGE_INTERVAL);
        assert_eq!(counter(&mut platform, "store_rows_purged"), 2, "and deleted");
        platform.ask(Signaling, Command::Set, one(binding("alice", "sip:5", 9999)));
        platform.ask(Control, Command::Close, one(account("alice", None)));
        assert!(uris(&mut platform, 500).is_empty());
    }

    fn what_is_mixed_or_too_large_is_refused_whole(platform) {
        let mut large = record("large", 0);
        large.cause = Some(router::parameter::Cause {
            text: Some("x".repeat(store::limits::ENTRY_BYTES)), ..CauseKind::Busy.into()
        });
        let answer = platform.ask(Control, Command::Set, list([record("a", 0).into(), large.into()]));
        assert_eq!(answer.failure().reason, Reason::Invalid);
        let answer = platform.ask(Control, Command::Set, list([record("a", 0).into(), account("b", None).into()]));
        assert_eq!(answer.failure().reason, Reason::Invalid);
        assert!(platform.records(Selection::default()).is_empty());
    }
}

#[test]
fn old_records_are_deleted_in_small_batches_and_open_ones_stay() {
    fn run<B: Backend>(backend: B) {
        let mut platform = Platform::new(backend, Config { records_keep_days: Some(2) });
        platform.run(Duration::ZERO);
        for number in 0..1200 {
            platform.send(Control, Command::Set, one(complete(&record(&format!("old-{number}"), number))));
            platform.run(Duration::ZERO);
        }
        platform.send(Control, Command::Start, one(record("open", 0)));
        platform.run(Duration::from_millis(80));
        platform.run(Duration::from_secs(86_400));
        platform.ask(Control, Command::Set, one(complete(&record("new", 86_400_000))));
        assert_eq!(platform.records(Selection { limit: Some(500), ..Selection::default() }).len(), 1202);
        platform.run(Duration::from_secs(86_401));
        for purge in 1..=3 {
            let left = platform.store.backend().records(&store::RecordQuery { limit: 2000, ..Default::default() });
            assert_eq!(left.unwrap().items.len(), 1202 - (purge * store::limits::PURGE_ROWS).min(1200));
            platform.run(store::limits::PURGE_PAUSE);
        }
        let left = platform.records(Selection::default());
        assert_eq!(left.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), ["new", "open"]);
    }
    let (_folder, sqlite) = sqlite();
    run(sqlite);
    run(Memory::new("example.org"));
}

#[test]
fn a_full_back_end_fails_writes_tells_the_operator_and_recovers() {
    let mut platform = Platform::new(Memory::new("example.org"), Config::default());
    platform.store.backend().set_full(true);
    let answer = platform.ask(Control, Command::Start, one(record("a", 0)));
    assert_eq!(answer.failure().reason, Reason::Exhausted);
    assert!(answer.failure().retry_after_s.is_some());
    let answer = platform.ask(Control, Command::Set, one(account("alice", Some("secret"))));
    assert_eq!(answer.failure().reason, Reason::Exhausted);
    assert_eq!(state(&mut platform), ResourceState::Degraded);
    platform.store.backend().set_full(false);
    assert_eq!(platform.ask(Control, Command::Start, one(record("b", 0))).command, Command::Done);
    assert_eq!(state(&mut platform), ResourceState::Ready);
}

#[test]
fn a_subscriber_that_missed_a_change_is_told_so_once() {
    let mut platform = Platform::new(Memory::new("example.org"), Config::default());
    platform.ask(Signaling, Command::Subscribe, one(account("", None)));
    // Signaling's inbox fills; the change of an account finds no room.
    let filler = router::Packet {
        source: platform.endpoint(Control).address(),
        destination: platform.endpoint(Signaling).address(),
        transaction: router::Transaction::NONE,
        command: Command::Notify,
        parameters: one(Status::default()),
    };
    while platform.router.send(filler.clone()).is_ok() {}
    platform.ask(Control, Command::Set, one(account("alice", Some("secret"))));
    platform.run(Duration::from_millis(50));
    platform.run(Duration::from_millis(100));
    let of_store = |packet: &router::Packet| packet.source.module.kind == ModuleKind::Store;
    assert!(!platform.received(Signaling).iter().any(of_store), "there was no room");
    for _ in 0..20 {
        platform.run(Duration::from_secs(5));
    }
    let told = platform.received(Signaling);
    let told: Vec<_> = told.iter().filter(|packet| of_store(packet)).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(matches!(told[0].first(), Some(Parameter::Account(account)) if account.name.is_empty()));
}

fn uris<B: Backend>(platform: &mut Platform<B>, limit: u32) -> Vec<String> {
    let (mut uris, mut cursor) = (Vec::new(), None);
    loop {
        let selection = Selection { limit: Some(limit), cursor, ..Selection::default() };
        let answer = platform.ask(Signaling, Command::Query, list([binding("", "", 0).into(), selection.into()]));
        cursor = None;
        for parameter in answer.parameters {
            match parameter {
                Parameter::Binding(binding) => uris.push(binding.contact.uri.into_inner()),
                Parameter::Selection(rest) => cursor = rest.cursor,
                other => panic!("{other:?}"),
            }
        }
        if cursor.is_none() {
            return uris;
        }
    }
}

fn status<B: Backend>(platform: &mut Platform<B>) -> Status {
    let answer = platform.ask(Control, Command::Query, one(Status::default()));
    match answer.parameters.into_iter().next() {
        Some(Parameter::Status(status)) => *status,
        other => panic!("{other:?}"),
    }
}

fn counter<B: Backend>(platform: &mut Platform<B>, name: &str) -> u64 {
    status(platform).counters.iter().find(|counter| counter.name == name).unwrap().value
}

fn state<B: Backend>(platform: &mut Platform<B>) -> ResourceState {
    status(platform).resources[0].state
}

#[test]
fn the_store_tells_of_itself() {
    let (_folder, sqlite) = sqlite();
    let mut platform = Platform::new(sqlite, Config::default());
    let status = status(&mut platform);
    assert_eq!((status.module.as_str(), status.since), ("store/0", BEGIN));
    assert!(status.resources[0].name.ends_with("tandem.db"));
    assert!(status.resources[0].used > 0);
}

//! What a call record costs the store: its packets, the merging, SQLite, the commits. 1,000 calls a second of virtual time, each
//! opened, half a second later answered, and three seconds later completed; CPU time of the process, so that waiting for the disk does not count.
//!
//! ```text
//! cargo bench -p benches --bench store_record
//! ```
#![expect(clippy::print_stdout, reason = "a benchmark prints")]

use router::parameter::{CallRecord, Cause, CauseKind, LegQuality, Origin, Outcome, Party};
use router::service::{drain, turn};
use router::time::{Duration, Now, WallTime};
use router::{Address, Command, Instance, ModuleKind, Packet, PlatformId, Random, Router, Transaction, one};
use rustix::time::{ClockId, clock_gettime};
use store::backend::{Memory, Settings, Sqlite};
use store::{Backend, Config, Store};

const CALLS: u64 = 60_000;
const BEGIN: WallTime = WallTime::from_secs(1_800_000_000);
/// How many calls are open at once.
const OPEN: u64 = 3_000;
/// How many ring at once.
const ANSWER: u64 = 500;

fn cpu_nanos() -> u64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn opened(number: u64) -> CallRecord {
    CallRecord {
        id: format!("{:016x}-{number}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        origin: Origin::Trunk("caller".into()),
        caller: Party::new(format!("+49301{number:07}"), "127.0.0.1"),
        called: Party::new(format!("+49302{number:07}"), "127.0.0.1"),
        destination: None,
        started: BEGIN + Duration::from_millis(number),
        ringing: None,
        answered: None,
        ended: None,
        outcome: Outcome::Open,
        cause: None,
        ended_by_caller: None,
        caller_quality: LegQuality::default(),
        callee_quality: LegQuality::default(),
        transferred_from: None,
        transferred_to: None,
        transferred_as: None,
        joined_from: None,
        verdict: None,
    }
}

fn answered(number: u64) -> CallRecord {
    let record = opened(number);
    CallRecord {
        destination: Some("callee".into()),
        ringing: Some(record.started),
        answered: Some(record.started + Duration::from_millis(ANSWER)),
        ..record
    }
}

fn completed(number: u64) -> CallRecord {
    let record = opened(number);
    let quality = LegQuality {
        codec: Some("PCMA".into()),
        packets_received: 150,
        packets_sent: 150,
        packets_lost: 1,
        packets_lost_at_peer: Some(2),
        jitter_us: 400,
        jitter_at_peer_us: Some(500),
        round_trip_us: Some(900),
        suite: None,
        packets_discarded: 0,
        packets_late: 0,
        mos_centi: Some(441),
        mos_at_peer_centi: Some(438),
        jitter_max_us: Some(900),
        jitter_max_at_peer_us: None,
        packets_repeated_at_peer: None,
    };
    CallRecord {
        destination: Some("callee".into()),
        ringing: Some(record.started),
        answered: Some(record.started),
        ended: Some(record.started + Duration::from_secs(3)),
        outcome: Outcome::Answered,
        cause: Some(Cause::new(CauseKind::Normal)),
        ended_by_caller: Some(true),
        caller_quality: quality.clone(),
        callee_quality: quality,
        ..record
    }
}

/// CPU microseconds a call: three packets, three answers, one record opened, answered and completed.
fn measure(backend: impl Backend, updates: bool) -> f64 {
    let router = Router::new(PlatformId(1));
    let endpoint = router.register(ModuleKind::Store, 0, || {});
    let switch = router.register(ModuleKind::Switch, 0, || {});
    let mut now = Now { wall: BEGIN, ..Now::default() };
    let mut store = Store::new(backend, endpoint.address(), Config::default(), now);
    let mut answers = 0;
    let begin = cpu_nanos();
    for number in 0..CALLS + OPEN {
        let opens = (number < CALLS).then(|| (Command::Start, opened(number)));
        let completes = number.checked_sub(OPEN).map(|number| (Command::Set, completed(number)));
        let told = number.checked_sub(ANSWER).filter(|number| updates && *number < CALLS);
        let told = told.map(|number| (Command::Set, answered(number)));
        for (command, record) in opens.into_iter().chain(told).chain(completes) {
            let packet = Packet {
                source: switch.address().at(Instance(number)),
                destination: Address::any(ModuleKind::Store),
                transaction: Transaction(number + 1),
                command,
                parameters: one(record),
            };
            router.send(packet).expect("there is room");
        }
        now = now.later(Duration::from_millis(1));
        while turn(&mut store, &endpoint, now) {}
        while let Some(answer) = switch.receive() {
            assert_eq!(answer.command, Command::Done);
            answers += 1;
        }
    }
    store.commit();
    drain(&mut store, &endpoint, now);
    while switch.receive().is_some() {
        answers += 1;
    }
    assert_eq!(answers, if updates { 3 } else { 2 } * CALLS);
    (cpu_nanos() - begin) as f64 / 1000.0 / CALLS as f64
}

fn main() {
    let around = measure(Memory::new("bench"), true);
    let database = |updates: bool| {
        let folder = tempfile::tempdir().expect("a folder for the database");
        let settings = Settings { path: folder.path().join("tandem.db"), realm: "bench".to_owned(), pages_max: None };
        let (sqlite, _) = Sqlite::open(&settings, &mut Random::from_seed(1)).expect("a database");
        measure(sqlite, updates)
    };
    let (without, all) = (database(false), database(true));
    println!(
        "CPU a call, opened, answered and completed: {all:.1} us, of these {around:.1} without the database; \
         {without:.1} us where the answer is not told"
    );
}

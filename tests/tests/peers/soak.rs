//! Thousands of short calls leave nothing behind.
//!
//! `TANDEM_SOAK_CALLS=20000` makes it as long as an hour of a busy office; `TANDEM_SOAK_RATE` sets the calls a second.

use crate::scenario::{CALLEE, CALLER, SHORT_TIMERS, line, ours};
use scenarios::peer::wait::until;
use scenarios::peer::{Server, Site};
use std::time::Duration;

/// Calls until the first look: by then every table and pool has the size that this load needs.
const FIRST: u32 = 1_000;

/// What may come and go between two looks: a page of the allocator's callers, not a leak of calls.
const SLACK: u64 = 64 << 10;

/// Octets a call that may be left: tables grow in steps, and a step may fall behind the first look.
const PER_CALL: u64 = 8;

/// What a server holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Held {
    ports: u64,
    dialogs: u64,
    transactions: u64,
    connections: u64,
    files: usize,
    threads: usize,
    memory: u64,
}

/// Looks once everything that lingers is over.
fn held(server: &mut Server<'_>) -> Held {
    server.is_idle();
    until("the transactions' linger is over", || (server.used("transactions") == 0).then_some(()));
    until("no port is in use or rests", || (server.used("media-ports") == 0).then_some(()));
    let (files, threads) = server.files_and_threads();
    Held {
        ports: server.used("media-ports"),
        dialogs: server.used("dialogs"),
        transactions: server.used("transactions"),
        connections: server.used("connections"),
        files,
        threads,
        memory: server.used("memory"),
    }
}

fn number(name: &str, default: u32) -> u32 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// Messages so long that those of the first calls fill the ring that `tandem ctl trace` reads, 16 MiB of them.
fn padded(xml: &str) -> String {
    let padding = format!("        Subject: {}\n", "long ".repeat(300));
    let padded = xml.replace("        Allow: ", &format!("{padding}        Allow: "));
    assert!(padded.len() > xml.len() + 2 * padding.len());
    padded
}

#[test]
fn short_calls_leave_nothing_behind() {
    let calls = number("TANDEM_SOAK_CALLS", 2_000).max(2 * FIRST);
    let rate = number("TANDEM_SOAK_RATE", 100);
    let site = Site::new();
    let (caller, callee) = (site.host.socket(), site.host.socket());
    let mut settings = line(caller, callee).sip(SHORT_TIMERS);
    // Few ports, used again and again.
    settings.more.push_str("[media]\nports = \"20000-20799\"\nquarantine_ms = 200\n");
    let mut server = Server::start(&site, &settings);
    let mut run = |name: &str, calls: u32| {
        let bound = Duration::from_secs(u64::from(120 + 2 * calls / rate));
        let called = ours(&site, &format!("callee-{name}"), &padded(CALLEE), &[], callee).quiet().bound(bound).start();
        ours(&site, &format!("caller-{name}"), &padded(CALLER), &[], caller)
            .to(server.sip)
            .service("4930123456")
            .calls(calls, rate)
            .arguments(&["-d", "50"])
            .quiet()
            .bound(bound)
            .run();
        called.stop();
        held(&mut server)
    };
    let first = run("first", FIRST);
    let last = run("rest", calls - FIRST);
    println!("after {FIRST} calls: {first:?}\nafter {calls} calls: {last:?}");
    // Idle ports keep their sockets for a while: there may be fewer later.
    assert!(last.files <= first.files, "files: {first:?}, {last:?}");
    let apart = |held: Held| Held { memory: 0, files: 0, ..held };
    assert_eq!(apart(last), apart(first), "after {FIRST} and after {calls} calls");
    let bound = first.memory + SLACK + PER_CALL * u64::from(calls - FIRST);
    assert!(last.memory <= bound, "{} octets after {FIRST} calls, {} after {calls}", first.memory, last.memory);
    assert_eq!(server.records(calls as usize).len(), calls as usize);
    server.stop();
}

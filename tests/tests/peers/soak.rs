//! Thousands of short calls leave nothing behind.
//!
//! `TANDEM_SOAK_CALLS=20000 cargo test -p scenarios --test peers soak` makes it long; `TANDEM_SOAK_RATE` sets the calls a second.

use crate::scenario::{CALLEE, CALLER, SHORT_TIMERS, line, ours};
use scenarios::peer::wait::until;
use scenarios::peer::{Server, Site};
use std::time::Duration;

/// Calls until the first look: by then every table and pool has the size that this load needs.
const FIRST: u32 = 1_000;

/// Calls between two looks.
const ROUND: u32 = 5_000;

/// Sockets by which the busiest moments of two rounds may differ: those of 16 calls, four each.
const FILES: usize = 64;

/// Octets that may come and go between two looks: buffers of connections, a page of a listing.
const SLACK: u64 = 256 << 10;

/// Calls that `tandem ctl trace` can name, and octets that each takes: they are kept until there are so many
/// (`signaling::limits::TRACE_CALLS_MAX`), which the first calls are not. Nothing else may be left of a call.
const NAMED: u32 = 16_384;
const PER_NAME: u64 = 320;

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
    let padding = format!("        Subject: {}\n", "long ".repeat(400));
    let padded = xml.replace("        Allow: ", &format!("{padding}        Allow: "));
    assert!(padded.len() >= xml.len() + 2 * padding.len());
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
    println!("after {FIRST} calls: {first:?}");
    let mut made = FIRST;
    while made < calls {
        let part = (calls - made).min(ROUND);
        let last = run(&format!("from-{made}"), part);
        made += part;
        println!("after {made} calls: {last:?}");
        let apart = |held: Held| Held { memory: 0, files: 0, ..held };
        assert_eq!(apart(last), apart(first), "after {FIRST} and after {made} calls");
        // Ports that are idle keep their sockets, as many as the busiest moment took.
        assert!(last.files <= first.files + FILES, "files: {first:?}, {last:?}");
        let bound = first.memory + SLACK + PER_NAME * u64::from(made.min(NAMED) - FIRST);
        assert!(last.memory <= bound, "{} octets after {FIRST} calls, {} after {made}", first.memory, last.memory);
    }
    assert_eq!(server.records(calls as usize).len(), calls as usize);
    server.stop();
}

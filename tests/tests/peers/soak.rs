//! Thousands of short calls leave nothing behind.
//!
//! `TANDEM_SOAK_CALLS=20000 cargo test -p scenarios --test peers soak` makes it long; `TANDEM_SOAK_RATE` sets the calls a second.

use crate::scenario::{CALLEE, CALLER, SHORT_TIMERS, line, ours};
use scenarios::peer::wait::until;
use scenarios::peer::{Server, Site};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Calls until the first look: by then every table and pool has the size that this load needs.
const FIRST: u32 = 1_000;

/// Calls between two looks.
const ROUND: u32 = 5_000;

/// Calls at once: few, whatever the machine does meanwhile.
const AT_ONCE: &str = "8";

/// Ports of media, two a leg as sockets are counted, and the calls that take all of them. Whatever holds a port keeps its socket and some
/// memory for the next call, so all are opened before the first look.
const PORTS: u32 = 160;
const ALL_AT_ONCE: u32 = PORTS / 4;

/// Files that are open at one look and not at another: the store's, a connection that looks.
const FILES: u64 = 16;

/// Octets by which two looks may differ though nothing leaks: queues and hash tables have the size that the busiest moment gave them,
/// and a burst on a busy machine doubles one once in a while. A leak of the smallest object there is, 8 octets a call, is beyond it
/// after 20,000 calls.
const SLACK: u64 = 128 << 10;

/// Looks at the memory, of which the least counts: the server does something for itself now and then.
const LOOKS: usize = 20;

/// What a server holds.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Held {
    ports: u64,
    sessions: u64,
    dialogs: u64,
    transactions: u64,
    connections: u64,
    /// Tasks of each runtime.
    tasks: BTreeMap<String, u64>,
    threads: usize,
    files: u64,
    /// Without what the trace keeps of calls on purpose, which it says itself.
    memory: u64,
}

/// The resources of a server: kind, name, how much is in use.
fn resources(server: &Server<'_>) -> Vec<(String, String, u64)> {
    let status = server.control().ask("system", "status", json!({}));
    let modules = status["modules"].as_array().cloned().unwrap_or_default();
    let resources = modules.iter().flat_map(|module| module["resources"].as_array().cloned().unwrap_or_default());
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    resources.map(|one| (word(&one["kind"]), word(&one["name"]), one["used"].as_u64().unwrap_or(0))).collect()
}

/// Octets that are allocated, without those of the messages and names by which `tandem ctl trace` finds calls, which have a bound.
fn memory(server: &Server<'_>) -> u64 {
    let resources = resources(server);
    let sum = |kind: &str, names: &[&str]| -> u64 {
        let wanted = resources.iter().filter(|(of, name, _)| of == kind && names.contains(&name.as_str()));
        wanted.map(|(.., used)| used).sum()
    };
    sum("memory", &["allocated"]) - sum("table", &["trace memory"])
}

/// Looks once everything that lingers is over.
fn held(server: &mut Server<'_>) -> Held {
    server.is_idle();
    until("the transactions' linger is over", || (server.used("transactions") == 0).then_some(()));
    until("no port is in use or rests", || (server.used("media-ports") == 0).then_some(()));
    let (_, threads) = server.files_and_threads();
    let memory = (0..LOOKS).map(|_| memory(server)).min().unwrap_or(0);
    let resources = resources(server);
    let tasks = resources.iter().filter(|(kind, ..)| kind == "tasks");
    Held {
        ports: server.used("media-ports"),
        sessions: server.used("sessions"),
        dialogs: server.used("dialogs"),
        transactions: server.used("transactions"),
        connections: server.used("connections"),
        tasks: tasks.map(|(_, name, used)| (name.clone(), *used)).collect(),
        threads,
        files: server.used("files"),
        memory,
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
    let last = 20_000 + PORTS - 1;
    settings.more.push_str(&format!("[media]\nports = \"20000-{last}\"\nquarantine_ms = 200\n"));
    let mut server = Server::start(&site, &settings);
    let mut run = |name: &str, calls: u32, rate: u32, arguments: [&str; 4]| {
        let bound = Duration::from_secs(u64::from(120 + 2 * calls / rate));
        let called = ours(&site, &format!("callee-{name}"), &padded(CALLEE), &[], callee).quiet().bound(bound).start();
        ours(&site, &format!("caller-{name}"), &padded(CALLER), &[], caller)
            .to(server.sip)
            .service("4930123456")
            .calls(calls, rate)
            .arguments(&arguments)
            .quiet()
            .bound(bound)
            .run();
        called.stop();
        held(&mut server)
    };
    let short = ["-d", "50", "-l", AT_ONCE];
    run("all-ports", ALL_AT_ONCE, 1_000, ["-d", "5000", "-l", &ALL_AT_ONCE.to_string()]);
    let first = run("first", FIRST, rate, short);
    println!("after {FIRST} calls: {first:?}");
    let mut made = FIRST;
    while made < calls {
        let part = (calls - made).min(ROUND);
        let last = run(&format!("from-{made}"), part, rate, short);
        made += part;
        println!("after {made} calls: {last:?}");
        let apart = |held: &Held| Held { memory: 0, files: 0, ..held.clone() };
        assert_eq!(apart(&last), apart(&first), "after {FIRST} and after {made} calls");
        assert!(last.files <= first.files + FILES, "files: {first:?}, {last:?}");
        let grown = last.memory.saturating_sub(first.memory);
        assert!(grown <= SLACK, "{} octets after {FIRST} calls, {} after {made}", first.memory, last.memory);
    }
    let all = (calls + ALL_AT_ONCE) as usize;
    assert_eq!(server.records(all).len(), all);
    server.stop();
}

//! What must not bring it down: kill -9, a full disk, floods, clients that do not read.

use crate::scenario::{CALLEE, CALLER, CALLER_REFUSED, line, ours, register, trunk};
use scenarios::peer::server::Settings;
use scenarios::peer::wait::{self, until};
use scenarios::peer::wire::{Stream, Wire, offer, request};
use scenarios::peer::{Host, Server, Sipp, Site};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

#[test]
fn killed_in_mid_call_it_comes_back_with_its_registrations_and_says_what_was_cut_off() {
    let site = Site::new();
    let (caller, callee) = (site.host.socket(), site.host.socket());
    let mut server = Server::start(&site, &line(caller, callee));
    server.add_accounts(&["dave"]);
    let phone = site.host.socket();
    register(&site, &server, "dave", phone, phone);
    let contact = server.registered("dave", 1);
    // A call that ended well, and ten that are up.
    let called = Sipp::builtin(&site, "uas", "uas", callee).start();
    ours(&site, "ended", CALLER, &[], caller).service("100").to(server.sip).calls(1, 1).run();
    server.records(1);
    let talking = ours(&site, "talking", CALLER, &[], caller)
        .service("100")
        .arguments(&["-d", "60000"])
        .to(server.sip)
        .calls(10, 20)
        .start();
    until("ten calls are up, and their records begun", || {
        let open = server.control().ask("records", "search", json!({ "outcome": "open" }));
        let calls = server.control().ask("calls", "list", json!({ "state": "talking" }));
        let count = |value: &Value, key: &str| value[key].as_array().map_or(0, Vec::len);
        (count(&open, "records") == 10 && count(&calls, "calls") == 10).then_some(())
    });
    // The binding is written behind, at most a second.
    wait::pause(Duration::from_millis(1_500));
    server.kill();
    talking.stop();
    called.stop();

    server.launch();
    let records = server.records(11);
    assert_eq!(records.len(), 11);
    let of = |outcome: &str| records.iter().filter(|record| record["outcome"] == outcome).count();
    assert_eq!((of("interrupted"), of("answered"), of("open")), (10, 1, 0), "{records:?}");
    assert!(server.log().contains("calls were open when the server ended"), "the operator is told");
    for key in ["uri", "flow", "expires"] {
        assert!(contact[0][key].is_string());
        assert_eq!(server.registered("dave", 1)[0][key], contact[0][key], "{key}");
    }
    // The phone knows nothing of it, and is called.
    let rings = ours(&site, "phone", CALLEE, &[], phone).calls(1, 1).start();
    let settings = Settings::new(trunk("in", None, caller));
    server.configure(&settings);
    let (status, text) = server.ctl(&["reload"]);
    assert!(status.success(), "{text}");
    ours(&site, "caller", CALLER, &[], caller).service("dave").to(server.sip).calls(1, 1).run();
    rings.succeeds();
    server.stop();
}

/// The records by their ids, as they are now.
fn records_now(server: &Server<'_>, count: usize) -> BTreeMap<String, Value> {
    let records = server.records(count);
    let all = records.len();
    let by_id: BTreeMap<String, Value> =
        records.into_iter().map(|record| (record["call"].as_str().unwrap_or_default().to_owned(), record)).collect();
    assert_eq!(by_id.len(), all, "a record is there twice");
    by_id
}

#[test]
fn killed_again_and_again_under_load_it_loses_nothing_that_the_store_has_answered_for() {
    let site = Site::new();
    let (caller, callee, phone) = (site.host.socket(), site.host.socket(), site.host.socket());
    let mut server = Server::start(&site, &line(caller, callee));
    server.add_accounts(&["dave"]);
    register(&site, &server, "dave", phone, phone);
    let contact = server.registered("dave", 1)[0]["uri"].clone();
    // The binding is written behind, at most a second.
    wait::pause(Duration::from_millis(1_500));
    let (mut known, mut cut_off) = (0, 0);
    for round in 0..4_u32 {
        let called = Sipp::builtin(&site, &format!("called-{round}"), "uas", callee).quiet().start();
        let load = ours(&site, &format!("load-{round}"), CALLER, &[], caller)
            .service("100")
            .to(server.sip)
            .calls(10_000, 60)
            .quiet()
            .start();
        // In the midst of set-ups, talk and ends, each time at another moment.
        let seen = records_now(&server, known + 30 + 13 * round as usize);
        server.kill();
        load.stop();
        called.stop();
        server.launch();
        let left = records_now(&server, seen.len());
        for (id, before) in &seen {
            let now = left.get(id).unwrap_or_else(|| panic!("round {round}: {before} is lost"));
            if before["outcome"] == "open" {
                assert!(["answered", "unanswered", "interrupted"].contains(&now["outcome"].as_str().unwrap()), "{now}");
                for key in ["caller", "called", "origin", "started", "ringing", "answered", "destination"] {
                    assert!(before[key].is_null() || before[key] == now[key], "{key}: {before} has become {now}");
                }
            } else {
                assert_eq!(before, now, "what was complete stays as it was");
            }
        }
        for record in left.values().filter(|record| record["outcome"] == "interrupted") {
            assert_eq!(record["cause"]["kind"], "interrupted");
            assert!(record["ended"].is_string(), "{record}");
        }
        assert!(left.values().all(|record| record["outcome"] != "open"), "none is left open");
        cut_off = left.values().filter(|record| record["outcome"] == "interrupted").count();
        known = left.len();
        assert_eq!(server.registered("dave", 1)[0]["uri"], contact, "round {round}");
    }
    assert!(cut_off > 0, "no call was up when it was killed");
    let (status, text) = server.tandem(&["check", "--store"]);
    assert!(status.success() && text.contains("no damage"), "{text}");
    server.stop();
}

#[test]
fn with_a_full_store_calls_go_on_and_the_operator_is_told() {
    let site = Site::new();
    let caller = site.host.socket();
    let settings = Settings::new(format!(
        "[store]\nsize_max_mib = 1\n{}[[route]]\nprefix = \"777\"\nto = [\"refuse:busy\"]\n",
        trunk("in", None, caller)
    ));
    let mut server = Server::start(&site, &settings);
    // Long numbers make large records.
    let number = format!("777{}", "0123456789".repeat(20));
    let load = ours(&site, "load", CALLER_REFUSED, &[("STATUS", "486")], caller)
        .service(&number)
        .to(server.sip)
        .calls(100_000, 150)
        .quiet()
        .start();
    let database = |status: &Value| {
        let modules = status["modules"].as_array().cloned().unwrap_or_default();
        let mut resources =
            modules.iter().flat_map(|module| module["resources"].as_array().cloned().unwrap_or_default());
        resources.find(|resource| resource["kind"] == "database").unwrap_or_default()
    };
    let full = until("the store is full", || {
        let database = database(&server.control().ask("system", "status", json!({})));
        (database["state"] != "ready").then_some(database)
    });
    load.stop();
    assert!(full["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{full}");
    let (_, table) = server.ctl(&["status"]);
    assert!(table.contains("degraded") || table.contains("failed"), "{table}");
    ours(&site, "caller", CALLER, &[], caller).service("echo").to(server.sip).calls(5, 10).run();
    server.is_idle();
    let size = std::fs::metadata(server.data().join("tandem.db")).unwrap().len();
    assert!(size <= 1 << 20, "{size} octets");
    server.stop();
    // And it opens again, with what it had.
    server.launch();
    assert!(server.records(100).len() >= 100);
    server.stop();
}

#[test]
fn a_flood_of_strangers_takes_nothing_from_trunks_and_registered_phones() {
    const CALLS: u32 = 50;
    let site = Site::new();
    let (caller, callee) = (site.host.socket(), site.host.socket());
    let mut server = Server::start(&site, &line(caller, callee));
    server.add_accounts(&["carol", "dave"]);
    let (carol, dave) = (site.host.socket(), site.host.socket());
    register(&site, &server, "carol", carol, carol);
    register(&site, &server, "dave", dave, dave);

    let stranger = Host::claim();
    let wire = Wire::new(stranger.socket(), server.sip);
    let (over, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut count: u64 = 0;
            while !over.load(Ordering::Relaxed) {
                // Some 5,000 a second, five times what all strangers together are granted.
                for _ in 0..50 {
                    count += 1;
                    let id = format!("flood{count}");
                    let text = match count % 3 {
                        0 => wire.request("REGISTER", "carol", &id, "Expires: 60\n", ""),
                        1 => wire.request("INVITE", "echo", &id, "", &offer(wire.local())),
                        _ => wire.request("OPTIONS", "carol", &id, "Authorization: Digest username=\"carol\", realm=\"tandem\", nonce=\"x\", uri=\"sip:x\", response=\"00000000000000000000000000000000\"\n", ""),
                    };
                    wire.send(&text);
                }
                sent.store(count, Ordering::Relaxed);
                wait::pause(Duration::from_millis(10));
            }
        });
        let flood = ends_with_the_test(&over);
        until("the flood runs", || (sent.load(Ordering::Relaxed) > 3_000).then_some(()));
        // A trunk.
        let called = Sipp::builtin(&site, "uas", "uas", callee).quiet().start();
        Sipp::builtin(&site, "uac", "uac", caller)
            .arguments(&["-d", "200", "-max_retrans", "20"])
            .service("100")
            .to(server.sip)
            .calls(CALLS, 20)
            .quiet()
            .run();
        called.stop();
        // A registered phone that calls another.
        let rings = ours(&site, "dave", CALLEE, &[], dave).calls(1, 1).start();
        ours(&site, "carol", crate::scenario::CALLER_WITH_DIGEST, &[("CALLER", "carol")], carol)
            .service("dave")
            .credentials("carol", scenarios::peer::server::PASSWORD)
            .to(server.sip)
            .calls(1, 1)
            .run();
        rings.succeeds();
        drop(flood);
    });
    let records = server.records(CALLS as usize + 1);
    let answered = records.iter().filter(|record| record["outcome"] == "answered").count();
    assert_eq!(answered, CALLS as usize + 1, "of {} sent while they called", sent.load(Ordering::Relaxed));
    assert_eq!(records.len(), answered, "a stranger has a record");
    server.is_idle();
    server.stop();
}

#[test]
fn a_connection_is_taken_while_datagrams_pour_in() {
    let site = Site::new();
    let mut settings = Settings::new(trunk("in", None, site.host.socket()));
    // So that it is answered, whatever it sends: who is known by address is not limited.
    settings.more.push_str("[[trunk]]\nname = \"office\"\naccept = [\"127.0.0.1\"]\n");
    let mut server = Server::start(&site, &settings);
    let stranger = Host::claim();
    let wire = Wire::new(stranger.socket(), server.sip);
    let (over, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                // A shard that takes its messages in batches.
                for _ in 0..100 {
                    let id = format!("pouring{}", sent.fetch_add(1, Ordering::Relaxed));
                    wire.send(&wire.request("OPTIONS", "carol", &id, "", ""));
                }
                wait::pause(Duration::from_millis(10));
            }
        });
        let flood = ends_with_the_test(&over);
        until("the flood runs", || (sent.load(Ordering::Relaxed) > 3_000).then_some(()));
        let mut office = Stream::connect(server.sip);
        assert!(office.send(&request(office.local(), server.sip, "TCP", "OPTIONS", "echo", "office", "", "")));
        let answer = office.receive("office@");
        assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
        drop(flood);
    });
    server.stop();
}

/// Ends the flood however the test ends.
pub(crate) fn ends_with_the_test(over: &AtomicBool) -> impl Drop + '_ {
    struct Over<'a>(&'a AtomicBool);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    Over(over)
}

#[test]
fn a_control_client_that_does_not_read_loses_events_and_nobody_else_does() {
    let site = Site::new();
    let caller = site.host.socket();
    let mut server = Server::start(&site, &Settings::new(trunk("in", None, caller)));
    let mut deaf = server.control();
    deaf.send(&json!({ "topic": "calls", "message": "subscribe", "request-id": 1, "body": {} }));
    let mut listener = server.control();
    listener.ask("calls", "subscribe", json!({}));
    let before = server.used("memory");
    let load = ours(&site, "load", CALLER, &[], caller)
        .service("echo")
        .arguments(&["-d", "20"])
        .to(server.sip)
        .calls(300, 60)
        .quiet()
        .start();
    let mut ended = 0;
    while ended < 300 {
        let event = listener.event("a call ends", |event| event["message"] == "ended");
        assert!(event["missed"].is_null(), "who reads misses nothing: {event}");
        ended += 1;
    }
    load.succeeds();
    server.is_idle();
    let grown = server.used("memory").saturating_sub(before);
    assert!(grown < 48 << 20, "{grown} octets for a client that does not read");
    drop(deaf);
    server.stop();
}

#[test]
fn a_sip_connection_that_does_not_read_is_bounded_and_nobody_waits_for_it() {
    let site = Site::new();
    let phone = site.host.socket();
    let mut settings = Settings::new(trunk("in", None, phone));
    // So that it is answered, whatever it sends: who is known by address is not limited.
    settings.more.push_str(&format!("[[trunk]]\nname = \"deaf\"\naccept = [\"{}\"]\n", site.host.address()));
    let mut server = Server::start(&site, &settings);
    let before = server.used("memory");
    let mut deaf = Stream::connect(server.sip);
    let mut sent = 0;
    for count in 0..40_000 {
        let id = format!("deaf{count}");
        if !deaf.send(&request(deaf.local(), server.sip, "TCP", "OPTIONS", "echo", &id, "", "")) {
            break;
        }
        sent += 1;
    }
    let wire = Wire::new(phone, server.sip);
    wire.send(&wire.request("OPTIONS", "echo", "hearing", "", ""));
    wire.receive("an answer while another does not read", |message| message.contains("hearing@wire"));
    let grown = server.used("memory").saturating_sub(before);
    assert!(grown < 128 << 20, "{grown} octets after {sent} requests");
    ours(&site, "caller", CALLER, &[], site.host.socket()).service("echo").to(server.sip).calls(3, 10).run();
    server.stop();
}

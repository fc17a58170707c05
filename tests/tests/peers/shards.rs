//! A server of three SIP shards: nobody outside can tell.

use crate::scenario::{CALLEE, CALLER, CALLER_WITH_DIGEST, line, ours, register};
use scenarios::peer::baresip::Setup;
use scenarios::peer::server::{PASSWORD, Settings};
use scenarios::peer::{Baresip, Server, Sipp, Site};
use serde_json::Value;

/// So many shards.
fn three(settings: Settings) -> Settings {
    settings.sip("shards = 3")
}

/// What each signaling or switch module has counted under a name.
fn counted(server: &Server<'_>, kind: &str, name: &str) -> Vec<u64> {
    let status = server.ctl_json(&["status"]);
    let modules = status["modules"].as_array().cloned().unwrap_or_default();
    let of_kind = modules.iter().filter(|module| module["module"].as_str().is_some_and(|name| name.starts_with(kind)));
    let count = |module: &Value| {
        let counters = module["counters"].as_array().cloned().unwrap_or_default();
        counters.iter().filter(|counter| counter["name"] == name).filter_map(|counter| counter["value"].as_u64()).sum()
    };
    of_kind.map(count).collect()
}

#[test]
fn a_hundred_calls_are_shared_out() {
    const CALLS: u32 = 100;
    let site = Site::new();
    let (caller, callee) = (site.host.socket(), site.host.socket());
    let mut server = Server::start(&site, &three(line(caller, callee)));
    let uas = Sipp::builtin(&site, "uas", "uas", callee).calls(CALLS, 10).quiet().start();
    Sipp::builtin(&site, "uac", "uac", caller)
        .to(server.sip)
        .service("4930123456")
        .calls(CALLS, 20)
        .arguments(&["-d", "200"])
        .quiet()
        .run();
    uas.succeeds();
    let records = server.records(CALLS as usize);
    assert!(records.iter().all(|record| record["outcome"] == "answered"), "{records:?}");
    server.is_idle();
    let calls = counted(&server, "switch", "calls_started");
    assert_eq!((calls.len(), calls.iter().sum::<u64>()), (3, u64::from(CALLS)), "{calls:?}");
    assert!(calls.iter().all(|&calls| calls > 10), "{calls:?}");
    // SIPp sends from one address, so one shard receives it all, and two thirds are for the others.
    assert!(counted(&server, "signaling", "sip_handed_over").iter().sum::<u64>() > 200);
    let trunks = server.ctl_json(&["trunks"]);
    let out = trunks.as_array().and_then(|all| all.iter().find(|trunk| trunk["trunk"] == "out")).cloned();
    assert_eq!(out.map(|out| out["answered"].clone()), Some(CALLS.into()), "{trunks}");
    let call = records[0]["call"].as_str().expect("a call has an identifier");
    let (status, ladder) = server.ctl(&["trace", call]);
    assert!(status.success() && ladder.matches("INVITE").count() >= 2 && ladder.contains("200 OK BYE"), "{ladder}");
    server.stop();
}

#[test]
fn calls_over_tcp_both_ways() {
    const CALLS: u32 = 12;
    let site = Site::new();
    let (caller, callee) = (site.host.socket(), site.host.socket());
    let mut settings = three(line(caller, callee));
    settings.more = settings.more.replace(&format!("address = \"{callee}\""), &format!("address = \"tcp:{callee}\""));
    settings.more =
        settings.more.replace(&format!("accept = [\"{caller}\"]"), &format!("accept = [\"{}\"]", caller.ip()));
    let mut server = Server::start(&site, &settings);
    let called = ours(&site, "callee", CALLEE, &[], callee).tcp().calls(CALLS, 6).start();
    ours(&site, "caller", CALLER, &[], caller).tcp().service("100").to(server.sip).calls(CALLS, 6).run();
    called.succeeds();
    assert_eq!(server.records(CALLS as usize).len(), CALLS as usize);
    server.is_idle();
    let calls = counted(&server, "switch", "calls_started");
    assert!(calls.iter().filter(|&&calls| calls > 0).count() > 1, "one connection, calls on several shards: {calls:?}");
    server.stop();
}

#[test]
fn accounts_call_each_other_wherever_they_are_registered() {
    let site = Site::new();
    let mut server = Server::start(&site, &three(Settings::default()));
    server.add_accounts(&["carol", "dave", "erin"]);
    for (round, callee) in ["dave", "erin", "carol"].into_iter().enumerate() {
        let phone = site.host.socket();
        register(&site, &server, callee, phone, phone);
        let called = ours(&site, "callee", CALLEE, &[], phone).calls(2, 1).start();
        let caller = if callee == "carol" { "dave" } else { "carol" };
        ours(&site, "caller", CALLER_WITH_DIGEST, &[("CALLER", caller)], site.host.socket())
            .service(callee)
            .credentials(caller, PASSWORD)
            .to(server.sip)
            .calls(2, 1)
            .run();
        called.succeeds();
        assert_eq!(server.records(2 * (round + 1)).len(), 2 * (round + 1));
    }
    let listed = server.ctl_json(&["registrations"]);
    assert_eq!(listed.as_array().map(Vec::len), Some(3), "every shard's bindings are listed: {listed}");
    server.is_idle();
    server.stop();
}

#[test]
fn two_phones_call_over_either_transport() {
    let site = Site::new();
    let mut server = Server::start(&site, &three(Settings::default().sip("keep_alive_s = 5")));
    server.add_accounts(&["carol", "dave"]);
    let phone = |user, transport, hertz| {
        let setup =
            Setup { user, password: PASSWORD, server: server.sip, transport, hertz, answers: true, codecs: "PCMU" };
        Baresip::start(&site, &setup)
    };
    let (mut carol, mut dave) = (phone("carol", "udp", 500.0), phone("dave", "tcp", 900.0));
    for _ in 0..3 {
        carol.dial("dave");
        carol.event("CALL_ESTABLISHED");
        dave.event("CALL_ESTABLISHED");
        assert!(carol.hears(900.0, 1.0).purity > 0.98);
        carol.hang_up();
        dave.event("CALL_CLOSED");
        dave.dial("carol");
        dave.event("CALL_ESTABLISHED");
        carol.event("CALL_ESTABLISHED");
        assert!(carol.hears(900.0, 1.0).purity > 0.98);
        dave.hang_up();
        carol.event("CALL_CLOSED");
        carol.forget();
        dave.forget();
    }
    assert_eq!(server.records(6).len(), 6);
    server.is_idle();
    server.stop();
}

#[test]
fn a_second_server_at_the_same_port_is_told_so() {
    let site = Site::new();
    let mut server = Server::start(&site, &three(Settings::default()));
    let mut second = Server::prepare(&site, "second", &three(Settings::default()));
    second.sip = server.sip;
    second.configure(&three(Settings::default()));
    let refused = std::process::Command::new(scenarios::peer::server::binary())
        .args(["serve", "--config"])
        .arg(second.configuration())
        .output()
        .expect("the server can be started");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("sip.listen"), "{said}");
    server.stop();
}

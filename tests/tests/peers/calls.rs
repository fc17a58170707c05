//! Calls that are made.

use crate::scenario::{CALLEE, CALLEE_HANGS_UP, CALLER_HUNG_UP, CALLER_WITH_DIGEST, line, ours, register};
use scenarios::peer::server::{PASSWORD, Settings};
use scenarios::peer::{Server, Sipp, Site};
use serde_json::Value;

#[test]
fn a_hundred_calls_from_one_trunk_to_another() {
    const CALLS: u32 = 100;
    let site = Site::new();
    let (caller, callee) = (site.host.socket(), site.host.socket());
    let mut server = Server::start(&site, &line(caller, callee));
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
    assert_eq!(records.len(), CALLS as usize, "one record a call");
    for record in &records {
        assert_eq!(record["outcome"], "answered", "{record}");
        assert_eq!(record["origin"]["name"], "in", "{record}");
        assert_eq!(record["called"]["user"], "4930123456", "{record}");
        assert_eq!(record["ended-by"], "caller", "{record}");
        assert!(record["talked-s"].as_f64().is_some_and(|talked| talked >= 0.1), "{record}");
    }
    server.is_idle();
    let trunks = server.ctl_json(&["trunks"]);
    assert!(trunks.to_string().contains("\"out\""), "{trunks}");
    server.stop();
}

#[test]
fn an_account_calls_another_with_digest_from_where_nobody_is_known() {
    let site = Site::new();
    let mut server = Server::start(&site, &Settings::default());
    server.add_accounts(&["carol", "dave"]);
    let phone = site.host.socket();
    register(&site, &server, "dave", phone, phone);
    let callee = ours(&site, "callee", CALLEE, &[], phone).calls(1, 1).start();
    ours(&site, "caller", CALLER_WITH_DIGEST, &[("CALLER", "carol")], site.host.socket())
        .service("dave")
        .credentials("carol", PASSWORD)
        .to(server.sip)
        .calls(1, 1)
        .run();
    callee.succeeds();
    let record = &server.records(1)[0];
    assert_eq!(record["origin"]["kind"], "account", "{record}");
    assert_eq!(record["caller"]["user"], "carol", "{record}");
    assert_eq!(record["outcome"], "answered", "{record}");
    ladder_reads_well(&server, record);
    server.stop();
}

/// `tandem ctl trace CALL`: both legs, from the INVITE to the answer to BYE.
fn ladder_reads_well(server: &Server<'_>, record: &Value) {
    let call = record["call"].as_str().expect("a call has an identifier");
    let (status, ladder) = server.ctl(&["trace", call]);
    assert!(status.success(), "{ladder}");
    for label in ["tandem", "INVITE (SDP)", "180 Ringing", "200 OK (SDP)", "ACK", "BYE", "200 OK BYE"] {
        assert!(ladder.contains(label), "the ladder lacks {label}:\n{ladder}");
    }
    assert!(ladder.matches("BYE─").count() >= 2, "a BYE on each leg:\n{ladder}");
    let (status, by_number) = server.ctl(&["trace", "--number", "dave"]);
    assert!(status.success() && by_number == ladder, "the last call of a number:\n{by_number}");
    let (status, full) = server.ctl(&["trace", call, "--full"]);
    assert!(status.success() && full.contains("Call-ID:"), "{full}");
    let (status, why) = server.ctl(&["why", call]);
    assert!(status.success() && why.contains("carol called") && why.contains("On the wire:"), "{why}");
}

#[test]
fn the_called_side_hangs_up() {
    let site = Site::new();
    let (caller, callee) = (site.host.socket(), site.host.socket());
    let mut server = Server::start(&site, &line(caller, callee));
    let called = ours(&site, "callee", CALLEE_HANGS_UP, &[], callee).calls(1, 1).start();
    ours(&site, "caller", CALLER_HUNG_UP, &[], caller).service("100").to(server.sip).calls(1, 1).run();
    called.succeeds();
    let record = &server.records(1)[0];
    assert_eq!(record["ended-by"], "called", "{record}");
    assert_eq!(record["cause"]["kind"], "normal", "{record}");
    server.is_idle();
    server.stop();
}

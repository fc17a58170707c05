//! Least-cost routing of a server that runs: its table is read anew while calls are up.

use crate::scenario::{CALLEE, CALLER, CALLER_HUNG_UP, ours, trunk};
use rustix::process::Signal;
use scenarios::peer::server::Settings;
use scenarios::peer::wait::until;
use scenarios::peer::{Server, Site};
use serde_json::Value;

#[test]
fn calls_take_the_least_expensive_trunk_and_a_new_table_without_a_pause() {
    let site = Site::new();
    let [caller, other, dear, cheap] = std::array::from_fn(|_| site.host.socket());
    let table = site.write(
        "rates.csv",
        "prefix,trunk,price,name\n49,dear,0.02,Germany\n49,cheap,0.01,Germany\n4930,cheap,0.03,Berlin\n",
    );
    let more = [
        trunk("in", None, caller),
        trunk("other", None, other),
        trunk("dear", Some(dear.to_string()), dear),
        trunk("cheap", Some(cheap.to_string()), cheap),
        format!("[[rates]]\nname = \"all\"\nfile = \"{}\"\n", table.display()),
        "[[route]]\nprefix = \"00\"\nto = [\"rates:all\"]\nstrip = 2\n".to_owned(),
    ];
    let mut server = Server::start(&site, &Settings::new(more.concat()));
    let talking =
        ours(&site, "talking", CALLER_HUNG_UP, &[], caller).service("echo").to(server.sip).calls(1, 1).start();
    let call = until("the call is up", || {
        let calls = server.control().ask("calls", "list", serde_json::json!({}));
        (calls["calls"][0]["state"] == "talking").then(|| calls["calls"][0]["call"].clone())
    });
    let mut calls = 0;
    let mut goes_by = |server: &Server<'_>, number: &str, name: &str, trunk| {
        calls += 1;
        let callee = ours(&site, &format!("callee-{calls}"), CALLEE, &[], trunk).calls(1, 1).start();
        ours(&site, &format!("caller-{calls}"), CALLER, &[], other).service(number).to(server.sip).calls(1, 1).run();
        callee.succeeds();
        let records = server.records(calls);
        let is_so = |record: &Value| record["called"]["user"] == number && record["destination"] == name;
        assert!(records.iter().any(is_so), "{number} by {name}: {records:?}");
    };
    goes_by(&server, "0049891234", "cheap", cheap);
    goes_by(&server, "0049301234", "dear", dear);

    // With a mistake in it the table stays as it was.
    site.write("rates.csv", "prefix,trunk,price\n49,dear,0.02\n4930,nobody,0.03\n");
    let (status, _) = server.ctl(&["reload"]);
    assert_eq!(status.code(), Some(1));
    server.process().signal(Signal::HUP);
    let why = "line 3: there is no trunk `nobody`";
    until("the log says what is wrong", || server.log().contains(why).then_some(()));
    goes_by(&server, "0049891235", "cheap", cheap);

    site.write("rates.csv", "prefix,trunk,price\n49,dear,0.001\n49,cheap,0.01\n");
    let report = server.ctl_json(&["reload"]);
    assert_eq!(report["applied"][0]["key"], "rates `all`", "{report}");
    assert_eq!((&report["applied"][0]["from"], &report["applied"][0]["to"]), (&"3 rows".into(), &"2 rows".into()));
    goes_by(&server, "0049891236", "dear", dear);
    assert_eq!(server.used("calls"), 1, "the call is up all the while");
    server.ctl(&["hangup", call.as_str().unwrap()]);
    talking.succeeds();
    server.stop();
}

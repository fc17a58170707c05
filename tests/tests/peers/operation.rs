//! The server as its operator knows it.

use crate::scenario::{
    CALLEE, CALLEE_IS_TRANSFERRED, CALLER, CALLER_HUNG_UP, CALLER_REFUSED, REGISTER, line, ours, register, trunk,
};
use rustix::process::Signal;
use scenarios::peer::process;
use scenarios::peer::server::{Settings, binary};
use scenarios::peer::wait::{PATIENCE, until};
use scenarios::peer::{Control, Server, Site, exposition};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).permissions().mode() & 0o777
}

#[test]
fn the_first_start_shows_two_accounts_once_and_keeps_them_for_their_owner() {
    let site = Site::new();
    let mut server = Server::start(&site, &Settings::default());
    let accounts = server.first_accounts();
    assert_eq!(accounts.len(), 2);
    until("the accounts are shown", || server.shown().contains(&accounts[1].1).then_some(()));
    let shown = server.shown();
    for (name, password) in &accounts {
        assert_eq!(shown.matches(password.as_str()).count(), 1, "{name}:\n{shown}");
    }
    assert!(shown.contains(&server.sip.to_string()), "how to reach it:\n{shown}");
    assert!(shown.contains("To open it to the network"), "{shown}");
    assert_eq!(mode(&server.data()), 0o700);
    for file in ["accounts.txt", "control.sock", "control.token", "tandem.db"] {
        assert_eq!(mode(&server.data().join(file)) & 0o077, 0, "{file} is not its owner's alone");
    }
    server.stop();
    assert!(!server.data().join("control.sock").exists(), "the socket outlives the server");

    server.launch();
    server.stop();
    for (name, password) in &accounts {
        assert_eq!(server.shown().matches(password.as_str()).count(), 1, "{name} is shown again");
        assert!(!server.log().contains(password.as_str()), "{name}'s password is in the log");
    }
}

#[test]
fn a_second_server_in_the_same_folder_is_told_why_it_cannot_run() {
    let site = Site::new();
    let mut server = Server::start(&site, &Settings::default());
    let mut command = Command::new(binary());
    command.arg("serve").arg("--config").arg(server.configuration());
    let (status, _) = process::run(&site, "second", command, PATIENCE);
    assert!(!status.success());
    let log = std::fs::read_to_string(site.file("second.log")).unwrap();
    assert!(log.contains("tandem: "), "{log}");
    // The first one serves on.
    server.control().ask("session", "ping", json!({}));
    server.stop();
}

#[test]
fn many_accounts_are_made_at_once_and_what_is_wrong_with_a_line_keeps_no_other() {
    let site = Site::new();
    let mut server = Server::start(&site, &Settings::default());
    let lines: String = (0..500).map(|number| format!("desk{number},secret-{number},Desk {number}\n")).collect();
    let file = server.folder().join("desks.csv");
    std::fs::write(&file, format!("# name, password, name to show\n{lines}made-for-me\nshort,word\n,nameless\n"))
        .unwrap();
    let (status, told) = server.ctl(&["account", "import", file.to_str().unwrap()]);
    assert!(!status.success(), "two lines are wrong: {told}");
    assert!(told.contains("501 made") && told.contains("user made-for-me password "), "{told}");
    let accounts = server.ctl_json(&["account", "list"]);
    let names: Vec<&str> =
        accounts.as_array().unwrap().iter().filter_map(|account| account["account"].as_str()).collect();
    assert!(names.contains(&"desk0") && names.contains(&"desk499") && !names.contains(&"short"), "{names:?}");
    let phone = site.host.socket();
    ours(&site, "desk", REGISTER, &[("CONTACT", &phone.port().to_string()), ("EXPIRES", "600")], phone)
        .service("desk321")
        .credentials("desk321", "secret-321")
        .to(server.sip)
        .calls(1, 1)
        .run();
    server.registered("desk321", 1);
    server.stop();
}

#[test]
fn check_names_the_line() {
    let site = Site::new();
    for (name, text, line, word) in [
        ("unknown", "data = \"x\"\n\n[sip]\nlissten = []\n", Some(4), "lissten"),
        ("wrong-type", "[sip]\ndscp = \"a\"\n", Some(2), "dscp"),
        ("contradiction", "[sip]\n\nt1_ms = 500\nt2_ms = 100\n", Some(4), "t2_ms"),
        ("no-trunk", "[[route]]\nprefix = \"0\"\nto = [\"trunk:nowhere\"]\n", Some(3), "nowhere"),
        ("syntax", "\n\n[sip\n", Some(3), ""),
        ("good", "[calls]\nmax = 10\n", None, ""),
    ] {
        let file = site.write(&format!("{name}.toml"), text);
        let mut command = Command::new(binary());
        command.arg("check").arg(&file);
        let (status, output) = process::run(&site, &format!("check-{name}"), command, PATIENCE);
        let said = output + &std::fs::read_to_string(site.file(&format!("check-{name}.log"))).unwrap();
        assert_eq!(status.success(), line.is_none(), "{name}: {said}");
        if let Some(line) = line {
            assert!(said.contains(&format!("{name}.toml:{line}:")) && said.contains(word), "{name}: {said}");
        }
    }
    let (status, text) = process::run(
        &site,
        "config",
        {
            let mut command = Command::new(binary());
            command.arg("config").current_dir(site.folder());
            command
        },
        PATIENCE,
    );
    assert!(status.success() && text.contains("[sip]") && text.contains("t1_ms = 500"), "{text}");
    let printed = site.write("printed.toml", &text);
    let mut command = Command::new(binary());
    command.arg("check").arg(printed);
    assert!(process::run(&site, "check-printed", command, PATIENCE).0.success(), "what it prints is no configuration");
}

#[test]
fn a_reload_changes_the_plan_and_drops_no_call() {
    let site = Site::new();
    let (caller, other) = (site.host.socket(), site.host.socket());
    let settings = Settings::new(format!("{}{}", trunk("in", None, caller), trunk("other", None, other)));
    let mut server = Server::start(&site, &settings);
    let talking = ours(&site, "talking", CALLER, &[], caller)
        .service("echo")
        .arguments(&["-d", "8000"])
        .to(server.sip)
        .calls(1, 1)
        .start();
    until("the call is up", || (server.used("calls") == 1).then_some(()));

    // A file with a mistake changes nothing.
    let good = std::fs::read_to_string(server.configuration()).unwrap();
    std::fs::write(server.configuration(), format!("{good}\n[calls]\nmaximum = 3\n")).unwrap();
    server.process().signal(Signal::HUP);
    until("the log says what is wrong", || server.log().contains("maximum").then_some(()));
    let (status, _) = server.ctl(&["reload"]);
    assert_eq!(status.code(), Some(1), "a reload that did not work is no success");
    server.process().must_run();

    // One without is applied: a number that nobody had is busy now.
    ours(&site, "before", CALLER_REFUSED, &[("STATUS", "404")], other).service("777").to(server.sip).calls(1, 1).run();
    let mut settings = settings;
    settings.more.push_str("[[route]]\nnumber = \"777\"\nto = [\"refuse:busy\"]\n");
    server.configure(&settings);
    server.process().signal(Signal::HUP);
    until("the configuration is read", || server.log().contains("the configuration was read anew").then_some(()));
    ours(&site, "after", CALLER_REFUSED, &[("STATUS", "486")], other).service("777").to(server.sip).calls(1, 1).run();

    // What takes a restart is named.
    server.configure(&settings.clone().sip("dscp = 10"));
    let report = server.ctl_json(&["reload"]);
    assert!(report["restart"].to_string().contains("sip.dscp"), "{report}");
    assert_eq!(server.used("calls"), 1, "the call is up all the while");
    talking.succeeds();
    server.stop();
}

/// A key of each kind is changed while a call is up: it is in force for what begins then, and the call goes on, even where its own
/// trunk is taken away.
#[test]
fn every_kind_of_key_is_reloaded_under_a_call() {
    let site = Site::new();
    let (caller, other) = (site.host.socket(), site.host.socket());
    let inbound = trunk("in", None, caller);
    let outbound = trunk("other", None, other);
    let mut server = Server::start(&site, &Settings::new(format!("{inbound}{outbound}")));
    let talking =
        ours(&site, "talking", CALLER_HUNG_UP, &[], caller).service("echo").to(server.sip).calls(1, 1).start();
    let call = until("the call is up", || {
        let calls = server.control().ask("calls", "list", json!({}));
        (calls["calls"][0]["state"] == "talking").then(|| calls["calls"][0]["call"].clone())
    });
    let reload = |more: String, log: &str, keys: &[&str]| {
        let settings = Settings { log: log.to_owned(), ..Settings::new(more) };
        server.configure(&settings);
        let report = server.ctl_json(&["reload"]);
        let applied = report["applied"].as_array().expect("what is applied");
        let applied: Vec<&str> = applied.iter().filter_map(|change| change["key"].as_str()).collect();
        assert!(keys.iter().all(|key| applied.contains(key)), "{keys:?}: {report}");
        assert_eq!(report["restart"], json!([]), "{report}");
        assert_eq!(server.used("calls"), 1, "the call is up: {keys:?}");
    };
    let refused = |name: &str, number: &str, status: &str| {
        let replace = [("STATUS", status)];
        ours(&site, name, CALLER_REFUSED, &replace, other).service(number).to(server.sip).calls(1, 1).run();
    };
    let talks = |name: &str, number: &str| {
        ours(&site, name, CALLER, &[], other).service(number).to(server.sip).calls(1, 1).run();
    };

    // A limit, and then a higher one.
    reload(format!("{inbound}{outbound}[calls]\nmax = 1\n"), "", &["calls.max"]);
    refused("at-the-limit", "echo", "503");
    // The numbers of a service.
    let services = "[services]\necho = [\"9196\"]\n";
    reload(format!("{inbound}{outbound}{services}"), "", &["calls.max", "services.echo"]);
    refused("no-service", "echo", "404");
    talks("service", "9196");
    // The plan: groups, and routes.
    let group = "[[group]]\nname = \"sales\"\nmembers = [\"alice\"]\n";
    let route = "[[route]]\nnumber = \"777\"\nto = [\"refuse:busy\"]\n";
    refused("no-group", "sales", "404");
    reload(format!("{inbound}{outbound}{services}{group}{route}"), "", &["group[sales]", "route[0]"]);
    refused("group", "sales", "480");
    refused("route", "777", "486");
    // The log: its level, and whether it shows numbers.
    assert!(!server.log().contains("DEBUG") && !server.log().contains("9196"), "{}", server.log());
    reload(
        format!("{inbound}{outbound}{services}"),
        "level = \"debug\"\nreveal = true\n",
        &["log.level", "log.reveal"],
    );
    talks("revealed", "9196");
    assert!(server.log().contains("DEBUG") && server.log().contains("9196"), "{}", server.log());
    // Who may call: an allow list, and a trunk that is taken away under its call.
    let elsewhere = trunk("other", None, site.host.socket());
    reload(format!("{elsewhere}{services}"), "", &["trunk[in]", "trunk[other].accept"]);
    refused("a-stranger", "9196", "401");
    let (status, _) = server.ctl(&["hangup", call.as_str().expect("a call has a name")]);
    assert!(status.success(), "{status}");
    talking.succeeds();
    server.is_idle();
    let record = &server.ctl_json(&["records", "--party", "in"])[0];
    assert_eq!((&record["outcome"], &record["ended-by"]), (&json!("answered"), &json!("operator")), "{record}");
    server.stop();
}

#[test]
fn a_draining_server_takes_no_new_calls_and_ends_with_the_last_one() {
    let site = Site::new();
    let (caller, callee) = (site.host.socket(), site.host.socket());
    let late = site.host.socket();
    let mut settings = line(caller, callee);
    settings.more.push_str(&trunk("late", None, late));
    let mut server = Server::start(&site, &settings);
    assert_eq!(server.get("/health").0, 200);
    let called = ours(&site, "callee", CALLEE, &[], callee).calls(1, 1).start();
    let talking = ours(&site, "caller", CALLER, &[], caller)
        .service("100")
        .arguments(&["-d", "6000"])
        .to(server.sip)
        .calls(1, 1)
        .start();
    until("the call is up", || (server.used("calls") == 1).then_some(()));
    server.process().signal(Signal::TERM);
    until("the health says that it drains", || {
        let (status, body) = server.get("/health");
        (status == 503 && body.contains("draining")).then_some(())
    });
    ours(&site, "late", CALLER_REFUSED, &[("STATUS", "503")], late).service("echo").to(server.sip).calls(1, 1).run();
    talking.succeeds();
    called.succeeds();
    let status = server.process().ends_within(PATIENCE);
    assert!(status.success(), "{status}");
    server.launch();
    let records = server.records(2);
    let outcomes: Vec<_> = records.iter().map(|record| &record["outcome"]).collect();
    assert_eq!(outcomes, ["unanswered", "answered"], "what was refused is on record too: {records:?}");
    server.stop();
}

#[test]
fn a_second_signal_ends_the_calls_and_the_server() {
    let site = Site::new();
    let (caller, callee) = (site.host.socket(), site.host.socket());
    let mut server = Server::start(&site, &line(caller, callee));
    let called = ours(&site, "callee", CALLEE_IS_TRANSFERRED, &[], callee).calls(1, 1).start();
    let talking = ours(&site, "caller", CALLER_HUNG_UP, &[], caller).service("100").to(server.sip).calls(1, 1).start();
    until("the call is answered", || {
        let calls = server.control().ask("calls", "list", json!({}));
        (calls["calls"][0]["state"] == "talking").then_some(())
    });
    server.process().signal(Signal::TERM);
    until("it drains", || server.log().contains("no new calls").then_some(()));
    server.process().signal(Signal::TERM);
    let status = server.process().ends_within(PATIENCE);
    assert!(status.success(), "{status}");
    // Both sides were told.
    talking.succeeds();
    called.succeeds();
    server.launch();
    let record = &server.records(1)[0];
    assert_eq!(record["outcome"], "answered", "{record}");
    assert_eq!(record["cause"]["kind"], "administrative", "{record}");
    server.stop();
}

#[test]
fn who_is_disabled_talks_on_until_it_is_hung_up() {
    let site = Site::new();
    let (caller, phone) = (site.host.socket(), site.host.socket());
    let mut server = Server::start(&site, &Settings::new(trunk("in", None, caller)));
    server.add_accounts(&["dave"]);
    register(&site, &server, "dave", phone, phone);
    let called = ours(&site, "callee", CALLEE_IS_TRANSFERRED, &[], phone).calls(1, 1).start();
    let talking = ours(&site, "caller", CALLER_HUNG_UP, &[], caller).service("dave").to(server.sip).calls(1, 1).start();
    let state = || server.control().ask("calls", "list", json!({}))["calls"][0]["state"].clone();
    until("the call is answered", || (state() == "talking").then_some(()));
    let (status, told) = server.ctl(&["account", "disable", "dave"]);
    assert!(status.success(), "{told}");
    server.registered("dave", 0);
    assert_eq!(state(), "talking");
    let (status, told) = server.ctl(&["account", "disable", "dave", "--hangup"]);
    assert!(status.success(), "{told}");
    talking.succeeds();
    called.succeeds();
    assert_eq!(server.records(1)[0]["outcome"], "answered");
    server.stop();
}

#[test]
fn each_line_of_the_log_is_json_where_that_is_wanted_and_a_socket_is_found_by_its_name_from_anywhere() {
    let site = Site::new();
    let settings = Settings { log: "format = \"json\"".to_owned(), ..Settings::default() };
    let mut server = Server::start(&site, &settings);
    server.add_accounts(&["carol"]);
    let elsewhere = site.file("elsewhere");
    std::fs::create_dir_all(&elsewhere).unwrap();
    let socket = server.data().join("control.sock");
    let ctl = || {
        let mut command = Command::new(binary());
        command.arg("ctl").current_dir(&elsewhere).env_remove("TANDEM_SOCKET");
        command
    };
    let (mut named, mut told) = (ctl(), ctl());
    named.arg("--socket").arg(&socket).args(["account", "list"]);
    told.env("TANDEM_SOCKET", &socket).args(["account", "list"]);
    for command in [named, told] {
        let (status, listed) = process::run(&site, "tandem-elsewhere", command, PATIENCE);
        assert!(status.success() && listed.contains("carol"), "{listed}");
    }
    server.stop();
    let log = server.log();
    let lines: Vec<Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    let is_whole = |line: &Value| ["timestamp", "level", "message"].iter().all(|key| line[key].is_string());
    assert!(!lines.is_empty() && lines.iter().all(is_whole), "{log}");
}

#[test]
fn the_control_socket_over_tcp_takes_its_token_alone() {
    let site = Site::new();
    let mut server = Server::start(&site, &Settings::default());
    let token = std::fs::read_to_string(server.data().join("control.token")).unwrap();
    let mut control = Control::connect_tcp(server.control_tcp).unwrap();
    let error = control.try_ask("calls", "list", json!({})).unwrap_err();
    assert_eq!(error["code"], "login-required", "{error}");
    let error = control.try_ask("session", "login", json!({ "token": "guess" })).unwrap_err();
    assert_eq!(error["code"], "refused", "{error}");
    assert_eq!(control.line(PATIENCE), None, "a wrong token costs the connection");

    let mut control = Control::connect_tcp(server.control_tcp).unwrap();
    control.ask("session", "login", json!({ "token": token.trim() }));
    control.ask("calls", "subscribe", json!({}));
    server.add_accounts(&["carol"]);
    // A call that the operator makes: it rings the one, who is away.
    let error = control.try_ask("calls", "make", json!({ "from": "carol", "to": "echo" })).unwrap_err();
    assert_eq!(error["code"], "peer", "{error}");
    let error = control.try_ask("calls", "get", json!({ "call": "none" })).unwrap_err();
    assert_eq!(error["code"], "not-found", "{error}");
    let error = control.try_ask("no", "such", json!({})).unwrap_err();
    assert_eq!(error["code"], "unknown-topic", "{error}");
    server.stop();
}

#[test]
fn metrics_tell_what_happened() {
    let site = Site::new();
    let caller = site.host.socket();
    let mut server = Server::start(&site, &Settings::new(trunk("in", None, caller)));
    ours(&site, "caller", CALLER, &[], caller).service("echo").to(server.sip).calls(3, 10).run();
    server.is_idle();
    let (status, text) = server.get("/metrics");
    assert_eq!(status, 200);
    let families = exposition::read(&text);
    let sum = |name: &str, labels: &[(&str, &str)]| {
        families.get(name).unwrap_or_else(|| panic!("no {name} in\n{text}")).sum(labels)
    };
    assert_eq!(sum("tandem_calls", &[]), 0.0);
    assert_eq!(sum("tandem_registrations", &[]), 0.0);
    assert_eq!(sum("tandem_calls_started_total", &[]), 3.0);
    assert_eq!(sum("tandem_calls_ended_total", &[("cause", "normal")]), 3.0);
    assert!(sum("tandem_memory_allocated_bytes", &[]) > 100_000.0);
    assert!(sum("tandem_sip_requests_received_total", &[("method", "INVITE")]) >= 3.0);
    assert!(sum("tandem_sip_responses_sent_total", &[("status", "200")]) >= 6.0);
    assert!(sum("tandem_media_packets_received_total", &[("protocol", "rtp")]) >= 0.0);
    assert!(sum("tandem_media_packets_lost_total", &[]) >= 0.0);
    assert_eq!(sum("tandem_resource_used", &[("kind", "inbox"), ("name", "switch/0")]), 0.0);
    assert!(sum("tandem_resource_used", &[("kind", "files")]) > 10.0);
    assert!(sum("tandem_resource_used", &[("kind", "tasks"), ("name", "main")]) > 3.0);
    assert_eq!(sum("tandem_inbox_refused_total", &[]) + sum("tandem_inbox_dropped_notices_total", &[]), 0.0);
    assert!(sum("tandem_worker_tick_lateness_seconds", &[("le", "+Inf")]) >= 0.0);
    assert_eq!(sum("tandem_up", &[("module", "signaling/0")]), 1.0);
    // What is counted is explained.
    let unexplained = families.iter().filter(|(_, family)| family.help.starts_with("Counted by the module"));
    assert_eq!(unexplained.map(|(name, _)| name).collect::<Vec<_>>(), Vec::<&String>::new());
    // What a peer may choose makes no more series than there are methods and statuses.
    let series: usize = families.values().map(|family| family.samples.len()).sum();
    assert!(series < 1_000, "{series} series");
    let (_, table) = server.ctl(&["status"]);
    assert!(table.contains("signaling/0") && table.contains("udp "), "{table}");
    server.stop();
}

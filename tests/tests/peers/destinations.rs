//! Where calls go: trunks that fail or ask for digest, accounts with several phones, groups.

use crate::scenario::{
    CALLEE, CALLEE_CHALLENGES, CALLEE_IS_CANCELLED, CALLEE_REFUSES, CALLER, CALLER_REFUSED, SHORT_TIMERS, line, ours,
    register, trunk,
};
use md5::{Digest, Md5};
use scenarios::peer::server::Settings;
use scenarios::peer::wire::Wire;
use scenarios::peer::{Host, Server, Site};
use serde_json::json;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

/// Calls of `in` go to `first`, and then to `second`.
fn two_trunks(caller: SocketAddr, first: SocketAddr, second: SocketAddr) -> Settings {
    Settings::new(format!(
        "{}{}{}[[route]]\nfrom = \"trunk:in\"\nto = [\"trunk:first\", \"trunk:second\"]\n",
        trunk("in", None, caller),
        trunk("first", Some(first.to_string()), first),
        trunk("second", Some(second.to_string()), second),
    ))
}

#[test]
fn a_trunk_that_is_out_of_order_is_passed_over() {
    let site = Site::new();
    let (caller, first, second) = (site.host.socket(), site.host.socket(), site.host.socket());
    let mut server = Server::start(&site, &two_trunks(caller, first, second));
    let status = [("STATUS", "503 Service Unavailable")];
    let failing = ours(&site, "first", CALLEE_REFUSES, &status, first).calls(1, 1).start();
    let called = ours(&site, "second", CALLEE, &[], second).calls(1, 1).start();
    ours(&site, "caller", CALLER, &[], caller).service("100").to(server.sip).calls(1, 1).run();
    failing.succeeds();
    called.succeeds();
    let record = &server.records(1)[0];
    assert_eq!((&record["outcome"], &record["destination"]), (&json!("answered"), &json!("second")), "{record}");
    server.is_idle();
    server.stop();
}

/// RFC 3261 §21.5.4: who says when it may be called again is left alone until then; the next call does not even try.
#[test]
fn a_trunk_that_says_for_how_long_it_serves_nobody_is_left_alone() {
    let site = Site::new();
    let (caller, first, second) = (site.host.socket(), site.host.socket(), site.host.socket());
    let mut server = Server::start(&site, &two_trunks(caller, first, second));
    let status = [("STATUS", "503 Service Unavailable\n        Retry-After: 600")];
    let failing = ours(&site, "first", CALLEE_REFUSES, &status, first).calls(1, 1).start();
    let called = ours(&site, "second", CALLEE, &[], second).calls(2, 1).start();
    ours(&site, "caller", CALLER, &[], caller).service("100").to(server.sip).calls(1, 1).run();
    failing.succeeds();
    let silent = Wire::new(first, server.sip);
    ours(&site, "again", CALLER, &[], caller).service("100").to(server.sip).calls(1, 1).run();
    called.succeeds();
    assert_eq!(silent.receive_within(Duration::from_millis(200)), None);
    for record in server.records(2) {
        assert_eq!((&record["outcome"], &record["destination"]), (&json!("answered"), &json!("second")), "{record}");
    }
    server.is_idle();
    server.stop();
}

#[test]
fn a_trunk_that_says_nothing_is_passed_over() {
    let site = Site::new();
    let (caller, first, second) = (site.host.socket(), site.host.socket(), site.host.socket());
    let mut server = Server::start(&site, &two_trunks(caller, first, second).sip(SHORT_TIMERS));
    // It is there, so that no ICMP tells that nobody is, and says nothing.
    let silent = Wire::new(first, server.sip);
    let called = ours(&site, "second", CALLEE, &[], second).calls(1, 1).start();
    ours(&site, "caller", CALLER, &[], caller).service("100").to(server.sip).calls(1, 1).run();
    called.succeeds();
    let invite = silent.receive("the INVITE", |message| message.starts_with("INVITE "));
    assert!(invite.contains("Max-Forwards: 69"), "one less than the caller's:\n{invite}");
    let record = &server.records(1)[0];
    assert_eq!((&record["outcome"], &record["destination"]), (&json!("answered"), &json!("second")), "{record}");
    server.is_idle();
    server.stop();
}

/// The very first thing that the server does with a name is this call: the answer of the name service finds it asleep.
#[test]
fn the_first_call_to_a_trunk_with_a_name_waits_for_its_address() {
    let site = Site::new();
    let (caller, named) = (site.host.socket(), Host::localhost().socket());
    let settings = Settings::new(format!(
        "{}{}[[route]]\nfrom = \"trunk:in\"\nto = [\"trunk:named\"]\n",
        trunk("in", None, caller),
        trunk("named", Some(format!("localhost:{}", named.port())), named),
    ));
    let mut server = Server::start(&site, &settings);
    let called = ours(&site, "named", CALLEE, &[], named).calls(1, 1).start();
    ours(&site, "caller", CALLER, &[], caller).service("100").to(server.sip).calls(1, 1).run();
    called.succeeds();
    let record = &server.records(1)[0];
    assert_eq!((&record["outcome"], &record["destination"]), (&json!("answered"), &json!("named")), "{record}");
    server.is_idle();
    server.stop();
}

#[test]
fn a_trunk_that_asks_for_digest_gets_it() {
    let site = Site::new();
    let (caller, callee) = (site.host.socket(), site.host.socket());
    let mut settings = line(caller, callee);
    let named = "name = \"out\"\n";
    settings.more = settings
        .more
        .replace(named, &format!("{named}username = \"tandem-1\"\npassword_file = \"carrier.password\"\n"));
    let mut server = Server::prepare(&site, "tandem", &settings);
    let secret = server.configuration().with_file_name("carrier.password");
    std::fs::write(&secret, "s3cret of the carrier\n").unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    server.launch();
    for (status, challenge, answer) in [
        ("407 Proxy Authentication Required", "Proxy-Authenticate", "Proxy-Authorization"),
        ("401 Unauthorized", "WWW-Authenticate", "Authorization"),
    ] {
        let replace = [("STATUS", status), ("CHALLENGE", challenge), ("ANSWER", answer)];
        let called = ours(&site, answer, CALLEE_CHALLENGES, &replace, callee).calls(1, 1).start();
        ours(&site, "caller", CALLER, &[], caller).service("100").to(server.sip).calls(1, 1).run();
        called.succeeds();
        let messages = std::fs::read_to_string(site.file(&format!("{answer}-messages.log"))).unwrap();
        let credentials = header_of(&messages, answer);
        assert!(proves(&credentials, "s3cret of the carrier"), "{credentials}");
    }
    assert_eq!(server.records(2)[0]["outcome"], "answered");
    assert!(!server.log().contains("s3cret"), "the secret is in the log");
    server.stop();
}

/// The value of a header, wherever it is in the text.
fn header_of(text: &str, name: &str) -> String {
    let start = format!("{name}: ");
    let found = text.lines().find_map(|line| line.strip_prefix(start.as_str()));
    found.unwrap_or_else(|| panic!("no {name}")).to_owned()
}

/// Whether credentials for an INVITE hold (RFC 7616 §3.4.1, with MD5 and qop=auth).
fn proves(credentials: &str, password: &str) -> bool {
    let parameter = |name: &str| {
        let start = format!("{name}=");
        let found =
            credentials.trim_start_matches("Digest ").split(", ").find_map(|part| part.strip_prefix(start.as_str()));
        found.unwrap_or_default().trim_matches('"').to_owned()
    };
    let hash = |text: String| Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let user = hash(format!("{}:{}:{password}", parameter("username"), parameter("realm")));
    let request = hash(format!("INVITE:{}", parameter("uri")));
    let (nonce, count, own, qop) = (parameter("nonce"), parameter("nc"), parameter("cnonce"), parameter("qop"));
    parameter("username") == "tandem-1"
        && parameter("response") == hash(format!("{user}:{nonce}:{count}:{own}:{qop}:{request}"))
}

#[test]
fn both_phones_of_an_account_ring_and_the_slower_one_is_cancelled() {
    let site = Site::new();
    let caller = site.host.socket();
    let mut server = Server::start(&site, &Settings::new(trunk("in", None, caller)));
    server.add_accounts(&["dave"]);
    let (quick, slow) = (site.host.socket(), site.host.socket());
    for phone in [quick, slow] {
        register(&site, &server, "dave", phone, phone);
    }
    let loser = ours(&site, "slow", CALLEE_IS_CANCELLED, &[], slow).calls(1, 1).start();
    let winner = ours(&site, "quick", CALLEE, &[], quick).calls(1, 1).start();
    ours(&site, "caller", CALLER, &[], caller).service("dave").to(server.sip).calls(1, 1).run();
    winner.succeeds();
    loser.succeeds();
    let record = &server.records(1)[0];
    assert_eq!((&record["outcome"], &record["destination"]), (&json!("answered"), &json!("dave")), "{record}");
    let cancel = std::fs::read_to_string(site.file("slow-messages.log")).unwrap();
    assert!(cancel.contains("Call completed elsewhere"), "the loser's CANCEL has no Reason:\n{cancel}");
    server.is_idle();
    server.stop();
}

#[test]
fn a_group_rings_one_after_another_and_a_busy_route_has_its_branch() {
    let site = Site::new();
    let caller = site.host.socket();
    let more = "[[group]]\nname = \"sales\"\nmembers = [\"carol\", \"dave\"]\nstrategy = \"sequence\"\n\
                [[route]]\nnumber = \"1\"\nto = [\"account:carol\"]\non_busy = [\"account:dave\"]\n";
    let mut server = Server::start(&site, &Settings::new(format!("{}{more}", trunk("in", None, caller))));
    server.add_accounts(&["carol", "dave"]);
    let (carol, dave) = (site.host.socket(), site.host.socket());
    register(&site, &server, "carol", carol, carol);
    register(&site, &server, "dave", dave, dave);
    for (number, name) in [("sales", "group"), ("1", "branch")] {
        let status = [("STATUS", "486 Busy Here")];
        let busy = ours(&site, &format!("{name}-carol"), CALLEE_REFUSES, &status, carol).calls(1, 1).start();
        let called = ours(&site, &format!("{name}-dave"), CALLEE, &[], dave).calls(1, 1).start();
        ours(&site, &format!("{name}-caller"), CALLER, &[], caller).service(number).to(server.sip).calls(1, 1).run();
        busy.succeeds();
        called.succeeds();
    }
    assert_eq!(server.records(2).len(), 2);
    server.stop();
}

/// SIPp's 302 names a number, which is called as the plan says, on behalf of who named it; or the caller is told it.
#[test]
fn a_redirection_is_followed_by_the_plan_or_passed_on() {
    for follows in [true, false] {
        let site = Site::new();
        let (caller, first, second) = (site.host.socket(), site.host.socket(), site.host.socket());
        let redirects = if follows { "follow" } else { "pass" };
        let settings = Settings::new(format!(
            "{}{}redirects = \"{redirects}\"\n{}[[route]]\nnumber = \"callee\"\nto = [\"trunk:second\"]\n\
             [[route]]\nfrom = \"trunk:in\"\nto = [\"trunk:first\"]\n",
            trunk("in", None, caller),
            trunk("first", Some(first.to_string()), first),
            trunk("second", Some(second.to_string()), second),
        ));
        let mut server = Server::start(&site, &settings);
        let status = [("STATUS", "302 Moved Temporarily")];
        let moved = ours(&site, "first", CALLEE_REFUSES, &status, first).calls(1, 1).start();
        if follows {
            let called = ours(&site, "second", CALLEE, &[], second).calls(1, 1).start();
            ours(&site, "caller", CALLER, &[], caller).service("100").to(server.sip).calls(1, 1).run();
            called.succeeds();
        } else {
            let status = [("STATUS", "302")];
            ours(&site, "caller", CALLER_REFUSED, &status, caller).service("100").to(server.sip).calls(1, 1).run();
        }
        moved.succeeds();
        server.is_idle();
        server.stop();
    }
}

//! Trunks whose addresses a name server tells (RFC 3263), and the ways for numbers that it has (RFC 6116).

use crate::scenario::{CALLEE, CALLEE_REFUSES, CALLER, SHORT_TIMERS, ours, trunk};
use scenarios::peer::name_server::{Data, NameServer};
use scenarios::peer::server::Settings;
use scenarios::peer::wire::Wire;
use scenarios::peer::{Server, Site, wait};
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;

/// Calls of `in` go to the trunk `carrier.example`, whose name that server tells.
fn by_name(caller: SocketAddr, names: &NameServer, more: &str) -> Settings {
    Settings::new(format!(
        "{}{}{more}[[route]]\nfrom = \"trunk:in\"\nto = [\"trunk:carrier\"]\n",
        trunk("in", None, caller),
        trunk("carrier", Some("carrier.example".to_owned()), SocketAddr::from(([127, 0, 0, 1], 1))),
    ))
    .sip(&format!("name_servers = [\"{}\"]", names.address))
}

fn service(names: &NameServer, name: &str, (priority, weight): (u16, u16), host: &str, at: SocketAddr) {
    let target = host.to_owned();
    names.add(name, Data::Srv { priority, weight, port: at.port(), target });
}

#[test]
fn the_zone_chooses_transport_host_and_port() {
    let site = Site::new();
    let (caller, callee) = (site.host.socket(), site.host.socket());
    let names = NameServer::start(site.host.socket(), 600);
    for (order, service, replacement) in [
        (30, "SIP+D2U", "_sip._udp.carrier.example"),
        (20, "SIP+D2T", "_sip._tcp.carrier.example"),
        (10, "SIP+D2S", "_sip._sctp.carrier.example"),
    ] {
        let (service, replacement) = (service.to_owned(), replacement.to_owned());
        names.add("carrier.example", Data::Naptr { order, service, replacement });
    }
    service(&names, "_sip._tcp.carrier.example", (1, 1), "edge.carrier.example", callee);
    names.add("edge.carrier.example", Data::Address(callee.ip()));
    let mut server = Server::start(&site, &by_name(caller, &names, ""));
    let called = ours(&site, "callee", CALLEE, &[], callee).tcp().calls(2, 1).start();
    ours(&site, "caller", CALLER, &[], caller).service("100").to(server.sip).calls(2, 1).run();
    called.succeeds();
    let messages = std::fs::read_to_string(site.file("callee-messages.log")).unwrap();
    assert!(
        messages.contains("INVITE sip:100@carrier.example SIP/2.0"),
        "the Request-URI names the domain:\n{messages}"
    );
    assert!(!names.asked_srv("_sip._sctp.carrier.example"), "what is not served is not asked for");
    assert_eq!(names.asked("_sip._tcp.carrier.example"), 1, "the second call knows it");
    server.is_idle();
    server.stop();
}

/// RFC 3263 §4.3: silence, then 503, then one that answers.
#[test]
fn each_host_of_a_service_is_tried() {
    let site = Site::new();
    let (caller, silent) = (site.host.socket(), site.host.socket());
    let (failing, good) = (site.host.socket(), site.host.socket());
    let names = NameServer::start(site.host.socket(), 600);
    for (priority, host, at) in [(1, "one", silent), (2, "two", failing), (3, "three", good)] {
        service(&names, "_sip._udp.carrier.example", (priority, 0), &format!("{host}.carrier.example"), at);
        names.add(&format!("{host}.carrier.example"), Data::Address(at.ip()));
    }
    let mut server = Server::start(&site, &by_name(caller, &names, "").sip(SHORT_TIMERS));
    let nobody = Wire::new(silent, server.sip);
    let status = [("STATUS", "503 Service Unavailable")];
    let refusing = ours(&site, "failing", CALLEE_REFUSES, &status, failing).calls(1, 1).start();
    let called = ours(&site, "good", CALLEE, &[], good).calls(2, 1).start();
    ours(&site, "caller", CALLER, &[], caller).service("100").to(server.sip).calls(1, 1).run();
    refusing.succeeds();
    nobody.receive("the INVITE", |message| message.starts_with("INVITE "));
    // Both have failed lately: the second call does not go there first.
    ours(&site, "again", CALLER, &[], caller).service("100").to(server.sip).calls(1, 1).run();
    called.succeeds();
    let records = server.records(2);
    assert!(records.iter().all(|record| record["outcome"] == json!("answered")), "{records:?}");
    server.is_idle();
    server.stop();
}

#[test]
fn while_the_name_service_is_away_other_calls_go_on_and_known_names_serve() {
    let site = Site::new();
    let (caller, callee, other) = (site.host.socket(), site.host.socket(), site.host.socket());
    // Five seconds is the shortest that an answer holds.
    let names = NameServer::start(site.host.socket(), 1);
    service(&names, "_sip._udp.carrier.example", (1, 1), "edge.carrier.example", callee);
    names.add("edge.carrier.example", Data::Address(callee.ip()));
    let third = site.host.socket();
    let more = format!(
        "{}{}[[route]]\nnumber = \"2\"\nto = [\"trunk:other\"]\n",
        trunk("third", None, third),
        trunk("other", Some(other.to_string()), other)
    );
    let mut server = Server::start(&site, &by_name(caller, &names, &more));
    let called = ours(&site, "callee", CALLEE, &[], callee).calls(2, 1).start();
    ours(&site, "caller", CALLER, &[], caller).service("100").to(server.sip).calls(1, 1).run();
    names.silence(true);
    wait::pause(Duration::from_millis(5_500));
    // What was known has ended: this call asks anew, waits for an answer that does not come, and goes by what was known.
    let waits = ours(&site, "waits", CALLER, &[], caller).service("100").to(server.sip).calls(1, 1).start();
    let beside = ours(&site, "other", CALLEE, &[], other).calls(1, 1).start();
    ours(&site, "second", CALLER, &[], third).service("2").to(server.sip).calls(1, 1).run();
    beside.succeeds();
    waits.succeeds();
    called.succeeds();
    server.is_idle();
    server.stop();
}

#[test]
fn a_name_that_does_not_exist_is_unreachable_and_not_asked_for_again_at_once() {
    let site = Site::new();
    let caller = site.host.socket();
    let names = NameServer::start(site.host.socket(), 60);
    let mut server = Server::start(&site, &by_name(caller, &names, ""));
    let status = [("STATUS", "503")];
    for run in ["first", "second"] {
        let refused = ours(&site, run, crate::scenario::CALLER_REFUSED, &status, caller);
        refused.service("100").to(server.sip).calls(1, 1).run();
    }
    assert!(names.asked_srv("_sip._udp.carrier.example") && names.asked_srv("_sip._tcp.carrier.example"));
    // NAPTR, A and AAAA, each once.
    assert_eq!(names.asked("carrier.example"), 3);
    server.stop();
}

#[test]
fn a_number_is_called_over_the_trunk_that_its_rule_names_and_else_as_the_route_goes_on() {
    let site = Site::new();
    let (caller, border, other) = (site.host.socket(), site.host.socket(), site.host.socket());
    let names = NameServer::start(site.host.socket(), 600);
    for (name, service, regexp) in [
        ("3.2.1.0.3.9.4.numbers.example", "E2U+web:http", "!^.*$!http://carrier.example/!"),
        ("3.2.1.0.3.9.4.numbers.example", "E2U+sip", "!^\\+49(.*)$!sip:0\\1@SBC.example;user=phone!"),
        ("4.2.1.0.3.9.4.numbers.example", "E2U+sip", "!^(((.*)*)*)*$!sip:a@nobody.example!"),
    ] {
        names.add(name, Data::Rule { order: 10, service: service.to_owned(), regexp: regexp.to_owned() });
    }
    let settings = Settings::new(format!(
        "{}{}domain = \"sbc.example\"\n{}[[route]]\nfrom = \"trunk:in\"\nto = [\"enum:numbers.example\", \"trunk:carrier\"]\n",
        trunk("in", None, caller),
        trunk("border", Some(border.to_string()), border),
        trunk("carrier", Some(other.to_string()), other),
    ));
    let mut server = Server::start(&site, &settings.sip(&format!("name_servers = [\"{}\"]", names.address)));
    let at_border = ours(&site, "border", CALLEE, &[], border).calls(2, 1).start();
    let at_other = ours(&site, "other", CALLEE, &[], other).calls(3, 1).start();
    let call = |name: &str, number: &str| {
        ours(&site, name, CALLER, &[], caller).service(number).to(server.sip).calls(1, 1).run();
    };
    call("named", "+4930123");
    call("again", "+4930123");
    assert_eq!(names.asked("3.2.1.0.3.9.4.numbers.example"), 1, "the second call knows it");
    at_border.succeeds();
    let messages = std::fs::read_to_string(site.file("border-messages.log")).unwrap();
    assert!(
        messages.contains("INVITE sip:+4930123@sbc.example SIP/2.0"),
        "with the number that was called:\n{messages}"
    );
    call("elsewhere", "+4930124");
    call("absent", "+4930125");
    names.silence(true);
    call("silent", "+4930126");
    at_other.succeeds();
    server.is_idle();
    server.stop();
}

//! Trunks whose addresses a name server tells (RFC 3263).

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

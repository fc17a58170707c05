//! TCP, large requests, IPv6, lost packets.

use crate::scenario::{CALLEE, CALLER, CALLER_WITH_DIGEST, line, ours};
use scenarios::peer::server::{PASSWORD, Settings};
use scenarios::peer::{Host, Server, Sipp, Site};
use std::fmt::Write as _;

/// Codecs that make an SDP, and so an INVITE, longer than what goes over UDP (RFC 3261 §18.1.1).
fn large(xml: &str) -> String {
    let (mut types, mut codecs) = (String::new(), String::new());
    for payload_type in 102..120 {
        let _ = write!(types, " {payload_type}");
        let _ = writeln!(codecs, "        a=rtpmap:{payload_type} X-CODEC-{payload_type}/8000");
        let _ = writeln!(codecs, "        a=fmtp:{payload_type} mode={}", "long;".repeat(10));
    }
    let large = xml.replacen("RTP/AVP 0 8 101\n", &format!("RTP/AVP 0 8 101{types}\n"), 1).replacen(
        "        a=sendrecv\n",
        &format!("{codecs}        a=sendrecv\n"),
        1,
    );
    assert!(large.len() > xml.len() + 1_200);
    large
}

#[test]
fn a_call_over_tcp_both_ways() {
    let site = Site::new();
    let (caller, callee) = (site.host.socket(), site.host.socket());
    let mut settings = line(caller, callee);
    settings.more = settings.more.replace(&format!("address = \"{callee}\""), &format!("address = \"tcp:{callee}\""));
    // The port that a connection comes from is not the one that is listened on.
    settings.more =
        settings.more.replace(&format!("accept = [\"{caller}\"]"), &format!("accept = [\"{}\"]", caller.ip()));
    let mut server = Server::start(&site, &settings);
    let called = ours(&site, "callee", CALLEE, &[], callee).tcp().calls(5, 5).start();
    ours(&site, "caller", CALLER, &[], caller).tcp().service("100").to(server.sip).calls(5, 5).run();
    called.succeeds();
    assert_eq!(server.records(5).len(), 5);
    server.is_idle();
    server.stop();
}

#[test]
fn an_account_calls_with_digest_over_tcp() {
    let site = Site::new();
    let mut server = Server::start(&site, &Settings::default());
    server.add_accounts(&["carol"]);
    ours(&site, "caller", CALLER_WITH_DIGEST, &[("CALLER", "carol")], site.host.socket())
        .tcp()
        .service("echo")
        .credentials("carol", PASSWORD)
        .to(server.sip)
        .calls(1, 1)
        .run();
    assert_eq!(server.records(1)[0]["destination"], "echo");
    server.stop();
}

#[test]
fn a_large_invite_goes_over_tcp_and_over_udp_where_that_is_refused() {
    let site = Site::new();
    let caller = site.host.socket();
    for tcp in [true, false] {
        let callee = site.host.socket();
        let mut server = Server::prepare(&site, if tcp { "with-tcp" } else { "without-tcp" }, &line(caller, callee));
        server.launch();
        let called = ours(&site, &format!("callee-{tcp}"), CALLEE, &[], callee).calls(1, 1);
        let called = if tcp { called.tcp().start() } else { called.start() };
        ours(&site, &format!("caller-{tcp}"), &large(CALLER), &[], caller)
            .service("100")
            .to(server.sip)
            .calls(1, 1)
            .run();
        called.succeeds();
        assert_eq!(server.records(1)[0]["outcome"], "answered");
        server.stop();
    }
}

/// A call from one address family to another.
fn families(caller_host: &Host, callee_host: &Host, site: &Site) {
    let (caller, callee) = (caller_host.socket(), callee_host.socket());
    let mut settings = line(caller, callee);
    let six = Host::six();
    settings.six = Some(six.port());
    let mut server = Server::start(site, &settings);
    let to = if caller.is_ipv6() { server.sip_six.expect("it listens at ::1") } else { server.sip };
    let called = ours(site, "callee", CALLEE, &[], callee).calls(3, 3).start();
    ours(site, "caller", CALLER, &[], caller).service("100").to(to).calls(3, 3).run();
    called.succeeds();
    for record in server.records(3) {
        assert_eq!(record["outcome"], "answered", "{record}");
    }
    server.is_idle();
    server.stop();
}

#[test]
fn a_call_over_ipv6() {
    let site = Site::new();
    families(&Host::six(), &Host::six(), &site);
}

#[test]
fn a_call_from_ipv4_to_ipv6() {
    let site = Site::new();
    families(&Host::claim(), &Host::six(), &site);
}

#[test]
fn a_call_from_ipv6_to_ipv4() {
    let site = Site::new();
    families(&Host::six(), &Host::claim(), &site);
}

#[test]
fn a_tenth_of_all_packets_is_lost_and_no_call_is() {
    const CALLS: u32 = 20;
    let site = Site::new();
    let (caller, callee) = (site.host.socket(), site.host.socket());
    let mut server = Server::start(&site, &line(caller, callee));
    // The caller loses what it would send and receive. As a callee SIPp cannot: it takes an INVITE that it sees again after its
    // own answer was lost for a fault. It lives longer than its calls, to answer a BYE that it sees again.
    let called = Sipp::builtin(&site, "uas", "uas", callee).arguments(&["-deadcall_wait", "60000"]).quiet().start();
    Sipp::builtin(&site, "uac", "uac", caller)
        .arguments(&["-lost", "10", "-max_retrans", "20", "-d", "200"])
        .service("100")
        .to(server.sip)
        .calls(CALLS, 10)
        .quiet()
        .run();
    let records = server.records(CALLS as usize);
    assert_eq!(records.len(), CALLS as usize, "a retransmission is not another call");
    server.is_idle();
    called.stop();
    server.stop();
}

//! Calls without an offer that ring at several telephones, which others wrote.

use crate::scenario::{
    CALLEE_ANSWERS_LATE_OFFER, CALLEE_IS_CANCELLED, CALLEE_OFFERS_EARLY, CALLEE_OFFERS_EARLY_IN_VAIN,
    CALLER_IS_OFFERED_EARLY, CALLER_OFFERS_LATE, ours, register, trunk,
};
use scenarios::peer::baresip::Setup;
use scenarios::peer::server::{PASSWORD, Settings};
use scenarios::peer::{Baresip, Server, Site};
use std::net::SocketAddr;

/// A server whose trunk `in`, at that place, calls the telephones of carol.
fn server(site: &Site, caller: SocketAddr) -> Server<'_> {
    let route = "[[route]]\nfrom = \"trunk:in\"\nto = [\"account:carol\"]\n";
    let server = Server::start(site, &Settings::new(format!("{}{route}", trunk("in", None, caller))));
    server.add_accounts(&["carol"]);
    server
}

fn assert_answered(server: &mut Server<'_>) {
    server.is_idle();
    let record = server.records(1).remove(0);
    assert_eq!(record["outcome"], "answered", "{record}");
    server.stop();
}

/// Each of the two makes an offer of its own in a 183, and each has its PRACK with an answer: PCMU, which the caller chose of the first one's (RFC 3262 §5). The
/// caller is made one offer.
#[test]
fn two_telephones_offer_before_one_answers() {
    let site = Site::new();
    let (caller, first, second) = (site.host.socket(), site.host.socket(), site.host.socket());
    let mut server = server(&site, caller);
    for phone in [first, second] {
        register(&site, &server, "carol", phone, phone);
    }
    server.registered("carol", 2);
    // The other one offers meanwhile.
    let scenario = CALLEE_OFFERS_EARLY.replace("<pause milliseconds=\"1000\"/>", "<pause milliseconds=\"5000\"/>");
    let answers = ours(&site, "first", &scenario, &[], first).calls(1, 1).start();
    let rings = ours(&site, "second", CALLEE_OFFERS_EARLY_IN_VAIN, &[], second).calls(1, 1).start();
    ours(&site, "caller", CALLER_IS_OFFERED_EARLY, &[], caller).service("carol").to(server.sip).calls(1, 1).run();
    answers.succeeds();
    rings.succeeds();
    assert_answered(&mut server);
}

/// Without acknowledged responses the offer is that of who answers: a phone that others wrote, beside one that only rings.
#[test]
fn who_answers_makes_the_offer() {
    let site = Site::new();
    let (caller, second) = (site.host.socket(), site.host.socket());
    let mut server = server(&site, caller);
    let setup = Setup {
        user: "carol",
        password: PASSWORD,
        server: server.sip,
        transport: "udp",
        hertz: 500.0,
        answers: false,
        codecs: "PCMU",
    };
    let mut carol = Baresip::start(&site, &setup);
    register(&site, &server, "carol", second, second);
    server.registered("carol", 2);
    let rings = ours(&site, "second", CALLEE_IS_CANCELLED, &[], second).calls(1, 1).start();
    let calls =
        ours(&site, "caller", CALLER_OFFERS_LATE, &[], caller).service("carol").to(server.sip).calls(1, 1).start();
    carol.event("CALL_INCOMING");
    carol.command("accept", "");
    carol.event("CALL_ESTABLISHED");
    calls.succeeds();
    rings.succeeds();
    carol.event("CALL_CLOSED");
    assert_answered(&mut server);
}

/// A caller that requires each response to be acknowledged, of a callee that knows nothing of that: it hears that it rings by an offer of ours (RFC 3262 §5).
#[test]
fn a_caller_that_requires_acknowledged_responses_hears_that_it_rings() {
    let site = Site::new();
    let (caller, callee) = (site.host.socket(), site.host.socket());
    let mut server = server(&site, caller);
    register(&site, &server, "carol", callee, callee);
    let scenario = CALLER_IS_OFFERED_EARLY
        .replace("Supported: 100rel", "Require: 100rel")
        .replace("response=\"183\"", "response=\"180\"")
        .replace("RTP/AVP 8 0 101", "RTP/AVP 8 0 ");
    // It rings for a moment.
    let rings = CALLEE_ANSWERS_LATE_OFFER.replacen(
        "<send retrans=\"500\">",
        "<pause milliseconds=\"1500\"/>\n\n  <send retrans=\"500\">",
        1,
    );
    let answers = ours(&site, "callee", &rings, &[], callee).calls(1, 1).start();
    ours(&site, "caller", &scenario, &[], caller).service("carol").to(server.sip).calls(1, 1).run();
    answers.succeeds();
    assert_answered(&mut server);
}

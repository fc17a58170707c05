//! Requests that cross (RFC 3261 §14.1, §14.2), with SIPp at both ends and between phones.

use crate::scenario::{
    CALLEE_CROSSES, CALLEE_HOLDS, CALLEE_SAYS_PENDING, CALLER_HOLDS, CALLER_IS_CROSSED, CALLER_SAYS_PENDING, line, ours,
};
use scenarios::peer::baresip::Setup;
use scenarios::peer::server::{PASSWORD, Settings};
use scenarios::peer::wait::until;
use scenarios::peer::{Baresip, Server, Site};

/// A caller's scenario against a callee's, over two trunks; each pause of either lasts so many milliseconds.
fn pair(caller_scenario: &str, callee_scenario: &str, pause_ms: &str) {
    let site = Site::new();
    let (caller, callee) = (site.host.socket(), site.host.socket());
    let mut server = Server::start(&site, &line(caller, callee));
    let pause = ["-d", pause_ms];
    let called = ours(&site, "callee", callee_scenario, &[], callee).arguments(&pause).calls(1, 1).start();
    let calling = ours(&site, "caller", caller_scenario, &[], caller).arguments(&pause);
    calling.service("100").to(server.sip).calls(1, 1).run();
    called.succeeds();
    server.is_idle();
    let record = server.records(1).remove(0);
    assert_eq!(record["outcome"], "answered", "{record}");
    server.stop();
}

#[test]
fn a_callee_s_491_is_asked_again_after_2_1_to_4_seconds_as_the_call_id_is_ours() {
    pair(CALLER_HOLDS, CALLEE_SAYS_PENDING, "5000");
}

#[test]
fn a_caller_s_491_is_asked_again_within_2_seconds_as_the_call_id_is_its_own() {
    pair(CALLER_SAYS_PENDING, CALLEE_HOLDS, "5000");
}

#[test]
fn requests_that_cross_are_both_491_and_who_waits_shorter_comes_through_for_both() {
    pair(CALLER_IS_CROSSED, CALLEE_CROSSES, "500");
}

#[test]
fn two_phones_that_hold_and_retrieve_at_the_same_moment_hear_each_other_in_the_end() {
    let site = Site::new();
    let mut server = Server::start(&site, &Settings::default());
    server.add_accounts(&["carol", "dave"]);
    let setup = |user: &'static str, hertz: f64, answers: bool| Setup {
        user,
        password: PASSWORD,
        server: server.sip,
        transport: "udp",
        hertz,
        answers,
        codecs: "PCMU",
    };
    let mut dave = Baresip::start(&site, &setup("dave", 900.0, true));
    let mut carol = Baresip::start(&site, &setup("carol", 500.0, false));
    carol.dial("dave");
    carol.event("CALL_ESTABLISHED");
    dave.event("CALL_ESTABLISHED");
    carol.hears(900.0, 1.0);
    dave.hears(500.0, 1.0);
    for _ in 0..3 {
        // Commands are taken at once: both requests are on the wire before either is answered, mostly.
        for command in ["hold", "resume"] {
            std::thread::scope(|scope| {
                scope.spawn(|| carol.command(command, ""));
                scope.spawn(|| dave.command(command, ""));
            });
            let silent = command == "hold";
            until(command, || {
                let rates = [carol.rates(), dave.rates()];
                let so = |&(sent, received): &(u64, u64)| match silent {
                    true => (sent, received) == (0, 0),
                    // 64 kbit/s are 50 packets of 20 ms a second.
                    false => sent > 60_000 && received > 60_000,
                };
                rates.iter().all(so).then_some(())
            });
        }
    }
    dave.forget();
    carol.hang_up();
    dave.event("CALL_CLOSED");
    server.is_idle();
    server.stop();
}

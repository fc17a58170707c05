//! Calls that others come into: Join (RFC 3911) by a phone and by REFER, and pick-up, with phones that others wrote.

use crate::scenario::{CALLER_WITH_DIGEST, ours};
use scenarios::peer::baresip::Setup;
use scenarios::peer::server::{PASSWORD, Settings};
use scenarios::peer::wait::until;
use scenarios::peer::{Baresip, Server, Site};
use serde_json::json;
use std::net::SocketAddr;

/// The tones in the microphones.
const CAROL: f64 = 500.0;
const DAVE: f64 = 900.0;
const ERIN: f64 = 1_300.0;

fn phone(site: &Site, user: &'static str, server: SocketAddr, hertz: f64, answers: bool) -> Baresip {
    let setup = Setup { user, password: PASSWORD, server, transport: "udp", hertz, answers, codecs: "PCMU" };
    Baresip::start(site, &setup)
}

/// The dialog of who began a call, as the ladder shows it: Call-ID, our tag, theirs.
fn dialog(server: &Server, call: &str, caller: &str) -> [String; 3] {
    let messages = server.ctl_json(&["trace", call, "--full"]);
    let accepted = messages.as_array().into_iter().flatten().find_map(|message| {
        let text = message["message"].as_str()?;
        let of_caller = text.starts_with("SIP/2.0 200") && text.contains(&format!("\nFrom: <sip:{caller}@"));
        (message["direction"] == "sent" && of_caller).then(|| text.to_owned())
    });
    let accepted = accepted.expect("a 200 to the caller's INVITE");
    let line = |name: &str| {
        let value = accepted.lines().find_map(|line| line.strip_prefix(name)).expect("a header line");
        value.trim().to_owned()
    };
    let tag = |name: &str| line(name).rsplit("tag=").next().expect("a tag").to_owned();
    [line("Call-ID:"), tag("To:"), tag("From:")]
}

/// Carol talks to Dave: their call.
fn talk(server: &Server, carol: &mut Baresip, dave: &mut Baresip) -> String {
    carol.dial("dave");
    carol.event("CALL_ESTABLISHED");
    dave.event("CALL_ESTABLISHED");
    carol.hears(DAVE, 1.0);
    let calls = server.ctl_json(&["calls", "--party", "carol"]);
    calls[0]["call"].as_str().expect("a call").to_owned()
}

fn members(server: &Server) -> serde_json::Value {
    server.ctl_json(&["conferences"])[0]["members"].clone()
}

#[test]
fn sipp_joins_a_call_of_its_account_and_the_two_talk_on() {
    let site = Site::new();
    let mut server = Server::start(&site, &Settings::default());
    server.add_accounts(&["carol", "dave"]);
    let mut dave = phone(&site, "dave", server.sip, DAVE, true);
    let mut carol = phone(&site, "carol", server.sip, CAROL, false);
    let call = talk(&server, &mut carol, &mut dave);
    let [call_id, ours_tag, theirs] = dialog(&server, &call, "carol");
    let join = format!("        Join: {call_id};to-tag={ours_tag};from-tag={theirs}\n        Require: join\n");
    let xml = CALLER_WITH_DIGEST.replace("        [authentication]\n", &format!("        [authentication]\n{join}"));
    let third = ours(&site, "third", &xml, &[("CALLER", "carol")], site.host.socket())
        .arguments(&["-d", "4000"])
        .service("dave")
        .credentials("carol", PASSWORD)
        .to(server.sip)
        .calls(1, 1)
        .start();
    until("three are in the conference", || (members(&server) == 3).then_some(()));
    // 60 ms of silence touch three windows of 50 ms at most.
    for (phone, hertz) in [(&carol, DAVE), (&dave, CAROL)] {
        let heard = phone.hears(hertz, 3.0);
        assert!(heard.gaps <= 3, "{heard:?}");
    }
    third.succeeds();
    until("the third has left", || (members(&server) == 2).then_some(()));
    carol.hang_up();
    dave.event("CALL_CLOSED");
    server.is_idle();
    server.stop();
}

#[test]
fn a_phone_sends_its_caller_into_another_call_of_its_own() {
    let site = Site::new();
    let mut server = Server::start(&site, &Settings::new("[media]\nworkers = [0, 1]\n"));
    server.add_accounts(&["carol", "dave", "erin"]);
    let mut erin = phone(&site, "erin", server.sip, ERIN, true);
    let mut dave = phone(&site, "dave", server.sip, DAVE, true);
    let mut carol = phone(&site, "carol", server.sip, CAROL, false);
    talk(&server, &mut carol, &mut dave);
    dave.dial("erin");
    erin.event("CALL_ESTABLISHED");
    dave.event("CALL_ESTABLISHED");
    let calls = server.ctl_json(&["calls", "--party", "erin"]);
    let call = calls[0]["call"].as_str().expect("a call").to_owned();
    let [call_id, ours_tag, theirs] = dialog(&server, &call, "dave");
    let join = format!("{}%3Bto-tag%3D{ours_tag}%3Bfrom-tag%3D{theirs}", call_id.replace('@', "%40"));
    // The call with Carol is the current one again.
    dave.command("line", "1");
    dave.command("transfer", &format!("sip:erin@{}?Join={join}", server.sip));
    until("three are in the conference", || (members(&server) == 3).then_some(()));
    // The call with Carol is over for Dave, who is in the conference with her by the other one.
    dave.event("CALL_CLOSED");
    // baresip 1.0 takes its recorder away at a hold, and Dave had each of the two on hold: what comes and goes is counted there.
    for phone in [&carol, &erin] {
        until("both are heard and hear", || (phone.rates().0 > 60_000 && phone.rates().1 > 60_000).then_some(()));
    }
    carol.hang_up();
    erin.hang_up();
    dave.event("CALL_CLOSED");
    server.is_idle();
    server.stop();
}

#[test]
fn a_phone_picks_up_what_rings_at_another_one_and_both_are_heard() {
    let group = "[[group]]\nname = \"sales\"\nmembers = [\"dave\", \"erin\"]\npickup = [\"members\"]\n\
                 [[route]]\nprefix = \"*8\"\nto = [\"pickup\"]\nstrip = 2\n";
    let site = Site::new();
    let mut server = Server::start(&site, &Settings::new(group));
    server.add_accounts(&["carol", "dave", "erin"]);
    let mut dave = phone(&site, "dave", server.sip, DAVE, false);
    let mut erin = phone(&site, "erin", server.sip, ERIN, false);
    let mut carol = phone(&site, "carol", server.sip, CAROL, false);
    carol.dial("dave");
    dave.event("CALL_INCOMING");
    erin.dial("*8");
    erin.event("CALL_ESTABLISHED");
    carol.event("CALL_ESTABLISHED");
    dave.event("CALL_CLOSED");
    carol.hears(ERIN, 2.0);
    erin.hears(CAROL, 2.0);
    carol.hang_up();
    erin.event("CALL_CLOSED");
    let records = server.records(2);
    assert!(records.iter().any(|record| record["called"]["user"] == json!("dave")), "{records:?}");
    server.is_idle();
    server.stop();
}

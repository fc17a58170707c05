//! What phones, trunks and the operator do in calls across platforms, as they do it within one.

use crate::across_platforms::{CAROL, DAVE, answered, reaches, records, settings};
use crate::scenario::{CALLEE_IS_CANCELLED, ours, register, trunk};
use crate::talk::is_clean;
use scenarios::peer::baresip::Setup;
use scenarios::peer::server::PASSWORD;
use scenarios::peer::wait::until;
use scenarios::peer::{Baresip, Server, Sipp, Site};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// Further tones.
const ERIN: f64 = 1_300.0;
const FRANK: f64 = 700.0;

/// Two platforms, each with these accounts and further sections.
fn linked<'a>(site: &'a Site, at_east: (&[&str], &str), at_west: (&[&str], &str)) -> [Server<'a>; 2] {
    let at = site.host.socket();
    let listens = format!("listen = \"{at}\"\n{}", at_west.1);
    let mut west = Server::prepare(site, "west", &settings(2, "west", &listens));
    let mut east = Server::prepare(site, "east", &settings(1, "east", &format!("peers = [\"{at}\"]\n{}", at_east.1)));
    west.launch();
    east.launch();
    east.add_accounts(at_east.0);
    west.add_accounts(at_west.0);
    reaches(&east, 2, "linked");
    reaches(&west, 1, "linked");
    [east, west]
}

fn phone(site: &Site, user: &str, server: SocketAddr, hertz: f64, answers: bool) -> Baresip {
    Baresip::start(site, &Setup { user, password: PASSWORD, server, transport: "udp", hertz, answers, codecs: "PCMU" })
}

fn stop(servers: [Server<'_>; 2]) {
    for mut server in servers {
        server.is_idle();
        server.stop();
    }
}

/// Waits until a platform's only call is in this state.
fn is_in(server: &Server<'_>, state: &str) {
    until(&format!("the call is {state}"), || (server.ctl_json(&["calls"])[0]["state"] == state).then_some(()));
}

#[test]
fn hold_and_retrieve_work_from_either_platform() {
    let site = Site::new();
    let servers = linked(&site, (&["carol"], ""), (&["dave"], ""));
    let [east, west] = &servers;
    let mut carol = phone(&site, "carol", east.sip, CAROL, false);
    let mut dave = phone(&site, "dave", west.sip, DAVE, false);
    answered(&mut carol, &mut dave, "dave");
    is_clean(carol.hears(DAVE, 1.0));
    is_clean(dave.hears(CAROL, 1.0));
    let mut phones = [carol, dave];
    for holder in 0..phones.len() {
        phones[holder].command("hold", "");
        is_in(&servers[holder], "held");
        let are_silent = |phones: &[Baresip]| phones.iter().all(|phone| phone.rates() == (0, 0)).then_some(());
        until("no voice is sent or received", || are_silent(&phones));
        phones[holder].command("resume", "");
        is_in(&servers[holder], "talking");
        // 64 kbit/s are 50 packets of 20 ms a second.
        let talks = |phone: &Baresip| phone.rates().0 > 60_000 && phone.rates().1 > 60_000;
        until("both send and receive again", || phones.iter().all(talks).then_some(()));
    }
    let [mut carol, mut dave] = phones;
    dave.forget();
    carol.hang_up();
    dave.event("CALL_CLOSED");
    records(east, west, 1);
    stop(servers);
}

#[test]
fn either_party_transfers_the_other_to_either_platform() {
    let site = Site::new();
    let servers = linked(&site, (&["carol", "erin"], ""), (&["dave", "frank"], ""));
    let [east, west] = &servers;
    let mut carol = phone(&site, "carol", east.sip, CAROL, false);
    let mut dave = phone(&site, "dave", west.sip, DAVE, false);
    let mut erin = phone(&site, "erin", east.sip, ERIN, true);
    let mut frank = phone(&site, "frank", west.sip, FRANK, true);

    // Who was called sends the caller back to where that one is at home.
    answered(&mut carol, &mut dave, "dave");
    carol.hears(DAVE, 1.0);
    dave.command("transfer", &format!("sip:erin@{}", west.sip));
    erin.event("CALL_ESTABLISHED");
    dave.event("CALL_CLOSED");
    carol.hears(ERIN, 2.0);
    erin.hears(CAROL, 2.0);
    carol.hang_up();
    erin.event("CALL_CLOSED");
    east.is_idle();
    west.is_idle();

    // Who called sends the other one to a third at that one's own platform.
    answered(&mut carol, &mut dave, "dave");
    dave.hears(CAROL, 1.0);
    carol.command("transfer", &format!("sip:frank@{}", east.sip));
    frank.event("CALL_ESTABLISHED");
    carol.event("CALL_CLOSED");
    dave.hears(FRANK, 2.0);
    frank.hears(DAVE, 2.0);
    frank.hang_up();
    dave.event("CALL_CLOSED");
    // Each conversation has a record where it was routed, and they name each other.
    let told: Vec<Value> = east.records(4);
    assert!(told.iter().any(|record| record["transferred-to"]["user"] == "frank"), "{told:?}");
    stop(servers);
}

#[test]
fn the_operator_connects_phones_wherever_they_are() {
    let site = Site::new();
    let servers = linked(&site, (&["carol"], ""), (&["dave"], ""));
    let [east, west] = &servers;
    let mut carol = phone(&site, "carol", east.sip, CAROL, true);
    let mut dave = phone(&site, "dave", west.sip, DAVE, true);
    // At the platform of the first party, and at that of the second.
    for operated in [east, west] {
        carol.forget();
        dave.forget();
        let (status, text) = operated.ctl(&["call", "carol", "dave"]);
        assert!(status.success(), "{text}");
        carol.event("CALL_ESTABLISHED");
        dave.event("CALL_ESTABLISHED");
        is_clean(carol.hears(DAVE, 2.0));
        is_clean(dave.hears(CAROL, 2.0));
        carol.hang_up();
        dave.event("CALL_CLOSED");
        east.is_idle();
        west.is_idle();
    }
    // Nobody rings for who is nowhere.
    let (status, text) = east.ctl(&["call", "carol", "nobody"]);
    assert!(!status.success(), "{text}");
    stop(servers);
}

#[test]
fn a_user_of_both_platforms_is_rung_on_both_and_one_answers() {
    let site = Site::new();
    let servers = linked(&site, (&["carol", "dave"], ""), (&["dave"], ""));
    let [east, west] = &servers;
    let mut carol = phone(&site, "carol", east.sip, CAROL, false);
    let mut here = phone(&site, "dave", east.sip, DAVE, false);
    let other = site.host.socket();
    register(&site, west, "dave", other, other);
    let there = ours(&site, "there", CALLEE_IS_CANCELLED, &[], other).calls(1, 1).start();
    carol.dial("dave");
    here.event("CALL_INCOMING");
    carol.event("CALL_RINGING");
    is_in(west, "ringing");
    here.command("accept", "");
    carol.event("CALL_ESTABLISHED");
    is_clean(carol.hears(DAVE, 1.0));
    there.succeeds();
    carol.hang_up();
    let [answered, elsewhere] = records(east, west, 1);
    assert_eq!(answered["outcome"], "answered", "{answered}");
    assert_eq!(elsewhere["cause"]["kind"], "answered-elsewhere", "{elsewhere}");
    stop(servers);
}

#[test]
fn a_hundred_calls_from_a_trunk_here_to_one_there() {
    const CALLS: u32 = 100;
    let site = Site::new();
    let (caller, callee) = (site.host.socket(), site.host.socket());
    let to_west = "[[route]]\nfrom = \"trunk:in\"\nto = [\"trunk:out@west\"]\n";
    let at_east = format!("{}{to_west}", trunk("in", None, caller));
    let servers = linked(&site, (&[], &at_east), (&[], &trunk("out", Some(callee.to_string()), callee)));
    let [east, west] = &servers;
    let uas = Sipp::builtin(&site, "uas", "uas", callee).calls(CALLS, 10).quiet().start();
    let uac = Sipp::builtin(&site, "uac", "uac", caller).to(east.sip).service("4930123456");
    uac.calls(CALLS, 20).arguments(&["-d", "200"]).quiet().run();
    uas.succeeds();
    // One record of each call at either platform, under one id.
    let calls = |server: &Server<'_>| {
        let records = server.records(CALLS as usize);
        for record in &records {
            assert_eq!((&record["outcome"], &record["ended-by"]), (&json!("answered"), &json!("caller")), "{record}");
        }
        let mut calls: Vec<String> = records.iter().map(|record| record["call"].to_string()).collect();
        calls.sort();
        calls.dedup();
        calls
    };
    let (here, there) = (calls(east), calls(west));
    assert_eq!((here.len(), &here), (CALLS as usize, &there));
    stop(servers);
}

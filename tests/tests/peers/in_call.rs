//! What happens in a call that is up, and to one that is not yet.

use crate::scenario::{
    CALLEE, CALLEE_ANSWERS_LATE_OFFER, CALLEE_HOLDS, CALLEE_IS_ACKNOWLEDGED, CALLEE_IS_HELD, CALLEE_IS_HELD_BY_UPDATE,
    CALLEE_IS_TRANSFERRED, CALLEE_OFFERS_EARLY, CALLEE_PLAYS_EARLY_MEDIA, CALLEE_REFUSES, CALLER_ACKNOWLEDGES,
    CALLER_HEARS_EARLY_MEDIA, CALLER_HOLDS, CALLER_IS_HELD, CALLER_IS_OFFERED_EARLY, CALLER_OFFERS_LATE,
    CALLER_TRANSFERS, CALLER_TRANSFERS_IN_VAIN, CALLER_UPDATES, line, ours, trunk,
};
use scenarios::peer::server::Settings;
use scenarios::peer::{Server, Site};
use serde_json::{Value, json};

/// A caller's scenario against a callee's, over two trunks. What is in `allow` both sides allow. The record.
fn pair(caller_scenario: &str, callee_scenario: &str, allow: &str) -> Value {
    pair_with(caller_scenario, callee_scenario, allow, "")
}

/// The same with lines of `[sip]`.
fn pair_with(caller_scenario: &str, callee_scenario: &str, allow: &str, sip: &str) -> Value {
    let site = Site::new();
    let (caller, callee) = (site.host.socket(), site.host.socket());
    let mut server = Server::start(&site, &line(caller, callee).sip(sip));
    let replace = [("ALLOW", allow)];
    let called = ours(&site, "callee", callee_scenario, &replace, callee).calls(1, 1).start();
    ours(&site, "caller", caller_scenario, &replace, caller).service("100").to(server.sip).calls(1, 1).run();
    called.succeeds();
    server.is_idle();
    let record = server.records(1).remove(0);
    assert_eq!(record["outcome"], "answered", "{record}");
    server.stop();
    record
}

#[test]
fn early_media_is_passed_on() {
    pair(CALLER_HEARS_EARLY_MEDIA, CALLEE_PLAYS_EARLY_MEDIA, "REFER");
}

#[test]
fn provisional_responses_are_acknowledged_and_sessions_refreshed_on_each_leg_by_itself() {
    pair_with(CALLER_ACKNOWLEDGES, CALLEE_IS_ACKNOWLEDGED, "UPDATE", "session_min_s = 4");
}

#[test]
fn the_caller_holds_and_retrieves() {
    pair(CALLER_HOLDS, CALLEE_IS_HELD, "REFER");
}

#[test]
fn the_caller_holds_and_the_callee_is_told_by_update_which_it_allows() {
    pair(CALLER_HOLDS, CALLEE_IS_HELD_BY_UPDATE, "UPDATE");
}

#[test]
fn the_caller_holds_by_update_and_the_callee_is_told_by_invite() {
    pair(CALLER_UPDATES, CALLEE_IS_HELD, "REFER");
}

#[test]
fn the_callee_holds_and_retrieves() {
    let record = pair(CALLER_IS_HELD, CALLEE_HOLDS, "REFER");
    assert_eq!(record["ended-by"], "called", "{record}");
}

#[test]
fn an_offer_in_the_answer_and_an_answer_in_the_ack() {
    pair(CALLER_OFFERS_LATE, CALLEE_ANSWERS_LATE_OFFER, "REFER");
}

/// Both before the answer: PCMU, which the caller chose of PCMA and PCMU, is what the callee is answered (RFC 3262 §5).
#[test]
fn an_offer_in_an_acknowledged_183_and_an_answer_in_the_prack() {
    pair(CALLER_IS_OFFERED_EARLY, CALLEE_OFFERS_EARLY, "REFER");
}

/// A call to `first`, whom the caller sends to `second`: the records of the call and of what the transfer came to.
fn transfer(caller_scenario: &str, second_scenario: &str, status: (&str, &str)) -> (Value, Value) {
    let site = Site::new();
    let (caller, first, second) = (site.host.socket(), site.host.socket(), site.host.socket());
    let settings = Settings::new(format!(
        "{}{}{}[[route]]\nfrom = \"trunks\"\nnumber = \"100\"\nto = [\"trunk:first\"]\n\
         [[route]]\nfrom = \"trunks\"\nnumber = \"200\"\nto = [\"trunk:second\"]\n",
        trunk("in", None, caller),
        trunk("first", Some(first.to_string()), first),
        trunk("second", Some(second.to_string()), second),
    ));
    let mut server = Server::start(&site, &settings);
    let mut events = server.control();
    events.ask("calls", "subscribe", json!({}));
    let first = ours(&site, "first", CALLEE_IS_TRANSFERRED, &[], first).calls(1, 1).start();
    let second = ours(&site, "second", second_scenario, &[("STATUS", status.1)], second).calls(1, 1).start();
    let replace = [("TARGET", "200"), ("STATUS", status.0)];
    ours(&site, "caller", caller_scenario, &replace, caller).service("100").to(server.sip).calls(1, 1).run();
    let answered = second_scenario == CALLEE;
    if answered {
        // The two that are left talk until the operator ends it.
        let event = events.event("transferred", |event| event["message"] == "transferred");
        let call = event["body"]["call"].as_str().expect("an event names its call").to_owned();
        let (status, text) = server.ctl(&["hangup", &call]);
        assert!(status.success(), "{text}");
    }
    second.succeeds();
    first.succeeds();
    server.is_idle();
    let (mut call, mut after): (Vec<_>, Vec<_>) =
        server.records(2).into_iter().partition(|record| record["transferred-from"].is_null());
    server.stop();
    assert_eq!((call.len(), after.len()), (1, 1), "{call:?} {after:?}");
    let (call, after) = (call.remove(0), after.remove(0));
    assert_eq!(after["transferred-from"], call["call"], "{after}");
    (call, after)
}

#[test]
fn a_blind_transfer_is_reported_and_the_other_two_talk() {
    let (call, after) = transfer(CALLER_TRANSFERS, CALLEE, ("200", "200 OK"));
    assert_eq!((&call["transferred-to"]["user"], &call["transferred-as"]), (&json!("200"), &after["call"]), "{call}");
    assert_eq!((&call["ended-by"], &call["destination"]), (&json!("caller"), &json!("first")), "{call}");
    assert_eq!((&after["outcome"], &after["destination"]), (&json!("answered"), &json!("second")), "{after}");
    assert_eq!(after["ended-by"], "operator", "{after}");
}

#[test]
fn a_blind_transfer_in_vain_leaves_the_call_as_it_was() {
    let (call, after) = transfer(CALLER_TRANSFERS_IN_VAIN, CALLEE_REFUSES, ("486", "486 Busy Here"));
    assert_eq!((&call["outcome"], &call["destination"]), (&json!("answered"), &json!("first")), "{call}");
    assert_eq!(call["ended-by"], "caller", "{call}");
    assert_eq!((&after["outcome"], &after["destination"]), (&json!("unanswered"), &json!("second")), "{after}");
}

//! Messages that cross or overtake each other (RFC 5407 and beyond), between two peers whose every message is written here, through a whole platform.

use crate::secs;
use crate::trunk_failover::configured;
use router::time::Duration;
use scenarios::trunk::{address, known};
use scenarios::{Hand, Simulation};
use signaling::message::{Header, Message};
use std::collections::BTreeMap;
use switch::plan::{Destination, OriginMatch};

/// Two carriers: what the first one calls the second one is called for.
fn carriers(seed: u64) -> (Simulation, Hand, Hand) {
    let mut config = configured(vec![known("two", address(2)), known("one", address(1))]);
    let out = &mut config.switch.plan.routes[0];
    out.origin = OriginMatch::Any;
    if let Destination::Trunks(steps) = &mut out.destination {
        steps.truncate(1);
    }
    // Nobody here says anything.
    config.switch.media_silence = Some(secs(3_600));
    let mut simulation = Simulation::with(seed, config);
    simulation.run_ms(300);
    let [caller, callee] =
        [("one", 1), ("two", 2)].map(|(name, number)| Hand::new(&mut simulation, name, address(number)));
    (simulation, caller, callee)
}

/// What it describes.
fn sdp(hand: &Hand, direction: &str) -> String {
    let host = hand.address.ip();
    format!(
        "v=0\r\no=- 1 {} IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8\r\na={direction}\r\n",
        direction.len()
    )
}

fn text(message: &Message) -> String {
    String::from_utf8_lossy(message.as_bytes()).into_owned()
}

/// The caller talks to the callee.
fn talk(simulation: &mut Simulation, caller: &mut Hand, callee: &mut Hand, headers: &str) {
    let body = sdp(caller, "sendrecv");
    caller.calls(simulation, "0301", headers, &body);
    let invite = callee.is_called(simulation);
    let body = sdp(callee, "sendrecv");
    callee.answers(simulation, &invite, "200 OK", "", &body);
    callee.gets(simulation, "ACK ");
    let ok = caller.gets(simulation, "SIP/2.0 200");
    caller.acknowledges(simulation, &ok, "");
    simulation.run_ms(20);
}

/// One hangs up, and the other one is told.
fn hang_up(mut simulation: Simulation, one: &mut Hand, other: &mut Hand) {
    one.asks(&mut simulation, "BYE", "", "");
    one.gets(&mut simulation, "SIP/2.0 200");
    let bye = other.gets(&mut simulation, "BYE ");
    other.answers(&mut simulation, &bye, "200 OK", "", "");
    simulation.finish();
}

/// RFC 3262 §3: a callee whose 200 has overtaken the PRACK knows of no response any more that waits for one, and says so: the call is up all the same.
#[test]
fn a_prack_that_the_200_has_overtaken_ends_no_call() {
    let (mut simulation, mut caller, mut callee) = carriers(1);
    let body = sdp(&caller, "sendrecv");
    caller.calls(&mut simulation, "0301", "", &body);
    let invite = callee.is_called(&mut simulation);
    callee.answers(&mut simulation, &invite, "180 Ringing", "Require: 100rel\r\nRSeq: 9\r\n", "");
    let body = sdp(&callee, "sendrecv");
    callee.answers(&mut simulation, &invite, "200 OK", "", &body);
    let prack = callee.gets(&mut simulation, "PRACK ");
    callee.answers(&mut simulation, &prack, "481 Call/Transaction Does Not Exist", "", "");
    let ok = caller.gets(&mut simulation, "SIP/2.0 200");
    caller.acknowledges(&mut simulation, &ok, "");
    let heard = callee.hears(&mut simulation, 3_000);
    assert!(heard.iter().all(|line| line.starts_with("ACK ")), "{heard:?}");
    assert!(caller.hears(&mut simulation, 0).is_empty());
    hang_up(simulation, &mut caller, &mut callee);
}

/// RFC 3262 §3: whoever refuses a call is prepared for the PRACK to what it said before.
#[test]
fn a_prack_that_a_refusal_or_the_end_has_overtaken_is_answered() {
    for cancelled in [false, true] {
        let (mut simulation, mut caller, mut callee) = carriers(2);
        let body = sdp(&caller, "sendrecv");
        caller.calls(&mut simulation, "0301", "Supported: 100rel\r\n", &body);
        let invite = callee.is_called(&mut simulation);
        callee.answers(&mut simulation, &invite, "180 Ringing", "", "");
        let ringing = caller.gets(&mut simulation, "SIP/2.0 180");
        let refusal = if cancelled {
            caller.cancels(&mut simulation);
            let cancel = callee.gets(&mut simulation, "CANCEL ");
            callee.answers(&mut simulation, &cancel, "200 OK", "", "");
            callee.answers(&mut simulation, &invite, "487 Request Terminated", "", "");
            caller.gets(&mut simulation, "SIP/2.0 487")
        } else {
            callee.answers(&mut simulation, &invite, "486 Busy Here", "", "");
            caller.gets(&mut simulation, "SIP/2.0 486")
        };
        caller.acknowledges(&mut simulation, &refusal, "");
        caller.pracks(&mut simulation, &ringing, "");
        caller.gets(&mut simulation, "SIP/2.0 200");
        caller.pracks(&mut simulation, &ringing, "");
        caller.gets(&mut simulation, "SIP/2.0 481");
        simulation.finish();
    }
}

/// RFC 3261 §13.2.2.4, §15: it should have waited for the ACK; but every 2xx has one, and every offer an answer.
#[test]
fn a_callee_that_hangs_up_before_its_offer_is_answered_is_acknowledged() {
    let (mut simulation, mut caller, mut callee) = carriers(3);
    caller.calls(&mut simulation, "0301", "", "");
    let invite = callee.is_called(&mut simulation);
    let body = sdp(&callee, "sendrecv");
    callee.answers(&mut simulation, &invite, "200 OK", "", &body);
    callee.asks(&mut simulation, "BYE", "", "");
    callee.gets(&mut simulation, "SIP/2.0 200");
    let ack = callee.gets(&mut simulation, "ACK ");
    assert!(text(&ack).contains("m=audio 0 "), "{}", text(&ack));
    let ok = caller.gets(&mut simulation, "SIP/2.0 200");
    let body = sdp(&caller, "sendrecv");
    caller.acknowledges(&mut simulation, &ok, &body);
    let bye = caller.gets(&mut simulation, "BYE ");
    caller.answers(&mut simulation, &bye, "200 OK", "", "");
    simulation.finish();
}

/// RFC 5407 §3.1.6: who hangs up has had the 200, which is not said again; the ACK that comes late stirs nobody.
#[test]
fn a_bye_that_overtakes_the_ack_ends_the_call_at_once() {
    for late_offer in [false, true] {
        let (mut simulation, mut caller, mut callee) = carriers(4);
        let body = if late_offer { String::new() } else { sdp(&caller, "sendrecv") };
        caller.calls(&mut simulation, "0301", "", &body);
        let invite = callee.is_called(&mut simulation);
        let body = sdp(&callee, "sendrecv");
        callee.answers(&mut simulation, &invite, "200 OK", "", &body);
        let ok = caller.gets(&mut simulation, "SIP/2.0 200");
        caller.enters(&ok);
        caller.asks(&mut simulation, "BYE", "", "");
        caller.gets(&mut simulation, "SIP/2.0 200");
        callee.gets(&mut simulation, "ACK ");
        let bye = callee.gets(&mut simulation, "BYE ");
        callee.answers(&mut simulation, &bye, "200 OK", "", "");
        let body = if late_offer { sdp(&caller, "sendrecv") } else { String::new() };
        caller.acknowledges(&mut simulation, &ok, &body);
        assert_eq!(caller.hears(&mut simulation, 5_000), [""; 0]);
        assert_eq!(callee.hears(&mut simulation, 0), [""; 0]);
        simulation.finish();
    }
}

/// RFC 3311 §5.2, RFC 5407 §3.1.5: the answer is still on its way, in an ACK that is lost.
#[test]
fn a_hold_that_overtakes_the_ack_with_the_answer_waits_for_it() {
    for method in ["UPDATE", "INVITE"] {
        let (mut simulation, mut caller, mut callee) = carriers(5);
        caller.calls(&mut simulation, "0301", "", "");
        let invite = callee.is_called(&mut simulation);
        let body = sdp(&callee, "sendrecv");
        callee.answers(&mut simulation, &invite, "200 OK", "", &body);
        let ok = caller.gets(&mut simulation, "SIP/2.0 200");
        let first = caller.clone();
        caller.enters(&ok);
        let hold = sdp(&caller, "sendonly");
        caller.asks(&mut simulation, method, "", &hold);
        let pending = caller.gets(&mut simulation, "SIP/2.0 491");
        if method == "INVITE" {
            caller.acknowledges(&mut simulation, &pending, "");
        }
        assert_eq!(callee.hears(&mut simulation, 0), [""; 0], "it waits for the answer");
        caller.gets(&mut simulation, "SIP/2.0 200");
        // The ACK is to the first INVITE.
        let body = sdp(&caller, "sendrecv");
        first.clone().acknowledges(&mut simulation, &ok, &body);
        let ack = callee.gets(&mut simulation, "ACK ");
        assert!(text(&ack).contains("m=audio 2"), "{}", text(&ack));
        caller.asks(&mut simulation, method, "", &hold);
        let asked = callee.gets(&mut simulation, "INVITE ");
        assert!(text(&asked).contains("a=sendonly"), "{}", text(&asked));
        let body = sdp(&callee, "recvonly");
        callee.answers(&mut simulation, &asked, "200 OK", "", &body);
        callee.gets(&mut simulation, "ACK ");
        let held = caller.gets(&mut simulation, "SIP/2.0 200");
        assert!(text(&held).contains("a=recvonly"), "{}", text(&held));
        if method == "INVITE" {
            caller.acknowledges(&mut simulation, &held, "");
        }
        hang_up(simulation, &mut callee, &mut caller);
    }
}

/// RFC 3262 §3: the 200 waits for the PRACK of what brought the answer, while the callee talks already; then the caller gives up.
#[test]
fn an_answer_that_waits_for_a_prack_meets_a_cancel() {
    let (mut simulation, mut caller, mut callee) = carriers(6);
    let body = sdp(&caller, "sendrecv");
    caller.calls(&mut simulation, "0301", "Supported: 100rel\r\n", &body);
    let invite = callee.is_called(&mut simulation);
    let body = sdp(&callee, "sendrecv");
    callee.answers(&mut simulation, &invite, "183 Session Progress", "", &body);
    let early = caller.gets(&mut simulation, "SIP/2.0 183");
    callee.answers(&mut simulation, &invite, "200 OK", "", &body);
    callee.gets(&mut simulation, "ACK ");
    assert_eq!(caller.hears(&mut simulation, 100), [""; 0]);
    caller.cancels(&mut simulation);
    caller.gets(&mut simulation, "SIP/2.0 200");
    let refusal = caller.gets(&mut simulation, "SIP/2.0 487");
    caller.acknowledges(&mut simulation, &refusal, "");
    let bye = callee.gets(&mut simulation, "BYE ");
    callee.answers(&mut simulation, &bye, "200 OK", "", "");
    caller.pracks(&mut simulation, &early, "");
    caller.gets(&mut simulation, "SIP/2.0 200");
    simulation.finish();
}

/// RFC 3311 §5.1: the caller holds before the answer, which comes at that moment; the callee is told once it is up.
#[test]
fn a_hold_before_the_answer_crosses_it() {
    for answered_first in [false, true] {
        let (mut simulation, mut caller, mut callee) = carriers(7);
        let body = sdp(&caller, "sendrecv");
        caller.calls(&mut simulation, "0301", "Supported: 100rel\r\n", &body);
        let invite = callee.is_called(&mut simulation);
        let spoken = sdp(&callee, "sendrecv");
        callee.answers(&mut simulation, &invite, "183 Session Progress", "", &spoken);
        let early = caller.gets(&mut simulation, "SIP/2.0 183");
        caller.pracks(&mut simulation, &early, "");
        caller.gets(&mut simulation, "SIP/2.0 200");
        let hold = sdp(&caller, "sendonly");
        let answer =
            |simulation: &mut Simulation, callee: &Hand| callee.answers(simulation, &invite, "200 OK", "", &spoken);
        if answered_first {
            answer(&mut simulation, &callee);
        }
        caller.asks(&mut simulation, "UPDATE", "", &hold);
        if !answered_first {
            answer(&mut simulation, &callee);
        }
        callee.gets(&mut simulation, "ACK ");
        let asked = callee.gets(&mut simulation, "INVITE ");
        assert!(text(&asked).contains("a=sendonly"), "{}", text(&asked));
        let body = sdp(&callee, "recvonly");
        callee.answers(&mut simulation, &asked, "200 OK", "", &body);
        callee.gets(&mut simulation, "ACK ");
        let oks = [(); 2].map(|()| caller.gets(&mut simulation, "SIP/2.0 200"));
        let of = |method: &str| oks.iter().find(|ok| ok.text(Header::CSeq).is_some_and(|cseq| cseq.ends_with(method)));
        let held = of("UPDATE").expect("the UPDATE is accepted");
        assert!(text(held).contains("a=recvonly"), "{}", text(held));
        caller.acknowledges(&mut simulation, of("INVITE").expect("the call is answered"), "");
        assert_eq!(caller.hears(&mut simulation, 3_000), [""; 0]);
        hang_up(simulation, &mut caller, &mut callee);
    }
}

/// One early dialog offers anew at the moment at which another one answers, and then answers itself.
#[test]
fn a_fork_s_offer_crosses_the_answer_of_another_one() {
    for answered_first in [false, true] {
        let (mut simulation, mut caller, mut callee) = carriers(8);
        let body = sdp(&caller, "sendrecv");
        caller.calls(&mut simulation, "0301", "", &body);
        let invite = callee.is_called(&mut simulation);
        let spoken = sdp(&callee, "sendrecv");
        let reliable = "Require: 100rel\r\nRSeq: 5\r\n";
        callee.answers_as(&mut simulation, "first", &invite, "183 Session Progress", reliable, &spoken);
        let prack = callee.gets(&mut simulation, "PRACK ");
        callee.answers(&mut simulation, &prack, "200 OK", "", "");
        caller.gets(&mut simulation, "SIP/2.0 183");
        let mut first = callee.fork("first");
        let moved = sdp(&callee, "sendrecv").replace("4000", "4002");
        if answered_first {
            callee.answers_as(&mut simulation, "second", &invite, "200 OK", "", &spoken);
        }
        first.asks(&mut simulation, "UPDATE", "", &moved);
        if !answered_first {
            callee.answers_as(&mut simulation, "second", &invite, "200 OK", "", &spoken);
        }
        simulation.run_ms(100);
        // The other one's ACK, and a final response to what the first one asked.
        let heard = callee.hears(&mut simulation, 0);
        let is_final = |line: &String| line.starts_with("SIP/2.0 ") && line.contains("UPDATE");
        assert_eq!(heard.iter().filter(|line| is_final(line)).count(), 1, "{heard:?}");
        assert_eq!(heard.iter().filter(|line| line.starts_with("ACK ")).count(), 1, "{heard:?}");
        let ok = caller.gets(&mut simulation, "SIP/2.0 200");
        caller.acknowledges(&mut simulation, &ok, "");
        callee.answers_as(&mut simulation, "first", &invite, "200 OK", "", &spoken);
        let ack = callee.gets(&mut simulation, "ACK ");
        let bye = callee.gets(&mut simulation, "BYE ");
        for message in [&ack, &bye] {
            assert!(message.text(Header::To).is_some_and(|to| to.ends_with("tag=first")), "{}", text(message));
        }
        callee.answers(&mut simulation, &bye, "200 OK", "", "");
        callee.obliges(&mut simulation, 3_000, &spoken);
        hang_up(simulation, &mut caller, &mut callee);
    }
}

/// RFC 3891 §3: of two who want the same place at the same moment one has it, and the other one is refused.
#[test]
fn two_want_the_same_place_at_once() {
    let (mut simulation, mut caller, mut callee) = carriers(9);
    talk(&mut simulation, &mut caller, &mut callee, "");
    let body = sdp(&callee, "sendrecv");
    let wants = format!("Replaces: {}\r\nRequire: replaces\r\n", callee.replaces());
    let mut others = ["third", "fourth"].map(|name| callee.anew(name));
    for other in &mut others {
        other.calls(&mut simulation, "two", &wants, &body);
    }
    let (mut finals, mut byes) = (BTreeMap::new(), 0);
    for _ in 0..40 {
        for message in callee.all(&mut simulation, 50) {
            let call_id = message.call_id().unwrap_or_default().to_owned();
            let status = message.status().map_or(0, |status| status.code());
            if status >= 200 && message.text(Header::CSeq).is_some_and(|cseq| cseq.ends_with("INVITE")) {
                let other = others.iter_mut().find(|other| other.is_of(&message)).expect("one of the two");
                other.acknowledges(&mut simulation, &message, "");
                finals.insert(call_id, status);
            } else {
                byes += usize::from(message.as_bytes().starts_with(b"BYE "));
                callee.takes(&mut simulation, &message, &body);
            }
        }
        let body = sdp(&caller, "sendrecv");
        caller.obliges(&mut simulation, 1, &body);
    }
    let won = finals.values().filter(|status| **status == 200).count();
    assert_eq!((finals.len(), won, byes), (2, 1, 1), "{finals:?}");
    hang_up(simulation, &mut caller, &mut callee);
}

/// RFC 3891 §3: who is to be replaced leaves at that moment.
#[test]
fn a_place_is_wanted_as_the_call_ends() {
    for wanted_first in [false, true] {
        for by_caller in [false, true] {
            let (mut simulation, mut caller, mut callee) = carriers(10);
            talk(&mut simulation, &mut caller, &mut callee, "");
            let body = sdp(&callee, "sendrecv");
            let wants = format!("Replaces: {}\r\n", callee.replaces());
            let mut third = callee.anew("third");
            if wanted_first {
                third.calls(&mut simulation, "two", &wants, &body);
            }
            let leaves = if by_caller { &mut caller } else { &mut callee };
            leaves.asks(&mut simulation, "BYE", "", "");
            if !wanted_first {
                third.calls(&mut simulation, "two", &wants, &body);
            }
            let mut finals = Vec::new();
            for _ in 0..80 {
                for message in callee.all(&mut simulation, 50) {
                    let status = message.status().map_or(0, |status| status.code());
                    if status >= 200 && third.is_of(&message) && text(&message).contains(" INVITE\r\n") {
                        third.acknowledges(&mut simulation, &message, "");
                        finals.push(status);
                    } else {
                        callee.takes(&mut simulation, &message, &body);
                    }
                }
                let body = sdp(&caller, "sendrecv");
                caller.obliges(&mut simulation, 1, &body);
            }
            assert_eq!(finals.len(), 1, "{finals:?}");
            // Where it came first, and the one whose place it took had left, it talks to the caller.
            if finals == [200] && !by_caller {
                third.asks(&mut simulation, "BYE", "", "");
                callee.all(&mut simulation, 50);
                let body = sdp(&caller, "sendrecv");
                caller.obliges(&mut simulation, 500, &body);
            }
            simulation.finish();
        }
    }
}

/// RFC 4028 §7.2, §7.4, §10, RFC 3261 §14.1: a refresh that is refused by a peer that is busy, met by one of its own, and too short at last.
#[test]
fn a_refresh_that_is_refused_three_ways_in_a_row_keeps_the_session() {
    let (mut simulation, mut caller, mut callee) = carriers(11);
    let headers =
        "Supported: timer\r\nAllow: INVITE, ACK, BYE, UPDATE\r\nSession-Expires: 90;refresher=uas\r\nMin-SE: 90\r\n";
    talk(&mut simulation, &mut caller, &mut callee, headers);
    let after = |simulation: &mut Simulation, caller: &mut Hand, time: Duration| {
        simulation.run(time);
        caller.gets(simulation, "UPDATE ")
    };
    let refresh = after(&mut simulation, &mut caller, secs(44));
    caller.answers(&mut simulation, &refresh, "500 Busy", "Retry-After: 3\r\n", "");
    let refresh = after(&mut simulation, &mut caller, secs(21));
    caller.answers(&mut simulation, &refresh, "491 Request Pending", "", "");
    let refresh = after(&mut simulation, &mut caller, Duration::from_millis(20));
    caller.answers(&mut simulation, &refresh, "422 Session Interval Too Small", "Min-SE: 120\r\n", "");
    let refresh = caller.gets(&mut simulation, "UPDATE ");
    assert!(text(&refresh).contains("Session-Expires: 120;refresher=uac\r\n"), "{}", text(&refresh));
    let granted = "Require: timer\r\nSession-Expires: 120;refresher=uac\r\n";
    caller.answers(&mut simulation, &refresh, "200 OK", granted, "");
    let refresh = after(&mut simulation, &mut caller, secs(59));
    caller.answers(&mut simulation, &refresh, "200 OK", granted, "");
    assert_eq!(callee.hears(&mut simulation, 1_000), [""; 0]);
    hang_up(simulation, &mut callee, &mut caller);
}

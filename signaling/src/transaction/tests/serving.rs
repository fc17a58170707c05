//! The side of the server.

use super::*;

#[test]
fn a_new_request_goes_up_once_and_its_answer_is_repeated() {
    let mut bench = Bench::new();
    let via = flow(Transport::Udp);
    let request = incoming("OPTIONS", "1", "");
    bench.receive(&via, &request);
    bench.receive(&via, &request);
    let key = bench.request_key();
    assert_eq!(bench.transmits(), []);
    assert!(bench.layer.is_unanswered(key));
    let ok = response(&request, 200);
    assert!(bench.layer.respond(bench.now, key, ok.clone()));
    assert!(!bench.say(key, &request, 404));
    bench.receive(&via, &request);
    let sent = bench.transmits();
    assert_eq!(sent.len(), 2);
    for transmit in &sent {
        assert_eq!((&transmit.bytes, transmit.destination.remote), (&ok, via.remote));
        assert_eq!(transmit.destination.listener, Some(ListenerId(0)));
    }
    assert_eq!(bench.pass(31_999), []);
    bench.receive(&via, &request);
    assert_eq!(bench.sent(), ["SIP/2.0 200 OK"]);
    bench.pass(2);
    assert_eq!(bench.told(), ["server terminated"]);
    assert!(bench.layer.is_empty());
}

#[test]
fn trying_comes_within_200_ms_and_is_repeated() {
    let mut bench = Bench::new();
    let via = flow(Transport::Udp);
    let start = bench.now;
    bench.receive(&via, &incoming("INVITE", "1", ""));
    let key = bench.request_key();
    assert_eq!(bench.run(start, 300), [(100, "SIP/2.0 100 Trying".to_owned())]);
    bench.receive(&via, &incoming("INVITE", "1", ""));
    let trying = bench.one();
    let trying = read(&trying.bytes);
    assert_eq!(trying.to_tag(), None);
    assert_eq!(trying.via().unwrap().received(), Some(via.remote.ip()));
    assert!(bench.layer.respond(bench.now, key, response(&incoming("INVITE", "1", ""), 180)));
    bench.receive(&via, &incoming("INVITE", "1", ""));
    assert_eq!(bench.sent(), ["SIP/2.0 180 Ringing", "SIP/2.0 180 Ringing"]);
    assert_eq!(bench.run(start, 600_000), []);
    assert!(bench.layer.is_unanswered(key));
}

#[test]
fn a_refusal_is_repeated_until_its_ack_which_goes_no_further() {
    let mut bench = Bench::new();
    let via = flow(Transport::Udp);
    let (invite, key) = bench.invited(&via);
    let start = bench.now;
    assert!(bench.say(key, &invite, 486));
    assert_eq!(bench.sent(), ["SIP/2.0 486 Busy Here"]);
    let times: Vec<u64> = bench.run(start, 4_000).iter().map(|(ms, _)| *ms).collect();
    assert_eq!(times, [500, 1_500, 3_500]);
    bench.transmits();
    bench.receive(&via, &incoming("ACK", "1", ";tag=b1"));
    bench.receive(&via, &incoming("ACK", "1", ";tag=b1"));
    bench.receive(&via, &invite);
    assert_eq!((bench.told(), bench.transmits()), (Vec::new(), Vec::new()));
    assert_eq!(bench.pass(5_001), []);
    assert_eq!(bench.told(), ["server terminated"]);
}

#[test]
fn a_refusal_without_ack_is_reported() {
    let mut bench = Bench::new();
    let (invite, key) = bench.invited(&flow(Transport::Udp));
    let start = bench.now;
    bench.say(key, &invite, 500);
    bench.run(start, 33_000);
    assert_eq!(bench.told(), ["unacknowledged", "server terminated"]);
    assert_eq!(bench.layer.counters().unacknowledged, 1);
}

#[test]
fn an_accepted_invite_is_absorbed_and_its_ack_goes_up() {
    let mut bench = Bench::new();
    let via = flow(Transport::Udp);
    let (invite, key) = bench.invited(&via);
    let start = bench.now;
    assert!(bench.say(key, &invite, 200));
    assert!(bench.say(key, &invite, 200));
    assert!(!bench.say(key, &invite, 487));
    bench.transmits();
    bench.receive(&via, &invite);
    assert_eq!(bench.transmits(), []);
    bench.receive(&via, &incoming("ACK", "2", ";tag=b1"));
    bench.receive(&via, &incoming("ACK", "1", ";tag=b1"));
    assert_eq!(bench.told(), ["ack false", "ack true"]);
    assert_eq!(bench.run(start, 32_001), []);
    assert_eq!(bench.told(), ["server terminated"]);
}

#[test]
fn a_cancel_is_answered_and_its_invite_told() {
    let mut bench = Bench::new();
    let via = flow(Transport::Udp);
    let (invite, key) = bench.invited(&via);
    bench.say(key, &invite, 180);
    bench.transmits();
    let cancel = incoming("CANCEL", "1", "");
    bench.receive(&via, &cancel);
    bench.receive(&via, &cancel);
    let sent = bench.transmits();
    assert_eq!((sent.len(), &sent[0].bytes), (2, &sent[1].bytes));
    let ok = read(&sent[0].bytes);
    assert_eq!((ok.status(), ok.to_tag()), (Some(StatusCode::OK), Tag::new("b1")));
    let events = bench.events();
    assert!(matches!(events.as_slice(), [Event::Cancelled { key: cancelled, .. }] if *cancelled == key));
    bench.say(key, &invite, 487);
    assert_eq!(bench.sent(), ["SIP/2.0 487 Request Terminated"]);
    bench.receive(&via, &incoming("ACK", "1", ";tag=b1"));
    bench.pass(33_000);
    assert_eq!(bench.told(), ["server terminated"]);
    assert!(bench.layer.is_empty());
}

#[test]
fn a_cancel_of_an_answered_invite_changes_nothing() {
    let mut bench = Bench::new();
    let via = flow(Transport::Udp);
    let (invite, key) = bench.invited(&via);
    bench.say(key, &invite, 200);
    bench.transmits();
    bench.receive(&via, &incoming("CANCEL", "1", ""));
    assert_eq!(bench.sent(), ["SIP/2.0 200 OK"]);
    assert_eq!(bench.told(), Vec::<String>::new());
}

#[test]
fn a_cancel_of_nothing_is_481() {
    let mut bench = Bench::new();
    bench.receive(&flow(Transport::Udp), &incoming("CANCEL", "9", ""));
    assert_eq!(bench.sent(), ["SIP/2.0 481 Call/Transaction Does Not Exist"]);
    assert_eq!(bench.told(), Vec::<String>::new());
}

#[test]
fn merged_requests_are_refused() {
    let mut bench = Bench::new();
    let via = flow(Transport::Udp);
    bench.receive(&via, &incoming("INVITE", "1", ""));
    bench.receive(&via, &incoming("INVITE", "2", ""));
    bench.receive(&via, &incoming("INVITE", "2", ""));
    assert_eq!(bench.told(), ["request INVITE"]);
    let sent = bench.transmits();
    assert_eq!(first_line(&sent[0].bytes), "SIP/2.0 482 Merged Request");
    assert_eq!(sent[0].bytes, sent[1].bytes);
    assert_eq!(bench.layer.counters().merged, 2);
    // In a dialog the same CSeq with another branch is for the dialog to judge.
    bench.receive(&via, &incoming("OPTIONS", "3", ";tag=b1"));
    bench.receive(&via, &incoming("OPTIONS", "4", ";tag=b1"));
    assert_eq!(bench.told(), ["request OPTIONS", "request OPTIONS"]);
}

#[test]
fn what_breaks_the_protocol_is_answered_without_a_transaction() {
    let mut bench = Bench::new();
    let via = flow(Transport::Udp);
    let request = incoming("OPTIONS", "1", "");
    bench.receive(&via, &request.replace("CSeq: 1 OPTIONS", "CSeq: 1 INVITE"));
    bench.receive(&via, &request.replace("Call-ID: call\r\n", ""));
    bench.receive(&via, &request.replace("Via: SIP/2.0/UDP 10.0.0.1", "Via: "));
    bench.receive(&via, "\r\n\r\n");
    bench.receive(&via, "nonsense");
    bench.receive(&via, &incoming("ACK", "7", "").replace("Call-ID: call\r\n", ""));
    assert_eq!(
        bench.sent(),
        ["SIP/2.0 400 CSeq Method Does Not Match Request Method", "SIP/2.0 400 Missing Call-ID Header"]
    );
    assert_eq!(bench.told(), Vec::<String>::new());
    assert!(bench.layer.is_empty());
    assert_eq!(bench.layer.counters().invalid, 6);
}

#[test]
fn a_full_table_refuses_new_calls_before_what_ends_calls() {
    let mut bench = Bench::bounded(8, 8);
    let via = flow(Transport::Udp);
    let fresh = |method: &str, index: usize| {
        incoming(method, &index.to_string(), "").replace("Call-ID: call", &format!("Call-ID: call{index}"))
    };
    for index in 0..8 {
        bench.receive(&via, &fresh("INVITE", index));
    }
    assert_eq!(bench.told().len(), 7);
    let refusal = bench.one();
    let refusal = read(&refusal.bytes);
    assert_eq!(refusal.status(), Some(StatusCode::SERVICE_UNAVAILABLE));
    assert!(refusal.header(Header::RetryAfter).is_some());
    bench.receive(&via, &fresh("BYE", 20));
    bench.receive(&via, &fresh("BYE", 21));
    assert_eq!(bench.told(), ["request BYE"]);
    assert_eq!(bench.sent(), ["SIP/2.0 503 Service Unavailable"]);
    assert_eq!(bench.layer.counters().refused, 2);
    for _ in 0..7 {
        bench.call(udp());
    }
    assert_eq!(bench.layer.request(bench.now, udp(), outgoing("INVITE", 0)), Err(RequestRefused::Full));
    assert!(bench.layer.request(bench.now, udp(), outgoing("BYE", 0)).is_ok());
    assert_eq!(bench.layer.request(bench.now, udp(), outgoing("BYE", 0)), Err(RequestRefused::Full));
}

#[test]
fn a_dismissed_request_is_forgotten() {
    let mut bench = Bench::new();
    let via = flow(Transport::Udp);
    let request = incoming("REGISTER", "1", "");
    for _ in 0..2 {
        bench.receive(&via, &request);
        let key = bench.request_key();
        assert!(bench.layer.dismiss(key, response(&request, 401)));
        assert!(!bench.layer.dismiss(key, response(&request, 401)));
        assert_eq!(bench.sent(), ["SIP/2.0 401 Unauthorized"]);
        assert!(bench.layer.is_empty());
        assert_eq!(bench.layer.poll_timeout(), None);
    }
}

#[test]
fn streams_keep_nothing_after_the_answer() {
    let mut bench = Bench::new();
    let via = flow(Transport::Tcp);
    let request = incoming("OPTIONS", "1", "");
    bench.receive(&via, &request);
    let key = bench.request_key();
    bench.say(key, &request, 200);
    let sent = bench.one();
    let reopened = "198.51.100.7:5062".parse().unwrap();
    assert_eq!(sent.destination.connection, Connection::Prefer(ConnectionId(3), reopened));
    assert_eq!(bench.told(), ["server terminated"]);
    assert!(bench.layer.is_empty());
}

#[test]
fn a_request_without_answer_is_forgotten_with_its_client() {
    let mut bench = Bench::new();
    let start = bench.now;
    bench.receive(&flow(Transport::Tcp), &incoming("OPTIONS", "1", ""));
    let key = bench.request_key();
    assert_eq!(bench.run(start, 40_000), [(3_500, "SIP/2.0 100 Trying".to_owned())]);
    assert_eq!(bench.told(), ["server terminated"]);
    assert!(!bench.layer.respond(bench.now, key, response(&incoming("OPTIONS", "1", ""), 200)));
}

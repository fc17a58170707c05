//! The side of the client.

use super::*;

#[test]
fn a_request_carries_our_via_and_is_repeated_until_it_times_out() {
    let mut bench = Bench::new();
    let start = bench.now;
    let key = bench.ask(udp());
    let sent = bench.one();
    assert_eq!((sent.destination.listener, sent.destination.remote), (Some(ListenerId(0)), PEER.parse().unwrap()));
    let message = read(&sent.bytes);
    assert!(message.validate().is_ok());
    let via = message.via().unwrap();
    assert_eq!((via.transport(), via.host(), via.port()), ("UDP", "192.0.2.1", Some(5060)));
    assert!(via.has_magic_cookie() && via.rport().is_some());
    let times: Vec<u64> = bench.run(start, 31_999).iter().map(|(ms, _)| *ms).collect();
    assert_eq!(times, [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
    assert!(bench.layer.is_waiting(key));
    assert_eq!(bench.run(start, 40_000), []);
    assert_eq!(bench.told(), ["timed out", "client terminated"]);
    assert!(bench.layer.is_empty());
    assert_eq!((bench.layer.counters().retransmitted, bench.layer.counters().timed_out), (10, 1));
}

#[test]
fn responses_find_their_request_and_strangers_are_dropped() {
    let mut bench = Bench::new();
    bench.ask(udp());
    let sent = bench.one();
    let ok = answer(&sent.bytes, 200);
    let via = flow(Transport::Udp);
    for stranger in [
        ok.replace("z9hG4bK", "z9hG4bK0"),
        ok.replace("192.0.2.1:5060", "192.0.2.9:5060"),
        ok.replace("7 OPTIONS", "7 INVITE"),
        ok.replace("7 OPTIONS", "7 CANCEL"),
        ok.replace("From:", "Via: SIP/2.0/UDP second;branch=z9hG4bK1\r\nFrom:"),
    ] {
        bench.receive(&via, &stranger);
    }
    assert_eq!(bench.told(), Vec::<String>::new());
    assert_eq!(bench.layer.counters().stray_responses, 5);
    bench.receive(&via, &ok.replace("Call-ID: c\r\n", ""));
    assert_eq!(bench.layer.counters().invalid, 1);
    bench.receive(&via, &ok);
    bench.receive(&via, &ok);
    assert_eq!(bench.told(), ["response 200"]);
    assert_eq!(bench.layer.counters().absorbed, 1);
    assert_eq!(bench.pass(6_000), []);
    assert_eq!(bench.told(), ["client terminated"]);
}

#[test]
fn a_refused_invite_is_acknowledged_by_the_layer() {
    let mut bench = Bench::new();
    let key = bench.call(udp());
    let invite = bench.one();
    let via = flow(Transport::Udp);
    bench.hear(&via, &invite, 180);
    bench.hear(&via, &invite, 486);
    let ack = bench.one();
    assert_eq!(ack.destination, invite.destination);
    let message = read(&ack.bytes);
    assert!(message.is(&Method::Ack) && message.validate().is_ok());
    assert_eq!(message.via(), read(&invite.bytes).via());
    assert_eq!(message.to_tag(), Tag::new("b1"));
    bench.hear(&via, &invite, 486);
    assert_eq!(bench.transmits(), [ack]);
    assert_eq!(bench.told(), ["response 180", "response 486"]);
    assert!(!bench.layer.is_waiting(key));
    assert_eq!(bench.pass(33_000), []);
    assert_eq!(bench.told(), ["client terminated"]);
    assert!(bench.layer.is_empty());
}

#[test]
fn an_accepted_invite_passes_every_success_for_the_user_to_acknowledge() {
    let mut bench = Bench::new();
    let start = bench.now;
    bench.call(udp());
    let invite = bench.one();
    let via = flow(Transport::Udp);
    let ok = answer(&invite.bytes, 200);
    bench.receive(&via, &ok);
    bench.receive(&via, &ok.replace("tag=b1", "tag=b2"));
    assert_eq!(bench.told(), ["response 200", "response 200"]);
    let ack: Acknowledgement = bench.layer.acknowledge(udp(), &outgoing("ACK", 0)).unwrap();
    bench.layer.repeat(&ack);
    let sent = bench.transmits();
    assert_eq!((sent.len(), &sent[0].bytes), (2, &sent[1].bytes));
    assert!(read(&sent[0].bytes).via().unwrap().has_magic_cookie());
    assert_eq!(bench.layer.acknowledge(udp(), &outgoing("BYE", 0)), Err(RequestRefused::NotARequest));
    assert_eq!(bench.run(start, 33_000), []);
    assert_eq!(bench.told(), ["client terminated"]);
    assert!(bench.layer.is_empty());
}

#[test]
fn a_cancel_waits_for_a_provisional_response() {
    let mut bench = Bench::new();
    let key = bench.call(udp());
    let invite = bench.one();
    bench.cancel(key, Some("SIP;cause=200"));
    bench.cancel(key, None);
    assert_eq!(bench.sent(), Vec::<String>::new());
    let via = flow(Transport::Udp);
    bench.hear(&via, &invite, 100);
    let cancel = bench.one();
    let message = read(&cancel.bytes);
    assert!(message.is(&Method::Cancel) && message.validate().is_ok());
    assert_eq!(message.branch(), read(&invite.bytes).branch());
    assert_eq!(message.header(Header::Reason), Some(&b"SIP;cause=200"[..]));
    bench.cancel(key, None);
    bench.hear(&via, &cancel, 200);
    bench.hear(&via, &invite, 487);
    assert_eq!(bench.sent(), ["ACK sip:b@h SIP/2.0"]);
    assert_eq!(bench.told(), ["response 100", "response 487"]);
    bench.pass(33_000);
    assert!(bench.layer.is_empty());
}

#[test]
fn a_cancelled_invite_that_stays_silent_times_out() {
    let mut bench = Bench::new();
    let start = bench.now;
    let key = bench.call(udp());
    let invite = bench.one();
    bench.hear(&flow(Transport::Udp), &invite, 180);
    bench.cancel(key, None);
    assert_eq!(bench.sent(), ["CANCEL sip:b@h SIP/2.0"]);
    let sent = bench.run(start, 40_000);
    assert!(sent.iter().all(|(_, line)| line.starts_with("CANCEL")), "{sent:?}");
    assert_eq!(sent.len(), 10);
    assert_eq!(bench.told(), ["response 180", "timed out", "client terminated"]);
    assert!(bench.layer.is_empty());
}

#[test]
fn a_cancel_after_the_answer_or_of_another_request_is_nothing() {
    let mut bench = Bench::new();
    let invite = bench.call(tcp());
    let sent = bench.one();
    bench.hear(&flow(Transport::Tcp), &sent, 200);
    let options = bench.ask(tcp());
    bench.transmits();
    bench.cancel(invite, None);
    bench.cancel(options, None);
    assert_eq!(bench.transmits(), []);
}

#[test]
fn what_is_no_request_is_not_sent() {
    let mut bench = Bench::new();
    for nonsense in ["", " ", "SIP/2.0 200 OK\r\n\r\n", "ACK sip:h SIP/2.0\r\n\r\n", "CANCEL sip:h SIP/2.0\r\n\r\n"] {
        let request = Bytes::copy_from_slice(nonsense.as_bytes());
        assert_eq!(bench.layer.request(bench.now, udp(), request), Err(RequestRefused::NotARequest), "{nonsense}");
    }
    let ipv6 = Destination::address(Transport::Udp, "[2001:db8::1]:5060".parse().unwrap());
    assert_eq!(bench.layer.request(bench.now, ipv6, outgoing("BYE", 0)), Err(RequestRefused::NoListener));
    assert_eq!(bench.transmits(), []);
    assert!(bench.layer.is_empty());
}

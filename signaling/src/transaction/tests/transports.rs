//! Requests that are too long for UDP, and transports that fail.

use super::*;

#[test]
fn a_long_request_goes_by_tcp_and_by_udp_where_that_is_refused() {
    let mut bench = Bench::new();
    let key = bench.call_at_length();
    let first = bench.one();
    assert_eq!(first.destination.transport, Transport::Tcp);
    assert!(first.bytes.windows(13).any(|window| window == b"SIP/2.0/TCP 1"));
    bench.fail(&first, TransportFailure::Refused);
    let second = bench.one();
    assert_eq!((second.destination.transport, second.token), (Transport::Udp, first.token));
    assert!(second.bytes.windows(13).any(|window| window == b"SIP/2.0/UDP 1"));
    assert_eq!(bench.told(), Vec::<String>::new());
    assert_eq!(bench.pass(600).len(), 1, "UDP is repeated");
    bench.hear(&flow(Transport::Udp), &second, 200);
    assert_eq!(bench.told(), ["response 200"]);
    assert_eq!(bench.layer.destination(key).map(|to| to.transport), Some(Transport::Udp));
    // The peer is known to refuse TCP for a while.
    bench.call_at_length();
    assert_eq!(bench.transmits()[0].destination.transport, Transport::Udp);
    assert_eq!((bench.layer.counters().upgraded, bench.layer.counters().downgraded), (1, 1));
    // A failure of UDP is the end.
    bench.fail(&second, TransportFailure::TooLong);
    assert_eq!(bench.told(), Vec::<String>::new(), "an accepted INVITE does not care");
}

#[test]
fn a_long_request_goes_by_udp_where_tcp_stays_silent() {
    let mut bench = Bench::new();
    let start = bench.now;
    let key = bench.call_at_length();
    let first = bench.one();
    assert_eq!(first.destination.transport, Transport::Tcp);
    let sent: Vec<u64> = bench.run(start, 15_999).into_iter().map(|(ms, _)| ms).collect();
    assert_eq!(sent, [8_000, 8_500, 9_500, 11_500, 15_500]);
    assert_eq!(bench.layer.destination(key).map(|to| to.transport), Some(Transport::Udp));
    // The peer was only slow: what it says by TCP counts, and the next long request goes there again.
    bench.hear(&flow(Transport::Tcp), &first, 200);
    assert_eq!(bench.told(), ["response 200"]);
    bench.call_at_length();
    assert_eq!(bench.transmits()[0].destination.transport, Transport::Tcp);
    assert_eq!((bench.layer.counters().upgraded, bench.layer.counters().downgraded), (2, 1));
}

#[test]
fn a_peer_whose_tcp_is_silent_gets_the_next_long_request_by_udp() {
    let mut bench = Bench::new();
    let start = bench.now;
    bench.call_at_length();
    let first = bench.transmits().remove(0).bytes;
    bench.run(start, 7_999);
    bench.now = start + Duration::from_secs(8);
    bench.layer.handle_timeout(bench.now);
    let second = bench.one();
    let branch =
        |bytes: &Bytes| Message::parse_datagram(bytes.clone()).unwrap().via().unwrap().branch().map(str::to_owned);
    assert_eq!((second.destination.transport, branch(&second.bytes)), (Transport::Udp, branch(&first)));
    bench.hear(&flow(Transport::Udp), &second, 200);
    bench.call_at_length();
    assert_eq!(bench.transmits()[0].destination.transport, Transport::Udp);
}

#[test]
fn a_long_request_whose_peer_answers_by_tcp_stays_there() {
    let mut bench = Bench::new();
    let start = bench.now;
    bench.call_at_length();
    let first = bench.one();
    bench.hear(&flow(Transport::Tcp), &first, 100);
    assert_eq!(bench.run(start, 60_000), []);
    assert_eq!(bench.layer.counters().downgraded, 0);
}

#[test]
fn a_long_invite_that_is_to_be_cancelled_is_not_sent_anew() {
    let mut bench = Bench::new();
    let start = bench.now;
    for silent in [true, false] {
        let key = bench.call_at_length();
        let first = bench.one();
        bench.cancel(key, None);
        match silent {
            true => assert_eq!(bench.run(start, 40_000), []),
            false => bench.fail(&first, TransportFailure::Refused),
        }
        assert_eq!(bench.sent(), Vec::<String>::new());
        assert_eq!(bench.told()[1..], ["client terminated"]);
    }
}

#[test]
fn a_failing_transport_is_reported() {
    let mut bench = Bench::new();
    bench.call(tcp());
    let sent = bench.one();
    bench.fail(&sent, TransportFailure::Refused);
    bench.fail(&sent, TransportFailure::Refused);
    assert_eq!(bench.told(), ["failed: connection refused", "client terminated"]);
    assert!(bench.layer.is_empty());
    let (invite, key) = bench.invited(&flow(Transport::Tcp));
    bench.say(key, &invite, 180);
    let sent = bench.one();
    bench.fail(&sent, TransportFailure::Closed);
    assert_eq!(bench.told(), ["response failed: connection closed"]);
    assert!(bench.layer.is_unanswered(key));
}

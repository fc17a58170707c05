//! What is refused before it is read costs no memory: counted by the allocator.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use allocation_counter::measure;
use router::Random;
use router::time::{Instant, Now, WallTime};
use signaling::transport::{Flow, Listener, ListenerId, Listeners, Transport};
use signaling::{Config, Signaling};
use std::net::SocketAddr;

fn flow(remote: SocketAddr) -> Flow {
    let local = "192.0.2.1:5060".parse().unwrap();
    Flow { transport: Transport::Udp, listener: ListenerId(0), local, remote, connection: None }
}

#[test]
fn strangers_that_are_refused_cost_no_allocation() {
    let listeners = Listeners::new(vec![Listener::new(Transport::Udp, "192.0.2.1:5060".parse().unwrap(), None)]);
    let now = Now { instant: Instant::from_millis(1_000), wall: WallTime::from_secs(1_800_000_000) };
    let mut signaling = Signaling::new(0, Config { listeners, ..Config::default() }, now, Random::from_seed(1));
    let message = |from: SocketAddr| {
        format!(
            "INVITE sip:200@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP {from};rport;branch=z9hG4bKflood\r\n\
             From: <sip:eve@{from}>;tag=0123456789abcdef\r\nTo: <sip:200@192.0.2.1>;tag=0123456789abcdef\r\n\
             Call-ID: {from}\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
        )
    };
    let strangers: Vec<(SocketAddr, String)> = (0..5_000u32)
        .map(|number| SocketAddr::from(([203, 0, (number >> 8) as u8, number as u8], 5060)))
        .map(|from| (from, message(from)))
        .collect();
    let mut answered = 0;
    // All that strangers have in one moment is spent on the first of them.
    for (from, message) in &strangers[..3_000] {
        signaling.handle_datagram(now, &flow(*from), message.as_bytes());
        while signaling.poll_transmit().is_some() {
            answered += 1;
        }
    }
    assert_eq!(answered, 2_000);
    let counted = measure(|| {
        for (from, message) in &strangers[3_000..] {
            signaling.handle_datagram(now, &flow(*from), message.as_bytes());
            let response = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\n\r\n";
            signaling.handle_datagram(now, &flow(*from), response);
            signaling.handle_datagram(now, &flow(*from), b"\x00\x01\x00\x00\x21\x12\xa4\x42tandem-stun!");
        }
    });
    assert_eq!(counted.count_total, 0);
    assert!(signaling.poll_transmit().is_none());
}

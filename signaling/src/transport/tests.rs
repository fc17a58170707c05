//! The transports over the loopback interface, at ports that the system gives.

use std::net::SocketAddr;

use bytes::Bytes;
use router::Random;
use router::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::message::{Message, ResponseWriter, StatusCode};
use crate::transaction::{Event, Timers, Transactions};
use crate::trunk::Source;

/// Nothing here takes long; a test that hangs is to end.
const GUARD: Duration = Duration::from_secs(60);

pub(super) const MESSAGE: &str = "OPTIONS sip:h SIP/2.0\r\nContent-Length: 0\r\n\r\n";

fn transports(transport: Transport, address: &str) -> Transports {
    bounded(transport, address, TransportSettings::default())
}

fn bounded(transport: Transport, address: &str, settings: TransportSettings) -> Transports {
    bounded_by(ListenerConfig::new(transport, address.parse().unwrap()), settings)
}

pub(super) fn bounded_by(listener: ListenerConfig, settings: TransportSettings) -> Transports {
    Transports::bind(&[listener], settings).unwrap()
}

pub(super) fn local(transports: &Transports) -> SocketAddr {
    transports.listeners().get(ListenerId(0)).unwrap().local()
}

pub(super) fn transmit(destination: Destination, text: &str, token: u64) -> Transmit {
    Transmit { destination, bytes: Bytes::copy_from_slice(text.as_bytes()), token: Some(Token(token)) }
}

pub(super) fn to(transport: Transport, remote: SocketAddr) -> Destination {
    Destination::address(transport, remote)
}

pub(super) async fn next(transports: &mut Transports) -> TransportEvent {
    let wait = async {
        loop {
            if let Some(event) = transports.poll_event() {
                return event;
            }
            transports.ready().await;
            transports.receive();
        }
    };
    tokio::time::timeout(GUARD, wait).await.expect("nothing came")
}

pub(super) async fn next_message(transports: &mut Transports) -> Received {
    match next(transports).await {
        TransportEvent::Received(received) => received,
        other => panic!("{other:?}"),
    }
}

pub(super) async fn next_failure(transports: &mut Transports) -> (Option<Token>, TransportFailure) {
    loop {
        if let TransportEvent::Failed { token, failure, .. } = next(transports).await {
            return (token, failure);
        }
    }
}

/// Drives the transports until the peer's work is done.
pub(super) async fn while_driven<T>(transports: &mut Transports, work: impl Future<Output = T>) -> T {
    tokio::pin!(work);
    let drive = async {
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = transports.ready() => { transports.receive(); }
            }
        }
    };
    tokio::time::timeout(GUARD, drive).await.expect("the peer got nothing")
}

#[tokio::test]
async fn datagrams_go_and_come_back_on_their_flow() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let (mut here, mut there) = (transports(Transport::Udp, address), transports(Transport::Udp, address));
        here.send(transmit(to(Transport::Udp, local(&there)), MESSAGE, 1));
        let received = next_message(&mut there).await;
        assert_eq!((&received.bytes[..], received.flow.remote), (MESSAGE.as_bytes(), local(&here)));
        assert_eq!((received.flow.local, received.flow.connection), (local(&there), None));
        there.send(transmit(Destination::flow(&received.flow), MESSAGE, 2));
        assert_eq!(next_message(&mut here).await.flow.remote, local(&there));
        assert_eq!((here.counters().sent, here.counters().received), (1, 1));
    }
}

#[tokio::test]
async fn keep_alives_by_udp_are_nothing() {
    let mut here = transports(Transport::Udp, "127.0.0.1:0");
    let peer = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for datagram in ["\r\n\r\n", "", "\0\0", MESSAGE] {
        peer.send_to(datagram.as_bytes(), local(&here)).await.unwrap();
    }
    assert_eq!(next_message(&mut here).await.bytes, MESSAGE);
}

#[tokio::test]
async fn connections_are_used_both_ways_and_again() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let (mut here, mut there) = (transports(Transport::Tcp, address), transports(Transport::Tcp, address));
        here.send(transmit(to(Transport::Tcp, local(&there)), MESSAGE, 1));
        let (first, _) = tokio::join!(next_message(&mut there), async {});
        there.send(transmit(Destination::flow(&first.flow), MESSAGE, 2));
        let back = next_message(&mut here).await;
        assert_eq!(back.flow.remote, local(&there));
        here.send(transmit(to(Transport::Tcp, local(&there)), MESSAGE, 3));
        let second = next_message(&mut there).await;
        assert_eq!(second.flow, first.flow);
        assert_eq!((here.connections(), there.connections()), (1, 1));
        // What the peer opened is not taken for messages to its address: behind a NAT it may be another's.
        assert_ne!(first.flow.remote, local(&here));
        there.send(transmit(to(Transport::Tcp, local(&here)), MESSAGE, 4));
        let third = next_message(&mut here).await;
        assert_ne!(third.flow.connection, back.flow.connection);
        assert_eq!((here.connections(), there.connections()), (2, 2));
    }
}

#[tokio::test]
async fn a_stream_in_pieces_is_framed_and_pings_are_answered() {
    let mut here = transports(Transport::Tcp, "127.0.0.1:0");
    let mut peer = TcpStream::connect(local(&here)).await.unwrap();
    let (first, second) = MESSAGE.split_at(17);
    peer.write_all(first.as_bytes()).await.unwrap();
    peer.write_all(format!("{second}\r\n\r\n{MESSAGE}").as_bytes()).await.unwrap();
    for _ in 0..2 {
        assert_eq!(next_message(&mut here).await.bytes, MESSAGE);
    }
    let mut pong = [0; 2];
    while_driven(&mut here, peer.read_exact(&mut pong)).await.unwrap();
    assert_eq!(&pong, PONG);
}

#[tokio::test]
async fn what_is_no_sip_is_closed() {
    for garbage in ["GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01"] {
        let mut here = transports(Transport::Tcp, "127.0.0.1:0");
        let mut peer = TcpStream::connect(local(&here)).await.unwrap();
        peer.write_all(garbage.as_bytes()).await.unwrap();
        assert!(matches!(next(&mut here).await, TransportEvent::Closed { .. }));
        assert_eq!(here.connections(), 0);
        let mut rest = Vec::new();
        // The end may come as a reset, as octets were left unread.
        let _ = peer.read_to_end(&mut rest).await;
        assert!(rest.is_empty());
    }
}

#[tokio::test]
async fn a_refused_connection_is_reported_for_every_message() {
    let vacant = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut here = transports(Transport::Tcp, "127.0.0.1:0");
    for token in 1..=2 {
        here.send(transmit(to(Transport::Tcp, vacant), MESSAGE, token));
    }
    for token in 1..=2 {
        assert_eq!(next_failure(&mut here).await, (Some(Token(token)), TransportFailure::Refused));
    }
    assert!(matches!(next(&mut here).await, TransportEvent::Closed { .. }));
    assert_eq!(here.connections(), 0);
}

#[tokio::test]
async fn without_a_listener_of_its_kind_nothing_is_sent() {
    let mut here = transports(Transport::Udp, "127.0.0.1:0");
    here.send(transmit(to(Transport::Tcp, "127.0.0.1:9".parse().unwrap()), MESSAGE, 1));
    assert_eq!(next_failure(&mut here).await, (Some(Token(1)), TransportFailure::NoListener));
    here.send(transmit(to(Transport::Udp, "[::1]:9".parse().unwrap()), MESSAGE, 2));
    assert_eq!(next_failure(&mut here).await, (Some(Token(2)), TransportFailure::NoListener));
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_cut_off() {
    let settings = TransportSettings { write_queue_octets: 64 << 10, ..TransportSettings::default() };
    let mut here = bounded(Transport::Tcp, "127.0.0.1:0", settings);
    let mut peer = TcpStream::connect(local(&here)).await.unwrap();
    peer.write_all(MESSAGE.as_bytes()).await.unwrap();
    let flow = next_message(&mut here).await.flow;
    let long = format!("MESSAGE sip:h SIP/2.0\r\nContent-Length: 30000\r\n\r\n{}", "x".repeat(30_000));
    let mut sent = 0;
    let failure = loop {
        here.send(transmit(Destination::flow(&flow), &long, sent));
        sent += 1;
        // The connection's task has its turn; it moves to the kernel what that takes.
        tokio::task::yield_now().await;
        here.receive();
        if let Some(TransportEvent::Failed { failure, .. }) = here.poll_event() {
            break failure;
        }
        assert!(sent < 10_000, "the kernel does not hold 300 MB");
    };
    assert_eq!(failure, TransportFailure::Congested);
    loop {
        match next(&mut here).await {
            TransportEvent::Closed { flow: closed } => break assert_eq!(closed, flow),
            TransportEvent::Failed { failure, .. } => assert_eq!(failure, TransportFailure::Congested),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((here.connections(), here.counters().congested), (0, 1));
}

#[tokio::test]
async fn a_response_finds_another_way_and_a_flow_does_not() {
    let mut here = transports(Transport::Tcp, "127.0.0.1:0");
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut peer = TcpStream::connect(local(&here)).await.unwrap();
    peer.write_all(MESSAGE.as_bytes()).await.unwrap();
    let flow = next_message(&mut here).await.flow;
    drop(peer);
    assert_eq!(next(&mut here).await, TransportEvent::Closed { flow });
    here.send(transmit(Destination::flow(&flow), MESSAGE, 1));
    assert_eq!(next_failure(&mut here).await, (Some(Token(1)), TransportFailure::Closed));
    let sent_by = elsewhere.local_addr().unwrap();
    let connection = Connection::Prefer(flow.connection.unwrap(), sent_by);
    here.send(transmit(Destination { connection, ..Destination::flow(&flow) }, MESSAGE, 2));
    let answer = async {
        let (mut stream, _) = elsewhere.accept().await.unwrap();
        let mut octets = vec![0; MESSAGE.len()];
        stream.read_exact(&mut octets).await.unwrap();
        octets
    };
    assert_eq!(while_driven(&mut here, answer).await, MESSAGE.as_bytes());
}

/// Where the next message comes from; connections that end meanwhile are passed over.
async fn next_flow(here: &mut Transports) -> Flow {
    loop {
        match next(here).await {
            TransportEvent::Received(received) => return received.flow,
            TransportEvent::Closed { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Drives the transports until the peer's work is done, whatever they tell meanwhile.
async fn while_served<T>(here: &mut Transports, work: impl Future<Output = T>) -> T {
    tokio::pin!(work);
    let drive = async {
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = here.ready() => {
                    here.receive();
                    while here.poll_event().is_some() {}
                }
            }
        }
    };
    tokio::time::timeout(GUARD, drive).await.expect("the peer got nothing")
}

/// A connection whose peer has shown who it is: it was sent what belongs to a transaction.
async fn known(here: &mut Transports) -> TcpStream {
    let mut peer = TcpStream::connect(local(here)).await.unwrap();
    peer.write_all(MESSAGE.as_bytes()).await.unwrap();
    let flow = next_flow(here).await;
    here.send(transmit(Destination::flow(&flow), MESSAGE, 7));
    let octets = while_served(here, read(&mut peer, MESSAGE.len())).await;
    assert_eq!(octets, MESSAGE.as_bytes());
    peer
}

/// A connection of a stranger, which was refused without a transaction.
async fn stranger(here: &mut Transports) -> TcpStream {
    let mut peer = TcpStream::connect(local(here)).await.unwrap();
    peer.write_all(MESSAGE.as_bytes()).await.unwrap();
    let destination = Destination::flow(&next_flow(here).await);
    here.send(Transmit { destination, bytes: Bytes::from_static(MESSAGE.as_bytes()), token: None });
    let octets = while_served(here, read(&mut peer, MESSAGE.len())).await;
    assert_eq!(octets, MESSAGE.as_bytes());
    peer
}

/// The other end closes a connection.
async fn is_closed(here: &mut Transports, peer: &mut TcpStream) -> bool {
    while_served(here, peer.read_to_end(&mut Vec::new())).await.is_ok_and(|octets| octets == 0)
}

/// The other end keeps a connection: it answers a ping.
async fn is_open(here: &mut Transports, peer: &mut TcpStream) -> bool {
    peer.write_all(b"\r\n\r\n").await.unwrap();
    while_served(here, read(peer, 2)).await == b"\r\n"
}

#[tokio::test]
async fn a_stranger_does_not_live_by_pings_and_who_is_known_does() {
    let stranger_timeout = Duration::from_secs(3);
    let settings = TransportSettings { stranger_timeout, ..TransportSettings::default() };
    let mut here = bounded(Transport::Tcp, "127.0.0.1:0", settings);
    let mut phone = known(&mut here).await;
    let mut unknown = stranger(&mut here).await;
    let pings = async {
        let mut pongs = 0;
        loop {
            tokio::time::sleep(Duration::from_millis(50)).await;
            if phone.write_all(b"\r\n\r\n").await.is_err() || read(&mut phone, 2).await != b"\r\n" {
                panic!("who is known is kept");
            }
            pongs += 1;
            if unknown.write_all(b"\r\n\r\n").await.is_err() {
                return pongs;
            }
            let mut pong = [0; 2];
            if unknown.read_exact(&mut pong).await.is_err() {
                return pongs;
            }
        }
    };
    assert!(while_served(&mut here, pings).await > 0);
    assert!(is_open(&mut here, &mut phone).await);
    assert_eq!(here.connections(), 1);
}

#[tokio::test]
async fn newcomers_take_the_places_of_strangers_and_never_of_who_is_known() {
    // Four places, two of them for strangers, whose host may have all.
    let settings = TransportSettings {
        connections: 4,
        connections_reserved: 0,
        connections_per_source: 16,
        ..TransportSettings::default()
    };
    let mut here = bounded(Transport::Tcp, "127.0.0.1:0", settings);
    let (mut first, mut second) = (stranger(&mut here).await, stranger(&mut here).await);
    let mut third = stranger(&mut here).await;
    assert!(is_closed(&mut here, &mut first).await, "the oldest makes room");
    assert!(is_open(&mut here, &mut second).await);
    assert_eq!((here.counters().displaced, here.counters().rejected), (1, 0));
    // A phone comes from there: its host is known from now on, and the share of the others is no bound for it.
    let mut phone = known(&mut here).await;
    assert!(is_closed(&mut here, &mut second).await);
    let more = [stranger(&mut here).await, stranger(&mut here).await];
    assert_eq!((here.connections(), here.counters().displaced), (4, 2));
    // All places are taken: what is left of the strangers from elsewhere goes.
    let fourth = known(&mut here).await;
    assert!(is_closed(&mut here, &mut third).await);
    assert!(is_open(&mut here, &mut phone).await);
    let mut beyond = TcpStream::connect(local(&here)).await.unwrap();
    assert!(is_closed(&mut here, &mut beyond).await);
    assert_eq!((here.connections(), here.counters().displaced, here.counters().rejected), (4, 3, 1));
    drop((more, fourth));
}

#[tokio::test]
async fn a_host_has_a_share_of_its_places_for_strangers() {
    let settings = TransportSettings { connections_per_source: 8, ..TransportSettings::default() };
    let mut here = bounded(Transport::Tcp, "127.0.0.1:0", settings);
    let mut phones = Vec::new();
    for _ in 0..6 {
        phones.push(known(&mut here).await);
    }
    let (mut first, mut second) = (stranger(&mut here).await, stranger(&mut here).await);
    let mut third = stranger(&mut here).await;
    assert!(is_closed(&mut here, &mut first).await, "two of eight");
    assert!(is_open(&mut here, &mut second).await && is_open(&mut here, &mut third).await);
    phones.push(known(&mut here).await);
    phones.push(known(&mut here).await);
    assert!(is_closed(&mut here, &mut second).await && is_closed(&mut here, &mut third).await);
    let mut beyond = TcpStream::connect(local(&here)).await.unwrap();
    assert!(is_closed(&mut here, &mut beyond).await);
    assert_eq!((here.connections(), here.counters().rejected), (8, 1));
}

#[tokio::test]
async fn connections_are_bounded_in_all_and_by_source() {
    let one = TransportSettings { connections_per_source: 1, ..TransportSettings::default() };
    let all = TransportSettings { connections: 1, connections_reserved: 0, ..TransportSettings::default() };
    let rest = TransportSettings { connections: 2, connections_reserved: 1, ..TransportSettings::default() };
    for settings in [one, all, rest] {
        let mut here = bounded(Transport::Tcp, "127.0.0.1:0", settings);
        let first = known(&mut here).await;
        let mut second = TcpStream::connect(local(&here)).await.unwrap();
        let mut end = Vec::new();
        while_driven(&mut here, second.read_to_end(&mut end)).await.unwrap();
        assert_eq!((here.counters().accepted, here.counters().rejected), (1, 1));
        drop(first);
        assert!(matches!(next(&mut here).await, TransportEvent::Closed { .. }));
        let mut third = TcpStream::connect(local(&here)).await.unwrap();
        third.write_all(MESSAGE.as_bytes()).await.unwrap();
        next_message(&mut here).await;
    }
}

#[tokio::test]
async fn trunks_and_connections_of_our_own_have_room_when_strangers_have_taken_theirs() {
    let settings = TransportSettings {
        connections: 3,
        connections_reserved: 2,
        connections_per_source: 1,
        ..TransportSettings::default()
    };
    let mut here = bounded(Transport::Tcp, "127.0.0.1:0", settings);
    let phone = known(&mut here).await;
    let mut another = TcpStream::connect(local(&here)).await.unwrap();
    while_driven(&mut here, another.read_to_end(&mut Vec::new())).await.unwrap();
    let peer = TcpListener::bind("127.0.0.1:0").await.unwrap();
    here.send(transmit(to(Transport::Tcp, peer.local_addr().unwrap()), MESSAGE, 1));
    let (_outgoing, _) = while_driven(&mut here, peer.accept()).await.unwrap();
    // Whatever port a trunk is known by, its connections come from others.
    here.set_trunks(vec![Source::parse("127.0.0.1:5060").unwrap()]);
    let mut trunk = TcpStream::connect(local(&here)).await.unwrap();
    trunk.write_all(MESSAGE.as_bytes()).await.unwrap();
    next_message(&mut here).await;
    assert_eq!((here.connections(), here.counters().rejected), (3, 1));
    assert_eq!((here.counters().open, here.counters().places), (3, 3));
    let mut beyond = TcpStream::connect(local(&here)).await.unwrap();
    while_driven(&mut here, beyond.read_to_end(&mut Vec::new())).await.unwrap();
    drop((phone, trunk));
    for _ in 0..2 {
        assert!(matches!(next(&mut here).await, TransportEvent::Closed { .. }));
    }
    here.set_trunks(Vec::new());
    let mut third = TcpStream::connect(local(&here)).await.unwrap();
    while_driven(&mut here, third.read_to_end(&mut Vec::new())).await.unwrap();
}

#[tokio::test]
async fn silent_and_slow_peers_are_closed() {
    let hasty = Duration::from_millis(20);
    let idle = TransportSettings { idle_timeout: hasty, ..TransportSettings::default() };
    let slow = TransportSettings { message_timeout: hasty, ..TransportSettings::default() };
    let mute = TransportSettings { first_message_timeout: hasty, ..TransportSettings::default() };
    let begun = format!("{MESSAGE}OPTIONS sip:h");
    for (settings, said) in [
        (idle, MESSAGE),
        (idle, ""),
        (slow, &begun),
        (mute, ""),
        (mute, "OPTIONS sip:h SIP/2.0\r\nX"),
        (mute, "\r\n"),
        (mute, "\r\n\r\n"),
    ] {
        let mut here = bounded(Transport::Tcp, "127.0.0.1:0", settings);
        let mut peer = TcpStream::connect(local(&here)).await.unwrap();
        peer.write_all(said.as_bytes()).await.unwrap();
        loop {
            match next(&mut here).await {
                TransportEvent::Received(received) => assert_eq!(received.bytes, MESSAGE),
                TransportEvent::Closed { .. } => break,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(here.connections(), 0);
    }
}

#[tokio::test]
async fn a_request_whose_end_cannot_be_told_is_refused_and_its_stream_ends() {
    let mut here = transports(Transport::Tcp, "127.0.0.1:0");
    let mut transactions = Transactions::new(Timers::default(), here.listeners().clone(), Random::from_seed(1));
    let begin = "OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n\
        Call-ID: x\r\nCSeq: 1 OPTIONS\r\n";
    for (rest, refusal) in [
        ("Content-Length: -999\r\n\r\nv=0\r\n".to_owned(), "400 Malformed Content-Length Header"),
        ("Content-Length: 65536\r\n\r\nv=0\r\n".to_owned(), "413 Request Entity Too Large"),
        ("Content-Length: 4294967295\r\n\r\n".to_owned(), "413 Request Entity Too Large"),
        (format!("X: {}\r\n", "y".repeat(40_000)), "513 Message Too Large"),
    ] {
        let mut peer = TcpStream::connect(local(&here)).await.unwrap();
        peer.write_all(format!("{begin}{rest}").as_bytes()).await.unwrap();
        let received = next_message(&mut here).await;
        transactions.handle_received(Instant::from_millis(1), received, Maddr::Ignored);
        here.send(transactions.poll_transmit().unwrap());
        let answer = while_driven(&mut here, async {
            let mut answer = String::new();
            peer.read_to_string(&mut answer).await.unwrap();
            answer
        });
        let answer = answer.await;
        assert!(answer.starts_with(&format!("SIP/2.0 {refusal}\r\n")), "{refusal}: {answer}");
        drop(peer);
        assert!(matches!(next(&mut here).await, TransportEvent::Closed { .. }));
    }
    // Nobody answers this one.
    let mut peer = TcpStream::connect(local(&here)).await.unwrap();
    peer.write_all(b"BYE sip:h SIP/2.0\r\nContent-Length: -1\r\n\r\n").await.unwrap();
    next_message(&mut here).await;
    assert!(matches!(next(&mut here).await, TransportEvent::Closed { .. }));
    assert_eq!(here.connections(), 0);
}

/// Waits for so many octets.
async fn read(peer: &mut TcpStream, octets: usize) -> Vec<u8> {
    let mut read = vec![0; octets];
    peer.read_exact(&mut read).await.unwrap();
    read
}

#[tokio::test]
async fn connections_of_our_own_are_kept_by_pings() {
    let settings = TransportSettings {
        ping_interval: Duration::from_millis(10),
        pong_timeout: Duration::from_millis(20),
        idle_timeout: Duration::from_millis(500),
        ..TransportSettings::default()
    };
    for answers in [false, true] {
        let mut here = bounded(Transport::Tcp, "127.0.0.1:0", settings);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        here.send(transmit(to(Transport::Tcp, listener.local_addr().unwrap()), MESSAGE, 1));
        let (mut peer, _) = while_driven(&mut here, listener.accept()).await.unwrap();
        while_driven(&mut here, async {
            assert_eq!(read(&mut peer, MESSAGE.len()).await, MESSAGE.as_bytes());
            // Who does not know pings, and has nothing to say, is not taken for dead.
            for _ in 0..5 {
                assert_eq!(read(&mut peer, PING.len()).await, PING);
            }
            if answers {
                peer.write_all(&[PONG, MESSAGE.as_bytes(), PONG].concat()).await.unwrap();
            }
        })
        .await;
        if answers {
            assert_eq!(next_message(&mut here).await.bytes, MESSAGE);
            // Two pongs make no ping: nothing but pings comes, and then, as the peer that knew them is silent, the end.
            let rest = while_driven(&mut here, async {
                let mut rest = Vec::new();
                peer.read_to_end(&mut rest).await.unwrap();
                rest
            });
            assert_eq!(rest.await.len() % PING.len(), 0);
            assert!(matches!(next(&mut here).await, TransportEvent::Closed { .. }));
        } else {
            assert_eq!(here.connections(), 1);
        }
    }
}

#[tokio::test]
async fn closing_writes_what_is_queued() {
    let mut here = transports(Transport::Tcp, "127.0.0.1:0");
    let peer = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for token in 0..100 {
        here.send(transmit(to(Transport::Tcp, peer.local_addr().unwrap()), MESSAGE, token));
    }
    let reading = async {
        let (mut stream, _) = peer.accept().await.unwrap();
        let mut octets = Vec::new();
        stream.read_to_end(&mut octets).await.unwrap();
        octets.len()
    };
    let (read, ()) = tokio::join!(reading, here.close(GUARD));
    assert_eq!(read, 100 * MESSAGE.len());
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let taken = transports(Transport::Udp, "127.0.0.1:0");
    let config = ListenerConfig::new(Transport::Udp, local(&taken));
    let error = Transports::bind(&[config], TransportSettings::default()).unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot listen on udp {}: ", local(&taken))), "{error}");
}

#[tokio::test]
async fn an_unspecified_address_is_advertised_as_one_that_peers_can_use() {
    let here = transports(Transport::Udp, "0.0.0.0:0");
    let listener = here.listeners().get(ListenerId(0)).unwrap();
    assert_eq!(listener.advertised().port(), listener.local().port());
    let advertised: Option<std::net::IpAddr> = listener.advertised().host().parse().ok();
    // A host without any route advertises what it bound.
    assert!(advertised.is_some());
}

#[tokio::test]
async fn an_answer_leaves_from_the_address_that_was_asked() {
    for (every, addresses) in [("0.0.0.0:0", &["127.0.0.2", "127.0.0.3"][..]), ("[::]:0", &["::1"])] {
        let mut here = transports(Transport::Udp, every);
        let port = local(&here).port();
        for address in addresses {
            let asked = SocketAddr::new(address.parse().unwrap(), port);
            let any = if asked.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
            let mut peer = transports(Transport::Udp, any);
            peer.send(transmit(to(Transport::Udp, asked), MESSAGE, 1));
            let received = next_message(&mut here).await;
            assert_eq!(received.flow.local, asked);
            // A response, and a request by the flow.
            let via = crate::message::Via::parse(b"SIP/2.0/UDP h;rport;branch=z9hG4bK1").unwrap();
            for destination in
                [response_destination(&via, &received.flow, Maddr::Ignored), Destination::flow(&received.flow)]
            {
                here.send(transmit(destination, MESSAGE, 2));
                assert_eq!(next_message(&mut peer).await.flow.remote, asked);
            }
            let listener = here.listeners().get(ListenerId(0)).unwrap();
            let request = with_via(MESSAGE.as_bytes(), listener, Destination::flow(&received.flow).local, "z9hG4bK2");
            let sent_by = format!("Via: SIP/2.0/UDP {asked};branch=z9hG4bK2;rport\r\n");
            assert!(String::from_utf8_lossy(&request).contains(&sent_by), "{request:?}");
        }
    }
}

#[tokio::test]
async fn an_address_that_the_host_has_lost_keeps_nothing_from_leaving() {
    for (every, peer, lost) in [("0.0.0.0:0", "127.0.0.1:0", "192.0.2.1"), ("[::]:0", "[::1]:0", "2001:db8::1")] {
        let (mut here, mut peer) = (transports(Transport::Udp, every), transports(Transport::Udp, peer));
        here.send(transmit(to(Transport::Udp, local(&peer)).from_local(lost.parse().unwrap()), MESSAGE, 1));
        next_message(&mut peer).await;
        assert_eq!((here.counters().sent, here.counters().failed), (1, 0));
    }
}

#[tokio::test]
async fn what_a_full_receive_buffer_loses_is_counted() {
    let mut here = transports(Transport::Udp, "127.0.0.1:0");
    let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    // Over loopback a datagram has come, or is lost, when the call that sends it returns. The buffer holds some megabytes, or where the
    // system grants no more some hundred short datagrams: several batches either way.
    let given: u64 = (0..40_000).map(|_| u64::from(peer.send_to(MESSAGE.as_bytes(), local(&here)).is_ok())).sum();
    while here.counters().received + here.counters().overflowed < given {
        next_message(&mut here).await;
    }
    assert!(here.counters().overflowed > 0);
}

/// A UDP and a TCP listener with transactions, and a peer that has UDP alone: a request that is too long for UDP finds
/// no TCP there, and goes by UDP.
#[tokio::test]
async fn a_long_request_reaches_a_peer_without_tcp() {
    let configs = [Transport::Udp, Transport::Tcp].map(|of| ListenerConfig::new(of, "127.0.0.1:0".parse().unwrap()));
    let mut here = Transports::bind(&configs, TransportSettings::default()).unwrap();
    let mut peer = transports(Transport::Udp, "127.0.0.1:0");
    let mut layer = Transactions::new(Timers::default(), here.listeners().clone(), Random::from_seed(1));
    let now = Instant::from_millis(1);
    let request = format!(
        "MESSAGE sip:b@h SIP/2.0\r\nMax-Forwards: 70\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\n\
         CSeq: 1 MESSAGE\r\nContent-Type: text/plain\r\nContent-Length: 2000\r\n\r\n{}",
        "x".repeat(2_000)
    );
    layer.request(now, to(Transport::Udp, local(&peer)), Bytes::from(request)).unwrap();
    let first = layer.poll_transmit().unwrap();
    assert_eq!(first.destination.transport, Transport::Tcp);
    here.send(first);
    let (token, failure) = next_failure(&mut here).await;
    layer.handle_transport_failed(now, token.unwrap(), failure);
    let second = layer.poll_transmit().unwrap();
    assert_eq!(second.destination.transport, Transport::Udp);
    here.send(second);
    let received = next_message(&mut peer).await;
    let message = Message::parse_datagram(received.bytes).unwrap();
    let response = ResponseWriter::to(&message, StatusCode::OK).source(received.flow.remote).finish();
    let destination = response_destination(&message.via().unwrap(), &received.flow, Maddr::Ignored);
    peer.send(Transmit { destination, bytes: response, token: None });
    let answer = loop {
        if let TransportEvent::Received(received) = next(&mut here).await {
            break received;
        }
    };
    layer.handle_received(now, answer, Maddr::Ignored);
    assert!(matches!(layer.poll_event(), Some(Event::Response { .. })));
}

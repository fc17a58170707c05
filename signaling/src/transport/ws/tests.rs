//! WebSockets over loopback.

use router::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::masked;
use crate::transport::tests::{MESSAGE, bounded_by, local, next, next_failure, next_message, transmit, while_driven};
use crate::transport::tls::tests::Authority;
use crate::transport::tls::{ClientCertificates, TlsConfig, TlsMaterial};
use crate::transport::{
    Destination, ListenerConfig, Policy, SharedPolicy, Transport, TransportEvent, TransportFailure, TransportSettings,
    Transports,
};

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\nSec-WebSocket-Version: 13\r\nOrigin: https://example.com\r\n\r\n";

fn listener(settings: TransportSettings, origins: &[&str]) -> Transports {
    let origins = origins.iter().map(|&origin| origin.into()).collect();
    let policy = Some(SharedPolicy::new(Policy { origins, ..Policy::default() }));
    let config = ListenerConfig { policy, ..ListenerConfig::new(Transport::Ws, "127.0.0.1:0".parse().unwrap()) };
    bounded_by(config, settings)
}

/// A browser whose request was answered.
async fn opened(there: &mut Transports) -> TcpStream {
    let mut stream = TcpStream::connect(local(there)).await.unwrap();
    stream.write_all(REQUEST.as_bytes()).await.unwrap();
    let answer = while_driven(there, head(&mut stream)).await;
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    stream
}

async fn head(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        read.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(read).unwrap()
}

async fn frame(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let (first, length) = (stream.read_u8().await.unwrap(), stream.read_u8().await.unwrap());
    let length = match length {
        126 => stream.read_u16().await.unwrap(),
        length => length.into(),
    };
    let mut payload = vec![0; length.into()];
    stream.read_exact(&mut payload).await.unwrap();
    (first, payload)
}

#[tokio::test]
async fn a_message_is_one_of_websocket_both_ways_with_and_without_content_length() {
    let mut there = listener(TransportSettings::default(), &[]);
    let mut browser = opened(&mut there).await;
    let bare = "MESSAGE sip:h SIP/2.0\r\n\r\nbody";
    // In one piece with the next one, and in two frames.
    let mut octets = masked(0x81, MESSAGE.as_bytes());
    octets.extend(masked(0x02, &bare.as_bytes()[..9]));
    octets.extend(masked(0x80, &bare.as_bytes()[9..]));
    browser.write_all(&octets).await.unwrap();
    let first = next_message(&mut there).await;
    assert_eq!((first.flow.transport, &first.bytes[..]), (Transport::Ws, MESSAGE.as_bytes()));
    assert_eq!(next_message(&mut there).await.bytes, bare);
    let long = format!("{MESSAGE}{}", "x".repeat(200));
    for text in [MESSAGE, &long] {
        there.send(transmit(Destination::flow(&first.flow), text, 1));
        assert_eq!(while_driven(&mut there, frame(&mut browser)).await, (0x81, text.as_bytes().to_vec()));
    }
    assert_eq!(there.connections(), 1);
}

#[tokio::test]
async fn a_browser_is_reached_by_its_own_connection_alone() {
    let mut there = listener(TransportSettings::default(), &[]);
    let remote = "127.0.0.1:9".parse().unwrap();
    there.send(transmit(Destination::address(Transport::Ws, remote), MESSAGE, 7));
    assert_eq!(next_failure(&mut there).await.1, TransportFailure::Unreachable);
}

#[tokio::test]
async fn who_is_no_client_of_sip_or_no_page_of_ours_is_refused() {
    let no_sip = REQUEST.replace("Protocol: sip", "Protocol: chat").replace("example.com", "phone.example");
    let probe = "GET / HTTP/1.1\r\nHost: h\r\n\r\n".to_owned();
    for (request, status) in [(REQUEST.to_owned(), "403"), (probe, "426"), (no_sip, "400")] {
        let mut there = listener(TransportSettings::default(), &["https://phone.example"]);
        let mut stream = TcpStream::connect(local(&there)).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = while_driven(&mut there, head(&mut stream)).await;
        assert_eq!(&answer[9..12], status);
        assert!(matches!(next(&mut there).await, TransportEvent::Closed { .. }));
        assert_eq!(there.counters().handshakes_failed, 1);
        assert_eq!(stream.read_u8().await.ok(), None, "the connection ends");
    }
}

#[tokio::test]
async fn pings_are_answered_and_sent_and_a_close_is_returned() {
    let interval = Duration::from_millis(50);
    let settings = TransportSettings { websocket_ping_interval: interval, ..TransportSettings::default() };
    let mut there = listener(settings, &[]);
    let mut browser = opened(&mut there).await;
    browser.write_all(&masked(0x89, b"you?")).await.unwrap();
    assert_eq!(while_driven(&mut there, frame(&mut browser)).await, (0x8a, b"you?".to_vec()));
    browser.write_all(&masked(0x81, MESSAGE.as_bytes())).await.unwrap();
    next_message(&mut there).await;
    // Unasked, so that nothing on the way forgets the connection.
    for _ in 0..2 {
        assert_eq!(while_driven(&mut there, frame(&mut browser)).await, (0x89, Vec::new()));
        browser.write_all(&masked(0x8a, b"")).await.unwrap();
    }
    browser.write_all(&masked(0x88, &1_001_u16.to_be_bytes())).await.unwrap();
    let last = loop {
        match while_driven(&mut there, frame(&mut browser)).await {
            (0x89, _) => {}
            other => break other,
        }
    };
    assert_eq!(last, (0x88, vec![0x03, 0xe9]));
    assert!(matches!(next(&mut there).await, TransportEvent::Closed { .. }));
}

#[tokio::test]
async fn a_browser_that_does_not_answer_pings_any_more_is_gone() {
    let settings = TransportSettings {
        websocket_ping_interval: Duration::from_millis(20),
        pong_timeout: Duration::from_millis(100),
        ..TransportSettings::default()
    };
    let mut there = listener(settings, &[]);
    let mut browser = opened(&mut there).await;
    browser.write_all(&masked(0x81, MESSAGE.as_bytes())).await.unwrap();
    next_message(&mut there).await;
    assert_eq!(while_driven(&mut there, frame(&mut browser)).await.0, 0x89);
    browser.write_all(&masked(0x8a, b"")).await.unwrap();
    assert!(matches!(next(&mut there).await, TransportEvent::Closed { .. }));
    assert_eq!(there.connections(), 0);
}

#[tokio::test]
async fn what_never_becomes_whole_ends_in_time() {
    let settings = TransportSettings {
        first_message_timeout: Duration::from_millis(150),
        message_timeout: Duration::from_millis(150),
        ..TransportSettings::default()
    };
    for begun in [&b"GET / HT"[..], b""] {
        let mut there = listener(settings, &[]);
        let mut slow = TcpStream::connect(local(&there)).await.unwrap();
        slow.write_all(begun).await.unwrap();
        assert!(matches!(next(&mut there).await, TransportEvent::Closed { .. }), "before it is a WebSocket");
    }
    let mut there = listener(settings, &[]);
    let _silent = opened(&mut there).await;
    assert!(matches!(next(&mut there).await, TransportEvent::Closed { .. }), "before its first message");
    let mut slow = opened(&mut there).await;
    slow.write_all(&masked(0x81, MESSAGE.as_bytes())).await.unwrap();
    next_message(&mut there).await;
    slow.write_all(&masked(0x01, b"INVITE")).await.unwrap();
    assert!(matches!(next(&mut there).await, TransportEvent::Closed { .. }), "with half a message");
}

#[tokio::test]
async fn what_is_no_frame_of_a_client_is_told_so() {
    let mut there = listener(TransportSettings::default(), &[]);
    let mut browser = opened(&mut there).await;
    browser.write_all(b"\x81\x02hi").await.unwrap();
    assert_eq!(while_driven(&mut there, frame(&mut browser)).await, (0x88, vec![0x03, 0xea]));
    assert!(matches!(next(&mut there).await, TransportEvent::Closed { .. }));
}

#[tokio::test]
async fn a_server_that_goes_down_says_so() {
    let mut there = listener(TransportSettings::default(), &[]);
    let mut browser = opened(&mut there).await;
    browser.write_all(&masked(0x81, MESSAGE.as_bytes())).await.unwrap();
    next_message(&mut there).await;
    there.close(Duration::from_secs(5)).await;
    assert_eq!(frame(&mut browser).await, (0x88, vec![0x03, 0xe9]));
}

#[tokio::test]
async fn over_tls_it_is_the_same() {
    use rustls::pki_types::ServerName;
    let authority = Authority::new();
    let certificates = vec![authority.issue(&[], &["phone.example"], "x", &[])];
    let tls = TlsConfig::new(&TlsMaterial { certificates, ..TlsMaterial::default() }).unwrap();
    let policy = Some(SharedPolicy::new(Policy { tls, ..Policy::default() }));
    let config = ListenerConfig {
        policy,
        client_certificates: ClientCertificates::Never,
        ..ListenerConfig::new(Transport::Wss, "127.0.0.1:0".parse().unwrap())
    };
    let mut there = bounded_by(config, TransportSettings::default());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.certificate()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(client));
    let address = local(&there);
    let browser = async {
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("phone.example").unwrap();
        let mut stream = connector.connect(name, stream).await.unwrap();
        let frame = masked(0x81, MESSAGE.as_bytes());
        // At once, before the answer: what was read with the request is not lost.
        stream.write_all(&[REQUEST.as_bytes(), &frame].concat()).await.unwrap();
        stream.flush().await.unwrap();
        stream
    };
    let _browser = while_driven(&mut there, browser).await;
    let received = next_message(&mut there).await;
    assert_eq!((received.flow.transport, &received.bytes[..]), (Transport::Wss, MESSAGE.as_bytes()));
}

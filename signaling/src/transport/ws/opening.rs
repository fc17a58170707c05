//! The request of HTTP that opens a WebSocket, and what it is answered (RFC 6455 §4.2, RFC 7118 §4.1).

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

use super::super::limits::{UPGRADE_HEADERS_MAX, UPGRADE_OCTETS_MAX};

/// What a request is judged to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is not whole yet.
    Incomplete,
    /// It opens a WebSocket for SIP: its length in octets, and the answer.
    Open(usize, String),
    /// It does not: the answer, after which the connection ends.
    Refused(&'static str),
}

/// The subprotocol (RFC 7118 §4.1).
const SUBPROTOCOL: &str = "sip";

/// The version of the protocol (RFC 6455 §4.1).
const VERSION: &str = "13";

/// What is put behind a client's key before it is hashed (RFC 6455 §1.3).
const SUFFIX: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const BAD_REQUEST: Verdict =
    Verdict::Refused("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
const NO_SIP: Verdict =
    Verdict::Refused("HTTP/1.1 400 Subprotocol sip Required\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
const FORBIDDEN: Verdict = Verdict::Refused("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
const NOT_GET: Verdict =
    Verdict::Refused("HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
const TOO_LONG: Verdict =
    Verdict::Refused("HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
const NO_UPGRADE: Verdict = Verdict::Refused(
    "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
);

/// What the beginning of a connection is. `origins` are those of pages that may use the server; where there are none, every one
/// may. A client that is no page tells no origin, and is none of a page's (RFC 6455 §10.2).
pub fn judge(octets: &[u8], origins: &[Box<str>]) -> Verdict {
    let Some(end) = memchr::memmem::find(octets, b"\r\n\r\n") else {
        return match octets.len() {
            UPGRADE_OCTETS_MAX.. => TOO_LONG,
            _ => Verdict::Incomplete,
        };
    };
    if end >= UPGRADE_OCTETS_MAX {
        return TOO_LONG;
    }
    let Ok(head) = std::str::from_utf8(&octets[..end]) else { return BAD_REQUEST };
    let mut lines = head.split("\r\n");
    let mut request = lines.next().unwrap_or_default().split(' ');
    let (method, target, version) = (request.next(), request.next(), request.next());
    if version != Some("HTTP/1.1") || request.next().is_some() || !target.is_some_and(|it| it.starts_with('/')) {
        return BAD_REQUEST;
    }
    if method != Some("GET") {
        return NOT_GET;
    }
    let Some(fields) = Fields::read(lines) else { return BAD_REQUEST };
    if fields.count > UPGRADE_HEADERS_MAX {
        return TOO_LONG;
    }
    let Fields { host, upgrade, connection, version, key, sip, origin, .. } = fields;
    if !host {
        return BAD_REQUEST;
    }
    if !upgrade || !connection || !version {
        return NO_UPGRADE;
    }
    let Some(key) = key.filter(|key| is_key(key)) else { return BAD_REQUEST };
    if origin.is_some_and(|origin| !origins.is_empty() && !origins.iter().any(|it| it.eq_ignore_ascii_case(origin))) {
        return FORBIDDEN;
    }
    if !sip {
        return NO_SIP;
    }
    let mut answer = String::with_capacity(160);
    // Writing into a text does not fail.
    let _ = write!(
        answer,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n",
        accept(key)
    );
    Verdict::Open(end + 4, answer)
}

/// What of the header fields matters.
#[derive(Default)]
struct Fields<'a> {
    count: usize,
    host: bool,
    upgrade: bool,
    connection: bool,
    version: bool,
    sip: bool,
    key: Option<&'a str>,
    origin: Option<&'a str>,
}

impl<'a> Fields<'a> {
    /// `None`: one of the lines is no field, or one that may be there once is there twice.
    fn read(lines: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut read = Fields::default();
        for line in lines {
            let (name, value) = line.split_once(':')?;
            if name.is_empty() || name.contains([' ', '\t']) {
                return None;
            }
            read.count += 1;
            let value = value.trim_matches([' ', '\t']);
            let lists = |token: &str| value.split(',').any(|it| it.trim().eq_ignore_ascii_case(token));
            let is = |known: &str| name.eq_ignore_ascii_case(known);
            if is("Host") {
                read.host = true;
            } else if is("Upgrade") {
                read.upgrade |= lists("websocket");
            } else if is("Connection") {
                read.connection |= lists("upgrade");
            } else if is("Sec-WebSocket-Version") {
                read.version = value == VERSION;
            } else if is("Sec-WebSocket-Protocol") {
                read.sip |= lists(SUBPROTOCOL);
            } else if is("Sec-WebSocket-Key") {
                once(&mut read.key, value)?;
            } else if is("Origin") {
                once(&mut read.origin, value)?;
            }
        }
        Some(read)
    }
}

/// Keeps a value that may be there once.
fn once<'a>(kept: &mut Option<&'a str>, value: &'a str) -> Option<()> {
    kept.replace(value).is_none().then_some(())
}

/// Whether it is sixteen octets in base64 (RFC 6455 §4.2.1).
fn is_key(key: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/'));
    key.len() == 24 && key.strip_suffix("==").is_some_and(digits)
}

/// What proves that a key was read (RFC 6455 §4.2.2).
fn accept(key: &str) -> String {
    let hash = Sha1::new().chain_update(key).chain_update(SUFFIX).finalize();
    STANDARD.encode(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &str = "GET /sip?x HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: https://example.com\r\nSec-WebSocket-Protocol: chat, sip\r\nSec-WebSocket-Version: 13\r\n\r\n";

    fn status(request: &str, origins: &[&str]) -> String {
        let origins: Vec<Box<str>> = origins.iter().map(|&it| it.into()).collect();
        match judge(request.as_bytes(), &origins) {
            Verdict::Incomplete => "more".to_owned(),
            Verdict::Open(length, answer) => {
                assert_eq!(length, request.len());
                answer[9..12].to_owned()
            }
            Verdict::Refused(answer) => answer[9..12].to_owned(),
        }
    }

    #[test]
    fn the_example_of_the_rfc_is_answered_as_there() {
        let Verdict::Open(length, answer) = judge([REQUEST, "\u{81}"].concat().as_bytes(), &[]) else { panic!("open") };
        assert_eq!(length, REQUEST.len());
        assert!(answer.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{answer}");
        assert!(answer.contains("\r\nSec-WebSocket-Protocol: sip\r\n") && answer.ends_with("\r\n\r\n"));
    }

    #[test]
    fn what_opens_no_websocket_for_sip_is_told_why() {
        assert_eq!(status(REQUEST, &[]), "101");
        for (from, to, expected) in [
            ("GET", "POST", "405"),
            ("HTTP/1.1", "HTTP/1.0", "400"),
            ("/sip?x", "sip", "400"),
            ("Host: server.example.com\r\n", "", "400"),
            ("Upgrade: WebSocket\r\n", "", "426"),
            ("keep-alive, Upgrade", "keep-alive", "426"),
            ("Version: 13", "Version: 8", "426"),
            ("dGhlIHNhbXBsZSBub25jZQ==", "short", "400"),
            ("chat, sip", "chat", "400"),
            ("Host:", "Host :", "400"),
            ("Host:", "Host", "400"),
            ("\r\n\r\n", "\r\n", "more"),
        ] {
            assert_eq!(status(&REQUEST.replace(from, to), &[]), expected, "{to}");
        }
        assert_eq!(status("GET / HTTP/1.1\r\nHost: probe\r\n\r\n", &[]), "426");
    }

    #[test]
    fn only_pages_of_listed_origins_are_served_where_there_is_a_list() {
        assert_eq!(status(REQUEST, &["https://other.example", "https://EXAMPLE.com"]), "101");
        assert_eq!(status(REQUEST, &["https://other.example"]), "403");
        let no_page = REQUEST.replace("Origin: https://example.com\r\n", "");
        assert_eq!(status(&no_page, &["https://other.example"]), "101");
        let two = REQUEST.replace("Host:", "Origin: https://other.example\r\nHost:");
        assert_eq!(status(&two, &["https://other.example"]), "400");
    }

    #[test]
    fn a_request_without_end_is_refused() {
        let long = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(UPGRADE_OCTETS_MAX));
        assert_eq!(status(&long, &[]), "431");
        assert_eq!(status(&format!("{long}\r\n\r\n"), &[]), "431");
        let many = REQUEST.replace("\r\n\r\n", &format!("{}\r\n\r\n", "\r\nX: y".repeat(UPGRADE_HEADERS_MAX)));
        assert_eq!(status(&many, &[]), "431");
    }
}

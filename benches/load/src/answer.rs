//! Responses to what the server asks (RFC 3261 §8.2.6, §18.2).

use crate::message::{CALL_ID, CSEQ, FROM, Message, RECORD_ROUTE, TO, VIA, host_port, parameter};
use std::fmt::Write;
use std::net::SocketAddr;

/// What a response says beyond what it copies from its request.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// Status code.
    pub status: u16,
    /// Reason phrase.
    pub reason: &'static str,
    /// The tag that To gets where it has none.
    pub tag: &'a str,
    /// The Contact, where the response makes or refreshes a dialog.
    pub contact: Option<&'a str>,
    /// A session description.
    pub body: Option<&'a str>,
}

impl<'a> Answer<'a> {
    /// A response without contact and body.
    pub fn plain(status: u16, reason: &'static str, tag: &'a str) -> Answer<'a> {
        Answer { status, reason, tag, contact: None, body: None }
    }
}

/// The methods that are served.
pub const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, NOTIFY, MESSAGE";

/// Writes the response to a request that came from `source`.
pub fn write(out: &mut String, request: &Message<'_>, source: SocketAddr, answer: Answer<'_>) {
    let _ = write!(out, "SIP/2.0 {} {}\r\n", answer.status, answer.reason);
    for (n, via) in request.values(VIA).enumerate() {
        out.push_str("Via: ");
        if n == 0 {
            write_top_via(out, via, source)
        } else {
            out.push_str(via)
        }
        out.push_str("\r\n");
    }
    if answer.contact.is_some() {
        for route in request.values(RECORD_ROUTE) {
            let _ = write!(out, "Record-Route: {route}\r\n");
        }
    }
    let copied = |name| request.header(name).unwrap_or("");
    let _ = write!(out, "From: {}\r\nTo: {}", copied(FROM), copied(TO));
    if request.tag(TO).is_none() && answer.status > 100 {
        let _ = write!(out, ";tag={}", answer.tag);
    }
    let _ = write!(out, "\r\nCall-ID: {}\r\nCSeq: {}\r\n", copied(CALL_ID), copied(CSEQ));
    if let Some(contact) = answer.contact {
        let _ = write!(out, "Contact: {contact}\r\n");
    }
    if answer.contact.is_some() || answer.status == 405 {
        let _ = write!(out, "Allow: {ALLOW}\r\n");
    }
    write_body(out, answer.body);
}

/// Writes the last headers, the empty line and the body.
pub fn write_body(out: &mut String, body: Option<&str>) {
    match body {
        Some(body) => {
            let length = body.len();
            let _ = write!(out, "Content-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{body}");
        }
        None => out.push_str("Content-Length: 0\r\n\r\n"),
    }
}

/// Where the response goes (RFC 3261 §18.2.2, RFC 3581 §4): to the source's address, at its port where `rport` is there.
pub fn return_address(request: &Message<'_>, source: SocketAddr) -> SocketAddr {
    let Some(via) = request.values(VIA).next() else { return source };
    if parameter(via, "rport").is_some() {
        return source;
    }
    let port = sent_by(via).map_or_else(|| port_of(sent_by_text(via)), |address| address.port());
    SocketAddr::new(source.ip(), port)
}

fn write_top_via(out: &mut String, via: &str, source: SocketAddr) {
    let asks_for_port = parameter(via, "rport").is_some_and(str::is_empty);
    for (n, part) in via.split(';').enumerate() {
        if n > 0 {
            out.push(';');
        }
        if asks_for_port && part.trim().eq_ignore_ascii_case("rport") {
            let _ = write!(out, "rport={}", source.port());
        } else {
            out.push_str(part);
        }
    }
    if asks_for_port || sent_by(via).is_none_or(|address| address.ip() != source.ip()) {
        let _ = write!(out, ";received={}", source.ip());
    }
}

fn sent_by_text(via: &str) -> &str {
    via.split(';').next().unwrap_or(via).split_whitespace().last().unwrap_or("")
}

fn sent_by(via: &str) -> Option<SocketAddr> {
    host_port(sent_by_text(via), 5060)
}

fn port_of(host_name: &str) -> u16 {
    host_name.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(5060)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn respond(via: &str) -> (String, SocketAddr) {
        let text = format!(
            "OPTIONS sip:a SIP/2.0\r\nVia: {via}\r\nVia: SIP/2.0/UDP far\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\n\
             Call-ID: x\r\nCSeq: 1 OPTIONS\r\n\r\n"
        );
        let request = Message::parse(&text).unwrap();
        let source = "127.0.0.1:9999".parse().unwrap();
        let mut out = String::new();
        write(&mut out, &request, source, Answer::plain(200, "OK", "t"));
        (out, return_address(&request, source))
    }

    #[test]
    fn rport_is_filled_and_answered_to() {
        let (text, to) = respond("SIP/2.0/UDP 127.0.0.1:5060;rport;branch=z9hG4bKx");
        assert!(text.contains("Via: SIP/2.0/UDP 127.0.0.1:5060;rport=9999;branch=z9hG4bKx;received=127.0.0.1\r\n"));
        assert!(text.contains("Via: SIP/2.0/UDP far\r\n"));
        assert!(text.contains("To: <sip:b>;tag=t\r\n"));
        assert_eq!(to.port(), 9999);
    }

    #[test]
    fn without_rport_the_sent_by_port_counts() {
        assert_eq!(respond("SIP/2.0/UDP 127.0.0.1:5071;branch=z9hG4bKx").1.port(), 5071);
        assert_eq!(respond("SIP/2.0/UDP host.example;branch=z9hG4bKx").1.port(), 5060);
        let (text, to) = respond("SIP/2.0/UDP host.example:5072;branch=z9hG4bKx");
        assert!(text.contains(";received=127.0.0.1"));
        assert_eq!(to, "127.0.0.1:5072".parse().unwrap());
    }
}

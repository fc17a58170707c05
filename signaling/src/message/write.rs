//! Requests and responses, written straight into a buffer.
//!
//! Values are written as they are: nothing is escaped here, so nothing is escaped twice. CR, LF and NUL in a value
//! become spaces, so that no value can end its line and start another header. Content-Length always stands, as the
//! last header.

use std::net::SocketAddr;

use bytes::Bytes;

use super::Message;
use super::grammar;
use super::header::{Header, HeaderName};
use super::identifier::Tag;
use super::method::Method;
use super::status::StatusCode;
use super::value::{Value, put_line};
use super::via::Via;

/// What an ordinary message needs.
const BUFFER_OCTETS_USUAL: usize = 1024;

/// What the headers of an ordinary response need beside those that come from its request.
const FURTHER_OCTETS_USUAL: usize = 512;

/// The lines of a head.
#[derive(Debug)]
struct Head {
    buffer: Vec<u8>,
}

/// Octets as they came. CR and LF are replaced, for a value must not begin a line; a NUL may stand in a quoted pair
/// (RFC 3261 §25.1, RFC 4475 §3.1.1.2).
fn put_octets(buffer: &mut Vec<u8>, octets: &[u8]) {
    let mut rest = octets;
    while let Some(at) = memchr::memchr2(b'\r', b'\n', rest) {
        buffer.extend_from_slice(&rest[..at]);
        buffer.push(b' ');
        rest = &rest[at + 1..];
    }
    buffer.extend_from_slice(rest);
}

impl Head {
    fn header(&mut self, name: HeaderName<'_>, value: impl Value) {
        self.name(name);
        value.put(&mut self.buffer);
        self.buffer.extend_from_slice(b"\r\n");
    }

    fn raw(&mut self, name: HeaderName<'_>, value: &[u8]) {
        self.name(name);
        put_octets(&mut self.buffer, value);
        self.buffer.extend_from_slice(b"\r\n");
    }

    fn name(&mut self, name: HeaderName<'_>) {
        match name {
            HeaderName::Known(header) => self.buffer.extend_from_slice(header.as_str().as_bytes()),
            HeaderName::Other(name) => put_line(&mut self.buffer, name.as_bytes()),
        }
        self.buffer.extend_from_slice(b": ");
    }

    fn copy(&mut self, message: &Message, header: Header) {
        for value in message.lines(header) {
            self.raw(header.into(), value);
        }
    }

    fn finish(mut self, body: Option<(&str, &[u8])>) -> Bytes {
        let octets = body.map_or(&[][..], |(_, octets)| octets);
        if let Some((kind, _)) = body {
            self.header(Header::ContentType.into(), kind);
        }
        self.header(Header::ContentLength.into(), octets.len());
        self.buffer.extend_from_slice(b"\r\n");
        self.buffer.extend_from_slice(octets);
        // It is kept for retransmissions, and one that has no room left is its buffer and nothing more.
        self.buffer.shrink_to_fit();
        Bytes::from(self.buffer)
    }
}

/// Builds a request: start line first, then headers in the order of the calls.
#[derive(Debug)]
pub struct RequestWriter {
    head: Head,
}

impl RequestWriter {
    /// Starts with `method uri SIP/2.0`. The URI is a [`Uri`](super::Uri) or a [`UriRef`](super::UriRef).
    pub fn new(method: &Method, uri: impl Value) -> RequestWriter {
        let mut buffer = Vec::with_capacity(BUFFER_OCTETS_USUAL);
        (method, " ", uri, " SIP/2.0").put(&mut buffer);
        buffer.extend_from_slice(b"\r\n");
        RequestWriter { head: Head { buffer } }
    }

    /// Adds a header line.
    #[must_use]
    pub fn header<'n>(mut self, name: impl Into<HeaderName<'n>>, value: impl Value) -> Self {
        self.head.header(name.into(), value);
        self
    }

    /// Adds a header line whose value is octets, as [`Message::headers`] yields them.
    #[must_use]
    pub fn raw<'n>(mut self, name: impl Into<HeaderName<'n>>, value: &[u8]) -> Self {
        self.head.raw(name.into(), value);
        self
    }

    /// Copies every line of that header from a message.
    #[must_use]
    pub fn copy(mut self, message: &Message, header: Header) -> Self {
        self.head.copy(message, header);
        self
    }

    /// Copies the lines of a message that the filter wants, unknown ones octet by octet. Content-Type and
    /// Content-Length are left out: they are the body's.
    #[must_use]
    pub fn pass(mut self, message: &Message, mut wanted: impl FnMut(HeaderName<'_>) -> bool) -> Self {
        for (name, value) in message.headers() {
            if name != Header::ContentLength && name != Header::ContentType && wanted(name) {
                self.head.raw(name, value);
            }
        }
        self
    }

    /// Ends the message with a body.
    pub fn body(self, content_type: &str, octets: &[u8]) -> Bytes {
        self.head.finish(Some((content_type, octets)))
    }

    /// Ends the message without a body.
    pub fn finish(self) -> Bytes {
        self.head.finish(None)
    }
}

/// Builds a response to a request: Via, From, To, Call-ID and CSeq come from the request as received
/// (RFC 3261 §8.2.6.2), further headers follow in the order of the calls.
#[derive(Debug)]
pub struct ResponseWriter<'a> {
    request: &'a Message,
    status: StatusCode,
    reason: Option<&'a str>,
    source: Option<SocketAddr>,
    to_tag: Option<&'a Tag>,
    head: Head,
}

impl<'a> ResponseWriter<'a> {
    /// A response with the default reason phrase.
    pub fn to(request: &'a Message, status: StatusCode) -> ResponseWriter<'a> {
        let head = Head { buffer: Vec::new() };
        ResponseWriter { request, status, reason: None, source: None, to_tag: None, head }
    }

    /// Another reason phrase.
    #[must_use]
    pub fn reason(mut self, reason: &'a str) -> Self {
        self.reason = Some(reason);
        self
    }

    /// Where the request came from: `received` and `rport` of the topmost Via are set from it as the server transport
    /// must (RFC 3261 §18.2.1, RFC 3581 §4).
    #[must_use]
    pub fn source(mut self, source: SocketAddr) -> Self {
        self.source = Some(source);
        self
    }

    /// The tag for To, where the request has none. Every response but 100 needs one (RFC 3261 §8.2.6.2).
    #[must_use]
    pub fn to_tag(mut self, tag: &'a Tag) -> Self {
        self.to_tag = Some(tag);
        self
    }

    /// Adds a header line.
    #[must_use]
    pub fn header<'n>(mut self, name: impl Into<HeaderName<'n>>, value: impl Value) -> Self {
        self.reserve();
        self.head.header(name.into(), value);
        self
    }

    /// Adds a header line whose value is octets.
    #[must_use]
    pub fn raw<'n>(mut self, name: impl Into<HeaderName<'n>>, value: &[u8]) -> Self {
        self.reserve();
        self.head.raw(name.into(), value);
        self
    }

    /// Room for the further headers, once there is one.
    fn reserve(&mut self) {
        if self.head.buffer.capacity() == 0 {
            self.head.buffer.reserve(FURTHER_OCTETS_USUAL);
        }
    }

    /// Ends the message with a body.
    pub fn body(self, content_type: &str, octets: &[u8]) -> Bytes {
        self.assemble(Some((content_type, octets)))
    }

    /// Ends the message without a body.
    pub fn finish(self) -> Bytes {
        self.assemble(None)
    }

    fn assemble(self, body: Option<(&str, &[u8])>) -> Bytes {
        let octets = body.map_or(0, |(_, octets)| octets.len());
        let mut buffer = Vec::with_capacity(BUFFER_OCTETS_USUAL + self.head.buffer.len() + octets);
        let reason = self.reason.unwrap_or_else(|| self.status.reason());
        ("SIP/2.0 ", self.status, " ", reason).put(&mut buffer);
        buffer.extend_from_slice(b"\r\n");
        let mut head = Head { buffer };
        self.put_vias(&mut head);
        head.copy(self.request, Header::From);
        self.put_to(&mut head);
        head.copy(self.request, Header::CallId);
        head.copy(self.request, Header::CSeq);
        if self.status == StatusCode::TRYING {
            // RFC 3261 §8.2.6.1.
            head.copy(self.request, Header::Timestamp);
        } else if self.status.class() <= 2 {
            // RFC 3261 §12.1.1: responses that may establish a dialog carry the route set back.
            head.copy(self.request, Header::RecordRoute);
        }
        head.buffer.extend_from_slice(&self.head.buffer);
        head.finish(body)
    }

    fn put_vias(&self, head: &mut Head) {
        for (index, line) in self.request.lines(Header::Via).enumerate() {
            let (_, rest) = grammar::next_item(line);
            let via = if index == 0 { self.request.via().ok() } else { None };
            match (index, self.source, via) {
                (0, Some(source), Some(via)) => {
                    put_received(head, &via, source);
                    if let Some(rest) = rest {
                        head.raw(Header::Via.into(), grammar::trim(rest));
                    }
                }
                _ => head.raw(Header::Via.into(), line),
            }
        }
    }

    fn put_to(&self, head: &mut Head) {
        for (index, value) in self.request.lines(Header::To).enumerate() {
            head.name(Header::To.into());
            put_octets(&mut head.buffer, value);
            if let Some(tag) = self.to_tag {
                let to = if index == 0 { self.request.to().ok() } else { super::NameAddr::parse(value) };
                let has_tag = to.is_some_and(|to| to.parameters().has("tag"));
                if !has_tag {
                    (";tag=", tag).put(&mut head.buffer);
                }
            }
            head.buffer.extend_from_slice(b"\r\n");
        }
    }
}

/// Writes the topmost Via with `received` where sent-by is not the source or `rport` is asked for, and with `rport`
/// filled in; every other parameter stays as it came.
fn put_received(head: &mut Head, via: &Via<'_>, source: SocketAddr) {
    let address = source.ip().to_canonical();
    let rport = via.rport().is_some();
    let received = rport || via.address().map(|address| address.to_canonical()) != Some(address);
    head.name(Header::Via.into());
    let buffer = &mut head.buffer;
    ("SIP/2.0/", via.transport(), " ", via.host()).put(buffer);
    if let Some(port) = via.port() {
        (":", port).put(buffer);
    }
    for parameter in via.parameters() {
        let name = parameter.name;
        if name.eq_ignore_ascii_case("received") || name.eq_ignore_ascii_case("rport") {
            continue;
        }
        match parameter.value {
            Some(value) => (";", name, "=", value).put(buffer),
            None => (";", name).put(buffer),
        }
    }
    if received {
        (";received=", address).put(buffer);
    }
    if rport {
        (";rport=", source.port()).put(buffer);
    }
    buffer.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Uri, UriRef};

    const INVITE: &str = "INVITE sip:bob@biloxi.example SIP/2.0\r\n\
        v: SIP/2.0/UDP 10.1.1.1:4540;rport;branch=z9hG4bKkjshdyff;x=\"a;b\", SIP/2.0/TCP b.example;branch=z9hG4bK2\r\n\
        Via: SIP/2.0/UDP c.example\r\nRecord-Route: <sip:p.example;lr>\r\n\
        From: Alice <sip:alice@atlanta.example>;tag=88sja8x\r\nTo: Bob <sip:bob@biloxi.example>\r\n\
        Call-ID: 987asjd97y7atg\r\nCSeq: 986759 INVITE\r\nTimestamp: 54\r\nContent-Length: 0\r\n\r\n";

    fn invite() -> Message {
        Message::parse_datagram(Bytes::from_static(INVITE.as_bytes())).unwrap()
    }

    #[test]
    fn a_request_reads_back() {
        let uri = Uri::parse("sip:a%20b@[2001:db8::1]:5070;transport=tcp").unwrap();
        let written = RequestWriter::new(&Method::Message, &uri)
            .header(Header::Via, "SIP/2.0/TCP h;branch=z9hG4bK1")
            .header(Header::From, "<sip:a@h>;tag=1")
            .header(Header::To, format_args!("<{uri}>"))
            .header(Header::CallId, "x")
            .header(Header::CSeq, "1 MESSAGE")
            .raw("X-Latin", b"M\xfcller")
            .body("text/plain", b"hello");
        let read = Message::parse_datagram(written).unwrap();
        assert_eq!(read.validate(), Ok(()));
        assert_eq!(read.request_uri().map(UriRef::as_str), Ok(uri.as_str()));
        assert_eq!(read.to().unwrap().uri().as_str(), uri.as_str());
        assert_eq!(read.header("x-latin"), Some(&b"M\xfcller"[..]));
        assert_eq!((read.content_length(), read.body_octets()), (Ok(Some(5)), &b"hello"[..]));
    }

    #[test]
    fn a_null_in_a_quoted_pair_passes() {
        let octets = INVITE.replace("From: Alice", "From: \"\\\0\"").replace("To: Bob", "To: \"\\\0\"");
        let request = Message::parse_datagram(Bytes::from(octets)).unwrap();
        assert_eq!(request.validate(), Ok(()));
        let passed = RequestWriter::new(&Method::Invite, "sip:h").pass(&request, |_| true).finish();
        let passed = Message::parse_datagram(passed).unwrap();
        let tag = Tag::new("t").unwrap();
        let response = ResponseWriter::to(&request, StatusCode::OK).to_tag(&tag).finish();
        let response = Message::parse_datagram(response).unwrap();
        for read in [&passed, &response] {
            assert_eq!(read.header(Header::From), request.header(Header::From), "RFC 3261 §8.2.6.2: From is equal");
            assert_eq!(read.to().unwrap().display_raw(), b"\"\\\0\"");
        }
    }

    #[test]
    fn no_value_starts_another_line() {
        let written = RequestWriter::new(&Method::Options, "sip:h SIP/2.0\r\nEvil: 1")
            .header(Header::Subject, "a\r\nEvil: 2\r\n\r\nbody")
            .header("X-Name\r\nEvil", "3")
            .raw("X", b"b\nEvil: 4\0")
            .finish();
        let read = Message::parse_datagram(written).unwrap();
        assert_eq!(read.header("Evil"), None);
        assert_eq!(read.text(Header::Subject), Some("a  Evil: 2    body"));
        assert!(read.body().is_empty());
    }

    #[test]
    fn a_response_copies_what_it_must_and_mends_the_via() {
        let invite = invite();
        let tag = Tag::of_random(0xa6c85cf);
        let written = ResponseWriter::to(&invite, StatusCode::RINGING)
            .source("192.0.2.1:9988".parse().unwrap())
            .to_tag(&tag)
            .header(Header::Contact, "<sip:bob@192.0.2.4>")
            .finish();
        let read = Message::parse_datagram(written).unwrap();
        assert_eq!((read.status(), read.reason().as_deref()), (Some(StatusCode::RINGING), Some("Ringing")));
        let vias: Vec<_> = read.vias().map(|via| std::str::from_utf8(via.unwrap().raw()).unwrap()).collect();
        assert_eq!(
            vias,
            [
                "SIP/2.0/UDP 10.1.1.1:4540;branch=z9hG4bKkjshdyff;x=\"a;b\";received=192.0.2.1;rport=9988",
                "SIP/2.0/TCP b.example;branch=z9hG4bK2",
                "SIP/2.0/UDP c.example"
            ]
        );
        assert_eq!(read.to_tag(), Some(tag));
        assert_eq!(read.header(Header::From), invite.header(Header::From));
        assert_eq!((read.call_id(), read.cseq()), (invite.call_id(), invite.cseq()));
        assert_eq!(read.record_routes().count(), 1);
        assert_eq!(read.header("Timestamp"), None);
        let trying = ResponseWriter::to(&invite, StatusCode::TRYING).finish();
        let trying = Message::parse_datagram(trying).unwrap();
        assert_eq!((trying.text(Header::Timestamp), trying.to_tag()), (Some("54"), None));
        assert_eq!(trying.record_routes().count(), 0);
    }

    #[test]
    fn a_tag_of_the_request_stays() {
        let text = INVITE.replace("To: Bob <sip:bob@biloxi.example>", "To: sip:bob@biloxi.example;tag=here");
        let request = Message::parse_datagram(Bytes::from(text)).unwrap();
        let written = ResponseWriter::to(&request, StatusCode::OK).to_tag(&Tag::of_random(1)).finish();
        assert_eq!(Message::parse_datagram(written).unwrap().to_tag(), Tag::new("here"));
    }

    #[test]
    fn received_is_added_only_where_it_says_something() {
        let text = INVITE.replace(";rport", "");
        let request = Message::parse_datagram(Bytes::from(text)).unwrap();
        let from = |source: &str| {
            let written = ResponseWriter::to(&request, StatusCode::OK).source(source.parse().unwrap()).finish();
            Message::parse_datagram(written).unwrap().via().unwrap().received()
        };
        assert_eq!(from("10.1.1.1:9"), None);
        assert_eq!(from("[::ffff:10.1.1.1]:9"), None);
        assert_eq!(from("192.0.2.9:4540"), "192.0.2.9".parse().ok());
    }

    #[test]
    fn what_is_not_understood_passes_through() {
        let invite = invite();
        let written = RequestWriter::new(&Method::Invite, "sip:x@y")
            .pass(&invite, |name| name != Header::Via && name != Header::RecordRoute)
            .finish();
        let read = Message::parse_datagram(written).unwrap();
        assert_eq!(read.headers().count(), 6);
        assert_eq!(read.header(Header::From), invite.header(Header::From));
    }
}

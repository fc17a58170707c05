//! Conversions to and from the types of `rsip`, for integrators whose code speaks them (feature `rsip`).
//!
//! `rsip` reads less than the wire carries: no IPv6 in Request-URI and Via, no extension methods, no compact names, no
//! folding, one value a line. A message is therefore handed over in the plainest form that means the same: full names,
//! one value a line, the body as octets. What it still cannot hold is its error.

use bytes::{BufMut, Bytes, BytesMut};
use rsip::SipMessage;

use super::fault::Malformed;
use super::header::{Header, HeaderName};
use super::status::StatusCode;
use super::{Message, start_line::StartLine};

/// Headers whose values are given to `rsip` one a line.
const LISTS: [Header; 5] = [Header::Via, Header::Contact, Header::Route, Header::RecordRoute, Header::Path];

impl TryFrom<&Message> for SipMessage {
    type Error = rsip::Error;

    fn try_from(message: &Message) -> Result<SipMessage, rsip::Error> {
        let mut head = Vec::with_capacity(message.as_bytes().len());
        match &message.start {
            StartLine::Request { method, uri, .. } => {
                head.extend_from_slice(method.as_str().as_bytes());
                head.push(b' ');
                head.extend_from_slice(message.slice(*uri));
                head.extend_from_slice(b" SIP/2.0\r\n");
            }
            StartLine::Status { status, reason } => {
                head.extend_from_slice(format!("SIP/2.0 {status} ").as_bytes());
                head.extend_from_slice(message.slice(*reason));
                head.extend_from_slice(b"\r\n");
            }
        }
        let mut line = |name: HeaderName<'_>, value: &[u8]| {
            head.extend_from_slice(name.as_str().as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value);
            head.extend_from_slice(b"\r\n");
        };
        let mut listed = [false; LISTS.len()];
        for (name, value) in message.headers() {
            let list = LISTS.iter().position(|header| name == *header);
            match list {
                None => line(name, value),
                Some(index) if !listed[index] => {
                    listed[index] = true;
                    message.values(LISTS[index]).for_each(|value| line(name, value));
                }
                Some(_) => {}
            }
        }
        head.extend_from_slice(b"\r\n");
        let mut converted = SipMessage::try_from(head)?;
        match &mut converted {
            SipMessage::Request(request) => request.body = message.body_octets().to_vec(),
            SipMessage::Response(response) => response.body = message.body_octets().to_vec(),
        }
        Ok(converted)
    }
}

impl TryFrom<&SipMessage> for Message {
    type Error = Malformed;

    /// The message as it would stand on the wire. Reason phrases are those of the RFCs, Content-Length is the body's.
    fn try_from(message: &SipMessage) -> Result<Message, Malformed> {
        let (start, headers, body) = match message {
            SipMessage::Request(request) => {
                (format!("{} {} SIP/2.0", request.method, request.uri), &request.headers, &request.body)
            }
            SipMessage::Response(response) => {
                let status = StatusCode::new(response.status_code.code()).ok_or(Malformed::StartLine)?;
                (format!("SIP/2.0 {status} {}", status.reason()), &response.headers, &response.body)
            }
        };
        let mut octets = BytesMut::with_capacity(1024 + body.len());
        let mut line = |text: &str| {
            octets.extend(text.bytes().map(|octet| if matches!(octet, b'\r' | b'\n') { b' ' } else { octet }));
            octets.put_slice(b"\r\n");
        };
        line(&start);
        for header in headers.iter().filter(|header| !matches!(header, rsip::Header::ContentLength(_))) {
            line(&header.to_string());
        }
        line(&format!("Content-Length: {}", body.len()));
        line("");
        octets.put_slice(body);
        Message::parse_datagram(Bytes::from(octets))
    }
}

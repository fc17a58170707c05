//! Which bodies are taken.

use crate::limits::MESSAGE_OCTETS_UDP_MAX;
use crate::message::{Header, Message, StatusCode};
use crate::transport::Flow;

/// The value of Accept where a body is refused.
pub(crate) const ACCEPTED: &str = "text/*, message/cpim, application/im-iscomposing+xml";

/// Whether a body is packed: it is passed on and kept without a word of that, so it is refused.
pub(crate) fn is_packed(message: &Message) -> bool {
    message.tokens(Header::ContentEncoding).any(|encoding| !encoding.eq_ignore_ascii_case("identity"))
}

/// That somebody writes (RFC 3994): of use now or never.
const IS_COMPOSING: &str = "application/im-iscomposing+xml";

/// A body that is taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Content {
    /// Its media type with parameters, as it came.
    pub(crate) content_type: String,
    /// Whether it is worth being kept.
    pub(crate) lasts: bool,
}

/// The body of a MESSAGE, or the status that refuses it, and its words. Over UDP a body may be as long as RFC 3428 §8 lets a whole request be: a
/// longer one belongs on a transport with congestion control.
pub(crate) fn content_of(
    message: &Message,
    flow: &Flow,
    octets_max: usize,
) -> Result<Content, (StatusCode, &'static str)> {
    let bad = |reason| (StatusCode::BAD_REQUEST, reason);
    let plainly = |status: StatusCode| (status, status.reason());
    let kind = message.content_type().map_err(|_| bad("Malformed Content-Type Header"))?;
    // RFC 3428 §4: it is the body.
    let kind = kind.ok_or_else(|| match message.body_octets() {
        [] => bad("Missing Body"),
        _ => bad("Missing Content-Type Header"),
    })?;
    let is_text = kind.value.get(..5).is_some_and(|kind| kind.eq_ignore_ascii_case("text/"));
    let is_composing = kind.is(IS_COMPOSING);
    if is_packed(message) || !is_text && !is_composing && !kind.is("message/cpim") {
        return Err(plainly(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    let most = if flow.transport.is_reliable() { octets_max } else { octets_max.min(MESSAGE_OCTETS_UDP_MAX) };
    if message.body_octets().len() > most {
        return Err(plainly(StatusCode::REQUEST_ENTITY_TOO_LARGE));
    }
    let content_type = format!("{}{}", kind.value, kind.parameters);
    Ok(Content { content_type, lasts: !is_composing })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{ConnectionId, ListenerId, Transport};
    use bytes::Bytes;

    fn of(kind: &str, octets: usize, transport: Transport) -> Result<Content, u16> {
        let text = format!("MESSAGE sip:b@h SIP/2.0\r\n{kind}Content-Length: {octets}\r\n\r\n{}", "x".repeat(octets));
        let message = Message::parse_datagram(Bytes::from(text)).unwrap();
        let address = "192.0.2.1:5060".parse().unwrap();
        let connection = transport.is_reliable().then_some(ConnectionId(1));
        let flow = Flow { transport, listener: ListenerId(0), local: address, remote: address, connection };
        content_of(&message, &flow, 4_000).map_err(|(status, _)| status.code())
    }

    #[test]
    fn text_is_taken_up_to_a_length() {
        let text = "Content-Type: text/plain;charset=UTF-8\r\n";
        let taken = of(text, 1_300, Transport::Udp).unwrap();
        assert_eq!((taken.content_type.as_str(), taken.lasts), ("text/plain;charset=UTF-8", true));
        assert_eq!(of(text, 1_301, Transport::Udp), Err(413));
        assert!(of(text, 4_000, Transport::Tcp).is_ok());
        assert_eq!(of(text, 4_001, Transport::Tcp), Err(413));
        assert!(of("Content-Type: Message/CPIM\r\n", 10, Transport::Udp).unwrap().lasts);
        assert!(!of("Content-Type: application/im-iscomposing+xml\r\n", 10, Transport::Udp).unwrap().lasts);
        assert_eq!(of("Content-Type: image/png\r\n", 10, Transport::Udp), Err(415));
        assert_eq!(of(&format!("{text}Content-Encoding: gzip\r\n"), 10, Transport::Udp), Err(415));
        assert!(of(&format!("{text}e: identity\r\n"), 10, Transport::Udp).is_ok());
        assert_eq!(of("", 10, Transport::Udp), Err(400));
        assert_eq!(of("", 0, Transport::Udp), Err(400));
    }
}

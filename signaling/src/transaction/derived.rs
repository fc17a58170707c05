//! The requests that the layer itself derives from an INVITE: the ACK to a refusal, and CANCEL.

use std::borrow::Cow;

use bytes::Bytes;

use crate::limits::MAX_FORWARDS_DEFAULT;
use crate::message::{Header, Message, Method, RequestWriter};

/// The ACK to a response that is no 2xx (RFC 3261 §17.1.1.3): Request-URI, Call-ID, From, Route and the topmost Via of
/// the INVITE, To of the response.
pub(super) fn acknowledgement(invite: &Bytes, response: &Message) -> Option<Bytes> {
    let invite = Message::parse_datagram(invite.clone()).ok()?;
    let writer = start(&invite, &Method::Ack)?;
    Some(writer.copy(response, Header::To).copy(&invite, Header::Route).finish())
}

/// The CANCEL of an INVITE (RFC 3261 §9.1): Request-URI, Call-ID, From, To, Route, CSeq number and the topmost Via of the
/// INVITE; with a Reason (RFC 3326) where one is given.
pub(super) fn cancellation(invite: &Bytes, reason: Option<&str>) -> Option<Bytes> {
    let invite = Message::parse_datagram(invite.clone()).ok()?;
    let mut writer = start(&invite, &Method::Cancel)?.copy(&invite, Header::To).copy(&invite, Header::Route);
    if let Some(reason) = reason {
        writer = writer.header(Header::Reason, reason);
    }
    Some(writer.finish())
}

fn start(invite: &Message, method: &Method) -> Option<RequestWriter> {
    let uri: Cow<'_, str> = String::from_utf8_lossy(invite.request_uri_raw()?);
    let number = invite.cseq().ok()?.number;
    let hops = invite.max_forwards().ok().flatten().unwrap_or(MAX_FORWARDS_DEFAULT);
    Some(
        RequestWriter::new(method, uri)
            .raw(Header::Via, invite.via().ok()?.raw())
            .header(Header::MaxForwards, hops)
            .copy(invite, Header::From)
            .copy(invite, Header::CallId)
            .header(Header::CSeq, (number, " ", method)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVITE: &str = "INVITE sip:bob@biloxi.com SIP/2.0\r\nVia: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKkjshdyff\r\n\
        Via: SIP/2.0/UDP older\r\nTo: Bob <sip:bob@biloxi.com>\r\nFrom: Alice <sip:alice@atlanta.com>;tag=88sja8x\r\n\
        Max-Forwards: 9\r\nRoute: <sip:p1;lr>\r\nRoute: <sip:p2;lr>\r\nCall-ID: 987asjd97y7atg\r\n\
        CSeq: 986759 INVITE\r\nContent-Length: 0\r\n\r\n";

    #[test]
    fn the_ack_to_a_refusal_is_that_of_the_rfc() {
        let refusal = "SIP/2.0 486 Busy Here\r\nVia: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKkjshdyff\r\n\
            To: Bob <sip:bob@biloxi.com>;tag=77\r\nFrom: Alice <sip:alice@atlanta.com>;tag=88sja8x\r\n\
            Call-ID: 987asjd97y7atg\r\nCSeq: 986759 INVITE\r\n\r\n";
        let refusal = Message::parse_datagram(Bytes::from_static(refusal.as_bytes())).unwrap();
        assert_eq!(
            acknowledgement(&Bytes::from_static(INVITE.as_bytes()), &refusal).unwrap(),
            "ACK sip:bob@biloxi.com SIP/2.0\r\nVia: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKkjshdyff\r\n\
             Max-Forwards: 9\r\nFrom: Alice <sip:alice@atlanta.com>;tag=88sja8x\r\nCall-ID: 987asjd97y7atg\r\n\
             CSeq: 986759 ACK\r\nTo: Bob <sip:bob@biloxi.com>;tag=77\r\nRoute: <sip:p1;lr>\r\nRoute: <sip:p2;lr>\r\n\
             Content-Length: 0\r\n\r\n"
        );
    }

    #[test]
    fn the_cancel_is_that_of_the_rfc() {
        let reason = "SIP;cause=200;text=\"Call completed elsewhere\"";
        let cancel = cancellation(&Bytes::from_static(INVITE.as_bytes()), Some(reason)).unwrap();
        let cancel = Message::parse_datagram(cancel).unwrap();
        assert!(cancel.validate().is_ok());
        assert_eq!(cancel.vias().count(), 1);
        assert_eq!(cancel.header(Header::CSeq), Some(&b"986759 CANCEL"[..]));
        assert_eq!(cancel.header(Header::To), Some(&b"Bob <sip:bob@biloxi.com>"[..]));
        assert_eq!(cancel.lines(Header::Route).count(), 2);
        assert_eq!(cancel.header(Header::Reason), Some(reason.as_bytes()));
        assert_eq!(cancellation(&Bytes::from_static(b"nonsense"), None), None);
    }
}

//! STUN Binding requests on a SIP port: a phone behind a NAT keeps its flow over UDP open by them, and learns from the answer
//! that it is alive and what address the NAT gave it (RFC 5626 §4.4.2, §8; RFC 8489).
//!
//! No message of SIP begins with an octet below 64, and all of STUN do; the magic cookie tells it from the zeros that other phones
//! send. Nobody is asked for credentials (RFC 5626 §8), so those that come along are passed over.

use std::net::SocketAddr;

use bytes::Bytes;
use stun::{Class, Message, Writer};

/// The answer to a Binding request from there. It has a fingerprint if the request has one (RFC 8489 §7).
pub(crate) fn answer(request: &Message<'_>, source: SocketAddr) -> Bytes {
    let answer = if request.unknown.is_empty() {
        Writer::new(Class::Success, &request.transaction).mapped(source)
    } else {
        // RFC 8489 §6.3.1.
        Writer::new(Class::Error, &request.transaction).error(420).unknown(&request.unknown)
    };
    let answer = if request.has_fingerprint { answer.finish() } else { answer };
    Bytes::copy_from_slice(answer.octets())
}

#[cfg(test)]
mod tests {
    use super::*;
    use stun::Usage;

    fn answered(request: &[u8]) -> Option<Bytes> {
        let request = Message::parse(request, Usage::KeepAlive)?;
        Some(answer(&request, "192.0.2.1:32853".parse().unwrap()))
    }

    /// The head and the address of RFC 5769 §2.2.
    #[test]
    fn the_answer_is_the_address_and_sealed_as_the_request_was() {
        let bare = Writer::new(Class::Request, b"tandem-stun!");
        assert_eq!(
            answered(bare.octets()).unwrap()[..],
            b"\x01\x01\x00\x0c\x21\x12\xa4\x42tandem-stun!\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43"[..]
        );
        let sealed = answered(bare.finish().octets()).unwrap();
        let read = Message::parse(&sealed, Usage::KeepAlive).unwrap();
        assert_eq!((read.has_fingerprint, sealed.len()), (true, 40));
        assert_eq!(answered(&bare.octets()[..19]), None);
    }

    /// Whoever forges a source has it sent little more than it sends.
    #[test]
    fn an_answer_is_hardly_longer_than_what_asks_for_it() {
        let least = Writer::new(Class::Request, b"tandem-stun!").octets().len();
        assert!(answered(Writer::new(Class::Request, b"tandem-stun!").octets()).unwrap().len() <= least + 24);
        let mut strange = Writer::new(Class::Request, b"tandem-stun!").octets().to_vec();
        strange.extend([0x40, 0, 0, 0]);
        strange[3] = 4;
        let refused = answered(&strange).unwrap();
        assert_eq!(Message::parse(&refused, Usage::KeepAlive).unwrap().error, Some(420));
        assert!(refused.len() <= 3 * strange.len(), "{}", refused.len());
    }
}

//! The one mapping between causes and SIP statuses, both ways, with the Reason header (RFC 3326) and Q.850 (RFC 3398 §7.2.6,
//! §8.2.6.1).

use crate::message::{Header, Message, StatusCode};
use router::parameter::{Cause, CauseKind, Failure, Reason};

/// Longest words of a peer that are kept.
const TEXT_CHARS_MAX: usize = 64;

/// The status that tells a caller why its call was not made. A peer's own final status passes through.
pub fn status_of(cause: &Cause) -> StatusCode {
    if let Some(code) = cause.code.and_then(StatusCode::new) {
        // Challenges and redirections are answered hop by hop; they do not pass. 503 would make the caller's side avoid us
        // altogether (RFC 3261 §16.7 step 6).
        match code.code() {
            401 | 407 => return StatusCode::FORBIDDEN,
            503 => return StatusCode::SERVER_INTERNAL_ERROR,
            code if is_of_our_request(code) => {}
            400..=699 => return code,
            _ => {}
        }
    }
    match cause.kind {
        CauseKind::Normal | CauseKind::Unreachable | CauseKind::NoAnswer | CauseKind::Transferred => {
            StatusCode::TEMPORARILY_UNAVAILABLE
        }
        CauseKind::Cancelled | CauseKind::AnsweredElsewhere => StatusCode::REQUEST_TERMINATED,
        CauseKind::Busy => StatusCode::BUSY_HERE,
        CauseKind::Declined => StatusCode::DECLINE,
        CauseKind::UnknownNumber => StatusCode::NOT_FOUND,
        CauseKind::Forbidden => StatusCode::FORBIDDEN,
        CauseKind::IncompatibleMedia => StatusCode::NOT_ACCEPTABLE_HERE,
        CauseKind::Congestion | CauseKind::Administrative => StatusCode::SERVICE_UNAVAILABLE,
        // Nobody said anything: the network behind is out of order (RFC 3398 §7.2.6.1: 38), and another one may do better.
        CauseKind::PeerFailure if cause.code.is_none() => StatusCode::SERVICE_UNAVAILABLE,
        CauseKind::TooManyHops => StatusCode::TOO_MANY_HOPS,
        // RFC 3398 §7.2.6.1: a timer that ran out (102).
        CauseKind::Timeout => StatusCode::SERVER_TIMEOUT,
        CauseKind::TooLong => StatusCode::REQUEST_TIMEOUT,
        CauseKind::Glare => StatusCode::REQUEST_PENDING,
        CauseKind::PeerMisbehaved | CauseKind::PeerFailure => StatusCode::BAD_GATEWAY,
        CauseKind::MediaTimeout | CauseKind::Internal | CauseKind::Interrupted => StatusCode::SERVER_INTERNAL_ERROR,
    }
}

/// Whether a status complains of the request that we made, not of what its caller wants: its form, its extensions, the
/// dialog or transaction that it belongs to. The caller's own request had none of that; and most of these mean nothing without
/// a header of the hop that they come from: Allow, Unsupported, Min-SE (RFC 4028 §6), Accept.
const fn is_of_our_request(code: u16) -> bool {
    matches!(code, 400 | 405 | 406 | 411..=417 | 420..=423 | 428 | 429 | 436..=440 | 469 | 470 | 481 | 489 | 493 | 494)
        || matches!(code, 501 | 505 | 513 | 580)
}

/// The status that tells a caller why a module did not serve its request.
pub fn status_of_failure(failure: &Failure) -> StatusCode {
    match (&failure.cause, failure.reason) {
        (Some(cause), _) => status_of(cause),
        (None, Reason::Busy | Reason::Exhausted | Reason::UnknownDestination | Reason::PlatformAbsent) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        (None, Reason::Expired) => StatusCode::REQUEST_TIMEOUT,
        (None, Reason::NotFound) => StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST,
        (None, Reason::Refused) => StatusCode::FORBIDDEN,
        (None, Reason::Unsupported) => StatusCode::NOT_IMPLEMENTED,
        (None, Reason::Invalid | Reason::Peer | Reason::Internal) => StatusCode::SERVER_INTERNAL_ERROR,
    }
}

/// The kind of a final status, 300 to 699, that refused a leg. One that is not known is the x00 of its class (RFC 3261 §8.1.3.2).
pub fn kind_of(status: StatusCode) -> CauseKind {
    match status.code() {
        486 => CauseKind::Busy,
        603 | 607 | 608 => CauseKind::Declined,
        404 | 410 | 484 | 485 | 604 => CauseKind::UnknownNumber,
        480 => CauseKind::Unreachable,
        408 | 504 => CauseKind::Timeout,
        401 | 402 | 403 | 407 | 433 | 436..=438 => CauseKind::Forbidden,
        // Who cannot decipher a body (493) is the callee: no other way leads to another one.
        415 | 488 | 493 | 606 => CauseKind::IncompatibleMedia,
        482 | 483 => CauseKind::TooManyHops,
        487 => CauseKind::Cancelled,
        491 => CauseKind::Glare,
        503 => CauseKind::Congestion,
        430 => CauseKind::Unreachable,
        500..=599 => CauseKind::PeerFailure,
        600..=699 => CauseKind::Busy,
        300..=399 => CauseKind::Unreachable,
        _ => CauseKind::PeerFailure,
    }
}

/// The cause that a refusing response tells.
pub fn of_response(response: &Message, status: StatusCode) -> Cause {
    let words = response.reason().map(|reason| reason.chars().take(TEXT_CHARS_MAX).collect());
    let q850 = q850_of(response).or_else(|| q850_of_status(status));
    Cause { kind: kind_of(status), code: Some(status.code()), q850, text: words }
}

/// The Q.850 value of a status that came without one (RFC 3398 §8.2.6.1), where it is not the kind's own. What complains of our own
/// request is told as that of a gateway that failed (38).
fn q850_of_status(status: StatusCode) -> Option<u8> {
    match status.code() {
        401..=403 | 407 => Some(21),
        410 => Some(22),
        480 => Some(18),
        484 => Some(28),
        500 | 503 => Some(41),
        501 => Some(79),
        _ => None,
    }
}

/// The cause of a BYE or CANCEL, from its Reason headers.
pub fn of_request(request: &Message, default: CauseKind) -> Cause {
    let mut cause = Cause::new(default);
    cause.q850 = q850_of(request);
    for value in request.values(Header::Reason) {
        let Some(reason) = ReasonValue::parse(value) else { continue };
        cause.text = cause.text.or_else(|| reason.text.map(|text| text.chars().take(TEXT_CHARS_MAX).collect()));
        if reason.protocol.eq_ignore_ascii_case("SIP") && reason.cause == 200 {
            cause.kind = CauseKind::AnsweredElsewhere; // RFC 3326 §2: "Call completed elsewhere"
        }
    }
    cause
}

/// The value of the Reason header that tells a cause, where one helps: not for an ordinary hang-up. Its words are our own; `in_its_words`:
/// those of who said so, where there are any. Peers write names and addresses of theirs in them.
pub fn reason_header(cause: &Cause, in_its_words: bool) -> Option<String> {
    if cause.kind == CauseKind::AnsweredElsewhere {
        return Some("SIP;cause=200;text=\"Call completed elsewhere\"".to_owned());
    }
    if matches!(cause.kind, CauseKind::Normal | CauseKind::Cancelled) && cause.q850.is_none() {
        return None;
    }
    let number = cause.q850.unwrap_or_else(|| cause.kind.q850());
    let text: String = match cause.text.as_ref().filter(|_| in_its_words) {
        Some(text) => text.chars().filter(|&one| one != '"' && one != '\\' && !one.is_control()).collect(),
        None => cause.kind.name().to_owned(),
    };
    Some(format!("Q.850;cause={number};text=\"{text}\""))
}

fn q850_of(message: &Message) -> Option<u8> {
    message
        .values(Header::Reason)
        .filter_map(ReasonValue::parse)
        .find(|reason| reason.protocol.eq_ignore_ascii_case("Q.850"))
        .and_then(|reason| u8::try_from(reason.cause).ok())
}

/// One value of a Reason header.
struct ReasonValue<'a> {
    protocol: &'a str,
    cause: u16,
    text: Option<&'a str>,
}

impl<'a> ReasonValue<'a> {
    fn parse(value: &'a [u8]) -> Option<Self> {
        let mut parts = std::str::from_utf8(value).ok()?.split(';');
        let protocol = parts.next()?.trim();
        let (mut cause, mut text) = (None, None);
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            match name.trim() {
                name if name.eq_ignore_ascii_case("cause") => cause = value.trim().parse().ok(),
                name if name.eq_ignore_ascii_case("text") => text = Some(value.trim().trim_matches('"')),
                _ => {}
            }
        }
        Some(Self { protocol, cause: cause?, text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn message(text: &str) -> Message {
        Message::parse_datagram(Bytes::from(text.to_owned())).unwrap()
    }

    #[test]
    fn a_peers_own_status_passes_through() {
        for code in [404, 480, 484, 486, 500, 600, 603, 606, 699] {
            let status = StatusCode::new(code).unwrap();
            let cause = of_response(&message(&format!("SIP/2.0 {code} Words\r\n\r\n")), status);
            assert_eq!(status_of(&cause), status);
            assert_eq!(cause.text.as_deref(), Some("Words"));
        }
    }

    #[test]
    fn statuses_without_a_reason_have_the_values_of_rfc_3398() {
        for (code, value) in [
            (403, 21),
            (404, 1),
            (408, 102),
            (410, 22),
            (480, 18),
            (482, 25),
            (483, 25),
            (484, 28),
            (486, 17),
            (500, 41),
            (501, 79),
            (502, 38),
            (503, 41),
            (504, 102),
            (600, 17),
            (603, 21),
            (604, 1),
            (699, 17),
        ] {
            let cause = of_response(&message(&format!("SIP/2.0 {code} X\r\n\r\n")), StatusCode::new(code).unwrap());
            assert_eq!(cause.q850.unwrap_or(cause.kind.q850()), value, "{code}");
        }
        let own = message("SIP/2.0 480 X\r\nReason: Q.850;cause=19\r\n\r\n");
        assert_eq!(of_response(&own, StatusCode::new(480).unwrap()).q850, Some(19), "who says it knows it");
    }

    #[test]
    fn what_is_between_us_and_a_peer_does_not_pass() {
        for (code, passed) in [(401, 403), (407, 403), (503, 500), (302, 480)].into_iter().chain([
            (400, 502),
            (405, 502),
            (415, 488),
            (493, 488),
            (420, 502),
            (422, 502),
            (481, 502),
            (501, 502),
            (513, 502),
        ]) {
            let status = StatusCode::new(code).unwrap();
            let cause = Cause { code: Some(code), ..Cause::new(kind_of(status)) };
            assert_eq!(status_of(&cause).code(), passed);
        }
    }

    #[test]
    fn a_network_that_is_not_reached_lets_who_calls_try_another_one() {
        let told = |kind: CauseKind| (status_of(&kind.into()).code(), kind.q850());
        assert_eq!(told(CauseKind::PeerFailure), (503, 38));
        assert_eq!(told(CauseKind::Timeout), (504, 102));
        assert_eq!(told(CauseKind::Unreachable), (480, 20), "a phone that is not there");
    }

    #[test]
    fn a_status_that_nobody_knows_is_the_first_of_its_class() {
        for (unknown, known) in [(399, 300), (499, 400), (599, 500), (699, 600), (605, 600)] {
            let kind = |code| kind_of(StatusCode::new(code).unwrap());
            assert_eq!(kind(unknown), kind(known), "{unknown}");
        }
        assert_eq!(kind_of(StatusCode::new(699).unwrap()), CauseKind::Busy);
    }

    #[test]
    fn every_kind_has_a_status_that_refuses() {
        for kind in [CauseKind::Normal, CauseKind::Busy, CauseKind::NoAnswer, CauseKind::Interrupted, CauseKind::Glare]
        {
            assert!(status_of(&Cause::new(kind)).code() >= 400);
        }
    }

    #[test]
    fn reasons_are_read_and_written() {
        let cancel = message(
            "CANCEL sip:a@b SIP/2.0\r\nReason: SIP ;cause=200 ;text=\"Call completed elsewhere\", Q.850;cause=26\r\n\r\n",
        );
        let cause = of_request(&cancel, CauseKind::Cancelled);
        assert_eq!((cause.kind, cause.q850), (CauseKind::AnsweredElsewhere, Some(26)));
        assert_eq!(reason_header(&Cause::new(CauseKind::Normal), true), None);
        let odd = Cause { text: Some("a\"b\r\nEvil: 1".to_owned()), ..Cause::new(CauseKind::Busy) };
        assert_eq!(reason_header(&odd, true).as_deref(), Some("Q.850;cause=17;text=\"abEvil: 1\""));
        assert_eq!(reason_header(&odd, false).as_deref(), Some("Q.850;cause=17;text=\"busy\""));
    }
}

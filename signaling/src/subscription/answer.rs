//! What the answer to a NOTIFY means for its subscription (RFC 6665 §4.2.2).

use crate::message::{Header, Message, StatusCode};
use router::time::Duration;

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// It was taken.
    Taken,
    /// It was not, and the subscription goes on: later, where that is said, else once more.
    Refused(Option<Duration>),
    /// The subscription has ended.
    Ended,
}

/// The longest that a subscriber may ask not to be told for: half the least that a subscription lasts by default.
const RETRY_MAX: Duration = Duration::from_secs(30);

/// What a final response to a NOTIFY means. Redirections and challenges come from somebody who is not the subscriber that we
/// know: they are refusals. Of the others, those end it that say that nobody is there who could ever want to know
/// (RFC 6665 §4.2.2, RFC 5057 §5.1).
pub(crate) fn verdict(status: StatusCode, response: &Message) -> Verdict {
    match status.code() {
        200..300 => Verdict::Taken,
        404 | 405 | 408 | 410 | 416 | 480..=485 | 489 | 501 | 502 | 604 => Verdict::Ended,
        _ => {
            let seconds = response.text(Header::RetryAfter).and_then(|text| {
                let digits = text.trim().split(|one: char| !one.is_ascii_digit()).next()?;
                digits.parse().ok()
            });
            Verdict::Refused(seconds.map(|seconds| Duration::from_secs(seconds).min(RETRY_MAX)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn who_is_not_there_any_more_is_told_no_more() {
        let of = |status: u16, line: &str| {
            let text = format!("SIP/2.0 {status} X\r\n{line}Content-Length: 0\r\n\r\n");
            let message = Message::parse_datagram(Bytes::from(text)).unwrap();
            verdict(message.status().unwrap(), &message)
        };
        assert_eq!(of(200, ""), Verdict::Taken);
        for status in [404, 408, 481, 489, 501] {
            assert_eq!(of(status, "Retry-After: 5\r\n"), Verdict::Ended, "{status}");
        }
        for status in [302, 401, 403, 415, 500, 503, 603] {
            assert_eq!(of(status, ""), Verdict::Refused(None), "{status}");
        }
        assert_eq!(of(500, "Retry-After: 5;duration=10\r\n"), Verdict::Refused(Some(Duration::from_secs(5))));
        assert_eq!(of(503, "Retry-After: 4000000000\r\n"), Verdict::Refused(Some(RETRY_MAX)));
    }
}

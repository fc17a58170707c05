//! Messages that wait (RFC 3842): written and read.

use crate::limits::MESSAGE_SUMMARY_OCTETS_MAX;
use router::parameter::MessageWaiting;
use std::fmt::Write;

/// The body for what is known; `None`: nothing waits.
pub fn write(waiting: Option<&MessageWaiting>, entity: &str) -> String {
    let none = MessageWaiting::default();
    let MessageWaiting { new, old, urgent_new, urgent_old, .. } = waiting.unwrap_or(&none);
    let mut body = String::with_capacity(96 + entity.len());
    let waits = if *new > 0 { "yes" } else { "no" };
    let _ = write!(body, "Messages-Waiting: {waits}\r\nMessage-Account: {entity}\r\n");
    let _ = write!(body, "Voice-Message: {new}/{old} ({urgent_new}/{urgent_old})\r\n");
    body
}

/// What a phone or a voicemail server publishes; `None`: it is no such body. A body that says that something waits and not how much
/// counts one message.
pub fn read(octets: &[u8]) -> Option<MessageWaiting> {
    if octets.len() > MESSAGE_SUMMARY_OCTETS_MAX {
        return None;
    }
    let text = std::str::from_utf8(octets).ok()?;
    let field = |wanted: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
    };
    let waits = field("Messages-Waiting")?.eq_ignore_ascii_case("yes");
    let counts = field("Voice-Message").map(|value| {
        let mut pairs = value.split(['(', ')']).map(|pair| {
            let (new, old) = pair.split_once('/').unwrap_or((pair, "0"));
            (new.trim().parse().unwrap_or(0), old.trim().parse().unwrap_or(0))
        });
        (pairs.next().unwrap_or_default(), pairs.next().unwrap_or_default())
    });
    let ((new, old), (urgent_new, urgent_old)) = counts.unwrap_or(((u32::from(waits), 0), (0, 0)));
    Some(MessageWaiting { account: String::new(), new, old, urgent_new, urgent_old })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let waiting = MessageWaiting { account: String::new(), new: 2, old: 8, urgent_new: 1, urgent_old: 3 };
        let body = write(Some(&waiting), "sip:alice@tandem");
        assert_eq!(body, "Messages-Waiting: yes\r\nMessage-Account: sip:alice@tandem\r\nVoice-Message: 2/8 (1/3)\r\n");
        assert_eq!(read(body.as_bytes()), Some(waiting));
        assert_eq!(read(write(None, "sip:a@b").as_bytes()), Some(MessageWaiting::default()));
        assert_eq!(read(b"messages-waiting: YES").map(|waiting| waiting.new), Some(1));
        assert_eq!(read(b"Messages-Waiting: yes\nvoice-message: 99999999999/x").map(|waiting| waiting.new), Some(0));
        assert_eq!(read(b"Voice-Message: 1/1"), None);
        assert_eq!(read(&[b' '; MESSAGE_SUMMARY_OCTETS_MAX + 1]), None);
    }
}

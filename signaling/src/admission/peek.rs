//! What a message says of itself, found without reading it: enough to tell those who hold a secret of ours, a branch or a
//! tag, from strangers, at a cost that a flood cannot turn against us.
//!
//! What is found here admits a message and no more: who reads it afterwards goes by its grammar. What is written in an odd
//! way (`tag = x`, a tag in capitals) is not found, and its sender counts as a stranger.

use crate::limits::{PEEK_OCTETS_MAX, PEEKS_MAX};
use crate::message::MAGIC_COOKIE;
use memchr::memmem;

/// Digits of a branch of ours.
const BRANCH_DIGITS: usize = 32;

/// Digits of a tag of ours.
const TAG_DIGITS: usize = 16;

/// Whether the message is a response, empty lines before it passed over.
pub fn is_response(octets: &[u8]) -> bool {
    let start = octets.iter().position(|octet| !matches!(octet, b'\r' | b'\n')).unwrap_or(octets.len());
    octets[start..].get(..4).is_some_and(|protocol| protocol.eq_ignore_ascii_case(b"SIP/"))
}

/// The random bits of what may be branches of ours.
pub fn branches(octets: &[u8]) -> impl Iterator<Item = u128> + '_ {
    hexes(octets, MAGIC_COOKIE.as_bytes(), BRANCH_DIGITS)
}

/// The random bits of what may be tags of ours.
pub fn tags(octets: &[u8]) -> impl Iterator<Item = u64> + '_ {
    hexes(octets, b";tag=", TAG_DIGITS).filter_map(|bits| u64::try_from(bits).ok())
}

/// Whether that text, a Call-ID, stands anywhere at the begin of the message.
pub fn mentions(octets: &[u8], text: &str) -> bool {
    memmem::find(begin(octets), text.as_bytes()).is_some()
}

fn begin(octets: &[u8]) -> &[u8] {
    &octets[..octets.len().min(PEEK_OCTETS_MAX)]
}

/// The numbers of exactly so many hexadecimal digits that follow that text.
fn hexes<'a>(octets: &'a [u8], before: &'static [u8], digits: usize) -> impl Iterator<Item = u128> + 'a {
    let begin = begin(octets);
    memmem::find_iter(begin, before).take(PEEKS_MAX).filter_map(move |at| {
        let rest = &begin[at + before.len()..];
        if rest.get(digits).is_some_and(u8::is_ascii_alphanumeric) {
            return None;
        }
        rest.get(..digits)?.iter().try_fold(0u128, |bits, &digit| {
            let value = char::from(digit).to_digit(16)?;
            Some(bits << 4 | u128::from(value))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_are_told_from_requests() {
        for (octets, response) in [
            (&b"SIP/2.0 200 OK\r\n"[..], true),
            (b"\r\n\r\nsip/2.0 200 OK\r\n", true),
            (b"OPTIONS sip:h SIP/2.0\r\n", false),
            (b"SIP", false),
            (b"\r\n", false),
            (b"", false),
        ] {
            assert_eq!(is_response(octets), response);
        }
    }

    #[test]
    fn branches_and_tags_of_ours_are_found_wherever_they_stand() {
        let octets = b"SIP/2.0 200 OK\r\nCall-ID: z9hG4bK-not\r\nv: SIP/2.0/UDP h;rport\r\n ;branch=z9hG4bK000000000000000000000000000000ff;x\r\n\
            From: <sip:a@h>;tag=0000000000000abc\r\nTo: <sip:b@h>;tag=0000000000000abcd\r\n";
        assert_eq!(branches(octets).collect::<Vec<_>>(), [255]);
        assert_eq!(tags(octets).collect::<Vec<_>>(), [0xabc]);
        assert!(mentions(octets, "z9hG4bK-not") && !mentions(octets, "elsewhere"));
        assert_eq!(tags(b"To: <sip:b@h>;tag=0000000000000abc").collect::<Vec<_>>(), [0xabc]);
        assert_eq!(tags(b"To: <sip:b@h>;tag=+000000000000abc\r\n").count(), 0);
        assert_eq!(tags(b"To: <sip:b@h>;tag=abc").count(), 0);
    }

    #[test]
    fn a_message_that_is_full_of_tags_costs_no_more_than_another() {
        let full = b";tag=0000000000000abc".repeat(2_000);
        assert_eq!(tags(&full).count(), PEEKS_MAX);
        let mut late = vec![b' '; PEEK_OCTETS_MAX];
        late.extend_from_slice(b";tag=0000000000000abc");
        assert_eq!(tags(&late).count(), 0);
    }
}

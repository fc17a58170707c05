//! History-Info (RFC 7044): where a request was sent, the first place first. What of it is a diversion, and how a diversion is told in
//! it, is RFC 7544's.
//!
//! ```text
//!  <sip:+49301@h>;index=1, <sip:+49302@h;cause=486>;index=1.1;mp=1, <sip:+49303@h;cause=408>;index=1.1.1;mp=1.1
//!   was called               +49301 was busy                         +49302 did not answer, so it goes to +49303
//! ```

use super::diversion::name_of;
use crate::limits::DIVERSIONS_READ_MAX;
use crate::message::{Header, Message, NameAddr, Uri, quote};
use crate::user_agent::identity::{anonymous_uri, party_of};
use router::parameter::{Diversion, DiversionCause, bounded};

/// Digits and dots of an index that is read: ten diversions, each of them a few proxies.
const INDEX_OCTETS_MAX: usize = 128;

/// One place of a history.
struct Entry<'a> {
    address: NameAddr<'a>,
    /// Its number at each step from the first one.
    index: Vec<u32>,
}

/// Who sent a call on, the first one first. `all_private`: the whole history is not to be shown (RFC 7044 §10.1).
pub fn histories(message: &Message, all_private: bool) -> Vec<Diversion> {
    let values = message.values(Header::HistoryInfo).take(DIVERSIONS_READ_MAX);
    let mut entries: Vec<Entry<'_>> = values.filter_map(NameAddr::parse).filter_map(entry).collect();
    entries.sort_by(|one, other| one.index.cmp(&other.index));
    let mut found = Vec::new();
    for (place, entry) in entries.iter().enumerate().skip(1) {
        let mapped = entry.address.parameter("mp").and_then(index_of);
        let cause = entry.address.uri().parameter("cause");
        // A place that was only found (`rc`), not chosen instead of another one, is no diversion (RFC 7544 §4.3).
        if cause.is_none() && mapped.is_none() {
            continue;
        }
        let from = mapped.and_then(|index| entries[..place].iter().find(|one| one.index == index));
        let from = from.unwrap_or(&entries[place - 1]);
        let steps = entry.index.len().saturating_sub(from.index.len()).max(1);
        found.push(Diversion {
            by: party_of(&from.address),
            cause: cause.map_or(DiversionCause::Unknown, history_cause),
            // Indexes that are left out stand for places that are not told (RFC 7044 §10.3).
            count: u8::try_from(steps).unwrap_or(u8::MAX),
            private: all_private || place_is_private(&from.address),
        });
    }
    bounded(found)
}

fn entry(address: NameAddr<'_>) -> Option<Entry<'_>> {
    let index = index_of(address.parameter("index")?)?;
    Some(Entry { address, index })
}

fn index_of(text: &str) -> Option<Vec<u32>> {
    if text.len() > INDEX_OCTETS_MAX {
        return None;
    }
    text.split('.').map(|number| number.parse().ok()).collect()
}

/// Whether a place is not to be shown: a Privacy of its own, in its URI (RFC 7044 §10.1).
pub fn place_is_private(address: &NameAddr<'_>) -> bool {
    let privacy = address.uri().header("Privacy");
    privacy.is_some_and(|privacy| {
        privacy
            .split([';', ','])
            .any(|value| ["history", "header"].iter().any(|hides| value.trim().eq_ignore_ascii_case(hides)))
    })
}

/// The reason that a `cause` of a URI is (RFC 4458 §2.1, RFC 7544 §7.2).
pub fn history_cause(code: &str) -> DiversionCause {
    match code {
        "302" => DiversionCause::Unconditional,
        "408" => DiversionCause::NoAnswer,
        "480" | "487" => DiversionCause::Deflection,
        "486" => DiversionCause::UserBusy,
        "503" => DiversionCause::Unavailable,
        _ => DiversionCause::Unknown,
    }
}

/// The `cause` of a URI that tells a reason; several have none of their own (RFC 7544 §7.1).
pub const fn cause_code(cause: DiversionCause) -> u16 {
    match cause {
        DiversionCause::Unconditional => 302,
        DiversionCause::NoAnswer => 408,
        DiversionCause::Deflection => 480,
        DiversionCause::UserBusy => 486,
        DiversionCause::Unavailable => 503,
        DiversionCause::Unknown
        | DiversionCause::TimeOfDay
        | DiversionCause::DoNotDisturb
        | DiversionCause::FollowMe
        | DiversionCause::OutOfService
        | DiversionCause::Away => 404,
    }
}

/// The values of History-Info that tell these diversions and where the call goes now. `uris`: who each was for, as the reader is to
/// see that.
pub fn write_history(diversions: &[Diversion], uris: &[Uri], target: &Uri) -> Vec<String> {
    let mut values = Vec::with_capacity(diversions.len() + 1);
    let mut index = "1".to_owned();
    let mut before: Option<(String, &Diversion)> = None;
    let places = uris.iter().zip(diversions.iter().map(Some)).chain([(target, None)]);
    for (uri, diversion) in places {
        let mut uri = uri.clone();
        let mut mapped = String::new();
        if let Some((from, diverted)) = before.take() {
            uri = uri.with_parameter("cause", Some(&cause_code(diverted.cause).to_string())).unwrap_or(uri);
            (0..diverted.count.clamp(1, COUNT_MAX)).for_each(|_| index.push_str(".1"));
            mapped = format!(";mp={from}");
        }
        let private = diversion.is_some_and(|diversion| diversion.private);
        let privacy = if private { "?Privacy=history" } else { "" };
        let name = diversion.and_then(|diversion| name_of(&diversion.by)).filter(|name| !name.is_empty());
        let display = name.filter(|_| uri.as_str() != anonymous_uri()).map(|name| format!("{} ", quote(name)));
        values.push(format!("{}<{}{privacy}>;index={index}{mapped}", display.unwrap_or_default(), uri.as_str()));
        before = diversion.map(|diversion| (index.clone(), diversion));
    }
    values
}

/// Steps of an index that one diversion is written as at most: what is sent on oftener is not sent on by us.
const COUNT_MAX: u8 = router::limits::DIVERSIONS_COUNTED as u8;

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use router::parameter::Party;

    fn read(headers: &str) -> Vec<Diversion> {
        let text = format!("INVITE sip:b@h SIP/2.0\r\n{headers}\r\n\r\n");
        histories(&Message::parse_datagram(Bytes::from(text)).unwrap(), false)
    }

    fn told(found: &[Diversion]) -> Vec<(&str, DiversionCause, u8, bool)> {
        found.iter().map(|one| (one.by.user(), one.cause, one.count, one.private)).collect()
    }

    #[test]
    fn who_sent_on_is_the_place_before_and_why_stands_at_the_place_behind() {
        let found = read(
            "History-Info: <sip:1@h?Privacy=history>;index=1, <sip:2@h;cause=302?Privacy=none>;index=1.1;mp=1\r\n\
             History-Info: \"C, c\" <sip:3@h;cause=486>;index=1.1.1;mp=1.1",
        );
        let expected = [("1", DiversionCause::Unconditional, 1, true), ("2", DiversionCause::UserBusy, 1, false)];
        assert_eq!(told(&found), expected);
    }

    #[test]
    fn a_place_that_was_only_found_is_no_diversion_and_the_order_is_that_of_the_indexes() {
        let found = read(
            "History-Info: <sip:3@10.0.0.1>;index=1.1.1;rc=1.1, <sip:1@h>;index=1, <sip:3@h;cause=408>;index=1.1;mp=1",
        );
        assert_eq!(told(&found), [("1", DiversionCause::NoAnswer, 1, false)]);
        let forked =
            read("History-Info: <sip:1@h>;index=1,<sip:2@h>;index=1.1;rc=1,<sip:3@h;cause=486>;index=1.2;mp=1");
        assert_eq!(told(&forked), [("1", DiversionCause::UserBusy, 1, false)], "by `mp`, not by the order");
        let numbers = read("History-Info: <sip:1@h>;index=1.2,<sip:2@h;cause=486>;index=1.10");
        assert_eq!(told(&numbers), [("1", DiversionCause::UserBusy, 1, false)], "10 comes after 2");
    }

    #[test]
    fn what_is_hostile_is_bounded() {
        assert_eq!(read("History-Info: <sip:1@h>, ;, <sip:2@h>;index=x, <sip:3@h>;index=1.99999999999").len(), 0);
        let deep = format!("History-Info: <sip:1@h>;index=1, <sip:2@h;cause=486>;index=1{}", ".1".repeat(5_000));
        assert_eq!(read(&deep).len(), 0);
        let many: String = (1..800).map(|n| format!("History-Info: <sip:{n}@h;cause=486>;index={n}\r\n")).collect();
        assert!(read(many.trim_end()).len() <= router::limits::DIVERSIONS);
    }

    #[test]
    fn what_is_written_is_read_as_the_same_but_for_reasons_that_it_has_no_word_for() {
        let by = |user: &str, cause, count, private| Diversion { by: Party::new(user, "h"), cause, count, private };
        let all = [
            by("1", DiversionCause::UserBusy, 1, false),
            by("2", DiversionCause::NoAnswer, 3, true),
            by("3", DiversionCause::Away, 1, false),
        ];
        let uri = |user: &str| Uri::parse(&format!("sip:{user}@h")).unwrap();
        let uris = [uri("1"), uri("2"), uri("3")];
        let written = write_history(&all, &uris, &uri("4"));
        assert_eq!(
            written,
            [
                "<sip:1@h>;index=1",
                "<sip:2@h;cause=486?Privacy=history>;index=1.1;mp=1",
                "<sip:3@h;cause=408>;index=1.1.1.1.1;mp=1.1",
                "<sip:4@h;cause=404>;index=1.1.1.1.1.1;mp=1.1.1.1.1",
            ]
        );
        let found = read(&format!("History-Info: {}", written.join(", ")));
        let mut expected = all.to_vec();
        expected[2].cause = DiversionCause::Unknown;
        assert_eq!(found, expected);
    }

    #[test]
    fn the_whole_history_may_be_private() {
        let text = "INVITE sip:b@h SIP/2.0\r\nHistory-Info: <sip:1@h>;index=1,<sip:2@h;cause=486>;index=1.1\r\n\r\n";
        let message = Message::parse_datagram(Bytes::from(text)).unwrap();
        assert!(histories(&message, true)[0].private && !histories(&message, false)[0].private);
    }
}

//! Diversion (RFC 5806): the last who sent the call on stands first.

use crate::limits::DIVERSIONS_READ_MAX;
use crate::message::{Header, Message, NameAddr, quote};
use crate::user_agent::identity::party_of;
use router::parameter::{Diversion, DiversionCause, Party, bounded};

/// Who sent a call on, the first one first; what is no diversion is passed over.
pub fn diversions(message: &Message) -> Vec<Diversion> {
    let values = message.values(Header::Diversion).take(DIVERSIONS_READ_MAX);
    let mut found: Vec<Diversion> = values.filter_map(NameAddr::parse).map(|value| diversion(&value)).collect();
    found.reverse();
    bounded(found)
}

fn diversion(value: &NameAddr<'_>) -> Diversion {
    let is_number = |counter: &&str| !counter.is_empty() && counter.bytes().all(|one| one.is_ascii_digit());
    // RFC 5806 §4: a counter that is not there is 1. However great a number is, it is one.
    let count = value.parameter("counter").map(|counter| counter.trim_matches('"')).filter(is_number);
    let count = count.map_or(1, |count| count.parse::<u8>().unwrap_or(u8::MAX).max(1));
    Diversion { by: party_of(value), cause: diversion_cause(value), count, private: diversion_is_private(value) }
}

/// Whether who sent the call on is not to be shown (RFC 5806 §4).
pub fn diversion_is_private(value: &NameAddr<'_>) -> bool {
    value.parameters().find("privacy").is_some_and(|privacy| !privacy.unquoted().eq_ignore_ascii_case("off"))
}

/// The reason of a diversion; one that is not known is unknown (RFC 5806 §4).
pub fn diversion_cause(value: &NameAddr<'_>) -> DiversionCause {
    let reason = value.parameters().find("reason").map(|reason| reason.unquoted());
    let reason = reason.as_deref().unwrap_or_default();
    let known = DiversionCause::ALL.into_iter().find(|cause| cause.name().eq_ignore_ascii_case(reason));
    known.unwrap_or(DiversionCause::Unknown)
}

/// The value of a Diversion. `uri`: who it was for, as its reader is to see that.
pub fn write_diversion(diversion: &Diversion, uri: &str, name: Option<&str>) -> String {
    let display = match name {
        Some(name) if !name.is_empty() => format!("{} ", quote(name)),
        _ => String::new(),
    };
    let privacy = if diversion.private { "full" } else { "off" };
    let (cause, count) = (diversion.cause.name(), diversion.count.max(1));
    format!("{display}<{uri}>;reason={cause};counter={count};privacy={privacy}")
}

/// The name to show of who is named.
pub(crate) fn name_of(party: &Party) -> Option<&str> {
    party.display_name.as_ref().map(|name| name.reveal().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn read(headers: &str) -> Vec<Diversion> {
        let text = format!("INVITE sip:b@h SIP/2.0\r\n{headers}\r\n\r\n");
        diversions(&Message::parse_datagram(Bytes::from(text)).unwrap())
    }

    #[test]
    fn the_last_stands_first_on_one_line_or_several() {
        let one = "Diversion: \"B, b\" <sip:+4930-2@h>;reason=user-busy;counter=3;privacy=full, <tel:+4930-1>;reason=\"no-answer\"";
        let two = "Diversion: \"B, b\" <sip:+4930-2@h>;privacy=\"full\";counter=3;reason=USER-busy\r\nDiversion: <tel:+4930-1>;reason=no-answer;privacy=off";
        for headers in [one, two] {
            let found = read(headers);
            let told: Vec<_> = found.iter().map(|one| (one.by.user(), one.cause, one.count, one.private)).collect();
            let expected =
                [("+49301", DiversionCause::NoAnswer, 1, false), ("+49302", DiversionCause::UserBusy, 3, true)];
            assert_eq!(told, expected, "{headers}");
            assert_eq!(name_of(&found[1].by), Some("B, b"));
        }
    }

    #[test]
    fn what_is_no_diversion_is_passed_over_and_what_is_too_much_is_bounded() {
        assert_eq!(read("Diversion: ;;;, , <sip:>;x").len(), 0);
        let one = &read("Diversion: <sip:1@h>;reason=sunny;counter=999999;privacy=x")[0];
        assert_eq!((one.cause, one.count, one.private), (DiversionCause::Unknown, 255, true));
        let endless = "9".repeat(40);
        for (counter, count) in
            [("0", 1), ("x", 1), ("-1", 1), ("\"7\"", 7), ("256", 255), ("4294967296", 255), (endless.as_str(), 255)]
        {
            assert_eq!(read(&format!("Diversion: <sip:1@h>;counter={counter}"))[0].count, count, "{counter}");
        }
        let many = format!("Diversion: {}<sip:last@h>", "<sip:1@h>,".repeat(5_000));
        assert!(read(&many).len() <= router::limits::DIVERSIONS);
    }

    #[test]
    fn what_is_written_is_read_as_the_same() {
        for cause in DiversionCause::ALL {
            for (count, private) in [(1, true), (7, false)] {
                let diversion = Diversion { by: Party::new("100", "h"), cause, count, private };
                let written = write_diversion(&diversion, "sip:100@h", Some("A \"b\""));
                let found = read(&format!("Diversion: {written}"));
                assert_eq!((found[0].cause, found[0].count, found[0].private), (cause, count, private));
                assert_eq!((found[0].by.user(), name_of(&found[0].by)), ("100", Some("A \"b\"")));
            }
        }
    }
}

use signaling::transport::limits::{ENUM_PLACES, ENUM_URI_OCTETS};
use signaling::transport::{Naptr, name_of_number, places_of_number};

/// Rules for a number, one a line: its service, a blank, its pattern and what that makes. The first line is the number.
pub fn enum_rule(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.lines();
    let number = lines.next().unwrap_or_default();
    if let Some(name) = name_of_number(number, "e164.arpa") {
        assert!(name.len() <= 2 * 15 + "e164.arpa".len());
    }
    let rules: Vec<Naptr> = lines
        .filter_map(|line| line.split_once(' '))
        .map(|(service, regexp)| Naptr {
            order: 1,
            preference: 1,
            flags: "u".into(),
            service: service.into(),
            regexp: regexp.into(),
            replacement: "".into(),
        })
        .collect();
    let places = places_of_number(&rules, number);
    assert!(places.len() <= ENUM_PLACES);
    for place in places {
        // What the pattern leaves of the number stands before and behind.
        let octets = place.user.len() + place.host.len() + place.parameters.len();
        assert!(octets <= ENUM_URI_OCTETS + 2 * number.len() && !place.user.is_empty());
        assert!(place.host.bytes().all(|octet| octet.is_ascii_graphic()), "{place:?}");
        let is_number = |user: &str| user[1..].bytes().all(|octet| octet.is_ascii_digit());
        assert!(!place.host.is_empty() || place.user.starts_with('+') && is_number(&place.user), "{place:?}");
    }
}

//! From a number to where it is reached: ENUM (RFC 6116), as rules that a domain has for it.
//!
//! ```text
//!   +4930123 ──▶ 3.2.1.0.3.9.4.e164.arpa ──NAPTR──▶ 100 10 "u" "E2U+sip"      "!^.*$!sip:+4930123@carrier.example!"
//!                                                   100 20 "u" "E2U+pstn:tel" "!^(.*)$!tel:\\1;npdi;rn=+4930000!"
//!                                                   200 10 ""  ""             ""  other.name.example
//! ```
//! A rule without flags leads on to another name, whose rules stand in its place. Who writes all this may be anybody: rules, patterns and what
//! they make are bounded, and what is not understood is passed over.

use super::records::Naptr;
use crate::message::{Scheme, UriRef};
use crate::transport::limits::{ENUM_COMPILED_OCTETS, ENUM_PATTERN_OCTETS, ENUM_PLACES, ENUM_URI_OCTETS};
use regex::bytes::{Regex, RegexBuilder};
use std::ops::Range;

/// Where a number is reached.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Place {
    /// The number or name there.
    pub user: String,
    /// The domain; empty of a telephone number.
    pub host: String,
    /// Whether a secure way alone leads there.
    pub secure: bool,
    /// What is said of the number behind it, each behind a semicolon: where it was ported to (RFC 4694).
    pub parameters: String,
}

/// The name that is asked for a number of E.164 (RFC 6116 §3.2). `None`: it is no such number.
pub fn name_of(number: &str, apex: &str) -> Option<Box<str>> {
    let digits = number.strip_prefix('+')?;
    if digits.is_empty() || digits.len() > 15 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let mut name = String::with_capacity(2 * digits.len() + apex.len());
    for digit in digits.chars().rev() {
        name.push(digit);
        name.push('.');
    }
    name.push_str(apex.trim_matches('.'));
    name.make_ascii_lowercase();
    Some(name.into())
}

/// Whether a rule is for calls, or leads on to where such may be.
pub(super) fn leads_anywhere(rule: &Naptr) -> bool {
    next_name(rule).is_some() || is_terminal(rule) && is_served(&rule.service)
}

/// The name that a rule leads on to, if it is no terminal one (RFC 6116 §3.4.1).
pub(super) fn next_name(rule: &Naptr) -> Option<&str> {
    let leads_on = rule.flags.is_empty() && rule.regexp.is_empty() && !rule.replacement.is_empty();
    leads_on.then_some(&*rule.replacement)
}

fn is_terminal(rule: &Naptr) -> bool {
    rule.flags.eq_ignore_ascii_case("u")
}

/// Where those rules say that a number is reached, in the order in which they are to be tried; the rules are in theirs.
pub fn places(rules: &[Naptr], number: &str) -> Vec<Place> {
    let terminal = rules.iter().filter(|rule| is_terminal(rule) && is_served(&rule.service));
    let mut found = Vec::new();
    for place in terminal.filter_map(|rule| place(&rule.regexp, number)) {
        if found.len() < ENUM_PLACES && !found.contains(&place) {
            found.push(place);
        }
    }
    found
}

/// Whether calls are among the services of a rule (RFC 3764, RFC 4415, RFC 4769): `E2U+sip`, `E2U+pstn:sip`, of several one of them.
fn is_served(service: &str) -> bool {
    let mut parts = service.split('+');
    let is_enum = parts.next().is_some_and(|first| first.eq_ignore_ascii_case("E2U"));
    let served = ["sip", "pstn:sip", "pstn:tel", "voice:tel", "tel"];
    is_enum && parts.any(|part| served.iter().any(|name| part.eq_ignore_ascii_case(name)))
}

/// The place that a rule makes of a number: `!pattern!replacement!flags` (RFC 3402 §3.2).
fn place(rule: &str, number: &str) -> Option<Place> {
    let delimiter = rule.chars().next().filter(|first| !matches!(first, '1'..='9' | 'i' | 'I' | '\\'))?;
    let [pattern, replacement, flags] = split(rule.strip_prefix(delimiter)?, delimiter)?;
    let groups = matched(&pattern, !flags.is_empty(), number)?;
    // A group that the pattern does not have makes it no rule; one that has matched nothing is empty.
    let group = |index: usize| Some(groups.get(index)?.clone().and_then(|range| number.get(range)).unwrap_or_default());
    let all = groups.first().cloned().flatten()?;
    // What the pattern leaves of the number stays: the expression rewrites what it matches.
    let mut uri = number.get(..all.start)?.to_owned();
    let mut rest = replacement.chars();
    while let Some(one) = rest.next() {
        match one {
            '\\' => match rest.next()? {
                digit @ '1'..='9' => uri.push_str(group(digit.to_digit(10)? as usize)?),
                other => uri.push(other),
            },
            one => uri.push(one),
        }
        if uri.len() > ENUM_URI_OCTETS {
            return None;
        }
    }
    uri.push_str(number.get(all.end..)?);
    of_uri(&uri)
}

/// The three parts between delimiters, of which those behind a backslash are none.
fn split(text: &str, delimiter: char) -> Option<[String; 3]> {
    let mut parts = [const { String::new() }; 3];
    let mut at = 0;
    let mut rest = text.chars();
    while let Some(one) = rest.next() {
        if one == delimiter {
            at += 1;
            continue;
        }
        let part = parts.get_mut(at)?;
        part.push(one);
        if one == '\\' {
            let next = rest.next()?;
            if next == delimiter {
                part.pop();
            }
            part.push(next);
        }
    }
    let flags_known = parts[2].is_empty() || parts[2].eq_ignore_ascii_case("i");
    (at == 2 && flags_known).then_some(parts)
}

/// What a pattern matches of a number: all of it, then its groups. POSIX's extended expressions, which these are, are a part of what is
/// understood; of alternatives that both match, the first one is taken where POSIX takes the longest, and nobody writes them the shorter one first. A stranger may have written
/// it: it is neither long nor costly, and there are no back-references.
fn matched(pattern: &str, ignores_case: bool, number: &str) -> Option<Vec<Option<Range<usize>>>> {
    // As nearly all of them are: nothing has to be compiled.
    match pattern {
        "^.*$" => return Some(vec![Some(0..number.len())]),
        "^(.*)$" => return Some(vec![Some(0..number.len()); 2]),
        _ => {}
    }
    if pattern.len() > ENUM_PATTERN_OCTETS {
        return None;
    }
    let mut builder = RegexBuilder::new(pattern);
    builder.unicode(false).case_insensitive(ignores_case).nest_limit(8);
    builder.size_limit(ENUM_COMPILED_OCTETS).dfa_size_limit(ENUM_COMPILED_OCTETS);
    let pattern: Regex = builder.build().ok()?;
    let groups = pattern.captures(number.as_bytes())?;
    Some(groups.iter().map(|group| group.map(|group| group.range())).collect())
}

fn of_uri(uri: &str) -> Option<Place> {
    let (scheme, rest) = uri.split_once(':')?;
    if scheme.eq_ignore_ascii_case("tel") {
        let (number, parameters) = rest.split_once(';').unwrap_or((rest, ""));
        let plain: String = number.chars().filter(|one| !matches!(one, '-' | '.' | '(' | ')')).collect();
        // A local number is one within a context that nobody here knows (RFC 3966 §5.1.5).
        let digits = plain.strip_prefix('+')?;
        let is_number = (1..=15).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
        return is_number.then(|| Place { user: plain, parameters: parameters.to_owned(), ..Place::default() });
    }
    let uri = UriRef::parse(uri.as_bytes()).filter(|uri| uri.scheme().is_sip())?;
    let user = uri.user_decoded().filter(|user| !user.is_empty())?;
    let (user, parameters) = user.split_once(';').unwrap_or((&user, ""));
    let host = uri.host().to_ascii_lowercase();
    let secure = uri.scheme() == Scheme::Sips;
    Some(Place { user: user.to_owned(), host, secure, parameters: parameters.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(order: u16, service: &str, flags: &str, regexp: &str) -> Naptr {
        Naptr {
            order,
            preference: 10,
            flags: flags.into(),
            service: service.into(),
            regexp: regexp.into(),
            replacement: "".into(),
        }
    }

    fn told(rules: &[Naptr]) -> Vec<String> {
        let places = places(rules, "+4930123");
        places
            .into_iter()
            .map(|place| format!("{}@{}{}", place.user, place.host, if place.secure { "!" } else { "" }))
            .collect()
    }

    #[test]
    fn a_number_is_a_name_from_its_last_digit_on() {
        assert_eq!(name_of("+4930123", "e164.arpa").as_deref(), Some("3.2.1.0.3.9.4.e164.arpa"));
        assert_eq!(name_of("+1", ".E164.Example.").as_deref(), Some("1.e164.example"));
        for other in ["4930123", "+", "", "+49a", "+1234567890123456", "alice"] {
            assert_eq!(name_of(other, "e164.arpa"), None, "{other}");
        }
    }

    #[test]
    fn rules_make_places_of_a_number() {
        let rules = [
            rule(1, "E2U+sip", "u", "!^.*$!sip:info@Carrier.example!"),
            rule(2, "e2u+SIP", "U", r"!^\+49(.*)$!sip:0\1@b.example:5070;x=1!"),
            rule(3, "E2U+pstn:tel", "u", "|^(.*)$|tel:\\1;npdi;rn=+49-99|"),
            rule(4, "E2U+email:mailto+sip", "u", r"!^\+([[:digit:]]*)$!sips:\1@c.example!i"),
            rule(5, "E2U+sip", "u", r"!^\+(49)(30)(7)?.*$!sip:\2\1\3@d.example!"),
            rule(6, "E2U+sip", "u", r"/.*/sip:a\/b@e.example/"),
        ];
        let expected =
            ["info@carrier.example", "030123@b.example", "+4930123@", "4930123@c.example!", "3049@d.example"];
        assert_eq!(told(&rules), expected);
        assert_eq!(told(&rules[5..]), ["a/b@e.example"]);
        assert_eq!(places(&rules[2..3], "+4930123")[0].parameters, "npdi;rn=+49-99");
        let ported = rule(1, "E2U+pstn:sip", "u", "!^(.*)$!sip:\\1;npdi;rn=+4999@c.example;user=phone!");
        let ported = &places(&[ported], "+4930123")[0];
        assert_eq!((&*ported.user, &*ported.host, &*ported.parameters), ("+4930123", "c.example", "npdi;rn=+4999"));
    }

    #[test]
    fn what_is_no_rule_for_calls_or_none_at_all_is_passed_over() {
        for (service, flags, regexp) in [
            ("E2U+email:mailto", "u", "!^.*$!mailto:info@example!"),
            ("E2U", "u", "!^.*$!sip:a@b!"),
            ("sip+E2U", "u", "!^.*$!sip:a@b!"),
            ("E2U+sip", "", "!^.*$!sip:a@b!"),
            ("SIP+D2U", "s", "!^.*$!sip:a@b!"),
            ("E2U+sip", "u", "!^.*$!http://a/!"),
            ("E2U+sip", "u", "!^.*$!sip:b!"),
            ("E2U+sip", "u", "!^.*$!sip!"),
            ("E2U+sip", "u", "!^\\+43!sip:a@b!"),
            ("E2U+sip", "u", "!(!sip:a@b!"),
            ("E2U+sip", "u", r"!^(.)\1$!sip:a@b!"),
            ("E2U+sip", "u", r"!^(.*)$!sip:\1\2@b!"),
            ("E2U+sip", "u", r"!^.*$!sip:\1@b!"),
            ("E2U+sip", "u", "!^.*$!sip:a@b"),
            ("E2U+sip", "u", "!^.*$!sip:a@b!i!x"),
            ("E2U+sip", "u", "!^.*$!sip:a@b!x"),
            ("E2U+sip", "u", "!^.*$!sip:a@b\\"),
            ("E2U+sip", "u", "1^.*$1sip:a@b1"),
            ("E2U+sip", "u", "!^.*$!sip:a@b\r\nVia: x!"),
            ("E2U+sip", "u", "!!"),
            ("E2U+sip", "u", "!"),
            ("E2U+sip", "u", ""),
            ("E2U+tel", "u", "!^.*$!tel:alice!"),
            ("E2U+tel", "u", "!^.*$!tel:030123;phone-context=+49!"),
            ("E2U+tel", "u", "!^(.*)$!tel:\\1\\1\\1!"),
        ] {
            assert!(told(&[rule(1, service, flags, regexp)]).is_empty(), "{service} {regexp}");
        }
    }

    #[test]
    fn a_rule_may_lead_on_to_another_name() {
        let on = |flags: &str, regexp: &str, replacement: &str| Naptr {
            replacement: replacement.into(),
            ..rule(1, "", flags, regexp)
        };
        assert_eq!(next_name(&on("", "", "x.example")), Some("x.example"));
        for other in [on("u", "", "x.example"), on("", "!.*!sip:a@b!", "x.example"), on("", "", "")] {
            assert!(next_name(&other).is_none() && !leads_anywhere(&other), "{other:?}");
        }
    }

    #[test]
    fn what_a_stranger_writes_is_bounded() {
        let many: Vec<Naptr> = (0..100).map(|n| rule(n, "E2U+sip", "u", &format!("!^.*$!sip:{n}@b!"))).collect();
        assert_eq!(told(&many).len(), ENUM_PLACES);
        let long = format!("!{}!sip:a@b!", "(.*)".repeat(ENUM_PATTERN_OCTETS));
        let grows = format!("!^(.*)$!sip:{}@b!", "\\1".repeat(10_000));
        let costly = "!(((((a{1,100}){1,100}){1,100}){1,100}){1,100})!sip:a@b!".to_owned();
        let deep = format!("!{}{}!sip:a@b!", "(".repeat(100), ")".repeat(100));
        for regexp in [long, grows, costly, deep] {
            assert!(told(&[rule(1, "E2U+sip", "u", &regexp)]).is_empty());
        }
    }
}

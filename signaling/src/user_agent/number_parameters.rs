//! What carriers write behind a telephone number, where trunks are configured to tell each other: that a number was looked up, and where it
//! was ported to (`npdi`, `rn`, RFC 4694), who calls (`cpc`). Between legs it goes as something passed, under names that no header field
//! has, together with the number that it is said of: behind another one it would be wrong.

use super::identity::{number_in, parameters_in};
use crate::limits::{PASSED_MAX, PASSED_OCTETS_MAX};
use crate::message::{Message, NameAddr, Scheme, Uri, UriRef};
use router::parameter::{Party, Passed};

/// The name of what is said of the number that is called.
const CALLED: &str = ";called";

/// The same of the caller's.
const CALLER: &str = ";caller";

/// Digits that two ways to write a number have in common at least: the shortest national numbers have as many.
const COMMON_DIGITS: usize = 5;

/// What an INVITE says of its two numbers, as far as it may pass. `trusted`: its P-Asserted-Identity is believed.
pub(super) fn collect(names: &[String], invite: &Message, trusted: bool, found: &mut Vec<Passed>) {
    let asserted = || {
        let known = |address: &NameAddr<'_>| address.uri().scheme() != Scheme::Other;
        invite.asserted_identities().filter_map(Result::ok).find(known)
    };
    let believed = if trusted { asserted() } else { None };
    let caller = believed.or_else(|| invite.from().ok());
    let called = invite.request_uri().ok();
    for (name, uri) in [(CALLED, called), (CALLER, caller.as_ref().map(|caller| caller.uri()))] {
        let value = uri.and_then(|uri| Some(format!("{}{}", number_in(uri)?, passing(names, parameters_in(uri)))));
        let value = value.filter(|value| value.contains(';') && value.len() <= PASSED_OCTETS_MAX);
        if let Some(value) = value.filter(|_| found.len() < PASSED_MAX) {
            found.push(Passed { name: name.to_owned(), value: value.into(), trunks_alone: true });
        }
    }
}

/// What the name service says of a number that is called: where it was ported to (RFC 4769).
pub(crate) fn of_called(number: &str, parameters: &str) -> Option<Passed> {
    let value = format!("{number}{}", passing(&["npdi", "rn"], parameters));
    let tells = value.len() > number.len() && value.len() <= PASSED_OCTETS_MAX;
    tells.then(|| Passed { name: CALLED.to_owned(), value: value.into(), trunks_alone: true })
}

/// Writes what has passed of the numbers that a trunk is told.
pub(super) fn write(names: &[String], passed: &[Passed], caller: &mut Party, request_uri: &mut Uri) {
    for one in passed {
        let Some((number, parameters)) = one.value.reveal().split_once(';') else { continue };
        let parameters = passing(names, parameters);
        if parameters.is_empty() {
            continue;
        }
        if one.name == CALLER && is_same(number, caller.user()) {
            caller.user = format!("{}{parameters}", caller.user()).into();
        } else if one.name == CALLED
            && let Some(with) = behind_user(request_uri.borrow(), number, &parameters)
        {
            *request_uri = with;
        }
    }
}

/// A SIP URI with parameters behind its number, if it is that one.
fn behind_user(uri: UriRef<'_>, number: &str, parameters: &str) -> Option<Uri> {
    let user = uri.user().filter(|user| is_same(number, user))?;
    let (scheme, rest) = uri.as_str().split_once(user)?;
    Uri::parse(&format!("{scheme}{user}{parameters}{rest}"))
}

/// Of parameters those that pass, each behind its `;`. What has to be escaped is none that carriers use.
fn passing(names: &[impl AsRef<str>], parameters: &str) -> String {
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-_.!~*'()=+$&/".contains(&octet);
    let mut passing = String::new();
    for parameter in parameters.split(';') {
        let name = parameter.split('=').next().unwrap_or_default();
        if names.iter().any(|known| known.as_ref().eq_ignore_ascii_case(name)) && parameter.bytes().all(plain) {
            passing.push(';');
            passing.push_str(parameter);
        }
    }
    passing
}

/// Whether two texts are one number, written for one network and for another: they differ in how they begin.
fn is_same(one: &str, other: &str) -> bool {
    let short = |number: &'_ str| number.trim_start_matches(['+', '0']).len();
    let (longer, shorter) = if short(one) >= short(other) { (one, other) } else { (other, one) };
    let shorter = shorter.trim_start_matches(['+', '0']);
    one == other || (shorter.len() >= COMMON_DIGITS && longer.ends_with(shorter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn passed(target: &str, from: &str, known: &[&str]) -> Vec<Passed> {
        let text = format!("INVITE {target} SIP/2.0\r\nFrom: <{from}>;tag=1\r\n\r\n");
        let mut found = Vec::new();
        collect(&names(known), &Message::parse_datagram(Bytes::from(text)).unwrap(), false, &mut found);
        found
    }

    fn written(passed: &[Passed], known: &[&str], number: &str, caller: &str) -> (String, String) {
        let mut caller = Party::new(caller, "h");
        let mut uri = Uri::sip(Scheme::Sip, Some(number), "192.0.2.9", Some(5070)).unwrap();
        write(&names(known), passed, &mut caller, &mut uri);
        (uri.as_str().to_owned(), caller.user().to_owned())
    }

    #[test]
    fn parameters_go_with_their_number_to_a_trunk_that_takes_them() {
        let all = ["npdi", "rn", "cpc"];
        for target in
            ["sip:+49-30-123456;NPDI;rn=+4930000;x=1;e=%41@h;user=phone", "tel:+49-30-123456;npdi;rn=+4930000;x=1"]
        {
            let found = passed(target, "sip:+4940777777;cpc=payphone@h", &all);
            let (uri, caller) = written(&found, &all, "+4930123456", "+4940777777");
            assert_eq!(uri.to_ascii_lowercase(), "sip:+4930123456;npdi;rn=+4930000@192.0.2.9:5070");
            assert_eq!(caller, "+4940777777;cpc=payphone");
            let (uri, caller) = written(&found, &["RN"], "0049030123456", "040777777");
            assert_eq!((uri.as_str(), caller.as_str()), ("sip:0049030123456@192.0.2.9:5070", "040777777"));
            let (uri, _) = written(&found, &["RN"], "030123456", "x");
            assert_eq!(uri, "sip:030123456;rn=+4930000@192.0.2.9:5070", "as a national number");
            let (uri, caller) = written(&found, &all, "+4930123457", "+4940777778");
            assert_eq!((uri.as_str(), caller.as_str()), ("sip:+4930123457@192.0.2.9:5070", "+4940777778"));
            assert_eq!(written(&found, &[], "+4930123456", "x").0, "sip:+4930123456@192.0.2.9:5070");
        }
        for (target, from) in [("sip:bob;npdi@h", "sip:alice;cpc=x@h"), ("sip:+4930123@h", "sip:+4940@h")] {
            assert_eq!(passed(target, from, &all), [], "{target}");
        }
        assert_eq!(passed("sip:+4930123456;npdi@h", "sip:a@h", &[]), []);
    }

    #[test]
    fn what_the_name_service_says_of_a_number_is_told_to_a_trunk_that_takes_it() {
        let found = of_called("+4930123456", "x=1;NPDI;rn=+4930000;cpc=payphone;rn=%41").unwrap();
        let found = [found];
        let (uri, _) = written(&found, &["npdi", "rn", "cpc"], "0030123456", "x");
        assert_eq!(uri, "sip:0030123456;NPDI;rn=+4930000@192.0.2.9:5070");
        assert_eq!(written(&found, &[], "+4930123456", "x").0, "sip:+4930123456@192.0.2.9:5070");
        for parameters in ["", "x=1", ";;", "rn=\"a"] {
            assert_eq!(of_called("+4930123456", parameters), None, "{parameters}");
        }
    }

    #[test]
    fn numbers_are_the_same_that_differ_in_how_they_begin() {
        for (one, other, same) in [
            ("+4930123456", "0049301234567", false),
            ("+4930123456", "004930123456", true),
            ("030123456", "+4930123456", true),
            ("#7+4930123456", "+4930123456", true),
            ("+4930123456", "456", false),
            ("112", "112", true),
            ("+49112", "112", false),
            ("", "+4930123456", false),
        ] {
            assert_eq!((is_same(one, other), is_same(other, one)), (same, same), "{one} {other}");
        }
    }
}

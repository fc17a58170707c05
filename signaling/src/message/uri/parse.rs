//! Reading a URI: where its parts lie.

use memchr::memchr;

use super::host::scan_host_port;
use super::{Parts, Scheme};
use crate::limits;
use crate::message::grammar;

pub(super) fn parse_parts(text: &[u8]) -> Option<Parts> {
    if text.len() > 4 && text[..4].eq_ignore_ascii_case(b"sip:") {
        return parse_sip(text, 3, Scheme::Sip);
    }
    let colon = memchr(b':', text)?;
    let scheme_text = &text[..colon];
    let well_formed = scheme_text.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme_text.iter().all(|octet| octet.is_ascii_alphanumeric() || b"+-.".contains(octet));
    if !well_formed || colon + 1 == text.len() {
        return None;
    }
    if scheme_text.eq_ignore_ascii_case(b"sips") {
        parse_sip(text, colon, Scheme::Sips)
    } else if scheme_text.eq_ignore_ascii_case(b"tel") {
        parse_tel(text, colon)
    } else {
        let end = text.len() as u16;
        Some(Parts {
            scheme: Scheme::Other,
            scheme_end: colon as u16,
            user_end: colon as u16 + 1,
            has_user: false,
            password_end: colon as u16 + 1,
            host_start: end,
            host_end: end,
            port: None,
            parameters_start: end,
            parameters_end: end,
        })
    }
}

/// `[ userinfo ] hostport uri-parameters [ headers ]` (RFC 3261 §25.1). Neither parameters nor headers may hold an
/// unescaped `@`, and a user may hold `;` and `?`, so the first `@` ends the userinfo.
fn parse_sip(text: &[u8], colon: usize, scheme: Scheme) -> Option<Parts> {
    let start = colon + 1;
    let (mut user_end, mut password_end, mut host_start) = (start, start, start);
    let mut has_user = false;
    if let Some(at) = memchr(b'@', &text[start..]) {
        let userinfo = &text[start..start + at];
        let user = memchr(b':', userinfo).unwrap_or(at);
        if user == 0 || !grammar::is_user(&userinfo[..user]) || (user < at && !grammar::is_user(&userinfo[user + 1..]))
        {
            return None;
        }
        has_user = true;
        user_end = start + user;
        password_end = start + at;
        host_start = start + at + 1;
    }
    let (host_end, port, parameters_start) = scan_host_port(text, host_start)?;
    let rest = &text[parameters_start..];
    let parameters_end = match rest.first() {
        None => parameters_start,
        Some(b';') => {
            let end = parameters_start + memchr(b'?', rest).unwrap_or(rest.len());
            if !uri_parameters_are_whole(&text[parameters_start..end]) {
                return None;
            }
            end
        }
        Some(b'?') => parameters_start,
        Some(_) => return None,
    };
    Some(Parts {
        scheme,
        scheme_end: colon as u16,
        user_end: user_end as u16,
        has_user,
        password_end: password_end as u16,
        host_start: host_start as u16,
        host_end: host_end as u16,
        port,
        parameters_start: parameters_start as u16,
        parameters_end: parameters_end as u16,
    })
}

/// `tel:` number with its parameters (RFC 3966 §3); letters only where a local number has them (`*`, `#`, hex).
fn parse_tel(text: &[u8], colon: usize) -> Option<Parts> {
    let start = colon + 1;
    let end = text[start..].iter().position(|&octet| octet == b';').map_or(text.len(), |at| start + at);
    let number = &text[start..end];
    let digits = number.strip_prefix(b"+").unwrap_or(number);
    let is_number = digits.iter().all(|octet| octet.is_ascii_hexdigit() || b"*#-.()".contains(octet))
        && digits.iter().any(|octet| octet.is_ascii_hexdigit() || b"*#".contains(octet));
    if !is_number || !uri_parameters_are_whole(&text[end..]) {
        return None;
    }
    let total = text.len() as u16;
    Some(Parts {
        scheme: Scheme::Tel,
        scheme_end: colon as u16,
        user_end: end as u16,
        has_user: true,
        password_end: end as u16,
        host_start: end as u16,
        host_end: end as u16,
        port: None,
        parameters_start: end as u16,
        parameters_end: total,
    })
}

/// Whether every parameter has a name and there are not too many.
fn uri_parameters_are_whole(text: &[u8]) -> bool {
    let mut count = 0;
    for parameter in text.split(|&octet| octet == b';').skip(1) {
        count += 1;
        if parameter.is_empty() || parameter[0] == b'=' || count > limits::PARAMETERS_MAX {
            return false;
        }
    }
    true
}

//! Escapes of URIs, read and written (RFC 3261 §25.1, RFC 3986 §2.1).

use std::borrow::Cow;

/// The octets of the text with `%HH` resolved.
pub(super) fn decoded(text: &str) -> impl Iterator<Item = u8> + '_ {
    let octets = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        let octet = *octets.get(at)?;
        if octet == b'%' {
            let digit = |index: usize| octets.get(index).and_then(|&digit| (digit as char).to_digit(16));
            if let (Some(high), Some(low)) = (digit(at + 1), digit(at + 2)) {
                at += 3;
                return Some((high * 16 + low) as u8);
            }
        }
        at += 1;
        Some(octet)
    })
}

/// Text with `%HH` resolved. Octets that are not UTF-8 are replaced.
pub fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let octets: Vec<u8> = decoded(text).collect();
    Cow::Owned(String::from_utf8_lossy(&octets).into_owned())
}

/// What a user may hold beside letters and digits without an escape (RFC 3261 §25.1, `unreserved` and
/// `user-unreserved`), but the `;` that stands behind a number.
const USER_UNRESERVED: &[u8] = b"-_.!~*'()&=+$,?/";
/// The same of a telephone number with parameters (§19.1.6).
const NUMBER_UNRESERVED: &[u8] = b"-_.!~*'()&=+$,;?/";
/// What a parameter may hold (RFC 3261 §25.1, `paramchar`).
pub(super) const PARAMETER_UNRESERVED: &[u8] = b"-_.!~*'()[]/:&+$";
/// What a header component may hold (RFC 3261 §25.1, `hvalue`).
const HEADER_UNRESERVED: &[u8] = b"-_.!~*'()[]/?:+$";

/// Plain text as a user part. Text that was received escaped must not pass here again. Behind a telephone number parameters may stand (RFC 3261 §19.1.6);
/// the `;` of a name is its own, and no divider (§19.1.4: what is reserved and its escape are not the same).
pub fn escape_user(text: &str) -> Cow<'_, str> {
    let number = text.split_once(';').map(|(number, _)| number.strip_prefix('+').unwrap_or(number));
    let is_number =
        number.is_some_and(|number| !number.is_empty() && number.bytes().all(|octet| octet.is_ascii_digit()));
    escape(text, if is_number { NUMBER_UNRESERVED } else { USER_UNRESERVED })
}

/// Plain text as the value of a URI's parameter, such as the instance of a GRUU (RFC 5627 §4.2).
pub fn escape_parameter(text: &str) -> Cow<'_, str> {
    escape(text, PARAMETER_UNRESERVED)
}

/// Plain text as a header component of a URI, such as the Replaces of a Refer-To (RFC 3891 §5).
pub fn escape_header(text: &str) -> Cow<'_, str> {
    escape(text, HEADER_UNRESERVED)
}

pub(super) fn escape<'a>(text: &'a str, allowed: &[u8]) -> Cow<'a, str> {
    let plain = |octet: &u8| octet.is_ascii_alphanumeric() || allowed.contains(octet);
    if text.as_bytes().iter().all(plain) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for octet in text.bytes() {
        if plain(&octet) {
            escaped.push(octet as char);
        } else {
            escaped.push('%');
            for nibble in [octet >> 4, octet & 15] {
                escaped.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0').to_ascii_uppercase());
            }
        }
    }
    Cow::Owned(escaped)
}

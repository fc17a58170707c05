//! Character classes and the small productions that every header shares (RFC 3261 §25.1).
//!
//! Everything here works on octets and positions: a function takes the whole value and where to start, and returns
//! where it stopped. Folding is gone before these run (see [`super::parse`]), CR and LF count as white space only so
//! that a value handed in from elsewhere is read as the RFC reads it.

use memchr::memchr;

/// White space: SP, HTAB and what is left of a fold.
const SPACE: u8 = 1;
/// `token` (RFC 3261 §25.1).
const TOKEN: u8 = 2;
/// What a parameter value may hold outside quotes: `token`, `host` with brackets, and the characters that the field
/// sends there although the grammar wants quotes (`/`, `?`, `@`, `=`, `&`, `$`, `#`, `\`, `{`, `}`, `|`, `^`, `(`, `)`).
const VALUE: u8 = 4;
/// `word` (RFC 3261 §25.1), of which a Call-ID is made.
const WORD: u8 = 8;
/// What a URI may hold: `reserved`, `unreserved`, `%`, and brackets; no white space, quotes, angle brackets, controls.
const URI: u8 = 16;
/// `user` and `password` without escapes (RFC 3261 §25.1), with `#`, which dialled service codes carry unescaped.
const USER: u8 = 32;
/// `hostname` (letters, digits, hyphen, dot), with underscore, which host names in the field carry.
const HOST: u8 = 64;
/// What ends a display name or a URI without brackets: `<`, `"`, `,`, `;`.
const ADDRESS_END: u8 = 128;

static CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [0u8; 256];
    let mut octet = 0usize;
    while octet < 256 {
        let character = octet as u8;
        let alphanumeric = character.is_ascii_alphanumeric();
        let mut class = 0;
        if alphanumeric {
            class |= TOKEN | VALUE | WORD | URI | USER | HOST;
        }
        if contains(b"-.!%*_+`'~", character) {
            class |= TOKEN | VALUE | WORD;
        }
        if contains(b"[]:/?@=&$#\\{}|^()", character) || character >= 0x80 {
            class |= VALUE;
        }
        if contains(b"()<>:\\\"/[]?{}", character) {
            class |= WORD;
        }
        if contains(b";/?:@&=+$,-_.!~*'()%[]#|^`{}\\", character) {
            class |= URI;
        }
        if contains(b"-_.!~*'()&=+$,;?/%#", character) {
            class |= USER;
        }
        if contains(b"-._", character) {
            class |= HOST;
        }
        if contains(b"<\",;", character) {
            class |= ADDRESS_END;
        }
        if contains(b" \t\r\n", character) {
            class |= SPACE;
        }
        classes[octet] = class;
        octet += 1;
    }
    classes
}

const fn contains(set: &[u8], character: u8) -> bool {
    let mut index = 0;
    while index < set.len() {
        if set[index] == character {
            return true;
        }
        index += 1;
    }
    false
}

const fn is(octet: u8, class: u8) -> bool {
    CLASS[octet as usize] & class != 0
}

/// Skips white space.
#[inline]
pub(super) fn skip_space(value: &[u8], mut at: usize) -> usize {
    while at < value.len() && is(value[at], SPACE) {
        at += 1;
    }
    at
}

#[inline]
fn skip(value: &[u8], mut at: usize, class: u8) -> usize {
    while at < value.len() && is(value[at], class) {
        at += 1;
    }
    at
}

/// Skips a token; stays in place where there is none.
#[inline]
pub(super) fn skip_token(value: &[u8], at: usize) -> usize {
    skip(value, at, TOKEN)
}

/// Skips a parameter value without quotes.
#[inline]
pub(super) fn skip_value(value: &[u8], at: usize) -> usize {
    skip(value, at, VALUE)
}

/// Skips to the first `<`, `"`, `,` or `;`.
#[inline]
pub(super) fn skip_to_address_end(value: &[u8], mut at: usize) -> usize {
    while at < value.len() && !is(value[at], ADDRESS_END) {
        at += 1;
    }
    at
}

/// Skips digits.
#[inline]
pub(super) fn skip_digits(value: &[u8], mut at: usize) -> usize {
    while at < value.len() && value[at].is_ascii_digit() {
        at += 1;
    }
    at
}

/// Skips a host name or IPv4 address.
#[inline]
pub(super) fn skip_host(value: &[u8], at: usize) -> usize {
    skip(value, at, HOST)
}

/// Skips a quoted string that starts at `at` (a `"`); returns the position after its closing quote, `None` if it
/// never closes.
pub(super) fn skip_quoted(value: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    while at < value.len() {
        match value[at] {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    None
}

/// Whether all octets may stand in the user part of a URI, which as a whole was checked by [`is_uri`].
pub(super) fn is_user(value: &[u8]) -> bool {
    all_are(value, USER)
}

/// Whether all octets may stand in a URI; a `%` must start an escape.
pub(super) fn is_uri(value: &[u8]) -> bool {
    all_are(value, URI) && escapes_are_whole(value)
}

/// Whether all octets are of that class, without a branch for each.
fn all_are(value: &[u8], class: u8) -> bool {
    value.iter().fold(class, |common, &octet| common & CLASS[usize::from(octet)]) != 0
}

fn escapes_are_whole(value: &[u8]) -> bool {
    let mut rest = value;
    while let Some(at) = memchr(b'%', rest) {
        match rest.get(at + 1..at + 3) {
            Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => rest = &rest[at + 3..],
            _ => return false,
        }
    }
    true
}

/// The text, if it is one whole token.
pub(super) fn token(value: &[u8]) -> Option<&str> {
    if value.is_empty() || !all_are(value, TOKEN) {
        return None;
    }
    std::str::from_utf8(value).ok()
}

/// Whether the octets are a `word` with `@` allowed once between two words: `callid` (RFC 3261 §25.1).
pub(super) fn is_call_id(value: &[u8]) -> bool {
    let Some(first) = value.first() else { return false };
    let mut at_signs = 0;
    for &octet in value {
        if octet == b'@' {
            at_signs += 1;
        } else if !is(octet, WORD) {
            return false;
        }
    }
    at_signs <= 1 && *first != b'@' && value.last() != Some(&b'@')
}

/// Without the white space at both ends.
#[inline]
pub(super) fn trim(mut value: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = value {
        if !is(*first, SPACE) {
            break;
        }
        value = rest;
    }
    while let [rest @ .., last] = value {
        if !is(*last, SPACE) {
            break;
        }
        value = rest;
    }
    value
}

/// A decimal number of digits alone. `None` for anything else and for what does not fit.
pub(super) fn number<N: TryFrom<u64>>(value: &[u8]) -> Option<N> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut number = 0u64;
    for &digit in value {
        number = number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
    }
    N::try_from(number).ok()
}

/// The next value of a comma-separated list, trimmed, and what follows its comma. Commas inside quotes and inside
/// angle brackets do not separate.
pub(super) fn next_item(list: &[u8]) -> (&[u8], Option<&[u8]>) {
    if memchr(b',', list).is_none() {
        return (trim(list), None);
    }
    let mut at = 0;
    let mut bracketed = false;
    while at < list.len() {
        match list[at] {
            b'"' if !bracketed => match skip_quoted(list, at) {
                Some(end) => {
                    at = end;
                    continue;
                }
                None => break,
            },
            b'<' => bracketed = true,
            b'>' => bracketed = false,
            b',' if !bracketed => return (trim(&list[..at]), Some(&list[at + 1..])),
            _ => {}
        }
        at += 1;
    }
    (trim(list), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_digits_that_fit() {
        assert_eq!(number::<u32>(b"0009"), Some(9));
        assert_eq!(number::<u32>(b"4294967295"), Some(u32::MAX));
        assert_eq!(number::<u32>(b"4294967296"), None);
        assert_eq!(number::<u64>(b"18446744073709551616"), None);
        assert_eq!(number::<u32>(b"-1"), None);
        assert_eq!(number::<u32>(b""), None);
    }

    #[test]
    fn quoted_strings_know_escapes() {
        assert_eq!(skip_quoted(br#""a\"b" x"#, 0), Some(6));
        assert_eq!(skip_quoted(br#""a\""#, 0), None);
        assert_eq!(skip_quoted(br#""a\"#, 0), None);
    }

    #[test]
    fn lists_split_outside_quotes_and_brackets() {
        let (first, rest) = next_item(br#" "a,b" <sip:c,d@e>;x , <sip:f>"#);
        assert_eq!(first, br#""a,b" <sip:c,d@e>;x"#);
        assert_eq!(next_item(rest.unwrap()), (&b"<sip:f>"[..], None));
    }

    #[test]
    fn call_ids_are_words() {
        assert!(is_call_id(b"a84b4c76e66710@pc33.atlanta.com"));
        assert!(is_call_id(b"intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{"));
        assert!(!is_call_id(b"a b"));
        assert!(!is_call_id(b"a@b@c"));
        assert!(!is_call_id(b""));
    }
}

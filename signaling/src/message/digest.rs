//! Challenges (WWW-Authenticate, Proxy-Authenticate) and credentials (Authorization, Proxy-Authorization) as fields
//! (RFC 3261 §20.7, RFC 7616, RFC 8760). What they mean is computed elsewhere.
//!
//! The values are slices of the message. A quoted value is what stands between its quotes, quoted pairs left as they
//! came: `unq()` of RFC 7616 §3.4, which is also what both sides hash.

use super::grammar;
use crate::limits;

/// Fields `name=value` behind an authentication scheme, in order, unknown ones included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthFields<'a> {
    scheme: &'a str,
    text: &'a str,
}

impl<'a> AuthFields<'a> {
    /// Reads a scheme and its fields. `None` if there is no scheme, a field is broken, or there are more than
    /// [`limits::PARAMETERS_MAX`]. The bare `token68` of other schemes (Bearer, Basic) is kept as text without fields.
    pub fn parse(value: &'a [u8]) -> Option<AuthFields<'a>> {
        let value = std::str::from_utf8(grammar::trim(value)).ok()?;
        let end = grammar::skip_token(value.as_bytes(), 0);
        let start = grammar::skip_space(value.as_bytes(), end);
        if end == 0 || (start == end && start < value.len()) {
            return None;
        }
        let fields = AuthFields { scheme: &value[..end], text: &value[start..] };
        if fields.is_digest() {
            let mut rest = fields.text;
            let mut count = 0;
            while !rest.is_empty() {
                (_, rest) = next_field(rest)?;
                count += 1;
                if count > limits::PARAMETERS_MAX {
                    return None;
                }
            }
        }
        Some(fields)
    }

    /// The scheme as received.
    pub fn scheme(self) -> &'a str {
        self.scheme
    }

    /// Whether the scheme is `Digest`.
    pub fn is_digest(self) -> bool {
        self.scheme.eq_ignore_ascii_case("Digest")
    }

    /// What follows the scheme, as received.
    pub fn as_str(self) -> &'a str {
        self.text
    }

    /// All fields in order, values without their quotes.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let mut rest = self.text;
        std::iter::from_fn(move || {
            let (field, after) = next_field(rest)?;
            rest = after;
            Some(field)
        })
    }

    /// The first field of that name, without its quotes.
    pub fn get(self, name: &str) -> Option<&'a str> {
        self.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The first field of each of these names, by one look at the text for all of them.
    fn firsts<const N: usize>(self, names: [&str; N]) -> [Option<&'a str>; N] {
        let mut found = [None; N];
        for (name, value) in self.iter() {
            if let Some(at) = names.iter().position(|known| known.eq_ignore_ascii_case(name)) {
                found[at].get_or_insert(value);
            }
        }
        found
    }
}

/// The first `name = value` of the text and what follows its comma.
fn next_field(text: &str) -> Option<((&str, &str), &str)> {
    let octets = text.as_bytes();
    let start = grammar::skip_space(octets, 0);
    let name_end = grammar::skip_token(octets, start);
    let equals = grammar::skip_space(octets, name_end);
    if name_end == start || octets.get(equals) != Some(&b'=') {
        return None;
    }
    let first = grammar::skip_space(octets, equals + 1);
    let (value, end) = if octets.get(first) == Some(&b'"') {
        let end = grammar::skip_quoted(octets, first)?;
        (text.get(first + 1..end - 1)?, end)
    } else {
        let end = grammar::skip_value(octets, first);
        (text.get(first..end)?, end)
    };
    let comma = grammar::skip_space(octets, end);
    let rest = match octets.get(comma) {
        None => "",
        Some(b',') => text.get(grammar::skip_space(octets, comma + 1)..)?,
        Some(_) => return None,
    };
    Some(((text.get(start..name_end)?, value), rest))
}

/// A Digest challenge (RFC 7616 §3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenge<'a> {
    /// The realm.
    pub realm: &'a str,
    /// The nonce.
    pub nonce: &'a str,
    /// Returned as it came.
    pub opaque: Option<&'a str>,
    /// `MD5` if absent; as received otherwise.
    pub algorithm: Option<&'a str>,
    /// The list of offered qualities of protection; absent from servers of RFC 2069.
    pub qop: Option<&'a str>,
    /// Whether the nonce alone was wrong.
    pub stale: bool,
    /// URIs of the protection space.
    pub domain: Option<&'a str>,
    /// Every field.
    pub fields: AuthFields<'a>,
}

impl<'a> Challenge<'a> {
    /// Reads one challenge. `None` if it is no Digest challenge or lacks realm or nonce.
    pub fn parse(value: &'a [u8]) -> Option<Challenge<'a>> {
        let fields = AuthFields::parse(value).filter(|fields| fields.is_digest())?;
        let [realm, nonce, opaque, algorithm, qop, stale, domain] =
            fields.firsts(["realm", "nonce", "opaque", "algorithm", "qop", "stale", "domain"]);
        Some(Challenge {
            realm: realm?,
            nonce: nonce?,
            opaque,
            algorithm,
            qop,
            stale: stale.is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
            domain,
            fields,
        })
    }

    /// Whether the challenge offers that quality of protection.
    pub fn offers_qop(&self, qop: &str) -> bool {
        self.qop.is_some_and(|list| list.split(',').any(|offered| offered.trim().eq_ignore_ascii_case(qop)))
    }
}

/// Digest credentials (RFC 7616 §3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credentials<'a> {
    /// The user name.
    pub username: &'a str,
    /// The realm.
    pub realm: &'a str,
    /// The nonce of the challenge.
    pub nonce: &'a str,
    /// The URI that was hashed.
    pub uri: &'a str,
    /// The response, hexadecimal.
    pub response: &'a str,
    /// `MD5` if absent.
    pub algorithm: Option<&'a str>,
    /// The client's nonce.
    pub cnonce: Option<&'a str>,
    /// The opaque of the challenge.
    pub opaque: Option<&'a str>,
    /// The quality of protection that was used.
    pub qop: Option<&'a str>,
    /// The nonce count as received: eight hexadecimal digits.
    pub nonce_count: Option<&'a str>,
    /// Every field.
    pub fields: AuthFields<'a>,
}

impl<'a> Credentials<'a> {
    /// Reads one set of credentials. `None` if they are no Digest or lack one of the fields that RFC 7616 requires.
    pub fn parse(value: &'a [u8]) -> Option<Credentials<'a>> {
        let fields = AuthFields::parse(value).filter(|fields| fields.is_digest())?;
        let [username, realm, nonce, uri, response, algorithm, cnonce, opaque, qop, nonce_count] = fields.firsts([
            "username",
            "realm",
            "nonce",
            "uri",
            "response",
            "algorithm",
            "cnonce",
            "opaque",
            "qop",
            "nc",
        ]);
        Some(Credentials {
            username: username?,
            realm: realm?,
            nonce: nonce?,
            uri: uri?,
            response: response?,
            algorithm,
            cnonce,
            opaque,
            qop,
            nonce_count,
            fields,
        })
    }

    /// The nonce count as a number.
    pub fn nonce_count_number(&self) -> Option<u32> {
        self.nonce_count
            .filter(|count| count.len() == 8 && count.bytes().all(|octet| octet.is_ascii_hexdigit()))
            .and_then(|count| u32::from_str_radix(count, 16).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_and_its_unknown_fields() {
        let challenge = Challenge::parse(
            b"Digest realm=\"atlanta.com\", domain=\"sip:ss1.carrier.com\", qop=\"auth,auth-int\",\r\n nonce=\"f84f1cec41e6cbe5aea9c8e88d359\", opaque=\"\", stale=FALSE, algorithm=MD5, x=\"a,b\"",
        )
        .unwrap();
        assert_eq!((challenge.realm, challenge.algorithm, challenge.stale), ("atlanta.com", Some("MD5"), false));
        assert!(challenge.offers_qop("auth-int") && !challenge.offers_qop("token"));
        assert_eq!(challenge.fields.get("X"), Some("a,b"));
        assert_eq!(challenge.fields.iter().count(), 8);
    }

    #[test]
    fn credentials() {
        let credentials = Credentials::parse(
            b"Digest username=\"bob\",realm=\"biloxi.com\",nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\",uri=\"sip:bob@biloxi.com\",qop=auth,nc=0000000a,cnonce=\"0a4f113b\",response=\"6629fae49393a05397450978507c4ef1\",opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"",
        )
        .unwrap();
        assert_eq!((credentials.username, credentials.nonce_count_number()), ("bob", Some(10)));
        assert_eq!(Credentials::parse(b"Digest username=\"bob\""), None);
        assert_eq!(
            AuthFields::parse(b"NoOneKnowsThisScheme opaque-data=here").map(|f| f.scheme()),
            Some("NoOneKnowsThisScheme")
        );
        for broken in ["Digest realm", "Digest realm=\"x", "Digest realm=\"x\" nonce=y", ""] {
            assert_eq!(AuthFields::parse(broken.as_bytes()), None, "{broken}");
        }
    }
}

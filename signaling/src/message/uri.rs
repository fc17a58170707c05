//! URIs: `sip:`, `sips:`, `tel:` and any other absolute URI (RFC 3261 §19.1, RFC 3966, RFC 3986).
//!
//! A URI is kept as received, escapes included; its parts are slices of that text, so what is written again is what
//! came. Only comparison (RFC 3261 §19.1.4) and the `decoded` accessors look through escapes.

mod equivalence;
mod escape;
mod host;
mod parse;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use super::grammar;
use super::parameters::Parameters;
use crate::limits;
use equivalence::{digits, headers_agree, parameters_agree, same_host};
use escape::{PARAMETER_UNRESERVED, decoded, escape};
use parse::parse_parts;

pub use escape::{escape_header, escape_parameter, escape_user, unescape};
pub use host::host_address;
pub(super) use host::scan_host;

/// What kind of URI it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `sip:`, RFC 3261 §19.1.
    Sip,
    /// `sips:`, RFC 3261 §19.1.
    Sips,
    /// `tel:`, RFC 3966.
    Tel,
    /// Any other; only its text is known.
    Other,
}

impl Scheme {
    /// Whether it is `sip` or `sips`.
    pub fn is_sip(self) -> bool {
        matches!(self, Scheme::Sip | Scheme::Sips)
    }
}

/// Where the parts lie in the text. [`limits::URI_OCTETS_MAX`] fits 16 bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts {
    scheme: Scheme,
    scheme_end: u16,
    /// End of the user (or telephone number); `scheme_end + 1` if there is none.
    user_end: u16,
    has_user: bool,
    /// End of the password; `user_end` if there is none.
    password_end: u16,
    host_start: u16,
    host_end: u16,
    port: Option<u16>,
    parameters_start: u16,
    parameters_end: u16,
}

impl Parts {
    /// Those of a URI that fills the whole text.
    pub(super) fn of(text: &[u8]) -> Option<Parts> {
        if text.len() > limits::URI_OCTETS_MAX || !grammar::is_uri(text) {
            return None;
        }
        parse_parts(text)
    }
}

/// A borrowed URI.
#[derive(Clone, Copy)]
pub struct UriRef<'a> {
    text: &'a str,
    parts: Parts,
}

/// An owned URI, cheap to clone.
#[derive(Clone)]
pub struct Uri {
    text: Arc<str>,
    parts: Parts,
}

impl<'a> UriRef<'a> {
    /// Reads a URI that fills the whole text. `None` if it is none, or longer than [`limits::URI_OCTETS_MAX`].
    pub fn parse(text: &'a [u8]) -> Option<UriRef<'a>> {
        UriRef::with(text, Parts::of(text)?)
    }

    /// The URI whose parts were found before, in the same text.
    pub(super) fn with(text: &'a [u8], parts: Parts) -> Option<UriRef<'a>> {
        Some(UriRef { text: std::str::from_utf8(text).ok()?, parts })
    }

    /// The URI as received.
    pub fn as_str(self) -> &'a str {
        self.text
    }

    /// A copy that owns its text.
    pub fn to_uri(self) -> Uri {
        Uri { text: Arc::from(self.text), parts: self.parts }
    }

    /// The kind.
    pub fn scheme(self) -> Scheme {
        self.parts.scheme
    }

    /// The scheme as received, such as `soap.beep`.
    pub fn scheme_text(self) -> &'a str {
        self.slice(0, self.parts.scheme_end)
    }

    /// Whether it is `sips:`.
    pub fn is_secure(self) -> bool {
        self.parts.scheme == Scheme::Sips
    }

    /// The user part as received (escapes kept), or the number of a `tel:` URI.
    pub fn user(self) -> Option<&'a str> {
        self.parts.has_user.then(|| self.slice(self.parts.scheme_end + 1, self.parts.user_end))
    }

    /// The user part with its escapes resolved. Octets that are not UTF-8 are replaced.
    pub fn user_decoded(self) -> Option<Cow<'a, str>> {
        self.user().map(unescape)
    }

    /// The password as received (RFC 3261 §19.1.1 advises against sending one).
    pub fn password(self) -> Option<&'a str> {
        (self.parts.password_end > self.parts.user_end)
            .then(|| self.slice(self.parts.user_end + 1, self.parts.password_end))
    }

    /// The host as received, an IPv6 address in its brackets; empty for other schemes than `sip` and `sips`.
    pub fn host(self) -> &'a str {
        self.slice(self.parts.host_start, self.parts.host_end)
    }

    /// The host if it is an address.
    pub fn address(self) -> Option<IpAddr> {
        host_address(self.host())
    }

    /// The port, if it is written.
    pub fn port(self) -> Option<u16> {
        self.parts.port
    }

    /// The port, or the default of the scheme: 5060, or 5061 for `sips` (RFC 3261 §19.1.2).
    pub fn port_or_default(self) -> u16 {
        self.parts.port.unwrap_or(if self.is_secure() { 5061 } else { 5060 })
    }

    /// The URI parameters.
    pub fn parameters(self) -> Parameters<'a> {
        Parameters::of_checked(self.slice(self.parts.parameters_start, self.parts.parameters_end))
    }

    /// A URI parameter's value as received; `""` for one without a value.
    pub fn parameter(self, name: &str) -> Option<&'a str> {
        self.parameters().get(name)
    }

    /// The `transport` parameter.
    pub fn transport(self) -> Option<&'a str> {
        self.parameter("transport")
    }

    /// Whether the URI is a loose router's: the `lr` parameter (RFC 3261 §19.1.1).
    pub fn is_loose_router(self) -> bool {
        self.parameters().has("lr")
    }

    /// The header part without its `?`, as received; empty if there is none.
    pub fn headers_text(self) -> &'a str {
        self.text.get(usize::from(self.parts.parameters_end) + 1..).unwrap_or_default()
    }

    /// The headers, names and values as received (escaped).
    pub fn headers(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let text = self.headers_text();
        text.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
    }

    /// A header's value with its escapes resolved.
    pub fn header(self, name: &str) -> Option<Cow<'a, str>> {
        self.headers().find(|(found, _)| unescape(found).eq_ignore_ascii_case(name)).map(|(_, value)| unescape(value))
    }

    /// Whether both are the same resource by RFC 3261 §19.1.4 (`sip`, `sips`), RFC 3966 §4 (`tel`), or octet by octet
    /// with the scheme compared without case (others). Not transitive, so it is no `==`.
    pub fn equivalent(self, other: UriRef<'_>) -> bool {
        if self.scheme() != other.scheme() {
            return false;
        }
        match self.scheme() {
            Scheme::Sip | Scheme::Sips => self.equivalent_sip(other),
            Scheme::Tel => self.equivalent_tel(other),
            Scheme::Other => {
                self.scheme_text().eq_ignore_ascii_case(other.scheme_text())
                    && self.text[self.scheme_text().len()..] == other.text[other.scheme_text().len()..]
            }
        }
    }

    fn equivalent_sip(self, other: UriRef<'_>) -> bool {
        let same_text = |left: Option<&str>, right: Option<&str>| match (left, right) {
            (Some(left), Some(right)) => decoded(left).eq(decoded(right)),
            (None, None) => true,
            _ => false,
        };
        same_text(self.user(), other.user())
            && same_text(self.password(), other.password())
            && same_host(self.host(), other.host())
            && self.port() == other.port()
            && parameters_agree(self.parameters(), other.parameters())
            && parameters_agree(other.parameters(), self.parameters())
            && headers_agree(self, other)
            && headers_agree(other, self)
    }

    fn equivalent_tel(self, other: UriRef<'_>) -> bool {
        let all_in = |left: Parameters<'_>, right: Parameters<'_>| {
            left.iter().all(|parameter| {
                right.find(parameter.name).is_some_and(|found| {
                    decoded(found.value.unwrap_or_default())
                        .map(|octet| octet.to_ascii_lowercase())
                        .eq(decoded(parameter.value.unwrap_or_default()).map(|octet| octet.to_ascii_lowercase()))
                })
            })
        };
        digits(self.user()).eq(digits(other.user()))
            && all_in(self.parameters(), other.parameters())
            && all_in(other.parameters(), self.parameters())
    }

    fn slice(self, start: u16, end: u16) -> &'a str {
        self.text.get(usize::from(start)..usize::from(end)).unwrap_or_default()
    }
}

impl Uri {
    /// Reads a URI that fills the whole text.
    pub fn parse(text: &str) -> Option<Uri> {
        UriRef::parse(text.as_bytes()).map(UriRef::to_uri)
    }

    /// `scheme:user@host:port`; the user is escaped where it must be, an IPv6 address gets its brackets. `None` if the
    /// host is none.
    pub fn sip(scheme: Scheme, user: Option<&str>, host: &str, port: Option<u16>) -> Option<Uri> {
        let mut text = String::with_capacity(host.len() + 32);
        text.push_str(if scheme == Scheme::Sips { "sips:" } else { "sip:" });
        if let Some(user) = user {
            text.push_str(&escape_user(user));
            text.push('@');
        }
        if host.parse::<Ipv6Addr>().is_ok() {
            text.push('[');
            text.push_str(host);
            text.push(']');
        } else {
            text.push_str(host);
        }
        if let Some(port) = port {
            text.push(':');
            text.push_str(&port.to_string());
        }
        Uri::parse(&text)
    }

    /// The same URI, borrowed: every accessor is there.
    pub fn borrow(&self) -> UriRef<'_> {
        UriRef { text: &self.text, parts: self.parts }
    }

    /// The URI as received.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// With one more parameter; both are escaped where they must be. `None` beyond the length bound.
    pub fn with_parameter(&self, name: &str, value: Option<&str>) -> Option<Uri> {
        let at = usize::from(self.parts.parameters_end);
        let mut text = String::with_capacity(self.text.len() + name.len() + 16);
        text.push_str(&self.text[..at]);
        text.push(';');
        text.push_str(&escape(name, PARAMETER_UNRESERVED));
        if let Some(value) = value {
            text.push('=');
            text.push_str(&escape(value, PARAMETER_UNRESERVED));
        }
        text.push_str(&self.text[at..]);
        Uri::parse(&text)
    }

    /// Without the parameters of these names and without headers: what may stand as a Request-URI
    /// (RFC 3261 §19.1.1 table 1) when `names` has `method`.
    pub fn without(&self, names: &[&str]) -> Uri {
        let uri = self.borrow();
        let mut text = String::with_capacity(self.text.len());
        text.push_str(&self.text[..usize::from(self.parts.parameters_start)]);
        for parameter in uri.parameters() {
            if !names.iter().any(|name| name.eq_ignore_ascii_case(parameter.name)) {
                text.push(';');
                text.push_str(parameter.name);
                if let Some(value) = parameter.value {
                    text.push('=');
                    text.push_str(value);
                }
            }
        }
        Uri::parse(&text).unwrap_or_else(|| self.clone())
    }
}

impl PartialEq for Uri {
    /// Octet by octet; see [`UriRef::equivalent`] for the RFC's comparison.
    fn eq(&self, other: &Uri) -> bool {
        self.text == other.text
    }
}

impl Eq for Uri {}

impl std::hash::Hash for Uri {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl PartialEq for UriRef<'_> {
    /// Octet by octet; see [`UriRef::equivalent`] for the RFC's comparison.
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for UriRef<'_> {}

impl fmt::Debug for UriRef<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Uri({})", self.text)
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.borrow().fmt(formatter)
    }
}

impl fmt::Display for UriRef<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text)
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl std::str::FromStr for Uri {
    type Err = super::Defect;

    fn from_str(text: &str) -> Result<Uri, Self::Err> {
        Uri::parse(text).ok_or(super::Defect::Uri)
    }
}

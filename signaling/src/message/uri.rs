//! URIs: `sip:`, `sips:`, `tel:` and any other absolute URI (RFC 3261 §19.1, RFC 3966, RFC 3986).
//!
//! A URI is kept as received, escapes included; its parts are slices of that text, so what is written again is what
//! came. Only comparison (RFC 3261 §19.1.4) and the `decoded` accessors look through escapes.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use memchr::memchr;

use super::grammar;
use super::parameters::Parameters;
use crate::limits;

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
struct Parts {
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
        if text.len() > limits::URI_OCTETS_MAX || !grammar::is_uri(text) {
            return None;
        }
        let parts = parse_parts(text)?;
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

fn parse_parts(text: &[u8]) -> Option<Parts> {
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

/// Reads `host [ ":" port ]` at `start`: where the host ends, the port, where all of it ends. White space around the
/// colon is the caller's affair.
pub(super) fn scan_host_port(text: &[u8], start: usize) -> Option<(usize, Option<u16>, usize)> {
    let host_end = scan_host(text, start)?;
    if text.get(host_end) != Some(&b':') {
        return Some((host_end, None, host_end));
    }
    let port_end = grammar::skip_digits(text, host_end + 1);
    let port = grammar::number::<u16>(&text[host_end + 1..port_end])?;
    Some((host_end, Some(port), port_end))
}

/// Where the host at `start` ends: a name, an IPv4 address, or an IPv6 reference in brackets.
pub(super) fn scan_host(text: &[u8], start: usize) -> Option<usize> {
    if text.get(start) == Some(&b'[') {
        let close = start + text[start..].iter().position(|&octet| octet == b']')?;
        parse_ipv6(std::str::from_utf8(&text[start + 1..close]).ok()?)?;
        return Some(close + 1);
    }
    let end = grammar::skip_host(text, start);
    (end > start && text[start] != b'.').then_some(end)
}

/// An IPv6 address as its text form (RFC 4291 §2.2). `:::` before an embedded IPv4 address, which the grammar of
/// RFC 3261 allowed by mistake, is read as `::` (RFC 5118 §4.10).
fn parse_ipv6(text: &str) -> Option<Ipv6Addr> {
    text.parse().ok().or_else(|| {
        let fixed = text.replacen(":::", "::", 1);
        if fixed.len() == text.len() || !fixed.contains('.') { None } else { fixed.parse().ok() }
    })
}

/// The address that a host names, with or without brackets.
pub fn host_address(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[') {
        Some(rest) => parse_ipv6(rest.strip_suffix(']')?).map(IpAddr::V6),
        None if host.contains(':') => parse_ipv6(host).map(IpAddr::V6),
        None => host.parse().ok().map(IpAddr::V4),
    }
}

/// The digits of a telephone number without its visual separators (RFC 3966 §4).
fn digits(number: Option<&str>) -> impl Iterator<Item = u8> {
    let number = number.unwrap_or_default().bytes();
    number.filter(|octet| !b"-.()".contains(octet)).map(|octet| octet.to_ascii_lowercase())
}

fn same_host(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right) || host_address(left).is_some_and(|address| host_address(right) == Some(address))
}

/// RFC 3261 §19.1.4: a parameter that both have must match; `user`, `ttl`, `method`, `maddr` and `transport` must
/// match even when only one has it; any other that only one has is ignored.
fn parameters_agree(left: Parameters<'_>, right: Parameters<'_>) -> bool {
    const DECISIVE: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];
    left.iter().all(|parameter| match right.find(parameter.name) {
        Some(found) => decoded(parameter.value.unwrap_or_default())
            .map(|octet| octet.to_ascii_lowercase())
            .eq(decoded(found.value.unwrap_or_default()).map(|octet| octet.to_ascii_lowercase())),
        None => !DECISIVE.iter().any(|name| name.eq_ignore_ascii_case(parameter.name)),
    })
}

/// RFC 3261 §19.1.4: header components are never ignored; their order does not matter.
fn headers_agree(left: UriRef<'_>, right: UriRef<'_>) -> bool {
    left.headers().all(|(name, value)| {
        right.headers().any(|(other, found)| {
            unescape(name).eq_ignore_ascii_case(&unescape(other)) && decoded(value).eq(decoded(found))
        })
    })
}

/// The octets of the text with `%HH` resolved.
fn decoded(text: &str) -> impl Iterator<Item = u8> + '_ {
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
/// `user-unreserved`).
const USER_UNRESERVED: &[u8] = b"-_.!~*'()&=+$,;?/";
/// What a parameter may hold (RFC 3261 §25.1, `paramchar`).
const PARAMETER_UNRESERVED: &[u8] = b"-_.!~*'()[]/:&+$";
/// What a header component may hold (RFC 3261 §25.1, `hvalue`).
const HEADER_UNRESERVED: &[u8] = b"-_.!~*'()[]/?:+$";

/// Plain text as a user part. Text that was received escaped must not pass here again.
pub fn escape_user(text: &str) -> Cow<'_, str> {
    escape(text, USER_UNRESERVED)
}

/// Plain text as a header component of a URI, such as the Replaces of a Refer-To (RFC 3891 §5).
pub fn escape_header(text: &str) -> Cow<'_, str> {
    escape(text, HEADER_UNRESERVED)
}

fn escape<'a>(text: &'a str, allowed: &[u8]) -> Cow<'a, str> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> UriRef<'_> {
        UriRef::parse(text.as_bytes()).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn parts_are_slices_of_the_text() {
        let read = uri("sips:alice;day=tue:pw%20x@Atlanta.com:5071;transport=tcp;lr?subject=a%20b&priority=urgent");
        assert_eq!(read.scheme(), Scheme::Sips);
        assert_eq!(read.user(), Some("alice;day=tue"));
        assert_eq!(read.password(), Some("pw%20x"));
        assert_eq!((read.host(), read.port()), ("Atlanta.com", Some(5071)));
        assert_eq!(read.transport(), Some("tcp"));
        assert!(read.is_loose_router());
        assert_eq!(read.header("Subject").as_deref(), Some("a b"));
        assert_eq!(read.headers().count(), 2);
        let bare = uri("sip:example.com?x=y");
        assert_eq!((bare.user(), bare.host(), bare.headers_text()), (None, "example.com", "x=y"));
        assert!(bare.parameters().is_empty());
    }

    #[test]
    fn ipv6_hosts_are_bracketed() {
        let read = uri("sip:[2001:db8::10]:5070;maddr=x");
        assert_eq!((read.host(), read.port()), ("[2001:db8::10]", Some(5070)));
        assert_eq!(read.address(), "2001:db8::10".parse().ok());
        assert_eq!(uri("sip:[2001:db8::10:5070]").port(), None);
        for bad in ["sip:2001:db8::10", "sip:[2001:db8::10", "sip:[host]", "sip:u@[::1]x"] {
            assert_eq!(UriRef::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn tel_and_other_schemes() {
        let read = uri("tel:+1-201-555-0123;phone-context=example.com");
        assert_eq!((read.scheme(), read.user()), (Scheme::Tel, Some("+1-201-555-0123")));
        assert_eq!(read.parameter("phone-context"), Some("example.com"));
        assert_eq!(uri("soap.beep://192.0.2.103:3002").scheme_text(), "soap.beep");
        assert!(uri("tel:+1-201-555-0123").equivalent(uri("TEL:+12015550123")));
        assert!(!uri("tel:+12015550123").equivalent(uri("tel:12015550123")));
    }

    #[test]
    fn nonsense_is_no_uri() {
        for bad in [
            "",
            "sip:",
            ":x",
            "sip",
            "sip:@host",
            "sip:user@",
            "sip:u@h:",
            "sip:u@h:65536",
            "sip:u@h;;x",
            "sip:u@h;=x",
            "sip:u%4@h",
            "sip:u@h x",
            "<sip:u@h>",
            "sip:u@h>",
            "1sip:u",
            "tel:abc-xyz",
            "sip:u@.h",
        ] {
            assert_eq!(UriRef::parse(bad.as_bytes()), None, "{bad}");
        }
        let long = format!("sip:{}@h", "a".repeat(limits::URI_OCTETS_MAX));
        assert_eq!(UriRef::parse(long.as_bytes()), None);
    }

    /// The lists of RFC 3261 §19.1.4.
    #[test]
    fn equivalence_is_that_of_the_rfc() {
        for (left, right) in [
            ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
            ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"),
            (
                "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
            ),
            (
                "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
            ),
            ("sip:u@[2001:DB8::1]", "sip:u@[2001:db8:0:0::1]"),
        ] {
            assert!(uri(left).equivalent(uri(right)), "{left} {right}");
            assert!(uri(right).equivalent(uri(left)), "{right} {left}");
        }
        for (left, right) in [
            ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
            ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
            ("sip:carol@chicago.com;security=off", "sip:carol@chicago.com;security=on"),
            ("sip:carol@chicago.com", "sips:carol@chicago.com"),
        ] {
            assert!(!uri(left).equivalent(uri(right)), "{left} {right}");
            assert!(!uri(right).equivalent(uri(left)), "{right} {left}");
        }
    }

    #[test]
    fn a_user_is_escaped_once() {
        let read = uri("sip:a%20b%25c@h");
        assert_eq!(read.to_uri().as_str(), "sip:a%20b%25c@h");
        assert_eq!(read.user_decoded().as_deref(), Some("a b%c"));
        let built = Uri::sip(Scheme::Sip, Some("a b%c"), "::1", Some(5070)).unwrap();
        assert_eq!(built.as_str(), "sip:a%20b%25c@[::1]:5070");
        assert_eq!(built.borrow().user_decoded().as_deref(), Some("a b%c"));
        assert_eq!(Uri::sip(Scheme::Sip, None, "bad host", None), None);
    }

    #[test]
    fn parameters_are_added_and_removed() {
        let base = Uri::parse("sip:u@h;method=INVITE;x=1?a=b").unwrap();
        assert_eq!(base.with_parameter("ob", None).unwrap().as_str(), "sip:u@h;method=INVITE;x=1;ob?a=b");
        assert_eq!(base.without(&["method"]).as_str(), "sip:u@h;x=1");
    }
}

//! `name-addr` and `addr-spec` with their parameters: From, To, Contact, Route, Record-Route, Path, Refer-To,
//! P-Asserted-Identity and the like (RFC 3261 §20.10, §20.20, §25.1).

use std::borrow::Cow;

use memchr::memchr;

use super::grammar;
use super::parameters::{self, Parameters, Place};
use super::uri::{Parts, UriRef};

/// One address: display name, URI, header parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameAddr<'a> {
    /// The whole value as received.
    raw: &'a [u8],
    /// What stands before `<`, with its quotes.
    display: &'a [u8],
    uri: UriRef<'a>,
    parameters: Parameters<'a>,
}

/// Where the parts of an address lie in a value without white space around it, which is shorter than 64 KiB.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// The end of the display name.
    display: u16,
    uri: (u16, u16),
    parts: Parts,
    /// The value of the first `tag` among them.
    tag: Option<Place>,
    /// The start of the header parameters.
    parameters: u16,
}

impl Layout {
    /// That of a value, as [`NameAddr::parse`] reads it.
    pub(super) fn of(value: &[u8]) -> Option<Layout> {
        if value.len() > usize::from(u16::MAX) {
            return None;
        }
        let display_end = match value.first()? {
            b'"' => {
                let end = grammar::skip_quoted(value, 0)?;
                let bracket = grammar::skip_space(value, end);
                (value.get(bracket) == Some(&b'<')).then_some(bracket)?
            }
            _ => grammar::skip_to_address_end(value, 0),
        };
        if value.get(display_end) == Some(&b'<') {
            let uri_start = display_end + 1;
            let uri_end = uri_start + memchr(b'>', &value[uri_start..])?;
            let display = grammar::trim(&value[..display_end]).len();
            return Layout::with(value, display, (uri_start, uri_end), uri_end + 1);
        }
        let uri_end = grammar::trim(&value[..display_end]).len();
        if value[..uri_end].contains(&b'?') {
            return None;
        }
        Layout::with(value, 0, (0, uri_end), display_end)
    }

    fn with(value: &[u8], display: usize, uri: (usize, usize), parameters: usize) -> Option<Layout> {
        let mut tag = None;
        let all = parameters::scan_each(value, parameters, |name, place| {
            if name.len() == 3 && tag.is_none() && name.eq_ignore_ascii_case(b"tag") {
                tag = Some(place);
            }
        });
        if all? != value.len() {
            return None;
        }
        Some(Layout {
            tag: tag.filter(|(start, end)| start < end),
            display: display as u16,
            uri: (uri.0 as u16, uri.1 as u16),
            parts: Parts::of(&value[uri.0..uri.1])?,
            parameters: parameters as u16,
        })
    }

    /// Where the tag lies, as [`NameAddr::tag`] has it.
    pub(super) fn tag(self) -> Option<Place> {
        self.tag
    }

    /// The address, from the value whose layout it is.
    pub(super) fn read(self, value: &[u8]) -> Option<NameAddr<'_>> {
        let uri = value.get(usize::from(self.uri.0)..usize::from(self.uri.1))?;
        let parameters = grammar::trim(value.get(usize::from(self.parameters)..)?);
        Some(NameAddr {
            raw: value,
            display: value.get(..usize::from(self.display))?,
            uri: UriRef::with(uri, self.parts)?,
            parameters: Parameters::of_checked(std::str::from_utf8(parameters).ok()?),
        })
    }
}

impl<'a> NameAddr<'a> {
    /// Reads one value that fills the whole text.
    ///
    /// Without angle brackets a `;` starts header parameters, and a URI with `?` or `,` is refused
    /// (RFC 3261 §20.10). A display name may hold more than tokens: phones send it that way, and nothing depends on it.
    pub fn parse(value: &'a [u8]) -> Option<NameAddr<'a>> {
        let value = grammar::trim(value);
        Layout::of(value)?.read(value)
    }

    /// The whole value as received.
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The display name as received, with its quotes; empty if there is none.
    pub fn display_raw(&self) -> &'a [u8] {
        self.display
    }

    /// The display name without quotes and escapes; octets that are not UTF-8 are replaced.
    pub fn display_name(&self) -> Option<Cow<'a, str>> {
        if self.display.is_empty() {
            return None;
        }
        Some(match std::str::from_utf8(self.display) {
            Ok(text) => parameters::unquote(text),
            Err(_) => Cow::Owned(parameters::unquote(&String::from_utf8_lossy(self.display)).into_owned()),
        })
    }

    /// The URI.
    pub fn uri(&self) -> UriRef<'a> {
        self.uri
    }

    /// The header parameters.
    pub fn parameters(&self) -> Parameters<'a> {
        self.parameters
    }

    /// A header parameter's value as received; `""` for one without a value.
    pub fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters.get(name)
    }

    /// The `tag` of From and To (RFC 3261 §19.3).
    pub fn tag(&self) -> Option<&'a str> {
        self.parameters.get("tag").filter(|tag| !tag.is_empty())
    }

    /// The `expires` of a Contact in seconds. One that is no number or does not fit is `None`: the registrar then
    /// takes its default (RFC 3261 §10.3).
    pub fn expires(&self) -> Option<u32> {
        grammar::number(self.parameter("expires")?.as_bytes())
    }

    /// The preference `q` of a Contact in thousandths, 0 to 1000 (RFC 3261 §20.10); `None` if absent or malformed.
    pub fn q(&self) -> Option<u16> {
        parse_q(self.parameter("q")?)
    }
}

/// A `qvalue` (RFC 3261 §25.1) in thousandths.
pub(super) fn parse_q(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|octet| octet.is_ascii_digit()) {
        return None;
    }
    let whole = match whole {
        "" if !fraction.is_empty() => 0,
        "0" => 0,
        "1" => 1000,
        _ => return None,
    };
    let mut thousandths = 0;
    for place in 0..3 {
        thousandths = thousandths * 10 + fraction.as_bytes().get(place).map_or(0, |digit| u16::from(digit - b'0'));
    }
    (whole + thousandths <= 1000).then_some(whole + thousandths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> NameAddr<'_> {
        NameAddr::parse(value.as_bytes()).unwrap_or_else(|| panic!("{value}"))
    }

    #[test]
    fn all_three_forms() {
        let quoted = read(r#" "J Rosenberg \\\"" <sip:jdrosen@example.com;lr> ;tag = 98asjd8 "#);
        assert_eq!(quoted.display_name().as_deref(), Some(r#"J Rosenberg \""#));
        assert_eq!(quoted.uri().as_str(), "sip:jdrosen@example.com;lr");
        assert_eq!(quoted.tag(), Some("98asjd8"));
        let tokens = read("caller<sip:caller@example.com>;tag=323");
        assert_eq!(tokens.display_name().as_deref(), Some("caller"));
        let plain = read("sip:vivekg@chair-dnrc.example.com ; tag = 1918181833n");
        assert_eq!(plain.uri().as_str(), "sip:vivekg@chair-dnrc.example.com");
        assert_eq!((plain.tag(), plain.display_name()), (Some("1918181833n"), None));
    }

    #[test]
    fn parameters_of_a_bare_uri_belong_to_the_header() {
        let bare = read("sip:u@h;transport=tcp");
        assert!(bare.uri().parameters().is_empty());
        assert_eq!(bare.parameter("transport"), Some("tcp"));
    }

    #[test]
    fn a_display_name_may_be_any_octets() {
        let latin = NameAddr::parse(b"\"M\xfcller\" <sip:m@h>").unwrap();
        assert_eq!(latin.display_name().as_deref(), Some("M\u{fffd}ller"));
        assert_eq!(read("Bob Smith (home) <sip:b@h>").display_name().as_deref(), Some("Bob Smith (home)"));
    }

    #[test]
    fn broken_values_are_refused() {
        for bad in [
            "",
            "\"open <sip:u@h>",
            "\"x\" sip:u@h",
            "<sip:u@h",
            "sip:u@h?Route=%3Csip:x%3E",
            "< sip:u@h >",
            "Bell, Alexander <sip:a@h>",
            "<sip:u@h> junk",
            "<sip:u@h>;;",
            "*",
        ] {
            assert_eq!(NameAddr::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn q_and_expires() {
        assert_eq!(read("<sip:u@h>;q=0.33;expires=60").q(), Some(330));
        assert_eq!(read("<sip:u@h>;expires=60").expires(), Some(60));
        assert_eq!(read("<sip:u@h>;expires=1000000000000").expires(), None);
        for (text, q) in
            [("1", Some(1000)), ("1.000", Some(1000)), ("0.", Some(0)), ("1.1", None), ("2", None), ("0.1234", None)]
        {
            assert_eq!(parse_q(text), q, "{text}");
        }
    }
}

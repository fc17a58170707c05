//! Parameters: `;name`, `;name=value`, `;name="quoted value"` behind a header value or inside a URI.

use std::borrow::Cow;
use std::fmt;

use memchr::memchr;

use super::grammar;
use crate::limits;

/// The parameters of one value, as received, read when asked for. Names compare without case (RFC 3261 §7.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parameters<'a> {
    /// Empty, or from the first `;` on.
    text: &'a str,
}

/// One parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// The name as received.
    pub name: &'a str,
    /// The value as received, with its quotes; `None` for a parameter without `=`.
    pub value: Option<&'a str>,
}

impl<'a> Parameters<'a> {
    /// Parameters whose text was checked by [`scan`] or by the URI parser.
    pub(super) fn of_checked(text: &'a str) -> Parameters<'a> {
        Parameters { text }
    }

    /// Reads text that is nothing but parameters: empty, or starting with `;`.
    pub fn parse(text: &'a str) -> Option<Parameters<'a>> {
        let text = text.trim();
        (scan(text.as_bytes(), 0)? == text.len()).then_some(Parameters { text })
    }

    /// The text from the first `;` on, as received.
    pub fn as_str(self) -> &'a str {
        self.text
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.text.is_empty()
    }

    /// All of them in order.
    pub fn iter(self) -> ParameterIter<'a> {
        ParameterIter { rest: self.text }
    }

    /// The first parameter of that name.
    pub fn find(self, name: &str) -> Option<Parameter<'a>> {
        self.iter().find(|parameter| parameter.name.eq_ignore_ascii_case(name))
    }

    /// The value of the first parameter of that name as received, with quotes if it came with them. A parameter
    /// without a value reads as `""`.
    pub fn get(self, name: &str) -> Option<&'a str> {
        self.find(name).map(|parameter| parameter.value.unwrap_or_default())
    }

    /// Whether there is a parameter of that name.
    pub fn has(self, name: &str) -> bool {
        self.find(name).is_some()
    }
}

impl<'a> IntoIterator for Parameters<'a> {
    type Item = Parameter<'a>;
    type IntoIter = ParameterIter<'a>;

    fn into_iter(self) -> ParameterIter<'a> {
        self.iter()
    }
}

impl fmt::Display for Parameters<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text)
    }
}

impl<'a> Parameter<'a> {
    /// The value without quotes and with its quoted pairs resolved.
    pub fn unquoted(&self) -> Cow<'a, str> {
        unquote(self.value.unwrap_or_default())
    }
}

/// Iterates over [`Parameters`].
#[derive(Clone, Debug)]
pub struct ParameterIter<'a> {
    rest: &'a str,
}

impl<'a> Iterator for ParameterIter<'a> {
    type Item = Parameter<'a>;

    fn next(&mut self) -> Option<Parameter<'a>> {
        let octets = self.rest.as_bytes();
        let start = memchr(b';', octets)? + 1;
        let mut at = start;
        let mut equals = None;
        while at < octets.len() && octets[at] != b';' {
            match octets[at] {
                b'"' => {
                    at = grammar::skip_quoted(octets, at).unwrap_or(octets.len());
                    continue;
                }
                b'=' if equals.is_none() => equals = Some(at),
                _ => {}
            }
            at += 1;
        }
        let at = at.min(octets.len());
        let parameter = match equals {
            Some(equals) => Parameter {
                name: self.rest.get(start..equals)?.trim_ascii(),
                value: Some(self.rest.get(equals + 1..at)?.trim_ascii()),
            },
            None => Parameter { name: self.rest.get(start..at)?.trim_ascii(), value: None },
        };
        self.rest = self.rest.get(at..)?;
        Some(parameter)
    }
}

/// Reads header parameters at `at` (`*(SEMI generic-param)`, white space allowed around `;` and `=`) and returns
/// where they end: at the end of the value, at a comma, or at whatever does not belong to them. `None` if a parameter
/// is broken: no name, an open quote, or too many of them.
pub(super) fn scan(value: &[u8], start: usize) -> Option<usize> {
    scan_each(value, start, |_, _| ())
}

/// The same; `each` is told where the name and the value of each parameter lie, the value with its quotes, and empty where there is none.
#[inline]
pub(super) fn scan_each(value: &[u8], start: usize, mut each: impl FnMut(&[u8], Place)) -> Option<usize> {
    let mut end = start;
    let mut count = 0;
    loop {
        let at = grammar::skip_space(value, end);
        if value.get(at) != Some(&b';') {
            return Some(if at == value.len() || value[at] == b',' { at } else { end });
        }
        count += 1;
        if count > limits::PARAMETERS_MAX {
            return None;
        }
        let name = grammar::skip_space(value, at + 1);
        end = grammar::skip_token(value, name);
        if end == name {
            return None;
        }
        let named = &value[name..end];
        let mut place = (end as u16, end as u16);
        let equals = grammar::skip_space(value, end);
        if value.get(equals) == Some(&b'=') {
            let first = grammar::skip_space(value, equals + 1);
            end = match value.get(first) {
                Some(b'"') => grammar::skip_quoted(value, first)?,
                _ => grammar::skip_value(value, first),
            };
            place = (first as u16, end as u16);
        }
        each(named, place);
    }
}

/// Where something lies in a value that is shorter than 64 KiB.
pub(super) type Place = (u16, u16);

/// A token (or media type, or number) followed by parameters: Content-Type, Event, Subscription-State,
/// Session-Expires, Reason, Content-Disposition, Replaces and the like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameterized<'a> {
    /// What stands before the first `;`.
    pub value: &'a str,
    /// What follows.
    pub parameters: Parameters<'a>,
}

impl<'a> Parameterized<'a> {
    /// Reads one value. `None` if it is empty, has white space inside, or its parameters are broken.
    pub fn parse(value: &'a [u8]) -> Option<Parameterized<'a>> {
        let value = grammar::trim(value);
        let end = value.iter().position(|&octet| octet == b';').unwrap_or(value.len());
        let name = grammar::trim(&value[..end]);
        if name.is_empty() || name.iter().any(|octet| octet.is_ascii_whitespace() && *octet != b' ') {
            return None;
        }
        if scan(value, end)? != value.len() {
            return None;
        }
        Some(Parameterized {
            value: std::str::from_utf8(name).ok()?,
            parameters: Parameters::of_checked(std::str::from_utf8(&value[end..]).ok()?),
        })
    }

    /// Whether the value is that one, without case.
    pub fn is(&self, value: &str) -> bool {
        self.value.eq_ignore_ascii_case(value)
    }
}

/// Text without surrounding quotes, its quoted pairs resolved; text without quotes as it is.
pub fn unquote(text: &str) -> Cow<'_, str> {
    let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return Cow::Borrowed(text);
    };
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut plain = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => plain.extend(characters.next()),
            _ => plain.push(character),
        }
    }
    Cow::Owned(plain)
}

/// A quoted string of the text: `"` and `\` escaped; CR, LF and NUL, which cannot be sent, become spaces.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(character);
            }
            '\r' | '\n' | '\0' => quoted.push(' '),
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_with_space_and_quotes() {
        let parameters = Parameters::parse(r#" ; newparam =newvalue ;secondparam ;q = 0.33;x="a;b\"=" "#).unwrap();
        let read: Vec<_> = parameters.iter().map(|parameter| (parameter.name, parameter.value)).collect();
        assert_eq!(
            read,
            [("newparam", Some("newvalue")), ("secondparam", None), ("q", Some("0.33")), ("x", Some(r#""a;b\"=""#))]
        );
        assert_eq!(parameters.get("SecondParam"), Some(""));
        assert_eq!(parameters.find("x").unwrap().unquoted(), r#"a;b"="#);
    }

    #[test]
    fn broken_parameters_are_refused() {
        for text in [";;", ";=x", ";a=\"open", "a=b", ";a b"] {
            assert_eq!(Parameters::parse(text), None, "{text}");
        }
        let many = ";a".repeat(limits::PARAMETERS_MAX + 1);
        assert_eq!(Parameters::parse(&many), None);
    }

    #[test]
    fn quoting_comes_back() {
        for text in ["plain", "a \"b\" \\c", "\u{20ac}"] {
            assert_eq!(unquote(&quote(text)), text);
        }
        assert_eq!(quote("a\r\nb"), "\"a  b\"");
    }
}

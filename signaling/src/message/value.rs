//! What a header line's value is written from, without the formatting machinery where it is not needed: a call writes some hundred
//! values, and a `write!` costs as much as the rest of a line.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::net::IpAddr;

use super::cseq::CSeq;
use super::identifier::{Branch, CallId, Tag};
use super::method::Method;
use super::status::StatusCode;
use super::uri::{Uri, UriRef};

/// A value, or a part of one: text, a figure, an identifier, a URI; several in a tuple stand one behind the other.
pub trait Value {
    /// Appends it. CR, LF and NUL become spaces, so that no value can end its line.
    fn put(&self, buffer: &mut Vec<u8>);
}

/// The value as a text of its own.
pub fn written(value: impl Value) -> String {
    let mut buffer = Vec::with_capacity(64);
    value.put(&mut buffer);
    // Values are made of texts and figures.
    String::from_utf8(buffer).unwrap_or_default()
}

/// Writes what is displayed, with CR, LF and NUL replaced.
struct OneLine<'a>(&'a mut Vec<u8>);

impl fmt::Write for OneLine<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        put_line(self.0, text.as_bytes());
        Ok(())
    }
}

/// Text, with CR, LF and NUL replaced.
pub(super) fn put_line(buffer: &mut Vec<u8>, mut text: &[u8]) {
    // Most parts are a few characters, which are looked at before a search over vectors has begun.
    if text.len() <= SHORT && !text.iter().any(|octet| matches!(octet, b'\r' | b'\n' | 0)) {
        buffer.extend_from_slice(text);
        return;
    }
    while let Some(at) = memchr::memchr3(b'\r', b'\n', 0, text) {
        buffer.extend_from_slice(&text[..at]);
        buffer.push(b' ');
        text = &text[at + 1..];
    }
    buffer.extend_from_slice(text);
}

impl<T: Value + ToOwned + ?Sized> Value for Cow<'_, T> {
    fn put(&self, buffer: &mut Vec<u8>) {
        (**self).put(buffer);
    }
}

impl<T: Value + ?Sized> Value for &T {
    fn put(&self, buffer: &mut Vec<u8>) {
        (**self).put(buffer);
    }
}

impl Value for str {
    fn put(&self, buffer: &mut Vec<u8>) {
        put_line(buffer, self.as_bytes());
    }
}

impl Value for fmt::Arguments<'_> {
    fn put(&self, buffer: &mut Vec<u8>) {
        // Display of our own types does not fail; one that does leaves a short value, not a broken line.
        let _ = OneLine(buffer).write_fmt(*self);
    }
}

impl Value for StatusCode {
    fn put(&self, buffer: &mut Vec<u8>) {
        self.code().put(buffer);
    }
}

impl Value for CSeq {
    fn put(&self, buffer: &mut Vec<u8>) {
        (self.number, " ", &self.method).put(buffer);
    }
}

/// An address as it stands in Via parameters and SDP: without brackets.
impl Value for IpAddr {
    fn put(&self, buffer: &mut Vec<u8>) {
        match self {
            IpAddr::V4(address) => {
                let [a, b, c, d] = address.octets();
                (a, ".", b, ".", c, ".", d).put(buffer);
            }
            IpAddr::V6(address) => format_args!("{address}").put(buffer),
        }
    }
}

/// Up to how many octets a text is looked at one by one.
const SHORT: usize = 16;

macro_rules! text {
    ($($kind:ty),*) => {$(
        impl Value for $kind {
            fn put(&self, buffer: &mut Vec<u8>) {
                let text: &str = self.as_ref();
                text.put(buffer);
            }
        }
    )*};
}

text!(String, Box<str>);

macro_rules! known {
    ($($kind:ty),*) => {$(
        impl Value for $kind {
            fn put(&self, buffer: &mut Vec<u8>) {
                // Of characters that end no line, as their types promise.
                buffer.extend_from_slice(self.as_str().as_bytes());
            }
        }
    )*};
}

known!(Method, Uri, UriRef<'_>, CallId, Tag, Branch);

macro_rules! figure {
    ($($kind:ty),*) => {$(
        impl Value for $kind {
            fn put(&self, buffer: &mut Vec<u8>) {
                buffer.extend_from_slice(itoa::Buffer::new().format(*self).as_bytes());
            }
        }
    )*};
}

figure!(u8, u16, u32, u64, usize);

impl<T: Value> Value for Option<T> {
    fn put(&self, buffer: &mut Vec<u8>) {
        if let Some(value) = self {
            value.put(buffer);
        }
    }
}

macro_rules! parts {
    ($($part:ident)*) => {
        impl<$($part: Value),*> Value for ($($part,)*) {
            fn put(&self, buffer: &mut Vec<u8>) {
                #[expect(non_snake_case, reason = "a part is named by its type")]
                let ($($part,)*) = self;
                $($part.put(buffer);)*
            }
        }
    };
}

parts!(A B);
parts!(A B C);
parts!(A B C D);
parts!(A B C D E);
parts!(A B C D E F);
parts!(A B C D E F G);
parts!(A B C D E F G H);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_they_are_displayed() {
        for figure in [0, 7, 10, 255, 65_535, u64::MAX] {
            assert_eq!(written(figure), figure.to_string());
        }
        for address in ["0.0.0.0", "192.0.2.10", "255.255.255.255", "2001:db8::1"] {
            assert_eq!(written(address.parse::<IpAddr>().unwrap()), address);
        }
        let cseq = CSeq { number: 4_294_967_295, method: Method::Invite };
        assert_eq!(written(&cseq), cseq.to_string());
        assert_eq!(
            written(("<sip:a@h>", ";tag=", &Tag::of_random(1), format_args!(";x={}", 2))),
            "<sip:a@h>;tag=0000000000000001;x=2"
        );
    }

    #[test]
    fn no_part_ends_its_line() {
        assert_eq!(written(("a\r\nb", format_args!("{}", "c\0\n"), "d".to_owned())), "a  bc  d");
    }
}

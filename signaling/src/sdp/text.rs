//! A piece of a session description, byte for byte as it came.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;

use crate::message::Value;

/// A byte-string of RFC 8866 §9: anything but NUL, CR and LF, mostly UTF-8 but not promised to be (`a=charset`).
///
/// The only ways to make one check its bytes, so writing a `Text` can never start another line. A clone shares the
/// bytes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Text(Bytes);

impl Text {
    /// The text of these bytes, or `None` if one of them is NUL, CR or LF.
    pub fn new(bytes: impl Into<Bytes>) -> Option<Text> {
        let bytes = bytes.into();
        (!bytes.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n'))).then_some(Text(bytes))
    }

    /// The text of a literal of ours.
    ///
    /// # Panics
    /// When evaluated at compile time or in a test with a NUL, CR or LF in the literal; every caller passes a constant.
    pub const fn literal(text: &'static str) -> Text {
        let bytes = text.as_bytes();
        let mut index = 0;
        while index < bytes.len() {
            assert!(!matches!(bytes[index], 0 | b'\r' | b'\n'), "a literal holds no line end");
            index += 1;
        }
        Text(Bytes::from_static(bytes))
    }

    /// The text of a figure.
    pub fn number(number: u64) -> Text {
        Text(Bytes::copy_from_slice(itoa::Buffer::new().format(number).as_bytes()))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text, where it is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// Whether it is this text, letter case aside (tokens of SDP are compared so by the RFCs that register them).
    pub fn is(&self, other: &str) -> bool {
        self.0.eq_ignore_ascii_case(other.as_bytes())
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it is a token of RFC 8866 §9: at least one byte, and no separator but those that a token may hold.
    pub fn is_token(&self) -> bool {
        is_token(&self.0)
    }

    /// A whole description, line ends and all: only for the parser, which slices single lines of it and checks those.
    pub(super) fn unchecked(bytes: Bytes) -> Text {
        Text(bytes)
    }

    /// The part of this text that `part`, a slice of its bytes, covers. Shares the bytes.
    pub(crate) fn slice(&self, part: &[u8]) -> Text {
        Text(if part.is_empty() { Bytes::new() } else { self.0.slice_ref(part) })
    }
}

/// Texts that are written one behind the other and lie in one piece of memory, as a description of ours has a dozen short ones.
#[derive(Default)]
pub(super) struct Texts(Vec<u8>);

impl Texts {
    /// Room for the texts of a usual section.
    pub(super) fn new() -> Texts {
        Texts(Vec::with_capacity(256))
    }

    /// Writes one. Where it lies.
    pub(super) fn put(&mut self, value: impl Value) -> Range<usize> {
        let start = self.0.len();
        value.put(&mut self.0);
        start..self.0.len()
    }

    /// They are all written.
    pub(super) fn finish(self) -> WrittenTexts {
        WrittenTexts(self.0.into())
    }
}

/// Texts that are written.
pub(super) struct WrittenTexts(Bytes);

impl WrittenTexts {
    /// One of them, or `None` if there is a NUL, CR or LF in it.
    pub(super) fn get(&self, place: Range<usize>) -> Option<Text> {
        Text::new(self.0.slice(place))
    }
}

/// `token-char` of RFC 8866 §9.
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| TOKEN[usize::from(*byte)])
}

/// Which octets a token may hold.
const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 0x80 {
        table[byte as usize] =
            matches!(byte, 0x21 | 0x23..=0x27 | 0x2a | 0x2b | 0x2d | 0x2e | 0x30..=0x39 | 0x41..=0x5a | 0x5e..=0x7e);
        byte += 1;
    }
    table
};

/// The unsigned decimal of these bytes: digits only, no sign, no overflow.
pub(crate) fn decimal<N: TryFrom<u64>>(bytes: &[u8]) -> Option<N> {
    if bytes.is_empty() || bytes.len() > 20 {
        return None;
    }
    let digit = |number: u64, byte: &u8| {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 { number.checked_mul(10)?.checked_add(digit.into()) } else { None }
    };
    bytes.iter().try_fold(0, digit).and_then(|number| N::try_from(number).ok())
}

/// The words of a line: what single spaces part by RFC 8866; runs of blanks and blanks at the end, which phones do
/// send, are passed over.
pub(crate) fn words(bytes: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    bytes.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty())
}

impl fmt::Debug for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"{}\"", self.0.escape_ascii())
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_end_cannot_be_smuggled_in() {
        assert!(Text::new("a\r\nm=audio").is_none());
        assert!(Text::new("a\0").is_none());
        assert!(Text::new(vec![0xff, 0x20]).is_some());
    }

    #[test]
    fn decimals_are_digits_that_fit() {
        assert_eq!(decimal::<u16>(b"65535"), Some(65_535));
        assert_eq!(decimal::<u16>(b"65536"), None);
        assert_eq!(decimal::<u64>(b"+1"), None);
        assert_eq!(decimal::<u64>(b""), None);
        assert_eq!(decimal::<u64>(b"18446744073709551616"), None);
        assert_eq!(decimal::<u8>(b"007"), Some(7));
    }
}

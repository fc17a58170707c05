//! Text of a few octets.

use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};
use smol_str::SmolStr;
use std::fmt;
use std::ops::Deref;

/// Text that is mostly shorter than 24 octets and passed on often, such as the name of a codec: kept in place up to 23
/// octets, shared beyond, so that a clone allocates nothing. Encoded as text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ShortText(SmolStr);

impl ShortText {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for ShortText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for ShortText {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for ShortText {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl PartialEq<str> for ShortText {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for ShortText {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl PartialEq<String> for ShortText {
    fn eq(&self, other: &String) -> bool {
        self.0 == other.as_str()
    }
}

impl PartialEq<ShortText> for String {
    fn eq(&self, other: &ShortText) -> bool {
        self.as_str() == other.as_str()
    }
}

impl fmt::Debug for ShortText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for ShortText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

impl<C> Encode<C> for ShortText {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        e.str(self)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for ShortText {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        Ok(Self::from(d.str()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_encoded_as_text() {
        let decode = |bytes: &[u8]| Decoder::new(bytes).decode::<ShortText>();
        for text in ["", "PCMU", "telephone-event and whatever else comes"] {
            let encoded = minicbor::to_vec(ShortText::from(text)).unwrap();
            assert_eq!(encoded, minicbor::to_vec(text).unwrap());
            assert_eq!(decode(&encoded).unwrap(), text);
        }
        assert!(decode(&[0x43, b'a', b'b', b'c']).is_err(), "octets are no text");
        assert!(decode(&[0x7f, 0x61, b'a', 0xff]).is_err(), "nor is text in pieces");
    }
}

//! Call-ID, tag and branch as owned values: the keys of dialogs and transactions. Cheap to clone.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use super::grammar;
use super::via::MAGIC_COOKIE;
use crate::limits::IDENTIFIER_OCTETS_MAX;

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The identifier, if the text is one and not longer than [`IDENTIFIER_OCTETS_MAX`].
            pub fn new(text: &str) -> Option<Self> {
                let check: fn(&[u8]) -> bool = $check;
                (text.len() <= IDENTIFIER_OCTETS_MAX && check(text.as_bytes())).then(|| Self(Arc::from(text)))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

identifier! {
    /// A Call-ID (RFC 3261 §20.8). Compared octet by octet.
    CallId, grammar::is_call_id
}

identifier! {
    /// A From or To tag (RFC 3261 §19.3).
    Tag, |text| grammar::token(text).is_some()
}

identifier! {
    /// The branch of a Via (RFC 3261 §8.1.1.7).
    Branch, |text| grammar::token(text).is_some()
}

impl CallId {
    /// A Call-ID of 128 random bits.
    pub fn of_random(bits: u128) -> CallId {
        CallId(hexadecimal(&bits.to_be_bytes(), &mut [0; 32]).into())
    }
}

impl Tag {
    /// A tag of 64 random bits; RFC 3261 §19.3 asks for 32 at least.
    pub fn of_random(bits: u64) -> Tag {
        Tag(hexadecimal(&bits.to_be_bytes(), &mut [0; 16]).into())
    }
}

impl Branch {
    /// A branch of 128 random bits behind the magic cookie.
    pub fn of_random(bits: u128) -> Branch {
        const COOKIE_OCTETS: usize = MAGIC_COOKIE.len();
        let mut text = [0; COOKIE_OCTETS + 32];
        let (cookie, digits) = text.split_at_mut(COOKIE_OCTETS);
        cookie.copy_from_slice(MAGIC_COOKIE.as_bytes());
        hexadecimal(&bits.to_be_bytes(), digits);
        // Seven characters of a literal and digits.
        Branch(std::str::from_utf8(&text).unwrap_or_default().into())
    }
}

/// The digits of these octets, two for each.
fn hexadecimal<'t>(octets: &[u8], text: &'t mut [u8]) -> &'t str {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    for (octet, pair) in octets.iter().zip(text.chunks_exact_mut(2)) {
        pair.copy_from_slice(&[DIGITS[usize::from(octet >> 4)], DIGITS[usize::from(octet & 15)]]);
    }
    std::str::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_checked() {
        assert!(CallId::new("f81d4fae@foo.bar.com").is_some());
        assert_eq!(CallId::new("a b"), None);
        assert_eq!(Tag::new(""), None);
        assert_eq!(Tag::new("a;b"), None);
        assert_eq!(Tag::new(&"a".repeat(IDENTIFIER_OCTETS_MAX + 1)), None);
        assert!(Branch::of_random(1).as_str().starts_with(MAGIC_COOKIE));
        assert_eq!(Tag::of_random(255).as_str(), "00000000000000ff");
        assert_eq!(CallId::of_random(0x1f << 120).as_str(), format!("1f{:030}", 0));
        assert_eq!(Branch::of_random(0xabc).as_str(), format!("{MAGIC_COOKIE}{:032x}", 0xabc));
    }
}

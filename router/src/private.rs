//! What a log must not show: numbers, addresses, secrets.

use crate::short_text::ShortText;
use minicbor::{Decode, Encode};
use std::fmt;

/// Wraps a value whose `Debug` and `Display` show only that it is there. [`Private::reveal`] is a visible decision.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Encode, Decode)]
#[cbor(transparent)]
pub struct Private<T>(#[n(0)] T);

impl<T> Private<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for the wire, the record and whoever may see it; never for a log.
    pub const fn reveal(&self) -> &T {
        &self.0
    }

    /// The value itself, owned.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> From<T> for Private<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl From<String> for Private<ShortText> {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl<T> fmt::Debug for Private<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(private)")
    }
}

impl<T> fmt::Display for Private<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(private)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_value_does_not_show() {
        let number = Private::new("+4930123456");
        assert_eq!(format!("{number} {number:?}"), "(private) (private)");
        assert_eq!(*number.reveal(), "+4930123456");
    }
}

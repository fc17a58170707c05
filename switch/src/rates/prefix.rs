//! The beginning of a number, in one word.

use std::fmt;

/// At most so many digits are compared: E.164 numbers have 15 (E.164 §6.2.1).
const DIGITS: u32 = 16;

/// Bits of a digit.
const BITS: u32 = 4;

/// The first digits of a number, each as one more than it is, so that a prefix comes just before the numbers that it covers:
/// `4` < `49` < `490` < `5`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix(u64);

impl Prefix {
    /// What every number begins with.
    pub const EMPTY: Self = Self(0);

    /// Of a text that has only digits, after a `+` that it may begin with; `None`: it has something else, or more than 16.
    pub fn new(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('+').unwrap_or(text);
        let fits = digits.len() <= DIGITS as usize && digits.bytes().all(|digit| digit.is_ascii_digit());
        fits.then(|| Self::of_number(digits))
    }

    /// The digits that a number begins with, after a `+` that it may have.
    #[inline]
    pub fn of_number(number: &str) -> Self {
        let digits = number.strip_prefix('+').unwrap_or(number).bytes();
        let digits = digits.take(DIGITS as usize).take_while(u8::is_ascii_digit);
        let mut at = u64::BITS;
        Self(digits.fold(0, |word, digit| {
            at -= BITS;
            word | u64::from(digit - b'0' + 1) << at
        }))
    }

    /// How many digits it has.
    #[inline]
    pub const fn digits(self) -> u32 {
        DIGITS - self.0.trailing_zeros() / BITS
    }

    /// Whether a number begins with it.
    #[inline]
    pub const fn covers(self, number: Self) -> bool {
        let mask = match u64::MAX.checked_shl(BITS * (DIGITS - self.digits())) {
            Some(mask) => mask,
            None => 0,
        };
        (self.0 ^ number.0) & mask == 0
    }

    /// The first four digits, as an index below 2^16.
    #[inline]
    pub(super) const fn directory(self) -> usize {
        (self.0 >> (u64::BITS - 4 * BITS)) as usize
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (0..self.digits()).try_for_each(|index| {
            let digit = self.0 >> (u64::BITS - BITS * (index + 1)) & 0xf;
            write!(f, "{}", digit.saturating_sub(1))
        })
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prefix({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        Prefix::new(text).unwrap()
    }

    #[test]
    fn a_prefix_stands_just_before_what_it_covers() {
        let sorted = ["", "0", "00", "4", "49", "490", "4930", "499", "5", "9999999999999999"];
        assert!(sorted.windows(2).all(|pair| prefix(pair[0]) < prefix(pair[1])));
        for (text, number, covered) in [
            ("", "4930", true),
            ("", "", true),
            ("49", "4930", true),
            ("49", "49", true),
            ("4930", "49", false),
            ("0", "", false),
            ("1234567890123456", "1234567890123456", true),
            ("1234567890123456", "1234567890123457", false),
        ] {
            assert_eq!(prefix(text).covers(prefix(number)), covered, "{text} {number}");
        }
    }

    #[test]
    fn numbers_are_taken_as_far_as_they_are_digits() {
        assert_eq!(Prefix::of_number("+4930123"), prefix("4930123"));
        assert_eq!(Prefix::of_number("4930;npdi"), prefix("4930"));
        assert_eq!(Prefix::of_number("alice"), Prefix::EMPTY);
        assert_eq!(Prefix::of_number("12345678901234567890"), prefix("1234567890123456"));
        assert_eq!((prefix("").digits(), prefix("0").digits(), prefix("1234567890123456").digits()), (0, 1, 16));
        assert_eq!(prefix("+0049").to_string(), "0049");
        assert!(Prefix::new("49a").is_none() && Prefix::new("49 30").is_none() && Prefix::new("++4").is_none());
        assert!(Prefix::new("12345678901234567").is_none());
    }
}

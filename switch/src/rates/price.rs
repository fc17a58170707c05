//! What a minute costs.

use std::fmt;

/// A price a minute, in millionths of a unit of whatever currency the table is in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Price(u32);

const UNIT: u32 = 1_000_000;

impl Price {
    /// Of so many millionths.
    pub const fn from_millionths(millionths: u32) -> Self {
        Self(millionths)
    }

    /// In millionths.
    pub const fn as_millionths(self) -> u32 {
        self.0
    }

    /// Of a decimal such as `0.0123`: six places at most behind the point, less than 4294.967296. `None`: it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        let fraction = fraction.trim_end_matches('0');
        if !is_number(whole) || !(fraction.is_empty() || is_number(fraction)) || fraction.len() > 6 {
            return None;
        }
        let mut millionths: u32 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
        for _ in fraction.len()..6 {
            millionths = millionths.checked_mul(10)?;
        }
        let whole: u32 = whole.parse().ok()?;
        whole.checked_mul(UNIT)?.checked_add(millionths).map(Self)
    }
}

impl fmt::Display for Price {
    /// With the places that it has, one at least: `0.0123`, `2.0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = format!("{:06}", self.0 % UNIT);
        let places = fraction.trim_end_matches('0');
        write!(f, "{}.{}", self.0 / UNIT, if places.is_empty() { "0" } else { places })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_decimals() {
        for (text, millionths, shown) in [
            ("0", 0, "0.0"),
            ("0.0123", 12_300, "0.0123"),
            ("2", 2_000_000, "2.0"),
            ("4294.967295", u32::MAX, "4294.967295"),
            ("0.1000000000", 100_000, "0.1"),
            ("1.000000", 1_000_000, "1.0"),
            ("007.5", 7_500_000, "7.5"),
        ] {
            let price = Price::parse(text).unwrap();
            assert_eq!((price.as_millionths(), price.to_string().as_str()), (millionths, shown), "{text}");
        }
        for text in ["", ".", ".5", "-1", "+1", "1,5", "1e3", "0.0000001", "4294.967296", "99999999999", "0x1", " 1"] {
            assert_eq!(Price::parse(text), None, "{text}");
        }
    }
}

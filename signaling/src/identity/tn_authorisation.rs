//! The numbers that a certificate is for (RFC 8226 §9): an extension that lists providers, ranges and single numbers.

/// The identifier of the extension: id-pe-TNAuthList, 1.3.6.1.5.5.7.1.26.
pub(super) const OID: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 26];

/// Entries that are read: a certificate for a customer has a few, and one for a provider its code.
const ENTRIES_MAX: usize = 1_024;

/// Which numbers a certificate is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Numbers {
    /// It names a provider: it is for whatever numbers that one has, which nobody here can know.
    of_provider: bool,
    /// The first number and how many follow it, itself counted.
    ranges: Vec<(String, u64)>,
}

impl Numbers {
    /// The list that an extension's value is. `None`: it is none.
    pub(super) fn read(value: &[u8]) -> Option<Self> {
        let mut numbers = Self { of_provider: false, ranges: Vec::new() };
        let (mut entries, rest) = element(value, 0x30)?;
        if !rest.is_empty() || entries.is_empty() {
            return None;
        }
        for _ in 0..ENTRIES_MAX {
            let Some(&tag) = entries.first() else { return Some(numbers) };
            // RFC 8226 §9: its tags are explicit.
            let (entry, behind) = element(entries, tag)?;
            entries = behind;
            match tag {
                0xa0 => {
                    let (_code, _) = element(entry, 0x16)?;
                    numbers.of_provider = true;
                }
                0xa1 => {
                    let (range, _) = element(entry, 0x30)?;
                    let (start, rest) = element(range, 0x16)?;
                    let (count, _) = element(rest, 0x02)?;
                    numbers.ranges.push((number(start)?, unsigned(count)?));
                }
                0xa2 => {
                    let (one, _) = element(entry, 0x16)?;
                    numbers.ranges.push((number(one)?, 1));
                }
                // A later version's: it is not for what is not understood.
                _ => {}
            }
        }
        None
    }

    /// Whether it is for that number: digits of E.164.
    pub(super) fn covers(&self, wanted: &str) -> bool {
        self.of_provider || self.ranges.iter().any(|(first, count)| is_within(wanted, first, *count))
    }
}

fn is_within(wanted: &str, first: &str, count: u64) -> bool {
    let numbers = (wanted.parse::<u64>(), first.parse::<u64>());
    let (Ok(number), Ok(first_number)) = numbers else { return wanted == first };
    wanted.len() == first.len() && number >= first_number && number - first_number < count
}

fn number(octets: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(octets).ok()?;
    let plain = |octet: u8| octet.is_ascii_digit() || octet == b'*' || octet == b'#';
    (!text.is_empty() && text.len() <= 15 && text.bytes().all(plain)).then(|| text.to_owned())
}

fn unsigned(octets: &[u8]) -> Option<u64> {
    if octets.is_empty() || octets.len() > 8 || octets[0] & 0x80 != 0 {
        return None;
    }
    Some(octets.iter().fold(0, |sum, octet| sum << 8 | u64::from(*octet)))
}

/// The content of the first element, which has that tag, and what comes behind it (X.690 §8.1, its definite lengths).
fn element(octets: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = octets.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81 => {
            let (&length, rest) = rest.split_first()?;
            (usize::from(length), rest)
        }
        0x82 => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        _ => return None,
    };
    (found == tag).then(|| rest.split_at_checked(length)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut octets = vec![tag];
        match content.len() {
            length @ 0..=127 => octets.push(length as u8),
            length => octets.extend([&[0x82][..], &(length as u16).to_be_bytes()].concat()),
        }
        octets.extend_from_slice(content);
        octets
    }

    #[test]
    fn providers_ranges_and_single_numbers() {
        let one = |number: &str| der(0xa2, &der(0x16, number.as_bytes()));
        let range = |first: &str, count: &[u8]| {
            der(0xa1, &der(0x30, &[der(0x16, first.as_bytes()), der(0x02, count)].concat()))
        };
        let list = der(0x30, &[one("12155551212"), range("4930100", &[0x00, 0x96])].concat());
        let numbers = Numbers::read(&list).unwrap();
        for (number, covered) in [
            ("12155551212", true),
            ("12155551213", false),
            ("4930100", true),
            ("4930249", true),
            ("4930250", false),
            ("4930099", false),
            ("04930100", false),
            ("alice", false),
        ] {
            assert_eq!(numbers.covers(number), covered, "{number}");
        }
        let provider = Numbers::read(&der(0x30, &der(0xa0, &der(0x16, b"1234")))).unwrap();
        assert!(provider.covers("12155551212"));
        let later = Numbers::read(&der(0x30, &der(0xa3, b"x"))).unwrap();
        assert!(!later.covers("12155551212"), "it is for nobody that is known");
    }

    #[test]
    fn what_is_no_list_is_none() {
        for octets in [
            &b""[..],
            &[0x30, 0x00],
            &[0x30, 0x80, 0x00, 0x00],
            &[0x30, 0x02, 0xa0, 0x05],
            &[0x30, 0x05, 0xa2, 0x03, 0x16, 0x01, b'x'],
            &[0x31, 0x03, 0xa0, 0x01, 0x00],
            &[0x30, 0x04, 0xa0, 0x02, 0x16, 0x00, 0x05],
        ] {
            assert_eq!(Numbers::read(octets), None, "{octets:?}");
        }
        let many = der(0x30, &der(0xa0, &der(0x16, b"1")).repeat(ENTRIES_MAX + 1));
        assert_eq!(Numbers::read(&many), None);
    }
}

//! Base64 for URLs (RFC 4648 §5), without padding, as signed texts are written (RFC 7515 §2).

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Appends the text of these octets.
pub(super) fn encode(octets: &[u8], text: &mut String) {
    for chunk in octets.chunks(3) {
        let three = [chunk[0], chunk.get(1).copied().unwrap_or(0), chunk.get(2).copied().unwrap_or(0)];
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for place in 0..=chunk.len() {
            text.push(char::from(ALPHABET[(bits >> (18 - 6 * place) & 63) as usize]));
        }
    }
}

/// The octets of a text. `None`: it is none. Bits beyond the last octet are 0, so that no two texts are the same octets.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for chunk in text.as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for digit in chunk {
            bits = bits << 6 | value(*digit)?;
        }
        bits <<= 6 * (4 - chunk.len());
        let length = chunk.len().checked_sub(1).filter(|length| *length > 0)?;
        let [_, three @ ..] = bits.to_be_bytes();
        if three[length..].iter().any(|rest| *rest != 0) {
            return None;
        }
        octets.extend_from_slice(&three[..length]);
    }
    Some(octets)
}

fn value(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'-' => 62,
        b'_' => 63,
        _ => return None,
    };
    Some(value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_rfc_4648_section_10_without_padding() {
        for (octets, expected) in [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
            ("fooba", "Zm9vYmE"),
            ("foobar", "Zm9vYmFy"),
        ] {
            let mut text = String::new();
            encode(octets.as_bytes(), &mut text);
            assert_eq!(text, expected);
            assert_eq!(decode(&text).unwrap(), octets.as_bytes());
        }
        assert_eq!(decode("-_-_").unwrap(), [0xfb, 0xff, 0xbf]);
        for bad in ["Z", "Zg==", "Zh", "Zm9", "Zm9vY", "+/+/", "Zm 9", "é"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}

//! Base64 (RFC 4648 §4), as keys are written in.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends the text of these octets.
pub(super) fn encode(octets: &[u8], text: &mut Vec<u8>) {
    for chunk in octets.chunks(3) {
        let three = [chunk[0], chunk.get(1).copied().unwrap_or(0), chunk.get(2).copied().unwrap_or(0)];
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for place in 0..4 {
            let digit = ALPHABET[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= chunk.len() { digit } else { b'=' });
        }
    }
}

/// The octets of a text. Padding may be missing, as some phones leave it out; nothing else may. `None`: it is no base64, or of more than
/// `most` octets.
pub(super) fn decode(text: &[u8], most: usize) -> Option<Vec<u8>> {
    let padding = text.iter().rev().take_while(|octet| **octet == b'=').count();
    let digits = text.get(..text.len().checked_sub(padding)?)?;
    if padding > 2
        || digits.len() % 4 == 1
        || (padding > 0 && !text.len().is_multiple_of(4))
        || digits.len() > most.div_ceil(3) * 4
    {
        return None;
    }
    let mut octets = Vec::with_capacity(most);
    for chunk in digits.chunks(4) {
        let mut bits = 0_u32;
        for digit in chunk {
            bits = bits << 6 | ALPHABET.iter().position(|known| known == digit)? as u32;
        }
        bits <<= 6 * (4 - chunk.len());
        octets.extend_from_slice(bits.to_be_bytes().get(1..chunk.len())?);
    }
    (octets.len() <= most).then_some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_rfc_4648_section_10() {
        for (octets, expected) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")]
        {
            let mut text = Vec::new();
            encode(octets.as_bytes(), &mut text);
            assert_eq!(text, expected.as_bytes());
            assert_eq!(decode(&text, 6).unwrap(), octets.as_bytes());
            let bare = expected.trim_end_matches('=');
            assert_eq!(decode(bare.as_bytes(), 6).unwrap(), octets.as_bytes(), "without padding");
        }
        for bad in ["Z", "Zg=", "Zg===", "Z===", "Zm9v=", "Zm 9", "Zm9v====", "Zm9vYmFyYg==", "=", "Zm-_"] {
            assert_eq!(decode(bad.as_bytes(), 6), None, "{bad}");
        }
    }
}

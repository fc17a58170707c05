//! What a server says of itself by its nonce (RFC 8489 §9.2.1): nobody on the way can take it out, as requests are sealed with the nonce in them.

/// What a nonce begins with that says something: four letters of Base64 follow, of which the first bit is the one for algorithms of passwords (RFC 8489 §18.1).
const COOKIE: &[u8] = b"obMatJos2";

/// Whether who has made it lists algorithms.
pub fn lists_algorithms(nonce: &[u8]) -> bool {
    let features = nonce.strip_prefix(COOKIE).filter(|features| features.len() >= 4);
    matches!(features.and_then(<[u8]>::first), Some(b'g'..=b'z' | b'0'..=b'9' | b'+' | b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_says_whether_its_server_lists_algorithms() {
        for (nonce, lists) in [
            (&b"obMatJos2gAAArandom"[..], true),
            (b"obMatJos2wAAA", true),
            (b"obMatJos2QAAArandom", false),
            (b"obMatJos2AAAArandom", false),
            (b"obMatJos2gAA", false),
            (b"obMatJos2", false),
            (b"gAAA", false),
            (b"", false),
        ] {
            assert_eq!(lists_algorithms(nonce), lists, "{nonce:?}");
        }
    }
}

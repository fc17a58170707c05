//! Keys of media in a message that is told: whoever may read a call's messages may not listen to it.

/// The octets of a message with asterisks in the place of keys: of `a=crypto` what stands behind `inline:` (RFC 4568 §6.1), of `k=` all (RFC 8866 §5.12), of
/// `a=ice-pwd` the password, by which who has it would move the sound elsewhere (RFC 8839 §5.4). Its length stays, and with it what Content-Length says.
pub(super) fn hidden(octets: &[u8]) -> Vec<u8> {
    let mut message = octets.to_vec();
    for line in message.split_mut(|octet| matches!(octet, b'\r' | b'\n')) {
        let begins = |with: &[u8]| line.get(..with.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(with));
        if begins(b"a=crypto:") {
            hide_inline(line);
        } else if begins(b"k=") && !begins(b"k=prompt") {
            line.iter_mut().skip(2).for_each(|octet| *octet = b'*');
        } else if begins(PASSWORD) {
            line.iter_mut().skip(PASSWORD.len()).for_each(|octet| *octet = b'*');
        }
    }
    message
}

const PASSWORD: &[u8] = b"a=ice-pwd:";

/// Hides every key of a line: up to its lifetime, the next key or the next word.
fn hide_inline(line: &mut [u8]) {
    const METHOD: &[u8] = b"inline:";
    let mut place = 0;
    while let Some(rest) = line.get_mut(place..).filter(|rest| rest.len() >= METHOD.len()) {
        if rest[..METHOD.len()].eq_ignore_ascii_case(METHOD) {
            let key =
                rest.iter_mut().skip(METHOD.len()).take_while(|octet| !matches!(**octet, b'|' | b';' | b' ' | b'\t'));
            key.for_each(|octet| *octet = b'*');
        }
        place += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_hidden_and_nothing_else() {
        let message = "INVITE sip:b SIP/2.0\r\nk: timer\r\n\r\nv=0\r\nk=clear:secret\r\na=crypto:1 AES inline:c2VjcmV0|2^20|1:4;inline:bW9yZQ FEC=1\na=CRYPTO:2 AES INLINE:c2Vj\r\na=ice-pwd:secret\r\na=x:inline:shown\r\n";
        let expected = "INVITE sip:b SIP/2.0\r\nk: timer\r\n\r\nv=0\r\nk=************\r\na=crypto:1 AES inline:********|2^20|1:4;inline:****** FEC=1\na=CRYPTO:2 AES INLINE:****\r\na=ice-pwd:******\r\na=x:inline:shown\r\n";
        assert_eq!(String::from_utf8(hidden(message.as_bytes())).unwrap(), expected);
        let cut = b"a=crypto:1 AES inline:c2Vj";
        assert_eq!(hidden(cut), b"a=crypto:1 AES inline:****", "cut within a key");
        assert_eq!(hidden(b""), b"");
    }
}

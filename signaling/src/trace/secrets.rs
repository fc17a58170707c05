//! Secrets in a message that is told: whoever may read a call's messages may not listen to it, nor guess the passwords of who sent them.
//!
//! | where | what is hidden |
//! |---|---|
//! | `a=crypto` | what stands behind `inline:` (RFC 4568 §6.1) |
//! | `k=` | all (RFC 8866 §5.12) |
//! | `a=ice-pwd` | the password, by which who has it would move the sound elsewhere (RFC 8839 §5.4) |
//! | Authorization, Proxy-Authorization, Authentication-Info, Proxy-Authentication-Info | `response` and `rspauth`: with them a password is guessed by trying, without asking anybody (RFC 7616 §5.4, §5.8); of other schemes than Digest all |
//! | a URI of SIP | the password in it (RFC 3261 §19.1.1) |

/// The octets of a message with asterisks in the place of secrets. Its length stays, and with it what Content-Length says.
pub(super) fn hidden(octets: &[u8]) -> Vec<u8> {
    let mut message = octets.to_vec();
    // Of what kind the credentials are that a next line may continue (RFC 3261 §7.3.1); none is known before their scheme was.
    let mut credentials: Option<Option<Credentials>> = None;
    for line in message.split_mut(|octet| matches!(octet, b'\r' | b'\n')) {
        let Some(&first) = line.first() else { continue };
        hide_passwords(line);
        if matches!(first, b' ' | b'\t') {
            if let Some(kind) = &mut credentials {
                *kind = hide_credentials(line, *kind);
            }
            continue;
        }
        credentials = None;
        let begins = |with: &[u8]| line.get(..with.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(with));
        if begins(b"a=crypto:") {
            hide_inline(line);
        } else if begins(b"k=") && !begins(b"k=prompt") {
            line.iter_mut().skip(2).for_each(hide);
        } else if begins(ICE_PASSWORD) {
            line.iter_mut().skip(ICE_PASSWORD.len()).for_each(hide);
        } else if let Some(value) = credentials_in(line) {
            credentials = Some(hide_credentials(value, None));
        }
    }
    message
}

const ICE_PASSWORD: &[u8] = b"a=ice-pwd:";

fn hide(octet: &mut u8) {
    *octet = b'*';
}

/// What a header field of credentials holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Credentials {
    /// Parameters of Digest, or of what follows it.
    Digest,
    /// Of another scheme, whose credentials may be anything.
    Other,
}

impl Credentials {
    /// By the first word of its value. Authentication-Info has no scheme, and begins with a parameter.
    fn of(word: &[u8]) -> Self {
        if word.eq_ignore_ascii_case(b"digest") || word.contains(&b'=') { Self::Digest } else { Self::Other }
    }
}

/// The value of a header field that holds credentials.
fn credentials_in(line: &mut [u8]) -> Option<&mut [u8]> {
    const NAMES: [&[u8]; 4] =
        [b"authorization", b"proxy-authorization", b"authentication-info", b"proxy-authentication-info"];
    let colon = line.iter().position(|octet| *octet == b':')?;
    let name = line[..colon].trim_ascii_end();
    NAMES.iter().any(|known| name.eq_ignore_ascii_case(known)).then(|| &mut line[colon + 1..])
}

/// Hides what is secret of a line of credentials. `kind`: as the lines before it have it. What the next line goes on with.
fn hide_credentials(value: &mut [u8], kind: Option<Credentials>) -> Option<Credentials> {
    let is_blank = |octet: &u8| matches!(octet, b' ' | b'\t');
    let begin = value.iter().position(|octet| !is_blank(octet))?;
    let length = value[begin..].iter().position(is_blank).unwrap_or(value.len() - begin);
    let known = kind.unwrap_or_else(|| Credentials::of(&value[begin..begin + length]));
    match known {
        Credentials::Digest => {
            hide_parameter(value, b"response");
            hide_parameter(value, b"rspauth");
        }
        // The scheme is told.
        Credentials::Other => {
            let from = if kind.is_none() { begin + length + 1 } else { begin };
            value.iter_mut().skip(from).for_each(hide);
        }
    }
    Some(known)
}

/// Hides each value of a parameter of that name, quoted or not.
fn hide_parameter(value: &mut [u8], name: &[u8]) {
    let mut place = 0;
    while let Some(rest) = value.get(place..).filter(|rest| rest.len() > name.len()) {
        let begins = place == 0 || matches!(value[place - 1], b',' | b' ' | b'\t');
        if !begins || !rest[..name.len()].eq_ignore_ascii_case(name) {
            place += 1;
            continue;
        }
        place += name.len();
        let blank = |octet: &u8| matches!(octet, b' ' | b'\t');
        while value.get(place).is_some_and(blank) {
            place += 1;
        }
        if value.get(place) != Some(&b'=') {
            continue;
        }
        place += 1;
        while value.get(place).is_some_and(blank) {
            place += 1;
        }
        let is_quoted = value.get(place) == Some(&b'"');
        place += usize::from(is_quoted);
        let goes_on = |octet: u8| if is_quoted { octet != b'"' } else { !matches!(octet, b',' | b' ' | b'\t') };
        while let Some(octet) = value.get_mut(place).filter(|octet| goes_on(**octet)) {
            hide(octet);
            place += 1;
        }
    }
}

/// Hides the password of each URI of SIP: behind the colon of what stands before the @.
fn hide_passwords(line: &mut [u8]) {
    const SCHEME: &[u8] = b"sip";
    let mut place = 0;
    while let Some(rest) = line.get(place..).filter(|rest| rest.len() > SCHEME.len()) {
        place += 1;
        if !rest[..SCHEME.len()].eq_ignore_ascii_case(SCHEME) {
            continue;
        }
        let mut from = place - 1 + SCHEME.len();
        from += usize::from(line.get(from).is_some_and(|octet| octet.eq_ignore_ascii_case(&b's')));
        if line.get(from) != Some(&b':') {
            continue;
        }
        from += 1;
        let ends = |octet: &u8| matches!(octet, b'@' | b' ' | b'\t' | b'<' | b'>' | b'"' | b',');
        let length = line[from..].iter().position(ends).unwrap_or(line.len() - from);
        if line.get(from + length) == Some(&b'@')
            && let Some(colon) = line[from..from + length].iter().position(|octet| *octet == b':')
        {
            line[from + colon + 1..from + length].iter_mut().for_each(hide);
        }
        place = from + length;
    }
}

/// Hides every key of a line: up to its lifetime, the next key or the next word.
fn hide_inline(line: &mut [u8]) {
    const METHOD: &[u8] = b"inline:";
    let mut place = 0;
    while let Some(rest) = line.get_mut(place..).filter(|rest| rest.len() >= METHOD.len()) {
        if rest[..METHOD.len()].eq_ignore_ascii_case(METHOD) {
            let key =
                rest.iter_mut().skip(METHOD.len()).take_while(|octet| !matches!(**octet, b'|' | b';' | b' ' | b'\t'));
            key.for_each(hide);
        }
        place += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(message: &str) -> String {
        String::from_utf8(hidden(message.as_bytes())).unwrap()
    }

    #[test]
    fn keys_are_hidden_and_nothing_else() {
        let message = "INVITE sip:b SIP/2.0\r\nk: timer\r\n\r\nv=0\r\nk=clear:secret\r\na=crypto:1 AES inline:c2VjcmV0|2^20|1:4;inline:bW9yZQ FEC=1\na=CRYPTO:2 AES INLINE:c2Vj\r\na=ice-pwd:secret\r\na=x:inline:shown\r\n";
        let expected = "INVITE sip:b SIP/2.0\r\nk: timer\r\n\r\nv=0\r\nk=************\r\na=crypto:1 AES inline:********|2^20|1:4;inline:****** FEC=1\na=CRYPTO:2 AES INLINE:****\r\na=ice-pwd:******\r\na=x:inline:shown\r\n";
        assert_eq!(told(message), expected);
        assert_eq!(told("a=crypto:1 AES inline:c2Vj"), "a=crypto:1 AES inline:****", "cut within a key");
        assert_eq!(told(""), "");
    }

    #[test]
    fn what_a_password_could_be_guessed_by_is_hidden_and_what_tells_who_asked_is_not() {
        for (line, expected) in [
            (
                "Authorization: Digest username=\"alice\", realm=\"t\", nonce=\"n\", uri=\"sip:t\", response=\"0a1b\", nc=00000001, cnonce=\"c\"",
                "Authorization: Digest username=\"alice\", realm=\"t\", nonce=\"n\", uri=\"sip:t\", response=\"****\", nc=00000001, cnonce=\"c\"",
            ),
            (
                "PROXY-AUTHORIZATION : digest\tRESPONSE = \"0a\",response=0b,x=1",
                "PROXY-AUTHORIZATION : digest\tRESPONSE = \"**\",response=**,x=1",
            ),
            (
                "Authorization: Digest username=\"a\",\r\n response=\"0a1b\",\r\n\tnc=1\r\nSubject: response=\"shown\"",
                "Authorization: Digest username=\"a\",\r\n response=\"****\",\r\n\tnc=1\r\nSubject: response=\"shown\"",
            ),
            ("Authorization:\r\n Digest response=\"0a1b\"", "Authorization:\r\n Digest response=\"****\""),
            (
                "Authorization: Digest xresponse=\"shown\", response=\"0a1",
                "Authorization: Digest xresponse=\"shown\", response=\"***",
            ),
            ("Authorization: Basic YTpi", "Authorization: Basic ****"),
            ("Authorization: Bearer a b\r\n c d", "Authorization: Bearer ***\r\n ***"),
            ("Authorization: \r\n Basic YTpi", "Authorization: \r\n Basic ****"),
            (
                "Authentication-Info: nextnonce=\"n\", rspauth=\"0a\"",
                "Authentication-Info: nextnonce=\"n\", rspauth=\"**\"",
            ),
            ("Authentication-Info: rspauth=\"0a\", qop=auth", "Authentication-Info: rspauth=\"**\", qop=auth"),
            ("WWW-Authenticate: Digest realm=\"response=x\"", "WWW-Authenticate: Digest realm=\"response=x\""),
        ] {
            assert_eq!(told(&format!("{line}\r\n")), format!("{expected}\r\n"));
        }
    }

    #[test]
    fn the_password_of_a_uri_is_hidden_and_its_port_is_not() {
        for (line, expected) in [
            ("INVITE sip:alice:secret@h:5060;x=1 SIP/2.0", "INVITE sip:alice:******@h:5060;x=1 SIP/2.0"),
            ("To: \"a:b\" <SIPS:alice:s@h>, <sip:h:5060>", "To: \"a:b\" <SIPS:alice:*@h>, <sip:h:5060>"),
            ("Via: SIP/2.0/UDP h:5060;branch=x@y", "Via: SIP/2.0/UDP h:5060;branch=x@y"),
            ("Contact: <sip:a@h:5060>, <sip:b@h:5061>", "Contact: <sip:a@h:5060>, <sip:b@h:5061>"),
            ("sip:", "sip:"),
            ("sips", "sips"),
        ] {
            assert_eq!(told(line), expected);
        }
    }
}

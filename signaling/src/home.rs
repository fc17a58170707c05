//! Which shard a message is for, found in its octets before anything is parsed.
//!
//! A message is at home where its Call-ID is: a dialog, and every transaction of it, meets on one shard. A REGISTER and a PUBLISH
//! are at home where the user in their To is: all bindings of an address of record, and all that its phones publish, are on one shard
//! (RFC 3261 §10.3, RFC 3903 §6).

use crate::message::{Header, NameAddr};
use memchr::memchr;
use router::Shards;

/// The shard that serves a message; `None`: it does not say, and any shard refuses it.
pub fn home(shards: &Shards, message: &[u8]) -> Option<u8> {
    // Empty lines before the start line are passed over (RFC 3261 §7.5).
    let start = message.iter().position(|octet| !matches!(octet, b'\r' | b'\n'))?;
    let message = &message[start..];
    // The answer to a keep-alive of ours: its transaction was drawn so.
    if stun::is_stun(message) {
        let is_answer = message[0] == 1;
        return message.get(8..20).filter(|_| is_answer).map(|transaction| shards.home(transaction));
    }
    if message.starts_with(b"REGISTER ") || message.starts_with(b"PUBLISH ") {
        let to = value(message, Header::To, b"to", b't')?;
        let folded = memchr(b'\n', to).is_some();
        let unfolded: Vec<u8>;
        let to = if folded {
            unfolded = to.iter().map(|octet| if matches!(octet, b'\r' | b'\n') { b' ' } else { *octet }).collect();
            &unfolded
        } else {
            to
        };
        let user = NameAddr::parse(to)?.uri().user_decoded()?;
        return Some(shards.home(user.as_bytes()));
    }
    call_id(message).map(|call_id| shards.home(call_id))
}

/// The Call-ID of a message, as it is written.
fn call_id(message: &[u8]) -> Option<&[u8]> {
    value(message, Header::CallId, b"call-id", b'i').filter(|value| !value.is_empty())
}

/// The value of the first line of a header, with its continuations (RFC 3261 §7.3.1) and without the space around it.
/// `name` is the header's name in lower case, `compact` its one letter.
fn value<'a>(message: &'a [u8], header: Header, name: &[u8], compact: u8) -> Option<&'a [u8]> {
    let mut rest = &message[memchr(b'\n', message)? + 1..];
    let first = name.first().copied()?;
    loop {
        let end = memchr(b'\n', rest).unwrap_or(rest.len());
        let line = &rest[..end];
        let letter = line.first()?.to_ascii_lowercase();
        if line == b"\r" {
            return None; // the end of the head
        }
        if (letter == first || letter == compact)
            && let Some(colon) = memchr(b':', line)
            && Header::parse(line[..colon].trim_ascii_end()) == Some(header)
        {
            let mut until = end;
            while matches!(rest.get(until + 1), Some(b' ' | b'\t')) {
                until += 1 + memchr(b'\n', &rest[until + 1..]).unwrap_or(rest.len() - until - 1);
            }
            return Some(rest[colon + 1..until].trim_ascii());
        }
        rest = rest.get(end + 1..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;
    use bytes::Bytes;
    use router::Random;

    fn found(message: &str) -> Option<String> {
        call_id(message.as_bytes()).map(|value| String::from_utf8_lossy(value).into_owned())
    }

    #[test]
    fn the_call_id_is_found_however_it_is_written() {
        let line = "INVITE sip:a@h SIP/2.0";
        for (head, expected) in [
            ("Via: x\r\nCall-ID: one@h\r\n\r\n", Some("one@h")),
            ("i:one\r\n\r\n", Some("one")),
            ("I \t:  one \t\r\n\r\n", Some("one")),
            ("CALL-id:\r\n one\r\nTo: x\r\n\r\n", Some("one")),
            ("Subject: i\r\n i: two\r\nCall-ID: one\r\n\r\n", Some("one")),
            ("Call-ID: one\nTo: x\n\n", Some("one")),
            ("Call-ID: one", Some("one")),
            ("Call-ID: one\r\nCall-ID: two\r\n\r\n", Some("one")),
            ("Contact: <sip:a@h>\r\nCSeq: 1 INVITE\r\ni: one\r\n\r\n", Some("one")),
            ("Call-ID:\r\n\r\n", None),
            ("To: x\r\n\r\nCall-ID: body\r\n", None),
            ("To: x\n\nCall-ID: body\n", None),
            ("To: x", None),
            ("", None),
        ] {
            assert_eq!(found(&format!("{line}\r\n{head}")).as_deref(), expected, "{head:?}");
        }
        assert_eq!(found("INVITE"), None);
        assert_eq!(home(&Shards::default(), b"\r\n\r\n"), None);
    }

    #[test]
    fn a_register_is_at_home_with_its_user_and_others_with_their_call_id() {
        let shards = Shards::new(32, &mut Random::from_seed(1));
        let at = |text: String| home(&shards, text.as_bytes());
        let register = |to: &str, call_id: u8| {
            at(format!("REGISTER sip:h SIP/2.0\r\nCall-ID: {call_id}\r\nTo: {to}\r\nContact: <sip:t@h>\r\n\r\n"))
        };
        let alice = Some(shards.home(b"alice"));
        for (call_id, to) in [
            (1, "<sip:alice@h>"),
            (2, "\"A\" <sip:%61lice:secret@h;user=phone>;tag=1"),
            (3, "sip:alice@other"),
            (4, "\r\n \"A\"\r\n\t<sip:alice@h>"),
        ] {
            assert_eq!(register(to, call_id), alice, "{to}");
        }
        assert_eq!(register("<sip:h>", 1), None, "nobody is registered");
        assert_eq!(register("nonsense", 1), None);
        let response = at("\r\nSIP/2.0 200 OK\r\nTo: <sip:alice@h>\r\ni: one\r\n\r\n".to_owned());
        assert_eq!(response, Some(shards.home(b"one")));
    }

    /// What is found without parsing is what the parser finds, in whatever it accepts.
    #[test]
    fn the_parser_finds_the_same() {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/sip_message");
        let mut compared = 0;
        for file in std::fs::read_dir(corpus).unwrap() {
            let octets = std::fs::read(file.unwrap().path()).unwrap();
            let Ok(message) = Message::parse_datagram(Bytes::from(octets.clone())) else { continue };
            let start = octets.iter().position(|octet| !matches!(octet, b'\r' | b'\n')).unwrap();
            if let Ok(parsed) = message.call_id() {
                compared += 1;
                assert_eq!(call_id(&octets[start..]), Some(parsed.as_bytes()), "{}", octets.escape_ascii());
            }
            if message.method() == Some(&crate::message::Method::Register)
                && let Some(user) =
                    message.to().ok().and_then(|to| to.uri().user_decoded().map(|user| user.into_owned()))
            {
                let shards = Shards::new(32, &mut Random::from_seed(1));
                assert_eq!(home(&shards, &octets), Some(shards.home(user.as_bytes())), "{}", octets.escape_ascii());
            }
        }
        assert!(compared > 50, "{compared}");
    }
}

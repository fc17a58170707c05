//! Keys of who has an account at a server (long-term credentials, RFC 8489 §9.2.2): hashes of name, realm and password.

use crate::{Message, Writer};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use ring::{digest, hmac};
use std::fmt;

/// What a key is made by (RFC 8489 §18.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Algorithm {
    /// What all servers take; integrity is by SHA-1 then.
    Md5,
    /// What a server takes that says so; integrity is by SHA-256 then.
    Sha256,
}

impl Algorithm {
    /// The first that a server lists which we know. `None`: there is none.
    pub fn of_list(list: &[u8]) -> Option<Self> {
        let mut rest = list;
        while let [a, b, c, d, next @ ..] = rest {
            match u16::from_be_bytes([*a, *b]) {
                1 => return Some(Self::Md5),
                2 => return Some(Self::Sha256),
                _ => {}
            }
            let parameters = usize::from(u16::from_be_bytes([*c, *d])).next_multiple_of(4);
            rest = next.get(parameters..)?;
        }
        None
    }

    const fn number(self) -> u16 {
        match self {
            Self::Md5 => 1,
            Self::Sha256 => 2,
        }
    }
}

/// A key. Its `Debug` shows that it is there.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    octets: [u8; 32],
    algorithm: Algorithm,
    /// What the server listed, which each request repeats.
    list: Vec<u8>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?})", self.algorithm)
    }
}

impl Key {
    /// Of a name and its password in a realm; `list`: what the server lists, if it does. `None`: nothing that we know.
    pub fn new(name: &str, realm: &[u8], password: &str, list: Option<&[u8]>) -> Option<Self> {
        let algorithm = match list {
            Some(list) => Algorithm::of_list(list)?,
            None => Algorithm::Md5,
        };
        let mut octets = [0; 32];
        let text = [name.as_bytes(), b":", realm, b":", password.as_bytes()].concat();
        match algorithm {
            Algorithm::Md5 => octets[..16].copy_from_slice(&Md5::digest(&text)),
            Algorithm::Sha256 => octets.copy_from_slice(digest::digest(&digest::SHA256, &text).as_ref()),
        }
        Some(Self { octets, algorithm, list: list.unwrap_or_default().to_vec() })
    }

    fn octets(&self) -> &[u8] {
        match self.algorithm {
            Algorithm::Md5 => &self.octets[..16],
            Algorithm::Sha256 => &self.octets,
        }
    }

    /// Seals a message; what the server listed is repeated, and which of it we have taken.
    pub fn seal(&self, message: Writer) -> Writer {
        let message = match self.list.is_empty() {
            true => message,
            false => message.algorithms(&self.list).algorithm(self.algorithm.number()),
        };
        match self.algorithm {
            Algorithm::Md5 => message.integrity(self.octets()),
            Algorithm::Sha256 => message.long_integrity(self.octets()),
        }
    }

    /// Whether a message was written by who has it.
    pub fn has_sealed(&self, message: &Message<'_>) -> bool {
        match self.algorithm {
            Algorithm::Md5 => message.is_by(self.octets()),
            Algorithm::Sha256 => message.is_by_long(self.octets()),
        }
    }
}

/// The name and the password that a secret makes, which a server shares, good until so many seconds after 1970 (draft-uberti-behave-turn-rest-00 §2.2): the name
/// says until when, with `name` behind it where there is one, and the password is its HMAC-SHA1 in base64.
pub fn limited_account(secret: &str, name: &str, end_s: u64) -> (String, String) {
    let username = if name.is_empty() { end_s.to_string() } else { format!("{end_s}:{name}") };
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    let password = STANDARD.encode(hmac::sign(&key, username.as_bytes()));
    (username, password)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Class, Method, Usage};

    /// RFC 5769 §2.4: a request with long-term credentials.
    const REQUEST: &[u8] = b"\x00\x01\x00\x60\x21\x12\xa4\x42\x78\xad\x34\x33\xc6\xad\x72\xc0\x29\xda\x41\x2e\
        \x00\x06\x00\x12\xe3\x83\x9e\xe3\x83\x88\xe3\x83\xaa\xe3\x83\x83\xe3\x82\xaf\xe3\x82\xb9\x00\x00\
        \x00\x15\x00\x1cf//499k954d6OL34oL9FSTvy64sA\
        \x00\x14\x00\x0bexample.org\x00\
        \x00\x08\x00\x14\xf6\x70\x24\x65\x6d\xd6\x4a\x3e\x02\xb8\xe0\x71\x2e\x85\xc9\xa2\x8c\xa8\x96\x66";

    #[test]
    fn the_vector_of_rfc_5769() {
        let read = Message::parse(REQUEST, Usage::KeepAlive).unwrap();
        let name = "\u{30de}\u{30c8}\u{30ea}\u{30c3}\u{30af}\u{30b9}";
        let key = Key::new(name, b"example.org", "TheMatrIX", None).unwrap();
        assert!(key.has_sealed(&read));
        assert!(!Key::new(name, b"example.org", "TheMatrix", None).unwrap().has_sealed(&read));
    }

    /// The password as `openssl dgst -sha1 -hmac` has it.
    #[test]
    fn an_account_of_a_secret_is_the_hash_of_its_name() {
        let (username, password) = limited_account("north-of-the-river", "tandem", 1_700_000_000);
        assert_eq!((&*username, &*password), ("1700000000:tandem", "Lt+jSAYxgoJJR+x+FIIFrW9oD2Q="));
        assert_eq!(limited_account("north-of-the-river", "", 7).0, "7");
    }

    #[test]
    fn what_a_server_lists_decides_and_is_repeated() {
        let list = [0, 9, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0];
        assert_eq!(Algorithm::of_list(&list), Some(Algorithm::Sha256));
        for (list, wanted) in [
            (&[0, 1, 0, 0][..], Some(Algorithm::Md5)),
            (&[0, 3, 0, 0], None),
            (&[0, 3, 0xff, 0xff, 0, 1, 0, 0], None),
            (&[0, 1, 0], None),
            (&[], None),
        ] {
            assert_eq!(Algorithm::of_list(list), wanted, "{list:?}");
        }
        let key = Key::new("user", b"realm", "secret", Some(&list)).unwrap();
        assert!(!format!("{key:?}").contains("secret"));
        let message = Writer::of(Method::Refresh, Class::Request, &[1; 12]).account("user").challenge(b"realm", b"n");
        let message = key.seal(message).finish();
        let read = Message::parse(message.octets(), Usage::Relaying).unwrap();
        assert!(key.has_sealed(&read) && !read.is_by(b"") && read.unknown.is_empty());
        assert_eq!((read.relaying.algorithms, read.relaying.realm), (Some(&list[..]), Some(&b"realm"[..])));
        let mut touched = message.octets().to_vec();
        touched[30] ^= 1;
        assert!(Message::parse(&touched, Usage::Relaying).is_none(), "its fingerprint is wrong");
        assert!(!Key::new("user", b"realm", "other", Some(&list)).unwrap().has_sealed(&read));
        assert!(Key::new("user", b"realm", "secret", Some(&[0, 7, 0, 0])).is_none());
    }
}

//! Digest arithmetic of the phones' own (RFC 7616 §3.4), so that a fault of the server's is not its client's too.

use md5::Md5;
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// What a digest is computed over.
pub(crate) struct Inputs<'a> {
    pub(crate) algorithm: &'a str,
    pub(crate) user: &'a str,
    pub(crate) realm: &'a str,
    pub(crate) password: &'a str,
    pub(crate) method: &'a str,
    pub(crate) uri: &'a str,
    pub(crate) nonce: &'a str,
    /// `nc` and `cnonce`, where `qop=auth`.
    pub(crate) counted: Option<(&'a str, &'a str)>,
}

impl Inputs<'_> {
    /// The `response` field; `None` for an algorithm that is not known.
    pub(crate) fn response(&self) -> Option<String> {
        let hash: fn(&str) -> String = match self.algorithm {
            algorithm if algorithm.eq_ignore_ascii_case("MD5") => |text| hex(&Md5::digest(text)),
            algorithm if algorithm.eq_ignore_ascii_case("SHA-256") => |text| hex(&Sha256::digest(text)),
            _ => return None,
        };
        let secret = hash(&format!("{}:{}:{}", self.user, self.realm, self.password));
        let request = hash(&format!("{}:{}", self.method, self.uri));
        Some(match self.counted {
            Some((count, client)) => hash(&format!("{secret}:{}:{count}:{client}:auth:{request}", self.nonce)),
            None => hash(&format!("{secret}:{}:{request}", self.nonce)),
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7616 §3.9.1.
    #[test]
    fn the_rfc_s_example() {
        let inputs = |algorithm| Inputs {
            algorithm,
            user: "Mufasa",
            realm: "http-auth@example.org",
            password: "Circle of Life",
            method: "GET",
            uri: "/dir/index.html",
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            counted: Some(("00000001", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")),
        };
        assert_eq!(inputs("MD5").response().as_deref(), Some("8ca523f5e9506fed4657c9700eebdbec"));
        assert_eq!(
            inputs("SHA-256").response().as_deref(),
            Some("753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1")
        );
        assert_eq!(inputs("SHA-1").response(), None);
    }
}

//! The hash algorithms of RFC 8760 and the arithmetic of RFC 7616 §3.4.

use md5::{Digest, Md5};
use sha2::Sha256;
use std::fmt;
use subtle::ConstantTimeEq;

/// A hash algorithm that is offered and accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub enum Algorithm {
    /// `MD5` (RFC 1321), which every phone knows.
    Md5,
    /// `SHA-256` (FIPS 180-4).
    Sha256,
}

impl Algorithm {
    /// The token of the `algorithm` field.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    /// Reads the `algorithm` field; an absent one is MD5 (RFC 7616 §3.3). `None`: one that is not offered.
    pub fn of_field(field: Option<&str>) -> Option<Self> {
        match field {
            None => Some(Self::Md5),
            Some(name) if name.eq_ignore_ascii_case("MD5") => Some(Self::Md5),
            Some(name) if name.eq_ignore_ascii_case("SHA-256") => Some(Self::Sha256),
            Some(_) => None,
        }
    }

    /// The hash of the parts, one after another.
    pub fn hash(self, parts: &[&[u8]]) -> Hash {
        let mut bytes = [0; 32];
        match self {
            Self::Md5 => {
                let mut hasher = Md5::new();
                parts.iter().for_each(|part| hasher.update(part));
                bytes[..16].copy_from_slice(&hasher.finalize());
                Hash { bytes, length: 16 }
            }
            Self::Sha256 => {
                let mut hasher = Sha256::new();
                parts.iter().for_each(|part| hasher.update(part));
                bytes.copy_from_slice(&hasher.finalize());
                Hash { bytes, length: 32 }
            }
        }
    }

    /// `H(A1)` of a user (RFC 7616 §3.4.2, without `-sess`).
    pub fn secret(self, user: &str, realm: &str, password: &str) -> Hash {
        self.hash(&[user.as_bytes(), b":", realm.as_bytes(), b":", password.as_bytes()])
    }

    /// The `response` to a challenge (RFC 7616 §3.4.1) from `H(A1)`.
    pub fn response(self, secret: &Hash, method: &str, uri: &str, nonce: &str, qop: Option<Qop<'_>>) -> Hash {
        let request = self.hash(&[method.as_bytes(), b":", uri.as_bytes()]);
        let (secret, request) = (secret.hex(), request.hex());
        match qop {
            None => self.hash(&[secret.as_bytes(), b":", nonce.as_bytes(), b":", request.as_bytes()]),
            Some(Qop { count, client_nonce }) => self.hash(&[
                secret.as_bytes(),
                b":",
                nonce.as_bytes(),
                b":",
                count.as_bytes(),
                b":",
                client_nonce.as_bytes(),
                b":auth:",
                request.as_bytes(),
            ]),
        }
    }
}

/// What `qop=auth` adds to a response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Qop<'a> {
    /// `nc`: eight hexadecimal digits.
    pub count: &'a str,
    /// `cnonce`.
    pub client_nonce: &'a str,
}

/// A hash of either length. Its `Debug` does not show it.
#[derive(Clone, Copy)]
pub struct Hash {
    bytes: [u8; 32],
    length: u8,
}

impl Hash {
    /// An MD5 hash.
    pub fn md5(bytes: [u8; 16]) -> Self {
        let mut all = [0; 32];
        all[..16].copy_from_slice(&bytes);
        Self { bytes: all, length: 16 }
    }

    /// A SHA-256 hash.
    pub const fn sha256(bytes: [u8; 32]) -> Self {
        Self { bytes, length: 32 }
    }

    /// Its octets: 16 or 32.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// In lower-case hexadecimal digits.
    pub fn hex(&self) -> Hex {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut digits = [b'0'; 64];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(self.as_bytes()) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        Hex { digits, length: self.length * 2 }
    }

    /// Whether `given` is this hash in hexadecimal digits of either case, in a time that does not depend on where they
    /// differ.
    pub fn matches(&self, given: &str) -> bool {
        let expected = self.hex();
        if given.len() != expected.as_bytes().len() {
            return false;
        }
        let mut lower = [0; 64];
        for (to, from) in lower.iter_mut().zip(given.bytes()) {
            *to = from.to_ascii_lowercase();
        }
        lower[..given.len()].ct_eq(expected.as_bytes()).into()
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hash(private)")
    }
}

/// Hexadecimal digits on the stack.
#[derive(Clone, Copy)]
pub struct Hex {
    digits: [u8; 64],
    length: u8,
}

impl Hex {
    /// The digits.
    pub fn as_bytes(&self) -> &[u8] {
        &self.digits[..usize::from(self.length)]
    }
}

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|&digit| fmt::Write::write_char(f, char::from(digit)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7616 §3.9.1: both algorithms on one request.
    #[test]
    fn the_examples_of_rfc_7616() {
        let qop = Qop { count: "00000001", client_nonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ" };
        for (algorithm, expected) in [
            (Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
            (Algorithm::Sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ] {
            let secret = algorithm.secret("Mufasa", "http-auth@example.org", "Circle of Life");
            let nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
            let response = algorithm.response(&secret, "GET", "/dir/index.html", nonce, Some(qop));
            assert_eq!(response.hex().to_string(), expected);
            assert!(response.matches(&expected.to_ascii_uppercase()));
            assert!(!response.matches(&expected[1..]));
            assert!(!response.matches(&expected.replace('5', "6")));
        }
    }

    /// RFC 2069 §2.4 as corrected by its errata: a response without qop.
    #[test]
    fn a_response_without_qop() {
        let secret = Algorithm::Md5.secret("Mufasa", "testrealm@host.com", "CircleOfLife");
        let nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093";
        let response = Algorithm::Md5.response(&secret, "GET", "/dir/index.html", nonce, None);
        assert_eq!(response.hex().to_string(), "1949323746fe6a43ef61f9606e7febea");
    }

    #[test]
    fn a_hash_does_not_show() {
        assert_eq!(format!("{:?}", Algorithm::Md5.hash(&[b"x"])), "Hash(private)");
    }
}

//! The platform as one who signs calls (RFC 8224 §4.1, RFC 8588).

use super::passport::{Named, Passport, Ppt, SIGNATURE_OCTETS};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use router::parameter::Attestation;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// A key, and where its certificate is.
#[derive(Debug)]
pub struct Signer {
    key: EcdsaKeyPair,
    random: SystemRandom,
    x5u: String,
}

/// A call that is to be signed.
#[derive(Clone, Copy, Debug)]
pub struct Claims<'a> {
    /// Who calls: digits of E.164.
    pub orig: &'a str,
    /// Who is called: the same, or a service's number.
    pub dest: &'a str,
    /// How far we answer for `orig`.
    pub attestation: Attestation,
    /// On whose behalf: what is told of it is no name.
    pub origin: &'a str,
    /// What the name is made unrecognisable with.
    pub secret: &'a str,
    /// Seconds since 1970.
    pub now: i64,
}

impl Signer {
    /// `pem`: a private key of the curve P-256, as PKCS#8 (`BEGIN PRIVATE KEY`).
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(pem: &[u8], x5u: &str) -> Result<Self, String> {
        let key = match PrivateKeyDer::from_pem_slice(pem).map_err(|error| error.to_string())? {
            PrivateKeyDer::Pkcs8(key) => key,
            _ => return Err("is no PKCS#8: `openssl pkcs8 -topk8 -nocrypt` makes one".to_owned()),
        };
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.secret_pkcs8_der(), &random);
        let key = key.map_err(|_| "is no key of the curve P-256, which ES256 takes".to_owned())?;
        Ok(Self { key, random, x5u: x5u.to_owned() })
    }

    /// The value of Identity for a call. `None`: no signature could be made.
    pub fn sign(&self, claims: &Claims<'_>) -> Option<String> {
        self.signed(&Passport {
            ppt: Ppt::Shaken,
            x5u: self.x5u.clone(),
            orig: Named::Number(claims.orig.to_owned()),
            dest: vec![Named::Number(claims.dest.to_owned())],
            iat: claims.now,
            attestation: Some(claims.attestation),
            origid: Some(origid(claims.secret, claims.origin)),
            div: None,
        })
    }

    /// The value of Identity for a call that was sent on here (RFC 8946 §3): `orig` calls, `div` was called and sends it on to `dest`.
    pub fn sign_diversion(&self, orig: &str, div: &str, dest: &str, now: i64) -> Option<String> {
        self.signed(&Passport {
            ppt: Ppt::Div,
            x5u: self.x5u.clone(),
            orig: Named::Number(orig.to_owned()),
            dest: vec![Named::Number(dest.to_owned())],
            iat: now,
            attestation: None,
            origid: None,
            div: Some(Named::Number(div.to_owned())),
        })
    }

    fn signed(&self, passport: &Passport) -> Option<String> {
        let text = passport.text();
        let signature = self.key.sign(&self.random, text.as_bytes()).ok()?;
        let signature: [u8; SIGNATURE_OCTETS] = signature.as_ref().try_into().ok()?;
        Some(passport.value(&text, &signature))
    }
}

/// One for each account and trunk, the same in each life (RFC 8588 §5): a UUID of version 8 (RFC 9562 §5.8).
fn origid(secret: &str, origin: &str) -> String {
    let mut hash = Sha256::new();
    for part in [secret, "origid", origin] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut octets: [u8; 16] = std::array::from_fn(|_| 0);
    octets.copy_from_slice(&hash.finalize()[..16]);
    octets[6] = octets[6] & 0x0f | 0x80;
    octets[8] = octets[8] & 0x3f | 0x80;
    let mut uuid = String::with_capacity(36);
    for (place, octet) in octets.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            uuid.push('-');
        }
        let _ = write!(uuid, "{octet:02x}");
    }
    uuid
}

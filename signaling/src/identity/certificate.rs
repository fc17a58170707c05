//! Certificates of those who sign calls (RFC 8226): whose word counts is the operator's to say.

use super::tn_authorisation::{self, Numbers};
use crate::limits::{SIGNER_CHAIN_MAX, SIGNER_CHAIN_OCTETS_MAX};
use router::parameter::SignatureFault;
use router::time::WallTime;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, TrustAnchor, UnixTime};
use std::fmt;
use std::time::Duration;
use webpki::{
    CertRevocationList, EndEntityCert, KeyUsage, OwnedCertRevocationList, RevocationOptionsBuilder,
    UnknownStatusPolicy, anchor_from_trusted_cert,
};
use x509_parser::prelude::{FromDer, X509Certificate};

/// Those who answer for them.
#[derive(Default)]
pub struct Authorities {
    anchors: Vec<TrustAnchor<'static>>,
    revoked: Vec<CertRevocationList<'static>>,
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorities")
            .field("anchors", &self.anchors.len())
            .field("revoked", &self.revoked.len())
            .finish()
    }
}

impl Authorities {
    /// The certificates of a PEM text, and lists of what they have taken back.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn read(pem: &[u8], revoked: &[CertificateRevocationListDer<'static>]) -> Result<Self, String> {
        let mut anchors = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| error.to_string())?;
            let anchor = anchor_from_trusted_cert(&certificate).map_err(|error| error.to_string())?;
            anchors.push(anchor.to_owned());
        }
        if anchors.is_empty() {
            return Err("holds no certificate".to_owned());
        }
        let list = |list: &CertificateRevocationListDer<'_>| {
            OwnedCertRevocationList::from_der(list).map(CertRevocationList::Owned).map_err(|error| error.to_string())
        };
        Ok(Self { anchors, revoked: revoked.iter().map(list).collect::<Result<_, _>>()? })
    }
}

/// The certificate of somebody who signs, which one of the authorities answers for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignerCertificate {
    certificate: CertificateDer<'static>,
    /// `None`: it says nothing of numbers.
    numbers: Option<Numbers>,
    until: WallTime,
}

impl SignerCertificate {
    /// What a repository holds: a certificate, and those between it and an authority, in PEM, or itself alone (RFC 8226 §8).
    ///
    /// # Errors
    /// [`SignatureFault::NoCertificate`]: it is none. [`SignatureFault::Untrusted`]: none of the authorities answers for it, or it is not in force.
    pub fn read(octets: &[u8], authorities: &Authorities, now: WallTime) -> Result<Self, SignatureFault> {
        let chain = chain(octets).ok_or(SignatureFault::NoCertificate)?;
        let (first, between) = chain.split_first().ok_or(SignatureFault::NoCertificate)?;
        let end = EndEntityCert::try_from(first).map_err(|_| SignatureFault::NoCertificate)?;
        let seconds = u64::try_from(now.0 / 1_000_000).map_err(|_| SignatureFault::Untrusted)?;
        let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let revoked: Vec<_> = authorities.revoked.iter().collect();
        let revocation = RevocationOptionsBuilder::new(&revoked)
            .ok()
            .map(|builder| builder.with_status_policy(UnknownStatusPolicy::Allow).build());
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms.all;
        // They are for no use of TLS, and say none.
        let usage = KeyUsage::client_auth();
        end.verify_for_usage(algorithms, &authorities.anchors, between, now, usage, revocation, None)
            .map_err(|_| SignatureFault::Untrusted)?;
        let (_, parsed) = X509Certificate::from_der(first).map_err(|_| SignatureFault::NoCertificate)?;
        let list = parsed.extensions().iter().find(|one| {
            one.oid.iter().is_some_and(|mut arcs| {
                tn_authorisation::OID.iter().all(|arc| arcs.next() == Some(*arc)) && arcs.next().is_none()
            })
        });
        let numbers = match list {
            Some(list) => Some(Numbers::read(list.value).ok_or(SignatureFault::Untrusted)?),
            None => None,
        };
        let until = WallTime(parsed.validity().not_after.timestamp().saturating_mul(1_000_000));
        Ok(Self { certificate: first.clone(), numbers, until })
    }

    /// Until when it is in force.
    pub(crate) fn until(&self) -> WallTime {
        self.until
    }

    /// Whether it is for that number, digits of E.164: where it says nothing of numbers its authority answers for all.
    pub(super) fn covers(&self, number: &str) -> bool {
        self.numbers.as_ref().is_none_or(|numbers| numbers.covers(number))
    }

    /// Whether its owner has signed that text, by ES256 (RFC 7518 §3.4).
    pub(super) fn has_signed(&self, text: &str, signature: &[u8; 64]) -> bool {
        let Ok(end) = EndEntityCert::try_from(&self.certificate) else { return false };
        end.verify_signature(webpki::ring::ECDSA_P256_SHA256, text.as_bytes(), &in_der(signature)).is_ok()
    }
}

/// Two numbers of 32 octets as a sequence of integers (RFC 3279 §2.2.3).
fn in_der(signature: &[u8; 64]) -> Vec<u8> {
    let mut numbers = Vec::with_capacity(72);
    for number in signature.chunks(32) {
        let zeros = number.iter().take_while(|octet| **octet == 0).count().min(31);
        let number = &number[zeros..];
        let negative = number[0] & 0x80 != 0;
        numbers.extend([0x02, number.len() as u8 + u8::from(negative)]);
        numbers.extend(negative.then_some(0));
        numbers.extend_from_slice(number);
    }
    [&[0x30, numbers.len() as u8][..], &numbers].concat()
}

/// Certificates in PEM, or one in DER.
fn chain(octets: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    if octets.len() > SIGNER_CHAIN_OCTETS_MAX {
        return None;
    }
    if octets.first() == Some(&0x30) {
        return Some(vec![CertificateDer::from(octets.to_vec())]);
    }
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(octets).take(SIGNER_CHAIN_MAX + 1).collect();
    chain.ok().filter(|chain| chain.len() <= SIGNER_CHAIN_MAX)
}

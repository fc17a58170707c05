//! The cluster's authority: made once, signs a certificate for every platform.

use super::certificate::{is_name, private_key};
use super::{Certificate, ClusterError};
use crate::limits::{AUTHORITY_DAYS, CLOCK_SKEW_DAYS};
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use router::bridge::tls::platform_uri;
use router::time::{Duration, WallTime};
use router::{PlatformId, Private};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

/// A cluster's authority.
pub struct Authority {
    certificate: Certificate,
    pem: String,
    key: KeyPair,
}

/// What a platform is given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Issued {
    /// Its certificate, PEM.
    pub certificate: String,
    /// The private key to it, PEM (PKCS #8).
    pub key: Private<String>,
}

impl Authority {
    /// A new cluster.
    pub fn make(now: WallTime) -> Result<Self, ClusterError> {
        let key = KeyPair::generate().map_err(failed)?;
        // By its name an authority is told from others (RFC 5280 §6.1.3): a name that two had would make a stranger's certificate
        // look like a forged one.
        let mark = Sha256::digest(key.public_key_raw());
        let name = format!("Tandem cluster {:02x}{:02x}{:02x}{:02x}", mark[0], mark[1], mark[2], mark[3]);
        let mut parameters = parameters(now, now + days(AUTHORITY_DAYS), &name)?;
        // Its certificates are for platforms alone, never for authorities below it.
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = parameters.self_signed(&key).map_err(failed)?.pem();
        Self::with(pem, key)
    }

    /// The authority of a certificate and its key, as they lie in files.
    pub fn read(pem: String, key: &Private<String>) -> Result<Self, ClusterError> {
        private_key("the authority's key", key.reveal())?;
        let key =
            KeyPair::from_pem(key.reveal()).map_err(|error| ClusterError::malformed("the authority's key", error))?;
        Self::with(pem, key)
    }

    fn with(pem: String, key: KeyPair) -> Result<Self, ClusterError> {
        let certificate = Certificate::from_pem("the authority's certificate", &pem)?;
        if !certificate.authority {
            return Err(ClusterError::malformed("the authority's certificate", "is not an authority's"));
        }
        let (_, read) = x509_parser::parse_x509_certificate(&certificate.der)
            .map_err(|_| ClusterError::malformed("the authority's certificate", "is no certificate"))?;
        if read.public_key().subject_public_key.data != key.public_key_raw() {
            return Err(ClusterError::Mismatch("the authority's key is not that of its certificate".to_owned()));
        }
        Ok(Self { certificate, pem, key })
    }

    /// Its certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Its certificate, PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Its key, PEM.
    pub fn key(&self) -> Private<String> {
        Private::new(self.key.serialize_pem())
    }

    /// A key and a certificate for a platform, in force for `for_days`, yet not longer than the authority's own.
    pub fn issue(
        &self,
        now: WallTime,
        platform: PlatformId,
        name: &str,
        for_days: u32,
    ) -> Result<Issued, ClusterError> {
        if !platform.is_identity() {
            return Err(ClusterError::Invalid(format!("a platform has a number from 1 to {}", u32::MAX - 1)));
        }
        if !is_name(name) {
            let most = crate::limits::PLATFORM_NAME_BYTES;
            let why = format!("`{name}` is no name: 1 to {most} letters, digits, dots, hyphens and underscores");
            return Err(ClusterError::Invalid(why));
        }
        self.certificate.check("the authority's certificate", now)?;
        let end = (now + days(for_days)).min(self.certificate.end);
        let mut parameters = parameters(now, end, name)?;
        parameters.subject_alt_names = vec![SanType::URI(Ia5String::try_from(platform_uri(platform)).map_err(failed)?)];
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        // A platform is client of the links that it makes, and server of those that it takes.
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        parameters.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(failed)?;
        let issuer = Issuer::from_ca_cert_der(&self.certificate.der, &self.key).map_err(failed)?;
        let certificate = parameters.signed_by(&key, &issuer).map_err(failed)?.pem();
        Ok(Issued { certificate, key: Private::new(key.serialize_pem()) })
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

fn parameters(now: WallTime, end: WallTime, name: &str) -> Result<CertificateParams, ClusterError> {
    let mut parameters = CertificateParams::default();
    let begin = WallTime(now.0.saturating_sub(i64::from(CLOCK_SKEW_DAYS) * 86_400_000_000));
    parameters.not_before = moment(begin)?;
    parameters.not_after = moment(end)?;
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, name);
    Ok(parameters)
}

fn moment(at: WallTime) -> Result<OffsetDateTime, ClusterError> {
    OffsetDateTime::from_unix_timestamp(at.as_secs())
        .map_err(|error| ClusterError::Invalid(format!("this machine's clock: {error}")))
}

const fn days(count: u32) -> Duration {
    Duration::from_secs(count as u64 * 86_400)
}

/// The signing itself failed: no input of ours can make it.
fn failed(error: rcgen::Error) -> ClusterError {
    ClusterError::malformed("signing", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: WallTime = WallTime::from_secs(1_795_230_000);

    #[test]
    fn an_authority_reads_back_and_signs() {
        let made = Authority::make(NOW).unwrap();
        let read = Authority::read(made.pem().to_owned(), &made.key()).unwrap();
        assert_eq!(read.certificate(), made.certificate());
        let one = read.issue(NOW, PlatformId(1), "a", 30).unwrap();
        let two = read.issue(NOW, PlatformId(1), "a", 30).unwrap();
        assert_ne!(one.key.reveal(), two.key.reveal());
        assert!(!format!("{one:?} {read:?}").contains("PRIVATE KEY"));
    }

    #[test]
    fn a_foreign_key_and_a_platforms_certificate_are_no_authority() {
        let (one, other) = (Authority::make(NOW).unwrap(), Authority::make(NOW).unwrap());
        let error = Authority::read(one.pem().to_owned(), &other.key()).unwrap_err();
        assert!(matches!(error, ClusterError::Mismatch(_)), "{error}");
        let platform = one.issue(NOW, PlatformId(1), "a", 1).unwrap();
        assert!(Authority::read(platform.certificate, &platform.key).is_err());
        assert!(Authority::read(one.pem().to_owned(), &Private::new("x".to_owned())).is_err());
    }

    #[test]
    fn no_certificate_outlives_the_authority_and_none_is_signed_after_its_end() {
        let authority = Authority::make(NOW).unwrap();
        let late = authority.certificate().end;
        let before = WallTime(late.0 - 5 * 86_400_000_000);
        let issued = authority.issue(before, PlatformId(2), "b", 730).unwrap();
        assert_eq!(Certificate::from_pem("it", &issued.certificate).unwrap().end, late);
        let error = authority.issue(late, PlatformId(2), "b", 730).unwrap_err();
        assert!(error.to_string().contains("expired"), "{error}");
    }

    #[test]
    fn what_is_no_platform_gets_none() {
        let authority = Authority::make(NOW).unwrap();
        for (number, name) in [(0, "a"), (u32::MAX, "a"), (1, ""), (1, "a b"), (1, "ä")] {
            let error = authority.issue(NOW, PlatformId(number), name, 1).unwrap_err();
            assert!(matches!(error, ClusterError::Invalid(_)), "{error}");
        }
    }
}

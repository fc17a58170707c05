//! What a certificate says, and whether it is in force.

use super::ClusterError;
use router::PlatformId;
use router::time::WallTime;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

/// What stands before a platform's number in the URI that names it (RFC 5280 §4.2.1.6), as
/// [`platform_uri`](router::bridge::tls::platform_uri) writes it.
const URI: &str = "tandem:platform:";

/// A certificate that was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Certificate {
    /// The certificate itself.
    pub der: CertificateDer<'static>,
    /// Its subject's common name: a platform's name, or the authority's.
    pub name: String,
    /// The platform that it names; the authority's names none.
    pub platform: Option<PlatformId>,
    /// Whether it may sign others.
    pub authority: bool,
    /// From when it is in force.
    pub begin: WallTime,
    /// Until when.
    pub end: WallTime,
}

impl Certificate {
    /// Reads the one certificate of a PEM text (RFC 7468). `what` names it in the error.
    pub fn from_pem(what: &str, pem: &str) -> Result<Self, ClusterError> {
        let mut all = CertificateDer::pem_slice_iter(pem.as_bytes());
        let first = all.next().ok_or_else(|| ClusterError::malformed(what, "holds no certificate"))?;
        let der = first.map_err(|error| ClusterError::malformed(what, error))?;
        if all.next().is_some() {
            return Err(ClusterError::malformed(what, "holds more than one certificate"));
        }
        Self::from_der(what, der)
    }

    /// Reads a certificate.
    pub fn from_der(what: &str, der: CertificateDer<'static>) -> Result<Self, ClusterError> {
        let malformed = |why: &str| ClusterError::malformed(what, why);
        let (rest, read) = parse_x509_certificate(&der).map_err(|_| malformed("is no certificate"))?;
        if !rest.is_empty() {
            return Err(malformed("has something behind the certificate"));
        }
        let name = read.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
        let name = name.ok_or_else(|| malformed("has no common name"))?.to_owned();
        let constraints = read.basic_constraints().map_err(|_| malformed("has broken constraints"))?;
        let names = read.subject_alternative_name().map_err(|_| malformed("has broken alternative names"))?;
        let mut uris = names.iter().flat_map(|names| &names.value.general_names).filter_map(|name| match name {
            GeneralName::URI(uri) => uri.strip_prefix(URI),
            _ => None,
        });
        let platform = match (uris.next(), uris.next()) {
            (None, _) => None,
            (Some(number), None) => Some(platform_number(number).ok_or_else(|| malformed("names no platform"))?),
            (Some(_), Some(_)) => return Err(malformed("names more than one platform")),
        };
        let validity = read.validity();
        let begin = WallTime::from_secs(validity.not_before.timestamp());
        let end = WallTime::from_secs(validity.not_after.timestamp());
        let authority = constraints.is_some_and(|constraints| constraints.value.ca);
        drop(read);
        Ok(Self { der, name, platform, authority, begin, end })
    }

    /// Whether it is in force. `what` names it in the error.
    pub fn check(&self, what: &str, now: WallTime) -> Result<(), ClusterError> {
        let why = if now >= self.end && self.authority {
            format!("expired at {}: `tandem bridge init --replace` makes a new cluster", self.end)
        } else if now >= self.end {
            format!("expired at {}: `tandem bridge invite` on the authority's machine makes a new one", self.end)
        } else if now < self.begin {
            format!("is not in force before {}: one of the two machines' clocks is wrong", self.begin)
        } else {
            return Ok(());
        };
        Err(ClusterError::NotInForce { what: what.to_owned(), why })
    }

    /// Whole days that it stays in force; 0 once it is not.
    pub fn days_left(&self, now: WallTime) -> u64 {
        self.end.since(now).as_secs() / 86_400
    }

    /// SHA-256 of the whole certificate, in hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        Sha256::digest(&self.der).iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

/// A platform's number as the URI writes it: decimal, at least 1, without leading zeros; the highest one means "anywhere".
fn platform_number(text: &str) -> Option<PlatformId> {
    let platform = PlatformId(text.parse().ok()?);
    (platform.is_identity() && platform.0.to_string() == text).then_some(platform)
}

/// Whether a platform may have this name: it stands in certificates, metrics and tables.
pub fn is_name(name: &str) -> bool {
    (1..=crate::limits::PLATFORM_NAME_BYTES).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// The one private key of a PEM text.
pub(super) fn private_key(what: &str, pem: &str) -> Result<PrivateKeyDer<'static>, ClusterError> {
    PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|error| ClusterError::malformed(what, error))
}

#[cfg(test)]
mod tests {
    use super::super::Authority;
    use super::*;
    use router::time::Duration;

    const NOW: WallTime = WallTime::from_secs(1_795_230_000);

    #[test]
    fn a_certificate_tells_whose_it_is_and_how_long() {
        let authority = Authority::make(NOW).unwrap();
        let issued = authority.issue(NOW, PlatformId(7), "west-1", 30).unwrap();
        let read = Certificate::from_pem("it", &issued.certificate).unwrap();
        assert_eq!((read.platform, read.name.as_str(), read.authority), (Some(PlatformId(7)), "west-1", false));
        assert_eq!(router::bridge::tls::platform_of(&read.der), Some(PlatformId(7)), "as links read it");
        assert_eq!(read.days_left(NOW), 30);
        assert_eq!(read.fingerprint().len(), 64);
        let root = authority.certificate();
        assert_eq!((root.platform, root.authority), (None, true));
    }

    #[test]
    fn out_of_force_is_said_with_the_moment() {
        let authority = Authority::make(NOW).unwrap();
        let issued = authority.issue(NOW, PlatformId(1), "a", 1).unwrap();
        let read = Certificate::from_pem("it", &issued.certificate).unwrap();
        read.check("it", NOW).unwrap();
        // A peer whose clock is an hour behind takes a certificate that was made this minute.
        read.check("it", WallTime(NOW.0 - 3_600_000_000)).unwrap();
        let late = read.check("it", NOW + Duration::from_secs(86_401)).unwrap_err().to_string();
        assert!(late.starts_with("it: expired at 2026-"), "{late}");
        let early = read.check("it", WallTime(NOW.0 - 10 * 86_400_000_000)).unwrap_err().to_string();
        assert!(early.contains("clocks"), "{early}");
        assert_eq!(read.days_left(NOW + Duration::from_secs(999_999)), 0);
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        let authority = Authority::make(NOW).unwrap();
        let pem = authority.issue(NOW, PlatformId(1), "a", 1).unwrap().certificate;
        let cut = &pem[..pem.len() / 2];
        let doubled = format!("{pem}{pem}");
        let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for text in ["", "hello", cut, &doubled, garbage] {
            assert!(Certificate::from_pem("it", text).is_err(), "{text}");
        }
        let mut der = Certificate::from_pem("it", &pem).unwrap().der.to_vec();
        der.push(0);
        assert!(Certificate::from_der("it", der.into()).is_err(), "something behind it");
    }

    #[test]
    fn numbers_have_one_form() {
        for text in ["0", "01", "+1", "-1", "", "1 ", "4294967295", "4294967296", "x"] {
            assert_eq!(platform_number(text), None, "{text}");
        }
        assert_eq!(platform_number("4294967294"), Some(PlatformId(4_294_967_294)));
        assert!(is_name("west-1.a_b") && !is_name("") && !is_name("a b") && !is_name(&"x".repeat(65)));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            let _ = Certificate::from_der("it", bytes.into());
        }

        #[test]
        fn no_changed_certificate_panics(at in 0usize..10_000, to: u8) {
            let mut der = authority_der();
            let at = at % der.len();
            der[at] = to;
            let _ = Certificate::from_der("it", der.into());
        }
    }

    fn authority_der() -> Vec<u8> {
        use std::sync::OnceLock;
        static DER: OnceLock<Vec<u8>> = OnceLock::new();
        DER.get_or_init(|| {
            let issued = Authority::make(NOW).unwrap().issue(NOW, PlatformId(1), "a", 1).unwrap();
            Certificate::from_pem("it", &issued.certificate).unwrap().der.to_vec()
        })
        .clone()
    }
}

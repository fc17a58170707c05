//! Our certificate: made once, when the process starts, and shown to every peer; nobody knows it beforehand, nor longer than it runs.

use crate::limits::HANDSHAKE_FLIGHT;
use ring::digest;
use router::parameter::{Fingerprint, FingerprintHash};
use rtc_dtls::cipher_suite::CipherSuiteId;
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, HandshakeConfig};
use rtc_dtls::crypto::{Certificate, CryptoPrivateKey};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

/// Suites with forward secrecy and authenticated encryption. Peers have certificates of either kind: where we wait, ours decides, which is ECDSA's.
const SUITES: [CipherSuiteId; 4] = [
    CipherSuiteId::Tls_Ecdhe_Ecdsa_With_Aes_128_Gcm_Sha256,
    CipherSuiteId::Tls_Ecdhe_Rsa_With_Aes_128_Gcm_Sha256,
    CipherSuiteId::Tls_Ecdhe_Ecdsa_With_ChaCha20_Poly1305_Sha256,
    CipherSuiteId::Tls_Ecdhe_Rsa_With_ChaCha20_Poly1305_Sha256,
];

/// What we ask for, best first: as `SrtpSuite::ALL` has it, without those of a short tag.
const PROFILES: [SrtpProtectionProfile; 3] = [
    SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
    SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm,
    SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
];

/// A certificate with its key, and all that handshakes have in common.
pub struct Identity {
    fingerprint: Fingerprint,
    /// What the moment zero of our clock is taken for, by a library that has another one.
    pub(super) zero: Instant,
    pub(super) as_client: Arc<HandshakeConfig>,
    pub(super) as_server: Arc<HandshakeConfig>,
}

/// Its key does not show.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

/// Two are the same if their certificates are.
impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl Eq for Identity {}

/// A certificate could not be made: the system has no randomness.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IdentityError(String);

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no certificate for media could be made: {}", self.0)
    }
}

impl std::error::Error for IdentityError {}

impl IdentityError {
    fn of(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }
}

impl Identity {
    /// Makes a key (P-256) and signs a certificate with it, which costs some 0.1 ms. `zero`: any moment.
    ///
    /// # Errors
    /// See [`IdentityError`].
    pub fn generate(zero: Instant) -> Result<Self, IdentityError> {
        let provider = rtc_dtls::crypto_provider::default_provider().map_err(IdentityError::of)?;
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(IdentityError::of)?;
        let mut parameters = rcgen::CertificateParams::default();
        // Who it is of says the fingerprint; the name tells nobody anything.
        parameters.distinguished_name = rcgen::DistinguishedName::new();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, "media");
        let signed = parameters.self_signed(&key).map_err(IdentityError::of)?;
        let fingerprint = digest_of(FingerprintHash::Sha256, signed.der());
        let certificate = Certificate {
            certificate: vec![signed.der().to_owned()],
            private_key: CryptoPrivateKey::from_key_pair(&key, provider.crypto()).map_err(IdentityError::of)?,
        };
        let configured = |is_client| {
            let builder = ConfigBuilder::default()
                .with_crypto_provider(Arc::clone(&provider))
                .with_certificates(vec![certificate.clone()])
                .with_cipher_suites(SUITES.to_vec())
                .with_srtp_protection_profiles(PROFILES.to_vec())
                .with_client_auth(ClientAuthType::RequireAnyClientCert)
                .with_flight_interval(HANDSHAKE_FLIGHT)
                // No authority vouches for these certificates: the fingerprint does, which is checked before any key is used.
                .with_insecure_skip_verify(true)
                .with_server_name("media".to_owned());
            builder.build(is_client, None).map(Arc::new).map_err(IdentityError::of)
        };
        Ok(Self { fingerprint, zero, as_client: configured(true)?, as_server: configured(false)? })
    }

    /// What descriptions of ours say of it.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }
}

/// The fingerprint of a certificate, DER (RFC 8122 §5).
pub(super) fn digest_of(hash: FingerprintHash, certificate: &[u8]) -> Fingerprint {
    let algorithm = match hash {
        FingerprintHash::Sha256 => &digest::SHA256,
        FingerprintHash::Sha384 => &digest::SHA384,
        FingerprintHash::Sha512 => &digest::SHA512,
    };
    Fingerprint { hash, digest: digest::digest(algorithm, certificate).as_ref().to_vec() }
}

#[cfg(test)]
impl Identity {
    /// One for tests of the handshake.
    #[expect(clippy::disallowed_methods, reason = "any moment will do")]
    pub(super) fn for_a_test() -> Arc<Self> {
        Arc::new(Self::generate(Instant::now()).unwrap())
    }
}

//! TLS 1.3 with certificates at both ends (RFC 8446): whom a link trusts.
//!
//! A platform's certificate is signed by the authority of its cluster and names the platform by a URI among its alternative names
//! (RFC 5280 §4.2.1.6): `tandem:platform:7`. Host names and addresses are not looked at: a platform may move.

use super::identity::{Identity, common_name};
use crate::address::PlatformId;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, ring, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, ServerConfig, SignatureScheme, version,
};
use std::fmt;
use std::sync::Arc;

/// What stands before a platform's number in its certificate.
const URI_PREFIX: &str = "tandem:platform:";

/// What a certificate calls a platform.
pub fn platform_uri(platform: PlatformId) -> String {
    format!("{URI_PREFIX}{}", platform.0)
}

/// The platform that a certificate names; `None` if it names none, or more than one.
pub fn platform_of(certificate: &CertificateDer<'_>) -> Option<PlatformId> {
    let parsed = webpki::EndEntityCert::try_from(certificate).ok()?;
    let numbers = parsed.valid_uri_names().filter_map(|uri| uri.strip_prefix(URI_PREFIX));
    let mut platforms = numbers.map(|number| decimal(number).map(PlatformId));
    let platform = platforms.next()??;
    (platforms.next().is_none() && platform.is_identity()).then_some(platform)
}

/// The platform that a certificate names, with its name; `None` as for [`platform_of`].
pub fn identity_of(certificate: &CertificateDer<'_>) -> Option<Identity> {
    let platform = platform_of(certificate)?;
    let parsed = webpki::EndEntityCert::try_from(certificate).ok()?;
    Some(Identity { platform, name: common_name(parsed.subject()) })
}

/// A number in decimal as it is written: digits alone, the first of several no zero.
fn decimal(text: &str) -> Option<u32> {
    let number = text.parse().ok()?;
    (u32::to_string(&number) == text).then_some(number)
}

/// Both sides' configurations for links of one cluster.
#[derive(Clone, Debug)]
pub struct LinkTls {
    /// For connections that are dialled.
    pub client: Arc<ClientConfig>,
    /// For connections that are accepted.
    pub server: Arc<ServerConfig>,
}

impl LinkTls {
    /// Trusts what `authority` has signed; shows `chain` (this platform's certificate first) and proves it with `key`.
    pub fn new(
        authority: CertificateDer<'static>,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, Error> {
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(authority)?;
        let roots = Arc::new(roots);
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider))
            .build()
            .map_err(|error| Error::General(error.to_string()))?;
        let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&version::TLS13])?
            .with_client_cert_verifier(clients)
            .with_single_cert(chain.clone(), key.clone_key())?;
        // Every link is judged by the certificates of its own day: no session is resumed.
        server.send_tls13_tickets = 0;
        let mut client = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&version::TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(OfCluster { roots, provider }))
            .with_client_auth_cert(chain, key)?;
        client.resumption = Resumption::disabled();
        Ok(Self { client: Arc::new(client), server: Arc::new(server) })
    }
}

/// Accepts a server whose certificate the cluster's authority has signed and that names a platform, whatever its host.
struct OfCluster {
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl fmt::Debug for OfCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OfCluster")
    }
}

impl ServerCertVerifier for OfCluster {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&certificate, &self.roots, intermediates, now, algorithms)?;
        match platform_of(end_entity) {
            Some(_) => Ok(ServerCertVerified::assertion()),
            None => Err(Error::InvalidCertificate(CertificateError::NotValidForName)),
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.3 alone is spoken".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

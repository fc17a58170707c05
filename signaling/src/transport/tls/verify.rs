//! Whose certificates are believed.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};

use super::identity::is_for;

/// Who has signed, and what has been taken back of it.
#[derive(Clone, Debug)]
pub(super) struct Trust {
    pub(super) roots: Arc<RootCertStore>,
    /// Lists of certificates that their authorities have revoked (RFC 5280 §5). Of an authority without one, all are good.
    pub(super) revoked: Vec<CertificateRevocationListDer<'static>>,
    pub(super) provider: Arc<CryptoProvider>,
}

/// Whether a certificate is in force: an authority has signed it, its time has come and is not over, and it is not revoked. A list whose own time
/// is over counts still: a certificate that has been taken back is never good again.
#[derive(Debug)]
struct InForce(Arc<WebPkiServerVerifier>);

impl InForce {
    fn new(trust: &Trust) -> Result<InForce, Error> {
        let Trust { roots, revoked, provider } = trust;
        let builder = WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), Arc::clone(provider));
        let builder = builder.with_crls(revoked.iter().cloned()).allow_unknown_revocation_status();
        Ok(InForce(builder.build().map_err(general)?))
    }

    fn judge(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        // Whom it is for is another question. That is looked at last: one that is for nobody of that name is right in all else.
        let nobody = ServerName::try_from("nobody.invalid").map_err(general)?;
        match self.0.verify_server_cert(end_entity, intermediates, &nobody, &[], now) {
            Ok(_)
            | Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn general(error: impl std::fmt::Display) -> Error {
    Error::General(error.to_string())
}

/// Believes a server whose certificate an authority has signed and that is for the domain that was routed to (RFC 5922 §7.2,
/// §7.3): a name with an asterisk is for none.
#[derive(Debug)]
pub(super) struct OfDomain {
    in_force: InForce,
    provider: Arc<CryptoProvider>,
}

impl OfDomain {
    pub(super) fn new(trust: &Trust) -> Result<OfDomain, Error> {
        Ok(OfDomain { in_force: InForce::new(trust)?, provider: Arc::clone(&trust.provider) })
    }
}

impl ServerCertVerifier for OfDomain {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.in_force.judge(end_entity, intermediates, now)?;
        let is_it = match name {
            ServerName::DnsName(name) => is_for(end_entity, name.as_ref()),
            ServerName::IpAddress(address) => is_for(end_entity, &IpAddr::from(*address).to_string()),
            _ => false,
        };
        match is_it {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(Error::InvalidCertificate(CertificateError::NotValidForName)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
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

/// Believes a client whose certificate an authority has signed, for use as a client or as a server: a peer is both in SIP
/// (RFC 5922 §7.4), and public authorities issue for servers alone. What it is for is looked at by who asks whose it is.
#[derive(Debug)]
pub(super) struct OfAuthority {
    clients: Arc<dyn ClientCertVerifier>,
    in_force: InForce,
}

impl OfAuthority {
    /// `required`: who shows none is not served.
    pub(super) fn new(trust: &Trust, required: bool) -> Result<OfAuthority, Error> {
        let Trust { roots, revoked, provider } = trust;
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::clone(roots), Arc::clone(provider));
        let builder = builder.with_crls(revoked.iter().cloned()).allow_unknown_revocation_status();
        let builder = if required { builder } else { builder.allow_unauthenticated() };
        let (clients, in_force) = (builder.build().map_err(general)?, InForce::new(trust)?);
        Ok(OfAuthority { clients, in_force })
    }
}

impl ClientCertVerifier for OfAuthority {
    fn offer_client_auth(&self) -> bool {
        self.clients.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.clients.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.clients.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verdict = self.clients.verify_client_cert(end_entity, intermediates, now);
        let Err(Error::InvalidCertificate(
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. },
        )) = verdict
        else {
            return verdict;
        };
        self.in_force.judge(end_entity, intermediates, now).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.clients.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.clients.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.clients.supported_verify_schemes()
    }
}

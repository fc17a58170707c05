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

use webpki::{
    CertRevocationList, EndEntityCert, KeyUsage, OwnedCertRevocationList, RevocationOptionsBuilder, UnknownStatusPolicy,
};

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
/// is over counts still: a certificate that has been taken back is never good again. What it may be used for, if it says so, is servers, or SIP.
#[derive(Debug)]
struct InForce {
    servers: Arc<WebPkiServerVerifier>,
    roots: Arc<RootCertStore>,
    revoked: Vec<CertRevocationList<'static>>,
    provider: Arc<CryptoProvider>,
}

/// The purposes by which a certificate that is not for servers in general is one for SIP (RFC 5924 §4): `id-kp-sipDomain`, and any.
const PURPOSES: [&[u8]; 2] = [&[0x2b, 6, 1, 5, 5, 7, 3, 20], &[0x55, 0x1d, 0x25, 0]];

impl InForce {
    fn new(trust: &Trust) -> Result<InForce, Error> {
        let Trust { roots, revoked, provider } = trust;
        let builder = WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), Arc::clone(provider));
        let builder = builder.with_crls(revoked.iter().cloned()).allow_unknown_revocation_status();
        let list = |list: &CertificateRevocationListDer<'_>| {
            OwnedCertRevocationList::from_der(list).map(CertRevocationList::Owned).map_err(general)
        };
        Ok(InForce {
            servers: builder.build().map_err(general)?,
            roots: Arc::clone(roots),
            revoked: revoked.iter().map(list).collect::<Result<_, _>>()?,
            provider: Arc::clone(provider),
        })
    }

    fn judge(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        // Whom it is for is another question. That is looked at last: one that is for nobody of that name is right in all else.
        let nobody = ServerName::try_from("nobody.invalid").map_err(general)?;
        match self.servers.verify_server_cert(end_entity, intermediates, &nobody, &[], now) {
            Ok(_)
            | Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(()),
            Err(error) if is_purpose(&error) && self.is_for_sip(end_entity, intermediates, now) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The same of one whose purpose is SIP.
    fn is_for_sip(&self, end_entity: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>], now: UnixTime) -> bool {
        let Ok(certificate) = EndEntityCert::try_from(end_entity) else { return false };
        let algorithms = self.provider.signature_verification_algorithms.all;
        let revoked: Vec<_> = self.revoked.iter().collect();
        PURPOSES.into_iter().map(KeyUsage::required).any(|purpose| {
            let revocation = RevocationOptionsBuilder::new(&revoked)
                .ok()
                .map(|builder| builder.with_status_policy(UnknownStatusPolicy::Allow).build());
            let roots = &self.roots.roots;
            certificate.verify_for_usage(algorithms, roots, intermediates, now, purpose, revocation, None).is_ok()
        })
    }
}

/// Whether a certificate is right but for what it is to be used for.
fn is_purpose(error: &Error) -> bool {
    let Error::InvalidCertificate(fault) = error else { return false };
    matches!(fault, CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. })
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
        match verdict {
            Err(error) if is_purpose(&error) => {
                self.in_force.judge(end_entity, intermediates, now).map(|()| ClientCertVerified::assertion())
            }
            verdict => verdict,
        }
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

//! What handshakes go by: our certificates, whose clients are believed, and what each trunk is to prove and is shown.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName};
use rustls::server::NoServerSessionStorage;
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, Error, RootCertStore, ServerConfig, SupportedProtocolVersion};

use super::by_name::ByName;
use super::verify::{OfAuthority, OfDomain, Trust};

/// TLS 1.3 and 1.2 (RFC 8446, RFC 5246); older ones are broken (RFC 8996).
const VERSIONS: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];

/// A certificate, those that lead from it to its authority, and its key.
#[derive(Debug)]
pub struct Credentials {
    /// The certificate first.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its key.
    pub key: PrivateKeyDer<'static>,
}

impl Credentials {
    /// As handshakes use it.
    ///
    /// # Errors
    /// If there is no certificate, the key is none that is known, or not that of the certificate.
    pub fn certified(&self) -> Result<CertifiedKey, Error> {
        CertifiedKey::from_der(self.chain.clone(), self.key.clone_key(), &ring::default_provider())
    }
}

/// Whether who opens a connection shows a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClientCertificates {
    /// It is not asked for one.
    #[default]
    Never,
    /// It is asked, and served without one too.
    Offered,
    /// It is not served without one.
    Required,
}

/// What TLS with a trunk goes by.
#[derive(Debug)]
pub struct TrunkTls {
    /// The trunk's name.
    pub name: String,
    /// The SIP domain that its certificate is to be for: a name or an address.
    pub domain: String,
    /// By whose signature it is believed.
    pub authorities: Vec<CertificateDer<'static>>,
    /// What it is shown where it asks.
    pub credentials: Option<Credentials>,
}

/// What [`TlsConfig`] is made from.
#[derive(Debug, Default)]
pub struct TlsMaterial {
    /// Our certificates, the first for whom asks for none by name.
    pub certificates: Vec<Credentials>,
    /// By whose signature clients are believed; where there are none, no client is asked for a certificate.
    pub client_authorities: Vec<CertificateDer<'static>>,
    /// What authorities have taken back of what they signed (RFC 5280 §5), of clients and of trunks.
    pub revoked: Vec<CertificateRevocationListDer<'static>>,
    /// The trunks that connections are opened to.
    pub trunks: Vec<TrunkTls>,
}

/// Why there can be no handshakes with that material.
#[derive(Debug)]
pub struct TlsError {
    /// Whose it is.
    pub what: String,
    /// What TLS says of it.
    pub error: Error,
}

impl fmt::Display for TlsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.what, self.error)
    }
}

impl std::error::Error for TlsError {}

/// What handshakes go by. A connection keeps what it was made with.
#[derive(Clone, Debug, Default)]
pub struct TlsConfig {
    /// For connections that peers open, by [`ClientCertificates`].
    servers: [Option<Arc<ServerConfig>>; 3],
    /// For those that are opened from here, by the trunk's name.
    trunks: BTreeMap<Box<str>, TrunkClient>,
}

/// What a connection to a trunk is opened with.
#[derive(Clone, Debug)]
pub(super) struct TrunkClient {
    pub(super) config: Arc<ClientConfig>,
    /// Whom it is to lead to.
    pub(super) domain: ServerName<'static>,
}

impl TlsConfig {
    /// Makes it.
    ///
    /// # Errors
    /// The first that does not fit.
    pub fn new(material: &TlsMaterial) -> Result<TlsConfig, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let named = |what: &str| {
            let what = what.to_owned();
            move |error| TlsError { what, error }
        };
        let mut servers = [None, None, None];
        if !material.certificates.is_empty() {
            let mut keys = Vec::new();
            for credentials in &material.certificates {
                keys.push(Arc::new(credentials.certified().map_err(named("certificate"))?));
            }
            let by_name = Arc::new(ByName::new(keys));
            servers[ClientCertificates::Never as usize] =
                Some(without_clients(&by_name, &provider).map_err(named("certificate"))?);
            if !material.client_authorities.is_empty() {
                let trust = trust(&material.client_authorities, &material.revoked, &provider);
                let trust = trust.map_err(named("client authorities"))?;
                for (clients, required) in [(ClientCertificates::Offered, false), (ClientCertificates::Required, true)]
                {
                    let config = with_clients(&by_name, &trust, required);
                    servers[clients as usize] = Some(config.map_err(named("client authorities"))?);
                }
            }
        }
        let mut trunks = BTreeMap::new();
        for trunk in &material.trunks {
            let client =
                trunk_client(trunk, &material.revoked, &provider).map_err(named(&format!("trunk {}", trunk.name)))?;
            trunks.insert(trunk.name.as_str().into(), client);
        }
        Ok(TlsConfig { servers, trunks })
    }

    /// What connections that peers open go by; `None`: nothing to show them, or nothing to judge them by.
    pub(in super::super) fn server(&self, clients: ClientCertificates) -> Option<&Arc<ServerConfig>> {
        self.servers[clients as usize].as_ref()
    }

    /// What connections to a trunk go by.
    pub(super) fn trunk(&self, name: &str) -> Option<&TrunkClient> {
        self.trunks.get(name)
    }
}

fn trust(
    authorities: &[CertificateDer<'static>],
    revoked: &[CertificateRevocationListDer<'static>],
    provider: &Arc<CryptoProvider>,
) -> Result<Trust, Error> {
    Ok(Trust { roots: roots(authorities)?, revoked: revoked.to_vec(), provider: Arc::clone(provider) })
}

fn roots(authorities: &[CertificateDer<'static>]) -> Result<Arc<RootCertStore>, Error> {
    let mut roots = RootCertStore::empty();
    // A bundle of many holds some that nobody reads any more; without any, nobody is believed.
    let (added, _) = roots.add_parsable_certificates(authorities.iter().cloned());
    match added {
        0 => Err(Error::General("no certificate of an authority".to_owned())),
        _ => Ok(Arc::new(roots)),
    }
}

fn without_clients(by_name: &Arc<ByName>, provider: &Arc<CryptoProvider>) -> Result<Arc<ServerConfig>, Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(VERSIONS)?
        .with_no_client_auth()
        .with_cert_resolver(by_name.clone());
    // Who comes back resumes by what it was given, so that many who come back at once cost no signature each, and no memory
    // meanwhile. Another configuration has other keys.
    config.ticketer = ring::Ticketer::new()?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 1;
    Ok(Arc::new(config))
}

fn with_clients(by_name: &Arc<ByName>, trust: &Trust, required: bool) -> Result<Arc<ServerConfig>, Error> {
    let clients = OfAuthority::new(trust, required)?;
    let mut config = ServerConfig::builder_with_provider(Arc::clone(&trust.provider))
        .with_protocol_versions(VERSIONS)?
        .with_client_cert_verifier(Arc::new(clients))
        .with_cert_resolver(by_name.clone());
    // Each connection is judged by the certificates of its own day: none is resumed.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

fn trunk_client(
    trunk: &TrunkTls,
    revoked: &[CertificateRevocationListDer<'static>],
    provider: &Arc<CryptoProvider>,
) -> Result<TrunkClient, Error> {
    let verifier = OfDomain::new(&trust(&trunk.authorities, revoked, provider)?)?;
    let builder = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(VERSIONS)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let config = match &trunk.credentials {
        Some(shown) => {
            shown.certified()?;
            builder.with_client_auth_cert(shown.chain.clone(), shown.key.clone_key())?
        }
        None => builder.with_no_client_auth(),
    };
    let domain = ServerName::try_from(trunk.domain.clone())
        .map_err(|_| Error::General(format!("`{}` is no domain", trunk.domain)))?;
    Ok(TrunkClient { config: Arc::new(config), domain })
}

//! What calls are signed and verified with: read from the files that the configuration names, and shared by all shards.

use crate::certificates::{Fault, SYSTEM_AUTHORITIES};
use crate::configuration::load::{bounded, is_private};
use crate::configuration::model::Configuration;
use crate::configuration::value::Verify;
use crate::limits::AUTHORITIES_FILE_BYTES;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use rustls::{ClientConfig, RootCertStore};
use signaling::identity::{Authorities, Signer};
use std::path::Path;
use std::sync::Arc;

/// What is in force.
#[derive(Clone, Debug, Default)]
pub struct Signatures {
    /// Who signs our calls; `None`: nobody.
    pub signer: Option<Arc<Signer>>,
    /// Whose word counts for others'.
    pub authorities: Arc<Authorities>,
    /// What the authorities' files held: where that is the same, so are they, and what was verified by them stays.
    text: Arc<[Vec<u8>]>,
    /// How certificates are fetched; `None`: none are.
    pub web: Option<Arc<ClientConfig>>,
}

impl Signatures {
    /// Reads the files.
    ///
    /// # Errors
    /// All that is wrong: the path of the key, and how.
    pub fn read(configuration: &Configuration, former: &Self) -> Result<Self, Vec<Fault>> {
        let identity = &configuration.identity;
        let mut faults: Vec<Fault> = Vec::new();
        let mut note =
            |key: &str, file: &Path, why: String| faults.push((key.to_owned(), format!("{}: {why}", file.display())));
        let mut signatures =
            Self { authorities: Arc::clone(&former.authorities), text: Arc::clone(&former.text), ..Self::default() };
        if let (Some(file), Some(url)) = (&identity.key_file, &identity.certificate_url) {
            match signer(file, url) {
                Ok(signer) => signatures.signer = Some(Arc::new(signer)),
                Err(why) => note("identity.key_file", file, why),
            }
        }
        if let Some(file) = &identity.authorities {
            let mut text = Vec::new();
            for (key, file) in std::iter::once(("identity.authorities", file))
                .chain(identity.revoked.iter().map(|file| ("identity.revoked", file)))
            {
                match bounded(file, AUTHORITIES_FILE_BYTES) {
                    Ok(read) => text.push(read),
                    Err(error) => note(key, file, error.to_string()),
                }
            }
            if text.len() == 1 + identity.revoked.len() && *text != *former.text {
                match authorities(&text) {
                    Ok(read) => signatures.authorities = Arc::new(read),
                    Err(why) => note("identity.authorities", file, why),
                }
                signatures.text = text.into();
            }
        } else {
            (signatures.authorities, signatures.text) = Default::default();
        }
        if configuration.trunk.iter().any(|trunk| trunk.verify != Verify::Never) {
            let file = identity.web_authorities.as_deref().unwrap_or(Path::new(SYSTEM_AUTHORITIES));
            match web(file) {
                Ok(web) => signatures.web = Some(Arc::new(web)),
                Err(why) => note("identity.web_authorities", file, why),
            }
        }
        if faults.is_empty() { Ok(signatures) } else { Err(faults) }
    }
}

/// Its key is nobody else's to read.
fn signer(file: &Path, url: &str) -> Result<Signer, String> {
    is_private(file)?;
    let pem = bounded(file, AUTHORITIES_FILE_BYTES).map_err(|error| error.to_string())?;
    Signer::new(&pem, url)
}

/// The first text is that of certificates, the others of lists of what they have taken back.
fn authorities(texts: &[Vec<u8>]) -> Result<Authorities, String> {
    let (first, lists) = texts.split_first().ok_or("there is no file")?;
    let mut revoked = Vec::new();
    for text in lists {
        for list in CertificateRevocationListDer::pem_slice_iter(text) {
            revoked.push(list.map_err(|error| error.to_string())?);
        }
    }
    Authorities::read(first, &revoked)
}

/// By whose word servers of the web are believed.
fn web(file: &Path) -> Result<ClientConfig, String> {
    let text = bounded(file, AUTHORITIES_FILE_BYTES).map_err(|error| error.to_string())?;
    let mut roots = RootCertStore::empty();
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    // One that is no use is no reason to believe none.
    let (added, _) = roots.add_parsable_certificates(read.map_err(|error| error.to_string())?);
    if added == 0 {
        return Err("holds no certificate".to_owned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = builder.map_err(|error| error.to_string())?.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

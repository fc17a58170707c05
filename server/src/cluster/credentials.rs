//! What TLS is told: the platform's certificate and key, the authority's certificate; and how they are renewed.

use super::authority::Issued;
use super::certificate::{Certificate, private_key};
use super::{ClusterError, Folder};
use crate::limits::RENEW_DAYS;
use arc_swap::ArcSwap;
use router::PlatformId;
use router::bridge::tls::LinkTls;
use router::time::WallTime;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::UnixTime;
use rustls::server::WebPkiClientVerifier;
use rustls::{CertificateError, RootCertStore};
use std::sync::Arc;

/// What a platform proves itself with, and by whose signature it knows others.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// What its links are told.
    pub tls: LinkTls,
    /// Its own certificate.
    pub certificate: Certificate,
    /// The authority's.
    pub authority: Certificate,
}

impl Credentials {
    /// Reads a platform's files. Certificates that have expired are read too: [`Certificate::check`] tells.
    ///
    /// `name` is what the configuration calls it, if it does: other platforms take the one of the certificate alone.
    pub fn read(folder: &Folder, platform: PlatformId, name: Option<&str>) -> Result<Self, ClusterError> {
        let (authority, issued) = folder.read_platform()?;
        let read = Self::new(&authority, &issued)?;
        match (read.certificate.platform, name) {
            (Some(named), Some(name)) if named == platform && name != read.certificate.name => {
                Err(ClusterError::Mismatch(format!(
                    "{} is for a platform of the name `{}`, and bridge.name is `{name}`: others would refuse its links",
                    folder.certificate().display(),
                    read.certificate.name,
                )))
            }
            (Some(named), _) if named == platform => Ok(read),
            (Some(named), _) => Err(ClusterError::Mismatch(format!(
                "{} is for platform {}, and the configuration says that this is platform {}",
                folder.certificate().display(),
                named.0,
                platform.0
            ))),
            (None, _) => Err(ClusterError::malformed(folder.certificate().display(), "names no platform")),
        }
    }

    fn new(authority: &str, issued: &Issued) -> Result<Self, ClusterError> {
        let authority = Certificate::from_pem("the authority's certificate", authority)?;
        let certificate = Certificate::from_pem("the platform's certificate", &issued.certificate)?;
        let key = private_key("the platform's key", issued.key.reveal())?;
        let tls = LinkTls::new(authority.der.clone(), vec![certificate.der.clone()], key).map_err(unfit)?;
        Ok(Self { tls, certificate, authority })
    }

    /// Until when each certificate is in force, by its name for people.
    pub fn ends(&self) -> Vec<(String, WallTime)> {
        vec![("platform".to_owned(), self.certificate.end), ("authority".to_owned(), self.authority.end)]
    }

    /// Says in the log what the operator has to look after soon.
    fn remind(&self, now: WallTime) {
        for (whose, end) in self.ends() {
            if now >= end {
                tracing::error!(whose, %end, "a certificate has expired: no link comes about");
            } else if end.since(now).as_secs() / 86_400 < RENEW_DAYS {
                tracing::warn!(whose, %end, "a certificate expires soon: tandem bridge invite renews it");
            }
        }
    }
}

/// The credentials in force: links that come about from now on use them.
#[derive(Clone, Debug)]
pub struct InForce {
    folder: Folder,
    platform: PlatformId,
    name: Option<String>,
    current: Arc<ArcSwap<Credentials>>,
    tls: Arc<ArcSwap<LinkTls>>,
}

impl InForce {
    /// Reads a platform's files.
    pub fn read(folder: Folder, platform: PlatformId, name: Option<&str>) -> Result<Self, ClusterError> {
        let read = Credentials::read(&folder, platform, name)?;
        let name = name.map(str::to_owned);
        read.remind(crate::clock::wall());
        let tls = Arc::new(ArcSwap::from_pointee(read.tls.clone()));
        Ok(Self { folder, platform, name, current: Arc::new(ArcSwap::from_pointee(read)), tls })
    }

    /// What links are told, as they share it.
    pub fn tls(&self) -> Arc<ArcSwap<LinkTls>> {
        Arc::clone(&self.tls)
    }

    /// The credentials.
    pub fn current(&self) -> Arc<Credentials> {
        self.current.load_full()
    }

    /// Reads the files anew; nothing changes yet.
    pub fn read_anew(&self) -> Result<Credentials, ClusterError> {
        Credentials::read(&self.folder, self.platform, self.name.as_deref())
    }

    /// Puts what was read into force. Whether it is another than before. Links that are up stay up.
    pub fn renew(&self, read: Credentials) -> bool {
        read.remind(crate::clock::wall());
        let former = self.current.load();
        let renewed = (&former.certificate, &former.authority) != (&read.certificate, &read.authority);
        if renewed {
            self.tls.store(Arc::new(read.tls.clone()));
            self.current.store(Arc::new(read));
        }
        renewed
    }
}

/// Whether what a platform was given fits together: the key is its certificate's, the authority signed that, both are in force.
pub(super) fn check(now: WallTime, authority: &str, issued: &Issued) -> Result<Certificate, ClusterError> {
    let Credentials { certificate, authority, .. } = Credentials::new(authority, issued)?;
    authority.check("the authority's certificate", now)?;
    certificate.check("the platform's certificate", now)?;
    signed(&authority, &certificate, now)?;
    if certificate.platform.is_none() {
        return Err(ClusterError::malformed("the platform's certificate", "names no platform"));
    }
    Ok(certificate)
}

/// Whether the authority signed a certificate, as TLS sees it.
pub fn signed(authority: &Certificate, certificate: &Certificate, now: WallTime) -> Result<(), ClusterError> {
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(authority.der.clone()).map_err(unfit)?;
    let at = UnixTime::since_unix_epoch(now.since(WallTime::default()));
    let verdict = verifier(Arc::new(roots), provider)?.verify_client_cert(&certificate.der, &[], at);
    verdict.map(|_| ()).map_err(|error| match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
            let why = format!("the certificate of `{}` is not signed by this cluster's authority", certificate.name);
            ClusterError::Mismatch(why)
        }
        other => unfit(other),
    })
}

fn verifier(
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn rustls::server::danger::ClientCertVerifier>, ClusterError> {
    WebPkiClientVerifier::builder_with_provider(roots, provider)
        .build()
        .map_err(|error| ClusterError::malformed("the authority's certificate", error))
}

fn unfit(error: rustls::Error) -> ClusterError {
    match error {
        rustls::Error::InconsistentKeys(_) => {
            ClusterError::Mismatch("the platform's key is not that of its certificate".to_owned())
        }
        other => ClusterError::malformed("the cluster's certificates", other),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Authority, Invitation};
    use super::*;
    use router::bridge::tls::platform_of;
    use router::time::Duration;
    use rustls::pki_types::ServerName;
    use rustls::{ClientConnection, ServerConnection};
    use std::io::{Read, Write};

    /// Shakes hands in memory. What each end says of the other, or why not.
    fn shake(client: &Credentials, server: &Credentials) -> Result<(PlatformId, PlatformId), rustls::Error> {
        let name = ServerName::try_from("192.0.2.1").unwrap();
        let mut client = ClientConnection::new(Arc::clone(&client.tls.client), name).unwrap();
        let mut server = ServerConnection::new(Arc::clone(&server.tls.server)).unwrap();
        let mut wire = Vec::new();
        for _ in 0..8 {
            while client.wants_write() {
                client.write_tls(&mut wire).unwrap();
            }
            if !wire.is_empty() {
                server.read_tls(&mut &*std::mem::take(&mut wire)).unwrap();
                server.process_new_packets()?;
            }
            while server.wants_write() {
                server.write_tls(&mut wire).unwrap();
            }
            if !wire.is_empty() {
                client.read_tls(&mut &*std::mem::take(&mut wire)).unwrap();
                client.process_new_packets()?;
            }
        }
        client.writer().write_all(b"x").unwrap();
        client.write_tls(&mut wire).unwrap();
        server.read_tls(&mut &*wire).unwrap();
        server.process_new_packets()?;
        let mut byte = [0];
        server.reader().read_exact(&mut byte).unwrap();
        assert_eq!(server.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
        assert_eq!(server.handshake_kind(), Some(rustls::HandshakeKind::Full), "nothing is resumed");
        let named = |certificates: Option<&[rustls::pki_types::CertificateDer<'_>]>| {
            platform_of(&certificates.unwrap()[0]).unwrap()
        };
        Ok((named(client.peer_certificates()), named(server.peer_certificates())))
    }

    fn credentials(authority: &Authority, now: WallTime, platform: u32, days: u32) -> Credentials {
        let issued = authority.issue(now, PlatformId(platform), "p", days).unwrap();
        Credentials::new(authority.pem(), &issued).unwrap()
    }

    /// TLS reads the clock by itself, so these certificates are of today.
    fn today() -> WallTime {
        crate::clock::wall()
    }

    #[test]
    fn two_of_a_cluster_know_each_other_by_number() {
        let authority = Authority::make(today()).unwrap();
        let (one, two) = (credentials(&authority, today(), 1, 30), credentials(&authority, today(), 2, 30));
        assert_eq!(shake(&one, &two).unwrap(), (PlatformId(2), PlatformId(1)));
        assert_eq!(shake(&one, &two).unwrap(), (PlatformId(2), PlatformId(1)));
        assert_eq!(shake(&two, &one).unwrap(), (PlatformId(1), PlatformId(2)));
    }

    #[test]
    fn another_cluster_and_an_expired_certificate_do_not_link() {
        let (own, other) = (Authority::make(today()).unwrap(), Authority::make(today()).unwrap());
        let (one, stranger) = (credentials(&own, today(), 1, 30), credentials(&other, today(), 2, 30));
        for result in [shake(&one, &stranger), shake(&stranger, &one)] {
            let unknown = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
            assert_eq!(result, Err(unknown), "a stranger's, not a forged one");
        }
        let long_ago = WallTime(today().0 - 100 * 86_400_000_000);
        let old = Authority::make(long_ago).unwrap();
        let (fresh, expired) = (credentials(&old, today(), 1, 30), credentials(&old, long_ago, 2, 30));
        assert!(shake(&fresh, &expired).is_err());
        assert!(shake(&expired, &fresh).is_err());
        assert!(expired.certificate.check("it", today()).unwrap_err().to_string().contains("expired"));
    }

    #[test]
    fn files_are_read_for_the_platform_that_they_name() {
        let place = tempfile::tempdir().unwrap();
        let now = WallTime::from_secs(1_795_230_000);
        let (first, second) = (Folder::new(place.path().join("1")), Folder::new(place.path().join("2")));
        first.init(now, PlatformId(1), "a", 30, false).unwrap();
        let invitation =
            Invitation::make(&first.authority().unwrap(), now, PlatformId(2), "b", Vec::new(), 30).unwrap();
        second.install(now, &invitation.authority, &invitation.issued, false).unwrap();
        assert_eq!(Credentials::read(&second, PlatformId(2), None).unwrap().certificate.name, "b");
        let error = Credentials::read(&second, PlatformId(1), None).unwrap_err().to_string();
        assert!(error.contains("is for platform 2"), "{error}");
        let error = Credentials::read(&second, PlatformId(2), Some("c")).unwrap_err().to_string();
        assert!(error.contains("the name `b`") && error.contains("`c`"), "{error}");
        // A key that is another's is found before any link.
        std::fs::copy(first.key(), second.key()).unwrap();
        let error = Credentials::read(&second, PlatformId(2), None).unwrap_err();
        assert!(matches!(error, ClusterError::Mismatch(_)), "{error}");
        let (one, two) = (Credentials::read(&first, PlatformId(1), Some("a")).unwrap(), invitation);
        let stranger = Certificate::from_pem("it", &two.issued.certificate).unwrap();
        signed(&one.authority, &stranger, now).unwrap();
        assert!(signed(&one.authority, &stranger, now + Duration::from_secs(40 * 86_400)).is_err());
        let elsewhere = Authority::make(now).unwrap();
        assert!(signed(elsewhere.certificate(), &stranger, now).is_err());
    }

    #[test]
    fn renewed_files_are_taken_and_broken_ones_are_not() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path());
        folder.init(today(), PlatformId(1), "a", 30, false).unwrap();
        let in_force = InForce::read(folder.clone(), PlatformId(1), Some("a")).unwrap();
        let (shared, before) = (in_force.tls(), in_force.tls().load_full());
        assert!(!in_force.renew(in_force.read_anew().unwrap()), "the same files are nothing new");
        assert!(Arc::ptr_eq(&before, &shared.load_full()));
        let authority = folder.authority().unwrap();
        let issued = authority.issue(today(), PlatformId(1), "a", 60).unwrap();
        folder.install(today(), authority.pem(), &issued, true).unwrap();
        assert!(in_force.renew(in_force.read_anew().unwrap()));
        assert!(!Arc::ptr_eq(&before, &shared.load_full()), "links that come about use them");
        assert_eq!(in_force.current().certificate.days_left(today()), 59);
        std::fs::write(folder.certificate(), "torn").unwrap();
        assert!(in_force.read_anew().is_err());
        assert_eq!(in_force.current().ends().len(), 2);
    }
}

//! Certificates for tests, and handshakes over loopback.

use std::net::IpAddr;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber,
    date_time_ymd,
};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::verify::{OfAuthority, OfDomain, Trust};
use super::*;
use crate::transport::tests::{MESSAGE, bounded_by, local, next, next_failure, next_message, to, transmit};
use crate::transport::{Destination, Policy, Received, Transport, TransportEvent, TransportSettings, Transports};
use crate::trunk::TrunkId;

/// An authority that lives for one test.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Authority {
        Self::named("authority")
    }

    fn named(name: &str) -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, name);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    pub(crate) fn issue(
        &self,
        uris: &[&str],
        names: &[&str],
        common: &str,
        uses: &[ExtendedKeyUsagePurpose],
    ) -> Credentials {
        self.issue_numbered(None, uris, names, common, uses)
    }

    fn issue_numbered(
        &self,
        number: Option<u64>,
        uris: &[&str],
        names: &[&str],
        common: &str,
        uses: &[ExtendedKeyUsagePurpose],
    ) -> Credentials {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, common);
        params.extended_key_usages = uses.to_vec();
        params.serial_number = number.map(SerialNumber::from);
        params.subject_alt_names.extend(uris.iter().map(|&uri| SanType::URI(uri.try_into().unwrap())));
        params.subject_alt_names.extend(names.iter().map(|&name| match name.parse::<IpAddr>() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(name.try_into().unwrap()),
        }));
        let key = KeyPair::generate().unwrap();
        let chain = vec![params.signed_by(&key, &self.0).unwrap().der().clone()];
        Credentials { chain, key: PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())) }
    }
}

impl Authority {
    /// The list of those that it has taken back.
    fn revoke(&self, numbers: &[u64]) -> CertificateRevocationListDer<'static> {
        let one = |&number: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(number),
            revocation_time: date_time_ymd(2024, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2024, 1, 1),
            next_update: date_time_ymd(2024, 2, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: numbers.iter().map(one).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.0).unwrap().der().clone()
    }
}

/// A certificate for these URIs and DNS names, with that common name, and its key.
pub(crate) fn credentials(uris: &[&str], names: &[&str], common: &str) -> Credentials {
    Authority::new().issue(uris, names, common, &[])
}

pub(crate) fn certificate(uris: &[&str], names: &[&str], common: &str) -> CertificateDer<'static> {
    credentials(uris, names, common).chain.remove(0)
}

fn trunk(domain: &str, authority: &Authority, credentials: Option<Credentials>) -> TrunkTls {
    let authorities = vec![authority.certificate()];
    TrunkTls { name: "carrier".to_owned(), domain: domain.to_owned(), authorities, credentials }
}

fn policy(material: TlsMaterial) -> SharedPolicy {
    SharedPolicy::new(Policy { tls: TlsConfig::new(&material).unwrap(), ..Policy::default() })
}

fn listener(policy: &SharedPolicy, client_certificates: ClientCertificates) -> Transports {
    listening(policy, client_certificates, TransportSettings::default())
}

fn listening(
    policy: &SharedPolicy,
    client_certificates: ClientCertificates,
    settings: TransportSettings,
) -> Transports {
    let bind = "127.0.0.1:0".parse().unwrap();
    let policy = Some(policy.clone());
    bounded_by(ListenerConfig { policy, client_certificates, ..ListenerConfig::new(Transport::Tls, bind) }, settings)
}

/// Sends to the trunk that listens there.
fn call(here: &mut Transports, there: SocketAddr, token: u64) {
    let destination = to(Transport::Tls, there).of_trunk(Some(TrunkId(0)));
    here.send_to(transmit(destination, MESSAGE, token), Some("carrier"));
}

/// The next message, whatever else happens.
async fn heard(there: &mut Transports) -> Received {
    loop {
        if let TransportEvent::Received(received) = next(there).await {
            return received;
        }
    }
}

/// Why what was sent did not leave; the other end gets nothing.
async fn refused(here: &mut Transports, there: &mut Transports) -> TransportFailure {
    tokio::select! {
        failed = next_failure(here) => failed.1,
        received = heard(there) => panic!("{received:?}"),
    }
}

/// Two ends that trust one authority: the one that calls shows `shown` where it is asked.
fn two(domain: &str, clients: ClientCertificates, shown: Option<&[&str]>) -> (Transports, Transports, SharedPolicy) {
    let authority = Authority::new();
    let there = policy(TlsMaterial {
        certificates: vec![authority.issue(&["sip:carrier.example"], &[], "x", &[])],
        client_authorities: vec![authority.certificate()],
        ..TlsMaterial::default()
    });
    let shown = shown.map(|uris| authority.issue(uris, &[], "x", &[]));
    let here = policy(TlsMaterial {
        certificates: vec![authority.issue(&[], &["own.example"], "x", &[])],
        trunks: vec![trunk(domain, &authority, shown)],
        ..TlsMaterial::default()
    });
    (listener(&here, ClientCertificates::Never), listener(&there, clients), there)
}

#[tokio::test]
async fn a_trunk_is_reached_by_tls_and_answers_on_the_same_connection() {
    let (mut here, mut there, _) = two("carrier.example", ClientCertificates::Never, None);
    call(&mut here, local(&there), 1);
    let Received { flow, bytes } = next_message(&mut there).await;
    assert_eq!((flow.transport, &bytes[..]), (Transport::Tls, MESSAGE.as_bytes()));
    there.send(transmit(Destination::flow(&flow), MESSAGE, 2));
    match next(&mut here).await {
        TransportEvent::Identified { domains, .. } => assert_eq!(&*domains, &["carrier.example".into()]),
        other => panic!("{other:?}"),
    }
    assert_eq!(next_message(&mut here).await.flow.remote, local(&there));
    call(&mut here, local(&there), 3);
    assert_eq!(next_message(&mut there).await.flow, flow, "one connection serves all");
    assert_eq!((here.connections(), there.connections()), (1, 1));
}

#[tokio::test]
async fn a_peer_that_is_not_the_domain_that_was_routed_to_gets_nothing() {
    for (domain, authority) in [("other.example", true), ("carrier.example", false)] {
        let (mut here, there, _) = two(domain, ClientCertificates::Never, None);
        if !authority {
            let stranger = policy(TlsMaterial {
                trunks: vec![trunk(domain, &Authority::new(), None)],
                certificates: vec![credentials(&[], &["own.example"], "x")],
                ..TlsMaterial::default()
            });
            here = listener(&stranger, ClientCertificates::Never);
        }
        let (there_address, mut there) = (local(&there), there);
        call(&mut here, there_address, 1);
        assert_eq!(refused(&mut here, &mut there).await, TransportFailure::Untrusted, "{domain}");
    }
    // Nor somebody of whom nothing is known.
    let (mut here, there, _) = two("carrier.example", ClientCertificates::Never, None);
    here.send(transmit(to(Transport::Tls, local(&there)), MESSAGE, 1));
    assert_eq!(next_failure(&mut here).await.1, TransportFailure::Untrusted);
}

#[tokio::test]
async fn clients_show_certificates_where_they_are_asked_and_are_known_by_them() {
    use ClientCertificates::{Never, Offered, Required};
    for (clients, shown, known) in [
        (Never, Some(&["sip:a.example"][..]), Some(0)),
        (Offered, Some(&["sip:a.example"]), Some(1)),
        (Offered, None, Some(0)),
        (Required, Some(&["sip:a.example"]), Some(1)),
        (Required, None, None),
    ] {
        let (mut here, mut there, _) = two("carrier.example", clients, shown);
        call(&mut here, local(&there), 1);
        let mut proven = 0;
        let served = loop {
            tokio::select! {
                event = next(&mut there) => match event {
                    TransportEvent::Identified { domains, .. } => {
                        assert_eq!(&*domains, &["a.example".into()]);
                        proven += 1;
                    }
                    TransportEvent::Received(_) => break Some(proven),
                    TransportEvent::Closed { .. } => break None,
                    other => panic!("{other:?}"),
                },
                _ = next(&mut here) => {}
            }
        };
        assert_eq!(served, known, "{clients:?} {shown:?}");
    }
}

#[tokio::test]
async fn a_new_certificate_is_shown_from_then_on_and_open_connections_stay() {
    let (mut here, mut there, policy) = two("carrier.example", ClientCertificates::Never, None);
    call(&mut here, local(&there), 1);
    let first = next_message(&mut there).await.flow;
    let elsewhere =
        TlsMaterial { certificates: vec![credentials(&["sip:elsewhere.example"], &[], "x")], ..TlsMaterial::default() };
    policy.replace(Policy { tls: TlsConfig::new(&elsewhere).unwrap(), ..Policy::default() });
    call(&mut here, local(&there), 2);
    assert_eq!(next_message(&mut there).await.flow, first);
    let destination = to(Transport::Tls, local(&there)).of_trunk(Some(TrunkId(1)));
    here.send_to(transmit(destination, MESSAGE, 3), Some("carrier"));
    assert_eq!(refused(&mut here, &mut there).await, TransportFailure::Untrusted, "the new one is another's");
    call(&mut here, local(&there), 4);
    assert_eq!(heard(&mut there).await.flow, first);
}

#[tokio::test]
async fn handshakes_of_a_flood_are_not_begun() {
    let authority = Authority::new();
    let material =
        TlsMaterial { certificates: vec![authority.issue(&[], &["a.example"], "x", &[])], ..Default::default() };
    let rate = crate::admission::Rate { per_second: 1, burst: 3 };
    let settings = TransportSettings { handshakes_per_source: rate, ..TransportSettings::default() };
    let mut there = listening(&policy(material), ClientCertificates::Never, settings);
    let address = local(&there);
    let flood = tokio::spawn(async move {
        let mut kept = 0;
        for _ in 0..10 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let _ = stream.write_all(b"not a handshake at all").await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            kept += usize::from(!answer.is_empty()); // an alert
        }
        kept
    });
    let driven = async {
        loop {
            there.ready().await;
            there.receive();
            while there.poll_event().is_some() {}
            if there.counters().handshakes_limited + there.counters().handshakes_failed >= 10 {
                return there.counters();
            }
        }
    };
    let counters = driven.await;
    assert!((3..=4).contains(&counters.handshakes_failed), "{counters:?}");
    assert!(flood.await.unwrap() <= 4);
}

#[tokio::test]
async fn what_does_not_fit_is_told_before_any_handshake() {
    let mut mixed = credentials(&[], &["a.example"], "x");
    mixed.key = credentials(&[], &["b.example"], "x").key;
    let error = TlsConfig::new(&TlsMaterial { certificates: vec![mixed], ..TlsMaterial::default() }).unwrap_err();
    assert_eq!(error.what, "certificate");
    let torn = CertificateDer::from(b"torn".to_vec());
    let material = TlsMaterial {
        trunks: vec![TrunkTls {
            name: "a".to_owned(),
            domain: "a.example".to_owned(),
            authorities: vec![torn],
            credentials: None,
        }],
        ..TlsMaterial::default()
    };
    assert_eq!(TlsConfig::new(&material).unwrap_err().what, "trunk a");
    let bind = "127.0.0.1:0".parse().unwrap();
    let none = ListenerConfig::new(Transport::Tls, bind);
    assert!(Transports::bind(std::slice::from_ref(&none), TransportSettings::default()).is_err());
    let empty = ListenerConfig { policy: Some(SharedPolicy::default()), ..none };
    assert!(Transports::bind(&[empty], TransportSettings::default()).is_err());
}

#[test]
fn a_certificate_for_servers_or_for_sip_is_taken_of_a_client_and_another_authoritys_is_not() {
    use rustls::client::danger::ServerCertVerifier as _;
    use rustls::pki_types::UnixTime;
    use rustls::server::danger::ClientCertVerifier as _;
    let (authority, now) = (Authority::new(), UnixTime::now());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.certificate()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let trust = Trust { roots: Arc::new(roots), revoked: Vec::new(), provider };
    let clients = OfAuthority::new(&trust, true).unwrap();
    for uses in [&[][..], &[ExtendedKeyUsagePurpose::ServerAuth], &[ExtendedKeyUsagePurpose::ClientAuth]] {
        let issued = authority.issue(&["sip:a.example"], &[], "x", uses);
        assert!(clients.verify_client_cert(&issued.chain[0], &[], now).is_ok(), "{uses:?}");
    }
    let name = ServerName::try_from("a.example").unwrap();
    // RFC 5924 §4. A client's alone is no server's.
    let sip_domain = ExtendedKeyUsagePurpose::Other(vec![1, 3, 6, 1, 5, 5, 7, 3, 20]);
    for (use_, is_server) in [
        (sip_domain, true),
        (ExtendedKeyUsagePurpose::Any, true),
        (ExtendedKeyUsagePurpose::ServerAuth, true),
        (ExtendedKeyUsagePurpose::ClientAuth, false),
        (ExtendedKeyUsagePurpose::Other(vec![1, 3, 6, 1, 5, 5, 7, 3, 21]), false),
    ] {
        let issued = authority.issue(&["sip:a.example"], &[], "x", std::slice::from_ref(&use_));
        let is_client = is_server || use_ == ExtendedKeyUsagePurpose::ClientAuth;
        assert_eq!(clients.verify_client_cert(&issued.chain[0], &[], now).is_ok(), is_client, "{use_:?}");
        let domain = OfDomain::new(&trust).unwrap();
        assert_eq!(domain.verify_server_cert(&issued.chain[0], &[], &name, &[], now).is_ok(), is_server, "{use_:?}");
        let of_stranger = Authority::new().issue(&["sip:a.example"], &[], "x", &[use_]);
        assert!(clients.verify_client_cert(&of_stranger.chain[0], &[], now).is_err());
    }
    let mail = authority.issue(&[], &["a.example"], "x", &[ExtendedKeyUsagePurpose::EmailProtection]);
    assert!(clients.verify_client_cert(&mail.chain[0], &[], now).is_err());
    let stranger = certificate(&["sip:a.example"], &[], "x");
    assert!(clients.verify_client_cert(&stranger, &[], now).is_err());
    let domain = OfDomain::new(&trust).unwrap();
    let wild = authority.issue(&[], &["*.example", "192.0.2.1"], "x", &[]).chain.remove(0);
    let verdict = |name: &str| {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        domain.verify_server_cert(&wild, &[], &name, &[], now).is_ok()
    };
    assert!(verdict("192.0.2.1") && !verdict("a.example") && !verdict("192.0.2.2"), "RFC 5922 §7.2");
}

/// RFC 5280 §5: the list's own time is long over, and what is on it is revoked all the same. An authority that has no list revokes nothing.
#[test]
fn what_an_authority_has_taken_back_is_believed_of_nobody() {
    use rustls::client::danger::ServerCertVerifier as _;
    use rustls::pki_types::UnixTime;
    use rustls::server::danger::ClientCertVerifier as _;
    let (authority, other, now) = (Authority::new(), Authority::named("other"), UnixTime::now());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.certificate()).unwrap();
    roots.add(other.certificate()).unwrap();
    let revoked = [(7, &[][..]), (8, &[ExtendedKeyUsagePurpose::ServerAuth]), (9, &[ExtendedKeyUsagePurpose::Any])];
    let revoked =
        revoked.map(|(number, uses)| authority.issue_numbered(Some(number), &["sip:a.example"], &[], "x", uses));
    let good = [authority.issue(&["sip:a.example"], &[], "x", &[]), other.issue(&["sip:a.example"], &[], "x", &[])];
    let lists = vec![authority.revoke(&[7, 8, 9])];
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let trust = Trust { roots: Arc::new(roots), revoked: lists, provider };
    let (clients, servers) = (OfAuthority::new(&trust, true).unwrap(), OfDomain::new(&trust).unwrap());
    let name = ServerName::try_from("a.example").unwrap();
    for (credentials, believed) in revoked.iter().map(|one| (one, false)).chain(good.iter().map(|one| (one, true))) {
        let shown = &credentials.chain[0];
        assert_eq!(clients.verify_client_cert(shown, &[], now).is_ok(), believed);
        assert_eq!(servers.verify_server_cert(shown, &[], &name, &[], now).is_ok(), believed);
    }
    // One whose time is over is not, either.
    let later = UnixTime::since_unix_epoch(std::time::Duration::from_secs(70_000_000_000));
    assert!(clients.verify_client_cert(&good[0].chain[0], &[], later).is_err());
    assert!(servers.verify_server_cert(&good[0].chain[0], &[], &name, &[], later).is_err());
}

//! The certificates of SIP over TLS: read from the files that the configuration names, judged, and put into force.

use crate::configuration::load::{bounded, is_private};
use crate::configuration::model::{Configuration, Trunk};
use crate::configuration::sip;
use crate::limits::{AUTHORITIES_FILE_BYTES, CLUSTER_FILE_BYTES, REMIND_DAYS};
use router::time::WallTime;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use signaling::transport::tls::{Credentials, TlsConfig, TlsMaterial, TrunkTls};
use signaling::transport::{Policy, SharedPolicy, Transport};
use signaling::trunk::Target;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use x509_parser::parse_x509_certificate;

/// Where Debian and most other systems keep the authorities that they trust.
pub(crate) const SYSTEM_AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Something that is wrong: the path of the key, and how.
pub type Fault = (String, String);

/// A certificate of ours, and when it is in force.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Validity {
    /// Its file.
    pub file: PathBuf,
    /// The path of the key that names the file.
    pub key: String,
    /// From when.
    pub begin: WallTime,
    /// Until when.
    pub end: WallTime,
    /// The number that its authority gave it: another certificate of the same time has another one.
    pub serial: String,
}

impl Validity {
    /// Its name for people: that of its file.
    pub fn name(&self) -> String {
        self.file.file_name().unwrap_or(self.file.as_os_str()).to_string_lossy().into_owned()
    }

    /// Why it is not in force.
    fn fault(&self, now: WallTime) -> Option<String> {
        if now >= self.end {
            return Some(format!("{} expired at {}", self.file.display(), self.end));
        }
        (now < self.begin).then(|| format!("{} is not in force before {}", self.file.display(), self.begin))
    }
}

/// What the files of a configuration hold.
#[derive(Clone, Debug, Default)]
pub struct Certificates {
    /// What connections go by.
    pub policy: Policy,
    /// Those that peers are shown.
    pub shown: Vec<Validity>,
}

impl Certificates {
    /// Reads the files. Certificates that are not in force are read too: [`faults`](Self::faults) tells.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn read(configuration: &Configuration) -> Result<Self, Vec<Fault>> {
        let mut reader = Reader::default();
        let material = reader.material(configuration);
        let Reader { faults, shown } = reader;
        if !faults.is_empty() {
            return Err(faults);
        }
        let tls = TlsConfig::new(&material).map_err(|error| vec![("certificate".to_owned(), error.to_string())])?;
        let origins = configuration.sip.origins.iter().map(|origin| origin.as_str().into()).collect();
        Ok(Self { policy: Policy { tls, origins }, shown })
    }

    /// Which of them are not in force.
    pub fn faults(&self, now: WallTime) -> Vec<Fault> {
        self.shown.iter().filter_map(|shown| Some((shown.key.clone(), shown.fault(now)?))).collect()
    }

    /// Says in the log what the operator has to look after soon.
    fn remind(&self, now: WallTime) {
        for shown in &self.shown {
            let (certificate, end) = (shown.name(), shown.end);
            if let Some(why) = shown.fault(now) {
                tracing::error!(certificate, "{why}: peers refuse it");
            } else if end.since(now).as_secs() / 86_400 < REMIND_DAYS {
                tracing::warn!(certificate, %end, "a certificate of SIP expires soon");
            }
        }
    }
}

/// The certificates in force: connections that come about from now on use them.
#[derive(Clone, Debug, Default)]
pub struct InForce {
    policy: SharedPolicy,
    current: Arc<arc_swap::ArcSwap<Certificates>>,
}

impl InForce {
    /// Puts these into force.
    pub fn new(certificates: Certificates) -> Self {
        let in_force = Self::default();
        in_force.renew(certificates);
        in_force
    }

    /// What listeners are told.
    pub fn policy(&self) -> SharedPolicy {
        self.policy.clone()
    }

    /// Those that peers are shown.
    pub fn shown(&self) -> Vec<Validity> {
        self.current.load().shown.clone()
    }

    /// Puts others into force; open connections keep theirs.
    pub fn renew(&self, certificates: Certificates) {
        certificates.remind(crate::clock::wall());
        self.policy.replace(certificates.policy.clone());
        self.current.store(Arc::new(certificates));
    }

    /// Says again what has to be looked after.
    pub fn remind(&self) {
        self.current.load().remind(crate::clock::wall());
    }
}

/// Whether connections of TLS may be opened to a trunk: its address says so, or its zone may (RFC 3263 §4.1). In that case somebody has to
/// be there whose signature is believed.
fn may_be_secure(configuration: &Configuration, trunk: &Trunk, target: &Target) -> bool {
    let believes = trunk.authorities.is_some()
        || configuration.sip.authorities.is_some()
        || Path::new(SYSTEM_AUTHORITIES).exists();
    target.transport == Some(Transport::Tls) || believes && sip::zone_may_ask_for_tls(configuration, target)
}

#[derive(Default)]
struct Reader {
    faults: Vec<Fault>,
    shown: Vec<Validity>,
}

impl Reader {
    fn fault(&mut self, key: &str, why: impl Into<String>) {
        self.faults.push((key.to_owned(), why.into()));
    }

    fn material(&mut self, configuration: &Configuration) -> TlsMaterial {
        let certificates = configuration.certificate.iter().enumerate().filter_map(|(index, certificate)| {
            let path = |key: &str| format!("certificate[{index}].{key}");
            self.credentials((&path("file"), &certificate.file), (&path("key_file"), &certificate.key_file))
        });
        let certificates = certificates.collect();
        let client_authorities = configuration.sip.client_authorities.iter().flat_map(|file| {
            self.certificates("sip.client_authorities", file, AUTHORITIES_FILE_BYTES).unwrap_or_default()
        });
        let client_authorities = client_authorities.collect();
        let mut trunks = Vec::new();
        for (index, trunk) in configuration.trunk.iter().enumerate() {
            let target = trunk.address.as_deref().and_then(sip::target);
            if let Some(target) = target.filter(|target| may_be_secure(configuration, trunk, target)) {
                trunks.extend(self.trunk(configuration, index, trunk, &target));
            }
        }
        let revoked = configuration.sip.revoked.iter().flat_map(|file| self.revoked(file)).collect();
        TlsMaterial { certificates, client_authorities, revoked, trunks }
    }

    fn trunk(
        &mut self,
        configuration: &Configuration,
        index: usize,
        trunk: &Trunk,
        target: &Target,
    ) -> Option<TrunkTls> {
        let path = |key: &str| format!("trunk[{index}].{key}");
        let (key, file) = match (&trunk.authorities, &configuration.sip.authorities) {
            (Some(own), _) => (path("authorities"), own.as_path()),
            (None, Some(all)) => ("sip.authorities".to_owned(), all.as_path()),
            (None, None) => ("sip.authorities".to_owned(), Path::new(SYSTEM_AUTHORITIES)),
        };
        let authorities = self.certificates(&key, file, AUTHORITIES_FILE_BYTES);
        let credentials = match (&trunk.certificate, &trunk.key_file) {
            (Some(file), Some(key)) => Some(self.credentials((&path("certificate"), file), (&path("key_file"), key))?),
            _ => None,
        };
        let domain = trunk.domain.clone().unwrap_or_else(|| target.host().trim_matches(['[', ']']).to_owned());
        Some(TrunkTls { name: trunk.name.clone(), domain, authorities: authorities?, credentials })
    }

    /// A certificate with its key. Each with the path of its key in the configuration.
    fn credentials(&mut self, chain: (&str, &Path), key: (&str, &Path)) -> Option<Credentials> {
        let read = self.certificates(chain.0, chain.1, CLUSTER_FILE_BYTES);
        let private = self.private_key(key.0, key.1);
        let credentials = Credentials { chain: read?, key: private? };
        match credentials.certified() {
            Ok(_) => {}
            Err(rustls::Error::InconsistentKeys(_)) => {
                let why = format!("{} is not the key of {}", key.1.display(), chain.1.display());
                self.fault(key.0, why);
                return None;
            }
            Err(error) => {
                self.fault(chain.0, format!("{}: {error}", chain.1.display()));
                return None;
            }
        }
        let Ok((_, first)) = parse_x509_certificate(credentials.chain.first()?) else {
            self.fault(chain.0, format!("{} holds no certificate", chain.1.display()));
            return None;
        };
        let at = |time: x509_parser::time::ASN1Time| WallTime::from_secs(time.timestamp());
        let (begin, end) = (at(first.validity().not_before), at(first.validity().not_after));
        let (file, key, serial) = (chain.1.to_owned(), chain.0.to_owned(), first.raw_serial_as_string());
        self.shown.push(Validity { file, key, begin, end, serial });
        Some(credentials)
    }

    /// All certificates of a file in PEM (RFC 7468), one at least.
    fn certificates(&mut self, key: &str, file: &Path, most: u64) -> Option<Vec<CertificateDer<'static>>> {
        let text = match bounded(file, most) {
            Ok(text) => text,
            Err(error) => {
                self.fault(key, format!("{}: {error}", file.display()));
                return None;
            }
        };
        match CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>() {
            Ok(all) if all.is_empty() => self.fault(key, format!("{} holds no certificate", file.display())),
            Ok(all) => return Some(all),
            Err(error) => self.fault(key, format!("{}: {error}", file.display())),
        }
        None
    }

    /// All lists of a file in PEM, one at least.
    fn revoked(&mut self, file: &Path) -> Vec<CertificateRevocationListDer<'static>> {
        let read = bounded(file, AUTHORITIES_FILE_BYTES).map_err(|error| error.to_string());
        let lists = read.and_then(|text| {
            let lists: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&text).collect();
            lists.map_err(|error| error.to_string())
        });
        match lists {
            Ok(lists) if lists.is_empty() => {
                self.fault("sip.revoked", format!("{} holds no list of revoked certificates", file.display()));
                Vec::new()
            }
            Ok(lists) => lists,
            Err(error) => {
                self.fault("sip.revoked", format!("{}: {error}", file.display()));
                Vec::new()
            }
        }
    }

    fn private_key(&mut self, key: &str, file: &Path) -> Option<PrivateKeyDer<'static>> {
        if let Err(why) = is_private(file) {
            self.fault(key, why);
        }
        let read = match bounded(file, CLUSTER_FILE_BYTES) {
            Ok(text) => PrivateKeyDer::from_pem_slice(&text).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        read.map_err(|error| self.fault(key, format!("{}: {error}", file.display()))).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair};
    use std::os::unix::fs::PermissionsExt;

    /// A folder with a certificate for that name that ends after so many days, and its key.
    fn write(folder: &Path, name: &str, days: i64) -> (PathBuf, PathBuf) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let now = crate::clock::wall().0 / 1_000_000;
        params.not_before = time::OffsetDateTime::from_unix_timestamp(now - 400 * 86_400).unwrap();
        params.not_after = time::OffsetDateTime::from_unix_timestamp(now + days * 86_400 + 60).unwrap();
        let key = KeyPair::generate().unwrap();
        let files = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
        std::fs::write(&files.0, params.self_signed(&key).unwrap().pem()).unwrap();
        std::fs::write(&files.1, key.serialize_pem()).unwrap();
        std::fs::set_permissions(&files.1, std::fs::Permissions::from_mode(0o600)).unwrap();
        files
    }

    fn configuration(text: &str) -> Configuration {
        crate::configuration::read(text).unwrap_or_else(|complaints| panic!("{complaints:?}"))
    }

    fn faults(text: &str) -> Vec<Fault> {
        Certificates::read(&configuration(text)).err().unwrap_or_default()
    }

    #[test]
    fn what_is_wrong_with_a_file_is_told_with_its_key() {
        let folder = tempfile::tempdir().unwrap();
        let (file, key) = write(folder.path(), "a.example", 30);
        let (_, other) = write(folder.path(), "b.example", 30);
        let one = |file: &Path, key: &Path| {
            format!("[[certificate]]\nfile = \"{}\"\nkey_file = \"{}\"\n", file.display(), key.display())
        };
        assert_eq!(faults(&one(&file, &key)), []);
        let absent = folder.path().join("absent");
        let found = faults(&one(&absent, &key));
        assert_eq!((found.len(), found[0].0.as_str()), (1, "certificate[0].file"));
        let found = faults(&one(&file, &other));
        assert_eq!(found[0].0, "certificate[0].key_file");
        assert!(found[0].1.contains("is not the key of"), "{found:?}");
        let found = faults(&one(&key, &file));
        assert!(found[0].1.contains("holds no certificate"), "{found:?}");
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
        let found = faults(&one(&file, &key));
        assert!(found[0].1.contains("chmod 600"), "{found:?}");
        let trunk = format!(
            "[sip]\nlisten = [\"tls:127.0.0.1:5061\"]\n{}\n[[trunk]]\nname = \"c\"\naddress = \"tls:c.example\"\nauthorities = \"{}\"",
            one(&file, &other),
            absent.display()
        );
        let found: Vec<String> = faults(&trunk).into_iter().map(|(key, _)| key).collect();
        assert_eq!(found, ["certificate[0].key_file", "trunk[0].authorities"], "all of them");
        for (list, told) in [(&absent, "absent"), (&file, "holds no list of revoked certificates")] {
            let found = faults(&format!("[sip]\nrevoked = [\"{}\"]", list.display()));
            assert!(found[0].0 == "sip.revoked" && found[0].1.contains(told), "{found:?}");
        }
    }

    #[test]
    fn one_that_is_not_in_force_is_read_and_told() {
        let folder = tempfile::tempdir().unwrap();
        let (file, key) = write(folder.path(), "a.example", -1);
        let text = format!("[[certificate]]\nfile = \"{}\"\nkey_file = \"{}\"", file.display(), key.display());
        let read = Certificates::read(&configuration(&text)).unwrap();
        let now = crate::clock::wall();
        assert!(read.faults(now)[0].1.contains("expired at"));
        let begin = read.shown[0].begin;
        assert!(read.faults(WallTime(begin.0 - 1_000_000))[0].1.contains("is not in force before"));
        assert!(read.faults(begin).is_empty());
        assert_eq!(read.shown[0].name(), "a.example.pem");
    }

    #[test]
    fn a_trunk_is_to_be_the_domain_of_its_address_unless_another_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let (file, key) = write(folder.path(), "own.example", 30);
        let text = format!(
            r#"
            sip = {{ listen = ["tls:127.0.0.1:5061"], authorities = "{file}" }}
            [[certificate]]
            file = "{file}"
            key_file = "{key}"
            [[trunk]]
            name = "a"
            address = "tls:sip.carrier.example"
            [[trunk]]
            name = "b"
            address = "tls:[2001:db8::1]:5071"
            [[trunk]]
            name = "c"
            address = "tls:192.0.2.1"
            domain = "carrier.example"
            certificate = "{file}"
            key_file = "{key}"
            [[trunk]]
            name = "plain"
            address = "192.0.2.2"
            [[trunk]]
            name = "zone"
            address = "zone.example"
            "#,
            file = file.display(),
            key = key.display()
        );
        let mut reader = Reader::default();
        let material = reader.material(&configuration(&text));
        assert_eq!(reader.faults, []);
        let told: Vec<_> = material
            .trunks
            .iter()
            .map(|trunk| (trunk.name.as_str(), trunk.domain.as_str(), trunk.credentials.is_some()))
            .collect();
        let expected = [
            ("a", "sip.carrier.example", false),
            ("b", "2001:db8::1", false),
            ("c", "carrier.example", true),
            ("zone", "zone.example", false),
        ];
        assert_eq!(told, expected);
        assert_eq!(reader.shown.len(), 2, "the trunk's own is watched, too");
        TlsConfig::new(&material).unwrap();
    }
}

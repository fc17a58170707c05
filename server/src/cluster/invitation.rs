//! An invitation: one file by which a machine joins the cluster. It holds a private key.

use super::authority::Issued;
use super::certificate::{Certificate, is_name};
use super::folder::{read_private, write_private};
use super::{Authority, ClusterError};
use crate::configuration::value::HostPort;
use router::time::WallTime;
use router::{PlatformId, Private};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The form of the file that this version writes and reads.
const FORM: u32 = 1;

/// What stands above it for whoever opens the file.
const HEAD: &str = "\
# An invitation to a cluster of Tandem. It holds the private key of one platform: whoever has it can be that platform.
# Carry it over by a safe way (scp), run `tandem bridge join` with it there, and delete it on both machines.
";

/// An invitation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invitation {
    /// The number of the platform that is invited.
    pub platform: PlatformId,
    /// Its name.
    pub name: String,
    /// Where it finds platforms of the cluster.
    pub peers: Vec<HostPort>,
    /// The authority's certificate, PEM.
    pub authority: String,
    /// The platform's own, with its key.
    pub issued: Issued,
}

/// As it is written: TOML.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Written {
    tandem_invitation: u32,
    platform: u32,
    name: String,
    peers: Vec<HostPort>,
    authority: String,
    certificate: String,
    key: String,
}

impl Invitation {
    /// Invites a platform.
    pub fn make(
        authority: &Authority,
        now: WallTime,
        platform: PlatformId,
        name: &str,
        peers: Vec<HostPort>,
        days: u32,
    ) -> Result<Self, ClusterError> {
        let issued = authority.issue(now, platform, name, days)?;
        Ok(Self { platform, name: name.to_owned(), peers, authority: authority.pem().to_owned(), issued })
    }

    /// Writes it to a file that only its owner can read.
    pub fn write(&self, file: &Path, replace: bool) -> Result<(), ClusterError> {
        if !replace && file.try_exists().unwrap_or(true) {
            return Err(ClusterError::Exists(file.to_owned()));
        }
        let written = Written {
            tandem_invitation: FORM,
            platform: self.platform.0,
            name: self.name.clone(),
            peers: self.peers.clone(),
            authority: self.authority.clone(),
            certificate: self.issued.certificate.clone(),
            key: self.issued.key.reveal().clone(),
        };
        let text = toml::to_string_pretty(&written).map_err(|error| ClusterError::malformed(file.display(), error))?;
        write_private(file, &format!("{HEAD}{text}"))
    }

    /// Reads a file. Whether what it holds fits together is seen when it is installed.
    pub fn read(file: &Path) -> Result<Self, ClusterError> {
        let text = match read_private(file) {
            Err(ClusterError::Missing(file)) => {
                return Err(ClusterError::Invalid(format!("{}: there is no such file", file.display())));
            }
            other => other?,
        };
        Self::parse(&file.display().to_string(), text.reveal())
    }

    fn parse(what: &str, text: &str) -> Result<Self, ClusterError> {
        // The message alone: the place that the error quotes may be in the key.
        let malformed = |why: &str| ClusterError::malformed(what, format!("is no invitation: {why}"));
        let written: Written = toml::from_str(text).map_err(|error| malformed(error.message().trim()))?;
        if written.tandem_invitation != FORM {
            return Err(malformed(&format!("its form is {}, not {FORM}", written.tandem_invitation)));
        }
        let certificate = Certificate::from_pem(what, &written.certificate)?;
        let platform = PlatformId(written.platform);
        if certificate.platform != Some(platform) || certificate.name != written.name || !is_name(&written.name) {
            return Err(malformed("its certificate is another platform's"));
        }
        Ok(Self {
            platform,
            name: written.name,
            peers: written.peers,
            authority: written.authority,
            issued: Issued { certificate: written.certificate, key: Private::new(written.key) },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Folder;
    use super::*;
    use router::time::Duration;
    use std::os::unix::fs::PermissionsExt;

    const NOW: WallTime = WallTime::from_secs(1_795_230_000);

    fn invitation() -> Invitation {
        let authority = Authority::make(NOW).unwrap();
        let peers = vec!["a.example.net:5065".parse().unwrap()];
        Invitation::make(&authority, NOW, PlatformId(2), "b", peers, 30).unwrap()
    }

    #[test]
    fn an_invitation_is_carried_by_a_file_and_joins_once() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("b.invitation");
        let made = invitation();
        made.write(&file, false).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(made.write(&file, false).unwrap_err(), ClusterError::Exists(file.clone()));
        made.write(&file, true).unwrap();
        let read = Invitation::read(&file).unwrap();
        assert_eq!(read, made);
        let folder = Folder::new(place.path().join("bridge"));
        folder.install(NOW, &read.authority, &read.issued, false).unwrap();
        assert!(folder.install(NOW, &read.authority, &read.issued, false).is_err());
        assert!(!folder.authority_key().exists());
    }

    #[test]
    fn an_old_a_torn_and_a_foreign_one_are_refused() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path().join("bridge"));
        let made = invitation();
        let late = NOW + Duration::from_secs(31 * 86_400);
        let error = folder.install(late, &made.authority, &made.issued, false).unwrap_err().to_string();
        assert!(error.contains("expired at 2026-12-"), "{error}");
        let other = invitation();
        let error = folder.install(NOW, &other.authority, &made.issued, false).unwrap_err();
        assert!(matches!(error, ClusterError::Mismatch(_)), "{error}");
        let mixed = Issued { key: other.issued.key.clone(), ..made.issued.clone() };
        let error = folder.install(NOW, &made.authority, &mixed, false).unwrap_err();
        assert!(matches!(error, ClusterError::Mismatch(_)), "{error}");
        assert!(!folder.path().exists(), "nothing was written");
        let file = place.path().join("i");
        made.write(&file, false).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        for torn in [&text[..text.len() / 2], "", "x", &text.replace("platform = 2", "platform = 3")] {
            let error = Invitation::parse("i", torn).unwrap_err().to_string();
            assert!(error.starts_with("i: ") && !error.contains("PRIVATE"), "{error}");
        }
        assert!(Invitation::parse("i", &text.replace("invitation = 1", "invitation = 2")).is_err());
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(Invitation::read(&file).unwrap_err(), ClusterError::Open(_)));
        assert!(Invitation::read(&place.path().join("none")).unwrap_err().to_string().contains("no such file"));
    }
}

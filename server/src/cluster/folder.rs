//! The files: `authority.pem`, `platform.pem`, `platform.key`, and where the cluster was made `authority.key` and
//! `authority.platforms`.

use super::authority::Issued;
use super::certificate::{Certificate, is_name};
use super::{Authority, ClusterError, credentials};
use crate::limits::CLUSTER_FILE_BYTES;
use router::limits::PLATFORMS;
use router::time::WallTime;
use router::{PlatformId, Private};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The folder of a platform's certificates.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder at `path`, whether it is there or not.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The authority's certificate.
    pub fn authority_certificate(&self) -> PathBuf {
        self.0.join("authority.pem")
    }

    /// The authority's key; on the machine where the cluster was made alone.
    pub fn authority_key(&self) -> PathBuf {
        self.0.join("authority.key")
    }

    /// Which numbers the authority has signed for, and their names; beside its key.
    pub fn members_file(&self) -> PathBuf {
        self.0.join("authority.platforms")
    }

    /// This platform's certificate.
    pub fn certificate(&self) -> PathBuf {
        self.0.join("platform.pem")
    }

    /// The key to it.
    pub fn key(&self) -> PathBuf {
        self.0.join("platform.key")
    }

    /// Makes a cluster with this platform as its first. Returns its certificate.
    pub fn init(
        &self,
        now: WallTime,
        platform: PlatformId,
        name: &str,
        days: u32,
        replace: bool,
    ) -> Result<Certificate, ClusterError> {
        if !replace {
            self.vacant(&[self.authority_key()])?;
            self.vacant(&self.of_platform())?;
        }
        let authority = Authority::make(now)?;
        let issued = authority.issue(now, platform, name, days)?;
        let certificate = Certificate::from_pem("the platform's certificate", &issued.certificate)?;
        self.make()?;
        self.write_members(&BTreeMap::from([(platform.0, name.to_owned())]))?;
        // The authority's key before what it signed: what is cut off here is no half cluster that looks whole.
        write_private(&self.authority_key(), authority.key().reveal())?;
        self.write_platform(authority.pem(), &issued)?;
        Ok(certificate)
    }

    /// The authority, where its key is here.
    pub fn authority(&self) -> Result<Authority, ClusterError> {
        let key = match read_private(&self.authority_key()) {
            Err(ClusterError::Missing(file)) => {
                return Err(ClusterError::Invalid(format!(
                    "{} is not there: invitations are made on the machine where `tandem bridge init` made the cluster",
                    file.display()
                )));
            }
            other => other?,
        };
        Authority::read(read(&self.authority_certificate())?, &key)
    }

    /// Whom the authority has signed for, where its key is here: by number, with the name.
    pub fn members(&self) -> Result<BTreeMap<u32, String>, ClusterError> {
        let file = self.members_file();
        let text = match read(&file) {
            Err(ClusterError::Missing(_)) => String::new(),
            other => other?,
        };
        let member = |line: &str| {
            let (number, name) = line.split_once(' ')?;
            Some((number.parse().ok()?, name.to_owned())).filter(|(_, name)| is_name(name))
        };
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let wrong = |line: &str| ClusterError::malformed(file.display(), format!("`{line}` is no NUMBER NAME"));
        lines.map(|line| member(line).ok_or_else(|| wrong(line))).collect()
    }

    /// Notes that a number is a platform's of this name from now on, once `sign` has given it what it needs. A number or a name that is
    /// another's already is refused unless `replace`: two machines with one number cannot both be linked, and of two with one
    /// name nobody knows which is meant.
    pub fn enrol(
        &self,
        platform: PlatformId,
        name: &str,
        replace: bool,
        sign: impl FnOnce() -> Result<(), ClusterError>,
    ) -> Result<(), ClusterError> {
        let mut members = self.members()?;
        let namesake = members.iter().find(|(number, member)| **number != platform.0 && *member == name);
        if let Some((number, _)) = namesake.filter(|_| !replace) {
            let why = format!("`{name}` is platform {number}; --replace gives its name to platform {} too", platform.0);
            return Err(ClusterError::Invalid(why));
        }
        match members.get(&platform.0) {
            Some(former) if former == name => return sign(),
            Some(former) if !replace => {
                let number = platform.0;
                let why = format!("platform {number} is `{former}`; --replace gives its number to `{name}`");
                return Err(ClusterError::Invalid(why));
            }
            None if members.len() >= PLATFORMS => {
                return Err(ClusterError::Invalid(format!("a cluster has at most {PLATFORMS} platforms")));
            }
            _ => {}
        }
        sign()?;
        members.insert(platform.0, name.to_owned());
        self.write_members(&members)
    }

    fn write_members(&self, members: &BTreeMap<u32, String>) -> Result<(), ClusterError> {
        let mut text = String::from("# The platforms that the authority has signed for: number and name.\n");
        for (number, name) in members {
            let _ = writeln!(text, "{number} {name}");
        }
        write_private(&self.members_file(), &text)
    }

    /// Puts what a platform was given into the folder, once it is known to fit together.
    pub fn install(
        &self,
        now: WallTime,
        authority: &str,
        issued: &Issued,
        replace: bool,
    ) -> Result<Certificate, ClusterError> {
        let certificate = credentials::check(now, authority, issued)?;
        if !replace {
            self.vacant(&self.of_platform())?;
        }
        // The key of another cluster's authority would be of no use beside these, and lost to who thinks it is.
        if self.authority_key().exists() && read(&self.authority_certificate())? != authority {
            let why =
                format!("{} belongs to another cluster: move this folder away first", self.authority_key().display());
            return Err(ClusterError::Mismatch(why));
        }
        self.make()?;
        self.write_platform(authority, issued)?;
        Ok(certificate)
    }

    /// The authority's certificate, this platform's and its key, as texts. The key must be its owner's alone.
    pub(super) fn read_platform(&self) -> Result<(String, Issued), ClusterError> {
        let authority = read(&self.authority_certificate())?;
        let issued = Issued { certificate: read(&self.certificate())?, key: read_private(&self.key())? };
        Ok((authority, issued))
    }

    fn of_platform(&self) -> [PathBuf; 3] {
        [self.authority_certificate(), self.certificate(), self.key()]
    }

    fn vacant(&self, files: &[PathBuf]) -> Result<(), ClusterError> {
        // What cannot be looked at is taken to be there.
        match files.iter().find(|file| file.try_exists().unwrap_or(true)) {
            Some(file) => Err(ClusterError::Exists(file.clone())),
            None => Ok(()),
        }
    }

    fn make(&self) -> Result<(), ClusterError> {
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.0);
        made.map_err(|error| ClusterError::file(&self.0, &error))
    }

    fn write_platform(&self, authority: &str, issued: &Issued) -> Result<(), ClusterError> {
        write_private(&self.key(), issued.key.reveal())?;
        write_private(&self.certificate(), &issued.certificate)?;
        write_private(&self.authority_certificate(), authority)
    }
}

/// A file of the cluster. None is long.
pub(super) fn read(path: &Path) -> Result<String, ClusterError> {
    let file = File::open(path).map_err(|error| ClusterError::file(path, &error))?;
    let mut text = String::new();
    file.take(CLUSTER_FILE_BYTES + 1).read_to_string(&mut text).map_err(|error| ClusterError::file(path, &error))?;
    if text.len() as u64 > CLUSTER_FILE_BYTES {
        return Err(ClusterError::malformed(path.display(), "is far too long"));
    }
    Ok(text)
}

/// A file that holds a private key, if only its owner can read it.
pub(super) fn read_private(path: &Path) -> Result<Private<String>, ClusterError> {
    let metadata = std::fs::metadata(path).map_err(|error| ClusterError::file(path, &error))?;
    if metadata.mode() & 0o077 != 0 {
        return Err(ClusterError::Open(path.to_owned()));
    }
    read(path).map(Private::new)
}

/// Writes a file that only its owner can read, in the place of a former one, through to the disk: whoever reads meanwhile sees
/// the former or the new one, whole.
pub(super) fn write_private(path: &Path, text: &str) -> Result<(), ClusterError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let fresh = path.with_file_name(name);
    let write = || -> io::Result<()> {
        // One that a write which was cut off has left.
        match std::fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&fresh, path)?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(parent)?.sync_all()
    };
    // A folder that is not there is no file of ours that is missing.
    write().map_err(|error| ClusterError::File { file: path.to_owned(), error: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const NOW: WallTime = WallTime::from_secs(1_795_230_000);

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_cluster_is_made_once_and_only_its_owner_reads_it() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path().join("data/bridge"));
        let certificate = folder.init(NOW, PlatformId(1), "a", 730, false).unwrap();
        assert_eq!(certificate.platform, Some(PlatformId(1)));
        assert_eq!(mode(folder.path()), 0o700);
        let authority = [folder.authority_key(), folder.authority_certificate(), folder.members_file()];
        for file in authority.into_iter().chain([folder.certificate(), folder.key()]) {
            assert_eq!(mode(&file), 0o600, "{}", file.display());
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 5, "nothing else is left there");
        let key = std::fs::read(folder.key()).unwrap();
        let error = folder.init(NOW, PlatformId(1), "a", 730, false).unwrap_err();
        assert_eq!(error, ClusterError::Exists(folder.authority_key()));
        assert_eq!(std::fs::read(folder.key()).unwrap(), key);
        std::fs::remove_file(folder.authority_key()).unwrap();
        let error = folder.init(NOW, PlatformId(1), "a", 730, false).unwrap_err();
        assert!(
            matches!(error, ClusterError::Exists(_)),
            "a platform that joined makes no cluster by mistake: {error}"
        );
        folder.init(NOW, PlatformId(1), "a", 730, true).unwrap();
        assert_ne!(std::fs::read(folder.key()).unwrap(), key);
    }

    #[test]
    fn a_key_that_lies_open_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path());
        folder.init(NOW, PlatformId(1), "a", 730, false).unwrap();
        folder.read_platform().unwrap();
        std::fs::set_permissions(folder.key(), std::fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(folder.read_platform().unwrap_err(), ClusterError::Open(folder.key()));
        std::fs::set_permissions(folder.authority_key(), std::fs::Permissions::from_mode(0o604)).unwrap();
        assert_eq!(folder.authority().unwrap_err(), ClusterError::Open(folder.authority_key()));
    }

    #[test]
    fn renewal_keeps_the_authority_and_another_cluster_does_not_bury_it() {
        let place = tempfile::tempdir().unwrap();
        let (own, other) = (Folder::new(place.path().join("a")), Folder::new(place.path().join("b")));
        own.init(NOW, PlatformId(1), "a", 1, false).unwrap();
        other.init(NOW, PlatformId(1), "b", 1, false).unwrap();
        let authority = own.authority().unwrap();
        let renewed = authority.issue(NOW, PlatformId(1), "a", 30).unwrap();
        let error = own.install(NOW, authority.pem(), &renewed, false).unwrap_err();
        assert!(matches!(error, ClusterError::Exists(_)), "{error}");
        let certificate = own.install(NOW, authority.pem(), &renewed, true).unwrap();
        assert_eq!(certificate.days_left(NOW), 30);
        own.authority().unwrap();
        let error = other.install(NOW, authority.pem(), &renewed, true).unwrap_err();
        assert!(matches!(error, ClusterError::Mismatch(_)), "{error}");
        other.authority().unwrap();
    }

    #[test]
    fn a_number_is_given_once() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path());
        folder.init(NOW, PlatformId(1), "a", 30, false).unwrap();
        let enrol = |number, name: &str, replace| folder.enrol(PlatformId(number), name, replace, || Ok(()));
        enrol(2, "b", false).unwrap();
        enrol(2, "b", false).unwrap();
        let error = enrol(1, "c", false).unwrap_err().to_string();
        assert!(error.contains("`a`") && error.contains("--replace"), "{error}");
        enrol(1, "c", true).unwrap();
        // Nor has a name two numbers, unless that is wanted: a machine that was set up anew.
        let error = enrol(3, "b", false).unwrap_err().to_string();
        assert!(error.contains("platform 2") && error.contains("--replace"), "{error}");
        let unwritten = || Err(ClusterError::Exists(place.path().to_owned()));
        assert!(folder.enrol(PlatformId(3), "d", false, unwritten).is_err());
        let expected = BTreeMap::from([(1, "c".to_owned()), (2, "b".to_owned())]);
        assert_eq!(folder.members().unwrap(), expected, "who was given nothing is no member");
        for number in 3..=PLATFORMS as u32 {
            enrol(number, &format!("x{number}"), false).unwrap();
        }
        assert!(enrol(1_000, "y", false).is_err(), "a cluster has a bound");
        for torn in ["1", "x a", "1 a b", "1 "] {
            std::fs::write(folder.members_file(), torn).unwrap();
            assert!(folder.members().is_err(), "{torn}");
        }
        std::fs::remove_file(folder.members_file()).unwrap();
        assert_eq!(folder.members().unwrap(), BTreeMap::new(), "an authority that was moved without it");
    }

    #[test]
    fn what_is_missing_says_what_to_do() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path().join("none"));
        assert!(folder.read_platform().unwrap_err().to_string().contains("tandem bridge init"));
        assert!(folder.authority().unwrap_err().to_string().contains("on the machine"));
        std::fs::create_dir(folder.path()).unwrap();
        std::fs::write(folder.authority_certificate(), vec![b'x'; 1 << 20]).unwrap();
        assert!(folder.read_platform().unwrap_err().to_string().contains("too long"));
    }
}

//! `tandem bridge`: the certificates by which platforms know each other. Works on files; no server need run.

use super::{FAILED, print};
use crate::cluster::credentials::{Credentials, signed};
use crate::cluster::{Certificate, ClusterError, Folder, Invitation};
use crate::configuration::value::HostPort;
use crate::configuration::{Configuration, load};
use crate::limits::{AUTHORITY_DAYS, PLATFORM_DAYS};
use clap::{Args, Subcommand};
use router::PlatformId;
use router::time::WallTime;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Make a cluster of platforms, or join one.
#[derive(Args, Debug)]
pub(crate) struct Bridge {
    /// The configuration of the server on this machine; without it, tandem.toml in this folder if it is there.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Make a cluster: its authority, and the certificate of this platform as its first.
    Init {
        #[command(flatten)]
        platform: Platform,
        /// Put new files in the place of those that are there. Every other platform has to be invited anew.
        #[arg(long)]
        replace: bool,
    },
    /// Invite a platform, or renew its certificate: writes the file that it joins with.
    Invite {
        #[command(flatten)]
        platform: Platform,
        /// Where it finds a platform of the cluster; may be given many times. Without it: this platform, as its
        /// configuration tells others to reach it, and bridge.peers.
        #[arg(long, value_name = "HOST:PORT")]
        peer: Vec<HostPort>,
        /// The file to write; without it NAME.invitation in this folder.
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Write over the file, and give the number to another name.
        #[arg(long)]
        replace: bool,
    },
    /// Join a cluster with the file of an invitation, or take a renewed certificate.
    Join {
        /// The invitation.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Put its files in the place of those that are there.
        #[arg(long)]
        replace: bool,
    },
    /// Print which certificates are here, and until when they are in force. Exit status 1 where something does not fit.
    Show {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// A platform to sign for.
#[derive(Args, Debug)]
struct Platform {
    /// Its number, another on each platform.
    #[arg(long, value_name = "NUMBER")]
    platform: u32,
    /// Its name, for people.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// How long its certificate is in force, days.
    #[arg(long, value_name = "DAYS", default_value_t = PLATFORM_DAYS, value_parser = clap::value_parser!(u32).range(1..=i64::from(AUTHORITY_DAYS)))]
    days: u32,
}

impl Bridge {
    pub(super) fn run(self) -> ExitCode {
        let configuration = match super::file(self.config.as_deref()) {
            Some(file) => load(&file),
            None => Ok(Configuration::default()),
        };
        let configuration = match configuration {
            Ok(configuration) => configuration,
            Err(error) => return failed(&error.to_string()),
        };
        let folder = Folder::new(configuration.certificates());
        let now = crate::clock::wall();
        let done = match self.command {
            Command::Init { platform, replace } => init(&folder, &configuration, now, &platform, replace),
            Command::Invite { platform, peer, output, replace } => {
                let output = output.unwrap_or_else(|| format!("{}.invitation", platform.name).into());
                invite(&folder, &configuration, now, &platform, peer, &output, replace)
            }
            Command::Join { file, replace } => join(&folder, &configuration, now, &file, replace),
            Command::Show { json } => {
                let shown = Shown::look(&folder, &configuration, now);
                print::out(&if json { format!("{:#}\n", shown.json(now)) } else { shown.text(now) });
                return if shown.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) };
            }
        };
        match done {
            Ok(text) => {
                print::out(&text);
                ExitCode::SUCCESS
            }
            Err(error) => failed(&error.to_string()),
        }
    }
}

fn failed(why: &str) -> ExitCode {
    print::error(why);
    ExitCode::from(FAILED)
}

fn init(
    folder: &Folder,
    configuration: &Configuration,
    now: WallTime,
    platform: &Platform,
    replace: bool,
) -> Result<String, ClusterError> {
    let id = PlatformId(platform.platform);
    configured(configuration, id)?;
    let certificate = folder.init(now, id, &platform.name, platform.days, replace)?;
    let mut text = String::new();
    let _ = writeln!(text, "A cluster was made. {}", presented(&certificate));
    let _ = writeln!(text, "Its files are in {}.", folder.path().display());
    let _ = writeln!(
        text,
        "{} signs for every platform: it stays on this machine. Keep a copy where only you can read it.",
        folder.authority_key().display()
    );
    text.push_str(&section(configuration, id, &platform.name, &[]));
    text.push_str("\nInvite the next platform:\n\n  tandem bridge invite --platform 2 --name NAME\n");
    Ok(text)
}

fn invite(
    folder: &Folder,
    configuration: &Configuration,
    now: WallTime,
    platform: &Platform,
    named: Vec<HostPort>,
    output: &Path,
    replace: bool,
) -> Result<String, ClusterError> {
    let authority = folder.authority()?;
    let id = PlatformId(platform.platform);
    let peers = if named.is_empty() { known_peers(configuration, id) } else { named };
    let unknown = peers.is_empty();
    let invitation = Invitation::make(&authority, now, id, &platform.name, peers, platform.days)?;
    folder.enrol(id, &platform.name, replace, || invitation.write(output, replace))?;
    let file = output.display();
    let name = output.file_name().map_or(output, Path::new).display();
    let mut text = format!("{file} invites platform {} ({}).\n", id.0, platform.name);
    if unknown {
        text.push_str("Where it finds this one is not known: bridge.peers has to be set there (or --peer here).\n");
    }
    let _ = write!(
        text,
        "It holds a private key. Carry it over by a safe way, take it in there, and delete it on both machines:\n\n  \
         scp {file} HOST:\n  tandem bridge join {name}\n"
    );
    Ok(text)
}

fn join(
    folder: &Folder,
    configuration: &Configuration,
    now: WallTime,
    file: &Path,
    replace: bool,
) -> Result<String, ClusterError> {
    let invitation = Invitation::read(file)?;
    configured(configuration, invitation.platform)?;
    let certificate = folder.install(now, &invitation.authority, &invitation.issued, replace)?;
    let mut text = format!("{}\nIts files are in {}.\n", presented(&certificate), folder.path().display());
    text.push_str(&section(configuration, invitation.platform, &invitation.name, &invitation.peers));
    let _ =
        writeln!(text, "\nDelete {}. A server that runs takes the new files with `tandem ctl reload`.", file.display());
    Ok(text)
}

/// Whether the configuration says that this is another platform.
fn configured(configuration: &Configuration, id: PlatformId) -> Result<(), ClusterError> {
    match configuration.bridge.platform {
        Some(configured) if configured != id.0 => Err(ClusterError::Mismatch(format!(
            "the configuration says bridge.platform = {configured}, and this would be platform {}",
            id.0
        ))),
        _ => Ok(()),
    }
}

fn presented(certificate: &Certificate) -> String {
    let number = certificate.platform.unwrap_or_default().0;
    format!("This is platform {number} ({}), until {}.", certificate.name, certificate.end)
}

/// The peers that a platform is told of: this one as others reach it, and those that this one is told of.
fn known_peers(configuration: &Configuration, invited: PlatformId) -> Vec<HostPort> {
    let bridge = &configuration.bridge;
    let reachable = bridge.listen.filter(|listen| !listen.ip().is_unspecified()).map(HostPort::from);
    let own = bridge.advertise.clone().or(reachable).filter(|_| bridge.platform != Some(invited.0));
    let mut peers: Vec<HostPort> = own.into_iter().collect();
    peers.extend(bridge.peers.iter().cloned());
    peers
}

/// What is still to be put into the configuration.
fn section(configuration: &Configuration, id: PlatformId, name: &str, peers: &[HostPort]) -> String {
    if configuration.bridge.platform == Some(id.0) {
        return String::new();
    }
    let mut text = format!("\nPut into the configuration:\n\n  [bridge]\n  platform = {}\n  name = \"{name}\"\n", id.0);
    text.push_str("  listen = \"0.0.0.0:5065\"\n");
    if !peers.is_empty() {
        let peers: Vec<String> = peers.iter().map(|peer| format!("\"{peer}\"")).collect();
        let _ = writeln!(text, "  peers = [{}]", peers.join(", "));
    }
    text
}

/// What is in the folder.
struct Shown {
    folder: PathBuf,
    authority: Option<Certificate>,
    platform: Option<Certificate>,
    invites: bool,
    members: BTreeMap<u32, String>,
    faults: Vec<String>,
}

impl Shown {
    fn look(folder: &Folder, configuration: &Configuration, now: WallTime) -> Self {
        let mut faults = Vec::new();
        let mut read = |file: &Path| match std::fs::read_to_string(file) {
            Ok(pem) => {
                let what = file.display().to_string();
                let read = Certificate::from_pem(&what, &pem);
                let wrong = match &read {
                    Ok(certificate) => certificate.check(&what, now).err(),
                    Err(error) => Some(error.clone()),
                };
                faults.extend(wrong.map(|error| error.to_string()));
                read.ok()
            }
            Err(error) => {
                faults.push(format!("{}: {error}", file.display()));
                None
            }
        };
        let authority = read(&folder.authority_certificate());
        let platform = read(&folder.certificate());
        let invites = folder.authority_key().exists();
        if let (Some(authority), Some(platform)) = (&authority, &platform)
            && faults.is_empty()
        {
            let id = configuration.bridge.platform.map(PlatformId).or(platform.platform).unwrap_or_default();
            let fits = Credentials::read(folder, id, configuration.bridge.name.as_deref())
                .and_then(|_| signed(authority, platform, now));
            faults.extend(fits.err().map(|error| error.to_string()));
        }
        if invites && let Err(error) = folder.authority() {
            faults.push(error.to_string());
        }
        let members = folder.members().unwrap_or_else(|error| {
            faults.push(error.to_string());
            BTreeMap::new()
        });
        Self { folder: folder.path().to_owned(), authority, platform, invites, members, faults }
    }

    fn text(&self, now: WallTime) -> String {
        let mut text = format!("folder     {}\n", self.folder.display());
        let force = |certificate: &Certificate| match certificate.days_left(now) {
            0 => format!("until {}", certificate.end),
            days => format!("until {}, {days} days", certificate.end),
        };
        if let Some(authority) = &self.authority {
            let _ = writeln!(text, "cluster    {}", authority.fingerprint());
            let key = if self.invites { "its key is here: this machine can invite" } else { "its key is elsewhere" };
            let _ = writeln!(text, "authority  {}; {key}", force(authority));
        }
        if let Some(platform) = &self.platform {
            let number = platform.platform.unwrap_or_default().0;
            let _ = writeln!(text, "platform   {number} ({}), {}", platform.name, force(platform));
        }
        if !self.members.is_empty() {
            let members: Vec<String> = self.members.iter().map(|(number, name)| format!("{number} ({name})")).collect();
            let _ = writeln!(text, "signed for {}", members.join(", "));
        }
        for fault in &self.faults {
            let _ = writeln!(text, "WRONG      {fault}");
        }
        text
    }

    fn json(&self, now: WallTime) -> Value {
        let certificate = |certificate: &Certificate| {
            json!({
                "name": certificate.name,
                "platform": certificate.platform.map(|platform| platform.0),
                "begin": certificate.begin.to_string(),
                "end": certificate.end.to_string(),
                "days-left": certificate.days_left(now),
                "fingerprint": certificate.fingerprint(),
            })
        };
        json!({
            "folder": self.folder,
            "authority": self.authority.as_ref().map(certificate),
            "platform": self.platform.as_ref().map(certificate),
            "invites": self.invites,
            "members": self.members,
            "faults": self.faults,
        })
    }
}

/// What `tandem check` and the start find about the files of a configuration that links: `None`: nothing is wrong.
pub(super) fn fault(configuration: &Configuration, now: WallTime) -> Option<String> {
    let platform = configuration.bridge.platform.filter(|_| !configuration.bridge.plain)?;
    let (folder, name) = (Folder::new(configuration.certificates()), configuration.bridge.name.as_deref());
    let credentials = match Credentials::read(&folder, PlatformId(platform), name) {
        Ok(credentials) => credentials,
        Err(error) => return Some(error.to_string()),
    };
    let Credentials { certificate, authority, .. } = credentials;
    let checked = authority
        .check("the authority's certificate", now)
        .and_then(|()| certificate.check("the platform's certificate", now))
        .and_then(|()| signed(&authority, &certificate, now));
    checked.err().map(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::read;
    use router::time::Duration;

    const NOW: WallTime = WallTime::from_secs(1_795_230_000);

    fn platform(number: u32, name: &str) -> Platform {
        Platform { platform: number, name: name.to_owned(), days: 30 }
    }

    fn configuration(place: &Path, bridge: &str) -> Configuration {
        let text = format!("data = \"{}\"\n[bridge]\n{bridge}", place.display());
        read(&text).unwrap()
    }

    #[test]
    fn a_cluster_of_two_by_three_commands() {
        let place = tempfile::tempdir().unwrap();
        let first = configuration(&place.path().join("1"), "platform = 1\nname = \"a\"\nlisten = \"192.0.2.1:5065\"");
        let second = configuration(&place.path().join("2"), "");
        let (one, two) = (Folder::new(first.certificates()), Folder::new(second.certificates()));
        let text = init(&one, &first, NOW, &platform(1, "a"), false).unwrap();
        assert!(text.contains("platform 1 (a)") && !text.contains("[bridge]"), "{text}");
        let file = place.path().join("b.invitation");
        let text = invite(&one, &first, NOW, &platform(2, "b"), Vec::new(), &file, false).unwrap();
        assert!(text.contains("tandem bridge join b.invitation"), "by its name, where it is carried to: {text}");
        let error = invite(&one, &first, NOW, &platform(2, "b"), Vec::new(), &file, false).unwrap_err();
        assert!(error.to_string().contains("--replace"), "{error}");
        let text = join(&two, &second, NOW, &file, false).unwrap();
        assert!(text.contains("platform = 2") && text.contains("peers = [\"192.0.2.1:5065\"]"), "{text}");
        let printed: String =
            text.lines().skip_while(|line| !line.contains("[bridge]")).take(5).collect::<Vec<_>>().join("\n");
        let ready = read(&printed).unwrap();
        assert_eq!(ready.bridge.platform, Some(2), "what is printed is a configuration");
        let shown = Shown::look(&two, &second, NOW);
        assert_eq!(shown.faults, Vec::<String>::new());
        let text = shown.text(NOW);
        assert!(text.contains("2 (b)") && text.contains("30 days") && text.contains("elsewhere"), "{text}");
        let shown = Shown::look(&one, &first, NOW);
        assert_eq!(shown.json(NOW)["invites"], true);
        assert!(shown.text(NOW).contains("signed for 1 (a), 2 (b)"), "{}", shown.text(NOW));
        let other = place.path().join("c.invitation");
        let error = invite(&one, &first, NOW, &platform(2, "c"), Vec::new(), &other, false).unwrap_err();
        assert!(error.to_string().contains("`b`") && !other.exists(), "{error}");
        assert_eq!(fault(&first, NOW), None);
        assert_eq!(fault(&second, NOW), None, "without bridge.platform nothing is linked");
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let place = tempfile::tempdir().unwrap();
        let first = configuration(place.path(), "platform = 1\nlisten = \"0.0.0.0:5065\"");
        let folder = Folder::new(first.certificates());
        assert!(fault(&first, NOW).unwrap().contains("tandem bridge init"));
        let error = init(&folder, &first, NOW, &platform(2, "a"), false).unwrap_err().to_string();
        assert!(error.contains("bridge.platform = 1"), "{error}");
        init(&folder, &first, NOW, &platform(1, "a"), false).unwrap();
        let late = NOW + Duration::from_secs(40 * 86_400);
        assert!(fault(&first, late).unwrap().contains("expired at 2026-12-"));
        let shown = Shown::look(&folder, &first, late);
        assert!(shown.text(late).contains("WRONG") && shown.faults.len() == 1, "{:?}", shown.faults);
        let file = place.path().join("b.invitation");
        let text = invite(&folder, &first, NOW, &platform(2, "b"), Vec::new(), &file, false).unwrap();
        assert!(text.contains("--peer"), "{text}");
        let error = join(&folder, &first, NOW, &file, true).unwrap_err().to_string();
        assert!(error.contains("bridge.platform = 1"), "{error}");
        std::fs::write(folder.key(), "x").unwrap();
        assert!(fault(&first, NOW).is_some());
        let empty = configuration(&place.path().join("none"), "");
        assert_eq!(Shown::look(&Folder::new(empty.certificates()), &empty, NOW).faults.len(), 2);
    }

    #[test]
    fn an_invited_platform_is_not_told_of_itself() {
        let place = tempfile::tempdir().unwrap();
        let text = "platform = 1\nlisten = \"0.0.0.0:5065\"\nadvertise = \"a.example.net:5065\"\npeers = [\"c:5065\"]";
        let own = configuration(place.path(), text);
        let told = |id| known_peers(&own, PlatformId(id)).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(told(2), ["a.example.net:5065", "c:5065"]);
        assert_eq!(told(1), ["c:5065"]);
    }
}

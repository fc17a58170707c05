//! The first start: the data folder, the token, two accounts, and what to tell the operator.

use crate::configuration::Configuration;
use crate::configuration::load::{bounded, is_private};
use crate::configuration::value::Listen;
use crate::limits::{PASSWORD_FILE_BYTES, TOKEN_CHARACTERS_MIN};
use control::password;
use router::{Private, Random};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The accounts that are made when the store has none.
pub const ACCOUNTS: [&str; 2] = ["alice", "bob"];

/// An account that was made, and its password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FirstAccount {
    /// Its name.
    pub name: String,
    /// Its password.
    pub password: Private<String>,
}

/// Makes the data folder, for its owner alone. One that is there is left as it is.
pub fn data_folder(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// What is wrong with a data folder that was there before: its files are their owner's alone, and whoever may write into the folder can put
/// others in their places.
pub fn openness(path: &Path) -> Option<String> {
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o7777;
    // What is sticky lets others add files, not take these away.
    let open = mode & 0o022 != 0 && mode & 0o1000 == 0;
    open.then(|| {
        let path = path.display();
        format!("others can write into {path} (mode {mode:o}) and put a store or socket of theirs in the place of ours: chmod 700 it")
    })
}

/// The file of the platform's own secret.
pub fn secret_file(data: &Path) -> PathBuf {
    data.join("secret")
}

/// The file that keeps the first accounts' passwords.
pub fn accounts_file(data: &Path) -> PathBuf {
    data.join("accounts.txt")
}

/// The first accounts: those of the file, where a start that did not come to its end left one; else new ones, written before
/// the store has them, so that no account is made whose password nobody knows.
pub fn accounts(data: &Path, random: &mut Random) -> io::Result<Vec<FirstAccount>> {
    let path = accounts_file(data);
    if let Ok(text) = std::fs::read_to_string(&path) {
        let kept = read_accounts(&text);
        if kept.len() == ACCOUNTS.len() {
            return Ok(kept);
        }
        std::fs::remove_file(&path)?;
    }
    let made: Vec<FirstAccount> = ACCOUNTS
        .into_iter()
        .map(|name| FirstAccount { name: name.to_owned(), password: Private::new(password::random(random)) })
        .collect();
    let mut text =
        String::from("# Account and password, made at the first start. Delete this file when they are noted.\n");
    for account in &made {
        let _ = writeln!(text, "{} {}", account.name, account.password.reveal());
    }
    write_private(&path, &text)?;
    Ok(made)
}

fn read_accounts(text: &str) -> Vec<FirstAccount> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(' '))
        .filter(|(name, password)| ACCOUNTS.contains(name) && !password.is_empty())
        .map(|(name, password)| FirstAccount { name: name.to_owned(), password: Private::new(password.to_owned()) })
        .collect()
}

/// A secret that has to be the same in each life, as the token of the control socket's TCP clients: of the file, or a new one that is
/// written there.
pub fn token(path: &Path, random: &mut Random) -> io::Result<Private<String>> {
    let wrong = |why: String| Err(io::Error::new(io::ErrorKind::InvalidData, why));
    match bounded(path, PASSWORD_FILE_BYTES).map(String::from_utf8) {
        Ok(Ok(text)) => match (is_private(path), text.trim()) {
            (Err(why), _) => wrong(why),
            (Ok(()), token) if token.chars().count() < TOKEN_CHARACTERS_MIN => {
                wrong(format!("a token has {TOKEN_CHARACTERS_MIN} characters at least; without the file one is made"))
            }
            (Ok(()), token) => Ok(Private::new(token.to_owned())),
        },
        Ok(Err(_)) => wrong("is no text in UTF-8".to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let token = format!("{}{}", password::random(random), password::random(random));
            write_private(path, &format!("{token}\n"))?;
            Ok(Private::new(token))
        }
        Err(error) => Err(error),
    }
}

/// Writes a new file that only its owner can read, through to the disk.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// What the operator is told once: the accounts, how a phone reaches the server, how to open it to the network. `lan` is the
/// address by which the host reaches the world, `file` the configuration, there or to be made.
pub fn announcement(
    configuration: &Configuration,
    accounts: &[FirstAccount],
    lan: Option<IpAddr>,
    file: &Path,
) -> String {
    let mut text = String::from("\nTwo accounts were made. Their passwords are shown this once and kept in ");
    let _ = writeln!(text, "{}:\n", accounts_file(&configuration.data).display());
    for account in accounts {
        let _ = writeln!(text, "  user {:<8} password {}", account.name, account.password.reveal());
    }
    text.push('\n');
    text.push_str(&reach(configuration, lan, file));
    text
}

/// How a phone reaches the server, and how to open it to the network where it listens on loopback alone: by which file.
pub fn reach(configuration: &Configuration, lan: Option<IpAddr>, file: &Path) -> String {
    let mut text = String::new();
    let listeners = &configuration.sip.listen;
    for listen in listeners {
        let transport = listen.transport;
        let (address, port) = (listen.address, listen.address.port());
        let own = |lan: IpAddr| lan.is_ipv4() == address.is_ipv4();
        let told = match (configuration.sip.advertised.get(listen), lan.filter(|&lan| own(lan))) {
            (Some(advertised), _) if has_port(advertised) => advertised.clone(),
            (Some(advertised), _) => format!("{advertised}:{port}"),
            (None, Some(lan)) if address.ip().is_unspecified() => std::net::SocketAddr::new(lan, port).to_string(),
            (None, None) if address.ip().is_unspecified() => {
                format!("port {port} of this host's IPv{} addresses", if address.is_ipv4() { 4 } else { 6 })
            }
            (None, _) => address.to_string(),
        };
        let _ =
            writeln!(text, "Phones reach it at {told} ({transport}); the server (or domain, or proxy) of the account.");
    }
    if listeners.iter().all(|listen| listen.address.ip().is_loopback()) {
        let mut opened: Vec<String> = listeners.iter().map(|listen| format!("\"{}\"", opened(listen, lan))).collect();
        // Loopback of both families is opened as one listener where the host's address is not known.
        let mut said = std::collections::BTreeSet::new();
        opened.retain(|listener| said.insert(listener.clone()));
        let _ = write!(
            text,
            "Only phones on this machine reach it. To open it to the network, say in {}\n\n  \
             [sip]\n  listen = [{}]\n\nand start it again.\n",
            file.display(),
            opened.join(", ")
        );
    }
    text.push_str("Call 'echo' to hear yourself, or one account from the other.\n");
    text
}

/// Whether what is advertised names a port of its own: behind an IPv6 address only where that is in brackets.
fn has_port(advertised: &str) -> bool {
    advertised.parse::<IpAddr>().is_err() && !advertised.ends_with(']') && advertised.contains(':')
}

/// A listener of loopback at the same port of the address by which the host reaches the world.
fn opened(listen: &Listen, lan: Option<IpAddr>) -> String {
    let port = listen.address.port();
    match lan.filter(|lan| !lan.is_loopback() && lan.is_ipv4() == listen.address.is_ipv4()) {
        Some(lan) => Listen { address: std::net::SocketAddr::new(lan, port), ..*listen }.to_string(),
        None => {
            let own = listen.address.to_string();
            listen.to_string().replace(&own, &format!("THIS HOST'S ADDRESS:{port}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_first_accounts_are_kept_where_only_the_owner_reads_them() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("a/data");
        data_folder(&data).unwrap();
        assert_eq!(mode(&data), 0o700);
        let mut random = Random::from_seed(1);
        let made = accounts(&data, &mut random).unwrap();
        assert_eq!(mode(&accounts_file(&data)), 0o600);
        assert_ne!(made[0].password, made[1].password);
        assert_eq!(accounts(&data, &mut random).unwrap(), made, "a start that was cut off goes on with them");
        std::fs::write(accounts_file(&data), "torn").unwrap();
        assert_ne!(accounts(&data, &mut random).unwrap(), made);
    }

    #[test]
    fn the_token_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.token");
        let mut random = Random::from_seed(1);
        let made = token(&path, &mut random).unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(token(&path, &mut random).unwrap(), made);
        // One of the operator's own, which nobody guesses and nobody else reads.
        for (text, mode, taken) in [
            ("\n", 0o600, false),
            ("sesame", 0o600, false),
            ("a token of the operator's\n", 0o600, true),
            ("a token of the operator's\n", 0o640, false),
            ("a token of the operator's\n", 0o604, false),
            (&"x".repeat(PASSWORD_FILE_BYTES as usize + 1), 0o600, false),
        ] {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(token(&path, &mut random).is_ok(), taken, "{mode:o}");
        }
    }

    #[test]
    fn the_operator_is_told_how_to_reach_it_and_how_to_open_it() {
        let account = FirstAccount { name: "alice".into(), password: Private::new("secret".into()) };
        let lan = "198.51.100.4".parse().ok();
        let text =
            announcement(&Configuration::default(), std::slice::from_ref(&account), lan, Path::new("/srv/tandem.toml"));
        assert!(text.contains("say in /srv/tandem.toml\n"), "{text}");
        assert!(text.contains("secret") && text.contains("127.0.0.1:5060"), "{text}");
        assert!(text.contains("listen = [\"udp:198.51.100.4:5060\", \"tcp:198.51.100.4:5060\"]"), "{text}");
        let other = crate::configuration::read("[sip]\nlisten = [\"tcp:127.0.0.9:5070\", \"udp:[::1]:5072\"]").unwrap();
        let text = reach(&other, lan, Path::new("/srv/tandem.toml"));
        assert!(text.contains("listen = [\"tcp:198.51.100.4:5070\", \"udp:THIS HOST'S ADDRESS:5072\"]"), "{text}");
        let both = crate::configuration::read("[sip]\nlisten = [\"udp:127.0.0.1:5060\", \"udp:[::1]:5060\"]").unwrap();
        let text = reach(&both, None, Path::new("/srv/tandem.toml"));
        assert!(text.contains("listen = [\"udp:THIS HOST'S ADDRESS:5060\"]"), "{text}");
        let open = crate::configuration::read("[sip]\nlisten = [\"udp:0.0.0.0:5060\"]").unwrap();
        let text = reach(&open, lan, Path::new("/srv/tandem.toml"));
        assert!(text.contains("198.51.100.4:5060 (UDP)") && !text.contains("[sip]"), "{text}");
        let text = "[sip]\nlisten = [\"udp:[::]:5300\", \"udp:0.0.0.0:5300\", \"tcp:0.0.0.0:5300\"]\n\
                    advertised = { \"udp:0.0.0.0:5300\" = \"sip.example.net\", \"tcp:0.0.0.0:5300\" = \"sip.example.net:5301\" }";
        let text = reach(&crate::configuration::read(text).unwrap(), lan, Path::new("/srv/tandem.toml"));
        for told in [
            "port 5300 of this host's IPv6 addresses (UDP)",
            "sip.example.net:5300 (UDP)",
            "sip.example.net:5301 (TCP)",
        ] {
            assert!(text.contains(&format!("Phones reach it at {told}")), "{text}");
        }
    }
}

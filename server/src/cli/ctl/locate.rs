//! Which server is meant: the one that is named, else the one that was started in this folder.

use super::client::CtlError;
use crate::cli::{Cli, Command};
use crate::configuration::{self, Configuration};
use clap::Parser;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use toml::de::DeTable;

/// The control socket: the one that is named; that of the configuration that is named; that of the server that runs in this
/// folder; that of the `tandem.toml` in it; that of the defaults.
///
/// # Errors
/// [`CtlError::Configuration`]: a configuration was named and cannot be read.
pub(crate) fn socket(named: Option<&Path>, config: Option<&Path>) -> Result<PathBuf, CtlError> {
    if let Some(socket) = named {
        return Ok(socket.to_owned());
    }
    if let Some(file) = config {
        let text = std::fs::read_to_string(file)
            .map_err(|error| CtlError::Configuration(format!("{}: {error}", file.display())))?;
        return Ok(told(&text, file));
    }
    let file = crate::cli::file(running_here().flatten().as_deref()).unwrap_or_default();
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    Ok(told(&text, &file))
}

/// The socket of a configuration, from the text of its file. A server that runs does so by what the file said before somebody made a mistake in it, and
/// still has to be steered: of a file with mistakes the keys that matter here are taken where they are to be understood.
fn told(text: &str, file: &Path) -> PathBuf {
    let mut configuration = configuration::read(text).unwrap_or_else(|_| {
        let (root, _) = DeTable::parse_recoverable(text);
        let path = |table: &DeTable<'_>, key: &str| table.get(key)?.get_ref().as_str().map(PathBuf::from);
        let mut configuration = Configuration::default();
        if let Some(data) = path(root.get_ref(), "data") {
            configuration.data = data;
        }
        let control = root.get_ref().get("control").and_then(|control| control.get_ref().as_table());
        configuration.control.socket = control.and_then(|control| path(control, "socket"));
        configuration
    });
    configuration.start_paths_at(file.parent().unwrap_or(Path::new("")));
    configuration.control_socket()
}

/// Whether a server of this user was started in this folder, and with which configuration it was. What the system does not
/// let this user see is not there.
fn running_here() -> Option<Option<PathBuf>> {
    let here = std::env::current_dir().ok()?;
    let own = std::process::id().to_string();
    for entry in std::fs::read_dir("/proc").ok()?.flatten() {
        let name = entry.file_name();
        let process = entry.path();
        if name == own.as_str() || std::fs::read_link(process.join("cwd")).ok().as_ref() != Some(&here) {
            continue;
        }
        let Ok(arguments) = std::fs::read(process.join("cmdline")) else { continue };
        if let Some(config) = serves(&arguments) {
            return Some(config);
        }
    }
    None
}

/// The `--config` of a `tandem serve`, from its arguments as /proc has them.
fn serves(arguments: &[u8]) -> Option<Option<PathBuf>> {
    let arguments: Vec<OsString> = arguments
        .strip_suffix(b"\0")
        .unwrap_or(arguments)
        .split(|&byte| byte == 0)
        .map(|argument| OsString::from_vec(argument.to_owned()))
        .collect();
    let program = Path::new(arguments.first()?).file_name()?;
    if program != "tandem" {
        return None;
    }
    match Cli::try_parse_from(arguments).ok()?.command {
        Command::Serve(serve) => Some(serve.config),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_known_by_its_arguments() {
        assert_eq!(serves(b"target/release/tandem\0serve\0"), Some(None));
        assert_eq!(serves(b"tandem\0serve\0--config\0a.toml\0"), Some(Some("a.toml".into())));
        assert_eq!(serves(b"tandem\0serve\0--config=a b.toml\0"), Some(Some("a b.toml".into())));
        for other in [&b"vi\0serve\0"[..], b"tandem\0ctl\0status\0", b"tandem\0", b"", b"\xff\0serve\0"] {
            assert_eq!(serves(other), None);
        }
    }

    #[test]
    fn what_is_named_wins() {
        assert_eq!(socket(Some(Path::new("/x")), None).unwrap(), Path::new("/x"));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.toml");
        std::fs::write(&file, "data = \"/var/lib/tandem\"").unwrap();
        assert_eq!(socket(None, Some(&file)).unwrap(), Path::new("/var/lib/tandem/control.sock"));
        std::fs::write(&file, "").unwrap();
        let expected = folder.path().join("data/control.sock");
        assert_eq!(socket(None, Some(&file)).unwrap(), expected, "wherever it is asked from");
        std::fs::remove_file(&file).unwrap();
        assert!(matches!(socket(None, Some(&file)), Err(CtlError::Configuration(_))));
    }
    /// A server that runs is steered whatever was done to its file meanwhile.
    #[test]
    fn mistakes_in_the_file_hide_no_socket() {
        for (text, expected) in [
            ("data = \"/d\"\n[sip]\nlissten = []", "/d/control.sock"),
            ("data = \"/d\"\n[sip]\ndscp = 99", "/d/control.sock"),
            ("data = \"/d\"\n[control]\nsocket = \"/s\"\n[sip\nlisten = [", "/s"),
            ("data = \"/d\"\n[sip]\nlisten = [\"udp", "/d/control.sock"),
            ("data = 3", "./data/control.sock"),
            ("control = 3", "./data/control.sock"),
            ("\u{0}", "./data/control.sock"),
        ] {
            assert_eq!(told(text, Path::new("tandem.toml")), Path::new(expected), "{text}");
        }
    }
}

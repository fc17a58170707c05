//! Which server is meant: the one that is named, else the one that was started in this folder.

use super::client::CtlError;
use crate::cli::{Cli, Command};
use crate::configuration::{Configuration, load};
use clap::Parser;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// The control socket: the one that is named; that of the configuration that is named; that of the server that runs in this
/// folder; that of the `tandem.toml` in it; that of the defaults.
pub(crate) fn socket(named: Option<&Path>, config: Option<&Path>) -> Result<PathBuf, CtlError> {
    if let Some(socket) = named {
        return Ok(socket.to_owned());
    }
    let file = match config {
        Some(file) => Some(file.to_owned()),
        None => match running_here() {
            Some(configured) => crate::cli::file(configured.as_deref()),
            None => crate::cli::file(None),
        },
    };
    let configuration = match file {
        Some(file) => load(&file).map_err(|error| CtlError::Configuration(error.to_string()))?,
        None => Configuration::default(),
    };
    Ok(configuration.control_socket())
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
        std::fs::write(&file, "data = 3").unwrap();
        assert!(matches!(socket(None, Some(&file)), Err(CtlError::Configuration(_))));
    }
}

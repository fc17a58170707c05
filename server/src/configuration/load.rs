//! From a file to a configuration, with errors that name the line.

use super::form::{Form, form, may_come_of};
use super::model::Configuration;
use super::validate;
use super::value::Secret;
use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Complaint {
    /// At which line, counted from 1.
    pub line: Option<usize>,
    /// What.
    pub message: String,
}

/// Why a file is no configuration. Written as `FILE:LINE: what`, one a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigurationError {
    /// Which file.
    pub file: PathBuf,
    /// What is wrong, by line.
    pub complaints: Vec<Complaint>,
}

impl fmt::Display for ConfigurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, complaint) in self.complaints.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            match complaint.line {
                Some(line) => write!(f, "{}:{line}: {}", self.file.display(), complaint.message)?,
                None => write!(f, "{}: {}", self.file.display(), complaint.message)?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for ConfigurationError {}

/// Reads a file. The files that it names (passwords) are read too. Paths in it start at its own folder.
pub fn load(file: &Path) -> Result<Configuration, ConfigurationError> {
    let failed = |complaints| Err(ConfigurationError { file: file.to_owned(), complaints });
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => return failed(vec![Complaint { line: None, message: error.to_string() }]),
    };
    let (mut configuration, mut complaints) = examine(&text);
    configuration.start_paths_at(file.parent().unwrap_or(Path::new("")));
    complaints.extend(secrets(file, &text, &mut configuration));
    if complaints.is_empty() { Ok(configuration) } else { failed(in_order(complaints)) }
}

/// Reads a text: its form, and what contradicts itself. No file is touched.
pub fn read(text: &str) -> Result<Configuration, Vec<Complaint>> {
    let (configuration, complaints) = examine(text);
    if complaints.is_empty() { Ok(configuration) } else { Err(in_order(complaints)) }
}

/// What a text says as far as it can be understood, and all that is wrong with it.
fn examine(text: &str) -> (Configuration, Vec<Complaint>) {
    let Form { configuration, mut complaints, faulty, is_toml } = form(text);
    if is_toml {
        let found = validate::contradictions(&configuration).into_iter();
        let found = found.filter(|(path, why)| !faulty.iter().any(|faulty| may_come_of(path, why, faulty)));
        complaints.extend(found.map(|(path, message)| at(text, &path, &message)));
    }
    (configuration, complaints)
}

/// What is no mistake, and most likely not meant.
pub fn warnings(text: &str, configuration: &Configuration) -> Vec<Complaint> {
    in_order(validate::doubts(configuration).into_iter().map(|(path, why)| at(text, &path, &why)).collect())
}

fn in_order(mut complaints: Vec<Complaint>) -> Vec<Complaint> {
    complaints.sort_by_key(|complaint| complaint.line);
    complaints
}

/// Reads the password files, and sees to it that no password lies open.
fn secrets(file: &Path, text: &str, configuration: &mut Configuration) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (index, trunk) in configuration.trunk.iter_mut().enumerate() {
        let (path, key) = match &trunk.password_file {
            Some(path) => (path.as_path(), "password_file"),
            None if trunk.password.is_some() => (file, "password"),
            None => continue,
        };
        let key = format!("trunk[{index}].{key}");
        if let Err(why) = is_private(path) {
            complaints.push(at(text, &key, &why));
        }
        if let Some(path) = &trunk.password_file {
            match std::fs::read_to_string(path) {
                Ok(password) if password.trim_end_matches(['\n', '\r']).is_empty() => {
                    complaints.push(at(text, &key, &format!("{} is empty", path.display())));
                }
                Ok(password) => {
                    trunk.password = Some(Secret::from(password.trim_end_matches(['\n', '\r']).to_owned()));
                }
                Err(error) => complaints.push(at(text, &key, &format!("{}: {error}", path.display()))),
            }
        }
    }
    complaints
}

/// Whether only its owner can read a file.
fn is_private(path: &Path) -> Result<(), String> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.mode() & 0o077 != 0 => {
            Err(format!("{} holds a password and can be read by others: chmod 600 it", path.display()))
        }
        // That it cannot be read is said by who reads it.
        _ => Ok(()),
    }
}

/// The line of a key of a file, or of the section that it would be in.
pub fn line_of_key(file: &Path, path: &str) -> Option<usize> {
    line_of_path(&std::fs::read_to_string(file).ok()?, path)
}

/// A complaint about the key at `path`.
fn at(text: &str, path: &str, message: &str) -> Complaint {
    Complaint { line: line_of_path(text, path), message: format!("{path}: {message}") }
}

/// The line of the key at `path` (`trunk[1].address`); of the innermost table that is there, where the key is not.
fn line_of_path(text: &str, path: &str) -> Option<usize> {
    let root = DeTable::parse(text).ok()?;
    let mut table: &DeTable<'_> = root.get_ref();
    let mut found = None;
    for part in path.split('.') {
        let (name, index) = match part.split_once('[') {
            Some((name, index)) => (name, index.trim_end_matches(']').parse::<usize>().ok()),
            None => (part, None),
        };
        let Some((key, value)) = table.iter().find(|(key, _)| key.get_ref() == name) else { break };
        found = Some(key.span().start);
        let value: Option<&Spanned<DeValue<'_>>> = match (value.get_ref(), index) {
            (DeValue::Array(array), Some(index)) => {
                let element = array.get(index);
                found = element.map(|element| element.span().start).or(found);
                element
            }
            _ => Some(value),
        };
        match value.map(Spanned::get_ref) {
            Some(DeValue::Table(inner)) => table = inner,
            _ => break,
        }
    }
    found.map(|offset| line_of(text, offset))
}

pub(super) fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes().iter().take(offset).filter(|&&byte| byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn complaint(text: &str) -> (Option<usize>, String) {
        let complaint = read(text).unwrap_err().remove(0);
        (complaint.line, complaint.message)
    }

    #[test]
    fn nothing_is_the_default() {
        assert_eq!(read("").unwrap(), Configuration::default());
    }

    #[test]
    fn unknown_keys_wrong_types_and_bad_syntax_name_their_line() {
        let (line, message) = complaint("data = \"x\"\n\n[sip]\nlissten = []\n");
        assert_eq!(line, Some(4));
        assert!(message.contains("lissten"), "{message}");
        assert_eq!(complaint("[sip]\ndscp = \"a\"\n").0, Some(2));
        assert_eq!(complaint("[sip]\nlisten = [\"udp:x\"]\n").0, Some(2));
        assert_eq!(complaint("\n\n[sip\n").0, Some(3));
        assert_eq!(complaint("[media]\nports = \"9-1\"\n").0, Some(2));
        assert_eq!(complaint("[[trunk]]\nname = \"a\"\nadress = \"b\"\n").0, Some(3));
        assert_eq!(complaint("data = \"a\"\ndata = \"b\"\n").0, Some(2));
    }

    #[test]
    fn contradictions_name_the_line_of_their_key() {
        let text =
            "[[trunk]]\nname = \"a\"\naddress = \"192.0.2.1\"\n\n[[trunk]]\naddress = \"192.0.2.2\"\nname = \"a\"\n";
        let (line, message) = complaint(text);
        assert_eq!(line, Some(7));
        assert!(message.starts_with("trunk[1].name"), "{message}");
        let (line, _) = complaint("[sip]\nexpires_default_s = 10\n");
        assert_eq!(line, Some(2));
        let (line, message) = complaint("\n[[group]]\nname = \"g\"\n");
        assert_eq!(line, Some(2), "the section, where the key is missing: {message}");
    }

    #[test]
    fn paths_start_at_the_folder_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tandem.toml");
        std::fs::write(&file, "[control]\nsocket = \"run/s\"\ntcp = \"127.0.0.1:1\"\ntoken_file = \"/t\"").unwrap();
        let configuration = load(&file).unwrap();
        assert_eq!(configuration.data, folder.path().join("data"), "the default too");
        assert_eq!(configuration.control_socket(), folder.path().join("run/s"));
        assert_eq!(configuration.control_token_file(), Path::new("/t"));
    }

    #[test]
    fn a_password_lies_in_no_open_file() {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        std::fs::write(&secret, "hidden\n").unwrap();
        let file = folder.path().join("tandem.toml");
        let text = format!(
            "[[trunk]]\nname = \"a\"\naddress = \"192.0.2.1\"\nusername = \"u\"\npassword_file = \"{}\"\n",
            secret.display()
        );
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o644)).unwrap();
        let error = load(&file).unwrap_err();
        assert_eq!(error.complaints[0].line, Some(5));
        assert!(error.to_string().contains("tandem.toml:5: "), "{error}");
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
        let configuration = load(&file).unwrap();
        assert_eq!(configuration.trunk[0].password.as_ref().unwrap().0.reveal(), "hidden");
        assert!(!format!("{configuration:?}").contains("hidden"));
    }
}

//! From a file to a configuration, with errors that name the line.

use super::form::{Form, MESSAGE, form, may_come_of};
use super::model::Configuration;
use super::validate;
use super::value::Secret;
use crate::limits::{COMPLAINTS, CONFIGURATION_BYTES, PASSWORD_FILE_BYTES, SOCKET_PATH_BYTES};
use std::fmt;
use std::io::Read;
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
    let text = match text(file) {
        Ok(text) => text,
        Err(complaint) => return failed(vec![complaint]),
    };
    let (mut configuration, mut complaints) = examine(&text);
    configuration.start_paths_at(file.parent().unwrap_or(Path::new("")));
    complaints.extend(secrets(file, &text, &mut configuration));
    let socket = configuration.control_socket();
    if socket.as_os_str().len() > SOCKET_PATH_BYTES {
        let key = if configuration.control.socket.is_some() { "control.socket" } else { "data" };
        let why = format!("the control socket's path, {}, is longer than {SOCKET_PATH_BYTES} bytes", socket.display());
        complaints.push(at(&text, key, &why));
    }
    if complaints.is_empty() { Ok(configuration) } else { failed(in_order(complaints)) }
}

/// The text of a file.
fn text(file: &Path) -> Result<String, Complaint> {
    let whole = |error: std::io::Error| Complaint { line: None, message: error.to_string() };
    let octets = bounded(file, CONFIGURATION_BYTES).map_err(whole)?;
    String::from_utf8(octets).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = Some(lines_of(before) + 1);
        Complaint { line, message: "is no text in UTF-8 from here on".to_owned() }
    })
}

/// What a file holds, unless it is longer than it may be.
pub(crate) fn bounded(file: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    std::fs::File::open(file)?.take(most + 1).read_to_end(&mut octets)?;
    if octets.len() as u64 > most {
        let why = format!("is longer than {most} bytes");
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, why));
    }
    Ok(octets)
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
        let found = found.take(COMPLAINTS.saturating_sub(complaints.len()));
        complaints.extend(found.map(|(path, message)| at(text, &path, &message)));
    }
    (configuration, complaints)
}

/// What is no mistake, and most likely not meant.
pub fn warnings(text: &str, configuration: &Configuration) -> Vec<Complaint> {
    let doubts = validate::doubts(configuration).into_iter().take(COMPLAINTS);
    in_order(doubts.map(|(path, why)| at(text, &path, &why)).collect())
}

fn in_order(mut complaints: Vec<Complaint>) -> Vec<Complaint> {
    complaints.sort_by_key(|complaint| complaint.line);
    complaints
}

/// Reads the password files, and sees to it that no password lies open.
fn secrets(file: &Path, text: &str, configuration: &mut Configuration) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    if configuration.hep.password.is_some()
        && let Err(why) = is_private(file)
    {
        complaints.push(at(text, "hep.password", &why));
    }
    let of_trunks = configuration.trunk.iter_mut().enumerate();
    let of_trunks = of_trunks.map(|(index, it)| (format!("trunk[{index}]"), &mut it.password, &it.password_file));
    let of_turn = configuration.turn.iter_mut().enumerate();
    let of_turn = of_turn.map(|(index, it)| (format!("turn[{index}]"), &mut it.password, &it.password_file));
    for (section, password_of, password_file) in of_trunks.chain(of_turn) {
        let (path, key) = match password_file {
            Some(path) => (path.as_path(), "password_file"),
            None if password_of.is_some() => (file, "password"),
            None => continue,
        };
        let key = format!("{section}.{key}");
        if let Err(why) = is_private(path) {
            complaints.push(at(text, &key, &why));
        }
        if let Some(path) = password_file {
            match bounded(path, PASSWORD_FILE_BYTES).map(String::from_utf8) {
                Ok(Err(_)) => complaints.push(at(text, &key, &format!("{} is no text in UTF-8", path.display()))),
                Ok(Ok(password)) if password.trim_end_matches(['\n', '\r']).is_empty() => {
                    complaints.push(at(text, &key, &format!("{} is empty", path.display())));
                }
                Ok(Ok(password)) => {
                    *password_of = Some(Secret::from(password.trim_end_matches(['\n', '\r']).to_owned()));
                }
                Err(error) => complaints.push(at(text, &key, &format!("{}: {error}", path.display()))),
            }
        }
    }
    complaints
}

/// Whether only its owner can read a file of secrets.
pub(crate) fn is_private(path: &Path) -> Result<(), String> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.mode() & 0o077 != 0 => {
            Err(format!("{} holds a secret and can be read by others: chmod 600 it", path.display()))
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
    // On one line, whoever has said it: those who read complaints look for `FILE:LINE:` at the begin of each.
    let message: Vec<&str> = message.split_whitespace().collect();
    let message = format!("{path}: {}", message.join(" ")).chars().take(MESSAGE).collect();
    Complaint { line: line_of_path(text, path), message }
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
    lines_of(&text.as_bytes()[..offset.min(text.len())]) + 1
}

fn lines_of(octets: &[u8]) -> usize {
    octets.iter().filter(|&&byte| byte == b'\n').count()
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
    fn a_number_is_answered_with_those_that_its_key_takes() {
        for (text, words) in [
            ("[sip]\ndscp = 64", "sip.dscp: `64`: write a whole number, 0 to 63"),
            ("[sip]\ndscp = 300", "sip.dscp: `300`: write a whole number, 0 to 63"),
            ("[sip]\ndscp = -1", "sip.dscp: `-1`: write a whole number, 0 to 63"),
            ("[sip]\ndscp = \"a\"", "sip.dscp: `a`: write a whole number, 0 to 63"),
            ("[sip]\ndscp = 0x40", "sip.dscp: `0x40`: write a whole number, 0 to 63"),
            ("[sip]\ndscp = 46.0", "write a whole number, 0 to 63"),
            ("[sip]\ndscp = true", "sip.dscp: `true`: write a whole number, 0 to 63"),
            ("[sip]\nt1_ms = 99999999999999999999", "write a whole number, 10 to 4000"),
            ("[calls]\nmedia_silence_s = [10]", "a list: write a whole number, 0, or 10 or more"),
            ("[[trunk]]\nname = \"a\"\naddress = \"h\"\nresponse_s = 40", "1 to 31: a transaction ends"),
            ("[[route]]\nto = [\"account:a\"]\nstrip = -1", "route[0].strip: `-1`: write a whole number, 0 or more"),
        ] {
            let complaints = read(text).unwrap_err();
            let last = Some(text.lines().count());
            let told = complaints.iter().any(|one| one.line == last && one.message.contains(words));
            assert!(told && complaints.len() == 1, "{text}: {complaints:?}");
        }
        assert_eq!(read("[sip]\ndscp = 0b10_1110").unwrap().sip.dscp, 46);
    }

    /// No file keeps who reads it, or fills the memory.
    #[test]
    fn hostile_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tandem.toml");
        let deep = |open: &str, close: &str| format!("data = {}{}", open.repeat(100_000), close.repeat(100_000));
        for (octets, line) in [
            (b"\0".to_vec(), Some(1)),
            (b"[sip]\ndomains = [\"\xff\"]\n".to_vec(), Some(2)),
            (b"[calls]\nmax = 1\r\r\n".to_vec(), Some(2)),
            (b"[sip]\n[sip]\n".to_vec(), Some(2)),
            (b"sip.dscp = 1\nsip = 3\n".to_vec(), Some(2)),
            (deep("[", "]").into_bytes(), Some(1)),
            (deep("{ a = ", "}").into_bytes(), Some(1)),
            (format!("[{}]", vec!["a"; 100_000].join(".")).into_bytes(), Some(1)),
            (format!("{}\n", "a".repeat(1 << 20)).into_bytes(), Some(1)),
            ("[[trunk]]\n".repeat(50_000).into_bytes(), Some(1)),
            (format!("[sip]\ndomains = [\n{}]", "1,\n".repeat(300_000)).into_bytes(), Some(3)),
            ("[[route]]\nto = [\"number:1\"]\n".repeat(3_000).into_bytes(), Some(2)),
            (vec![b'#'; CONFIGURATION_BYTES as usize + 1], None),
        ] {
            std::fs::write(&file, &octets).unwrap();
            let error = load(&file).unwrap_err();
            let begin = String::from_utf8_lossy(&octets[..octets.len().min(40)]).into_owned();
            assert_eq!(error.complaints[0].line, line, "{begin}: {:?}", error.complaints[0]);
            assert!(error.complaints.len() <= COMPLAINTS, "{begin}: {}", error.complaints.len());
            assert!(error.to_string().len() < 100_000, "{begin}");
        }
        let error = load(folder.path()).unwrap_err();
        assert_eq!(error.complaints[0].line, None, "a folder: {error}");
        let error = load(Path::new("/dev/zero")).unwrap_err();
        assert!(error.to_string().contains("longer"), "{error}");
        // A mark at its begin, and lines as other systems end them.
        std::fs::write(&file, "\u{feff}[calls]\r\nmax = 7\r\n").unwrap();
        assert_eq!(load(&file).unwrap().calls.max, 7);
        let data = "d".repeat(SOCKET_PATH_BYTES);
        std::fs::write(&file, format!("\ndata = \"{data}\"")).unwrap();
        assert_eq!(load(&file).unwrap_err().complaints[0].line, Some(2));
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

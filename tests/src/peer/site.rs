//! The place of one test: a folder, an address, and what is said when the test fails.

use super::ports::Host;
use std::path::{Path, PathBuf};

/// Lines of each log that a failing test prints.
const LINES: usize = 400;

/// A temporary folder and an address. Declare it first in a test: what is declared after it ends before it.
#[derive(Debug)]
pub struct Site {
    folder: tempfile::TempDir,
    /// The address.
    pub host: Host,
}

impl Site {
    /// A new one.
    #[expect(clippy::new_without_default, reason = "a default does not make folders")]
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("tandem-peers-").tempdir().expect("a temporary folder");
        Self { folder, host: Host::claim() }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// Writes a file into the folder.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.file(name);
        std::fs::write(&path, text).expect("the temporary folder can be written");
        path
    }

    /// The ends of all logs.
    pub fn logs(&self) -> String {
        let mut text = String::new();
        for path in logs(self.folder()) {
            let log = String::from_utf8_lossy(&std::fs::read(&path).unwrap_or_default()).into_owned();
            let lines: Vec<&str> = log.lines().collect();
            let cut = lines.len().saturating_sub(LINES);
            let name = path.strip_prefix(self.folder()).unwrap_or(&path).display();
            text.push_str(&format!("\n===== {name} ({} lines, the last {}):\n", lines.len(), lines.len() - cut));
            text.push_str(&lines[cut..].join("\n"));
            text.push('\n');
        }
        text
    }
}

impl Drop for Site {
    #[expect(clippy::print_stderr, reason = "a failing test shows what its peers said")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.logs());
        }
    }
}

/// The files that end in `.log`, in order of their names.
fn logs(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(logs(&path));
        } else if path.extension().is_some_and(|ending| ending == "log") {
            found.push(path);
        }
    }
    found.sort();
    found
}

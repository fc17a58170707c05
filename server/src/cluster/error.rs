//! Why something about the cluster's certificates did not work: a sentence for the operator.

use std::fmt;
use std::path::{Path, PathBuf};

/// What went wrong, and what to do about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClusterError {
    /// A file would be overwritten.
    Exists(PathBuf),
    /// A file is not there.
    Missing(PathBuf),
    /// The system refuses to read or write a file.
    File {
        /// Which.
        file: PathBuf,
        /// What it said.
        error: String,
    },
    /// A private key lies open.
    Open(PathBuf),
    /// A file or a text is not what it should be.
    Malformed {
        /// Which: a file, or what it was taken for.
        what: String,
        /// How.
        why: String,
    },
    /// A certificate is not in force.
    NotInForce {
        /// Whose.
        what: String,
        /// Since or until when.
        why: String,
    },
    /// What belongs together does not fit.
    Mismatch(String),
    /// An argument that cannot be served.
    Invalid(String),
}

impl ClusterError {
    /// `what` is not what it should be.
    pub(super) fn malformed(what: impl fmt::Display, why: impl fmt::Display) -> Self {
        Self::Malformed { what: what.to_string(), why: why.to_string() }
    }

    /// The system's refusal at `file`.
    pub(super) fn file(file: &Path, error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::NotFound {
            return Self::Missing(file.to_owned());
        }
        Self::File { file: file.to_owned(), error: error.to_string() }
    }
}

impl fmt::Display for ClusterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists(file) => {
                write!(f, "{} is there already; --replace puts a new one in its place", file.display())
            }
            Self::Missing(file) => write!(
                f,
                "{} is not there: `tandem bridge init` makes a cluster, `tandem bridge join` enters one",
                file.display()
            ),
            Self::File { file, error } => write!(f, "{}: {error}", file.display()),
            Self::Open(file) => {
                write!(f, "{} holds a private key and can be read by others: chmod 600 it", file.display())
            }
            Self::Malformed { what, why } | Self::NotInForce { what, why } => write!(f, "{what}: {why}"),
            Self::Mismatch(why) | Self::Invalid(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for ClusterError {}

//! The database's files: for their owner's eyes only, and for one process.

use super::OpenError;
use rustix::fs::{FlockOperation, flock};
use std::fs::{DirBuilder, File, OpenOptions, Permissions, set_permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Holds the lock of a database: until it is dropped, or the process dies.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// Makes the folder (0700) and the file (0600; SQLite gives its journal the same) where they are missing, and takes the lock
/// beside the database. An operator's `sqlite3` is not locked out by it.
pub(super) fn prepare(path: &Path) -> Result<Lock, OpenError> {
    let fault = |error: io::Error| OpenError::File { path: path.to_owned(), error: error.to_string() };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(fault)?;
    }
    let open =
        |path: &Path| OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    let file = open(&path.with_extension("lock")).map_err(fault)?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|error| match error {
        rustix::io::Errno::WOULDBLOCK => OpenError::InUse { path: path.to_owned() },
        error => fault(error.into()),
    })?;
    let database = open(path).map_err(fault)?;
    if database.metadata().map_err(fault)?.permissions().mode() & 0o077 != 0 {
        set_permissions(path, Permissions::from_mode(0o600)).map_err(fault)?;
    }
    Ok(Lock { _file: file })
}

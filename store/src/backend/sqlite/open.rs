//! Opening a database: what is checked, and what an operator is told where that fails.

use super::{Sqlite, file, migrations, records};
use crate::limits::{BUSY_TIMEOUT, CHECKED_BYTES, STATEMENTS};
use router::Random;
use router::time::WallTime;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, TransactionBehavior};
use std::path::{Path, PathBuf};

/// Marks the file as ours (`PRAGMA application_id`): `TNDM`.
const APPLICATION_ID: i32 = i32::from_be_bytes(*b"TNDM");

/// Where it is noted when a process last lived: microseconds since 1970.
const ALIVE: &str = "alive";

/// Which database.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Its file. It, its folder, and its lock (`.lock`) are made where they are missing.
    pub path: PathBuf,
    /// The digest realm of a new database; an existing one keeps its own.
    pub realm: String,
    /// Pages of 4 KiB that it may grow to; `None`: as many as the disk has.
    pub pages_max: Option<u32>,
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opened {
    /// The realm in force. Where it is not that of the settings, the hashes of all passwords hold for this one.
    pub realm: String,
    /// Whether the database was made now.
    pub new: bool,
    /// Names this store: 32 hexadecimal digits, drawn when it was made.
    pub server_id: String,
    /// How often it was opened, this time included.
    pub epoch: u64,
    /// Calls that were open when the former process died: their records say so now.
    pub interrupted: u64,
}

/// Why a database was not opened, and what to do.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum OpenError {
    /// A file or folder cannot be made or opened.
    #[error("{} cannot be opened ({error}): check that its folder exists and belongs to this user, or name another \
             one with the key `data`", path.display())]
    File {
        /// The database.
        path: PathBuf,
        /// What the system said.
        error: String,
    },
    /// Another process has it.
    #[error("{} is in use by another tandem: end that one, or give this one another folder with the key `data`",
            path.display())]
    InUse {
        /// The database.
        path: PathBuf,
    },
    /// It is no database of ours.
    #[error("{} is not a database of tandem: move it away, or name another folder with the key `data`", path.display())]
    Foreign {
        /// The database.
        path: PathBuf,
    },
    /// A later version wrote it.
    #[error("{} was written by a later version of tandem (schema {found}, this one knows {known}): start that version, \
             or restore the copy from before the upgrade", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// It is damaged.
    #[error("{} is damaged ({error}): keep a copy of it, then restore a backup, or save what can be read with \
             `sqlite3 {} .recover`", path.display(), path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What the check found first.
        error: String,
    },
    /// No room is left on its disk.
    #[error("no room is left for {}: free some on its disk, then start again", path.display())]
    Full {
        /// The database.
        path: PathBuf,
    },
    /// Anything else that SQLite said.
    #[error("{} cannot be opened: {error}", path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        error: String,
    },
}

impl Sqlite {
    /// Opens a database, or makes it; `random` names a new one. Calls that a former process left open are marked as
    /// interrupted.
    pub fn open(settings: &Settings, random: &mut Random) -> Result<(Self, Opened), OpenError> {
        let lock = file::prepare(&settings.path)?;
        let explain = |error: rusqlite::Error| explain(&settings.path, &error);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&settings.path, flags).map_err(explain)?;
        configure(&connection).map_err(explain)?;
        let version = identify(&connection, &settings.path)?;
        let to_check = version > 0 && is_to_check(&connection, &settings.path).map_err(explain)?;
        let mut opened = initialise(&mut connection, version, &settings.realm, random).map_err(explain)?;
        opened.interrupted = interrupt_open(&mut connection).map_err(explain)?;
        let mut sqlite = Self {
            connection,
            path: settings.path.clone(),
            realm: opened.realm.clone(),
            interrupted: opened.interrupted,
            pages_max: None,
            to_check,
            checking: None,
            reader: None,
            buffer: Vec::new(),
            _lock: lock,
        };
        sqlite
            .bound_pages(settings.pages_max)
            .map_err(|error| OpenError::Database { path: settings.path.clone(), error: error.to_string() })?;
        Ok((sqlite, opened))
    }
}

/// `synchronous = FULL`: a commit is on the disk when it returns, so that power loss takes no more than `kill -9` does.
fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update_and_check(None, "journal_size_limit", 64 << 20, |_| Ok(()))
}

/// Whether it is ours, and of which version.
fn identify(connection: &Connection, path: &Path) -> Result<u32, OpenError> {
    let explain = |error: rusqlite::Error| explain(path, &error);
    let found = migrations::version(connection).map_err(explain)?;
    let id: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(explain)?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(explain)?;
    match (id, tables) {
        (APPLICATION_ID, _) if found > migrations::VERSION => {
            Err(OpenError::Newer { path: path.to_owned(), found, known: migrations::VERSION })
        }
        (APPLICATION_ID, _) => Ok(found),
        (0, 0) => Ok(0),
        _ => Err(OpenError::Foreign { path: path.to_owned() }),
    }
}

/// Whether the whole database is to be read, beside its work, so that damage shows before somebody needs what is damaged: where
/// that is soon done, or it was not closed.
fn is_to_check(connection: &Connection, path: &Path) -> rusqlite::Result<bool> {
    let small = std::fs::metadata(path).is_ok_and(|file| file.len() <= CHECKED_BYTES);
    Ok(small || meta(connection, "closed")?.as_deref() != Some("1"))
}

/// Brings the schema up to date and counts the opening, in one transaction.
fn initialise(connection: &mut Connection, version: u32, realm: &str, random: &mut Random) -> rusqlite::Result<Opened> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if version < migrations::VERSION {
        migrations::migrate(&transaction, version)?;
    }
    if version == 0 {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        set_meta(&transaction, "realm", realm)?;
        set_meta(&transaction, "server-id", &format!("{:016x}{:016x}", random.next_u64(), random.next_u64()))?;
    }
    let epoch = meta(&transaction, "epoch")?.and_then(|epoch| epoch.parse().ok()).unwrap_or(0u64) + 1;
    set_meta(&transaction, "epoch", &epoch.to_string())?;
    let opened = Opened {
        realm: meta(&transaction, "realm")?.unwrap_or_default(),
        new: version == 0,
        server_id: meta(&transaction, "server-id")?.unwrap_or_default(),
        epoch,
        interrupted: 0,
    };
    mark(&transaction, false)?;
    transaction.commit()?;
    Ok(opened)
}

fn interrupt_open(connection: &mut Connection) -> rusqlite::Result<u64> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let alive = meta(&transaction, ALIVE)?.and_then(|alive| alive.parse().ok()).map(WallTime);
    let interrupted = records::interrupt_open(&transaction, alive)?;
    transaction.commit()?;
    Ok(interrupted)
}

/// Notes that the process lives. Not worth an fsync (in WAL mode `synchronous = NORMAL` takes none at a commit): `kill -9` leaves
/// it in the file, and the next commit takes it to the disk.
pub(super) fn note_alive(connection: &Connection, now: WallTime) -> rusqlite::Result<()> {
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    let noted = set_meta(connection, ALIVE, &now.0.to_string());
    connection.pragma_update(None, "synchronous", "FULL")?;
    noted
}

/// Notes whether the database is closed.
pub(super) fn mark(connection: &Connection, closed: bool) -> rusqlite::Result<()> {
    set_meta(connection, "closed", if closed { "1" } else { "0" })
}

fn meta(connection: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    connection.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0)).optional()
}

fn set_meta(connection: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    let sql = "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2";
    connection.prepare_cached(sql)?.execute([key, value]).map(drop)
}

/// SQLite's error, in the terms of an operator.
pub(super) fn explain(path: &Path, error: &rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::Foreign { path },
        Some(ErrorCode::DatabaseCorrupt) => OpenError::Damaged { path, error: error.to_string() },
        Some(ErrorCode::DiskFull) => OpenError::Full { path },
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            OpenError::File { path, error: error.to_string() }
        }
        _ => OpenError::Database { path, error: error.to_string() },
    }
}

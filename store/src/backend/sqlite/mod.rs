//! SQLite: a file, its write-ahead log, one transaction a batch.
//!
//! | file | what |
//! |---|---|
//! | `open.rs` | opening: what is checked, what is said where that fails |
//! | `file.rs` | permissions, the lock of the one process |
//! | `migrations.rs` | the schema |
//! | `check.rs` | looking for damage, while the store works |
//! | `reader.rs` | searches, while the store works |
//! | `accounts.rs`, `bindings.rs`, `messages.rs`, `records.rs` | the rows |

mod accounts;
mod bindings;
mod check;
mod file;
mod messages;
mod migrations;
mod open;
mod reader;
mod records;

pub use check::check;
pub use open::{OpenError, Opened, Settings};

use super::{Backend, BackendError, Committed, Page, Purge, Records, Usage, Wake, Write};
use crate::binding::{BindingPosition, BindingQuery};
use crate::message::MessageQuery;
use crate::record::RecordQuery;
use check::Checking;
use file::Lock;
use reader::Reader;
use router::Octets;
use router::parameter::{Account, Binding, TextMessage};
use router::time::WallTime;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use std::path::PathBuf;

/// A database in SQLite. Dropping it closes it cleanly; a process that is killed leaves one that opens.
#[derive(Debug)]
pub struct Sqlite {
    connection: Connection,
    path: PathBuf,
    realm: String,
    interrupted: u64,
    pages_max: Option<u32>,
    /// Whether it is to be looked through.
    to_check: bool,
    /// What runs beside it once it has a thread of its own.
    checking: Option<Checking>,
    reader: Option<Reader>,
    /// Where values are encoded.
    buffer: Vec<u8>,
    /// Released after the connection has closed.
    _lock: Lock,
}

impl Sqlite {
    /// Bounds the database to so many pages of 4 KiB from now on; `None` lets it grow as the disk does. It does not shrink.
    pub fn bound_pages(&mut self, pages_max: Option<u32>) -> Result<(), BackendError> {
        let pages = pages_max.map_or(i64::from(u32::MAX - 1), i64::from);
        self.connection
            .pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
            .map_err(|error| fault(&error))?;
        self.pages_max = pages_max;
        Ok(())
    }

    fn write_all(&mut self, writes: &[Write]) -> rusqlite::Result<Committed> {
        let Self { connection, buffer, .. } = self;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut committed = Committed::default();
        for write in writes {
            match write {
                Write::Account(account) => accounts::write(&transaction, account)?,
                Write::AccountRemoved(name) => accounts::remove(&transaction, name)?,
                Write::Binding(binding) => {
                    let written = bindings::write(&transaction, binding, buffer)?;
                    committed.bindings_without_account += u64::from(!written);
                }
                Write::Message(message) => {
                    let written = messages::write(&transaction, message, buffer)?;
                    committed.bindings_without_account += u64::from(!written);
                }
                Write::MessageRemoved(id) => messages::remove(&transaction, id)?,
                Write::Record(record) => records::write(&transaction, record, buffer)?,
            }
        }
        transaction.commit()?;
        Ok(committed)
    }

    fn pragma(&self, name: &str) -> rusqlite::Result<u64> {
        self.connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map(|value| value.max(0) as u64)
    }

    fn read_usage(&self) -> rusqlite::Result<Usage> {
        let page_bytes = self.pragma("page_size")?;
        let pages = self.pragma("page_count")?.saturating_sub(self.pragma("freelist_count")?);
        Ok(Usage {
            name: self.path.display().to_string(),
            bytes: pages * page_bytes,
            bytes_max: self.pages_max.map(|pages| u64::from(pages) * page_bytes),
            interrupted: self.interrupted,
            damage: self.checking.as_ref().and_then(Checking::damage).map(str::to_owned),
        })
    }
}

impl Backend for Sqlite {
    fn realm(&self) -> &str {
        &self.realm
    }

    fn commit(&mut self, writes: &[Write]) -> Result<Committed, BackendError> {
        self.write_all(writes).map_err(|error| fault(&error))
    }

    fn account(&mut self, name: &str) -> Result<Option<Account>, BackendError> {
        accounts::read(&self.connection, name).map_err(|error| fault(&error))
    }

    fn accounts(&mut self, after: Option<&str>, limit: usize) -> Result<Page<Account, String>, BackendError> {
        accounts::list(&self.connection, after, limit).map_err(|error| fault(&error))
    }

    fn bindings(&mut self, query: &BindingQuery) -> Result<Page<Binding, BindingPosition>, BackendError> {
        bindings::list(&self.connection, query).map_err(|error| fault(&error))
    }

    fn messages(&mut self, query: &MessageQuery) -> Result<Page<TextMessage, String>, BackendError> {
        messages::list(&self.connection, query).map_err(|error| fault(&error))
    }

    fn message_counts(&mut self, after: &str, limit: usize) -> Result<Vec<(String, usize)>, BackendError> {
        messages::count(&self.connection, after, limit).map_err(|error| fault(&error))
    }

    fn records(&mut self, query: &RecordQuery) -> Records {
        records::list(&self.connection, query).map_err(|error| fault(&error))
    }

    fn attach(&mut self, wake: Wake) {
        self.reader = Reader::start(&self.path, wake)
            .inspect_err(|error| tracing::warn!(%error, "commits wait for searches: no thread could be had for these"))
            .ok();
        if self.to_check {
            self.checking = Checking::start(&self.path)
                .inspect_err(|error| tracing::warn!(%error, "the store is not looked through for damage"))
                .ok();
        }
    }

    fn search(&mut self, ticket: u64, query: &RecordQuery) -> Option<Records> {
        let taken = self.reader.as_mut().is_some_and(|reader| reader.search(ticket, query));
        (!taken).then(|| self.records(query))
    }

    fn poll_found(&mut self) -> Option<(u64, Records)> {
        self.reader.as_mut()?.poll()
    }

    fn purge(&mut self, purge: &Purge) -> Result<u64, BackendError> {
        let bindings = bindings::purge(&self.connection, purge.bindings_until, purge.rows);
        let messages = messages::purge(&self.connection, purge.bindings_until, purge.rows);
        let records = purge.records_before.map_or(Ok(0), |before| records::purge(&self.connection, before, purge.rows));
        let (bindings, messages) = (bindings.map_err(|error| fault(&error))?, messages.map_err(|error| fault(&error))?);
        Ok((bindings + messages + records.map_err(|error| fault(&error))?) as u64)
    }

    fn note_alive(&mut self, now: WallTime) -> Result<(), BackendError> {
        open::note_alive(&self.connection, now).map_err(|error| fault(&error))
    }

    fn usage(&mut self) -> Result<Usage, BackendError> {
        self.read_usage().map_err(|error| fault(&error))
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        // The last connection to close takes the log into the database.
        (self.checking, self.reader) = (None, None);
        // A store that is not marked as closed is looked through once it is opened next; that is all the mark decides.
        if let Err(error) = open::mark(&self.connection, true) {
            tracing::warn!(%error, "the store could not be marked as closed");
        }
    }
}

/// SQLite's error, in the terms of the store.
fn fault(error: &rusqlite::Error) -> BackendError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => BackendError::Exhausted,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => BackendError::Damaged(error.to_string()),
        _ => BackendError::Broken(error.to_string()),
    }
}

/// Encodes a value into `buffer`, replacing what it held.
fn encode<T: minicbor::Encode<()>>(value: &T, buffer: &mut Vec<u8>) -> rusqlite::Result<()> {
    buffer.clear();
    minicbor::encode(value, Octets(buffer)).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

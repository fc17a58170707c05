//! Kept messages in SQLite.

use crate::backend::Page;
use crate::limits::PAGE_BYTES;
use crate::message::MessageQuery;
use router::parameter::TextMessage;
use router::time::WallTime;
use rusqlite::{Connection, Error, Result, ffi, params};

/// Keeps one; one that is there already stays as it is. False: its account is not there.
pub(super) fn write(connection: &Connection, message: &TextMessage, buffer: &mut Vec<u8>) -> Result<bool> {
    super::encode(message, buffer)?;
    let account = message.account.as_deref().unwrap_or_default();
    let written = connection
        .prepare_cached(
            "INSERT INTO messages (id, account, expires, message) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO NOTHING",
        )?
        .execute(params![message.id, account, message.expires.0, buffer.as_slice()]);
    match written {
        Ok(_) => Ok(true),
        // The statement alone is undone, the transaction goes on.
        Err(Error::SqliteFailure(error, _)) if error.extended_code == ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Ok(false),
        Err(error) => Err(error),
    }
}

pub(super) fn remove(connection: &Connection, id: &str) -> Result<()> {
    connection.prepare_cached("DELETE FROM messages WHERE id = ?1")?.execute(params![id]).map(drop)
}

/// An account's messages, the oldest first.
pub(super) fn list(connection: &Connection, query: &MessageQuery) -> Result<Page<TextMessage, String>> {
    let mut statement = connection
        .prepare_cached("SELECT message FROM messages WHERE account = ?1 AND expires > ?2 ORDER BY serial")?;
    let mut rows = statement.query(params![query.account, query.now.0])?;
    let mut page = Page { items: Vec::new(), next: None };
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        if page.items.len() >= query.limit || bytes >= PAGE_BYTES {
            break;
        }
        let message = row.get_ref(0)?.as_blob()?;
        bytes += message.len();
        match minicbor::decode::<TextMessage>(message) {
            Ok(message) => page.items.push(message),
            Err(error) => tracing::warn!(%error, "a stored message cannot be read and is passed over"),
        }
    }
    Ok(page)
}

/// The accounts behind that one which have messages, and how many.
pub(super) fn count(connection: &Connection, after: &str, limit: usize) -> Result<Vec<(String, usize)>> {
    let mut statement = connection.prepare_cached(
        "SELECT account, COUNT(*) FROM messages WHERE account > ?1 GROUP BY account ORDER BY account LIMIT ?2",
    )?;
    let rows = statement.query_map(params![after, i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
        Ok((row.get(0)?, row.get::<_, i64>(1)?.max(0) as usize))
    })?;
    rows.collect()
}

/// Deletes messages that are of no use any more.
pub(super) fn purge(connection: &Connection, until: WallTime, rows: usize) -> Result<usize> {
    connection
        .prepare_cached(
            "DELETE FROM messages WHERE serial IN (SELECT serial FROM messages WHERE expires <= ?1 LIMIT ?2)",
        )?
        .execute(params![until.0, rows as i64])
}

//! Bindings in SQLite.

use crate::backend::Page;
use crate::binding::{BindingPosition, BindingQuery};
use crate::limits::PAGE_BYTES;
use router::parameter::{Binding, Contact};
use router::time::WallTime;
use rusqlite::{Connection, Error, Result, ffi, params};

/// Whether it was written: false if its account is not there.
pub(super) fn write(connection: &Connection, binding: &Binding, buffer: &mut Vec<u8>) -> Result<bool> {
    // The column's name is older than contacts that their URI does not tell apart.
    let uri = binding.contact.key().reveal();
    if binding.removed {
        connection
            .prepare_cached("DELETE FROM bindings WHERE account = ?1 AND uri = ?2")?
            .execute(params![binding.account, uri])?;
        return Ok(true);
    }
    super::encode(&binding.contact, buffer)?;
    let written = connection
        .prepare_cached(
            "INSERT INTO bindings (account, uri, expires, contact) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (account, uri) DO UPDATE SET expires = ?3, contact = ?4",
        )?
        .execute(params![binding.account, uri, binding.contact.expires.0, buffer.as_slice()]);
    match written {
        Ok(_) => Ok(true),
        // The statement alone is undone, the transaction goes on.
        Err(Error::SqliteFailure(error, _)) if error.extended_code == ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Ok(false),
        Err(error) => Err(error),
    }
}

pub(super) fn list(connection: &Connection, query: &BindingQuery) -> Result<Page<Binding, BindingPosition>> {
    // Two statements, so that each has the key's order from the key.
    let sql = match query.account {
        Some(_) => {
            "SELECT account, uri, contact FROM bindings
             WHERE account = ?4 AND (account, uri) > (?1, ?2) AND expires > ?3 ORDER BY account, uri"
        }
        None => {
            "SELECT account, uri, contact FROM bindings
             WHERE (account, uri) > (?1, ?2) AND expires > ?3 ORDER BY account, uri"
        }
    };
    let (account, uri) = query.after.as_ref().map_or(("", ""), |after| (&after.account, &after.uri));
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = match &query.account {
        Some(of) => statement.query(params![account, uri, query.now.0, of])?,
        None => statement.query(params![account, uri, query.now.0])?,
    };
    let mut page = Page { items: Vec::new(), next: None };
    let (mut bytes, mut last) = (0, None);
    while let Some(row) = rows.next()? {
        if page.items.len() >= query.limit || bytes >= PAGE_BYTES {
            page.next = last;
            break;
        }
        let position = BindingPosition { account: row.get(0)?, uri: row.get(1)? };
        let contact = row.get_ref(2)?.as_blob()?;
        bytes += contact.len() + position.account.len();
        match minicbor::decode::<Contact>(contact) {
            Ok(contact) => {
                page.items.push(Binding { account: position.account.clone(), contact, removed: false });
            }
            Err(error) => tracing::warn!(%error, "a stored binding cannot be read and is passed over"),
        }
        last = Some(position);
    }
    Ok(page)
}

/// Deletes bindings that are over.
pub(super) fn purge(connection: &Connection, until: WallTime, rows: usize) -> Result<usize> {
    connection
        .prepare_cached(
            "DELETE FROM bindings WHERE (account, uri) IN
             (SELECT account, uri FROM bindings WHERE expires <= ?1 LIMIT ?2)",
        )?
        .execute(params![until.0, rows as i64])
}

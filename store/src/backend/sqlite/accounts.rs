//! Accounts in SQLite.

use crate::backend::Page;
use router::Private;
use router::parameter::{Account, AccountCredential};
use router::time::WallTime;
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

const COLUMNS: &str = "name, display_name, md5, sha256, enabled, created";

pub(super) fn write(connection: &Connection, account: &Account) -> Result<()> {
    let AccountCredential::Hashes { md5, sha256 } = &account.credential else {
        // The core hashes passwords and keeps withheld credentials before it writes.
        return Err(rusqlite::Error::InvalidParameterName("an account is written with its hashes".to_owned()));
    };
    connection
        .prepare_cached(
            "INSERT INTO accounts (name, display_name, md5, sha256, enabled, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (name) DO UPDATE SET display_name = ?2, md5 = ?3, sha256 = ?4, enabled = ?5",
        )?
        .execute(params![
            account.name,
            account.display_name.as_ref().map(Private::reveal),
            md5.as_slice(),
            sha256.as_slice(),
            account.enabled,
            account.created.0,
        ])?;
    Ok(())
}

pub(super) fn remove(connection: &Connection, name: &str) -> Result<()> {
    connection.prepare_cached("DELETE FROM accounts WHERE name = ?1")?.execute([name])?;
    Ok(())
}

pub(super) fn read(connection: &Connection, name: &str) -> Result<Option<Account>> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM accounts WHERE name = ?1"))?;
    statement.query_row([name], account).optional()
}

pub(super) fn list(connection: &Connection, after: Option<&str>, limit: usize) -> Result<Page<Account, String>> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM accounts WHERE name > ?1 ORDER BY name LIMIT ?2"))?;
    let rows = statement.query_map(params![after.unwrap_or(""), limit as i64 + 1], account)?;
    let mut items = rows.collect::<Result<Vec<_>>>()?;
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|account| account.name.clone());
    Ok(Page { items, next })
}

fn account(row: &Row<'_>) -> Result<Account> {
    Ok(Account {
        name: row.get(0)?,
        display_name: row.get::<_, Option<String>>(1)?.map(Private::new),
        credential: AccountCredential::Hashes { md5: row.get(2)?, sha256: row.get(3)? },
        enabled: row.get(4)?,
        created: WallTime(row.get(5)?),
        removed: false,
    })
}

//! The schema, as the steps that led to it. `PRAGMA user_version` tells how many a database has seen.

use rusqlite::{Connection, Transaction};

/// One step from each version to the next. A step that was published is never edited: a change is a new step.
///
/// A row has in columns what is searched or ordered by, and the whole value in CBOR (`docs/packets.md`), whose keys
/// versions may add to without a step here.
const STEPS: [&str; 3] = ["
    CREATE TABLE meta (
        key TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE accounts (
        name TEXT PRIMARY KEY,
        display_name TEXT,
        md5 BLOB NOT NULL,          -- H(user:realm:password), RFC 8760
        sha256 BLOB NOT NULL,
        enabled INTEGER NOT NULL,
        created INTEGER NOT NULL    -- microseconds since 1970
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE bindings (
        account TEXT NOT NULL REFERENCES accounts (name) ON DELETE CASCADE,
        uri TEXT NOT NULL,
        expires INTEGER NOT NULL,   -- microseconds since 1970
        contact BLOB NOT NULL,
        PRIMARY KEY (account, uri)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE records (
        serial INTEGER PRIMARY KEY, -- in the order of writing
        id TEXT NOT NULL UNIQUE,
        started INTEGER NOT NULL,   -- microseconds since 1970
        outcome TEXT NOT NULL,
        cause TEXT,
        origin TEXT NOT NULL,
        caller TEXT NOT NULL,
        called TEXT NOT NULL,
        destination TEXT,
        record BLOB NOT NULL
    ) STRICT;
    CREATE INDEX records_started ON records (started);
    CREATE INDEX records_open ON records (outcome) WHERE outcome = 'open';
", "
    -- A search for a party reads what it finds, in its order. Where one name is there twice (an account calls another one) it has one
    -- entry. Neither of the first three ever changes, so that only the first write of a record costs an entry.
    CREATE INDEX records_caller ON records (caller, started);
    CREATE INDEX records_called ON records (called, started);
    CREATE INDEX records_origin ON records (origin, started) WHERE origin <> caller;
    CREATE INDEX records_destination ON records (destination, started) WHERE destination <> called;
", "
    CREATE TABLE messages (
        serial INTEGER PRIMARY KEY, -- in the order of keeping
        id TEXT NOT NULL UNIQUE,
        account TEXT NOT NULL REFERENCES accounts (name) ON DELETE CASCADE,
        expires INTEGER NOT NULL,   -- microseconds since 1970
        message BLOB NOT NULL
    ) STRICT;
    CREATE INDEX messages_account ON messages (account, serial);
    CREATE INDEX messages_expires ON messages (expires);
"];

/// The version that this program knows.
pub(super) const VERSION: u32 = STEPS.len() as u32;

/// The version of a database; 0 is a new one.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Takes the steps that a database lacks, and says so in it. All or none: `transaction` is the caller's.
pub(super) fn migrate(transaction: &Transaction<'_>, from: u32) -> rusqlite::Result<()> {
    for step in STEPS.iter().skip(from as usize) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", VERSION)
}

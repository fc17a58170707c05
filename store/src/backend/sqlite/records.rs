//! Call records in SQLite.

use crate::backend::Page;
use crate::limits::{COMMIT_DELAY, PAGE_BYTES, PAGE_SCAN, PURGE_ROWS};
use crate::record::{RecordKeys, RecordPosition, RecordQuery, interrupted};
use router::parameter::{CONVERSATION_MARK, CallRecord, Outcome};
use router::time::WallTime;
use rusqlite::{Connection, Result, Row, params};

/// The character behind the mark.
const BEHIND_MARK: char = (CONVERSATION_MARK as u8 + 1) as char;

/// What is read of each record, in the order in which [`keys`] and [`decode`] take it.
const COLUMNS: &str = "origin, caller, called, destination, outcome, cause, record";

/// Makes a record, or replaces an open one; what is complete is replaced by what is complete alone. When it began, on whose behalf,
/// who called and who was called is found by what it was first written with: that never changes. Another call under the same id, which
/// another platform may have chosen, began at another moment and replaces nothing.
pub(super) fn write(connection: &Connection, record: &CallRecord, buffer: &mut Vec<u8>) -> Result<()> {
    super::encode(record, buffer)?;
    let keys = RecordKeys::of(record);
    if rewrite(connection, record, &keys, buffer)? {
        return Ok(());
    }
    connection
        .prepare_cached(
            "INSERT INTO records (id, started, outcome, cause, origin, caller, called, destination, record)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (id) DO UPDATE
             SET outcome = ?3, cause = ?4, destination = ?8, record = ?9
             WHERE started = ?2 AND (?3 <> 'open' OR outcome = 'open')",
        )?
        .execute(params![
            record.id,
            record.started.0,
            keys.outcome,
            keys.cause,
            keys.origin,
            keys.caller,
            keys.called,
            keys.destination,
            buffer.as_slice(),
        ])?;
    Ok(())
}

/// A record that is there open, and is answered now.
const ANSWERED: &str =
    "UPDATE records SET destination = ?3, record = ?4 WHERE id = ?1 AND started = ?2 AND outcome = 'open'";

/// A record that is there, and is complete now; where the destination is another one than it was, it is none of these.
const COMPLETED: &str =
    "UPDATE records SET outcome = ?5, cause = ?6, record = ?4 WHERE id = ?1 AND started = ?2 AND destination IS ?3";

/// Writes a record that is there already, as what began longer ago than a batch gathers is. Such a write finds its row and touches one index,
/// where making the row anew, in case it is not there, prepares them all: at two or three writes of each call that is half of what they
/// cost. False: nothing was written.
fn rewrite(connection: &Connection, record: &CallRecord, keys: &RecordKeys<'_>, buffer: &[u8]) -> Result<bool> {
    let is_old = |at: Option<WallTime>| at.is_some_and(|at| at.since(record.started) > COMMIT_DELAY);
    let (id, started, destination) = (&record.id, record.started.0, keys.destination);
    let rows = match record.outcome {
        Outcome::Open if is_old(record.answered) => {
            connection.prepare_cached(ANSWERED)?.execute(params![id, started, destination, buffer])?
        }
        Outcome::Answered | Outcome::Unanswered if is_old(record.ended) => connection
            .prepare_cached(COMPLETED)?
            .execute(params![id, started, destination, buffer, keys.outcome, keys.cause])?,
        _ => 0,
    };
    Ok(rows > 0)
}

/// The places of the records that are asked for, as far as an index tells, newest first. A search for a party is four ordered
/// walks that are merged, each over an index that has no other party in it; the last two leave out what the first two find.
/// The records of a call are that of its id and those whose id goes on with the mark: in the order of the key they lie together.
fn places(query: &RecordQuery) -> &'static str {
    match query {
        RecordQuery { id: Some(_), .. } => {
            "SELECT started, serial FROM records
             WHERE (id = ?4 OR id >= ?5 AND id < ?6) AND (started, serial) < (?1, ?2) AND started >= ?3
             ORDER BY started DESC, serial DESC"
        }
        RecordQuery { party: Some(_), .. } => {
            "SELECT started, serial FROM records INDEXED BY records_caller
             WHERE caller = ?4 AND (started, serial) < (?1, ?2) AND started >= ?3
             UNION
             SELECT started, serial FROM records INDEXED BY records_called
             WHERE called = ?4 AND (started, serial) < (?1, ?2) AND started >= ?3
             UNION
             SELECT started, serial FROM records INDEXED BY records_origin
             WHERE origin = ?4 AND origin <> caller AND (started, serial) < (?1, ?2) AND started >= ?3
             UNION
             SELECT started, serial FROM records INDEXED BY records_destination
             WHERE destination = ?4 AND destination <> called AND (started, serial) < (?1, ?2) AND started >= ?3
             ORDER BY started DESC, serial DESC"
        }
        _ => {
            "SELECT started, serial FROM records INDEXED BY records_started
             WHERE (started, serial) < (?1, ?2) AND started >= ?3 ORDER BY started DESC, serial DESC"
        }
    }
}

pub(super) fn list(connection: &Connection, query: &RecordQuery) -> Result<Page<CallRecord, RecordPosition>> {
    let mut places = connection.prepare_cached(places(query))?;
    let mut record = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM records WHERE serial = ?1"))?;
    let begin = query.begin();
    let since = query.since.map_or(i64::MIN, |since| since.0);
    let mut rows = match (&query.id, &query.party) {
        (Some(id), _) => {
            let (from, to) = (format!("{id}{CONVERSATION_MARK}"), format!("{id}{BEHIND_MARK}"));
            places.query(params![begin.started.0, begin.serial, since, id, from, to])?
        }
        (None, Some(party)) => places.query(params![begin.started.0, begin.serial, since, party])?,
        (None, None) => places.query(params![begin.started.0, begin.serial, since])?,
    };
    let mut page = Page { items: Vec::new(), next: None };
    let (mut bytes, mut scanned, mut last) = (0, 0, None);
    while let Some(row) = rows.next()? {
        if page.items.len() >= query.limit || bytes >= PAGE_BYTES || scanned >= PAGE_SCAN {
            page.next = last;
            break;
        }
        scanned += 1;
        let place = RecordPosition { started: WallTime(row.get(0)?), serial: row.get(1)? };
        last = Some(place);
        let mut found = record.query([place.serial])?;
        if let Some(row) = found.next()?
            && query.matches(&keys(row)?)
        {
            let (record, length) = decode(row)?;
            bytes += length;
            page.items.extend(record);
        }
    }
    Ok(page)
}

/// Marks what the former process, which last lived at `alive`, left open; how many these were.
pub(super) fn interrupt_open(connection: &Connection, alive: Option<WallTime>) -> Result<u64> {
    let mut buffer = Vec::new();
    let mut count = 0;
    loop {
        let mut statement =
            connection.prepare_cached("SELECT serial, id, record FROM records WHERE outcome = 'open' LIMIT ?1")?;
        let open = statement
            .query_map([PURGE_ROWS as i64], |row| {
                let record = minicbor::decode::<CallRecord>(row.get_ref(2)?.as_blob()?);
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, record))
            })?
            .collect::<Result<Vec<_>>>()?;
        if open.is_empty() {
            return Ok(count);
        }
        count += open.len() as u64;
        for (serial, id, record) in open {
            match record {
                Ok(mut record) => {
                    interrupted(&mut record, alive);
                    write(connection, &record, &mut buffer)?;
                }
                Err(error) => {
                    tracing::warn!(%error, id, "the record of an interrupted call cannot be read");
                    connection
                        .prepare_cached("UPDATE records SET outcome = ?1 WHERE serial = ?2")?
                        .execute(params![Outcome::Interrupted.name(), serial])?;
                }
            }
        }
    }
}

/// Deletes complete records of calls that began before `before`.
pub(super) fn purge(connection: &Connection, before: WallTime, rows: usize) -> Result<usize> {
    connection
        .prepare_cached(
            "DELETE FROM records WHERE serial IN
             (SELECT serial FROM records WHERE started < ?1 AND outcome <> 'open' ORDER BY started LIMIT ?2)",
        )?
        .execute(params![before.0, rows as i64])
}

fn keys<'a>(row: &'a Row<'_>) -> Result<RecordKeys<'a>> {
    Ok(RecordKeys {
        origin: row.get_ref(0)?.as_str()?,
        caller: row.get_ref(1)?.as_str()?,
        called: row.get_ref(2)?.as_str()?,
        destination: row.get_ref(3)?.as_str_or_null()?,
        outcome: row.get_ref(4)?.as_str()?,
        cause: row.get_ref(5)?.as_str_or_null()?,
    })
}

/// The record, and its encoded length. One that cannot be read is passed over, so that it does not hide the others.
fn decode(row: &Row<'_>) -> Result<(Option<CallRecord>, usize)> {
    let bytes = row.get_ref(6)?.as_blob()?;
    let record = minicbor::decode(bytes)
        .inspect_err(|error| tracing::warn!(%error, "a stored record cannot be read and is passed over"))
        .ok();
    Ok((record, bytes.len()))
}

#[cfg(test)]
mod tests {
    use super::super::migrations;
    use super::*;

    fn database() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        let transaction = connection.transaction().unwrap();
        migrations::migrate(&transaction, 0).unwrap();
        transaction.commit().unwrap();
        connection
    }

    /// What SQLite says that it does for a statement.
    fn steps(connection: &Connection, statement: &str) -> Vec<String> {
        let mut explained = connection.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
        let parameters = vec![1i64; explained.parameter_count()];
        let rows = explained.query_map(rusqlite::params_from_iter(parameters), |row| row.get::<_, String>(3)).unwrap();
        rows.collect::<Result<Vec<_>>>().unwrap()
    }

    #[test]
    fn a_later_write_of_a_record_touches_one_index() {
        let connection = database();
        for statement in [ANSWERED, COMPLETED] {
            let mut explained = connection.prepare(&format!("EXPLAIN {statement}")).unwrap();
            let parameters = vec![1i64; explained.parameter_count()];
            let steps =
                explained.query_map(rusqlite::params_from_iter(parameters), |row| row.get::<_, String>(1)).unwrap();
            let steps = steps.collect::<Result<Vec<_>>>().unwrap();
            let inserted = steps.iter().filter(|step| *step == "IdxInsert").count();
            assert_eq!(inserted, 1, "{statement}: {steps:?}");
        }
    }

    #[test]
    fn no_search_scans_or_sorts_what_it_does_not_find() {
        let connection = database();
        let party = RecordQuery { party: Some("100".into()), ..RecordQuery::default() };
        let found = steps(&connection, places(&party));
        for index in ["caller", "called", "origin", "destination"] {
            let walk = format!("INDEX records_{index} ({index}=? AND started>? AND started<?)");
            let walks = |step: &&String| step.starts_with("SEARCH records USING") && step.ends_with(&walk);
            assert!(found.iter().any(|step| walks(&step)), "{index}: {found:#?}");
        }
        assert_eq!(found.iter().filter(|step| step.starts_with("MERGE (UNION)")).count(), 3, "{found:#?}");
        for query in [party, RecordQuery::default()] {
            let found = steps(&connection, places(&query));
            let slow = |step: &&String| step.starts_with("SCAN") || step.contains("TEMP B-TREE");
            assert_eq!(found.iter().find(slow), None, "{found:#?}");
        }
        let call = RecordQuery { id: Some("a".into()), ..RecordQuery::default() };
        let found = steps(&connection, places(&call));
        assert!(!found.iter().any(|step| step.starts_with("SCAN")), "what is sorted is one call's: {found:#?}");
    }
}

//! What MongoDB has not got yet, in the same file and the same transactions as the records.
//!
//! An entry names a record and not its value: only the newest revision needs to be sent, so a record has one entry at
//! most, and the outbox is never longer than the file has records.

use rusqlite::{Connection, OptionalExtension, Statement, TransactionBehavior};

use super::rows;
use crate::meter::Meter;
use crate::record::Prepared;
use crate::request::Pending;
use crate::table::Table;

const PAGE_ROWS_MAX: i64 = 500;
const PAGE_BYTES_MAX: i64 = 8 << 20;

/// The fact that names the MongoDB which is followed.
const FOLLOWS: &str = "follows";

/// Adds entries within one transaction.
pub(super) struct Writer<'a> {
    remove: Statement<'a>,
    add: Statement<'a>,
}

// === impl Writer ===

impl<'a> Writer<'a> {
    pub(super) fn new(connection: &'a Connection) -> Result<Writer<'a>, rusqlite::Error> {
        Ok(Writer {
            remove: connection.prepare("DELETE FROM outbox WHERE tab = ?1 AND key = ?2")?,
            add: connection.prepare("INSERT INTO outbox (tab, key) VALUES (?1, ?2)")?,
        })
    }

    /// At the end of the queue, in place of an older entry.
    pub(super) fn add(&mut self, write: &Prepared) -> Result<(), rusqlite::Error> {
        let what = (write.table.name(), &write.key);
        self.remove.execute(what)?;
        self.add.execute(what)?;
        Ok(())
    }

    pub(super) fn remove(&mut self, write: &Prepared) -> Result<(), rusqlite::Error> {
        self.remove.execute((write.table.name(), &write.key))?;
        Ok(())
    }
}

pub(super) fn n_entries(connection: &Connection) -> Result<u64, rusqlite::Error> {
    let n_entries: i64 =
        connection.query_row("SELECT count(*) FROM outbox", [], |row| row.get(0))?;
    Ok(u64::try_from(n_entries).unwrap_or_default())
}

/// The oldest entries with what their records are now.
pub(super) fn page(
    connection: &Connection,
    meter: &Meter,
) -> Result<Vec<Pending>, rusqlite::Error> {
    let mut statement = connection.prepare(
        "SELECT outbox.seq, outbox.tab, outbox.key, coalesce(length(records.value), 0)
         FROM outbox LEFT JOIN records ON records.tab = outbox.tab AND records.key = outbox.key
         ORDER BY outbox.seq LIMIT ?1",
    )?;
    let mut found = statement.query([PAGE_ROWS_MAX])?;
    let mut entries: Vec<(i64, String, String)> = Vec::new();
    let mut n_bytes = 0;
    while let Some(entry) = found.next()? {
        n_bytes += entry.get::<_, i64>(3)?;
        if n_bytes > PAGE_BYTES_MAX && !entries.is_empty() {
            break;
        }
        entries.push((entry.get(0)?, entry.get(1)?, entry.get(2)?));
    }
    drop(found);
    let mut page = Vec::with_capacity(entries.len());
    for (sequence, table, key) in entries {
        let row = match Table::named(&table) {
            Some(table) => rows::read(connection, meter, table, &key)?,
            None => None,
        };
        page.push(Pending { sequence, row });
    }
    Ok(page)
}

/// Removes entries that were sent. One that changed meanwhile has another number and stays.
pub(super) fn sent(connection: &mut Connection, sequence: &[i64]) -> Result<(), rusqlite::Error> {
    // forgetting this in a power cut sends something twice, which changes nothing; it is not worth an fsync
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    let removed = remove(connection, sequence);
    connection.pragma_update(None, "synchronous", "FULL")?;
    removed
}

fn remove(connection: &mut Connection, sequence: &[i64]) -> Result<(), rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let mut remove = transaction.prepare("DELETE FROM outbox WHERE seq = ?1")?;
        for number in sequence {
            remove.execute([number])?;
        }
    }
    transaction.commit()
}

/// Everything that is kept goes to a MongoDB that has none of it.
pub(super) fn enqueue_all(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.execute(
        "INSERT OR IGNORE INTO outbox (tab, key) SELECT tab, key FROM records ORDER BY id",
        [],
    )?;
    Ok(())
}

pub(super) fn followed(connection: &Connection) -> Result<Option<String>, rusqlite::Error> {
    let sql = "SELECT value FROM facts WHERE name = ?1";
    connection.query_row(sql, [FOLLOWS], |row| row.get(0)).optional()
}

/// `None` lets the next opening compare both sides anew.
pub(super) fn follow(
    connection: &Connection,
    identity: Option<&str>,
) -> Result<(), rusqlite::Error> {
    match identity {
        Some(identity) => connection
            .execute("INSERT OR REPLACE INTO facts VALUES (?1, ?2)", (FOLLOWS, identity))?,
        None => connection.execute("DELETE FROM facts WHERE name = ?1", [FOLLOWS])?,
    };
    Ok(())
}

/// Nobody is followed any more.
pub(super) fn forget(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.execute("DELETE FROM outbox", [])?;
    follow(connection, None)
}

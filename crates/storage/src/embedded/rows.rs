//! Records in the file.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Statement, params};
use serde_json::Value;

use super::file::now_s;
use crate::meter::Meter;
use crate::record::{Prepared, Row, TOMBSTONE_KEPT, checksum};
use crate::request::Page;
use crate::table::Table;

/// What one page holds at most: the thread serves others between two.
const PAGE_ROWS_MAX: usize = 512;
const PAGE_BYTES_MAX: usize = 4 << 20;

/// Writes within one transaction.
pub(super) struct Writer<'a> {
    put: Statement<'a>,
    now_s: i64,
}

// === impl Writer ===

impl<'a> Writer<'a> {
    pub(super) fn new(connection: &'a Connection) -> Result<Writer<'a>, rusqlite::Error> {
        let put = connection.prepare(
            "INSERT INTO records (tab, key, revision, value, sum, written_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (tab, key) DO UPDATE SET
                revision = excluded.revision, value = excluded.value,
                sum = excluded.sum, written_at = excluded.written_at
             WHERE excluded.revision > records.revision",
        )?;
        Ok(Writer { put, now_s: now_s() })
    }

    /// Whether it changed anything.
    pub(super) fn write(&mut self, write: &Prepared) -> Result<bool, rusqlite::Error> {
        let Prepared { table, key, revision, text } = write;
        let text = text.as_deref();
        let sum = checksum(table.name(), key, *revision, text.map(str::as_bytes));
        let n_changed =
            self.put.execute(params![table.name(), key, revision, text, sum, self.now_s])?;
        Ok(n_changed > 0)
    }
}

/// A row as it lies in the file, good or not.
struct Stored {
    id: i64,
    key: Vec<u8>,
    revision: i64,
    text: Option<Vec<u8>>,
    sum: Vec<u8>,
}

// === impl Stored ===

impl Stored {
    const COLUMNS: &'static str = "id, key, revision, value, sum";

    fn read(row: &rusqlite::Row<'_>) -> Result<Stored, rusqlite::Error> {
        // a damaged row may hold any type anywhere
        let bytes = |index: usize| -> Result<Option<Vec<u8>>, rusqlite::Error> {
            Ok(match row.get_ref(index)? {
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes.to_owned()),
                ValueRef::Null => None,
                ValueRef::Integer(number) => Some(number.to_string().into_bytes()),
                ValueRef::Real(number) => Some(number.to_string().into_bytes()),
            })
        };
        Ok(Stored {
            id: row.get(0)?,
            key: bytes(1)?.unwrap_or_default(),
            revision: row.get_ref(2)?.as_i64().unwrap_or(-1),
            text: bytes(3)?,
            sum: bytes(4)?.unwrap_or_default(),
        })
    }

    fn n_bytes(&self) -> usize {
        self.key.len() + self.text.as_ref().map_or(0, Vec::len)
    }

    /// The row, or what is wrong with it.
    fn check(&self, table: Table) -> Result<Row, &'static str> {
        let key = std::str::from_utf8(&self.key).map_err(|_| "its key is not text")?;
        if checksum(table.name(), key, self.revision, self.text.as_deref()) != *self.sum {
            return Err("its checksum does not agree");
        }
        let revision = u64::try_from(self.revision).map_err(|_| "its revision is negative")?;
        let value: Option<Value> = match &self.text {
            Some(text) => Some(serde_json::from_slice(text).map_err(|_| "it is not JSON")?),
            None => None,
        };
        Ok(Row { table, key: key.to_owned(), revision, value })
    }
}

pub(super) fn read(
    connection: &Connection,
    meter: &Meter,
    table: Table,
    key: &str,
) -> Result<Option<Row>, rusqlite::Error> {
    let sql = format!("SELECT {} FROM records WHERE tab = ?1 AND key = ?2", Stored::COLUMNS);
    let stored = connection.query_row(&sql, [table.name(), key], Stored::read).optional()?;
    let Some(stored) = stored else { return Ok(None) };
    sound(connection, meter, table, stored)
}

pub(super) fn page(
    connection: &Connection,
    meter: &Meter,
    table: Table,
    after: Option<&str>,
) -> Result<Page, rusqlite::Error> {
    let sql =
        format!("SELECT {} FROM records WHERE tab = ?1 AND key > ?2 ORDER BY key", Stored::COLUMNS);
    let mut statement = connection.prepare(&sql)?;
    let mut found = statement.query([table.name(), after.unwrap_or_default()])?;
    let mut stored = Vec::new();
    let mut n_bytes = 0;
    let mut is_last = true;
    while let Some(row) = found.next()? {
        let row = Stored::read(row)?;
        n_bytes += row.n_bytes();
        stored.push(row);
        if stored.len() == PAGE_ROWS_MAX || n_bytes >= PAGE_BYTES_MAX {
            is_last = false;
            break;
        }
    }
    drop(found);
    let mut rows = Vec::with_capacity(stored.len());
    for row in stored {
        rows.extend(sound(connection, meter, table, row)?);
    }
    // a damaged key says nothing about where it stood; its row is put aside and not met again
    let last = rows.last().map(|row: &Row| row.key.clone()).or(after.map(str::to_owned));
    let after = if is_last { None } else { Some(last.unwrap_or_default()) };
    Ok(Page { rows, after })
}

/// The row when it is as it was written; otherwise it is put aside, and the rest lives on.
fn sound(
    connection: &Connection,
    meter: &Meter,
    table: Table,
    stored: Stored,
) -> Result<Option<Row>, rusqlite::Error> {
    let why = match stored.check(table) {
        Ok(row) => return Ok(Some(row)),
        Err(why) => why,
    };
    let transaction = connection.unchecked_transaction()?;
    transaction.execute(
        "INSERT INTO quarantine (tab, key, revision, value, why, found_at)
         SELECT tab, key, revision, value, ?2, ?3 FROM records WHERE id = ?1",
        params![stored.id, why, now_s()],
    )?;
    transaction.execute("DELETE FROM records WHERE id = ?1", [stored.id])?;
    transaction.commit()?;
    meter.quarantined();
    tracing::warn!(
        %table, key = %String::from_utf8_lossy(&stored.key), why,
        "a record is damaged and was put aside into the table quarantine"
    );
    Ok(None)
}

/// Removes what nobody needs any more and MongoDB has.
pub(super) fn prune(connection: &Connection, now_s: i64) -> Result<usize, rusqlite::Error> {
    let unsent = "NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.tab = records.tab AND outbox.key = records.key)";
    let since = |age: std::time::Duration| {
        now_s.saturating_sub(i64::try_from(age.as_secs()).unwrap_or(i64::MAX))
    };
    let mut n_removed = 0;
    for table in Table::ALL {
        if let Some(age) = table.kept() {
            n_removed += connection.execute(
                &format!("DELETE FROM records WHERE tab = ?1 AND written_at < ?2 AND {unsent}"),
                params![table.name(), since(age)],
            )?;
        }
        n_removed += connection.execute(
            &format!(
                "DELETE FROM records WHERE tab = ?1 AND written_at < ?2 AND value IS NULL AND {unsent}"
            ),
            params![table.name(), since(TOMBSTONE_KEPT)],
        )?;
    }
    Ok(n_removed)
}

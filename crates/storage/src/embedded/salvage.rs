//! As much of a broken file as can be read.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, params};

use super::file::now_s;
use crate::meter::Meter;
use crate::record::checksum;
use crate::table::Table;

/// How far one looks beyond a hole, as a power of two of row numbers.
const LEAP_MAX: u32 = 24;

#[derive(Debug, Default)]
pub(super) struct Saved {
    pub(super) n_rows: u64,
    /// Holes in the file, and rows that were read but are damaged.
    pub(super) n_gaps: u64,
}

/// Copies every record that is as it was written from the file at `aside` into `to`. What fails is left out.
pub(super) fn salvage(aside: &Path, to: &mut Connection, meter: &Meter) -> Saved {
    let mut saved = Saved::default();
    // writable, because reading a log needs its index, which is rebuilt
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let outcome = Connection::open_with_flags(aside, flags).and_then(|from| {
        // otherwise SQLite reads nothing at all of a file that is shorter than it should be
        from.pragma_update(None, "writable_schema", true)?;
        copy(&from, to, &mut saved, meter)
    });
    if let Err(error) = outcome {
        saved.n_gaps += 1;
        tracing::debug!(%error, "reading the damaged file ended");
    }
    saved
}

fn copy(
    from: &Connection,
    to: &mut Connection,
    saved: &mut Saved,
    meter: &Meter,
) -> Result<(), rusqlite::Error> {
    let transaction = to.transaction()?;
    let now_s = now_s();
    {
        let mut put = transaction.prepare(
            "INSERT INTO records (tab, key, revision, value, sum, written_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (tab, key) DO UPDATE SET
                revision = excluded.revision, value = excluded.value, sum = excluded.sum
             WHERE excluded.revision > records.revision",
        )?;
        let mut at = 0;
        while let Some(row) = next(from, &mut at, saved) {
            match row.is_sound() {
                true => {
                    put.execute(params![
                        row.table,
                        row.key,
                        row.revision,
                        row.text,
                        row.sum,
                        now_s
                    ])?;
                    saved.n_rows += 1;
                }
                false => {
                    saved.n_gaps += 1;
                    meter.quarantined();
                }
            }
        }
    }
    transaction.commit()
}

struct Found {
    table: String,
    key: String,
    revision: i64,
    text: Option<String>,
    sum: Vec<u8>,
}

// === impl Found ===

impl Found {
    fn is_sound(&self) -> bool {
        let text = self.text.as_deref();
        Table::named(&self.table).is_some()
            && *self.sum == checksum(&self.table, &self.key, self.revision, text.map(str::as_bytes))
            && text.is_none_or(|text| serde_json::from_str::<serde_json::Value>(text).is_ok())
    }
}

/// The next row that can be read after the one numbered `at`, over holes if need be.
fn next(from: &Connection, at: &mut i64, saved: &mut Saved) -> Option<Found> {
    let sql =
        "SELECT id, tab, key, revision, value, sum FROM records WHERE id > ?1 ORDER BY id LIMIT 1";
    let mut leap = 0;
    loop {
        let start = *at + if leap == 0 { 0 } else { 1_i64 << (leap - 1) };
        let row = from.query_row(sql, [start], |row| {
            // the number first: when the rest cannot be read, this row is left out and not the ones behind it
            *at = row.get(0)?;
            Ok(Found {
                table: row.get(1)?,
                key: row.get(2)?,
                revision: row.get(3)?,
                text: row.get(4)?,
                sum: row.get(5)?,
            })
        });
        match row {
            Ok(found) => return Some(found),
            Err(rusqlite::Error::QueryReturnedNoRows) => return None,
            Err(_) if leap < LEAP_MAX => {
                if leap == 0 {
                    saved.n_gaps += 1;
                }
                leap += 1;
            }
            Err(_) => return None,
        }
    }
}

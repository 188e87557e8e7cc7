//! Everything that is kept, as lines of JSON: for backups, and to move from one engine to another.
//!
//! The first line says what it is and how much of it there is, the last one holds a hash of everything before. Nothing
//! is written before the whole archive was read and found good, and importing twice is the same as once.

mod python;

use std::collections::BTreeMap;
use std::io::{self, BufRead};
use std::time::{SystemTime, UNIX_EPOCH};

use domain::Fault;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

pub use python::{COLLECTIONS, Converted, Python};

use crate::fault;
use crate::record::{Row, VALUE_MAX_BYTES, Write};
use crate::store::Store;
use crate::table::Table;

/// What the first line calls it, and the version of the lines that this build writes.
const FORMAT: &str = "armedmusic";
const VERSION: u64 = 1;

/// What goes into one commit.
const BATCH_WRITES: usize = 500;

/// A line holds one value and little else.
const LINE_MAX_BYTES: u64 = 2 * VALUE_MAX_BYTES as u64;

/// How many records of each table.
pub type Counts = BTreeMap<&'static str, u64>;

#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    version: u64,
    created_by: String,
    /// Unix seconds.
    created_at: u64,
    counts: BTreeMap<String, u64>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    table: Table,
    key: String,
    revision: u64,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    value: Option<Value>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    removed: bool,
}

#[derive(Serialize, Deserialize)]
struct Footer {
    sha256: String,
}

/// A whole and good archive.
#[derive(Debug)]
pub struct Archive {
    rows: Vec<Row>,
    /// Who made it.
    pub created_by: String,
}

/// `null` is a value, and not none at all.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

/// Writes everything that `store` holds to `out`. Whoever commits meanwhile may be in it or not.
pub async fn export(
    store: &Store,
    created_by: &str,
    out: &mut impl io::Write,
) -> Result<Counts, Fault> {
    let mut rows = Vec::new();
    let mut counts = Counts::new();
    for table in Table::ALL {
        let of_table = store.rows(table).await?;
        counts.insert(table.name(), of_table.len() as u64);
        rows.extend(of_table);
    }
    write(rows, &counts, created_by, out).map_err(|error| {
        fault::transient(format!("the archive cannot be written ({error}): is the disk full?"))
    })?;
    Ok(counts)
}

fn write(
    rows: Vec<Row>,
    counts: &Counts,
    created_by: &str,
    out: &mut impl io::Write,
) -> io::Result<()> {
    let created_at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let header = Header {
        format: FORMAT.to_owned(),
        version: VERSION,
        created_by: created_by.to_owned(),
        created_at,
        counts: counts.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect(),
    };
    let mut out = Hashing { out, hash: Sha256::new() };
    line(&mut out, &header)?;
    for Row { table, key, revision, value } in rows {
        let removed = value.is_none();
        line(&mut out, &Line { table, key, revision, value, removed })?;
    }
    let Hashing { mut out, hash } = out;
    line(&mut out, &Footer { sha256: hex(hash) })?;
    out.flush()
}

fn line(out: &mut impl io::Write, what: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_vec(what)?;
    text.push(b'\n');
    out.write_all(&text)
}

/// Reads a whole archive and sees that nothing of it is missing, changed or newer than this build.
pub fn read(input: &mut impl BufRead) -> Result<Archive, Fault> {
    let mut hash = Sha256::new();
    let mut lines = Lines { input, number: 0 };
    let first = lines.next()?.ok_or_else(|| fault::refused("the archive is empty"))?;
    let header: Header = serde_json::from_slice(&first)
        .ok()
        .filter(|header: &Header| header.format == FORMAT)
        .ok_or_else(|| fault::refused("this is not an archive of armedmusic export"))?;
    if header.version > VERSION {
        return Err(fault::refused(format!(
            "the archive has the newer format {}, this version reads {VERSION}: import it with the version that made it, \
             {}",
            header.version, header.created_by
        )));
    }
    hash.update(&first);
    let mut rows = Vec::new();
    let mut pending = lines.next()?;
    let footer = loop {
        let Some(text) = pending else {
            return Err(fault::refused("the archive ends too early: it was cut off"));
        };
        pending = lines.next()?;
        if pending.is_none() {
            break text;
        }
        hash.update(&text);
        rows.push(row(&text).map_err(|why| {
            fault::refused(format!("line {} of the archive: {why}", rows.len() + 2))
        })?);
    };
    let expected = hex(hash);
    match serde_json::from_slice::<Footer>(&footer) {
        Ok(footer) if footer.sha256 == expected => {}
        Ok(_) => {
            return Err(fault::refused("the archive was changed: its checksum does not agree"));
        }
        Err(_) => return Err(fault::refused("the archive ends too early: it was cut off")),
    }
    if header.counts.values().sum::<u64>() != rows.len() as u64 {
        return Err(fault::refused("the archive does not hold as many records as it says"));
    }
    Ok(Archive { rows, created_by: header.created_by })
}

fn row(text: &[u8]) -> Result<Row, String> {
    let line: Line = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let Line { table, key, revision, value, removed } = line;
    if removed == value.is_some() {
        return Err("a record has a value, or was removed".to_owned());
    }
    Ok(Row { table, key, revision, value })
}

// === impl Archive ===

impl Archive {
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::new();
        for row in &self.rows {
            *counts.entry(row.table.name()).or_default() += 1;
        }
        counts
    }

    /// Writes it all; what `store` knows better stays as it is.
    pub async fn import(self, store: &Store) -> Result<(), Fault> {
        keep(store, self.rows.into_iter().map(Row::into_write).collect()).await
    }
}

/// Commits many writes, a bounded batch at a time.
pub(crate) async fn keep(store: &Store, writes: Vec<Write>) -> Result<(), Fault> {
    let mut batch = Vec::new();
    let mut n_bytes = 0;
    for write in writes {
        if let Write::Put { value, .. } = &write {
            n_bytes += value.to_string().len();
        }
        batch.push(write);
        if batch.len() >= BATCH_WRITES || n_bytes >= VALUE_MAX_BYTES {
            store.commit(std::mem::take(&mut batch)).await?;
            n_bytes = 0;
        }
    }
    store.commit(batch).await
}

/// Lines of a bounded length, each with its end.
struct Lines<'a, R> {
    input: &'a mut R,
    number: usize,
}

impl<R: BufRead> Lines<'_, R> {
    fn next(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        self.number += 1;
        let mut text = Vec::new();
        let mut bounded = io::Read::take(&mut *self.input, LINE_MAX_BYTES);
        bounded.read_until(b'\n', &mut text).map_err(|error| {
            fault::transient(format!("line {} cannot be read: {error}", self.number))
        })?;
        if text.len() as u64 == LINE_MAX_BYTES {
            return Err(fault::refused(format!("line {} is too long for a record", self.number)));
        }
        Ok(Some(text).filter(|text| !text.is_empty()))
    }
}

struct Hashing<W> {
    out: W,
    hash: Sha256,
}

impl<W: io::Write> io::Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n_written = self.out.write(bytes)?;
        self.hash.update(&bytes[..n_written]);
        Ok(n_written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;

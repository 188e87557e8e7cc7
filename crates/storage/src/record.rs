//! What is written and what is read.

use std::time::Duration;

use domain::Fault;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::fault;
use crate::table::Table;

/// Largest value, as JSON. MongoDB takes documents of 16 MiB, and its form of a list is larger than JSON's.
pub const VALUE_MAX_BYTES: usize = 6 << 20;

/// Longest key; MongoDB's indexes take little more.
const KEY_MAX_BYTES: usize = 900;

/// How long it is remembered that a record was removed, so that an older write does not bring it back.
pub(crate) const TOMBSTONE_KEPT: Duration = Duration::from_secs(30 * 86_400);

/// One change. It applies when `revision` is greater than that of the record (or of its removal), and is ignored
/// otherwise.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    Put { table: Table, key: String, revision: u64, value: Value },
    Remove { table: Table, key: String, revision: u64 },
}

#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub table: Table,
    pub key: String,
    pub revision: u64,
    pub value: Value,
}

/// What lies in an engine: a record, or what is left of a removed one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) table: Table,
    pub(crate) key: String,
    pub(crate) revision: u64,
    /// `None` when it was removed.
    pub(crate) value: Option<Value>,
}

/// A write whose value is text, checked for size.
pub(crate) struct Prepared {
    pub(crate) table: Table,
    pub(crate) key: String,
    pub(crate) revision: i64,
    pub(crate) text: Option<String>,
}

// === impl Write ===

impl Write {
    pub fn put(table: Table, key: impl Into<String>, revision: u64, value: Value) -> Write {
        Write::Put { table, key: key.into(), revision, value }
    }

    pub fn remove(table: Table, key: impl Into<String>, revision: u64) -> Write {
        Write::Remove { table, key: key.into(), revision }
    }

    pub fn table(&self) -> Table {
        match self {
            Write::Put { table, .. } | Write::Remove { table, .. } => *table,
        }
    }

    pub fn key(&self) -> &str {
        match self {
            Write::Put { key, .. } | Write::Remove { key, .. } => key,
        }
    }

    pub fn revision(&self) -> u64 {
        match self {
            Write::Put { revision, .. } | Write::Remove { revision, .. } => *revision,
        }
    }

    pub(crate) fn into_row(self) -> Row {
        match self {
            Write::Put { table, key, revision, value } => {
                Row { table, key, revision, value: Some(value) }
            }
            Write::Remove { table, key, revision } => Row { table, key, revision, value: None },
        }
    }
}

// === impl Row ===

impl Row {
    pub(crate) fn into_record(self) -> Option<Record> {
        let Row { table, key, revision, value } = self;
        value.map(|value| Record { table, key, revision, value })
    }

    /// Refuses what no engine could keep.
    pub(crate) fn prepare(self) -> Result<Prepared, Fault> {
        let Row { table, key, revision, value } = self;
        if key.is_empty() || key.len() > KEY_MAX_BYTES {
            let detail = format!("a key of {} bytes in {table}", key.len());
            return Err(fault::refused(detail));
        }
        let Ok(revision) = i64::try_from(revision) else {
            return Err(fault::refused(format!("revision {revision} in {table} is too great")));
        };
        let text = value.map(|value| value.to_string());
        match &text {
            Some(text) if text.len() > VALUE_MAX_BYTES => Err(fault::refused(format!(
                "a value of {} bytes in {table} is larger than {VALUE_MAX_BYTES}",
                text.len()
            ))),
            _ => Ok(Prepared { table, key, revision, text }),
        }
    }
}

/// Tells a row that is as it was written from one that is not: the first bytes of a hash over all of it.
pub(crate) fn checksum(table: &str, key: &str, revision: i64, text: Option<&[u8]>) -> [u8; 8] {
    let mut hash = Sha256::new();
    for part in [table.as_bytes(), key.as_bytes()] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.update(revision.to_le_bytes());
    hash.update([u8::from(text.is_some())]);
    hash.update(text.unwrap_or_default());
    let whole = hash.finalize();
    let mut sum = [0; 8];
    sum.copy_from_slice(&whole[..8]);
    sum
}

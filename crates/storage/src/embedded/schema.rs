//! The file's own layout, version by version.

use rusqlite::{Connection, TransactionBehavior};

/// "armd": tells our file from any other of SQLite's.
pub(super) const APPLICATION_ID: i64 = 0x6172_6d64;

/// Each step leads from the version before it (its index) to the next. A released step is never changed: fixtures in
/// the tests hold each against what it has to read.
const STEPS: &[&str] = &[
    // 1
    "CREATE TABLE records (
        id INTEGER PRIMARY KEY,
        tab TEXT NOT NULL,
        key TEXT NOT NULL,
        revision INTEGER NOT NULL,
        value TEXT,
        sum BLOB NOT NULL,
        written_at INTEGER NOT NULL,
        UNIQUE (tab, key)
    );
    CREATE INDEX records_by_age ON records (tab, written_at);
    CREATE TABLE quarantine (
        id INTEGER PRIMARY KEY,
        tab,
        key,
        revision,
        value,
        why TEXT NOT NULL,
        found_at INTEGER NOT NULL
    );
    CREATE TABLE outbox (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        tab TEXT NOT NULL,
        key TEXT NOT NULL,
        UNIQUE (tab, key)
    );
    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);",
];

/// There from the first version on.
const TABLES: [&str; 4] = ["records", "quarantine", "outbox", "facts"];

/// The version that this build writes.
pub(super) const VERSION: i64 = STEPS.len() as i64;

pub(super) fn version(connection: &Connection) -> Result<i64, rusqlite::Error> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

pub(super) fn application_id(connection: &Connection) -> Result<i64, rusqlite::Error> {
    connection.query_row("PRAGMA application_id", [], |row| row.get(0))
}

pub(super) fn is_empty(connection: &Connection) -> Result<bool, rusqlite::Error> {
    connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))
}

/// What a file of ours always has, and this one has not: somebody changed it by hand.
pub(super) fn missing(connection: &Connection) -> Result<Option<String>, rusqlite::Error> {
    if version(connection)? < 1 {
        return Ok(Some("it has tables and no version".to_owned()));
    }
    for table in TABLES {
        let is_there: bool = connection.query_row(
            "SELECT count(*) > 0 FROM sqlite_schema WHERE type = 'table' AND name = ?1",
            [table],
            |row| row.get(0),
        )?;
        if !is_there {
            return Ok(Some(format!("its table {table} is missing")));
        }
    }
    Ok(None)
}

/// Brings the file to this build's version, each step by itself.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), rusqlite::Error> {
    let from = usize::try_from(version(connection)?).unwrap_or_default();
    for (index, step) in STEPS.iter().enumerate().skip(from) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", index as i64 + 1)?;
        transaction.commit()?;
        if from > 0 {
            tracing::info!(from = index, to = index + 1, "the state's file has a new layout");
        }
    }
    Ok(())
}

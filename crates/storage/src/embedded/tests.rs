//! Bad days of the file, each on a real one.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use domain::{Class, Fault};
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::file::NAME;
use super::schema;
use crate::{Settings, State, Store, Table, Write, open};

/// The layout of version 1 as it was released, with two records, a tombstone and an entry in the outbox.
const VERSION_1: &str = include_str!("../../tests-data/version-1.sql");

struct Life {
    store: Store,
    driver: JoinSet<Result<(), Fault>>,
}

// === impl Life ===

impl Life {
    async fn begin(settings: Settings) -> Result<Life, Fault> {
        let (store, running) = open(settings.patient()).await?;
        let mut driver = JoinSet::new();
        driver.spawn(running.run());
        Ok(Life { store, driver })
    }

    async fn at(directory: &Path) -> Life {
        Life::begin(Settings::embedded(directory)).await.expect("the store opens")
    }

    async fn end(mut self) {
        self.store.close().await;
        self.driver.join_next().await.expect("it ran").expect("no panic").expect("a clean end");
    }

    async fn put(&self, key: &str, revision: u64) -> Result<(), Fault> {
        let value = json!({"revision": revision, "text": "x".repeat(200)});
        self.store.commit(vec![Write::put(Table::Playback, key, revision, value)]).await
    }

    async fn keys(&self) -> Vec<String> {
        let records = self.store.scan(Table::Playback).await.expect("a scan succeeds");
        records.into_iter().map(|record| record.key).collect()
    }
}

fn directory() -> TempDir {
    TempDir::new().expect("there is room for a directory")
}

/// The file of a closed store with `n` records.
async fn filled(n: usize) -> TempDir {
    let directory = directory();
    let life = Life::at(directory.path()).await;
    let batch = (0..n)
        .map(|n| {
            Write::put(
                Table::Playback,
                format!("{n:04}"),
                1,
                json!({"text": "x".repeat(500), "n": n}),
            )
        })
        .collect();
    life.store.commit(batch).await.unwrap();
    life.end().await;
    directory
}

fn aside(directory: &Path) -> Vec<String> {
    let names = std::fs::read_dir(directory).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .filter(|name| {
            name.contains(".broken-") && !name.ends_with("-wal") && !name.ends_with("-shm")
        })
        .collect()
}

#[tokio::test]
async fn what_was_committed_is_there_in_the_next_life() {
    let directory = directory();
    let life = Life::at(directory.path()).await;
    life.put("a", 1).await.unwrap();
    life.end().await;
    let life = Life::at(directory.path()).await;
    assert_eq!(life.keys().await, ["a"]);
    life.end().await;
}

#[tokio::test]
async fn what_waits_when_the_store_is_closed_is_still_kept() {
    let directory = directory();
    let life = Life::at(directory.path()).await;
    let store = life.store.clone();
    let puts = (0..50).map(|n| life.put(Box::leak(format!("{n:02}").into_boxed_str()), 1));
    let all = futures_util::future::join_all(puts);
    let (kept, ()) = tokio::join!(all, store.close());
    assert!(kept.iter().all(Result::is_ok), "{kept:?}");
    drop(life);
    assert_eq!(Life::at(directory.path()).await.keys().await.len(), 50);
}

#[tokio::test]
async fn a_dropped_driver_ends_the_engine_and_frees_the_directory() {
    let directory = directory();
    let (store, driver) = open(Settings::embedded(directory.path())).await.unwrap();
    drop(driver);
    let life = Life::at(directory.path()).await;
    life.put("a", 1).await.unwrap();
    assert!(store.commit(Vec::new()).await.is_err(), "the former store has ended");
    life.end().await;
}

#[tokio::test]
async fn nobody_else_may_read_the_file() {
    let directory = filled(3).await;
    let life = Life::at(directory.path()).await;
    life.put("a", 1).await.unwrap();
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
    }
    life.end().await;
}

#[tokio::test]
async fn two_stores_do_not_share_a_directory() {
    let directory = directory();
    let life = Life::at(directory.path()).await;
    let fault = Life::begin(Settings::embedded(directory.path())).await.err().expect("refused");
    assert_eq!(fault.class, Class::Fatal);
    assert!(fault.detail.contains("another process uses"), "{fault}");
    life.put("a", 1).await.expect("the first goes on");
    life.end().await;
}

#[tokio::test]
async fn a_newer_layout_is_refused_in_words_and_left_alone() {
    let directory = filled(1).await;
    let path = directory.path().join(NAME);
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", schema::VERSION + 1).unwrap();
    drop(connection);
    let before = std::fs::read(&path).unwrap();
    let fault = Life::begin(Settings::embedded(directory.path())).await.err().expect("refused");
    assert_eq!(fault.class, Class::Fatal);
    assert!(fault.detail.contains("newer version") && fault.detail.contains("install"), "{fault}");
    assert_eq!(crate::look(&Settings::embedded(directory.path())), Err(fault), "at a look too");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_look_takes_nothing_and_leaves_what_is_broken_to_whoever_opens_it() {
    let directory = directory();
    let settings = Settings::embedded(directory.path());
    assert_eq!(crate::look(&settings), Ok(()), "nothing is there");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    let life = Life::at(directory.path()).await;
    life.put("a", 1).await.expect("it is kept");
    assert_eq!(crate::look(&settings), Ok(()), "somebody else has it open");
    life.put("b", 1).await.expect("the first goes on");
    life.end().await;
    std::fs::write(directory.path().join(NAME), "no database at all").unwrap();
    assert_eq!(crate::look(&settings), Ok(()), "it is put aside when it is opened");
}

#[tokio::test]
async fn a_file_of_another_program_is_refused_and_left_alone() {
    let directory = directory();
    let path = directory.path().join(NAME);
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    let before = std::fs::read(&path).unwrap();
    let fault = Life::begin(Settings::embedded(directory.path())).await.err().expect("refused");
    assert_eq!(fault.class, Class::Fatal);
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn the_file_of_the_first_release_is_read() {
    let directory = directory();
    let connection = Connection::open(directory.path().join(NAME)).unwrap();
    connection.execute_batch(VERSION_1).unwrap();
    drop(connection);
    let life = Life::at(directory.path()).await;
    let record = life.store.read(Table::Settings, "-1001").await.unwrap().expect("it is there");
    assert_eq!((record.revision, record.value), (3, json!({"language": "ru", "volume": 80})));
    assert!(life.store.read(Table::Playback, "чат").await.unwrap().is_some());
    assert_eq!(life.store.revision(Table::Blocks, "7").await, Ok(Some(2)));
    assert_eq!(life.store.stats().quarantined, 0);
    life.put("a", 1).await.unwrap();
    life.end().await;
}

#[tokio::test]
async fn a_flipped_bit_in_a_record_costs_that_record_alone() {
    let directory = filled(20).await;
    let path = directory.path().join(NAME);
    let mut bytes = std::fs::read(&path).unwrap();
    let at = find(&bytes, br#"{"n":7,"#) + 30;
    bytes[at] ^= 0x04;
    std::fs::write(&path, bytes).unwrap();

    let life = Life::at(directory.path()).await;
    let keys = life.keys().await;
    assert_eq!(keys.len(), 19);
    assert!(!keys.contains(&"0007".to_owned()));
    assert_eq!(life.store.stats().quarantined, 1);
    assert!(aside(directory.path()).is_empty(), "the file itself is good");
    life.put("0007", 1).await.expect("its place is free");
    assert_eq!(life.keys().await.len(), 20);
    life.end().await;
    let connection = Connection::open(&path).unwrap();
    let kept: (String, String) = connection
        .query_row("SELECT key, why FROM quarantine", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    assert_eq!(kept, ("0007".to_owned(), "its checksum does not agree".to_owned()));
}

#[tokio::test]
async fn what_is_not_json_is_put_aside() {
    let directory = filled(3).await;
    let connection = Connection::open(directory.path().join(NAME)).unwrap();
    let text = "{half";
    let sum = crate::record::checksum("playback", "0001", 1, Some(text.as_bytes()));
    connection
        .execute("UPDATE records SET value = ?1, sum = ?2 WHERE key = '0001'", (text, sum))
        .unwrap();
    drop(connection);
    let life = Life::at(directory.path()).await;
    assert_eq!(life.store.read(Table::Playback, "0001").await, Ok(None));
    assert_eq!(life.keys().await, ["0000", "0002"]);
    assert_eq!(life.store.stats().quarantined, 1);
    life.end().await;
}

#[tokio::test]
async fn a_truncated_file_is_put_aside_and_what_can_be_read_of_it_is_kept() {
    let directory = filled(400).await;
    let path = directory.path().join(NAME);
    let n_bytes = std::fs::metadata(&path).unwrap().len();
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(n_bytes / 2).unwrap();
    drop(file);

    let life = Life::at(directory.path()).await;
    assert_eq!(aside(directory.path()).len(), 1);
    let saved = life.keys().await.len();
    assert!(
        saved > 100,
        "half of the file holds nearly half of 400 records, but {saved} came back"
    );
    life.put("new", 1).await.unwrap();
    life.end().await;
    let life = Life::at(directory.path()).await;
    assert_eq!(life.keys().await.len(), saved + 1);
    assert_eq!(aside(directory.path()).len(), 1, "the new file is good");
    life.end().await;
}

#[tokio::test]
async fn a_file_that_is_no_database_is_put_aside_and_the_store_begins_anew() {
    let directory = directory();
    std::fs::write(
        directory.path().join(NAME),
        "not a database, although long enough for a header".repeat(99),
    )
    .unwrap();
    let life = Life::at(directory.path()).await;
    assert_eq!(life.keys().await.len(), 0);
    life.put("a", 1).await.unwrap();
    assert_eq!(aside(directory.path()).len(), 1);
    life.end().await;
}

#[tokio::test]
async fn a_full_disk_is_told_and_forgotten_when_there_is_room() {
    let directory = directory();
    let settings =
        Settings { size_max_bytes: Some(256 << 10), ..Settings::embedded(directory.path()) };
    let life = Life::begin(settings).await.unwrap();
    let large = |key: &str, revision| {
        let value = json!("x".repeat(20_000));
        vec![Write::put(Table::Playback, key, revision, value)]
    };
    let mut kept = Vec::new();
    let fault = loop {
        let key = format!("{:03}", kept.len());
        match life.store.commit(large(&key, 1)).await {
            Ok(()) => kept.push(key),
            Err(fault) => break fault,
        }
        assert!(kept.len() < 100, "256 KiB hold no 2 MB");
    };
    assert_eq!(fault.class, Class::Transient);
    assert!(fault.detail.contains("no room"), "{fault}");
    assert!(matches!(life.store.stats().state, State::Degraded(_)));
    assert_eq!(life.keys().await, kept, "what was acknowledged is there, what was not is not");

    for key in &kept[..4] {
        life.store.commit(vec![Write::remove(Table::Playback, key, 2)]).await.unwrap();
    }
    life.store.commit(large("later", 1)).await.expect("there is room again");
    assert_eq!(life.store.stats().state, State::Ready);
    life.end().await;
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_told_with_its_fix() {
    let directory = directory();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let fault = Life::begin(Settings::embedded(file.join("state"))).await.err().expect("refused");
    assert_eq!(fault.class, Class::Transient);
    assert!(
        fault.detail.contains("cannot be written") && fault.detail.contains("right"),
        "{fault}"
    );
}

#[tokio::test]
async fn a_file_that_another_program_writes_is_told_and_the_next_commit_works() {
    let directory = directory();
    let life = Life::at(directory.path()).await;
    life.put("a", 1).await.unwrap();
    let other = Connection::open(directory.path().join(NAME)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let fault = life.put("b", 1).await.expect_err("the file is held");
    assert_eq!(fault.class, Class::Transient);
    other.execute_batch("ROLLBACK").unwrap();
    life.put("b", 1).await.unwrap();
    assert_eq!(life.keys().await, ["a", "b"]);
    life.end().await;
}

#[tokio::test]
async fn a_full_queue_is_told_at_once() {
    let directory = directory();
    let settings = Settings { queue: 2, ..Settings::embedded(directory.path()) };
    let life = Life::begin(settings).await.unwrap();
    let other = Connection::open(directory.path().join(NAME)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let puts = (0..10).map(|n| life.put(Box::leak(format!("{n}").into_boxed_str()), 1));
    let outcomes = futures_util::future::join_all(puts);
    let release = async {
        tokio::task::yield_now().await;
        other.execute_batch("ROLLBACK").unwrap();
    };
    let (outcomes, ()) = tokio::join!(outcomes, release);
    let refused = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    let refused: Vec<&Fault> = refused.collect();
    assert!(!refused.is_empty());
    assert!(refused.iter().all(|fault| fault.is_retryable()), "{refused:?}");
    let kept = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(life.keys().await.len(), kept, "neither more nor fewer than were acknowledged");
    life.end().await;
}

#[tokio::test]
async fn what_is_out_of_date_is_removed_and_the_rest_stays() {
    let directory = directory();
    let life = Life::at(directory.path()).await;
    let batch = vec![
        Write::put(Table::Commands, "old", 1, json!(1)),
        Write::put(Table::Commands, "new", 1, json!(1)),
        Write::put(Table::Settings, "old", 1, json!(1)),
        Write::remove(Table::Blocks, "old", 1),
    ];
    life.store.commit(batch).await.unwrap();
    life.end().await;
    let connection = Connection::open(directory.path().join(NAME)).unwrap();
    connection
        .execute("UPDATE records SET written_at = written_at - 86400 * 31 WHERE key = 'old'", [])
        .unwrap();
    drop(connection);
    let life = Life::at(directory.path()).await;
    let commands = life.store.scan(Table::Commands).await.unwrap();
    assert_eq!(commands.len(), 1);
    assert_eq!(life.store.scan(Table::Settings).await.unwrap().len(), 1);
    assert_eq!(life.store.revision(Table::Blocks, "old").await, Ok(None));
    life.end().await;
}

fn find(bytes: &[u8], what: &[u8]) -> usize {
    let mut windows = bytes.windows(what.len());
    windows.position(|window| window == what).expect("it is in the file")
}

#[tokio::test]
async fn what_is_acknowledged_after_the_directory_was_removed_is_there_after_a_restart() {
    let parent = directory();
    let directory = parent.path().join("state");
    let life = Life::at(&directory).await;
    life.put("before", 1).await.unwrap();
    std::fs::remove_dir_all(&directory).unwrap();
    life.put("after", 1).await.unwrap();
    life.put("later", 1).await.unwrap();
    let mode = directory.join(NAME).metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "nobody else may read it");
    let second = Life::begin(Settings::embedded(&directory)).await;
    assert!(second.is_err(), "the place is taken as before");
    // as after a kill: nothing is closed
    let copy = parent.path().join("copy");
    std::fs::create_dir(&copy).unwrap();
    for name in [NAME, "armedmusic.db-wal"] {
        std::fs::copy(directory.join(name), copy.join(name)).unwrap();
    }
    let again = Life::at(&copy).await;
    assert_eq!(again.keys().await, ["after", "before", "later"]);
    again.end().await;
    life.end().await;
}

#[tokio::test]
async fn a_file_that_was_put_in_the_place_of_ours_is_not_written_over() {
    let ours = filled(1).await;
    let life = Life::at(ours.path()).await;
    let other = filled(3).await;
    std::fs::rename(other.path().join(NAME), ours.path().join(NAME)).unwrap();
    assert!(life.put("late", 1).await.is_err(), "nobody will find it");
    drop(life);
    let mut keys = Vec::new();
    for _ in 0..200 {
        match Life::begin(Settings::embedded(ours.path())).await {
            Ok(again) => {
                keys = again.keys().await;
                again.end().await;
                break;
            }
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
    }
    assert_eq!(keys, ["0000", "0001", "0002"]);
}

#[tokio::test]
async fn a_file_whose_layout_was_changed_by_hand_is_put_aside_and_what_it_holds_is_saved() {
    for (damage, n_saved) in
        [("DROP TABLE outbox", 3), ("PRAGMA user_version = 0", 3), ("DROP TABLE records", 0)]
    {
        let directory = filled(3).await;
        let connection = Connection::open(directory.path().join(NAME)).unwrap();
        connection.execute_batch(damage).unwrap();
        drop(connection);
        let life = Life::at(directory.path()).await;
        assert_eq!(life.keys().await.len(), n_saved, "{damage}");
        life.put("new", 1).await.expect(damage);
        life.end().await;
        assert!(!aside(directory.path()).is_empty(), "{damage}");
    }
}

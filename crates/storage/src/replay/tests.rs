//! Bad days of MongoDB, with the file as journal and outbox.

use std::path::Path;
use std::time::Duration;

use domain::Fault;
use mongodb::bson::{Bson, Document, doc};
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::request::Request;
use crate::secantus::Secantus;
use crate::{Address, Settings, State, Store, Table, Write, open};

/// A loaded machine is slow; that is not what is looked for.
const PATIENCE: Duration = Duration::from_secs(300);
const TEST_COMMANDS: &[&str] = &["--enable-test-commands"];

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

    async fn both(directory: &TempDir, address: Address) -> Life {
        let directory = Some(directory.path().to_owned());
        Life::begin(Settings::mongo(address, directory)).await.expect("the store opens")
    }

    /// What MongoDB holds, read without the file.
    async fn there(server: &Secantus) -> Life {
        let settings = Settings::mongo(server.address("music"), None);
        Life::begin(settings).await.expect("MongoDB is there")
    }

    async fn put(&self, key: &str, revision: u64) {
        let write = Write::put(Table::Playback, key, revision, json!({"revision": revision}));
        self.store.commit(vec![write]).await.expect("a commit succeeds whatever MongoDB does");
    }

    /// Until MongoDB has everything.
    async fn sent(&self) {
        let sent = async {
            while self.store.stats().outbox > 0 || self.store.stats().state != State::Ready {
                sleep(Duration::from_millis(20)).await;
            }
        };
        if timeout(PATIENCE, sent).await.is_err() {
            panic!("the outbox does not empty: {:?}", self.store.stats());
        }
    }

    /// Until something is known to be wrong.
    async fn degraded(&self) {
        let degraded = async {
            while self.store.stats().state == State::Ready {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, degraded).await.expect("nobody noticed");
    }

    async fn end(mut self) {
        self.store.close().await;
        self.driver.join_next().await.expect("it ran").expect("no panic").expect("a clean end");
    }
}

async fn are_equal(here: &Life, server: &Secantus) {
    let there = Life::there(server).await;
    for table in Table::ALL {
        let rows = here.store.rows(table).await.unwrap();
        assert_eq!(there.store.rows(table).await.unwrap(), rows, "{table}");
    }
    there.end().await;
}

fn directory() -> TempDir {
    TempDir::new().expect("there is room for a directory")
}

fn hasty(server: &Secantus) -> Address {
    server.hasty("music", Duration::from_secs(3))
}

#[tokio::test]
async fn a_mongodb_that_is_away_at_start_delays_nothing_and_gets_everything_later() {
    let Some(mut server) = Secantus::start(&[]).await else { return };
    server.kill();
    let directory = directory();
    let life = Life::both(&directory, server.hasty("music", Duration::from_secs(1))).await;
    assert!(matches!(life.store.stats().state, State::Degraded(_)));
    for n in 0..20 {
        life.put(&format!("{n}"), 1).await;
    }
    assert_eq!(life.store.stats().outbox, 20);
    server.begin().await;
    life.sent().await;
    are_equal(&life, &server).await;
    life.end().await;
}

#[tokio::test]
async fn a_mongodb_that_goes_away_in_the_middle_misses_nothing() {
    let Some(mut server) = Secantus::start(&["--sync-on-commit"]).await else { return };
    let directory = directory();
    let life = Life::both(&directory, hasty(&server)).await;
    life.put("before", 1).await;
    life.sent().await;
    server.kill();
    for n in 0..20 {
        life.put(&format!("{n}"), 1).await;
    }
    life.degraded().await;
    life.store.commit(vec![Write::remove(Table::Playback, "before", 2)]).await.unwrap();
    server.begin().await;
    life.sent().await;
    are_equal(&life, &server).await;
    life.end().await;
}

#[tokio::test]
async fn what_was_not_sent_before_a_stop_is_sent_in_the_next_life() {
    let Some(mut server) = Secantus::start(&["--sync-on-commit"]).await else { return };
    let directory = directory();
    let life = Life::both(&directory, hasty(&server)).await;
    server.kill();
    life.put("a", 1).await;
    life.end().await;
    server.begin().await;
    let life = Life::both(&directory, hasty(&server)).await;
    life.sent().await;
    are_equal(&life, &server).await;
    assert_eq!(life.store.stats().replayed, 1);
    life.end().await;
}

#[tokio::test]
async fn a_slow_mongodb_delays_no_commit() {
    let Some(server) = Secantus::start(TEST_COMMANDS).await else { return };
    let directory = directory();
    let life = Life::both(&directory, server.address("music")).await;
    let slow = doc! { "blockConnection": true, "blockTimeMS": 20_000 };
    server.fail(Bson::from("alwaysOn"), &["update"], slow).await;
    for n in 0..10 {
        life.put(&format!("{n}"), 1).await;
        assert_eq!(life.store.stats().replayed, 0, "a commit waited for MongoDB");
    }
    server.mend().await;
    life.sent().await;
    are_equal(&life, &server).await;
    life.end().await;
}

async fn goes_wrong_a_few_times(data: Document) {
    let Some(server) = Secantus::start(TEST_COMMANDS).await else { return };
    let directory = directory();
    let life = Life::both(&directory, server.address("music")).await;
    server.fail(doc! { "times": 4 }.into(), &["update", "createIndexes"], data).await;
    for n in 0..5 {
        life.put("a", n + 1).await;
        life.put(&format!("{n}"), 1).await;
    }
    life.sent().await;
    server.mend().await;
    are_equal(&life, &server).await;
    assert_eq!(life.store.stats().rejected, 0);
    life.end().await;
}

#[tokio::test]
async fn a_mongodb_that_is_not_primary_gets_everything_when_it_is() {
    goes_wrong_a_few_times(doc! { "errorCode": 10_107 }).await;
}

#[tokio::test]
async fn a_mongodb_that_closes_connections_gets_everything() {
    goes_wrong_a_few_times(doc! { "closeConnection": true }).await;
}

#[tokio::test]
async fn of_many_changes_of_one_record_only_the_last_waits() {
    let Some(mut server) = Secantus::start(&[]).await else { return };
    let directory = directory();
    let life = Life::both(&directory, hasty(&server)).await;
    server.kill();
    for revision in 1..=50 {
        life.put("a", revision).await;
    }
    assert_eq!(life.store.stats().outbox, 1);
    server.begin().await;
    life.sent().await;
    assert!(life.store.stats().replayed < 50, "only the last was sent");
    are_equal(&life, &server).await;
    life.end().await;
}

#[tokio::test]
async fn what_is_sent_twice_changes_nothing() {
    let Some(server) = Secantus::start(&[]).await else { return };
    let directory = directory();
    let life = Life::both(&directory, server.address("music")).await;
    for n in 0..5 {
        life.put(&format!("{n}"), 7).await;
    }
    life.sent().await;
    let playback = server.client().await.database("music").collection::<Document>("playback");
    playback
        .update_one(doc! { "_id": "3" }, doc! { "$set": { "revision": 9_i64, "value": "newer" } })
        .await
        .unwrap();
    life.store.ask(|answer| Request::Enqueue { answer }).await.unwrap();
    life.sent().await;
    let there = Life::there(&server).await;
    let records = there.store.scan(Table::Playback).await.unwrap();
    assert_eq!(records.len(), 5);
    assert_eq!((records[3].revision, &records[3].value), (9, &json!("newer")));
    assert_eq!((records[4].revision, &records[4].value), (7, &json!({"revision": 7})));
    there.end().await;
    life.end().await;
}

#[tokio::test]
async fn an_empty_file_is_filled_from_mongodb() {
    let Some(server) = Secantus::start(&[]).await else { return };
    let there = Life::there(&server).await;
    let batch = (0..1_200)
        .map(|n| Write::put(Table::Settings, format!("{n:04}"), 3, json!({"n": n})))
        .chain([Write::remove(Table::Blocks, "1", 8)])
        .collect();
    there.store.commit(batch).await.unwrap();
    there.end().await;
    let directory = directory();
    let life = Life::both(&directory, server.address("music")).await;
    assert_eq!(life.store.scan(Table::Settings).await.unwrap().len(), 1_200);
    assert_eq!(life.store.revision(Table::Blocks, "1").await, Ok(Some(8)));
    assert_eq!(life.store.stats().outbox, 0, "nothing goes back to where it came from");
    life.end().await;
}

#[tokio::test]
async fn a_file_that_was_alone_is_sent_whole_to_a_new_mongodb() {
    let Some(server) = Secantus::start(&[]).await else { return };
    let directory = directory();
    let life = Life::begin(Settings::embedded(directory.path())).await.unwrap();
    for n in 0..30 {
        life.put(&format!("{n}"), 2).await;
    }
    life.end().await;
    let life = Life::both(&directory, server.address("music")).await;
    life.sent().await;
    assert_eq!(life.store.stats().replayed, 30);
    are_equal(&life, &server).await;
    life.end().await;
}

#[tokio::test]
async fn a_file_that_was_destroyed_comes_back_from_mongodb() {
    let Some(server) = Secantus::start(&[]).await else { return };
    let directory = directory();
    let life = Life::both(&directory, server.address("music")).await;
    for n in 0..30 {
        life.put(&format!("{n}"), 2).await;
    }
    life.sent().await;
    life.end().await;
    std::fs::write(directory.path().join("armedmusic.db"), "rubbish ".repeat(1_000)).unwrap();
    let life = Life::both(&directory, server.address("music")).await;
    assert_eq!(life.store.scan(Table::Playback).await.unwrap().len(), 30);
    life.end().await;
}

#[tokio::test]
async fn a_record_that_mongodb_never_takes_holds_up_nobody() {
    let Some(server) = Secantus::start(&[]).await else { return };
    let rule =
        doc! { "create": "blocks", "validator": { "$jsonSchema": { "required": ["never"] } } };
    server.client().await.database("music").run_command(rule).await.unwrap();
    let directory = directory();
    let life = Life::both(&directory, server.address("music")).await;
    life.store.commit(vec![Write::put(Table::Blocks, "1", 1, json!({}))]).await.unwrap();
    life.put("a", 1).await;
    life.sent().await;
    assert_eq!(life.store.stats().rejected, 1);
    let there = Life::there(&server).await;
    assert_eq!(there.store.scan(Table::Playback).await.unwrap().len(), 1);
    there.end().await;
    life.end().await;
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_leaves_the_state_to_mongodb() {
    let Some(server) = Secantus::start(&[]).await else { return };
    let directory = Path::new("/proc/armedmusic").to_owned();
    let settings = Settings::mongo(server.address("music"), Some(directory));
    let life = Life::begin(settings).await.expect("MongoDB is enough");
    assert_eq!(life.store.stats().engine, "mongodb");
    life.store.commit(vec![Write::put(Table::Settings, "1", 1, json!(1))]).await.unwrap();
    life.end().await;
}
